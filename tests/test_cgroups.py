"""Control groups: laws that both kernels keep, and what the parent of the flow does with them.

On the real kernel the hierarchies are those of the host. There a law makes control groups below one name of its own, in a fresh
pid namespace, so that a number that it writes can name no process but its own; what it leaves is removed. The memory hierarchy
is left alone: the test itself may be limited by it.
"""

import os
import time
from collections.abc import Callable
from errno import E2BIG, EACCES, EBUSY, ECHILD, EEXIST, EINVAL, EISDIR, ENODEV, ENOENT, ENOSPC, ENOTDIR, EPERM, ERANGE, ESRCH
from functools import partial
from pathlib import Path

import pytest

from fakekernel import subject
from fakekernel.machine import Machine
from fakekernel.scheduler import Waiting
from initflow.configuration import Cgroup, Device
from initflow.flow import Panic
from initflow.golang import GoError
from initflow.steps.cgroups import apply, device_line, freeze, kill_all, remove_paths
from kernelapi.flags import CloneFlag, FileType, MountFlag, OpenFlag, Signal, WaitFlag
from kernelapi.ids import Fd, Gid, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing import linux
from kernelapi.testing.case import Case, Report, errno_of, expect, in_child, read_all, refused
from kernelapi.values import makedev

BASE = "/sys/fs/cgroup"
NAME = f"initflow-test-{os.getpid()}"
"""Of the process that runs the tests: those that it forks have the same."""

Law = Callable[[Kernel], None]
LAWS: list[tuple[Law, tuple[str, ...]]] = []


def law(*controllers: str) -> Callable[[Law], Law]:
    """Declare a law of both kernels. It finds the hierarchies of `controllers` mounted."""

    def declare(function: Law) -> Law:
        LAWS.append((function, controllers))
        return function

    return declare


# -- the two kernels --


def play(kernel: Kernel, function: Law, controllers: tuple[str, ...]) -> None:
    """Mount the hierarchies in the tree of the case, then run the law."""
    kernel.mount("sys", "/sys", "tmpfs", 0, "")
    kernel.mkdir("/sys/fs", 0o755)
    kernel.mkdir(BASE, 0o755)
    for controller in controllers:
        kernel.mkdir(f"{BASE}/{controller}", 0o755)
        kernel.mount("cgroup", f"{BASE}/{controller}", "cgroup", 0, controller)
    function(kernel)


def case(function: Law, controllers: tuple[str, ...]) -> Case:
    return Case(partial(play, function=function, controllers=controllers), tree=True)


def judge(report: Report) -> None:
    assert report.broken is None, report.broken
    assert report.errno == 0, f"an unexpected errno {report.errno}"


def mounted() -> frozenset[str]:
    """The controllers that have a hierarchy of version 1 on this host. No test makes another."""
    lines = Path("/proc/cgroups").read_text().splitlines() if Path("/proc/cgroups").exists() else []
    return frozenset(fields[0] for line in lines if (fields := line.split())[1].isdigit() and int(fields[1]))


def possible(controllers: tuple[str, ...]) -> bool:
    return mounted().issuperset(controllers)


def clean() -> None:
    """Remove what a law has left on the host, below the one name that is ours."""
    left = [path for controller in mounted() for path in Path(BASE, controller).glob(NAME)]
    deadline = time.monotonic() + 5
    while left and time.monotonic() < deadline:
        for top in left:
            for directory, _, files in os.walk(top, topdown=False):
                if "freezer.state" in files:
                    Path(directory, "freezer.state").write_text("THAWED")
                try:
                    os.rmdir(directory)
                except OSError:
                    time.sleep(0.02)  # a process in it is on its way out
        left = [top for top in left if top.exists()]
    assert not left


# The laws are declared below; the tests that play them stand at the end.

# -- what laws need --


def at(controller: str, *names: str) -> str:
    """The path of our control group in a hierarchy, or of one below it."""
    return "/".join((BASE, controller, NAME, *names))


