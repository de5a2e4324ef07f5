"""The program that parent and init share, as a process sees it: `exec` starts a container, `init` becomes its first process.

In the simulated kernel it is bound to an executable file; init comes to it by execve, like any other program.
"""

from initflow.configuration import ConfigurationError, decode
from initflow.flows import FLOWS, LIBCONTAINER
from initflow.golang import GoError
from initflow.steps import initialisation
from initflow.steps import parent as parent_steps
from initflow.steps.context import Parent
from kernelapi.kernel import Kernel

FLOW_VARIABLE = "initflow"
"""The variable of the environment that names the flow; without it, the original's."""


def main(kernel: Kernel, argv: tuple[str, ...], envp: tuple[str, ...]) -> int:
    """`nsinit exec -- ARG...` or `nsinit init -- ARG...`; the environment has `data_path`."""
    environment = dict(entry.partition("=")[::2] for entry in reversed(envp))  # the first of two with one name counts
    environment = dict(reversed(environment.items()))
    flow = FLOWS[environment.get(FLOW_VARIABLE, LIBCONTAINER.name)]
    args = argv[argv.index("--") + 1 :]
    if argv[1] == "init":
        return initialisation.run(kernel, flow.init, args, environment)
    data_path = environment["data_path"]
    try:
        configuration = decode(initialisation.read_configuration(kernel, data_path), "container.json").configuration
    except (GoError, ConfigurationError) as error:
        return initialisation.fatal(kernel, str(error))
    parent = Parent(
        kernel,
        configuration,
        flow=flow.name,
        program=argv[0],
        data_path=data_path,
        args=args,
        inherited=environment,
    )
    return parent_steps.run(parent, flow.parent)
