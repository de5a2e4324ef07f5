"""How single values are spelt: as strace spells them, shortened where strace shortens them.

A `Spelling` turns a number into words: flags by name, modes in octal. `spelt` knows by its type how any other value reads.
"""

from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields, is_dataclass
from enum import IntEnum, IntFlag
from functools import cache
from typing import Any

from kernelapi.capability import LAST_CAP, Cap, CapSet
from kernelapi.flags import (
    AT_FDCWD,
    O_ACCMODE,
    RLIM_INFINITY,
    S_IFMT,
    AccessMode,
    CloneFlag,
    FileType,
    MessageFlag,
    OpenFlag,
    Signal,
    SocketType,
    StatfsFlag,
    UmountFlag,
    WaitFlag,
)
from kernelapi.values import (
    CapData,
    DirEntry,
    Limit,
    Message,
    NetlinkAddress,
    NetlinkFlag,
    NetlinkMessage,
    NetlinkType,
    Stat,
    Statfs,
    Utsname,
    Winsize,
    major,
    minor,
)

Spelling = Callable[[int], str]

STRING_LIMIT = 64
"""Longer strings, and longer descriptions of what the kernel does not know, are cut."""

LIST_LIMIT = 32
"""Longer lists are cut."""

LAST_ID = 2**32 - 1
SOCKET_TYPES = 0xF  # the bits of a socket's type that are no flags
SECOND = 10**9


# -- numbers --


def one_of(prefix: str, numbers: type[IntEnum]) -> Spelling:
    """The name of a number of an enumeration; the number itself where it has none."""
    names = {int(member): prefix + member.name for member in numbers}
    return lambda value: names.get(value, str(value))


def bits_of(prefix: str, flags: type[IntFlag], zero: str = "0") -> Spelling:
    """The names of the bits; what is left over in hexadecimal."""
    members = _members(prefix, flags)
    return cache(lambda value: _joined(_named(value, members), zero))


def _members(prefix: str, flags: type[IntFlag]) -> list[tuple[int, str]]:
    """The bits of each flag with its name, those of several bits first."""
    found = [(int(flag), prefix + name) for name, flag in flags.__members__.items() if flag and flag.name == name]
    return sorted(found, key=lambda member: -member[0].bit_count())


def _named(value: int, members: Iterable[tuple[int, str]]) -> list[str]:
    """The names of the bits of `value`, from the lowest. Names of several bits come first in `members`."""
    found = []
    for bits, name in members:
        if value & bits == bits:
            found.append((bits, name))
            value &= ~bits
    words = [name for _, name in sorted(found)]
    return [*words, f"{value:#x}"] if value else words


def _joined(words: Iterable[str], zero: str = "0") -> str:
    return "|".join(words) or zero


def octal(value: int) -> str:
    """Permissions, or a mask of them: three digits at least."""
    return f"0{value:o}".rjust(3, "0")


def identifier(value: int) -> str:
    """A user or group id; -1 however it is given."""
    return "-1" if value == LAST_ID else str(value)


def directory(value: int) -> str:
    """What a path is relative to."""
    return "AT_FDCWD" if value == AT_FDCWD else str(value)


def capability(value: int) -> str:
    return f"CAP_{Cap(value).name}" if 0 <= value <= LAST_CAP else str(value)


def signal(value: int) -> str:
    return f"SIG{Signal(value).name}" if value in Signal.__members__.values() else str(value)


def device(value: int) -> str:
    return f"makedev({major(value):#x}, {minor(value):#x})"


def mode(value: int) -> str:
    """A mode with its type: `S_IFCHR|0666`."""
    kind = value & S_IFMT
    if kind not in FileType.__members__.values():
        return octal(value)
    return f"S_IF{FileType(kind).name}|{octal(value & ~S_IFMT)}"


def limit_value(value: int) -> str:
    return "RLIM64_INFINITY" if value in (RLIM_INFINITY, -1) else str(value)


def nanoseconds(value: int) -> str:
    """A time, as a struct timespec."""
    seconds, rest = divmod(value, SECOND)
    return f"{{tv_sec={seconds}, tv_nsec={rest}}}"


_CLONE = _members("CLONE_", CloneFlag)
_OPEN = [member for member in _members("O_", OpenFlag) if member[0] & ~O_ACCMODE]
_ACCESS = [(int(flag), f"{flag.name}_OK") for flag in AccessMode]
_SOCKET_FLAGS = [member for member in _members("SOCK_", SocketType) if member[0] > SOCKET_TYPES]
_SOCKET_TYPES = dict(member for member in _members("SOCK_", SocketType) if member[0] <= SOCKET_TYPES)
_WAIT = [(int(flag), f"{'__' if str(flag.name).startswith('W') else 'W'}{flag.name}") for flag in WaitFlag]
_UMOUNT = [(int(flag), f"{'UMOUNT' if flag is UmountFlag.NOFOLLOW else 'MNT'}_{flag.name}") for flag in UmountFlag]


@cache
def clone_flags(value: int) -> str:
    """Flags of clone: the low byte is the exit signal."""
    return _joined([*_named(value & ~0xFF, _CLONE), *([signal(value & 0xFF)] if value & 0xFF else [])])


namespaces = bits_of("CLONE_", CloneFlag)
descriptor_flags = cache(lambda value: _joined(_named(value, _OPEN)))
"""Those O_ flags that a new descriptor may have, without an access mode."""


@cache
def open_flags(value: int) -> str:
    """Access mode and flags of a description."""
    return _joined([("O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE")[value & O_ACCMODE], *_named(value & ~O_ACCMODE, _OPEN)])


