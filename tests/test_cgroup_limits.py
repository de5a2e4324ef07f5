"""The roots of hierarchies have no limits: on the simulated kernel alone. The laws of the controllers are cases."""

from errno import EACCES, EINVAL, EPERM, ERANGE

from kernelapi.flags import OpenFlag
from kernelapi.kernel import Kernel
from kernelapi.testing.case import expect, refused
from tests.cgroup_laws import (
    BASE,
    accept,
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


def weigh(kernel: Kernel) -> None:
    kernel.mkdir(f"{BASE}/blkio/a", 0o755)
    accept(
        kernel,
        f"{BASE}/blkio/a/blkio.bfq.weight",
        (("1000", 0, "1000\n"), ("0", ERANGE, "1000\n"), ("1001", ERANGE, "1000\n"), ("x", EINVAL, "1000\n"), ("1", 0, "1\n")),
    )


def test_a_share_of_a_disk_is_between_1_and_1000() -> None:
    """Not a case: not every kernel has this scheduler."""
    run(weigh)


def change_the_root_of_devices(kernel: Kernel) -> None:
    root = f"{BASE}/devices"
    write(kernel, f"{root}/devices.deny", "a")
    expect("nothing is allowed", read(kernel, f"{root}/devices.list"), "")
    refused(EPERM, kernel.open, "/dev/null", OpenFlag.RDONLY)
    write(kernel, f"{root}/devices.allow", "c 1:3 r")
    expect("what nobody above forbids", read(kernel, f"{root}/devices.list"), "c 1:3 r\n")
    kernel.open("/dev/null", OpenFlag.RDONLY)


def test_the_root_of_the_devices_has_rules_of_its_own() -> None:
    """As the source of Linux says, parent_has_perm: no case writes to the root of a host's hierarchy."""
    run(change_the_root_of_devices)
