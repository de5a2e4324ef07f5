"""What tests of control groups share: laws that both kernels keep, where they are played, and what they need.

On the real kernel the hierarchies are those of the host. There a law makes control groups below one name of its own, in a fresh
pid namespace, so that a number that it writes can name no process but its own; what it leaves is removed.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fakekernel import subject
from fakekernel.machine import Machine
from initflow.golang import GoError
from kernelapi.flags import OpenFlag, Signal
from kernelapi.ids import Pid
from kernelapi.kernel import Kernel
from kernelapi.testing import linux
from kernelapi.testing.case import Case, Report, errno_of, expect, read_all

BASE = "/sys/fs/cgroup"
NAME = f"initflow-test-{os.getpid()}"
"""Of the process that runs the tests: those that it forks have the same."""

UNIFIED = "unified"
"""What stands for a controller where a law finds the unified hierarchy."""

Law = Callable[[Kernel], None]


class Laws:
    """The laws of a file, each with the controllers whose hierarchies it finds mounted."""

    def __init__(self) -> None:
        self.entries: list[tuple[Law, tuple[str, ...]]] = []

    def __call__(self, *controllers: str) -> Callable[[Law], Law]:
        """Declare a law of both kernels."""

        def declare(function: Law) -> Law:
            self.entries.append((function, controllers))
            return function

        return declare

    def simulated(self) -> Callable[..., None]:
        """The test that the simulated kernel keeps them."""

        @pytest.mark.parametrize(("function", "controllers"), self._params(self.entries))
        def keeps(function: Law, controllers: tuple[str, ...]) -> None:
            judge(subject.run(case(function, controllers)))

        return keeps

    def real(self) -> Callable[..., None] | None:
        """The test that the real kernel keeps those for which it has the hierarchies; None where it has none."""
        there = mounted()
        possible = [(function, controllers) for function, controllers in self.entries if there.keys() >= set(controllers)]
        if not possible:
            return None

        @pytest.mark.privileged
        @pytest.mark.parametrize(("function", "controllers"), self._params(possible))
        def keeps(function: Law, controllers: tuple[str, ...]) -> None:
            judge(linux.run(case(function, controllers), cleanup=clean))

        return keeps

    def _params(self, entries: list[tuple[Law, tuple[str, ...]]]) -> list[Any]:
        return [pytest.param(function, controllers, id=function.__name__) for function, controllers in entries]


# -- the two kernels --


def play(kernel: Kernel, function: Law, controllers: tuple[str, ...]) -> None:
    """Mount the hierarchies in the tree of the case, then run the law."""
    kernel.mount("sys", "/sys", "tmpfs", 0, "")
    kernel.mkdir("/sys/fs", 0o755)
    kernel.mkdir(BASE, 0o755)
    for controller in controllers:
        kernel.mkdir(f"{BASE}/{controller}", 0o755)
        if controller == UNIFIED:
            kernel.mount("cgroup2", f"{BASE}/{controller}", "cgroup2", 0, "")
        else:
            kernel.mount("cgroup", f"{BASE}/{controller}", "cgroup", 0, controller)
    function(kernel)


def case(function: Law, controllers: tuple[str, ...]) -> Case:
    return Case(partial(play, function=function, controllers=controllers), tree=True)


def judge(report: Report) -> None:
    assert report.broken is None, report.broken
    assert report.errno == 0, f"an unexpected errno {report.errno}"


def mounted() -> dict[str, str]:
    """Where the hierarchies of this host are mounted, by their controllers: no test makes another."""
    found = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        fstype, _, options = rest.split(" ")
        if fstype == "cgroup2":
            found[UNIFIED] = fields.split(" ")[4]
        elif fstype == "cgroup":
            found.update(dict.fromkeys(options.split(","), fields.split(" ")[4]))
    return found


def clean() -> None:
    """Remove what a law has left on the host, below the one name that is ours."""
    left = [path for place in sorted(set(mounted().values())) for path in Path(place).glob(NAME)]
    deadline = time.monotonic() + 5
    while left and time.monotonic() < deadline:
        for top in left:
            for directory, _, files in os.walk(top, topdown=False):
                for file, thawed in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
                    if file in files:
                        Path(directory, file).write_text(thawed)
                try:
                    os.rmdir(directory)
                except OSError:
                    time.sleep(0.02)  # a process in it is on its way out
        left = [top for top in left if top.exists()]
    assert not left


def run(*programs: Callable[..., int | None], machine: Machine | None = None) -> Machine:
    """Run programs on the simulated kernel, the next one when the last has come to rest. None of them may crash."""
    machine = Machine(checks=True) if machine is None else machine
    for program in programs:
        machine.spawn(program)
        machine.run()
    assert not [process.crash for process in machine.scheduler.ended if process.crash]
    return machine


# -- what laws need --


def at(controller: str, *names: str) -> str:
    """The path of our control group in a hierarchy, or of one below it."""
    return "/".join((BASE, controller, NAME, *names))


def write(kernel: Kernel, path: str, text: str | bytes) -> int:
    """Write `text` to a file that is there."""
    fd = kernel.open(path, OpenFlag.WRONLY)
    try:
        return kernel.write(fd, text if isinstance(text, bytes) else text.encode())
    finally:
        kernel.close(fd)


def read(kernel: Kernel, path: str) -> str:
    fd = kernel.open(path, OpenFlag.RDONLY)
    try:
        return read_all(kernel, fd).decode()
    finally:
        kernel.close(fd)


def make(kernel: Kernel, controller: str, *names: str) -> str:
    path = at(controller, *names)
    kernel.mkdir(path, 0o755)
    return path


def names_in(kernel: Kernel, path: str) -> set[str]:
    fd = kernel.open(path, OpenFlag.RDONLY | OpenFlag.DIRECTORY)
    found = set()
    while entries := kernel.getdents64(fd):
        found |= {entry.name for entry in entries}
    kernel.close(fd)
    return found


def membership(kernel: Kernel, pid: int, controller: str) -> str:
    """The path that /proc/PID/cgroup shows."""
    for line in read(kernel, f"/proc/{pid}/cgroup").splitlines():
        _, controllers, path = line.split(":")
        if controllers == controller:
            return path
    return "no such hierarchy"


def start(kernel: Kernel) -> Pid:
    """A child that waits."""
    return kernel.clone(Signal.CHLD, wait_for_ever)


def wait_for_ever(kernel: Kernel) -> None:
    while True:
        kernel.clock_nanosleep(1, 0, 10**9)


def stop(kernel: Kernel, pid: Pid) -> None:
    kernel.kill(pid, Signal.KILL)
    kernel.wait4(pid)


def accept(kernel: Kernel, path: str, table: tuple[tuple[str, int, str], ...], shown: str | None = None) -> None:
    """Write each text of `table`: the errno is as it says, and then what the file (or `shown`) says."""
    for text, errno, then in table:
        expect(f"the errno of {text!r} to {path}", errno_of(write, kernel, path, text), errno)
        expect(f"what it says after {text!r}", read(kernel, shown or path), then)


def wait_until(kernel: Kernel, holds: Callable[[], bool]) -> None:
    """Real processes take their time."""
    for _ in range(500):
        if holds():
            return
        kernel.clock_nanosleep(1, 0, 10_000_000)
    expect("in five seconds", holds(), True)


def letter(kernel: Kernel, pid: Pid) -> str:
    return read(kernel, f"/proc/{pid}/stat").split(" ")[2]


def fails(message: str, call: Callable[..., object], *args: object) -> None:
    """Expect the call to fail with just this message."""
    try:
        call(*args)
    except GoError as error:
        expect("the message", str(error), message)
        return
    expect("the message", "no error", message)
