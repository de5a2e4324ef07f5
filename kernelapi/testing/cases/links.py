"""Laws of network links: veth pairs and bridges, their names, states, ports, and the namespaces that they go to."""

from errno import (
    EADDRNOTAVAIL,
    EBADF,
    EBUSY,
    EEXIST,
    EINVAL,
    ELOOP,
    ENODEV,
    ENOTTY,
    EOPNOTSUPP,
    EPERM,
    EPROTONOSUPPORT,
    ERANGE,
    ESOCKTNOSUPPORT,
    ESPIPE,
    ESRCH,
)

from kernelapi.flags import AddressFamily, CloneFlag, FdFlag, FileType, OpenFlag, Signal, SocketType
from kernelapi.ids import Fd, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, refused
from kernelapi.testing.network import (
    ALL,
    NEW,
    add_route,
    answers,
    down,
    flags,
    give,
    links,
    make_bridge,
    make_veth,
    must,
    netlink,
    own,
    request,
    set_link,
    up,
    veth,
    ways,
)
from kernelapi.values import (
    ARPHRD_ETHER,
    IFF_BROADCAST,
    IFF_LOOPBACK,
    IFF_LOWER_UP,
    IFF_MULTICAST,
    IFF_UP,
    RT_TABLE_LOCAL,
    Link,
    LinkInfo,
    NetlinkFlag,
    NetlinkMessage,
    NetlinkType,
)

NEWLINK, SETLINK, DELLINK, GETLINK = (
    NetlinkType.RTM_NEWLINK, NetlinkType.RTM_SETLINK, NetlinkType.RTM_DELLINK, NetlinkType.RTM_GETLINK
)  # fmt: skip
CREATE, EXCL = NetlinkFlag.CREATE, NetlinkFlag.EXCL
BRIDGE = int(AddressFamily.BRIDGE)
ETHERNET = IFF_BROADCAST | IFF_MULTICAST
LOCAL = "02:00:00:00:00:"
NOBODY = 0x3FFFFFF0
"""A number that no process has."""


# -- making --


