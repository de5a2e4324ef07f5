"""Who holds a mount, or a mount namespace: roots, working directories, programs, open files (the counts in struct mount).

Found by looking at all processes: only umounts without MNT_DETACH, changes to read-only, the end of a namespace and ways out of
what is unmounted ask for it.
"""

from collections.abc import Iterator
from typing import Any

from fakekernel.description import Description
from fakekernel.filesystem import Superblock
from fakekernel.mount import Mount, MountNamespace
from fakekernel.mounttree import detach, dissolve
from fakekernel.system import System
from kernelapi.flags import O_ACCMODE, FileType, OpenFlag


def open_files(system: System) -> Iterator[Description]:
    """The open file descriptions of all processes, and those that are on their way through a socket; some more than once."""
    tables = {task.files for task in system.tasks.values() if task.lives}
    waiting = [descriptor.description for table in tables for descriptor in table.entries.values()]
    sockets: set[Any] = set()
    while waiting:
        opened = waiting.pop()
        yield opened
        socket: Any = opened.subject
        if opened.behaviour == "unix" and socket not in sockets:
            sockets.add(socket)
            waiting.extend(passed for packet in socket.queue for passed in packet.passed)


def used_mounts(system: System) -> set[Mount]:
    """The mounts that some process uses."""
    used: set[Mount] = set()
    for task in system.tasks.values():
        if task.lives:
            used.add(task.fs.root.mount)
            used.add(task.fs.cwd.mount)
            assert task.mm.executable is not None
            used.add(task.mm.executable.mount)
    used.update(opened.path.mount for opened in open_files(system))
    return used


def let_go_above(system: System, mount: Mount) -> None:
    """Before a way leads up out of `mount`: where it was unmounted together with what it was mounted on, being locked to that,
    it stays there only as long as somebody uses that. A mount that nobody uses is gone, and carries nothing.
    (fs/namespace.c mntput_no_expire)"""
    if mount.ns is not None or mount.parent is None:
        return
    chain = [mount]
    while (above := chain[-1].parent) is not None and above is not chain[-1]:
        chain.append(above)
    used = used_mounts(system)
    while len(chain) > 1 and chain[-1] not in used:
        chain.pop()
        detach(chain[-1])


def leave_mount_namespace(system: System, ns: MountNamespace) -> None:
    """A process has left `ns`, or its file has been closed. Nobody left, its mounts come apart (fs/namespace.c put_mnt_ns)."""
    if ns is not system.mntns and ns.root is not None and not _is_used(system, ns):
        dissolve(system, ns)


def _is_used(system: System, ns: MountNamespace) -> bool:
    spaces = {task.namespaces.mnt for task in system.tasks.values() if task.lives}
    return (
        ns in spaces
        or any(opened.inode.subject is ns for opened in open_files(system))
        or any(mount.root.inode.subject is ns for space in spaces for mount in space.mounts.values())
    )


def is_written_through(system: System, mount: Mount) -> bool:
    """Whether a regular file is open for writing through `mount` (mnt_get_writers)."""
    return any(opened.path.mount is mount and _writes(opened) for opened in open_files(system))


def is_written(system: System, sb: Superblock) -> bool:
    """Whether a file of `sb` is open for writing, or open although it has been removed (sb_prepare_remount_readonly)."""
    return any(
        opened.inode.sb is sb and (_writes(opened) or opened.inode.nlink == 0)
        for opened in open_files(system)
    )


def _writes(opened: Description) -> bool:
    return (
        opened.flags & O_ACCMODE in (OpenFlag.WRONLY, OpenFlag.RDWR)
        and not opened.flags & OpenFlag.PATH
        and opened.inode.type is FileType.REG
    )
