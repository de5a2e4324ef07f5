"""The pytest plugin, as people use it: in projects of their own, by another pytest."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from initflow import pytest_kernel
from initflow.pytest_kernel import Elsewhere, Raised

pytest_plugins = ("pytester",)

INSTALLED = any(point.value == "initflow.pytest_plugin" for point in entry_points(group="pytest11"))
LOAD = ("-p", "no:cacheprovider", *(() if INSTALLED else ("-p", "initflow.pytest_plugin")))

each_kernel = pytest.mark.parametrize("kind", ["simulated", pytest.param("real", marks=pytest.mark.privileged)])

SUITE = '''
import pytest
from kernelapi import Cap, Kernel, NotModelled
from kernelapi.testing import expect, in_child, refused

class Odd(Exception):
    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")

def who(kernel):
    return kernel.getuid()

def leave_root(kernel):
    kernel.setuid(1000)
    kernel.setuid(0)

def crash(kernel):
    raise Odd(1, 2)

def wait(kernel):
    reader, writer = kernel.pipe2(0)
    kernel.read(reader, 1)

def rename(kernel):
    kernel.sethostname("other")

# -- kernel --

def test_passes(kernel: Kernel, tmp_path):
    assert (kernel.getpid(), kernel.getuid()) == (2, 0)
    kernel.setuid(1000)
    with pytest.raises(PermissionError):
        kernel.setgroups(())
    assert in_child(kernel, who) == 1000
    assert tmp_path.name.startswith("test_passes")

def test_asserts(kernel):
    print("said", kernel.getpid())
    kernel.setuid(1000)
    assert kernel.getuid() == 0

def test_errs(kernel):
    leave_root(kernel)

def test_breaks_a_law(kernel):
    refused(22, kernel.setuid, 0)

@pytest.mark.xfail(raises=Odd, strict=True)
def test_expects_to_fail(kernel):
    raise Odd(1, 2)

def test_skips(kernel):
    pytest.skip("for a reason")

def test_xfails(kernel):
    pytest.xfail("known")

def test_fails_by_hand(kernel):
    pytest.fail("by hand")

def test_raises_what_cannot_be_sent(kernel):
    class Local(Exception):
        pass
    raise Local("not to be pickled")

def test_is_killed(kernel):
    kernel.kill(kernel.getpid(), 9)

@pytest.mark.kernel_stage(deadline=0.5)
def test_waits(kernel):
    wait(kernel)

@pytest.mark.kernel_stage(tree=True)
def test_has_a_tree(kernel):
    expect("its owner", kernel.stat("/home/user").uid, 1000)

@pytest.mark.kernel_stage(treee=True)
def test_wants_the_unknown(kernel):
    pass

def test_meets_what_is_not_modelled(kernel):
    raise NotModelled("nothing of the kind")

@pytest.fixture
def number(kernel):
    return kernel.getpid()

def test_has_a_fixture_that_makes_calls(kernel, number):
    pass

class TestWithAnotherFixture:
    @pytest.fixture
    def kernel(self):
        return 7

    def test_gets_it(self, kernel):
        assert kernel == 7

# -- machine --

@pytest.mark.parametrize("number", range(2))
def test_has_a_fresh_machine(machine, number):
    assert machine.checks and not machine.events
    machine.spawn(rename)
    assert not machine.run().hung

def test_has_a_program_that_crashes(machine):
    machine.spawn(crash)
    machine.run()

def test_has_a_program_that_waits(machine):
    machine.spawn(wait)
    assert not machine.run().hung
'''


class Suite(NamedTuple):
    """What came of each test of the suite, and what was shown of those that failed, by their names."""

    outcomes: dict[str, str]
    shown: dict[str, str]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    directory = tmp_path_factory.mktemp("suite")
    (directory / "test_suite.py").write_text(SUITE)
    report = directory / "report.xml"
    command = (sys.executable, "-m", "pytest", *LOAD, f"--junitxml={report}", "-rs", directory)
    output = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory).stdout
    outcomes = {}
    for each in ElementTree.parse(report).iter("testcase"):
        told = next((child.tag for child in each if child.tag in ("failure", "error", "skipped")), "passed")
        outcomes[each.attrib["name"]] = told
    parts = re.split(r"^_{3,} (?:ERROR at setup of )?(\S+) _{3,}$", output, flags=re.MULTILINE)
    return Suite(outcomes, dict(zip(parts[1::2], parts[2::2], strict=True)))


@each_kernel
class TestKernel:
    @pytest.mark.parametrize("name", ["passes", "has_a_tree"])
    def test_the_test_runs_as_a_process_of_the_kernel(self, suite: Suite, kind: str, name: str) -> None:
        assert suite.outcomes[f"test_{name}[{kind}]"] == "passed"

    def test_what_is_asserted_is_explained_with_the_last_calls(self, suite: Suite, kind: str) -> None:
        shown = suite.shown[f"test_asserts[{kind}]"]
        assert re.search(r"^>       assert kernel.getuid\(\) == 0$", shown, re.MULTILINE)
        assert re.search(r"^E +assert 1000 == 0$", shown, re.MULTILINE)
        assert f" the last calls on the {kind} kernel " in shown
        assert re.search(r"^1 +setuid\(1000\) = 0$", shown, re.MULTILINE)

    def test_what_is_printed_is_captured(self, suite: Suite, kind: str) -> None:
        assert re.search(r"^-+ Captured stdout call -+\nsaid 2$", suite.shown[f"test_asserts[{kind}]"], re.MULTILINE)

    def test_an_error_is_shown_where_the_kernel_was_called_and_not_inside_it(self, suite: Suite, kind: str) -> None:
        shown = suite.shown[f"test_errs[{kind}]"]
        assert re.search(r"^>       leave_root\(kernel\)$", shown, re.MULTILINE)
        assert re.search(r"^>       kernel.setuid\(0\)$", shown, re.MULTILINE)
        assert re.search(r"^E .*\[Errno 1\] Operation not permitted$", shown, re.MULTILINE)
        assert not re.search(r"^\S*(fakekernel|kernelapi)/\S+:\d+:", shown, re.MULTILINE)
        assert ("setuid.eperm.unprivileged: without CAP_SETUID" in shown) == (kind == "simulated")

    def test_a_broken_law_is_told_at_the_line_that_found_it(self, suite: Suite, kind: str) -> None:
        shown = suite.shown[f"test_breaks_a_law[{kind}]"]
        assert re.search(r"^>       refused\(22, kernel.setuid, 0\)$", shown, re.MULTILINE)
        assert re.search(r"^E .*Broken: setuid\(0,\): expected errno 22", shown, re.MULTILINE)

    def test_exceptions_of_any_kind_come_back(self, suite: Suite, kind: str) -> None:
        outcomes = {
            "expects_to_fail": "skipped",  # which is what junit calls an expected failure
            "skips": "skipped",
            "xfails": "skipped",
            "fails_by_hand": "failure",
            "raises_what_cannot_be_sent": "failure",
        }
        assert {name: suite.outcomes[f"test_{name}[{kind}]"] for name in outcomes} == outcomes
        assert re.search(r"^E +Failed: by hand$", suite.shown[f"test_fails_by_hand[{kind}]"], re.MULTILINE)
        shown = suite.shown[f"test_raises_what_cannot_be_sent[{kind}]"]
        assert re.search(r"^E .*Local.*: not to be pickled$", shown, re.MULTILINE)

    def test_one_that_is_killed_has_failed(self, suite: Suite, kind: str) -> None:
        assert suite.outcomes[f"test_is_killed[{kind}]"] == "failure"
        assert f"the test did not come to its end on the {kind} kernel: " in suite.shown[f"test_is_killed[{kind}]"]

    def test_one_that_waits_for_ever_is_ended(self, suite: Suite, kind: str) -> None:
        why = {"simulated": "hung: 1 in read: a writer of the pipe", "real": "not over after 0.5 seconds"}[kind]
        shown = suite.shown[f"test_waits[{kind}]"]
        assert f"the test did not come to its end on the {kind} kernel: " in shown
        assert why in shown

    def test_an_unknown_option_of_the_stage_is_named(self, suite: Suite, kind: str) -> None:
        expected = "@pytest.mark.kernel_stage has no option treee: it has tree, needs and deadline"
        assert suite.shown[f"test_wants_the_unknown[{kind}]"].strip().startswith(expected)

    def test_a_fixture_cannot_make_calls_and_is_told(self, suite: Suite, kind: str) -> None:
        assert suite.outcomes[f"test_has_a_fixture_that_makes_calls[{kind}]"] == "error"
        expected = "kernel.getpid: the fixture `kernel` is a kernel inside the test function alone"
        assert expected in suite.shown[f"test_has_a_fixture_that_makes_calls[{kind}]"]

    def test_what_is_not_modelled_is_loud(self, suite: Suite, kind: str) -> None:
        shown = suite.shown[f"test_meets_what_is_not_modelled[{kind}]"]
        assert re.search(r"^E .*NotModelled: nothing of the kind$", shown, re.MULTILINE)


def test_a_fixture_of_the_same_name_is_left_alone(suite: Suite) -> None:
    assert suite.outcomes["test_gets_it"] == "passed"


class TestMachine:
    def test_it_is_fresh_for_each_test_and_looks_after_its_states(self, suite: Suite) -> None:
        assert [suite.outcomes[f"test_has_a_fresh_machine[{number}]"] for number in range(2)] == ["passed", "passed"]

    def test_a_program_that_crashes_fails_the_test(self, suite: Suite) -> None:
        assert suite.outcomes["test_has_a_program_that_crashes"] == "failure"
        shown = suite.shown["test_has_a_program_that_crashes"]
        assert shown.strip().startswith("process 1 (crash) crashed:")
        assert re.search(r"^\S*Odd: 1 and 2$", shown, re.MULTILINE)

    def test_a_test_that_fails_shows_who_waits_for_what(self, suite: Suite) -> None:
        shown = suite.shown["test_has_a_program_that_waits"]
        assert re.search(r"^-+ who waits for what -+\nprocess 1 \(wait\) in read: a writer of the pipe$", shown, re.MULTILINE)
        assert re.search(r"^-+ the last calls -+\n1 +pipe2\(0\) = ", shown, re.MULTILINE)


# -- the real kernel, or none --

Run = Callable[..., pytest.RunResult]

SOME_REAL = """
import pytest

