"""Laws of proc: what it says of processes and to whom, and what can be written there."""

from errno import EACCES, EINVAL, EISDIR, ENOENT, EPERM, EROFS, ESRCH

from kernelapi.capability import Cap
from kernelapi.flags import AT_FDCWD, CloneFlag, Disposition, FileType, MountFlag, OpenFlag, Rlimit, Seek, Signal
from kernelapi.ids import Fd, Gid, Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, read_all, refused
from kernelapi.values import Limit


def contents(kernel: Kernel, path: str) -> str:
    fd = kernel.open(path, OpenFlag.RDONLY)
    text = read_all(kernel, fd).decode()
    kernel.close(fd)
    return text


def put(kernel: Kernel, path: str, data: bytes) -> int:
    fd = kernel.open(path, OpenFlag.WRONLY)
    written = kernel.write(fd, data)
    kernel.close(fd)
    return written


def names(kernel: Kernel, path: str) -> set[str]:
    fd = kernel.open(path, OpenFlag.RDONLY | OpenFlag.DIRECTORY)
    found: set[str] = set()
    while entries := kernel.getdents64(fd):
        found |= {entry.name for entry in entries}
    kernel.close(fd)
    return found - {".", ".."}


def status(kernel: Kernel, pid: object = "self") -> dict[str, str]:
    """The fields of /proc/PID/status by name."""
    lines = contents(kernel, f"/proc/{pid}/status").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def stat(kernel: Kernel, pid: object = "self") -> list[str]:
    """The fields of /proc/PID/stat; the first is the number, the second the name in parentheses."""
    head, _, tail = contents(kernel, f"/proc/{pid}/stat").rpartition(")")
    number, _, name = head.partition(" ")
    return [number, name + ")", *tail.split()]


def sleeper(kernel: Kernel) -> None:
    """A child that stays until it is killed: it waits for what never comes."""
    reader, _ = kernel.pipe()
    kernel.read(reader, 1)


def asleep(kernel: Kernel) -> Pid:
    return kernel.clone(Signal.CHLD, sleeper)


def end(kernel: Kernel, pid: Pid) -> None:
    kernel.kill(pid, Signal.KILL)
    kernel.wait4(pid)


def ended(kernel: Kernel) -> int:
    return 3


def zombie(kernel: Kernel) -> Pid:
    """A child that has ended and has not been waited for: its end of a pipe is gone."""
    reader, writer = kernel.pipe()
    pid = kernel.clone(Signal.CHLD, ended)
    kernel.close(writer)
    kernel.read(reader, 1)
    kernel.close(reader)
    while status(kernel, pid)["State"][0] != "Z":
        kernel.clock_nanosleep(1, 0, 1_000_000)
    return pid


# -- what it says --


@case(tree=True)
def self_is_the_caller_in_the_pid_namespace_of_the_mount(kernel: Kernel) -> None:
    expect("/proc/self", kernel.readlink("/proc/self"), str(kernel.getpid()))
    expect("/proc/thread-self", kernel.readlink("/proc/thread-self"), f"{kernel.getpid()}/task/{kernel.gettid()}")
    expect("Pid", status(kernel)["Pid"], str(kernel.getpid()))
    pid = asleep(kernel)
    expect("a child is listed", str(pid) in names(kernel, "/proc"), True)
    end(kernel, pid)
    expect("and gone", str(pid) in names(kernel, "/proc"), False)


@case(tree=True)
def a_proc_shows_the_numbers_of_its_own_pid_namespace(kernel: Kernel) -> None:
    seen = in_child(kernel, numbers_of_self, flags=CloneFlag.NEWPID)
    expect("inside it is process 1", seen[0], 1)
    expect("the outer proc shows another number", seen[1] != "1", True)
    expect("of both it tells", seen[2].split()[1:], ["1"])


def numbers_of_self(kernel: Kernel) -> tuple[int, str, str]:
    return kernel.getpid(), kernel.readlink("/proc/self"), status(kernel)["NSpid"]


@case(tree=True)
def a_proc_of_an_inner_pid_namespace_does_not_show_the_outer_one(kernel: Kernel) -> None:
    kernel.unshare(CloneFlag.NEWPID)
    expect("what the inner one lists", in_child(kernel, mount_and_list), ["1"])
    refused(ENOENT, kernel.readlink, "/proc/self")
    refused(ENOENT, kernel.open, "/proc/self/status", 0)


