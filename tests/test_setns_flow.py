"""The flow into a running container: its calls as tables, its error texts, its exit codes, what its payload gets and lacks.

The tables are those of test_flow_order.py, for four parts. Places: P: the runtime outside, started a second time; C: its child
between clone and exec; N: the one that enters; S: its child, which becomes the payload (F: what that shares with init).
"""

import json
from dataclasses import dataclass, field
from errno import EACCES, EBUSY, ECHILD, EIO, EMFILE, ENOENT, ENOMEM, ENXIO, EPERM, EPIPE, ESRCH
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fakekernel.faults import inject
from fakekernel.machine import Machine
from fakekernel.tree import write_file
from initflow import callers, nsinit
from initflow.configuration import Configuration, decode
from initflow.flow import Flow
from initflow.flows import LIBCONTAINER_SETNS
from initflow.images import IMAGES
from initflow.invariants.model import Verdict
from initflow.run import Outcome, Reported, Role, Run
from initflow.state import ProcessState, process_state
from initflow.steps import nsenter
from initflow.steps.context import Nsenter
from initflow.verification import DATA_PATH, LASTING_PAYLOAD, NotRunning, Result, execute, prepare, verify
from kernelapi.faults import Fault, failure
from kernelapi.flags import Signal
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from tests.test_error_texts import Fails, _located, exit_status
from tests.test_flow_order import calls, rows
from tests.test_userns_flow import told_of

EXAMPLES = Path(__file__).parents[1] / "examples"
EXAMPLE: dict[str, Any] = json.loads((EXAMPLES / "minimal.json").read_text())
USERNS: dict[str, Any] = json.loads((EXAMPLES / "userns.json").read_text())
NO_TTY = {"tty": False}

PARENT = r"""
P0   parent                           open("DATA/container.json", O_RDONLY|O_CLOEXEC)
                                      read(3)
                                      close(3)
                                      open("DATA/state.json", O_RDONLY|O_CLOEXEC)
                                      read(3)
                                      close(3)
                                      rt_sigaction(SIGPIPE, SIG_IGN)
P1   allocate_terminal                open("/dev/ptmx", O_RDWR|O_NOCTTY|O_CLOEXEC)
                                      ioctl_tiocgptn(3)
                                      ioctl_tiocsptlck(3, 0)
P2   make_entering_pipe               socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0)
P3   start_nsenter                    open("/dev/null", O_RDONLY|O_CLOEXEC)
                                      open("/dev/null", O_WRONLY|O_CLOEXEC)
                                      open("/dev/null", O_WRONLY|O_CLOEXEC)
                                      pipe2(O_CLOEXEC)
                                      clone(SIGCHLD)
                                      close(10)
                                      read(9)
                                      close(9)
                                      close(6)
                                      close(7)
                                      close(8)
                                      close(4)
P4   enter_cgroups                    (the cgroups: tests of their own)
P5   send_configuration               write(5, '1')
                                      write(5, '{"mount_config')
P6   await_nsenter                    wait4(5, 0)
P0   parent                           close(5)
                                      exit_group(0)
"""

CHILD = r"""
C0   child                            rt_sigaction(SIGPIPE, SIG_DFL)
C1   arrange_descriptors              dup2(6, 0)
                                      dup2(7, 1)
                                      dup2(8, 2)
                                      dup2(4, 3)
C2   start_program                    execve("/usr/bin/nsinit", ["nsenter-exec", "--nspid", "3", "--console", "/dev/pts/1", "--", "/bin/true"])
"""  # noqa: E501

ENTERING = r"""
N1   adopt_orphans                    prctl_set_child_subreaper(1)
N2   parse_options                    -
N3   leave_session                    setsid()
N4   open_terminal                    open("/dev/pts/1", O_RDWR)
N5   await_cgroups                    read(3)
N6   join_namespaces                  open("/proc/3/ns/", O_RDONLY|O_DIRECTORY)
                                      newfstatat(5, "ipc", AT_SYMLINK_NOFOLLOW)
                                      openat(5, "ipc", O_RDONLY)
                                      setns(6, 0)
                                      close(6)
                                      newfstatat(5, "uts", AT_SYMLINK_NOFOLLOW)
                                      openat(5, "uts", O_RDONLY)
                                      setns(6, 0)
                                      close(6)
                                      newfstatat(5, "net", AT_SYMLINK_NOFOLLOW)
                                      openat(5, "net", O_RDONLY)
                                      setns(6, 0)
                                      close(6)
                                      newfstatat(5, "pid", AT_SYMLINK_NOFOLLOW)
                                      openat(5, "pid", O_RDONLY)
                                      setns(6, 0)
                                      close(6)
                                      newfstatat(5, "mnt", AT_SYMLINK_NOFOLLOW)
                                      openat(5, "mnt", O_RDONLY)
                                      setns(6, 0)
                                      close(6)
                                      close(5)
N0   entering                         clone(SIGCHLD)
                                      wait4(6, 0)
                                      exit_group(0)
"""

