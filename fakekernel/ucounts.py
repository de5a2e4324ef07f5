"""How much a user has: of processes what RLIMIT_NPROC limits (getrlimit(2)), of namespaces what /proc/sys/user does
(namespaces(7)); kernel/ucount.c.

What is made is charged to a user of a user namespace, to the owner of that namespace in the one above, and so on up. Of a
namespace's own limit of processes, the one that its creator had, nothing is modelled.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fakekernel.credentials import Credentials
from fakekernel.mount import MountNamespace
from fakekernel.namespaces import (
    CgroupNamespace,
    IpcNamespace,
    Namespace,
    NetNamespace,
    PidNamespace,
    TimeNamespace,
    UtsNamespace,
)
from fakekernel.store import reachable
from fakekernel.system import FIRST_NAMESPACE_INUM
from fakekernel.userns import UserNamespace
from kernelapi.errors import NotModelled
from kernelapi.flags import RLIM_INFINITY, CloneFlag, Rlimit
from kernelapi.ids import Kuid

if TYPE_CHECKING:
    from fakekernel.system import System
    from fakekernel.task import Task

# -- processes --


def processes_of(system: "System", userns: UserNamespace, uid: Kuid) -> int:
    """How many processes, zombies among them, are charged to `uid` in `userns`."""
    return sum(_charged(task.cred.userns, task.cred.uid, userns) == uid for task in system.tasks.values())


def exceeds_nproc(system: "System", task: "Task", cred: Credentials) -> bool:
    """Whether the real user of `cred` has more processes than the limit of `task`; root of the host never has."""
    if cred.uid == 0:
        return False
    limit = task.job.limits.get(Rlimit.NPROC)
    most = RLIM_INFINITY if limit is None else limit.soft
    if len(system.tasks) <= most:  # even if they were all that user's
        return False
    return processes_of(system, cred.userns, cred.uid) > most


def _charged(ns: UserNamespace, user: Kuid, userns: UserNamespace) -> Kuid | None:
    """To whom in `userns` something is charged that is charged to `user` in `ns`; None where it is not."""
    while ns.level > userns.level and ns.parent is not None:
        ns, user = ns.parent, ns.owner
    return user if ns is userns else None


# -- namespaces --

LIMITS = {
    int(CloneFlag.NEWUSER): "max_user_namespaces",
    int(CloneFlag.NEWNS): "max_mnt_namespaces",
    int(CloneFlag.NEWUTS): "max_uts_namespaces",
    int(CloneFlag.NEWIPC): "max_ipc_namespaces",
    int(CloneFlag.NEWPID): "max_pid_namespaces",
    int(CloneFlag.NEWCGROUP): "max_cgroup_namespaces",
    int(CloneFlag.NEWNET): "max_net_namespaces",
    int(CloneFlag.NEWTIME): "max_time_namespaces",
}
"""The files in /proc/sys/user."""

TYPES: dict[int, type[Namespace]] = {
    int(CloneFlag.NEWNS): MountNamespace,
    int(CloneFlag.NEWUTS): UtsNamespace,
    int(CloneFlag.NEWIPC): IpcNamespace,
    int(CloneFlag.NEWPID): PidNamespace,
    int(CloneFlag.NEWCGROUP): CgroupNamespace,
    int(CloneFlag.NEWNET): NetNamespace,
    int(CloneFlag.NEWTIME): TimeNamespace,
}
INT_MAX = 2**31 - 1
OF_THE_HOST = 96365
"""What a host allows of each type: half of its threads-max. A new user namespace allows as many as there can be."""


def allowed(userns: UserNamespace, name: str) -> int:
    """How many namespaces of a type each user of `userns` may have."""
    changed = userns.limits.get(name)
    if changed is not None:
        return changed
    return OF_THE_HOST if userns.parent is None else INT_MAX


def too_many(system: "System", cred: Credentials, flag: int) -> bool:
    """Whether one more namespace, made by `cred` for its user namespace, is more than its user may have, there or above."""
    name = LIMITS[flag]
    ever = system.next_inum - FIRST_NAMESPACE_INUM + 1  # of all types; the host's mount namespace is the one
    ns, user = cred.userns, cred.euid
    while True:
        most = allowed(ns, name)
        if ever >= most and _has_as_many(system, ns, user, flag, most):
            return True
        if ns.parent is None:
            return False
        ns, user = ns.parent, ns.owner


def _has_as_many(system: "System", userns: UserNamespace, user: Kuid, flag: int, most: int) -> bool:
    """Whether `user` has `most` namespaces of a type: if not even those that the state remembers are as many, or those already
    that processes live in. In between it depends on what descriptors and mounts hold: that is not modelled."""

    def is_counted(each: Namespace | UserNamespace) -> bool:
        if each.inum < FIRST_NAMESPACE_INUM and not isinstance(each, MountNamespace):
            return False  # the host's, which nobody has made
        if isinstance(each, UserNamespace):
            return each.parent is not None and _charged(each.parent, each.owner, userns) == user
        return _charged(each.owner, each.maker, userns) == user

    kind = UserNamespace if flag == CloneFlag.NEWUSER else TYPES[flag]
    if sum(isinstance(each, kind) and is_counted(each) for each in reachable(system)) < most:
        return False
    living = (task for task in system.tasks.values() if task.lives)
    if len({each for task in living for each in _namespaces(task, flag) if is_counted(each)}) < most:
        raise NotModelled(f"how many namespaces are left, where {LIMITS[flag]} is {most}")
    return True


def _namespaces(task: "Task", flag: int) -> Iterator[Namespace | UserNamespace]:
    """Those of a type that a process keeps alive."""
    of = task.namespaces
    match flag:
        case CloneFlag.NEWUSER:
            userns: UserNamespace | None = task.cred.userns
            while userns is not None:
                yield userns
                userns = userns.parent
        case CloneFlag.NEWPID:
            for pidns in (task.pid_namespace, of.pid_for_children):
                inner: PidNamespace | None = pidns
                while inner is not None:
                    yield inner
                    inner = inner.parent
        case CloneFlag.NEWTIME:
            yield of.time
            yield of.time_for_children
        case CloneFlag.NEWNS:
            yield of.mnt
        case CloneFlag.NEWUTS:
            yield of.uts
        case CloneFlag.NEWIPC:
            yield of.ipc
        case CloneFlag.NEWCGROUP:
            yield of.cgroup
        case _:
            yield of.net
