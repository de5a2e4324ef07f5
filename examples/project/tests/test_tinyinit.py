"""The laws of the init, each on the simulated kernel and on the real one: the test itself is a process of it, and root."""

import pytest
from tinyinit import leave_root, start, supervise

from kernelapi import Kernel, Pid, Signal


def test_who_has_left_root_cannot_come_back(kernel: Kernel) -> None:
    leave_root(kernel, 1000)
    assert kernel.getresuid() == (1000, 1000, 1000)
    assert kernel.getgroups() == ()
    with pytest.raises(PermissionError):
        kernel.setuid(0)
    assert not kernel.capget(Pid(0)).permitted


@pytest.mark.kernel_stage(tree=True)
@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (("/bin/true",), 0),
        (("/bin/sh", "-c", "exit 3"), 3),
        (("/bin/sh", "-c", "kill -9 $$"), -9),
        (("/bin/nothing",), 127),
    ],
)
def test_it_ends_as_the_program_did(kernel: Kernel, argv: tuple[str, ...], status: int) -> None:
    assert supervise(kernel, start, 1000, argv) == status


def leave_an_orphan(kernel: Kernel) -> int:
    kernel.clone(Signal.CHLD, end_later)
    return 5


def end_later(kernel: Kernel) -> int:
    kernel.clock_nanosleep(1, 0, 20_000_000)
    return 7


def test_an_orphan_is_waited_for_and_its_status_is_nobodys(kernel: Kernel) -> None:
    assert supervise(kernel, leave_an_orphan) == 5
    with pytest.raises(ChildProcessError):
        kernel.wait4(Pid(-1))
