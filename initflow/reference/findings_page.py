"""docs/findings.md: what is broken in the original flow, as a reader comes to it."""

from collections.abc import Iterator
from pathlib import Path

from initflow.callers import CALLERS, DEFAULT_CALLER
from initflow.images import DEFAULT_IMAGE, IMAGES
from initflow.invariants.model import Severity, When
from initflow.reference.findings import PLAIN, Finding, Findings, Start, Way, find
from initflow.reference.markdown import ORIGIN, anchor, code, table
from initflow.run import Outcome
from initflow.variants import VARIANTS

EXAMPLES = Path(__file__).parents[2] / "examples"

WAYS = 5
"""So many ways of one finding are shown; the others are counted."""

CALL = 70
"""Calls up to this length are shown with all their arguments."""

EXCEPTIONS = 6
"""Up to so many starts that do not show what nearly all show are named."""

WORTH = {
    Severity.HIGH: "the container's boundary gives way, or a start is reported wrongly",
    Severity.MEDIUM: "the boundary gives way with one more mistake elsewhere",
    Severity.LOW: "robustness, or a promise to the payload",
}


def findings_page() -> Iterator[str]:
    """A summary, the contents, a section for each finding, and all starts."""
    found = find(EXAMPLES)
    yield "# What is broken in the original flow"
    yield ""
    yield ORIGIN
    yield ""
    yield from _introduction(found)
    yield ""
    yield from _contents(found)
    yield ""
    yield "## The findings"
    for finding in found.findings:
        yield ""
        yield from _section(found, finding)
    yield ""
    yield from _all_starts(found)


# -- in short --


INTRODUCTION = """\
The flow of docker/libcontainer, as it was in January 2015, was started {starts} times on the simulated kernel: with the
configurations in [examples](../examples), with [variants](../initflow/variants.py) of the plainest of them, from hostile or
broken [images](../initflow/images.py), and by careless [callers](../initflow/callers.py). Each run was judged by the
[invariants](invariants.md). Here is what they found: what is broken, at which call of which [step](flow.md), what one sees of
it, and what later runtimes do instead. Each finding can be had again with the command below it.

Of {starts} starts {executed} ended in the payload, {refused} were refused with a message, in {died} init died, and {hung} never
ended. In {misled} of them the runtime was told something else than what happened, among these {silent} in which no payload ran:
{sync}.

Even the plainest, `examples/{plain}`, breaks {broken} invariants: {usual}."""


def _introduction(found: Findings) -> Iterator[str]:
    starts, broken = found.starts, found.plain.breaks
    counts = {outcome.value: sum(start.outcome is outcome for start in starts) for outcome in Outcome}
    yield from INTRODUCTION.format(
        **counts,
        starts=len(starts),
        misled=sum(start.misleads for start in starts),
        silent=sum(start.misleads and not start.payload for start in starts),
        sync=_link(_of(found, "SYNC-03")),
        plain=PLAIN,
        broken=len(broken),
        usual=", ".join(_link(finding) for finding in found.findings if finding.invariant.id in broken),
    ).splitlines()


def _contents(found: Findings) -> Iterator[str]:
    yield "## Contents"
    for severity in Severity:
        findings = [finding for finding in found.findings if finding.invariant.severity is severity]
        if findings:
            yield ""
            yield f"**{severity.value.capitalize()}**: {WORTH[severity]}."
            yield ""
            yield from table(
                ("finding", "what breaks", "for example with", "starts"),
                (
                    (_link(each), each.remark.breaks, _shown_by(each.starts[0]), str(len(each.starts)))
                    for each in findings
                ),
            )


def _of(found: Findings, id: str) -> Finding:
    return next(finding for finding in found.findings if finding.invariant.id == id)


def _link(finding: Finding) -> str:
    return f"[{finding.invariant.id}](#{anchor(_title(finding))})"


def _title(finding: Finding) -> str:
    return f"{finding.invariant.id}: {finding.remark.breaks}"


# -- one finding --


def _section(found: Findings, finding: Finding) -> Iterator[str]:
    invariant, remark = finding.invariant, finding.remark
    yield f"### {_title(finding)}"
    yield ""
    yield f"[{invariant.id}](invariants.md#{invariant.id.lower()}), {invariant.severity.value}: *{invariant.statement}*"
    yield invariant.reason
    yield ""
    yield "What happens:"
    yield ""
    shown = finding.ways if len(finding.ways) <= WAYS + 1 else finding.ways[:WAYS]
    for way in shown:
        yield f"- {_where(way)}: {_as_text(way.explanation)}."
    if shown != finding.ways:
        yield f"- And {len(finding.ways) - WAYS} more of the kind."
    yield ""
    yield from _shown(found, finding)
    yield ""
    if remark.cause:
        yield f"It comes with {_link(_of(found, remark.cause))}."
    if remark.later:
        yield f"Later runtimes: {remark.later}"
    yield f"Source: {invariant.source}."
    yield ""
    yield "```sh"
    yield _command(finding.starts[0])
    yield "```"