ENTERED = r"""
S0   entering                         dup2(4, 0)
                                      dup2(4, 1)
                                      dup2(4, 2)
                                      read(3)
                                      close(3)
S1   load_environment                 -
S2   set_limits                       -
F1   close_on_exec                    open("/proc/self/fd", O_RDONLY|O_CLOEXEC)
                                      getdents64(3)
                                      getdents64(3)
                                      lstat("/proc/self/fd/0")
                                      lstat("/proc/self/fd/1")
                                      lstat("/proc/self/fd/2")
                                      lstat("/proc/self/fd/3")
                                      lstat("/proc/self/fd/4")
                                      close(3)
                                      fcntl_setfd(3, CLOEXEC)
                                      fcntl_setfd(4, CLOEXEC)
F2   drop_bounding_set                capget(0)
                                      open("/proc/self/status", O_RDONLY|O_CLOEXEC)
                                      read(3)
                                      close(3)
                                      capget(0)
                                      prctl_capbset_drop(25 capabilities)
F3   keep_capabilities                prctl_set_keepcaps(1)
F4   look_up_user                     getuid()
                                      getgid()
                                      open("/etc/passwd", O_RDONLY|O_CLOEXEC)
                                      open("/etc/group", O_RDONLY|O_CLOEXEC)
                                      read(3)
                                      read(3)
                                      read(5)
                                      read(5)
                                      close(5)
                                      close(3)
F4   set_groups                       setgroups([])
F4   set_gid                          setgid(1)
F4   set_uid                          setuid(1)
F4   set_home                         -
F5   forget_keep_capabilities         prctl_set_keepcaps(0)
F6   drop_capabilities                capget(0)
                                      open("/proc/self/status", O_RDONLY|O_CLOEXEC)
                                      read(3)
                                      close(3)
                                      capget(0)
                                      capset(kept)
F7   change_directory                 -
S3   apply_apparmor_profile           -
S4   set_process_label                -
S5   execute                          stat("/bin/true")
                                      execve("/bin/true", ["/bin/true"])
"""

TABLES = {
    "parent": ("2", Role.PARENT, PARENT),
    "child": ("2.1", Role.CHILD, CHILD),
    "entering": ("2.1", Role.ENTERING, ENTERING),
    "entered": ("2.1.1", Role.ENTERING, ENTERED),
}


def configured(changes: dict[str, Any]) -> Configuration:
    return decode(json.dumps({**EXAMPLE, **changes}).encode(), "test").configuration


def run(
    changes: dict[str, Any], *args: str, flow: Flow | None = None, faults: tuple[Fault, ...] = (), caller: str = "default"
) -> Run:
    machine = Machine()
    inject(machine, list(faults))
    return execute(
        configured(changes), args or ("/bin/true",), into=LASTING_PAYLOAD, flow=flow, caller=callers.CALLERS[caller],
        machine=machine,
    )  # fmt: skip


def judged(changes: dict[str, Any], *args: str, flow: Flow | None = None) -> Result:
    return verify(configured(changes), args or ("/bin/true",), into=LASTING_PAYLOAD, flow=flow)


@pytest.fixture(scope="module")
def example() -> Run:
    return run({})


# -- the tables hold --


@pytest.mark.parametrize("name", TABLES)
def test_the_calls_of_the_example_are_those_of_the_table(example: Run, name: str) -> None:
    process, role, table = TABLES[name]
    assert told_of(example, process, role) == calls(table)
    assert (example.outcome, example.reported) == (Outcome.EXECUTED, Reported.NOTHING)


