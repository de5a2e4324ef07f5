"""Laws of netlink: addresses, listing links, bringing one up."""

from errno import (
    EADDRINUSE,
    EAFNOSUPPORT,
    EAGAIN,
    EBUSY,
    EEXIST,
    EINVAL,
    EMFILE,
    ENODEV,
    EOPNOTSUPP,
    EPERM,
    EPROTONOSUPPORT,
    ESOCKTNOSUPPORT,
    ESPIPE,
)

from kernelapi.flags import AddressFamily, CloneFlag, FdFlag, MessageFlag, OpenFlag, Rlimit, Signal, SocketType
from kernelapi.ids import Fd, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, refused
from kernelapi.values import (
    ARPHRD_LOOPBACK,
    IFF_LOOPBACK,
    IFF_LOWER_UP,
    IFF_RUNNING,
    IFF_UP,
    Ack,
    Limit,
    Link,
    LinkInfo,
    Message,
    NetlinkAddress,
    NetlinkFlag,
    NetlinkMessage,
    NetlinkType,
)

NETLINK, RAW, DGRAM = AddressFamily.NETLINK, SocketType.RAW, SocketType.DGRAM
REQUEST, ACK, DUMP, MULTI = NetlinkFlag.REQUEST, NetlinkFlag.ACK, NetlinkFlag.DUMP, NetlinkFlag.MULTI
CREATE, EXCL = NetlinkFlag.CREATE, NetlinkFlag.EXCL
GETLINK, NEWLINK, SETLINK = NetlinkType.RTM_GETLINK, NetlinkType.RTM_NEWLINK, NetlinkType.RTM_SETLINK
CAPPED = 0x100
HIGHEST = 2**32 - 4097
"""The number at which the search for a free one begins at the latest (netlink_autobind)."""
ROOM = 32768
LO = Link(1, IFF_LOOPBACK, 0, "lo", 65536, type=ARPHRD_LOOPBACK, txqlen=1000, address="00:00:00:00:00:00")
UP = Link(index=1, flags=IFF_UP, change=IFF_UP)
DOWN = Link(index=1, flags=0, change=IFF_UP)


def netlink(kernel: Kernel) -> Fd:
    return kernel.socket(NETLINK, RAW, 0)


def answers(kernel: Kernel, fd: Fd) -> list[NetlinkMessage]:
    """All messages that are there."""
    found: list[NetlinkMessage] = []
    try:
        while True:
            data = kernel.recvmsg(fd, ROOM, MessageFlag.DONTWAIT).data
            assert isinstance(data, tuple)
            found += data
    except OSError as error:
        expect("why there is no more", error.errno, EAGAIN)
    return found


def ask(kernel: Kernel, fd: Fd, type: int, flags: int, body: Link | None) -> list[tuple[int, int, object]]:
    """Type, flags and body of each answer."""
    kernel.sendmsg(fd, NetlinkMessage(type, flags, 42, body=body))
    port = kernel.getsockname(fd).pid
    found = answers(kernel, fd)
    expect("whom the answers are for", {(answer.sequence, answer.pid) for answer in found} <= {(42, port)}, True)
    return [(answer.type, answer.flags, answer.body) for answer in found]


def change(kernel: Kernel, fd: Fd, body: Link, type: int = NEWLINK, flags: int = 0) -> int:
    """The errno with which a change is answered."""
    ((_, _, ack),) = ask(kernel, fd, type, REQUEST | ACK | flags, body)
    assert isinstance(ack, Ack)
    return ack.errno


def flags_of_lo(kernel: Kernel, fd: Fd) -> int:
    ((_, _, link),) = ask(kernel, fd, GETLINK, REQUEST, Link(index=1))
    assert isinstance(link, Link)
    return link.flags


# -- sockets and addresses --


@case
def a_netlink_socket_wants_a_type_and_protocol_that_exist(kernel: Kernel) -> None:
    refused(EINVAL, kernel.socket, 99, RAW | OpenFlag.APPEND, 0)
    refused(EAFNOSUPPORT, kernel.socket, 99, RAW, 0)
    refused(EINVAL, kernel.socket, NETLINK, 11, 0)
    refused(ESOCKTNOSUPPORT, kernel.socket, NETLINK, SocketType.STREAM, 99)
    refused(EPROTONOSUPPORT, kernel.socket, NETLINK, RAW, 32)
    fd = kernel.socket(NETLINK, DGRAM | SocketType.CLOEXEC | SocketType.NONBLOCK, 0)
    expect("close-on-exec", kernel.fcntl_getfd(fd), FdFlag.CLOEXEC)
    expect("status flags", kernel.fcntl_getfl(fd), OpenFlag.RDWR | OpenFlag.NONBLOCK)
    refused(EAGAIN, kernel.recvmsg, fd, ROOM)
    refused(ESPIPE, kernel.lseek, fd, 0)
    refused(EOPNOTSUPP, kernel.shutdown, fd, 9)
    kernel.setrlimit(Rlimit.NOFILE, Limit(fd + 1, 1024))
    refused(EMFILE, kernel.socket, NETLINK, RAW, 0)


