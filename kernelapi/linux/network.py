"""Links with attributes, addresses and routes as bytes, and back: pyroute2 knows their forms (rtnetlink(7)).

Importing it takes a quarter of a second: `kernelapi.linux.netlink` does so only for what goes beyond bringing `lo` up.
"""

from collections.abc import Mapping
from typing import Any

from pyroute2.netlink import NLA_F_NESTED, nlmsg
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from kernelapi.values import InterfaceAddress, Link, LinkInfo, NetlinkMessage, Route

Attributes = list[tuple[str, Any]]

LINK_ATTRIBUTES = {
    "name": "IFLA_IFNAME", "mtu": "IFLA_MTU", "txqlen": "IFLA_TXQLEN", "address": "IFLA_ADDRESS", "lower": "IFLA_LINK",
    "master": "IFLA_MASTER", "net_ns_pid": "IFLA_NET_NS_PID",
}  # fmt: skip
ADDRESS_FIELDS = ("family", "prefixlen", "flags", "scope", "index")
ADDRESS_ATTRIBUTES = {"local": "IFA_LOCAL", "address": "IFA_ADDRESS"}
ROUTE_FIELDS = {"protocol": "proto"} | {
    name: name for name in ("family", "dst_len", "src_len", "tos", "table", "scope", "type", "flags")
}
ROUTE_ATTRIBUTES = {"dst": "RTA_DST", "prefsrc": "RTA_PREFSRC", "gateway": "RTA_GATEWAY", "oif": "RTA_OIF"}


class _Port(nlmsg.nla):  # type: ignore[misc]
    """IFLA_PROTINFO in the nested form, the only one that is not taken for a state of spanning trees."""


def encode(message: NetlinkMessage) -> bytes:
    """The bytes of a request about a link, an address or a route."""
    body = message.body
    assert isinstance(body, (Link, InterfaceAddress, Route))
    request = _request(body)
    header = request["header"]
    header["type"], header["flags"] = int(message.type), int(message.flags)
    header["sequence_number"], header["pid"] = message.sequence, message.pid
    request.encode()
    return bytes(request.data)
