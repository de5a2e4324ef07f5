"""The walks of `sequences` on each kernel, and where they part."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from fakekernel.machine import Machine
from fakekernel.profile import DEFAULT_HOST, HostProfile
from initflow.conformance.real import Player
from initflow.conformance.real_walks import really
from initflow.conformance.scratch import FRESH
from initflow.conformance.sequences import DEPTH, DIGEST, EVERY, STARTS, VARIANTS, Path, begin, order
from kernelapi.flags import Signal
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel


@dataclass(frozen=True, slots=True)
class Parting:
    """A sequence after whose last call the kernels differ: what each says came of it."""

    start: str
    path: Path
    real: str
    fake: str

    @property
    def calls(self) -> list[str]:
        return [f"{name}{args!r}" for name, *args in (EVERY[number] for number in self.path)]


@dataclass(slots=True)
class Walked:
    """What has been compared of the sequences that begin with one call: how many, and where the kernels part."""

    sequences: int
    agreed: int
    partings: list[Parting]


def units(depth: int = DEPTH) -> Iterator[tuple[str, Path, int]]:
    """The parts in which all sequences of at most `depth` calls are walked: those of one call, those that begin with one."""
    for start in STARTS:
        yield start, (), 1
        if depth > 1:
            for number in range(len(VARIANTS)):
                yield start, (number,), depth


def compare(player: Player, start: str, prefix: Path, depth: int, host: HostProfile = DEFAULT_HOST) -> Walked:
    """Walk on both kernels. Of the sequences that part, those that go on from another one that does are not told."""
    real, fake = player.call(really, start, "walk", prefix, depth), simulated(start, "walk", prefix, depth, host)
    paths = list(order(prefix, depth))
    if len(real) != DIGEST * len(paths):
        raise RuntimeError(f"the walk of {start} {prefix} ended early on the real kernel: {real[-200:]!r}")
    if len(fake) != DIGEST * len(paths):
        raise RuntimeError(f"the walk of {start} {prefix} ended early on the simulated kernel")
    parted = [
        path for place, path in enumerate(paths) if real[place * DIGEST :][:DIGEST] != fake[place * DIGEST :][:DIGEST]
    ]
    known = set(parted)
    first = [path for path in parted if not any(path[:length] in known for length in range(1, len(path)))]
    return Walked(len(paths), len(paths) - len(parted), [_told(player, start, path, host) for path in first])


def _told(player: Player, start: str, path: Path, host: HostProfile) -> Parting:
    real = player.call(really, start, "tell", path, len(path))
    fake = simulated(start, "tell", path, len(path), host)
    return Parting(start, path, *(text.decode(errors="replace").strip().rpartition("\n")[2] for text in (real, fake)))


def simulated(start: str, task: str, path: Path, depth: int, host: HostProfile = DEFAULT_HOST) -> bytes:
    """What a walk writes on the simulated kernel."""
    machine = Machine(host)
    _, output = machine.spawn_captured(partial(_apart, start=start, task=task, path=path, depth=depth), comm="walk")
    machine.run()
    machine.close()
    return machine.captured(output)


def _apart(kernel: Kernel, report: Fd, start: str, task: str, path: Path, depth: int) -> None:
    kernel.wait4(kernel.clone(FRESH | Signal.CHLD, begin, start, task, path, depth, report))
