"""Playing a program of several processes: a driver, and agents that take their calls from it one by one.

All of this is a program on the protocol, and so the same on every kernel. The driver tells an agent through a pipe which call
to make, and then looks on from outside until nobody moves: every agent sleeps, is stopped, or has ended. So it needs no
deadlines, a call may wait for ever, and what a call does to the other agents belongs to its outcome.
"""

import pickle
from errno import EAGAIN, errorcode
from typing import Any

from initflow.conformance.program import AGENTS, NOBODY, Number, Outcome, Path, Program, Seen, Step, Transcript
from kernelapi.capability import EMPTY, FULL, Cap, CapSet
from kernelapi.flags import Clock, CloneFlag, OpenFlag, Rlimit, Signal
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import read_all
from kernelapi.values import CapData, Limit

FIRST = 20
"""The lowest descriptor that an agent finds free."""

PROC = Fd(99)
"""The descriptor of the driver's /proc, in every agent."""

PATIENCE = 5000
"""So often the driver looks whether the agents have come to rest."""

PATIENCE_WITH_THE_DYING = 100

EXITING = 4
"""Among the flags of /proc/PID/stat: the process is about to end (PF_EXITING)."""

PAUSE = 50_000
"""Nanoseconds between two looks."""

PIPES = 100  # the first of the descriptors by which driver and agents talk: two pipes for each agent
COMMAND_READ, COMMAND_WRITE, ANSWER_READ, ANSWER_WRITE = range(4)

ANSWERS_PID = frozenset(("clone", "getpid", "getppid", "getpgid", "getsid", "setsid", "gettid"))

ROOT = FULL - CapSet((Cap.SYS_RESOURCE,))
"""What agent 0 may do."""

END = (
    "Uid", "Gid", "Groups", "NSpid", "NSpgid", "NSsid", "SigBlk", "SigIgn", "CapInh", "CapPrm", "CapEff",
    "CapBnd", "CapAmb", "NoNewPrivs",
)  # fmt: skip
"""The lines of /proc/PID/status that are compared in the end."""

NAMESPACES = ("user", "pid", "pid_for_children", "mnt", "uts", "ipc", "net", "cgroup", "time", "time_for_children")


def channel(agent: int, end: int) -> Fd:
    return Fd(PIPES + 4 * agent + end)


# -- the agent --


def be_agent(kernel: Kernel, agent: int) -> int:
    """Say who one is in the driver's pid namespace; then make the calls that the driver asks for."""
    pid = kernel.readlinkat(PROC, "self")
    kernel.write(channel(agent, ANSWER_WRITE), pickle.dumps(pid))
    while True:
        name, args = pickle.loads(kernel.read(channel(agent, COMMAND_READ), 65536))
        kernel.write(channel(agent, ANSWER_WRITE), pickle.dumps((_answer(kernel, name, args),)))


def be_first_agent(kernel: Kernel) -> int:
    """Agent 0, in a session of its own: else kill(0, ...) would end the driver."""
    kernel.setsid()
    return be_agent(kernel, 0)


def _answer(kernel: Kernel, name: str, args: tuple[Any, ...]) -> Any:
    """The value of a call, or the name of its error."""
    try:
        if name == "clone":
            flags, child = args
            return kernel.clone(flags, be_agent, child)
        return getattr(kernel, name)(*args)
    except OSError as error:
        return errorcode.get(error.errno or 0, str(error.errno))


# -- the driver --


def _moves(stat: tuple[str, ...], look: int) -> bool:
    """Whether a process is still under way. One that ends may sleep meanwhile, and for ever if others have to end before."""
    if not stat:
        return False
    return stat[0] in "RDX" or (stat[0] != "Z" and look < PATIENCE_WITH_THE_DYING and bool(int(stat[-1]) & EXITING))


