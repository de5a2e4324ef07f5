"""The netlink messages of `kernelapi.values` as bytes, and back (netlink(7), rtnetlink(7))."""

import os
import struct

from kernelapi.errors import ModelError
from kernelapi.values import Ack, Link, NetlinkMessage, NetlinkType

HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
IFINFO = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change
ATTRIBUTE = struct.Struct("=HH")  # struct nlattr: length, type
ERROR = struct.Struct("=i")
IFLA_IFNAME, IFLA_MTU = 3, 4
ATTRIBUTE_TYPE = 0x3FFF  # without the flags that it may carry


def encode(message: NetlinkMessage) -> bytes:
    """The bytes of a request. Raises `ModelError` for a body that is none."""
    body = message.body
    if body is None:
        payload = b""
    elif isinstance(body, Link):
        payload = IFINFO.pack(0, 0, body.index, body.flags, body.change)
        if body.name is not None:
            payload += _attribute(IFLA_IFNAME, os.fsencode(body.name) + b"\0")
        if body.mtu is not None:
            payload += _attribute(IFLA_MTU, struct.pack("=I", body.mtu))
    else:
        raise ModelError(f"{body!r} is no body of a request")
    return HEADER.pack(HEADER.size + len(payload), message.type, message.flags, message.sequence, message.pid) + payload


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
        messages.append(NetlinkMessage(type, flags, sequence, port, _body(type, data[HEADER.size : length])))
        data = data[_aligned(length) :]
    return tuple(messages)


def _body(type: int, payload: bytes) -> Link | Ack | None:
    if type == NetlinkType.ERROR:
        (error,) = ERROR.unpack_from(payload)
        return Ack(-error, HEADER.unpack_from(payload, ERROR.size)[3])
    if type in (NetlinkType.RTM_NEWLINK, NetlinkType.RTM_DELLINK):
        _, _, index, flags, change = IFINFO.unpack_from(payload)
        attributes = _attributes(payload[IFINFO.size :])
        name, mtu = attributes.get(IFLA_IFNAME), attributes.get(IFLA_MTU)
        return Link(
            index,
            flags,
            change,
            None if name is None else os.fsdecode(name.rstrip(b"\0")),
            None if mtu is None else int(struct.unpack("=I", mtu)[0]),
        )
    return None


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= ATTRIBUTE.size:
        length, type = ATTRIBUTE.unpack_from(data)
        found[type & ATTRIBUTE_TYPE] = data[ATTRIBUTE.size : length]
        data = data[max(_aligned(length), ATTRIBUTE.size) :]
    return found
