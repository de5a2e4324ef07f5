"""Laws of namespaces other than user namespaces: making them by clone and unshare, entering them by setns."""

from dataclasses import dataclass
from errno import EACCES, EBADF, EINVAL, ENOENT, ENOMEM, ENOSPC, EOPNOTSUPP, EPERM, ESPIPE

from kernelapi.flags import AccessMode, CloneFlag, OpenFlag, Seek, Signal
from kernelapi.ids import Fd, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, read_all, refused

TYPES = {
    "mnt": CloneFlag.NEWNS,
    "uts": CloneFlag.NEWUTS,
    "ipc": CloneFlag.NEWIPC,
    "pid": CloneFlag.NEWPID,
    "net": CloneFlag.NEWNET,
    "cgroup": CloneFlag.NEWCGROUP,
    "time": CloneFlag.NEWTIME,
    "user": CloneFlag.NEWUSER,
}
CLONABLE = {name: flag for name, flag in TYPES.items() if name != "time"}
"""The bit of CLONE_NEWTIME is part of clone's exit signal."""

LINKS = (*TYPES, "pid_for_children", "time_for_children")
NONE = "(none)"


def links(kernel: Kernel, who: str = "self") -> dict[str, str]:
    """What the links in /proc/PID/ns say; NONE for those that lead nowhere."""
    return {name: link(kernel, name, who) for name in LINKS}


def link(kernel: Kernel, name: str, who: str = "self") -> str:
    try:
        return kernel.readlink(f"/proc/{who}/ns/{name}")
    except OSError as error:
        if error.errno == ENOENT:
            return NONE
        raise


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [name for name in LINKS if before[name] != after[name]]


def after_unshare(kernel: Kernel, flags: int) -> dict[str, str]:
    kernel.unshare(flags)
    return links(kernel)


@dataclass(frozen=True, slots=True)
class Held:
    """A process that waits in namespaces of its own until it is let go."""

    pid: Pid
    leash: Fd


def hold(kernel: Kernel, flags: int = 0, *, unshare: int = 0, uid: int = 0) -> Held:
    """A child made with the clone `flags`, that became `uid`, and unshared the flags `unshare`."""
    ready, tell = kernel.pipe()
    wait, leash = kernel.pipe()
    pid = kernel.clone(flags | Signal.CHLD, _held, unshare, uid, tell, wait, leash)
    kernel.close(tell)
    kernel.close(wait)
    expect("what the child says when it is ready", kernel.read(ready, 1), b"!")
    kernel.close(ready)
    return Held(pid, leash)


def _held(kernel: Kernel, unshare: int, uid: int, tell: Fd, wait: Fd, leash: Fd) -> None:
    kernel.close(leash)
    if uid:
        kernel.setresgid(uid, uid, uid)
        kernel.setresuid(uid, uid, uid)
        kernel.prctl_set_dumpable(1)
    if unshare:
        kernel.unshare(unshare)
    kernel.write(tell, b"!")
    kernel.read(wait, 1)


def let_go(kernel: Kernel, held: Held) -> None:
    kernel.close(held.leash)
    kernel.wait4(held.pid)


def open_namespace(kernel: Kernel, name: str, who: object = "self", flags: int = OpenFlag.RDONLY) -> Fd:
    return kernel.open(f"/proc/{who}/ns/{name}", flags | OpenFlag.CLOEXEC)


# -- new ones --


@case(tree=True)
def unshare_makes_one_namespace_of_each_type_asked_for(kernel: Kernel) -> None:
    before = links(kernel)
    for name, flag in TYPES.items():
        expected = [f"{name}_for_children"] if name in ("pid", "time") else [name]
        expect(f"what {flag!r} changes", changed(before, in_child(kernel, after_unshare, flag)), expected)


@case(tree=True)
def clone_puts_the_child_into_new_namespaces_and_leaves_the_parent(kernel: Kernel) -> None:
    before = links(kernel)
    for name, flag in CLONABLE.items():
        expected = ["pid", "pid_for_children"] if name == "pid" else [name]
        expect(f"what {flag!r} changes", changed(before, in_child(kernel, links, flags=flag)), expected)
    everything = changed(before, in_child(kernel, links, flags=sum(CLONABLE.values())))
    expect("what all of them change", everything, [name for name in LINKS if not name.startswith("time")])
    expect("what changed for the parent", changed(before, links(kernel)), [])


@case(tree=True)
def namespaces_are_inherited(kernel: Kernel) -> None:
    expect("what changes in a child", changed(links(kernel), in_child(kernel, links)), [])


