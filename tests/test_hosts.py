"""Hosts as documents: captured, written, read, and started from."""

import json
import os
from collections.abc import Callable
from dataclasses import fields, replace
from errno import EACCES, ENOSPC, EPERM
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
from kernelapi.flags import AT_FDCWD, AtFlag, CloneFlag, FileType, MountFlag, OpenFlag, Rlimit, StatfsFlag
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel
from kernelapi.releases import release_of
from kernelapi.testing.case import Case, errno_of, expect, read_all, refused
from kernelapi.testing.mountinfo import mount_at
from kernelapi.values import Limit, Winsize, makedev

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


STATUS = "Name:\tme\nUid:\t{uid}\t{euid}\t0\t0\nCapEff:\t{effective:016x}\nCapBnd:\t{bounding:016x}\n"
FILES = {
    "sys/kernel/osrelease": "6.9.1-own\n",
    "sys/kernel/version": "#9\n",
    "sys/kernel/hostname": "own\n",
    "sys/kernel/domainname": "(none)\n",
    "sys/fs/nr_open": "77\n",
    "cpuinfo": "processor\t: 0\n\nprocessor\t: 1\n\n",
    "self/status": STATUS.format(uid=0, euid=0, effective=FULL.mask, bounding=FULL.mask),
    "self/limits": "Limit                     Soft Limit           Hard Limit           Units\n"
    "Max cpu time              unlimited            unlimited            seconds\n"
    "Max open files            100                  unlimited            files\n",
    "self/cgroup": "2:devices:/\n1:name=systemd:/\n0::/\n",
    "self/mountinfo": "1 0 0:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n2 1 0:2 / /proc ro master:1 - proc proc rw\n",
    "cgroups": "#subsys_name\thierarchy\tnum_cgroups\tenabled\ndevices\t2\t1\t1\nblkio\t0\t1\t1\nmemory\t0\t1\t0\n",
    "keys": "",
}
"""The proc of a host, as far as it is looked at."""

OWN = HostProfile(
    release="6.9.1-own",
    version="#9",
    hostname="own",
    limits=((Rlimit.NOFILE, Limit(100, 2**64 - 1)),),
    processors=2,
    cgroup_v1=("devices",),
    proc_entries=("keys",),
    shared_mounts=True,
    parameters=(("fs/nr_open", 77),),
    mounts=(HostMount("/", "ext4", ("rw", "relatime"), "shared"), HostMount("/proc", "proc", ("ro",), "slave")),
)


def proc(path: Path, **changed: str) -> Path:
    """A proc of FILES, but for those that have changed: a slash in a name is written as two underscores."""
    for name, text in {**FILES, **{name.replace("__", "/"): text for name, text in changed.items()}}.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return path


CGROUP = HostMount("/sys/fs/cgroup", "cgroup2", ("rw",))
UNIFIED = FILES["self/mountinfo"] + "3 1 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"


@pytest.mark.parametrize(
    ("changed", "different"),
    [
        ({}, {}),
        ({"self__attr__current": "docker-default (enforce)\n"}, {"security_modules": ("apparmor",)}),
        ({"self__attr__current": "system_u:system_r:init_t:s0\0"}, {"security_modules": ("selinux",)}),
        ({"self__status": STATUS.format(uid=0, euid=0, effective=1, bounding=3)},
         {"bounding": CapSet.from_mask(3), "effective": CapSet.from_mask(1)}),
        ({"self__status": STATUS.format(uid=0, euid=1000, effective=0, bounding=3)}, {"bounding": CapSet.from_mask(3)}),
        ({"self__limits": ""}, {"limits": ()}),
        ({"self__mountinfo": UNIFIED}, {"cgroup_v2": ("io",), "mounts": (*OWN.mounts, CGROUP)}),
        ({"cpuinfo": ""}, {"processors": 1}),
    ],
    ids=["as-it-is", "apparmor", "selinux", "fewer-capabilities", "not-root", "no-limits", "unified", "no-processors"],
)  # fmt: skip
def test_a_host_is_captured_from_what_its_proc_says(changed: dict[str, str], different: dict[str, Any], tmp_path: Path) -> None:
    assert capture(proc(tmp_path, **changed)) == replace(OWN, **different)


# -- the simulated host --


def set_parameters(kernel: Kernel) -> None:
    for path, text in (("fs/protected_symlinks", b"1"), ("vm/swappiness", b"7"), ("fs/nr_open", b"512")):
        fd = kernel.open(f"/proc/sys/{path}", OpenFlag.WRONLY)
        expect("taken", kernel.write(fd, text), len(text))
        expect(path, read_all(kernel, kernel.open(f"/proc/sys/{path}", OpenFlag.RDONLY)), text + b"\n")
    kernel.close_range(0, 99)
    kernel.symlink("/etc/passwd", "/tmp/of-root")
    kernel.symlink("/etc/passwd", "/tmp/of-user")
    kernel.fchownat(AT_FDCWD, "/tmp/of-user", 1000, 1000, AtFlag.SYMLINK_NOFOLLOW)
    kernel.stat("/tmp/of-root")
    refused(EACCES, kernel.stat, "/tmp/of-user")
    kernel.lstat("/tmp/of-user")
    refused(EPERM, kernel.setrlimit, Rlimit.NOFILE, Limit(513, 513))
    kernel.setresuid(1000, 1000, 1000)
    for name in ("of-user", "of-root"):  # its own, and that of whom the directory belongs to
        kernel.stat(f"/tmp/{name}")


def test_parameters_of_the_system_can_be_set() -> None:
    """No case may: a real kernel has them once for all."""
    play(set_parameters)


def open_the_console(kernel: Kernel) -> None:
    kernel.mknod("/tmp/console", FileType.CHR | 0o600, makedev(5, 1))
    one, other = (kernel.open("/tmp/console", OpenFlag.RDWR) for _ in range(2))
    kernel.ioctl_tiocswinsz(one, Winsize(25, 80))
    expect("the same", kernel.ioctl_tiocgwinsz(other), Winsize(25, 80))
    expect("taken, and gone", kernel.write(other, b"x" * 100_000), 100_000)


def test_there_is_one_console() -> None:
    play(open_the_console)


def play(program: Callable[[Kernel], int | None]) -> None:
    machine = Machine(checks=True)
    machine.spawn(program)
    assert not machine.run().hung
    assert not [process.crash for process in machine.scheduler.ended if process.crash]


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


def leave_twice(kernel: Kernel, flag: int) -> list[int]:
    return [errno_of(kernel.unshare, flag) for _ in range(2)]


@pytest.mark.parametrize(
    ("name", "flag", "errnos"), [("uts", CloneFlag.NEWUTS, [0, ENOSPC]), ("mnt", CloneFlag.NEWNS, [ENOSPC, ENOSPC])]
)
def test_of_the_hosts_namespaces_that_of_mounts_counts(name: str, flag: int, errnos: list[int]) -> None:
    """It is made like any other; the others are there before anything is counted (init_mount_tree, init_uts_ns)."""
    machine = Machine(HostProfile(parameters=((f"user/max_{name}_namespaces", 1),)))
    _, output = machine.spawn_captured(write_errnos, flag)
    machine.run()
    assert machine.captured(output) == repr(errnos).encode()


def write_errnos(kernel: Kernel, flag: int, output: Fd) -> None:
    kernel.write(output, repr(leave_twice(kernel, flag)).encode())
