"""The files of the simulated host, and of the container that it keeps ready: what a small busybox system holds.

A literal table, made by functions on records. Anything that a test or a user needs beside it can be made with system calls.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from fakekernel.filesystem import Dentry, Inode, Superblock
from fakekernel.loaded import content_of
from fakekernel.programs import executable
from kernelapi.flags import S_ISVTX, FileType
from kernelapi.ids import Kgid, Kuid
from kernelapi.values import makedev

if TYPE_CHECKING:
    from fakekernel.machine import Machine

ROOTFS = "/var/lib/initflow/rootfs"
"""The root file system of a container, on the default host: what `initflow verify` runs in."""

PROGRAM = "busybox"
LINKS = ("ash", "cat", "echo", "env", "false", "hostname", "id", "ls", "ps", "pwd", "readlink", "sh", "sleep", "true")
"""The names in /bin by which busybox is called."""


class File(NamedTuple):
    """One line of a tree. `content` of a regular file, target of a symbolic link, device number: by its type.

    `capabilities` is the file's security.capability, as the kernel stores it (linux/capability.h).
    """

    path: str
    mode: int
    content: bytes = b""
    target: str = ""
    rdev: int = 0
    uid: int = 0
    gid: int = 0
    capabilities: bytes = b""


def directory(path: str, mode: int = 0o755, uid: int = 0, gid: int = 0) -> File:
    return File(path, FileType.DIR | mode, uid=uid, gid=gid)


def regular(path: str, content: str | bytes = b"", mode: int = 0o644) -> File:
    return File(path, FileType.REG | mode, content.encode() if isinstance(content, str) else content)


def link(path: str, target: str) -> File:
    return File(path, FileType.LNK | 0o777, target=target)


def fifo(path: str, mode: int = 0o644) -> File:
    return File(path, FileType.FIFO | mode)


def device(path: str, major: int, minor: int, mode: int = 0o666, gid: int = 0) -> File:
    return File(path, FileType.CHR | mode, rdev=makedev(major, minor), gid=gid)


PASSWD = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
sys:x:3:3:sys:/dev:/bin/false
sync:x:4:100:sync:/bin:/bin/sync
mail:x:8:8:mail:/var/spool/mail:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
operator:x:37:37:Operator:/var:/bin/false
user:x:1000:1000:user:/home/user:/bin/sh
nobody:x:65534:65534:nobody:/home:/bin/false
"""
GROUP = """\
root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
wheel:x:10:root
mail:x:8:
www-data:x:33:
users:x:100:user
user:x:1000:
nogroup:x:65534:
"""

_BUSYBOX = (
    regular("bin/busybox", executable(PROGRAM), 0o755),
    *(link(f"bin/{name}", PROGRAM) for name in LINKS),
)

CONTAINER = (
    directory("bin"),
    *_BUSYBOX,
    regular("bin/stubborn", executable("stubborn"), 0o755),
    directory("dev"),
    directory("etc"),
    regular("etc/passwd", PASSWD),
    regular("etc/group", GROUP),
    regular("etc/hostname", "container\n"),
    regular("etc/hosts", "127.0.0.1\tlocalhost\n"),
    regular("etc/resolv.conf"),
    directory("home", 0o755),
    directory("home/user", 0o755, 1000, 1000),
    directory("lib"),
    directory("proc"),
    directory("root", 0o700),
    directory("sbin"),
    directory("sys"),
    directory("tmp", S_ISVTX | 0o777),
    directory("usr"),
    directory("usr/bin"),
    directory("usr/sbin"),
    directory("var"),
    directory("var/tmp", S_ISVTX | 0o777),
)
"""What the rootfs of a container from a busybox image holds: no device, nothing mounted."""

HOST = (
    directory("bin"),
    *_BUSYBOX,
    directory("dev"),
    directory("etc"),
    regular("etc/passwd", PASSWD),
    regular("etc/group", GROUP),
    regular("etc/hostname", "host\n"),
    regular("etc/resolv.conf", "nameserver 127.0.0.1\n"),
    directory("home"),
    directory("home/user", 0o755, 1000, 1000),
    directory("lib"),
    directory("mnt"),
    directory("proc"),
    directory("root", 0o700),
    directory("run"),
    directory("sbin"),
    directory("sys"),
    directory("tmp", S_ISVTX | 0o777),
    directory("usr"),
    directory("usr/bin"),
    directory("var"),
    directory("var/lib"),
    directory("var/lib/initflow"),
    directory("var/lib/initflow/rootfs"),
    directory("var/tmp", S_ISVTX | 0o777),
)
"""The root file system of the host, less what is mounted on it."""

