"""Seccomp: when a filter may be set, and who has it. What one would refuse is not modelled: so only `ALLOW` can be set."""

from fakekernel.syscalls.base import SyscallBase
from kernelapi.capability import Cap
from kernelapi.errors import NotModelled
from kernelapi.flags import SeccompFlag
from kernelapi.protocol.seccomp import (
    FILTER_FLAGS,
    FILTER_INVALID,
    FILTER_LENGTH,
    FILTER_UNPRIVILEGED,
    SECCOMP_FIXED,
    SECCOMP_MODE,
)
from kernelapi.values import BPF_RET, SECCOMP_RET_ALLOW, BpfInstruction

STRICT, FILTER = 1, 2
MAX_INSTRUCTIONS = 4096
KNOWN = sum(SeccompFlag)
TSYNC, NEW_LISTENER, TSYNC_ESRCH, WAIT_KILLABLE_RECV = map(
    int, (SeccompFlag.TSYNC, SeccompFlag.NEW_LISTENER, SeccompFlag.TSYNC_ESRCH, SeccompFlag.WAIT_KILLABLE_RECV)
)


class SeccompCalls(SyscallBase):
    """See `kernelapi.protocol.seccomp`."""

    __slots__ = ()

    def seccomp_set_mode_filter(self, flags: int, program: tuple[BpfInstruction, ...]) -> None:
        listens = flags & NEW_LISTENER
        if (
            flags & ~KNOWN
            or (listens and flags & TSYNC and not flags & TSYNC_ESRCH)
            or (flags & WAIT_KILLABLE_RECV and not listens)
        ):
            self.refuse(FILTER_FLAGS)
        self._check(program)
        if listens:
            raise NotModelled("a filter with a listener (SECCOMP_FILTER_FLAG_NEW_LISTENER)")
        # -- effects only below --
        self.task.filters += 1

    def prctl_get_seccomp(self) -> int:
        return FILTER if self.task.filters else 0

    def prctl_set_seccomp(self, mode: int, program: tuple[BpfInstruction, ...] = ()) -> None:
        if mode not in (STRICT, FILTER):
            self.fail(SECCOMP_MODE)
        if mode == STRICT:
            if self.task.filters:
                self.fail(SECCOMP_FIXED)
            raise NotModelled("the strict mode of seccomp")
        self._check(program)
        # -- effects only below --
        self.task.filters += 1

    def _check(self, program: tuple[BpfInstruction, ...]) -> None:
        """What seccomp_prepare_filter refuses."""
        if not 0 < len(program) <= MAX_INSTRUCTIONS:
            self.fail(FILTER_LENGTH)
        if not self.task.no_new_privs and not self.capable(Cap.SYS_ADMIN):
            self.refuse(FILTER_UNPRIVILEGED)
        if program[-1].code != BPF_RET:
            self.fail(FILTER_INVALID)
        if any(each.code != BPF_RET for each in program) or program[0].k != SECCOMP_RET_ALLOW:
            raise NotModelled("a filter that looks at the call, or refuses it")
