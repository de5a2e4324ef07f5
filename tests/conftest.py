"""Tests marked `privileged` run on the real kernel: skipped without root, and never skipped as root.

They are what the pytest plugin of the distribution calls tests of the real kernel, with `--real-kernel=require` where this is
root: a privileged test that skipped itself would leave the real kernel unasked and the run green. A whole file, whose marks
nobody gets to see, may not be skipped then either. There is one exception, and it is decided here alone: a test marked
`takes(case)` is not applicable on a host that has not what the case takes: a capability, a release of Linux that has the rule,
a hierarchy of control groups; one marked `recorded` where nothing was recorded of the host's release. Such tests are counted
and named at the end of the run.
"""

import os
import platform
from collections.abc import Callable, Generator

import pytest

from kernelapi.linux.kernel import linux
from kernelapi.releases import release_of
from kernelapi.testing import Case, golden
from kernelapi.testing.stage import what_is_lacking

ROOT = os.geteuid() == 0

FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes a line that is shown at the end of the run: how much was compared, and how much of it agreed."""
    return request.config.stash.setdefault(FIGURES, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if lines := config.stash.get(FIGURES, []):
        terminalreporter.section("how the simulated kernel compares")
        for line in lines:
            terminalreporter.line(line)


def applicable(case: Case) -> list[pytest.MarkDecorator]:
    """The mark of a test that plays a case on the real kernel."""
    return [pytest.mark.takes(case)]


def lacking(item: pytest.Item) -> str:
    """What the host has not, and a test needs."""
    for mark in item.iter_markers("takes"):
        if found := what_is_lacking(linux(), *mark.args):
            return found
    if item.get_closest_marker("recorded") and release_of(platform.release()) not in golden.releases():
        return f"a recording of Linux {release_of(platform.release())} ({golden.HOW})"
    return ""


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    if not pluginmanager.has_plugin("initflow"):  # the distribution, as it is installed here, does not name it yet
        pluginmanager.import_plugin("initflow.pytest_plugin")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "takes(case): not applicable where the host has not what the case takes")
    config.addinivalue_line("markers", "recorded: not applicable where there are no recordings of the host's release")
    if ROOT and config.getoption("real_kernel") == "auto":
        config.option.real_kernel = "require"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("real_kernel"):
            item.add_marker(pytest.mark.privileged)
        elif item.get_closest_marker("privileged"):
            item.add_marker(pytest.mark.real_kernel(lacking=lacking(item) if ROOT else ""))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if ROOT and report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.longrepr = f"{report.nodeid} was skipped as root: {reason}"
        report.outcome = "failed"
    return report
