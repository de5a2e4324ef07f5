"""Which invariants look at a step."""

from initflow.flow import Step
from initflow.invariants.catalogue import INVARIANTS
from initflow.invariants.model import Invariant, When
from initflow.reference.steps import Place, calls

BECOMING = ("init", "entered")
"""The parts at whose end the payload begins."""

BECOMES_PAYLOAD = frozenset(("execve", "execveat"))


def watchers(step: Step, place: Place) -> tuple[Invariant, ...]:
    """The invariants that are decided at calls that the step can make.

    They judge the process that becomes the payload, or makes the one that does: the steps of others have none. What is decided
    at exec looks back at all steps, and stands with the one that makes that call.
    """
    if place.part not in ("prologue", "entering", *BECOMING):
        return ()
    names = {name for call in calls(step) for name in (call.name, (call.general or call).name)}
    is_last = place.next is None and names & BECOMES_PAYLOAD and place.part in BECOMING
    return tuple(
        invariant
        for invariant in INVARIANTS.values()
        if names & invariant.at.calls or (is_last and invariant.at.when is When.EXEC)
    )
