"""Processes that share their memory (CLONE_VM), which no Python program can be on a real kernel, and namespaces.

What is expected here was asked of Linux 6.18 by a C program.
"""

from errno import EINVAL, EUSERS

from fakekernel.machine import Machine
from kernelapi.flags import CloneFlag, Disposition, OpenFlag, Signal
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.testing.case import errno_of

VM, SIGHAND, THREAD = CloneFlag.VM, CloneFlag.SIGHAND, CloneFlag.THREAD
UNSHARED = (VM, SIGHAND, THREAD, CloneFlag.NEWTIME, CloneFlag.NEWUSER)


def parent(kernel: Kernel, flags: int, output: Fd) -> None:
    time = kernel.open("/proc/self/ns/time", OpenFlag.RDONLY)
    kernel.clone(flags | Signal.CHLD, child, time, output)
    kernel.wait4(-1)


def child(kernel: Kernel, time: Fd, output: Fd) -> None:
    kernel.write(output, bytes((errno_of(kernel.setns, time, 0), *(errno_of(kernel.unshare, flag) for flag in UNSHARED))))


def answers(flags: int) -> tuple[int, ...]:
    """The errnos of setns to a time namespace, and of unshare for each of UNSHARED, in a child made with `flags`."""
    machine = Machine(checks=True)
    _, output = machine.spawn_captured(parent, flags)
    assert not machine.run().hung
    machine.close()
    return tuple(machine.captured(output))


def test_a_child_with_memory_of_its_own_may_unshare_everything() -> None:
    assert answers(0) == (0, 0, 0, 0, 0, 0)


def test_shared_memory_cannot_be_unshared_and_bars_time_namespaces() -> None:
    assert answers(VM) == (EUSERS, EINVAL, 0, 0, 0, 0)
    assert answers(VM | CloneFlag.VFORK) == (EUSERS, EINVAL, 0, 0, 0, 0)


def test_shared_signal_actions_cannot_be_unshared() -> None:
    assert answers(VM | SIGHAND) == (EUSERS, EINVAL, EINVAL, 0, 0, 0)


def threads(kernel: Kernel, output: Fd) -> None:
    thread = VM | SIGHAND | THREAD
    attempts = (thread | CloneFlag.NEWUSER, thread | CloneFlag.NEWPID)
    refusals = [errno_of(kernel.clone, flags, child, Fd(0), output) for flags in attempts]
    kernel.unshare(CloneFlag.NEWPID)
    kernel.write(output, bytes((*refusals, errno_of(kernel.clone, thread, child, Fd(0), output))))


def test_a_thread_lives_in_the_namespaces_of_its_process() -> None:
    machine = Machine(checks=True)
    _, output = machine.spawn_captured(threads)
    machine.run()
    machine.close()
    assert tuple(machine.captured(output)) == (EINVAL, EINVAL, EINVAL)


def ignore_and_share(kernel: Kernel, output: Fd) -> None:
    kernel.rt_sigaction(Signal.TERM, Disposition.IGNORE)
    kernel.clone(VM | SIGHAND | Signal.CHLD, execute)
    kernel.clock_nanosleep(1, 0, 1)  # it runs
    kernel.rt_sigaction(Signal.TERM, Disposition.DEFAULT)
    alone = errno_of(kernel.unshare, SIGHAND)
    kernel.write(output, bytes((alone, kernel.wait4(-1)[1] >> 8)))


def execute(kernel: Kernel) -> None:
    kernel.execve("/bin/sh", ("sh", "-c", "sleep 1; kill -TERM $$; exit 3"), ("PATH=/bin",))


def test_a_program_has_signal_actions_of_its_own() -> None:
    machine = Machine(checks=True)
    _, output = machine.spawn_captured(ignore_and_share)
    assert not machine.run().hung
    assert machine.captured(output) == bytes((0, 3))
