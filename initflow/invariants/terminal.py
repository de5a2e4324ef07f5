"""SES and TTY: the payload's session, its controlling terminal, its standard streams."""

from collections.abc import Iterator

from initflow.invariants.model import EXEC, HIGH, LOW, MEDIUM, Exec, Moment, Obligation, after, before, decide, invariant
from kernelapi.flags import FileType, OpenFlag
from kernelapi.values import major

PTS_MAJORS = range(136, 144)


@invariant("SES-01", at=EXEC, severity=HIGH, source="setsid(2); CVE-2017-5226")
def the_payload_leads_a_session_of_its_own(moment: Exec) -> Iterator[Obligation]:
    """At exec, init leads its own session.

    In the caller's session it could push input into the caller's terminal, and get the signals of its job control.
    """
    state = moment.previous
    whose = f"session {state.session} of somebody else"
    if not state.session:
        whose = "a session that is led from outside its pid namespace"
    yield decide(moment, state.session == state.pid, f"it is in {whose}", session=state.session)


@invariant("SES-02", at=EXEC, severity=MEDIUM, source="ioctl_tty(2), TIOCSCTTY")
def the_controlling_terminal_is_there_where_one_was_asked_for(moment: Exec) -> Iterator[Obligation]:
    """At exec, there is a controlling terminal where the configuration asks for a tty, and none otherwise.

    Without it the payload has no job control; with one that nobody asked for, it has the caller's.
    """
    terminal = moment.previous.terminal
    if moment.configuration.tty:
        yield decide(moment, terminal is not None, "it has no controlling terminal, though the configuration asks for one")
    else:
        yield decide(moment, terminal is None, "it has a controlling terminal that nobody asked for", terminal=terminal)


@invariant("TTY-01", at=before("ioctl_tiocsctty"), severity=MEDIUM, source="ioctl_tty(2), TIOCSCTTY; drivers/tty/tty_jobctrl.c")
def a_controlling_terminal_is_taken_by_a_session_leader_without_one(moment: Moment) -> Iterator[Obligation]:
    """At TIOCSCTTY, init leads a session that has no controlling terminal.

    Otherwise the kernel refuses; as the initial root it could be made to steal the terminal of another session.
    """
    if moment.is_init:
        state = moment.state
        leads = state.session == state.pid
        yield decide(moment, leads, f"it is not the leader of its session {state.session}", session=state.session)
        if leads:
            yield decide(moment, state.terminal is None, "its session already has a controlling terminal")


@invariant("TTY-02", at=after("open", "openat"), severity=LOW, source="open(2), O_NOCTTY; ioctl_tty(2)")
def a_terminal_is_opened_without_becoming_the_controlling_one(moment: Moment) -> Iterator[Obligation]:
    """A terminal is opened with O_NOCTTY.

    A session leader without a controlling terminal gets the one that it opens, whichever that is.
    """
    if not moment.is_init or moment.event is None or moment.event.errno:
        return
    opened = moment.file(moment.event.result)
    if opened is not None and opened.type is FileType.CHR and major(opened.rdev) in PTS_MAJORS:
        careful = bool(moment.args("flags") & (OpenFlag.NOCTTY | OpenFlag.PATH))
        state = moment.state
        what = "it does not get it only since it leads no session yet"
        if state.session == state.pid:
            what = "as the leader of a session without one it gets it for its controlling terminal"
        yield decide(moment, careful, f"it opens the terminal {opened.text} without O_NOCTTY: {what}", path=opened.text)


@invariant("TTY-07", at=EXEC, severity=MEDIUM, source="OCI runtime-spec runtime-linux.md, file descriptors")
def the_standard_streams_are_open_and_meant_to_be(moment: Exec) -> Iterator[Obligation]:
    """At exec, descriptors 0, 1 and 2 are open: with a tty, all are the terminal; without, what the caller gave, no directory.

    The first file that a payload without them opens becomes its standard output. Where the caller has one closed, the first
    that the runtime opens for itself takes its place, and the payload gets that.
    """
    files = moment.next.files
    missing = [fd for fd in range(3) if fd not in files]
    yield decide(moment, not missing, f"its descriptors {', '.join(map(str, missing))} are closed", missing=missing)
    if moment.configuration.tty and not missing:
        others = [fd for fd in range(3) if major(files[fd].rdev) not in PTS_MAJORS]
        numbers = ", ".join(map(str, others))
        yield decide(moment, not others, f"its descriptors {numbers} are not the terminal that was asked for", others=others)
    if not moment.configuration.tty:
        given = moment.run.given_streams
        foreign = [f"{fd} ({files[fd].text})" for fd in range(3) if fd in files and fd not in given]
        names = ", ".join(foreign)
        yield decide(moment, not foreign, f"it has the runtime's own {names} where the caller had closed one", foreign=names)
        directories = [fd for fd in range(3) if fd in files and files[fd].type is FileType.DIR]
        numbers = ", ".join(map(str, directories))
        yield decide(moment, not directories, f"it has a directory as descriptor {numbers}", directories=directories)


@invariant("TTY-08", at=EXEC, severity=HIGH, source="ioctl_tty(2), TIOCSTI; CVE-2017-5226")
def no_terminal_is_reached_but_by_the_standard_streams(moment: Exec) -> Iterator[Obligation]:
    """After exec, no other descriptor than the standard streams is a terminal.

    Through one of the host's, the payload types into the caller's shell.
    """
    leaked = [f for fd, f in moment.next.files.items() if fd > 2 and f.type is FileType.CHR and major(f.rdev) in PTS_MAJORS]
    names = ", ".join(f"{file.fd} ({file.text})" for file in leaked)
    yield decide(moment, not leaked, f"the payload has the terminal as descriptor {names}", descriptors=names)
