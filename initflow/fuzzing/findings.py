"""Examining one input: run it, judge it, and name each distinct way in which something is wrong.

Two obligations are the same finding if they are of the same invariant, at the same step, and their explanations say the same
but for what comes from the input: numbers, names, paths.
"""

import hashlib
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import cache
from io import StringIO
from pathlib import Path
from signal import ITIMER_VIRTUAL, SIGVTALRM, setitimer, signal
from types import CodeType, FrameType, FunctionType

from fakekernel.machine import Machine
from initflow import callers, report
from initflow.configuration import ConfigurationError, decode, encode
from initflow.flow import Flow
from initflow.fuzzing.inputs import Input
from initflow.invariants.catalogue import INVARIANTS
from initflow.invariants.judge import judge
from initflow.invariants.model import Invariant, Obligation
from initflow.run import Outcome, Reported, Role, Run
from initflow.verification import Result, execute
from kernelapi.errors import NotModelled

WAITS_FOR_EVER = "SYNC-10"
"""The invariant that a hang breaks."""

REFUSED_BY_THE_FORMAT = "refused by the format"
"""The outcome of a document that is no configuration."""

PATIENCE = 60.0
"""Seconds of processor time that an input may take."""


class Kind(Enum):
    """What kind of finding. The order is that of a report: what is our own fault comes first."""

    DEFECT = "defect"  # of initflow: the run or the report failed
    UNMODELLED = "not modelled"  # by the simulated kernel
    HANG = "hang"  # somebody waits for ever
    VIOLATION = "violation"  # of an invariant


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which something is wrong. `id` depends on the way alone; `explanation` is what one input shows of it."""

    id: str
    kind: Kind
    way: str
    explanation: str
    invariant: str | None = None
    severity: str | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """How an input came out, and its findings, one for each id."""

    outcome: str
    findings: Mapping[str, Finding]


def examine(shown: Input, *, flow: Flow | None = None, thorough: bool = False) -> Examination:
    """Run `shown` through `flow` (None: the original) and judge it.

    `thorough` also looks after each call for states that can never be, and writes the reports.
    """
    found: dict[str, Finding] = {}
    outcome = "none"
    try:
        with _deadline():
            outcome = _examine(shown, flow, thorough, found)
    except NotModelled as error:
        _note(found, Kind.UNMODELLED, str(error), str(error))
    except _TooSlow:
        _note(found, Kind.DEFECT, "takes too long", f"it takes more than {PATIENCE:.0f} seconds")
    except Exception as error:  # whatever it is, it is a defect of ours, and to be reported
        _note_failure(found, error.__class__.__name__, traceback.format_exc())
    return Examination(outcome, found)


def _examine(shown: Input, flow: Flow | None, thorough: bool, found: dict[str, Finding]) -> str:
    try:
        configuration = decode(shown.data, "container.json").configuration
    except ConfigurationError:
        return REFUSED_BY_THE_FORMAT
    if thorough and decode(encode(configuration), "container.json").configuration != configuration:
        _note(found, Kind.DEFECT, "is read otherwise", "what encode writes of the configuration is read as another one")
    machine = Machine(shown.host, checks=thorough)
    run = execute(configuration, shown.args, flow=flow, image=shown.image, caller=shown.caller, machine=machine)
    for process in machine.scheduler.ended:
        if process.crash is not None and process.image[0] is not callers.call:
            _note_failure(found, process.crash.strip().rpartition("\n")[2].partition(":")[0], process.crash)
    result = Result(run, judge(run))
    for invariant, obligation in result.judgement.violations:
        _note_violation(found, run, invariant, obligation)
    if run.outcome is Outcome.HUNG:
        _note_hang(found, run)
    if thorough:
        _write_reports(result)
    return run.outcome.value


def _write_reports(result: Result) -> None:
    from rich.console import Console

    report.as_json("container.json", result, ())
    report.show(Console(file=StringIO(), width=100), "container.json", result, (), trace=True)


# -- what is noted --


def _note(
    found: dict[str, Finding], kind: Kind, way: str, explanation: str, invariant: Invariant | None = None
) -> None:
    id = invariant.id if kind is Kind.VIOLATION and invariant is not None else kind.value.replace(" ", "-")
    id += "." + hashlib.sha256(way.encode("utf-8", "backslashreplace")).hexdigest()[:4]
    if id not in found:
        found[id] = Finding(
            id, kind, way, explanation,
            invariant.id if invariant is not None else None,
            invariant.severity.value if invariant is not None else None,
        )  # fmt: skip


def _note_violation(found: dict[str, Finding], run: Run, invariant: Invariant, obligation: Obligation) -> None:
    if invariant.id == WAITS_FOR_EVER and run.outcome is Outcome.HUNG:
        return  # a hang has its own way to tell
    step = run.steps[obligation.event.index] if obligation.event is not None else None
    way = shape(invariant, obligation.explanation)
    if step is not None:
        way = f"{step.name}: {way}"
    _note(found, Kind.VIOLATION, way, obligation.explanation, invariant)


def _note_hang(found: dict[str, Finding], run: Run) -> None:
    roles: dict[str, Role] = {event.process: role for event, role in zip(run.events, run.roles, strict=True)}
    ways = [
        f"{roles.get(each.process, Role.CALLER).value} in {each.call} for {each.reason}" for each in run.standstill.waiting
    ]
    kind = "nothing changes any more" if run.standstill.livelock else "these wait for ever"
    way = f"{kind}: {'; '.join(ways)}"
    _note(found, Kind.HANG, way, way, INVARIANTS[WAITS_FOR_EVER])


_SOURCES = re.escape(str(Path(callers.__file__).parents[1]))
_PLACE = re.compile(rf'File "{_SOURCES}/((?:initflow|fakekernel|kernelapi)/[^"]*)\.py", line (\d+), in (\S+)')
"""A line of a traceback that is about our own code, wherever that is."""


def _note_failure(found: dict[str, Finding], error: str, trace: str) -> None:
    places = _PLACE.findall(trace)
    place = f"{places[-1][0].replace('/', '.')}.{places[-1][2]}" if places else "somewhere else"
    line = f", line {places[-1][1]}" if places else ""
    last = trace.strip().rpartition("\n")[2]
    _note(found, Kind.DEFECT, f"{error} in {place}", f"{last} (in {place}{line})")


# -- the shape of an explanation --

_WORD = re.compile(r"[a-z'_-]+")
_ELLIPSIS = "…"
_OUTCOMES = frozenset(each.value for kind in (Outcome, Reported) for each in kind)
_FILE_SYSTEMS = frozenset(("proc", "sysfs", "tmpfs", "devpts", "mqueue"))
"""Words of ours that are also names in a run."""


def shape(invariant: Invariant, explanation: str) -> str:
    """The explanation without what comes from the input: only words stay that the invariant's own code has."""
    known = _vocabulary(invariant)
    words: list[str] = []
    for word in explanation.split():
        kept = word if word.strip("(),;:.") in known else _ELLIPSIS
        if kept != _ELLIPSIS or words[-1:] != [_ELLIPSIS]:
            words.append(kept)
    return " ".join(words)


