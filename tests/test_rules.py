"""The rules are a table that the code and the laws keep to.

What no table can show by itself is found out by playing all laws on the simulated kernel: by which rows each call is refused,
which effects each has, and whether any law notices when a row is suspended.
"""

import functools
import re
from collections import defaultdict
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
from tests import test_cgroups

ROWS = list(rules())
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


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_an_id_names_call_errno_and_reason(row: Rule) -> None:
    what = f"{row.call}.{row.errno_name.lower()}" if isinstance(row, Refusal) else row.call
    reason = r"(\.[a-z0-9-]+)?" if isinstance(row, Refusal) else r"\.[a-z0-9-]+"
    assert re.fullmatch(re.escape(what) + reason, row.id)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_cause_is_a_clause_and_a_source_names_the_kernel(row: Rule) -> None:
    assert row.cause[0] in row.cause[0].lower() or row.cause.split()[0].isupper() or re.match(r"[A-Z]+[_A-Z]", row.cause)
    assert not row.cause.endswith(".")
    assert "  " not in row.cause
    assert re.search(r"\b[a-z0-9_/-]+\.[ch]\b|Documentation/|signal\(7\)", row.source), "no file of the kernel's source"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_row_stands_with_the_calls_that_it_is_about(row: Rule) -> None:
    assert row.call in CALLS or row.call in FAMILIES
    callers = [call.name for call in CALLS.values() if row in call.refusals or row in call.effects]
    if row.call in CALLS:
        assert row.call in callers
    elif row.call != IN_MESSAGES:
        assert callers


def test_every_family_has_rows_and_no_family_is_called_like_a_call() -> None:
    assert set(FAMILIES) <= {row.call for row in ROWS}
    assert not set(FAMILIES) & set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_no_call_lists_a_row_twice(name: str) -> None:
    listed = (*CALLS[name].refusals, *CALLS[name].effects)
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("call", [call for call in CALLS.values() if call.general is not None], ids=lambda call: call.name)
def test_an_alias_is_refused_by_rows_of_the_general_call(call: Any) -> None:
    assert set(call.refusals) <= set(call.general.refusals)
    assert call.refusals or not call.general.refusals or call.name == "getpgrp"
    assert call.general.name in call.function.__code__.co_names


def test_what_is_open_is_a_row_and_has_no_excuse() -> None:
    assert not [id for id in (*OPEN, *UNNOTICED) if rule(id).excuse]


# -- the table and the laws --


def laws() -> Iterator[Case]:
    yield from all_cases()
    for function, controllers in test_cgroups.LAWS:
        yield test_cgroups.case(function, controllers)


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
