"""Signals on the real kernel."""

import ctypes

from kernelapi.errors import ModelError
from kernelapi.flags import LAST_SIGNAL, Disposition
from kernelapi.linux.base import syscall

_SET_SIZE = 8  # bytes of the kernel's sigset_t


class _KernelSigaction(ctypes.Structure):
    """struct kernel_sigaction, which is not that of the C library."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("flags", ctypes.c_ulong),
        ("restorer", ctypes.c_void_p),
        ("mask", ctypes.c_uint64),
    )


class LinuxSignals:
    """See `kernelapi.protocol.signals`."""

    __slots__ = ()

    def kill(self, pid: int, signal: int) -> None:
        syscall("kill", pid, signal)

    def rt_sigaction(self, signal: int, disposition: Disposition | None) -> Disposition:
        new = None if disposition is None else ctypes.byref(_KernelSigaction(handler=int(disposition)))
        old = _KernelSigaction()
        syscall("rt_sigaction", signal, new, ctypes.byref(old), _SET_SIZE)
        handler = old.handler or 0
        if handler > Disposition.IGNORE:
            raise ModelError(f"signal {signal} had a handler, which only a C program can have")
        return Disposition(handler)

    def rt_sigprocmask(self, how: int, signals: frozenset[int] | None) -> frozenset[int]:
        new = None if signals is None else ctypes.byref(ctypes.c_uint64(_mask(signals)))
        old = ctypes.c_uint64()
        syscall("rt_sigprocmask", how, new, ctypes.byref(old), _SET_SIZE)
        return _signals(old.value)

    def rt_sigpending(self) -> frozenset[int]:
        pending = ctypes.c_uint64()
        syscall("rt_sigpending", ctypes.byref(pending), _SET_SIZE)
        return _signals(pending.value)


def _mask(signals: frozenset[int]) -> int:
    """The kernel's sigset_t. Raises `ModelError` for a number that it has no bit for."""
    if not all(1 <= signal <= LAST_SIGNAL for signal in signals):
        raise ModelError(f"a set of signals holds numbers from 1 to {LAST_SIGNAL}")
    return sum(1 << signal - 1 for signal in signals)


def _signals(mask: int) -> frozenset[int]:
    return frozenset(signal for signal in range(1, LAST_SIGNAL + 1) if mask >> signal - 1 & 1)
