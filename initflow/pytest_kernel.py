"""Running the body of a test as a process of a kernel, and bringing back to pytest what became of it.

The body runs where a case of the conformance suite does (`kernelapi.testing.stage`): in fresh namespaces, as root. On the real
kernel that is a process two forks away, which shares nothing with pytest: what the body raised comes back as a value, with the
places through which it went, and is raised again with a traceback of these places, so that pytest shows it like any other.
"""

import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO
from types import CodeType, FrameType, TracebackType
from typing import Any, NoReturn

import pytest

from fakekernel import subject as simulated
from kernelapi.capability import Cap
from kernelapi.errors import ModelError, Refused
from kernelapi.kernel import Kernel
from kernelapi.notation import render
from kernelapi.recorder import SharedLog, record
from kernelapi.testing import Broken, Case, Report, linux
from kernelapi.testing.linux import DEADLINE

CALLS = 20
"""So many of its last calls are shown of a test that failed."""

RAISED = (Exception, pytest.fail.Exception, pytest.skip.Exception)
"""What a body may raise for pytest to see: exceptions, and what `pytest.fail`, `pytest.skip` and `pytest.xfail` raise."""


class Subject:
    """What the fixture `kernel` is until the test runs: which kernel, and how the process of the test is to be started."""

    def __init__(self, name: str, *, tree: bool = False, needs: Cap | None = None, deadline: float = DEADLINE) -> None:
        self.name, self.tree, self.needs, self.deadline = name, tree, needs, deadline

    def __getattr__(self, name: str) -> NoReturn:
        __tracebackhide__ = True
        raise AttributeError(
            f"kernel.{name}: the fixture `kernel` is a kernel inside the test function alone, which runs as a process of it; a "
            "fixture cannot make calls"
        )


@dataclass(frozen=True)
class Place:
    """A line of a traceback."""

    file: str
    function: str
    first: int
    line: int


@dataclass(frozen=True)
class Raised:
    """What a body raised, as a value that another process can be sent.

    `pickled` is the exception, or its class, arguments and attributes where it cannot be made again from its arguments alone;
    None where not even that can be sent. `outcome` names the function of pytest that raised it.
    """

    text: str
    pickled: bytes | None = None
    outcome: str = ""
    places: tuple[Place, ...] = ()

    @classmethod
    def of(cls, error: BaseException) -> "Raised":
        places = tuple(_places(error.__traceback__))
        for name in ("xfail", "fail", "skip"):
            if isinstance(error, getattr(pytest, name).Exception):
                return cls(str(error), outcome=name, places=places)
        return cls(f"{type(error).__name__}: {error}", _pickled(error), places=places)

    def again(self) -> BaseException:
        """The exception, with a traceback that leads through the same places."""
        error: BaseException
        if self.outcome:
            error = getattr(pytest, self.outcome).Exception(self.text)
        elif self.pickled is not None:
            error = pickle.loads(self.pickled)
        else:
            error = Elsewhere(self.text)
        trace: TracebackType | None = None
        for place in reversed(self.places):
            trace = TracebackType(trace, _frame(place), -1, place.line)
        return error.with_traceback(trace)


class Elsewhere(Exception):
    """An exception of another process that could not be brought here: its type and its text."""


def _pickled(error: BaseException) -> bytes | None:
    for form in (error, _Plain(error)):
        try:
            data = pickle.dumps(form)
            pickle.loads(data)
        except Exception:  # whatever a test's own exceptions do when they are pickled
            continue
        return data
    return None


