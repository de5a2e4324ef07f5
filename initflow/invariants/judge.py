"""Deciding the invariants on a run: go through its events, and at each moment that concerns one, look."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from initflow.invariants.catalogue import INVARIANTS
from initflow.invariants.model import Exec, Invariant, Moment, Obligation, Severity, Verdict, When
from initflow.run import Run
from initflow.state import mounts, process_state


@dataclass(frozen=True)
class Judgement:
    """What each invariant found. Those without obligations are not applicable to the run."""

    obligations: Mapping[str, tuple[Obligation, ...]]

    def verdict(self, id: str) -> Verdict | None:
        """Violated if one obligation is, else undecidable if one is, else held; None where there is none."""
        verdicts = {obligation.verdict for obligation in self.obligations[id]}
        return next((verdict for verdict in Verdict if verdict in verdicts), None)

    def having(self, verdict: Verdict | None) -> tuple[Invariant, ...]:
        """The invariants with this verdict (None: not applicable), the worst first."""
        order = list(Severity)
        found = [INVARIANTS[id] for id in self.obligations if self.verdict(id) is verdict]
        return tuple(sorted(found, key=lambda invariant: order.index(invariant.severity)))

    @property
    def violations(self) -> tuple[tuple[Invariant, Obligation], ...]:
        """Each violated obligation with its invariant, the worst first."""
        return tuple(
            (invariant, obligation)
            for invariant in self.having(Verdict.VIOLATED)
            for obligation in self.obligations[invariant.id]
            if obligation.verdict is Verdict.VIOLATED
        )


def judge(run: Run, ids: Iterable[str] | None = None) -> Judgement:
    """Decide the invariants (those with these ids; None: all) on `run`.

    The machine is taken back to its start and through the run again, as far as its state goes; it ends where it was.
    """
    chosen = [INVARIANTS[id] for id in (INVARIANTS if ids is None else ids)]
    found: dict[str, list[Obligation]] = {invariant.id: [] for invariant in chosen}
    listening: dict[tuple[When, str], list[Invariant]] = {}
    for invariant in chosen:
        for call in invariant.at.calls:
            listening.setdefault((invariant.at.when, call), []).append(invariant)
    at_exec = [invariant for invariant in chosen if invariant.at.when is When.EXEC]
    at_end = [invariant for invariant in chosen if invariant.at.when is When.END]
    concerned = {call for _, call in listening}

    def ask(invariants: Iterable[Invariant], moment: Moment) -> None:
        for invariant in invariants:
            found[invariant.id].extend(invariant.check(moment))

    store = run.machine.store
    end = store.position
    store.rewind(0)
    for event, step, role, task in zip(run.events, run.steps, run.roles, run.tasks, strict=True):
        name = event.call.name
        if name not in concerned and event is not run.exit:
            continue
        assert event.writes is not None
        start, stop = event.writes
        store.advance(start)
        moment = Moment(run, event, step, role, task)
        ask(listening.get((When.BEFORE, name), ()), moment)
        if event is run.exit:
            previous, previous_mounts = process_state(task), mounts(task)
            store.advance(stop)
            ask(at_exec, Exec(run, event, step, role, task, previous, process_state(task), previous_mounts))
        store.advance(stop)
        ask(listening.get((When.AFTER, name), ()), moment)
    store.advance(end)
    ask(at_end, Moment(run, None, None, None, None))
    return Judgement({id: tuple(obligations) for id, obligations in found.items()})
