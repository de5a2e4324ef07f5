"""Descriptors, pipes, reading and writing, on the real kernel."""

from kernelapi.linux.base import LinuxBase


class LinuxDescriptors(LinuxBase):
    """See `kernelapi.protocol.descriptors`."""

    __slots__ = ()
