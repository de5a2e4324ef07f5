"""The files /proc/PID/uid_map, gid_map and setgroups: what writing them checks and what reading them shows.

user_namespaces(7), "User and group ID mappings"; kernel/user_namespace.c map_write, proc_setgroups_write. The man page says
that the writer needs CAP_SETUID in the namespace: it is CAP_SYS_ADMIN over it that Linux asks for, of whoever *opened* the
file.
"""

from typing import Literal

from fakekernel.credentials import Credentials, has_capability
from fakekernel.syscalls.base import SyscallBase
from fakekernel.userns import Extent, UserNamespace
from kernelapi.capability import Cap
from kernelapi.protocol.namespace_files import (
    IDMAP_INITIAL,
    IDMAP_INVALID_ID,
    IDMAP_OPENER_OUTSIDE,
    IDMAP_OVERLAP,
    IDMAP_PARENT_UNMAPPED,
    IDMAP_ROOT_SETFCAP,
    IDMAP_SYNTAX,
    IDMAP_TOO_LONG,
    IDMAP_TOO_MANY,
    IDMAP_TWICE,
    IDMAP_UNPERMITTED,
    IDMAP_UNPRIVILEGED,
    SETGROUPS_FILE_DENIED,
    SETGROUPS_FILE_MAPPED,
    SETGROUPS_FILE_OPEN,
    SETGROUPS_FILE_TEXT,
)

Which = Literal["uid_map", "gid_map"]
"""The map that is meant, by the name of its file."""

PAGE = 4096
MAX_EXTENTS = 340
UNSORTED_EXTENTS = 5
"""A map of more lines than this is kept, and shown, in the order of the ids inside."""

INVALID = 2**32 - 1
SPACES = b" \t\n\v\f\r\xa0"  # as the kernel's isspace has it


# -- maps --


def write_map(
    kernel: SyscallBase, userns: UserNamespace, which: Which, opener: Credentials, offset: int, data: bytes
) -> int:
    """Write `data` at `offset` to a map of `userns`, through a file that `opener` opened. Returns its length."""
    parent = userns.parent
    if parent is None:
        kernel.refuse(IDMAP_INITIAL)
        return len(data)  # suspended: there is no parent to map to
    if opener.userns is not userns and opener.userns is not parent:
        kernel.refuse(IDMAP_OPENER_OUTSIDE)
    if offset or len(data) >= PAGE:
        kernel.refuse(IDMAP_TOO_LONG)
    if userns.uid_map if which == "uid_map" else userns.gid_map:
        kernel.refuse(IDMAP_TWICE)
    if not has_capability(opener, Cap.SYS_ADMIN, userns):
        kernel.refuse(IDMAP_UNPRIVILEGED)
    extents = parse(kernel, data)
    if which == "uid_map" and any(extent.lower_first == 0 for extent in extents):
        _check_root_map(kernel, userns, parent, opener)
    if not (_maps_own_id(userns, parent, which, opener, extents) or _may_map(kernel, parent, which, opener)):
        kernel.refuse(IDMAP_UNPERMITTED)
    translated = _translate(kernel, parent.uid_map if which == "uid_map" else parent.gid_map, extents)
    # -- effects only below --
    if which == "uid_map":
        userns.uid_map = translated
    else:
        userns.gid_map = translated
    return len(data)


def parse(kernel: SyscallBase, data: bytes) -> list[Extent]:
    """The extents of a map as it is written: `lower_first` as ids of the parent namespace, in the order of the lines."""
    text, _, _ = data.partition(b"\0")
    lines = text.split(b"\n")
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    extents: list[Extent] = []
    for line in lines:
        numbers = _numbers(line)
        if numbers is None:
            kernel.refuse(IDMAP_SYNTAX)
            continue  # suspended: without this line
        extent = Extent(*numbers)
        if not _is_valid(extent):
            kernel.refuse(IDMAP_INVALID_ID)
        if any(_overlap(extent, other) for other in extents):
            kernel.refuse(IDMAP_OVERLAP)
        extents.append(extent)
        if len(extents) == MAX_EXTENTS and len(lines) > MAX_EXTENTS:
            kernel.refuse(IDMAP_TOO_MANY)
    return extents


def _numbers(line: bytes) -> list[int] | None:
    """Three decimal numbers, cut to 32 bits as the kernel does it; None where the line is something else."""
    for space in SPACES:
        line = line.replace(bytes((space,)), b" ")
    words = line.split()
    if len(words) != 3 or not all(word.isdigit() for word in words):
        return None
    return [int(word) & INVALID for word in words]


