"""The namespaces other than user and mount namespaces, and the set of them that a process lives in (namespaces(7))."""

from typing import TYPE_CHECKING, NamedTuple

from fakekernel.store import TABLE, Record, Table
from fakekernel.userns import UserNamespace
from kernelapi.ids import Kgid, Kuid
from kernelapi.values import InterfaceAddress, Route

if TYPE_CHECKING:
    from fakekernel.cgroup import Cgroup
    from fakekernel.mount import MountNamespace
    from fakekernel.task import StructPid, Task


class Namespace(Record):
    """What they share: the number that /proc/PID/ns shows, the user namespace that owns them, and whoever made them, who is
    charged for them."""

    inum: int
    owner: UserNamespace
    maker: Kuid = Kuid(0)


class UtsNamespace(Namespace):
    """Host and domain name (uts_namespaces(7))."""

    nodename: str
    domainname: str


class IpcNamespace(Namespace):
    """System V IPC and POSIX message queues (ipc_namespaces(7)): the parameters in /proc/sys that were changed.

    `uid` and `gid` are the filesystem ids of whoever made it: the file system of its queues belongs to them.
    """

    uid: Kuid = Kuid(0)
    gid: Kgid = Kgid(0)
    sysctls: Table[str, int] = TABLE
    mqueue: Record | None = None  # the Superblock that shows its queues, once there was need of one


class NetLink(Record):
    """A network interface. `flags` holds those of IFF_* that are set, not those that follow from the rest.

    `kind` is "veth", "bridge", or "" for `lo`. Of a veth, `peer` is the other end; of a port, `master` is its bridge. What a
    bridge has not been given itself follows its ports (`own_address`, `own_mtu`).
    """

    index: int
    name: str
    flags: int
    mtu: int
    net: "NetNamespace"
    kind: str = ""
    address: str = "00:00:00:00:00:00"
    txqlen: int = 1000
    peer: "NetLink | None" = None
    master: "NetLink | None" = None
    hairpin: bool = False
    own_address: bool = False
    own_mtu: bool = False
    carrier: bool = True  # of a bridge without ports: whether it has never had one
    addresses: tuple[InterfaceAddress, ...] = ()  # those of IPv4 in their order: secondary ones last


class NetNamespace(Namespace):
    """Links by index, routes, and the netlink sockets that are bound, by port id (network_namespaces(7)).

    Of routes to the same destination the first counts.
    """

    links: Table[int, NetLink] = TABLE
    next_link: int = 1
    routes: tuple[Route, ...] = ()
    ports: Table[int, Record] = TABLE
    sysctls: Table[str, int] = TABLE  # parameters in /proc/sys/net that were changed
    sysfs: Record | None = None  # the Superblock that shows it, once there was need of one


class CgroupNamespace(Namespace):
    """What /proc/PID/cgroup shows paths from: `roots`, and the root of every other hierarchy (cgroup_namespaces(7))."""

    roots: "tuple[Cgroup, ...]" = ()


class TimeNamespace(Namespace):
    """Offsets of the monotonic and boot-time clocks in nanoseconds, fixed at the first entry (time_namespaces(7))."""

    monotonic: int = 0
    boottime: int = 0
    frozen: bool = False


class PidNamespace(Namespace):
    """Numbers of processes (pid_namespaces(7)). `pids` holds those in use, by this namespace's numbers."""

    parent: "PidNamespace | None"
    level: int
    pids: "Table[int, StructPid]" = TABLE
    last_pid: int = 0
    reaper: "Task | None" = None
    closed: bool = False  # its init is gone: nobody can be born here any more


class NamespaceSet(NamedTuple):
    """Where a process lives (struct nsproxy). Its own pid namespace is that of its pid; its user namespace that of its
    credentials; `*_for_children` are those of the processes that it makes."""

    mnt: "MountNamespace"
    uts: UtsNamespace
    ipc: IpcNamespace
    net: NetNamespace
    cgroup: CgroupNamespace
    time: TimeNamespace
    time_for_children: TimeNamespace
    pid_for_children: PidNamespace
