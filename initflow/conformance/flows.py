"""A whole flow on both kernels: the same calls of the same processes, with the same answers.

The flow is played as a case is: in fresh namespaces, below a small tree with a container's root file system in it, the
hierarchies of control groups mounted, a bridge on the host's side. Its calls are recorded, and compared process by process:
how those of different processes lie in time differs on every run of a real kernel.

What two kernels may answer differently without being wrong stands in the tables below; everything else has to be equal.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from typing import Any

import msgspec

from fakekernel import subject
from fakekernel.machine import Machine
from fakekernel.profile import HostProfile, capture
from initflow import nsinit
from initflow.configuration import Configuration, encode
from kernelapi.event import Event
from kernelapi.flags import Clock, FileType, MountFlag, OpenFlag, Signal
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel
from kernelapi.programs import binding, live
from kernelapi.recorder import SharedLog, record
from kernelapi.testing import linux
from kernelapi.testing.case import Case, Report, read_all
from kernelapi.testing.network import give, make_bridge, up
from kernelapi.testing.stage import APPLETS, write_file
from kernelapi.values import DirEntry, Link, Message, NetlinkMessage, Stat

RUNTIME = "nsinit"
DATA_PATH = "/var/lib/initflow"
ROOTFS = f"{DATA_PATH}/rootfs"
CGROUPS = "/sys/fs/cgroup"
ENVIRONMENT = ("PATH=/bin", f"data_path={DATA_PATH}")
BRIDGE, BRIDGE_ADDRESS = "docker0", "172.17.42.1/16"
HIGH = Fd(50)

DIRECTORIES = ("", "/bin", "/etc", "/proc", "/sys", "/dev", "/tmp", "/run", "/root")


@dataclass(frozen=True)
class Played:
    """How a flow came out: the parent's exit status, what it and the payload said, and the calls of all that was recorded."""

    status: int
    output: bytes
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Difference:
    """A call of one process that the kernels answer differently, or that only one of them got to see."""

    process: str
    place: int
    real: str
    simulated: str

    def __str__(self) -> str:
        return f"process {self.process}, its call {self.place}:\n  real:      {self.real}\n  simulated: {self.simulated}"


# -- playing --


def play_real(
    configuration: Configuration,
    args: tuple[str, ...],
    controllers: tuple[str, ...],
    cleanup: Callable[[], None] = linux.nothing,
    *,
    enters: bool = False,
) -> Played:
    """Play the flow of a configuration on the real kernel. The caller must be root and single-threaded.

    `controllers` are those whose hierarchies it finds mounted; what it leaves in them, `cleanup` takes away. With `enters` it
    is the flow into a container that runs already, which is not recorded.
    """
    import kernelapi.linux.network  # noqa: F401  before the root is switched

    log = SharedLog()
    return _played(linux.run(_case(log, configuration, args, controllers, enters=enters), cleanup=cleanup), log)


def play_simulated(
    configuration: Configuration,
    args: tuple[str, ...],
    controllers: tuple[str, ...],
    host: HostProfile | None = None,
    *,
    enters: bool = False,
) -> Played:
    """Play it on a simulated kernel: that of `host`, or one like this host's."""
    log = SharedLog()
    machine = Machine(capture() if host is None else host, checks=True)
    return _played(subject.run(_case(log, configuration, args, controllers, enters=enters), machine), log)


def _case(
    log: SharedLog, configuration: Configuration, args: tuple[str, ...], controllers: tuple[str, ...], *, enters: bool
) -> Case:
    configuration = msgspec.structs.replace(configuration, root_fs=ROOTFS)
    law = partial(play, log=log, configuration=configuration, args=args, controllers=controllers, enters=enters)
    return Case(law, tree=True)


def _played(report: Report, log: SharedLog) -> Played:
    if not report.passed:
        raise AssertionError(report.failure)
    status, output = report.value
    return Played(status, output, tuple(log.events()))


def play(
    kernel: Kernel,
    log: SharedLog,
    configuration: Configuration,
    args: tuple[str, ...],
    controllers: tuple[str, ...],
    *,
    enters: bool = False,
) -> tuple[int, bytes]:
    """The case: prepare a host, run the flow on it, and return the status word of the parent and all that was said."""
    furnish(kernel, controllers)
    write_file(kernel, f"{DATA_PATH}/container.json", encode(configuration))
    if not enters:
        return _run(kernel, log, args)
    container = _start_container(kernel)
    result = _run(kernel, log, args)
    kernel.kill(json.loads(_read(kernel, f"{DATA_PATH}/state.json"))["init_pid"], Signal.KILL)
    kernel.wait4(container)
    return result


