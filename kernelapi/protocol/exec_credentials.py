"""What execve makes of the caller's credentials (capabilities(7), execve(2), security/commoncap.c, fs/exec.c).

Rows of `execve`, in the order in which Linux goes through them: after the file has been opened and found to be a program,
before the point of no return.
"""

from errno import EACCES, EINVAL, EPERM

from kernelapi.protocol.credentials import CREDENTIALS_CLEAR_DUMPABLE, CREDENTIALS_CLEAR_PDEATHSIG
from kernelapi.rules import STATE, Effect, Refusal

EXEC_SET_UID = Effect(
    "execve.set-user-id", call="execve",
    cause="the effective user id becomes the owner of a file with the set-user-id bit, unless no_new_privs is set, the "
    "mount is nosuid or not of the caller's mount namespace, or owner or group have no mapping in the caller's user "
    "namespace",
    source="execve(2); fs/exec.c bprm_fill_uid",
)  # fmt: skip
EXEC_SET_GID = Effect(
    "execve.set-group-id", call="execve",
    cause="the effective group id becomes the group of a file with the set-group-id and group-execute bits, on the same "
    "conditions",
    source="execve(2); fs/exec.c bprm_fill_uid",
)  # fmt: skip
EXEC_FILE_CAPS = Effect(
    "execve.file-capabilities", call="execve",
    cause="the permitted set becomes what the file permits and the bounding set holds, and what is inheritable for both; "
    "without file capabilities it becomes empty. They count if the mount is not nosuid, and if the user id that they are "
    "written for is 0 in the caller's user namespace or in one above it",
    source="capabilities(7); security/commoncap.c get_file_caps, bprm_caps_from_vfs_caps",
)  # fmt: skip
EXEC_FILE_CAPS_EFFECTIVE = Effect(
    "execve.effective", call="execve",
    cause="a file with the effective bit, or a root user, makes all of the permitted set effective; else only the ambient "
    "set is",
    source="capabilities(7); security/commoncap.c cap_bprm_creds_from_file",
)  # fmt: skip
EXEC_FILE_CAPS_INVALID = Refusal(
    "execve.einval.file-capabilities", call="execve", errno=EINVAL, depends=STATE,
    cause="what the file keeps as its capabilities is none of their layouts: setxattr takes nothing, of no length, as well",
    source="security/commoncap.c get_vfs_caps_from_disk",
)  # fmt: skip
EXEC_FILE_CAPS_MISSING = Refusal(
    "execve.eperm.file-capabilities", call="execve", errno=EPERM, depends=STATE,
    cause="the file has the effective bit, and one of its permitted capabilities would be neither in the bounding set nor "
    "inheritable",
    source="capabilities(7); security/commoncap.c bprm_caps_from_vfs_caps",
)  # fmt: skip
EXEC_ROOT = Effect(
    "execve.root", call="execve",
    cause="where the real or new effective user id is 0, the permitted set becomes the bounding and the inheritable set "
    "together, unless the securebit NOROOT is set, or a file with capabilities makes only the effective id 0",
    source="capabilities(7); security/commoncap.c handle_privileged_root",
)  # fmt: skip
EXEC_UNSAFE_IDS = Effect(
    "execve.unsafe-ids", call="execve",
    cause="where effective ids or permitted set would grow, and no_new_privs is set, or root and working directory are "
    "shared with another process and the caller lacks CAP_SETUID: the effective ids become the real ones",
    source="PR_SET_NO_NEW_PRIVS(2const); security/commoncap.c cap_bprm_creds_from_file",
)  # fmt: skip
EXEC_UNSAFE_PERMITTED = Effect(
    "execve.unsafe-permitted", call="execve",
    cause="where effective ids or permitted set would grow, and no_new_privs is set, or root and working directory are "
    "shared with another process: the permitted set keeps only what it had",
    source="PR_SET_NO_NEW_PRIVS(2const); security/commoncap.c cap_bprm_creds_from_file",
)  # fmt: skip
EXEC_SAVED_IDS = Effect(
    "execve.saved", call="execve",
    cause="the saved and filesystem ids become the effective ones", source="execve(2); security/commoncap.c",
)  # fmt: skip
EXEC_EMPTIES_AMBIENT = Effect(
    "execve.ambient", call="execve",
    cause="a file with capabilities, or a change of effective ids, empties the ambient set, even where it confers nothing",
    source="capabilities(7); security/commoncap.c cap_bprm_creds_from_file",
)  # fmt: skip
EXEC_CLEARS_KEEPCAPS = Effect(
    "execve.keepcaps", call="execve",
    cause="the securebit KEEP_CAPS is cleared", source="capabilities(7); security/commoncap.c cap_bprm_creds_from_file",
)  # fmt: skip
EXEC_LABEL_NO_NEW_PRIVS = Refusal(
    "execve.eperm.label", call="execve", errno=EPERM, depends=STATE,
    cause="no_new_privs is set, and the label asked for is not known to allow less: for a confined caller of AppArmor, another "
    "profile; for SELinux, one that the policy does not let it enter so",
    source="security/apparmor/domain.c apparmor_bprm_creds_for_exec; security/selinux/hooks.c check_nnp_nosuid",
    excuse="needs an LSM",
)  # fmt: skip
EXEC_LABEL_DENIED = Refusal(
    "execve.eacces.label", call="execve", errno=EACCES, depends=STATE,
    cause="the policy of SELinux has no such domain to enter, or none to enter by a file on a mount with MS_NOSUID",
    source="security/selinux/hooks.c selinux_bprm_creds_for_exec, check_nnp_nosuid",
    excuse="needs an LSM: SELinux",
)  # fmt: skip
EXEC_LABEL = Effect(
    "execve.label", call="execve",
    cause="the label that was asked for becomes the program's, and where that changes it the parent death signal is cleared",
    source="security/apparmor/lsm.c apparmor_bprm_committing_creds; security/selinux/hooks.c selinux_bprm_committing_creds",
    excuse="needs an LSM",
)  # fmt: skip
EXEC_SECURE = Effect(
    "execve.secure", call="execve",
    cause="a program that runs with other effective ids than the caller's, or than the real ones, or that gains "
    "capabilities by its file, runs in secure mode, with a soft stack limit of at most 8 MiB",
    source="execve(2), getauxval(3) AT_SECURE; fs/exec.c begin_new_exec",
)  # fmt: skip

EXEC_CREDENTIALS = (
    EXEC_SET_UID,
    EXEC_SET_GID,
    EXEC_FILE_CAPS,
    EXEC_FILE_CAPS_INVALID,
    EXEC_FILE_CAPS_MISSING,
    EXEC_ROOT,
    EXEC_UNSAFE_IDS,
    EXEC_UNSAFE_PERMITTED,
    EXEC_SAVED_IDS,
    EXEC_EMPTIES_AMBIENT,
    EXEC_FILE_CAPS_EFFECTIVE,
    EXEC_CLEARS_KEEPCAPS,
    EXEC_SECURE,
    CREDENTIALS_CLEAR_PDEATHSIG,
    CREDENTIALS_CLEAR_DUMPABLE,
)
"""The rows that execve has on account of credentials."""

EXEC_SECURITY = (EXEC_LABEL_NO_NEW_PRIVS, EXEC_LABEL_DENIED, EXEC_LABEL)
"""Those on account of a security module, which is asked before anybody looks what kind of program the file is."""
