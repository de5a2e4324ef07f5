"""The first steps of init: its root, its environment, the barrier, and the namespaces that it joins."""

import msgspec

from initflow.configuration import NAMESPACE_FLAGS
from initflow.flow import FlowError, step
from initflow.golang import absolute, eval_symlinks, open_file, setenv
from initflow.messages import receive_network_state
from initflow.steps.context import Init


@step(reads="environment", writes="rootfs")
def resolve_rootfs(init: Init) -> None:
    """Find the real path of the root file system, without symbolic links.

    First, while the caller's names still mean what the caller meant by them.
    """
    init.rootfs = eval_symlinks(init.kernel, absolute(init.kernel, init.unclean_rootfs, init.environment))


@step(writes="environment")
def load_environment(init: Init) -> None:
    """Forget the parent's environment and take the configuration's.

    Before anything looks a name up in it: PATH and HOME of later steps are the container's.
    """
    environment: dict[str, str] = {}
    for pair in init.configuration.environment:
        key, separator, value = pair.partition("=")
        if not separator:
            raise FlowError(f"invalid environment '{pair}'")
        setenv(environment, key, value)
    init.environment = environment


@step(writes="network_state")
def read_network_state(init: Init) -> None:
    """Wait for the parent's message.

    The only barrier: when it comes, the parent has put init into its cgroups and made the host's side of its network.
    """
    init.network_state = receive_network_state(init.kernel, init.pipe)


@step
def join_existing_namespaces(init: Init) -> None:
    """Enter each namespace that the configuration names by a path, in its order.

    Before all that acts on a namespace. A path is opened only when its turn comes: in the namespaces joined so far.
    """
    kernel = init.kernel
    for namespace in init.configuration.namespaces:
        if namespace.path:
            fd = open_file(kernel, namespace.path)
            try:
                kernel.setns(fd, NAMESPACE_FLAGS.get(namespace.type, 0))
            finally:
                kernel.close(fd)


@step
def default_working_directory(init: Init) -> None:
    """Take "/" where the configuration names no working directory.

    Needed here: the switch of the root happened from outside, and left init with a working directory on the old mounts.
    """
    if not init.configuration.working_dir:
        init.configuration = msgspec.structs.replace(init.configuration, working_dir="/")
