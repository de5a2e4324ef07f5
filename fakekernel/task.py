"""Processes: what each owns, and what it shares with others (struct task_struct and the structs that it points to).

A task refers to objects that clone may share (CLONE_FS, CLONE_FILES, CLONE_VM, CLONE_SIGHAND). There is one thread to a
process.
"""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from fakekernel.credentials import Credentials
from fakekernel.description import FileTable
from fakekernel.filesystem import Inode
from fakekernel.mount import Path
from fakekernel.namespaces import NamespaceSet, PidNamespace
from fakekernel.store import TABLE, Record, Table
from fakekernel.userns import UserNamespace
from kernelapi.flags import Disposition
from kernelapi.ids import Pid
from kernelapi.values import Limit

if TYPE_CHECKING:
    from fakekernel.cgroup import Cgroup


class StructPid(Record):
    """The numbers of a process, one for each pid namespace that sees it: the outermost first. It outlives the task as long
    as it names a process group or a session: as long as that has members, which are listed by global number."""

    numbers: tuple[tuple[PidNamespace, int], ...]
    task: "Task | None" = None
    group_members: "Table[int, Task]" = TABLE
    session_members: "Table[int, Task]" = TABLE
    inode: Inode | None = None  # what pidfds of the process are, once there was one

    def number_in(self, ns: PidNamespace) -> Pid:
        """The number that `ns` knows it by; 0 where `ns` does not see it."""
        return Pid(next((number for space, number in self.numbers if space is ns), 0))

    @property
    def namespace(self) -> PidNamespace:
        """The innermost pid namespace: the one that the process lives in."""
        return self.numbers[-1][0]

    @property
    def global_number(self) -> int:
        """The number in the initial pid namespace."""
        return self.numbers[0][1]


class FsContext(Record):
    """Root, working directory, umask (struct fs_struct)."""

    root: Path
    cwd: Path
    umask: int = 0o022
    users: int = 1


class AddressSpace(Record):
    """As much of an address space as others see: whether it may be dumped, whose it is, what it runs (struct mm_struct)."""

    userns: UserNamespace
    dumpable: int = 1
    executable: Path | None = None
    argv: tuple[str, ...] = ()
    envp: tuple[str, ...] = ()
    users: int = 1


class SignalActions(Record):
    """What is done with each signal; those not listed get their default action (struct sighand_struct)."""

    dispositions: Table[int, Disposition] = TABLE
    users: int = 1


class Job(Record):
    """What belongs to the process as a whole: session, group, terminal, limits (struct signal_struct)."""

    group: StructPid
    session: StructPid
    is_leader: bool = False
    terminal: Record | None = None
    last_foreground: StructPid | None = None  # of a terminal that was hung up: the leader's exit tells this group
    limits: Table[int, Limit] = TABLE
    is_subreaper: bool = False
    oom_score_adj: int = 0
    oom_score_adj_min: int = 0  # the lowest that CAP_SYS_RESOURCE has set


class State(Enum):
    """Whether a process lives. The init of a pid namespace is exiting until all other members of it are reaped."""

    ALIVE = "alive"
    STOPPED = "stopped"
    EXITING = "exiting"
    ZOMBIE = "zombie"
    DEAD = "dead"


ALIVE, STOPPED = State.ALIVE, State.STOPPED


RESTARTED = "restarted"
"""The progress of a call that waits, and begins anew once its process was stopped meanwhile (ERESTARTSYS)."""


class Image(NamedTuple):
    """The program that a process runs: `function(kernel, *args)`."""

    function: Callable[..., int | None]
    args: tuple[Any, ...]


class SecurityContext(NamedTuple):
    """What the security module of the host keeps of a process: its label, and the one that it has asked for.

    `at_exec` is asked for, and taken at the next exec; `previous` is the label before the last change. `confinement` is the
    one under which AppArmor first saw the process with no_new_privs: more than under that one it may never do.
    """

    label: str = ""
    at_exec: str = ""
    previous: str = ""
    confinement: str = ""


class Task(Record):
    """A process."""

    pid: StructPid
    parent: "Task | None"
    cred: Credentials
    fs: FsContext
    files: FileTable
    mm: AddressSpace
    actions: SignalActions
    job: Job
    namespaces: NamespaceSet
    image: Image
    children: "Table[int, Task]" = TABLE  # by global number
    sibling: int = 0  # its place among the children of its parent, who looks at the lowest first
    exit_signal: int = 0
    comm: str = ""
    pdeathsig: int = 0
    no_new_privs: bool = False
    security: SecurityContext = SecurityContext()
    filters: int = 0  # of seccomp
    over_nproc: bool = False  # its last change of users went beyond RLIMIT_NPROC: execve will look again
    blocked: frozenset[int] = frozenset()
    pending: frozenset[int] = frozenset()
    state: State = State.ALIVE
    status: int = 0  # the status word for wait, once a zombie
    stop_signal: int = 0  # the signal that stopped it, until that is waited for
    was_continued: bool = False  # by SIGCONT, until that is waited for
    did_exec: bool = False
    exec_id: int = 0  # how many times it has made an exec
    parent_exec_id: int = 0  # how many times its parent had, when it was made
    born: int = 0  # when it was made, in nanoseconds of the virtual clock
    vfork_parent: "Task | None" = None
    cgroups: "tuple[Cgroup, ...]" = ()  # its control groups, but for those that are the root of their hierarchy
    frozen: bool = False  # by the freezer of its control group
    paused: bool = False  # by its control group in the unified hierarchy: unlike one that is frozen, it can be killed
    arrival: int = 0  # when it came to its control group in the unified hierarchy: a place among all such
    progress: Any = None  # what a blocked call has already done: a frozen value, None at the start of each call; or RESTARTED

    @property
    def number(self) -> Pid:
        """The process id in its own pid namespace."""
        return Pid(self.pid.numbers[-1][1])

    @property
    def pid_namespace(self) -> PidNamespace:
        return self.pid.namespace

    @property
    def runs(self) -> bool:
        """Whether it goes on: it lives, and is neither stopped nor frozen."""
        return self.state is ALIVE and not self.frozen and not self.paused

    @property
    def lives(self) -> bool:
        return self.state is ALIVE or self.state is STOPPED

    def __repr__(self) -> str:
        return f"<Task {self.pid.global_number} {self.comm!r}>"
