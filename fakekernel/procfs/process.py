"""What the files and directories of one process share: whose they are, who owns them, who may look (fs/proc/base.c)."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from fakekernel.behaviour import Behaviour, Listed
from fakekernel.description import Description
from fakekernel.filesystem import ROOT_GID, ROOT_UID, Dentry, Inode
from fakekernel.procfs.entry import DIRECTORY, MadeFile, TableDirectory
from fakekernel.ptrace import SUID_DUMP_USER, may_access
from fakekernel.task import StructPid, Task
from kernelapi.ids import Kgid, Kuid
from kernelapi.protocol.proc import PROC_GONE, PROC_LISTING_GONE, PROC_NOT_TRACEABLE

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls


def find(inode: Inode) -> Task | None:
    """The process whose file or directory `inode` is; None once it has been reaped (get_proc_task)."""
    return cast(StructPid, inode.subject).task


def task_of(kernel: "Syscalls", inode: Inode) -> Task:
    """The process whose file or directory `inode` is. Refuses by PROC_GONE."""
    task = find(inode)
    if task is None:
        kernel.fail(PROC_GONE)
    return task


def check_access(kernel: "Syscalls", task: Task) -> None:
    """Refuse by PROC_NOT_TRACEABLE unless the caller may look into `task` (proc_fd_access_allowed)."""
    if not may_access(kernel.task, task):
        kernel.refuse(PROC_NOT_TRACEABLE)


def owner(task: Task, mode: int) -> tuple[Kuid, Kgid]:
    """Who owns the entries of `task` below /proc (task_dump_owner).

    The effective ids, unless what the process has in memory is nobody's business: then root of the user namespace to which its
    memory belongs. Directories that all may read keep the effective ids: they say whose process it is.
    """
    cred = task.cred
    if mode == DIRECTORY:
        return cred.euid, cred.egid
    if not task.lives:
        return ROOT_UID, ROOT_GID
    mm = task.mm
    if mm.dumpable == SUID_DUMP_USER:
        return cred.euid, cred.egid
    uid, gid = mm.userns.kuid(0), mm.userns.kgid(0)
    return ROOT_UID if uid is None else uid, ROOT_GID if gid is None else gid


class OfProcess(Behaviour):
    """An entry below /proc/PID: its owner follows the process."""

    def refresh(self, kernel: "Syscalls", inode: Inode) -> None:
        task = find(inode)
        if task is None:
            return
        uid, gid = owner(task, inode.mode)
        if inode.uid != uid:
            inode.uid = uid
        if inode.gid != gid:
            inode.gid = gid


class ProcessDirectory(OfProcess, TableDirectory):
    """A directory below /proc/PID with the same children for every process. That of a process that is gone has none."""

    shows_owner_anew = True

    def lookup(self, kernel: "Syscalls", directory: Dentry, name: str) -> Dentry | None:
        return None if find(directory.inode) is None else super().lookup(kernel, directory, name)

    def entries(self, kernel: "Syscalls", directory: Dentry) -> Iterable[Listed]:
        if find(directory.inode) is None:
            kernel.refuse(PROC_LISTING_GONE)
            return []
        return super().entries(kernel, directory)


class ProcessFile(OfProcess, MadeFile):
    """A file below /proc/PID whose text is made of the process at the time of reading."""

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        task = task_of(kernel, description.inode)
        return self.text(kernel, description, task).encode(errors="surrogateescape")

    @abstractmethod
    def text(self, kernel: "Syscalls", description: Description, task: Task) -> str:
        """What the file says of `task` to who has it open."""
