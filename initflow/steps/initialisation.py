"""Init as a process: how it comes by what its steps need, and how it reports."""

from initflow import messages
from initflow.configuration import ConfigurationError, decode
from initflow.flow import CURRENT, FlowError, Group, Panic, perform
from initflow.golang import GoError, getwd, read_file, write_all
from initflow.steps.context import Init
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel

STDERR = Fd(2)
CRASHED = 2
"""The exit status of a Go program that panics."""


def run(kernel: Kernel, steps: Group, args: tuple[str, ...], environment: dict[str, str]) -> int:
    """Be init: comes back only when it failed, with the exit status. `environment` has `console`, `pipe` and `data_path`."""
    try:
        path = f"{environment.get('data_path', '')}/container.json"
        configuration = decode(read_file(kernel, path), path).configuration
        init = Init(
            kernel,
            configuration,
            unclean_rootfs=getwd(kernel, environment),
            console=environment.get("console", ""),
            pipe=Fd(int(environment.get("pipe", "") or -1)),
            args=args,
            inherited=environment,
        )
    except (GoError, ConfigurationError, OSError, ValueError) as error:
        write_all(kernel, STDERR, f"{error}\n".encode())
        return 1
    try:
        perform(steps, init)
    except FlowError as error:
        CURRENT.set(None)
        report(init, error.message)
        write_all(kernel, STDERR, f"failed to initialize for container: {error.message}\n".encode())
        return 1
    except Panic as panic:
        CURRENT.set(None)
        kernel.close(init.pipe)
        write_all(kernel, STDERR, f"panic: {panic}\n".encode())
        return CRASHED
    return 0


def report(init: Init, message: str) -> None:
    """Tell the parent what went wrong. First read all that it still sends: it would be reset, and not read our message."""
    messages.drain(init.kernel, init.pipe)
    messages.send(init.kernel, init.pipe, {"message": message} if message else {})
    init.kernel.close(init.pipe)