def test_the_steps_of_the_flow_are_those_of_the_tables() -> None:
    flow = LIBCONTAINER_SETNS
    assert flow.entering is not None
    own = {role.value for role in Role}
    for group, (_, _, table) in zip((flow.parent, flow.prologue, flow.entering, flow.init), TABLES.values(), strict=True):
        steps = dict.fromkeys(step for _, step, _ in rows(table) if step not in own)
        assert [leaf.name for leaf in group.leaves()] == list(steps)


def test_who_enters_is_held_back_until_it_is_in_the_cgroups(example: Run) -> None:
    order = [step.name for step, role in zip(example.steps, example.roles, strict=True) if step and role is not Role.CONTAINER]
    entered, released = max(i for i, name in enumerate(order) if name == "enter_cgroups"), order.index("send_configuration")
    assert entered < released < order.index("await_cgroups") < order.index("join_namespaces") < order.index("close_on_exec")


def test_each_process_has_the_part_that_it_plays(example: Run) -> None:
    parts = {event.process: set[Role]() for event in example.events}
    for event, role in zip(example.events, example.roles, strict=True):
        parts[event.process].add(role)
    assert parts == {
        "1": {Role.CONTAINER}, "1.1": {Role.CONTAINER}, "2": {Role.CALLER, Role.PARENT}, "2.1": {Role.CHILD, Role.ENTERING},
        "2.1.1": {Role.ENTERING, Role.PAYLOAD},
    }  # fmt: skip
    assert example.init is not None
    assert example.container is not None
    assert example.parent is not None
    assert example.exit is not None
    assert example.exit.process == "2.1.1"
    assert (example.container.first_process.comm, example.init.comm) == ("sleep", "true")


def test_editing_the_flow_reaches_who_enters() -> None:
    flow = LIBCONTAINER_SETNS.without("join_namespaces")
    assert "join_namespaces" not in [leaf.name for leaf in flow.leaves()]
    result = run(NO_TTY, "ps", flow=flow)
    assert b"nsinit" in result.output  # the host's processes


# -- what it can say --


@dataclass(frozen=True)
class Case:
    """What is said last on standard error, and whether the runtime itself says it: as "failed to exec"."""

    place: str
    said: str
    changes: dict[str, Any] = field(default_factory=dict)
    fails: tuple[Fails, ...] = ()
    args: tuple[str, ...] = ("/bin/true",)
    meanwhile: dict[str, Any] = field(default_factory=dict)  # changed after the container has started


START = "fork/exec /usr/bin/nsinit: "
PIPE = "\nfailed to exec: write parent: broken pipe"
"""Who ends before it has been let go on is missed by the sender."""

NSENTER, FINAL = "nsenter: ", "failed to nsenter: "
EXEC = FINAL + 'exec: "'
USER = FINAL + "setup user "

