"""Network interfaces over rtnetlink, as the original does it: a socket for each question (rtnetlink(7))."""

from initflow.golang import GoError
from kernelapi.flags import AddressFamily, SocketType
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.values import IFF_UP, Ack, Link, NetlinkAddress, NetlinkFlag, NetlinkMessage, NetlinkType

PAGE = 65536


def find_link(kernel: Kernel, name: str) -> Link:
    """net.InterfaceByName: the interface called `name`, out of a dump of all. Raises `GoError` where there is none."""
    if not name:
        raise GoError("invalid network interface name")
    fd = _open(kernel)
    try:
        request = NetlinkMessage(NetlinkType.RTM_GETLINK, NetlinkFlag.DUMP | NetlinkFlag.REQUEST, 1, 0, Link())
        kernel.sendmsg(fd, request)
        links = _dump(kernel, fd)
    finally:
        kernel.close(fd)
    for link in links:
        if link.name == name:
            return link
    raise GoError("no such network interface")


def set_link_up(kernel: Kernel, link: Link) -> None:
    """Set IFF_UP on `link`. Raises `OSError` with the errno of the acknowledgement."""
    fd = _open(kernel)
    try:
        body = Link(index=link.index, flags=IFF_UP, change=IFF_UP)
        kernel.sendmsg(fd, NetlinkMessage(NetlinkType.RTM_NEWLINK, NetlinkFlag.REQUEST | NetlinkFlag.ACK, 1, 0, body))
        for message in _receive(kernel, fd):
            if isinstance(message.body, Ack) and message.body.errno:
                raise OSError(message.body.errno, "netlink")
    finally:
        kernel.close(fd)


def _open(kernel: Kernel) -> Fd:
    fd = kernel.socket(AddressFamily.NETLINK, SocketType.RAW | SocketType.CLOEXEC, 0)
    kernel.bind(fd, NetlinkAddress())
    return fd


def _dump(kernel: Kernel, fd: Fd) -> list[Link]:
    links: list[Link] = []
    while True:
        for message in _receive(kernel, fd):
            if message.type == NetlinkType.DONE:
                return links
            if isinstance(message.body, Ack) and message.body.errno:
                raise OSError(message.body.errno, "netlink")
            if isinstance(message.body, Link):
                links.append(message.body)


def _receive(kernel: Kernel, fd: Fd) -> tuple[NetlinkMessage, ...]:
    received = kernel.recvmsg(fd, PAGE).data
    if isinstance(received, bytes):
        raise GoError("a netlink socket gave no netlink messages")
    return received
