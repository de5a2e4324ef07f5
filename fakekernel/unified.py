"""The unified hierarchy of control groups, version 2: its directories and files (cgroups(7), Documentation cgroup-v2.rst).

There is one superblock, and one hierarchy of all controllers that version 1 does not have. A control group can be looked after
by who owns it; its processes share its resources with those in it, and not with its children.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from fakekernel import cgroup as groups
from fakekernel import cgroupfs
from fakekernel.behaviour import BEHAVIOURS, Listed
from fakekernel.cgroup import UNIFIED, Cgroup
from fakekernel.cgroupfs import READABLE, WRITABLE, WRITE_ONLY, CgroupDirectory, CgroupFile, named
from fakekernel.cgroupvalues import parse_number
from fakekernel.description import Description
from fakekernel.filesystem import Dentry, Superblock
from fakekernel.fstypes import FilesystemType, MountRequest, register
from fakekernel.permission import WRITE, permitted
from fakekernel.procfs.entry import Entry
from fakekernel.profile import CGROUP_V2
from fakekernel.releases import absent
from fakekernel.system import System
from kernelapi.errors import NotModelled
from kernelapi.protocol.cgroups import (
    CGROUP_KILLS,
    CGROUP_RANGE,
    CGROUP_READ_ONLY,
    CGROUP_SYNTAX,
    CGROUP_TOO_MANY,
    CGROUP_WRITE_ONLY,
    CONTROL_IN_USE,
    CONTROL_POPULATED,
    CONTROL_UNAVAILABLE,
    PROCS_ABOVE,
    PROCS_CONTROLS,
    THREADS_DOMAIN,
)
from kernelapi.protocol.mounts import MOUNT_BAD_OPTION

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.syscalls.table import Syscalls

CONTROLLERS = (*CGROUP_V2, "perf_event")
"""Those that it knows by name. The last one is on without having to be asked for, and is never listed."""

THREADED = frozenset(("cpuset", "cpu", "perf_event", "pids"))
"""Those that give out what threads can compete for: a control group may have processes and enable them for its children."""

IN_ALL = (
    "cgroup.controllers", "cgroup.max.depth", "cgroup.max.descendants", "cgroup.pressure", "cgroup.procs", "cgroup.stat",
    "cgroup.subtree_control", "cgroup.threads", "cpu.pressure", "cpu.stat", "cpu.stat.local", "io.pressure", "memory.pressure",
)  # fmt: skip
NOT_IN_ROOT = ("cgroup.events", "cgroup.freeze", "cgroup.kill", "cgroup.stat.local", "cgroup.type")
IN_ROOT = frozenset(("cpuset", "io", "memory", "misc"))
"""The controllers that have files in the root."""

READ_ONLY = frozenset(("cgroup.controllers", "cgroup.events", "cgroup.stat", "cgroup.stat.local", "cpu.stat", "cpu.stat.local"))
OPTIONS = frozenset(
    (
        "favordynmods", "memory_hugetlb_accounting", "memory_localevents", "memory_recursiveprot", "nsdelegate",
        "pids_localevents",
    )
)  # fmt: skip
PROCS, KILL = "cgroup.procs", "cgroup.kill"
MAX_DEPTH, MAX_DESCENDANTS, NO_LIMIT = "cgroup.max.depth", "cgroup.max.descendants", "max"
INT_MAX = 2**31 - 1


# -- directories --


class UnifiedDirectory(CgroupDirectory):
    """A control group. What the controllers that it has put there is not modelled."""

    behaviour = "cgroup2.directory"

    def names(self, cgroup: Cgroup) -> tuple[str, ...]:
        return IN_ALL if cgroup.parent is None else tuple(sorted((*IN_ALL, *NOT_IN_ROOT)))

    def entry(self, name: str) -> Entry:
        mode = WRITE_ONLY if name == KILL else READABLE if name in READ_ONLY else WRITABLE
        return Entry(name, mode, _behaviour(name))

    def lookup(self, kernel: "Syscalls", directory: Dentry, name: str) -> Dentry | None:
        if name == KILL and _has_no_kill(kernel):
            return None
        controller = name.partition(".")[0]
        if name not in IN_ALL and controller in _with_files(kernel, cast(Cgroup, directory.inode.subject)):
            raise NotModelled(f"the files of {controller} in the unified hierarchy")
        return super().lookup(kernel, directory, name)

    def entries(self, kernel: "Syscalls", directory: Dentry) -> Iterable[Listed]:
        if found := _with_files(kernel, cast(Cgroup, directory.inode.subject)):
            raise NotModelled(f"the files of {', '.join(found)} in the unified hierarchy")
        listed = super().entries(kernel, directory)
        return [each for each in listed if each.name != KILL] if _has_no_kill(kernel) else listed

    def make_directory(self, kernel: "Syscalls", directory: Dentry, name: str, mode: int) -> None:
        if "\n" not in name and _is_full(cast(Cgroup, directory.inode.subject)):
            kernel.refuse(CGROUP_TOO_MANY)
        super().make_directory(kernel, directory, name, mode)

    def inherit(self, kernel: "Syscalls", child: Cgroup, parent: Cgroup) -> None:
        """Nothing: what is written above holds for all below."""


def _has_no_kill(kernel: "Syscalls") -> bool:
    """Whether this release has no cgroup.kill yet."""
    return CGROUP_KILLS in absent(kernel.machine.host.release)


def _behaviour(name: str) -> str:
    return f"cgroup2:{name}"


def _is_full(parent: Cgroup) -> bool:
    """Whether one more below `parent` would be too many, or too deep, for `parent` or one above it."""
    group: Cgroup | None = parent
    level = 1
    while group is not None:
        depth, descendants = (_limit(group, name) for name in (MAX_DEPTH, MAX_DESCENDANTS))
        if level > depth or len(group.below) - 1 >= descendants:
            return True
        group, level = group.parent, level + 1
    return False


def _limit(cgroup: Cgroup, name: str) -> int:
    value = cgroup.values.get(name) or NO_LIMIT
    return INT_MAX if value == NO_LIMIT else int(value)


def available(kernel: "SyscallBase", cgroup: Cgroup) -> tuple[str, ...]:
    """The controllers that `cgroup` has: what its parent has enabled for its children; of the root, those of the host."""
    own = kernel.machine.host.cgroup_v2 or () if cgroup.parent is None else cgroup.parent.controls
    return tuple(name for name in CONTROLLERS if name in own)


def _with_files(kernel: "SyscallBase", cgroup: Cgroup) -> tuple[str, ...]:
    """Those of them that have files of their own there. In the root, most have none."""
    found = available(kernel, cgroup)
    return found if cgroup.parent is not None else tuple(name for name in found if name in IN_ROOT)


BEHAVIOURS[UnifiedDirectory.behaviour] = UnifiedDirectory()


# -- files --


class Unread(CgroupFile):
    """A file that is there; what is in it the model does not know, nor what writing it does."""

    def __init__(self, name: str) -> None:
        self.name = name

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        raise NotModelled(f"what is in {self.name} of a control group")

    def take(self, kernel: "Syscalls", description: Description, cgroup: Cgroup, text: str) -> None:
        if self.name in READ_ONLY:
            kernel.fail(CGROUP_READ_ONLY)
        raise NotModelled(f"writing {self.name} of a control group")


class Processes(CgroupFile):
    """cgroup.procs: the numbers are those of the reader's pid namespace, 0 for a process that is not in it."""

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        ns = kernel.task.pid_namespace
        return "".join(f"{task.pid.number_in(ns)}\n" for task in groups.members(kernel.machine.system, cgroup))

    def take(self, kernel: "Syscalls", description: Description, cgroup: Cgroup, text: str) -> None:
        task = named(kernel, text)
        source = groups.cgroup_of(kernel.machine.system, task, UNIFIED)
        above = _common(source, cgroup).place
        procs = BEHAVIOURS[above.inode.behaviour].lookup(kernel, above, PROCS)
        assert procs is not None, "every control group has this file"
        if not permitted(kernel, procs.inode, WRITE, description.cred):
            kernel.refuse(PROCS_ABOVE)
        self.check(kernel, source, cgroup)
        if cgroup.parent is not None and not cgroup.controls <= THREADED:
            kernel.refuse(PROCS_CONTROLS)
        # -- effects only below --
        if task.lives:
            groups.move(kernel.machine, task, cgroup)

    def check(self, kernel: "Syscalls", source: Cgroup, target: Cgroup) -> None:
        """Whether what is named may come from `source`: a whole process may, from everywhere."""


