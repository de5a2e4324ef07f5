"""Opening files (fs/open.c, fs/namei.c path_openat)."""

from typing import TYPE_CHECKING, cast

from fakekernel import devicecgroup, mqueue, nsfs, pidfd
from fakekernel.behaviour import BEHAVIOURS
from fakekernel.description import Description
from fakekernel.devices import behaviour_of, is_miscellaneous
from fakekernel.filesystem import Inode
from fakekernel.filetable import put, reserve, writes
from fakekernel.lookup import DOTS, Walk, check_name, child_of
from fakekernel.mount import Path
from fakekernel.permission import READ, WRITE, is_read_only, owns, permitted
from fakekernel.regular import drop_privileges
from fakekernel.syscalls.creation import CreationBase
from kernelapi.errors import NotModelled
from kernelapi.flags import O_ACCMODE, S_IFMT, S_ISVTX, FileType, MountFlag, OpenFlag
from kernelapi.ids import Fd
from kernelapi.protocol.entries import CREATE_READ_ONLY, CREATE_REMOVED
from kernelapi.protocol.lookup import LOOKUP_MISSING, LOOKUP_NOT_A_DIRECTORY
from kernelapi.protocol.opening import (
    OPEN_BUSY,
    OPEN_CREATE_DIRECTORY,
    OPEN_CREATE_SLASH,
    OPEN_CREATE_UNSUPPORTED,
    OPEN_DENIED,
    OPEN_DEVICE_CGROUP,
    OPEN_DIRECTORY,
    OPEN_EXISTS,
    OPEN_FIFO_FOR_NOTHING,
    OPEN_FLAGS,
    OPEN_IMMUTABLE,
    OPEN_LINK,
    OPEN_NO_DEVICE,
    OPEN_NO_MISC_DEVICE,
    OPEN_NOATIME,
    OPEN_NODEV,
    OPEN_READ_ONLY,
    OPEN_READ_ONLY_FILE_SYSTEM,
    OPEN_STICKY,
    OPEN_TRUNCATE_READ_ONLY,
    OPEN_TRUNCATE_UNSUPPORTED,
    TRUNCATE_DROPS_PRIVILEGES,
)

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls

# Plain numbers: an operation on members of an IntFlag is slow.
CREAT, EXCL, TRUNC = int(OpenFlag.CREAT), int(OpenFlag.EXCL), int(OpenFlag.TRUNC)
DIRECTORY, NOFOLLOW, PATH = int(OpenFlag.DIRECTORY), int(OpenFlag.NOFOLLOW), int(OpenFlag.PATH)
CLOEXEC, NOCTTY, ACCMODE = int(OpenFlag.CLOEXEC), int(OpenFlag.NOCTTY), int(O_ACCMODE)
TMPFILE = int(OpenFlag.TMPFILE) & ~DIRECTORY
NOATIME = 0o1000000
RDONLY = int(MountFlag.RDONLY)

KEPT = ACCMODE | int(OpenFlag.APPEND | OpenFlag.NONBLOCK) | DIRECTORY | NOFOLLOW | PATH
"""The flags that stay with the description: access mode and status. Unknown ones are dropped without a word."""

WITH_PATH = PATH | DIRECTORY | NOFOLLOW | CLOEXEC
"""What O_PATH leaves of the other flags."""

ASKED = (READ, WRITE, READ | WRITE, READ | WRITE)
"""The permissions that each access mode needs; the fourth is good for nothing but ioctl."""

STICKY_FOR_ALL = S_ISVTX | 0o002

DEVICES = (FileType.CHR, FileType.BLK)
SPECIAL = (FileType.CHR, FileType.BLK, FileType.FIFO, FileType.SOCK)
ON_DISK = (FileType.REG, FileType.DIR, FileType.LNK)
"""What a read-only file system keeps from being written; the others have their content elsewhere."""


