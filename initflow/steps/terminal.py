"""The terminal of the container: its making on the host, then standard streams, session, controlling terminal."""

from initflow.flow import step
from initflow.golang import GoError, PathError, open_file
from initflow.steps.context import Entering, Init, Parent
from kernelapi.flags import OpenFlag
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel

NULL = "/dev/null"


@step(writes="console master")
def allocate_terminal(starter: Parent | Entering) -> None:
    """Open a pseudoterminal of the host for a container that asks for one.

    To copy between it and the caller's own terminal, which the original makes raw, is left to the caller.
    """
    starter.console = ""
    if starter.configuration.tty:
        kernel = starter.kernel
        starter.master = open_file(kernel, "/dev/ptmx", OpenFlag.RDWR | OpenFlag.NOCTTY)
        starter.console = f"/dev/pts/{kernel.ioctl_tiocgptn(starter.master)}"
        kernel.ioctl_tiocsptlck(starter.master, 0)


def standard_streams(kernel: Kernel, console: str, opened: list[Fd]) -> tuple[Fd, Fd, Fd]:
    """What a process is started with: the caller's own streams; with a terminal, which replaces them later, /dev/null.

    What has to be closed again is added to `opened`, also when the next one cannot be had. Raises `GoError`.
    """
    if not console:
        return Fd(0), Fd(1), Fd(2)
    for flags in (OpenFlag.RDONLY, OpenFlag.WRONLY, OpenFlag.WRONLY):
        opened.append(open_file(kernel, NULL, flags))
    return opened[0], opened[1], opened[2]


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
