"""The programs of `kernelapi.testing.witness`, as the simulated kernel runs them."""

from kernelapi.flags import Clock, OpenFlag
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel


def witness(kernel: Kernel, argv: tuple[str, ...], envp: tuple[str, ...]) -> int:
    """Write /proc/self/status, where there is one, then securebits, dumpable and parent death signal as a byte each."""
    try:
        kernel.write(Fd(1), kernel.read(kernel.open("/proc/self/status", OpenFlag.RDONLY), 4096))
    except OSError:
        pass
    securebits, dumpable = kernel.prctl_get_securebits(), kernel.prctl_get_dumpable()
    kernel.write(Fd(1), bytes((securebits & 0xFF, dumpable, kernel.prctl_get_pdeathsig())))
    return 0


def pause(kernel: Kernel, argv: tuple[str, ...], envp: tuple[str, ...]) -> int:
    """Wait for ever, or close to it."""
    kernel.clock_nanosleep(Clock.MONOTONIC, 0, 2**62)
    return 0
