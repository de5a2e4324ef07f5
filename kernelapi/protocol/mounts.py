"""The mount tree (mount_namespaces(7), fs/namespace.c, fs/pnode.c)."""

from errno import EAGAIN, EBUSY, EINVAL, ELOOP, ENODEV, ENOENT, ENOSPC, ENOTBLK, ENOTDIR, EPERM
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.protocol.lookup import LOOKUP
from kernelapi.rules import ARGUMENTS, STATE, Effect, Refusal

# -- mount: before it is known what is asked for --

MOUNT_STRING_TOO_LONG = Refusal(
    "mount.einval.string", call="mount", errno=EINVAL, depends=ARGUMENTS,
    cause="the type, or the source, has more than 4095 bytes",
    source="mount(2); fs/namespace.c copy_mount_string",
)  # fmt: skip
MOUNT_NOUSER = Refusal(
    "mount.einval.nouser", call="mount", errno=EINVAL, depends=ARGUMENTS,
    cause="the flags hold the kernel's own MS_NOUSER (bit 31)",
    source="mount(2); fs/namespace.c path_mount",
)  # fmt: skip
MOUNT_UNPRIVILEGED = Refusal(
    "mount.eperm.unprivileged", call="mount", errno=EPERM, depends=STATE,
    cause="the caller lacks CAP_SYS_ADMIN over the owner of its mount namespace; found out after the target has been looked up",
    source="mount(2); fs/namespace.c may_mount",
)  # fmt: skip

# -- what several operations share --

MOUNT_TARGET_GONE = Refusal(
    "mount.enoent.target", call="mount", errno=ENOENT, depends=STATE,
    cause="the target has been removed, or is on a mount that has been detached: nothing can be mounted there",
    source="mount(2); fs/namespace.c do_lock_mount",
)  # fmt: skip
MOUNT_TARGET_FOREIGN = Refusal(
    "mount.einval.target-foreign", call="mount", errno=EINVAL, depends=STATE,
    cause="the target is in another mount namespace than the caller's", source="mount(2); fs/namespace.c check_mnt",
)  # fmt: skip
MOUNT_DIRECTORY_MISMATCH = Refusal(
    "mount.enotdir.mismatch", call="mount", errno=ENOTDIR, depends=STATE,
    cause="of what is mounted and what it is mounted on, only one is a directory",
    source="mount(2); fs/namespace.c graft_tree",
)  # fmt: skip
MOUNT_TOO_MANY = Refusal(
    "mount.enospc", call="mount", errno=ENOSPC, depends=STATE,
    cause="the mount namespace would hold more than /proc/sys/fs/mount-max mounts (100,000)",
    source="mount(2); fs/namespace.c count_mounts",
)  # fmt: skip

# -- mount: MS_REMOUNT --

REMOUNT_FOREIGN = Refusal(
    "remount.einval.foreign", call="mount", errno=EINVAL, depends=STATE,
    cause="the mount is in another mount namespace than the caller's", source="mount(2); fs/namespace.c do_remount",
)  # fmt: skip
REMOUNT_NOT_A_MOUNT = Refusal(
    "remount.einval.not-a-mount", call="mount", errno=EINVAL, depends=STATE,
    cause="the target is not the root of a mount", source="mount(2); fs/namespace.c do_remount",
)  # fmt: skip
REMOUNT_LOCKED = Refusal(
    "remount.eperm.locked", call="mount", errno=EPERM, depends=STATE,
    cause="it would clear read-only, nosuid, nodev or noexec, or change how access times are kept, where a more privileged "
    "mount namespace has locked that",
    source="mount_namespaces(7); fs/namespace.c can_change_locked_flags",
)  # fmt: skip
REMOUNT_UNPRIVILEGED = Refusal(
    "remount.eperm.superblock", call="mount", errno=EPERM, depends=STATE,
    cause="without MS_BIND, the caller lacks CAP_SYS_ADMIN over the user namespace that owns the file system itself",
    source="mount(2); fs/namespace.c do_remount",
)  # fmt: skip
REMOUNT_BUSY = Refusal(
    "remount.ebusy", call="mount", errno=EBUSY, depends=STATE,
    cause="it would become read-only, and a file is open for writing through it",
    source="mount(2); fs/namespace.c mnt_hold_writers",
)  # fmt: skip

