"""Joining and leaving namespaces (namespaces(7), kernel/nsproxy.c, kernel/user_namespace.c, kernel/pid_namespace.c)."""

from errno import EINVAL, ENOSPC, EPERM, ESRCH, EUSERS
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.ids import Fd
from kernelapi.protocol.credentials import COMMIT
from kernelapi.protocol.descriptors import IS_PATH_ONLY, NOT_OPEN
from kernelapi.rules import ARGUMENTS, ENVIRONMENT, STATE, Effect, Refusal

# -- a new user namespace, by clone or unshare --

NEW_USER_TOO_DEEP = Refusal(
    "newuser.enospc.depth", call="newuser", errno=ENOSPC, depends=STATE,
    cause="user namespaces would be nested more than 33 deep below the initial one",
    source="user_namespaces(7); kernel/user_namespace.c create_user_ns",
)  # fmt: skip
NEW_USER_QUOTA = Refusal(
    "newuser.enospc.quota", call="newuser", errno=ENOSPC, depends=ENVIRONMENT,
    cause="the user has as many user namespaces as /proc/sys/user/max_user_namespaces allows, here or in an ancestor",
    source="namespaces(7); kernel/user_namespace.c inc_user_namespaces",
)  # fmt: skip
NEW_USER_CHROOTED = Refusal(
    "newuser.eperm.chrooted", call="newuser", errno=EPERM, depends=STATE,
    cause="the caller's root directory is not the root of its mount namespace",
    source="unshare(2); kernel/user_namespace.c create_user_ns, fs/namespace.c current_chrooted",
)  # fmt: skip
NEW_USER_UNMAPPED = Refusal(
    "newuser.eperm.unmapped", call="newuser", errno=EPERM, depends=STATE,
    cause="the caller's effective user or group id has no mapping in its user namespace",
    source="unshare(2); kernel/user_namespace.c create_user_ns",
)  # fmt: skip
NEW_USER = (NEW_USER_TOO_DEEP, NEW_USER_QUOTA, NEW_USER_CHROOTED, NEW_USER_UNMAPPED)
"""The rows of CLONE_NEWUSER."""

ENTER_USER_CAPABILITIES = Effect(
    "userns.capabilities", call="userns",
    cause="entering a user namespace, by clone, unshare or setns, gives all capabilities in it: permitted, effective and "
    "bounding full, inheritable and ambient empty",
    source="user_namespaces(7); kernel/user_namespace.c set_cred_user_ns",
)  # fmt: skip
ENTER_USER_SECUREBITS = Effect(
    "userns.securebits", call="userns",
    cause="entering a user namespace clears all securebits, locked ones and keep-caps too",
    source="user_namespaces(7); kernel/user_namespace.c set_cred_user_ns",
)  # fmt: skip
ENTER_USER = (ENTER_USER_CAPABILITIES, ENTER_USER_SECUREBITS)

# -- other new namespaces, by clone or unshare --

NEW_UNPRIVILEGED = Refusal(
    "newns.eperm.unprivileged", call="newns", errno=EPERM, depends=STATE,
    cause="the caller has no CAP_SYS_ADMIN over the user namespace that would own the new ones: its own, or the one made by "
    "the same call",
    source="unshare(2); kernel/nsproxy.c unshare_nsproxy_namespaces, copy_namespaces",
)  # fmt: skip
NEW_IPC_SYSVSEM = Refusal(
    "clone.einval.newipc-sysvsem", call="clone", errno=EINVAL, depends=ARGUMENTS,
    cause="CLONE_NEWIPC together with CLONE_SYSVSEM", source="clone(2); kernel/nsproxy.c copy_namespaces",
)  # fmt: skip
NEW_PID_PENDING = Refusal(
    "newns.einval.pid-pending", call="newns", errno=EINVAL, depends=STATE,
    cause="CLONE_NEWPID where the caller's children are already born into another pid namespace than its own",
    source="unshare(2); kernel/pid_namespace.c copy_pid_ns",
)  # fmt: skip
NEW_PID_OUTSIDE = Refusal(
    "newns.einval.pid-outside", call="newns", errno=EINVAL, depends=STATE,
    cause="CLONE_NEWPID where the caller's pid namespace is not owned by the new one's user namespace or an ancestor of it",
    source="kernel/pid_namespace.c create_pid_namespace",
)  # fmt: skip
NEW_PID_TOO_DEEP = Refusal(
    "newns.enospc.pid-depth", call="newns", errno=ENOSPC, depends=STATE,
    cause="pid namespaces would be nested more than 32 deep below the initial one",
    source="pid_namespaces(7); kernel/pid_namespace.c create_pid_namespace",
)  # fmt: skip
NEW_QUOTA = Refusal(
    "newns.enospc.quota", call="newns", errno=ENOSPC, depends=ENVIRONMENT,
    cause="the user has as many namespaces of a type as /proc/sys/user/max_*_namespaces allows, here or in an ancestor",
    source="namespaces(7); kernel/ucount.c inc_ucount",
)  # fmt: skip
NEW_NAMESPACES = (NEW_UNPRIVILEGED, NEW_PID_PENDING, NEW_PID_OUTSIDE, NEW_PID_TOO_DEEP, NEW_QUOTA)
"""The rows of the other CLONE_NEW* flags; the order is also that of the namespaces: mnt, uts, ipc, pid, cgroup, net, time."""

