"""How the container calls itself."""

from initflow.flow import FlowError, step
from initflow.golang import errno_text, quote
from initflow.steps.context import Init
from kernelapi.flags import CloneFlag


@step
def set_hostname(init: Init) -> None:
    """Name the host of the container's uts namespace.

    Before the capabilities go: it needs CAP_SYS_ADMIN. The namespace is asked for here, after the irreversible work.
    """
    hostname = init.configuration.hostname
    if not hostname:
        return
    if not init.configuration.clone_flags & CloneFlag.NEWUTS:
        raise FlowError("unable to set the hostname without UTS namespace")
    try:
        init.kernel.sethostname(hostname)
    except OSError as error:
        raise FlowError(f"unable to sethostname {quote(hostname)}: {errno_text(error.errno or 0)}") from error
