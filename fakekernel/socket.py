"""Pairs of UNIX sockets (unix(7), net/unix/af_unix.c): queues, shutting down, descriptors in flight.

An end has a queue of packets that its peer has sent. How much may stand there is a matter of the memory that Linux takes for
each packet, so that is counted as Linux does.
"""

from typing import TYPE_CHECKING, NamedTuple, cast

from fakekernel import filetable
from fakekernel.behaviour import BEHAVIOURS, Behaviour
from fakekernel.description import Description, new_nameless
from fakekernel.pipe import broken_pipe
from fakekernel.store import Record
from kernelapi.capability import Cap
from kernelapi.errors import NotModelled
from kernelapi.flags import FileType, MessageFlag, OpenFlag, Rlimit, SocketType
from kernelapi.ids import Fd, Kuid
from kernelapi.protocol.descriptors import (
    LSEEK_PIPE,
    READ_WOULD_BLOCK,
    SOCKET_BROKEN,
    SOCKET_MESSAGE_TOO_LONG,
    SOCKET_RESET,
    WRITE_BROKEN_PIPE,
    WRITE_WOULD_BLOCK,
)
from kernelapi.protocol.sockets import RECEIVE_CUTS_DESCRIPTORS, SEND_IN_FLIGHT, SHUTDOWN_REACHES_THE_PEER
from kernelapi.values import Message

if TYPE_CHECKING:
    from fakekernel.machine import Machine
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.syscalls.table import Syscalls

SEND_BUFFER = 212_992
"""Bytes of memory that an end may have in its peer's queue before it has to wait (net.core.wmem_default)."""

RECEIVE, SEND = 1, 2
"""The directions of `Socket.shut`."""

PAGE = 4096
HEAD_OVERHEAD, BUFFER_OVERHEAD = 320, 256  # struct skb_shared_info, struct sk_buff
PAGE_HEAD = PAGE - HEAD_OVERHEAD  # bytes that fit the head of one page (SKB_MAX_HEAD)
LARGE_HEAD = 4 * PAGE - HEAD_OVERHEAD  # (SKB_MAX_ALLOC)
STREAM_FRAGMENTS, PACKET_FRAGMENTS = 32_768, 17 * PAGE  # the most beside the head


class Packet(NamedTuple):
    """What one send put into the queue, or what is left of it."""

    data: bytes
    passed: tuple[Description, ...]
    sender: Kuid  # the real user, who is charged for descriptors in flight
    memory: int


class Socket(Record):
    """One end of a pair. `shut` holds the directions that are closed; `error` says that the next call tells ECONNRESET."""

    type: int
    peer: "Socket | None" = None
    queue: tuple[Packet, ...] = ()
    memory: int = 0  # of the queue
    shut: int = 0
    error: bool = False


def new_pair(kernel: "SyscallBase", type: int, flags: int) -> tuple[Description, Description]:
    """Two connected sockets; both descriptions get the status `flags`."""
    store, cred = kernel.store, kernel.task.cred
    first, second = Socket(store=store, type=type), Socket(store=store, type=type)
    first.peer, second.peer = second, first
    ends = []
    for end in (first, second):
        path = new_nameless(store, kernel.machine.system.sockfs, "socket", FileType.SOCK | 0o777, "unix", end, cred)
        ends.append(
            Description(
                store=store, behaviour="unix", path=path, inode=path.inode, flags=flags | OpenFlag.RDWR, cred=cred, subject=end
            )
        )
    return ends[0], ends[1]


def shut(kernel: "SyscallBase", socket: Socket, how: int) -> None:
    """Close the directions `how` of an end, and the opposite ones of its peer (unix_shutdown)."""
    socket.shut |= how
    peer = socket.peer
    if peer is not None and kernel.happens(SHUTDOWN_REACHES_THE_PEER):
        peer.shut |= (SEND if how & RECEIVE else 0) | (RECEIVE if how & SEND else 0)


