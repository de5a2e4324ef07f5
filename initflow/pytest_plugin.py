"""The pytest plugin: fixtures for code that is written against `kernelapi.Kernel`. docs/testing.md shows how to use them.

`machine` is a simulated machine. `kernel` is a kernel, the simulated and the real one in turn: the test function runs as a
process of it. Tests of the real kernel bear the marker `real_kernel`, and `--real-kernel` says what becomes of them.

A session that uses none of this pays for the import of this module and of nothing else.
"""

import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fakekernel.machine import Machine
    from initflow.pytest_kernel import Subject
    from kernelapi.capability import Cap

REAL = "real_kernel"
STAGE = "kernel_stage"

MARKERS = (
    f"{REAL}(needs=None, lacking=''): runs on the real kernel; not applicable without `needs`, or if this is `lacking`",
    f"{STAGE}(tree=False, needs=None, deadline=20.0): how the process is started that the fixture `kernel` makes of a test",
)

SUBJECT = pytest.StashKey["Subject"]()
MACHINE = pytest.StashKey["Machine"]()
SHOWN = pytest.StashKey[list[tuple[str, str]]]()
"""What is shown of a test that fails: titles and texts."""

LACKING = pytest.StashKey[str]()
NOT_APPLICABLE = pytest.StashKey[dict[str, list[str]]]()
"""The tests that this host cannot run, by what it has not."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("initflow", "code against kernelapi.Kernel").addoption(
        "--real-kernel",
        choices=("auto", "require", "off"),
        default="auto",
        help="tests on the real kernel: auto skips them without root, require lets none be skipped, off leaves them out",
    )


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    config.stash[NOT_APPLICABLE] = {}


# -- the real kernel --


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("real_kernel") == "off":
        left_out = [item for item in items if item.get_closest_marker(REAL)]
        if left_out:
            items[:] = [item for item in items if item not in left_out]
            config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if not item.get_closest_marker(REAL):
        return
    if os.geteuid() != 0:
        if item.config.getoption("real_kernel") == "require":
            pytest.fail("--real-kernel=require: the real kernel needs root", pytrace=False)
        pytest.skip("the real kernel needs root")
    if lacking := next(_lacking(item), ""):
        item.stash[LACKING] = lacking
        pytest.skip(f"not applicable: this host has not {lacking}")


def _lacking(item: pytest.Item) -> Iterator[str]:
    """What the test needs, and the host has not."""
    for mark in (*item.iter_markers(REAL), *item.iter_markers(STAGE)):
        if words := mark.kwargs.get("lacking"):
            yield str(words)
        cap = mark.kwargs.get("needs")
        if cap is not None and not _has(cap):
            yield f"CAP_{cap.name}"


def _has(cap: "Cap") -> bool:
    """Whether this process has the capability, as the kernel shows it."""
    masks = re.findall(r"^CapEff:\s*([0-9a-f]+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return bool(int(masks[0], 16) >> cap & 1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With `require`, a test of the real kernel that was skipped has failed: nobody would notice that it was not asked."""
    report = yield
    shown = item.stash.get(SHOWN, None)
    if shown is not None and report.when == "call" and report.failed:
        report.sections.extend(shown)
    if not report.skipped or hasattr(report, "wasxfail") or not item.get_closest_marker(REAL):
        return report
    if LACKING in item.stash:
        item.config.stash[NOT_APPLICABLE].setdefault(item.stash[LACKING], []).append(item.nodeid)
    elif item.config.getoption("real_kernel") == "require":
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"--real-kernel=require: {item.nodeid} was skipped: {why}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for what, names in sorted(config.stash[NOT_APPLICABLE].items()):
        terminalreporter.section(f"{len(names)} not applicable on this host, which has not {what}")
        for name in names:
            terminalreporter.line(name)


# -- a test as a process --


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.real_kernel)])
def kernel(request: pytest.FixtureRequest) -> "Subject":
    """A kernel (`kernelapi.Kernel`): the test runs as a process of it, in fresh namespaces, as root; once simulated, once real.

    The real one is there as root alone. `@pytest.mark.kernel_stage(tree=True)` asks for a small root file system with busybox,
    `needs=Cap.X` names a capability that a host may lack, `deadline` how many seconds the test may take for real.
    """
    from initflow.pytest_kernel import Subject

    options: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers(STAGE))):
        options |= mark.kwargs
    unknown = sorted(set(options) - {"tree", "needs", "deadline"})
    if unknown:
        pytest.fail(f"@pytest.mark.{STAGE} has no option {unknown[0]}: it has tree, needs and deadline", pytrace=False)
    subject = Subject(request.param, **options)
    request.node.stash[SUBJECT] = subject
    return subject


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    subject = pyfuncitem.stash.get(SUBJECT, None)
    if subject is None:
        return None
    from initflow.pytest_kernel import run

    given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    def body(kernel: object) -> None:
        pyfuncitem.obj(**{name: kernel if value is subject else value for name, value in given.items()})

    raised, calls = run(subject, body)
    if raised is not None:
        pyfuncitem.stash[SHOWN] = [(f"the last calls on the {subject.name} kernel", calls)] if calls else []
        raise raised
    return True


# -- a machine --


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> "Iterator[Machine]":
    """A fresh `fakekernel.machine.Machine` that looks after every call for a state that can never be.

    A test in which a program has crashed fails, though the machine itself goes on. Of a test that fails is shown who waits for
    what, and the last calls.
    """
    from fakekernel.machine import Machine

    machine = Machine(checks=True)
    request.node.stash[MACHINE] = machine
    yield machine
    machine.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    try:
        yield
    except Exception:
        if MACHINE in item.stash:
            machine = item.stash[MACHINE]
            crashes = _crashes(machine)
            item.stash[SHOWN] = [*([("programs that crashed", crashes)] if crashes else []), *_sections(machine)]
        raise
    if MACHINE in item.stash and (crashes := _crashes(item.stash[MACHINE])):
        item.stash[SHOWN] = list(_sections(item.stash[MACHINE]))
        pytest.fail(crashes, pytrace=False)


def _crashes(machine: "Machine") -> str:
    crashed = (process for process in machine.scheduler.ended if process.crash)
    return "\n".join(f"process {process.name} ({process.task.comm}) crashed:\n{process.crash}" for process in crashed)


def _sections(machine: "Machine") -> Iterator[tuple[str, str]]:
    """What there is to know of a machine at the end of a test that failed."""
    from initflow.pytest_kernel import CALLS
    from kernelapi.notation import render

    waiting = [f"process {who.process} ({who.comm}) in {who.call}: {who.reason}" for who in machine.scheduler.waiting()]
    if waiting:
        yield "who waits for what", "\n".join(waiting)
    if machine.events:
        yield "the last calls", "\n".join(f"{event.process:<6} {render(event)}" for event in machine.events[-CALLS:])
