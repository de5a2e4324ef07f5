"""/proc/PID/{mounts,mountinfo}: the mounts that the process could reach when the file was opened (fs/proc_namespace.c)."""

from abc import abstractmethod
from typing import TYPE_CHECKING, cast

from fakekernel import mountinfo
from fakekernel.behaviour import BEHAVIOURS
from fakekernel.description import Description
from fakekernel.mount import MountNamespace, Path
from fakekernel.procfs.entry import MadeFile
from fakekernel.procfs.process import OfProcess, task_of
from fakekernel.store import Record
from kernelapi.protocol.proc import PROC_ZOMBIE_MOUNTS

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls


class View(Record):
    """The mount namespace, and the root below which mounts are shown."""

    ns: MountNamespace
    root: Path


class MountTable(OfProcess, MadeFile):
    """One of the two forms of the list."""

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        task = task_of(kernel, description.inode)
        if not task.lives:
            kernel.refuse(PROC_ZOMBIE_MOUNTS)
        return View(store=kernel.store, ns=task.namespaces.mnt, root=task.fs.root)

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        view = cast(View, description.subject)
        return self.table(kernel, view.ns, view.root).encode(errors="surrogateescape")

    @abstractmethod
    def table(self, kernel: "Syscalls", ns: MountNamespace, root: Path) -> str:
        """The mounts of `ns` as who has the root `root` sees them, a line each."""


class Mounts(MountTable):
    """/proc/PID/mounts, as in /etc/fstab."""

    def table(self, kernel: "Syscalls", ns: MountNamespace, root: Path) -> str:
        return mountinfo.render_mounts(kernel.machine.host, ns, root)


class Mountinfo(MountTable):
    """/proc/PID/mountinfo."""

    def table(self, kernel: "Syscalls", ns: MountNamespace, root: Path) -> str:
        return mountinfo.render_mountinfo(kernel.machine.system, kernel.machine.host, kernel.task, ns, root)


BEHAVIOURS["proc.mounts"] = Mounts()
BEHAVIOURS["proc.mountinfo"] = Mountinfo()
