"""The rows of the rules as a reader asks for them: by call, by family, one by one."""

import re
import sys
from collections.abc import Iterable
from enum import Enum
from inspect import Parameter

from kernelapi.call import Call
from kernelapi.kernel import CALLS
from kernelapi.protocol.families import FAMILIES
from kernelapi.rules import Rule, rules

MESSAGES = {"rtnetlink": ("sendmsg", "recvmsg")}
"""Families whose errnos come in messages, and not as those of a call: the calls that carry them."""


def families() -> dict[str, tuple[Rule, ...]]:
    """The rows of each family, by name; those of a family in the order of declaration."""
    return {family: tuple(row for row in rules() if row.call == family) for family in FAMILIES}


def noun(call: Call) -> str:
    """The module of the protocol that declares a call."""
    return call.function.__module__.rpartition(".")[2]


def nouns() -> dict[str, tuple[Call, ...]]:
    """The calls by the module that declares them, in the order of their names; the narrower names last."""
    found: dict[str, list[Call]] = {}
    for call in CALLS.values():
        found.setdefault(noun(call), []).append(call)
    return {name: tuple(found[name]) for name in sorted(found, key=lambda name: (found[name][0].general is not None, name))}


def title(noun: str) -> str:
    """What a module of the protocol says that it is about, without the details."""
    doc = sys.modules[f"kernelapi.protocol.{noun}"].__doc__ or ""
    return re.split(r":|, a method| \(|\.$", doc.strip().splitlines()[0])[0]


def callers(row: Rule) -> tuple[str, ...]:
    """The calls that this row concerns, in the order of the protocol."""
    found = [call.name for call in CALLS.values() if row in call.refusals or row in call.effects]
    return tuple(found) or MESSAGES[row.call]


def rows_of(words: Iterable[str]) -> list[Rule]:
    """The rows of calls, of families, or with these ids; each of them once."""
    found: dict[Rule, None] = {}
    for word in words:
        if word in CALLS:
            found.update(dict.fromkeys((*CALLS[word].refusals, *CALLS[word].effects)))
        else:
            found.update(dict.fromkeys(row for row in rules() if word in (row.id, row.call)))
    return list(found)


def members(family: str) -> tuple[str, ...]:
    """The calls that rows of the family concern, in the order of the protocol."""
    found = {name for row in families()[family] for name in callers(row)}
    return tuple(name for name in CALLS if name in found)


def signature(call: Call) -> str:
    """`setresuid(ruid, euid, suid)`: the parameters by name, with their defaults."""
    return f"{call.name}({', '.join(map(_shown, call.parameters))})"


def _shown(parameter: Parameter) -> str:
    name = f"*{parameter.name}" if parameter.kind is Parameter.VAR_POSITIONAL else parameter.name
    if parameter.default is Parameter.empty:
        return name
    default = parameter.default.name if isinstance(parameter.default, Enum) else repr(parameter.default)
    return f"{name}={default}"


def meaning(call: Call) -> str:
    """What a call does, in the words of its protocol; a narrower name says what it is one of."""
    meaning = " ".join(call.doc.split())
    return f"A narrower name of {call.general.name}: {meaning}" if call.general is not None else meaning


def aliases(call: Call) -> tuple[str, ...]:
    """The narrower names of a call."""
    return tuple(other.name for other in CALLS.values() if other.general is call)


def notes(row: Rule) -> tuple[str, ...]:
    """What else is to be said of a row: in which kernels it is, why tests on the real kernel do not provoke it."""
    found = []
    if row.since:
        found.append(f"since Linux {row.since}")
    if row.until:
        found.append(f"gone since Linux {row.until}")
    if row.excuse:
        found.append(f"not provoked by tests on the real kernel: {row.excuse}")
    return tuple(found)
