"""Which rows of the rules a real kernel has confirmed.

A row is *confirmed* by a recorded case in which the simulated kernel answers as the real one did (`kernelapi.testing.golden`),
refuses a call by this row or has this effect, and answers otherwise when the row is suspended. A crash of the simulated kernel
is no answer. A row that no test host can provoke is *excused*, in the vocabulary of `kernelapi.rules`; any other is *open*.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from fakekernel import subject
from fakekernel.machine import Machine
from fakekernel.profile import DEFAULT_HOST
from fakekernel.releases import absent
from fakekernel.syscalls.base import Blocked, CameToNothing
from fakekernel.syscalls.table import HANDLERS
from kernelapi.recorder import Log
from kernelapi.releases import release_of
from kernelapi.rules import Rule, rules
from kernelapi.testing import Case, Report, all_cases, golden
from kernelapi.testing.transcript import Transcript, asked, recorded, transcript

RELEASE = release_of(DEFAULT_HOST.release)
"""Of the kernel that is simulated by default."""

MAY_BE_EXCUSED = 0.05
"""Which part of all rows."""

FEW = 20
"""A row that more cases meet than that, and all of them equally often, is met by what they stand on."""

Answers = Mapping[str, list[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Played:
    """A case on the simulated kernel: what it answered, call by call and as a transcript, and whether it crashed."""

    answers: Answers
    transcript: Transcript
    crashed: bool

    @property
    def calls(self) -> int:
        return sum(map(len, self.answers.values()))


@dataclass(frozen=True)
class Evidence:
    """The recorded cases whose answers the simulated kernel repeats, and in which of them a row has been met: how often."""

    played: Mapping[Case, Played]
    met: Mapping[Rule, Mapping[Case, int]]
    differing: Mapping[Case, str]

    def cases_of(self, row: Rule) -> list[Case]:
        """The cases that meet a row, those that are likely to be about it first."""
        met = self.met.get(row, {})
        usual = Counter(met.values()).most_common(1)[0][0] if met else 0
        about = _stems(f"{row.id} {row.cause}")
        return sorted(
            met,
            key=lambda case: (
                met[case] == usual and len(met) > FEW,  # what every case meets, the stage meets
                -len(about & _stems(case.name)),
                self.played[case].calls,
            ),
        )


@dataclass(frozen=True)
class Coverage:
    """What is known of each row: by which case it is confirmed, or why it is not."""

    release: str
    confirmed: Mapping[Rule, Case]
    excused: tuple[Rule, ...]
    open: Mapping[Rule, str]

    @property
    def total(self) -> int:
        return len(self.confirmed) + len(self.excused) + len(self.open)

    @property
    def holds(self) -> bool:
        """Whether no row is open, and few enough are excused."""
        return not self.open and len(self.excused) <= MAY_BE_EXCUSED * self.total


def gather(cases: Iterable[Case] | None = None, told: Callable[[Case], None] = lambda case: None) -> Evidence:
    """Play the recorded cases on the simulated kernel; `told` hears of each. Raises `golden.NotRecorded`."""
    recordings = golden.load(RELEASE)
    played: dict[Case, Played] = {}
    met: dict[Rule, dict[Case, int]] = {}
    differing: dict[Case, str] = {}
    for case in all_cases() if cases is None else cases:
        told(case)
        recording = recordings.get(case.name)
        if not isinstance(recording, Transcript):
            continue
        watch = _Watch(absent(DEFAULT_HOST.release))
        found = play(case, watch)
        if difference := recording.difference(found.transcript):
            differing[case] = difference
            continue
        played[case] = found
        for row, times in watch.asked.items():
            met.setdefault(row, {})[case] = times
    return Evidence(played, met, differing)


def coverage(
    evidence: Evidence | None = None, among: Iterable[Rule] | None = None, told: Callable[[Rule], None] = lambda row: None
) -> Coverage:
    """What the recordings say of each row, or of those `among` them; `told` hears of each before it is looked at."""
    evidence = gather() if evidence is None else evidence
    confirmed: dict[Rule, Case] = {}
    excused: list[Rule] = []
    open: dict[Rule, str] = {}
    for row in rules() if among is None else among:
        told(row)
        witness = next((case for case in evidence.cases_of(row) if notices(evidence, case, row)), None)
        if witness is not None:
            confirmed[row] = witness
        elif row.excuse is not None:
            excused.append(row)
        else:
            number = len(evidence.cases_of(row))
            open[row] = f"met by {number} recorded cases, of which none misses it" if number else "no recorded case meets it"
    return Coverage(RELEASE, confirmed, tuple(excused), open)


def notices(evidence: Evidence, case: Case, row: Rule) -> bool:
    """Whether the simulated kernel disagrees with the recording of a case when a row is suspended."""
    before = evidence.played[case]
    return disagrees(before, play(case, {row}, stop_at=PATIENCE * before.calls + SLACK))


PATIENCE, SLACK = 4, 2000
"""A case that goes on so much longer than before is broken off: nothing may end it any more."""


def disagrees(before: Played, after: Played) -> bool:
    """Whether a kernel answered otherwise. Of one that has crashed, only answers to the same calls count."""
    if not after.crashed:
        return bool(before.transcript.difference(after.transcript))
    return any(_first_difference(before.answers.get(process, ()), told) for process, told in after.answers.items())


def _first_difference(before: Iterable[tuple[str, str]], after: Iterable[tuple[str, str]]) -> bool:
    """Whether the first call of two processes that differs is the same call, answered otherwise."""
    for (question, answer), (other_question, other_answer) in zip(before, after):  # noqa: B905  (one may have ended before)
        if question != other_question:
            return False
        if answer != other_answer:
            return True
    return False


def play(case: Case, suspended: Set[Rule], stop_at: int | None = None) -> Played:
    """Play a case on a new machine without the rows that are suspended."""
    machine = Machine()
    machine.suspended = suspended if isinstance(suspended, _Watch) else machine.suspended | suspended
    crashes: list[Exception] = []
    machine.handlers = _Guarded(crashes)
    log = Log()
    report = Report(broken="crashed")
    try:
        report = subject.run(recorded(case, log), machine, stop_at=stop_at)
    except Exception as error:  # whatever a machine without one of its rules runs into
        crashes.append(error)
        machine.close()
    stopped = stop_at is not None and len(machine.events) >= stop_at
    events = log.events()
    return Played(asked(case, events), transcript(case, events, report), bool(crashes) or stopped)


class _Guarded(Mapping[str, Callable[..., Any]]):
    """The calls of the simulated kernel; what they raise that is no answer is kept."""

    def __init__(self, crashes: list[Exception]) -> None:
        self.crashes = crashes

    def __getitem__(self, name: str) -> Callable[..., Any]:
        handler = HANDLERS[name]

        def handle(*args: Any) -> Any:
            try:
                return handler(*args)
            except (OSError, Blocked, CameToNothing):
                raise
            except Exception as error:
                self.crashes.append(error)
                raise

        return handle

    def __iter__(self) -> Iterator[str]:
        return iter(HANDLERS)

    def __len__(self) -> int:
        return len(HANDLERS)


class _Watch(set[Rule]):
    """In the place of a machine's suspended rows: counts how often it is asked for each that is not `absent`."""

    def __init__(self, absent: Set[Rule]) -> None:
        self.absent = absent
        self.asked: Counter[Rule] = Counter()

    def __contains__(self, row: object) -> bool:
        assert isinstance(row, Rule)
        if row in self.absent:
            return True
        self.asked[row] += 1
        return False


def _stems(text: str) -> Set[str]:
    """Its longer words, cut to a stem."""
    return {word[:5] for word in re.findall("[a-z]{4,}", text.lower())}
