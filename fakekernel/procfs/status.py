"""What /proc/PID says of a process in text: status, stat, limits, names, arguments (proc(5); fs/proc/array.c, base.c).

Of the fields of `status`, those that the model knows are there, in the order of Linux.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from fakekernel.behaviour import BEHAVIOURS
from fakekernel.description import Description
from fakekernel.namespaces import PidNamespace
from fakekernel.procfs.process import ProcessFile, task_of
from fakekernel.profile import LIMIT_NAMES
from fakekernel.task import State, StructPid, Task
from kernelapi.flags import RLIM_INFINITY, Disposition, Rlimit
from kernelapi.protocol.proc import PROC_OTHERS_NAME
from kernelapi.values import Limit

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls

TICK = 10_000_000
"""Nanoseconds of a clock tick (sysconf(_SC_CLK_TCK) is 100)."""

COMM_LENGTH = 15


def seen_from(description: Description) -> PidNamespace:
    """The pid namespace whose numbers this proc shows."""
    return cast(PidNamespace, description.inode.sb.subject)


def state_of(kernel: "Syscalls", task: Task) -> str:
    """The letter of the state that the process is in."""
    if task.state is State.ZOMBIE:
        return "Z"
    if task.frozen:
        return "D"
    if task.state is State.STOPPED:
        return "T"
    if task.paused:
        return "S"
    process = kernel.machine.scheduler.processes.get(task)
    return "S" if task is not kernel.task and (process is None or process.waiting is not None) else "R"


STATES = {"R": "R (running)", "S": "S (sleeping)", "D": "D (disk sleep)", "T": "T (stopped)", "Z": "Z (zombie)"}


def parent_number(task: Task, ns: PidNamespace) -> int:
    return 0 if task.parent is None else task.parent.pid.number_in(ns)


def signal_mask(signals: Iterable[int]) -> int:
    return sum(1 << signal - 1 for signal in signals)


def ignored(task: Task) -> list[int]:
    """The signals that the process ignores."""
    return [signal for signal, what in task.actions.dispositions.items() if what is Disposition.IGNORE]


class Status(ProcessFile):
    """/proc/PID/status (proc_pid_status)."""

    def text(self, kernel: "Syscalls", description: Description, task: Task) -> str:
        ns = seen_from(description)
        pid = task.pid
        number = pid.number_in(ns)
        cred, viewer = task.cred, description.cred.userns
        spaces = [space for space, _ in pid.numbers if space.level >= ns.level]
        lines = ["Name:\t" + task.comm.replace("\\", "\\\\").replace("\n", "\\n")]
        if task.lives:
            lines.append(f"Umask:\t{task.fs.umask:04o}")
        lines += [
            "State:\t" + STATES[state_of(kernel, task)],
            f"Tgid:\t{number}",
            "Ngid:\t0",
            f"Pid:\t{number}",
            f"PPid:\t{parent_number(task, ns)}",
            "TracerPid:\t0",
            "Uid:\t" + "\t".join(str(viewer.uid(uid)) for uid in (cred.uid, cred.euid, cred.suid, cred.fsuid)),
            "Gid:\t" + "\t".join(str(viewer.gid(gid)) for gid in (cred.gid, cred.egid, cred.sgid, cred.fsgid)),
            f"FDSize:\t{_table_size(task)}",
            "Groups:\t" + " ".join(str(viewer.gid(gid)) for gid in cred.groups) + " ",
            "NStgid:" + _numbers(pid, spaces),
            "NSpid:" + _numbers(pid, spaces),
            "NSpgid:" + _numbers(task.job.group, spaces),
            "NSsid:" + _numbers(task.job.session, spaces),
            "Kthread:\t0",
            "Threads:\t1",
            f"SigQ:\t0/{_limit(task, Rlimit.SIGPENDING).soft}",
            "SigPnd:\t0000000000000000",
            f"ShdPnd:\t{signal_mask(task.pending):016x}",
            f"SigBlk:\t{signal_mask(task.blocked):016x}",
            f"SigIgn:\t{signal_mask(ignored(task)):016x}",
            "SigCgt:\t0000000000000000",
            f"CapInh:\t{cred.inheritable.mask:016x}",
            f"CapPrm:\t{cred.permitted.mask:016x}",
            f"CapEff:\t{cred.effective.mask:016x}",
            f"CapBnd:\t{cred.bounding.mask:016x}",
            f"CapAmb:\t{cred.ambient.mask:016x}",
            f"NoNewPrivs:\t{int(task.no_new_privs)}",
            f"Seccomp:\t{2 if task.filters else 0}",
            f"Seccomp_filters:\t{task.filters}",
        ]
        return "\n".join(lines) + "\n"


def _numbers(pid: StructPid, spaces: list[PidNamespace]) -> str:
    return "".join(f"\t{pid.number_in(space)}" for space in spaces)


def _table_size(task: Task) -> int:
    """How many descriptors the table has room for: a multiple of 64 (fs/file.c alloc_fdtable); 0 for a zombie."""
    if not task.lives:
        return 0
    highest = max(task.files.entries, default=0)
    return 64 if highest < 64 else 1 << max(8, highest.bit_length())


def _limit(task: Task, resource: int) -> Limit:
    return task.job.limits.get(resource) or Limit()


PF_EXITING = 4


class Stat(ProcessFile):
    """/proc/PID/stat: one line of 52 fields (do_task_stat). Addresses and counters, of which the model has none, are 0."""

    def text(self, kernel: "Syscalls", description: Description, task: Task) -> str:
        ns = seen_from(description)
        fields: list[object] = [0] * 52
        fields[0] = task.pid.number_in(ns)
        fields[1] = f"({task.comm})"
        fields[2] = state_of(kernel, task)
        fields[3] = parent_number(task, ns)
        fields[4] = task.job.group.number_in(ns)
        fields[5] = task.job.session.number_in(ns)
        fields[7] = -1  # the foreground group of the terminal: none
        fields[8] = 0 if task.lives else PF_EXITING  # of the flags of a task, this one
        fields[17], fields[19] = 20, 1  # priority, number of threads
        fields[21] = task.born // TICK
        fields[24] = _limit(task, Rlimit.RSS).soft
        fields[30] = signal_mask(task.pending) & 0x7FFFFFFF
        fields[31] = signal_mask(task.blocked) & 0x7FFFFFFF
        fields[32] = signal_mask(ignored(task)) & 0x7FFFFFFF
        fields[37] = task.exit_signal
        fields[51] = task.status
        return " ".join(map(str, fields)) + "\n"


class Comm(ProcessFile):
    """/proc/PID/comm: the name, which the process itself may write."""

    def text(self, kernel: "Syscalls", description: Description, task: Task) -> str:
        return task.comm + "\n"

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        task = task_of(kernel, description.inode)
        if task is not kernel.task:
            kernel.refuse(PROC_OTHERS_NAME)
        # -- effects only below --
        name, _, _ = data[:COMM_LENGTH].partition(b"\0")
        task.comm = name.decode(errors="surrogateescape")
        return len(data)


class CommandLine(ProcessFile):
    """/proc/PID/cmdline: the arguments, each with its NUL; nothing for a zombie."""

    def text(self, kernel: "Syscalls", description: Description, task: Task) -> str:
        return "".join(argument + "\0" for argument in task.mm.argv) if task.lives else ""


UNITS = {
    Rlimit.CPU: "seconds", Rlimit.NPROC: "processes", Rlimit.NOFILE: "files", Rlimit.LOCKS: "locks",
    Rlimit.SIGPENDING: "signals", Rlimit.NICE: "", Rlimit.RTPRIO: "", Rlimit.RTTIME: "us",
}  # fmt: skip
"""What the limits count where it is not bytes."""


class Limits(ProcessFile):
    """/proc/PID/limits (proc_pid_limits)."""

    def text(self, kernel: "Syscalls", description: Description, task: Task) -> str:
        lines = [f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} {'Units':<10}"]
        for resource, title in LIMIT_NAMES:
            limit, unit = _limit(task, resource), UNITS.get(resource, "bytes")
            line = f"{title:<25} {_amount(limit.soft):<20} {_amount(limit.hard):<20} "
            lines.append(line + f"{unit:<10}" if unit else line)
        return "\n".join(lines) + "\n"


def _amount(value: int) -> str:
    return "unlimited" if value == RLIM_INFINITY else str(value)


BEHAVIOURS["proc.status"] = Status()
BEHAVIOURS["proc.stat"] = Stat()
BEHAVIOURS["proc.comm"] = Comm()
BEHAVIOURS["proc.cmdline"] = CommandLine()
BEHAVIOURS["proc.limits"] = Limits()
