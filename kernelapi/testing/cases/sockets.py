"""Laws of socket pairs: streams and packets, shutting down, closing, passing descriptors."""

from errno import (
    EAFNOSUPPORT,
    EAGAIN,
    EBADF,
    ECONNRESET,
    EINVAL,
    EMFILE,
    EMSGSIZE,
    ENOTSOCK,
    ENXIO,
    EOPNOTSUPP,
    EPIPE,
    EPROTONOSUPPORT,
    ESOCKTNOSUPPORT,
    ESPIPE,
    ETOOMANYREFS,
)

from kernelapi.capability import EMPTY
from kernelapi.flags import (
    AddressFamily,
    Disposition,
    FdFlag,
    FileType,
    MessageFlag,
    OpenFlag,
    Rlimit,
    Shutdown,
    Signal,
    SocketType,
)
from kernelapi.ids import Fd, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, read_all, refused
from kernelapi.values import CapData, Limit, Message

UNIX, NETLINK = AddressFamily.UNIX, AddressFamily.NETLINK
STREAM, SEQPACKET, RAW = SocketType.STREAM, SocketType.SEQPACKET, SocketType.RAW
DONTWAIT, PEEK, NOSIGNAL, TRUNC = MessageFlag.DONTWAIT, MessageFlag.PEEK, MessageFlag.NOSIGNAL, MessageFlag.TRUNC
BOTH = (STREAM, SEQPACKET)


def ignore_sigpipe(kernel: Kernel) -> None:
    kernel.rt_sigaction(Signal.PIPE, Disposition.IGNORE)


def received(kernel: Kernel, fd: Fd) -> bytes:
    """What stands in the queue next."""
    data = kernel.recvmsg(fd, 100, DONTWAIT).data
    assert isinstance(data, bytes)
    return data


# -- making them --


@case
def a_pair_wants_a_family_and_type_that_has_pairs(kernel: Kernel) -> None:
    refused(EINVAL, kernel.socketpair, 99, STREAM | OpenFlag.APPEND)
    refused(EAFNOSUPPORT, kernel.socketpair, 99, STREAM)
    refused(EAFNOSUPPORT, kernel.socketpair, 0, STREAM)
    refused(EINVAL, kernel.socketpair, UNIX, 11)
    refused(EPROTONOSUPPORT, kernel.socketpair, UNIX, 4, 5)
    refused(ESOCKTNOSUPPORT, kernel.socketpair, UNIX, 4)
    refused(EOPNOTSUPP, kernel.socketpair, NETLINK, RAW)
    kernel.setrlimit(Rlimit.NOFILE, Limit(2, 1024))
    refused(EMFILE, kernel.socketpair, 99, STREAM)


@case
def a_pair_is_two_sockets(kernel: Kernel) -> None:
    ends = kernel.socketpair(UNIX, STREAM | SocketType.NONBLOCK | SocketType.CLOEXEC)
    expect("close-on-exec", [kernel.fcntl_getfd(end) for end in ends], [FdFlag.CLOEXEC] * 2)
    expect("status flags", [kernel.fcntl_getfl(end) for end in ends], [OpenFlag.RDWR | OpenFlag.NONBLOCK] * 2)
    stats = [kernel.fstat(end) for end in ends]
    expect("the mode", stats[0].mode, FileType.SOCK | 0o777)
    expect("each is another", stats[0].ino == stats[1].ino, False)
    refused(ESPIPE, kernel.lseek, ends[0], 0)


@case(tree=True)
def a_socket_is_not_opened_again_by_its_descriptor(kernel: Kernel) -> None:
    end, _ = kernel.socketpair(UNIX, STREAM)
    expect("its name", kernel.readlink(f"/proc/self/fd/{end}"), f"socket:[{kernel.fstat(end).ino}]")
    refused(ENXIO, kernel.open, f"/proc/self/fd/{end}", OpenFlag.RDWR)


