"""Calls read as strace shows them. A table: the call, its arguments, what came back; how it reads."""

import inspect
from errno import EACCES, EAGAIN, ENOTSUP, EPERM
from typing import Any

import pytest

from fakekernel.machine import Machine
from kernelapi.capability import EMPTY, FULL, CapSet
from kernelapi.event import NO_RETURN, Event
from kernelapi.flags import (
    AT_FDCWD,
    RLIM_INFINITY,
    AccessMode,
    AddressFamily,
    AtFlag,
    Clock,
    CloneFlag,
    CloseRangeFlag,
    Disposition,
    FdFlag,
    FileType,
    MessageFlag,
    MountFlag,
    OpenFlag,
    RandomFlag,
    RenameFlag,
    Rlimit,
    Securebit,
    Seek,
    Shutdown,
    Signal,
    SigprocmaskHow,
    SocketType,
    UmountFlag,
    WaitFlag,
    XattrFlag,
)
from kernelapi.ids import Fd, Gid, Uid
from kernelapi.kernel import CALLS, Kernel
from kernelapi.notation import render, render_call
from kernelapi.values import (
    CapData,
    DirEntry,
    Limit,
    Link,
    Message,
    NetlinkAddress,
    NetlinkFlag,
    NetlinkMessage,
    NetlinkType,
    Stat,
    Statfs,
    Utsname,
    Winsize,
    makedev,
)


def child(kernel: Kernel) -> None:
    """What a clone runs."""


STAT = Stat(dev=1, ino=2, mode=FileType.REG | 0o4755, nlink=1, uid=Uid(0), gid=Gid(0), rdev=0, size=12)
NULL = Stat(dev=1, ino=2, mode=FileType.CHR | 0o666, nlink=1, uid=Uid(0), gid=Gid(0), rdev=makedev(1, 3), size=0)
REQUEST = NetlinkMessage(NetlinkType.RTM_NEWLINK, NetlinkFlag.REQUEST | NetlinkFlag.ACK, 1, 0, Link(index=1, flags=1, change=1))
SPELT_REQUEST = (
    "{nlmsg_type=RTM_NEWLINK, nlmsg_flags=NLM_F_REQUEST|NLM_F_ACK, nlmsg_seq=1, nlmsg_pid=0, Link{index=1, flags=1, change=1}}"
)
CREATE = OpenFlag.WRONLY | OpenFlag.CREAT | OpenFlag.CLOEXEC

