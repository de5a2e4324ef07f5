"""The end of init: it becomes the payload."""

from initflow.flow import Panic, step
from initflow.golang import look_path
from initflow.steps.context import Init


@step(reads="environment")
def execute(init: Init) -> None:
    """Find the payload in the container's PATH and become it. The pipe to the parent closes with that: the sign of success."""
    if not init.args:
        raise Panic("no command line for the payload")
    path = look_path(init.kernel, init.args[0], init.environment)
    envp = tuple(f"{key}={value}" for key, value in init.environment.items())
    init.kernel.execve(path, init.args, envp)
