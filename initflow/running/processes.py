"""Processes of the real kernel, from outside: who they are, whose children, and how to end them for good."""

import contextlib
import fcntl
import os
import select
import signal
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

PROC = Path("/proc")

NS_GET_MNTNS_ID = 0x8008B705
"""The ioctl that tells the number of a mount namespace which no other ever has (linux/nsfs.h; since Linux 6.11)."""

PAUSE = 0.01
"""Seconds between two looks at those who are about to end."""


class Identity(msgspec.Struct, frozen=True, array_like=True):
    """A process for good: its pid, and when it started, in clock ticks after the boot (proc(5), /proc/PID/stat)."""

    pid: int
    start: int

    @property
    def lives(self) -> bool:
        """Whether it is there, if only as a zombie."""
        return identify(self.pid) == self


def identify(pid: int) -> Identity | None:
    """The process with this pid; None where there is none."""
    fields = _stat(pid)
    return None if fields is None else Identity(pid, int(fields[19]))


def shows_own_namespace() -> bool:
    """Whether /proc counts processes as this one does. If it is that of another pid namespace, its pids are those of others."""
    return os.readlink(PROC / "self") == str(os.getpid())


def parent(pid: int) -> int:
    """The pid of its parent; 0 where it is gone."""
    fields = _stat(pid)
    return 0 if fields is None else int(fields[1])


def has_ended(pidfd: int) -> bool:
    """Whether the process of a descriptor has ended. Until then nobody else has its pid."""
    return bool(select.select((pidfd,), (), (), 0)[0])


def mount_namespace(pid: int | str) -> int:
    """The number of its mount namespace that no other ever has; 0 where that cannot be known."""
    with contextlib.suppress(OSError):
        fd = os.open(PROC / str(pid) / "ns" / "mnt", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return int(struct.unpack("=Q", fcntl.ioctl(fd, NS_GET_MNTNS_ID, bytes(8)))[0])
        finally:
            os.close(fd)
    return 0


def all_pids() -> list[int]:
    """Every process that is seen from here."""
    return [int(name) for name in os.listdir(PROC) if name.isdecimal()]


def children(pid: int) -> list[int]:
    """The children of a process, zombies too."""
    return [each for each in all_pids() if (fields := _stat(each)) is not None and int(fields[1]) == pid]


def descendants(pid: int) -> Iterator[int]:
    """Those below a process, as far as they are found in one look."""
    below: dict[int, list[int]] = {}
    for each in all_pids():
        if (fields := _stat(each)) is not None:
            below.setdefault(int(fields[1]), []).append(each)
    waiting = below.get(pid, [])
    while waiting:
        each = waiting.pop()
        yield each
        waiting += below.get(each, [])


def is_zombie(pid: int) -> bool:
    """Whether it has ended, and is only waited for; or is gone altogether."""
    fields = _stat(pid)
    return fields is None or fields[0] in (b"Z", b"X")


def kill(pids: Iterable[int]) -> None:
    """Send SIGKILL to each. One that has gone meanwhile is no error."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def end_all_children(seconds: float, spared: int | None = None) -> bool:
    """Kill and reap this process' children until there are none, nor any that they leave to it: whether that came in time.

    This process has to be the subreaper of them all: who is below a child comes to it when that ends. `spared` is let alone.
    """
    deadline = time.monotonic() + seconds
    own = os.getpid()
    while True:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        left = [pid for pid in children(own) if pid != spared]
        if not left:
            return True
        if time.monotonic() > deadline:
            return False
        kill(left)
        time.sleep(PAUSE)


def _stat(pid: int) -> list[bytes] | None:
    """The fields of /proc/PID/stat after the name: the state is the first."""
    try:
        return (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
