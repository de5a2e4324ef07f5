"""The programs of the default tree: what a static busybox is on a real one (busybox(1)).

`PROGRAMS` maps the name in an executable file to a function `main(kernel, argv, envp)`. They are ordinary programs: all that
they know they have asked the kernel.
"""

from collections.abc import Callable

from fakekernel.applets import APPLETS, Words, complain, stubborn
from fakekernel.shell import sh
from fakekernel.witness import pause, witness
from kernelapi.kernel import Kernel

Program = Callable[[Kernel, Words, Words], int | None]

MAGIC = b"\x7fELF initflow "
"""How the content of an executable file of the simulated kernel begins; the name of its program follows."""


def executable(name: str) -> bytes:
    """The content of a file that runs the program `name`."""
    return MAGIC + name.encode() + b"\n"


def busybox(kernel: Kernel, argv: Words, envp: Words) -> int | None:
    """Many programs in one file: the name by which it is called says which; called busybox, its first argument does."""
    name = _name(argv)
    if name == "busybox" and len(argv) > 1:
        argv = argv[1:]
        name = argv[0]
    found = applet(name)
    if found is None:
        complain(kernel, f"{name}: applet not found")
        return 127
    return found(kernel, argv, envp)


def applet(name: str) -> Program | None:
    """The program that busybox is when it is called `name`."""
    return sh if name in ("sh", "ash") else APPLETS.get(name)


def _name(argv: Words) -> str:
    """The last component of the first argument, less the hyphen of a login shell."""
    return argv[0].rpartition("/")[2].removeprefix("-") if argv else ""


PROGRAMS: dict[str, Program] = {"busybox": busybox, "stubborn": stubborn, "w": witness, "p": pause}
"""By the name in the executable file."""
