"""What every image and every caller does to the flow, stated in tables: how the run comes out, and what breaks beyond that.

"Beyond": the invariants that the same configuration does not break with the default image and the default caller. What an
attacker, or a user, sees of it stands in `initflow.situations`, which has the same situations.
"""

import dataclasses
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from fakekernel.machine import Machine
from fakekernel.profile import HostProfile
from initflow.callers import CALLERS, DEFAULT_CALLER, Caller
from initflow.configuration import Configuration, decode, encode, load
from initflow.flows import LIBCONTAINER
from initflow.images import IMAGES, Image
from initflow.invariants.judge import judge
from initflow.invariants.model import Verdict
from initflow.run import Outcome, Role, Run
from initflow.situations import SITUATIONS
from initflow.variants import VARIANTS, varied
from initflow.verification import HOST, Result, prepare, verify
from kernelapi.flags import Signal

MINIMAL = load(Path(__file__).parents[1] / "examples" / "minimal.json").configuration
ROOTFS = "/var/lib/initflow/rootfs"

EXECUTED, REFUSED, DIED, HUNG = Outcome


class Row(NamedTuple):
    """`message` is the whole of what the parent is told; with an asterisk at its end, how that begins."""

    name: str
    variants: str
    outcome: Outcome
    message: str | None = None
    breaks: str = ""
    other: str = "default"
    """The caller, in the table of images, and the image in that of callers."""
    lsm: str = ""
    """The security module of the host."""


