"""Narrower names of the calls: each is one line in terms of the general one, and keeps its own name in a trace."""

from typing import NoReturn, Protocol

from kernelapi.call import alias
from kernelapi.flags import AT_FDCWD, AtFlag
from kernelapi.ids import Fd, Pid
from kernelapi.protocol.descriptors import Descriptors
from kernelapi.protocol.files import Files
from kernelapi.protocol.limits import Limits
from kernelapi.protocol.processes import Processes
from kernelapi.values import Limit, Stat


class Aliases(Descriptors, Files, Limits, Processes, Protocol):
    """The older system calls that the newer ones contain."""

    @alias
    def open(self, path: str, flags: int, mode: int = 0) -> Fd:
        return self.openat(AT_FDCWD, path, flags, mode)

    @alias
    def stat(self, path: str) -> Stat:
        return self.newfstatat(AT_FDCWD, path, 0)

    @alias
    def lstat(self, path: str) -> Stat:
        return self.newfstatat(AT_FDCWD, path, AtFlag.SYMLINK_NOFOLLOW)

    @alias
    def access(self, path: str, mode: int) -> None:
        return self.faccessat2(AT_FDCWD, path, mode, 0)

    @alias
    def mkdir(self, path: str, mode: int) -> None:
        return self.mkdirat(AT_FDCWD, path, mode)

    @alias
    def rmdir(self, path: str) -> None:
        return self.unlinkat(AT_FDCWD, path, AtFlag.REMOVEDIR)

    @alias
    def mknod(self, path: str, mode: int, dev: int) -> None:
        return self.mknodat(AT_FDCWD, path, mode, dev)

    @alias
    def symlink(self, target: str, path: str) -> None:
        return self.symlinkat(target, AT_FDCWD, path)

    @alias
    def link(self, oldpath: str, newpath: str) -> None:
        return self.linkat(AT_FDCWD, oldpath, AT_FDCWD, newpath, 0)

    @alias
    def rename(self, oldpath: str, newpath: str) -> None:
        return self.renameat2(AT_FDCWD, oldpath, AT_FDCWD, newpath, 0)

    @alias
    def unlink(self, path: str) -> None:
        return self.unlinkat(AT_FDCWD, path, 0)

    @alias
    def readlink(self, path: str) -> str:
        return self.readlinkat(AT_FDCWD, path)

    @alias
    def chmod(self, path: str, mode: int) -> None:
        return self.fchmodat(AT_FDCWD, path, mode)

    @alias
    def chown(self, path: str, uid: int, gid: int) -> None:
        return self.fchownat(AT_FDCWD, path, uid, gid, 0)

    @alias
    def lchown(self, path: str, uid: int, gid: int) -> None:
        return self.fchownat(AT_FDCWD, path, uid, gid, AtFlag.SYMLINK_NOFOLLOW)

    @alias
    def pipe(self) -> tuple[Fd, Fd]:
        return self.pipe2(0)

    @alias
    def getrlimit(self, resource: int) -> Limit:
        return self.prlimit64(Pid(0), resource, None)

    @alias
    def setrlimit(self, resource: int, limit: Limit) -> None:
        self.prlimit64(Pid(0), resource, limit)

    @alias
    def execve(self, path: str, argv: tuple[str, ...], envp: tuple[str, ...]) -> NoReturn:
        self.execveat(AT_FDCWD, path, argv, envp, 0)

    @alias
    def getpgrp(self) -> Pid:
        return self.getpgid(Pid(0))
