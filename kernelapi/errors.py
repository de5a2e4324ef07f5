"""What a kernel raises that is not an answer of Linux, and the refusal that is one."""

import os
from errno import EAGAIN, EDEADLK, EOPNOTSUPP, errorcode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernelapi.rules import Refusal


_NAMES = {**errorcode, EAGAIN: "EAGAIN", EDEADLK: "EDEADLK", EOPNOTSUPP: "EOPNOTSUPP"}  # of two names, the kernel's


def errno_name(errno: int) -> str:
    """The name of an errno, as Linux and its manual use it; the number where it has none."""
    return _NAMES.get(errno, str(errno))


class ModelError(Exception):
    """The program misused the model: what it asked for cannot be asked of a kernel at all."""


class NotModelled(ModelError):
    """The call, or this use of it, exists on Linux but not in this implementation. Never a silent success."""


class Refused(OSError):
    """The kernel refused a call by a row of the rules.

    An `OSError` like any other to the program that called, and so a `FileNotFoundError` where the errno makes it one; `row` is
    for whoever watches.
    """

    row: "Refusal"

    def __new__(cls, row: "Refusal") -> "Refused":
        refused = super().__new__(_KINDS.get(row.errno, cls), row.errno, os.strerror(row.errno))
        refused.row = row
        return refused

    def __reduce__(self) -> tuple[type["Refused"], tuple["Refusal"]]:
        return Refused, (self.row,)


def _kinds() -> dict[int, type[Refused]]:
    """For each errno of which Python makes more than an `OSError`: a refusal that is that as well."""
    kinds: dict[int, type[Refused]] = {}
    for errno in errorcode:
        kind = type(OSError(errno, ""))
        if kind is not OSError:
            kinds[errno] = type("Refused", (Refused, kind), {"__module__": __name__, "__doc__": Refused.__doc__})
    return kinds


_KINDS = _kinds()


class ProcessGone(BaseException):
    """The process that made this call no longer exists: it was killed, exited, was replaced by exec, or abandoned.

    It unwinds the program's Python frames. Calls made meanwhile (a `finally`, a `with`) raise it again and have no effect.
    """