def mount_and_list(kernel: Kernel) -> list[str]:
    kernel.mount("proc", "/proc", "proc", 0, "")
    return sorted(name for name in names(kernel, "/proc") if name.isdigit())


@case(tree=True)
def status_tells_ids_and_capabilities(kernel: Kernel) -> None:
    before = status(kernel)
    expect("CapEff of root is CapPrm", before["CapEff"], before["CapPrm"])
    kernel.setgroups((Gid(7), Gid(5)))
    kernel.setresgid(100, 101, 102)
    kernel.setresuid(1000, 1001, 1002)
    after = status(kernel)
    expect("Uid", after["Uid"].split(), ["1000", "1001", "1002", "1001"])
    expect("Gid", after["Gid"].split(), ["100", "101", "102", "101"])
    expect("Groups", after["Groups"].split(), ["5", "7"])
    expect("CapEff", after["CapEff"], "0" * 16)
    expect("CapBnd", after["CapBnd"], before["CapBnd"])
    expect("NoNewPrivs", after["NoNewPrivs"], "0")


@case(tree=True)
def status_tells_signals(kernel: Kernel) -> None:
    kernel.rt_sigaction(Signal.HUP, Disposition.IGNORE)
    kernel.rt_sigaction(Signal.TERM, Disposition.IGNORE)
    kernel.rt_sigprocmask(0, frozenset((int(Signal.USR1),)))
    kernel.kill(kernel.getpid(), Signal.USR1)
    said = status(kernel)
    expect("SIGHUP and SIGTERM are ignored", int(said["SigIgn"], 16) & 0x4001, 0x4001)
    expect("SigBlk", int(said["SigBlk"], 16), 1 << Signal.USR1 - 1)
    expect("ShdPnd", int(said["ShdPnd"], 16), 1 << Signal.USR1 - 1)


@case(tree=True)
def status_follows_names_and_promises(kernel: Kernel) -> None:
    kernel.umask(0o77)
    kernel.prctl_set_name("a\\b\nc")
    kernel.prctl_set_no_new_privs(1)
    said = status(kernel)
    expect("Name", said["Name"], "a\\\\b\\nc")
    expect("Umask", said["Umask"], "0077")
    expect("NoNewPrivs", said["NoNewPrivs"], "1")
    expect("the name in stat", stat(kernel)[1], "(a\\b\nc)")


@case(tree=True)
def stat_has_52_fields(kernel: Kernel) -> None:
    fields = stat(kernel)
    expect("fields", len(fields), 52)
    expect("pid, state, parent", (fields[0], fields[2], fields[3]), (str(kernel.getpid()), "R", str(kernel.getppid())))
    expect("group, session", (fields[4], fields[5]), (str(kernel.getpgrp()), str(kernel.getsid(Pid(0)))))
    expect("threads", fields[19], "1")
    expect("exit signal", fields[37], str(int(Signal.CHLD)))


@case(tree=True)
def the_start_time_does_not_change(kernel: Kernel) -> None:
    pid = asleep(kernel)
    first = stat(kernel, pid)[21]
    kernel.clock_nanosleep(1, 0, 30_000_000)
    expect("field 22", stat(kernel, pid)[21], first)
    kernel.clock_nanosleep(1, 0, 30_000_000)
    later = asleep(kernel)
    expect("who comes later starts later", int(stat(kernel, later)[21]) > int(first), True)
    end(kernel, pid)
    end(kernel, later)


@case(tree=True)
def a_waiting_process_is_sleeping(kernel: Kernel) -> None:
    pid = asleep(kernel)
    while status(kernel, pid)["State"] != "S (sleeping)":
        kernel.clock_nanosleep(1, 0, 1_000_000)
    end(kernel, pid)


@case(tree=True)
def limits_are_shown_in_words(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.NOFILE, Limit(100, 200))
    kernel.setrlimit(Rlimit.CORE, Limit(0, 0))
    lines = contents(kernel, "/proc/self/limits").splitlines()
    expect("the head", lines[0].split(), ["Limit", "Soft", "Limit", "Hard", "Limit", "Units"])
    expect("lines", len(lines), 17)
    expect("open files", lines[8], f"{'Max open files':<26}{'100':<21}{'200':<21}{'files':<10}")
    expect("a limit without unit", lines[14].rstrip().startswith("Max nice priority"), True)


