"""Every error that the default flow can report, word for word, and what the parent makes of it.

Each row: the place in the description of the original (see test_flow_order.py), the whole message that the parent reports,
and what provokes it: a configuration, a change of the machine's files, or calls that are made to fail. In messages R is the
root file system, DATA the directory of container.json, N what a temporary name ends in.
"""

import json
import re
from dataclasses import dataclass, field, replace
from errno import (
    EACCES,
    EBUSY,
    ECHILD,
    ECONNRESET,
    EINVAL,
    EIO,
    EMFILE,
    ENOENT,
    ENOMEM,
    ENOSPC,
    ENOTDIR,
    ENXIO,
    EPERM,
    EPIPE,
    EROFS,
)
from pathlib import Path
from typing import Any

import pytest

from fakekernel.faults import inject
from fakekernel.machine import Machine
from fakekernel.scheduler import Schedule
from fakekernel.tree import ROOTFS, find, write_file
from initflow import flow
from initflow.configuration import decode
from initflow.flow import Flow
from initflow.flows import LIBCONTAINER
from initflow.golang import errno_text, quote, rune
from initflow.rtnetlink import find_link
from initflow.run import Outcome, Reported, Role, Run
from initflow.steps.context import Parent
from initflow.verification import DATA_PATH, execute, prepare
from kernelapi.faults import Fault, failure
from kernelapi.flags import FileType, Signal
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.notation import render_call

MINIMAL: dict[str, Any] = json.loads((Path(__file__).parents[1] / "examples" / "minimal.json").read_text())
MOUNT_CONFIG = MINIMAL["mount_config"]
NULL, *_ = MOUNT_CONFIG["device_nodes"]
NO_TTY = {"tty": False}


Image = dict[str, bytes | str | None]
"""By path in the root file system: what a file holds, where a link leads, or that nothing is there."""


@dataclass(frozen=True)
class Fails:
    """The first call named `call` in the step called `step` that shows `holding` among its arguments fails with `errno`."""

    step: str
    call: str
    errno: int
    holding: str = ""
    times: int = 1  # this one, and as many less one after it


@dataclass(frozen=True)
class Case:
    place: str
    message: str
    changes: dict[str, Any] = field(default_factory=dict)
    image: Image = field(default_factory=dict)
    fails: tuple[Fails, ...] = ()
    args: tuple[str, ...] = ("/bin/true",)
    flow: Flow = LIBCONTAINER


def run(case: Case) -> Run:
    faults: list[Fault] = []
    for planned in case.fails:
        faults += _located(planned, _run(case, faults))
    return _run(case, faults)


def _run(case: Case, faults: list[Fault]) -> Run:
    configuration = decode(json.dumps({**MINIMAL, **case.changes}).encode(), "test").configuration
    machine = Machine()
    for path, content in case.image.items():
        if isinstance(content, bytes):
            write_file(machine, f"{ROOTFS}/{path}", content, 0o755)
        else:
            _replace(machine, f"{ROOTFS}/{path}", content)
    inject(machine, faults)
    return execute(configuration, case.args, flow=case.flow, machine=machine)


def _replace(machine: Machine, path: str, target: str | None) -> None:
    """Have nothing at `path`, or a link to `target`."""
    parent, _, name = path.rpartition("/")
    directory = find(machine.init.fs.root.dentry, parent)
    if name in directory.children:
        del directory.children[name]
    if target is not None:
        directory.add(name, directory.inode.sb.new_inode(FileType.LNK | 0o777, target=target))


def _located(planned: Fails, run: Run) -> list[Fault]:
    made: dict[tuple[str, str], int] = {}
    for event, step in zip(run.events, run.steps, strict=True):
        key = event.process, event.call.name
        made[key] = made.get(key, 0) + 1
        name = step.name if step is not None else ""
        if (name, event.call.name) == (planned.step, planned.call) and planned.holding in render_call(event.call, event.args):
            return [failure(*key, made[key] + n, planned.errno) for n in range(planned.times)]
    raise AssertionError(f"no such call: {planned}")


def message(run: Run) -> str | None:
    if run.message is None:
        return None
    text = run.message.replace(ROOTFS, "R").replace(DATA_PATH, "DATA")
    return re.sub(r"(\.pivot_root)\d+", r"\1N", text)


def exit_status(run: Run, role: Role) -> int | None:
    """With what the process that last had this role ended by itself."""
    for event, part in zip(reversed(run.events), reversed(run.roles), strict=True):
        if part is role and event.call.name == "exit_group":
            return int(event.args[0])
    return None


def look(kernel: Kernel, output: Fd) -> int:
    """Writes what a run has left on the host."""
    hierarchies = ("devices", "memory", "cpu", "cpuset", "cpuacct", "blkio", "perf_event", "freezer")
    for path in (f"{DATA_PATH}/state.json", *(f"/sys/fs/cgroup/{name}/initflow/heron" for name in hierarchies)):
        try:
            kernel.stat(path)
        except OSError:
            continue
        kernel.write(output, path.encode())
    return 0


