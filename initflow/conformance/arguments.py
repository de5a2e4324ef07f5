"""How the arguments of each call are chosen: of what earlier calls have got, and of few names and numbers, so that calls meet.

They name agents, descriptors by their kind, the paths of the scratch tree. What comes first in a choice is what a shrunk
program has.
"""


from initflow.conformance.choices import Choice, always, bits, each, made, one, some
from initflow.conformance.program import NOBODY, Agent, Entry, Held
from initflow.conformance.scratch import FILE_CAPABILITIES
from kernelapi.capability import EMPTY, FULL, Cap, CapSet
from kernelapi.flags import (
    AT_FDCWD,
    RLIM_INFINITY,
    AddressFamily,
    AtFlag,
    Clock,
    CloneFlag,
    CloseRangeFlag,
    Disposition,
    FileType,
    MessageFlag,
    MountFlag,
    OpenFlag,
    Rlimit,
    Securebit,
    Shutdown,
    Signal,
    SocketType,
    UmountFlag,
    WaitFlag,
)
from kernelapi.values import (
    IFF_UP,
    RT_SCOPE_UNIVERSE,
    RT_TABLE_MAIN,
    RTN_UNICAST,
    RTPROT_BOOT,
    BpfInstruction,
    CapData,
    InterfaceAddress,
    Limit,
    Link,
    LinkInfo,
    NetlinkAddress,
    NetlinkFlag,
    NetlinkMessage,
    NetlinkType,
    Route,
    Winsize,
    makedev,
)

AGENT = one(0, 1, 2, 3, 4)
PID: Choice = some(made(Agent, AGENT), made(Agent, AGENT), one(0, NOBODY, -1))
TARGET: Choice = some(
    made(Agent, AGENT), made(Agent, AGENT), made(Agent, AGENT, always(True)), one(0, -1, NOBODY)
)
UID = one(0, 1000, 1000, 1, 1001, 65536, -1)
ID = one(0, 1000, -1, 1, 1001, 65536)
GROUPS = one((), (1000,), (0,), (5, 1000), (7, 5, 7), (65536,))
CAP = one(
    Cap.KILL, Cap.SETUID, Cap.SETGID, Cap.SYS_ADMIN, Cap.SETPCAP, Cap.CHOWN, Cap.DAC_OVERRIDE, Cap.FOWNER, Cap.SYS_PTRACE,
    63,
)  # fmt: skip
ONE_OR_MORE = one(1, 0, 1, 2)


def held(*kinds: str) -> Choice:
    """A descriptor of one of these kinds, mostly one of the latest."""
    return made(Held, one(*kinds), one(0, 0, 0, 1, 1, 2, 3))


ANY = held("any", "any", "file", "pipe")
NUMBER: Choice = some(ANY, ANY, one(3, 4, 5, 40, 0, -1))
"""A descriptor, or a number that may be none."""
DIRFD: Choice = some(always(AT_FDCWD), always(AT_FDCWD), held("dir"), held("any", "file"))

