"""Paths and what they name, on the real kernel."""

from kernelapi.linux.base import LinuxBase


class LinuxFiles(LinuxBase):
    """See `kernelapi.protocol.files`."""

    __slots__ = ()
