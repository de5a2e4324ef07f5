"""The host's names, on the real kernel."""

from kernelapi.linux.base import LinuxBase


class LinuxNames(LinuxBase):
    """See `kernelapi.protocol.names`."""

    __slots__ = ()
