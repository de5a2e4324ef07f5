"""What our own system calls did, as somebody else reads it: python-prctl, pyroute2, the standard library, /proc by hand.

Our calls go through ctypes, and the getters among them could be wrong in the same way as the setters. So each row here is a
call of ours, a reading that shares no line with it, and what that reading must say. Every row is played in a process and
namespaces of its own. python-prctl is GPL, and imported nowhere else.
"""

import os
import resource
import signal
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kernelapi.capability import FULL, Cap, CapSet
from kernelapi.flags import AT_FDCWD, CloneFlag, OpenFlag, Rlimit, Signal
from kernelapi.ids import Gid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing import Case, expect, in_child, linux
from kernelapi.values import (
    IFF_UP,
    CapData,
    Limit,
    Link,
    NetlinkAddress,
    NetlinkFlag,
    NetlinkMessage,
    NetlinkType,
    makedev,
)

if os.geteuid() == 0:  # as root these tests run, and what is missing is an error
    import prctl as python_prctl
    from pyroute2 import IPRoute

pytestmark = pytest.mark.privileged

Ours = Callable[[Kernel], object]
Theirs = Callable[[], object]


def row(what: str, ours: Ours, theirs: Theirs, expected: object) -> Any:
    return pytest.param(ours, theirs, expected, id=what)


def check(kernel: Kernel, ours: Ours, theirs: Theirs, expected: object) -> None:
    answer = ours(kernel)
    expect("the other reading", theirs(), answer if expected is SAME else expected)


SAME = object()
"""In place of an expected reading: what our call returned."""


def played(ours: Ours, theirs: Theirs, expected: object) -> None:
    report = linux.run(Case(partial(check, ours=ours, theirs=theirs, expected=expected), tree=True))
    assert report.passed, report.failure


def then(*calls: tuple[Any, ...]) -> Ours:
    """Makes the calls; returns what the last one returned."""

    def ours(kernel: Kernel) -> object:
        return [getattr(kernel, name)(*args) for name, *args in calls][-1]

    return ours


# -- python-prctl --


def prctl(name: str, *args: object) -> Theirs:
    """What python-prctl's `name` is, or returns for `args`."""

    def theirs() -> object:
        found = getattr(python_prctl, name)
        return found(*args) if callable(found) else found

    return theirs


def capabilities(kind: str) -> Theirs:
    """The names of a set, as python-prctl lists them; it knows neither the newest nor those without a constant of its own."""

    def theirs() -> object:
        found = getattr(python_prctl, kind)
        return {name for name in KNOWN if getattr(found, name)}

    return theirs


KNOWN = (
    "chown", "dac_override", "kill", "setgid", "setuid", "setpcap", "net_admin", "sys_chroot", "sys_admin", "mknod", "setfcap",
)  # fmt: skip
SOME = CapSet.of(Cap.CHOWN, Cap.SETPCAP, Cap.SETFCAP)
FEWER = CapSet.of(Cap.SETPCAP)
SETS = ("capset", 0, CapData(FEWER, SOME, CapSet.of(Cap.CHOWN)))
DROPPED = [("prctl_capbset_drop", cap) for cap in sorted(FULL) if cap not in SOME]
NOROOT, NO_FIXUP, KEEP_CAPS = 0x1, 0x4, 0x10


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        row("keepcaps", then(("prctl_set_keepcaps", 1)), prctl("get_keepcaps"), 1),
        row("keepcaps off", then(("prctl_set_keepcaps", 1), ("prctl_set_keepcaps", 0)), prctl("get_keepcaps"), 0),
        row("keepcaps is a securebit", then(("prctl_set_keepcaps", 1)), prctl("get_securebits"), KEEP_CAPS),
        row("securebits", then(("prctl_set_securebits", NOROOT | NO_FIXUP)), prctl("get_securebits"), NOROOT | NO_FIXUP),
        row("no_new_privs at first", then(("prctl_get_no_new_privs",)), prctl("get_no_new_privs"), 0),
        row("no_new_privs", then(("prctl_set_no_new_privs", 1)), prctl("get_no_new_privs"), 1),
        row("dumpable", then(("prctl_set_dumpable", 0)), prctl("get_dumpable"), 0),
        row("dumpable at first", then(("prctl_get_dumpable",)), prctl("get_dumpable"), 1),
        row("pdeathsig", then(("prctl_set_pdeathsig", Signal.USR1)), prctl("get_pdeathsig"), signal.SIGUSR1),
        row("name", then(("prctl_set_name", "a name that is cut off")), prctl("get_name"), "a name that is "),
        row("subreaper", then(("prctl_set_child_subreaper", 1)), prctl("get_child_subreaper"), 1),
        row("bounding set", then(*DROPPED), capabilities("capbset"), {"chown", "setpcap", "setfcap"}),
        row("one capability dropped", then(DROPPED[0]), prctl("capbset_read", DROPPED[0][1]), False),
        row("one capability kept", then(DROPPED[0]), prctl("capbset_read", Cap.CHOWN), True),
        row("effective set", then(SETS), capabilities("cap_effective"), {"setpcap"}),
        row("permitted set", then(SETS), capabilities("cap_permitted"), {"chown", "setpcap", "setfcap"}),
        row("inheritable set", then(SETS), capabilities("cap_inheritable"), {"chown"}),
    ],
)
def test_python_prctl_reads_what_was_set(ours: Ours, theirs: Theirs, expected: object) -> None:
    played(ours, theirs, expected)


