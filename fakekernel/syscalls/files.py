"""Paths and what they name, and the caller's own root, working directory and umask (fs/open.c, fs/fs_struct.c)."""

from os import fsencode

from fakekernel.filetable import description
from fakekernel.lookup import PATH_MAX, resolve
from fakekernel.mount import Path
from fakekernel.mountusers import let_go_above
from fakekernel.permission import SEARCH, permitted
from fakekernel.reachability import cwd_text, path_text
from fakekernel.syscalls.attributes import AttributeCalls
from fakekernel.syscalls.entries import EntryCalls
from fakekernel.syscalls.opening import OpenCalls
from fakekernel.syscalls.xattrs import XattrCalls
from kernelapi.capability import Cap
from kernelapi.flags import AT_FDCWD
from kernelapi.ids import Fd
from kernelapi.protocol.files import (
    CHDIR_DENIED,
    CHROOT_KEEPS_DIRECTORY,
    CHROOT_UNPRIVILEGED,
    FCHDIR_NOT_A_DIRECTORY,
    GETCWD_REMOVED,
    GETCWD_TOO_LONG,
)


class FileCalls(OpenCalls, EntryCalls, AttributeCalls, XattrCalls):
    """Paths and what they name."""

    __slots__ = ()

    def chdir(self, path: str) -> None:
        place = resolve(self, AT_FDCWD, path, directory=True)
        self._check_search(place)
        # -- effects only below --
        self.task.fs.cwd = place

    def fchdir(self, fd: Fd) -> None:
        opened = description(self, fd)
        if not opened.inode.is_directory:
            self.fail(FCHDIR_NOT_A_DIRECTORY)
        self._check_search(opened.path)
        # -- effects only below --
        self.task.fs.cwd = opened.path

    def chroot(self, path: str) -> None:
        place = resolve(self, AT_FDCWD, path, directory=True)
        self._check_search(place)
        if not self.capable(Cap.SYS_CHROOT):
            self.refuse(CHROOT_UNPRIVILEGED)
        # -- effects only below --
        self.task.fs.root = place
        if not self.happens(CHROOT_KEEPS_DIRECTORY):
            self.task.fs.cwd = place

    def _check_search(self, place: Path) -> None:
        if not permitted(self, place.inode, SEARCH):
            self.refuse(CHDIR_DENIED)

    def getcwd(self) -> str:
        fs = self.task.fs
        let_go_above(self.machine.system, fs.cwd.mount)
        text = cwd_text(fs.cwd, fs.root)
        if text is None:
            self.refuse(GETCWD_REMOVED)
            text = path_text(fs.cwd, fs.root)
        if len(text) >= PATH_MAX // 4 and len(fsencode(text)) >= PATH_MAX:
            self.refuse(GETCWD_TOO_LONG)
        return text

    def umask(self, mask: int) -> int:
        fs = self.task.fs
        old = fs.umask
        if (mask := mask & 0o777) != old:
            fs.umask = mask
        return old