@case
def the_first_socket_is_bound_to_the_number_of_its_process(kernel: Kernel) -> None:
    first, second = netlink(kernel), netlink(kernel)
    expect("not bound yet", kernel.getsockname(first), NetlinkAddress(0, 0))
    kernel.bind(first, NetlinkAddress())
    expect("bound", kernel.getsockname(first), NetlinkAddress(kernel.getpid(), 0))
    kernel.bind(second, NetlinkAddress())
    expect("another number", kernel.getsockname(second).pid in (0, kernel.getpid()), False)


@case
def a_port_belongs_to_one_socket_until_it_is_closed(kernel: Kernel) -> None:
    first, second = netlink(kernel), netlink(kernel)
    kernel.bind(first, NetlinkAddress(1234))
    refused(EADDRINUSE, kernel.bind, second, NetlinkAddress(1234))
    kernel.bind(first, NetlinkAddress(1234))
    refused(EINVAL, kernel.bind, first, NetlinkAddress(1235))
    refused(EINVAL, kernel.bind, first, NetlinkAddress(0))
    kernel.close(first)
    kernel.bind(second, NetlinkAddress(1234))
    expect("bound", kernel.getsockname(second), NetlinkAddress(1234))


@case
def a_number_that_is_taken_is_not_the_kernels_choice(kernel: Kernel) -> None:
    sockets = [netlink(kernel) for _ in range(3)]
    kernel.bind(sockets[1], NetlinkAddress(HIGHEST))
    for fd in (sockets[0], sockets[2]):
        kernel.bind(fd, NetlinkAddress())
    expect("each has another", len({kernel.getsockname(fd).pid for fd in sockets}), 3)


@case
def sending_binds(kernel: Kernel) -> None:
    fd = netlink(kernel)
    expect("the length", kernel.sendmsg(fd, NetlinkMessage(GETLINK, REQUEST, 1, body=Link(index=1))), 32)
    expect("with a name", kernel.sendmsg(fd, NetlinkMessage(GETLINK, REQUEST, 1, body=Link(name="lo"))), 40)
    expect("bound", kernel.getsockname(fd), NetlinkAddress(kernel.getpid()))


# -- listing --


@case
def a_list_ends_in_a_datagram_of_its_own(kernel: Kernel) -> None:
    fd = netlink(kernel)
    kernel.sendmsg(fd, NetlinkMessage(GETLINK, REQUEST | DUMP | ACK, 7, body=Link()))
    first, second = kernel.recvmsg(fd, ROOM), kernel.recvmsg(fd, ROOM)
    port = kernel.getpid()
    expect("the links", first, Message((NetlinkMessage(NEWLINK, MULTI, 7, port, LO),)))
    expect("the end", second, Message((NetlinkMessage(NetlinkType.DONE, MULTI, 7, port),)))
    expect("no more", answers(kernel, fd), [])


@case
def what_is_made_after_a_list_has_begun_is_not_in_it(kernel: Kernel) -> None:
    fd = netlink(kernel)
    kernel.sendmsg(fd, NetlinkMessage(GETLINK, REQUEST | DUMP, 7, body=Link()))
    new = Link(name="late", info=LinkInfo("bridge"))
    kernel.sendmsg(fd, NetlinkMessage(NEWLINK, REQUEST | ACK | CREATE | EXCL, 8, body=new))
    first = kernel.recvmsg(fd, ROOM).data
    expect("the links", first, (NetlinkMessage(NEWLINK, MULTI, 7, kernel.getpid(), LO),))
    types = [(message.type, message.sequence) for message in answers(kernel, fd)]
    expect("the answer to the second request, the end", types, [(NetlinkType.ERROR, 8), (NetlinkType.DONE, 7)])


def datagrams(kernel: Kernel, fd: Fd) -> list[tuple[str | int | None, ...]]:
    """The datagrams of a list, until its end: the names of their links."""
    found: list[tuple[str | int | None, ...]] = []
    while not found or found[-1] != (NetlinkType.DONE,):
        data = kernel.recvmsg(fd, 4096).data
        assert isinstance(data, tuple)
        found.append(tuple(each.body.name if isinstance(each.body, Link) else each.type for each in data))
    return found


