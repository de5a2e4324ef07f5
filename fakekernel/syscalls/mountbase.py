"""What the calls about mounts share: may the caller change its mount namespace, and where (fs/namespace.c)."""

from fakekernel.lookup import cross_mounts
from fakekernel.mount import Mount, Path
from fakekernel.syscalls.base import SyscallBase
from kernelapi.capability import Cap
from kernelapi.rules import Refusal


class MountBase(SyscallBase):
    """See `fakekernel.syscalls.mounts`."""

    __slots__ = ()

    def may_mount(self) -> bool:
        """Whether the caller may change its mount namespace (fs/namespace.c may_mount)."""
        return self.capable_over(self.task.namespaces.mnt.owner, Cap.SYS_ADMIN)

    def is_mine(self, mount: Mount) -> bool:
        """Whether `mount` is in the caller's mount namespace (fs/namespace.c check_mnt)."""
        return mount.ns is self.task.namespaces.mnt

    def where_to_mount(self, place: Path, gone: Refusal) -> Path:
        """The place on top of all that is mounted on `place`: there something can be mounted (do_lock_mount)."""
        top = cross_mounts(place.mount, place.dentry)
        if top.dentry.unlinked or top.mount.ns is None:
            self.refuse(gone)
        return top
