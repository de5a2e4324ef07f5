"""Laws of the magic links of proc: they lead to the very thing, whatever their text says."""

from errno import EACCES, EINVAL, ELOOP, ENOENT, ENXIO

from kernelapi.flags import AddressFamily, AtFlag, CloneFlag, FileType, MountFlag, OpenFlag, Signal, SocketType, UmountFlag
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, read_all, refused
from kernelapi.testing.cases.proc import asleep, contents, end, ended, names, put


def make_file(kernel: Kernel, path: str, content: bytes, mode: int = 0o644) -> Fd:
    fd = kernel.open(path, OpenFlag.CREAT | OpenFlag.RDWR, mode)
    kernel.write(fd, content)
    return fd


# -- descriptors --


@case(tree=True)
def fd_lists_the_open_descriptors_and_the_listing_one(kernel: Kernel) -> None:
    before = names(kernel, "/proc/self/fd")
    fd = kernel.open("/etc/passwd", OpenFlag.RDONLY)
    after = names(kernel, "/proc/self/fd")
    expect("the new one, and the next number for the listing", len(after - before), 1)
    expect("listed", str(fd) in after, True)
    kernel.close(fd)
    expect("closed", names(kernel, "/proc/self/fd"), before)
    refused(ENOENT, kernel.readlink, "/proc/self/fd/77")
    refused(ENOENT, kernel.readlink, "/proc/self/fd/00")


@case(tree=True, since="6.2")
def the_size_of_fd_is_how_many_descriptors_there_are(kernel: Kernel) -> None:
    expect("of oneself", kernel.stat("/proc/self/fd").size, len(names(kernel, "/proc/self/fd")) - 1)
    pid = kernel.clone(Signal.CHLD, ended)
    fd = kernel.open(f"/proc/{pid}/fd", OpenFlag.PATH)
    kernel.wait4(pid)
    refused(ENOENT, kernel.fstat, fd)
    refused(ENOENT, kernel.newfstatat, fd, "", AtFlag.EMPTY_PATH)


@case(tree=True)
def the_mode_of_a_descriptors_link_says_how_it_was_opened(kernel: Kernel) -> None:
    kernel.close(make_file(kernel, "/f", b""))
    for flags, mode in ((OpenFlag.RDONLY, 0o500), (OpenFlag.WRONLY, 0o300), (OpenFlag.RDWR, 0o700), (OpenFlag.PATH, 0)):
        fd = kernel.open("/f", flags)
        expect(f"opened with {flags!r}", oct(kernel.lstat(f"/proc/self/fd/{fd}").mode), oct(FileType.LNK | mode))


@case(tree=True)
def a_descriptors_link_shows_the_path(kernel: Kernel) -> None:
    fd = make_file(kernel, "/tmp/f", b"")
    at = f"/proc/self/fd/{fd}"
    expect("its path", kernel.readlink(at), "/tmp/f")
    kernel.rename("/tmp/f", "/tmp/g")
    expect("renamed", kernel.readlink(at), "/tmp/g")
    kernel.unlink("/tmp/g")
    expect("removed", kernel.readlink(at), "/tmp/g (deleted)")
    expect("stat follows it all the same", kernel.stat(at).ino, kernel.fstat(fd).ino)
    refused(ENOENT, kernel.stat, kernel.readlink(at))


@case(tree=True)
def opening_a_descriptors_link_opens_the_file_anew(kernel: Kernel) -> None:
    fd = make_file(kernel, "/f", b"content")
    kernel.unlink("/f")
    again = kernel.open(f"/proc/self/fd/{fd}", OpenFlag.RDONLY)
    expect("from the start", kernel.read(again, 100), b"content")
    kernel.close(fd)
    expect("a description of its own", kernel.fstat(again).nlink, 0)


@case(tree=True)
def opening_a_descriptors_link_checks_the_file_again(kernel: Kernel) -> None:
    kernel.close(make_file(kernel, "/f", b"content", 0o600))
    kernel.chmod("/f", 0o644)
    fd = kernel.open("/f", OpenFlag.RDWR)
    kernel.setresuid(1000, 1000, 1000)
    kernel.prctl_set_dumpable(1)
    refused(EACCES, kernel.open, f"/proc/self/fd/{fd}", OpenFlag.RDWR)
    kernel.close(kernel.open(f"/proc/self/fd/{fd}", OpenFlag.RDONLY))


@case(tree=True)
def a_path_descriptor_can_be_opened_for_real(kernel: Kernel) -> None:
    kernel.close(make_file(kernel, "/f", b"content"))
    fd = kernel.open("/f", OpenFlag.PATH)
    again = kernel.open(f"/proc/self/fd/{fd}", OpenFlag.RDONLY)
    expect("read", kernel.read(again, 100), b"content")


