"""What every image and every caller does to the flow, stated in tables: how the run comes out, and what breaks beyond that.

"Beyond": the invariants that the same configuration does not break with the default image and the default caller. Each row says
what an attacker, or a user, sees of it.
"""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fakekernel.machine import Machine
from fakekernel.profile import HostProfile
from initflow.callers import CALLERS, DEFAULT_CALLER, Caller
from initflow.configuration import Configuration, decode
from initflow.flows import LIBCONTAINER
from initflow.images import IMAGES, VOLUME, Image
from initflow.invariants.judge import judge
from initflow.invariants.model import Verdict
from initflow.run import Outcome, Role, Run
from initflow.verification import HOST, Result, prepare, verify
from kernelapi.flags import Signal

MINIMAL: dict[str, Any] = json.loads((Path(__file__).parents[1] / "examples" / "minimal.json").read_text())
MOUNTS: dict[str, Any] = MINIMAL["mount_config"]
NULL, *OTHER_DEVICES = MOUNTS["device_nodes"]
ROOTFS = "/var/lib/initflow/rootfs"

EXECUTED, REFUSED, DIED, HUNG = Outcome

Changes = dict[str, Any]


def mounting(*mounts: Changes, **others: Any) -> Changes:
    return {"mount_config": {**MOUNTS, "mounts": list(mounts), **others}}


def without_namespace(type: str) -> Changes:
    return {"namespaces": [entry for entry in MINIMAL["namespaces"] if entry["type"] != type]}


def with_device(path: str, **others: Any) -> Changes:
    return {"mount_config": {**MOUNTS, "device_nodes": [*MOUNTS["device_nodes"], {**NULL, "path": path, **others}]}}


AS_IT_IS: Changes = {}
NO_TTY: Changes = {"tty": False}
AS_ROOT: Changes = {"user": "root"}
AS_1: Changes = {"user": "1"}
NO_HOME: Changes = {"environment": ["PATH=/bin"]}
NO_CAPABILITIES: Changes = {"capabilities": []}
VOLUME_ON_RUN = mounting({"type": "bind", "source": VOLUME, "destination": "/run", "writable": True})
VOLUME_ON_DEV = mounting({"type": "bind", "source": VOLUME, "destination": "/dev", "writable": True})
GIVEN_AWAY: Changes = {
    "mount_config": {**VOLUME_ON_DEV["mount_config"], "device_nodes": [{**NULL, "uid": 1000}, *OTHER_DEVICES]}
}
TMPFS_ON_TMP = mounting({"type": "tmpfs", "destination": "/tmp"})
VOLUME_ON_PROC = mounting({"type": "bind", "source": VOLUME, "destination": "/proc", "writable": True})
WITH_PROFILE: Changes = {"apparmor_profile": "docker-default"}
WITH_CONTEXT: Changes = {"process_label": "system_u:system_r:svirt_lxc_net_t:s0:c1,c2"}
HOST_PIDS = without_namespace("NEWPID")
HOST_MOUNTS: Changes = {**without_namespace("NEWNS"), "mount_config": None, "restrict_sys": False}


class Row(NamedTuple):
    """`message` is the whole of what the parent is told; with an asterisk at its end, how that begins."""

    name: str
    changes: Changes
    outcome: Outcome
    message: str | None = None
    breaks: str = ""
    other: str = "default"
    """The caller, in the table of images, and the image in that of callers."""
    lsm: str = ""
    """The security module of the host."""


