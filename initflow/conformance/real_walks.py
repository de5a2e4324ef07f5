"""The walks of `sequences` on the real kernel."""

import gc
from functools import partial

from initflow.conformance.scratch import FRESH
from initflow.conformance.sequences import Path, begin
from kernelapi.flags import Signal
from kernelapi.kernel import Kernel
from kernelapi.testing import linux
from kernelapi.testing.case import Case, read_all

DEADLINE = 600.0
"""Seconds that a walk may take."""


def really(start: str, task: str, path: Path, depth: int) -> bytes:
    """What a walk writes; or why it could not be walked. The caller is root."""
    report = linux.run(Case(partial(_collect, start=start, task=task, path=path, depth=depth)), DEADLINE)
    written: bytes = report.failure.encode() if report.value is None else report.value
    return written


def _collect(kernel: Kernel, start: str, task: str, path: Path, depth: int) -> bytes:
    gc.freeze()  # what the collector does not touch, processes share
    gc.disable()
    reader, writer = kernel.pipe2(0)
    pid = kernel.clone(FRESH | Signal.CHLD, begin, start, task, path, depth, writer)
    kernel.close(writer)
    written = read_all(kernel, reader)
    kernel.wait4(pid)
    return written
