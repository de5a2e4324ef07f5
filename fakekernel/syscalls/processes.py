"""Life and death of processes (kernel/fork.c, fs/exec.c, kernel/exit.c)."""

from fakekernel.syscalls.base import SyscallBase


class ProcessCalls(SyscallBase):
    """Life and death of processes."""

    __slots__ = ()