def write(kernel: Kernel, path: str, text: str | bytes) -> int:
    """Write `text` to a file that is there."""
    fd = kernel.open(path, OpenFlag.WRONLY)
    try:
        return kernel.write(fd, text if isinstance(text, bytes) else text.encode())
    finally:
        kernel.close(fd)


def read(kernel: Kernel, path: str) -> str:
    fd = kernel.open(path, OpenFlag.RDONLY)
    try:
        return read_all(kernel, fd).decode()
    finally:
        kernel.close(fd)


def make(kernel: Kernel, controller: str, *names: str) -> str:
    path = at(controller, *names)
    kernel.mkdir(path, 0o755)
    return path


def names_in(kernel: Kernel, path: str) -> set[str]:
    fd = kernel.open(path, OpenFlag.RDONLY | OpenFlag.DIRECTORY)
    found = set()
    while entries := kernel.getdents64(fd):
        found |= {entry.name for entry in entries}
    kernel.close(fd)
    return found


def membership(kernel: Kernel, pid: int, controller: str) -> str:
    """The path that /proc/PID/cgroup shows."""
    for line in read(kernel, f"/proc/{pid}/cgroup").splitlines():
        _, controllers, path = line.split(":")
        if controllers == controller:
            return path
    return "no such hierarchy"


def start(kernel: Kernel) -> Pid:
    """A child that waits."""
    return kernel.clone(Signal.CHLD, wait_for_ever)


def wait_for_ever(kernel: Kernel) -> None:
    while True:
        kernel.clock_nanosleep(1, 0, 10**9)


def stop(kernel: Kernel, pid: Pid) -> None:
    kernel.kill(pid, Signal.KILL)
    kernel.wait4(pid)


def accept(kernel: Kernel, path: str, table: tuple[tuple[str, int, str], ...], shown: str | None = None) -> None:
    """Write each text of `table`: the errno is as it says, and then what the file (or `shown`) says."""
    for text, errno, then in table:
        expect(f"the errno of {text!r} to {path}", errno_of(write, kernel, path, text), errno)
        expect(f"what it says after {text!r}", read(kernel, shown or path), then)


# -- directories --


@law("devices")
def a_control_group_is_born_with_its_files(kernel: Kernel) -> None:
    path = make(kernel, "devices")
    wanted = {"cgroup.procs", "tasks", "notify_on_release", "cgroup.clone_children"}
    wanted |= {"devices.allow", "devices.deny", "devices.list"}
    expect("its files", names_in(kernel, path) - {".", ".."}, wanted)
    expect("the mode of the root", kernel.stat(f"{BASE}/devices").mode, FileType.DIR | 0o555)
    found = kernel.stat(path)
    expect("mode, links", (found.mode, found.nlink), (FileType.DIR | 0o755, 2))
    for name, mode in (("tasks", 0o644), ("devices.list", 0o444), ("devices.deny", 0o200)):
        found = kernel.stat(f"{path}/{name}")
        expect(name, (found.mode, found.nlink, found.size), (FileType.REG | mode, 1, 0))
    kernel.umask(0o077)
    make(kernel, "devices", "private")
    expect("the mode under a umask", kernel.stat(f"{path}/private").permissions, 0o700)
    expect("links with a child", kernel.stat(path).nlink, 3)
    expect("a new listing", "private" in names_in(kernel, path), True)


