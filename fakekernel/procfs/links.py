"""The magic links of /proc/PID: exe, root, cwd, and the descriptors in fd (proc(5); fs/proc/base.c, fs/proc/fd.c).

A magic link leads to the very file, whatever its text says: out of a chroot, to a name that is gone, to a pipe.
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from fakekernel.behaviour import BEHAVIOURS, Listed
from fakekernel.credentials import Credentials
from fakekernel.description import Description
from fakekernel.filesystem import Dentry, Inode
from fakekernel.mount import Path
from fakekernel.mountusers import let_go_above
from fakekernel.procfs.entry import Entry, MadeFile, make, number
from fakekernel.procfs.process import OfProcess, check_access, find, owner, task_of
from fakekernel.ptrace import may_access
from fakekernel.reachability import path_text
from fakekernel.store import Record
from fakekernel.task import StructPid, Task
from kernelapi.flags import O_ACCMODE, FileType, OpenFlag
from kernelapi.protocol.proc import (
    PROC_COUNT_GONE,
    PROC_DESCRIPTOR_GONE,
    PROC_LISTING_GONE,
    PROC_NOT_TRACEABLE,
    PROC_NOTHING_BEHIND,
)

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls

O_LARGEFILE = 0o100000
"""What every open of a 64-bit process sets (fs/open.c)."""


def text_of(path: Path, root: Path) -> str:
    """What readlink shows of a place: its path from `root`, or the name of what has none ("pipe:[7]", "mnt:[4026531832]")."""
    dentry = path.dentry
    if dentry.parent is None and dentry is not path.mount.root:
        return dentry.name
    return path_text(path, root)


class MagicLink(OfProcess):
    """A link to a place that a process refers to."""

    def target(self, kernel: "Syscalls", inode: Inode) -> str:
        place = self.follow(kernel, inode)
        assert not isinstance(place, str)
        let_go_above(kernel.machine.system, place.mount)
        return text_of(place, kernel.task.fs.root)


class PlaceLink(MagicLink):
    """One of the places that every process has."""

    @abstractmethod
    def place(self, task: Task, inode: Inode) -> Path | None:
        """Where the link leads."""

    def follow(self, kernel: "Syscalls", inode: Inode) -> Path | str:
        task = find(inode)
        if task is None:
            kernel.fail(PROC_NOTHING_BEHIND)
        check_access(kernel, task)
        place = self.place(task, inode)
        if place is None:
            kernel.fail(PROC_NOTHING_BEHIND)
        return place


class ExecutableLink(PlaceLink):
    """/proc/PID/exe."""

    def place(self, task: Task, inode: Inode) -> Path | None:
        return task.mm.executable if task.lives else None


class RootLink(PlaceLink):
    """/proc/PID/root."""

    def place(self, task: Task, inode: Inode) -> Path | None:
        return task.fs.root if task.lives else None


class DirectoryLink(PlaceLink):
    """/proc/PID/cwd."""

    def place(self, task: Task, inode: Inode) -> Path | None:
        return task.fs.cwd if task.lives else None


# -- descriptors --


class DescriptorOf(Record):
    """Whose descriptor a link in fd, or a file in fdinfo, is about."""

    pid: StructPid
    fd: int


def fd_number(name: str) -> int | None:
    """The number that `name` is, as Linux writes it: digits without leading zeros (fs/proc/util.c name_to_int)."""
    if not name.isascii() or not name.isdigit() or (name[0] == "0" and len(name) > 1) or len(name) > 10:
        return None
    return int(name)


class DescriptorLink(MagicLink):
    """/proc/PID/fd/N."""

    def refresh(self, kernel: "Syscalls", inode: Inode) -> None:
        pass  # made anew for each walk: never out of date

    def size(self, kernel: "Syscalls", inode: Inode) -> int:
        return 64

    def follow(self, kernel: "Syscalls", inode: Inode) -> Path | str:
        of = cast(DescriptorOf, inode.subject)
        task = of.pid.task
        if task is None or not task.lives:
            kernel.fail(PROC_NOTHING_BEHIND)
        check_access(kernel, task)
        found = task.files.entries.get(of.fd)
        if found is None:
            kernel.fail(PROC_NOTHING_BEHIND)
        return found.description.path


def link_mode(flags: int) -> int:
    """The mode of a descriptor's link says how it was opened (tid_fd_update_inode)."""
    if flags & OpenFlag.PATH:
        return int(FileType.LNK)
    access = flags & O_ACCMODE
    mode = 0
    if access in (OpenFlag.RDONLY, OpenFlag.RDWR):
        mode |= 0o500
    if access in (OpenFlag.WRONLY, OpenFlag.RDWR):
        mode |= 0o300
    return FileType.LNK | mode


