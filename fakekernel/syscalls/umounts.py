"""umount2(2) and pivot_root(2) (fs/namespace.c)."""

from fakekernel.lookup import cross_mounts, resolve
from fakekernel.mount import Mount, Path
from fakekernel.mounttree import attach, detach, is_reachable
from fakekernel.mountusers import is_written, used_mounts
from fakekernel.propagation import keeps_busy, umount_tree
from fakekernel.syscalls.mountbase import MountBase
from kernelapi.capability import Cap
from kernelapi.errors import NotModelled
from kernelapi.flags import AT_FDCWD, MountFlag, UmountFlag
from kernelapi.protocol import umounts as rows

RDONLY = int(MountFlag.RDONLY)
FORCE, DETACH, EXPIRE, NOFOLLOW = map(int, UmountFlag)


class UmountCalls(MountBase):
    """Taking mounts away, and switching the root."""

    __slots__ = ()

    # -- umount2 --

    def umount2(self, target: str, flags: int) -> None:
        flags = int(flags)
        if flags & ~(FORCE | DETACH | EXPIRE | NOFOLLOW):
            self.refuse(rows.UMOUNT_FLAGS)
        named = resolve(self, AT_FDCWD, target, follow=not flags & NOFOLLOW)
        mount, dentry = cross_mounts(named.mount, named.dentry)  # also for ".", which a walk does not look under
        if not self.may_mount():
            self.refuse(rows.UMOUNT_UNPRIVILEGED)
        if dentry is not mount.root:
            self.refuse(rows.UMOUNT_NOT_A_MOUNT)
        if not self.is_mine(mount):
            self.refuse(rows.UMOUNT_FOREIGN)
        if mount.locked:
            self.refuse(rows.UMOUNT_LOCKED)
        if flags & FORCE and not self.capable_over(mount.sb.userns, Cap.SYS_ADMIN):
            self.refuse(rows.UMOUNT_FORCE_UNPRIVILEGED)
        system = self.machine.system
        is_root = mount is self.task.fs.root.mount
        if flags & EXPIRE:
            if is_root or flags & (FORCE | DETACH):
                self.refuse(rows.UMOUNT_EXPIRE_FLAGS)
            if len(mount.children) or mount in used_mounts(system):
                self.refuse(rows.UMOUNT_EXPIRE_BUSY)
            self._expire(mount)
        if is_root and not flags & DETACH:
            self._umount_root(mount)
            return
        if mount.parent is None:
            self.refuse(rows.UMOUNT_TOP)
        if not flags & DETACH and keeps_busy(system, mount, used_mounts(system)):
            self.refuse(rows.UMOUNT_BUSY)
        # -- effects only below --
        lazy = bool(flags & DETACH)
        connected = lazy and not self.happens(rows.UMOUNT_DISCONNECTS)
        umount_tree(system, mount, propagate=self.happens(rows.UMOUNT_PROPAGATES), lazy=lazy, connected=connected)

    def _expire(self, mount: Mount) -> None:
        """Mark the mount; the second time go on. Any use in between takes the mark away: that is not kept track of."""
        if mount.expiring:
            raise NotModelled("whether a mount was used since umount2 has marked it with MNT_EXPIRE")
        mount.expiring = True
        self.refuse(rows.UMOUNT_EXPIRE_MARKED)

    def _umount_root(self, mount: Mount) -> None:
        """Umounting one's own root makes it read-only, and nothing else (fs/namespace.c do_umount_root)."""
        sb = mount.sb
        if not self.capable_over(sb.userns, Cap.SYS_ADMIN):
            self.refuse(rows.UMOUNT_ROOT_UNPRIVILEGED)
        if sb.flags & RDONLY:
            return
        if is_written(self.machine.system, sb):
            self.refuse(rows.UMOUNT_ROOT_BUSY)
        # -- effects only below --
        if self.happens(rows.UMOUNT_ROOT_READ_ONLY):
            sb.flags = sb.flags | RDONLY

    # -- pivot_root --

    def pivot_root(self, new_root: str, put_old: str) -> None:
        if not self.may_mount():
            self.refuse(rows.PIVOT_UNPRIVILEGED)
        new = resolve(self, AT_FDCWD, new_root, directory=True)
        old = resolve(self, AT_FDCWD, put_old, directory=True)
        root = self.task.fs.root
        old = self.where_to_mount(old, rows.PIVOT_OLD_GONE)
        above, top = new.mount.parent, root.mount.parent
        if old.mount.group or (above is not None and above.group) or (top is not None and top.group):
            self.refuse(rows.PIVOT_SHARED)
        if not self.is_mine(root.mount) or not self.is_mine(new.mount):
            self.refuse(rows.PIVOT_FOREIGN)
        if new.mount.locked:
            self.refuse(rows.PIVOT_LOCKED)
        if new.dentry.unlinked:
            self.refuse(rows.PIVOT_NEW_GONE)
        if new.mount is root.mount or old.mount is root.mount:
            self.fail(rows.PIVOT_ON_ROOT)
        if root.dentry is not root.mount.root:
            self.refuse(rows.PIVOT_ROOT_NOT_A_MOUNT)
        if top is None:
            self.fail(rows.PIVOT_ROOT_AT_TOP)
        if new.dentry is not new.mount.root:
            self.refuse(rows.PIVOT_NEW_NOT_A_MOUNT)
        if not is_reachable(old, new):
            self.refuse(rows.PIVOT_OLD_OUTSIDE)
        if not is_reachable(new, root):
            self.refuse(rows.PIVOT_NEW_OUTSIDE)
        mountpoint = root.mount.mountpoint
        assert top is not None
        assert mountpoint is not None
        # -- effects only below --
        detach(new.mount)
        if root.mount.locked and self.happens(rows.PIVOT_PASSES_LOCK):
            new.mount.locked, root.mount.locked = True, False
        detach(root.mount)
        attach(new.mount, top, mountpoint)
        attach(root.mount, old.mount, old.dentry)
        self._replace_root(root, new)

    def _replace_root(self, old: Path, new: Path) -> None:
        """Every process whose root or working directory was `old` is at `new` now (fs/fs_struct.c chroot_fs_refs)."""
        everybody = self.machine.system.tasks.values()
        for task in everybody if self.happens(rows.PIVOT_MOVES_PROCESSES) else (self.task,):
            fs = task.fs
            if fs.root == old:
                fs.root = new
            if fs.cwd == old:
                fs.cwd = new
