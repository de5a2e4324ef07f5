"""All calls of the simulated kernel together, and the table from which the dispatch takes them."""

from collections.abc import Callable, Mapping
from typing import Any

import fakekernel.cgroupfs
import fakekernel.mqueue
import fakekernel.procfs
import fakekernel.securityfs
import fakekernel.selinuxfs
import fakekernel.sysfs
import fakekernel.unified  # noqa: F401  (file systems and kinds of files make themselves known when they are imported)
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
from fakekernel.syscalls.seccomp import SeccompCalls
from fakekernel.syscalls.signals import SignalCalls
from fakekernel.syscalls.sockets import SocketCalls
from fakekernel.syscalls.terminals import TerminalCalls
from kernelapi.kernel import handlers_of
from kernelapi.protocol.aliases import Aliases


class Syscalls(
    CredentialCalls,
    CapabilityCalls,
    PrctlCalls,
    ProcessCalls,
    SeccompCalls,
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


HANDLERS: Mapping[str, Callable[..., Any]] = handlers_of(Syscalls, "simulated")
