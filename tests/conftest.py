"""Tests marked `privileged` run on the real kernel: skipped without root, and never skipped as root.

A privileged test that skipped itself would leave the real kernel unasked and the run green. So as root a skip is a
failure: of a privileged test, and of a whole file, whose marks nobody gets to see. There is one exception, and it is decided
here alone: a test marked `needs(Cap...)` is not applicable where root itself lacks that capability. Such tests are counted and
named at the end of the run.
"""

import os
import re
from collections.abc import Generator
from pathlib import Path

import pytest

from kernelapi.capability import Cap, CapSet

ROOT = os.geteuid() == 0
LACKING = pytest.StashKey[Cap]()

not_applicable: dict[Cap, list[str]] = {}
"""The tests that this host cannot run, by the capability that they need."""


def effective() -> CapSet:
    """What this process may do, as the kernel shows it."""
    masks = re.findall(r"^CapEff:\s*([0-9a-f]+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return CapSet.from_mask(int(masks[0], 16))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(cap): not applicable where root lacks this capability")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = effective()
    for item in items:
        if not item.get_closest_marker("privileged"):
            continue
        lacking = [cap for mark in item.iter_markers("needs") for cap in mark.args if cap not in here]
        if not ROOT:
            item.add_marker(pytest.mark.skip(reason="needs root"))
        elif lacking:
            item.stash[LACKING] = lacking[0]
            item.add_marker(pytest.mark.skip(reason=f"not applicable: this host has no CAP_{lacking[0].name}"))


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
    for cap, names in sorted(not_applicable.items()):
        terminalreporter.section(f"{len(names)} not applicable on this host, which lacks CAP_{cap.name}")
        for name in names:
            terminalreporter.line(name)


def reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
