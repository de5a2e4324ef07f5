"""The rules are a table that the code and the laws keep to.

What no table can show by itself is found out by playing all laws on the simulated kernel: by which rows each call is refused,
which effects each has, and whether any law notices when a row is suspended.
"""

import functools
import re
import signal
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fakekernel import subject
from fakekernel.machine import Machine
from fakekernel.syscalls.base import SyscallBase
from fakekernel.syscalls.table import HANDLERS
from kernelapi.kernel import CALLS
from kernelapi.protocol.families import FAMILIES
from kernelapi.rules import Effect, Refusal, Rule, rule, rules
from kernelapi.testing import Case, all_cases
from tests import (
    test_cgroup_devices,
    test_cgroup_flow,
    test_cgroup_freezer,
    test_cgroup_limits,
    test_cgroup_tree,
    test_unified_cgroups,
    test_unified_flow,
)
from tests.cgroup_laws import case as cgroup_case

ROWS = list(rules())
OF_CGROUPS = (
    test_cgroup_devices, test_cgroup_flow, test_cgroup_freezer, test_cgroup_limits, test_cgroup_tree, test_unified_cgroups,
    test_unified_flow,
)  # fmt: skip
"""Where laws of control groups stand: they need hierarchies of the host."""

IN_MESSAGES = "rtnetlink"
"""The family whose errnos come in a message: no call fails by them."""

OPEN = {
    "newuser.enospc.quota": "the simulated kernel does not count namespaces",
    "newns.enospc.quota": "the simulated kernel does not count namespaces",
    "cgroup.einval.memory-order": "no law touches the memory hierarchy of a host that may limit its tests by it",
}
"""Rows that no law meets, although a test host could."""

UNNOTICED = {
    "symlinkat.enoent.empty": "the walk along an empty path ends with the same errno",
    "unlinkat.eisdir.slash": "what is removed as a file is found to be a directory: the same errno",
    "renameat2.enotempty.ancestor": "an ancestor is not empty: the same errno",
    "setpgid.eperm.session": "the child's session has no such group: the same errno",
    "pivot_root.einval.foreign": "a mount elsewhere cannot be reached from the root: the same errno",
    "pivot_root.einval.new-top": "what is on top cannot be reached from the root: the same errno",
}
"""Rows without which the next check refuses in the same way: they tell the cause, and no law can tell them apart."""


# -- the table by itself --


def test_an_id_names_call_errno_and_reason() -> None:
    def is_named(row: Rule) -> bool:
        if isinstance(row, Refusal):
            return bool(re.fullmatch(rf"{row.call}\.{row.errno_name.lower()}(\.[a-z0-9-]+)?", row.id))
        return bool(re.fullmatch(rf"{row.call}\.[a-z0-9-]+", row.id))

    assert not [row.id for row in ROWS if not is_named(row)]


def test_a_cause_is_a_clause() -> None:
    """It begins with a small letter, or with a name of Linux, and ends without a full stop."""

    def is_clause(cause: str) -> bool:
        first = cause.split()[0]
        quoted, named = first[0] in "\"'`", first.rstrip(",").isupper() or "_" in first
        return (first[0].islower() or quoted or named) and not cause.endswith(".")

    assert not [row.id for row in ROWS if not is_clause(row.cause)]


def test_a_source_names_the_kernel() -> None:
    named = re.compile(r"\b[a-z0-9_/-]+\.[ch]\b")
    assert not [row.id for row in ROWS if not named.search(row.source)]


def test_every_row_stands_with_the_calls_that_it_is_about() -> None:
    def is_there(row: Rule) -> bool:
        callers = [call.name for call in CALLS.values() if row in (*call.refusals, *call.effects)]
        if row.call in CALLS:
            return row.call in callers
        return row.call == IN_MESSAGES or (row.call in FAMILIES and bool(callers))

    assert not [row.id for row in ROWS if not is_there(row)]


def test_every_family_has_rows_and_no_family_is_called_like_a_call() -> None:
    assert set(FAMILIES) <= {row.call for row in ROWS}
    assert not set(FAMILIES) & set(CALLS)


def test_no_call_lists_a_row_twice() -> None:
    twice = [call.name for call in CALLS.values() if len({*call.refusals, *call.effects}) < len(call.refusals + call.effects)]
    assert not twice


def test_an_alias_makes_the_general_call_and_has_rows_of_it() -> None:
    for call in CALLS.values():
        if call.general is not None:
            assert call.general.name in call.function.__code__.co_names, call
            assert set(call.refusals) <= set(call.general.refusals), call


