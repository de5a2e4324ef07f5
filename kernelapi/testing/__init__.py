"""The conformance suite: laws of Linux that any implementation of the protocol can be given, without a test framework.

An implementation is a `Kernel`, and a way to start a process on it whose root has all capabilities, with one descriptor:

    def test_my_kernel_keeps_the_laws():
        for case in all_cases():
            mine = MyMachine()
            mine.start(play, case, BUSYBOX, fd)  # play(kernel, case, BUSYBOX, fd), as a process; fd leads to mine.written
            mine.run()
            report = Report.of(mine.written)
            assert report.passed or report.lacking, f"{case.name}: {report.failure}"

`kernelapi.testing.linux.run(case)` is that for the real kernel, `fakekernel.subject.run(case)` for the simulated one.
A case of your own is a module-level function of a kernel with `@case` above it: docs/conformance.md.
"""

from kernelapi.testing.case import Broken, Case, Report, case, errno_of, expect, in_child, read_all, refused
from kernelapi.testing.cases import all_cases
from kernelapi.testing.stage import play, run_case

__all__ = [
    "Case", "Report", "all_cases", "play", "run_case",
    "Broken", "case", "errno_of", "expect", "in_child", "read_all", "refused",
]  # fmt: skip
