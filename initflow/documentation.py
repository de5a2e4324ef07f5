"""`python -m initflow.documentation` writes the pages of docs/ that come from the flows, the rules, the catalogue, and runs.

A test compares them: after a change of any of these, run it.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from initflow.flow import Group, Step
from initflow.flows import FLOWS
from initflow.invariants.lines import GROUPS, Status
from initflow.reference import rules as rules_of
from initflow.reference import steps as steps_of
from initflow.reference.catalogue import Entry, entries, group, moment, summary, told
from initflow.reference.findings_page import findings_page
from initflow.reference.markdown import ORIGIN, table
from initflow.reference.synchronisation import pictures
from kernelapi.call import Call
from kernelapi.kernel import CALLS
from kernelapi.protocol.families import FAMILIES
from kernelapi.releases import NEWEST, OLDEST, Change, changes
from kernelapi.rules import Refusal, Rule, rules
from kernelapi.testing import golden

# -- docs/flow.md --


def flow_page() -> Iterator[str]:
    """Every flow as a picture and as a tree of steps."""
    yield "# The flows"
    yield ""
    yield f"{ORIGIN} On a terminal: `initflow explain`; one step with all that is known of it: `initflow explain set_uid`."
    yield ""
    yield "A step says what it does, and why it stands where it stands. In brackets: the slots that it reads and writes: so"
    yield "steps hand on what they found out. What stands in quotes is put before the errors of the steps below it."
    for flow in FLOWS.values():
        yield ""
        yield f"## {flow.name}"
        yield ""
        yield flow.doc
        yield ""
        yield "What waits for what (a colon: the same step goes on):"
        for title, lines in pictures(flow).items():
            yield ""
            yield f"{title}:"
            yield ""
            yield "```"
            yield from lines
            yield "```"
        for name, part in steps_of.parts(flow).items():
            yield ""
            yield f"### {flow.name}: {name}"
            yield ""
            yield part.doc
            yield ""
            yield from _tree(part, 0)


def _tree(group: Group, depth: int) -> Iterator[str]:
    for child in group.children:
        if isinstance(child, Step):
            yield _item(child, depth, "")
        elif only := steps_of.wrapped(child):
            yield _item(only, depth, child.prefix)
        else:
            condition = f" Only if: {text}." if (text := steps_of.condition(child)) else ""
            yield f'{"  " * depth}- "{child.prefix}" {child.doc}{condition}'
            yield from _tree(child, depth + 1)


def _item(step: Step, depth: int, prefix: str) -> str:
    file, _ = steps_of.source(step)
    facts = [f'prefix "{prefix}"'] if prefix else []
    facts += [f"{verb} {', '.join(slots)}" for verb, slots in (("reads", step.reads), ("writes", step.writes)) if slots]
    brackets = f" *[{'; '.join(facts)}]*" if facts else ""
    return f"{'  ' * depth}- [**{step.name}**](../{file}) {' '.join(steps_of.paragraphs(step.doc))}{brackets}"


# -- docs/rules.md --


def rules_page() -> Iterator[str]:
    """Every call with its rows, every family."""
    all = list(rules())
    excused = sum(row.excuse is not None for row in all)
    yield "# The rules"
    yield ""
    yield f"{ORIGIN} On a terminal: `initflow rules`, `initflow rules setuid`."
    yield ""
    yield f"{len(CALLS)} calls, {len(all)} rows. A *refusal* is one way in which a call fails: a call's refusals stand in the"
    yield "order in which Linux checks them, and *depends* says on what. An *effect* is a change that its name does not tell."
    yield "A row whose id begins with the name of a family is one of several calls; its source stands [with the"
    yield f"family](#families). {excused} rows cannot be provoked by tests on the real kernel: those say why."
    for calls in rules_of.nouns().values():
        yield ""
        yield f"## {rules_of.title(rules_of.noun(calls[0]))}"
        if calls[0].general is not None:
            yield ""
            yield from map(_narrower_name, calls)
            continue
        for call in calls:
            yield from _call(call)
    yield ""
    yield "## Families"
    yield ""
    yield "Rows that several calls share."
    for name, rows in rules_of.families().items():
        yield ""
        yield f"### Family {name}"
        yield ""
        yield f"{FAMILIES[name][0].upper()}{FAMILIES[name][1:]}: {', '.join(_links(name))}."
        yield ""
        yield from table(
            ("errno", "row", "cause", "depends", "source"),
            ((_errno(row), f"`{row.id}`", _cause(row), _depends(row), row.source) for row in rows),
        )
    yield from _releases()


def _releases() -> Iterator[str]:
    """What is known to differ between releases, and with which of them the simulated kernel has been compared."""
    yield ""
    yield "## Releases"
    yield ""
    yield f"What is known to differ between Linux {OLDEST} and {NEWEST}. The simulated kernel answers by the release of its"
    yield f"host; it has been compared with the real {', '.join(golden.releases())}."
    yield ""
    yield from table(("release", "row", "", "cause"), map(_change, changes()))


def _change(change: Change) -> tuple[str, ...]:
    return (change.release, f"`{change.row.id}`", "gone" if change.gone else "new", change.row.cause)


def _call(call: Call) -> Iterator[str]:
    yield ""
    yield f"### {call.name}"
    yield ""
    yield f"`{rules_of.signature(call)}`: {rules_of.meaning(call)}"
    if names := rules_of.aliases(call):
        yield f"Narrower names: {', '.join(names)}."
    for title, rows in (("refusal", call.refusals), ("effect", call.effects)):
        if rows:
            refusals = title == "refusal"
            yield ""
            yield from table(
                ("", "errno", title, "cause", "depends", "source") if refusals else ("", title, "cause", "source"),
                (_cells(number, row, refusals=refusals) for number, row in enumerate(rows, 1)),
            )


def _cells(number: int, row: Rule, *, refusals: bool) -> tuple[str, ...]:
    source = f"[{row.call}](#family-{row.call})" if row.call in FAMILIES else row.source
    if refusals:
        return (str(number), _errno(row), f"`{row.id}`", _cause(row), _depends(row), source)
    return (str(number), f"`{row.id}`", _cause(row), source)


def _narrower_name(call: Call) -> str:
    assert call.general is not None
    without = dict.fromkeys(f"`{row.id}`" for row in _rows(call.general) if row not in _rows(call))
    but = f", without {', '.join(without)}" if without else ""
    return f"- `{rules_of.signature(call)}`: {_link(call.general.name)}{but}"


def _rows(call: Call) -> tuple[Rule, ...]:
    return (*call.refusals, *call.effects)


def _links(family: str) -> list[str]:
    """The calls with rows of a family, without the narrower names."""
    return [_link(name) for name in rules_of.members(family) if CALLS[name].general is None]


def _link(name: str) -> str:
    return f"[{name}](#{name})"


def _errno(row: Rule) -> str:
    return row.errno_name if isinstance(row, Refusal) else ""


def _depends(row: Rule) -> str:
    return row.depends.value if isinstance(row, Refusal) else ""


def _cause(row: Rule) -> str:
    return "; ".join((row.cause, *rules_of.notes(row)))


# -- docs/invariants.md --


def invariants_page() -> Iterator[str]:
    """Every line of the catalogue, then what is checked in full."""
    all = entries()
    yield "# The invariants"
    yield ""
    yield f"{ORIGIN} On a terminal: `initflow invariants`, `initflow invariants CAP-02`."
    yield ""
    yield f"What a correct container init satisfies. Of {len(all)} lines {summary(all.values())}."
    yield ""
    yield "| what | lines |"
    yield "|---|---|"
    for text, ids in _waiting(all.values()):
        yield f"| {text} | {', '.join(ids)} |"
    yield ""
    yield "## All lines"
    for letters, title in GROUPS.items():
        members = [entry for entry in all.values() if group(entry.id) == letters]
        yield ""
        yield f"### {letters}: {title}"
        yield ""
        yield from table(("id", "what holds", "how far we are"), map(_line, members))
    yield ""
    yield "## What is checked, and why"
    for entry in all.values():
        if entry.invariant is not None:
            invariant = entry.invariant
            yield ""
            yield f"### {entry.id}"
            yield ""
            yield f"**{invariant.statement}** {invariant.reason}"
            yield ""
            yield f"Severity {invariant.severity.value}; decided {moment(invariant.at)}. Source: {invariant.source}."


def _waiting(all: Iterable[Entry]) -> Iterator[tuple[str, list[str]]]:
    """What is not checked, by what it waits for."""
    found: dict[str, list[str]] = {}
    for entry in all:
        if entry.status is Status.NOT_DECIDABLE:
            found.setdefault("cannot be decided from a run", []).append(entry.id)
        elif entry.status is not Status.CHECKED:
            found.setdefault(told(entry), []).append(entry.id)
    yield from found.items()


def _line(entry: Entry) -> tuple[str, str, str]:
    checked = entry.status is Status.CHECKED
    id = f"[{entry.id}](#{entry.id.lower()})" if checked else entry.id
    if entry.line is None:
        return (id, entry.statement, f"ours: {told(entry)}")
    statement = f"{entry.line.statement[0].upper()}{entry.line.statement[1:]}."
    return (id, statement, f"checked: {told(entry)}" if checked else told(entry))


# -- all of them --


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "flow.md": flow_page,
    "rules.md": rules_page,
    "invariants.md": invariants_page,
    "findings.md": findings_page,
}
"""What is in docs/ of it, by file."""


def write(directory: Path) -> None:
    """Write the pages."""
    for name, lines in PAGES.items():
        (directory / name).write_text(text(lines), "utf-8")


def text(lines: Callable[[], Iterator[str]]) -> str:
    """A page as one text."""
    return "".join(f"{line.rstrip()}\n" for line in lines())


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs"))
