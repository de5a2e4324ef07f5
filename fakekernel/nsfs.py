"""Namespaces as files: what a link in /proc/PID/ns leads to (namespaces(7), fs/nsfs.c).

The inode number of the file is the number of the namespace; whoever opens it gets a description with the behaviour "ns" whose
subject is the namespace.
"""

from typing import TYPE_CHECKING

from fakekernel.behaviour import BEHAVIOURS, Behaviour
from fakekernel.description import Description
from fakekernel.filesystem import ROOT_GID, ROOT_UID, Dentry, Inode
from fakekernel.mount import MountNamespace, Path
from fakekernel.mountusers import leave_mount_namespace
from fakekernel.namespaces import (
    CgroupNamespace,
    IpcNamespace,
    Namespace,
    NetNamespace,
    PidNamespace,
    TimeNamespace,
    UtsNamespace,
)
from fakekernel.netusers import leave_network_namespace
from fakekernel.store import Record
from fakekernel.userns import UserNamespace
from kernelapi.flags import FileType
from kernelapi.protocol.descriptors import LSEEK_PIPE, READ_NOT_READABLE, WRITE_NOT_WRITABLE

if TYPE_CHECKING:
    from fakekernel.machine import Machine
    from fakekernel.syscalls.table import Syscalls
    from fakekernel.system import System

BEHAVIOUR = "ns"

KINDS: tuple[tuple[type[Record], str], ...] = (
    (MountNamespace, "mnt"),
    (UtsNamespace, "uts"),
    (IpcNamespace, "ipc"),
    (PidNamespace, "pid"),
    (NetNamespace, "net"),
    (CgroupNamespace, "cgroup"),
    (TimeNamespace, "time"),
    (UserNamespace, "user"),
)


def kind(ns: Namespace | UserNamespace) -> str:
    """What the type of `ns` is called in /proc/PID/ns."""
    return next(name for type, name in KINDS if isinstance(ns, type))


def name(ns: Namespace | UserNamespace, kind: str) -> str:
    """What readlink shows of a link to `ns`."""
    return f"{kind}:[{ns.inum}]"


def place(system: "System", ns: Namespace | UserNamespace) -> Path:
    """The file that is `ns`."""
    mount = system.nsfs
    assert mount is not None, "the machine has not booted"
    inode = Inode(
        store=system.store, sb=mount.sb, ino=ns.inum, mode=FileType.REG | 0o444, uid=ROOT_UID, gid=ROOT_GID,
        behaviour=BEHAVIOUR, subject=ns,
    )  # fmt: skip
    return Path(mount, Dentry(store=system.store, name=name(ns, kind(ns)), parent=None, inode=inode))


class NamespaceFile(Behaviour):
    """A namespace, opened."""

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        return description.inode.subject

    def release(self, machine: "Machine", description: Description) -> None:
        if isinstance(description.subject, MountNamespace):
            leave_mount_namespace(machine.system, description.subject)
        elif isinstance(description.subject, NetNamespace):
            leave_network_namespace(machine, description.subject)

    def read(self, kernel: "Syscalls", description: Description, count: int) -> bytes:
        kernel.refuse(READ_NOT_READABLE)
        return b""

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        kernel.refuse(WRITE_NOT_WRITABLE)
        return len(data)

    def seek(self, kernel: "Syscalls", description: Description, offset: int, whence: int) -> int:
        kernel.fail(LSEEK_PIPE)


BEHAVIOURS[BEHAVIOUR] = NamespaceFile()
