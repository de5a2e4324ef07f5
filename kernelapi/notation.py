"""How a call reads: in the notation of strace, so that a trace of ours and one of strace's stand side by side."""

from collections.abc import Callable
from enum import IntFlag
from errno import errorcode
from functools import cache
from typing import Any

from kernelapi.call import Call
from kernelapi.capability import LAST_CAP, Cap
from kernelapi.event import NO_RETURN, Event
from kernelapi.flags import (
    AT_FDCWD,
    AccessMode,
    AddressFamily,
    AtFlag,
    CloneFlag,
    CloseRangeFlag,
    FdFlag,
    MessageFlag,
    MountFlag,
    OpenFlag,
    Rlimit,
    Securebit,
    Seek,
    Shutdown,
    Signal,
    SigprocmaskHow,
    SocketType,
    UmountFlag,
    WaitFlag,
)

STRING_LIMIT = 64
"""Longer strings are cut, as strace cuts them."""


def render(event: Event) -> str:
    """The event on one line: `setuid(1000) = -1 EPERM`."""
    return f"{render_call(event.call, event.args)} = {render_answer(event)}"


def render_call(call: Call, args: tuple[Any, ...]) -> str:
    names = [parameter.name for parameter in call.parameters]
    shown = [_argument(call.name, names[min(i, len(names) - 1)], value) for i, value in enumerate(args)]
    return f"{call.name}({', '.join(shown)})"


def render_answer(event: Event) -> str:
    if event.errno:
        return f"-1 {errorcode.get(event.errno, event.errno)}"
    if event.result is None:
        return "0"
    if event.result is NO_RETURN:
        return "?"
    return _value(event.result)


_SETS: dict[tuple[str, str], tuple[str, type[IntFlag]]] = {
    ("clone", "flags"): ("CLONE_", CloneFlag),
    ("unshare", "flags"): ("CLONE_", CloneFlag),
    ("setns", "nstype"): ("CLONE_", CloneFlag),
    ("openat", "flags"): ("O_", OpenFlag),
    ("open", "flags"): ("O_", OpenFlag),
    ("dup3", "flags"): ("O_", OpenFlag),
    ("pipe2", "flags"): ("O_", OpenFlag),
    ("fcntl_setfl", "flags"): ("O_", OpenFlag),
    ("fcntl_setfd", "flags"): ("FD_", FdFlag),
    ("close_range", "flags"): ("CLOSE_RANGE_", CloseRangeFlag),
    ("mount", "flags"): ("MS_", MountFlag),
    ("umount2", "flags"): ("MNT_", UmountFlag),
    ("wait4", "options"): ("W", WaitFlag),
    ("access", "mode"): ("_OK", AccessMode),
    ("prctl_set_securebits", "bits"): ("SECBIT_", Securebit),
    ("sendmsg", "flags"): ("MSG_", MessageFlag),
    ("recvmsg", "flags"): ("MSG_", MessageFlag),
    ("socket", "type"): ("SOCK_", SocketType),
    ("socketpair", "type"): ("SOCK_", SocketType),
}

def _argument(call: str, parameter: str, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        if parameter.endswith("dirfd") and value == AT_FDCWD:
            return "AT_FDCWD"
        if parameter in ("mode", "mask") and (call, parameter) not in _SETS:
            return f"{value:#05o}" if value else "0"
        if parameter == "cap":
            return _capability(value)
        if (call, parameter) in _SETS:
            return _flags(*_SETS[call, parameter], value)
        if parameter == "flags":
            return _flags("AT_", AtFlag, value)
        if (call, parameter) in _NUMBERS:
            return _NUMBERS[call, parameter](value)
    if callable(value):
        return str(value.__qualname__)
    return _value(value)


def _capability(number: int) -> str:
    return f"CAP_{Cap(number).name}" if 0 <= number <= LAST_CAP else str(number)


def _signal(number: int) -> str:
    return f"SIG{Signal(number).name}" if number in Signal.__members__.values() else str(number)


def _member(prefix: str, numbers: Any, value: int) -> str:
    return f"{prefix}{numbers(value).name}" if value in numbers.__members__.values() else str(value)


@cache
def _flags(prefix: str, flags: type[IntFlag], value: int) -> str:
    shown = []
    if prefix == "O_":
        shown.append(("O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE")[value & 3])
        value &= ~3
    rest = value
    if prefix == "CLONE_" and value & 0xFF and flags is CloneFlag and value & 0xFF != CloneFlag.NEWTIME:
        rest &= ~0xFF
    for member in flags:
        if member.value and rest & member.value == member.value:
            shown.append(prefix + str(member.name))
            rest &= ~member.value
    if prefix == "CLONE_" and value & 0xFF and value & 0xFF != CloneFlag.NEWTIME:
        shown.append(_signal(value & 0xFF))
    if rest:
        shown.append(f"{rest:#x}")
    return "|".join(shown) or "0"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, (str, bytes)):
        return _string(value)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return "[" + ", ".join(map(_value, value)) + "]"
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else repr(value)


def _string(value: str | bytes) -> str:
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    cut = text[:STRING_LIMIT].encode("unicode_escape").decode().replace('"', '\\"')
    return f'"{cut}"' + ("..." if len(text) > STRING_LIMIT else "")


_NUMBERS: dict[tuple[str, str], Callable[[int], str]] = {
    ("kill", "signal"): _signal,
    ("rt_sigaction", "signal"): _signal,
    ("prctl_set_pdeathsig", "signal"): _signal,
    ("prlimit64", "resource"): lambda n: _member("RLIMIT_", Rlimit, n),
    ("setrlimit", "resource"): lambda n: _member("RLIMIT_", Rlimit, n),
    ("getrlimit", "resource"): lambda n: _member("RLIMIT_", Rlimit, n),
    ("lseek", "whence"): lambda n: _member("SEEK_", Seek, n),
    ("shutdown", "how"): lambda n: _member("SHUT_", Shutdown, n),
    ("rt_sigprocmask", "how"): lambda n: _member("SIG_", SigprocmaskHow, n),
    ("socket", "family"): lambda n: _member("AF_", AddressFamily, n),
    ("socketpair", "family"): lambda n: _member("AF_", AddressFamily, n),
}