@pytest.mark.parametrize(
    ("theirs", "ours", "expected"),
    [
        (prctl("set_keepcaps", 1), then(("prctl_get_keepcaps",)), True),
        (prctl("set_securebits", NOROOT), then(("prctl_get_securebits",)), NOROOT),
        (prctl("set_no_new_privs", 1), then(("prctl_get_no_new_privs",)), True),
        (prctl("set_dumpable", 0), then(("prctl_get_dumpable",)), 0),
        (prctl("set_pdeathsig", signal.SIGHUP), then(("prctl_get_pdeathsig",)), Signal.HUP),
        (prctl("set_name", "theirs"), then(("prctl_get_name",)), "theirs"),
        (prctl("set_child_subreaper", 1), then(("prctl_get_child_subreaper",)), True),
        (prctl("capbset_drop", Cap.MKNOD), then(("prctl_capbset_read", Cap.MKNOD)), False),
        (prctl("capbset_drop", Cap.MKNOD), then(("prctl_capbset_read", Cap.CHOWN)), True),
    ],
    ids=lambda value: None,
)
def test_our_getters_read_what_python_prctl_set(theirs: Theirs, ours: Ours, expected: object) -> None:
    def law(kernel: Kernel) -> None:
        theirs()
        expect("our reading", ours(kernel), expected)

    report = linux.run(Case(law))
    assert report.passed, report.failure


# -- /proc/self/status --


def status(field: str) -> Theirs:
    """The words behind `field`."""

    def theirs() -> object:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(line.split()[1:] for line in lines if line.startswith(f"{field}:"))

    return theirs


def mask(caps: CapSet) -> list[str]:
    return [f"{sum(1 << cap for cap in caps):016x}"]


