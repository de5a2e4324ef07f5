"""Flags and small numbers of the system call interface, by their Linux names and x86-64 values."""

from enum import IntEnum, IntFlag
from typing import TypeVar

Flags = TypeVar("Flags", bound=type[IntFlag])


def plain_bits(flags: Flags) -> Flags:
    """Let the operators of a set of flags give plain ints: five times as fast, and `~` keeps the bits that have no name."""
    for name in ("__and__", "__or__", "__xor__", "__rand__", "__ror__", "__rxor__", "__invert__"):
        setattr(flags, name, getattr(int, name))
    return flags


@plain_bits
class CloneFlag(IntFlag):
    """clone(2), unshare(2), setns(2). The low byte of a clone's flags is the exit signal, not a flag."""

    NEWTIME = 0x80
    VM = 0x100
    FS = 0x200
    FILES = 0x400
    SIGHAND = 0x800
    PIDFD = 0x1000
    PTRACE = 0x2000
    VFORK = 0x4000
    PARENT = 0x8000
    THREAD = 0x10000
    NEWNS = 0x20000
    SYSVSEM = 0x40000
    SETTLS = 0x80000
    PARENT_SETTID = 0x100000
    CHILD_CLEARTID = 0x200000
    DETACHED = 0x400000
    UNTRACED = 0x800000
    CHILD_SETTID = 0x1000000
    NEWCGROUP = 0x2000000
    NEWUTS = 0x4000000
    NEWIPC = 0x8000000
    NEWUSER = 0x10000000
    NEWPID = 0x20000000
    NEWNET = 0x40000000
    IO = 0x80000000


@plain_bits
class OpenFlag(IntFlag):
    """open(2), and the status flags that fcntl(2) reads and sets."""

    RDONLY = 0
    WRONLY = 1
    RDWR = 2
    CREAT = 0o100
    EXCL = 0o200
    NOCTTY = 0o400
    TRUNC = 0o1000
    APPEND = 0o2000
    NONBLOCK = 0o4000
    DIRECTORY = 0o200000
    NOFOLLOW = 0o400000
    CLOEXEC = 0o2000000
    PATH = 0o10000000
    TMPFILE = 0o20200000


O_ACCMODE = 3


@plain_bits
class FdFlag(IntFlag):
    """The flags of a descriptor itself (fcntl(2), F_GETFD)."""

    CLOEXEC = 1


@plain_bits
class CloseRangeFlag(IntFlag):
    """close_range(2)."""

    UNSHARE = 2
    CLOEXEC = 4


@plain_bits
class AtFlag(IntFlag):
    """The flags of the *at calls."""

    SYMLINK_NOFOLLOW = 0x100
    REMOVEDIR = 0x200
    EACCESS = 0x200  # faccessat2 only
    SYMLINK_FOLLOW = 0x400
    NO_AUTOMOUNT = 0x800
    EMPTY_PATH = 0x1000


AT_FDCWD = -100


@plain_bits
class MountFlag(IntFlag):
    """mount(2)."""

    RDONLY = 1
    NOSUID = 2
    NODEV = 4
    NOEXEC = 8
    SYNCHRONOUS = 0x10
    REMOUNT = 0x20
    MANDLOCK = 0x40
    DIRSYNC = 0x80
    NOSYMFOLLOW = 0x100
    NOATIME = 0x400
    NODIRATIME = 0x800
    BIND = 0x1000
    MOVE = 0x2000
    REC = 0x4000
    SILENT = 0x8000
    POSIXACL = 0x10000
    UNBINDABLE = 0x20000
    PRIVATE = 0x40000
    SLAVE = 0x80000
    SHARED = 0x100000
    RELATIME = 0x200000
    STRICTATIME = 0x1000000
    LAZYTIME = 0x2000000


@plain_bits
class UmountFlag(IntFlag):
    """umount2(2)."""

    FORCE = 1
    DETACH = 2
    EXPIRE = 4
    NOFOLLOW = 8


@plain_bits
class WaitFlag(IntFlag):
    """wait4(2)."""

    NOHANG = 1
    UNTRACED = 2
    CONTINUED = 8
    WNOTHREAD = 0x20000000
    WALL = 0x40000000
    WCLONE = 0x80000000


class FileType(IntEnum):
    """The type bits of a mode (inode(7))."""

    FIFO = 0o010000
    CHR = 0o020000
    DIR = 0o040000
    BLK = 0o060000
    REG = 0o100000
    LNK = 0o120000
    SOCK = 0o140000


S_IFMT = 0o170000
S_IFREG, S_IFDIR, S_IFLNK = int(FileType.REG), int(FileType.DIR), int(FileType.LNK)
"""Plain numbers, for what looks at modes all the time: a member of an enum is slow to get at."""

S_ISUID, S_ISGID, S_ISVTX = 0o4000, 0o2000, 0o1000


class Seek(IntEnum):
    """lseek(2)."""

    SET = 0
    CUR = 1
    END = 2


@plain_bits
class AccessMode(IntFlag):
    """access(2)."""

    F = 0
    X = 1
    W = 2
    R = 4


