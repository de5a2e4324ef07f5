"""The roots of hierarchies have no limits: on the simulated kernel alone. The laws of the controllers are cases."""

from errno import EACCES, EINVAL

from kernelapi.kernel import Kernel
from kernelapi.testing.case import expect, refused
from tests.cgroup_laws import (
    BASE,
    read,
    run,
    write,
)


def write_to_roots(kernel: Kernel) -> None:
    for file, errno in (
        ("cpu/cpu.shares", EINVAL),
        ("cpu/cpu.cfs_quota_us", EINVAL),
        ("memory/memory.limit_in_bytes", EINVAL),
        ("cpuset/cpuset.cpus", EACCES),
    ):
        refused(errno, write, kernel, f"{BASE}/{file}", "2000")
    expect("all processors", read(kernel, f"{BASE}/cpuset/cpuset.cpus"), "0-1\n")


def test_the_root_of_a_hierarchy_has_no_limits() -> None:
    run(write_to_roots)
