"""What all calls have in common that make a name: where it goes, whether it may, whose it is (fs/namei.c, fs/inode.c)."""

from fakekernel.behaviour import BEHAVIOURS
from fakekernel.filesystem import Dentry
from fakekernel.lookup import Parent, child_of, resolve_parent
from fakekernel.mount import Mount
from fakekernel.permission import EXECUTE, WRITE, in_group_or_capable, is_read_only, permitted
from fakekernel.syscalls.base import SyscallBase
from kernelapi.flags import S_ISGID, FileType, MountFlag
from kernelapi.protocol.entries import (
    CREATE_DENIED,
    CREATE_DOTS,
    CREATE_EXISTS,
    CREATE_READ_ONLY,
    CREATE_REMOVED,
    CREATE_SETGID_DIRECTORY,
    CREATE_SLASH,
    CREATE_STRIPS_SETGID,
    CREATE_UNMAPPED,
)
from kernelapi.protocol.lookup import LOOKUP_MISSING

HOLDING_NAMES = frozenset(("devtmpfs", "ext4", "ramfs", "rootfs", "tmpfs"))
"""The file systems in which names can be made and removed by anyone with the permission."""

WITHOUT_DEVICES = frozenset(("cgroup", "cgroup2", "mqueue", "proc", "sysfs"))
"""The file systems in which a device is never one (SB_I_NODEV); so is any that was mounted in a user namespace."""


class CreationBase(SyscallBase):
    """Making names."""

    __slots__ = ()

    def vacancy(self, dirfd: int, path: str, *, directory: bool = False) -> Parent:
        """The place of a name that does not exist yet; `directory`: a slash may follow it. (filename_create)"""
        parent = resolve_parent(self, dirfd, path)
        if not parent.is_name:
            self.fail(CREATE_DOTS)
        if parent.dentry.unlinked:
            self.fail(CREATE_REMOVED)
        if child_of(self, parent.dentry, parent.name) is not None:
            self.fail(CREATE_EXISTS)
        behaviour = parent.dentry.inode.behaviour
        if behaviour and BEHAVIOURS[behaviour].missing_is_final:
            self.fail(LOOKUP_MISSING)
        if parent.slash and not directory:
            self.refuse(CREATE_SLASH)
        if is_read_only(parent.mount):
            self.refuse(CREATE_READ_ONLY)
        return parent

    def check_create(self, directory: Dentry) -> None:
        """May the caller make a name in `directory`? (may_create, may_o_create)"""
        inode, cred = directory.inode, self.task.cred
        userns = inode.sb.userns
        if not (userns.maps_kuid(cred.fsuid) and userns.maps_kgid(cred.fsgid)):
            self.refuse(CREATE_UNMAPPED)
        if not permitted(self, inode, WRITE | EXECUTE):
            self.refuse(CREATE_DENIED)

    def holds_names(self, directory: Dentry) -> bool:
        """Whether the file system lets plain names be made and removed in `directory`."""
        inode = directory.inode
        return not inode.behaviour and inode.sb.fstype in HOLDING_NAMES

    def has_devices(self, mount: Mount) -> bool:
        """Whether a device opened through `mount` is one. (may_open_dev)"""
        sb = mount.sb
        if mount.flags & MountFlag.NODEV or sb.fstype in WITHOUT_DEVICES:
            return False
        return sb.userns is self.machine.system.userns or sb.fstype == "devpts"

    def make(self, directory: Dentry, name: str, kind: FileType, mode: int, *, rdev: int = 0, target: str = "") -> Dentry:
        """Make a file in `directory` that belongs to the caller. An effect; `mode` is as asked for: the umask applies."""
        cred, group = self.task.cred, self.task.cred.fsgid
        above = directory.inode
        if above.mode & S_ISGID and self.happens(CREATE_SETGID_DIRECTORY):
            group = above.gid
            if kind == FileType.DIR:
                mode |= S_ISGID
            elif (
                mode & (S_ISGID | 0o010) == S_ISGID | 0o010
                and not in_group_or_capable(cred, above)
                and self.happens(CREATE_STRIPS_SETGID)
            ):
                mode &= ~S_ISGID
        if kind != FileType.LNK:
            mode &= ~self.task.fs.umask
        inode = above.sb.new_inode(kind | mode & 0o7777, cred.fsuid, group, rdev=rdev, target=target)
        return directory.add(name, inode)
