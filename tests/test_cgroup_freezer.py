"""The freezer, where a process waits for ever: on the simulated kernel alone. Its laws are cases."""

from fakekernel.machine import Machine
from fakekernel.scheduler import Waiting
from kernelapi.kernel import Kernel
from tests.cgroup_laws import (
    at,
    make,
    write,
)


def join_frozen(kernel: Kernel) -> None:
    path = make(kernel, "freezer")
    write(kernel, f"{path}/freezer.state", "FROZEN")
    write(kernel, f"{path}/cgroup.procs", "0")
    write(kernel, f"{path}/freezer.state", "THAWED")  # never reached, unless somebody else thaws it


def thaw(kernel: Kernel) -> None:
    write(kernel, f"{at('freezer')}/freezer.state", "THAWED")


def test_a_process_that_freezes_itself_waits_for_ever() -> None:
    machine = Machine(checks=True)
    machine.spawn(join_frozen)
    standstill = machine.run()
    assert standstill.waiting == (Waiting("1", "join_frozen", "write", "to be thawed"),)
    assert standstill.hung


def test_a_frozen_process_comes_back_from_a_snapshot_and_goes_on() -> None:
    machine = Machine(checks=True)
    frozen = machine.spawn(join_frozen)
    machine.run()
    snapshot, digest = machine.snapshot(), machine.digest()
    for _ in range(2):
        machine.spawn(thaw)
        assert not machine.run().hung
        assert not frozen.lives
        after = machine.digest()
        machine.restore(snapshot)
        assert machine.digest() == digest != after
