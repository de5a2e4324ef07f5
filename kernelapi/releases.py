"""Releases of Linux, and what is known to differ between them.

A release is "6.18"; "6.18.44-generic" is a version of it. The table begins with the oldest kernel that has every call and
capability of the protocol. A kernel outside it is not guessed at: `doubts` says so, and so it does of one inside that nobody
has compared with.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from kernelapi.rules import Rule, rules

OLDEST, NEWEST = "5.9", "6.18"
"""Of which releases the differences are known."""

_BEGINNING = re.compile(r"(\d+)\.(\d+)(?!\d)")


def release_of(version: str) -> str:
    """The release that a version belongs to: "6.18" of "6.18.44-generic". Raises `ValueError` for another text."""
    return "{}.{}".format(*_numbers(version))


def is_before(version: str, release: str) -> bool:
    """Whether a version is older than a release."""
    return _numbers(version) < _numbers(release)


def _numbers(version: str) -> tuple[int, int]:
    found = _BEGINNING.match(version)
    if found is None:
        raise ValueError(f"{version!r} is no release of Linux: expected one such as 6.18")
    return int(found[1]), int(found[2])


@dataclass(frozen=True, slots=True)
class Change:
    """What is otherwise from a release on: a row that is new there, or gone."""

    release: str
    row: Rule
    gone: bool


def changes() -> tuple[Change, ...]:
    """All that is known, by release."""
    return tuple(sorted(_changes(), key=lambda change: (_numbers(change.release), change.row.id)))


def _changes() -> Iterator[Change]:
    for row in rules():
        if row.since is not None:
            yield Change(row.since, row, gone=False)
        if row.until is not None:
            yield Change(row.until, row, gone=True)


def in_force(row: Rule, version: str) -> bool:
    """Whether a kernel of this version has the row."""
    if row.since is not None and is_before(version, row.since):
        return False
    return row.until is None or is_before(version, row.until)


def doubts(version: str, compared: Collection[str]) -> str:
    """What is to be said of a simulated kernel of this version, if the releases `compared` have been compared with real ones;
    empty where there is nothing to say. Raises `ValueError`."""
    release = release_of(version)
    if release in compared:
        return ""
    so_far = f"compared with a real kernel: {', '.join(compared) or 'none'}"
    if is_before(release, OLDEST):
        return f"Linux {release} is older than all that is known, and is simulated as {OLDEST} ({so_far})"
    if is_before(NEWEST, release):
        return f"Linux {release} is newer than all that is known, and is simulated as {NEWEST} ({so_far})"
    return f"Linux {release} is simulated by its known differences alone ({so_far})"
