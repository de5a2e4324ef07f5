"""Making, linking, moving and removing the entries of directories (fs/namei.c)."""

from os import fsencode
from typing import TYPE_CHECKING, cast

from fakekernel import devicecgroup, mqueue
from fakekernel.behaviour import BEHAVIOURS
from fakekernel.description import Description
from fakekernel.filesystem import INVALID_GID, INVALID_UID, Dentry, Inode
from fakekernel.filetable import description
from fakekernel.lookup import PATH_MAX, Parent, check_name, child_of, resolve, resolve_parent
from fakekernel.permission import EXECUTE, READ, WRITE, capable_toward, is_read_only, owns, permitted
from fakekernel.propagation import detach_mounts
from fakekernel.syscalls.creation import CreationBase
from kernelapi.capability import Cap
from kernelapi.errors import ModelError, NotModelled
from kernelapi.flags import AT_FDCWD, S_IFMT, S_ISGID, S_ISUID, S_ISVTX, AtFlag, FileType, RenameFlag
from kernelapi.protocol.entries import (
    CREATE_REMOVED,
    CREATE_UNSUPPORTED,
    LINK_DIRECTORY,
    LINK_EMPTY_UNPRIVILEGED,
    LINK_FLAGS,
    LINK_MOUNT,
    LINK_PROTECTED,
    LINK_REMOVED,
    LINK_UNMAPPED,
    MKNOD_DEVICE_CGROUP,
    MKNOD_DIRECTORY,
    MKNOD_FILE_UNSUPPORTED,
    MKNOD_TYPE,
    MKNOD_UNPRIVILEGED,
    REMOVE_BUSY,
    REMOVE_DENIED,
    REMOVE_DIRECTORY,
    REMOVE_NOT_A_DIRECTORY,
    REMOVE_NOT_EMPTY,
    REMOVE_READ_ONLY,
    REMOVE_STICKY,
    REMOVE_UNSUPPORTED,
    RENAME_DIRECTORY_DENIED,
    RENAME_DOTS,
    RENAME_EXISTS,
    RENAME_EXISTS_DOTS,
    RENAME_FLAGS,
    RENAME_INTO_ITSELF,
    RENAME_MOUNT,
    RENAME_ONTO_ANCESTOR,
    RENAME_SLASH,
    RMDIR_DOT,
    RMDIR_DOTDOT,
    RMDIR_ROOT,
    SYMLINK_EMPTY,
    SYMLINK_TOO_LONG,
    UNLINK_DOTS,
    UNLINK_FLAGS,
    UNLINK_SLASH,
    UNLINK_SLASH_DIRECTORY,
)
from kernelapi.protocol.lookup import LOOKUP_MISSING

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls

MAKEABLE = (FileType.REG, FileType.CHR, FileType.BLK, FileType.FIFO, FileType.SOCK)

# Plain numbers: an operation on members of an IntFlag is slow.
REMOVEDIR, SYMLINK_FOLLOW, EMPTY_PATH = int(AtFlag.REMOVEDIR), int(AtFlag.SYMLINK_FOLLOW), int(AtFlag.EMPTY_PATH)

NOREPLACE, EXCHANGE, WHITEOUT = map(int, RenameFlag)