def left_behind(run: Run) -> bytes:
    machine = run.machine
    inject(machine, [])
    machine.observers.clear()
    _, output = machine.spawn_captured(look)
    machine.run()
    return machine.captured(output)


# -- what the flow can say --


def mounting(*mounts: dict[str, Any] | None, **others: Any) -> dict[str, Any]:
    return {"mount_config": {**MOUNT_CONFIG, "mounts": mounts, **others}}


def devices(*nodes: dict[str, Any] | None) -> dict[str, Any]:
    return mounting(device_nodes=[NULL, *nodes])


def without(*kinds: str) -> list[dict[str, str]]:
    return [entry for entry in MINIMAL["namespaces"] if entry["type"] not in kinds]


def bind(**others: Any) -> dict[str, Any]:
    return mounting({"type": "bind", "source": "/home", "destination": "/mnt", **others})


@flow.step(writes="network_state")
def check_no_network(parent: Parent) -> None:
    parent.network_state = {}


@flow.step
def send_half_a_state(parent: Parent) -> None:
    parent.kernel.write(parent.pipe, b'{"veth_host": "')


@flow.step
def send_no_json(parent: Parent) -> None:
    parent.kernel.write(parent.pipe, b"veth")


LONG_NAME = "h" * 65
NS = "setup mount namespace "
FINAL = "finalize namespace "
USER = FINAL + "setup user "

