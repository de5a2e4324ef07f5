"""Faults in a simulated machine: planned calls are refused, as events like any other."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from fakekernel.machine import Machine
from kernelapi.errors import Refused
from kernelapi.faults import Fault, Plan

Handler = Callable[..., Any]


def inject(machine: Machine, faults: Iterable[Fault]) -> None:
    """Have `machine` refuse the calls of `faults`, instead of those planned before. Calls without a fault cost nothing.

    Which call is the nth is counted in the events, so that a machine that was brought back to an earlier moment counts anew.
    """
    plan = Plan(faults)
    made = _Made(machine, plan.calls)
    handlers = dict(type(machine.syscalls_table).__call__() if False else machine.handlers)
    for name in plan.calls:
        handlers[name] = _failing(handlers[name], name, plan, made)
    machine.handlers = handlers