@law("devices")
def only_directories_are_made_and_removed(kernel: Kernel) -> None:
    path = make(kernel, "devices")
    refused(EEXIST, kernel.mkdir, path, 0o755)
    refused(EEXIST, kernel.mkdir, f"{path}/tasks", 0o755)
    refused(EINVAL, kernel.mkdir, f"{path}/a\nb", 0o755)
    refused(EACCES, kernel.open, f"{path}/new", OpenFlag.WRONLY | OpenFlag.CREAT, 0o644)
    refused(EEXIST, kernel.open, f"{path}/tasks", OpenFlag.WRONLY | OpenFlag.CREAT | OpenFlag.EXCL, 0o644)
    refused(EACCES, kernel.mknod, f"{path}/new", FileType.REG | 0o644, 0)
    refused(EPERM, kernel.mknod, f"{path}/new", FileType.FIFO | 0o644, 0)
    refused(EPERM, kernel.symlink, "there", f"{path}/new")
    refused(EPERM, kernel.link, f"{path}/tasks", f"{path}/new")
    refused(EPERM, kernel.unlink, f"{path}/tasks")
    refused(EISDIR, kernel.unlink, path)
    refused(ENOTDIR, kernel.rmdir, f"{path}/tasks")
    refused(ENOENT, kernel.rmdir, f"{path}/new")
    kernel.mkdir(f"{path}/{'x' * 256}", 0o755)  # no limit of its own
    kernel.rmdir(f"{path}/{'x' * 256}")
    kernel.mkdir(f"{path}/devices.other", 0o755)
    refused(EBUSY, kernel.rmdir, path)
    kernel.rmdir(f"{path}/devices.other")
    kernel.rmdir(path)
    refused(ENOENT, kernel.stat, path)


@law("devices")
def all_mounts_of_a_hierarchy_show_one_tree(kernel: Kernel) -> None:
    kernel.mkdir("/tmp/other", 0o755)
    refused(EINVAL, kernel.mount, "x", "/tmp/other", "cgroup", 0, "nonsense")
    kernel.mount("x", "/tmp/other", "cgroup", 0, "devices=whatever")
    make(kernel, "devices")
    there, here = kernel.stat(f"/tmp/other/{NAME}"), kernel.stat(at("devices"))
    expect("device and inode", (there.dev, there.ino), (here.dev, here.ino))
    line = next(line for line in read(kernel, "/proc/self/mountinfo").splitlines() if " /tmp/other " in line)
    expect("mountinfo", line.partition(" - ")[2], "cgroup x rw,devices")
    kernel.rmdir(f"/tmp/other/{NAME}")
    refused(ENOENT, kernel.stat, at("devices"))


@law("devices")
def an_open_file_of_a_removed_control_group_is_of_no_use(kernel: Kernel) -> None:
    path = make(kernel, "devices")
    file, directory = kernel.open(f"{path}/notify_on_release", OpenFlag.RDWR), kernel.open(path, OpenFlag.RDONLY)
    kernel.rmdir(path)
    refused(ENODEV, kernel.write, file, b"1")
    refused(ENODEV, kernel.read, file, 10)
    refused(ENOENT, kernel.openat, directory, "tasks", OpenFlag.RDONLY)
    refused(ENOENT, kernel.mkdirat, directory, "below", 0o755)
    refused(ENOENT, kernel.getdents64, directory)
    kernel.mkdir(path, 0o755)
    refused(ENODEV, kernel.read, file, 10)


@law("devices")
def files_refuse_the_wrong_direction_after_their_mode(kernel: Kernel) -> None:
    path = make(kernel, "devices")
    file = kernel.open(f"{path}/devices.allow", OpenFlag.RDWR)  # who overrides modes gets as far as this
    refused(EINVAL, kernel.read, file, 10)
    file = kernel.open(f"{path}/devices.list", OpenFlag.RDWR | OpenFlag.TRUNC)
    refused(EINVAL, kernel.write, file, b"a")
    expect("nothing written", kernel.write(file, b""), 0)
    refused(E2BIG, write, kernel, f"{path}/cgroup.procs", "x" * 4097)
    refused(EINVAL, write, kernel, f"{path}/cgroup.procs", "x" * 4096)
    kernel.setresuid(Uid(1000), Uid(1000), Uid(1000))
    refused(EACCES, kernel.open, f"{path}/devices.allow", OpenFlag.WRONLY)
    refused(EACCES, kernel.mkdir, f"{path}/below", 0o755)
    expect("anybody reads", read(kernel, f"{path}/devices.list"), "a *:* rwm\n")


