"""Control groups of both versions: which ones a process is in, and what freezing one does (cgroups(7), kernel/cgroup).

Each controller of version 1 has a hierarchy of its own; that of version 2, the unified one, is every machine's, mounted or not.
Most processes are in the root of each: only the other groups keep a list of their members, and only they stand in
`Task.cgroups`.
"""

from typing import TYPE_CHECKING, NamedTuple

from fakekernel import lifecycle, signalling
from fakekernel.store import TABLE, Record, Table
from fakekernel.task import Task
from kernelapi.flags import Signal

if TYPE_CHECKING:
    from fakekernel.filesystem import Dentry
    from fakekernel.machine import Machine
    from fakekernel.system import System

FREEZER = "freezer"
UNIFIED = ""
"""What stands for a controller in the unified hierarchy, as in /proc/PID/cgroup."""


class DeviceRule(NamedTuple):
    """An exception of a devices cgroup. `type` is "b" or "c"; a number that is None stands for all; `access` is of "rwm"."""

    type: str
    major: int | None
    minor: int | None
    access: frozenset[str]


class Cgroup(Record):
    """A control group: a directory of the hierarchy of `controller`, or UNIFIED, whose children are the directories in it.

    `members` are the processes that live in it, by global number; the root of a hierarchy has the rest. `values` is what has
    been written to those of its files that hold a plain value. With `allows_devices` all devices are allowed but for the
    `device_rules`, else none but those. `freezing` says what was written to its own freezer.state, or cgroup.freeze.
    `controls` are the controllers that a unified one has enabled for its children.
    """

    controller: str
    parent: "Cgroup | None"
    dentry: "Dentry | None" = None
    members: Table[int, Task] = TABLE
    values: Table[str, str] = TABLE
    allows_devices: bool = True
    device_rules: tuple[DeviceRule, ...] = ()
    freezing: bool = False
    controls: frozenset[str] = frozenset()

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
    def below(self) -> "list[Cgroup]":
        """It and all below it."""
        found = [self]
        for group in found:  # grows while it is walked
            found += group.children
        return found

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


def _name(entry: "tuple[str, Dentry]") -> str:
    return entry[0]


# -- membership --


def cgroup_of(system: "System", task: Task, controller: str) -> Cgroup:
    """The control group of `controller` that `task` is in. Raises `KeyError` where there is no such hierarchy."""
    for cgroup in task.cgroups:
        if cgroup.controller == controller:
            return cgroup
    return root_of(system, controller)


def root_of(system: "System", controller: str) -> Cgroup:
    """The root of a hierarchy. Raises `KeyError` where there is none of version 1."""
    if controller != UNIFIED:
        return system.cgroups[controller]
    assert system.unified is not None, "who asks for it has come by its mount"
    return system.unified


def members(system: "System", cgroup: Cgroup) -> list[Task]:
    """The processes in `cgroup` itself, in the order in which they came to it where that is the unified hierarchy."""
    if cgroup.parent is not None:
        found = cgroup.members.values()
    else:
        found = [task for task in system.tasks.values() if task.lives and cgroup_of(system, task, cgroup.controller) is cgroup]
    return sorted(found, key=_arrival) if cgroup.controller == UNIFIED else found


def _arrival(task: Task) -> tuple[int, int]:
    return task.arrival, task.pid.global_number


def join(task: Task) -> None:
    """Enter a process that was just made, with the control groups of its parent, into their lists (cgroup_post_fork)."""
    for cgroup in task.cgroups:
        cgroup.members[task.pid.global_number] = task
    task.arrival = task.sibling


def leave(task: Task) -> None:
    """Take a process that ends out of its control groups (cgroup_exit). The unified one is still known of a zombie."""
    for cgroup in task.cgroups:
        del cgroup.members[task.pid.global_number]
    task.cgroups = tuple(cgroup for cgroup in task.cgroups if cgroup.controller == UNIFIED)


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
    if target.controller == UNIFIED:
        task.arrival = machine.system.take_sibling()
    if target.controller in (FREEZER, UNIFIED):
        _follow(machine, target.controller, [task])


def _controller(cgroup: Cgroup) -> str:
    return cgroup.controller


# -- freezing --


def set_freezing(machine: "Machine", cgroup: Cgroup, freezing: bool) -> None:
    """Freeze or thaw `cgroup` and those below it; who is in several thaws with the last one (freezer_change_state,
    cgroup_freeze)."""
    if cgroup.freezing == freezing:
        return
    cgroup.freezing = freezing
    _follow(machine, cgroup.controller, processes_below(cgroup))


def processes_below(cgroup: Cgroup) -> list[Task]:
    """The processes in `cgroup`, which is no root, and in all below it."""
    return [task for group in cgroup.below for _, task in sorted(group.members.items(), key=_number)]


def _number(entry: tuple[int, Task]) -> int:
    return entry[0]


def _follow(machine: "Machine", controller: str, tasks: list[Task]) -> None:
    """Let each be as its control group says; the signals that came meanwhile arrive."""
    system = machine.system
    ended: list[tuple[Task, int]] = []
    for task in tasks:
        frozen = cgroup_of(system, task, controller).freezes
        if frozen != (task.paused if controller == UNIFIED else task.frozen):
            if controller == UNIFIED:
                task.paused = frozen
            else:
                task.frozen = frozen
            if not frozen and (status := signalling.thaw(machine, task)):
                ended.append((task, status))
    lifecycle.end_all(machine, ended)


def kill(machine: "Machine", sender: Task, cgroup: Cgroup) -> None:
    """End all in `cgroup` and below it, on behalf of `sender`, who may be one of them (cgroup_kill)."""
    posted = [(task, signalling.send(machine, sender, task, Signal.KILL)) for task in processes_below(cgroup)]
    lifecycle.end_all(machine, [(task, status) for task, status in posted if status])


# -- looking --


def render(system: "System", reader: Task, task: Task) -> str:
    """/proc/PID/cgroup of `task`: a line for each hierarchy, the last one first, with the path as `reader` sees it.

    Of a zombie all paths but the unified one are "/". (proc_cgroup_show)
    """
    tops = {cgroup.controller: cgroup for cgroup in reader.namespaces.cgroup.roots}
    places = {cgroup.controller: cgroup for cgroup in task.cgroups}
    roots = [(UNIFIED, system.unified), *system.cgroups.items()]
    lines = []
    for number, (controller, root) in enumerate(roots):
        top, cgroup = tops.get(controller, root), places.get(controller, root)
        path = "/"
        if top is not None and cgroup is not None and cgroup is not top and (task.lives or controller == UNIFIED):
            path = relative_path(top, cgroup)
        gone = " (deleted)" if controller == UNIFIED and cgroup is not None and cgroup.place.unlinked else ""
        lines.append(f"{number}:{controller}:{path}{gone}\n")
    return "".join(reversed(lines))


def relative_path(top: Cgroup, cgroup: Cgroup) -> str:
    """The path of `cgroup` in a cgroup namespace with the root `top`; with ".." if not below it (kernfs_path_from_node)."""
    here, there = top.path, cgroup.path
    common = 0
    while common < min(len(here), len(there)) and here[common] == there[common]:
        common += 1
    return "/" + "/".join(("..",) * (len(here) - common) + there[common:])
