"""Laws of the addresses of network links."""

from errno import EADDRNOTAVAIL, EEXIST, EINVAL, ENODEV

from kernelapi.flags import AddressFamily
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect
from kernelapi.testing.network import (
    INET,
    NEW,
    add_route,
    address,
    addresses,
    down,
    give,
    make_veth,
    netlink,
    own,
    request,
    up,
    ways,
)
from kernelapi.values import (
    RT_SCOPE_HOST,
    RT_TABLE_LOCAL,
    InterfaceAddress,
    NetlinkFlag,
    NetlinkMessage,
    NetlinkType,
)

NEWADDR, DELADDR = NetlinkType.RTM_NEWADDR, NetlinkType.RTM_DELADDR
INET6 = int(AddressFamily.INET6)
PERMANENT, SECONDARY = 0x80, 0x01


def all_ways(kernel: Kernel) -> list[str]:
    return ways(kernel) + ways(kernel, RT_TABLE_LOCAL)


# -- what is refused --


@case
def which_ipv4_addresses_a_link_may_get(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    up(kernel, 1)
    for text, number, errno in (
        ("172.17.0.101/16", one, 0),
        ("172.17.0.101/16", one, EEXIST),
        ("172.17.0.101/24", one, 0),
        ("172.17.0.101/16", two, 0),
        ("10.0.0.1/33", one, EINVAL),
        ("10.0.0.1/33", 99, EINVAL),
        ("10.0.0.1/8", 99, ENODEV),
        ("10.0.0.1/8", 0, ENODEV),
        ("10.1.2.3/0", one, 0),
        ("224.0.0.1/32", one, 0),
        ("255.255.255.255/32", one, 0),
        ("0.1.2.3/8", one, 0),
        ("0.0.0.0/16", one, 0),
        ("0.0.0.0/16", 99, 0),
        ("127.0.0.2/8", 1, EINVAL),
        ("127.0.0.2/16", 1, 0),
    ):
        expect(f"{text} {number}", give(kernel, text, number), errno)
    expect("no address", request(kernel, NEWADDR, InterfaceAddress(INET, 8, index=one), NEW), EINVAL)
    expect("no own address", request(kernel, NEWADDR, InterfaceAddress(INET, 8, index=99, address="10.0.0.1"), NEW), EINVAL)
    expect("that of nobody is none", own(kernel, one), [
        "172.17.0.101/16", "172.17.0.101/24", "10.1.2.3/0", "224.0.0.1/32", "255.255.255.255/32", "0.1.2.3/8",
    ])  # fmt: skip


@case
def which_ipv6_addresses_a_link_may_get(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    for text, number, errno in (
        ("fd00::2/64", one, 0),
        ("fd00::2/64", one, EEXIST),
        ("fd00::2/48", one, EEXIST),
        ("fd00::2/129", one, EEXIST),
        ("fd00::3/64", one, 0),
        ("fd00::2/64", two, 0),
        ("fd00::4/129", one, EINVAL),
        ("::/129", one, EINVAL),
        ("::/129", 99, ENODEV),
        ("fd00::4/64", 99, ENODEV),
        ("ff02::1/64", one, EADDRNOTAVAIL),
        ("::/64", one, EADDRNOTAVAIL),
        ("::1/128", one, EADDRNOTAVAIL),
        ("fe80::5/64", one, 0),
        ("fd00::7/0", two, 0),
        ("fd00::8/64", 1, 0),
        ("::1/128", 1, 0),
    ):
        expect(f"{text} {number}", give(kernel, text, number), errno)
    expect("no address", request(kernel, NEWADDR, InterfaceAddress(INET6, 64, index=99), NEW), EINVAL)


@case
def the_loopback_link_gets_its_own_address_once(kernel: Kernel) -> None:
    expect("given before", (give(kernel, "127.0.0.1/8", 1), give(kernel, "::1/128", 1)), (0, 0))
    up(kernel, 1)
    expect("IPv4", own(kernel, 1), ["127.0.0.1/8"])
    expect("IPv6", give(kernel, "::1/128", 1), EEXIST)


@case
def how_long_requests_about_addresses_are(kernel: Kernel) -> None:
    fd = netlink(kernel)
    for text, length in (("10.0.0.1/8", 40), ("fd00::1/64", 64)):
        message = NetlinkMessage(NEWADDR, NetlinkFlag.REQUEST, 1, body=address(text, 99))
        expect(text, kernel.sendmsg(fd, message), length)


# -- what is listed --


@case
def addresses_are_listed_with_their_links(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    up(kernel, 1)
    for text, number in (("10.0.0.2/8", one), ("10.0.0.3/8", one), ("11.0.0.1/16", one), ("10.0.0.1/8", two)):
        expect(text, give(kernel, text, number), 0)
    expect("all", addresses(kernel), [
        InterfaceAddress(INET, 8, PERMANENT, RT_SCOPE_HOST, 1, "127.0.0.1", "127.0.0.1"),
        InterfaceAddress(INET, 8, PERMANENT, 0, two, "10.0.0.1", "10.0.0.1"),
        InterfaceAddress(INET, 8, PERMANENT, 0, one, "10.0.0.2", "10.0.0.2"),
        InterfaceAddress(INET, 16, PERMANENT, 0, one, "11.0.0.1", "11.0.0.1"),
        InterfaceAddress(INET, 8, PERMANENT | SECONDARY, 0, one, "10.0.0.3", "10.0.0.3"),
    ])  # fmt: skip


# -- what they bring --


@case
def the_address_of_a_link_that_is_down_brings_a_route_to_itself(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    expect("given", give(kernel, "10.1.2.3/8", one), 0)
    expect("down", all_ways(kernel), [f"local 10.1.2.3/32 dev {one} src 10.1.2.3"])
    up(kernel, one, two)
    whole = [
        f"10.0.0.0/8 dev {one} src 10.1.2.3",
        f"local 10.1.2.3/32 dev {one} src 10.1.2.3",
        f"broadcast 10.255.255.255/32 dev {one} src 10.1.2.3",
    ]
    expect("up", all_ways(kernel), whole)
    down(kernel, one)
    expect("down", all_ways(kernel), [f"local 10.1.2.3/32 dev {one} src 10.1.2.3"])
    up(kernel, one)
    expect("up", all_ways(kernel), whole)


@case
def what_routes_short_and_long_prefixes_bring(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    up(kernel, one, two)
    others = ("0.1.2.3/8", "11.1.1.1/0", "224.0.0.1/24", "255.255.255.255/16")
    for text in ("10.9.9.9/31", "10.8.8.8/32", "10.7.7.7/30", *others):
        expect(text, give(kernel, text, one), 0)
    expect("to networks", ways(kernel), [f"10.7.7.4/30 dev {one} src 10.7.7.7", f"10.9.9.8/31 dev {one} src 10.9.9.9"])
    expect("local ones", ways(kernel, RT_TABLE_LOCAL), [
        f"local 0.1.2.3/32 dev {one} src 0.1.2.3",
        f"local 10.7.7.7/32 dev {one} src 10.7.7.7",
        f"broadcast 10.7.7.7/32 dev {one} src 10.7.7.7",
        f"local 10.8.8.8/32 dev {one} src 10.8.8.8",
        f"local 10.9.9.9/32 dev {one} src 10.9.9.9",
        f"local 11.1.1.1/32 dev {one} src 11.1.1.1",
        f"local 224.0.0.1/32 dev {one} src 224.0.0.1",
        f"local 255.255.255.255/32 dev {one} src 255.255.255.255",
    ])  # fmt: skip


@case
def the_networks_of_lo_are_local(kernel: Kernel) -> None:
    up(kernel, 1)
    expect("given", give(kernel, "172.30.0.1/16", 1), 0)
    expect("none in the main table", ways(kernel), [])
    expect("local ones", ways(kernel, RT_TABLE_LOCAL), [
        "local 127.0.0.0/8 dev 1 src 127.0.0.1",
        "local 127.0.0.1/32 dev 1 src 127.0.0.1",
        "broadcast 127.255.255.255/32 dev 1 src 127.0.0.1",
        "local 172.30.0.0/16 dev 1 src 172.30.0.1",
        "local 172.30.0.1/32 dev 1 src 172.30.0.1",
        "broadcast 172.30.255.255/32 dev 1 src 172.30.0.1",
    ])  # fmt: skip


@case
def a_second_address_of_a_network_depends_on_the_first(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    up(kernel, one, two)
    for text in ("10.0.0.1/8", "10.0.0.2/8", "10.0.0.1/16"):
        expect(text, give(kernel, text, one), 0)
    expect("the routes", all_ways(kernel), [
        f"10.0.0.0/16 dev {one} src 10.0.0.1",
        f"10.0.0.0/8 dev {one} src 10.0.0.1",
        f"local 10.0.0.1/32 dev {one} src 10.0.0.1",
        f"local 10.0.0.2/32 dev {one} src 10.0.0.1",
        f"broadcast 10.0.255.255/32 dev {one} src 10.0.0.1",
        f"broadcast 10.255.255.255/32 dev {one} src 10.0.0.1",
    ])  # fmt: skip
    expect("the first goes", request(kernel, DELADDR, address("10.0.0.1/8", one)), 0)
    expect("what is left", own(kernel, one), ["10.0.0.1/16"])
    expect("the routes", all_ways(kernel), [
        f"10.0.0.0/16 dev {one} src 10.0.0.1",
        f"local 10.0.0.1/32 dev {one} src 10.0.0.1",
        f"broadcast 10.0.255.255/32 dev {one} src 10.0.0.1",
    ])  # fmt: skip


@case
def an_address_of_a_group_brings_one_route_and_a_second_one_none(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    up(kernel, one, two)
    for text in ("224.0.0.1/24", "224.0.0.2/24", "10.0.0.1/24"):
        expect(text, give(kernel, text, one), 0)
    expect("the routes", all_ways(kernel), [
        f"10.0.0.0/24 dev {one} src 10.0.0.1",
        f"local 10.0.0.1/32 dev {one} src 10.0.0.1",
        f"broadcast 10.0.0.255/32 dev {one} src 10.0.0.1",
        f"local 224.0.0.1/32 dev {one} src 224.0.0.1",
    ])  # fmt: skip


# -- removing --


@case
def what_is_removed_has_to_be_there(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    up(kernel, one, two)
    expect("given", give(kernel, "10.0.0.1/8", one), 0)
    for body, errno in (
        (address("10.0.0.1/8", 99), ENODEV),
        (address("10.0.0.1/8", two), EADDRNOTAVAIL),
        (address("10.0.0.1/16", one), EADDRNOTAVAIL),
        (address("10.0.0.2/8", one), EADDRNOTAVAIL),
        (address("10.0.0.1/8", one), 0),
        (address("10.0.0.1/8", one), EADDRNOTAVAIL),
    ):
        expect(f"{body}", request(kernel, DELADDR, body), errno)
    expect("nothing is left", (own(kernel, one), all_ways(kernel)), ([], []))
    expect("given", give(kernel, "10.0.0.1/8", one), 0)
    expect("by the address alone", request(kernel, DELADDR, InterfaceAddress(INET, 0, index=one, local="10.0.0.1")), 0)
    expect("given", give(kernel, "10.0.0.1/8", one), 0)
    expect("whichever there is", request(kernel, DELADDR, InterfaceAddress(INET, 0, index=one)), 0)
    expect("nothing is left", own(kernel, one), [])


@case
def with_an_address_go_the_routes_that_have_it_for_their_source(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    up(kernel, one, two)
    expect("given", give(kernel, "10.0.0.1/8", one), 0)
    expect("a route of another link", add_route(kernel, "20.0.0.0/8", source="10.0.0.1", oif=two), 0)
    expect("a route without a source", add_route(kernel, "21.0.0.0/8", oif=two), 0)
    expect("removed", request(kernel, DELADDR, address("10.0.0.1/8", one)), 0)
    expect("the routes", all_ways(kernel), [f"21.0.0.0/8 dev {two}"])
