"""The mount tree (mount_namespaces(7), fs/namespace.c, fs/pnode.c)."""

from errno import EBUSY, EINVAL, ELOOP, ENODEV, ENOENT, ENOSPC, ENOTBLK, ENOTDIR, EPERM
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.protocol.lookup import LOOKUP
from kernelapi.protocol.umounts import PIVOT, UMOUNT
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
MOUNT_SOURCE_GONE = Refusal(
    "mount.enoent.source", call="mount", errno=ENOENT, depends=STATE,
    cause="what is bound, or the root of the mount that is moved, has been removed: nothing could be mounted below it",
    source="fs/namespace.c attach_recursive_mnt, get_mountpoint",
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
    source="mount(2); fs/namespace.c count_mounts", excuse="needs memory exhaustion: a hundred thousand mounts",
)  # fmt: skip

# -- mount: MS_REMOUNT --

REMOUNT_FOREIGN = Refusal(
    "mount.einval.remount-foreign", call="mount", errno=EINVAL, depends=STATE,
    cause="the mount is in another mount namespace than the caller's", source="mount(2); fs/namespace.c do_remount",
)  # fmt: skip
REMOUNT_NOT_A_MOUNT = Refusal(
    "mount.einval.remount-not-a-mount", call="mount", errno=EINVAL, depends=STATE,
    cause="the target is not the root of a mount", source="mount(2); fs/namespace.c do_remount",
)  # fmt: skip
REMOUNT_LOCKED = Refusal(
    "mount.eperm.remount-locked", call="mount", errno=EPERM, depends=STATE,
    cause="it would clear read-only, nosuid, nodev or noexec, or change how access times are kept, where a more privileged "
    "mount namespace has locked that",
    source="mount_namespaces(7); fs/namespace.c can_change_locked_flags",
)  # fmt: skip
REMOUNT_UNPRIVILEGED = Refusal(
    "mount.eperm.remount-superblock", call="mount", errno=EPERM, depends=STATE,
    cause="without MS_BIND, the caller lacks CAP_SYS_ADMIN over the user namespace that owns the file system itself",
    source="mount(2); fs/namespace.c do_remount",
)  # fmt: skip
REMOUNT_BUSY = Refusal(
    "mount.ebusy.remount", call="mount", errno=EBUSY, depends=STATE,
    cause="it would become read-only, and a file is open for writing through it",
    source="mount(2); fs/namespace.c mnt_hold_writers",
)  # fmt: skip
REMOUNT_LIMIT = Refusal(
    "mount.einval.remount-limit", call="mount", errno=EINVAL, depends=STATE,
    cause="a tmpfs without a limit of its size or number of inodes would get one, or one with less than it holds",
    source="tmpfs(5); mm/shmem.c shmem_reconfigure",
)  # fmt: skip

# -- mount: MS_BIND --

BIND_WITHOUT_SOURCE = Refusal(
    "mount.einval.bind-no-source", call="mount", errno=EINVAL, depends=ARGUMENTS,
    cause="there is no source", source="mount(2); fs/namespace.c do_loopback",
)  # fmt: skip
BIND_NAMESPACE_LOOP = Refusal(
    "mount.einval.bind-namespace-loop", call="mount", errno=EINVAL, depends=STATE,
    cause="the source is the file of a mount namespace that is not younger than the caller's",
    source="mount_namespaces(7); fs/namespace.c mnt_ns_loop",
)  # fmt: skip
BIND_UNBINDABLE = Refusal(
    "mount.einval.bind-unbindable", call="mount", errno=EINVAL, depends=STATE,
    cause="the source is on an unbindable mount", source="mount_namespaces(7); fs/namespace.c __do_loopback",
)  # fmt: skip
BIND_FOREIGN = Refusal(
    "mount.einval.bind-foreign", call="mount", errno=EINVAL, depends=STATE,
    cause="the source is on a mount that is not in the caller's mount namespace",
    source="mount(2); fs/namespace.c may_copy_tree",
)  # fmt: skip
BIND_LOCKED_CHILDREN = Refusal(
    "mount.einval.bind-locked-children", call="mount", errno=EINVAL, depends=STATE,
    cause="without MS_REC, something is mounted below the source that a more privileged mount namespace has locked there",
    source="mount_namespaces(7); fs/namespace.c has_locked_children",
)  # fmt: skip
BIND_LOCKED_UNBINDABLE = Refusal(
    "mount.eperm.bind-locked-unbindable", call="mount", errno=EPERM, depends=STATE,
    cause="with MS_REC, a mount below the source is both locked and unbindable: it can be neither copied nor left out",
    source="fs/namespace.c copy_tree",
)  # fmt: skip

# -- mount: a change of propagation --

PROPAGATION_NOT_A_MOUNT = Refusal(
    "mount.einval.propagation-not-a-mount", call="mount", errno=EINVAL, depends=STATE,
    cause="the target is not the root of a mount", source="mount(2); fs/namespace.c do_change_type",
)  # fmt: skip
PROPAGATION_FLAGS = Refusal(
    "mount.einval.propagation-flags", call="mount", errno=EINVAL, depends=ARGUMENTS,
    cause="more than one kind of propagation is asked for, or another flag than MS_REC and MS_SILENT is given with it",
    source="mount(2); fs/namespace.c flags_to_propagation_type",
)  # fmt: skip
PROPAGATION_DETACHED = Refusal(
    "mount.einval.propagation-detached", call="mount", errno=EINVAL, depends=STATE,
    cause="the mount has been detached", source="fs/namespace.c may_change_propagation",
)  # fmt: skip
PROPAGATION_FOREIGN = Refusal(
    "mount.eperm.propagation-foreign", call="mount", errno=EPERM, depends=STATE,
    cause="the mount is in another mount namespace, over whose owner the caller lacks CAP_SYS_ADMIN",
    source="fs/namespace.c may_change_propagation", since="6.16",
)  # fmt: skip