@case(tree=True)
def a_process_may_write_its_own_name_only(kernel: Kernel) -> None:
    expect("bytes taken", put(kernel, "/proc/self/comm", b"a rather long name"), 18)
    expect("the name", kernel.prctl_get_name(), "a rather long n")
    expect("comm", contents(kernel, "/proc/self/comm"), "a rather long n\n")
    pid = asleep(kernel)
    refused(EINVAL, put, kernel, f"/proc/{pid}/comm", b"x")
    end(kernel, pid)


@case(tree=True)
def the_arguments_and_the_environment_come_from_exec(kernel: Kernel) -> None:
    reader, writer = kernel.pipe()
    pid = kernel.clone(Signal.CHLD, exec_cat, writer, ("/proc/self/cmdline", "/proc/self/environ"))
    kernel.close(writer)
    said = read_all(kernel, reader)
    kernel.wait4(pid)
    expect("both", said, b"cat\0/proc/self/cmdline\0/proc/self/environ\0A=1\0B=2\0")


def exec_cat(kernel: Kernel, out: Fd, paths: tuple[str, ...]) -> int:
    kernel.dup2(out, Fd(1))
    kernel.execve("/bin/cat", ("cat", *paths), ("A=1", "B=2"))


@case(tree=True)
def the_control_group_of_version_2_is_the_last_line(kernel: Kernel) -> None:
    lines = contents(kernel, "/proc/self/cgroup").splitlines()
    expect("the last line", lines[-1].split(":")[:2], ["0", ""])
    expect("fields of each", {len(line.split(":", 2)) for line in lines}, {3})


# -- how its files behave --


@case(tree=True)
def a_file_of_proc_has_no_size_and_is_read_on(kernel: Kernel) -> None:
    expect("st_size", kernel.stat("/proc/self/status").size, 0)
    whole = contents(kernel, "/proc/self/limits").encode()
    fd = kernel.open("/proc/self/limits", OpenFlag.RDONLY)
    pieces = b""
    while piece := kernel.read(fd, 7):
        pieces += piece
    expect("read by pieces", pieces, whole)
    expect("the position", kernel.lseek(fd, 0, Seek.CUR), len(whole))
    kernel.lseek(fd, 0, Seek.SET)
    expect("read again", kernel.read(fd, 65536), whole)
    refused(EINVAL, kernel.lseek, fd, 0, Seek.END)
    refused(EINVAL, kernel.lseek, fd, -1, Seek.SET)


@case(tree=True)
def nothing_can_be_made_or_removed_in_proc(kernel: Kernel) -> None:
    for directory in ("/proc", "/proc/self", "/proc/self/fd", "/proc/sys", "/proc/sys/kernel"):
        refused(ENOENT, kernel.mkdir, f"{directory}/new", 0o755)
        refused(ENOENT, kernel.open, f"{directory}/new", OpenFlag.CREAT | OpenFlag.WRONLY, 0o644)
        refused(ENOENT, kernel.symlink, "x", f"{directory}/new")
    refused(EPERM, kernel.unlink, "/proc/self/status")
    refused(EPERM, kernel.chmod, "/proc/self/status", 0o777)


@case(tree=True)
def who_overrides_the_mode_still_cannot_write_what_is_only_read(kernel: Kernel) -> None:
    refused(EINVAL, put, kernel, "/proc/self/status", b"x")
    refused(EINVAL, put, kernel, "/proc/self/limits", b"x")


@case(tree=True)
def names_that_are_no_numbers_are_not_processes(kernel: Kernel) -> None:
    pid = kernel.getpid()
    for name in (f"0{pid}", f"+{pid}", f"{pid} ", "99999999999999", "-1"):
        refused(ENOENT, kernel.stat, f"/proc/{name}")
    refused(ENOENT, kernel.stat, f"/proc/self/task/{pid + 1000}")
    expect("its thread", names(kernel, "/proc/self/task"), {str(pid)})
    expect("the same name", contents(kernel, f"/proc/self/task/{pid}/comm"), contents(kernel, "/proc/self/comm"))


