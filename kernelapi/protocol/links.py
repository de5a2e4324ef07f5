"""Network links: making, changing, moving and removing them by netlink, and the ports of a bridge (rtnetlink(7), veth(4),
net/core/rtnetlink.c, net/core/dev.c, net/bridge)."""

from errno import EADDRNOTAVAIL, EBUSY, EEXIST, EINVAL, ELOOP, ENODEV, ENOTTY, EOPNOTSUPP, EPERM, ERANGE, ESRCH
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.ids import Fd
from kernelapi.protocol.descriptors import IS_PATH_ONLY, NOT_OPEN
from kernelapi.rules import ARGUMENTS, STATE, Effect, Refusal

# -- every request --

LINK_DENIED = Refusal(
    "rtnetlink.eperm", call="rtnetlink", errno=EPERM, depends=STATE,
    cause="to change a link, an address or a route, the sender needs CAP_NET_ADMIN over the owner of the socket's network "
    "namespace, and so does who opened the socket",
    source="rtnetlink(7); net/core/rtnetlink.c rtnetlink_rcv_msg, net/netlink/af_netlink.c netlink_net_capable",
)  # fmt: skip
DUMP_UNDER_WAY = Refusal(
    "rtnetlink.ebusy", call="rtnetlink", errno=EBUSY, depends=STATE,
    cause="a list is asked for, and the socket has not received the end of the one before",
    source="netlink(7); net/netlink/af_netlink.c __netlink_dump_start",
)  # fmt: skip

# -- which link, and where it goes --

LINK_NAME_LONG = Refusal(
    "rtnetlink.erange", call="rtnetlink", errno=ERANGE, depends=ARGUMENTS,
    cause="a name has 16 bytes or more",
    source="netdevice(7), IFNAMSIZ; net/core/rtnetlink.c ifla_policy, lib/nlattr.c validate_nla",
)  # fmt: skip
LINK_NO_PROCESS = Refusal(
    "rtnetlink.esrch", call="rtnetlink", errno=ESRCH, depends=STATE,
    cause="a link is to go to the network namespace of a process that does not exist, or is a zombie",
    source="rtnetlink(7), IFLA_NET_NS_PID; net/core/net_namespace.c get_net_ns_by_pid",
)  # fmt: skip
LINK_TARGET_DENIED = Refusal(
    "rtnetlink.eperm.namespace", call="rtnetlink", errno=EPERM, depends=STATE,
    cause="a link is to go to a network namespace over whose owner the sender has no CAP_NET_ADMIN",
    source="net/core/rtnetlink.c rtnl_link_get_net_capable",
)  # fmt: skip
LINK_NEGATIVE = Refusal(
    "rtnetlink.einval.index", call="rtnetlink", errno=EINVAL, depends=ARGUMENTS,
    cause="the index of a new link is negative", source="net/core/rtnetlink.c rtnl_newlink",
)  # fmt: skip
LINK_UNNAMED = Refusal(
    "rtnetlink.einval.unnamed", call="rtnetlink", errno=EINVAL, depends=ARGUMENTS,
    cause="neither an index nor a name says which link is meant (for RTM_NEWLINK that is ENODEV)",
    source="rtnetlink(7); net/core/rtnetlink.c rtnl_setlink, rtnl_getlink, rtnl_dellink",
)  # fmt: skip
LINK_MISSING = Refusal(
    "rtnetlink.enodev", call="rtnetlink", errno=ENODEV, depends=STATE,
    cause="there is no such link",
    source="rtnetlink(7); net/core/rtnetlink.c rtnl_newlink, rtnl_setlink, rtnl_getlink, rtnl_dellink, rtnl_bridge_setlink",
)  # fmt: skip
LINK_EXISTS = Refusal(
    "rtnetlink.eexist", call="rtnetlink", errno=EEXIST, depends=STATE,
    cause="RTM_NEWLINK with NLM_F_EXCL names a link that exists", source="rtnetlink(7); net/core/rtnetlink.c rtnl_newlink",
)  # fmt: skip
LINK_STAYS = Refusal(
    "rtnetlink.einval.stays", call="rtnetlink", errno=EINVAL, depends=ARGUMENTS,
    cause="a link is to go to another network namespace, and it is `lo` or a bridge, which cannot",
    source="network_namespaces(7); net/core/dev.c __dev_change_net_namespace",
)  # fmt: skip
LINK_NAME_TAKEN_THERE = Refusal(
    "rtnetlink.eexist.namespace", call="rtnetlink", errno=EEXIST, depends=STATE,
    cause="a link is to go to a network namespace that has one of this name",
    source="net/core/dev.c __dev_change_net_namespace",
)  # fmt: skip

