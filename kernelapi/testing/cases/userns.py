"""Laws of user namespaces: what entering one gives, and who may write which id map."""

from errno import EINVAL, ENOSPC, EPERM

from kernelapi.capability import EMPTY, FULL, Cap, CapSet
from kernelapi.flags import CloneFlag, OpenFlag, Rlimit, Securebit, Signal
from kernelapi.ids import OVERFLOW_ID, Fd, Gid, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, read_all, refused
from kernelapi.testing.cases.namespaces import Held, hold, let_go, nothing, open_namespace
from kernelapi.values import CapData, Limit

NEWUSER = CloneFlag.NEWUSER
SELF = Pid(0)


def put(kernel: Kernel, path: str, text: str) -> None:
    """Write `text` to the file at `path` with one write."""
    fd = kernel.open(path, OpenFlag.WRONLY)
    try:
        kernel.write(fd, text.encode())
    finally:
        kernel.close(fd)


def get(kernel: Kernel, path: str) -> str:
    fd = kernel.open(path, OpenFlag.RDONLY)
    text = read_all(kernel, fd).decode()
    kernel.close(fd)
    return text


def table(*lines: tuple[int, int, int]) -> str:
    """A map as its file shows it."""
    return "".join(f"{first:10} {lower:10} {length:10}\n" for first, lower, length in lines)


def map_of(kernel: Kernel, held: Held, file: str = "uid_map") -> str:
    return get(kernel, f"/proc/{held.pid}/{file}")


def write_map(kernel: Kernel, held: Held, text: str, file: str = "uid_map") -> None:
    put(kernel, f"/proc/{held.pid}/{file}", text)


def drop(kernel: Kernel, *dropped: Cap) -> None:
    """Take capabilities out of the caller's effective and permitted sets."""
    caps, less = kernel.capget(SELF), CapSet(dropped)
    kernel.capset(SELF, CapData(caps.effective - less, caps.permitted - less, caps.inheritable - less))


def become(kernel: Kernel, uid: int) -> None:
    """Be an ordinary user whose files in /proc are its own."""
    kernel.setresgid(uid, uid, uid)
    kernel.setresuid(uid, uid, uid)
    kernel.prctl_set_dumpable(1)


def map_self(kernel: Kernel, uid: int = 0, gid: int = 0, outside: tuple[int, int] = (0, 0)) -> None:
    """Map the one user and group that need no privilege."""
    put(kernel, "/proc/self/uid_map", f"{uid} {outside[0]} 1")
    put(kernel, "/proc/self/setgroups", "deny")
    put(kernel, "/proc/self/gid_map", f"{gid} {outside[1]} 1")


# -- what entering gives --


def capabilities(kernel: Kernel) -> tuple[CapData, int, int]:
    """The three sets, the number of capabilities in the bounding set, and in the ambient one."""
    bounding = sum(kernel.prctl_capbset_read(cap) for cap in Cap)
    return kernel.capget(SELF), bounding, sum(kernel.prctl_cap_ambient_is_set(cap) for cap in Cap)


@case
def a_user_namespace_gives_every_capability_to_whoever_makes_it(kernel: Kernel) -> None:
    kernel.prctl_capbset_drop(Cap.NET_RAW)
    kernel.setuid(Uid(1000))
    every = (CapData(FULL, FULL, EMPTY), len(FULL), 0)
    expect("by clone", in_child(kernel, capabilities, flags=NEWUSER), every)
    expect("what the parent still lacks", kernel.capget(SELF), CapData(EMPTY, EMPTY, EMPTY))
    kernel.unshare(NEWUSER)
    expect("by unshare", capabilities(kernel), every)


@case
def a_user_namespace_takes_inheritable_and_ambient_capabilities_away(kernel: Kernel) -> None:
    caps = kernel.capget(SELF)
    kernel.capset(SELF, CapData(caps.effective, caps.permitted, CapSet.of(Cap.KILL)))
    kernel.prctl_cap_ambient_raise(Cap.KILL)
    kernel.unshare(NEWUSER)
    expect("the sets", capabilities(kernel), (CapData(FULL, FULL, EMPTY), len(FULL), 0))


