"""User and group ids (kernel/sys.c, kernel/groups.c, kernel/cred.c)."""

from fakekernel.credentials import Credentials
from fakekernel.syscalls.base import SyscallBase
from kernelapi.capability import Cap
from kernelapi.ids import Uid
from kernelapi.protocol.credentials import SETUID_UNMAPPED, SETUID_UNPRIVILEGED


class CredentialCalls(SyscallBase):
    """Who the caller is, and who it may become."""

    __slots__ = ()

    def getuid(self) -> Uid:
        cred = self.task.cred
        return cred.userns.uid(cred.uid)

    def setuid(self, uid: Uid) -> None:
        old = self.task.cred
        kuid = old.userns.kuid(uid)
        privileged = self.capable(Cap.SETUID)
        if kuid is None:
            self.refuse(SETUID_UNMAPPED)
            kuid = old.euid  # suspended: stay who you are
        if not privileged and kuid not in (old.uid, old.suid):
            self.refuse(SETUID_UNPRIVILEGED)
        # -- effects only below --
        new = old.with_uids(real=kuid, effective=kuid, saved=kuid) if privileged else old.with_uids(effective=kuid)
        self.commit_creds(new)

    def commit_creds(self, new: Credentials) -> None:
        self.task.cred = new
