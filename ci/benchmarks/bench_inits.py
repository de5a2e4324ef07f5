"""How many inits a second: the whole of `verify` for one configuration after the other, each with a hostname of its own.

Nothing is kept from one to the next: each boots a machine, reads its configuration, runs parent and init, and is judged.
"""

import math
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from figure import Figure

from fakekernel.machine import Machine
from fakekernel.tree import CONTAINER, find, plant
from initflow import load, verify
from initflow.configuration import Configuration, Mount
from initflow.verification import execute

EXAMPLES = Path(__file__).parents[2] / "examples"
COUNT = 60


def bench_inits() -> Iterator[Figure]:
    for name in ("minimal.json", "userns.json", "bridge.json"):
        configuration = load(EXAMPLES / name).configuration
        calls = 0
        started = time.process_time()
        for number in range(COUNT):
            result = verify(msgspec.structs.replace(configuration, hostname=f"host-{number}"))
            calls += len(result.run.events)
        seconds = time.process_time() - started
        yield Figure(f"{name}: verified", COUNT / seconds, "inits/s")
        yield Figure(f"{name}: calls, recorded and checked", calls / seconds, "calls/s")
        started = time.process_time()
        for number in range(COUNT):
            execute(msgspec.structs.replace(configuration, hostname=f"host-{number}"))
        yield Figure(f"{name}: executed, not judged", COUNT / (time.process_time() - started), "inits/s")


def bench_trees() -> Iterator[Figure]:
    """Time to make the file tree of a container, as each init needs it."""
    machine = Machine()
    root = machine.init.fs.root
    best = math.inf
    for number in range(COUNT):
        top = find(root.dentry, "mnt").add(str(number), root.inode)
        started = time.process_time()
        plant(top, CONTAINER)
        best = min(best, time.process_time() - started)
    yield Figure("the tree of a container", 1000 * best, "ms")


def bench_mounts() -> Iterator[Figure]:
    """Time for one init with extra tmpfs mounts: per mount it should stay the same."""
    configuration = load(EXAMPLES / "minimal.json").configuration
    for count in (10, 100, 1000, 10_000):
        started = time.process_time()
        verify(with_mounts(configuration, count))
        seconds = time.process_time() - started
        yield Figure(f"an init with {count} extra tmpfs mounts", 1000 * seconds, "ms")
        yield Figure("  for each of them", 1e6 * seconds / count, "us")


def with_mounts(configuration: Configuration, count: int) -> Configuration:
    assert configuration.mount_config is not None
    extra = tuple(Mount(type="tmpfs", destination=f"/mnt/{number}") for number in range(count))
    mounts = msgspec.structs.replace(configuration.mount_config, mounts=(*configuration.mount_config.mounts, *extra))
    return msgspec.structs.replace(configuration, mount_config=mounts)
