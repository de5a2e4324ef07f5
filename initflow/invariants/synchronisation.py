"""SYNC: what parent and init know of each other."""

from collections.abc import Iterator

from initflow.invariants.model import END, HIGH, MEDIUM, Moment, Obligation, before, decide, invariant
from initflow.run import BEFORE_PAYLOAD, MAKES_DESCRIPTORS, Outcome, Reported
from kernelapi.event import Event
from kernelapi.flags import FileType


@invariant("SYNC-01", at=before("clone"), severity=HIGH, source="cgroups(7)")
def init_makes_no_process_before_it_is_in_its_cgroup(moment: Moment) -> Iterator[Obligation]:
    """Init makes no process before the parent has let it go on.

    One made earlier would stay outside the limits that the parent is about to set.
    """
    if moment.is_init:
        released = any(event.result for event in heard(moment))
        yield decide(moment, released, "it makes a process before the parent has put it into its cgroup")


@invariant("SYNC-03", at=END, severity=HIGH, source="unix(7)")
def the_parent_is_told_when_init_fails(moment: Moment) -> Iterator[Obligation]:
    """Where init does not become the payload, the parent is told an error; where it does, that it started.

    The end of the stream alone says neither: a crash looks like a success.
    """
    run = moment.run
    if run.init is None:
        return
    told = f"the parent was told: {run.reported.value}"
    if run.outcome is Outcome.EXECUTED:
        yield decide(moment, run.reported is Reported.STARTED, f"the payload runs, and {told}")
    else:
        who = "who entered" if moment.enters else "init"
        failed = f"{who} did not become the payload ({run.outcome.value})"
        yield decide(moment, run.reported is Reported.ERROR, f"{failed}, and {told}")


@invariant("SYNC-04", at=before("write", "sendmsg"), severity=MEDIUM, source="unix(7); net/unix/af_unix.c unix_release_sock")
def init_reads_what_the_parent_sends_before_it_reports(moment: Moment) -> Iterator[Obligation]:
    """When init reports an error, it has read all that the parent sends.

    A parent that still sends would be refused, and end without having read the message.
    """
    if moment.role not in BEFORE_PAYLOAD or moment.event is None:
        return
    fd = moment.event.args[0]
    file = moment.file(fd)
    if file is not None and file.type is FileType.SOCK and fd not in _own_descriptors(moment):
        finished = any(event.args[0] == fd and event.result == b"" for event in heard(moment))
        yield decide(moment, finished, "it reports without having read to the end what the parent sends")


@invariant("SYNC-10", at=END, severity=HIGH, source="pipe(7), unix(7)")
def nobody_waits_for_ever(moment: Moment) -> Iterator[Obligation]:
    """Parent and init do not wait for each other, or for anyone, for ever.

    A runtime that hangs holds locks, cgroups and mounts that nobody else can clean up.
    """
    run = moment.run
    waiting = [f"{who.process} in {who.call} ({who.reason})" for who in run.standstill.waiting]
    ok = not run.standstill.hung or run.outcome is Outcome.EXECUTED
    yield decide(moment, ok, f"these wait for ever: {'; '.join(waiting)}", waiting=waiting)


def _history(moment: Moment, process: str | None = None) -> Iterator[tuple[Event, set[int]]]:
    """The calls before this moment that succeeded, of init or another `process` of the runtime's program; each with the
    descriptors that it had made itself by then."""
    assert moment.event is not None
    process = moment.event.process if process is None else process
    own: set[int] = set()
    for event, role in zip(moment.run.events[: moment.event.index], moment.run.roles, strict=False):
        if role not in BEFORE_PAYLOAD or event.process != process or event.errno:
            continue
        yield event, own
        if event.call.name in MAKES_DESCRIPTORS:
            own.update(event.result if isinstance(event.result, tuple) else (event.result,))
        elif event.call.name == "close":
            own.discard(event.args[0])


def heard(moment: Moment, process: str | None = None) -> Iterator[Event]:
    """What init, or another `process`, had read, before this moment, from descriptors that it did not make: from its parent."""
    return (event for event, own in _history(moment, process) if event.call.name == "read" and event.args[0] not in own)


def _own_descriptors(moment: Moment) -> set[int]:
    """The descriptors of init at this moment that it has made itself."""
    made: set[int] = set()
    for _, own in _history(moment):
        made = own
    return made
