"""Requests about network links, by netlink and by ioctl: what is refused, and what is then done (net/core/rtnetlink.c,
net/core/dev_ioctl.c, net/bridge/br_ioctl.c).

A request that changes several things at once is carried out as far as it goes, in the kernel's order: what comes before the
change that is refused has happened.
"""

from typing import TYPE_CHECKING

from fakekernel import links
from fakekernel.namespaces import NetLink, NetNamespace
from kernelapi.capability import Cap
from kernelapi.errors import NotModelled
from kernelapi.flags import AddressFamily
from kernelapi.protocol.links import (
    IOCTL_BRIDGE,
    IOCTL_DENIED,
    IOCTL_LOOPBACK,
    IOCTL_NO_BRIDGE,
    IOCTL_NO_LINK,
    IOCTL_OTHER_KIND,
    IOCTL_PORT_ALREADY,
    LINK_EXISTS,
    LINK_FLAGS_OF_A_MASK,
    LINK_HARDWARE_ADDRESS,
    LINK_IS_UP,
    LINK_KIND,
    LINK_LASTS,
    LINK_MISSING,
    LINK_MTU,
    LINK_NAME,
    LINK_NAME_LONG,
    LINK_NAME_TAKEN,
    LINK_NAME_TAKEN_THERE,
    LINK_NEGATIVE,
    LINK_NO_PROCESS,
    LINK_PEER_FIRST,
    LINK_STAYS,
    LINK_TARGET_DENIED,
    LINK_UNNAMED,
    MASTER_LEFT_FIRST,
    MASTER_MISSING,
    MASTER_UNSUPPORTED,
    NOT_A_PORT,
    PORT_BRIDGE,
    PORT_LOOPBACK,
)
from kernelapi.rules import Refusal
from kernelapi.values import IFF_UP, Link, NetlinkFlag, NetlinkType

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase

SETTABLE = 0x04 | 0x20 | 0x80 | 0x1000 | 0x2000 | 0x4000 | 0x8000
"""Flags that are just stored: DEBUG, NOTRAILERS, NOARP, MULTICAST, PORTSEL, AUTOMEDIA, DYNAMIC (__dev_change_flags)."""
COUNTED = 0x100 | 0x200  # IFF_PROMISC, IFF_ALLMULTI
REPLACE = 0x100
ALL = 0xFFFFFFFF
LOWEST_MTU, HIGHEST_MTU = 68, 65535


# -- finding --


def find(kernel: "SyscallBase", net: NetNamespace, type: int, wanted: Link) -> NetLink | None:
    """The link that a request names; None where RTM_NEWLINK names none that is there."""
    new = type == NetlinkType.RTM_NEWLINK
    found: NetLink | None = None
    if wanted.name is not None and links.is_long(wanted.name):
        kernel.refuse(LINK_NAME_LONG)
    if wanted.index > 0:
        found = net.links.get(wanted.index)
    elif wanted.index < 0 and new:
        kernel.refuse(LINK_NEGATIVE)
    elif wanted.name is not None:
        found = links.named(net, links.name_of(wanted.name))
    elif not new:
        kernel.fail(LINK_UNNAMED)
    if found is None and not new:
        kernel.fail(LINK_MISSING)
    return found


# -- RTM_NEWLINK, RTM_SETLINK, RTM_DELLINK --


def newlink(kernel: "SyscallBase", net: NetNamespace, wanted: Link, flags: int) -> None:
    """Make a link, or change one that is there (rtnl_newlink)."""
    if wanted.family == AddressFamily.BRIDGE:
        raise NotModelled("RTM_NEWLINK of the family AF_BRIDGE")
    if wanted.name is not None and links.is_long(wanted.name):
        kernel.refuse(LINK_NAME_LONG)
    target = _target(kernel, net, wanted)
    found = find(kernel, net, NetlinkType.RTM_NEWLINK, wanted)
    if found is not None:
        if flags & NetlinkFlag.EXCL:
            kernel.refuse(LINK_EXISTS)
        if flags & REPLACE or wanted.info is not None:
            raise NotModelled("replacing a link, or changing what is particular to its kind")
        _change(kernel, found, wanted, target)
        return
    if not flags & NetlinkFlag.CREATE:
        kernel.fail(LINK_MISSING)
    if target is not net or wanted.index > 0:
        raise NotModelled("making a link in another network namespace, or with a number of one's choice")
    _create(kernel, net, wanted)


def setlink(kernel: "SyscallBase", net: NetNamespace, wanted: Link) -> None:
    """Change a link (rtnl_setlink); of the family AF_BRIDGE, a port (rtnl_bridge_setlink)."""
    if wanted.family == AddressFamily.BRIDGE:
        _set_port(kernel, net, wanted)
        return
    if wanted.name is not None and links.is_long(wanted.name):
        kernel.refuse(LINK_NAME_LONG)
    target = _target(kernel, net, wanted)
    found = find(kernel, net, NetlinkType.RTM_SETLINK, wanted)
    assert found is not None
    _change(kernel, found, wanted, target)


