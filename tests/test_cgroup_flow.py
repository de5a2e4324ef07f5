"""What the parent of the flow does with control groups of version 1: laws of both kernels, and texts of the original."""

from errno import ECHILD, ENOENT, EPERM

import pytest

from initflow.configuration import Cgroup, Device
from initflow.flow import Panic
from initflow.steps.cgroups import apply, device_line, freeze, kill_all, remove_paths
from kernelapi.flags import MountFlag, OpenFlag, Signal
from kernelapi.ids import Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import errno_of, expect, refused
from tests.cgroup_laws import (
    BASE,
    NAME,
    Laws,
    at,
    fails,
    letter,
    make,
    membership,
    read,
    run,
    start,
    stop,
    wait_for_ever,
    wait_until,
    write,
)

law = Laws()


FLOW = ("devices", "cpu", "cpuset", "cpuacct", "blkio", "freezer")
"""What a law of the flow finds mounted: all but memory and perf_event."""

NULL, CONSOLE = (
    Device(type=ord("c"), major_number=1, minor_number=3, cgroup_permissions="rwm"),
    Device(type=ord("c"), major_number=-1, minor_number=-1, cgroup_permissions="m"),
)


def listed(kernel: Kernel) -> set[str]:
    """The subsystems that /proc/1/cgroup names."""
    return {line.split(":")[1] for line in read(kernel, "/proc/1/cgroup").splitlines()}


@law(*FLOW)
def apply_joins_every_hierarchy_and_sets_the_limits(kernel: Kernel) -> None:
    pid = start(kernel)
    cgroup = Cgroup(name="box", parent=NAME, allowed_devices=(CONSOLE, NULL), cpu_shares=300, cpu_period=50000, cpu_quota=25000)
    paths = apply(kernel, cgroup, pid)
    known = {"devices", "memory", "cpu", "cpuset", "cpuacct", "blkio", "perf_event", "freezer"}
    expect("the paths", paths, {subsystem: f"{BASE}/{subsystem}/{NAME}/box" for subsystem in known & listed(kernel)})
    for controller in FLOW:
        expect(controller, membership(kernel, pid, controller), f"/{NAME}/box")
    files = {
        "devices/devices.list": "c *:* m\nc 1:3 rwm\n",
        "cpu/cpu.shares": "300\n",
        "cpu/cpu.cfs_period_us": "50000\n",
        "cpu/cpu.cfs_quota_us": "25000\n",
        "cpuset/cpuset.cpus": read(kernel, f"{BASE}/cpuset/cpuset.cpus"),
        "cpuset/cpuset.mems": "0\n",
    }
    for file, wanted in files.items():
        subsystem, _, name = file.partition("/")
        expect(file, read(kernel, f"{paths[subsystem]}/{name}"), wanted)
    expect("the parent has no limit", read(kernel, f"{at('devices')}/devices.list"), "a *:* rwm\n")
    expect("what is not mounted is a plain file", read(kernel, f"{paths['memory']}/cgroup.procs"), f"{pid}")
    stop(kernel, pid)
    given = dict(paths)
    remove_paths(kernel, paths)
    for path in given.values():
        refused(ENOENT, kernel.stat, path)
    expect("the map stays", paths, given)


@law(*FLOW)
def apply_again_finds_what_is_there(kernel: Kernel) -> None:
    first, second = start(kernel), start(kernel)
    cgroup = Cgroup(name=NAME, allow_all_devices=True, cpuset_cpus="0", cpuset_mems="0")
    paths = apply(kernel, cgroup, first)
    expect("the same", apply(kernel, cgroup, second), paths)
    expect("both", read(kernel, f"{at('devices')}/cgroup.procs"), f"{first}\n{second}\n")
    expect("all devices", read(kernel, f"{at('devices')}/devices.list"), "a *:* rwm\n")
    expect("its processors", read(kernel, f"{at('cpuset')}/cpuset.cpus"), "0\n")
    stop(kernel, first)
    stop(kernel, second)
    remove_paths(kernel, paths)


