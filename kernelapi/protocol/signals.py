"""Signals as far as they decide who lives: sending, ignoring, blocking (signal(7), kernel/signal.c)."""

from errno import EINVAL, EPERM, ESRCH
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.flags import Disposition
from kernelapi.protocol.cgroups import FROZEN_KEEPS_SIGNALS, PAUSED_KEEPS_SIGNALS
from kernelapi.rules import ARGUMENTS, STATE, Effect, Refusal

KILL_NOBODY = Refusal(
    "kill.esrch", call="kill", errno=ESRCH, depends=STATE,
    cause="the caller's pid namespace knows no such process, or no such process group; or, with -1, nobody but init and caller",
    source="kill(2); kernel/signal.c kill_something_info",
)  # fmt: skip
KILL_INVALID_SIGNAL = Refusal(
    "kill.einval.signal", call="kill", errno=EINVAL, depends=ARGUMENTS,
    cause="there is no such signal; looked at after the process has been found",
    source="kill(2); kernel/signal.c check_kill_permission",
)  # fmt: skip
KILL_UNPRIVILEGED = Refusal(
    "kill.eperm", call="kill", errno=EPERM, depends=STATE,
    cause="neither the real nor the effective user id is the real or saved one of the target, CAP_KILL is missing over its "
    "user namespace, and it is not SIGCONT within one session",
    source="kill(2); kernel/signal.c check_kill_permission",
)  # fmt: skip
KILL_INIT_IMMUNE = Effect(
    "kill.init", call="kill",
    cause="a signal whose action is the default is not delivered to the init of a pid namespace, SIGKILL included; from an "
    "ancestor namespace SIGKILL and SIGSTOP are",
    source="pid_namespaces(7); kernel/signal.c sig_task_ignored",
)  # fmt: skip
SIGCONT_FLUSHES_STOPS = Effect(
    "kill.cont-stop", call="kill",
    cause="SIGCONT removes pending stop signals, blocked or not, and a stop signal removes a pending SIGCONT",
    source="signal(7); kernel/signal.c prepare_signal",
)  # fmt: skip

SIGACTION_INVALID = Refusal(
    "rt_sigaction.einval", call="rt_sigaction", errno=EINVAL, depends=ARGUMENTS,
    cause="there is no such signal, or a disposition is given for SIGKILL or SIGSTOP",
    source="sigaction(2); kernel/signal.c do_sigaction",
)  # fmt: skip
SIGACTION_DISCARDS = Effect(
    "rt_sigaction.discard", call="rt_sigaction",
    cause="a pending signal that becomes ignored, or whose default is to be ignored, is discarded",
    source="sigaction(2); kernel/signal.c do_sigaction",
)  # fmt: skip

SIGPROCMASK_INVALID = Refusal(
    "rt_sigprocmask.einval", call="rt_sigprocmask", errno=EINVAL, depends=ARGUMENTS,
    cause="signals are given, and it is not said whether to block them, to unblock them or to block no others",
    source="sigprocmask(2); kernel/signal.c sigprocmask",
)  # fmt: skip
SIGPROCMASK_UNBLOCKABLE = Effect(
    "rt_sigprocmask.unblockable", call="rt_sigprocmask",
    cause="SIGKILL and SIGSTOP are left out of the set in silence",
    source="sigprocmask(2); kernel/signal.c sys_rt_sigprocmask",
)  # fmt: skip


class Signals(Protocol):
    """Sending signals, and what the caller does with those it gets."""

    @syscall(
        KILL_NOBODY,
        KILL_INVALID_SIGNAL,
        KILL_UNPRIVILEGED,
        KILL_INIT_IMMUNE,
        SIGCONT_FLUSHES_STOPS,
        FROZEN_KEEPS_SIGNALS,
        PAUSED_KEEPS_SIGNALS,
    )
    def kill(self, pid: int, signal: int) -> None:
        """Send `signal` to process `pid`, to the caller's group (0), to all (-1) or to group -pid. Signal 0 only checks."""

    @syscall(SIGACTION_INVALID, SIGACTION_DISCARDS)
    def rt_sigaction(self, signal: int, disposition: Disposition | None) -> Disposition:
        """Set what the process does with `signal` (None: leave it) and return what it did before. Handlers are not modelled."""

    @syscall(SIGPROCMASK_INVALID, SIGPROCMASK_UNBLOCKABLE)
    def rt_sigprocmask(self, how: int, signals: frozenset[int] | None) -> frozenset[int]:
        """Change the blocked signals (None: leave them) and return those blocked before."""

    @syscall()
    def rt_sigpending(self) -> frozenset[int]:
        """The signals that are blocked and pending."""
