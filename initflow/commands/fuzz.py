"""`initflow fuzz`: run thousands of generated configurations, and list each distinct way in which something is wrong."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from initflow.commands.refusal import fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import Progress

    from initflow.fuzzing.campaign import Campaign, Found, Shelf

INTERRUPTED = 130


def _processors() -> int:
    return len(os.sched_getaffinity(0))


@click.command("fuzz", options_metavar="[OPTIONS]", short_help="Which configurations break an invariant?")
@click.argument("configs", nargs=-1, metavar="[CONFIG...]")
@click.option("--examples", metavar="N", type=click.IntRange(1), default=1000, show_default=True, help="How many to run.")
@click.option("--seed", metavar="S", type=int, default=0, show_default=True, help="Another seed, other configurations.")
@click.option("--workers", metavar="N", type=click.IntRange(1, 256), help="Processes. Default: one for each processor.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead.")
@click.option("--save", metavar="DIR", help="Also write the configuration and the token of each finding into DIR.")
@click.option("--expect", metavar="FILE", help="Known findings, as an earlier --json wrote them.")
@click.option("--ignore", metavar="ID", multiple=True, help="Do not count this finding or invariant.")
@click.option("--database", metavar="DIR", help="Where found examples are kept. Default: in the user's cache.")
@click.option("--no-database", is_flag=True, help="Neither begin with kept examples nor keep what is found.")
@click.pass_context
def command(
    context: click.Context,
    configs: tuple[str, ...],
    examples: int,
    seed: int,
    workers: int | None,
    as_json: bool,
    save: str | None,
    expect: str | None,
    ignore: tuple[str, ...],
    database: str | None,
    no_database: bool,
) -> None:
    """Run generated configurations (or changed copies of each CONFIG) through the init flow on simulated kernels, with images,
    callers and hosts of all kinds, and list each distinct way in which an invariant breaks or a run hangs.

    Each is shown with the smallest configuration that does it, and a token that `initflow replay` runs again. The same options
    find the same, however many workers there are. Found examples are kept, and the next run begins with them. Ctrl-C ends it
    early, with what was found by then and exit status 130.
    """
    from rich.console import Console

    from initflow import strategies
    from initflow.baseline import BaselineError
    from initflow.configuration import ConfigurationError, load
    from initflow.fuzzing import report
    from initflow.fuzzing.campaign import fuzz
    from initflow.fuzzing.findings import Kind

    if no_database and database is not None:
        fail("--database and --no-database: only one of the two")
    documents = []
    try:
        for path in configs:
            load(path)
            documents.append(_document(path))
        known = report.known_findings(Path(expect)) if expect is not None else frozenset()
    except (ConfigurationError, BaselineError) as error:
        fail(str(error))
    if save is not None:
        _make_directory(save)
    workers = workers or _processors()
    changed = strategies.changed(documents) if documents else None
    bar = _Bar()
    campaign = fuzz(
        strategies.inputs(changed),
        examples=examples,
        seed=seed,
        workers=workers,
        kept=None if no_database else _shelf(database, documents),
        progress=bar,
    )
    bar.stop()
    found = [each for each in campaign.found if each.finding.id not in ignore and each.finding.invariant not in ignore]
    if save is not None:
        _save(Path(save), found)
    if as_json:
        click.echo(json.dumps(report.as_json(campaign, found), indent=2))
    else:
        console = Console(highlight=False)
        report.show(console, campaign, found)
        _conclude(console, found, known, expect)
    click.echo(_rate(campaign), err=True)
    if campaign.interrupted:
        context.exit(INTERRUPTED)
    ours = any(each.finding.kind is Kind.DEFECT for each in found)
    context.exit(1 if ours or {each.finding.id for each in found} != known - set(ignore) else 0)


def _document(path: str) -> "dict[str, object]":
    """The object in the file, as Python reads it. What Go's reader accepts beyond that is refused."""
    try:
        document = json.loads(Path(path).read_bytes())
    except (ValueError, RecursionError):
        fail(f"{path}: fuzz takes only what is JSON by the letter")
    if not isinstance(document, dict):
        fail(f"{path}: expected an object")
    return document


def _make_directory(path: str) -> None:
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        fail(f"--save {path}: {error.strerror}")


def _shelf(directory: str | None, documents: "list[dict[str, object]]") -> "Shelf":
    """Where the examples are kept: generated ones together, changed ones by what they were changed from."""
    import hashlib

    from hypothesis.database import DirectoryBasedExampleDatabase

    from initflow.fuzzing.campaign import Shelf

    cache = os.environ.get("XDG_CACHE_HOME", "")
    home = cache if os.path.isabs(cache) else os.path.expanduser("~/.cache")
    place = directory if directory is not None else os.path.join(home, "initflow", "examples")
    name = hashlib.sha256(json.dumps(documents, sort_keys=True).encode()).hexdigest() if documents else "generated"
    return Shelf(DirectoryBasedExampleDatabase(place), name)


class _Bar:
    """The progress bar, on a terminal only: there from the first report on, when the workers have been started."""

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self.phase = ""

    def __call__(self, phase: str, done: int, total: int, findings: int) -> None:
        if not sys.stderr.isatty():
            return
        if self.progress is None:
            self.progress = _progress()
            self.progress.start()
        if phase != self.phase:
            self.phase = phase
            for task in self.progress.task_ids:
                self.progress.remove_task(task)
            self.progress.add_task(phase, total=total, findings=0)
        self.progress.update(self.progress.task_ids[0], completed=done, findings=findings)

    def stop(self) -> None:
        if self.progress is not None:
            self.progress.stop()


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[findings]} findings"),
        console=Console(stderr=True),
        transient=True,
    )


def _save(directory: Path, found: "list[Found]") -> None:
    from initflow.fuzzing.tokens import token

    for each in found:
        try:
            (directory / f"{each.finding.id}.json").write_text(json.dumps(each.shown.document, indent=2) + "\n")
            (directory / f"{each.finding.id}.token").write_text(token(each.finding.id, each.shown) + "\n")
        except OSError as error:
            fail(f"{error.filename}: {error.strerror}")


def _conclude(console: "Console", found: "list[Found]", known: frozenset[str], expect: str | None) -> None:
    console.print()
    console.print(f"{len(found)} findings" if found else "nothing was found", markup=False)
    if expect is None:
        return
    for line in _difference({each.finding.id for each in found}, known):
        console.print(line, style="red", markup=False)


def _difference(found: set[str], known: frozenset[str]) -> "Iterator[str]":
    yield from (f"not expected: {id}" for id in sorted(found - known))
    yield from (f"expected, and not found: {id}" for id in sorted(known - found))


def _rate(campaign: "Campaign") -> str:
    rate = campaign.examined / campaign.seconds if campaign.seconds else 0.0
    plural = "s" if campaign.workers != 1 else ""
    return f"{rate:.1f} configurations a second on {campaign.workers} worker{plural}"
