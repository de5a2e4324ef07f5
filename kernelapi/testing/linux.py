"""Playing cases on the real kernel: under a deadline, and gone when it is over, whatever becomes of the caller.

Between the caller and the stage of the case stands a *keeper*, the subreaper of all that the case makes. It ends the stage at
the deadline and reports only when the last process has been reaped. When the caller dies, be it by SIGKILL, the keeper dies by
its parent death signal, so does the stage, so does the init of the fresh pid namespace, and with that everybody in it. Mounts,
interfaces and names go with their namespaces. Each of the three asks, once it has set its signal, whether its parent was faster.
"""

import os
import pickle
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from kernelapi.ids import Fd
from kernelapi.linux.kernel import linux
from kernelapi.testing.case import Case, Report
from kernelapi.testing.stage import play

DEADLINE = 20.0
"""Seconds after which a case is ended."""

GRACE = 10.0
"""Seconds after the deadline in which the last process must have ended."""

BUSYBOX = ("/bin/busybox", "/usr/bin/busybox")


def busybox() -> bytes:
    """The statically linked busybox of the host. Raises `FileNotFoundError` where there is none."""
    for path in BUSYBOX:
        if Path(path).is_file():
            return Path(path).read_bytes()
    raise FileNotFoundError(f"no busybox at {' or '.join(BUSYBOX)}")


def run(case: Case, deadline: float = DEADLINE) -> Report:
    """Play one case on the real kernel. The caller must be root and single-threaded.

    When it returns, no process of the case is left. Raises `FileNotFoundError` for a case with a tree where there is no busybox.
    """
    executable = busybox() if case.tree else b""
    keeper, reader = _start(_keep, case, executable, deadline)
    try:
        data = _read(reader, deadline + GRACE)
    finally:
        os.close(reader)
        os.kill(keeper, signal.SIGKILL)
        os.waitpid(keeper, 0)
    if data is None:
        return Report(broken=f"some process was not gone {GRACE:g} seconds after the deadline")
    return _report(data)


def _report(data: bytes) -> Report:
    try:
        report: Report = pickle.loads(data)
    except (EOFError, pickle.UnpicklingError):
        return Report(broken="ended without a report")
    return report


def _start(child: Callable[..., None], *args: Any) -> tuple[int, int]:
    """Fork a process that runs `child(*args, writer)` and dies with the caller: its pid, and where to read what it writes."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _be(child, args, parent, writer)
    os.close(writer)
    return pid, reader


def _be(child: Callable[..., None], args: tuple[Any, ...], parent: int, writer: int) -> NoReturn:
    """What a child of `_start` does. It begins alike wherever the tests are started: no handlers, no descriptors of theirs."""
    try:
        linux().prctl_set_pdeathsig(signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.dup2(writer, 3)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        os.chdir("/")
        os.umask(0o022)
        child(*args, 3)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _keep(case: Case, executable: bytes, deadline: float, writer: int) -> None:
    """The keeper: plays the case, ends it at the deadline, and passes its report on when nobody is left."""
    linux().prctl_set_child_subreaper(1)
    stage, reader = _start(_play, case, executable)
    data = _read(reader, deadline)
    if data is None:
        data = pickle.dumps(Report(broken=f"not over after {deadline:g} seconds"))
    os.kill(stage, signal.SIGKILL)  # its init dies with it, and with that all the rest
    _reap()
    with os.fdopen(writer, "wb") as file:
        file.write(data)


def _play(case: Case, executable: bytes, writer: int) -> None:
    play(linux(), case, executable, Fd(writer))


def _reap() -> None:
    """Wait until there is no child, nor any that a dying child leaves to its subreaper."""
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        pass


def _read(reader: int, seconds: float) -> bytes | None:
    """What is written until the writers are gone; None if that takes more than `seconds`."""
    deadline = time.monotonic() + seconds
    data = b""
    while (left := deadline - time.monotonic()) > 0:
        if select.select([reader], [], [], left)[0]:
            chunk = os.read(reader, 65536)
            if not chunk:
                return data
            data += chunk
    return None
