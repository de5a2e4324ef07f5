"""Starting a process as Go 1.4 does: the id maps, the fork, the exec, and the pipe through which the parent learns of it.

os.StartProcess; syscall.forkExec and forkAndExecInChild.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from errno import EINVAL, EPIPE

from initflow.configuration import IdMapping
from initflow.flow import FlowError, Group, perform
from initflow.golang import PathError, write_all
from initflow.steps.context import Prologue
from initflow.steps.initialisation import close
from initflow.steps.prologue import ERRNO, FAILED, arrange_descriptors, start_program
from kernelapi.flags import Disposition, OpenFlag, Signal
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel

PLAIN_PROLOGUE = Group("", arrange_descriptors, start_program, doc="What Go's runtime does before any program.")


@dataclass(frozen=True)
class Program:
    """What the child becomes. `descriptors` are to be its 0, 1, 2 and so on; `directory` is where it starts ("": here)."""

    path: str
    argv: tuple[str, ...]
    envp: tuple[str, ...]
    descriptors: tuple[Fd, ...]
    directory: str = ""


@dataclass(frozen=True)
class IdMaps:
    """The maps of a new user namespace; one that is None is not written."""

    uids: tuple[IdMapping, ...] | None = None
    gids: tuple[IdMapping, ...] | None = None

    def __bool__(self) -> bool:
        return self.uids is not None or self.gids is not None


NO_MAPS = IdMaps()


def fork_exec(
    kernel: Kernel,
    program: Program,
    child: Callable[..., int | None],
    *leading: str,
    flags: int = Signal.CHLD,
    maps: IdMaps = NO_MAPS,
) -> Pid:
    """Clone a child that runs `child(kernel, *leading, ...)` and learn whether it became the program. Raises `PathError`.

    With maps there is a second pipe, on which the child waits for them. If the clone fails, that one stays open: so it does in
    the original.
    """
    try:
        if "\0" in program.directory:
            raise OSError(EINVAL, "")
        reader, writer = kernel.pipe2(OpenFlag.CLOEXEC)
        arguments = (
            *leading, program.directory, program.descriptors, writer, program.path, program.argv, program.envp,
        )  # fmt: skip
        barriers: tuple[tuple[Fd, Fd], ...] = ()
        try:
            if maps:
                barriers = (kernel.pipe2(OpenFlag.CLOEXEC),)
            pid = kernel.clone(flags, child, *arguments, *barriers)
        except OSError:
            close(kernel, reader)
            close(kernel, writer)
            raise
        for barrier in barriers:
            _write_maps(kernel, pid, maps, *barrier)
        close(kernel, writer)
        _await_exec(kernel, reader, pid)
    except OSError as error:
        raise PathError("fork/exec", program.path, error) from error
    return pid


def _write_maps(kernel: Kernel, pid: Pid, maps: IdMaps, reader: Fd, writer: Fd) -> None:
    """Write the maps, then tell the child the errno of that. /proc/PID/setgroups is left alone, at "allow"."""
    close(kernel, reader)
    problem = 0
    try:
        for name, mappings in (("uid_map", maps.uids), ("gid_map", maps.gids)):
            if mappings is not None:
                _write_map(kernel, f"/proc/{pid}/{name}", mappings)
    except OSError as error:
        problem = error.errno or 0
    with suppress(OSError):
        kernel.write(writer, ERRNO.pack(problem))
    close(kernel, writer)


def _write_map(kernel: Kernel, path: str, mappings: tuple[IdMapping, ...]) -> None:
    """All lines at once: a second write is refused. Go sends the NUL that ends its string along; the kernel stops there."""
    fd = kernel.open(path, OpenFlag.RDWR)
    try:
        lines = "".join(f"{entry.container_id} {entry.host_id} {entry.size}\n" for entry in mappings)
        kernel.write(fd, lines.encode() + b"\0")
    finally:
        close(kernel, fd)


def _await_exec(kernel: Kernel, reader: Fd, pid: Pid) -> None:
    """Wait until the child has become the program. Raises `OSError` with the errno that it reports, once it has ended."""
    problem, word = 0, b""
    try:
        word = kernel.read(reader, ERRNO.size)
    except OSError as error:
        problem = error.errno or 0
    close(kernel, reader)
    if word:
        problem = ERRNO.unpack(word)[0] if len(word) == ERRNO.size else EPIPE
    if problem:
        with suppress(OSError):
            kernel.wait4(pid)
        raise OSError(problem, "")


def run_prologue(
    kernel: Kernel,
    flow: str,
    directory: str,
    descriptors: tuple[Fd, ...],
    report: Fd,
    path: str,
    argv: tuple[str, ...],
    envp: tuple[str, ...],
    barrier: tuple[Fd, Fd] | None = None,
) -> int:
    """The child of the parent: becomes init, or reports the errno that kept it from it."""
    from initflow.flows import FLOWS

    child = Prologue(
        kernel, directory=directory, stdio=descriptors, report=report, path=path, argv=argv, envp=envp, barrier=barrier
    )  # fmt: skip
    return _become(child, FLOWS[flow].prologue)


def run_helper_prologue(
    kernel: Kernel,
    directory: str,
    descriptors: tuple[Fd, ...],
    report: Fd,
    path: str,
    argv: tuple[str, ...],
    envp: tuple[str, ...],
) -> int:
    """The child that becomes the setup helper, or its nsenter."""
    child = Prologue(kernel, directory=directory, stdio=descriptors, report=report, path=path, argv=argv, envp=envp)
    return _become(child, PLAIN_PROLOGUE)


def _become(child: Prologue, steps: Group) -> int:
    kernel = child.kernel
    with suppress(OSError):
        kernel.rt_sigaction(Signal.PIPE, Disposition.DEFAULT)
    try:
        perform(steps, child)
    except FlowError as error:
        cause = error.__cause__
        with suppress(OSError):
            write_all(kernel, child.report, ERRNO.pack(cause.errno or 0 if isinstance(cause, OSError) else 0))
    return FAILED
