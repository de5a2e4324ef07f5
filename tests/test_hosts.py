"""Hosts as documents: captured, written, read, and started from."""

import json
import os
from dataclasses import fields, replace
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fakekernel import subject
from fakekernel.fstypes import FSTYPES
from fakekernel.machine import Machine
from fakekernel.profile import DEFAULT_HOST, PARAMETERS, HostMount, HostProfile, capture
from fakekernel.syscalls.attributes import MAGIC_NUMBERS
from initflow.cli import cli
from initflow.hosts import SCHEMA, HostError, as_json, load
from kernelapi.capability import FULL, Cap, CapSet
from kernelapi.flags import MountFlag, OpenFlag, Rlimit, StatfsFlag
from kernelapi.ids import Pid
from kernelapi.kernel import Kernel
from kernelapi.releases import release_of
from kernelapi.testing.case import Case, errno_of, expect, read_all
from kernelapi.testing.mountinfo import mount_at
from kernelapi.values import Limit

LESS = FULL - CapSet.of(Cap.SYS_RESOURCE)
ODD = HostProfile(
    release="6.1.55-odd",
    version="#7",
    hostname="odd",
    domainname="example.org",
    bounding=LESS,
    effective=LESS - CapSet.of(Cap.SYS_TIME),
    limits=((Rlimit.NOFILE, Limit(100, 200)), (Rlimit.CORE, Limit(0, 2**64 - 1))),
    processors=3,
    cgroup_v1=("devices", "freezer"),
    proc_entries=("acpi", "keys"),
    shared_mounts=True,
    parameters=(("fs/nr_open", 2000), ("kernel/pid_max", 32768), ("user/max_uts_namespaces", 5)),
    mounts=(
        HostMount("/", "overlay", ("rw", "nodev", "relatime"), "private"),
        HostMount("/sys", "sysfs", ("ro", "nosuid", "nodev", "noexec", "relatime"), "shared"),
    ),
)


def written(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document), "utf-8")
    return path


# -- the document --


@pytest.mark.parametrize("host", [DEFAULT_HOST, ODD, capture()], ids=["default", "odd", "this"])
def test_a_host_is_read_as_it_was_written(host: HostProfile, tmp_path: Path) -> None:
    again = load(written(tmp_path / "host.json", as_json(host)))
    assert replace(again, limits=()) == replace(host, limits=())
    assert sorted(again.limits) == sorted(host.limits)


def test_the_document_has_every_field(tmp_path: Path) -> None:
    assert set(as_json(ODD)) == {"schema", *(field.name for field in fields(HostProfile))}


def test_what_is_left_out_is_as_by_default(tmp_path: Path) -> None:
    path = written(tmp_path / "host.json", {"schema": SCHEMA, "hostname": "mine"})
    assert load(path) == replace(DEFAULT_HOST, hostname="mine")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": "initflow.verify/1"}, "not what `initflow host-profile` writes"),
        ({"relase": "6.18"}, "$.relase: there is no such key; expected one of release,"),
        ({"release": "six"}, "$.release: 'six' is no release of Linux: expected one such as 6.18"),
        ({"release": 6}, "$.release: Expected `str`, got `int`"),
        ({"bounding": ["SYS_ADMIN", "SYS_ADMI"]}, "$.bounding: there is no capability 'SYS_ADMI'"),
        ({"bounding": "all"}, "$.bounding: Expected `array`, got `str`"),
        ({"bounding": ["KILL"], "effective": ["KILL", "CHOWN"]}, "$.effective: {CHOWN} is not within $.bounding"),
        ({"limits": {"FILES": [1, 2]}}, "$.limits: there is no limit 'FILES'"),
        ({"limits": {"NOFILE": [2, 1]}}, "$.limits: NOFILE: expected two numbers, the first not above the second"),
        ({"limits": {"NOFILE": [-1, 1]}}, "$.limits: NOFILE: expected two numbers"),
        ({"limits": {"NOFILE": [1]}}, "$.limits: Expected `array` of length 2, got 1"),
        ({"processors": 0}, "$.processors: expected 1 or more"),
        ({"parameters": {"fs/nr_opens": 1}}, "$.parameters: 'fs/nr_opens' is none of fs/mount-max,"),
        ({"parameters": {"fs/nr_open": -1}}, "$.parameters: fs/nr_open: expected a number that is not negative"),
        (
            {"mounts": [{"point": "/", "fstype": "ext4", "propagation": "common"}]},
            "$.mounts[0].propagation: expected one of private,",
        ),
        ({"mounts": [{"fstype": "ext4"}]}, "$.mounts: Object missing required field `point`"),
    ],
)
def test_a_bad_document_is_refused_in_a_sentence(change: dict[str, Any], told: str, tmp_path: Path) -> None:
    path = written(tmp_path / "host.json", {"schema": SCHEMA, **change})
    with pytest.raises(HostError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: {told}")


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"schema": 1}'])
def test_what_is_no_document_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "host.json"
    path.write_bytes(content)
    with pytest.raises(HostError, match=r"host\.json: not "):
        load(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"none\.json: No such file or directory"):
        load(tmp_path / "none.json")


