"""Calls that make sense one after the other, for what a random order hardly ever comes to: maps, terminals, mounts, networks.

A phrase is steps of one or two agents, each of which may be missing: so it can be shrunk.
"""

from typing import Any

from initflow.conformance.arguments import (
    AGENT,
    ARGUMENTS,
    DEVICE,
    MESSAGE,
    MOUNT_POINT,
    NEW,
    SOURCE,
)
from initflow.conformance.choices import Choice, Pick, always, bits, each, made, one
from initflow.conformance.program import Agent, Entry, Held, Step
from kernelapi.flags import AT_FDCWD, CloneFlag, FileType, MountFlag, OpenFlag, Signal, SocketType, UmountFlag
from kernelapi.values import Limit

_KEPT = 12
"""One step in so many is left out of its phrase."""

ONE, OTHER = 0, 1
"""Which agent of a phrase makes a step."""


def phrase(*parts: tuple[int, str, Any]) -> Choice:
    """Steps, each given as who makes it, the call, and its arguments: a tuple of values, or of choices."""
    choices = [(who, name, _arguments(arguments)) for who, name, arguments in parts]

    def choose(pick: Pick) -> tuple[Step, ...]:
        agents = (AGENT(pick), AGENT(pick))
        return tuple([Step(agents[who], name, arguments(pick)) for who, name, arguments in choices if pick(_KEPT)])

    return choose


def _arguments(arguments: Any) -> Choice:
    if callable(arguments):
        choice: Choice = arguments
        return choice
    return each(*[part if callable(part) else always(part) for part in arguments])


MAP = one(
    b"0 0 1", b"0 1000 1", b"0 0 65536", b"1000 1000 1", b"0 0 10\n10 10 5", b"0 5 1\n0 6 1", b"0 0 1\n1 2000000000 1",
    b"nonsense",
    b"0 0 0", b"1 0 1", b"0 0 1\n" * 341,
)  # fmt: skip
TAIL = one("a", "f", "x", "b")
MOUNTED = one("m", "n", "d", "t", "m/a")
_WRITE, _READ = int(OpenFlag.WRONLY), int(OpenFlag.RDONLY)
_CHLD = int(Signal.CHLD)
_AGENT = made(Entry, AGENT, one("uid_map", "gid_map", "uid_map", "setgroups"))
_NS = made(Entry, AGENT, one("ns/user", "ns/mnt", "ns/pid", "ns/uts", "ns/net", "ns/ipc", "ns/cgroup", "ns/time"))
_REMOUNT = made(
    int.__or__,
    one(int(MountFlag.REMOUNT | MountFlag.BIND), int(MountFlag.REMOUNT)),
    bits(MountFlag.RDONLY, MountFlag.NOSUID, MountFlag.NODEV, MountFlag.NOEXEC),
)
_KINDS = one(*map(int, (MountFlag.SHARED, MountFlag.SHARED, MountFlag.SLAVE, MountFlag.PRIVATE, MountFlag.UNBINDABLE)))
_RECURSIVE = one(int(MountFlag.BIND), int(MountFlag.BIND | MountFlag.REC))

