"""User and group ids on the real kernel."""

from kernelapi.ids import Uid
from kernelapi.linux.base import LinuxBase, syscall


class LinuxCredentials(LinuxBase):
    """credentials(7)."""

    __slots__ = ()

    def getuid(self) -> Uid:
        return Uid(syscall("getuid"))

    def setuid(self, uid: Uid) -> None:
        syscall("setuid", uid)