@law("devices")
def switches_are_on_or_off_and_children_have_them(kernel: Kernel) -> None:
    path = make(kernel, "devices")
    expect("at first", read(kernel, f"{path}/notify_on_release"), "0\n")
    accept(
        kernel,
        f"{path}/notify_on_release",
        (("7", 0, "1\n"), ("0", 0, "0\n"), ("-1", EINVAL, "0\n"), ("x", EINVAL, "0\n"), ("", 0, "0\n"), (" 1", EINVAL, "0\n"),
         ("0x10\n", 0, "1\n"), ("18446744073709551616", ERANGE, "1\n")),
    )  # fmt: skip
    write(kernel, f"{path}/cgroup.clone_children", "1")
    below = make(kernel, "devices", "below")
    expect(
        "below", [read(kernel, f"{below}/{name}") for name in ("notify_on_release", "cgroup.clone_children")], ["1\n", "1\n"]
    )


# -- processes --


@law("devices")
def a_process_is_moved_by_its_number(kernel: Kernel) -> None:
    path, pid = make(kernel, "devices"), start(kernel)
    procs = f"{path}/cgroup.procs"
    expect("at first", (read(kernel, procs), membership(kernel, pid, "devices")), ("", "/"))
    for text in ("", "\n", "x", "-1", f"{pid},", f"{pid} {pid}", f"{pid}\n{pid}", "2147483648", "0x", "08"):
        expect(f"the errno of {text!r}", errno_of(write, kernel, procs, text), EINVAL if text else 0)
    refused(ESRCH, write, kernel, procs, "2147483647")
    for text in (f"{pid}", f" {pid}\n", hex(pid), f"+{pid}", f"0{pid:o}", f"{pid}\0x"):
        write(kernel, f"{BASE}/devices/cgroup.procs", f"{pid}")
        expect(f"the root has it before {text!r}", (read(kernel, procs), membership(kernel, pid, "devices")), ("", "/"))
        write(kernel, procs, text)
        expect(f"after {text!r}", (read(kernel, procs), membership(kernel, pid, "devices")), (f"{pid}\n", f"/{NAME}"))
    write(kernel, procs, "0")
    expect("and the writer, by 0", read(kernel, procs), f"{kernel.getpid()}\n{pid}\n")
    expect("tasks", read(kernel, f"{path}/tasks"), f"{kernel.getpid()}\n{pid}\n")
    write(kernel, f"{BASE}/devices/tasks", f"{pid}")
    expect("by its thread", read(kernel, procs), f"{kernel.getpid()}\n")
    write(kernel, f"{BASE}/devices/cgroup.procs", "0")
    stop(kernel, pid)


@law("devices")
def a_child_starts_where_its_parent_is(kernel: Kernel) -> None:
    path = make(kernel, "devices")
    write(kernel, f"{path}/cgroup.procs", "0")
    pid = start(kernel)
    expect("the child", membership(kernel, pid, "devices"), f"/{NAME}")
    write(kernel, f"{BASE}/devices/cgroup.procs", "0")
    expect("it stays", read(kernel, f"{path}/cgroup.procs"), f"{pid}\n")
    expect("the next one", membership(kernel, start(kernel), "devices"), "/")
    refused(EBUSY, kernel.rmdir, path)
    stop(kernel, pid)
    kernel.rmdir(path)


@law("devices")
def a_zombie_is_nowhere(kernel: Kernel) -> None:
    path, pid = make(kernel, "devices"), start(kernel)
    write(kernel, f"{path}/cgroup.procs", f"{pid}")
    kernel.kill(pid, Signal.KILL)
    wait_until(kernel, lambda: read(kernel, f"{path}/cgroup.procs") == "")
    expect("its path", membership(kernel, pid, "devices"), "/")
    write(kernel, f"{path}/cgroup.procs", f"{pid}")  # nothing happens
    expect("still", (membership(kernel, pid, "devices"), read(kernel, f"{path}/cgroup.procs")), ("/", ""))
    kernel.rmdir(path)
    kernel.wait4(pid)


def wait_until(kernel: Kernel, holds: Callable[[], bool]) -> None:
    """Real processes take their time."""
    for _ in range(500):
        if holds():
            return
        kernel.clock_nanosleep(1, 0, 10_000_000)
    expect("in five seconds", holds(), True)


