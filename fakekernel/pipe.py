"""Pipes and FIFOs (pipe(7), fifo(7), fs/pipe.c).

A pipe has sixteen slots of a page each. A write fills new slots, but first tops up the last one if what it has beyond whole
pages fits there: so 4,096 bytes go in at once or not at all, and how much fits depends on how it was written.
"""

from typing import TYPE_CHECKING, NamedTuple, cast

from fakekernel.behaviour import BEHAVIOURS, Behaviour
from fakekernel.description import Description, new_nameless
from fakekernel.filesystem import Inode
from fakekernel.signalling import send_self
from fakekernel.store import Record
from kernelapi.flags import O_ACCMODE, FileType, OpenFlag, Signal
from kernelapi.protocol.descriptors import (
    LSEEK_PIPE,
    OPEN_FIFO_WITHOUT_READER,
    READ_WOULD_BLOCK,
    WRITE_BROKEN_PIPE,
    WRITE_WOULD_BLOCK,
)

if TYPE_CHECKING:
    from fakekernel.machine import Machine
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.syscalls.table import Syscalls

PAGE = 4096
SLOTS = 16


class Slot(NamedTuple):
    """A page of a pipe: what can still be read, and how far it is filled, counting what has been read."""

    data: bytes
    filled: int


class Pipe(Record):
    """What stands between the two ends of a pipe, or of all who have a FIFO open.

    `readers` and `writers` count open descriptions; the `*_opened` count every one that there ever was, so that who waits for
    a peer sees even one that came and went.
    """

    slots: tuple[Slot, ...] = ()
    readers: int = 0
    writers: int = 0
    readers_opened: int = 0
    writers_opened: int = 0


class Opening(NamedTuple):
    """The progress of an open of a FIFO that waits for its peer: it counts as an end already."""

    inode: Inode
    pipe: Pipe
    reads: bool
    peers_opened: int

    def abandon(self) -> None:
        """The caller dies waiting: it is no end any more."""
        if self.reads:
            self.pipe.readers -= 1
        else:
            self.pipe.writers -= 1
        if not self.pipe.readers and not self.pipe.writers:
            self.inode.subject = None


def new_pipe(kernel: "SyscallBase", flags: int) -> tuple[Description, Description]:
    """The two ends of a new pipe, both with the status `flags`."""
    store, cred = kernel.store, kernel.task.cred
    pipe = Pipe(store=store, readers=1, writers=1, readers_opened=1, writers_opened=1)
    path = new_nameless(store, kernel.machine.system.pipefs, "pipe", FileType.FIFO | 0o600, "pipe", pipe, cred)
    reader, writer = (
        Description(store=store, behaviour="pipe", path=path, inode=path.inode, flags=flags | mode, cred=cred, subject=pipe)
        for mode in (OpenFlag.RDONLY, OpenFlag.WRONLY)
    )
    return reader, writer


def broken_pipe(kernel: "SyscallBase", *, signal: bool = True) -> None:
    """Refuse a write by WRITE_BROKEN_PIPE, after the signal that goes with it."""
    if signal and WRITE_BROKEN_PIPE not in kernel.machine.suspended:
        send_self(kernel, Signal.PIPE)
    kernel.refuse(WRITE_BROKEN_PIPE)


