"""What a configuration does without one step: run both ways, and compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from initflow.configuration import Configuration
from initflow.flow import Step
from initflow.invariants.judge import Judgement
from initflow.invariants.model import Invariant, Verdict
from initflow.run import Outcome, Run
from initflow.verification import verify


@dataclass(frozen=True)
class Experiment:
    """A step left out of a run. `broken` is what it breaks besides; `mended` what no longer is, where all was run as before."""

    step: Step
    whole: Run
    without: Run
    broken: tuple[Invariant, ...]
    mended: tuple[Invariant, ...]

    @property
    def changes_nothing(self) -> bool:
        same = (self.whole.outcome, self.whole.message) == (self.without.outcome, self.without.message)
        return same and not self.broken and not self.mended

    @property
    def outcome(self) -> str:
        """How it comes out without the step, in words."""
        message = f": {self.without.message}" if self.without.message else ""
        lacking = self.step.writes if self.without.outcome is Outcome.DIED else ()
        empty = f" ({', '.join(lacking)} stays empty)" if lacking else ""
        return f"{self.without.outcome.value}{message}{empty}"


def leave_out(step: Step, configuration: Configuration, *, into: Sequence[str] | None = None) -> Experiment | None:
    """Run `configuration` with the step and without it: with `into`, bringing a process into a container that runs already.

    None where its flow has no such step.
    """
    whole = verify(configuration, into=into)
    flow = whole.run.setting.flow
    if step not in flow.leaves():
        return None
    without = verify(configuration, flow=flow.without(step.name), into=into)
    broken = tuple(invariant for invariant in _broken(without.judgement) if invariant not in _broken(whole.judgement))
    mended = tuple(invariant for invariant in _broken(whole.judgement) if invariant not in _broken(without.judgement))
    if without.run.outcome is not whole.run.outcome:
        mended = ()  # less was run: what did not come about was not put right
    return Experiment(step, whole.run, without.run, broken, mended)


def _broken(judgement: Judgement) -> tuple[Invariant, ...]:
    return judgement.having(Verdict.VIOLATED)
