"""The host's names (kernel/sys.c)."""

from fakekernel.syscalls.base import SyscallBase


class NameCalls(SyscallBase):
    """The host's names."""

    __slots__ = ()
