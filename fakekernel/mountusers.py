"""Who holds a mount busy: roots, working directories, programs, open files (the reference count of struct mount).

Found by looking at all processes: only umounts without MNT_DETACH and changes to read-only ask for it.
"""

from collections.abc import Iterator

from fakekernel.description import Description
from fakekernel.filesystem import Superblock
from fakekernel.mount import Mount
from fakekernel.system import System
from kernelapi.flags import O_ACCMODE, FileType, OpenFlag


def open_files(system: System) -> Iterator[Description]:
    """The open file descriptions of all processes, each table once."""
    seen = set()
    for task in system.tasks.values():
        if task.lives and task.files not in seen:
            seen.add(task.files)
            for descriptor in task.files.entries.values():
                yield descriptor.description


def used_mounts(system: System) -> set[Mount]:
    """The mounts that some process uses."""
    used: set[Mount] = set()
    for task in system.tasks.values():
        if task.lives:
            used.add(task.fs.root.mount)
            used.add(task.fs.cwd.mount)
            if task.mm.executable is not None:
                used.add(task.mm.executable.mount)
    used.update(opened.path.mount for opened in open_files(system) if opened.path is not None)
    return used


def is_written_through(system: System, mount: Mount) -> bool:
    """Whether a regular file is open for writing through `mount` (mnt_get_writers)."""
    return any(opened.path is not None and opened.path.mount is mount and _writes(opened) for opened in open_files(system))


def is_written(system: System, sb: Superblock) -> bool:
    """Whether a file of `sb` is open for writing, or open although it has been removed (fs/super.c, sb_prepare_remount_readonly)."""
    return any(
        opened.inode.sb is sb and opened.path is not None and (_writes(opened) or opened.inode.nlink == 0)
        for opened in open_files(system)
    )


def _writes(opened: Description) -> bool:
    return (
        opened.flags & O_ACCMODE != OpenFlag.RDONLY
        and not opened.flags & OpenFlag.PATH
        and opened.inode.type is FileType.REG
    )