# -- a new link --

LINK_KIND = Refusal(
    "rtnetlink.eopnotsupp.kind", call="rtnetlink", errno=EOPNOTSUPP, depends=ARGUMENTS,
    cause="a link is to be made, and no kind of link is given, or one that does not exist",
    source="rtnetlink(7), IFLA_INFO_KIND; net/core/rtnetlink.c __rtnl_newlink",
)  # fmt: skip
LINK_NAME = Refusal(
    "rtnetlink.einval.name", call="rtnetlink", errno=EINVAL, depends=ARGUMENTS,
    cause='the name is empty, "." or "..", holds a slash, a colon or a space (a byte 0xA0 counts), or a "%" that is not '
    'part of a single "%d"',
    source="net/core/dev.c dev_valid_name, dev_prep_valid_name",
)  # fmt: skip
LINK_NAME_TAKEN = Refusal(
    "rtnetlink.eexist.name", call="rtnetlink", errno=EEXIST, depends=STATE,
    cause="a link is renamed, or the peer of a new veth is named, to what another link is called",
    source="net/core/dev.c dev_prep_valid_name",
)  # fmt: skip
LINK_PEER_FIRST = Effect(
    "rtnetlink.peer-first", call="rtnetlink",
    cause="the peer of a new veth is made before it, and has the lower index; where the other cannot be made, that is used up",
    source="drivers/net/veth.c veth_newlink",
)  # fmt: skip

# -- attributes --

LINK_HARDWARE_ADDRESS = Refusal(
    "rtnetlink.eaddrnotavail", call="rtnetlink", errno=EADDRNOTAVAIL, depends=ARGUMENTS,
    cause="the hardware address is zero, or one of a group", source="net/ethernet/eth.c eth_prepare_mac_addr_change",
)  # fmt: skip
LINK_MTU = Refusal(
    "rtnetlink.einval.mtu", call="rtnetlink", errno=EINVAL, depends=ARGUMENTS,
    cause="the MTU is not between 68 and 65535 (of `lo`: it is negative)",
    source="netdevice(7); net/core/dev.c dev_validate_mtu",
)  # fmt: skip
LINK_IS_UP = Refusal(
    "rtnetlink.ebusy.up", call="rtnetlink", errno=EBUSY, depends=STATE,
    cause="a link is renamed that is up", source="netdevice(7), SIOCSIFNAME; net/core/dev.c dev_change_name",
    until="6.2", excuse="needs a kernel before 6.2",
)  # fmt: skip
LINK_FLAGS_OF_A_MASK = Effect(
    "rtnetlink.flags", call="rtnetlink",
    cause="flags with a mask of zero, or of all ones, set all that can be set: a request that is about something else and "
    "carries the flag 1 brings the link up and takes IFF_MULTICAST away, and one with the flags 0 takes it down",
    source="net/core/rtnetlink.c rtnl_dev_combine_flags, net/core/dev.c __dev_change_flags",
)  # fmt: skip
LINK_UP_LOOPBACK = Effect(
    "rtnetlink.loopback", call="rtnetlink",
    cause="`lo`, brought up, gets 127.0.0.1/8, unless it has an address of this network",
    source="net/ipv4/devinet.c inetdev_event",
)  # fmt: skip
LINK_DOWN_FLUSHES = Effect(
    "rtnetlink.down", call="rtnetlink",
    cause="with a link that goes down go the routes through it; those of its own addresses come back with it, others do not",
    source="net/ipv4/fib_frontend.c fib_disable_ip",
)  # fmt: skip
LINK_MOVE_STRIPS = Effect(
    "rtnetlink.move", call="rtnetlink",
    cause="a link that goes to another network namespace is down there, without its addresses and routes, and no port",
    source="network_namespaces(7); net/core/dev.c __dev_change_net_namespace",
)  # fmt: skip

