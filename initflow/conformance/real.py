"""Programs on the real kernel: many in a row, each in fresh namespaces.

They are forked from a process that has loaded no more than they need (`Player`): a process costs what its parent has in memory.
"""

import gc
import os
import pickle
import select
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import IO, Any, TypeVar

from initflow.conformance.driver import drive
from initflow.conformance.program import Outcome, Program, Transcript
from initflow.conformance.scratch import FRESH
from kernelapi.flags import Signal
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.linux.kernel import linux as linux_kernel
from kernelapi.testing import linux
from kernelapi.testing.case import Case, read_all
from kernelapi.values import NetlinkMessage

Answer = TypeVar("Answer")

SECONDS = 3.0
"""What one program may take."""


def play_real(programs: Sequence[Program], hints: Sequence[Sequence[Outcome]] = ()) -> list[Transcript | str]:
    """What comes of each program on the real kernel; or a sentence that says why it could not be played. The caller is root."""
    if any(map(speaks_netlink, programs)):
        from kernelapi.linux import network  # noqa: F401  (now: programs run where no module can be found)
    case = Case(partial(_play_in_a_row, programs=programs, hints=hints or [()] * len(programs)))
    report = linux.run(case, deadline=10 + SECONDS * len(programs))
    if report.value is not None:
        played: list[Transcript | str] = report.value
        return played
    if len(programs) == 1:
        return [report.failure]
    return [outcome for program, hint in zip(programs, hints, strict=True) for outcome in play_real([program], [hint])]


def speaks_netlink(program: Program) -> bool:
    """Whether the program asks for what needs pyroute2: that takes a quarter of a second, and makes every process dearer."""
    return any(isinstance(arg, NetlinkMessage) for step in program.steps for arg in step.args)


def _play_in_a_row(
    kernel: Kernel, programs: Sequence[Program], hints: Sequence[Sequence[Outcome]]
) -> list[Transcript | str]:
    gc.freeze()  # what the collector does not touch, processes share
    gc.disable()
    played: list[Transcript | str] = []
    for program, hint in zip(programs, hints, strict=True):
        reader, writer = kernel.pipe2(0)
        driver = kernel.clone(FRESH | Signal.CHLD, drive, program.start, program.steps, writer, _wait, hint)
        kernel.close(writer)
        data = read_all(kernel, reader)
        kernel.close(reader)
        kernel.wait4(driver)
        played.append(pickle.loads(data) if data else "the driver ended without a transcript")
    return played


def _wait(fd: Fd, seconds: float) -> None:
    select.select([fd], [], [], seconds)


# -- a process of its own --


class Player:
    """A process that plays programs."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import serve; serve()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def close(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def call(self, function: Callable[..., Answer], *args: Any) -> Answer:
        """What a module-level function returns in that process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        _put(self._process.stdin, (function, args))
        returned: Answer = pickle.load(self._process.stdout)
        return returned

    def play(self, programs: Sequence[Program], hints: Sequence[Sequence[Outcome]]) -> list[Transcript | str]:
        """As `play_real`."""
        return self.call(play_real, programs, hints)


def serve() -> None:
    """Do what is asked for on standard input, until that or the asking process ends."""
    linux_kernel().prctl_set_pdeathsig(Signal.KILL)
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            function, args = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        _put(output, function(*args))


def _put(file: IO[bytes], value: object) -> None:
    pickle.dump(value, file)
    file.flush()
