"""What is asked about network links by ioctl (net/core/dev_ioctl.c)."""

import os
from typing import cast

from fakekernel import filetable, linkrequests
from fakekernel.devicesocket import DeviceSocket
from fakekernel.netlink import NetlinkSocket
from fakekernel.syscalls.base import SyscallBase
from kernelapi.errors import ModelError, NotModelled
from kernelapi.ids import Fd
from kernelapi.protocol.links import IOCTL_NO_SOCKET

NAME_SIZE = 16  # IFNAMSIZ


class LinkCalls(SyscallBase):
    """The ioctls of links."""

    __slots__ = ()

    def ioctl_siocbraddif(self, fd: Fd, bridge: str, index: int) -> None:
        if len(os.fsencode(bridge)) >= NAME_SIZE:
            raise ModelError(f"{bridge!r} has no room in a struct ifreq")
        description = filetable.usable(self, fd)
        if description.behaviour == "unix":
            raise NotModelled("the network namespace of a UNIX socket")
        if description.behaviour not in ("netlink", "device"):
            self.fail(IOCTL_NO_SOCKET)
        socket = cast("NetlinkSocket | DeviceSocket", description.subject)
        linkrequests.add_port(self, socket.net, bridge, index)
