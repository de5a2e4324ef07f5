"""The scheduler: runs are a function of the programs and the schedule, can be left and come back to; the dead are silent."""

import random

import pytest

from fakekernel.machine import Machine
from fakekernel.schedule import Given, Shuffled
from fakekernel.store import ALL, Table
from kernelapi.errors import ModelError
from kernelapi.event import Event
from kernelapi.flags import Signal
from kernelapi.kernel import Kernel
from tests import workloads


def trace(machine: Machine) -> list[str]:
    return [f"{event.process} {event!r} {event.enter} {event.exit}" for event in machine.events]


def run(seed: int, *, track_reads: bool = False) -> Machine:
    machine = Machine(checks=True, track_reads=track_reads)
    machine.spawn(workloads.family)
    standstill = machine.run(schedule=Shuffled(machine, seed))
    assert not standstill.hung
    return machine


@pytest.mark.parametrize("seed", range(5))
def test_the_same_schedule_gives_the_same_run(seed: int) -> None:
    one, other = run(seed), run(seed)
    assert trace(one) == trace(other)
    assert one.digest() == other.digest()


def test_schedules_differ() -> None:
    assert len({tuple(trace(run(seed))) for seed in range(10)}) > 5


RUNS = 1000


def test_a_run_restored_at_any_event_goes_on_as_if_it_had_never_been_left() -> None:
    """1,000 random runs: the digest at the snapshot and the whole continuation are those of a run from the start."""
    dice = random.Random(20150120)
    for seed in range(RUNS):
        machine = Machine()
        machine.spawn(workloads.family)
        schedule = Shuffled(machine, seed)
        machine.run(schedule=schedule, stop_at=dice.randrange(1, 60))
        snapshot, digest = machine.snapshot(), machine.digest()
        machine.run(schedule=schedule)
        whole, end = trace(machine), machine.digest()
        machine.restore(snapshot)
        assert machine.digest() == digest, seed
        machine.run(schedule=schedule)
        assert trace(machine) == whole, seed
        assert machine.digest() == end, seed


def test_a_snapshot_on_a_path_that_was_given_up_is_refused() -> None:
    machine = Machine()
    machine.spawn(workloads.family)
    early = machine.snapshot()
    machine.run()
    late = machine.snapshot()
    machine.restore(early)
    with pytest.raises(ModelError, match="given up"):
        machine.restore(late)


def test_a_program_that_is_not_a_function_of_its_answers_is_found_out() -> None:
    machine = Machine()
    machine.spawn(fickle)
    machine.run(stop_at=2)
    snapshot = machine.snapshot()
    machine.run()
    with pytest.raises(ModelError, match="not a function of its answers"):
        machine.restore(snapshot)


LUCK = [0]


def fickle(kernel: Kernel) -> None:
    for _ in range(4):
        LUCK[0] += 1
        kernel.umask(LUCK[0])


def conflict(machine: Machine, first: Event, second: Event) -> bool:
    """Whether one of two events wrote what the other read or wrote."""

    def touched(event: Event) -> tuple[set[tuple[object, object]], set[tuple[object, object]]]:
        assert event.writes is not None
        return set(machine.reads[event.index]), machine.store.writes(*event.writes)

    def meet(writes: set[tuple[object, object]], accesses: set[tuple[object, object]]) -> bool:
        if writes & accesses:
            return True
        looked_through = {owner for owner, key in accesses if isinstance(owner, Table) and key == ALL}
        return any(owner in looked_through for owner, _ in writes)

    reads, writes = touched(first)
    other_reads, other_writes = touched(second)
    return meet(writes, other_reads | other_writes) or meet(other_writes, reads | writes)


def answers(events: list[Event]) -> list[tuple[str, str, object, int]]:
    return sorted((event.process, event.call.name, repr(event.result), event.errno) for event in events)