@case
def a_user_namespace_resets_the_securebits_even_if_locked(kernel: Kernel) -> None:
    bits = Securebit.NOROOT | Securebit.NOROOT_LOCKED | Securebit.KEEP_CAPS | Securebit.KEEP_CAPS_LOCKED
    kernel.prctl_set_securebits(bits)
    expect("in a child's", in_child(kernel, securebits, flags=NEWUSER), (0, False))
    kernel.unshare(NEWUSER)
    expect("in the own", securebits(kernel), (0, False))


def securebits(kernel: Kernel) -> tuple[int, bool]:
    return kernel.prctl_get_securebits(), kernel.prctl_get_keepcaps()


@case
def ids_without_a_map_read_as_the_overflow_id(kernel: Kernel) -> None:
    kernel.setgroups((Gid(5), Gid(7)))
    kernel.unshare(NEWUSER)
    expect("the user ids", kernel.getresuid(), (OVERFLOW_ID,) * 3)
    expect("the group ids", kernel.getresgid(), (OVERFLOW_ID,) * 3)
    expect("the groups", kernel.getgroups(), (OVERFLOW_ID,) * 2)
    refused(EINVAL, kernel.setuid, Uid(0))
    refused(EINVAL, kernel.setuid, Uid(OVERFLOW_ID))
    refused(EPERM, kernel.setgroups, ())


@case
def making_a_user_namespace_keeps_the_parent_death_signal(kernel: Kernel) -> None:
    kernel.prctl_set_pdeathsig(Signal.USR1)
    kernel.unshare(NEWUSER)
    expect("the signal", kernel.prctl_get_pdeathsig(), Signal.USR1)
    expect("whether it may be dumped", kernel.prctl_get_dumpable(), 1)


@case
def a_user_namespace_is_not_made_by_unmapped_ids(kernel: Kernel) -> None:
    kernel.unshare(NEWUSER)
    refused(EPERM, kernel.unshare, NEWUSER)
    refused(EPERM, kernel.clone, NEWUSER | Signal.CHLD, nothing)


@case(tree=True)
def both_effective_ids_must_be_mapped_to_make_a_user_namespace(kernel: Kernel) -> None:
    kernel.unshare(NEWUSER)
    put(kernel, "/proc/self/uid_map", "0 0 1")
    refused(EPERM, kernel.unshare, NEWUSER)
    put(kernel, "/proc/self/setgroups", "deny")
    put(kernel, "/proc/self/gid_map", "0 0 1")
    kernel.unshare(NEWUSER)


@case(tree=True)
def a_user_namespace_is_not_made_in_a_chroot(kernel: Kernel) -> None:
    kernel.chroot("/etc")
    refused(EPERM, kernel.unshare, NEWUSER)
    refused(EPERM, kernel.clone, NEWUSER | Signal.CHLD, nothing)
    refused(EPERM, kernel.unshare, NEWUSER | CloneFlag.NEWNS)
    kernel.unshare(CloneFlag.NEWNS)
    refused(EPERM, kernel.unshare, NEWUSER)
    kernel.setuid(Uid(1000))
    refused(EPERM, kernel.unshare, NEWUSER)


@case(tree=True)
def user_namespaces_nest_thirty_three_deep(kernel: Kernel) -> None:
    depth = 0
    while (errno := errno_of(kernel.unshare, NEWUSER)) == 0:
        depth += 1
        map_self(kernel)
    expect("the errno", errno, ENOSPC)
    expect("whether the depth is that, less those that the caller is in", 20 < depth <= 33, True)
    refused(ENOSPC, kernel.clone, NEWUSER | Signal.CHLD, nothing)
    kernel.chroot("/etc")
    refused(ENOSPC, kernel.unshare, NEWUSER | CloneFlag.NEWUTS)


@case
def refused_namespaces_leave_nothing_behind(kernel: Kernel) -> None:
    kernel.unshare(CloneFlag.NEWPID)
    caps = capabilities(kernel)
    refused(EINVAL, kernel.unshare, NEWUSER | CloneFlag.NEWPID)
    expect("the user id", kernel.getuid(), 0)
    expect("the capabilities", capabilities(kernel), caps)


# -- power over it from outside --


def limit_core(kernel: Kernel, pid: Pid, uid: int) -> int:
    """The errno with which `uid`, without any capability, sets a limit of process `pid`."""
    if uid:
        become(kernel, uid)
    drop(kernel, *Cap)
    return errno_of(kernel.prlimit64, pid, Rlimit.CORE, Limit(0, 0))


