"""Where the kernel asks the security module of the host, if there is one (security/security.c)."""

from typing import TYPE_CHECKING

from fakekernel import apparmor, selinux
from fakekernel.exec_credentials import mount_may_suid
from fakekernel.filesystem import Superblock
from fakekernel.mount import Path
from fakekernel.profile import HostProfile
from fakekernel.task import SecurityContext, Task
from kernelapi.protocol.exec_credentials import EXEC_LABEL
from kernelapi.protocol.proc import PROC_NO_LSM

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase

APPARMOR, SELINUX = "apparmor", "selinux"


def initial(host: HostProfile) -> SecurityContext:
    """What is kept of the host's own processes."""
    if host.security_module == APPARMOR:
        return SecurityContext(host.label or apparmor.default_label())
    if host.security_module == SELINUX:
        return SecurityContext(host.label or selinux.default_label())
    return SecurityContext()


def get_attribute(kernel: "SyscallBase", task: Task, name: str) -> bytes:
    """What the file `name` below /proc/PID/attr says of `task` (security_getprocattr)."""
    module = kernel.machine.host.security_module
    if module == APPARMOR:
        return apparmor.get_attribute(kernel, task, name)
    if module == SELINUX:
        return selinux.get_attribute(kernel, task, name)
    kernel.refuse(PROC_NO_LSM)
    return b""


def set_attribute(kernel: "SyscallBase", name: str, data: bytes) -> None:
    """What the caller writes to that file (security_setprocattr)."""
    module = kernel.machine.host.security_module
    if module == APPARMOR:
        apparmor.set_attribute(kernel, name, data)
    elif module == SELINUX:
        selinux.set_attribute(kernel, name, data)
    else:
        kernel.refuse(PROC_NO_LSM)


def before_exec(kernel: "SyscallBase", file: Path) -> SecurityContext:
    """What will be kept of the caller once it runs `file`, the script rather than its interpreter
    (security_bprm_creds_for_exec). Refuses by the rows of EXEC_SECURITY."""
    module = kernel.machine.host.security_module
    if module == APPARMOR:
        return apparmor.at_exec(kernel)
    if module == SELINUX:
        return selinux.at_exec(kernel, nosuid=not mount_may_suid(kernel, file))
    return kernel.task.security


def at_exec(kernel: "SyscallBase", new: SecurityContext) -> None:
    """Let the caller be what `before_exec` said (security_bprm_committing_creds). An effect."""
    task = kernel.task
    old = task.security
    if new == old or not kernel.happens(EXEC_LABEL):
        return
    module = apparmor if kernel.machine.host.security_module == APPARMOR else selinux
    if task.pdeathsig and module.clears_death_signal(old.label, new.label):
        task.pdeathsig = 0
    task.security = new


def take_mount_options(kernel: "SyscallBase", data: str) -> tuple[str, str]:
    """The data of a mount without what is the module's, and the label that this gives all files (security_sb_eat_lsm_opts)."""
    return selinux.take_options(kernel, data) if kernel.machine.host.security_module == SELINUX else (data, "")


def mount_options(host: HostProfile, sb: Superblock) -> str:
    """What mountinfo shows of them (security_sb_show_options)."""
    return selinux.show_options(sb) if host.security_module == SELINUX else ""
