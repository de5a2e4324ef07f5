"""What the simulated kernel does not model of networks, proc, sockets and terminals: it says so, and guesses nothing."""

from collections.abc import Callable

import pytest

from fakekernel.machine import Machine
from kernelapi.errors import NotModelled
from kernelapi.flags import AddressFamily, CloneFlag, MessageFlag, OpenFlag, Signal, SocketType
from kernelapi.kernel import Kernel
from kernelapi.testing.network import NEW, address, make_veth, must, netlink, request, route, up, veth
from kernelapi.values import (
    RT_TABLE_LOCAL,
    InterfaceAddress,
    Link,
    LinkInfo,
    NetlinkFlag,
    NetlinkMessage,
    NetlinkType,
    Route,
)

BRIDGE = LinkInfo("bridge")
REPLACE = 0x100
PROMISCUOUS = 0x100


def asks(type: int, body: Link | InterfaceAddress | Route, flags: int = 0) -> Callable[[Kernel], object]:
    """A program with one request over netlink."""

    def program(kernel: Kernel) -> None:
        request(kernel, type, body, flags)

    return program


def lists(type: int, body: Link | InterfaceAddress | Route) -> Callable[[Kernel], object]:
    return asks(type, body, NetlinkFlag.DUMP)


def writes(path: str, data: bytes) -> Callable[[Kernel], object]:
    return lambda kernel: kernel.write(kernel.open(path, OpenFlag.WRONLY), data)


def types(data: bytes, times: int = 1) -> Callable[[Kernel], object]:
    """A program that types on a terminal of its own."""

    def program(kernel: Kernel) -> None:
        master = kernel.open("/dev/ptmx", OpenFlag.RDWR)
        for _ in range(times):
            kernel.write(master, data)

    return program


# -- programs of several calls --


def rename_and_move(kernel: Kernel) -> None:
    one, _ = make_veth(kernel)
    other = kernel.clone(CloneFlag.NEWNET | Signal.CHLD, wait)
    request(kernel, NetlinkType.RTM_SETLINK, Link(index=one, name="three", net_ns_pid=other))


def make_elsewhere(kernel: Kernel) -> None:
    other = kernel.clone(CloneFlag.NEWNET | Signal.CHLD, wait)
    request(kernel, NetlinkType.RTM_NEWLINK, Link(name="z", info=BRIDGE, net_ns_pid=other), NEW)


def wait(kernel: Kernel) -> None:
    kernel.clock_nanosleep(1, 0, 10**9)


def receive_little(kernel: Kernel) -> None:
    fd = netlink(kernel)
    kernel.sendmsg(fd, NetlinkMessage(NetlinkType.RTM_GETLINK, NetlinkFlag.REQUEST, 1, body=Link(index=1)))
    kernel.recvmsg(fd, 4095, MessageFlag.DONTWAIT)


def replace_a_route(kernel: Kernel) -> None:
    one, _ = make_veth(kernel)
    up(kernel, one)
    must(kernel, NetlinkType.RTM_NEWROUTE, route("20.0.0.0/8", oif=one), NEW)
    request(kernel, NetlinkType.RTM_NEWROUTE, route("20.0.0.0/8", oif=one), NetlinkFlag.CREATE | REPLACE)


def list_from_the_middle(kernel: Kernel) -> None:
    fd = kernel.open("/proc", OpenFlag.RDONLY | OpenFlag.DIRECTORY)
    kernel.lseek(fd, 3)
    kernel.getdents64(fd)


def read_kcore(kernel: Kernel) -> None:
    kernel.read(kernel.open("/proc/kcore", OpenFlag.RDONLY), 1)


def mount_a_subset(kernel: Kernel) -> None:
    kernel.mount("proc", "/proc", "proc", 0, "subset=pid")


def send_a_socket_to_itself(kernel: Kernel) -> None:
    one, other = kernel.socketpair(AddressFamily.UNIX, SocketType.STREAM)
    kernel.sendmsg(one, b"x", (other,))


def have_namespaces_that_only_descriptors_hold(kernel: Kernel) -> None:
    first = kernel.open("/proc/self/ns/uts", OpenFlag.RDONLY)
    for _ in range(2):
        kernel.unshare(CloneFlag.NEWUTS)
        kernel.open("/proc/self/ns/uts", OpenFlag.RDONLY)
    kernel.setns(first, CloneFlag.NEWUTS)
    writes("/proc/sys/user/max_uts_namespaces", b"2")(kernel)
    kernel.unshare(CloneFlag.NEWUTS)


LINK, NEWLINK, SETLINK = NetlinkType.RTM_GETLINK, NetlinkType.RTM_NEWLINK, NetlinkType.RTM_SETLINK
IN_MAIN_TABLE = "a route other than a unicast one in the main table, or one that replaces another"
OF_THE_QUEUE = "a new link that gets more than a name and the length of its queue"

