"""Faults: calls that fail although nothing is wrong, to see what a program makes of it.

A `Fault` names one call of a run, by the process that makes it, the call's name, and which of the process' calls of that name
it is; it says with which errno the call fails. The call has no effect then. `faulty` puts faults in front of any dispatch,
`fakekernel.faults.inject` into a simulated machine, where they show as events like any other.

All faults of a run, one at a time, are `faults_in(events)`; all pairs are, for each of those, the run with it, and
`faults_in(its events, after=the event at which it struck)`.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kernelapi.call import Call, Dispatch
from kernelapi.errors import Refused, errno_name
from kernelapi.event import Event
from kernelapi.kernel import CALLS
from kernelapi.rules import ENVIRONMENT, Refusal

NEVER_FAIL = frozenset(("exit", "exit_group"))


class Injected(Refusal):
    """The row of a fault that follows no rule of Linux: it is known by its errno alone, and is in no list of rules."""

    def __post_init__(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Fault:
    """The `nth` call (from 1) named `call` that `process` makes fails by `row`, and has no effect.

    `process` is as in events: "1" is the first of the run, "1.2" its second child. Calls are counted as they complete, over
    all programs that the process executes; an alias counts by its own name.
    """

    process: str
    call: str
    nth: int
    row: Refusal

    def __post_init__(self) -> None:
        if self.call not in CALLS or self.call in NEVER_FAIL:
            raise ValueError(f"there is no call {self.call!r} that can fail")
        if self.nth < 1:
            raise ValueError(f"calls are counted from 1, not from {self.nth}")

    def __str__(self) -> str:
        errno = errno_name(self.row.errno)
        return f"call {self.nth} of {self.call} by process {self.process} fails with {errno}"


def failure(process: str, call: str, nth: int, errno: int) -> Fault:
    """A fault with an errno for which `call` need not have a rule."""
    row = Injected(
        f"{call}.{errno_name(errno).lower()}.injected",
        call=call,
        errno=errno,
        depends=ENVIRONMENT,
        cause=f"injected: {os.strerror(errno)}",
        source="none",
    )
    return Fault(process, call, nth, row)


class Plan:
    """Faults, to be looked up at each call. Raises `ValueError` where two are planned for one call."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._rows: dict[tuple[str, str, int], Refusal] = {}
        for fault in faults:
            place = (fault.process, fault.call, fault.nth)
            if place in self._rows:
                raise ValueError(f"two faults are planned for one call: {fault}")
            self._rows[place] = fault.row
        self.calls = frozenset(call for _, call, _ in self._rows)

    def row(self, process: str, call: str, nth: int) -> Refusal | None:
        """By what the `nth` call of this name is refused; None where it is to be made."""
        return self._rows.get((process, call, nth))


def faulty(dispatch: Dispatch, process: str, faults: Iterable[Fault]) -> Dispatch:
    """`dispatch`, with the faults that concern `process`. It counts the calls that go through it."""
    plan, made = Plan(faults), Counter[str]()

    def fail_or_dispatch(call: Call, args: tuple[Any, ...]) -> Any:
        made[call.name] += 1
        row = plan.row(process, call.name, made[call.name])
        if row is not None:
            raise Refused(row)
        return dispatch(call, args)

    return fail_or_dispatch


def faults_in(
    events: Iterable[Event], *, after: int = -1, where: Callable[[Event], bool] = lambda event: True
) -> Iterator[Fault]:
    """For each call of a run, and each errno that its rows know, the fault that makes it fail: one row stands for its errno.

    Only calls after event `after` are taken, and only those for which `where` is true; a call that had failed with the errno
    in this run is left out.
    """
    made = Counter[tuple[str, str]]()
    for event in events:
        name = event.call.name
        made[event.process, name] += 1
        if event.index <= after or name in NEVER_FAIL or not where(event):
            continue
        errnos = {event.errno}
        for row in event.call.refusals:
            if row.errno not in errnos:
                errnos.add(row.errno)
                yield Fault(event.process, name, made[event.process, name], row)
