"""Terminals: the controlling one, pseudoterminals, window size (ioctl_tty(2), pty(7), drivers/tty/tty_jobctrl.c, pty.c)."""

from errno import EINVAL, EIO, ENODEV, ENOENT, ENOSPC, ENOTTY, EPERM, ESRCH
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.ids import Fd, Pid
from kernelapi.protocol.descriptors import IS_PATH_ONLY, NOT_OPEN
from kernelapi.rules import ARGUMENTS, STATE, Effect, Refusal
from kernelapi.values import Winsize

NOT_A_TERMINAL = Refusal(
    "ioctl.enotty", call="ioctl", errno=ENOTTY, depends=ARGUMENTS,
    cause="the descriptor is not a terminal, or not the master of a pseudoterminal where only that will do",
    source="ioctl_tty(2); fs/ioctl.c vfs_ioctl, drivers/tty/pty.c pty_unix98_ioctl",
)  # fmt: skip
HUNG_UP = Refusal(
    "ioctl.eio", call="ioctl", errno=EIO, depends=STATE,
    cause="the terminal was hung up after this descriptor had been opened (for TIOCSPGRP that is ENOTTY)",
    source="ioctl_tty(2); drivers/tty/tty_io.c hung_up_tty_ioctl",
)  # fmt: skip
A_TERMINAL = (NOT_OPEN, IS_PATH_ONLY, NOT_A_TERMINAL, HUNG_UP)
"""The rows of every ioctl on a terminal."""

SCTTY_NOT_LEADER = Refusal(
    "ioctl_tiocsctty.eperm.leader", call="ioctl_tiocsctty", errno=EPERM, depends=STATE,
    cause="the caller leads no session, or has another controlling terminal already",
    source="ioctl_tty(2), TIOCSCTTY; drivers/tty/tty_jobctrl.c tiocsctty",
)  # fmt: skip
SCTTY_TAKEN = Refusal(
    "ioctl_tiocsctty.eperm.taken", call="ioctl_tiocsctty", errno=EPERM, depends=STATE,
    cause="the terminal belongs to another session, and it is not stolen: that takes the argument 1 and CAP_SYS_ADMIN over "
    "the initial user namespace",
    source="ioctl_tty(2), TIOCSCTTY; drivers/tty/tty_jobctrl.c tiocsctty",
)  # fmt: skip
SCTTY_NOT_READABLE = Refusal(
    "ioctl_tiocsctty.eperm.write-only", call="ioctl_tiocsctty", errno=EPERM, depends=STATE,
    cause="the descriptor is not open for reading, and the caller has no CAP_SYS_ADMIN over the initial user namespace",
    source="drivers/tty/tty_jobctrl.c tiocsctty",
)  # fmt: skip
SCTTY_ROBS = Effect(
    "ioctl_tiocsctty.steal", call="ioctl_tiocsctty",
    cause="the session that the terminal is stolen from has none any more", source="ioctl_tty(2), TIOCSCTTY; "
    "drivers/tty/tty_jobctrl.c session_clear_tty",
)  # fmt: skip
NOT_CONTROLLING = Refusal(
    "ioctl.enotty.controlling", call="ioctl", errno=ENOTTY, depends=STATE,
    cause="it is not the caller's controlling terminal (asked by its master, TIOCGSID: nobody's; TIOCGPGRP is not refused)",
    source="ioctl_tty(2); drivers/tty/tty_jobctrl.c tiocgsid, tiocgpgrp, tiocspgrp",
)  # fmt: skip
NOTTY_SIGNALS = Effect(
    "ioctl_tiocnotty.signals", call="ioctl_tiocnotty",
    cause="if a session leader gives it up, the foreground group gets SIGHUP and SIGCONT, and the whole session loses it",
    source="ioctl_tty(2), TIOCNOTTY; drivers/tty/tty_jobctrl.c disassociate_ctty",
)  # fmt: skip
SPGRP_ORPHANED = Refusal(
    "ioctl_tiocspgrp.enotty.orphaned", call="ioctl_tiocspgrp", errno=ENOTTY, depends=STATE,
    cause="the caller is in the background of its controlling terminal, its process group is orphaned, and it neither "
    "ignores nor blocks SIGTTOU",
    source="ioctl_tty(2), TIOCSPGRP; drivers/tty/tty_jobctrl.c __tty_check_change",
)  # fmt: skip
SPGRP_NEGATIVE = Refusal(
    "ioctl_tiocspgrp.einval", call="ioctl_tiocspgrp", errno=EINVAL, depends=ARGUMENTS,
    cause="the group is negative", source="ioctl_tty(2), TIOCSPGRP; drivers/tty/tty_jobctrl.c tiocspgrp",
)  # fmt: skip
SPGRP_NO_GROUP = Refusal(
    "ioctl_tiocspgrp.esrch", call="ioctl_tiocspgrp", errno=ESRCH, depends=STATE,
    cause="the caller's pid namespace knows no such number", source="drivers/tty/tty_jobctrl.c tiocspgrp",
)  # fmt: skip
SPGRP_OTHER_SESSION = Refusal(
    "ioctl_tiocspgrp.eperm", call="ioctl_tiocspgrp", errno=EPERM, depends=STATE,
    cause="there is no such process group, or it is of another session",
    source="ioctl_tty(2), TIOCSPGRP; drivers/tty/tty_jobctrl.c tiocspgrp",
)  # fmt: skip
SWINSZ_SIGNALS = Effect(
    "ioctl_tiocswinsz.sigwinch", call="ioctl_tiocswinsz",
    cause="where the size changes, the foreground group gets SIGWINCH",
    source="ioctl_tty(2), TIOCSWINSZ; drivers/tty/pty.c pty_resize",
)  # fmt: skip

