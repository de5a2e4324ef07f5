"""User and group ids (credentials(7), kernel/sys.c, kernel/groups.c, kernel/cred.c).

An id is a 32-bit number without sign; `UNCHANGED`, -1, is the last of them. It never has a mapping.
"""

from errno import EAGAIN, EINVAL, ENOMEM, EPERM
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.ids import Gid, Uid
from kernelapi.rules import ARGUMENTS, ENVIRONMENT, STATE, Effect, Refusal

NGROUPS_MAX = 65536
"""The most supplementary groups that a process may have (limits.h)."""

# -- refusals --

CREDENTIALS_NO_MEMORY = Refusal(
    "credentials.enomem", call="credentials", errno=ENOMEM, depends=ENVIRONMENT, excuse="needs memory exhaustion",
    cause="no memory for new credentials", source="kernel/cred.c prepare_creds",
)  # fmt: skip
CREDENTIALS_NO_USER = Refusal(
    "credentials.eagain", call="credentials", errno=EAGAIN, depends=ENVIRONMENT, excuse="needs memory exhaustion",
    cause="no memory for the accounts of the new real user",
    source="setuid(2); kernel/sys.c set_user, kernel/cred.c set_cred_ucounts",
)  # fmt: skip

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
SETGID_UNMAPPED = Refusal(
    "setgid.einval.unmapped", call="setgid", errno=EINVAL, depends=ARGUMENTS,
    cause="the id has no mapping in the caller's user namespace",
    source="setgid(2); kernel/sys.c __sys_setgid",
)  # fmt: skip
SETGID_UNPRIVILEGED = Refusal(
    "setgid.eperm.unprivileged", call="setgid", errno=EPERM, depends=STATE,
    cause="without CAP_SETGID the id is neither the real nor the saved group id",
    source="setgid(2); kernel/sys.c __sys_setgid",
)  # fmt: skip

SETREUID_REAL_UNMAPPED = Refusal(
    "setreuid.einval.real", call="setreuid", errno=EINVAL, depends=ARGUMENTS,
    cause="the real id is given and has no mapping in the caller's user namespace",
    source="setreuid(2); kernel/sys.c __sys_setreuid",
)  # fmt: skip
SETREUID_EFFECTIVE_UNMAPPED = Refusal(
    "setreuid.einval.effective", call="setreuid", errno=EINVAL, depends=ARGUMENTS,
    cause="the effective id is given and has no mapping in the caller's user namespace",
    source="setreuid(2); kernel/sys.c __sys_setreuid",
)  # fmt: skip
SETREUID_REAL_UNPRIVILEGED = Refusal(
    "setreuid.eperm.real", call="setreuid", errno=EPERM, depends=STATE,
    cause="without CAP_SETUID the real id is set to neither the real nor the effective user id (the saved one does not do)",
    source="setreuid(2); kernel/sys.c __sys_setreuid",
)  # fmt: skip
SETREUID_EFFECTIVE_UNPRIVILEGED = Refusal(
    "setreuid.eperm.effective", call="setreuid", errno=EPERM, depends=STATE,
    cause="without CAP_SETUID the effective id is set to none of the real, effective and saved user ids",
    source="setreuid(2); kernel/sys.c __sys_setreuid",
)  # fmt: skip
SETREGID_REAL_UNMAPPED = Refusal(
    "setregid.einval.real", call="setregid", errno=EINVAL, depends=ARGUMENTS,
    cause="the real id is given and has no mapping in the caller's user namespace",
    source="setregid(2); kernel/sys.c __sys_setregid",
)  # fmt: skip
SETREGID_EFFECTIVE_UNMAPPED = Refusal(
    "setregid.einval.effective", call="setregid", errno=EINVAL, depends=ARGUMENTS,
    cause="the effective id is given and has no mapping in the caller's user namespace",
    source="setregid(2); kernel/sys.c __sys_setregid",
)  # fmt: skip
SETREGID_REAL_UNPRIVILEGED = Refusal(
    "setregid.eperm.real", call="setregid", errno=EPERM, depends=STATE,
    cause="without CAP_SETGID the real id is set to neither the real nor the effective group id (the saved one does not do)",
    source="setregid(2); kernel/sys.c __sys_setregid",
)  # fmt: skip
SETREGID_EFFECTIVE_UNPRIVILEGED = Refusal(
    "setregid.eperm.effective", call="setregid", errno=EPERM, depends=STATE,
    cause="without CAP_SETGID the effective id is set to none of the real, effective and saved group ids",
    source="setregid(2); kernel/sys.c __sys_setregid",
)  # fmt: skip