class AddressFamily(IntEnum):
    """socket(2)."""

    UNIX = 1
    INET = 2
    BRIDGE = 7
    INET6 = 10
    NETLINK = 16
    PACKET = 17


@plain_bits
class SocketType(IntFlag):
    """socket(2): one type, and flags on top of it."""

    STREAM = 1
    DGRAM = 2
    RAW = 3
    SEQPACKET = 5
    NONBLOCK = 0o4000
    CLOEXEC = 0o2000000


@plain_bits
class MessageFlag(IntFlag):
    """send(2), recv(2)."""

    PEEK = 2
    CTRUNC = 8
    TRUNC = 0x20
    DONTWAIT = 0x40
    EOR = 0x80
    NOSIGNAL = 0x4000
    CMSG_CLOEXEC = 0x40000000


class Shutdown(IntEnum):
    """shutdown(2)."""

    RD = 0
    WR = 1
    RDWR = 2


@plain_bits
class Securebit(IntFlag):
    """capabilities(7), "The securebits flags"."""

    NOROOT = 1 << 0
    NOROOT_LOCKED = 1 << 1
    NO_SETUID_FIXUP = 1 << 2
    NO_SETUID_FIXUP_LOCKED = 1 << 3
    KEEP_CAPS = 1 << 4
    KEEP_CAPS_LOCKED = 1 << 5
    NO_CAP_AMBIENT_RAISE = 1 << 6
    NO_CAP_AMBIENT_RAISE_LOCKED = 1 << 7
    EXEC_RESTRICT_FILE = 1 << 8
    EXEC_RESTRICT_FILE_LOCKED = 1 << 9
    EXEC_DENY_INTERACTIVE = 1 << 10
    EXEC_DENY_INTERACTIVE_LOCKED = 1 << 11


class Rlimit(IntEnum):
    """A resource, numbered as on x86 (getrlimit(2))."""

    CPU = 0
    FSIZE = 1
    DATA = 2
    STACK = 3
    CORE = 4
    RSS = 5
    NPROC = 6
    NOFILE = 7
    MEMLOCK = 8
    AS = 9
    LOCKS = 10
    SIGPENDING = 11
    MSGQUEUE = 12
    NICE = 13
    RTPRIO = 14
    RTTIME = 15


RLIM_INFINITY = 2**64 - 1


class Signal(IntEnum):
    """signal(7), x86 numbers. 32 to 64 are the real-time signals."""

    HUP = 1
    INT = 2
    QUIT = 3
    ILL = 4
    TRAP = 5
    ABRT = 6
    BUS = 7
    FPE = 8
    KILL = 9
    USR1 = 10
    SEGV = 11
    USR2 = 12
    PIPE = 13
    ALRM = 14
    TERM = 15
    STKFLT = 16
    CHLD = 17
    CONT = 18
    STOP = 19
    TSTP = 20
    TTIN = 21
    TTOU = 22
    URG = 23
    XCPU = 24
    XFSZ = 25
    VTALRM = 26
    PROF = 27
    WINCH = 28
    IO = 29
    PWR = 30
    SYS = 31


LAST_SIGNAL = 64


class Disposition(IntEnum):
    """What a process does with a signal, as far as a simulated program can have one: no handlers of its own."""

    DEFAULT = 0
    IGNORE = 1


class SigprocmaskHow(IntEnum):
    """rt_sigprocmask(2)."""

    BLOCK = 0
    UNBLOCK = 1
    SETMASK = 2


class Clock(IntEnum):
    """clock_gettime(2)."""

    REALTIME = 0
    MONOTONIC = 1
    MONOTONIC_RAW = 4
    REALTIME_COARSE = 5
    MONOTONIC_COARSE = 6
    BOOTTIME = 7


TIMER_ABSTIME = 1


@plain_bits
class RandomFlag(IntFlag):
    """getrandom(2)."""

    NONBLOCK = 1
    RANDOM = 2
    INSECURE = 4


@plain_bits
class RenameFlag(IntFlag):
    """renameat2(2)."""

    NOREPLACE = 1
    EXCHANGE = 2
    WHITEOUT = 4


@plain_bits
class StatfsFlag(IntFlag):
    """The flags that statfs(2) answers: those of the mount, and of the file system."""

    RDONLY = 1
    NOSUID = 2
    NODEV = 4
    NOEXEC = 8
    SYNCHRONOUS = 0x10
    VALID = 0x20
    MANDLOCK = 0x40
    NOATIME = 0x400
    NODIRATIME = 0x800
    RELATIME = 0x1000
    NOSYMFOLLOW = 0x2000


@plain_bits
class XattrFlag(IntFlag):
    """setxattr(2)."""

    CREATE = 1
    REPLACE = 2


@plain_bits
class SeccompFlag(IntFlag):
    """Flags of a seccomp filter (seccomp(2))."""

    TSYNC = 1
    LOG = 2
    SPEC_ALLOW = 4
    NEW_LISTENER = 8
    TSYNC_ESRCH = 16
    WAIT_KILLABLE_RECV = 32