OPEN_PTMX_ALONE = Refusal(
    "openat.enoent.ptmx", call="openat", errno=ENOENT, depends=STATE,
    cause="the file is a ptmx outside devpts, and there is nothing called pts beside it",
    source="pts(4); fs/devpts/inode.c devpts_acquire, fs/namei.c path_pts",
)  # fmt: skip
OPEN_PTMX_WITHOUT_DEVPTS = Refusal(
    "openat.enodev.ptmx", call="openat", errno=ENODEV, depends=STATE,
    cause="the file is a ptmx outside devpts, and what is called pts beside it is not the root of a devpts",
    source="pts(4); fs/devpts/inode.c devpts_ptmx_path",
)  # fmt: skip
OPEN_PTMX_FULL = Refusal(
    "openat.enospc.ptmx", call="openat", errno=ENOSPC, depends=STATE,
    cause="this devpts, or the whole system, has as many pseudoterminals as it may have",
    source="pts(4); fs/devpts/inode.c devpts_new_index",
)  # fmt: skip
OPEN_LOCKED = Refusal(
    "openat.eio.locked", call="openat", errno=EIO, depends=STATE,
    cause="the slave of a pseudoterminal is locked: TIOCSPTLCK unlocks it",
    source="pts(4), unlockpt(3); drivers/tty/pty.c pty_open",
)  # fmt: skip
OPEN_MASTERLESS = Refusal(
    "openat.eio.master", call="openat", errno=EIO, depends=STATE,
    cause="the master of the pseudoterminal is closed, or the node was not made by devpts",
    source="pts(4); drivers/tty/pty.c pts_unix98_lookup",
)  # fmt: skip
OPEN_ACQUIRES = Effect(
    "openat.controlling-terminal", call="openat",
    cause="a session leader without a controlling terminal acquires the terminal that it opens, if no session has it, unless "
    "it passes O_NOCTTY or opens it only for writing",
    source="open(2), O_NOCTTY; drivers/tty/tty_jobctrl.c tty_open_proc_set_tty",
)  # fmt: skip
OPEN_TERMINAL = (OPEN_PTMX_ALONE, OPEN_PTMX_WITHOUT_DEVPTS, OPEN_PTMX_FULL, OPEN_MASTERLESS, OPEN_LOCKED, OPEN_ACQUIRES)
"""The rows of opening a terminal, for openat."""


class Terminals(Protocol):
    """The ioctls of terminals, a method each. On a master, those about jobs and size mean its slave."""

    @syscall(A_TERMINAL, SCTTY_NOT_LEADER, SCTTY_TAKEN, SCTTY_NOT_READABLE, SCTTY_ROBS)
    def ioctl_tiocsctty(self, fd: Fd, steal: int) -> None:
        """Make the terminal the controlling one of the calling session leader (TIOCSCTTY)."""

    @syscall(A_TERMINAL, NOT_CONTROLLING, NOTTY_SIGNALS)
    def ioctl_tiocnotty(self, fd: Fd) -> None:
        """Give up the controlling terminal (TIOCNOTTY)."""

    @syscall(A_TERMINAL, NOT_CONTROLLING)
    def ioctl_tiocgsid(self, fd: Fd) -> Pid:
        """The session whose controlling terminal this is (TIOCGSID)."""

    @syscall(A_TERMINAL, NOT_CONTROLLING)
    def ioctl_tiocgpgrp(self, fd: Fd) -> Pid:
        """The foreground process group; by the master, 0 where there is none (TIOCGPGRP)."""

    @syscall(A_TERMINAL, SPGRP_ORPHANED, SPGRP_NEGATIVE, NOT_CONTROLLING, SPGRP_NO_GROUP, SPGRP_OTHER_SESSION)
    def ioctl_tiocspgrp(self, fd: Fd, pgrp: Pid) -> None:
        """Set the foreground process group (TIOCSPGRP)."""

    @syscall(A_TERMINAL)
    def ioctl_tiocgptn(self, fd: Fd) -> int:
        """The number of the pseudoterminal behind this master (TIOCGPTN)."""

    @syscall(A_TERMINAL)
    def ioctl_tiocsptlck(self, fd: Fd, lock: int) -> None:
        """Lock or unlock the slave of this master (TIOCSPTLCK)."""

    @syscall(A_TERMINAL)
    def ioctl_tiocgwinsz(self, fd: Fd) -> Winsize:
        """The window size (TIOCGWINSZ)."""

    @syscall(A_TERMINAL, SWINSZ_SIGNALS)
    def ioctl_tiocswinsz(self, fd: Fd, size: Winsize) -> None:
        """Set the window size (TIOCSWINSZ)."""
