"""Playing a program on both kernels, and finding where they disagree.

What the real kernel does may depend on who is faster. So a disagreement counts only if the real kernel repeats itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from fakekernel import subject
from fakekernel.machine import Machine
from initflow.conformance.agents import drive
from initflow.conformance.program import Outcome, Program, Step, Transcript
from kernelapi.errors import NotModelled
from kernelapi.testing import linux
from kernelapi.testing.case import Case, Report

REPEATS = 6
"""So often the real kernel is asked again before a disagreement counts."""

Verdict = Literal["agree", "disagree", "race", "not modelled", "hangs", "broken"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the kernels compare on a program. `place` is the number of the first step whose outcomes differ, or of the end."""

    program: Program
    verdict: Verdict
    reason: str = ""
    place: int = 0
    real: Transcript | None = None
    fake: Transcript | None = None

    @property
    def calls(self) -> int:
        """How many answers of the real kernel have been compared."""
        return sum(outcome.calls for outcome in self.real.outcomes) if self.real is not None else 0

    def __str__(self) -> str:
        if self.verdict != "disagree":
            return f"{self.verdict} {self.reason}".rstrip()
        assert self.real is not None
        assert self.fake is not None
        lines = [f"{step!r}\n    {outcome!r}" for step, outcome in zip(self.program, self.real.outcomes, strict=True)]
        if self.place == len(self.program):
            different = [(a, b) for a, b in zip(self.real.ends, self.fake.ends, strict=True) if a != b]
            for a, b in different:
                lines.append(f"{a[0]} in the end\n    {sorted(set(a) - set(b))}")
                lines.append(f"  but on the simulated kernel:\n    {sorted(set(b) - set(a))}")
        else:
            del lines[self.place + 1 :]
            lines.append(f"  but the simulated kernel:\n    {self.fake.outcomes[self.place]!r}")
        return "\n".join(lines)


def play_real(program: Program) -> Report:
    """The `Transcript` of a program on the real kernel, as the value of a report. The caller must be root."""
    return linux.run(_case(program))


def play_fake(program: Program) -> Report:
    """The `Transcript` of a program on the simulated kernel, as the value of a report."""
    return subject.run(_case(program), Machine(checks=True))


def _case(program: Program) -> Case:
    return Case(partial(drive, program=program), tree=True)  # this law has something to tell


def compare(program: Program) -> Comparison:
    """Play a program on both kernels."""
    try:
        fake = play_fake(program)
    except NotModelled as error:
        return Comparison(program, "not modelled", str(error))
    except Exception as error:  # whatever a wrong model runs into
        return Comparison(program, "broken", f"on the simulated kernel: {type(error).__name__}: {error}")
    if "hung" in fake.failure:  # and so might the real one: nothing is to be left behind
        return Comparison(program, "hangs", fake.failure)
    if fake.value is None:
        return Comparison(program, "broken", f"on the simulated kernel: {fake.failure}")
    seen: list[Transcript] = []
    for _ in range(REPEATS):
        real = play_real(program)
        if real.value is None:
            return Comparison(program, "broken", f"on the real kernel: {real.failure}")
        if real.value == fake.value:
            return Comparison(program, "race" if seen else "agree", "", 0, real.value, fake.value)
        seen.append(real.value)
    if any(other != seen[0] for other in seen):
        return Comparison(program, "race", "the real kernel does not repeat itself", 0, seen[0], fake.value)
    return Comparison(program, "disagree", "", _first_difference(seen[0], fake.value), seen[0], fake.value)


def _first_difference(real: Transcript, fake: Transcript) -> int:
    pairs: list[tuple[Outcome, Outcome]] = list(zip(real.outcomes, fake.outcomes, strict=True))
    return next((place for place, (a, b) in enumerate(pairs) if a != b), len(pairs))


def reduce(program: Program, fails: Callable[[Program], bool]) -> Program:
    """A shorter program that `fails` still: no step of it can be left out."""
    size = len(program) // 2
    while size:
        start = 0
        while start < len(program):
            shorter: tuple[Step, ...] = program[:start] + program[start + size :]
            if fails(shorter):
                program = shorter
            else:
                start += size
        size //= 2
    return program
