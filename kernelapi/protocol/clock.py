"""Time and randomness: virtual and seeded in the model (kernel/time, drivers/char/random.c)."""

from typing import Protocol

from kernelapi.call import syscall


class ClockAndRandom(Protocol):
    """What would make a run differ from the next, asked of the kernel like all else."""

    @syscall()
    def clock_gettime(self, clock: int) -> int:
        """The time of `clock` in nanoseconds."""

    @syscall()
    def clock_nanosleep(self, clock: int, flags: int, nanoseconds: int) -> None:
        """Sleep for `nanoseconds`, or until that time of `clock` with TIMER_ABSTIME."""

    @syscall()
    def getrandom(self, count: int, flags: int = 0) -> bytes:
        """`count` random bytes, at most 256."""
