"""How long a container takes to start and end on the real kernel, and what of that is the interpreter. Needs root and busybox.

Where runc is installed it is measured beside us, on a bundle with the same tree.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench_startup import fastest_ms, timed_ms
from figure import Figure

from kernelapi.testing.linux import busybox

EXAMPLE = Path(__file__).parents[2] / "examples" / "no-tty.json"
COMMAND = "from initflow.cli import main; main()"
IMPORTS = "import click, msgspec, kernelapi.linux.kernel"


def bench_running() -> Iterator[Figure]:
    if os.geteuid() != 0:
        print("  (needs root)")
        return
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        root = tree(top / "rootfs")
        yield Figure("a bare interpreter: the floor", fastest_ms("pass"), "ms")
        yield Figure("with click, msgspec and the real kernel", fastest_ms(IMPORTS), "ms")
        options = ("--rootfs", str(root), "--state", str(top / "state"))
        ours = fastest_ms(COMMAND, "run", str(EXAMPLE), *options, "--", "/bin/true")
        yield Figure("initflow run no-tty.json -- /bin/true", ours, "ms")
        if shutil.which("runc"):
            theirs = timed_ms(["runc", "run", "--bundle", bundle(top), f"initflow-{os.getpid()}"])
            yield Figure("runc run, the same tree and payload", theirs, "ms")
            yield Figure("initflow run / runc run", ours / theirs, "times")


def tree(root: Path) -> Path:
    for directory in ("bin", "etc", "proc", "sys", "dev", "tmp", "root"):
        (root / directory).mkdir(parents=True)
    (root / "bin/busybox").write_bytes(busybox())
    (root / "bin/busybox").chmod(0o755)
    (root / "bin/true").symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/sh\n")
    return root


def bundle(top: Path) -> str:
    """A bundle for runc: its own default specification, without a terminal."""
    subprocess.run(["runc", "spec"], cwd=top, check=True)
    path = top / "config.json"
    document = json.loads(path.read_text())
    document["process"].update(terminal=False, args=["/bin/true"])
    path.write_text(json.dumps(document))
    return str(top)
