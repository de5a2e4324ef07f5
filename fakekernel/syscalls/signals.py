"""Sending, blocking and ignoring signals (kernel/signal.c)."""

from fakekernel.syscalls.base import SyscallBase


class SignalCalls(SyscallBase):
    """Sending, blocking and ignoring signals."""

    __slots__ = ()
