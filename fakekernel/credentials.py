"""The credentials of a process: an immutable value; a change is a new one (credentials(7), struct cred)."""

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from kernelapi.capability import EMPTY, FS_CAPS, FULL, CapSet
from kernelapi.flags import Securebit
from kernelapi.ids import Kgid, Kuid
from kernelapi.protocol.credentials import (
    BECOMING_EFFECTIVE_ROOT_FILLS_EFFECTIVE,
    BECOMING_FILESYSTEM_ROOT_RAISES,
    CREDENTIALS_CLEAR_DUMPABLE,
    CREDENTIALS_CLEAR_PDEATHSIG,
    LEAVING_EFFECTIVE_ROOT_EMPTIES_EFFECTIVE,
    LEAVING_FILESYSTEM_ROOT_DROPS,
    LEAVING_ROOT_EMPTIES_AMBIENT,
    LEAVING_ROOT_EMPTIES_PERMITTED,
)
from kernelapi.rules import Rule

if TYPE_CHECKING:
    from fakekernel.machine import Machine
    from fakekernel.task import Task
    from fakekernel.userns import UserNamespace


class Credentials(NamedTuple):
    """Ids are global, as the kernel keeps them. `groups` is sorted. `securebits` holds `Securebit` bits."""

    userns: "UserNamespace"
    uid: Kuid = Kuid(0)
    gid: Kgid = Kgid(0)
    suid: Kuid = Kuid(0)
    sgid: Kgid = Kgid(0)
    euid: Kuid = Kuid(0)
    egid: Kgid = Kgid(0)
    fsuid: Kuid = Kuid(0)
    fsgid: Kgid = Kgid(0)
    groups: tuple[Kgid, ...] = ()
    inheritable: CapSet = EMPTY
    permitted: CapSet = FULL
    effective: CapSet = FULL
    bounding: CapSet = FULL
    ambient: CapSet = EMPTY
    securebits: int = 0

    @property
    def root(self) -> Kuid | None:
        """Who is root here: the global id that 0 means in the user namespace; None where that has no mapping."""
        return self.userns.kuid(0)

    def has_securebit(self, bit: Securebit) -> bool:
        return bool(self.securebits & bit)

    def in_group(self, gid: Kgid) -> bool:
        """Whether the filesystem group id or a supplementary one is `gid` (kernel/groups.c in_group_p)."""
        return gid == self.fsgid or gid in self.groups


def has_capability(cred: Credentials, cap: int, target: "UserNamespace") -> bool:
    """Whether `cred` has `cap` over the user namespace `target` (security/commoncap.c cap_capable).

    A capability in a namespace counts in all its descendants; the owner of a namespace, in the parent, has all over it.
    """
    ns = target
    while ns is not cred.userns:
        if ns.level <= cred.userns.level:
            return False
        assert ns.parent is not None, "the initial one is above all others"
        if ns.parent is cred.userns and ns.owner == cred.euid:
            return True
        ns = ns.parent
    return cap in cred.effective


def fix_setuid(new: Credentials, old: Credentials, suspended: Collection[Rule] = ()) -> Credentials:
    """`new`, with the capability sets that a change of the real, effective and saved user ids leaves.

    Kept with the ids of 1990s programs in mind, for whom leaving uid 0 drops all privileges (security/commoncap.c
    cap_emulate_setxuid).
    """
    root = old.root
    if root is None or old.has_securebit(Securebit.NO_SETUID_FIXUP):
        return new
    permitted, effective, ambient = new.permitted, new.effective, new.ambient
    if root in (old.uid, old.euid, old.suid) and root not in (new.uid, new.euid, new.suid):
        if not old.has_securebit(Securebit.KEEP_CAPS) and LEAVING_ROOT_EMPTIES_PERMITTED not in suspended:
            permitted = effective = EMPTY
        ambient = EMPTY if LEAVING_ROOT_EMPTIES_AMBIENT not in suspended else ambient & permitted
    if old.euid == root != new.euid and LEAVING_EFFECTIVE_ROOT_EMPTIES_EFFECTIVE not in suspended:
        effective = EMPTY
    if old.euid != root == new.euid and BECOMING_EFFECTIVE_ROOT_FILLS_EFFECTIVE not in suspended:
        effective = permitted
    return new._replace(permitted=permitted, effective=effective, ambient=ambient)


def fix_setfsuid(new: Credentials, old: Credentials, suspended: Collection[Rule] = ()) -> Credentials:
    """`new`, with the effective set that a change of the filesystem user id alone leaves (commoncap.c cap_task_fix_setuid)."""
    root = old.root
    if root is None or old.has_securebit(Securebit.NO_SETUID_FIXUP):
        return new
    if old.fsuid == root != new.fsuid and LEAVING_FILESYSTEM_ROOT_DROPS not in suspended:
        return new._replace(effective=new.effective - FS_CAPS)
    if old.fsuid != root == new.fsuid and BECOMING_FILESYSTEM_ROOT_RAISES not in suspended:
        return new._replace(effective=new.effective | (new.permitted & FS_CAPS))
    return new


def is_covered(new: Credentials, old: Credentials) -> bool:
    """Whether `old` had, or owned, all that `new` is permitted to do (kernel/cred.c cred_cap_issubset)."""
    if new.userns is old.userns:
        return new.permitted <= old.permitted
    ns = new.userns
    while ns.parent is not None:
        if ns.parent is old.userns and ns.owner == old.euid:
            return True
        ns = ns.parent
    return False


def commit_creds(machine: "Machine", task: "Task", new: Credentials) -> None:
    """Let `task` have the credentials `new` (kernel/cred.c commit_creds)."""
    old = task.cred
    if (
        old.euid != new.euid
        or old.egid != new.egid
        or old.fsuid != new.fsuid
        or old.fsgid != new.fsgid
        or not is_covered(new, old)
    ):
        suspended = machine.suspended
        if CREDENTIALS_CLEAR_DUMPABLE not in suspended:
            task.mm.dumpable = machine.system.suid_dumpable
        if CREDENTIALS_CLEAR_PDEATHSIG not in suspended:
            task.pdeathsig = 0
    task.cred = new
