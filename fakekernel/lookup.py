"""From a path to a place in the tree: the walk (path_resolution(7), fs/namei.c).

A walk goes component by component: may the directory be searched, is there such a name, is something mounted on it, is it a
symbolic link. Links in the middle are always followed, one at the end if the caller says so or if a slash follows it. `Walk` is
the walk itself; `resolve` and `resolve_parent` are what most calls need.
"""

from os import fsencode
from typing import TYPE_CHECKING, NamedTuple, cast

from fakekernel.behaviour import BEHAVIOURS
from fakekernel.credentials import Credentials
from fakekernel.filesystem import Dentry, Inode
from fakekernel.filetable import description
from fakekernel.mount import Mount, Path
from fakekernel.mountusers import let_go_above
from fakekernel.permission import SEARCH, permitted
from kernelapi.errors import ModelError
from kernelapi.flags import AT_FDCWD, S_IFDIR, S_IFLNK, S_IFMT, S_ISVTX, MountFlag
from kernelapi.protocol.lookup import (
    LOOKUP_DIRFD_NOT_A_DIRECTORY,
    LOOKUP_EMPTY,
    LOOKUP_MISSING,
    LOOKUP_NAME_TOO_LONG,
    LOOKUP_NO_SEARCH,
    LOOKUP_NOSYMFOLLOW,
    LOOKUP_NOT_A_DIRECTORY,
    LOOKUP_PATH_TOO_LONG,
    LOOKUP_STICKY_LINK,
    LOOKUP_TOO_MANY_LINKS,
)

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.syscalls.table import Syscalls

PATH_MAX = 4096
"""The longest path, with its terminating NUL."""

NAME_MAX = 255
SURELY_SHORT = NAME_MAX // 4
"""So many characters are never more than NAME_MAX bytes."""

MAX_LINKS = 40

DOTS = frozenset(("", ".", ".."))
"""The last components that name a place already reached: none at all (the root), and the two that every directory has."""


class Parent(NamedTuple):
    """All of a path but its last component: the directory, the name in it ("" for the root itself), and whether a slash
    followed the name."""

    path: Path
    name: str
    slash: bool

    @property
    def dentry(self) -> Dentry:
        return self.path.dentry

    @property
    def mount(self) -> Mount:
        return self.path.mount

    @property
    def is_name(self) -> bool:
        """Whether the last component is an ordinary name: not absent, "." or ".." (LAST_NORM)."""
        return self.name not in DOTS


def resolve(
    kernel: "SyscallBase",
    dirfd: int,
    path: str,
    *,
    follow: bool = True,
    empty_ok: bool = False,
    directory: bool = False,
    cred: Credentials | None = None,
) -> Path:
    """The place that `path` names, from the directory `dirfd` (a descriptor or AT_FDCWD).

    `follow`: a symbolic link at the end is followed. `empty_ok`: "" names what `dirfd` refers to (AT_EMPTY_PATH). `directory`:
    anything else is refused. `cred`: whose permissions count, if not the caller's. Refuses by the rows of LOOKUP.
    """
    walk = Walk(kernel, cred)
    if directory:
        walk.directory = True
    text: str | None = walk.start(dirfd, path, empty_ok=empty_ok)
    while text is not None:
        walk.to_parent(text)
        if walk.slash:
            follow = walk.directory = True
        text = walk.last_step(follow=follow)
    if walk.directory and not walk.dentry.inode.is_directory:
        kernel.refuse(LOOKUP_NOT_A_DIRECTORY)
    return Path(walk.mount, walk.dentry)


def resolve_parent(kernel: "SyscallBase", dirfd: int, path: str) -> Parent:
    """The directory that holds the last component of `path`, which itself is not looked at. Refuses by the rows of LOOKUP."""
    walk = Walk(kernel)
    walk.to_parent(walk.start(dirfd, path))
    return Parent(Path(walk.mount, walk.dentry), walk.name, walk.slash)


