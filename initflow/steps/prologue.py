"""The child between clone and exec: what Go's runtime (1.4) does before the new program starts."""

import struct
from errno import EINVAL

from initflow.flow import step
from initflow.steps.context import Prologue
from kernelapi.flags import FdFlag, Signal
from kernelapi.ids import Fd, Gid, Uid

FAILED = 253
"""The exit status of a child that could not start the program."""

ERRNO = struct.Struct("=q")
"""What a child that could not start reports, and what the parent says of the id maps: a machine word."""


@step
def await_id_maps(child: Prologue) -> None:
    """Wait until the parent has written the id maps: before that, no id of the new user namespace can be taken."""
    if child.barrier is None:
        return
    kernel, (reader, writer) = child.kernel, child.barrier
    kernel.close(writer)
    word = kernel.read(reader, ERRNO.size)
    problem = ERRNO.unpack(word)[0] if len(word) == ERRNO.size else EINVAL
    if problem:
        raise OSError(problem, "")


@step
def set_parent_death_signal(child: Prologue) -> None:
    """Die with the parent; and at once, if it is gone already.

    Go 1.4 takes a parent with pid 1 for the sign of that (later versions compare with the pid recorded before). In a new pid
    namespace the parent is 0, alive or dead: nothing is noticed there. A parent that *is* process 1 loses each child at once.
    """
    kernel = child.kernel
    kernel.prctl_set_pdeathsig(Signal.KILL)
    if kernel.getppid() == 1:
        kernel.kill(kernel.getpid(), Signal.KILL)


@step
def forget_groups(child: Prologue) -> None:
    """Have no supplementary groups of the caller. Before the ids: both may take CAP_SETGID away."""
    child.kernel.setgroups(())


@step
def become_group_root(child: Prologue) -> None:
    """Take group 0 of the user namespace."""
    child.kernel.setgid(Gid(0))


@step
def become_root(child: Prologue) -> None:
    """Become root of the user namespace.

    Where that is another user of the host than the caller, the parent death signal, set before, is lost with this (later
    versions of Go set it afterwards): init does not die with its parent.
    """
    child.kernel.setuid(Uid(0))


@step
def change_to_rootfs(child: Prologue) -> None:
    """Start in the root file system: init takes its working directory for it."""
    if child.directory:
        child.kernel.chdir(child.directory)


@step
def arrange_descriptors(child: Prologue) -> None:
    """Bring the standard streams and the pipe to 0, 1, 2, 3, without close-on-exec.

    In two passes: those in the way of others move up first.
    """
    kernel, wanted = child.kernel, list(child.stdio)
    free = max([len(wanted), *wanted]) + 1
    if child.report < free:
        child.report = kernel.dup2(child.report, Fd(free))
        kernel.fcntl_setfd(child.report, FdFlag.CLOEXEC)
        free += 1
    for number, fd in enumerate(wanted):
        if fd < number:
            wanted[number] = kernel.dup2(fd, Fd(free))
            kernel.fcntl_setfd(wanted[number], FdFlag.CLOEXEC)
            free += 1
            if free == child.report:
                free += 1
    for number, fd in enumerate(wanted):
        if fd == number:
            kernel.fcntl_setfd(fd, 0)  # dup2 onto itself would leave close-on-exec set
        else:
            kernel.dup2(fd, Fd(number))


@step
def start_program(child: Prologue) -> None:
    """Become init, or who enters: the same program as the parent, with another command line."""
    child.kernel.execve(child.path, child.argv, child.envp)
