"""What else /proc/PID has: environment, control groups, the score for the OOM killer, security attributes (fs/proc/base.c)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from fakekernel import cgroup, security
from fakekernel.behaviour import BEHAVIOURS, Listed
from fakekernel.credentials import has_capability
from fakekernel.description import Description
from fakekernel.filesystem import Dentry
from fakekernel.procfs.entry import DIRECTORY, Entry, FixedFile, MadeFile, table
from fakekernel.procfs.process import OfProcess, ProcessDirectory, ProcessFile, check_access, find, task_of
from fakekernel.ptrace import may_access
from fakekernel.store import Record
from fakekernel.task import AddressSpace, Task
from kernelapi.capability import Cap
from kernelapi.errors import NotModelled
from kernelapi.flags import FileType, Seek
from kernelapi.protocol.proc import (
    PROC_NO_LSM,
    PROC_NOT_THE_OPENER,
    PROC_OOM_LOWERED,
    PROC_OOM_SYNTAX,
    PROC_OTHERS_LABEL,
    PROC_ZOMBIE_MEMORY,
)

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls

PAGE = 4096
OOM_MIN, OOM_MAX = -1000, 1000
OOM_LENGTH = 12
"""As many bytes of what is written are looked at."""


class Environment(OfProcess, MadeFile):
    """/proc/PID/environ: that of the memory that the process had when the file was opened."""

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        task = task_of(kernel, description.inode)
        if not task.lives:
            kernel.refuse(PROC_ZOMBIE_MEMORY)
        check_access(kernel, task)
        return task.mm

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        mm = cast(AddressSpace, description.subject)
        return "".join(variable + "\0" for variable in mm.envp).encode(errors="surrogateescape") if mm.users else b""


class ControlGroups(ProcessFile):
    """/proc/PID/cgroup."""

    def text(self, kernel: "Syscalls", description: Description, task: Task) -> str:
        return cgroup.render(kernel.machine.system, kernel.task, task)


class OomScoreAdjustment(ProcessFile):
    """/proc/PID/oom_score_adj (__set_oom_adj)."""

    def text(self, kernel: "Syscalls", description: Description, task: Task) -> str:
        return f"{task.job.oom_score_adj}\n"

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        data = data[:OOM_LENGTH]
        value = _number(data)
        if value is None or not OOM_MIN <= value <= OOM_MAX:
            kernel.refuse(PROC_OOM_SYNTAX)
            return len(data)
        job = task_of(kernel, description.inode).job
        privileged = has_capability(kernel.task.cred, Cap.SYS_RESOURCE, kernel.machine.system.userns)
        if value < job.oom_score_adj_min and not privileged:
            kernel.refuse(PROC_OOM_LOWERED)
        # -- effects only below --
        job.oom_score_adj = value
        if privileged:
            job.oom_score_adj_min = value
        return len(data)


def _number(data: bytes) -> int | None:
    """What kstrtoint makes of it in base 0: decimal, 0x hexadecimal, 0 octal; None where it is no number."""
    text = data.partition(b"\0")[0].strip()
    sign = -1 if text[:1] == b"-" else 1
    digits = text[1:] if text[:1] in (b"-", b"+") else text
    base = 16 if digits[:2].lower() == b"0x" else 8 if digits[:1] == b"0" and len(digits) > 1 else 10
    digits = digits[2:] if base == 16 else digits
    if not digits.isalnum():
        return None
    try:
        return sign * int(digits, base)
    except ValueError:
        return None


class SecurityAttribute(OfProcess, MadeFile):
    """/proc/PID/attr/*: what a security module keeps of the process; without one there is nothing.

    The description remembers whose memory it was opened for: who writes must have that one still (proc_pid_attr_open).
    """

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        task = find(description.inode)
        return task.mm if task is not None and task.lives and may_access(kernel.task, task) else None

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        return security.get_attribute(kernel, task_of(kernel, description.inode), _attribute(description))

    def read(self, kernel: "Syscalls", description: Description, count: int) -> bytes:
        made = self.content(kernel, description)  # each time anew
        data = made[description.offset : description.offset + count]
        if data:
            description.offset += len(data)
        return data

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        if description.subject is not kernel.task.mm:
            kernel.refuse(PROC_NOT_THE_OPENER)
        if task_of(kernel, description.inode) is not kernel.task:
            kernel.refuse(PROC_OTHERS_LABEL)
        if description.offset:
            kernel.refuse(PROC_NO_LSM)
        data = data[:PAGE]
        security.set_attribute(kernel, _attribute(description), data)
        return len(data)

    def seek(self, kernel: "Syscalls", description: Description, offset: int, whence: int) -> int:
        if whence == Seek.END:  # of a file of no length (generic_file_llseek)
            whence = Seek.SET
        return super().seek(kernel, description, offset, whence)


def _attribute(description: Description) -> str:
    return description.path.dentry.name


class Attributes(ProcessDirectory):
    """/proc/PID/attr: AppArmor has a directory of its own in it."""

    def lookup(self, kernel: "Syscalls", directory: Dentry, name: str) -> Dentry | None:
        if name == security.APPARMOR and kernel.machine.host.security_module != name:
            return None
        return super().lookup(kernel, directory, name)

    def entries(self, kernel: "Syscalls", directory: Dentry) -> Iterable[Listed]:
        module = kernel.machine.host.security_module
        return [entry for entry in super().entries(kernel, directory) if entry.name in (*OF_ANY_MODULE, module)]


class Unchanging(OfProcess, FixedFile):
    """A value that the model does not let change."""

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        raise NotModelled("writing this file of /proc/PID")


WRITABLE = FileType.REG | 0o666

BEHAVIOURS["proc.environ"] = Environment()
BEHAVIOURS["proc.cgroup"] = ControlGroups()
BEHAVIOURS["proc.oom_score_adj"] = OomScoreAdjustment()
BEHAVIOURS["proc.oom_score"] = Unchanging("0\n")
BEHAVIOURS["proc.loginuid"] = Unchanging("4294967295")
BEHAVIOURS["proc.attribute"] = SecurityAttribute()
OF_ANY_MODULE = table(
    Entry("current", WRITABLE, "proc.attribute"),
    Entry("prev", FileType.REG | 0o444, "proc.attribute"),
    Entry("exec", WRITABLE, "proc.attribute"),
    Entry("fscreate", WRITABLE, "proc.attribute"),
    Entry("keycreate", WRITABLE, "proc.attribute"),
    Entry("sockcreate", WRITABLE, "proc.attribute"),
)
OF_APPARMOR = table(
    Entry("current", WRITABLE, "proc.attribute"),
    Entry("prev", FileType.REG | 0o444, "proc.attribute"),
    Entry("exec", WRITABLE, "proc.attribute"),
)
"""What is in attr, and in attr/apparmor (attr_dir_stuff, apparmor_attr_dir_stuff)."""

BEHAVIOURS["proc.attr.apparmor"] = ProcessDirectory(OF_APPARMOR)
BEHAVIOURS["proc.attr"] = Attributes(
    {**OF_ANY_MODULE, **table(Entry(security.APPARMOR, DIRECTORY, "proc.attr.apparmor"))}
)
