"""All calls of the real kernel together."""

from typing import Any

from kernelapi.call import Call
from kernelapi.kernel import Kernel, bind, handlers_of
from kernelapi.linux.capabilities import LinuxCapabilities
from kernelapi.linux.clock import LinuxClock
from kernelapi.linux.credentials import LinuxCredentials
from kernelapi.linux.descriptors import LinuxDescriptors
from kernelapi.linux.files import LinuxFiles
from kernelapi.linux.limits import LinuxLimits
from kernelapi.linux.links import LinuxLinks
from kernelapi.linux.mounts import LinuxMounts
from kernelapi.linux.names import LinuxNames
from kernelapi.linux.namespaces import LinuxNamespaces
from kernelapi.linux.prctl import LinuxPrctl
from kernelapi.linux.processes import LinuxProcesses
from kernelapi.linux.seccomp import LinuxSeccomp
from kernelapi.linux.signals import LinuxSignals
from kernelapi.linux.sockets import LinuxSockets
from kernelapi.linux.terminals import LinuxTerminals
from kernelapi.protocol.aliases import Aliases


class Linux(
    LinuxCredentials,
    LinuxCapabilities,
    LinuxPrctl,
    LinuxProcesses,
    LinuxSeccomp,
    LinuxSignals,
    LinuxNamespaces,
    LinuxLimits,
    LinuxNames,
    LinuxClock,
    LinuxDescriptors,
    LinuxSockets,
    LinuxLinks,
    LinuxTerminals,
    LinuxFiles,
    LinuxMounts,
    Aliases,
):
    """Every call, made by the calling process itself."""

    __slots__ = ()


HANDLERS = handlers_of(Linux, "real")


def linux() -> Kernel:
    """The real kernel as this process sees it."""
    calls = Linux()

    def dispatch(call: Call, args: tuple[Any, ...]) -> Any:
        return HANDLERS[call.name](calls, *args)

    return bind(dispatch)
