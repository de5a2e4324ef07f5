"""Addresses of network links (rtnetlink(7), net/ipv4/devinet.c, net/ipv6/addrconf.c).

Of IPv6 there are the addresses that somebody gave, and ::1. Those that a link makes for itself, and how they become usable, are
not modelled: what depends on them takes the network fe80::/64 to be there on each link that is up.
"""

from ipaddress import IPv6Address
from typing import TYPE_CHECKING

from fakekernel import routes
from fakekernel.namespaces import NetLink, NetNamespace
from fakekernel.routes import IFA_F_SECONDARY, INET, INET6, REPLACE, mask, number
from kernelapi.errors import NotModelled
from kernelapi.protocol.addresses import (
    ADDRESS_EXISTS,
    ADDRESS_IMPOSSIBLE,
    ADDRESS_INVALID,
    ADDRESS_MISSING,
    ADDRESS_OF_NO_LINK,
    ADDRESS_ROUTES,
    ADDRESS_SCOPE,
    ADDRESS_SECONDARY,
    ADDRESS_ZERO,
)
from kernelapi.values import IFF_LOOPBACK, RT_SCOPE_HOST, InterfaceAddress

if TYPE_CHECKING:
    from fakekernel.machine import Machine
    from fakekernel.syscalls.base import SyscallBase

IFA_F_PERMANENT = 0x80


# -- what happens to them --


def give_loopback(machine: "Machine", link: NetLink) -> None:
    """What `lo` gets by itself when it comes up (inetdev_event, init_loopback)."""
    ipv4 = _new(link, INET, "127.0.0.1", 8, scope=RT_SCOPE_HOST)
    if not any(_same_network(address, ipv4) for address in link.addresses):
        _insert(machine, link, ipv4)
    if not any(address.local == "::1" for address in link.addresses):
        _insert(machine, link, _new(link, INET6, "::1", 128, scope=RT_SCOPE_HOST))


def drop_ipv6(link: NetLink) -> None:
    """Remove what does not outlive a link that goes down (addrconf_ifdown)."""
    kept = tuple(address for address in link.addresses if address.family == INET)
    if len(kept) != len(link.addresses):
        link.addresses = kept


def drop_all(link: NetLink) -> None:
    """Remove all addresses of a link that leaves, with their routes."""
    while link.addresses:
        _remove(link, link.addresses[0])


def _new(link: NetLink, family: int, local: str, prefixlen: int, *, scope: int = 0) -> InterfaceAddress:
    return InterfaceAddress(family, prefixlen, IFA_F_PERMANENT, scope, link.index, local, local)


def plant(link: NetLink, local: str, prefixlen: int, scope: int = 0) -> None:
    """Give a link of a machine that is being made an IPv4 address."""
    address = _new(link, INET, local, prefixlen, scope=scope)
    _place(link, address)
    routes.address_added(link, address)


def _insert(machine: "Machine", link: NetLink, address: InterfaceAddress) -> None:
    """Add an address, with its routes."""
    _place(link, address)
    if address.family == INET and ADDRESS_ROUTES not in machine.suspended:
        routes.address_added(link, address)


def _place(link: NetLink, address: InterfaceAddress) -> None:
    """Put an address after those of its kind: those of the host alone, the others, secondary ones (__inet_insert_ifa)."""
    ipv4 = [other for other in link.addresses if other.family == INET]
    ipv6 = [other for other in link.addresses if other.family == INET6]
    if address.family == INET6:
        ipv6.append(address)
    else:
        first = [other for other in ipv4 if not other.flags & IFA_F_SECONDARY]
        place = sum(other.scope >= address.scope for other in first)
        second = [other for other in ipv4 if other.flags & IFA_F_SECONDARY]
        if address.flags & IFA_F_SECONDARY:
            second.append(address)
        else:
            first.insert(place, address)
        ipv4 = first + second
    link.addresses = (*ipv4, *ipv6)


def _remove(link: NetLink, address: InterfaceAddress) -> None:
    """Remove an address; with a first one go the secondary ones of its network (__inet_del_ifa)."""
    going = [address]
    if address.family == INET and not address.flags & IFA_F_SECONDARY:
        going += [other for other in link.addresses if other.flags & IFA_F_SECONDARY and _same_network(other, address)]
    for each in going:
        link.addresses = tuple(other for other in link.addresses if other is not each)
        if each.family == INET:
            routes.address_removed(link, each)


