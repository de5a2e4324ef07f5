"""The operations of prctl(2), on the real kernel."""

from kernelapi.linux.base import LinuxBase


class LinuxPrctl(LinuxBase):
    """See `kernelapi.protocol.prctl`."""

    __slots__ = ()
