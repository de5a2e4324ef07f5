"""Playing a program: a driver tells agents one by one which call to make, and writes down what comes of it.

The driver is the first process of a pid namespace, in fresh namespaces of every kind but the user's. After a call that may
concern others it looks on from outside until nobody moves: every agent sleeps, is stopped, or has ended. So a call may wait for
ever, and what it does to the other agents belongs to its outcome. Looking takes time. A driver that knows what to expect
(`hints`) takes an answer as it comes where nobody else is expected to be concerned, and looks from the first surprise on.
"""

import pickle
from collections.abc import Callable, Iterable, Sequence
from errno import EAGAIN
from typing import Any

from initflow.conformance.agents import (
    LARGEST,
    LAST,
    PROC,
    REPORT,
    agent_end,
    be_first_agent,
    driver_end,
    is_witnessed,
)
from initflow.conformance.program import (
    AGENTS,
    NOBODY,
    Agent,
    Crashed,
    Entry,
    Failed,
    Held,
    Outcome,
    Seen,
    Step,
    Transcript,
    Unanswerable,
)
from initflow.conformance.projection import Projection
from initflow.conformance.scratch import clear_descriptors, furnish
from initflow.conformance.symbols import Symbols
from kernelapi.capability import EMPTY, FULL, Cap, CapSet
from kernelapi.flags import AddressFamily, Clock, CloneFlag, OpenFlag, Rlimit, Signal, SocketType
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import read_all
from kernelapi.testing.stage import DESCRIPTORS, HOSTNAME, write_file
from kernelapi.values import CapData, Limit, Message

PATIENCE = 2000
"""So often the driver looks whether the agents have come to rest."""

PATIENCE_WITH_THE_DYING = 100

EXITING = 4
"""Among the flags of /proc/PID/stat: the process is about to end (PF_EXITING)."""

UNDECIDED = Seen("?")
"""How an agent is seen of whom it depends on who is faster whether it is a zombie, or gone."""

PAUSE = 50_000
"""Nanoseconds between two looks."""

ROOT = FULL - CapSet((Cap.SYS_RESOURCE,))
"""What agent 0 may do as root: not what not every host may."""

USERNS_MAP = b"0 0 65536"
"""The map of the user namespace in which a program may start."""

KINDS = ("file", "dir", "ns", "map", "pty", "tty", "pipe", "sock", "netlink", "inet", "pidfd")
"""What a descriptor is of, as far as the call tells that made it."""

SOCKETS = ("sock", "netlink", "inet")
"""Kinds in whose place no other descriptor stands: of what is made for another family, sockets model little."""

CONCERNS_OTHERS = frozenset(("clone", "exit_group", "kill", "execve", "execveat", "setpgid", "setsid", "setns"))
"""The calls after which the driver always looks at all agents: they may end, stop or regroup somebody who does not wait."""

OF_TERMINALS = ("close", "close_range", "dup2", "dup3", "write", "ioctl_")
"""Beginnings of the names of calls that send signals by way of a terminal."""

Wait = Callable[[Fd, float], None]
"""Waits until a descriptor can be read, or so many seconds."""

Tell = Callable[[int, str], None]
"""Told of the number and the call of each step before it is made; of -1 when the program is over."""


class Hung(Exception):
    """The agents do not come to rest, or one does not answer."""


