"""How long a container takes to start and end on the real kernel, beside other runtimes. Needs root and busybox.

Those that are installed run `true` on the same tree, in turn, so that each round gives a ratio of its own; in a mount namespace
where /sys/fs/cgroup is a plain cgroup2 and /run a tmpfs: there runc and crun find what they ask for. They leave nothing behind.
"""

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from multiprocessing import get_context
from pathlib import Path

from bench_startup import fastest_ms
from figure import Figure

from kernelapi.flags import CloneFlag, MountFlag, UmountFlag
from kernelapi.linux.kernel import linux
from kernelapi.testing.linux import busybox

EXAMPLE = Path(__file__).parents[2] / "examples" / "no-tty.json"
IMPORTS = "import click, msgspec"
ROUNDS = 15
CGROUPS = "/sys/fs/cgroup"
OURS = "initflow"


def bench_running() -> Iterator[Figure]:
    if os.geteuid() != 0:
        print("  (needs root)")
        return
    yield Figure("a bare interpreter", fastest_ms("pass"), "ms")
    yield Figure("with click and msgspec, which read command line and configuration: the floor", fastest_ms(IMPORTS), "ms")
    with tempfile.TemporaryDirectory() as name, get_context("spawn").Pool(1, enter_mount_namespace) as pool:
        top = Path(name)
        times = pool.apply(timed_in_turn, (commands(top, tree(top / "rootfs")),))
        pool.close()
        pool.join()
    for runtime, milliseconds in times.items():
        yield Figure(f"{runtime} run true", statistics.median(milliseconds), "ms")
    for runtime, milliseconds in times.items():
        if runtime != OURS:
            ratios = [ours / theirs for ours, theirs in zip(times[OURS], milliseconds, strict=True)]
            yield Figure(f"initflow run / {runtime} run, the median of {ROUNDS} pairs", statistics.median(ratios), "times")


def tree(root: Path) -> Path:
    for directory in ("bin", "etc", "proc", "sys", "dev", "tmp", "root"):
        (root / directory).mkdir(parents=True)
    (root / "bin/busybox").write_bytes(busybox())
    (root / "bin/busybox").chmod(0o755)
    (root / "bin/true").symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/sh\n")
    return root


def commands(top: Path, root: Path) -> dict[str, list[str]]:
    """What runs `true` in a container of this tree, by runtime: of those that are installed."""
    identity = f"initflow-{os.getpid()}"
    initflow = [sys.executable, "-c", "from initflow.cli import main; main()"]
    found = {OURS: [*initflow, "run", str(EXAMPLE), "--rootfs", str(root), "--state", str(top / "state"), "--", "/bin/true"]}
    if shutil.which("runc"):
        found["runc"] = ["runc", "run", "--bundle", bundle(top), identity]
        if shutil.which("crun"):  # with the same bundle
            found["crun"] = ["crun", "--cgroup-manager=disabled", "run", "--bundle", str(top), identity]
    if shutil.which("bwrap"):
        places = ["--bind", str(root), "/", "--proc", "/proc", "--dev", "/dev"]
        found["bwrap"] = ["bwrap", "--unshare-all", *places, "/bin/true"]
    missing = sorted({"runc", "crun", "bwrap"} - set(found))
    if missing:
        print(f"  (not installed: {', '.join(missing)})")
    return found


def bundle(top: Path) -> str:
    """A bundle for runc and crun: runc's own default specification, without a terminal."""
    subprocess.run(["runc", "spec"], cwd=top, check=True)
    path = top / "config.json"
    document = json.loads(path.read_text())
    document["process"].update(terminal=False, args=["/bin/true"])
    path.write_text(json.dumps(document))
    return str(top)


def enter_mount_namespace() -> None:
    """Go where this process may change mounts: its children see them, the host does not."""
    kernel = linux()
    kernel.unshare(CloneFlag.NEWNS)
    kernel.mount("", "/", "", MountFlag.PRIVATE | MountFlag.REC, "")
    kernel.mount("run", "/run", "tmpfs", 0, "")
    kernel.umount2(CGROUPS, UmountFlag.DETACH)
    kernel.mount("cgroup2", CGROUPS, "cgroup2", 0, "")


def timed_in_turn(commands: Mapping[str, list[str]]) -> dict[str, list[float]]:
    """Milliseconds of each run of each command, round by round; a first round, in which files are read, does not count."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    times: dict[str, list[float]] = {runtime: [] for runtime in commands}
    with nothing_handed_out():
        for number in range(1 + ROUNDS):
            for runtime, command in commands.items():
                started = time.perf_counter()
                subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
                if number:
                    times[runtime].append(1000 * (time.perf_counter() - started))
    return times


@contextlib.contextmanager
def nothing_handed_out() -> Iterator[None]:
    """Take back the controllers that a runtime lets the host's hierarchy hand out."""
    file = Path(CGROUPS, "cgroup.subtree_control")
    before = set(file.read_text().split())
    try:
        yield
    finally:
        for controller in set(file.read_text().split()) - before:
            file.write_text(f"-{controller}")
