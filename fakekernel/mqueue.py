"""mqueue: POSIX message queues as files, one instance for each IPC namespace (mq_overview(7), ipc/mqueue.c).

The model has the file system, to be mounted, and no queues.
"""

from typing import TYPE_CHECKING, cast

from fakekernel import fstypes
from fakekernel.behaviour import BEHAVIOURS
from fakekernel.filesystem import ROOT_GID, ROOT_UID, Superblock
from fakekernel.fstypes import MountRequest
from fakekernel.procfs.entry import TableDirectory
from fakekernel.userns import UserNamespace
from kernelapi.flags import S_ISVTX

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase


class Queues(TableDirectory):
    """The directory of the queues: empty."""

    missing_is_final = False


BEHAVIOURS["mqueue"] = Queues({})


def _make(kernel: "SyscallBase", request: MountRequest) -> Superblock:
    """The instance of the caller's IPC namespace, which belongs to root of the user namespace that owns that one."""
    system, ipc = kernel.machine.system, kernel.task.namespaces.ipc
    if ipc.mqueue is None:
        sb = Superblock(
            store=system.store, fstype="mqueue", dev=system.take_dev(), userns=ipc.owner, source=request.source or "none",
            subject=ipc,
        )  # fmt: skip
        root = sb.make_root(S_ISVTX | 0o777, behaviour="mqueue").inode
        uid, gid = ipc.owner.kuid(0), ipc.owner.kgid(0)
        root.uid, root.gid = ROOT_UID if uid is None else uid, ROOT_GID if gid is None else gid
        ipc.mqueue = sb
    return cast(Superblock, ipc.mqueue)


def _owner(kernel: "SyscallBase") -> UserNamespace:
    return kernel.task.namespaces.ipc.owner


fstypes.register(fstypes.FilesystemType(name="mqueue", make=_make, owner=_owner, in_userns=True))
