"""Paths and what they name, on the real kernel."""

import ctypes
import os
import struct

from kernelapi.ids import Fd, Gid, Uid
from kernelapi.linux.base import path_bytes, syscall
from kernelapi.values import Stat, Statfs

STAT = struct.Struct("=QQQIIIIQq88x")
"""struct stat of x86-64, up to the size: dev, ino, nlink, mode, uid, gid, padding, rdev, size."""

STATFS = struct.Struct("=q72xq32x")
"""struct statfs of x86-64: the type and, behind counts of blocks and files, the flags."""

PATH_MAX = 4096
XATTR_SIZE_MAX = 65536


class LinuxFiles:
    """See `kernelapi.protocol.files`."""

    __slots__ = ()

    def openat(self, dirfd: int, path: str, flags: int, mode: int = 0) -> Fd:
        return Fd(syscall("openat", dirfd, path_bytes(path), flags, mode))

    def newfstatat(self, dirfd: int, path: str, flags: int = 0) -> Stat:
        answer = ctypes.create_string_buffer(STAT.size)
        syscall("newfstatat", dirfd, path_bytes(path), answer, flags)
        return _stat(answer.raw)

    def fstat(self, fd: Fd) -> Stat:
        answer = ctypes.create_string_buffer(STAT.size)
        syscall("fstat", fd, answer)
        return _stat(answer.raw)

    def faccessat2(self, dirfd: int, path: str, mode: int, flags: int = 0) -> None:
        syscall("faccessat2", dirfd, path_bytes(path), mode, flags)

    def mkdirat(self, dirfd: int, path: str, mode: int) -> None:
        syscall("mkdirat", dirfd, path_bytes(path), mode)

    def mknodat(self, dirfd: int, path: str, mode: int, dev: int) -> None:
        syscall("mknodat", dirfd, path_bytes(path), mode, dev)

    def symlinkat(self, target: str, dirfd: int, path: str) -> None:
        syscall("symlinkat", path_bytes(target), dirfd, path_bytes(path))

    def linkat(self, olddirfd: int, oldpath: str, newdirfd: int, newpath: str, flags: int = 0) -> None:
        syscall("linkat", olddirfd, path_bytes(oldpath), newdirfd, path_bytes(newpath), flags)

    def renameat2(self, olddirfd: int, oldpath: str, newdirfd: int, newpath: str, flags: int = 0) -> None:
        syscall("renameat2", olddirfd, path_bytes(oldpath), newdirfd, path_bytes(newpath), flags)

    def unlinkat(self, dirfd: int, path: str, flags: int) -> None:
        syscall("unlinkat", dirfd, path_bytes(path), flags)

    def readlinkat(self, dirfd: int, path: str) -> str:
        answer = ctypes.create_string_buffer(PATH_MAX)
        length = syscall("readlinkat", dirfd, path_bytes(path), answer, PATH_MAX)
        return os.fsdecode(answer.raw[:length])

    def fchmodat(self, dirfd: int, path: str, mode: int) -> None:
        syscall("fchmodat", dirfd, path_bytes(path), mode)

    def fchmod(self, fd: Fd, mode: int) -> None:
        syscall("fchmod", fd, mode)

    def fchownat(self, dirfd: int, path: str, uid: int, gid: int, flags: int = 0) -> None:
        syscall("fchownat", dirfd, path_bytes(path), uid, gid, flags)

    def fchown(self, fd: Fd, uid: int, gid: int) -> None:
        syscall("fchown", fd, uid, gid)

    def setxattr(self, path: str, name: str, value: bytes, flags: int = 0) -> None:
        syscall("setxattr", path_bytes(path), path_bytes(name), value, len(value), flags)

    def lsetxattr(self, path: str, name: str, value: bytes, flags: int = 0) -> None:
        syscall("lsetxattr", path_bytes(path), path_bytes(name), value, len(value), flags)

    def getxattr(self, path: str, name: str) -> bytes:
        return _xattr("getxattr", path, name)

    def lgetxattr(self, path: str, name: str) -> bytes:
        return _xattr("lgetxattr", path, name)

    def statfs(self, path: str) -> Statfs:
        answer = ctypes.create_string_buffer(STATFS.size)
        syscall("statfs", path_bytes(path), answer)
        return Statfs(*STATFS.unpack(answer.raw))

    def fstatfs(self, fd: Fd) -> Statfs:
        answer = ctypes.create_string_buffer(STATFS.size)
        syscall("fstatfs", fd, answer)
        return Statfs(*STATFS.unpack(answer.raw))

    def chdir(self, path: str) -> None:
        syscall("chdir", path_bytes(path))

    def fchdir(self, fd: Fd) -> None:
        syscall("fchdir", fd)

    def getcwd(self) -> str:
        answer = ctypes.create_string_buffer(PATH_MAX)
        syscall("getcwd", answer, PATH_MAX)
        return os.fsdecode(answer.value)

    def chroot(self, path: str) -> None:
        syscall("chroot", path_bytes(path))

    def umask(self, mask: int) -> int:
        return syscall("umask", mask)


def _xattr(call: str, path: str, name: str) -> bytes:
    answer = ctypes.create_string_buffer(XATTR_SIZE_MAX)
    length = syscall(call, path_bytes(path), path_bytes(name), answer, XATTR_SIZE_MAX)
    return answer.raw[:length]


def _stat(raw: bytes) -> Stat:
    dev, ino, nlink, mode, uid, gid, _, rdev, size = STAT.unpack(raw)
    return Stat(dev=dev, ino=ino, mode=mode, nlink=nlink, uid=Uid(uid), gid=Gid(gid), rdev=rdev, size=size)
