"""Programs on the simulated kernel, one at a time. It can be made to follow another kernel's answers (`Correction`)."""

import pickle
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fakekernel.machine import Machine
from fakekernel.process import Process
from fakekernel.profile import DEFAULT_HOST, HostProfile
from fakekernel.syscalls.base import SyscallBase
from fakekernel.syscalls.table import HANDLERS
from initflow.conformance.agents import REPORT
from initflow.conformance.driver import drive
from initflow.conformance.program import Program, Step, Transcript
from initflow.conformance.scratch import FRESH
from kernelapi.errors import Refused
from kernelapi.event import Event
from kernelapi.flags import Signal
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.rules import Refusal, Rule


@dataclass(frozen=True, slots=True)
class Correction:
    """What a step's call is made to do: fail by `failure`, or go on although one of the rows `suspended` refuses it."""

    failure: Refusal | None = None
    suspended: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Simulation:
    """What came of a program on the simulated kernel, and the row by which each step's call was refused, by its number.

    Without a transcript, `failure` says why. `hung`: the agents wait in a way that the driver does not understand.
    """

    transcript: Transcript | None
    rows: Mapping[int, Refusal]
    failure: str = ""


class Simulator:
    """A simulated machine that plays one program after the other, each from the moment at which agent 0 is ready.

    That moment is kept, for each of the ways in which programs start. With `checks` the machine checks itself after every call;
    the rows in `suspended` never refuse.
    """

    def __init__(
        self, host: HostProfile = DEFAULT_HOST, *, checks: bool = False, suspended: Collection[Rule] = ()
    ) -> None:
        self.host = host
        self.checks = checks
        self.suspended = suspended
        self._stages: dict[str, _Stage] = {}

    def play(self, program: Program, corrections: Mapping[int, Correction] | None = None) -> Simulation:
        """What comes of a program."""
        stage = self._stages.get(program.start)
        if stage is None:
            stage = self._stages[program.start] = _Stage(program.start, self.host, self.checks)
            stage.machine.suspended.update(self.suspended)
        return stage.play(program.steps, corrections or {})


class _Stage:
    """A machine, and the moment at which its agent 0 is ready."""

    def __init__(self, start: str, host: HostProfile, checks: bool) -> None:
        rehearsal = Machine(host)
        script = _Script(rehearsal)
        rehearsal.spawn_captured(_play_apart, start, script)
        rehearsal.run()
        rehearsal.close()
        self.machine = Machine(host, checks=checks)
        self.script = _Script(self.machine)
        _, self.output = self.machine.spawn_captured(_play_apart, start, self.script)
        self.machine.run(stop_at=script.ready)
        self.moment = self.machine.snapshot()

    def play(self, steps: Sequence[Step], corrections: Mapping[int, Correction]) -> Simulation:
        machine, script = self.machine, self.script
        script.begin(steps, corrections)
        try:
            machine.restore(self.moment)
            machine.scheduler.ended.clear()
            standstill = machine.run()
            machine.close()
        except Exception as error:  # whatever a wrong model runs into
            return Simulation(None, script.rows, f"{type(error).__name__}: {error}")
        data = machine.captured(self.output)
        if data:
            return Simulation(pickle.loads(data), script.rows)
        waiting = "; ".join(f"{who.process} in {who.call}: {who.reason}" for who in standstill.waiting)
        crashes = "\n".join(process.crash for process in machine.scheduler.ended if process.crash)
        return Simulation(None, script.rows, f"{'hung' if standstill.hung else 'no transcript'} {waiting} {crashes}".rstrip())


def _play_apart(kernel: Kernel, start: str, script: "_Script", report: Fd) -> int:
    kernel.wait4(kernel.clone(FRESH | Signal.CHLD, drive, start, script, report, None, (), script.tell))
    return 0


class _Script:
    """The steps of a program, as the driver comes to them: notes by which rows they are refused, and applies corrections."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.ready = 0  # how many events there were when the driver came to the first step
        self.begin((), {})
        machine.observers.append(self._note)

    def begin(self, steps: Sequence[Step], corrections: Mapping[int, Correction]) -> None:
        """From now on, the program is this one."""
        self.steps, self.corrections = steps, corrections
        self.rows: dict[int, Refusal] = {}
        self.step = self.done = -1
        self.call = ""
        corrected = {steps[number].call for number in corrections}
        self.machine.handlers = {**HANDLERS, **{name: self._correcting(name, HANDLERS[name]) for name in corrected}}

    def __iter__(self) -> Iterator[Step]:
        self.ready = len(self.machine.events)
        return iter(self.steps)

    def tell(self, step: int, call: str) -> None:
        """A step begins, with this call; -1: the program is over."""
        self.step, self.call = step, call

    def _is_the_steps(self, call: str, args: tuple[Any, ...]) -> bool:
        """Whether a call is that of the step, and not one by which driver and agents talk."""
        return call == self.call and not (args and isinstance(args[0], int) and args[0] >= REPORT)

    def _note(self, process: Process, event: Event) -> None:
        if event.row is not None and self._is_the_steps(event.call.name, event.args):
            self.rows[self.step] = event.row

    def _correcting(self, name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
        def handle(kernel: SyscallBase, *args: Any) -> Any:
            correction = self.corrections.get(self.step)
            if correction is None or self.done == self.step or not self._is_the_steps(name, args):
                return handler(kernel, *args)
            if correction.failure is not None:
                self.done = self.step
                raise Refused(correction.failure)
            self.machine.suspended.update(correction.suspended)
            try:
                result = handler(kernel, *args)
            finally:
                self.machine.suspended.difference_update(correction.suspended)
            self.done = self.step
            return result

        return handle
