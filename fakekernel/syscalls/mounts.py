"""mount(2): new mounts, remounts, binds, moves, changes of propagation (fs/namespace.c)."""

from fakekernel import security
from fakekernel.fstypes import FSTYPES, NOT_MODELLED, SUPERBLOCK_FLAGS, FilesystemType, parse_request
from fakekernel.lookup import resolve
from fakekernel.mount import Mount, MountNamespace, Path
from fakekernel.mounttree import (
    ATIME_FLAGS,
    ATIME_LOCK,
    LOCKABLE_FLAGS,
    children_of,
    clone_mount,
    copy_tree,
    descend,
    is_ancestor,
    is_below,
    left_out,
    size_of_copy,
)
from fakekernel.mountusers import is_written, is_written_through
from fakekernel.namespaces import Namespace
from fakekernel.peers import change_propagation, receivers
from fakekernel.propagation import attach_tree
from fakekernel.syscalls.umounts import UmountCalls
from fakekernel.userns import UserNamespace
from kernelapi.capability import Cap
from kernelapi.errors import NotModelled
from kernelapi.flags import AT_FDCWD, FileType, MountFlag
from kernelapi.protocol import mounts as rows

# Plain numbers: arithmetic on the enums would be slow in the hot paths.
RDONLY, NOSUID, NODEV, NOEXEC, NOSYMFOLLOW = map(
    int, (MountFlag.RDONLY, MountFlag.NOSUID, MountFlag.NODEV, MountFlag.NOEXEC, MountFlag.NOSYMFOLLOW)
)
NOATIME, NODIRATIME, RELATIME, STRICTATIME = map(
    int, (MountFlag.NOATIME, MountFlag.NODIRATIME, MountFlag.RELATIME, MountFlag.STRICTATIME)
)
REMOUNT, BIND, MOVE, REC, SILENT = map(
    int, (MountFlag.REMOUNT, MountFlag.BIND, MountFlag.MOVE, MountFlag.REC, MountFlag.SILENT)
)
PROPAGATION = int(MountFlag.SHARED | MountFlag.PRIVATE | MountFlag.SLAVE | MountFlag.UNBINDABLE)
PER_MOUNT = RDONLY | NOSUID | NODEV | NOEXEC | NOATIME | NODIRATIME | NOSYMFOLLOW
ATIME = int(ATIME_FLAGS)
LOCKABLE, ATIME_LOCKED = int(LOCKABLE_FLAGS), int(ATIME_LOCK)
REMOUNTABLE = RDONLY | int(MountFlag.SYNCHRONOUS | MountFlag.MANDLOCK | MountFlag.LAZYTIME)
"""The flags of a superblock that a remount sets or clears (MS_RMT_MASK)."""

NOUSER = 1 << 31
MAGIC, MAGIC_MASK = 0xC0ED0000, 0xFFFF0000
"""Programs of the time before 2.4 give it in the upper half of the flags, where it says nothing."""

STRING_MAX, DATA_MAX = 4095, 4095