@case
def the_peer_of_a_veth_is_made_first(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    expect("their numbers", (one, two), (3, 2))
    found = links(kernel)
    expect("the links", list(found), ["lo", "two", "one"])
    for name, number, lower in (("one", one, two), ("two", two, one)):
        link = found[name]
        assert link.address is not None
        expect("as they are made", (link.index, link.flags, link.mtu), (number, ETHERNET, 1500))
        expect("a pair", (link.info, link.lower, link.master, link.type), (LinkInfo("veth"), lower, None, ARPHRD_ETHER))
        expect("its queue", link.txqlen, 0)
        expect("a local address of no group", int(link.address[:2], 16) & 3, 2)
    expect("two addresses", found["one"].address == found["two"].address, False)


@case
def how_long_the_requests_are(kernel: Kernel) -> None:
    fd = netlink(kernel)
    for body, length in (
        (veth("one", "two"), 104),
        (veth("three", "seventh"), 112),
        (Link(index=1, mtu=65536), 40),
        (Link(index=2, txqlen=1, master=0, net_ns_pid=1), 56),
        (Link(index=2, address=f"{LOCAL}01"), 44),
        (Link(index=2, family=BRIDGE, hairpin=True), 44),
    ):
        expect(f"{body}", kernel.sendmsg(fd, NetlinkMessage(SETLINK, NetlinkFlag.REQUEST, 1, body=body)), length)
    answers(kernel, fd)


@case
def names_of_new_links(kernel: Kernel) -> None:
    for body, errno in (
        (veth("one", "two"), 0),
        (veth("one", "three"), EEXIST),
        (veth("three", "one"), EEXIST),
        (veth("three", "three"), EEXIST),
        (veth("x" * 15, "y" * 15), 0),
        (veth("x" * 16, "z"), ERANGE),
        (veth("z", "x" * 16), ERANGE),
        (veth("", "z"), EINVAL),
        (veth("z", ""), EINVAL),
        (veth("a/b", "z"), EINVAL),
        (veth("z", "a b"), EINVAL),
        (veth("..", "z"), EINVAL),
        (veth("four\0five", "six"), 0),
        (veth("v%d", "v%d"), 0),
        (veth("v%s", "z"), EINVAL),
        (veth("%d%d", "z"), EINVAL),
        (veth("lo%d", "p"), 0),
        (veth(None, None), 0),
        (veth(None, "q"), 0),
        (Link(info=LinkInfo("veth")), 0),
        (Link(info=LinkInfo("bridge")), 0),
    ):
        expect(f"{body}", request(kernel, NEWLINK, body, NEW), errno)
    found = set(links(kernel))
    expect("the links", found, {
        "lo", "one", "two", "x" * 15, "y" * 15, "four", "six", "v0", "v1", "lo0", "p", "veth0", "veth1", "veth2", "q", "veth3",
        "veth4", "bridge0",
    })  # fmt: skip


@case
def a_number_for_which_a_name_has_no_room_is_cut_and_taken(kernel: Kernel) -> None:
    pattern = "abcdefghijklm%d"
    for _ in range(50):
        must(kernel, NEWLINK, veth(pattern, pattern), NEW)
    last, _ = make_veth(kernel)
    expect("the number of the last", last, 103)
    expect("a bridge", request(kernel, NEWLINK, Link(name=pattern, info=LinkInfo("bridge")), NEW), EEXIST)
    expect("a veth", request(kernel, NEWLINK, veth(pattern, "z"), NEW), EEXIST)
    expect("a peer", request(kernel, NEWLINK, veth("z", pattern), NEW), EEXIST)
    expect("another name", set_link(kernel, Link(index=last, name=pattern)), EEXIST)
    expect("numbers are used up all the same", make_bridge(kernel), 108)


@case
def a_veth_that_cannot_be_made_has_used_up_the_number_of_its_peer(kernel: Kernel) -> None:
    make_veth(kernel)
    expect("the name is taken", request(kernel, NEWLINK, veth("one", "three"), NEW), EEXIST)
    expect("the peer's name is taken", request(kernel, NEWLINK, veth("three", "one"), NEW), EEXIST)
    expect("not used up", make_bridge(kernel, "first"), 4)
    expect("the same name twice", request(kernel, NEWLINK, veth("three", "three"), NEW), EEXIST)
    expect("used up", make_bridge(kernel, "second"), 6)
    must(kernel, DELLINK, Link(name="second"))
    expect("numbers are not used again", make_bridge(kernel, "third"), 7)
    expect("no trace of it", "three" in links(kernel), False)


@case
def a_link_of_no_kind_is_not_made(kernel: Kernel) -> None:
    for body, flag, errno in (
        (Link(name="z"), NEW, EOPNOTSUPP),
        (Link(name="z", info=LinkInfo("nokind")), NEW, EOPNOTSUPP),
        (Link(name="z", info=LinkInfo("nokind")), 0, ENODEV),
        (Link(name="lo", info=LinkInfo("nokind")), NEW, EEXIST),
        (veth("z", "y"), 0, ENODEV),
        (veth("z", "y"), EXCL, ENODEV),
        (veth("z", "y"), CREATE, 0),
    ):
        expect(f"{body} {flag}", request(kernel, NEWLINK, body, flag), errno)


@case
def a_bridge_is_made_down(kernel: Kernel) -> None:
    number = make_bridge(kernel)
    link = links(kernel)["bridge"]
    expect("it", (link.index, link.flags, link.mtu, link.txqlen, link.info), (number, ETHERNET, 1500, 1000, LinkInfo("bridge")))
    up(kernel, number)
    expect("up", flags(kernel, "bridge") & IFF_UP, IFF_UP)


# -- the end --


@case
def with_one_end_of_a_veth_goes_the_other(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    up(kernel, one, two)
    for text, number in (("10.0.0.1/8", one), ("10.0.0.2/8", two), ("11.0.0.1/8", two)):
        expect(text, give(kernel, text, number), 0)
    must(kernel, DELLINK, Link(index=two))
    expect("the links", list(links(kernel)), ["lo"])
    expect("their routes", ways(kernel) + ways(kernel, RT_TABLE_LOCAL), [])


@case
def what_cannot_be_removed(kernel: Kernel) -> None:
    for body, errno in (
        (Link(index=1), EOPNOTSUPP),
        (Link(name="lo"), EOPNOTSUPP),
        (Link(index=99), ENODEV),
        (Link(name="no"), ENODEV),
        (Link(name="x" * 16), ERANGE),
        (Link(), EINVAL),
    ):
        expect(f"{body}", request(kernel, DELLINK, body), errno)


@case
def with_a_bridge_its_ports_are_free(kernel: Kernel) -> None:
    one, _ = make_veth(kernel)
    bridge = make_bridge(kernel)
    expect("a port", set_link(kernel, Link(index=one, master=bridge)), 0)
    must(kernel, DELLINK, Link(index=bridge))
    expect("the port", links(kernel)["one"].master, None)


# -- names --


@case
def which_names_a_link_may_get(kernel: Kernel) -> None:
    one, _ = make_veth(kernel)
    for name, errno in (
        ("first", 0),
        ("x" * 15, 0),
        ("x" * 16, ERANGE),
        (".", EINVAL),
        ("..", EINVAL),
        ("a/b", EINVAL),
        ("a:b", EINVAL),
        ("a b", EINVAL),
        ("a\tb", EINVAL),
        ("é", 0),
        ("à", EINVAL),  # one of its bytes is a space of Latin-1
        ("two", EEXIST),
        ("lo", EEXIST),
        ("n%s", EINVAL),
        ("n%d%d", EINVAL),
        ("n%d", 0),
        ("", 0),
    ):
        expect(repr(name), set_link(kernel, Link(index=one, change=ALL, name=name)), errno)
    expect("the last one", list(links(kernel)), ["lo", "two", "n0"])
    expect("cut at a NUL", set_link(kernel, Link(index=one, change=ALL, name="a\0b")), 0)
    expect("its own", set_link(kernel, Link(index=one, change=ALL, name="a")), 0)
    expect("the last one", list(links(kernel)), ["lo", "two", "a"])


@case(since="6.2")
def a_link_that_is_up_may_get_another_name(kernel: Kernel) -> None:
    """Since 6.2; before, EBUSY."""
    one, two = make_veth(kernel)
    up(kernel, one, two)
    expect("renamed", set_link(kernel, Link(index=one, flags=IFF_UP, change=IFF_UP, name="other")), 0)
    expect("the name", "other" in links(kernel), True)
    expect("still up", flags(kernel, "other"), ETHERNET | IFF_UP | IFF_LOWER_UP)


# -- up and down --


@case
def a_veth_has_a_carrier_when_both_ends_are_up(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    up(kernel, one)
    expect("nobody there", flags(kernel, "one"), ETHERNET | IFF_UP)
    up(kernel, two)
    expect("one", flags(kernel, "one"), ETHERNET | IFF_UP | IFF_LOWER_UP)
    expect("two", flags(kernel, "two"), ETHERNET | IFF_UP | IFF_LOWER_UP)
    down(kernel, one)
    expect("one", flags(kernel, "one"), ETHERNET)
    expect("two", flags(kernel, "two"), ETHERNET | IFF_UP)


@case(since="6.2")
def flags_that_come_along_with_another_change_count(kernel: Kernel) -> None:
    one, _ = make_veth(kernel)
    for body, errno, after in (
        (Link(index=one, flags=1, change=ALL, mtu=0), EINVAL, ETHERNET),
        (Link(index=one, flags=1, change=ALL, mtu=1400, type=SETLINK), 0, IFF_BROADCAST | IFF_UP),
        (Link(index=one, flags=0, change=ALL, name="other"), 0, IFF_BROADCAST),
        (Link(index=one, flags=IFF_MULTICAST, change=0), 0, ETHERNET),
        (Link(index=one, mtu=1500), 0, ETHERNET),
        (Link(index=one, flags=1, change=1, master=99), EINVAL, ETHERNET | IFF_UP),
        (Link(index=one, flags=0, change=1, name="."), EINVAL, ETHERNET | IFF_UP),
    ):
        expect(f"{body}", set_link(kernel, body), errno)
        expect(f"{body}", next(link.flags for link in links(kernel).values() if link.index == one) & ~0x40, after)


@case
def lo_gets_its_address_when_it_comes_up(kernel: Kernel) -> None:
    expect("before", own(kernel, 1), [])
    up(kernel, 1)
    expect("after", own(kernel, 1), ["127.0.0.1/8"])
    down(kernel, 1)
    expect("down", own(kernel, 1), ["127.0.0.1/8"])
    up(kernel, 1)
    expect("once", own(kernel, 1), ["127.0.0.1/8"])


# -- attributes --


@case
def limits_of_the_mtu(kernel: Kernel) -> None:
    one, _ = make_veth(kernel)
    bridge = make_bridge(kernel)
    for number, values in (
        (one, {0: EINVAL, 67: EINVAL, 68: 0, 65535: 0, 65536: EINVAL, ALL: EINVAL, 1400: 0}),
        (bridge, {0: EINVAL, 68: 0, 65535: 0, 65536: EINVAL}),
        (1, {68: 0, 1 << 31: EINVAL, 70000: 0, 65536: 0}),
    ):
        for mtu, errno in values.items():
            expect(f"{mtu} of {number}", set_link(kernel, Link(index=number, mtu=mtu)), errno)
    expect("one end alone", {name: link.mtu for name, link in links(kernel).items()}, {
        "lo": 65536, "one": 1400, "two": 1500, "bridge": 65535,
    })  # fmt: skip


@case
def hardware_addresses_of_nobody_and_of_groups_are_refused(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    up(kernel, two)
    for number in (1, one, two, make_bridge(kernel)):
        for address, errno in (
            (f"{LOCAL}05", 0),
            ("01:00:00:00:00:05", EADDRNOTAVAIL),
            ("00:00:00:00:00:00", EADDRNOTAVAIL),
            ("ff:ff:ff:ff:ff:ff", EADDRNOTAVAIL),
        ):
            expect(f"{address} of {number}", set_link(kernel, Link(index=number, address=address)), errno)
    expect("all alike", {link.address for link in links(kernel).values()}, {f"{LOCAL}05"})


@case
def a_change_stops_at_what_is_refused(kernel: Kernel) -> None:
    one, _ = make_veth(kernel)
    for body, errno in (
        (Link(index=one, address="01:00:00:00:00:00", mtu=1300), EADDRNOTAVAIL),
        (Link(index=one, mtu=0, name="other"), EINVAL),
        (Link(index=one, mtu=1400, name="."), EINVAL),
        (Link(index=one, master=99, txqlen=77), EINVAL),
    ):
        expect(f"{body}", set_link(kernel, body), errno)
    link = links(kernel)["one"]
    expect("the MTU is changed, and nothing else", (link.mtu, link.txqlen), (1400, 0))
    expect("the queue", set_link(kernel, Link(index=one, txqlen=ALL)), 0)
    expect("the queue", links(kernel)["one"].txqlen, ALL)
    expect("by name", set_link(kernel, Link(name="one", mtu=1200)), 0)
    expect("by name", links(kernel)["one"].mtu, 1200)


# -- ports --


@case
def what_can_be_a_port_of_what(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    bridge, other = make_bridge(kernel), make_bridge(kernel, "other")
    for number, master, errno in (
        (one, bridge, 0),
        (one, bridge, 0),
        (one, other, 0),
        (two, 99, EINVAL),
        (two, one, EOPNOTSUPP),
        (1, bridge, EINVAL),
        (other, other, ELOOP),
        (other, bridge, ELOOP),
        (bridge, other, EINVAL),  # its hardware address is zero, since its port has left
        (two, 0, 0),
    ):
        expect(f"{number} of {master}", set_link(kernel, Link(index=number, master=master)), errno)
    expect("the port", links(kernel)["one"].master, other)
    expect("refused by the new one", set_link(kernel, Link(index=one, master=99)), EINVAL)
    expect("it has left the old one", links(kernel)["one"].master, None)


@case
def a_bridge_follows_its_ports(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    bridge = make_bridge(kernel)

    def of_bridge() -> tuple[int | None, str | None]:
        link = links(kernel)["bridge"]
        return link.mtu, link.address

    for number, address in ((one, f"{LOCAL}07"), (two, f"{LOCAL}05")):
        expect("an address", set_link(kernel, Link(index=number, address=address)), 0)
    for body, found in (
        (Link(index=one, master=bridge), (1500, f"{LOCAL}07")),
        (Link(index=two, master=bridge), (1500, f"{LOCAL}05")),
        (Link(index=two, mtu=1400), (1400, f"{LOCAL}05")),
        (Link(index=one, address=f"{LOCAL}03"), (1400, f"{LOCAL}03")),
        (Link(index=two, master=0), (1500, f"{LOCAL}03")),
        (Link(index=one, master=0), (1500, "00:00:00:00:00:00")),
        (Link(index=bridge, mtu=1450), (1450, "00:00:00:00:00:00")),
        (Link(index=bridge, address=f"{LOCAL}99"), (1450, f"{LOCAL}99")),
        (Link(index=two, master=bridge), (1450, f"{LOCAL}99")),
    ):
        expect(f"{body}", set_link(kernel, body), 0)
        expect(f"{body}", of_bridge(), found)


@case
def hairpin_is_a_mode_of_a_port(kernel: Kernel) -> None:
    one, _ = make_veth(kernel)
    bridge = make_bridge(kernel)

    def hairpin(number: int, mode: bool) -> int:
        return set_link(kernel, Link(index=number, family=BRIDGE, flags=1, change=ALL, type=SETLINK, hairpin=mode))

    for number, errno in ((one, EOPNOTSUPP), (bridge, EOPNOTSUPP), (1, EOPNOTSUPP), (99, ENODEV), (0, ENODEV)):
        expect(f"no port: {number}", hairpin(number, True), errno)
    must(kernel, SETLINK, Link(index=one, master=bridge))
    expect("at first", links(kernel)["one"].hairpin, False)
    expect("on", hairpin(one, True), 0)
    expect("on", links(kernel)["one"].hairpin, True)
    expect("the flags do not count here", flags(kernel, "one"), ETHERNET)
    expect("on again", hairpin(one, True), 0)
    expect("nothing said of it", set_link(kernel, Link(index=one, family=BRIDGE)), 0)
    expect("on still", links(kernel)["one"].hairpin, True)
    expect("off", hairpin(one, False), 0)
    expect("off", links(kernel)["one"].hairpin, False)
    expect("on", hairpin(one, True), 0)
    for master in (0, bridge):
        must(kernel, SETLINK, Link(index=one, master=master))
    expect("a port anew", links(kernel)["one"].hairpin, False)


# -- the older way to a bridge --


@case
def siocbraddif_makes_a_port(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    bridge = make_bridge(kernel)
    fd = kernel.socket(AddressFamily.INET, SocketType.DGRAM, 0)
    for name, number, errno in (
        ("bridge", 99, EINVAL),
        ("bridge", 0, EINVAL),
        ("bridge", -1, EINVAL),
        ("bridge", 1, EINVAL),
        ("bridge", bridge, ELOOP),
        ("no", 99, ENODEV),
        ("", one, ENODEV),
        ("lo", 99, EOPNOTSUPP),
        ("one", two, EOPNOTSUPP),
        ("bridge", one, 0),
        ("bridge", one, EBUSY),
    ):
        expect(f"{name!r} {number}", errno_of(kernel.ioctl_siocbraddif, fd, name, number), errno)
    expect("the port", links(kernel)["one"].master, bridge)
    kernel.ioctl_siocbraddif(netlink(kernel), "bridge", two)
    expect("by any socket", links(kernel)["two"].master, bridge)
    reader, _ = kernel.pipe2(0)
    refused(ENOTTY, kernel.ioctl_siocbraddif, reader, "bridge", two)
    refused(EBADF, kernel.ioctl_siocbraddif, Fd(99), "bridge", two)


@case
def sockets_that_are_only_asked(kernel: Kernel) -> None:
    for family in (AddressFamily.INET, AddressFamily.INET6, AddressFamily.PACKET):
        fd = kernel.socket(family, SocketType.DGRAM | SocketType.CLOEXEC | SocketType.NONBLOCK, 0)
        expect("flags", (kernel.fcntl_getfd(fd), kernel.fcntl_getfl(fd)), (FdFlag.CLOEXEC, OpenFlag.RDWR | OpenFlag.NONBLOCK))
        expect("its type", kernel.fstat(fd).type, FileType.SOCK)
        refused(ESPIPE, kernel.lseek, fd, 0)
        refused(ENODEV, kernel.ioctl_siocbraddif, fd, "no", 1)
        refused(ESOCKTNOSUPPORT, kernel.socket, family, SocketType.SEQPACKET, 0)
        kernel.close(fd)


def _as_user(kernel: Kernel, fd: Fd) -> list[int]:
    """What one without capabilities is answered: by its own socket and by one of root."""
    kernel.setresuid(Uid(1000), Uid(1000), Uid(1000))
    own_fd = kernel.socket(AddressFamily.INET, SocketType.DGRAM, 0)
    expect("looking", "lo" in links(kernel), True)
    refused(EPERM, kernel.socket, AddressFamily.PACKET, SocketType.SEQPACKET, 0)
    return [
        *(errno_of(kernel.ioctl_siocbraddif, each, name, 99) for each in (fd, own_fd) for name in ("bridge", "no")),
        request(kernel, NEWLINK, veth("x" * 16, "y"), NEW),
        request(kernel, DELLINK, Link(index=99)),
        give(kernel, "10.0.0.1/99", 99),
        add_route(kernel, gateway="10.0.0.1", oif=99),
    ]


@case
def changing_needs_net_admin(kernel: Kernel) -> None:
    make_bridge(kernel)
    fd = kernel.socket(AddressFamily.INET, SocketType.DGRAM, 0)
    expect("the answers", in_child(kernel, _as_user, fd), [EPERM] * 8)


def _in_a_user_namespace(kernel: Kernel, outside: Pid) -> list[int]:
    kernel.unshare(CloneFlag.NEWUSER | CloneFlag.NEWNET)
    one, _ = make_veth(kernel, "inner", "outer")
    up(kernel, 1)
    bridge = make_bridge(kernel)
    kernel.ioctl_siocbraddif(kernel.socket(AddressFamily.INET, SocketType.DGRAM, 0), "bridge", one)
    expect("a port", links(kernel)["inner"].master, bridge)
    return [
        request(kernel, NEWLINK, Link(index=one, net_ns_pid=outside)),
        request(kernel, NEWLINK, Link(index=99, net_ns_pid=outside)),
        request(kernel, NEWLINK, Link(index=99, net_ns_pid=NOBODY)),
    ]


@case
def whoever_owns_the_namespace_may_change_it_and_no_other(kernel: Kernel) -> None:
    outside = kernel.getpid()
    expect("the answers", in_child(kernel, _in_a_user_namespace, outside), [EPERM, EPERM, ESRCH])


# -- moving --


def _wait(kernel: Kernel, kept: Fd, go: Fd) -> int:
    """A process that waits until it may end."""
    kernel.close(kept)
    kernel.read(go, 1)
    return 0


class _Other:
    """Another network namespace, and a process that waits in it. `file` is the namespace's."""

    def __init__(self, kernel: Kernel) -> None:
        home = _own_namespace(kernel)
        kernel.unshare(CloneFlag.NEWNET)
        go, self.release = kernel.pipe2(0)
        self.pid = kernel.clone(Signal.CHLD, _wait, self.release, go)
        self.file = _own_namespace(kernel)
        kernel.setns(home, CloneFlag.NEWNET)
        for fd in (home, go):
            kernel.close(fd)

    def end(self, kernel: Kernel) -> None:
        """Let the process end, and forget the namespace."""
        for fd in (self.file, self.release):
            kernel.close(fd)
        kernel.wait4(self.pid)


def _own_namespace(kernel: Kernel) -> Fd:
    return kernel.open("/proc/self/ns/net", OpenFlag.RDONLY | OpenFlag.CLOEXEC)


def _there(kernel: Kernel, file: Fd, what: str) -> object:
    """What a question is answered in another network namespace."""
    kernel.setns(file, CloneFlag.NEWNET)
    return _QUESTIONS[what](kernel)


def _remove_moved(kernel: Kernel) -> int:
    return request(kernel, DELLINK, Link(name="two"))


def _fill(kernel: Kernel) -> None:
    for number in range(3):
        make_veth(kernel, f"a{number}", f"b{number}")


_QUESTIONS = {
    "links": links,
    "numbers": lambda kernel: {name: link.index for name, link in links(kernel).items()},
    "traces": lambda kernel: (ways(kernel), ways(kernel, RT_TABLE_LOCAL), own(kernel, 2)),
    "remove": _remove_moved,
    "fill": _fill,
}


@case
def a_link_goes_to_the_namespace_of_a_process(kernel: Kernel) -> None:
    one, two = make_veth(kernel)
    bridge = make_bridge(kernel)
    up(kernel, one, two, bridge)
    expect("an address", give(kernel, "10.0.0.1/8", two), 0)
    must(kernel, SETLINK, Link(index=two, master=bridge, mtu=1400, txqlen=7))
    before = links(kernel)["two"]
    other = _Other(kernel)
    for body, errno in (
        (Link(index=1, net_ns_pid=other.pid), EINVAL),
        (Link(index=bridge, net_ns_pid=other.pid), EINVAL),
        (Link(index=99, net_ns_pid=other.pid), ENODEV),
        (Link(index=two, net_ns_pid=NOBODY), ESRCH),
        (Link(index=two, net_ns_pid=0), ESRCH),
        (Link(index=99, net_ns_pid=NOBODY), ESRCH),
        (Link(name="x" * 16, net_ns_pid=NOBODY), ERANGE),
        (Link(index=1, net_ns_pid=kernel.getpid()), 0),
        (Link(index=two, net_ns_pid=kernel.getpid()), 0),
        (Link(index=two, net_ns_pid=other.pid), 0),
    ):
        expect(f"{body}", request(kernel, NEWLINK, body), errno)
    here = links(kernel)
    expect("here", list(here), ["lo", "one", "bridge"])
    expect("the other end", (here["one"].lower, flags(kernel, "one")), (two, ETHERNET | IFF_UP))
    expect("its routes", ways(kernel) + ways(kernel, RT_TABLE_LOCAL), [])
    there = in_child(kernel, _there, other.file, "links")
    moved = Link(
        two, ETHERNET, 0, "two", 1400, type=ARPHRD_ETHER, txqlen=7, address=before.address, lower=one, info=LinkInfo("veth"),
    )  # fmt: skip
    assert isinstance(there, dict)
    expect("there", there["two"], moved)
    expect("nothing of its past", in_child(kernel, _there, other.file, "traces"), ([], [], []))
    expect("gone with its peer", in_child(kernel, _there, other.file, "remove"), 0)
    expect("here", list(links(kernel)), ["lo", "bridge"])
    other.end(kernel)


@case
def a_link_keeps_its_number_if_that_is_free(kernel: Kernel) -> None:
    make_bridge(kernel)
    one, two = make_veth(kernel)
    expect("the numbers", (one, two), (4, 3))
    other = _Other(kernel)
    in_child(kernel, _there, other.file, "fill")
    expect("the name", request(kernel, NEWLINK, Link(index=two, net_ns_pid=other.pid)), 0)
    numbers = in_child(kernel, _there, other.file, "numbers")
    expect("there", numbers, {"lo": 1, "b0": 2, "a0": 3, "b1": 4, "a1": 5, "b2": 6, "a2": 7, "two": 8})
    expect("the other end knows it", links(kernel)["one"].lower, 8)
    make_veth(kernel, "a0", "two")
    expect("taken there", request(kernel, NEWLINK, Link(name="two", net_ns_pid=other.pid)), EEXIST)
    other.end(kernel)


@case
def a_new_link_passes_over_a_number_that_came_along(kernel: Kernel) -> None:
    _, two = make_veth(kernel)
    expect("its number", two, 2)
    other = _Other(kernel)
    expect("kept", request(kernel, NEWLINK, Link(index=two, net_ns_pid=other.pid)), 0)
    in_child(kernel, _there, other.file, "fill")
    numbers = in_child(kernel, _there, other.file, "numbers")
    expect("there", numbers, {"lo": 1, "two": 2, "b0": 3, "a0": 4, "b1": 5, "a1": 6, "b2": 7, "a2": 8})
    other.end(kernel)


@case
def a_zombie_has_no_network_namespace(kernel: Kernel) -> None:
    one, _ = make_veth(kernel)
    other = _Other(kernel)
    kernel.close(other.release)
    while (errno := request(kernel, NEWLINK, Link(index=99, net_ns_pid=other.pid))) == ENODEV:
        kernel.clock_nanosleep(1, 0, 1_000_000)
    expect("the answer", errno, ESRCH)
    expect("the answer", request(kernel, NEWLINK, Link(index=one, net_ns_pid=other.pid)), ESRCH)
    kernel.wait4(other.pid)


def _await_end(kernel: Kernel, name: str) -> None:
    """Wait until there is no link of this name: Linux takes a namespace apart when it finds the time."""
    for _ in range(2000):
        if name not in links(kernel):
            return
        kernel.clock_nanosleep(1, 0, 5_000_000)
    expect("how long a link lasts", "ten seconds", "less")


@case
def with_the_last_process_of_a_namespace_goes_its_veth(kernel: Kernel) -> None:
    make_veth(kernel)
    other = _Other(kernel)
    must(kernel, NEWLINK, Link(name="two", net_ns_pid=other.pid))
    expect("here", "one" in links(kernel), True)
    other.end(kernel)
    _await_end(kernel, "one")
    expect("here", list(links(kernel)), ["lo"])


@case
def a_file_or_a_socket_keeps_a_network_namespace(kernel: Kernel) -> None:
    home = _own_namespace(kernel)
    make_veth(kernel)
    other = _Other(kernel)
    must(kernel, NEWLINK, Link(name="two", net_ns_pid=other.pid))
    kernel.close(other.release)
    kernel.wait4(other.pid)
    kernel.clock_nanosleep(1, 0, 100_000_000)
    expect("held by a file", "one" in links(kernel), True)
    kernel.setns(other.file, CloneFlag.NEWNET)
    socket = kernel.socket(AddressFamily.INET, SocketType.DGRAM, 0)
    kernel.setns(home, CloneFlag.NEWNET)
    kernel.close(other.file)
    kernel.clock_nanosleep(1, 0, 100_000_000)
    expect("held by a socket", "one" in links(kernel), True)
    kernel.close(socket)
    _await_end(kernel, "one")


@case
def a_process_that_moves_on_leaves_a_namespace_to_its_end(kernel: Kernel) -> None:
    home = _own_namespace(kernel)
    for by_setns in (True, False):
        kernel.unshare(CloneFlag.NEWNET)
        outer = _own_namespace(kernel)
        kernel.unshare(CloneFlag.NEWNET)
        make_veth(kernel)
        other = kernel.clone(Signal.CHLD, _send_to, outer, kernel.getpid())
        kernel.wait4(other)
        expect("both ends here", list(links(kernel)), ["lo", "two", "one", "sent"])
        if by_setns:
            kernel.setns(home, CloneFlag.NEWNET)
        else:
            kernel.unshare(CloneFlag.NEWNET)
        kernel.setns(outer, CloneFlag.NEWNET)
        kernel.close(outer)
        _await_end(kernel, "kept")
        kernel.setns(home, CloneFlag.NEWNET)


def _send_to(kernel: Kernel, outer: Fd, pid: Pid) -> int:
    """Make a pair in `outer`, one end of which goes to process `pid`."""
    kernel.setns(outer, CloneFlag.NEWNET)
    make_veth(kernel, "kept", "sent")
    must(kernel, NEWLINK, Link(name="sent", net_ns_pid=pid))
    return 0


# -- requests without effect --


@case
def nothing_asked_is_nothing_done(kernel: Kernel) -> None:
    one, _ = make_veth(kernel)
    before = links(kernel)
    for body in (Link(index=one), Link(index=one, txqlen=0, mtu=1500), Link(index=one, name="one")):
        expect(f"{body}", set_link(kernel, body), 0)
    expect("EPROTONOSUPPORT", errno_of(kernel.socket, AddressFamily.NETLINK, SocketType.RAW, 32), EPROTONOSUPPORT)
    expect("lo is what it was", before["lo"].flags, IFF_LOOPBACK)
    expect("all of it", links(kernel), before)
    expect("asked by a name that is too long", _get_errno(kernel, "x" * 16), ERANGE)


def _get_errno(kernel: Kernel, name: str) -> int:
    return request(kernel, GETLINK, Link(name=name))


def _datagrams(kernel: Kernel, fd: Fd, size: int) -> list[int]:
    """How many links each datagram of a list has, received into `size` bytes."""
    kernel.sendmsg(fd, NetlinkMessage(GETLINK, NetlinkFlag.REQUEST | NetlinkFlag.DUMP, 1, body=Link()))
    found: list[int] = []
    while True:
        data = kernel.recvmsg(fd, size).data
        if any(message.type == NetlinkType.DONE for message in data if isinstance(message, NetlinkMessage)):
            return found
        found.append(len(data))


@case
def a_datagram_of_a_list_has_as_much_room_as_the_socket_has_received_into(kernel: Kernel) -> None:
    for pair in range(3):
        must(kernel, NEWLINK, veth(f"a{pair}", f"b{pair}"), NEW)
    fd = netlink(kernel)
    expect("into much, at first", _datagrams(kernel, fd, 32768), [2, 5])
    expect("into much, later", _datagrams(kernel, fd, 32768), [7])
    kernel.close(fd)
    fd = netlink(kernel)
    expect("into less", [_datagrams(kernel, fd, size) for size in (4096, 8192)], [[2, 2, 2, 1], [2, 5]])
