"""UNIX socket pairs and netlink, on the real kernel."""

import ctypes
import struct

from kernelapi.flags import AddressFamily
from kernelapi.ids import Fd
from kernelapi.linux.base import syscall
from kernelapi.linux.netlink import decode, encode
from kernelapi.values import Message, NetlinkAddress, NetlinkMessage

SOCKADDR_NL = struct.Struct("=HHII")  # family, padding, port, groups
CMSGHDR = struct.Struct("=Qii")  # length, level, type
SOL_SOCKET, SCM_RIGHTS = 1, 1
MOST_DESCRIPTORS = 253  # SCM_MAX_FD
CONTROL_ROOM = CMSGHDR.size + 4 * MOST_DESCRIPTORS + 7 & ~7


class IoVec(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class MsgHdr(ctypes.Structure):
    """struct msghdr."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("iov", ctypes.POINTER(IoVec)),
        ("iov_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class LinuxSockets:
    """See `kernelapi.protocol.sockets`."""

    __slots__ = ()

    def socket(self, family: int, type: int, protocol: int) -> Fd:
        return Fd(syscall("socket", family, type, protocol))

    def socketpair(self, family: int, type: int, protocol: int = 0) -> tuple[Fd, Fd]:
        ends = (ctypes.c_int * 2)()
        syscall("socketpair", family, type, protocol, ends)
        return Fd(ends[0]), Fd(ends[1])

    def bind(self, fd: Fd, address: NetlinkAddress) -> None:
        name = SOCKADDR_NL.pack(AddressFamily.NETLINK, 0, address.pid, address.groups)
        syscall("bind", fd, name, len(name))

    def getsockname(self, fd: Fd) -> NetlinkAddress:
        name = ctypes.create_string_buffer(SOCKADDR_NL.size)
        length = ctypes.c_uint32(SOCKADDR_NL.size)
        syscall("getsockname", fd, name, ctypes.byref(length))
        _, _, port, groups = SOCKADDR_NL.unpack(name.raw)
        return NetlinkAddress(port, groups)

    def shutdown(self, fd: Fd, how: int) -> None:
        syscall("shutdown", fd, how)

    def sendmsg(self, fd: Fd, data: bytes | NetlinkMessage, fds: tuple[Fd, ...] = (), flags: int = 0) -> int:
        content = encode(data) if isinstance(data, NetlinkMessage) else data
        buffer = ctypes.create_string_buffer(content, len(content))
        header = _header(buffer)
        if fds:
            passed = struct.pack(f"={len(fds)}i", *fds)
            control = ctypes.create_string_buffer(
                CMSGHDR.pack(CMSGHDR.size + len(passed), SOL_SOCKET, SCM_RIGHTS) + passed + b"\0" * (-len(passed) % 8)
            )
            header.control = ctypes.cast(control, ctypes.c_void_p)
            header.control_length = len(control) - 1
        return syscall("sendmsg", fd, ctypes.byref(header), flags)

    def recvmsg(self, fd: Fd, size: int, flags: int = 0) -> Message:
        buffer = ctypes.create_string_buffer(size)
        control = ctypes.create_string_buffer(CONTROL_ROOM)
        name = ctypes.create_string_buffer(SOCKADDR_NL.size)
        header = _header(buffer)
        header.control, header.control_length = ctypes.cast(control, ctypes.c_void_p), CONTROL_ROOM
        header.name, header.name_length = ctypes.cast(name, ctypes.c_void_p), SOCKADDR_NL.size
        length = syscall("recvmsg", fd, ctypes.byref(header), flags)
        data = buffer.raw[: min(length, size)]
        is_netlink = header.name_length == SOCKADDR_NL.size and SOCKADDR_NL.unpack(name.raw)[0] == AddressFamily.NETLINK
        return Message(decode(data) if is_netlink else data, _passed(control.raw[: header.control_length]), header.flags)


def _header(buffer: "ctypes.Array[ctypes.c_char]") -> MsgHdr:
    """A message of one part. It keeps alive what it points to."""
    vector = IoVec(ctypes.cast(buffer, ctypes.c_void_p), len(buffer))
    return MsgHdr(iov=ctypes.pointer(vector), iov_count=1)


def _passed(control: bytes) -> tuple[Fd, ...]:
    while len(control) >= CMSGHDR.size:
        length, level, type = CMSGHDR.unpack_from(control)
        if (level, type) == (SOL_SOCKET, SCM_RIGHTS):
            count = (length - CMSGHDR.size) // 4
            return tuple(map(Fd, struct.unpack_from(f"={count}i", control, CMSGHDR.size)))
        control = control[length + 7 & ~7 :]
    return ()
