"""Control groups as the parent uses them: joining, freezing, killing, removing (cgroups/fs of the original).

The original knows version 1 alone; of a host that has version 2, `initflow.steps.unified` takes care. Another named difference:
the subsystems come in one fixed order, where the original takes the random one of a map.
"""

from collections.abc import Callable
from contextlib import suppress
from errno import ENOENT

from initflow.configuration import Cgroup, Device
from initflow.flow import Panic
from initflow.golang import GoError, join, remove_all, stat
from initflow.steps import hierarchies, unified
from initflow.steps.hierarchies import NotFound, attempt, make_directory
from kernelapi.flags import Clock, Signal
from kernelapi.ids import Pid
from kernelapi.kernel import Kernel

FROZEN, THAWED = "FROZEN", "THAWED"
MILLISECOND = 1_000_000
ROUNDS, FIRST_DELAY = 5, 10 * MILLISECOND
LARGEST_RUNE, SURROGATES = 0x10FFFF, range(0xD800, 0xE000)
WILDCARD = -1
NOBODY = Pid(0)


# -- what the parent does --


def apply(kernel: Kernel, cgroup: Cgroup, pid: Pid) -> dict[str, str]:
    """Make the cgroup in each hierarchy, put the process into it, set its limits. Returns the directories by subsystem.

    Raises `GoError`. What was made before an error stays behind, as in the original.
    """
    hierarchies.look_for_systemd(kernel)
    found = hierarchies.find(kernel)
    if found.unified:
        return unified.apply(kernel, found.unified, cgroup, pid)
    place = _Place(kernel, found.separate, cgroup, pid)
    paths = {}
    for subsystem, join_and_limit in SUBSYSTEMS.items():
        join_and_limit(place)
        try:
            paths[subsystem] = place.path(subsystem)
        except NotFound:
            continue
    return paths


def freeze(kernel: Kernel, cgroup: Cgroup | None, state: str) -> None:
    """Freeze or thaw the processes of the cgroup, and wait until they are. Raises `GoError`."""
    found = hierarchies.find(kernel)
    if found.unified:
        unified.freeze(kernel, unified.directory(kernel, found.unified, cgroup), frozen=state == FROZEN)
    else:
        _freeze(_Place(kernel, found.separate, cgroup), state)


def kill_all(kernel: Kernel, cgroup: Cgroup | None) -> None:
    """Kill the processes of the cgroup, and wait for those that are children of the caller. Errors are nobody's business.

    Frozen first: one that forks could outrun the signals. A container without a configuration of cgroups crashes the parent.
    """
    hierarchies.look_for_systemd(kernel)
    try:
        found = hierarchies.find(kernel)
    except GoError:
        return  # there are no hierarchies
    if found.unified:
        unified.kill_all(kernel, found.unified, cgroup)
        return
    place = _Place(kernel, found.separate, cgroup)
    attempt(_freeze, place, FROZEN)
    try:
        pids = hierarchies.pids(kernel, place.path("devices"))
    except GoError:
        return
    for pid in pids:
        attempt(kernel.kill, pid, Signal.KILL)
    attempt(_freeze, place, THAWED)
    for pid in pids:
        attempt(kernel.wait4, pid)


def remove_paths(kernel: Kernel, paths: dict[str, str]) -> None:
    """Remove directories that `apply` returned, in up to five rounds: the last process in them may still be on its way out.

    Raises `GoError` where that is not enough.
    """
    left, delay = dict(paths), FIRST_DELAY
    for round in range(ROUNDS):
        if round:
            kernel.clock_nanosleep(Clock.MONOTONIC, 0, delay)
            delay *= 2
        for subsystem, path in list(left.items()):
            attempt(remove_all, kernel, path)
            try:
                stat(kernel, path)
            except GoError as error:
                if error.errno == ENOENT:
                    del left[subsystem]
        if not left:
            return
    shown = " ".join(f"{subsystem}:{path}" for subsystem, path in sorted(left.items()))
    raise GoError(f"Failed to remove paths: map[{shown}]")


def places(kernel: Kernel, cgroup: Cgroup) -> list[str]:
    """The directories that `apply` joins, one for each hierarchy that is there. Raises `GoError`."""
    mounted = hierarchies.find(kernel)
    if mounted.unified:
        return [unified.directory(kernel, mounted.unified, cgroup)]
    place, found = _Place(kernel, mounted.separate, cgroup), []
    for subsystem in SUBSYSTEMS:
        with suppress(NotFound):
            found.append(place.path(subsystem))
    return found


# -- where a cgroup is --


class _Place:
    """A cgroup of the configuration on this host: the root of the hierarchies, and its name below each."""

    def __init__(self, kernel: Kernel, root: str, cgroup: Cgroup | None, pid: Pid = NOBODY) -> None:
        self.kernel = kernel
        self.pid = pid
        self.root = root
        if cgroup is None:
            raise Panic("there is no configuration of cgroups")
        self.cgroup = cgroup
        self.name = join(cgroup.parent, cgroup.name) if cgroup.parent else cgroup.name

    def path(self, subsystem: str) -> str:
        """The directory: below the cgroup that process 1 is in, unless the name is absolute; then it must be there already."""
        if not self.name.startswith("/"):
            return join(self.root, subsystem, hierarchies.cgroup_of_init(self.kernel, subsystem), self.name)
        path = join(self.root, subsystem, self.name)
        try:
            stat(self.kernel, path)
        except GoError as error:
            if error.errno == ENOENT:
                raise NotFound(subsystem) from error
            raise
        return path

    def join(self, subsystem: str) -> str:
        """Make the directory and put the process into the cgroup."""
        path = self.path(subsystem)
        make_directory(self.kernel, path)
        self.write(path, "cgroup.procs", str(self.pid))
        return path

    def write(self, directory: str, file: str, text: str) -> None:
        hierarchies.write(self.kernel, directory, file, text)

    def read(self, directory: str, file: str) -> bytes:
        return hierarchies.read(self.kernel, directory, file)


