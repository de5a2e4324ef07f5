"""Pseudoterminals: who they control, hanging up, and what goes through them (tty(4), pty(7), drivers/tty).

The settings of a terminal are those that every slave starts with, since no call changes them: input by lines, echoed;
"\\n" goes out as "\\r\\n", other control characters are echoed as "^X". Those that edit a line, send a signal or stop the
output are not modelled.
"""

from typing import TYPE_CHECKING, cast

from fakekernel import lifecycle, signalling
from fakekernel.behaviour import BEHAVIOURS, Behaviour
from fakekernel.description import Description
from fakekernel.devices import CHARACTER_DEVICES, CHARACTER_MAJORS
from fakekernel.filesystem import Dentry, Superblock
from fakekernel.store import Record
from fakekernel.task import RESTARTED, StructPid, Task
from kernelapi.errors import NotModelled
from kernelapi.flags import O_ACCMODE, Disposition, OpenFlag, Signal
from kernelapi.protocol.descriptors import (
    CLOSE_HANGS_UP,
    LSEEK_PIPE,
    READ_HUNG_UP,
    READ_WOULD_BLOCK,
    WRITE_HUNG_UP,
    WRITE_WOULD_BLOCK,
)
from kernelapi.protocol.opening import OPEN_NO_DEVICE
from kernelapi.protocol.terminals import OPEN_ACQUIRES, OPEN_LOCKED, OPEN_MASTERLESS, SCTTY_ROBS
from kernelapi.values import Winsize, makedev

if TYPE_CHECKING:
    from fakekernel.devpts import Devpts
    from fakekernel.machine import Machine
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.syscalls.table import Syscalls

SLAVE_MAJORS = range(136, 144)
OUTPUT_ROOM = 10_240
"""Bytes that a slave can write before it waits for the master (Linux': between this and half as much again, as it happens)."""
LONGEST_LINE = 4095
SPECIAL = frozenset(b"\3\x1c\x7f\x15\4\x11\x13\x1a\x12\x0f\x17\x16")
"""The characters that mean something to a terminal: interrupt, quit, erase, kill, end of file, start, stop, suspend, reprint,
discard, erase a word, take the next one as it is (include/asm-generic/termios.h, INIT_C_CC)."""

ECHO = {10: b"\r\n"} | {code: bytes((94, code ^ 0x40)) for code in range(0x20) if code not in b"\t\n"}
"""What a character that is typed is shown as, where not as itself (drivers/tty/n_tty.c echo_char; ECHOCTL)."""

Ends = list[tuple[Task, int]]
"""Processes that have to end, each with its status word."""


class Terminal(Record):
    """A pseudoterminal: its slave, and the master that keeps it alive.

    `session` is whom it controls, `foreground` the group that may read from it. `input` has gone to the slave and has not
    been read, `output` has come from it. `was_open`: the slave was open, and is no more.
    """

    index: int
    sb: Superblock
    node: Dentry | None = None  # in devpts; None once the master is closed
    locked: bool = True
    master_open: bool = True
    slaves: int = 0  # open descriptions
    was_open: bool = False
    session: StructPid | None = None
    foreground: StructPid | None = None
    size: Winsize = Winsize(0, 0)
    input: bytes = b""
    output: bytes = b""


# -- controlling --


def controls(terminal: Terminal, task: Task) -> bool:
    """Whether this is the controlling terminal of `task`."""
    return task.job.terminal is terminal


def take_control(terminal: Terminal, task: Task) -> None:
    """Make it the controlling terminal of the session that `task` leads (__proc_set_tty)."""
    job = task.job
    terminal.session = job.session
    terminal.foreground = job.group
    job.last_foreground = None
    job.terminal = terminal


def clear_session(session: StructPid) -> None:
    """No process of the session has a controlling terminal any more (session_clear_tty)."""
    for _, member in sorted(session.session_members.items(), key=_number):
        if member.job.terminal is not None:
            member.job.terminal = None


def rob(kernel: "SyscallBase", terminal: Terminal) -> None:
    """Take the terminal from the session that has it, for another one."""
    if terminal.session is not None and kernel.happens(SCTTY_ROBS):
        clear_session(terminal.session)


