"""All invariants: importing this module declares them, group by group."""

from initflow.invariants import (
    capabilities,
    death_signal,
    descriptors,
    directory,
    ids,
    mounts,
    namespaces,
    synchronisation,
    terminal,
)
from initflow.invariants.model import INVARIANTS

GROUPS = (namespaces, terminal, descriptors, capabilities, ids, death_signal, mounts, directory, synchronisation)
"""The modules, a group of the catalogue each."""

__all__ = ["GROUPS", "INVARIANTS"]
