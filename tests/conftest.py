"""Tests marked `privileged` run on the real kernel: skipped without root, and never skipped as root.

A privileged test that skipped itself would leave the real kernel unasked and the run green. So as root a skip is a
failure: of a privileged test, and of a whole file, whose marks nobody gets to see.
"""

import os
from collections.abc import Generator

import pytest

ROOT = os.geteuid() == 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not ROOT:
        for item in items:
            if item.get_closest_marker("privileged"):
                item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    expected_failure = hasattr(report, "wasxfail")
    if ROOT and report.skipped and not expected_failure and item.get_closest_marker("privileged"):
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


def reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
