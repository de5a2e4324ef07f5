"""What tests of the flow and of control groups share: laws that both kernels keep, and where they are played."""

from collections.abc import Callable
from typing import Any

import pytest

from fakekernel import subject
from fakekernel.machine import Machine
from initflow.golang import GoError
from kernelapi.testing import linux
from kernelapi.testing.case import Case, Law, expect
from kernelapi.testing.cases.cgroups import (
    accept,
    at,
    letter,
    make,
    membership,
    names_in,
    read,
    start,
    stop,
    wait_for_ever,
    wait_until,
    write,
)
from kernelapi.testing.hierarchies import BASE, NAME, UNIFIED, mounted
from tests.conftest import applicable

__all__ = [
    "BASE", "NAME", "UNIFIED", "mounted",
    "Laws", "fails", "run",
    "accept", "at", "letter", "make", "membership", "names_in", "read", "start", "stop", "wait_for_ever", "wait_until", "write",
]  # fmt: skip


class Laws:
    """The laws of a file, each with the controllers whose hierarchies it finds mounted."""

    def __init__(self) -> None:
        self.cases: list[Case] = []

    def __call__(self, *controllers: str) -> Callable[[Law], Law]:
        """Declare a law of both kernels."""

        def declare(function: Law) -> Law:
            self.cases.append(Case(function, tree=True, hierarchies=controllers))
            return function

        return declare

    def simulated(self) -> Callable[..., None]:
        """The test that the simulated kernel keeps them."""

        @pytest.mark.parametrize("case", self.cases, ids=lambda case: case.name)
        def keeps(case: Case) -> None:
            report = subject.run(case)
            assert report.passed, report

        return keeps

    def real(self) -> Callable[..., None]:
        """The test that the real kernel keeps those for which it has the hierarchies."""
        params: list[Any] = [pytest.param(case, id=case.name, marks=applicable(case)) for case in self.cases]

        @pytest.mark.privileged
        @pytest.mark.parametrize("case", params)
        def keeps(case: Case) -> None:
            report = linux.run(case)
            assert report.passed, report

        return keeps


def run(*programs: Callable[..., int | None], machine: Machine | None = None) -> Machine:
    """Run programs on the simulated kernel, the next one when the last has come to rest. None of them may crash."""
    machine = Machine(checks=True) if machine is None else machine
    for program in programs:
        machine.spawn(program)
        machine.run()
    assert not [process.crash for process in machine.scheduler.ended if process.crash]
    return machine


def fails(message: str, call: Callable[..., object], *args: object) -> None:
    """Expect the call to fail with just this message."""
    try:
        call(*args)
    except GoError as error:
        expect("the message", str(error), message)
        return
    expect("the message", "no error", message)
