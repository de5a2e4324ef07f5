"""Addresses of network links, by netlink (rtnetlink(7), net/ipv4/devinet.c, net/ipv6/addrconf.c)."""

from errno import EADDRNOTAVAIL, EEXIST, EINVAL, ENODEV

from kernelapi.rules import ARGUMENTS, STATE, Effect, Refusal

ADDRESS_INVALID = Refusal(
    "rtnetlink.einval.address", call="rtnetlink", errno=EINVAL, depends=ARGUMENTS,
    cause="the prefix is longer than an address, or there is no address",
    source="rtnetlink(7), RTM_NEWADDR; net/ipv4/devinet.c rtm_to_ifaddr, net/ipv6/addrconf.c inet6_addr_add",
)  # fmt: skip
ADDRESS_OF_NO_LINK = Refusal(
    "rtnetlink.enodev.address", call="rtnetlink", errno=ENODEV, depends=STATE,
    cause="an address is for a link that does not exist",
    source="rtnetlink(7); net/ipv4/devinet.c rtm_to_ifaddr, net/ipv6/addrconf.c inet6_rtm_newaddr",
)  # fmt: skip
ADDRESS_IMPOSSIBLE = Refusal(
    "rtnetlink.eaddrnotavail.address", call="rtnetlink", errno=EADDRNOTAVAIL, depends=ARGUMENTS,
    cause="the address is an IPv6 one of a group, of nobody, or of the loopback (and the link is not `lo`)",
    source="net/ipv6/addrconf.c ipv6_add_addr",
)  # fmt: skip
ADDRESS_SCOPE = Refusal(
    "rtnetlink.einval.scope", call="rtnetlink", errno=EINVAL, depends=STATE,
    cause="the link has an address in the same network that has another scope, as that of `lo` has",
    source="net/ipv4/devinet.c __inet_insert_ifa",
)  # fmt: skip
ADDRESS_EXISTS = Refusal(
    "rtnetlink.eexist.address", call="rtnetlink", errno=EEXIST, depends=STATE,
    cause="the link has the address already (an IPv4 one: with the same prefix length)",
    source="rtnetlink(7); net/ipv4/devinet.c __inet_insert_ifa, net/ipv6/addrconf.c ipv6_add_addr",
)  # fmt: skip
ADDRESS_MISSING = Refusal(
    "rtnetlink.eaddrnotavail.missing", call="rtnetlink", errno=EADDRNOTAVAIL, depends=STATE,
    cause="an address is to be removed that the link does not have",
    source="rtnetlink(7), RTM_DELADDR; net/ipv4/devinet.c inet_rtm_deladdr",
)  # fmt: skip
ADDRESS_ZERO = Effect(
    "rtnetlink.address-zero", call="rtnetlink",
    cause="to give a link the address 0.0.0.0 succeeds and does nothing, whether or not there is such a link",
    source="net/ipv4/devinet.c inet_rtm_newaddr",
)  # fmt: skip
ADDRESS_ROUTES = Effect(
    "rtnetlink.address-routes", call="rtnetlink",
    cause="an address brings routes: a local one to itself, and, while the link is up, one to its network and one to its "
    "broadcast address",
    source="net/ipv4/fib_frontend.c fib_add_ifaddr",
)  # fmt: skip
ADDRESS_SECONDARY = Effect(
    "rtnetlink.address-secondary", call="rtnetlink",
    cause="a second address in the same network is a secondary one: it goes with the first, which is the source of its routes",
    source="ip-address(8); net/ipv4/devinet.c __inet_insert_ifa, __inet_del_ifa",
)  # fmt: skip

ADDRESSES = (
    ADDRESS_INVALID, ADDRESS_OF_NO_LINK, ADDRESS_IMPOSSIBLE, ADDRESS_EXISTS, ADDRESS_SCOPE, ADDRESS_MISSING,
)  # fmt: skip
"""The rows of requests about addresses, after LINK_DENIED."""
