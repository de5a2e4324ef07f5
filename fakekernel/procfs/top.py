"""The top of proc: processes by their numbers, self, and what is there once for the whole system (fs/proc/root.c, base.c)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from fakekernel.behaviour import BEHAVIOURS, Behaviour, Listed
from fakekernel.credentials import Credentials
from fakekernel.filesystem import Dentry, Inode, Superblock
from fakekernel.mount import Path
from fakekernel.namespaces import PidNamespace
from fakekernel.procfs.entry import DIRECTORY, FILE, LINK, Entry, TableDirectory, make, number, table
from fakekernel.procfs.instance import Hiding, hiding
from fakekernel.procfs.links import fd_number
from fakekernel.procfs.process import OfProcess, ProcessDirectory, find
from fakekernel.procfs.system import OF_SYSTEM
from fakekernel.profile import OPTIONAL_PROC_ENTRIES
from fakekernel.ptrace import may_access
from fakekernel.task import StructPid, Task
from kernelapi.flags import FileType
from kernelapi.ids import Kgid
from kernelapi.protocol.lookup import LOOKUP_MISSING
from kernelapi.protocol.proc import PROC_GONE, PROC_HIDDEN, PROC_INVISIBLE, PROC_LISTING_GONE

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls

OF_THREAD = table(
    Entry("fd", FileType.DIR | 0o500, "proc.fd"),
    Entry("fdinfo", DIRECTORY, "proc.fdinfo"),
    Entry("ns", FileType.DIR | 0o511, "proc.ns"),
    Entry("environ", FileType.REG | 0o400, "proc.environ"),
    Entry("status", FILE, "proc.status"),
    Entry("limits", FILE, "proc.limits"),
    Entry("comm", FileType.REG | 0o644, "proc.comm"),
    Entry("cmdline", FILE, "proc.cmdline"),
    Entry("stat", FILE, "proc.stat"),
    Entry("cwd", LINK, "proc.cwd"),
    Entry("root", LINK, "proc.root"),
    Entry("exe", LINK, "proc.exe"),
    Entry("mounts", FILE, "proc.mounts"),
    Entry("mountinfo", FILE, "proc.mountinfo"),
    Entry("attr", DIRECTORY, "proc.attr"),
    Entry("cgroup", FILE, "proc.cgroup"),
    Entry("oom_score", FILE, "proc.oom_score"),
    Entry("oom_score_adj", FileType.REG | 0o644, "proc.oom_score_adj"),
    Entry("loginuid", FileType.REG | 0o644, "proc.loginuid"),
    Entry("uid_map", FileType.REG | 0o644, "proc.uid_map"),
    Entry("gid_map", FileType.REG | 0o644, "proc.gid_map"),
    Entry("setgroups", FileType.REG | 0o644, "proc.setgroups"),
)
"""What is in /proc/PID/task/TID, in the order of Linux (tid_base_stuff)."""

OF_PROCESS = table(
    Entry("task", DIRECTORY, "proc.task"),
    *OF_THREAD.values(),
    Entry("timens_offsets", FileType.REG | 0o644, "proc.timens_offsets"),
)
"""What is in /proc/PID (tgid_base_stuff)."""


def hidden(kernel: "Syscalls", sb: Superblock, task: Task, levels: tuple[str, ...], cred: Credentials | None = None) -> bool:
    """Whether the instance, where it hides in one of the ways `levels` or "ptraceable", hides `task` (has_pid_permissions)."""
    if not sb.options:
        return False
    return _hides(kernel, hiding(sb), task, levels, cred or kernel.task.cred)


def _hides(kernel: "Syscalls", rule: Hiding, task: Task, levels: tuple[str, ...], cred: Credentials) -> bool:
    if rule.how != "ptraceable" and (rule.how not in levels or cred.in_group(Kgid(rule.gid))):
        return False
    return not may_access(kernel.task, task, cred=cred)


class ProcessTop(ProcessDirectory):
    """/proc/PID. Who searches it when the process is gone is told so."""

    def permission(self, kernel: "Syscalls", inode: Inode, mask: int, cred: Credentials) -> bool | None:
        task = find(inode)
        if task is None:
            kernel.refuse(PROC_GONE)
        elif hidden(kernel, inode.sb, task, ("noaccess", "invisible"), cred):
            kernel.refuse(PROC_INVISIBLE if hiding(inode.sb).how != "noaccess" else PROC_HIDDEN)
        return None


class Top(TableDirectory):
    """/proc."""

    def lookup(self, kernel: "Syscalls", directory: Dentry, name: str) -> Dentry | None:
        tgid = fd_number(name)
        if tgid is None:
            if name in OPTIONAL_PROC_ENTRIES and name not in kernel.machine.host.proc_entries:
                return None
            return super().lookup(kernel, directory, name)
        pid = cast(PidNamespace, directory.inode.sb.subject).pids.get(tgid)
        task = None if pid is None else pid.task
        if pid is None or task is None or hidden(kernel, directory.inode.sb, task, ()):
            return None
        kept = directory.children.get(name)
        if kept is not None and kept.inode.subject is pid:
            return kept
        cred = task.cred
        return make(
            directory, Entry(name, DIRECTORY, "proc.process"), ino=tgid << 32, subject=pid, uid=cred.euid, gid=cred.egid
        )

    def entries(self, kernel: "Syscalls", directory: Dentry) -> Iterable[Listed]:
        inode = directory.inode
        found = [
            Listed(name, number(inode, name), entry.type)
            for name, entry in self.children.items()
            if name not in OPTIONAL_PROC_ENTRIES or name in kernel.machine.host.proc_entries
        ]
        for tgid, pid in sorted(cast(PidNamespace, inode.sb.subject).pids.items(), key=lambda item: item[0]):
            if pid.task is not None and not hidden(kernel, inode.sb, pid.task, ("invisible",)):
                found.append(Listed(str(tgid), tgid << 32, FileType.DIR))
        return found


class SelfLink(Behaviour):
    """/proc/self: the caller's number in the pid namespace of this proc; nothing leads there from a namespace outside it."""

    def text(self, number: int) -> str:
        return str(number)

    def target(self, kernel: "Syscalls", inode: Inode) -> str:
        number = kernel.task.pid.number_in(cast(PidNamespace, inode.sb.subject))
        if not number:
            kernel.fail(LOOKUP_MISSING)
        return self.text(number)

    def follow(self, kernel: "Syscalls", inode: Inode) -> Path | str:
        return self.target(kernel, inode)


