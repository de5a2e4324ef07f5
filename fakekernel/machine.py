"""The machine: boots, takes on programs, runs them to a standstill, and can be looked at, left and come back to."""

from collections.abc import Callable
from typing import Any

from fakekernel import boot, lifecycle, programs, sanity, signalling, tree
from fakekernel.description import Description
from fakekernel.process import Process
from fakekernel.profile import DEFAULT_HOST, HostProfile
from fakekernel.programs import Program
from fakekernel.releases import absent
from fakekernel.scheduler import Schedule, Scheduler, Snapshot, Standstill
from fakekernel.store import Store, digest
from fakekernel.syscalls.table import HANDLERS, Syscalls
from fakekernel.system import System
from fakekernel.task import Image, Task
from kernelapi.errors import ModelError
from kernelapi.event import Event
from kernelapi.ids import Fd
from kernelapi.rules import Rule

Observer = Callable[[Process, Event], None]
"""Told of each completed call, before the next one."""


class Machine:
    """Linux in memory.

    `seed` is that of its randomness. With `track_reads` the read set of each call is known (`reads`); with `checks` the state
    that must never be is looked for after every call.
    """

    def __init__(
        self, host: HostProfile = DEFAULT_HOST, *, seed: int = 0, track_reads: bool = False, checks: bool = False
    ) -> None:
        self.host = host
        self.seed = seed
        self.checks = checks
        self.store = Store(track_reads=track_reads)
        self.events: list[Event] = []
        self.reads: list[frozenset[tuple[Any, Any]]] = []  # of each event, where they are tracked
        self.time_line = 0
        self.observers: list[Observer] = []
        self.suspended: set[Rule] = set(absent(host.release))  # not refused by, without effect
        self.programs: dict[str, Program] = dict(programs.PROGRAMS)  # by the name that their files hold
        self.syscalls = Syscalls
        self.handlers = HANDLERS
        self.scheduler = Scheduler(self)
        self.system: System
        self.init: Task
        self.system, self.init = boot.boot(self.store, host)

    # -- programs --

    def spawn(self, function: Callable[..., int | None], *args: Any, comm: str = "") -> Task:
        """Take on a process, a child of the host's init, that runs `function(kernel, *args)`."""
        task = boot.spawn(self.system, self.init, Image(function, args), comm or function.__name__)
        self.scheduler.adopt(task)
        return task

    def spawn_captured(self, function: Callable[..., int | None], *args: Any, comm: str = "") -> tuple[Task, Description]:
        """As `spawn`, with a last argument for the program: the number of a descriptor. `captured` has what it writes there."""
        output = boot.capture(self.system, self.init)
        task = boot.spawn(self.system, self.init, Image(function, (*args, Fd(0))), comm or function.__name__)
        boot.give(task, output)
        self.scheduler.adopt(task)
        return task, output

    def captured(self, output: Description) -> bytes:
        """What has been written to a descriptor of `spawn_captured`."""
        return output.inode.content

    def run(self, *, stop_at: int | None = None, schedule: Schedule | None = None) -> Standstill:
        """Run until nobody can go on, or until there are `stop_at` events."""
        self.scheduler.schedule = schedule
        return self.scheduler.run(stop_at=stop_at)

    def process(self, task: Task) -> Process:
        """The program that `task` runs. Raises `KeyError` if it has ended."""
        return self.scheduler.processes[task]

    def kill(self, task: Task, signal: int) -> None:
        """Send `signal` to `task` between two calls, as from outside its pid namespace: SIGKILL ends even an init."""
        status = signalling.post(self, task, signal, force=True)
        if status:
            lifecycle.end(self, task, status)
        self.scheduler.unwind_doomed()

    def close(self) -> None:
        """End the run: unwind whoever still stands, in the order of pids."""
        self.scheduler.abandon()

    def executable(self, name: str) -> bytes:
        """The content of a file that execve runs as the program `name`."""
        return programs.executable(name)

    def install(self, path: str, function: Program, mode: int = 0o755) -> None:
        """Make an executable file, its directories if they are missing, that runs `function(kernel, argv, envp)`.

        It has to be a module-level function. `path` leads through what is in the host's root file system, links aside.
        """
        name = f"{function.__module__}.{function.__qualname__}"
        if "<" in name:
            raise ModelError(f"a program must be a module-level function, not {function!r}")
        self.programs[name] = function
        tree.make_file(self.init.fs.root.dentry, path, programs.executable(name), mode)

    # -- looking, leaving, coming back --

    def digest(self) -> str:
        """A canonical fingerprint of the whole state."""
        return digest(self.system)

    def snapshot(self) -> Snapshot:
        return self.scheduler.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        self.scheduler.restore(snapshot)

    def check(self) -> None:
        """Raise `ModelError` if the state is one that can never be."""
        sanity.check(self.system)
