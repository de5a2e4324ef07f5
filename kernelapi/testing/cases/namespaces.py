"""Laws of namespaces other than user namespaces: making them by clone and unshare, entering them by setns."""

from dataclasses import dataclass
from errno import EACCES, EBADF, EINVAL, ENOENT, ENOMEM, ENOSPC, EPERM, ERANGE, ESRCH

from kernelapi.capability import Cap, CapSet
from kernelapi.flags import TIMER_ABSTIME, Clock, CloneFlag, OpenFlag, Signal
from kernelapi.ids import Fd, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, read_all, refused
from kernelapi.values import CapData

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
SECOND = 10**9


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


# -- time namespaces --


def time_links(kernel: Kernel) -> tuple[str, str]:
    return link(kernel, "time"), link(kernel, "time_for_children")


@case(tree=True)
def children_are_born_into_the_time_namespace_that_is_for_them(kernel: Kernel) -> None:
    own, theirs = time_links(kernel)
    expect("the two at first", theirs, own)
    kernel.unshare(CloneFlag.NEWTIME)
    time, new = time_links(kernel)
    expect("the caller's own", time, own)
    expect("whether that of the children is new", new != own, True)
    expect("those of a child", in_child(kernel, time_links), (new, new))
    kernel.unshare(CloneFlag.NEWTIME)
    expect("whether there is a third", link(kernel, "time_for_children") not in (own, new), True)


def monotonic(kernel: Kernel) -> int:
    return kernel.clock_gettime(Clock.MONOTONIC)


@case
def a_time_namespace_begins_with_the_time_of_the_one_before(kernel: Kernel) -> None:
    kernel.unshare(CloneFlag.NEWTIME)
    before = monotonic(kernel)
    inside = in_child(kernel, monotonic)
    expect("whether time went on", before <= inside <= monotonic(kernel), True)


OFFSETS = "/proc/self/timens_offsets"


def offsets(kernel: Kernel) -> str:
    fd = kernel.open(OFFSETS, OpenFlag.RDONLY)
    text = read_all(kernel, fd).decode()
    kernel.close(fd)
    return text


def set_offsets(kernel: Kernel, text: str) -> int:
    """Writes the offsets; returns how many bytes were taken."""
    fd = kernel.open(OFFSETS, OpenFlag.WRONLY)
    try:
        return kernel.write(fd, text.encode())
    finally:
        kernel.close(fd)


def ahead(kernel: Kernel, since: tuple[int, int]) -> tuple[int, int]:
    """By how many thousand seconds the monotonic and the boot-time clock are ahead of `since`."""
    times = kernel.clock_gettime(Clock.MONOTONIC), kernel.clock_gettime(Clock.BOOTTIME)
    return (times[0] - since[0]) // (1000 * SECOND), (times[1] - since[1]) // (1000 * SECOND)


def sleep_until(kernel: Kernel, time: int) -> None:
    kernel.clock_nanosleep(Clock.MONOTONIC, TIMER_ABSTIME, time)


@case(tree=True, needs=Cap.SYS_TIME)
def a_time_namespace_may_be_ahead(kernel: Kernel) -> None:
    start = kernel.clock_gettime(Clock.MONOTONIC), kernel.clock_gettime(Clock.BOOTTIME)
    kernel.unshare(CloneFlag.NEWTIME)
    text = "monotonic 5000 0\nboottime 7000 500\n"
    expect("what was taken", set_offsets(kernel, text), len(text))
    expect("the offsets", offsets(kernel), "monotonic        5000         0\nboottime         7000       500\n")
    expect("the caller's clocks", ahead(kernel, start), (0, 0))
    expect("a child's clocks", in_child(kernel, ahead, start), (5, 7))
    in_child(kernel, sleep_until, start[0] + 5000 * SECOND)
    kernel.unshare(CloneFlag.NEWTIME)
    expect("another's clocks", in_child(kernel, ahead, start), (5, 7))