TABLE: dict[str, tuple[Callable[[Kernel], object], str]] = {
    # links
    "a-new-link-of-a-bridge": (asks(NEWLINK, Link(family=AddressFamily.BRIDGE)), "RTM_NEWLINK of the family AF_BRIDGE"),
    "replacing-a-link": (asks(NEWLINK, Link(index=1), REPLACE), "replacing a link"),
    "changing-what-its-kind-has": (asks(NEWLINK, Link(index=1, info=BRIDGE)), "changing what is particular to its kind"),
    "a-number-of-ones-choice": (asks(NEWLINK, Link(index=77, info=BRIDGE), NEW), "with a number of one's choice"),
    "making-it-elsewhere": (make_elsewhere, "making a link in another network namespace"),
    "another-kind": (asks(NEWLINK, Link(info=LinkInfo("dummy")), NEW), "links of kind dummy"),
    "a-new-link-with-an-mtu": (asks(NEWLINK, Link(info=BRIDGE, mtu=1400), NEW), OF_THE_QUEUE),
    "a-new-link-that-is-up": (asks(NEWLINK, Link(info=BRIDGE, flags=1, change=1), NEW), OF_THE_QUEUE),
    "a-peer-with-an-mtu": (
        asks(NEWLINK, Link(info=LinkInfo("veth", Link(name="z", mtu=1400))), NEW),
        "a peer that gets more than a name and the length of its queue",
    ),
    "a-peer-of-a-kind": (asks(NEWLINK, Link(info=LinkInfo("veth", veth("a", "b"))), NEW), "a peer that gets more than a name"),
    "renaming-and-moving": (rename_and_move, "a link that gets another name and another network namespace at once"),
    "a-loopback-without-ipv4": (asks(SETLINK, Link(index=1, mtu=67)), "a loopback with an MTU below 68"),
    "promiscuity": (
        asks(SETLINK, Link(index=1, flags=PROMISCUOUS, change=PROMISCUOUS)), "IFF_PROMISC and IFF_ALLMULTI of a link",
    ),
    # addresses, routes, lists
    "listing-ipv6": (
        lists(NetlinkType.RTM_GETADDR, InterfaceAddress(AddressFamily.INET6)),
        "a list of anything but links, IPv4 addresses and IPv4 routes",
    ),
    "listing-routes-by-a-link": (lists(NetlinkType.RTM_GETROUTE, Link()), "a list of anything but links"),
    "asking-for-an-address": (asks(NetlinkType.RTM_GETADDR, address("10.0.0.1/8", 1)), "a netlink request of type 22"),
    "asking-for-an-address-by-a-link": (asks(NetlinkType.RTM_GETADDR, Link(index=1)), "a netlink request of type 22"),
    "removing-a-route": (asks(NetlinkType.RTM_DELROUTE, route("10.0.0.0/8")), "a netlink request of type 25"),
    "receiving-little": (receive_little, "receiving netlink messages into less than 4096 bytes"),
    "a-local-route": (asks(NetlinkType.RTM_NEWROUTE, Route(AddressFamily.INET, 8, table=RT_TABLE_LOCAL), NEW), IN_MAIN_TABLE),
    "replacing-a-route": (replace_a_route, IN_MAIN_TABLE),
    "changing-an-ipv6-route": (
        asks(NetlinkType.RTM_NEWROUTE, route("fd00::/64", oif=1)), "an IPv6 route without NLM_F_CREATE",
    ),
    # proc
    "listing-from-the-middle": (list_from_the_middle, "listing a directory that is made on demand from where lseek has gone"),
    "the-memory-of-the-kernel": (read_kcore, "what is in /proc/kcore"),
    "sysrq": (writes("/proc/sysrq-trigger", b"b"), "writing /proc/sysrq-trigger"),
    "the-login-uid": (writes("/proc/self/loginuid", b"0"), "writing this file of /proc/PID"),
    "a-limit-of-the-system": (writes("/proc/sys/fs/file-max", b"9"), "changing /proc/sys/fs/file-max"),
    "the-next-pid": (writes("/proc/sys/kernel/ns_last_pid", b"9"), "writing /proc/sys/kernel/ns_last_pid"),
    "a-subset-of-proc": (mount_a_subset, "proc with the option subset="),
    # what else
    "a-socket-in-its-own-queue": (send_a_socket_to_itself, "a socket in its own queue"),
    "control-characters": (types(b"\3"), "control characters typed on a terminal"),
    "a-long-line": (types(b"x" * 4096), "typing more on a terminal than it takes"),
    "an-echo-that-nobody-reads": (types(b"x" * 999 + b"\n", 12), "typing more on a terminal than it takes"),
    "namespaces-that-descriptors-hold": (
        have_namespaces_that_only_descriptors_hold, "how many namespaces are left, where max_uts_namespaces is 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("program", "words"), TABLE.values(), ids=TABLE)
def test_what_is_not_modelled_is_said(program: Callable[[Kernel], int | None], words: str) -> None:
    machine = Machine(checks=True)
    machine.spawn(program)
    with pytest.raises(NotModelled, match=words):
        machine.run()
