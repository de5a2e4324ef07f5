"""The frozen values that calls take and return where a number or a string does not do."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from kernelapi.capability import CapSet
from kernelapi.flags import RLIM_INFINITY, S_IFMT, FileType, plain_bits
from kernelapi.ids import Fd, Gid, Uid


@dataclass(frozen=True, slots=True)
class CapData:
    """The three sets of capget(2) and capset(2)."""

    effective: CapSet
    permitted: CapSet
    inheritable: CapSet


@dataclass(frozen=True, slots=True)
class Stat:
    """What fstatat(2) answers, less times and block counts. `rdev` and `dev` are as `makedev` encodes them."""

    dev: int
    ino: int
    mode: int
    nlink: int
    uid: Uid
    gid: Gid
    rdev: int
    size: int

    @property
    def type(self) -> FileType:
        return FileType(self.mode & S_IFMT)

    @property
    def permissions(self) -> int:
        """The twelve permission bits, set-id and sticky included."""
        return self.mode & 0o7777


@dataclass(frozen=True, slots=True)
class Statfs:
    """What statfs(2) answers, as far as it does not depend on how full a disk is: the magic number of the type, and flags.

    `flags` holds `StatfsFlag` bits.
    """

    type: int
    flags: int


def makedev(major: int, minor: int) -> int:
    """The device number of `major` and `minor`, as mknod(2) takes it (makedev(3))."""
    return (minor & 0xFF) | (major & 0xFFF) << 8 | (minor & ~0xFF) << 12 | (major & ~0xFFF) << 32


def major(dev: int) -> int:
    return (dev >> 8 & 0xFFF) | (dev >> 32 & ~0xFFF)


def minor(dev: int) -> int:
    return (dev & 0xFF) | (dev >> 12 & ~0xFF)


@dataclass(frozen=True, slots=True)
class DirEntry:
    """One entry that getdents64(2) returns. `type` is None where the file system does not say (DT_UNKNOWN)."""

    name: str
    ino: int
    type: FileType | None


@dataclass(frozen=True, slots=True)
class Limit:
    """A resource limit: soft, then hard, as in struct rlimit."""

    soft: int = RLIM_INFINITY
    hard: int = RLIM_INFINITY


@dataclass(frozen=True, slots=True)
class Utsname:
    """What uname(2) answers."""

    sysname: str
    nodename: str
    release: str
    version: str
    machine: str
    domainname: str


@dataclass(frozen=True, slots=True)
class BpfInstruction:
    """struct sock_filter: an instruction of classic BPF, of which a filter of seccomp is made."""

    code: int
    jt: int
    jf: int
    k: int


BPF_LD, BPF_RET = 0x20, 0x06
"""Load the word at `k` of what is known of the call; return `k`."""

SECCOMP_RET_ALLOW = 0x7FFF0000
ALLOW = (BpfInstruction(BPF_RET, 0, 0, SECCOMP_RET_ALLOW),)
"""The filter that lets every call through."""


@dataclass(frozen=True, slots=True)
class Winsize:
    """The window of a terminal, in characters (ioctl_tty(2), TIOCGWINSZ)."""

    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class NetlinkAddress:
    """sockaddr_nl: port id (0: the kernel, or "choose one") and multicast groups."""

    pid: int = 0
    groups: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """What recvmsg(2) received: bytes, or netlink messages on a netlink socket; passed descriptors; message flags."""

    data: "bytes | tuple[NetlinkMessage, ...]"
    fds: tuple[Fd, ...] = ()
    flags: int = 0


class NetlinkType(IntEnum):
    """The type of a netlink message (netlink(7), rtnetlink(7))."""

    ERROR = 2
    DONE = 3
    RTM_NEWLINK = 16
    RTM_DELLINK = 17
    RTM_GETLINK = 18
    RTM_SETLINK = 19
    RTM_NEWADDR = 20
    RTM_DELADDR = 21
    RTM_GETADDR = 22
    RTM_NEWROUTE = 24
    RTM_DELROUTE = 25
    RTM_GETROUTE = 26


@plain_bits
class NetlinkFlag(IntFlag):
    """Flags in the header of a netlink message."""

    REQUEST = 0x1
    MULTI = 0x2
    ACK = 0x4
    DUMP = 0x300
    EXCL = 0x200
    CREATE = 0x400


@dataclass(frozen=True, slots=True)
class NetlinkMessage:
    """One message of rtnetlink: header fields, and the body as a frozen value (None for an empty one)."""

    type: int
    flags: int
    sequence: int
    pid: int = 0
    body: "Link | InterfaceAddress | Route | Ack | None" = None


@dataclass(frozen=True, slots=True)
class Link:
    """struct ifinfomsg with the attributes that the flow uses. `flags` are IFF_*, `change` the mask of those to change.

    `address` is as "02:42:ac:11:00:02"; `lower` is the index of the link that this one sends through, for a veth the other
    end (IFLA_LINK); `net_ns_pid` is a process in whose network namespace the link is to go on; `hairpin` is a port's
    IFLA_BRPORT_MODE, which is asked of a bridge: with the `family` AF_BRIDGE.
    """

    index: int = 0
    flags: int = 0
    change: int = 0
    name: str | None = None
    mtu: int | None = None
    family: int = 0
    type: int = 0
    txqlen: int | None = None
    address: str | None = None
    lower: int | None = None
    master: int | None = None
    net_ns_pid: int | None = None
    info: "LinkInfo | None" = None
    hairpin: bool | None = None


@dataclass(frozen=True, slots=True)
class LinkInfo:
    """IFLA_LINKINFO: which kind of link, as "veth" or "bridge"; for a new veth, what its peer is to be."""

    kind: str
    peer: Link | None = None


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """struct ifaddrmsg with the attributes that the flow uses. `index` is that of the link, addresses are as "10.0.0.1".

    `local` is the address itself; `address` is the same, but for links from one point to another, where it is the other's.
    """

    family: int = 0
    prefixlen: int = 0
    flags: int = 0
    scope: int = 0
    index: int = 0
    local: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """struct rtmsg with the attributes that the flow uses. `oif` is the index of the link that it leads out of."""

    family: int = 0
    dst_len: int = 0
    src_len: int = 0
    tos: int = 0
    table: int = 0
    protocol: int = 0
    scope: int = 0
    type: int = 0
    flags: int = 0
    dst: str | None = None
    prefsrc: str | None = None
    gateway: str | None = None
    oif: int | None = None


@dataclass(frozen=True, slots=True)
class Ack:
    """struct nlmsgerr: 0, or the positive errno of the request with this sequence number."""

    errno: int
    sequence: int


IFF_UP = 0x1
IFF_BROADCAST = 0x2
IFF_LOOPBACK = 0x8
IFF_RUNNING = 0x40
IFF_MULTICAST = 0x1000
IFF_LOWER_UP = 0x10000
ARPHRD_ETHER, ARPHRD_LOOPBACK = 1, 772

RT_TABLE_MAIN, RT_TABLE_LOCAL = 254, 255
RTPROT_KERNEL, RTPROT_BOOT = 2, 3
RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, RT_SCOPE_HOST, RT_SCOPE_NOWHERE = 0, 253, 254, 255
RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST = 1, 2, 3
