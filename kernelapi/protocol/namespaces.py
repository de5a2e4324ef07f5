"""Joining and leaving namespaces (namespaces(7), kernel/nsproxy.c, kernel/user_namespace.c, kernel/pid_namespace.c)."""

from typing import Protocol

from kernelapi.call import syscall
from kernelapi.ids import Fd


class Namespaces(Protocol):
    """New namespaces come by clone or unshare, existing ones by setns. Id maps are files below /proc/PID."""

    @syscall()
    def unshare(self, flags: int) -> None:
        """Leave what `flags` (`CloneFlag` bits) name: namespaces, and shared descriptor tables or filesystem contexts."""

    @syscall()
    def setns(self, fd: Fd, nstype: int) -> None:
        """Enter the namespace behind `fd`, of type `nstype` (0: any); or, by a pidfd, all the `nstype` flags name."""
