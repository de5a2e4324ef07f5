"""Who a process becomes: the `user` of a configuration, looked up in /etc/passwd and /etc/group.

As libcontainer's package `user` did it, tolerance included: any line is an entry, what is missing in it is empty or 0,
and so is what should be a number and is none. Files come as their content, or None when they cannot be opened; bytes
that are not UTF-8 are carried through (`surrogateescape`), so that a home directory keeps its exact name.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

MAX_ID = 2**31 - 1
MAX_LINE = 2**16 - 1
"""The longest line that is read, in bytes; a longer one ends the file, silently."""

_INT64_MAX, _UINT64_MAX = 2**63 - 1, 2**64 - 1

_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""White space as Unicode has it and Go strips it. Python strips four control characters more."""


class UserLookupError(ValueError):
    """The user or the group cannot be found, or its number is no id. The text is the original's, letter by letter."""


@dataclass(frozen=True, slots=True)
class User:
    """A line of /etc/passwd (passwd(5))."""

    name: str
    password: str
    uid: int
    gid: int
    gecos: str
    home: str
    shell: str


@dataclass(frozen=True, slots=True)
class Group:
    """A line of /etc/group (group(5))."""

    name: str
    password: str
    gid: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExecUser:
    """What a process becomes: its ids, its supplementary groups (without those that a configuration adds), its home."""

    uid: int = 0
    gid: int = 0
    sgids: tuple[int, ...] = ()
    home: str = ""


def parse_passwd(content: bytes | None) -> tuple[User, ...]:
    """Every entry of a passwd file, in order. Blank lines and space around a line do not count."""
    users = []
    for line in _lines(content):
        if stripped := line.strip(_SPACE):
            name, password, uid, gid, gecos, home, shell = _fields(stripped, 7)
            users.append(User(name, password, _lenient_int(uid), _lenient_int(gid), gecos, home, shell))
    return tuple(users)


def parse_group(content: bytes | None) -> tuple[Group, ...]:
    """Every entry of a group file, in order. Unlike in passwd, space around a line belongs to it."""
    groups = []
    for line in _lines(content):
        if line:
            name, password, gid, members = _fields(line, 4)
            groups.append(Group(name, password, _lenient_int(gid), tuple(members.split(",")) if members else ()))
    return tuple(groups)


def exec_user(spec: str, defaults: ExecUser, passwd: bytes | None, group: bytes | None) -> ExecUser:
    """The user that `spec` names: "", "user", "user:group" or ":group", each by name or by number.

    What neither `spec` nor the files say is as in `defaults`. Raises `UserLookupError`.
    """
    wanted_user, wanted_group = _fields(spec, 2)
    entry = _find_user(wanted_user, defaults.uid, passwd)
    if entry is not None:
        user = replace(defaults, uid=entry.uid, gid=entry.gid, home=entry.home)
    elif wanted_user:
        user = replace(defaults, uid=_id(wanted_user, "user"))
    else:
        user = defaults

    if wanted_group:
        return replace(user, gid=_find_gid(wanted_group, group))
    if entry is not None and entry.name:
        memberships = tuple(each.gid for each in parse_group(group) if entry.name in each.members)
        return replace(user, sgids=memberships or user.sgids)
    return user


def needs_groups(spec: str, defaults: ExecUser, passwd: bytes | None) -> bool:
    """Whether `exec_user` comes to look into the group file."""
    wanted_user, wanted_group = _fields(spec, 2)
    entry = _find_user(wanted_user, defaults.uid, passwd)
    if entry is None and wanted_user:
        try:
            _id(wanted_user, "user")
        except UserLookupError:
            return False
    return bool(wanted_group or (entry is not None and entry.name))


def _find_user(wanted: str, default_uid: int, passwd: bytes | None) -> User | None:
    """The first entry that `wanted` names, or whose uid it is in decimal; of the default uid when nobody is wanted."""
    for entry in parse_passwd(passwd):
        if wanted in (entry.name, str(entry.uid)) if wanted else entry.uid == default_uid:
            return entry
    return None


def _find_gid(wanted: str, group: bytes | None) -> int:
    for entry in parse_group(group):
        if wanted in (entry.name, str(entry.gid)):
            return entry.gid
    return _id(wanted, "group")


def _id(text: str, kind: str) -> int:
    number, complete = _atoi(text)
    if not complete:
        raise UserLookupError(f"Unable to find {kind} {text}")
    if not 0 <= number <= MAX_ID:
        raise UserLookupError(f"Uids and gids must be in range 0-{MAX_ID}")
    return number


def _lines(content: bytes | None) -> Iterator[str]:
    """Lines as Go's bufio.Scanner finds them: without the newline and one carriage return before it."""
    for line in (content or b"").split(b"\n"):
        if len(line) > MAX_LINE:
            return
        yield line.removesuffix(b"\r").decode("utf-8", "surrogateescape")


def _fields(line: str, count: int) -> list[str]:
    """The first `count` fields of a line; those that it lacks are empty."""
    fields = line.split(":", count)[:count]
    return fields + [""] * (count - len(fields))


def _lenient_int(text: str) -> int:
    return _atoi(text)[0]


def _atoi(text: str) -> tuple[int, bool]:
    """What Go's strconv.Atoi returns, and whether it does so without an error.

    What is no number is 0, what is out of range is the nearest that is in it. The digits are read from the left, so
    that a number beyond 64 bits is out of range whatever follows, and a smaller one followed by a letter is none.
    """
    digits = text.removeprefix("-") if text.startswith("-") else text.removeprefix("+")
    magnitude = 0
    for digit in digits:
        if digit not in "0123456789":
            return 0, False
        magnitude = magnitude * 10 + int(digit)
        if magnitude > _UINT64_MAX:
            break
    if text.startswith("-"):
        return max(-magnitude, -_INT64_MAX - 1), bool(digits) and magnitude <= _INT64_MAX + 1
    return min(magnitude, _INT64_MAX), bool(digits) and magnitude <= _INT64_MAX
