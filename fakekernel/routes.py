"""Routes of a network namespace: those that addresses bring, and those that somebody adds (net/ipv4/fib_frontend.c,
fib_semantics.c, fib_trie.c, net/ipv6/route.c).

Of IPv6, only routes that somebody added are there; to which networks a link is connected follows from its addresses.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_interface
from typing import TYPE_CHECKING

from fakekernel.namespaces import NetLink, NetNamespace
from kernelapi.errors import NotModelled
from kernelapi.flags import AddressFamily
from kernelapi.protocol.routes import (
    GATEWAY_IMPOSSIBLE,
    GATEWAY_UNREACHABLE,
    GATEWAY_UNREACHABLE_6,
    GATEWAY_WITHOUT_LINK,
    ROUTE_EXISTS,
    ROUTE_LINK_DOWN,
    ROUTE_MISSING,
    ROUTE_OF_NO_LINK,
    ROUTE_PREFIX,
    ROUTE_SOURCE,
)
from kernelapi.values import (
    IFF_LOOPBACK,
    IFF_UP,
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_UNICAST,
    RTPROT_KERNEL,
    InterfaceAddress,
    NetlinkFlag,
    Route,
)

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase

INET, INET6 = int(AddressFamily.INET), int(AddressFamily.INET6)
IFA_F_SECONDARY = 1
LINKDOWN = 16  # RTNH_F_LINKDOWN
REPLACE, APPEND = 0x100, 0x800
LINK_LOCAL = IPv6Network("fe80::/64")
ALL_BITS = 0xFFFFFFFF


def number(address: str) -> int:
    """An IPv4 address as a number."""
    return int(IPv4Address(address))


def mask(length: int) -> int:
    return ALL_BITS << 32 - length & ALL_BITS


# -- what addresses bring --


def _brought(link: NetLink, address: InterfaceAddress) -> Iterator[Route]:
    """The routes that an IPv4 address of the link brings, in their order (fib_add_ifaddr)."""
    assert address.local is not None
    own, length = number(address.local), address.prefixlen
    network = own & mask(length)
    source = address.local
    if address.flags & IFA_F_SECONDARY:
        source = next(
            (
                other.local
                for other in link.addresses
                if other.local is not None and other.family == INET and not other.flags & IFA_F_SECONDARY
                and other.prefixlen == length and number(other.local) & mask(length) == network
            ),
            address.local,
        )  # fmt: skip
    usable = _may_be_source(number(source))
    if usable or source == address.local:
        yield _kernel_route(link, own, 32, RTN_LOCAL, source)
    if not usable or not link.flags & IFF_UP or address.flags & IFA_F_SECONDARY or not network or length == 32:
        return
    yield _kernel_route(link, network, length, RTN_LOCAL if link.flags & IFF_LOOPBACK else RTN_UNICAST, source)
    if length < 31:
        yield _kernel_route(link, network | ~mask(length) & ALL_BITS, 32, RTN_BROADCAST, source)


def _may_be_source(address: int) -> bool:
    """Whether a route may have this source: not one of nobody, of a group, or of all (fib_valid_prefsrc)."""
    return bool(address) and address >> 28 != 0xE and address != ALL_BITS


def _kernel_route(link: NetLink, destination: int, length: int, type: int, source: str) -> Route:
    return Route(
        family=INET,
        dst_len=length,
        table=RT_TABLE_MAIN if type == RTN_UNICAST else RT_TABLE_LOCAL,
        protocol=RTPROT_KERNEL,
        scope=RT_SCOPE_HOST if type == RTN_LOCAL else RT_SCOPE_LINK,
        type=type,
        dst=str(IPv4Address(destination)),
        prefsrc=source,
        oif=link.index,
    )


def address_added(link: NetLink, address: InterfaceAddress) -> None:
    """Add the routes that a new IPv4 address brings."""
    net = link.net
    missing = tuple(route for route in _brought(link, address) if route not in net.routes)
    if missing:
        net.routes = (*net.routes, *missing)


def address_removed(link: NetLink, address: InterfaceAddress) -> None:
    """Remove the routes that no address of the link brings any more, and those whose source is gone from the namespace."""
    net = link.net
    kept = {route for other in link.addresses if other.family == INET for route in _brought(link, other)}
    there = {other.local for each in net.links.values() for other in each.addresses}

    def stays(route: Route) -> bool:
        if route.oif == link.index and route.protocol == RTPROT_KERNEL:
            return route in kept
        return route.prefsrc != address.local or route.prefsrc in there

    _keep(net, tuple(filter(stays, net.routes)))


def link_up(link: NetLink) -> None:
    """Add what the addresses of a link bring that has come up."""
    for address in link.addresses:
        if address.family == INET:
            address_added(link, address)


def link_down(link: NetLink) -> None:
    """Remove the routes through a link that goes down, but for those to its own addresses (fib_sync_down_dev)."""
    _keep(link.net, tuple(route for route in link.net.routes if route.oif != link.index or route.scope == RT_SCOPE_HOST))


def link_gone(link: NetLink) -> None:
    """Remove all routes through a link."""
    _keep(link.net, tuple(route for route in link.net.routes if route.oif != link.index))


def _keep(net: NetNamespace, kept: tuple[Route, ...]) -> None:
    if len(kept) != len(net.routes):
        net.routes = kept


# -- listing --


def listed(net: NetNamespace, carriers: frozenset[int]) -> list[Route]:
    """All IPv4 routes as a dump shows them. `carriers`: the links that have one (fib_table_dump)."""
    found = [route for route in net.routes if route.family == INET]
    found.sort(key=lambda route: (route.table, number(route.dst or "0.0.0.0"), -route.dst_len))
    return [
        route if route.scope == RT_SCOPE_HOST or route.oif in carriers else _with_flags(route, LINKDOWN) for route in found
    ]


def _with_flags(route: Route, flags: int) -> Route:
    return Route(
        route.family, route.dst_len, route.src_len, route.tos, route.table, route.protocol, route.scope, route.type, flags,
        route.dst, route.prefsrc, route.gateway, route.oif,
    )  # fmt: skip


# -- adding --


def add(kernel: "SyscallBase", net: NetNamespace, wanted: Route, flags: int) -> None:
    """RTM_NEWROUTE (inet_rtm_newroute, inet6_rtm_newroute)."""
    usual = (wanted.src_len, wanted.tos, wanted.table, wanted.scope, wanted.type, wanted.flags)
    if usual != (0, 0, RT_TABLE_MAIN, 0, RTN_UNICAST, 0) or flags & (REPLACE | APPEND):
        raise NotModelled("a route other than a unicast one in the main table, or one that replaces another")
    if wanted.family == INET6:
        _add_6(kernel, net, wanted, flags)
        return
    destination = number(wanted.dst or "0.0.0.0")
    if wanted.dst_len > 32 or destination & ~mask(wanted.dst_len):
        kernel.fail(ROUTE_PREFIX)
    gateway = _unless_zero(wanted.gateway)
    source = _unless_zero(wanted.prefsrc)
    index = _next_hop(kernel, net, gateway, wanted.oif)
    if source is not None and not _is_own(net, source):
        kernel.refuse(ROUTE_SOURCE)
    dst = str(IPv4Address(destination)) if wanted.dst_len else None
    route = Route(
        INET, wanted.dst_len, table=RT_TABLE_MAIN, protocol=wanted.protocol, type=RTN_UNICAST, dst=dst, prefsrc=source,
        gateway=gateway, oif=index,
    )  # fmt: skip
    same = [each for each in net.routes if (each.family, each.table, each.dst_len, each.dst) == _key(route)]
    _insert(kernel, net, route, same, flags)


def _key(route: Route) -> tuple[int, int, int, str | None]:
    return route.family, route.table, route.dst_len, route.dst


def _insert(kernel: "SyscallBase", net: NetNamespace, route: Route, same: list[Route], flags: int) -> None:
    """Put a route before those that lead to the same destination (fib_table_insert)."""
    if not flags & NetlinkFlag.CREATE:
        kernel.refuse(ROUTE_MISSING)
    if same and (flags & NetlinkFlag.EXCL or route in same):
        kernel.refuse(ROUTE_EXISTS)
    # -- effects only below --
    net.routes = (route, *net.routes)


def _unless_zero(address: str | None) -> str | None:
    return None if address is None or not number(address) else address


def _next_hop(kernel: "SyscallBase", net: NetNamespace, gateway: str | None, oif: int | None) -> int:
    """The link that the route leads out of (fib_check_nh)."""
    if gateway is None:
        link = net.links.get(oif or 0)
        if link is None:
            kernel.fail(ROUTE_OF_NO_LINK)
    else:
        way = _look_up(net, number(gateway), oif or None)
        if way is None or way.oif is None:
            kernel.fail(GATEWAY_UNREACHABLE)
        if way.type not in (RTN_UNICAST, RTN_LOCAL):
            kernel.refuse(GATEWAY_IMPOSSIBLE)
        link = net.links[way.oif]
    if not link.flags & IFF_UP:
        kernel.refuse(ROUTE_LINK_DOWN)
    return link.index


def _look_up(net: NetNamespace, address: int, oif: int | None) -> Route | None:
    """The route to something that is connected: in the local table, else in the main one, the longest prefix."""
    for table in (RT_TABLE_LOCAL, RT_TABLE_MAIN):
        matching = [
            route
            for route in net.routes
            if route.table == table and route.family == INET and route.scope >= RT_SCOPE_LINK and oif in (None, route.oif)
            and address & mask(route.dst_len) == number(route.dst or "0.0.0.0")
        ]  # fmt: skip
        if matching:
            return max(matching, key=lambda route: route.dst_len)
    return None


def _is_own(net: NetNamespace, address: str) -> bool:
    """Whether it is an address of the namespace: 127.0.0.0/8 is, as long as `lo` is up (inet_addr_type)."""
    wanted = number(address)
    if not _may_be_source(wanted):
        return False
    matching = [
        route
        for route in net.routes
        if route.table == RT_TABLE_LOCAL and route.family == INET
        and wanted & mask(route.dst_len) == number(route.dst or "0.0.0.0")
    ]  # fmt: skip
    return bool(matching) and max(matching, key=lambda route: route.dst_len).type == RTN_LOCAL


# -- IPv6 --


def _add_6(kernel: "SyscallBase", net: NetNamespace, wanted: Route, flags: int) -> None:
    if not flags & NetlinkFlag.CREATE:
        raise NotModelled("an IPv6 route without NLM_F_CREATE")
    if wanted.dst_len > 128:
        kernel.fail(ROUTE_PREFIX)
    link = net.links.get(wanted.oif or 0)
    if wanted.oif and link is None:
        kernel.fail(ROUTE_OF_NO_LINK)
    if wanted.gateway is not None:
        link = _gateway_6(kernel, net, IPv6Address(wanted.gateway), link)
    if link is None:
        kernel.fail(ROUTE_OF_NO_LINK)
    if not link.flags & IFF_UP:
        kernel.refuse(ROUTE_LINK_DOWN)
    if wanted.prefsrc is not None and not (link.flags & IFF_LOOPBACK and IPv6Address(wanted.prefsrc) in _addresses_6(link)):
        kernel.refuse(ROUTE_SOURCE)  # no time passes here between an address and what is done next: it is not usable yet
    network = IPv6Network((int(IPv6Address(wanted.dst or "::")), wanted.dst_len), strict=False)
    route = Route(
        INET6, wanted.dst_len, table=RT_TABLE_MAIN, protocol=wanted.protocol, type=RTN_UNICAST,
        dst=str(network.network_address) if wanted.dst_len else None, prefsrc=wanted.prefsrc, gateway=wanted.gateway,
        oif=link.index,
    )  # fmt: skip
    same = [each for each in net.routes if (each.family, each.table, each.dst_len, each.dst) == _key(route)]
    _insert(kernel, net, route, same, flags)


def _gateway_6(kernel: "SyscallBase", net: NetNamespace, gateway: IPv6Address, link: NetLink | None) -> NetLink:
    """The link on which the gateway is (ip6_validate_gw)."""
    own = {address for each in net.links.values() for address in _addresses_6(each)}
    if gateway.is_multicast or gateway.is_unspecified or gateway in own:
        kernel.refuse(GATEWAY_IMPOSSIBLE)
    if gateway.is_link_local:
        if link is None or link.flags & IFF_LOOPBACK:
            kernel.fail(GATEWAY_WITHOUT_LINK)
        return link
    matching = [
        (network.prefixlen, each, direct)
        for each in sorted(net.links.values(), key=lambda each: each.index)
        if link in (None, each) and each.flags & IFF_UP and not each.flags & IFF_LOOPBACK
        for network, direct in _networks_6(net, each)
        if gateway in network
    ]
    if not matching:
        kernel.fail(GATEWAY_UNREACHABLE_6)
    _, found, direct = max(matching, key=lambda entry: entry[0])
    if not direct:
        kernel.refuse(GATEWAY_UNREACHABLE_6)
    return found


def _addresses_6(link: NetLink) -> list[IPv6Address]:
    return [IPv6Address(address.local) for address in link.addresses if address.family == INET6 and address.local]


def _networks_6(net: NetNamespace, link: NetLink) -> Iterator[tuple[IPv6Network, bool]]:
    """The networks that routes through a link that is up lead to, and whether they are connected to it. It is not the loopback:
    behind that there is no gateway."""
    for address in link.addresses:
        if address.family == INET6 and address.prefixlen < 128:
            yield IPv6Network(ip_interface(f"{address.local}/{address.prefixlen}").network), True
    yield LINK_LOCAL, True
    for route in net.routes:
        if route.family == INET6 and route.oif == link.index:
            yield IPv6Network((int(IPv6Address(route.dst or "::")), route.dst_len)), route.gateway is None