NEW_NAMESPACE_LOCKS = Effect(
    "newns.mnt-locks", call="newns",
    cause="the copies in a new mount namespace with another owner are locked: each to where it is, and in its flags; and those "
    "of shared mounts are slaves",
    source="mount_namespaces(7); fs/namespace.c copy_mnt_ns",
)  # fmt: skip

CLONE_NEWNS_FS = Refusal(
    "clone.einval.newns-fs", call="clone", errno=EINVAL, depends=ARGUMENTS,
    cause="CLONE_NEWNS together with CLONE_FS", source="clone(2); kernel/fork.c copy_process",
)  # fmt: skip
CLONE_NEWUSER_FS = Refusal(
    "clone.einval.newuser-fs", call="clone", errno=EINVAL, depends=ARGUMENTS,
    cause="CLONE_NEWUSER together with CLONE_FS", source="clone(2); kernel/fork.c copy_process",
)  # fmt: skip
CLONE_THREAD_NAMESPACE = Refusal(
    "clone.einval.thread-namespace", call="clone", errno=EINVAL, depends=STATE,
    cause="CLONE_THREAD together with CLONE_NEWUSER or CLONE_NEWPID, or where children are born into another pid namespace",
    source="clone(2); kernel/fork.c copy_process", excuse="needs a threaded caller",
)  # fmt: skip

# -- unshare --

UNSHARE_UNKNOWN = Refusal(
    "unshare.einval.unknown", call="unshare", errno=EINVAL, depends=ARGUMENTS,
    cause="a bit that unshare does not know", source="unshare(2); kernel/fork.c check_unshare_flags",
)  # fmt: skip
UNSHARE_THREADS = Refusal(
    "unshare.einval.threads", call="unshare", errno=EINVAL, depends=STATE,
    cause="CLONE_THREAD, CLONE_SIGHAND, CLONE_VM or CLONE_NEWUSER in a process of several threads",
    source="unshare(2); kernel/fork.c check_unshare_flags", excuse="needs a threaded caller",
)  # fmt: skip
UNSHARE_SIGHAND = Refusal(
    "unshare.einval.sighand", call="unshare", errno=EINVAL, depends=STATE,
    cause="CLONE_SIGHAND or CLONE_VM where another process shares the signal actions",
    source="unshare(2); kernel/fork.c check_unshare_flags", excuse="needs a threaded caller, or one in shared memory",
)  # fmt: skip
UNSHARE_VM = Refusal(
    "unshare.einval.vm", call="unshare", errno=EINVAL, depends=STATE,
    cause="CLONE_VM where another process shares the address space",
    source="unshare(2); kernel/fork.c check_unshare_flags", excuse="needs a threaded caller, or one in shared memory",
)  # fmt: skip

# -- setns --