@law(*FLOW)
def an_absolute_name_must_be_there(kernel: Kernel) -> None:
    pid = start(kernel)
    fails("mountpoint for devices not found", apply, kernel, Cgroup(name=NAME, parent="/"), pid)
    for controller in (*FLOW, "memory", "perf_event"):
        kernel.mkdir(f"{BASE}/{controller}", 0o755) if controller not in FLOW else None
        make(kernel, controller)
    paths = apply(kernel, Cgroup(name=f"/{NAME}"), pid)
    expect("where", paths["cpu"], at("cpu"))
    stop(kernel, pid)
    remove_paths(kernel, paths)


@law(*FLOW)
def apply_fails_with_the_texts_of_the_original(kernel: Kernel) -> None:
    pid = start(kernel)
    cpuset, cpu = f"{at('cpuset')}/cpuset.cpus", f"{at('cpu')}/cpu.cfs_quota_us"
    fails(f"write {cpuset}: numerical result out of range", apply, kernel, Cgroup(name=NAME, cpuset_cpus="100000"), pid)
    fails(f"write {cpu}: invalid argument", apply, kernel, Cgroup(name=NAME, cpu_quota=1), pid)
    fails(f"open {at('blkio')}/blkio.weight: permission denied", apply, kernel, Cgroup(name=NAME, blkio_weight=500), pid)
    bad = Device(type=ord("c"), major_number=1, minor_number=3)
    allow = f"{at('devices')}/devices.allow"
    fails(f"write {allow}: invalid argument", apply, kernel, Cgroup(name=NAME, allowed_devices=(bad,)), pid)
    state = f"{at('freezer')}/freezer.state"
    kernel.rmdir(at("freezer")) if not errno_of(kernel.stat, at("freezer")) else None
    fails(f"open {state}: no such file or directory", apply, kernel, Cgroup(name=NAME, freezer="FROZEN"), pid)
    fails(f"write {at('devices')}/cgroup.procs: no such process", apply, kernel, Cgroup(name=NAME), Pid(2**31 - 1))
    expect("what was made stays", errno_of(kernel.stat, at("devices")), 0)
    with pytest.raises(Panic):
        apply(kernel, Cgroup(name=NAME, allowed_devices=(None,)), pid)
    stop(kernel, pid)


@law("devices", "freezer")
def without_the_cpu_hierarchy_nothing_is_found(kernel: Kernel) -> None:
    fails("mountpoint for cpu not found", apply, kernel, Cgroup(name=NAME), kernel.getpid())
    kill_all(kernel, None)  # fails before it could crash


@law(*FLOW)
def kill_all_kills_what_the_devices_cgroup_holds(kernel: Kernel) -> None:
    cgroup = Cgroup(name=NAME)
    paths = apply(kernel, cgroup, kernel.getpid())
    child = kernel.clone(Signal.CHLD, with_a_child)
    other = start(kernel)
    for controller in FLOW:
        write(kernel, f"{BASE}/{controller}/cgroup.procs", "0")
    wait_until(kernel, lambda: len(read(kernel, f"{at('devices')}/cgroup.procs").split()) == 3)
    kill_all(kernel, cgroup)
    for pid in (child, other):
        refused(ECHILD, kernel.wait4, pid)  # it has been waited for
    wait_until(kernel, lambda: not read(kernel, f"{at('devices')}/cgroup.procs"))
    expect("thawed", read(kernel, f"{at('freezer')}/freezer.state"), "THAWED\n")
    remove_paths(kernel, paths)
    with pytest.raises(Panic):
        kill_all(kernel, None)


def with_a_child(kernel: Kernel) -> None:
    start(kernel)
    wait_for_ever(kernel)


@law(*FLOW)
def freeze_comes_back_when_all_are_frozen(kernel: Kernel) -> None:
    pid = start(kernel)
    cgroup = Cgroup(name=NAME)
    paths = apply(kernel, cgroup, pid)
    freeze(kernel, cgroup, "FROZEN")
    expect("frozen", letter(kernel, pid), "D")
    freeze(kernel, cgroup, "THAWED")
    stop(kernel, pid)
    remove_paths(kernel, paths)
    fails(f"open {at('freezer')}/freezer.state: no such file or directory", freeze, kernel, cgroup, "FROZEN")


