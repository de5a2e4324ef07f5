"""Assertions for tests of configurations, images and flows: the failure says what is broken, where, and why that matters.

    def test_our_configuration_upholds_what_we_rely_on():
        assert_upholds(verify(load("container.json").configuration), ignore=("TTY-02",))
"""

from collections.abc import Collection, Iterator
from textwrap import fill

from initflow.invariants.catalogue import INVARIANTS
from initflow.invariants.model import Invariant, Obligation
from initflow.run import Outcome
from initflow.verification import Result
from kernelapi.notation import render_call

WIDTH = 110


class NotUpheld(AssertionError):
    """A run broke invariants, or did not come out as it had to. `ids` are those of the invariants."""

    def __init__(self, message: str, ids: frozenset[str]) -> None:
        super().__init__(message, ids)
        self.message = message
        self.ids = ids

    def __str__(self) -> str:
        return self.message


def assert_upholds(result: Result, *, ignore: Collection[str] = (), outcome: Outcome = Outcome.EXECUTED) -> None:
    """Raise `NotUpheld` unless the run came out like this and broke no invariant but those in `ignore`.

    A run that was refused early breaks little: hence `outcome`. Raises `ValueError` where `ignore` names an invariant that
    there is not, or one that the run did not break: nobody should go on believing that it is broken.
    """
    __tracebackhide__ = True
    broken = frozenset(invariant.id for invariant, _ in result.judgement.violations)
    for id in ignore:
        if id not in INVARIANTS:
            raise ValueError(f"ignore: there is no invariant {id}")
        if id not in broken and result.run.outcome is outcome:
            raise ValueError(f"ignore: the run does not break {id}")
    left = broken.difference(ignore)
    if left or result.run.outcome is not outcome:
        raise NotUpheld("\n".join(_told(result, left, outcome)), left)


def _told(result: Result, ids: frozenset[str], outcome: Outcome) -> Iterator[str]:
    run = result.run
    setting = run.setting
    came_out = f"{run.outcome.value}: {run.message}" if run.message else run.outcome.value
    yield f"flow {setting.flow.name}, image {setting.image}, caller {setting.caller}: {came_out}"
    if run.outcome is not outcome:
        yield f"expected: {outcome.value}; the runtime was told: {run.reported.value}"
        yield from (f"process {who.process} ({who.comm}) waits in {who.call}: {who.reason}" for who in run.standstill.waiting)
    if ids:
        yield f"{len(ids)} broken invariant{'s' if len(ids) > 1 else ''}:"
    last = None
    for invariant, obligation in result.judgement.violations:
        if invariant.id in ids:
            if invariant is not last:
                yield ""
                yield _wrapped(f"{invariant.id} ({invariant.severity.value}): {invariant.statement}", 2)
                yield _wrapped(invariant.reason, 6)
            last = invariant
            yield _wrapped(_found(result, invariant, obligation), 4)


def _found(result: Result, invariant: Invariant, obligation: Obligation) -> str:
    event = obligation.event
    if event is None:
        return f"- at the end: {obligation.explanation}"
    step = result.run.steps[event.index]
    place = f"{result.run.roles[event.index].value}{f', {step.name}' if step is not None else ''}"
    return f"- {place}, event {event.index}, {render_call(event.call, event.args)}: {obligation.explanation}"


def _wrapped(text: str, indent: int) -> str:
    return fill(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2), break_on_hyphens=False)
