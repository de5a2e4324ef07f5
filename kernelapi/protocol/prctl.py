"""The operations of prctl(2), a method each, in the order of the manual's list (kernel/sys.c, security/commoncap.c).

An argument is an unsigned machine word: -1 is 18446744073709551615. Arguments that an operation does not use are zeros.
"""

from errno import EINVAL, EPERM
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.protocol.credentials import CREDENTIALS_NO_MEMORY
from kernelapi.rules import ARGUMENTS, STATE, Effect, Refusal

CAPBSET_READ_INVALID = Refusal(
    "prctl_capbset_read.einval", call="prctl_capbset_read", errno=EINVAL, depends=ARGUMENTS,
    cause="no capability has this number", source="PR_CAPBSET_READ(2const); security/commoncap.c cap_task_prctl",
)  # fmt: skip
CAPBSET_DROP_UNPRIVILEGED = Refusal(
    "prctl_capbset_drop.eperm", call="prctl_capbset_drop", errno=EPERM, depends=STATE,
    cause="the caller lacks CAP_SETPCAP over its user namespace",
    source="PR_CAPBSET_DROP(2const); security/commoncap.c cap_prctl_drop",
)  # fmt: skip
CAPBSET_DROP_INVALID = Refusal(
    "prctl_capbset_drop.einval", call="prctl_capbset_drop", errno=EINVAL, depends=ARGUMENTS,
    cause="no capability has this number", source="PR_CAPBSET_DROP(2const); security/commoncap.c cap_prctl_drop",
)  # fmt: skip
AMBIENT_INVALID = Refusal(
    "prctl_cap_ambient.einval", call="prctl_cap_ambient", errno=EINVAL, depends=ARGUMENTS,
    cause="no capability has this number", source="PR_CAP_AMBIENT(2const); security/commoncap.c cap_task_prctl",
)  # fmt: skip
AMBIENT_NOT_PERMITTED = Refusal(
    "prctl_cap_ambient_raise.eperm.permitted", call="prctl_cap_ambient_raise", errno=EPERM, depends=STATE,
    cause="the capability is not in the permitted set",
    source="PR_CAP_AMBIENT_RAISE(2const); security/commoncap.c cap_task_prctl",
)  # fmt: skip
AMBIENT_NOT_INHERITABLE = Refusal(
    "prctl_cap_ambient_raise.eperm.inheritable", call="prctl_cap_ambient_raise", errno=EPERM, depends=STATE,
    cause="the capability is not in the inheritable set",
    source="PR_CAP_AMBIENT_RAISE(2const); security/commoncap.c cap_task_prctl",
)  # fmt: skip
AMBIENT_LOCKED = Refusal(
    "prctl_cap_ambient_raise.eperm.securebits", call="prctl_cap_ambient_raise", errno=EPERM, depends=STATE,
    cause="the securebit NO_CAP_AMBIENT_RAISE is set",
    source="PR_CAP_AMBIENT_RAISE(2const); security/commoncap.c cap_task_prctl",
)  # fmt: skip
DUMPABLE_INVALID = Refusal(
    "prctl_set_dumpable.einval", call="prctl_set_dumpable", errno=EINVAL, depends=ARGUMENTS,
    cause="the value is neither 0 nor 1: 2 can only be the value of suid_dumpable",
    source="PR_SET_DUMPABLE(2const); kernel/sys.c",
)  # fmt: skip
KEEPCAPS_INVALID = Refusal(
    "prctl_set_keepcaps.einval", call="prctl_set_keepcaps", errno=EINVAL, depends=ARGUMENTS,
    cause="the value is neither 0 nor 1", source="PR_SET_KEEPCAPS(2const); security/commoncap.c cap_task_prctl",
)  # fmt: skip
KEEPCAPS_LOCKED = Refusal(
    "prctl_set_keepcaps.eperm", call="prctl_set_keepcaps", errno=EPERM, depends=STATE,
    cause="the securebit KEEP_CAPS_LOCKED is set, even where nothing would change",
    source="PR_SET_KEEPCAPS(2const); security/commoncap.c cap_task_prctl",
)  # fmt: skip
NO_NEW_PRIVS_INVALID = Refusal(
    "prctl_set_no_new_privs.einval", call="prctl_set_no_new_privs", errno=EINVAL, depends=ARGUMENTS,
    cause="the value is not 1: there is no way back", source="PR_SET_NO_NEW_PRIVS(2const); kernel/sys.c",
)  # fmt: skip
PDEATHSIG_INVALID = Refusal(
    "prctl_set_pdeathsig.einval", call="prctl_set_pdeathsig", errno=EINVAL, depends=ARGUMENTS,
    cause="the signal is not one of 0 to 64", source="PR_SET_PDEATHSIG(2const); kernel/sys.c",
)  # fmt: skip
SECUREBITS_LOCKED = Refusal(
    "prctl_set_securebits.eperm.locked", call="prctl_set_securebits", errno=EPERM, depends=STATE,
    cause="a bit would change whose lock is set", source="capabilities(7); security/commoncap.c cap_task_prctl",
)  # fmt: skip
SECUREBITS_UNLOCK = Refusal(
    "prctl_set_securebits.eperm.unlock", call="prctl_set_securebits", errno=EPERM, depends=STATE,
    cause="a lock would be taken away", source="capabilities(7); security/commoncap.c cap_task_prctl",
)  # fmt: skip
SECUREBITS_UNKNOWN = Refusal(
    "prctl_set_securebits.eperm.unknown", call="prctl_set_securebits", errno=EPERM, depends=ARGUMENTS,
    cause="a bit is set that the kernel does not know", source="capabilities(7); security/commoncap.c cap_task_prctl",
)  # fmt: skip
SECUREBITS_UNCHANGED = Refusal(
    "prctl_set_securebits.eperm.unchanged", call="prctl_set_securebits", errno=EPERM, depends=STATE,
    cause="the caller lacks CAP_SETPCAP over its user namespace, even though nothing would change",
    source="security/commoncap.c cap_task_prctl",
)  # fmt: skip
SECUREBITS_UNPRIVILEGED = Refusal(
    "prctl_set_securebits.eperm.unprivileged", call="prctl_set_securebits", errno=EPERM, depends=STATE,
    cause="the caller lacks CAP_SETPCAP over its user namespace, and other bits than EXEC_RESTRICT_FILE, "
    "EXEC_DENY_INTERACTIVE and their locks would change (before 6.14: any)",
    source="capabilities(7); security/commoncap.c cap_task_prctl",
)  # fmt: skip