AMBIENT = (
    ("capset", 0, CapData(SOME, SOME, SOME)),
    ("prctl_cap_ambient_raise", Cap.CHOWN),
    ("prctl_cap_ambient_raise", Cap.SETFCAP),
)
LOWERED = (*AMBIENT, ("prctl_cap_ambient_lower", Cap.CHOWN))


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        row("setresuid", then(("setresuid", 1, 2, 3)), status("Uid"), ["1", "2", "3", "2"]),
        row("setresuid with unchanged", then(("setresuid", -1, 2, -1)), status("Uid"), ["0", "2", "0", "2"]),
        row("setreuid", then(("setreuid", 1, 2)), status("Uid"), ["1", "2", "2", "2"]),
        row("setuid", then(("setuid", Uid(1000))), status("Uid"), ["1000"] * 4),
        row("the greatest uid", then(("setuid", Uid(2**32 - 2))), status("Uid"), [str(2**32 - 2)] * 4),
        row("setfsuid", then(("setfsuid", 7)), status("Uid"), ["0", "0", "0", "7"]),
        row("setresgid", then(("setresgid", 1, 2, 3)), status("Gid"), ["1", "2", "3", "2"]),
        row("setregid", then(("setregid", 1, 2)), status("Gid"), ["1", "2", "2", "2"]),
        row("setgid", then(("setgid", Gid(1000))), status("Gid"), ["1000"] * 4),
        row("setfsgid", then(("setfsgid", 7)), status("Gid"), ["0", "0", "0", "7"]),
        row("setgroups", then(("setgroups", (5, 2**31, 3))), status("Groups"), ["3", "5", str(2**31)]),
        row("no groups", then(("setgroups", ())), status("Groups"), []),
        row("effective", then(SETS), status("CapEff"), mask(FEWER)),
        row("permitted", then(SETS), status("CapPrm"), mask(SOME)),
        row("inheritable", then(SETS), status("CapInh"), mask(CapSet.of(Cap.CHOWN))),
        row("bounding", then(*DROPPED), status("CapBnd"), mask(SOME)),
        row("ambient", then(*AMBIENT), status("CapAmb"), mask(CapSet.of(Cap.CHOWN, Cap.SETFCAP))),
        row("ambient lowered", then(*LOWERED), status("CapAmb"), mask(CapSet.of(Cap.SETFCAP))),
        row("ambient cleared", then(*AMBIENT, ("prctl_cap_ambient_clear_all",)), status("CapAmb"), mask(CapSet())),
        row("no_new_privs", then(("prctl_set_no_new_privs", 1)), status("NoNewPrivs"), ["1"]),
        row("umask", then(("umask", 0o137)), status("Umask"), ["0137"]),
        row("blocked", then(("rt_sigprocmask", 0, frozenset({1, 64}))), status("SigBlk"), ["8000000000000001"]),
        row("ignored", then(("rt_sigaction", Signal.USR2, 1)), lambda: int(status("SigIgn")()[0], 16) >> 11 & 1, 1),  # type: ignore[index]
        row("name", then(("prctl_set_name", "ours")), status("Name"), ["ours"]),
    ],
)
def test_proc_shows_what_was_set(ours: Ours, theirs: Theirs, expected: object) -> None:
    played(ours, theirs, expected)


# -- the standard library --


def fields(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_mode, found.st_nlink, found.st_uid, found.st_gid, found.st_rdev, found.st_size)


def stat_of(path: str, flags: int = 0) -> Ours:
    def ours(kernel: Kernel) -> object:
        kernel.mkdir("/tmp/d", 0o1750)
        kernel.mknod("/tmp/device", 0o020640, makedev(0xABC, 0x12345))
        kernel.chown("/tmp/device", 3, 2**31)
        kernel.symlink("device", "/tmp/link")
        kernel.mknod("/tmp/fifo", 0o010600, 0)
        found = kernel.newfstatat(AT_FDCWD, path, flags)
        return (found.dev, found.ino, found.mode, found.nlink, found.uid, found.gid, found.rdev, found.size)

    return ours


def links(kernel: Kernel) -> object:
    """A file with content and two names."""
    fd = kernel.open("/tmp/f", OpenFlag.CREAT | OpenFlag.WRONLY, 0o4600)
    kernel.write(fd, b"x" * 12345)
    kernel.link("/tmp/f", "/tmp/g")
    kernel.chmod("/tmp/g", 0o6755)
    return None


def uname(kernel: Kernel) -> object:
    found = kernel.uname()
    return found.sysname, found.nodename, found.release, found.version, found.machine


def exits(kernel: Kernel) -> None:
    kernel.exit_group(77)


def is_killed(kernel: Kernel) -> None:
    kernel.kill(kernel.getpid(), Signal.KILL)


def numbers(path: str) -> tuple[int, int]:
    device = os.stat(path).st_rdev
    return os.major(device), os.minor(device)


def size_links_mode(path: str) -> tuple[int, int, int]:
    found = os.stat(path)
    return found.st_size, found.st_nlink, stat.S_IMODE(found.st_mode)


def content(path: str) -> str:
    return Path(path).read_text()


def exit_code() -> int:
    return os.waitstatus_to_exitcode(os.wait()[1])