CASES = [
    # -- D: init --
    Case("D1", "lstat /var/lib: permission denied", fails=(Fails("resolve_rootfs", "lstat", EACCES, '"/var/lib"'),)),
    Case("D2", "invalid environment 'PATH'", {"environment": ["A=b", "PATH"]}),
    Case("D2", "invalid environment ''", {"environment": [""]}),
    Case("D2", "setenv: invalid argument", {"environment": ["=b"]}),
    Case("D2", "setenv: invalid argument", {"environment": ["A=b\0c"]}),
    Case("D3", "EOF", flow=LIBCONTAINER.without("send_network_state")),
    Case("D3", "unexpected EOF", flow=LIBCONTAINER.replacing("send_network_state", send_half_a_state)),
    Case(
        "D3",
        "invalid character 'v' looking for beginning of value",
        flow=LIBCONTAINER.replacing("send_network_state", send_no_json),
    ),
    Case("D3", "read pipe: input/output error", fails=(Fails("read_network_state", "read", EIO),)),
    Case(
        "D4",
        "open /proc/1/ns/nope: no such file or directory",
        {"namespaces": [*without("NEWIPC"), {"type": "NEWIPC", "path": "/proc/1/ns/nope"}]},
    ),
    Case("D4", "invalid argument", {"namespaces": [*without("NEWIPC"), {"type": "NEWIPC", "path": "/proc/1/ns/net"}]}),
    Case("D4", "invalid argument", {"namespaces": [*without("NEWIPC"), {"type": "NEWDREAM", "path": "/etc/passwd"}]}),
    Case("D4", "open /proc\0: invalid argument", {"namespaces": [*without("NEWIPC"), {"type": "NEWIPC", "path": "/proc\0"}]}),
    Case("D5", "open terminal open /dev/pts/0: no such device or address", fails=(Fails("open_console", "open", ENXIO),)),
    Case("D5", "too many open files", fails=(Fails("open_console", "dup2", EMFILE, ", 1)"),)),
    Case("D6", "setsid operation not permitted", fails=(Fails("start_session", "setsid", EPERM),)),
    Case("D7", "setctty operation not permitted", fails=(Fails("set_controlling_terminal", "ioctl_tiocsctty", EPERM),)),
    Case("D9", "unable to apply network parameters without network namespace", {"namespaces": without("NEWNET")}),
    Case(
        "D9",
        "unable to apply network parameters without network namespace",
        {"namespaces": without("NEWNET"), "networks": [], "routes": [{}]},
    ),
    Case(
        "D10",
        "setup networking not a valid network strategy type",
        {"networks": [{"type": "carrier-pigeon"}]},
        flow=LIBCONTAINER.replacing("create_networks", check_no_network),
    ),
    Case(
        "D10",
        "setup networking lo up netlink rib: too many open files",
        fails=(Fails("initialise_networks", "socket", EMFILE),),
    ),
    Case(
        "D10",
        "setup networking lo up netlink rib: cannot allocate memory",
        fails=(Fails("initialise_networks", "recvmsg", ENOMEM),),
    ),
    Case(
        "D10",
        "setup networking lo up operation not permitted",
        fails=(Fails("initialise_networks", "sendmsg", EPERM, "NEWLINK"),),
    ),
    Case(
        "D12",
        "setup rlimits error setting rlimit type 7: invalid argument",
        {"rlimits": [{"type": 7, "soft": 2, "hard": 1}]},
    ),
    Case("D12", "setup rlimits error setting rlimit type -1: invalid argument", {"rlimits": [{"type": -1}]}),
    Case(
        "D12",
        "setup rlimits error setting rlimit type 7: operation not permitted",
        {"rlimits": [{"type": 7}]},
        fails=(Fails("set_limits", "setrlimit", EPERM),),
    ),
    Case("D14", "mount config is set without mount namespace", {"namespaces": without("NEWNS")}),
    Case("D16", "unable to set the hostname without UTS namespace", {"namespaces": without("NEWUTS")}),
    Case("D16", f'unable to sethostname "{LONG_NAME}": invalid argument', {"hostname": LONG_NAME}),
    Case(
        "D16",
        'unable to sethostname "a\\"\\x00\\u00a0é": operation not permitted',
        {"hostname": 'a"\0\u00a0é'},
        fails=(Fails("set_hostname", "sethostname", EPERM),),
    ),
    Case(
        "D19",
        "unable to restrict access to kernel files without mount namespace",
        {"namespaces": without("NEWNS"), "mount_config": None},
    ),
    Case(
        "D19",
        "unable to remount proc/sys readonly: permission denied",
        fails=(Fails("restrict_kernel_files", "mount", EACCES, "proc/sys"),),
    ),
    Case(
        "D19",
        "unable to remount proc/irq readonly: operation not permitted",
        fails=(Fails("restrict_kernel_files", "mount", EPERM, '("proc/irq", "proc/irq", NULL, MS_BIND'),),
    ),
    Case(
        "D19",
        "unable to remount proc/bus readonly: device or resource busy",
        fails=(Fails("restrict_kernel_files", "mount", EBUSY, '("proc/bus", "proc/bus", NULL, MS_RDONLY'),),
    ),
    Case(
        "D19",
        "unable to remount proc/sys readonly: unable to mount proc/sys as readonly max retries reached",
        fails=(Fails("restrict_kernel_files", "mount", EBUSY, "proc/sys", times=5),),
    ),
    Case(
        "D19",
        "unable to bind-mount /dev/null over /proc/kcore: operation not permitted",
        fails=(Fails("restrict_kernel_files", "mount", EPERM, "kcore"),),
    ),
    Case(
        "D20",
        "get parent death signal invalid argument",
        fails=(Fails("save_parent_death_signal", "prctl_get_pdeathsig", EINVAL),),
    ),
    Case(
        "D22",
        "restore parent death signal get parent death signal invalid argument",
        fails=(Fails("restore_parent_death_signal", "prctl_get_pdeathsig", EINVAL),),
    ),
    Case(
        "D22",
        "restore parent death signal set parent death signal invalid argument",
        fails=(Fails("restore_parent_death_signal", "prctl_set_pdeathsig", EINVAL),),
    ),
    Case("D23", 'exec: "bogus": executable file not found in $PATH', args=("bogus",)),
    Case("D23", 'exec: "true": executable file not found in $PATH', {"environment": ["PATH="]}, args=("true",)),
    Case("D23", 'exec: "": executable file not found in $PATH', args=("",)),
    Case("D23", 'exec: "/bin/bogus": stat /bin/bogus: no such file or directory', args=("/bin/bogus",)),
    Case("D23", 'exec: "/tmp": permission denied', args=("/tmp",)),
    Case("D23", 'exec: "etc/passwd": permission denied', args=("etc/passwd",)),
    Case("D23", "exec format error", image={"bin/odd": b"odd"}, args=("odd",)),
    Case("D23", "no such file or directory", image={"bin/odd": b"#!/bin/nowhere\n"}, args=("odd",)),
    Case("D23", "permission denied", fails=(Fails("execute", "execve", EACCES),)),
    # -- M: the mount namespace --
    Case("M1", NS + "mounting / with flags 44000 operation not permitted", fails=(Fails("cut_propagation", "mount", EPERM),)),
    Case(
        "M1",
        NS + "mounting / with flags 84000 operation not permitted",
        mounting(no_pivot_root=True),
        fails=(Fails("cut_propagation", "mount", EPERM),),
    ),
    Case("M2", NS + "mouting R as bind cannot allocate memory", fails=(Fails("bind_root", "mount", ENOMEM),)),
    Case("M3", NS + "mount system mkdirall R/proc mkdir R/proc: not a directory", image={"proc": b""}),
    Case(
        "M3",
        NS + "mount system mkdirall R/proc mkdir R/proc: no space left on device",
        image={"proc": None},
        fails=(Fails("mount_system", "mkdir", ENOSPC),),
    ),
    Case("M3", NS + "mount system mounting proc into R/proc no such file or directory", image={"proc": "/nowhere"}),
    *(
        Case(
            "M3",
            NS + f"mount system mounting {source} into R/{target} invalid argument",
            fails=(Fails("mount_system", "mount", EINVAL, f'("{source}", '),),
        )
        for source, target in (
            ("proc", "proc"),
            ("tmpfs", "dev"),
            ("shm", "dev/shm"),
            ("mqueue", "dev/mqueue"),
            ("devpts", "dev/pts"),
            ("sysfs", "sys"),
        )
    ),
    Case("M4", NS + "stat /nowhere: no such file or directory", bind(source="/nowhere")),
    Case("M4", NS + "stat /a\0b: invalid argument", bind(source="/a\0b")),
    Case("M4", NS + "evalSymlinksInScope: /var/lib/x is not in R", bind(destination="../../x")),
    Case("M4", NS + "evalSymlinksInScope: x is not in R", bind(destination="../rootfsx")),
    Case(
        "M4",
        NS + "evalSymlinksInScope: too many links in R/loop/x",
        bind(destination="/loop/x"),
        {"loop": "loop"},
    ),
    Case("M4", NS + "lstat R/etc/passwd/x: not a directory", bind(destination="/etc/passwd/x")),
    Case(
        "M4",
        NS + "creating new bind mount target mkdir R/mnt: read-only file system",
        bind(),
        fails=(Fails("mount_configured", "mkdir", EROFS),),
    ),
    Case(
        "M4",
        NS + "creating new bind mount target open R/etc/new: read-only file system",
        bind(source="/etc/hostname", destination="/etc/new"),
        fails=(Fails("mount_configured", "open", EROFS),),
    ),
    Case(
        "M4",
        NS + "mounting /home into R/mnt operation not permitted",
        bind(),
        fails=(Fails("mount_configured", "mount", EPERM),),
    ),
    Case("M4", NS + "mounting /home into R/etc/passwd not a directory", bind(destination="/etc/passwd")),
    Case(
        "M4",
        NS + "remounting /home into R/mnt operation not permitted",
        bind(),
        fails=(Fails("mount_configured", "mount", EPERM, "REMOUNT"),),
    ),
    Case(
        "M4",
        NS + "mounting R/mnt private invalid argument",
        bind(private=True),
        fails=(Fails("mount_configured", "mount", EINVAL, "PRIVATE"),),
    ),
    Case(
        "M4",
        NS + "creating new tmpfs mount target mkdir R/run: no space left on device",
        fails=(Fails("mount_configured", "mkdir", ENOSPC),),
    ),
    Case("M4", NS + "cannot allocate memory mounting R/run in tmpfs", fails=(Fails("mount_configured", "mount", ENOMEM),)),
    Case("M4", NS + "unsupported mount type nfs for /x", mounting({"type": "nfs", "destination": "/x"})),
    Case("M4", NS + "unsupported mount type  for ", mounting({})),
    Case(
        "M5",
        NS + "create device nodes mkdir R/etc/passwd: not a directory",
        devices({"type": 99, "path": "/etc/passwd/x"}),
    ),
    Case(
        "M5",
        NS + "create device nodes p is not a valid device type for device /dev/x",
        devices({"type": ord("p"), "path": "/dev/x"}),
    ),
    Case(
        "M5",
        NS + "create device nodes \ufffd is not a valid device type for device /dev/x",
        devices({"type": -5, "path": "/dev/x"}),
    ),
    Case(
        "M5",
        NS + "create device nodes \ufffd is not a valid device type for device /dev/x",
        devices({"type": 0xD800, "path": "/dev/x"}),
    ),
    Case(
        "M5",
        NS + "create device nodes \0 is not a valid device type for device ",
        devices({}),
    ),
    Case(
        "M5",
        NS + "create device nodes mknod /dev/null operation not permitted",
        {**NO_TTY, "cgroups": {"name": "heron", "parent": "initflow"}},
    ),
    Case(
        "M5",
        NS + "create device nodes chown /dev/null to 3:4",
        mounting(device_nodes=[{**NULL, "uid": 3, "gid": 4}]),
        fails=(Fails("create_device_nodes", "chown", EPERM),),
    ),
    Case("M6", NS + "remove R/dev/ptmx: device or resource busy", mounting({"type": "tmpfs", "destination": "/dev/ptmx"})),
    Case("M6", NS + "remove R/dev/ptmx: directory not empty", devices({**NULL, "path": "/dev/ptmx/null"})),
    Case(
        "M6",
        NS + "remove R/dev/ptmx: read-only file system",
        fails=(Fails("link_ptmx", "unlink", EROFS), Fails("link_ptmx", "rmdir", ENOTDIR)),
    ),
    Case(
        "M6",
        NS + "symlink dev ptmx symlink pts/ptmx R/dev/ptmx: no space left on device",
        fails=(Fails("link_ptmx", "symlink", ENOSPC),),
    ),
    Case("M6", NS + "chmod /dev/pts/0: operation not permitted", fails=(Fails("bind_console", "chmod", EPERM),)),
    Case("M6", NS + "chown /dev/pts/0: operation not permitted", fails=(Fails("bind_console", "chown", EPERM),)),
    Case(
        "M6",
        NS + "create R/dev/console open R/dev/console: is a directory",
        devices({**NULL, "path": "/dev/console/null"}),
    ),
    Case(
        "M6",
        NS + "bind /dev/pts/0 to R/dev/console operation not permitted",
        fails=(Fails("bind_console", "mount", EPERM),),
    ),
    Case(
        "M7",
        NS + "Failed to reopen /dev/null Failed to open /dev/null - open R/dev/null: no such file or directory",
        mounting(device_nodes=[]),
    ),
    Case(
        "M7",
        NS + "Failed to reopen /dev/null Failed to stat /dev/null - input/output error",
        fails=(Fails("reopen_dev_null", "fstat", EIO),),
    ),
    Case(
        "M7",
        NS + "Failed to reopen /dev/null Failed to stat fd 1 - input/output error",
        fails=(Fails("reopen_dev_null", "fstat", EIO, "(1)"),),
    ),
    Case(
        "M7",
        NS + "Failed to reopen /dev/null Failed to dup fd 4 to fd 0 - device or resource busy",
        NO_TTY,
        fails=(Fails("reopen_dev_null", "dup2", EBUSY),),
    ),
    Case(
        "M8",
        NS + "dev symlinks symlink /proc/self/fd/0 R/dev/stdin symlink /proc/self/fd/0 R/dev/stdin: no space left on device",
        fails=(Fails("link_standard_streams", "symlink", ENOSPC, "fd/0"),),
    ),
    Case("M9", NS + "chdir into R permission denied", fails=(Fails("enter_root", "chdir", EACCES),)),
    Case(
        "M10a",
        NS + "can't create tmp dir R/etc/passwd, error mkdir R/etc/passwd: not a directory",
        mounting(pivot_dir="/etc/passwd"),
    ),
    Case(
        "M10a",
        NS + "can't create pivot_root dir , error mkdir R/.pivot_rootN: read-only file system",
        fails=(Fails("switch_root", "mkdir", EROFS),),
    ),
    Case("M10a", NS + "pivot_root invalid argument", fails=(Fails("switch_root", "pivot_root", EINVAL),)),
    Case("M10a", NS + "pivot_root device or resource busy", flow=LIBCONTAINER.without("bind_root")),
    Case("M10a", NS + "chdir / permission denied", fails=(Fails("switch_root", "chdir", EACCES),)),
    Case("M10a", NS + "unmount pivot_root dir device or resource busy", fails=(Fails("switch_root", "umount2", EBUSY),)),
    Case("M10a", NS + "remove /.pivot_rootN: device or resource busy", fails=(Fails("switch_root", "rmdir", EBUSY),)),
    Case(
        "M10b",
        NS + "mount move R into / invalid argument",
        mounting(no_pivot_root=True),
        fails=(Fails("switch_root", "mount", EINVAL),),
    ),
    Case(
        "M10b",
        NS + "chroot . operation not permitted",
        mounting(no_pivot_root=True),
        fails=(Fails("switch_root", "chroot", EPERM),),
    ),
    Case(
        "M10b",
        NS + "permission denied",
        mounting(no_pivot_root=True),
        fails=(Fails("switch_root", "chdir", EACCES),),
    ),
    Case(
        "M11",
        NS + "set readonly device or resource busy",
        mounting(readonly_fs=True),
        fails=(Fails("make_root_readonly", "mount", EBUSY),),
    ),
    # -- F: the last steps --
    Case(
        "F1",
        FINAL + "close open file descriptors open /proc/self/fd: too many open files",
        fails=(Fails("close_on_exec", "open", EMFILE),),
    ),
    Case(
        "F1",
        FINAL + "close open file descriptors readdirent: input/output error",
        fails=(Fails("close_on_exec", "getdents64", EIO),),
    ),
    Case(
        "F1",
        FINAL + "close open file descriptors lstat /proc/self/fd/1: permission denied",
        fails=(Fails("close_on_exec", "lstat", EACCES, "fd/1"),),
    ),
    Case("F2", FINAL + "drop bounding set invalid argument", fails=(Fails("drop_bounding_set", "capget", EINVAL),)),
    Case(
        "F2",
        FINAL + "drop bounding set open /proc/self/status: permission denied",
        fails=(Fails("drop_bounding_set", "open", EACCES),),
    ),
    Case(
        "F2",
        FINAL + "drop bounding set read /proc/self/status: input/output error",
        fails=(Fails("drop_bounding_set", "read", EIO),),
    ),
    Case(
        "F2",
        FINAL + "drop bounding set operation not permitted",
        fails=(Fails("drop_bounding_set", "prctl_capbset_drop", EPERM, "SYSLOG"),),
    ),
    Case(
        "F3", FINAL + "set keep caps operation not permitted", fails=(Fails("keep_capabilities", "prctl_set_keepcaps", EPERM),)
    ),
    Case("F4", USER + "get supplementary groups Unable to find user bogus", {"user": "bogus"}),
    Case("F4", USER + "get supplementary groups Unable to find user daemon", {"user": "daemon"}, {"etc/passwd": None}),
    Case("F4", USER + "get supplementary groups Unable to find group bogus", {"user": "daemon:bogus"}),
    Case("F4", USER + "get supplementary groups Uids and gids must be in range 0-2147483647", {"user": "-1"}),
    Case("F4", USER + "setgroups operation not permitted", fails=(Fails("set_groups", "setgroups", EPERM),)),
    Case("F4", USER + "setgroups invalid argument", {"additional_groups": [-1]}),
    Case("F4", USER + "setgid operation not permitted", fails=(Fails("set_gid", "setgid", EPERM),)),
    Case("F4", USER + "setuid operation not permitted", fails=(Fails("set_uid", "setuid", EPERM),)),
    Case("F4", USER + "setuid invalid argument", image={"etc/passwd": b"daemon:x:4294967295:1"}),
    Case(
        "F4",
        USER + "set HOME setenv: invalid argument",
        {"environment": []},
        {"etc/passwd": b"daemon:x:1:1::/home\0:"},
    ),
    Case(
        "F5",
        FINAL + "clear keep caps operation not permitted",
        fails=(Fails("forget_keep_capabilities", "prctl_set_keepcaps", EPERM),),
    ),
    Case("F6", FINAL + "drop capabilities operation not permitted", fails=(Fails("drop_capabilities", "capset", EPERM),)),
    Case("F6", FINAL + "drop capabilities operation not permitted", flow=LIBCONTAINER.without("keep_capabilities")),
    Case("F7", FINAL + "chdir to /nowhere no such file or directory", {"working_dir": "/nowhere"}),
    Case("F7", FINAL + "chdir to /root permission denied", {"working_dir": "/root", "capabilities": []}),
    Case("F7", FINAL + "chdir to a\0b invalid argument", {"working_dir": "a\0b"}),
    # -- P: the parent itself --
    Case("P0", "open /dev/ptmx: no space left on device", fails=(Fails("allocate_terminal", "open", ENOSPC),)),
    Case("P0", "input/output error", fails=(Fails("allocate_terminal", "ioctl_tiocgptn", EIO),)),
    Case("P1", "too many open files", fails=(Fails("make_pipe", "socketpair", EMFILE),)),
    Case("P4", "open /dev/null: too many open files", fails=(Fails("start_init", "open", EMFILE),)),
    Case("P4", "fork/exec /usr/bin/nsinit: too many open files", fails=(Fails("start_init", "pipe2", EMFILE),)),
    Case("P4", "fork/exec /usr/bin/nsinit: operation not permitted", fails=(Fails("start_init", "clone", EPERM),)),
    Case(
        "P4",
        "fork/exec /usr/bin/nsinit: no such file or directory",
        {"root_fs": ROOTFS},
        fails=(Fails("change_to_rootfs", "chdir", ENOENT),),
    ),
    Case("P4", "fork/exec /usr/bin/nsinit: invalid argument", {"root_fs": "a\0b"}),
    Case("P4", "fork/exec /usr/bin/nsinit: device or resource busy", fails=(Fails("arrange_descriptors", "dup2", EBUSY),)),
    Case("P4", "fork/exec /usr/bin/nsinit: permission denied", fails=(Fails("start_program", "execve", EACCES),)),
    Case(
        "P4",
        "fork/exec /usr/bin/nsinit: invalid argument",
        fails=(Fails("set_parent_death_signal", "prctl_set_pdeathsig", EINVAL),),
    ),
    Case("P6", "open /proc/3/stat: no such file or directory", fails=(Fails("read_start_time", "open", ENOENT),)),
    Case("P6", "read /proc/3/stat: input/output error", fails=(Fails("read_start_time", "read", EIO),)),
    Case(
        "P7",
        "mkdir /sys/fs/cgroup/devices/initflow: cannot allocate memory",
        fails=(Fails("join_cgroups", "mkdir", ENOMEM),),
    ),
    Case("P9", "not a valid network strategy type", {"networks": [{"type": "carrier-pigeon"}]}),
    Case("P10", "open DATA/state.json: read-only file system", fails=(Fails("save_state", "open", EROFS),)),
    Case("P10", "write DATA/state.json: no space left on device", fails=(Fails("save_state", "write", ENOSPC),)),
    Case("P13", "write parent: broken pipe", fails=(Fails("send_network_state", "write", EPIPE),)),
    Case("P14", "input/output error", fails=(Fails("shut_down_sending", "shutdown", EIO),)),
    Case("P15", "read parent: connection reset by peer", fails=(Fails("await_init", "read", ECONNRESET),)),
    Case("P17", "wait: no child processes", fails=(Fails("wait_for_exit", "wait4", ECHILD),)),
]

