"""Laws of the unified hierarchy, control groups of version 2, as far as a host's own settings are not touched.

A control group below the root has no controllers unless the root hands them out, which no case makes it do.
"""

from errno import E2BIG, EACCES, EAGAIN, EBUSY, EEXIST, EINVAL, ENODEV, ENOENT, EOPNOTSUPP, EPERM, ERANGE, ESRCH

from kernelapi.flags import CloneFlag, FileType, OpenFlag, Signal, WaitFlag
from kernelapi.ids import Fd, Gid, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, read_all, refused
from kernelapi.testing.cases.cgroups import (
    accept,
    at,
    letter,
    make,
    membership,
    names_in,
    read,
    start,
    stop,
    wait_for_ever,
    wait_until,
    write,
)
from kernelapi.testing.hierarchies import BASE, NAME, UNIFIED

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


@case(tree=True, hierarchies=(UNIFIED,), since="5.14")
def a_control_group_is_born_with_its_files_in_the_unified_hierarchy(kernel: Kernel) -> None:
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


@case(tree=True, hierarchies=(UNIFIED,))
def only_directories_are_made_and_removed_in_the_unified_hierarchy(kernel: Kernel) -> None:
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


@case(tree=True, hierarchies=(UNIFIED,))
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


@case(tree=True, hierarchies=(UNIFIED,))
def an_open_file_of_a_removed_control_group_is_of_no_use_in_the_unified_hierarchy(kernel: Kernel) -> None:
    path = below(kernel)
    file, directory = kernel.open(procs(path), OpenFlag.RDWR), kernel.open(path, OpenFlag.RDONLY)
    kernel.rmdir(path)
    refused(ENODEV, kernel.write, file, b"0")
    refused(ENODEV, kernel.read, file, 10)
    refused(ENOENT, kernel.openat, directory, "cgroup.procs", OpenFlag.RDONLY)  # which was looked up before
    refused(ENOENT, kernel.mkdirat, directory, "below", 0o755)


@case(tree=True, hierarchies=(UNIFIED,))
def all_mounts_show_one_tree(kernel: Kernel) -> None:
    kernel.mkdir("/tmp/other", 0o755)
    for data in ("nonsense", "cpu", "nsdelegate=1"):
        refused(EINVAL, kernel.mount, "x", "/tmp/other", "cgroup2", 0, data)
    kernel.mount("x", "/tmp/other", "cgroup2", 0, "nsdelegate")  # which counts in the initial cgroup namespace alone
    below(kernel)
    there, here = kernel.stat(f"/tmp/other/{NAME}"), kernel.stat(HERE)
    expect("device and inode", (there.dev, there.ino), (here.dev, here.ino))
    line = next(line for line in read(kernel, "/proc/self/mountinfo").splitlines() if " /tmp/other " in line)
    expect("mountinfo", (line.split(" ")[3], line.partition(" - ")[2].split(",")[0]), ("/", "cgroup2 x rw"))


@case(tree=True, hierarchies=(UNIFIED,), since="5.14")
def files_refuse_the_wrong_direction_after_their_mode_in_the_unified_hierarchy(kernel: Kernel) -> None:
    path = below(kernel)
    refused(EINVAL, kernel.read, kernel.open(f"{path}/cgroup.kill", OpenFlag.RDWR), 10)  # who overrides modes gets this far
    for name in ("events", "stat"):
        refused(EINVAL, kernel.write, kernel.open(f"{path}/cgroup.{name}", OpenFlag.RDWR), b"1")
    refused(E2BIG, write, kernel, procs(path), "x" * 4097)
    kernel.setresuid(Uid(1000), Uid(1000), Uid(1000))
    refused(EACCES, kernel.open, f"{path}/cgroup.kill", OpenFlag.WRONLY)
    refused(EACCES, kernel.open, procs(path), OpenFlag.WRONLY)


@case(tree=True, hierarchies=(UNIFIED,))
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


@case(tree=True, hierarchies=(UNIFIED,))
def a_process_is_moved_by_its_number_in_the_unified_hierarchy(kernel: Kernel) -> None:
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


@case(tree=True, hierarchies=(UNIFIED,))
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


@case(tree=True, hierarchies=(UNIFIED,))
def a_child_starts_where_its_parent_is_in_the_unified_hierarchy(kernel: Kernel) -> None:
    path = below(kernel)
    write(kernel, procs(path), "0")
    pid = start(kernel)
    expect("the child", path_of(kernel, pid), f"/{NAME}")
    write(kernel, procs(ROOT), "0")
    expect("it stays", read(kernel, procs(path)), f"{pid}\n")
    refused(EBUSY, kernel.rmdir, path)
    stop(kernel, pid)
    kernel.rmdir(path)


@case(tree=True, hierarchies=(UNIFIED,))
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


@case(tree=True, hierarchies=(UNIFIED,))
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


@case(tree=True, hierarchies=(UNIFIED,))
def a_thread_does_not_leave_its_process(kernel: Kernel) -> None:
    path, side, pid = below(kernel), below(kernel, "side"), start(kernel)
    refused(EOPNOTSUPP, write, kernel, f"{path}/cgroup.threads", f"{pid}")
    write(kernel, procs(path), f"{pid}")
    write(kernel, f"{path}/cgroup.threads", f"{pid}")
    refused(EOPNOTSUPP, write, kernel, f"{side}/cgroup.threads", f"{pid}")
    expect("threads", read(kernel, f"{path}/cgroup.threads"), f"{pid}\n")
    stop(kernel, pid)


@case(tree=True, hierarchies=(UNIFIED,))
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


@case(tree=True, hierarchies=(UNIFIED,))
def paths_are_those_of_the_readers_namespace_in_the_unified_hierarchy(kernel: Kernel) -> None:
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


@case(tree=True, hierarchies=("devices",))
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


@case(tree=True, hierarchies=(UNIFIED,))
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


@case(tree=True, hierarchies=(UNIFIED,))
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


@case(tree=True, hierarchies=(UNIFIED,))
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


@case(tree=True, hierarchies=(UNIFIED,))
def a_frozen_process_does_nothing_in_the_unified_hierarchy(kernel: Kernel) -> None:
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


@case(tree=True, hierarchies=(UNIFIED,))
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


@case(tree=True, hierarchies=(UNIFIED,), since="5.14")
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


@case(tree=True, hierarchies=(UNIFIED,), since="5.14")
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
