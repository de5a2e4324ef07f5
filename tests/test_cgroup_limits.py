"""Limits of version 1 (cpu, cpuset, blkio, memory): laws of both kernels, and what one of them is told.

The memory hierarchy of the real kernel is left alone: the test itself may be limited by it.
"""

from errno import EACCES, EBUSY, EINVAL, ENOSPC, ERANGE

from kernelapi.flags import OpenFlag
from kernelapi.kernel import Kernel
from kernelapi.testing.case import expect, refused
from tests.cgroup_laws import (
    BASE,
    Laws,
    accept,
    make,
    read,
    run,
    write,
)

law = Laws()


@law("cpu")
def processor_time_is_given_out_within_limits(kernel: Kernel) -> None:
    path = make(kernel, "cpu")
    expect("at first", [read(kernel, f"{path}/cpu.{name}") for name in ("shares", "cfs_period_us", "cfs_quota_us")],
           ["1024\n", "100000\n", "-1\n"])  # fmt: skip
    accept(
        kernel,
        f"{path}/cpu.shares",
        (("512", 0, "512\n"), ("0", 0, "2\n"), ("99999999999", 0, "262144\n"), ("-5", EINVAL, "262144\n"),
         ("x", EINVAL, "262144\n"), ("18446744073709551616", ERANGE, "262144\n"),
         ("0x200", 0, "512\n"), (" 7", EINVAL, "512\n"), ("010\n", 0, "8\n")),
    )  # fmt: skip
    accept(
        kernel,
        f"{path}/cpu.cfs_period_us",
        (("1000", 0, "1000\n"), ("999", EINVAL, "1000\n"), ("1000001", EINVAL, "1000\n"), ("1000000", 0, "1000000\n"),
         ("0", EINVAL, "1000000\n"), ("-1", EINVAL, "1000000\n"), ("20000", 0, "20000\n")),
    )  # fmt: skip
    accept(
        kernel,
        f"{path}/cpu.cfs_quota_us",
        (("1000", 0, "1000\n"), ("999", EINVAL, "1000\n"), ("0", EINVAL, "1000\n"), ("-7", 0, "-1\n"), ("x", EINVAL, "-1\n"),
         ("17592186044415", 0, "17592186044415\n"), ("17592186044416", EINVAL, "17592186044415\n"),
         ("9223372036854775808", ERANGE, "17592186044415\n"), ("10000", 0, "10000\n")),
    )  # fmt: skip
    below = make(kernel, "cpu", "below")
    accept(
        kernel, f"{below}/cpu.cfs_quota_us", (("60000", EINVAL, "-1\n"), ("50000", 0, "50000\n"), ("60000", EINVAL, "50000\n"))
    )
    accept(kernel, f"{path}/cpu.cfs_quota_us", (("9999", EINVAL, "10000\n"), ("-1", 0, "-1\n")))
    deeper = make(kernel, "cpu", "below", "deeper")
    refused(EINVAL, write, kernel, f"{deeper}/cpu.cfs_quota_us", "50001")
    refused(EACCES, kernel.open, f"{path}/cpu.nonsense", OpenFlag.WRONLY | OpenFlag.CREAT, 0o700)


@law("blkio")
def the_weight_of_the_old_scheduler_is_gone(kernel: Kernel) -> None:
    path = make(kernel, "blkio")
    refused(EACCES, kernel.open, f"{path}/blkio.weight", OpenFlag.WRONLY | OpenFlag.CREAT | OpenFlag.TRUNC, 0o700)


@law("cpuset")
def an_empty_cpuset_takes_no_process(kernel: Kernel) -> None:
    path = make(kernel, "cpuset")
    refused(ENOSPC, write, kernel, f"{path}/cgroup.procs", "0")
    write(kernel, f"{path}/cpuset.cpus", "0")
    refused(ENOSPC, write, kernel, f"{path}/cgroup.procs", "0")
    write(kernel, f"{path}/cpuset.mems", "0")
    write(kernel, f"{path}/cgroup.procs", "0")
    for name in ("cpus", "mems"):
        refused(ENOSPC, write, kernel, f"{path}/cpuset.{name}", "\n")
        expect("nothing written", write(kernel, f"{path}/cpuset.{name}", ""), 0)
    write(kernel, f"{BASE}/cpuset/cgroup.procs", "0")
    write(kernel, f"{path}/cpuset.mems", "\n")