class Driver:
    """Plays one program."""

    def __init__(
        self,
        kernel: Kernel,
        *,
        wait: Wait | None = None,
        hints: Sequence[Outcome] = (),
        tell: Tell | None = None,
    ) -> None:
        self.kernel = kernel
        self.wait = wait
        self.hints = hints
        self.tell = tell
        self.trusting = bool(hints)  # so far everything was as expected
        self.symbols = Symbols()
        self.pids: dict[int, str] = {}  # of each agent, in the driver's pid namespace
        self.numbers: dict[int, dict[str, int]] = {}  # of each agent, in each pid namespace that sees it
        self.spaces: dict[str, tuple[str, ...]] = {}  # of each pid namespace: those that see it, the outermost first
        self.space: dict[int, str] = {}  # of each agent, the innermost
        self.states: dict[int, str] = {}  # the letter of each agent when it was last looked at
        self.seen: tuple[Seen, ...] = ()  # at the last look
        self.undecided: set[int] = set()  # who may be a zombie or gone
        self.busy: dict[int, tuple[str, tuple[Any, ...]]] = {}  # who has not answered yet, and which call
        self.held: dict[int, list[tuple[str, int]]] = {}  # the descriptors that each agent has got, with their kinds
        self.looks = 0

    def prepare(self, start: str, report: Fd) -> None:
        """Make the tree, the channels, and agent 0."""
        kernel = self.kernel
        kernel.setsid()
        furnish(kernel)
        clear_descriptors(kernel, report, REPORT)
        kernel.prctl_set_name("agent")
        kernel.prlimit64(Pid(0), Rlimit.CORE, Limit(0, 0))
        kernel.prlimit64(Pid(0), Rlimit.NOFILE, DESCRIPTORS)
        kernel.sethostname(HOSTNAME)
        kernel.prctl_capbset_drop(Cap.SYS_RESOURCE)
        kernel.capset(Pid(0), CapData(ROOT, ROOT, EMPTY))
        self._place(kernel.open("/proc", OpenFlag.DIRECTORY), PROC)
        for agent in range(AGENTS):
            one, other = kernel.socketpair(AddressFamily.UNIX, SocketType.SEQPACKET)
            kernel.fcntl_setfl(one, OpenFlag.NONBLOCK)
            self._place(one, driver_end(agent))
            self._place(other, agent_end(agent))
        own = kernel.readlinkat(PROC, "self/ns/pid")
        self.spaces[own] = (own,)
        flags = {"init": CloneFlag.NEWPID, "userns": CloneFlag.NEWUSER}.get(start, 0)
        kernel.clone(flags | Signal.CHLD, be_first_agent, start)
        self._meet(0, own)
        self.held[0] = []
        if start == "userns":
            for file in ("uid_map", "gid_map"):
                write_file(kernel, f"/proc/{self.pids[0]}/{file}", USERNS_MAP)
        self._settle()

    def _place(self, fd: Fd, where: Fd) -> None:
        self.kernel.dup3(fd, where, 0)
        self.kernel.close(fd)

    # -- talking --

    def heard(self, agent: int) -> Any:
        """What an agent has said; None where it has said nothing."""
        try:
            return pickle.loads(self.kernel.read(driver_end(agent), LARGEST))
        except OSError as error:
            if error.errno != EAGAIN:
                raise
            return None

    def ask(self, agent: int, question: str, *args: Any) -> Any:
        """What an agent answers that is idle. Raises `Hung` where it does not."""
        self._say(agent, question, args)
        answer = self._hear_soon(agent)
        if answer is None:
            raise Hung(f"agent {agent} does not answer: {question}")
        return answer[0]

    def _say(self, agent: int, name: str, args: tuple[Any, ...]) -> None:
        self.kernel.write(driver_end(agent), pickle.dumps((name, args)))

    def _hear_soon(self, agent: int) -> Any:
        """What an agent says, if that does not take long."""
        if self.wait is not None:
            self.wait(driver_end(agent), 1.0)
        else:
            self._pause()
        return self.heard(agent)

    def _meet(self, agent: int, parent_space: str) -> None:
        """Get to know a new agent. If its pid namespace is new, that is a child of its maker's."""
        pid = self._hear_soon(agent)
        if pid is None:
            raise Hung(f"agent {agent} does not show up")
        self.pids[agent] = pid
        self.states[agent] = "S"
        self.space[agent] = space = self.kernel.readlinkat(PROC, f"{pid}/ns/pid")
        self.spaces.setdefault(space, (*self.spaces[parent_space], space))
        numbers = map(int, self.status(pid)["NSpid"].split())
        self.numbers[agent] = dict(zip(self.spaces[space], numbers, strict=True))

    def _meet_child(self, parent: int) -> None:
        """Get to know the agent that another one has just made."""
        child = len(self.pids)
        self._meet(child, self.space[parent])
        self.held[child] = list(self.held[parent])

    # -- looking --

    def file(self, pid: str, name: str) -> str | None:
        """The text of a file of a process in /proc; None where there is none any more."""
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

    def status(self, pid: str) -> dict[str, str]:
        text = self.file(pid, "status") or ""
        return dict(line.split(":\t", 1) for line in text.splitlines())

    def _stat(self, agent: int) -> tuple[str, ...]:
        """State, parent, group and session of an agent, and its flags; nothing once it is gone."""
        text = self.file(self.pids[agent], "stat")
        if text is None:
            return ()
        state, parent, group, session, _, _, flags, *_ = text.rpartition(")")[2].split()
        return state, parent, group, session, flags

    def has_ended(self, agent: int) -> bool:
        """Whether an agent has ended or is about to, which may last as long as it likes."""
        stat = self._stat(agent)
        return not stat or _ends(stat)

    def _pause(self) -> None:
        self.kernel.clock_nanosleep(Clock.MONOTONIC, 0, PAUSE)

    def _settle(self) -> None:
        """Wait until nobody moves, and see what there is then. Two looks in a row have to agree, since one takes its time."""
        self.looks += 1
        before: list[tuple[str, ...]] | None = None
        for look in range(PATIENCE):
            self._pause()
            now = [self._stat(agent) for agent in sorted(self.pids)]
            if (now == before or self.wait is None) and not any(_moves(stat, look) for stat in now):
                break
            before = now
        else:
            raise Hung("the agents do not come to rest")
        self.undecided |= self._taken_or_not(now)
        self.seen = tuple(UNDECIDED if agent in self.undecided else self._seen(stat) for agent, stat in enumerate(now))
        self.states = {agent: stat[0] if stat else "" for agent, stat in zip(sorted(self.pids), now, strict=True)}

    def _taken_or_not(self, now: Sequence[tuple[str, ...]]) -> set[int]:
        """Those who have ended together with a parent that waited: it may have taken them in before it ended, or not."""
        ended = {agent for agent, seen in enumerate(self.seen) if seen.lives and (not now[agent] or now[agent][0] == "Z")}
        waited = {f"@{agent}" for agent in ended if self.busy.get(agent, ("",))[0] == "wait4"}
        return {agent for agent in ended if self.seen[agent].parent in waited}

    def _seen(self, stat: tuple[str, ...]) -> Seen:
        if not stat:
            return Seen("")
        state, *others, _ = stat
        return Seen(state, *(self.name(int(pid), self._own) for pid in others))

    @property
    def _own(self) -> str:
        return next(iter(self.spaces))

    def name(self, number: int, space: str) -> str:
        """Whom `number` names in a pid namespace."""
        for agent, numbers in self.numbers.items():
            if numbers.get(space) == number:
                return f"@{agent}"
        return str(number)

    @property
    def idle(self) -> list[int]:
        """The agents that can take a call."""
        return [agent for agent in sorted(self.pids) if agent not in self.busy and self.states[agent] == "S"]

    # -- playing --

    def play(self, steps: Iterable[Step]) -> Transcript:
        """Play a program. It ends early, without states, at a call that the simulated kernel does not model."""
        outcomes: list[Outcome] = []
        for number, step in enumerate(steps):
            if self.tell is not None:
                self.tell(number, step.call)
            hint = self.hints[number] if number < len(self.hints) else None
            if hint is not None and hint.unanswerable is not None:
                break
            outcome = self._step(step, hint if self.trusting else None)
            outcomes.append(outcome)
            if hint is not None and not outcome.agrees(hint):
                self.trusting = False
            if outcome.unanswerable is not None:
                break
        else:
            if self.tell is not None:
                self.tell(-1, "")
            self._settle()
            return Transcript(tuple(outcomes), Projection(self).states())
        return Transcript(tuple(outcomes), ())

    def _step(self, step: Step, hint: Outcome | None) -> Outcome:
        idle = self.idle
        if not idle or (step.call == "clone" and len(self.pids) == AGENTS):
            return Outcome()
        agent = idle[step.agent % len(idle)]
        args = tuple(self._argument(agent, arg) for arg in step.args)
        self._say(agent, step.call, (*args, len(self.pids)) if step.call == "clone" else args)
        self.busy[agent] = (step.call, args)
        said = None
        if self._is_quiet(step, hint, agent):
            said = self._hear_soon(agent)
            if said is not None and (step.call != "clone" or not isinstance(said[0], int)):
                return Outcome(agent, step.call, args, ((agent, self._answered(agent, said[0])),))
            if said is not None and hint is not None and hint.seen is not None:
                self._meet_child(agent)
                self.seen = hint.seen
                return Outcome(agent, step.call, args, ((agent, self._answered(agent, said[0])),))
            self.trusting = False
        return self._look_on(step, agent, args, said)

    def _is_quiet(self, step: Step, hint: Outcome | None, agent: int) -> bool:
        """Whether nobody but the caller is concerned, if it answers at once."""
        if step.call.startswith("execve") and is_witnessed(step.args):
            return True
        if hint is not None:
            is_alone = len(hint.answers) == 1 and hint.answers[0][0] == hint.agent == agent
            return is_alone and (step.call == "clone" or hint.seen is None or hint.seen == self.seen)
        kinds = {kind for held in self.held.values() for kind, _ in held}
        if step.call.startswith(OF_TERMINALS) and not kinds.isdisjoint(("pty", "tty")):
            return False
        return step.call not in CONCERNS_OTHERS and len(self.busy) == 1

    def _look_on(self, step: Step, agent: int, args: tuple[Any, ...], said: Any) -> Outcome:
        self._settle()
        answers: dict[int, Any] = {} if said is None else {agent: said}
        if step.call == "clone" and (answer := self.heard(agent)) is not None:
            answers[agent] = answer
            if isinstance(answer[0], int):
                self._meet_child(agent)
                self._settle()
        for each in sorted(self.busy):
            # Who has ended or is stopped may have answered before or not: what a call sets off comes as fast as it does.
            answer = (answers.pop(each, None) or self.heard(each)) if self.states[each] == "S" else None
            if answer is not None:
                answers[each] = self._answered(each, answer[0])
        return Outcome(agent, step.call, args, tuple(sorted(answers.items())), self.seen)

    def _argument(self, agent: int, arg: Any) -> Any:
        if isinstance(arg, Agent):
            numbers = self.numbers.get(arg.number % len(self.pids), {})
            number = numbers.get(self.space[agent], NOBODY)
            return -number if arg.group else number
        if isinstance(arg, Held):
            held = self.held[agent]
            fds = [fd for kind, fd in held if arg.kind in (kind, "any")]
            if not fds and arg.kind not in SOCKETS:
                fds = [fd for _, fd in held]
            fds = fds or [LAST]
            return fds[-1 - arg.number % len(fds)]
        if isinstance(arg, Entry):
            return f"/proc/{self.pids[arg.agent % len(self.pids)]}/{arg.rest}"
        if isinstance(arg, tuple):
            return tuple(self._argument(agent, part) for part in arg)
        return arg

    def _answered(self, agent: int, answer: Any) -> Any:
        """What is compared of an answer. What it gives is remembered."""
        call, args = self.busy.pop(agent)
        if not isinstance(answer, (Failed, Unanswerable, Crashed)):
            self._remember(agent, call, args, answer)
        return self.symbols.answer(call, args, answer, lambda number: self.name(number, self.space[agent]))

    def _remember(self, agent: int, call: str, args: tuple[Any, ...], answer: Any) -> None:
        held = self.held[agent]
        if call in ("close", "dup2", "dup3"):
            number = args[0] if call == "close" else args[1]
            kinds = {fd: kind for kind, fd in held}
            held[:] = [(kind, fd) for kind, fd in held if fd != number]
            if call != "close":
                held.append((kinds.get(args[0], "file"), number))
        elif call in ("dup", "fcntl_dupfd", "fcntl_dupfd_cloexec"):
            held.append((next((kind for kind, fd in held if fd == args[0]), "file"), answer))
        elif call in ("pipe", "pipe2", "socketpair"):
            held += [("pipe" if call != "socketpair" else "sock", fd) for fd in answer]
        elif call == "socket":
            held.append(("netlink" if args[0] == AddressFamily.NETLINK else "inet", answer))
        elif call == "pidfd_open":
            held.append(("pidfd", answer))
        elif call in ("open", "openat"):
            path, flags = args[-3:-1]
            held.append((_kind(path, flags), answer))
        elif call == "recvmsg" and isinstance(answer, Message):
            held += [("file", fd) for fd in answer.fds]


