"""Laws of proc: what it says of processes and to whom, and what can be written there."""

from errno import EACCES, EINVAL, ENOENT, EPERM, EROFS, ESRCH

from kernelapi.capability import EMPTY
from kernelapi.flags import AT_FDCWD, CloneFlag, Disposition, FileType, MountFlag, OpenFlag, Rlimit, Seek, Signal
from kernelapi.ids import Fd, Gid, Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, read_all, refused
from kernelapi.values import CapData, Limit


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


# -- zombies and the dead --


@case(tree=True)
def what_remains_of_a_zombie(kernel: Kernel) -> None:
    pid = zombie(kernel)
    at = f"/proc/{pid}"
    said = status(kernel, pid)
    expect("State", said["State"], "Z (zombie)")
    expect("its umask", "Umask" in said, False)
    expect("FDSize", said["FDSize"], "0")
    expect("its status in stat", stat(kernel, pid)[51], str(3 << 8))
    expect("cmdline", contents(kernel, f"{at}/cmdline"), "")
    expect("fd", names(kernel, f"{at}/fd"), set())
    for link in ("exe", "cwd", "root", "ns/mnt", "ns/net", "ns/pid_for_children"):
        refused(ENOENT, kernel.readlink, f"{at}/{link}")
        refused(ENOENT, kernel.open, f"{at}/{link}", OpenFlag.RDONLY)
    expect("its user namespace", kernel.readlink(f"{at}/ns/user"), kernel.readlink("/proc/self/ns/user"))
    expect("its pid namespace", kernel.readlink(f"{at}/ns/pid"), kernel.readlink("/proc/self/ns/pid"))
    refused(EINVAL, kernel.open, f"{at}/mountinfo", OpenFlag.RDONLY)
    refused(EINVAL, kernel.open, f"{at}/mounts", OpenFlag.RDONLY)
    expect("its map", contents(kernel, f"{at}/uid_map"), contents(kernel, "/proc/self/uid_map"))
    kernel.wait4(pid)
    refused(ENOENT, kernel.stat, at)


@case(tree=True)
def a_zombie_has_no_environment(kernel: Kernel) -> None:
    pid = zombie(kernel)
    refused(ESRCH, kernel.open, f"/proc/{pid}/environ", OpenFlag.RDONLY)
    kernel.wait4(pid)


@case(tree=True)
def what_was_opened_of_a_process_that_is_gone(kernel: Kernel) -> None:
    pid = asleep(kernel)
    at = f"/proc/{pid}"
    directory = kernel.open(at, OpenFlag.RDONLY | OpenFlag.DIRECTORY)
    opened = {name: kernel.open(f"{at}/{name}", OpenFlag.RDONLY) for name in ("status", "limits", "uid_map", "fd", "ns")}
    expect("read while it lives", kernel.read(opened["status"], 5), b"Name:")
    end(kernel, pid)
    refused(ENOENT, kernel.stat, at)
    refused(ENOENT, kernel.getdents64, directory)
    refused(ESRCH, kernel.newfstatat, directory, "status")
    refused(ESRCH, kernel.read, opened["limits"], 100)
    refused(ENOENT, kernel.newfstatat, opened["ns"], "mnt")
    refused(ENOENT, kernel.getdents64, opened["fd"])
    expect("the map of its user namespace", len(kernel.read(opened["uid_map"], 100)) > 0, True)
    expect("fstat", kernel.fstat(directory).type, FileType.DIR)


# -- whose it is, and who may look --


def owner(kernel: Kernel, path: str) -> tuple[int, int]:
    found = kernel.lstat(path)
    return found.uid, found.gid


@case(tree=True)
def the_files_of_a_process_belong_to_its_effective_ids(kernel: Kernel) -> None:
    kernel.setresgid(0, 101, 0)
    kernel.setresuid(0, 1001, 0)
    kernel.prctl_set_dumpable(1)
    pid = kernel.getpid()
    for name in ("", "/status", "/ns", "/exe", "/task", "/fd"):
        expect(name, owner(kernel, f"/proc/{pid}{name}"), (1001, 101))


@case(tree=True)
def the_files_of_one_that_is_not_dumpable_belong_to_root(kernel: Kernel) -> None:
    kernel.setresuid(0, 1001, 0)  # which takes dumpable
    pid = kernel.getpid()
    for name in ("", "/task", "/attr"):
        expect(name, owner(kernel, f"/proc/{pid}{name}")[0], 1001)
    for name in ("/status", "/ns", "/exe", "/fd", "/uid_map", "/environ"):
        expect(name, owner(kernel, f"/proc/{pid}{name}")[0], 0)


