"""UNIX socket pairs, passing of descriptors, and netlink (unix(7), netlink(7), net/unix/af_unix.c, net/netlink)."""

from errno import (
    EADDRINUSE,
    EAFNOSUPPORT,
    EINVAL,
    ENOTSOCK,
    EOPNOTSUPP,
    EPERM,
    EPROTONOSUPPORT,
    ESOCKTNOSUPPORT,
    ETOOMANYREFS,
)
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.ids import Fd
from kernelapi.protocol.addresses import ADDRESSES
from kernelapi.protocol.descriptors import (
    IS_PATH_ONLY,
    NOT_OPEN,
    READ_WOULD_BLOCK,
    SOCKET_BROKEN,
    SOCKET_MESSAGE_TOO_LONG,
    SOCKET_RESET,
    TOO_MANY_OPEN,
    WRITE_BROKEN_PIPE,
    WRITE_WOULD_BLOCK,
)
from kernelapi.protocol.links import LINKS
from kernelapi.protocol.routes import ROUTES
from kernelapi.rules import ARGUMENTS, STATE, Effect, Refusal
from kernelapi.values import Message, NetlinkAddress, NetlinkMessage

SOCKET_FLAGS = Refusal(
    "socket.einval.flags", call="socket", errno=EINVAL, depends=ARGUMENTS,
    cause="a flag other than SOCK_CLOEXEC and SOCK_NONBLOCK", source="socket(2); net/socket.c __sys_socket_create",
)  # fmt: skip
SOCKET_FAMILY = Refusal(
    "socket.eafnosupport", call="socket", errno=EAFNOSUPPORT, depends=ARGUMENTS,
    cause="there is no such address family", source="socket(2); net/socket.c __sock_create",
)  # fmt: skip
SOCKET_TYPE_RANGE = Refusal(
    "socket.einval.type", call="socket", errno=EINVAL, depends=ARGUMENTS,
    cause="there is no socket type of that number (11 and above)", source="socket(2); net/socket.c __sock_create",
)  # fmt: skip
SOCKET_PROTOCOL = Refusal(
    "socket.eprotonosupport", call="socket", errno=EPROTONOSUPPORT, depends=ARGUMENTS,
    cause="the family has no such protocol",
    source="socket(2); net/unix/af_unix.c unix_create, net/netlink/af_netlink.c netlink_create",
)  # fmt: skip
SOCKET_TYPE = Refusal(
    "socket.esocktnosupport", call="socket", errno=ESOCKTNOSUPPORT, depends=ARGUMENTS,
    cause="the family has no sockets of this type",
    source="socket(2); net/unix/af_unix.c unix_create, net/netlink/af_netlink.c netlink_create",
)  # fmt: skip
SOCKET_PACKET_DENIED = Refusal(
    "socket.eperm.packet", call="socket", errno=EPERM, depends=STATE,
    cause="AF_PACKET, and the caller has no CAP_NET_RAW over the owner of its network namespace",
    source="packet(7); net/packet/af_packet.c packet_create",
)  # fmt: skip
SOCKETPAIR_UNSUPPORTED = Refusal(
    "socketpair.eopnotsupp", call="socketpair", errno=EOPNOTSUPP, depends=ARGUMENTS,
    cause="the family has no pairs: only AF_UNIX has", source="socketpair(2); net/core/sock.c sock_no_socketpair",
)  # fmt: skip

NOT_A_SOCKET = Refusal(
    "sockets.enotsock", call="sockets", errno=ENOTSOCK, depends=ARGUMENTS,
    cause="the descriptor is not a socket", source="send(2); net/socket.c sock_from_file",
)  # fmt: skip
A_SOCKET = (NOT_OPEN, IS_PATH_ONLY, NOT_A_SOCKET)
"""The rows of every call on a socket."""

SHUTDOWN_HOW = Refusal(
    "shutdown.einval", call="shutdown", errno=EINVAL, depends=ARGUMENTS,
    cause="`how` is none of the three", source="shutdown(2); net/unix/af_unix.c unix_shutdown",
)  # fmt: skip
SHUTDOWN_UNSUPPORTED = Refusal(
    "shutdown.eopnotsupp", call="shutdown", errno=EOPNOTSUPP, depends=ARGUMENTS,
    cause="a netlink socket cannot be shut down", source="net/core/sock.c sock_no_shutdown",
)  # fmt: skip
SHUTDOWN_REACHES_THE_PEER = Effect(
    "shutdown.peer", call="shutdown",
    cause="what one end may no longer send, the other may no longer receive, and the other way round",
    source="unix(7); net/unix/af_unix.c unix_shutdown",
)  # fmt: skip

