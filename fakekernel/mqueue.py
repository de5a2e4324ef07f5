"""mqueue: POSIX message queues as files, one instance for each IPC namespace (mq_overview(7), ipc/mqueue.c).

The model has the file system, to be mounted, and no queues.
"""

from typing import TYPE_CHECKING, cast

from fakekernel import fstypes
from fakekernel.behaviour import BEHAVIOURS
from fakekernel.filesystem import Superblock
from fakekernel.fstypes import MountRequest
from fakekernel.procfs.entry import TableDirectory
from fakekernel.userns import UserNamespace
from kernelapi.flags import S_ISVTX

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase


BEHAVIOUR = "mqueue"


class Queues(TableDirectory):
    """The directory of the queues: empty; to make one by open or mknod is not modelled."""

    missing_is_final = False


BEHAVIOURS[BEHAVIOUR] = Queues({})


def _make(kernel: "SyscallBase", request: MountRequest) -> Superblock:
    """The instance of the caller's IPC namespace, which belongs to whoever made that one (mq_create_mount)."""
    system, ipc = kernel.machine.system, kernel.task.namespaces.ipc
    if ipc.mqueue is None:
        sb = Superblock(
            store=system.store, fstype="mqueue", dev=system.take_dev(), userns=ipc.owner, source=request.source or "none",
            subject=ipc,
        )  # fmt: skip
        root = sb.make_root(S_ISVTX | 0o777, behaviour=BEHAVIOUR).inode
        root.uid, root.gid = ipc.uid, ipc.gid
        ipc.mqueue = sb
    return cast(Superblock, ipc.mqueue)


def _owner(kernel: "SyscallBase") -> UserNamespace:
    return kernel.task.namespaces.ipc.owner


fstypes.register(fstypes.FilesystemType(name="mqueue", make=_make, owner=_owner, in_userns=True))