PLAIN = (
    "a", "f", "d", "b", "g", "u", "t", "l", "z", "p", "m", "n", "d/a", "d/e", "d/b", "t/a", "t/b", "u/a", "m/a", "m/b",
    "l/a", "n/a", "w", "xr",
)  # fmt: skip
ODD = (
    "", ".", "..", "/", "/tmp", "/tmp/a", "/tmp/m", "a/", "d/", "f/", "f/a", "d/..", "d/.", "nowhere/a", "l/..", "a/b",
    "d/e/a", "../tmp/a", "n" * 256,
)  # fmt: skip
PATH: Choice = some(one(*PLAIN), one(*PLAIN), one(*PLAIN, *ODD))
OF_DIRECTORIES = ("d", "m", "n", ".", "d/e", "t", "u", "/tmp", "/", "l", "m/a", "..", "f", "a", "d/..")
DIRECTORY = one(*OF_DIRECTORIES)
OF_PROCESS: Choice = made(
    Entry,
    AGENT,
    one("ns/user", "ns/user", "ns/mnt", "ns/pid", "ns/uts", "ns/net", "ns/ipc", "ns/cgroup", "ns/time", "ns/pid_for_children",
        "ns/time_for_children", "uid_map", "gid_map", "uid_map", "setgroups", "cwd", "root", "fd/3", "fd/4", "cwd/a",
        "root/tmp/f",
        "comm", "fd", "ns", "timens_offsets"),
)  # fmt: skip
TERMINAL = one("/dev/ptmx", "/dev/pts/0", "/dev/pts/1", "/dev/tty", "/dev/null", "/dev/zero", "/dev/full")
OPENED: Choice = some(PATH, PATH, PATH, OF_PROCESS, OF_PROCESS, TERMINAL)
OPEN_FLAGS = made(
    int.__or__,
    one(
        int(OpenFlag.RDONLY), int(OpenFlag.RDWR), int(OpenFlag.WRONLY), int(OpenFlag.RDONLY | OpenFlag.DIRECTORY),
        int(OpenFlag.PATH), int(OpenFlag.RDWR | OpenFlag.CREAT), 3,
    ),
    bits(
        OpenFlag.CREAT, OpenFlag.EXCL, OpenFlag.TRUNC, OpenFlag.APPEND, OpenFlag.NONBLOCK, OpenFlag.NONBLOCK,
        OpenFlag.NOFOLLOW, OpenFlag.CLOEXEC, OpenFlag.NOCTTY, OpenFlag.DIRECTORY,
    ),
)
MODE = one(0o644, 0o755, 0o777, 0o600, 0o000, 0o4755, 0o2755, 0o1777, 0o222, 0o100)
ACCESS = one(0, 1, 2, 4, 6, 7, 8)
AT_STAT = one(0, 0, int(AtFlag.SYMLINK_NOFOLLOW), int(AtFlag.EMPTY_PATH), int(AtFlag.EMPTY_PATH | AtFlag.SYMLINK_NOFOLLOW), 4)
OWNER = one(-1, 0, 1000, 1001, 65536)
MADE = one(
    FileType.REG | 0o644, FileType.FIFO | 0o600, FileType.CHR | 0o666, FileType.DIR | 0o755, FileType.REG | 0o755,
    FileType.SOCK | 0o700, 0o600, 0o070000,
)  # fmt: skip
DEVICE = one(0, makedev(1, 3), makedev(1, 5), makedev(5, 0))
LINKED = one("d", "nowhere", "/tmp/f", "a", "..", "/", "", "f/a", "../t", "b", "x" * 300)
COUNT = one(1, 10, 100, 0, 4096)
DATA = one(
    b"x", b"", b"hello\n", b"0 0 1", b"0 1000 1", b"1000 1000 1", b"0 0 65536", b"0 1000 1\n1 0 1", b"5 5 5", b"deny",
    b"allow", b"0 0 2000", b"y" * 5000,
)  # fmt: skip

XATTR = one("security.selinux", "", "nosuch.name", "x" * 300)
CAPABILITIES = one(FILE_CAPABILITIES, FILE_CAPABILITIES, b"", FILE_CAPABILITIES[:-1])
FILTER = one(
    (BpfInstruction(0x06, 0, 0, 0x7FFF0000),), (BpfInstruction(0x06, 0, 0, 0x7FFF0000),), (),
    (BpfInstruction(0x20, 0, 0, 0),),
)  # fmt: skip
"""Filters that let every call pass, and what is none."""