LEAVES_SOMETHING = ("mkdir /sys/fs/cgroup", "write DATA/state.json")
"""A failed apply leaves directories, and what could not be written in full stays where it is, as in the original."""

NOT_EVEN_STARTED = ("P0", "P1", "P4")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.place}: {case.message}")
def test_the_message_is_the_originals_and_nothing_is_left(case: Case) -> None:
    result = run(case)
    assert message(result) == case.message
    assert result.reported is Reported.ERROR
    assert result.outcome in (Outcome.REFUSED, Outcome.EXECUTED)
    assert not result.standstill.hung
    assert exit_status(result, Role.PARENT) == 1
    assert result.output.decode("utf-8", "surrogateescape").endswith(f"failed to exec: {result.message}\n")
    assert exit_status(result, Role.INIT) in (None, 1)
    if case.place not in NOT_EVEN_STARTED and case.place != "P17":
        assert _ended(result) == ["kill(3, SIGKILL)", "wait4(3, 0)"]
    if not case.message.startswith(LEAVES_SOMETHING):
        assert left_behind(result) == b""


def _ended(run: Run) -> list[str]:
    """What the parent does to a process that it has started."""
    return [
        render_call(event.call, event.args)
        for event, role in zip(run.events, run.roles, strict=True)
        if role is Role.PARENT and event.call.name in ("kill", "wait4")
    ]


