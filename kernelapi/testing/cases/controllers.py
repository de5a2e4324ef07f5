"""Laws of the controllers of version 1: what may be written into their files, and what that does."""

from errno import EACCES, EBUSY, EINVAL, ENOSPC, EPERM, ERANGE

from kernelapi.flags import FileType, OpenFlag
from kernelapi.ids import Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, refused
from kernelapi.testing.cases.cgroups import accept, make, read, wait_until, write
from kernelapi.testing.hierarchies import BASE
from kernelapi.values import makedev

# -- devices --


@case(tree=True, hierarchies=("devices",))
def device_rules_have_one_form(kernel: Kernel) -> None:
    path = make(kernel, "devices")
    expect("at first", read(kernel, f"{path}/devices.list"), "a *:* rwm\n")
    write(kernel, f"{path}/devices.deny", "a")
    refusals = (
        "c 1:3", "c 1:3 ", "c 1:3 x", "c 1:3 rx", "x 1:3 r", "\0", "c 1 r", "c a:3 r", "c 1:b r", "c  1:3 r", "é 1:1 r",
        "c 4294967296:3 r", "c 99999999999:3 r", "c 999999999999:3 r", "c -1:3 r", "c 1:3 r w",
    )  # fmt: skip
    accept(kernel, f"{path}/devices.allow", tuple((text, EINVAL, "") for text in refusals), f"{path}/devices.list")
    three = "c 1:3 rwm\nc *:* m\nb 8:* r\n"
    for name, table in (
        ("allow", (("c 1:3 rwm", 0, "c 1:3 rwm\n"), ("c *:* m", 0, "c 1:3 rwm\nc *:* m\n"), (" b 8:*\tr \n", 0, three))),
        ("allow", (("c 1:3 rwmx", 0, three), ("", 0, three), ("b 8:* r\nnonsense", 0, three))),
        ("allow", (("c 4294967295:7 w", 0, three + "c *:7 w\n"),)),
        ("deny", (("c *:7 w", 0, three), ("c 9:9 r", 0, three), ("c 1:3 w", 0, "c 1:3 rm\nc *:* m\nb 8:* r\n"))),
        ("deny", (("c *:* rwm", 0, "c 1:3 rm\nb 8:* r\n"), ("all", 0, ""))),
        ("allow", (("c 1:3 w", 0, "c 1:3 w\n"), ("c 1:3 r", 0, "c 1:3 rw\n"), ("all", 0, "a *:* rwm\n"))),
        ("deny", (("c 1:5 r", 0, "a *:* rwm\n"), ("a", 0, ""))),
    ):  # fmt: skip
        accept(kernel, f"{path}/devices.{name}", table, f"{path}/devices.list")