@case
def what_is_no_socket_is_refused(kernel: Kernel) -> None:
    reader, _ = kernel.pipe2(0)
    for fd, errno in ((reader, ENOTSOCK), (Fd(900), EBADF)):
        refused(errno, kernel.shutdown, fd, 9)
        refused(errno, kernel.sendmsg, fd, b"x", (Fd(901),))
        refused(errno, kernel.recvmsg, fd, 1)


# -- data --


@case
def a_stream_has_no_borders_and_packets_keep_theirs(kernel: Kernel) -> None:
    for kind, answers in ((STREAM, (b"abcd", b"ef")), (SEQPACKET, (b"abc", b"def"))):
        one, other = kernel.socketpair(UNIX, kind)
        kernel.sendmsg(one, b"abc")
        kernel.write(one, b"def")
        expect("the first", kernel.recvmsg(other, 4), Message(answers[0]))
        expect("the rest", kernel.read(other, 100), answers[1])
        refused(EAGAIN, kernel.recvmsg, other, 1, DONTWAIT)


@case
def a_packet_is_cut_to_the_room_that_there_is(kernel: Kernel) -> None:
    one, other = kernel.socketpair(UNIX, SEQPACKET)
    kernel.sendmsg(one, b"abcdef")
    kernel.sendmsg(one, b"ghi")
    expect("the beginning", kernel.recvmsg(other, 4), Message(b"abcd", flags=TRUNC))
    expect("the next packet", kernel.recvmsg(other, 3), Message(b"ghi"))
    expect("an empty one", kernel.sendmsg(one, b""), 0)
    expect("looks like the end", kernel.recvmsg(other, 3, DONTWAIT), Message(b""))
    kernel.write(one, b"")
    expect("looks like the end", kernel.read(other, 3), b"")
    expect("none on a stream", kernel.sendmsg(kernel.socketpair(UNIX, STREAM)[0], b""), 0)


@case
def peeking_leaves_what_it_saw(kernel: Kernel) -> None:
    for kind in BOTH:
        one, other = kernel.socketpair(UNIX, kind)
        kernel.sendmsg(one, b"abc")
        expect("seen", kernel.recvmsg(other, 10, PEEK).data, b"abc")
        expect("received", kernel.recvmsg(other, 10).data, b"abc")
        refused(EAGAIN, kernel.recvmsg, other, 10, PEEK | DONTWAIT)


@case
def nonblocking_sockets_do_not_wait(kernel: Kernel) -> None:
    for kind in BOTH:
        one, _ = kernel.socketpair(UNIX, kind | SocketType.NONBLOCK)
        refused(EAGAIN, kernel.read, one, 1)
        refused(EAGAIN, kernel.recvmsg, one, 1)
        expect("reading nothing", kernel.read(one, 0), b"")


def capacity(kernel: Kernel, kind: SocketType, size: int) -> int:
    """How many messages of `size` bytes fit."""
    one, other = kernel.socketpair(UNIX, kind)
    count = 0
    try:
        while kernel.sendmsg(one, b"." * size, (), DONTWAIT) == size:
            count += 1
    except OSError as error:
        expect("why no more fits", error.errno, EAGAIN)
    kernel.close(one)
    kernel.close(other)
    return count


@case
def how_much_fits_is_counted_in_memory(kernel: Kernel) -> None:
    sizes = (1, 192, 193, 1728, 3776, 3777, 5000, 20000)
    expect("stream", [capacity(kernel, STREAM, size) for size in sizes], [278, 278, 167, 93, 49, 44, 34, 11])
    expect("packets", [capacity(kernel, SEQPACKET, size) for size in sizes], [278, 278, 167, 93, 49, 26, 26, 11])


@case
def a_stream_takes_what_fits_and_a_packet_must_fit_whole(kernel: Kernel) -> None:
    one, other = kernel.socketpair(UNIX, STREAM)
    expect("what fits", kernel.sendmsg(one, b"." * 300_000, (), DONTWAIT), 219_264)
    refused(EAGAIN, kernel.sendmsg, one, b".", (), DONTWAIT)
    expect("half of it", len(kernel.read(other, 109_632)), 109_632)
    expect("what fits again", kernel.sendmsg(one, b"." * 300_000, (), DONTWAIT), 109_632)
    one, _ = kernel.socketpair(UNIX, SEQPACKET)
    refused(EMSGSIZE, kernel.sendmsg, one, b"." * 212_961)
    expect("the largest", kernel.sendmsg(one, b"." * 212_960), 212_960)


