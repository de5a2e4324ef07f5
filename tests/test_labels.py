"""The flow on hosts with AppArmor and with SELinux: its calls, its error texts, what is labelled; and builds on other hosts.

Places as in test_flow_order.py and test_error_texts.py.
"""

import json
from dataclasses import dataclass, field, replace
from errno import EACCES, EINVAL, EIO, ENOENT, EPERM, EROFS
from pathlib import Path
from typing import Any

import pytest

from fakekernel.faults import inject
from fakekernel.machine import Machine
from fakekernel.tree import find, make_directory, regular, write_file
from fakekernel.tree import replace as furnish
from initflow import nsinit
from initflow.configuration import decode
from initflow.flows import LIBCONTAINER, LIBCONTAINER_USERNS
from initflow.images import RUNTIME, VOLUME
from initflow.invariants.judge import judge
from initflow.invariants.model import Verdict
from initflow.run import Outcome, Role, Run
from initflow.sight import seen_at
from initflow.state import mounts
from initflow.verification import DATA_PATH, HOST, LASTING_PAYLOAD, execute, prepare
from kernelapi.faults import Fault
from kernelapi.flags import MountFlag
from tests.test_error_texts import Fails, _located, message
from tests.test_flow_order import shown

EXAMPLES = Path(__file__).parents[1] / "examples"
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    name: json.loads((EXAMPLES / f"{name}.json").read_text()) for name in ("apparmor", "selinux", "userns")
}
SELINUX_MOUNTS = CONFIGURATIONS["selinux"]["mount_config"]
SELINUX_MOUNTS["mounts"].insert(
    0, {"type": "bind", "source": VOLUME, "destination": "/srv", "writable": True, "relabel": "Z"}
)  # fmt: skip
HOSTS = {name: replace(HOST, security_modules=(name,) if name else ()) for name in ("", "apparmor", "selinux")}
PROCESS = "system_u:system_r:svirt_lxc_net_t:s0:c57,c911"
FILES = "system_u:object_r:svirt_sandbox_file_t:s0:c57,c911"
SHARED = "system_u:object_r:svirt_sandbox_file_t:s0"


@dataclass(frozen=True)
class Case:
    """A place, what the parent is told there, what provokes it. `build` is what is built in: by default what the host has."""

    place: str
    message: str | None
    lsm: str
    changes: dict[str, Any] = field(default_factory=dict)
    fails: tuple[Fails, ...] = ()
    build: str | None = None


def run(case: Case) -> Run:
    faults: list[Fault] = []
    for planned in case.fails:
        faults += _located(planned, _run(case, faults))
    return _run(case, faults)


def _run(case: Case, faults: list[Fault]) -> Run:
    example = CONFIGURATIONS[case.lsm or case.build or "apparmor"]
    configuration = decode(json.dumps({**example, **case.changes}).encode(), "test").configuration
    machine = Machine(HOSTS[case.lsm])
    inject(machine, faults)
    prepared = prepare(configuration, machine=machine)
    top = machine.init.fs.root.dentry
    furnish(make_directory(top, VOLUME), (regular("file", "x"), regular("d/inside", "x")))
    if case.build is not None:
        machine.install(RUNTIME, nsinit.BUILDS[(case.build,) if case.build else ()])
    standstill = machine.run()
    machine.close()
    return prepared.finish(standstill)


def calls(run: Run, *steps: str) -> list[str]:
    """What the steps ask of the kernel; reading byte by byte is one."""
    found: list[str] = []
    for event, step in zip(run.events, run.steps, strict=True):
        if step is not None and step.name in steps:
            text = shown(event)
            if not (event.call.name == "read" and event.args[1] == 1 and found[-1] == text):
                found.append(text)
    return found


def mounting(*entries: dict[str, Any], label: str = FILES) -> dict[str, Any]:
    return {"mount_config": {**SELINUX_MOUNTS, "mounts": entries, "mount_label": label}}


def binding(**others: Any) -> dict[str, Any]:
    return mounting({"type": "bind", "source": VOLUME, "destination": "/srv", "writable": True, **others})


# -- the calls --


def test_a_profile_is_asked_for_through_the_containers_proc() -> None:
    made = run(Case("", None, "apparmor"))
    assert calls(made, "detect_selinux", "apply_apparmor_profile", "set_process_label") == [
        "gettid()",
        'open("/proc/1/attr/exec", O_WRONLY)',
        "write(4, 'exec docker-de')",
        "close(4)",
    ]
    assert made.outcome is Outcome.EXECUTED


