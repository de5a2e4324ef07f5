"""An instance of proc: each mount makes one; it shows the processes of the mounter's pid namespace (fs/proc/root.c)."""

from typing import TYPE_CHECKING, NamedTuple

from fakekernel import fstypes
from fakekernel.filesystem import Superblock
from fakekernel.fstypes import MountRequest
from fakekernel.namespaces import PidNamespace
from fakekernel.userns import UserNamespace
from kernelapi.errors import NotModelled
from kernelapi.protocol.mounts import MOUNT_BAD_OPTION

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.system import System

HIDEPID = {"0": "off", "1": "noaccess", "2": "invisible", "4": "ptraceable"}
"""The values of the option hidepid=, which may also be given by their names."""


class Hiding(NamedTuple):
    """Which processes an instance hides from those who may not trace them, and the (global) group that sees all."""

    how: str
    gid: int


def hiding(sb: Superblock) -> Hiding:
    """What the options of the instance say; it has some."""
    options = dict(option.split("=", 1) for option in sb.options.split(","))
    return Hiding(options.get("hidepid", "off"), int(options.get("gid", 0)))


def _caller_namespace(kernel: "SyscallBase") -> UserNamespace:
    return kernel.task.pid_namespace.owner


def _options(kernel: "SyscallBase", request: MountRequest) -> str:
    """The options as mountinfo shows them (proc_parse_param, proc_show_options)."""
    hidden, gid = "off", 0
    for key, value in request.options:
        if key == "hidepid" and value in (*HIDEPID, *HIDEPID.values()):
            hidden = HIDEPID.get(value, value)
            continue
        if key == "subset":
            raise NotModelled("proc with the option subset=")
        id = fstypes.number(value) if key == "gid" else None
        kgid = None if id is None else kernel.task.cred.userns.kgid(id)
        if kgid is None:
            kernel.refuse(MOUNT_BAD_OPTION)
        else:
            gid = kgid
    return ",".join(([f"gid={gid}"] if gid else []) + ([f"hidepid={hidden}"] if hidden != "off" else []))


def _check(kernel: "SyscallBase", request: MountRequest) -> None:
    _options(kernel, request)


def _make(kernel: "SyscallBase", request: MountRequest) -> Superblock:
    sb = instance(kernel.machine.system, kernel.task.pid_namespace, request.source)
    sb.flags, sb.options = request.flags, _options(kernel, request)
    return sb


def _reconfigure(kernel: "SyscallBase", sb: Superblock, request: MountRequest) -> None:
    if request.options:
        sb.options = _options(kernel, request)


def instance(system: "System", pidns: PidNamespace, source: str = "proc") -> Superblock:
    """A new instance that shows `pidns` and hides nothing (proc_fill_super)."""
    sb = Superblock(
        store=system.store, fstype="proc", dev=system.take_dev(), userns=pidns.owner, source=source or "none", subject=pidns
    )
    sb.make_root(0o555, behaviour="proc.top")
    return sb


fstypes.register(
    fstypes.FilesystemType(
        name="proc",
        make=_make,
        check=_check,
        owner=_caller_namespace,
        in_userns=True,
        must_be_visible=True,
        reconfigure=_reconfigure,
    )
)
