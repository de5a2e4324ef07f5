"""The parent: it starts init, prepares the host's side, lets init go on, and waits for it."""

from contextlib import suppress
from typing import Any

from initflow.configuration import encode as encode_configuration
from initflow.flow import CURRENT, FlowError, Group, Panic, perform, step
from initflow.golang import (
    GoError,
    SyscallError,
    checking_strings,
    encode,
    join,
    open_file,
    read_file,
    remove,
    write,
)
from initflow.messages import PARENT as PARENT_END
from initflow.messages import receive_error, send
from initflow.networks import create
from initflow.steps.cgroups import apply, kill_all, remove_paths
from initflow.steps.context import Parent
from initflow.steps.entering import collect_output, exit_text
from initflow.steps.initialisation import NUL, close, crash, fatal
from initflow.steps.starting import NO_MAPS, IdMaps, Program, fork_exec, run_prologue
from initflow.steps.terminal import allocate_terminal, standard_streams
from kernelapi.flags import AddressFamily, Disposition, OpenFlag, Shutdown, Signal, SocketType
from kernelapi.ids import Fd, Pid

START_TIME = 21
"""Where /proc/PID/stat has it, counted from 0."""

SIGNAL_OFFSET = 128

FAILURE = b"failed to exec: "
"""What the parent's message on standard error begins with."""


@step(writes="pipe child_pipe")
def make_pipe(parent: Parent) -> None:
    """Make the connection on which init waits for the parent, and the parent for init."""
    kernel = parent.kernel
    parent.child_pipe, parent.pipe = kernel.socketpair(AddressFamily.UNIX, SocketType.STREAM | SocketType.CLOEXEC, 0)
    pipe = parent.pipe
    parent.defer(lambda: kernel.close(pipe))


@step(reads="child_pipe console", writes="init")
def start_init(parent: Parent) -> None:
    """Clone a child into the new namespaces and let it become init; learn through a pipe whether it did."""
    opened: list[Fd] = []
    try:
        try:
            stdio = standard_streams(parent.kernel, parent.console, opened)
            parent.init = _start(parent, stdio)
        finally:
            for fd in opened:
                close(parent.kernel, fd)
    except GoError:
        close(parent.kernel, parent.child_pipe)
        raise


@step(reads="child_pipe")
def close_child_end(parent: Parent) -> None:
    """Close init's end of the pipe here: its death or its exec could not be seen otherwise."""
    close(parent.kernel, parent.child_pipe)


@step(reads="init", writes="start_time")
def read_start_time(parent: Parent) -> None:
    """Note when init started: with its pid, that names it for good. A name with a space in it shifts what is taken for that."""
    fields = read_file(parent.kernel, f"/proc/{parent.init}/stat").decode("utf-8", "surrogateescape").split(" ")
    if len(fields) <= START_TIME:
        raise Panic("runtime error: index out of range")
    parent.start_time = fields[START_TIME]


@step(reads="init", writes="cgroup_paths")
def join_cgroups(parent: Parent) -> None:
    """Put init into its cgroups. Before it is let go on: no child of it can escape them."""
    parent.cgroup_paths = {}
    if parent.configuration.cgroups is not None:
        paths = apply(parent.kernel, parent.configuration.cgroups, parent.init)
        parent.cgroup_paths = paths
        parent.defer(lambda: remove_paths(parent.kernel, paths))


@step(reads="init", writes="network_state")
def create_networks(parent: Parent) -> None:
    """Make the host's side of each network. A loopback has none.

    Init has to be there: a link goes to the namespace of a process.
    """
    state: dict[str, str] = {}
    for network in parent.configuration.networks:
        if network is None:
            raise Panic("a network of the configuration is null")
        create(parent.kernel, network, parent.init, state)
    parent.network_state = state


@step(reads="init start_time network_state cgroup_paths")
def save_state(parent: Parent) -> None:
    """Write down what is known of the container, for those who come to it later."""
    kernel, path = parent.kernel, join(parent.data_path, "state.json")
    state: dict[str, Any] = {
        "init_pid": parent.init,
        "init_start_time": parent.start_time,
        "network_state": parent.network_state,
    }
    if parent.cgroup_paths:
        state["cgroup_paths"] = dict(sorted(parent.cgroup_paths.items()))
    fd = open_file(kernel, path, OpenFlag.RDWR | OpenFlag.CREAT | OpenFlag.TRUNC, 0o666)
    try:
        write(kernel, fd, path, encode(state).encode("utf-8", "surrogateescape") + b"\n")
    finally:
        close(kernel, fd)
    parent.defer(lambda: remove(kernel, path))


