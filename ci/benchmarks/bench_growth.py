"""What one more costs, where there are many already: descriptors, children, names in a directory, mounts.

Each figure is the processor time for one of them, without garbage collection: from one count to the next it should stay the
same. wait4 alone looks at every child, as Linux does.
"""

import gc
import time
from collections.abc import Callable, Iterator

from figure import Figure

from fakekernel.machine import Machine
from initflow.collector import uncollected
from kernelapi.flags import CloneFlag, FdFlag, OpenFlag, Rlimit, Signal
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel
from kernelapi.values import Limit

Lap = Callable[[str], None]
"""Called with the name of what has just been done to each of them; "" for preparations."""


def descriptors(kernel: Kernel, count: int, lap: Lap) -> None:
    kernel.prlimit64(Pid(0), Rlimit.NOFILE, Limit(2 * count, 2 * count))
    kernel.open("/dev/null", OpenFlag.RDONLY)
    lap("")
    for _ in range(count):
        kernel.dup(Fd(0))
    lap("dup")
    for number in range(count):
        kernel.fcntl_setfd(Fd(number), FdFlag.CLOEXEC)
    lap("fcntl_setfd")
    for number in range(1, count):
        kernel.close(Fd(number))
        kernel.dup(Fd(0))
    lap("close and dup")
    kernel.clone(Signal.CHLD, nothing)
    kernel.wait4(-1)
    lap("clone and exit with it")
    for number in range(count):
        kernel.close(Fd(number))
    lap("close")


def children(kernel: Kernel, count: int, lap: Lap) -> None:
    kernel.pipe2(0)
    lap("")
    pids = [kernel.clone(Signal.CHLD, waiting) for _ in range(count)]
    lap("clone")
    for pid in pids:
        kernel.stat(f"/proc/{pid}")
    lap("stat in /proc")
    for pid in pids:
        kernel.kill(pid, Signal.KILL)
        kernel.wait4(pid)
    lap("kill and wait4")
    for _ in pids:
        kernel.clone(Signal.CHLD, nothing)
    for _ in pids:
        kernel.wait4(-1)
    lap("clone, exit and wait4")


def names(kernel: Kernel, count: int, lap: Lap) -> None:
    kernel.mkdir("/tmp/names", 0o755)
    lap("")
    for number in range(count):
        kernel.mkdir(f"/tmp/names/{number}", 0o755)
    lap("mkdir")
    fd = kernel.open("/tmp/names", OpenFlag.RDONLY)
    while kernel.getdents64(fd):
        pass
    lap("getdents64")
    for number in range(count):
        kernel.rmdir(f"/tmp/names/{number}")
    lap("rmdir")


def mounts(kernel: Kernel, count: int, lap: Lap) -> None:
    for number in range(count):
        kernel.mkdir(f"/tmp/{number}", 0o755)
    lap("")
    for number in range(count):
        kernel.mount("tmpfs", f"/tmp/{number}", "tmpfs", 0, "")
    lap("mount")
    kernel.unshare(CloneFlag.NEWNS)
    lap("unshare with it")
    for number in range(count):
        kernel.umount2(f"/tmp/{number}", 0)
    lap("umount2")


def nothing(kernel: Kernel) -> None:
    """Ends at once."""


def waiting(kernel: Kernel) -> None:
    """Waits for what nobody writes."""
    kernel.read(Fd(0), 1)


def bench_growth() -> Iterator[Figure]:
    for program, counts in (
        (descriptors, (100, 1000, 10_000)),
        (names, (100, 1000, 10_000)),
        (mounts, (100, 1000, 10_000)),
        (children, (10, 100, 1000)),
    ):
        for count in counts:
            for what, seconds in laps(program, count):
                yield Figure(f"{count} {program.__name__}: {what}", 1e6 * seconds / count, "us each")


def laps(program: Callable[[Kernel, int, Lap], None], count: int) -> list[tuple[str, float]]:
    """What the program does to `count` of them, and how many seconds each took."""
    taken: list[tuple[str, float]] = []
    before = time.process_time()

    def lap(what: str) -> None:
        nonlocal before
        now = time.process_time()
        if what:
            taken.append((what, now - before))
        before = time.process_time()

    gc.collect()  # what the one before left: it would be done meanwhile
    with uncollected():
        machine = Machine()
        machine.spawn(program, count, lap)
        machine.run()
    for process in machine.scheduler.ended:
        if process.crash:
            raise RuntimeError(process.crash)
    return taken
