"""UNIX socket pairs and netlink (net/unix/af_unix.c, net/netlink)."""

from fakekernel.syscalls.base import SyscallBase


class SocketCalls(SyscallBase):
    """UNIX socket pairs and netlink."""

    __slots__ = ()