def test_it(kernel):
    pass

@pytest.mark.real_kernel
def test_marked():
    pass
"""

AS_NOBODY = """
import os, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Run pytest, with warnings as errors, on a test file."""

    def run(source: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(source)
        return pytester.runpytest_subprocess("-W", "error", *LOAD, *options)

    return run


@pytest.fixture
def run_as_nobody(pytester: pytest.Pytester) -> Run:
    """The same, without root."""
    nobody = pytester.makepyfile(as_nobody=AS_NOBODY)
    for directory in (pytester.path, *pytester.path.parents):
        if directory.stat().st_uid == os.geteuid() and directory.stat().st_mode & 0o055 != 0o055:
            directory.chmod(0o755)

    def run(source: str, *options: str) -> pytest.RunResult:
        file = pytester.makepyfile(source)
        program = ("-m", "pytest") if os.geteuid() else (str(nobody),)
        return pytester.run(sys.executable, *program, *LOAD, *options, str(file))

    return run


class TestRealKernel:
    def test_without_root_it_is_skipped_with_a_reason(self, run_as_nobody: Run) -> None:
        result = run_as_nobody(SOME_REAL, "-rs")
        result.assert_outcomes(passed=1, skipped=2)
        result.stdout.fnmatch_lines(["*the real kernel needs root"])

    def test_where_it_is_required_that_is_a_failure(self, run_as_nobody: Run) -> None:
        result = run_as_nobody(SOME_REAL, "--real-kernel=require")
        assert result.ret == 1
        result.stdout.fnmatch_lines(["--real-kernel=require: the real kernel needs root"])

    @pytest.mark.privileged
    def test_where_it_is_required_a_test_may_not_skip_itself(self, run: Run) -> None:
        skip = "pytest.skip('not today')"
        source = f"import pytest\n@pytest.mark.real_kernel\ndef test_it():\n    {skip}\n\ndef test_other():\n    {skip}\n"
        run(source).assert_outcomes(skipped=2)
        result = run(source, "--real-kernel=require")
        result.assert_outcomes(failed=1, skipped=1)
        result.stdout.fnmatch_lines(["--real-kernel=require: *::test_it was skipped: *not today"])

    def test_it_can_be_left_out(self, run: Run) -> None:
        run(SOME_REAL, "--real-kernel=off").assert_outcomes(passed=1, deselected=2)

    @pytest.mark.privileged
    def test_what_a_host_lacks_is_counted_and_named(self, run: Run) -> None:
        source = """