def limits(name: int) -> Theirs:
    return lambda: resource.getrlimit(name)


def lstat(path: str) -> Theirs:
    return lambda: fields(os.lstat(path))


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        *[row(f"stat {path}", stat_of(path, 0x100), lstat(path), SAME)
          for path in ("/tmp", "/tmp/d", "/tmp/device", "/tmp/link", "/tmp/fifo", "/bin/busybox", "/proc/self", "/dev/null")],
        row("stat through a link", stat_of("/tmp/link"), lambda: fields(os.stat("/tmp/link")), SAME),
        row("mknod", stat_of("/tmp/device"), lambda: numbers("/tmp/device"), (0xABC, 0x12345)),
        row("write, link, chmod", links, lambda: size_links_mode("/tmp/f"), (12345, 2, 0o6755)),
        row("umask", then(("umask", 0o127)), lambda: os.umask(0), 0o127),
        row("chdir", then(("chdir", "/home/user")), os.getcwd, "/home/user"),
        row("getcwd", then(("chdir", "/home"), ("getcwd",)), os.getcwd, SAME),
        row("chroot", then(("chroot", "/home"), ("chdir", "/")), lambda: os.listdir("/"), ["user"]),
        row("readlink", then(("readlink", "/bin/sh")), lambda: os.readlink("/bin/sh"), SAME),
        row("rename", then(("rename", "/home/user", "/home/other")), lambda: os.listdir("/home"), ["other"]),
        row("rmdir", then(("rmdir", "/home/user")), lambda: os.listdir("/home"), []),
        row("lseek", then(("open", "/bin/busybox", 0), ("lseek", 4, 77, 0)), lambda: os.lseek(4, 0, os.SEEK_CUR), 77),
        row("close-on-exec", then(("open", "/", 0), ("fcntl_setfd", 4, 1)), lambda: os.get_inheritable(4), False),
        row("nonblocking", then(("open", "/", 0), ("fcntl_setfl", 4, 0o4000)), lambda: os.get_blocking(4), False),
        row("a limit", then(("setrlimit", Rlimit.NOFILE, Limit(70, 90))), limits(resource.RLIMIT_NOFILE), (70, 90)),
        row("no limit", then(("setrlimit", Rlimit.RTTIME, Limit())), limits(resource.RLIMIT_RTTIME), (-1, -1)),
        row("a large limit", then(("setrlimit", Rlimit.FSIZE, Limit(1, 2**63))), limits(resource.RLIMIT_FSIZE), (1, -(2**63))),
        row("uname", uname, lambda: tuple(os.uname()), SAME),
        row("sethostname", then(("sethostname", "ours")), lambda: os.uname().nodename, "ours"),
        row("setdomainname", then(("setdomainname", "ours")), lambda: content("/proc/sys/kernel/domainname"), "ours\n"),
        row("ids", lambda kernel: (*kernel.getresuid(), *kernel.getresgid()), lambda: (*os.getresuid(), *os.getresgid()), SAME),
        row("setresuid", then(("setresuid", 1, 2, 3)), os.getresuid, (1, 2, 3)),
        row("getgroups", then(("setgroups", (9, 8, 7)), ("getgroups",)), lambda: tuple(os.getgroups()), SAME),
        row("pids", lambda kernel: (kernel.getpid(), kernel.getppid(), kernel.getsid(0), kernel.getpgid(0)),
            lambda: (os.getpid(), os.getppid(), os.getsid(0), os.getpgid(0)), SAME),
        row("setsid", then(("setsid",)), lambda: os.getsid(0), SAME),
        row("blocked signals", then(("rt_sigprocmask", 2, frozenset({10, 12}))),
            lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()), {10, 12}),
        row("pipe", then(("pipe",), ("write", 5, b"through")), lambda: os.read(4, 100), b"through"),
        row("exit status", lambda kernel: kernel.clone(Signal.CHLD, exits), exit_code, 77),
        row("killed", lambda kernel: kernel.clone(Signal.CHLD, is_killed), exit_code, -9),
    ],
)  # fmt: skip
def test_the_standard_library_reads_the_same(ours: Ours, theirs: Theirs, expected: object) -> None:
    played(ours, theirs, expected)


