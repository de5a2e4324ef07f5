"""Resource limits (getrlimit(2), kernel/sys.c do_prlimit)."""

from typing import Protocol

from kernelapi.call import syscall
from kernelapi.ids import Pid
from kernelapi.values import Limit


class Limits(Protocol):
    """Limits belong to a process and are inherited."""

    @syscall()
    def prlimit64(self, pid: Pid, resource: int, new: Limit | None) -> Limit:
        """The limit of `resource` for process `pid` (0: the caller) as it was; set to `new` unless that is None."""
