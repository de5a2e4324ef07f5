"""Every short sequence of calls that concern credentials: the answers, and the state after each call, on both kernels.

The sequences are a tree, and the tree is one of processes: the state after a sequence is inherited by forked children, each of
which makes one more call. Of each node eight bytes are written, a digest of the answer and of the state, in the order of the
walk: one stream, the same on every kernel. What differs is told by going the one way to where the streams part (`tell`).

A process that stands before the last call makes one after the other itself, as long as its state stays what it was. A program
is executed by a child, as the last call alone: nothing can follow what replaces the process.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from initflow.conformance.agents import PROC, REPORT, answer
from initflow.conformance.driver import ROOT, USERNS_MAP
from initflow.conformance.program import Failed
from initflow.conformance.scratch import clear_descriptors, furnish
from kernelapi.capability import EMPTY, Cap, CapSet
from kernelapi.flags import CloneFlag, OpenFlag, Rlimit, Securebit, Signal
from kernelapi.ids import Fd, Gid, Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.stage import write_file
from kernelapi.values import CapData, Limit

STARTS = ("root", "user", "userns")
"""From where the sequences begin: root, user 1000, root of a user namespace."""

DEPTH = 3
"""The calls of the longest sequences."""

OWN_USER, OWN_MNT, OWN_UTS = Fd(90), Fd(91), Fd(92)
"""Descriptors of the namespaces in which a sequence begins."""

_KILL = CapSet.of(Cap.KILL)
_SETPCAP = CapSet.of(Cap.SETPCAP)

Variant = tuple[Any, ...]
"""The name of a call, and its arguments. "put" opens a file and writes to it; what is answered is how either of them fails."""

VARIANTS: tuple[Variant, ...] = (
    ("setuid", 1000),
    ("setuid", 0),
    ("setresuid", -1, 1000, -1),
    ("setresuid", -1, 0, -1),
    ("setresuid", 1000, 1000, 0),
    ("setreuid", 1000, 0),
    ("setfsuid", 1000),
    ("setgid", 1000),
    ("setresgid", -1, 1000, -1),
    ("setgroups", ()),
    ("setgroups", (1000, 5)),
    ("capset", Pid(0), CapData(EMPTY, ROOT, EMPTY)),
    ("capset", Pid(0), CapData(ROOT, ROOT, EMPTY)),
    ("capset", Pid(0), CapData(_SETPCAP, _SETPCAP, _KILL)),
    ("capset", Pid(0), CapData(ROOT, ROOT, _KILL | _SETPCAP)),
    ("capset", Pid(0), CapData(EMPTY, EMPTY, EMPTY)),
    ("prctl_cap_ambient_raise", Cap.KILL),
    ("prctl_cap_ambient_clear_all",),
    ("prctl_capbset_drop", Cap.KILL),
    ("prctl_capbset_drop", Cap.SETPCAP),
    ("prctl_set_keepcaps", 1),
    ("prctl_set_keepcaps", 0),
    ("prctl_set_securebits", Securebit.NOROOT),
    ("prctl_set_securebits", Securebit.NO_SETUID_FIXUP),
    ("prctl_set_securebits", Securebit.KEEP_CAPS | Securebit.KEEP_CAPS_LOCKED),
    ("prctl_set_securebits", Securebit.NO_CAP_AMBIENT_RAISE),
    ("prctl_set_securebits", 0),
    ("prctl_set_no_new_privs", 1),
    ("prctl_set_dumpable", 0),
    ("prctl_set_dumpable", 1),
    ("prctl_set_pdeathsig", Signal.KILL),
    ("unshare", CloneFlag.NEWUSER),
    ("unshare", CloneFlag.NEWNS),
    ("unshare", CloneFlag.NEWUSER | CloneFlag.NEWUTS),
    ("put", "self/uid_map", b"0 0 1"),
    ("put", "self/uid_map", b"0 1000 1"),
    ("put", "self/setgroups", b"deny"),
    ("put", "self/gid_map", b"0 0 1"),
    ("setns", OWN_USER, CloneFlag.NEWUSER),
    ("setns", OWN_MNT, CloneFlag.NEWNS),
    ("setns", OWN_UTS, 0),
    ("sethostname", "sequence"),
)  # fmt: skip
"""Calls that anything may follow."""

EXECUTIONS: tuple[Variant, ...] = tuple(
    ("execve", f"/tmp/{name}", ("w",), ()) for name in ("w", "wr", "wu", "wg", "wc", "s")
)  # fmt: skip
"""Programs that say what they run with."""

EVERY = (*VARIANTS, *EXECUTIONS)

DIGEST = 8
"""Bytes of each node."""

STATUS = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")
NAMESPACES = ("user", "mnt", "uts")

Path = tuple[int, ...]
"""A sequence, by the places of its calls in `EVERY`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process stands: its state in words, and the namespaces that its sequence has met, in the order of appearance."""

    state: str
    known: tuple[str, ...]


def make(kernel: Kernel, variant: Variant) -> Any:
    """What comes of one call."""
    name, *args = variant
    if name != "put":
        return answer(kernel, name, tuple(args))
    path, text = args
    try:
        fd = kernel.openat(PROC, path, OpenFlag.WRONLY)
        try:
            return kernel.write(fd, text)
        finally:
            kernel.close(fd)
    except OSError as error:
        return Failed(error.errno or 0)


def look(kernel: Kernel, known: tuple[str, ...]) -> Place:
    """Where the caller stands."""
    fd = kernel.openat(PROC, "self/status", OpenFlag.RDONLY)
    status = dict(line.split(":", 1) for line in kernel.read(fd, 8192).decode().splitlines())
    kernel.close(fd)
    found = [" ".join(status[name].split()) for name in STATUS]
    for kind in NAMESPACES:
        link = kernel.readlinkat(PROC, f"self/ns/{kind}")
        if link not in known:
            known = (*known, link)
        found.append(f"{kind} {known.index(link)}")
    found += [f"securebits {kernel.prctl_get_securebits()}", f"dumpable {kernel.prctl_get_dumpable()}"]
    found += [f"pdeathsig {kernel.prctl_get_pdeathsig()}", kernel.uname().nodename]
    return Place("; ".join(found), known)


# -- the walk --


def walk(kernel: Kernel, prefix: Path, depth: int) -> None:
    """Go `prefix`, and then every way of at most `depth` calls in all; the digests go to the descriptor REPORT."""
    place = look(kernel, ())
    for number in prefix:
        place = _step(kernel, number, place)
    _explore(kernel, depth - len(prefix), place)


def _explore(kernel: Kernel, left: int, place: Place) -> None:
    if left > 1:
        for number in range(len(VARIANTS)):
            kernel.wait4(kernel.clone(Signal.CHLD, _go_on, number, left - 1, place))
        last: Sequence[int] = range(len(VARIANTS), len(EVERY))
    else:
        last = range(len(EVERY)) if left else ()
    start = 0
    while start < len(last):
        _, status = kernel.wait4(kernel.clone(Signal.CHLD, _make_last, tuple(last[start:]), place))
        start += status >> 8
        if not status >> 8:
            raise RuntimeError(f"a process of the walk ended with status {status:#x}")


def _go_on(kernel: Kernel, number: int, left: int, place: Place) -> None:
    _explore(kernel, left, _step(kernel, number, place))


def _make_last(kernel: Kernel, numbers: Path, place: Place) -> int:
    """Make calls, until one changes the state; returns how many that were."""
    for made, number in enumerate(numbers, 1):
        if _step(kernel, number, place) != place:
            return made
    return len(numbers)


def _step(kernel: Kernel, number: int, place: Place) -> Place:
    """Make a call, and write the digest of what came of it."""
    came = make(kernel, EVERY[number])
    after = look(kernel, place.known)
    kernel.write(REPORT, blake2b(f"{came!r} {after.state}".encode(), digest_size=DIGEST).digest())
    return after


def order(prefix: Path, depth: int) -> Iterator[Path]:
    """The sequences in the order of the digests."""
    for length in range(1, len(prefix) + 1):
        yield prefix[:length]
    yield from _order(prefix, depth - len(prefix))


def _order(prefix: Path, left: int) -> Iterator[Path]:
    if left > 1:
        for number in range(len(VARIANTS)):
            yield (*prefix, number)
            yield from _order((*prefix, number), left - 1)
        for number in range(len(VARIANTS), len(EVERY)):
            yield (*prefix, number)
    elif left:
        for number in range(len(EVERY)):
            yield (*prefix, number)


def tell(kernel: Kernel, path: Path) -> None:
    """Go one way, and write in words what comes of each call."""
    place = look(kernel, ())
    for number in path:
        came = make(kernel, EVERY[number])
        place = look(kernel, place.known)
        kernel.write(REPORT, f"{came!r}\t{place.state}\n".encode())


# -- where it begins --


def begin(kernel: Kernel, start: str, task: str, path: Path, depth: int, report: Fd) -> int:
    """Be the first process of fresh namespaces: make the tree of files, and have a child `walk` or `tell` from `start`."""
    kernel.setsid()
    furnish(kernel)
    clear_descriptors(kernel, report, REPORT)
    kernel.prlimit64(Pid(0), Rlimit.CORE, Limit(0, 0))
    kernel.sethostname("start")
    kernel.prctl_capbset_drop(Cap.SYS_RESOURCE)
    kernel.capset(Pid(0), CapData(ROOT, ROOT, EMPTY))
    kernel.dup3(kernel.open("/proc", OpenFlag.DIRECTORY), PROC, 0)
    ready, go = kernel.pipe2(0)
    flags = CloneFlag.NEWUSER if start == "userns" else 0
    pid = kernel.clone(flags | Signal.CHLD, _be_first, start, task, path, depth, ready)
    if start == "userns":
        for file in ("uid_map", "gid_map"):
            write_file(kernel, f"/proc/{pid}/{file}", USERNS_MAP)
    kernel.write(go, b"!")
    kernel.wait4(pid)
    return 0


def _be_first(kernel: Kernel, start: str, task: str, path: Path, depth: int, ready: Fd) -> None:
    kernel.read(ready, 1)
    if start == "user":
        kernel.setgroups((Gid(1000),))
        kernel.setresgid(1000, 1000, 1000)
        kernel.setresuid(1000, 1000, 1000)
        kernel.prctl_set_dumpable(1)
    for kind, fd in (("user", OWN_USER), ("mnt", OWN_MNT), ("uts", OWN_UTS)):
        kernel.dup3(kernel.openat(PROC, f"self/ns/{kind}", OpenFlag.RDONLY), fd, 0)
    if task == "walk":
        walk(kernel, path, depth)
    else:
        tell(kernel, path)