@case(tree=True)
def types_and_modes(kernel: Kernel) -> None:
    for path, mode in {
        "/proc": FileType.DIR | 0o555,
        "/proc/self": FileType.LNK | 0o777,
        f"/proc/{kernel.getpid()}": FileType.DIR | 0o555,
        "/proc/self/fd": FileType.DIR | 0o500,
        "/proc/self/ns": FileType.DIR | 0o511,
        "/proc/self/ns/mnt": FileType.LNK | 0o777,
        "/proc/self/exe": FileType.LNK | 0o777,
        "/proc/self/environ": FileType.REG | 0o400,
        "/proc/self/uid_map": FileType.REG | 0o644,
        "/proc/self/setgroups": FileType.REG | 0o644,
        "/proc/self/attr/exec": FileType.REG | 0o666,
        "/proc/self/mountinfo": FileType.REG | 0o444,
        "/proc/sys/kernel/hostname": FileType.REG | 0o644,
        "/proc/sys/kernel/osrelease": FileType.REG | 0o444,
        "/proc/mounts": FileType.LNK | 0o777,
    }.items():
        expect(path, oct(kernel.lstat(path).mode), oct(mode))


# -- what can be written --


@case(tree=True)
def oom_score_adj_can_be_raised_and_lowered_again(kernel: Kernel) -> None:
    expect("at first", contents(kernel, "/proc/self/oom_score_adj"), "0\n")
    put(kernel, "/proc/self/oom_score_adj", b"500\n")
    expect("raised", contents(kernel, "/proc/self/oom_score_adj"), "500\n")
    expect("inherited", in_child(kernel, contents, "/proc/self/oom_score_adj"), "500\n")
    put(kernel, "/proc/self/oom_score_adj", b" 0x10 ")
    expect("as a hexadecimal number", contents(kernel, "/proc/self/oom_score_adj"), "16\n")
    for text in (b"1001", b"-1001", b"x", b"", b"1 2", b"08"):
        if text:
            refused(EINVAL, put, kernel, "/proc/self/oom_score_adj", text)


@case(tree=True)
def oom_score_adj_of_a_user_does_not_go_below_its_minimum(kernel: Kernel) -> None:
    fd = kernel.open("/proc/self/oom_score_adj", OpenFlag.WRONLY)
    kernel.setresuid(1000, 1000, 1000)
    refused(EACCES, kernel.write, fd, b"-1")
    kernel.write(fd, b"1")


@case(tree=True, needs=Cap.SYS_RESOURCE)
def oom_score_adj_has_the_minimum_that_the_capability_has_set(kernel: Kernel) -> None:
    put(kernel, "/proc/self/oom_score_adj", b"-5")
    fd = kernel.open("/proc/self/oom_score_adj", OpenFlag.WRONLY)
    kernel.setresuid(1000, 1000, 1000)
    kernel.write(fd, b"7")
    refused(EACCES, kernel.write, fd, b"-6")
    kernel.write(fd, b"-5")


# -- others --


@case(tree=True)
def the_mounts_in_proc_are_those_of_who_reads(kernel: Kernel) -> None:
    expect("the link", kernel.readlink("/proc/mounts"), "self/mounts")
    expect("what it leads to", contents(kernel, "/proc/mounts"), contents(kernel, "/proc/self/mounts"))
    expect("where a child has unmounted", in_child(kernel, without_terminals, flags=CloneFlag.NEWNS), False)
    expect("the parent's", " /dev/pts " in contents(kernel, "/proc/mounts"), True)


def without_terminals(kernel: Kernel) -> bool:
    kernel.umount2("/dev/pts", 0)
    return " /dev/pts " in contents(kernel, "/proc/mounts")


@case(tree=True)
def one_sysfs_for_a_network_namespace(kernel: Kernel) -> None:
    kernel.mkdir("/a", 0o755)
    kernel.mkdir("/b", 0o755)
    kernel.mount("sysfs", "/a", "sysfs", 0, "")
    kernel.mount("sysfs", "/b", "sysfs", 0, "")
    expect("the same instance", kernel.stat("/a").dev, kernel.stat("/b").dev)
    expect("its interfaces", names(kernel, "/a/class/net") & {"lo", "eth0"}, {"lo"})
    expect("one of them", kernel.readlink("/a/class/net/lo"), "../../devices/virtual/net/lo")
    refused(ENOENT, kernel.readlink, "/a/class/net/eth0")
    refused(EPERM, kernel.mkdir, "/a/new", 0o755)
    refused(EACCES, kernel.open, "/a/new", OpenFlag.CREAT | OpenFlag.WRONLY, 0o644)
    refused(EINVAL, kernel.mount, "sysfs", "/b", "sysfs", 0, "nonsense")


