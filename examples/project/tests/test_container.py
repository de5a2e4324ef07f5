"""The container in which the init is to run, started by the flow of initflow on a simulated machine, and judged."""

from pathlib import Path

import pytest

from initflow import load, verify
from initflow.callers import CALLERS
from initflow.images import IMAGES
from initflow.run import Outcome
from initflow.testing import NotUpheld, assert_upholds

CONTAINER = load(Path(__file__).parent / "container.json").configuration
KNOWN = ("CAP-02", "CAP-08", "EXE-01", "FD-04", "PD-04")
"""What the original flow breaks whatever we configure: `initflow verify tests/container.json` says why."""


def test_the_container_upholds_all_that_is_not_known() -> None:
    assert_upholds(verify(CONTAINER), ignore=KNOWN)


def test_a_descriptor_that_its_caller_leaks_is_found() -> None:
    with pytest.raises(NotUpheld, match="FD-02"):
        assert_upholds(verify(CONTAINER, caller=CALLERS["leaks-directory"]), ignore=KNOWN)


def test_an_image_without_a_program_is_refused() -> None:
    assert_upholds(verify(CONTAINER, image=IMAGES["bin-missing"]), ignore=("FD-04", "PD-04"), outcome=Outcome.REFUSED)