IMAGE_ROWS = (
    Row("default", AS_IT_IS, EXECUTED),
    #
    # -- /proc, /sys, /dev --
    # The image writes its own /proc: descriptors that it does not list stay open, so that the payload has the terminal, and the
    # parent's socket, into which it can write what the parent takes for init's messages. There is no proc to restrict.
    Row("proc-to-fake", AS_IT_IS, EXECUTED, breaks="FD-01 FD-11 FD-12 MNT-10 MNT-12 TTY-08"),
    Row("proc-to-fake", NO_TTY, EXECUTED, breaks="FD-01 FD-11 FD-12 MNT-10 MNT-12"),
    # Refused only since nobody thought of the label; and then somebody did.
    Row("proc-to-fake", WITH_PROFILE, REFUSED,
        "set apparmor profile docker-default: no such file or directory", "MNT-10", lsm="apparmor"),
    Row("proc-to-fake", WITH_CONTEXT, REFUSED,
        "set process label open /proc/self/task/1/attr/exec: no such file or directory", "MNT-10", lsm="selinux"),
    Row("proc-swallows", WITH_PROFILE, EXECUTED,
        breaks="FD-01 FD-11 FD-12 LSM-01 LSM-02 MNT-10 MNT-12 TTY-08", lsm="apparmor"),
    Row("proc-swallows", WITH_CONTEXT, EXECUTED,
        breaks="FD-01 FD-11 FD-12 LSM-01 LSM-02 MNT-10 MNT-12 TTY-08", lsm="selinux"),
    # Nothing to see today; who can write to var/proc from a second container swaps it between two steps (CVE-2019-19921).
    Row("proc-within", AS_IT_IS, EXECUTED, breaks="MNT-12"),
    # proc lands on the host's /mnt, in the container's namespace only: the container has none, and is refused for that.
    Row("proc-climbs", AS_IT_IS, REFUSED,
        "finalize namespace close open file descriptors open /proc/self/fd: no such file or directory", "MNT-10"),
    # A user sees that the image is broken.
    Row("proc-loops", AS_IT_IS, REFUSED,
        f"setup mount namespace mount system mounting proc into {ROOTFS}/proc too many levels of symbolic links"),
    # Nothing is made on the host: mkdir does not follow a link at the end.
    Row("proc-dangles", AS_IT_IS, REFUSED,
        f"setup mount namespace mount system mounting proc into {ROOTFS}/proc no such file or directory"),
    Row("proc-missing", AS_IT_IS, EXECUTED),
    Row("proc-file", AS_IT_IS, REFUSED,
        f"setup mount namespace mount system mkdirall {ROOTFS}/proc mkdir {ROOTFS}/proc: not a directory"),
    # The container has no /sys: what it reads there, it has put there itself.
    Row("sys-absolute", AS_IT_IS, EXECUTED, breaks="MNT-10 MNT-12"),
    # sysfs hides the host's /dev/pts from the runtime: no container with a terminal starts from this image.
    Row("sys-to-dev", AS_IT_IS, REFUSED, "setup mount namespace chmod /dev/pts/0: no such file or directory", "MNT-10"),
    Row("sys-to-dev", NO_TTY, EXECUTED, breaks="MNT-10 MNT-12"),
    # The same by a tmpfs; without a terminal it is the loop that ends it, and only since ELOOP is not taken for ENOENT.
    Row("dev-absolute", AS_IT_IS, REFUSED, "setup mount namespace chmod /dev/pts/0: no such file or directory", "MNT-10"),
    Row("dev-absolute", NO_TTY, REFUSED,
        "unable to bind-mount /dev/null over /proc/kcore: too many levels of symbolic links", "MNT-10"),
    Row("dev-within", AS_IT_IS, EXECUTED),
    # The tmpfs on /dev covers all of it: nothing of the image's /dev is ever looked at.
    Row("dev-furnished", AS_IT_IS, EXECUTED),
    #
    # -- a volume on /dev: nobody asked init to fill it, which is MNT-18 with any volume there --
    # /proc/kcore is covered by a file of the volume that its owner writes to; what the payload throws away is kept there.
    # Without a terminal the caller's streams, having no device number, are taken for it: output goes to a read-only file.
    Row("volume-null-file", VOLUME_ON_DEV, EXECUTED, breaks="LSM-08 MASK-02 MNT-19"),
    Row("volume-null-file", {**VOLUME_ON_DEV, **NO_TTY}, EXECUTED, breaks="LSM-08 MASK-02 MNT-19 MNT-22"),
    # The runtime's program gets a new owner. /proc/kcore stays readable: a missing /dev/null is taken for a missing kcore. And
    # the payload gets the runtime's program as its standard output: a descriptor of the host (CVE-2015-3627).
    Row("volume-null-link", GIVEN_AWAY, EXECUTED, breaks="MASK-01 MASK-04 MNT-19"),
    Row("volume-null-link", {**VOLUME_ON_DEV, **NO_TTY}, EXECUTED, breaks="MASK-01 MASK-04 MNT-19 MNT-22"),
    # The host's /etc/hostname is emptied, for good, and covered by the terminal (CVE-2025-52565).
    Row("volume-console-link", VOLUME_ON_DEV, EXECUTED, breaks="MNT-10 TTY-05"),
    # /dev/stdin and the others lead where the volume's owner wants: a program that writes to /dev/stdout writes there.
    Row("volume-streams", VOLUME_ON_DEV, EXECUTED, breaks="MNT-20"),
    # As proc-to-fake, by a mount of the configuration (CVE-2023-27561): /run is resolved inside the image, and that is /proc.
    Row("volume-proc", VOLUME_ON_RUN, EXECUTED, breaks="FD-01 FD-11 FD-12 LSM-08 MNT-12 TTY-08"),
    #
    # The same by a mount on /proc itself, which nobody refuses: the payload is unconfined, and all seems well.
    Row("volume-swallows", {**VOLUME_ON_PROC, **WITH_PROFILE}, EXECUTED,
        breaks="FD-01 FD-11 FD-12 LSM-01 LSM-02 LSM-08 MNT-12 TTY-08", lsm="apparmor"),
    Row("volume-swallows", {**VOLUME_ON_PROC, **WITH_CONTEXT}, EXECUTED,
        breaks="FD-01 FD-11 FD-12 LSM-01 LSM-02 LSM-08 MNT-12 TTY-08", lsm="selinux"),
    Row("volume-swallows", VOLUME_ON_PROC, EXECUTED, breaks="FD-01 FD-11 FD-12 LSM-08 MNT-12 TTY-08"),
    # A real proc, over which nothing lies.
    Row("default", WITH_PROFILE, EXECUTED, lsm="apparmor"),
    Row("default", WITH_CONTEXT, EXECUTED, lsm="selinux"),
    #
    # -- mount points and devices of the configuration --
    # The tmpfs covers /etc: no user is found. Refused, by luck: with a number as the user it would start.
    Row("run-absolute", AS_IT_IS, REFUSED, "finalize namespace setup user get supplementary groups Unable to find user daemon"),
    Row("run-absolute", AS_1, EXECUTED),
    # The climb ends at the image's root, where it should: the same as run-absolute, and the host's /etc is what it was.
    Row("run-climbs", AS_IT_IS, REFUSED, "finalize namespace setup user get supplementary groups Unable to find user daemon"),
    # proc is covered by an empty tmpfs; refused since the descriptors cannot be listed, and not since anybody looked.
    Row("run-to-proc", AS_IT_IS, REFUSED,
        "finalize namespace close open file descriptors open /proc/self/fd: no such file or directory"),
    # The image is gone under a tmpfs that allows no devices.
    Row("run-to-root", AS_IT_IS, REFUSED,
        "setup mount namespace Failed to reopen /dev/null Failed to open /dev/null - "
        f"open {ROOTFS}/dev/null: permission denied"),
    Row("run-loops", AS_IT_IS, REFUSED, f"setup mount namespace evalSymlinksInScope: too many links in {ROOTFS}/run"),
    Row("run-dangles", AS_IT_IS, EXECUTED),
    Row("run-file", AS_IT_IS, REFUSED, f"setup mount namespace not a directory mounting {ROOTFS}/run in tmpfs"),
    Row("tmp-absolute", TMPFS_ON_TMP, EXECUTED),
    # A device made in the host's /etc; and an existing file of the host given to uid 1000, since chown follows the link.
    Row("opt-to-host", with_device("/opt/null"), EXECUTED, breaks="MNT-18 MNT-19"),
    Row("opt-to-host", with_device("/opt/passwd", uid=1000), EXECUTED, breaks="MNT-18 MNT-19"),
    #
    # -- users --
    # Who writes "1000" into the configuration, to be sure, gets root, with all that comes with it (CVE-2016-3697).
    Row("passwd-numeric", {"user": "1000"}, EXECUTED, breaks="CAP-10 DUMP-03 ID-06 PD-01"),
    # "daemon" is root.
    Row("passwd-garbage", AS_IT_IS, EXECUTED, breaks="CAP-10 DUMP-03 PD-01"),
    Row("passwd-huge-line", AS_IT_IS, REFUSED,
        "finalize namespace setup user get supplementary groups Unable to find user daemon"),
    # "~" is the working directory.
    Row("passwd-homeless", NO_HOME, EXECUTED, breaks="ID-13"),
    Row("users-missing", AS_IT_IS, REFUSED,
        "finalize namespace setup user get supplementary groups Unable to find user daemon"),
    Row("users-missing", AS_1, EXECUTED),
    # Taken for files that are missing: a user that is in them under another name is not found, and nobody is told why.
    Row("users-directories", AS_IT_IS, REFUSED,
        "finalize namespace setup user get supplementary groups Unable to find user daemon", "ID-07"),
    Row("users-directories", AS_1, EXECUTED, breaks="ID-07"),
    # Starting a container of this image never ends: the parent waits for init, init for a writer.
    Row("passwd-fifo", AS_IT_IS, HUNG, breaks="SYNC-03 SYNC-10"),
    # After the switch ".." stops at the image's root: there is no such file.
    Row("passwd-outside", AS_IT_IS, REFUSED,
        "finalize namespace setup user get supplementary groups Unable to find user daemon"),
    # No line of the device ends: it is given up after 64 KiB. What it is, nobody looks at.
    Row("passwd-endless", AS_IT_IS, REFUSED,
        "finalize namespace setup user get supplementary groups Unable to find user daemon", "ID-07"),
    Row("passwd-by-descriptor", AS_IT_IS, REFUSED,
        "finalize namespace setup user get supplementary groups Unable to find user daemon"),
    # With a careless caller, the ids are those that the host's file says.
    Row("passwd-by-descriptor", AS_IT_IS, EXECUTED, breaks="FD-02 ID-07", other="leaks-directory"),
    Row("group-huge", AS_IT_IS, REFUSED, "finalize namespace setup user setgroups invalid argument"),
    # The payload lacks a group that it is in, and nobody is told.
    Row("group-huge-line", AS_IT_IS, EXECUTED),
    #
    # -- the payload --
    Row("bin-missing", AS_IT_IS, REFUSED, 'exec: "/bin/true": stat /bin/true: no such file or directory'),
    # The user of the container becomes its root by exec, and outlives its parent.
    Row("payload-setuid", AS_IT_IS, EXECUTED, breaks="CAP-07 CAP-10 DUMP-03 PD-01"),
    Row("payload-setuid", AS_IT_IS, EXECUTED, other="no-new-privs"),
    # AUDIT_READ is not listed, and is there: the bounding set still has it.
    Row("payload-capabilities", AS_IT_IS, EXECUTED, breaks="CAP-07 DUMP-03 PD-01"),
    # Without new privileges it keeps CHOWN, which it was permitted before; the signal is lost all the same.
    Row("payload-capabilities", AS_IT_IS, EXECUTED, breaks="CAP-07 PD-01", other="no-new-privs"),
    Row("payload-orphan", AS_IT_IS, REFUSED, "no such file or directory"),
    # The runtime's program, a file of the host, runs as the payload: keep /proc/1/exe open, end, and write (CVE-2019-5736).
    Row("payload-runtime", AS_IT_IS, EXECUTED, breaks="FD-14"),
    Row("payload-by-descriptor", AS_IT_IS, REFUSED, 'exec: "/bin/true": stat /bin/true: no such file or directory'),
    # A program of the host runs in the container; close-on-exec comes after the lookup (CVE-2024-21626).
    Row("payload-by-descriptor", AS_IT_IS, EXECUTED, breaks="FD-02 FD-14", other="leaks-directory"),
    Row("payload-text", AS_IT_IS, REFUSED, "exec format error"),
    Row("payload-unexecutable", AS_IT_IS, REFUSED, 'exec: "/bin/true": permission denied'),
    # With CAP_DAC_OVERRIDE it can read the program; without, its own /proc/self is closed to it.
    Row("payload-unreadable", AS_IT_IS, EXECUTED),
    Row("payload-unreadable", NO_CAPABILITIES, EXECUTED, breaks="DUMP-03"),
    #
    # -- the whole tree --
    # Mount points have to be there, and so has a directory for the old root: a tmpfs will do.
    Row("readonly", AS_IT_IS, REFUSED,
        f"setup mount namespace creating new tmpfs mount target mkdir {ROOTFS}/run: read-only file system"),
    Row("readonly", mounting(), REFUSED,
        f"setup mount namespace can't create pivot_root dir , error mkdir {ROOTFS}/.pivot_root*"),
    Row("readonly", mounting({"type": "tmpfs", "destination": "/tmp"}, pivot_dir="/tmp"), EXECUTED),
)  # fmt: skip

