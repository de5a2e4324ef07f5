"""The tests on docs/testing.md pass as they stand there, and the failure that is shown is the one that comes."""

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "testing.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
INSTALLED = any(point.value == "initflow.pytest_plugin" for point in entry_points(group="pytest11"))
LOAD = () if INSTALLED else ("-p", "initflow.pytest_plugin")


def run(directory: Path, *options: str) -> str:
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", *LOAD, "--real-kernel=off", *options)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False).stdout


def test_the_tests_on_the_page_pass(tmp_path: Path) -> None:
    for number, block in enumerate(BLOCKS):
        (tmp_path / f"test_{number}.py").write_text(block)
    output = run(tmp_path)
    assert re.search(rf"^=+ {len(BLOCKS)} passed, 1 deselected in ", output, re.MULTILINE), output


def test_the_failure_on_the_page_is_what_is_shown(tmp_path: Path) -> None:
    careless = BLOCKS[0].replace("    with pytest.raises(PermissionError):\n        kernel", "    kernel")
    assert careless != BLOCKS[0]
    (tmp_path / "test_0.py").write_text(careless)
    output = run(tmp_path)
    (shown,) = re.findall(r"^```\n(    def test_groups.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    there = set(output.splitlines())
    assert [line for line in shown.splitlines() if line not in there] == []
