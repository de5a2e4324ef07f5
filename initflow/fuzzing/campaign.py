"""A campaign: inputs examined by the thousand on several workers, and each distinct finding shrunk to its smallest input.

What it finds depends on the strategy, the seed, the number of examples and the kept examples, and on nothing else: not on how
many workers there are, nor on who is faster.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis.database import ExampleDatabase
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy

from initflow.flow import Flow
from initflow.fuzzing.crew import Crew, Ended
from initflow.fuzzing.drawing import Source
from initflow.fuzzing.findings import Examination, Finding, Kind, examine
from initflow.fuzzing.inputs import Input, InputError, read_input
from initflow.invariants.catalogue import INVARIANTS
from initflow.invariants.model import Severity

BATCH = 20
"""Inputs that a worker takes at a time."""

THOROUGHLY = 8
"""One input in so many is examined thoroughly."""

Examine = Callable[[Input, bool], Examination]
"""Examines an input; the truth says whether thoroughly."""

Progress = Callable[[str, int, int, int], None]
"""Told the phase, how much of it is done, of how much, and how many findings there are."""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding with the smallest input that shows it, and how many of the examples do (0: only one that was kept)."""

    finding: Finding
    shown: Input
    count: int
    shrunk: bool


@dataclass(slots=True)
class Campaign:
    """What came of it. `outcomes` counts the examples; `kept` is how many examples of earlier campaigns were tried first."""

    examples: int
    seed: int
    workers: int
    outcomes: Counter[str] = field(default_factory=Counter)
    found: tuple[Found, ...] = ()
    kept: int = 0
    seconds: float = 0.0
    """How long the examples took, shrinking aside."""
    interrupted: bool = False

    @property
    def examined(self) -> int:
        return sum(self.outcomes.values())


def fuzz(
    strategy: SearchStrategy[Input],
    *,
    examples: int,
    seed: int = 0,
    workers: int = 1,
    flow: Flow | None = None,
    kept: "Shelf | None" = None,
    progress: Progress = lambda phase, done, total, findings: None,
) -> Campaign:
    """Examine as many inputs of `strategy`, and shrink what is found.

    `flow` is what they are run through, the original one without. `kept` holds the examples of earlier campaigns, which come
    first, and takes those of this one. A KeyboardInterrupt ends it early: what was found by then is returned. Processes are
    forked: not from a program with threads.
    """

    def examined(shown: Input, thorough: bool) -> Examination:
        return examine(shown, flow=flow, thorough=thorough)

    campaign = _Running(Source(strategy, seed), examined, Campaign(examples, seed, workers), progress)
    shelved = [] if kept is None else kept.inputs()
    try:
        with Crew(workers, campaign.perform) as crew:
            campaign.run(crew, shelved)
    except KeyboardInterrupt:
        campaign.result.interrupted = True
    result = campaign.finish(shelved)
    if kept is not None:
        kept.replace(shelved, [found.shown for found in result.found])
    return result


@dataclass(frozen=True, slots=True)
class _Best:
    """The smallest input known for a finding: its size and its number, negative for a kept one."""

    size: int
    number: int
    finding: Finding

    def __lt__(self, other: "_Best") -> bool:
        return (self.size, self.number) < (other.size, other.number)


