"""Network links: their names, states and bridges, and what happens to them (netdevice(7), veth(4), net/core/dev.c, net/bridge).

Nothing here is refused: what a request may be refused for is in `fakekernel.linkrequests`.
"""

import os
from hashlib import blake2b
from typing import TYPE_CHECKING

from fakekernel import addresses, routes
from fakekernel.namespaces import NetLink, NetNamespace
from kernelapi.protocol.addresses import ADDRESS_ROUTES
from kernelapi.protocol.links import (
    BRIDGE_FOLLOWS_PORTS,
    LINK_DOWN_FLUSHES,
    LINK_MOVE_STRIPS,
    LINK_UP_LOOPBACK,
    PEER_GOES_TOO,
)
from kernelapi.values import (
    ARPHRD_ETHER,
    ARPHRD_LOOPBACK,
    IFF_BROADCAST,
    IFF_LOOPBACK,
    IFF_LOWER_UP,
    IFF_MULTICAST,
    IFF_RUNNING,
    IFF_UP,
    Link,
    LinkInfo,
)

if TYPE_CHECKING:
    from fakekernel.machine import Machine
    from fakekernel.store import Store

NO_ADDRESS = "00:00:00:00:00:00"
ETHERNET_MTU, LOOPBACK_MTU = 1500, 65536
DEFAULT_QUEUE = 1000
LONGEST_NAME = 15
SPACE = b" \t\n\v\f\r\xa0"
"""What isspace of the kernel takes for a space: the last byte is one in Latin-1, and part of some letters in UTF-8."""


# -- names --


def name_of(given: str) -> str:
    """What the kernel reads of a name: up to the first NUL."""
    return given.partition("\0")[0]


def is_long(given: str) -> bool:
    """Whether a name, as it is given, is beyond what the message may hold (ifla_policy)."""
    return len(os.fsencode(given)) > LONGEST_NAME


def is_name(name: str) -> bool:
    """Whether a link may be called so (dev_valid_name)."""
    data = os.fsencode(name)
    return bool(data) and name not in (".", "..") and not any(byte in b"/:" + SPACE for byte in data)


def numbered(net: NetNamespace, pattern: str) -> str | None:
    """The name that `pattern` stands for: with "%d", the lowest number that is free, cut to what a name may have; None where it
    is no pattern. A number that is itself cut is free, whatever the name is (__dev_alloc_name)."""
    if "%" not in pattern:
        return pattern
    before, _, after = pattern.partition("%")
    if not after.startswith("d") or "%" in after:
        return None
    taken = {link.name for link in net.links.values()}
    number = 0
    while (name := _cut(f"{before}{number}{after[1:]}")) in taken and not is_long(f"{before}{number}"):
        number += 1
    return name


def _cut(name: str) -> str:
    return os.fsdecode(os.fsencode(name)[:LONGEST_NAME])


def named(net: NetNamespace, name: str) -> NetLink | None:
    """The link of this name."""
    return next((link for link in net.links.values() if link.name == name), None)


# -- birth --


def take_index(net: NetNamespace) -> int:
    """A number for a new link (dev_new_index)."""
    index = net.next_link
    while index in net.links:
        index += 1
    net.next_link = index + 1
    return index


def loopback(store: "Store", net: NetNamespace) -> NetLink:
    """The `lo` of a new network namespace: down, and without an address."""
    return _register(store, net, take_index(net), "lo", IFF_LOOPBACK, LOOPBACK_MTU)


def bridge(store: "Store", net: NetNamespace, name: str, address: str) -> NetLink:
    """A new bridge."""
    link = _register(store, net, take_index(net), name, IFF_BROADCAST | IFF_MULTICAST, ETHERNET_MTU)
    link.kind, link.address = "bridge", address
    return link


def veth(store: "Store", net: NetNamespace, index: int, name: str, address: str) -> NetLink:
    """One end of a new veth, with the number `index`."""
    link = _register(store, net, index, name, IFF_BROADCAST | IFF_MULTICAST, ETHERNET_MTU)
    link.kind, link.address = "veth", address
    return link


def _register(store: "Store", net: NetNamespace, index: int, name: str, flags: int, mtu: int) -> NetLink:
    link = NetLink(store=store, index=index, name=name, flags=flags, mtu=mtu, net=net)
    net.links[index] = link
    return link


def random_address(seed: int, net: NetNamespace, index: int) -> str:
    """A hardware address that nobody chose: of no group, and local (eth_random_addr). The same one in each run."""
    data = bytearray(blake2b(f"{seed} {net.inum} {index}".encode(), digest_size=6).digest())
    data[0] = data[0] & 0xFE | 0x02
    return data.hex(":")


