"""The host's names, per uts namespace (uname(2), kernel/sys.c)."""

from typing import Protocol

from kernelapi.call import syscall
from kernelapi.values import Utsname


class Names(Protocol):
    """What the host is called."""

    @syscall()
    def uname(self) -> Utsname:
        """The names of kernel and host."""

    @syscall()
    def sethostname(self, name: str) -> None:
        """Name the host of this uts namespace; at most 64 bytes."""

    @syscall()
    def setdomainname(self, name: str) -> None:
        """Set the NIS domain of this uts namespace; at most 64 bytes."""
