"""Paths and what they name: opening, making, removing, owners, modes, the caller's root and directory (path_resolution(7))."""

from errno import EACCES, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.ids import Fd
from kernelapi.protocol import attributes, entries, opening
from kernelapi.protocol.cgroups import CGROUP_BUSY, CGROUP_NAME, CGROUP_TOO_MANY
from kernelapi.protocol.descriptors import IS_PATH_ONLY, NOT_OPEN, OPEN_FIFO_WITHOUT_READER, TOO_MANY_OPEN
from kernelapi.protocol.lookup import LOOKUP
from kernelapi.protocol.namespace_files import OPEN_NAMESPACE_FILE
from kernelapi.protocol.proc import OPEN_PROC, PROC_COUNT_GONE
from kernelapi.protocol.terminals import OPEN_TERMINAL
from kernelapi.rules import STATE, Effect, Refusal
from kernelapi.values import Stat, Statfs

CHDIR_DENIED = Refusal(
    "chdir.eacces", call="chdir", errno=EACCES, depends=STATE,
    cause="the directory itself gives the caller no search permission",
    source="chdir(2); fs/open.c sys_chdir",
)  # fmt: skip
FCHDIR_NOT_A_DIRECTORY = Refusal(
    "fchdir.enotdir", call="fchdir", errno=ENOTDIR, depends=STATE,
    cause="the descriptor is not a directory",
    source="fchdir(2); fs/open.c sys_fchdir",
)  # fmt: skip
CHROOT_UNPRIVILEGED = Refusal(
    "chroot.eperm", call="chroot", errno=EPERM, depends=STATE,
    cause="the caller has no CAP_SYS_CHROOT over its user namespace",
    source="chroot(2); fs/open.c sys_chroot",
)  # fmt: skip
GETCWD_REMOVED = Refusal(
    "getcwd.enoent", call="getcwd", errno=ENOENT, depends=STATE,
    cause="the working directory has been removed",
    source="getcwd(2); fs/d_path.c sys_getcwd",
)  # fmt: skip
GETCWD_TOO_LONG = Refusal(
    "getcwd.enametoolong", call="getcwd", errno=ENAMETOOLONG, depends=STATE,
    cause="the path has more than 4095 bytes",
    source="getcwd(2); fs/d_path.c sys_getcwd",
)  # fmt: skip
CHROOT_KEEPS_DIRECTORY = Effect(
    "chroot.cwd", call="chroot",
    cause="the working directory stays, be it outside the new root",
    source="chroot(2); fs/open.c sys_chroot",
)  # fmt: skip

CHMOD = (
    attributes.CHANGE_READ_ONLY,
    attributes.CHANGE_IMMUTABLE,
    attributes.CHANGE_UNMAPPED,
    attributes.CHANGE_UNSUPPORTED,
    attributes.CHANGE_FIXED,
    attributes.CHMOD_NOT_OWNER,
    attributes.CHMOD_STRIPS_SETGID,
)
CHOWN = (
    attributes.CHANGE_READ_ONLY,
    attributes.CHOWN_UNMAPPED,
    attributes.CHANGE_IMMUTABLE,
    attributes.CHANGE_UNMAPPED,
    attributes.CHANGE_UNSUPPORTED,
    attributes.CHANGE_FIXED,
    attributes.CHOWN_UID_DENIED,
    attributes.CHOWN_GID_DENIED,
    attributes.CHOWN_MODE_DENIED,
    attributes.CHOWN_DROPS_SET_ID,
    attributes.CHOWN_DROPS_CAPABILITIES,
)

SETXATTR = (
    attributes.XATTR_FLAGS,
    attributes.XATTR_NAME,
    attributes.XATTR_SIZE,
    LOOKUP,
    attributes.CHANGE_READ_ONLY,
    attributes.XATTR_DENIED,
    attributes.XATTR_LAYOUT,
    attributes.XATTR_UNPRIVILEGED,
    attributes.XATTR_LABEL_NOT_OWNER,
    attributes.XATTR_ROOT_UNMAPPED,
    attributes.XATTR_UNSUPPORTED,
    attributes.XATTR_EXISTS,
    attributes.XATTR_MISSING,
    attributes.XATTR_BECOMES_REVISION_3,
)
GETXATTR = (
    attributes.XATTR_NAME,
    LOOKUP,
    attributes.XATTR_DENIED,
    attributes.XATTR_UNSUPPORTED,
    attributes.XATTR_NOT_SET,
)


