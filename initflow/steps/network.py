"""The network of the container: what the parent made on the host is made usable in its namespace."""

from initflow.flow import FlowError, Panic, step
from initflow.networks import initialise
from initflow.rtnetlink import add_route
from initflow.steps.context import Init
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
        initialise(init.kernel, network, init.network_state)


@step
def add_routes(init: Init) -> None:
    """Add the routes of the configuration, once the links that they lead through are up."""
    if not has_network_namespace(init):
        return
    for route in init.configuration.routes:
        if route is None:
            raise Panic("a route of the configuration is null")
        add_route(init.kernel, route.destination, route.source, route.gateway, route.interface_name)


def has_network_namespace(init: Init) -> bool:
    return bool(init.configuration.clone_flags & CloneFlag.NEWNET)
