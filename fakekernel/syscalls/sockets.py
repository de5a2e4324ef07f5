"""Socket pairs and netlink sockets (net/socket.c, net/unix/af_unix.c, net/netlink/af_netlink.c)."""

from typing import cast

from fakekernel import devicesocket, filetable, netlink, socket
from fakekernel.description import Description
from fakekernel.syscalls.base import SyscallBase
from kernelapi.capability import Cap
from kernelapi.errors import ModelError, NotModelled
from kernelapi.flags import AddressFamily, MessageFlag, OpenFlag, Shutdown, SocketType
from kernelapi.ids import Fd
from kernelapi.protocol.sockets import (
    NOT_A_SOCKET,
    SEND_TOO_MANY,
    SHUTDOWN_HOW,
    SHUTDOWN_UNSUPPORTED,
    SOCKET_FAMILY,
    SOCKET_FLAGS,
    SOCKET_PACKET_DENIED,
    SOCKET_PROTOCOL,
    SOCKET_TYPE,
    SOCKET_TYPE_RANGE,
    SOCKETPAIR_UNSUPPORTED,
)
from kernelapi.values import Message, NetlinkAddress, NetlinkMessage

TYPE_MASK = 0xF
CLOEXEC, NONBLOCK = int(SocketType.CLOEXEC), int(SocketType.NONBLOCK)
FIRST_BAD_TYPE = 11  # SOCK_MAX
FIRST_BAD_FAMILY = 46  # AF_MAX
TYPES = {
    AddressFamily.UNIX: (SocketType.STREAM, SocketType.DGRAM, SocketType.RAW, SocketType.SEQPACKET),
    AddressFamily.NETLINK: (SocketType.RAW, SocketType.DGRAM),
}
OF_DEVICES = (AddressFamily.INET, AddressFamily.INET6, AddressFamily.PACKET)
NETLINK_ROUTE = 0
NETLINK_PROTOCOLS = 32
MOST_DESCRIPTORS = 253
SEND_FLAGS = int(MessageFlag.DONTWAIT | MessageFlag.NOSIGNAL | MessageFlag.EOR)
RECEIVE_FLAGS = int(MessageFlag.DONTWAIT | MessageFlag.PEEK | MessageFlag.TRUNC | MessageFlag.CMSG_CLOEXEC)
DIRECTIONS = {Shutdown.RD: socket.RECEIVE, Shutdown.WR: socket.SEND, Shutdown.RDWR: socket.RECEIVE | socket.SEND}


