"""Releases of Linux: what is known to differ, and that the simulated kernel answers by it."""

from dataclasses import replace

import pytest

from fakekernel import subject
from fakekernel.machine import Machine
from fakekernel.profile import DEFAULT_HOST
from kernelapi.kernel import CALLS
from kernelapi.releases import NEWEST, OLDEST, changes, doubts, in_force, is_before, release_of
from kernelapi.rules import rule
from kernelapi.testing import Case, all_cases, golden

DATED = [case for case in all_cases() if case.since is not None]


def machine_of(release: str) -> Machine:
    return Machine(replace(DEFAULT_HOST, release=f"{release}.1"), checks=True)


def before(release: str) -> str:
    major, minor = map(int, release.split("."))
    return f"{major}.{minor - 1}" if minor else f"{major - 1}.19"


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("6.18.44-fc-v657", "6.18"),
        ("5.4.0-150-generic", "5.4"),
        ("6.18", "6.18"),
        ("3.10.0-1160.el7", "3.10"),
        ("6.2-rc1", "6.2"),
    ],
)
def test_a_version_is_of_a_release(version: str, release: str) -> None:
    assert release_of(version) == release


@pytest.mark.parametrize("text", ["", "6", "6.", "x6.18", "six"])
def test_another_text_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="no release of Linux"):
        release_of(text)


def test_releases_are_compared_as_numbers() -> None:
    assert is_before("6.2.16", "6.18")
    assert is_before("5.19", "6.0")
    assert not is_before("6.18.1", "6.18")


def test_every_change_is_within_what_is_known() -> None:
    for change in changes():
        assert not is_before(change.release, OLDEST), change
        assert not is_before(NEWEST, change.release), change


def test_a_row_is_in_force_from_its_first_release_until_it_is_gone() -> None:
    row = rule("mount.eperm.propagation-foreign")
    assert (in_force(row, "6.15.9"), in_force(row, "6.16"), in_force(row, "6.18.44")) == (False, True, True)
    gone = rule("rtnetlink.ebusy.up")
    assert (in_force(gone, "6.1.100"), in_force(gone, "6.2.0")) == (True, False)


@pytest.mark.parametrize("case", DATED, ids=lambda case: case.name)
def test_what_a_dated_case_checks_is_otherwise_before(case: Case) -> None:
    assert case.since is not None
    undated = replace(case, since=None)
    assert subject.run(undated, machine_of(case.since)).passed
    assert subject.run(undated, machine_of(before(case.since))).failure


@pytest.mark.parametrize("case", DATED, ids=lambda case: case.name)
def test_a_dated_case_is_not_played_on_an_older_kernel(case: Case) -> None:
    assert case.since is not None
    report = subject.run(case, machine_of(before(case.since)))
    assert (report.lacking, report.passed, report.failure) == (f"Linux {case.since}", False, "")


def test_every_change_of_a_row_is_checked_by_a_dated_case() -> None:
    """A case that is played on any release can check nothing that changes."""
    assert {case.since for case in DATED} == {change.release for change in changes()}


@pytest.mark.long
@pytest.mark.parametrize("case", [case for case in all_cases() if case.since is None], ids=lambda case: case.name)
def test_any_other_case_is_kept_on_the_oldest_kernel_too(case: Case) -> None:
    report = subject.run(case, machine_of(OLDEST))
    assert report.passed, report


def test_the_default_host_has_been_compared_and_is_not_doubted() -> None:
    assert CALLS
    assert release_of(DEFAULT_HOST.release) in golden.releases()
    assert not doubts(DEFAULT_HOST.release, golden.releases())


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("4.4.0", "Linux 4.4 is older than all that is known, and is simulated as 5.9"),
        ("6.1.55", "Linux 6.1 is simulated by its known differences alone"),
        ("7.0.0", "Linux 7.0 is newer than all that is known, and is simulated as 6.18"),
    ],
)
def test_a_kernel_that_nobody_has_compared_with_is_told(version: str, told: str) -> None:
    assert doubts(version, ("6.18",)) == f"{told} (compared with a real kernel: 6.18)"
