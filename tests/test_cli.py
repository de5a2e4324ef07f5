"""The command line: what a newcomer sees, and what bad input gets."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
MINIMAL = EXAMPLES / "minimal.json"


def initflow(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "initflow", *map(str, words)]
    env = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """One sentence on standard error that holds `words`; status 2; nothing on standard output."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr
    assert result.stderr.startswith("initflow: ")
    assert result.stderr.count("\n") == 1, result.stderr


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "container.json"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ()),
        (b"not JSON", ()),
        (b"[]", ()),
        (b'{"hostname": 7}', ("hostname",)),
        (b'{"mount_config": {"mounts": [{"writable": "yes"}]}}', ("mounts", "writable")),
        (b"[" * 100_000, ()),
        (b'{"a":' * 50_000, ()),
        (b'{"hostname": "\xff', ()),
    ],
)
def test_a_file_that_is_no_configuration_gets_one_sentence(config: Path, content: bytes, words: tuple[str, ...]) -> None:
    config.write_bytes(content)
    refused(initflow("verify", config), str(config), *words)


def test_a_missing_file_is_named(config: Path) -> None:
    refused(initflow("verify", config), str(config))


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    refused(initflow("verify", tmp_path), str(tmp_path))


def test_no_configuration_at_all_is_bad_usage() -> None:
    result = initflow("verify")
    assert result.returncode == 2
    assert "CONFIG" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_invariant_cannot_be_ignored() -> None:
    refused(initflow("verify", MINIMAL, "--ignore", "CAP-99"), "CAP-99")


@pytest.mark.parametrize("content", [b"", b"{}", b'{"schema": "other/1", "results": []}', b"\xff"])
def test_a_file_that_is_no_baseline_gets_one_sentence(tmp_path: Path, content: bytes) -> None:
    baseline = tmp_path / "baseline.json"
    baseline.write_bytes(content)
    refused(initflow("verify", MINIMAL, "--expect", baseline), str(baseline))


def test_a_rootfs_that_is_not_there_gets_one_sentence(tmp_path: Path) -> None:
    refused(initflow("verify", MINIMAL, "--rootfs", tmp_path / "missing"), "missing")


@pytest.mark.parametrize(("option", "name"), [("--image", "default"), ("--caller", "default"), ("--variant", "no-tty")])
def test_images_callers_and_variants_are_listed_with_what_is_odd_about_them(option: str, name: str) -> None:
    result = initflow("verify", option, "list")
    assert result.returncode == 0
    assert name in result.stdout


@pytest.mark.parametrize("option", ["--image", "--caller", "--variant"])
def test_an_unknown_image_caller_or_variant_gets_one_sentence(option: str) -> None:
    refused(initflow("verify", MINIMAL, option, "nothing-like-it"), option.removeprefix("--"), "nothing-like-it")


def test_an_image_and_a_directory_are_one_too_many(tmp_path: Path) -> None:
    refused(initflow("verify", MINIMAL, "--rootfs", tmp_path, "--image", "readonly"), "--rootfs", "--image")


def test_the_image_and_the_caller_are_named_in_what_is_shown() -> None:
    words = ("verify", MINIMAL, "--image", "bin-missing", "--caller", "groups")
    (result,) = json.loads(initflow(*words, "--json").stdout)["results"]
    assert (result["image"], result["caller"], result["outcome"]) == ("bin-missing", "groups", "refused")
    assert "image bin-missing, caller groups" in initflow(*words).stdout


def test_variants_are_made_in_their_order_and_named_in_what_is_shown() -> None:
    words = ("verify", MINIMAL, "--variant", "user-root", "--variant", "user-unknown", "--variant", "no-tty")
    (result,) = json.loads(initflow(*words, "--json").stdout)["results"]
    assert (result["variants"], result["outcome"]) == (["user-root", "user-unknown", "no-tty"], "refused")
    assert "variant user-root, variant user-unknown, variant no-tty" in initflow(*words).stdout


EXPECTED = sorted(path.relative_to(EXAMPLES / "expected") for path in (EXAMPLES / "expected").rglob("*.json"))


WORDS = {"exec-in": ("--exec-in",), "apparmor": ("--lsm", "apparmor"), "selinux": ("--lsm", "selinux")}
"""What the examples in a directory are verified with."""


@pytest.mark.parametrize("example", EXPECTED, ids=str)
def test_each_example_shows_exactly_its_expected_findings(example: Path) -> None:
    words = WORDS.get(example.parent.name, ())
    result = initflow("verify", EXAMPLES / example.name, *words, "--expect", EXAMPLES / "expected" / example)
    assert result.returncode == 0, result.stdout
    assert "exactly the expected findings" in result.stdout


def test_a_container_that_does_not_come_to_run_cannot_be_entered(config: Path) -> None:
    config.write_text(json.dumps({**json.loads(MINIMAL.read_text()), "user": "bogus"}))
    refused(initflow("verify", config, "--exec-in"), str(config), "--exec-in", "Unable to find user bogus")
    refused(initflow("verify", MINIMAL, "--exec-in", "--image", "bin-missing"), "does not come to run", "/bin/sleep")