@case
def a_list_that_is_not_at_its_end_goes_on_with_what_is_new(kernel: Kernel) -> None:
    fd = netlink(kernel)
    new = [Link(name=f"b{number}", info=LinkInfo("bridge")) for number in range(6)]
    for body in new[:5]:
        kernel.sendmsg(fd, NetlinkMessage(NEWLINK, REQUEST | CREATE, 1, body=body))
    kernel.sendmsg(fd, NetlinkMessage(GETLINK, REQUEST | DUMP, 7, body=Link()))
    kernel.sendmsg(fd, NetlinkMessage(NEWLINK, REQUEST | CREATE, 1, body=new[5]))
    expect("the datagrams", datagrams(kernel, fd), [("lo", "b0"), ("b1", "b2"), ("b3", "b4"), ("b5",), (NetlinkType.DONE,)])


@case
def a_list_ends_early_where_what_was_left_is_gone(kernel: Kernel) -> None:
    fd, list_fd = netlink(kernel), netlink(kernel)
    for name in ("b0", "b1"):
        kernel.sendmsg(fd, NetlinkMessage(NEWLINK, REQUEST | CREATE, 1, body=Link(name=name, info=LinkInfo("bridge"))))
    kernel.sendmsg(list_fd, NetlinkMessage(GETLINK, REQUEST | DUMP, 7, body=Link()))
    kernel.sendmsg(fd, NetlinkMessage(NetlinkType.RTM_DELLINK, REQUEST, 1, body=Link(name="b1")))
    expect("the datagrams", datagrams(kernel, list_fd), [("lo", "b0"), (NetlinkType.DONE,)])


@case
def peeking_leaves_the_datagram_and_goes_on_with_the_list(kernel: Kernel) -> None:
    fd = netlink(kernel)
    kernel.sendmsg(fd, NetlinkMessage(GETLINK, REQUEST, 1, body=Link(index=1)))
    seen = kernel.recvmsg(fd, ROOM, MessageFlag.PEEK)
    expect("received", kernel.recvmsg(fd, ROOM), seen)
    refused(EAGAIN, kernel.recvmsg, fd, ROOM, MessageFlag.PEEK | MessageFlag.DONTWAIT)
    port = kernel.getsockname(fd).pid
    kernel.sendmsg(fd, NetlinkMessage(GETLINK, REQUEST | DUMP, 2, body=Link()))
    for _ in range(2):
        expect("the first", kernel.recvmsg(fd, ROOM, MessageFlag.PEEK).data, (NetlinkMessage(NEWLINK, MULTI, 2, port, LO),))
    expect("all of it", [answer.type for answer in answers(kernel, fd)], [NEWLINK, NetlinkType.DONE])


def _wait_for_an_answer(kernel: Kernel, fd: Fd, writer: Fd) -> None:
    found = kernel.recvmsg(fd, ROOM).data
    answer = NetlinkMessage(NEWLINK, 0, 1, kernel.getsockname(fd).pid, LO)
    kernel.write(writer, b"lo" if found == (answer,) else b"?")


@case
def who_receives_waits_for_an_answer(kernel: Kernel) -> None:
    fd = netlink(kernel)
    reader, writer = kernel.pipe2(0)
    child = kernel.clone(Signal.CHLD, _wait_for_an_answer, fd, writer)
    kernel.clock_nanosleep(1, 0, 100_000_000)
    kernel.sendmsg(fd, NetlinkMessage(GETLINK, REQUEST, 1, body=Link(index=1)))
    expect("what came", kernel.read(reader, 100), b"lo")
    kernel.wait4(child)


@case
def one_list_at_a_time(kernel: Kernel) -> None:
    fd = netlink(kernel)
    for sequence in (1, 2):
        kernel.sendmsg(fd, NetlinkMessage(GETLINK, REQUEST | DUMP, sequence, body=Link()))
    found = [(answer.type, answer.sequence) for answer in answers(kernel, fd)]
    expect("the answers", found, [(NEWLINK, 1), (NetlinkType.ERROR, 2), (NetlinkType.DONE, 1)])
    kernel.sendmsg(fd, NetlinkMessage(GETLINK, REQUEST | DUMP, 3, body=Link()))
    expect("another one", len(answers(kernel, fd)), 2)
    for sequence in (4, 5):
        kernel.sendmsg(fd, NetlinkMessage(GETLINK, REQUEST | DUMP, sequence, body=Link()))
    expect("the refusal", [answer.body for answer in answers(kernel, fd)][1], Ack(EBUSY, 5))


