"""Paths and what they name: opening, making, removing, owners, modes, the caller's root and directory (path_resolution(7))."""

from errno import EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.ids import Fd
from kernelapi.protocol.descriptors import NOT_OPEN
from kernelapi.rules import ARGUMENTS, STATE, Refusal
from kernelapi.values import Stat

LOOKUP_EMPTY = Refusal(
    "lookup.enoent.empty", call="lookup", errno=ENOENT, depends=ARGUMENTS,
    cause="the path is empty", source="path_resolution(7); fs/namei.c getname_flags",
)  # fmt: skip
LOOKUP_PATH_TOO_LONG = Refusal(
    "lookup.enametoolong.path", call="lookup", errno=ENAMETOOLONG, depends=ARGUMENTS,
    cause="the path has more than 4095 bytes", source="path_resolution(7); fs/namei.c getname_flags",
)  # fmt: skip
LOOKUP_NOT_A_DIRECTORY = Refusal(
    "lookup.enotdir", call="lookup", errno=ENOTDIR, depends=STATE,
    cause="a component used as a directory is not one", source="path_resolution(7); fs/namei.c link_path_walk",
)  # fmt: skip
LOOKUP_NO_SEARCH = Refusal(
    "lookup.eacces.search", call="lookup", errno=EACCES, depends=STATE,
    cause="a directory of the path gives the caller no search permission",
    source="path_resolution(7); fs/namei.c may_lookup",
)  # fmt: skip
LOOKUP_NAME_TOO_LONG = Refusal(
    "lookup.enametoolong.name", call="lookup", errno=ENAMETOOLONG, depends=ARGUMENTS,
    cause="a component has more than 255 bytes", source="path_resolution(7); fs/namei.c link_path_walk",
)  # fmt: skip
LOOKUP_MISSING = Refusal(
    "lookup.enoent.missing", call="lookup", errno=ENOENT, depends=STATE,
    cause="a component does not exist", source="path_resolution(7); fs/namei.c walk_component",
)  # fmt: skip
LOOKUP_DIRFD_NOT_A_DIRECTORY = Refusal(
    "lookup.enotdir.dirfd", call="lookup", errno=ENOTDIR, depends=STATE,
    cause="the path is relative to a descriptor that is not a directory", source="openat(2); fs/namei.c path_init",
)  # fmt: skip
LOOKUP_TOO_MANY_LINKS = Refusal(
    "lookup.eloop", call="lookup", errno=ELOOP, depends=STATE,
    cause="more than 40 symbolic links were followed", source="path_resolution(7); fs/namei.c pick_link",
)  # fmt: skip
LOOKUP_STICKY_LINK = Refusal(
    "lookup.eacces.sticky-link", call="lookup", errno=EACCES, depends=STATE,
    cause="fs.protected_symlinks is on, and the link that ends the path stands in a sticky directory that everybody may write, "
    "owned neither by the caller nor by the directory's owner",
    source="proc_sys_fs(5); fs/namei.c may_follow_link", excuse="needs CAP_SYS_ADMIN over the host's own settings",
)  # fmt: skip
LOOKUP_NOSYMFOLLOW = Refusal(
    "lookup.eloop.nosymfollow", call="lookup", errno=ELOOP, depends=STATE,
    cause="a symbolic link stands on a mount with MS_NOSYMFOLLOW", source="mount(2); fs/namei.c pick_link",
)  # fmt: skip

LOOKUP = (
    LOOKUP_EMPTY,
    LOOKUP_PATH_TOO_LONG,
    NOT_OPEN,
    LOOKUP_DIRFD_NOT_A_DIRECTORY,
    LOOKUP_NO_SEARCH,
    LOOKUP_NAME_TOO_LONG,
    LOOKUP_MISSING,
    LOOKUP_TOO_MANY_LINKS,
    LOOKUP_STICKY_LINK,
    LOOKUP_NOSYMFOLLOW,
    LOOKUP_NOT_A_DIRECTORY,
)
"""The rows of every path walk."""


class Files(Protocol):
    """Paths are strings (undecodable bytes by surrogateescape); `dirfd` is a descriptor or AT_FDCWD."""

    @syscall(LOOKUP)
    def openat(self, dirfd: int, path: str, flags: int, mode: int = 0) -> Fd:
        """Open, and with O_CREAT make, the file at `path`."""

    @syscall(LOOKUP)
    def newfstatat(self, dirfd: int, path: str, flags: int = 0) -> Stat:
        """What the file at `path` is (`AtFlag` bits: SYMLINK_NOFOLLOW, EMPTY_PATH)."""

    @syscall()
    def fstat(self, fd: Fd) -> Stat:
        """What the file behind `fd` is."""

    @syscall(LOOKUP)
    def faccessat2(self, dirfd: int, path: str, mode: int, flags: int = 0) -> None:
        """Check access to `path` with the real ids (with the effective ones: AT_EACCESS)."""

    @syscall(LOOKUP)
    def mkdirat(self, dirfd: int, path: str, mode: int) -> None:
        """Make a directory."""

    @syscall(LOOKUP)
    def mknodat(self, dirfd: int, path: str, mode: int, dev: int) -> None:
        """Make a device, FIFO, socket or regular file; `mode` holds its type."""

    @syscall(LOOKUP)
    def symlinkat(self, target: str, dirfd: int, path: str) -> None:
        """Make a symbolic link at `path` that holds `target`."""

    @syscall(LOOKUP)
    def linkat(self, olddirfd: int, oldpath: str, newdirfd: int, newpath: str, flags: int = 0) -> None:
        """Make a hard link."""

    @syscall(LOOKUP)
    def renameat2(self, olddirfd: int, oldpath: str, newdirfd: int, newpath: str, flags: int = 0) -> None:
        """Rename; modelled without flags."""

    @syscall(LOOKUP)
    def unlinkat(self, dirfd: int, path: str, flags: int) -> None:
        """Remove a name; a directory with AT_REMOVEDIR."""

    @syscall(LOOKUP)
    def readlinkat(self, dirfd: int, path: str) -> str:
        """What the symbolic link at `path` holds."""

    @syscall(LOOKUP)
    def fchmodat(self, dirfd: int, path: str, mode: int) -> None:
        """Set the twelve permission bits; links are followed."""

    @syscall()
    def fchmod(self, fd: Fd, mode: int) -> None:
        """Set the twelve permission bits of the file behind `fd`."""

    @syscall(LOOKUP)
    def fchownat(self, dirfd: int, path: str, uid: int, gid: int, flags: int = 0) -> None:
        """Set owner and group; -1 leaves one as it is."""

    @syscall()
    def fchown(self, fd: Fd, uid: int, gid: int) -> None:
        """Set owner and group of the file behind `fd`."""

    @syscall(LOOKUP)
    def setxattr(self, path: str, name: str, value: bytes, flags: int = 0) -> None:
        """Set an extended attribute. Modelled: security.capability."""

    @syscall(LOOKUP)
    def chdir(self, path: str) -> None:
        """Make `path` the working directory."""

    @syscall()
    def fchdir(self, fd: Fd) -> None:
        """Make the directory behind `fd` the working directory."""

    @syscall()
    def getcwd(self) -> str:
        """The working directory from the caller's root; "(unreachable)/..." where it is not below it."""

    @syscall(LOOKUP)
    def chroot(self, path: str) -> None:
        """Make `path` the caller's root; the working directory stays."""

    @syscall()
    def umask(self, mask: int) -> int:
        """Set the mask of new files' permissions; returns the one before."""
