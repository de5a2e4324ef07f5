"""Time and randomness, on the real kernel."""

from kernelapi.linux.base import LinuxBase


class LinuxClock(LinuxBase):
    """See `kernelapi.protocol.clock`."""

    __slots__ = ()
