"""The program that all processes of the runtime share, as a process sees it.

`exec` starts a container, `init` becomes its first process. Where the container runs already, which state.json tells, `exec`
has a copy of itself called nsenter-exec enter it and become the payload there, and `exec --func setup` one called
nsenter-setup, which sets it up from inside. In the simulated kernel it is bound to an executable file; each of these comes to
it by execve, like any other program.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from errno import ENOENT

from initflow.configuration import Configuration, ConfigurationError, decode
from initflow.flow import Flow, Group
from initflow.flows import FLOWS, LIBCONTAINER_SETNS, LIBCONTAINER_USERNS, original_flow
from initflow.golang import GoError
from initflow.steps import entered, entering, initialisation, nsenter, setup
from initflow.steps import parent as parent_steps
from initflow.steps.context import Entering, Nsenter, Parent
from initflow.steps.labels import APPARMOR, SELINUX
from kernelapi.errors import NotModelled
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel

FLOW_VARIABLE = "initflow"
"""The variable of the environment that names the flow; without it, the original's."""

ENTERS = "nsenter"
"""What the name begins with under which the program enters a container before it does anything else."""

EXEC, SETUP = "exec", "setup"
"""What it enters for; the name ends with that."""

COMMANDS = ("exec", "init")


def main(kernel: Kernel, argv: tuple[str, ...], envp: tuple[str, ...]) -> int:
    """`nsinit exec [--func setup] -- ARG...` or `nsinit init -- ARG...`; the environment has `data_path`."""
    return _run(kernel, argv, envp, ())


def main_with_apparmor(kernel: Kernel, argv: tuple[str, ...], envp: tuple[str, ...]) -> int:
    """`main`, built with AppArmor."""
    return _run(kernel, argv, envp, (APPARMOR,))


def main_with_selinux(kernel: Kernel, argv: tuple[str, ...], envp: tuple[str, ...]) -> int:
    """`main`, built with SELinux."""
    return _run(kernel, argv, envp, (SELINUX,))


BUILDS: Mapping[tuple[str, ...], Callable[[Kernel, tuple[str, ...], tuple[str, ...]], int]] = {
    (): main,
    (APPARMOR,): main_with_apparmor,
    (SELINUX,): main_with_selinux,
}
"""The program by what is built into it. A distribution builds in what its kernel has."""


def _run(kernel: Kernel, argv: tuple[str, ...], envp: tuple[str, ...], tags: tuple[str, ...]) -> int:
    environment = dict(entry.partition("=")[::2] for entry in reversed(envp))  # the first of two with one name counts
    environment = dict(reversed(environment.items()))
    args = argv[argv.index("--") + 1 :] if "--" in argv else ()
    if argv[0].startswith(ENTERS):
        return _enter(kernel, argv, args, environment, tags)
    command = argv[1] if len(argv) > 1 else ""
    if command not in COMMANDS:
        return _help(kernel)
    if command == "init":
        return initialisation.run(
            kernel, lambda configuration: _flow(environment, configuration).init, args, environment, tags
        )  # fmt: skip
    data_path = environment.get("data_path", "")
    try:
        configuration = decode(initialisation.read_configuration(kernel, data_path), "container.json").configuration
    except (GoError, ConfigurationError) as error:
        return initialisation.fatal(kernel, str(error))
    action = argv[3] if argv[2:3] == ("--func",) else EXEC
    try:
        state = setup.read_state(kernel, data_path)
    except GoError as error:
        if error.errno != ENOENT:
            return initialisation.fatal(kernel, f"unable to read state.json: {error}")
        if action == SETUP:
            raise NotModelled("setting up a container that is not there: the original starts one") from error
    else:
        sender = Entering(
            kernel, configuration, program=argv[0], action=action, args=args, state=state, inherited=environment
        )  # fmt: skip
        return entering.run(sender, _helper(environment)[0] if action == SETUP else _setns(environment).parent)
    flow = _flow(environment, configuration)
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


def _help(kernel: Kernel) -> int:
    """What the original does with another command, or with none: it prints its help (in other words) and is content."""
    with suppress(OSError):
        kernel.write(Fd(1), b"usage: nsinit exec|init -- ARG...\n")
    return 0


def _flow(environment: dict[str, str], configuration: Configuration) -> Flow:
    name = environment.get(FLOW_VARIABLE)
    return original_flow(configuration) if name is None else FLOWS[name]


def _enter(
    kernel: Kernel, argv: tuple[str, ...], args: tuple[str, ...], environment: dict[str, str], tags: tuple[str, ...]
) -> int:
    action = argv[0].removeprefix(f"{ENTERS}-")
    if action not in ENTERED:
        raise NotModelled(f"entering a container as {argv[0]}")
    context = Nsenter(kernel, argv=argv)
    steps = _helper(environment)[1] if action == SETUP else _setns(environment).entering
    assert steps is not None, "a flow into a running container enters it"
    return nsenter.run(context, steps, ENTERED[action], args, tuple(environment.items()), tags)


def become_payload(
    kernel: Kernel, args: tuple[str, ...], entries: tuple[tuple[str, str], ...], tags: tuple[str, ...] = ()
) -> int:
    """What has entered as nsenter-exec."""
    environment = dict(entries)
    return entered.run(kernel, _setns(environment).init, args, environment, tags)


def set_up(
    kernel: Kernel, args: tuple[str, ...], entries: tuple[tuple[str, str], ...], tags: tuple[str, ...] = ()
) -> int:
    """What has entered as nsenter-setup."""
    environment = dict(entries)
    return setup.run(kernel, _helper(environment)[2], args, environment, tags)


ENTERED = {EXEC: become_payload, SETUP: set_up}


def _setns(environment: dict[str, str]) -> Flow:
    """The flow into a container that runs already."""
    flow = FLOWS[environment.get(FLOW_VARIABLE, LIBCONTAINER_SETNS.name)]
    return LIBCONTAINER_SETNS if flow.entering is None else flow


def _helper(environment: dict[str, str]) -> tuple[Group, ...]:
    """The groups of the helper's processes."""
    helper = FLOWS[environment.get(FLOW_VARIABLE, LIBCONTAINER_USERNS.name)].helper
    assert helper is not None
    return tuple(child for child in helper.children if isinstance(child, Group))