def _send_all(kernel: Kernel, one: Fd, other: Fd, data: bytes) -> int:
    kernel.close(other)
    return 0 if kernel.write(one, data) == len(data) else 1


@case
def a_sender_waits_for_room(kernel: Kernel) -> None:
    one, other = kernel.socketpair(UNIX, STREAM)
    data = bytes(range(250)) * 2000
    child = kernel.clone(Signal.CHLD, _send_all, one, other, data)
    kernel.close(one)
    expect("all of it", read_all(kernel, other) == data, True)
    expect("in one write", kernel.wait4(child)[1], 0)


# -- the end of a connection --


@case
def closing_an_end_ends_both_directions_of_the_other(kernel: Kernel) -> None:
    for kind in BOTH:
        one, other = kernel.socketpair(UNIX, kind)
        kernel.sendmsg(one, b"last words")
        kernel.close(one)
        expect("what was sent", received(kernel, other), b"last words")
        expect("the end", received(kernel, other), b"")
        expect("it stays", received(kernel, other), b"")
        refused(EPIPE, kernel.sendmsg, other, b"x", (), NOSIGNAL)
        expect("shutting down", kernel.shutdown(other, Shutdown.RDWR), None)


@case
def a_stream_tells_of_unread_data_once_and_after_what_is_queued(kernel: Kernel) -> None:
    one, other = kernel.socketpair(UNIX, STREAM)
    kernel.sendmsg(other, b"unread")
    kernel.sendmsg(one, b"queued")
    kernel.sendmsg(one, b"too")
    kernel.close(one)
    refused(EPIPE, kernel.sendmsg, other, b"x", (), NOSIGNAL)
    expect("what was queued", received(kernel, other), b"queuedtoo")
    refused(ECONNRESET, kernel.read, other, 100)
    expect("the end", received(kernel, other), b"")


@case
def a_packet_socket_tells_of_unread_data_at_once(kernel: Kernel) -> None:
    for call in ("read", "write"):
        one, other = kernel.socketpair(UNIX, SEQPACKET)
        kernel.sendmsg(other, b"unread")
        kernel.sendmsg(one, b"queued")
        kernel.close(one)
        if call == "read":
            refused(ECONNRESET, kernel.read, other, 100)
        else:
            refused(ECONNRESET, kernel.sendmsg, other, b"x", (Fd(900),))
            refused(EPIPE, kernel.sendmsg, other, b"x")
        expect("what was queued", received(kernel, other), b"queued")
        expect("the end", received(kernel, other), b"")


@case
def an_empty_packet_alone_is_no_unread_data(kernel: Kernel) -> None:
    for packets, errno in (((b"",), EPIPE), ((b"", b""), ECONNRESET), ((b"", b"x"), ECONNRESET), ((b"x", b""), ECONNRESET)):
        one, other = kernel.socketpair(UNIX, SEQPACKET)
        for packet in packets:
            kernel.sendmsg(other, packet)
        kernel.close(one)
        refused(errno, kernel.sendmsg, other, b"x", (), NOSIGNAL)


def _hold(kernel: Kernel, one: Fd, other: Fd, ready: Fd) -> None:
    kernel.close(other)
    kernel.write(ready, b"x")
    kernel.recvmsg(one, 1, PEEK)
    while True:
        kernel.clock_nanosleep(1, 0, 10**9)


@case
def the_death_of_the_peer_closes_its_end(kernel: Kernel) -> None:
    one, other = kernel.socketpair(UNIX, STREAM)
    reader, writer = kernel.pipe2(0)
    child = kernel.clone(Signal.CHLD, _hold, one, other, writer)
    kernel.close(one)
    kernel.read(reader, 1)
    kernel.sendmsg(other, b"unread")
    kernel.kill(child, Signal.KILL)
    refused(ECONNRESET, kernel.recvmsg, other, 1)
    expect("the end", kernel.recvmsg(other, 1), Message(b""))
    kernel.wait4(child)


