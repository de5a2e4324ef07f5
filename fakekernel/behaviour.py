"""What files do beyond the plain: devices, pipes, magic links, the files of /proc. The counterpart of Linux' operation tables.

An inode or a description names its behaviour by a string; the objects here hold no state. The plain behaviour, "", is that of
regular files, directories and symbolic links of a tmpfs.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from fakekernel.credentials import Credentials
from fakekernel.description import Description
from fakekernel.filesystem import Dentry, Inode
from fakekernel.mount import Path
from fakekernel.store import Record
from kernelapi.errors import NotModelled
from kernelapi.flags import FileType, Seek
from kernelapi.protocol.descriptors import LSEEK_NEGATIVE
from kernelapi.protocol.entries import CREATE_UNSUPPORTED, REMOVE_UNSUPPORTED

if TYPE_CHECKING:
    from fakekernel.machine import Machine
    from fakekernel.syscalls.table import Syscalls


class Listed(NamedTuple):
    """An entry of a directory that is made on demand."""

    name: str
    ino: int
    type: FileType


class Behaviour:
    """The operations of one kind of file. Each gets the calling process' side of the kernel; each may refuse or block."""

    # -- inodes --

    has_permissions = False
    """Whether it has a `permission` of its own: most have not, and every step of a walk would ask."""

    shows_owner_anew = False
    """Whether stat brings the owner up to date even of a file that is open (pid_getattr); a walk to it always does."""

    def __init_subclass__(cls) -> None:
        cls.has_permissions = cls.permission is not Behaviour.permission

    def refresh(self, kernel: "Syscalls", inode: Inode) -> None:
        """Bring mode and owner up to date: a walk has come by (the owner of /proc/PID follows the process; d_revalidate)."""

    def permission(self, kernel: "Syscalls", inode: Inode, mask: int, cred: Credentials) -> bool | None:
        """Whether `cred` may access `inode` in the ways of `mask` (`AccessMode` bits), where the file has a rule of its own;
        None: as mode and owner say. May refuse by a row."""
        raise AssertionError("only a kind of file with a rule of its own is asked")

    def lookup(self, kernel: "Syscalls", directory: Dentry, name: str) -> Dentry | None:
        """The child `name` of a directory whose entries are made on demand; None where there is none."""
        raise AssertionError(f"looking up {name!r} in {directory.name!r}, whose entries are not made on demand")

    def entries(self, kernel: "Syscalls", directory: Dentry) -> Iterable[Listed]:
        """All children of a directory whose entries are made on demand, without "." and ".."."""
        raise AssertionError(f"listing {directory.name!r}, whose entries are not made on demand")

    def size(self, kernel: "Syscalls", inode: Inode) -> int:
        """The size that stat shows."""
        return 0

    missing_is_final = True
    """Whether the lookup itself fails on a name that is not there (proc), so that making one is not even considered."""

    def make_directory(self, kernel: "Syscalls", directory: Dentry, name: str, mode: int) -> None:
        """Make a directory in one whose entries are made on demand (a cgroup); all checks but the directory's own are done."""
        kernel.fail(CREATE_UNSUPPORTED)

    def remove_directory(self, kernel: "Syscalls", directory: Dentry) -> None:
        """Remove a directory that `make_directory` made; all checks but its own are done."""
        kernel.fail(REMOVE_UNSUPPORTED)

    def target(self, kernel: "Syscalls", inode: Inode) -> str:
        """What readlink answers."""
        return inode.target

    def follow(self, kernel: "Syscalls", inode: Inode) -> Path | str:
        """Where a symbolic link leads: a text to walk, or, for a magic link, the very place."""
        return inode.target

    # -- descriptions --

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        """Called when a file has been opened, before it gets a descriptor; returns the description's `subject`."""
        return None

    def release(self, machine: "Machine", description: Description) -> None:
        """The last reference to the description is gone."""

    def read(self, kernel: "Syscalls", description: Description, count: int) -> bytes:
        """Up to `count` bytes from the description's offset, which the behaviour moves itself."""
        raise NotModelled(f"reading {description.behaviour}")

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        """Write at the description's offset; returns the number of bytes taken."""
        raise NotModelled(f"writing {description.behaviour}")

    def seek(self, kernel: "Syscalls", description: Description, offset: int, whence: int) -> int:
        """Move the offset of the description by `offset` from where `whence` (`Seek`) says; returns the new one.

        The default is that of directories whose entries are made on demand (generic_file_llseek): they have no size.
        """
        assert description.inode.is_directory, f"{description.behaviour} has no way to seek"
        here = description.offset
        if whence == Seek.CUR:
            offset += here
        if offset < 0:
            kernel.fail(LSEEK_NEGATIVE)
        # -- effects only below --
        if offset != here:
            description.offset = offset
            description.cursor = SOUGHT if offset else ""
        return offset


SOUGHT = "//"
"""As the cursor of a description of a directory that is made on demand: its offset was set by lseek."""

BEHAVIOURS: dict[str, Behaviour] = {}
"""By name. A module that models a kind of file enters its own at import; `fakekernel.syscalls.table` imports them all."""
