"""`initflow conform`: does the simulated kernel answer as Linux does?"""

import json
import os

import click

from initflow.commands.refusal import fail

PROGRAMS = 1000


@click.command("conform", short_help="Compare the simulated kernel with this one, call by call.")
@click.option("--programs", metavar="N", type=click.IntRange(min=0), help=f"So many programs. Default: {PROGRAMS}.")
@click.option("--seed", metavar="S", type=int, default=0, help="Which programs: a seed always gives the same. Default: 0.")
@click.option("--sequences", is_flag=True, help="Every sequence of up to three calls that concern credentials, as well.")
@click.option("--depth", metavar="D", type=click.IntRange(1, 3), default=3, help="So many calls in a sequence. Default: 3.")
@click.option("--workers", metavar="N", type=click.IntRange(min=1), help="Processes that compare. Default: one per processor.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead.")
@click.pass_context
def command(
    context: click.Context,
    programs: int | None,
    seed: int,
    sequences: bool,
    depth: int,
    workers: int | None,
    as_json: bool,
) -> None:
    """Play generated programs of several processes on the simulated kernel and on this one, and compare each answer, and in the
    end the state of every process.

    Each program runs in fresh namespaces, under a deadline. A disagreement is shown as the shortest program that has it, in
    Python that can be run on either kernel. Needs root. With --sequences alone, no programs are played.
    """
    if os.geteuid() != 0:
        fail("conform: the real kernel is asked in fresh namespaces, which needs root")
    from rich.console import Console

    try:
        import kernelapi.linux.network  # noqa: F401
        from initflow.conformance import outcome
    except ModuleNotFoundError as error:
        fail(f"conform: {error.name} is not installed; initflow[linux] brings it")
    count = programs if programs is not None else (0 if sequences else PROGRAMS)
    shown = Console(stderr=True)
    found = outcome.conform(count, seed, depth if sequences else 0, workers or os.cpu_count() or 1, progress=shown)
    if as_json:
        click.echo(json.dumps(outcome.as_json(found), indent=2, ensure_ascii=False))
    else:
        outcome.show(Console(highlight=False, soft_wrap=False), found)
    context.exit(0 if found.holds else 1)
