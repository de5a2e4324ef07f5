"""`initflow replay`: run what a token of `initflow fuzz` holds once more."""

import json
import sys
from typing import TYPE_CHECKING

import click

from initflow.commands.refusal import fail

if TYPE_CHECKING:
    from rich.console import Console

    from initflow.fuzzing.inputs import Input


@click.command("replay", options_metavar="[OPTIONS]", short_help="Run what a token of `fuzz` stands for once more.")
@click.argument("token", metavar="TOKEN")
@click.option("--trace", is_flag=True, help="Show every call.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead.")
@click.pass_context
def command(context: click.Context, token: str, trace: bool, as_json: bool) -> None:
    """Run the configuration, with the image, caller, host and payload, that TOKEN holds; show the run as `verify` does, and say
    whether the finding that TOKEN names shows. "-" reads it from standard input.

    Exit status: 1 if the finding shows, 0 if it does not any more, 2 if TOKEN is none.
    """
    from rich.console import Console

    from initflow.fuzzing.findings import examine
    from initflow.fuzzing.report import oddities
    from initflow.fuzzing.tokens import TokenError, read_token

    try:
        id, shown = read_token(sys.stdin.read() if token == "-" else token)
    except TokenError as error:
        fail(f"this is no token of `initflow fuzz`: {error}")
    examination = examine(shown, thorough=True)
    finding = examination.findings.get(id)
    if as_json:
        found = {
            "schema": "initflow.replay/1",
            "id": id,
            "shows": finding is not None,
            "explanation": finding.explanation if finding is not None else None,
            "outcome": examination.outcome,
            "findings": sorted(examination.findings),
            **shown.as_json(),
        }
        click.echo(json.dumps(found, indent=2))
        context.exit(1 if finding is not None else 0)
    console = Console(highlight=False)
    console.print(json.dumps(shown.document, indent=2), markup=False, soft_wrap=True)
    for line in oddities(shown):
        console.print(line, markup=False)
    console.print()
    _show_run(console, shown, trace=trace)
    console.print()
    if finding is None:
        console.print(f"{id} does not show", style="green", markup=False)
    else:
        console.print(f"{id} shows: {finding.explanation}", style="red", markup=False)
    context.exit(1 if finding is not None else 0)


def _show_run(console: "Console", shown: "Input", *, trace: bool) -> None:
    """The report of `verify`; where the run fails for a reason of ours, the sentence at the end has to do."""
    from initflow import report
    from initflow.configuration import ConfigurationError, decode
    from initflow.verification import verify
    from kernelapi.errors import ModelError

    try:
        loaded = decode(shown.data, "container.json")
        result = verify(loaded.configuration, shown.args, image=shown.image, caller=shown.caller, host=shown.host)
    except ConfigurationError as error:
        console.print(str(error), markup=False)
    except ModelError as error:
        console.print(f"it cannot be run to its end: {error}", markup=False)
    else:
        report.show(console, loaded.origin, result, loaded.findings, trace=trace)
