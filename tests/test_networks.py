"""Networks of type veth, and routes: the order of calls, every error text, and what the original does not get right."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from errno import EACCES, EBUSY, EEXIST, EIO, EMFILE, ENOMEM, ESRCH
from pathlib import Path
from typing import Any

import pytest

from fakekernel import subject
from fakekernel.machine import Machine
from fakekernel.namespaces import NetLink
from initflow import load
from initflow.configuration import decode
from initflow.flow import step
from initflow.flows import LIBCONTAINER
from initflow.golang import GoError
from initflow.gonet import parse_cidr, parse_ip, parse_mac
from initflow.networks import create
from initflow.rtnetlink import (
    add_address,
    add_default_gateway,
    add_route,
    add_to_bridge,
    create_veth_pair,
    find_link,
    rename_link,
    set_hairpin,
    set_hardware_address,
    set_link_down,
    set_link_up,
    set_mtu,
)
from initflow.run import Outcome, Reported, Role, Run
from initflow.steps.context import Parent
from initflow.verification import verify
from kernelapi.event import Event
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.notation import render_call
from kernelapi.testing import Case as Law
from kernelapi.testing import expect, linux
from kernelapi.testing.network import addresses, index, links, make_bridge, own, request, routes, ways
from kernelapi.values import IFF_MULTICAST, IFF_UP, Ack, InterfaceAddress, Link, NetlinkMessage, NetlinkType
from tests.test_error_texts import Case, Fails, exit_status, message
from tests.test_error_texts import run as run_minimal

EXAMPLES = Path(__file__).parents[1] / "examples"
VETH: dict[str, Any] = {
    "type": "veth", "bridge": "docker0", "veth_prefix": "vh", "address": "172.17.0.23/16", "mtu": 1500,
}  # fmt: skip
EVERYTHING = {
    **VETH, "mac_address": "02-42-AC-11-00-17", "ipv6_address": "fd00::17/64", "gateway": "172.17.42.1",
    "ipv6_gateway": "fd00::1", "txqueuelen": 500, "hairpin_mode": True,
}  # fmt: skip
GATEWAY = "172.17.42.1"

ORDER = """
create_networks      getrandom(32, 0)
                     getrandom(32, 0)
                     ask NEWLINK CREATE|EXCL Link{name="vhN", txqlen=500, info=LinkInfo{kind="veth", peer=Link{name="vhN", txqlen=500}}}
                     links
                     links
                     socket(AF_INET, SOCK_DGRAM, 0)
                     ioctl_siocbraddif(4, "docker0", 4)
                     close(4)
                     links
                     ask SETLINK Link{index=4, flags=1, change=4294967295, mtu=1500, type=19}
                     links
                     ask SETLINK Link{index=4, flags=1, change=4294967295, family=7, type=19, hairpin=1}
                     links
                     ask NEWLINK Link{index=4, flags=1, change=1}
                     links
                     ask NEWLINK Link{index=3, net_ns_pid=3}
initialise_networks  links
                     ask NEWLINK Link{index=3, change=4294967295}
                     links
                     ask SETLINK Link{index=3, change=4294967295, name="eth0"}
                     links
                     ask SETLINK Link{index=3, change=4294967295, address="02:42:ac:11:00:17"}
                     links
                     ask NEWADDR CREATE|EXCL InterfaceAddress{family=2, prefixlen=16, index=3, local="172.17.0.23", address="172.17.0.23"}
                     links
                     ask NEWADDR CREATE|EXCL InterfaceAddress{family=10, prefixlen=64, index=3, local="fd00::17", address="fd00::17"}
                     links
                     ask SETLINK Link{index=3, flags=1, change=4294967295, mtu=1500, type=19}
                     links
                     ask NEWLINK Link{index=3, flags=1, change=1}
                     ask NEWROUTE CREATE|EXCL Route{family=2, table=254, protocol=3, type=1, gateway="172.17.42.1", oif=3} after links
                     ask NEWROUTE CREATE|EXCL Route{family=10, table=254, protocol=3, type=1, gateway="fd00::1", oif=3} after links
add_routes           ask NEWROUTE CREATE|EXCL Route{family=2, dst_len=8, table=254, protocol=3, type=1, dst="10.0.0.0", prefsrc="172.17.0.23", gateway="172.17.42.1", oif=3} after links
                     ask NEWROUTE CREATE|EXCL Route{family=2, dst_len=32, table=254, protocol=3, type=1, dst="11.1.1.1", oif=3} after links
