"""The flows and their steps as people and programs see them."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from initflow.flow import Flow, Group, Step
from initflow.invariants.model import Invariant
from initflow.reference import steps as reference
from initflow.reference.experiment import Experiment
from initflow.reference.steps import Place
from initflow.reference.watchers import watchers

WIDE = 110
"""From this many columns on, what a step is for stands beside its name."""

INDENT = 2


# -- for programs --


def flow_as_json(flow: Flow) -> dict[str, Any]:
    parts = [{"part": name, **node_as_json(group)} for name, group in reference.parts(flow).items()]
    return {"name": flow.name, "doc": flow.doc, "parts": parts}


def node_as_json(node: Group | Step) -> dict[str, Any]:
    if isinstance(node, Step):
        return {"kind": "step", **_step(node)}
    return {
        "kind": "group",
        "prefix": node.prefix,
        "doc": node.doc,
        "condition": reference.condition(node) or None,
        "children": [node_as_json(child) for child in node.children],
    }


def step_as_json(step: Step, places: list[Place], experiment: Experiment | None) -> dict[str, Any]:
    """One step in full; `places` are those at which it stands, `experiment` shows what happens without it."""
    return {
        **_step(step),
        "places": [
            {
                "flow": place.flow.name,
                "part": place.part,
                "prefix": place.prefix,
                "conditions": list(place.conditions),
                "after": place.previous,
                "before": place.next,
                "filled_by": {slot: list(reference.writers(place, slot)) for slot in step.reads},
                "read_by": {slot: list(reference.readers(place, slot)) for slot in step.writes},
                "invariants": [invariant.id for invariant in watchers(step, place)],
            }
            for place in places
        ],
        "without_it": _experiment(experiment) if experiment is not None else None,
    }


def _experiment(experiment: Experiment) -> dict[str, Any]:
    return {
        "outcome": experiment.without.outcome.value,
        "message": experiment.without.message,
        "broken": [invariant.id for invariant in experiment.broken],
        "mended": [invariant.id for invariant in experiment.mended],
    }


def _step(step: Step) -> dict[str, Any]:
    file, line = reference.source(step)
    return {
        "name": step.name,
        "doc": list(reference.paragraphs(step.doc)),
        "reads": list(step.reads),
        "writes": list(step.writes),
        "calls": [call.name for call in reference.calls(step)],
        "file": file,
        "line": line,
    }


# -- for people --


def show_flow(console: Console, flow: Flow) -> None:
    console.print(Text.assemble((flow.name, "bold"), f"  {flow.doc}"))
    for name, group in reference.parts(flow).items():
        console.print()
        console.print(Text.assemble((name, "bold magenta"), f"  {group.doc}"))
        if console.width >= WIDE:
            table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
            table.add_column(no_wrap=True)
            table.add_column()
            for depth, node, prefix in _nodes(group):
                table.add_row(Text(" " * INDENT * depth) + _headed(node), _told(node, prefix))
            console.print(table)
        else:
            for depth, node, prefix in _nodes(group):
                console.print(Padding(_headed(node), (0, 0, 0, INDENT * depth)))
                if (told := _told(node, prefix)).plain:
                    console.print(Padding(told, (0, 0, 0, INDENT * depth + 4)))


def _nodes(group: Group, depth: int = 1) -> Iterator[tuple[int, Group | Step, str]]:
    """What is below a group, each with its depth and with the prefix that its own group alone gives it."""
    for child in group.children:
        if isinstance(child, Step):
            yield depth, child, ""
        elif only := reference.wrapped(child):
            yield depth, only, child.prefix
        else:
            yield depth, child, ""
            yield from _nodes(child, depth + 1)


def _headed(node: Group | Step) -> Text:
    return Text(node.name, style="bold") if isinstance(node, Step) else Text(f'"{node.prefix}"', style="yellow")


def _told(node: Group | Step, prefix: str) -> Text:
    """What a step is for, and what it hands on; of a group, when it is taken."""
    if isinstance(node, Group):
        condition = reference.condition(node)
        return Text.assemble(node.doc, (f" Only if: {condition}." if condition else "", "cyan"))
    lines = [Text(text) for text in reference.paragraphs(node.doc)]
    facts = [f'prefix "{prefix}"'] if prefix else []
    facts += [f"{verb} {', '.join(names)}" for verb, names in (("reads", node.reads), ("writes", node.writes)) if names]
    if facts:
        lines.append(Text("; ".join(facts), style="dim"))
    return Text("\n").join(lines)


def show_step(console: Console, step: Step, places: list[Place]) -> None:
    """One step in full; `places` are those at which it stands."""
    file, line = reference.source(step)
    console.print(Text.assemble((step.name, "bold"), (f"  {file}:{line}", "dim")))
    for text in reference.paragraphs(step.doc):
        console.print(Padding(Text(text), (0, 0, 0, 2)))
    for place in places:
        console.print()
        console.print(Padding(_facts(step, place), (0, 0, 0, 2)))


def _facts(step: Step, place: Place) -> Table:
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    facts.add_column(no_wrap=True, style="dim")
    facts.add_column()
    facts.add_row("flow", f"{place.flow.name}, {place.part}")
    facts.add_row("comes after", place.previous or "nothing: it is the first")
    facts.add_row("comes before", place.next or "nothing: it is the last")
    for condition in place.conditions:
        facts.add_row("only if", condition)
    if place.prefix:
        facts.add_row("its errors begin", f'"{place.prefix} "')
    for slot in step.reads:
        givers = reference.writers(place, slot)
        facts.add_row("reads", f"{slot}, from {', '.join(givers)}" if givers else f"{slot}, which is there from the start")
    for slot in step.writes:
        takers = reference.readers(place, slot)
        facts.add_row("writes", f"{slot}, for {', '.join(takers)}" if takers else f"{slot}, for whoever comes to it later")
    calls = reference.calls(step)
    facts.add_row("can call", ", ".join(call.name for call in calls) or "nothing: it makes no calls")
    facts.add_row("watched by", _watched(watchers(step, place)))
    return facts


def _watched(invariants: tuple[Invariant, ...]) -> Text:
    if not invariants:
        return Text("no invariant that looks at single calls")
    return Text("\n").join(Text.assemble((invariant.id, "bold"), f" {invariant.statement}") for invariant in invariants)


def show_experiment(console: Console, config: str, experiment: Experiment | None) -> None:
    """What `config` does without a step; None where its flow does not have it."""
    console.print()
    if experiment is None:
        console.print(Padding(Text(f"{config} follows a flow without this step."), (0, 0, 0, 2)))
        return
    told = "outcome and invariants stay as they are" if experiment.changes_nothing else experiment.outcome
    console.print(Padding(Text.assemble("Without it, on ", (config, "bold"), f": {told}."), (0, 0, 0, 2)))
    for words, style, invariants in (("breaks", "red", experiment.broken), ("no longer breaks", "green", experiment.mended)):
        for invariant in invariants:
            line = Text.assemble((words, style), f" {invariant.id} {invariant.severity.value}: {invariant.statement}")
            console.print(Padding(line, (0, 0, 0, 4)))
