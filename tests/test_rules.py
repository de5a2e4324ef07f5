"""The rules are a table that the code and the laws keep to.

What no table can show by itself is found out by playing all laws on the simulated kernel: by which rows each call is refused,
which effects each has, and whether it still answers as the recordings of a real kernel say when a row is turned off.
"""

import functools
import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Callable, Set
from errno import ENOANO, ENOTUNIQ
from typing import Any

import pytest
from click.testing import CliRunner

from fakekernel import subject
from fakekernel.machine import Machine
from fakekernel.profile import DEFAULT_HOST
from fakekernel.releases import absent
from fakekernel.syscalls.base import SyscallBase
from fakekernel.syscalls.table import HANDLERS
from initflow.cli import cli
from initflow.conformance.coverage import (
    MAY_BE_EXCUSED,
    PATIENCE,
    SLACK,
    Coverage,
    Evidence,
    Played,
    coverage,
    disagrees,
    gather,
    play,
)
from kernelapi.flags import AddressFamily, SocketType
from kernelapi.kernel import CALLS, Kernel
from kernelapi.protocol.families import FAMILIES
from kernelapi.rules import EXCUSES, Effect, Refusal, Rule, rule, rules, shown_by
from kernelapi.testing import Case, all_cases
from kernelapi.testing.transcript import Transcript

ROWS = list(rules())
IN_MESSAGES = "rtnetlink"
"""The family whose errnos come in a message: no call fails by them."""


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


# -- the table and the laws --


class Watch(set[Rule]):
    """In the place of a machine's suspended rows: remembers which rows are asked for, and in which calls."""

    def __init__(self, absent: Set[Rule]) -> None:
        self.absent = absent
        self.call = ""
        self.asked: dict[Rule, set[str]] = defaultdict(set)

    def __contains__(self, row: object) -> bool:
        assert isinstance(row, Rule)
        if row in self.absent:
            return True
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
def met() -> dict[Rule, set[str]]:
    """Of each row: the calls in which it applied."""
    calls: dict[Rule, set[str]] = defaultdict(set)
    for case in all_cases():
        machine = Machine(checks=True)
        machine.suspended = watch = Watch(absent(DEFAULT_HOST.release))
        machine.handlers = {name: watch.around(name, handler) for name, handler in HANDLERS.items()}
        report = subject.run(case, machine)
        assert not report.failure, f"{case.name}: {report.failure}"
        for row, names in watch.asked.items():
            calls[row] |= names
    return calls


def test_no_call_is_refused_by_a_row_that_it_does_not_list() -> None:
    calls = met()
    astray = [
        f"{row.id} in {name}"
        for row, names in calls.items()
        if isinstance(row, Refusal) and row.call != IN_MESSAGES
        for name in sorted(names)
        if row not in CALLS[name].refusals
    ]
    assert not astray, "\n".join(astray)


def test_no_call_has_an_effect_that_it_does_not_list() -> None:
    calls = met()
    anywhere = {*CALLS["exit_group"].effects, *CALLS["kill"].effects}  # any call may end a process, or send it a signal
    astray = [
        f"{row.id} in {name}"
        for row, names in calls.items()
        if isinstance(row, Effect) and row not in anywhere and row.call != IN_MESSAGES
        for name in sorted(names)
        if row not in CALLS[name].effects
    ]
    assert not astray, "\n".join(astray)


# -- the recordings without a row --


@functools.cache
def evidence() -> Evidence:
    return gather()


@functools.cache
def found() -> Coverage:
    return coverage(evidence())


def test_the_simulated_kernel_repeats_every_recording() -> None:
    assert not evidence().differing


def test_every_row_is_confirmed_by_a_recorded_case_or_excused(figure: Callable[[str], None]) -> None:
    """Suspended, it makes the simulated kernel disagree with what a real one answered: a crash does not count."""
    confirmed, excused, missing = map(len, (found().confirmed, found().excused, found().open))
    figure(f"{len(ROWS)} rows: {confirmed} confirmed, {excused} excused ({excused / len(ROWS):.1%}), {missing} open")
    assert not {row.id: why for row, why in found().open.items()}
    assert len(found().excused) <= MAY_BE_EXCUSED * len(ROWS)
    assert found().holds
    assert not [row.id for row in found().confirmed if row.excuse], "rows that are confirmed, and have an excuse"