access_mode = cache(lambda value: _joined(_named(value, _ACCESS), "F_OK"))
umount_flags = cache(lambda value: _joined(_named(value, _UMOUNT)))
wait_options = cache(lambda value: _joined(_named(value, _WAIT)))
message_flags = bits_of("MSG_", MessageFlag)
netlink_type = one_of("", NetlinkType)
netlink_flags = bits_of("NLM_F_", NetlinkFlag)


@cache
def socket_type(value: int) -> str:
    kind = value & SOCKET_TYPES
    return _joined([_SOCKET_TYPES.get(kind, str(kind)), *_named(value & ~SOCKET_TYPES, _SOCKET_FLAGS)])


def wait_status(value: int) -> str:
    """A status word of wait4."""
    number = value & 0x7F
    if value == 0xFFFF:
        return "{WIFCONTINUED(s)}"
    if number == 0:
        return f"{{WIFEXITED(s) && WEXITSTATUS(s) == {value >> 8}}}"
    if number == 0x7F:
        return f"{{WIFSTOPPED(s) && WSTOPSIG(s) == {signal(value >> 8)}}}"
    core = " && WCOREDUMP(s)" if value & 0x80 else ""
    return f"{{WIFSIGNALED(s) && WTERMSIG(s) == {signal(number)}{core}}}"


# -- anything else --


def spelt(value: Any) -> str:
    """Any value that a call takes or returns. What the kernel does not look into is told by its type alone, if it is long."""
    spell = _BY_TYPE.get(type(value))
    if spell is not None:
        return spell(value)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, tuple):
        return listed(value)
    if callable(value):
        return str(getattr(value, "__qualname__", type(value).__name__))
    name = type(value).__name__
    if is_dataclass(value):
        text = f"{name}{{{_fields(value)}}}"
        if len(text) <= STRING_LIMIT or type(value).__module__ == Stat.__module__:
            return text
    return f"{name}{{...}}"


def string(value: str | bytes) -> str:
    """A string, or bytes, in quotes: what is no printable ASCII stands as an escape."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    cut = text[:STRING_LIMIT].encode("unicode_escape").decode().replace('"', '\\"')
    return f'"{cut}"' + ("..." if len(text) > STRING_LIMIT else "")


def listed(values: Iterable[Any], spell: Callable[[Any], str] = spelt) -> str:
    """`[1, 2, 3]`."""
    shown = [spell(value) for value in values]
    return f"[{', '.join(shown[:LIST_LIMIT] + (['...'] if len(shown) > LIST_LIMIT else []))}]"


def signal_set(value: frozenset[int]) -> str:
    """`[INT CHLD]`, or, of most, `~[KILL STOP]`."""
    every = range(1, 65)
    few, tilde = (value, "") if len(value) <= len(every) // 2 else (frozenset(every) - value, "~")
    return f"{tilde}[{' '.join(signal(number).removeprefix('SIG') for number in sorted(few))}]"


def _fields(value: Any) -> str:
    """`name=value` for each field that is not what it is by default."""
    shown = []
    for field in fields(value):
        given = getattr(value, field.name)
        if field.default is MISSING or given != field.default:
            shown.append(f"{field.name}={spelt(given)}")
    return ", ".join(shown)


def _stat(value: Stat) -> str:
    special = value.mode & S_IFMT in (FileType.CHR, FileType.BLK)  # what has no type, an anonymous inode, is nothing special
    last = f"st_rdev={device(value.rdev)}" if special else f"st_size={value.size}"
    return f"{{st_mode={mode(value.mode)}, st_uid={value.uid}, st_gid={value.gid}, {last}, ...}}"


def _cap_data(value: CapData) -> str:
    return f"{{effective={value.effective}, permitted={value.permitted}, inheritable={value.inheritable}}}"


_statfs_flags = bits_of("ST_", StatfsFlag)


def _limit(value: Limit) -> str:
    return f"{{rlim_cur={limit_value(value.soft)}, rlim_max={limit_value(value.hard)}}}"


def _netlink_address(value: NetlinkAddress) -> str:
    return f"{{nl_family=AF_NETLINK, nl_pid={value.pid}, nl_groups={value.groups:08x}}}"


def _netlink_message(value: NetlinkMessage) -> str:
    header = f"nlmsg_type={netlink_type(value.type)}, nlmsg_flags={netlink_flags(value.flags)}, nlmsg_seq={value.sequence}"
    body = "" if value.body is None else f", {spelt(value.body)}"
    return f"{{{header}, nlmsg_pid={value.pid}{body}}}"


def _message(value: Message) -> str:
    fds = f", fds={listed(value.fds)}" if value.fds else ""
    flags = f", msg_flags={message_flags(value.flags)}" if value.flags else ""
    return f"{{{spelt(value.data)}{fds}{flags}}}"


_BY_TYPE: dict[type, Callable[[Any], str]] = {
    bool: lambda value: str(int(value)),
    int: str,
    str: string,
    bytes: string,
    tuple: listed,
    type(None): lambda value: "NULL",
    frozenset: signal_set,
    CapSet: str,
    CapData: _cap_data,
    Stat: _stat,
    DirEntry: lambda entry: string(entry.name),
    Limit: _limit,
    Statfs: lambda value: f"{{f_type={value.type:#x}, f_flags={_statfs_flags(value.flags)}}}",
    Utsname: lambda value: f"{{{_fields(value)}}}",
    Winsize: lambda size: f"{{ws_row={size.rows}, ws_col={size.columns}}}",
    NetlinkAddress: _netlink_address,
    NetlinkMessage: _netlink_message,
    Message: _message,
}
