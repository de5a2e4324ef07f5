"""Laws of routes."""

from errno import EEXIST, EHOSTUNREACH, EINVAL, ENETDOWN, ENETUNREACH, ENODEV, ENOENT

from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect
from kernelapi.testing.network import NEW, add_route, down, give, make_veth, netlink, route, routes, up, ways
from kernelapi.values import (
    RT_TABLE_MAIN,
    RTN_UNICAST,
    RTPROT_BOOT,
    NetlinkFlag,
    NetlinkMessage,
    NetlinkType,
    Route,
)

CREATE = NetlinkFlag.CREATE
LINKDOWN = 16


def pair(kernel: Kernel, *texts: str) -> tuple[int, int]:
    """A veth, up, whose first end has these addresses."""
    one, two = make_veth(kernel)
    up(kernel, one, two)
    for text in texts:
        expect(text, give(kernel, text, one), 0)
    return one, two


@case
def a_route_needs_a_link_that_is_up(kernel: Kernel) -> None:
    one, _ = make_veth(kernel)
    expect("down", add_route(kernel, "10.0.0.0/8", oif=one), ENETDOWN)
    expect("no such link", add_route(kernel, "10.0.0.0/8", oif=99), ENODEV)
    expect("no link", add_route(kernel, "10.0.0.0/8"), ENODEV)
    expect("nothing at all", add_route(kernel), ENODEV)
    up(kernel, one)
    expect("up", add_route(kernel, "10.0.0.0/8", oif=one), 0)
    expect("the default one", add_route(kernel, oif=one), 0)
    expect("the routes", routes(kernel), [
        Route(2, 0, table=RT_TABLE_MAIN, protocol=RTPROT_BOOT, type=RTN_UNICAST, flags=LINKDOWN, oif=one),
        Route(2, 8, table=RT_TABLE_MAIN, protocol=RTPROT_BOOT, type=RTN_UNICAST, flags=LINKDOWN, dst="10.0.0.0", oif=one),
    ])  # fmt: skip