def test_what_is_brought_into_a_container_is_shown_with_what_it_says(config: Path) -> None:
    config.write_text(json.dumps({**json.loads(MINIMAL.read_text()), "tty": False}))
    shown = initflow("verify", config, "--exec-in", "--", "nope", COLUMNS="200").stdout
    assert "payload nope, into a container that runs /bin/sleep" in shown
    assert 'written: failed to nsenter: exec: "nope": executable file not found in $PATH' in shown
    assert "died: who entered ended without becoming the payload" in shown


@pytest.mark.parametrize(("module", "name"), [("apparmor", "AppArmor"), ("selinux", "SELinux")])
def test_a_host_without_the_module_shows_what_that_is(module: str, name: str) -> None:
    config, there = EXAMPLES / f"{module}.json", EXAMPLES / "expected" / module / f"{module}.json"
    shown = initflow("verify", config, "--lsm", module, "--expect", there).stdout
    assert f"host and build with {name}" in shown
    bare = initflow("verify", config, "--expect", there)
    assert bare.returncode == 1
    assert "not expected: LSM-01" in bare.stdout
    assert "expected, and not found: PD-01" in bare.stdout


def test_an_unknown_security_module_is_bad_usage() -> None:
    result = initflow("verify", MINIMAL, "--lsm", "smack")
    assert result.returncode == 2
    assert "'smack'" in result.stderr
    assert "Traceback" not in result.stderr


def test_findings_without_a_baseline_give_status_1() -> None:
    assert initflow("verify", MINIMAL).returncode == 1


def test_json_is_what_the_schema_says() -> None:
    document = json.loads(initflow("verify", MINIMAL, "--json").stdout)
    assert document["schema"] == "initflow.verify/1"
    (result,) = document["results"]
    assert result["lsm"] == "none"
    assert set(result) == {
        "config", "flow", "image", "caller", "variants", "into", "lsm", "outcome", "payload", "reported", "message", "calls",
        "steps", "invariants", "violations", "warnings",
    }  # fmt: skip
    counts = result["invariants"]
    assert counts["checked"] == sum(counts[key] for key in ("held", "violated", "undecidable", "not_applicable"))
    assert sum(step["calls"] for step in result["steps"]) == result["calls"]
    for violation in result["violations"]:
        assert set(violation) == {"invariant", "severity", "process", "event", "call", "explanation"}


def test_the_output_is_the_same_whatever_the_hash_seed() -> None:
    outputs = {initflow("verify", MINIMAL, "--trace", PYTHONHASHSEED=seed).stdout for seed in ("0", "1", "4711")}
    assert len(outputs) == 1


@pytest.mark.parametrize(
    ("change", "outcome", "message"),
    [
        ({"user": "bogus"}, "refused", "finalize namespace setup user get supplementary groups Unable to find user bogus"),
        ({"environment": ["PATH"]}, "refused", "invalid environment 'PATH'"),
        ({"hostname": "x" * 65}, "refused", f'unable to sethostname "{"x" * 65}": invalid argument'),
        ({"hostname": "x" * 1_000_000}, "refused", "unable to sethostname"),
        ({"working_dir": "/nowhere"}, "refused", "finalize namespace chdir to /nowhere no such file or directory"),
        ({"networks": [{"type": "token ring"}]}, "refused", "not a valid network strategy type"),
        ({"capabilities": ["FLY"]}, "executed", ""),
        ({"namespaces": [{"type": "NEWDREAM"}]}, "refused", "unable to apply network parameters without network namespace"),
    ],
)
def test_what_the_original_finds_at_run_time_is_found_at_run_time(
    config: Path, change: dict[str, object], outcome: str, message: str
) -> None:
    config.write_text(json.dumps({**json.loads(MINIMAL.read_text()), **change}))
    result = initflow("verify", config, "--json")
    (found,) = json.loads(result.stdout)["results"]
    assert (found["outcome"], (found["message"] or "")[: len(message)]) == (outcome, message)


def test_ten_thousand_mounts_are_not_too_many(config: Path) -> None:
    document = json.loads(MINIMAL.read_text())
    document["mount_config"]["mounts"] = [{"type": "tmpfs", "destination": f"/mnt/{n}"} for n in range(10_000)]
    config.write_text(json.dumps(document))
    (found,) = json.loads(initflow("verify", config, "--json").stdout)["results"]
    assert found["outcome"] == "executed"


def test_a_payload_is_what_follows_two_dashes() -> None:
    result = initflow("verify", MINIMAL, "--trace", "--", "sh", "-c", "exit 3")
    assert 'execve("/bin/sh", ["sh", "-c", "exit 3"]' in result.stdout


def test_help_says_what_the_command_is_for() -> None:
    assert "container initialisation" in initflow("--help").stdout
    assert "Exit status" in initflow("--help").stdout
