"""Routes, by netlink (rtnetlink(7), ip-route(8), net/ipv4/fib_frontend.c, fib_semantics.c, fib_trie.c, net/ipv6/route.c)."""

from errno import EEXIST, EHOSTUNREACH, EINVAL, ENETDOWN, ENETUNREACH, ENODEV, ENOENT

from kernelapi.rules import ARGUMENTS, STATE, Refusal

ROUTE_PREFIX = Refusal(
    "rtnetlink.einval.prefix", call="rtnetlink", errno=EINVAL, depends=ARGUMENTS,
    cause="the prefix is longer than an address, or an IPv4 destination has bits beyond it (of IPv6, they are ignored)",
    source="rtnetlink(7), RTM_NEWROUTE; net/ipv4/fib_trie.c fib_valid_key_len, net/ipv6/route.c ip6_route_info_create",
)  # fmt: skip
ROUTE_MISSING = Refusal(
    "rtnetlink.enoent", call="rtnetlink", errno=ENOENT, depends=STATE,
    cause="without NLM_F_CREATE, there is no such route", source="net/ipv4/fib_trie.c fib_table_insert",
)  # fmt: skip
ROUTE_OF_NO_LINK = Refusal(
    "rtnetlink.enodev.route", call="rtnetlink", errno=ENODEV, depends=STATE,
    cause="the link that the route leads out of does not exist, or none is given, and no gateway (with an IPv4 gateway, "
    "that is ENETUNREACH)",
    source="net/ipv4/fib_semantics.c fib_check_nh_nongw, net/ipv6/route.c fib6_nh_init",
)  # fmt: skip
ROUTE_LINK_DOWN = Refusal(
    "rtnetlink.enetdown", call="rtnetlink", errno=ENETDOWN, depends=STATE,
    cause="the link that the route leads out of is down",
    source="net/ipv4/fib_semantics.c fib_check_nh_nongw, fib_check_nh_v4_gw, net/ipv6/route.c fib6_nh_init",
)  # fmt: skip
GATEWAY_UNREACHABLE = Refusal(
    "rtnetlink.enetunreach", call="rtnetlink", errno=ENETUNREACH, depends=STATE,
    cause="the IPv4 gateway is not in a network that the link is connected to",
    source="ip-route(8); net/ipv4/fib_semantics.c fib_check_nh_v4_gw",
)  # fmt: skip
GATEWAY_UNREACHABLE_6 = Refusal(
    "rtnetlink.ehostunreach", call="rtnetlink", errno=EHOSTUNREACH, depends=STATE,
    cause="the IPv6 gateway is not in a network that the link is connected to", source="net/ipv6/route.c ip6_validate_gw",
)  # fmt: skip
GATEWAY_IMPOSSIBLE = Refusal(
    "rtnetlink.einval.gateway", call="rtnetlink", errno=EINVAL, depends=STATE,
    cause="the gateway is a broadcast address of IPv4; of IPv6, one of a group, of nobody, or an own one",
    source="net/ipv4/fib_semantics.c fib_check_nh_v4_gw, net/ipv6/route.c ip6_validate_gw",
)  # fmt: skip
GATEWAY_WITHOUT_LINK = Refusal(
    "rtnetlink.einval.egress", call="rtnetlink", errno=EINVAL, depends=ARGUMENTS,
    cause="the IPv6 gateway has a link-local address, which says nothing without a link other than the loopback",
    source="net/ipv6/route.c ip6_validate_gw",
)  # fmt: skip
ROUTE_SOURCE = Refusal(
    "rtnetlink.einval.source", call="rtnetlink", errno=EINVAL, depends=STATE,
    cause="the preferred source is no address of this network namespace (one of IPv6 is none yet while the link looks whether "
    "another has it, a second or two)",
    source="rtnetlink(7), RTA_PREFSRC; net/ipv4/fib_semantics.c fib_valid_prefsrc, net/ipv6/route.c ip6_route_info_create",
)  # fmt: skip
ROUTE_EXISTS = Refusal(
    "rtnetlink.eexist.route", call="rtnetlink", errno=EEXIST, depends=STATE,
    cause="with NLM_F_EXCL, there is a route to this destination, wherever it leads",
    source="rtnetlink(7); net/ipv4/fib_trie.c fib_table_insert, net/ipv6/ip6_fib.c fib6_add_rt2node",
)  # fmt: skip

ROUTES = (
    ROUTE_PREFIX, ROUTE_OF_NO_LINK, GATEWAY_UNREACHABLE, GATEWAY_UNREACHABLE_6, GATEWAY_IMPOSSIBLE, GATEWAY_WITHOUT_LINK,
    ROUTE_LINK_DOWN, ROUTE_SOURCE, ROUTE_MISSING, ROUTE_EXISTS,
)  # fmt: skip
"""The rows of requests about routes, after LINK_DENIED."""
