"""How a call reads: in the notation of strace, so that a trace of ours and one of strace's stand side by side.

The tables below say which parameters and results have a spelling of their own; all others read as their type does
(`kernelapi.spelling`). What strace shows in an argument that the kernel fills in, stands here in the result.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from kernelapi import spelling
from kernelapi.call import Call
from kernelapi.errors import errno_name
from kernelapi.event import NO_RETURN, Event
from kernelapi.flags import (
    TIMER_ABSTIME,
    AddressFamily,
    AtFlag,
    Clock,
    CloseRangeFlag,
    Disposition,
    FdFlag,
    MountFlag,
    OpenFlag,
    RandomFlag,
    RenameFlag,
    Rlimit,
    SeccompFlag,
    Securebit,
    Seek,
    Shutdown,
    SigprocmaskHow,
    XattrFlag,
)
from kernelapi.spelling import bits_of, one_of, spelt

Spell = Callable[[Any], str]


def _or_null(spell: Spell) -> Spell:
    return lambda value: "NULL" if value is None else spell(value)


_at = bits_of("AT_", AtFlag)
_clock = one_of("CLOCK_", Clock)
_disposition = _or_null(lambda value: {Disposition.DEFAULT: "SIG_DFL", Disposition.IGNORE: "SIG_IGN"}[value])
_family = one_of("AF_", AddressFamily)
_fd_flags = bits_of("FD_", FdFlag)
_optional = _or_null(lambda text: spelling.string(text) if text else "NULL")
_resource = one_of("RLIMIT_", Rlimit)
_SECCOMP_MODES = {1: "SECCOMP_MODE_STRICT", 2: "SECCOMP_MODE_FILTER"}
_securebits = bits_of("SECBIT_", Securebit)

PARAMETERS: Mapping[str, Spell] = {
    "dirfd":    spelling.directory,
    "olddirfd": spelling.directory,
    "newdirfd": spelling.directory,
    "mode":     spelling.octal,
    "mask":     spelling.octal,
    "dev":      spelling.device,
    "cap":      spelling.capability,
    "signal":   spelling.signal,
    "uid":      spelling.identifier,
    "gid":      spelling.identifier,
    "ruid":     spelling.identifier,
    "euid":     spelling.identifier,
    "suid":     spelling.identifier,
    "rgid":     spelling.identifier,
    "egid":     spelling.identifier,
    "sgid":     spelling.identifier,
    "clock":    _clock,
    "family":   _family,
    "resource": _resource,
}  # fmt: skip
"""By the name of a parameter, whichever call has it."""

ARGUMENTS: Mapping[tuple[str, str], Spell] = {
    ("clone", "flags"):              spelling.clone_flags,
    ("unshare", "flags"):            spelling.namespaces,
    ("setns", "nstype"):             spelling.namespaces,
    ("execveat", "flags"):           _at,
    ("wait4", "options"):            spelling.wait_options,
    ("pidfd_open", "flags"):         bits_of("PIDFD_", OpenFlag),
    ("openat", "flags"):             spelling.open_flags,
    ("newfstatat", "flags"):         _at,
    ("faccessat2", "mode"):          spelling.access_mode,
    ("faccessat2", "flags"):         lambda value: _at(value).replace("AT_REMOVEDIR", "AT_EACCESS"),
    ("mknodat", "mode"):             spelling.mode,
    ("linkat", "flags"):             _at,
    ("renameat2", "flags"):          bits_of("RENAME_", RenameFlag),
    ("unlinkat", "flags"):           _at,
    ("fchownat", "flags"):           _at,
    ("setxattr", "flags"):           bits_of("XATTR_", XattrFlag),
    ("lsetxattr", "flags"):          bits_of("XATTR_", XattrFlag),
    ("close_range", "flags"):        bits_of("CLOSE_RANGE_", CloseRangeFlag),
    ("dup3", "flags"):               spelling.descriptor_flags,
    ("pipe2", "flags"):              spelling.descriptor_flags,
    ("fcntl_setfd", "flags"):        _fd_flags,
    ("fcntl_setfl", "flags"):        spelling.open_flags,
    ("lseek", "whence"):             one_of("SEEK_", Seek),
    ("mount", "source"):             _optional,
    ("mount", "fstype"):             _optional,
    ("mount", "flags"):              bits_of("MS_", MountFlag),
    ("mount", "data"):               _optional,
    ("umount2", "flags"):            spelling.umount_flags,
    ("prctl_set_securebits", "bits"): _securebits,
    ("seccomp_set_mode_filter", "flags"): bits_of("SECCOMP_FILTER_FLAG_", SeccompFlag),
    ("prctl_set_seccomp", "mode"):   lambda value: _SECCOMP_MODES.get(value, f"{value:#x}"),
    ("rt_sigaction", "disposition"): _disposition,
    ("rt_sigprocmask", "how"):       one_of("SIG_", SigprocmaskHow),
    ("socket", "type"):              spelling.socket_type,
    ("socketpair", "type"):          spelling.socket_type,
    ("shutdown", "how"):             one_of("SHUT_", Shutdown),
    ("sendmsg", "flags"):            spelling.message_flags,
    ("recvmsg", "flags"):            spelling.message_flags,
    ("clock_nanosleep", "flags"):    lambda value: {0: "0", TIMER_ABSTIME: "TIMER_ABSTIME"}.get(value, f"{value:#x}"),
    ("clock_nanosleep", "nanoseconds"): spelling.nanoseconds,
    ("getrandom", "flags"):          bits_of("GRND_", RandomFlag),
}  # fmt: skip
"""By call and parameter. An alias reads as the call that it is a narrower name of."""

RESULTS: Mapping[str, Spell] = {
    "wait4":                lambda found: f"[{found[0]}, {spelling.wait_status(found[1]) if found[0] else 'NULL'}]",
    "fcntl_getfd":          _fd_flags,
    "fcntl_getfl":          spelling.open_flags,
    "umask":                spelling.octal,
    "prctl_get_pdeathsig":  spelling.signal,
    "prctl_get_securebits": _securebits,
    "rt_sigaction":         _disposition,
    "clock_gettime":        spelling.nanoseconds,
}  # fmt: skip
"""By call."""


def render(event: Event) -> str:
    """The event on one line: `setuid(1000) = -1 EPERM`."""
    return f"{render_call(event.call, event.args)} = {render_answer(event)}"


def render_call(call: Call, args: tuple[Any, ...]) -> str:
    """The call with its arguments: `openat(AT_FDCWD, "/etc/passwd", O_RDONLY)`."""
    spellings = _spellings(call)
    last = len(spellings) - 1
    shown = [spellings[min(index, last)](value) for index, value in enumerate(args)]
    if call.name in _MAKERS and not args[-2] & _MAKES:  # nothing is made: the mode says nothing
        shown.pop()
    return f"{call.name}({', '.join(shown)})"


def render_answer(event: Event) -> str:
    """What came back: a value, `0` for none, `-1` and the errno, or `?` where the call did not come back."""
    if event.errno:
        return f"-1 {errno_name(event.errno)}"
    if event.result is None:
        return "0"
    if event.result is NO_RETURN:
        return "?"
    return RESULTS.get((event.call.general or event.call).name, spelt)(event.result)


_MAKERS = ("open", "openat")
_MAKES = OpenFlag.CREAT | OpenFlag.TMPFILE & ~OpenFlag.DIRECTORY


@cache
def _spellings(call: Call) -> tuple[Spell, ...]:
    """Of each parameter; the last one is that of all further arguments."""
    name = (call.general or call).name
    return tuple(
        ARGUMENTS.get((name, parameter.name)) or PARAMETERS.get(parameter.name, spelt) for parameter in call.parameters
    )