def test_selinux_is_looked_for_in_the_hosts_mounts() -> None:
    """Init's own context is asked for by its number in the new pid namespace, which the host's proc does not know: the answer,
    an error, is taken for a context, and SELinux to be on."""
    assert calls(run(Case("", None, "selinux")), "detect_selinux") == [
        'open("/proc/self/mountinfo", O_RDONLY|O_CLOEXEC)',
        "read(5)",
        "read(5)",
        "close(5)",
        'statfs("/sys/fs/selinux")',
        "gettid()",
        'open("/proc/self/task/1/attr/current", O_RDONLY|O_CLOEXEC)',
    ]


def test_in_the_hosts_pid_namespace_inits_own_context_is_read_byte_by_byte() -> None:
    namespaces = [entry for entry in CONFIGURATIONS["selinux"]["namespaces"] if entry["type"] != "NEWPID"]
    made = run(Case("", None, "selinux", {"namespaces": namespaces}))
    assert calls(made, "detect_selinux")[-4:] == [
        "gettid()",
        'open("/proc/self/task/3/attr/current", O_RDONLY|O_CLOEXEC)',
        "read(5)",
        "close(5)",
    ]
    bytes_read = [event for event in made.events if event.call.name == "read" and event.args[1] == 1 and event.args[0] == 5]
    assert len(bytes_read) == len("unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023\0") + 1


def test_the_label_of_the_process_is_asked_for_by_thread() -> None:
    assert calls(run(Case("", None, "selinux")), "apply_apparmor_profile", "set_process_label") == [
        "gettid()",
        'open("/proc/self/task/1/attr/exec", O_WRONLY|O_CLOEXEC)',
        "write(5, 'system_u:syste')",
        "close(5)",
    ]


def test_what_has_options_gets_the_label_as_one_more() -> None:
    made = run(Case("", None, "selinux"))
    data = [
        event.args[4]
        for event, step in zip(made.events, made.steps, strict=True)
        if step is not None and step.name in ("mount_system", "mount_configured") and event.call.name == "mount"
    ]
    context = f'context="{FILES}"'
    assert data == [
        "",
        f"mode=755,{context}",
        f"mode=1777,size=65536k,{context}",
        "",
        f"newinstance,ptmxmode=0666,mode=620,gid=5,{context}",
        "",
        "",
        context,
    ]


def test_a_volume_is_relabelled_with_all_that_it_holds() -> None:
    """A directory before its entries, these in the order of their names; each is looked at first, and links not followed."""
    made = calls(run(Case("", None, "selinux")), "mount_configured")
    assert [text for text in made if text.startswith(("lstat(\"DATA/volume", "lsetxattr("))] == [
        text
        for path in ("DATA/volume", "DATA/volume/d", "DATA/volume/d/inside", "DATA/volume/file")
        for text in (f'lstat("{path}")', f'lsetxattr("{path}", "security.selinux", "{FILES}", 0)')
    ]


@pytest.mark.parametrize(
    ("how", "label"), [("Z", FILES), ("z", SHARED), ("zZ", FILES), ("anything", FILES), ("", None)], ids=str
)
def test_what_relabel_says_decides_the_level(how: str, label: str | None) -> None:
    machine = run(Case("", None, "selinux", binding(relabel=how))).machine
    found = find(machine.init.fs.root.dentry, f"{VOLUME}/d/inside").inode.xattrs.get("security.selinux")
    assert found == (None if label is None else f"{label}\0".encode())


def test_the_console_is_labelled_before_it_is_bound() -> None:
    assert calls(run(Case("", None, "selinux")), "bind_console")[2:4] == [
        'chown("/dev/pts/0", 0, 0)',
        f'lsetxattr("/dev/pts/0", "security.selinux", "{FILES}", 0)',
    ]


def test_what_the_container_has_in_the_end() -> None:
    made = run(Case("", None, "selinux"))
    assert made.exit is not None
    assert made.exit.writes is not None
    store = made.machine.store
    store.rewind(0)
    store.advance(made.exit.writes[1])
    assert made.init is not None
    assert made.init.security.label == PROCESS
    labelled = {mount.path for mount in mounts(made.init) if mount.superblock.context == FILES}
    assert labelled == {"/dev", "/dev/shm", "/dev/pts", "/tmp", "/proc/kcore"}  # the last one is /dev/null
    console = seen_at(made.init, "/dev/console")
    assert console is not None
    assert console.inode.xattrs["security.selinux"] == f"{FILES}\0".encode()


