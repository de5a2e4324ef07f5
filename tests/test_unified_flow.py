"""What the flow does on a host of version 2: laws of both kernels, and whole runs.

The original knows no such host: what it does not find is said, what is done instead is a named difference.
"""

import json
from dataclasses import replace
from errno import ECHILD, ENOENT
from pathlib import Path
from typing import Any

import pytest

from fakekernel.machine import Machine
from initflow.configuration import Cgroup, Device, decode
from initflow.flow import Panic
from initflow.invariants.judge import judge as judge_run
from initflow.invariants.model import Verdict
from initflow.run import Outcome, Role, Run
from initflow.steps import entering, unified
from initflow.steps.cgroups import apply, freeze, kill_all, remove_paths
from initflow.steps.context import Entering
from initflow.verification import HOST, LASTING_PAYLOAD, execute
from kernelapi.flags import Signal
from kernelapi.ids import Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import expect, refused
from tests.cgroup_laws import BASE, NAME, UNIFIED, Laws, at, fails, letter, membership, read, start, stop, wait_until, write
from tests.test_cgroup_flow import with_a_child

law = Laws()

ROOT = f"{BASE}/{UNIFIED}"
BOX = Cgroup(name="box", parent=NAME, allow_all_devices=True)
PATH = at(UNIFIED, "box")


def path_of(kernel: Kernel, pid: int) -> str:
    return membership(kernel, pid, "")


@law(UNIFIED)
def apply_joins_the_one_hierarchy(kernel: Kernel) -> None:
    pid = start(kernel)
    paths = apply(kernel, BOX, pid)
    expect("the paths", paths, {"unified": PATH})
    expect("where it is", path_of(kernel, pid), f"/{NAME}/box")
    expect("the same again", apply(kernel, BOX, pid), paths)
    stop(kernel, pid)
    remove_paths(kernel, paths)
    refused(ENOENT, kernel.stat, PATH)


@law(UNIFIED)
def who_comes_later_joins_it_too(kernel: Kernel) -> None:
    pid = start(kernel)
    state = {"cgroup_paths": {**apply(kernel, BOX, pid), "gone": f"{ROOT}/{NAME}/gone"}}
    sender = Entering(kernel, decode(b"{}", "").configuration, program="", action="exec", args=(), state=state, inherited={})
    sender.nsenter = other = start(kernel)
    entering.enter_cgroups.function(sender)
    expect("where it is", path_of(kernel, other), f"/{NAME}/box")
    for each in (pid, other):
        stop(kernel, each)
    remove_paths(kernel, {"unified": PATH})


@law(UNIFIED)
def an_absolute_name_must_be_there(kernel: Kernel) -> None:
    pid, named = start(kernel), Cgroup(name=f"/{NAME}", allow_all_devices=True)
    fails("mountpoint for unified not found", apply, kernel, named, pid)
    kernel.mkdir(at(UNIFIED), 0o755)
    expect("where", apply(kernel, named, pid), {"unified": at(UNIFIED)})
    stop(kernel, pid)
    remove_paths(kernel, {"unified": at(UNIFIED)})


@law(UNIFIED)
def apply_fails_with_the_texts_of_the_original(kernel: Kernel) -> None:
    fails(f"write {PATH}/cgroup.procs: no such process", apply, kernel, BOX, Pid(2**31 - 1))
    refused(ENOENT, kernel.stat, f"{PATH}/box")
    write(kernel, f"{at(UNIFIED)}/cgroup.max.depth", "1")
    deep = replace_box(name="deep", parent=f"{NAME}/box")
    fails(f"mkdir {PATH}/deep: resource temporarily unavailable", apply, kernel, deep, start(kernel))
    with pytest.raises(Panic):
        kill_all(kernel, None)


def replace_box(**changes: Any) -> Cgroup:
    return Cgroup(**{"name": "box", "parent": NAME, "allow_all_devices": True, **changes})


