"""Netlink sockets: requests, lists and their answers (netlink(7), rtnetlink(7), net/core/rtnetlink.c, net/netlink).

A request is answered when it is sent: the answers stand in the socket's queue, a datagram each, for recvmsg.
"""

from typing import TYPE_CHECKING, cast

from fakekernel import addresses, linkrequests, links, routes
from fakekernel.behaviour import BEHAVIOURS, Behaviour
from fakekernel.credentials import has_capability
from fakekernel.description import Description, new_nameless
from fakekernel.namespaces import NetNamespace
from fakekernel.netusers import leave_network_namespace
from fakekernel.store import Record
from fakekernel.syscalls.base import CameToNothing
from kernelapi.capability import Cap
from kernelapi.errors import NotModelled, Refused
from kernelapi.flags import AddressFamily, FileType, MessageFlag, OpenFlag
from kernelapi.linux.netlink import size
from kernelapi.protocol.descriptors import LSEEK_PIPE, READ_WOULD_BLOCK
from kernelapi.protocol.links import DUMP_UNDER_WAY, LINK_DENIED
from kernelapi.protocol.sockets import BIND_OTHER_PORT, BIND_PORT_TAKEN
from kernelapi.values import Ack, InterfaceAddress, Link, Message, NetlinkFlag, NetlinkMessage, NetlinkType, Route

if TYPE_CHECKING:
    from fakekernel.machine import Machine
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.syscalls.table import Syscalls

GET = 2  # the last two bits of a message's type, where it asks
CAPPED = 0x100  # NLM_F_CAPPED: the answer does not hold the request
DUMP = int(NetlinkFlag.DUMP)
GOOD_SIZE = 3776
"""Bytes of a datagram of a list (NLMSG_GOODSIZE), until the socket has received into more."""
MOST_ROOM = 32768 - 320
"""However much it receives into, a datagram has no more (SKB_WITH_OVERHEAD)."""
LINK_SIZES = {"": 1468, "veth": 1492, "bridge": 1880}
PORT_SIZE = 328
"""How many bytes Linux 6.18 says of a link, by its kind, and how many more of a port: as many links go into a datagram."""
FIRST_FREE_PORT = 2**32 - 4097
"""Where the search for a free port id begins downwards, if that of the caller is taken (netlink_autobind: Linux begins at a
random one below it)."""
LARGEST_DATAGRAM = 4096
"""Room enough for any answer: with less, Linux cuts answers that hold more than the values here do."""


class NetlinkSocket(Record):
    """A socket of NETLINK_ROUTE. `queue` holds datagrams.

    `dump` is of a list that is not at its end: its sequence number, and the last link in it (None: only the end is missing).
    `room` is what a datagram of a list may have: the most that a message has been received into.
    """

    net: NetNamespace
    port: int | None = None  # None: not bound
    queue: tuple[tuple[NetlinkMessage, ...], ...] = ()
    dump: tuple[int, int | None] | None = None
    room: int = GOOD_SIZE


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
    length = size(message)
    if socket.port is None:
        bind(kernel, socket, 0)
    flags, errno = message.flags, 0
    if flags & NetlinkFlag.REQUEST and message.type >= NetlinkType.RTM_NEWLINK:
        listing = message.type % 4 == GET and flags & DUMP == DUMP
        try:
            if message.type % 4 != GET and not _is_permitted(kernel, description, socket):
                kernel.refuse(LINK_DENIED)
            if message.body is not None:
                if listing and socket.dump is not None:
                    kernel.refuse(DUMP_UNDER_WAY)
                (_dump if listing else _carry_out)(kernel, socket, message)
                if listing:
                    return length
        except Refused as refused:
            errno = refused.row.errno
        except CameToNothing:
            pass
    if errno or flags & NetlinkFlag.ACK:
        _answer(socket, _message(socket, NetlinkType.ERROR, 0 if errno else CAPPED, message, Ack(errno, message.sequence)))
    return length


def _is_permitted(kernel: "SyscallBase", description: Description, socket: NetlinkSocket) -> bool:
    """Whether sender and opener may change the network namespace (netlink_net_capable)."""
    owner = socket.net.owner
    return has_capability(description.cred, Cap.NET_ADMIN, owner) and kernel.capable_over(owner, Cap.NET_ADMIN)


Body = Link | InterfaceAddress | Route | Ack | None


def _message(socket: NetlinkSocket, type: int, flags: int, to: NetlinkMessage, body: Body) -> NetlinkMessage:
    return NetlinkMessage(int(type), flags, to.sequence, socket.port or 0, body)


def _answer(socket: NetlinkSocket, *messages: NetlinkMessage) -> None:
    socket.queue = (*socket.queue, messages)


# -- lists --