SEND_TOO_MANY = Refusal(
    "sendmsg.einval.fds", call="sendmsg", errno=EINVAL, depends=ARGUMENTS,
    cause="more than 253 descriptors are to be passed", source="unix(7), SCM_RIGHTS; net/core/scm.c scm_fp_copy",
)  # fmt: skip
SEND_IN_FLIGHT = Refusal(
    "sendmsg.etoomanyrefs", call="sendmsg", errno=ETOOMANYREFS, depends=STATE,
    cause="the user has more descriptors in flight than RLIMIT_NOFILE, and the caller has neither CAP_SYS_RESOURCE nor "
    "CAP_SYS_ADMIN over the initial user namespace",
    source="unix(7), SCM_RIGHTS; net/unix/af_unix.c too_many_unix_fds",
)  # fmt: skip
RECEIVE_CUTS_DESCRIPTORS = Effect(
    "recvmsg.ctrunc", call="recvmsg",
    cause="descriptors beyond RLIMIT_NOFILE are closed instead of received, and MSG_CTRUNC is set",
    source="unix(7), SCM_RIGHTS; net/core/scm.c scm_detach_fds",
)  # fmt: skip

BIND_PORT_TAKEN = Refusal(
    "bind.eaddrinuse", call="bind", errno=EADDRINUSE, depends=STATE,
    cause="the port id is taken by another netlink socket of the network namespace",
    source="netlink(7); net/netlink/af_netlink.c netlink_insert",
)  # fmt: skip
BIND_OTHER_PORT = Refusal(
    "bind.einval.port", call="bind", errno=EINVAL, depends=STATE,
    cause="the socket has another port id already", source="netlink(7); net/netlink/af_netlink.c netlink_bind",
)  # fmt: skip


RTNETLINK = (*LINKS, *ADDRESSES, *ROUTES)
"""The rows of netlink requests. sendmsg succeeds all the same: the errno is in the answer, a message of type ERROR."""


class Sockets(Protocol):
    """As much of sockets as a container's init uses."""

    @syscall(
        SOCKET_FLAGS, SOCKET_FAMILY, SOCKET_TYPE_RANGE, SOCKET_PACKET_DENIED, SOCKET_TYPE, SOCKET_PROTOCOL, TOO_MANY_OPEN
    )  # fmt: skip
    def socket(self, family: int, type: int, protocol: int) -> Fd:
        """A socket. Modelled: AF_NETLINK with NETLINK_ROUTE; of AF_INET, AF_INET6 and AF_PACKET, one for ioctl alone."""

    @syscall(
        SOCKET_FLAGS, TOO_MANY_OPEN, SOCKET_FAMILY, SOCKET_TYPE_RANGE, SOCKET_PROTOCOL, SOCKET_TYPE, SOCKETPAIR_UNSUPPORTED
    )  # fmt: skip
    def socketpair(self, family: int, type: int, protocol: int = 0) -> tuple[Fd, Fd]:
        """Two connected sockets. Modelled: AF_UNIX, stream and seqpacket."""

    @syscall(A_SOCKET, BIND_OTHER_PORT, BIND_PORT_TAKEN)
    def bind(self, fd: Fd, address: NetlinkAddress) -> None:
        """Give a netlink socket its address: the port id, or 0 for one that the kernel chooses (netlink_autobind)."""

    @syscall(A_SOCKET)
    def getsockname(self, fd: Fd) -> NetlinkAddress:
        """The address of a netlink socket."""

    @syscall(A_SOCKET, SHUTDOWN_UNSUPPORTED, SHUTDOWN_HOW, SHUTDOWN_REACHES_THE_PEER)
    def shutdown(self, fd: Fd, how: int) -> None:
        """Shut one or both directions of a connection (`Shutdown`)."""

    @syscall(
        A_SOCKET, SEND_TOO_MANY, SOCKET_MESSAGE_TOO_LONG, WRITE_BROKEN_PIPE, SOCKET_RESET, SOCKET_BROKEN, WRITE_WOULD_BLOCK,
        SEND_IN_FLIGHT,
    )  # fmt: skip
    def sendmsg(self, fd: Fd, data: bytes | NetlinkMessage, fds: tuple[Fd, ...] = (), flags: int = 0) -> int:
        """Send bytes (on netlink: a message), with descriptors to pass (SCM_RIGHTS); returns the bytes taken.

        What a netlink request is refused for (`RTNETLINK`) is told by its answer.
        `flags`: MSG_DONTWAIT, MSG_NOSIGNAL, MSG_EOR. A stream passes no descriptors without at least one byte.
        """

    @syscall(A_SOCKET, SOCKET_RESET, READ_WOULD_BLOCK, RECEIVE_CUTS_DESCRIPTORS)
    def recvmsg(self, fd: Fd, size: int, flags: int = 0) -> Message:
        """Receive up to `size` bytes (on netlink: the messages of one datagram) and the descriptors passed with them.

        `flags`: MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC, MSG_CMSG_CLOEXEC; the last one is among the flags of the message again.
        There is room for as many descriptors as can be sent.
        """
