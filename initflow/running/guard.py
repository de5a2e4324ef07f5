"""The guard: it stands outside the flow, starts its parent, and leaves nothing behind.

The original leaves it to each process to die with its parent, and to the parent to take away what it has made on the host:
where one is killed, or loses its parent death signal, a container goes on without anybody to know of it. The guard is the
subreaper of them all. Whoever is killed, it ends the others, and takes away the cgroups and links of the host. If it is killed
itself, the parent dies with it, and the next run clears up (`leftovers`).
"""

import contextlib
import ctypes
import fcntl
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import msgspec

from initflow.running import processes
from initflow.running.launch import CONTROL, Launch, News
from initflow.running.leftovers import Directory
from initflow.running.terminal import Relay
from kernelapi.errors import ModelError

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
"""The signals that are passed on to the container's init."""

INSISTENT = 3
"""So many of SIGINT or SIGTERM in all end the container: its init, of a pid namespace of its own, need not listen to any."""

PATIENCE = 10.0
KILLED = 128
ROOM = 4096

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

_libc = ctypes.CDLL(None, use_errno=True)


def guard(launch: Launch, directory: Directory) -> int:
    """Run the flow to its end, and clear away what is left of it; the exit status for the caller.

    Raises `OSError` where the flow cannot be started. What cannot be cleared away is said on standard error.
    """
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    signals = _Signals()
    parent = _start(_die_with_the_guard, launch, theirs)
    watch = _Watch(directory, ours, signals, parent)
    try:
        status = watch.until_the_parent_ends()
    finally:
        ended = watch.end_all()
        problems = directory.clear()
        if not ended:
            problems.insert(0, "processes that do not end")
        signals.restore()
    for problem in problems:
        print(f"initflow: left behind: {problem} (see {directory.path})", file=sys.stderr)
    return status


def run_unguarded(launch: Launch, directory: Directory) -> int:
    """Run the flow as the original does: whoever is killed leaves behind what it leaves. The exit status for the caller."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    signals = _Signals()
    watch = _Watch(directory, ours, signals, _start(_live_on, launch, theirs))
    try:
        status = watch.until_the_parent_ends()
        directory.remove()
        return status
    finally:
        if watch.relay is not None:
            watch.relay.finish()
        signals.restore()


class _Watch:
    """What goes on outside the flow while the parent runs: signals and terminal are passed on, and it is told what is made."""

    def __init__(self, directory: Directory, control: socket.socket, signals: "_Signals", parent: int) -> None:
        self.directory = directory
        self.control = control
        self.signals = signals
        self.parent = parent
        self.init: int | None = None  # a descriptor of it
        self.relay: Relay | None = None
        self.asked = 0  # how often the container was asked to end
        self.listening = True

    def until_the_parent_ends(self) -> int:
        """Serve everybody until the parent has ended: its exit status."""
        while True:
            status = self._reap()
            if status is not None:
                if self.listening:
                    self._hear_all()
                return status
            relay = self.relay
            sources = [self.signals.reader, *((self.control,) if self.listening else ()), *(relay.sources if relay else ())]
            readable, writable, _ = select.select(sources, relay.sinks if relay else (), ())
            for ready in readable:
                if ready == self.signals.reader:
                    self._pass_on(self.signals.taken())
                elif ready is self.control:
                    self._hear()
                elif relay is not None:
                    relay.take(ready)
            if writable and relay is not None:
                relay.give()

    def end_all(self) -> bool:
        """End everybody that is left, and give the caller's terminal back: whether all have ended."""
        if self.relay is None:
            return processes.end_all_children(PATIENCE)
        try:
            return processes.end_all_children(PATIENCE, spared=self.relay.restorer)
        finally:
            self.relay.finish()

    def _reap(self) -> int | None:
        """Take in who has ended; the parent's exit status, if it is among them."""
        found = None
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid == self.parent:
                    found = os.waitstatus_to_exitcode(status)
                    if found < 0:
                        name = signal.Signals(-found).name
                        print(f"initflow: the runtime was killed by {name}: the container was ended", file=sys.stderr)
                        found = KILLED - found
        return found

    def _hear_all(self) -> None:
        while select.select((self.control,), (), (), 0)[0] and self.listening:
            self._hear()

    def _hear(self) -> None:
        data, fds, _, _ = socket.recv_fds(self.control, ROOM, 1)
        if not data:
            self.listening = False
            return
        news = msgspec.json.decode(data, type=News)
        notes = self.directory.notes
        if news.terminal:
            self.relay = Relay(fds[0])
        notes.links += news.links
        if news.child and self.init is None:
            self._get_to_know(news.child)
        if news.child or news.links:
            self.directory.save()

    def _get_to_know(self, pid: int) -> None:
        """Note who init is, if it is still there: by now, its pid may be that of somebody else."""
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        identity, number = processes.identify(pid), processes.mount_namespace(pid)
        if processes.parent(pid) != self.parent or processes.has_ended(pidfd):
            os.close(pidfd)
            return
        self.init = pidfd
        self.directory.notes.init = identity
        self.directory.notes.mount_namespace = number if number != processes.mount_namespace("self") else 0

    def _pass_on(self, numbers: bytes) -> None:
        for number in numbers:
            if number == signal.SIGWINCH:
                if self.relay is not None:
                    self.relay.resize()
            elif number in FORWARDED:
                self.asked += number in (signal.SIGINT, signal.SIGTERM)
                self._signal(signal.SIGKILL if self.asked >= INSISTENT else number)

    def _signal(self, number: int) -> None:
        """Send a signal to init; before there is one, the parent gets it."""
        with contextlib.suppress(ProcessLookupError):
            if self.init is not None:
                signal.pidfd_send_signal(self.init, number)
            else:
                os.kill(self.parent, number)


