"""sysfs: one instance for each network namespace; the top directories, and the interfaces in class/net (sysfs(5), fs/sysfs)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from fakekernel import fstypes
from fakekernel.behaviour import BEHAVIOURS, Listed
from fakekernel.filesystem import Dentry, Inode, Superblock
from fakekernel.fstypes import MountRequest
from fakekernel.mount import Path
from fakekernel.namespaces import NetNamespace
from fakekernel.procfs.entry import DIRECTORY, FILE, LINK, Entry, FixedFile, PlainLink, TableDirectory, make, number, table
from fakekernel.userns import UserNamespace
from kernelapi.errors import NotModelled
from kernelapi.flags import FileType

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.syscalls.table import Syscalls
    from fakekernel.system import System

SUBDIRECTORY = DIRECTORY | 0o200
"""Root could write here, if there were anything that can be made."""


class SysDirectory(TableDirectory):
    """A directory of sysfs. A name that is not there may be asked for, and cannot be made."""

    missing_is_final = False


class Interfaces(SysDirectory):
    """/sys/class/net: a link for each interface of the network namespace that this instance shows."""

    def lookup(self, kernel: "Syscalls", directory: Dentry, name: str) -> Dentry | None:
        if name not in self._names(directory):
            return None
        return make(directory, Entry(name, LINK, "sys.interface", f"../../devices/virtual/net/{name}"), kept=False)

    def entries(self, kernel: "Syscalls", directory: Dentry) -> Iterable[Listed]:
        return [Listed(name, number(directory.inode, name), FileType.LNK) for name in self._names(directory)]

    def _names(self, directory: Dentry) -> list[str]:
        net = cast(NetNamespace, directory.inode.sb.subject)
        return sorted(link.name for link in net.links.values())


class InterfaceLink(PlainLink):
    """A link to what is known of an interface, which the model has not."""

    def follow(self, kernel: "Syscalls", inode: Inode) -> Path | str:
        raise NotModelled(f"what is in {inode.target.removeprefix('../..')} of sysfs")


class ModuleDirectory(SysDirectory):
    """A directory in which each security module that is on has its own."""

    def lookup(self, kernel: "Syscalls", directory: Dentry, name: str) -> Dentry | None:
        return super().lookup(kernel, directory, name) if self._is_there(kernel, name) else None

    def entries(self, kernel: "Syscalls", directory: Dentry) -> Iterable[Listed]:
        return [entry for entry in super().entries(kernel, directory) if self._is_there(kernel, entry.name)]

    def _is_there(self, kernel: "Syscalls", name: str) -> bool:
        return name not in MODULES or name == kernel.machine.host.security_module


MODULES = ("apparmor", "selinux")


def _enter(path: str, *children: str) -> None:
    BEHAVIOURS[path] = SysDirectory(table(*(Entry(name, SUBDIRECTORY, f"{path}/{name}") for name in children)))


BEHAVIOURS["sys/class/net"] = Interfaces({})
BEHAVIOURS["sys.interface"] = InterfaceLink()
for _path, _children in {
    "sys": ("block", "bus", "class", "dev", "devices", "firmware", "fs", "kernel", "module", "power"),
    "sys/class": ("net",),
    "sys/fs": ("cgroup", "selinux"),
    "sys/kernel": ("debug", "security", "tracing"),
    "sys/module": ("apparmor",),
    "sys/module/apparmor": ("parameters",),
}.items():
    _enter(_path, *_children)
for _path in (
    *(f"sys/{name}" for name in ("block", "bus", "dev", "devices", "firmware", "power")),
    "sys/fs/cgroup",
    "sys/fs/selinux",
    *(f"sys/kernel/{name}" for name in ("debug", "security", "tracing")),
):
    _enter(_path)
for _path in ("sys/fs", "sys/module"):
    BEHAVIOURS[_path] = ModuleDirectory(cast(SysDirectory, BEHAVIOURS[_path]).children)
BEHAVIOURS["sys/module/apparmor/parameters"] = SysDirectory(table(Entry("enabled", FILE, "sys/apparmor-enabled")))
BEHAVIOURS["sys/apparmor-enabled"] = FixedFile("Y\n")


def instance(system: "System", net: NetNamespace, source: str = "sysfs") -> Superblock:
    """The instance for a network namespace: there is one, however often it is mounted."""
    if net.sysfs is None:
        sb = Superblock(
            store=system.store, fstype="sysfs", dev=system.take_dev(), userns=net.owner, source=source or "none", subject=net
        )
        sb.make_root(0o555, behaviour="sys")
        net.sysfs = sb
    return cast(Superblock, net.sysfs)


def place(sb: Superblock, *names: str) -> Dentry:
    """A directory of an instance, on which something is mounted when the machine starts."""
    found = sb.root
    assert found is not None
    for depth, name in enumerate(names, 1):
        kept = found.children.get(name)
        found = make(found, Entry(name, SUBDIRECTORY, "/".join(("sys", *names[:depth])))) if kept is None else kept
    return found


def _make(kernel: "SyscallBase", request: MountRequest) -> Superblock:
    return instance(kernel.machine.system, kernel.task.namespaces.net, request.source)


def _owner(kernel: "SyscallBase") -> UserNamespace:
    return kernel.task.namespaces.net.owner


fstypes.register(fstypes.FilesystemType(name="sysfs", make=_make, owner=_owner, in_userns=True, must_be_visible=True))