@case(tree=True)
def a_pipe_has_a_name_in_brackets_and_can_be_opened_anew(kernel: Kernel) -> None:
    reader, writer = kernel.pipe()
    ino = kernel.fstat(reader).ino
    expect("both ends", {kernel.readlink(f"/proc/self/fd/{fd}") for fd in (reader, writer)}, {f"pipe:[{ino}]"})
    other = kernel.open(f"/proc/self/fd/{reader}", OpenFlag.WRONLY)
    kernel.write(other, b"x")
    expect("through the other end", kernel.read(reader, 10), b"x")


@case(tree=True)
def a_socket_has_a_name_and_cannot_be_opened_anew(kernel: Kernel) -> None:
    fd, _ = kernel.socketpair(AddressFamily.UNIX, SocketType.STREAM)
    expect("its name", kernel.readlink(f"/proc/self/fd/{fd}"), f"socket:[{kernel.fstat(fd).ino}]")
    refused(ENXIO, kernel.open, f"/proc/self/fd/{fd}", OpenFlag.RDWR)


@case(tree=True)
def a_link_that_is_not_followed_is_refused(kernel: Kernel) -> None:
    fd = kernel.open("/etc/passwd", OpenFlag.RDONLY)
    refused(ELOOP, kernel.open, f"/proc/self/fd/{fd}", OpenFlag.RDONLY | OpenFlag.NOFOLLOW)
    link = kernel.open(f"/proc/self/fd/{fd}", OpenFlag.PATH | OpenFlag.NOFOLLOW)
    expect("a descriptor of the link itself", kernel.fstat(link).type, FileType.LNK)
    expect("read through it", kernel.readlinkat(link, ""), "/etc/passwd")


@case(tree=True)
def fdinfo_tells_position_and_flags(kernel: Kernel) -> None:
    fd = kernel.open("/etc/passwd", OpenFlag.RDONLY | OpenFlag.CLOEXEC)
    kernel.read(fd, 5)
    said = dict(line.split(":\t") for line in contents(kernel, f"/proc/self/fdinfo/{fd}").splitlines()[:3])
    expect("pos", said["pos"].strip(), "5")
    expect("close-on-exec", bool(int(said["flags"], 8) & OpenFlag.CLOEXEC), True)
    mounts = [line.split() for line in contents(kernel, "/proc/self/mountinfo").splitlines()]
    expect("mnt_id", said["mnt_id"].strip(), next(fields[0] for fields in mounts if fields[4] == "/"))


@case(tree=True)
def what_was_opened_of_a_descriptor_that_is_closed_tells_nothing(kernel: Kernel) -> None:
    fd, _ = kernel.pipe()
    info = kernel.open(f"/proc/self/fdinfo/{fd}", OpenFlag.RDONLY)
    link = kernel.open(f"/proc/self/fd/{fd}", OpenFlag.PATH | OpenFlag.NOFOLLOW)
    expect("while it is open", kernel.readlinkat(link, ""), f"pipe:[{kernel.fstat(fd).ino}]")
    kernel.close(fd)
    refused(ENOENT, kernel.read, info, 100)
    refused(ENOENT, kernel.readlinkat, link, "")


@case(tree=True)
def fdinfo_has_no_size_and_tells_of_a_pipe_how_it_was_opened(kernel: Kernel) -> None:
    expect("the size of the directory", kernel.stat("/proc/self/fdinfo").size, 0)
    for fd, flags in zip(kernel.pipe2(OpenFlag.NONBLOCK), ("04000", "04001"), strict=True):
        said = dict(line.split(":\t") for line in contents(kernel, f"/proc/self/fdinfo/{fd}").splitlines()[:2])
        expect("its flags", said, {"pos": "0", "flags": flags})


# -- root, cwd, exe --


@case(tree=True)
def root_and_cwd_lead_out_of_a_chroot(kernel: Kernel) -> None:
    kernel.mkdir("/jail", 0o755)
    kernel.mount("/proc", "/jail", "", MountFlag.BIND, "")
    kernel.chdir("/tmp")
    kernel.chroot("/jail")
    expect("the root", kernel.readlink("/self/root"), "/")
    expect("the working directory is outside", kernel.readlink("/self/cwd"), "/tmp")
    expect("of another process", kernel.stat("/1/root/etc/passwd").type, FileType.REG)
    kernel.chroot("/1/root")
    expect("out again", kernel.stat("/etc/passwd").type, FileType.REG)


