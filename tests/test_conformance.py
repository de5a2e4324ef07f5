"""Every case of the conformance suite, on the simulated kernel and on the real one, and what they cover together.

Of each case is recorded what it asked and what it was answered. The simulated kernel has to answer as the recordings say
(`kernelapi/testing/answers`), and so has the real one, whose release they are of. A test that looks at the whole plays what the
tests before it have not.
"""

import functools
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from fakekernel import subject
from fakekernel.machine import Machine
from fakekernel.profile import DEFAULT_HOST
from kernelapi.kernel import CALLS
from kernelapi.recorder import Log, SharedLog
from kernelapi.releases import release_of
from kernelapi.testing import Case, Report, all_cases, golden, linux
from kernelapi.testing import cases as package
from kernelapi.testing.cases import NOUNS
from kernelapi.testing.transcript import ARGUMENTS_OF_THE_HOST, OF_THE_HOST, Transcript, recorded, transcript
from tests.conftest import applicable

DEFAULT = release_of(DEFAULT_HOST.release)

CASES = all_cases()
BOTH = [pytest.param(case, id=f"{case.noun}-{case.name}") for case in CASES]
REAL = [pytest.param(case, id=f"{case.noun}-{case.name}", marks=applicable(case)) for case in CASES]
TRIES = 3
"""So often the real kernel is asked again before a difference counts: on a busy host time is scarce."""


@dataclass(frozen=True)
class Played:
    """How a case ended, which calls it made, and what it was answered."""

    report: Report
    made: frozenset[str]
    transcript: Transcript


def played(case: Case, run: Callable[[Case], Report], log: Log | SharedLog) -> Played:
    """Play a case, whose own calls and its children's are recorded: not those of programs that it executes."""
    report = run(recorded(case, log))
    events = log.events()
    return Played(report, frozenset(event.call.name for event in events), transcript(case, events, report))


@functools.cache
def simulated(case: Case) -> Played:
    return played(case, lambda case: subject.run(case, Machine(checks=True)), Log())


@functools.cache
def real(case: Case) -> Played:
    return played(case, linux.run, SharedLog())


@functools.cache
def recordings(release: str) -> Mapping[str, Transcript | str]:
    return golden.load(release)


def recording(case: Case, release: str) -> Transcript:
    """What was recorded of a case that this host can play."""
    found = recordings(release).get(case.name)
    assert found is not None, f"{case.name} is not in the recordings of Linux {release}: {golden.HOW}"
    assert isinstance(found, Transcript), found
    return found


@pytest.mark.parametrize("case", BOTH)
def test_the_simulated_kernel_keeps_the_law(case: Case) -> None:
    report = simulated(case).report
    assert report.passed, report


@pytest.mark.privileged
@pytest.mark.parametrize("case", REAL)
def test_the_real_kernel_keeps_the_law(case: Case) -> None:
    report = real(case).report
    assert report.passed, report


# -- the suite as a whole --


def test_no_module_of_cases_is_forgotten() -> None:
    there = {path.stem for path in Path(package.__file__).parent.glob("*.py")} - {"__init__"}
    listed = [module.__name__.rpartition(".")[2] for module in NOUNS]
    assert sorted(there) == listed
    assert {case.noun for case in CASES} == there


@pytest.mark.parametrize("play", [simulated, pytest.param(real, marks=pytest.mark.privileged)], ids=lambda play: play.__name__)
def test_every_call_is_made_by_a_case(play: Callable[[Case], Played], figure: Callable[[str], None]) -> None:
    kept = sum(play(case).report.passed for case in CASES)
    figure(f"{len(CASES)} named cases, of which the {play.__name__} kernel keeps {kept}; they make {len(CALLS)} calls")
    missing = set(CALLS).difference(*(play(case).made for case in CASES))
    assert not missing, f"no case makes {', '.join(sorted(missing))}"


# -- the recordings --


@pytest.mark.parametrize("release", golden.releases())
@pytest.mark.parametrize("case", BOTH)
def test_the_simulated_kernel_answers_as_the_recordings_say(case: Case, release: str) -> None:
    if isinstance(recordings(release).get(case.name), str):
        return  # the host that was recorded could not play it
    play = simulated(case) if release == DEFAULT else played(case, partial(subject.run, machine=machine_of(release)), Log())
    difference = recording(case, release).difference(play.transcript)
    assert not difference, difference


def machine_of(release: str) -> Machine:
    return Machine(replace(DEFAULT_HOST, release=f"{release}.0"))


@pytest.mark.privileged
@pytest.mark.recorded
@pytest.mark.parametrize("case", REAL)
def test_the_real_kernel_answers_as_the_recordings_say(case: Case) -> None:
    wanted = recording(case, release_of(platform.release()))
    difference = wanted.difference(real(case).transcript)
    for _ in range(TRIES):
        if not difference:
            return
        difference = wanted.difference(played(case, linux.run, SharedLog()).transcript)
    assert not difference, difference


def test_a_recording_is_read_as_it_was_written() -> None:
    told = {
        "one": Transcript({"1": ("setuid(1000) = 0", 'read(4, 9) = "## [1]\\n"'), "1.1": ("exit_group(0) = ?",)}),
        "two": golden.NOT_PLAYED + "needs CAP_SYS_RESOURCE",
        "none": Transcript({"1": ()}),
    }
    assert dict(golden.parse(golden.written("6.18", "noun", told))) == told


def test_recordings_have_nothing_but_cases() -> None:
    names = {case.name for case in CASES}
    assert not [name for release in golden.releases() for name in recordings(release) if name not in names]


@pytest.mark.parametrize("table", [OF_THE_HOST, ARGUMENTS_OF_THE_HOST])
def test_what_is_left_out_of_a_transcript_is_there_and_is_a_call(table: Mapping[str, tuple[str, str]]) -> None:
    cases = {case.name: case for case in CASES}
    for name, (calls, _) in table.items():
        assert set(calls.split()) <= simulated(cases[name]).made, name


def ends(process: str) -> Transcript:
    return Transcript(
        {"1": ("getpid() = 2",), "1.1": ("getpid() = 3", "close(3) = 0 (2 times)", *([process] if process else []))}
    )


def test_a_transcript_differs_by_an_answer_a_call_too_many_and_a_failure() -> None:
    whole = ends("exit_group(0) = ?")
    assert not whole.difference(whole)
    assert "close(3) = -1 EBADF" in whole.difference(
        Transcript({**whole.lines, "1.1": ("getpid() = 3", "close(3) = -1 EBADF", "exit_group(0) = ?")})
    )
    longer = Transcript({**whole.lines, "1": ("getpid() = 2", "getppid() = 1")})
    assert "only there" in whole.difference(longer)
    assert "only here" in longer.difference(whole)
    assert "broken" in whole.difference(Transcript(whole.lines, "broken"))


def test_of_a_process_that_was_ended_counts_what_both_have() -> None:
    whole, ended = ends("exit_group(0) = ?"), ends("")
    assert not whole.difference(ended)
    assert not ended.difference(Transcript({"1": ("getpid() = 2",), "1.1": ("getpid() = 3", "close(3) = 0")}))
    assert not ended.difference(Transcript({"1": ("getpid() = 2",)}))
    assert ended.difference(Transcript({"1": ("getpid() = 2",), "1.1": ("getpid() = 4",)}))
