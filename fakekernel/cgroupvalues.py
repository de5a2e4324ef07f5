"""Plain values of control groups: what may be written, and how it reads afterwards (kernel/sched, mm/memcontrol-v1.c, block).

The values have no effect of their own on the simulated machine: nobody competes for its time and memory there.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from fakekernel.cgroup import Cgroup
from fakekernel.fstypes import memory
from kernelapi.protocol.cgroups import CGROUP_RANGE, CGROUP_ROOT, CGROUP_SYNTAX, CPU_QUOTA, MEMORY_ORDER

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase


class Value(NamedTuple):
    """`default` is what the file says before anything was written; `accept(kernel, cgroup, text)` what it says after `text`."""

    default: str
    accept: "Callable[[SyscallBase, Cgroup, str], str]"


# -- numbers --


def parse_number(text: str) -> int | None:
    """A number with its sign, in the base that its prefix says; None where it is none (kstrtoll with base 0)."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    base, body = 10, digits
    if digits[:2] in ("0x", "0X"):
        base, body = 16, digits[2:]
    elif digits[:1] == "0" and len(digits) > 1:
        base, body = 8, digits[1:]
    if not (body.isascii() and body.isalnum()):
        return None
    try:
        value = int(body, base)
    except ValueError:
        return None
    return -value if text[:1] == "-" else value


def _unsigned(kernel: "SyscallBase", text: str) -> int:
    """A number of 64 bits; one newline may follow it."""
    value = None if text[:1] == "-" else parse_number(text.removesuffix("\n"))
    if value is None:
        kernel.fail(CGROUP_SYNTAX)
    if value >= 2**64:
        kernel.fail(CGROUP_RANGE)
    return value


def _signed(kernel: "SyscallBase", text: str) -> int:
    value = parse_number(text.removesuffix("\n"))
    if value is None:
        kernel.fail(CGROUP_SYNTAX)
    if not -(2**63) <= value < 2**63:
        kernel.fail(CGROUP_RANGE)
    return value


def _not_root(kernel: "SyscallBase", cgroup: Cgroup) -> None:
    if cgroup.parent is None:
        kernel.refuse(CGROUP_ROOT)


def _switch(kernel: "SyscallBase", cgroup: Cgroup, text: str) -> str:
    return "1" if _unsigned(kernel, text) else "0"


# -- cpu --

SHARES = "cpu.shares"
PERIOD, QUOTA = "cpu.cfs_period_us", "cpu.cfs_quota_us"
DEFAULT_PERIOD = 100_000
MIN_SHARES, MAX_SHARES = 2, 1 << 18
MIN_TIME, MAX_PERIOD, MAX_QUOTA = 1_000, 1_000_000, 2**44 - 1
"""Microseconds."""

UNLIMITED = -1


def _shares(kernel: "SyscallBase", cgroup: Cgroup, text: str) -> str:
    """What is too small or too large is taken for the smallest or largest (sched_group_set_shares)."""
    value = _unsigned(kernel, text)
    _not_root(kernel, cgroup)
    return str(min(max(value, MIN_SHARES), MAX_SHARES))


def _period(kernel: "SyscallBase", cgroup: Cgroup, text: str) -> str:
    period = _unsigned(kernel, text)
    _not_root(kernel, cgroup)
    quota = _time(cgroup, QUOTA, UNLIMITED)
    _check_bandwidth(kernel, cgroup, period, quota)
    return str(period)


def _quota(kernel: "SyscallBase", cgroup: Cgroup, text: str) -> str:
    quota = _signed(kernel, text)
    _not_root(kernel, cgroup)
    if quota < 0:
        quota = UNLIMITED
    _check_bandwidth(kernel, cgroup, _time(cgroup, PERIOD, DEFAULT_PERIOD), quota)
    return str(quota)