# -- mount: MS_BIND --

BIND_WITHOUT_SOURCE = Refusal(
    "bind.einval.source", call="mount", errno=EINVAL, depends=ARGUMENTS,
    cause="there is no source", source="mount(2); fs/namespace.c do_loopback",
)  # fmt: skip
BIND_NAMESPACE_LOOP = Refusal(
    "bind.einval.namespace-loop", call="mount", errno=EINVAL, depends=STATE,
    cause="the source is the file of a mount namespace that is not younger than the caller's",
    source="mount_namespaces(7); fs/namespace.c mnt_ns_loop",
)  # fmt: skip
BIND_UNBINDABLE = Refusal(
    "bind.einval.unbindable", call="mount", errno=EINVAL, depends=STATE,
    cause="the source is on an unbindable mount", source="mount_namespaces(7); fs/namespace.c __do_loopback",
)  # fmt: skip
BIND_FOREIGN = Refusal(
    "bind.einval.source-foreign", call="mount", errno=EINVAL, depends=STATE,
    cause="the source is on a mount that is not in the caller's mount namespace",
    source="mount(2); fs/namespace.c may_copy_tree",
)  # fmt: skip
BIND_LOCKED_CHILDREN = Refusal(
    "bind.einval.locked-children", call="mount", errno=EINVAL, depends=STATE,
    cause="without MS_REC, something is mounted below the source that a more privileged mount namespace has locked there",
    source="mount_namespaces(7); fs/namespace.c has_locked_children",
)  # fmt: skip
BIND_LOCKED_UNBINDABLE = Refusal(
    "bind.eperm.locked-unbindable", call="mount", errno=EPERM, depends=STATE,
    cause="with MS_REC, a mount below the source is both locked and unbindable: it can be neither copied nor left out",
    source="fs/namespace.c copy_tree",
)  # fmt: skip

# -- mount: a change of propagation --

PROPAGATION_NOT_A_MOUNT = Refusal(
    "propagation.einval.not-a-mount", call="mount", errno=EINVAL, depends=STATE,
    cause="the target is not the root of a mount", source="mount(2); fs/namespace.c do_change_type",
)  # fmt: skip
PROPAGATION_FLAGS = Refusal(
    "propagation.einval.flags", call="mount", errno=EINVAL, depends=ARGUMENTS,
    cause="more than one kind of propagation is asked for, or another flag than MS_REC and MS_SILENT is given with it",
    source="mount(2); fs/namespace.c flags_to_propagation_type",
)  # fmt: skip
PROPAGATION_DETACHED = Refusal(
    "propagation.einval.detached", call="mount", errno=EINVAL, depends=STATE,
    cause="the mount has been detached", source="fs/namespace.c may_change_propagation",
)  # fmt: skip
PROPAGATION_FOREIGN = Refusal(
    "propagation.eperm.foreign", call="mount", errno=EPERM, depends=STATE,
    cause="the mount is in another mount namespace, over whose owner the caller lacks CAP_SYS_ADMIN",
    source="fs/namespace.c may_change_propagation", since="6.16",
)  # fmt: skip

# -- mount: MS_MOVE --

