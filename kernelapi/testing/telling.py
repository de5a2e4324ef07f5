"""How a transcript tells single values: without what is another one each time, or on each host."""

import re
from dataclasses import replace

from kernelapi.errors import errno_name
from kernelapi.flags import S_IFMT, FileType
from kernelapi.spelling import listed, netlink_type, spelt
from kernelapi.testing import mountinfo
from kernelapi.testing.case import Report
from kernelapi.values import (
    IFF_LOWER_UP,
    IFF_RUNNING,
    Ack,
    Link,
    Message,
    NetlinkAddress,
    NetlinkMessage,
    Route,
    Stat,
    Utsname,
)

ANYTHING = "~"
"""In the place of an answer that is another one each time, or on each host."""

CARRIER = IFF_RUNNING | IFF_LOWER_UP
"""Flags of a link that a worker of the kernel sets some time later."""

RTNH_F_LINKDOWN = 16
"""A flag of a route, set with them."""

NOBODY = "00:00:00:00:00:00"
"""The hardware address of a link that has none; those of others are random."""

MAX_PID = 1 << 22
"""A socket whose number is no process' has a random one."""

STATUS = (
    "State", "Umask", "PPid", "Uid", "Gid", "Groups", "NSpid", "NSpgid", "NSsid", "SigBlk", "SigIgn", "SigCgt",
    "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
)  # fmt: skip
"""The lines of /proc/PID/status that are told."""

MASK = 16
"""Digits of a set of signals or capabilities."""

NUMBERED = re.compile(r"\b([a-z_]+):\[(\d+)\]")
"""An object by the number of its inode, as `mnt:[4026531832]`."""


def told(value: object) -> str:
    """A value, without what is never the same."""
    match value:
        case bytes():
            return report_of(value) or text_of(value.decode("latin-1"))
        case str():
            return text_of(value)
        case tuple():
            return listed(value, told)
        case Message():
            fds = f" fds={listed(value.fds)}" if value.fds else ""
            return told(value.data) + fds + (f" flags={value.flags:#x}" if value.flags else "")
        case NetlinkMessage():
            return netlink(value)
        case NetlinkAddress() if value.pid > MAX_PID:
            return spelt(value).replace(str(value.pid), ANYTHING)
        case Utsname():
            return f"{{nodename={text_of(value.nodename)}, domainname={text_of(value.domainname)}, ...}}"
        case Stat() if value.mode & S_IFMT == FileType.DIR:  # how long a directory is, is the file system's affair
            return _SIZE.sub("", spelt(value))
    return spelt(value)


_SIZE = re.compile(r"st_size=\d+, ")


def netlink(message: NetlinkMessage) -> str:
    body = message.body
    if isinstance(body, Ack):
        return f"{errno_name(body.errno) if body.errno else 'done'} #{body.sequence}"
    if isinstance(body, Link):
        address = body.address if body.address in (None, NOBODY) else ANYTHING
        body = replace(body, flags=body.flags & ~CARRIER, address=address)
    elif isinstance(body, Route):
        body = replace(body, flags=body.flags & ~RTNH_F_LINKDOWN)
    return f"{netlink_type(message.type).removeprefix('RTM_')} {spelt(body) if body is not None else ''}".rstrip()


def report_of(data: bytes) -> str:
    """What a child reports to its parent (`kernelapi.testing.case`); empty for other data. How many bytes that takes, and what
    its value is, the interpreter and the law decide."""
    if not data.startswith(_PICKLED) or b"kernelapi.testing.case" not in data[:64]:
        return ""
    report = Report.of(data)
    if report.errno:
        return f"<report of {errno_name(report.errno)}>"
    return "<report>" if report.broken is None else "<report of a fault>"


_PICKLED = b"\x80"


def text_of(text: str) -> str:
    """A text that was read. Of a status are told the lines that matter, of mounts what does not change; a long one is cut."""
    if text.startswith("Name:\t"):
        return _status(text)
    lines = text.splitlines()
    if lines and all(map(_MOUNT.match, lines)):
        return _mounts(lines)
    if lines and all(map(_MEMBER.match, lines)):  # of the hierarchies of the host, those where it is not at the root
        return f"{{{'; '.join(line.partition(':')[2] for line in lines if not line.endswith(':/'))}}}"
    if found := _STAT.match(text):
        return f'{spelt(found[0])[:-1]}..."'
    return spelt(text)


_MOUNT = re.compile(r"\d+ \d+ \d+:\d+ \S+ /")
_MEMBER = re.compile(r"\d+:[^:]*:/")
_STAT = re.compile(r"\d+ \(.*\) [A-Z] (\d+ ){3}", re.DOTALL)


def _status(text: str) -> str:
    """/proc/PID/status, and what a program has written after it."""
    rest = text[text.rfind("\n") + 1 :]
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    shown = [f"{name} {value}" for name in STATUS if (value := _field(fields.get(name, "")))]
    return f"{{{'; '.join(shown)}}}" + (f" {spelt(rest)}" if rest else "")


def _field(text: str) -> str:
    """The value of a line of status: of a mask what is not zero; whether a process runs or sleeps is a race."""
    words = text.split()
    if words[:1] in (["R"], ["S"]):
        return ""
    return words[0].lstrip("0") if len(words) == 1 and len(words[0]) == MASK else " ".join(words)


def _mounts(lines: list[str]) -> str:
    """/proc/PID/mountinfo, without numbers: groups by letters, mounts by their places."""
    letters: dict[int, str] = {}
    shown = []
    for entry in mountinfo.by_place(map(mountinfo.parse, lines)):
        groups = (("shared", entry.shared), ("master", entry.master), ("from", entry.propagate_from))
        tags = [f"{name}:{letters.setdefault(group, chr(ord('a') + len(letters)))}" for name, group in groups if group]
        if entry.unbindable:
            tags.append("unbindable")
        root = NUMBERED.sub(r"\1:[]", entry.root)
        words = (entry.point, *([root] if root != "/" else []), entry.options, *tags, entry.fstype, entry.source)
        shown.append(" ".join(words))
    return f"{{{'; '.join(shown)}}}"


def listing(names: list[str]) -> str:
    """What is in a directory, sorted; of /proc, the processes. What a process has there differs from kernel to kernel."""
    if "cmdline" in names and "cwd" in names:
        return ANYTHING
    if "self" in names and "version" in names:
        names = [name for name in names if name.isdigit()]
    return f"[{' '.join(sorted(names))}]"
