"""What happened: one call of one process, with its answer."""

from typing import Any

from kernelapi.call import Call
from kernelapi.rules import Refusal


class NoReturn:
    """The result of a call that did not come back: a successful execve, an exit, a death meanwhile."""

    def __repr__(self) -> str:
        return "?"

    def __reduce__(self) -> str:
        return "NO_RETURN"  # there is one of them, wherever it has been kept


NO_RETURN = NoReturn()


class Event:
    """A call of a process, from the moment it entered the kernel to the one when it left.

    `index` counts completed calls; `enter` and `exit` are positions on the run's one time line, so that calls of different
    processes can be seen to overlap. `process` names the process within the run: "1" is the first, "1.2" its second child.
    Either `errno` is 0 and `result` holds the value, or `errno` says why it failed and `row`, where known, by which rule.
    `writes` is the part of the simulated kernel's journal that the call wrote, as (start, end); None on a real kernel.
    """

    __slots__ = ("args", "call", "enter", "errno", "exit", "index", "process", "result", "row", "writes")

    def __init__(
        self,
        index: int,
        process: str,
        call: Call,
        args: tuple[Any, ...],
        result: Any,
        errno: int,
        row: Refusal | None,
        enter: int,
        exit: int,
        writes: tuple[int, int] | None,
    ) -> None:
        self.index = index
        self.process = process
        self.call = call
        self.args = args
        self.result = result
        self.errno = errno
        self.row = row
        self.enter = enter
        self.exit = exit
        self.writes = writes

    def __repr__(self) -> str:
        from kernelapi.notation import render

        return f"<{self.index}: [{self.process}] {render(self)}>"
