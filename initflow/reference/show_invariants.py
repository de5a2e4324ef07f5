"""The invariants as people and programs see them."""

from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from initflow.invariants.lines import GROUPS, Status
from initflow.reference.catalogue import Entry, group, moment, summary, told


def entry_as_json(entry: Entry) -> dict[str, Any]:
    invariant, line = entry.invariant, entry.line
    return {
        "id": entry.id,
        "statement": entry.statement,
        "status": entry.status.value,
        "in_catalogue": not entry.is_ours,
        "reason": invariant.reason if invariant is not None else None,
        "severity": invariant.severity.value if invariant is not None else None,
        "moment": moment(invariant.at) if invariant is not None else None,
        "source": invariant.source if invariant is not None else None,
        "waits_for": line.waits if line is not None and entry.status is Status.WAITS else None,
        "not_decidable": line.undecidable if line is not None and entry.status is Status.NOT_DECIDABLE else None,
    }


def show_overview(console: Console, entries: list[Entry], *, unchecked: bool) -> None:
    """A line for each that is checked; with `unchecked`, for each of the others too."""
    shown = [entry for entry in entries if unchecked or entry.status is Status.CHECKED]
    for letters, title in GROUPS.items():
        members = [entry for entry in shown if group(entry.id) == letters]
        if not members:
            continue
        console.print(Text(title, style="bold"))
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column(min_width=11, no_wrap=True)
        table.add_column(min_width=6, no_wrap=True)
        table.add_column()
        for entry in members:
            checked = entry.status is Status.CHECKED
            severity = entry.invariant.severity.value if entry.invariant is not None else "-"
            statement = Text(entry.statement) if checked else Text.assemble(entry.statement, (f" ({told(entry)})", "dim"))
            table.add_row(f"  {entry.id}", severity, statement)
        console.print(table)
        console.print()
    console.print(f"{summary(entries)}{'' if unchecked else ' (--all lists those)'}.")
    console.print("initflow invariants ID shows one in full: initflow invariants CAP-02")


def show_entry(console: Console, entry: Entry) -> None:
    console.print(Text.assemble((entry.id, "bold"), f"  {told(entry)}"))
    console.print(Padding(Text(entry.statement), (0, 0, 0, 2)))
    if entry.invariant is not None:
        console.print(Padding(Text(entry.invariant.reason), (0, 0, 0, 2)))
        console.print(Padding(Text(entry.invariant.source, style="dim"), (0, 0, 0, 2)))
    if entry.is_ours:
        console.print(Padding(Text("An addition of ours to the catalogue.", style="dim"), (0, 0, 0, 2)))