# -- ports of bridges --

MASTER_MISSING = Refusal(
    "rtnetlink.einval.master", call="rtnetlink", errno=EINVAL, depends=STATE,
    cause="the link that this one is to be a port of does not exist", source="net/core/rtnetlink.c do_set_master",
)  # fmt: skip
MASTER_UNSUPPORTED = Refusal(
    "rtnetlink.eopnotsupp.master", call="rtnetlink", errno=EOPNOTSUPP, depends=STATE,
    cause="the link that this one is to be a port of is no bridge", source="net/core/rtnetlink.c do_set_master",
)  # fmt: skip
PORT_LOOPBACK = Refusal(
    "rtnetlink.einval.port", call="rtnetlink", errno=EINVAL, depends=STATE,
    cause="`lo`, or a link whose hardware address is zero, is to be a port", source="net/bridge/br_if.c br_add_if",
)  # fmt: skip
PORT_BRIDGE = Refusal(
    "rtnetlink.eloop", call="rtnetlink", errno=ELOOP, depends=ARGUMENTS,
    cause="a bridge is to be a port", source="net/bridge/br_if.c br_add_if",
)  # fmt: skip
MASTER_LEFT_FIRST = Effect(
    "rtnetlink.master", call="rtnetlink",
    cause="a port that is to change its bridge leaves the old one even where the new one refuses it",
    source="net/core/rtnetlink.c do_set_master",
)  # fmt: skip
BRIDGE_FOLLOWS_PORTS = Effect(
    "rtnetlink.bridge", call="rtnetlink",
    cause="a bridge has the lowest hardware address and the lowest MTU of its ports, unless it was given one of its own",
    source="net/bridge/br_stp_if.c br_stp_recalculate_bridge_id, net/bridge/br_if.c br_mtu_auto_adjust",
)  # fmt: skip
NOT_A_PORT = Refusal(
    "rtnetlink.eopnotsupp.port", call="rtnetlink", errno=EOPNOTSUPP, depends=STATE,
    cause="a mode of a port is asked for (family AF_BRIDGE), and the link is none",
    source="net/core/rtnetlink.c rtnl_bridge_setlink",
)  # fmt: skip

# -- the end of a link --

LINK_LASTS = Refusal(
    "rtnetlink.eopnotsupp.lasts", call="rtnetlink", errno=EOPNOTSUPP, depends=ARGUMENTS,
    cause="`lo` is to be removed", source="net/core/rtnetlink.c rtnl_delete_link",
)  # fmt: skip
PEER_GOES_TOO = Effect(
    "rtnetlink.peer-goes", call="rtnetlink",
    cause="with one end of a veth goes the other, in whichever network namespace it is",
    source="drivers/net/veth.c veth_dellink",
)  # fmt: skip
NAMESPACE_TAKES_LINKS = Effect(
    "rtnetlink.namespace-ends", call="rtnetlink",
    cause="with a network namespace that nobody holds go its links, a veth with its peer",
    source="network_namespaces(7); net/core/dev.c default_device_exit_batch",
)  # fmt: skip

