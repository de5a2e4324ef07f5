"""Processes as files: what pidfd_open makes (pidfd_open(2), fs/pidfs.c)."""

from typing import TYPE_CHECKING

from fakekernel.behaviour import BEHAVIOURS, Behaviour
from fakekernel.description import Description
from fakekernel.filesystem import Dentry
from fakekernel.mount import Path
from fakekernel.store import Record
from fakekernel.task import StructPid
from kernelapi.flags import OpenFlag
from kernelapi.protocol.descriptors import LSEEK_PIPE, READ_NOT_READABLE, WRITE_NOT_WRITABLE

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.syscalls.table import Syscalls

BEHAVIOUR = "pidfd"
MODE = 0o700
"""Of a pidfd, as fstat shows it: without a type."""


def describe(kernel: "SyscallBase", pid: StructPid, flags: int) -> Description:
    """An open file that is the process `pid`; all of one process are the same file. `flags`: O_NONBLOCK or nothing."""
    path = _place(kernel, pid)
    return Description(
        store=kernel.store,
        behaviour=BEHAVIOUR,
        path=path,
        inode=path.inode,
        flags=OpenFlag.RDWR | flags,
        cred=kernel.task.cred,
        subject=pid,
    )


def _place(kernel: "SyscallBase", pid: StructPid) -> Path:
    mount = kernel.machine.system.pidfs
    assert mount is not None, "the machine has not booted"
    if pid.inode is None:
        pid.inode = mount.sb.new_inode(MODE, behaviour=BEHAVIOUR, subject=pid)
    return Path(mount, Dentry(store=kernel.store, name="anon_inode:[pidfd]", parent=None, inode=pid.inode))


class ProcessFile(Behaviour):
    """A process, opened."""

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        return description.inode.subject

    def read(self, kernel: "Syscalls", description: Description, count: int) -> bytes:
        kernel.fail(READ_NOT_READABLE)

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        kernel.fail(WRITE_NOT_WRITABLE)

    def seek(self, kernel: "Syscalls", description: Description, offset: int, whence: int) -> int:
        kernel.fail(LSEEK_PIPE)


BEHAVIOURS[BEHAVIOUR] = ProcessFile()