class _Plain:
    """An exception that is made again without its `__init__`."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (type(self.error), self.error.args, self.error.__dict__)


def _made(kind: type[BaseException], args: tuple[Any, ...], attributes: dict[str, Any]) -> BaseException:
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


def _places(trace: TracebackType | None) -> Iterator[Place]:
    while trace is not None:
        code = trace.tb_frame.f_code
        yield Place(code.co_filename, code.co_name, code.co_firstlineno, trace.tb_lineno)
        trace = trace.tb_next


def _without_the_kernel(error: BaseException) -> BaseException:
    """Let a traceback end where the kernel was called: an answer comes from there, and a rule has refused it."""
    if isinstance(error, (OSError, ModelError, Broken)):
        outside, trace = None, error.__traceback__
        while trace is not None:
            if not _is_the_kernels(trace.tb_frame):
                outside = trace
            trace = trace.tb_next
        if outside is not None:
            outside.tb_next = None
    if isinstance(error, Refused):
        error.add_note(f"{error.row.id}: {error.row.cause} ({error.row.source})")
    return error


def _is_the_kernels(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__"))
    return module.startswith(("kernelapi.", "fakekernel.")) or frame.f_code.co_filename == "<string>"


def _frame(place: Place) -> FrameType:
    """A frame of a function that is called, and stands, as the place says."""
    code: CodeType = compile("import sys\nframe = sys._getframe()", place.file, "exec")
    names: dict[str, Any] = {}
    exec(code.replace(co_name=place.function, co_qualname=place.function, co_firstlineno=place.first), names)
    frame: FrameType = names["frame"]
    return frame


@dataclass(frozen=True)
class Ended:
    """How a body ended that came to its end: what it raised, and what it printed on the real kernel."""

    raised: Raised | None = None
    stdout: str = ""
    stderr: str = ""


def run(subject: Subject, body: Callable[[Kernel], object]) -> tuple[BaseException | None, str]:
    """Run `body(kernel)` as a process on the subject. What it raised, None if nothing; and its calls, in the words of strace.

    A body that did not come to its end, or that the host cannot run, has raised what `pytest.fail` or `pytest.skip` raises.
    """
    log = SharedLog()
    here: list[BaseException] = []
    if subject.name == "real":
        report = linux.run(Case(partial(_far, body, log), subject.tree, subject.needs), subject.deadline)
    else:
        report = simulated.run(Case(partial(_near, body, log, here), subject.tree, subject.needs))
    ended = report.value
    if isinstance(ended, Ended):
        sys.stdout.write(ended.stdout)
        sys.stderr.write(ended.stderr)
        if ended.raised is not None:
            return (here[0] if here else ended.raised.again()), _told(log)
        return None, ""
    return _unfinished(subject, report), _told(log)


def _near(body: Callable[[Kernel], object], log: SharedLog, here: list[BaseException], kernel: Kernel) -> Ended:
    """The body, in this interpreter: what it raises can stay what it is."""
    try:
        body(record(kernel, log))
    except RAISED as error:
        here.append(_without_the_kernel(error))
        return Ended(Raised(str(error)))
    return Ended()


def _far(body: Callable[[Kernel], object], log: SharedLog, kernel: Kernel) -> Ended:
    """The body, in a process that is about to end, where pytest's captured streams lead nowhere any more."""
    raised = None
    with redirect_stdout(StringIO()) as stdout, redirect_stderr(StringIO()) as stderr:
        try:
            body(record(kernel, log))
        except RAISED as error:
            raised = Raised.of(_without_the_kernel(error))
    return Ended(raised, stdout.getvalue(), stderr.getvalue())


def _unfinished(subject: Subject, report: Report) -> BaseException:
    """What is wrong with a body that did not come to its end."""
    if report.lacking:
        return pytest.skip.Exception(f"not applicable: the {subject.name} kernel has no {report.lacking}")
    failure = report.failure.rstrip()
    if subject.name == "simulated":
        failure = failure.replace(simulated.CASE, "1")  # as it is called among the calls
    text = f"the test did not come to its end on the {subject.name} kernel: {failure}"
    return pytest.fail.Exception(text, pytrace=False)


def _told(log: SharedLog) -> str:
    """The last calls, each with its process."""
    events = log.events()
    lines = [f"{event.process:<6} {render(event)}" for event in events[-CALLS:]]
    if len(events) > CALLS:
        lines.insert(0, f"... {len(events) - CALLS} calls before")
    return "\n".join(lines)