LINKS = (
    LINK_DENIED, DUMP_UNDER_WAY, LINK_NAME_LONG, LINK_NO_PROCESS, LINK_TARGET_DENIED, LINK_NEGATIVE, LINK_UNNAMED,
    LINK_MISSING, LINK_EXISTS, LINK_KIND, LINK_STAYS, LINK_NAME_TAKEN_THERE, LINK_HARDWARE_ADDRESS, LINK_MTU, LINK_NAME,
    LINK_NAME_TAKEN, LINK_IS_UP, MASTER_MISSING, MASTER_UNSUPPORTED, PORT_LOOPBACK, PORT_BRIDGE, NOT_A_PORT, LINK_LASTS,
)  # fmt: skip
"""The rows of requests about links."""

# -- the older way to a bridge --

IOCTL_NO_SOCKET = Refusal(
    "ioctl_siocbraddif.enotty", call="ioctl_siocbraddif", errno=ENOTTY, depends=ARGUMENTS,
    cause="the descriptor is not a socket", source="netdevice(7); fs/ioctl.c vfs_ioctl",
)  # fmt: skip
IOCTL_DENIED = Refusal(
    "ioctl_siocbraddif.eperm", call="ioctl_siocbraddif", errno=EPERM, depends=STATE,
    cause="the caller has no CAP_NET_ADMIN over the owner of the socket's network namespace",
    source="netdevice(7); net/core/dev_ioctl.c dev_ioctl",
)  # fmt: skip
IOCTL_NO_BRIDGE = Refusal(
    "ioctl_siocbraddif.enodev", call="ioctl_siocbraddif", errno=ENODEV, depends=STATE,
    cause="there is no link of the bridge's name", source="netdevice(7); net/core/dev_ioctl.c dev_ifsioc",
)  # fmt: skip
IOCTL_OTHER_KIND = Refusal(
    "ioctl_siocbraddif.eopnotsupp", call="ioctl_siocbraddif", errno=EOPNOTSUPP, depends=STATE,
    cause="the link of the bridge's name is no bridge", source="net/core/dev_ioctl.c dev_ifsioc",
)  # fmt: skip
IOCTL_NO_LINK = Refusal(
    "ioctl_siocbraddif.einval.index", call="ioctl_siocbraddif", errno=EINVAL, depends=STATE,
    cause="there is no link of this index", source="net/bridge/br_ioctl.c add_del_if",
)  # fmt: skip
IOCTL_LOOPBACK = Refusal(
    "ioctl_siocbraddif.einval.loopback", call="ioctl_siocbraddif", errno=EINVAL, depends=STATE,
    cause="`lo`, or a link whose hardware address is zero, is to be a port", source="net/bridge/br_if.c br_add_if",
)  # fmt: skip
IOCTL_BRIDGE = Refusal(
    "ioctl_siocbraddif.eloop", call="ioctl_siocbraddif", errno=ELOOP, depends=ARGUMENTS,
    cause="a bridge is to be a port", source="net/bridge/br_if.c br_add_if",
)  # fmt: skip
IOCTL_PORT_ALREADY = Refusal(
    "ioctl_siocbraddif.ebusy", call="ioctl_siocbraddif", errno=EBUSY, depends=STATE,
    cause="the link is a port already, of this bridge or another", source="net/bridge/br_if.c br_add_if",
)  # fmt: skip


class Links(Protocol):
    """What a runtime asks about links by ioctl; all else is `Sockets.sendmsg`, whose requests the rows `LINKS` refuse."""

    @syscall(
        NOT_OPEN, IS_PATH_ONLY, IOCTL_NO_SOCKET, IOCTL_DENIED, IOCTL_NO_BRIDGE, IOCTL_OTHER_KIND, IOCTL_NO_LINK, IOCTL_LOOPBACK,
        IOCTL_BRIDGE, IOCTL_PORT_ALREADY,
    )  # fmt: skip
    def ioctl_siocbraddif(self, fd: Fd, bridge: str, index: int) -> None:
        """Make the link `index` a port of the bridge called `bridge`, in the network namespace of the socket (SIOCBRADDIF).

        `fd` may be any socket. `ModelError` for a name of 16 bytes or more: it has no room in what the call takes.
        """
