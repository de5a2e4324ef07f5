"""Schedules: ways to choose who runs next, each a function of the run so far and nothing else."""

import hashlib
from collections.abc import Sequence

from fakekernel.machine import Machine
from fakekernel.process import Process


class Shuffled:
    """Chooses at random before every call; the same seed chooses the same."""

    def __init__(self, machine: Machine, seed: int) -> None:
        self.machine = machine
        self.seed = seed

    def __call__(self, ready: Sequence[Process]) -> Process:
        moment = f"{self.seed}:{len(self.machine.events)}:{','.join(process.name for process in ready)}"
        return ready[int.from_bytes(hashlib.blake2b(moment.encode(), digest_size=8).digest()) % len(ready)]


class Given:
    """Lets the process make event i that `names[i]` names; beyond the list, or if that one cannot go on, the first."""

    def __init__(self, machine: Machine, names: Sequence[str]) -> None:
        self.machine = machine
        self.names = names

    def __call__(self, ready: Sequence[Process]) -> Process:
        index = len(self.machine.events)
        wanted = self.names[index] if index < len(self.names) else ""
        return next((process for process in ready if process.name == wanted), ready[0])
