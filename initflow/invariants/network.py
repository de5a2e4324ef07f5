"""NET: the links, addresses and routes of the container, and what is left of them on the host."""

from collections.abc import Iterator

from fakekernel.namespaces import NetNamespace
from initflow.gonet import parse_cidr
from initflow.invariants.model import END, EXEC, HIGH, LOW, MEDIUM, Exec, Moment, Obligation, before, decide, invariant
from initflow.run import Role
from kernelapi.values import IFF_LOOPBACK, IFF_UP, Link, NetlinkMessage, NetlinkType

CHANGES = frozenset((
    NetlinkType.RTM_NEWLINK, NetlinkType.RTM_DELLINK, NetlinkType.RTM_SETLINK, NetlinkType.RTM_NEWADDR,
    NetlinkType.RTM_DELADDR, NetlinkType.RTM_NEWROUTE, NetlinkType.RTM_DELROUTE,
))  # fmt: skip
"""Requests that change something."""


@invariant("NET-01", at=END, severity=LOW, source="veth(4)")
def no_link_of_a_container_outlives_it_on_the_host(moment: Moment) -> Iterator[Obligation]:
    """When all is over, no link that the parent made is left on the host.

    With the network namespace of the container go the links in it, and their other ends. One that never got there stays, on
    the host's bridge as a rule, until somebody finds it.
    """
    init = moment.run.init
    if init is not None and init.lives:
        return
    made = [name for link in _links_made(moment) for name in (link.name, link.info and link.info.peer and link.info.peer.name)]
    if made:
        there = {link.name for link in _host(moment).links.values()}
        left = sorted(name for name in made if name in there)
        yield decide(moment, not left, f"these links are left on the host: {', '.join(left)}", links=left)


@invariant("NET-02", at=EXEC, severity=MEDIUM, source="OCI runtime-spec runtime.md, lifecycle; rtnetlink(7)")
def the_payload_finds_its_networks(moment: Exec) -> Iterator[Obligation]:
    """At exec, `lo` is up where the configuration has a loopback, and each address of it is that of a link that is up.

    A payload that starts without its network fails in its own ways, or talks to somebody else.
    """
    configuration = moment.configuration
    net = moment.previous.task.namespaces.net
    up = [link for link in net.links.values() if link.flags & IFF_UP]
    found = {f"{address.local}/{address.prefixlen}" for link in up for address in link.addresses}
    for network in configuration.networks:
        if network is None:
            continue
        if network.type == "loopback":
            yield decide(moment, any(link.flags & IFF_LOOPBACK for link in up), "its lo is down")
        elif network.type == "veth":
            ip, length = parse_cidr(network.address)
            wanted = f"{ip}/{length}"
            yield decide(moment, wanted in found, f"no link of its that is up has the address {wanted}", found=sorted(found))


@invariant("NET-03", at=before("sendmsg"), severity=HIGH, source="network_namespaces(7)")
def init_never_changes_the_network_of_the_host(moment: Moment) -> Iterator[Obligation]:
    """No request of init changes a link, an address or a route of the host.

    What a container needs there is the parent's to make; an init that is not in a namespace of its own takes the host's
    connections down with it.
    """
    if not moment.is_init or moment.task is None:
        return
    message = moment.args("data")
    if isinstance(message, NetlinkMessage) and message.type in CHANGES:
        descriptor = moment.task.files.entries.get(moment.args("fd"))
        net = getattr(descriptor.description.subject, "net", None) if descriptor is not None else None
        if isinstance(net, NetNamespace):
            yield decide(moment, net is not _host(moment), "it changes the network of the host itself")


def _links_made(moment: Moment) -> Iterator[Link]:
    """What the parent asked for, of new links. Whether it got them, the host shows."""
    for event, role in zip(moment.run.events, moment.run.roles, strict=True):
        if role is Role.PARENT and event.call.name == "sendmsg":
            body = getattr(event.args[1], "body", None)
            if isinstance(body, Link) and body.info is not None:
                yield body


def _host(moment: Moment) -> NetNamespace:
    return moment.run.machine.init.namespaces.net
