"""Laws of control groups of version 1: directories, members, and the freezer.

On the real kernel the hierarchies are those of the host. There a case makes control groups below one name of its own, in a
fresh pid namespace, so that a number that it writes can name no process but its own; what it leaves is removed.
"""

from collections.abc import Callable
from errno import E2BIG, EACCES, EBUSY, EEXIST, EINVAL, EISDIR, ENODEV, ENOENT, ENOTDIR, EPERM, ERANGE, ESRCH

from kernelapi.flags import CloneFlag, FileType, OpenFlag, Signal, WaitFlag
from kernelapi.ids import Fd, Gid, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, read_all, refused
from kernelapi.testing.hierarchies import BASE, NAME


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


@case(tree=True, hierarchies=("devices",))
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


@case(tree=True, hierarchies=("devices",))
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


@case(tree=True, hierarchies=("devices",))
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


@case(tree=True, hierarchies=("devices",))
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


@case(tree=True, hierarchies=("devices",))
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


@case(tree=True, hierarchies=("devices",))
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


@case(tree=True, hierarchies=("devices",))
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


@case(tree=True, hierarchies=("devices",))
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


@case(tree=True, hierarchies=("devices",))
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


@case(tree=True, hierarchies=("devices",))
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


@case(tree=True, hierarchies=("devices",))
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


# -- freezer --


@case(tree=True, hierarchies=("freezer",))
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


@case(tree=True, hierarchies=("freezer",))
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


@case(tree=True, hierarchies=("freezer",))
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


@case(tree=True, hierarchies=("freezer",))
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


@case(tree=True, hierarchies=("freezer",))
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


@case(tree=True, hierarchies=("devices",))
def who_is_in_no_other_control_group_is_in_the_root(kernel: Kernel) -> None:
    path, pid = make(kernel, "devices"), start(kernel)
    expect("all that can be seen", read(kernel, f"{BASE}/devices/cgroup.procs"), f"1\n{kernel.getpid()}\n{pid}\n")
    write(kernel, f"{path}/cgroup.procs", str(pid))
    expect("without the child", read(kernel, f"{BASE}/devices/tasks"), f"1\n{kernel.getpid()}\n")
    stop(kernel, pid)
