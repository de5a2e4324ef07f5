"""The mount tree (fs/namespace.c, fs/pnode.c)."""

from fakekernel.syscalls.base import SyscallBase


class MountCalls(SyscallBase):
    """The mount tree."""

    __slots__ = ()