def dellink(kernel: "SyscallBase", net: NetNamespace, wanted: Link) -> None:
    """Remove a link (rtnl_dellink)."""
    found = find(kernel, net, NetlinkType.RTM_DELLINK, wanted)
    assert found is not None
    if not found.kind:
        kernel.refuse(LINK_LASTS)
        return
    # -- effects only below --
    links.remove(kernel.machine, found)


def _target(kernel: "SyscallBase", net: NetNamespace, wanted: Link) -> NetNamespace:
    """Where the link is to be (rtnl_link_get_net_capable)."""
    if wanted.net_ns_pid is None:
        return net
    pid = kernel.task.pid_namespace.pids.get(wanted.net_ns_pid)
    task = None if pid is None else pid.task
    if task is None or not task.lives:
        kernel.fail(LINK_NO_PROCESS)
    target = task.namespaces.net
    if not kernel.capable_over(target.owner, Cap.NET_ADMIN):
        kernel.refuse(LINK_TARGET_DENIED)
    return target


# -- making --


def _create(kernel: "SyscallBase", net: NetNamespace, wanted: Link) -> None:
    """A new link of the kind that is asked for (rtnl_newlink_create)."""
    kind = None if wanted.info is None else wanted.info.kind
    if kind in NOT_SIMULATED:
        raise NotModelled(f"links of kind {kind}")
    if kind not in ("veth", "bridge"):
        kernel.fail(LINK_KIND)
    if wanted.flags or wanted.change or (wanted.mtu, wanted.address, wanted.master) != (None, None, None):
        raise NotModelled("a new link that gets more than a name and the length of its queue")
    machine, seed = kernel.machine, kernel.machine.seed
    if kind == "bridge":
        name = _free_name(kernel, net, wanted.name, "bridge%d", LINK_EXISTS)
        # -- effects only below --
        made = links.bridge(kernel.store, net, name, links.random_address(seed, net, net.next_link))
    else:
        assert wanted.info is not None
        peer_wanted = wanted.info.peer or Link()
        if peer_wanted.name is not None and links.is_long(peer_wanted.name):
            kernel.refuse(LINK_NAME_LONG)
        if peer_wanted.info is not None or (peer_wanted.mtu, peer_wanted.address, peer_wanted.net_ns_pid) != (None,) * 3:
            raise NotModelled("a peer that gets more than a name and the length of its queue")
        peer_name = _free_name(kernel, net, peer_wanted.name, "veth%d", LINK_NAME_TAKEN)
        index = links.take_index(net)
        peer = links.veth(kernel.store, net, index, peer_name, links.random_address(seed, net, index))
        try:
            name = _free_name(kernel, net, wanted.name, "veth%d", LINK_NAME_TAKEN)
        except OSError:
            links.remove(machine, peer)
            if not kernel.happens(LINK_PEER_FIRST):
                net.next_link = index
            raise
        # -- effects only below --
        index = links.take_index(net)
        made = links.veth(kernel.store, net, index, name, links.random_address(seed, net, index))
        made.peer, peer.peer = peer, made
        if peer_wanted.txqlen is not None:
            peer.txqlen = peer_wanted.txqlen
    if wanted.txqlen is not None:
        made.txqlen = wanted.txqlen


NOT_SIMULATED = frozenset(
    ("dummy", "vlan", "macvlan", "macvtap", "ipvlan", "vxlan", "bond", "team", "ifb", "tun", "gre", "vrf")
)
"""Kinds that another kernel may have."""


def _free_name(kernel: "SyscallBase", net: NetNamespace, given: str | None, pattern: str, taken: Refusal) -> str:
    """What a new link is called: `given`, or as `pattern` says where nothing is given (dev_get_valid_name)."""
    name = pattern if given is None else links.name_of(given)
    found = links.numbered(net, name) if links.is_name(name) else None
    if found is None:
        kernel.fail(LINK_NAME)
    if links.named(net, found) is not None:
        if found != name:  # a pattern whose number was cut: seen late, when the link has its index already
            links.take_index(net)
        kernel.fail(taken)
    return found


# -- changing --


def _change(kernel: "SyscallBase", link: NetLink, wanted: Link, target: NetNamespace) -> None:
    """What is to be another way, one thing after the other (do_setlink)."""
    machine = kernel.machine
    if target is not link.net:
        if wanted.index > 0 and wanted.name is not None and links.name_of(wanted.name) != link.name:
            raise NotModelled("a link that gets another name and another network namespace at once")
        _move(kernel, link, target)
    if wanted.address is not None:
        _set_address(kernel, link, wanted.address)
    if wanted.mtu is not None:
        _set_mtu(kernel, link, wanted.mtu)
    if wanted.name is not None and wanted.index > 0 and (name := links.name_of(wanted.name)):
        _rename(kernel, link, name)
    if wanted.flags or wanted.change:
        links.set_flags(machine, link, _flags(kernel, link, wanted))
    if wanted.master is not None:
        _set_master(kernel, link, wanted.master)
    if wanted.txqlen is not None and wanted.txqlen != link.txqlen:
        link.txqlen = wanted.txqlen


