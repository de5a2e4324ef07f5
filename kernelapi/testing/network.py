"""Asking about links, addresses and routes over netlink, for cases: a socket for each question."""

from errno import EAGAIN

from kernelapi.flags import AddressFamily, MessageFlag, SocketType
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.testing.case import Broken, expect
from kernelapi.values import (
    IFF_RUNNING,
    IFF_UP,
    RT_TABLE_MAIN,
    RTN_UNICAST,
    RTPROT_BOOT,
    Ack,
    InterfaceAddress,
    Link,
    LinkInfo,
    NetlinkFlag,
    NetlinkMessage,
    NetlinkType,
    Route,
)

INET = int(AddressFamily.INET)
ALL = 0xFFFFFFFF
NEW = NetlinkFlag.CREATE | NetlinkFlag.EXCL
ROOM = 32768
SEQUENCE = 42

Body = Link | InterfaceAddress | Route


def netlink(kernel: Kernel) -> Fd:
    return kernel.socket(AddressFamily.NETLINK, SocketType.RAW, 0)


def answers(kernel: Kernel, fd: Fd) -> list[NetlinkMessage]:
    """All messages that are there."""
    found: list[NetlinkMessage] = []
    try:
        while True:
            data = kernel.recvmsg(fd, ROOM, MessageFlag.DONTWAIT).data
            assert isinstance(data, tuple)
            found += data
    except OSError as error:
        expect("why there is no more", error.errno, EAGAIN)
    return found


def request(kernel: Kernel, type: int, body: Body, flags: int = 0, fd: Fd | None = None) -> int:
    """The errno with which a change is answered."""
    socket = netlink(kernel) if fd is None else fd
    kernel.sendmsg(socket, NetlinkMessage(type, NetlinkFlag.REQUEST | NetlinkFlag.ACK | flags, SEQUENCE, body=body))
    found = [answer.body for answer in answers(kernel, socket)]
    if fd is None:
        kernel.close(socket)
    if len(found) != 1 or not isinstance(found[0], Ack):
        raise Broken(f"expected one acknowledgement, found {found}")
    return found[0].errno


def must(kernel: Kernel, type: int, body: Body, flags: int = 0) -> None:
    """Make a change that has to succeed."""
    expect(f"{body}", request(kernel, type, body, flags), 0)


def _list(kernel: Kernel, type: int, body: Body) -> list[Body]:
    fd = netlink(kernel)
    kernel.sendmsg(fd, NetlinkMessage(type, NetlinkFlag.REQUEST | NetlinkFlag.DUMP, SEQUENCE, body=body))
    found = answers(kernel, fd)
    kernel.close(fd)
    expect("the end of the list", found[-1].type, NetlinkType.DONE)
    return [answer.body for answer in found[:-1] if isinstance(answer.body, (Link, InterfaceAddress, Route))]


# -- links --


def links(kernel: Kernel) -> dict[str, Link]:
    """All links by name, in the order of the list."""
    found = [body for body in _list(kernel, NetlinkType.RTM_GETLINK, Link()) if isinstance(body, Link)]
    return {link.name: link for link in found if link.name is not None}


def index(kernel: Kernel, name: str) -> int:
    return links(kernel)[name].index


def flags(kernel: Kernel, name: str) -> int:
    """The flags of a link, but for IFF_RUNNING, which follows the others a moment later."""
    return links(kernel)[name].flags & ~IFF_RUNNING


def veth(name: str | None, peer: str | None) -> Link:
    """A request for a pair, as runtimes make it."""
    return Link(name=name, txqlen=0, info=LinkInfo("veth", Link(name=peer, txqlen=0)))


def make_veth(kernel: Kernel, name: str = "one", peer: str = "two") -> tuple[int, int]:
    """A pair, both ends down: their numbers."""
    must(kernel, NetlinkType.RTM_NEWLINK, veth(name, peer), NEW)
    found = links(kernel)
    return found[name].index, found[peer].index


def make_bridge(kernel: Kernel, name: str = "bridge") -> int:
    must(kernel, NetlinkType.RTM_NEWLINK, Link(name=name, info=LinkInfo("bridge")), NEW)
    return index(kernel, name)


def set_link(kernel: Kernel, body: Link) -> int:
    return request(kernel, NetlinkType.RTM_SETLINK, body)


def up(kernel: Kernel, *indexes: int) -> None:
    for each in indexes:
        must(kernel, NetlinkType.RTM_NEWLINK, Link(index=each, flags=IFF_UP, change=IFF_UP))


def down(kernel: Kernel, *indexes: int) -> None:
    for each in indexes:
        must(kernel, NetlinkType.RTM_NEWLINK, Link(index=each, change=IFF_UP))


# -- addresses and routes --


def address(text: str, index: int) -> InterfaceAddress:
    """The body that gives a link the address "10.0.0.1/8"."""
    local, _, length = text.partition("/")
    family = AddressFamily.INET6 if ":" in local else AddressFamily.INET
    return InterfaceAddress(int(family), int(length), index=index, local=local, address=local)


def give(kernel: Kernel, text: str, index: int) -> int:
    """The errno with which it is answered to give a link an address."""
    return request(kernel, NetlinkType.RTM_NEWADDR, address(text, index), NEW)


def addresses(kernel: Kernel) -> list[InterfaceAddress]:
    """All IPv4 addresses."""
    found = _list(kernel, NetlinkType.RTM_GETADDR, InterfaceAddress(family=INET))
    return [body for body in found if isinstance(body, InterfaceAddress)]


def own(kernel: Kernel, index: int) -> list[str]:
    """The IPv4 addresses of a link, as "10.0.0.1/8"."""
    return [f"{each.local}/{each.prefixlen}" for each in addresses(kernel) if each.index == index]


def route(to: str = "", *, source: str | None = None, gateway: str | None = None, oif: int | None = None) -> Route:
    """The body that adds a route "10.0.0.0/8"; without a destination, the default one."""
    dst, _, length = to.partition("/")
    texts = " ".join(filter(None, (dst, source, gateway)))
    family = AddressFamily.INET6 if ":" in texts else AddressFamily.INET
    return Route(
        int(family), int(length or 0), table=RT_TABLE_MAIN, protocol=RTPROT_BOOT, type=RTN_UNICAST, dst=dst or None,
        prefsrc=source, gateway=gateway, oif=oif,
    )  # fmt: skip


def add_route(
    kernel: Kernel,
    to: str = "",
    *,
    source: str | None = None,
    gateway: str | None = None,
    oif: int | None = None,
    flags: int = NEW,
) -> int:
    """The errno with which it is answered to add a route."""
    return request(kernel, NetlinkType.RTM_NEWROUTE, route(to, source=source, gateway=gateway, oif=oif), flags)


def routes(kernel: Kernel, table: int = RT_TABLE_MAIN) -> list[Route]:
    """All IPv4 routes of a table."""
    found = _list(kernel, NetlinkType.RTM_GETROUTE, Route(family=INET))
    return [body for body in found if isinstance(body, Route) and body.table == table]


def ways(kernel: Kernel, table: int = RT_TABLE_MAIN) -> list[str]:
    """The routes of a table as people write them, less what a kernel says of a link that has nobody to send to."""
    return [_way(route) for route in routes(kernel, table)]


def _way(route: Route) -> str:
    kind = {1: "", 2: "local ", 3: "broadcast "}[route.type]
    text = kind + (f"{route.dst}/{route.dst_len}" if route.dst else "default")
    if route.gateway:
        text += f" via {route.gateway}"
    text += f" dev {route.oif}"
    return f"{text} src {route.prefsrc}" if route.prefsrc else text