MOVE_WITHOUT_SOURCE = Refusal(
    "move.einval.source", call="mount", errno=EINVAL, depends=ARGUMENTS,
    cause="there is no source", source="mount(2); fs/namespace.c do_move_mount_old",
)  # fmt: skip
MOVE_NOT_A_MOUNT = Refusal(
    "move.einval.not-a-mount", call="mount", errno=EINVAL, depends=STATE,
    cause="the source is not the root of a mount", source="mount(2); fs/namespace.c do_move_mount",
)  # fmt: skip
MOVE_DIRECTORY_MISMATCH = Refusal(
    "move.einval.mismatch", call="mount", errno=EINVAL, depends=STATE,
    cause="of the source and the target, only one is a directory", source="mount(2); fs/namespace.c do_move_mount",
)  # fmt: skip
MOVE_NOT_DETACHABLE = Refusal(
    "move.einval.fixed", call="mount", errno=EINVAL, depends=STATE,
    cause="the source is not in the caller's mount namespace, has no parent, or is locked to it",
    source="mount(2); fs/namespace.c do_move_mount",
)  # fmt: skip
MOVE_PARENT_SHARED = Refusal(
    "move.einval.parent-shared", call="mount", errno=EINVAL, depends=STATE,
    cause="the mount on which the source is mounted is shared", source="mount_namespaces(7); fs/namespace.c do_move_mount",
)  # fmt: skip
MOVE_UNBINDABLE = Refusal(
    "move.einval.unbindable", call="mount", errno=EINVAL, depends=STATE,
    cause="the tree holds an unbindable mount, and the mount of the target is shared",
    source="mount_namespaces(7); fs/namespace.c do_move_mount",
)  # fmt: skip
MOVE_INTO_ITSELF = Refusal(
    "move.eloop", call="mount", errno=ELOOP, depends=STATE,
    cause="the target is within the tree that is to be moved", source="mount(2); fs/namespace.c do_move_mount",
)  # fmt: skip

# -- mount: a new mount --

MOUNT_WITHOUT_TYPE = Refusal(
    "mount.einval.type", call="mount", errno=EINVAL, depends=ARGUMENTS,
    cause="there is no file system type", source="mount(2); fs/namespace.c do_new_mount",
)  # fmt: skip
MOUNT_UNKNOWN_TYPE = Refusal(
    "mount.enodev", call="mount", errno=ENODEV, depends=ARGUMENTS,
    cause="the kernel knows no such file system type", source="mount(2); fs/filesystems.c get_fs_type",
)  # fmt: skip
MOUNT_BAD_OPTION = Refusal(
    "mount.einval.option", call="mount", errno=EINVAL, depends=ARGUMENTS,
    cause="the file system does not know an option in the data, or not this value of it",
    source="mount(2); fs/fs_context.c vfs_parse_fs_param",
)  # fmt: skip
MOUNT_TYPE_UNPRIVILEGED = Refusal(
    "mount.eperm.type", call="mount", errno=EPERM, depends=STATE,
    cause="the type may be mounted by the initial user namespace only, or the caller lacks CAP_SYS_ADMIN over the user "
    "namespace that would own the file system (of a proc: the owner of the pid namespace; of a sysfs: of the net namespace)",
    source="user_namespaces(7); fs/super.c mount_capable",
)  # fmt: skip
MOUNT_WITHOUT_DEVICE = Refusal(
    "mount.einval.device", call="mount", errno=EINVAL, depends=ARGUMENTS,
    cause="the type needs a device, and there is no source", source="mount(2); fs/super.c get_tree_bdev_flags",
)  # fmt: skip
MOUNT_NOT_A_DEVICE = Refusal(
    "mount.enotblk", call="mount", errno=ENOTBLK, depends=STATE,
    cause="the type needs a device, and the source is not a block device",
    source="mount(2); block/bdev.c lookup_bdev",
)  # fmt: skip
MOUNT_TOO_REVEALING = Refusal(
    "mount.eperm.revealing", call="mount", errno=EPERM, depends=STATE,
    cause="in a mount namespace that the initial user namespace does not own, a proc or sysfs may only be mounted if one can be "
    "seen in full already: no part of it covered by a locked mount, not read-only unless the new one is",
    source="user_namespaces(7), mount_namespaces(7); fs/namespace.c mount_too_revealing",
)  # fmt: skip
MOUNT_SAME_AGAIN = Refusal(
    "mount.ebusy.same", call="mount", errno=EBUSY, depends=STATE,
    cause="the target is already the root of a mount of the same file system",
    source="mount(2); fs/namespace.c do_add_mount",
)  # fmt: skip

