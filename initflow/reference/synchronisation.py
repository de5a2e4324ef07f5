"""Where the processes of a flow wait for each other, and pictures of that."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from initflow.flow import Flow, Group
from initflow.reference.steps import parts, wrapped

FIRST, LAST = "the first step", "the last step"
"""Of the other process, whichever step that is."""


@dataclass(frozen=True, slots=True)
class Synchronisation:
    """Something that goes from one process to another: from the step that sends to the step that it lets go on."""

    sender: str
    receiver: str
    what: str


SYNCHRONISATIONS = (
    Synchronisation("start_init", FIRST, "clone"),
    Synchronisation("start_init", "await_id_maps", "id maps are written"),
    Synchronisation("start_program", "start_init", "exec: its report pipe closes"),
    Synchronisation("send_network_state", "read_network_state", "network state"),
    Synchronisation("execute", "await_init", "exec: its pipe closes; or an error"),
    Synchronisation("execute", "wait_for_exit", "exit status"),
    Synchronisation("start_nsenter", FIRST, "clone, exec"),
    Synchronisation("send_configuration", "await_cgroups", "go ahead, configuration"),
    Synchronisation(LAST, "await_nsenter", "exit status"),
)
"""In the order in which they happen. Those whose steps a flow lacks do not concern it."""

ARROW = 40
"""The width of an arrow, with its words."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a lane: a step, or a group of several in short; a heading has no steps."""

    label: str
    steps: frozenset[str] = frozenset()


def pictures(flow: Flow) -> dict[str, list[str]]:
    """By title: the parent and its child; where there is a setup helper, its processes. In lines of text, with what one process
    does on the left, and what those do that it starts on the right. What is on one level may happen at the same time."""
    groups = parts(flow)
    helpers = [name for name in groups if name.startswith("helper")]
    found = {"Parent and child": _picture(groups, ["parent"], [name for name in groups if name not in ("parent", *helpers)])}
    if helpers:
        found["The setup helper"] = _picture(groups, helpers[:1], helpers[1:])
    return found


def _picture(groups: dict[str, Group], left_parts: list[str], right_parts: list[str]) -> list[str]:
    left, right = list(_lane(groups, left_parts)), list(_lane(groups, right_parts))
    width = max(len(entry.label) for entry in left)
    lines = []

    def add(mine: str, theirs: str, arrow: str = "") -> None:
        lines.append(f"{mine:{width}}  {arrow:{ARROW}}  {theirs}".rstrip())

    def add_all(mine: list[Entry], theirs: list[Entry]) -> None:
        for one, other in zip_longest(mine, theirs, fillvalue=Entry("")):
            add(one.label, other.label)

    seen_left = seen_right = 0
    for one in SYNCHRONISATIONS:
        outwards = _place(left, one.sender) is not None and one.sender != LAST
        at_left = _place(left, one.sender if outwards else one.receiver)
        at_right = _place(right, one.receiver if outwards else one.sender)
        if at_left is None or at_right is None:
            continue
        theirs = right[seen_right:at_right]
        if not seen_right:  # there is no child yet
            theirs = [Entry("")] * (at_left - seen_left - len(theirs)) + theirs
        add_all(left[seen_left:at_left], theirs)
        dashes = "-" * (ARROW - len(one.what) - 5)
        arrow = f"-- {one.what} {dashes}>" if outwards else f"<{dashes} {one.what} --"
        add(
            left[at_left].label if at_left >= seen_left else ":",
            right[at_right].label if at_right >= seen_right else ":",
            arrow,
        )
        seen_left, seen_right = max(seen_left, at_left + 1), max(seen_right, at_right + 1)
    add_all(left[seen_left:], right[seen_right:])
    return lines


def _lane(groups: dict[str, Group], names: list[str]) -> Iterator[Entry]:
    for name in names:
        yield Entry(f"({name})")
        for child in groups[name].children:
            if isinstance(child, Group):
                only = wrapped(child)
                label = only.name if only is not None else f'"{child.prefix}" ...'
                yield Entry(label, frozenset(step.name for step in child.leaves()))
            else:
                yield Entry(child.name, frozenset((child.name,)))


def _place(lane: list[Entry], step: str) -> int | None:
    """Where a step is in a lane; None where it is not there."""
    if step == LAST:
        return len(lane) - 1
    return next((n for n, entry in enumerate(lane) if step in entry.steps or (step == FIRST and entry.steps)), None)