class Threads(Processes):
    """cgroup.threads: a process has one thread, and no control group is threaded."""

    def check(self, kernel: "Syscalls", source: Cgroup, target: Cgroup) -> None:
        if source is not target:
            kernel.refuse(THREADS_DOMAIN)


def _common(one: Cgroup, other: Cgroup) -> Cgroup:
    """The lowest control group that is above both, or is one of them."""
    below: Cgroup | None = one
    line = set[Cgroup]()
    while below is not None:
        line.add(below)
        below = below.parent
    while other.parent is not None and other not in line:
        other = other.parent
    return other


class Controllers(CgroupFile):
    """cgroup.controllers."""

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        return _line(available(kernel, cgroup))


class SubtreeControl(CgroupFile):
    """cgroup.subtree_control: "+" or "-" and the name of a controller, any number of times."""

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        return _line(tuple(name for name in CONTROLLERS if name in cgroup.controls))

    def take(self, kernel: "Syscalls", description: Description, cgroup: Cgroup, text: str) -> None:
        wanted: dict[str, bool] = {}
        for word in text.strip().split(" "):
            if word:
                if word[0] not in "+-" or word[1:] not in CONTROLLERS:
                    kernel.fail(CGROUP_SYNTAX)
                wanted[word[1:]] = word[0] == "+"
        changed = {name: on for name in CONTROLLERS if (on := wanted.get(name)) is not None and on != (name in cgroup.controls)}
        for name, on in changed.items():
            if on and name not in available(kernel, cgroup):
                kernel.refuse(CONTROL_UNAVAILABLE)
            if not on and any(name in child.controls for child in cgroup.children):
                kernel.refuse(CONTROL_IN_USE)
        enabled = {name for name, on in changed.items() if on}
        competes = cgroup.parent is not None and not (enabled | cgroup.controls) <= THREADED
        if enabled and competes and cgroup.members:
            kernel.refuse(CONTROL_POPULATED)
        # -- effects only below --
        if changed:
            cgroup.controls = cgroup.controls - {name for name, on in changed.items() if not on} | enabled


