"""Links with attributes, addresses and routes as bytes, and back: pyroute2 knows their forms (rtnetlink(7)).

Importing it takes a quarter of a second: `kernelapi.linux.netlink` does so only for what goes beyond bringing `lo` up.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any

from pyroute2.netlink import NLA_F_NESTED, nlmsg
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from kernelapi.values import InterfaceAddress, Link, LinkInfo, NetlinkMessage, NetlinkType, Route

LINK_FIELDS = {"index": "index", "flags": "flags", "change": "change", "family": "family", "type": "ifi_type"}
LINK_ATTRIBUTES = {
    "name": "IFLA_IFNAME", "mtu": "IFLA_MTU", "txqlen": "IFLA_TXQLEN", "address": "IFLA_ADDRESS", "lower": "IFLA_LINK",
    "master": "IFLA_MASTER", "net_ns_pid": "IFLA_NET_NS_PID",
}  # fmt: skip
ADDRESS_FIELDS = {name: name for name in ("family", "prefixlen", "flags", "scope", "index")}
ADDRESS_ATTRIBUTES = {"local": "IFA_LOCAL", "address": "IFA_ADDRESS"}
ROUTE_FIELDS = {name: name for name in ("family", "dst_len", "src_len", "tos", "table", "scope", "type", "flags")} | {
    "protocol": "proto"
}
ROUTE_ATTRIBUTES = {"dst": "RTA_DST", "prefsrc": "RTA_PREFSRC", "gateway": "RTA_GATEWAY", "oif": "RTA_OIF"}


def encode(message: NetlinkMessage) -> bytes:
    """The bytes of a request about a link, an address or a route."""
    body = message.body
    request: nlmsg
    if isinstance(body, Link):
        request = ifinfmsg()
        _fill(request, body, LINK_FIELDS)
        request["attrs"] = _link_attributes(body)
    elif isinstance(body, InterfaceAddress):
        request = ifaddrmsg()
        _fill(request, body, ADDRESS_FIELDS)
        request["attrs"] = _attributes(body, ADDRESS_ATTRIBUTES)
    else:
        assert isinstance(body, Route)
        request = rtmsg()
        _fill(request, body, ROUTE_FIELDS)
        request["attrs"] = _attributes(body, ROUTE_ATTRIBUTES)
    header = request["header"]
    header["type"], header["flags"] = int(message.type), int(message.flags)
    header["sequence_number"], header["pid"] = message.sequence, message.pid
    request.encode()
    return bytes(request.data)


def _fill(request: nlmsg, body: object, fields: Mapping[str, str]) -> None:
    for ours, theirs in fields.items():
        request[theirs] = int(getattr(body, ours))


def _attributes(body: object, names: Mapping[str, str]) -> list[Any]:
    found = [(theirs, getattr(body, ours)) for ours, theirs in names.items()]
    return [(name, os.fsencode(value) if name == "IFLA_IFNAME" else value) for name, value in found if value is not None]


def _link_attributes(link: Link) -> list[Any]:
    attributes = _attributes(link, LINK_ATTRIBUTES)
    if link.hairpin is not None:  # only in the nested form is it more than the state of a spanning tree
        attributes.append(("IFLA_PROTINFO", {"attrs": [("IFLA_BRPORT_MODE", int(link.hairpin))]}, NLA_F_NESTED))
    if link.info is not None:
        info: list[Any] = [("IFLA_INFO_KIND", link.info.kind)]
        if link.info.peer is not None:
            fields = {theirs: int(getattr(link.info.peer, ours)) for ours, theirs in LINK_FIELDS.items()}
            peer = {**fields, "attrs": _link_attributes(link.info.peer)}
            info.append(("IFLA_INFO_DATA", {"attrs": [("VETH_INFO_PEER", peer)]}))
        attributes.append(("IFLA_LINKINFO", {"attrs": info}))
    return attributes


def decode(data: bytes) -> Link | InterfaceAddress | Route:
    """The body of one answer, whose header and all `data` holds."""
    type = int.from_bytes(data[4:6], sys.byteorder)
    if type in (NetlinkType.RTM_NEWLINK, NetlinkType.RTM_DELLINK):
        link = _decoded(ifinfmsg(data))
        return Link(**_read(link, LINK_FIELDS, LINK_ATTRIBUTES), info=_info(link), hairpin=_hairpin(link))
    if type in (NetlinkType.RTM_NEWADDR, NetlinkType.RTM_DELADDR):
        return InterfaceAddress(**_read(_decoded(ifaddrmsg(data)), ADDRESS_FIELDS, ADDRESS_ATTRIBUTES))
    return Route(**_read(_decoded(rtmsg(data)), ROUTE_FIELDS, ROUTE_ATTRIBUTES))


def _decoded(message: nlmsg) -> nlmsg:
    message.decode()
    return message


def _read(message: nlmsg, fields: Mapping[str, str], attributes: Mapping[str, str]) -> dict[str, Any]:
    return {ours: message[theirs] for ours, theirs in fields.items()} | {
        ours: message.get_attr(theirs) for ours, theirs in attributes.items()
    }


def _info(link: nlmsg) -> LinkInfo | None:
    kind = link.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND")
    return None if kind is None else LinkInfo(kind)


def _hairpin(link: nlmsg) -> bool | None:
    mode = link.get_nested("IFLA_LINKINFO", "IFLA_INFO_SLAVE_DATA", "IFLA_BRPORT_MODE")
    return None if mode is None else bool(mode)