IMAGE_ROWS = (
    Row("default", "", EXECUTED),
    #
    # -- /proc, /sys, /dev --
    Row("proc-to-fake", "", EXECUTED, breaks="FD-01 FD-11 FD-12 MNT-10 MNT-12 TTY-08"),
    Row("proc-to-fake", "no-tty", EXECUTED, breaks="FD-01 FD-11 FD-12 MNT-10 MNT-12"),
    Row("proc-to-fake", "apparmor-profile", REFUSED,
        "set apparmor profile docker-default: no such file or directory", "MNT-10", lsm="apparmor"),
    Row("proc-to-fake", "selinux-label", REFUSED,
        "set process label open /proc/self/task/1/attr/exec: no such file or directory", "MNT-10", lsm="selinux"),
    Row("proc-swallows", "apparmor-profile", EXECUTED,
        breaks="FD-01 FD-11 FD-12 LSM-01 LSM-02 MNT-10 MNT-12 TTY-08", lsm="apparmor"),
    Row("proc-swallows", "selinux-label", EXECUTED,
        breaks="FD-01 FD-11 FD-12 LSM-01 LSM-02 MNT-10 MNT-12 TTY-08", lsm="selinux"),
    Row("proc-within", "", EXECUTED, breaks="MNT-12"),
    Row("proc-climbs", "", REFUSED,
        "finalize namespace close open file descriptors open /proc/self/fd: no such file or directory", "MNT-10"),
    Row("proc-loops", "", REFUSED,
        f"setup mount namespace mount system mounting proc into {ROOTFS}/proc too many levels of symbolic links"),
    Row("proc-dangles", "", REFUSED,
        f"setup mount namespace mount system mounting proc into {ROOTFS}/proc no such file or directory"),
    Row("proc-missing", "", EXECUTED),
    Row("proc-file", "", REFUSED,
        f"setup mount namespace mount system mkdirall {ROOTFS}/proc mkdir {ROOTFS}/proc: not a directory"),
    Row("sys-absolute", "", EXECUTED, breaks="MNT-10 MNT-12"),
    Row("sys-to-dev", "", REFUSED, "setup mount namespace chmod /dev/pts/0: no such file or directory", "MNT-10"),
    Row("sys-to-dev", "no-tty", EXECUTED, breaks="MNT-10 MNT-12"),
    Row("dev-absolute", "", REFUSED, "setup mount namespace chmod /dev/pts/0: no such file or directory", "MNT-10"),
    Row("dev-absolute", "no-tty", REFUSED,
        "unable to bind-mount /dev/null over /proc/kcore: too many levels of symbolic links", "MNT-10"),
    Row("dev-within", "", EXECUTED),
    Row("dev-furnished", "", EXECUTED),
    #
    # -- a volume on /dev: nobody asked init to fill it, which is MNT-18 with any volume there --
    Row("volume-null-file", "volume-on-dev", EXECUTED, breaks="LSM-08 MASK-02 MNT-19"),
    Row("volume-null-file", "volume-on-dev no-tty", EXECUTED, breaks="LSM-08 MASK-02 MNT-19 MNT-22"),
    Row("volume-null-link", "volume-on-dev null-of-1000", EXECUTED, breaks="MASK-01 MASK-04 MNT-19"),
    Row("volume-null-link", "volume-on-dev no-tty", EXECUTED, breaks="MASK-01 MASK-04 MNT-19 MNT-22"),
    Row("volume-console-link", "volume-on-dev", EXECUTED, breaks="MNT-10 TTY-05"),
    Row("volume-streams", "volume-on-dev", EXECUTED, breaks="MNT-20"),
    Row("volume-proc", "volume-on-run", EXECUTED, breaks="FD-01 FD-11 FD-12 LSM-08 MNT-12 TTY-08"),
    Row("volume-swallows", "volume-on-proc apparmor-profile", EXECUTED,
        breaks="FD-01 FD-11 FD-12 LSM-01 LSM-02 LSM-08 MNT-12 TTY-08", lsm="apparmor"),
    Row("volume-swallows", "volume-on-proc selinux-label", EXECUTED,
        breaks="FD-01 FD-11 FD-12 LSM-01 LSM-02 LSM-08 MNT-12 TTY-08", lsm="selinux"),
    Row("volume-swallows", "volume-on-proc", EXECUTED, breaks="FD-01 FD-11 FD-12 LSM-08 MNT-12 TTY-08"),
    #
    # -- mount points and devices of the configuration --
    Row("run-absolute", "", REFUSED, "finalize namespace setup user get supplementary groups Unable to find user daemon"),
    Row("run-absolute", "user-1", EXECUTED),
    Row("run-climbs", "", REFUSED, "finalize namespace setup user get supplementary groups Unable to find user daemon"),
    Row("run-to-proc", "", REFUSED,
        "finalize namespace close open file descriptors open /proc/self/fd: no such file or directory"),
    Row("run-to-root", "", REFUSED,
        "setup mount namespace Failed to reopen /dev/null Failed to open /dev/null - "
        f"open {ROOTFS}/dev/null: permission denied"),
    Row("run-loops", "", REFUSED, f"setup mount namespace evalSymlinksInScope: too many links in {ROOTFS}/run"),
    Row("run-dangles", "", EXECUTED),
    Row("run-file", "", REFUSED, f"setup mount namespace not a directory mounting {ROOTFS}/run in tmpfs"),
    Row("tmp-absolute", "tmpfs-on-tmp", EXECUTED),
    Row("opt-to-host", "device-in-opt", EXECUTED, breaks="MNT-18 MNT-19"),
    Row("opt-to-host", "device-over-passwd", EXECUTED, breaks="MNT-18 MNT-19"),
    #
    # -- users --
    Row("passwd-numeric", "user-1000", EXECUTED, breaks="CAP-10 DUMP-03 ID-06 PD-01"),
    Row("passwd-garbage", "", EXECUTED, breaks="CAP-10 DUMP-03 PD-01"),
    Row("passwd-garbage", "host-mounts", EXECUTED, breaks="ID-01"),
    Row("passwd-huge-line", "", REFUSED,
        "finalize namespace setup user get supplementary groups Unable to find user daemon"),
    Row("passwd-homeless", "no-home", EXECUTED, breaks="ID-13"),
    Row("users-missing", "", REFUSED,
        "finalize namespace setup user get supplementary groups Unable to find user daemon"),
    Row("users-missing", "user-1", EXECUTED),
    Row("users-directories", "", REFUSED,
        "finalize namespace setup user get supplementary groups Unable to find user daemon", "ID-07"),
    Row("users-directories", "host-mounts user-default", EXECUTED, breaks="ID-02"),
    Row("users-directories", "user-1", EXECUTED, breaks="ID-07"),
    Row("passwd-fifo", "", HUNG, breaks="SYNC-03 SYNC-10"),
    Row("passwd-outside", "", REFUSED,
        "finalize namespace setup user get supplementary groups Unable to find user daemon"),
    Row("passwd-endless", "", REFUSED,
        "finalize namespace setup user get supplementary groups Unable to find user daemon", "ID-07"),
    Row("passwd-by-descriptor", "", REFUSED,
        "finalize namespace setup user get supplementary groups Unable to find user daemon"),
    Row("passwd-by-descriptor", "", EXECUTED, breaks="FD-02 ID-07", other="leaks-directory"),
    Row("group-huge", "", REFUSED, "finalize namespace setup user setgroups invalid argument"),
    Row("group-huge-line", "", EXECUTED),
    #
    # -- the payload --
    Row("bin-missing", "", REFUSED, 'exec: "/bin/true": stat /bin/true: no such file or directory'),
    Row("payload-setuid", "", EXECUTED, breaks="CAP-07 CAP-10 DUMP-03 PD-01"),
    Row("payload-setuid", "", EXECUTED, other="no-new-privs"),
    Row("payload-capabilities", "", EXECUTED, breaks="CAP-07 DUMP-03 PD-01"),
    Row("payload-capabilities", "", EXECUTED, breaks="CAP-07 PD-01", other="no-new-privs"),
    Row("payload-orphan", "", REFUSED, "no such file or directory"),
    Row("payload-runtime", "", EXECUTED, breaks="FD-14"),
    Row("payload-by-descriptor", "", REFUSED, 'exec: "/bin/true": stat /bin/true: no such file or directory'),
    Row("payload-by-descriptor", "", EXECUTED, breaks="FD-02 FD-14", other="leaks-directory"),
    Row("payload-text", "", REFUSED, "exec format error"),
    Row("payload-unexecutable", "", REFUSED, 'exec: "/bin/true": permission denied'),
    Row("payload-unreadable", "", EXECUTED),
    Row("payload-unreadable", "no-capabilities", EXECUTED, breaks="DUMP-03"),
    #
    # -- the whole tree --
    Row("readonly", "", REFUSED,
        f"setup mount namespace creating new tmpfs mount target mkdir {ROOTFS}/run: read-only file system"),
    Row("readonly", "no-mounts", REFUSED,
        f"setup mount namespace can't create pivot_root dir , error mkdir {ROOTFS}/.pivot_root*"),
    Row("readonly", "tmpfs-for-pivot", EXECUTED),
)  # fmt: skip