def disassociate(machine: "Machine", task: Task, *, at_exit: bool) -> Ends:
    """A session leader gives up its terminal, by TIOCNOTTY or because it ends (disassociate_ctty). Who else has to end is
    returned."""
    job = task.job
    if not job.is_leader:
        return []
    terminal = cast("Terminal | None", job.terminal)
    if terminal is None:
        group, job.last_foreground = job.last_foreground, None
        return _signal_group(machine, group, (Signal.HUP, Signal.CONT)) if at_exit else []
    # At exit a pseudoterminal sends no SIGCONT after SIGHUP (disassociate_ctty, 6.18).
    ends = _signal_group(machine, terminal.foreground, (Signal.HUP,) if at_exit else (Signal.HUP, Signal.CONT))
    terminal.session = terminal.foreground = None
    clear_session(job.session)
    return ends


def _signal_group(machine: "Machine", group: StructPid | None, signals: tuple[int, ...]) -> Ends:
    return [] if group is None else signalling.post_group(machine, group, signals)


def _number(entry: tuple[int, Task]) -> int:
    return entry[0]


def hang_up(machine: "Machine", terminal: Terminal) -> None:
    """The master is closed: the slave's node is gone, its descriptors are dead, its session has lost it (__tty_hangup)."""
    terminal.master_open = False
    node, terminal.node = terminal.node, None
    assert node is not None
    assert node.parent is not None
    del node.parent.children[node.name]
    node.unlinked = True
    node.inode.nlink = 0
    session, foreground = terminal.session, terminal.foreground
    terminal.session = terminal.foreground = None
    terminal.input = terminal.output = b""
    ends: Ends = []
    if session is not None:
        for _, member in sorted(session.session_members.items(), key=_number):
            if member.job.terminal is terminal:
                member.job.terminal = None
            if member.job.is_leader:
                for signal in (Signal.HUP, Signal.CONT):
                    if status := signalling.post(machine, member, signal, force=True):
                        ends.append((member, status))
                member.job.last_foreground = foreground
    _free(machine, terminal)
    lifecycle.end_all(machine, ends)


def _free(machine: "Machine", terminal: Terminal) -> None:
    """Once both sides are closed, the number is free (devpts_kill_index)."""
    if not terminal.master_open and not terminal.slaves:
        devpts = cast("Devpts", terminal.sb.subject)
        devpts.lowest_free = min(devpts.lowest_free, terminal.index)
        del devpts.terminals[terminal.index]
        machine.system.terminals -= 1


def enters_background(kernel: "SyscallBase", terminal: Terminal, signal: int) -> bool:
    """Whether the caller is in the background of its controlling terminal, and may not go on for a reason that it can be told:
    it cannot be stopped. Where it can, its group is, and the call is made again (__tty_check_change)."""
    task = kernel.task
    job = task.job
    if job.terminal is not terminal or terminal.foreground is None or job.group is terminal.foreground:
        return False
    if signal in task.blocked or task.actions.dispositions.get(signal) is Disposition.IGNORE:
        return signal == Signal.TTIN  # who ignores SIGTTOU goes on
    if not lifecycle.is_orphaned(job.group):
        signalling.send_group(kernel.machine, job.group, (signal,))
        kernel.block("the foreground of its terminal", task, terminal)
    return True


# -- files --


class SlaveBehaviour(Behaviour):
    """The slave of a pseudoterminal, /dev/pts/N."""

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        terminal = cast("Terminal | None", description.inode.subject)
        if terminal is None:
            kernel.fail(OPEN_MASTERLESS)
        return self.open_terminal(kernel, description, terminal)

    def open_terminal(self, kernel: "Syscalls", description: Description, terminal: Terminal) -> Terminal:
        if not terminal.master_open:
            kernel.refuse(OPEN_MASTERLESS)
        if terminal.locked:
            kernel.refuse(OPEN_LOCKED)
        # -- effects only below --
        terminal.slaves += 1
        if terminal.was_open:
            terminal.was_open = False
        job = kernel.task.job
        flags = description.flags
        if (
            job.is_leader
            and job.terminal is None
            and terminal.session is None
            and not flags & OpenFlag.NOCTTY
            and flags & O_ACCMODE in (OpenFlag.RDONLY, OpenFlag.RDWR)
            and kernel.happens(OPEN_ACQUIRES)
        ):
            take_control(terminal, kernel.task)
        return terminal

    def release(self, machine: "Machine", description: Description) -> None:
        terminal = cast(Terminal, description.subject)
        terminal.slaves -= 1
        if not terminal.slaves:
            if terminal.master_open:
                terminal.was_open = True
            _free(machine, terminal)

    def read(self, kernel: "Syscalls", description: Description, count: int) -> bytes:
        terminal = cast(Terminal, description.subject)
        if not terminal.master_open:
            if kernel.task.progress is not None:  # the hangup came while it waited
                kernel.refuse(READ_HUNG_UP)
            return b""
        if kernel.task.progress is None and enters_background(kernel, terminal, Signal.TTIN):
            kernel.refuse(READ_HUNG_UP)
        if count == 0:
            return b""
        end = terminal.input.find(b"\n") + 1
        if not end:
            if description.flags & OpenFlag.NONBLOCK:
                kernel.refuse(READ_WOULD_BLOCK)
                return b""
            if kernel.task.progress is None:
                kernel.task.progress = RESTARTED
            kernel.block("a line from the terminal", terminal)
        # -- effects only below --
        data = terminal.input[: min(end, count)]
        terminal.input = terminal.input[len(data) :]
        return data

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        terminal = cast(Terminal, description.subject)
        if not terminal.master_open:
            kernel.refuse(WRITE_HUNG_UP)
            return len(data)
        if not data:
            return 0
        if len(terminal.output) >= OUTPUT_ROOM:
            if description.flags & OpenFlag.NONBLOCK:
                kernel.refuse(WRITE_WOULD_BLOCK)
                return 0
            kernel.block("somebody who reads from the terminal's master", terminal)
        # -- effects only below --
        terminal.output += data.replace(b"\n", b"\r\n")
        return len(data)

    def seek(self, kernel: "Syscalls", description: Description, offset: int, whence: int) -> int:
        kernel.refuse(LSEEK_PIPE)
        return 0


