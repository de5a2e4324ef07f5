"""What parent and init say to each other over their pipe: one JSON object, a newline, and the end of the stream."""

from typing import Any

import msgspec

from initflow.golang import GoError, read_all, write_all
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel


def send(kernel: Kernel, fd: Fd, message: dict[str, Any]) -> None:
    """Write `message` as JSON and a newline."""
    write_all(kernel, fd, msgspec.json.encode(message) + b"\n")


def receive(kernel: Kernel, fd: Fd) -> dict[str, Any] | None:
    """Read one object; None at the end of the stream. It reads no further than the object's end, as a decoder on a stream."""
    data = b""
    while chunk := kernel.read(fd, 4096):
        data += chunk
        if data.endswith(b"\n"):
            break
    return parse(data)


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
    """The parent's message to init: the names of both ends of a veth pair; empty where there is none."""
    message = receive(kernel, fd)
    if message is None:
        raise GoError("EOF")
    return {str(key): str(value) for key, value in message.items()}


def receive_error(kernel: Kernel, fd: Fd) -> str | None:
    """Init's message to the parent: what went wrong; None where init closed its end without a word, which counts as success."""
    message = receive(kernel, fd)
    return None if message is None else str(message.get("message", ""))


def drain(kernel: Kernel, fd: Fd) -> None:
    """Read what the other side still sends: it would get ECONNRESET instead of our message otherwise."""
    read_all(kernel, fd)
