"""Listing directories (getdents(2), fs/readdir.c)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fakekernel.behaviour import BEHAVIOURS, SOUGHT, Listed
from fakekernel.description import Description
from fakekernel.filesystem import Dentry
from kernelapi.errors import NotModelled
from kernelapi.protocol.descriptors import GETDENTS_NOT_A_DIRECTORY, GETDENTS_REMOVED, GETDENTS_TOO_SMALL
from kernelapi.values import DirEntry

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls

ENDED = "/"
"""As the cursor of a description: the end of a plain directory has been reached; what is made from now on is not listed."""

HEADER = 19
"""Bytes of a struct linux_dirent64 before the name."""


def list_directory(kernel: "Syscalls", description: Description, count: int) -> tuple[DirEntry, ...]:
    """The next entries, as many as fit `count` bytes; moves the offset of the description.

    Entries follow in the order of their names; "." and ".." come first. A listing that has returned a name goes on behind
    it, whatever was made or removed meanwhile.
    """
    if not description.inode.is_directory:
        kernel.refuse(GETDENTS_NOT_A_DIRECTORY)
        return ()
    directory = description.path.dentry
    if description.cursor == SOUGHT:
        raise NotModelled("listing a directory that is made on demand from where lseek has gone")
    if directory.unlinked:
        kernel.refuse(GETDENTS_REMOVED)
    found: list[DirEntry] = []
    ended = False
    for name, ino, type in _from(kernel, directory, description.offset, description.cursor):
        count -= HEADER + len(name.encode("utf-8", "surrogateescape")) + 8 & ~7
        if count < 0:
            if not found:
                kernel.refuse(GETDENTS_TOO_SMALL)
            break
        found.append(DirEntry(name, ino, type))
    else:
        ended = not directory.inode.behaviour
    # -- effects only below --
    if found:
        description.offset += len(found)
        description.cursor = found[-1].name
    if ended and description.cursor != ENDED:
        description.cursor = ENDED
    return tuple(found)


def _from(kernel: "Syscalls", directory: Dentry, offset: int, cursor: str) -> Iterator[Listed]:
    if cursor == ENDED:
        return
    if offset == 0:
        yield Listed(".", directory.inode.ino, directory.inode.type)
    if offset <= 1:
        parent = (directory.parent or directory).inode
        yield Listed("..", parent.ino, parent.type)
        cursor = ""
    elif offset == 2:
        cursor = ""
    if directory.inode.behaviour:
        yield from _made(kernel, directory, max(offset - 2, 0), cursor)
        return
    for name, child in sorted(directory.children.items()):
        if name > cursor:
            yield Listed(name, child.inode.ino, child.inode.type)


def _made(kernel: "Syscalls", directory: Dentry, index: int, cursor: str) -> list[Listed]:
    """The entries of a directory whose entries are made on demand, in its own order, behind `cursor`; if that is gone, from
    the one at `index`."""
    entries = list(BEHAVIOURS[directory.inode.behaviour].entries(kernel, directory))
    behind = next((place for place, entry in enumerate(entries, 1) if entry.name == cursor), index)
    return entries[behind:]