TABLE: list[tuple[str, tuple[Any, ...], Any, str]] = [
    # ids and capabilities
    ("setuid", (1000,), EPERM, "setuid(1000) = -1 EPERM"),
    ("setuid", (1000,), None, "setuid(1000) = 0"),
    ("setresuid", (-1, 1000, 2**32 - 1), None, "setresuid(-1, 1000, -1) = 0"),
    ("getresuid", (), (0, 1, 2), "getresuid() = [0, 1, 2]"),
    ("setgroups", ((1, 2),), None, "setgroups([1, 2]) = 0"),
    ("getgroups", (), (), "getgroups() = []"),
    ("setfsuid", (-1,), 1000, "setfsuid(-1) = 1000"),
    (
        "capset",
        (0, CapData(CapSet.of(0), FULL, EMPTY)),
        None,
        "capset(0, {effective={CHOWN}, permitted={all}, inheritable={}}) = 0",
    ),
    ("capget", (0,), CapData(EMPTY, EMPTY, EMPTY), "capget(0) = {effective={}, permitted={}, inheritable={}}"),
    ("prctl_capbset_drop", (21,), None, "prctl_capbset_drop(CAP_SYS_ADMIN) = 0"),
    ("prctl_capbset_read", (99,), True, "prctl_capbset_read(99) = 1"),
    ("prctl_set_pdeathsig", (9,), None, "prctl_set_pdeathsig(SIGKILL) = 0"),
    ("prctl_get_pdeathsig", (), 0, "prctl_get_pdeathsig() = 0"),
    ("prctl_get_pdeathsig", (), 15, "prctl_get_pdeathsig() = SIGTERM"),
    (
        "prctl_set_securebits",
        (Securebit.NOROOT | Securebit.KEEP_CAPS | 1 << 20,),
        EPERM,
        "prctl_set_securebits(SECBIT_NOROOT|SECBIT_KEEP_CAPS|0x100000) = -1 EPERM",
    ),
    ("prctl_get_securebits", (), 1, "prctl_get_securebits() = SECBIT_NOROOT"),
    ("prctl_get_keepcaps", (), False, "prctl_get_keepcaps() = 0"),
    ("prctl_get_name", (), "init", 'prctl_get_name() = "init"'),
    # namespaces
    ("unshare", (CloneFlag.NEWNS | CloneFlag.NEWTIME,), None, "unshare(CLONE_NEWTIME|CLONE_NEWNS) = 0"),
    ("unshare", (0x1,), None, "unshare(0x1) = 0"),
    ("setns", (3, 0), None, "setns(3, 0) = 0"),
    ("setns", (3, CloneFlag.NEWUSER), None, "setns(3, CLONE_NEWUSER) = 0"),
    # processes and signals
    ("clone", (CloneFlag.NEWPID | Signal.CHLD, child, 3), 7, "clone(CLONE_NEWPID|SIGCHLD, child, 3) = 7"),
    ("clone", (0, child), 7, "clone(0, child) = 7"),
    ("execve", ("/bin/sh", ("sh", "-c", "exit"), ("A=b",)), NO_RETURN, 'execve("/bin/sh", ["sh", "-c", "exit"], ["A=b"]) = ?'),
    ("execve", ("x", (), ()), EACCES, 'execve("x", [], []) = -1 EACCES'),
    ("execveat", (3, "", ("x",), (), AtFlag.EMPTY_PATH), NO_RETURN, 'execveat(3, "", ["x"], [], AT_EMPTY_PATH) = ?'),
    ("exit_group", (0,), NO_RETURN, "exit_group(0) = ?"),
    ("wait4", (-1, 0), (7, 0x300), "wait4(-1, 0) = [7, {WIFEXITED(s) && WEXITSTATUS(s) == 3}]"),
    ("wait4", (-1, WaitFlag.NOHANG), (0, 0), "wait4(-1, WNOHANG) = [0, NULL]"),
    ("wait4", (7, WaitFlag.WALL), (7, 9), "wait4(7, __WALL) = [7, {WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL}]"),
    ("wait4", (7, 2), (7, 0x137F), "wait4(7, WUNTRACED) = [7, {WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}]"),
    ("wait4", (7, 0), (7, 0x83), "wait4(7, 0) = [7, {WIFSIGNALED(s) && WTERMSIG(s) == SIGQUIT && WCOREDUMP(s)}]"),
    ("wait4", (7, 8), (7, 0xFFFF), "wait4(7, WCONTINUED) = [7, {WIFCONTINUED(s)}]"),
    ("kill", (-1, 15), None, "kill(-1, SIGTERM) = 0"),
    ("kill", (1, 0), None, "kill(1, 0) = 0"),
    ("kill", (1, 34), None, "kill(1, 34) = 0"),
    ("rt_sigaction", (17, Disposition.IGNORE), Disposition.DEFAULT, "rt_sigaction(SIGCHLD, SIG_IGN) = SIG_DFL"),
    ("rt_sigaction", (17, None), Disposition.IGNORE, "rt_sigaction(SIGCHLD, NULL) = SIG_IGN"),
    (
        "rt_sigprocmask",
        (SigprocmaskHow.BLOCK, frozenset((17, 2))),
        frozenset(),
        "rt_sigprocmask(SIG_BLOCK, [INT CHLD]) = []",
    ),
    (
        "rt_sigprocmask",
        (SigprocmaskHow.SETMASK, frozenset(range(1, 65)) - {9}),
        frozenset((2,)),
        "rt_sigprocmask(SIG_SETMASK, ~[KILL]) = [INT]",
    ),
    ("pidfd_open", (7, OpenFlag.NONBLOCK), 3, "pidfd_open(7, PIDFD_NONBLOCK) = 3"),
    ("setpgid", (0, 0), None, "setpgid(0, 0) = 0"),
    # limits, names, time
    (
        "prlimit64",
        (0, Rlimit.NOFILE, None),
        Limit(1024),
        "prlimit64(0, RLIMIT_NOFILE, NULL) = {rlim_cur=1024, rlim_max=RLIM64_INFINITY}",
    ),
    (
        "setrlimit",
        (Rlimit.CORE, Limit(0, RLIM_INFINITY)),
        None,
        "setrlimit(RLIMIT_CORE, {rlim_cur=0, rlim_max=RLIM64_INFINITY}) = 0",
    ),
    ("getrlimit", (99,), Limit(1, 2), "getrlimit(99) = {rlim_cur=1, rlim_max=2}"),
    ("sethostname", ("box",), None, 'sethostname("box") = 0'),
    (
        "uname",
        (),
        Utsname("Linux", "box", "6.18", "#1", "x86_64", "(none)"),
        'uname() = {sysname="Linux", nodename="box", release="6.18", version="#1", machine="x86_64", domainname="(none)"}',
    ),
    ("clock_gettime", (Clock.MONOTONIC,), 5_000_000_007, "clock_gettime(CLOCK_MONOTONIC) = {tv_sec=5, tv_nsec=7}"),
    (
        "clock_nanosleep",
        (Clock.REALTIME, 1, 10**9),
        None,
        "clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, {tv_sec=1, tv_nsec=0}) = 0",
    ),
    ("getrandom", (2, RandomFlag.NONBLOCK), b"\x00\xff", 'getrandom(2, GRND_NONBLOCK) = "\\x00\\xff"'),
    # files
    ("openat", (AT_FDCWD, "/etc/passwd", 0, 0), 3, 'openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3'),
    ("open", ("f", CREATE, 0o644), 3, 'open("f", O_WRONLY|O_CREAT|O_CLOEXEC, 0644) = 3'),
    ("open", ("d", OpenFlag.TMPFILE | OpenFlag.RDWR, 0o600), 3, 'open("d", O_RDWR|O_TMPFILE, 0600) = 3'),
    ("open", ("d", OpenFlag.PATH | OpenFlag.DIRECTORY, 0), 3, 'open("d", O_RDONLY|O_DIRECTORY|O_PATH) = 3'),
    (
        "newfstatat",
        (3, "", AtFlag.EMPTY_PATH),
        STAT,
        'newfstatat(3, "", AT_EMPTY_PATH) = {st_mode=S_IFREG|04755, st_uid=0, st_gid=0, st_size=12, ...}',
    ),
    (
        "stat",
        ("/dev/null",),
        NULL,
        'stat("/dev/null") = {st_mode=S_IFCHR|0666, st_uid=0, st_gid=0, st_rdev=makedev(0x1, 0x3), ...}',
    ),
    ("access", ("f", AccessMode.R | AccessMode.X), None, 'access("f", X_OK|R_OK) = 0'),
    ("faccessat2", (AT_FDCWD, "f", 0, AtFlag.EACCESS), None, 'faccessat2(AT_FDCWD, "f", F_OK, AT_EACCESS) = 0'),
    ("mkdir", ("d", 0o1777), None, 'mkdir("d", 01777) = 0'),
    ("mkdirat", (3, "d", 0), None, 'mkdirat(3, "d", 000) = 0'),
    ("mknod", ("n", FileType.CHR | 0o666, makedev(1, 3)), None, 'mknod("n", S_IFCHR|0666, makedev(0x1, 0x3)) = 0'),
    ("mknodat", (AT_FDCWD, "n", 0o644, 0), None, 'mknodat(AT_FDCWD, "n", 0644, makedev(0x0, 0x0)) = 0'),
    ("symlink", ("a", "b"), None, 'symlink("a", "b") = 0'),
    ("linkat", (3, "", 4, "b", AtFlag.EMPTY_PATH), None, 'linkat(3, "", 4, "b", AT_EMPTY_PATH) = 0'),
    (
        "renameat2",
        (AT_FDCWD, "a", AT_FDCWD, "b", RenameFlag.EXCHANGE),
        None,
        'renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE) = 0',
    ),
    ("unlinkat", (AT_FDCWD, "d", AtFlag.REMOVEDIR), None, 'unlinkat(AT_FDCWD, "d", AT_REMOVEDIR) = 0'),
    ("readlink", ("l",), "target", 'readlink("l") = "target"'),
    ("chmod", ("f", 0o4755), None, 'chmod("f", 04755) = 0'),
    ("fchown", (3, -1, 5), None, "fchown(3, -1, 5) = 0"),
    ("fchownat", (3, "f", 1, 2, AtFlag.SYMLINK_NOFOLLOW), None, 'fchownat(3, "f", 1, 2, AT_SYMLINK_NOFOLLOW) = 0'),
    ("setxattr", ("f", "a", b"v", XattrFlag.REPLACE), ENOTSUP, 'setxattr("f", "a", "v", XATTR_REPLACE) = -1 EOPNOTSUPP'),
    ("lsetxattr", ("f", "a", b"v", XattrFlag.CREATE), None, 'lsetxattr("f", "a", "v", XATTR_CREATE) = 0'),
    ("getxattr", ("f", "a"), b"v", 'getxattr("f", "a") = "v"'),
    ("statfs", ("/",), Statfs(0x9FA0, 0x21), 'statfs("/") = {f_type=0x9fa0, f_flags=ST_RDONLY|ST_VALID}'),
    ("umask", (0o22,), 0o77, "umask(022) = 077"),
    ("getcwd", (), "/", 'getcwd() = "/"'),
    # descriptors
    ("close_range", (3, 2**32 - 1, CloseRangeFlag.CLOEXEC), None, "close_range(3, 4294967295, CLOSE_RANGE_CLOEXEC) = 0"),
    ("dup3", (3, 4, OpenFlag.CLOEXEC), 4, "dup3(3, 4, O_CLOEXEC) = 4"),
    ("fcntl_getfd", (3,), FdFlag.CLOEXEC, "fcntl_getfd(3) = FD_CLOEXEC"),
    ("fcntl_getfl", (3,), OpenFlag.RDWR | OpenFlag.APPEND, "fcntl_getfl(3) = O_RDWR|O_APPEND"),
    ("fcntl_setfl", (3, OpenFlag.NONBLOCK), None, "fcntl_setfl(3, O_RDONLY|O_NONBLOCK) = 0"),
    ("pipe2", (0,), (3, 4), "pipe2(0) = [3, 4]"),
    ("read", (3, 10), b'say "hi"\n', 'read(3, 10) = "say \\"hi\\"\\n"'),
    ("read", (3, 10), EAGAIN, "read(3, 10) = -1 EAGAIN"),
    ("write", (3, b"x" * 70), 70, f'write(3, "{"x" * 64}"...) = 70'),
    ("lseek", (3, -1, Seek.END), 4, "lseek(3, -1, SEEK_END) = 4"),
    ("getdents64", (3, 99), (DirEntry(".", 1, FileType.DIR), DirEntry("a", 2, None)), 'getdents64(3, 99) = [".", "a"]'),
    ("getdents64", (3, 99), (DirEntry("a", 2, None),) * 40, "getdents64(3, 99) = [" + '"a", ' * 32 + "...]"),
    # sockets
    (
        "socketpair",
        (AddressFamily.UNIX, SocketType.SEQPACKET | SocketType.CLOEXEC, 0),
        (3, 4),
        "socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0) = [3, 4]",
    ),
    ("socket", (AddressFamily.NETLINK, SocketType.RAW, 0), 3, "socket(AF_NETLINK, SOCK_RAW, 0) = 3"),
    ("bind", (3, NetlinkAddress()), None, "bind(3, {nl_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}) = 0"),
    ("shutdown", (3, Shutdown.WR), None, "shutdown(3, SHUT_WR) = 0"),
    ("sendmsg", (3, b"x", (4, 5), MessageFlag.NOSIGNAL), 1, 'sendmsg(3, "x", [4, 5], MSG_NOSIGNAL) = 1'),
    (
        "sendmsg",
        (3, REQUEST, (), 0),
        32,
        f"sendmsg(3, {SPELT_REQUEST}, [], 0) = 32",
    ),
    (
        "recvmsg",
        (3, 9, 0),
        Message(b"x", (Fd(4),), MessageFlag.CTRUNC),
        'recvmsg(3, 9, 0) = {"x", fds=[4], msg_flags=MSG_CTRUNC}',
    ),
    # mounts
    (
        "mount",
        ("", "/", "", MountFlag.REC | MountFlag.PRIVATE, ""),
        None,
        'mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL) = 0',
    ),
    ("mount", ("t", "/t", "tmpfs", 0, "mode=755"), None, 'mount("t", "/t", "tmpfs", 0, "mode=755") = 0'),
    ("umount2", (".", UmountFlag.DETACH | UmountFlag.NOFOLLOW), None, 'umount2(".", MNT_DETACH|UMOUNT_NOFOLLOW) = 0'),
    ("pivot_root", (".", "."), None, 'pivot_root(".", ".") = 0'),
    # terminals
    ("ioctl_tiocswinsz", (3, Winsize(25, 80)), None, "ioctl_tiocswinsz(3, {ws_row=25, ws_col=80}) = 0"),
    ("ioctl_tiocsctty", (3, 0), None, "ioctl_tiocsctty(3, 0) = 0"),
]


