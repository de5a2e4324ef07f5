"""The unified hierarchy (control groups of version 2): laws of both kernels, and what would change a host's own settings.

A control group below the root has no controllers unless the root hands them out, which no test makes it do: with controllers
only the simulated kernel is asked, as the source of Linux says.
"""

from errno import E2BIG, EACCES, EAGAIN, EBUSY, EEXIST, EINVAL, ENODEV, ENOENT, EOPNOTSUPP, EPERM, ERANGE, ESRCH
from functools import partial

import pytest

from fakekernel.machine import Machine
from fakekernel.profile import HostProfile, capture
from fakekernel.scheduler import Waiting
from kernelapi.errors import NotModelled
from kernelapi.flags import CloneFlag, FileType, OpenFlag, Signal, WaitFlag
from kernelapi.ids import Fd, Gid, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import errno_of, expect, in_child, read_all, refused
from tests.cgroup_laws import (
    BASE,
    NAME,
    UNIFIED,
    Laws,
    accept,
    at,
    letter,
    make,
    membership,
    mounted,
    names_in,
    read,
    run,
    start,
    stop,
    wait_for_ever,
    wait_until,
    write,
)

law = Laws()

ROOT = f"{BASE}/{UNIFIED}"
HERE = at(UNIFIED)


def below(kernel: Kernel, *names: str) -> str:
    """Our control group, or one below it."""
    return make(kernel, UNIFIED, *names)


def procs(path: str) -> str:
    return f"{path}/cgroup.procs"


def path_of(kernel: Kernel, pid: int) -> str:
    return membership(kernel, pid, "")


def events(kernel: Kernel, path: str) -> tuple[int, int]:
    """Whether a control group is populated, and frozen."""
    words = read(kernel, f"{path}/cgroup.events").split()
    assert words[::2] == ["populated", "frozen"]
    return int(words[1]), int(words[3])


# -- directories --

BASIC = {
    "cgroup.controllers", "cgroup.events", "cgroup.freeze", "cgroup.kill", "cgroup.max.depth", "cgroup.max.descendants",
    "cgroup.procs", "cgroup.stat", "cgroup.subtree_control", "cgroup.threads", "cgroup.type", "cpu.stat",
}  # fmt: skip


@law(UNIFIED)
def a_control_group_is_born_with_its_files(kernel: Kernel) -> None:
    path = below(kernel)
    found = names_in(kernel, path)
    expect("its files", found >= BASIC, True)
    expect("nothing of a controller", [name for name in found if name.startswith(("devices.", "memory.max", "tasks"))], [])
    stat = kernel.stat(path)
    expect("mode, links", (stat.mode, stat.nlink), (FileType.DIR | 0o755, 2))
    for name, mode in (("procs", 0o644), ("events", 0o444), ("kill", 0o200), ("controllers", 0o444)):
        stat = kernel.stat(f"{path}/cgroup.{name}")
        expect(name, (stat.mode, stat.nlink, stat.size), (FileType.REG | mode, 1, 0))
    for name in ("events", "freeze", "kill", "type"):
        refused(ENOENT, kernel.stat, f"{ROOT}/cgroup.{name}")  # the root has none of these
    expect("at first", [read(kernel, f"{path}/cgroup.{name}") for name in ("type", "controllers", "subtree_control")],
           ["domain\n", "", ""])  # fmt: skip


@law(UNIFIED)
def only_directories_are_made_and_removed(kernel: Kernel) -> None:
    path = below(kernel)
    refused(EEXIST, kernel.mkdir, path, 0o755)
    refused(EEXIST, kernel.mkdir, procs(path), 0o755)
    refused(EINVAL, kernel.mkdir, f"{path}/a\nb", 0o755)
    refused(EACCES, kernel.open, f"{path}/new", OpenFlag.WRONLY | OpenFlag.CREAT, 0o644)
    refused(EPERM, kernel.symlink, "there", f"{path}/new")
    refused(EPERM, kernel.unlink, procs(path))
    below(kernel, "a")
    refused(EPERM, kernel.rename, f"{path}/a", f"{path}/b")
    refused(EPERM, kernel.rename, procs(path), f"{path}/b")
    refused(EBUSY, kernel.rmdir, path)
    kernel.rmdir(f"{path}/a")
    kernel.rmdir(path)
    refused(ENOENT, kernel.stat, path)


