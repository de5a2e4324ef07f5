"""Programs of several processes for tests of the machine: they share pipes, wait for each other, change ids, die."""

from kernelapi.flags import Clock, Signal
from kernelapi.ids import Fd, Uid
from kernelapi.kernel import Kernel

WORKERS = 4


def family(kernel: Kernel) -> int:
    """A parent with workers that report through one pipe; it kills the last one."""
    reader, writer = kernel.pipe2(0)
    pids = [kernel.clone(Signal.CHLD, worker, number, reader, writer) for number in range(WORKERS)]
    kernel.close(writer)
    kernel.kill(pids[-1], Signal.KILL)
    heard = b""
    while chunk := kernel.read(reader, 16):
        heard += chunk
    for _ in pids:
        kernel.wait4(-1)
    kernel.close(reader)
    return len(heard) % 7


def worker(kernel: Kernel, number: int, reader: Fd, writer: Fd) -> int:
    kernel.close(reader)
    kernel.prctl_set_name(f"worker {number}")
    kernel.umask(number)
    if number == 1:
        kernel.clock_nanosleep(Clock.MONOTONIC, 0, 1000)
    if number == 2:
        mine, theirs = kernel.pipe2(0)
        child = kernel.clone(Signal.CHLD, grandchild, mine, theirs)
        kernel.close(theirs)
        kernel.read(mine, 5)
        kernel.wait4(child)
    kernel.setuid(Uid(1000 + number))
    kernel.getppid()
    kernel.write(writer, b"worker %d" % number)
    return number


def grandchild(kernel: Kernel, reader: Fd, writer: Fd) -> int:
    kernel.close(reader)
    kernel.prctl_set_pdeathsig(Signal.KILL)
    kernel.write(writer, b"hello")
    kernel.setsid()
    return 3


def tidy(kernel: Kernel) -> int:
    """Works with the help of `finally` and `with`-like clean-up, which must have no effect once it is killed."""
    reader, writer = kernel.pipe2(0)
    try:
        untidy_part(kernel)
        kernel.clock_nanosleep(Clock.MONOTONIC, 0, 10)
    finally:
        kernel.umask(0o777)
        kernel.close(reader)
        kernel.close(writer)
    return 0


def untidy(kernel: Kernel) -> int:
    """The same as `tidy`, written without `finally`."""
    reader, writer = kernel.pipe2(0)
    untidy_part(kernel)
    kernel.clock_nanosleep(Clock.MONOTONIC, 0, 10)
    kernel.umask(0o777)
    kernel.close(reader)
    kernel.close(writer)
    return 0


def untidy_part(kernel: Kernel) -> None:
    kernel.umask(0o27)
    kernel.prctl_set_name("busy")
    kernel.setuid(Uid(7))
    kernel.getuid()
