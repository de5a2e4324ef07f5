"""Life and death of processes, on the real kernel."""

import ctypes
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from kernelapi.errors import ModelError, NotModelled
from kernelapi.flags import CloneFlag
from kernelapi.ids import Fd, Pid
from kernelapi.linux.base import path_bytes, syscall

_NEEDS_POINTERS = CloneFlag.SETTLS | CloneFlag.PIDFD

_before_fork = ctypes.pythonapi.PyOS_BeforeFork
_after_fork_in_parent = ctypes.pythonapi.PyOS_AfterFork_Parent
_after_fork_in_child = ctypes.pythonapi.PyOS_AfterFork_Child
_before_fork.restype = _after_fork_in_parent.restype = _after_fork_in_child.restype = None


class LinuxProcesses:
    """See `kernelapi.protocol.processes`."""

    __slots__ = ()

    def clone(self, flags: int, child: Callable[..., int | None], *args: Any) -> Pid:
        # Without CLONE_VM the kernel itself refuses CLONE_SIGHAND, and without that CLONE_THREAD.
        if flags & CloneFlag.VM:
            raise ModelError("a Python program cannot share its address space (CLONE_VM) with a child")
        if flags & _NEEDS_POINTERS:
            raise NotModelled("clone with CLONE_PIDFD or CLONE_SETTLS")
        sys.stdout.flush()
        sys.stderr.flush()
        _before_fork()
        try:
            pid = syscall("clone", flags, 0, 0, 0, 0)
        except OSError:
            _after_fork_in_parent()
            raise
        if pid == 0:
            _after_fork_in_child()
            _be(child, args)
        _after_fork_in_parent()
        return Pid(pid)

    def execveat(self, dirfd: int, path: str, argv: tuple[str, ...], envp: tuple[str, ...], flags: int = 0) -> NoReturn:
        syscall("execveat", dirfd, path_bytes(path), _strings(argv), _strings(envp), flags)
        raise ModelError("execveat came back without an error")

    def exit_group(self, status: int) -> NoReturn:
        syscall("exit_group", status)
        raise ModelError("exit_group came back")

    def wait4(self, pid: int, options: int = 0) -> tuple[Pid, int]:
        status = ctypes.c_int(0)
        found = syscall("wait4", pid, ctypes.byref(status), options, None)
        return Pid(found), status.value

    def getpid(self) -> Pid:
        return Pid(syscall("getpid"))

    def gettid(self) -> Pid:
        return Pid(syscall("gettid"))

    def getppid(self) -> Pid:
        return Pid(syscall("getppid"))

    def getsid(self, pid: Pid) -> Pid:
        return Pid(syscall("getsid", pid))

    def setsid(self) -> Pid:
        return Pid(syscall("setsid"))

    def getpgid(self, pid: Pid) -> Pid:
        return Pid(syscall("getpgid", pid))

    def setpgid(self, pid: Pid, pgid: Pid) -> None:
        syscall("setpgid", pid, pgid)

    def pidfd_open(self, pid: Pid, flags: int = 0) -> Fd:
        return Fd(syscall("pidfd_open", pid, flags))


def _be(child: Callable[..., int | None], args: tuple[Any, ...]) -> NoReturn:
    """What the child process does, from its birth to its end: it never returns into the frames of its parent."""
    from kernelapi.linux.kernel import linux  # which imports this module

    kernel = linux()
    try:
        status = child(kernel, *args) or 0
        sys.stdout.flush()
        kernel.exit_group(status)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(1)  # whatever happened above, a broken standard error included


def _strings(strings: tuple[str, ...]) -> Any:
    """A NULL-terminated array of C strings."""
    return (ctypes.c_char_p * (len(strings) + 1))(*map(path_bytes, strings), None)
