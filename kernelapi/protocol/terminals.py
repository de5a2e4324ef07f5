"""Terminals: the controlling one, pseudoterminals, window size (ioctl_tty(2), drivers/tty/tty_jobctrl.c, pty.c)."""

from typing import Protocol

from kernelapi.call import syscall
from kernelapi.ids import Fd, Pid
from kernelapi.values import Winsize


class Terminals(Protocol):
    """The ioctls of terminals, a method each."""

    @syscall()
    def ioctl_tiocsctty(self, fd: Fd, steal: int) -> None:
        """Make the terminal the controlling one of the calling session leader (TIOCSCTTY)."""

    @syscall()
    def ioctl_tiocnotty(self, fd: Fd) -> None:
        """Give up the controlling terminal (TIOCNOTTY)."""

    @syscall()
    def ioctl_tiocgsid(self, fd: Fd) -> Pid:
        """The session whose controlling terminal this is (TIOCGSID)."""

    @syscall()
    def ioctl_tiocgpgrp(self, fd: Fd) -> Pid:
        """The foreground process group (TIOCGPGRP)."""

    @syscall()
    def ioctl_tiocspgrp(self, fd: Fd, pgrp: Pid) -> None:
        """Set the foreground process group (TIOCSPGRP)."""

    @syscall()
    def ioctl_tiocgptn(self, fd: Fd) -> int:
        """The number of the pseudoterminal behind this master (TIOCGPTN)."""

    @syscall()
    def ioctl_tiocsptlck(self, fd: Fd, lock: int) -> None:
        """Lock or unlock the slave of this master (TIOCSPTLCK)."""

    @syscall()
    def ioctl_tiocgwinsz(self, fd: Fd) -> Winsize:
        """The window size (TIOCGWINSZ)."""

    @syscall()
    def ioctl_tiocswinsz(self, fd: Fd, size: Winsize) -> None:
        """Set the window size (TIOCSWINSZ)."""
