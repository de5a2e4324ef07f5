"""Resource limits, on the real kernel."""

import ctypes

from kernelapi.ids import Pid
from kernelapi.linux.base import syscall
from kernelapi.values import Limit

_Rlimit = ctypes.c_uint64 * 2


class LinuxLimits:
    """See `kernelapi.protocol.limits`."""

    __slots__ = ()

    def prlimit64(self, pid: Pid, resource: int, new: Limit | None) -> Limit:
        old = _Rlimit()
        syscall("prlimit64", pid, resource, None if new is None else _Rlimit(new.soft, new.hard), old)
        return Limit(old[0], old[1])
