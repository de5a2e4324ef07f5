"""The ioctls of terminals, on the real kernel."""

from kernelapi.linux.base import LinuxBase


class LinuxTerminals(LinuxBase):
    """See `kernelapi.protocol.terminals`."""

    __slots__ = ()