NAME_CUT = Effect(
    "prctl_set_name.cut", call="prctl_set_name",
    cause="what follows the first 15 bytes, or a NUL, is left out without an error",
    source="PR_SET_NAME(2const); kernel/sys.c",
)  # fmt: skip


class Prctl(Protocol):
    """What a process may say of itself."""

    @syscall(CAPBSET_READ_INVALID)
    def prctl_capbset_read(self, cap: int) -> bool:
        """Whether `cap` is in the bounding set (PR_CAPBSET_READ)."""

    @syscall(CAPBSET_DROP_UNPRIVILEGED, CAPBSET_DROP_INVALID, CREDENTIALS_NO_MEMORY)
    def prctl_capbset_drop(self, cap: int) -> None:
        """Take `cap` out of the bounding set, for good (PR_CAPBSET_DROP)."""

    @syscall(AMBIENT_INVALID)
    def prctl_cap_ambient_is_set(self, cap: int) -> bool:
        """Whether `cap` is in the ambient set (PR_CAP_AMBIENT_IS_SET)."""

    @syscall(AMBIENT_INVALID, AMBIENT_NOT_PERMITTED, AMBIENT_NOT_INHERITABLE, AMBIENT_LOCKED, CREDENTIALS_NO_MEMORY)
    def prctl_cap_ambient_raise(self, cap: int) -> None:
        """Add `cap` to the ambient set (PR_CAP_AMBIENT_RAISE)."""

    @syscall(AMBIENT_INVALID, CREDENTIALS_NO_MEMORY)
    def prctl_cap_ambient_lower(self, cap: int) -> None:
        """Take `cap` out of the ambient set (PR_CAP_AMBIENT_LOWER)."""

    @syscall(CREDENTIALS_NO_MEMORY)
    def prctl_cap_ambient_clear_all(self) -> None:
        """Empty the ambient set (PR_CAP_AMBIENT_CLEAR_ALL)."""

    @syscall()
    def prctl_get_child_subreaper(self) -> bool:
        """Whether orphaned descendants are given to this process (PR_GET_CHILD_SUBREAPER)."""

    @syscall()
    def prctl_set_child_subreaper(self, on: int) -> None:
        """Be the one to whom orphaned descendants are given, those born before too (PR_SET_CHILD_SUBREAPER)."""

    @syscall()
    def prctl_get_dumpable(self) -> int:
        """0: not dumpable; 1: dumpable; 2: readable by root only (PR_GET_DUMPABLE)."""

    @syscall(DUMPABLE_INVALID)
    def prctl_set_dumpable(self, dumpable: int) -> None:
        """Set whether the process may be dumped and traced: 0 or 1 (PR_SET_DUMPABLE)."""

    @syscall()
    def prctl_get_keepcaps(self) -> bool:
        """Whether leaving uid 0 keeps the permitted set (PR_GET_KEEPCAPS)."""

    @syscall(KEEPCAPS_INVALID, KEEPCAPS_LOCKED, CREDENTIALS_NO_MEMORY)
    def prctl_set_keepcaps(self, keep: int) -> None:
        """Keep the permitted set when all user ids leave 0; until the next execve (PR_SET_KEEPCAPS)."""

    @syscall()
    def prctl_get_name(self) -> str:
        """The name of the calling thread (PR_GET_NAME)."""

    @syscall(NAME_CUT)
    def prctl_set_name(self, name: str) -> None:
        """Name the calling thread; 15 bytes are kept (PR_SET_NAME)."""

    @syscall()
    def prctl_get_no_new_privs(self) -> bool:
        """Whether execve can no longer grant privileges (PR_GET_NO_NEW_PRIVS)."""

    @syscall(NO_NEW_PRIVS_INVALID)
    def prctl_set_no_new_privs(self, on: int) -> None:
        """Give up for good what execve could grant; `on` must be 1 (PR_SET_NO_NEW_PRIVS)."""

    @syscall()
    def prctl_get_pdeathsig(self) -> int:
        """The signal that the caller gets when its parent dies; 0 for none (PR_GET_PDEATHSIG)."""

    @syscall(PDEATHSIG_INVALID)
    def prctl_set_pdeathsig(self, signal: int) -> None:
        """Ask for `signal` when the parent thread dies; 0 for none (PR_SET_PDEATHSIG)."""

    @syscall()
    def prctl_get_securebits(self) -> int:
        """The securebits, a set of `Securebit` (PR_GET_SECUREBITS)."""

    @syscall(
        SECUREBITS_LOCKED, SECUREBITS_UNLOCK, SECUREBITS_UNKNOWN, SECUREBITS_UNCHANGED, SECUREBITS_UNPRIVILEGED,
        CREDENTIALS_NO_MEMORY,
    )  # fmt: skip
    def prctl_set_securebits(self, bits: int) -> None:
        """Replace the securebits (PR_SET_SECUREBITS)."""