def _check_bandwidth(kernel: "SyscallBase", cgroup: Cgroup, period: int, quota: int) -> None:
    """May `cgroup` have `quota` microseconds in each `period`? (tg_set_cfs_bandwidth)"""
    if not MIN_TIME <= period <= MAX_PERIOD or (quota != UNLIMITED and not MIN_TIME <= quota <= MAX_QUOTA):
        kernel.refuse(CGROUP_SYNTAX)
    above = cgroup.parent
    share = None
    while above is not None and (share := _share(_time(above, PERIOD, DEFAULT_PERIOD), _time(above, QUOTA, UNLIMITED))) is None:
        above = above.parent
    if not _fits(cgroup, _share(period, quota), share):
        kernel.refuse(CPU_QUOTA)


def _fits(cgroup: Cgroup, share: int | None, parents: int | None) -> bool:
    """Whether `share` is not more than the parent's, and leaves enough for all below (tg_cfs_schedulable_down)."""
    if share is None:
        share = parents
    elif parents is not None and share > parents:
        return False
    return all(
        _fits(child, _share(_time(child, PERIOD, DEFAULT_PERIOD), _time(child, QUOTA, UNLIMITED)), share)
        for child in cgroup.children
    )


def _share(period: int, quota: int) -> int | None:
    """Of a processor, in parts of 2**20; None where there is no limit."""
    return None if quota == UNLIMITED else (quota << 20) // period


def _time(cgroup: Cgroup, name: str, default: int) -> int:
    value = cgroup.values.get(name)
    return default if value is None else int(value)


# -- memory --

LIMIT, LIMIT_WITH_SWAP = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"
PAGE = 4096
NO_LIMIT = (2**63 - 1) // PAGE * PAGE


def _bytes(kernel: "SyscallBase", text: str) -> int:
    """Whole pages; -1 for no limit (page_counter_memparse)."""
    text = text.strip()
    if text == "-1":
        return NO_LIMIT
    size, rest = memory(text) or (0, text)
    if rest:
        kernel.fail(CGROUP_SYNTAX)
    return min(size // PAGE * PAGE, NO_LIMIT)


def _limit(kernel: "SyscallBase", cgroup: Cgroup, text: str) -> str:
    limit = _bytes(kernel, text)
    _not_root(kernel, cgroup)
    if limit > int(cgroup.values.get(LIMIT_WITH_SWAP) or NO_LIMIT):
        kernel.refuse(MEMORY_ORDER)
    return str(limit)


def _limit_with_swap(kernel: "SyscallBase", cgroup: Cgroup, text: str) -> str:
    limit = _bytes(kernel, text)
    _not_root(kernel, cgroup)
    if limit < int(cgroup.values.get(LIMIT) or NO_LIMIT):
        kernel.refuse(MEMORY_ORDER)
    return str(limit)


def _soft_limit(kernel: "SyscallBase", cgroup: Cgroup, text: str) -> str:
    return str(_bytes(kernel, text))


# -- block devices --

MAX_WEIGHT = 1000


def _weight(kernel: "SyscallBase", cgroup: Cgroup, text: str) -> str:
    weight = _unsigned(kernel, text)
    if not 1 <= weight <= MAX_WEIGHT:
        kernel.refuse(CGROUP_RANGE)
    return str(weight)


VALUES: dict[str, Value] = {
    "notify_on_release": Value("0", _switch),
    "cgroup.clone_children": Value("0", _switch),
    SHARES: Value("1024", _shares),
    PERIOD: Value(str(DEFAULT_PERIOD), _period),
    QUOTA: Value(str(UNLIMITED), _quota),
    LIMIT: Value(str(NO_LIMIT), _limit),
    LIMIT_WITH_SWAP: Value(str(NO_LIMIT), _limit_with_swap),
    "memory.soft_limit_in_bytes": Value(str(NO_LIMIT), _soft_limit),
    "blkio.bfq.weight": Value("100", _weight),
}
"""By the name of the file."""
