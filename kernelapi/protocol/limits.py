"""Resource limits (getrlimit(2), kernel/sys.c do_prlimit)."""

from errno import EINVAL, EPERM, ESRCH
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.ids import Pid
from kernelapi.rules import ARGUMENTS, STATE, Refusal
from kernelapi.values import Limit

LIMIT_NO_PROCESS = Refusal(
    "prlimit64.esrch", call="prlimit64", errno=ESRCH, depends=STATE,
    cause="the caller's pid namespace has no such process", source="getrlimit(2); kernel/sys.c prlimit64",
)  # fmt: skip
LIMIT_OF_ANOTHER = Refusal(
    "prlimit64.eperm.other", call="prlimit64", errno=EPERM, depends=STATE,
    cause="the other process' real, effective and saved user and group ids are not all the caller's real ones, and the caller "
    "has no CAP_SYS_RESOURCE over its user namespace",
    source="getrlimit(2); kernel/sys.c check_prlimit_permission",
)  # fmt: skip
LIMIT_RESOURCE = Refusal(
    "prlimit64.einval.resource", call="prlimit64", errno=EINVAL, depends=ARGUMENTS,
    cause="there is no such resource", source="getrlimit(2); kernel/sys.c do_prlimit",
)  # fmt: skip
LIMIT_SOFT_ABOVE_HARD = Refusal(
    "prlimit64.einval.soft", call="prlimit64", errno=EINVAL, depends=ARGUMENTS,
    cause="the new soft limit is above the new hard one", source="getrlimit(2); kernel/sys.c do_prlimit",
)  # fmt: skip
LIMIT_NR_OPEN = Refusal(
    "prlimit64.eperm.nr-open", call="prlimit64", errno=EPERM, depends=STATE,
    cause="the new hard limit of RLIMIT_NOFILE is above /proc/sys/fs/nr_open, whatever the caller's capabilities",
    source="getrlimit(2); kernel/sys.c do_prlimit", excuse="needs CAP_SYS_RESOURCE: without it the next check refuses as well",
)  # fmt: skip
LIMIT_RAISED = Refusal(
    "prlimit64.eperm.raise", call="prlimit64", errno=EPERM, depends=STATE,
    cause="the new hard limit is above the old one, and the caller has no CAP_SYS_RESOURCE over the initial user namespace",
    source="getrlimit(2); kernel/sys.c do_prlimit",
)  # fmt: skip


class Limits(Protocol):
    """Limits belong to a process and are inherited."""

    @syscall(LIMIT_NO_PROCESS, LIMIT_OF_ANOTHER, LIMIT_RESOURCE, LIMIT_SOFT_ABOVE_HARD, LIMIT_NR_OPEN, LIMIT_RAISED)
    def prlimit64(self, pid: Pid, resource: int, new: Limit | None) -> Limit:
        """The limit of `resource` for process `pid` (0: the caller) as it was; set to `new` unless that is None.

        Limits are words of 64 bits: what does not fit is cut off, so that -1 is RLIM_INFINITY.
        """
