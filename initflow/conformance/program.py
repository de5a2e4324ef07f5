"""What a differential program is: calls, each made by one of a handful of processes, and what is seen after each of them.

The processes are called *agents* and are known by small numbers. Agent 0 is there from the beginning, as the init of a pid
namespace; each successful clone makes the agent that its step names. A program names processes by agent, never by pid.
"""

from dataclasses import dataclass
from typing import Any

AGENTS = 6
"""So many agents a program may have."""

NOBODY = 99999
"""The pid that stands for an agent that has not been born."""


@dataclass(frozen=True, slots=True)
class Number:
    """An argument: the pid of an agent as the caller sees it; as a group, its negative."""

    agent: int
    group: bool = False

    def __repr__(self) -> str:
        return f"{'-' if self.group else ''}@{self.agent}"


@dataclass(frozen=True, slots=True)
class Path:
    """An argument: a path below the directory of an agent in /proc. It is relative to the descriptor `agents.PROC`."""

    agent: int
    rest: str

    def __repr__(self) -> str:
        return f"/proc/@{self.agent}/{self.rest}"


@dataclass(frozen=True, slots=True)
class Step:
    """One call by one agent. A clone has the number of the agent to be born as its last argument."""

    agent: int
    call: str
    args: tuple[Any, ...]

    def __repr__(self) -> str:
        return f"@{self.agent} {self.call}({', '.join(map(repr, self.args))})"


Program = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen of an agent from outside: its state as /proc shows it, its parent, its process group, its session.

    The state is a letter, "" once the agent is gone. Processes are agents, as "@2", or numbers where they are none.
    """

    state: str
    parent: str = ""
    group: str = ""
    session: str = ""

    def __repr__(self) -> str:
        return f"{self.state or '-'}:{self.parent}:{self.group}:{self.session}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step: the answers that arrived, by agent, and what was then seen of each agent.

    A call that waits has no answer until a later step lets it go on. `skipped`: the agent could take no call.
    """

    answers: tuple[tuple[int, Any], ...] = ()
    seen: tuple[Seen, ...] = ()
    skipped: bool = False

    @property
    def calls(self) -> int:
        """How many calls have been answered."""
        return len(self.answers)

    def __repr__(self) -> str:
        if self.skipped:
            return "skipped"
        answers = ", ".join(f"@{agent}: {answer!r}" for agent, answer in self.answers) or "no answer"
        return f"{answers}  [{' '.join(map(repr, self.seen))}]"


@dataclass(frozen=True, slots=True)
class Transcript:
    """What came of a whole program: of each step, and what /proc says of each agent in the end."""

    outcomes: tuple[Outcome, ...]
    ends: tuple[tuple[str, ...], ...]