@law(UNIFIED)
def what_only_version_1_can_do_is_refused_by_its_name(kernel: Kernel) -> None:
    null = Device(type=ord("c"), major_number=1, minor_number=3, cgroup_permissions="rwm")
    devices = "allowed_devices without allow_all_devices"
    for changes, names in (
        ({"allow_all_devices": False}, devices),
        ({"allow_all_devices": False, "allowed_devices": (null,)}, devices),
        ({"memory": 1 << 20, "memory_swap": 2 << 20}, "memory, memory_swap"),
        ({"memory_reservation": 1}, "memory_reservation"),
        ({"cpu_shares": 2, "cpu_quota": -1, "cpu_period": 1000}, "cpu_shares, cpu_quota, cpu_period"),
        ({"cpuset_cpus": "0", "cpuset_mems": "0"}, "cpuset_cpus, cpuset_mems"),
        ({"blkio_weight": 10, "freezer": "FROZEN"}, "blkio_weight, freezer"),
    ):
        fails(f"cgroups: the unified hierarchy takes no {names}", apply, kernel, replace_box(**changes), kernel.getpid())
    refused(ENOENT, kernel.stat, PATH)
    paths = apply(kernel, replace_box(memory_swap=-1, freezer="THAWED"), pid := start(kernel))  # which ask for nothing
    stop(kernel, pid)
    remove_paths(kernel, paths)


@law(UNIFIED)
def kill_all_kills_what_the_control_group_holds(kernel: Kernel) -> None:
    paths = apply(kernel, BOX, kernel.getpid())
    child, other = kernel.clone(Signal.CHLD, with_a_child), start(kernel)
    write(kernel, f"{ROOT}/cgroup.procs", "0")
    wait_until(kernel, lambda: len(read(kernel, f"{PATH}/cgroup.procs").split()) == 3)
    kill_all(kernel, BOX)
    for pid in (child, other):
        refused(ECHILD, kernel.wait4, pid)  # it has been waited for
    wait_until(kernel, lambda: not read(kernel, f"{PATH}/cgroup.procs"))
    remove_paths(kernel, paths)
    kill_all(kernel, BOX)  # of one that is gone


@law(UNIFIED)
def freeze_comes_back_when_all_are_frozen(kernel: Kernel) -> None:
    pid = start(kernel)
    paths = apply(kernel, BOX, pid)
    freeze(kernel, BOX, "FROZEN")
    expect("frozen", read(kernel, f"{PATH}/cgroup.events"), "populated 1\nfrozen 1\n")
    expect("as ps shows it", letter(kernel, pid), "S")
    freeze(kernel, BOX, "THAWED")
    expect("thawed", read(kernel, f"{PATH}/cgroup.events"), "populated 1\nfrozen 0\n")
    stop(kernel, pid)
    remove_paths(kernel, paths)


@law(UNIFIED)
def what_cannot_be_removed_is_tried_five_times(kernel: Kernel) -> None:
    pid = start(kernel)
    paths = apply(kernel, BOX, pid)
    fails(f"Failed to remove paths: map[unified:{PATH}]", remove_paths, kernel, paths)
    stop(kernel, pid)
    remove_paths(kernel, paths)


@law("devices", "cpu", "cpuset", "freezer", "cpuacct", "blkio", UNIFIED)
def a_host_with_both_is_one_of_version_1(kernel: Kernel) -> None:
    pid = start(kernel)
    paths = apply(kernel, BOX, pid)
    expect("the paths", "unified" in paths, False)
    expect("where it is not", path_of(kernel, pid), "/")
    stop(kernel, pid)
    remove_paths(kernel, paths)


@law(UNIFIED)
def before_there_was_one_write_for_it_they_are_killed_one_by_one(kernel: Kernel) -> None:
    paths = apply(kernel, BOX, pid := start(kernel))
    unified.kill_all(WithoutKill(kernel), ROOT, BOX)  # type: ignore[arg-type]
    refused(ECHILD, kernel.wait4, pid)
    expect("thawed", read(kernel, f"{PATH}/cgroup.events"), "populated 0\nfrozen 0\n")
    remove_paths(kernel, paths)


