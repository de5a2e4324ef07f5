"""The credentials of a process: an immutable value; a change is a new one (credentials(7), struct cred)."""

from typing import TYPE_CHECKING, NamedTuple

from kernelapi.capability import EMPTY, FULL, CapSet
from kernelapi.ids import Kgid, Kuid

if TYPE_CHECKING:
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

    def with_uids(self, *, real: Kuid | None = None, effective: Kuid | None = None, saved: Kuid | None = None) -> "Credentials":
        """These credentials with the given user ids; the filesystem id follows the effective one."""
        euid = self.euid if effective is None else effective
        return self._replace(
            uid=self.uid if real is None else real, euid=euid, suid=self.suid if saved is None else saved, fsuid=euid
        )

    def with_gids(self, *, real: Kgid | None = None, effective: Kgid | None = None, saved: Kgid | None = None) -> "Credentials":
        """These credentials with the given group ids; the filesystem id follows the effective one."""
        egid = self.egid if effective is None else effective
        return self._replace(
            gid=self.gid if real is None else real, egid=egid, sgid=self.sgid if saved is None else saved, fsgid=egid
        )

    def in_group(self, gid: Kgid) -> bool:
        """Whether the filesystem group id or a supplementary one is `gid` (kernel/groups.c in_group_p)."""
        return gid == self.fsgid or gid in self.groups


def has_capability(cred: Credentials, cap: int, target: "UserNamespace") -> bool:
    """Whether `cred` has `cap` over the user namespace `target` (security/commoncap.c cap_capable).

    A capability in a namespace counts in all its descendants; the owner of a namespace, in the parent, has all over it.
    """
    ns: UserNamespace | None = target
    while ns is not None:
        if ns is cred.userns:
            return cap in cred.effective
        if ns.level <= cred.userns.level:
            return False
        if ns.parent is cred.userns and ns.owner == cred.euid:
            return True
        ns = ns.parent
    return False
