"""All calls of the real kernel together."""

from typing import Any

from kernelapi.call import Call
from kernelapi.errors import NotModelled
from kernelapi.kernel import Kernel, bind
from kernelapi.linux.credentials import LinuxCredentials
from kernelapi.protocol.aliases import Aliases


class Linux(LinuxCredentials, Aliases):
    """Every call, made by the calling process itself."""

    __slots__ = ()


def linux() -> Kernel:
    """The real kernel as this process sees it."""
    calls = Linux()

    def dispatch(call: Call, args: tuple[Any, ...]) -> Any:
        method = getattr(calls, call.name)
        if getattr(method, "call", None) is not None and not call.is_alias:
            raise NotModelled(f"{call.name} is not there on the real kernel")
        return method(*args)

    return bind(dispatch)