CASES = [
    # -- the runtime outside --
    Case("P0", "open DATA/container.json: permission denied", fails=(Fails("", "open", EACCES, "container.json"),)),
    Case("P0", "unable to read state.json: open DATA/state.json: permission denied",
         fails=(Fails("", "open", EACCES, "state.json"),)),
    Case("P1", "failed to exec: open /dev/ptmx: no such device or address", {"tty": True},
         fails=(Fails("allocate_terminal", "open", ENXIO),)),
    Case("P2", "failed to exec: too many open files", fails=(Fails("make_entering_pipe", "socketpair", EMFILE),)),
    Case("P3", "failed to exec: open /dev/null: too many open files", {"tty": True},
         fails=(Fails("start_nsenter", "open", EMFILE),)),
    Case("P3", f"failed to exec: {START}too many open files", fails=(Fails("start_nsenter", "pipe2", EMFILE),)),
    Case("P3", f"failed to exec: {START}cannot allocate memory", fails=(Fails("start_nsenter", "clone", ENOMEM),)),
    Case("C1", f"failed to exec: {START}device or resource busy", fails=(Fails("arrange_descriptors", "fcntl_setfd", EBUSY),)),
    Case("C2", f"failed to exec: {START}permission denied", fails=(Fails("start_program", "execve", EACCES),)),
    Case("P4", "failed to exec: open /sys/fs/cgroup/blkio/initflow/heron/cgroup.procs: permission denied",
         fails=(Fails("enter_cgroups", "open", EACCES, "cgroup.procs"),)),
    Case("P4", "failed to exec: write /sys/fs/cgroup/blkio/initflow/heron/cgroup.procs: no such process",
         fails=(Fails("enter_cgroups", "write", ESRCH),)),
    Case("P5", "failed to exec: write parent: broken pipe", fails=(Fails("send_configuration", "write", EPIPE),)),
    Case("P6", "failed to exec: wait: no child processes", fails=(Fails("await_nsenter", "wait4", ECHILD),)),
    # -- who enters --
    Case("N1", f"{NSENTER}Failed to set child subreaper: Operation not permitted{PIPE}",
         fails=(Fails("adopt_orphans", "prctl_set_child_subreaper", EPERM),)),
    Case("N3", f"{NSENTER}setsid failed: Operation not permitted{PIPE}", fails=(Fails("leave_session", "setsid", EPERM),)),
    Case("N5", f"{NSENTER}failed to receive synchronization data from parent: Input/output error{PIPE}",
         fails=(Fails("await_cgroups", "read", EIO),)),
    Case("N6", f"{NSENTER}Unable to open /proc/3/ns/: No such file or directory",
         fails=(Fails("join_namespaces", "open", ENOENT),)),
    Case("N6", f"{NSENTER}Failed to stat ns file /proc/3/ns/ for ns uts: Permission denied",
         fails=(Fails("join_namespaces", "newfstatat", EACCES, "uts"),)),
    Case("N6", f"{NSENTER}Failed to open ns file /proc/3/ns/ for ns mnt: Permission denied",
         fails=(Fails("join_namespaces", "openat", EACCES, "mnt"),)),
    Case("N6", f"{NSENTER}Failed to setns for ipc: Operation not permitted", fails=(Fails("join_namespaces", "setns", EPERM),)),
    Case("N7", f"{NSENTER}Unable to fork a process: Cannot allocate memory",
         fails=(Fails("", "clone", ENOMEM, "become_payload"),)),
    # -- its child --
    Case("S1", FINAL + "invalid environment 'PATH'", meanwhile={"environment": ["PATH"]}),
    Case("S2", FINAL + "setup rlimits error setting rlimit type 7: operation not permitted",
         {"rlimits": [{"type": 7, "soft": 10, "hard": 10}]}, (Fails("set_limits", "setrlimit", EPERM),)),
    Case("F1", FINAL + "close open file descriptors open /proc/self/fd: no such file or directory",
         fails=(Fails("close_on_exec", "open", ENOENT),)),
    Case("F2", FINAL + "drop bounding set operation not permitted",
         fails=(Fails("drop_bounding_set", "prctl_capbset_drop", EPERM),)),
    Case("F3", FINAL + "set keep caps operation not permitted",
         fails=(Fails("keep_capabilities", "prctl_set_keepcaps", EPERM),)),
    Case("F4", USER + "get supplementary groups Unable to find user daemon",
         fails=(Fails("look_up_user", "open", EACCES, "passwd"),)),
    Case("F4", USER + "setgroups operation not permitted", fails=(Fails("set_groups", "setgroups", EPERM),)),
    Case("F4", USER + "setgid operation not permitted", fails=(Fails("set_gid", "setgid", EPERM),)),
    Case("F4", USER + "setuid operation not permitted", fails=(Fails("set_uid", "setuid", EPERM),)),
    Case("F5", FINAL + "clear keep caps operation not permitted",
         fails=(Fails("forget_keep_capabilities", "prctl_set_keepcaps", EPERM),)),
    Case("F6", FINAL + "drop capabilities operation not permitted", fails=(Fails("drop_capabilities", "capset", EPERM),)),
    Case("F7", FINAL + "chdir to /tmp permission denied", {"working_dir": "/tmp"},
         fails=(Fails("change_directory", "chdir", EACCES),)),
    Case("S5", EXEC + 'nope": executable file not found in $PATH', args=("nope",)),
    Case("S5", EXEC + '/nope": stat /nope: no such file or directory', args=("/nope",)),
    Case("S5", EXEC + '/etc": permission denied', args=("/etc",)),
    Case("S5", FINAL + "permission denied", fails=(Fails("execute", "execve", EACCES),)),
]  # fmt: skip