def _same_network(one: InterfaceAddress, other: InterfaceAddress) -> bool:
    assert one.local is not None
    assert other.local is not None
    return (
        one.family == other.family == INET
        and one.prefixlen == other.prefixlen
        and not (number(one.local) ^ number(other.local)) & mask(one.prefixlen)
    )


# -- requests --


def add(kernel: "SyscallBase", net: NetNamespace, wanted: InterfaceAddress, flags: int) -> None:
    """RTM_NEWADDR (inet_rtm_newaddr, inet6_rtm_newaddr)."""
    if wanted.flags or wanted.scope or flags & REPLACE or (wanted.address not in (None, wanted.local) and wanted.local):
        raise NotModelled("an address with flags, with a scope, with the other end of a link, or in place of another")
    if wanted.family == INET6:
        _add_6(kernel, net, wanted)
        return
    if wanted.prefixlen > 32 or wanted.local is None:
        kernel.fail(ADDRESS_INVALID)
    if not number(wanted.local) and kernel.happens(ADDRESS_ZERO):
        return
    link = net.links.get(wanted.index)
    if link is None:
        kernel.fail(ADDRESS_OF_NO_LINK)
    new = _new(link, INET, wanted.local, wanted.prefixlen)
    near = [other for other in link.addresses if _same_network(other, new)]
    if any(other.local == wanted.local for other in near):
        kernel.refuse(ADDRESS_EXISTS)
    if any(other.scope != new.scope for other in near):
        kernel.refuse(ADDRESS_SCOPE)
    # -- effects only below --
    if near and kernel.happens(ADDRESS_SECONDARY):
        new = InterfaceAddress(
            INET, new.prefixlen, new.flags | IFA_F_SECONDARY, new.scope, new.index, new.local, new.address
        )  # fmt: skip
    _insert(kernel.machine, link, new)


def _add_6(kernel: "SyscallBase", net: NetNamespace, wanted: InterfaceAddress) -> None:
    given = wanted.local or wanted.address
    if given is None:
        kernel.fail(ADDRESS_INVALID)
    link = net.links.get(wanted.index)
    if link is None:
        kernel.fail(ADDRESS_OF_NO_LINK)
    address = IPv6Address(given)
    if any(other.local == str(address) for other in link.addresses):
        kernel.refuse(ADDRESS_EXISTS)
    if wanted.prefixlen > 128:
        kernel.refuse(ADDRESS_INVALID)
    if address.is_multicast or address.is_unspecified or (address.is_loopback and not link.flags & IFF_LOOPBACK):
        kernel.refuse(ADDRESS_IMPOSSIBLE)
    # -- effects only below --
    _insert(kernel.machine, link, _new(link, INET6, str(address), wanted.prefixlen))


def remove(kernel: "SyscallBase", net: NetNamespace, wanted: InterfaceAddress) -> None:
    """RTM_DELADDR (inet_rtm_deladdr): the first address that fits what is given of it."""
    if wanted.family == INET6:
        raise NotModelled("removing an IPv6 address")
    link = net.links.get(wanted.index)
    if link is None:
        kernel.fail(ADDRESS_OF_NO_LINK)
    for address in link.addresses:
        if address.family == INET and _fits(address, wanted):
            # -- effects only below --
            _remove(link, address)
            return
    kernel.fail(ADDRESS_MISSING)


def _fits(address: InterfaceAddress, wanted: InterfaceAddress) -> bool:
    if wanted.local not in (None, address.local):
        return False
    if wanted.address is None:
        return True
    assert address.local is not None
    apart = (number(address.local) ^ number(wanted.address)) & mask(address.prefixlen)
    return wanted.prefixlen == address.prefixlen and not apart


def listed(net: NetNamespace) -> list[InterfaceAddress]:
    """All IPv4 addresses as a dump shows them."""
    links = sorted(net.links.values(), key=lambda link: link.index)
    return [address for link in links for address in link.addresses if address.family == INET]