PHRASES: dict[str, Choice] = {
    # users
    "become": phrase(
        (ONE, "setgroups", ((1000,),)),
        (ONE, "setresgid", (1000, 1000, 1000)),
        (ONE, "setresuid", (1000, 1000, 1000)),
        (ONE, "prctl_set_dumpable", (one(1, 1, 0),)),
    ),
    "lower": phrase(
        (ONE, "setresuid", (-1, one(1000, 1001), one(-1, 0, 1000))),
        (ONE, "open", (one("u/a", "g", "f"), 0, 0)),
        (ONE, "kill", (made(Agent, AGENT), int(Signal.TERM))),
        (ONE, "setresuid", (-1, 0, -1)),
    ),
    "map": phrase(
        (ONE, "unshare", (int(CloneFlag.NEWUSER),)),
        (OTHER, "open", (_AGENT, _WRITE, 0)),
        (OTHER, "write", (Held("map"), MAP)),
        (OTHER, "open", (_AGENT, _WRITE, 0)),
        (OTHER, "write", (Held("map"), one(b"deny", b"allow", b"0 0 1", b"0 1000 1"))),
    ),
    "map oneself": phrase(
        (ONE, "unshare", (int(CloneFlag.NEWUSER),)),
        (ONE, "open", (Entry(0, "uid_map"), _WRITE, 0)),
        (ONE, "write", (Held("map"), MAP)),
        (ONE, "open", (Entry(0, "setgroups"), _WRITE, 0)),
        (ONE, "write", (Held("map"), b"deny")),
        (ONE, "open", (Entry(0, "gid_map"), _WRITE, 0)),
        (ONE, "write", (Held("map"), MAP)),
        (ONE, "setuid", (one(0, 1000, 1),)),
        (ONE, "setgroups", (one((), (0,)),)),
    ),
    "offsets": phrase(
        (ONE, "unshare", (int(CloneFlag.NEWTIME),)),
        (ONE, "open", (Entry(0, "timens_offsets"), _WRITE, 0)),
        (ONE, "write", (Held("file"), one(b"monotonic 10 0", b"boottime 5 5", b"7 1 1", b"x"))),
        (ONE, "clone", (_CHLD,)),
    ),
    # namespaces
    "enter": phrase(
        (ONE, "open", (_NS, _READ, 0)),
        (ONE, "setns", (Held("ns"), one(0, 0, *map(int, NEW)))),
    ),
    "enter by pidfd": phrase(
        (ONE, "pidfd_open", (made(Agent, AGENT), 0)),
        (ONE, "setns", (Held("pidfd"), bits(*NEW, at_most=3))),
    ),
    "apart": phrase(
        (ONE, "clone", (made(int.__or__, always(_CHLD), bits(*NEW, at_most=2)),)),
        (OTHER, "getpid", ()),
        (OTHER, "unshare", (bits(*NEW),)),
    ),
    # processes
    "short life": phrase(
        (ONE, "clone", (_CHLD,)),
        (OTHER, "exit_group", (one(0, 3),)),
        (ONE, "getpgid", (made(Agent, AGENT),)),
        (ONE, "wait4", (-1, one(1, 0, 0x40000001))),
    ),
    "own group": phrase(
        (ONE, "clone", (_CHLD,)),
        (ONE, "setpgid", (made(Agent, AGENT), one(0, Agent(0), Agent(1)))),
        (OTHER, "execve", ("/tmp/x", ("x",), ())),
        (ONE, "setpgid", (made(Agent, AGENT), 0)),
        (ONE, "kill", (made(Agent, AGENT, always(True)), one(0, 15, 19, 18))),
    ),
    "pending": phrase(
        (ONE, "rt_sigprocmask", (0, frozenset((10, 12, 15)))),
        (OTHER, "kill", (made(Agent, AGENT), one(10, 12, 15))),
        (ONE, "rt_sigpending", ()),
        (ONE, "rt_sigaction", (one(10, 12, 15), 1)),
        (ONE, "rt_sigprocmask", (1, frozenset((10, 12)))),
    ),
    "death signal": phrase(
        (ONE, "clone", (_CHLD,)),
        (OTHER, "prctl_set_pdeathsig", (one(9, 15, 19, 17),)),
        (ONE, "exit_group", (0,)),
    ),
    "limit": phrase(
        (ONE, "setrlimit", (one(7, 1, 6, 12), made(Limit, one(4, 0, 40, 8), one(64, 4096)))),
        (ONE, "dup", (Held("any"),)),
        (ONE, "pipe", ()),
        (ONE, "write", (Held("file"), b"y" * 50)),
        (ONE, "clone", (_CHLD,)),
    ),
    # execution
    "run": phrase(
        (ONE, "clone", (_CHLD,)),
        (OTHER, "setresuid", (1000, one(1000, 0), 1000)),
        (OTHER, "execve", (one("/tmp/x", "/tmp/xr", "/tmp/xu", "/tmp/xc"), ("x",), ())),
    ),
    "no exec": phrase(
        (ONE, "mount", ("tmp", "m", "tmpfs", one(int(MountFlag.NOEXEC), int(MountFlag.NOSUID), 0), "")),
        (ONE, "mount", ("xr", "f", "", int(MountFlag.BIND), "")),
        (ONE, "mount", ("", "f", "", _REMOUNT, "")),
        (ONE, "setresuid", (1000, 1000, 1000)),
        (ONE, "execve", ("f", ("w",), ())),
        (ONE, "access", (one("f", "m"), 1)),
    ),
    "own program": phrase(
        (ONE, "open", ("m/a", int(OpenFlag.RDWR | OpenFlag.CREAT), 0o755)),
        (ONE, "write", (Held("file"), one(b"#!/tmp/w\n", b"#!x\n", b"text", b"#!/tmp/d\n"))),
        (ONE, "execve", ("m/a", ("w",), ())),
        (ONE, "close", (Held("file"),)),
        (ONE, "execve", ("/tmp/m/a", ("w",), ())),
    ),
    # terminals
    "terminal": phrase(
        (ONE, "open", ("/dev/ptmx", int(OpenFlag.RDWR | OpenFlag.NOCTTY), 0)),
        (ONE, "ioctl_tiocsptlck", (Held("pty"), 0)),
        (ONE, "setsid", ()),
        (ONE, "open", (one("/dev/pts/0", "/dev/pts/1"), one(2, 0x102, 0, 1), 0)),
        (ONE, "ioctl_tiocsctty", (Held("tty"), one(0, 1))),
    ),
    "session": phrase(
        (ONE, "clone", (_CHLD,)),
        (OTHER, "setsid", ()),
        (OTHER, "open", ("/dev/ptmx", int(OpenFlag.RDWR | OpenFlag.NOCTTY), 0)),
        (OTHER, "ioctl_tiocsptlck", (Held("pty"), 0)),
        (OTHER, "open", ("/dev/pts/0", 2, 0)),
        (OTHER, "clone", (_CHLD,)),
        (OTHER, "setpgid", (made(Agent, AGENT), 0)),
        (OTHER, "ioctl_tiocspgrp", (Held("tty"), made(Agent, AGENT))),
    ),
    # files
    "sticky": phrase(
        (ONE, "open", (one("t/a", "t/b"), int(OpenFlag.RDWR | OpenFlag.CREAT), 0o666)),
        (OTHER, "setresuid", (-1, 1000, -1)),
        (OTHER, "rename", ("t/a", "t/b")),
        (OTHER, "unlink", (one("t/a", "t/b"),)),
        (OTHER, "mknod", ("t/b", FileType.FIFO | 0o666, DEVICE)),
    ),
    "tree": phrase(
        (ONE, "mkdir", (one("a", "d/a"), one(0o755, 0o2777, 0o700))),
        (ONE, "chdir", (one("a", "d/a"),)),
        (ONE, "rmdir", (one("/tmp/a", "/tmp/d/a"),)),
        (ONE, "getcwd", ()),
        (ONE, "mkdir", ("b", 0o755)),
        (ONE, "open", (".", 0, 0)),
        (ONE, "getdents64", (Held("any"), 1000)),
        (ONE, "chdir", ("/tmp",)),
    ),
    "links": phrase(
        (ONE, "symlink", (one("b", "a", "d", "/tmp/f", "../f"), one("a", "t/a"))),
        (ONE, "symlink", ("a", "b")),
        (ONE, "stat", (one("a", "b"),)),
        (ONE, "open", (one("a", "b", "t/a"), one(0, 0o101, 0o400000, 0o300), 0o644)),
        (ONE, "link", ("f", "a")),
    ),
    "group directory": phrase(
        (ONE, "mkdir", ("a", 0o2777)),
        (ONE, "chown", ("a", -1, 1000)),
        (ONE, "chmod", ("a", 0o2777)),
        (OTHER, "mkdir", ("a/b", 0o755)),
        (OTHER, "open", ("a/f", 0o101, 0o2755)),
        (OTHER, "stat", ("a/f",)),
        (OTHER, "stat", ("a/b",)),
    ),
    "capable file": phrase(
        (ONE, "setxattr", ARGUMENTS["setxattr"]),
        (ONE, "chown", (one("w", "x", "f"), one(0, -1), -1)),
        (ONE, "execve", ("/tmp/w", ("w",), ())),
    ),
    # mounts
    "mounted": phrase(
        (ONE, "mount", ("tmp", MOUNTED, "tmpfs", bits(MountFlag.NOSUID, MountFlag.NODEV, MountFlag.RDONLY, at_most=1), "")),
        (ONE, "mount", ("", MOUNTED, "", _KINDS, "")),
        (ONE, "mkdir", ("m/a", 0o755)),
        (ONE, "mount", (one("m", "n", "d"), MOUNTED, "", _RECURSIVE, "")),
    ),
    "propagated": phrase(
        (ONE, "mount", ("d", "d", "", int(MountFlag.BIND), "")),
        (ONE, "mount", ("", "d", "", int(MountFlag.SHARED), "")),
        (ONE, "unshare", (int(CloneFlag.NEWNS),)),
        (ONE, "mount", ("", "d", "", _KINDS, "")),
        (OTHER, "mount", ("tmp", "d/e", "tmpfs", 0, "")),
        (ONE, "umount2", ("d/e", one(0, 2))),
    ),
    "moved": phrase(
        (ONE, "mount", ("tmp", one("m", "n"), "tmpfs", 0, "")),
        (ONE, "mount", (one("m", "n", "d"), MOUNTED, "", int(MountFlag.MOVE), "")),
    ),
    "read-only": phrase(
        (ONE, "mount", (SOURCE, MOUNTED, "", _RECURSIVE, "")),
        (ONE, "mount", ("", MOUNTED, "", _REMOUNT, "")),
        (ONE, "open", (one("m/a", "d/a", "t/a"), 0o102, 0o644)),
        (ONE, "chmod", (one("m", "d", "d/e"), 0o700)),
        (ONE, "mkdir", (one("m/a", "d/a"), 0o755)),
        (ONE, "access", (one("m", "d"), 2)),
        (ONE, "rename", ("d/e", "d/a")),
    ),
    "pivot": phrase(
        (ONE, "unshare", (one(int(CloneFlag.NEWNS), int(CloneFlag.NEWNS | CloneFlag.NEWUSER)),)),
        (ONE, "mount", ("tmp", "m", "tmpfs", 0, "")),
        (ONE, "mkdir", ("m/a", 0o755)),
        (ONE, "pivot_root", (one("m", "."), one("m/a", "m", "."))),
        (ONE, "chdir", ("/",)),
        (ONE, "umount2", (one("/a", "."), int(UmountFlag.DETACH))),
    ),
    "confined": phrase(
        (ONE, "open", (".", int(OpenFlag.RDONLY | OpenFlag.DIRECTORY), 0)),
        (ONE, "chroot", (one("d", "m", "t"),)),
        (ONE, "getcwd", ()),
        (ONE, "unshare", (int(CloneFlag.NEWUSER),)),
        (ONE, "chdir", (one("/", ".."),)),
        (ONE, "fchdir", (Held("dir"),)),
        (ONE, "stat", (one("../tmp", "..", "/"),)),
    ),
    "in a user namespace": phrase(
        (ONE, "mount", ("tmp", MOUNTED, "tmpfs", bits(MountFlag.NOSUID, MountFlag.RDONLY), "")),
        (ONE, "unshare", (int(CloneFlag.NEWUSER | CloneFlag.NEWNS),)),
        (ONE, "umount2", (MOUNTED, one(0, 2))),
        (ONE, "mount", ("", MOUNTED, "", _REMOUNT, "")),
        (ONE, "mount", (one("m", "."), MOUNT_POINT, "", _RECURSIVE, "")),
        (ONE, "mount", ("x", MOUNTED, one("tmpfs", "proc", "mqueue", "devpts", "ramfs"), 0, "")),
    ),
    # sockets and networks
    "pair": phrase(
        (ONE, "socketpair", (1, one(1, 5), 0)),
        (ONE, "clone", (_CHLD,)),
        (
            ONE, "sendmsg",
            (Held("sock", 0), one(b"m", b"", b"y" * 3000), one((), (Held("file"),), (Held("pipe"), Held("ns"))), 64),
        ),
        (OTHER, "recvmsg", (Held("sock", 1), one(32768, 1, 0), one(64, 66, 0x40000040))),
        (OTHER, "close", (Held("sock", 1),)),
        (ONE, "sendmsg", (Held("sock", 0), b"x", (), one(0, 0x4000))),
    ),
    "pipe": phrase(
        (ONE, "pipe2", (one(0, int(OpenFlag.NONBLOCK)),)),
        (ONE, "clone", (_CHLD,)),
        (ONE, "write", (Held("pipe", 0), one(b"x", b"y" * 5000))),
        (OTHER, "read", (Held("pipe", 1), 4096)),
        (ONE, "close", (Held("pipe", 1),)),
        (OTHER, "close", (Held("pipe", 1),)),
        (ONE, "write", (Held("pipe", 0), b"x")),
    ),
    "network": phrase(
        (ONE, "socket", (16, int(SocketType.RAW), 0)),
        *[(ONE, "sendmsg", (Held("netlink"), MESSAGE, (), 0)), (ONE, "recvmsg", (Held("netlink"), 32768, 64))] * 4,
    ),
    # descriptors and /proc
    "through": phrase(
        (OTHER, "open", (TAIL, int(OpenFlag.RDWR | OpenFlag.CREAT), 0o600)),
        (ONE, "open", (made(Entry, AGENT, one("fd/3", "cwd/f", "root/tmp/f")), one(0, 1, 2, 0x80000), 0)),
        (ONE, "fchmod", (Held("file"), 0o644)),
        (ONE, "readlinkat", (AT_FDCWD, made(Entry, AGENT, one("fd/3", "cwd", "root")))),
    ),
    "of the dead": phrase(
        (ONE, "clone", (_CHLD,)),
        (ONE, "open", (made(Entry, one(1, 2), one("fd", "ns", "uid_map", "setgroups")), 0, 0)),
        (OTHER, "exit_group", (0,)),
        (ONE, "read", (Held("any"), 100)),
        (ONE, "getdents64", (Held("any"), 1000)),
        (ONE, "wait4", (-1, 1)),
        (ONE, "fstat", (Held("any"),)),
        (ONE, "getdents64", (Held("any"), 1000)),
        (ONE, "kill", (made(Agent, AGENT), 0)),
    ),
}  # fmt: skip
"""By name: a theme lists them among its calls."""
