"""Entries of proc: directories whose children come from a table, files whose text is made when it is read (fs/proc/generic.c).

What is in a table stays once it was looked up: something may be mounted on it, and whoever has it open sees how its owner
changes. The links that stand for descriptors and interfaces, which come and go, are made anew each time.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from fakekernel.behaviour import BEHAVIOURS, Behaviour, Listed
from fakekernel.description import Description
from fakekernel.filesystem import ROOT_GID, ROOT_UID, Dentry, Inode
from fakekernel.store import Record
from kernelapi.flags import S_IFMT, FileType, Seek
from kernelapi.ids import Kgid, Kuid
from kernelapi.protocol.descriptors import LSEEK_NEGATIVE, LSEEK_WHENCE, WRITE_NOT_WRITABLE

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls

DIRECTORY = FileType.DIR | 0o555
FILE = FileType.REG | 0o444
LINK = FileType.LNK | 0o777


class Entry(NamedTuple):
    """A child of a directory: what stat shows of it, and how it behaves. `target` is what a plain link holds."""

    name: str
    mode: int
    behaviour: str
    target: str = ""

    @property
    def type(self) -> FileType:
        return FileType(self.mode & S_IFMT)


def number(directory: Inode, name: str) -> int:
    """The inode number of the child `name`: a function of its path alone, whoever asks first.

    The upper half is that of the process, in the lower half lies a checksum of the names.
    """
    return directory.ino & ~0xFFFFFFFF | crc32(name.encode(errors="surrogateescape"), directory.ino & 0xFFFFFFFF)


def make(
    directory: Dentry,
    entry: Entry,
    *,
    ino: int | None = None,
    subject: Record | None = None,
    uid: Kuid = ROOT_UID,
    gid: Kgid = ROOT_GID,
    kept: bool = True,
) -> Dentry:
    """A dentry of `entry`; where it is `kept`, `directory` will have it from now on."""
    parent = directory.inode
    store = parent.store
    inode = Inode(
        store=store, sb=parent.sb, ino=number(parent, entry.name) if ino is None else ino, mode=entry.mode, uid=uid, gid=gid,
        nlink=2 if entry.type == FileType.DIR else 1, behaviour=entry.behaviour, subject=subject, target=entry.target,
    )  # fmt: skip
    child = Dentry(store=store, name=entry.name, parent=directory, inode=inode)
    if kept:
        directory.children[entry.name] = child
    return child


def table(*entries: Entry) -> dict[str, Entry]:
    """`entries` by name, in their order."""
    return {entry.name: entry for entry in entries}


class TableDirectory(Behaviour):
    """A directory with the children of a table; they have its subject."""

    def __init__(self, children: Mapping[str, Entry]) -> None:
        self.children = children

    def lookup(self, kernel: "Syscalls", directory: Dentry, name: str) -> Dentry | None:
        if (kept := directory.children.get(name)) is not None:
            return kept
        entry = self.children.get(name)
        return None if entry is None else make(directory, entry, subject=directory.inode.subject)

    def entries(self, kernel: "Syscalls", directory: Dentry) -> Iterable[Listed]:
        return [Listed(name, number(directory.inode, name), entry.type) for name, entry in self.children.items()]


class MadeFile(Behaviour):
    """A file whose content is made when it is read from its start, and kept for those who read on (fs/seq_file.c)."""

    @abstractmethod
    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        """What the file holds now."""

    def read(self, kernel: "Syscalls", description: Description, count: int) -> bytes:
        offset = description.offset
        if offset == 0:
            made = self.content(kernel, description)
            if made != description.made:
                description.made = made
        else:
            made = description.made
        data = made[offset : offset + count]
        if data:
            description.offset = offset + len(data)
        return data

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        kernel.refuse(WRITE_NOT_WRITABLE)
        return len(data)

    def seek(self, kernel: "Syscalls", description: Description, offset: int, whence: int) -> int:
        if whence == Seek.CUR:
            offset += description.offset
        elif whence == Seek.END:  # nobody knows where that is (seq_lseek)
            kernel.refuse(LSEEK_WHENCE)
        if offset < 0:
            kernel.refuse(LSEEK_NEGATIVE)
            offset = 0
        # -- effects only below --
        if offset != description.offset:
            description.offset = offset
        return offset


class FixedFile(MadeFile):
    """A file that says always the same."""

    def __init__(self, text: str) -> None:
        self.text = text.encode()

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        return self.text


class PlainLink(Behaviour):
    """A symbolic link that holds its inode's target."""

    def size(self, kernel: "Syscalls", inode: Inode) -> int:
        return len(inode.target)


class EmptyDirectory(TableDirectory):
    """A directory without children."""

    def __init__(self) -> None:
        super().__init__({})


BEHAVIOURS["proc.link"] = PlainLink()
BEHAVIOURS["proc.empty"] = EmptyDirectory()
