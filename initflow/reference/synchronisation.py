"""Where the processes of a flow wait for each other, and a picture of that."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from initflow.flow import Flow, Group
from initflow.reference.steps import parts, wrapped


@dataclass(frozen=True, slots=True)
class Synchronisation:
    """Something that goes from one process to another: from the step that sends to the step that it lets go on."""

    sender: str
    receiver: str
    what: str


SYNCHRONISATIONS = (
    Synchronisation("start_init", "set_parent_death_signal", "clone"),
    Synchronisation("start_program", "start_init", "exec: its report pipe closes"),
    Synchronisation("send_network_state", "read_network_state", "network state"),
    Synchronisation("execute", "await_init", "exec: its pipe closes; or an error"),
    Synchronisation("execute", "wait_for_exit", "exit status"),
)
"""In the order in which they happen. Those whose steps a flow lacks do not concern it."""

ARROW = 40
"""The width of an arrow, with its words."""


def synchronisations(flow: Flow) -> tuple[Synchronisation, ...]:
    """Those of a flow."""
    names = {step.name for step in flow.leaves()}
    return tuple(one for one in SYNCHRONISATIONS if one.sender in names and one.receiver in names)


def picture(flow: Flow) -> Iterator[str]:
    """The parent's steps on the left, those of its child on the right, in lines of text: what is on one level may happen at
    the same time, and an arrow is what one waits for."""
    children = {name: group for name, group in parts(flow).items() if name != "parent"}
    left = list(_shown(flow.parent))
    right: list[str] = []
    for name, group in children.items():
        right += [f"({name})", *_shown(group)]
    width = max(map(len, left))
    yield f"{'parent':{width}}  {'':{ARROW}}  child"
    seen_left = seen_right = 0
    for one in synchronisations(flow):
        outwards = one.sender in left
        here, there = (one.sender, one.receiver) if outwards else (one.receiver, one.sender)
        if here not in left or there not in right:
            continue
        at_left, at_right = left.index(here), right.index(there)
        theirs_before = right[seen_right:at_right]
        if not seen_right:  # there is no child yet
            theirs_before = [""] * (at_left - seen_left - len(theirs_before)) + theirs_before
        before = zip_longest(left[seen_left:at_left], theirs_before, fillvalue="")
        yield from (f"{mine:{width}}  {'':{ARROW}}  {theirs}".rstrip() for mine, theirs in before)
        arrow = f"-- {one.what} {'-' * (ARROW - len(one.what) - 5)}>" if outwards else _backwards(one.what)
        mine = here if at_left >= seen_left else ":"
        theirs = there if at_right >= seen_right else ":"
        yield f"{mine:{width}}  {arrow}  {theirs}"
        seen_left, seen_right = max(seen_left, at_left + 1), max(seen_right, at_right + 1)
    rest = zip_longest(left[seen_left:], right[seen_right:], fillvalue="")
    yield from (f"{mine:{width}}  {'':{ARROW}}  {theirs}".rstrip() for mine, theirs in rest)


def _backwards(what: str) -> str:
    return f"<{'-' * (ARROW - len(what) - 5)} {what} --"


def _shown(group: Group) -> Iterator[str]:
    """The steps of a group by name; groups of several by their prefix, in quotes."""
    for child in group.children:
        if isinstance(child, Group):
            only = wrapped(child)
            yield only.name if only is not None else f'"{child.prefix}" ...'
        else:
            yield child.name
