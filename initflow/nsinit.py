"""The program that parent and init share, as a process sees it: `exec` starts a container, `init` becomes its first process.

In the simulated kernel it is bound to an executable file; init comes to it by execve, like any other program.
"""

from initflow.configuration import decode
from initflow.flows import FLOWS, LIBCONTAINER
from initflow.golang import read_file
from initflow.steps import initialisation
from initflow.steps import parent as parent_steps
from initflow.steps.context import Parent
from kernelapi.kernel import Kernel

FLOW_VARIABLE = "initflow"
"""The variable of the environment that names the flow; without it, the original's."""


def main(kernel: Kernel, argv: tuple[str, ...], envp: tuple[str, ...]) -> int:
    """`nsinit exec -- ARG...` or `nsinit init -- ARG...`; the environment has `data_path`."""
    environment = dict(entry.partition("=")[::2] for entry in envp)
    flow = FLOWS[environment.get(FLOW_VARIABLE, LIBCONTAINER.name)]
    args = argv[argv.index("--") + 1 :]
    if argv[1] == "init":
        return initialisation.run(kernel, flow.init, args, environment)
    path = f"{environment['data_path']}/container.json"
    parent = Parent(
        kernel,
        decode(read_file(kernel, path), path).configuration,
        flow=flow.name,
        program=argv[0],
        data_path=environment["data_path"],
        args=args,
        inherited=environment,
    )
    return parent_steps.run(parent, flow.parent)