SETRESUID_REAL_UNMAPPED = Refusal(
    "setresuid.einval.real", call="setresuid", errno=EINVAL, depends=ARGUMENTS,
    cause="the real id is given and has no mapping in the caller's user namespace",
    source="setresuid(2); kernel/sys.c __sys_setresuid",
)  # fmt: skip
SETRESUID_EFFECTIVE_UNMAPPED = Refusal(
    "setresuid.einval.effective", call="setresuid", errno=EINVAL, depends=ARGUMENTS,
    cause="the effective id is given and has no mapping in the caller's user namespace",
    source="setresuid(2); kernel/sys.c __sys_setresuid",
)  # fmt: skip
SETRESUID_SAVED_UNMAPPED = Refusal(
    "setresuid.einval.saved", call="setresuid", errno=EINVAL, depends=ARGUMENTS,
    cause="the saved id is given and has no mapping in the caller's user namespace",
    source="setresuid(2); kernel/sys.c __sys_setresuid",
)  # fmt: skip
SETRESUID_UNPRIVILEGED = Refusal(
    "setresuid.eperm.unprivileged", call="setresuid", errno=EPERM, depends=STATE,
    cause="without CAP_SETUID one of the ids is none of the real, effective and saved user ids",
    source="setresuid(2); kernel/sys.c __sys_setresuid",
)  # fmt: skip
SETRESGID_REAL_UNMAPPED = Refusal(
    "setresgid.einval.real", call="setresgid", errno=EINVAL, depends=ARGUMENTS,
    cause="the real id is given and has no mapping in the caller's user namespace",
    source="setresgid(2); kernel/sys.c __sys_setresgid",
)  # fmt: skip
SETRESGID_EFFECTIVE_UNMAPPED = Refusal(
    "setresgid.einval.effective", call="setresgid", errno=EINVAL, depends=ARGUMENTS,
    cause="the effective id is given and has no mapping in the caller's user namespace",
    source="setresgid(2); kernel/sys.c __sys_setresgid",
)  # fmt: skip
SETRESGID_SAVED_UNMAPPED = Refusal(
    "setresgid.einval.saved", call="setresgid", errno=EINVAL, depends=ARGUMENTS,
    cause="the saved id is given and has no mapping in the caller's user namespace",
    source="setresgid(2); kernel/sys.c __sys_setresgid",
)  # fmt: skip
SETRESGID_UNPRIVILEGED = Refusal(
    "setresgid.eperm.unprivileged", call="setresgid", errno=EPERM, depends=STATE,
    cause="without CAP_SETGID one of the ids is none of the real, effective and saved group ids",
    source="setresgid(2); kernel/sys.c __sys_setresgid",
)  # fmt: skip

SETGROUPS_UNPRIVILEGED = Refusal(
    "setgroups.eperm.unprivileged", call="setgroups", errno=EPERM, depends=STATE,
    cause="the caller lacks CAP_SETGID over its user namespace",
    source="setgroups(2); kernel/groups.c may_setgroups",
)  # fmt: skip
SETGROUPS_NO_MAP = Refusal(
    "setgroups.eperm.no-map", call="setgroups", errno=EPERM, depends=STATE,
    cause="the gid_map of the caller's user namespace has not been written",
    source="user_namespaces(7); kernel/user_namespace.c userns_may_setgroups",
)  # fmt: skip
SETGROUPS_DENIED = Refusal(
    "setgroups.eperm.denied", call="setgroups", errno=EPERM, depends=STATE,
    cause='the setgroups file of the caller\'s user namespace, or of one above it when it was made, says "deny"',
    source="user_namespaces(7); kernel/user_namespace.c userns_may_setgroups",
)  # fmt: skip
SETGROUPS_TOO_MANY = Refusal(
    "setgroups.einval.size", call="setgroups", errno=EINVAL, depends=ARGUMENTS,
    cause="there are more than 65536 groups", source="setgroups(2); kernel/groups.c",
)  # fmt: skip
SETGROUPS_UNMAPPED = Refusal(
    "setgroups.einval.unmapped", call="setgroups", errno=EINVAL, depends=ARGUMENTS,
    cause="one of the ids has no mapping in the caller's user namespace",
    source="setgroups(2); kernel/groups.c groups_from_user",
)  # fmt: skip

# -- effects --

