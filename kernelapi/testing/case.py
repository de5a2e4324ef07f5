"""Cases: laws of Linux as small programs that any implementation of the protocol can be given.

A case is a module-level function of a kernel whose name is the law that it checks; it passes by returning. It runs as a
process of its own, root in fresh namespaces; with `tree=True` its root is the small busybox tree of `world`.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast, overload

from kernelapi.flags import Signal
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel

Law = Callable[[Kernel], None]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Case:
    """One law. `needs` names the capability without which a host cannot run it."""

    law: Law
    tree: bool = False
    needs: int | None = None

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
def case(*, tree: bool = False, needs: int | None = None) -> Callable[[Law], Law]: ...
def case(law: Law | None = None, *, tree: bool = False, needs: int | None = None) -> Law | Callable[[Law], Law]:
    """Declare a function to be a case."""

    def declare(law: Law) -> Law:
        if law.__name__ in _CASES:
            raise ValueError(f"two cases are called {law.__name__}")
        _CASES[law.__name__] = Case(law, tree, needs)
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
    """How a program ended that reports through a descriptor: what it returned, or what it raised."""

    value: Any = None
    errno: int = 0
    broken: str | None = None


def reporting(kernel: Kernel, function: Callable[..., Any], args: tuple[Any, ...], report: Fd) -> None:
    """Run `function(kernel, *args)` and write its `Report` to the descriptor `report`."""
    try:
        outcome = Report(value=function(kernel, *args))
    except OSError as error:
        outcome = Report(errno=error.errno or 0, broken=None)
    except Broken as broken:
        outcome = Report(broken=str(broken))
    data = pickle.dumps(outcome)
    while data:
        data = data[kernel.write(report, data) :]


def read_report(kernel: Kernel, fd: Fd) -> Report | None:
    """The report that was written to the other end of pipe `fd`; None where the writer died without one."""
    data = read_all(kernel, fd)
    return cast(Report, pickle.loads(data)) if data else None


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
