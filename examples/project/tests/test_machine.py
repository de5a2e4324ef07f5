"""What a simulated machine shows beside answers: whole state, every call, and a hang that is told and not waited for."""

import pytest
from tinyinit import leave_root, start, supervise

from fakekernel.machine import Machine
from kernelapi import Cap, Kernel


def service(kernel: Kernel, argv: tuple[str, ...], envp: tuple[str, ...]) -> int:
    """A program: what `/bin/service` runs on the machine."""
    return kernel.getuid() % 256


def wait_for_ever(kernel: Kernel) -> None:
    reader, _writer = kernel.pipe2(0)
    kernel.read(reader, 1)


def test_it_starts_a_program_of_ours(machine: Machine) -> None:
    machine.install("/bin/service", service)
    machine.spawn(supervise, start, 1000, ("/bin/service",))
    assert not machine.run().hung
    statuses = [event.result[1] >> 8 for event in machine.events if event.call.name == "wait4" and not event.errno]
    assert statuses == [1000 % 256]


def test_the_groups_change_before_the_user(machine: Machine) -> None:
    machine.spawn(leave_root, 1000)
    machine.run()
    assert [event.call.name for event in machine.events][:3] == ["setgroups", "setgid", "setuid"]


def test_one_that_never_ends_is_told(machine: Machine) -> None:
    machine.spawn(supervise, wait_for_ever)
    standstill = machine.run()
    assert [(who.process, who.call) for who in standstill.waiting] == [("1", "wait4"), ("1.1", "read")]


def test_the_bounding_set_stays_and_no_new_privs_keeps_it_from_doing_harm(machine: Machine) -> None:
    task = machine.spawn(leave_root, 1000)
    machine.run()
    assert Cap.SYS_ADMIN in task.cred.bounding
    assert task.no_new_privs


def leave_root_twice(kernel: Kernel) -> None:
    leave_root(kernel, 1000)
    with pytest.raises(PermissionError):
        leave_root(kernel, 1001)


def test_a_refusal_says_by_which_rule(machine: Machine) -> None:
    machine.spawn(leave_root_twice)
    machine.run()
    assert [event.row.id for event in machine.events if event.errno] == ["setgroups.eperm.unprivileged"]
