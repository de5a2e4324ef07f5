"""Descriptors and what they refer to: tables, close-on-exec, duplicates, pipes, plain reading and writing (fs/file.c)."""

from errno import EBADF
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.flags import Seek
from kernelapi.ids import Fd
from kernelapi.rules import ARGUMENTS, Refusal
from kernelapi.values import DirEntry

NOT_OPEN = Refusal(
    "descriptor.ebadf.closed", call="descriptor", errno=EBADF, depends=ARGUMENTS,
    cause="the descriptor is not open", source="close(2); fs/file.c fget",
)  # fmt: skip


class Descriptors(Protocol):
    """A descriptor is a number in a table; behind it stands an open file description, which may have several."""

    @syscall(NOT_OPEN)
    def close(self, fd: Fd) -> None:
        """Free the descriptor."""

    @syscall()
    def close_range(self, first: int, last: int, flags: int = 0) -> None:
        """Close the descriptors from `first` to `last`, or mark them close-on-exec (`CloseRangeFlag`)."""

    @syscall(NOT_OPEN)
    def dup(self, fd: Fd) -> Fd:
        """The lowest free descriptor, for the same open file description; not close-on-exec."""

    @syscall()
    def dup2(self, fd: Fd, to: Fd) -> Fd:
        """Make `to` a duplicate of `fd`, closing what it was; the same number is left as it is."""

    @syscall()
    def dup3(self, fd: Fd, to: Fd, flags: int) -> Fd:
        """As dup2, but `flags` may hold O_CLOEXEC, and the same number is an error."""

    @syscall()
    def fcntl_dupfd(self, fd: Fd, lowest: int) -> Fd:
        """A duplicate with a number not below `lowest` (F_DUPFD)."""

    @syscall()
    def fcntl_dupfd_cloexec(self, fd: Fd, lowest: int) -> Fd:
        """A close-on-exec duplicate with a number not below `lowest` (F_DUPFD_CLOEXEC)."""

    @syscall(NOT_OPEN)
    def fcntl_getfd(self, fd: Fd) -> int:
        """The flags of the descriptor: `FdFlag` bits (F_GETFD)."""

    @syscall(NOT_OPEN)
    def fcntl_setfd(self, fd: Fd, flags: int) -> None:
        """Set the flags of the descriptor (F_SETFD)."""

    @syscall(NOT_OPEN)
    def fcntl_getfl(self, fd: Fd) -> int:
        """The access mode and status flags of the description: `OpenFlag` bits (F_GETFL)."""

    @syscall(NOT_OPEN)
    def fcntl_setfl(self, fd: Fd, flags: int) -> None:
        """Set the status flags of the description (F_SETFL)."""

    @syscall()
    def pipe2(self, flags: int) -> tuple[Fd, Fd]:
        """A pipe: its read end, its write end."""

    @syscall()
    def read(self, fd: Fd, count: int) -> bytes:
        """Up to `count` bytes; b"" at the end."""

    @syscall()
    def write(self, fd: Fd, data: bytes) -> int:
        """Write; returns how many bytes were taken."""

    @syscall()
    def lseek(self, fd: Fd, offset: int, whence: int = Seek.SET) -> int:
        """Move the offset of the description; returns the new one."""

    @syscall()
    def getdents64(self, fd: Fd, count: int = 32768) -> tuple[DirEntry, ...]:
        """The next directory entries, as many as fit `count` bytes; () at the end. Their order is the file system's."""