LASTING = ("/bin/sleep", "1000")
"""The payload of a container that is to be entered."""

INTERVAL = 5_000_000


def _start_container(kernel: Kernel) -> Pid:
    """Start a container that lasts, and come back when its payload runs. Returns its parent."""
    output = kernel.open("/dev/null", OpenFlag.WRONLY)
    parent = kernel.clone(Signal.CHLD, be_parent, SharedLog(), LASTING, output)
    kernel.close(output)
    while not _is_up(kernel):
        kernel.clock_nanosleep(Clock.MONOTONIC, 0, INTERVAL)
    return parent


def _is_up(kernel: Kernel) -> bool:
    """Whether there is a container, and its init has become the payload."""
    try:
        state = json.loads(_read(kernel, f"{DATA_PATH}/state.json"))
        return _read(kernel, f"/proc/{state['init_pid']}/cmdline").split(b"\0")[0] == LASTING[0].encode()
    except (OSError, ValueError):
        return False


def _read(kernel: Kernel, path: str) -> bytes:
    fd = kernel.open(path, OpenFlag.RDONLY)
    try:
        return read_all(kernel, fd)
    finally:
        kernel.close(fd)


def _run(kernel: Kernel, log: SharedLog, args: tuple[str, ...]) -> tuple[int, bytes]:
    """Run the flow: the status word of the parent, and all that was said."""
    reader, writer = kernel.pipe2(0)
    parent = kernel.clone(Signal.CHLD, be_parent, log, args, writer)
    kernel.close(writer)
    output = read_all(kernel, reader)
    return kernel.wait4(parent)[1], output


def furnish(kernel: Kernel, controllers: tuple[str, ...]) -> None:
    """What a host has ready for a container: its root file system, control groups, a bridge."""
    kernel.mkdir("/var/lib", 0o755)
    kernel.mkdir(DATA_PATH, 0o755)
    for directory in DIRECTORIES:
        kernel.mkdir(f"{ROOTFS}{directory}", 0o755)
    kernel.link("/bin/busybox", f"{ROOTFS}/bin/busybox")
    for name in APPLETS:
        kernel.symlink("busybox", f"{ROOTFS}/bin/{name}")
    for name in ("passwd", "group"):
        kernel.link(f"/etc/{name}", f"{ROOTFS}/etc/{name}")
    kernel.mount("sysfs", "/sys", "sysfs", MountFlag.NOSUID | MountFlag.NODEV | MountFlag.NOEXEC, "")
    kernel.mount("cgroup", CGROUPS, "tmpfs", 0, "mode=755")
    for controller in controllers:
        kernel.mkdir(f"{CGROUPS}/{controller}", 0o755)
        kernel.mount("cgroup", f"{CGROUPS}/{controller}", "cgroup", 0, controller)
    bridge = make_bridge(kernel, BRIDGE)
    give(kernel, BRIDGE_ADDRESS, bridge)
    up(kernel, 1, bridge)


def be_parent(kernel: Kernel, log: SharedLog, args: tuple[str, ...], output: Fd) -> int:
    """The parent of the flow: its output goes to `output`, its input is empty, nothing else is open."""
    output = kernel.dup3(output, HIGH, 0)
    null = kernel.dup3(kernel.open("/dev/null", OpenFlag.RDONLY), Fd(HIGH + 1), 0)
    for fd, source in enumerate((null, output, output)):
        kernel.dup2(source, Fd(fd))
    kernel.close_range(3, 0xFFFFFFFF, 0)
    recorded = record(binding(kernel, {RUNTIME: nsinit.main}), log)
    return live(recorded, nsinit.main, (RUNTIME, "exec", "--", *args), ENVIRONMENT)


# -- comparing --


