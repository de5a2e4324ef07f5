"""A running program of the simulated kernel: its greenlet, and the one dispatch through which its calls go.

A process is a deterministic function of the answers that it got. To bring it to a given point again, its program is
started anew and fed the answers that were recorded (`script`); it then waits at its next call.
"""

import traceback
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent, greenlet

from fakekernel.syscalls.base import Blocked, CameToNothing
from fakekernel.task import Task
from kernelapi.call import Call
from kernelapi.errors import ModelError, ProcessGone, Refused
from kernelapi.event import NO_RETURN, Event
from kernelapi.kernel import bind

if TYPE_CHECKING:
    from fakekernel.machine import Machine

PATIENCE = 1000
"""How many calls a process that was told that it is gone may make while it unwinds, before it is abandoned."""


class Process:
    """The program of `task`, from the clone or exec that started it until it ends or is replaced."""

    __slots__ = (
        "called", "crash", "enter", "first_event", "futile", "gone", "greenlet", "image", "kernel", "machine", "name",
        "order", "scheduler", "script", "syscalls", "task", "waiting", "woken",
    )  # fmt: skip

    def __init__(self, machine: "Machine", task: Task, name: str, script: list[Event] | None = None) -> None:
        self.machine = machine
        self.scheduler = machine.scheduler
        self.task = task
        self.name = name
        self.order = tuple(map(int, name.split(".")))  # "1.10" comes after "1.9"
        self.image = task.image
        self.syscalls = machine.syscalls(machine, task)
        self.kernel = bind(self.dispatch)
        self.greenlet = greenlet(self._run)
        self.first_event = len(machine.events)
        self.script = iter(script) if script is not None else None
        self.waiting: Blocked | None = None  # why it waits, inside a call
        self.woken = False  # what it waits for has changed
        self.called = ""  # the call that it is in
        self.enter = 0  # where the call that it is in entered
        self.gone = False
        self.futile = 0  # calls made since it was told that it is gone
        self.crash: str | None = None

    def __repr__(self) -> str:
        return f"<Process {self.name} {self.task.comm!r}>"

    def _run(self) -> None:
        try:
            try:
                status = self.image.function(self.kernel, *self.image.args)
            except ModelError:
                raise
            except Exception:  # the program's own failure: what an interpreter does with it
                self.crash = traceback.format_exc()
                status = 1
            self.kernel.exit_group(status or 0)
        except ProcessGone:
            pass

    def dispatch(self, call: Call, args: tuple[Any, ...]) -> Any:
        """Carry out one call of the program, as one event; or answer it from the script."""
        if self.gone:
            self._unwind()
        machine, scheduler = self.machine, self.scheduler
        if self.script is not None:
            event = next(self.script, None)
            if event is not None:
                return self._answer(event, call, args)
            self.script = None
            if self.waiting is None:
                scheduler.give_way()
        elif scheduler.interrupts:
            scheduler.give_way()
        if self.waiting is None:
            machine.time_line += 1
            self.enter = machine.time_line
        self.called = call.name
        store, task = machine.store, self.task
        journal = store.journal
        handler = machine.handlers[call.name]
        result: Any = None
        while True:
            if self.waiting is not None:
                scheduler.give_way()
            start = len(journal)
            errno, row = 0, None
            if store.track_reads:
                store.reads.clear()
            try:
                result = handler(self.syscalls, *args)
            except Blocked as blocked:
                scheduler.fall_asleep(self, blocked)
                scheduler.start_born(self)  # a vfork child runs while its parent waits
                continue
            except Refused as refused:
                errno, row = refused.row.errno, refused.row
            except CameToNothing:
                result = None
            self.waiting = None
            break
        if task.progress is not None:
            task.progress = None
        if task.image is not self.image or not task.lives:
            self.gone = True
            result = NO_RETURN
        machine.time_line += 1
        events = machine.events
        event = Event(
            len(events), self.name, call, args, result, errno, row, self.enter, machine.time_line, (start, len(journal))
        )
        events.append(event)
        if store.track_reads:
            machine.reads.append(frozenset(store.reads))
        scheduler.completed(self, event)
        if self.gone:
            raise ProcessGone
        if not task.runs:  # it has stopped or frozen itself
            scheduler.give_way()
        if row is not None:
            raise Refused(row)
        return result

    def _answer(self, event: Event, call: Call, args: tuple[Any, ...]) -> Any:
        if event.call is not call or event.args != args:
            raise ModelError(
                f"process {self.name} is not a function of its answers: it called {call.name}{args}, "
                f"where it had called {event.call.name}{event.args}"
            )
        if event.row is not None:
            raise Refused(event.row)
        return event.result

    def _unwind(self) -> None:
        self.futile += 1
        if self.futile > PATIENCE:  # it does not let go: leave it where it is
            parent = getcurrent().parent
            assert parent is not None
            parent.switch()
        raise ProcessGone

    def end(self) -> None:
        """Unwind the program's frames: whatever it still calls raises `ProcessGone`."""
        self.gone = True
        here = getcurrent()
        if self.greenlet is here or self.greenlet.dead or not self.greenlet:
            return
        self.greenlet.parent = here
        self.greenlet.throw(ProcessGone)