CALLER_ROWS = (
    Row("default", AS_IT_IS, EXECUTED),
    #
    # -- descriptors --
    # Closed by exec, but after the payload was looked up; a working directory goes through it to the host (CVE-2024-21626).
    Row("leaks-directory", AS_IT_IS, EXECUTED, breaks="FD-02"),
    Row("leaks-directory", {"working_dir": "/proc/self/fd/9"}, EXECUTED, breaks="CWD-01 FD-02 FD-03"),
    Row("leaks-file", AS_IT_IS, EXECUTED, breaks="FD-02"),
    Row("leaks-socket", AS_IT_IS, EXECUTED),
    # `ls /proc/self/fd/0/` lists the host; a working directory leads there.
    Row("input-directory", AS_IT_IS, EXECUTED),
    Row("input-directory", NO_TTY, EXECUTED, breaks="TTY-07"),
    Row("input-directory", {**NO_TTY, "working_dir": "/proc/self/fd/0"}, EXECUTED, breaks="CWD-01 TTY-07"),
    # The payload cannot write to its standard output: it was opened again, to read.
    Row("silent", AS_IT_IS, EXECUTED),
    Row("silent", NO_TTY, EXECUTED, breaks="MNT-22"),
    # The runtime's own socket takes the place of the closed stream: the payload reads from its parent, or writes to it.
    Row("closed-input", AS_IT_IS, EXECUTED),
    Row("closed-input", NO_TTY, EXECUTED, breaks="FD-11 TTY-07"),
    Row("closed-output", NO_TTY, EXECUTED, breaks="FD-11 TTY-07"),
    Row("closed-error", NO_TTY, EXECUTED, breaks="FD-11 TTY-07"),
    Row("closed-streams", NO_TTY, EXECUTED, breaks="FD-11 TTY-07"),
    #
    # -- credentials --
    # setgroups takes them away, whether or not the configuration lists some.
    Row("groups", AS_IT_IS, EXECUTED),
    Row("groups", HOST_MOUNTS, EXECUTED),
    # The payload's root is not what it takes itself for; and it lacks what the bounding set would give it back.
    Row("noroot", AS_IT_IS, EXECUTED, breaks="CAP-14"),
    Row("noroot", AS_ROOT, EXECUTED, breaks="CAP-14"),
    Row("keepcaps-locked", AS_IT_IS, REFUSED, "finalize namespace set keep caps operation not permitted"),
    Row("lacks-mknod", AS_IT_IS, REFUSED,
        "setup mount namespace create device nodes mknod /dev/null operation not permitted"),
    # The same configuration that runs elsewhere is refused for a capability that the payload may never use.
    Row("lacks-net-raw", AS_IT_IS, REFUSED, "finalize namespace drop capabilities operation not permitted", "CAP-13"),
    Row("lacks-setpcap", AS_IT_IS, REFUSED, "finalize namespace drop capabilities operation not permitted", "CAP-13"),
    # Where SETPCAP is not asked for: the bounding set cannot be dropped, which nobody notices. The payload's root has it all.
    Row("lacks-setpcap", {"capabilities": ["CHOWN"], **AS_ROOT}, EXECUTED),
    Row("inheritable", AS_IT_IS, EXECUTED),
    Row("no-new-privs", AS_IT_IS, EXECUTED),
    #
    # -- signals, umask, limits --
    # Init asks for a signal of its own.
    Row("death-signal", AS_IT_IS, EXECUTED),
    # `docker stop` waits ten seconds each time: SIGTERM does not arrive. (Go 1.4's runtime, no part of this flow, empties the
    # mask when a program starts: the original is spared this, and a port of it to another language is not.)
    Row("blocks-signals", AS_IT_IS, EXECUTED, breaks="SIG-01"),
    # The runtime ignores SIGPIPE itself, and gives init the default again.
    Row("ignores-pipe", AS_IT_IS, EXECUTED),
    # The payload runs to its end; the runtime then says that it failed, since it cannot wait for it. (Spared likewise: Go 1.4
    # has a handler for SIGCHLD.)
    Row("ignores-children", AS_IT_IS, EXECUTED, "wait: no child processes", "SIG-01 SYNC-03"),
    Row("umask-0", AS_IT_IS, EXECUTED),
    Row("umask-0", HOST_MOUNTS, EXECUTED, breaks="UMASK-01"),
    Row("umask-077", AS_IT_IS, EXECUTED),
    Row("umask-077", HOST_MOUNTS, EXECUTED, breaks="UMASK-01"),
    Row("few-descriptors", AS_IT_IS, REFUSED, "open /dev/null: too many open files"),
    # The limit counts the processes of the new user when init becomes it: there are none yet.
    Row("no-processes", AS_IT_IS, EXECUTED),
    #
    # -- where it stands --
    # Init dies of it without a message; what the parent says is about its own broken pipe.
    Row("removed-directory", AS_IT_IS, REFUSED, "write parent: broken pipe"),
    Row("removed-directory", {"root_fs": ROOTFS}, EXECUTED),
    # No difference: init makes all mounts private before it makes the first.
    Row("private-mounts", AS_IT_IS, EXECUTED),
    Row("private-mounts", mounting(no_pivot_root=True), EXECUTED),
    Row("subreaper", AS_IT_IS, EXECUTED),
    Row("subreaper", HOST_PIDS, EXECUTED),
)  # fmt: skip