def test_every_place_that_can_fail_has_a_case() -> None:
    """Not here: D11, which is in test_networks.py; D17 and D18, which are in test_labels.py."""
    d = {f"D{n}" for n in (1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 14, 16, 19, 20, 22, 23)}
    m = {f"M{n}" for n in range(1, 12)} - {"M10"} | {"M10a", "M10b"}
    f = {f"F{n}" for n in range(1, 8)}
    p = {f"P{n}" for n in (1, 4, 6, 7, 9, 10, 13, 14, 15, 17)}
    assert d | m | f | p <= {case.place for case in CASES}


# -- what is no error --


def test_an_unlink_error_of_ptmx_is_hidden_by_the_rmdir_that_follows() -> None:
    result = run(Case("M6", "", fails=(Fails("link_ptmx", "unlink", EIO),)))
    assert result.outcome is Outcome.EXECUTED


@pytest.mark.parametrize(
    "fails",
    [
        Fails("restrict_kernel_files", "mount", ENOENT, "proc/sys"),
        Fails("restrict_kernel_files", "mount", EBUSY, "proc/sys", times=4),
        Fails("restrict_kernel_files", "mount", ENOENT, "kcore"),
        Fails("drop_bounding_set", "prctl_capbset_drop", EINVAL),
        Fails("close_on_exec", "lstat", ENOENT, "fd/2"),
        Fails("close_on_exec", "fcntl_setfd", EIO),
        Fails("link_standard_streams", "symlink", 17),
        Fails("link_standard_streams", "stat", EACCES),
        Fails("switch_root", "mkdir", 17),
        Fails("mount_configured", "stat", EACCES),
        Fails("look_up_user", "read", EIO, "(6,"),
        Fails("look_up_user", "open", EACCES, "group"),
    ],
    ids=lambda fails: f"{fails.step} {fails.call} {errno_text(fails.errno)}",
)
def test_these_errors_are_passed_over(fails: Fails) -> None:
    result = run(Case("", "", mounting({"type": "tmpfs", "destination": "/tmp"}), fails=(fails,)))
    assert (result.outcome, result.message) == (Outcome.EXECUTED, None)


