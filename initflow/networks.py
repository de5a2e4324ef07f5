"""The two kinds of networks that a configuration may have, and what each needs on the host and in the container.

On the host, `create` makes what leads into the container; in it, `initialise` makes that usable. Between them there is one
object, the network state: it has room for one pair, so that of two veth networks the second one's is all that is known.
"""

from errno import EEXIST

from initflow.configuration import Network
from initflow.flow import failing
from initflow.golang import GoError
from initflow.rtnetlink import (
    add_address,
    add_default_gateway,
    add_to_bridge,
    create_veth_pair,
    find_link,
    move_link,
    rename_link,
    set_hairpin,
    set_hardware_address,
    set_link_down,
    set_link_up,
    set_mtu,
)
from kernelapi.kernel import Kernel

DEVICE = "eth0"
"""What the container's end of a pair is called there."""

TRIES = 10
RANDOM_BYTES, RANDOM_DIGITS = 32, 7
LOOPBACK, VETH = "loopback", "veth"


def create(kernel: Kernel, network: Network, pid: int, state: dict[str, str]) -> None:
    """Make the host's side of a network of the container whose init is `pid`. Raises `GoError` or `OSError`."""
    _check_type(network)
    if network.type == VETH:
        _create_veth(kernel, network, pid, state)


def initialise(kernel: Kernel, network: Network, state: dict[str, str]) -> None:
    """Make a network usable in its namespace, in which the caller is. Raises `FlowError`, `GoError` or `OSError`."""
    _check_type(network)
    if network.type == VETH:
        _initialise_veth(kernel, network, state)
    else:
        with failing("lo up"):
            set_link_up(kernel, find_link(kernel, "lo"))


def _check_type(network: Network) -> None:
    if network.type not in (LOOPBACK, VETH):
        raise GoError("not a valid network strategy type")


# -- veth --


def _create_veth(kernel: Kernel, network: Network, pid: int, state: dict[str, str]) -> None:
    """Make a pair, one end of which is a port of the host's bridge; the other goes into the container.

    It can go there only when it is made, and the process is there. What fails half-way leaves the pair behind.
    """
    if not network.bridge:
        raise GoError("bridge is not specified")
    if not network.veth_prefix:
        raise GoError("veth prefix is not specified")
    outside, inside = _create_pair(kernel, network)
    link = find_link(kernel, outside)
    add_to_bridge(kernel, link, find_link(kernel, network.bridge))
    set_mtu(kernel, find_link(kernel, outside), network.mtu)
    if network.hairpin_mode:
        set_hairpin(kernel, find_link(kernel, outside))
    set_link_up(kernel, find_link(kernel, outside))
    move_link(kernel, find_link(kernel, inside), pid)
    state["veth_host"], state["veth_child"] = outside, inside


def _create_pair(kernel: Kernel, network: Network) -> tuple[str, str]:
    """Make a pair with names that nobody has: both names, the host's first."""
    problem = GoError("")
    for _ in range(TRIES):
        outside, inside = _random_name(kernel, network.veth_prefix), _random_name(kernel, network.veth_prefix)
        try:
            create_veth_pair(kernel, outside, inside, network.txqueuelen)
        except GoError as error:
            if error.errno != EEXIST:
                raise
            problem = error
        else:
            return outside, inside
    raise problem


def _random_name(kernel: Kernel, prefix: str) -> str:
    return prefix + kernel.getrandom(RANDOM_BYTES).hex()[:RANDOM_DIGITS]


def _initialise_veth(kernel: Kernel, network: Network, state: dict[str, str]) -> None:
    """Name and address the container's end, bring it up, and lead all that is not near to the gateway.

    Down first: a link that was up could not be renamed before Linux 6.2. The gateway last: it has to be in a network of a link
    that is up.
    """
    child = state.get("veth_child", "")
    if not child:
        raise GoError("vethChild is not specified")
    with failing(f"interface down {child}"):
        set_link_down(kernel, find_link(kernel, child))
    with failing(f"change {child} to {DEVICE}"):
        rename_link(kernel, find_link(kernel, child), DEVICE)
    if network.mac_address:
        with failing(f"set {DEVICE} mac"):
            set_hardware_address(kernel, find_link(kernel, DEVICE), network.mac_address)
    with failing(f"set {DEVICE} ip"):
        add_address(kernel, find_link(kernel, DEVICE), network.address)
    if network.ipv6_address:
        with failing(f"set {DEVICE} ipv6"):
            add_address(kernel, find_link(kernel, DEVICE), network.ipv6_address)
    with failing(f"set {DEVICE} mtu to {network.mtu}"):
        set_mtu(kernel, find_link(kernel, DEVICE), network.mtu)
    with failing(f"{DEVICE} up"):
        set_link_up(kernel, find_link(kernel, DEVICE))
    if network.gateway:
        with failing(f"set gateway to {network.gateway} on device {DEVICE} failed with"):
            add_default_gateway(kernel, network.gateway, DEVICE)
    if network.ipv6_gateway:
        with failing(f"set gateway for ipv6 to {network.ipv6_gateway} on device {DEVICE} failed with"):
            add_default_gateway(kernel, network.ipv6_gateway, DEVICE)
