"""Laws of time and randomness."""

from errno import EINVAL, EOPNOTSUPP

from kernelapi.flags import TIMER_ABSTIME, Clock, OpenFlag, RandomFlag, Signal, WaitFlag
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, read_all, refused

MILLISECOND = 10**6
MONOTONIC, BOOTTIME, REALTIME = Clock.MONOTONIC, Clock.BOOTTIME, Clock.REALTIME


@case
def time_does_not_go_back(kernel: Kernel) -> None:
    for clock in (MONOTONIC, BOOTTIME, REALTIME, Clock.MONOTONIC_RAW, Clock.MONOTONIC_COARSE):
        first = kernel.clock_gettime(clock)
        expect(f"whether clock {clock} went on", kernel.clock_gettime(clock) >= first, True)


@case
def real_time_is_of_this_century(kernel: Kernel) -> None:
    expect("whether it is after 2017", kernel.clock_gettime(REALTIME) > 1_500_000_000 * 10**9, True)


@case
def sleeping_takes_at_least_so_long(kernel: Kernel) -> None:
    for clock in (MONOTONIC, BOOTTIME, REALTIME):
        start = kernel.clock_gettime(clock)
        kernel.clock_nanosleep(clock, 0, 3 * MILLISECOND)
        expect(f"whether clock {clock} went on", kernel.clock_gettime(clock) - start >= 3 * MILLISECOND, True)


def sleep_and_tell(kernel: Kernel, milliseconds: int) -> int:
    start = kernel.clock_gettime(MONOTONIC)
    kernel.clock_nanosleep(MONOTONIC, 0, milliseconds * MILLISECOND)
    return 0 if kernel.clock_gettime(MONOTONIC) - start >= milliseconds * MILLISECOND else 1


@case
def who_is_stopped_asleep_sleeps_on(kernel: Kernel) -> None:
    pid = kernel.clone(Signal.CHLD, sleep_and_tell, 60)
    kernel.clock_nanosleep(MONOTONIC, 0, 20 * MILLISECOND)
    kernel.kill(pid, Signal.STOP)
    kernel.wait4(pid, WaitFlag.UNTRACED)
    kernel.kill(pid, Signal.CONT)
    expect("whether it slept in all as long as it wanted", kernel.wait4(pid), (pid, 0))


@case
def sleeping_until_a_time_ends_then(kernel: Kernel) -> None:
    for clock in (MONOTONIC, REALTIME):
        until = kernel.clock_gettime(clock) + 3 * MILLISECOND
        kernel.clock_nanosleep(clock, TIMER_ABSTIME, until)
        expect(f"whether clock {clock} is there", kernel.clock_gettime(clock) >= until, True)


@case
def sleeping_until_the_past_does_not_wait(kernel: Kernel) -> None:
    for clock in (MONOTONIC, BOOTTIME, REALTIME):
        kernel.clock_nanosleep(clock, TIMER_ABSTIME, 1)
        kernel.clock_nanosleep(clock, 0, 0)


@case
def some_numbers_are_no_clocks(kernel: Kernel) -> None:
    for clock in (10, 12, 16, 1000):
        refused(EINVAL, kernel.clock_gettime, clock)
        refused(EINVAL, kernel.clock_nanosleep, clock, 0, -1)


@case
def not_every_clock_can_be_slept_by(kernel: Kernel) -> None:
    for clock in (Clock.MONOTONIC_RAW, Clock.MONOTONIC_COARSE):
        refused(EOPNOTSUPP, kernel.clock_nanosleep, clock, 0, 0)
        refused(EOPNOTSUPP, kernel.clock_nanosleep, clock, 0, -1)


@case
def a_negative_time_is_invalid(kernel: Kernel) -> None:
    refused(EINVAL, kernel.clock_nanosleep, MONOTONIC, 0, -1)
    refused(EINVAL, kernel.clock_nanosleep, REALTIME, TIMER_ABSTIME, -(10**9))


def write_later(kernel: Kernel, word: bytes, milliseconds: int, to: Fd) -> None:
    kernel.clock_nanosleep(MONOTONIC, 0, milliseconds * MILLISECOND)
    kernel.write(to, word)


@case
def who_sleeps_less_wakes_first(kernel: Kernel) -> None:
    reader, writer = kernel.pipe()
    sleepers = ((b"c", 120), (b"a", 20), (b"b", 70))
    pids = [kernel.clone(Signal.CHLD, write_later, word, milliseconds, writer) for word, milliseconds in sleepers]
    kernel.close(writer)
    expect("the order of waking", read_all(kernel, reader), b"abc")
    for pid in pids:
        kernel.wait4(pid)


@case
def random_bytes_are_as_many_as_asked_for(kernel: Kernel) -> None:
    for count in (0, 1, 63, 64, 65, 256, 1000, 70_000):
        expect("the number of bytes", len(kernel.getrandom(count)), count)
    for flags in (RandomFlag.NONBLOCK, RandomFlag.RANDOM, RandomFlag.INSECURE, RandomFlag.NONBLOCK | RandomFlag.RANDOM):
        expect("the number of bytes", len(kernel.getrandom(16, flags)), 16)


def draw(kernel: Kernel) -> bytes:
    return kernel.getrandom(16)


@case
def random_bytes_do_not_come_again(kernel: Kernel) -> None:
    drawn = [kernel.getrandom(16), kernel.getrandom(16), in_child(kernel, draw), in_child(kernel, draw), kernel.getrandom(16)]
    expect("the number of different ones", len(set(drawn)), len(drawn))


@case
def unknown_flags_of_randomness_are_invalid(kernel: Kernel) -> None:
    refused(EINVAL, kernel.getrandom, 16, 8)
    refused(EINVAL, kernel.getrandom, 0, 8)
    refused(EINVAL, kernel.getrandom, 16, RandomFlag.RANDOM | RandomFlag.INSECURE)


@case(tree=True)
def uptime_is_the_time_since_boot(kernel: Kernel) -> None:
    before = kernel.clock_gettime(Clock.BOOTTIME)
    fd = kernel.open("/proc/uptime", OpenFlag.RDONLY)
    up, idle = kernel.read(fd, 100).decode().split()
    after = kernel.clock_gettime(Clock.BOOTTIME)
    seconds, _, hundredths = up.partition(".")
    expect("in hundredths of a second", before // 10**7 <= int(seconds + hundredths) <= after // 10**7, True)
    expect("how they are written", (len(hundredths), len(idle.partition(".")[2])), (2, 2))
