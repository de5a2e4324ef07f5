"""What a comparison of the kernels found: for people, and for programs."""

import platform
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from initflow.conformance.arguments import ARGUMENTS
from initflow.conformance.campaign import Block, Task, Workbench, blocks, results, shrink
from initflow.conformance.comparison import Disagreement, Tally
from initflow.conformance.coverage import coverage
from initflow.conformance.script import written
from initflow.conformance.sequences import EVERY
from initflow.conformance.walks import Parting, Walked, units

SCHEMA = "initflow.conform/1"

MOST_SHRUNK = 10
"""So many different disagreements are shrunk; the others are shown as they were found."""


@dataclass(slots=True)
class Conformance:
    """What has been compared, and what was found."""

    kernel: str
    tally: Tally = field(default_factory=Tally)
    sequences: int = 0
    sequences_agreed: int = 0
    partings: list[Parting] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        return not (self.tally.disagreements or self.tally.broken or self.partings)


def conform(count: int, seed: int, depth: int, workers: int, progress: Console) -> Conformance:
    """Compare `count` programs of `seed`, and all sequences of at most `depth` calls. The caller must be root."""
    found = Conformance(platform.release())
    start = time.monotonic()
    tasks: list[Task] = [("block", block) for block in blocks(count, seed)]
    if depth:
        tasks += [("walk", unit) for unit in units(depth)]
    first: dict[tuple[str, str, str], tuple[Block, Disagreement]] = {}
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=progress, transient=True, disable=not progress.is_terminal,
    ) as bar:  # fmt: skip
        shown = bar.add_task("comparing", total=len(tasks))
        came: dict[Task, Tally | Walked] = {}
        for task, result in results(tasks, workers):
            came[task] = result
            bar.advance(shown)
    for task in tasks:  # in the order of their numbers, whoever was faster
        result = came[task]
        if isinstance(result, Tally):
            found.tally.add(result)
            for each in result.disagreements:
                assert task[0] == "block"
                first.setdefault(each.key, (task[1], each))
        else:
            found.sequences += result.sequences
            found.sequences_agreed += result.agreed
            found.partings += result.partings
    found.seconds = time.monotonic() - start
    found.tally.disagreements = _shortest(list(first.values()))
    return found


def _shortest(found: list[tuple[Block, Disagreement]]) -> list[Disagreement]:
    if not found:
        return []
    with Workbench() as bench:
        shrunk = [shrink(bench.comparer, block, each) for block, each in found[:MOST_SHRUNK]]
    return shrunk + [each for _, each in found[MOST_SHRUNK:]]


def rows_known(seen: set[str]) -> dict[str, int]:
    """How many rows there are, how many of them a real kernel has confirmed, in its recordings or by being `seen` here, and how
    many have an excuse."""
    known = coverage()
    confirmed = seen.union(row.id for row in known.confirmed)
    excused = [row for row in known.excused if row.id not in confirmed]
    left = [row for row in known.open if row.id not in confirmed]
    rest = len(excused) + len(left)
    return {"total": known.total, "confirmed": known.total - rest, "excused": len(excused), "open": len(left)}


# -- for programs --


def as_json(found: Conformance) -> dict[str, Any]:
    """As docs/json.md says."""
    tally = found.tally
    return {
        "schema": SCHEMA,
        "kernel": found.kernel,
        "programs": tally.programs,
        "calls": tally.calls,
        "states": tally.states,
        "agreed": tally.agreed.total(),
        "failed": tally.failed,
        "sequences": found.sequences,
        "sequences_agreed": found.sequences_agreed,
        "races": len(tally.racing),
        "cut": tally.cut,
        "not_modelled": dict(sorted(tally.not_modelled.items())),
        "disagreements": [
            *({"what": each.call, "real": each.real, "simulated": each.fake, "program": written(each.program, each)}
              for each in tally.disagreements),
            *({"what": each.calls[-1], "real": each.real, "simulated": each.fake, "start": each.start, "sequence": each.calls}
              for each in found.partings),
            *({"what": why, "program": written(program)} for program, why in tally.broken),
        ],
        "calls_by_name": {name: [tally.compared[name], tally.agreed[name]] for name in sorted(tally.compared)},
        "rules": rows_known(tally.confirmed),
    }  # fmt: skip


# -- for people --


def show(console: Console, found: Conformance) -> None:
    """Print what was found."""
    tally = found.tally
    if tally.programs:
        console.print(_table(tally.compared, tally.agreed, console.width))
        rate = tally.programs / found.seconds if found.seconds else 0.0
        console.print(
            f"kernel {found.kernel}: {tally.programs} programs, {tally.calls} calls compared, {tally.agreed.total()} agreed; "
            f"{_share(tally.failed, tally.calls)} of them failed; {tally.states} states of processes; {rate:.1f} programs/s"
        )
        missing = sorted(set(ARGUMENTS) - set(tally.compared))
        if missing:
            console.print(f"not called: {', '.join(missing)}")
        for reason, count in tally.not_modelled.most_common():
            console.print(f"{count} programs ended early: {reason} is not modelled", markup=False)
        if tally.racing:
            console.print(f"{len(tally.racing)} programs left out: the real kernel does not repeat itself on them")
        console.print(f"{len(tally.confirmed)} rows have been seen to refuse alike; `initflow rules --coverage` tells of all")
    if found.sequences:
        console.print(
            f"kernel {found.kernel}: {found.sequences} sequences of {len(EVERY)} calls, {found.sequences_agreed} agreed"
        )
    for each in tally.disagreements:
        console.print(f"\ndisagreement: {each.call}", style="red", markup=False)
        console.print(f"  real       {each.real}\n  simulated  {each.fake}\n", markup=False)
        console.print(written(each.program, each), markup=False)
    for parting in found.partings:
        console.print(f"\ndisagreement from {parting.start}: {'; '.join(parting.calls)}", style="red", markup=False)
        console.print(f"  real       {parting.real}\n  simulated  {parting.fake}", markup=False)
    for program, why in tally.broken:
        console.print(f"\nnot compared: {why}", style="red", markup=False)
        console.print(written(program), markup=False)
    if found.holds:
        console.print("no disagreement", style="green")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "none"


NUMBERS = 20
"""Columns that a terminal needs beside the name of a call."""


def _table(compared: Counter[str], agreed: Counter[str], width: int) -> Table:
    """The calls, as many beside each other as fit, each with how often it was compared, and how often it agreed."""
    table = Table(box=None, pad_edge=False)
    names = sorted(compared)
    beside = max(1, width // (max(map(len, names)) + NUMBERS))
    height = -(-len(names) // beside)
    for _ in range(beside):
        table.add_column("call", no_wrap=True)
        table.add_column("compared", justify="right")
        table.add_column("agreed", justify="right")
    for row in range(height):
        cells: list[str] = []
        for name in names[row::height]:
            cells += [name, str(compared[name]), str(agreed[name])]
        table.add_row(*cells)
    return table
