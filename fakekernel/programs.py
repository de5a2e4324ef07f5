"""The programs of the default tree: what a static busybox is on a real one (busybox(1)).

`PROGRAMS` maps the name in an executable file to a function `main(kernel, argv, envp)`. They are ordinary programs: all that
they know they have asked the kernel.
"""

from collections.abc import Callable

from fakekernel.applets import APPLETS
from kernelapi.kernel import Kernel

Program = Callable[[Kernel, tuple[str, ...], tuple[str, ...]], int | None]
MAGIC = b"\x7fELF initflow "


def executable(name: str) -> bytes:
    """The content of a file that runs the program `name`."""
    return MAGIC + name.encode() + b"\n"


def busybox(kernel: Kernel, argv: tuple[str, ...], envp: tuple[str, ...]) -> int:
    """Many programs in one file: the name by which it is called says which; called busybox, its first argument does."""
    name = argv[0].rpartition("/")[2] if argv else ""
    if name == "busybox" and len(argv) > 1:
        argv = argv[1:]
        name = argv[0]
    return run(kernel, name.removeprefix("-"), argv, envp)