def look_as_user(kernel: Kernel, pid: int) -> list[int]:
    """What user 1000 gets who looks at a process: errnos."""
    kernel.setresgid(1000, 1000, 1000)
    kernel.setresuid(1000, 1000, 1000)
    kernel.prctl_set_dumpable(1)
    at = f"/proc/{pid}"
    found = [errno_of(names, kernel, f"{at}/fd"), errno_of(names, kernel, f"{at}/fdinfo")]
    found += [errno_of(contents, kernel, f"{at}/environ")]
    for name in ("exe", "cwd", "root", "ns/mnt", "ns/user"):
        found += [errno_of(kernel.readlink, f"{at}/{name}"), errno_of(kernel.open, f"{at}/{name}", OpenFlag.RDONLY)]
    return found


@case(tree=True)
def a_user_may_not_look_into_a_process_of_root(kernel: Kernel) -> None:
    pid = asleep(kernel)
    expect("errnos", set(in_child(kernel, look_as_user, pid)), {EACCES})
    end(kernel, pid)


def sleep_as_user(kernel: Kernel, dumpable: int, ready: Fd) -> None:
    kernel.setresgid(1000, 1000, 1000)
    kernel.setresuid(1000, 1000, 1000)
    kernel.prctl_set_dumpable(dumpable)
    kernel.close(ready)
    sleeper(kernel)


def user_asleep(kernel: Kernel, dumpable: int) -> Pid:
    reader, writer = kernel.pipe()
    pid = kernel.clone(Signal.CHLD, sleep_as_user, dumpable, writer)
    kernel.close(writer)
    kernel.read(reader, 1)
    kernel.close(reader)
    return pid


@case(tree=True)
def a_user_may_look_into_its_own_dumpable_process(kernel: Kernel) -> None:
    pid = user_asleep(kernel, 1)
    expect("errnos", set(in_child(kernel, look_as_user, pid)), {0})
    end(kernel, pid)


@case(tree=True)
def a_user_may_not_look_into_its_own_process_that_is_not_dumpable(kernel: Kernel) -> None:
    pid = user_asleep(kernel, 0)
    expect("errnos", set(in_child(kernel, look_as_user, pid)), {EACCES})
    expect("root may", in_child(kernel, read_links, pid), 5)
    end(kernel, pid)


def read_links(kernel: Kernel, pid: int) -> int:
    return len([kernel.readlink(f"/proc/{pid}/{name}") for name in ("exe", "cwd", "root", "ns/mnt", "ns/user")])


def look_with_fewer_capabilities(kernel: Kernel, pid: int) -> None:
    kernel.capset(Pid(0), CapData(EMPTY, EMPTY, EMPTY))
    refused(EACCES, kernel.readlink, f"/proc/{pid}/exe")
    expect("its own", len(kernel.readlink("/proc/self/ns/mnt")) > 0, True)


@case(tree=True)
def who_has_fewer_capabilities_may_not_look(kernel: Kernel) -> None:
    pid = asleep(kernel)
    in_child(kernel, look_with_fewer_capabilities, pid)
    end(kernel, pid)


@case(tree=True)
def a_process_may_list_its_own_descriptors_when_it_is_not_dumpable(kernel: Kernel) -> None:
    kernel.setresuid(1000, 1000, 1000)
    expect("the owner of fd", owner(kernel, "/proc/self/fd")[0], 0)
    expect("listed", len(names(kernel, "/proc/self/fd")) > 0, True)
    refused(EACCES, kernel.open, "/proc/self/uid_map", OpenFlag.WRONLY)


# -- hiding --


@case(tree=True)
def hidepid_1_refuses_and_hidepid_2_hides(kernel: Kernel) -> None:
    pid = asleep(kernel)
    for value, errno, listed in (("1", EPERM, True), ("2", ENOENT, False), ("invisible", ENOENT, False)):
        kernel.mount("proc", "/proc", "proc", 0, f"hidepid={value}")
        in_child(kernel, look_at_hidden, pid, errno, listed)
        expect("root sees it", str(pid) in names(kernel, "/proc"), True)
        kernel.umount2("/proc", 0)
    kernel.mount("proc", "/proc", "proc", 0, "hidepid=2,gid=100")
    in_child(kernel, look_as_member, pid)
    end(kernel, pid)


def look_at_hidden(kernel: Kernel, pid: int, errno: int, listed: bool) -> None:
    kernel.setresgid(1000, 1000, 1000)  # group 0 would see all: it is what gid= says unless told
    kernel.setresuid(1000, 1000, 1000)
    refused(errno, kernel.open, f"/proc/{pid}/status", OpenFlag.RDONLY)
    expect("listed", str(pid) in names(kernel, "/proc"), listed)
    expect("itself", str(kernel.getpid()) in names(kernel, "/proc"), True)


def look_as_member(kernel: Kernel, pid: int) -> None:
    kernel.setgroups((Gid(100),))
    kernel.setresgid(1000, 1000, 1000)
    kernel.setresuid(1000, 1000, 1000)
    expect("a member of the group reads it", status(kernel, pid)["Pid"], str(pid))


@case(tree=True)
def proc_refuses_options_that_it_does_not_know(kernel: Kernel) -> None:
    for options in ("hidepid=3", "hidepid", "gid=x", "nonsense", "mode=755"):
        refused(EINVAL, kernel.mount, "proc", "/proc", "proc", 0, options)
    kernel.mount("proc", "/proc", "proc", MountFlag.NOSUID, "hidepid=0,gid=5")