class ControllingBehaviour(SlaveBehaviour):
    """/dev/tty: opening it opens the caller's controlling terminal (tty_open_current_tty)."""

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        terminal = cast("Terminal | None", kernel.task.job.terminal)
        if terminal is None:
            kernel.fail(OPEN_NO_DEVICE)
        return self.open_terminal(kernel, description, terminal)


class MasterBehaviour(Behaviour):
    """The master of a pseudoterminal. `fakekernel.devpts` opens it."""

    def release(self, machine: "Machine", description: Description) -> None:
        if CLOSE_HANGS_UP not in machine.suspended:
            hang_up(machine, cast(Terminal, description.subject))

    def read(self, kernel: "Syscalls", description: Description, count: int) -> bytes:
        terminal = cast(Terminal, description.subject)
        output = terminal.output
        if count == 0:
            return b""
        if not output:
            if terminal.was_open:
                kernel.refuse(READ_HUNG_UP)
                return b""
            if description.flags & OpenFlag.NONBLOCK:
                kernel.refuse(READ_WOULD_BLOCK)
                return b""
            kernel.block("output of the terminal", terminal)
        # -- effects only below --
        terminal.output = output[count:]
        return output[:count]

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        terminal = cast(Terminal, description.subject)
        if not SPECIAL.isdisjoint(data):
            raise NotModelled("control characters typed on a terminal")
        line = data.replace(b"\r", b"\n")
        if len(terminal.input) + len(line) > LONGEST_LINE or len(terminal.output) > OUTPUT_ROOM:
            raise NotModelled("typing more on a terminal than it takes")
        # -- effects only below --
        if line:
            terminal.input += line
            terminal.output += b"".join(ECHO.get(code) or bytes((code,)) for code in line)
        return len(data)

    def seek(self, kernel: "Syscalls", description: Description, offset: int, whence: int) -> int:
        kernel.refuse(LSEEK_PIPE)
        return 0


class ConsoleBehaviour(SlaveBehaviour):
    """/dev/console, device 5:1: a serial line of the host, at whose other end nobody types and everything is taken.

    Opening it gives nobody a controlling terminal (drivers/tty/tty_io.c tty_open_proc_set_tty), an ioctl does.
    """

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        system = kernel.machine.system
        terminal = cast("Terminal | None", system.console)
        # -- effects only below --
        if terminal is None:
            terminal = system.console = Terminal(store=system.store, index=0, sb=description.inode.sb, locked=False)
        terminal.slaves += 1
        return terminal

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        return len(data)


BEHAVIOURS["pts"] = SlaveBehaviour()
BEHAVIOURS["ctty"] = ControllingBehaviour()
BEHAVIOURS["console"] = ConsoleBehaviour()
CHARACTER_DEVICES[makedev(5, 1)] = "console"
CHARACTER_MAJORS.update((major, "pts") for major in SLAVE_MAJORS)
TERMINALS = frozenset(("pts", "ctty", "ptmx", "console"))
"""The behaviours of descriptions that are terminals."""
MASTER = "ptmx"
