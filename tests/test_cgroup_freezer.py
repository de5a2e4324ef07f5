"""The freezer of version 1, and what becomes of signals to who is frozen: laws of both kernels."""

from errno import EINVAL, ENOENT

from fakekernel.machine import Machine
from fakekernel.scheduler import Waiting
from kernelapi.flags import CloneFlag, OpenFlag, Signal, WaitFlag
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.testing.case import errno_of, expect, read_all, refused
from tests.cgroup_laws import (
    BASE,
    Laws,
    accept,
    at,
    letter,
    make,
    read,
    start,
    stop,
    wait_for_ever,
    wait_until,
    write,
)

law = Laws()


@law("freezer")
def the_state_of_a_freezer_is_frozen_or_thawed(kernel: Kernel) -> None:
    path = make(kernel, "freezer")
    accept(
        kernel,
        f"{path}/freezer.state",
        (("FREEZING", EINVAL, "THAWED\n"), ("frozen", EINVAL, "THAWED\n"), ("", 0, "THAWED\n"), (" FROZEN\n", 0, "FROZEN\n"),
         ("x", EINVAL, "FROZEN\n"), ("THAWED", 0, "THAWED\n")),
    )  # fmt: skip
    refused(ENOENT, kernel.stat, f"{BASE}/freezer/freezer.state")
    below = make(kernel, "freezer", "below")
    flags = ("self_freezing", "parent_freezing", "state")
    for directory, text, wanted in (
        (path, "FROZEN", ["0\n", "1\n", "FROZEN\n"]),
        (below, "THAWED", ["0\n", "1\n", "FROZEN\n"]),
        (below, "FROZEN", ["1\n", "1\n", "FROZEN\n"]),
        (path, "THAWED", ["1\n", "0\n", "FROZEN\n"]),
        (below, "THAWED", ["0\n", "0\n", "THAWED\n"]),
    ):
        write(kernel, f"{directory}/freezer.state", text)
        expect(f"after {text}", [read(kernel, f"{below}/freezer.{flag}") for flag in flags], wanted)
    write(kernel, f"{path}/freezer.state", "FROZEN")
    expect("one made below", read(kernel, f"{make(kernel, 'freezer', 'late')}/freezer.state"), "FROZEN\n")
    write(kernel, f"{path}/freezer.state", "THAWED")


def set_state(kernel: Kernel, path: str, state: str) -> None:
    write(kernel, f"{path}/freezer.state", state)
    wait_until(kernel, lambda: read(kernel, f"{path}/freezer.state") == f"{state}\n")


@law("freezer")
def a_signal_to_a_frozen_process_waits_for_the_thaw(kernel: Kernel) -> None:
    path, pid = make(kernel, "freezer"), start(kernel)
    write(kernel, f"{path}/cgroup.procs", f"{pid}")
    set_state(kernel, path, "FROZEN")
    expect("as ps shows it", letter(kernel, pid), "D")
    kernel.kill(pid, Signal.KILL)
    kernel.clock_nanosleep(1, 0, 20_000_000)
    expect("not dead", kernel.wait4(pid, WaitFlag.NOHANG), (0, 0))
    expect("still a member", read(kernel, f"{path}/cgroup.procs"), f"{pid}\n")
    set_state(kernel, path, "THAWED")
    expect("dead", kernel.wait4(pid), (pid, Signal.KILL))
    kernel.rmdir(path)


@law("freezer")
def a_frozen_process_does_nothing(kernel: Kernel) -> None:
    path = make(kernel, "freezer")
    reader, writer = kernel.pipe2(OpenFlag.NONBLOCK)
    pid = kernel.clone(Signal.CHLD, tick, writer)
    kernel.close(writer)
    wait_until(kernel, lambda: errno_of(kernel.read, reader, 100) == 0)
    write(kernel, f"{path}/freezer.state", "FROZEN")
    write(kernel, f"{path}/cgroup.procs", f"{pid}")  # joining freezes
    wait_until(kernel, lambda: read(kernel, f"{path}/freezer.state") == "FROZEN\n")
    errno_of(kernel.read, reader, 65536)  # what it had still written
    kernel.clock_nanosleep(1, 0, 50_000_000)
    expect("silence", errno_of(kernel.read, reader, 100) != 0, True)
    write(kernel, f"{BASE}/freezer/cgroup.procs", f"{pid}")  # leaving thaws
    wait_until(kernel, lambda: errno_of(kernel.read, reader, 100) == 0)
    stop(kernel, pid)


def tick(kernel: Kernel, writer: Fd) -> None:
    while True:
        kernel.write(writer, b".")
        kernel.clock_nanosleep(1, 0, 5_000_000)


@law("freezer")
def a_stop_comes_with_the_thaw(kernel: Kernel) -> None:
    path, pid = make(kernel, "freezer"), start(kernel)
    write(kernel, f"{path}/cgroup.procs", f"{pid}")
    set_state(kernel, path, "FROZEN")
    kernel.kill(pid, Signal.STOP)
    kernel.clock_nanosleep(1, 0, 20_000_000)
    expect("not stopped", kernel.wait4(pid, WaitFlag.NOHANG | WaitFlag.UNTRACED), (0, 0))
    set_state(kernel, path, "THAWED")
    expect("stopped", kernel.wait4(pid, WaitFlag.UNTRACED), (pid, Signal.STOP << 8 | 0x7F))
    set_state(kernel, path, "FROZEN")
    kernel.kill(pid, Signal.KILL)
    set_state(kernel, path, "THAWED")
    expect("killed when stopped and frozen", kernel.wait4(pid), (pid, Signal.KILL))


@law("freezer")
def the_init_of_a_namespace_waits_for_its_frozen_members(kernel: Kernel) -> None:
    path = make(kernel, "freezer")
    reader, writer = kernel.pipe2(0)
    init = kernel.clone(Signal.CHLD | CloneFlag.NEWPID, init_with_frozen_child, path, writer)
    kernel.close(writer)
    read_all(kernel, reader)
    kernel.kill(init, Signal.KILL)
    kernel.clock_nanosleep(1, 0, 20_000_000)
    expect("init is not dead", kernel.wait4(init, WaitFlag.NOHANG), (0, 0))
    set_state(kernel, path, "THAWED")
    expect("now it is", kernel.wait4(init), (init, Signal.KILL))


def init_with_frozen_child(kernel: Kernel, path: str, ready: Fd) -> None:
    reader, writer = kernel.pipe2(0)
    pid = kernel.clone(Signal.CHLD, close_and_wait, ready, writer)
    kernel.close(writer)
    read_all(kernel, reader)  # it has no end of a pipe left
    write(kernel, f"{path}/cgroup.procs", f"{pid}")
    set_state(kernel, path, "FROZEN")
    kernel.close(ready)
    wait_for_ever(kernel)


def close_and_wait(kernel: Kernel, *fds: Fd) -> None:
    for fd in fds:
        kernel.close(fd)
    wait_for_ever(kernel)


# -- playing the laws --

test_the_simulated_kernel_keeps_the_law = law.simulated()
test_the_real_kernel_keeps_the_law = law.real()


# -- the simulated kernel alone --


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