class EntryCalls(CreationBase):
    """mkdir, mknod, symlink, link, rename, unlink, rmdir."""

    __slots__ = ()

    # -- making --

    def mkdirat(self, dirfd: int, path: str, mode: int) -> None:
        place = self.vacancy(dirfd, path, directory=True)
        self.check_create(place.dentry)
        behaviour = place.dentry.inode.behaviour
        mode &= 0o777 | S_ISVTX
        if behaviour:
            mode &= ~self.task.fs.umask
            BEHAVIOURS[behaviour].make_directory(cast("Syscalls", self), place.dentry, place.name, mode)
            return
        # -- effects only below --
        self.make(place.dentry, place.name, FileType.DIR, mode)

    def mknodat(self, dirfd: int, path: str, mode: int, dev: int) -> None:
        kind = mode & S_IFMT or FileType.REG
        if kind == FileType.DIR:
            self.refuse(MKNOD_DIRECTORY)
        elif kind not in MAKEABLE:
            self.fail(MKNOD_TYPE)
        place = self.vacancy(dirfd, path)
        self.check_create(place.dentry)
        is_device = kind in (FileType.CHR, FileType.BLK)
        is_whiteout = kind == FileType.CHR and dev == 0
        if is_device and not is_whiteout and not self.capable_over(self.machine.system.userns, Cap.MKNOD):
            self.refuse(MKNOD_UNPRIVILEGED)
        if not self.holds_names(place.dentry):
            if kind == FileType.REG and place.dentry.inode.behaviour == mqueue.BEHAVIOUR:
                raise NotModelled("making a message queue")
            if kind == FileType.REG:
                self.refuse(MKNOD_FILE_UNSUPPORTED)
            self.refuse(CREATE_UNSUPPORTED)
        if is_device and not devicecgroup.may_make(self, kind, dev):
            self.refuse(MKNOD_DEVICE_CGROUP)
        # -- effects only below --
        self.make(place.dentry, place.name, FileType(kind), mode, rdev=dev & 0xFFFFFFFF if is_device else 0)

    def symlinkat(self, target: str, dirfd: int, path: str) -> None:
        if "\0" in target:
            raise ModelError(f"a link cannot hold a NUL byte: {target!r}")
        if not target:
            self.refuse(SYMLINK_EMPTY)
        elif len(target) >= PATH_MAX // 4 and len(fsencode(target)) >= PATH_MAX:
            self.refuse(SYMLINK_TOO_LONG)
        place = self.vacancy(dirfd, path)
        self.check_create(place.dentry)
        if not self.holds_names(place.dentry):
            self.refuse(CREATE_UNSUPPORTED)
        # -- effects only below --
        self.make(place.dentry, place.name, FileType.LNK, 0o777, target=target)

    def linkat(self, olddirfd: int, oldpath: str, newdirfd: int, newpath: str, flags: int = 0) -> None:
        flags = int(flags)
        if flags & ~(SYMLINK_FOLLOW | EMPTY_PATH):
            self.refuse(LINK_FLAGS)
        empty_ok = bool(flags & EMPTY_PATH)
        check_name(self, oldpath, empty_ok=empty_ok)
        starts_at_descriptor = olddirfd != AT_FDCWD and oldpath[:1] != "/"
        if empty_ok and starts_at_descriptor and not self._may_link_description(description(self, olddirfd)):
            self.refuse(LINK_EMPTY_UNPRIVILEGED)
        old = resolve(self, olddirfd, oldpath, follow=bool(flags & SYMLINK_FOLLOW), empty_ok=empty_ok)
        place = self.vacancy(newdirfd, newpath)
        if old.mount is not place.mount:
            self.refuse(LINK_MOUNT)
        inode = old.inode
        if inode.uid == INVALID_UID or inode.gid == INVALID_GID:
            self.refuse(LINK_UNMAPPED)
        if not self._may_link(inode):
            self.refuse(LINK_PROTECTED)
        self.check_create(place.dentry)
        if not self.holds_names(place.dentry):
            self.refuse(CREATE_UNSUPPORTED)
        if inode.is_directory:
            self.fail(LINK_DIRECTORY)
        if inode.nlink == 0:
            self.refuse(LINK_REMOVED)
        # -- effects only below --
        inode.nlink += 1
        place.dentry.add(place.name, inode)

    def _may_link_description(self, opened: Description) -> bool:
        """Whether a descriptor may be linked to a name: not every one that was passed on. (path_init, LOOKUP_LINKAT_EMPTY)"""
        if self.capable_over(opened.cred.userns, Cap.DAC_READ_SEARCH):
            return True
        if opened.cred == self.task.cred:  # Linux asks whether it is the same struct cred, which no fork and no setuid leaves
            raise NotModelled("linking a descriptor to a name without CAP_DAC_READ_SEARCH")
        return False

    def _may_link(self, inode: Inode) -> bool:
        """fs.protected_hardlinks: nobody pins a file that he could not read and write. (may_linkat, safe_hardlink_source)"""
        cred, mode = self.task.cred, inode.mode
        if not self.machine.system.protected_hardlinks or owns(cred, inode):
            return True
        if inode.type != FileType.REG or mode & S_ISUID or mode & (S_ISGID | 0o010) == S_ISGID | 0o010:
            return False
        return permitted(self, inode, READ | WRITE)

    # -- removing --

    def unlinkat(self, dirfd: int, path: str, flags: int) -> None:
        flags = int(flags)
        if flags & ~REMOVEDIR:
            self.refuse(UNLINK_FLAGS)
        if flags & REMOVEDIR:
            self._rmdir(resolve_parent(self, dirfd, path))
        else:
            self._unlink(resolve_parent(self, dirfd, path))

    def _unlink(self, parent: Parent) -> None:
        if not parent.is_name:
            self.fail(UNLINK_DOTS)
        if is_read_only(parent.mount):
            self.refuse(REMOVE_READ_ONLY)
        victim = self._entry(parent)
        if parent.slash:
            self.refuse(UNLINK_SLASH_DIRECTORY if victim.inode.is_directory else UNLINK_SLASH)
        self._check_delete(parent.dentry, victim.inode, directory_wanted=False)
        if not self.holds_names(parent.dentry):
            self.refuse(REMOVE_UNSUPPORTED)
        if self._is_mountpoint(victim):
            self.refuse(REMOVE_BUSY)
        # -- effects only below --
        self._drop(parent.dentry, victim)

    def _rmdir(self, parent: Parent) -> None:
        if not parent.is_name:
            self.fail({"": RMDIR_ROOT, ".": RMDIR_DOT, "..": RMDIR_DOTDOT}[parent.name])
        if is_read_only(parent.mount):
            self.refuse(REMOVE_READ_ONLY)
        victim = self._entry(parent)
        self._check_delete(parent.dentry, victim.inode, directory_wanted=True)
        if self._is_mountpoint(victim):
            self.refuse(REMOVE_BUSY)
        if behaviour := victim.inode.behaviour:
            BEHAVIOURS[behaviour].remove_directory(cast("Syscalls", self), victim)
            return
        if victim.children:
            self.refuse(REMOVE_NOT_EMPTY)
        # -- effects only below --
        self._drop(parent.dentry, victim)

    def _entry(self, parent: Parent) -> Dentry:
        """What the name refers to, whatever may be mounted on it."""
        found = child_of(self, parent.dentry, parent.name)
        if found is None:
            self.fail(LOOKUP_MISSING)
        return found

    def _check_delete(self, directory: Dentry, victim: Inode, *, directory_wanted: bool) -> None:
        """May the caller take `victim` out of `directory`? (may_delete)"""
        above, cred = directory.inode, self.task.cred
        if not permitted(self, above, WRITE | EXECUTE):
            self.refuse(REMOVE_DENIED)
        is_owner = cred.fsuid in (victim.uid, above.uid)
        if above.mode & S_ISVTX and not is_owner and not capable_toward(cred, victim, Cap.FOWNER):
            self.refuse(REMOVE_STICKY)
        if directory_wanted and not victim.is_directory:
            self.refuse(REMOVE_NOT_A_DIRECTORY)
        elif not directory_wanted and victim.is_directory:
            self.refuse(REMOVE_DIRECTORY)

    def _is_mountpoint(self, dentry: Dentry) -> bool:
        """Whether something is mounted there in the caller's mount namespace. (is_local_mountpoint)"""
        ns = self.task.namespaces.mnt
        return len(dentry.mounted) > 0 and any(mount.ns is ns for mount in dentry.mounted.values())

    def _drop(self, directory: Dentry, victim: Dentry) -> None:
        """Take the name away. Whoever has the file open, or stands in the directory, keeps it. An effect."""
        inode = victim.inode
        del directory.children[victim.name]
        victim.unlinked = True
        if inode.is_directory:
            inode.nlink = 0
            directory.inode.nlink -= 1
        else:
            inode.nlink -= 1
        if len(victim.mounted) > 0:  # other mount namespaces lose what they have there
            detach_mounts(self.machine.system, victim)

    # -- moving --

    def renameat2(self, olddirfd: int, oldpath: str, newdirfd: int, newpath: str, flags: int = 0) -> None:
        if flags & ~(NOREPLACE | EXCHANGE | WHITEOUT) or (flags & EXCHANGE and flags & (NOREPLACE | WHITEOUT)):
            self.refuse(RENAME_FLAGS)
        elif flags & WHITEOUT:
            raise NotModelled("renameat2 with RENAME_WHITEOUT")
        old = resolve_parent(self, olddirfd, oldpath)
        new = resolve_parent(self, newdirfd, newpath)
        if old.mount is not new.mount:
            self.refuse(RENAME_MOUNT)
        if not old.is_name or not new.is_name:
            self.fail(RENAME_EXISTS_DOTS if old.is_name and flags & NOREPLACE else RENAME_DOTS)
        if is_read_only(old.mount):
            self.refuse(REMOVE_READ_ONLY)
        source = self._entry(old)
        if new.dentry.unlinked:
            self.fail(CREATE_REMOVED)
        target = child_of(self, new.dentry, new.name)
        behaviour = new.dentry.inode.behaviour
        if target is None and (flags & EXCHANGE or (behaviour and BEHAVIOURS[behaviour].missing_is_final)):
            self.fail(LOOKUP_MISSING)
        if target is not None and flags & NOREPLACE:
            self.refuse(RENAME_EXISTS)
        moves_directory = source.inode.is_directory
        takes_directory = target is not None and target.inode.is_directory if flags & EXCHANGE else moves_directory
        if (not moves_directory and old.slash) or (not takes_directory and new.slash):
            self.refuse(RENAME_SLASH)
        if old.dentry is not new.dentry:
            if _is_within(new.dentry, source):
                self.refuse(RENAME_INTO_ITSELF)
            if target is not None and _is_within(old.dentry, target):
                self.refuse(RENAME_INTO_ITSELF if flags & EXCHANGE else RENAME_ONTO_ANCESTOR)
        if target is not None and target.inode is source.inode:
            return  # two names of one file: both stay
        self._check_delete(old.dentry, source.inode, directory_wanted=moves_directory)
        if target is None:
            self.check_create(new.dentry)
        else:
            self._check_delete(new.dentry, target.inode, directory_wanted=takes_directory)
        if moves_directory and source.inode.behaviour == "cgroup.directory":
            raise NotModelled("renaming a control group")
        if not (self.holds_names(old.dentry) and self.holds_names(new.dentry)):
            self.refuse(REMOVE_UNSUPPORTED)
        if old.dentry is not new.dentry:
            moved = (source, target) if flags & EXCHANGE and target is not None else (source,)
            if any(each.inode.is_directory and not permitted(self, each.inode, WRITE) for each in moved):
                self.refuse(RENAME_DIRECTORY_DENIED)
        if self._is_mountpoint(source) or (target is not None and self._is_mountpoint(target)):
            self.refuse(REMOVE_BUSY)
        if target is not None and target.children and not flags & EXCHANGE:
            self.refuse(REMOVE_NOT_EMPTY)
        # -- effects only below --
        del old.dentry.children[old.name]
        if target is None:
            pass
        elif flags & EXCHANGE:
            del new.dentry.children[new.name]
            _move(target, new.dentry, old.dentry, old.name)
        else:
            self._drop(new.dentry, target)
        _move(source, old.dentry, new.dentry, new.name)


def _move(dentry: Dentry, before: Dentry, directory: Dentry, name: str) -> None:
    """Give what has been taken out of the directory `before` its place in another one, which may be the same."""
    dentry.name = name
    directory.children[name] = dentry
    if directory is not before:
        dentry.parent = directory
        if dentry.inode.is_directory:
            before.inode.nlink -= 1
            directory.inode.nlink += 1


def _is_within(dentry: Dentry, directory: Dentry) -> bool:
    """Whether `dentry` is `directory` or lies somewhere in it."""
    place: Dentry | None = dentry
    while place is not None and place is not directory:
        place = place.parent
    return place is directory