@step(reads="console init")
def run_setup_helper(parent: Parent) -> None:
    """Have a helper of the host build the container's tree and network, which the root of a user namespace may not.

    After the state is saved, which the helper reads; before init, which waits meanwhile, goes on in the new root.
    """
    argv = (parent.program, "exec", "--func", "setup", "--", parent.data_path, parent.configuration.root_fs, parent.console)
    try:
        status, output = collect_output(parent.kernel, parent.program, argv, parent.inherited)
    except GoError as error:
        raise FlowError(f"setup failed: {error} ") from error
    if status:
        raise FlowError(f"setup failed: {exit_text(status)} {output.decode('utf-8', 'surrogateescape')}")


@step(reads="pipe network_state")
def send_network_state(parent: Parent) -> None:
    """Let init go on: all that it needs from the parent is done."""
    send(parent.kernel, parent.pipe, PARENT_END, parent.network_state)


@step(reads="pipe")
def shut_down_sending(parent: Parent) -> None:
    """Say that nothing more will come: init reads up to here before it reports an error."""
    parent.kernel.shutdown(parent.pipe, Shutdown.WR)


@step(reads="pipe")
def await_init(parent: Parent) -> None:
    """Wait until init reports an error or closes its end: by exec, which is success, or by dying, which looks the same."""
    message = receive_error(parent.kernel, parent.pipe)
    if message is not None:
        raise FlowError(message)


@step(reads="init", writes="waited status")
def wait_for_exit(parent: Parent) -> None:
    """Wait for init to end, and for what it leaves behind where it shared the host's pid namespace."""
    parent.waited = True
    parent.status = wait(parent)


PARENT = Group(
    "",
    allocate_terminal,
    make_pipe,
    start_init,
    close_child_end,
    read_start_time,
    join_cgroups,
    create_networks,
    save_state,
    send_network_state,
    shut_down_sending,
    await_init,
    wait_for_exit,
    doc="Start init, prepare the host's side, let init go on, wait.",
)


PARENT_USERNS = Group(
    "",
    allocate_terminal,
    make_pipe,
    start_init,
    close_child_end,
    read_start_time,
    join_cgroups,
    create_networks,
    save_state,
    run_setup_helper,
    send_network_state,
    shut_down_sending,
    await_init,
    wait_for_exit,
    doc="Start init in its user namespace, have a helper set it up from outside, let init go on, wait.",
)


def run(parent: Parent, steps: Group) -> int:
    """Take the steps; return the exit code for the caller: the payload's, 128 + its signal, or 1 with a message on stderr.

    Go's runtime catches SIGPIPE, so that writing to an init that is gone is an error like any other. There are no handlers
    here: the signal is ignored instead, and set back in the child, as the exec does with a handler.
    """
    with suppress(OSError):
        parent.kernel.rt_sigaction(Signal.PIPE, Disposition.IGNORE)
    if NUL in encode_configuration(parent.configuration):
        parent.kernel = checking_strings(parent.kernel)
    try:
        try:
            perform(steps, parent)
        except FlowError as error:
            CURRENT.set(None)
            if "init" in parent.slots and "waited" not in parent.slots:
                terminate(parent)
            parent.run_deferred()
            return fatal(parent.kernel, FAILURE.decode() + error.message)
        CURRENT.set(None)
        parent.run_deferred()
        return exit_code(parent.status)
    except Panic as panic:
        CURRENT.set(None)
        parent.run_deferred()  # a crash says so when all that was put off is done
        return crash(parent.kernel, str(panic))


def terminate(parent: Parent) -> None:
    """Kill init and wait for it; what goes wrong on the way is nobody's business any more."""
    with suppress(OSError):
        parent.kernel.kill(parent.init, Signal.KILL)
    with suppress(GoError):
        wait(parent)


def wait(parent: Parent) -> int:
    """The status word of init, once it has ended. Raises `GoError`."""
    try:
        _, status = parent.kernel.wait4(parent.init)
    except OSError as error:
        raise SyscallError("wait", error) from error
    finally:
        if not parent.configuration.has_namespace("NEWPID"):
            kill_all(parent.kernel, parent.configuration.cgroups)
    return status


def exit_code(status: int) -> int:
    """What a caller sees of a status word."""
    signal = status & 0x7F
    return SIGNAL_OFFSET + signal if signal else status >> 8


def _start(parent: Parent, stdio: tuple[Fd, Fd, Fd]) -> Pid:
    """Start init. Of two variables of one name the new program sees the first: the caller's, where it has one."""
    configuration = parent.configuration
    argv = (parent.program, "init", "--", *parent.args)
    added = {"console": parent.console, "pipe": "3", "data_path": parent.data_path}
    envp = tuple(f"{key}={value}" for entries in (parent.inherited, added) for key, value in entries.items())
    program = Program(parent.program, argv, envp, (*stdio, parent.child_pipe), configuration.root_fs)
    flags = Signal.CHLD | int(configuration.clone_flags)
    maps = NO_MAPS
    if configuration.has_namespace("NEWUSER"):
        maps = IdMaps(configuration.uid_mappings, configuration.gid_mappings)
    return fork_exec(parent.kernel, program, run_prologue, parent.flow, flags=flags, maps=maps)