CALLER_ROWS = (
    Row("default", "", EXECUTED),
    #
    # -- descriptors --
    Row("leaks-directory", "", EXECUTED, breaks="FD-02"),
    Row("leaks-directory", "cwd-descriptor-9", EXECUTED, breaks="CWD-01 FD-02 FD-03"),
    Row("leaks-file", "", EXECUTED, breaks="FD-02"),
    Row("leaks-socket", "", EXECUTED),
    Row("input-directory", "", EXECUTED),
    Row("input-directory", "no-tty", EXECUTED, breaks="TTY-07"),
    Row("input-directory", "no-tty cwd-descriptor-0", EXECUTED, breaks="CWD-01 TTY-07"),
    Row("silent", "", EXECUTED),
    Row("silent", "no-tty", EXECUTED, breaks="MNT-22"),
    Row("closed-input", "", EXECUTED),
    Row("closed-input", "no-tty", EXECUTED, breaks="FD-11 TTY-07"),
    Row("closed-output", "no-tty", EXECUTED, breaks="FD-11 TTY-07"),
    Row("lacks-sys-admin", "", REFUSED, "fork/exec /usr/bin/nsinit: operation not permitted"),
    Row("lacks-sys-admin", "joins-mounts no-cgroups", DIED, None, "NS-03"),
    Row("lacks-setgid", "", REFUSED, "finalize namespace setup user setgroups operation not permitted", "ID-04"),
    Row("closed-error", "no-tty user-unknown", DIED, None, "SYNC-04"),
    Row("closed-error", "no-tty", EXECUTED, breaks="FD-11 TTY-07"),
    Row("closed-streams", "no-tty", EXECUTED, breaks="FD-11 TTY-07"),
    #
    # -- credentials --
    Row("groups", "", EXECUTED),
    Row("groups", "host-mounts", EXECUTED),
    Row("noroot", "", EXECUTED, breaks="CAP-14"),
    Row("noroot", "user-root", EXECUTED, breaks="CAP-14"),
    Row("keepcaps-locked", "", REFUSED, "finalize namespace set keep caps operation not permitted"),
    Row("lacks-mknod", "", REFUSED,
        "setup mount namespace create device nodes mknod /dev/null operation not permitted"),
    Row("lacks-net-raw", "", REFUSED, "finalize namespace drop capabilities operation not permitted", "CAP-13"),
    Row("lacks-setpcap", "", REFUSED, "finalize namespace drop capabilities operation not permitted", "CAP-13"),
    Row("lacks-setpcap", "capability-chown user-root", EXECUTED),
    Row("inheritable", "", EXECUTED),
    Row("no-new-privs", "", EXECUTED),
    #
    # -- signals, umask, limits --
    Row("death-signal", "", EXECUTED),
    Row("blocks-signals", "", EXECUTED, breaks="SIG-01"),
    Row("ignores-pipe", "", EXECUTED),
    Row("ignores-children", "", EXECUTED, "wait: no child processes", "SIG-01 SYNC-03"),
    Row("umask-0", "", EXECUTED),
    Row("umask-0", "host-mounts", EXECUTED, breaks="UMASK-01"),
    Row("umask-077", "", EXECUTED),
    Row("umask-077", "host-mounts", EXECUTED, breaks="UMASK-01"),
    Row("few-descriptors", "", REFUSED, "open /dev/null: too many open files"),
    Row("no-processes", "", EXECUTED),
    #
    # -- where it stands --
    Row("removed-directory", "", REFUSED, "write parent: broken pipe"),
    Row("removed-directory", "rootfs-absolute", EXECUTED),
    Row("private-mounts", "", EXECUTED),
    Row("private-mounts", "no-pivot", EXECUTED),
    Row("subreaper", "", EXECUTED),
    Row("subreaper", "host-pids", EXECUTED),
)  # fmt: skip


