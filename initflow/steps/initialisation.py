"""Init as a process: how it comes by what its steps need, and how it reports."""

from collections.abc import Callable
from contextlib import suppress

from initflow import messages
from initflow.configuration import Configuration, ConfigurationError, decode
from initflow.flow import CURRENT, FlowError, Group, Panic, perform
from initflow.golang import GoError, checking_strings, getwd, join, open_file, read_value, write_all
from initflow.steps.context import Init
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel

STDERR = Fd(2)
FAILED = 1
"""The exit status of a Go program that ends by log.Fatal."""
CRASHED = 2
"""That of one that panics."""
NUL = b"\\u0000"
"""How JSON writes the character that no string of package syscall may hold."""


def run(
    kernel: Kernel,
    steps: Callable[[Configuration], Group],
    args: tuple[str, ...],
    environment: dict[str, str],
    tags: tuple[str, ...] = (),
) -> int:
    """Be init: comes back only when it failed, with the exit status. `environment` has `console`, `pipe` and `data_path`.

    `steps` says which steps a configuration takes, `tags` what is built in.

    What goes wrong before the first step is said on standard error alone. The parent learns it as a broken connection, or one
    that is reset, since its message stays unread: not as the end of the stream, which it would take for success.
    """
    try:
        data = read_configuration(kernel, environment.get("data_path", ""))
        if NUL in data:
            kernel = checking_strings(kernel)
        init = Init(
            kernel,
            decode(data, "container.json").configuration,
            unclean_rootfs=getwd(kernel, environment),
            console=environment.get("console", ""),
            pipe=Fd(int(environment.get("pipe", "") or -1)),
            args=args,
            inherited=environment,
            tags=tags,
        )
    except (GoError, ConfigurationError, ValueError) as error:
        return fatal(kernel, str(error))
    try:
        perform(steps(init.configuration), init)
    except FlowError as error:
        CURRENT.set(None)
        try:
            report(init, error.message)
        except GoError as problem:
            return crash(kernel, str(problem))
        return fatal(kernel, f"unable to initialize for container: {error.message}")
    except Panic as panic:
        CURRENT.set(None)
        close(kernel, init.pipe)
        return crash(kernel, str(panic))
    return 0


def read_configuration(kernel: Kernel, data_path: str) -> bytes:
    """The text of container.json. Raises `GoError`."""
    path = join(data_path, "container.json")
    fd = open_file(kernel, path)
    try:
        return read_value(kernel, fd, path)
    finally:
        close(kernel, fd)


def report(init: Init, message: str) -> None:
    """Tell the parent what went wrong. First read all that it still sends: it would be reset, and not read our message.

    Raises `GoError` where it cannot be told: the original crashes then.
    """
    messages.drain(init.kernel, init.pipe)
    messages.send(init.kernel, init.pipe, messages.INIT, {"message": message} if message else {})
    close(init.kernel, init.pipe)


def fatal(kernel: Kernel, message: str) -> int:
    """log.Fatal, less the time of day: say why on standard error; the exit status."""
    _complain(kernel, message)
    return FAILED


def crash(kernel: Kernel, reason: str) -> int:
    """What the runtime does after a panic, less the stacks: say so on standard error; the exit status."""
    _complain(kernel, f"panic: {reason}")
    return CRASHED


def close(kernel: Kernel, fd: Fd) -> None:
    """os.File.Close, whose error nobody looks at."""
    with suppress(OSError):
        kernel.close(fd)


def _complain(kernel: Kernel, text: str) -> None:
    with suppress(OSError):
        write_all(kernel, STDERR, f"{text}\n".encode("utf-8", "surrogateescape"))
