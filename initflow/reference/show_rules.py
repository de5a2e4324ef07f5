"""The rows of the rules as people and programs see them."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from initflow.reference import rules as reference
from kernelapi.call import Call
from kernelapi.protocol.families import FAMILIES
from kernelapi.rules import Refusal, Rule, rules

WIDE = 130
"""From this many columns on, a row is one line of a table."""

# -- for programs --


def call_as_json(call: Call) -> dict[str, Any]:
    return {
        "name": call.name,
        "signature": reference.signature(call),
        "meaning": reference.meaning(call),
        "narrower_name_of": call.general.name if call.general is not None else None,
        "refusals": [row_as_json(row) for row in call.refusals],
        "effects": [row_as_json(row) for row in call.effects],
    }


def family_as_json(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "meaning": FAMILIES[name],
        "calls": list(reference.members(name)),
        "rows": [row_as_json(row) for row in reference.families()[name]],
    }


def row_as_json(row: Rule) -> dict[str, Any]:
    refusal = row if isinstance(row, Refusal) else None
    return {
        "id": row.id,
        "kind": "refusal" if refusal else "effect",
        "call": row.call,
        "errno": refusal.errno_name if refusal else None,
        "depends": refusal.depends.value if refusal else None,
        "cause": row.cause,
        "source": row.source,
        "since": row.since,
        "until": row.until,
        "excuse": row.excuse,
        "calls": list(reference.callers(row)),
    }


# -- for people --


def show_overview(console: Console) -> None:
    rows = list(rules())
    for noun, calls in reference.nouns().items():
        console.print(Text(reference.title(noun), style="bold"))
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column(min_width=30, no_wrap=True)
        table.add_column()
        for call in calls:
            table.add_row(f"  {call.name}", _numbers(call))
        console.print(table)
        console.print()
    console.print(Text("Families: rows that several calls share", style="bold"))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(min_width=30, no_wrap=True)
    table.add_column()
    for name, shared in reference.families().items():
        table.add_row(f"  {name}", f"{_counted(len(shared), 'row')}: {FAMILIES[name]}")
    console.print(table)
    excused = sum(row.excuse is not None for row in rows)
    number = sum(map(len, reference.nouns().values()))
    console.print(f"\n{number} calls, {len(rows)} rows; {excused} of these cannot be provoked by tests on the real kernel.")
    console.print("initflow rules CALL shows the rows of one: initflow rules setuid")


def _numbers(call: Call) -> str:
    if call.general is not None:
        return f"a narrower name of {call.general.name}"
    refusals, effects = len(call.refusals), len(call.effects)
    told = [_counted(refusals, "refusal")] if refusals else ["never refused"]
    return ", ".join(told + ([_counted(effects, "effect")] if effects else []))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def show_call(console: Console, call: Call) -> None:
    console.print(Text(reference.signature(call), style="bold"))
    console.print(Padding(Text(reference.meaning(call)), (0, 0, 0, 2)))
    if names := reference.aliases(call):
        console.print(Padding(Text(f"Narrower names: {', '.join(names)}."), (0, 0, 0, 2)))
    console.print()
    if call.refusals:
        console.print("  Refused, in the order of the checks; in parentheses what decides:\n")
        _show_rows(console, call.refusals)
    else:
        console.print("  Never refused.")
    if call.effects:
        console.print("\n  What it changes besides:\n")
        _show_rows(console, call.effects)


def show_family(console: Console, name: str) -> None:
    console.print(Text.assemble((name, "bold"), f"  {FAMILIES[name]}"))
    console.print(Padding(Text(f"Rows of {', '.join(reference.members(name))}."), (0, 0, 1, 2)))
    _show_rows(console, reference.families()[name])


def show_row(console: Console, row: Rule) -> None:
    errno = (f"{row.errno_name}  ", "cyan") if isinstance(row, Refusal) else ""
    console.print(Text.assemble(errno, (row.id, "bold")))
    for line in (_told(row), Text(row.source, style="dim"), f"A row of {', '.join(reference.callers(row))}."):
        console.print(Padding(line, (0, 0, 0, 2)))


def _show_rows(console: Console, rows: Sequence[Rule]) -> None:
    if console.width >= WIDE:
        _show_table(console, rows)
    else:
        _show_list(console, rows)


def _show_table(console: Console, rows: Sequence[Rule]) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(justify="right", min_width=4)
    has_errnos = any(isinstance(row, Refusal) for row in rows)
    if has_errnos:
        table.add_column(no_wrap=True, style="cyan")
    table.add_column(no_wrap=True, style="bold")
    table.add_column(ratio=3)
    table.add_column(ratio=2, style="dim")
    for number, row in enumerate(rows, 1):
        errno = row.errno_name if isinstance(row, Refusal) else ""
        table.add_row(str(number), *([errno] if has_errnos else []), row.id, _told(row), row.source)
    console.print(table)


def _show_list(console: Console, rows: Sequence[Rule]) -> None:
    for number, row in enumerate(rows, 1):
        errno = (f"{row.errno_name}  ", "cyan") if isinstance(row, Refusal) else ""
        console.print(Text.assemble(f"{number:4}  ", errno, (row.id, "bold")))
        console.print(Padding(_told(row), (0, 0, 0, 6)))
        console.print(Padding(Text(row.source, style="dim"), (0, 0, 0, 6)))


def _told(row: Rule) -> Text:
    """The cause, on what it depends, and what else is to be said."""
    decider = f" ({row.depends.value})" if isinstance(row, Refusal) else ""
    remarks = [Text(remark, style="dim") for remark in reference.notes(row)]
    return Text("\n").join([Text.assemble(row.cause, (decider, "dim")), *remarks])
