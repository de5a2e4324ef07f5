"""Joining and leaving namespaces (kernel/nsproxy.c, kernel/fork.c)."""

from fakekernel.syscalls.base import SyscallBase


class NamespaceCalls(SyscallBase):
    """Joining and leaving namespaces."""

    __slots__ = ()
