"""Random programs of several processes, played on both kernels: the answers are alike, and so are the states of all."""

import pytest

from initflow.conformance import Comparison, Number, Step, compare, generate, reduce
from initflow.conformance.comparison import play_fake
from initflow.conformance.program import Program
from kernelapi.flags import Signal

PROGRAMS = 200
BATCH = 20

RACES = 0.05
"""Of this part of the programs the real kernel may make something else every time."""


@pytest.mark.parametrize("first", range(0, PROGRAMS, BATCH))
@pytest.mark.privileged
def test_both_kernels_answer_alike(first: int) -> None:
    compared = [compare(generate(seed, steps=20)) for seed in range(first, first + BATCH)]
    wrong = [f"seed {first + place}: {each}" for place, each in enumerate(compared) if each.verdict in ("disagree", "broken")]
    assert not wrong, "\n\n".join(wrong)
    assert sum(each.verdict == "race" for each in compared) <= 2 + RACES * BATCH


def test_the_same_seed_gives_the_same_program_and_the_same_transcript() -> None:
    assert generate(7) == generate(7) != generate(8)
    assert play_fake(generate(7)).value == play_fake(generate(7)).value


def test_a_call_that_waits_is_answered_by_a_later_step() -> None:
    program: Program = (
        Step(0, "clone", (int(Signal.CHLD), 1)),
        Step(0, "wait4", (-1, 0)),
        Step(0, "getpid", ()),
        Step(1, "kill", (Number(1), int(Signal.KILL))),
        Step(0, "kill", (Number(1), 0)),
    )
    born, waits, not_now, dies, gone = play_fake(program).value.outcomes
    assert born.answers == ((0, "@1"),)
    assert waits.answers == ()
    assert not_now.skipped
    assert dies.answers == ((0, ("@1", Signal.KILL)),)
    assert [seen.state for seen in dies.seen] == ["S", ""]
    assert gone.answers == ((0, "ESRCH"),)


def test_a_program_is_reduced_to_the_steps_that_matter() -> None:
    program = generate(3)
    wanted = {program[4], program[17]}
    assert reduce(program, wanted.issubset) == (program[4], program[17])


def test_a_comparison_shows_the_steps_up_to_the_difference() -> None:
    program: Program = (Step(0, "getpid", ()), Step(0, "umask", (0,)))
    real, other = (play_fake((first, program[1])).value for first in (Step(0, "getpid", ()), Step(0, "getppid", ())))
    assert str(Comparison(program, "disagree", place=0, real=real, fake=other)).splitlines() == [
        "@0 getpid()",
        "    @0: '@0'  [S:2:@0:@0]",
        "  but the simulated kernel:",
        "    @0: '0'  [S:2:@0:@0]",
    ]
