"""What a differential program is: calls, each made by one of a handful of processes, and what is seen of all of them.

The processes are called *agents*. Agent 0 is there from the beginning, as the program's `start` says; each clone that
succeeds makes the next one. A program names nothing by a number that a kernel gives: processes are agents, descriptors are
what earlier calls have got. So a step can be left out, and the rest still makes sense.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kernelapi.errors import errno_name

AGENTS = 5
"""So many agents a program may have."""

NOBODY = 99999
"""A pid that nobody has."""

STARTS = ("root", "user", "userns", "init")
"""What agent 0 is: root, user 1000, root of a user namespace, or root as the first process of a pid namespace."""


@dataclass(frozen=True, slots=True)
class Agent:
    """An argument: the pid of an agent as the caller sees it; as a group, its negative. Counted round those that were born."""

    number: int
    group: bool = False

    def __repr__(self) -> str:
        return f"Agent({self.number}, group=True)" if self.group else f"Agent({self.number})"


@dataclass(frozen=True, slots=True)
class Held:
    """An argument: a descriptor of the caller of some kind ("any", or one of `driver.KINDS`), counted back from the latest."""

    kind: str
    number: int = 0

    def __repr__(self) -> str:
        return f"Held({self.kind!r}, {self.number})"


@dataclass(frozen=True, slots=True)
class Entry:
    """An argument: a path below the directory of an agent in /proc."""

    agent: int
    rest: str

    def __repr__(self) -> str:
        return f"Entry({self.agent}, {self.rest!r})"


@dataclass(frozen=True, slots=True)
class Step:
    """One call by one agent: of those that can take a call, the one with this number, counted round.

    A clone has its flags as its only argument. An execve or execveat of one of `scratch.WITNESSES` is made by a child, and
    answers what that says; any other replaces the agent.
    """

    agent: int
    call: str
    args: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return f"Step({self.agent}, {self.call!r}, {self.args!r})"


@dataclass(frozen=True, slots=True)
class Program:
    """Where it starts (one of `STARTS`), and its steps."""

    start: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer of a call that fails."""

    errno: int

    def __repr__(self) -> str:
        return errno_name(self.errno)


@dataclass(frozen=True, slots=True)
class Unanswerable:
    """The answer of a call that the simulated kernel does not model."""

    reason: str

    def __repr__(self) -> str:
        return f"not modelled: {self.reason}"


@dataclass(frozen=True, slots=True)
class Crashed:
    """The answer of a call at which an implementation of the protocol failed itself."""

    reason: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen of an agent from outside: its state as /proc shows it, its parent, its process group, its session.

    The state is a letter, "" once the agent is gone, "?" where it may be a zombie or gone. Processes are agents, as "@2", or
    numbers where they are none.
    """

    state: str
    parent: str = ""
    group: str = ""
    session: str = ""

    @property
    def lives(self) -> bool:
        return self.state not in ("", "Z", "?")

    def __repr__(self) -> str:
        return f"{self.state or '-'}:{self.parent}:{self.group}:{self.session}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step: which agent made which call, the answers that arrived, by agent, what was then seen of each agent.

    A call that waits has no answer until a later step lets it go on. `agent` is -1 where nobody could take the call.
    `seen` is None where nobody looked, since the call concerns its caller alone.
    """

    agent: int = -1
    call: str = ""
    args: tuple[Any, ...] = ()
    answers: tuple[tuple[int, Any], ...] = ()
    seen: tuple[Seen, ...] | None = None

    @property
    def failed(self) -> bool:
        """Whether the step's own call has failed."""
        return any(agent == self.agent and isinstance(answer, Failed) for agent, answer in self.answers)

    @property
    def unanswerable(self) -> Unanswerable | None:
        """Why the simulated kernel cannot make the step, where that is so."""
        return next((answer for _, answer in self.answers if isinstance(answer, Unanswerable)), None)

    def agrees(self, other: "Outcome") -> bool:
        """Whether two kernels have made the same of a step, as far as both have looked."""
        mine, theirs = (self.agent, self.args, self.answers), (other.agent, other.args, other.answers)
        return mine == theirs and (self.seen is None or other.seen is None or self.seen == other.seen)

    def __str__(self) -> str:
        if self.agent < 0:
            return "nobody can take it"
        answers = ", ".join(f"@{agent}: {answer!r}" for agent, answer in self.answers) or "no answer"
        return answers if self.seen is None else f"{answers}  [{' '.join(map(repr, self.seen))}]"


State = tuple[tuple[str, str], ...]
"""What is known of one agent in the end, field by field."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What came of a whole program: of each step, and the state of each agent in the end."""

    outcomes: tuple[Outcome, ...]
    states: tuple[State, ...]


def differing(one: State, other: State) -> Iterator[tuple[str, str | None, str | None]]:
    """The fields in which two states differ, with what each says."""
    first, second = dict(one), dict(other)
    for name in {**first, **second}:
        if first.get(name) != second.get(name):
            yield name, first.get(name), second.get(name)