@pytest.mark.parametrize(
    ("destination", "links", "target"),
    [
        ("/a", {"a": "/home"}, "R/home"),
        ("/a/b", {"a": "../../../../tmp/."}, "R/tmp/b"),
        ("/a", {"a": "b", "b": "//var/../etc"}, "R/etc"),
        ("/new/../tmp", {}, "R/tmp"),
        ("/a/x", {"a": "nowhere/../mnt"}, "R/mnt/x"),
        ("", {}, "R"),
        ("/a", {"a": "/"}, "R"),
    ],
)
def test_a_destination_is_looked_up_as_if_the_root_were_the_containers(destination: str, links: Image, target: str) -> None:
    result = run(Case("M4", "", mounting({"type": "tmpfs", "destination": destination}), links))
    mounted = [
        event.args[1].replace(ROOTFS, "R")
        for event, step in zip(result.events, result.steps, strict=True)
        if step is not None and step.name == "mount_configured" and event.call.name == "mount"
    ]
    assert mounted == [target]


@pytest.mark.parametrize(
    ("changes", "image"),
    [
        (devices(NULL), {}),
        ({"environment": ["A=1", "PATH=/bin", "A=2", "B="]}, {}),
        ({"capabilities": ["FLY", "CHOWN"]}, {}),
        ({"apparmor_profile": "docker-default", "process_label": "system_u"}, {}),
        ({"user": "0:0"}, {"etc/passwd": None, "etc/group": None}),
    ],
    ids=["a device twice", "a variable twice", "an unknown capability", "labels", "no users"],
)
def test_these_configurations_are_no_errors(changes: dict[str, Any], image: Image) -> None:
    result = run(Case("", "", changes, image))
    assert (result.outcome, result.message) == (Outcome.EXECUTED, None)