def failing(case: Case, faults: tuple[Fault, ...]) -> Run:
    machine = Machine()
    inject(machine, list(faults))
    changes = {**NO_TTY, **case.changes}
    prepared = prepare(configured(changes), case.args, into=LASTING_PAYLOAD, machine=machine)
    write_file(machine, f"{DATA_PATH}/container.json", json.dumps({**EXAMPLE, **changes, **case.meanwhile}).encode())
    return prepared.finish(machine.run())


def located(planned: Fails, run: Run) -> list[Fault]:
    """As for the other flows, among the calls that do not belong to the container."""
    indices = [i for i, role in enumerate(run.roles) if role is not Role.CONTAINER]
    part = SimpleNamespace(events=[run.events[i] for i in indices], steps=[run.steps[i] for i in indices])
    return _located(planned, cast(Run, part))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.place}: {case.said}")
def test_what_goes_wrong_is_said_on_standard_error(case: Case) -> None:
    faults = tuple(fault for planned in case.fails for fault in located(planned, failing(case, ())))
    result = failing(case, faults)
    said = result.output.decode().replace(DATA_PATH, "DATA").rstrip("\n")
    assert said.endswith(case.said)
    told = "failed to exec: " in case.said
    assert (result.outcome, result.reported) == (
        (Outcome.REFUSED, Reported.ERROR) if told else (Outcome.DIED, Reported.NOTHING)
    )
    assert exit_status(result, Role.PARENT) == 1
    assert not result.standstill.hung
    assert Role.PAYLOAD not in result.roles
    if told and case.place[0] in "PCN" and case.place not in ("P1", "P2", "P3", "P6", "C1", "C2"):
        ended = [event for event in result.events if event.process == "2" and event.call.name in ("kill", "wait4")]
        assert [(event.call.name, event.args[0]) for event in ended] == [("kill", 5), ("wait4", 5)]


def test_every_place_that_can_fail_has_a_case() -> None:
    """Not here: N2, N4, S0, which have tests of their own; S3 and S4, which are in test_labels.py."""
    places = {place for _, _, table in TABLES.values() for place, _, _ in rows(table)}
    assert places - {"C0", "N0", "N2", "N4", "S0", "S3", "S4"} <= {case.place for case in CASES}


def test_a_configuration_that_does_not_arrive_is_an_error() -> None:
    for data, said in ((None, "read pipe: input/output error"), (b"", "EOF"), (b"{", "unexpected EOF")):
        result = run(NO_TTY, faults=(failure("2.1.1", "read", 1, EIO),)) if data is None else None
        output = result.output if result is not None else become_payload(data or b"")
        assert output.decode() == f"unable to receive config from sync pipe: {said}\n"


def become_payload(data: bytes) -> bytes:
    machine = Machine()
    _, output = machine.spawn_captured(receive, data)
    machine.run()
    return machine.captured(output)


def receive(kernel: Kernel, data: bytes, output: Fd) -> int:
    kernel.dup2(output, Fd(2))
    reader, writer = kernel.pipe2(0)
    kernel.write(writer, data)
    kernel.close(writer)
    kernel.dup2(reader, nsenter.PIPE)
    return nsinit.become_payload(kernel, ("true",), ())


def test_who_cannot_wait_for_its_child_leaves_it_to_itself() -> None:
    result = failing(Case("N8", ""), tuple(located(Fails("", "wait4", ECHILD, "(6,"), failing(Case("", ""), ()))))
    assert result.output == b"nsenter: nsenter: Failed to waitpid with error: No child processes\n"
    assert (result.outcome, exit_status(result, Role.PARENT)) == (Outcome.EXECUTED, 1)


