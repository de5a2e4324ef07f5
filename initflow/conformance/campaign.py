"""Many programs, in blocks, on several processors: the same seed gives the same programs, however many work on them.

Hypothesis makes the programs of a block from its seed. It makes them again to shrink one on which the kernels disagree.
"""

import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import AbstractContextManager
from multiprocessing import get_context
from types import TracebackType
from typing import Literal

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Flaky

from fakekernel.profile import capture
from initflow.conformance.comparison import Comparer, Disagreement, Tally
from initflow.conformance.generation import programs
from initflow.conformance.program import Program
from initflow.conformance.real import Player
from initflow.conformance.sequences import Path
from initflow.conformance.simulated import Simulator
from initflow.conformance.walks import Walked, compare
from kernelapi.flags import Signal
from kernelapi.linux.kernel import linux

BLOCK = 50
"""Programs that are made from one seed, and played in a row."""

Block = tuple[int, int, int]
"""The seed of the campaign, the number of the block, and how many programs it has."""


class Workbench(AbstractContextManager["Workbench"]):
    """What compares: a simulator like this host, and processes that play on the real kernel. The caller must be root."""

    def __init__(self, *, checks: bool = False) -> None:
        self.host = capture()
        self.lean, self.network = Player(), Player()
        self.comparer = Comparer(Simulator(self.host, checks=checks), lean=self.lean, network=self.network)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for player in (self.lean, self.network):
            player.close()

    def block(self, block: Block) -> Tally:
        """What comes of the programs of a block."""
        return self.comparer.compare(list(programs_of(block)))

    def walk(self, unit: tuple[str, Path, int]) -> Walked:
        """What comes of the sequences that begin with one call."""
        return compare(self.lean, *unit, self.host)


def blocks(count: int, seed: int) -> Iterator[Block]:
    """The blocks of `count` programs."""
    for number, start in enumerate(range(0, count, BLOCK)):
        yield seed, number, min(BLOCK, count - start)


def programs_of(block: Block) -> list[Program]:
    """The programs of a block, as Hypothesis makes them."""
    made: list[Program] = []
    _each(block, (Phase.generate,), made.append)
    return made


def _each(block: Block, phases: Collection[Phase], test: Callable[[Program], object]) -> None:
    seed, number, count = block

    @seeded(f"{seed}/{number}")
    @settings(
        max_examples=count, phases=phases, database=None, deadline=None, suppress_health_check=list(HealthCheck),
        print_blob=False, report_multiple_bugs=False,
    )
    @given(programs())
    def play(program: Program) -> None:
        test(program)

    play()


class _Found(Exception):
    """A program on which the kernels disagree in the way that is looked for."""


def shrink(comparer: Comparer, block: Block, wanted: Disagreement) -> Disagreement:
    """The shortest program that Hypothesis finds on which the kernels disagree as in `wanted`, which is of this block."""
    best, reached = wanted, False

    def test(program: Program) -> None:
        nonlocal best, reached
        if not reached:
            reached = found = program == wanted.program
        else:
            alike = [each for each in comparer.disagreements(program) if each.key == wanted.key]
            found = bool(alike)
            if found and len(program.steps) <= len(best.program.steps):
                best = alike[0]
        if found:  # at one place: of two, Hypothesis would make two failures
            raise _Found

    try:
        _each(block, (Phase.generate, Phase.shrink), test)
    except (_Found, Flaky):  # flaky: the real kernel does not repeat itself on a shorter program
        pass
    return best


# -- on several processors --

Task = tuple[Literal["block"], Block] | tuple[Literal["walk"], tuple[str, Path, int]]
"""A block of programs, or sequences that begin with one call."""

_bench: Workbench | None = None


def results(tasks: Sequence[Task], workers: int) -> Iterator[tuple[Task, Tally | Walked]]:
    """What comes of each task, as it comes."""
    with ProcessPoolExecutor(workers, get_context("spawn"), _open_bench, (os.getpid(),)) as pool:
        running = {pool.submit(_do, task): task for task in tasks}
        try:
            for done in as_completed(running):
                yield running[done], done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _open_bench(parent: int) -> None:
    """Make a worker ready. It dies with its parent, and what plays for it finds its input at an end."""
    linux().prctl_set_pdeathsig(Signal.KILL)
    if os.getppid() != parent:
        sys.exit(1)
    global _bench
    _bench = Workbench()


def _do(task: Task) -> Tally | Walked:
    assert _bench is not None
    return _bench.block(task[1]) if task[0] == "block" else _bench.walk(task[1])
