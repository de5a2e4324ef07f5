"""Seccomp: when a filter may be set, and who has it (seccomp(2), kernel/seccomp.c). What one refuses is not asked here.

A program is a tuple of classic BPF instructions; `ALLOW` (`kernelapi.values`) is the one that refuses nothing.
"""

from errno import EACCES, EINVAL
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.rules import ARGUMENTS, STATE, Refusal
from kernelapi.values import BpfInstruction

FILTER_FLAGS = Refusal(
    "seccomp_set_mode_filter.einval.flags", call="seccomp_set_mode_filter", errno=EINVAL, depends=ARGUMENTS,
    cause="an unknown flag; or a listener with TSYNC and without TSYNC_ESRCH; or WAIT_KILLABLE_RECV without a listener",
    source="seccomp(2); kernel/seccomp.c seccomp_set_mode_filter",
)  # fmt: skip
SECCOMP_MODE = Refusal(
    "prctl_set_seccomp.einval.mode", call="prctl_set_seccomp", errno=EINVAL, depends=ARGUMENTS,
    cause="the mode is neither 1 (strict) nor 2 (filter)", source="PR_SET_SECCOMP(2const); kernel/seccomp.c prctl_set_seccomp",
)  # fmt: skip
SECCOMP_FIXED = Refusal(
    "prctl_set_seccomp.einval.fixed", call="prctl_set_seccomp", errno=EINVAL, depends=STATE,
    cause="the caller has a filter: there is no way to the strict mode", source="kernel/seccomp.c seccomp_may_assign_mode",
)  # fmt: skip
FILTER_LENGTH = Refusal(
    "seccomp.einval.length", call="seccomp", errno=EINVAL, depends=ARGUMENTS,
    cause="the program is empty, or has more than 4096 instructions",
    source="seccomp(2); kernel/seccomp.c seccomp_prepare_filter",
)  # fmt: skip
FILTER_UNPRIVILEGED = Refusal(
    "seccomp.eacces", call="seccomp", errno=EACCES, depends=STATE,
    cause="the caller has neither no_new_privs nor CAP_SYS_ADMIN over its user namespace",
    source="seccomp(2); kernel/seccomp.c seccomp_prepare_filter",
)  # fmt: skip
FILTER_INVALID = Refusal(
    "seccomp.einval.program", call="seccomp", errno=EINVAL, depends=ARGUMENTS,
    cause="the program is not valid: it does not end with a return", source="seccomp(2); net/core/filter.c bpf_check_classic",
)  # fmt: skip

FILTER = (FILTER_LENGTH, FILTER_UNPRIVILEGED, FILTER_INVALID)


class Seccomp(Protocol):
    """Filters of system calls."""

    @syscall(FILTER_FLAGS, *FILTER)
    def seccomp_set_mode_filter(self, flags: int, program: tuple[BpfInstruction, ...]) -> None:
        """Add a filter, for good: what the caller executes, and its children, have it too (SECCOMP_SET_MODE_FILTER)."""

    @syscall()
    def prctl_get_seccomp(self) -> int:
        """The mode of the calling thread: 0 for none, 2 with filters (PR_GET_SECCOMP)."""

    @syscall(SECCOMP_MODE, SECCOMP_FIXED, *FILTER)
    def prctl_set_seccomp(self, mode: int, program: tuple[BpfInstruction, ...] = ()) -> None:
        """Set the mode; with mode 2 that is to add a filter (PR_SET_SECCOMP)."""
