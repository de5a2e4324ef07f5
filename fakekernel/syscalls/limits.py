"""Resource limits (kernel/sys.c do_prlimit)."""

from fakekernel.credentials import Credentials
from fakekernel.syscalls.base import SyscallBase
from kernelapi.capability import Cap
from kernelapi.flags import Rlimit
from kernelapi.ids import Pid
from kernelapi.protocol.limits import (
    LIMIT_NO_PROCESS,
    LIMIT_NR_OPEN,
    LIMIT_OF_ANOTHER,
    LIMIT_RAISED,
    LIMIT_RESOURCE,
    LIMIT_SOFT_ABOVE_HARD,
)
from kernelapi.values import Limit

UNLIMITED = Limit()
RESOURCES = len(Rlimit)
NOFILE = int(Rlimit.NOFILE)
WORD = 2**64 - 1


class LimitCalls(SyscallBase):
    """What a process may use of each resource."""

    __slots__ = ()

    def prlimit64(self, pid: Pid, resource: int, new: Limit | None) -> Limit:
        task = self.task
        if pid:
            struct = task.pid_namespace.pids.get(pid)
            if struct is None or struct.task is None:
                self.refuse(LIMIT_NO_PROCESS)  # suspended: the caller
            else:
                task = struct.task
        if task is not self.task and not (
            is_all(task.cred, self.task.cred) or self.capable_over(task.cred.userns, Cap.SYS_RESOURCE)
        ):
            self.refuse(LIMIT_OF_ANOTHER)
        if not 0 <= resource < RESOURCES:
            self.refuse(LIMIT_RESOURCE)
        old = task.job.limits.get(resource) or UNLIMITED
        if new is None:
            return old
        soft, hard = new.soft & WORD, new.hard & WORD
        if soft > hard:
            self.refuse(LIMIT_SOFT_ABOVE_HARD)
        if resource == NOFILE and hard > self.machine.system.nr_open:
            self.refuse(LIMIT_NR_OPEN)
        # The capability counts over the initial user namespace only: root of a container cannot raise a limit.
        if hard > old.hard and not self.capable_over(self.machine.system.userns, Cap.SYS_RESOURCE):
            self.refuse(LIMIT_RAISED)
        # -- effects only below --
        task.job.limits[resource] = Limit(soft, hard)
        return old


def is_all(target: Credentials, cred: Credentials) -> bool:
    """Whether each of the target's ids is the real one of `cred`."""
    uid, gid = cred.uid, cred.gid
    return target.uid == target.euid == target.suid == uid and target.gid == target.egid == target.sgid == gid