@case
def a_link_is_found_by_index_or_name(kernel: Kernel) -> None:
    fd = netlink(kernel)
    expect("by index", ask(kernel, fd, GETLINK, REQUEST, Link(index=1)), [(NEWLINK, 0, LO)])
    expect("by name", ask(kernel, fd, GETLINK, REQUEST, Link(name="lo")), [(NEWLINK, 0, LO)])
    ok = (NetlinkType.ERROR, CAPPED, Ack(0, 42))
    expect("acknowledged", ask(kernel, fd, GETLINK, REQUEST | ACK, Link(index=1)), [(NEWLINK, 0, LO), ok])
    expect("no request", ask(kernel, fd, GETLINK, 0, Link(index=1)), [])
    expect("no body", ask(kernel, fd, GETLINK, REQUEST | ACK, None), [ok])
    for body in (Link(index=77), Link(name="no"), Link(index=77, name="lo"), Link()):
        errno = ENODEV if body != Link() else EINVAL
        expect("no such link", ask(kernel, fd, GETLINK, REQUEST, body), [(NetlinkType.ERROR, 0, Ack(errno, 42))])


# -- changing --


@case
def a_link_goes_up_and_down(kernel: Kernel) -> None:
    fd = netlink(kernel)
    expect("at first", flags_of_lo(kernel, fd), IFF_LOOPBACK)
    expect("up", change(kernel, fd, UP), 0)
    expect("the flags", flags_of_lo(kernel, fd), IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP)
    expect("up again", change(kernel, fd, UP), 0)
    expect("nothing said", change(kernel, fd, Link(index=1), SETLINK), 0)
    expect("no mask is all", change(kernel, fd, Link(name="lo", flags=IFF_UP), SETLINK), 0)
    expect("the flags", flags_of_lo(kernel, fd) & IFF_UP, IFF_UP)
    expect("down", change(kernel, fd, DOWN, SETLINK), 0)
    expect("the flags", flags_of_lo(kernel, fd), IFF_LOOPBACK)
    expect("without ACK", ask(kernel, fd, NEWLINK, REQUEST, UP), [])
    expect("the flags", flags_of_lo(kernel, fd) & IFF_UP, IFF_UP)


@case
def a_change_needs_a_link_that_exists(kernel: Kernel) -> None:
    fd = netlink(kernel)
    for type, body, errno in (
        (NEWLINK, Link(index=77, name="lo"), ENODEV),
        (NEWLINK, Link(name="no"), ENODEV),
        (NEWLINK, Link(), ENODEV),
        (NEWLINK, Link(index=-1, name="lo"), EINVAL),
        (SETLINK, Link(index=77), ENODEV),
        (SETLINK, Link(name="no"), ENODEV),
        (SETLINK, Link(), EINVAL),
        (SETLINK, Link(index=-1, name="lo"), 0),
    ):
        expect(f"{type!r} {body}", change(kernel, fd, body, type), errno)
    expect("exclusively", change(kernel, fd, UP, NEWLINK, NetlinkFlag.EXCL), EEXIST)
    expect("it did nothing", flags_of_lo(kernel, fd), IFF_LOOPBACK)
    expect("an error needs no ACK", ask(kernel, fd, SETLINK, REQUEST, Link()), [(NetlinkType.ERROR, 0, Ack(EINVAL, 42))])


def _change_as_user(kernel: Kernel, fd: Fd) -> list[int]:
    kernel.setuid(Uid(1000))
    own = netlink(kernel)
    expect("looking", flags_of_lo(kernel, own), IFF_LOOPBACK)
    return [change(kernel, socket, body) for socket in (fd, own) for body in (UP, Link(index=77))]


@case
def changing_needs_the_capability_of_the_sender(kernel: Kernel) -> None:
    expect("the answers", in_child(kernel, _change_as_user, netlink(kernel)), [EPERM] * 4)


def _open_as_user(kernel: Kernel) -> list[int]:
    kernel.setresuid(Uid(1000), Uid(1000), Uid(0))
    fd = netlink(kernel)
    kernel.setresuid(Uid(0), Uid(0), Uid(0))
    return [change(kernel, fd, UP)]


@case
def changing_needs_the_capability_of_who_opened_the_socket(kernel: Kernel) -> None:
    expect("the answer", in_child(kernel, _open_as_user), [EPERM])


def _in_a_user_namespace(kernel: Kernel, fd: Fd) -> list[int]:
    kernel.unshare(CloneFlag.NEWUSER)
    own = netlink(kernel)
    denied = [change(kernel, fd, UP), change(kernel, own, UP)]
    kernel.unshare(CloneFlag.NEWNET)
    expect("the socket stays where it was", change(kernel, own, UP), EPERM)
    fresh = netlink(kernel)
    return [*denied, change(kernel, fresh, UP), flags_of_lo(kernel, fresh) & IFF_UP, flags_of_lo(kernel, own) & IFF_UP]


@case
def the_owner_of_the_network_namespace_decides(kernel: Kernel) -> None:
    expect("the answers", in_child(kernel, _in_a_user_namespace, netlink(kernel)), [EPERM, EPERM, 0, IFF_UP, 0])
