"""The unified hierarchy (control groups of version 2) where it is the host's own: on the simulated kernel alone.

Its laws are cases: `kernelapi.testing.cases.unified`. With controllers it is as the source of Linux says.
"""

from errno import EBUSY, ENOENT
from functools import partial

import pytest

from fakekernel.machine import Machine
from fakekernel.profile import HostProfile, capture
from fakekernel.scheduler import Waiting
from kernelapi.errors import NotModelled
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.testing.case import expect, refused
from tests.cgroup_laws import (
    BASE,
    UNIFIED,
    accept,
    mounted,
    names_in,
    read,
    run,
    write,
)


def procs(path: str) -> str:
    return f"{path}/cgroup.procs"


# -- the simulated kernel alone --

WITH_CONTROLLERS = HostProfile(cgroup_v1=(), cgroup_v2=("cpu", "memory", "pids"))


def hand_out(kernel: Kernel) -> None:
    """As the source of Linux has it: cgroup_subtree_control_write, cgroup_migrate_vet_dst."""
    top, a, b = BASE, f"{BASE}/a", f"{BASE}/a/b"
    expect("the root's", read(kernel, f"{top}/cgroup.controllers"), "cpu memory pids\n")
    kernel.mkdir(a, 0o755)
    expect("a child's", read(kernel, f"{a}/cgroup.controllers"), "")
    accept(
        kernel,
        f"{top}/cgroup.subtree_control",
        (("+memory +cpu", 0, "cpu memory\n"), ("+io", ENOENT, "cpu memory\n"), ("-cpu +cpu", 0, "cpu memory\n"),
         ("+pids +hugetlb", ENOENT, "cpu memory\n"), ("+pids", 0, "cpu memory pids\n")),
    )  # fmt: skip
    expect("now", read(kernel, f"{a}/cgroup.controllers"), "cpu memory pids\n")
    kernel.mkdir(b, 0o755)
    write(kernel, procs(a), "0")
    refused(EBUSY, write, kernel, f"{a}/cgroup.subtree_control", "+memory")
    write(kernel, f"{a}/cgroup.subtree_control", "+cpu +pids")  # threads may compete for these
    refused(EBUSY, write, kernel, f"{a}/cgroup.subtree_control", "+memory")
    write(kernel, procs(a), "0")
    write(kernel, procs(b), "0")
    write(kernel, f"{a}/cgroup.subtree_control", "+memory")
    refused(EBUSY, write, kernel, procs(a), "0")
    write(kernel, procs(top), "0")  # the root may have both
    refused(EBUSY, write, kernel, f"{top}/cgroup.subtree_control", "-memory")
    write(kernel, f"{a}/cgroup.subtree_control", "-memory -cpu -pids")
    write(kernel, f"{top}/cgroup.subtree_control", "-memory")
    expect("what is left", [read(kernel, f"{path}/cgroup.controllers") for path in (a, b)], ["cpu pids\n", ""])


def test_processes_do_not_compete_with_the_children_of_their_control_group() -> None:
    run(hand_out, machine=Machine(WITH_CONTROLLERS, checks=True))


def look_at(kernel: Kernel, path: str) -> None:
    with pytest.raises(NotModelled, match="the files of"):
        kernel.stat(f"{path}/memory.max")
    with pytest.raises(NotModelled, match="the files of"):
        names_in(kernel, path)
    expect("what every one has", read(kernel, f"{path}/cgroup.subtree_control"), "")


def test_files_of_controllers_are_not_modelled() -> None:
    run(partial_of(BASE), machine=Machine(WITH_CONTROLLERS))


def partial_of(path: str) -> partial[None]:
    look = partial(look_at, path=path)
    look.__name__ = "look_at"  # type: ignore[attr-defined]
    return look


def make_threaded(kernel: Kernel) -> None:
    kernel.mkdir(f"{BASE}/a", 0o755)
    with pytest.raises(NotModelled, match="threaded"):
        write(kernel, f"{BASE}/a/cgroup.type", "threaded")
    with pytest.raises(NotModelled, match=r"cgroup\.stat"):
        read(kernel, f"{BASE}/a/cgroup.stat")


def test_threaded_control_groups_are_not_modelled() -> None:
    run(make_threaded, machine=Machine(HostProfile(cgroup_v1=(), cgroup_v2=())))


def freeze_oneself(kernel: Kernel) -> None:
    kernel.mkdir(f"{BASE}/a", 0o755)
    write(kernel, procs(f"{BASE}/a"), "0")
    write(kernel, f"{BASE}/a/cgroup.freeze", "1")
    write(kernel, f"{BASE}/a/cgroup.freeze", "0")  # never reached, unless somebody else thaws it


def thaw(kernel: Kernel) -> None:
    write(kernel, f"{BASE}/a/cgroup.freeze", "0")


def test_a_frozen_process_comes_back_from_a_snapshot_and_goes_on() -> None:
    machine = Machine(HostProfile(cgroup_v1=(), cgroup_v2=()), checks=True)
    frozen = machine.spawn(freeze_oneself)
    assert machine.run().waiting == (Waiting("1", "freeze_oneself", "write", "to be thawed"),)
    snapshot, digest = machine.snapshot(), machine.digest()
    for _ in range(2):
        machine.spawn(thaw)
        assert not machine.run().hung
        assert not frozen.lives
        machine.restore(snapshot)
        assert machine.digest() == digest


@pytest.mark.parametrize(
    ("host", "lines"),
    [
        (HostProfile(), []),
        (HostProfile(cgroup_v1=("cpu",), cgroup_v2=()), [f"{BASE}/unified"]),
        (HostProfile(cgroup_v1=(), cgroup_v2=("cpu",)), [BASE]),
        (HostProfile(cgroup_v1=(), cgroup_v2=None), []),
    ],
    ids=["version 1", "both", "version 2", "none"],
)
def test_a_host_says_where_the_hierarchy_is(host: HostProfile, lines: list[str]) -> None:
    machine = Machine(host)
    _, output = machine.spawn_captured(show_mounts)
    machine.run()
    shown = machine.captured(output).decode().splitlines()
    assert [line.split()[1] for line in shown if line.split()[2] == "cgroup2"] == lines


def show_mounts(kernel: Kernel, output: Fd) -> None:
    kernel.write(output, read(kernel, "/proc/self/mounts").encode())


def test_the_profile_of_this_host_knows_its_unified_hierarchy() -> None:
    place = mounted().get(UNIFIED)
    found = capture().cgroup_v2
    assert (found is None) == (place is None)
    if place is not None and found is not None:
        with open(f"{place}/cgroup.controllers") as file:
            assert set(file.read().split()) == set(found)
