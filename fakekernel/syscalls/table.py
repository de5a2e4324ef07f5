"""All calls of the simulated kernel together, and the table from which the dispatch takes them."""

from collections.abc import Callable, Mapping
from typing import Any

from fakekernel.syscalls.base import SyscallBase
from fakekernel.syscalls.credentials import CredentialCalls
from kernelapi.errors import NotModelled
from kernelapi.kernel import CALLS
from kernelapi.protocol.aliases import Aliases


class Syscalls(CredentialCalls, SyscallBase, Aliases):
    """Every call that the simulated kernel models."""


def _handler(name: str) -> Callable[..., Any]:
    handler: Callable[..., Any] | None = getattr(Syscalls, name, None)
    if handler is not None and not _is_declaration(handler):
        return handler

    def not_modelled(self: Syscalls, *args: Any) -> Any:
        raise NotModelled(f"the simulated kernel does not model {name}")

    return not_modelled


def _is_declaration(handler: Callable[..., Any]) -> bool:
    """Whether this is the protocol's own method, which has no body, and not one that implements it."""
    call = getattr(handler, "call", None)
    return call is not None and not call.is_alias


HANDLERS: Mapping[str, Callable[..., Any]] = {name: _handler(name) for name in CALLS}
