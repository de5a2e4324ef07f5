"""What the simulated kernel does not do when it is of another release."""

from functools import cache

from kernelapi.releases import in_force
from kernelapi.rules import Rule, rules


@cache
def absent(version: str) -> frozenset[Rule]:
    """The rows that a kernel of this version has not. Raises `ValueError` for what is no version of Linux."""
    return frozenset(row for row in rules() if not in_force(row, version))
