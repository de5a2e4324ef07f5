"""Who may signal whom, what a signal does on arrival, stopping and continuing (signal(7), kernel/signal.c).

Programs have no handlers: a signal is blocked, ignored, or takes its default action at once. Where that ends the process,
`post` says so by the status word and leaves the ending to its caller (`fakekernel.lifecycle`): whoever signals many does so
to all of them before the first one dies.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fakekernel import lifecycle
from fakekernel.credentials import Credentials, has_capability
from fakekernel.task import RESTARTED, State, StructPid, Task
from kernelapi.capability import Cap
from kernelapi.flags import Disposition, Rlimit, Signal
from kernelapi.protocol.cgroups import FROZEN_KEEPS_SIGNALS, PAUSED_KEEPS_SIGNALS
from kernelapi.protocol.signals import KILL_INIT_IMMUNE, SIGCONT_FLUSHES_STOPS

if TYPE_CHECKING:
    from fakekernel.machine import Machine
    from fakekernel.syscalls.base import SyscallBase

STOPS = frozenset({Signal.STOP, Signal.TSTP, Signal.TTIN, Signal.TTOU})
"""Stop the process by default."""

IGNORED = frozenset({Signal.CONT, Signal.CHLD, Signal.WINCH, Signal.URG})
"""Do nothing by default, except that SIGCONT has continued the process on its arrival."""

_LIMITS = frozenset({Signal.XCPU, Signal.XFSZ})

SYNCHRONOUS = frozenset({Signal.SEGV, Signal.BUS, Signal.ILL, Signal.TRAP, Signal.FPE, Signal.SYS})
"""The faults: they are taken before others that are pending."""

CORE = SYNCHRONOUS | _LIMITS | {Signal.QUIT, Signal.ABRT}
"""End the process and dump core by default. All others end it."""

UNSTOPPABLE = frozenset({Signal.KILL, Signal.STOP})
"""Cannot be blocked, ignored or handled."""

CORE_DUMPED = 0x80
"""In a status word: a core was dumped."""


# -- who may --


def may_signal(sender: Task, target: Task, signal: int) -> bool:
    """Whether `sender` may send `signal` to `target` (check_kill_permission)."""
    return (
        sender is target
        or _may_by_credentials(sender.cred, target.cred)
        or (signal == Signal.CONT and sender.job.session is target.job.session)
    )


def _may_by_credentials(cred: Credentials, target: Credentials) -> bool:
    return (
        cred.euid in (target.suid, target.uid)
        or cred.uid in (target.suid, target.uid)
        or has_capability(cred, Cap.KILL, target.userns)
    )


def is_unkillable(task: Task) -> bool:
    """Whether it is the init of a pid namespace (SIGNAL_UNKILLABLE)."""
    return task.pid_namespace.reaper is task


def sees(task: Task, other: Task) -> bool:
    """Whether `other` has a number in the pid namespace of `task`."""
    return other.pid.number_in(task.pid_namespace) != 0


# -- sending --


def send(machine: "Machine", sender: Task, target: Task, signal: int) -> int:
    """`sender` sends `signal`, permitted already. Returns the status word with which `target` has to end; 0 if it lives on."""
    return post(machine, target, signal, force=not sees(target, sender))


def send_self(kernel: "SyscallBase", signal: int) -> None:
    """The kernel sends `signal` to the caller for what it has just done: SIGPIPE, SIGXFSZ. That may have ended it."""
    send_kernel(kernel.machine, kernel.task, signal)


def send_kernel(machine: "Machine", target: Task, signal: int) -> None:
    """The kernel sends `signal` to a process for reasons of its own."""
    status = post(machine, target, signal)
    if status:
        lifecycle.end(machine, target, status)


def send_group(machine: "Machine", group: StructPid, signals: Iterable[int]) -> None:
    """The kernel sends `signals` to each member of a process group: SIGHUP and SIGCONT of a terminal that hangs up."""
    lifecycle.end_all(machine, post_group(machine, group, signals))


def post_group(machine: "Machine", group: StructPid, signals: Iterable[int]) -> list[tuple[Task, int]]:
    """As `send_group`, by SEND_SIG_PRIV; returns those who have to end, with their status words."""
    members = sorted(group.group_members.items(), key=_number)
    posted = [(task, post(machine, task, signal, force=True)) for signal in signals for _, task in members]
    return [(task, status) for task, status in posted if status]


def _number(entry: tuple[int, Task]) -> int:
    return entry[0]


# -- arrival --


def post(machine: "Machine", target: Task, signal: int, *, force: bool = False) -> int:
    """Let `signal` arrive (__send_signal_locked). Returns the status word with which `target` has to end; 0 if it lives on.

    `force`: SIGKILL and SIGSTOP count for the init of a pid namespace too, because they come from outside it.
    """
    if not target.lives or Signal.KILL in target.pending:  # who is dying gets no more signals
        return 0
    flushes = SIGCONT_FLUSHES_STOPS not in machine.suspended
    if signal in STOPS:
        if flushes and Signal.CONT in target.pending:
            target.pending -= {Signal.CONT}
    elif signal == Signal.CONT:
        if flushes and not target.pending.isdisjoint(STOPS):
            target.pending -= STOPS
        if target.state is State.STOPPED and (status := _resume(machine, target)):
            return status
    if signal in target.blocked:  # what is blocked is not ignored: it may be unblocked under another disposition
        if signal not in target.pending:
            target.pending |= {signal}
        return 0
    if is_ignored(machine, target, signal, force=force):
        return 0
    frozen = target.frozen and FROZEN_KEEPS_SIGNALS not in machine.suspended
    paused = target.paused and not _ends_at_once(signal) and PAUSED_KEEPS_SIGNALS not in machine.suspended
    if frozen or paused or (target.state is State.STOPPED and signal != Signal.KILL):
        target.pending |= {signal}
        return 0
    return _act(machine, target, signal)


def _ends_at_once(signal: int) -> bool:
    """Whether it ends the process before that does anything more: what dumps a core, or stops, has to be done by the process
    itself (complete_signal)."""
    return signal not in STOPS and signal not in CORE


def is_ignored(machine: "Machine", task: Task, signal: int, *, force: bool = False) -> bool:
    """Whether `signal` would do nothing to `task`, were it not blocked (sig_task_ignored)."""
    disposition = task.actions.dispositions.get(signal) or Disposition.DEFAULT
    if is_unkillable(task):
        if task.parent is None and signal in UNSTOPPABLE:
            return True
        is_immune = KILL_INIT_IMMUNE not in machine.suspended
        if is_immune and disposition is Disposition.DEFAULT and not (force and signal in UNSTOPPABLE):
            return True
    return disposition is Disposition.IGNORE or signal in IGNORED


def take_pending(machine: "Machine", task: Task) -> int:
    """Let the signals arrive that are pending and no longer blocked (get_signal). Returns a status word as `post` does."""
    while task.runs and (ready := task.pending - task.blocked):
        signal = min(ready & SYNCHRONOUS or ready)
        task.pending -= {signal}
        if is_ignored(machine, task, signal, force=signal in UNSTOPPABLE):
            continue
        if status := _act(machine, task, signal):
            return status
    return 0


def thaw(machine: "Machine", task: Task) -> int:
    """What came while the process was frozen arrives. Returns a status word as `post` does."""
    return int(Signal.KILL) if Signal.KILL in task.pending else take_pending(machine, task)


def discard(task: Task, signal: int) -> None:
    """Forget that `signal` is pending."""
    if signal in task.pending:
        task.pending -= {signal}


def _act(machine: "Machine", task: Task, signal: int) -> int:
    """The default action of a signal that is neither blocked nor ignored."""
    if signal in STOPS:
        if signal == Signal.STOP or not lifecycle.is_orphaned(task.job.group):
            _stop(machine, task, signal)
        return 0
    return signal | CORE_DUMPED if signal in CORE and _dumps_core(task) else signal


def _dumps_core(task: Task) -> bool:
    """Whether a core is dumped. (The file itself, wherever core_pattern has it written, is not made.)"""
    limit = task.job.limits.get(Rlimit.CORE)
    return (limit is None or limit.soft > 0) and task.mm.dumpable == 1


def _stop(machine: "Machine", task: Task, signal: int) -> None:
    task.state = State.STOPPED
    task.stop_signal = signal
    task.was_continued = False
    _tell_parent(machine, task)


def _resume(machine: "Machine", task: Task) -> int:
    """SIGCONT for a stopped process: it runs again, and what came meanwhile arrives."""
    task.state = State.ALIVE
    task.stop_signal = 0
    task.was_continued = True
    if task.progress == RESTARTED:
        task.progress = None
    _tell_parent(machine, task)
    return take_pending(machine, task)


def _tell_parent(machine: "Machine", task: Task) -> None:
    """SIGCHLD for a child that was stopped or continued (do_notify_parent_cldstop): it never ends anybody."""
    assert task.parent is not None  # the first process of the host does not stop
    post(machine, task.parent, Signal.CHLD)