def test_in_a_user_namespace_the_helper_looks_and_labels_and_init_asks() -> None:
    changes = {**CONFIGURATIONS["userns"], "process_label": PROCESS, "apparmor_profile": "docker-default"}
    changes["mount_config"] = {**changes["mount_config"], "mount_label": FILES}
    made = run(Case("", None, "selinux", changes))
    assert made.setting.flow is LIBCONTAINER_USERNS
    assert made.outcome is Outcome.EXECUTED
    who = {
        step.name: role
        for step, role in zip(made.steps, made.roles, strict=True)
        if step is not None and step.name in ("detect_selinux", "mount_system", "set_process_label")
    }
    assert who == {"detect_selinux": Role.HELPER, "mount_system": Role.HELPER, "set_process_label": Role.INIT}
    assert made.init is not None
    assert calls(made, "detect_selinux")[4] == 'statfs("/sys/fs/selinux")'


def entered(lsm: str, **meanwhile: Any) -> Run:
    """The run of a process that is brought into the example's container; `meanwhile`: what the configuration says by then."""
    document = {**CONFIGURATIONS[lsm], "tty": False}
    machine = Machine(HOSTS[lsm])
    configuration = decode(json.dumps(document).encode(), "test").configuration
    prepared = prepare(configuration, into=LASTING_PAYLOAD, machine=machine)
    write_file(machine, f"{DATA_PATH}/container.json", json.dumps({**document, **meanwhile}).encode())
    standstill = machine.run()
    return prepared.finish(standstill)


@pytest.mark.parametrize(("lsm", "label"), [("apparmor", "docker-default"), ("selinux", PROCESS)])
def test_what_is_brought_into_a_container_asks_for_itself(lsm: str, label: str) -> None:
    made = entered(lsm)
    assert made.outcome is Outcome.EXECUTED
    judgement = judge(made)
    assert {judgement.verdict(f"LSM-0{number}") for number in (1, 2, 3, 4, 5)} == {Verdict.HELD}
    assert made.init is not None
    assert made.init.security.label == label


@pytest.mark.parametrize(
    ("lsm", "meanwhile", "said"),
    [
        ("apparmor", {"apparmor_profile": "unheard-of"}, "set apparmor profile unheard-of: no such file or directory"),
        ("selinux", {"process_label": "nobody"}, "write /proc/self/task/2/attr/exec: invalid argument"),
    ],
)
def test_the_last_part_says_nothing_of_its_own_about_a_context(lsm: str, meanwhile: dict[str, Any], said: str) -> None:
    made = entered(lsm, **meanwhile)
    assert made.outcome is Outcome.DIED
    assert made.output.decode().rstrip("\n") == f"failed to nsenter: {said}"


# -- what goes wrong, word for word --

