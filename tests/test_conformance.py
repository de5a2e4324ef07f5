"""Every case of the conformance suite, on the simulated kernel and on the real one."""

import pytest

from fakekernel import subject
from kernelapi.testing import linux
from kernelapi.testing.case import Case
from kernelapi.testing.cases import load

CASES = load()


def judge(report: object) -> None:
    broken, errno = getattr(report, "broken", None), getattr(report, "errno", 0)
    assert broken is None, broken
    assert errno == 0, f"an unexpected errno {errno}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.noun}-{case.name}")
def test_the_simulated_kernel_keeps_the_law(case: Case) -> None:
    judge(subject.run(case))


@pytest.mark.privileged
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.noun}-{case.name}")
def test_the_real_kernel_keeps_the_law(case: Case) -> None:
    judge(linux.run(case))
