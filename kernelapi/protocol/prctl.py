"""The operations of prctl(2), a method each, in the order of the manual's list (kernel/sys.c, security/commoncap.c)."""

from typing import Protocol

from kernelapi.call import syscall


class Prctl(Protocol):
    """What a process may say of itself."""

    @syscall()
    def prctl_capbset_read(self, cap: int) -> bool:
        """Whether `cap` is in the bounding set (PR_CAPBSET_READ)."""

    @syscall()
    def prctl_capbset_drop(self, cap: int) -> None:
        """Take `cap` out of the bounding set, for good (PR_CAPBSET_DROP)."""

    @syscall()
    def prctl_cap_ambient_is_set(self, cap: int) -> bool:
        """Whether `cap` is in the ambient set (PR_CAP_AMBIENT_IS_SET)."""

    @syscall()
    def prctl_cap_ambient_raise(self, cap: int) -> None:
        """Add `cap` to the ambient set (PR_CAP_AMBIENT_RAISE)."""

    @syscall()
    def prctl_cap_ambient_lower(self, cap: int) -> None:
        """Take `cap` out of the ambient set (PR_CAP_AMBIENT_LOWER)."""

    @syscall()
    def prctl_cap_ambient_clear_all(self) -> None:
        """Empty the ambient set (PR_CAP_AMBIENT_CLEAR_ALL)."""

    @syscall()
    def prctl_get_child_subreaper(self) -> bool:
        """Whether orphaned descendants are given to this process (PR_GET_CHILD_SUBREAPER)."""

    @syscall()
    def prctl_set_child_subreaper(self, on: int) -> None:
        """Be the one to whom orphaned descendants are given (PR_SET_CHILD_SUBREAPER)."""

    @syscall()
    def prctl_get_dumpable(self) -> int:
        """0: not dumpable; 1: dumpable; 2: readable by root only (PR_GET_DUMPABLE)."""

    @syscall()
    def prctl_set_dumpable(self, dumpable: int) -> None:
        """Set whether the process may be dumped and traced: 0 or 1 (PR_SET_DUMPABLE)."""

    @syscall()
    def prctl_get_keepcaps(self) -> bool:
        """Whether leaving uid 0 keeps the permitted set (PR_GET_KEEPCAPS)."""

    @syscall()
    def prctl_set_keepcaps(self, keep: int) -> None:
        """Keep the permitted set when all user ids leave 0; until the next execve (PR_SET_KEEPCAPS)."""

    @syscall()
    def prctl_get_name(self) -> str:
        """The name of the calling thread (PR_GET_NAME)."""

    @syscall()
    def prctl_set_name(self, name: str) -> None:
        """Name the calling thread; 15 bytes are kept (PR_SET_NAME)."""

    @syscall()
    def prctl_get_no_new_privs(self) -> bool:
        """Whether execve can no longer grant privileges (PR_GET_NO_NEW_PRIVS)."""

    @syscall()
    def prctl_set_no_new_privs(self, on: int) -> None:
        """Give up for good what execve could grant; `on` must be 1 (PR_SET_NO_NEW_PRIVS)."""

    @syscall()
    def prctl_get_pdeathsig(self) -> int:
        """The signal that the caller gets when its parent dies; 0 for none (PR_GET_PDEATHSIG)."""

    @syscall()
    def prctl_set_pdeathsig(self, signal: int) -> None:
        """Ask for `signal` when the parent thread dies; 0 for none (PR_SET_PDEATHSIG)."""

    @syscall()
    def prctl_get_securebits(self) -> int:
        """The securebits, a set of `Securebit` (PR_GET_SECUREBITS)."""

    @syscall()
    def prctl_set_securebits(self, bits: int) -> None:
        """Replace the securebits (PR_SET_SECUREBITS)."""