VARIANT_ROWS = (
    Row("", "no-tty", EXECUTED),
    Row("", "user-root", EXECUTED, breaks="CAP-10 DUMP-03 PD-01"),
    Row("", "user-1", EXECUTED),
    Row("", "user-1000", EXECUTED),
    Row("", "user-unknown", REFUSED, "finalize namespace setup user get supplementary groups Unable to find user nemo"),
    Row("", "no-home", EXECUTED),
    Row("", "no-capabilities", EXECUTED, breaks="CAP-03"),
    Row("", "cwd-closed no-capabilities", REFUSED, "finalize namespace chdir to /root permission denied", "CAP-03 CWD-02"),
    Row("", "host-pids", EXECUTED),
    Row("", "host-name", REFUSED, "unable to set the hostname without UTS namespace", "NS-17"),
    Row("", "host-mounts", EXECUTED, breaks="MNT-09 NS-11"),
    Row("", "user-default", EXECUTED, breaks="CAP-10 DUMP-03 PD-01"),
    Row("", "user-unmapped", REFUSED, "finalize namespace setup user setgid invalid argument", "ID-05"),
    Row("", "namespace-twice", EXECUTED, breaks="NS-16"),
    Row("", "namespace-unknown", EXECUTED, breaks="DUMP-01 NS-01 NS-05 NS-18"),
    Row("", "limit-unknown", EXECUTED, breaks="RL-02"),
    Row("", "no-cgroups", EXECUTED),
    Row("", "joins-mounts", EXECUTED, breaks="DUMP-01 MNT-09 NS-02 NS-04 NS-18"),
    Row("", "joins-host-network", EXECUTED, breaks="DUMP-01 NET-03 NS-01 NS-16 NS-18"),
    Row("", "joins-two", EXECUTED, breaks="DUMP-01 NS-02 NS-18"),
    Row("", "veth", EXECUTED),
    Row("", "veth-unset", REFUSED, "invalid argument", "NET-01"),
    Row("", "network-null", DIED, None, "SYNC-03"),
    Row("", "no-mount-config", DIED, None, "SYNC-03"),
    Row("", "no-mounts", EXECUTED),
    Row("", "tmpfs-on-tmp", EXECUTED),
    Row("", "tmpfs-for-pivot", EXECUTED),
    Row("", "host-on-run", EXECUTED, breaks="NS-11"),
    Row("", "tmpfs-on-sys", EXECUTED, breaks="MNT-12"),
    Row("", "no-pivot", EXECUTED, breaks="MNT-05"),
    Row("", "apparmor-profile", EXECUTED, breaks="PD-01", lsm="apparmor"),
    Row("", "selinux-label", EXECUTED, breaks="PD-01", lsm="selinux"),
)
"""Beyond what the example itself breaks."""


