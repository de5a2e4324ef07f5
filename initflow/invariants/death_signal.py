"""PD: does the container die with its parent?"""

from collections.abc import Iterator

from initflow.invariants.model import EXEC, MEDIUM, Exec, Moment, Obligation, after, decide, invariant
from initflow.run import BEFORE_PAYLOAD, Role


@invariant("PD-01", at=EXEC, severity=MEDIUM, source="PR_SET_PDEATHSIG(2const); kernel/cred.c commit_creds")
def the_parent_death_signal_is_still_set_at_exec(moment: Exec) -> Iterator[Obligation]:
    """After exec, the parent death signal is the one that was set when init started.

    A change of ids clears it without a word; so does an exec that gains capabilities, or that brings another label of AppArmor
    or SELinux. The container then outlives its runtime.
    """
    asked = _first_signal(moment)
    if asked:
        found = moment.next.parent_death_signal
        yield decide(
            moment,
            found == asked,
            f"its parent death signal is {found} and not {asked}, as set at the start",
            found=found,
        )


@invariant("PD-02", at=after("prctl_set_pdeathsig"), severity=MEDIUM, source="PR_SET_PDEATHSIG(2const)")
def after_setting_the_signal_init_looks_whether_the_parent_still_lives(moment: Moment) -> Iterator[Obligation]:
    """After each time it asks for the signal, init asks who its parent is.

    A parent that died just before sends no signal: only looking afterwards closes the gap.
    """
    if not moment.is_init or moment.event is None or moment.event.errno or not moment.args("signal"):
        return
    looked = any(
        event.call.name == "getppid" and event.process == moment.event.process and event.index > moment.event.index
        for event in moment.run.events
    )
    yield decide(moment, looked, "it never looks whether its parent died before it asked for the signal")


@invariant("PD-03", at=EXEC, severity=MEDIUM, source="PR_SET_PDEATHSIG(2const); prctl(2), PR_SET_CHILD_SUBREAPER")
def the_parent_lives_when_the_payload_starts(moment: Exec) -> Iterator[Obligation]:
    """At exec, where the parent death signal was asked for, the parent is alive.

    One that died while the signal was cleared is missed by looking whether the new parent is process 1: below a subreaper it is
    not, and in a new pid namespace there is none to see. The container then runs, and nobody knows of it.
    """
    parent = moment.run.parent
    if parent is not None and _first_signal(moment):
        yield decide(moment, parent.lives, "its parent has died, and it goes on")


@invariant("PD-04", at=after("getppid"), severity=MEDIUM, source="getppid(2); pid_namespaces(7)")
def a_parent_that_cannot_be_seen_proves_nothing(moment: Moment) -> Iterator[Obligation]:
    """Where init asks who its parent is, in order to learn whether it lives, the answer can tell.

    In a new pid namespace it is 0 before and after the parent's death.
    """
    if moment.is_init and moment.event is not None and moment.state.parent_death_signal:
        yield decide(
            moment,
            moment.event.result != 0,
            "it asks who its parent is and gets 0, for one outside its pid namespace: a dead parent looks the same",
        )


@invariant("PD-06", at=EXEC, severity=MEDIUM, source="PR_SET_PDEATHSIG(2const)")
def somebody_has_asked_for_the_parent_death_signal(moment: Exec) -> Iterator[Obligation]:
    """On its way to exec, init has asked for the parent death signal.

    Where it never does, what runs in the container outlives the runtime that started it, which nobody can then ask to end it.
    """
    yield decide(moment, bool(_first_signal(moment)), "nobody has asked that it die with its parent")


def _first_signal(moment: Moment) -> int:
    ours = BEFORE_PAYLOAD | {Role.CHILD}
    for event, role in zip(moment.run.events, moment.run.roles, strict=True):
        if event.call.name == "prctl_set_pdeathsig" and role in ours and not event.errno:
            return int(event.args[0])
    return 0