# -- memory --


def _memory(size: int, beside: int) -> int:
    """What a packet of `size` bytes takes, `beside` of them in pages of their own (skb->truesize)."""
    head = (size - beside + 63 & ~63) + HEAD_OVERHEAD
    return max(512, 1 << (head - 1).bit_length()) + BUFFER_OVERHEAD + (beside + PAGE - 1 & -PAGE)


def _stream_memory(size: int) -> int:
    return _memory(size, min(size, max(0, size - PAGE_HEAD) + PAGE - 1 & -PAGE))


def _packet_memory(size: int) -> int:
    return _memory(size, min(max(0, size - LARGE_HEAD), PACKET_FRAGMENTS) + PAGE - 1 & -PAGE)


STREAM_PIECE = PAGE_HEAD + STREAM_FRAGMENTS
"""The most bytes of a stream in one packet."""


# -- sending --


def send(kernel: "SyscallBase", socket: Socket, data: bytes, passed: tuple[Description, ...], flags: int, wait: bool) -> int:
    """Queue `data` and `passed` at the peer; returns how many bytes."""
    if socket.type == SocketType.STREAM:
        return _send_stream(kernel, socket, data, passed, flags, wait)
    return _send_packet(kernel, socket, data, passed, wait)


def _send_stream(
    kernel: "SyscallBase", socket: Socket, data: bytes, passed: tuple[Description, ...], flags: int, wait: bool
) -> int:
    peer = socket.peer
    assert peer is not None
    sent: int | None = kernel.task.progress  # None: this is not made again after waiting
    if sent is None:
        if socket.shut & SEND:
            broken_pipe(kernel, signal=not flags & MessageFlag.NOSIGNAL)
            return len(data)  # suspended: into the void
        sent = 0
    while sent < len(data):
        if socket.error:
            socket.error = False
            if not sent:
                kernel.refuse(SOCKET_RESET)
            return sent
        if socket.shut & SEND:  # while it waited: no signal
            if not sent:
                kernel.refuse(WRITE_BROKEN_PIPE)
            return sent
        if peer.memory >= SEND_BUFFER:
            if wait:
                if sent != kernel.task.progress:
                    kernel.task.progress = sent
                kernel.block("room in the queue of the socket's peer", socket, peer)
            if not sent:
                kernel.refuse(WRITE_WOULD_BLOCK)
            return sent
        if passed and not sent:
            _check_in_flight(kernel)
        piece = data[sent : sent + STREAM_PIECE]
        _enqueue(kernel, peer, piece, () if sent else passed, _stream_memory(len(piece)))
        sent += len(piece)
    return sent


def _send_packet(kernel: "SyscallBase", socket: Socket, data: bytes, passed: tuple[Description, ...], wait: bool) -> int:
    peer = socket.peer
    assert peer is not None
    take_error(kernel, socket)
    if len(data) > SEND_BUFFER - 32:
        kernel.refuse(SOCKET_MESSAGE_TOO_LONG)
    if socket.shut & SEND:
        kernel.refuse(SOCKET_BROKEN)
        return len(data)
    if peer.memory >= SEND_BUFFER:
        if wait:
            kernel.block("room in the queue of the socket's peer", socket, peer)
        kernel.refuse(WRITE_WOULD_BLOCK)
    if passed:
        _check_in_flight(kernel)
    # -- effects only below --
    _enqueue(kernel, peer, data, passed, _packet_memory(len(data)))
    return len(data)


def take_error(kernel: "SyscallBase", socket: Socket) -> None:
    """Tell once that the peer was closed with unread data (sock_error)."""
    if socket.error:
        socket.error = False
        kernel.refuse(SOCKET_RESET)


