"""Joining and leaving namespaces, on the real kernel."""

from kernelapi.ids import Fd
from kernelapi.linux.base import syscall


class LinuxNamespaces:
    """See `kernelapi.protocol.namespaces`."""

    __slots__ = ()

    def unshare(self, flags: int) -> None:
        syscall("unshare", flags)

    def setns(self, fd: Fd, nstype: int) -> None:
        syscall("setns", fd, nstype)
