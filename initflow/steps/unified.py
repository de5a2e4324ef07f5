"""Control groups of version 2 as the parent uses them: a host that has the unified hierarchy, and not those of version 1.

The original does not know such a host, and finds no mountpoint there. What is done here instead is what it does on others, as
far as that has a meaning: the control group is made at the same path, is joined, emptied and removed. Limits are files of
version 1, rules for devices too: a configuration that has some is refused by their names, and is not run without them.
"""

from errno import ENOENT
from functools import partial

from initflow.configuration import Cgroup
from initflow.flow import Panic
from initflow.golang import GoError, join, stat
from initflow.steps import hierarchies
from initflow.steps.hierarchies import UNIFIED, NotFound, attempt, make_directory, read, write
from kernelapi.flags import Clock, Signal
from kernelapi.ids import Pid
from kernelapi.kernel import Kernel

NAME = "unified"
"""What the hierarchy is called where each has a name: in state.json, and in errors."""

LIMITS = (
    "memory", "memory_reservation", "cpu_shares", "cpu_quota", "cpu_period", "cpuset_cpus", "cpuset_mems", "blkio_weight",
)  # fmt: skip
KILL = "cgroup.kill"
MILLISECOND = 1_000_000


def apply(kernel: Kernel, root: str, cgroup: Cgroup, pid: Pid) -> dict[str, str]:
    """Make the cgroup and put the process into it. Returns its directory, by NAME. Raises `GoError`."""
    if refused := _limits(cgroup):
        raise GoError(f"cgroups: the unified hierarchy takes no {', '.join(refused)}")
    path = directory(kernel, root, cgroup)
    make_directory(kernel, path)
    write(kernel, path, "cgroup.procs", str(pid))
    return {NAME: path}


def _limits(cgroup: Cgroup) -> list[str]:
    """What the configuration asks for, and cannot have: by its keys."""
    found = [] if cgroup.allow_all_devices else ["allowed_devices without allow_all_devices"]
    found += [key for key in LIMITS if getattr(cgroup, key)]
    found += ["memory_swap"] if cgroup.memory_swap > 0 else []
    return [*found, "freezer"] if cgroup.freezer == "FROZEN" else found  # init would be frozen before it is the payload


def directory(kernel: Kernel, root: str, cgroup: Cgroup | None) -> str:
    """Below the cgroup that process 1 is in, unless the name is absolute; then it must be there already. Raises `GoError`."""
    if cgroup is None:
        raise Panic("there is no configuration of cgroups")
    name = join(cgroup.parent, cgroup.name) if cgroup.parent else cgroup.name
    if not name.startswith("/"):
        return join(root, hierarchies.cgroup_of_init(kernel, UNIFIED), name)
    path = join(root, name)
    try:
        stat(kernel, path)
    except GoError as error:
        if error.errno == ENOENT:
            raise NotFound(NAME) from error
        raise
    return path


def freeze(kernel: Kernel, path: str, *, frozen: bool) -> None:
    """Freeze or thaw the processes of the cgroup, and wait until they are. Raises `GoError`."""
    write(kernel, path, "cgroup.freeze", str(int(frozen)))
    wanted = f"frozen {int(frozen)}".encode()
    while wanted not in read(kernel, path, "cgroup.events").splitlines():
        kernel.clock_nanosleep(Clock.MONOTONIC, 0, MILLISECOND)


def kill_all(kernel: Kernel, root: str, cgroup: Cgroup | None) -> None:
    """Kill the processes of the cgroup, and wait for those that are children of the caller. Errors are nobody's business.

    By cgroup.kill: one write, which no process that forks can outrun, and no pid that is in use again can misdirect. Before
    Linux 5.14, which has it first, they are frozen and killed one by one, as in version 1.
    """
    try:
        path = directory(kernel, root, cgroup)
        pids = hierarchies.pids(kernel, path)
    except GoError:
        return
    if _is_there(kernel, join(path, KILL)):
        attempt(write, kernel, path, KILL, "1")
    else:
        attempt(partial(freeze, frozen=True), kernel, path)
        for pid in pids:
            attempt(kernel.kill, pid, Signal.KILL)
        attempt(partial(freeze, frozen=False), kernel, path)
    for pid in pids:
        attempt(kernel.wait4, pid)


def _is_there(kernel: Kernel, path: str) -> bool:
    try:
        stat(kernel, path)
    except GoError:
        return False
    return True