def configuration(changes: Changes) -> Configuration:
    return decode(json.dumps({**MINIMAL, **changes}).encode(), "test").configuration


def violated(result: Result) -> frozenset[str]:
    return frozenset(invariant.id for invariant in result.judgement.having(Verdict.VIOLATED))


def host(lsm: str) -> HostProfile:
    return replace(HOST, security_modules=(lsm,) if lsm else ())


@cache
def usual(changes: str, lsm: str = "") -> frozenset[str]:
    """What the configuration breaks with the default image and the default caller; if it does not run with these, what the
    example breaks."""
    given = json.loads(changes)
    result = verify(configuration(given), host=host(lsm))
    if result.run.outcome is EXECUTED:
        return violated(result)
    return violated(verify(configuration({key: given[key] for key in ("tty", "user") if key in given}), host=host(lsm)))


def check(row: Row, image: Image, caller: Caller) -> None:
    result = verify(configuration(row.changes), image=image, caller=caller, host=host(row.lsm))
    message = result.run.message
    if row.message is not None and row.message.endswith("*"):
        message = (message or "")[: len(row.message) - 1] + "*"
    beyond = violated(result) - usual(json.dumps(row.changes), row.lsm)
    assert (result.run.outcome, message, " ".join(sorted(beyond))) == (row.outcome, row.message, row.breaks)


