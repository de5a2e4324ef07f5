"""What plays the cases on the real kernel: in time, completely, and leaving nothing behind, whoever is killed in between."""

import errno
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from fakekernel import subject
from fakekernel.machine import Machine
from fakekernel.profile import HostProfile
from kernelapi.capability import FULL, Cap, CapSet
from kernelapi.flags import Clock, CloneFlag, Signal
from kernelapi.ids import Pid
from kernelapi.kernel import Kernel
from kernelapi.linux.kernel import linux as real
from kernelapi.testing import Case, Report, expect, linux
from kernelapi.testing.stage import write_file
from kernelapi.values import CapData

SECOND = 10**9


def passes(kernel: Kernel) -> None:
    expect("the number of the case", kernel.getpid(), 2)


def finds_a_fault(kernel: Kernel) -> None:
    expect("one", 1, 2)


def lets_an_error_pass(kernel: Kernel) -> None:
    kernel.chdir("/nowhere")


def is_killed(kernel: Kernel) -> None:
    kernel.kill(kernel.getpid(), Signal.KILL)


def kills_everybody(kernel: Kernel) -> None:
    kernel.kill(0, Signal.KILL)
    is_killed(kernel)


def sleeps(kernel: Kernel) -> None:
    kernel.clock_nanosleep(Clock.MONOTONIC, 0, 600 * SECOND)


def sleeps_stubbornly(kernel: Kernel) -> None:
    """With children that ignore what can be ignored, in sessions and pid namespaces of their own, some of them orphans."""
    for number in (Signal.TERM, Signal.HUP, Signal.INT):
        kernel.rt_sigaction(number, 1)
    kernel.sethostname("left")
    kernel.mount("left", "/tmp", "tmpfs", 0, "")
    kernel.clone(Signal.CHLD, has_a_session)
    kernel.clone(Signal.CHLD | CloneFlag.NEWPID | CloneFlag.NEWNET | CloneFlag.NEWNS, has_a_session)
    sleeps(kernel)


def has_a_session(kernel: Kernel) -> None:
    kernel.setsid()
    kernel.clone(Signal.CHLD, sleeps)
    if kernel.getpid() == 1:
        sleeps(kernel)


def leaves_orphans(kernel: Kernel) -> None:
    kernel.wait4(kernel.clone(Signal.CHLD, has_a_session))


def leaves_a_file(kernel: Kernel, path: str, name: str) -> None:
    write_file(kernel, path, b"")
    globals()[name](kernel)


# -- both kernels --


@pytest.mark.parametrize("run", [subject.run, pytest.param(linux.run, marks=pytest.mark.privileged)], ids=["simulated", "real"])
class TestReports:
    def test_of_a_case_that_passes(self, run: Callable[[Case], Report]) -> None:
        assert run(Case(passes)) == Report()
        assert run(Case(passes, tree=True)).passed

    def test_of_what_a_case_found(self, run: Callable[[Case], Report]) -> None:
        report = run(Case(finds_a_fault))
        assert (report.passed, report.failure) == (False, "one: expected 2, found 1")

    def test_of_an_error_that_a_case_let_pass(self, run: Callable[[Case], Report]) -> None:
        report = run(Case(lets_an_error_pass))
        line = lets_an_error_pass.__code__.co_firstlineno + 1
        assert report.errno == errno.ENOENT
        assert report.failure == f"an unexpected ENOENT in lets_an_error_pass, test_harness.py:{line}"

    def test_of_a_case_that_was_killed(self, run: Callable[[Case], Report]) -> None:
        for law in (is_killed, kills_everybody):
            assert run(Case(law)).failure.startswith("ended without a report")


def test_a_case_that_needs_more_than_the_host_has_is_not_played() -> None:
    machine = Machine(HostProfile(bounding=FULL - CapSet.of(Cap.SYS_TIME)))
    report = subject.run(Case(finds_a_fault, needs=Cap.SYS_TIME), machine)
    assert (report.lacking, report.passed, report.failure) == ("CAP_SYS_TIME", False, "")
    assert subject.run(Case(passes, needs=Cap.SYS_TIME)).passed


@pytest.mark.privileged
def test_nor_on_the_real_kernel() -> None:
    pid = os.fork()
    if pid == 0:
        try:
            kernel = real()
            caps = kernel.capget(Pid(0))
            kernel.capset(Pid(0), CapData(caps.effective - CapSet.of(Cap.CHOWN), caps.permitted, caps.inheritable))
            report = linux.run(Case(finds_a_fault, needs=Cap.CHOWN))
            os._exit(0 if (report.lacking, report.passed, report.failure) == ("CAP_CHOWN", False, "") else 1)
        finally:
            os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0