DEVICES = (
    device("console", 5, 1, 0o600),
    device("full", 1, 7),
    device("null", 1, 3),
    device("ptmx", 5, 2, gid=5),
    directory("pts"),
    device("random", 1, 8),
    directory("shm", S_ISVTX | 0o777),
    device("tty", 5, 0, gid=5),
    device("urandom", 1, 9),
    device("zero", 1, 5),
    link("fd", "/proc/self/fd"),
    link("stdin", "/proc/self/fd/0"),
    link("stdout", "/proc/self/fd/1"),
    link("stderr", "/proc/self/fd/2"),
)
"""What the host's devtmpfs holds."""


def plant(top: Dentry, files: Iterable[File]) -> None:
    """Make `files` below the directory `top`, which is empty; each one's directory comes before it."""
    places = {"": top}
    for file in files:
        parent, _, name = file.path.rpartition("/")
        places[file.path] = places[parent].add(name, _inode(top.inode.sb, file))


def replace(top: Dentry, files: Iterable[File]) -> None:
    """Make `files` below `top` in the place of what is there, and the directories that they lie in where these are missing."""
    for file in files:
        parent, _, name = file.path.rpartition("/")
        take_away(top, file.path)
        make_directory(top, parent).add(name, _inode(top.inode.sb, file))


def take_away(top: Dentry, path: str) -> None:
    """Take away what is at `path` below `top`, with all below it, if anything is."""
    parent, _, name = path.rpartition("/")
    try:
        directory = find(top, parent)
        found = directory.children.pop(name)
    except KeyError:
        return
    found.unlinked = True
    if found.inode.is_directory:
        directory.inode.nlink -= 1


def _inode(sb: Superblock, file: File) -> Inode:
    inode = sb.new_inode(
        file.mode, Kuid(file.uid), Kgid(file.gid), content=file.content, target=file.target, rdev=file.rdev
    )
    if file.capabilities:
        inode.xattrs["security.capability"] = file.capabilities
    return inode


def find(top: Dentry, path: str) -> Dentry:
    """The entry at `path` below `top`. Raises `KeyError` where there is none."""
    for name in filter(None, path.split("/")):
        top = top.children[name]
    return top


class Place(NamedTuple):
    """Where a path leads: the names from the top, without links and dots, and what is there (None: nothing)."""

    names: tuple[str, ...]
    dentry: Dentry | None


def follow(top: Dentry, path: str) -> Place:
    """Where `path` leads for a process whose root `top` is, in the tree itself: mounts aside, links followed.

    Raises `KeyError` where that is too many links.
    """
    names: list[str] = []
    rest = path.split("/")[::-1]
    links = 0
    while rest:
        name = rest.pop()
        if name == "..":
            del names[-1:]
        elif name not in ("", "."):
            names.append(name)
            found = _there(top, names)
            if found is not None and found.inode.is_symlink:
                links += 1
                if links > MAX_LINKS:
                    raise KeyError(path)
                target = found.inode.target
                names = [] if target.startswith("/") else names[:-1]
                rest += target.split("/")[::-1]
    return Place(tuple(names), _there(top, names))


def _there(top: Dentry, names: Iterable[str]) -> Dentry | None:
    try:
        return find(top, "/".join(names))
    except KeyError:
        return None


MAX_LINKS = 40


def make_directory(top: Dentry, path: str) -> Dentry:
    """The directory at `path` below `top`, made with those on the way to it where they are missing."""
    sb = top.inode.sb
    for name in filter(None, path.split("/")):
        top = top.children.get(name) or top.add(name, sb.new_inode(FileType.DIR | 0o755))
    return top


def make_file(top: Dentry, path: str, content: bytes, mode: int) -> None:
    """Make a regular file at `path` below `top`, and the directories on the way to it; what is there already is replaced."""
    parent, _, name = path.rpartition("/")
    directory = make_directory(top, parent)
    directory.add(name, top.inode.sb.new_inode(FileType.REG | mode, content=content))


def write_file(machine: "Machine", path: str, content: bytes, mode: int = 0o644) -> None:
    """Make a file of the host, from outside; see `make_file`. `path` leads through the root file system, links aside."""
    make_file(machine.init.fs.root.dentry, path, content, mode)


def read_file(machine: "Machine", path: str) -> bytes | None:
    """What a file of the host holds, from outside; None where there is no such file, or only a link."""
    try:
        inode = find(machine.init.fs.root.dentry, path).inode
    except KeyError:
        return None
    return content_of(inode) if inode.type == FileType.REG else None
