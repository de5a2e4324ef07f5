"""What is broken in the original flow: run in every situation and with every example, and gathered by invariant.

A *start* is one run in short. A *way* is one place of the flow, and one thing found there, with all the starts that show it:
what differs between them only in numbers, names of capabilities or descriptors is one way.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from initflow.callers import CALLERS, DEFAULT_CALLER
from initflow.configuration import Configuration, load
from initflow.flow import Flow, Step
from initflow.images import DEFAULT_IMAGE, IMAGES
from initflow.invariants.catalogue import INVARIANTS
from initflow.invariants.lines import GROUPS
from initflow.invariants.model import Invariant, Obligation, Severity
from initflow.reference.catalogue import group
from initflow.reference.remarks import REMARKS, Remark
from initflow.reference.steps import places
from initflow.run import Outcome, Reported, Role, Run
from initflow.situations import ENTRIES, SITUATIONS, Situation
from initflow.variants import varied
from initflow.verification import HOST, LASTING_PAYLOAD, verify
from kernelapi.notation import render_call

PLAIN = "minimal.json"
"""The example whose configuration the situations vary."""

PARTS = {Role.PARENT: "parent", Role.CHILD: "prologue", Role.INIT: "init"}
"""The part of a flow that a role takes; those of the helper are found by the step."""


Key = tuple[str, str | None, str, str]
"""What ways that are one have in common: part, step, call, what was found."""


@dataclass(frozen=True, eq=False)
class Start:
    """How the original flow came out with one configuration, in one situation. `breaks` holds ids."""

    config: str
    situation: Situation
    flow: str
    outcome: Outcome
    reported: Reported
    payload: bool
    message: str | None
    breaks: frozenset[str]

    @property
    def is_plain(self) -> bool:
        """Whether it is the plain example, as it is."""
        return self.size == 0

    @property
    def size(self) -> int:
        """How many things differ from the plain example."""
        return (self.config != PLAIN) + sum(option.startswith("--") for option in self.situation.options)

    def contains(self, other: "Start") -> bool:
        """Whether this start is `other` with something more about it."""
        mine, others = self.situation, other.situation
        return (
            other.config == PLAIN
            and other.size < self.size
            and set(others.variants) <= set(mine.variants)
            and others.image in (mine.image, DEFAULT_IMAGE.name)
            and others.caller in (mine.caller, DEFAULT_CALLER.name)
            and others.lsm in (mine.lsm, "")
            and others.enters <= mine.enters
        )

    @property
    def misleads(self) -> bool:
        """Whether what the parent was told is not what happened."""
        return self.reported is not (Reported.STARTED if self.payload else Reported.ERROR)


@dataclass(frozen=True, eq=False)
class Way:
    """A way in which an invariant is broken, as its first start shows it. `step` is None at the end of a run."""

    explanation: str
    role: Role | None
    flow: str
    part: str
    step: str | None
    call: str
    event: int | None
    starts: tuple[Start, ...]


@dataclass(frozen=True, eq=False)
class Finding:
    """An invariant that the original flow breaks, and how. The ways, and the starts of each, begin with the smallest."""

    invariant: Invariant
    ways: tuple[Way, ...]

    @property
    def remark(self) -> Remark:
        return REMARKS.get(self.invariant.id, Remark(f"Not so: {self.invariant.name}"))

    @property
    def starts(self) -> tuple[Start, ...]:
        """Those that show it in one way or another."""
        return tuple(sorted({start: None for way in self.ways for start in way.starts}, key=lambda start: start.size))


@dataclass(frozen=True)
class Findings:
    """All starts, in the order in which they were made, and what they show: by severity, then in the catalogue's order."""

    starts: tuple[Start, ...]
    findings: tuple[Finding, ...]

    @property
    def plain(self) -> Start:
        return next(start for start in self.starts if start.is_plain)

    def home(self, start: Start) -> Finding:
        """The finding under which is told what one sees of a start: the first of its new ones that comes with no other."""
        new = [finding for finding in self.findings if finding.invariant.id in self.new(start)]
        return min(new, key=lambda finding: bool(finding.remark.cause))

    def new(self, start: Start) -> frozenset[str]:
        """What a start breaks that none breaks which has less about it."""
        return start.breaks.difference(*(other.breaks for other in self.starts if start.contains(other)))


