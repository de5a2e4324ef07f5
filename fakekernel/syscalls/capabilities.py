"""Capability sets (kernel/capability.c, security/commoncap.c)."""

from fakekernel.syscalls.base import SyscallBase
from kernelapi.capability import FULL, Cap
from kernelapi.ids import Pid
from kernelapi.protocol.capabilities import (
    CAPGET_NEGATIVE,
    CAPGET_NO_PROCESS,
    CAPSET_EFFECTIVE_NOT_PERMITTED,
    CAPSET_INHERITABLE_NOT_BOUNDED,
    CAPSET_INHERITABLE_NOT_PERMITTED,
    CAPSET_LOWERS_AMBIENT,
    CAPSET_MASKS,
    CAPSET_OTHER,
    CAPSET_PERMITTED_GROWS,
)
from kernelapi.values import CapData


class CapabilityCalls(SyscallBase):
    """Capability sets."""

    __slots__ = ()

    def capget(self, pid: Pid) -> CapData:
        task = self.task
        if pid < 0:
            self.refuse(CAPGET_NEGATIVE)  # suspended: the caller
        elif pid and pid != task.number:
            number = task.pid_namespace.pids.get(pid)
            if number is None or number.task is None:
                self.refuse(CAPGET_NO_PROCESS)  # suspended: the caller
            else:
                task = number.task
        cred = task.cred
        return CapData(cred.effective, cred.permitted, cred.inheritable)

    def capset(self, pid: Pid, data: CapData) -> None:
        old = self.task.cred
        if pid and pid != self.task.number:
            self.refuse(CAPSET_OTHER)
        effective, permitted, inheritable = data.effective, data.permitted, data.inheritable
        if self.happens(CAPSET_MASKS):
            effective, permitted, inheritable = effective & FULL, permitted & FULL, inheritable & FULL
        if not self.capable(Cap.SETPCAP) and not inheritable <= old.inheritable | old.permitted:
            self.refuse(CAPSET_INHERITABLE_NOT_PERMITTED)
        if not inheritable <= old.inheritable | old.bounding:
            self.refuse(CAPSET_INHERITABLE_NOT_BOUNDED)
        if not permitted <= old.permitted:
            self.refuse(CAPSET_PERMITTED_GROWS)
        if not effective <= permitted:
            self.refuse(CAPSET_EFFECTIVE_NOT_PERMITTED)
        # -- effects only below --
        ambient = old.ambient
        if self.happens(CAPSET_LOWERS_AMBIENT):
            ambient = ambient & permitted & inheritable
        self.commit_creds(old._replace(effective=effective, permitted=permitted, inheritable=inheritable, ambient=ambient))
