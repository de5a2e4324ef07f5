"""What a file is, and changing it: stat, access, readlink, chmod, chown, statfs (fs/stat.c, fs/attr.c, fs/statfs.c)."""

from os import fsencode
from typing import TYPE_CHECKING, cast

from fakekernel import devicecgroup, nsfs, pidfd
from fakekernel.behaviour import BEHAVIOURS
from fakekernel.credentials import Credentials
from fakekernel.filesystem import INVALID_GID, INVALID_UID, Dentry, Inode
from fakekernel.filetable import description, usable
from fakekernel.lookup import resolve
from fakekernel.mount import Mount
from fakekernel.permission import EXECUTE, WRITE, capable_toward, in_group_or_capable, is_read_only, owns, permitted
from fakekernel.regular import FILE_CAPABILITIES
from fakekernel.syscalls.base import SyscallBase
from kernelapi.capability import EMPTY, Cap
from kernelapi.errors import NotModelled
from kernelapi.flags import AT_FDCWD, S_IFMT, S_ISGID, S_ISUID, AtFlag, FileType, MountFlag, Securebit, StatfsFlag
from kernelapi.ids import UNCHANGED, Fd, Kgid, Kuid
from kernelapi.protocol.attributes import (
    ACCESS_ARGUMENTS,
    ACCESS_DENIED,
    ACCESS_DEVICE_CGROUP,
    ACCESS_IMMUTABLE,
    ACCESS_NOEXEC,
    ACCESS_READ_ONLY,
    ACCESS_READ_ONLY_FILE_SYSTEM,
    CHANGE_FIXED,
    CHANGE_IMMUTABLE,
    CHANGE_READ_ONLY,
    CHANGE_UNMAPPED,
    CHANGE_UNSUPPORTED,
    CHMOD_NOT_OWNER,
    CHMOD_STRIPS_SETGID,
    CHOWN_DROPS_CAPABILITIES,
    CHOWN_DROPS_SET_ID,
    CHOWN_FLAGS,
    CHOWN_GID_DENIED,
    CHOWN_MODE_DENIED,
    CHOWN_UID_DENIED,
    CHOWN_UNMAPPED,
    READLINK_EMPTY,
    READLINK_NOT_A_LINK,
    STAT_FLAGS,
)
from kernelapi.values import Stat, Statfs

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls

# Plain numbers: an operation on members of an IntFlag is slow.
NOFOLLOW, EMPTY_PATH, EACCESS = int(AtFlag.SYMLINK_NOFOLLOW), int(AtFlag.EMPTY_PATH), int(AtFlag.EACCESS)
STAT_KNOWN = NOFOLLOW | EMPTY_PATH | int(AtFlag.NO_AUTOMOUNT) | 0x6000  # and the two AT_STATX_* that choose how to ask a server

PROC_ROOT = "proc.top"
"""The behaviour of the one directory of a proc whose mode and owner may be changed (it has no setattr of its own)."""

DEVICES = (FileType.CHR, FileType.BLK)

NEVER_EXECUTE = ("nsfs", "pidfs")
"""File systems from which nothing is executed, whatever their flags (SB_I_NOEXEC)."""

TMPFS_ENTRY = 20
"""The bytes that tmpfs counts for each entry of a directory, "." and ".." included (BOGO_DIRENT_SIZE)."""

EXT4_DIRECTORY = 4096

MAGIC_NUMBERS = {
    "btrfs": 0x9123683E, "cgroup": 0x27E0EB, "cgroup2": 0x63677270, "devpts": 0x1CD1, "devtmpfs": 0x1021994,
    "erofs": 0xE0F5E1E2, "ext2": 0xEF53, "ext3": 0xEF53, "ext4": 0xEF53, "mqueue": 0x19800202, "nsfs": 0x6E736673,
    "pidfs": 0x50494446, "pipefs": 0x50495045, "proc": 0x9FA0, "ramfs": 0x858458F6, "securityfs": 0x73636673,
    "selinuxfs": 0xF97CFF8C, "sockfs": 0x534F434B, "squashfs": 0x73717368, "sysfs": 0x62656572, "tmpfs": 0x1021994,
    "vfat": 0x4D44, "xfs": 0x58465342,
}  # fmt: skip
"""By type (linux/magic.h). A devtmpfs is a tmpfs."""

