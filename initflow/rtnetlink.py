"""Network interfaces over rtnetlink, as the original does it: a socket for each question (rtnetlink(7)).

The sockets are not close-on-exec; none is open when the payload starts. Functions raise `OSError` with the errno of a call or
of an acknowledgement, or `GoError`. Two named differences: every request has number 1, where the original counts them, and a
name that is too long is always told by the kernel, since no other is given to the functions that look.
"""

from collections.abc import Callable
from errno import EEXIST, EINVAL

from initflow.golang import GoError, SyscallError
from initflow.gonet import IP, parse_cidr, parse_ip, parse_mac
from kernelapi.flags import AddressFamily, SocketType
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.values import (
    IFF_UP,
    RT_SCOPE_UNIVERSE,
    RT_TABLE_MAIN,
    RTN_UNICAST,
    RTPROT_BOOT,
    Ack,
    InterfaceAddress,
    Link,
    LinkInfo,
    NetlinkAddress,
    NetlinkFlag,
    NetlinkMessage,
    NetlinkType,
    Route,
)

PAGE = 4096
SEQUENCE = 1
ALL = 0xFFFFFFFF
"""As the mask of flags to change: those of the request are all that the link has then, as far as they can be set."""

REQUEST_AS_FLAG = int(NetlinkFlag.REQUEST)
"""The original sets the flags of some links to NLM_F_REQUEST: that is IFF_UP, and brings the link up."""

NEW = NetlinkFlag.CREATE | NetlinkFlag.EXCL


# -- links --


def find_link(kernel: Kernel, name: str) -> Link:
    """net.InterfaceByName: the interface called `name`, out of a dump of all. Raises `GoError` where there is none."""
    if not name:
        raise GoError("invalid network interface name")
    try:
        links = _dump(kernel)
    except OSError as error:
        raise SyscallError("netlink rib", error) from error
    for link in links:
        if link.name == name:
            return link
    raise GoError("no such network interface")


def set_link_up(kernel: Kernel, link: Link) -> None:
    _request(kernel, NetlinkType.RTM_NEWLINK, Link(index=link.index, flags=IFF_UP, change=IFF_UP))


def set_link_down(kernel: Kernel, link: Link) -> None:
    """Take a link down, with all its other flags."""
    _request(kernel, NetlinkType.RTM_NEWLINK, Link(index=link.index, flags=0, change=ALL))


def rename_link(kernel: Kernel, link: Link, name: str) -> None:
    """Give a link another name; it is down then."""
    _request(kernel, NetlinkType.RTM_SETLINK, Link(index=link.index, change=ALL, name=name))


def set_hardware_address(kernel: Kernel, link: Link, text: str) -> None:
    """Give a link another hardware address; it is down then. Of a longer one, six octets count."""

    def body() -> Link:
        octets = parse_mac(text)
        if octets[0] & 1:
            raise GoError(f"Multicast MAC Address is not supported: {text}")
        return Link(index=link.index, change=ALL, address=octets[:6].hex(":"))

    _request_made(kernel, NetlinkType.RTM_SETLINK, body)


def set_mtu(kernel: Kernel, link: Link, mtu: int) -> None:
    """Set the MTU, whatever it is; this brings the link up."""
    body = Link(
        index=link.index, flags=REQUEST_AS_FLAG, change=ALL, mtu=mtu & 0xFFFFFFFF, type=int(NetlinkType.RTM_SETLINK)
    )  # fmt: skip
    _request(kernel, NetlinkType.RTM_SETLINK, body)


def move_link(kernel: Kernel, link: Link, pid: int) -> None:
    """Send a link to the network namespace of process `pid`."""
    _request(kernel, NetlinkType.RTM_NEWLINK, Link(index=link.index, net_ns_pid=pid))


def create_veth_pair(kernel: Kernel, name: str, peer: str, queue: int) -> None:
    """Make two links, each the other end of the other. A name that is taken is a `GoError` with the errno EEXIST."""
    length = queue & 0xFFFFFFFF
    body = Link(name=name, txqlen=length, info=LinkInfo("veth", Link(name=peer, txqlen=length)))
    try:
        _request(kernel, NetlinkType.RTM_NEWLINK, body, NEW)
    except OSError as error:
        if error.errno != EEXIST:
            raise
        raise GoError("Network interface already exists", EEXIST) from error


def delete_link(kernel: Kernel, link: Link) -> None:
    """Take a link away, and the other end of a pair with it. The original never does."""
    _request(kernel, NetlinkType.RTM_DELLINK, Link(index=link.index))


def add_to_bridge(kernel: Kernel, link: Link, bridge: Link) -> None:
    """Make a link a port of a bridge, by ioctl, for kernels that know no other way."""
    fd = _interface_socket(kernel)
    try:
        kernel.ioctl_siocbraddif(fd, bridge.name or "", link.index)
    finally:
        kernel.close(fd)


def _interface_socket(kernel: Kernel) -> Fd:
    """Any socket that takes an ioctl of interfaces."""
    problem = OSError(EINVAL, "")
    for family in (AddressFamily.INET, AddressFamily.PACKET, AddressFamily.INET6):
        try:
            return kernel.socket(family, SocketType.DGRAM, 0)
        except OSError as error:
            problem = error
    raise problem


