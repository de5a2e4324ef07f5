"""Descriptors, pipes, reading and writing (fs/file.c, fs/fcntl.c, fs/pipe.c, fs/read_write.c, fs/readdir.c)."""

from typing import TYPE_CHECKING, cast

from fakekernel import filetable
from fakekernel import regular as regular  # enters the plain behaviour
from fakekernel.behaviour import BEHAVIOURS
from fakekernel.description import Descriptor
from fakekernel.listing import list_directory
from fakekernel.pipe import new_pipe
from fakekernel.syscalls.base import SyscallBase
from kernelapi.errors import NotModelled
from kernelapi.flags import O_ACCMODE, CloseRangeFlag, FdFlag, OpenFlag, Seek
from kernelapi.ids import Fd
from kernelapi.protocol.descriptors import (
    CLOSE_RANGE_FLAGS,
    CLOSE_RANGE_ORDER,
    DUP3_FLAGS,
    DUP3_SAME,
    DUP_TARGET_TOO_LARGE,
    DUPFD_TOO_LARGE,
    LSEEK_WHENCE,
    NOT_OPEN,
    PIPE_FLAGS,
    READ_DIRECTORY,
    READ_NOT_OPEN_FOR,
    WRITE_NOT_OPEN_FOR,
)
from kernelapi.values import DirEntry

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls

O_ASYNC, O_DIRECT, O_NOATIME, O_NOTIFICATION_PIPE = 0o20000, 0o40000, 0o1000000, 0o200
# As plain ints: ~ of an IntFlag holds only bits that have a name.
CLOEXEC, NONBLOCK = int(OpenFlag.CLOEXEC), int(OpenFlag.NONBLOCK)
SETTABLE = int(OpenFlag.APPEND | OpenFlag.NONBLOCK)
UNSHARE, MARK = int(CloseRangeFlag.UNSHARE), int(CloseRangeFlag.CLOEXEC)
SEEK_DATA, SEEK_HOLE = 3, 4


