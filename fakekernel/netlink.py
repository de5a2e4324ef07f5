"""Netlink sockets, as far as links go: listing them, bringing them up (netlink(7), rtnetlink(7), net/core/rtnetlink.c).

A request is answered when it is sent: the answers stand in the socket's queue, a datagram each, for recvmsg.
"""

from typing import TYPE_CHECKING, cast

from fakekernel.behaviour import BEHAVIOURS, Behaviour
from fakekernel.credentials import has_capability
from fakekernel.description import Description, new_nameless
from fakekernel.namespaces import NetLink, NetNamespace
from fakekernel.store import Record
from kernelapi.capability import Cap
from kernelapi.errors import NotModelled
from kernelapi.flags import FileType, MessageFlag, OpenFlag
from kernelapi.linux.netlink import encode
from kernelapi.protocol.descriptors import LSEEK_PIPE, READ_WOULD_BLOCK
from kernelapi.protocol.sockets import (
    BIND_OTHER_PORT,
    BIND_PORT_TAKEN,
    DUMP_UNDER_WAY,
    LINK_DENIED,
    LINK_EXISTS,
    LINK_MISSING,
    LINK_NEGATIVE,
    LINK_UNNAMED,
)
from kernelapi.rules import Refusal
from kernelapi.values import IFF_RUNNING, IFF_UP, Ack, Link, Message, NetlinkFlag, NetlinkMessage, NetlinkType

if TYPE_CHECKING:
    from fakekernel.machine import Machine
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.syscalls.table import Syscalls

IFF_LOWER_UP = 0x10000
SETTABLE = 0x04 | 0x20 | 0x80 | 0x1000 | 0x2000 | 0x4000 | 0x8000
"""Flags that are just stored: DEBUG, NOTRAILERS, NOARP, MULTICAST, PORTSEL, AUTOMEDIA, DYNAMIC (__dev_change_flags)."""
COUNTED = 0x100 | 0x200  # IFF_PROMISC, IFF_ALLMULTI
CAPPED = 0x100  # NLM_F_CAPPED: the answer does not hold the request
DUMP = int(NetlinkFlag.DUMP)
REPLACE = 0x100
FIRST_FREE_PORT = 2**32 - 4097
"""Where the search for a free port id begins downwards, if that of the caller is taken (netlink_autobind: Linux begins at a
random one below it)."""
LARGEST_DATAGRAM = 4096
"""Room enough for any answer: with less, Linux cuts answers that hold more than the values here do."""


class NetlinkSocket(Record):
    """A socket of NETLINK_ROUTE. `queue` holds datagrams. `dump` is the sequence number of a listing that is not at its end."""

    net: NetNamespace
    port: int | None = None  # None: not bound
    queue: tuple[tuple[NetlinkMessage, ...], ...] = ()
    dump: int | None = None


def new_socket(kernel: "SyscallBase", flags: int) -> Description:
    """A socket in the caller's network namespace."""
    store, cred = kernel.store, kernel.task.cred
    socket = NetlinkSocket(store=store, net=kernel.task.namespaces.net)
    path = new_nameless(store, kernel.machine.system.sockfs, "socket", FileType.SOCK | 0o777, "netlink", socket, cred)
    return Description(
        store=store, behaviour="netlink", path=path, inode=path.inode, flags=flags | OpenFlag.RDWR, cred=cred, subject=socket
    )


def bind(kernel: "SyscallBase", socket: NetlinkSocket, port: int) -> None:
    """Give the socket the port id `port`, or, if that is 0, one of the kernel's choice (netlink_bind)."""
    if socket.port is not None:
        if port != socket.port:
            kernel.refuse(BIND_OTHER_PORT)
        return
    ports = socket.net.ports
    if port == 0:
        port = kernel.task.number
        if port in ports:
            port = FIRST_FREE_PORT
            while port in ports:
                port -= 1
    elif port in ports:
        kernel.refuse(BIND_PORT_TAKEN)
    # -- effects only below --
    ports[port] = socket
    socket.port = port


def request(kernel: "SyscallBase", description: Description, message: NetlinkMessage) -> int:
    """Send a request and queue its answers; returns its length in bytes (rtnetlink_rcv_msg)."""
    socket = cast(NetlinkSocket, description.subject)
    if socket.port is None:
        bind(kernel, socket, 0)
    length = len(encode(message))
    flags = message.flags
    failure: Refusal | None = None
    if flags & NetlinkFlag.REQUEST and message.type >= NetlinkType.RTM_NEWLINK:
        if message.type % 4 != 2 and not _is_permitted(kernel, description, socket):
            failure = LINK_DENIED
        if failure is None or failure in kernel.machine.suspended:
            if message.body is None:
                failure = None  # nothing is done
            elif message.type == NetlinkType.RTM_GETLINK and flags & DUMP:
                if socket.dump is None:
                    _dump(socket, message.sequence)
                    return length
                failure = DUMP_UNDER_WAY
            else:
                failure = _carry_out(kernel, socket, message)
    if failure is not None or flags & NetlinkFlag.ACK:
        errno = 0 if failure is None else failure.errno
        _answer(socket, _message(socket, NetlinkType.ERROR, 0 if errno else CAPPED, message, Ack(errno, message.sequence)))
    return length


