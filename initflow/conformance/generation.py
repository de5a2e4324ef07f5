"""Random programs of several processes: the same seed gives the same program."""

from collections.abc import Callable
from random import Random
from typing import Any

from initflow.conformance.agents import FIRST, PROC, ROOT
from initflow.conformance.program import AGENTS, NOBODY, Number, Path, Program, Step
from kernelapi.capability import EMPTY, Cap, CapSet
from kernelapi.flags import CloneFlag, OpenFlag, Signal, WaitFlag
from kernelapi.values import CapData

SIGNALS = (
    0, Signal.KILL, Signal.TERM, Signal.TERM, Signal.HUP, Signal.STOP, Signal.STOP, Signal.TSTP, Signal.TSTP, Signal.TTIN,
    Signal.CONT, Signal.CONT, Signal.CONT, Signal.CHLD, Signal.USR1, Signal.SEGV, Signal.PIPE, 34, 64, 65,
)  # fmt: skip
EXIT_SIGNALS = (*(Signal.CHLD,) * 6, 0, Signal.CONT, Signal.WINCH)
"""Not those that end or stop the parent: one that waits takes the zombie before the signal arrives, which is not modelled."""

IDS = (-1, 0, 0, 1, 1000, 1000, 1001)
NEW = (
    CloneFlag.NEWPID, CloneFlag.NEWPID, CloneFlag.NEWPID, CloneFlag.NEWUSER, CloneFlag.NEWUSER, CloneFlag.NEWNS,
    CloneFlag.NEWUTS, CloneFlag.NEWIPC, CloneFlag.NEWCGROUP, CloneFlag.NEWTIME,
)  # fmt: skip
SHARED = (CloneFlag.FS, CloneFlag.FILES, CloneFlag.PARENT, CloneFlag.PARENT)
LINKS = ("user", "user", "pid", "pid", "mnt", "uts", "ipc", "net", "cgroup", "time", "pid_for_children", "time_for_children")
WRITTEN = ("uid_map", "gid_map", "setgroups", "attr/exec")
MAPS = (b"0 0 1", b"0 0 2000", b"0 1000 1", b"1000 1000 1", b"0 1000 1\n1 0 1", b"5 5 5")


