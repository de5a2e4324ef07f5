"""The cpuset controller, as far as its lists of processors and memory nodes go (cpuset(7), kernel/cgroup/cpuset.c)."""

from typing import TYPE_CHECKING

from fakekernel.cgroup import Cgroup
from kernelapi.protocol.cgroups import (
    CGROUP_RANGE,
    CGROUP_SYNTAX,
    CPUSET_BEYOND,
    CPUSET_CHILDREN,
    CPUSET_PARENT,
    CPUSET_POPULATED,
    CPUSET_ROOT,
)

if TYPE_CHECKING:
    from fakekernel.machine import Machine
    from fakekernel.syscalls.base import SyscallBase

CPUSET = "cpuset"
CPUS, MEMS = "cpuset.cpus", "cpuset.mems"
LISTS = (CPUS, MEMS)
NODES = 1024
"""So many memory nodes a kernel for 64-bit machines can number (MAX_NUMNODES)."""


def held(machine: "Machine", cgroup: Cgroup, name: str) -> frozenset[int]:
    """The processors or memory nodes of a cpuset: those that were written to its file `name`; of the root, all."""
    if cgroup.parent is None:
        return all_of(machine, name)
    return _members(cgroup.values.get(name) or "")


def all_of(machine: "Machine", name: str) -> frozenset[int]:
    """What the machine has: one memory node."""
    return frozenset(range(machine.host.processors if name == CPUS else 1))


def write(kernel: "SyscallBase", cgroup: Cgroup, name: str, text: str) -> None:
    """Give `cgroup` the list `text` of processors or memory nodes (update_cpumask, update_nodemask)."""
    machine = kernel.machine
    if cgroup.parent is None:
        kernel.fail(CPUSET_ROOT)
    wanted = _parse(kernel, text, machine.host.processors if name == CPUS else NODES)
    if not wanted <= all_of(machine, name):
        kernel.refuse(CPUSET_BEYOND)
    old = held(machine, cgroup, name)
    if wanted == old:
        return
    if any(not held(machine, child, name) <= wanted for child in cgroup.children):
        kernel.refuse(CPUSET_CHILDREN)
    if not wanted <= held(machine, cgroup.parent, name):
        kernel.refuse(CPUSET_PARENT)
    if old and not wanted and cgroup.members:
        kernel.refuse(CPUSET_POPULATED)
    # -- effects only below --
    cgroup.values[name] = render(wanted)


def is_empty(machine: "Machine", cgroup: Cgroup) -> bool:
    """Whether it lacks processors or memory nodes: no process can be in it."""
    return not all(held(machine, cgroup, name) for name in LISTS)


def render(numbers: frozenset[int]) -> str:
    """As the kernel prints a set: "0-1,3" (%*pbl)."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _members(text: str) -> frozenset[int]:
    """The set that `render` printed."""
    found: set[int] = set()
    for run in filter(None, text.split(",")):
        first, _, last = run.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def _parse(kernel: "SyscallBase", text: str, size: int) -> frozenset[int]:
    """The set that a list such as "0-3:1/2,7" means, of numbers below `size` (bitmap_parselist)."""
    found: set[int] = set()
    for region in text.replace(",", " ").split():
        if region == "all":
            found.update(range(size))
            continue
        span, has_group, group = region.partition(":")
        first_text, is_range, last_text = span.partition("-")
        first = _number(kernel, first_text, size)
        last = _number(kernel, last_text, size) if is_range else first
        used = step = 1
        if has_group:
            used_text, _, step_text = group.partition("/")
            used, step = _number(kernel, used_text, size), _number(kernel, step_text, size)
        if first > last or step == 0 or used > step or (has_group and not is_range):
            kernel.fail(CGROUP_SYNTAX)
        if last >= size:
            kernel.fail(CGROUP_RANGE)
        for start in range(first, last + 1, step):
            found.update(range(start, min(start + used, last + 1)))
    return frozenset(found)


def _number(kernel: "SyscallBase", text: str, size: int) -> int:
    if text == "N":  # the last one
        return size - 1
    if not (text.isascii() and text.isdigit()):
        kernel.fail(CGROUP_SYNTAX)
    return min(int(text), 2**32)