def label(value: object) -> str | None:
    return value.name if isinstance(value, Row) else None


@pytest.mark.parametrize("row", IMAGE_ROWS, ids=label)
def test_an_image_gets_the_verdict_that_is_stated(row: Row) -> None:
    check(row, IMAGES[row.name], CALLERS[row.other])


@pytest.mark.parametrize("row", CALLER_ROWS, ids=label)
def test_a_caller_gets_the_verdict_that_is_stated(row: Row) -> None:
    check(row, IMAGES[row.other], CALLERS[row.name])


def test_there_is_a_verdict_for_every_image_and_every_caller() -> None:
    assert {row.name for row in IMAGE_ROWS} == set(IMAGES)
    assert {row.name for row in CALLER_ROWS} == set(CALLERS)


@pytest.mark.parametrize("image", IMAGES.values(), ids=lambda image: image.name)
def test_an_image_leaves_the_kernel_in_possible_states(image: Image) -> None:
    machine = Machine(checks=True)
    prepare(configuration({}), image=image, machine=machine)
    machine.run()
    machine.close()


@pytest.mark.parametrize("caller", CALLERS.values(), ids=lambda caller: caller.name)
def test_a_caller_leaves_the_kernel_in_possible_states(caller: Caller) -> None:
    machine = Machine(checks=True)
    prepare(configuration({}), caller=caller, machine=machine)
    machine.run()
    machine.close()