def _is_permitted(kernel: "SyscallBase", description: Description, socket: NetlinkSocket) -> bool:
    """Whether sender and opener may change the network namespace (netlink_net_capable)."""
    owner = socket.net.owner
    return has_capability(description.cred, Cap.NET_ADMIN, owner) and kernel.capable_over(owner, Cap.NET_ADMIN)


def _message(socket: NetlinkSocket, type: int, flags: int, to: NetlinkMessage, body: Link | Ack | None) -> NetlinkMessage:
    return NetlinkMessage(int(type), flags, to.sequence, socket.port or 0, body)


def _answer(socket: NetlinkSocket, *messages: NetlinkMessage) -> None:
    socket.queue = (*socket.queue, messages)


def _dump(socket: NetlinkSocket, sequence: int) -> None:
    """List all links in one datagram; the end of the list comes in another, when this one is received (netlink_dump)."""
    multi = int(NetlinkFlag.MULTI)
    kind = int(NetlinkType.RTM_NEWLINK)
    links = sorted(socket.net.links.items(), key=lambda entry: entry[0])
    _answer(socket, *(NetlinkMessage(kind, multi, sequence, socket.port or 0, _link(link)) for _, link in links))
    socket.dump = sequence


def _link(link: NetLink) -> Link:
    """What an answer says about a link."""
    flags = link.flags | (IFF_RUNNING | IFF_LOWER_UP if link.flags & IFF_UP else 0)
    return Link(link.index, flags, 0, link.name, link.mtu)


def _carry_out(kernel: "SyscallBase", socket: NetlinkSocket, message: NetlinkMessage) -> Refusal | None:
    if message.type not in (NetlinkType.RTM_NEWLINK, NetlinkType.RTM_SETLINK, NetlinkType.RTM_GETLINK):
        raise NotModelled(f"a netlink request of type {message.type}")
    wanted = cast(Link, message.body)
    found = _find(socket.net, message.type, wanted)
    if isinstance(found, Refusal):
        if found is LINK_MISSING and message.type == NetlinkType.RTM_NEWLINK and message.flags & NetlinkFlag.CREATE:
            raise NotModelled("making a link")
        return found
    if message.type == NetlinkType.RTM_GETLINK:
        _answer(socket, _message(socket, NetlinkType.RTM_NEWLINK, 0, message, _link(found)))
        return None
    if message.type == NetlinkType.RTM_NEWLINK:
        if message.flags & NetlinkFlag.EXCL:
            return LINK_EXISTS
        if message.flags & REPLACE:
            raise NotModelled("RTM_NEWLINK with NLM_F_REPLACE")
    if wanted.name not in (None, found.name) or wanted.mtu not in (None, found.mtu):
        raise NotModelled("giving a link another name or another MTU")
    if wanted.flags or wanted.change:
        _set_flags(found, wanted)
    return None


def _find(net: NetNamespace, type: int, wanted: Link) -> NetLink | Refusal:
    """The link that a request names, or the row by which it names none."""
    link: NetLink | None = None
    if wanted.index > 0:
        link = net.links.get(wanted.index)
    elif wanted.index < 0 and type == NetlinkType.RTM_NEWLINK:
        return LINK_NEGATIVE
    elif wanted.name is not None:
        link = next((link for link in net.links.values() if link.name == wanted.name), None)
    elif type != NetlinkType.RTM_NEWLINK:
        return LINK_UNNAMED
    return LINK_MISSING if link is None else link


def _set_flags(link: NetLink, wanted: Link) -> None:
    """Set the flags that `change` has, or, if that is 0, all (rtnl_dev_combine_flags, __dev_change_flags)."""
    change = wanted.change or ~0
    flags = wanted.flags & change | link.flags & ~change
    if (flags ^ link.flags) & COUNTED:
        raise NotModelled("IFF_PROMISC and IFF_ALLMULTI of a link")
    mask = SETTABLE | IFF_UP
    flags = flags & mask | link.flags & ~mask
    if flags != link.flags:
        link.flags = flags


def receive(kernel: "SyscallBase", description: Description, size: int, flags: int) -> Message:
    """The next datagram (netlink_recvmsg)."""
    socket = cast(NetlinkSocket, description.subject)
    if not socket.queue:
        if not (flags & MessageFlag.DONTWAIT or description.flags & OpenFlag.NONBLOCK):
            kernel.block("a netlink message", socket)
        kernel.refuse(READ_WOULD_BLOCK)
        return Message(())
    if size < LARGEST_DATAGRAM:
        raise NotModelled(f"receiving netlink messages into less than {LARGEST_DATAGRAM} bytes")
    # -- effects only below --
    datagram = socket.queue[0]
    if not flags & MessageFlag.PEEK:
        socket.queue = socket.queue[1:]
    if socket.dump is not None:
        done = NetlinkMessage(int(NetlinkType.DONE), int(NetlinkFlag.MULTI), socket.dump, socket.port or 0, None)
        socket.dump = None
        _answer(socket, done)
    return Message(datagram, (), int(flags & MessageFlag.CMSG_CLOEXEC))


class NetlinkBehaviour(Behaviour):
    """A netlink socket as a file."""

    def release(self, machine: "Machine", description: Description) -> None:
        socket = cast(NetlinkSocket, description.subject)
        if socket.port is not None:
            del socket.net.ports[socket.port]

    def seek(self, kernel: "Syscalls", description: Description, offset: int, whence: int) -> int:
        kernel.refuse(LSEEK_PIPE)
        return 0


BEHAVIOURS["netlink"] = NetlinkBehaviour()