@law(UNIFIED)
def depth_and_number_of_descendants_have_limits(kernel: Kernel) -> None:
    path = below(kernel)
    for name in ("depth", "descendants"):
        accept(
            kernel,
            f"{path}/cgroup.max.{name}",
            (("0", 0, "0\n"), ("max", 0, "max\n"), (" 1\n", 0, "1\n"), ("-1", ERANGE, "1\n"), ("x", EINVAL, "1\n"),
             ("2147483648", ERANGE, "1\n"), ("", 0, "1\n"), ("max", 0, "max\n")),
        )  # fmt: skip
    write(kernel, f"{path}/cgroup.max.depth", "1")
    below(kernel, "a")
    refused(EAGAIN, kernel.mkdir, f"{path}/a/b", 0o755)
    write(kernel, f"{path}/cgroup.max.depth", "2")
    write(kernel, f"{path}/cgroup.max.descendants", "2")
    below(kernel, "a", "b")
    refused(EAGAIN, kernel.mkdir, f"{path}/c", 0o755)
    refused(EAGAIN, kernel.mkdir, f"{path}/a/c", 0o755)
    refused(EINVAL, kernel.mkdir, f"{path}/a\nb", 0o755)
    kernel.rmdir(f"{path}/a/b")
    below(kernel, "c")


@law(UNIFIED)
def an_open_file_of_a_removed_control_group_is_of_no_use(kernel: Kernel) -> None:
    path = below(kernel)
    file, directory = kernel.open(procs(path), OpenFlag.RDWR), kernel.open(path, OpenFlag.RDONLY)
    kernel.rmdir(path)
    refused(ENODEV, kernel.write, file, b"0")
    refused(ENODEV, kernel.read, file, 10)
    refused(ENOENT, kernel.openat, directory, "cgroup.procs", OpenFlag.RDONLY)  # which was looked up before
    refused(ENOENT, kernel.mkdirat, directory, "below", 0o755)


@law(UNIFIED)
def all_mounts_show_one_tree(kernel: Kernel) -> None:
    kernel.mkdir("/tmp/other", 0o755)
    for data in ("nonsense", "cpu", "nsdelegate=1"):
        refused(EINVAL, kernel.mount, "x", "/tmp/other", "cgroup2", 0, data)
    kernel.mount("x", "/tmp/other", "cgroup2", 0, "")
    below(kernel)
    there, here = kernel.stat(f"/tmp/other/{NAME}"), kernel.stat(HERE)
    expect("device and inode", (there.dev, there.ino), (here.dev, here.ino))
    line = next(line for line in read(kernel, "/proc/self/mountinfo").splitlines() if " /tmp/other " in line)
    expect("mountinfo", (line.split(" ")[3], line.partition(" - ")[2].split(",")[0]), ("/", "cgroup2 x rw"))


@law(UNIFIED)
def files_refuse_the_wrong_direction_after_their_mode(kernel: Kernel) -> None:
    path = below(kernel)
    refused(EINVAL, kernel.read, kernel.open(f"{path}/cgroup.kill", OpenFlag.RDWR), 10)  # who overrides modes gets this far
    refused(EINVAL, kernel.write, kernel.open(f"{path}/cgroup.events", OpenFlag.RDWR), b"1")
    refused(E2BIG, write, kernel, procs(path), "x" * 4097)
    kernel.setresuid(Uid(1000), Uid(1000), Uid(1000))
    refused(EACCES, kernel.open, f"{path}/cgroup.kill", OpenFlag.WRONLY)
    refused(EACCES, kernel.open, procs(path), OpenFlag.WRONLY)


