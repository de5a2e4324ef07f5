"""Programs as Hypothesis makes them."""

from collections import Counter
from collections.abc import Callable

from hypothesis import strategies as st

from initflow.conformance.arguments import AGENT, ARGUMENTS, REQUESTED
from initflow.conformance.choices import Choice, Pick
from initflow.conformance.phrases import PHRASES
from initflow.conformance.program import STARTS, Program, Step
from initflow.conformance.themes import PHRASES_OF, THEMES

MOST_STEPS = 64
"""So many steps a program has at most."""

_MAKERS: dict[str, tuple[str, Choice]] = {name: (name, arguments) for name, arguments in ARGUMENTS.items()}
_MAKERS["request"] = ("sendmsg", REQUESTED)
_PHRASES = {theme: tuple(PHRASES[name] for name in names) for theme, names in PHRASES_OF.items()}
_NAMED = Counter(name for theme in THEMES.values() for name in theme)
_EVERYTHING = tuple(name for name in ARGUMENTS for _ in range(max(1, 9 - 2 * _NAMED[name])))
"""All calls, those more often that few themes name."""
_MOSTLY = 5
"""One step in so many is about anything, and instead of one in so many there is a phrase."""
_ENDS = 80
"""After one step in so many a program ends."""


_THEMES = tuple(THEMES)
_NUMBERS = 2**24
"""So many numbers Hypothesis chooses among alike; of more, it prefers the small ones."""


class Digits:
    """A `Pick` that takes its numbers, digit by digit, from few large ones: to have Hypothesis choose costs the most here."""

    def __init__(self, draw: Callable[[], int]) -> None:
        self._draw = draw
        self._rest, self._room = 0, 1

    def __call__(self, below: int) -> int:
        if self._room < below:
            self._rest, self._room = self._draw(), _NUMBERS
        self._room //= below
        self._rest, digit = divmod(self._rest, below)
        return digit


def program(draw: Callable[[], int]) -> Program:
    """A program, made of numbers between 0 and 2**24. Each step has its own: it can be left out; 0 ends the program."""
    pick = Digits(draw)
    start = STARTS[pick(len(STARTS))]
    theme = _THEMES[pick(len(_THEMES))]
    steps: list[Step] = []
    while len(steps) < MOST_STEPS and ((pick := Digits(draw))(_ENDS) or not steps):
        steps += _steps(pick, theme)
    return Program(start, tuple(steps))


def _steps(pick: Pick, theme: str) -> tuple[Step, ...]:
    """One step, of the theme or any other; or a phrase of the theme."""
    about = pick(_MOSTLY)
    if about == _MOSTLY - 1:
        phrases = _PHRASES[theme]
        steps: tuple[Step, ...] = phrases[pick(len(phrases))](pick)
        return steps
    names = THEMES[theme] if about else _EVERYTHING
    name, arguments = _MAKERS[names[pick(len(names))]]
    return (Step(AGENT(pick), name, arguments(pick)),)


_NUMBER = st.integers(0, _NUMBERS - 1)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Programs, for Hypothesis."""
    return program(lambda: draw(_NUMBER))