# -- mount: effects --

MOUNT_STACKS = Effect(
    "mount.stacks", call="mount",
    cause="what is mounted on a mount point covers what was mounted there before; whoever is inside that stays there",
    source="mount(2); fs/namespace.c do_lock_mount",
)  # fmt: skip
MOUNT_PROPAGATES = Effect(
    "mount.propagates", call="mount",
    cause="mounted on a shared mount, a tree becomes shared as a whole, and copies of it appear on all peers and slaves of that "
    "mount, in other mount namespaces too",
    source="mount_namespaces(7); fs/pnode.c propagate_mnt",
)  # fmt: skip
MOUNT_TUCKS = Effect(
    "mount.tucks", call="mount",
    cause="where propagation finds the place taken, the new mount goes below what is mounted there",
    source="mount_namespaces(7); fs/namespace.c attach_recursive_mnt",
)  # fmt: skip
REMOUNT_EVERYWHERE = Effect(
    "remount.everywhere", call="mount",
    cause="a remount without MS_BIND changes the file system itself: it shows in all its mounts, in all namespaces",
    source="mount(2); fs/super.c reconfigure_super",
)  # fmt: skip
REMOUNT_CLEARS = Effect(
    "remount.clears", call="mount",
    cause="a remount clears the mount flags that it does not name, except the way in which access times are kept",
    source="mount(2); fs/namespace.c path_mount",
)  # fmt: skip
REMOUNT_NOT_BELOW = Effect(
    "remount.not-below", call="mount",
    cause="a remount with MS_BIND covers one mount only, even with MS_REC: what is mounted below keeps its flags",
    source="mount(2); fs/namespace.c do_reconfigure_mnt",
)  # fmt: skip
BIND_IGNORES_FLAGS = Effect(
    "bind.flags", call="mount",
    cause="a bind takes over the flags of the source's mount, and none that are given: a read-only bind takes a remount",
    source="mount(2); fs/namespace.c do_loopback",
)  # fmt: skip
BIND_PRUNES = Effect(
    "bind.prunes", call="mount",
    cause="a recursive bind leaves out unbindable mounts below the source, with all that is below them",
    source="mount_namespaces(7); fs/namespace.c copy_tree",
)  # fmt: skip
NEW_NAMESPACE_LOCKS = Effect(
    "mount-namespace.locks", call="mount-namespace",
    cause="the copies in a new mount namespace with another owner are locked: each to where it is, and in its flags; and those "
    "of shared mounts are slaves",
    source="mount_namespaces(7); fs/namespace.c copy_mnt_ns",
)  # fmt: skip

MOUNT = (
    MOUNT_STRING_TOO_LONG,
    LOOKUP,
    MOUNT_NOUSER,
    MOUNT_UNPRIVILEGED,
    REMOUNT_FOREIGN,
    REMOUNT_NOT_A_MOUNT,
    REMOUNT_LOCKED,
    REMOUNT_UNPRIVILEGED,
    REMOUNT_BUSY,
    BIND_WITHOUT_SOURCE,
    BIND_NAMESPACE_LOOP,
    PROPAGATION_NOT_A_MOUNT,
    PROPAGATION_FLAGS,
    PROPAGATION_DETACHED,
    PROPAGATION_FOREIGN,
    MOVE_WITHOUT_SOURCE,
    MOVE_NOT_A_MOUNT,
    MOVE_DIRECTORY_MISMATCH,
    MOUNT_WITHOUT_TYPE,
    MOUNT_UNKNOWN_TYPE,
    MOUNT_BAD_OPTION,
    MOUNT_TYPE_UNPRIVILEGED,
    MOUNT_WITHOUT_DEVICE,
    MOUNT_NOT_A_DEVICE,
    MOUNT_TOO_REVEALING,
    MOUNT_TARGET_GONE,
    MOUNT_TARGET_FOREIGN,
    MOUNT_SAME_AGAIN,
    BIND_UNBINDABLE,
    BIND_FOREIGN,
    BIND_LOCKED_CHILDREN,
    BIND_LOCKED_UNBINDABLE,
    MOVE_NOT_DETACHABLE,
    MOVE_PARENT_SHARED,
    MOVE_UNBINDABLE,
    MOVE_INTO_ITSELF,
    MOUNT_DIRECTORY_MISMATCH,
    MOUNT_TOO_MANY,
    MOUNT_STACKS,
    MOUNT_PROPAGATES,
    MOUNT_TUCKS,
    REMOUNT_EVERYWHERE,
    REMOUNT_CLEARS,
    REMOUNT_NOT_BELOW,
    BIND_IGNORES_FLAGS,
    BIND_PRUNES,
)