@law(UNIFIED)
def controllers_that_are_not_there_cannot_be_handed_out(kernel: Kernel) -> None:
    path = below(kernel)
    accept(
        kernel,
        f"{path}/cgroup.subtree_control",
        (("", 0, ""), ("+nonsense", EINVAL, ""), ("cpu", EINVAL, ""), ("+", EINVAL, ""), ("+devices", EINVAL, ""),
         ("+cpu", ENOENT, ""), ("-cpu", 0, ""), (" \n", 0, ""), ("+memory -cpu", ENOENT, ""), ("-memory +nonsense", EINVAL, ""),
         ("+perf_event", ENOENT, "")),
    )  # fmt: skip
    accept(kernel, f"{path}/cgroup.type", (("domain", EINVAL, "domain\n"), ("x", EINVAL, "domain\n"), ("", 0, "domain\n")))


# -- processes --


@law(UNIFIED)
def a_process_is_moved_by_its_number(kernel: Kernel) -> None:
    path, pid = below(kernel), start(kernel)
    expect("at first", (read(kernel, procs(path)), path_of(kernel, pid), events(kernel, path)), ("", "/", (0, 0)))
    for text in ("", "\n", "x", "-1", f"{pid},", f"{pid} {pid}", f"{pid}\n{pid}", "2147483648", "0x", "08"):
        expect(f"the errno of {text!r}", errno_of(write, kernel, procs(path), text), EINVAL if text else 0)
    refused(ESRCH, write, kernel, procs(path), "2147483647")
    for text in (f"{pid}", f" {pid}\n", hex(pid), f"+{pid}", f"0{pid:o}", f"{pid}\0x"):
        write(kernel, procs(ROOT), f"{pid}")
        expect(f"the root has it before {text!r}", (read(kernel, procs(path)), path_of(kernel, pid)), ("", "/"))
        write(kernel, procs(path), text)
        expect(f"after {text!r}", (read(kernel, procs(path)), path_of(kernel, pid)), (f"{pid}\n", f"/{NAME}"))
    expect("populated", events(kernel, path), (1, 0))
    deep = below(kernel, "deep")
    write(kernel, procs(deep), "0")
    expect("the writer, by 0", (read(kernel, procs(deep)), path_of(kernel, kernel.getpid())),
           (f"{kernel.getpid()}\n", f"/{NAME}/deep"))  # fmt: skip
    write(kernel, procs(ROOT), "0")
    stop(kernel, pid)
    expect("what is below counts", (events(kernel, path), events(kernel, deep)), ((0, 0), (0, 0)))


@law(UNIFIED)
def processes_are_listed_in_the_order_in_which_they_came(kernel: Kernel) -> None:
    path, deep = below(kernel), below(kernel, "deep")
    pids = [start(kernel) for _ in range(4)]
    for n in (2, 0, 3):
        write(kernel, procs(path), f"{pids[n]}")
    expect("as they came", read(kernel, procs(path)).split(), [f"{pids[n]}" for n in (2, 0, 3)])
    write(kernel, procs(path), f"{pids[2]}")
    expect("one that is there stays in its place", read(kernel, procs(path)).split(), [f"{pids[n]}" for n in (2, 0, 3)])
    write(kernel, procs(deep), f"{pids[2]}")
    write(kernel, procs(path), f"{pids[2]}")
    expect("one that comes back is last", read(kernel, procs(path)).split(), [f"{pids[n]}" for n in (0, 3, 2)])
    for pid in pids:
        stop(kernel, pid)