def _enqueue(kernel: "SyscallBase", target: Socket, data: bytes, passed: tuple[Description, ...], memory: int) -> None:
    sender = kernel.task.cred.uid
    target.queue = (*target.queue, Packet(data, passed, sender, memory))
    target.memory += memory
    if passed:
        for description in passed:
            description.references += 1
        _count_in_flight(kernel.machine, sender, len(passed))


# -- descriptors in flight --


def _check_in_flight(kernel: "SyscallBase") -> None:
    count = kernel.machine.system.in_flight.get(kernel.task.cred.uid) or 0
    limit = kernel.task.job.limits.get(Rlimit.NOFILE)
    if limit is not None and count > limit.soft:
        initial = kernel.machine.system.userns
        if not kernel.capable_over(initial, Cap.SYS_RESOURCE) and not kernel.capable_over(initial, Cap.SYS_ADMIN):
            kernel.refuse(SEND_IN_FLIGHT)


def _count_in_flight(machine: "Machine", user: Kuid, change: int) -> None:
    in_flight = machine.system.in_flight
    count = (in_flight.get(user) or 0) + change
    if count:
        in_flight[user] = count
    else:
        del in_flight[user]


def refuse_cycle(target: Socket, passed: tuple[Description, ...]) -> None:
    """Sockets that are only to be found in each other's queues are collected by Linux, and not here."""
    waiting = [description.subject for description in passed if description.behaviour == "unix"]
    seen: set[Record] = set()
    while waiting:
        socket = cast(Socket, waiting.pop())
        if socket is target:
            raise NotModelled("a socket in its own queue, or in that of a socket that is in its queue")
        if socket not in seen:
            seen.add(socket)
            waiting += (d.subject for packet in socket.queue for d in packet.passed if d.behaviour == "unix")


# -- receiving --


def receive(
    kernel: "SyscallBase", socket: Socket, size: int, flags: int, wait: bool
) -> tuple[bytes, tuple[Description, ...], int]:
    """What stands in the queue, the descriptions passed with it, and MSG_TRUNC if a packet was cut.

    Unless it only peeks, the caller has to let go of the descriptions: `install` or `discard`.
    """
    if socket.type == SocketType.STREAM:
        return _receive_stream(kernel, socket, size, flags, wait)
    return _receive_packet(kernel, socket, size, flags, wait)


def _receive_stream(
    kernel: "SyscallBase", socket: Socket, size: int, flags: int, wait: bool
) -> tuple[bytes, tuple[Description, ...], int]:
    queue = socket.queue
    if not queue:
        take_error(kernel, socket)
        if socket.shut & RECEIVE:
            return b"", (), 0
        if wait:
            kernel.block("data from the socket's peer", socket)
        kernel.refuse(READ_WOULD_BLOCK)
        return b"", (), 0
    # -- effects only below --
    peek = flags & MessageFlag.PEEK
    pieces: list[bytes] = []
    passed: tuple[Description, ...] = ()
    index = 0
    rest: Packet | None = None
    while index < len(queue):
        packet = queue[index]
        piece = packet.data[:size]
        pieces.append(piece)
        size -= len(piece)
        passed = packet.passed
        if peek:
            index += 1  # and on, even if there is no room left: the descriptors of the next one are seen
            if passed:
                break
            continue
        if len(piece) < len(packet.data):
            rest = packet._replace(data=packet.data[len(piece) :], passed=())
            if passed:
                _count_in_flight(kernel.machine, packet.sender, -len(passed))
            break
        index += 1
        if passed:
            _count_in_flight(kernel.machine, packet.sender, -len(passed))
            break
        if not size:
            break
    if not peek:
        socket.memory -= sum(packet.memory for packet in queue[:index])
        socket.queue = queue[index:] if rest is None else (rest, *queue[index + 1 :])
    return b"".join(pieces), passed, 0


