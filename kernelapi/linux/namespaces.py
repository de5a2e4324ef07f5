"""Joining and leaving namespaces, on the real kernel."""

from kernelapi.linux.base import LinuxBase


class LinuxNamespaces(LinuxBase):
    """See `kernelapi.protocol.namespaces`."""

    __slots__ = ()