@law("devices")
def who_opened_the_file_decides_who_may_be_moved(kernel: Kernel) -> None:
    path, pid = make(kernel, "devices"), start(kernel)
    kernel.chown(path, 1000, 1000)
    kernel.chown(f"{path}/cgroup.procs", 1000, 1000)
    kernel.chmod(f"{path}/devices.deny", 0o666)
    by_root = kernel.open(f"{path}/cgroup.procs", OpenFlag.WRONLY)
    in_child(kernel, as_a_user, path, pid, by_root)
    expect("moved through root's descriptor", read(kernel, f"{path}/cgroup.procs"), f"{pid}\n")
    stop(kernel, pid)


def as_a_user(kernel: Kernel, path: str, pid: Pid, by_root: Fd) -> None:
    kernel.setresgid(Gid(1000), Gid(1000), Gid(1000))
    kernel.setresuid(Uid(1000), Uid(1000), Uid(1000))
    write(kernel, f"{path}/cgroup.procs", "0")  # itself
    refused(EACCES, write, kernel, f"{path}/cgroup.procs", f"{pid}")
    refused(ESRCH, write, kernel, f"{path}/cgroup.procs", "2147483647")
    refused(EACCES, write, kernel, f"{BASE}/devices/cgroup.procs", "0")
    refused(EPERM, write, kernel, f"{path}/devices.deny", "a")
    refused(EPERM, write, kernel, f"{path}/devices.deny", "x")
    kernel.mkdir(f"{path}/own", 0o700)
    expect("whose", (kernel.stat(f"{path}/own").uid, kernel.stat(f"{path}/own/tasks").uid), (1000, 1000))
    write(kernel, f"{path}/own/cgroup.procs", "0")
    write(kernel, f"{path}/cgroup.procs", "0")
    kernel.rmdir(f"{path}/own")
    kernel.write(by_root, f"{pid}".encode())


@law("devices")
def paths_are_those_of_the_readers_namespace(kernel: Kernel) -> None:
    pids = []
    for names in ((), ("in",), ("in", "deep"), ("side",)):
        pids.append(start(kernel))
        write(kernel, f"{make(kernel, 'devices', *names)}/cgroup.procs", f"{pids[-1]}")
    write(kernel, f"{at('devices', 'in')}/cgroup.procs", "0")
    kernel.unshare(CloneFlag.NEWCGROUP)
    seen = [membership(kernel, pid, "devices") for pid in (1, *pids)]
    expect("paths", seen, ["/../..", "/..", "/", "/deep", "/../side"])
    write(kernel, f"{BASE}/devices/cgroup.procs", "0")
    expect("after leaving", membership(kernel, kernel.getpid(), "devices"), "/../..")
    for pid in pids:
        stop(kernel, pid)


# -- devices --


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


# -- cpu, cpuset, blkio --


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


# -- freezer --


@law("freezer")
def the_state_of_a_freezer_is_frozen_or_thawed(kernel: Kernel) -> None:
    path = make(kernel, "freezer")
    accept(
        kernel,
        f"{path}/freezer.state",
        (("FREEZING", EINVAL, "THAWED\n"), ("frozen", EINVAL, "THAWED\n"), ("", 0, "THAWED\n"), (" FROZEN\n", 0, "FROZEN\n"),
         ("x", EINVAL, "FROZEN\n"), ("THAWED", 0, "THAWED\n")),
    )  # fmt: skip
    refused(ENOENT, kernel.stat, f"{BASE}/freezer/freezer.state")
    below = make(kernel, "freezer", "below")
    flags = ("self_freezing", "parent_freezing", "state")
    for directory, text, wanted in (
        (path, "FROZEN", ["0\n", "1\n", "FROZEN\n"]),
        (below, "THAWED", ["0\n", "1\n", "FROZEN\n"]),
        (below, "FROZEN", ["1\n", "1\n", "FROZEN\n"]),
        (path, "THAWED", ["1\n", "0\n", "FROZEN\n"]),
        (below, "THAWED", ["0\n", "0\n", "THAWED\n"]),
    ):
        write(kernel, f"{directory}/freezer.state", text)
        expect(f"after {text}", [read(kernel, f"{below}/freezer.{flag}") for flag in flags], wanted)
    write(kernel, f"{path}/freezer.state", "FROZEN")
    expect("one made below", read(kernel, f"{make(kernel, 'freezer', 'late')}/freezer.state"), "FROZEN\n")
    write(kernel, f"{path}/freezer.state", "THAWED")