class Driver:
    """Plays a program, and writes down what it sees."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.pids: dict[int, str] = {}  # of each agent, in the driver's pid namespace
        self.numbers: dict[int, dict[str, int]] = {}  # of each agent, in each pid namespace that sees it
        self.spaces: dict[str, tuple[str, ...]] = {}  # of each pid namespace: those that see it, the outermost first
        self.space: dict[int, str] = {}  # of each agent, the innermost
        self.busy: dict[int, Step] = {}  # who has not answered yet

    def prepare(self) -> None:
        """Make the descriptors that agents inherit, and agent 0. Nobody but the driver is in the outer pid namespace."""
        kernel = self.kernel
        kernel.setsid()
        kernel.prlimit64(Pid(0), Rlimit.CORE, Limit(0, 0))
        kernel.prctl_capbset_drop(Cap.SYS_RESOURCE)  # which not every host has
        kernel.capset(Pid(0), CapData(ROOT, ROOT, EMPTY))
        self._place(kernel.open("/proc", OpenFlag.DIRECTORY), PROC)
        while kernel.open("/", OpenFlag.PATH) < FIRST - 1:
            pass
        for agent in range(AGENTS):
            reader, writer = kernel.pipe2(0)
            self._place(reader, channel(agent, COMMAND_READ))
            self._place(writer, channel(agent, COMMAND_WRITE))
            reader, writer = kernel.pipe2(OpenFlag.NONBLOCK)
            self._place(reader, channel(agent, ANSWER_READ))
            self._place(writer, channel(agent, ANSWER_WRITE))
        own = kernel.readlinkat(PROC, "self/ns/pid")
        self.spaces[own] = (own,)
        kernel.clone(CloneFlag.NEWPID | Signal.CHLD, be_first_agent)
        self._meet(0, own)
        self._settle()

    def _place(self, fd: Fd, where: Fd) -> None:
        self.kernel.dup3(fd, where, 0)
        self.kernel.close(fd)

    def heard(self, agent: int) -> Any:
        """What an agent has said; None where it has said nothing."""
        try:
            return pickle.loads(self.kernel.read(channel(agent, ANSWER_READ), 65536))
        except OSError as error:
            if error.errno != EAGAIN:
                raise
            return None

    def _meet(self, agent: int, parent_space: str) -> None:
        """Get to know a new agent. If its pid namespace is new, that is a child of its maker's."""
        while (pid := self.heard(agent)) is None:
            self._pause()
        self.pids[agent] = pid
        self.space[agent] = space = self.kernel.readlinkat(PROC, f"{pid}/ns/pid")
        self.spaces.setdefault(space, (*self.spaces[parent_space], space))
        numbers = map(int, self._status(pid)["NSpid"].split())
        self.numbers[agent] = dict(zip(self.spaces[space], numbers, strict=True))

    # -- looking --

    def _file(self, pid: str, name: str) -> str | None:
        try:
            fd = self.kernel.openat(PROC, f"{pid}/{name}", OpenFlag.RDONLY)
        except OSError:
            return None
        try:
            return read_all(self.kernel, fd).decode(errors="replace")
        except OSError:
            return None
        finally:
            self.kernel.close(fd)

    def _status(self, pid: str) -> dict[str, str]:
        text = self._file(pid, "status") or ""
        return dict(line.split(":\t", 1) for line in text.splitlines())

    def _stat(self, agent: int) -> tuple[str, ...]:
        """State, parent, group and session of an agent, and its flags; nothing once it is gone."""
        text = self._file(self.pids[agent], "stat")
        if text is None:
            return ()
        state, parent, group, session, _, _, flags, *_ = text.rpartition(")")[2].split()
        return state, parent, group, session, flags

    def _pause(self) -> None:
        self.kernel.clock_nanosleep(Clock.MONOTONIC, 0, PAUSE)

    def _settle(self) -> tuple[Seen, ...]:
        """Wait until nobody moves; what is seen then. Two looks in a row have to agree, since one takes its time."""
        before: list[tuple[str, ...]] | None = None
        for look in range(PATIENCE):
            self._pause()
            now = [self._stat(agent) for agent in sorted(self.pids)]
            if now == before and not any(_moves(stat, look) for stat in now):
                break
            before = now
        return tuple(self._seen(stat) for stat in before or ())

    def _seen(self, stat: tuple[str, ...]) -> Seen:
        if not stat:
            return Seen("")
        state, *others, _ = stat
        return Seen(state, *(self._name(int(pid), self._own) for pid in others))

    @property
    def _own(self) -> str:
        return next(iter(self.spaces))

    def _name(self, number: int, space: str) -> str:
        """Whom `number` names in a pid namespace."""
        for agent, numbers in self.numbers.items():
            if numbers.get(space) == number:
                return f"@{agent}"
        return str(number)

    # -- playing --

    def play(self, program: Program) -> Transcript:
        """Play a program."""
        outcomes = tuple(self._step(step) for step in program)
        return Transcript(outcomes, self._ends())

    def _step(self, step: Step) -> Outcome:
        agent = step.agent
        if not self._is_idle(agent) or (step.call == "clone" and step.args[-1] in self.pids):
            return Outcome(skipped=True)
        args = tuple(self._argument(agent, arg) for arg in step.args)
        self.busy[agent] = step
        self.kernel.write(channel(agent, COMMAND_WRITE), pickle.dumps((step.call, args)))
        seen = self._settle()
        answers: dict[int, Any] = {}
        if step.call == "clone" and (answer := self.heard(agent)) is not None:
            answers[agent] = answer
            if isinstance(answer[0], int):
                self._meet(step.args[-1], self.space[agent])
                seen = self._settle()
        states = dict(zip(sorted(self.pids), (each.state for each in seen), strict=True))
        for each in sorted(self.busy):
            # Who has ended or is stopped may have answered before or not: what a call sets off comes as fast as it does.
            answer = (answers.pop(each, None) or self.heard(each)) if states[each] == "S" else None
            if answer is not None:
                answers[each] = self._symbolic(each, self.busy.pop(each).call, answer[0])
        return Outcome(tuple(sorted(answers.items())), seen)

    def _is_idle(self, agent: int) -> bool:
        if agent not in self.pids or agent in self.busy:
            return False
        stat = self._stat(agent)
        return bool(stat) and stat[0] == "S"

    def _argument(self, agent: int, arg: Any) -> Any:
        if isinstance(arg, Number):
            numbers = self.numbers.get(arg.agent)
            if numbers is None:
                return NOBODY
            number = numbers.get(self.space[agent], numbers[self.space[arg.agent]])
            return -number if arg.group else number
        if isinstance(arg, Path):
            return f"{self.pids.get(arg.agent, NOBODY)}/{arg.rest}"
        return arg

    def _symbolic(self, agent: int, call: str, answer: Any) -> Any:
        if call == "wait4" and isinstance(answer, tuple):
            return (self._name(answer[0], self.space[agent]), answer[1])
        if call in ANSWERS_PID and isinstance(answer, int):
            return self._name(answer, self.space[agent])
        return answer

    def _ends(self) -> tuple[tuple[str, ...], ...]:
        """What /proc says of each agent: some lines of its status, and which namespaces it is in, by order of appearance."""
        known: dict[str, int] = {}
        ends = []
        for agent, pid in sorted(self.pids.items()):
            status = self._status(pid)
            lines = [f"{name} {status[name].strip()}" for name in END if name in status]
            if agent in self.busy and self.busy[agent].call == "execve":
                lines = []  # the programs of busybox give up what they do not need
            elif status and status["State"][0] != "Z":  # what ends a process stays pending in a zombie: that is not modelled
                lines.append(f"pending {int(status['SigPnd'], 16) | int(status['ShdPnd'], 16):x}")
            for kind in NAMESPACES:
                try:
                    link = self.kernel.readlinkat(PROC, f"{pid}/ns/{kind}")
                    lines.append(f"{kind} {known.setdefault(link, len(known))}")
                except OSError as error:
                    lines.append(f"{kind} errno {error.errno}")
            ends.append((f"@{agent}", *lines))
        return tuple(ends)


def drive(kernel: Kernel, program: Program) -> Transcript:
    """Play `program` by agents. The caller must be root, with a /proc of its own pid namespace."""
    driver = Driver(kernel)
    driver.prepare()
    return driver.play(program)
