"""Laws of who may look at a process through proc, and of what is left of those that have ended."""

from errno import EACCES, EINVAL, ENOENT, EPERM, ESRCH

from kernelapi.capability import EMPTY
from kernelapi.flags import CloneFlag, FileType, MountFlag, OpenFlag, Signal
from kernelapi.ids import Fd, Gid, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, refused
from kernelapi.testing.cases.proc import asleep, contents, end, names, sleeper, stat, status, zombie
from kernelapi.values import CapData

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
def a_zombie_is_looked_into_if_its_memory_was_dumpable(kernel: Kernel) -> None:
    kernel.setuid(Uid(1000))
    for dumpable, link, enter in ((0, EACCES, EPERM), (1, 0, ESRCH)):
        kernel.prctl_set_dumpable(dumpable)
        pid = zombie(kernel)
        pidfd = kernel.pidfd_open(pid, 0)
        expect("its user namespace", errno_of(kernel.readlink, f"/proc/{pid}/ns/user"), link)
        expect("entering", errno_of(kernel.setns, pidfd, CloneFlag.NEWUTS), enter)
        kernel.close(pidfd)
        kernel.wait4(pid)


@case(tree=True)
def who_has_a_link_of_proc_open_sees_its_owner_change_once_somebody_has_looked_it_up(kernel: Kernel) -> None:
    opened = kernel.open(f"/proc/{kernel.getpid()}/root", OpenFlag.PATH | OpenFlag.NOFOLLOW)
    kernel.setresuid(1000, 1000, 1000)
    kernel.prctl_set_dumpable(1)
    expect("before", kernel.fstat(opened).uid, 0)
    kernel.lstat("/proc/self/root")
    expect("after", kernel.fstat(opened).uid, 1000)


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


@case(tree=True)
def links_of_a_process_that_is_gone_lead_nowhere(kernel: Kernel) -> None:
    pid = asleep(kernel)
    at, flags = f"/proc/{pid}", OpenFlag.PATH | OpenFlag.NOFOLLOW
    opened = {name: kernel.open(f"{at}/{name}", flags) for name in ("exe", "cwd", "root", "fd/0", "ns/uts", "ns/user")}
    expect("read while it lives", kernel.readlinkat(opened["cwd"], ""), "/")
    end(kernel, pid)
    for name, fd in opened.items():
        refused(EACCES if name[:2] == "ns" else ENOENT, kernel.readlinkat, fd, "")


@case(tree=True)
def a_process_is_its_only_thread(kernel: Kernel) -> None:
    pid = asleep(kernel)
    at = f"/proc/{pid}/task"
    expect("listed", names(kernel, at), {str(pid)})
    for _ in range(2):
        expect("its name", contents(kernel, f"{at}/{pid}/comm"), contents(kernel, f"/proc/{pid}/comm"))
    for other in ("1", "x", f"0{pid}"):
        refused(ENOENT, kernel.stat, f"{at}/{other}")
    opened = kernel.open(at, OpenFlag.RDONLY | OpenFlag.DIRECTORY)
    end(kernel, pid)
    refused(ENOENT, kernel.getdents64, opened)


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


@case(tree=True)
def a_remount_of_proc_hides_anew_and_without_options_changes_nothing(kernel: Kernel) -> None:
    pid = asleep(kernel)
    for options, errno in (("hidepid=1", EPERM), ("", EPERM), ("hidepid=2", ENOENT)):
        kernel.mount("", "/proc", "", MountFlag.REMOUNT, options)
        in_child(kernel, look_at_hidden, pid, errno, errno == EPERM)
    refused(EINVAL, kernel.mount, "", "/proc", "", MountFlag.REMOUNT, "hidepid=9")
    end(kernel, pid)
