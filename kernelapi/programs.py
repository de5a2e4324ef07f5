"""Programs in Python for any kernel: to execute one of them, a process goes on as that program.

The simulated kernel binds a program to the content of a file. Linux executes real files only: there, `binding(kernel,
programs)` gives a kernel on which execve of a bound path does not start a new interpreter, but does to the process what exec
would do, and calls the program:

    def main(kernel, argv, envp): ...

    status = run(binding(linux(), {"/usr/bin/mine": main}), "/usr/bin/mine", ("mine",), ())

What exec does beyond that is left undone, by name: the name of the process (/proc/PID/comm), its command line and
/proc/PID/exe stay the interpreter's, and so does its memory; setpgid of a parent does not find that its child has executed.
Capabilities are left alone: exec would change those of a process only that has other ones than exec gives, and the programs
bound here are executed by root with all that it has.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn

from kernelapi.call import Call
from kernelapi.errors import ProcessGone
from kernelapi.flags import FdFlag, OpenFlag
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel, bind
from kernelapi.values import DirEntry

Words = tuple[str, ...]
Program = Callable[[Kernel, Words, Words], int | None]
"""`main(kernel, argv, envp)`: with what it returns, the process exits."""

DESCRIPTORS = "/proc/self/fd"


class Replaced(ProcessGone):
    """The process executes another program: this one is unwound, and then `begin` tells what it goes on as."""

    def __init__(self, program: Program, argv: Words, envp: Words) -> None:
        super().__init__()
        self.program = program
        self.argv = argv
        self.envp = envp
        self.begun = False

    def begin(self) -> tuple[Program, tuple[Words, Words]]:
        """The program, and its arguments. From now on calls are its own."""
        self.begun = True
        return self.program, (self.argv, self.envp)


def live(kernel: Kernel, program: Callable[..., int | None], *args: Any) -> int:
    """Run `program(kernel, *args)`, and then whatever it becomes by executing it; the exit status of the last one."""
    while True:
        try:
            return program(kernel, *args) or 0
        except Replaced as replaced:
            program, args = replaced.begin()


def run(kernel: Kernel, path: str, argv: Words, envp: Words) -> int:
    """Be the process that executes `path`, one of the programs bound to `kernel`; its exit status."""
    return live(kernel, _execute, path, argv, envp)


def _execute(kernel: Kernel, path: str, argv: Words, envp: Words) -> None:
    kernel.execve(path, argv, envp)


def binding(kernel: Kernel, programs: Mapping[str, Program]) -> Kernel:
    """`kernel`, on which execve of one of these paths goes on as that program, in the caller and in all its descendants.

    A path is looked up as it is written, and need not lead to a file. Whoever uses this kernel must be run by `live`, as `run`
    does; the children that it clones are.
    """
    return bind(_Binding(kernel, programs).dispatch)


class _Binding:
    """One process."""

    __slots__ = ("kernel", "programs", "replaced")

    def __init__(self, kernel: Kernel, programs: Mapping[str, Program]) -> None:
        self.kernel = kernel
        self.programs = programs
        self.replaced: Replaced | None = None

    def dispatch(self, call: Call, args: tuple[Any, ...]) -> Any:
        if self.replaced is not None and not self.replaced.begun:
            raise self.replaced  # the old program unwinds: its calls have no effect
        if call.name == "clone":
            flags, child, *rest = args
            return self.kernel.dispatch(call, (flags, _be_bound, self.programs, child, *rest))
        if call.name == "execve" and args[0] in self.programs:
            self._replace(*args)
        return self.kernel.dispatch(call, args)

    def _replace(self, path: str, argv: Words, envp: Words) -> NoReturn:
        """What exec does to a process (begin_new_exec): it may be looked into, and what is close-on-exec is closed.

        In this order: whoever waits for a descriptor to be closed finds the process as exec leaves it.
        """
        kernel = self.kernel
        if kernel.getuid() == kernel.geteuid() and kernel.getgid() == kernel.getegid():
            kernel.prctl_set_dumpable(1)
        listing = kernel.open(DESCRIPTORS, OpenFlag.RDONLY | OpenFlag.DIRECTORY | OpenFlag.CLOEXEC)
        numbers = [int(entry.name) for entry in _entries(kernel, listing) if entry.name.isdecimal()]
        for fd in map(Fd, numbers):
            if kernel.fcntl_getfd(fd) & FdFlag.CLOEXEC:
                with suppress(OSError):
                    kernel.close(fd)
        self.replaced = Replaced(self.programs[path], argv, envp)
        raise self.replaced


def _entries(kernel: Kernel, directory: Fd) -> list[DirEntry]:
    found: list[DirEntry] = []
    while entries := kernel.getdents64(directory):
        found += entries
    return found


def _be_bound(
    kernel: Kernel, programs: Mapping[str, Program], child: Callable[..., int | None], *args: Any
) -> int:
    """What the child of a process with bound programs is: one with the same."""
    return live(binding(kernel, programs), child, *args)