# -- capturing --


def test_the_captured_host_is_this_one() -> None:
    host = capture()
    assert (host.release, host.hostname, host.processors) == (os.uname().release, os.uname().nodename, os.cpu_count())
    assert {name for name, _ in host.parameters} <= set(PARAMETERS)
    assert "/" in {mount.point for mount in host.mounts}
    assert release_of(host.release)


# -- the simulated host --


def look(kernel: Kernel) -> None:
    held = kernel.capget(Pid(0))
    expect("effective", held.effective, ODD.effective)
    expect("in the bounding set", kernel.prctl_capbset_read(Cap.SYS_TIME), True)
    expect("not in it", kernel.prctl_capbset_read(Cap.SYS_RESOURCE), False)
    expect("the limit", kernel.getrlimit(Rlimit.NOFILE), Limit(100, 200))
    for path, text in (("fs/nr_open", b"2000\n"), ("kernel/pid_max", b"32768\n"), ("user/max_uts_namespaces", b"5\n")):
        expect(path, read_all(kernel, kernel.open(f"/proc/sys/{path}", OpenFlag.RDONLY)), text)
    sys, root, dev = mount_at(kernel, "/sys"), mount_at(kernel, "/"), mount_at(kernel, "/dev")
    expect("flags of /sys", sys.options, "ro,nosuid,nodev,noexec,relatime")
    expect("flags of the root", root.options, "rw,nodev,relatime")
    expect("who is shared", (bool(sys.shared), bool(root.shared), bool(dev.shared)), (True, False, True))
    kernel.mount("", "/sys", "", MountFlag.REMOUNT | MountFlag.BIND, "")


def test_the_simulated_host_starts_where_the_profile_says() -> None:
    machine = Machine(ODD, checks=True)
    machine.spawn(look)
    assert not machine.run().hung
    assert not [process.crash for process in machine.scheduler.ended if process.crash]


# -- the commands --


def test_host_profile_writes_what_verify_starts_from(tmp_path: Path) -> None:
    path = tmp_path / "host.json"
    told = CliRunner().invoke(cli, ["host-profile", "--output", str(path)])
    assert (told.exit_code, told.stdout) == (0, "")
    assert load(path).release == os.uname().release
    verified = CliRunner().invoke(cli, ["verify", "examples/minimal.json", "--host", str(path), "--json"])
    assert json.loads(verified.stdout)["results"][0]["outcome"] == "executed"


def test_host_profile_is_told_to_people_and_to_programs() -> None:
    people = CliRunner().invoke(cli, ["host-profile"])
    assert people.exit_code == 0
    assert f"Linux {os.uname().release}" in people.stdout
    programs = CliRunner().invoke(cli, ["host-profile", "--json"])
    assert json.loads(programs.stdout)["schema"] == SCHEMA


def test_verify_tells_what_is_doubtful_about_a_kernel(tmp_path: Path) -> None:
    path = written(tmp_path / "host.json", {"schema": SCHEMA, "release": "6.1.0", "shared_mounts": True})
    told = CliRunner().invoke(
        cli, ["verify", "examples/minimal.json", "--host", str(path), "--expect", "examples/expected/minimal.json"]
    )
    assert told.exit_code == 0, told.output
    assert (
        told.stderr
        == f"initflow: {path}: Linux 6.1 is simulated by its known differences alone (compared with a real kernel: 6.18)\n"
    )


@pytest.mark.parametrize(
    "command", [["verify", "examples/minimal.json", "--host", "{}"], ["host-profile", "--output", "{}/x/y"]]
)
def test_bad_files_end_with_status_2_and_a_sentence(command: list[str], tmp_path: Path) -> None:
    told = CliRunner().invoke(cli, [word.format(tmp_path) for word in command])
    assert told.exit_code == 2
    assert told.stderr.startswith(f"initflow: {tmp_path}")
    assert told.stderr.count("\n") == 1


def mount_until_refused(kernel: Kernel) -> int:
    for number in range(100):
        if errno_of(kernel.mount, "none", "/tmp", "tmpfs", 0, "") == ENOSPC:
            return number
    return 100


def test_a_host_may_allow_few_mounts() -> None:
    mounts = len(Machine().system.mntns.mounts)
    machine = Machine(HostProfile(parameters=(("fs/mount-max", mounts + 3),)))
    task = machine.spawn(mount_until_refused)
    machine.run()
    assert task.status == 3 << 8


def remount_the_disk(kernel: Kernel) -> int:
    kernel.mount("", "/", "", MountFlag.REMOUNT | MountFlag.NOATIME, "")
    return kernel.statfs("/").flags


def test_the_file_system_of_a_disk_can_be_mounted_again_without_options() -> None:
    report = subject.run(Case(remount_the_disk), Machine())
    assert report.value & StatfsFlag.NOATIME


def test_every_type_of_file_system_has_a_magic_number() -> None:
    assert set(FSTYPES) <= set(MAGIC_NUMBERS)