STATFS_FLAGS = tuple((int(MountFlag[name]), int(flag)) for name, flag in StatfsFlag.__members__.items() if name != "VALID")
"""The flags of a mount or a superblock, and what statfs makes of them (fs/statfs.c)."""


class AttributeCalls(SyscallBase):
    """stat, access, readlink, chmod, chown, statfs."""

    __slots__ = ()

    # -- asking --

    def newfstatat(self, dirfd: int, path: str, flags: int = 0) -> Stat:
        flags = int(flags)
        if not path and flags & EMPTY_PATH and dirfd >= 0:
            return self.fstat(Fd(dirfd))  # since 6.11 without a look at the other flags
        if flags & ~STAT_KNOWN:
            self.refuse(STAT_FLAGS)
        place = resolve(self, dirfd, path, follow=not flags & NOFOLLOW, empty_ok=bool(flags & EMPTY_PATH))
        return self._stat(place.dentry.inode, place.dentry)

    def fstat(self, fd: Fd) -> Stat:
        opened = description(self, fd)
        return self._stat(opened.inode, opened.path.dentry)

    def _stat(self, inode: Inode, dentry: Dentry) -> Stat:
        if inode.behaviour and BEHAVIOURS[inode.behaviour].shows_owner_anew:
            BEHAVIOURS[inode.behaviour].refresh(cast("Syscalls", self), inode)
        userns = self.task.cred.userns
        return Stat(
            dev=inode.sb.dev,
            ino=inode.ino,
            mode=inode.mode,
            nlink=inode.nlink,
            uid=userns.uid(inode.uid),
            gid=userns.gid(inode.gid),
            rdev=inode.rdev,
            size=self._size(inode, dentry),
        )

    def _size(self, inode: Inode, dentry: Dentry) -> int:
        """The size that stat shows."""
        if inode.behaviour:
            return BEHAVIOURS[inode.behaviour].size(cast("Syscalls", self), inode)
        match inode.mode & S_IFMT:
            case FileType.REG:
                return len(inode.content)
            case FileType.LNK:
                return len(fsencode(inode.target))
            case FileType.DIR if inode.sb.fstype == "tmpfs":
                return TMPFS_ENTRY * (2 + len(dentry.children))
            case FileType.DIR if inode.sb.fstype == "ext4":
                return EXT4_DIRECTORY
        return 0

    def faccessat2(self, dirfd: int, path: str, mode: int, flags: int = 0) -> None:
        mode, flags = int(mode), int(flags)
        if mode & ~0o7 or flags & ~(EACCESS | NOFOLLOW | EMPTY_PATH):
            self.refuse(ACCESS_ARGUMENTS)
        cred = self.task.cred if flags & EACCESS else as_real(self.task.cred)
        place = resolve(self, dirfd, path, follow=not flags & NOFOLLOW, empty_ok=bool(flags & EMPTY_PATH), cred=cred)
        inode, mount = place.inode, place.mount
        kind = inode.type
        never_executes = mount.flags & MountFlag.NOEXEC or mount.sb.fstype in NEVER_EXECUTE
        if mode & EXECUTE and kind == FileType.REG and never_executes:
            self.refuse(ACCESS_NOEXEC)
        if mode & WRITE and mount.sb.flags & MountFlag.RDONLY and kind in (FileType.REG, FileType.DIR, FileType.LNK):
            self.refuse(ACCESS_READ_ONLY_FILE_SYSTEM)
        if mode & WRITE and inode.behaviour == nsfs.BEHAVIOUR:
            self.refuse(ACCESS_IMMUTABLE)
        if not permitted(self, inode, mode, cred):
            self.refuse(ACCESS_DENIED)
        if kind in DEVICES and not devicecgroup.may_access(self, inode, mode):
            self.refuse(ACCESS_DEVICE_CGROUP)
        if mode & WRITE and is_read_only(mount) and kind in (FileType.REG, FileType.DIR, FileType.LNK):
            self.refuse(ACCESS_READ_ONLY)

    def readlinkat(self, dirfd: int, path: str) -> str:
        place = resolve(self, dirfd, path, follow=False, empty_ok=dirfd != AT_FDCWD)
        inode = place.inode
        if not inode.is_symlink:
            self.fail(READLINK_NOT_A_LINK if path else READLINK_EMPTY)
        if inode.behaviour:
            return BEHAVIOURS[inode.behaviour].target(cast("Syscalls", self), inode)
        return inode.target

    # -- mode --

    def fchmodat(self, dirfd: int, path: str, mode: int) -> None:
        place = resolve(self, dirfd, path)
        self._chmod(place.inode, place.mount, mode)

    def fchmod(self, fd: Fd, mode: int) -> None:
        opened = usable(self, fd)
        self._chmod(opened.inode, opened.path.mount, mode)

    def _chmod(self, inode: Inode, mount: Mount, mode: int) -> None:
        cred = self.task.cred
        if is_read_only(mount):
            self.refuse(CHANGE_READ_ONLY)
        if inode.behaviour == nsfs.BEHAVIOUR:
            self.refuse(CHANGE_IMMUTABLE)
        if inode.uid == INVALID_UID or inode.gid == INVALID_GID:
            self.refuse(CHANGE_UNMAPPED)
        if inode.behaviour == pidfd.BEHAVIOUR:
            self.refuse(CHANGE_UNSUPPORTED)
        if inode.sb.fstype == "proc" and inode.behaviour != PROC_ROOT:
            self.fail(CHANGE_FIXED)
        if not owns(cred, inode):
            self.refuse(CHMOD_NOT_OWNER)
        _require_lasting(inode)
        # -- effects only below --
        mode &= 0o7777
        if mode & S_ISGID and not in_group_or_capable(cred, inode) and self.happens(CHMOD_STRIPS_SETGID):
            mode &= ~S_ISGID
        inode.mode = inode.mode & S_IFMT | mode

    # -- owner --

    def fchownat(self, dirfd: int, path: str, uid: int, gid: int, flags: int = 0) -> None:
        flags = int(flags)
        if flags & ~(NOFOLLOW | EMPTY_PATH):
            self.refuse(CHOWN_FLAGS)
        place = resolve(self, dirfd, path, follow=not flags & NOFOLLOW, empty_ok=bool(flags & EMPTY_PATH))
        self._chown(place.inode, place.mount, uid, gid)

    def fchown(self, fd: Fd, uid: int, gid: int) -> None:
        opened = usable(self, fd)
        self._chown(opened.inode, opened.path.mount, uid, gid)

    def _chown(self, inode: Inode, mount: Mount, uid: int, gid: int) -> None:
        """Change owner and group; -1 leaves one as it is. (chown_common, notify_change, setattr_prepare)"""
        cred = self.task.cred
        if is_read_only(mount):
            self.refuse(CHANGE_READ_ONLY)
        kuid: Kuid | None = None
        kgid: Kgid | None = None
        if not _is_unchanged(uid):
            kuid = cred.userns.kuid(uid)
            if kuid is None:
                self.refuse(CHOWN_UNMAPPED)  # suspended: the owner stays
        if not _is_unchanged(gid):
            kgid = cred.userns.kgid(gid)
            if kgid is None:
                self.refuse(CHOWN_UNMAPPED)
        if inode.behaviour == nsfs.BEHAVIOUR and not (_is_unchanged(uid) and _is_unchanged(gid)):
            self.refuse(CHANGE_IMMUTABLE)
        # That the file system's user namespace knows the new ids is asked only of idmapped mounts (from_vfsuid).
        if (kuid is None and inode.uid == INVALID_UID) or (kgid is None and inode.gid == INVALID_GID):
            self.refuse(CHANGE_UNMAPPED)
        if inode.behaviour == pidfd.BEHAVIOUR:
            self.refuse(CHANGE_UNSUPPORTED)
        is_owner = cred.fsuid == inode.uid
        privileged = capable_toward(cred, inode, Cap.CHOWN)
        # What has no valid owner may be given one by whoever has the capability over the file system's user namespace.
        may_adopt = inode.uid == INVALID_UID and self.capable_over(inode.sb.userns, Cap.CHOWN)
        if kuid is not None and not (privileged or may_adopt or (is_owner and kuid == inode.uid)):
            self.refuse(CHOWN_UID_DENIED)
        may_adopt = inode.gid == INVALID_GID and self.capable_over(inode.sb.userns, Cap.CHOWN)
        if kgid is not None and not (privileged or may_adopt or (is_owner and (kgid == inode.gid or cred.in_group(kgid)))):
            self.refuse(CHOWN_GID_DENIED)
        mode = inode.mode
        if not inode.is_directory and self.happens(CHOWN_DROPS_SET_ID):
            mode = self._without_set_id(inode, inode.gid if kgid is None else kgid)
            if mode != inode.mode and not owns(cred, inode):
                self.refuse(CHOWN_MODE_DENIED)
        _require_lasting(inode)
        # -- effects only below --
        if not inode.is_directory and inode.xattrs.get(FILE_CAPABILITIES) and self.happens(CHOWN_DROPS_CAPABILITIES):
            del inode.xattrs[FILE_CAPABILITIES]
        if kuid is not None:
            inode.uid = kuid
        if kgid is not None:
            inode.gid = kgid
        if mode != inode.mode:
            inode.mode = mode

    def _without_set_id(self, inode: Inode, group: Kgid) -> int:
        """The mode that a change of owner leaves of the file's. (ATTR_KILL_SUID, setattr_should_drop_sgid)"""
        cred, mode = self.task.cred, inode.mode
        kill = mode & S_ISUID
        if mode & S_ISGID and (mode & 0o010 or not in_group_or_capable(cred, inode)):
            kill |= S_ISGID
        if kill and mode & S_ISGID and not cred.in_group(group) and not capable_toward(cred, inode, Cap.FSETID):
            kill |= S_ISGID  # whoever sets a mode has to be in the group
        return mode & ~kill

    # -- the file system --

    def statfs(self, path: str) -> Statfs:
        place = resolve(self, AT_FDCWD, path)
        return _statfs(place.mount)

    def fstatfs(self, fd: Fd) -> Statfs:
        opened = description(self, fd)
        return _statfs(opened.path.mount)