class _Signals:
    """Signals as bytes to read: what came, by number."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        for end in (self.reader, self.writer):
            os.set_blocking(end, False)
        self.previous = {number: signal.signal(number, _wake) for number in (*FORWARDED, signal.SIGWINCH, signal.SIGCHLD)}
        signal.set_wakeup_fd(self.writer, warn_on_full_buffer=False)

    def taken(self) -> bytes:
        return os.read(self.reader, ROOM)

    def restore(self) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self.previous.items():
            signal.signal(number, handler)
        os.close(self.reader)
        os.close(self.writer)


def _wake(number: int, frame: FrameType | None) -> None:
    """The byte in the pipe says it all."""


def _start(begin: Callable[[int], bool], launch: Launch, control: socket.socket) -> int:
    """Fork the parent of the flow: with the caller's streams, default signals, no descriptor of ours but the control.

    `begin(pid of the caller)` is the first that it does, and says whether it may go on.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    own = os.getpid()
    pid = os.fork()
    if pid:
        control.close()
        return pid
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)  # the terminal's signals are the guard's to pass on
        if begin(own):
            status = launch.main(_alone(control))
    except ModelError as error:
        print(f"initflow: {error}", file=sys.stderr, flush=True)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(status)


def _die_with_the_guard(guard: int) -> bool:
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    return os.getppid() == guard


def _live_on(caller: int) -> bool:
    return True


def _alone(control: socket.socket) -> socket.socket:
    """The control, on a descriptor out of the way of those that a flow counts on; all others of ours are closed, as by exec."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = CONTROL if soft == resource.RLIM_INFINITY else min(CONTROL, soft - 1)
    number = fcntl.fcntl(control.detach(), fcntl.F_DUPFD_CLOEXEC, lowest)
    for fd in map(int, os.listdir("/proc/self/fd")):
        with contextlib.suppress(OSError):  # that of the list itself is gone
            if fd != number and not os.get_inheritable(fd):
                os.close(fd)
    return socket.socket(fileno=number)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
