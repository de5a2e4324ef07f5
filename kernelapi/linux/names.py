"""The host's names, on the real kernel."""

import ctypes

from kernelapi.linux.base import syscall
from kernelapi.protocol.names import name_bytes, name_text
from kernelapi.values import Utsname

FIELD = 65
"""The bytes of each of the six fields of struct new_utsname."""


class LinuxNames:
    """See `kernelapi.protocol.names`."""

    __slots__ = ()

    def uname(self) -> Utsname:
        answer = ctypes.create_string_buffer(6 * FIELD)
        syscall("uname", answer)
        return Utsname(*(name_text(answer.raw[i * FIELD : (i + 1) * FIELD]) for i in range(6)))

    def sethostname(self, name: str) -> None:
        data = name_bytes(name)
        syscall("sethostname", data, len(data))

    def setdomainname(self, name: str) -> None:
        data = name_bytes(name)
        syscall("setdomainname", data, len(data))