def configuration(variants: str = "") -> Configuration:
    return varied(MINIMAL, variants.split())


def violated(result: Result) -> frozenset[str]:
    return frozenset(invariant.id for invariant in result.judgement.having(Verdict.VIOLATED))


def host(lsm: str) -> HostProfile:
    return dataclasses.replace(HOST, security_modules=(lsm,) if lsm else ())


@cache
def usual(variants: str, lsm: str = "") -> frozenset[str]:
    """What the configuration breaks with the default image and the default caller; if it does not run with these, what the
    example breaks."""
    result = verify(configuration(variants), host=host(lsm))
    if result.run.outcome is EXECUTED:
        return violated(result)
    return violated(verify(configuration("no-tty" if "no-tty" in variants.split() else ""), host=host(lsm)))


def check(row: Row, image: Image, caller: Caller, known: frozenset[str]) -> None:
    result = verify(configuration(row.variants), image=image, caller=caller, host=host(row.lsm))
    message = result.run.message
    if row.message is not None and row.message.endswith("*"):
        message = (message or "")[: len(row.message) - 1] + "*"
    beyond = violated(result) - known
    assert (result.run.outcome, message, " ".join(sorted(beyond))) == (row.outcome, row.message, row.breaks)


def label(value: object) -> str | None:
    return value.name or value.variants if isinstance(value, Row) else None


@pytest.mark.parametrize("row", IMAGE_ROWS, ids=label)
def test_an_image_gets_the_verdict_that_is_stated(row: Row) -> None:
    check(row, IMAGES[row.name], CALLERS[row.other], usual(row.variants, row.lsm))


@pytest.mark.parametrize("row", CALLER_ROWS, ids=label)
def test_a_caller_gets_the_verdict_that_is_stated(row: Row) -> None:
    check(row, IMAGES[row.other], CALLERS[row.name], usual(row.variants, row.lsm))


@pytest.mark.parametrize("row", VARIANT_ROWS, ids=label)
def test_a_variant_gets_the_verdict_that_is_stated(row: Row) -> None:
    check(row, IMAGES["default"], CALLERS["default"], usual(""))


def test_there_is_a_verdict_for_every_image_every_caller_and_every_variant() -> None:
    rows = (*IMAGE_ROWS, *CALLER_ROWS, *VARIANT_ROWS)
    assert {row.name for row in IMAGE_ROWS} == set(IMAGES)
    assert {row.name for row in CALLER_ROWS} == set(CALLERS)
    assert {variant for row in rows for variant in row.variants.split()} == set(VARIANTS)


def test_there_is_a_verdict_for_every_situation() -> None:
    stated = [(row.name, row.other, row.variants, row.lsm) for row in IMAGE_ROWS]
    stated += [(row.other, row.name, row.variants, row.lsm) for row in CALLER_ROWS if row.name != "default"]
    stated += [("default", "default", row.variants, row.lsm) for row in VARIANT_ROWS]
    situations = [(each.image, each.caller, " ".join(each.variants), each.lsm) for each in SITUATIONS]
    assert len(set(stated)) == len(stated)
    assert sorted(stated) == sorted(situations)