class WithoutKill:
    """A kernel before Linux 5.14, as far as this is about it: there is no cgroup.kill."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    def __getattr__(self, name: str) -> Any:
        return getattr(self.kernel, name)

    def stat(self, path: str) -> Any:
        if path.endswith("/cgroup.kill"):
            raise OSError(ENOENT, "")
        return self.kernel.stat(path)


# -- playing the laws --

test_the_simulated_kernel_keeps_the_law = law.simulated()
test_the_real_kernel_keeps_the_law = law.real()


# -- whole runs --

EXAMPLE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "examples" / "no-tty.json").read_text())
CGROUPS = {"name": "heron", "parent": "initflow", "allow_all_devices": True}
VERSION_2 = replace(HOST, cgroup_v1=(), cgroup_v2=())
HYBRID = replace(HOST, cgroup_v2=())


def flow(changes: dict[str, Any], *args: str, into: tuple[str, ...] | None = None, host: Any = VERSION_2) -> Run:
    configuration = decode(json.dumps({**EXAMPLE, "cgroups": CGROUPS, **changes}).encode(), "test").configuration
    return execute(configuration, args, into=into, machine=Machine(host, checks=True))


def shown(run: Run) -> list[str]:
    assert run.outcome is Outcome.EXECUTED, run.message
    return run.output.decode().splitlines()


def test_init_and_who_enters_are_in_the_control_group() -> None:
    assert shown(flow({}, "cat", "/proc/self/cgroup")) == ["0::/initflow/heron"]
    assert shown(flow({}, "cat", "/proc/self/cgroup", into=LASTING_PAYLOAD)) == ["0::/initflow/heron"]
    assert "0::/" in shown(flow({}, "cat", "/proc/self/cgroup", host=HYBRID))


def test_the_state_names_the_directory_and_nothing_is_left_of_it() -> None:
    run = flow({}, "true")
    written = [event.args[1] for event in run.events if event.call.name == "write" and b"init_pid" in event.args[1]]
    assert json.loads(written[0])["cgroup_paths"] == {"unified": "/sys/fs/cgroup/initflow/heron"}
    removed = [event.args[-2:] for event in run.events if event.call.name in ("rmdir", "unlinkat") and not event.errno]
    assert any("/sys/fs/cgroup/initflow/heron" in str(args) for args in removed)


def test_what_a_shared_pid_namespace_leaves_behind_is_killed() -> None:
    shared = {"namespaces": [entry for entry in EXAMPLE["namespaces"] if entry["type"] != "NEWPID"]}
    run = flow(shared, "sh", "-c", "sleep 1000 & exit 3")
    kills = [event.args for event in run.events if event.call.name == "write" and event.args[1] == b"1"]
    assert len(kills) == 1
    assert not run.standstill.hung
    assert not [task for task in run.machine.system.tasks.values() if task.comm == "sleep"]


def test_a_limit_is_refused_and_the_parent_is_told() -> None:
    run = flow({"cgroups": {**CGROUPS, "memory": 1 << 20}}, "true")
    assert (run.outcome, run.message) == (Outcome.REFUSED, "cgroups: the unified hierarchy takes no memory")
    assert Role.PAYLOAD not in run.roles


def test_without_any_hierarchy_the_original_finds_no_mountpoint() -> None:
    run = flow({}, "true", host=replace(HOST, cgroup_v1=(), cgroup_v2=None))
    assert (run.outcome, run.message) == (Outcome.REFUSED, "mountpoint for cpu not found")


def test_the_same_invariants_hold_as_on_version_1() -> None:
    broken = [
        {invariant.id for invariant in judge_run(flow({}, "true", host=host)).having(Verdict.VIOLATED)}
        for host in (VERSION_2, HOST)
    ]
    assert broken[0] == broken[1]
