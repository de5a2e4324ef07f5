"""How umount2 and pivot_root fail, and what they change besides (umount2(2), pivot_root(2), fs/namespace.c)."""

from errno import EAGAIN, EBUSY, EINVAL, ENOENT, EPERM

from kernelapi.protocol.lookup import LOOKUP
from kernelapi.rules import ARGUMENTS, STATE, Effect, Refusal

# -- umount2 --

UMOUNT_FLAGS = Refusal(
    "umount2.einval.flags", call="umount2", errno=EINVAL, depends=ARGUMENTS,
    cause="an unknown flag; found out before the target is looked up", source="umount2(2); fs/namespace.c ksys_umount",
)  # fmt: skip
UMOUNT_UNPRIVILEGED = Refusal(
    "umount2.eperm.unprivileged", call="umount2", errno=EPERM, depends=STATE,
    cause="the caller lacks CAP_SYS_ADMIN over the owner of its mount namespace",
    source="umount2(2); fs/namespace.c can_umount",
)  # fmt: skip
UMOUNT_NOT_A_MOUNT = Refusal(
    "umount2.einval.not-a-mount", call="umount2", errno=EINVAL, depends=STATE,
    cause="the target is not the root of a mount", source="umount2(2); fs/namespace.c can_umount",
)  # fmt: skip
UMOUNT_FOREIGN = Refusal(
    "umount2.einval.foreign", call="umount2", errno=EINVAL, depends=STATE,
    cause="the mount is in another mount namespace, or has been detached", source="umount2(2); fs/namespace.c can_umount",
)  # fmt: skip
UMOUNT_LOCKED = Refusal(
    "umount2.einval.locked", call="umount2", errno=EINVAL, depends=STATE,
    cause="a more privileged mount namespace has locked the mount to where it is",
    source="mount_namespaces(7); fs/namespace.c can_umount",
)  # fmt: skip
UMOUNT_FORCE_UNPRIVILEGED = Refusal(
    "umount2.eperm.force", call="umount2", errno=EPERM, depends=STATE,
    cause="with MNT_FORCE, the caller lacks CAP_SYS_ADMIN over the user namespace that owns the file system",
    source="umount2(2); fs/namespace.c can_umount",
)  # fmt: skip
UMOUNT_EXPIRE_FLAGS = Refusal(
    "umount2.einval.expire", call="umount2", errno=EINVAL, depends=ARGUMENTS,
    cause="MNT_EXPIRE together with MNT_FORCE or MNT_DETACH, or for the caller's root",
    source="umount2(2); fs/namespace.c do_umount",
)  # fmt: skip
UMOUNT_EXPIRE_BUSY = Refusal(
    "umount2.ebusy.expire", call="umount2", errno=EBUSY, depends=STATE,
    cause="with MNT_EXPIRE, the mount is in use or something is mounted on it",
    source="umount2(2); fs/namespace.c do_umount",
)  # fmt: skip
UMOUNT_EXPIRE_MARKED = Refusal(
    "umount2.eagain.expire", call="umount2", errno=EAGAIN, depends=STATE,
    cause="with MNT_EXPIRE for the first time, or after a use: the mount is now marked, and a second call will detach it",
    source="umount2(2); fs/namespace.c do_umount",
)  # fmt: skip
UMOUNT_ROOT_UNPRIVILEGED = Refusal(
    "umount2.eperm.root", call="umount2", errno=EPERM, depends=STATE,
    cause="the mount is the caller's root, and the caller lacks CAP_SYS_ADMIN over the owner of the file system",
    source="fs/namespace.c do_umount",
)  # fmt: skip
UMOUNT_ROOT_BUSY = Refusal(
    "umount2.ebusy.root", call="umount2", errno=EBUSY, depends=STATE,
    cause="the mount is the caller's root, and cannot be made read-only: a file is open for writing on it",
    source="fs/namespace.c do_umount_root",
)  # fmt: skip
UMOUNT_TOP = Refusal(
    "umount2.einval.top", call="umount2", errno=EINVAL, depends=STATE,
    cause="the mount is the top of its mount namespace", source="fs/namespace.c do_umount",
)  # fmt: skip
UMOUNT_BUSY = Refusal(
    "umount2.ebusy", call="umount2", errno=EBUSY, depends=STATE,
    cause="without MNT_DETACH: something is mounted on the mount, or it is in use, as a root, a working directory, by an open "
    "file or a running program; here or in a place that the umount propagates to",
    source="umount2(2); fs/pnode.c propagate_mount_busy",
)  # fmt: skip
UMOUNT_ROOT_READ_ONLY = Effect(
    "umount2.root-read-only", call="umount2",
    cause="umounting the caller's root, without MNT_DETACH, umounts nothing: it makes the file system read-only",
    source="fs/namespace.c do_umount_root",
)  # fmt: skip
UMOUNT_PROPAGATES = Effect(
    "umount2.propagates", call="umount2",
    cause="what is mounted at the same place of the peers and slaves of the mount below goes too, unless something is mounted "
    "on it; without MNT_DETACH, too",
    source="mount_namespaces(7); fs/pnode.c propagate_umount",
)  # fmt: skip
UMOUNT_DISCONNECTS = Effect(
    "umount2.disconnects", call="umount2",
    cause="MNT_DETACH takes the tree below apart: whoever is inside one of its mounts no longer sees the others",
    source="umount2(2); fs/namespace.c disconnect_mount",
)  # fmt: skip

