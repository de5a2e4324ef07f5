"""The mount tree, on the real kernel."""

from kernelapi.linux.base import LinuxBase


class LinuxMounts(LinuxBase):
    """See `kernelapi.protocol.mounts`."""

    __slots__ = ()