NEW = (
    CloneFlag.NEWUSER, CloneFlag.NEWNS, CloneFlag.NEWPID, CloneFlag.NEWUTS, CloneFlag.NEWIPC, CloneFlag.NEWNET,
    CloneFlag.NEWCGROUP,
)  # fmt: skip
EXIT_SIGNAL = one(int(Signal.CHLD), *[int(Signal.CHLD)] * 5, 0, int(Signal.WINCH))
"""Not those that end or stop the parent: one that waits takes the zombie before the signal arrives, which is not modelled."""
CLONE = made(
    int.__or__,
    EXIT_SIGNAL,
    some(
        always(0),
        bits(*NEW, at_most=2),
        bits(CloneFlag.FS, CloneFlag.FILES, CloneFlag.PARENT, *NEW, at_most=3),
    ),
)
NAMESPACES = some(
    bits(*NEW, CloneFlag.NEWTIME),
    one(
        CloneFlag.NEWUSER | CloneFlag.NEWNS, CloneFlag.FS, CloneFlag.FILES, CloneFlag.SIGHAND, CloneFlag.THREAD,
        CloneFlag.VM, 1,
    ),
)
NSTYPE = one(
    0, 0, *map(int, NEW), CloneFlag.NEWTIME, CloneFlag.NEWUSER | CloneFlag.NEWNS, CloneFlag.NEWNS | CloneFlag.NEWUTS, 1,
)  # fmt: skip
SIGNAL = one(
    0, Signal.TERM, Signal.KILL, Signal.STOP, Signal.CONT, Signal.CONT, Signal.CHLD, Signal.USR1, Signal.TSTP, Signal.TTIN,
    Signal.HUP,
    Signal.SEGV, Signal.PIPE, 34, 64, 65, -1,
)  # fmt: skip
WAIT = made(int.__or__, one(int(WaitFlag.NOHANG), int(WaitFlag.NOHANG), 0), bits(
    WaitFlag.UNTRACED, WaitFlag.CONTINUED, WaitFlag.WALL, WaitFlag.WCLONE, WaitFlag.WNOTHREAD, 4
))  # fmt: skip
_SIGNALS = one(*map(int, (
    Signal.TERM, Signal.CHLD, Signal.USR1, Signal.CONT, Signal.STOP, Signal.KILL, Signal.TSTP, Signal.HUP, 34, 64,
)))  # fmt: skip
SIGNALS = some(
    always(frozenset()), made(lambda *signals: frozenset(signals), _SIGNALS),
    made(lambda *signals: frozenset(signals), _SIGNALS, _SIGNALS),
)  # fmt: skip

_ALL = FULL - CapSet.of(Cap.SYS_RESOURCE)
CAPS = one(
    EMPTY, _ALL, _ALL - CapSet.of(Cap.SYS_ADMIN), _ALL - CapSet.of(Cap.SETUID),
    _ALL - CapSet((Cap.DAC_OVERRIDE, Cap.DAC_READ_SEARCH)),
    CapSet.of(Cap.KILL), CapSet((Cap.SETUID, Cap.SETGID, Cap.SETPCAP)), _ALL - CapSet.of(Cap.SETPCAP), FULL,
)  # fmt: skip
SECUREBITS = some(
    bits(*(bit for bit in Securebit if bit < Securebit.EXEC_RESTRICT_FILE), at_most=3),
    one(Securebit.KEEP_CAPS, Securebit.EXEC_RESTRICT_FILE, 1 << 12)
)
RESOURCE = one(Rlimit.NOFILE, Rlimit.CORE, Rlimit.NPROC, Rlimit.FSIZE, Rlimit.MEMLOCK, Rlimit.MSGQUEUE, 16)
READ_RESOURCE = one(*Rlimit, 16)
LIMIT = made(Limit, one(1024, 0, 60, 4096, RLIM_INFINITY), one(4096, 0, 60, 1024, RLIM_INFINITY, 2**20 + 1))

MOUNT_POINT = one("m", "n", "d", "m/a", ".", "t", "/tmp", "d/e", "f", "/", "n/a", "a", "l", "")
SOURCE = one("d", "m", "n", "t", "d/e", "f", "/tmp", ".", "m/a", "a", "", "/dev/null", "/dev/pts")
MOUNT = some(
    each(
        one("none", "tmp", ""), MOUNT_POINT,
        one("tmpfs", "tmpfs", "tmpfs", "proc", "devpts", "mqueue", "ramfs", "nosuchfs", "",
    ),
              bits(MountFlag.NOSUID, MountFlag.NODEV, MountFlag.NOEXEC, MountFlag.RDONLY, MountFlag.NOATIME),
              one("", "", "mode=700", "size=1m", "nonsense")),
    each(
        SOURCE, MOUNT_POINT, always(""),
        made(int.__or__, one(int(MountFlag.BIND), int(MountFlag.BIND | MountFlag.REC)), bits(MountFlag.RDONLY, at_most=1)),
        always(""),
    ),
    each(always(""), MOUNT_POINT, always(""),
              made(
                  int.__or__,
                  one(int(MountFlag.SHARED), int(MountFlag.SLAVE), int(MountFlag.PRIVATE), int(MountFlag.UNBINDABLE)),
                  bits(MountFlag.REC, MountFlag.SHARED, at_most=1),
              ),
              always("")),
    each(always(""), MOUNT_POINT, always(""),
              made(
                  int.__or__, one(int(MountFlag.REMOUNT | MountFlag.BIND), int(MountFlag.REMOUNT)),
                  bits(
                      MountFlag.RDONLY, MountFlag.NOSUID, MountFlag.NODEV, MountFlag.NOEXEC, MountFlag.NOATIME,
                      MountFlag.STRICTATIME, MountFlag.NODIRATIME,
                  ),
              ),
              always("")),
    each(SOURCE, MOUNT_POINT, always(""), one(int(MountFlag.MOVE)), always("")),
)  # fmt: skip
UMOUNT = one(
    int(UmountFlag.DETACH), 0, int(UmountFlag.NOFOLLOW), int(UmountFlag.DETACH | UmountFlag.NOFOLLOW),
    int(UmountFlag.FORCE), 16,
)  # fmt: skip

