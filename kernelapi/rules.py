"""The rules of Linux as data: every way in which a call fails, and every change that its name does not promise.

Rows are declared once, beside the protocol method to which they belong, in the order in which Linux checks them.
An implementation refuses *by row*; the reference pages, the errnos that fault injection tries, and the figure
"rows that the real kernel has confirmed" all come from this one list.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from kernelapi.errors import errno_name


class Depends(Enum):
    """On what a refusal depends."""

    ARGUMENTS = "arguments"  # what the caller passed
    STATE = "state"  # what the kernel holds
    ENVIRONMENT = "environment"  # memory, signals, quotas: nothing that the model decides


ARGUMENTS, STATE, ENVIRONMENT = Depends.ARGUMENTS, Depends.STATE, Depends.ENVIRONMENT


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """What refusals and effects share: an identifier, the call (or family of calls), a sentence and its source."""

    id: str = field(kw_only=False)
    call: str
    cause: str
    source: str
    since: str | None = None  # the first kernel release with this rule, as "6.16"
    until: str | None = None  # the first kernel release without it
    excuse: str | None = None  # why a test host cannot provoke it; begins with one of EXCUSES

    def __post_init__(self) -> None:
        if self.id in _RULES:
            raise ValueError(f"two rules are called {self.id}")
        if self.excuse is not None and not self.excuse.startswith(tuple(EXCUSES)):
            raise ValueError(f"{self.id}: {self.excuse!r} is not in the vocabulary of excuses")
        _RULES[self.id] = self


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Refusal(Rule):
    """One way in which `call` fails with `errno`. `call` may name a family, such as "lookup" for every path walk."""

    errno: int
    depends: Depends

    @property
    def errno_name(self) -> str:
        return errno_name(self.errno)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Effect(Rule):
    """One change that a successful `call` makes and that its name does not promise."""


EXCUSES: Mapping[str, str] = {
    "needs CAP_SYS_ADMIN over the host's own settings": "cat /proc/sys/fs/protected_symlinks /proc/self/cgroup",
    "needs CAP_": "grep CapBnd /proc/self/status",  # a capability that test hosts withhold
    "needs a kernel before ": "uname -r",
    "needs a kernel since ": "uname -r",
    "needs memory exhaustion": "grep -H . /proc/sys/kernel/threads-max /proc/sys/fs/mount-max",
    "needs an LSM": "cat /proc/self/attr/current",
    "needs a race": "grep SigCgt /proc/self/status",  # a program of the protocol has no handlers, and one thread
    "needs a threaded caller": "grep Threads /proc/self/status",
}
"""The fixed vocabulary with which a row says that a test host cannot provoke it; and the command that shows it: there is one
thread, another kernel, a limit far off, a setting that belongs to the host."""


def shown_by(excuse: str) -> str:
    """The command that shows that a host cannot provoke a row."""
    return next(command for beginning, command in EXCUSES.items() if excuse.startswith(beginning))

_RULES: dict[str, Rule] = {}


def rules() -> Iterator[Rule]:
    """Every declared rule, in the order of declaration."""
    return iter(_RULES.values())


def rule(id: str) -> Rule:
    """The rule with this identifier. Raises `KeyError` where there is none."""
    return _RULES[id]