def test_a_parent_that_cannot_ask_whether_init_has_started_waits_for_it_for_ever() -> None:
    """As Go 1.4 does: the child is waited for, and it waits for the parent."""
    result = run(Case("P4", "", fails=(Fails("start_init", "read", EIO),)))
    assert [(waiting.process, waiting.call) for waiting in result.standstill.waiting] == [("1", "wait4"), ("1.1", "read")]


# -- crashes, which the parent takes for success --

CRASHES: dict[str, Case] = {
    "a mount namespace without mount_config": Case("M1", "", {"mount_config": None, "restrict_sys": False}),
    "a null mount": Case("M4", "", mounting(None)),
    "a null device": Case("M5", "", devices(None)),
    "no payload": Case("D23", "", args=()),
    "an error that cannot be reported": Case("D2", "", {"environment": ["x"]}, fails=(Fails("", "write", EPIPE, "(3,"),)),
}


@pytest.mark.parametrize("name", CRASHES)
def test_init_crashes_with_status_2_and_the_parent_knows_nothing_of_it(name: str) -> None:
    case = CRASHES[name]
    result = run(replace(case, changes={**NO_TTY, **case.changes}))
    assert (result.outcome, result.reported, result.message) == (Outcome.DIED, Reported.STARTED, None)
    assert exit_status(result, Role.INIT) == 2
    assert exit_status(result, Role.PARENT) == 2
    assert result.output.startswith(b"panic: ")
    assert left_behind(result) == b""


