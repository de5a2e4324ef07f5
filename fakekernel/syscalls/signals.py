"""Sending signals, ignoring and blocking them (kernel/signal.c)."""

from fakekernel import lifecycle, signalling
from fakekernel.syscalls.base import SyscallBase
from fakekernel.task import Task
from kernelapi.errors import ModelError
from kernelapi.flags import LAST_SIGNAL, Disposition, SigprocmaskHow
from kernelapi.protocol.signals import (
    KILL_INVALID_SIGNAL,
    KILL_NOBODY,
    KILL_UNPRIVILEGED,
    SIGACTION_DISCARDS,
    SIGACTION_INVALID,
    SIGPROCMASK_INVALID,
    SIGPROCMASK_UNBLOCKABLE,
)

EVERYBODY = -1
INT_MIN = -(2**31)


class SignalCalls(SyscallBase):
    """Sending signals, ignoring and blocking them."""

    __slots__ = ()

    def kill(self, pid: int, signal: int) -> None:
        targets = self._targets(pid)
        if not targets:
            self.refuse(KILL_NOBODY)
            return  # suspended: there is nobody to signal
        if not 0 <= signal <= LAST_SIGNAL:
            self.refuse(KILL_INVALID_SIGNAL)
            return  # suspended: there is no such signal
        permitted = [target for target in targets if signalling.may_signal(self.task, target, signal)]
        # kill(2) has EPERM where -1 reaches nobody; 6.18 answers 0 whenever there was somebody at all.
        if not permitted and pid != EVERYBODY:
            self.refuse(KILL_UNPRIVILEGED)
            permitted = targets  # suspended: all of them
        # -- effects only below --
        if signal == 0:
            return
        machine, task = self.machine, self.task
        posted = [(target, signalling.send(machine, task, target, signal)) for target in permitted]
        lifecycle.end_all(machine, [(target, status) for target, status in posted if status])

    def _targets(self, pid: int) -> list[Task]:
        """The processes that `pid` names, zombies too, in the order of their numbers."""
        task = self.task
        pids = task.pid_namespace.pids
        if pid > 0:
            found = pids.get(pid)
            return [found.task] if found is not None and found.task is not None else []
        if pid == EVERYBODY:
            all_of_them = (pids[number].task for number in sorted(pids) if number > 1)
            return [target for target in all_of_them if target is not None and target is not task]
        if pid == INT_MIN:
            return []
        group = task.job.group if pid == 0 else pids.get(-pid)
        members = group.group_members if group is not None else None
        return [members[number] for number in sorted(members)] if members is not None else []

    def rt_sigaction(self, signal: int, disposition: Disposition | None) -> Disposition:
        task = self.task
        if not 1 <= signal <= LAST_SIGNAL or (disposition is not None and signal in signalling.UNSTOPPABLE):
            self.refuse(SIGACTION_INVALID)
            return Disposition.DEFAULT  # suspended: no such signal, or one that nothing can be done about
        dispositions = task.actions.dispositions
        old = dispositions.get(signal) or Disposition.DEFAULT
        # -- effects only below --
        if disposition is not None:
            new = Disposition(disposition)
            if new is Disposition.IGNORE and old is not new:
                dispositions[signal] = new
            elif new is Disposition.DEFAULT and signal in dispositions:
                del dispositions[signal]  # what is not listed is the default
            if (new is Disposition.IGNORE or signal in signalling.IGNORED) and self.happens(SIGACTION_DISCARDS):
                signalling.discard(task, signal)
        return old

    def rt_sigprocmask(self, how: int, signals: frozenset[int] | None) -> frozenset[int]:
        task = self.task
        old = task.blocked
        if signals is None:
            return old
        if not all(1 <= signal <= LAST_SIGNAL for signal in signals):
            raise ModelError(f"a set of signals holds numbers from 1 to {LAST_SIGNAL}")
        signals = frozenset(int(signal) for signal in signals)
        if self.happens(SIGPROCMASK_UNBLOCKABLE):
            signals -= signalling.UNSTOPPABLE
        if how not in (SigprocmaskHow.BLOCK, SigprocmaskHow.UNBLOCK, SigprocmaskHow.SETMASK):
            self.refuse(SIGPROCMASK_INVALID)
            return old  # suspended: nothing was asked for
        # -- effects only below --
        if how == SigprocmaskHow.BLOCK:
            new = old | signals
        elif how == SigprocmaskHow.UNBLOCK:
            new = old - signals
        else:
            new = signals
        if new != old:
            task.blocked = new
            if status := signalling.take_pending(self.machine, task):
                lifecycle.end(self.machine, task, status)
        return old

    def rt_sigpending(self) -> frozenset[int]:
        return self.task.pending & self.task.blocked