@case(tree=True)
def a_proc_for_each_mount_and_an_mqueue_for_each_ipc_namespace(kernel: Kernel) -> None:
    kernel.mkdir("/a", 0o755)
    kernel.mkdir("/b", 0o755)
    kernel.mount("proc", "/a", "proc", 0, "")
    kernel.mount("proc", "/b", "proc", 0, "")
    expect("each proc is its own", kernel.stat("/a").dev == kernel.stat("/b").dev, False)
    kernel.mount("mqueue", "/a", "mqueue", 0, "")
    kernel.mount("mqueue", "/b", "mqueue", 0, "")
    expect("one mqueue", kernel.stat("/a").dev, kernel.stat("/b").dev)
    expect("its mode", oct(kernel.stat("/a").mode), oct(FileType.DIR | 0o1777))
    expect("what is in it", names(kernel, "/a"), set())


@case(tree=True)
def a_file_of_proc_can_be_covered(kernel: Kernel) -> None:
    fd = kernel.openat(AT_FDCWD, "/cover", OpenFlag.CREAT | OpenFlag.WRONLY, 0o644)
    kernel.write(fd, b"covered")
    kernel.close(fd)
    kernel.mount("/cover", "/proc/sys/kernel/ostype", "", MountFlag.BIND, "")
    expect("what is seen", contents(kernel, "/proc/sys/kernel/ostype"), "covered")
    kernel.mount("/proc/sys", "/proc/sys", "", MountFlag.BIND, "")
    expect("not through another mount of it", contents(kernel, "/proc/sys/kernel/ostype"), "Linux\n")
    kernel.mount("", "/proc/sys", "", MountFlag.BIND | MountFlag.REMOUNT | MountFlag.RDONLY, "")
    refused(EROFS, kernel.open, "/proc/sys/kernel/hostname", OpenFlag.WRONLY)


@case(tree=True)
def a_directory_of_proc_has_an_offset_and_no_size(kernel: Kernel) -> None:
    for path in ("/proc", "/proc/self", "/proc/self/ns", "/proc/self/fd", "/proc/self/task"):
        fd = kernel.open(path, OpenFlag.RDONLY)
        refused(EISDIR, kernel.read, fd, 1)
        expect(f"set, of {path}", kernel.lseek(fd, 3, Seek.SET), 3)
        expect(f"moved, of {path}", kernel.lseek(fd, 2, Seek.CUR), 5)
        refused(EINVAL, kernel.lseek, fd, -6, Seek.CUR)
        expect(f"from the end, of {path}", kernel.lseek(fd, 1, Seek.END), 1)
        expect(f"rewound, of {path}", kernel.lseek(fd, 0, Seek.SET), 0)
        expect(f"listed after that, of {path}", [entry.name for entry in kernel.getdents64(fd, 48)], [".", ".."])


@case(tree=True)
def an_open_file_of_proc_shows_the_owner_that_it_had_when_a_path_led_to_it(kernel: Kernel) -> None:
    own = f"/proc/{kernel.getpid()}"
    names = ("", "/task", "/fd", "/ns", "/attr", "/uid_map", "/comm", "/timens_offsets")
    fds = {name: kernel.open(own + name, OpenFlag.RDONLY) for name in names}
    kernel.setresuid(-1, 1000, -1)
    kernel.prctl_set_dumpable(1)
    anew = {name for name, fd in fds.items() if kernel.fstat(fd).uid}
    expect("those that look at the process each time", anew, {"", "/ns", "/attr"})
    kernel.access(own + "/comm", 0)
    kernel.open(own + "/uid_map", OpenFlag.PATH)
    led = {name for name, fd in fds.items() if kernel.fstat(fd).uid} - anew
    expect("those to which a path has led", led, {"/comm", "/uid_map"})


@case(tree=True)
def a_zombie_has_no_offsets_of_time(kernel: Kernel) -> None:
    pid = zombie(kernel)
    fd = kernel.open(f"/proc/{pid}/timens_offsets", OpenFlag.RDWR)
    expect("what is there", read_all(kernel, fd), b"")
    refused(EINVAL, kernel.write, fd, b"nonsense")
    refused(ESRCH, kernel.write, fd, b"boottime 5 5")
