"""Paths and what they name (fs/namei.c, fs/open.c, fs/attr.c)."""

from fakekernel.syscalls.base import SyscallBase


class FileCalls(SyscallBase):
    """Paths and what they name."""

    __slots__ = ()