@case(tree=True)
def cwd_shows_what_was_removed_and_what_cannot_be_reached(kernel: Kernel) -> None:
    kernel.mkdir("/d", 0o755)
    kernel.chdir("/d")
    kernel.rmdir("/d")
    expect("removed", kernel.readlink("/proc/self/cwd"), "/d (deleted)")
    kernel.mkdir("/m", 0o755)
    kernel.mount("none", "/m", "tmpfs", 0, "")
    kernel.mkdir("/m/sub", 0o755)
    kernel.chdir("/m/sub")
    kernel.umount2("/m", UmountFlag.DETACH)
    expect("detached", kernel.readlink("/proc/self/cwd"), "/sub")


@case(tree=True)
def exe_is_the_program_of_the_last_exec(kernel: Kernel) -> None:
    kernel.symlink("/bin/busybox", "/link")
    reader, writer = kernel.pipe()
    pid = kernel.clone(Signal.CHLD, exec_readlink, writer)
    kernel.close(writer)
    expect("what it says", read_all(kernel, reader), b"/bin/busybox\n")
    kernel.wait4(pid)


def exec_readlink(kernel: Kernel, out: Fd) -> int:
    kernel.dup2(out, Fd(1))
    kernel.execve("/link", ("busybox", "readlink", "/proc/self/exe"), ())


@case(tree=True)
def a_removed_program_can_be_run_once_more_through_exe(kernel: Kernel) -> None:
    kernel.link("/bin/busybox", "/bin/again")
    reader, writer = kernel.pipe()
    pid = kernel.clone(Signal.CHLD, exec_and_remove, writer)
    kernel.close(writer)
    expect("what it says", read_all(kernel, reader), b"ran\n")
    kernel.wait4(pid)


def exec_and_remove(kernel: Kernel, out: Fd) -> int:
    kernel.dup2(out, Fd(1))
    fd = kernel.open("/bin/again", OpenFlag.PATH)
    kernel.unlink("/bin/again")
    kernel.execve(f"/proc/self/fd/{fd}", ("busybox", "echo", "ran"), ())


# -- namespaces --

KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


@case(tree=True)
def ns_lists_every_kind_of_namespace(kernel: Kernel) -> None:
    expect("names", names(kernel, "/proc/self/ns"), {*KINDS, "pid_for_children", "time_for_children"})
    for kind in KINDS:
        text = kernel.readlink(f"/proc/self/ns/{kind}")
        ino = kernel.stat(f"/proc/self/ns/{kind}").ino
        expect(kind, text, f"{kind}:[{ino}]")
    expect("of children", kernel.readlink("/proc/self/ns/pid_for_children"), kernel.readlink("/proc/self/ns/pid"))
    expect("of children", kernel.readlink("/proc/self/ns/time_for_children"), kernel.readlink("/proc/self/ns/time"))


@case(tree=True)
def a_namespace_is_a_regular_file_that_cannot_be_read(kernel: Kernel) -> None:
    fd = kernel.open("/proc/self/ns/uts", OpenFlag.RDONLY)
    expect("its mode", oct(kernel.fstat(fd).mode), oct(FileType.REG | 0o444))
    refused(EINVAL, kernel.read, fd, 10)
    expect("its name", kernel.readlink(f"/proc/self/fd/{fd}"), kernel.readlink("/proc/self/ns/uts"))
    again = kernel.open(f"/proc/self/fd/{fd}", OpenFlag.RDONLY)
    expect("the same file", kernel.fstat(again), kernel.fstat(fd))


@case(tree=True)
def a_new_namespace_has_another_number(kernel: Kernel) -> None:
    before = {kind: kernel.readlink(f"/proc/self/ns/{kind}") for kind in KINDS}
    kernel.unshare(CloneFlag.NEWUTS | CloneFlag.NEWIPC)
    changed = {kind for kind in KINDS if kernel.readlink(f"/proc/self/ns/{kind}") != before[kind]}
    expect("changed", changed, {"uts", "ipc"})
    pid = asleep(kernel)
    expect("inherited", kernel.readlink(f"/proc/{pid}/ns/uts"), kernel.readlink("/proc/self/ns/uts"))
    end(kernel, pid)


@case(tree=True)
def a_pid_namespace_without_its_first_process_is_not_shown(kernel: Kernel) -> None:
    own = kernel.readlink("/proc/self/ns/pid")
    kernel.unshare(CloneFlag.NEWPID)
    expect("its own stays", kernel.readlink("/proc/self/ns/pid"), own)
    refused(ENOENT, kernel.readlink, "/proc/self/ns/pid_for_children")
    pid = asleep(kernel)
    theirs = kernel.readlink(f"/proc/{pid}/ns/pid")
    expect("with its first process", kernel.readlink("/proc/self/ns/pid_for_children"), theirs)
    expect("another one", theirs == own, False)
    end(kernel, pid)


