"""The catalogue of invariants as a reader asks for it: every line, and what is checked of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from initflow.invariants.catalogue import INVARIANTS
from initflow.invariants.lines import GROUPS, LINES, Line, Status
from initflow.invariants.model import At, Invariant, When


@dataclass(frozen=True)
class Entry:
    """A line of the catalogue, the invariant that checks it, or both: one of our own additions has no line."""

    id: str
    line: Line | None
    invariant: Invariant | None

    @property
    def statement(self) -> str:
        """What is checked, where it is; else what would be."""
        if self.invariant is not None:
            return self.invariant.statement
        assert self.line is not None
        return f"{self.line.statement[0].upper()}{self.line.statement[1:]}."

    @property
    def status(self) -> Status:
        return Status.CHECKED if self.invariant is not None or self.line is None else self.line.status

    @property
    def reason(self) -> str:
        """Why it matters, for what is checked; for what is not: what it waits for, or why no run decides it."""
        if self.invariant is not None:
            return self.invariant.reason
        assert self.line is not None
        return self.line.waits or self.line.undecidable

    @property
    def is_ours(self) -> bool:
        """Whether it is an addition to the catalogue."""
        return self.line is None


def entries() -> dict[str, Entry]:
    """Every line and every addition by id, group by group, each in the order of the numbers."""
    lines = {line.id: line for line in LINES}
    order = list(GROUPS)
    ids = sorted({*lines, *INVARIANTS}, key=lambda id: (order.index(group(id)), id))
    return {id: Entry(id, lines.get(id), INVARIANTS.get(id)) for id in ids}


def group(id: str) -> str:
    """The letters of an id."""
    return id.partition("-")[0]


def moment(at: At) -> str:
    """When an invariant is decided, in words."""
    match at.when:
        case When.EXEC:
            return "at exec"
        case When.END:
            return "at the end of the run"
    return f"{at.when.value} {', '.join(sorted(at.calls))}"


def told(entry: Entry) -> str:
    """How far we are with a line, in words."""
    match entry.status:
        case Status.CHECKED:
            assert entry.invariant is not None
            return f"{entry.invariant.severity.value}, {moment(entry.invariant.at)}"
        case Status.WAITS:
            return f"waits for {entry.reason}"
        case Status.NOT_DECIDABLE:
            return f"not decidable: {entry.reason}"
    return "to be written"


def summary(entries: Iterable[Entry]) -> str:
    """How many are checked, and what is with the others."""
    all = list(entries)
    numbers = {status: sum(entry.status is status for entry in all) for status in Status}
    return (
        f"{numbers[Status.CHECKED]} are checked, {sum(entry.is_ours for entry in all)} of them additions of ours; "
        f"{numbers[Status.TO_BE_WRITTEN]} are still to be written, {numbers[Status.WAITS]} wait for a feature, "
        f"{numbers[Status.NOT_DECIDABLE]} cannot be decided from a run"
    )
