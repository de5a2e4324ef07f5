"""The flow as a run of processes: it can be left, restored and cut short anywhere, and every schedule ends the same way."""

import random
from pathlib import Path

import pytest

from fakekernel.machine import Machine
from fakekernel.schedule import Shuffled
from initflow import load
from initflow.configuration import Configuration
from initflow.run import Outcome
from initflow.verification import execute, prepare
from kernelapi.flags import Signal

MINIMAL = Path(__file__).parents[1] / "examples" / "minimal.json"


@pytest.fixture(scope="module")
def minimal() -> Configuration:
    return load(MINIMAL).configuration


def trace(machine: Machine) -> list[str]:
    return [repr(event) for event in machine.events]


def test_the_same_configuration_gives_the_same_run(minimal: Configuration) -> None:
    one, other = execute(minimal), execute(minimal)
    assert trace(one.machine) == trace(other.machine)
    assert one.machine.digest() == other.machine.digest()


def test_the_flow_keeps_the_kernel_in_possible_states(minimal: Configuration) -> None:
    assert execute(minimal, machine=Machine(checks=True)).outcome is Outcome.EXECUTED


@pytest.mark.parametrize("seed", range(20))
def test_the_flow_restored_at_any_event_goes_on_as_before(minimal: Configuration, seed: int) -> None:
    machine = Machine()
    prepare(minimal, machine=machine)
    schedule = Shuffled(machine, seed)
    machine.run(schedule=schedule, stop_at=random.Random(seed).randrange(1, 470))
    snapshot, digest = machine.snapshot(), machine.digest()
    machine.run(schedule=schedule)
    whole, end = trace(machine), machine.digest()
    machine.restore(snapshot)
    assert machine.digest() == digest
    machine.run(schedule=schedule)
    assert trace(machine) == whole
    assert machine.digest() == end


@pytest.mark.parametrize("seed", range(20))
def test_whoever_runs_first_the_payload_is_executed(minimal: Configuration, seed: int) -> None:
    machine = Machine()
    prepared = prepare(minimal, machine=machine)
    run = prepared.finish(machine.run(schedule=Shuffled(machine, seed)))
    assert (run.outcome, run.standstill.hung) == (Outcome.EXECUTED, False)


def test_a_process_killed_at_any_event_makes_no_further_one(minimal: Configuration) -> None:
    events = len(execute(minimal).events)
    for at in range(1, events, 5):
        machine = Machine()
        prepare(minimal, machine=machine)
        machine.run(stop_at=at)
        victim = machine.events[-1].process
        task = next((process.task for process in machine.scheduler.processes.values() if process.name == victim), None)
        if task is None:
            continue  # the event was its last
        machine.kill(task, Signal.KILL)
        machine.run()
        machine.close()
        assert all(event.process != victim for event in machine.events[at:]), at
        machine.check()