class DescriptorCalls(SyscallBase):
    """Descriptors, pipes, reading and writing."""

    __slots__ = ()

    # -- the table --

    def close(self, fd: Fd) -> None:
        table = self.task.files
        if fd not in table.entries:
            self.refuse(NOT_OPEN)
            return
        # -- effects only below --
        filetable.drop(self.machine, table, fd)

    def close_range(self, first: int, last: int, flags: int = 0) -> None:
        first, last = first & 0xFFFFFFFF, last & 0xFFFFFFFF
        if flags & ~(UNSHARE | MARK):
            self.refuse(CLOSE_RANGE_FLAGS)
        if first > last:
            self.refuse(CLOSE_RANGE_ORDER)
        # -- effects only below --
        if flags & UNSHARE:
            filetable.unshare_table(self.task)
        table = self.task.files
        numbers = sorted(fd for fd in table.entries if first <= fd <= last)
        if flags & MARK:
            for fd in numbers:
                self._mark(Fd(fd), True)
        else:
            for fd in numbers:
                filetable.drop(self.machine, table, fd)

    def _mark(self, fd: Fd, cloexec: bool) -> None:
        entries = self.task.files.entries
        found = entries[fd]
        if found.cloexec != cloexec:
            entries[fd] = Descriptor(found.description, cloexec)

    # -- duplicates --

    def dup(self, fd: Fd) -> Fd:
        return filetable.install(self, filetable.description(self, fd))

    def dup2(self, fd: Fd, to: Fd) -> Fd:
        if fd == to:
            filetable.description(self, fd)
            return fd
        return self._dup_to(fd, to, cloexec=False)

    def dup3(self, fd: Fd, to: Fd, flags: int) -> Fd:
        if flags & ~CLOEXEC:
            self.refuse(DUP3_FLAGS)
        if fd == to:
            self.refuse(DUP3_SAME)
        return self._dup_to(fd, to, cloexec=bool(flags & CLOEXEC))

    def _dup_to(self, fd: Fd, to: Fd, *, cloexec: bool) -> Fd:
        if not 0 <= to < filetable.number_limit(self):
            self.refuse(DUP_TARGET_TOO_LARGE)
        description = filetable.description(self, fd)
        # -- effects only below --
        table = self.task.files
        old = table.entries.get(to)
        if old is None:
            filetable.put(table, to, description, cloexec=cloexec)
        else:
            description.references += 1
            table.entries[to] = Descriptor(description, cloexec)
            filetable.release(self.machine, old.description)
        return to

    def fcntl_dupfd(self, fd: Fd, lowest: int) -> Fd:
        return self._dup_from(fd, lowest, cloexec=False)

    def fcntl_dupfd_cloexec(self, fd: Fd, lowest: int) -> Fd:
        return self._dup_from(fd, lowest, cloexec=True)

    def _dup_from(self, fd: Fd, lowest: int, *, cloexec: bool) -> Fd:
        description = filetable.description(self, fd)
        if not 0 <= lowest < filetable.number_limit(self):
            self.refuse(DUPFD_TOO_LARGE)
            lowest = 0
        return filetable.install(self, description, cloexec=cloexec, lowest=lowest)

    # -- flags --

    def fcntl_getfd(self, fd: Fd) -> int:
        filetable.description(self, fd)
        return FdFlag.CLOEXEC if self.task.files.entries[fd].cloexec else 0

    def fcntl_setfd(self, fd: Fd, flags: int) -> None:
        filetable.description(self, fd)
        # -- effects only below --
        self._mark(fd, bool(flags & FdFlag.CLOEXEC))

    def fcntl_getfl(self, fd: Fd) -> int:
        return int(filetable.description(self, fd).flags)

    def fcntl_setfl(self, fd: Fd, flags: int) -> None:
        description = filetable.usable(self, fd)
        if flags & (O_ASYNC | O_DIRECT | O_NOATIME):
            raise NotModelled("F_SETFL of O_ASYNC, O_DIRECT or O_NOATIME")
        # -- effects only below --
        description.flags = description.flags & ~SETTABLE | flags & SETTABLE

    # -- pipes --

    def pipe2(self, flags: int) -> tuple[Fd, Fd]:
        if flags & ~(CLOEXEC | NONBLOCK | O_DIRECT | O_NOTIFICATION_PIPE):
            self.refuse(PIPE_FLAGS)
        if flags & (O_DIRECT | O_NOTIFICATION_PIPE):
            raise NotModelled("pipe2 with O_DIRECT or O_NOTIFICATION_PIPE")
        first, second = filetable.reserve(self, 2)
        # -- effects only below --
        cloexec = bool(flags & CLOEXEC)
        reader, writer = new_pipe(self, flags & NONBLOCK)
        filetable.put(self.task.files, first, reader, cloexec=cloexec)
        filetable.put(self.task.files, second, writer, cloexec=cloexec)
        return first, second

    # -- reading and writing --

    def read(self, fd: Fd, count: int) -> bytes:
        description = filetable.usable(self, fd)
        if description.flags & O_ACCMODE not in (OpenFlag.RDONLY, OpenFlag.RDWR):
            self.refuse(READ_NOT_OPEN_FOR)
        if description.inode.is_directory:
            self.fail(READ_DIRECTORY)
        return BEHAVIOURS[description.behaviour].read(cast("Syscalls", self), description, count)

    def write(self, fd: Fd, data: bytes) -> int:
        description = filetable.usable(self, fd)
        if description.flags & O_ACCMODE not in (OpenFlag.WRONLY, OpenFlag.RDWR):
            self.refuse(WRITE_NOT_OPEN_FOR)
        return BEHAVIOURS[description.behaviour].write(cast("Syscalls", self), description, data)

    def lseek(self, fd: Fd, offset: int, whence: int = Seek.SET) -> int:
        description = filetable.usable(self, fd)
        if not 0 <= whence <= SEEK_HOLE:
            self.refuse(LSEEK_WHENCE)
            whence = Seek.SET
        if whence >= SEEK_DATA:
            raise NotModelled("lseek with SEEK_DATA or SEEK_HOLE")
        return BEHAVIOURS[description.behaviour].seek(cast("Syscalls", self), description, offset, whence)

    def getdents64(self, fd: Fd, count: int = 32768) -> tuple[DirEntry, ...]:
        return list_directory(cast("Syscalls", self), filetable.usable(self, fd), count)