@case
def a_gateway_is_in_a_network_that_the_link_is_connected_to(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    expect("no address", add_route(kernel, gateway="10.0.0.9", oif=one), ENETUNREACH)
    expect("an address", give(kernel, "10.0.0.1/8", one), 0)
    expect("down", add_route(kernel, gateway="10.0.0.9", oif=one), ENETUNREACH)
    expect("down, and by an own address", add_route(kernel, gateway="10.0.0.1", oif=one), ENETDOWN)
    up(kernel, one, two)
    for to, gateway, number, errno in (
        ("", "10.0.0.9", one, 0),
        ("20.0.0.0/8", "11.0.0.9", one, ENETUNREACH),  # the default route does not count
        ("20.0.0.0/8", "10.0.0.9", two, ENETUNREACH),
        ("20.0.0.0/8", "10.0.0.9", 99, ENETUNREACH),
        ("20.0.0.0/8", "10.0.0.9", None, 0),
        ("21.0.0.0/8", "10.0.0.1", one, 0),
        ("22.0.0.0/8", "10.255.255.255", one, EINVAL),
        ("22.0.0.0/8", "20.0.0.9", one, ENETUNREACH),
        ("22.0.0.0/8", "224.0.0.1", one, ENETUNREACH),
        ("22.0.0.0/8", "0.0.0.0", one, 0),  # none
        ("22.0.0.0/8", "127.0.0.1", 1, ENETUNREACH),
    ):
        expect(f"{to} {gateway} {number}", add_route(kernel, to, gateway=gateway, oif=number), errno)
    up(kernel, 1)
    expect("lo", add_route(kernel, "23.0.0.0/8", gateway="127.0.0.1", oif=1), 0)
    expect("the routes", ways(kernel), [
        f"default via 10.0.0.9 dev {one}",
        f"10.0.0.0/8 dev {one} src 10.0.0.1",
        f"20.0.0.0/8 via 10.0.0.9 dev {one}",
        f"21.0.0.0/8 via 10.0.0.1 dev {one}",
        f"22.0.0.0/8 dev {one}",
        "23.0.0.0/8 via 127.0.0.1 dev 1",
    ])  # fmt: skip


@case
def one_route_to_a_destination(kernel: Kernel) -> None:
    one, two = pair(kernel, "10.0.0.1/8")
    for to, gateway, number, flags, errno in (
        ("", "10.0.0.9", one, NEW, 0),
        ("", "10.0.0.9", one, NEW, EEXIST),
        ("", "10.0.0.8", one, NEW, EEXIST),
        ("0.0.0.0/0", None, two, NEW, EEXIST),
        ("20.0.0.0/8", None, one, NEW, 0),
        ("20.0.0.0/8", None, two, NEW, EEXIST),
        ("20.0.0.0/16", None, two, NEW, 0),
        ("10.0.0.0/8", None, two, NEW, EEXIST),
        ("20.0.0.0/8", None, two, 0, ENOENT),
        ("21.0.0.0/8", None, two, 0, ENOENT),
        ("21.0.0.0/8", None, two, NetlinkFlag.EXCL, ENOENT),
        ("21.0.0.0/8", "11.0.0.1", two, 0, ENETUNREACH),
        ("20.0.0.0/8", None, one, CREATE, EEXIST),
        ("20.0.0.0/8", None, two, CREATE, 0),  # before the other one
    ):
        found = add_route(kernel, to, gateway=gateway, oif=number, flags=flags)
        expect(f"{to} {gateway} {number} {flags!r}", found, errno)
    expect("the routes", ways(kernel), [
        f"default via 10.0.0.9 dev {one}",
        f"10.0.0.0/8 dev {one} src 10.0.0.1",
        f"20.0.0.0/16 dev {two}",
        f"20.0.0.0/8 dev {two}",
        f"20.0.0.0/8 dev {one}",
    ])  # fmt: skip


@case
def a_destination_has_no_bits_beyond_its_prefix(kernel: Kernel) -> None:
    one, _ = pair(kernel)
    for to, errno in (("172.18.0.5/16", EINVAL), ("172.18.0.0/16", 0), ("172.18.0.5/32", 0), ("1.0.0.0/0", EINVAL)):
        expect(to, add_route(kernel, to, oif=one), errno)
    expect("before all else", add_route(kernel, "172.19.0.5/16", gateway="1.2.3.4", oif=99), EINVAL)
    expect("too long", add_route(kernel, "172.19.0.0/33", oif=99), EINVAL)


@case
def a_preferred_source_is_an_own_address(kernel: Kernel) -> None:
    one, two = pair(kernel, "10.0.0.1/8")
    for to, source, gateway, number, errno in (
        ("20.0.0.0/8", "10.0.0.1", None, one, 0),
        ("21.0.0.0/8", "10.0.0.1", None, two, 0),
        ("22.0.0.0/8", "10.0.0.1", "10.0.0.9", one, 0),
        ("23.0.0.0/8", "10.0.0.2", None, one, EINVAL),
        ("23.0.0.0/8", "10.255.255.255", None, one, EINVAL),
        ("23.0.0.0/8", "127.0.0.1", None, one, EINVAL),
        ("23.0.0.0/8", "10.0.0.2", "11.0.0.1", one, ENETUNREACH),
        ("20.0.0.0/8", "10.0.0.2", None, one, EINVAL),
        ("23.0.0.0/8", "224.0.0.1", None, one, EINVAL),
        ("24.0.0.0/8", "0.0.0.0", None, one, 0),  # none
    ):
        expect(f"{to} {source}", add_route(kernel, to, source=source, gateway=gateway, oif=number), errno)
    up(kernel, 1)
    expect("all of lo's network", add_route(kernel, "23.0.0.0/8", source="127.1.2.3", oif=one), 0)
    expect("the routes", ways(kernel), [
        f"10.0.0.0/8 dev {one} src 10.0.0.1",
        f"20.0.0.0/8 dev {one} src 10.0.0.1",
        f"21.0.0.0/8 dev {two} src 10.0.0.1",
        f"22.0.0.0/8 via 10.0.0.9 dev {one} src 10.0.0.1",
        f"23.0.0.0/8 dev {one} src 127.1.2.3",
        f"24.0.0.0/8 dev {one}",
    ])  # fmt: skip


@case
def routes_do_not_outlive_their_link_going_down(kernel: Kernel) -> None:
    one, two = pair(kernel, "10.0.0.1/8")
    expect("default", add_route(kernel, gateway="10.0.0.9", oif=one), 0)
    expect("another", add_route(kernel, "20.0.0.0/8", oif=two), 0)
    down(kernel, one)
    expect("down", ways(kernel), [f"20.0.0.0/8 dev {two}"])
    up(kernel, one)
    expect("up", ways(kernel), [f"10.0.0.0/8 dev {one} src 10.0.0.1", f"20.0.0.0/8 dev {two}"])


@case
def how_long_requests_about_routes_are(kernel: Kernel) -> None:
    fd = netlink(kernel)
    for body, length in (
        (route(gateway="10.0.0.1", oif=99), 44),
        (route("10.0.0.0/8", source="10.0.0.2", gateway="10.0.0.1", oif=99), 60),
        (route("fd00::/64", gateway="fd00::1", oif=99), 76),
    ):
        message = NetlinkMessage(NetlinkType.RTM_NEWROUTE, NetlinkFlag.REQUEST | CREATE, 1, body=body)
        expect(f"{body}", kernel.sendmsg(fd, message), length)


# -- IPv6 --


@case
def ipv6_routes_and_their_gateways(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    expect("an address", give(kernel, "fd00::2/64", one), 0)
    for to, gateway, number, errno in (
        ("", "fd00::1", one, EHOSTUNREACH),
        ("", "fe80::1", one, ENETDOWN),
        ("fd01::/64", None, one, ENETDOWN),
        ("fd01::/64", None, 99, ENODEV),
        ("", "fd00::1", 99, ENODEV),
        ("", "ff02::1", 99, ENODEV),
        ("fd01::/64", None, None, ENODEV),
    ):
        expect(f"down: {to} {gateway} {number}", add_route(kernel, to, gateway=gateway, oif=number), errno)
    up(kernel, one, two)
    expect("gone with the link going down, not up", give(kernel, "fd00::2/64", one), EEXIST)
    for to, gateway, number, errno in (
        ("", "fd00::1", one, 0),
        ("", "fd00::1", one, EEXIST),
        ("", "fd00::3", one, EEXIST),
        ("fd02::/64", None, one, 0),
        ("fd02::1/64", None, one, EEXIST),  # host bits are ignored
        ("fd03::/129", None, one, EINVAL),
        ("fd04::/64", "fd00::2", one, EINVAL),
        ("fd04::/64", "ff02::1", one, EINVAL),
        ("fd04::/64", "::", one, EINVAL),
        ("fd04::/64", "fd09::1", one, EHOSTUNREACH),
        ("fd04::/64", "fd00::1", two, EHOSTUNREACH),
        ("fd04::/64", "fe80::99", two, 0),
        ("fd05::/64", "fd00::1", None, 0),
        ("fd00::/64", None, one, 0),  # beside the one of the address
    ):
        expect(f"up: {to} {gateway} {number}", add_route(kernel, to, gateway=gateway, oif=number), errno)
    expect("another's source", add_route(kernel, "fd07::/64", source="fd00::99", oif=one), EINVAL)
    expect("an own source, not known to be so", add_route(kernel, "fd06::/64", source="fd00::2", oif=one), EINVAL)
    down(kernel, one)
    up(kernel, one)
    expect("the address is gone", give(kernel, "fd00::2/64", one), 0)
    expect("and the routes", add_route(kernel, gateway="fd00::1", oif=one), 0)


@case
def no_ipv6_gateway_is_behind_the_loopback(kernel: Kernel) -> None:
    one, _ = make_veth(kernel)
    for number in (1, None):
        expect(f"down: {number}", add_route(kernel, gateway="fe80::1", oif=number), EINVAL)
    up(kernel, 1, one)
    expect("an address of lo", give(kernel, "fd00::1/64", 1), 0)
    for text in ("10.0.0.1/8", "fd02::1/128"):
        expect("one without neighbours in IPv6", give(kernel, text, one), 0)
    expect("a route through lo", add_route(kernel, "fd01::/64", oif=1), 0)
    for gateway, number, errno in (
        ("fe80::1", 1, EINVAL),
        ("fe80::1", None, EINVAL),
        ("fd00::2", 1, EHOSTUNREACH),
        ("fd00::2", None, EHOSTUNREACH),
        ("fd01::2", 1, EHOSTUNREACH),
        ("fd01::2", None, EHOSTUNREACH),
        ("fd02::2", one, EHOSTUNREACH),
        ("fe80::1", one, 0),
    ):
        expect(f"up: {gateway} {number}", add_route(kernel, gateway=gateway, oif=number), errno)
