"""Laws of entering namespaces: setns by a descriptor of a namespace, and by a pidfd."""

from errno import EBADF, EINVAL, EPERM, ESRCH

from kernelapi.capability import Cap, CapSet
from kernelapi.flags import Clock, CloneFlag, OpenFlag, Signal
from kernelapi.ids import Fd, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, refused
from kernelapi.testing.cases.namespaces import (
    CLONABLE,
    TYPES,
    changed,
    getpid,
    getppid,
    hold,
    let_go,
    link,
    links,
    open_namespace,
)
from kernelapi.testing.cases.timens import time_links
from kernelapi.values import CapData

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


@case
def a_process_may_join_its_own_namespaces(kernel: Kernel) -> None:
    own = kernel.pidfd_open(kernel.getpid())
    before = kernel.uname().nodename
    kernel.setns(own, CloneFlag.NEWUTS | CloneFlag.NEWIPC)
    expect("the name of the host", kernel.uname().nodename, before)