@law(UNIFIED)
def a_child_starts_where_its_parent_is(kernel: Kernel) -> None:
    path = below(kernel)
    write(kernel, procs(path), "0")
    pid = start(kernel)
    expect("the child", path_of(kernel, pid), f"/{NAME}")
    write(kernel, procs(ROOT), "0")
    expect("it stays", read(kernel, procs(path)), f"{pid}\n")
    refused(EBUSY, kernel.rmdir, path)
    stop(kernel, pid)
    kernel.rmdir(path)


@law(UNIFIED)
def a_zombie_is_known_by_where_it_was(kernel: Kernel) -> None:
    path, side, pid = below(kernel), below(kernel, "side"), start(kernel)
    write(kernel, procs(side), f"{pid}")
    kernel.kill(pid, Signal.KILL)
    wait_until(kernel, lambda: read(kernel, procs(side)) == "")
    expect("its path", path_of(kernel, pid), f"/{NAME}/side")
    expect("nobody is there", (events(kernel, side), events(kernel, path)), ((0, 0), (0, 0)))
    write(kernel, procs(path), f"{pid}")  # nothing happens
    expect("still", (path_of(kernel, pid), read(kernel, procs(path))), (f"/{NAME}/side", ""))
    kernel.rmdir(side)
    expect("of a control group that is gone", path_of(kernel, pid), f"/{NAME}/side (deleted)")
    kernel.wait4(pid)


@law(UNIFIED)
def who_may_write_above_may_move_anybody(kernel: Kernel) -> None:
    path, one, other, pid = below(kernel), below(kernel, "one"), below(kernel, "other"), start(kernel)
    write(kernel, procs(one), f"{pid}")
    for directory in (path, one, other):
        kernel.chmod(procs(directory), 0o666)
    by_root = kernel.open(procs(one), OpenFlag.WRONLY)
    in_child(kernel, as_a_user, path, pid, by_root)
    expect("somebody else's process", path_of(kernel, pid), f"/{NAME}/other")
    kernel.chmod(procs(path), 0o644)
    in_child(kernel, below_what_is_not_ones_own, one, other, pid)
    stop(kernel, pid)


def become(kernel: Kernel, id: int) -> None:
    kernel.setresgid(Gid(id), Gid(id), Gid(id))
    kernel.setresuid(Uid(id), Uid(id), Uid(id))


def as_a_user(kernel: Kernel, path: str, pid: Pid, by_root: Fd) -> None:
    one, other = f"{path}/one", f"{path}/other"
    become(kernel, 1000)
    refused(EACCES, write, kernel, procs(one), "0")  # it is in the root, where it may not write
    write(kernel, procs(other), f"{pid}")
    refused(ESRCH, write, kernel, procs(other), "2147483647")
    kernel.write(by_root, b"0")
    expect("through root's descriptor", path_of(kernel, kernel.getpid()), f"/{NAME}/one")
    write(kernel, procs(other), "0")
    write(kernel, procs(path), "0")
    refused(EACCES, kernel.open, procs(ROOT), OpenFlag.WRONLY)


def below_what_is_not_ones_own(kernel: Kernel, one: str, other: str, pid: Pid) -> None:
    write(kernel, procs(one), "0")
    become(kernel, 1000)
    refused(EACCES, write, kernel, procs(other), "0")
    write(kernel, procs(one), "0")  # where it is already


@law(UNIFIED)
def a_thread_does_not_leave_its_process(kernel: Kernel) -> None:
    path, side, pid = below(kernel), below(kernel, "side"), start(kernel)
    refused(EOPNOTSUPP, write, kernel, f"{path}/cgroup.threads", f"{pid}")
    write(kernel, procs(path), f"{pid}")
    write(kernel, f"{path}/cgroup.threads", f"{pid}")
    refused(EOPNOTSUPP, write, kernel, f"{side}/cgroup.threads", f"{pid}")
    expect("threads", read(kernel, f"{path}/cgroup.threads"), f"{pid}\n")
    stop(kernel, pid)


