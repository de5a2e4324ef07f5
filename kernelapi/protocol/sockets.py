"""UNIX socket pairs, passing of descriptors, and netlink (unix(7), netlink(7), net/unix/af_unix.c)."""

from typing import Protocol

from kernelapi.call import syscall
from kernelapi.ids import Fd
from kernelapi.values import Message, NetlinkAddress, NetlinkMessage


class Sockets(Protocol):
    """As much of sockets as a container's init uses."""

    @syscall()
    def socket(self, family: int, type: int, protocol: int) -> Fd:
        """A socket. Modelled: AF_NETLINK with NETLINK_ROUTE."""

    @syscall()
    def socketpair(self, family: int, type: int, protocol: int = 0) -> tuple[Fd, Fd]:
        """Two connected sockets. Modelled: AF_UNIX, stream and seqpacket."""

    @syscall()
    def bind(self, fd: Fd, address: NetlinkAddress) -> None:
        """Give a netlink socket its address."""

    @syscall()
    def getsockname(self, fd: Fd) -> NetlinkAddress:
        """The address of a netlink socket."""

    @syscall()
    def shutdown(self, fd: Fd, how: int) -> None:
        """Shut one or both directions of a connection (`Shutdown`)."""

    @syscall()
    def sendmsg(self, fd: Fd, data: bytes | NetlinkMessage, fds: tuple[Fd, ...] = (), flags: int = 0) -> int:
        """Send bytes (on netlink: a message), with descriptors to pass (SCM_RIGHTS); returns the bytes taken."""

    @syscall()
    def recvmsg(self, fd: Fd, size: int, flags: int = 0) -> Message:
        """Receive up to `size` bytes (on netlink: the messages of one datagram) and the descriptors passed with them."""
