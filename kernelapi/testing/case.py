"""Cases: laws of Linux as small programs that any implementation of the protocol can be given.

A case is a module-level function of a kernel whose name is the law that it checks; it passes by returning. It runs as a
process of its own, root in fresh namespaces; with `tree=True` its root is the small busybox tree of `world`.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from inspect import unwrap
from pathlib import PurePath
from typing import Any, TypeVar, cast, overload

from kernelapi.capability import Cap
from kernelapi.errors import ModelError, errno_name
from kernelapi.flags import Signal
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel

Law = Callable[[Kernel], object]
"""What a case does. What it returns, if anything, is the value of its report."""
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Case:
    """One law.

    A host may lack what it takes: the capability `needs`, a kernel that has the rule (`since` its first release), the
    `hierarchies` of control groups, which a case with a tree finds mounted below /sys/fs/cgroup: of version 1 by their
    controllers, and "unified".
    """

    law: Law
    tree: bool = False
    needs: Cap | None = None
    since: str | None = None
    hierarchies: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.law.__name__

    @property
    def noun(self) -> str:
        """The module that it stands in: the noun of the kernel that it is about."""
        return self.law.__module__.rpartition(".")[2]


_CASES: dict[str, Case] = {}


@overload
def case(law: Law) -> Law: ...
@overload
def case(
    *, tree: bool = False, needs: Cap | None = None, since: str | None = None, hierarchies: tuple[str, ...] = ()
) -> Callable[[Law], Law]: ...
def case(
    law: Law | None = None,
    *,
    tree: bool = False,
    needs: Cap | None = None,
    since: str | None = None,
    hierarchies: tuple[str, ...] = (),
) -> Law | Callable[[Law], Law]:
    """Declare a function to be a case. What the words mean: see `Case`."""

    def declare(law: Law) -> Law:
        if law.__name__ in _CASES:
            raise ValueError(f"two cases are called {law.__name__}")
        _CASES[law.__name__] = Case(law, tree, needs, since, hierarchies)
        return law

    return declare if law is None else declare(law)


def declared() -> tuple[Case, ...]:
    """Every case declared by a module that has been imported."""
    return tuple(_CASES.values())


class Broken(AssertionError):
    """What a kernel answered is not what the law says."""


def expect(what: str, found: object, expected: object) -> None:
    """Raise `Broken` unless `found` equals `expected`."""
    if found != expected:
        raise Broken(f"{what}: expected {expected!r}, found {found!r}")


def refused(errno: int, call: Callable[..., Any], *args: Any) -> None:
    """Raise `Broken` unless `call(*args)` fails with `errno`."""
    try:
        value = call(*args)
    except OSError as error:
        if error.errno != errno:
            raise Broken(f"{_name(call)}{args}: expected errno {errno}, found {error.errno}") from None
        return
    raise Broken(f"{_name(call)}{args}: expected errno {errno}, found the value {value!r}")


def _name(call: Callable[..., Any]) -> str:
    return getattr(call, "__name__", repr(call))


def errno_of(call: Callable[..., Any], *args: Any) -> int:
    """The errno with which `call(*args)` fails; 0 where it succeeds."""
    try:
        call(*args)
    except OSError as error:
        return error.errno or 0
    return 0


@dataclass(frozen=True, slots=True)
class Report:
    """How a program ended that reports through a descriptor: what it returned, or what it raised.

    `errno` is that of an `OSError` that the program let pass, and `place` the line where it did; `broken` is what it found
    wrong. `lacking`: the case was not played, since the host lacks this: "CAP_SYS_TIME", "Linux 6.16".
    """

    value: Any = None
    errno: int = 0
    place: str = ""
    broken: str | None = None
    lacking: str = ""

    @classmethod
    def of(cls, data: bytes) -> "Report":
        """The report that was written as `data`; where there is none, or half of one, a report that says so."""
        try:
            report = pickle.loads(data)
        except (EOFError, pickle.UnpicklingError):
            return cls(broken="ended without a report")
        return cast(Report, report)

    @property
    def passed(self) -> bool:
        return not self.failure and not self.lacking

    @property
    def failure(self) -> str:
        """What went wrong, in a line; empty for a case that passed or was not played."""
        if self.errno:
            return f"an unexpected {errno_name(self.errno)} {self.place}".rstrip()
        return self.broken or ""


def reporting(kernel: Kernel, function: Callable[..., Any], args: tuple[Any, ...], report: Fd) -> None:
    """Run `function(kernel, *args)` and write its `Report` to the descriptor `report`."""
    try:
        outcome = Report(value=function(kernel, *args))
    except OSError as error:
        outcome = Report(errno=error.errno or 0, place=_place(error, function))
    except Broken as broken:
        outcome = Report(broken=str(broken))
    except ModelError:
        raise
    except Exception as error:
        outcome = Report(broken=f"{type(error).__name__}: {error} {_place(error, function)}".rstrip())
    write_report(kernel, report, outcome)


def _place(error: Exception, function: Callable[..., Any]) -> str:
    """The line of `function`'s module from which the error came, as "in NAME, FILE:LINE"."""
    code = getattr(unwrap(function), "__code__", None)
    place = ""
    trace = error.__traceback__
    while trace is not None:
        here = trace.tb_frame.f_code
        if code is not None and here.co_filename == code.co_filename:
            place = f"in {here.co_name}, {PurePath(here.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def write_report(kernel: Kernel, fd: Fd, report: Report) -> None:
    """Write `report` for `read_report` to read."""
    data = pickle.dumps(report)
    while data:
        data = data[kernel.write(fd, data) :]


def read_report(kernel: Kernel, fd: Fd) -> Report | None:
    """The report that was written to the other end of pipe `fd`; None where the writer died without one."""
    data = read_all(kernel, fd)
    return Report.of(data) if data else None


def read_all(kernel: Kernel, fd: Fd) -> bytes:
    """Everything up to the end of the file."""
    data = b""
    while chunk := kernel.read(fd, 65536):
        data += chunk
    return data


def in_child(kernel: Kernel, function: Callable[..., Answer], *args: Any, flags: int = 0) -> Answer:
    """What `function(kernel, *args)` returns in a child made with the clone `flags`. What it raises is raised here."""
    reader, writer = kernel.pipe2(0)
    pid = kernel.clone(flags | Signal.CHLD, _child, function, args, reader, writer)
    kernel.close(writer)
    outcome = read_report(kernel, reader)
    kernel.close(reader)
    _, status = kernel.wait4(pid)
    if outcome is None:
        raise Broken(f"the child that ran {_name(function)} ended with status {status:#x} and reported nothing")
    if outcome.broken is not None:
        raise Broken(outcome.broken)
    if outcome.errno:
        raise OSError(outcome.errno, f"in the child that ran {_name(function)}")
    return cast(Answer, outcome.value)


def _child(kernel: Kernel, function: Callable[..., Any], args: tuple[Any, ...], reader: Fd, writer: Fd) -> None:
    kernel.close(reader)
    reporting(kernel, function, args, writer)