@law(*FLOW)
def what_cannot_be_removed_is_tried_five_times(kernel: Kernel) -> None:
    pid = start(kernel)
    make(kernel, "devices")
    make(kernel, "devices", "below")
    write(kernel, f"{at('devices', 'below')}/cgroup.procs", f"{pid}")
    before = kernel.clock_gettime(1)
    fails(f"Failed to remove paths: map[devices:{at('devices')}]", remove_paths, kernel, {"devices": at("devices")})
    expect("150 milliseconds later", kernel.clock_gettime(1) - before >= 150_000_000, True)
    stop(kernel, pid)
    remove_paths(kernel, {"devices": at("devices")})
    refused(ENOENT, kernel.stat, at("devices"))


# -- playing the laws --

test_the_simulated_kernel_keeps_the_law = law.simulated()
test_the_real_kernel_keeps_the_law = law.real()


# -- the simulated kernel alone --


def apply_memory(kernel: Kernel) -> None:
    pid = start(kernel)
    for cgroup, limit, swap in (
        (Cgroup(name="a", memory=1 << 20), "1048576\n", "2097152\n"),
        (Cgroup(name="b", memory=1 << 20, memory_swap=-1), "1048576\n", "9223372036854771712\n"),
        (Cgroup(name="c", memory=1 << 20, memory_swap=3 << 20), "1048576\n", "3145728\n"),
    ):
        path = apply(kernel, cgroup, pid)["memory"]
        expect("limits", [read(kernel, f"{path}/memory.{kind}limit_in_bytes") for kind in ("", "memsw.")], [limit, swap])
    file = f"{BASE}/memory/d/memory.memsw.limit_in_bytes"
    fails(f"write {file}: invalid argument", apply, kernel, Cgroup(name="d", memory_reservation=1 << 20), pid)
    stop(kernel, pid)


def test_swap_is_twice_the_memory_and_nothing_with_a_reservation_alone() -> None:
    run(apply_memory)


def apply_to_the_root(kernel: Kernel) -> None:
    fails(f"open {BASE}/cpuset.cpus: no such file or directory", apply, kernel, Cgroup(), start(kernel))
    refused(EPERM, kernel.open, "/dev/null", OpenFlag.RDONLY)


def test_a_configuration_without_a_name_denies_the_devices_of_the_whole_host() -> None:
    run(apply_to_the_root)


def test_a_rule_of_any_type_is_written_as_the_original_formats_it() -> None:
    assert device_line(Device(type=99, major_number=-1, minor_number=0, cgroup_permissions="rwm")) == "c *:0 rwm"
    assert device_line(Device(type=0xE9, major_number=1, minor_number=-1)) == "é 1:* "
    for type in (-1, 0x110000, 0xD800):
        assert device_line(Device(type=type)).startswith("\ufffd 0:0")


def write_weight(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mount("", "/", "", MountFlag.REC | MountFlag.PRIVATE, "")
    kernel.open("/run/cgroup", OpenFlag.WRONLY | OpenFlag.CREAT, 0o644)
    kernel.mount("/run/cgroup", "/proc/1/cgroup", "", MountFlag.BIND, "")
    fails("mountpoint for devices not found", apply, kernel, Cgroup(name=NAME), start(kernel))
    lines = "".join(f"{number}:{name}:/\n" for number, name in enumerate(("devices", "cpu", "cpuset"), 1))
    write(kernel, "/run/cgroup", lines)
    paths = apply(kernel, Cgroup(name=NAME, blkio_weight=500), start(kernel))
    expect("the paths", sorted(paths), ["cpu", "cpuset", "devices"])
    expect("where the weight went", read(kernel, "/tmp/blkio.weight"), "500")
    fails("mountpoint for memory not found", apply, kernel, Cgroup(name=NAME, memory=1), start(kernel))
    fails("mountpoint for freezer not found", apply, kernel, Cgroup(name=NAME, freezer="THAWED"), start(kernel))


def test_without_its_hierarchy_a_weight_becomes_a_file_in_the_working_directory() -> None:
    run(write_weight)