# -- nothing stays --


def world() -> tuple[object, ...]:
    """The mounts, the interfaces, the names and our control groups of this host."""
    groups = sorted(map(str, Path("/sys/fs/cgroup").glob("**/*initflow*/")))
    return Path("/proc/self/mountinfo").read_text(), sorted(os.listdir("/sys/class/net")), os.uname(), groups


strangers: set[int] = set()
"""Children of this process that other tests have left, such as the trackers of multiprocessing."""


@pytest.fixture(autouse=True)
def _know_strangers() -> Iterator[None]:
    strangers.update(children())
    yield
    strangers.clear()


def children(pid: int | None = None) -> list[int]:
    """The children of a process, by default of this one: those that a test has made."""
    pid = os.getpid() if pid is None else pid
    try:
        found = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    except FileNotFoundError:
        return []
    return [child for child in found if child not in strangers]


def until(what: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not what():
        time.sleep(0.002)
    return what()


@pytest.fixture
def heir() -> Iterator[None]:
    """Whoever loses its parent in this test becomes a child of this process: when that has none, nobody is left."""
    kernel = real()
    kernel.prctl_set_child_subreaper(1)
    yield
    kernel.prctl_set_child_subreaper(0)
    for pid in children():
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def all_gone() -> bool:
    for pid in children():
        os.waitpid(pid, os.WNOHANG)
    return not children()


def player(name: str, file: Path) -> int:
    """Start a process that plays a case for ever. What the case makes on the host is `file`."""
    pid = os.fork()
    if pid == 0:
        try:
            case = Case(partial(leaves_a_file, path=str(file), name=name))
            while True:
                linux.run(case, cleanup=partial(file.unlink, missing_ok=True))
        finally:
            os._exit(1)
    return pid


@pytest.mark.privileged
class TestNothingStays:
    def test_of_a_case_that_does_not_end(self, tmp_path: Path) -> None:
        before, started = world(), time.monotonic()
        report = linux.run(Case(sleeps_stubbornly, tree=True), deadline=0.5)
        assert report.failure == "not over after 0.5 seconds"
        assert time.monotonic() - started < 3
        assert world() == before
        assert not children()

    def test_of_a_case_that_leaves_orphans(self) -> None:
        assert linux.run(Case(leaves_orphans)).passed
        assert not children()

    def test_of_what_a_case_makes_on_the_host(self, tmp_path: Path) -> None:
        file = tmp_path / "left"
        remove = partial(file.unlink, missing_ok=True)
        for name, deadline in (("passes", 10.0), ("is_killed", 10.0), ("sleeps", 0.3)):
            linux.run(Case(partial(leaves_a_file, path=str(file), name=name)), deadline, remove)
            assert not file.exists()

    def test_what_cannot_be_cleared_away_is_said(self) -> None:
        assert linux.run(Case(passes), cleanup=partial(os.rmdir, "/nowhere")).failure.startswith("what it left could not")

    @pytest.mark.usefixtures("heir")
    @pytest.mark.parametrize("name", ["passes", "sleeps_stubbornly"])
    def test_when_the_caller_is_killed_at_any_moment(self, name: str, tmp_path: Path) -> None:
        before, moments = world(), random.Random(name)
        for _ in range(25):
            pid = player(name, tmp_path / "left")
            time.sleep(moments.uniform(0, 0.06))
            os.kill(pid, signal.SIGKILL)
            assert until(all_gone)
            assert not list(tmp_path.iterdir())
        assert world() == before

    @pytest.mark.usefixtures("heir")
    def test_when_the_keeper_is_killed_too(self, tmp_path: Path) -> None:
        before, moments = world(), random.Random(1)
        for _ in range(25):
            pid = player("sleeps_stubbornly", tmp_path / "left")
            assert until(lambda: bool(children(pid)))  # noqa: B023 - called here
            time.sleep(moments.uniform(0, 0.06))
            for victim in (pid, *children(pid)):
                os.kill(victim, signal.SIGKILL)
            assert until(all_gone)
        assert world() == before

    def test_when_the_caller_is_interrupted(self) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        old = signal.signal(signal.SIGALRM, interrupt)
        left = signal.setitimer(signal.ITIMER_REAL, 0.3)
        try:
            with pytest.raises(KeyboardInterrupt):
                linux.run(Case(sleeps_stubbornly, tree=True))
        finally:
            signal.signal(signal.SIGALRM, old)
            signal.setitimer(signal.ITIMER_REAL, *left)
        assert not children()
