"""Recording what a program asks of any kernel, its children included, without being seen by it.

`record(kernel, sink)` is the same kernel, whose calls are told to `sink` as they end:

    log = SharedLog()
    program(record(linux(), log))
    for event in log.events():
        print(event)

The recorder makes no call of its own and opens no descriptor. A program that a process executes is no longer recorded: it has
the kernel, and no recorder. One that `kernelapi.programs` binds is: record(binding(linux(), programs), log).
"""

import ctypes
import mmap
import pickle
import struct
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from kernelapi.call import Call
from kernelapi.errors import ModelError, ProcessGone, Refused
from kernelapi.event import NO_RETURN, Event
from kernelapi.kernel import CALLS, Kernel, bind
from kernelapi.programs import Replaced, live
from kernelapi.spelling import spelt

Sink = Callable[[Event], None]
"""Is told of each call. On a real kernel a child tells its own copy of it: `SharedLog` is a sink that all processes share."""

DEPARTURES = frozenset(("execve", "execveat", "exit_group"))
"""Calls that do not come back if they succeed."""


def record(kernel: Kernel, sink: Sink, process: str = "1") -> Kernel:
    """`kernel`, whose calls, and those of the children that are made through it, are told to `sink`.

    `process` is what the caller is called in the events; its children are "1.1", "1.2" and so on. Events count the calls of
    one process; `enter` and `exit` are times in nanoseconds. A call that may not come back is told before it is made, with
    the result NO_RETURN; where it fails, it is told again, by an event with the same index. A call in which the process is
    killed is not told.
    """
    return bind(_Recorder(kernel, sink, process).dispatch)


class _Recorder:
    """One process, recorded."""

    __slots__ = ("children", "gone", "index", "kernel", "process", "sink")

    def __init__(self, kernel: Kernel, sink: Sink, process: str) -> None:
        self.kernel = kernel
        self.sink = sink
        self.process = process
        self.index = 0
        self.children = 0
        self.gone: ProcessGone | None = None

    def dispatch(self, call: Call, args: tuple[Any, ...]) -> Any:
        passed = args
        if call.name == "clone":
            flags, child, *rest = args
            passed = (flags, _be_recorded, self.sink, f"{self.process}.{self.children + 1}", child, *rest)
        enter = _now()
        if call.name in DEPARTURES and not self._unwinds():
            self.tell(call, args, NO_RETURN, 0, None, enter)
        try:
            result = self.kernel.dispatch(call, passed)
        except OSError as error:
            row = error.row if isinstance(error, Refused) else None
            self.tell(call, args, None, error.errno or 0, row, enter)
            self.index += 1
            raise
        except ProcessGone as gone:  # what the simulated kernel raises, where the real one lets nobody come back
            if gone is not self.gone and isinstance(gone, Replaced):
                self.index += 1
            self.gone = gone
            raise
        if call.name == "clone":
            self.children += 1
        self.tell(call, args, result, 0, None, enter)
        self.index += 1
        return result

    def _unwinds(self) -> bool:
        """Whether the program is gone; one that has replaced it is not."""
        return self.gone is not None and not (isinstance(self.gone, Replaced) and self.gone.begun)

    def tell(self, call: Call, args: tuple[Any, ...], result: Any, errno: int, row: Any, enter: int) -> None:
        self.sink(Event(self.index, self.process, call, args, result, errno, row, enter, _now(), None))


def _be_recorded(kernel: Kernel, sink: Sink, process: str, child: Callable[..., int | None], *args: Any) -> int:
    """What the child of a recorded process is: a recorded process. With what it returns, it exits."""
    recorder = _Recorder(kernel, sink, process)
    status = live(bind(recorder.dispatch), child, *args)
    recorder.tell(CALLS["exit_group"], (status,), NO_RETURN, 0, None, _now())
    return status


def _now() -> int:
    """Nanoseconds of a clock that is the same in every time namespace."""
    return time.time_ns()


# -- logs --


class Log:
    """A sink that keeps what it is told: for a kernel all of whose processes are in one memory, as the simulated one."""

    def __init__(self) -> None:
        self._events: dict[tuple[str, int], Event] = {}

    def __call__(self, event: Event) -> None:
        """Keep an event; in place of the last one of that process, if that had the same index."""
        key = (event.process, event.index)
        self._events.pop(key, None)
        self._events[key] = event

    def events(self) -> list[Event]:
        """What has been told so far, in the order in which the calls ended. `index` counts those of one process."""
        return list(self._events.values())


