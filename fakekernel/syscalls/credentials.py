"""User and group ids (kernel/sys.c, kernel/groups.c)."""

from fakekernel.credentials import Credentials, fix_setfsuid, fix_setuid
from fakekernel.syscalls.base import SyscallBase
from fakekernel.ucounts import exceeds_nproc
from kernelapi.capability import Cap
from kernelapi.ids import Gid, Kgid, Kuid, Uid
from kernelapi.protocol.credentials import (
    FSGID_FOLLOWS,
    FSUID_FOLLOWS,
    NGROUPS_MAX,
    SETGID_UNMAPPED,
    SETGID_UNPRIVILEGED,
    SETGROUPS_DENIED,
    SETGROUPS_NO_MAP,
    SETGROUPS_SORTS,
    SETGROUPS_TOO_MANY,
    SETGROUPS_UNMAPPED,
    SETGROUPS_UNPRIVILEGED,
    SETREGID_EFFECTIVE_UNMAPPED,
    SETREGID_EFFECTIVE_UNPRIVILEGED,
    SETREGID_REAL_UNMAPPED,
    SETREGID_REAL_UNPRIVILEGED,
    SETREGID_SETS_SAVED,
    SETRESGID_EFFECTIVE_UNMAPPED,
    SETRESGID_REAL_UNMAPPED,
    SETRESGID_SAVED_UNMAPPED,
    SETRESGID_UNPRIVILEGED,
    SETRESUID_EFFECTIVE_UNMAPPED,
    SETRESUID_REAL_UNMAPPED,
    SETRESUID_SAVED_UNMAPPED,
    SETRESUID_UNPRIVILEGED,
    SETREUID_EFFECTIVE_UNMAPPED,
    SETREUID_EFFECTIVE_UNPRIVILEGED,
    SETREUID_REAL_UNMAPPED,
    SETREUID_REAL_UNPRIVILEGED,
    SETREUID_SETS_SAVED,
    SETUID_UNMAPPED,
    SETUID_UNPRIVILEGED,
)
from kernelapi.rules import Refusal

_MASK = 0xFFFFFFFF  # what an argument of type uid_t keeps
_UNCHANGED = 0xFFFFFFFF