class Walk:
    """A walk under way (struct nameidata): where it is, how many links it has followed, and the last component once reached."""

    __slots__ = ("cred", "dentry", "directory", "kernel", "links", "mount", "name", "slash")

    def __init__(self, kernel: "SyscallBase", cred: Credentials | None = None) -> None:
        self.kernel = kernel
        self.cred = kernel.task.cred if cred is None else cred
        self.links = 0
        self.directory = False  # what is found in the end has to be one
        self.mount: Mount
        self.dentry: Dentry
        self.name = ""
        self.slash = False

    def start(self, dirfd: int, path: str, *, empty_ok: bool = False) -> str:
        """Stand where `path` begins. Returns the path. (getname_flags, path_init)"""
        kernel = self.kernel
        check_name(kernel, path, empty_ok=empty_ok)
        fs = kernel.task.fs
        if path[:1] == "/":
            self.mount, self.dentry = fs.root
        elif dirfd == AT_FDCWD:
            self.mount, self.dentry = fs.cwd
        else:
            opened = description(kernel, dirfd)
            if path and not opened.inode.is_directory:
                kernel.refuse(LOOKUP_DIRFD_NOT_A_DIRECTORY)
            self.mount, self.dentry = opened.path
        return path

    def to_parent(self, text: str) -> None:
        """Walk all of `text` but its last component, which is then `name`. (link_path_walk)"""
        names = [name for name in text.split("/") if name]
        self.slash = bool(names) and text[-1] == "/"
        if not names:
            self.name = ""
            return
        kernel, cred = self.kernel, self.cred
        mount, dentry = self.mount, self.dentry
        names.reverse()
        while True:
            inode = dentry.inode
            behaviour = inode.behaviour
            if (inode.mode & 0o111 != 0o111 or (behaviour and BEHAVIOURS[behaviour].has_permissions)) and (
                not permitted(kernel, inode, SEARCH, cred)
            ):
                kernel.refuse(LOOKUP_NO_SEARCH)
            name = names.pop()
            if not names:
                self.mount, self.dentry, self.name = mount, dentry, name
                return
            child = None if behaviour else dentry.children.get(name)
            if child is None:
                self.mount, self.dentry = mount, dentry
                if name in DOTS:
                    if name == "..":
                        self._up()
                        mount, dentry = self.mount, self.dentry
                    continue
                child = self.child(name)
            if child.inode.mode & S_IFMT == S_IFDIR and child.mounted.get(mount.id) is None:
                dentry = child
                continue
            self.mount, self.dentry = mount, dentry
            link = self.enter(child, follow=True, trailing=False)
            mount, dentry = self.mount, self.dentry
            if link is not None:
                names.extend(reversed([name for name in link.split("/") if name]))
            elif dentry.inode.mode & S_IFMT != S_IFDIR:
                kernel.refuse(LOOKUP_NOT_A_DIRECTORY)
                raise ModelError(f"{LOOKUP_NOT_A_DIRECTORY.id} is suspended, and {name!r} has no children to go on with")

    def last_step(self, *, follow: bool) -> str | None:
        """Walk the last component too. Returns the text of a symbolic link that has to be walked next. (lookup_last)"""
        name = self.name
        if name in DOTS:
            if name == "..":
                self._up()
            return None
        return self.enter(self.child(name), follow=follow, trailing=True)

    def child(self, name: str) -> Dentry:
        """The child `name` of the directory where the walk is. Refuses by LOOKUP_MISSING."""
        found = child_of(self.kernel, self.dentry, name)
        if found is None:
            self.kernel.refuse(LOOKUP_MISSING)
            raise ModelError(f"{LOOKUP_MISSING.id} is suspended, and there is no {name!r} to go on with")
        return found

    def enter(self, dentry: Dentry, *, follow: bool, trailing: bool) -> str | None:
        """Go to a child, or to what is mounted on it; if it is a link to follow, to where that leads. (step_into)

        Returns what is left to walk of a link's text.
        """
        mount = self.mount
        while True:
            inode = dentry.inode
            if inode.mode & S_IFMT == S_IFLNK:
                if follow:
                    return self._follow(inode, mount, trailing=trailing)
                break
            mounted = dentry.mounted.get(mount.id)
            if mounted is None:
                break
            mount, dentry = mounted, mounted.root
        self.mount, self.dentry = mount, dentry
        return None

    def _follow(self, link: Inode, mount: Mount, *, trailing: bool) -> str | None:
        """Follow a symbolic link that stands in the directory where the walk is. (pick_link)"""
        kernel = self.kernel
        self.links += 1
        if self.links > MAX_LINKS:
            kernel.fail(LOOKUP_TOO_MANY_LINKS)
        if trailing and kernel.machine.system.protected_symlinks:
            self._check_sticky(link)
        if mount.flags & MountFlag.NOSYMFOLLOW:
            kernel.refuse(LOOKUP_NOSYMFOLLOW)
        target: Path | str = link.target
        if link.behaviour:
            target = BEHAVIOURS[link.behaviour].follow(cast("Syscalls", kernel), link)
        if not isinstance(target, str):  # a magic link leads to the very place, whatever the root
            self.mount, self.dentry = target
            return None
        if target[:1] == "/":
            self.mount, self.dentry = kernel.task.fs.root
        return target if target.strip("/") else None

    def _check_sticky(self, link: Inode) -> None:
        """Whether a link that ends a path may be followed where anybody can make links (may_follow_link)."""
        directory = self.dentry.inode
        if directory.mode & (S_ISVTX | 0o002) == S_ISVTX | 0o002 and link.uid != self.cred.fsuid and link.uid != directory.uid:
            self.kernel.refuse(LOOKUP_STICKY_LINK)

    def _up(self) -> None:
        """Go to the parent directory, but not beyond the caller's root; then to what is mounted there. (follow_dotdot)"""
        root = self.kernel.task.fs.root
        mount, dentry = self.mount, self.dentry
        while True:
            if dentry is root.dentry and mount is root.mount:
                mount, dentry = self.mount, self.dentry  # the top: stay
                break
            if dentry is not mount.root:
                dentry = dentry.parent or dentry
                if mount.root.parent is not None and not _is_below(dentry, mount.root):
                    self.kernel.refuse(LOOKUP_MISSING)  # it was moved out of what the mount shows
                break
            let_go_above(self.kernel.machine.system, mount)
            above, point = mount.parent, mount.mountpoint
            if above is None or above is mount or point is None:
                mount, dentry = self.mount, self.dentry
                break
            mount, dentry = above, point
        self.mount, self.dentry = cross_mounts(mount, dentry)


