"""The devices cgroup: its rules, and what they let open and make: laws of both kernels."""

from errno import EACCES, EINVAL, EPERM

from kernelapi.flags import FileType, OpenFlag
from kernelapi.ids import Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import errno_of, expect, in_child, refused
from kernelapi.values import makedev
from tests.cgroup_laws import BASE, Laws, accept, make, read, wait_until, write

law = Laws()


@law("devices")
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


@law("devices")
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


@law("devices")
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


# -- playing the laws --

test_the_simulated_kernel_keeps_the_law = law.simulated()
test_the_real_kernel_keeps_the_law = law.real()