_libc = ctypes.CDLL(None)
_HEADER = struct.Struct("=Q")  # how many bytes of a part are written
_LENGTH = struct.Struct("=I")
_NORESERVE = 0x4000  # MAP_NORESERVE, which the module has not before Python 3.13
_SEMAPHORE = 64  # bytes, at least those of a sem_t


class _Told(NamedTuple):
    """An event as it is kept."""

    number: int
    process: str
    call: str
    args: tuple[Any, ...]
    result: Any
    errno: int
    enter: int
    exit: int


class SharedLog:
    """A sink in memory that a process shares with all its descendants, until they execute another program.

    The memory is divided into parts, of which each process takes one for itself, so that nobody waits for anybody, and one
    that is killed in the middle of its writing does no harm. It holds `processes` parts of `room` bytes; what is not used
    takes no memory.
    """

    def __init__(self, processes: int = 128, room: int = 8 << 20) -> None:
        self.processes = processes
        self.room = room
        self._parts = mmap.mmap(-1, processes * room, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | _NORESERVE)
        self._semaphores = mmap.mmap(-1, processes * _SEMAPHORE)
        self._first = ctypes.addressof(ctypes.c_char.from_buffer(self._semaphores))
        for part in range(processes):
            if _libc.sem_init(self._semaphore(part), 1, 1):
                raise OSError(ctypes.get_errno(), "sem_init")
        self._mine: dict[str, int] = {}  # the part of each process that this one has been
        self._last: dict[int, tuple[int, int]] = {}  # of each of these parts: the index of the last event, and where it begins

    def __call__(self, event: Event) -> None:
        """Keep an event; in place of the last one, if that had the same index. Raises `ModelError` where there is no room."""
        part = self._mine.get(event.process)
        if part is None:
            part = self._mine[event.process] = self._take(event.process)
        base = part * self.room
        (end,) = _HEADER.unpack_from(self._parts, base)
        end = end or _HEADER.size
        index, begin = self._last.get(part, (-1, 0))
        if index == event.index:
            end = begin
        data = _packed(event)
        after = end + _LENGTH.size + len(data)
        if after > self.room:
            raise ModelError(f"the log has no room for another call of process {event.process}")
        _LENGTH.pack_into(self._parts, base + end, len(data))
        self._parts[base + end + _LENGTH.size : base + after] = data
        _HEADER.pack_into(self._parts, base, after)
        self._last[part] = (event.index, end)

    def _take(self, process: str) -> int:
        for part in range(self.processes):
            if _libc.sem_trywait(self._semaphore(part)) == 0:
                return part
        raise ModelError(f"the log has no room for process {process}")

    def _semaphore(self, part: int) -> ctypes.c_void_p:
        return ctypes.c_void_p(self._first + part * _SEMAPHORE)

    def events(self) -> list[Event]:
        """What has been told so far, in the order in which the calls ended.

        `index` counts the calls of all processes, `enter` and `exit` are positions on one time line.
        """
        told = sorted((each for part in range(self.processes) for each in self._read(part)), key=_when)
        moments = sorted({moment for each in told for moment in (each.enter, each.exit)})
        position = {moment: number for number, moment in enumerate(moments)}
        return [
            Event(
                index, each.process, CALLS[each.call], each.args, each.result, each.errno, None,
                position[each.enter], position[each.exit], None,
            )
            for index, each in enumerate(told)
        ]  # fmt: skip

    def _read(self, part: int) -> list[_Told]:
        base = part * self.room
        (end,) = _HEADER.unpack_from(self._parts, base)
        found, at = [], _HEADER.size
        while at < end:
            (length,) = _LENGTH.unpack_from(self._parts, base + at)
            at += _LENGTH.size
            found.append(_Told(*pickle.loads(self._parts[base + at : base + at + length])))
            at += length
        return found


def _when(told: _Told) -> tuple[int, int, str, int]:
    return told.exit, told.enter, told.process, told.number


def _packed(event: Event) -> bytes:
    values = (event.index, event.process, event.call.name)
    answer = (event.result, event.errno, event.enter, event.exit)
    try:
        return pickle.dumps((*values, event.args, *answer))
    except Exception:  # whatever a program hands to its child that cannot be kept: as it reads
        return pickle.dumps((*values, tuple(map(spelt, event.args)), *answer))
