"""Faults in a simulated machine: planned calls are refused, and show as events like any other."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from fakekernel.machine import Machine
from fakekernel.syscalls.base import SyscallBase
from fakekernel.syscalls.table import HANDLERS
from kernelapi.errors import Refused
from kernelapi.faults import Fault, Plan

Handler = Callable[..., Any]


def inject(machine: Machine, faults: Iterable[Fault]) -> None:
    """Have `machine` refuse the calls of `faults`, in place of those planned before. Calls of other names cost nothing.

    A call that would have to wait fails at once. Which one is the nth is told by the machine's events, so that a machine that
    has been brought back to an earlier moment counts from there.
    """
    plan = Plan(faults)
    made = _Made(machine, plan.calls)
    machine.handlers = {**HANDLERS, **{name: _failing(HANDLERS[name], name, plan, made) for name in plan.calls}}


def _failing(handler: Handler, name: str, plan: Plan, made: "_Made") -> Handler:
    def fail_or_handle(kernel: SyscallBase, *args: Any) -> Any:
        process = kernel.machine.process(kernel.task).name
        row = plan.row(process, name, made.count(process, name) + 1)
        if row is not None:
            raise Refused(row)
        return handler(kernel, *args)

    return fail_or_handle


class _Made:
    """How many calls of some names each process has completed: read out of the machine's events as they grow."""

    def __init__(self, machine: Machine, names: frozenset[str]) -> None:
        self.machine = machine
        self.names = names
        self.counts = Counter[tuple[str, str]]()
        self.seen = 0
        self.last: object = None  # the last event that is counted: where the machine went back, it is another one now

    def count(self, process: str, name: str) -> int:
        events = self.machine.events
        if self.seen > len(events) or (self.seen and events[self.seen - 1] is not self.last):
            self.counts.clear()
            self.seen = 0
        for event in events[self.seen :]:
            if event.call.name in self.names:
                self.counts[event.process, event.call.name] += 1
        self.seen = len(events)
        self.last = events[-1] if events else None
        return self.counts[process, name]
