"""Narrower names of the calls: each is one line in terms of the general one, and keeps its own name in a trace."""

from typing import NoReturn, Protocol

from kernelapi.call import alias
from kernelapi.flags import AT_FDCWD, AtFlag
from kernelapi.ids import Fd, Pid
from kernelapi.protocol.attributes import CHOWN_FLAGS, READLINK_EMPTY, STAT_FLAGS
from kernelapi.protocol.descriptors import NOT_OPEN, PIPE_FLAGS, Descriptors
from kernelapi.protocol.entries import (
    LINK_EMPTY_UNPRIVILEGED,
    LINK_FLAGS,
    REMOVE_DIRECTORY,
    REMOVE_NOT_A_DIRECTORY,
    REMOVE_NOT_EMPTY,
    RENAME_EXISTS,
    RENAME_EXISTS_DOTS,
    RENAME_FLAGS,
    RMDIR_DOT,
    RMDIR_DOTDOT,
    RMDIR_ROOT,
    UNLINK_DOTS,
    UNLINK_FLAGS,
    UNLINK_SLASH,
    UNLINK_SLASH_DIRECTORY,
)
from kernelapi.protocol.files import Files
from kernelapi.protocol.limits import (
    LIMIT_NO_PROCESS,
    LIMIT_NR_OPEN,
    LIMIT_OF_ANOTHER,
    LIMIT_RAISED,
    LIMIT_SOFT_ABOVE_HARD,
    Limits,
)
from kernelapi.protocol.lookup import LOOKUP_DIRFD_NOT_A_DIRECTORY
from kernelapi.protocol.processes import (
    EXEC_SCRIPT_CLOSED,
    EXEC_SYMLINK,
    EXEC_UNKNOWN_FLAG,
    PGID_NO_PROCESS,
    Processes,
)
from kernelapi.values import Limit, Stat

DIRFD = (NOT_OPEN, LOOKUP_DIRFD_NOT_A_DIRECTORY)
"""What cannot happen to a call that takes no directory."""

OTHERS = (LIMIT_NO_PROCESS, LIMIT_OF_ANOTHER)
"""What cannot happen to a call that concerns only its caller."""


class Aliases(Descriptors, Files, Limits, Processes, Protocol):
    """The older system calls that the newer ones contain."""

    @alias(Files.openat, without=DIRFD)
    def open(self, path: str, flags: int, mode: int = 0) -> Fd:
        return self.openat(AT_FDCWD, path, flags, mode)

    @alias(Files.newfstatat, without=(DIRFD, STAT_FLAGS))
    def stat(self, path: str) -> Stat:
        return self.newfstatat(AT_FDCWD, path, 0)

    @alias(Files.newfstatat, without=(DIRFD, STAT_FLAGS))
    def lstat(self, path: str) -> Stat:
        return self.newfstatat(AT_FDCWD, path, AtFlag.SYMLINK_NOFOLLOW)

    @alias(Files.faccessat2, without=DIRFD)
    def access(self, path: str, mode: int) -> None:
        return self.faccessat2(AT_FDCWD, path, mode, 0)

    @alias(Files.mkdirat, without=DIRFD)
    def mkdir(self, path: str, mode: int) -> None:
        return self.mkdirat(AT_FDCWD, path, mode)

    @alias(Files.unlinkat, without=(DIRFD, UNLINK_FLAGS, UNLINK_DOTS, UNLINK_SLASH_DIRECTORY, UNLINK_SLASH, REMOVE_DIRECTORY))
    def rmdir(self, path: str) -> None:
        return self.unlinkat(AT_FDCWD, path, AtFlag.REMOVEDIR)

    @alias(Files.mknodat, without=DIRFD)
    def mknod(self, path: str, mode: int, dev: int) -> None:
        return self.mknodat(AT_FDCWD, path, mode, dev)

    @alias(Files.symlinkat, without=DIRFD)
    def symlink(self, target: str, path: str) -> None:
        return self.symlinkat(target, AT_FDCWD, path)

    @alias(Files.linkat, without=(DIRFD, LINK_FLAGS, LINK_EMPTY_UNPRIVILEGED))
    def link(self, oldpath: str, newpath: str) -> None:
        return self.linkat(AT_FDCWD, oldpath, AT_FDCWD, newpath, 0)

    @alias(Files.renameat2, without=(DIRFD, RENAME_FLAGS, RENAME_EXISTS, RENAME_EXISTS_DOTS))
    def rename(self, oldpath: str, newpath: str) -> None:
        return self.renameat2(AT_FDCWD, oldpath, AT_FDCWD, newpath, 0)

    @alias(
        Files.unlinkat,
        without=(DIRFD, UNLINK_FLAGS, RMDIR_DOT, RMDIR_DOTDOT, RMDIR_ROOT, REMOVE_NOT_A_DIRECTORY, REMOVE_NOT_EMPTY),
    )
    def unlink(self, path: str) -> None:
        return self.unlinkat(AT_FDCWD, path, 0)

    @alias(Files.readlinkat, without=(DIRFD, READLINK_EMPTY))
    def readlink(self, path: str) -> str:
        return self.readlinkat(AT_FDCWD, path)

    @alias(Files.fchmodat, without=DIRFD)
    def chmod(self, path: str, mode: int) -> None:
        return self.fchmodat(AT_FDCWD, path, mode)

    @alias(Files.fchownat, without=(DIRFD, CHOWN_FLAGS))
    def chown(self, path: str, uid: int, gid: int) -> None:
        return self.fchownat(AT_FDCWD, path, uid, gid, 0)

    @alias(Files.fchownat, without=(DIRFD, CHOWN_FLAGS))
    def lchown(self, path: str, uid: int, gid: int) -> None:
        return self.fchownat(AT_FDCWD, path, uid, gid, AtFlag.SYMLINK_NOFOLLOW)

    @alias(Descriptors.pipe2, without=PIPE_FLAGS)
    def pipe(self) -> tuple[Fd, Fd]:
        return self.pipe2(0)

    @alias(Limits.prlimit64, without=(OTHERS, LIMIT_SOFT_ABOVE_HARD, LIMIT_NR_OPEN, LIMIT_RAISED))
    def getrlimit(self, resource: int) -> Limit:
        return self.prlimit64(Pid(0), resource, None)

    @alias(Limits.prlimit64, without=OTHERS)
    def setrlimit(self, resource: int, limit: Limit) -> None:
        self.prlimit64(Pid(0), resource, limit)

    @alias(Processes.execveat, without=(DIRFD, EXEC_UNKNOWN_FLAG, EXEC_SYMLINK, EXEC_SCRIPT_CLOSED))
    def execve(self, path: str, argv: tuple[str, ...], envp: tuple[str, ...]) -> NoReturn:
        self.execveat(AT_FDCWD, path, argv, envp, 0)

    @alias(Processes.getpgid, without=PGID_NO_PROCESS)
    def getpgrp(self) -> Pid:
        return self.getpgid(Pid(0))
