"""Capabilities and sets of them (capabilities(7))."""

from collections.abc import Iterable, Iterator
from enum import IntEnum


class Cap(IntEnum):
    """A capability, by its number in linux/capability.h."""

    CHOWN = 0
    DAC_OVERRIDE = 1
    DAC_READ_SEARCH = 2
    FOWNER = 3
    FSETID = 4
    KILL = 5
    SETGID = 6
    SETUID = 7
    SETPCAP = 8
    LINUX_IMMUTABLE = 9
    NET_BIND_SERVICE = 10
    NET_BROADCAST = 11
    NET_ADMIN = 12
    NET_RAW = 13
    IPC_LOCK = 14
    IPC_OWNER = 15
    SYS_MODULE = 16
    SYS_RAWIO = 17
    SYS_CHROOT = 18
    SYS_PTRACE = 19
    SYS_PACCT = 20
    SYS_ADMIN = 21
    SYS_BOOT = 22
    SYS_NICE = 23
    SYS_RESOURCE = 24
    SYS_TIME = 25
    SYS_TTY_CONFIG = 26
    MKNOD = 27
    LEASE = 28
    AUDIT_WRITE = 29
    AUDIT_CONTROL = 30
    SETFCAP = 31
    MAC_OVERRIDE = 32
    MAC_ADMIN = 33
    SYSLOG = 34
    WAKE_ALARM = 35
    BLOCK_SUSPEND = 36
    AUDIT_READ = 37
    PERFMON = 38
    BPF = 39
    CHECKPOINT_RESTORE = 40


LAST_CAP = max(Cap)


class CapSet:
    """An immutable set of capabilities: a 64-bit mask that reads as a set."""

    __slots__ = ("mask",)
    mask: int

    def __init__(self, caps: Iterable[int] = ()) -> None:
        mask = 0
        for cap in caps:
            mask |= 1 << cap
        object.__setattr__(self, "mask", mask)

    @classmethod
    def of(cls, *caps: int) -> "CapSet":
        return cls(caps)

    @classmethod
    def from_mask(cls, mask: int) -> "CapSet":
        self = cls.__new__(cls)
        object.__setattr__(self, "mask", mask)
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return CapSet.from_mask, (self.mask,)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a CapSet is immutable")

    def __contains__(self, cap: int) -> bool:
        return bool(self.mask >> cap & 1)

    def __iter__(self) -> Iterator[int]:
        return (cap for cap in range(self.mask.bit_length()) if self.mask >> cap & 1)

    def __len__(self) -> int:
        return self.mask.bit_count()

    def __bool__(self) -> bool:
        return self.mask != 0

    def __or__(self, other: "CapSet") -> "CapSet":
        return CapSet.from_mask(self.mask | other.mask)

    def __and__(self, other: "CapSet") -> "CapSet":
        return CapSet.from_mask(self.mask & other.mask)

    def __sub__(self, other: "CapSet") -> "CapSet":
        return CapSet.from_mask(self.mask & ~other.mask)

    def __le__(self, other: "CapSet") -> bool:
        """Whether this set is within `other`."""
        return not self.mask & ~other.mask

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CapSet) and self.mask == other.mask

    def __hash__(self) -> int:
        return hash(self.mask)

    def __repr__(self) -> str:
        if self == FULL:
            return "{all}"
        if len(self) > LAST_CAP // 2 and self <= FULL:
            return "{all but " + ", ".join(_name(cap) for cap in FULL - self) + "}"
        return "{" + ", ".join(_name(cap) for cap in self) + "}"


def _name(cap: int) -> str:
    return Cap(cap).name if cap <= LAST_CAP else str(cap)


EMPTY = CapSet()
FULL = CapSet(Cap)

FS_CAPS = CapSet.of(
    Cap.CHOWN, Cap.DAC_OVERRIDE, Cap.DAC_READ_SEARCH, Cap.FOWNER, Cap.FSETID, Cap.LINUX_IMMUTABLE, Cap.MKNOD, Cap.MAC_OVERRIDE
)
"""The capabilities that follow the filesystem user id (linux/capability.h, CAP_FS_MASK)."""
