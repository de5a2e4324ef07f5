"""The operations of prctl(2) (kernel/sys.c, security/commoncap.c)."""

from fakekernel.syscalls.base import SyscallBase


class PrctlCalls(SyscallBase):
    """The operations of prctl(2)."""

    __slots__ = ()