def _move(kernel: "SyscallBase", link: NetLink, target: NetNamespace) -> None:
    if link.kind != "veth":
        kernel.refuse(LINK_STAYS)
    if links.named(target, link.name) is not None:
        kernel.refuse(LINK_NAME_TAKEN_THERE)
    # -- effects only below --
    links.move(kernel.machine, link, target)


def _set_address(kernel: "SyscallBase", link: NetLink, address: str) -> None:
    data = bytes.fromhex(address.replace(":", ""))
    if data[0] & 1 or not any(data):
        kernel.refuse(LINK_HARDWARE_ADDRESS)
    # -- effects only below --
    link.address = data.hex(":")
    if link.kind == "bridge":
        link.own_address = True
    elif link.master is not None:
        links.follow_ports(kernel.machine, link.master)


def _set_mtu(kernel: "SyscallBase", link: NetLink, mtu: int) -> None:
    if mtu >= 1 << 31 or (link.kind and not LOWEST_MTU <= mtu <= HIGHEST_MTU):
        kernel.refuse(LINK_MTU)
    if mtu < LOWEST_MTU and not link.kind:
        raise NotModelled("a loopback with an MTU below 68: there is no IPv4 on it")
    # -- effects only below --
    if mtu != link.mtu:
        link.mtu = mtu
        if link.kind == "bridge":
            link.own_mtu = True
        elif link.master is not None:
            links.follow_ports(kernel.machine, link.master)


def _rename(kernel: "SyscallBase", link: NetLink, name: str) -> None:
    """Give a link another name (dev_change_name)."""
    if link.flags & IFF_UP:
        kernel.refuse(LINK_IS_UP)
    if name == link.name:
        return
    found = links.numbered(link.net, name) if links.is_name(name) else None
    if found is None:
        kernel.fail(LINK_NAME)
    if links.named(link.net, found) not in (None, link):
        kernel.refuse(LINK_NAME_TAKEN)
    # -- effects only below --
    link.name = found


def _flags(kernel: "SyscallBase", link: NetLink, wanted: Link) -> int:
    """The flags that a link is to have: those of `change` as they are given, or, if that is 0, all (__dev_change_flags)."""
    change = wanted.change or ALL
    if not kernel.happens(LINK_FLAGS_OF_A_MASK) and change == ALL:
        return link.flags
    flags = wanted.flags & change | link.flags & ~change
    if (flags ^ link.flags) & COUNTED:
        raise NotModelled("IFF_PROMISC and IFF_ALLMULTI of a link")
    mask = SETTABLE | IFF_UP
    return flags & mask | link.flags & ~mask


# -- ports --


def _set_master(kernel: "SyscallBase", link: NetLink, index: int) -> None:
    """Make a link a port of the bridge `index`, or of none if that is 0 (do_set_master)."""
    machine = kernel.machine
    bridge = link.net.links.get(index)
    if link.master is not None:
        if link.master is bridge:
            return
        if index == 0 or kernel.happens(MASTER_LEFT_FIRST):
            links.release(machine, link)
    if index == 0:
        return
    if bridge is None:
        kernel.fail(MASTER_MISSING)
    if bridge.kind != "bridge":
        kernel.refuse(MASTER_UNSUPPORTED)
    if not link.kind or link.address == links.NO_ADDRESS:
        kernel.refuse(PORT_LOOPBACK)
    if link.kind == "bridge":
        kernel.refuse(PORT_BRIDGE)
    # -- effects only below --
    links.enslave(machine, link, bridge)


def _set_port(kernel: "SyscallBase", net: NetNamespace, wanted: Link) -> None:
    """Change a port; what else the request says of the link does not count (rtnl_bridge_setlink)."""
    link = net.links.get(wanted.index)
    if link is None:
        kernel.fail(LINK_MISSING)
    if link.master is None:
        kernel.refuse(NOT_A_PORT)
    # -- effects only below --
    if wanted.hairpin is not None and wanted.hairpin != link.hairpin:
        link.hairpin = wanted.hairpin


def add_port(kernel: "SyscallBase", net: NetNamespace, bridge_name: str, index: int) -> None:
    """SIOCBRADDIF (dev_ifsioc, add_del_if, br_add_if)."""
    if not kernel.capable_over(net.owner, Cap.NET_ADMIN):
        kernel.refuse(IOCTL_DENIED)
    bridge = links.named(net, links.name_of(bridge_name))
    if bridge is None:
        kernel.fail(IOCTL_NO_BRIDGE)
    if bridge.kind != "bridge":
        kernel.refuse(IOCTL_OTHER_KIND)
    link = net.links.get(index)
    if link is None:
        kernel.fail(IOCTL_NO_LINK)
    if not link.kind or link.address == links.NO_ADDRESS:
        kernel.refuse(IOCTL_LOOPBACK)
    if link.kind == "bridge":
        kernel.refuse(IOCTL_BRIDGE)
    if link.master is not None:
        kernel.refuse(IOCTL_PORT_ALREADY)
    # -- effects only below --
    links.enslave(kernel.machine, link, bridge)
