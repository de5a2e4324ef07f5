"""The command line."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console

USAGE = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="initflow")
def cli() -> None:
    """An executable reference of container initialisation on Linux.

    Exit status: 0 if what was asked holds (or shows exactly the expected findings), 1 if it does not, 2 for bad usage or input.
    """


@cli.command(options_metavar="[OPTIONS]", short_help="Run configurations through the flow, and judge what happens.")
@click.argument("configs", nargs=-1, required=True, metavar="CONFIG... [-- ARG...]")
@click.option("--rootfs", metavar="DIR", help="The container's root file system. Default: a small busybox tree.")
@click.option("--trace", is_flag=True, help="Show every call.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead.")
@click.option(
    "--expect", metavar="FILE", help="Known findings, as an earlier --json wrote them."
)
@click.option("--ignore", metavar="ID", multiple=True, help="Do not count this invariant. May be repeated.")
@click.pass_context
def verify(
    context: click.Context,
    configs: tuple[str, ...],
    rootfs: str | None,
    trace: bool,
    as_json: bool,
    expect: str | None,
    ignore: tuple[str, ...],
) -> None:
    """Run each CONFIG (a container.json) through the init flow on a simulated kernel: show step by step what it does, then
    which invariants it breaks.

    What follows "--" is the payload's command line, /bin/true by default. No root is needed, and the same input gives the same
    output.
    """
    from fakekernel.loading import TreeError
    from initflow import baseline, report
    from initflow.configuration import ConfigurationError, load
    from initflow.invariants.catalogue import INVARIANTS
    from initflow.scope import beyond
    from initflow.verification import DEFAULT_PAYLOAD
    from initflow.verification import verify as verify_one

    args = tuple(context.obj or DEFAULT_PAYLOAD)
    unknown = [id for id in ignore if id not in INVARIANTS]
    if unknown:
        fail(f"--ignore {unknown[0]}: there is no such invariant")
    try:
        known = baseline.load(Path(expect)) if expect is not None else {}
        loaded = [load(path) for path in configs]
        for item in loaded:
            for finding in beyond(item.configuration):
                raise ConfigurationError(item.origin, finding.place, finding.message)
    except (ConfigurationError, baseline.BaselineError) as error:
        fail(str(error))
    console = Console(highlight=False, soft_wrap=False)
    documents: list[dict[str, Any]] = []
    as_expected = True
    for item in loaded:
        try:
            result = verify_one(item.configuration, args, image=Path(rootfs) if rootfs is not None else None)
        except TreeError as error:
            fail(str(error))
        document = report.as_json(item.origin, result, item.findings)
        documents.append(document)
        found = baseline.findings(document, ignore)
        wanted = known.get(Path(item.origin).name, baseline.CLEAN) - set(ignore)
        as_expected = as_expected and found == wanted
        if not as_json:
            report.show(console, item.origin, result, item.findings, trace=trace)
            if expect is not None:
                _show_difference(console, found, wanted)
            console.print()
    if as_json:
        click.echo(json.dumps({"schema": report.SCHEMA, "results": documents}, indent=2, ensure_ascii=False))
    context.exit(0 if as_expected else 1)


def _show_difference(console: Console, found: frozenset[str], wanted: frozenset[str]) -> None:
    if found == wanted:
        console.print("  exactly the expected findings", style="green")
        return
    for id in sorted(found - wanted):
        console.print(f"  not expected: {id}", style="red", markup=False)
    for id in sorted(wanted - found):
        console.print(f"  expected, and not found: {id}", style="red", markup=False)


def fail(sentence: str) -> NoReturn:
    """End with status 2 and one sentence on standard error."""
    click.echo(f"initflow: {sentence}", err=True)
    sys.exit(USAGE)


def main(argv: Sequence[str] | None = None) -> None:
    """The command `initflow`. What follows the first "--" is not its own, but the payload's command line."""
    words = list(sys.argv[1:] if argv is None else argv)
    payload: list[str] = []
    if "--" in words:
        cut = words.index("--")
        words, payload = words[:cut], words[cut + 1 :]
    cli.main(args=words, prog_name="initflow", obj=payload)