def test_every_oddity_is_a_sentence() -> None:
    for each in (*IMAGES.values(), *CALLERS.values()):
        assert each.oddity.endswith("."), each.name


def test_an_image_makes_no_root_file_system_where_there_is_none() -> None:
    result = verify(configuration({"root_fs": "/srv/other"}), image=IMAGES["payload-text"])
    assert (result.run.outcome, result.run.message) == (REFUSED, "fork/exec /usr/bin/nsinit: no such file or directory")


# -- what a run without an accident does not show --


def orphaned(changes: Changes, caller: Caller) -> tuple[Run, Verdict | None]:
    """The run in which the parent is killed while the change of user has cleared the parent death signal.

    Without a tty: the hang-up of a terminal whose other end the parent held would end init in any case.
    """
    whole = verify(configuration(changes), caller=caller).run
    cleared = next(
        event.index
        for event, role in zip(whole.events, whole.roles, strict=True)
        if role is Role.INIT and event.call.name == "setuid"
    )
    machine = Machine()
    prepared = prepare(configuration(changes), caller=caller, machine=machine)
    machine.run(stop_at=cleared + 1)
    recorded = zip(prepared.recorder.tasks, prepared.recorder.roles, strict=True)
    parent = next(task for task, role in recorded if role is Role.PARENT)
    machine.kill(parent, Signal.KILL)
    standstill = machine.run()
    machine.close()
    run = prepared.finish(standstill)
    return run, judge(run).verdict("PD-03")


