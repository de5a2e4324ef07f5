"""User and group ids (credentials(7), kernel/sys.c, kernel/groups.c)."""

from errno import EINVAL, EPERM
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.ids import Gid, Uid
from kernelapi.rules import ARGUMENTS, STATE, Effect, Refusal

SETUID_UNMAPPED = Refusal(
    "setuid.einval.unmapped", call="setuid", errno=EINVAL, depends=ARGUMENTS,
    cause="the id has no mapping in the caller's user namespace",
    source="setuid(2); kernel/sys.c __sys_setuid",
)  # fmt: skip
SETUID_UNPRIVILEGED = Refusal(
    "setuid.eperm.unprivileged", call="setuid", errno=EPERM, depends=STATE,
    cause="without CAP_SETUID the id is neither the real nor the saved user id",
    source="setuid(2); kernel/sys.c __sys_setuid",
)  # fmt: skip
CREDENTIALS_CLEAR_PDEATHSIG = Effect(
    "credentials.pdeathsig", call="credentials",
    cause="a change of the effective or filesystem user or group id, or a gain of permitted capabilities, clears the parent "
    "death signal and sets dumpable to the value of suid_dumpable",
    source="PR_SET_PDEATHSIG(2const); kernel/cred.c commit_creds",
)  # fmt: skip


class Credentials(Protocol):
    """Who the caller is, and who it may become."""

    @syscall()
    def getuid(self) -> Uid:
        """The real user id, as the caller's user namespace sees it; 65534 where it has no mapping."""

    @syscall()
    def geteuid(self) -> Uid:
        """The effective user id."""

    @syscall()
    def getgid(self) -> Gid:
        """The real group id."""

    @syscall()
    def getegid(self) -> Gid:
        """The effective group id."""

    @syscall()
    def getresuid(self) -> tuple[Uid, Uid, Uid]:
        """The real, effective and saved user ids."""

    @syscall()
    def getresgid(self) -> tuple[Gid, Gid, Gid]:
        """The real, effective and saved group ids."""

    @syscall(SETUID_UNMAPPED, SETUID_UNPRIVILEGED, CREDENTIALS_CLEAR_PDEATHSIG)
    def setuid(self, uid: Uid) -> None:
        """Set the effective user id; with CAP_SETUID the real, saved and filesystem ones too."""

    @syscall()
    def setgid(self, gid: Gid) -> None:
        """Set the effective group id; with CAP_SETGID the real, saved and filesystem ones too."""

    @syscall()
    def setreuid(self, ruid: int, euid: int) -> None:
        """Set the real and the effective user id; -1 leaves one as it is."""

    @syscall()
    def setregid(self, rgid: int, egid: int) -> None:
        """Set the real and the effective group id; -1 leaves one as it is."""

    @syscall()
    def setresuid(self, ruid: int, euid: int, suid: int) -> None:
        """Set the real, effective and saved user ids; -1 leaves one as it is."""

    @syscall()
    def setresgid(self, rgid: int, egid: int, sgid: int) -> None:
        """Set the real, effective and saved group ids; -1 leaves one as it is."""

    @syscall()
    def setfsuid(self, uid: int) -> Uid:
        """Set the filesystem user id if allowed. Never fails; returns the one before."""

    @syscall()
    def setfsgid(self, gid: int) -> Gid:
        """Set the filesystem group id if allowed. Never fails; returns the one before."""

    @syscall()
    def getgroups(self) -> tuple[Gid, ...]:
        """The supplementary group ids, sorted as the kernel keeps them."""

    @syscall()
    def setgroups(self, groups: tuple[Gid, ...]) -> None:
        """Replace the supplementary group ids."""
