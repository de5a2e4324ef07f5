"""`initflow verify`: run configurations through the flow, and judge what happens."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from initflow.commands.refusal import fail, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console


@click.command("verify", options_metavar="[OPTIONS]", short_help="Run configurations through the flow, and judge what happens.")
@click.argument("configs", nargs=-1, metavar="CONFIG... [-- ARG...]")
@click.option("--rootfs", metavar="DIR", help="The container's root file system. Default: a small busybox tree.")
@click.option("--image", metavar="NAME", help="A named image instead, or several joined by \"+\"; \"list\" shows them.")
@click.option("--caller", metavar="NAME", help="Who starts the runtime, or several in one; \"list\" shows them.")
@click.option(
    "--variant", metavar="NAME", multiple=True, help="Change each CONFIG; \"list\" shows how. May be repeated."
)
@click.option("--exec-in", is_flag=True, help="Let the container run, then bring the payload into it as a second process.")
@click.option(
    "--lsm", type=click.Choice(["none", "apparmor", "selinux"]),
    help="The security module of the host, and of the runtime's build. Default: none, or what --host says.",
)  # fmt: skip
@click.option("--trace", is_flag=True, help="Show every call.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead.")
@click.option(
    "--expect", metavar="FILE", help="Known findings, as an earlier --json wrote them."
)
@click.option("--ignore", metavar="ID", multiple=True, help="Do not count this invariant. May be repeated.")
@click.option("--host", metavar="FILE", help="Simulate the host that `initflow host-profile` has written to this file.")
@click.pass_context
def command(
    context: click.Context,
    configs: tuple[str, ...],
    rootfs: str | None,
    image: str | None,
    caller: str | None,
    variant: tuple[str, ...],
    exec_in: bool,
    lsm: str | None,
    trace: bool,
    as_json: bool,
    expect: str | None,
    ignore: tuple[str, ...],
    host: str | None,
) -> None:
    """Run each CONFIG (a container.json) through the init flow on a simulated kernel: show step by step what it does, then
    which invariants it breaks.

    What follows "--" is the payload's command line, /bin/true by default. No root is needed, and the same input gives the same
    output.

    With --exec-in it is judged what a second process in a running container gets: the container's first one sleeps.
    """
    from rich.console import Console

    from fakekernel.loading import TreeError
    from initflow import baseline, callers, hosts, images, report
    from initflow.callers import CALLERS, DEFAULT_CALLER
    from initflow.configuration import ConfigurationError, load
    from initflow.images import DEFAULT_IMAGE, IMAGES
    from initflow.invariants.catalogue import INVARIANTS
    from initflow.variants import VARIANTS, varied
    from initflow.verification import DEFAULT_PAYLOAD, HOST, LASTING_PAYLOAD, NotRunning, verify
    from kernelapi.releases import doubts
    from kernelapi.testing.golden import releases

    oddities = {
        "image": {name: each.oddity for name, each in IMAGES.items()},
        "caller": {name: each.oddity for name, each in CALLERS.items()},
        "variant": {name: each.oddity for name, each in VARIANTS.items()},
    }
    for option, word in (("image", image), ("caller", caller), *(("variant", name) for name in variant)):
        if word == "list":
            _list(oddities[option])
            return
        for part in word.split("+") if word is not None else ():
            if part not in oddities[option]:
                unknown(option, part, oddities[option])
    if not configs:
        raise click.MissingParameter(ctx=context, param=context.command.params[0])
    if rootfs is not None and image is not None:
        fail("--rootfs and --image: the root file system can be only one of the two")
    args = tuple(context.obj or DEFAULT_PAYLOAD)
    unheard = [id for id in ignore if id not in INVARIANTS]
    if unheard:
        fail(f"--ignore {unheard[0]}: there is no such invariant")
    try:
        machine = hosts.load(Path(host)) if host is not None else HOST
        known = baseline.load(Path(expect)) if expect is not None else {}
        loaded = [load(path) for path in configs]
        if lsm is not None:
            machine = replace(machine, security_modules=() if lsm == "none" else (lsm,))
    except (ConfigurationError, baseline.BaselineError, hosts.HostError) as error:
        fail(str(error))
    if doubt := doubts(machine.release, releases()):
        click.echo(f"initflow: {host}: {doubt}", err=True)
    console = Console(highlight=False, soft_wrap=False)
    documents: list[dict[str, Any]] = []
    as_expected = True
    for item in loaded:
        try:
            result = verify(
                varied(item.configuration, variant),
                args,
                into=LASTING_PAYLOAD if exec_in else None,
                image=Path(rootfs) if rootfs is not None else images.named(image or DEFAULT_IMAGE.name),
                caller=callers.named(caller or DEFAULT_CALLER.name),
                host=machine,
            )
        except TreeError as error:
            fail(str(error))
        except NotRunning as error:
            fail(f"{item.origin}: --exec-in: the container that is to be entered does not come to run: {error}")
        document = report.as_json(item.origin, result, item.findings, variant)
        documents.append(document)
        found = baseline.findings(document, ignore)
        wanted = known.get(Path(item.origin).name, baseline.CLEAN) - set(ignore)
        as_expected = as_expected and found == wanted
        if not as_json:
            report.show(console, item.origin, result, item.findings, variant, trace=trace)
            if expect is not None:
                _show_difference(console, found, wanted)
            console.print()
    if as_json:
        click.echo(json.dumps({"schema": report.SCHEMA, "results": documents}, indent=2, ensure_ascii=False))
    context.exit(0 if as_expected else 1)


def _list(oddities: "Mapping[str, str]") -> None:
    formatter = click.HelpFormatter(max_width=120)
    formatter.write_dl(list(oddities.items()))
    click.echo(formatter.getvalue(), nl=False)


def _show_difference(console: "Console", found: frozenset[str], wanted: frozenset[str]) -> None:
    if found == wanted:
        console.print("  exactly the expected findings", style="green")
        return
    for id in sorted(found - wanted):
        console.print(f"  not expected: {id}", style="red", markup=False)
    for id in sorted(wanted - found):
        console.print(f"  expected, and not found: {id}", style="red", markup=False)