class CredentialCalls(SyscallBase):
    """Who the caller is, and who it may become."""

    __slots__ = ()

    # -- reading --

    def getuid(self) -> Uid:
        cred = self.task.cred
        return cred.userns.uid(cred.uid)

    def geteuid(self) -> Uid:
        cred = self.task.cred
        return cred.userns.uid(cred.euid)

    def getgid(self) -> Gid:
        cred = self.task.cred
        return cred.userns.gid(cred.gid)

    def getegid(self) -> Gid:
        cred = self.task.cred
        return cred.userns.gid(cred.egid)

    def getresuid(self) -> tuple[Uid, Uid, Uid]:
        cred = self.task.cred
        uid = cred.userns.uid
        return uid(cred.uid), uid(cred.euid), uid(cred.suid)

    def getresgid(self) -> tuple[Gid, Gid, Gid]:
        cred = self.task.cred
        gid = cred.userns.gid
        return gid(cred.gid), gid(cred.egid), gid(cred.sgid)

    def getgroups(self) -> tuple[Gid, ...]:
        cred = self.task.cred
        return tuple(map(cred.userns.gid, cred.groups))

    # -- user ids --

    def setuid(self, uid: Uid) -> None:
        old = self.task.cred
        kuid = old.userns.kuid(uid & _MASK)
        privileged = self.capable(Cap.SETUID)
        if kuid is None:
            self.refuse(SETUID_UNMAPPED)
            kuid = old.euid  # suspended: stay who you are
        if not privileged and kuid not in (old.uid, old.suid):
            self.refuse(SETUID_UNPRIVILEGED)
        # -- effects only below --
        new = old._replace(uid=kuid, suid=kuid) if privileged else old
        self._install_uids(new._replace(euid=kuid), old)

    def setreuid(self, ruid: int, euid: int) -> None:
        old = self.task.cred
        real = self._given_uid(ruid, old.uid, SETREUID_REAL_UNMAPPED)
        effective = self._given_uid(euid, old.euid, SETREUID_EFFECTIVE_UNMAPPED)
        privileged = self.capable(Cap.SETUID)
        if real is not None and not privileged and real not in (old.uid, old.euid):
            self.refuse(SETREUID_REAL_UNPRIVILEGED)
        if effective is not None and not privileged and effective not in (old.uid, old.euid, old.suid):
            self.refuse(SETREUID_EFFECTIVE_UNPRIVILEGED)
        # -- effects only below --
        uid = old.uid if real is None else real
        keuid = old.euid if effective is None else effective
        # gVisor compares the new effective id with the old effective one; Linux does with the old real one.
        saves = real is not None or (effective is not None and effective != old.uid)
        suid = keuid if saves and self.happens(SETREUID_SETS_SAVED) else old.suid
        self._install_uids(old._replace(uid=uid, euid=keuid, suid=suid), old)

    def setresuid(self, ruid: int, euid: int, suid: int) -> None:
        old = self.task.cred
        real = self._given_uid(ruid, old.uid, SETRESUID_REAL_UNMAPPED)
        effective = self._given_uid(euid, old.euid, SETRESUID_EFFECTIVE_UNMAPPED)
        saved = self._given_uid(suid, old.suid, SETRESUID_SAVED_UNMAPPED)
        new = old._replace(
            uid=old.uid if real is None else real,
            euid=old.euid if effective is None else effective,
            suid=old.suid if saved is None else saved,
        )
        if new == old and (effective is None or effective == old.fsuid):
            return  # nothing is committed: the filesystem id may go on being another
        own = (old.uid, old.euid, old.suid)
        if not self.capable(Cap.SETUID) and not (new.uid in own and new.euid in own and new.suid in own):
            self.refuse(SETRESUID_UNPRIVILEGED)
        # -- effects only below --
        self._install_uids(new, old)

    def setfsuid(self, uid: int) -> Uid:
        old = self.task.cred
        kuid = old.userns.kuid(uid & _MASK)
        before = old.userns.uid(old.fsuid)
        if kuid is None or kuid == old.fsuid:
            return before
        if kuid in (old.uid, old.euid, old.suid) or self.capable(Cap.SETUID):
            self.commit_creds(fix_setfsuid(old._replace(fsuid=kuid), old, self.machine.suspended))
        return before

    def _given_uid(self, uid: int, instead: Kuid, unmapped: Refusal) -> Kuid | None:
        """The global id of an argument; None for -1. Where `unmapped` is suspended, an id without a mapping stays `instead`."""
        uid &= _MASK
        if uid == _UNCHANGED:
            return None
        kuid = self.task.cred.userns.kuid(uid)
        if kuid is None:
            self.refuse(unmapped)
            return instead
        return kuid

    def _install_uids(self, new: Credentials, old: Credentials) -> None:
        if self.happens(FSUID_FOLLOWS):
            new = new._replace(fsuid=new.euid)
        if new.uid != old.uid:
            self.task.over_nproc = exceeds_nproc(self.machine.system, self.task, new)
        self.commit_creds(fix_setuid(new, old, self.machine.suspended))

    # -- group ids --

    def setgid(self, gid: Gid) -> None:
        old = self.task.cred
        kgid = old.userns.kgid(gid & _MASK)
        privileged = self.capable(Cap.SETGID)
        if kgid is None:
            self.refuse(SETGID_UNMAPPED)
            kgid = old.egid  # suspended: stay who you are
        if not privileged and kgid not in (old.gid, old.sgid):
            self.refuse(SETGID_UNPRIVILEGED)
        # -- effects only below --
        new = old._replace(gid=kgid, sgid=kgid) if privileged else old
        self._install_gids(new._replace(egid=kgid))

    def setregid(self, rgid: int, egid: int) -> None:
        old = self.task.cred
        real = self._given_gid(rgid, old.gid, SETREGID_REAL_UNMAPPED)
        effective = self._given_gid(egid, old.egid, SETREGID_EFFECTIVE_UNMAPPED)
        privileged = self.capable(Cap.SETGID)
        if real is not None and not privileged and real not in (old.gid, old.egid):
            self.refuse(SETREGID_REAL_UNPRIVILEGED)
        if effective is not None and not privileged and effective not in (old.gid, old.egid, old.sgid):
            self.refuse(SETREGID_EFFECTIVE_UNPRIVILEGED)
        # -- effects only below --
        gid = old.gid if real is None else real
        kegid = old.egid if effective is None else effective
        saves = real is not None or (effective is not None and effective != old.gid)
        sgid = kegid if saves and self.happens(SETREGID_SETS_SAVED) else old.sgid
        self._install_gids(old._replace(gid=gid, egid=kegid, sgid=sgid))

    def setresgid(self, rgid: int, egid: int, sgid: int) -> None:
        old = self.task.cred
        real = self._given_gid(rgid, old.gid, SETRESGID_REAL_UNMAPPED)
        effective = self._given_gid(egid, old.egid, SETRESGID_EFFECTIVE_UNMAPPED)
        saved = self._given_gid(sgid, old.sgid, SETRESGID_SAVED_UNMAPPED)
        new = old._replace(
            gid=old.gid if real is None else real,
            egid=old.egid if effective is None else effective,
            sgid=old.sgid if saved is None else saved,
        )
        if new == old and (effective is None or effective == old.fsgid):
            return
        own = (old.gid, old.egid, old.sgid)
        if not self.capable(Cap.SETGID) and not (new.gid in own and new.egid in own and new.sgid in own):
            self.refuse(SETRESGID_UNPRIVILEGED)
        # -- effects only below --
        self._install_gids(new)

    def setfsgid(self, gid: int) -> Gid:
        old = self.task.cred
        kgid = old.userns.kgid(gid & _MASK)
        before = old.userns.gid(old.fsgid)
        if kgid is None or kgid == old.fsgid:
            return before
        if kgid in (old.gid, old.egid, old.sgid) or self.capable(Cap.SETGID):
            self.commit_creds(old._replace(fsgid=kgid))
        return before

    def _given_gid(self, gid: int, instead: Kgid, unmapped: Refusal) -> Kgid | None:
        """The global id of an argument; None for -1. Where `unmapped` is suspended, an id without a mapping stays `instead`."""
        gid &= _MASK
        if gid == _UNCHANGED:
            return None
        kgid = self.task.cred.userns.kgid(gid)
        if kgid is None:
            self.refuse(unmapped)
            return instead
        return kgid

    def _install_gids(self, new: Credentials) -> None:
        self.commit_creds(new._replace(fsgid=new.egid) if self.happens(FSGID_FOLLOWS) else new)

    # -- supplementary groups --

    def setgroups(self, groups: tuple[Gid, ...]) -> None:
        old = self.task.cred
        userns = old.userns
        if not self.capable(Cap.SETGID):
            self.refuse(SETGROUPS_UNPRIVILEGED)
        if not userns.gid_map:
            self.refuse(SETGROUPS_NO_MAP)
        if not userns.setgroups_allowed:
            self.refuse(SETGROUPS_DENIED)
        if len(groups) > NGROUPS_MAX:
            self.refuse(SETGROUPS_TOO_MANY)
        kgids: list[Kgid] = []
        for gid in groups:
            kgid = userns.kgid(gid & _MASK)
            if kgid is None:
                self.refuse(SETGROUPS_UNMAPPED)  # suspended: without this one
            else:
                kgids.append(kgid)
        # -- effects only below --
        if self.happens(SETGROUPS_SORTS):
            kgids.sort()
        self.commit_creds(old._replace(groups=tuple(kgids)))
