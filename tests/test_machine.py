"""The machine itself: states that it takes for impossible, the end of the numbers of processes, what no argument can hold."""

import pytest

from fakekernel.lifecycle import PID_MAX, RESERVED_PIDS
from fakekernel.machine import Machine
from kernelapi.errors import ModelError
from kernelapi.flags import OpenFlag, Signal
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel


def hold(kernel: Kernel) -> None:
    """Wait for ever, with a file open."""
    kernel.open("/dev/null", OpenFlag.RDONLY)
    reader, _ = kernel.pipe()
    kernel.read(reader, 1)


def test_a_descriptor_without_a_description_can_never_be() -> None:
    machine = Machine()
    task = machine.spawn(hold)
    machine.run()
    machine.check()
    task.files.entries[0].description.references = 0
    with pytest.raises(ModelError, match=r"^impossible state: .*hold.* has descriptor 0 without a description$"):
        machine.check()


def say_numbers(kernel: Kernel, output: Fd) -> None:
    kernel.write(output, repr([int(kernel.clone(Signal.CHLD, hold)) for _ in range(3)]).encode())


def test_numbers_of_processes_begin_again_behind_those_that_are_reserved_and_leave_out_who_lives() -> None:
    machine = Machine(checks=True)
    ns = machine.init.namespaces.pid_for_children
    ns.last_pid = RESERVED_PIDS
    machine.spawn(hold)  # it is the one behind
    ns.last_pid = PID_MAX - 3
    _, output = machine.spawn_captured(say_numbers)
    machine.run()
    assert machine.captured(output).decode() == repr([PID_MAX - 1, RESERVED_PIDS, RESERVED_PIDS + 2])


def give_a_nul(kernel: Kernel) -> None:
    with pytest.raises(ModelError, match=r"^an argument cannot hold a NUL byte: 'a\\x00b'$"):
        kernel.execve("/bin/true", ("true", "a\0b"), ())


def test_an_argument_cannot_hold_a_nul() -> None:
    machine = Machine(checks=True)
    machine.spawn(give_a_nul)
    assert not machine.run().hung
    assert not [process.crash for process in machine.scheduler.ended if process.crash]