@law(UNIFIED)
def a_process_outside_the_readers_pid_namespace_is_number_0(kernel: Kernel) -> None:
    path, pid = below(kernel), start(kernel)
    write(kernel, procs(path), f"{pid}")
    init = kernel.clone(Signal.CHLD | CloneFlag.NEWPID, look_from_inside, path)
    expect("its status", kernel.wait4(init), (init, 0))
    stop(kernel, pid)


def look_from_inside(kernel: Kernel, path: str) -> int:
    write(kernel, procs(path), "0")
    return int(read(kernel, procs(path)) != "0\n1\n")


# -- cgroup namespaces --


@law(UNIFIED)
def paths_are_those_of_the_readers_namespace(kernel: Kernel) -> None:
    pids = []
    for names in ((), ("in",), ("in", "deep"), ("side",)):
        pids.append(start(kernel))
        write(kernel, procs(below(kernel, *names)), f"{pids[-1]}")
    write(kernel, procs(at(UNIFIED, "in")), "0")
    kernel.unshare(CloneFlag.NEWCGROUP)
    expect("paths", [path_of(kernel, pid) for pid in (1, *pids)], ["/../..", "/..", "/", "/deep", "/../side"])
    line = next(line for line in read(kernel, "/proc/self/mountinfo").splitlines() if f" {ROOT} " in line)
    expect("the mount from before shows more", line.split(" ")[3], "/../..")
    kernel.mkdir("/tmp/inside", 0o755)
    kernel.mount("x", "/tmp/inside", "cgroup2", 0, "")
    line = next(line for line in read(kernel, "/proc/self/mountinfo").splitlines() if " /tmp/inside " in line)
    expect("a new one shows the part", line.split(" ")[3], "/")
    expect("which has files that the root lacks", read(kernel, "/tmp/inside/cgroup.type"), "domain\n")
    expect("its processes", read(kernel, "/tmp/inside/cgroup.procs").split(), [f"{pids[1]}", f"{kernel.getpid()}"])
    write(kernel, procs(ROOT), "0")
    expect("after leaving", path_of(kernel, kernel.getpid()), "/../..")
    for pid in pids:
        stop(kernel, pid)


@law("devices")
def a_hierarchy_of_version_1_shows_its_part_too(kernel: Kernel) -> None:
    write(kernel, f"{make(kernel, 'devices')}/cgroup.procs", "0")
    kernel.unshare(CloneFlag.NEWCGROUP)
    kernel.mkdir("/tmp/inside", 0o755)
    kernel.mount("x", "/tmp/inside", "cgroup", 0, "devices")
    lines = [line.split(" ") for line in read(kernel, "/proc/self/mountinfo").splitlines() if " cgroup " in line]
    found = {fields[4]: fields[3] for fields in lines}
    expect("roots", (found[f"{BASE}/devices"], found["/tmp/inside"]), ("/..", "/"))
    expect("its processes", read(kernel, "/tmp/inside/cgroup.procs").split(), [f"{kernel.getpid()}"])
    kernel.mkdir("/tmp/inside/below", 0o755)
    expect("the same tree", errno_of(kernel.stat, f"{at('devices')}/below"), 0)
    write(kernel, f"{BASE}/devices/cgroup.procs", "0")


# -- freezing and killing --


def freeze(kernel: Kernel, path: str, text: str) -> None:
    write(kernel, f"{path}/cgroup.freeze", text)
    wait_until(kernel, lambda: events(kernel, path)[1] == int(text))