class DescriptorDirectory(OfProcess):
    """/proc/PID/fd. A process may always look into its own (proc_fd_permission)."""

    type = FileType.LNK

    def size(self, kernel: "Syscalls", inode: Inode) -> int:
        task = find(inode)
        if task is None:
            kernel.refuse(PROC_COUNT_GONE)
            return 0
        return len(task.files.entries) if task.lives else 0

    def permission(self, kernel: "Syscalls", inode: Inode, mask: int, cred: Credentials) -> bool | None:
        return True if cast(StructPid, inode.subject).task is kernel.task else None

    def lookup(self, kernel: "Syscalls", directory: Dentry, name: str) -> Dentry | None:
        inode = directory.inode
        task, fd = find(inode), fd_number(name)
        if task is None or fd is None or not task.lives:
            return None
        found = task.files.entries.get(fd)
        return None if found is None else self.child(directory, task, fd, name, found.description.flags)

    def child(self, directory: Dentry, task: Task, fd: int, name: str, flags: int) -> Dentry:
        entry = Entry(name, link_mode(flags), "proc.fd.link")
        uid, gid = owner(task, entry.mode)
        subject = DescriptorOf(store=directory.store, pid=cast(StructPid, directory.inode.subject), fd=fd)
        return make(directory, entry, subject=subject, uid=uid, gid=gid, kept=False)

    def entries(self, kernel: "Syscalls", directory: Dentry) -> Iterable[Listed]:
        task = find(directory.inode)
        if task is None:
            kernel.fail(PROC_LISTING_GONE)
        if not task.lives:
            return []
        return [Listed(str(fd), number(directory.inode, str(fd)), self.type) for fd in sorted(task.files.entries)]


class DescriptorInfoDirectory(DescriptorDirectory):
    """/proc/PID/fdinfo: for those who may look into the process (proc_fdinfo_permission)."""

    type = FileType.REG

    def size(self, kernel: "Syscalls", inode: Inode) -> int:
        return 0

    def permission(self, kernel: "Syscalls", inode: Inode, mask: int, cred: Credentials) -> bool | None:
        task = task_of(kernel, inode)
        if not may_access(kernel.task, task, cred=cred):
            kernel.refuse(PROC_NOT_TRACEABLE)
        return None

    def child(self, directory: Dentry, task: Task, fd: int, name: str, flags: int) -> Dentry:
        entry = Entry(name, FileType.REG | 0o444, "proc.fdinfo.file")
        uid, gid = owner(task, entry.mode)
        subject = DescriptorOf(store=directory.store, pid=cast(StructPid, directory.inode.subject), fd=fd)
        return make(directory, entry, subject=subject, uid=uid, gid=gid)


class DescriptorInfo(MadeFile):
    """/proc/PID/fdinfo/N: position, flags, mount (fs/proc/fd.c seq_show)."""

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        of = cast(DescriptorOf, description.inode.subject)
        task = of.pid.task
        found = None if task is None or not task.lives else task.files.entries.get(of.fd)
        if found is None:
            kernel.refuse(PROC_DESCRIPTOR_GONE)
            return b""
        of_fd, cloexec = found
        flags = of_fd.flags | (OpenFlag.CLOEXEC if cloexec else 0)
        if of_fd.path.mount.ns is not None:
            flags |= O_LARGEFILE
        return f"pos:\t{of_fd.offset}\nflags:\t0{flags:o}\nmnt_id:\t{of_fd.path.mount.id}\nino:\t{of_fd.inode.ino}\n".encode()


BEHAVIOURS["proc.exe"] = ExecutableLink()
BEHAVIOURS["proc.root"] = RootLink()
BEHAVIOURS["proc.cwd"] = DirectoryLink()
BEHAVIOURS["proc.fd"] = DescriptorDirectory()
BEHAVIOURS["proc.fd.link"] = DescriptorLink()
BEHAVIOURS["proc.fdinfo"] = DescriptorInfoDirectory()
BEHAVIOURS["proc.fdinfo.file"] = DescriptorInfo()