@case(tree=True)
def unshare_of_nothing_changes_nothing(kernel: Kernel) -> None:
    before = links(kernel)
    kernel.unshare(0)
    kernel.unshare(CloneFlag.THREAD | CloneFlag.SIGHAND | CloneFlag.VM | CloneFlag.SYSVSEM | CloneFlag.FS | CloneFlag.FILES)
    expect("what changed", changed(before, links(kernel)), [])


@case
def new_namespaces_need_a_capability(kernel: Kernel) -> None:
    kernel.setuid(Uid(1000))
    for name, flag in TYPES.items():
        if name != "user":
            refused(EPERM, kernel.unshare, flag)
            if name in CLONABLE:
                refused(EPERM, kernel.clone, flag | Signal.CHLD, nothing)


def nothing(kernel: Kernel) -> None:
    pass


@case
def a_new_user_namespace_gives_the_right_to_the_others_in_the_same_call(kernel: Kernel) -> None:
    kernel.setuid(Uid(1000))
    in_child(kernel, nothing, flags=sum(CLONABLE.values()))
    kernel.unshare(sum(TYPES.values()))


@case
def unshare_knows_not_every_flag(kernel: Kernel) -> None:
    kernel.setuid(Uid(1000))
    for flag in (CloneFlag.VFORK, CloneFlag.PARENT, CloneFlag.PIDFD, CloneFlag.IO, 1, 0x40, 1 << 40):
        refused(EINVAL, kernel.unshare, flag)
        refused(EINVAL, kernel.unshare, flag | CloneFlag.NEWUTS)


@case
def some_flags_of_clone_exclude_each_other(kernel: Kernel) -> None:
    for flags in (CloneFlag.NEWNS | CloneFlag.FS, CloneFlag.NEWUSER | CloneFlag.FS, CloneFlag.NEWIPC | CloneFlag.SYSVSEM):
        refused(EINVAL, kernel.clone, flags | Signal.CHLD, nothing)
    kernel.setuid(Uid(1000))
    refused(EINVAL, kernel.clone, CloneFlag.NEWNS | CloneFlag.FS | Signal.CHLD, nothing)
    refused(EPERM, kernel.clone, CloneFlag.NEWIPC | CloneFlag.SYSVSEM | Signal.CHLD, nothing)


# -- pid namespaces --


def getpid(kernel: Kernel) -> Pid:
    return kernel.getpid()


def getppid(kernel: Kernel) -> Pid:
    return kernel.getppid()


def init_with_a_child(kernel: Kernel) -> tuple[int, int, int]:
    return kernel.getpid(), kernel.getppid(), in_child(kernel, getpid)


@case(tree=True)
def unshare_of_the_pid_namespace_is_for_children(kernel: Kernel) -> None:
    me = kernel.getpid()
    kernel.unshare(CloneFlag.NEWPID)
    expect("the caller's number", kernel.getpid(), me)
    expect("the link before the first child", link(kernel, "pid_for_children"), NONE)
    expect("the first child", in_child(kernel, init_with_a_child), (1, 0, 2))


@case
def a_pid_namespace_is_not_unshared_twice(kernel: Kernel) -> None:
    kernel.unshare(CloneFlag.NEWPID)
    refused(EINVAL, kernel.unshare, CloneFlag.NEWPID)
    refused(EINVAL, kernel.clone, CloneFlag.NEWPID | Signal.CHLD, nothing)
    kernel.unshare(CloneFlag.NEWUTS)
    kernel.setuid(Uid(1000))
    refused(EPERM, kernel.unshare, CloneFlag.NEWPID)


@case
def a_pid_namespace_without_init_takes_nobody(kernel: Kernel) -> None:
    kernel.unshare(CloneFlag.NEWPID)
    kernel.wait4(kernel.clone(Signal.CHLD, nothing))
    refused(ENOMEM, kernel.clone, Signal.CHLD, nothing)
    refused(EINVAL, kernel.clone, CloneFlag.NEWPID | Signal.CHLD, nothing)


def nest_pid_namespaces(kernel: Kernel, depth: int) -> tuple[int, int]:
    try:
        return in_child(kernel, nest_pid_namespaces, depth + 1, flags=CloneFlag.NEWPID)
    except OSError as error:
        return depth, error.errno or 0