@case(tree=True, needs=Cap.SYS_TIME)
def offsets_of_time_are_fixed_by_the_first_child(kernel: Kernel) -> None:
    refused(EACCES, set_offsets, kernel, "monotonic 1 0")
    kernel.unshare(CloneFlag.NEWTIME)
    set_offsets(kernel, "monotonic 1 0")
    set_offsets(kernel, "monotonic 2 0")
    in_child(kernel, nothing)
    refused(EACCES, set_offsets, kernel, "monotonic 3 0")
    refused(ERANGE, set_offsets, kernel, "monotonic -99999999999 0")
    refused(EINVAL, set_offsets, kernel, "nonsense")
    kernel.unshare(CloneFlag.NEWTIME)
    set_offsets(kernel, "monotonic 4 0")
    kernel.setns(open_namespace(kernel, "time_for_children"), 0)
    refused(EACCES, set_offsets, kernel, "monotonic 5 0")


@case(tree=True, needs=Cap.SYS_TIME)
def offsets_of_time_are_two_lines_of_a_clock_and_its_time(kernel: Kernel) -> None:
    kernel.unshare(CloneFlag.NEWTIME)
    bad = ("", "x", "1 5", "2 5 0", "1 5 1000000000", "1 5 -1", "1 +5 0", "\n1 5 0", "1 5 0\n\n", "monotonicx 1 1", " " * 4096)
    for text in bad:
        expect(f"the errno of {text!r}", errno_of(set_offsets, kernel, text), EINVAL)
    for text, monotonic, taken in (("1 5 0 x", 5, 7), ("monotonic6 0", 6, 12), ("1 7 0\n 7 0 0\nnonsense", 7, 13)):
        expect(f"what is taken of {text!r}", set_offsets(kernel, text), taken)
        expect("the offsets", offsets(kernel).split()[1], str(monotonic))


@case(tree=True, needs=Cap.SYS_TIME)
def setting_the_time_needs_a_capability_over_the_owner_of_its_namespace(kernel: Kernel) -> None:
    kernel.unshare(CloneFlag.NEWTIME)
    refused(EINVAL, set_offsets, kernel, "nonsense")
    fd = kernel.open(OFFSETS, OpenFlag.WRONLY)
    caps, time = kernel.capget(Pid(0)), CapSet.of(Cap.SYS_TIME)
    kernel.capset(Pid(0), CapData(caps.effective - time, caps.permitted - time, caps.inheritable))
    refused(EPERM, set_offsets, kernel, "monotonic -99999999999 0")
    refused(EINVAL, set_offsets, kernel, "nonsense")
    kernel.write(fd, b"monotonic 1 0")  # who opened the file had it


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


# -- setns by a descriptor of a namespace --


def join(kernel: Kernel, fd: Fd, nstype: int) -> dict[str, str]:
    kernel.setns(fd, nstype)
    return links(kernel)


@case(tree=True)
def setns_enters_one_namespace(kernel: Kernel) -> None:
    before = links(kernel)
    held = hold(kernel, sum(CLONABLE.values()))
    theirs = links(kernel, str(held.pid))
    for name, flag in CLONABLE.items():
        fd = open_namespace(kernel, name, held.pid)
        for nstype in (0, flag):
            inside = in_child(kernel, join, fd, nstype)
            entered = "pid_for_children" if name == "pid" else name
            expect(f"what setns({flag!r}) changes", changed(before, inside), [entered])
            expect("what it has entered", inside[entered], theirs[name])
        kernel.close(fd)
    let_go(kernel, held)


@case(tree=True)
def setns_to_a_time_namespace_is_for_the_caller_too(kernel: Kernel) -> None:
    own = link(kernel, "time")
    fd = open_namespace(kernel, "time")
    kernel.unshare(CloneFlag.NEWTIME)
    new = open_namespace(kernel, "time_for_children")
    kernel.setns(new, CloneFlag.NEWTIME)
    expect("whether the two are the new one", len({own, *time_links(kernel)}), 2)
    kernel.setns(fd, 0)
    expect("the two", time_links(kernel), (own, own))


