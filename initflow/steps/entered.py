"""A process that has entered a container, as the Go program that it is again: FinalizeSetns, and how it gets that far.

Nobody outside hears of its errors but by its exit status: it says them on standard error, which is the payload's.
"""

from initflow.configuration import Configuration, ConfigurationError, decode
from initflow.flow import CURRENT, FlowError, Group, Panic, perform
from initflow.golang import GoError, checking_strings, read_value
from initflow.messages import INIT
from initflow.steps.context import Init
from initflow.steps.initialisation import NUL, close, crash, fatal
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel

PIPE = Fd(3)
NOWHERE = Fd(-1)
NO_CONFIGURATION = "unable to receive config from sync pipe"
FAILURE = "failed to nsenter"
"""What the messages on standard error begin with."""


def receive_configuration(kernel: Kernel) -> tuple[Kernel, Configuration]:
    """The configuration that comes on the pipe, and the kernel as it is to be used with it: Go refuses a NUL in a string.

    Raises `GoError`, `ConfigurationError`.
    """
    data = read_value(kernel, PIPE, INIT)
    close(kernel, PIPE)
    if NUL in data:
        kernel = checking_strings(kernel)
    return kernel, decode(data, INIT).configuration


def run(
    kernel: Kernel, steps: Group, args: tuple[str, ...], environment: dict[str, str], tags: tuple[str, ...] = ()
) -> int:
    """Become the payload; comes back only when that failed, with the exit status."""
    try:
        kernel, configuration = receive_configuration(kernel)
    except (GoError, ConfigurationError) as error:
        return fatal(kernel, f"{NO_CONFIGURATION}: {error}")
    init = Init(
        kernel, configuration, unclean_rootfs="", console="", pipe=NOWHERE, args=args, inherited=environment, tags=tags
    )  # fmt: skip
    try:
        perform(steps, init)
    except FlowError as error:
        CURRENT.set(None)
        return fatal(kernel, f"{FAILURE}: {error.message}")
    except Panic as panic:
        CURRENT.set(None)
        return crash(kernel, str(panic))
    return 0