UMOUNT = (
    UMOUNT_FLAGS,
    LOOKUP,
    UMOUNT_UNPRIVILEGED,
    UMOUNT_NOT_A_MOUNT,
    UMOUNT_FOREIGN,
    UMOUNT_LOCKED,
    UMOUNT_FORCE_UNPRIVILEGED,
    UMOUNT_EXPIRE_FLAGS,
    UMOUNT_EXPIRE_BUSY,
    UMOUNT_EXPIRE_MARKED,
    UMOUNT_ROOT_UNPRIVILEGED,
    UMOUNT_ROOT_BUSY,
    UMOUNT_TOP,
    UMOUNT_BUSY,
    UMOUNT_ROOT_READ_ONLY,
    UMOUNT_PROPAGATES,
    UMOUNT_DISCONNECTS,
)

# -- pivot_root --

PIVOT_UNPRIVILEGED = Refusal(
    "pivot_root.eperm.unprivileged", call="pivot_root", errno=EPERM, depends=STATE,
    cause="the caller lacks CAP_SYS_ADMIN over the owner of its mount namespace; found out before anything is looked up",
    source="pivot_root(2); fs/namespace.c pivot_root",
)  # fmt: skip
PIVOT_OLD_GONE = Refusal(
    "pivot_root.enoent.old", call="pivot_root", errno=ENOENT, depends=STATE,
    cause="put_old has been removed, or is on a mount that has been detached", source="fs/namespace.c do_lock_mount",
)  # fmt: skip
PIVOT_SHARED = Refusal(
    "pivot_root.einval.shared", call="pivot_root", errno=EINVAL, depends=STATE,
    cause="the mount of put_old, the one that new_root is mounted on, or the one that the root is mounted on, is shared",
    source="pivot_root(2); fs/namespace.c pivot_root",
)  # fmt: skip
PIVOT_FOREIGN = Refusal(
    "pivot_root.einval.foreign", call="pivot_root", errno=EINVAL, depends=STATE,
    cause="the root or new_root is not in the caller's mount namespace", source="fs/namespace.c pivot_root",
)  # fmt: skip
PIVOT_LOCKED = Refusal(
    "pivot_root.einval.locked", call="pivot_root", errno=EINVAL, depends=STATE,
    cause="a more privileged mount namespace has locked new_root to where it is",
    source="mount_namespaces(7); fs/namespace.c pivot_root",
)  # fmt: skip
PIVOT_NEW_GONE = Refusal(
    "pivot_root.enoent.new", call="pivot_root", errno=ENOENT, depends=STATE,
    cause="new_root has been removed", source="fs/namespace.c pivot_root",
)  # fmt: skip
PIVOT_ON_ROOT = Refusal(
    "pivot_root.ebusy", call="pivot_root", errno=EBUSY, depends=STATE,
    cause="new_root or put_old is on the mount of the current root", source="pivot_root(2); fs/namespace.c pivot_root",
)  # fmt: skip
PIVOT_ROOT_NOT_A_MOUNT = Refusal(
    "pivot_root.einval.root", call="pivot_root", errno=EINVAL, depends=STATE,
    cause="the caller's root is not the root of a mount (after a chroot)", source="pivot_root(2); fs/namespace.c pivot_root",
)  # fmt: skip
PIVOT_ROOT_AT_TOP = Refusal(
    "pivot_root.einval.top", call="pivot_root", errno=EINVAL, depends=STATE,
    cause="the caller's root is the top of the mount namespace (the initial ramfs)",
    source="pivot_root(2); fs/namespace.c pivot_root",
)  # fmt: skip
PIVOT_NEW_NOT_A_MOUNT = Refusal(
    "pivot_root.einval.new", call="pivot_root", errno=EINVAL, depends=STATE,
    cause="new_root is not the root of a mount", source="pivot_root(2); fs/namespace.c pivot_root",
)  # fmt: skip
PIVOT_OLD_OUTSIDE = Refusal(
    "pivot_root.einval.old-outside", call="pivot_root", errno=EINVAL, depends=STATE,
    cause="put_old is not at or below new_root", source="pivot_root(2); fs/namespace.c pivot_root",
)  # fmt: skip
PIVOT_NEW_OUTSIDE = Refusal(
    "pivot_root.einval.new-outside", call="pivot_root", errno=EINVAL, depends=STATE,
    cause="new_root is not below the caller's root, as the top of the namespace never is", source="fs/namespace.c pivot_root",
)  # fmt: skip
PIVOT_MOVES_PROCESSES = Effect(
    "pivot_root.processes", call="pivot_root",
    cause="every process whose root or working directory was the old root has the new root there now",
    source="pivot_root(2); fs/fs_struct.c chroot_fs_refs",
)  # fmt: skip
PIVOT_PASSES_LOCK = Effect(
    "pivot_root.lock", call="pivot_root",
    cause="if the old root was locked to its place, the new one is; the old one no longer is",
    source="fs/namespace.c pivot_root",
)  # fmt: skip

PIVOT = (
    PIVOT_UNPRIVILEGED,
    LOOKUP,
    PIVOT_OLD_GONE,
    PIVOT_SHARED,
    PIVOT_FOREIGN,
    PIVOT_LOCKED,
    PIVOT_NEW_GONE,
    PIVOT_ON_ROOT,
    PIVOT_ROOT_NOT_A_MOUNT,
    PIVOT_ROOT_AT_TOP,
    PIVOT_NEW_NOT_A_MOUNT,
    PIVOT_OLD_OUTSIDE,
    PIVOT_NEW_OUTSIDE,
    PIVOT_MOVES_PROCESSES,
    PIVOT_PASSES_LOCK,
)
