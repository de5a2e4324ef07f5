"""The program of `kernelapi.testing.witness`, as the simulated kernel runs it."""

from kernelapi.flags import OpenFlag
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel


def witness(kernel: Kernel, argv: tuple[str, ...], envp: tuple[str, ...]) -> int:
    """Write /proc/self/status, then securebits, dumpable and parent death signal as a byte each."""
    status = kernel.read(kernel.open("/proc/self/status", OpenFlag.RDONLY), 4096)
    kernel.write(Fd(1), status)
    securebits, dumpable = kernel.prctl_get_securebits(), kernel.prctl_get_dumpable()
    kernel.write(Fd(1), bytes((securebits & 0xFF, dumpable, kernel.prctl_get_pdeathsig())))
    return 0
