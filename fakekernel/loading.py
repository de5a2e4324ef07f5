"""A real directory tree as a part of the simulated one: what `--rootfs DIR` does.

Owners, modes, links, devices and file capabilities are taken along, in the order of names, so that the same tree always gives
the same state. So is the content of files up to `EAGER` bytes, as long as all of it together stays below `BUDGET`; of the
others the beginning, by which execve tells what they are: the rest is read on demand (`fakekernel.loaded`). Other file systems
mounted in the tree are left out: their mount points are empty. What the caller may not read is an error.
"""

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from fakekernel.filesystem import Dentry, Inode, Superblock
from fakekernel.loaded import LoadedFile, TreeError
from fakekernel.tree import make_directory
from kernelapi.flags import FileType
from kernelapi.ids import Kgid, Kuid

if TYPE_CHECKING:
    from fakekernel.machine import Machine

EAGER = 64 << 10
"""Bytes of the largest file whose content is taken along."""

BUDGET = 64 << 20
"""Bytes that are taken along in all."""

HEAD = 256
"""Bytes taken along of every other file."""

MOST_ENTRIES = 200_000
DEEPEST = 500
FILE_CAPABILITIES = "security.capability"

__all__ = ["TreeError", "load_tree"]


def load_tree(machine: "Machine", directory: Path, at: str) -> None:
    """Let the directory `at` of the simulated host hold what the real `directory` holds, and be like it.

    `at` is made if it is missing; what it held is gone. Raises `TreeError`, a sentence that names the path, where something
    is no directory, cannot be read, lies too deep, or is too much.
    """
    top = str(directory)
    try:
        found = os.stat(top)
    except OSError as error:
        raise TreeError(f"{top}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # a NUL in the path
        raise TreeError(f"{top!r}: {error}") from None
    if not stat.S_ISDIR(found.st_mode):
        raise TreeError(f"{top}: not a directory")
    place = make_directory(machine.init.fs.root.dentry, at)
    for name in list(place.children):
        place.children.pop(name).unlinked = True
    inode = place.inode
    inode.mode, inode.uid, inode.gid = found.st_mode, Kuid(found.st_uid), Kgid(found.st_gid)
    _Loader(inode.sb, found.st_dev).load(top, place)


class _Loader:
    """A loading under way: what has been taken along so far, and the files that have several names."""

    def __init__(self, sb: Superblock, device: int) -> None:
        self.sb = sb
        self.device = device
        self.entries = 0
        self.taken = 0
        self.linked: dict[int, Inode] = {}

    def load(self, top: str, place: Dentry) -> None:
        """Everything below `top`, directory by directory."""
        waiting = [(top, place, 0)]
        while waiting:
            path, directory, depth = waiting.pop()
            if depth > DEEPEST:
                raise TreeError(f"{path}: lies more than {DEEPEST} directories deep")
            for entry in _scan(path):
                self.entries += 1
                if self.entries > MOST_ENTRIES:
                    raise TreeError(f"{entry.path}: the tree has more than {MOST_ENTRIES} entries")
                found = _stat(entry)
                child = directory.add(entry.name, self.inode(entry.path, found))
                if stat.S_ISDIR(found.st_mode) and found.st_dev == self.device:
                    waiting.append((entry.path, child, depth + 1))

    def inode(self, path: str, found: os.stat_result) -> Inode:
        """The inode of one file: a new one, or the one that another of its names has."""
        several = found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode)
        if several and (known := self.linked.get(found.st_ino)) is not None:
            known.nlink += 1
            return known
        inode = self.sb.new_inode(found.st_mode, Kuid(found.st_uid), Kgid(found.st_gid))
        match inode.type:
            case FileType.REG:
                self._take_content(path, found, inode)
            case FileType.LNK:
                inode.target = _readlink(path)
            case FileType.CHR | FileType.BLK:
                inode.rdev = found.st_rdev
            case _:
                pass
        if several:
            self.linked[found.st_ino] = inode
        return inode

    def _take_content(self, path: str, found: os.stat_result, inode: Inode) -> None:
        size = found.st_size
        whole = size <= EAGER and self.taken + size <= BUDGET
        if size:
            inode.content = _read(path, size if whole else HEAD)
        if whole:
            self.taken += size
        else:
            inode.behaviour = "loaded"
            inode.subject = LoadedFile(store=inode.store, path=path, length=size, modified=found.st_mtime_ns)
        if found.st_mode & 0o111 and (capabilities := _xattr(path)):
            inode.xattrs[FILE_CAPABILITIES] = capabilities


def _scan(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return sorted(entries, key=_name)
    except OSError as error:
        raise TreeError(f"{path}: cannot be listed: {error.strerror}") from None


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _stat(entry: os.DirEntry[str]) -> os.stat_result:
    try:
        return entry.stat(follow_symlinks=False)
    except OSError as error:
        raise TreeError(f"{entry.path}: cannot be read: {error.strerror}") from None


def _readlink(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError as error:
        raise TreeError(f"{path}: cannot be read: {error.strerror}") from None


def _read(path: str, count: int) -> bytes:
    try:
        with open(path, "rb", opener=_opener) as stream:
            return stream.read(count)
    except OSError as error:
        raise TreeError(f"{path}: cannot be read: {error.strerror}") from None


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)  # it may have been replaced since it was looked at


def _xattr(path: str) -> bytes:
    try:
        return os.getxattr(path, FILE_CAPABILITIES, follow_symlinks=False)
    except OSError:
        return b""
