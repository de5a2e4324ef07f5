"""SELinux: the contexts of processes and files, as a runtime sets them (security/selinux/hooks.c).

The policy is asked for what is a context and who may become what (`fakekernel.policy`). Everything else is allowed to
unconfined domains, as it is in the targeted policy, and not modelled for others.
"""

from typing import TYPE_CHECKING

from fakekernel.filesystem import Inode, Superblock
from fakekernel.permission import owns
from fakekernel.policy import SelinuxPolicy, parts
from fakekernel.task import SecurityContext, Task
from kernelapi.errors import NotModelled
from kernelapi.protocol.attributes import XATTR_LABEL_NOT_OWNER, XATTR_LAYOUT, XATTR_UNSUPPORTED
from kernelapi.protocol.exec_credentials import EXEC_LABEL_DENIED, EXEC_LABEL_NO_NEW_PRIVS
from kernelapi.protocol.mounts import MOUNT_BAD_OPTION
from kernelapi.protocol.proc import PROC_NO_LSM

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase

LABEL_OF_HOST = "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023"
MOUNT_OPTIONS = ("context", "fscontext", "defcontext", "rootcontext")
ATTRIBUTES = ("current", "exec", "fscreate", "keycreate", "sockcreate")
ONE_LABEL = frozenset(("proc", "securityfs", "selinuxfs"))
"""Types whose files have the labels that the policy gives them, for good (SECURITY_FS_USE_GENFS, without exceptions)."""


def default_label() -> str:
    """The context of what root starts on a host."""
    return LABEL_OF_HOST


def _policy(kernel: "SyscallBase") -> SelinuxPolicy:
    return kernel.machine.host.selinux_policy


def _check_unconfined(kernel: "SyscallBase", deed: str) -> None:
    """Raise `NotModelled` for a caller whom the policy may or may not let do it."""
    domain = parts(kernel.task.security.label).type
    if domain not in _policy(kernel).unconfined:
        raise NotModelled(f"whether the policy lets {domain} {deed}")


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode(errors="surrogateescape")


# -- processes --


def get_attribute(kernel: "SyscallBase", task: Task, name: str) -> bytes:
    """What reading `name` below /proc/PID/attr gives: a context with its NUL, or nothing (selinux_lsm_getattr)."""
    security = task.security
    label = {"current": security.label, "exec": security.at_exec, "prev": security.previous or security.label}.get(name, "")
    return label.encode() + b"\0" if label else b""


def set_attribute(kernel: "SyscallBase", name: str, data: bytes) -> None:
    """What writing `data` to it does (selinux_lsm_setattr). Nothing, or a line that is empty, takes a request back."""
    if name not in ATTRIBUTES:
        raise NotModelled(f"writing attr/{name} under SELinux")
    _check_unconfined(kernel, f"set attr/{name}")
    task = kernel.task
    label = ""
    if data and data[:1] not in (b"\0", b"\n"):
        context = _policy(kernel).context(_text(data.removesuffix(b"\n")))
        if context is None:
            kernel.refuse(PROC_NO_LSM)
            return
        label = context
    if name not in ("exec", "current"):
        if label:
            raise NotModelled(f"the label of new files, keys and sockets: attr/{name}")
        return
    if name == "current" and not label:
        kernel.fail(PROC_NO_LSM)
    if name == "current" and parts(label).type not in _policy(kernel).domains:
        raise NotModelled(f"whether the policy lets a process be {label}")
    # -- effects only below --
    security = task.security
    task.security = security._replace(at_exec=label) if name == "exec" else security._replace(label=label)


def at_exec(kernel: "SyscallBase", *, nosuid: bool) -> SecurityContext:
    """What is kept of the caller after the exec that it is making (selinux_bprm_creds_for_exec).

    `nosuid`: the program is on a mount with MS_NOSUID, or of another mount namespace. Programs that lead into a domain by
    themselves are not modelled.
    """
    task, policy = kernel.task, _policy(kernel)
    security = task.security
    label = security.at_exec or security.label
    if label != security.label:
        _check_unconfined(kernel, f"become {label}")
        type = parts(label).type
        if (task.no_new_privs or nosuid) and type not in policy.no_new_privs:
            kernel.refuse(EXEC_LABEL_NO_NEW_PRIVS if task.no_new_privs else EXEC_LABEL_DENIED)
        if type not in policy.domains:
            kernel.refuse(EXEC_LABEL_DENIED)
    return SecurityContext(label, previous=security.label)


def clears_death_signal(old: str, new: str) -> bool:
    """Whether the change of label makes the process forget its parent death signal (selinux_bprm_committing_creds)."""
    return new != old


# -- file systems --


def take_options(kernel: "SyscallBase", data: str) -> tuple[str, str]:
    """The data of a mount without the options that are SELinux's, and the context that they give ("" for none).

    A value may stand in quotes, and hold commas then (selinux_sb_eat_lsm_opts). Refuses by MOUNT_BAD_OPTION.
    """
    kept: list[str] = []
    found = ""
    for option in _split(data):
        key, equals, value = option.partition("=")
        if key == "seclabel" and not equals:
            continue
        if not equals or key not in MOUNT_OPTIONS:
            kept.append(option)
            continue
        if key != "context":
            raise NotModelled(f"the mount option {key}=")
        context = _policy(kernel).context(value.replace('"', ""))
        if context is None or found:
            kernel.refuse(MOUNT_BAD_OPTION)
        found = context or value
    if found:
        _check_unconfined(kernel, "label a file system")
    return ",".join(kept), found


def _split(data: str) -> list[str]:
    """The options of `data`: commas in quotes separate nothing (opt_len)."""
    options, quoted = [""], False
    for character in data:
        quoted ^= character == '"'
        if character == "," and not quoted:
            options.append("")
        else:
            options[-1] += character
    return options


def show_options(sb: Superblock) -> str:
    """What mountinfo shows of a file system's labels, with a comma in front (selinux_sb_show_options)."""
    if sb.context:
        return f',context="{sb.context}"' if "," in sb.context else f",context={sb.context}"
    return "" if sb.fstype in ONE_LABEL else ",seclabel"


# -- files --


def stored_label(kernel: "SyscallBase", inode: Inode, value: bytes) -> bytes:
    """The security.selinux that setting it to `value` leaves the file with. Refuses by the rows of setxattr
    (selinux_inode_setxattr)."""
    if inode.sb.context or inode.sb.fstype in ONE_LABEL:
        kernel.refuse(XATTR_UNSUPPORTED)
    if not owns(kernel.task.cred, inode):
        kernel.refuse(XATTR_LABEL_NOT_OWNER)
    _check_unconfined(kernel, "label a file")
    context = _policy(kernel).context(_text(value))
    if context is None:
        kernel.refuse(XATTR_LAYOUT)
        return value
    return context.encode() + b"\0"


def label_of(inode: Inode) -> bytes | None:
    """The label of a file, where somebody has given it one; None for that which the policy makes of its path or its type."""
    return inode.sb.context.encode() + b"\0" if inode.sb.context else inode.xattrs.get("security.selinux")
