"""The modules that declare the invariants, a group of the catalogue each."""

import importlib

GROUPS = (
    "namespaces",
    "terminal",
    "descriptors",
    "capabilities",
    "ids",
    "death_signal",
    "mounts",
    "directory",
    "synchronisation",
)


def load() -> None:
    """Import every group: its invariants are then in `model.INVARIANTS`."""
    for group in GROUPS:
        importlib.import_module(f"initflow.invariants.{group}")
