"""Drawing inputs from a Hypothesis strategy by number, and shrinking one of them.

An input is a function of the strategy, the seed and its number alone: Hypothesis is handed the bytes that it makes its choices
from. So it does not matter who draws it, or what was drawn before.
"""

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.database import InMemoryExampleDatabase
from hypothesis.strategies import SearchStrategy

from initflow.fuzzing.inputs import Input
from initflow.fuzzing.reduction import reduced

CHOICES = 8192
"""Bytes for the choices of one input: more than any takes."""

SHRINKING = 300
"""So many inputs Hypothesis may try to make one smaller."""

_SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False)


class Source:
    """The inputs of a strategy under a seed, by number."""

    def __init__(self, strategy: SearchStrategy[Input], seed: int) -> None:
        self.strategy = strategy
        self.seed = seed
        self._drawn: Input | None = None
        self._target = _given(strategy, self._take, database=None).hypothesis.fuzz_one_input

    def _take(self, drawn: Input) -> None:
        self._drawn = drawn

    def draw(self, number: int) -> Input | None:
        """The input with this number; None for the few numbers that none comes of."""
        self._drawn = None
        self._target(self._choices(number))
        return self._drawn

    def _choices(self, number: int) -> bytes:
        return Random(f"{self.seed}/{number}").randbytes(CHOICES)

    def shrink(self, number: int, shows: Callable[[Input], bool]) -> Input:
        """The smallest input like the one with this number that still `shows` it.

        Raises `hypothesis.errors.Flaky` if `shows` is not a function of the input.
        """
        best: Input | None = None
        known: dict[str, bool] = {}

        def answers(shown: Input) -> bool:
            text = shown.text
            if text not in known:
                known[text] = shows(shown)
            return known[text]

        def look(drawn: Input) -> None:
            nonlocal best
            if len(known) >= SHRINKING:
                raise _Enough
            if answers(drawn):
                if best is None or _size(drawn) < _size(best):
                    best = drawn
                raise _Shown

        test = _given(self.strategy, look, database=InMemoryExampleDatabase(), phases=(Phase.reuse, Phase.shrink))
        with suppress(_Shown):
            test.hypothesis.fuzz_one_input(self._choices(number))  # puts its choices into the database
        with suppress(_Shown, _Enough):
            test()
        assert best is not None
        return reduced(best, answers)


def _size(shown: Input) -> tuple[int, str]:
    text = shown.text
    return len(text), text


class _Shown(Exception):
    """An input shows what was looked for."""


class _Enough(BaseException):
    """It has been tried often enough. Not an Exception: it has to get through Hypothesis."""


def _given(strategy: SearchStrategy[Input], look: Callable[[Input], None], **options: Any) -> Any:
    @settings(_SETTINGS, **options)
    @seed(0)  # below the settings, whose database it would take away
    @given(strategy)
    def test(drawn: Input) -> None:
        look(drawn)

    return test