@case
def a_direction_can_be_shut_alone(kernel: Kernel) -> None:
    for kind in BOTH:
        one, other = kernel.socketpair(UNIX, kind)
        kernel.sendmsg(other, b"before")
        kernel.sendmsg(one, b"before")
        kernel.shutdown(one, Shutdown.WR)
        refused(EPIPE, kernel.sendmsg, one, b"x", (), NOSIGNAL)
        expect("what was sent before", received(kernel, other), b"before")
        expect("the end", received(kernel, other), b"")
        kernel.sendmsg(other, b"after")
        kernel.shutdown(one, Shutdown.RD)
        refused(EPIPE, kernel.sendmsg, other, b"x", (), NOSIGNAL)
        expect("what is queued", received(kernel, one)[:6], b"before")
        refused(EINVAL, kernel.shutdown, one, 3)
        refused(EINVAL, kernel.shutdown, one, -1)


def _send_on_shut(kernel: Kernel, kind: SocketType, flags: int, by_write: bool) -> int:
    one, _ = kernel.socketpair(UNIX, kind)
    kernel.shutdown(one, Shutdown.WR)
    if by_write:
        refused(EPIPE, kernel.write, one, b"")
    else:
        refused(EPIPE, kernel.sendmsg, one, b"x", (), flags)
    return 7


@case
def only_a_stream_sends_the_signal_and_not_where_it_is_told_not_to(kernel: Kernel) -> None:
    signalled, alive = int(Signal.PIPE), 7 << 8
    for kind, flags, by_write, status in (
        (STREAM, 0, False, signalled),
        (STREAM, 0, True, signalled),
        (STREAM, NOSIGNAL, False, alive),
        (SEQPACKET, 0, False, alive),
        (SEQPACKET, 0, True, alive),
    ):
        child = kernel.clone(Signal.CHLD, _send_on_shut, kind, flags, by_write)
        expect(f"the status for {kind!r} {flags} {by_write}", kernel.wait4(child)[1], status)


def _send_into_a_full_queue(kernel: Kernel, one: Fd, other: Fd) -> int:
    kernel.close(other)
    ignore_sigpipe(kernel)
    refused(ECONNRESET, kernel.write, one, b"." * 10)
    refused(EPIPE, kernel.write, one, b".")
    return 7


@case
def a_sender_that_waits_when_the_peer_is_closed_is_told_of_unread_data(kernel: Kernel) -> None:
    one, other = kernel.socketpair(UNIX, STREAM)
    kernel.sendmsg(one, b"." * 300_000, (), DONTWAIT)
    child = kernel.clone(Signal.CHLD, _send_into_a_full_queue, one, other)
    kernel.clock_nanosleep(1, 0, 100_000_000)
    kernel.close(one)
    kernel.close(other)
    expect("its status", kernel.wait4(child)[1], 7 << 8)


def _write_until_it_breaks(kernel: Kernel, one: Fd, other: Fd, size: int, expected: int) -> int:
    """Without ignoring SIGPIPE: who waits gets none. What is expected is how much is written, or minus an errno."""
    kernel.close(other)
    if expected < 0:
        refused(-expected, kernel.write, one, b"." * size)
    else:
        expect("written", kernel.write(one, b"." * size), expected)
    return 7


@case
def a_stream_that_breaks_in_the_middle_of_a_write_tells_how_far_it_came(kernel: Kernel) -> None:
    for break_by in ("closing", "shutting down"):
        for full in (False, True):
            one, other = kernel.socketpair(UNIX, STREAM)
            if full:
                kernel.sendmsg(one, b"." * 300_000, (), DONTWAIT)
            broken = -ECONNRESET if break_by == "closing" else -EPIPE
            child = kernel.clone(Signal.CHLD, _write_until_it_breaks, one, other, 300_000, broken if full else 219_264)
            kernel.clock_nanosleep(1, 0, 100_000_000)
            if break_by == "closing":
                kernel.close(other)
            else:
                kernel.shutdown(one, Shutdown.WR)
            expect(f"its status by {break_by}, {full}", kernel.wait4(child)[1], 7 << 8)
            kernel.close(one)


