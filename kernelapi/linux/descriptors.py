"""Descriptors, pipes, reading and writing, on the real kernel."""

import ctypes
import os
import struct

from kernelapi.flags import FileType, Seek
from kernelapi.ids import Fd
from kernelapi.linux.base import syscall
from kernelapi.values import DirEntry

F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC = 0, 1, 2, 3, 4, 1030
O_LARGEFILE = 0o100000
DIRENT = struct.Struct("=QqHB")  # struct linux_dirent64, up to the name


class LinuxDescriptors:
    """See `kernelapi.protocol.descriptors`."""

    __slots__ = ()

    def close(self, fd: Fd) -> None:
        syscall("close", fd)

    def close_range(self, first: int, last: int, flags: int = 0) -> None:
        syscall("close_range", first, last, flags)

    def dup(self, fd: Fd) -> Fd:
        return Fd(syscall("dup", fd))

    def dup2(self, fd: Fd, to: Fd) -> Fd:
        return Fd(syscall("dup2", fd, to))

    def dup3(self, fd: Fd, to: Fd, flags: int) -> Fd:
        return Fd(syscall("dup3", fd, to, flags))

    def fcntl_dupfd(self, fd: Fd, lowest: int) -> Fd:
        return Fd(syscall("fcntl", fd, F_DUPFD, lowest))

    def fcntl_dupfd_cloexec(self, fd: Fd, lowest: int) -> Fd:
        return Fd(syscall("fcntl", fd, F_DUPFD_CLOEXEC, lowest))

    def fcntl_getfd(self, fd: Fd) -> int:
        return syscall("fcntl", fd, F_GETFD, 0)

    def fcntl_setfd(self, fd: Fd, flags: int) -> None:
        syscall("fcntl", fd, F_SETFD, flags)

    def fcntl_getfl(self, fd: Fd) -> int:
        return syscall("fcntl", fd, F_GETFL, 0) & ~O_LARGEFILE

    def fcntl_setfl(self, fd: Fd, flags: int) -> None:
        syscall("fcntl", fd, F_SETFL, flags)

    def pipe2(self, flags: int) -> tuple[Fd, Fd]:
        ends = (ctypes.c_int * 2)()
        syscall("pipe2", ends, flags)
        return Fd(ends[0]), Fd(ends[1])

    def read(self, fd: Fd, count: int) -> bytes:
        buffer = ctypes.create_string_buffer(count)
        length = syscall("read", fd, buffer, count)
        return buffer.raw[:length]

    def write(self, fd: Fd, data: bytes) -> int:
        return syscall("write", fd, data, len(data))

    def lseek(self, fd: Fd, offset: int, whence: int = Seek.SET) -> int:
        return syscall("lseek", fd, offset, whence)

    def getdents64(self, fd: Fd, count: int = 32768) -> tuple[DirEntry, ...]:
        buffer = ctypes.create_string_buffer(count)
        length = syscall("getdents64", fd, buffer, count)
        data = buffer.raw[:length]
        entries = []
        while data:
            ino, _, size, type = DIRENT.unpack_from(data)
            name = os.fsdecode(data[DIRENT.size : data.index(0, DIRENT.size)])
            entries.append(DirEntry(name, ino, FileType(type << 12) if type else None))  # DT_* are the type bits of a mode
            data = data[size:]
        return tuple(entries)
