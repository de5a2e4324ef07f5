"""What a run is made from, as one value: it can be written down, and read again anywhere."""

import json
from dataclasses import dataclass
from typing import Any

import msgspec

from fakekernel.profile import HostProfile
from fakekernel.tree import File
from initflow import callers, hosts, images
from initflow.callers import DEFAULT_CALLER, Caller
from initflow.images import DEFAULT_IMAGE, Image
from initflow.verification import DEFAULT_PAYLOAD, HOST

Document = dict[str, Any]
"""A configuration as it stands in its file: what `json.loads` makes of it."""


class InputError(ValueError):
    """What should be an input is none; the message says what is wrong with it."""


@dataclass(frozen=True, repr=False)
class Input:
    """The configuration's document, the image, who starts the runtime, on what host, and the payload."""

    document: Document
    image: Image = DEFAULT_IMAGE
    caller: Caller = DEFAULT_CALLER
    host: HostProfile = HOST
    args: tuple[str, ...] = DEFAULT_PAYLOAD

    def __repr__(self) -> str:
        return f"<Input of {len(self.text)} characters>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How Hypothesis shows it: an image may be huge."""
        printer.text(repr(self))

    @property
    def data(self) -> bytes:
        """The file that holds the configuration."""
        return _dumped(self.document).encode()

    def as_json(self) -> dict[str, Any]:
        """The whole of it as JSON. What is as `verify` has it by default is left out, but for the document."""
        found: dict[str, Any] = {"document": self.document}
        if self.image != DEFAULT_IMAGE:
            found["image"] = self.image.name if self.image == _image(self.image.name) else msgspec.to_builtins(self.image)
        if self.caller != DEFAULT_CALLER:
            found["caller"] = self.caller.name
        usual = hosts.as_json(HOST)
        host = {name: value for name, value in hosts.as_json(self.host).items() if value != usual[name]}
        if host:
            found["host"] = host
        if self.args != DEFAULT_PAYLOAD:
            found["args"] = list(self.args)
        return found

    @property
    def text(self) -> str:
        """The whole of it in one line of ASCII."""
        return _dumped(self.as_json())


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    document: dict[str, Any]
    image: str | Image = DEFAULT_IMAGE.name
    caller: str = DEFAULT_CALLER.name
    host: dict[str, Any] = {}
    args: tuple[str, ...] = DEFAULT_PAYLOAD


def read_input(text: str) -> Input:
    """The input that `Input.text` wrote. Raises `InputError`."""
    try:
        written = msgspec.convert(json.loads(text), _Written)
        image = written.image if isinstance(written.image, Image) else images.named(written.image)
        host = hosts.read(hosts.as_json(HOST) | written.host, "host") if written.host else HOST
        caller = callers.named(written.caller)
    except (ValueError, RecursionError) as error:  # msgspec's are ValueErrors too
        raise InputError(str(error)) from None
    except KeyError as error:
        raise InputError(f"{error.args[0]!r} is no name of an image or a caller") from None
    for file in (*image.files, *image.volume):
        _check(file)
    return Input(written.document, image, caller, host, written.args)


def _check(file: File) -> None:
    if not file.path or any(part in ("", ".", "..") for part in file.path.split("/")):
        raise InputError(f"{file.path!r} is no path in an image")


def _image(name: str) -> Image | None:
    try:
        return images.named(name)
    except KeyError:
        return None


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
