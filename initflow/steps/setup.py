"""The setup helper, inside the container's namespaces: it builds what init may not (SetupContainer)."""

from errno import ENOENT

from initflow.configuration import ConfigurationError, IdMapping
from initflow.flow import CURRENT, FlowError, Group, Panic, failing, perform, step
from initflow.golang import GoError, join, open_file, read_value
from initflow.messages import parse
from initflow.steps.context import Setup
from initflow.steps.entered import NO_CONFIGURATION, receive_configuration
from initflow.steps.initialisation import close, crash, fatal
from initflow.steps.network import has_network_namespace
from kernelapi.kernel import Kernel

STATE = "state.json"


def read_state(kernel: Kernel, data_path: str) -> dict[str, object]:
    """libcontainer.GetState. Raises `GoError`."""
    path = join(data_path, STATE)
    fd = open_file(kernel, path)
    try:
        return parse(read_value(kernel, fd, path)) or {}
    finally:
        close(kernel, fd)


@step(writes="network_state")
def read_container_state(setup: Setup) -> None:
    """Read what the parent has saved: which interface is the container's.

    Where there is nothing, the original goes on, and crashes when it looks at that.
    """
    setup.network_state = {}
    try:
        state = read_state(setup.kernel, setup.data_path).get("network_state")
    except GoError as error:
        if error.errno != ENOENT:
            raise FlowError(f"unable to read state: {error}") from error
        if has_network_namespace(setup):
            raise Panic("runtime error: invalid memory address or nil pointer dereference") from error
        return
    if isinstance(state, dict):
        setup.network_state = {str(key): str(value) for key, value in state.items()}


@step(writes="host_root")
def find_host_root(setup: Setup) -> None:
    """Find out who the container's root is on the host: the terminal is to be that user's."""
    configuration = setup.configuration
    if not configuration.has_namespace("NEWUSER"):
        return
    with failing("failed to get hostRootUid"):
        uid = _host_root(configuration.uid_mappings, "uid")
    with failing("failed to get hostRootGid"):
        gid = _host_root(configuration.gid_mappings, "gid")
    setup.host_root = uid, gid


def _host_root(mappings: tuple[IdMapping, ...] | None, kind: str) -> int:
    if mappings is None:
        raise GoError(f"User namespaces enabled, but no {kind} mappings found.")
    for entry in mappings:
        if entry.container_id <= 0 <= entry.container_id + entry.size - 1:
            return entry.host_id - entry.container_id
    raise GoError("User namespaces enabled, but no root user mapping found.")


def run(
    kernel: Kernel, steps: Group, args: tuple[str, ...], environment: dict[str, str], tags: tuple[str, ...] = ()
) -> int:
    """Be the helper: the configuration comes on the pipe; the exit status."""
    try:
        kernel, configuration = receive_configuration(kernel)
    except (GoError, ConfigurationError) as error:
        return fatal(kernel, f"{NO_CONFIGURATION}: {error}")
    if len(args) not in (2, 3):
        return fatal(kernel, f"expected setup to have 2 or 3 arguments not {len(args)}")
    data_path, rootfs, console = (*args, "")[:3]
    setup = Setup(
        kernel, configuration, data_path=data_path, rootfs=rootfs, console=console, inherited=environment, tags=tags
    )  # fmt: skip
    try:
        perform(steps, setup)
    except FlowError as error:
        CURRENT.set(None)
        return fatal(kernel, f"failed to nsenter setup: {error.message}")
    except Panic as panic:
        CURRENT.set(None)
        return crash(kernel, str(panic))
    CURRENT.set(None)
    return 0