def _send_three(kernel: Kernel, one: Fd, other: Fd) -> None:
    kernel.close(other)
    for size in (150_000, 150_000, 150_000):
        expect("sent", kernel.write(one, b"." * size), size)


@case
def a_packet_waits_for_room(kernel: Kernel) -> None:
    one, other = kernel.socketpair(UNIX, SEQPACKET)
    child = kernel.clone(Signal.CHLD, _send_three, one, other)
    kernel.close(one)
    kernel.clock_nanosleep(1, 0, 100_000_000)
    for _ in range(3):
        expect("a packet", len(kernel.read(other, 200_000)), 150_000)
    expect("the end", kernel.read(other, 1), b"")
    expect("its status", kernel.wait4(child)[1], 0)


# -- passing descriptors --


@case
def a_passed_descriptor_is_a_new_number_for_the_same_description(kernel: Kernel) -> None:
    for kind in BOTH:
        one, other = kernel.socketpair(UNIX, kind)
        reader, writer = kernel.pipe2(OpenFlag.CLOEXEC)
        kernel.sendmsg(one, b"x", (writer, writer))
        kernel.close(writer)
        message = kernel.recvmsg(other, 10)
        expect("the first is the lowest free number", message, Message(b"x", (writer, Fd(writer + 1))))
        expect("close-on-exec", [kernel.fcntl_getfd(fd) for fd in message.fds], [0, 0])
        kernel.write(message.fds[1], b"through")
        expect("what came", kernel.read(reader, 10), b"through")
        for fd in message.fds:
            kernel.close(fd)
        expect("the end", kernel.read(reader, 10), b"")


@case
def received_descriptors_can_be_close_on_exec(kernel: Kernel) -> None:
    one, other = kernel.socketpair(UNIX, STREAM)
    kernel.sendmsg(one, b"x", (kernel.pipe2(0)[0],))
    message = kernel.recvmsg(other, 10, MessageFlag.CMSG_CLOEXEC)
    expect("the flags", message.flags, MessageFlag.CMSG_CLOEXEC)
    expect("close-on-exec", kernel.fcntl_getfd(message.fds[0]), FdFlag.CLOEXEC)


@case
def what_is_in_flight_is_open(kernel: Kernel) -> None:
    one, other = kernel.socketpair(UNIX, STREAM)
    reader, writer = kernel.pipe2(OpenFlag.NONBLOCK)
    kernel.sendmsg(one, b"x", (writer,))
    kernel.close(writer)
    refused(EAGAIN, kernel.read, reader, 1)
    kernel.close(one)
    refused(EAGAIN, kernel.read, reader, 1)
    kernel.close(other)
    expect("the end", kernel.read(reader, 1), b"")


@case
def reading_drops_what_was_passed(kernel: Kernel) -> None:
    for kind in BOTH:
        one, other = kernel.socketpair(UNIX, kind)
        reader, writer = kernel.pipe2(OpenFlag.NONBLOCK)
        kernel.sendmsg(one, b"abc", (writer,))
        kernel.close(writer)
        expect("the data", kernel.read(other, 2), b"ab")
        expect("the end of the pipe", kernel.read(reader, 1), b"")


@case
def a_stream_stops_at_descriptors(kernel: Kernel) -> None:
    one, other = kernel.socketpair(UNIX, STREAM)
    fd = kernel.pipe2(0)[0]
    for data, fds in ((b"abc", ()), (b"def", (fd, fd)), (b"ghi", ())):
        kernel.sendmsg(one, data, fds)
    message = kernel.recvmsg(other, 100, PEEK)
    expect("seen", (message.data, len(message.fds)), (b"abcdef", 2))
    expect("seen with a shorter look", len(kernel.recvmsg(other, 3, PEEK).fds), 2)
    expect("before them", kernel.recvmsg(other, 3).fds, ())
    message = kernel.recvmsg(other, 2)
    expect("with them", (message.data, len(message.fds)), (b"de", 2))
    expect("after them", kernel.recvmsg(other, 100), Message(b"fghi"))


