"""Time and randomness, on the real kernel."""

import ctypes

from kernelapi.errors import ModelError
from kernelapi.linux.base import syscall

SECOND = 10**9

_Timespec = ctypes.c_int64 * 2


class LinuxClock:
    """See `kernelapi.protocol.clock`."""

    __slots__ = ()

    def clock_gettime(self, clock: int) -> int:
        answer = _Timespec()
        syscall("clock_gettime", clock, answer)
        return int(answer[0]) * SECOND + int(answer[1])

    def clock_nanosleep(self, clock: int, flags: int, nanoseconds: int) -> None:
        syscall("clock_nanosleep", clock, flags, _Timespec(*divmod(nanoseconds, SECOND)), None)

    def getrandom(self, count: int, flags: int = 0) -> bytes:
        if count < 0:
            raise ModelError(f"{count} is no number of bytes")
        answer = ctypes.create_string_buffer(count)
        taken = syscall("getrandom", answer, count, flags)
        return answer.raw[:taken]
