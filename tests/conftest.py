"""Tests marked `privileged` run on the real kernel: skipped without root, and never skipped as root.

A privileged test that skipped itself would leave the real kernel unasked and the run green. So as root a skip is a
failure: of a privileged test, and of a whole file, whose marks nobody gets to see. There is one exception, and it is decided
here alone: a test marked `takes(case)` is not applicable on a host that has not what the case takes: a capability, a release of
Linux that has the rule, a hierarchy of control groups; one marked `recorded` where nothing was recorded of the host's release.
Such tests are counted and named at the end of the run.
"""

import os
import platform
from collections.abc import Generator

import pytest

from kernelapi.linux.kernel import linux
from kernelapi.releases import release_of
from kernelapi.testing import Case, golden
from kernelapi.testing.stage import what_is_lacking

ROOT = os.geteuid() == 0
LACKING = pytest.StashKey[str]()

not_applicable: dict[str, list[str]] = {}
"""The tests that this host cannot run, by what it lacks."""


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


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "takes(case): not applicable where the host has not what the case takes")
    config.addinivalue_line("markers", "recorded: not applicable where there are no recordings of the host's release")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not item.get_closest_marker("privileged"):
            continue
        if not ROOT:
            item.add_marker(pytest.mark.skip(reason="needs root"))
        elif found := lacking(item):
            item.stash[LACKING] = found
            item.add_marker(pytest.mark.skip(reason=f"not applicable: this host has not {found}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    expected_failure = hasattr(report, "wasxfail")
    if ROOT and report.skipped and not expected_failure and item.get_closest_marker("privileged"):
        if LACKING in item.stash:
            not_applicable.setdefault(item.stash[LACKING], []).append(item.name)
        else:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} was skipped as root: {reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if ROOT and report.skipped:
        report.longrepr = f"{report.nodeid} was skipped as root: {reason(report)}"
        report.outcome = "failed"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for what, names in sorted(not_applicable.items()):
        terminalreporter.section(f"{len(names)} not applicable on this host, which has not {what}")
        for name in names:
            terminalreporter.line(name)


def reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
