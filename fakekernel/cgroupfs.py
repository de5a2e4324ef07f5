"""The file system of control groups, version 1: a superblock for each hierarchy, which all its mounts share (kernel/cgroup).

A directory is a control group, and its files are there as soon as it is. They are made when they are looked up, as in proc.
Files of which the model knows that they are there, and not what is in them, say so when they are read.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from fakekernel import cgroup as groups
from fakekernel import cpuset, devicecgroup
from fakekernel.behaviour import BEHAVIOURS, Behaviour, Listed
from fakekernel.cgroup import Cgroup
from fakekernel.cgroupvalues import VALUES, Value, parse_number
from fakekernel.description import Description
from fakekernel.filesystem import Dentry, Superblock
from fakekernel.fstypes import FilesystemType, MountRequest, register
from fakekernel.namespaces import PidNamespace
from fakekernel.procfs.entry import Entry, MadeFile, make, number
from fakekernel.system import System
from fakekernel.task import StructPid, Task
from kernelapi.errors import NotModelled
from kernelapi.flags import FileType
from kernelapi.protocol.cgroups import (
    CGROUP_BUSY,
    CGROUP_GONE,
    CGROUP_NAME,
    CGROUP_READ_ONLY,
    CGROUP_SYNTAX,
    CGROUP_TOO_LONG,
    CGROUP_WRITE_ONLY,
    PROCS_EMPTY_CPUSET,
    PROCS_NO_PROCESS,
    PROCS_OTHERS,
    PROCS_SYNTAX,
)
from kernelapi.protocol.mounts import MOUNT_BAD_OPTION

if TYPE_CHECKING:
    from fakekernel.profile import HostProfile
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.syscalls.table import Syscalls
    from fakekernel.userns import UserNamespace

PAGE = 4096
WRITABLE, READABLE, WRITE_ONLY = FileType.REG | 0o644, FileType.REG | 0o444, FileType.REG | 0o200

IN_ALL = ("cgroup.clone_children", "cgroup.procs", "notify_on_release", "tasks")
IN_ROOT = ("cgroup.sane_behavior", "release_agent")
"""What the root has besides, in every hierarchy."""

FILES: dict[str, tuple[str, ...]] = {
    "blkio": ("blkio.bfq.weight", "blkio.reset_stats"),
    "cpu": ("cpu.cfs_burst_us", "cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.idle", "cpu.shares", "cpu.stat"),
    "cpuacct": ("cpuacct.stat", "cpuacct.usage", "cpuacct.usage_percpu"),
    "cpuset": (
        "cpuset.cpu_exclusive", "cpuset.cpus", "cpuset.effective_cpus", "cpuset.effective_mems", "cpuset.mem_exclusive",
        "cpuset.mem_hardwall", "cpuset.memory_migrate", "cpuset.memory_pressure", "cpuset.memory_spread_page",
        "cpuset.memory_spread_slab", "cpuset.mems", "cpuset.sched_load_balance", "cpuset.sched_relax_domain_level",
    ),
    "devices": ("devices.allow", "devices.deny", "devices.list"),
    "freezer": ("freezer.parent_freezing", "freezer.self_freezing", "freezer.state"),
    "memory": (
        "memory.failcnt", "memory.force_empty", "memory.kmem.limit_in_bytes", "memory.kmem.usage_in_bytes",
        "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.memsw.limit_in_bytes", "memory.memsw.usage_in_bytes",
        "memory.move_charge_at_immigrate", "memory.oom_control", "memory.soft_limit_in_bytes", "memory.stat",
        "memory.swappiness", "memory.usage_in_bytes", "memory.use_hierarchy",
    ),
    "perf_event": (),
}  # fmt: skip
"""The controllers that a host can have, and the files of each. There is no blkio.weight: it went with CFQ, in Linux 5.0."""

NOT_IN_ROOT = frozenset(("blkio.bfq.weight", "cpu.idle", *FILES["freezer"]))

LIVE_READ_ONLY = frozenset(("devices.list", "freezer.parent_freezing", "freezer.self_freezing"))
UNREAD_READ_ONLY = frozenset(
    (
        "cgroup.sane_behavior", "cpu.stat", "cpuacct.stat", "cpuacct.usage_percpu", "cpuset.effective_cpus",
        "cpuset.effective_mems", "cpuset.memory_pressure", "memory.kmem.usage_in_bytes", "memory.memsw.usage_in_bytes",
        "memory.stat", "memory.usage_in_bytes",
    )
)  # fmt: skip
UNREADABLE = frozenset(("blkio.reset_stats", "devices.allow", "devices.deny", "memory.force_empty"))


# -- directories --


def _names(cgroup: Cgroup) -> tuple[str, ...]:
    own = FILES[cgroup.controller]
    if cgroup.parent is None:
        return (*IN_ALL, *IN_ROOT, *(name for name in own if name not in NOT_IN_ROOT))
    return (*IN_ALL, *own)


def _mode(name: str) -> int:
    if name in UNREADABLE:
        return WRITE_ONLY
    return READABLE if name in LIVE_READ_ONLY or name in UNREAD_READ_ONLY else WRITABLE


def _behaviour(name: str) -> str:
    return f"cgroup:{name}"


class CgroupDirectory(Behaviour):
    """A control group: its files, made on demand, and those below it."""

    missing_is_final = False
    behaviour = "cgroup.directory"

    def names(self, cgroup: Cgroup) -> tuple[str, ...]:
        """Its files."""
        return _names(cgroup)

    def entry(self, name: str) -> Entry:
        """How the file `name` is made."""
        return Entry(name, _mode(name), _behaviour(name))

    def lookup(self, kernel: "Syscalls", directory: Dentry, name: str) -> Dentry | None:
        if directory.unlinked:
            return None
        kept = directory.children.get(name)
        if kept is not None:
            return kept
        inode = directory.inode
        cgroup = cast(Cgroup, inode.subject)
        if name not in self.names(cgroup):
            return None
        return make(directory, self.entry(name), subject=cgroup, uid=inode.uid, gid=inode.gid)

    def entries(self, kernel: "Syscalls", directory: Dentry) -> Iterable[Listed]:
        inode = directory.inode
        cgroup = cast(Cgroup, inode.subject)
        files = [Listed(name, number(inode, name), FileType.REG) for name in self.names(cgroup)]
        return files + [Listed(child.place.name, child.place.inode.ino, FileType.DIR) for child in cgroup.children]

    def make_directory(self, kernel: "Syscalls", directory: Dentry, name: str, mode: int) -> None:
        if "\n" in name:
            kernel.refuse(CGROUP_NAME)
        # -- effects only below --
        cred, parent = kernel.task.cred, cast(Cgroup, directory.inode.subject)
        child = Cgroup(store=kernel.store, controller=parent.controller, parent=parent)
        inode = directory.inode.sb.new_inode(
            FileType.DIR | mode, cred.fsuid, cred.fsgid, behaviour=self.behaviour, subject=child
        )
        child.dentry = directory.add(name, inode)
        self.inherit(kernel, child, parent)

    def inherit(self, kernel: "Syscalls", child: Cgroup, parent: Cgroup) -> None:
        """What a control group has from its parent when it is made."""
        _inherit(kernel, child, parent)

    def remove_directory(self, kernel: "Syscalls", directory: Dentry) -> None:
        cgroup, parent = cast(Cgroup, directory.inode.subject), directory.parent
        if cgroup.members or cgroup.children:
            kernel.fail(CGROUP_BUSY)
        if any(child.mounted for child in directory.children.values()):
            raise NotModelled("removing a control group on whose files something is mounted")
        # -- effects only below --
        assert parent is not None, "the root of a file system has no name that could be removed"
        del parent.children[directory.name]
        parent.inode.nlink -= 1
        directory.unlinked = True


def _inherit(kernel: "Syscalls", child: Cgroup, parent: Cgroup) -> None:
    """devcgroup_online, cpuset_css_online, cgroup_create."""
    if child.controller == devicecgroup.DEVICES:
        child.allows_devices, child.device_rules = parent.allows_devices, parent.device_rules
    if (released := parent.values.get("notify_on_release")) is not None:
        child.values["notify_on_release"] = released
    if parent.values.get("cgroup.clone_children") == "1":
        child.values["cgroup.clone_children"] = "1"
        if child.controller == cpuset.CPUSET:
            for name in cpuset.LISTS:
                child.values[name] = cpuset.render(cpuset.held(kernel.machine, parent, name))


BEHAVIOURS[CgroupDirectory.behaviour] = CgroupDirectory()


# -- files --


class CgroupFile(MadeFile):
    """A file of a control group. After the control group is gone it is of no use to those who have it open."""

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        return self.text(kernel, description, alive(kernel, description)).encode(errors="surrogateescape")

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        if not data:
            return 0
        if len(data) > PAGE:
            kernel.refuse(CGROUP_TOO_LONG)
        cgroup = alive(kernel, description)
        self.take(kernel, description, cgroup, data.partition(b"\0")[0].decode("latin-1"))
        return len(data)

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        """What the file says."""
        kernel.fail(CGROUP_WRITE_ONLY)

    def take(self, kernel: "Syscalls", description: Description, cgroup: Cgroup, text: str) -> None:
        """Take what is written."""
        kernel.fail(CGROUP_READ_ONLY)


def alive(kernel: "Syscalls", description: Description) -> Cgroup:
    """The control group of an open file, if it is still there."""
    cgroup = cast(Cgroup, description.inode.subject)
    if cgroup.place.unlinked:
        kernel.refuse(CGROUP_GONE)
    return cgroup


class Unread(CgroupFile):
    """A file that is there; what is in it the model does not know, nor what writing it does."""

    def __init__(self, name: str) -> None:
        self.name = name

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        if self.name in UNREADABLE:
            kernel.fail(CGROUP_WRITE_ONLY)
        raise NotModelled(f"what is in {self.name} of a control group")

    def take(self, kernel: "Syscalls", description: Description, cgroup: Cgroup, text: str) -> None:
        if self.name in UNREAD_READ_ONLY:
            kernel.fail(CGROUP_READ_ONLY)
        raise NotModelled(f"writing {self.name} of a control group")


class Plain(CgroupFile):
    """A value that the model keeps: what may be written, and how it reads then, the `Value` knows."""

    def __init__(self, name: str, value: Value) -> None:
        self.name, self.value = name, value

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        return (cgroup.values.get(self.name) or self.value.default) + "\n"

    def take(self, kernel: "Syscalls", description: Description, cgroup: Cgroup, text: str) -> None:
        cgroup.values[self.name] = self.value.accept(kernel, cgroup, text)


class Processes(CgroupFile):
    """cgroup.procs, and tasks: a process has one thread. The numbers are those of the reader's, or writer's, pid namespace."""

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        ns = kernel.task.pid_namespace
        numbers = sorted(task.pid.number_in(ns) for task in groups.members(kernel.machine.system, cgroup))
        return "".join(f"{number}\n" for number in numbers if number)

    def take(self, kernel: "Syscalls", description: Description, cgroup: Cgroup, text: str) -> None:
        task = named(kernel, text)
        opener = description.cred.euid
        if opener != 0 and opener not in (task.cred.uid, task.cred.suid):
            kernel.refuse(PROCS_OTHERS)
        if not task.lives:
            return
        if cgroup.controller == cpuset.CPUSET and cpuset.is_empty(kernel.machine, cgroup):
            kernel.refuse(PROCS_EMPTY_CPUSET)
        # -- effects only below --
        groups.move(kernel.machine, task, cgroup)


def named(kernel: "Syscalls", text: str) -> Task:
    """The process whose number is written; 0 is the writer itself (cgroup_procs_write_start)."""
    tgid = _parse_pid(text)
    if tgid is None:
        kernel.fail(PROCS_SYNTAX)
    pid: StructPid | None = kernel.task.pid if tgid == 0 else _space(kernel).pids.get(tgid)
    if pid is None or pid.task is None:
        kernel.fail(PROCS_NO_PROCESS)
    return pid.task


def _space(kernel: "Syscalls") -> PidNamespace:
    return kernel.task.pid_namespace


def _parse_pid(text: str) -> int | None:
    """A number that an int can hold, and that is none below 0."""
    value = parse_number(text.strip())
    return value if value is not None and 0 <= value < 2**31 else None


class DevicesList(CgroupFile):
    """devices.list."""

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        return devicecgroup.listing(cgroup)


class DevicesRule(CgroupFile):
    """devices.allow, devices.deny."""

    def __init__(self, change: "Callable[[SyscallBase, Cgroup, str], None]") -> None:
        self.change = change

    def take(self, kernel: "Syscalls", description: Description, cgroup: Cgroup, text: str) -> None:
        self.change(kernel, cgroup, text.strip())


class CpusetList(CgroupFile):
    """cpuset.cpus, cpuset.mems."""

    def __init__(self, name: str) -> None:
        self.name = name

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        return cpuset.render(cpuset.held(kernel.machine, cgroup, self.name)) + "\n"

    def take(self, kernel: "Syscalls", description: Description, cgroup: Cgroup, text: str) -> None:
        cpuset.write(kernel, cgroup, self.name, text.strip())


FREEZER_STATES = {"FROZEN": True, "THAWED": False}


class FreezerState(CgroupFile):
    """freezer.state. FREEZING is never seen: no call of the model takes so long that the others would have to wait for it."""

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        return "FROZEN\n" if cgroup.freezes else "THAWED\n"

    def take(self, kernel: "Syscalls", description: Description, cgroup: Cgroup, text: str) -> None:
        freezing = FREEZER_STATES.get(text.strip())
        if freezing is None:
            kernel.fail(CGROUP_SYNTAX)
        # -- effects only below --
        groups.set_freezing(kernel.machine, cgroup, freezing)


class FreezerFlag(CgroupFile):
    """freezer.self_freezing, freezer.parent_freezing."""

    def __init__(self, flag: Callable[[Cgroup], bool]) -> None:
        self.flag = flag

    def text(self, kernel: "Syscalls", description: Description, cgroup: Cgroup) -> str:
        return f"{int(self.flag(cgroup))}\n"


def _own_freezing(cgroup: Cgroup) -> bool:
    return cgroup.freezing


def _parents_freezing(cgroup: Cgroup) -> bool:
    return cgroup.parent_freezes


SPECIAL: dict[str, CgroupFile] = {
    "cgroup.procs": Processes(),
    "tasks": Processes(),
    "devices.list": DevicesList(),
    "devices.allow": DevicesRule(devicecgroup.allow),
    "devices.deny": DevicesRule(devicecgroup.deny),
    "freezer.state": FreezerState(),
    "freezer.self_freezing": FreezerFlag(_own_freezing),
    "freezer.parent_freezing": FreezerFlag(_parents_freezing),
    **{name: CpusetList(name) for name in cpuset.LISTS},
    **{name: Plain(name, value) for name, value in VALUES.items()},
}
for _files in (IN_ALL, IN_ROOT, *FILES.values()):
    for _file in _files:
        BEHAVIOURS[_behaviour(_file)] = SPECIAL.get(_file) or Unread(_file)


# -- mounting --


def _check(kernel: "SyscallBase", request: MountRequest) -> None:
    """The options name controllers. Making a new hierarchy is not modelled, nor is one with several of them."""
    names = [key for key, _ in request.options]  # a value is not looked at
    if any(name not in FILES for name in names):
        kernel.refuse(MOUNT_BAD_OPTION)
    if len(names) != 1 or names[0] not in kernel.machine.system.cgroups:
        raise NotModelled(f"a hierarchy of the controllers {', '.join(names) or 'that are free'}")


def _instance(kernel: "SyscallBase", request: MountRequest) -> Superblock:
    return kernel.machine.system.cgroups[request.options[0][0]].place.inode.sb


def owner(kernel: "SyscallBase") -> "UserNamespace":
    """A hierarchy is mounted by who may do so in the cgroup namespace."""
    return kernel.task.namespaces.cgroup.owner


def top(kernel: "SyscallBase", sb: Superblock) -> Dentry:
    """What a mount of a hierarchy shows: as much of it as the caller's cgroup namespace (cgroup_do_get_tree)."""
    assert sb.root is not None
    controller = cast(Cgroup, sb.root.inode.subject).controller
    roots = kernel.task.namespaces.cgroup.roots
    return next((root.place for root in roots if root.controller == controller), sb.root)


register(FilesystemType(name="cgroup", make=_instance, check=_check, owner=owner, top=top, in_userns=True))


def hierarchies(system: System, host: "HostProfile") -> list[Superblock]:
    """Make the hierarchies of `host`, which is starting: one for each controller."""
    made = []
    for controller in host.cgroup_v1:
        if controller not in FILES:
            raise NotModelled(f"the control groups of {controller}")
        store = system.store
        sb = Superblock(
            store=store, fstype="cgroup", dev=system.take_dev(), userns=system.userns, options=controller, source="cgroup"
        )
        root = Cgroup(store=store, controller=controller, parent=None)
        root.dentry = sb.make_root(0o555, behaviour=CgroupDirectory.behaviour, subject=root)
        system.cgroups[controller] = root
        made.append(sb)
    return made