def _statfs(mount: Mount) -> Statfs:
    """What statfs says of what is seen through `mount` (vfs_statfs): of the superblock's flags, these two (flags_by_sb)."""
    told = mount.flags | mount.sb.flags & (MountFlag.RDONLY | MountFlag.SYNCHRONOUS)
    flags = sum(bit for flag, bit in STATFS_FLAGS if told & flag)
    return Statfs(MAGIC_NUMBERS[mount.sb.fstype], flags | StatfsFlag.VALID)


def as_real(cred: Credentials) -> Credentials:
    """The credentials with which access(2) checks: those of the real user, as far as can be told. (access_override_creds)"""
    effective = cred.effective
    if not cred.securebits & Securebit.NO_SETUID_FIXUP:
        effective = cred.permitted if cred.uid == cred.userns.kuid(0) else EMPTY
    if (cred.fsuid, cred.fsgid, cred.effective) == (cred.uid, cred.gid, effective):
        return cred
    return cred._replace(fsuid=cred.uid, fsgid=cred.gid, effective=effective)


def _is_unchanged(id: int) -> bool:
    """Whether an id given to chown is -1, as a signed or an unsigned number."""
    return id in (UNCHANGED, 0xFFFFFFFF)


def _require_lasting(inode: Inode) -> None:
    """Raise `NotModelled` for a file whose owner and mode are not its own to keep."""
    if inode.behaviour and inode.sb.fstype in ("proc", "sysfs") and inode.behaviour != PROC_ROOT:
        raise NotModelled(f"changing the attributes of a file in {inode.sb.fstype}")