@law(UNIFIED)
def freezing_is_said_with_0_and_1(kernel: Kernel) -> None:
    path = below(kernel)
    accept(
        kernel,
        f"{path}/cgroup.freeze",
        (("2", ERANGE, "0\n"), ("-1", ERANGE, "0\n"), ("x", EINVAL, "0\n"), ("", 0, "0\n"), ("1\n", 0, "1\n"),
         (" 0", 0, "0\n"), ("01", 0, "1\n"), ("1 1", EINVAL, "1\n"), ("0x0", 0, "0\n")),
    )  # fmt: skip
    deep = below(kernel, "deep")
    for directory, text, own, frozen in (
        (path, "1", "0\n", 1), (deep, "1", "1\n", 1), (path, "0", "1\n", 1), (deep, "0", "0\n", 0),
    ):  # fmt: skip
        freeze(kernel, directory, text)
        expect(f"after {text}", (read(kernel, f"{deep}/cgroup.freeze"), events(kernel, deep)), (own, (0, frozen)))


@law(UNIFIED)
def a_frozen_process_can_be_killed(kernel: Kernel) -> None:
    path = below(kernel)
    pids = [start(kernel) for _ in range(3)]
    for pid in pids:
        write(kernel, procs(path), f"{pid}")
    freeze(kernel, path, "1")
    expect("as ps shows it", letter(kernel, pids[0]), "S")
    for pid, signal in zip(pids, (Signal.KILL, Signal.TERM, Signal.USR1), strict=True):
        kernel.kill(pid, signal)
        expect("dead", kernel.wait4(pid), (pid, signal))
    expect("still frozen", events(kernel, path), (0, 1))


@law(UNIFIED)
def what_the_process_itself_has_to_do_waits_for_the_thaw(kernel: Kernel) -> None:
    path = below(kernel)
    dumps, stops, both = (start(kernel) for _ in range(3))
    for pid in (dumps, stops, both):
        write(kernel, procs(path), f"{pid}")
    freeze(kernel, path, "1")
    kernel.kill(dumps, Signal.QUIT)
    kernel.kill(stops, Signal.STOP)
    kernel.kill(both, Signal.QUIT)
    kernel.clock_nanosleep(1, 0, 20_000_000)
    for pid in (dumps, stops, both):
        expect("nothing yet", kernel.wait4(pid, WaitFlag.NOHANG | WaitFlag.UNTRACED), (0, 0))
    kernel.kill(both, Signal.TERM)
    expect("the other signal ends it", kernel.wait4(both), (both, Signal.TERM))
    freeze(kernel, path, "0")
    expect("how it ends", kernel.wait4(dumps)[1] & 0x7F, Signal.QUIT)
    expect("stopped", kernel.wait4(stops, WaitFlag.UNTRACED), (stops, Signal.STOP << 8 | 0x7F))
    freeze(kernel, path, "1")
    expect("as ps shows it", letter(kernel, stops), "T")
    kernel.kill(stops, Signal.CONT)
    expect("continued, and frozen", kernel.wait4(stops, WaitFlag.CONTINUED), (stops, 0xFFFF))
    wait_until(kernel, lambda: letter(kernel, stops) == "S")
    stop(kernel, stops)


@law(UNIFIED)
def a_frozen_process_does_nothing(kernel: Kernel) -> None:
    path = below(kernel)
    reader, writer = kernel.pipe2(OpenFlag.NONBLOCK)
    pid = kernel.clone(Signal.CHLD, tick, writer)
    kernel.close(writer)
    wait_until(kernel, lambda: errno_of(kernel.read, reader, 100) == 0)
    write(kernel, f"{path}/cgroup.freeze", "1")
    write(kernel, procs(path), f"{pid}")  # joining freezes
    wait_until(kernel, lambda: events(kernel, path) == (1, 1))
    errno_of(kernel.read, reader, 65536)  # what it had still written
    kernel.clock_nanosleep(1, 0, 50_000_000)
    expect("silence", errno_of(kernel.read, reader, 100) != 0, True)
    write(kernel, procs(ROOT), f"{pid}")  # leaving thaws
    wait_until(kernel, lambda: errno_of(kernel.read, reader, 100) == 0)
    stop(kernel, pid)