def test_what_is_open_is_a_row_and_has_no_excuse() -> None:
    assert not [id for id in (*OPEN, *UNNOTICED) if rule(id).excuse]


# -- the table and the laws --


def laws() -> Iterator[Case]:
    yield from all_cases()
    for module in OF_CGROUPS:
        for function, controllers in module.law.entries:
            yield cgroup_case(function, controllers)


class Watch(set[Rule]):
    """In the place of a machine's suspended rows: remembers which rows are asked for, and in which calls."""

    def __init__(self) -> None:
        self.call = ""
        self.asked: dict[Rule, set[str]] = defaultdict(set)

    def __contains__(self, row: object) -> bool:
        assert isinstance(row, Rule)
        self.asked[row].add(self.call)
        return False

    def around(self, name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
        def handle(kernel: SyscallBase, *args: Any) -> Any:
            before, self.call = self.call, name
            try:
                return handler(kernel, *args)
            finally:
                self.call = before

        return handle


@functools.cache
def met() -> tuple[dict[Rule, set[str]], dict[Rule, list[Case]]]:
    """Of each row: the calls in which it applied, and the laws that are about such a call."""
    calls: dict[Rule, set[str]] = defaultdict(set)
    cases: dict[Rule, list[Case]] = defaultdict(list)
    for case in laws():
        machine = Machine(checks=True)
        machine.suspended = watch = Watch()
        machine.handlers = {name: watch.around(name, handler) for name, handler in HANDLERS.items()}
        report = subject.run(case, machine)
        assert not report.failure, f"{case.name}: {report.failure}"
        for row, names in watch.asked.items():
            calls[row] |= names
            cases[row].append(case)
    return calls, cases


def test_no_call_is_refused_by_a_row_that_it_does_not_list() -> None:
    calls, _ = met()
    astray = [
        f"{row.id} in {name}"
        for row, names in calls.items()
        if isinstance(row, Refusal) and row.call != IN_MESSAGES
        for name in sorted(names)
        if row not in CALLS[name].refusals
    ]
    assert not astray, "\n".join(astray)


def test_no_call_has_an_effect_that_it_does_not_list() -> None:
    calls, _ = met()
    anywhere = {*CALLS["exit_group"].effects, *CALLS["kill"].effects}  # any call may end a process, or send it a signal
    astray = [
        f"{row.id} in {name}"
        for row, names in calls.items()
        if isinstance(row, Effect) and row not in anywhere and row.call != IN_MESSAGES
        for name in sorted(names)
        if row not in CALLS[name].effects
    ]
    assert not astray, "\n".join(astray)


def test_every_row_is_met_by_a_law_or_says_why_not() -> None:
    calls, _ = met()
    unmet = {row.id for row in ROWS if row not in calls}
    excused = {row.id for row in ROWS if row.excuse}
    assert sorted(unmet - excused) == sorted(OPEN), "rows that no law meets"
    assert not excused - unmet, "rows that are met, and have an excuse"


# -- the laws without a row --


class TooLong(BaseException):
    """A walk that nothing ends any more."""


def too_long(signum: int, frame: object) -> None:
    raise TooLong


def notices(case: Case, row: Rule) -> bool:
    """Whether the law is broken, or cannot be played, when the row is suspended."""
    machine = Machine(checks=True)
    machine.suspended = {row}
    signal.setitimer(signal.ITIMER_VIRTUAL, 2, 0.2)  # again and again: a walk may let one pass
    try:
        return bool(subject.run(case, machine).failure)
    except (Exception, TooLong):  # what goes on without the check ends anyhow
        return True
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def words(text: str) -> set[str]:
    """Its longer words, cut to a stem; without addresses in memory."""
    return {word[:5] for word in re.findall("[a-z]{4,}", re.sub("0x[0-9a-f]+", "", text.lower()))}


@pytest.mark.long
def test_every_row_that_is_met_is_missed_by_a_law() -> None:
    """Else the laws would hold without it, and nobody would know whether the simulated kernel keeps it."""
    _, cases = met()
    common = Counter(case for each in cases.values() for case in each)
    handler = signal.signal(signal.SIGVTALRM, too_long)
    unnoticed = []
    try:
        for row, laws in cases.items():
            about = words(f"{row.id} {row.cause}")
            likely = sorted(laws, key=lambda case: (-len(about & words(repr(case.law))), common[case]))
            if not any(notices(case, row) for case in likely):
                unnoticed.append(row.id)
    finally:
        signal.signal(signal.SIGVTALRM, handler)
    assert sorted(unnoticed) == sorted(UNNOTICED)