class PipeBehaviour(Behaviour):
    """A pipe. Opened again through /proc/PID/fd, it is open at once: it does not wait for a peer."""

    waits_for_peer = False

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        pipe = cast("Pipe | None", description.inode.subject)
        mode = description.flags & O_ACCMODE
        progress = kernel.task.progress
        if isinstance(progress, Opening):
            opened = progress.pipe.writers_opened if progress.reads else progress.pipe.readers_opened
            if opened == progress.peers_opened:
                kernel.block("a peer at the other end of the FIFO", progress.pipe)
            return progress.pipe
        has_reader = pipe is not None and pipe.readers > 0
        if self.waits_for_peer and mode == OpenFlag.WRONLY and description.flags & OpenFlag.NONBLOCK and not has_reader:
            kernel.refuse(OPEN_FIFO_WITHOUT_READER)
        # -- effects only below --
        if pipe is None:
            pipe = Pipe(store=kernel.store)
            description.inode.subject = pipe
        if mode != OpenFlag.WRONLY:
            pipe.readers += 1
            pipe.readers_opened += 1
        if mode != OpenFlag.RDONLY:
            pipe.writers += 1
            pipe.writers_opened += 1
        if self.waits_for_peer:
            if mode == OpenFlag.RDONLY and not pipe.writers and not description.flags & OpenFlag.NONBLOCK:
                kernel.task.progress = Opening(description.inode, pipe, True, pipe.writers_opened)
                kernel.block("a writer of the FIFO", pipe)
            if mode == OpenFlag.WRONLY and not pipe.readers and OPEN_FIFO_WITHOUT_READER not in kernel.machine.suspended:
                kernel.task.progress = Opening(description.inode, pipe, False, pipe.readers_opened)
                kernel.block("a reader of the FIFO", pipe)
        return pipe

    def release(self, machine: "Machine", description: Description) -> None:
        pipe = cast(Pipe, description.subject)
        mode = description.flags & O_ACCMODE
        if mode != OpenFlag.WRONLY:
            pipe.readers -= 1
        if mode != OpenFlag.RDONLY:
            pipe.writers -= 1
        if not pipe.readers and not pipe.writers:  # what nobody has read is lost
            description.inode.subject = None

    def read(self, kernel: "Syscalls", description: Description, count: int) -> bytes:
        if count == 0:
            return b""
        pipe = cast(Pipe, description.subject)
        slots = pipe.slots
        if not slots:
            if not pipe.writers:
                return b""
            if description.flags & OpenFlag.NONBLOCK:
                kernel.refuse(READ_WOULD_BLOCK)
                return b""
            kernel.block("a writer of the pipe", pipe)
        # -- effects only below --
        data, filled = slots[0]
        if count < len(data):
            pipe.slots = (Slot(data[count:], filled), *slots[1:])
            return data[:count]
        taken, index = [], 0
        while index < len(slots) and count >= len(slots[index].data):
            taken.append(slots[index].data)
            count -= len(slots[index].data)
            index += 1
        rest = slots[index:]
        if rest and count:
            data, filled = rest[0]
            taken.append(data[:count])
            rest = (Slot(data[count:], filled), *rest[1:])
        pipe.slots = rest
        return b"".join(taken)

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        if not data:
            return 0
        pipe = cast(Pipe, description.subject)
        done: int | None = kernel.task.progress  # bytes that went in before it had to wait
        if not pipe.readers:
            if done:
                send_self(kernel, Signal.PIPE)
                return done
            broken_pipe(kernel)
            return len(data)  # suspended: into the void
        slots = pipe.slots
        if done is None:
            done = 0
            odd = len(data) % PAGE
            if odd and slots and slots[-1].filled + odd <= PAGE:
                last = slots[-1]
                slots = (*slots[:-1], Slot(last.data + data[:odd], last.filled + odd))
                done = odd
        while done < len(data) and len(slots) < SLOTS:
            page = data[done : done + PAGE]
            slots = (*slots, Slot(page, len(page)))
            done += len(page)
        if slots is not pipe.slots:
            pipe.slots = slots
        if done < len(data):
            if not description.flags & OpenFlag.NONBLOCK:
                kernel.task.progress = done
                kernel.block("room in the pipe", pipe)
            if not done:
                kernel.refuse(WRITE_WOULD_BLOCK)
        return done

    def seek(self, kernel: "Syscalls", description: Description, offset: int, whence: int) -> int:
        kernel.refuse(LSEEK_PIPE)
        return 0


class FifoBehaviour(PipeBehaviour):
    """A FIFO. The pipe behind it exists as long as somebody has it open."""

    waits_for_peer = True


BEHAVIOURS["pipe"] = PipeBehaviour()
BEHAVIOURS["fifo"] = FifoBehaviour()
