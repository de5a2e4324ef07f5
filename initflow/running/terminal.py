"""The caller's terminal while a container has one of its own: raw, of the same size, and restored whatever happens."""

import contextlib
import fcntl
import os
import signal
import termios
import tty

EOT = b"\x04"
"""What ends the input on a terminal in its usual mode (termios(3), VEOF)."""

CHUNK = 65536


class Relay:
    """Copies between the caller's streams and `master`, the other side of the container's terminal.

    `sources` and `sinks` are the descriptors to wait for, until they can be read or written; then `take` and `give`.
    """

    def __init__(self, master: int, stdin: int = 0, stdout: int = 1) -> None:
        self.master = master
        self.stdin = stdin
        self.stdout = stdout
        self._pending = b""  # input that the container has not taken yet
        self._at_end = False  # of the caller's input
        self._in_line = False  # and whether it stands in the middle of a line
        self._is_open = True  # the container's terminal
        os.set_blocking(master, False)
        self._restorer = _Restorer(stdin) if os.isatty(stdin) else None
        self.resize()
        if self._restorer is not None:
            tty.setraw(stdin, termios.TCSANOW)

    @property
    def sources(self) -> list[int]:
        reads_input = not self._at_end and not self._pending
        return [*((self.stdin,) if reads_input else ()), *((self.master,) if self._is_open else ())]

    @property
    def sinks(self) -> list[int]:
        return [self.master] if self._pending and self._is_open else []

    @property
    def restorer(self) -> int | None:
        """The process that restores the caller's terminal."""
        return None if self._restorer is None else self._restorer.pid

    def resize(self) -> None:
        """Give the container's terminal the size of the caller's. Without one it has none."""
        if os.isatty(self.stdin):
            with contextlib.suppress(OSError):
                fcntl.ioctl(self.master, termios.TIOCSWINSZ, fcntl.ioctl(self.stdin, termios.TIOCGWINSZ, bytes(8)))

    def take(self, source: int) -> None:
        """Read what there is. Output is passed on at once, input by `give`."""
        if source == self.master:
            _write(self.stdout, self._read_output())
            return
        try:
            data = os.read(self.stdin, CHUNK)
        except OSError:
            data = b""
        self._at_end = not data
        if data:
            self._in_line = not data.endswith(b"\n")
        self._pending += data or EOT * (1 + self._in_line)  # the first one only ends a line that is begun
        self.give()

    def give(self) -> None:
        """Write as much of the pending input as the container's terminal takes."""
        try:
            self._pending = self._pending[os.write(self.master, self._pending) :]
        except BlockingIOError:
            pass
        except OSError:  # nobody is there to read it
            self._pending = b""

    def finish(self) -> None:
        """Pass on what is left of the container's output, and leave the caller's terminal as it was."""
        while data := self._read_output():
            _write(self.stdout, data)
        os.close(self.master)
        if self._restorer is not None:
            self._restorer.restore()

    def _read_output(self) -> bytes:
        try:
            return os.read(self.master, CHUNK)
        except BlockingIOError:
            return b""
        except OSError:  # EIO: nobody has the container's terminal open any more
            self._is_open = False
            return b""


class _Restorer:
    """A process that restores a terminal when its maker lets go of it, or is gone."""

    def __init__(self, terminal: int) -> None:
        mode = termios.tcgetattr(terminal)
        reader, self.lifeline = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # SIGTTOU too: it is in the background then
                os.close(self.lifeline)
                os.read(reader, 1)
                termios.tcsetattr(terminal, termios.TCSAFLUSH, mode)
                status = 0
            finally:
                os._exit(status)
        os.close(reader)

    def restore(self) -> None:
        os.close(self.lifeline)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _write(fd: int, data: bytes) -> None:
    """Write all of it. A reader that is gone is no reason to stop."""
    with contextlib.suppress(OSError):
        while data:
            data = data[os.write(fd, data) :]
