"""Entering a container's namespaces: what the original does in C, before Go's runtime starts its threads.

Two named differences: the original reads its command line out of /proc/self/cmdline, in every process of the runtime, where
here it is an argument; and it catches SIGCHLD, to reap what comes to it as a subreaper. There are no handlers here; nothing
comes to it either: what its child leaves behind goes to the container's first process.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import ENOENT, ERANGE

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

USAGE = "nsenter --nspid <pid> --console <console> -- cmd1 arg1 arg2..."
LONGEST = 2**63 - 1


@contextmanager
def complaining(words: str) -> Iterator[None]:
    """What fails inside is said as C programs say it."""
    try:
        yield
    except OSError as error:
        raise GoError(complaint(words, error.errno or 0)) from error


def complaint(words: str, errno: int) -> str:
    """A line on standard error, of a program that is called nsenter."""
    return f"nsenter: {words}: {os.strerror(errno)}"


@step
def adopt_orphans(nsenter: Nsenter) -> None:
    """Become the subreaper: what the entered process leaves behind comes here, and not to the host's init."""
    with complaining("Failed to set child subreaper"):
        nsenter.kernel.prctl_set_child_subreaper(1)


@step(writes="target console")
def parse_options(nsenter: Nsenter) -> None:
    """Take from the command line who the container's first process is, and the terminal, if one is given.

    Whether there is such a process shows when its namespaces are looked for.
    """
    argv = nsenter.argv
    words = argv[1 : argv.index("--")] if "--" in argv else argv[1:]
    given = dict(zip(words[::2], words[1::2], strict=False))
    nsenter.console = given.get("--console")
    if "--nspid" not in given:
        raise GoError(USAGE)
    nsenter.target = _number(given["--nspid"])


def _number(text: str) -> int:
    """strtol, into a pid: as far as there are digits, and 0 where there are none."""
    found = re.match(r"\s*([+-]?[0-9]+)", text, re.ASCII)
    value = int(found[1]) if found else 0
    if not -LONGEST - 1 <= value <= LONGEST:
        cut = -1 if value > 0 else 0
        words = f'Failed to parse PID from "{text}" with output "{cut}"'
        raise GoError(f"{complaint(words, ERANGE)}\n{USAGE}")
    return (value + 2**31) % 2**32 - 2**31


@step
def leave_session(nsenter: Nsenter) -> None:
    """Become the leader of a new session, without the caller's terminal."""
    with complaining("setsid failed"):
        nsenter.kernel.setsid()


@step(reads="console", writes="terminal")
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


@step(reads="target")
def join_namespaces(nsenter: Nsenter) -> None:
    """Join the ipc, uts, net, pid and mount namespaces of the container's first process.

    The mount namespace comes last: the others are found in the host's /proc. The user namespace is not joined: the host's
    rights are what the setup helper is for, and what a payload that comes in this way keeps. The directory stays open while the
    root changes, and is closed then.
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
            raise GoError(complaint(f"Failed to stat ns file {path} for ns {name}", error.errno or 0)) from error
        with complaining(f"Failed to open ns file {path} for ns {name}"):
            fd = kernel.openat(directory, name, OpenFlag.RDONLY)
        with complaining(f"Failed to setns for {name}"):
            kernel.setns(fd, 0)
        kernel.close(fd)
    kernel.close(directory)


NSENTER = Group(
    "",
    adopt_orphans,
    parse_options,
    leave_session,
    open_terminal,
    await_cgroups,
    join_namespaces,
    doc="Enter the namespaces of the container, all but that of its users.",
)


def run(nsenter: Nsenter, steps: Group, program: Callable[..., int | None], *args: object) -> int:
    """Take the steps, and have a child, which is in the pid namespace, run `program`; end as it ends."""
    kernel = nsenter.kernel
    try:
        perform(steps, nsenter)
        CURRENT.set(None)
        with complaining("Unable to fork a process"):
            child = kernel.clone(Signal.CHLD, proceed, nsenter.terminal, program, *args)
        with complaining("nsenter: Failed to waitpid with error"):
            _, status = kernel.wait4(child)
    except (FlowError, GoError) as error:
        CURRENT.set(None)
        return fatal(kernel, str(error))
    if status & 0x7F:
        kernel.kill(Pid(kernel.getpid()), status & 0x7F)
        return FAILED
    return status >> 8


def proceed(kernel: Kernel, terminal: Fd, program: Callable[..., int | None], *args: object) -> int | None:
    """The child: takes the terminal, if there is one, and goes on as the Go program."""
    try:
        if terminal >= 0:
            for fd in range(3):
                with complaining(f"Failed to dup {fd}"):
                    kernel.dup2(terminal, Fd(fd))
    except GoError as error:
        return fatal(kernel, str(error))
    return program(kernel, *args)