class MountCalls(UmountCalls):
    """The mount tree: mount(2), and with it umount2(2) and pivot_root(2)."""

    __slots__ = ()

    # -- mount --

    def mount(self, source: str, target: str, fstype: str, flags: int, data: str) -> None:
        flags = int(flags)
        if len(fstype.encode("utf-8", "surrogateescape")) > STRING_MAX:
            self.refuse(rows.MOUNT_STRING_TOO_LONG)
        if len(source.encode("utf-8", "surrogateescape")) > STRING_MAX:
            self.refuse(rows.MOUNT_STRING_TOO_LONG)
        place = resolve(self, AT_FDCWD, target)
        if flags & MAGIC_MASK == MAGIC:
            flags &= ~MAGIC_MASK
        if flags & NOUSER:
            self.refuse(rows.MOUNT_NOUSER)
        if not self.may_mount():
            self.refuse(rows.MOUNT_UNPRIVILEGED)
        if flags & (REMOUNT | BIND) == REMOUNT | BIND:
            self._remount_one(place, self._flags_of_remount(flags, place.mount), recursive=bool(flags & REC))
        elif flags & REMOUNT:
            self._remount(place, flags, self._flags_of_remount(flags, place.mount), data)
        elif flags & BIND:
            self._bind(place, source, flags)
        elif flags & PROPAGATION:
            self._change_propagation(place, flags)
        elif flags & MOVE:
            self._move(place, source)
        else:
            self._mount_new(place, fstype, source, flags, data)

    def _graft(self, tree: Mount, place: Path) -> None:
        below, covered = place.mount.parent, place.mount.mountpoint
        stacks = place.dentry is place.mount.root and self.happens(rows.MOUNT_STACKS)
        if not stacks and place.dentry is place.mount.root and below is not None and covered is not None:
            place = Path(below, covered)
        attach_tree(self.machine.system, self.task.namespaces.mnt, tree, place.mount, place.dentry, self.machine.suspended)

    def _check_room(self, place: Path, more: int) -> None:
        """Whether `more` mounts fit the namespace of `place`, and all others that they propagate to (count_mounts)."""
        system = self.machine.system
        wanted: dict[MountNamespace | None, int] = {place.mount.ns: more}
        for receiver in receivers(system, place.mount):
            if receiver.ns is not None and is_below(place.dentry, receiver.root):
                wanted[receiver.ns] = wanted.get(receiver.ns, 0) + more
        if any(ns is not None and len(ns.mounts) + count > system.mount_max for ns, count in wanted.items()):
            self.refuse(rows.MOUNT_TOO_MANY)

    # -- mount: remount --

    def _flags_of_remount(self, flags: int, mount: Mount) -> int:
        kept = 0 if self.happens(rows.REMOUNT_CLEARS) else mount.flags & ~ATIME
        return _mount_flags(flags, mount) | kept

    def _remount_one(self, place: Path, flags: int, *, recursive: bool) -> None:
        mount = place.mount
        self._check_remount(place, flags)
        becomes_readonly = flags & RDONLY and not (mount.flags | mount.sb.flags) & RDONLY
        if becomes_readonly and is_written_through(self.machine.system, mount):
            self.refuse(rows.REMOUNT_BUSY)
        # -- effects only below --
        if recursive and not self.happens(rows.REMOUNT_NOT_BELOW):
            for each in descend(mount):
                each.flags = flags
        mount.flags = flags

    def _remount(self, place: Path, given: int, flags: int, data: str) -> None:
        mount, sb = place.mount, place.mount.sb
        self._check_remount(place, flags)
        fstype = FSTYPES.get(sb.fstype)
        if fstype is None or (fstype.needs_device and data):
            raise NotModelled(f"the options of a remount of {sb.fstype}")
        data, context = security.take_mount_options(self, data[:DATA_MAX])
        request = parse_request(sb.fstype, "", given & REMOUNTABLE, data)
        if not fstype.needs_device:
            fstype.check(self, request)
        if not self.capable_over(sb.userns, Cap.SYS_ADMIN):
            self.refuse(rows.REMOUNT_UNPRIVILEGED)
        if context and context != sb.context:
            self.refuse(rows.MOUNT_BAD_OPTION)
        becomes_readonly = request.flags & RDONLY and not sb.flags & RDONLY
        if becomes_readonly and is_written(self.machine.system, sb):
            self.refuse(rows.REMOUNT_BUSY)
        # -- effects only below --
        if self.happens(rows.REMOUNT_EVERYWHERE):
            if fstype.reconfigure is not None:
                fstype.reconfigure(self, sb, request)
            sb.flags = sb.flags & ~REMOUNTABLE | request.flags & REMOUNTABLE
        mount.flags = flags

    def _check_remount(self, place: Path, flags: int) -> None:
        mount = place.mount
        if not self.is_mine(mount):
            self.refuse(rows.REMOUNT_FOREIGN)
        if place.dentry is not mount.root:
            self.refuse(rows.REMOUNT_NOT_A_MOUNT)
        locked = mount.locked_flags
        if locked and (
            locked & LOCKABLE & ~flags or (locked & ATIME_LOCKED and (mount.flags ^ flags) & ATIME)
        ):
            self.refuse(rows.REMOUNT_LOCKED)

    # -- mount: bind --

    def _bind(self, place: Path, source: str, flags: int) -> None:
        recursive = bool(flags & REC)
        if not source:
            self.refuse(rows.BIND_WITHOUT_SOURCE)
        origin = resolve(self, AT_FDCWD, source)
        subject = origin.inode.subject
        if isinstance(subject, MountNamespace) and subject.inum <= self.task.namespaces.mnt.inum:
            self.refuse(rows.BIND_NAMESPACE_LOOP)
        place = self.where_to_mount(place, rows.MOUNT_TARGET_GONE)
        if not self.is_mine(place.mount):
            self.refuse(rows.MOUNT_TARGET_FOREIGN)
        mount, root = origin
        if mount.unbindable:
            self.refuse(rows.BIND_UNBINDABLE)
        if not self.is_mine(mount) and not isinstance(subject, (Namespace, UserNamespace)):
            self.refuse(rows.BIND_FOREIGN)
        if not recursive:
            if len(mount.children) and any(
                child.locked and is_below(child.mountpoint, root) for child in mount.children.values()
            ):
                self.refuse(rows.BIND_LOCKED_CHILDREN)
        elif any(each.unbindable and each.locked for each in left_out(mount, root)):
            self.refuse(rows.BIND_LOCKED_UNBINDABLE)
        if root.inode.is_directory is not place.inode.is_directory:
            self.refuse(rows.MOUNT_DIRECTORY_MISMATCH)
        if root.unlinked:
            self.refuse(rows.MOUNT_SOURCE_GONE)
        self._check_room(place, size_of_copy(mount, root) if recursive else 1)
        # -- effects only below --
        system = self.machine.system
        if recursive:
            tree = copy_tree(system, mount, root, copy_unbindable=not self.happens(rows.BIND_PRUNES))[mount]
        else:
            tree = clone_mount(system, mount, root)
        if not self.happens(rows.BIND_IGNORES_FLAGS):
            tree.flags = _mount_flags(flags, None)
        self._graft(tree, place)

    # -- mount: propagation --

    def _change_propagation(self, place: Path, flags: int) -> None:
        mount = place.mount
        if place.dentry is not mount.root:
            self.refuse(rows.PROPAGATION_NOT_A_MOUNT)
        kind = flags & ~(REC | SILENT)
        if kind & ~PROPAGATION or kind.bit_count() != 1:
            self.refuse(rows.PROPAGATION_FLAGS)
        if mount.ns is None:
            self.refuse(rows.PROPAGATION_DETACHED)
        elif not self.capable_over(mount.ns.owner, Cap.SYS_ADMIN):
            self.refuse(rows.PROPAGATION_FOREIGN)
        # -- effects only below --
        for each in list(descend(mount)) if flags & REC else (mount,):
            change_propagation(self.machine.system, each, kind)

    # -- mount: move --

    def _move(self, place: Path, source: str) -> None:
        if not source:
            self.refuse(rows.MOVE_WITHOUT_SOURCE)
        origin = resolve(self, AT_FDCWD, source)
        mount, parent = origin.mount, origin.mount.parent
        if origin.dentry is not mount.root:
            self.refuse(rows.MOVE_NOT_A_MOUNT)
        if place.inode.is_directory is not origin.inode.is_directory:
            self.refuse(rows.MOVE_DIRECTORY_MISMATCH)
        place = self.where_to_mount(place, rows.MOUNT_TARGET_GONE)
        if not self.is_mine(mount) or parent is None or mount.locked:
            self.refuse(rows.MOVE_NOT_DETACHABLE)
        if parent is not None and parent.group:
            self.refuse(rows.MOVE_PARENT_SHARED)
        if not self.is_mine(place.mount):
            self.refuse(rows.MOUNT_TARGET_FOREIGN)
        if place.mount.group and any(each.unbindable for each in descend(mount)):
            self.refuse(rows.MOVE_UNBINDABLE)
        if is_ancestor(mount, place.mount):
            self.fail(rows.MOVE_INTO_ITSELF)
        if origin.dentry.unlinked:
            self.refuse(rows.MOUNT_SOURCE_GONE)
        # -- effects only below --
        self._graft(mount, place)

    # -- mount: new --

    def _mount_new(self, place: Path, name: str, source: str, flags: int, data: str) -> None:
        if not name:
            self.refuse(rows.MOUNT_WITHOUT_TYPE)
        fstype = FSTYPES.get(name)
        if fstype is None or fstype.module not in ("", self.machine.host.security_module):
            if fstype is None and name in NOT_MODELLED:
                raise NotModelled(f"file systems of the type {name}")
            self.fail(rows.MOUNT_UNKNOWN_TYPE)
        data, context = security.take_mount_options(self, data[:DATA_MAX])
        request = parse_request(name, source, flags & SUPERBLOCK_FLAGS, data, context)
        fstype.check(self, request)
        owner = fstype.owner(self) if fstype.in_userns else self.machine.system.userns
        if not self.capable_over(owner, Cap.SYS_ADMIN):
            self.refuse(rows.MOUNT_TYPE_UNPRIVILEGED)
        if fstype.needs_device:
            self._check_device(source)
        new_flags, locked = _mount_flags(flags, None), 0
        if fstype.must_be_visible and self.task.namespaces.mnt.owner is not self.machine.system.userns:
            shown = self._visible(fstype, new_flags)
            if shown is None:
                self.refuse(rows.MOUNT_TOO_REVEALING)
            else:
                locked = shown.locked_flags & (RDONLY | ATIME_LOCKED) | shown.sb.flags & RDONLY
        place = self.where_to_mount(place, rows.MOUNT_TARGET_GONE)
        if not self.is_mine(place.mount):
            self.refuse(rows.MOUNT_TARGET_FOREIGN)
        again = place.dentry is place.mount.root and place.mount.sb.fstype == name
        if not place.inode.is_directory and not again:
            self.refuse(rows.MOUNT_DIRECTORY_MISMATCH)
        self._check_room(place, 1)
        # What follows refuses only where nothing is made: of an instance that there is already.
        sb = fstype.make(self, request)
        if context and context != sb.context:
            raise NotModelled(f"the mount option context= for {name}")
        if again and place.mount.sb is sb:
            self.refuse(rows.MOUNT_SAME_AGAIN)
        if not place.inode.is_directory:
            self.refuse(rows.MOUNT_DIRECTORY_MISMATCH)
        # -- effects only below --
        system = self.machine.system
        mount = Mount(
            store=self.store, id=system.take_mount_id(), sb=sb, root=fstype.top(self, sb), flags=new_flags, locked_flags=locked,
            source=source or "none",
        )  # fmt: skip
        self._graft(mount, place)

    def _check_device(self, source: str) -> None:
        if not source:
            self.refuse(rows.MOUNT_WITHOUT_DEVICE)
        device = resolve(self, AT_FDCWD, source)
        if device.inode.type is not FileType.BLK:
            self.fail(rows.MOUNT_NOT_A_DEVICE)
        raise NotModelled(f"a file system on the block device {source!r}")

    def _visible(self, fstype: FilesystemType, flags: int) -> Mount | None:
        """A mount of the type that shows as much as a new one with `flags` would (fs/namespace.c mnt_already_visible)."""
        mounts = self.task.namespaces.mnt.mounts
        for id in sorted(mounts):
            mount = mounts[id]
            if mount.sb.fstype != fstype.name or mount.root is not mount.sb.root:
                continue
            locked = mount.locked_flags | mount.sb.flags & RDONLY
            if locked & RDONLY and not flags & RDONLY:
                continue
            if locked & ATIME_LOCKED and (mount.flags ^ flags) & ATIME:
                continue
            if any(child.locked and not _is_permanently_empty(child) for child in children_of(mount)):
                continue
            return mount
        return None


def _mount_flags(flags: int, mount: Mount | None) -> int:
    """The flags of a mount that those of the call stand for; of a remount of `mount` where that is given (path_mount)."""
    result = flags & PER_MOUNT
    if not flags & NOATIME:
        result |= RELATIME
    if flags & STRICTATIME:
        result &= ~(RELATIME | NOATIME)
    if mount is not None and flags & REMOUNT and not flags & (NOATIME | NODIRATIME | RELATIME | STRICTATIME):
        result = result & ~ATIME | mount.flags & ATIME
    return result


def _is_permanently_empty(mount: Mount) -> bool:
    """Whether what `mount` covers never holds anything: a directory made to be mounted on (fs/libfs.c is_empty_dir_inode)."""
    return mount.mountpoint is not None and mount.mountpoint.inode.behaviour in PERMANENTLY_EMPTY


PERMANENTLY_EMPTY = frozenset((
    "sys/fs/cgroup", "sys/fs/selinux", "sys/kernel/debug", "sys/kernel/security", "sys/kernel/tracing",
))  # fmt: skip
"""The behaviours of such directories."""
