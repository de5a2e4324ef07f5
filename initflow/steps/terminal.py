"""The terminal of the container: standard streams, session, controlling terminal."""

from initflow.flow import step
from initflow.golang import GoError, PathError
from initflow.steps.context import Init
from kernelapi.flags import OpenFlag
from kernelapi.ids import Fd


@step
def open_console(init: Init) -> None:
    """Open the terminal and make it standard input, output and error.

    Before setsid, so that opening it cannot make it a controlling terminal by accident; before the mounts, since its path is
    one of the host. The descriptor that was opened stays open, without close-on-exec.
    """
    if init.console:
        _open_and_dup(init, init.console)


@step
def open_own_console(init: Init) -> None:
    """Open the container's /dev/console and make it standard input, output and error.

    Init is in the new root already: the path of the host means nothing there. It is the setup helper that has bound it.
    """
    if init.console:
        _open_and_dup(init, "/dev/console")


@step
def start_session(init: Init) -> None:
    """Become the leader of a new session.

    Before the controlling terminal: only a session leader without one can take one.
    """
    init.kernel.setsid()


@step
def set_controlling_terminal(init: Init) -> None:
    """Take standard input as the controlling terminal, so that job control and Ctrl-C reach the container."""
    if init.console:
        init.kernel.ioctl_tiocsctty(Fd(0), 0)


def _open_and_dup(init: Init, path: str) -> None:
    try:
        terminal = init.kernel.open(path, OpenFlag.RDWR)
    except OSError as error:
        raise GoError(f"open terminal {PathError('open', path, error)}") from error
    for fd in range(3):
        init.kernel.dup2(terminal, Fd(fd))