@pytest.mark.parametrize("call", ["open", "read", "stat", "getcwd"])
def test_an_init_that_does_not_get_as_far_as_its_steps_breaks_or_resets_the_connection(call: str) -> None:
    """It says why on standard error alone. That it has not read the parent's message is what the parent learns it by."""
    configuration = decode(json.dumps({**MINIMAL, **NO_TTY}).encode(), "test").configuration
    fault = failure("1.1", call, 1, EIO)

    def run_with(schedule: Schedule | None) -> Run:
        machine = Machine()
        inject(machine, [fault])
        prepared = prepare(configuration, machine=machine)
        return prepared.finish(machine.run(schedule=schedule))

    init_first = run_with(None)
    assert (init_first.outcome, init_first.message) == (Outcome.REFUSED, "write parent: broken pipe")
    parent_first = run_with(lambda ready: ready[0])
    assert (parent_first.outcome, parent_first.message) == (Outcome.REFUSED, "read parent: connection reset by peer")
    for result in (init_first, parent_first):
        assert b": input/output error\n" in result.output
        assert (exit_status(result, Role.INIT), exit_status(result, Role.PARENT)) == (1, 1)
        assert result.reported is Reported.ERROR
        assert left_behind(result) == b""


@pytest.mark.parametrize(
    ("changes", "left"),
    [({"networks": [None]}, True), ({"cgroups": None, "namespaces": without("NEWPID")}, False)],
    ids=["a null network: init is still in its cgroups", "neither cgroups nor a pid namespace"],
)
def test_the_parent_crashes_with_status_2(changes: dict[str, Any], left: bool) -> None:
    result = run(Case("P9", "", changes))
    assert exit_status(result, Role.PARENT) == 2
    assert b"panic: " in result.output
    assert not result.standstill.hung
    assert bool(left_behind(result)) is left


# -- the exit code --


@pytest.mark.parametrize(
    ("changes", "args", "code"),
    [
        ({}, ("true",), 0),
        ({}, ("false",), 1),
        ({}, ("sh", "-c", "exit 3"), 3),
        ({}, ("sh", "-c", "exit 255"), 255),
        ({}, ("sh", "-c", "kill -9 $$; exit 4"), 4),  # the init of a pid namespace is immune to itself
        ({"namespaces": without("NEWPID")}, ("sh", "-c", "exit 3"), 3),
        ({"namespaces": without("NEWPID")}, ("sh", "-c", "kill -9 $$"), 128 + Signal.KILL),
        ({"namespaces": without("NEWPID")}, ("sh", "-c", "kill -15 $$"), 128 + Signal.TERM),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_the_exit_code_is_the_payloads_or_128_and_its_signal(changes: dict[str, Any], args: tuple[str, ...], code: int) -> None:
    result = run(Case("P19", "", {**NO_TTY, **changes}, args=args))
    assert result.outcome is Outcome.EXECUTED
    assert exit_status(result, Role.PARENT) == code
    assert left_behind(result) == b""


# -- Go's texts --


@pytest.mark.parametrize(
    ("errno", "text"),
    [
        (ENOENT, "no such file or directory"), (EIO, "input/output error"), (73, "RFS specific error"),
        (116, "stale NFS file handle"), (133, "errno 133"),
    ],
)  # fmt: skip
def test_an_errno_reads_as_in_go(errno: int, text: str) -> None:
    assert errno_text(errno) == text


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("koye", '"koye"'), ('"\\', '"\\"\\\\"'),
        ("\\u0007", '"\\\\u0007"'), ("\a\b\f\n\r\t\v\0", '"\\a\\b\\f\\n\\r\\t\\v\\x00"'),
        ("\x7f", '"\\u007f"'), ("é☺", '"é☺"'), ("\u200b\U000e0001", '"\\u200b\\U000e0001"'), ("\udcff", '"\\xff"'),
    ],
)  # fmt: skip
def test_a_text_is_quoted_as_in_go(text: str, quoted: str) -> None:
    assert quote(text) == quoted


@pytest.mark.parametrize(("code", "char"), [(99, "c"), (-1, "\ufffd"), (0xDFFF, "\ufffd"), (0x110000, "\ufffd"), (0x263A, "☺")])
def test_a_code_point_is_shown_as_in_go(code: int, char: str) -> None:
    assert rune(code) == char


def ask_for_links(kernel: Kernel, output: Fd) -> int:
    for name in ("", "lo9"):
        try:
            find_link(kernel, name)
        except Exception as error:
            kernel.write(output, f"{error};".encode())
    return 0


def test_an_interface_that_is_not_there_is_named_by_no_text() -> None:
    machine = Machine()
    _, output = machine.spawn_captured(ask_for_links)
    machine.run()
    assert machine.captured(output) == b"invalid network interface name;no such network interface;"
