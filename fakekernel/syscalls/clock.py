"""Time and randomness (kernel/time, drivers/char/random.c).

Time is virtual: it passes when every process waits, and then as far as the first one that has had enough.
"""

from collections.abc import Callable
from hashlib import blake2b

from fakekernel.namespaces import TimeNamespace
from fakekernel.syscalls.base import SyscallBase
from kernelapi.errors import ModelError, NotModelled
from kernelapi.flags import TIMER_ABSTIME, Clock, RandomFlag
from kernelapi.protocol.clock import (
    CLOCK_CANNOT_SLEEP,
    CLOCK_NEGATIVE,
    CLOCK_UNKNOWN,
    RANDOM_FLAGS,
)

EPOCH = 1_750_000_000 * 10**9
"""The real time at which every simulated machine has started, in nanoseconds since 1970."""

BLOCK = 64
"""Bytes of randomness that one hash yields."""

NONBLOCK, RANDOM, INSECURE = map(int, RandomFlag)

MOST_RANDOM = 1 << 25
"""More bytes than this at a time are not worth simulating."""


def _realtime(time: TimeNamespace) -> int:
    return EPOCH


def _monotonic(time: TimeNamespace) -> int:
    return time.monotonic


def _boottime(time: TimeNamespace) -> int:
    return time.boottime


OFFSETS: dict[int, Callable[[TimeNamespace], int]] = {
    Clock.REALTIME: _realtime,
    Clock.REALTIME_COARSE: _realtime,
    Clock.MONOTONIC: _monotonic,
    Clock.MONOTONIC_RAW: _monotonic,
    Clock.MONOTONIC_COARSE: _monotonic,
    Clock.BOOTTIME: _boottime,
}
"""What each clock shows beyond the time since boot, in a time namespace (time_namespaces(7))."""

THREAD_CPUTIME = 3
CANNOT_SLEEP = (THREAD_CPUTIME, Clock.MONOTONIC_RAW, Clock.REALTIME_COARSE, Clock.MONOTONIC_COARSE)

NOT_SIMULATED = {2: "the CPU time of a process", THREAD_CPUTIME: "the CPU time of a thread", 8: "CLOCK_REALTIME_ALARM",
                 9: "CLOCK_BOOTTIME_ALARM", 11: "CLOCK_TAI"}  # fmt: skip


class ClockCalls(SyscallBase):
    """What time it is, waiting for later, and randomness."""

    __slots__ = ()

    def clock_gettime(self, clock: int) -> int:
        offset = OFFSETS.get(clock)
        if offset is None:
            self._unknown(clock)
            offset = _monotonic
        return self.machine.system.clock + offset(self.task.namespaces.time)

    def clock_nanosleep(self, clock: int, flags: int, nanoseconds: int) -> None:
        task, system = self.task, self.machine.system
        deadline = task.progress
        if deadline is None:
            if clock in CANNOT_SLEEP:
                self.refuse(CLOCK_CANNOT_SLEEP)
            offset = OFFSETS.get(clock)
            if offset is None:
                self._unknown(clock)
                offset = _monotonic
            if nanoseconds < 0:
                self.refuse(CLOCK_NEGATIVE)
            if flags & TIMER_ABSTIME:
                deadline = nanoseconds - offset(task.namespaces.time)
            else:
                deadline = system.clock + nanoseconds
        if system.clock < deadline:
            task.progress = deadline
            self.block("sleeping", deadline=deadline)

    def _unknown(self, clock: int) -> None:
        if clock < 0:
            raise NotModelled(f"clock {clock}: a clock behind a descriptor, or the CPU time of another process")
        if clock in NOT_SIMULATED:
            raise NotModelled(f"clock {clock}: {NOT_SIMULATED[clock]}")
        self.refuse(CLOCK_UNKNOWN)

    def getrandom(self, count: int, flags: int = 0) -> bytes:
        if count < 0:
            raise ModelError(f"{count} is no number of bytes")
        if flags & ~(NONBLOCK | RANDOM | INSECURE) or (flags & RANDOM and flags & INSECURE):
            self.refuse(RANDOM_FLAGS)
        if count > MOST_RANDOM:
            raise NotModelled(f"{count} random bytes at a time")
        # -- effects only below --
        if not count:
            return b""
        system = self.machine.system
        start = system.random
        system.random = end = start + count
        return _stream(self.machine.seed, start, end)


def _stream(seed: int, start: int, end: int) -> bytes:
    """Bytes `start` to `end` of the machine's randomness: blake2b over the seed and the number of the block, block by block."""
    first = start // BLOCK
    blocks = (blake2b(f"{seed}:{block}".encode()).digest() for block in range(first, (end + BLOCK - 1) // BLOCK))
    return b"".join(blocks)[start - first * BLOCK : end - first * BLOCK]
