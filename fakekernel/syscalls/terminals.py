"""The ioctls of terminals (drivers/tty)."""

from fakekernel.syscalls.base import SyscallBase


class TerminalCalls(SyscallBase):
    """The ioctls of terminals."""

    __slots__ = ()
