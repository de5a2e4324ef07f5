"""Time and randomness: virtual and seeded in the model (kernel/time, drivers/char/random.c)."""

from errno import EINTR, EINVAL, EOPNOTSUPP
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.rules import ARGUMENTS, ENVIRONMENT, Refusal

CLOCK_UNKNOWN = Refusal(
    "clock_gettime.einval", call="clock_gettime", errno=EINVAL, depends=ARGUMENTS,
    cause="there is no such clock", source="clock_gettime(2); kernel/time/posix-timers.c clockid_to_kclock",
)  # fmt: skip
CLOCK_CANNOT_SLEEP = Refusal(
    "clock_nanosleep.eopnotsupp", call="clock_nanosleep", errno=EOPNOTSUPP, depends=ARGUMENTS,
    cause="the clock is not one that can be slept by: CLOCK_MONOTONIC_RAW, a coarse one, the time of a thread",
    source="clock_nanosleep(2); kernel/time/posix-timers.c clock_nanosleep",
)  # fmt: skip
CLOCK_NEGATIVE = Refusal(
    "clock_nanosleep.einval.time", call="clock_nanosleep", errno=EINVAL, depends=ARGUMENTS,
    cause="the time is negative", source="clock_nanosleep(2); include/linux/time64.h timespec64_valid",
)  # fmt: skip
CLOCK_INTERRUPTED = Refusal(
    "clock_nanosleep.eintr", call="clock_nanosleep", errno=EINTR, depends=ENVIRONMENT,
    excuse="needs a race: with a handler, and programs of the protocol have none",
    cause="a signal with a handler came", source="clock_nanosleep(2); kernel/time/hrtimer.c do_nanosleep",
)  # fmt: skip
RANDOM_FLAGS = Refusal(
    "getrandom.einval", call="getrandom", errno=EINVAL, depends=ARGUMENTS,
    cause="an unknown flag, or GRND_RANDOM together with GRND_INSECURE",
    source="getrandom(2); drivers/char/random.c getrandom",
)  # fmt: skip


class ClockAndRandom(Protocol):
    """What would make a run differ from the next, asked of the kernel like all else."""

    @syscall(CLOCK_UNKNOWN)
    def clock_gettime(self, clock: int) -> int:
        """The time of `clock` (a `Clock`), in nanoseconds."""

    @syscall(CLOCK_UNKNOWN, CLOCK_CANNOT_SLEEP, CLOCK_NEGATIVE, CLOCK_INTERRUPTED)
    def clock_nanosleep(self, clock: int, flags: int, nanoseconds: int) -> None:
        """Sleep for `nanoseconds`; with TIMER_ABSTIME, until `clock` shows so many."""

    @syscall(RANDOM_FLAGS)
    def getrandom(self, count: int, flags: int = 0) -> bytes:
        """`count` random bytes (`RandomFlag` bits)."""