@case
def pid_namespaces_nest_thirty_two_deep(kernel: Kernel) -> None:
    depth, errno = nest_pid_namespaces(kernel, 0)
    expect("the errno", errno, ENOSPC)
    expect("whether the depth is at most 32, less those that the caller is in", 20 < depth <= 31, True)


def unshare_pid_elsewhere(kernel: Kernel, fd: Fd) -> tuple[int, int]:
    kernel.setns(fd, CloneFlag.NEWPID)
    return in_child(kernel, unshare_errnos)


def unshare_errnos(kernel: Kernel) -> tuple[int, int]:
    return errno_of(kernel.unshare, CloneFlag.NEWPID), errno_of(kernel.unshare, CloneFlag.NEWPID | CloneFlag.NEWUSER)


@case(tree=True)
def a_pid_namespace_needs_one_around_it_that_an_ancestor_owns(kernel: Kernel) -> None:
    held = hold(kernel, CloneFlag.NEWUSER | CloneFlag.NEWPID)
    fd = open_namespace(kernel, "pid", held.pid)
    expect("the errnos", in_child(kernel, unshare_pid_elsewhere, fd), (EINVAL, EINVAL))
    let_go(kernel, held)


# -- descriptors and directories that are shared --


def change_directory(kernel: Kernel, unshare: int) -> None:
    if unshare:
        kernel.unshare(unshare)
    kernel.chdir("/bin")


@case(tree=True)
def unshare_ends_the_sharing_of_directories(kernel: Kernel) -> None:
    for flag in (CloneFlag.FS, CloneFlag.NEWNS, CloneFlag.NEWUSER):
        kernel.wait4(kernel.clone(CloneFlag.FS | Signal.CHLD, change_directory, flag))
        expect("the parent's directory", kernel.getcwd(), "/")
    kernel.wait4(kernel.clone(CloneFlag.FS | Signal.CHLD, change_directory, CloneFlag.NEWUTS))
    expect("the parent's directory", kernel.getcwd(), "/bin")


def close_one(kernel: Kernel, fd: Fd, unshare: int) -> None:
    kernel.unshare(unshare)
    kernel.close(fd)


@case
def unshare_ends_the_sharing_of_descriptors(kernel: Kernel) -> None:
    reader, writer = kernel.pipe()
    kernel.wait4(kernel.clone(CloneFlag.FILES | Signal.CHLD, close_one, writer, CloneFlag.FILES))
    kernel.write(writer, b"!")
    kernel.wait4(kernel.clone(CloneFlag.FILES | Signal.CHLD, close_one, writer, 0))
    refused(EBADF, kernel.write, writer, b"!")
    expect("what was written", read_all(kernel, reader), b"!")


@case(tree=True)
def nobody_may_write_the_file_of_a_namespace_or_change_its_attributes(kernel: Kernel) -> None:
    path = "/proc/self/ns/uts"
    fd = kernel.open(path, OpenFlag.RDONLY | OpenFlag.APPEND)
    for flags in (OpenFlag.WRONLY, OpenFlag.RDWR, 3, OpenFlag.TRUNC):
        refused(EPERM, kernel.open, path, flags)
    refused(EPERM, kernel.access, path, AccessMode.W)
    refused(EACCES, kernel.access, path, AccessMode.X)
    kernel.access(path, AccessMode.R)
    refused(EPERM, kernel.fchmod, fd, 0o444)
    refused(EPERM, kernel.chown, path, 0, -1)
    kernel.fchown(fd, -1, -1)
    refused(ESPIPE, kernel.lseek, fd, 0, Seek.CUR)


@case(tree=True, since="6.9")
def a_pidfd_has_a_mode_that_counts_and_that_cannot_be_changed(kernel: Kernel) -> None:
    path = f"/proc/self/fd/{kernel.pidfd_open(kernel.getpid())}"
    kernel.access(path, AccessMode.R | AccessMode.W)
    refused(EACCES, kernel.access, path, AccessMode.X)  # its mount is one from which nothing is executed
    kernel.close(kernel.open(path, OpenFlag.WRONLY))
    refused(EOPNOTSUPP, kernel.open, path, OpenFlag.TRUNC)
    refused(EOPNOTSUPP, kernel.chmod, path, 0o777)
    refused(EOPNOTSUPP, kernel.chown, path, -1, -1)
    kernel.setresuid(1000, 1000, 1000)
    kernel.prctl_set_dumpable(1)
    refused(EACCES, kernel.open, path, OpenFlag.RDONLY)
    refused(EOPNOTSUPP, kernel.chmod, path, 0o777)
