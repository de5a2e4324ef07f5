"""Sending, blocking and ignoring signals, on the real kernel."""

from kernelapi.linux.base import LinuxBase


class LinuxSignals(LinuxBase):
    """See `kernelapi.protocol.signals`."""

    __slots__ = ()
