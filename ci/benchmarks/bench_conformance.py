"""How fast generated programs are played: on the simulated kernel, on this one, and on both, compared. Needs root."""

import os
import time
from collections.abc import Callable, Iterator

from figure import Figure

from initflow.conformance.campaign import Workbench, programs_of
from initflow.conformance.real import speaks_netlink

PROGRAMS = 150
BLOCK = (1, 1, PROGRAMS)


def bench_programs() -> Iterator[Figure]:
    if os.geteuid() != 0:
        print("  (needs root)")
        return
    with Workbench() as bench:
        bench.block((1, 0, 20))  # what is made once, is made now
        programs = [program for program in programs_of(BLOCK) if not speaks_netlink(program)]
        simulator, player = bench.comparer.simulator, bench.lean
        played = [simulator.play(program).transcript for program in programs]
        hints = [transcript.outcomes if transcript is not None else () for transcript in played]
        unhinted = [()] * len(programs)
        figures: list[tuple[str, int, Callable[[], object]]] = [
            ("programs on the simulated kernel", len(programs), lambda: [simulator.play(program) for program in programs]),
            ("programs on the real kernel, told what to expect", len(programs), lambda: player.play(programs, hints)),
            ("programs on the real kernel, told nothing", len(programs), lambda: player.play(programs, unhinted)),
            ("programs compared, by one worker", PROGRAMS, lambda: bench.block(BLOCK)),
        ]
        for what, count, play in figures:
            started = time.perf_counter()
            play()
            yield Figure(what, count / (time.perf_counter() - started), "programs/s")