CREDENTIALS_CLEAR_PDEATHSIG = Effect(
    "credentials.pdeathsig", call="credentials",
    cause="a change of the effective or filesystem user or group id, or a gain of permitted capabilities, clears the parent "
    "death signal",
    source="PR_SET_PDEATHSIG(2const); kernel/cred.c commit_creds",
)  # fmt: skip
CREDENTIALS_CLEAR_DUMPABLE = Effect(
    "credentials.dumpable", call="credentials",
    cause="a change of the effective or filesystem user or group id, or a gain of permitted capabilities, sets dumpable to "
    "the value of suid_dumpable",
    source="PR_SET_DUMPABLE(2const); kernel/cred.c commit_creds",
)  # fmt: skip
LEAVING_ROOT_EMPTIES_PERMITTED = Effect(
    "setuid.permitted-emptied", call="setuid",
    cause="when none of the real, effective and saved user ids is 0 any longer, the permitted and effective sets are emptied, "
    "unless the securebit KEEP_CAPS or NO_SETUID_FIXUP is set",
    source="capabilities(7); security/commoncap.c cap_emulate_setxuid",
)  # fmt: skip
LEAVING_ROOT_EMPTIES_AMBIENT = Effect(
    "setuid.ambient-emptied", call="setuid",
    cause="when none of the real, effective and saved user ids is 0 any longer, the ambient set is emptied, "
    "even with KEEP_CAPS; not with NO_SETUID_FIXUP",
    source="capabilities(7); security/commoncap.c cap_emulate_setxuid",
)  # fmt: skip
LEAVING_EFFECTIVE_ROOT_EMPTIES_EFFECTIVE = Effect(
    "setuid.effective-emptied", call="setuid",
    cause="when the effective user id changes from 0 to another, the effective set is emptied, even with KEEP_CAPS; "
    "not with NO_SETUID_FIXUP",
    source="capabilities(7); security/commoncap.c cap_emulate_setxuid",
)  # fmt: skip
BECOMING_EFFECTIVE_ROOT_FILLS_EFFECTIVE = Effect(
    "setuid.effective-filled", call="setuid",
    cause="when the effective user id changes from another to 0, the effective set becomes the permitted set; "
    "not with NO_SETUID_FIXUP",
    source="capabilities(7); security/commoncap.c cap_emulate_setxuid",
)  # fmt: skip
SETREUID_SETS_SAVED = Effect(
    "setreuid.saved", call="setreuid",
    cause="when the real id is given, or the effective id is given and differs from the old real id, the saved user id becomes "
    "the new effective one",
    source="setreuid(2); kernel/sys.c __sys_setreuid",
)  # fmt: skip
SETREGID_SETS_SAVED = Effect(
    "setregid.saved", call="setregid",
    cause="when the real id is given, or the effective id is given and differs from the old real id, the saved group id "
    "becomes the new effective one",
    source="setregid(2); kernel/sys.c __sys_setregid",
)  # fmt: skip
FSUID_FOLLOWS = Effect(
    "setuid.fsuid", call="setuid",
    cause="the filesystem user id becomes the effective one, even where that does not change (but not by a setresuid that "
    "would change nothing at all)",
    source="setfsuid(2); kernel/sys.c",
)  # fmt: skip
FSGID_FOLLOWS = Effect(
    "setgid.fsgid", call="setgid",
    cause="the filesystem group id becomes the effective one, even where that does not change (but not by a setresgid that "
    "would change nothing at all)",
    source="setfsgid(2); kernel/sys.c",
)  # fmt: skip
LEAVING_FILESYSTEM_ROOT_DROPS = Effect(
    "setfsuid.leaving-root", call="setfsuid",
    cause="when the filesystem user id changes from 0 to another, the capabilities that concern files leave the effective set; "
    "not with NO_SETUID_FIXUP",
    source="capabilities(7); security/commoncap.c cap_task_fix_setuid",
)  # fmt: skip
BECOMING_FILESYSTEM_ROOT_RAISES = Effect(
    "setfsuid.becoming-root", call="setfsuid",
    cause="when the filesystem user id changes from another to 0, the permitted ones of the capabilities that concern files "
    "enter the effective set; not with NO_SETUID_FIXUP",
    source="capabilities(7); security/commoncap.c cap_task_fix_setuid",
)  # fmt: skip
SETGROUPS_SORTS = Effect(
    "setgroups.sorted", call="setgroups",
    cause="the groups are kept in the order of their global ids, duplicates included, whatever order they were given in",
    source="kernel/groups.c groups_sort",
)  # fmt: skip

