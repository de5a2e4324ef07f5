"""Resource limits."""

from initflow.flow import FlowError, step
from initflow.golang import errno_text
from initflow.steps.context import Init
from kernelapi.values import Limit

RESOURCE = 0xFFFFFFFF
"""As much of a number as prlimit64 takes for the resource."""


@step
def set_limits(init: Init) -> None:
    """Set each limit of the configuration.

    Before the capabilities go: raising a hard limit needs CAP_SYS_RESOURCE.
    """
    for rlimit in init.configuration.rlimits:
        try:
            init.kernel.setrlimit(rlimit.type & RESOURCE, Limit(rlimit.soft, rlimit.hard))
        except OSError as error:
            raise FlowError(f"error setting rlimit type {rlimit.type}: {errno_text(error.errno or 0)}") from error
