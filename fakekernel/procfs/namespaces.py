"""/proc/PID/ns: a magic link for each namespace that the process is in (namespaces(7); fs/proc/namespaces.c)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from fakekernel import nsfs
from fakekernel.behaviour import BEHAVIOURS
from fakekernel.filesystem import Inode
from fakekernel.mount import Path
from fakekernel.namespaces import Namespace
from fakekernel.procfs.entry import LINK, Entry, table
from fakekernel.procfs.process import OfProcess, ProcessDirectory, check_access, find
from fakekernel.task import Task
from fakekernel.userns import UserNamespace
from kernelapi.protocol.proc import PROC_NAMESPACES_GONE, PROC_NOTHING_BEHIND

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls

Choose = Callable[[Task], Namespace | UserNamespace | None]


class NamespaceLink(OfProcess):
    """A link to a namespace of the process. A zombie has left all but its user and its pid namespace."""

    def __init__(self, choose: Choose, *, outlives: bool = False) -> None:
        self.choose = choose
        self.outlives = outlives

    def namespace(self, kernel: "Syscalls", inode: Inode) -> Namespace | UserNamespace:
        task = find(inode)
        if task is None:
            kernel.fail(PROC_NAMESPACES_GONE)
        check_access(kernel, task)
        ns = self.choose(task) if task.lives or self.outlives else None
        if ns is None:
            kernel.fail(PROC_NOTHING_BEHIND)
        return ns

    def follow(self, kernel: "Syscalls", inode: Inode) -> Path | str:
        return nsfs.place(kernel.machine.system, self.namespace(kernel, inode))

    def target(self, kernel: "Syscalls", inode: Inode) -> str:
        ns = self.namespace(kernel, inode)
        return nsfs.name(ns, nsfs.kind(ns))


def pid_for_children(task: Task) -> Namespace | None:
    """The pid namespace of the process' children; one that nobody was born into yet is not shown (pidns_for_children_get)."""
    ns = task.namespaces.pid_for_children
    return ns if ns.last_pid else None


LINKS: dict[str, NamespaceLink] = {
    "net": NamespaceLink(lambda task: task.namespaces.net),
    "uts": NamespaceLink(lambda task: task.namespaces.uts),
    "ipc": NamespaceLink(lambda task: task.namespaces.ipc),
    "pid": NamespaceLink(lambda task: task.pid_namespace, outlives=True),
    "pid_for_children": NamespaceLink(pid_for_children),
    "user": NamespaceLink(lambda task: task.cred.userns, outlives=True),
    "mnt": NamespaceLink(lambda task: task.namespaces.mnt),
    "cgroup": NamespaceLink(lambda task: task.namespaces.cgroup),
    "time": NamespaceLink(lambda task: task.namespaces.time),
    "time_for_children": NamespaceLink(lambda task: task.namespaces.time_for_children),
}
"""In the order in which Linux lists them."""

for _name, _link in LINKS.items():
    BEHAVIOURS[f"proc.ns.{_name}"] = _link
BEHAVIOURS["proc.ns"] = ProcessDirectory(table(*(Entry(name, LINK, f"proc.ns.{name}") for name in LINKS)))
