"""The ioctls of terminals (drivers/tty/tty_io.c tty_ioctl, tty_jobctrl.c, pty.c)."""

from typing import cast

from fakekernel import devpts as devpts  # enters ptmx and the file system type
from fakekernel import filetable, lifecycle, signalling, tty
from fakekernel.description import Description
from fakekernel.syscalls.base import SyscallBase
from fakekernel.tty import Terminal
from kernelapi.capability import Cap
from kernelapi.flags import O_ACCMODE, OpenFlag, Signal
from kernelapi.ids import Fd, Pid
from kernelapi.protocol.terminals import (
    HUNG_UP,
    NOT_A_TERMINAL,
    NOT_CONTROLLING,
    NOTTY_SIGNALS,
    SCTTY_NOT_LEADER,
    SCTTY_NOT_READABLE,
    SCTTY_TAKEN,
    SPGRP_NEGATIVE,
    SPGRP_NO_GROUP,
    SPGRP_ORPHANED,
    SPGRP_OTHER_SESSION,
    SWINSZ_SIGNALS,
)
from kernelapi.values import Winsize

STEAL = 1


class TerminalCalls(SyscallBase):
    """The ioctls of terminals. On a master, those about jobs and size mean its slave."""

    __slots__ = ()

    def _description(self, fd: Fd) -> Description:
        description = filetable.usable(self, fd)
        if description.behaviour not in tty.TERMINALS:
            self.fail(NOT_A_TERMINAL)
        return description

    def _terminal(self, fd: Fd) -> tuple[Terminal, bool]:
        """The terminal behind `fd`, and whether `fd` is its master."""
        description = self._description(fd)
        terminal = cast(Terminal, description.subject)
        if not terminal.master_open:
            self.refuse(HUNG_UP)
        return terminal, description.behaviour == tty.MASTER

    def _master(self, fd: Fd) -> Terminal:
        terminal, is_master = self._terminal(fd)
        if not is_master:
            self.fail(NOT_A_TERMINAL)
        return terminal

    # -- controlling --

    def ioctl_tiocsctty(self, fd: Fd, steal: int) -> None:
        terminal, _ = self._terminal(fd)
        job = self.task.job
        if job.is_leader and job.session is terminal.session:
            return
        if not job.is_leader or job.terminal is not None:
            self.refuse(SCTTY_NOT_LEADER)
        may_all = self.capable_over(self.machine.system.userns, Cap.SYS_ADMIN)
        if terminal.session is not None and not (steal == STEAL and may_all):
            self.refuse(SCTTY_TAKEN)
        if self._description(fd).flags & O_ACCMODE not in (OpenFlag.RDONLY, OpenFlag.RDWR) and not may_all:
            # In Linux the terminal has been stolen by now, which nobody who gets here can have done.
            self.refuse(SCTTY_NOT_READABLE)
        # -- effects only below --
        tty.rob(self, terminal)
        tty.take_control(terminal, self.task)

    def ioctl_tiocnotty(self, fd: Fd) -> None:
        terminal, is_master = self._terminal(fd)
        if is_master or not tty.controls(terminal, self.task):
            self.refuse(NOT_CONTROLLING)
        # -- effects only below --
        task = self.task
        if self.happens(NOTTY_SIGNALS):
            ends = tty.disassociate(self.machine, task, at_exit=False)
        else:
            ends = []
        if task.job.terminal is not None:
            task.job.terminal = None
        lifecycle.end_all(self.machine, ends)

    def ioctl_tiocgsid(self, fd: Fd) -> Pid:
        terminal, is_master = self._terminal(fd)
        if terminal.session is None or not (is_master or tty.controls(terminal, self.task)):
            self.refuse(NOT_CONTROLLING)
        return Pid(0) if terminal.session is None else terminal.session.number_in(self.task.pid_namespace)

    def ioctl_tiocgpgrp(self, fd: Fd) -> Pid:
        terminal, is_master = self._terminal(fd)
        if not is_master and not tty.controls(terminal, self.task):
            self.refuse(NOT_CONTROLLING)
        return Pid(0) if terminal.foreground is None else terminal.foreground.number_in(self.task.pid_namespace)

    def ioctl_tiocspgrp(self, fd: Fd, pgrp: Pid) -> None:
        terminal = cast(Terminal, self._description(fd).subject)
        if not terminal.master_open:  # the one ioctl for which a terminal that was hung up is none
            self.refuse(NOT_CONTROLLING)
        if tty.enters_background(self, terminal, Signal.TTOU):
            self.refuse(SPGRP_ORPHANED)
        if pgrp < 0:
            self.refuse(SPGRP_NEGATIVE)
        job = self.task.job
        if not tty.controls(terminal, self.task) or terminal.session is not job.session:
            self.refuse(NOT_CONTROLLING)
        group = self.task.pid_namespace.pids.get(pgrp)
        if group is None:
            self.fail(SPGRP_NO_GROUP)
        member = next(iter(group.group_members.values()), group.task)  # a process that leads no group will do
        if member is None or member.job.session is not job.session:
            self.refuse(SPGRP_OTHER_SESSION)
        # -- effects only below --
        terminal.foreground = group

    # -- pseudoterminals --

    def ioctl_tiocgptn(self, fd: Fd) -> int:
        return self._master(fd).index

    def ioctl_tiocsptlck(self, fd: Fd, lock: int) -> None:
        terminal = self._master(fd)
        # -- effects only below --
        terminal.locked = lock != 0

    # -- size --

    def ioctl_tiocgwinsz(self, fd: Fd) -> Winsize:
        return self._terminal(fd)[0].size

    def ioctl_tiocswinsz(self, fd: Fd, size: Winsize) -> None:
        terminal, _ = self._terminal(fd)
        # -- effects only below --
        if size != terminal.size:
            terminal.size = size
            if terminal.foreground is not None and self.happens(SWINSZ_SIGNALS):
                signalling.send_group(self.machine, terminal.foreground, (Signal.WINCH,))
