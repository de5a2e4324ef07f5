"""Mounts and the namespaces that they form a tree in (mount_namespaces(7), struct mount)."""

from typing import NamedTuple

from fakekernel.filesystem import Dentry, Inode, Superblock
from fakekernel.namespaces import Namespace
from fakekernel.store import TABLE, Record, Table


class Mount(Record):
    """A file system, or a subtree of one, attached somewhere.

    `flags` holds the per-mount `MountFlag` bits (RDONLY, NOSUID, NODEV, NOEXEC, NOATIME, ...). `group` is the peer group
    (0: not shared); `master` the group whose events it receives as a slave (0: none). `locked` and `locked_flags` are what a
    less privileged mount namespace may not undo. `source` is what /proc/PID/mountinfo shows as the source; "" stands for the
    superblock's. `expiring` says that umount2 has marked it with MNT_EXPIRE.
    """

    id: int
    sb: Superblock
    root: Dentry
    flags: int = 0
    parent: "Mount | None" = None
    mountpoint: Dentry | None = None
    ns: "MountNamespace | None" = None
    children: "Table[int, Mount]" = TABLE  # by id
    group: int = 0
    master: int = 0
    unbindable: bool = False
    locked: bool = False
    locked_flags: int = 0
    source: str = ""
    expiring: bool = False
    attached: int = 0  # its place in the order in which the children of its parent were attached
    attachments: int = 0  # how often something has been attached to it


class PeerGroup(Record):
    """The mounts that share their events (`members`), and those that only receive them (`slaves`), by id.

    `System.groups` holds it by its number as long as it has members.
    """

    members: Table[int, Mount] = TABLE
    slaves: Table[int, Mount] = TABLE


class MountNamespace(Namespace):
    """A tree of mounts. `mounts` holds all that are attached, by id."""

    root: Mount | None = None
    mounts: Table[int, Mount] = TABLE


class Path(NamedTuple):
    """A place in the tree: a dentry as seen through a mount (struct path)."""

    mount: Mount
    dentry: Dentry

    @property
    def inode(self) -> Inode:
        return self.dentry.inode
