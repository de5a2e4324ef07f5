"""What plays the cases on the real kernel: in time, completely, and leaving nothing behind, whoever is killed in between."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fakekernel import subject
from fakekernel.machine import Machine
from fakekernel.profile import HostProfile
from kernelapi.capability import FULL, Cap, CapSet
from kernelapi.flags import Clock, CloneFlag, Signal
from kernelapi.ids import Fd, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing import Case, Report, expect, linux
from kernelapi.testing.stage import write_file

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
    assert (report.lacking, report.passed, report.failure) == (Cap.SYS_TIME, False, "")
    assert subject.run(Case(passes, needs=Cap.SYS_TIME)).passed


def _without_chown(case: Case) -> Any:
    """Run `case` in a process that has given up CAP_CHOWN."""
    from kernelapi.linux.kernel import linux as real
    from kernelapi.values import CapData

    kernel = real()
    caps = kernel.capget(Pid(0))
    kernel.capset(Pid(0), CapData(caps.effective - CapSet.of(Cap.CHOWN), caps.permitted, caps.inheritable))
    return linux.run(case)


@pytest.mark.privileged
def test_the_same_on_the_real_kernel() -> None:
    pid = os.fork()
    if pid == 0:
        try:
            report = _without_chown(Case(finds_a_fault, needs=Cap.CHOWN))
            os._exit(0 if (report.lacking, report.passed, report.failure) == (Cap.CHOWN, False, "") else 1)
        finally:
            os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0


# -- nothing stays --


def processes() -> set[int]:
    """Those that descend from this one, and those that a descendant may have left to the first process or a subreaper."""
    return {int(name) for name in os.listdir("/proc") if name.isdigit() and _is_ours(int(name))}


def _is_ours(pid: int) -> bool:
    """Whether a process carries the mark that `marked` puts into the environment, which every fork inherits."""
    try:
        return MARK.encode() in Path(f"/proc/{pid}/environ").read_bytes() and pid != os.getpid()
    except OSError:
        return False


MARK = f"INITFLOW_TEST_MARK={os.getpid()}"


def world() -> tuple[object, ...]:
    """The mounts, the interfaces, the names and the control groups of this host."""
    groups = {str(path) for path in Path("/sys/fs/cgroup").glob("**/*") if path.is_dir() and "initflow" in path.name}
    return Path("/proc/self/mountinfo").read_text(), sorted(os.listdir("/sys/class/net")), os.uname(), groups


def until(what: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.005)
    return what()


PLAYER = """
import sys
sys.path[:0] = {path!r}
from tests import test_harness
test_harness.play_for_ever({name!r}, {file!r})
"""


def play_for_ever(name: str, file: str) -> None:
    while True:
        linux.run(Case(globals()[name], tree=name != "passes"), cleanup=partial(Path(file).unlink, missing_ok=True))


def marked(name: str, file: Path) -> "subprocess.Popen[bytes]":
    code = PLAYER.format(path=[str(Path(__file__).parent.parent)], name=name, file=str(file))
    key, value = MARK.split("=")
    return subprocess.Popen([sys.executable, "-c", code], env={**os.environ, key: value}, stderr=subprocess.DEVNULL)


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
        for name, deadline in (("passes", 10.0), ("is_killed", 10.0), ("sleeps", 0.3)):
            linux.run(Case(partial(leaves_a_file, path=str(file), name=name)), deadline, cleanup=file.unlink)
            assert not file.exists()

    def test_what_cannot_be_cleared_away_is_said(self) -> None:
        assert linux.run(Case(passes), cleanup=partial(os.rmdir, "/nowhere")).failure.startswith("what it left could not")

    @pytest.mark.parametrize("name", ["passes", "sleeps_stubbornly"])
    def test_when_the_caller_is_killed_at_any_moment(self, name: str, tmp_path: Path) -> None:
        file = tmp_path / "left"
        before = world()
        moments = random.Random(name)
        for _ in range(12):
            player = marked(name, file)
            assert until(lambda: len(processes()) > 1)
            time.sleep(moments.uniform(0, 0.08))
            player.kill()
            player.wait()
            assert until(lambda: not processes()), [Path(f"/proc/{pid}/status").read_text() for pid in processes()]
            assert not file.exists()
        assert world() == before

    def test_when_all_but_the_init_are_killed_at_any_moment(self, tmp_path: Path) -> None:
        moments = random.Random(1)
        for _ in range(12):
            player = marked("sleeps_stubbornly", tmp_path / "left")
            assert until(lambda: len(processes()) > 1)
            time.sleep(moments.uniform(0, 0.08))
            keepers = children(player.pid)
            for pid in [player.pid, *keepers]:
                os.kill(pid, signal.SIGKILL)
            player.wait()
            assert until(lambda: not processes()), [Path(f"/proc/{pid}/status").read_text() for pid in processes()]

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


def children(pid: int | None = None) -> list[int]:
    """The children of a process, by default of this one."""
    pid = os.getpid() if pid is None else pid
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
