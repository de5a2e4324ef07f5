"""`initflow rules`: how the calls of Linux fail, and what they change besides."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from initflow.commands.refusal import unknown

if TYPE_CHECKING:
    from initflow.conformance.coverage import Coverage
    from kernelapi.rules import Rule

SCHEMA = "initflow.rules/1"


@click.command("rules", short_help="Show how a call of Linux can fail, and what it changes besides.")
@click.argument("words", nargs=-1, metavar="[CALL|FAMILY|ID]...")
@click.option(
    "--coverage", "covered", is_flag=True, help="Show which rows a real kernel has confirmed instead: status 1 if any is open."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead.")
@click.pass_context
def command(context: click.Context, words: tuple[str, ...], covered: bool, as_json: bool) -> None:
    """Show the rows of each CALL: every way in which it is refused, in the order in which Linux checks them, and every change
    that its name does not promise.

    A FAMILY holds the rows that several calls share, such as "lookup"; an ID is that of one row. Without any: all calls, with
    the number of their rows.
    """
    from rich.console import Console

    from initflow.reference import show_rules as show
    from kernelapi.kernel import CALLS
    from kernelapi.protocol.families import FAMILIES
    from kernelapi.rules import rules

    words += tuple(context.obj or ())
    rows = {row.id: row for row in rules()}
    for word in words:
        if word not in CALLS and word not in FAMILIES and word not in rows:
            unknown("call, family or row", word, (*CALLS, *FAMILIES, *rows))
    if covered:
        from initflow.reference.rules import rows_of
        from initflow.reference.show_coverage import coverage_as_json, show_coverage

        found = _coverage(rows_of(words) if words else list(rows.values()))
        if as_json:
            click.echo(json.dumps({"schema": SCHEMA, "coverage": coverage_as_json(found)}, indent=2, ensure_ascii=False))
        else:
            show_coverage(Console(highlight=False), found)
        context.exit(0 if found.holds or (words and not found.open) else 1)
    if as_json:
        document = {
            "schema": SCHEMA,
            "calls": [show.call_as_json(CALLS[name]) for name in words or CALLS if name in CALLS],
            "families": [show.family_as_json(name) for name in words or FAMILIES if name in FAMILIES],
            "rows": [show.row_as_json(rows[word]) for word in words if word in rows],
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False)
    if not words:
        show.show_overview(console)
    for index, word in enumerate(words):
        if index:
            console.print()
        if word in CALLS:
            show.show_call(console, CALLS[word])
        elif word in FAMILIES:
            show.show_family(console, word)
        else:
            show.show_row(console, rows[word])


def _coverage(rows: "Iterable[Rule]") -> "Coverage":
    """What the recordings say of the rows; a terminal sees how far it has got."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from initflow.conformance.coverage import coverage, gather
    from kernelapi.testing import all_cases

    rows = list(rows)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        playing = progress.add_task("cases played", total=len(all_cases()))
        looking = progress.add_task("rows turned off", total=len(rows))
        evidence = gather(told=lambda case: progress.advance(playing))
        return coverage(evidence, rows, told=lambda row: progress.advance(looking))