class OpenCalls(CreationBase):
    """open(2)."""

    __slots__ = ()

    def openat(self, dirfd: int, path: str, flags: int, mode: int = 0) -> Fd:
        flags = int(flags)
        if flags & PATH:
            flags &= WITH_PATH
        if flags & TMPFILE:
            if flags & DIRECTORY and not flags & CREAT and flags & ACCMODE:
                raise NotModelled("O_TMPFILE")
            self.refuse(OPEN_FLAGS)
        if flags & CREAT and flags & DIRECTORY:
            self.refuse(OPEN_FLAGS)
        check_name(self, path)
        (fd,) = reserve(self)  # before the walk: a full table is found out first
        place, created = self._walk_and_create(dirfd, path, flags, mode)
        if not created and not flags & PATH:
            self._check_open(place, flags)
        description = self._describe(place, flags, truncate=not created and bool(flags & TRUNC))
        # -- effects only below --
        put(self.task.files, fd, description, cloexec=bool(flags & CLOEXEC))
        return fd

    def _walk_and_create(self, dirfd: int, path: str, flags: int, mode: int) -> tuple[Path, bool]:
        """The place that is opened, and whether it has just been made. (open_last_lookups)"""
        walk = Walk(self)
        text: str | None = walk.start(dirfd, path)
        create = flags & CREAT
        follow = not (flags & NOFOLLOW or (create and flags & EXCL))
        walk.directory = bool(flags & DIRECTORY)
        above = walk.dentry.inode
        while text is not None:
            walk.to_parent(text)
            above = walk.dentry.inode
            if walk.slash and not create:
                follow = walk.directory = True
            if not create or walk.name in DOTS:
                text = walk.last_step(follow=follow)
                continue
            if walk.slash:
                self.refuse(OPEN_CREATE_SLASH)
            if walk.dentry.unlinked:
                self.fail(CREATE_REMOVED)
            child = child_of(self, walk.dentry, walk.name)
            if child is None:
                return self._create(walk, mode), True
            text = walk.enter(child, follow=follow, trailing=True)
        place = Path(walk.mount, walk.dentry)
        is_directory = place.inode.is_directory
        if create:
            if flags & EXCL:
                self.refuse(OPEN_EXISTS)
            if is_directory:
                self.refuse(OPEN_CREATE_DIRECTORY)
            if above.mode & STICKY_FOR_ALL == STICKY_FOR_ALL and not self._may_reuse(place.inode, above):
                self.refuse(OPEN_STICKY)
        if walk.directory and not is_directory:
            self.refuse(LOOKUP_NOT_A_DIRECTORY)
        return place, False

    def _may_reuse(self, inode: Inode, directory: Inode) -> bool:
        """Whether O_CREAT may come upon this file in a directory where everybody leaves files. (may_create_in_sticky)"""
        kind = inode.mode & S_IFMT
        return kind in (FileType.REG, FileType.FIFO) or inode.uid in (directory.uid, self.task.cred.fsuid)

    def _create(self, walk: Walk, mode: int) -> Path:
        """Make the regular file that was not found. (lookup_open)"""
        directory = walk.dentry
        behaviour = directory.inode.behaviour
        if behaviour and BEHAVIOURS[behaviour].missing_is_final:
            self.fail(LOOKUP_MISSING)
        if is_read_only(walk.mount):
            self.refuse(CREATE_READ_ONLY)
        self.check_create(directory)
        if directory.inode.behaviour == mqueue.BEHAVIOUR:
            raise NotModelled("making a message queue")
        if not self.holds_names(directory):
            self.fail(OPEN_CREATE_UNSUPPORTED)
        # -- effects only below: what opens a file that it has just made is not refused --
        return Path(walk.mount, self.make(directory, walk.name, FileType.REG, mode))

    def _check_open(self, place: Path, flags: int) -> None:
        """May what was found be opened? (do_open, may_open, do_dentry_open)"""
        inode, mount = place.inode, place.mount
        kind = inode.mode & S_IFMT
        asked = ASKED[flags & ACCMODE]
        if flags & TRUNC:
            asked |= WRITE
            if kind == FileType.REG and is_read_only(mount):
                self.refuse(OPEN_TRUNCATE_READ_ONLY)
        if kind == FileType.LNK:
            self.fail(OPEN_LINK)
        if kind == FileType.DIR and asked & WRITE:
            self.refuse(OPEN_DIRECTORY)
        if kind in DEVICES and not self.has_devices(mount):
            self.refuse(OPEN_NODEV)
        if asked & WRITE and mount.sb.flags & RDONLY and kind in ON_DISK:
            self.refuse(OPEN_READ_ONLY_FILE_SYSTEM)
        if asked & WRITE and inode.behaviour == nsfs.BEHAVIOUR:
            self.refuse(OPEN_IMMUTABLE)
        if not permitted(self, inode, asked):
            self.refuse(OPEN_DENIED)
        if kind in DEVICES and not devicecgroup.may_access(self, inode, asked):
            self.refuse(OPEN_DEVICE_CGROUP)
        if flags & NOATIME and not owns(self.task.cred, inode):
            self.refuse(OPEN_NOATIME)
        if asked & WRITE and inode.write_count < 0:
            self.refuse(OPEN_BUSY)
        if mount.flags & RDONLY and flags & ACCMODE in (OpenFlag.WRONLY, OpenFlag.RDWR) and kind not in SPECIAL:
            self.refuse(OPEN_READ_ONLY)
        if flags & TRUNC and inode.behaviour == pidfd.BEHAVIOUR:
            self.refuse(OPEN_TRUNCATE_UNSUPPORTED)

    def _describe(self, place: Path, flags: int, *, truncate: bool) -> Description:
        """The open file description; what stands behind the file has been opened. (vfs_open)"""
        inode = place.inode
        if flags & PATH:
            return Description(store=self.store, behaviour="", path=place, inode=inode, flags=flags & KEPT, cred=self.task.cred)
        behaviour = behaviour_of(inode)
        if behaviour is None:
            self.fail(OPEN_NO_MISC_DEVICE if is_miscellaneous(inode) else OPEN_NO_DEVICE)
        description = Description(
            store=self.store, behaviour=behaviour, path=place, inode=inode, flags=flags & (KEPT | NOCTTY), cred=self.task.cred
        )
        if behaviour in ("fifo", "pipe") and flags & ACCMODE == ACCMODE:
            self.refuse(OPEN_FIFO_FOR_NOTHING)
        if behaviour:
            subject = BEHAVIOURS[behaviour].open(cast("Syscalls", self), description)
            if subject is not None:
                description.subject = subject
        # -- effects only below --
        if writes(description):
            inode.write_count += 1
        if flags & NOCTTY:  # it concerns the opening only
            description.flags = flags & KEPT
        if truncate and not description.behaviour and inode.mode & S_IFMT == FileType.REG:
            if self.happens(TRUNCATE_DROPS_PRIVILEGES):
                drop_privileges(cast("Syscalls", self), inode)
            if inode.content:
                inode.content = b""
        return description