def become_when_mapped(kernel: Kernel, tell: Fd, wait: Fd, leash: Fd) -> None:
    kernel.close(leash)
    kernel.write(tell, b"!")
    kernel.read(wait, 1)
    become(kernel, 5)
    kernel.write(tell, b"!")
    kernel.read(wait, 1)


@case(tree=True)
def the_owner_of_a_user_namespace_has_every_capability_over_it(kernel: Kernel) -> None:
    ready, tell = kernel.pipe()
    wait, leash = kernel.pipe()
    held = Held(kernel.clone(NEWUSER | Signal.CHLD, become_when_mapped, tell, wait, leash), leash)
    kernel.read(ready, 1)
    write_map(kernel, held, "0 100000 10")
    write_map(kernel, held, "0 100000 10", "gid_map")
    kernel.write(leash, b"!")
    kernel.read(ready, 1)
    expect("the owner", in_child(kernel, limit_core, held.pid, 0), 0)
    expect("another user", in_child(kernel, limit_core, held.pid, 1000), EPERM)
    let_go(kernel, held)


# -- entering an existing one --


def enter(kernel: Kernel, fd: Fd) -> tuple[CapData, int, int]:
    kernel.setns(fd, NEWUSER)
    return capabilities(kernel)


@case(tree=True)
def setns_to_a_user_namespace_gives_every_capability_in_it(kernel: Kernel) -> None:
    held = hold(kernel, NEWUSER)
    fd = open_namespace(kernel, "user", held.pid)
    drop(kernel, Cap.NET_RAW)
    expect("the sets", in_child(kernel, enter, fd), (CapData(FULL, FULL, EMPTY), len(FULL), 0))
    write_map(kernel, held, "0 1000 1\n7 0 1\n")
    kernel.setns(fd, 0)
    expect("the user id", kernel.getuid(), 7)
    kernel.setuid(Uid(0))
    expect("the user id", kernel.getuid(), 0)
    refused(EINVAL, kernel.setns, fd, 0)
    let_go(kernel, held)


def signal_after_entering(kernel: Kernel, fd: Fd) -> tuple[int, int]:
    kernel.prctl_set_pdeathsig(Signal.USR1)
    kernel.prctl_set_securebits(Securebit.KEEP_CAPS | Securebit.NOROOT)
    kernel.setns(fd, NEWUSER)
    expect("the securebits", securebits(kernel), (0, False))
    return kernel.prctl_get_pdeathsig(), kernel.prctl_get_dumpable()


@case(tree=True)
def entering_a_user_namespace_of_another_owner_clears_the_parent_death_signal(kernel: Kernel) -> None:
    held = hold(kernel, NEWUSER)
    expect("the own one", in_child(kernel, signal_after_entering, open_namespace(kernel, "user", held.pid)), (Signal.USR1, 1))
    let_go(kernel, held)
    held = hold(kernel, uid=1000, unshare=NEWUSER)
    expect("another's", in_child(kernel, signal_after_entering, open_namespace(kernel, "user", held.pid)), (0, 0))
    let_go(kernel, held)


def enter_fails(kernel: Kernel, fd: Fd) -> int:
    return errno_of(kernel.setns, fd, NEWUSER)


def enter_as(kernel: Kernel, uid: int, fd: Fd) -> int:
    become(kernel, uid)
    return enter_fails(kernel, fd)


@case(tree=True)
def a_user_namespace_is_entered_downwards_and_by_its_owner(kernel: Kernel) -> None:
    own = open_namespace(kernel, "user")
    expect("the parent", in_child(kernel, enter_fails, own, flags=NEWUSER), EPERM)
    expect("the own", in_child(kernel, enter_as, 1000, own), EINVAL)
    held = hold(kernel, uid=1000, unshare=NEWUSER)
    fd = open_namespace(kernel, "user", held.pid)
    expect("the owner's", in_child(kernel, enter_as, 1000, fd), 0)
    expect("another's", in_child(kernel, enter_as, 1001, fd), EPERM)
    expect("a sibling's", in_child(kernel, enter_fails, fd, flags=NEWUSER), EPERM)
    let_go(kernel, held)
