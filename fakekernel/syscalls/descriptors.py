"""Descriptors, pipes, reading and writing (fs/file.c, fs/fcntl.c, fs/pipe.c)."""

from fakekernel.syscalls.base import SyscallBase


class DescriptorCalls(SyscallBase):
    """Descriptors, pipes, reading and writing."""

    __slots__ = ()