@case(tree=True)
def setns_to_the_own_namespace_is_nothing_but_allowed(kernel: Kernel) -> None:
    before = links(kernel)
    for name in TYPES:
        if name != "user":
            kernel.setns(open_namespace(kernel, name), 0)
    expect("what changed", changed(before, links(kernel)), [])
    refused(EINVAL, kernel.setns, open_namespace(kernel, "user"), 0)


@case(tree=True)
def setns_looks_at_the_descriptor_first(kernel: Kernel) -> None:
    path = open_namespace(kernel, "uts", flags=OpenFlag.PATH)
    uts = open_namespace(kernel, "uts")
    file = kernel.open("/etc/passwd", OpenFlag.RDONLY)
    kernel.setuid(Uid(1000))
    for nstype in (0, 1, CloneFlag.NEWUTS, CloneFlag.NEWNET):
        refused(EBADF, kernel.setns, Fd(99), nstype)
        refused(EBADF, kernel.setns, Fd(-1), nstype)
        refused(EBADF, kernel.setns, path, nstype)
        refused(EINVAL, kernel.setns, file, nstype)
    for nstype in (1, CloneFlag.NEWNET, CloneFlag.NEWUTS | CloneFlag.NEWNET):
        refused(EINVAL, kernel.setns, uts, nstype)
    refused(EPERM, kernel.setns, uts, CloneFlag.NEWUTS)


@case(tree=True)
def setns_needs_capabilities(kernel: Kernel) -> None:
    held = hold(kernel, sum(CLONABLE.values()))
    fds = {name: open_namespace(kernel, name, held.pid) for name in CLONABLE}
    fds["time"] = open_namespace(kernel, "time")
    kernel.setuid(Uid(1000))
    for name, fd in fds.items():
        refused(EPERM, kernel.setns, fd, TYPES[name])


def setns_errno(kernel: Kernel, fd: Fd, dropped: Cap) -> int:
    caps = kernel.capget(Pid(0))
    kernel.capset(Pid(0), CapData(caps.effective - CapSet.of(dropped), caps.permitted, caps.inheritable))
    return errno_of(kernel.setns, fd, 0)


@case(tree=True)
def entering_a_mount_namespace_needs_the_right_to_chroot_too(kernel: Kernel) -> None:
    fd = open_namespace(kernel, "mnt")
    expect("without CAP_SYS_CHROOT", in_child(kernel, setns_errno, fd, Cap.SYS_CHROOT), EPERM)
    expect("without CAP_SYS_ADMIN", in_child(kernel, setns_errno, fd, Cap.SYS_ADMIN), EPERM)
    expect("without CAP_CHOWN", in_child(kernel, setns_errno, fd, Cap.CHOWN), 0)
    uts = open_namespace(kernel, "uts")
    expect("uts without CAP_SYS_CHROOT", in_child(kernel, setns_errno, uts, Cap.SYS_CHROOT), 0)


@case(tree=True)
def owning_a_namespace_is_not_enough_to_enter_it(kernel: Kernel) -> None:
    held = hold(kernel, CloneFlag.NEWUSER | CloneFlag.NEWUTS | CloneFlag.NEWNS)
    uts, user = open_namespace(kernel, "uts", held.pid), open_namespace(kernel, "user", held.pid)
    pidfd = kernel.pidfd_open(held.pid)
    caps, admin = kernel.capget(Pid(0)), CapSet.of(Cap.SYS_ADMIN)
    kernel.capset(Pid(0), CapData(caps.effective - admin, caps.permitted - admin, caps.inheritable))
    refused(EPERM, kernel.setns, uts, 0)
    refused(EPERM, kernel.setns, pidfd, CloneFlag.NEWUTS)
    expect("both at once", in_child(kernel, joined_uts, pidfd), link(kernel, "uts", str(held.pid)))
    kernel.setns(user, 0)
    kernel.setns(uts, 0)
    let_go(kernel, held)


