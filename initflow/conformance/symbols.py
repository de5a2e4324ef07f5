"""Names for what two kernels number differently: the same thing gets the same name, in the order of appearance.

Nothing is left out of a comparison without a line here. What has a name of its own (agents, the numbers of descriptors, the
paths of files) is compared as it is.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from stat import S_IFDIR
from typing import Any

from initflow.conformance.program import Crashed, Failed, Unanswerable
from kernelapi.flags import Seek
from kernelapi.values import IFF_RUNNING, DirEntry, Link, Message, Stat, Utsname

REASONS = {
    "inode": "the numbers of inodes and of their file systems are given as they come: #n, by file system and inode",
    "device": "the numbers of anonymous devices are given as they come: d:n",
    "nsfs": "a namespace, a pipe or a socket is read back as its inode number: `net:#n`",
    "mount": "the numbers of mounts and of peer groups are given as they come: the place in mountinfo, letters",
    "pid": "processes are agents, and numbers where they are none",
    "wait": "who is ended while it waits for a child that ends with it may have taken that in before, or not: which, is a race",
    "clock": "time passes: the clock of a process is a positive number",
    "random": "random bytes are random: how many there are is compared",
    "size": "the root of /proc has a link for each process of the machine, whatever pid namespace it shows",
    "build": "release, version and machine are the host's",
    "address": "a link gets a hardware address at random",
    "running": "that a link has stopped running Linux tells within a second (linkwatch): IFF_RUNNING is not compared",
    "port": "netlink gives a port at random where the pid is taken",
    "order": "the order of a directory is not promised, nor what its offsets mean: entries are sorted; the offsets of files "
    "are compared in the end, and not what lseek answers to SEEK_CUR",
}
"""Why a value is not compared as it is, by what kind it is of."""


_ROOT_OF_PROC = (1, S_IFDIR | 0o555)
"""Its inode number and its mode."""


class Symbols:
    """The names that have been given in one run."""

    def __init__(self) -> None:
        self._inodes: dict[tuple[int, int], str] = {}
        self._devices: dict[str, str] = {}
        self._links: dict[str, str] = {}
        self._groups: dict[int, str] = {}

    def inode(self, dev: int, ino: int) -> str:
        return self._inodes.setdefault((dev, ino), f"#{len(self._inodes)}")

    def device(self, text: str) -> str:
        """The name of a file system, as mountinfo shows its device."""
        return self._devices.setdefault(text, f"d:{len(self._devices)}") if text.startswith("0:") else text

    def port(self, number: int, name: Callable[[int], str]) -> str:
        """The name of a netlink port: a process, or one that is chosen at random."""
        return "a port" if number >= 1 << 31 else name(number)

    def group(self, number: int) -> str:
        """The name of a peer group of mounts."""
        return self._groups.setdefault(number, chr(ord("a") + len(self._groups)))

    def text(self, text: str) -> str:
        """A text, with names for the inodes in it, such as in `net:[4026531840]`."""
        return re.sub(r"(\w+:)\[(\d+)\]", self._link, text) if "[" in text else text

    def _link(self, match: "re.Match[str]") -> str:
        return match[1] + self._links.setdefault(match[0], f"#{len(self._links)}")

    def stat(self, stat: Stat) -> Any:
        """What is compared of a stat: everything, with names for device and inode; of the root of /proc, not the links."""
        nlink = 0 if (stat.ino, stat.mode) == _ROOT_OF_PROC else stat.nlink
        return replace(stat, dev=0, ino=self.inode(stat.dev, stat.ino), nlink=nlink)  # type: ignore[arg-type]  # a name

    def answer(self, call: str, args: tuple[Any, ...], value: Any, name: Callable[[int], str]) -> Any:
        """What is compared of the answer to a call. `name` gives the name of a process."""
        if value is None or isinstance(value, (Failed, Unanswerable, Crashed)):
            return value
        if call in _PIDS:
            return name(value)
        if call == "lseek" and args[-1] == Seek.CUR:
            return "an offset"
        rule = _RULES.get(call)
        return value if rule is None else rule(self, value, name)


def _entries(symbols: Symbols, entries: tuple[DirEntry, ...], name: Any) -> Any:
    return tuple(sorted((entry.name, str(entry.type)) for entry in entries))


def _message(symbols: Symbols, message: Message, name: Callable[[int], str]) -> Any:
    if isinstance(message.data, bytes):
        return message
    parts = [(symbols.port(each.pid, name), replace(each, pid=0, body=_body(each.body))) for each in message.data]
    return (tuple(parts), message.fds, message.flags)


def _body(body: Any) -> Any:
    if not isinstance(body, Link):
        return body
    is_random = body.address not in (None, "00:00:00:00:00:00")
    return replace(body, flags=body.flags & ~IFF_RUNNING, address="random" if is_random else body.address)


def _uname(symbols: Symbols, names: Utsname, name: Any) -> Any:
    return (names.sysname, names.nodename, names.domainname)


_PIDS = frozenset((
    "clone", "getpid", "getppid", "getpgid", "getpgrp", "getsid", "setsid", "gettid", "ioctl_tiocgpgrp", "ioctl_tiocgsid",
))  # fmt: skip
_RULES: dict[str, Callable[[Symbols, Any, Callable[[int], str]], Any]] = {
    "wait4": lambda symbols, value, name: (name(value[0]), value[1]),
    "stat": lambda symbols, value, name: symbols.stat(value),
    "lstat": lambda symbols, value, name: symbols.stat(value),
    "fstat": lambda symbols, value, name: symbols.stat(value),
    "newfstatat": lambda symbols, value, name: symbols.stat(value),
    "readlink": lambda symbols, value, name: symbols.text(value),
    "readlinkat": lambda symbols, value, name: symbols.text(value),
    "getdents64": _entries,
    "clock_gettime": lambda symbols, value, name: value > 0,
    "getrandom": lambda symbols, value, name: len(value),
    "uname": _uname,
    "recvmsg": _message,
    "getsockname": lambda symbols, value, name: (symbols.port(value.pid, name), value.groups),
}
"""What is compared of an answer, where that is not the answer itself."""
