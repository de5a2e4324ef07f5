"""The hierarchies of control groups that a case finds mounted: of version 1 by their controllers, and the unified one
(cgroups(7)).

On the real kernel they are those of the host, where a case leaves nothing: what it makes has one name, and that is cleared
away.
"""

import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from kernelapi.flags import OpenFlag
from kernelapi.kernel import Kernel
from kernelapi.testing.case import read_all
from kernelapi.testing.mountinfo import mount_table, parse

BASE = "/sys/fs/cgroup"
NAME = f"initflow-test-{os.getpid():07}"
"""What a case calls its control groups: by the process that plays it. Those that it forks have the same name."""

UNIFIED = "unified"
"""What stands for a controller where a case finds the hierarchy of version 2."""

NAMES = re.compile(r"initflow-test-\d+")


def present(kernel: Kernel) -> frozenset[str]:
    """The controllers that have a hierarchy of their own on the host of the calling process (/proc/PID/cgroup), and UNIFIED.

    That counts only while its root hands no controller out: with their files, groups are not the same everywhere.
    """
    lines = _text(kernel, "/proc/self/cgroup").splitlines()
    found = frozenset(name or UNIFIED for line in lines for name in line.split(":")[1].split(","))
    roots = [entry.point for entry in mount_table(kernel) if entry.fstype == "cgroup2" and entry.root == "/"]
    return found - {UNIFIED} if any(_text(kernel, f"{root}/cgroup.subtree_control").strip() for root in roots) else found


def _text(kernel: Kernel, path: str) -> str:
    fd = kernel.open(path, OpenFlag.RDONLY)
    text = read_all(kernel, fd).decode()
    kernel.close(fd)
    return text


def mount(kernel: Kernel, controllers: tuple[str, ...]) -> None:
    """Mount hierarchies where a host has them, in the tree of a case."""
    kernel.mount("sys", "/sys", "tmpfs", 0, "")
    kernel.mkdir("/sys/fs", 0o755)
    kernel.mkdir(BASE, 0o755)
    for controller in controllers:
        kernel.mkdir(f"{BASE}/{controller}", 0o755)
        if controller == UNIFIED:
            kernel.mount("cgroup2", f"{BASE}/{controller}", "cgroup2", 0, "")
        else:
            kernel.mount("cgroup", f"{BASE}/{controller}", "cgroup", 0, controller)


def mounted() -> Mapping[str, Path]:
    """Where the hierarchies of this host are mounted, by their controllers."""
    found: dict[str, Path] = {}
    for entry in map(parse, Path("/proc/self/mountinfo").read_text().splitlines()):
        if entry.fstype == "cgroup2":
            found[UNIFIED] = Path(entry.point)
        elif entry.fstype == "cgroup":
            found.update(dict.fromkeys(entry.superoptions.split(","), Path(entry.point)))
    return found


def _places() -> Iterator[Path]:
    """Where on the host the control groups of a case are: below that of whoever plays it, the root that the case sees."""
    there = mounted()
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        place = there.get(controllers.split(",")[0] or UNIFIED)
        if place is not None:
            yield Path(place, path.lstrip("/"), NAME)


def clear(patience: float = 5) -> None:
    """Remove from the host what a case has left below the one name that is ours. Raises `TimeoutError` where that cannot be."""
    left = [place for place in _places() if place.exists()]
    deadline = time.monotonic() + patience
    while left:
        for top in left:
            for directory, _, files in os.walk(top, topdown=False):
                for file, thawed in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
                    if file in files:
                        Path(directory, file).write_text(thawed)
                try:
                    os.rmdir(directory)
                except OSError:
                    time.sleep(0.02)  # a process in it is on its way out
        left = [top for top in left if top.exists()]
        if left and time.monotonic() > deadline:
            raise TimeoutError(f"{left[0]} cannot be removed")
