"""Playing cases on the real kernel: under a deadline, and gone when it is over, whatever becomes of the caller.

Between the caller and the stage of the case stands a *keeper*: the subreaper of all that the case makes, in a session of its
own, out of reach of what ends the caller. It ends the stage at the deadline, or when the caller is gone, reaps until nobody is
left, and only then reports. Should the keeper itself be killed, the stage dies by its parent death signal, so does the init of
the fresh pid namespace, and with that everybody in it; each asks, once it has set its signal, whether its parent was faster.
Mounts, interfaces and names go with their namespaces; what else a case makes on the host, its `cleanup` takes away.
"""

import os
import pickle
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from kernelapi.ids import Fd
from kernelapi.linux.base import syscall
from kernelapi.linux.kernel import Linux, linux
from kernelapi.testing import hierarchies
from kernelapi.testing.case import Case, Report
from kernelapi.testing.stage import play

DEADLINE = 20.0
"""Seconds after which a case is ended."""

GRACE = 10
"""Seconds after its end in which the last process of a case must be gone, and what it made be taken away."""

BUSYBOX = ("/bin/busybox", "/usr/bin/busybox")

REPORT = 3
"""The descriptor to which a child of `_fork` writes its report."""

OF_THE_C_LIBRARY = (32, 33)
"""Signals that glibc keeps for its threads: where there has been one, it handles them, and sigaction does not show them."""

NO_HANDLER = bytes(32)
"""struct sigaction: SIG_DFL, no flags, nothing blocked."""

_harness = Linux()  # what the harness asks for itself is no call of a case


def busybox() -> bytes:
    """The statically linked busybox of the host. Raises `FileNotFoundError` where there is none."""
    for path in BUSYBOX:
        if Path(path).is_file():
            return Path(path).read_bytes()
    raise FileNotFoundError(f"no busybox at {' or '.join(BUSYBOX)}")


def nothing() -> None:
    """The `cleanup` of a case that makes nothing outside its namespaces."""


def run(case: Case, deadline: float = DEADLINE, cleanup: Callable[[], None] | None = None) -> Report:
    """Play one case on the real kernel. The caller must be root and single-threaded.

    When it returns, no process of the case is left. Then `cleanup` is run, in a process that outlives the caller; it is run
    before, and again, while some process takes its time. By default it clears away what the case has made in `hierarchies`.
    Raises `FileNotFoundError` for a case with a tree where there is no busybox.
    """
    if missing := [name for name in case.hierarchies if name not in hierarchies.mounted()]:
        return Report(lacking=f"a mount of the hierarchy {' and '.join(missing)}")  # by which to clear away what it makes
    executable = busybox() if case.tree else b""
    if cleanup is None:
        cleanup = hierarchies.clear if case.hierarchies else nothing
    ours, theirs = socket.socketpair()
    keeper = _fork(_keep, theirs, case, executable, deadline, cleanup)
    try:
        data = _read(ours.fileno(), deadline + 2 * GRACE)
    finally:
        ours.close()  # an interrupted caller lets go: the keeper ends what is left
        _wait(keeper, 2 * GRACE)
    return Report.of(data) if data else Report(broken=f"what it left could not be cleared away in {GRACE} seconds")


def _fork(child: Callable[..., None], end: socket.socket, *args: Any) -> int:
    """Fork a process that runs `child(parent, *args)`, with `end` as its descriptor 3 and nothing else of the caller's."""
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _be(child, end.fileno(), (parent, *args))
    end.close()
    return pid


def _be(child: Callable[..., None], end: int, args: tuple[Any, ...]) -> NoReturn:
    """What a child does. It begins alike wherever the tests are started: no handlers, no descriptors of theirs."""
    try:
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        for own in OF_THE_C_LIBRARY:
            syscall("rt_sigaction", own, NO_HANDLER, None, 8)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.dup2(end, REPORT)
        os.closerange(REPORT + 1, os.sysconf("SC_OPEN_MAX"))
        os.chdir("/")
        os.umask(0o022)
        child(*args)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _keep(parent: int, case: Case, executable: bytes, deadline: float, cleanup: Callable[[], None]) -> None:
    """The keeper: plays the case, ends it in time, and passes its report on when nobody is left."""
    os.setsid()
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD,))  # `_reap` takes it
    _harness.prctl_set_child_subreaper(1)
    ours, theirs = socket.socketpair()
    stage = _fork(_play, theirs, case, executable)
    data = _read(ours.fileno(), deadline, caller=REPORT)
    report = Report(broken=f"not over after {deadline:g} seconds") if data is None else Report.of(data)
    os.kill(stage, signal.SIGKILL)  # its init dies with it, and with that all the rest
    signal.alarm(GRACE)
    while not _reap(0.05):
        cleanup()  # it may have to thaw whom it waits for
    cleanup()
    with os.fdopen(REPORT, "wb") as file:
        file.write(pickle.dumps(report))


def _play(keeper: int, case: Case, executable: bytes) -> None:
    """The stage. It waits for the init of the case, and for nothing else."""
    _harness.prctl_set_pdeathsig(signal.SIGKILL)
    if os.getppid() == keeper:
        play(linux(), case, executable, Fd(REPORT))


def _reap(seconds: float) -> bool:
    """Wait until there is no child, nor any that a dying child leaves to its subreaper. Whether that was so in time."""
    deadline = time.monotonic() + seconds
    try:
        while True:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                signal.sigtimedwait((signal.SIGCHLD,), left)
    except ChildProcessError:
        return True


def _wait(pid: int, seconds: float) -> None:
    """Wait for the end of a child; end it if that takes more than `seconds`."""
    process = os.pidfd_open(pid)
    if not select.select([process], [], [], seconds)[0]:
        os.kill(pid, signal.SIGKILL)
    os.close(process)
    os.waitpid(pid, 0)


def _read(reader: int, seconds: float, caller: int | None = None) -> bytes | None:
    """What is written until the writers are gone; None if that takes more than `seconds`.

    It ends early when `caller`, a socket to which nobody writes, is at its end.
    """
    deadline = time.monotonic() + seconds
    data = b""
    watched = [reader] if caller is None else [reader, caller]
    while (left := deadline - time.monotonic()) > 0:
        ready = select.select(watched, [], [], left)[0]
        if caller in ready:
            return data
        if reader in ready:
            chunk = os.read(reader, 65536)
            if not chunk:
                return data
            data += chunk
    return None
