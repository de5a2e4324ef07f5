"""Every case of the conformance suite, on the simulated kernel and on the real one, and what they cover together.

Of each case is recorded which calls it made and with which errors they came back. A test that looks at the whole plays what
the tests before it have not.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from errno import errorcode
from pathlib import Path

import pytest

from fakekernel import subject
from fakekernel.machine import Machine
from kernelapi.kernel import CALLS, Kernel
from kernelapi.recorder import SharedLog, record
from kernelapi.testing import Case, Report, all_cases, linux
from kernelapi.testing import cases as package
from kernelapi.testing.cases import NOUNS

CASES = all_cases()
BOTH = [pytest.param(case, id=f"{case.noun}-{case.name}") for case in CASES]
REAL = [
    pytest.param(case, id=f"{case.noun}-{case.name}", marks=[pytest.mark.needs(case.needs)] if case.needs is not None else [])
    for case in CASES
]


@dataclass(frozen=True)
class Played:
    """How a case ended, which calls it made, and which of them failed with what errno.

    Not which of them came back: a process that another one ends has got more or less far.
    """

    report: Report
    made: frozenset[str]
    errors: frozenset[tuple[str, int]]


def played(case: Case, run: Callable[[Case], Report]) -> Played:
    """Play a case, whose own calls and its children's are recorded: not those of programs that it executes."""
    log = SharedLog()

    @functools.wraps(case.law)
    def law(kernel: Kernel) -> None:
        case.law(record(kernel, log))

    report = run(replace(case, law=law))
    events = log.events()
    return Played(
        report,
        frozenset(event.call.name for event in events),
        frozenset((event.call.name, event.errno) for event in events if event.errno),
    )


@functools.cache
def simulated(case: Case) -> Played:
    return played(case, lambda case: subject.run(case, Machine(checks=True)))


@functools.cache
def real(case: Case) -> Played:
    return played(case, linux.run)


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
def test_every_call_is_made_by_a_case(play: Callable[[Case], Played]) -> None:
    missing = set(CALLS).difference(*(play(case).made for case in CASES))
    assert not missing, f"no case makes {', '.join(sorted(missing))}"


@pytest.mark.privileged
def test_both_kernels_refuse_in_each_case_the_same_calls_with_the_same_errors() -> None:
    played = [(case.name, simulated(case).errors, real(case).errors) for case in CASES if real(case).report.lacking is None]
    different = [
        f"{name}: {call} fails with {errorcode[errno]} on the {'simulated' if (call, errno) in fake else 'real'} kernel alone"
        for name, fake, linux in played
        for call, errno in sorted(fake ^ linux)
    ]
    assert not different, "\n".join(different)
