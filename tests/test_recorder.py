"""The recorder tells of the same calls on both kernels, and nobody notices it."""

from collections.abc import Callable
from errno import ENOENT, EPERM

import pytest

from fakekernel import subject
from kernelapi.errors import ModelError
from kernelapi.event import Event
from kernelapi.flags import Signal
from kernelapi.ids import Fd, Uid
from kernelapi.kernel import Kernel, bind
from kernelapi.notation import render
from kernelapi.recorder import SharedLog, record
from kernelapi.testing import Case, errno_of, expect, in_child, linux, refused

KERNELS = {"simulated": subject.run, "real": linux.run}
BOTH = pytest.mark.parametrize("kernel", ["simulated", pytest.param("real", marks=pytest.mark.privileged)])


def recorded(kernel: str, law: Callable[[Kernel], None], *, tree: bool = False) -> list[Event]:
    """The events of a law that passes."""
    log = SharedLog(processes=16)
    report = KERNELS[kernel](Case(_Recorded(law, log), tree=tree))
    assert report.passed, report.failure
    return log.events()


class _Recorded:
    def __init__(self, law: Callable[[Kernel], None], log: SharedLog) -> None:
        self.law, self.log = law, log
        self.__name__ = law.__name__

    def __call__(self, kernel: Kernel) -> None:
        self.law(record(kernel, self.log))


def lines(events: list[Event], process: str) -> list[str]:
    return [render(event) for event in events if event.process == process]


def leave_root(kernel: Kernel) -> None:
    kernel.setuid(Uid(1000))
    refused(EPERM, kernel.setuid, Uid(0))


@BOTH
def test_calls_and_errors_are_told_in_their_order(kernel: str) -> None:
    assert lines(recorded(kernel, leave_root), "1") == ["setuid(1000) = 0", "setuid(0) = -1 EPERM"]


def leave_a_number(kernel: Kernel, status: int) -> int:
    kernel.getuid()
    kernel.wait4(kernel.clone(Signal.CHLD, leave_alone))
    return status


def leave_alone(kernel: Kernel) -> None:
    kernel.geteuid()


def have_children(kernel: Kernel) -> None:
    for status in (3, 4):
        kernel.wait4(kernel.clone(Signal.CHLD, leave_a_number, status))


@BOTH
def test_children_are_told_of_by_their_place_in_the_family(kernel: str) -> None:
    events = recorded(kernel, have_children)
    assert [event.call.name for event in events if event.process == "1"] == ["clone", "wait4"] * 2
    assert lines(events, "1.2") == [
        "getuid() = 0",
        "clone(SIGCHLD, leave_alone) = 6",
        "wait4(6, 0) = [6, {WIFEXITED(s) && WEXITSTATUS(s) == 0}]",
        "exit_group(4) = ?",
    ]
    assert lines(events, "1.1.1") == ["geteuid() = 0", "exit_group(0) = ?"]
    clone = next(event for event in events if event.call.name == "clone")
    assert clone.args == (Signal.CHLD, leave_a_number, 3)


@BOTH
def test_events_of_all_processes_stand_on_one_time_line(kernel: str) -> None:
    events = recorded(kernel, have_children)
    assert [event.index for event in events] == list(range(len(events)))
    assert all(event.enter <= event.exit for event in events)
    waits = [event for event in events if event.call.name == "wait4" and event.process == "1"]
    ended = {event.process: event for event in events if event.call.name == "exit_group"}
    assert ended["1.1"].enter < waits[0].exit <= ended["1.2"].enter < waits[1].exit


def become_true(kernel: Kernel) -> None:
    refused(ENOENT, kernel.execve, "/bin/nothing", ("nothing",), ())
    kernel.getpid()
    kernel.execve("/bin/true", ("true",), ())


def execute(kernel: Kernel) -> None:
    kernel.wait4(kernel.clone(Signal.CHLD, become_true))


@BOTH
def test_a_call_that_does_not_come_back_is_told_once(kernel: str) -> None:
    assert lines(recorded(kernel, execute, tree=True), "1.1") == [
        'execve("/bin/nothing", ["nothing"], []) = -1 ENOENT',
        "getpid() = 3",
        'execve("/bin/true", ["true"], []) = ?',
    ]


def sleep(kernel: Kernel) -> None:
    try:
        kernel.getpid()
        kernel.read(kernel.pipe2(0)[0], 1)
    finally:
        kernel.getuid()


def kill(kernel: Kernel) -> None:
    child = kernel.clone(Signal.CHLD, sleep)
    kernel.clock_nanosleep(1, 0, 100_000_000)
    kernel.kill(child, Signal.KILL)
    kernel.wait4(child)


@BOTH
def test_a_killed_process_tells_nothing_any_more(kernel: str) -> None:
    calls = [event.call.name for event in recorded(kernel, kill) if event.process == "1.1"]
    assert calls == ["getpid", "pipe2"]


def open_descriptors(kernel: Kernel) -> list[int]:
    return [fd for fd in range(64) if not errno_of(kernel.fcntl_getfd, Fd(fd))]


def user(kernel: Kernel) -> int:
    return kernel.getuid()


def be_recorded(kernel: Kernel) -> None:
    before = open_descriptors(kernel)
    with_recorder = record(kernel, SharedLog(processes=4))
    expect("what the child returns", in_child(with_recorder, user), 0)
    expect("the open descriptors", open_descriptors(kernel), before)


@BOTH
def test_the_recorder_opens_no_descriptor(kernel: str) -> None:
    assert KERNELS[kernel](Case(be_recorded)).passed


def test_any_function_is_a_sink() -> None:
    told: list[Event] = []
    kernel = record(bind(lambda call, args: 7), told.append)
    assert kernel.getpid() == 7
    assert [(event.index, event.call.name, event.result) for event in told] == [(0, "getpid", 7)]


def event(process: str, index: int, data: bytes) -> Event:
    told: list[Event] = []
    record(bind(lambda call, args: len(data)), told.append, process).write(Fd(1), data)
    return Event(index, process, told[0].call, told[0].args, told[0].result, 0, None, 0, 0, None)


def test_a_full_log_says_so() -> None:
    log = SharedLog(processes=2, room=1000)
    log(event("1", 0, b"x" * 500))
    with pytest.raises(ModelError, match="no room for another call of process 1"):
        log(event("1", 1, b"x" * 500))
    log(event("1.1", 0, b"x"))
    with pytest.raises(ModelError, match=r"no room for process 1\.2"):
        log(event("1.2", 0, b"x"))
    assert [told.process for told in log.events()] == ["1", "1.1"]


def test_a_later_event_of_the_same_index_takes_the_place_of_the_first() -> None:
    log = SharedLog(processes=1)
    for index, data in ((0, b"first"), (1, b"second"), (1, b"third"), (2, b"fourth")):
        log(event("1", index, data))
    assert [told.args[1] for told in log.events()] == [b"first", b"third", b"fourth"]