@case
def descriptors_travel_with_a_byte_of_a_stream_or_any_packet(kernel: Kernel) -> None:
    fd = kernel.pipe2(0)[0]
    one, other = kernel.socketpair(UNIX, STREAM)
    kernel.sendmsg(one, b"", (fd,))
    refused(EAGAIN, kernel.recvmsg, other, 1, DONTWAIT)
    one, other = kernel.socketpair(UNIX, SEQPACKET)
    kernel.sendmsg(one, b"", (fd,))
    expect("how many came", len(kernel.recvmsg(other, 1).fds), 1)


@case
def only_open_descriptors_and_not_too_many_are_passed(kernel: Kernel) -> None:
    for kind in BOTH:
        one, other = kernel.socketpair(UNIX, kind)
        fd = kernel.pipe2(0)[0]
        refused(EINVAL, kernel.sendmsg, one, b"x", (Fd(900),) * 254)
        refused(EBADF, kernel.sendmsg, one, b"x", (fd, Fd(900)))
        kernel.shutdown(one, Shutdown.WR)
        refused(EBADF, kernel.sendmsg, one, b"x", (Fd(-1),), NOSIGNAL)
        kernel.sendmsg(other, b"x", (fd,) * 253)
        expect("how many came", len(kernel.recvmsg(one, 1).fds), 253)


@case
def descriptors_for_which_there_is_no_number_are_lost(kernel: Kernel) -> None:
    one, other = kernel.socketpair(UNIX, STREAM)
    reader, writer = kernel.pipe2(OpenFlag.NONBLOCK)
    kernel.sendmsg(one, b"x", (reader, reader, writer))
    kernel.close(writer)
    kernel.setrlimit(Rlimit.NOFILE, Limit(writer + 1, 1024))
    expect("what came", kernel.recvmsg(other, 1), Message(b"x", (writer,), MessageFlag.CTRUNC))
    expect("the end of the pipe", kernel.read(reader, 1), b"")


def _send_too_many(kernel: Kernel) -> int:
    kernel.setuid(Uid(4242))
    kernel.capset(Pid(0), CapData(EMPTY, EMPTY, EMPTY))
    kernel.setrlimit(Rlimit.NOFILE, Limit(40, 40))
    one, other = kernel.socketpair(UNIX, STREAM)
    fd = kernel.pipe2(0)[0]
    kernel.sendmsg(one, b"x", (fd,) * 40)
    kernel.sendmsg(one, b"x", (fd,))
    refused(ETOOMANYREFS, kernel.sendmsg, one, b"x", (fd,))
    expect("without any", kernel.sendmsg(one, b"x"), 1)
    kernel.read(other, 1)
    expect("after 40 have come", kernel.sendmsg(one, b"x", (fd,)), 1)
    return 7


@case
def a_user_has_only_so_many_descriptors_in_flight(kernel: Kernel) -> None:
    expect("the child", in_child(kernel, _send_too_many), 7)


@case
def who_administers_the_system_has_any_number_in_flight(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.NOFILE, Limit(40, 1024))
    one, other = kernel.socketpair(UNIX, STREAM)
    fd = kernel.pipe2(0)[0]
    for _ in range(3):
        expect("sent", kernel.sendmsg(one, b"x", (fd,) * 40), 1)
    expect("received", kernel.read(other, 10), b"x")


@case
def a_socket_is_passed_with_what_is_in_its_queue(kernel: Kernel) -> None:
    outer, inner, innermost = (kernel.socketpair(UNIX, STREAM) for _ in range(3))
    kernel.sendmsg(innermost[0], b"deep")
    kernel.sendmsg(inner[0], b"x", (innermost[1], innermost[1]))
    kernel.sendmsg(outer[0], b"y", (inner[1], inner[1]))
    for fd in (innermost[1], inner[1]):
        kernel.close(fd)
    first, _ = kernel.recvmsg(outer[1], 10).fds
    second, _ = kernel.recvmsg(first, 10).fds
    expect("what came through two of them", received(kernel, second), b"deep")