class _Running:
    """A campaign under way. `perform` is what the workers do, the rest is the parent's."""

    def __init__(self, source: Source, examine: Examine, result: Campaign, progress: Progress) -> None:
        self.source = source
        self.examine = examine
        self.result = result
        self.progress = progress
        self.counts: Counter[str] = Counter()
        self.best: dict[str, _Best] = {}
        self.shrunk: dict[str, tuple[Input, Finding]] = {}
        self.done = 0

    # -- in a worker --

    def perform(self, task: Any) -> Iterator[Any]:
        match task:
            case "kept", number, text:
                yield self._report(number, read_input(text))
            case "examine", start, stop:
                for number in range(start, stop):
                    yield self._report(number, self.source.draw(number))
            case "shrink", id, number, thorough:
                yield self._shrink(id, number, thorough)

    def _report(self, number: int, shown: Input | None) -> tuple[int, str | None, tuple[str, ...], list[_Best]]:
        """What the parent is told of an input; of a finding only if it is the smallest that this worker has seen of it."""
        if shown is None:
            return number, None, (), []
        examination = self.examine(shown, _is_thorough(number))
        size = len(shown.text)
        news = []
        for id, finding in examination.findings.items():
            best = _Best(size, number, finding)
            if id not in self.best or best < self.best[id]:
                self.best[id] = best
                news.append(best)
        return number, examination.outcome, tuple(examination.findings), news

    def _shrink(self, id: str, number: int, thorough: bool) -> tuple[str, Finding | None]:
        findings: dict[str, Finding] = {}

        def shows(shown: Input) -> bool:
            finding = self.examine(shown, thorough).findings.get(id)
            if finding is not None:
                findings[shown.text] = finding
            return finding is not None

        try:
            text = self.source.shrink(number, shows).text
        except Flaky:
            return "", None
        return text, findings[text]

    # -- in the parent --

    def run(self, crew: Crew, shelved: Sequence[str]) -> None:
        total = self.result.examples
        started = time.perf_counter()
        self._examine(crew, [("kept", -1 - place, text) for place, text in enumerate(shelved)], len(shelved))
        self.result.kept, self.done = self.done, 0
        self.counts.clear()
        self.result.outcomes.clear()
        try:
            starts = range(0, total, BATCH)
            self._examine(crew, [("examine", start, min(start + BATCH, total)) for start in starts], total)
        finally:
            self.result.seconds = time.perf_counter() - started
        self._shrink_all(crew)

    def _examine(self, crew: Crew, tasks: list[Any], total: int) -> None:
        for task, report in crew.do(tasks):
            if isinstance(report, Ended):
                self._note_ended(task, report)
                continue
            number, outcome, ids, news = report
            self.done += 1
            if outcome is not None:
                self.result.outcomes[outcome] += 1
            self.counts.update(ids)
            for best in news:
                known = self.best.get(best.finding.id)
                if known is None or best < known:
                    self.best[best.finding.id] = best
            self.progress("examining" if number >= 0 else "beginning with kept examples", self.done, total, len(self.best))

    def _note_ended(self, task: Any, report: Ended) -> None:
        way = f"a worker ended with status {report.status}"
        finding = Finding("defect.worker", Kind.DEFECT, way, f"{way} while it had to do {task[:2]}")
        self.counts[finding.id] += 1
        number = task[2] if task[0] == "shrink" else task[1]
        self.best.setdefault(finding.id, _Best(0, number, finding))

    def _shrink_all(self, crew: Crew) -> None:
        tasks = [
            ("shrink", id, best.number, best.finding.kind is Kind.DEFECT and _is_thorough(best.number))
            for id, best in sorted(self.best.items())
            if best.number >= 0 and _can_shrink(best.finding)
        ]
        for done, (task, report) in enumerate(crew.do(tasks), 1):
            if isinstance(report, Ended):
                self._note_ended(task, report)
                continue
            id = task[1]
            text, finding = report
            if finding is not None:
                self.shrunk[id] = read_input(text), finding
            else:
                way = "the same input does not always come out the same"
                self.best[f"{id}!"] = _Best(0, task[2], Finding(f"{id}!", Kind.DEFECT, way, way))
            self.progress("shrinking", done, len(tasks), len(self.best))

    def finish(self, shelved: Sequence[str]) -> Campaign:
        """The result, in the order of a report."""
        found = []
        for id, best in self.best.items():
            if id in self.shrunk:
                shown, finding = self.shrunk[id]
                found.append(Found(finding, shown, self.counts[id], shrunk=True))
                continue
            drawn = read_input(shelved[-1 - best.number]) if best.number < 0 else self.source.draw(best.number)
            found.append(Found(best.finding, drawn or Input({}), self.counts[id], shrunk=best.number < 0))
        self.result.found = tuple(sorted(found, key=_order))
        return self.result


def _is_thorough(number: int) -> bool:
    return number < 0 or number % THOROUGHLY == 0


def _can_shrink(finding: Finding) -> bool:
    """Not what ends a worker, or takes minutes each time."""
    return finding.id != "defect.worker" and finding.way != "takes too long"


def _order(found: Found) -> tuple[int, int, int, str]:
    finding = found.finding
    severities, invariants = [each.value for each in Severity], list(INVARIANTS)
    return (
        list(Kind).index(finding.kind),
        severities.index(finding.severity) if finding.severity is not None else 0,
        invariants.index(finding.invariant) if finding.invariant is not None else 0,
        finding.id,
    )


class Shelf:
    """Found examples in a Hypothesis example database, for the next campaign of the same kind to begin with."""

    def __init__(self, database: ExampleDatabase, name: str) -> None:
        self.database = database
        self.key = f"initflow.fuzz/{name}".encode()

    def inputs(self) -> list[str]:
        """The texts of the kept inputs, the smallest first. Others than this version reads are passed over."""
        found = []
        for value in self.database.fetch(self.key):
            text = value.decode("ascii", "replace")
            try:
                if read_input(text).text == text:
                    found.append(text)
            except InputError:
                continue
        return sorted(found, key=lambda text: (len(text), text))

    def replace(self, before: Sequence[str], now: Sequence[Input]) -> None:
        """Keep these inputs in the place of those before."""
        texts = {shown.text for shown in now}
        for text in sorted(texts.difference(before)):
            self.database.save(self.key, text.encode())
        for text in sorted(set(before) - texts):
            self.database.delete(self.key, text.encode())