@pytest.mark.parametrize("image", IMAGES.values(), ids=lambda image: image.name)
def test_an_image_leaves_the_kernel_in_possible_states(image: Image) -> None:
    machine = Machine(checks=True)
    prepare(configuration(), image=image, machine=machine)
    machine.run()
    machine.close()


@pytest.mark.parametrize("caller", CALLERS.values(), ids=lambda caller: caller.name)
def test_a_caller_leaves_the_kernel_in_possible_states(caller: Caller) -> None:
    machine = Machine(checks=True)
    prepare(configuration(), caller=caller, machine=machine)
    machine.run()
    machine.close()


def test_every_oddity_is_a_sentence() -> None:
    for each in (*IMAGES.values(), *CALLERS.values(), *VARIANTS.values()):
        assert each.oddity.endswith("."), each.name
    for situation in SITUATIONS:
        assert not situation.seen or situation.seen.endswith((".", ".)")), situation


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_changes_the_example_and_nothing_that_was_shared(name: str) -> None:
    before = encode(MINIMAL)
    assert configuration(name) != MINIMAL
    assert encode(MINIMAL) == before


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_changes_what_has_nothing_in_it(name: str) -> None:
    empty = decode(b"{}", "test").configuration
    assert varied(empty, [name]) == decode(encode(varied(empty, [name])), "test").configuration


def test_an_image_makes_no_root_file_system_where_there_is_none() -> None:
    result = verify(replace(MINIMAL, root_fs="/srv/other"), image=IMAGES["payload-text"])
    assert (result.run.outcome, result.run.message) == (REFUSED, "fork/exec /usr/bin/nsinit: no such file or directory")


# -- what a run without an accident does not show --


def orphaned(variants: str, caller: Caller) -> tuple[Run, Verdict | None]:
    """The run in which the parent is killed while the change of user has cleared the parent death signal.

    Without a tty: the hang-up of a terminal whose other end the parent held would end init in any case.
    """
    whole = verify(configuration(variants), caller=caller).run
    cleared = next(
        event.index
        for event, role in zip(whole.events, whole.roles, strict=True)
        if role is Role.INIT and event.call.name == "setuid"
    )
    machine = Machine()
    prepared = prepare(configuration(variants), caller=caller, machine=machine)
    machine.run(stop_at=cleared + 1)
    recorded = zip(prepared.recorder.tasks, prepared.recorder.roles, strict=True)
    parent = next(task for task, role in recorded if role is Role.PARENT)
    machine.kill(parent, Signal.KILL)
    standstill = machine.run()
    machine.close()
    run = prepared.finish(standstill)
    return run, judge(run).verdict("PD-03")


def test_an_orphan_that_sees_process_1_above_it_ends() -> None:
    run, verdict = orphaned("host-pids no-tty", DEFAULT_CALLER)
    assert (run.payload, verdict) == (False, None)


def test_an_orphan_below_a_subreaper_goes_on_without_anybody_knowing() -> None:
    run, verdict = orphaned("host-pids no-tty", CALLERS["subreaper"])
    assert (run.payload, verdict) == (True, Verdict.VIOLATED)


def test_an_orphan_in_a_new_pid_namespace_goes_on_without_anybody_knowing() -> None:
    run, verdict = orphaned("", DEFAULT_CALLER)
    assert (run.payload, verdict) == (True, Verdict.VIOLATED)


def test_only_a_host_with_shared_mounts_shows_what_cutting_propagation_is_for() -> None:
    careless = LIBCONTAINER.without("cut_propagation")
    shared = verify(configuration(), flow=careless)
    private = verify(configuration(), flow=careless, caller=CALLERS["private-mounts"])
    assert shared.run.message == "setup mount namespace pivot_root invalid argument"
    assert (private.run.outcome, violated(private)) == (EXECUTED, usual(""))
    assert "MNT-01" in violated(shared)


def test_a_payload_whose_output_was_closed_speaks_to_the_parent() -> None:
    result = verify(configuration("no-tty"), ("/bin/echo", '{"message": "believe me"}'), caller=CALLERS["closed-output"])
    assert (result.run.payload, result.run.message) == (True, "believe me")