def differences(real: Played, simulated: Played) -> Iterator[Difference]:
    """Each process' first call on which the kernels differ, in the order of the processes.

    An init that has reported why it fails is killed by its parent: how far it gets meanwhile is a race, and so is how it ends.
    """
    one, other = _by_process(real.events), _by_process(simulated.events)
    killed = _kills_init(real) and _kills_init(simulated)
    for process in sorted({*one, *other}, key=lambda name: tuple(map(int, name.split(".")))):
        pairs = zip_longest(map(normal, one.get(process, ())), map(normal, other.get(process, ())), fillvalue=NOTHING)
        for place, (ours, theirs) in enumerate(pairs):
            if killed and process == INIT and NOTHING in (ours, theirs):
                break
            if killed and ours.startswith("wait4") and theirs.startswith("wait4"):
                continue
            if ours != theirs:
                yield Difference(process, place, ours, theirs)
                break


PARENT, INIT = "1", "1.1"
NOTHING = "nothing more"


def _kills_init(played: Played) -> bool:
    return any(event.process == PARENT and event.call.name == "kill" for event in played.events)


def _by_process(events: tuple[Event, ...]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.process, []).append(event)
    return found


def normal(event: Event) -> str:
    """A call and its answer as a line, without what differs between two runs of one kernel, or between two hosts."""
    args = tuple(map(_value, event.args))
    result = f"errno {event.errno}" if event.errno else repr(_value(event.result))
    line = f"{event.call.name}{args} = {RESULTS.get(event.call.name, result)}"
    for pattern, replacement in TEXTS:
        line = re.sub(pattern, replacement, line)
    return line


RESULTS = {
    "clock_gettime": "a time",
    "getrandom": "random bytes",
    "getsockname": "the number of a socket",
}
"""Calls whose result says nothing: time, randomness, numbers given away at will."""

TEXTS: tuple[tuple[str, str], ...] = (
    (r"\.pivot_root\d+", ".pivot_root#"),  # a name made of the time
    (r"vh[0-9a-f]{7}", "vh#"),  # a name made at random
    (r'(init_start_time":")\d+(.*) = \d+$', r"\1#\2 = all of it"),  # clock ticks since the boot
    (r'(init_start_time":")\d+', r"\1#"),
    (r"'\d+ \(\w+\) [RSD] .*?'", "'the state of a process'"),  # /proc/PID/stat: an interpreter's name, times
)
"""What is rewritten in the text of a call, wherever it stands."""


def _value(value: Any) -> Any:
    """A value without the numbers that a kernel gives away as it likes."""
    match value:
        case Stat():
            return _stat(value)
        case DirEntry():
            return value.name, value.type
        case bytes():
            return _content(value.decode("utf-8", "backslashreplace"))
        case NetlinkMessage():
            return replace(value, pid=0, body=_link(value.body))
        case Message():
            return _value(value.data), value.fds, value.flags
        case tuple() | list():
            return tuple(map(_value, value))
        case Callable() if hasattr(value, "__name__"):
            return value.__name__
        case int():
            return int(value)  # whatever enumeration it is one of
        case _:
            return value


def _stat(found: Stat) -> tuple[str, int, int, int, int]:
    """Without numbers of devices and inodes, links, and sizes: directories grow as others write, programs are not alike.

    The directory of a control group is as wide open as that of the test's own group is.
    """
    mode = found.mode & ~0o222 if found.type is FileType.DIR else found.mode
    return ("stat", mode, found.uid, found.gid, found.rdev)


def _content(text: str) -> Any:
    """What was read: of files that show a whole host, the part that a flow looks at."""
    if text.startswith("Name:\t"):
        return tuple(line for line in text.splitlines() if line.startswith(("Uid", "Gid", "Groups", "Cap", "NoNewPrivs")))
    if re.match(r"\d+ \d+ \d+:\d+ /", text):
        return tuple(_mount_line(line) for line in text.splitlines())
    if re.match(r"\d+:[\w=,]*:/", text):
        return frozenset(line.partition(":")[2] for line in text.splitlines()) & frozenset(f"{name}:/" for name in KNOWN)
    return text


KNOWN = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "perf_event")
"""The controllers that the flow asks for; a host has others."""


def _mount_line(line: str) -> str:
    """A line of mountinfo without the numbers of mounts and devices."""
    return line.split(" ", 3)[-1]


def _link(body: Any) -> Any:
    """A link without what a driver decides, and without its counters and random addresses."""
    if isinstance(body, Link):
        return replace(body, address=None if body.address is None else "an address", flags=body.flags & 0xFFF & ~0x40)
    return body