import pytest
import initflow.pytest_plugin
from kernelapi import Cap
initflow.pytest_plugin._has = lambda cap: cap is not Cap.SYS_TIME

@pytest.mark.real_kernel(needs=Cap.SYS_TIME)
def test_it():
    pass

@pytest.mark.kernel_stage(needs=Cap.SYS_TIME)
def test_other(kernel):
    pass

@pytest.mark.real_kernel(lacking="a second moon")
def test_third():
    pass
"""
        result = run(source, "--real-kernel=require")
        result.assert_outcomes(passed=1, skipped=3)
        result.stdout.fnmatch_lines(["*1 not applicable on this host, which has not a second moon*"])
        result.stdout.fnmatch_lines(["*2 not applicable on this host, which has not CAP_SYS_TIME*", "*::test_it"])


class TestAbsence:
    def test_a_session_that_uses_nothing_imports_nothing_but_the_plugin(self, run: Run) -> None:
        source = """
import sys

def test_it():
    ours = {name for name in sys.modules if name.partition(".")[0] in ("initflow", "fakekernel", "kernelapi")}
    assert ours <= {"initflow", "initflow.pytest_plugin"}, ours
"""
        run(source).assert_outcomes(passed=1)

    @pytest.mark.skipif(not INSTALLED, reason="the distribution, as it is installed, does not name the plugin")
    def test_it_can_be_switched_off(self, run: Run) -> None:
        result = run("def test_it(machine):\n    pass\n", "-p", "no:initflow")
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*fixture 'machine' not found"])

    def test_its_markers_and_its_option_are_documented(self, run: Run) -> None:
        run("", "--markers").stdout.fnmatch_lines(["@pytest.mark.real_kernel*", "@pytest.mark.kernel_stage*"])
        run("", "--help").stdout.fnmatch_lines(["*--real-kernel={auto,require,off}*"])


# -- what comes back from another process --


def raised(function: Callable[[], None]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError


def inner() -> None:
    Path("/nowhere").read_text()


def outer() -> None:
    inner()


def test_a_traceback_leads_through_the_same_places() -> None:
    error = raised(outer)
    again = Raised.of(error).again()
    assert (type(again), again.args) == (FileNotFoundError, error.args)
    assert list(pytest_kernel._places(again.__traceback__)) == list(pytest_kernel._places(error.__traceback__))


def test_an_exception_that_cannot_be_sent_is_told() -> None:
    class Local(Exception):
        pass

    again = Raised.of(Local("here")).again()
    assert (type(again), str(again)) == (Elsewhere, "Local: here")
