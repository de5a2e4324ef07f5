"""All calls of the simulated kernel together, and the table from which the dispatch takes them."""

from collections.abc import Callable, Mapping
from typing import Any

import fakekernel.cgroupfs
import fakekernel.mqueue
import fakekernel.procfs
import fakekernel.sysfs  # noqa: F401  (file systems and kinds of files make themselves known when they are imported)
from fakekernel.syscalls.capabilities import CapabilityCalls
from fakekernel.syscalls.clock import ClockCalls
from fakekernel.syscalls.credentials import CredentialCalls
from fakekernel.syscalls.descriptors import DescriptorCalls
from fakekernel.syscalls.files import FileCalls
from fakekernel.syscalls.limits import LimitCalls
from fakekernel.syscalls.links import LinkCalls
from fakekernel.syscalls.mounts import MountCalls
from fakekernel.syscalls.names import NameCalls
from fakekernel.syscalls.namespaces import NamespaceCalls
from fakekernel.syscalls.prctl import PrctlCalls
from fakekernel.syscalls.processes import ProcessCalls
from fakekernel.syscalls.signals import SignalCalls
from fakekernel.syscalls.sockets import SocketCalls
from fakekernel.syscalls.terminals import TerminalCalls
from kernelapi.errors import NotModelled
from kernelapi.kernel import CALLS
from kernelapi.protocol.aliases import Aliases


class Syscalls(
    CredentialCalls,
    CapabilityCalls,
    PrctlCalls,
    ProcessCalls,
    SignalCalls,
    NamespaceCalls,
    LimitCalls,
    NameCalls,
    ClockCalls,
    DescriptorCalls,
    SocketCalls,
    LinkCalls,
    TerminalCalls,
    FileCalls,
    MountCalls,
    Aliases,
):
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
