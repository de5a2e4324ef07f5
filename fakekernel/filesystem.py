"""File systems as data: superblocks, inodes, and the dentries that name them (path_resolution(7), struct super_block)."""

from typing import Any

from fakekernel.store import TABLE, Record, Table
from fakekernel.userns import UserNamespace
from kernelapi.flags import S_IFDIR, S_IFLNK, S_IFMT, FileType
from kernelapi.ids import Kgid, Kuid

ROOT_UID, ROOT_GID = Kuid(0), Kgid(0)

INVALID_UID, INVALID_GID = Kuid(2**32 - 1), Kgid(2**32 - 1)
"""What belongs to them belongs to nobody: no user namespace maps them."""


class Superblock(Record):
    """One instance of a file system. `flags` holds the `MountFlag` bits that are the superblock's own (RDONLY, ...).

    `context` is the label that all its files have, where the mount gave one. `subject` is what the instance shows: the pid
    namespace of a proc, the net namespace of a sysfs, None for most.
    """

    fstype: str
    dev: int
    userns: UserNamespace
    flags: int = 0
    options: str = ""
    context: str = ""
    source: str = "none"
    root: "Dentry | None" = None
    next_ino: int = 1
    subject: Record | None = None

    def new_inode(
        self,
        mode: int,
        uid: Kuid = ROOT_UID,
        gid: Kgid = ROOT_GID,
        *,
        rdev: int = 0,
        content: bytes = b"",
        target: str = "",
        behaviour: str = "",
        subject: Record | None = None,
    ) -> "Inode":
        """A new inode of this file system, not yet named."""
        ino = self.next_ino
        self.next_ino = ino + 1
        links = 2 if mode & S_IFMT == S_IFDIR else 1
        return Inode(
            store=self.store, sb=self, ino=ino, mode=mode, uid=uid, gid=gid, nlink=links, rdev=rdev, content=content,
            target=target, behaviour=behaviour, subject=subject,
        )  # fmt: skip

    def make_root(self, mode: int = 0o755, *, behaviour: str = "", subject: Record | None = None) -> "Dentry":
        """Give the file system its root directory."""
        inode = self.new_inode(FileType.DIR | mode, behaviour=behaviour, subject=subject)
        self.root = Dentry(store=self.store, name="/", parent=None, inode=inode)
        return self.root


class Inode(Record):
    """A file. `behaviour` names what reading, writing, opening, listing and following it does; "" is plain.

    `subject` is the object of the kernel that a behaviour is about: the task of /proc/PID/status, the pipe of a FIFO.
    `write_count` counts the descriptions that a regular file is open for writing with, or, as a negative number, the address
    spaces whose program it is.
    """

    sb: Superblock
    ino: int
    mode: int
    uid: Kuid
    gid: Kgid
    nlink: int = 1
    rdev: int = 0
    content: bytes = b""
    target: str = ""
    behaviour: str = ""
    subject: Record | None = None
    write_count: int = 0
    xattrs: Table[str, bytes] = TABLE

    @property
    def type(self) -> FileType:
        return FileType(self.mode & S_IFMT or FileType.REG)  # a pidfd is a regular file that shows no type

    @property
    def is_directory(self) -> bool:
        return self.mode & S_IFMT == S_IFDIR

    @property
    def is_symlink(self) -> bool:
        return self.mode & S_IFMT == S_IFLNK


class Dentry(Record):
    """A name of an inode in a directory. `mounted` holds what is mounted on it, by the id of the mount that it is seen in."""

    name: str
    parent: "Dentry | None"  # None: the root of its file system
    inode: Inode
    children: "Table[str, Dentry]" = TABLE
    mounted: "Table[int, Any]" = TABLE  # of Mount
    unlinked: bool = False

    def add(self, name: str, inode: Inode) -> "Dentry":
        """Name `inode` in this directory."""
        child = Dentry(store=self.store, name=name, parent=self, inode=inode)
        self.children[name] = child
        if inode.mode & S_IFMT == S_IFDIR:
            self.inode.nlink += 1
        return child
