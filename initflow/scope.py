"""What a configuration may ask for and this version cannot give it: refused by name before anything is run."""

from collections.abc import Iterator

from initflow.configuration import Configuration
from initflow.gostruct import Finding
from kernelapi.flags import CloneFlag


def beyond(configuration: Configuration) -> Iterator[Finding]:
    """Each thing that the flows here do not do yet."""
    if configuration.clone_flags & CloneFlag.NEWNET:
        for index, network in enumerate(configuration.networks):
            if network is not None and network.type == "veth":
                yield Finding("not-yet", f"$.networks[{index}]", "networks of type veth are not supported yet")
        for index, _ in enumerate(configuration.routes):
            yield Finding("not-yet", f"$.routes[{index}]", "routes are not supported yet")
