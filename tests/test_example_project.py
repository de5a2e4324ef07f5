"""The example project passes its tests as it is, and fails one where it is made wrong: on both kernels."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "examples" / "project"
INSTALLED = any(point.value == "initflow.pytest_plugin" for point in entry_points(group="pytest11"))
LOAD = () if INSTALLED else ("-p", "initflow.pytest_plugin")
KERNELS = [pytest.param("off", id="simulated"), pytest.param("require", id="both", marks=pytest.mark.privileged)]


def run(project: Path, real: str) -> subprocess.CompletedProcess[str]:
    """The project's tests, run by somebody who has this checkout and the plugin."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", *LOAD, f"--real-kernel={real}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("real", KERNELS)
def test_its_tests_pass(real: str) -> None:
    result = run(PROJECT, real)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "skipped" not in result.stdout


@pytest.mark.parametrize("real", KERNELS)
def test_one_fails_where_the_user_changes_before_the_groups(tmp_path: Path, real: str) -> None:
    project = tmp_path / "project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("__pycache__"))
    program = project / "tinyinit.py"
    text = program.read_text()
    groups, user = "    kernel.setgroups(())\n", "    kernel.setuid(Uid(user))\n"
    swapped = text.replace(groups, "").replace(user, user + groups)
    assert swapped != text
    program.write_text(swapped)
    result = run(project, real)
    assert result.returncode == 1, result.stdout + result.stderr
    for kernel in ("simulated", *(["real"] if real == "require" else [])):
        assert f"test_who_has_left_root_cannot_come_back[{kernel}]" in result.stdout
    assert "setgroups.eperm.unprivileged" in result.stdout