def _dump(kernel: "SyscallBase", socket: NetlinkSocket, message: NetlinkMessage) -> None:
    """Begin a list: its first datagram; the others, of which the end is one, come each when the one before is received
    (netlink_dump)."""
    body, net = message.body, socket.net
    entries: list[Body]
    if isinstance(body, Link) and message.type == NetlinkType.RTM_GETLINK and body.family == 0:
        _list_links(socket, message.sequence, 0)
        return
    if isinstance(body, InterfaceAddress) and message.type == NetlinkType.RTM_GETADDR and body.family == AddressFamily.INET:
        entries = [*addresses.listed(net)]
    elif isinstance(body, Route) and message.type == NetlinkType.RTM_GETROUTE and body.family == AddressFamily.INET:
        carriers = frozenset(link.index for link in net.links.values() if links.has_carrier(link))
        entries = [*routes.listed(net, carriers)]
    else:
        raise NotModelled("a list of anything but links, IPv4 addresses and IPv4 routes")
    kind, multi = message.type - GET, int(NetlinkFlag.MULTI)
    listed = [NetlinkMessage(kind, multi, message.sequence, socket.port or 0, entry) for entry in entries]
    if listed:
        _answer(socket, *listed)
        socket.dump = (message.sequence, None)
    else:
        _end_list(socket, message.sequence)


def _list_links(socket: NetlinkSocket, sequence: int, after: int) -> None:
    """The links behind the number `after`, as many as go into a datagram."""
    room, listed, last = socket.room, list[NetlinkMessage](), after
    for index, link in sorted(socket.net.links.items(), key=lambda entry: entry[0]):
        if index > after:
            room -= LINK_SIZES[link.kind] + (PORT_SIZE if link.master is not None else 0)
            if room < 0:
                socket.dump = (sequence, last)
                break
            last = index
            kind, multi = int(NetlinkType.RTM_NEWLINK), int(NetlinkFlag.MULTI)
            listed.append(NetlinkMessage(kind, multi, sequence, socket.port or 0, links.describe(link)))
    else:
        socket.dump = (sequence, None)  # what is made from now on does not belong to the list
    if listed:
        _answer(socket, *listed)
    else:
        _end_list(socket, sequence)


def _end_list(socket: NetlinkSocket, sequence: int) -> None:
    socket.dump = None
    _answer(socket, NetlinkMessage(int(NetlinkType.DONE), int(NetlinkFlag.MULTI), sequence, socket.port or 0, None))


def _go_on(socket: NetlinkSocket) -> None:
    """What comes after a datagram of a list."""
    assert socket.dump is not None
    sequence, after = socket.dump
    if after is None:
        _end_list(socket, sequence)
    else:
        _list_links(socket, sequence, after)


# -- single requests --


def _carry_out(kernel: "SyscallBase", socket: NetlinkSocket, message: NetlinkMessage) -> None:
    net, body, type = socket.net, message.body, message.type
    if isinstance(body, Link):
        if type == NetlinkType.RTM_GETLINK:
            found = linkrequests.find(kernel, net, type, body)
            assert found is not None
            _answer(socket, _message(socket, NetlinkType.RTM_NEWLINK, 0, message, links.describe(found)))
            return
        if type == NetlinkType.RTM_NEWLINK:
            linkrequests.newlink(kernel, net, body, message.flags)
            return
        if type == NetlinkType.RTM_SETLINK:
            linkrequests.setlink(kernel, net, body)
            return
        if type == NetlinkType.RTM_DELLINK:
            linkrequests.dellink(kernel, net, body)
            return
    if isinstance(body, InterfaceAddress):
        if type == NetlinkType.RTM_NEWADDR:
            addresses.add(kernel, net, body, message.flags)
            return
        if type == NetlinkType.RTM_DELADDR:
            addresses.remove(kernel, net, body)
            return
    if isinstance(body, Route) and type == NetlinkType.RTM_NEWROUTE:
        routes.add(kernel, net, body, message.flags)
        return
    raise NotModelled(f"a netlink request of type {type} with {body!r}")


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
    if size > socket.room:
        socket.room = min(size, MOST_ROOM)
    if not flags & MessageFlag.PEEK:
        socket.queue = socket.queue[1:]
    if socket.dump is not None:
        _go_on(socket)
    return Message(datagram, (), int(flags & MessageFlag.CMSG_CLOEXEC))


class NetlinkBehaviour(Behaviour):
    """A netlink socket as a file."""

    def release(self, machine: "Machine", description: Description) -> None:
        socket = cast(NetlinkSocket, description.subject)
        if socket.port is not None:
            del socket.net.ports[socket.port]
        leave_network_namespace(machine, socket.net)

    def seek(self, kernel: "Syscalls", description: Description, offset: int, whence: int) -> int:
        kernel.refuse(LSEEK_PIPE)
        return 0


BEHAVIOURS["netlink"] = NetlinkBehaviour()
