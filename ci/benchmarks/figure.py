"""What a benchmark yields."""

from typing import NamedTuple


class Figure(NamedTuple):
    """One measured number: what was measured, how much of it, in which unit."""

    what: str
    value: float
    unit: str