def joined_uts(kernel: Kernel, pidfd: Fd) -> str:
    kernel.setns(pidfd, CloneFlag.NEWUSER | CloneFlag.NEWUTS)
    return link(kernel, "uts")


def where(kernel: Kernel, fd: Fd, nstype: int) -> tuple[str, bool]:
    kernel.chdir("/bin")
    kernel.chroot("/etc")
    kernel.setns(fd, nstype)
    return kernel.getcwd(), errno_of(kernel.access, "/etc/passwd", 0) == 0


@case(tree=True)
def entering_a_mount_namespace_moves_root_and_directory(kernel: Kernel) -> None:
    held = hold(kernel, CloneFlag.NEWNS | CloneFlag.NEWUTS)
    expect("entered by link", in_child(kernel, where, open_namespace(kernel, "mnt", held.pid), 0), ("/", True))
    pidfd = kernel.pidfd_open(held.pid)
    expect("entered by pidfd", in_child(kernel, where, pidfd, CloneFlag.NEWNS), ("/", True))
    expect("with another", in_child(kernel, where, pidfd, CloneFlag.NEWNS | CloneFlag.NEWUTS), ("/", True))
    expect("entered its own", in_child(kernel, where, open_namespace(kernel, "mnt"), 0), ("/", True))
    let_go(kernel, held)


def setns_while_shared(kernel: Kernel, report: Fd, attempts: tuple[tuple[Fd, int], ...]) -> None:
    kernel.write(report, bytes(errno_of(kernel.setns, fd, nstype) for fd, nstype in attempts))


@case(tree=True)
def who_shares_directories_cannot_enter_mount_and_user_namespaces(kernel: Kernel) -> None:
    held = hold(kernel, CloneFlag.NEWNS | CloneFlag.NEWUTS | CloneFlag.NEWUSER)
    pidfd = kernel.pidfd_open(held.pid)
    both = CloneFlag.NEWNS | CloneFlag.NEWUTS
    attempts = (
        (open_namespace(kernel, "mnt", held.pid), 0),
        (open_namespace(kernel, "user", held.pid), 0),
        (pidfd, CloneFlag.NEWNS),
        (pidfd, both | CloneFlag.NEWUSER),
        (pidfd, both),  # looks at a copy that nobody shares
    )
    kernel.chdir("/bin")
    reader, writer = kernel.pipe()
    kernel.wait4(kernel.clone(CloneFlag.FS | Signal.CHLD, setns_while_shared, writer, attempts))
    expect("the errnos", tuple(kernel.read(reader, 10)), (EINVAL, EINVAL, EINVAL, EINVAL, 0))
    expect("the directory that both share", kernel.getcwd(), "/")
    let_go(kernel, held)


def enter_pid(kernel: Kernel, fd: Fd) -> tuple[int, int, int, int]:
    before = kernel.getpid()
    kernel.setns(fd, CloneFlag.NEWPID)
    return kernel.getpid() - before, in_child(kernel, getpid), in_child(kernel, getppid), in_child(kernel, getpid)


@case(tree=True)
def entering_a_pid_namespace_is_for_children(kernel: Kernel) -> None:
    held = hold(kernel, CloneFlag.NEWPID)
    fd = open_namespace(kernel, "pid", held.pid)
    expect("own number, children's", in_child(kernel, enter_pid, fd), (0, 2, 0, 4))
    kernel.setns(fd, 0)
    kernel.setns(open_namespace(kernel, "pid"), 0)
    expect("whether children are born here again", in_child(kernel, getppid), kernel.getpid())
    let_go(kernel, held)


def enter_ancestor(kernel: Kernel, fd: Fd) -> int:
    return errno_of(kernel.setns, fd, 0)


