"""Sockets through which a process asks about network links by ioctl, and does nothing else (netdevice(7))."""

from typing import TYPE_CHECKING

from fakekernel.behaviour import BEHAVIOURS, Behaviour
from fakekernel.description import Description, new_nameless
from fakekernel.namespaces import NetNamespace
from fakekernel.netusers import leave_network_namespace
from fakekernel.store import Record
from kernelapi.flags import FileType, OpenFlag
from kernelapi.protocol.descriptors import LSEEK_PIPE

if TYPE_CHECKING:
    from fakekernel.machine import Machine
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.syscalls.table import Syscalls


class DeviceSocket(Record):
    """A datagram socket of AF_INET, AF_INET6 or AF_PACKET."""

    net: NetNamespace


def new_socket(kernel: "SyscallBase", flags: int) -> Description:
    """A socket in the caller's network namespace."""
    store, cred = kernel.store, kernel.task.cred
    socket = DeviceSocket(store=store, net=kernel.task.namespaces.net)
    path = new_nameless(store, kernel.machine.system.sockfs, "socket", FileType.SOCK | 0o777, "device", socket, cred)
    return Description(
        store=store, behaviour="device", path=path, inode=path.inode, flags=flags | OpenFlag.RDWR, cred=cred, subject=socket
    )


class DeviceSocketBehaviour(Behaviour):
    """Such a socket as a file. What it sends and receives is not modelled."""

    def release(self, machine: "Machine", description: Description) -> None:
        assert isinstance(description.subject, DeviceSocket)
        leave_network_namespace(machine, description.subject.net)

    def seek(self, kernel: "Syscalls", description: Description, offset: int, whence: int) -> int:
        kernel.fail(LSEEK_PIPE)


BEHAVIOURS["device"] = DeviceSocketBehaviour()
