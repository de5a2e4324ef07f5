"""Plain files and directories, as on a tmpfs: reading, writing, seeking (mm/shmem.c, mm/filemap.c, fs/read_write.c)."""

from typing import TYPE_CHECKING

from fakekernel.behaviour import BEHAVIOURS, Behaviour
from fakekernel.credentials import has_capability
from fakekernel.description import Description
from fakekernel.filesystem import Inode
from fakekernel.signalling import send_self
from kernelapi.capability import Cap
from kernelapi.flags import RLIM_INFINITY, S_ISGID, S_ISUID, OpenFlag, Rlimit, Seek, Signal
from kernelapi.protocol.descriptors import (
    LSEEK_NEGATIVE,
    WRITE_DROPS_CAPABILITIES,
    WRITE_DROPS_SET_ID,
    WRITE_TOO_LARGE,
)

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls

FILE_CAPABILITIES = "security.capability"
LARGEST_OFFSET = 2**63 - 1


class PlainBehaviour(Behaviour):
    """The content of a file is the inode's `content`."""

    def read(self, kernel: "Syscalls", description: Description, count: int) -> bytes:
        offset = description.offset
        data = description.inode.content[offset : offset + count]
        if data:
            description.offset = offset + len(data)
        return data

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        if not data:
            return 0
        inode = description.inode
        content = inode.content
        offset = len(content) if description.flags & OpenFlag.APPEND else description.offset
        limit = kernel.task.job.limits.get(Rlimit.FSIZE)
        if limit is not None and limit.soft != RLIM_INFINITY:
            if offset >= limit.soft and WRITE_TOO_LARGE not in kernel.machine.suspended:
                send_self(kernel, Signal.XFSZ)
                kernel.refuse(WRITE_TOO_LARGE)
            data = data[: max(limit.soft - offset, 0)]
        # -- effects only below --
        drop_privileges(
            kernel, inode, set_id=kernel.happens(WRITE_DROPS_SET_ID), capabilities=kernel.happens(WRITE_DROPS_CAPABILITIES)
        )
        end = offset + len(data)
        inode.content = content[:offset].ljust(offset, b"\0") + data + content[end:]
        description.offset = end
        return len(data)

    def seek(self, kernel: "Syscalls", description: Description, offset: int, whence: int) -> int:
        inode = description.inode
        if whence == Seek.CUR:
            offset += description.offset
        elif whence == Seek.END:
            if inode.is_directory:
                kernel.refuse(LSEEK_NEGATIVE)
            offset += len(inode.content)
        if not 0 <= offset <= LARGEST_OFFSET:
            kernel.refuse(LSEEK_NEGATIVE)
            offset = 0
        # -- effects only below --
        if offset != description.offset:
            description.offset = offset
        if description.cursor:
            description.cursor = ""
        return offset


def drop_privileges(kernel: "Syscalls", inode: Inode, *, set_id: bool = True, capabilities: bool = True) -> None:
    """What changing a file's content takes from it: its set-id bits and its capabilities (file_remove_privs)."""
    if capabilities and inode.xattrs.get(FILE_CAPABILITIES):  # what has no length is not noticed (cap_inode_need_killpriv)
        del inode.xattrs[FILE_CAPABILITIES]
    mode = inode.mode
    kill = mode & S_ISUID
    if mode & S_ISGID and (mode & 0o010 or not _is_member(kernel, inode)):
        kill |= S_ISGID
    if set_id and kill and not kernel.capable_over(kernel.machine.system.userns, Cap.FSETID):
        inode.mode = mode & ~kill


def _is_member(kernel: "Syscalls", inode: Inode) -> bool:
    """Whether the caller may keep a set-group-ID bit of the file (in_group_or_capable)."""
    cred = kernel.task.cred
    if cred.in_group(inode.gid):
        return True
    own = cred.userns
    return has_capability(cred, Cap.FSETID, own) and own.maps_kuid(inode.uid) and own.maps_kgid(inode.gid)


BEHAVIOURS[""] = PlainBehaviour()