def find(examples: Path) -> Findings:
    """Run the original flow in every situation, and with every configuration in `examples`; each once."""
    configurations = {path.name: load(path).configuration for path in sorted(examples.glob("*.json"))}
    runs = [(PLAIN, situation) for situation in (*SITUATIONS, *ENTRIES)]
    runs += [(name, Situation(lsm=_wants(each))) for name, each in configurations.items() if name != PLAIN]
    runs += [(name, Situation(enters=True)) for name, each in configurations.items() if each.has_namespace("NEWUSER")]
    starts: list[Start] = []
    found: dict[str, dict[Key, list[tuple[Start, Way]]]] = {}
    for name, situation in runs:
        start, ways = _observe(name, configurations[name], situation)
        starts.append(start)
        for id, key, way in ways:
            found.setdefault(id, {}).setdefault(key, []).append((start, way))
    findings = [Finding(INVARIANTS[id], tuple(_merged(ways.values()))) for id, ways in found.items()]
    order, severities = list(GROUPS), list(Severity)
    findings.sort(key=lambda each: (severities.index(each.invariant.severity), order.index(group(each.invariant.id)),
                                    each.invariant.id))  # fmt: skip
    return Findings(tuple(starts), tuple(findings))


def _wants(configuration: Configuration) -> str:
    """The security module without which the configuration has labels that do nothing."""
    labelled = configuration.process_label or (configuration.mount_config and configuration.mount_config.mount_label)
    return "apparmor" if configuration.apparmor_profile else "selinux" if labelled else ""


def _merged(ways: Iterable[list[tuple[Start, Way]]]) -> Iterator[Way]:
    """One way for those that differ in nothing but their starts; the smallest start is the one that shows it."""
    merged = []
    for same in ways:
        same = sorted(same, key=lambda each: each[0].size)
        first = same[0][1]
        starts = tuple(dict.fromkeys(start for start, _ in same))
        merged.append(Way(**{**vars(first), "starts": starts}))
    yield from sorted(merged, key=lambda way: way.starts[0].size)


def _observe(name: str, configuration: Configuration, situation: Situation) -> tuple[Start, list[tuple[str, Key, Way]]]:
    """One start, and the ways in which it breaks invariants: the id of each, what makes it the same as another, the way."""
    result = verify(
        varied(configuration, situation.variants),
        image=IMAGES[situation.image],
        caller=CALLERS[situation.caller],
        into=LASTING_PAYLOAD if situation.enters else None,
        host=replace(HOST, security_modules=(situation.lsm,) if situation.lsm else ()),
    )
    run, violations = result.run, result.judgement.violations
    start = Start(
        name, situation, run.setting.flow.name, run.outcome, run.reported, run.payload, run.message,
        frozenset(invariant.id for invariant, _ in violations),
    )  # fmt: skip
    ways: list[tuple[str, Key, Way]] = []
    for invariant, obligation in violations:
        way = _way(run, obligation)
        key = (way.part, way.step, way.call.partition("(")[0], _pattern(way.explanation))
        ways.append((invariant.id, key, way))
    return start, ways


def _pattern(explanation: str) -> str:
    """An explanation without what differs from run to run, or from one capability to the next."""
    return re.sub(r"\d+|\{[^}]*\}", "*", re.sub(r"\d+ \([^)]*\)", "*", explanation))


def _way(run: Run, obligation: Obligation) -> Way:
    event = obligation.event
    if event is None:
        return Way(obligation.explanation, None, run.setting.flow.name, "", None, "", None, ())
    role, step = run.roles[event.index], run.steps[event.index]
    part = _part(run.setting.flow, step, role) if step is not None else ""
    call = render_call(event.call, event.args)
    name = step.name if step is not None else None
    return Way(obligation.explanation, role, run.setting.flow.name, part, name, call, event.index, ())


def _part(flow: Flow, step: Step, role: Role) -> str:
    """The part of the flow to which a step belongs that a process in this role has taken."""
    parts = [place.part for found, place in places(flow, step.name) if found is step]
    wanted = PARTS.get(role)
    return wanted if wanted in parts else next(iter(parts), "")