def _line(names: tuple[str, ...]) -> str:
    return f"{' '.join(names)}\n" if names else ""


class Events(CgroupFile):
    """cgroup.events. No call of the model takes so long that the processes would not be frozen yet."""

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        populated = any(group.members for group in cgroup.below)
        return f"populated {int(populated)}\nfrozen {int(cgroup.freezes)}\n"


class Freeze(CgroupFile):
    """cgroup.freeze."""

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        return f"{int(cgroup.freezing)}\n"

    def take(self, kernel: "Syscalls", description: Description, cgroup: Cgroup, text: str) -> None:
        freezing = _int(kernel, text, 0, 1)
        # -- effects only below --
        groups.set_freezing(kernel.machine, cgroup, bool(freezing))


class Kill(CgroupFile):
    """cgroup.kill."""

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        kernel.fail(CGROUP_WRITE_ONLY)

    def take(self, kernel: "Syscalls", description: Description, cgroup: Cgroup, text: str) -> None:
        _int(kernel, text, 1, 1)
        # -- effects only below --
        if kernel.happens(CGROUP_KILLS):
            groups.kill(kernel.machine, kernel.task, cgroup)


class Limit(CgroupFile):
    """cgroup.max.depth, cgroup.max.descendants."""

    def __init__(self, name: str) -> None:
        self.name = name

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        return f"{cgroup.values.get(self.name) or NO_LIMIT}\n"

    def take(self, kernel: "Syscalls", description: Description, cgroup: Cgroup, text: str) -> None:
        cgroup.values[self.name] = NO_LIMIT if text.strip() == NO_LIMIT else str(_int(kernel, text, 0, INT_MAX))


class Type(CgroupFile):
    """cgroup.type: a domain. What becomes of one that is to be threaded is not modelled."""

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        return "domain\n"

    def take(self, kernel: "Syscalls", description: Description, cgroup: Cgroup, text: str) -> None:
        if text.strip() != "threaded":
            kernel.fail(CGROUP_SYNTAX)
        raise NotModelled("a threaded control group")


def _int(kernel: "SyscallBase", text: str, low: int, high: int) -> int:
    """An int from `low` to `high` (kstrtoint)."""
    value = parse_number(text.strip())
    if value is None:
        kernel.fail(CGROUP_SYNTAX)
    if not low <= value <= high:
        kernel.fail(CGROUP_RANGE)
    return value


SPECIAL: dict[str, CgroupFile] = {
    PROCS: Processes(),
    "cgroup.threads": Threads(),
    "cgroup.controllers": Controllers(),
    "cgroup.subtree_control": SubtreeControl(),
    "cgroup.events": Events(),
    "cgroup.freeze": Freeze(),
    "cgroup.type": Type(),
    KILL: Kill(),
    **{name: Limit(name) for name in (MAX_DEPTH, MAX_DESCENDANTS)},
}
for _file in (*IN_ALL, *NOT_IN_ROOT):
    BEHAVIOURS[_behaviour(_file)] = SPECIAL.get(_file) or Unread(_file)


# -- mounting --


def _check(kernel: "SyscallBase", request: MountRequest) -> None:
    """In the initial cgroup namespace the options hold for the hierarchy; in others they are looked at, and that is all."""
    for key, value in request.options:
        if key not in OPTIONS or value is not None:
            kernel.refuse(MOUNT_BAD_OPTION)
    if request.options and kernel.task.namespaces.cgroup is kernel.machine.init.namespaces.cgroup:
        raise NotModelled(f"the unified hierarchy with {', '.join(key for key, _ in request.options)}")


def _instance(kernel: "SyscallBase", request: MountRequest) -> Superblock:
    return hierarchy(kernel.machine.system)


register(
    FilesystemType(
        name="cgroup2", make=_instance, check=_check, owner=cgroupfs.owner, top=cgroupfs.top, in_userns=True
    )
)  # fmt: skip


def hierarchy(system: System) -> Superblock:
    """The unified hierarchy: there is one, made when it is first asked for."""
    if system.unified is None:
        sb = Superblock(store=system.store, fstype="cgroup2", dev=system.take_dev(), userns=system.userns, source="cgroup2")
        root = Cgroup(store=system.store, controller=UNIFIED, parent=None)
        root.dentry = sb.make_root(0o555, behaviour=UnifiedDirectory.behaviour, subject=root)
        system.unified = root
    return system.unified.place.inode.sb