# -- umount2 --

UMOUNT_FLAGS = Refusal(
    "umount2.einval.flags", call="umount2", errno=EINVAL, depends=ARGUMENTS,
    cause="an unknown flag; found out before the target is looked up", source="umount2(2); fs/namespace.c ksys_umount",
)  # fmt: skip
UMOUNT_UNPRIVILEGED = Refusal(
    "umount2.eperm.unprivileged", call="umount2", errno=EPERM, depends=STATE,
    cause="the caller lacks CAP_SYS_ADMIN over the owner of its mount namespace", source="umount2(2); fs/namespace.c can_umount",
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
    cause="with MNT_EXPIRE, the mount is in use or something is mounted on it", source="umount2(2); fs/namespace.c do_umount",
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
    cause="what is mounted at the same place of the peers and slaves of the mount below goes too, unless something is mounted on "
    "it; without MNT_DETACH, too",
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
PIVOT_NEW_AT_TOP = Refusal(
    "pivot_root.einval.new-top", call="pivot_root", errno=EINVAL, depends=STATE,
    cause="new_root is the top of the mount namespace", source="fs/namespace.c pivot_root",
)  # fmt: skip
PIVOT_OLD_OUTSIDE = Refusal(
    "pivot_root.einval.old-outside", call="pivot_root", errno=EINVAL, depends=STATE,
    cause="put_old is not at or below new_root", source="pivot_root(2); fs/namespace.c pivot_root",
)  # fmt: skip
PIVOT_NEW_OUTSIDE = Refusal(
    "pivot_root.einval.new-outside", call="pivot_root", errno=EINVAL, depends=STATE,
    cause="new_root is not below the caller's root", source="fs/namespace.c pivot_root",
)  # fmt: skip
PIVOT_MOVES_PROCESSES = Effect(
    "pivot_root.processes", call="pivot_root",
    cause="every process whose root or working directory was the old root has the new root there now",
    source="pivot_root(2); fs/fs_struct.c chroot_fs_refs",
)  # fmt: skip
PIVOT_PASSES_LOCK = Effect(
    "pivot_root.lock", call="pivot_root",
    cause="if the old root was locked to its place, the new one is; the old one no longer is", source="fs/namespace.c pivot_root",
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
    PIVOT_NEW_AT_TOP,
    PIVOT_OLD_OUTSIDE,
    PIVOT_NEW_OUTSIDE,
    PIVOT_MOVES_PROCESSES,
    PIVOT_PASSES_LOCK,
)


class Mounts(Protocol):
    """Attaching, changing, moving and detaching mounts; switching the root."""

    @syscall(*MOUNT)
    def mount(self, source: str, target: str, fstype: str, flags: int, data: str) -> None:
        """Mount, remount, bind, move, or change propagation: `flags` (`MountFlag` bits) says which.

        An empty `source`, `fstype` or `data` stands for an absent argument (a null pointer). Of `data`, 4095 bytes count.
        """

    @syscall(*UMOUNT)
    def umount2(self, target: str, flags: int) -> None:
        """Detach the mount at `target`, the topmost one (`UmountFlag` bits)."""

    @syscall(*PIVOT)
    def pivot_root(self, new_root: str, put_old: str) -> None:
        """Make the mount `new_root` the root, and mount what was the root on `put_old`, which may be the same place."""
