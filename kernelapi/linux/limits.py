"""Resource limits, on the real kernel."""

from kernelapi.linux.base import LinuxBase


class LinuxLimits(LinuxBase):
    """See `kernelapi.protocol.limits`."""

    __slots__ = ()
