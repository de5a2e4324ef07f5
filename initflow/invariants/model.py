"""What an invariant is: a statement, the moments at which it is decided, and the obligations that it finds there.

An invariant is a generator: at each of its moments it yields what it finds held, violated or undecidable. One that yields
nothing in a whole run is not applicable to it: there is no vacuous "held".
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from fakekernel.task import Task
from initflow.configuration import Configuration
from initflow.flow import Step
from initflow.run import BEFORE_PAYLOAD, Role, Run, Setting
from initflow.state import MountPoint, OpenFile, ProcessState, mounts, open_file, process_state
from kernelapi.event import Event


class Severity(Enum):
    """How bad it is when it does not hold."""

    HIGH = "high"  # the container's boundary gives way
    MEDIUM = "medium"  # it gives way with one more mistake elsewhere
    LOW = "low"  # robustness, or a promise to the payload


HIGH, MEDIUM, LOW = Severity


class When(Enum):
    """The kinds of moments."""

    BEFORE = "before"  # the state in which a call was made
    AFTER = "after"  # the state that it left
    EXEC = "exec"  # init, or who has entered, becomes the payload
    END = "end"  # the run has come to rest


@dataclass(frozen=True, slots=True)
class At:
    """The moments of an invariant: before or after calls of these names, at exec, or at the end."""

    when: When
    calls: frozenset[str] = frozenset()


def before(*calls: str) -> At:
    return At(When.BEFORE, frozenset(calls))


def after(*calls: str) -> At:
    return At(When.AFTER, frozenset(calls))


EXEC = At(When.EXEC)
END = At(When.END)


class Verdict(Enum):
    """What became of an obligation. The order is that of a report: the broken ones first."""

    VIOLATED = "violated"
    UNDECIDABLE = "undecidable"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Obligation:
    """One thing that had to hold, at one event, and what was found. `state` shows it, name by name."""

    verdict: Verdict
    event: Event | None
    process: str
    explanation: str
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of a run. `task` made `event`; the machine stands where the moment is, so that state can be read."""

    run: Run
    event: Event | None
    step: Step | None
    role: Role | None
    task: Task | None

    @property
    def setting(self) -> Setting:
        return self.run.setting

    @property
    def configuration(self) -> Configuration:
        return self.run.setting.configuration

    @property
    def state(self) -> ProcessState:
        """The process that made the event, as it is at this moment."""
        assert self.task is not None
        return process_state(self.task)

    def file(self, fd: int) -> OpenFile | None:
        """What is open as `fd` in the process that made the event. Where that is all that is asked, `state` costs much more."""
        assert self.task is not None
        return open_file(self.task, fd)

    @property
    def mounts(self) -> tuple[MountPoint, ...]:
        """The mounts that it sees at this moment."""
        assert self.task is not None
        return mounts(self.task)

    @property
    def is_init(self) -> bool:
        """Whether the event is one of the process that becomes the payload, or makes the one that does, up to that exec."""
        return self.role in BEFORE_PAYLOAD or self.role is Role.CHILD

    @property
    def enters(self) -> bool:
        """Whether the payload is brought into a container that runs already."""
        return self.run.container is not None

    def args(self, name: str) -> Any:
        """The argument `name` of the event's call."""
        assert self.event is not None
        names = [parameter.name for parameter in self.event.call.parameters]
        return self.event.args[names.index(name)]


@dataclass(frozen=True, slots=True)
class Exec(Moment):
    """Init, or who has entered, becomes the payload: its state just before the execve, and just after."""

    previous: ProcessState
    next: ProcessState
    previous_mounts: tuple[MountPoint, ...]


Check = Callable[[Any], Iterator[Obligation]]


@dataclass(frozen=True, slots=True)
class Invariant:
    """One line of the catalogue. `statement` is the first line of the check's docstring, `reason` the rest of it."""

    id: str
    name: str
    at: At
    severity: Severity
    source: str
    statement: str
    reason: str
    check: Check


INVARIANTS: dict[str, Invariant] = {}
"""By id, in the order of declaration."""


def invariant(id: str, *, at: At, severity: Severity, source: str) -> Callable[[Check], Check]:
    """Declare a check to be the invariant `id`. Its docstring is the statement, and after a blank line the reason."""

    def declare(check: Check) -> Check:
        if id in INVARIANTS:
            raise ValueError(f"two invariants are called {id}")
        statement, _, reason = (check.__doc__ or "").strip().partition("\n\n")
        name = check.__name__.replace("_", " ")
        statement, reason = (" ".join(text.split()) for text in (statement, reason))
        INVARIANTS[id] = Invariant(id, name, at, severity, source, statement, reason, check)
        return check

    return declare


def held(moment: Moment, explanation: str = "") -> Obligation:
    return Obligation(Verdict.HELD, moment.event, _process(moment), explanation)


def violated(moment: Moment, explanation: str, **state: Any) -> Obligation:
    """What is wrong, in words that end a sentence beginning with the process, and the state that shows it."""
    return Obligation(Verdict.VIOLATED, moment.event, _process(moment), explanation, state)


def undecidable(moment: Moment, reason: str) -> Obligation:
    return Obligation(Verdict.UNDECIDABLE, moment.event, _process(moment), reason)


def decide(moment: Moment, holds: bool, explanation: str, **state: Any) -> Obligation:
    """Held, or violated with this explanation."""
    return held(moment) if holds else violated(moment, explanation, **state)


def _process(moment: Moment) -> str:
    return moment.event.process if moment.event is not None else ""
