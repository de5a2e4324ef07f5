"""Resource limits (kernel/sys.c do_prlimit)."""

from fakekernel.syscalls.base import SyscallBase


class LimitCalls(SyscallBase):
    """Resource limits."""

    __slots__ = ()
