"""`initflow explain`: the flows, their steps, and why each stands where it stands."""

import json

import click

from initflow.commands.refusal import fail, unknown

SCHEMA = "initflow.explain/1"


@click.command("explain", short_help="Show the steps of a flow, and why each stands where it stands.")
@click.argument("words", nargs=-1, metavar="[FLOW] [STEP]...")
@click.option("--config", metavar="FILE", help="Run this configuration with and without each STEP, and say what differs.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead.")
@click.pass_context
def command(context: click.Context, words: tuple[str, ...], config: str | None, as_json: bool) -> None:
    """Show a FLOW as a tree of steps: of the parent, of the child between clone and exec, of init (or of who enters a running
    container). What stands in quotes is put before the errors of the steps below it. Without any: the original's flow without
    user namespaces.

    Show a STEP in full: its reason, its place and its source, what it hands on, which calls it can make, which invariants
    look at them. After a FLOW it is that flow's; without, any flow's.
    """
    from rich.console import Console

    from initflow.configuration import ConfigurationError, load
    from initflow.flow import Flow, Step
    from initflow.flows import FLOWS, LIBCONTAINER, LIBCONTAINER_SETNS
    from initflow.reference import show_steps as show
    from initflow.reference.experiment import leave_out
    from initflow.reference.steps import Place, places
    from initflow.verification import LASTING_PAYLOAD

    words += tuple(context.obj or ())
    known = list(dict.fromkeys(step.name for flow in FLOWS.values() for step in flow.leaves()))
    flows: list[Flow] = [FLOWS[word] for word in words if word in FLOWS]
    steps: list[tuple[Step, list[Place]]] = []
    for word in words:
        if word in FLOWS:
            continue
        found = [found for flow in flows or FLOWS.values() for found in places(flow, word)]
        if not found and word in known:
            fail(f"{word}: flow {flows[0].name} has no such step")
        if not found:
            unknown("flow or step", word, (*FLOWS, *known))
        for step in dict.fromkeys(step for step, _ in found):
            steps.append((step, [place for other, place in found if other is step]))
    trees = [] if steps else flows or [LIBCONTAINER]
    experiments = {}
    if config is not None:
        if not steps:
            fail("--config: needs a step to leave out")
        try:
            loaded = load(config)
        except ConfigurationError as error:
            fail(str(error))
        for step, where in steps:
            entered = all(place.flow is LIBCONTAINER_SETNS for place in where)
            experiments[step] = leave_out(step, loaded.configuration, into=LASTING_PAYLOAD if entered else None)
    if as_json:
        document = {
            "schema": SCHEMA,
            "flows": [show.flow_as_json(flow) for flow in trees],
            "steps": [show.step_as_json(step, where, experiments.get(step)) for step, where in steps],
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False)
    for index, flow in enumerate(trees):
        if index:
            console.print()
        show.show_flow(console, flow)
    for index, (step, where) in enumerate(steps):
        if index:
            console.print()
        show.show_step(console, step, where)
        if config is not None:
            show.show_experiment(console, config, experiments[step])
    if trees:
        console.print("\nWhat stands in quotes is put before the errors of the steps below it.")
    if not words:
        others = [name for name in FLOWS if name != LIBCONTAINER.name]
        if others:
            console.print(f"Other flows: {', '.join(others)}; initflow explain FLOW shows one.")
        console.print("initflow explain STEP shows a step in full: initflow explain set_uid")