def test_another_errno_is_noticed_by_the_case_that_confirms_the_row() -> None:
    refusals = {row: case for row, case in found().confirmed.items() if isinstance(row, Refusal)}
    assert not [row.id for row, case in refusals.items() if not disagrees(evidence().played[case], altered(row, case))]


def altered(row: Refusal, case: Case) -> Played:
    """How a case goes on where a row refuses by another errno."""
    errno = row.errno
    object.__setattr__(row, "errno", ENOANO if errno != ENOANO else ENOTUNIQ)  # a row is frozen for good reason
    try:
        before = evidence().played[case]
        return play(case, frozenset(), stop_at=PATIENCE * before.calls + SLACK)
    finally:
        object.__setattr__(row, "errno", errno)


def nothing_is_refused(kernel: Kernel) -> None:
    kernel.getpid()


def crashes(kernel: Kernel) -> None:
    kernel.getpid()
    kernel.socketpair(AddressFamily.UNIX, SocketType.DGRAM)  # which is not modelled


def test_a_crash_is_no_answer_and_no_row_is_confirmed_by_it() -> None:
    crashed = play(Case(crashes), frozenset())
    assert crashed.crashed
    assert crashed.transcript.failure
    assert not disagrees(play(Case(nothing_is_refused), frozenset()), crashed)


def test_what_is_answered_before_a_crash_counts() -> None:
    before, after = (Played({"1": [("getpid()", answer)]}, Transcript({}), crashed=True) for answer in ("2", "3"))
    assert disagrees(before, after)
    assert not disagrees(before, before)
    other = Played({"1": [("getppid()", "3")]}, Transcript({}), crashed=True)
    assert not disagrees(before, other)  # what it asked is the case's affair


def test_a_row_that_no_recorded_case_meets_is_open() -> None:
    cases = {case.name: case for case in all_cases()}
    little = gather(cases=[cases["setgroups_needs_setgid_before_it_looks_at_the_groups"]])
    told = coverage(little)
    assert rule("setgroups.eperm.unprivileged") in told.confirmed
    assert told.open[rule("chroot.eperm")] == "no recorded case meets it"
    assert rule("clone.eintr") in told.excused
    assert not told.holds


# -- the command --


@pytest.mark.parametrize(("words", "status"), [(["setgroups.eperm.unprivileged"], 0), (["setgroups"], 1), ([], 1)])
def test_coverage_tells_what_is_confirmed_excused_and_open(
    words: list[str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = {case.name: case for case in all_cases()}
    little = gather(cases=[cases["setgroups_needs_setgid_before_it_looks_at_the_groups"]])
    monkeypatch.setattr("initflow.conformance.coverage.gather", lambda told: little)
    told = CliRunner().invoke(cli, ["rules", "--coverage", "--json", *words])
    assert told.exit_code == status, told.output
    document = json.loads(told.stdout)
    found = document["coverage"]
    confirmed = {"row": "setgroups.eperm.unprivileged", "case": "setgroups_needs_setgid_before_it_looks_at_the_groups"}
    assert document["schema"] == "initflow.rules/1"
    assert confirmed in found["confirmed"]
    assert found["total"] == sum(len(found[kind]) for kind in ("confirmed", "excused", "open"))
    assert found["total"] == (len(ROWS) if not words else found["total"])
    people = CliRunner().invoke(cli, ["rules", "--coverage", *words])
    assert people.exit_code == status
    assert f"{len(found['open']):7}  open" in people.output


def test_every_excuse_has_a_command_that_shows_it() -> None:
    excused = [row for row in ROWS if row.excuse]
    assert all(shown_by(str(row.excuse)) in EXCUSES.values() for row in excused)
    for command in EXCUSES.values():
        assert subprocess.run(command, shell=True, capture_output=True, check=False).stdout or "attr/current" in command
