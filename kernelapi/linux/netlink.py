"""The netlink messages of `kernelapi.values` as bytes, and back (netlink(7), rtnetlink(7)).

What goes beyond bringing `lo` up is left to `kernelapi.linux.network`, which is imported only then.
"""

import os
import struct
import sys

from kernelapi.errors import ModelError
from kernelapi.flags import AddressFamily
from kernelapi.values import Ack, InterfaceAddress, Link, NetlinkMessage, NetlinkType, Route

HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
IFINFO = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change
ATTRIBUTE = struct.Struct("=HH")  # struct nlattr: length, type
ERROR = struct.Struct("=i")
IFADDR_SIZE, RTMSG_SIZE = 8, 12
ADDRESS_SIZE: dict[int, int] = {AddressFamily.INET: 4, AddressFamily.INET6: 16}
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_MASTER, IFLA_TXQLEN, IFLA_LINKINFO = 1, 3, 4, 5, 10, 13, 18
ATTRIBUTE_TYPE = 0x3FFF  # without the flags that it may carry


def encode(message: NetlinkMessage) -> bytes:
    """The bytes of a request. Raises `ModelError` for a body that is none, or that has no form."""
    body = message.body
    _check(body)
    if body is None:
        payload = b""
    elif isinstance(body, Link) and _is_plain(body):
        payload = IFINFO.pack(body.family, body.type, body.index, body.flags, body.change)
        if body.name is not None:
            payload += _attribute(IFLA_IFNAME, os.fsencode(body.name) + b"\0")
        if body.mtu is not None:
            payload += _attribute(IFLA_MTU, struct.pack("=I", body.mtu))
    elif isinstance(body, (Link, InterfaceAddress, Route)):
        from kernelapi.linux import network

        return network.encode(message)
    else:
        raise ModelError(f"{body!r} is no body of a request")
    return HEADER.pack(HEADER.size + len(payload), message.type, message.flags, message.sequence, message.pid) + payload


def _is_plain(link: Link) -> bool:
    """Whether it has no attributes but a name and an MTU."""
    beyond = (link.txqlen, link.address, link.lower, link.master, link.net_ns_pid, link.info, link.hairpin)
    return all(value is None for value in beyond)


def _check(body: object) -> None:
    """What a value can hold and a message cannot."""
    if isinstance(body, Link) and body.hairpin is not None and body.family != AddressFamily.BRIDGE:
        raise ModelError("the mode of a port has a form in the family AF_BRIDGE alone")
    if isinstance(body, (InterfaceAddress, Route)) and body.family not in ADDRESS_SIZE:
        raise ModelError(f"addresses of family {body.family} have no form here")


def size(message: NetlinkMessage) -> int:
    """How many bytes `encode` makes of a request: what sendmsg answers. Raises `ModelError` where that does."""
    body = message.body
    _check(body)
    if body is None:
        return HEADER.size
    if isinstance(body, Link):
        return HEADER.size + _size_of_link(body)
    if isinstance(body, InterfaceAddress):
        return HEADER.size + IFADDR_SIZE + sum(_size_of_ip(ip, body.family) for ip in (body.local, body.address))
    if isinstance(body, Route):
        addresses = sum(_size_of_ip(ip, body.family) for ip in (body.dst, body.prefsrc, body.gateway))
        return HEADER.size + RTMSG_SIZE + addresses + _size_of_attributes((body.oif, 4))
    raise ModelError(f"{body!r} is no body of a request")


def _size_of_link(link: Link) -> int:
    numbers = [(number, 4) for number in (link.mtu, link.txqlen, link.lower, link.master, link.net_ns_pid)]
    found = IFINFO.size + _size_of_attributes((link.address, 6), *numbers)
    if link.name is not None:
        found += _size_of_attributes((link.name, len(os.fsencode(link.name)) + 1))
    if link.hairpin is not None:
        found += ATTRIBUTE.size + _size_of_attributes((link.hairpin, 1))
    if link.info is not None:
        found += ATTRIBUTE.size + _size_of_attributes((link.info.kind, len(link.info.kind) + 1))
        if link.info.peer is not None:
            found += 2 * ATTRIBUTE.size + _size_of_link(link.info.peer)
    return found


def _size_of_attributes(*attributes: tuple[object, int]) -> int:
    """Of those that are there, each given with the size of its value."""
    return sum(_aligned(ATTRIBUTE.size + length) for value, length in attributes if value is not None)


def _size_of_ip(address: str | None, family: int) -> int:
    return _size_of_attributes((address, ADDRESS_SIZE[family]))


def _attribute(type: int, value: bytes) -> bytes:
    length = ATTRIBUTE.size + len(value)
    return (ATTRIBUTE.pack(length, type) + value).ljust(_aligned(length), b"\0")


def _aligned(length: int) -> int:
    return length + 3 & ~3


def decode(data: bytes) -> tuple[NetlinkMessage, ...]:
    """The messages of one datagram; of their attributes, those that the values hold."""
    messages = []
    while len(data) >= HEADER.size:
        length, type, flags, sequence, port = HEADER.unpack_from(data)
        messages.append(NetlinkMessage(type, flags, sequence, port, _body(type, data[:length])))
        data = data[_aligned(length) :]
    return tuple(messages)


def _body(type: int, message: bytes) -> Link | InterfaceAddress | Route | Ack | None:
    payload = message[HEADER.size :]
    if type == NetlinkType.ERROR:
        (error,) = ERROR.unpack_from(payload)
        return Ack(-error, HEADER.unpack_from(payload, ERROR.size)[3])
    if type in (NetlinkType.RTM_NEWLINK, NetlinkType.RTM_DELLINK):
        attributes = _attributes(payload[IFINFO.size :])
        if IFLA_LINKINFO not in attributes:
            return _link(payload, attributes)
    elif type not in ADDRESSES_AND_ROUTES:
        return None
    from kernelapi.linux import network

    return network.decode(message)


ADDRESSES_AND_ROUTES = (
    NetlinkType.RTM_NEWADDR, NetlinkType.RTM_DELADDR, NetlinkType.RTM_NEWROUTE, NetlinkType.RTM_DELROUTE,
)  # fmt: skip


def _link(payload: bytes, attributes: dict[int, bytes]) -> Link:
    """A link that is not of a kind of its own, as `lo` is none."""
    family, type, index, flags, change = IFINFO.unpack_from(payload)
    name, address = attributes.get(IFLA_IFNAME), attributes.get(IFLA_ADDRESS)
    return Link(
        index,
        flags,
        change,
        None if name is None else os.fsdecode(name.rstrip(b"\0")),
        _number(attributes, IFLA_MTU),
        family,
        type,
        _number(attributes, IFLA_TXQLEN),
        None if address is None else address.hex(":"),
        _number(attributes, IFLA_LINK),
        _number(attributes, IFLA_MASTER),
    )


def _number(attributes: dict[int, bytes], type: int) -> int | None:
    value = attributes.get(type)
    return None if value is None else int.from_bytes(value, sys.byteorder)


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= ATTRIBUTE.size:
        length, type = ATTRIBUTE.unpack_from(data)
        found[type & ATTRIBUTE_TYPE] = data[ATTRIBUTE.size : length]
        data = data[max(_aligned(length), ATTRIBUTE.size) :]
    return found
