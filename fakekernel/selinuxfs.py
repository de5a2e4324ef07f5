"""selinuxfs: how programs find SELinux, and talk to it; one instance (security/selinux/selinuxfs.c)."""

from typing import TYPE_CHECKING

from fakekernel import fstypes
from fakekernel.behaviour import BEHAVIOURS
from fakekernel.filesystem import Superblock
from fakekernel.fstypes import MountRequest
from fakekernel.procfs.entry import FILE, Entry, FixedFile, TableDirectory, table
from kernelapi.flags import FileType

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.system import System

FOR_ALL, FOR_OWNER = FileType.REG | 0o666, FileType.REG | 0o600

OF_SELINUX = table(
    Entry("enforce", FileType.REG | 0o644, "selinuxfs.one"),
    Entry("mls", FILE, "selinuxfs.one"),
    Entry("policyvers", FILE, "selinuxfs.policyvers"),
    *(Entry(name, FOR_ALL, "proc.unread") for name in ("access", "context", "create", "member", "relabel", "user")),
    *(Entry(name, FOR_OWNER, "proc.unread") for name in ("disable", "load")),
)
"""What is asked for by name; of the rest there is nothing to be read here."""

BEHAVIOURS["selinuxfs"] = TableDirectory(OF_SELINUX)
BEHAVIOURS["selinuxfs.one"] = FixedFile("1")
BEHAVIOURS["selinuxfs.policyvers"] = FixedFile("33")


def instance(system: "System", source: str = "selinuxfs") -> Superblock:
    """The one instance."""
    if system.selinuxfs is None:
        sb = Superblock(
            store=system.store, fstype="selinuxfs", dev=system.take_dev(), userns=system.userns, source=source or "none"
        )  # fmt: skip
        sb.make_root(0o755, behaviour="selinuxfs")
        system.selinuxfs = sb
    return system.selinuxfs


def _make(kernel: "SyscallBase", request: MountRequest) -> Superblock:
    return instance(kernel.machine.system, request.source)


fstypes.register(fstypes.FilesystemType(name="selinuxfs", make=_make, module="selinux"))