def set_hairpin(kernel: Kernel, link: Link) -> None:
    """Let a port send back out of itself what came in by it."""
    body = Link(
        index=link.index, flags=REQUEST_AS_FLAG, change=ALL, family=int(AddressFamily.BRIDGE),
        type=int(NetlinkType.RTM_SETLINK), hairpin=True,
    )  # fmt: skip
    _request(kernel, NetlinkType.RTM_SETLINK, body)


# -- addresses and routes --


def add_address(kernel: Kernel, link: Link, text: str) -> None:
    """Give a link the address "10.0.0.2/16". Raises `GoError` where it is none."""
    ip, prefixlen = parse_cidr(text)
    body = InterfaceAddress(_family(ip), prefixlen, index=link.index, local=str(ip), address=str(ip))
    _request(kernel, NetlinkType.RTM_NEWADDR, body, NEW)


def add_default_gateway(kernel: Kernel, gateway: str, device: str) -> None:
    add_route(kernel, "", "", gateway, device)


def add_route(kernel: Kernel, destination: str, source: str, gateway: str, device: str) -> None:
    """Add a route to a network ("" for all), through a gateway if there is one, out of the link called `device`.

    Bits of the destination beyond its prefix are sent as they are. The original has one more text, for a mask that is none: no
    text of a destination makes one.
    """
    if not (destination or source or gateway):
        raise GoError("one of destination, source or gateway must not be blank")

    def body() -> Route:
        found = _route(destination, source, gateway)
        return Route(*found, oif=find_link(kernel, device).index)

    _request_made(kernel, NetlinkType.RTM_NEWROUTE, body, NEW)


RouteFields = tuple[int, int, int, int, int, int, int, int, int, str | None, str | None, str | None]


def _route(destination: str, source: str, gateway: str) -> RouteFields:
    """The fields of a `Route`, but for the link."""
    family = length = 0
    to = preferred = through = None
    if destination:
        try:
            to, length = parse_cidr(destination)
        except GoError:
            raise GoError(f"destination CIDR {destination} couldn't be parsed") from None
        family = _family(to)
    if source:
        preferred = parse_ip(source)
        if preferred is None:
            raise GoError(f"source IP {source} couldn't be parsed")
        if family not in (0, _family(preferred)):
            raise GoError("source and destination ip were not the same IP family")
        family = _family(preferred)
    if gateway:
        through = parse_ip(gateway)
        if through is None:
            raise GoError(f"gateway IP {gateway} couldn't be parsed")
        if family not in (0, _family(through)):
            raise GoError("gateway, source, and destination ip were not the same IP family")
        family = _family(through)
    texts = [None if ip is None else str(ip) for ip in (to, preferred, through)]
    return family, length, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, RT_SCOPE_UNIVERSE, RTN_UNICAST, 0, texts[0], texts[1], texts[2]


def _family(ip: IP) -> int:
    return int(AddressFamily.INET if ip.is_ipv4 else AddressFamily.INET6)


# -- the socket --


Body = Link | InterfaceAddress | Route


def _request(kernel: Kernel, type: int, body: Body, flags: int = 0) -> None:
    """Send a request and wait for its acknowledgement."""
    _request_made(kernel, type, lambda: body, flags)


def _request_made(kernel: Kernel, type: int, body: Callable[[], Body], flags: int = 0) -> None:
    """As `_request`, with a body that is made when the socket is there."""
    fd = _open(kernel)
    try:
        message = NetlinkMessage(int(type), int(NetlinkFlag.REQUEST | NetlinkFlag.ACK | flags), SEQUENCE, 0, body())
        kernel.sendmsg(fd, message)
        _await_acknowledgement(kernel, fd)
    finally:
        kernel.close(fd)


def _open(kernel: Kernel) -> Fd:
    fd = kernel.socket(AddressFamily.NETLINK, SocketType.RAW, 0)
    try:
        kernel.bind(fd, NetlinkAddress())
    except OSError:
        kernel.close(fd)
        raise
    return fd


def _dump(kernel: Kernel) -> list[Link]:
    """syscall.NetlinkRIB: every interface. It asks for the socket's own address once for each message."""
    fd = _open(kernel)
    try:
        request = NetlinkMessage(NetlinkType.RTM_GETLINK, NetlinkFlag.DUMP | NetlinkFlag.REQUEST, SEQUENCE, 0, Link())
        kernel.sendmsg(fd, request)
        links: list[Link] = []
        while True:
            for message in _receive(kernel, fd):
                own = kernel.getsockname(fd).pid
                if (message.sequence, message.pid) != (SEQUENCE, own) or message.type == NetlinkType.ERROR:
                    raise OSError(EINVAL, "netlink")
                if message.type == NetlinkType.DONE:
                    return links
                if isinstance(message.body, Link):
                    links.append(message.body)
    finally:
        kernel.close(fd)


def _await_acknowledgement(kernel: Kernel, fd: Fd) -> None:
    own = kernel.getsockname(fd).pid
    while True:
        for message in _receive(kernel, fd):
            if message.sequence != SEQUENCE:
                raise GoError(f"netlink: invalid seq {message.sequence}, expected {SEQUENCE}")
            if message.pid != own:
                raise GoError(f"netlink: wrong pid {message.pid}, expected {own}")
            if isinstance(message.body, Ack):
                if message.body.errno:
                    raise OSError(message.body.errno, "netlink")
                return


def _receive(kernel: Kernel, fd: Fd) -> tuple[NetlinkMessage, ...]:
    received = kernel.recvmsg(fd, PAGE).data
    if isinstance(received, bytes):
        raise GoError("a netlink socket gave no netlink messages")
    return received