CASES = [
    Case("D17", "set apparmor profile unheard-of: no such file or directory", "apparmor", {"apparmor_profile": "unheard-of"}),
    Case("D17", "set apparmor profile  : invalid argument", "apparmor", {"apparmor_profile": " "}),
    Case("D17", "set apparmor profile docker-default: permission denied", "apparmor",
        fails=(Fails("apply_apparmor_profile", "open", EACCES),)),
    Case("D17", "set apparmor profile docker-default: operation not permitted", "apparmor",
        fails=(Fails("apply_apparmor_profile", "write", EPERM),)),
    Case("D18", "set process label write /proc/self/task/1/attr/exec: invalid argument", "selinux",
        {"process_label": "nobody"}),
    Case("D18", "set process label open /proc/self/task/1/attr/exec: no such file or directory", "selinux",
        fails=(Fails("set_process_label", "open", ENOENT),)),
    Case("M3", "setup mount namespace mount system mounting tmpfs into R/dev invalid argument", "selinux",
        mounting(label="nothing")),
    Case("M4", "setup mount namespace invalid argument mounting R/tmp in tmpfs", "selinux",
        fails=(Fails("mount_configured", "mount", EINVAL, "tmpfs"),)),
    Case("M4", f"setup mount namespace relabeling DATA/volume to {FILES} operation not permitted", "selinux",
        fails=(Fails("mount_configured", "lsetxattr", EPERM, "inside"),)),
    Case("M4", f"setup mount namespace relabeling DATA/volume to {FILES} read-only file system", "selinux",
        fails=(Fails("mount_configured", "lstat", EIO, "/file"), Fails("mount_configured", "lsetxattr", EROFS, "/file"))),
    Case("M4", f"setup mount namespace relabeling /usr/bin to {FILES} Relabeling content in /usr is not allowed.", "selinux",
        binding(source="/usr/bin", relabel="z")),
    Case("M6", "setup mount namespace set file label /dev/pts/0 operation not supported", "selinux",
        fails=(Fails("bind_console", "lsetxattr", 95),)),
    # What a build cannot do where the kernel has nothing of the kind: it is told, and does not start.
    Case("D17", "set apparmor profile docker-default: invalid argument", "", build="apparmor"),
    Case("D18", "set process label write /proc/self/task/1/attr/exec: invalid argument", "",
        {"mount_config": {**SELINUX_MOUNTS, "mount_label": "", "mounts": []}}, build="selinux"),
    Case("M3", "setup mount namespace mount system mounting tmpfs into R/dev invalid argument", "", build="selinux"),
    Case("D17", "set apparmor profile docker-default: invalid argument", "selinux", {"apparmor_profile": "docker-default"},
        build="apparmor"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.place} {case.message}")
def test_the_message_is_the_originals(case: Case) -> None:
    made = run(case)
    assert (message(made), made.outcome) == (case.message, Outcome.REFUSED)


def test_a_context_of_fewer_parts_crashes_the_original_where_it_is_to_be_shared() -> None:
    """Were the label not refused before, as that of a mount."""
    changes = binding(relabel="z") | {"tty": False}
    changes["mount_config"]["mount_label"] = "a:b:c"
    configuration = decode(json.dumps({**CONFIGURATIONS["selinux"], **changes}).encode(), "test").configuration
    made = execute(configuration, flow=LIBCONTAINER.without("mount_system"), machine=Machine(HOSTS["selinux"]))
    assert made.outcome is Outcome.DIED
    assert b"index out of range" in made.output


# -- what is passed over --


@pytest.mark.parametrize(
    "case",
    [
        Case("D13", None, "selinux", fails=(Fails("detect_selinux", "open", EACCES, "mountinfo"),)),
        Case("D13", None, "selinux", fails=(Fails("detect_selinux", "statfs", EACCES),)),
        Case("D17", None, "apparmor", {"apparmor_profile": ""}),
        Case("D18", None, "selinux", {"process_label": ""}),
        Case("D18", None, "selinux", {"apparmor_profile": "docker-default"}),
        Case("D17", None, "apparmor", {"process_label": "nobody"}),
        Case("D17", None, "apparmor", build=""),
        Case("D18", None, "selinux", build=""),
        Case("", None, "", {**CONFIGURATIONS["selinux"], "apparmor_profile": "docker-default"}),
        Case("", None, "selinux", {"process_label": PROCESS, **mounting(label=PROCESS)}),
        Case("", None, "", {"process_label": PROCESS, **mounting(label=PROCESS)}),
    ],
    ids=lambda case: f"{case.place} {case.lsm} {case.build} {case.changes} {case.fails}"[:70],
)
def test_these_are_no_errors(case: Case) -> None:
    made = run(case)
    assert (message(made), made.outcome) == (None, Outcome.EXECUTED)


def test_a_readonly_selinuxfs_means_that_selinux_is_off() -> None:
    """So says the original: then the console is not labelled, and the label of the process is asked for all the same."""
    machine = Machine(HOSTS["selinux"])
    configuration = decode(json.dumps(CONFIGURATIONS["selinux"]).encode(), "test").configuration
    assert machine.system.mntns is not None
    for mount in machine.system.mntns.mounts.values():
        if mount.sb.fstype == "selinuxfs":
            mount.flags |= MountFlag.RDONLY
    made = execute(configuration, machine=machine)
    assert made.outcome is Outcome.EXECUTED
    assert not [text for text in calls(made, "bind_console") if "attr(" in text]
    assert calls(made, "set_process_label")[2].startswith("write(")


def test_without_looking_it_is_found_out_when_it_is_needed() -> None:
    configuration = decode(json.dumps(CONFIGURATIONS["selinux"]).encode(), "test").configuration
    made = execute(configuration, flow=LIBCONTAINER.without("detect_selinux"), machine=Machine(HOSTS["selinux"]))
    assert 'statfs("/sys/fs/selinux")' in calls(made, "bind_console")
    assert made.outcome is Outcome.EXECUTED


def test_a_build_is_a_program_of_its_own() -> None:
    assert set(nsinit.BUILDS) == {host.security_modules for host in HOSTS.values()}
    assert len({build.__name__ for build in nsinit.BUILDS.values()}) == len(nsinit.BUILDS)
