"""All invariants: importing this module declares them, group by group."""

from initflow.invariants import (
    attributes,
    capabilities,
    death_signal,
    descriptors,
    devices,
    directory,
    ids,
    labels,
    masks,
    mounts,
    namespaces,
    network,
    synchronisation,
    terminal,
)
from initflow.invariants.model import INVARIANTS

GROUPS = (
    namespaces, network, terminal, descriptors, capabilities, ids, death_signal, mounts, devices, masks, directory, attributes,
    labels, synchronisation,
)  # fmt: skip
"""The modules, a group of the catalogue each."""

__all__ = ["GROUPS", "INVARIANTS"]
