"""The signal that init gets when its parent dies."""

from initflow.flow import failing, step
from initflow.steps.context import Init
from kernelapi.flags import Signal


@step(writes="parent_death_signal")
def save_parent_death_signal(init: Init) -> None:
    """Remember the signal. Before the ids change: that clears it."""
    init.parent_death_signal = init.kernel.prctl_get_pdeathsig()


@step(reads="parent_death_signal")
def restore_parent_death_signal(init: Init) -> None:
    """Set the signal again if the change of ids cleared it, and die if the parent died meanwhile.

    A parent that is outside the pid namespace is 0 before and after its death: the check sees nothing there.
    """
    kernel, saved = init.kernel, init.parent_death_signal
    if saved == 0:
        return
    with failing("get parent death signal"):
        current = kernel.prctl_get_pdeathsig()
    if current == saved:
        return
    with failing("set parent death signal"):
        kernel.prctl_set_pdeathsig(saved)
    if kernel.getppid() == 1:
        kernel.kill(kernel.getpid(), Signal.KILL)
