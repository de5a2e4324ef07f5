"""Python's garbage collector, which a run on the simulated kernel would keep busy for nothing."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Without automatic garbage collection inside; afterwards it is as it was, and makes up for what it missed.

    A machine only grows while it runs: its journal keeps every value. To go through it again and again, after every few hundred
    new objects, takes as long as the run itself. Concerns the whole interpreter, other threads included.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
