"""The operations of prctl(2) (kernel/sys.c, security/commoncap.c)."""

import os

from fakekernel.syscalls.base import SyscallBase
from kernelapi.capability import EMPTY, LAST_CAP, Cap, CapSet
from kernelapi.flags import LAST_SIGNAL, Securebit
from kernelapi.protocol.prctl import (
    AMBIENT_INVALID,
    AMBIENT_LOCKED,
    AMBIENT_NOT_INHERITABLE,
    AMBIENT_NOT_PERMITTED,
    CAPBSET_DROP_INVALID,
    CAPBSET_DROP_UNPRIVILEGED,
    CAPBSET_READ_INVALID,
    DUMPABLE_INVALID,
    KEEPCAPS_INVALID,
    KEEPCAPS_LOCKED,
    NAME_CUT,
    NO_NEW_PRIVS_INVALID,
    PDEATHSIG_INVALID,
    SECUREBITS_LOCKED,
    SECUREBITS_UNCHANGED,
    SECUREBITS_UNKNOWN,
    SECUREBITS_UNLOCK,
    SECUREBITS_UNPRIVILEGED,
)
from kernelapi.rules import Refusal

_NAME_LENGTH = 15
_WORD = 2**64 - 1

_ALL_BITS = sum(Securebit)
_ALL_LOCKS = _ALL_BITS & 0xAAA  # each lock stands above its bit
_UNPRIVILEGED = int(
    Securebit.EXEC_RESTRICT_FILE
    | Securebit.EXEC_RESTRICT_FILE_LOCKED
    | Securebit.EXEC_DENY_INTERACTIVE
    | Securebit.EXEC_DENY_INTERACTIVE_LOCKED
)
"""What only user space looks at: anybody may change these."""


class PrctlCalls(SyscallBase):
    """The operations of prctl(2)."""

    __slots__ = ()

    # -- capabilities --

    def prctl_capbset_read(self, cap: int) -> bool:
        if not 0 <= cap <= LAST_CAP:
            self.refuse(CAPBSET_READ_INVALID)
            return False
        return cap in self.task.cred.bounding

    def prctl_capbset_drop(self, cap: int) -> None:
        old = self.task.cred
        # The manual lists EINVAL alone; the capability is checked first.
        if not self.capable(Cap.SETPCAP):
            self.refuse(CAPBSET_DROP_UNPRIVILEGED)
        if not 0 <= cap <= LAST_CAP:
            self.refuse(CAPBSET_DROP_INVALID)
            return
        # -- effects only below --
        self.commit_creds(old._replace(bounding=old.bounding - CapSet.of(cap)))

    def prctl_cap_ambient_is_set(self, cap: int) -> bool:
        return self._valid_ambient(cap) and cap in self.task.cred.ambient

    def prctl_cap_ambient_raise(self, cap: int) -> None:
        old = self.task.cred
        if not self._valid_ambient(cap):
            return
        allowed = True
        if cap not in old.permitted:
            allowed = self._refused(AMBIENT_NOT_PERMITTED)
        if cap not in old.inheritable:
            allowed = self._refused(AMBIENT_NOT_INHERITABLE)
        if old.has_securebit(Securebit.NO_CAP_AMBIENT_RAISE):
            self.refuse(AMBIENT_LOCKED)
        # -- effects only below: where a row is suspended, what is not permitted or inheritable still cannot be ambient --
        if allowed:
            self.commit_creds(old._replace(ambient=old.ambient | CapSet.of(cap)))

    def prctl_cap_ambient_lower(self, cap: int) -> None:
        old = self.task.cred
        if self._valid_ambient(cap):
            self.commit_creds(old._replace(ambient=old.ambient - CapSet.of(cap)))

    def prctl_cap_ambient_clear_all(self) -> None:
        self.commit_creds(self.task.cred._replace(ambient=EMPTY))

    def _valid_ambient(self, cap: int) -> bool:
        return 0 <= cap <= LAST_CAP or self._refused(AMBIENT_INVALID)

    def _refused(self, row: Refusal) -> bool:
        """Refuse by `row`; False where it is suspended."""
        self.refuse(row)
        return False

    def prctl_get_keepcaps(self) -> bool:
        return self.task.cred.has_securebit(Securebit.KEEP_CAPS)

    def prctl_set_keepcaps(self, keep: int) -> None:
        old = self.task.cred
        keep &= _WORD
        if keep > 1:
            self.refuse(KEEPCAPS_INVALID)
        if old.has_securebit(Securebit.KEEP_CAPS_LOCKED):
            self.refuse(KEEPCAPS_LOCKED)
        # -- effects only below --
        kept = old.securebits | Securebit.KEEP_CAPS if keep else old.securebits & ~Securebit.KEEP_CAPS
        self.commit_creds(old._replace(securebits=int(kept)))

    def prctl_get_securebits(self) -> int:
        return self.task.cred.securebits

    def prctl_set_securebits(self, bits: int) -> None:
        old = self.task.cred
        bits &= _WORD
        changed = old.securebits ^ bits
        locks = old.securebits & _ALL_LOCKS
        if locks >> 1 & changed:
            self.refuse(SECUREBITS_LOCKED)
        if locks & ~bits:
            self.refuse(SECUREBITS_UNLOCK)
        if bits & ~_ALL_BITS:
            self.refuse(SECUREBITS_UNKNOWN)
            bits &= _ALL_BITS  # suspended: without those
        if not self.capable(Cap.SETPCAP):
            if not changed:
                self.refuse(SECUREBITS_UNCHANGED)
            if changed & ~_UNPRIVILEGED:
                self.refuse(SECUREBITS_UNPRIVILEGED)
        # -- effects only below --
        self.commit_creds(old._replace(securebits=bits))

    # -- what the process is to others --

    def prctl_get_child_subreaper(self) -> bool:
        return self.task.job.is_subreaper

    def prctl_set_child_subreaper(self, on: int) -> None:
        # Linux marks all descendants too (has_child_subreaper), so that an exit need not look for a subreaper where there is
        # none. Before 4.11 it did not: descendants that were there already went to init.
        self.task.job.is_subreaper = bool(on)

    def prctl_get_dumpable(self) -> int:
        return self.task.mm.dumpable

    def prctl_set_dumpable(self, dumpable: int) -> None:
        if dumpable not in (0, 1):
            self.refuse(DUMPABLE_INVALID)
            return
        self.task.mm.dumpable = dumpable

    def prctl_get_name(self) -> str:
        return self.task.comm

    def prctl_set_name(self, name: str) -> None:
        encoded = os.fsencode(name)
        if self.happens(NAME_CUT):
            encoded = encoded.partition(b"\0")[0][:_NAME_LENGTH]
        self.task.comm = os.fsdecode(encoded)

    def prctl_get_no_new_privs(self) -> bool:
        return self.task.no_new_privs

    def prctl_set_no_new_privs(self, on: int) -> None:
        if on != 1:
            self.refuse(NO_NEW_PRIVS_INVALID)
            return
        self.task.no_new_privs = True

    def prctl_get_pdeathsig(self) -> int:
        return self.task.pdeathsig

    def prctl_set_pdeathsig(self, signal: int) -> None:
        if not 0 <= signal <= LAST_SIGNAL:
            self.refuse(PDEATHSIG_INVALID)
            return
        self.task.pdeathsig = signal