class SocketCalls(SyscallBase):
    """Socket pairs and netlink sockets."""

    __slots__ = ()

    def socket(self, family: int, type: int, protocol: int) -> Fd:
        if type & ~TYPE_MASK & ~(CLOEXEC | NONBLOCK):
            self.refuse(SOCKET_FLAGS)
        kind = type & TYPE_MASK
        self._check_family(family, kind, protocol)
        if family not in OF_DEVICES and (family != AddressFamily.NETLINK or protocol != NETLINK_ROUTE):
            raise NotModelled(f"a socket of family {family} with protocol {protocol}")
        filetable.reserve(self)
        # -- effects only below --
        new_socket = devicesocket.new_socket if family in OF_DEVICES else netlink.new_socket
        description = new_socket(self, type & NONBLOCK)
        return filetable.install(self, description, cloexec=bool(type & CLOEXEC))

    def socketpair(self, family: int, type: int, protocol: int = 0) -> tuple[Fd, Fd]:
        if type & ~TYPE_MASK & ~(CLOEXEC | NONBLOCK):
            self.refuse(SOCKET_FLAGS)
        first, second = filetable.reserve(self, 2)
        kind = type & TYPE_MASK
        self._check_family(family, kind, protocol)
        if family != AddressFamily.UNIX:
            self.fail(SOCKETPAIR_UNSUPPORTED)
        if kind not in (SocketType.STREAM, SocketType.SEQPACKET):
            raise NotModelled("datagram sockets")
        # -- effects only below --
        cloexec = bool(type & CLOEXEC)
        one, other = socket.new_pair(self, kind, type & NONBLOCK)
        filetable.put(self.task.files, first, one, cloexec=cloexec)
        filetable.put(self.task.files, second, other, cloexec=cloexec)
        return first, second

    def _check_family(self, family: int, kind: int, protocol: int) -> None:
        """What sock_create refuses. AF_UNIX looks at the protocol first, AF_NETLINK at the type."""
        if not 0 <= family < FIRST_BAD_FAMILY:
            self.fail(SOCKET_FAMILY)
        if kind >= FIRST_BAD_TYPE:
            self.refuse(SOCKET_TYPE_RANGE)
        if family == AddressFamily.UNIX:
            if protocol not in (0, AddressFamily.UNIX):
                self.refuse(SOCKET_PROTOCOL)
            if kind not in TYPES[AddressFamily.UNIX]:
                self.refuse(SOCKET_TYPE)
        elif family == AddressFamily.NETLINK:
            if kind not in TYPES[AddressFamily.NETLINK]:
                self.refuse(SOCKET_TYPE)
            if not 0 <= protocol < NETLINK_PROTOCOLS:
                self.refuse(SOCKET_PROTOCOL)
        elif family in OF_DEVICES:
            self._check_device_socket(family, kind, protocol)
        elif family == 0:
            self.fail(SOCKET_FAMILY)
        else:
            raise NotModelled(f"sockets of family {family}")

    def _check_device_socket(self, family: int, kind: int, protocol: int) -> None:
        if family == AddressFamily.PACKET and not self.capable_over(self.task.namespaces.net.owner, Cap.NET_RAW):
            self.refuse(SOCKET_PACKET_DENIED)
        if kind not in (SocketType.STREAM, SocketType.DGRAM, SocketType.RAW):
            self.refuse(SOCKET_TYPE)
        if kind != SocketType.DGRAM or protocol:
            raise NotModelled("sockets of the network for more than ioctl: SOCK_DGRAM with protocol 0")

    def _socket(self, fd: Fd) -> Description:
        description = filetable.usable(self, fd)
        if description.behaviour == "device":
            raise NotModelled("sockets of the network for more than ioctl")
        if description.behaviour not in ("unix", "netlink"):
            self.fail(NOT_A_SOCKET)
        return description

    def _netlink(self, fd: Fd) -> netlink.NetlinkSocket:
        description = self._socket(fd)
        if description.behaviour != "netlink":
            raise NotModelled("addresses of UNIX sockets")
        return cast(netlink.NetlinkSocket, description.subject)

    def bind(self, fd: Fd, address: NetlinkAddress) -> None:
        bound = self._netlink(fd)
        if address.groups:
            raise NotModelled("multicast groups of netlink")
        netlink.bind(self, bound, address.pid)

    def getsockname(self, fd: Fd) -> NetlinkAddress:
        return NetlinkAddress(self._netlink(fd).port or 0)

    def shutdown(self, fd: Fd, how: int) -> None:
        description = self._socket(fd)
        if description.behaviour == "netlink":
            self.refuse(SHUTDOWN_UNSUPPORTED)
            return
        if how not in DIRECTIONS:
            self.refuse(SHUTDOWN_HOW)
            return
        # -- effects only below --
        socket.shut(self, cast(socket.Socket, description.subject), DIRECTIONS[Shutdown(how)])

    def sendmsg(self, fd: Fd, data: bytes | NetlinkMessage, fds: tuple[Fd, ...] = (), flags: int = 0) -> int:
        description = self._socket(fd)
        if flags & ~SEND_FLAGS:
            raise NotModelled(f"sendmsg with flags {flags:#x}")
        if description.behaviour == "netlink":
            if not isinstance(data, NetlinkMessage) or fds:
                raise NotModelled("anything but a message on a netlink socket")
            return netlink.request(self, description, data)
        if not isinstance(data, bytes):
            raise ModelError("a netlink message on a socket that is none of netlink")
        end = cast(socket.Socket, description.subject)
        if end.type == SocketType.SEQPACKET:
            socket.take_error(self, end)
        if len(fds) > MOST_DESCRIPTORS:
            self.refuse(SEND_TOO_MANY)
        passed = tuple([filetable.description(self, number) for number in fds])
        if passed and end.peer is not None:
            socket.refuse_cycle(end.peer, passed)
        wait = not (flags & MessageFlag.DONTWAIT or description.flags & OpenFlag.NONBLOCK)
        return socket.send(self, end, data, passed, flags, wait)

    def recvmsg(self, fd: Fd, size: int, flags: int = 0) -> Message:
        description = self._socket(fd)
        if flags & ~RECEIVE_FLAGS:
            raise NotModelled(f"recvmsg with flags {flags:#x}")
        if description.behaviour == "netlink":
            return netlink.receive(self, description, size, flags)
        return socket.receive_message(self, description, size, flags)
