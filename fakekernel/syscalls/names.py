"""The host's names (kernel/sys.c)."""

from fakekernel.syscalls.base import SyscallBase
from kernelapi.capability import Cap
from kernelapi.protocol.names import NAME_LENGTH, NAME_TOO_LONG, NAME_UNPRIVILEGED, name_bytes, name_text
from kernelapi.values import Utsname

MACHINE = "x86_64"


class NameCalls(SyscallBase):
    """What the host is called."""

    __slots__ = ()

    def uname(self) -> Utsname:
        uts = self.task.namespaces.uts
        host = self.machine.host
        return Utsname("Linux", uts.nodename, host.release, host.version, MACHINE, uts.domainname)

    def sethostname(self, name: str) -> None:
        text = self._name(name)
        self.task.namespaces.uts.nodename = text

    def setdomainname(self, name: str) -> None:
        text = self._name(name)
        self.task.namespaces.uts.domainname = text

    def _name(self, name: str) -> str:
        """The name as uname will show it, after the checks of both calls."""
        data = name_bytes(name)
        if not self.capable_over(self.task.namespaces.uts.owner, Cap.SYS_ADMIN):
            self.refuse(NAME_UNPRIVILEGED)
        if len(data) > NAME_LENGTH:
            self.refuse(NAME_TOO_LONG)  # suspended: what the field can hold
        return name_text(data[:NAME_LENGTH])
