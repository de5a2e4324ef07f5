"""Life and death of processes, on the real kernel."""

from kernelapi.linux.base import LinuxBase


class LinuxProcesses(LinuxBase):
    """See `kernelapi.protocol.processes`."""

    __slots__ = ()
