"""What else /proc/PID has: environment, control groups, the score for the OOM killer, security attributes (fs/proc/base.c)."""

from typing import TYPE_CHECKING, cast

from fakekernel import cgroup
from fakekernel.behaviour import BEHAVIOURS
from fakekernel.credentials import has_capability
from fakekernel.description import Description
from fakekernel.procfs.entry import Entry, FixedFile, MadeFile, table
from fakekernel.procfs.process import OfProcess, ProcessDirectory, ProcessFile, check_access, task_of
from fakekernel.store import Record
from fakekernel.task import AddressSpace, Task
from kernelapi.capability import Cap
from kernelapi.errors import NotModelled
from kernelapi.flags import FileType
from kernelapi.protocol.proc import (
    PROC_NO_LSM,
    PROC_OOM_LOWERED,
    PROC_OOM_SYNTAX,
    PROC_OTHERS_LABEL,
    PROC_ZOMBIE_MEMORY,
)

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls

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
    """/proc/PID/attr/*: what a security module keeps of the process; without one there is nothing."""

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        task_of(kernel, description.inode)
        self._check_none(kernel)
        return b""

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        if description.cred != kernel.task.cred or task_of(kernel, description.inode) is not kernel.task:
            kernel.refuse(PROC_OTHERS_LABEL)
        self._check_none(kernel)
        return len(data)

    def _check_none(self, kernel: "Syscalls") -> None:
        if kernel.machine.host.security_modules:
            raise NotModelled(f"the labels of {', '.join(kernel.machine.host.security_modules)}")
        kernel.refuse(PROC_NO_LSM)


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
BEHAVIOURS["proc.attr"] = ProcessDirectory(
    table(
        Entry("current", WRITABLE, "proc.attribute"),
        Entry("prev", FileType.REG | 0o444, "proc.attribute"),
        Entry("exec", WRITABLE, "proc.attribute"),
        Entry("fscreate", WRITABLE, "proc.attribute"),
        Entry("keycreate", WRITABLE, "proc.attribute"),
        Entry("sockcreate", WRITABLE, "proc.attribute"),
    )
)
