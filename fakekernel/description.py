"""Open file descriptions and the tables of descriptors that refer to them (open(2), struct file, struct files_struct)."""

from typing import NamedTuple

from fakekernel.credentials import Credentials
from fakekernel.filesystem import Dentry, Inode
from fakekernel.mount import Mount, Path
from fakekernel.store import TABLE, Record, Store, Table


class Description(Record):
    """What open, pipe or socketpair made; descriptors refer to it, in one process or in many.

    `references` counts the descriptors (those in flight through a socket too): when it reaches 0 the description is
    released. `flags` holds the access mode and the status flags. `subject` is the object of the kernel behind it, where
    `behaviour` asks for one: a pipe, an end of a socket pair, the task of a pidfd. `cred` is that of the opener. `made` is the
    content that a file made on demand had when it was last read from its start.
    `cursor` is where a listing stands: the name of the entry that it returned last.
    """

    behaviour: str  # "" is a plain file or directory
    path: Path
    inode: Inode
    flags: int
    cred: Credentials
    offset: int = 0
    references: int = 0
    subject: Record | None = None
    made: bytes = b""
    cursor: str = ""


class Descriptor(NamedTuple):
    """An entry of a descriptor table."""

    description: Description
    cloexec: bool


class FileTable(Record):
    """The descriptors of a process, or of several that share them (CLONE_FILES).

    No number below `lowest_free` is free, and none within `run`, from its first number to before its second: so looking for
    a free one above some number does not go through all that are taken.
    """

    entries: Table[int, Descriptor] = TABLE
    lowest_free: int = 0
    run: tuple[int, int] = (0, 0)
    users: int = 1


def new_nameless(
    store: Store, mount: Mount | None, kind: str, mode: int, behaviour: str, subject: Record, cred: Credentials
) -> Path:
    """A new inode of pipefs or sockfs, where no path leads: its dentry is called "pipe:[INO]", as /proc/PID/fd shows it.

    Mode and owner are what fstat shows; opening the descriptor once more through /proc/PID/fd checks them.
    """
    assert mount is not None, "the machine has not booted"
    inode = mount.sb.new_inode(mode, cred.fsuid, cred.fsgid, behaviour=behaviour, subject=subject)
    return Path(mount, Dentry(store=store, name=f"{kind}:[{inode.ino}]", parent=None, inode=inode))
