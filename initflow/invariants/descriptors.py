"""FD: what is open when the payload starts, and what was open on the way there."""

from collections.abc import Iterator

from fakekernel.reachability import path_text, reachable_text
from initflow.invariants.model import EXEC, HIGH, LOW, MEDIUM, Exec, Moment, Obligation, after, before, decide, invariant
from initflow.invariants.synchronisation import heard
from initflow.run import BEFORE_PAYLOAD
from initflow.state import OpenFile, open_file
from kernelapi.flags import FileType

STANDARD_STREAMS = 3


def _dangerous(file: OpenFile) -> bool:
    """Whether a path through /proc/self/fd could leave the container by it."""
    return file.fd >= STANDARD_STREAMS and (file.on_host or file.fstype == "nsfs") and file.type in (FileType.DIR, FileType.REG)


def _named(files: list[OpenFile]) -> str:
    return ", ".join(f"{file.fd} ({file.text})" for file in files)


@invariant("FD-01", at=EXEC, severity=HIGH, source="OCI runtime-spec runtime-linux.md, file descriptors; execve(2)")
def only_the_standard_streams_survive_exec(moment: Exec) -> Iterator[Obligation]:
    """After exec, no descriptor but 0, 1 and 2 is open.

    A descriptor of the runtime is a way around every namespace.
    """
    leaked = [file for fd, file in moment.next.files.items() if fd >= STANDARD_STREAMS]
    yield decide(moment, not leaked, f"the payload inherits {_named(leaked)}", leaked=_named(leaked))


@invariant("FD-02", at=EXEC, severity=HIGH, source="execve(2); CVE-2024-21626")
def no_directory_of_the_host_is_open_at_exec(moment: Exec) -> Iterator[Obligation]:
    """Just before exec, no descriptor leads out of the container's root: close-on-exec does not help.

    The path of the payload is looked up before descriptors close: /proc/self/fd/N reaches the host through it.
    """
    dangerous = [file for file in moment.previous.files.values() if _dangerous(file)]
    yield decide(moment, not dangerous, f"{_named(dangerous)} of the host is open at exec", open=_named(dangerous))


@invariant("FD-03", at=before("chdir", "fchdir"), severity=HIGH, source="path_resolution(7); CVE-2024-21626")
def no_directory_of_the_host_is_open_when_the_working_directory_is_entered(moment: Moment) -> Iterator[Obligation]:
    """When init enters the configured working directory, no descriptor leads out of the container's root.

    A working directory of /proc/self/fd/N is then outside it.
    """
    if not moment.is_init or moment.step is None or moment.step.name != "change_directory":
        return
    dangerous = [file for file in moment.state.files.values() if _dangerous(file)]
    yield decide(moment, not dangerous, f"{_named(dangerous)} of the host is open", open=_named(dangerous))


@invariant(
    "FD-04",
    at=after("open", "openat", "socket", "socketpair", "pipe2", "dup", "dup2"),
    severity=LOW,
    source="open(2), O_CLOEXEC",
)
def descriptors_are_close_on_exec_from_the_start(moment: Moment) -> Iterator[Obligation]:
    """Every descriptor beyond the standard streams that init makes is close-on-exec when it is made.

    Marked later, it leaks into whatever is executed in between.
    """
    if not moment.is_init or moment.step is None or moment.event is None or moment.event.errno:
        return
    if moment.step.name == "arrange_descriptors":
        return  # they are what init is given to go on with
    made = moment.event.result if isinstance(moment.event.result, tuple) else (moment.event.result,)
    files = [moment.file(fd) for fd in made if fd >= STANDARD_STREAMS]
    open_ended = [file for file in files if file is not None and not file.cloexec]
    if files:
        yield decide(moment, not open_ended, f"it makes {_named(open_ended)} without close-on-exec", open=_named(open_ended))


@invariant("FD-11", at=EXEC, severity=MEDIUM, source="unix(7), pipe(7)")
def the_connection_to_the_parent_ends_with_exec(moment: Exec) -> Iterator[Obligation]:
    """After exec, nobody has init's end of the connection to its parent, and the payload no socket or pipe beyond its streams.

    The parent would wait for the end of the stream that tells it of success, and take what the payload writes for messages of
    init.
    """
    shared = {file.description for event in heard(moment) if (file := moment.previous.files.get(event.args[0])) is not None}
    kept = [
        file
        for fd, file in moment.next.files.items()
        if file.description in shared or (fd >= STANDARD_STREAMS and file.type in (FileType.SOCK, FileType.FIFO))
    ]
    yield decide(moment, not kept, f"the payload holds {_named(kept)}: its parent still waits", kept=_named(kept))
    run = moment.run
    line = zip(run.events, run.roles, run.tasks, strict=True)
    others = {event.process: task for event, role, task in line if role in BEFORE_PAYLOAD and task is not moment.task}
    for process, task in others.items():
        files = (open_file(task, event.args[0]) for event in heard(moment, process))
        held = {file.fd: file for file in files if file is not None and file.type in (FileType.SOCK, FileType.FIFO)}
        if held:
            names = _named(list(held.values()))
            yield decide(moment, False, f"process {process} still holds {names}: exec closes nothing that its parent could see")


@invariant("FD-12", at=after("open", "openat"), severity=HIGH, source="proc(5); CVE-2019-16884, CVE-2025-52881")
def what_is_taken_for_proc_is_proc(moment: Moment) -> Iterator[Obligation]:
    """What init opens below /proc is a file of the kernel.

    A directory of the image in its place lists what the image wants to be listed: descriptors that it leaves out stay open.
    """
    if moment.role not in BEFORE_PAYLOAD or moment.event is None or moment.event.errno:
        return
    path = moment.args("path")
    if path.startswith("/proc/"):
        file = moment.state.files[moment.event.result]
        kernels = file.fstype in ("proc", "nsfs")
        yield decide(moment, kernels, f"it takes {file.text}, a file on {file.fstype}, for {path} of the kernel", path=path)


@invariant("FD-14", at=EXEC, severity=HIGH, source="execve(2); CVE-2019-5736, CVE-2024-21626")
def the_payload_is_a_program_of_the_container(moment: Exec) -> Iterator[Obligation]:
    """After exec in a root of its own, the program that runs lies below that root.

    Through /proc/self/exe or /proc/self/fd an image can name one of the host: the payload then holds a file of the host that it
    may be able to write once nobody runs it.
    """
    root = moment.next.task.fs.root
    program = moment.next.executable
    if root.dentry is moment.run.machine.init.fs.root.dentry or program is None:
        return
    inside = reachable_text(program, root) is not None
    yield decide(moment, inside, f"the program that runs is {path_text(program, root)} of the host")
