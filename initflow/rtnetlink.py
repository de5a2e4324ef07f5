"""Network interfaces over rtnetlink, as the original does it: a socket for each question (rtnetlink(7)).

The sockets are not close-on-exec; none is open when the payload starts.
"""

from errno import EINVAL

from initflow.golang import GoError, SyscallError, errno_text
from kernelapi.flags import AddressFamily, SocketType
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.values import IFF_UP, Ack, Link, NetlinkAddress, NetlinkFlag, NetlinkMessage, NetlinkType

PAGE = 4096
SEQUENCE = 1


def find_link(kernel: Kernel, name: str) -> Link:
    """net.InterfaceByName: the interface called `name`, out of a dump of all. Raises `GoError` where there is none."""
    if not name:
        raise GoError("invalid network interface name")
    try:
        links = _dump(kernel)
    except OSError as error:
        raise SyscallError("netlink rib", error) from error
    for link in links:
        if link.name == name:
            return link
    raise GoError("no such network interface")


def set_link_up(kernel: Kernel, link: Link) -> None:
    """Set IFF_UP on `link`. Raises `GoError`, with the text of the errno in the acknowledgement."""
    try:
        fd = _open(kernel)
        try:
            body = Link(index=link.index, flags=IFF_UP, change=IFF_UP)
            request = NetlinkMessage(NetlinkType.RTM_NEWLINK, NetlinkFlag.REQUEST | NetlinkFlag.ACK, SEQUENCE, 0, body)
            kernel.sendmsg(fd, request)
            _await_acknowledgement(kernel, fd)
        finally:
            kernel.close(fd)
    except OSError as error:
        raise GoError(errno_text(error.errno or 0), error.errno or 0) from error


def _open(kernel: Kernel) -> Fd:
    fd = kernel.socket(AddressFamily.NETLINK, SocketType.RAW, 0)
    try:
        kernel.bind(fd, NetlinkAddress())
    except OSError:
        kernel.close(fd)
        raise
    return fd


def _dump(kernel: Kernel) -> list[Link]:
    """syscall.NetlinkRIB: every interface. It asks for the socket's own address once for each message."""
    fd = _open(kernel)
    try:
        request = NetlinkMessage(NetlinkType.RTM_GETLINK, NetlinkFlag.DUMP | NetlinkFlag.REQUEST, SEQUENCE, 0, Link())
        kernel.sendmsg(fd, request)
        links: list[Link] = []
        while True:
            for message in _receive(kernel, fd):
                own = kernel.getsockname(fd).pid
                if (message.sequence, message.pid) != (SEQUENCE, own) or message.type == NetlinkType.ERROR:
                    raise OSError(EINVAL, "netlink")
                if message.type == NetlinkType.DONE:
                    return links
                if isinstance(message.body, Link):
                    links.append(message.body)
    finally:
        kernel.close(fd)


def _await_acknowledgement(kernel: Kernel, fd: Fd) -> None:
    own = kernel.getsockname(fd).pid
    while True:
        for message in _receive(kernel, fd):
            if message.sequence != SEQUENCE:
                raise GoError(f"netlink: invalid seq {message.sequence}, expected {SEQUENCE}")
            if message.pid != own:
                raise GoError(f"netlink: wrong pid {message.pid}, expected {own}")
            if isinstance(message.body, Ack):
                if message.body.errno:
                    raise OSError(message.body.errno, "netlink")
                return


def _receive(kernel: Kernel, fd: Fd) -> tuple[NetlinkMessage, ...]:
    received = kernel.recvmsg(fd, PAGE).data
    if isinstance(received, bytes):
        raise GoError("a netlink socket gave no netlink messages")
    return received
