"""How many calls a simulated kernel carries out on one core, recorded, and how many with the state's invariants checked too."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from figure import Figure

from fakekernel.machine import Machine
from kernelapi.flags import OpenFlag
from kernelapi.kernel import Kernel

ROUNDS = 4000


def getters(kernel: Kernel) -> None:
    for _ in range(ROUNDS):
        kernel.getuid()
        kernel.umask(0o22)


def descriptors(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    for _ in range(ROUNDS):
        kernel.write(writer, b"x")
        kernel.read(reader, 1)
        kernel.close(kernel.dup(reader))


def paths(kernel: Kernel) -> None:
    for _ in range(ROUNDS):
        kernel.stat("/etc/passwd")
        kernel.close(kernel.open("/etc/passwd", OpenFlag.RDONLY))


def mixed(kernel: Kernel) -> None:
    """About what an init does: half of it names and descriptors, the rest ids, capabilities, small changes."""
    reader, writer = kernel.pipe2(0)
    for number in range(ROUNDS):
        kernel.stat("/etc")
        kernel.close(kernel.open("/dev/null", OpenFlag.RDONLY))
        kernel.umask(number & 0o77)
        kernel.getppid()
        kernel.fcntl_setfd(reader, number & 1)
        kernel.prctl_capbset_read(number % 40)
        kernel.write(writer, b"x")
        kernel.read(reader, 1)


def bench_calls() -> Iterator[Figure]:
    for program in (getters, descriptors, paths, mixed):
        yield Figure(f"recorded calls, {program.__name__}", rate(program), "calls/s")
    yield Figure("the state checked after each, mixed", rate(mixed, checks=True), "calls/s")


def rate(program: Callable[[Kernel], None], **options: Any) -> float:
    """Calls per second of processor time: the best of three runs."""
    best = 0.0
    for _ in range(3):
        machine = Machine(**options)
        machine.spawn(program)
        started = time.process_time()
        machine.run()
        best = max(best, len(machine.events) / (time.process_time() - started))
    return best