class Generator:
    """Makes the steps of one program. It only guesses which agents live."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.agents = [0]

    def step(self) -> Step:
        """The next step: births first, so that there is somebody to be called."""
        random = self.random
        agent = random.choice(self.agents)
        births = len(self.agents) < AGENTS and (len(self.agents) < 3 or random.random() < 0.1)
        name = "clone" if births else random.choice(_NAMES)
        return Step(agent, name, self.clone() if births else ARGUMENTS[name](self))

    # -- arguments --

    def clone(self) -> tuple[Any, ...]:
        flags = int(self.random.choice(EXIT_SIGNALS))
        for some, chance in ((NEW, 0.3), (NEW, 0.1), (SHARED, 0.25), (SHARED, 0.1)):
            if self.random.random() < chance:
                flags |= self.random.choice(some)
        child = len(self.agents)
        self.agents.append(child)
        return (flags, child)

    def agent(self) -> int:
        return self.random.choice(self.agents)

    def pid(self) -> Any:
        chance = self.random.random()
        if chance < 0.15:
            return 0
        return NOBODY if chance < 0.18 else Number(self.agent())

    def target(self) -> Any:
        """A pid as kill and wait4 take it."""
        chance = self.random.random()
        if chance < 0.12:
            return -1
        return Number(self.agent(), group=True) if chance < 0.3 else self.pid()

    def kill(self) -> tuple[Any, ...]:
        return (self.target(), int(self.random.choice(SIGNALS)))

    def wait(self) -> tuple[Any, ...]:
        options = 0
        for flag, chance in (
            (WaitFlag.NOHANG, 0.7), (WaitFlag.UNTRACED, 0.4), (WaitFlag.CONTINUED, 0.4), (WaitFlag.WALL, 0.25),
            (WaitFlag.WCLONE, 0.1),
        ):  # fmt: skip
            if self.random.random() < chance:
                options |= flag
        return (-1 if self.random.random() < 0.5 else self.target(), options)

    def signals(self) -> frozenset[int]:
        chosen = self.random.sample(range(1, 65), 3) if self.random.random() < 0.3 else self.random.choices(SIGNALS[1:-1], k=3)
        return frozenset(map(int, chosen))

    def ids(self, count: int) -> tuple[Any, ...]:
        return tuple(self.random.choice(IDS) for _ in range(count))

    def namespaces(self) -> int:
        flags = 0
        for chance in (1.0, 0.3):
            if self.random.random() < chance:
                flags |= self.random.choice(NEW)
        return flags

    def descriptor(self) -> int:
        return self.random.randrange(FIRST, FIRST + 6)

    def open_(self) -> tuple[Any, ...]:
        if self.random.random() < 0.6:
            return (PROC, Path(self.agent(), f"ns/{self.random.choice(LINKS)}"), 0, 0)
        return (PROC, Path(self.agent(), self.random.choice(WRITTEN)), int(OpenFlag.RDWR), 0)

    def execve(self) -> tuple[Any, ...]:
        name = self.random.choice(("true", "false", "sleep"))
        return (f"/bin/{name}", (name, "1000"), ())

    def capabilities(self) -> tuple[Any, ...]:
        lost = CapSet.of(self.random.choice((Cap.KILL, Cap.SETUID, Cap.SYS_ADMIN)))
        kept = ROOT if self.random.random() < 0.5 else ROOT - lost
        return (0, CapData(self.random.choice((kept, kept, EMPTY)), kept, EMPTY))


ARGUMENTS: dict[str, Callable[[Generator], tuple[Any, ...]]] = {
    "kill": Generator.kill,
    "wait4": Generator.wait,
    "exit_group": lambda g: (g.random.choice((0, 1, 7, 256)),),
    "rt_sigaction": lambda g: (int(g.random.choice(SIGNALS)), g.random.choice((0, 1, 1, None))),
    "rt_sigprocmask": lambda g: (g.random.choice((0, 0, 1, 2)), g.signals()),
    "rt_sigpending": lambda g: (),
    "getpid": lambda g: (),
    "getppid": lambda g: (),
    "getpgid": lambda g: (g.pid(),),
    "getsid": lambda g: (g.pid(),),
    "setsid": lambda g: (),
    "setpgid": lambda g: (g.pid(), g.pid()),
    "prctl_set_pdeathsig": lambda g: (int(g.random.choice(SIGNALS)),),
    "prctl_set_child_subreaper": lambda g: (g.random.choice((0, 1, 1)),),
    "prctl_set_dumpable": lambda g: (g.random.choice((0, 1)),),
    "setresuid": lambda g: g.ids(3),
    "setresgid": lambda g: g.ids(3),
    "setuid": lambda g: g.ids(1),
    "capset": Generator.capabilities,
    "unshare": lambda g: (int(g.namespaces()),),
    "openat": Generator.open_,
    "setns": lambda g: (g.descriptor(), int(g.random.choice((0, 0, 0, *NEW)) | g.random.choice((0, *NEW)))),
    "pidfd_open": lambda g: (g.pid(), 0),
    "write": lambda g: (g.descriptor(), g.random.choice(MAPS)),
    "read": lambda g: (g.descriptor(), 100),
    "pipe2": lambda g: (0,),
    "close": lambda g: (g.descriptor(),),
    "umask": lambda g: (g.random.randrange(0o100),),
    "sethostname": lambda g: (f"host{g.random.randrange(9)}",),
    "execve": Generator.execve,
}
"""How the arguments of each call are chosen."""

WEIGHTS = {
    "kill": 14, "wait4": 12, "setpgid": 6, "setns": 6, "openat": 6, "unshare": 4, "write": 3, "exit_group": 2, "setsid": 2,
}  # fmt: skip
"""How often a call is chosen, if not once."""

_NAMES = [name for name in ARGUMENTS for _ in range(WEIGHTS.get(name, 1))]


def generate(seed: int, steps: int = 30) -> Program:
    """The program of this seed."""
    generator = Generator(Random(seed))
    return tuple(generator.step() for _ in range(steps))
