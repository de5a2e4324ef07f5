"""AppArmor: which profile a process is under, and how it changes to another (security/apparmor/lsm.c, domain.c).

Modelled are profiles by name, all of them enforced: entering one, at once or at the next exec. What a profile then forbids is
not asked, nor are hats, stacks of profiles, and namespaces of them.
"""

from typing import TYPE_CHECKING

from fakekernel.task import SecurityContext, Task
from kernelapi.errors import NotModelled
from kernelapi.protocol.exec_credentials import EXEC_LABEL_NO_NEW_PRIVS
from kernelapi.protocol.proc import PROC_NO_LSM, PROC_NO_PROFILE, PROC_PROFILE_DENIED, PROC_PROFILE_NO_NEW_PRIVS

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase

UNCONFINED = "unconfined"
SPACES = b" \t\n\v\f\r"
NOT_MODELLED = ("changehat", "permhat", "permprofile", "stack")
STACKED = "//&"


def default_label() -> str:
    """The label of a process that nobody has put under a profile."""
    return UNCONFINED


def get_attribute(kernel: "SyscallBase", task: Task, name: str) -> bytes:
    """What reading `name` below /proc/PID/attr gives (apparmor_getprocattr)."""
    security = task.security
    label = {"current": security.label, "exec": security.at_exec, "prev": security.previous}.get(name)
    if not label:
        kernel.refuse(PROC_NO_LSM)
        return b""
    return f"{shown(label)}\n".encode(errors="surrogateescape")


def shown(label: str) -> str:
    """A label with the mode of its profile."""
    return label if label == UNCONFINED else f"{label} (enforce)"


def set_attribute(kernel: "SyscallBase", name: str, data: bytes) -> None:
    """What writing `data` to it does (do_setattr)."""
    text = data.partition(b"\0")[0].strip(SPACES)
    command, space, profile = text.partition(b" ")
    profile = profile.lstrip(SPACES)
    word = command.decode(errors="surrogateescape")
    if not space or not profile or name not in ("current", "exec"):
        kernel.refuse(PROC_NO_LSM)
        return
    if word in NOT_MODELLED and (name == "current" or word == "stack"):
        raise NotModelled(f"the command {word} of AppArmor")
    if word != ("exec" if name == "exec" else "changeprofile"):
        kernel.refuse(PROC_NO_LSM)
    _change_profile(kernel, profile.decode(errors="surrogateescape"), at_exec=name == "exec")


def _change_profile(kernel: "SyscallBase", profile: str, *, at_exec: bool) -> None:
    """aa_change_profile. Who is unconfined may change to any profile; others need a rule of theirs."""
    task, host = kernel.task, kernel.machine.host
    security = _noticed(task)
    loaded = (UNCONFINED, *host.apparmor_profiles)
    if STACKED in profile and all(part in loaded for part in profile.split(STACKED)):
        raise NotModelled(f"the AppArmor label {profile!r}, a stack of profiles")
    if profile not in loaded:
        kernel.refuse(PROC_NO_PROFILE)
    confined = security.label != UNCONFINED
    if confined and not may_change(kernel, security.label, profile):
        kernel.refuse(PROC_PROFILE_DENIED)
    if confined and task.no_new_privs and profile != security.confinement:
        kernel.refuse(PROC_PROFILE_NO_NEW_PRIVS)
    # -- effects only below --
    if at_exec:
        task.security = security._replace(at_exec=profile)
    elif profile == UNCONFINED:
        task.security = SecurityContext(profile, confinement=security.confinement)
    else:
        task.security = security._replace(label=profile)


def may_change(kernel: "SyscallBase", label: str, profile: str) -> bool:
    """Whether a rule of the profile `label` lets a process change to `profile` (change_profile_perms)."""
    return (label, profile) in kernel.machine.host.apparmor_changes


def _noticed(task: Task) -> SecurityContext:
    """What is kept of `task`: a confined process that has no_new_privs is remembered as confined by that."""
    security = task.security
    if task.no_new_privs and security.label != UNCONFINED and not security.confinement:
        return security._replace(confinement=security.label)
    return security


def at_exec(kernel: "SyscallBase") -> SecurityContext:
    """What is kept of the caller after the exec that it is making (apparmor_bprm_creds_for_exec).

    A profile that names the program's path would be entered by itself: there is none here.
    """
    task = kernel.task
    security = _noticed(task)
    label = security.label
    if security.at_exec and security.at_exec != label:
        if label != UNCONFINED and not may_change(kernel, label, security.at_exec):
            raise NotModelled("an exec with a profile that was asked for under another one")
        if label != UNCONFINED and task.no_new_privs and security.at_exec != security.confinement:
            kernel.refuse(EXEC_LABEL_NO_NEW_PRIVS)
        label = security.at_exec
    return SecurityContext(label, confinement=security.confinement)


def clears_death_signal(old: str, new: str) -> bool:
    """Whether the change of label makes the process forget its parent death signal (apparmor_bprm_committing_creds)."""
    return new not in (old, UNCONFINED)
