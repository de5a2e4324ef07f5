"""Addresses as Go's package net (1.4) reads them: what is one, and what the text of the error is."""

from ipaddress import ip_address
from typing import NamedTuple

from initflow.golang import GoError

IPV4, IPV6 = 4, 16
"""Bytes of an address."""
BIG = 0xFFFFFF
"""No number may be as large (net/parse.go)."""
DECIMAL, HEXADECIMAL = "0123456789", "0123456789abcdef"


class IP(NamedTuple):
    """An address. One of IPv4 that was written as one of IPv6 counts as one of IPv4."""

    octets: bytes

    @property
    def is_ipv4(self) -> bool:
        return len(self.octets) == IPV4

    def __str__(self) -> str:
        return str(ip_address(self.octets))


def parse_ip(text: str) -> IP | None:
    """net.ParseIP."""
    for char in text:
        if char == ".":
            return _ipv4(text)
        if char == ":":
            return _ipv6(text)
    return None


def parse_cidr(text: str) -> tuple[IP, int]:
    """net.ParseCIDR: the address as it is written, and the length of the prefix. Raises `GoError`."""
    address, slash, mask = text.partition("/")
    ip = _ipv4(address)
    most = 32
    if ip is None:
        ip, most = _ipv6(address), 128
    number, used = _digits(mask, DECIMAL)
    if not slash or ip is None or number is None or used != len(mask) or number > most:
        raise GoError(f"invalid CIDR address: {text}")
    return ip, number


def parse_mac(text: str) -> bytes:
    """net.ParseMAC: six or eight octets. Raises `GoError`."""
    octets = _mac(text)
    if octets is None:
        raise GoError(f"invalid MAC address: {text}")
    return octets


def _mac(text: str) -> bytes | None:
    """01:23:45:67:89:ab, the same with dashes, or 0123.4567.89ab."""
    if len(text) < 14:
        return None
    if text[2] in ":-":
        parts, width, separator = text.split(text[2]), 2, text[2]
    elif text[4] == ".":
        parts, width, separator = text.split("."), 4, "."
    else:
        return None
    digits = "".join(parts)
    if separator.join(parts) != text or any(len(part) != width for part in parts) or len(digits) not in (12, 16):
        return None
    return bytes.fromhex(digits) if all(char in HEXADECIMAL for char in digits.lower()) else None


def _digits(text: str, digits: str) -> tuple[int | None, int]:
    """The number that a text begins with, and how long it is; None for none, or one that is too large."""
    number, used = 0, 0
    for char in text:
        value = digits.find(char.lower()) if char.isascii() else -1
        if value < 0:
            break
        number, used = number * len(digits) + value, used + 1
        if number >= BIG:
            return None, used
    return (number, used) if used else (None, 0)


def _ipv4(text: str) -> IP | None:
    """Four decimal numbers; zeros before them do not matter."""
    octets = []
    for part in text.split("."):
        number, used = _digits(part, DECIMAL)
        if number is None or used != len(part) or number > 0xFF:
            return None
        octets.append(number)
    return IP(bytes(octets)) if len(octets) == IPV4 else None


def _ipv6(text: str) -> IP | None:
    """Hexadecimal numbers, of which "::" stands for as many zeros as there is room, and an IPv4 address may be the last."""
    before, ellipsis, after = text.partition("::")
    head = _groups(before, last=not ellipsis)
    tail = _groups(after, last=True) if ellipsis else b""
    if head is None or tail is None:
        return None
    missing = IPV6 - len(head) - len(tail)
    if missing < 0 or (missing and not ellipsis):
        return None
    octets = head + bytes(missing) + tail
    return IP(octets[-IPV4:]) if octets.startswith(bytes(10) + b"\xff\xff") else IP(octets)


def _groups(text: str, *, last: bool) -> bytes | None:
    """Numbers of sixteen bits between colons; where they are the last ones, an IPv4 address may end them."""
    octets = b""
    parts = text.split(":") if text else []
    for index, part in enumerate(parts):
        number, used = _digits(part, HEXADECIMAL)
        if number is None or number > 0xFFFF:
            return None
        if used == len(part):
            octets += number.to_bytes(2, "big")
            continue
        ipv4 = _ipv4(part)
        if ipv4 is None or not last or index != len(parts) - 1:
            return None
        octets += ipv4.octets
    return octets