def test_an_orphan_that_sees_process_1_above_it_ends() -> None:
    run, verdict = orphaned({**HOST_PIDS, **NO_TTY}, DEFAULT_CALLER)
    assert (run.payload, verdict) == (False, None)


def test_an_orphan_below_a_subreaper_goes_on_without_anybody_knowing() -> None:
    run, verdict = orphaned({**HOST_PIDS, **NO_TTY}, CALLERS["subreaper"])
    assert (run.payload, verdict) == (True, Verdict.VIOLATED)


def test_an_orphan_in_a_new_pid_namespace_goes_on_without_anybody_knowing() -> None:
    run, verdict = orphaned({}, DEFAULT_CALLER)
    assert (run.payload, verdict) == (True, Verdict.VIOLATED)


def test_only_a_host_with_shared_mounts_shows_what_cutting_propagation_is_for() -> None:
    careless = LIBCONTAINER.without("cut_propagation")
    shared = verify(configuration({}), flow=careless)
    private = verify(configuration({}), flow=careless, caller=CALLERS["private-mounts"])
    assert shared.run.message == "setup mount namespace pivot_root invalid argument"
    assert (private.run.outcome, violated(private)) == (EXECUTED, usual("{}"))
    assert "MNT-01" in violated(shared)


def test_a_payload_whose_output_was_closed_speaks_to_the_parent() -> None:
    result = verify(configuration(NO_TTY), ("/bin/echo", '{"message": "believe me"}'), caller=CALLERS["closed-output"])
    assert (result.run.payload, result.run.message) == (True, "believe me")
