"""UNIX socket pairs and netlink, on the real kernel."""

from kernelapi.linux.base import LinuxBase


class LinuxSockets(LinuxBase):
    """See `kernelapi.protocol.sockets`."""

    __slots__ = ()
