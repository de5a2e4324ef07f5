"""A run: the events of a flow, which step and which part each belongs to, and how it came out."""

from dataclasses import dataclass, field
from enum import Enum

from fakekernel.machine import Machine
from fakekernel.process import Process
from fakekernel.scheduler import Standstill
from fakekernel.task import Task
from initflow import callers, nsinit
from initflow.configuration import Configuration
from initflow.flow import CURRENT, Flow, Step
from initflow.golang import GoError
from initflow.messages import parse
from initflow.steps import nsenter, starting
from initflow.steps import parent as parent_steps
from initflow.users import ExecUser
from kernelapi.event import NO_RETURN, Event


class Role(Enum):
    """The part that a process plays at an event."""

    CONTAINER = "container"  # that runs already, with whoever started it: where another process is brought into it
    CALLER = "caller"  # whoever starts the runtime
    PARENT = "parent"
    CHILD = "child"  # of the parent, between clone and exec
    HELPER = "helper"  # that sets up a container with a user namespace, in all its processes
    ENTERING = "entering"  # that comes into a running container, and its child, which becomes the payload there
    INIT = "init"
    PAYLOAD = "payload"  # what init, or who entered, became, and its children


BEFORE_PAYLOAD = frozenset((Role.INIT, Role.ENTERING))
"""The runtime's program, in the process that becomes the payload or in the one that makes that."""


class Outcome(Enum):
    """How a run came out. What the parent was told is another matter: `Reported`.

    Where a process is brought into a running container, that process stands in the place of init.
    """

    EXECUTED = "executed"  # init became the payload
    REFUSED = "refused"  # the parent got a message
    DIED = "died"  # init ended without either
    HUNG = "hung"  # somebody waits for ever, and init did not become the payload


class Reported(Enum):
    """What the parent was told."""

    STARTED = "started"
    ERROR = "error"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of a run beforehand: the configuration, and what it means in the image.

    `user` holds the ids that the configured user has in the image's files; None where that cannot be known. `image` and
    `caller` are names: of one of `initflow.images` or of a directory, and of one of `initflow.callers`. `into` is the payload
    of the container into which this one was brought; None where it is a container's first.
    """

    configuration: Configuration
    flow: Flow
    args: tuple[str, ...]
    user: ExecUser | None = None
    image: str = "default"
    caller: str = "default"
    into: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """One that runs already: its first process, and the name of the process whose descendants all of it are."""

    first_process: Task
    starter: str


class Recorder:
    """Watches a machine: for each event, the step and the role.

    Once it is told of a `container` that runs already, all so far was that, and so is what its processes still do.
    """

    def __init__(self) -> None:
        self.container: Container | None = None
        self.steps: list[Step | None] = []
        self.roles: list[Role] = []
        self.tasks: list[Task] = []
        self.process: Process | None = None  # that of the last event, and its role
        self.role = Role.CALLER

    def __call__(self, process: Process, event: Event) -> None:
        if process is not self.process:
            self.process, self.role = process, self._role(process)
        self.steps.append(CURRENT.get())
        self.roles.append(self.role)
        self.tasks.append(process.task)

    def runs_already(self, container: "Container") -> None:
        """Call all that was seen so far the container's, into which another process will be brought."""
        self.container, self.process = container, None
        self.roles = [Role.CONTAINER] * len(self.roles)

    def _role(self, process: Process) -> Role:
        if self.container is not None and f"{process.name}.".startswith(f"{self.container.starter}."):
            return Role.CONTAINER
        return _role(process)


NSENTER_EXEC = f"{nsinit.ENTERS}-{nsinit.EXEC}"
NSINIT_ROLES = {("exec",): Role.PARENT, ("init",): Role.INIT}
"""By the first word of the command line. Another one is that of a payload which has got hold of the runtime's program."""


def _role(process: Process) -> Role:
    function, args = process.image
    if function in nsinit.BUILDS.values():
        argv = args[0]
        if argv[0].startswith(nsinit.ENTERS):
            return Role.ENTERING if argv[0] == NSENTER_EXEC else Role.HELPER
        return Role.HELPER if argv[1:3] == ("exec", "--func") else NSINIT_ROLES.get(argv[1:2], Role.PAYLOAD)
    if function is starting.run_prologue:
        return Role.CHILD
    if function is starting.run_helper_prologue:
        return Role.CHILD if args[4][0] == NSENTER_EXEC else Role.HELPER
    if function is nsenter.proceed:
        return Role.ENTERING if args[1] is nsinit.become_payload else Role.HELPER
    return Role.CALLER if "." not in process.name or function is callers.start else Role.PAYLOAD


