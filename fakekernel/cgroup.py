"""Control groups of version 1: which ones a process is in, and what freezing one does (cgroups(7), kernel/cgroup).

Each controller has a hierarchy of its own. Most processes are in the root of each: only the other groups keep a list of their
members, and only they stand in `Task.cgroups`.
"""

from typing import TYPE_CHECKING, NamedTuple

from fakekernel import lifecycle, signalling
from fakekernel.store import TABLE, Record, Table
from fakekernel.task import Task

if TYPE_CHECKING:
    from fakekernel.filesystem import Dentry
    from fakekernel.machine import Machine
    from fakekernel.system import System

FREEZER = "freezer"


class DeviceRule(NamedTuple):
    """An exception of a devices cgroup. `type` is "b" or "c"; a number that is None stands for all; `access` is of "rwm"."""

    type: str
    major: int | None
    minor: int | None
    access: frozenset[str]


class Cgroup(Record):
    """A control group: a directory of the hierarchy of `controller`, whose children are the directories in it.

    `members` are the processes that live in it, by global number; the root of a hierarchy has the rest. `values` is what has
    been written to those of its files that hold a plain value. With `allows_devices` all devices are allowed but for the
    `device_rules`, else none but those. `freezing` says what was written to its own freezer.state.
    """

    controller: str
    parent: "Cgroup | None"
    dentry: "Dentry | None" = None
    members: Table[int, Task] = TABLE
    values: Table[str, str] = TABLE
    allows_devices: bool = True
    device_rules: tuple[DeviceRule, ...] = ()
    freezing: bool = False

    @property
    def place(self) -> "Dentry":
        """Its directory."""
        assert self.dentry is not None, "a control group is made with its directory"
        return self.dentry

    @property
    def children(self) -> "list[Cgroup]":
        """Those below it, by name."""
        inodes = [child.inode for _, child in sorted(self.place.children.items(), key=_name)]
        return [inode.subject for inode in inodes if inode.is_directory and isinstance(inode.subject, Cgroup)]

    @property
    def path(self) -> tuple[str, ...]:
        """The names from the root of the hierarchy down to it."""
        return () if self.parent is None else (*self.parent.path, self.place.name)

    @property
    def parent_freezes(self) -> bool:
        """Whether one above it is freezing."""
        above = self.parent
        while above is not None and not above.freezing:
            above = above.parent
        return above is not None

    @property
    def freezes(self) -> bool:
        """Whether the processes in it may not run."""
        return self.freezing or self.parent_freezes

    def __repr__(self) -> str:
        return f"<Cgroup {self.controller}:/{'/'.join(self.path)}>"


def _name(entry: "tuple[str, Dentry]") -> str:
    return entry[0]


# -- membership --


def cgroup_of(system: "System", task: Task, controller: str) -> Cgroup:
    """The control group of `controller` that `task` is in. Raises `KeyError` where there is no such hierarchy."""
    for cgroup in task.cgroups:
        if cgroup.controller == controller:
            return cgroup
    return system.cgroups[controller]


def members(system: "System", cgroup: Cgroup) -> list[Task]:
    """The processes in `cgroup` itself."""
    if cgroup.parent is not None:
        return cgroup.members.values()
    controller = cgroup.controller
    return [task for task in system.tasks.values() if task.lives and cgroup_of(system, task, controller) is cgroup]


def join(task: Task) -> None:
    """Enter a process that was just made, with the control groups of its parent, into their lists (cgroup_post_fork)."""
    for cgroup in task.cgroups:
        cgroup.members[task.pid.global_number] = task


def leave(task: Task) -> None:
    """Take a process that ends out of its control groups (cgroup_exit)."""
    for cgroup in task.cgroups:
        del cgroup.members[task.pid.global_number]
    task.cgroups = ()


def move(machine: "Machine", task: Task, target: Cgroup) -> None:
    """Take `task`, which lives, from its control group in the hierarchy of `target` into that (cgroup_attach_task)."""
    number = task.pid.global_number
    old = cgroup_of(machine.system, task, target.controller)
    if old is target:
        return
    if old.parent is not None:
        del old.members[number]
    others = [cgroup for cgroup in task.cgroups if cgroup is not old]
    if target.parent is not None:
        target.members[number] = task
        others.append(target)
    task.cgroups = tuple(sorted(others, key=_controller))
    if target.controller == FREEZER:
        _follow(machine, [task])


def _controller(cgroup: Cgroup) -> str:
    return cgroup.controller


# -- freezing --


def set_freezing(machine: "Machine", cgroup: Cgroup, freezing: bool) -> None:
    """Freeze or thaw `cgroup` and those below it; who is in several thaws with the last one (freezer_change_state)."""
    if cgroup.freezing == freezing:
        return
    cgroup.freezing = freezing
    below = [cgroup]
    for group in below:  # grows while it is walked
        below += group.children
    _follow(machine, [task for group in below for _, task in sorted(group.members.items(), key=_number)])


def _number(entry: tuple[int, Task]) -> int:
    return entry[0]


def _follow(machine: "Machine", tasks: list[Task]) -> None:
    """Let each be as its control group says; the signals that came meanwhile arrive."""
    system = machine.system
    ended: list[tuple[Task, int]] = []
    for task in tasks:
        frozen = cgroup_of(system, task, FREEZER).freezes
        if task.frozen != frozen:
            task.frozen = frozen
            if not frozen and (status := signalling.thaw(machine, task)):
                ended.append((task, status))
    lifecycle.end_all(machine, ended)


# -- looking --


def render(system: "System", reader: Task, task: Task) -> str:
    """/proc/PID/cgroup of `task`: a line for each hierarchy, the last one first, with the path as `reader` sees it.

    Of a zombie all paths are "/". (proc_cgroup_show)
    """
    tops = {cgroup.controller: cgroup for cgroup in reader.namespaces.cgroup.roots}
    places = {cgroup.controller: cgroup for cgroup in task.cgroups}
    lines = ["0::/\n"]
    for number, (controller, root) in enumerate(system.cgroups.items(), 1):
        top, cgroup = tops.get(controller, root), places.get(controller, root)
        path = relative_path(top, cgroup) if task.lives and cgroup is not top else "/"
        lines.append(f"{number}:{controller}:{path}\n")
    return "".join(reversed(lines))


def relative_path(top: Cgroup, cgroup: Cgroup) -> str:
    """The path of `cgroup` in a cgroup namespace with the root `top`; with ".." if not below it (kernfs_path_from_node)."""
    here, there = top.path, cgroup.path
    common = 0
    while common < min(len(here), len(there)) and here[common] == there[common]:
        common += 1
    return "/" + "/".join(("..",) * (len(here) - common) + there[common:])