def test_with_a_terminal_nobody_outside_hears_what_goes_wrong() -> None:
    """It is said on the terminal by the entered process, and on /dev/null by the one that enters."""
    result = run({}, "nope")
    assert (result.outcome, result.output) == (Outcome.DIED, b"")
    said = [event.args[1] for event in result.events if event.process == "2.1.1" and event.call.name == "write"]
    assert said == [b'failed to nsenter: exec: "nope": executable file not found in $PATH\n']
    result = run({}, faults=tuple(located(Fails("open_terminal", "open", EIO), run({}))))
    said = [event.args[1] for event in result.events if event.process == "2.1" and event.call.name == "write"]
    assert said == [b"nsenter: Failed to open console /dev/pts/1: Input/output error\n"]
    assert b"Failed to open" not in result.output
    for fd, call in enumerate(("dup2",) * 3):
        result = run({}, faults=(failure("2.1.1", call, fd + 1, EBUSY),))
        written = b"".join(event.args[1] for event in result.events if event.process == "2.1.1" and event.call.name == "write")
        assert written == f"nsenter: Failed to dup {fd}: Device or resource busy\n".encode()
        assert exit_status(result, Role.PARENT) == 1


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("nsenter-exec", "--", "true"), nsenter.USAGE),
        (("nsenter-exec", "--nspid", "-1", "--", "true"), "nsenter: Unable to open /proc/-1/ns/: No such file or directory"),
        (("nsenter-exec", "--nspid", "9999", "--"), "nsenter: Unable to open /proc/9999/ns/: No such file or directory"),
        (("nsenter-exec", "--nspid", str(2**32 - 1)), "nsenter: Unable to open /proc/-1/ns/: No such file or directory"),
        (("nsenter-exec", "--nspid", "x"), "nsenter: Unable to open /proc/0/ns/: No such file or directory"),
        (("nsenter-exec", "--nspid", str(2**63), "--"),
         f'nsenter: Failed to parse PID from "{2**63}" with output "-1": Numerical result out of range\n{nsenter.USAGE}'),
    ],
)  # fmt: skip
def test_who_is_to_be_entered_must_be_there(argv: tuple[str, ...], said: str) -> None:
    machine = Machine()
    task, output = machine.spawn_captured(enter, argv)
    machine.run()
    assert machine.captured(output).decode() == said + "\n"
    assert task.status == 1 << 8


def enter(kernel: Kernel, argv: tuple[str, ...], output: Fd) -> int:
    """Be started as nsenter, and let go on."""
    kernel.dup2(output, Fd(2))
    reader, writer = kernel.pipe2(0)
    kernel.write(writer, b"1")
    kernel.dup2(reader, nsenter.PIPE)
    return nsinit.main(kernel, argv, ())


def test_who_lives_can_be_entered() -> None:
    """TestNsenterAlivePid: even oneself."""
    machine = Machine()
    task, output = machine.spawn_captured(enter_oneself)
    machine.run()
    assert machine.captured(output) == b"in"
    assert task.status == 0


def enter_oneself(kernel: Kernel, output: Fd) -> int:
    kernel.dup2(output, Fd(1))
    reader, writer = kernel.pipe2(0)
    kernel.write(writer, b"1")
    kernel.dup2(reader, nsenter.PIPE)
    context = Nsenter(kernel, argv=("nsenter-exec", "--nspid", str(kernel.getpid())))
    return nsenter.run(context, nsenter.NSENTER, say_so)


def say_so(kernel: Kernel) -> None:
    kernel.write(Fd(1), b"in")


def test_a_zombie_cannot_be_entered() -> None:
    """Its links are there, and cannot be opened: it has left its namespaces."""
    machine = Machine()
    _, output = machine.spawn_captured(enter_a_zombie)
    machine.run()
    assert machine.captured(output) == b"nsenter: Failed to open ns file /proc/3/ns/ for ns ipc: No such file or directory\n"


def enter_a_zombie(kernel: Kernel, output: Fd) -> int:
    pid = kernel.clone(Signal.CHLD, nothing)
    while b"Z" not in kernel.read(kernel.open(f"/proc/{pid}/stat", 0), 100):
        kernel.clock_nanosleep(1, 0, 1)
    return enter(kernel, ("nsenter-exec", "--nspid", str(pid), "--", "true"), output)


def nothing(kernel: Kernel) -> None:
    pass


# -- crashes, and how it ends --


def test_without_a_payload_it_crashes() -> None:
    machine = Machine()
    prepared = prepare(configured(NO_TTY), (), into=LASTING_PAYLOAD, machine=machine)
    result = prepared.finish(machine.run())
    assert (result.outcome, result.reported) == (Outcome.DIED, Reported.NOTHING)
    assert result.output.startswith(b"panic: ")
    assert exit_status(result, Role.PARENT) == 2


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("true",), 0),
        (("false",), 1),
        (("sh", "-c", "exit 3"), 3),
        (("sh", "-c", "kill -9 $$"), 255),
        (("sh", "-c", "kill -15 $$"), 255),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_the_exit_code_is_the_payloads_or_255_for_any_signal(args: tuple[str, ...], code: int) -> None:
    """Without 128 and the signal, of which the one that enters dies too."""
    result = run(NO_TTY, *args)
    assert result.outcome is Outcome.EXECUTED
    assert exit_status(result, Role.PARENT) == code
    if code == 255:
        (status,) = (event.result[1] for event in result.events if event.process == "2" and event.call.name == "wait4")
        assert status == {"kill -9 $$": Signal.KILL, "kill -15 $$": Signal.TERM}[args[2]]