def tick(kernel: Kernel, writer: Fd) -> None:
    while True:
        kernel.write(writer, b".")
        kernel.clock_nanosleep(1, 0, 5_000_000)


@law(UNIFIED)
def the_init_of_a_namespace_does_not_wait_for_frozen_members(kernel: Kernel) -> None:
    path = below(kernel)
    reader, writer = kernel.pipe2(0)
    init = kernel.clone(Signal.CHLD | CloneFlag.NEWPID, init_with_frozen_child, path, writer)
    kernel.close(writer)
    read_all(kernel, reader)
    kernel.kill(init, Signal.KILL)
    expect("dead at once", kernel.wait4(init), (init, Signal.KILL))


def init_with_frozen_child(kernel: Kernel, path: str, ready: Fd) -> None:
    reader, writer = kernel.pipe2(0)
    pid = kernel.clone(Signal.CHLD, close_and_wait, ready, writer)
    kernel.close(writer)
    read_all(kernel, reader)
    write(kernel, procs(path), f"{pid}")
    freeze(kernel, path, "1")
    kernel.close(ready)
    wait_for_ever(kernel)


def close_and_wait(kernel: Kernel, *fds: Fd) -> None:
    for fd in fds:
        kernel.close(fd)
    wait_for_ever(kernel)


@law(UNIFIED)
def one_write_kills_all_below(kernel: Kernel) -> None:
    path, deep = below(kernel), below(kernel, "deep")
    pids = [start(kernel) for _ in range(3)]
    for pid, place in zip(pids, (path, deep, deep), strict=True):
        write(kernel, procs(place), f"{pid}")
    freeze(kernel, deep, "1")
    outside = start(kernel)
    for text, errno in (("0", ERANGE), ("2", ERANGE), ("-1", ERANGE), ("x", EINVAL), ("", 0)):
        expect(f"the errno of {text!r}", errno_of(write, kernel, f"{path}/cgroup.kill", text), errno)
    expect("nobody is dead", kernel.wait4(Pid(-1), WaitFlag.NOHANG), (0, 0))
    write(kernel, f"{path}/cgroup.kill", "1\n")
    for pid in pids:
        expect("dead", kernel.wait4(pid), (pid, Signal.KILL))
    expect("nobody else", kernel.wait4(Pid(-1), WaitFlag.NOHANG), (0, 0))
    stop(kernel, outside)


@law(UNIFIED)
def who_kills_its_own_control_group_dies_unless_it_is_init(kernel: Kernel) -> None:
    path = below(kernel)
    suicide = kernel.clone(Signal.CHLD, join_and_kill, path)
    expect("dead", kernel.wait4(suicide), (suicide, Signal.KILL))
    init = kernel.clone(Signal.CHLD | CloneFlag.NEWPID, init_kills, path)
    expect("the init of a pid namespace lives, and is killed from outside", kernel.wait4(init), (init, 7 << 8))
    init = kernel.clone(Signal.CHLD | CloneFlag.NEWPID, init_waits, path)
    wait_until(kernel, lambda: events(kernel, path)[0] == 1)
    write(kernel, f"{path}/cgroup.kill", "1")
    expect("from outside", kernel.wait4(init), (init, Signal.KILL))


def join_and_kill(kernel: Kernel, path: str) -> int:
    write(kernel, procs(path), "0")
    write(kernel, f"{path}/cgroup.kill", "1")
    return 1


def init_kills(kernel: Kernel, path: str) -> int:
    write(kernel, procs(path), "0")
    child = start(kernel)
    write(kernel, f"{path}/cgroup.kill", "1")
    return 7 if kernel.wait4(child) == (child, Signal.KILL) else 1


def init_waits(kernel: Kernel, path: str) -> None:
    write(kernel, procs(path), "0")
    wait_for_ever(kernel)


# -- playing the laws --

test_the_simulated_kernel_keeps_the_law = law.simulated()
test_the_real_kernel_keeps_the_law = law.real()


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