class ThreadSelfLink(SelfLink):
    """/proc/thread-self."""

    def text(self, number: int) -> str:
        return f"{number}/task/{number}"


class Threads(OfProcess):
    """/proc/PID/task: a process has one thread."""

    def lookup(self, kernel: "Syscalls", directory: Dentry, name: str) -> Dentry | None:
        inode = directory.inode
        task, tid = find(inode), fd_number(name)
        if task is None or tid is None or task.pid.number_in(cast(PidNamespace, inode.sb.subject)) != tid:
            return None
        if (kept := directory.children.get(name)) is not None:
            return kept
        cred = task.cred
        return make(directory, Entry(name, DIRECTORY, "proc.thread"), subject=inode.subject, uid=cred.euid, gid=cred.egid)

    def entries(self, kernel: "Syscalls", directory: Dentry) -> Iterable[Listed]:
        inode = directory.inode
        if find(inode) is None:
            kernel.refuse(PROC_LISTING_GONE)
        tid = str(cast(StructPid, inode.subject).number_in(cast(PidNamespace, inode.sb.subject)))
        return [Listed(tid, number(inode, tid), FileType.DIR)]


BEHAVIOURS["proc.process"] = ProcessTop(OF_PROCESS)
BEHAVIOURS["proc.thread"] = ProcessDirectory(OF_THREAD)
BEHAVIOURS["proc.task"] = Threads()
BEHAVIOURS["proc.self"] = SelfLink()
BEHAVIOURS["proc.thread-self"] = ThreadSelfLink()
BEHAVIOURS["proc.top"] = Top(
    {**OF_SYSTEM, **table(Entry("self", LINK, "proc.self"), Entry("thread-self", LINK, "proc.thread-self"))}
)