@case(tree=True)
def a_pid_namespace_is_entered_downwards_only(kernel: Kernel) -> None:
    own = open_namespace(kernel, "pid")
    expect("an ancestor", in_child(kernel, enter_ancestor, own, flags=CloneFlag.NEWPID), EINVAL)
    held = hold(kernel, CloneFlag.NEWPID)
    cousin = open_namespace(kernel, "pid", held.pid)
    expect("a cousin", in_child(kernel, enter_ancestor, cousin, flags=CloneFlag.NEWPID), EINVAL)
    let_go(kernel, held)


# -- setns by a pidfd --


@case(tree=True)
def setns_by_pidfd_enters_all_that_are_named(kernel: Kernel) -> None:
    before = links(kernel)
    held = hold(kernel, sum(CLONABLE.values()))
    theirs = links(kernel, str(held.pid))
    pidfd = kernel.pidfd_open(held.pid)
    some = CloneFlag.NEWUTS | CloneFlag.NEWNET
    expect("what two of them change", changed(before, in_child(kernel, join, pidfd, some)), ["uts", "net"])
    inside = in_child(kernel, join, pidfd, sum(TYPES.values()))
    expected = ["mnt", "uts", "ipc", "net", "cgroup", "user", "pid_for_children"]
    expect("what all of them change", changed(before, inside), expected)
    expect("what they lead to", [inside[name] for name in expected[:-1]], [theirs[name] for name in expected[:-1]])
    let_go(kernel, held)


@case(tree=True)
def setns_by_pidfd_enters_all_or_none(kernel: Kernel) -> None:
    before = links(kernel)
    held = hold(kernel, CloneFlag.NEWUTS | CloneFlag.NEWNET)
    pidfd = kernel.pidfd_open(held.pid)
    refused(EINVAL, kernel.setns, pidfd, CloneFlag.NEWUTS | CloneFlag.NEWUSER)
    expect("what the own user namespace lets change", changed(before, links(kernel)), [])
    let_go(kernel, held)
    held = hold(kernel, unshare=CloneFlag.NEWUTS)
    pidfd = kernel.pidfd_open(held.pid)
    expect("cousins' pid", in_child(kernel, enter_partly, pidfd, flags=CloneFlag.NEWPID), (EINVAL, []))
    let_go(kernel, held)


def enter_partly(kernel: Kernel, pidfd: Fd) -> tuple[int, list[str]]:
    before = links(kernel)
    return errno_of(kernel.setns, pidfd, CloneFlag.NEWUTS | CloneFlag.NEWPID), changed(before, links(kernel))


@case(tree=True)
def setns_by_pidfd_wants_flags_and_a_living_process(kernel: Kernel) -> None:
    held = hold(kernel)
    pidfd = kernel.pidfd_open(held.pid)
    for flags in (0, 1, CloneFlag.NEWUTS | CloneFlag.FS, CloneFlag.VM):
        refused(EINVAL, kernel.setns, pidfd, flags)
    kernel.setns(pidfd, CloneFlag.NEWUTS)
    kernel.close(held.leash)
    kernel.clock_nanosleep(Clock.MONOTONIC, 0, 50_000_000)
    refused(ESRCH, kernel.setns, pidfd, CloneFlag.NEWUTS)
    kernel.wait4(held.pid)
    refused(ESRCH, kernel.setns, pidfd, CloneFlag.NEWUTS)
    refused(EINVAL, kernel.setns, pidfd, 0)


def setns_as_user(kernel: Kernel, pidfd: Fd) -> tuple[int, int]:
    kernel.setuid(Uid(1000))
    return errno_of(kernel.setns, pidfd, CloneFlag.NEWUSER), errno_of(kernel.setns, pidfd, 0)


@case(tree=True)
def setns_by_pidfd_needs_the_right_to_look_into_the_process(kernel: Kernel) -> None:
    pidfd = kernel.pidfd_open(Pid(1))
    expect("the errnos", in_child(kernel, setns_as_user, pidfd), (EPERM, EINVAL))

