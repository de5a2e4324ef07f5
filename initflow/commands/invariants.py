"""`initflow invariants`: what a correct init satisfies, and which of that is checked."""

import json

import click

from initflow.commands.refusal import unknown

SCHEMA = "initflow.invariants/1"


@click.command("invariants", short_help="Show what a correct init satisfies, and which of that is checked.")
@click.argument("words", nargs=-1, metavar="[ID|GROUP]...")
@click.option("--all", "unchecked", is_flag=True, help="List what is not checked too, with what it waits for.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead: all lines, unless some are named.")
@click.pass_context
def command(context: click.Context, words: tuple[str, ...], unchecked: bool, as_json: bool) -> None:
    """Show the invariants that `initflow verify` checks; or those with these IDs in full: what must hold, why, how bad it is
    when it does not, when that is decided, and from where it is known.

    A GROUP is the letters of an id, such as CAP.
    """
    from rich.console import Console

    from initflow.invariants.lines import GROUPS
    from initflow.reference import show_invariants as show
    from initflow.reference.catalogue import entries, group

    words = tuple(word.upper() for word in (*words, *(context.obj or ())))
    all = entries()
    for word in words:
        if word not in all and word not in GROUPS:
            unknown("invariant", word, (*all, *GROUPS))
    chosen = [entry for id, entry in all.items() if not words or id in words or group(id) in words]
    if as_json:
        document = {"schema": SCHEMA, "invariants": [show.entry_as_json(entry) for entry in chosen]}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False)
    if not words:
        show.show_overview(console, chosen, unchecked=unchecked)
    for index, entry in enumerate(chosen if words else ()):
        if index:
            console.print()
        show.show_entry(console, entry)
