"""May these credentials do this to that file? Owner, group, other; then capabilities (fs/namei.c, kernel/capability.c)."""

from typing import TYPE_CHECKING, cast

from fakekernel.behaviour import BEHAVIOURS
from fakekernel.credentials import Credentials
from fakekernel.filesystem import Inode
from kernelapi.capability import Cap
from kernelapi.flags import S_IFDIR, S_IFMT, AccessMode, MountFlag

if TYPE_CHECKING:
    from fakekernel.mount import Mount
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.syscalls.table import Syscalls

RDONLY = int(MountFlag.RDONLY)
READ, WRITE, EXECUTE = int(AccessMode.R), int(AccessMode.W), int(AccessMode.X)
SEARCH = EXECUTE
"""What execute permission of a directory is called."""


def may(cred: Credentials, inode: Inode, mask: int) -> bool:
    """Whether `cred` has all of `mask` (READ, WRITE, EXECUTE) on `inode`; mode and owner must be up to date.

    Read-only file systems are another matter: see `is_read_only`. (generic_permission)
    """
    mode = inode.mode
    if not mask * 0o111 & ~mode:  # granted to everyone: nothing else is looked at
        return True
    if cred.fsuid == inode.uid:
        granted = mode >> 6
    elif mask & (mode ^ mode >> 3) and cred.in_group(inode.gid):
        granted = mode >> 3
    else:
        granted = mode
    if not mask & ~granted:
        return True
    if not cred.effective:
        return False
    if mode & S_IFMT == S_IFDIR:
        if not mask & WRITE and capable_toward(cred, inode, Cap.DAC_READ_SEARCH):
            return True
        return capable_toward(cred, inode, Cap.DAC_OVERRIDE)
    if mask == READ and capable_toward(cred, inode, Cap.DAC_READ_SEARCH):
        return True
    return (not mask & EXECUTE or bool(mode & 0o111)) and capable_toward(cred, inode, Cap.DAC_OVERRIDE)


def permitted(kernel: "SyscallBase", inode: Inode, mask: int, cred: Credentials | None = None) -> bool:
    """As `may`, for the caller or for `cred`, with what the kind of file has to say (inode_permission)."""
    if cred is None:
        cred = kernel.task.cred
    if not inode.behaviour:
        return may(cred, inode, mask)
    behaviour = BEHAVIOURS[inode.behaviour]
    if not behaviour.has_permissions:
        return may(cred, inode, mask)
    side = cast("Syscalls", kernel)
    answer = behaviour.permission(side, inode, mask, cred)
    return may(cred, inode, mask) if answer is None else answer


def capable_toward(cred: Credentials, inode: Inode, cap: int) -> bool:
    """Whether `cred` may use `cap` on `inode`: only on files whose owner and group are mapped in its user namespace
    (capable_wrt_inode_uidgid)."""
    if cap not in cred.effective:
        return False
    userns = cred.userns
    return userns.maps_kuid(inode.uid) and userns.maps_kgid(inode.gid)


def owns(cred: Credentials, inode: Inode) -> bool:
    """Whether `cred` is the owner of `inode` or may act as such (inode_owner_or_capable): the group needs no mapping."""
    return cred.fsuid == inode.uid or (Cap.FOWNER in cred.effective and cred.userns.maps_kuid(inode.uid))


def in_group_or_capable(cred: Credentials, inode: Inode) -> bool:
    """Whether `cred` may let `inode` keep its set-group-id bit (in_group_or_capable)."""
    return cred.in_group(inode.gid) or capable_toward(cred, inode, Cap.FSETID)


def is_read_only(mount: "Mount") -> bool:
    """Whether nothing can be written through `mount`: it, or its file system, is read-only (mnt_want_write)."""
    return bool((mount.flags | mount.sb.flags) & RDONLY)
