"""securityfs: what security modules tell about themselves, one instance for the whole system (security/inode.c, lsm_init.c)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fakekernel import apparmor, fstypes
from fakekernel.behaviour import BEHAVIOURS, Listed
from fakekernel.description import Description
from fakekernel.filesystem import Dentry, Superblock
from fakekernel.fstypes import MountRequest
from fakekernel.procfs.entry import DIRECTORY, FILE, Entry, MadeFile, TableDirectory, table

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.syscalls.table import Syscalls
    from fakekernel.system import System

ALWAYS_ON = ("capability",)
"""The modules, those without labels included, that are on in every host."""

LSM = Entry("lsm", FILE, "securityfs.lsm")
APPARMOR = Entry("apparmor", DIRECTORY | 0o200, "securityfs.apparmor")


class SecurityDirectory(TableDirectory):
    """The top: AppArmor has a directory where it is on."""

    missing_is_final = False

    def lookup(self, kernel: "Syscalls", directory: Dentry, name: str) -> Dentry | None:
        if name == APPARMOR.name and kernel.machine.host.security_module != name:
            return None
        return super().lookup(kernel, directory, name)

    def entries(self, kernel: "Syscalls", directory: Dentry) -> Iterable[Listed]:
        there = (LSM.name, kernel.machine.host.security_module)
        return [entry for entry in super().entries(kernel, directory) if entry.name in there]


class Modules(MadeFile):
    """lsm: the modules that are on, in their order."""

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        return ",".join((*ALWAYS_ON, *kernel.machine.host.security_modules)).encode()


class Profiles(MadeFile):
    """apparmor/profiles: those that are loaded."""

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        return "".join(f"{apparmor.shown(name)}\n" for name in kernel.machine.host.apparmor_profiles).encode()


BEHAVIOURS["securityfs"] = SecurityDirectory(table(APPARMOR, LSM))
BEHAVIOURS["securityfs.lsm"] = Modules()
BEHAVIOURS["securityfs.apparmor"] = TableDirectory(table(Entry("profiles", FILE, "securityfs.profiles")))
BEHAVIOURS["securityfs.profiles"] = Profiles()


def instance(system: "System", source: str = "securityfs") -> Superblock:
    """The one instance."""
    if system.securityfs is None:
        sb = Superblock(
            store=system.store, fstype="securityfs", dev=system.take_dev(), userns=system.userns, source=source or "none"
        )  # fmt: skip
        sb.make_root(0o755, behaviour="securityfs")
        system.securityfs = sb
    return system.securityfs


def _make(kernel: "SyscallBase", request: MountRequest) -> Superblock:
    return instance(kernel.machine.system, request.source)


fstypes.register(fstypes.FilesystemType(name="securityfs", make=_make))