SETNS_OTHER_TYPE = Refusal(
    "setns.einval.type", call="setns", errno=EINVAL, depends=ARGUMENTS,
    cause="the namespace behind fd is not of the type nstype", source="setns(2); kernel/nsproxy.c setns",
)  # fmt: skip
SETNS_FLAGS = Refusal(
    "setns.einval.flags", call="setns", errno=EINVAL, depends=ARGUMENTS,
    cause="fd is a pidfd and nstype is 0 or has a bit that is not one of the CLONE_NEW* flags",
    source="setns(2); kernel/nsproxy.c check_setns_flags",
)  # fmt: skip
SETNS_NOT_A_NAMESPACE = Refusal(
    "setns.einval.fd", call="setns", errno=EINVAL, depends=ARGUMENTS,
    cause="fd refers neither to a namespace nor to a process", source="setns(2); kernel/nsproxy.c setns",
)  # fmt: skip
SETNS_PROCESS_GONE = Refusal(
    "setns.esrch", call="setns", errno=ESRCH, depends=STATE,
    cause="the process behind the pidfd has ended", source="setns(2); kernel/nsproxy.c validate_nsset",
)  # fmt: skip
SETNS_NOT_READABLE = Refusal(
    "setns.eperm.ptrace", call="setns", errno=EPERM, depends=STATE,
    cause="the caller has no ptrace read access to the process behind the pidfd",
    source="setns(2); ptrace(2), PTRACE_MODE_READ_REALCREDS; kernel/nsproxy.c validate_nsset",
)  # fmt: skip
SETNS_USER_OWN = Refusal(
    "setns.einval.user-own", call="setns", errno=EINVAL, depends=STATE,
    cause="the user namespace is the one that the caller is in", source="setns(2); kernel/user_namespace.c userns_install",
)  # fmt: skip
SETNS_USER_THREADS = Refusal(
    "setns.einval.user-threads", call="setns", errno=EINVAL, depends=STATE,
    cause="entering a user namespace in a process of several threads",
    source="setns(2); kernel/user_namespace.c userns_install", excuse="needs a threaded caller",
)  # fmt: skip
SETNS_USER_SHARED_FS = Refusal(
    "setns.einval.user-fs", call="setns", errno=EINVAL, depends=STATE,
    cause="entering a user namespace while root and working directory are shared with another process",
    source="setns(2); kernel/user_namespace.c userns_install",
)  # fmt: skip
SETNS_USER_UNPRIVILEGED = Refusal(
    "setns.eperm.user", call="setns", errno=EPERM, depends=STATE,
    cause="the caller has no CAP_SYS_ADMIN over the user namespace that it would enter",
    source="setns(2); kernel/user_namespace.c userns_install",
)  # fmt: skip
SETNS_MNT_UNPRIVILEGED = Refusal(
    "setns.eperm.mnt", call="setns", errno=EPERM, depends=STATE,
    cause="the caller has no CAP_SYS_ADMIN over the owner of the mount namespace, or no CAP_SYS_CHROOT or CAP_SYS_ADMIN over "
    "its own user namespace",
    source="setns(2); fs/namespace.c mntns_install",
)  # fmt: skip
SETNS_MNT_SHARED_FS = Refusal(
    "setns.einval.mnt-fs", call="setns", errno=EINVAL, depends=STATE,
    cause="entering a mount namespace while root and working directory are shared with another process",
    source="setns(2); fs/namespace.c mntns_install",
)  # fmt: skip
SETNS_UNPRIVILEGED = Refusal(
    "setns.eperm.other", call="setns", errno=EPERM, depends=STATE,
    cause="the caller has no CAP_SYS_ADMIN over the owner of a uts, ipc, pid, cgroup, net or time namespace, or over its own "
    "user namespace",
    source="setns(2); kernel/utsname.c utsns_install and its like",
)  # fmt: skip
SETNS_PID_OUTSIDE = Refusal(
    "setns.einval.pid", call="setns", errno=EINVAL, depends=STATE,
    cause="the pid namespace is neither the caller's own nor one of its descendants",
    source="setns(2); kernel/pid_namespace.c pidns_install",
)  # fmt: skip
SETNS_TIME_SHARED_VM = Refusal(
    "setns.eusers", call="setns", errno=EUSERS, depends=STATE,
    cause="entering a time namespace in a process of several threads, or whose address space another one shares",
    source="setns(2); kernel/time/namespace.c timens_install", excuse="needs a threaded caller",
)  # fmt: skip

SETNS_MNT_ROOT = Effect(
    "setns.mnt-root", call="setns",
    cause="entering a mount namespace makes its root the caller's root and working directory",
    source="setns(2); fs/namespace.c mntns_install",
)  # fmt: skip
SETNS_TIME_FREEZES = Effect(
    "setns.time-frozen", call="setns",
    cause="the first entry into a time namespace, by a child or by setns, fixes its offsets",
    source="time_namespaces(7); kernel/time/namespace.c timens_commit",
)  # fmt: skip


class Namespaces(Protocol):
    """New namespaces come by clone or unshare, existing ones by setns. Id maps are files below /proc/PID."""

    @syscall(
        UNSHARE_UNKNOWN, UNSHARE_THREADS, UNSHARE_SIGHAND, UNSHARE_VM, NEW_USER, NEW_NAMESPACES, ENTER_USER,
        NEW_NAMESPACE_LOCKS,
    )  # fmt: skip
    def unshare(self, flags: int) -> None:
        """Leave what `flags` (`CloneFlag` bits) name: namespaces, and shared descriptor tables or filesystem contexts."""

    @syscall(
        NOT_OPEN, IS_PATH_ONLY, SETNS_OTHER_TYPE, SETNS_FLAGS, SETNS_NOT_A_NAMESPACE, SETNS_PROCESS_GONE, SETNS_NOT_READABLE,
        SETNS_USER_OWN, SETNS_USER_THREADS, SETNS_USER_SHARED_FS, SETNS_USER_UNPRIVILEGED, SETNS_MNT_UNPRIVILEGED,
        SETNS_MNT_SHARED_FS, SETNS_UNPRIVILEGED, SETNS_PID_OUTSIDE, SETNS_TIME_SHARED_VM, SETNS_MNT_ROOT, SETNS_TIME_FREEZES,
        ENTER_USER, COMMIT,
    )  # fmt: skip
    def setns(self, fd: Fd, nstype: int) -> None:
        """Enter the namespace behind `fd`, of type `nstype` (0: any); or, by a pidfd, all the `nstype` flags name."""
