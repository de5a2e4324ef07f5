"""Playing cases on the real kernel: below a process of their own, under a deadline, gone when it is over."""

import os
import pickle
import select
import signal
import sys
import time
from pathlib import Path

from kernelapi.ids import Fd
from kernelapi.linux.kernel import linux
from kernelapi.testing.case import Case, Report
from kernelapi.testing.stage import play

DEADLINE = 20.0
"""Seconds after which a case is ended."""

BUSYBOX = ("/bin/busybox", "/usr/bin/busybox")


def busybox() -> bytes:
    """The statically linked busybox of the host. Raises `FileNotFoundError` where there is none."""
    for path in BUSYBOX:
        if Path(path).is_file():
            return Path(path).read_bytes()
    raise FileNotFoundError(f"no busybox at {' or '.join(BUSYBOX)}")


def run(case: Case, deadline: float = DEADLINE) -> Report:
    """Play one case on the real kernel. The caller must be root and single-threaded."""
    executable = busybox() if case.tree else b""
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    stage = os.fork()
    if stage == 0:
        _play(case, executable, reader, writer)
    os.close(writer)
    try:
        data = _read(reader, time.monotonic() + deadline)
    finally:
        os.close(reader)
        os.kill(stage, signal.SIGKILL)  # its init dies with it, and with that all the rest
        os.waitpid(stage, 0)
    if data is None:
        return Report(broken=f"not over after {deadline:g} seconds")
    if not data:
        return Report(broken="ended without a report")
    outcome: Report = pickle.loads(data)
    return outcome


def _play(case: Case, executable: bytes, reader: int, writer: int) -> None:
    try:
        os.close(reader)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        kernel = linux()
        kernel.prctl_set_pdeathsig(signal.SIGKILL)
        play(kernel, case, executable, Fd(writer))
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def _read(reader: int, deadline: float) -> bytes | None:
    """What is written until the writers are gone; None if that takes too long."""
    data = b""
    while (left := deadline - time.monotonic()) > 0:
        if select.select([reader], [], [], left)[0]:
            chunk = os.read(reader, 65536)
            if not chunk:
                return data
            data += chunk
    return None
