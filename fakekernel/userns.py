"""User namespaces and their id maps (user_namespaces(7), kernel/user_namespace.c)."""

from typing import NamedTuple

from fakekernel.store import TABLE, Record, Table
from kernelapi.ids import OVERFLOW_ID, Gid, Kgid, Kuid, Uid


class Extent(NamedTuple):
    """`length` ids from `first` in the namespace stand for those from `lower_first`, as global ids."""

    first: int
    lower_first: int
    length: int


IDENTITY = (Extent(0, 0, 2**32 - 1),)


class UserNamespace(Record):
    """A map of ids, and the owner of other namespaces. A map that was not written yet is ()."""

    inum: int
    parent: "UserNamespace | None"
    level: int
    owner: Kuid
    group: Kgid
    uid_map: tuple[Extent, ...] = ()
    gid_map: tuple[Extent, ...] = ()
    setgroups_allowed: bool = True
    parent_could_setfcap: bool = True
    limits: Table[str, int] = TABLE  # how many namespaces each of its users may have: what was written to /proc/sys/user

    @property
    def initial(self) -> "UserNamespace":
        """The host's: the one above all others."""
        return self if self.parent is None else self.parent.initial

    def kuid(self, uid: int) -> Kuid | None:
        """The global id that `uid` means here; None where it has no mapping."""
        found = _up(self.uid_map, uid)
        return None if found is None else Kuid(found)

    def kgid(self, gid: int) -> Kgid | None:
        """The global id that `gid` means here; None where it has no mapping."""
        found = _up(self.gid_map, gid)
        return None if found is None else Kgid(found)

    def uid(self, kuid: Kuid) -> Uid:
        """What `kuid` reads as here: the overflow id where it has no mapping."""
        found = _down(self.uid_map, kuid)
        return Uid(OVERFLOW_ID if found is None else found)

    def gid(self, kgid: Kgid) -> Gid:
        """What `kgid` reads as here: the overflow id where it has no mapping."""
        found = _down(self.gid_map, kgid)
        return Gid(OVERFLOW_ID if found is None else found)

    def uid_or_none(self, kuid: int) -> Uid | None:
        """What `kuid` reads as here; None where it has no mapping."""
        found = _down(self.uid_map, kuid)
        return None if found is None else Uid(found)

    def gid_or_none(self, kgid: int) -> Gid | None:
        """What `kgid` reads as here; None where it has no mapping."""
        found = _down(self.gid_map, kgid)
        return None if found is None else Gid(found)

    def maps_kuid(self, kuid: Kuid) -> bool:
        return _down(self.uid_map, kuid) is not None

    def maps_kgid(self, kgid: Kgid) -> bool:
        return _down(self.gid_map, kgid) is not None

    def is_within(self, ancestor: "UserNamespace") -> bool:
        """Whether this is `ancestor` or one of its descendants."""
        ns: UserNamespace | None = self
        while ns is not None and ns.level >= ancestor.level:
            if ns is ancestor:
                return True
            ns = ns.parent
        return False


def _up(extents: tuple[Extent, ...], id: int) -> int | None:
    for first, lower, length in extents:
        if first <= id < first + length:
            return lower + id - first
    return None


def _down(extents: tuple[Extent, ...], kid: int) -> int | None:
    for first, lower, length in extents:
        if lower <= kid < lower + length:
            return first + kid - lower
    return None
