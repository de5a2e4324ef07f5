"""How long a user waits before anything happens: the interpreter, the imports, whole commands."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from figure import Figure

RUNS = 10


MINIMAL = Path(__file__).parents[2] / "examples" / "minimal.json"
FINDINGS = 1
"""The exit status of a verification that found something."""

COMMAND = "from initflow.cli import main; main()"


def fastest_ms(program: str, *arguments: str) -> float:
    """Milliseconds of the fastest of some runs of `python -c program`; a first one compiles what is not compiled yet."""
    return timed_ms([sys.executable, "-c", program, *arguments])


def timed_ms(command: list[str]) -> float:
    """Milliseconds of the fastest of some runs of a command."""
    times = []
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(RUNS):
        started = time.perf_counter()
        ended = subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL)
        if ended.returncode not in (0, FINDINGS):
            raise RuntimeError(f"{command} failed")
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


def bench_imports() -> Iterator[Figure]:
    yield Figure("a bare interpreter", fastest_ms("pass"), "ms")
    for module in ("kernelapi.kernel", "fakekernel.machine", "initflow.verification", "initflow.cli"):
        yield Figure(f"import {module}", fastest_ms(f"import {module}"), "ms")


def bench_commands() -> Iterator[Figure]:
    yield Figure("initflow --help", fastest_ms(COMMAND, "--help"), "ms")
    yield Figure("initflow verify minimal.json", fastest_ms(COMMAND, "verify", str(MINIMAL)), "ms")
