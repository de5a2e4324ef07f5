"""All calls of the real kernel together."""

from typing import Any

from kernelapi.call import Call
from kernelapi.errors import NotModelled
from kernelapi.kernel import Kernel, bind
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
from kernelapi.linux.signals import LinuxSignals
from kernelapi.linux.sockets import LinuxSockets
from kernelapi.linux.terminals import LinuxTerminals
from kernelapi.protocol.aliases import Aliases


class Linux(
    LinuxCredentials,
    LinuxCapabilities,
    LinuxPrctl,
    LinuxProcesses,
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


def linux() -> Kernel:
    """The real kernel as this process sees it."""
    calls = Linux()

    def dispatch(call: Call, args: tuple[Any, ...]) -> Any:
        method = getattr(calls, call.name)
        if getattr(method, "call", None) is not None and not call.is_alias:
            raise NotModelled(f"{call.name} is not there on the real kernel")
        return method(*args)

    return bind(dispatch)
