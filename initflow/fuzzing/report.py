"""What `fuzz` shows: a list for people, and the JSON that programs read."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from initflow.baseline import BaselineError
from initflow.fuzzing.campaign import Campaign, Found
from initflow.fuzzing.findings import Kind
from initflow.fuzzing.inputs import Input
from initflow.fuzzing.tokens import token
from initflow.invariants.catalogue import INVARIANTS
from initflow.invariants.model import Severity
from initflow.report import SEVERITY_STYLES

SCHEMA = "initflow.fuzz/1"

SHOWN = 600
"""Characters of a document and of a token that the list shows."""

OURS = {
    Kind.DEFECT: "a defect of initflow, not of your configuration: please report it, with its token",
    Kind.UNMODELLED: "not modelled: what the simulated kernel does not know yet, which says nothing about your configuration",
}
"""What is said of findings that are our own fault."""


def as_json(campaign: Campaign, found: Iterable[Found]) -> dict[str, Any]:
    """The document of `fuzz --json`; see docs/json.md. Nothing in it depends on time or on the number of workers."""
    return {
        "schema": SCHEMA,
        "examples": campaign.examined,
        "seed": campaign.seed,
        "interrupted": campaign.interrupted,
        "outcomes": dict(sorted(campaign.outcomes.items())),
        "findings": [_finding(each) for each in found],
    }


def _finding(found: Found) -> dict[str, Any]:
    finding, shown = found.finding, found.shown
    written = shown.as_json()
    return {
        "id": finding.id,
        "kind": finding.kind.value,
        "invariant": finding.invariant,
        "severity": finding.severity,
        "way": finding.way,
        "count": found.count,
        "shrunk": found.shrunk,
        "explanation": finding.explanation,
        "document": shown.document,
        "image": written.get("image", shown.image.name),
        "caller": shown.caller.name,
        "host": written.get("host", {}),
        "args": list(shown.args),
        "token": token(finding.id, shown),
    }


class _Known(msgspec.Struct):
    id: str


class _Document(msgspec.Struct):
    schema: str
    findings: list[_Known]


def known_findings(path: Path) -> frozenset[str]:
    """The ids in a document that `fuzz --json` wrote earlier. Raises `BaselineError`."""
    try:
        document = msgspec.json.decode(path.read_bytes(), type=_Document)
    except OSError as error:
        raise BaselineError(f"{path}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise BaselineError(f"{path}: not what `fuzz --json` writes: {error}") from None
    if document.schema != SCHEMA:
        raise BaselineError(f"{path}: its schema is {document.schema!r}, expected {SCHEMA!r}")
    return frozenset(each.id for each in document.findings)


def show(console: Console, campaign: Campaign, found: Iterable[Found]) -> None:
    """The list for people: what is our own fault first, then the worst."""
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in campaign.outcomes.most_common())
    examined = f"{campaign.examined} configurations, seed {campaign.seed}"
    console.print(f"{examined}: {outcomes or 'nothing came of them'}", markup=False)
    if campaign.kept:
        console.print(f"{campaign.kept} kept examples of earlier runs came first", markup=False)
    if campaign.interrupted:
        console.print("interrupted: what follows was found by then, and is not all as small as it can be", style="yellow")
    for each in found:
        console.print()
        _show(console, each)


def _show(console: Console, found: Found) -> None:
    finding = found.finding
    if finding.invariant is not None and finding.severity is not None:
        severity = Severity(finding.severity)
        style = SEVERITY_STYLES[severity]
        statement = INVARIANTS[finding.invariant].statement
        title = Text.assemble((finding.id, "bold"), "  ", (severity.value, style), f"  {statement}")
    else:
        title = Text.assemble((finding.id, "bold"), "  ", (OURS[finding.kind], "bold red"))
    console.print(title)
    often = f"{found.count} of the configurations" if found.count else "a kept example"
    step, _, _ = finding.way.rpartition(": ")
    lines = [
        f"{finding.explanation}" + (f" (step {step})" if step.isidentifier() else ""),
        f"{often}; the {'smallest' if found.shrunk else 'smallest seen'}: {shortened(document(found.shown))}",
        *oddities(found.shown),
    ]
    word = token(finding.id, found.shown)
    lines.append(f"initflow replay {word}" if len(word) <= SHOWN else "its token is long: --save writes it to a file")
    for line in lines:
        console.print(Padding(Text(line), (0, 0, 0, 4)), soft_wrap=line.startswith("initflow replay"))


def document(shown: Input) -> str:
    """The configuration in a line, as its file could have it."""
    return shown.data.decode()


def shortened(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"


def oddities(shown: Input) -> list[str]:
    """What beside the configuration is not as `verify` has it by default."""
    found = []
    written = shown.as_json()
    for key in ("image", "caller", "host"):
        if key in written:
            value = written[key]
            found.append(f"{key} {value}" if isinstance(value, str) else f"{key} {shortened(str(value))}")
    if "args" in written:
        found.append(f"payload {shortened(' '.join(map(repr, shown.args)))}")
    return found