def _where(way: Way) -> str:
    start = way.starts[0]
    if way.event is None or way.role is None:
        return f"At the end of the run with {_shown_by(start)}"
    step = ""
    if way.step is not None:
        step = f" in [{way.step}](flow.md#{anchor(f'{way.flow}: {way.part}')}),"
    return f"{way.role.value.capitalize()}{step} at {code(_shortened(way.call))}, event {way.event} of {_shown_by(start)}"


def _shortened(call: str) -> str:
    """A call without its later arguments, where they are long."""
    if len(call) <= CALL:
        return call
    first, comma, _ = call.partition(", ")
    return f"{first}{comma}...)"


def _as_text(explanation: str) -> str:
    return explanation.replace("<", "&lt;").replace("*", r"\*")


def _shown(found: Findings, finding: Finding) -> Iterator[str]:
    """Which starts show it, and what one sees of it: of each start under one finding, to which the others refer."""
    starts = finding.starts
    if starts[0].is_plain:
        yield _nearly_all(found, finding)
        return
    telling = [start for start in starts if start.situation.seen and finding.invariant.id in found.new(start)]
    if not telling:
        yield f"It shows with {', '.join(map(_shown_by, starts))}."
        return
    yield "What one sees of it:"
    yield ""
    elsewhere: dict[Finding, list[Start]] = {}
    for start in telling:
        if (home := found.home(start)) is finding:
            yield f"- With {_shown_by(start)}: {start.situation.seen}"
        else:
            elsewhere.setdefault(home, []).append(start)
    for home, told in elsewhere.items():
        yield f"- With {', '.join(map(_shown_by, told))}: see {_link(home)}."
    if others := [start for start in starts if start not in telling]:
        yield f"- And with {', '.join(map(_shown_by, others))}."


def _nearly_all(found: Findings, finding: Finding) -> str:
    """In how many starts it shows, for what shows in the plain one already."""
    at_exec = finding.invariant.at.when is When.EXEC
    concerned = [start for start in found.starts if start.payload or not at_exec]
    without = [start for start in concerned if start not in finding.starts]
    kind = "starts in which the payload ran" if at_exec else "starts"
    if not without:
        return f"It shows in all {len(concerned)} {kind}."
    if len(without) <= EXCEPTIONS:
        return f"It shows in all {len(concerned)} {kind}, except {', '.join(map(_shown_by, without))}."
    return f"It shows in {len(finding.starts)} of {len(concerned)} {kind}."


def _shown_by(start: Start) -> str:
    """What a start has that the plain one has not; the plain one by name."""
    words = start.situation.options
    return code(" ".join((f"examples/{start.config}", *words) if start.config != PLAIN or start.is_plain else words))


def _command(start: Start) -> str:
    return " ".join(("initflow verify", f"examples/{start.config}", *start.situation.options))


# -- all starts --


def _all_starts(found: Findings) -> Iterator[str]:
    yield "## All starts"
    yield ""
    yield f"How each came out, and what it breaks that `examples/{PLAIN}` as it is does not break. A message is what the"
    yield "runtime was told."
    starts = found.starts
    groups = {
        "The examples": [start for start in starts if _kind(start) == "example"],
        "Entering a running container": [start for start in starts if _kind(start) == "entry"],
        "Variants of the configuration": [start for start in starts if _kind(start) == "variant"],
        "Images": [start for start in starts if _kind(start) == "image"],
        "Callers": [start for start in starts if _kind(start) == "caller"],
    }
    links = {finding.invariant.id: _link(finding) for finding in found.findings}
    for title, members in groups.items():
        yield ""
        yield f"### {title}"
        yield ""
        yield from table(
            ("start", "what is odd", "how it came out", "breaks besides", "what one sees"),
            (_row(found, start, links) for start in members),
        )


def _kind(start: Start) -> str:
    if start.situation.enters:
        return "entry"
    if start.situation.image != DEFAULT_IMAGE.name:
        return "image"
    if start.situation.caller != DEFAULT_CALLER.name:
        return "caller"
    return "variant" if start.situation.variants and start.config == PLAIN else "example"


def _row(found: Findings, start: Start, links: dict[str, str]) -> tuple[str, ...]:
    besides = (link for id, link in links.items() if id in start.breaks - found.plain.breaks)
    return (_shown_by(start), _odd(start), _came_out(start), ", ".join(besides), start.situation.seen)


def _odd(start: Start) -> str:
    situation = start.situation
    odd = [VARIANTS[name].oddity for name in situation.variants]
    if situation.image != DEFAULT_IMAGE.name:
        odd.append(IMAGES[situation.image].oddity)
    if situation.caller != DEFAULT_CALLER.name:
        odd.append(CALLERS[situation.caller].oddity)
    return " ".join(odd)


def _came_out(start: Start) -> str:
    if start.misleads:
        return f"{start.outcome.value}, and the runtime was told: {start.message or start.reported.value}"
    return f"{start.outcome.value}: {start.message}" if start.message else start.outcome.value
