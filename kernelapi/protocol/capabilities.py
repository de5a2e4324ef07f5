"""Capability sets (capabilities(7), kernel/capability.c, security/commoncap.c)."""

from typing import Protocol

from kernelapi.call import syscall
from kernelapi.ids import Pid
from kernelapi.values import CapData


class Capabilities(Protocol):
    """Reading and shrinking the capability sets of a process."""

    @syscall()
    def capget(self, pid: Pid) -> CapData:
        """The effective, permitted and inheritable sets of process `pid`; 0 is the caller."""

    @syscall()
    def capset(self, pid: Pid, data: CapData) -> None:
        """Replace the caller's effective, permitted and inheritable sets; `pid` is 0 or the caller's own."""
