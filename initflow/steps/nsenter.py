"""Entering a container's namespaces: what the original does in C, before Go's runtime starts its threads.

The original also catches SIGCHLD, to reap what comes to it as a subreaper. There are no handlers here; nothing comes to it
either, while its one child does the work.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import ENOENT

from initflow.flow import CURRENT, FlowError, Group, perform, step
from initflow.golang import GoError
from initflow.steps.context import Nsenter
from initflow.steps.initialisation import FAILED, fatal
from kernelapi.flags import AtFlag, OpenFlag, Signal
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel

PIPE = Fd(3)
GO_AHEAD = b"1"
NAMESPACES = ("ipc", "uts", "net", "pid", "mnt")
"""In this order; the user namespace is never joined."""


@contextmanager
def complaining(words: str) -> Iterator[None]:
    """What fails inside is said as C programs say it."""
    try:
        yield
    except OSError as error:
        raise GoError(f"{words}: {os.strerror(error.errno or 0)}") from error


@step
def adopt_orphans(nsenter: Nsenter) -> None:
    """Become the subreaper: what the entered process leaves behind comes here, and not to the host's init."""
    with complaining("Failed to set child subreaper"):
        nsenter.kernel.prctl_set_child_subreaper(1)


@step
def leave_session(nsenter: Nsenter) -> None:
    """Become the leader of a new session, without the caller's terminal."""
    with complaining("setsid failed"):
        nsenter.kernel.setsid()


@step(writes="terminal")
def open_terminal(nsenter: Nsenter) -> None:
    """Open the terminal, if one is given. Before the mount namespace changes: its path is one of the host."""
    nsenter.terminal = Fd(-1)
    if nsenter.console is not None:
        with complaining(f"Failed to open console {nsenter.console}"):
            nsenter.terminal = nsenter.kernel.open(nsenter.console, OpenFlag.RDWR)


@step
def await_cgroups(nsenter: Nsenter) -> None:
    """Wait until the parent has put this process into the container's cgroups: no child of it can escape them."""
    with complaining("failed to receive synchronization data from parent"):
        if nsenter.kernel.read(PIPE, 1) != GO_AHEAD:
            raise OSError(0, "")


@step
def join_namespaces(nsenter: Nsenter) -> None:
    """Join the ipc, uts, net, pid and mount namespaces of the container's first process.

    The mount namespace comes last: the others are found in the host's /proc. The user namespace is not joined: the host's
    rights are what the helper is for. The directory stays open while the root changes, and is closed then.
    """
    kernel, path = nsenter.kernel, f"/proc/{nsenter.target}/ns/"
    with complaining(f"Unable to open {path}"):
        directory = kernel.open(path, OpenFlag.RDONLY | OpenFlag.DIRECTORY)
    for name in NAMESPACES:
        try:
            kernel.newfstatat(directory, name, AtFlag.SYMLINK_NOFOLLOW)
        except OSError as error:
            if error.errno == ENOENT:  # a kernel without it
                continue
            raise GoError(f"Failed to stat ns file {path} for ns {name}: {os.strerror(error.errno or 0)}") from error
        with complaining(f"Failed to open ns file {path} for ns {name}"):
            fd = kernel.openat(directory, name, OpenFlag.RDONLY)
        with complaining(f"Failed to setns for {name}"):
            kernel.setns(fd, 0)
        kernel.close(fd)
    kernel.close(directory)


NSENTER = Group(
    "",
    adopt_orphans,
    leave_session,
    open_terminal,
    await_cgroups,
    join_namespaces,
    doc="Enter the namespaces of the container, all but that of its users.",
)


def options(argv: tuple[str, ...]) -> tuple[int, str | None]:
    """--nspid, 0 where there is none that is a pid, and --console, in what comes before the "--"."""
    words = argv[1 : argv.index("--")] if "--" in argv else argv[1:]
    given = dict(zip(words[::2], words[1::2], strict=False))
    pid = given.get("--nspid", "")
    return int(pid) if pid.isascii() and pid.isdecimal() else 0, given.get("--console")


def run(nsenter: Nsenter, steps: Group, program: Callable[..., int | None], *args: object) -> int:
    """Take the steps, and have a child, which is in the pid namespace, run `program`; end as it ends."""
    kernel = nsenter.kernel
    if nsenter.target <= 0:
        return fatal(kernel, "nsenter: no pid to enter")
    try:
        perform(steps, nsenter)
        CURRENT.set(None)
        with complaining("Unable to fork a process"):
            child = kernel.clone(Signal.CHLD, proceed, nsenter.terminal, program, *args)
        with complaining("Failed to waitpid with error"):
            _, status = kernel.wait4(child)
    except (FlowError, GoError) as error:
        CURRENT.set(None)
        return fatal(kernel, f"nsenter: {error}")
    if status & 0x7F:
        kernel.kill(Pid(kernel.getpid()), status & 0x7F)
        return FAILED
    return status >> 8


def proceed(kernel: Kernel, terminal: Fd, program: Callable[..., int | None], *args: object) -> int | None:
    """The child: takes the terminal, if there is one, and goes on as the Go program."""
    if terminal >= 0:
        for fd in range(3):
            kernel.dup2(terminal, Fd(fd))
    return program(kernel, *args)
