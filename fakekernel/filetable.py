"""Tables of descriptors: taking the lowest free number, sharing, copying, closing (fs/file.c).

A description lives as long as something refers to it: a descriptor in any table, or a message in flight.
"""

from typing import TYPE_CHECKING

from fakekernel.behaviour import BEHAVIOURS
from fakekernel.description import Description, Descriptor, FileTable
from fakekernel.store import Store, Table
from kernelapi.flags import O_ACCMODE, S_IFMT, FileType, OpenFlag, Rlimit
from kernelapi.ids import Fd
from kernelapi.protocol.descriptors import IS_PATH_ONLY, NOT_OPEN, TOO_MANY_OPEN

if TYPE_CHECKING:
    from fakekernel.machine import Machine
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.task import Task


# -- looking --


def description(kernel: "SyscallBase", fd: int) -> Description:
    """The description behind `fd`, one opened with O_PATH too (fget_raw). Refuses by NOT_OPEN."""
    found = kernel.task.files.entries.get(fd)
    if found is None:
        kernel.fail(NOT_OPEN)
    return found.description


def usable(kernel: "SyscallBase", fd: int) -> Description:
    """The description behind `fd` for a call that works on the file itself (fget). Refuses by NOT_OPEN and IS_PATH_ONLY."""
    found = description(kernel, fd)
    if found.flags & OpenFlag.PATH:
        kernel.refuse(IS_PATH_ONLY)
    return found


def number_limit(kernel: "SyscallBase") -> int:
    """The first number that is too large for a descriptor of the caller."""
    limit = kernel.task.job.limits.get(Rlimit.NOFILE)
    nr_open = kernel.machine.system.nr_open
    return nr_open if limit is None else min(limit.soft, nr_open)


def reserve(kernel: "SyscallBase", count: int = 1, lowest: int = 0) -> tuple[Fd, ...]:
    """The `count` lowest free numbers from `lowest`, for `put`. Changes nothing; refuses by TOO_MANY_OPEN.

    Linux takes the numbers early: open does so after it has read the path and before it walks it.
    """
    table = kernel.task.files
    entries = table.entries
    numbers: list[Fd] = []
    fd = max(lowest, table.lowest_free)
    start, end = table.run
    if start <= fd < end:
        fd = end
    while len(numbers) < count:
        if fd not in entries:
            numbers.append(Fd(fd))
        fd += 1
    if numbers[-1] >= number_limit(kernel):
        kernel.refuse(TOO_MANY_OPEN)
    return tuple(numbers)


# -- taking --


def install(kernel: "SyscallBase", description: Description, *, cloexec: bool = False, lowest: int = 0) -> Fd:
    """Give `description` the caller's lowest free number from `lowest`. Refuses by TOO_MANY_OPEN."""
    (fd,) = reserve(kernel, 1, lowest)
    put(kernel.task.files, fd, description, cloexec=cloexec)
    return fd


def put(table: FileTable, fd: int, description: Description, *, cloexec: bool = False) -> None:
    """Let the free number `fd` refer to `description`."""
    table.entries[fd] = Descriptor(description, cloexec)
    if fd == table.lowest_free:
        table.lowest_free = fd + 1
    else:
        start, end = table.run
        table.run = (start if fd == end else fd, fd + 1)
    description.references += 1


# -- letting go --


def drop(machine: "Machine", table: FileTable, fd: int) -> None:
    """Free the number `fd`, which is in use."""
    found = table.entries.pop(fd)
    if fd < table.lowest_free:
        table.lowest_free = fd
    start, end = table.run
    if start <= fd < end:
        table.run = (start, fd)
    release(machine, found.description)


def release(machine: "Machine", description: Description) -> None:
    """Let go of one reference; with the last one the description is gone."""
    description.references -= 1
    if description.references == 0:
        if writes(description):
            description.inode.write_count -= 1
        behaviour = BEHAVIOURS.get(description.behaviour)
        if behaviour is not None and not description.flags & OpenFlag.PATH:
            behaviour.release(machine, description)


def writes(description: Description) -> bool:
    """Whether it keeps a program from being run: a plain file, open for writing (i_writecount)."""
    flags = description.flags
    return flags & O_ACCMODE in (OpenFlag.WRONLY, OpenFlag.RDWR) and not flags & OpenFlag.PATH and (
        not description.behaviour and description.inode.mode & S_IFMT == FileType.REG
    )


# -- whole tables --


def copy_table(store: Store, table: FileTable) -> FileTable:
    """A table of its own with the same descriptions (dup_fd): what fork gives to the child."""
    entries = dict(table.entries.items())
    for found in entries.values():
        found.description.references += 1
    return FileTable(store=store, entries=Table(store, entries), lowest_free=table.lowest_free, run=table.run)


def unshare_table(task: "Task") -> None:
    """Give `task` a table of its own if it shares one (unshare_files): unshare(CLONE_FILES), execve."""
    shared = task.files
    if shared.users > 1:
        task.files = copy_table(task.store, shared)
        shared.users -= 1


def drop_table(machine: "Machine", table: FileTable) -> None:
    """One user of the table less; the last one closes everything, lowest number first (put_files_struct)."""
    table.users -= 1
    if table.users == 0:
        for fd in sorted(table.entries):
            drop(machine, table, fd)


def abandon_call(task: "Task") -> None:
    """Take back what the call that `task` dies in has done so far: an open that waits at a FIFO counts as an end of it."""
    abandon = getattr(task.progress, "abandon", None)
    if abandon is not None:
        abandon()
        task.progress = None


def close_on_exec(machine: "Machine", table: FileTable) -> None:
    """Close what is marked close-on-exec, lowest number first (do_close_on_exec). The table must not be shared."""
    for fd, found in sorted(table.entries.items(), key=_number):
        if found.cloexec:
            drop(machine, table, fd)


def _number(entry: tuple[int, Descriptor]) -> int:
    return entry[0]