STREAM = one(
    int(SocketType.STREAM), int(SocketType.SEQPACKET), int(SocketType.STREAM | SocketType.NONBLOCK),
    int(SocketType.SEQPACKET | SocketType.CLOEXEC), 7, 1 << 6,
)  # fmt: skip
SOCKET = one(
    (16, 3, 0), (16, 3, 0), (16, 2, 0), (16, int(SocketType.RAW | SocketType.CLOEXEC), 0),
    (16, int(SocketType.RAW | SocketType.NONBLOCK), 0), (2, 2, 0), (17, 2, 0),
    (16, 1, 0), (99, 1, 0), (1, 7, 0), (16, 3, 77), (2, 9, 0), (1, 1, 5), (10, 2, 0),
)  # fmt: skip
_SENT = held("file", "pipe", "ns", "dir", "pidfd")
SENT = some(always(()), always(()), each(_SENT), each(_SENT, one(40, -1, 0)), each(_SENT, _SENT))
SEND_FLAGS = one(0, int(MessageFlag.DONTWAIT), int(MessageFlag.NOSIGNAL), int(MessageFlag.DONTWAIT | MessageFlag.NOSIGNAL))
RECEIVE_FLAGS = one(
    int(MessageFlag.DONTWAIT), int(MessageFlag.DONTWAIT), 0, int(MessageFlag.PEEK | MessageFlag.DONTWAIT),
    int(MessageFlag.CMSG_CLOEXEC | MessageFlag.DONTWAIT),
)  # fmt: skip

INDEX = one(1, 2, 3, 9)
LINK_NAME = one("lo", "v0", "v1", "br0", "nosuch")
NEW_LINK = int(NetlinkFlag.REQUEST | NetlinkFlag.ACK | NetlinkFlag.CREATE | NetlinkFlag.EXCL)
CHANGE = int(NetlinkFlag.REQUEST | NetlinkFlag.ACK)
LISTING = int(NetlinkFlag.REQUEST | NetlinkFlag.DUMP)


def message(type: NetlinkType, flags: int, body: Choice) -> Choice:
    return made(lambda body: NetlinkMessage(int(type), flags, 1, 0, body), body)


