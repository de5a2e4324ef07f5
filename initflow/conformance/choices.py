"""How a value is chosen: functions of a `Pick`, put together from smaller ones."""

from collections.abc import Callable
from typing import Any

Pick = Callable[[int], int]
"""Gives a number below its argument: all chance there is. Hypothesis picks, and shrinks what it has picked towards 0."""

Choice = Callable[[Pick], Any]
"""How a value is chosen."""


def one(*values: Any) -> Choice:
    """One of these. What stands there more often is chosen more often; the first one is what a shrunk program has."""
    count = len(values)
    return lambda pick: values[pick(count)]


def some(*choices: Choice) -> Choice:
    """By one of these ways."""
    count = len(choices)
    return lambda pick: choices[pick(count)](pick)


def each(*choices: Choice) -> Choice:
    """A tuple, each part in its way."""
    return lambda pick: tuple([choice(pick) for choice in choices])


def made(function: Callable[..., Any], *choices: Choice) -> Choice:
    """What `function` makes of values chosen in these ways."""
    return lambda pick: function(*[choice(pick) for choice in choices])


def always(value: Any) -> Choice:
    return lambda pick: value


def bits(*flags: int, at_most: int = 2) -> Choice:
    """At most so many of these flags, or none."""
    count = len(flags) + 1
    numbers = (0, *map(int, flags))

    def choose(pick: Pick) -> int:
        united = 0
        for _ in range(at_most):
            united |= numbers[pick(count)]
        return united

    return choose