@cache
def _vocabulary(invariant: Invariant) -> frozenset[str]:
    module = sys.modules[invariant.check.__module__]
    members = [each for each in vars(module).values() if isinstance(each, FunctionType)]
    functions = [each for each in members if each.__module__ == module.__name__]
    texts = (text for function in functions for text in _texts(function.__code__) if text != function.__doc__)
    words = {word for text in texts for word in _WORD.findall(text)}
    return frozenset((words | _OUTCOMES) - _FILE_SYSTEMS)


def _texts(code: CodeType) -> Iterator[str]:
    """The strings that a function holds."""
    for constant in code.co_consts:
        yield from _strings(constant)


def _strings(constant: object) -> Iterator[str]:
    if isinstance(constant, str):
        yield constant
    elif isinstance(constant, tuple):
        for each in constant:
            yield from _strings(each)
    elif isinstance(constant, CodeType):
        yield from _texts(constant)


# -- patience --


class _TooSlow(BaseException):
    """Not an Exception: it has to get through programs that catch those."""


def _run_out(number: int, frame: FrameType | None) -> None:
    raise _TooSlow


@contextmanager
def _deadline() -> Iterator[None]:
    """End what is inside once it has taken PATIENCE of the processor. In the main thread only; elsewhere there is none."""
    try:
        before = signal(SIGVTALRM, _run_out)
    except ValueError:
        yield
        return
    setitimer(ITIMER_VIRTUAL, PATIENCE)
    try:
        yield
    finally:
        setitimer(ITIMER_VIRTUAL, 0)
        signal(SIGVTALRM, before)
