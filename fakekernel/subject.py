"""Playing cases of the conformance suite on the simulated kernel."""

import pickle

from fakekernel.machine import Machine
from kernelapi.flags import OpenFlag
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.testing.case import Case, Report
from kernelapi.testing.stage import play

REPORT = Fd(3)
"""The descriptor to which a case reports."""

CASE = "1.1.1"
"""What the process of a case is called: those above it are the stage's."""


def run(case: Case, machine: Machine | None = None, *, stop_at: int | None = None) -> Report:
    """Play one case on `machine`, by default a new one that checks itself after every call. It is over with `stop_at` calls."""
    machine = Machine(checks=True) if machine is None else machine
    executable = machine.executable("busybox") if case.tree else b""
    _, output = machine.spawn_captured(_start, case, executable)
    standstill = machine.run(stop_at=stop_at)
    machine.close()
    data = machine.captured(output)
    if standstill.hung:
        own = [who for who in standstill.waiting if who.process.startswith(CASE)] or standstill.waiting
        waiting = "; ".join(f"{who.process} in {who.call}: {who.reason}" for who in own)
        return Report(broken=f"hung: {waiting}")
    if not data:
        crashes = "\n".join(process.crash for process in machine.scheduler.ended if process.crash)
        return Report(broken=f"ended without a report {crashes}")
    outcome: Report = pickle.loads(data)
    return outcome


def _start(kernel: Kernel, case: Case, executable: bytes, captured: Fd) -> int:
    """Play `case` with the descriptors that it has on the real kernel: the three standard ones, then that of the report."""
    kernel.dup2(captured, REPORT)
    kernel.close(captured)
    for _ in range(REPORT):
        kernel.open("/dev/null", OpenFlag.RDWR)
    return play(kernel, case, executable, REPORT)