@pytest.mark.parametrize(("name", "args", "answer", "text"), TABLE, ids=[text[:40] for *_, text in TABLE])
def test_a_call_reads_as_strace_shows_it(name: str, args: tuple[Any, ...], answer: Any, text: str) -> None:
    failed = text.rpartition(" = ")[2].startswith("-1 E")
    result, errno = (None, answer) if failed else (answer, 0)
    assert render(Event(0, "1", CALLS[name], args, result, errno, None, 0, 0, None)) == text


def test_the_table_passes_each_call_what_it_takes() -> None:
    for name, args, _, _ in TABLE:
        inspect.signature(CALLS[name].function).bind(None, *args)


@pytest.mark.parametrize("name", CALLS)
def test_flags_and_modes_are_never_bare_numbers(name: str) -> None:
    call = CALLS[name]
    parameters = [parameter.name for parameter in call.parameters]
    bit = 1 << 20
    flags = ("flags", "mode", "options", "nstype", "bits")
    text = render_call(call, tuple(bit if name in flags else 0 for name in parameters))
    assert str(bit) not in text


class Opaque:
    """What a program hands to its child, and the kernel does not look into."""


def test_what_reads_does_not_depend_on_where_things_lie_in_memory() -> None:
    assert render_call(CALLS["clone"], (17, child, Opaque())) == "clone(SIGCHLD, child, Opaque{...})"


def everything(kernel: Kernel, output: Fd) -> int:
    kernel.write(output, b"x")
    return 0


def test_events_read_as_their_call_does() -> None:
    machine = Machine()
    machine.spawn_captured(everything)
    machine.run()
    assert 'write(0, "x") = 1' in repr(machine.events[0])