"""  # noqa: E501
"""Of a configuration that uses every key. "links" is a list of all, "ask" a request with its acknowledgement, each by a socket
of its own; "after links" with such a list made meanwhile."""

ROUTES = [
    {"destination": "10.0.0.0/8", "source": "172.17.0.23", "gateway": GATEWAY, "interface_name": "eth0"},
    {"destination": "11.1.1.1/32", "interface_name": "eth0"},
]


# -- what a run tells --


def run(*networks: Any, routes: Any = (), **changes: Any) -> Run:
    return run_minimal(Case("", "", {"networks": networks, "routes": routes, **changes}))


def named(text: str) -> str:
    """Without the digits of random names."""
    return re.sub(r"vh[0-9a-f]{7}", "vhN", text)


def told(run: Run) -> list[tuple[str, str]]:
    """(step, what) of the steps of networks, in the words of the table."""
    found: list[tuple[str, str]] = []
    sockets: dict[int, list[Event]] = {}
    nested = False
    for event, at in zip(run.events, run.steps, strict=True):
        name = at.name if at is not None else ""
        if name not in ("create_networks", "initialise_networks", "add_routes"):
            continue
        call = event.call.name
        if call == "socket" and event.args[0] == 16:
            nested = nested or bool(sockets)
            sockets[event.result] = []
        elif event.args[0] in sockets and call in ("bind", "sendmsg", "recvmsg", "getsockname", "close"):
            sockets[event.args[0]].append(event)
            if call == "close":
                what = conversation(sockets.pop(event.args[0]))
                if sockets:
                    assert what == "links"
                else:
                    found.append((name, named(what + " after links" * nested)))
                    nested = False
        else:
            found.append((name, render_call(event.call, event.args)))
    return found


def conversation(events: list[Event]) -> str:
    """What one socket was for."""
    names = [event.call.name for event in events]
    sent = events[1].args[1]
    assert isinstance(sent, NetlinkMessage)
    type = NetlinkType(sent.type).name.removeprefix("RTM_")
    if type == "GETLINK":
        assert re.fullmatch("bind sendmsg (recvmsg (getsockname )+)+close", " ".join(names))
        return "links"
    assert names == ["bind", "sendmsg", "getsockname", "recvmsg", "close"]
    text = re.search(r"nlmsg_pid=0, (.*)}, \[\], 0\)$", render_call(events[1].call, events[1].args))
    assert text is not None
    new = " CREATE|EXCL" if sent.flags & 0x600 == 0x600 else ""
    return f"ask {type}{new} {text[1]}"


def expected(table: str) -> list[tuple[str, str]]:
    found, step = [], ""
    for line in table.strip("\n").splitlines():
        step = line.split(" ", 1)[0] or step
        found.append((step, line[21:]))
    return found


def at_exec(run: Run) -> dict[str, NetLink]:
    """The links of the container when its payload begins. The machine stays there."""
    assert run.exit is not None
    assert run.exit.writes is not None
    run.machine.store.rewind(run.exit.writes[0])
    assert run.init is not None
    return {link.name: link for link in run.init.namespaces.net.links.values()}


def host_links(run: Run) -> list[str]:
    return [named(link.name) for link in run.machine.init.namespaces.net.links.values()]


# -- order --


def test_the_calls_for_networks_and_routes_are_those_of_the_table() -> None:
    result = run({"type": "loopback"}, routes=ROUTES)
    assert result.message == "setup route no such network interface"  # no eth0
    result = run(EVERYTHING, routes=ROUTES)
    assert (result.outcome, result.message) == (Outcome.EXECUTED, None)
    assert told(result) == expected(ORDER)


@pytest.mark.parametrize("name", ["bridge", "route-source"])
def test_an_example_runs_and_leaves_nothing_on_the_host(name: str) -> None:
    result = verify(load(EXAMPLES / f"{name}.json").configuration)
    assert (result.run.outcome, result.run.reported) == (Outcome.EXECUTED, Reported.STARTED)
    assert host_links(result.run) == ["lo", "docker0"]
    state = next(
        event.args[1] for event, step in zip(result.run.events, result.run.steps, strict=True)
        if step is not None and step.name == "send_network_state" and event.call.name == "write"
    )  # fmt: skip
    names = json.loads(state)
    assert sorted(names) == ["veth_child", "veth_host"]
    assert {named(value) for value in names.values()} == {"vhN"}
    found = at_exec(result.run)
    eth0 = found["eth0"]
    peer = eth0.peer
    assert peer is not None
    assert (sorted(found), peer.name) == (["eth0", "lo"], names["veth_host"])
    assert peer.master is not None
    assert peer.master.name == "docker0"
    assert peer.net is result.run.machine.init.namespaces.net
    assert next(way for way in eth0.net.routes if not way.dst_len).gateway == GATEWAY


def test_every_key_of_a_network_has_its_effect() -> None:
    result = run(EVERYTHING, routes=ROUTES)
    eth0 = at_exec(result)["eth0"]
    assert (eth0.mtu, eth0.txqlen, eth0.address) == (1500, 500, "02:42:ac:11:00:17")
    assert [address.local for address in eth0.addresses] == ["172.17.0.23", "fd00::17"]
    assert eth0.peer is not None
    assert eth0.peer.hairpin
    assert [(way.dst, way.gateway, way.prefsrc) for way in eth0.net.routes if way.protocol == 3] == [
        ("11.1.1.1", None, None), ("10.0.0.0", GATEWAY, "172.17.0.23"), (None, "fd00::1", None), (None, GATEWAY, None),
    ]  # fmt: skip


# -- errors --


@step(writes="network_state")
def forget_the_pair(parent: Parent) -> None:
    """Makes the networks, and tells init nothing of them."""
    for network in parent.configuration.networks:
        assert network is not None
        create(parent.kernel, network, parent.init, {})
    parent.network_state = {}


def networks(**changes: Any) -> dict[str, Any]:
    return {"networks": [{**VETH, **changes}]}


def route(**keys: str) -> dict[str, Any]:
    return {"networks": [VETH], "routes": [{"interface_name": "eth0", **keys}]}


def failing(step: str, errno: int, holding: str, **changes: Any) -> dict[str, Any]:
    return {"changes": networks(**changes), "fails": (Fails(step, "sendmsg", errno, holding),)}


def created(errno: int, holding: str, **changes: Any) -> dict[str, Any]:
    return failing("create_networks", errno, holding, **changes)


def initialised(errno: int, holding: str, **changes: Any) -> dict[str, Any]:
    return failing("initialise_networks", errno, holding, **changes)


SETUP, ROUTE = "setup networking ", "setup route "
THROUGH = f"{SETUP}set gateway to {{}} on device eth0 failed with "
THROUGH_6 = f"{SETUP}set gateway for ipv6 to {{}} on device eth0 failed with "

CASES = (
    # what the parent says
    Case("P9", "bridge is not specified", {"networks": [{"type": "veth"}]}),
    Case("P9", "veth prefix is not specified", networks(veth_prefix="")),
    Case("P9", "numerical result out of range", networks(veth_prefix="x" * 9)),
    Case("P9", "invalid argument", networks(veth_prefix="a/b")),
    Case("P9", "invalid argument", networks(veth_prefix="a b")),
    Case("P9", "Network interface already exists", networks(veth_prefix="v\0")),
    Case("P9", "no such network interface", networks(veth_prefix="v%d")),
    Case("P9", "no such network interface", networks(bridge="docker1")),
    Case("P9", "operation not supported", networks(bridge="lo")),
    Case("P9", "invalid argument", networks(mtu=0)),
    Case("P9", "invalid argument", networks(mtu=-1)),
    Case("P9", "invalid argument", networks(mtu=2**32 + 67)),
    Case("P9", "function not implemented", networks(), fails=(Fails("create_networks", "getrandom", 38),)),
    Case("P9", "too many open files", networks(), fails=(Fails("create_networks", "socket", EMFILE, "NETLINK"),)),
    Case("P9", "address already in use", networks(), fails=(Fails("create_networks", "bind", 98),)),
    Case("P9", "cannot allocate memory", networks(), fails=(Fails("create_networks", "recvmsg", ENOMEM),)),
    Case("P9", "netlink rib: no buffer space available", **created(105, "GETLINK")),
    Case("P9", "operation not permitted", **created(1, "kind=")),
    Case("P9", "device or resource busy", networks(), fails=(Fails("create_networks", "ioctl_siocbraddif", EBUSY),)),
    Case(
        "P9", "too many open files", networks(),
        fails=tuple(Fails("create_networks", "socket", EMFILE, family) for family in ("AF_INET,", "PACKET", "INET6")),
    ),
    Case("P9", "input/output error", **created(EIO, "mtu=1500")),
    Case("P9", "input/output error", **created(EIO, "hairpin", hairpin_mode=True)),
    Case("P9", "input/output error", **created(EIO, "flags=1, change=1}")),
    Case("P9", "no such process", **created(ESRCH, "net_ns_pid")),
    Case("P9", "not a valid network strategy type", {"networks": [VETH, {"type": "Veth"}]}),
    # what init says
    Case(
        "D10", f"{SETUP}vethChild is not specified", networks(),
        flow=LIBCONTAINER.replacing("create_networks", forget_the_pair),
    ),
    Case(
        "D10", f"{SETUP}interface down vhN no such network interface",
        {"networks": [VETH, {**VETH, "address": "172.17.0.24/16"}]},
    ),
    Case("D10", f"{SETUP}interface down vhN input/output error", **initialised(EIO, "Link{index=3, change=4294967295}")),
    Case("D10", f"{SETUP}change vhN to eth0 device or resource busy", **initialised(EBUSY, 'name="eth0"')),
    *(
        Case("D10", f"{SETUP}set eth0 mac invalid MAC address: {mac}", networks(mac_address=mac))
        for mac in ("02", "02:42:ac:11:00", "02:42:ac:11:00:0g", "02:42:ac-11:00:01", "02-42-ac-11-00-01-02", "x" * 14)
    ),
    Case(
        "D10", f"{SETUP}set eth0 mac Multicast MAC Address is not supported: 03:42:ac:11:00:01",
        networks(mac_address="03:42:ac:11:00:01"),
    ),
    Case("D10", f"{SETUP}set eth0 mac cannot assign requested address", networks(mac_address="00:00:00:00:00:00")),
    *(
        Case("D10", f"{SETUP}set eth0 ip invalid CIDR address: {address}", networks(address=address))
        for address in ("", "172.17.0.23", "172.17.0.23/33", "172.17.0/16", "172.17.0.256/16", "fd00::17", "x/8", "1.2.3.4/")
    ),
    Case("D10", f"{SETUP}set eth0 ip invalid argument", networks(address="::ffff:172.17.0.23/96")),
    Case("D10", f"{SETUP}set eth0 ip cannot assign requested address", networks(address="ff02::1/64")),
    Case("D10", f"{SETUP}set eth0 ip permission denied", **initialised(EACCES, "prefixlen=16")),
    Case("D10", f"{SETUP}set eth0 ipv6 invalid CIDR address: fd00::", networks(ipv6_address="fd00::")),
    Case("D10", f"{SETUP}set eth0 ipv6 cannot assign requested address", networks(ipv6_address="::1/128")),
    Case("D10", f"{SETUP}set eth0 ipv6 file exists", networks(ipv6_address="172.17.0.23/16")),
    Case("D10", f"{SETUP}set eth0 mtu to 1500 input/output error", **initialised(EIO, "mtu=1500")),
    Case("D10", f"{SETUP}eth0 up cannot allocate memory", **initialised(ENOMEM, "Link{index=3, flags=1, change=1}")),
    Case("D10", f"{THROUGH.format('10.0.0.1')}network is unreachable", networks(gateway="10.0.0.1")),
    Case("D10", f"{THROUGH.format('172.17.255.255')}invalid argument", networks(gateway="172.17.255.255")),
    Case("D10", f"{THROUGH.format('there')}gateway IP there couldn't be parsed", networks(gateway="there")),
    Case("D10", f"{THROUGH_6.format('fd00::1')}no route to host", networks(ipv6_gateway="fd00::1")),
    Case("D10", f"{THROUGH_6.format('fd00')}gateway IP fd00 couldn't be parsed", networks(ipv6_gateway="fd00")),
    Case("D10", f"{THROUGH_6.format(GATEWAY)}file exists", networks(gateway=GATEWAY, ipv6_gateway=GATEWAY)),
    # what init says of routes
    Case("D11", f"{ROUTE}one of destination, source or gateway must not be blank", route()),
    Case("D11", f"{ROUTE}destination CIDR 10.0.0.0 couldn't be parsed", route(destination="10.0.0.0")),
    Case("D11", f"{ROUTE}source IP 172.17.0.23/16 couldn't be parsed", route(source="172.17.0.23/16")),
    Case(
        "D11", f"{ROUTE}source and destination ip were not the same IP family",
        route(destination="10.0.0.0/8", source="fd00::1"),
    ),
    Case("D11", f"{ROUTE}gateway IP fd00 couldn't be parsed", route(gateway="fd00")),
    Case(
        "D11", f"{ROUTE}gateway, source, and destination ip were not the same IP family",
        route(source="172.17.0.23", gateway="fd00::1"),
    ),
    Case("D11", f"{ROUTE}no such network interface", route(gateway=GATEWAY, interface_name="eth1")),
    Case("D11", f"{ROUTE}invalid network interface name", route(gateway=GATEWAY, interface_name="")),
    Case("D11", f"{ROUTE}network is unreachable", route(gateway="10.0.0.1")),
    Case("D11", f"{ROUTE}network is down", route(destination="10.0.0.0/8", interface_name="lo")),
    Case("D11", f"{ROUTE}invalid argument", route(destination="172.18.0.1/16")),
    Case("D11", f"{ROUTE}invalid argument", route(destination="10.0.0.0/8", source="172.17.0.24")),
    Case("D11", f"{ROUTE}file exists", route(destination="172.17.0.0/16", gateway=GATEWAY)),
    Case(
        "D11", f"{ROUTE}netlink rib: too many open files", route(gateway=GATEWAY),
        fails=(Fails("add_routes", "sendmsg", EMFILE, "GETLINK"),),
    ),
    Case(
        "D11", f"{ROUTE}too many open files", route(gateway=GATEWAY), fails=(Fails("add_routes", "socket", EMFILE),),
    ),
    Case(
        "D9", "unable to apply network parameters without network namespace",
        {**networks(), "namespaces": [{"type": name} for name in ("NEWNS", "NEWPID", "NEWIPC", "NEWUTS")]},
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.place} {case.message}")
def test_the_message_is_the_originals(case: Case) -> None:
    result = run_minimal(case)
    assert named(message(result) or "") == case.message
    assert (result.outcome, result.reported) == (Outcome.REFUSED, Reported.ERROR)
    assert exit_status(result, Role.PARENT) == 1
    assert not result.standstill.hung


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        (networks(bridge="docker1"), ["lo", "docker0", "vhN", "vhN"]),
        (networks(mtu=0), ["lo", "docker0", "vhN", "vhN"]),
        ({"networks": [VETH, {"type": "Veth"}]}, ["lo", "docker0"]),
        (networks(address=""), ["lo", "docker0"]),
        ({"networks": [VETH, {**VETH, "mtu": 0}]}, ["lo", "docker0", "vhN", "vhN"]),
        (
            {**networks(), "namespaces": [{"type": name} for name in ("NEWNS", "NEWPID", "NEWIPC", "NEWUTS")]},
            ["lo", "docker0", "vhN", "vhN"],
        ),
    ],
    ids=["no bridge", "no MTU", "a second network that is none", "no address", "the second of two", "no namespace"],
)
def test_a_pair_that_never_got_into_the_container_stays_on_the_host(changes: dict[str, Any], left: list[str]) -> None:
    """With the namespace goes a pair one end of which is in it; nobody removes another."""
    result = run_minimal(Case("", "", changes))
    assert result.outcome is Outcome.REFUSED
    assert host_links(result) == left


def test_ten_pairs_of_names_are_tried() -> None:
    result = run({**VETH, "veth_prefix": "v\0"})
    names = [what for step, what in told(result) if step == "create_networks"]
    assert names.count("getrandom(32, 0)") == 20
    assert sum(what.startswith("ask NEWLINK CREATE|EXCL") for what in names) == 10


@step
def take_a_name(parent: Parent) -> None:
    """Makes a link of the name that comes next."""
    create_veth_pair(parent.kernel, FIRST_PEER, "other", 0)


FIRST_PEER = "vhe9f7725"


def test_a_name_that_is_taken_is_no_error() -> None:
    result = run_minimal(Case("", "", networks(), flow=LIBCONTAINER.following("join_cgroups", take_a_name)))
    assert (result.outcome, result.message) == (Outcome.EXECUTED, None)
    asked = [render_call(event.call, event.args) for event in result.events if event.call.name == "sendmsg"]
    pairs = [text for text in asked if "veth" in text]
    assert [FIRST_PEER in text for text in pairs] == [True, True, False]


@pytest.mark.parametrize("families", [("AF_INET,",), ("AF_INET,", "PACKET")], ids=len)
def test_any_socket_will_do_for_the_bridge(families: tuple[str, ...]) -> None:
    fails = tuple(Fails("create_networks", "socket", EMFILE, family) for family in families)
    result = run_minimal(Case("", "", networks(), fails=fails))
    assert (result.outcome, result.message) == (Outcome.EXECUTED, None)


def test_a_null_route_is_a_crash_that_the_parent_takes_for_success() -> None:
    result = run(VETH, routes=[None], tty=False)
    assert (result.outcome, result.reported) == (Outcome.DIED, Reported.STARTED)
    assert exit_status(result, Role.INIT) == 2


def test_setting_the_mtu_brings_both_ends_up_and_takes_multicast_away() -> None:
    for name, number in (("create_networks", 4), ("initialise_networks", 3)):
        result = run(VETH)
        asked = next(
            event for event, at in zip(result.events, result.steps, strict=True)
            if at is not None and at.name == name and "mtu=1500" in render_call(event.call, event.args)
        )  # fmt: skip
        assert asked.writes is not None
        task = result.tasks[asked.index]
        result.machine.store.rewind(asked.writes[1])
        link = task.namespaces.net.links[number]
        assert link.flags & (IFF_UP | IFF_MULTICAST) == IFF_UP


def test_networks_are_made_on_the_host_even_where_they_are_then_refused() -> None:
    """NS-17: what is refused is refused too late."""
    result = verify(
        decode(json.dumps({**json.loads((EXAMPLES / "bridge.json").read_text()), "namespaces": []}).encode(), "x").configuration
    )
    assert result.run.message == "unable to apply network parameters without network namespace"
    broken = {invariant.id for invariant, _ in result.judgement.violations}
    assert {"NS-17", "NET-01"} <= broken


class Babbling:
    """A kernel whose netlink answers are not those to what was asked."""

    def __init__(self, kernel: Kernel, **changes: int) -> None:
        self.kernel = kernel
        self.changes = changes

    def __getattr__(self, name: str) -> Any:
        return getattr(self.kernel, name)

    def recvmsg(self, fd: Any, size: int) -> Any:
        received = self.kernel.recvmsg(fd, size)
        changed = tuple(
            replace(message, **self.changes) if isinstance(message.body, Ack) else message for message in received.data
        )
        return replace(received, data=changed)


def hear_nonsense(kernel: Kernel, output: Fd) -> int:
    for changes in ({"sequence": 7}, {"pid": 7}):
        try:
            set_link_up(Babbling(kernel, **changes), find_link(kernel, "lo"))  # type: ignore[arg-type]
        except GoError as error:
            kernel.write(output, f"{error};".encode())
    return 0


def test_an_answer_to_something_else_is_an_error() -> None:
    machine = Machine()
    _, output = machine.spawn_captured(hear_nonsense)
    machine.run()
    assert [process.crash for process in machine.scheduler.ended] == [None]
    assert machine.captured(output) == b"netlink: invalid seq 7, expected 1;netlink: wrong pid 7, expected 2;"


# -- laws of the netlink functions, on both kernels --


def links_come_and_go(kernel: Kernel) -> None:
    make_bridge(kernel, "tstbridge")
    expect("it exists", find_link(kernel, "tstbridge").name, "tstbridge")
    request(kernel, NetlinkType.RTM_DELLINK, Link(name="tstbridge"))
    expect("it is gone", "tstbridge" in links(kernel), False)


def a_link_goes_up_and_down(kernel: Kernel) -> None:
    make_bridge(kernel, "tstup")
    set_link_up(kernel, find_link(kernel, "tstup"))
    expect("up", find_link(kernel, "tstup").flags & IFF_UP, IFF_UP)
    set_link_down(kernel, find_link(kernel, "tstup"))
    expect("down", find_link(kernel, "tstup").flags & IFF_UP, 0)


def a_hardware_address_is_set(kernel: Kernel) -> None:
    make_bridge(kernel, "tstmac")
    set_hardware_address(kernel, find_link(kernel, "tstmac"), "16:DA:8b-00".replace("-", ":") + ":00:01")
    expect("the address", find_link(kernel, "tstmac").address, "16:da:8b:00:00:01")
    try:
        set_hardware_address(kernel, find_link(kernel, "tstmac"), "01:02:03:04:05:06")
    except GoError as error:
        expect("of a group", str(error), "Multicast MAC Address is not supported: 01:02:03:04:05:06")
    expect("as it was", find_link(kernel, "tstmac").address, "16:da:8b:00:00:01")


def an_mtu_is_set_and_brings_the_link_up(kernel: Kernel) -> None:
    create_veth_pair(kernel, "tstmtu", "tstpeer", 0)
    set_mtu(kernel, find_link(kernel, "tstmtu"), 1400)
    found = find_link(kernel, "tstmtu")
    expect("the MTU", (found.mtu, found.flags & (IFF_UP | IFF_MULTICAST)), (1400, IFF_UP))


def a_port_joins_and_leaves_a_bridge(kernel: Kernel) -> None:
    create_veth_pair(kernel, "tstport", "tstpeer", 0)
    bridge = make_bridge(kernel, "tstbridge")
    add_to_bridge(kernel, find_link(kernel, "tstport"), find_link(kernel, "tstbridge"))
    expect("a port", find_link(kernel, "tstport").master, bridge)
    set_hairpin(kernel, find_link(kernel, "tstport"))
    expect("hairpin", find_link(kernel, "tstport").hairpin, True)
    try:
        add_to_bridge(kernel, find_link(kernel, "tstport"), find_link(kernel, "tstbridge"))
    except OSError as error:
        expect("twice", error.errno, EBUSY)
    request(kernel, NetlinkType.RTM_SETLINK, Link(index=index(kernel, "tstport"), master=0))
    expect("no port", find_link(kernel, "tstport").master, None)


def a_link_gets_another_name(kernel: Kernel) -> None:
    create_veth_pair(kernel, "tstold", "tstpeer", 0)
    rename_link(kernel, find_link(kernel, "tstold"), "tstnew")
    expect("the names", sorted(links(kernel)), ["lo", "tstnew", "tstpeer"])
    try:
        rename_link(kernel, find_link(kernel, "tstnew"), "tstpeer")
    except OSError as error:
        expect("taken", error.errno, EEXIST)


def an_address_comes_and_goes(kernel: Kernel) -> None:
    create_veth_pair(kernel, "tstip", "tstpeer", 0)
    link = find_link(kernel, "tstip")
    add_address(kernel, link, "127.0.1.1/32")
    expect("it is there", own(kernel, link.index), ["127.0.1.1/32"])
    body = InterfaceAddress(2, 32, index=link.index, local="127.0.1.1", address="127.0.1.1")
    expect("removed", request(kernel, NetlinkType.RTM_DELADDR, body), 0)
    expect("it is gone", addresses(kernel), [])


def a_route_has_a_preferred_source(kernel: Kernel) -> None:
    create_veth_pair(kernel, "tstroute", "tstpeer", 0)
    link = find_link(kernel, "tstroute")
    set_link_up(kernel, link)
    add_address(kernel, link, "127.1.1.1/16")
    add_route(kernel, "127.0.0.0/8", "127.1.1.1", "", "tstroute")
    add_default_gateway(kernel, "127.1.0.9", "tstroute")
    expect("the routes", ways(kernel), [
        f"default via 127.1.0.9 dev {link.index}",
        f"127.0.0.0/8 dev {link.index} src 127.1.1.1",
        f"127.1.0.0/16 dev {link.index} src 127.1.1.1",
    ])  # fmt: skip
    expect("by whom", {found.protocol for found in routes(kernel)}, {2, 3})


def a_pair_has_two_ends_and_names_of_its_own(kernel: Kernel) -> None:
    create_veth_pair(kernel, "tstveth1", "tstveth2", 11)
    expect("both ends", (find_link(kernel, "tstveth1").txqlen, find_link(kernel, "tstveth2").txqlen), (11, 11))
    try:
        create_veth_pair(kernel, "tstveth1", "tstveth2", 0)
    except GoError as error:
        expect("again", str(error), "Network interface already exists")
    expect("as it was", sorted(links(kernel)), ["lo", "tstveth1", "tstveth2"])


LAWS: tuple[Callable[[Kernel], None], ...] = (
    links_come_and_go,
    a_link_goes_up_and_down,
    a_hardware_address_is_set,
    an_mtu_is_set_and_brings_the_link_up,
    a_port_joins_and_leaves_a_bridge,
    a_link_gets_another_name,
    an_address_comes_and_goes,
    a_route_has_a_preferred_source,
    a_pair_has_two_ends_and_names_of_its_own,
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_simulated_kernel_keeps_the_law(law: Callable[[Kernel], None]) -> None:
    report = subject.run(Law(law))
    assert report.passed, report.failure


@pytest.mark.privileged
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_real_kernel_keeps_the_law(law: Callable[[Kernel], None]) -> None:
    report = linux.run(Law(law))
    assert report.passed, report.failure


# -- addresses as Go reads them --


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("172.17.42.1", "172.17.42.1"), ("010.0.0.001", "10.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("::", "::"),
        ("FD00::A", "fd00::a"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ("fd00:0:0:0:0:0:0:1", "fd00::1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("::10.0.0.1", "::a00:1"), ("1:2::", "1:2::"),
        ("0001:00002::3", "1:2::3"), ("", None), ("1.2.3", None), ("1.2.3.4.5", None), ("1.2.3.256", None), ("1.2.3.-4", None),
        ("1.2.3.4 ", None), ("1..3.4", None), (":", None), (":::", None), ("1::2::3", None), ("1:2:3:4:5:6:7", None),
        ("1:2:3:4:5:6:7:8:9", None), ("1:2:3:4:5:6:7:8:", None), ("10000::", None), ("fd00::g", None), ("fe80::1%eth0", None),
        ("1.2.3.4::", None), ("localhost", None), ("1.2.3.\u0664", None), ("16777216.0.0.1", None),
    ],
)  # fmt: skip
def test_an_ip_is_read_as_in_go(text: str, shown: str | None) -> None:
    ip = parse_ip(text)
    assert (None if ip is None else str(ip)) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10.0.0.1/8", ("10.0.0.1", 8)), ("10.0.0.1/00", ("10.0.0.1", 0)), ("fd00::1/128", ("fd00::1", 128)),
        ("::ffff:10.0.0.1/104", ("10.0.0.1", 104)), ("10.0.0.1", None), ("10.0.0.1/", None), ("10.0.0.1/33", None),
        ("10.0.0.1/8/8", None), ("10.0.0.1/ 8", None), ("fd00::1/129", None), ("/8", None), ("10.0.0/8", None), ("", None),
    ],
)  # fmt: skip
def test_a_network_is_read_as_in_go(text: str, shown: tuple[str, int] | None) -> None:
    if shown is None:
        with pytest.raises(GoError, match=f"^{re.escape(f'invalid CIDR address: {text}')}$"):
            parse_cidr(text)
    else:
        ip, length = parse_cidr(text)
        assert (str(ip), length) == shown


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("02:42:ac:11:00:17", "0242ac110017"), ("02-42-AC-11-00-17", "0242ac110017"), ("0242.ac11.0017", "0242ac110017"),
        ("02:42:ac:11:00:17:aa:bb", "0242ac110017aabb"), ("0242.ac11.0017.aabb", "0242ac110017aabb"), ("0242ac110017", None),
        ("02:42:ac:11:00", None), ("02:42:ac:11:00:17:aa", None), ("02:42:ac:11:00:1", None), ("02:42:ac:11:00-17", None),
        ("2:42:ac:11:00:17:1", None), ("0242.ac11.001x", None), ("02:42:ac:11:00:\u06617", None),
    ],
)  # fmt: skip
def test_a_hardware_address_is_read_as_in_go(text: str, octets: str | None) -> None:
    if octets is None:
        with pytest.raises(GoError, match=f"^{re.escape(f'invalid MAC address: {text}')}$"):
            parse_mac(text)
    else:
        assert parse_mac(text).hex() == octets