def _is_valid(extent: Extent) -> bool:
    first, lower, length = extent
    return first != INVALID and lower != INVALID and length > 0 and first + length <= INVALID and lower + length <= INVALID


def _overlap(one: Extent, other: Extent) -> bool:
    return (
        max(one.first, other.first) < min(one.first + one.length, other.first + other.length)
        or max(one.lower_first, other.lower_first) < min(one.lower_first + one.length, other.lower_first + other.length)
    )  # fmt: skip


def _check_root_map(kernel: SyscallBase, userns: UserNamespace, parent: UserNamespace, opener: Credentials) -> None:
    """Who maps the parent's root could give files capabilities there: it takes CAP_SETFCAP (verify_root_map)."""
    if opener.userns is userns:
        allowed = userns.parent_could_setfcap
    else:
        allowed = has_capability(opener, Cap.SETFCAP, parent)
    if not allowed:
        kernel.refuse(IDMAP_ROOT_SETFCAP)


def _maps_own_id(
    userns: UserNamespace, parent: UserNamespace, which: Which, opener: Credentials, extents: list[Extent]
) -> bool:
    """Whether the map is the one that needs no privilege: the owner's own id, and nothing else."""
    if len(extents) != 1 or extents[0].length != 1 or userns.owner != opener.euid:
        return False
    lower = extents[0].lower_first
    if which == "uid_map":
        return parent.kuid(lower) == opener.euid
    return not userns.setgroups_allowed and parent.kgid(lower) == opener.egid


def _may_map(kernel: SyscallBase, parent: UserNamespace, which: Which, opener: Credentials) -> bool:
    cap = Cap.SETUID if which == "uid_map" else Cap.SETGID
    return kernel.capable_over(parent, cap) and has_capability(opener, cap, parent)


def _translate(kernel: SyscallBase, parent_map: tuple[Extent, ...], extents: list[Extent]) -> tuple[Extent, ...]:
    """The extents with `lower_first` as global ids. Each must lie in one extent of the parent's map."""
    translated: list[Extent] = []
    for first, lower, length in extents:
        for above in parent_map:
            if above.first <= lower and lower + length <= above.first + above.length:
                translated.append(Extent(first, above.lower_first + lower - above.first, length))
                break
        else:
            kernel.refuse(IDMAP_PARENT_UNMAPPED)  # suspended: without this extent
    if len(translated) > UNSORTED_EXTENTS:
        translated.sort()
    return tuple(translated)


def render_map(userns: UserNamespace, which: Which, reader: UserNamespace) -> str:
    """What the file shows to someone who opened it in the user namespace `reader`.

    The ids outside are those of the reader's namespace, or of its parent where the reader is inside; 4294967295 where the
    reader's namespace does not map them.
    """
    seen_from = reader.parent if reader is userns and reader.parent is not None else reader
    lines = []
    for first, lower, length in userns.uid_map if which == "uid_map" else userns.gid_map:
        seen = seen_from.uid_or_none(lower) if which == "uid_map" else seen_from.gid_or_none(lower)
        lines.append(f"{first:10} {INVALID if seen is None else seen:10} {length:10}\n")
    return "".join(lines)


# -- setgroups --


def check_setgroups_open(kernel: SyscallBase, userns: UserNamespace) -> None:
    """To be called when the file is opened for writing (proc_setgroups_open)."""
    if not kernel.capable_over(userns, Cap.SYS_ADMIN):
        kernel.refuse(SETGROUPS_FILE_OPEN)


def write_setgroups(kernel: SyscallBase, userns: UserNamespace, offset: int, data: bytes) -> int:
    """Write `data` at `offset` to the setgroups file of `userns`. Returns its length."""
    text, _, _ = data.partition(b"\0")
    word = next((word for word in (b"allow", b"deny") if text.startswith(word)), None)
    if offset or len(data) >= 8 or word is None or text[len(word) :].strip(SPACES):
        kernel.refuse(SETGROUPS_FILE_TEXT)
    if word == b"allow":
        if not userns.setgroups_allowed:
            kernel.refuse(SETGROUPS_FILE_DENIED)
    elif userns.gid_map:
        kernel.refuse(SETGROUPS_FILE_MAPPED)
    # -- effects only below --
    if word == b"deny":
        userns.setgroups_allowed = False
    return len(data)


def render_setgroups(userns: UserNamespace) -> str:
    """What the file shows."""
    return "allow\n" if userns.setgroups_allowed else "deny\n"
