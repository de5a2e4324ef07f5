"""The protocol: what one process may ask of Linux.

`Kernel` is the kernel as one process sees it. `bind` makes one of a dispatch, `Calls` is what an implementation of the
calls themselves provides.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from kernelapi.call import Call, Dispatch, bound_class, calls_of
from kernelapi.errors import NotModelled
from kernelapi.protocol.aliases import Aliases
from kernelapi.protocol.capabilities import Capabilities
from kernelapi.protocol.clock import ClockAndRandom
from kernelapi.protocol.credentials import Credentials
from kernelapi.protocol.links import Links
from kernelapi.protocol.mounts import Mounts
from kernelapi.protocol.names import Names
from kernelapi.protocol.namespaces import Namespaces
from kernelapi.protocol.prctl import Prctl
from kernelapi.protocol.seccomp import Seccomp
from kernelapi.protocol.signals import Signals
from kernelapi.protocol.sockets import Sockets
from kernelapi.protocol.terminals import Terminals


class Calls(
    Aliases,  # brings Descriptors, Files, Limits and Processes
    Credentials,
    Capabilities,
    Prctl,
    Seccomp,
    Signals,
    Namespaces,
    Sockets,
    Links,
    Mounts,
    Names,
    Terminals,
    ClockAndRandom,
    Protocol,
):
    """Every call of the protocol."""


class Kernel(Calls, Protocol):
    """The kernel as one process sees it: every call, and the one dispatch through which all of them go."""

    dispatch: Dispatch


CALLS: Mapping[str, Call] = calls_of(Calls)
"""Every call by name."""

_Bound = bound_class(CALLS)


def handlers_of(implementation: type, name: str) -> Mapping[str, Callable[..., Any]]:
    """For each call the method of `implementation`, the class of the kernel called `name`, that carries it out.

    Where it has inherited no more than the protocol's declaration, that is a method that raises `NotModelled`.
    """
    return {call.name: _handler(implementation, name, call) for call in CALLS.values()}


def _handler(implementation: type, name: str, call: Call) -> Callable[..., Any]:
    method: Callable[..., Any] | None = getattr(implementation, call.name, None)
    if method is not None and (call.is_alias or not hasattr(method, "call")):
        return method

    def not_modelled(*args: Any) -> Any:
        raise NotModelled(f"the {name} kernel does not have {call.name}")

    return not_modelled


def bind(dispatch: Dispatch) -> Kernel:
    """The kernel all of whose calls are carried out by `dispatch`."""
    return cast(Kernel, _Bound(dispatch))