def namespaces(kernel: Kernel) -> dict[str, int]:
    return {name: kernel.stat(f"/proc/self/ns/{name}").ino for name in sorted(os.listdir("/proc/self/ns"))}


def test_unshare_changes_the_namespaces_that_it_names() -> None:
    def law(kernel: Kernel) -> None:
        for name, flag in NAMESPACES.items():
            before = {entry: os.stat(f"/proc/self/ns/{entry}").st_ino for entry in os.listdir("/proc/self/ns")}
            expect("ours", namespaces(kernel), before)
            changed = in_child(kernel, changes, flag, before)
            expect(f"what {flag!r} changes", changed, {name})

    report = linux.run(Case(law, tree=True))
    assert report.passed, report.failure


def changes(kernel: Kernel, flag: int, before: dict[str, int]) -> set[str]:
    kernel.unshare(flag)
    return {name for name, inode in before.items() if os.stat(f"/proc/self/ns/{name}").st_ino != inode}


NAMESPACES = {
    "mnt": CloneFlag.NEWNS,
    "uts": CloneFlag.NEWUTS,
    "ipc": CloneFlag.NEWIPC,
    "net": CloneFlag.NEWNET,
    "cgroup": CloneFlag.NEWCGROUP,
    "user": CloneFlag.NEWUSER,
    "time_for_children": CloneFlag.NEWTIME,
}


# -- pyroute2 --


def answers(kernel: Kernel, message: NetlinkMessage) -> list[NetlinkMessage]:
    fd = kernel.socket(16, 3, 0)
    kernel.bind(fd, NetlinkAddress())
    kernel.sendmsg(fd, message)
    found: list[NetlinkMessage] = []
    while not found or (found[-1].flags & NetlinkFlag.MULTI and found[-1].type != NetlinkType.DONE):
        data = kernel.recvmsg(fd, 65536).data
        assert isinstance(data, tuple)
        found += data
    kernel.close(fd)
    return found


def link_rows() -> list[tuple[int, str, int, int]]:
    """The links as pyroute2 lists them: index, name, flags, MTU."""
    with IPRoute() as route:
        return sorted((m["index"], m.get_attr("IFLA_IFNAME"), m["flags"], m.get_attr("IFLA_MTU")) for m in route.get_links())


def dump(kernel: Kernel) -> list[tuple[int, str | None, int, int | None]]:
    request = NetlinkMessage(NetlinkType.RTM_GETLINK, NetlinkFlag.REQUEST | NetlinkFlag.DUMP, 1, body=Link())
    links = [answer.body for answer in answers(kernel, request)]
    return sorted((link.index, link.name, link.flags, link.mtu) for link in links if isinstance(link, Link))


def set_flags(kernel: Kernel, flags: int) -> None:
    flag = NetlinkFlag.REQUEST | NetlinkFlag.ACK
    answers(kernel, NetlinkMessage(NetlinkType.RTM_NEWLINK, flag, 1, body=Link(index=1, flags=flags, change=IFF_UP)))


def lo_goes_up_and_down(kernel: Kernel) -> None:
    for flags in (0, IFF_UP, 0):
        set_flags(kernel, flags)
        ((index, name, found, mtu),) = link_rows()
        expect("lo", (index, name, found & IFF_UP, mtu), (1, "lo", flags, 65536))
        expect("our list of the links", dump(kernel), link_rows())


def other_links(kernel: Kernel) -> None:
    with IPRoute() as route:
        route.link("add", ifname="pair", kind="veth", peer="other", mtu=1234)
        for number in range(40):
            route.link("add", ifname=f"dummy{number}", kind="veth", peer=f"mummy{number}")
    found = dump(kernel)
    expect("our list of the links", found, link_rows())
    expect("how many", len(found), 1 + 2 * 41)
    expect("the MTU", [mtu for _, name, _, mtu in found if name == "pair"], [1234])


@pytest.mark.parametrize("law", [lo_goes_up_and_down, other_links])
def test_pyroute2_sees_the_same_links(law: Callable[[Kernel], None]) -> None:
    report = linux.run(Case(law))
    assert report.passed, report.failure
