"""The file /proc/PID/timens_offsets: how far the clocks of the children's time namespace are ahead (time_namespaces(7)).

What writing it checks and what reading it shows (kernel/time/namespace.c proc_timens_set_offset, fs/proc/base.c
timens_offsets_write). It is about the namespace that the children of the process are born into, and can be written until one
has been.
"""

import re

from fakekernel.credentials import Credentials, has_capability
from fakekernel.namespaces import TimeNamespace
from fakekernel.syscalls.base import SyscallBase
from fakekernel.task import Task
from kernelapi.capability import Cap
from kernelapi.protocol.namespace_files import OFFSETS_FROZEN, OFFSETS_RANGE, OFFSETS_SYNTAX, OFFSETS_UNPRIVILEGED
from kernelapi.protocol.proc import PROC_GONE

PAGE = 4096
SECOND = 10**9
MAX_SECONDS = (2**63 - 1) // SECOND
"""More than this no ktime_t holds; offset and clock together stay below half of it."""

CLOCKS = {b"monotonic": "monotonic", b"1": "monotonic", b"boottime": "boottime", b"7": "boottime"}
MOST_LINES = 2
LINE = re.compile(rb"\s*(\S{1,9})\s*(-?[0-9]++)\s*([0-9]++)")
"""As sscanf reads "%9s %lld %lu": what follows on the line does not matter."""


def write_offsets(kernel: SyscallBase, task: Task, opener: Credentials, offset: int, data: bytes) -> int:
    """Write `data` at `offset` to the file of `task`, opened with the credentials `opener`. Returns how much was taken."""
    if offset or len(data) >= PAGE:
        kernel.refuse(OFFSETS_SYNTAX)
    wanted, taken = _parse(kernel, data)
    ns = task.namespaces.time_for_children
    if not task.lives:  # a zombie is in no time namespace (proc_timens_set_offset)
        kernel.refuse(PROC_GONE)
    if not has_capability(opener, Cap.SYS_TIME, ns.owner):
        kernel.refuse(OFFSETS_UNPRIVILEGED)
    now = kernel.machine.system.clock
    for _, ahead in wanted:
        if abs(ahead // SECOND) > MAX_SECONDS or not 0 <= (now + ahead) // SECOND <= MAX_SECONDS // 2:
            kernel.refuse(OFFSETS_RANGE)
    if ns.frozen:
        kernel.refuse(OFFSETS_FROZEN)
    # -- effects only below --
    for clock, ahead in wanted:
        if clock == "monotonic":
            ns.monotonic = ahead
        else:
            ns.boottime = ahead
    return taken


def _parse(kernel: SyscallBase, data: bytes) -> tuple[list[tuple[str, int]], int]:
    """Clocks and nanoseconds in the first two lines, and how many bytes those are."""
    text, _, _ = data.partition(b"\0")
    wanted: list[tuple[str, int]] = []
    position = 0
    while True:
        end = text.find(b"\n", position)
        line = LINE.match(text[position:] if end < 0 else text[position:end])
        if line is None or line[1] not in CLOCKS or int(line[3]) >= SECOND:
            kernel.refuse(OFFSETS_SYNTAX)
        else:
            wanted.append((CLOCKS[line[1]], int(line[2]) * SECOND + int(line[3])))
        position = end + 1
        if end < 0 or position == len(text):
            return wanted, len(data)
        if len(wanted) == MOST_LINES:
            return wanted, position


def render_offsets(ns: TimeNamespace) -> str:
    """What the file shows."""
    return "".join(
        f"{name:10} {offset // SECOND:10} {offset % SECOND:9}\n"
        for name, offset in (("monotonic", ns.monotonic), ("boottime", ns.boottime))
    )