def test_the_container_goes_on_after_who_entered_has_ended() -> None:
    result = run(NO_TTY)
    ends = [event.process for event in result.events if event.call.name == "exit_group"]
    assert ends == ["2.1.1", "2.1", "2", "1.1", "1"]
    assert exit_status(result, Role.CONTAINER) == 0


def test_who_entered_outlives_the_runtime_that_sent_it_and_not_the_container() -> None:
    for victim, outlives in (("2", True), ("2.1", True), ("1.1", False)):
        machine = Machine()
        prepare(configured(NO_TTY), ("sleep", "100"), into=LASTING_PAYLOAD, machine=machine)
        while not any(event.process == "2.1.1" and event.call.name == "execve" for event in machine.events):
            machine.run(stop_at=len(machine.events) + 1)
        tasks = {process.name: process.task for process in machine.scheduler.processes.values()}
        machine.kill(tasks[victim], Signal.KILL)
        assert tasks["2.1.1"].lives is outlives
        machine.run()
        assert ("2.1.1" in [event.process for event in machine.events if event.call.name == "exit_group"]) is outlives


def test_a_container_that_does_not_run_cannot_be_entered() -> None:
    with pytest.raises(NotRunning, match="Unable to find user bogus"):
        judged({"user": "bogus"})
    with pytest.raises(NotRunning, match="exec: \"/bin/sleep\""):
        verify(configured({}), into=LASTING_PAYLOAD, image=IMAGES["bin-missing"])


# -- what the payload gets (integration tests of the original and of its successors) --


def test_the_second_process_sees_the_first() -> None:
    """TestExecIn, TestEnter."""
    lines = run(NO_TTY, "ps").output.decode().splitlines()
    assert [line.split()[:1] + line.split()[3:] for line in lines[1:]] == [["1", *LASTING_PAYLOAD], ["2", "ps"]]
    links = [run(NO_TTY, "readlink", f"/proc/{pid}/ns/pid").output for pid in ("1", "self")]
    assert links[0] == links[1]


def test_the_second_process_has_the_limits_of_the_configuration() -> None:
    """TestExecInRlimit."""
    limit = {"rlimits": [{"type": 7, "soft": 1026, "hard": 1026}]}
    assert run({**NO_TTY, **limit}, "sh", "-c", "ulimit -n").output == b"1026\n"


def test_a_program_that_is_not_there_is_an_error_of_the_second_process_alone() -> None:
    """TestExecInError."""
    result = run(NO_TTY, "unexistent")
    assert b'exec: "unexistent": executable file not found in $PATH' in result.output
    assert exit_status(result, Role.CONTAINER) == 0


def test_the_second_process_has_a_terminal_of_its_own() -> None:
    """TestExecInTTY. It comes to it as the leader of its session opens it, and not by being set."""
    result = run({}, "sh", "-c", "readlink /proc/self/fd/0; cat /proc/self/stat")
    state = at_exec(result)
    assert state.terminal == "pts/1"
    assert {file.text for fd, file in state.files.items() if fd < 3} == {"/dev/pts/1"}
    own = {event.call.name for event, role in zip(result.events, result.roles, strict=True) if role is Role.ENTERING}
    assert (state.session, "ioctl_tiocsctty" in own) == (0, False)


def test_the_second_process_has_the_environment_of_the_configuration() -> None:
    """TestExecInEnvironment."""
    output = run({**NO_TTY, "environment": ["PATH=/bin:/usr/bin", "DEBUG=false", "DEBUG=true", "ENV=test"]}, "env").output
    assert sorted(output.decode().splitlines()) == ["DEBUG=true", "ENV=test", "HOME=/usr/sbin", "PATH=/bin:/usr/bin"]


