"""Capability sets, on the real kernel."""

from kernelapi.linux.base import LinuxBase


class LinuxCapabilities(LinuxBase):
    """See `kernelapi.protocol.capabilities`."""

    __slots__ = ()
