"""What the steps of the init process, and those of its parent, share."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from initflow.configuration import Configuration
from initflow.flow import Context, Slot
from initflow.golang import GoError
from initflow.users import ExecUser
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel


class Init(Context):
    """The process that becomes the payload: the container's first one, or one that has entered it.

    `unclean_rootfs` is where it was started, `console` the path of the terminal ("" for none), `pipe` its end of the
    connection to the parent, `args` the payload's command line. `host_root` is who the container's root is on the host: uid
    and gid. `tags` say what is built in: "apparmor", "selinux".
    """

    environment = Slot[dict[str, str]]()
    rootfs = Slot[str]()
    network_state = Slot[dict[str, str]]()
    parent_death_signal = Slot[int]()
    exec_user = Slot[ExecUser]()
    host_root = Slot[tuple[int, int]]()
    selinux_is_on = Slot[bool]()

    def __init__(
        self,
        kernel: Kernel,
        configuration: Configuration,
        *,
        unclean_rootfs: str,
        console: str,
        pipe: Fd,
        args: tuple[str, ...],
        inherited: dict[str, str],
        tags: tuple[str, ...] = (),
    ) -> None:
        super().__init__(kernel)
        self.tags = tags
        self.configuration = configuration
        self.unclean_rootfs = unclean_rootfs
        self.console = console
        self.pipe = pipe
        self.args = args
        self.environment = inherited
        self.host_root = (0, 0)


class Setup(Init):
    """The setup helper of a container with a user namespace: it does with the host's rights what init may not."""

    def __init__(
        self,
        kernel: Kernel,
        configuration: Configuration,
        *,
        data_path: str,
        rootfs: str,
        console: str,
        inherited: dict[str, str],
        tags: tuple[str, ...] = (),
    ) -> None:
        super().__init__(
            kernel, configuration, unclean_rootfs=rootfs, console=console, pipe=Fd(-1), args=(), inherited=inherited, tags=tags
        )  # fmt: skip
        self.data_path = data_path


class Entering(Context):
    """The process that has another one enter a container: as what `action` says. `state` is what state.json holds."""

    master = Slot[Fd]()
    console = Slot[str]()
    pipe = Slot[Fd]()
    child_pipe = Slot[Fd]()
    nsenter = Slot[Pid]()
    status = Slot[int]()

    def __init__(
        self,
        kernel: Kernel,
        configuration: Configuration,
        *,
        program: str,
        action: str,
        args: tuple[str, ...],
        state: dict[str, Any],
        inherited: dict[str, str],
    ) -> None:
        super().__init__(kernel)
        self.configuration = configuration
        self.program = program
        self.action = action
        self.args = args
        self.state = state
        self.inherited = inherited
        self.console = ""


class Nsenter(Context):
    """The process that enters a container's namespaces. `target` is the container's first process."""

    target = Slot[int]()
    console = Slot[str | None]()
    terminal = Slot[Fd]()

    def __init__(self, kernel: Kernel, *, argv: tuple[str, ...]) -> None:
        super().__init__(kernel)
        self.argv = argv


class Prologue(Context):
    """The child between clone and exec: what Go's runtime does there, with what the parent prepared.

    `barrier` is the pipe, both ends, on which it waits for id maps; None where there are none.
    """

    def __init__(
        self,
        kernel: Kernel,
        *,
        directory: str,
        stdio: tuple[Fd, ...],
        report: Fd,
        path: str,
        argv: tuple[str, ...],
        envp: tuple[str, ...],
        barrier: tuple[Fd, Fd] | None = None,
    ) -> None:
        super().__init__(kernel)
        self.barrier = barrier
        self.directory = directory
        self.stdio = stdio
        self.report = report
        self.path = path
        self.argv = argv
        self.envp = envp


class Parent(Context):
    """The process that starts a container. `program` is the executable that init and parent share, `data_path` the directory
    of container.json and state.json, `flow` the name of the flow, `inherited` the caller's environment."""

    master = Slot[Fd]()
    console = Slot[str]()
    pipe = Slot[Fd]()
    child_pipe = Slot[Fd]()
    init = Slot[Pid]()
    start_time = Slot[str]()
    cgroup_paths = Slot[dict[str, str]]()
    network_state = Slot[dict[str, str]]()
    waited = Slot[bool]()
    status = Slot[int]()

    def __init__(
        self,
        kernel: Kernel,
        configuration: Configuration,
        *,
        flow: str,
        program: str,
        data_path: str,
        args: tuple[str, ...],
        inherited: dict[str, str],
    ) -> None:
        super().__init__(kernel)
        self.configuration = configuration
        self.flow = flow
        self.program = program
        self.data_path = data_path
        self.args = args
        self.inherited = inherited
        self._deferred: list[Callable[[], object]] = []

    def defer(self, action: Callable[[], object]) -> None:
        """Have `action` done at the end, whatever happens; the last one first. What it raises is ignored."""
        self._deferred.append(action)

    def run_deferred(self) -> None:
        while self._deferred:
            with suppress(OSError, GoError):
                self._deferred.pop()()