class Files(Protocol):
    """Paths are strings (undecodable bytes by surrogateescape); `dirfd` is a descriptor or AT_FDCWD."""

    @syscall(
        opening.OPEN_FLAGS,
        LOOKUP,
        TOO_MANY_OPEN,
        opening.OPEN_CREATE_SLASH,
        entries.CREATE_REMOVED,
        entries.CREATE_READ_ONLY,
        entries.CREATE_UNMAPPED,
        entries.CREATE_DENIED,
        opening.OPEN_CREATE_UNSUPPORTED,
        opening.OPEN_EXISTS,
        opening.OPEN_CREATE_DIRECTORY,
        opening.OPEN_STICKY,
        opening.OPEN_TRUNCATE_READ_ONLY,
        opening.OPEN_LINK,
        opening.OPEN_DIRECTORY,
        opening.OPEN_NODEV,
        opening.OPEN_READ_ONLY_FILE_SYSTEM,
        opening.OPEN_IMMUTABLE,
        opening.OPEN_DENIED,
        opening.OPEN_DEVICE_CGROUP,
        opening.OPEN_NOATIME,
        opening.OPEN_BUSY,
        opening.OPEN_READ_ONLY,
        opening.OPEN_TRUNCATE_UNSUPPORTED,
        opening.OPEN_NO_DEVICE,
        opening.OPEN_NO_MISC_DEVICE,
        opening.OPEN_FIFO_FOR_NOTHING,
        OPEN_FIFO_WITHOUT_READER,
        OPEN_TERMINAL,
        OPEN_PROC,
        OPEN_NAMESPACE_FILE,
        entries.CREATE_SETGID_DIRECTORY,
        entries.CREATE_STRIPS_SETGID,
        opening.TRUNCATE_DROPS_PRIVILEGES,
    )
    def openat(self, dirfd: int, path: str, flags: int, mode: int = 0) -> Fd:
        """Open, and with O_CREAT make, the file at `path`."""

    @syscall(attributes.STAT_FLAGS, LOOKUP, PROC_COUNT_GONE)
    def newfstatat(self, dirfd: int, path: str, flags: int = 0) -> Stat:
        """What the file at `path` is (`AtFlag` bits: SYMLINK_NOFOLLOW, EMPTY_PATH)."""

    @syscall(NOT_OPEN, PROC_COUNT_GONE)
    def fstat(self, fd: Fd) -> Stat:
        """What the file behind `fd` is."""

    @syscall(
        attributes.ACCESS_ARGUMENTS,
        LOOKUP,
        attributes.ACCESS_NOEXEC,
        attributes.ACCESS_READ_ONLY_FILE_SYSTEM,
        attributes.ACCESS_IMMUTABLE,
        attributes.ACCESS_DENIED,
        attributes.ACCESS_DEVICE_CGROUP,
        attributes.ACCESS_READ_ONLY,
    )
    def faccessat2(self, dirfd: int, path: str, mode: int, flags: int = 0) -> None:
        """Check access to `path` with the real ids (with the effective ones: AT_EACCESS)."""

    @syscall(
        LOOKUP,
        entries.CREATE,
        entries.CREATE_UNSUPPORTED,
        CGROUP_NAME,
        CGROUP_TOO_MANY,
        entries.CREATE_SETGID_DIRECTORY,
    )
    def mkdirat(self, dirfd: int, path: str, mode: int) -> None:
        """Make a directory."""

    @syscall(
        entries.MKNOD_DIRECTORY,
        entries.MKNOD_TYPE,
        LOOKUP,
        entries.CREATE,
        entries.MKNOD_FILE_UNSUPPORTED,
        entries.MKNOD_UNPRIVILEGED,
        entries.CREATE_UNSUPPORTED,
        entries.MKNOD_DEVICE_CGROUP,
        entries.CREATE_SETGID_DIRECTORY,
        entries.CREATE_STRIPS_SETGID,
    )
    def mknodat(self, dirfd: int, path: str, mode: int, dev: int) -> None:
        """Make a device, FIFO, socket or regular file; `mode` holds its type."""

    @syscall(
        entries.SYMLINK_EMPTY,
        entries.SYMLINK_TOO_LONG,
        LOOKUP,
        entries.CREATE,
        entries.CREATE_UNSUPPORTED,
        entries.CREATE_SETGID_DIRECTORY,
    )
    def symlinkat(self, target: str, dirfd: int, path: str) -> None:
        """Make a symbolic link at `path` that holds `target`."""

    @syscall(
        entries.LINK_FLAGS,
        entries.LINK_EMPTY_UNPRIVILEGED,
        LOOKUP,
        entries.CREATE,
        entries.LINK_MOUNT,
        entries.LINK_UNMAPPED,
        entries.LINK_PROTECTED,
        entries.CREATE_UNSUPPORTED,
        entries.LINK_DIRECTORY,
        entries.LINK_REMOVED,
    )
    def linkat(self, olddirfd: int, oldpath: str, newdirfd: int, newpath: str, flags: int = 0) -> None:
        """Make a hard link."""

    @syscall(
        entries.RENAME_FLAGS,
        LOOKUP,
        entries.RENAME_MOUNT,
        entries.RENAME_DOTS,
        entries.RENAME_EXISTS_DOTS,
        entries.REMOVE_READ_ONLY,
        entries.RENAME_EXISTS,
        entries.RENAME_SLASH,
        entries.RENAME_INTO_ITSELF,
        entries.RENAME_ONTO_ANCESTOR,
        entries.REMOVE_DENIED,
        entries.REMOVE_STICKY,
        entries.CREATE_REMOVED,
        entries.CREATE_UNMAPPED,
        entries.CREATE_DENIED,
        entries.REMOVE_NOT_A_DIRECTORY,
        entries.REMOVE_DIRECTORY,
        entries.REMOVE_UNSUPPORTED,
        entries.RENAME_DIRECTORY_DENIED,
        entries.REMOVE_BUSY,
        entries.REMOVE_NOT_EMPTY,
    )
    def renameat2(self, olddirfd: int, oldpath: str, newdirfd: int, newpath: str, flags: int = 0) -> None:
        """Rename: what has the new name is replaced, unless `flags` are RENAME_NOREPLACE, or exchanged by RENAME_EXCHANGE.

        RENAME_WHITEOUT is not modelled.
        """

    @syscall(
        entries.UNLINK_FLAGS,
        LOOKUP,
        entries.RMDIR_DOT,
        entries.RMDIR_DOTDOT,
        entries.RMDIR_ROOT,
        entries.UNLINK_DOTS,
        entries.REMOVE_READ_ONLY,
        entries.UNLINK_SLASH_DIRECTORY,
        entries.UNLINK_SLASH,
        entries.REMOVE_DENIED,
        entries.REMOVE_STICKY,
        entries.REMOVE_NOT_A_DIRECTORY,
        entries.REMOVE_DIRECTORY,
        entries.REMOVE_UNSUPPORTED,
        entries.REMOVE_BUSY,
        entries.REMOVE_NOT_EMPTY,
        CGROUP_BUSY,
    )
    def unlinkat(self, dirfd: int, path: str, flags: int) -> None:
        """Remove a name; a directory with AT_REMOVEDIR."""

    @syscall(LOOKUP, attributes.READLINK_EMPTY, attributes.READLINK_NOT_A_LINK)
    def readlinkat(self, dirfd: int, path: str) -> str:
        """What the symbolic link at `path` holds."""

    @syscall(LOOKUP, CHMOD)
    def fchmodat(self, dirfd: int, path: str, mode: int) -> None:
        """Set the twelve permission bits; links are followed."""

    @syscall(NOT_OPEN, IS_PATH_ONLY, CHMOD)
    def fchmod(self, fd: Fd, mode: int) -> None:
        """Set the twelve permission bits of the file behind `fd`."""

    @syscall(attributes.CHOWN_FLAGS, LOOKUP, CHOWN)
    def fchownat(self, dirfd: int, path: str, uid: int, gid: int, flags: int = 0) -> None:
        """Set owner and group; -1 leaves one as it is."""

    @syscall(NOT_OPEN, IS_PATH_ONLY, CHOWN)
    def fchown(self, fd: Fd, uid: int, gid: int) -> None:
        """Set owner and group of the file behind `fd`."""

    @syscall(SETXATTR)
    def setxattr(self, path: str, name: str, value: bytes, flags: int = 0) -> None:
        """Set an extended attribute. Modelled: security.capability, security.selinux."""

    @syscall(SETXATTR)
    def lsetxattr(self, path: str, name: str, value: bytes, flags: int = 0) -> None:
        """As `setxattr`, of a symbolic link itself."""

    @syscall(GETXATTR)
    def getxattr(self, path: str, name: str) -> bytes:
        """The value of an extended attribute. Modelled: security.selinux."""

    @syscall(GETXATTR)
    def lgetxattr(self, path: str, name: str) -> bytes:
        """As `getxattr`, of a symbolic link itself."""

    @syscall(LOOKUP)
    def statfs(self, path: str) -> Statfs:
        """What kind of file system `path` is on, and how that is mounted there."""

    @syscall(NOT_OPEN)
    def fstatfs(self, fd: Fd) -> Statfs:
        """The same for what is behind `fd`."""

    @syscall(LOOKUP, CHDIR_DENIED)
    def chdir(self, path: str) -> None:
        """Make `path` the working directory."""

    @syscall(NOT_OPEN, FCHDIR_NOT_A_DIRECTORY, CHDIR_DENIED)
    def fchdir(self, fd: Fd) -> None:
        """Make the directory behind `fd` the working directory."""

    @syscall(GETCWD_REMOVED, GETCWD_TOO_LONG)
    def getcwd(self) -> str:
        """The working directory from the caller's root; "(unreachable)/..." where it is not below it."""

    @syscall(LOOKUP, CHDIR_DENIED, CHROOT_UNPRIVILEGED, CHROOT_KEEPS_DIRECTORY)
    def chroot(self, path: str) -> None:
        """Make `path` the caller's root; the working directory stays."""

    @syscall()
    def umask(self, mask: int) -> int:
        """Set the mask of new files' permissions; returns the one before."""
