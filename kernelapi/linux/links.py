"""What is asked about links by ioctl, on the real kernel."""

import os
import struct

from kernelapi.errors import ModelError
from kernelapi.ids import Fd
from kernelapi.linux.base import syscall

SIOCBRADDIF = 0x89A2
NAME_SIZE = 16
IFREQ = struct.Struct(f"={NAME_SIZE}si20x")  # struct ifreq: the name, and the index out of its union


class LinuxLinks:
    """See `kernelapi.protocol.links`."""

    __slots__ = ()

    def ioctl_siocbraddif(self, fd: Fd, bridge: str, index: int) -> None:
        name = os.fsencode(bridge)
        if len(name) >= NAME_SIZE:
            raise ModelError(f"{bridge!r} has no room in a struct ifreq")
        syscall("ioctl", fd, SIOCBRADDIF, IFREQ.pack(name, index))
