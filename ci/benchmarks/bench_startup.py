"""How long a user waits before anything happens: the interpreter, then the imports."""

import subprocess
import sys
import time
from collections.abc import Iterator

from figure import Figure

RUNS = 10


def fastest_ms(program: str) -> float:
    """Milliseconds of the fastest of some runs of `python -c program`."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], check=True)
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


def bench_imports() -> Iterator[Figure]:
    yield Figure("a bare interpreter", fastest_ms("pass"), "ms")
    for module in ("kernelapi", "fakekernel", "initflow", "initflow.cli"):
        yield Figure(f"import {module}", fastest_ms(f"import {module}"), "ms")