@law("cpuset")
def lists_of_processors_have_many_forms(kernel: Kernel) -> None:
    path = make(kernel, "cpuset")
    top = read(kernel, f"{BASE}/cpuset/cpuset.cpus")
    expect("at first", [read(kernel, f"{path}/cpuset.{name}") for name in ("cpus", "mems")], ["\n", "\n"])
    accept(
        kernel,
        f"{path}/cpuset.cpus",
        (("0", 0, "0\n"), ("0-", EINVAL, "0\n"), ("100000", ERANGE, "0\n"), ("x", EINVAL, "0\n"), ("-1", EINVAL, "0\n"),
         (",", 0, "\n"), ("0 0", 0, "0\n"), ("0,,0", 0, "0\n"), ("\n", 0, "\n"), (" 0 ", 0, "0\n"), ("0:1/2", EINVAL, "0\n"),
         ("0-0:2/1", EINVAL, "0\n"), ("0-0:1/0", EINVAL, "0\n"), ("0-0:0/1", 0, "\n"), ("0-0-0", EINVAL, "\n"),
         ("0x0", EINVAL, "\n"), ("00", 0, "0\n"), ("N-0", EINVAL if top != "0\n" else 0, "0\n"), ("all", 0, top),
         ("0-N", 0, top), ("allx", EINVAL, top), ("0;0", EINVAL, top)),
    )  # fmt: skip
    accept(kernel, f"{path}/cpuset.mems", (("1023", EINVAL, "\n"), ("1024", ERANGE, "\n"), ("0", 0, "0\n")))


@law("cpuset")
def a_cpuset_lies_within_its_parent(kernel: Kernel) -> None:
    path = make(kernel, "cpuset")
    below = make(kernel, "cpuset", "below")
    refused(EACCES, write, kernel, f"{below}/cpuset.cpus", "0")
    write(kernel, f"{path}/cpuset.cpus", "0")
    write(kernel, f"{below}/cpuset.cpus", "0")
    refused(EBUSY, write, kernel, f"{path}/cpuset.cpus", "\n")
    write(kernel, f"{path}/cgroup.clone_children", "1")
    expect("cloned", read(kernel, f"{make(kernel, 'cpuset', 'clone')}/cpuset.cpus"), "0\n")


# -- playing the laws --

test_the_simulated_kernel_keeps_the_law = law.simulated()
test_the_real_kernel_keeps_the_law = law.real()


# -- the simulated kernel alone --


def limit_memory(kernel: Kernel) -> None:
    """As Linux 6.18 answered, in a control group without processes."""
    path = make(kernel, "memory")
    huge = "9223372036854771712\n"
    expect("at first", [read(kernel, f"{path}/memory.{kind}limit_in_bytes") for kind in ("", "memsw.", "soft_")], [huge] * 3)
    accept(
        kernel,
        f"{path}/memory.limit_in_bytes",
        (("4097", 0, "4096\n"), ("100M", 0, "104857600\n"), ("1g\n", 0, "1073741824\n"), ("-1", 0, huge), ("-2", EINVAL, huge),
         ("x", EINVAL, huge), ("", 0, huge), ("0", 0, "0\n"), ("18446744073709551615", 0, huge), ("1e9", EINVAL, huge),
         ("1048576x", EINVAL, huge), ("100M", 0, "104857600\n")),
    )  # fmt: skip
    accept(
        kernel,
        f"{path}/memory.memsw.limit_in_bytes",
        (
            ("200M", 0, "209715200\n"),
            ("50M", EINVAL, "209715200\n"),
            ("0", EINVAL, "209715200\n"),
            ("104857599", EINVAL, "209715200\n"),
        ),
    )
    accept(kernel, f"{path}/memory.limit_in_bytes", (("300M", EINVAL, "104857600\n"), ("-1", EINVAL, "104857600\n")))
    accept(kernel, f"{path}/memory.soft_limit_in_bytes", (("5000", 0, "4096\n"), ("x", EINVAL, "4096\n"), ("-1", 0, huge)))


def test_limits_of_memory_are_whole_pages_and_in_order() -> None:
    run(limit_memory)


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