@case(tree=True, hierarchies=("devices",))
def a_child_has_no_device_that_its_parent_has_not(kernel: Kernel) -> None:
    path = make(kernel, "devices")
    write(kernel, f"{path}/devices.deny", "a")
    for rule in ("c 1:3 rw", "c 5:* r"):
        write(kernel, f"{path}/devices.allow", rule)
    below = make(kernel, "devices", "below")
    expect("inherited", read(kernel, f"{below}/devices.list"), "c 1:3 rw\nc 5:* r\n")
    for name in ("allow", "deny"):
        refused(EINVAL, write, kernel, f"{path}/devices.{name}", "a")  # not with children
    refused(EPERM, write, kernel, f"{below}/devices.allow", "a")
    for rule in ("c 1:3 rwm", "c 1:* r", "b 1:3 r", "c *:* r", "c 5:1 w"):
        refused(EPERM, write, kernel, f"{below}/devices.allow", rule)
    write(kernel, f"{below}/devices.allow", "c 5:1 r")
    expect("more, within", read(kernel, f"{below}/devices.list"), "c 1:3 rw\nc 5:* r\nc 5:1 r\n")
    write(kernel, f"{path}/devices.deny", "c 5:* r")
    expect("taken away above", read(kernel, f"{below}/devices.list"), "c 1:3 rw\n")
    kernel.rmdir(below)
    wait_until(kernel, lambda: not errno_of(write, kernel, f"{path}/devices.allow", "a"))  # Linux counts it a little longer
    write(kernel, f"{path}/devices.deny", "c 1:5 rw")
    below = make(kernel, "devices", "below")
    refused(EPERM, write, kernel, f"{below}/devices.allow", "c 1:5 r")
    refused(EPERM, write, kernel, f"{below}/devices.allow", "c *:* r")
    write(kernel, f"{below}/devices.deny", "a")
    refused(EPERM, write, kernel, f"{below}/devices.allow", "c 1:5 r")
    for rule in ("c 1:5 m", "c *:* m"):
        write(kernel, f"{below}/devices.allow", rule)
    expect("nothing of what is forbidden", read(kernel, f"{below}/devices.list"), "c 1:5 m\nc *:* m\n")
    kernel.rmdir(below)
    below = make(kernel, "devices", "below")
    write(kernel, f"{path}/devices.deny", "c 1:7 r")
    write(kernel, f"{below}/cgroup.procs", "0")
    expect("new restrictions go down", errno_of(kernel.open, "/dev/full", OpenFlag.RDONLY), EPERM)
    write(kernel, f"{BASE}/devices/cgroup.procs", "0")


@case(tree=True, hierarchies=("devices",))
def devices_are_opened_and_made_as_the_rules_say(kernel: Kernel) -> None:
    path = make(kernel, "devices")
    kernel.mkdir("/mnt", 0o755)
    kernel.mount("dev", "/mnt", "tmpfs", 0, "mode=755")
    kernel.umask(0)
    for name, kind, number in (
        ("null", FileType.CHR, (1, 3)),
        ("other", FileType.CHR, (250, 7)),
        ("block", FileType.BLK, (7, 0)),
    ):
        kernel.mknod(f"/mnt/{name}", kind | 0o666, makedev(*number))
    write(kernel, f"{path}/cgroup.procs", "0")
    null = makedev(1, 3)
    expect("all is allowed", device_answers(kernel), ((0, 0, 0), (0, 0, 0, EACCES), 0))
    for file, rule, wanted in (
        ("deny", "a", ((EPERM,) * 3, (EPERM, EPERM, EPERM, EACCES), EPERM)),
        ("allow", "c 1:3 m", ((EPERM,) * 3, (0, EPERM, EPERM, EACCES), 0)),
        ("allow", "c 1:3 r", ((0, EPERM, EPERM), (0, 0, EPERM, EACCES), 0)),
        ("allow", "c *:* w", ((0, 0, EPERM), (0, 0, 0, EACCES), 0)),
        ("deny", "c 1:3 m", ((0, 0, EPERM), (0, 0, 0, EACCES), EPERM)),
        ("allow", "c *:3 rwm", ((0, 0, 0), (0, 0, 0, EACCES), 0)),
    ):
        write(kernel, f"{path}/devices.{file}", rule)
        expect(f"after {file} {rule}", device_answers(kernel), wanted)
    write(kernel, f"{path}/devices.deny", "a")
    kernel.mknod("/mnt/whiteout", FileType.CHR, 0)
    kernel.mknod("/mnt/fifo", FileType.FIFO | 0o600, 0)
    refused(EPERM, kernel.mknod, "/mnt/more", FileType.BLK, makedev(7, 1))
    expect("stat", kernel.stat("/mnt/null").rdev, null)
    kernel.close(kernel.open("/mnt/null", OpenFlag.PATH))
    held = kernel.open("/proc/self/cgroup", OpenFlag.RDONLY)
    expect("no device", bool(kernel.read(held, 10)), True)
    kernel.chmod("/mnt/null", 0)
    write(kernel, f"{BASE}/devices/cgroup.procs", "0")
    in_child(kernel, denied_by_mode_first, path)


