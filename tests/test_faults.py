"""Planned calls fail, and nothing else changes."""

import random
from errno import EBADF, EINVAL, EIO, ENOENT, ENOSPC, EPERM
from typing import Any

import pytest

from fakekernel.faults import inject
from fakekernel.machine import Machine
from kernelapi.call import Call
from kernelapi.errors import Refused
from kernelapi.event import Event
from kernelapi.faults import Fault, failure, faults_in, faulty
from kernelapi.flags import OpenFlag, Signal
from kernelapi.ids import Fd
from kernelapi.kernel import CALLS, Kernel, bind
from kernelapi.rules import rules


def write_three_times(kernel: Kernel, output: Fd) -> int:
    failures = 0
    for word in (b"a", b"b", b"c"):
        try:
            kernel.write(output, word)
        except OSError:
            failures += 1
    return failures


def have_a_child_write(kernel: Kernel, output: Fd) -> int:
    kernel.clone(Signal.CHLD, write_three_times, output)
    write_three_times(kernel, output)
    return kernel.wait4(-1)[1] >> 8


def open_by_two_names(kernel: Kernel, output: Fd) -> int:
    first = kernel.open("/etc/hostname", OpenFlag.RDONLY)
    second = kernel.openat(-100, "/etc/hostname", OpenFlag.RDONLY, 0)
    kernel.write(output, f"{first} {second}".encode())
    return 0


def wait_for_nobody_in_time(kernel: Kernel, output: Fd) -> int:
    reader, _ = kernel.pipe2(0)
    try:
        kernel.read(reader, 1)
    except OSError as error:
        kernel.write(output, str(error.errno).encode())
    return 0


def ran(program: Any, *faults: Fault, checks: bool = True) -> tuple[Machine, bytes]:
    machine = Machine(checks=checks)
    inject(machine, faults)
    _, output = machine.spawn_captured(program)
    assert not machine.run().hung
    return machine, machine.captured(output)


def failed(machine: Machine) -> list[tuple[str, str, int]]:
    return [(event.process, event.call.name, event.errno) for event in machine.events if event.errno]


def test_the_planned_call_fails_without_any_effect() -> None:
    machine, written = ran(write_three_times, failure("1", "write", 2, ENOSPC))
    assert written == b"ac"
    assert failed(machine) == [("1", "write", ENOSPC)]
    start, end = next(event.writes for event in machine.events if event.errno) or (None, None)
    assert start == end


def test_calls_are_counted_for_each_process() -> None:
    machine, written = ran(have_a_child_write, failure("1.1", "write", 1, EIO), failure("1", "write", 3, EIO))
    assert sorted(written) == sorted(b"bcab")
    assert sorted(failed(machine)) == [("1", "write", EIO), ("1.1", "write", EIO)]


def test_an_alias_is_counted_by_its_own_name() -> None:
    with_open, _ = ran(open_by_two_names, failure("1", "open", 1, EIO))
    assert failed(with_open) == [("1", "open", EIO)]
    with_openat, _ = ran(open_by_two_names, failure("1", "openat", 1, EIO))
    assert failed(with_openat) == [("1", "openat", EIO)]


def test_a_call_that_would_wait_fails_at_once() -> None:
    _, written = ran(wait_for_nobody_in_time, failure("1", "read", 1, EIO))
    assert written == str(EIO).encode()


def test_no_faults_take_earlier_ones_back() -> None:
    machine = Machine()
    inject(machine, [failure("1", "write", 1, EIO)])
    inject(machine, [])
    _, output = machine.spawn_captured(write_three_times)
    machine.run()
    assert machine.captured(output) == b"abc"


@pytest.mark.parametrize("seed", range(5))
def test_a_machine_that_went_back_fails_in_the_same_place(seed: int) -> None:
    machine = Machine()
    inject(machine, [failure("1", "write", 2, EIO), failure("1.1", "write", 3, EIO)])
    machine.spawn_captured(have_a_child_write)
    machine.run(stop_at=random.Random(seed).randrange(1, 9))
    moment = machine.snapshot()
    machine.run()
    first = list(map(repr, machine.events))
    machine.restore(moment)
    machine.run()
    assert list(map(repr, machine.events)) == first


def test_a_dispatch_of_any_kernel_can_be_made_faulty() -> None:
    made = []

    def dispatch(call: Call, args: tuple[Any, ...]) -> Any:
        made.append(call.name)
        return 7

    kernel = bind(faulty(dispatch, "1", [failure("1", "getpid", 2, EPERM), failure("2", "getpid", 1, EPERM)]))
    assert kernel.getpid() == 7
    with pytest.raises(Refused):
        kernel.getpid()
    assert kernel.getuid() == 7
    assert made == ["getpid", "getuid"]


def test_an_injected_errno_is_no_rule() -> None:
    before = list(rules())
    assert failure("1", "getpid", 1, EIO).row.errno == EIO
    assert list(rules()) == before


@pytest.mark.parametrize(("call", "nth"), [("fly", 1), ("exit_group", 1), ("read", 0)])
def test_what_cannot_be_a_fault_is_refused(call: str, nth: int) -> None:
    with pytest.raises(ValueError):
        failure("1", call, nth, EIO)


def test_two_faults_for_one_call_are_refused() -> None:
    with pytest.raises(ValueError):
        inject(Machine(), [failure("1", "read", 1, EIO), failure("1", "read", 1, EBADF)])


def test_a_fault_says_what_it_is() -> None:
    assert str(failure("1.1", "mount", 3, EINVAL)) == "call 3 of mount by process 1.1 fails with EINVAL"


def test_the_faults_of_a_run_are_each_calls_errnos_and_each_of_them_strikes() -> None:
    machine, _ = ran(open_by_two_names)
    faults = list(faults_in(machine.events))
    opened = [fault.row.errno for fault in faults if (fault.call, fault.nth) == ("open", 1)]
    assert ENOENT in opened
    assert len(opened) == len(set(opened)) == len({row.errno for row in CALLS["open"].refusals})
    for fault in faults:
        struck, _ = ran(open_by_two_names, fault, checks=False)
        assert (fault.process, fault.call, fault.row.errno) in failed(struck)


def test_pairs_are_the_faults_that_come_after_the_first_one_has_struck() -> None:
    machine, _ = ran(write_three_times)
    pairs = []
    for first in faults_in(machine.events, where=_is_write):
        with_first, _ = ran(write_three_times, first)
        struck = next(event.index for event in with_first.events if event.errno)
        for second in faults_in(with_first.events, after=struck, where=_is_write):
            with_both, written = ran(write_three_times, first, second)
            pairs.append((first.nth, second.nth))
            assert len(failed(with_both)) == 2
            assert len(written) == 1
    assert set(pairs) == {(1, 2), (1, 3), (2, 3)}


def _is_write(event: Event) -> bool:
    return event.call.name == "write"
