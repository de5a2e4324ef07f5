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

    An `OSError` like any other to the program that called; `row` is for whoever watches.
    """

    def __init__(self, row: "Refusal") -> None:
        super().__init__(row.errno, os.strerror(row.errno))
        self.row = row


class ProcessGone(BaseException):
    """The process that made this call no longer exists: it was killed, exited, was replaced by exec, or abandoned.

    It unwinds the program's Python frames. Calls made meanwhile (a `finally`, a `with`) raise it again and have no effect.
    """
