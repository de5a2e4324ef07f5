"""Every case of the conformance suite, on the simulated kernel and on the real one, and what they cover together.

Of each case is recorded which calls it made and with which errors they came back: on the real kernel in memory that all its
processes share. A test that looks at the whole plays what the tests before it have not.
"""

import functools
import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from errno import errorcode
from pathlib import Path
from typing import Any

import pytest

import kernelapi.linux.kernel
from fakekernel import subject
from fakekernel.machine import Machine
from kernelapi.call import Call, Dispatch
from kernelapi.event import NO_RETURN, Event
from kernelapi.kernel import CALLS, Kernel, bind
from kernelapi.testing import Case, Report, all_cases, linux
from kernelapi.testing import cases as package
from kernelapi.testing.cases import NOUNS

STAGE, INIT = "1", "1.1"
"""What the simulated kernel calls the two processes before that of the case."""

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


def observed(case: Case, begin: Callable[[], None]) -> Case:
    """The case, whose process says `begin` before anything else."""

    @functools.wraps(case.law)
    def law(kernel: Kernel) -> None:
        begin()
        case.law(kernel)

    return replace(case, law=law)


@functools.cache
def simulated(case: Case) -> Played:
    machine = Machine(checks=True)
    started: list[int] = []
    report = subject.run(observed(case, lambda: started.append(len(machine.events))), machine)
    events = list(own(machine.events[started[0] :])) if started else []
    return Played(
        report,
        frozenset(event.call.name for event in events),
        frozenset((event.call.name, event.errno) for event in events if event.errno),
    )


def own(events: list[Event]) -> Iterator[Event]:
    """Those of the case and of its children: not of the stage, nor of programs that the case executes."""
    ran: set[str] = set()
    for event in events:
        process = event.process
        if process in (STAGE, INIT) or any(process == name or process.startswith(f"{name}.") for name in ran):
            continue
        yield event
        if event.result is NO_RETURN and event.call.name in ("execve", "execveat"):
            ran.add(process)


WIDTH = 256  # one byte for each errno, that of 0 for having been made at all
TABLE = mmap.mmap(-1, WIDTH * len(CALLS))
ROW = {name: WIDTH * index for index, name in enumerate(CALLS)}


recorded = False
"""Whether this process belongs to a case: set where one begins, inherited by its children."""


def begin() -> None:
    global recorded
    recorded = True


def recording(dispatch: Dispatch) -> Kernel:
    def record(call: Call, args: tuple[Any, ...]) -> Any:
        if not recorded:
            return dispatch(call, args)
        row = ROW[call.name]
        TABLE[row] = 1
        try:
            return dispatch(call, args)
        except OSError as error:
            TABLE[row + (error.errno or 0)] = 1
            raise

    return bind(record)


@functools.cache
def real(case: Case) -> Played:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernelapi.linux.kernel, "bind", recording)
        TABLE[:] = bytes(len(TABLE))
        report = linux.run(observed(case, begin))
    return Played(
        report,
        frozenset(name for name, row in ROW.items() if TABLE[row]),
        frozenset((name, errno) for name, row in ROW.items() for errno in range(1, WIDTH) if TABLE[row + errno]),
    )


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