def test_adjacent_calls_that_do_not_conflict_commute() -> None:
    compared = conflicting = 0
    for seed in range(40):
        machine = run(seed, track_reads=True)
        names = [event.process for event in machine.events]
        for first, second in zip(machine.events, machine.events[1:], strict=False):
            at_once = first.exit == first.enter + 1 and second.exit == second.enter + 1
            born_before = any(event.process == second.process for event in machine.events[: first.index])
            if first.process == second.process or not at_once or not born_before:
                continue
            if conflict(machine, first, second):
                conflicting += 1
                continue
            here = first.index
            swapped = [*names[:here], second.process, first.process, *names[here + 2 :]]
            left, right = Machine(), Machine()
            for other, order in ((left, names), (right, swapped)):
                other.spawn(workloads.family)
                other.run(schedule=Given(other, order), stop_at=here + 2)
            assert [event.process for event in left.events] == names[: here + 2]
            assert [event.process for event in right.events] == swapped[: here + 2]
            assert left.digest() == right.digest(), (seed, first, second)
            assert answers(left.events[here:]) == answers(right.events[here:]), (seed, first, second)
            compared += 1
    assert compared > 100
    assert conflicting > 100


@pytest.mark.parametrize("at", range(1, 12))
def test_the_dead_make_no_calls_and_their_clean_up_has_no_effect(at: int) -> None:
    machines = []
    for program in (workloads.tidy, workloads.untidy):
        machine = Machine(checks=True)
        task = machine.spawn(program, comm="program")
        machine.run(stop_at=at)
        calls = len(machine.events)
        if task.lives:
            machine.kill(task, Signal.KILL)
            machine.run()
            assert len(machine.events) == calls
        machines.append(machine)
    tidy, untidy = machines
    assert [event.call for event in tidy.events] == [event.call for event in untidy.events]
    images = [process.image for machine in machines for process in machine.scheduler.ended]
    assert {image.function for image in images} == {workloads.tidy, workloads.untidy}
    assert tidy.digest() == untidy.digest()


def waits(kernel: Kernel) -> None:
    reader, _ = kernel.pipe2(0)
    kernel.read(reader, 1)


def test_one_that_waits_for_ever_makes_the_run_hung_and_is_named() -> None:
    machine = Machine()
    machine.spawn(waits)
    standstill = machine.run()
    assert standstill.hung
    assert [(who.process, who.call) for who in standstill.waiting] == [("1", "read")]


def polls(kernel: Kernel) -> None:
    while True:
        kernel.getppid()


def test_one_that_polls_without_any_change_is_a_livelock() -> None:
    machine = Machine()
    machine.spawn(polls)
    assert machine.run().livelock


def stubborn(kernel: Kernel) -> None:
    while True:
        try:
            kernel.getppid()
        except BaseException:
            continue


def test_one_that_does_not_let_itself_be_ended_is_left_behind() -> None:
    machine = Machine()
    task = machine.spawn(stubborn)
    machine.run(stop_at=5)
    machine.kill(task, Signal.KILL)
    machine.run()
    assert len(machine.events) == 5
    machine.close()


def sleep(kernel: Kernel) -> None:
    kernel.clock_nanosleep(1, 0, 10**12)


def test_a_signal_from_outside_ends_who_does_not_ignore_it_and_is_not_the_first_process() -> None:
    machine = Machine(checks=True)
    task = machine.spawn(sleep, comm="sleep")
    machine.run(stop_at=0)
    for signal in (Signal.CHLD, Signal.TERM):
        assert task.lives
        machine.kill(task, signal)
    assert not task.lives
    for signal in (Signal.KILL, Signal.STOP):
        machine.kill(machine.init, signal)
    assert machine.init.runs


def test_programs_and_processes_are_told_by_name() -> None:
    machine = Machine(checks=True)
    task = machine.spawn(sleep, comm="sleep")
    assert repr(task) == "<Task 2 'sleep'>"
    assert repr(machine.process(task)) == "<Process 1 'sleep'>"
    with pytest.raises(ModelError, match="a program must be a module-level function, not <function"):
        machine.install("/bin/mine", lambda kernel, argv, envp: None)


def name_a_nul(kernel: Kernel) -> None:
    kernel.chdir("/tmp\0/etc")


def test_no_path_holds_a_nul() -> None:
    machine = Machine(checks=True)
    machine.spawn(name_a_nul)
    with pytest.raises(ModelError, match="a path cannot hold a NUL byte"):
        machine.run()