# -- mount: MS_MOVE --

MOVE_WITHOUT_SOURCE = Refusal(
    "mount.einval.move-no-source", call="mount", errno=EINVAL, depends=ARGUMENTS,
    cause="there is no source", source="mount(2); fs/namespace.c do_move_mount_old",
)  # fmt: skip
MOVE_NOT_A_MOUNT = Refusal(
    "mount.einval.move-not-a-mount", call="mount", errno=EINVAL, depends=STATE,
    cause="the source is not the root of a mount", source="mount(2); fs/namespace.c do_move_mount",
)  # fmt: skip
MOVE_DIRECTORY_MISMATCH = Refusal(
    "mount.einval.move-mismatch", call="mount", errno=EINVAL, depends=STATE,
    cause="of the source and the target, only one is a directory", source="mount(2); fs/namespace.c do_move_mount",
)  # fmt: skip
MOVE_NOT_DETACHABLE = Refusal(
    "mount.einval.move-fixed", call="mount", errno=EINVAL, depends=STATE,
    cause="the source is not in the caller's mount namespace, has no parent, or is locked to it",
    source="mount(2); fs/namespace.c do_move_mount",
)  # fmt: skip
MOVE_PARENT_SHARED = Refusal(
    "mount.einval.move-parent-shared", call="mount", errno=EINVAL, depends=STATE,
    cause="the mount on which the source is mounted is shared", source="mount_namespaces(7); fs/namespace.c do_move_mount",
)  # fmt: skip
MOVE_UNBINDABLE = Refusal(
    "mount.einval.move-unbindable", call="mount", errno=EINVAL, depends=STATE,
    cause="the tree holds an unbindable mount, and the mount of the target is shared",
    source="mount_namespaces(7); fs/namespace.c do_move_mount",
)  # fmt: skip
MOVE_INTO_ITSELF = Refusal(
    "mount.eloop.move", call="mount", errno=ELOOP, depends=STATE,
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
    cause="the file system does not know an option in the data, or not this value of it; with SELinux on, the policy does not "
    "know the context, or the file system has another one already",
    source="mount(2); fs/fs_context.c vfs_parse_fs_param; security/selinux/hooks.c selinux_add_opt, selinux_set_mnt_opts",
)  # fmt: skip
MOUNT_TYPE_UNPRIVILEGED = Refusal(
    "mount.eperm.type", call="mount", errno=EPERM, depends=STATE,
    cause="only the initial user namespace may mount the type; or the caller lacks CAP_SYS_ADMIN over the user "
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
    cause="in a mount namespace that the initial user namespace does not own, a proc or sysfs may be mounted only if one can "
    "be seen in full already: no part of it covered by a locked mount, not read-only unless the new one is",
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
    cause="mounted on a shared mount, a tree becomes shared as a whole, and copies of it appear on all peers and slaves of "
    "that mount, in other mount namespaces too",
    source="mount_namespaces(7); fs/pnode.c propagate_mnt",
)  # fmt: skip
MOUNT_TUCKS = Effect(
    "mount.tucks", call="mount",
    cause="where propagation finds the place taken, the new mount goes below what is mounted there",
    source="mount_namespaces(7); fs/namespace.c attach_recursive_mnt",
)  # fmt: skip
REMOUNT_EVERYWHERE = Effect(
    "mount.remount-everywhere", call="mount",
    cause="a remount without MS_BIND changes the file system itself: it shows in all its mounts, in all namespaces",
    source="mount(2); fs/super.c reconfigure_super",
)  # fmt: skip
REMOUNT_CLEARS = Effect(
    "mount.remount-clears", call="mount",
    cause="a remount clears the mount flags that it does not name, except the way in which access times are kept",
    source="mount(2); fs/namespace.c path_mount",
)  # fmt: skip
REMOUNT_NOT_BELOW = Effect(
    "mount.remount-not-below", call="mount",
    cause="a remount with MS_BIND covers one mount only, even with MS_REC: what is mounted below keeps its flags",
    source="mount(2); fs/namespace.c do_reconfigure_mnt",
)  # fmt: skip
BIND_IGNORES_FLAGS = Effect(
    "mount.bind-flags", call="mount",
    cause="a bind takes over the flags of the source's mount, and none that are given: a read-only bind takes a remount",
    source="mount(2); fs/namespace.c do_loopback",
)  # fmt: skip
BIND_PRUNES = Effect(
    "mount.bind-prunes", call="mount",
    cause="a recursive bind leaves out unbindable mounts below the source, with all that is below them",
    source="mount_namespaces(7); fs/namespace.c copy_tree",
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
    REMOUNT_LIMIT,
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
    MOUNT_SOURCE_GONE,
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
"""The rows of mount. Its operations stand side by side: the rows of each are in the order of its checks."""


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
