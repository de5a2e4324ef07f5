"""The root of the machine's state: everything that a digest covers is reachable from here."""

from typing import TYPE_CHECKING

from fakekernel.filesystem import Superblock
from fakekernel.mount import Mount, MountNamespace, PeerGroup
from fakekernel.namespaces import PidNamespace
from fakekernel.store import TABLE, Record, Table
from fakekernel.task import Task
from fakekernel.userns import UserNamespace

if TYPE_CHECKING:
    from fakekernel.cgroup import Cgroup

FIRST_NAMESPACE_INUM = 0xF0000000
"""The first inode number that the kernel gives to a namespace made at run time (PROC_DYNAMIC_FIRST)."""


class System(Record):
    """What there is one of: the initial namespaces, the clock, the counters."""

    userns: UserNamespace
    pidns: PidNamespace
    mntns: MountNamespace | None = None
    pipefs: Mount | None = None  # where pipes have their inodes
    sockfs: Mount | None = None  # where sockets have theirs
    in_flight: Table[int, int] = TABLE  # descriptors that a user has sent and nobody has received, by his global id
    nsfs: Mount | None = None  # where namespaces have theirs
    pidfs: Mount | None = None  # where processes have theirs
    securityfs: Superblock | None = None  # the one instance, once there is one
    selinuxfs: Superblock | None = None
    tasks: Table[int, Task] = TABLE  # alive or zombie, by global number
    groups: Table[int, PeerGroup] = TABLE  # of mounts, by number
    cgroups: "Table[str, Cgroup]" = TABLE  # the root of each hierarchy of version 1, by its controller
    unified: "Cgroup | None" = None  # that of version 2, once it has been mounted
    clock: int = 0  # virtual nanoseconds since boot
    random: int = 0  # bytes of randomness handed out
    next_inum: int = FIRST_NAMESPACE_INUM
    next_mount: int = 1
    next_group: int = 1
    next_minor: int = 1
    next_sibling: int = 1
    suid_dumpable: int = 0
    terminals: int = 0  # how many pseudoterminals there are
    console: Record | None = None  # the terminal behind /dev/console, once it has been opened
    nr_open: int = 1048576
    sysctls: Table[str, int] = TABLE  # other parameters in /proc/sys that were changed
    mount_max: int = 100_000  # mounts in one namespace (/proc/sys/fs/mount-max)
    protected_symlinks: int = 0  # /proc/sys/fs/protected_symlinks, as the kernel starts
    protected_hardlinks: int = 1  # /proc/sys/fs/protected_hardlinks, as every distribution sets it

    def take_inum(self) -> int:
        """A number for a new namespace."""
        self.next_inum = (inum := self.next_inum) + 1
        return inum

    def take_mount_id(self) -> int:
        self.next_mount = (number := self.next_mount) + 1
        return number

    def take_group(self) -> int:
        """A number for a new peer group of mounts."""
        self.next_group = (group := self.next_group) + 1
        return group

    def take_sibling(self) -> int:
        """A place behind all others among the children of a process."""
        self.next_sibling = (place := self.next_sibling) + 1
        return place

    def take_dev(self) -> int:
        """A device number, major 0, for a file system without a device."""
        self.next_minor = (minor := self.next_minor) + 1
        return (minor & 0xFF) | (minor & ~0xFF) << 12
