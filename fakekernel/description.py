"""Open file descriptions and the tables of descriptors that refer to them (open(2), struct file, struct files_struct)."""

from typing import NamedTuple

from fakekernel.credentials import Credentials
from fakekernel.filesystem import Inode
from fakekernel.mount import Path
from fakekernel.store import TABLE, Record, Table


class Description(Record):
    """What open, pipe or socketpair made; descriptors refer to it, in one process or in many.

    `references` counts the descriptors (those in flight through a socket too): when it reaches 0 the description is
    released. `flags` holds the access mode and the status flags. `subject` is the object of the kernel behind it, where
    `behaviour` asks for one: a pipe, an end of a socket pair, the task of a pidfd. `cred` is that of the opener.
    """

    behaviour: str  # "" is a plain file or directory
    path: Path | None
    inode: Inode
    flags: int
    cred: Credentials
    offset: int = 0
    references: int = 0
    subject: Record | None = None


class Descriptor(NamedTuple):
    """An entry of a descriptor table."""

    description: Description
    cloexec: bool


class FileTable(Record):
    """The descriptors of a process, or of several that share them (CLONE_FILES). No number below `lowest_free` is free."""

    entries: Table[int, Descriptor] = TABLE
    lowest_free: int = 0
    users: int = 1
