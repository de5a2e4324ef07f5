"""docs/conformance.md for people with an implementation of their own: what it shows does what it says."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakekernel.machine import Machine
from kernelapi.errors import Refused
from kernelapi.kernel import Kernel, bind
from kernelapi.testing import play

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "conformance.md").read_text()
SUITE, CASE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
OWN = ROOT / "examples" / "own_kernel.py"


def verdicts(program: str) -> dict[str, str]:
    """What the example says of each law."""
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = (line.split(": ", 2) for line in result.stdout.splitlines())
    return {case: told for _, case, told in lines}


def test_the_example_keeps_every_law_that_it_gets_through() -> None:
    told = verdicts(OWN.read_text())
    kept = {case for case, verdict in told.items() if verdict == "kept"}
    assert len(kept) >= 12
    assert {verdict for verdict in told.values() if verdict != "kept" and not verdict.startswith("not modelled: ")} == set()
    excerpt = re.findall(r"^(?:credentials|pipes): (\w+): (.*)$", PAGE, re.MULTILINE)
    assert excerpt
    for case, verdict in excerpt:
        assert told[case] == verdict


def test_a_fault_in_the_example_breaks_a_law() -> None:
    text = OWN.read_text()
    faulty = text.replace("if Cap.SETGID not in self.effective:\n            refuse(EPERM)", "pass")
    assert faulty != text
    broken = {case for case, verdict in verdicts(faulty).items() if "expected" in verdict}
    assert "leaving_root_first_leaves_the_groups_behind" in broken


# -- the suite, on a kernel that is somebody else's --


class Honest:
    """What the page calls MyMachine: here the simulated one, with a dispatch in between."""

    forgets: str | None = None

    def __init__(self) -> None:
        self.machine = Machine()

    def start(self, *args: Any) -> None:
        *args, _ = args
        _, self.output = self.machine.spawn_captured(self.be, *args)

    def be(self, kernel: Kernel, program: Any, *args: Any) -> Any:
        return program(self.mine(kernel), *args)

    def mine(self, kernel: Kernel) -> Kernel:
        def dispatch(call: Any, args: tuple[Any, ...]) -> Any:
            if call.name == "clone":
                flags, child, *rest = args
                args = (flags, self.be, child, *rest)
            try:
                return kernel.dispatch(call, args)
            except Refused:
                if call.name == self.forgets:
                    return None
                raise

        return bind(dispatch)

    def run(self) -> None:
        self.machine.run()

    @property
    def written(self) -> bytes:
        return self.machine.captured(self.output)


class Forgetful(Honest):
    """One that never refuses a change of groups."""

    forgets = "setgroups"


def run_suite(machine: type[Honest], cases: set[str], capsys: pytest.CaptureFixture[str]) -> str:
    program = SUITE.replace("in all_cases():", "in all_cases():\n    if case.name not in CASES: continue")
    assert program != SUITE
    exec(program, {"MyMachine": machine, "BUSYBOX": Machine().executable("busybox"), "fd": 0, "CASES": cases})
    return capsys.readouterr().out


SOME = {
    "setgroups_sorts_and_keeps_duplicates", "leaving_root_first_leaves_the_groups_behind", "setuid_by_root_cannot_be_undone",
}  # fmt: skip


def test_a_kernel_that_keeps_the_laws_makes_the_suite_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_suite(Honest, SOME, capsys) == ""


def test_one_that_does_not_is_told_which_it_breaks(capsys: pytest.CaptureFixture[str]) -> None:
    output = run_suite(Forgetful, SOME, capsys)
    told = r"leaving_root_first_leaves_the_groups_behind: setgroups.*expected errno 1, found the value None\n"
    assert re.fullmatch(told, output)


def test_the_case_on_the_page_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    program = f"{CASE}\nfrom fakekernel import subject\nfrom kernelapi.testing.case import declared\n"
    program += "print(subject.run(declared()[-1]).passed, declared()[-1].name)"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "True only_the_privileged_may_name_the_host\n"


def test_what_starts_a_case_is_what_the_page_says() -> None:
    assert "play(kernel, case, BUSYBOX, fd)" in PAGE
    assert list(play.__annotations__) == ["kernel", "case", "executable", "report", "return"]