def test_the_second_process_is_in_the_cgroups_of_the_container() -> None:
    first, second = (run(NO_TTY, "cat", f"/proc/{pid}/cgroup").output for pid in ("1", "self"))
    assert first == second
    assert b":devices:/initflow/" in first


def at_exec(run: Run) -> ProcessState:
    """The payload, as it is when it begins."""
    assert run.exit is not None
    assert run.exit.writes is not None
    assert run.init is not None
    run.machine.store.rewind(run.exit.writes[1])
    return process_state(run.init)


# -- what it lacks: the weaknesses of this path --

WEAK: dict[str, str] = {
    "SES-01": "it is in a session that is led from outside its pid namespace",
    "SYNC-03": "the payload runs, and the parent was told: nothing",
    "PD-06": "nobody has asked that it die with its parent",
    "NS-02": "it opens this namespace only after it has joined another",
    "NS-05": "it joins whatever namespace is behind the path: no type is given",
    "NS-18": "permitted, and can be traced by processes of the namespaces that it has joined",
    "DUMP-01": "dumpable is 1: processes that are there may look into it",
    "EXE-01": "open it through /proc/2/exe",
    "FD-04": "it makes 4 (/dev/pts/1) without close-on-exec",
    "FD-11": "process 2.1 still holds 3 (socket:",
    "TTY-02": "as the leader of a session without one it gets it for its controlling terminal",
    "CAP-02": "its bounding set still holds",
    "CAP-08": "its inheritable set is",
}


@pytest.fixture(scope="module")
def verdicts() -> Result:
    return judged({})


@pytest.mark.parametrize("id", WEAK)
def test_a_weakness_of_the_original_shows(verdicts: Result, id: str) -> None:
    found = [each.explanation for invariant, each in verdicts.judgement.violations if invariant.id == id]
    assert found
    assert any(WEAK[id] in text for text in found)


def test_nothing_else_shows(verdicts: Result) -> None:
    assert {invariant.id for invariant in verdicts.judgement.having(Verdict.VIOLATED)} == set(WEAK)
    for id in ("CAP-01", "ID-01", "ID-02", "FD-01", "FD-02", "CWD-01", "NS-21", "NS-11", "RL-02", "ENV-01", "MNT-05", "SES-02"):
        assert verdicts.judgement.verdict(id) is Verdict.HELD, id
    for id in ("NS-01", "NS-10", "NS-16", "NS-17", "PD-01", "PD-02", "TTY-05"):
        assert verdicts.judgement.verdict(id) is None, id


def test_the_user_namespace_is_never_joined() -> None:
    """Root of the container is root of the host then, if it comes in this way."""
    result = judged(USERNS)
    assert [each.state["namespace"] for invariant, each in result.judgement.violations if invariant.id == "NS-21"] == ["user"]
    state = at_exec(result.run)
    assert state.uids[0] == 0
    assert int(state.cred.uid) == 0
    assert result.run.container is not None
    assert int(result.run.container.first_process.cred.uid) == 1000


def test_without_a_terminal_the_hosts_null_device_stays_its_input() -> None:
    found = [each.explanation for invariant, each in judged(NO_TTY).judgement.violations if invariant.id == "MNT-22"]
    assert found == ["its descriptor 0 is still the host's /dev/null"]


def test_a_failure_is_a_failure_of_the_payload_to_whoever_sent_it() -> None:
    result = judged(NO_TTY, "nope")
    found = [each.explanation for invariant, each in result.judgement.violations if invariant.id == "SYNC-03"]
    assert found == ["who entered did not become the payload (died), and the parent was told: nothing"]


@pytest.mark.parametrize(("caller", "id"), [("umask-077", "UMASK-01"), ("ignores-pipe", "SIG-01"), ("closed-input", "TTY-07")])
def test_what_the_second_caller_has_is_passed_on(caller: str, id: str) -> None:
    result = verify(configured(NO_TTY), into=LASTING_PAYLOAD, caller=callers.CALLERS[caller])
    held = result.judgement.verdict(id) is not Verdict.VIOLATED
    assert held is (id == "SIG-01")


def test_the_same_input_gives_the_same_run() -> None:
    one, other = run({}), run({})
    assert [repr(event) for event in one.events] == [repr(event) for event in other.events]
    assert one.machine.digest() == other.machine.digest()
