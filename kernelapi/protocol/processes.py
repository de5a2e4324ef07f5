"""Life and death of processes: clone, execve, exit, wait; sessions and groups (kernel/fork.c, exec.c, exit.c, sys.c)."""

from collections.abc import Callable
from typing import Any, NoReturn, Protocol

from kernelapi.call import syscall
from kernelapi.ids import Fd, Pid


class Processes(Protocol):
    """Making processes, replacing them, ending them, waiting for them."""

    @syscall()
    def clone(self, flags: int, child: Callable[..., int | None], *args: Any) -> Pid:
        """Make a process that runs `child(kernel, *args)`, a module-level function with frozen arguments, and return its pid.

        `flags` holds `CloneFlag` bits and, in the low byte, the signal that the parent gets at its exit (usually
        SIGCHLD). The child shares no Python object with its parent. What `child` returns is its exit status (None: 0).
        """

    @syscall()
    def execveat(self, dirfd: int, path: str, argv: tuple[str, ...], envp: tuple[str, ...], flags: int = 0) -> NoReturn:
        """Replace the calling process by the program at `path`. Does not return; raises only where it is refused."""

    @syscall()
    def exit_group(self, status: int) -> NoReturn:
        """End the process with the low eight bits of `status`."""

    @syscall()
    def wait4(self, pid: int, options: int = 0) -> tuple[Pid, int]:
        """Wait for a child: its pid and status word. (0, 0) where WNOHANG is set and none has changed.

        `pid` selects: > 0 that child; -1 any; 0 the caller's process group; < -1 the group -pid.
        """

    @syscall()
    def getpid(self) -> Pid:
        """The caller's process id in its own pid namespace."""

    @syscall()
    def gettid(self) -> Pid:
        """The caller's thread id in its own pid namespace."""

    @syscall()
    def getppid(self) -> Pid:
        """The parent's process id as the caller's pid namespace sees it; 0 where it is outside."""

    @syscall()
    def getsid(self, pid: Pid) -> Pid:
        """The session of process `pid`; 0 is the caller."""

    @syscall()
    def setsid(self) -> Pid:
        """Start a new session and process group without a controlling terminal."""

    @syscall()
    def getpgid(self, pid: Pid) -> Pid:
        """The process group of process `pid`; 0 is the caller."""

    @syscall()
    def setpgid(self, pid: Pid, pgid: Pid) -> None:
        """Move process `pid` (0: the caller) into process group `pgid` (0: one with the pid's own number)."""

    @syscall()
    def pidfd_open(self, pid: Pid, flags: int = 0) -> Fd:
        """A descriptor, close-on-exec, that refers to process `pid`."""


