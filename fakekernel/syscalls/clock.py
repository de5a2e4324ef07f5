"""Time and randomness."""

from fakekernel.syscalls.base import SyscallBase


class ClockCalls(SyscallBase):
    """Time and randomness."""

    __slots__ = ()
