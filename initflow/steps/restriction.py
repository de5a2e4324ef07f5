"""Keeping the container from the kernel's files in /proc."""

from errno import EBUSY, EINVAL, ENOENT

from initflow.flow import FlowError, step
from initflow.golang import errno_text
from initflow.steps.context import Init
from initflow.steps.mounts import has_mount_namespace
from kernelapi.flags import Clock, MountFlag

READ_ONLY = ("proc/sys", "proc/sysrq-trigger", "proc/irq", "proc/bus")
RETRIES = 5
RETRY_AFTER = 100_000_000
"""Nanoseconds."""


@step
def restrict_kernel_files(init: Init) -> None:
    """Make the kernel's knobs in /proc read-only and hide its memory behind /dev/null.

    After the switch of the root: the paths are relative to it. Before the capabilities go: it needs CAP_SYS_ADMIN, and whoever
    still has that can undo it.
    """
    if not init.configuration.restrict_sys:
        return
    if not has_mount_namespace(init):
        raise FlowError("unable to restrict access to kernel files without mount namespace")
    for path in READ_ONLY:
        _make_readonly(init, path)
    try:
        init.kernel.mount("/dev/null", "/proc/kcore", "", MountFlag.BIND, "")
    except OSError as error:
        if error.errno != ENOENT:
            reason = errno_text(error.errno or 0)
            raise FlowError(f"unable to bind-mount /dev/null over /proc/kcore: {reason}") from error


def _make_readonly(init: Init, path: str) -> None:
    kernel = init.kernel
    try:
        for _ in range(RETRIES):
            try:
                kernel.mount("", path, "", MountFlag.REMOUNT | MountFlag.RDONLY, "")
            except OSError as error:
                if error.errno == EINVAL:  # not a mount point yet
                    kernel.mount(path, path, "", MountFlag.BIND, "")
                    flags = MountFlag.BIND | MountFlag.REMOUNT | MountFlag.RDONLY | MountFlag.REC
                    flags |= MountFlag.NOEXEC | MountFlag.NOSUID | MountFlag.NODEV
                    kernel.mount(path, path, "", flags, "")
                    return
                if error.errno == ENOENT:
                    return
                if error.errno != EBUSY:
                    raise
                kernel.clock_nanosleep(Clock.MONOTONIC, 0, RETRY_AFTER)
                continue
            return
    except OSError as error:
        raise FlowError(f"unable to remount {path} readonly: {errno_text(error.errno or 0)}") from error
    raise FlowError(f"unable to remount {path} readonly: unable to mount {path} as readonly max retries reached")
