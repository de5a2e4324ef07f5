"""Runs every function `bench_*` of every module `bench_*.py` beside this file, and prints the figures that it yields.

A benchmark takes no arguments and yields `Figure`s. Words on the command line select those whose name contains one.
"""

import importlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from figure import Figure

Benchmark = Callable[[], Iterable[Figure]]


def benchmarks() -> Iterator[tuple[str, Benchmark]]:
    """Every benchmark with its name, `module.function`, in the order of the files and of the text."""
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        module = importlib.import_module(path.stem)
        for name, value in vars(module).items():
            if name.startswith("bench_") and callable(value):
                yield f"{path.stem}.{name}", value


def main(words: list[str]) -> int:
    selected = [(name, run) for name, run in benchmarks() if not words or any(word in name for word in words)]
    for name, run in selected:
        print(name, flush=True)
        started = time.perf_counter()
        for figure in run():
            print(f"  {figure.value:>14,.1f} {figure.unit:<12} {figure.what}", flush=True)
        print(f"  ({time.perf_counter() - started:.1f} s)", flush=True)
    if not selected:
        print("no such benchmark", file=sys.stderr)
    return 0 if selected else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