INET = int(AddressFamily.INET)
IP = one("10.0.0.1", "10.0.0.2", "127.0.0.1", "192.168.1.1")
MESSAGE = some(
    message(
        NetlinkType.RTM_NEWLINK, CHANGE,
        made(lambda index, flags: Link(index=index, flags=flags, change=IFF_UP), INDEX, one(IFF_UP, 0)),
    ),
    message(NetlinkType.RTM_GETLINK, LISTING, always(Link())),
    message(
        NetlinkType.RTM_NEWLINK, NEW_LINK,
        one(Link(name="br0", info=LinkInfo("bridge")), Link(name="v0", info=LinkInfo("veth", Link(name="v1")))),
    ),
    message(
        NetlinkType.RTM_SETLINK, CHANGE,
        made(lambda index, name: Link(index=index, name=name), INDEX, one("v2", "lo", "v0")),
    ),
    message(NetlinkType.RTM_SETLINK, CHANGE, made(lambda index, mtu: Link(index=index, mtu=mtu), INDEX, one(1400, 1500, 68))),
    message(NetlinkType.RTM_SETLINK, CHANGE, made(lambda index, master: Link(index=index, master=master), INDEX, INDEX)),
    message(NetlinkType.RTM_NEWADDR, NEW_LINK, made(
        lambda index, ip, length: InterfaceAddress(INET, length, index=index, local=ip, address=ip), INDEX, IP,
        one(24, 8, 32, 16))),
    message(NetlinkType.RTM_GETADDR, LISTING, always(InterfaceAddress(INET))),
    message(NetlinkType.RTM_NEWROUTE, NEW_LINK, made(
        lambda index, gateway, dst, length: Route(
            INET, length, table=RT_TABLE_MAIN, protocol=RTPROT_BOOT, scope=RT_SCOPE_UNIVERSE, type=RTN_UNICAST, dst=dst,
            gateway=gateway, oif=index),
        one(None, 1, 2, 3), one("10.0.0.1", None, "127.0.0.1", "192.168.1.9"), one("172.16.0.0", "10.1.0.0"), one(16, 24))),
    message(NetlinkType.RTM_GETROUTE, LISTING, always(Route(INET))),
)  # fmt: skip

EXECUTED = ("w", "wr", "wu", "wg", "wc", "s")
WITNESSED = made(lambda name: (f"/tmp/{name}", ("w",), ("A=b",)), one(*EXECUTED))
REPLACED = made(
    lambda path: (path, ("x",), ()),
    one("/tmp/x", "/tmp/xr", "/tmp/xu", "xg", "/tmp/xc", "f", "d", "nowhere", "f/a", "l/x", "", "g"),
)  # fmt: skip

