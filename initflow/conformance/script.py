"""A program as Python that anyone can run: on the simulated kernel, and as root on the real one."""

import os
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from initflow.conformance.program import Agent, Entry, Held, Program, Step, Transcript, differing
from kernelapi import capability, values
from kernelapi.capability import CapSet

if TYPE_CHECKING:
    from initflow.conformance.comparison import Disagreement

_PLAIN = (type(None), bool, str, bytes)


def written(program: Program, found: "Disagreement | None" = None) -> str:
    """The text of a Python file that plays `program`, up to where the kernels part if that is `found`."""
    about, end = "What the kernels make of it.", len(program.steps)
    if found is not None:
        about = f"{found.call}: the real kernel says {found.real}, the simulated one {found.fake}."
        end = found.place + 1
    steps = "".join(f"        {python(step)},\n" for step in program.steps[:end])
    used = sorted(_names(program.steps[:end]))
    imported = "".join(
        f"from {module} import {', '.join(name for home, name in used if home == module)}\n"
        for module in sorted({home for home, _ in used})
    )
    return (
        f'"""{_escaped(about)}"""\n\n'
        "from initflow.conformance import Agent, Entry, Held, Program, Step\n"
        f"from initflow.conformance.script import show\n{imported}\n"
        f"PROGRAM = Program(\n    {program.start!r},\n    (\n{steps}    ),\n)\n\n"
        'if __name__ == "__main__":\n    show(PROGRAM)\n'
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', "'")


def python(value: Any) -> str:
    """A value of a step as Python writes it."""
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, CapSet):
        return f"CapSet.from_mask({value.mask:#x})"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, frozenset):
        return f"frozenset({python(tuple(sorted(value)))})"
    if isinstance(value, tuple):
        return f"({', '.join(map(python, value))}{',' if len(value) == 1 else ''})"
    if is_dataclass(value):
        given = [(field.name, getattr(value, field.name), field.default) for field in fields(value)]
        parts = [python(each) for _, each, _ in given]
        if not isinstance(value, (Agent, Entry, Held, Step)):
            parts = [f"{name}={python(each)}" for name, each, default in given if each != default]
        elif isinstance(value, Agent) and not value.group:
            del parts[1]
        return f"{type(value).__name__}({', '.join(parts)})"
    raise TypeError(f"no value of a step: {value!r}")


def _names(values_: Iterable[Any]) -> set[tuple[str, str]]:
    """The modules and names that have to be imported for these values."""
    found: set[tuple[str, str]] = set()
    for value in values_:
        if isinstance(value, CapSet):
            found.add((capability.__name__, "CapSet"))
        elif isinstance(value, tuple):
            found |= _names(value)
        elif is_dataclass(value):
            if type(value).__module__ == values.__name__:
                found.add((values.__name__, type(value).__name__))
            found |= _names(getattr(value, field.name) for field in fields(value))
    return found


def show(program: Program) -> None:
    """Print what the kernels make of a program, step by step: the simulated one, and the real one where root asks."""
    from fakekernel.profile import DEFAULT_HOST, capture
    from initflow.conformance.real import play_real
    from initflow.conformance.simulated import Simulator

    is_root = os.geteuid() == 0
    simulation = Simulator(capture() if is_root else DEFAULT_HOST, checks=True).play(program)
    if simulation.transcript is None:
        print(f"the simulated kernel: {simulation.failure}")
        return
    if not is_root:
        _print(program, simulation.transcript, None)
        print("as root, the real kernel is asked too")
        return
    real = play_real([program])[0]
    if isinstance(real, str):
        print(f"the real kernel: {real}")
    else:
        _print(program, real, simulation.transcript)


def _print(program: Program, first: Transcript, second: Transcript | None) -> None:
    """Print a transcript, and where the other one differs."""
    for number, (step, outcome) in enumerate(zip(program.steps, first.outcomes, strict=False)):
        who = f"@{outcome.agent} {outcome.call}{outcome.args}" if outcome.agent >= 0 else f"{step.call}{step.args}"
        print(f"{who}\n    {outcome}")
        if second is not None and number < len(second.outcomes) and not outcome.agrees(second.outcomes[number]):
            print(f"  but the simulated kernel\n    {second.outcomes[number]}")
    for agent, (mine, theirs) in enumerate(zip(first.states, second.states if second is not None else (), strict=False)):
        for name, one, other in differing(mine, theirs):
            print(f"@{agent} in the end, {name}\n    {one}\n  but on the simulated kernel\n    {other}")
