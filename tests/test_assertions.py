"""`initflow.testing`: what an assertion that fails says."""

import re
from pathlib import Path

import pytest

from initflow import load, verify
from initflow.images import IMAGES
from initflow.run import Outcome
from initflow.testing import NotUpheld, assert_upholds
from initflow.variants import varied
from initflow.verification import Result

MINIMAL = load(Path(__file__).parents[1] / "examples" / "minimal.json").configuration
KNOWN = ("EXE-01", "CAP-02", "CAP-08", "PD-04", "FD-04", "TTY-02")


@pytest.fixture(scope="module")
def result() -> Result:
    return verify(MINIMAL)


def message(*args: object, **options: object) -> str:
    with pytest.raises(NotUpheld) as caught:
        assert_upholds(*args, **options)  # type: ignore[arg-type]
    return str(caught.value)


def test_what_is_known_may_be_ignored(result: Result) -> None:
    assert_upholds(result, ignore=KNOWN)


def test_what_is_broken_is_told_with_statement_reason_step_call_and_explanation(result: Result) -> None:
    text = message(result, ignore=[id for id in KNOWN if id not in ("TTY-02", "PD-04")])
    assert text.startswith("flow libcontainer, image default, caller default: executed\n2 broken invariants:\n\n")
    assert "  TTY-02 (low): A terminal is opened with O_NOCTTY.\n" in text
    assert "A session leader without a controlling terminal gets the one that it opens" in text
    told = r"^    - init, open_console, event \d+, open\(\"/dev/pts/0\", O_RDWR\): it opens the terminal"
    assert re.search(told, text, re.MULTILINE)
    assert text.count("PD-04") == 1
    assert text.count("getppid()") == 2
    assert text.index("PD-04") < text.index("TTY-02")  # the worse first
    assert max(map(len, text.splitlines())) <= 110


def test_its_ids_are_there_for_programs(result: Result) -> None:
    with pytest.raises(NotUpheld) as caught:
        assert_upholds(result, ignore=KNOWN[1:])
    assert caught.value.ids == {"EXE-01"}


def test_a_run_that_did_not_get_to_its_payload_upholds_nothing() -> None:
    refused = verify(MINIMAL, image=IMAGES["bin-missing"])
    text = message(refused, ignore=KNOWN)
    assert text.splitlines()[0].endswith('refused: exec: "/bin/true": stat /bin/true: no such file or directory')
    assert text.splitlines()[1] == "expected: executed; the runtime was told: error"
    assert_upholds(refused, ignore=("PD-04", "FD-04", "TTY-02"), outcome=Outcome.REFUSED)


def test_a_hang_says_who_waits_for_what() -> None:
    text = message(verify(MINIMAL, image=IMAGES["passwd-fifo"]))
    assert "process 1.1 (nsinit) waits in open: a peer at the other end of the FIFO" in text
    assert "- at the end: these wait for ever" in text


def test_what_there_is_not_cannot_be_ignored(result: Result) -> None:
    with pytest.raises(ValueError, match="no invariant CAP-99"):
        assert_upholds(result, ignore=("CAP-99",))


def test_what_is_not_broken_cannot_be_ignored(result: Result) -> None:
    with pytest.raises(ValueError, match="does not break CAP-10"):
        assert_upholds(result, ignore=(*KNOWN, "CAP-10"))
    with pytest.raises(NotUpheld, match="CAP-10"):
        assert_upholds(verify(varied(MINIMAL, ["user-root"])), ignore=("CAP-02",))