def check_name(kernel: "SyscallBase", path: str, *, empty_ok: bool = False) -> None:
    """What is checked when the text of a path is taken in, before any walk (getname_flags)."""
    if "\0" in path:
        raise ModelError(f"a path cannot hold a NUL byte: {path!r}")
    if not path:
        if not empty_ok:
            kernel.refuse(LOOKUP_EMPTY)
    elif len(path) >= PATH_MAX // 4 and len(fsencode(path)) >= PATH_MAX:
        kernel.refuse(LOOKUP_PATH_TOO_LONG)


def child_of(kernel: "SyscallBase", directory: Dentry, name: str) -> Dentry | None:
    """The child `name` of `directory`, whatever may be mounted on it; None where there is none. Refuses by
    LOOKUP_NAME_TOO_LONG. (lookup_one_qstr_excl)"""
    inode = directory.inode
    if inode.behaviour:
        found = BEHAVIOURS[inode.behaviour].lookup(cast("Syscalls", kernel), directory, name)
        if found is not None and found.inode.behaviour:
            BEHAVIOURS[found.inode.behaviour].refresh(cast("Syscalls", kernel), found.inode)
        return found
    if len(name) > SURELY_SHORT and len(fsencode(name)) > NAME_MAX:
        kernel.refuse(LOOKUP_NAME_TOO_LONG)
    return directory.children.get(name)


def cross_mounts(mount: Mount, dentry: Dentry) -> Path:
    """What is mounted at this place, on top of all else that is; the place itself where nothing is (traverse_mounts)."""
    while (mounted := dentry.mounted.get(mount.id)) is not None:
        mount, dentry = mounted, mounted.root
    return Path(mount, dentry)


def _is_below(dentry: Dentry, top: Dentry) -> bool:
    """Whether `dentry` is `top` or lies below it in their file system (is_subdir)."""
    place: Dentry | None = dentry
    while place is not None and place is not top:
        place = place.parent
    return place is top
