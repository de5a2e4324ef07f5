"""CWD: where the payload starts."""

from collections.abc import Iterator
from errno import EACCES, EPERM

from initflow.invariants.model import EXEC, HIGH, LOW, Exec, Moment, Obligation, after, decide, invariant


@invariant("CWD-01", at=EXEC, severity=HIGH, source="getcwd(2); CVE-2024-21626")
def the_working_directory_is_inside_the_root(moment: Exec) -> Iterator[Obligation]:
    """At exec, the working directory lies below the root.

    From one outside it, ".." leads through the host.
    """
    state = moment.previous
    yield decide(moment, state.cwd_reachable, f"its working directory {state.cwd} is outside its root", cwd=state.cwd)


@invariant("CWD-02", at=after("chdir", "fchdir"), severity=LOW, source="path_resolution(7)")
def the_configured_directory_is_entered(moment: Moment) -> Iterator[Obligation]:
    """Entering the configured working directory does not fail for want of permission.

    Tried only with the payload's own rights, it fails for a directory that root could have entered; tried only with root's, for
    one on a file system that keeps root out.
    """
    if moment.is_init and moment.event is not None and moment.step is not None and moment.step.name == "change_directory":
        yield decide(
            moment,
            moment.event.errno not in (EACCES, EPERM),
            f"user {moment.state.uids[1]} may not enter {moment.event.args[0]}, and it was not tried with more rights",
            directory=moment.event.args[0],
        )
