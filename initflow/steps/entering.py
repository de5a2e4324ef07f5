"""Sending a process into a running container: the side that stays outside (ExecIn), and os/exec's CombinedOutput."""

import signal
from contextlib import suppress

from initflow import messages
from initflow.configuration import encode
from initflow.flow import CURRENT, FlowError, Group, Panic, perform, step
from initflow.golang import CHUNK, GoError, SyscallError, join, open_file, stat, write, write_file
from initflow.steps.context import Entering
from initflow.steps.initialisation import close, crash, fatal
from initflow.steps.starting import Program, fork_exec, run_helper_prologue
from initflow.steps.terminal import allocate_terminal, standard_streams
from kernelapi.flags import AddressFamily, Disposition, OpenFlag, Signal, SocketType
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel

GO_AHEAD = b"1"
"""What lets the entering process go on."""

SIGNALED = 255
"""The exit status of a program that ends with -1, as ExecIn says of a process that a signal ended: of which, nobody learns."""


@step(writes="pipe child_pipe")
def make_entering_pipe(entering: Entering) -> None:
    """Make the connection on which the entering process is held back and gets the configuration. Nothing comes back on it."""
    entering.child_pipe, entering.pipe = entering.kernel.socketpair(
        AddressFamily.UNIX, SocketType.STREAM | SocketType.CLOEXEC, 0
    )  # fmt: skip


@step(reads="child_pipe console", writes="nsenter")
def start_nsenter(entering: Entering) -> None:
    """Start the runtime's program under another name: as what enters the namespaces before anything else runs.

    It is not asked to die with this process, as init is with its parent.
    """
    kernel, console = entering.kernel, entering.console
    options = ("--nspid", str(entering.state.get("init_pid", 0)), *(("--console", console) if console else ()))
    argv = (f"nsenter-{entering.action}", *options, "--", *entering.args)
    envp = tuple(f"{key}={value}" for key, value in entering.inherited.items())
    opened: list[Fd] = []
    try:
        streams = standard_streams(kernel, console, opened)
        program = Program(entering.program, argv, envp, (*streams, entering.child_pipe))
        entering.nsenter = fork_exec(kernel, program, run_helper_prologue)
    finally:
        for fd in (*opened, entering.child_pipe):
            close(kernel, fd)


@step(reads="nsenter")
def enter_cgroups(entering: Entering) -> None:
    """Put the entering process into the container's cgroups, as far as they are there. Before it is let go on."""
    kernel = entering.kernel
    for path in entering.state.get("cgroup_paths", {}).values():
        try:
            stat(kernel, path)
        except GoError:
            continue
        write_file(kernel, join(path, "cgroup.procs"), str(entering.nsenter).encode(), 0o700)


@step(reads="pipe nsenter")
def send_configuration(entering: Entering) -> None:
    """Let the process enter, and hand it the configuration, for which it cannot look in a file any more."""
    write(entering.kernel, entering.pipe, messages.PARENT, GO_AHEAD)
    write(entering.kernel, entering.pipe, messages.PARENT, encode(entering.configuration) + b"\n")


@step(reads="nsenter", writes="status")
def await_nsenter(entering: Entering) -> None:
    """Wait for the process to end. Its side of the connection is never read."""
    try:
        _, entering.status = entering.kernel.wait4(entering.nsenter)
    except OSError as error:
        raise SyscallError("wait", error) from error


EXEC_IN = Group(
    "",
    make_entering_pipe,
    start_nsenter,
    enter_cgroups,
    send_configuration,
    await_nsenter,
    doc="Have a process enter the container's cgroups and namespaces, and wait for it.",
)

EXEC_IN_WITH_TERMINAL = Group("", allocate_terminal, *EXEC_IN.children, doc=EXEC_IN.doc)


def run(entering: Entering, steps: Group) -> int:
    """Take the steps; return the exit status: that of the process that entered, or 1 with a message on standard error."""
    kernel = entering.kernel
    with suppress(OSError):
        kernel.rt_sigaction(Signal.PIPE, Disposition.IGNORE)  # Go's runtime catches it
    try:
        perform(steps, entering)
    except FlowError as error:
        CURRENT.set(None)
        if "nsenter" in entering.slots and "status" not in entering.slots:
            with suppress(OSError):
                kernel.kill(entering.nsenter, Signal.KILL)
            with suppress(OSError):
                kernel.wait4(entering.nsenter)
        _close_pipe(entering)
        return fatal(kernel, f"failed to exec: {error.message}")
    except Panic as panic:
        CURRENT.set(None)
        return crash(kernel, str(panic))
    CURRENT.set(None)
    _close_pipe(entering)
    return SIGNALED if entering.status & 0x7F else entering.status >> 8


def _close_pipe(entering: Entering) -> None:
    if "pipe" in entering.slots:
        close(entering.kernel, entering.pipe)


# -- os/exec --


def collect_output(kernel: Kernel, path: str, argv: tuple[str, ...], inherited: dict[str, str]) -> tuple[int, bytes]:
    """exec.Cmd.CombinedOutput: run the program and return its status word and all that it wrote. Raises `GoError`.

    Go reads and waits at once, in two threads; here the one comes after the other.
    """
    null = open_file(kernel, "/dev/null")
    opened = [null]
    try:
        try:
            reader, writer = kernel.pipe2(OpenFlag.CLOEXEC)
        except OSError as error:
            raise SyscallError("pipe2", error) from error
        opened.append(writer)
        envp = tuple(f"{key}={value}" for key, value in inherited.items())
        try:
            pid = fork_exec(kernel, Program(path, argv, envp, (null, writer, writer)), run_helper_prologue)
        except GoError:
            close(kernel, reader)
            raise
    finally:
        for fd in opened:
            close(kernel, fd)
    output = b""
    with suppress(OSError):
        while chunk := kernel.read(reader, CHUNK):
            output += chunk
    try:
        _, status = kernel.wait4(pid)
    except OSError as error:
        raise SyscallError("wait", error) from error
    finally:
        close(kernel, reader)
    return status, output


def exit_text(status: int) -> str:
    """os.ProcessState.String."""
    number = status & 0x7F
    if not number:
        return f"exit status {status >> 8}"
    name = signal.strsignal(number) or f"signal {number}"
    return f"signal: {name[:1].lower()}{name[1:]}{' (core dumped)' if status & 0x80 else ''}"
