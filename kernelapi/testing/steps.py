"""Calls as data, for laws that are tables: each row says what a process does, and what becomes of it."""

from collections.abc import Callable
from typing import Any, TypeVar

from kernelapi.flags import CloneFlag, OpenFlag, Signal
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.testing.case import Broken, in_child

Step = tuple[Any, ...]
"""The name of a call, and its arguments."""

Answer = TypeVar("Answer")


def do(kernel: Kernel, steps: tuple[Step, ...]) -> None:
    """Make the calls, one after the other."""
    for name, *args in steps:
        getattr(kernel, name)(*args)


def after(kernel: Kernel, steps: tuple[Step, ...], look: Callable[[Kernel], Answer]) -> Answer:
    """What a child sees that makes the calls `steps` and then runs `look`."""
    seen: Answer = in_child(kernel, _after, steps, look)
    return seen


def _after(kernel: Kernel, steps: tuple[Step, ...], look: Callable[[Kernel], Answer]) -> Answer:
    do(kernel, steps)
    return look(kernel)


def answers(kernel: Kernel, before: tuple[Step, ...], step: Step) -> int:
    """The errno with which `step` fails (0: it does not) in a child that has made the calls `before`."""
    return in_child(kernel, _errno_of_step, before, step)


def _errno_of_step(kernel: Kernel, before: tuple[Step, ...], step: Step) -> int:
    do(kernel, before)
    try:
        do(kernel, (step,))
    except OSError as error:
        return error.errno or 0
    return 0


def in_user_namespace(
    kernel: Kernel,
    function: Callable[..., Answer],
    *args: Any,
    uid_map: str = "0 0 4294967295",
    gid_map: str = "0 0 4294967295",
    setgroups: str = "allow",
) -> Answer:
    """What `function(kernel, *args)` returns in a child in a new user namespace, whose maps the caller writes ("": not at all).

    The case must have a tree: the maps are files below /proc.
    """
    ready, go = kernel.pipe2(0)
    maps = (("setgroups", setgroups), ("uid_map", uid_map), ("gid_map", gid_map))
    seen: Answer = in_child(kernel, _enter_mapped, function, args, ready, go, maps)
    kernel.close(ready)
    kernel.close(go)
    return seen


def _enter_mapped(
    kernel: Kernel, function: Callable[..., Any], args: tuple[Any, ...], ready: Fd, go: Fd, maps: tuple[tuple[str, str], ...]
) -> Any:
    """Enter a user namespace; a child that has stayed outside writes its maps, which needs capabilities there."""
    parent = kernel.getpid()
    kernel.clone(Signal.CHLD, _write_maps, ready, go, parent, maps)
    kernel.unshare(CloneFlag.NEWUSER)
    kernel.write(go, b"!")
    kernel.close(go)
    kernel.close(ready)
    _, status = kernel.wait4(-1)
    if status:
        raise Broken(f"the maps could not be written: status {status:#x}")
    return function(kernel, *args)


def _write_maps(kernel: Kernel, ready: Fd, go: Fd, pid: int, maps: tuple[tuple[str, str], ...]) -> None:
    kernel.close(go)
    kernel.read(ready, 1)
    for name, content in maps:
        if content:
            fd = kernel.open(f"/proc/{pid}/{name}", OpenFlag.WRONLY)
            kernel.write(fd, content.encode())
            kernel.close(fd)
