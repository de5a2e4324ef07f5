"""Terminals, on the real kernel."""

import ctypes
import struct

from kernelapi.ids import Fd, Pid
from kernelapi.linux.base import syscall
from kernelapi.values import Winsize

TIOCSCTTY, TIOCGPGRP, TIOCSPGRP, TIOCGWINSZ, TIOCSWINSZ = 0x540E, 0x540F, 0x5410, 0x5413, 0x5414
TIOCNOTTY, TIOCGSID, TIOCGPTN, TIOCSPTLCK = 0x5422, 0x5429, 0x80045430, 0x40045431
WINSIZE = struct.Struct("=HHHH")  # rows, columns, and two that nobody uses


class LinuxTerminals:
    """See `kernelapi.protocol.terminals`."""

    __slots__ = ()

    def ioctl_tiocsctty(self, fd: Fd, steal: int) -> None:
        syscall("ioctl", fd, TIOCSCTTY, steal)

    def ioctl_tiocnotty(self, fd: Fd) -> None:
        syscall("ioctl", fd, TIOCNOTTY, 0)

    def ioctl_tiocgsid(self, fd: Fd) -> Pid:
        return Pid(_read_int(fd, TIOCGSID))

    def ioctl_tiocgpgrp(self, fd: Fd) -> Pid:
        return Pid(_read_int(fd, TIOCGPGRP))

    def ioctl_tiocspgrp(self, fd: Fd, pgrp: Pid) -> None:
        syscall("ioctl", fd, TIOCSPGRP, ctypes.byref(ctypes.c_int(pgrp)))

    def ioctl_tiocgptn(self, fd: Fd) -> int:
        return _read_int(fd, TIOCGPTN)

    def ioctl_tiocsptlck(self, fd: Fd, lock: int) -> None:
        syscall("ioctl", fd, TIOCSPTLCK, ctypes.byref(ctypes.c_int(lock)))

    def ioctl_tiocgwinsz(self, fd: Fd) -> Winsize:
        size = ctypes.create_string_buffer(WINSIZE.size)
        syscall("ioctl", fd, TIOCGWINSZ, size)
        rows, columns, _, _ = WINSIZE.unpack(size.raw)
        return Winsize(rows, columns)

    def ioctl_tiocswinsz(self, fd: Fd, size: Winsize) -> None:
        syscall("ioctl", fd, TIOCSWINSZ, WINSIZE.pack(size.rows, size.columns, 0, 0))


def _read_int(fd: Fd, request: int) -> int:
    value = ctypes.c_int(0)
    syscall("ioctl", fd, request, ctypes.byref(value))
    return value.value