COMMIT = (CREDENTIALS_CLEAR_PDEATHSIG, CREDENTIALS_CLEAR_DUMPABLE)
"""What installing new credentials does, whichever call made them."""

UID_FIXUPS = (
    LEAVING_ROOT_EMPTIES_PERMITTED,
    LEAVING_ROOT_EMPTIES_AMBIENT,
    LEAVING_EFFECTIVE_ROOT_EMPTIES_EFFECTIVE,
    BECOMING_EFFECTIVE_ROOT_FILLS_EFFECTIVE,
)
"""What a change of the real, effective or saved user id does to the capability sets."""

_UID = (FSUID_FOLLOWS, *UID_FIXUPS, *COMMIT)
_GID = (FSGID_FOLLOWS, *COMMIT)


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

    @syscall(SETUID_UNMAPPED, CREDENTIALS_NO_MEMORY, CREDENTIALS_NO_USER, SETUID_UNPRIVILEGED, _UID)
    def setuid(self, uid: Uid) -> None:
        """Set the effective user id; with CAP_SETUID the real, saved and filesystem ones too."""

    @syscall(SETGID_UNMAPPED, CREDENTIALS_NO_MEMORY, SETGID_UNPRIVILEGED, _GID)
    def setgid(self, gid: Gid) -> None:
        """Set the effective group id; with CAP_SETGID the real, saved and filesystem ones too."""

    @syscall(
        SETREUID_REAL_UNMAPPED, SETREUID_EFFECTIVE_UNMAPPED, CREDENTIALS_NO_MEMORY, SETREUID_REAL_UNPRIVILEGED,
        SETREUID_EFFECTIVE_UNPRIVILEGED, CREDENTIALS_NO_USER, SETREUID_SETS_SAVED, _UID,
    )  # fmt: skip
    def setreuid(self, ruid: int, euid: int) -> None:
        """Set the real and the effective user id; -1 leaves one as it is."""

    @syscall(
        SETREGID_REAL_UNMAPPED, SETREGID_EFFECTIVE_UNMAPPED, CREDENTIALS_NO_MEMORY, SETREGID_REAL_UNPRIVILEGED,
        SETREGID_EFFECTIVE_UNPRIVILEGED, SETREGID_SETS_SAVED, _GID,
    )  # fmt: skip
    def setregid(self, rgid: int, egid: int) -> None:
        """Set the real and the effective group id; -1 leaves one as it is."""

    @syscall(
        SETRESUID_REAL_UNMAPPED, SETRESUID_EFFECTIVE_UNMAPPED, SETRESUID_SAVED_UNMAPPED, SETRESUID_UNPRIVILEGED,
        CREDENTIALS_NO_MEMORY, CREDENTIALS_NO_USER, _UID,
    )  # fmt: skip
    def setresuid(self, ruid: int, euid: int, suid: int) -> None:
        """Set the real, effective and saved user ids; -1 leaves one as it is."""

    @syscall(
        SETRESGID_REAL_UNMAPPED, SETRESGID_EFFECTIVE_UNMAPPED, SETRESGID_SAVED_UNMAPPED, SETRESGID_UNPRIVILEGED,
        CREDENTIALS_NO_MEMORY, _GID,
    )  # fmt: skip
    def setresgid(self, rgid: int, egid: int, sgid: int) -> None:
        """Set the real, effective and saved group ids; -1 leaves one as it is."""

    @syscall(LEAVING_FILESYSTEM_ROOT_DROPS, BECOMING_FILESYSTEM_ROOT_RAISES, COMMIT)
    def setfsuid(self, uid: int) -> Uid:
        """Set the filesystem user id if allowed. Never fails; returns the one before."""

    @syscall(COMMIT)
    def setfsgid(self, gid: int) -> Gid:
        """Set the filesystem group id if allowed. Never fails; returns the one before."""

    @syscall()
    def getgroups(self) -> tuple[Gid, ...]:
        """The supplementary group ids, sorted as the kernel keeps them."""

    @syscall(
        SETGROUPS_UNPRIVILEGED, SETGROUPS_NO_MAP, SETGROUPS_DENIED, SETGROUPS_TOO_MANY, CREDENTIALS_NO_MEMORY,
        SETGROUPS_UNMAPPED, SETGROUPS_SORTS,
    )  # fmt: skip
    def setgroups(self, groups: tuple[Gid, ...]) -> None:
        """Replace the supplementary group ids."""