@case(tree=True)
def setns_takes_what_ns_leads_to(kernel: Kernel) -> None:
    fd = kernel.open("/proc/self/ns/uts", OpenFlag.RDONLY)
    before = kernel.uname().nodename
    kernel.unshare(CloneFlag.NEWUTS)
    kernel.sethostname("other")
    kernel.setns(fd, CloneFlag.NEWUTS)
    expect("the name", kernel.uname().nodename, before)


@case(tree=True)
def a_namespace_can_be_mounted_on_a_file(kernel: Kernel) -> None:
    kernel.close(make_file(kernel, "/kept", b""))
    kernel.mount("/proc/self/ns/uts", "/kept", "", MountFlag.BIND, "")
    kept = kernel.stat("/kept").ino
    kernel.unshare(CloneFlag.NEWUTS)
    kernel.sethostname("other")
    line = next(line for line in contents(kernel, "/proc/self/mountinfo").splitlines() if line.split()[4] == "/kept")
    expect("its root", line.split()[3], f"uts:[{kept}]")
    kernel.setns(kernel.open("/kept", OpenFlag.RDONLY), 0)
    expect("back", kernel.stat("/proc/self/ns/uts").ino, kept)


# -- the maps of user namespaces --


def map_child(kernel: Kernel, pid: Pid, go: Fd) -> None:
    put(kernel, f"/proc/{pid}/uid_map", b"0 100000 1000\n")
    put(kernel, f"/proc/{pid}/gid_map", b"0 100000 1000\n")


def wait_for_map(kernel: Kernel, ready: Fd, go: Fd, out: Fd) -> None:
    kernel.close(ready)
    kernel.read(go, 1)
    kernel.write(out, repr((kernel.getuid(), contents(kernel, "/proc/self/uid_map").split())).encode())


@case(tree=True)
def a_map_written_from_outside_reads_differently_inside(kernel: Kernel) -> None:
    ready, ready_w = kernel.pipe()
    go, go_w = kernel.pipe()
    out, out_w = kernel.pipe()
    pid = kernel.clone(CloneFlag.NEWUSER | Signal.CHLD, wait_for_map, ready_w, go, out_w)
    kernel.close(ready_w)
    kernel.close(out_w)
    kernel.read(ready, 1)
    at = f"/proc/{pid}"
    expect("before", contents(kernel, f"{at}/uid_map"), "")
    expect("setgroups", contents(kernel, f"{at}/setgroups"), "allow\n")
    map_child(kernel, pid, go_w)
    expect("outside", contents(kernel, f"{at}/uid_map").split(), ["0", "100000", "1000"])
    kernel.write(go_w, b"x")
    expect("inside", read_all(kernel, out), repr((65534, ["0", "100000", "1000"])).encode())
    kernel.wait4(pid)


@case(tree=True)
def the_files_of_a_process_in_a_user_namespace_belong_to_its_root(kernel: Kernel) -> None:
    ready, ready_w = kernel.pipe()
    go, go_w = kernel.pipe()
    pid = kernel.clone(CloneFlag.NEWUSER | Signal.CHLD, become_undumpable, ready_w, go)
    map_child(kernel, pid, go_w)
    kernel.write(go_w, b"x")
    kernel.close(ready_w)
    kernel.read(ready, 1)
    found = kernel.stat(f"/proc/{pid}/status")
    # Its memory was made in the outer namespace and belongs to it until the next exec.
    expect("status", (found.uid, found.gid), (0, 0))
    expect("the directory", kernel.stat(f"/proc/{pid}").uid, 100005)
    end(kernel, pid)


def become_undumpable(kernel: Kernel, ready: Fd, go: Fd) -> None:
    kernel.read(go, 1)
    kernel.setresuid(5, 5, 5)
    kernel.prctl_set_dumpable(0)
    kernel.close(ready)
    kernel.read(go, 1)


@case(tree=True)
def denying_setgroups_is_for_good(kernel: Kernel) -> None:
    kernel.unshare(CloneFlag.NEWUSER)
    put(kernel, "/proc/self/setgroups", b"deny")
    expect("denied", contents(kernel, "/proc/self/setgroups"), "deny\n")
    put(kernel, "/proc/self/uid_map", b"0 0 1")
    put(kernel, "/proc/self/gid_map", b"0 0 1")
    expect("inherited", in_child(kernel, contents, "/proc/self/setgroups", flags=CloneFlag.NEWUSER), "deny\n")