MAKES_DESCRIPTORS = frozenset(("open", "openat", "socket", "socketpair", "pipe2", "dup", "fcntl_dupfd", "fcntl_dupfd_cloexec"))
"""The calls that return descriptors of their own choice."""


@dataclass(frozen=True)
class Run:
    """What happened. `steps[i]`, `roles[i]` and `tasks[i]` belong to `events[i]`; `machine` holds the state to go through."""

    setting: Setting
    machine: Machine
    standstill: Standstill
    output: bytes
    steps: tuple[Step | None, ...]
    roles: tuple[Role, ...]
    tasks: tuple[Task, ...]
    outcome: Outcome
    payload: bool
    reported: Reported
    message: str | None
    exit: Event | None = field(repr=False)
    """The execve with which init, or who entered, became the payload."""
    container: Container | None = None
    """Into which the payload was brought; None where it is a container's first process."""

    @property
    def events(self) -> list[Event]:
        return self.machine.events

    @property
    def parent(self) -> Task | None:
        """The task that was the parent, whose streams, limits and masks are those that the caller gave it."""
        return next((task for task, role in zip(self.tasks, self.roles, strict=True) if role is Role.PARENT), None)

    @property
    def given_streams(self) -> frozenset[int]:
        """Which of the descriptors 0, 1, 2 the caller gave the parent: those that no call of the parent made first."""
        made: set[int] = set()
        closed: set[int] = set()
        for event, role in zip(self.events, self.roles, strict=True):
            if role is Role.PARENT and not event.errno:
                if event.call.name in MAKES_DESCRIPTORS:
                    made.update(set(event.result if isinstance(event.result, tuple) else (event.result,)) - closed)
                elif event.call.name == "close":
                    closed.add(event.args[0])
        return frozenset(range(3)) - made

    @property
    def init(self) -> Task | None:
        """The task that was init, or the last that entered, whether or not it became the payload."""
        ours = BEFORE_PAYLOAD | {Role.CHILD}
        found = dict.fromkeys(task for task, role in zip(self.tasks, self.roles, strict=True) if role in ours)
        return list(found)[-1] if found else None



def becomes_payload(event: Event, role: Role) -> bool:
    """Whether this is the execve with which the runtime's program gives way to the payload."""
    return event.call.name in ("execve", "execveat") and role in BEFORE_PAYLOAD and event.result is NO_RETURN


def finish(setting: Setting, machine: Machine, recorder: Recorder, standstill: Standstill, output: bytes) -> Run:
    """Judge how a run that came to rest came out."""
    became = None
    told: bytes | None = None
    refused: str | None = None
    for event, step, role in zip(machine.events, recorder.steps, recorder.roles, strict=True):
        if becomes_payload(event, role):
            became = event
        if role is Role.PARENT and not event.errno:
            if step is parent_steps.await_init and event.call.name == "read":
                told = (told or b"") + event.result
            if event.call.name == "write" and event.args[0] == 2 and event.args[1].startswith(parent_steps.FAILURE):
                refused = event.args[1].removeprefix(parent_steps.FAILURE).decode("utf-8", "replace").rstrip("\n")
    reported = Reported.NOTHING
    if refused is not None:
        reported = Reported.ERROR
    elif told is not None:
        reported = Reported.ERROR if _is_error(told) else Reported.STARTED
    if became is not None:
        outcome = Outcome.EXECUTED
    elif standstill.hung:
        outcome = Outcome.HUNG
    elif refused is not None:
        outcome = Outcome.REFUSED
    else:
        outcome = Outcome.DIED
    return Run(
        setting, machine, standstill, output, tuple(recorder.steps), tuple(recorder.roles), tuple(recorder.tasks),
        outcome, became is not None, reported, refused, became, recorder.container,
    )  # fmt: skip


def _is_error(told: bytes) -> bool:
    """Whether the parent takes for an error what it was told: whatever is not nothing, even if it cannot read it."""
    try:
        return parse(told) is not None
    except GoError:
        return True