def _receive_packet(
    kernel: "SyscallBase", socket: Socket, size: int, flags: int, wait: bool
) -> tuple[bytes, tuple[Description, ...], int]:
    take_error(kernel, socket)
    queue = socket.queue
    if not queue:
        if socket.shut & RECEIVE:
            return b"", (), 0
        if wait:
            kernel.block("a packet from the socket's peer", socket)
        kernel.refuse(READ_WOULD_BLOCK)
        return b"", (), 0
    # -- effects only below --
    packet = queue[0]
    if not flags & MessageFlag.PEEK:
        socket.queue = queue[1:]
        socket.memory -= packet.memory
        if packet.passed:
            _count_in_flight(kernel.machine, packet.sender, -len(packet.passed))
    return packet.data[:size], packet.passed, MessageFlag.TRUNC if size < len(packet.data) else 0


def install(kernel: "SyscallBase", passed: tuple[Description, ...], *, cloexec: bool, peek: bool) -> tuple[tuple[Fd, ...], int]:
    """Give the caller descriptors for what was passed, as many as it may have; those, and MSG_CTRUNC if it is not all."""
    table = kernel.task.files
    limit = filetable.number_limit(kernel)
    numbers: list[Fd] = []
    fd = table.lowest_free
    for description in passed:
        while fd in table.entries:
            fd += 1
        if fd >= limit and kernel.happens(RECEIVE_CUTS_DESCRIPTORS):
            break
        filetable.put(table, fd, description, cloexec=cloexec)
        numbers.append(Fd(fd))
    if not peek:
        discard(kernel.machine, passed)
    return tuple(numbers), MessageFlag.CTRUNC if len(numbers) < len(passed) else 0


def discard(machine: "Machine", passed: tuple[Description, ...]) -> None:
    """Let go of descriptions that were in flight."""
    for description in passed:
        filetable.release(machine, description)


def receive_message(kernel: "SyscallBase", description: Description, size: int, flags: int) -> Message:
    """recvmsg on an end of a pair."""
    socket = cast(Socket, description.subject)
    wait = not (flags & MessageFlag.DONTWAIT or description.flags & OpenFlag.NONBLOCK)
    data, passed, cut = receive(kernel, socket, size, flags, wait)
    cloexec = flags & MessageFlag.CMSG_CLOEXEC
    fds, lost = install(kernel, passed, cloexec=bool(cloexec), peek=bool(flags & MessageFlag.PEEK)) if passed else ((), 0)
    return Message(data, fds, int(cut | lost | cloexec))


class UnixBehaviour(Behaviour):
    """A socket as a file: reading it drops descriptors that were passed, and there is no opening it."""

    def release(self, machine: "Machine", description: Description) -> None:
        """The end is closed: both directions of the peer are shut; with unread data, the peer gets ECONNRESET."""
        socket = cast(Socket, description.subject)
        peer, queue = socket.peer, socket.queue
        socket.shut = RECEIVE | SEND
        socket.peer = None
        assert peer is not None
        peer.shut = RECEIVE | SEND
        if queue[1:] or (queue and queue[0].data):  # an empty packet alone is taken for one that has been read
            peer.error = True
        if queue:
            socket.queue = ()
            socket.memory = 0
        for packet in queue:
            if packet.passed:
                _count_in_flight(machine, packet.sender, -len(packet.passed))
                discard(machine, packet.passed)

    def read(self, kernel: "Syscalls", description: Description, count: int) -> bytes:
        if count == 0:
            return b""
        socket = cast(Socket, description.subject)
        data, passed, _ = receive(kernel, socket, count, 0, not description.flags & OpenFlag.NONBLOCK)
        discard(kernel.machine, passed)
        return data

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        socket = cast(Socket, description.subject)
        return send(kernel, socket, data, (), 0, not description.flags & OpenFlag.NONBLOCK)

    def seek(self, kernel: "Syscalls", description: Description, offset: int, whence: int) -> int:
        kernel.refuse(LSEEK_PIPE)
        return 0


BEHAVIOURS["unix"] = UnixBehaviour()