def set_state(kernel: Kernel, path: str, state: str) -> None:
    write(kernel, f"{path}/freezer.state", state)
    wait_until(kernel, lambda: read(kernel, f"{path}/freezer.state") == f"{state}\n")


def letter(kernel: Kernel, pid: Pid) -> str:
    return read(kernel, f"/proc/{pid}/stat").split(" ")[2]


@law("freezer")
def a_signal_to_a_frozen_process_waits_for_the_thaw(kernel: Kernel) -> None:
    path, pid = make(kernel, "freezer"), start(kernel)
    write(kernel, f"{path}/cgroup.procs", f"{pid}")
    set_state(kernel, path, "FROZEN")
    expect("as ps shows it", letter(kernel, pid), "D")
    kernel.kill(pid, Signal.KILL)
    kernel.clock_nanosleep(1, 0, 20_000_000)
    expect("not dead", kernel.wait4(pid, WaitFlag.NOHANG), (0, 0))
    expect("still a member", read(kernel, f"{path}/cgroup.procs"), f"{pid}\n")
    set_state(kernel, path, "THAWED")
    expect("dead", kernel.wait4(pid), (pid, Signal.KILL))
    kernel.rmdir(path)


@law("freezer")
def a_frozen_process_does_nothing(kernel: Kernel) -> None:
    path = make(kernel, "freezer")
    reader, writer = kernel.pipe2(OpenFlag.NONBLOCK)
    pid = kernel.clone(Signal.CHLD, tick, writer)
    kernel.close(writer)
    wait_until(kernel, lambda: errno_of(kernel.read, reader, 100) == 0)
    write(kernel, f"{path}/freezer.state", "FROZEN")
    write(kernel, f"{path}/cgroup.procs", f"{pid}")  # joining freezes
    wait_until(kernel, lambda: read(kernel, f"{path}/freezer.state") == "FROZEN\n")
    errno_of(kernel.read, reader, 65536)  # what it had still written
    kernel.clock_nanosleep(1, 0, 50_000_000)
    expect("silence", errno_of(kernel.read, reader, 100) != 0, True)
    write(kernel, f"{BASE}/freezer/cgroup.procs", f"{pid}")  # leaving thaws
    wait_until(kernel, lambda: errno_of(kernel.read, reader, 100) == 0)
    stop(kernel, pid)


def tick(kernel: Kernel, writer: Fd) -> None:
    while True:
        kernel.write(writer, b".")
        kernel.clock_nanosleep(1, 0, 5_000_000)


@law("freezer")
def a_stop_comes_with_the_thaw(kernel: Kernel) -> None:
    path, pid = make(kernel, "freezer"), start(kernel)
    write(kernel, f"{path}/cgroup.procs", f"{pid}")
    set_state(kernel, path, "FROZEN")
    kernel.kill(pid, Signal.STOP)
    kernel.clock_nanosleep(1, 0, 20_000_000)
    expect("not stopped", kernel.wait4(pid, WaitFlag.NOHANG | WaitFlag.UNTRACED), (0, 0))
    set_state(kernel, path, "THAWED")
    expect("stopped", kernel.wait4(pid, WaitFlag.UNTRACED), (pid, Signal.STOP << 8 | 0x7F))
    set_state(kernel, path, "FROZEN")
    kernel.kill(pid, Signal.KILL)
    set_state(kernel, path, "THAWED")
    expect("killed when stopped and frozen", kernel.wait4(pid), (pid, Signal.KILL))


@law("freezer")
def the_init_of_a_namespace_waits_for_its_frozen_members(kernel: Kernel) -> None:
    path = make(kernel, "freezer")
    reader, writer = kernel.pipe2(0)
    init = kernel.clone(Signal.CHLD | CloneFlag.NEWPID, init_with_frozen_child, path, writer)
    kernel.close(writer)
    read_all(kernel, reader)
    kernel.kill(init, Signal.KILL)
    kernel.clock_nanosleep(1, 0, 20_000_000)
    expect("init is not dead", kernel.wait4(init, WaitFlag.NOHANG), (0, 0))
    set_state(kernel, path, "THAWED")
    expect("now it is", kernel.wait4(init), (init, Signal.KILL))


