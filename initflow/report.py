"""What `verify` shows: a readable report for people, and the JSON that programs read."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from initflow.gostruct import Finding
from initflow.invariants.model import Invariant, Obligation, Severity, Verdict
from initflow.narrative import Chapter, chapters, with_changes
from initflow.run import Outcome, Role
from initflow.verification import Result
from kernelapi.notation import render, render_call

SCHEMA = "initflow.verify/1"

OUTCOME_STYLES = {Outcome.EXECUTED: "green", Outcome.REFUSED: "yellow", Outcome.DIED: "red", Outcome.HUNG: "red"}
SEVERITY_STYLES = {Severity.HIGH: "bold red", Severity.MEDIUM: "red", Severity.LOW: "yellow"}
LSM_NAMES = {"apparmor": "AppArmor", "selinux": "SELinux"}
OUTCOME_WORDS = {
    Outcome.EXECUTED: "init became the payload",
    Outcome.REFUSED: "refused",
    Outcome.DIED: "init ended without becoming the payload",
    Outcome.HUNG: "somebody waits for ever",
}
ENTERED_WORDS = {
    **OUTCOME_WORDS,
    Outcome.EXECUTED: "who entered became the payload",
    Outcome.DIED: "who entered ended without becoming the payload",
}
"""Where a process is brought into a container that runs already."""

CONTAINER = "runs already; without --exec-in its start is shown"


def as_json(name: str, result: Result, warnings: Iterable[Finding], variants: Sequence[str] = ()) -> dict[str, Any]:
    """One entry of `results` in the document of `verify --json`; see docs/json.md."""
    run, judgement = result.run, result.judgement
    counts = {verdict: len(judgement.having(verdict)) for verdict in (*Verdict, None)}
    return {
        "config": name,
        "flow": run.setting.flow.name,
        "image": run.setting.image,
        "caller": run.setting.caller,
        "variants": list(variants),
        "into": list(run.setting.into) if run.setting.into is not None else None,
        "lsm": run.machine.host.security_module or "none",
        "outcome": run.outcome.value,
        "payload": run.payload,
        "reported": run.reported.value,
        "message": run.message,
        "calls": len(run.events),
        "steps": [{"name": chapter.step, "calls": len(chapter.events)} for chapter in chapters(run)],
        "invariants": {
            "checked": sum(counts.values()),
            "held": counts[Verdict.HELD],
            "violated": counts[Verdict.VIOLATED],
            "undecidable": counts[Verdict.UNDECIDABLE],
            "not_applicable": counts[None],
        },
        "violations": [_violation(invariant, obligation) for invariant, obligation in judgement.violations],
        "warnings": [{"rule": finding.rule, "place": finding.place, "message": finding.message} for finding in warnings],
    }


def _violation(invariant: Invariant, obligation: Obligation) -> dict[str, Any]:
    event = obligation.event
    return {
        "invariant": invariant.id,
        "severity": invariant.severity.value,
        "process": obligation.process,
        "event": event.index if event is not None else None,
        "call": render(event) if event is not None else None,
        "explanation": obligation.explanation,
    }


def show(
    console: Console, name: str, result: Result, warnings: Iterable[Finding], variants: Sequence[str] = (), *, trace: bool
) -> None:
    """The report for people: how it came out, step by step what happened, then the invariants, the broken ones first."""
    run = result.run
    setting = run.setting
    into = f", into a container that runs {' '.join(setting.into)}" if setting.into is not None else ""
    console.print(Text.assemble((name, "bold"), f"  flow {setting.flow.name}, payload {' '.join(setting.args)}{into}"))
    odd = [f"variant {variant}" for variant in variants]
    odd += [f"{what} {word}" for what, word in (("image", setting.image), ("caller", setting.caller)) if word != "default"]
    odd += [f"host and build with {LSM_NAMES[module]}" for module in run.machine.host.security_modules]
    if odd:
        console.print(f"  {', '.join(odd)}", markup=False)
    words = OUTCOME_WORDS if setting.into is None else ENTERED_WORDS
    outcome = Text.assemble("  ", (run.outcome.value, f"bold {OUTCOME_STYLES[run.outcome]}"), f": {words[run.outcome]}")
    if run.message:
        outcome.append(f": {run.message}")
    outcome.append(f"; the parent was told: {run.reported.value}; {len(run.events)} calls")
    console.print(outcome)
    if run.outcome is Outcome.DIED and run.output:
        for line in run.output.decode("utf-8", "replace").splitlines():
            console.print(f"  written: {line}", markup=False)
    for finding in warnings:
        console.print(Text.assemble(("  warning ", "yellow"), str(finding)))
    for waiting in run.standstill.waiting:
        console.print(f"  process {waiting.process} ({waiting.comm}) waits in {waiting.call}: {waiting.reason}", markup=False)
    console.print()
    _show_steps(console, result, trace=trace)
    console.print()
    _show_invariants(console, result)


def _show_steps(console: Console, result: Result, *, trace: bool) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, pad_edge=False)
    table.add_column("  process", no_wrap=True)
    table.add_column("step", no_wrap=True)
    table.add_column("calls", justify="right")
    table.add_column("what it changed" if not trace else "calls, and what they changed", overflow="fold")
    for chapter in with_changes(result.run):
        table.add_row(f"  {chapter.role.value}", chapter.step, str(len(chapter.events)), _told(chapter, trace=trace))
    console.print(table)


def _told(chapter: Chapter, *, trace: bool) -> Text:
    if chapter.role is Role.CONTAINER:
        return Text(CONTAINER if not chapter.events[0].index else "", style="dim")
    lines = [Text(render(event), style="cyan") for event in chapter.events] if trace else []
    lines += [Text(change) for change in _shortened(chapter.changes, whole=trace)]
    return Text("\n").join(lines)


def _shortened(changes: tuple[str, ...], *, whole: bool) -> list[str]:
    limit = len(changes) if whole else 12
    return [*changes[:limit], *([f"... and {len(changes) - limit} more"] if len(changes) > limit else [])]


def _show_invariants(console: Console, result: Result) -> None:
    judgement = result.judgement
    for invariant, obligation in judgement.violations:
        console.print(
            Text.assemble(
                ("  broken ", "bold red"),
                (invariant.id, "bold"),
                "  ",
                (invariant.severity.value, SEVERITY_STYLES[invariant.severity]),
                f"  {invariant.statement}",
            )
        )
        who = Role.INIT.value if not obligation.process else f"process {obligation.process}"
        event = obligation.event
        where = f" at event {event.index}, {render_call(event.call, event.args)}" if event is not None else ""
        console.print(Padding(Text(f"{who}{where}: {obligation.explanation}."), (0, 0, 0, 9)))
        if invariant.reason:
            console.print(Padding(Text(invariant.reason, style="dim"), (0, 0, 0, 9)))
    for invariant in judgement.having(Verdict.UNDECIDABLE):
        reasons = {
            obligation.explanation
            for obligation in judgement.obligations[invariant.id]
            if obligation.verdict is Verdict.UNDECIDABLE
        }
        console.print(Text(f"  undecidable {invariant.id}: {'; '.join(sorted(reasons))}", style="yellow"))
    counts = {verdict: len(judgement.having(verdict)) for verdict in (*Verdict, None)}
    console.print(
        f"  {sum(counts.values())} invariants: {counts[Verdict.HELD]} held, {counts[Verdict.VIOLATED]} violated, "
        f"{counts[Verdict.UNDECIDABLE]} undecidable, {counts[None]} not applicable",
        markup=False,
        highlight=False,
    )