_ARGUMENTS: dict[str, tuple[Choice, ...] | Choice] = {
    # ids
    "getuid": (),
    "geteuid": (),
    "getgid": (),
    "getegid": (),
    "getresuid": (),
    "getresgid": (),
    "getgroups": (),
    "setuid": (UID,),
    "setgid": (UID,),
    "setreuid": (ID, ID),
    "setregid": (ID, ID),
    "setresuid": (ID, ID, ID),
    "setresgid": (ID, ID, ID),
    "setfsuid": (UID,),
    "setfsgid": (UID,),
    "setgroups": (GROUPS,),
    # capabilities, and what else belongs to credentials
    "capget": (PID,),
    "capset": (one(0, 0, 0, Agent(0)), made(CapData, CAPS, CAPS, CAPS)),
    "prctl_capbset_drop": (CAP,),
    "prctl_capbset_read": (CAP,),
    "prctl_cap_ambient_raise": (CAP,),
    "prctl_cap_ambient_lower": (CAP,),
    "prctl_cap_ambient_is_set": (CAP,),
    "prctl_cap_ambient_clear_all": (),
    "prctl_set_securebits": (SECUREBITS,),
    "prctl_get_securebits": (),
    "prctl_set_keepcaps": (ONE_OR_MORE,),
    "prctl_get_keepcaps": (),
    "prctl_set_no_new_privs": (ONE_OR_MORE,),
    "prctl_get_no_new_privs": (),
    "prctl_set_dumpable": (ONE_OR_MORE,),
    "prctl_get_dumpable": (),
    "prctl_set_pdeathsig": (SIGNAL,),
    "prctl_get_pdeathsig": (),
    "prctl_set_child_subreaper": (ONE_OR_MORE,),
    "prctl_get_child_subreaper": (),
    "prctl_get_seccomp": (),
    "prctl_set_seccomp": (one(2, 2, 0, 5), FILTER), "seccomp_set_mode_filter": (one(0, 0, 1 << 20), FILTER),
    "prctl_set_name": (one("agent", "", "a name of twenty bytes"),),
    "prctl_get_name": (),
    # execution
    "execve": some(WITNESSED, WITNESSED, WITNESSED, REPLACED),
    "execveat": some(
        each(
            DIRFD, one("w", "wr", "wc", "/tmp/wu", "", "d"), always(("w",)), always(()),
            one(0, int(AtFlag.EMPTY_PATH), int(AtFlag.SYMLINK_NOFOLLOW), 1),
        ),
        each(DIRFD, one("x", "xr"), always(("x",)), always(()), one(0, 0, 1)),
    ),
    # processes, sessions, signals
    "clone": (CLONE,),
    "exit_group": (one(0, 1, 7, 256),),
    "wait4": (TARGET, WAIT),
    "kill": (TARGET, SIGNAL),
    "getpid": (),
    "gettid": (),
    "getppid": (),
    "getpgrp": (),
    "getpgid": (PID,),
    "getsid": (PID,),
    "setsid": (),
    "setpgid": (PID, PID),
    "rt_sigaction": (SIGNAL, one(None, Disposition.IGNORE, Disposition.DEFAULT)),
    "rt_sigprocmask": (one(0, 1, 2, 3), some(SIGNALS, always(None))),
    "rt_sigpending": (),
    "pidfd_open": (PID, one(0, int(OpenFlag.NONBLOCK), 1)),
    # namespaces and names
    "unshare": (NAMESPACES,),
    "setns": (held("ns", "ns", "pidfd", "any"), NSTYPE),
    "sethostname": (one("one", "two", "", "x" * 65),),
    "setdomainname": (one("one", "two", "", "x" * 65),),
    "uname": (),
    # limits
    "prlimit64": (PID, RESOURCE, some(always(None), LIMIT)),
    "getrlimit": (READ_RESOURCE,),
    "setrlimit": (RESOURCE, LIMIT),
    # descriptors
    "close": (NUMBER,),
    "close_range": (one(3, 5, 10, 40), one(4, 6, 60, 2), one(0, int(CloseRangeFlag.CLOEXEC), int(CloseRangeFlag.UNSHARE), 1)),
    "dup": (NUMBER,),
    "dup2": (NUMBER, one(5, 10, 3, -1, 2000)),
    "dup3": (NUMBER, one(5, 10, 3, -1), one(0, int(OpenFlag.CLOEXEC), 1)),
    "fcntl_dupfd": (NUMBER, one(0, 10, 30, -1, 5000)),
    "fcntl_dupfd_cloexec": (NUMBER, one(0, 10, 30, -1)),
    "fcntl_getfd": (NUMBER,),
    "fcntl_setfd": (NUMBER, one(1, 0, 2, 3)),
    "fcntl_getfl": (NUMBER,),
    "fcntl_setfl": (
        NUMBER,
        one(int(OpenFlag.NONBLOCK), 0, int(OpenFlag.APPEND), int(OpenFlag.NONBLOCK | OpenFlag.APPEND), int(OpenFlag.RDWR)),
    ),
    "pipe": (),
    "pipe2": (one(0, int(OpenFlag.CLOEXEC), int(OpenFlag.NONBLOCK), 1),),
    "read": (held("any", "file", "pipe", "sock", "map", "tty"), COUNT),
    "write": (held("any", "file", "pipe", "sock", "map", "map", "tty"), DATA),
    "lseek": (held("file", "any", "dir", "map"), one(0, 3, -1, 100), one(0, 1, 2, 5)),
    "fstat": (NUMBER,),
    "getdents64": (held("dir", "dir", "any"), one(32768, 24, 0)),
    # sockets
    "socketpair": (one(1, 1, 1, 2, 99), STREAM, one(0, 0, 1, 9)),
    "socket": SOCKET,
    "shutdown": (held("sock", "sock", "any"), one(*map(int, Shutdown), 3)),
    "sendmsg": some(
        each(held("sock", "sock", "sock", "pipe"), one(b"m", b"", b"longer message", b"z" * 5000), SENT, SEND_FLAGS),
    ),
    "recvmsg": (held("sock", "sock", "netlink", "pipe"), one(32768), RECEIVE_FLAGS),
    "bind": (held("netlink"), made(NetlinkAddress, one(0, 7, 8))),
    "getsockname": (held("netlink"),),
    "ioctl_siocbraddif": (held("inet", "inet", "any"), LINK_NAME, INDEX),
    # terminals
    "ioctl_tiocgptn": (held("pty", "pty", "tty", "any"),),
    "ioctl_tiocsptlck": (held("pty", "pty", "tty"), one(0, 0, 1)),
    "ioctl_tiocgwinsz": (held("pty", "tty", "any"),),
    "ioctl_tiocswinsz": (held("pty", "tty", "any"), made(Winsize, one(24, 0), one(80, 0))),
    "ioctl_tiocsctty": (held("tty", "pty", "any"), one(0, 0, 1)),
    "ioctl_tiocnotty": (held("tty", "pty", "any"),),
    "ioctl_tiocgpgrp": (held("tty", "pty", "any"),),
    "ioctl_tiocspgrp": (held("tty", "pty", "any"), PID),
    "ioctl_tiocgsid": (held("tty", "pty", "any"),),
    # files
    "open": (OPENED, OPEN_FLAGS, MODE),
    "openat": (DIRFD, OPENED, OPEN_FLAGS, MODE),
    "stat": (OPENED,),
    "lstat": (OPENED,),
    "newfstatat": (DIRFD, PATH, AT_STAT),
    "access": (PATH, ACCESS),
    "faccessat2": (DIRFD, PATH, ACCESS, one(0, int(AtFlag.EACCESS), int(AtFlag.SYMLINK_NOFOLLOW), int(AtFlag.EMPTY_PATH), 1)),
    "mkdir": (PATH, MODE),
    "mkdirat": (DIRFD, PATH, MODE),
    "rmdir": (PATH,),
    "unlink": (PATH,),
    "unlinkat": (DIRFD, PATH, one(0, int(AtFlag.REMOVEDIR), 1)),
    "mknod": (PATH, MADE, DEVICE),
    "mknodat": (DIRFD, PATH, MADE, DEVICE),
    "symlink": (LINKED, PATH),
    "symlinkat": (LINKED, DIRFD, PATH),
    "link": (PATH, PATH),
    "linkat": (DIRFD, PATH, DIRFD, PATH, one(0, int(AtFlag.SYMLINK_FOLLOW), int(AtFlag.EMPTY_PATH), 1)),
    "rename": (PATH, PATH),
    "renameat2": (DIRFD, PATH, DIRFD, PATH, one(0, 0, 1, 2, 2, 8, 3)),
    "readlink": (some(PATH, OF_PROCESS),),
    "readlinkat": (DIRFD, some(PATH, OF_PROCESS)),
    "chmod": (PATH, MODE),
    "fchmod": (held("file", "dir", "any"), MODE),
    "fchmodat": (DIRFD, PATH, MODE),
    "chown": (PATH, OWNER, OWNER),
    "lchown": (PATH, OWNER, OWNER),
    "fchown": (held("file", "dir", "any"), OWNER, OWNER),
    "fchownat": (DIRFD, PATH, OWNER, OWNER, one(0, int(AtFlag.SYMLINK_NOFOLLOW), int(AtFlag.EMPTY_PATH), 1)),
    "setxattr": (PATH, one("security.capability"), one(FILE_CAPABILITIES, b"", FILE_CAPABILITIES[:-1]), one(0, 1, 2, 4)),
    "lsetxattr": (PATH, always("security.capability"), CAPABILITIES, one(0, 1, 2, 4)),
    "getxattr": (PATH, XATTR), "lgetxattr": (PATH, XATTR),
    "statfs": (PATH,), "fstatfs": (NUMBER,),
    "umask": (one(0o022, 0o077, 0, 0o7777),),
    "chdir": (DIRECTORY,),
    "fchdir": (held("dir", "dir", "any"),),
    "getcwd": (),
    "chroot": (DIRECTORY,),
    # mounts
    "mount": MOUNT,
    "umount2": (MOUNT_POINT, UMOUNT),
    "pivot_root": (one("m", ".", "n", "d", "/tmp"), one("m/a", ".", "m", "n/a", "d")),
    # time and chance
    "clock_gettime": (one(*map(int, Clock), 99),),
    "clock_nanosleep": (one(int(Clock.MONOTONIC), int(Clock.REALTIME), 4, 99), always(0), one(0, 1, -1)),
    "getrandom": (one(0, 1, 16, 256), one(0, 1, 2, 8, 6)),
}  # fmt: skip

ARGUMENTS: dict[str, Choice] = {
    name: each(*arguments) if isinstance(arguments, tuple) else arguments for name, arguments in _ARGUMENTS.items()
}
"""How the arguments of each call are chosen."""

REQUESTED = each(held("netlink"), MESSAGE, always(()), always(0))
"""sendmsg on a netlink socket."""
