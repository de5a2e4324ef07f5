"""Signals as far as they decide who lives: sending, ignoring, blocking (signal(7), kernel/signal.c)."""

from typing import Protocol

from kernelapi.call import syscall
from kernelapi.flags import Disposition


class Signals(Protocol):
    """Sending signals, and what the caller does with those it gets."""

    @syscall()
    def kill(self, pid: int, signal: int) -> None:
        """Send `signal` to process `pid`, to the caller's group (0), to all (-1) or to group -pid. Signal 0 only checks."""

    @syscall()
    def rt_sigaction(self, signal: int, disposition: Disposition | None) -> Disposition:
        """Set what the process does with `signal` (None: leave it) and return what it did before. Handlers are not modelled."""

    @syscall()
    def rt_sigprocmask(self, how: int, signals: frozenset[int] | None) -> frozenset[int]:
        """Change the blocked signals (None: leave them) and return those blocked before."""

    @syscall()
    def rt_sigpending(self) -> frozenset[int]:
        """The signals that are blocked and pending."""