def _kind(path: str, flags: int) -> str:
    """What kind of file a path leads to, as far as it tells."""
    name = path.rpartition("/")[2]
    if "/ns/" in path:
        return "ns"
    if name in ("uid_map", "gid_map", "setgroups"):
        return "map"
    if name == "ptmx":
        return "pty"
    if "pts/" in path or name == "tty":
        return "tty"
    if name == "p":
        return "pipe"
    return "dir" if flags & OpenFlag.DIRECTORY else "file"


def _moves(stat: tuple[str, ...], look: int) -> bool:
    """Whether a process is still under way. One that ends may sleep meanwhile, and for ever if others have to end before."""
    if not stat:
        return False
    return stat[0] in "RDX" or (stat[0] != "Z" and look < PATIENCE_WITH_THE_DYING and _ends(stat))


def _ends(stat: tuple[str, ...]) -> bool:
    return bool(int(stat[-1]) & EXITING)


def drive(
    kernel: Kernel,
    start: str,
    steps: Iterable[Step],
    report: Fd,
    wait: Wait | None = None,
    hints: Sequence[Outcome] = (),
    tell: Tell | None = None,
) -> int:
    """Play a program, and write a pickled `Transcript` to `report`. The caller is in the namespaces of `scratch.FRESH`."""
    driver = Driver(kernel, wait=wait, hints=hints, tell=tell)
    driver.prepare(start, report)
    data = pickle.dumps(driver.play(steps))
    while data:
        data = data[kernel.write(REPORT, data) :]
    return 0