def init_with_frozen_child(kernel: Kernel, path: str, ready: Fd) -> None:
    reader, writer = kernel.pipe2(0)
    pid = kernel.clone(Signal.CHLD, close_and_wait, ready, writer)
    kernel.close(writer)
    read_all(kernel, reader)  # it has no end of a pipe left
    write(kernel, f"{path}/cgroup.procs", f"{pid}")
    set_state(kernel, path, "FROZEN")
    kernel.close(ready)
    wait_for_ever(kernel)


def close_and_wait(kernel: Kernel, *fds: Fd) -> None:
    for fd in fds:
        kernel.close(fd)
    wait_for_ever(kernel)


# -- the parent of the flow --

FLOW = ("devices", "cpu", "cpuset", "cpuacct", "blkio", "freezer")
"""What a law of the flow finds mounted: all but memory and perf_event."""

NULL, CONSOLE = (
    Device(type=ord("c"), major_number=1, minor_number=3, cgroup_permissions="rwm"),
    Device(type=ord("c"), major_number=-1, minor_number=-1, cgroup_permissions="m"),
)


def fails(message: str, call: Callable[..., object], *args: object) -> None:
    """Expect the call to fail with just this message."""
    try:
        call(*args)
    except GoError as error:
        expect("the message", str(error), message)
        return
    expect("the message", "no error", message)


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

BOTH = [pytest.param(function, controllers, id=function.__name__) for function, controllers in LAWS]
REAL = [pytest.param(function, controllers, id=function.__name__) for function, controllers in LAWS if possible(controllers)]


@pytest.mark.parametrize(("function", "controllers"), BOTH)
def test_the_simulated_kernel_keeps_the_law(function: Law, controllers: tuple[str, ...]) -> None:
    judge(subject.run(case(function, controllers)))


if REAL:  # a host whose controllers are all in the unified hierarchy has nothing to ask

    @pytest.mark.privileged
    @pytest.mark.parametrize(("function", "controllers"), REAL)
    def test_the_real_kernel_keeps_the_law(function: Law, controllers: tuple[str, ...]) -> None:
        judge(linux.run(case(function, controllers), cleanup=clean))


# -- the simulated kernel alone --


def run(*programs: Callable[..., int | None]) -> Machine:
    """Run programs on a new machine, the next one when the last has come to rest. None of them may crash."""
    machine = Machine(checks=True)
    for program in programs:
        machine.spawn(program)
        machine.run()
    assert not [process.crash for process in machine.scheduler.ended if process.crash]
    return machine


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


def join_frozen(kernel: Kernel) -> None:
    path = make(kernel, "freezer")
    write(kernel, f"{path}/freezer.state", "FROZEN")
    write(kernel, f"{path}/cgroup.procs", "0")
    write(kernel, f"{path}/freezer.state", "THAWED")  # never reached, unless somebody else thaws it


def thaw(kernel: Kernel) -> None:
    write(kernel, f"{at('freezer')}/freezer.state", "THAWED")


def test_a_process_that_freezes_itself_waits_for_ever() -> None:
    machine = Machine(checks=True)
    machine.spawn(join_frozen)
    standstill = machine.run()
    assert standstill.waiting == (Waiting("1", "join_frozen", "write", "to be thawed"),)
    assert standstill.hung


def test_a_frozen_process_comes_back_from_a_snapshot_and_goes_on() -> None:
    machine = Machine(checks=True)
    frozen = machine.spawn(join_frozen)
    machine.run()
    snapshot, digest = machine.snapshot(), machine.digest()
    for _ in range(2):
        machine.spawn(thaw)
        assert not machine.run().hung
        assert not frozen.lives
        after = machine.digest()
        machine.restore(snapshot)
        assert machine.digest() == digest != after


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
