"""Who runs next: a deterministic scheduler over greenlets, with snapshots.

Left alone, a process runs until it waits or ends, and then the first one that can go on runs: the order is a function of the
programs alone. A `Schedule` may choose otherwise before any call. A call that waits is made again when one of the objects that
it waits for has been written: the journal tells.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from greenlet import getcurrent, greenlet

from fakekernel.process import Process
from fakekernel.syscalls.base import Blocked
from fakekernel.task import Task
from kernelapi.errors import ModelError
from kernelapi.event import Event

if TYPE_CHECKING:
    from fakekernel.machine import Machine

Schedule = Callable[[Sequence[Process]], Process]
"""Chooses among the processes that can go on, given in the order of their names."""

LIVELOCK = 20_000
"""So many calls in a row without any change of state, by all processes together, make a run `hung (livelock)`."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A process that waits for ever."""

    process: str
    comm: str
    call: str
    reason: str


@dataclass(frozen=True, slots=True)
class Standstill:
    """How a run came to rest: every process has ended (`waiting` is empty), or some wait for ever, or nothing changes."""

    waiting: tuple[Waiting, ...]
    livelock: bool = False

    @property
    def hung(self) -> bool:
        return self.livelock or bool(self.waiting)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A moment between two calls, to come back to: the journal, the events so far, and where each process stood."""

    journal: int
    events: int
    time_line: int
    current: Task | None
    processes: tuple[tuple[Task, str, int, int, Blocked | None, bool], ...]
    children: tuple[tuple[str, int], ...]
    scanned: int


class Scheduler:
    """The processes of a machine, and the loop that runs them."""

    def __init__(self, machine: "Machine") -> None:
        self.machine = machine
        self.processes: dict[Task, Process] = {}
        self.line: list[Process] = []  # the same, in the order of their names
        self.asleep: dict[Process, None] = {}  # those of them that wait, and that nothing has woken yet
        self.ended: list[Process] = []
        self.schedule: Schedule | None = None
        self.stop_at: int | None = None  # come to rest before the call that would make this many events
        self.interrupts = False  # whether each call has to ask first
        self.current: Process | None = None
        self.born: list[Task] = []  # made by the call under way
        self.doomed: list[Task] = []  # ended by the call under way
        self.hub: greenlet = getcurrent()
        self.children: dict[str, int] = {}  # how many each process has made, by its name
        self.unchanged = 0  # calls in a row that changed nothing
        self.scanned = 0  # how far the journal was searched for what processes wait for

    def run(self, *, stop_at: int | None = None) -> Standstill:
        """Run until nobody can go on, or until there are `stop_at` events."""
        self.hub = getcurrent()
        self.stop_at = stop_at
        self.interrupts = self.schedule is not None or stop_at is not None
        while stop_at is None or len(self.machine.events) < stop_at:
            if self.unchanged > LIVELOCK:
                return Standstill(self.waiting(), livelock=True)
            process = self._choose()
            if process is None:
                break
            self.current = process
            process.greenlet.parent = self.hub
            process.greenlet.switch()
        return Standstill(self.waiting())

    def give_way(self) -> None:
        """Called by a process: let the hub choose who goes on. Raises `ProcessGone` if the process was ended meanwhile: whoever
        ends it throws that in here (`Process.end`)."""
        self.hub.switch()

    def completed(self, process: Process, event: Event) -> None:
        """A call has been made: start whom it made, unwind whom it ended, tell the observers."""
        start, end = event.writes or (0, 0)
        if start == end or event.call.name == "clock_nanosleep":
            self.unchanged += 1
            if self.unchanged > LIVELOCK and not process.gone:
                self.interrupts = True
        else:
            self.unchanged = 0
        machine = self.machine
        for observe in machine.observers:
            observe(process, event)
        if self.born:
            self.start_born(process)
        if process.gone:
            self._retire(process)
            if process.task.lives:  # replaced by exec
                self.current = self._enter(Process(machine, process.task, process.name))
        if self.doomed:
            self.unwind_doomed()
        if machine.checks:
            machine.check()

    def unwind_doomed(self) -> None:
        """Unwind the programs of the tasks that have been ended, in the order of pids."""
        doomed = [self.processes[task] for task in self.doomed if task in self.processes]
        self.doomed.clear()
        for victim in sorted(doomed, key=lambda victim: victim.task.pid.global_number):
            self._retire(victim)
            victim.end()

    def start_born(self, process: Process) -> None:
        """Start whom the call under way has made."""
        for task in self.born:
            self._start(task, process.name)
        self.born.clear()

    def _enter(self, process: Process) -> Process:
        self.processes[process.task] = process
        insort(self.line, process, key=_order)
        return process

    def _retire(self, process: Process) -> None:
        del self.processes[process.task]
        del self.line[bisect_left(self.line, process.order, key=_order)]
        self.asleep.pop(process, None)
        self.ended.append(process)

    def _start(self, task: Task, parent: str) -> None:
        number = self.children[parent] = self.children.get(parent, 0) + 1
        self._enter(Process(self.machine, task, f"{parent}.{number}" if parent else str(number)))

    def adopt(self, task: Task) -> Process:
        """Take on a process that no other process made."""
        self._start(task, "")
        return self.processes[task]

    # -- choosing --

    def _choose(self) -> Process | None:
        self._wake()
        if self.schedule is not None:
            ready = [process for process in self.line if self._can_go_on(process)]
            if len(ready) > 1:
                return self.schedule(ready)
            return ready[0] if ready else self._sleep()
        current = self.current
        if current is not None and self.processes.get(current.task) is current and self._can_go_on(current):
            return current
        return next(filter(self._can_go_on, self.line), None) or self._sleep()

    def _can_go_on(self, process: Process) -> bool:
        return process not in self.asleep and process.task.runs

    def fall_asleep(self, process: Process, why: Blocked) -> None:
        """Called by a process: it waits from now on."""
        process.waiting, process.woken = why, False
        self.asleep[process] = None

    def _wake(self) -> None:
        """Mark those for whom something that they wait for has been written since the last look."""
        journal = self.machine.store.journal
        if self.asleep:
            changed = {owner for owner, _, _, _ in journal[self.scanned :]}
            now = self.machine.system.clock
            for process in list(self.asleep):
                assert process.waiting is not None
                deadline = process.waiting.deadline
                if (deadline is not None and deadline <= now) or not changed.isdisjoint(process.waiting.on):
                    process.woken = True
                    del self.asleep[process]
        self.scanned = len(journal)

    def _sleep(self) -> Process | None:
        """Nobody can go on: let the virtual time pass until the first one that waits for it can."""
        deadlines = [
            process.waiting.deadline
            for process in self.processes.values()
            if process.waiting is not None and process.waiting.deadline is not None and process.task.runs
        ]
        if not deadlines:
            return None
        self.machine.system.clock = min(deadlines)
        return self._choose()

    def waiting(self) -> tuple[Waiting, ...]:
        """Who waits for what at this moment, or is stopped."""
        return tuple(
            Waiting(
                process.name,
                process.task.comm,
                process.called,
                _why(process),
            )
            for process in self.line
            if process.waiting is not None or not process.task.runs
        )

    # -- snapshots --

    def snapshot(self) -> Snapshot:
        """This moment. To be taken from outside, between two `run`s."""
        return Snapshot(
            self.machine.store.position,
            len(self.machine.events),
            self.machine.time_line,
            self.current.task if self.current is not None else None,
            tuple((p.task, p.name, p.first_event, p.enter, p.waiting, p.woken) for p in self.processes.values()),
            tuple(self.children.items()),
            self.scanned,
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to `snapshot`: undo what was written since, and bring each process to where it stood then."""
        machine = self.machine
        if snapshot.journal > machine.store.position:
            raise ModelError("this snapshot lies on a path that was given up")
        self.abandon()
        machine.store.rewind(snapshot.journal)
        machine.store.forget_undone()
        self.scanned = snapshot.scanned
        events = machine.events[: snapshot.events]
        machine.events[:] = events
        self.children = dict(snapshot.children)
        self.hub = getcurrent()
        for task, name, first_event, enter, waiting, woken in snapshot.processes:
            script = [event for event in events[first_event:] if event.process == name]
            process = Process(machine, task, name, script)
            process.first_event, process.enter, process.waiting, process.woken = first_event, enter, waiting, woken
            self._enter(process)
            if waiting is not None and not woken:
                self.asleep[process] = None
            if script or waiting is not None:
                process.greenlet.switch()  # until it has had its answers
        machine.time_line = snapshot.time_line
        self.current = self.processes.get(snapshot.current) if snapshot.current is not None else None
        self.unchanged = 0

    def abandon(self) -> None:
        """Unwind every process that still stands, in the order of pids, without any effect on the state."""
        for process in sorted(self.processes.values(), key=lambda process: process.task.pid.global_number):
            process.end()
        self.processes.clear()
        self.line.clear()
        self.asleep.clear()


def _why(process: Process) -> str:
    """Why a process does not go on."""
    if process.task.frozen or process.task.paused:
        return "to be thawed"
    return process.waiting.reason if process.waiting is not None else "stopped by a signal"


def _order(process: Process) -> tuple[int, ...]:
    return process.order
