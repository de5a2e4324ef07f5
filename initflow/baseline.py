"""A baseline: the findings that are known, as `verify --json` wrote them; a later run is held against it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from initflow.report import SCHEMA


class BaselineError(ValueError):
    """A baseline cannot be used: one sentence that names the file and what is wrong."""


class _Violation(msgspec.Struct):
    invariant: str


class _Result(msgspec.Struct):
    config: str
    outcome: str
    violations: list[_Violation] = []


class _Document(msgspec.Struct):
    schema: str
    results: list[_Result]


Findings = frozenset[str]
"""What a configuration is known for: its outcome, and the ids of the invariants that it breaks."""


def load(path: Path) -> dict[str, Findings]:
    """The known findings by the file name of the configuration. Raises `BaselineError`."""
    try:
        document = msgspec.json.decode(path.read_bytes(), type=_Document)
    except OSError as error:
        raise BaselineError(f"{path}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise BaselineError(f"{path}: not what `verify --json` writes: {error}") from None
    if document.schema != SCHEMA:
        raise BaselineError(f"{path}: its schema is {document.schema!r}, expected {SCHEMA!r}")
    return {
        Path(result.config).name: frozenset((f"outcome {result.outcome}", *(item.invariant for item in result.violations)))
        for result in document.results
    }


def findings(result: Mapping[str, Any], ignored: Iterable[str] = ()) -> Findings:
    """The findings of one entry of `results`."""
    ids = {violation["invariant"] for violation in result["violations"]} - set(ignored)
    return frozenset((f"outcome {result['outcome']}", *ids))


CLEAN: Findings = frozenset(("outcome executed",))
"""What is expected of a configuration without a baseline."""