# -- the subsystems --


def _devices(place: _Place) -> None:
    """Deny every device, then allow those of the configuration."""
    path = place.join("devices")
    if not place.cgroup.allow_all_devices:
        place.write(path, "devices.deny", "a")
        for device in place.cgroup.allowed_devices:
            if device is None:
                raise Panic("an allowed device of the configuration is null")
            place.write(path, "devices.allow", device_line(device))


def _memory(place: _Place) -> None:
    """A hierarchy that is not there matters only to those who want a limit."""
    cgroup = place.cgroup
    limited = bool(cgroup.memory or cgroup.memory_reservation or cgroup.memory_swap)
    try:
        path = place.join("memory")
    except GoError:
        attempt(remove_all, place.kernel, "")  # meant is the directory, whose name an error has emptied
        if limited:
            raise
        return
    if not limited:
        return
    if cgroup.memory:
        place.write(path, "memory.limit_in_bytes", str(cgroup.memory))
    if cgroup.memory_reservation:
        place.write(path, "memory.soft_limit_in_bytes", str(cgroup.memory_reservation))
    if cgroup.memory_swap == 0:  # as much again as of memory: nothing, if only a reservation is asked for
        place.write(path, "memory.memsw.limit_in_bytes", str(_int64(cgroup.memory * 2)))
    elif cgroup.memory_swap > 0:
        place.write(path, "memory.memsw.limit_in_bytes", str(cgroup.memory_swap))


def _cpu(place: _Place) -> None:
    cgroup, path = place.cgroup, place.join("cpu")
    for file, value in (
        ("cpu.shares", cgroup.cpu_shares),
        ("cpu.cfs_period_us", cgroup.cpu_period),
        ("cpu.cfs_quota_us", cgroup.cpu_quota),
    ):
        if value:
            place.write(path, file, str(value))


def _cpuset(place: _Place) -> None:
    """A cpuset starts empty, and an empty one takes no process: it first gets what its parent has."""
    path = place.path("cpuset")
    _ensure_cpuset(place, path)
    place.write(path, "cgroup.procs", str(place.pid))
    if place.cgroup.cpuset_cpus:
        place.write(path, "cpuset.cpus", place.cgroup.cpuset_cpus)
    if place.cgroup.cpuset_mems:
        place.write(path, "cpuset.mems", place.cgroup.cpuset_mems)


def _ensure_cpuset(place: _Place, path: str) -> None:
    parent = join(path, "..")
    try:
        stat(place.kernel, parent)
    except GoError as error:
        if error.errno != ENOENT:
            raise
        _ensure_cpuset(place, parent)
    make_directory(place.kernel, path)
    files = ("cpuset.cpus", "cpuset.mems")
    own = [place.read(path, file) for file in files]
    parents = [place.read(parent, file) for file in files]
    for file, mine, theirs in zip(files, own, parents, strict=True):
        if not mine.strip(b"\n"):
            place.write(path, file, theirs.decode())


def _cpuacct(place: _Place) -> None:
    _join_if_there(place, "cpuacct")


def _blkio(place: _Place) -> None:
    """Where the hierarchy is not there, a weight goes to a new file in the working directory."""
    path = _join_if_there(place, "blkio")
    if place.cgroup.blkio_weight:
        place.write(path, "blkio.weight", str(place.cgroup.blkio_weight))


def _perf_event(place: _Place) -> None:
    _join_if_there(place, "perf_event")


def _freezer(place: _Place) -> None:
    """A configuration that asks for a state gets it, or an error: the process does not join then."""
    if place.cgroup.freezer in (FROZEN, THAWED):
        _freeze(place, place.cgroup.freezer)
    else:
        _join_if_there(place, "freezer")


def _join_if_there(place: _Place, subsystem: str) -> str:
    try:
        return place.join(subsystem)
    except NotFound:
        return ""


SUBSYSTEMS: dict[str, Callable[[_Place], None]] = {
    "devices": _devices,
    "memory": _memory,
    "cpu": _cpu,
    "cpuset": _cpuset,
    "cpuacct": _cpuacct,
    "blkio": _blkio,
    "perf_event": _perf_event,
    "freezer": _freezer,
}
"""In the order in which the original lists them."""


def device_line(device: Device) -> str:
    """What allows a device: "c 1:3 rwm". A type that is no character becomes one that stands for that."""
    known = 0 <= device.type <= LARGEST_RUNE and device.type not in SURROGATES
    kind = chr(device.type if known else 0xFFFD)
    return f"{kind} {_device_number(device.major_number)}:{_device_number(device.minor_number)} {device.cgroup_permissions}"


def _device_number(number: int) -> str:
    return "*" if number == WILDCARD else str(number)


def _int64(value: int) -> int:
    """What is left of a product in 64 bits."""
    return (value + 2**63) % 2**64 - 2**63


# -- freezing and killing --


def _freeze(place: _Place, state: str) -> None:
    path = place.path("freezer")
    place.write(path, "freezer.state", state)
    while place.read(path, "freezer.state").strip() != state.encode():
        place.kernel.clock_nanosleep(Clock.MONOTONIC, 0, MILLISECOND)
