"""What parent and init say to each other over their pipe: one JSON object, a newline, and the end of the stream."""

from contextlib import suppress
from typing import Any

import msgspec

from initflow.golang import GoError, encode, read_all, read_value, write
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel

PARENT, INIT = "parent", "pipe"
"""What either side calls its end: errors of reading and writing say so."""


def send(kernel: Kernel, fd: Fd, name: str, message: dict[str, Any]) -> None:
    """Write `message` as JSON and a newline. Raises `GoError`."""
    write(kernel, fd, name, encode(message).encode("utf-8", "surrogateescape") + b"\n")


def parse(data: bytes) -> dict[str, Any] | None:
    """The object that `data` holds; None where it holds nothing. Raises `GoError` where it is something else."""
    if not data.strip():
        return None
    try:
        message = msgspec.json.decode(data)
    except msgspec.DecodeError:
        raise GoError("unexpected EOF") from None
    if not isinstance(message, dict):
        raise GoError(f"json: cannot unmarshal {type(message).__name__} into a message")
    return message


def receive_network_state(kernel: Kernel, fd: Fd) -> dict[str, str]:
    """The parent's message to init: the names of both ends of a veth pair; empty where there is none. Raises `GoError`."""
    message = parse(read_value(kernel, fd, INIT)) or {}
    return {str(key): str(value) for key, value in message.items()}


def receive_error(kernel: Kernel, fd: Fd) -> str | None:
    """Init's message to the parent: what went wrong; None where init closed its end without a word, which counts as success.

    Raises `GoError`.
    """
    try:
        message = parse(read_value(kernel, fd, PARENT)) or {}
    except GoError as error:
        if str(error) == "EOF":
            return None
        raise
    return str(message.get("message", ""))


def drain(kernel: Kernel, fd: Fd) -> None:
    """Read what the other side still sends: it would get ECONNRESET instead of our message otherwise. Errors do not count."""
    with suppress(OSError):
        read_all(kernel, fd)
