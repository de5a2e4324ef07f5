"""The network of the container, as far as its loopback interface."""

from initflow.flow import FlowError, Panic, step
from initflow.golang import GoError
from initflow.rtnetlink import find_link, set_link_up
from initflow.steps.context import Init
from kernelapi.errors import NotModelled
from kernelapi.flags import CloneFlag


@step
def refuse_network_without_namespace(init: Init) -> None:
    """Refuse networks and routes that would be the host's. Late: all that came before has happened."""
    configuration = init.configuration
    if not has_network_namespace(init) and (configuration.networks or configuration.routes):
        raise FlowError("unable to apply network parameters without network namespace")


@step(reads="network_state")
def initialise_networks(init: Init) -> None:
    """Bring up each network of the configuration.

    Needs the parent's side to be there, hence after the barrier; needs CAP_NET_ADMIN, hence before the capabilities go.
    """
    if not has_network_namespace(init):
        return
    for network in init.configuration.networks:
        if network is None:
            raise Panic("a network of the configuration is null")
        if network.type == "loopback":
            bring_up_loopback(init)
        elif network.type == "veth":
            raise NotModelled("networks of type veth")
        else:
            raise FlowError("not a valid network strategy type")


@step
def add_routes(init: Init) -> None:
    """Add the routes of the configuration, once the links that they lead through are up."""
    if has_network_namespace(init) and init.configuration.routes:
        raise NotModelled("routes")


def has_network_namespace(init: Init) -> bool:
    return bool(init.configuration.clone_flags & CloneFlag.NEWNET)


def bring_up_loopback(init: Init) -> None:
    try:
        set_link_up(init.kernel, find_link(init.kernel, "lo"))
    except GoError as error:
        raise FlowError(f"lo up {error}") from error