# -- what others see --


def has_carrier(link: NetLink) -> bool:
    """Whether there is somebody to send to: the other end of a veth, or of one port of a bridge, is up."""
    if link.kind == "veth":
        return link.peer is not None and bool(link.flags & link.peer.flags & IFF_UP)
    if link.kind == "bridge":
        ports = ports_of(link)
        return any(has_carrier(port) for port in ports) if ports else link.carrier
    return True


def shown_flags(link: NetLink) -> int:
    """The flags that an answer shows (dev_get_flags). Linux sets IFF_RUNNING a moment later, and so it does on a bridge."""
    return link.flags | (IFF_RUNNING | IFF_LOWER_UP if link.flags & IFF_UP and has_carrier(link) else 0)


def describe(link: NetLink) -> Link:
    """What an answer says about a link."""
    return Link(
        index=link.index,
        flags=shown_flags(link),
        name=link.name,
        mtu=link.mtu,
        type=ARPHRD_ETHER if link.kind else ARPHRD_LOOPBACK,
        txqlen=link.txqlen,
        address=link.address,
        lower=None if link.peer is None else link.peer.index,
        master=None if link.master is None else link.master.index,
        info=LinkInfo(link.kind) if link.kind else None,
        hairpin=link.hairpin if link.master is not None else None,
    )


# -- up and down --


def bring_up(machine: "Machine", link: NetLink) -> None:
    """What follows when IFF_UP has been set."""
    if link.flags & IFF_LOOPBACK and LINK_UP_LOOPBACK not in machine.suspended:
        addresses.give_loopback(machine, link)
    if ADDRESS_ROUTES not in machine.suspended:
        routes.link_up(link)


def take_down(machine: "Machine", link: NetLink) -> None:
    """What follows when IFF_UP has been cleared."""
    if LINK_DOWN_FLUSHES not in machine.suspended:
        routes.link_down(link)
        addresses.drop_ipv6(link)


def set_flags(machine: "Machine", link: NetLink, flags: int) -> None:
    """Let the link have exactly these flags."""
    if flags == link.flags:
        return
    changed = flags ^ link.flags
    link.flags = flags
    if changed & IFF_UP:
        (bring_up if flags & IFF_UP else take_down)(machine, link)


# -- bridges --


def ports_of(bridge: NetLink) -> list[NetLink]:
    return [link for link in bridge.net.links.values() if link.master is bridge]


def enslave(machine: "Machine", link: NetLink, bridge: NetLink) -> None:
    """Make a link a port (br_add_if)."""
    link.master = bridge
    follow_ports(machine, bridge)


def release(machine: "Machine", link: NetLink) -> None:
    """Make a port none (br_del_if)."""
    bridge = link.master
    if bridge is not None:
        link.master = None
        link.hairpin = False
        if not ports_of(bridge):
            bridge.carrier = False
        follow_ports(machine, bridge)


def follow_ports(machine: "Machine", bridge: NetLink) -> None:
    """Let the bridge have the lowest hardware address and the lowest MTU of its ports."""
    if BRIDGE_FOLLOWS_PORTS in machine.suspended:
        return
    ports = ports_of(bridge)
    if not bridge.own_address:
        bridge.address = min((port.address for port in ports), default=NO_ADDRESS)
    if not bridge.own_mtu:
        bridge.mtu = min((port.mtu for port in ports), default=ETHERNET_MTU)


# -- leaving --


def remove(machine: "Machine", link: NetLink) -> None:
    """The link is gone; of a veth, both ends (rtnl_delete_link)."""
    ends = [link]
    if link.peer is not None and PEER_GOES_TOO not in machine.suspended:
        ends.append(link.peer)
    for port in ports_of(link) if link.kind == "bridge" else ():
        release(machine, port)
    for end in ends:
        _detach(machine, end)
        if end.peer is not None:
            end.peer = None


def _detach(machine: "Machine", link: NetLink) -> None:
    """Take a link out of its network namespace, down and with nothing left (unregister_netdevice_many)."""
    release(machine, link)
    if link.flags & IFF_UP:
        link.flags &= ~IFF_UP
    addresses.drop_all(link)
    routes.link_gone(link)
    del link.net.links[link.index]


def move(machine: "Machine", link: NetLink, target: NetNamespace) -> None:
    """Let a link go on in another network namespace, under its number if that is free there (__dev_change_net_namespace)."""
    flags, master, held = link.flags, link.master, link.addresses
    _detach(machine, link)
    if link.index in target.links:
        link.index = take_index(target)
    link.net = target
    target.links[link.index] = link
    if LINK_MOVE_STRIPS in machine.suspended:
        link.flags, link.master, link.addresses = flags, master, held
