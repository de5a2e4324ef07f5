"""Which rows a real kernel has confirmed, as people and programs see it."""

from itertools import groupby
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from initflow.conformance.coverage import MAY_BE_EXCUSED, Coverage
from kernelapi.rules import Rule, shown_by


def coverage_as_json(found: Coverage) -> dict[str, Any]:
    return {
        "release": found.release,
        "total": found.total,
        "confirmed": [{"row": row.id, "case": case.name} for row, case in found.confirmed.items()],
        "excused": [{"row": row.id, "excuse": row.excuse, "shown_by": _command(row)} for row in found.excused],
        "open": [{"row": row.id, "reason": reason} for row, reason in found.open.items()],
    }


def show_coverage(console: Console, found: Coverage) -> None:
    part = len(found.excused) / found.total if found.total else 0.0
    console.print(Text(f"Rows that Linux {found.release} has confirmed, by its recorded answers", style="bold"))
    for number, what in (
        (len(found.confirmed), "confirmed: turned off, the simulated kernel disagrees with a recording"),
        (len(found.excused), f"excused: a test host cannot provoke them; {part:.1%} of all, at most {MAY_BE_EXCUSED:.0%}"),
        (len(found.open), "open"),
    ):
        console.print(f"{number:7}  {what}", markup=False)
    for command, rows in groupby(sorted(found.excused, key=_command), _command):
        console.print(Text.assemble(("\nExcused; that this host cannot, is shown by  ", "bold"), (command, "cyan")))
        for row in rows:
            console.print(Padding(Text.assemble(row.id, (f"  {row.excuse}", "dim")), (0, 0, 0, 2)))
    if found.open:
        console.print(Text("\nOpen", style="bold red"))
        for row, reason in found.open.items():
            console.print(Padding(Text.assemble(row.id, (f"  {reason}", "dim")), (0, 0, 0, 2)))


def _command(row: Rule) -> str:
    assert row.excuse is not None
    return shown_by(row.excuse)