def device_answers(kernel: Kernel) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """The errnos of opening /mnt/null in three ways, of asking for it in four, of making one like it."""
    opened = tuple(errno_of(kernel.open, "/mnt/null", flags) for flags in (0, OpenFlag.WRONLY, OpenFlag.RDWR))
    asked = tuple(errno_of(kernel.access, "/mnt/null", mode) for mode in (0, 4, 2, 1))
    made = errno_of(kernel.mknod, "/mnt/made", FileType.CHR | 0o600, makedev(1, 3))
    if not made:
        kernel.unlink("/mnt/made")
    return opened, asked, made


def denied_by_mode_first(kernel: Kernel, path: str) -> None:
    write(kernel, f"{path}/cgroup.procs", "0")
    kernel.setresuid(Uid(1000), Uid(1000), Uid(1000))
    refused(EACCES, kernel.open, "/mnt/null", OpenFlag.RDONLY)
    refused(EPERM, kernel.open, "/mnt/other", OpenFlag.RDONLY)


@case(tree=True, hierarchies=("devices",))
def what_is_allowed_is_forbidden_no_longer(kernel: Kernel) -> None:
    path = make(kernel, "devices")
    write(kernel, f"{path}/devices.deny", "c 1:3 rw")
    write(kernel, f"{path}/cgroup.procs", "0")
    for rule, errnos in (("", (EPERM, EPERM)), ("c 1:5 r", (EPERM, EPERM)), ("c 1:3 r", (0, EPERM)), ("c 1:3 w", (0, 0))):
        write(kernel, f"{path}/devices.allow", rule)
        expect(f"after {rule}", tuple(errno_of(kernel.access, "/dev/null", mode) for mode in (4, 2)), errnos)
    write(kernel, f"{BASE}/devices/cgroup.procs", "0")


# -- cpu, cpuset, blkio --


@case(tree=True, hierarchies=("cpu",))
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


@case(tree=True, hierarchies=("blkio",))
def the_weight_of_the_old_scheduler_is_gone(kernel: Kernel) -> None:
    path = make(kernel, "blkio")
    refused(EACCES, kernel.open, f"{path}/blkio.weight", OpenFlag.WRONLY | OpenFlag.CREAT | OpenFlag.TRUNC, 0o700)


@case(tree=True, hierarchies=("cpuset",))
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


@case(tree=True, hierarchies=("cpuset",))
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


@case(tree=True, hierarchies=("cpuset",))
def a_cpuset_lies_within_its_parent(kernel: Kernel) -> None:
    path = make(kernel, "cpuset")
    below = make(kernel, "cpuset", "below")
    refused(EACCES, write, kernel, f"{below}/cpuset.cpus", "0")
    write(kernel, f"{path}/cpuset.cpus", "0")
    write(kernel, f"{below}/cpuset.cpus", "0")
    refused(EBUSY, write, kernel, f"{path}/cpuset.cpus", "\n")
    write(kernel, f"{path}/cgroup.clone_children", "1")
    expect("cloned", read(kernel, f"{make(kernel, 'cpuset', 'clone')}/cpuset.cpus"), "0\n")


# -- memory --


@case(tree=True, hierarchies=("memory",))
def limits_of_memory_are_whole_pages_and_in_order(kernel: Kernel) -> None:
    """In a control group without processes: the case itself may be limited by the hierarchy."""
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


# -- what goes one way --


@case(tree=True, hierarchies=("cpu", "memory"))
def some_files_of_controllers_are_only_read_and_some_only_written(kernel: Kernel) -> None:
    cpu, memory = make(kernel, "cpu"), make(kernel, "memory")
    for name, mode in ((f"{cpu}/cpu.stat", 0o444), (f"{memory}/memory.stat", 0o444), (f"{memory}/memory.force_empty", 0o200)):
        expect(name, kernel.stat(name).permissions, mode)
    for name in (f"{cpu}/cpu.stat", f"{memory}/memory.stat"):
        refused(EINVAL, write, kernel, name, "1")  # who overrides modes gets this far
    refused(EINVAL, read, kernel, f"{memory}/memory.force_empty")