# -- what can be written --


@case(tree=True)
def without_a_security_module_there_are_no_attributes(kernel: Kernel) -> None:
    for name in ("current", "exec"):
        refused(EINVAL, contents, kernel, f"/proc/self/attr/{name}")
        refused(EINVAL, put, kernel, f"/proc/self/attr/{name}", b"label")
    pid = asleep(kernel)
    refused(EPERM, put, kernel, f"/proc/{pid}/attr/exec", b"label")
    end(kernel, pid)


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


# -- /proc/sys --


@case(tree=True)
def parameters_tell_of_the_kernel(kernel: Kernel) -> None:
    names_of = kernel.uname()
    for path, text in {
        "kernel/ostype": names_of.sysname,
        "kernel/osrelease": names_of.release,
        "kernel/version": names_of.version,
        "kernel/hostname": names_of.nodename,
        "kernel/domainname": names_of.domainname,
        "kernel/overflowuid": "65534",
        "kernel/ngroups_max": "65536",
        "kernel/cap_last_cap": "40",
    }.items():
        expect(path, contents(kernel, f"/proc/sys/{path}"), text + "\n")


@case(tree=True)
def the_host_name_can_be_written(kernel: Kernel) -> None:
    path = "/proc/sys/kernel/hostname"
    expect("bytes taken", put(kernel, path, b"one\ntwo\n"), 8)
    expect("uname", kernel.uname().nodename, "one")
    expect("bytes taken of a long one", put(kernel, path, b"x" * 100), 100)
    expect("it is cut", kernel.uname().nodename, "x" * 64)
    fd = kernel.open(path, OpenFlag.WRONLY)
    kernel.write(fd, b"three")
    kernel.write(fd, b"four")
    expect("a second write goes on where the first ended", kernel.uname().nodename, "threefour")
    kernel.write(fd, b"\n")
    expect("bytes taken behind the end", kernel.write(fd, b"five"), 4)
    expect("but nothing is written there", kernel.uname().nodename, "threefour")


def set_name_in_new_namespace(kernel: Kernel) -> str:
    put(kernel, "/proc/sys/kernel/hostname", b"inner")
    return contents(kernel, "/proc/sys/kernel/hostname")


@case(tree=True)
def the_host_name_is_that_of_the_callers_namespace(kernel: Kernel) -> None:
    before = kernel.uname().nodename
    expect("inside", in_child(kernel, set_name_in_new_namespace, flags=CloneFlag.NEWUTS), "inner\n")
    expect("outside", kernel.uname().nodename, before)


@case(tree=True)
def no_capability_overrides_the_mode_of_a_parameter(kernel: Kernel) -> None:
    refused(EACCES, kernel.open, "/proc/sys/kernel/osrelease", OpenFlag.WRONLY)
    refused(EACCES, kernel.rmdir, "/proc/sys/kernel")
    kernel.prctl_set_keepcaps(1)
    kernel.setresuid(1000, 1000, 1000)
    kernel.capset(Pid(0), full(kernel))
    refused(EACCES, kernel.open, "/proc/sys/kernel/hostname", OpenFlag.WRONLY)
    fd = kernel.open("/proc/sys/net/ipv4/ip_forward", OpenFlag.WRONLY)  # CAP_NET_ADMIN rules over these
    expect("bytes taken", kernel.write(fd, b"1"), 1)


def full(kernel: Kernel) -> CapData:
    held = kernel.capget(Pid(0))
    return CapData(held.permitted, held.permitted, held.inheritable)


@case(tree=True)
def parameters_that_are_numbers(kernel: Kernel) -> None:
    path = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
    expect("at first", contents(kernel, path), "1024\n")
    expect("bytes taken", put(kernel, path, b" 80\n"), 4)
    expect("set", contents(kernel, path), "80\n")
    expect("bytes taken of two numbers", put(kernel, path, b"81 82"), 3)
    expect("the first counts", contents(kernel, path), "81\n")
    put(kernel, path, b"0x10")
    expect("hexadecimal", contents(kernel, path), "16\n")
    for text in (b"x", b"70000", b"-1"):
        refused(EINVAL, put, kernel, path, text)
    expect("in another namespace", in_child(kernel, contents, path, flags=CloneFlag.NEWNET), "1024\n")


# -- others --


@case(tree=True)
def one_sysfs_for_a_network_namespace(kernel: Kernel) -> None:
    kernel.mkdir("/a", 0o755)
    kernel.mkdir("/b", 0o755)
    kernel.mount("sysfs", "/a", "sysfs", 0, "")
    kernel.mount("sysfs", "/b", "sysfs", 0, "")
    expect("the same instance", kernel.stat("/a").dev, kernel.stat("/b").dev)
    expect("its interfaces", names(kernel, "/a/class/net") & {"lo", "eth0"}, {"lo"})
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
