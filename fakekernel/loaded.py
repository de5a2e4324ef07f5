"""Files of a real directory tree whose content is too large to be taken along: it is read when somebody asks for it.

That keeps a run a function of its input as long as the real file stays what it was when the tree was loaded: its size and its
time of modification are compared at each reading, and where they differ the run ends with a `TreeError`. Before it is written
such a file becomes a plain one.
"""

import os
from typing import TYPE_CHECKING, cast

from fakekernel.behaviour import BEHAVIOURS, Behaviour
from fakekernel.description import Description
from fakekernel.filesystem import Inode
from fakekernel.store import Record
from kernelapi.flags import O_ACCMODE, OpenFlag

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls


class TreeError(ValueError):
    """A real directory tree cannot be loaded, or has changed since; the message is a sentence that names the path."""


class LoadedFile(Record):
    """Where the content of an inode is, and what it was like when the tree was loaded."""

    path: str
    length: int
    modified: int  # nanoseconds


def content_of(inode: Inode) -> bytes:
    """The whole content of a regular file, loaded or not. Raises `TreeError`."""
    if inode.behaviour != "loaded":
        return inode.content
    file = cast(LoadedFile, inode.subject)
    try:
        with open(file.path, "rb") as stream:
            found = os.fstat(stream.fileno())
            data = stream.read(file.length + 1)
    except OSError as error:
        raise TreeError(f"{file.path}: cannot be read any more: {error.strerror}") from None
    if (found.st_mtime_ns, len(data)) != (file.modified, file.length):
        raise TreeError(f"{file.path}: has changed since the tree was loaded")
    return data


def make_plain(inode: Inode) -> None:
    """Take the content along, and let the file be one like any other."""
    inode.content = content_of(inode)
    inode.behaviour = ""
    inode.subject = None


class Loaded(Behaviour):
    """A regular file with its content outside."""

    def size(self, kernel: "Syscalls", inode: Inode) -> int:
        return cast(LoadedFile, inode.subject).length

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        if description.flags & O_ACCMODE != OpenFlag.RDONLY:
            make_plain(description.inode)
            description.behaviour = ""
        return None

    def read(self, kernel: "Syscalls", description: Description, count: int) -> bytes:
        offset = description.offset
        data = content_of(description.inode)[offset : offset + count]
        if data:
            description.offset = offset + len(data)
        return data

    def seek(self, kernel: "Syscalls", description: Description, offset: int, whence: int) -> int:
        inode = description.inode
        if inode.behaviour == "loaded":  # a plain file knows where its end is
            make_plain(inode)
        description.behaviour = ""
        return BEHAVIOURS[""].seek(kernel, description, offset, whence)


BEHAVIOURS["loaded"] = Loaded()
