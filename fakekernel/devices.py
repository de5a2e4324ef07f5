"""Devices: which behaviour stands behind a device number, and the memory devices themselves (drivers/char/mem.c, random.c)."""

from typing import TYPE_CHECKING

from fakekernel.behaviour import BEHAVIOURS, Behaviour
from fakekernel.description import Description
from fakekernel.filesystem import Inode
from kernelapi.flags import FileType
from kernelapi.protocol.descriptors import WRITE_NO_SPACE
from kernelapi.values import major, makedev

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls

CHARACTER_DEVICES: dict[int, str] = {
    makedev(1, 3): "null",
    makedev(1, 5): "zero",
    makedev(1, 7): "full",
    makedev(1, 8): "random",
    makedev(1, 9): "urandom",
    makedev(5, 0): "ctty",
}
"""The behaviour behind a character device, by its number. Modules that model others enter them at import.

The machine has no others, as its devtmpfs shows: no screen, no window into its memory, no tun.
"""

CHARACTER_MAJORS: dict[int, str] = {}
"""The behaviour behind all character devices of a major number."""

MISCELLANEOUS = 10
"""A major number whose driver answers for each minor one."""


def behaviour_of(inode: Inode) -> str | None:
    """The behaviour of an open file of `inode`; None where opening it leads to nothing (chrdev_open, no_open)."""
    if inode.behaviour and inode.type != FileType.SOCK:
        return inode.behaviour
    match inode.type:
        case FileType.CHR:
            return CHARACTER_DEVICES.get(inode.rdev) or CHARACTER_MAJORS.get(major(inode.rdev))
        case FileType.BLK | FileType.SOCK:
            return None
        case FileType.FIFO:
            return "fifo"
        case _:
            return ""


def is_miscellaneous(inode: Inode) -> bool:
    """Whether it is a character device of the driver that has many of them."""
    return inode.type is FileType.CHR and major(inode.rdev) == MISCELLANEOUS


class NullBehaviour(Behaviour):
    """/dev/null: empty, and takes everything. The offset stays 0, wherever one seeks."""

    def read(self, kernel: "Syscalls", description: Description, count: int) -> bytes:
        return b""

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        return len(data)

    def seek(self, kernel: "Syscalls", description: Description, offset: int, whence: int) -> int:
        return 0


class ZeroBehaviour(NullBehaviour):
    """/dev/zero: has no end."""

    def read(self, kernel: "Syscalls", description: Description, count: int) -> bytes:
        return bytes(count)


class FullBehaviour(ZeroBehaviour):
    """/dev/full: as /dev/zero, but takes nothing, and not even that."""

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        kernel.fail(WRITE_NO_SPACE)


class RandomBehaviour(NullBehaviour):
    """/dev/random and /dev/urandom: what getrandom returns; what is written is mixed in, which nobody can see."""

    def read(self, kernel: "Syscalls", description: Description, count: int) -> bytes:
        return kernel.getrandom(count)


BEHAVIOURS["null"] = NullBehaviour()
BEHAVIOURS["zero"] = ZeroBehaviour()
BEHAVIOURS["full"] = FullBehaviour()
BEHAVIOURS["random"] = BEHAVIOURS["urandom"] = RandomBehaviour()
