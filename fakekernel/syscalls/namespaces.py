"""Joining and leaving namespaces (kernel/nsproxy.c, kernel/fork.c)."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from fakekernel.credentials import Credentials, has_capability
from fakekernel.description import Description
from fakekernel.filetable import unshare_table, usable
from fakekernel.mount import MountNamespace, Path
from fakekernel.mounttree import topmost
from fakekernel.mountusers import leave_mount_namespace
from fakekernel.namespaces import (
    CgroupNamespace,
    IpcNamespace,
    Namespace,
    NamespaceSet,
    NetNamespace,
    PidNamespace,
    TimeNamespace,
    UtsNamespace,
)
from fakekernel.netusers import leave_network_namespace
from fakekernel.nsproxy import (
    NAMESPACES,
    NEWCGROUP,
    NEWIPC,
    NEWNET,
    NEWNS,
    NEWPID,
    NEWTIME,
    NEWUSER,
    NEWUTS,
    VM,
    check_new_user_namespace,
    check_unshare_namespaces,
    in_user_namespace,
    new_user_namespace,
    unshare_namespaces,
)
from fakekernel.ptrace import may_access_by_real_ids
from fakekernel.store import Record
from fakekernel.syscalls.base import SyscallBase
from fakekernel.task import FsContext, StructPid, Task
from fakekernel.userns import UserNamespace
from kernelapi.capability import Cap
from kernelapi.flags import CloneFlag
from kernelapi.ids import Fd
from kernelapi.protocol.namespaces import (
    SETNS_FLAGS,
    SETNS_MNT_ROOT,
    SETNS_MNT_SHARED_FS,
    SETNS_MNT_UNPRIVILEGED,
    SETNS_NOT_A_NAMESPACE,
    SETNS_NOT_READABLE,
    SETNS_OTHER_TYPE,
    SETNS_PID_OUTSIDE,
    SETNS_PROCESS_GONE,
    SETNS_TIME_FREEZES,
    SETNS_TIME_SHARED_VM,
    SETNS_UNPRIVILEGED,
    SETNS_USER_OWN,
    SETNS_USER_SHARED_FS,
    SETNS_USER_UNPRIVILEGED,
    UNSHARE_SIGHAND,
    UNSHARE_UNKNOWN,
    UNSHARE_VM,
)

FS, FILES, SIGHAND, THREAD = map(int, (CloneFlag.FS, CloneFlag.FILES, CloneFlag.SIGHAND, CloneFlag.THREAD))
UNSHARABLE = NAMESPACES | NEWUSER | VM | SIGHAND | THREAD | FS | FILES | int(CloneFlag.SYSVSEM)
JOINABLE = NAMESPACES | NEWUSER


class Joining(NamedTuple):
    """What the caller will be once all namespaces of one setns have been entered (struct nsset)."""

    namespaces: NamespaceSet
    cred: Credentials
    root: Path | None = None


class NamespaceCalls(SyscallBase):
    """Joining and leaving namespaces."""

    __slots__ = ()

    def unshare(self, flags: int) -> None:
        task = self.task
        if flags & (NEWUSER | NEWNS):
            flags |= FS
        if flags & VM:
            flags |= SIGHAND
        if flags & ~UNSHARABLE:
            self.refuse(UNSHARE_UNKNOWN)
        if flags & SIGHAND and task.actions.users > 1:
            self.refuse(UNSHARE_SIGHAND)
        if flags & VM and task.mm.users > 1:
            self.refuse(UNSHARE_VM)
        cred = task.cred
        if flags & NEWUSER:
            check_new_user_namespace(self, cred)
        check_unshare_namespaces(self, flags, cred)
        # -- effects only below --
        fs = task.fs
        if flags & FS and fs.users > 1:
            fs.users -= 1
            task.fs = fs = FsContext(store=self.store, root=fs.root, cwd=fs.cwd, umask=fs.umask)
        if flags & FILES:
            unshare_table(task)
        if flags & NEWUSER:
            cred = new_user_namespace(self, cred)
        if flags & NAMESPACES:
            left = task.namespaces
            task.namespaces = unshare_namespaces(self, flags, cred, fs)
            self._leave(left)
        if flags & NEWUSER:
            self.commit_creds(cred)

    def setns(self, fd: Fd, nstype: int) -> None:
        description = usable(self, fd)
        task = self.task
        joining = Joining(task.namespaces, task.cred)
        if description.behaviour == "ns":
            ns = description.subject
            assert ns is not None
            flag = type_of(ns)
            if nstype and nstype != flag:
                self.refuse(SETNS_OTHER_TYPE)
            flags = flag
            joining = JOIN[flag](self, ns, joining, flags)
        elif description.behaviour == "pidfd":
            if not nstype or nstype & ~JOINABLE:
                self.refuse(SETNS_FLAGS)
            flags = nstype
            for flag, ns in self._namespaces_of(description, flags):
                joining = JOIN[flag](self, ns, joining, flags)
        else:
            self.fail(SETNS_NOT_A_NAMESPACE)
        # -- effects only below --
        if flags & NEWUSER:
            self.commit_creds(joining.cred)
        if joining.root is not None:
            task.fs.root = task.fs.cwd = joining.root
        if flags & NEWTIME and not joining.namespaces.time.frozen and self.happens(SETNS_TIME_FREEZES):
            joining.namespaces.time.frozen = True
        left = task.namespaces
        task.namespaces = joining.namespaces
        self._leave(left)

    def _leave(self, left: NamespaceSet) -> None:
        """The caller has left some of these namespaces: with the last process, some come to an end."""
        now = self.task.namespaces
        if now.mnt is not left.mnt:
            leave_mount_namespace(self.machine.system, left.mnt)
        if now.net is not left.net:
            leave_network_namespace(self.machine, left.net)

    def _namespaces_of(self, description: Description, flags: int) -> list[tuple[int, Record]]:
        """The namespaces, of the types in `flags`, of the process behind a pidfd: in the order in which they are entered."""
        subject = description.subject
        target = subject.task if isinstance(subject, StructPid) else subject
        assert target is None or isinstance(target, Task)
        if target is None:
            self.refuse(SETNS_PROCESS_GONE)
            return []  # suspended: there is nothing to enter
        if not may_access_by_real_ids(self.task, target):
            self.refuse(SETNS_NOT_READABLE)
        if not target.lives:
            self.refuse(SETNS_PROCESS_GONE)
        theirs = target.namespaces
        found: tuple[tuple[int, Record], ...] = (
            (NEWUSER, target.cred.userns),
            (NEWNS, theirs.mnt),
            (NEWUTS, theirs.uts),
            (NEWIPC, theirs.ipc),
            (NEWPID, target.pid_namespace),
            (NEWCGROUP, theirs.cgroup),
            (NEWNET, theirs.net),
            (NEWTIME, theirs.time),
        )
        return [(flag, ns) for flag, ns in found if flags & flag]


# -- entering one namespace of each type --


TYPES: Mapping[type, int] = {
    UserNamespace: NEWUSER,
    MountNamespace: NEWNS,
    UtsNamespace: NEWUTS,
    IpcNamespace: NEWIPC,
    PidNamespace: NEWPID,
    CgroupNamespace: NEWCGROUP,
    NetNamespace: NEWNET,
    TimeNamespace: NEWTIME,
}


def type_of(ns: Record) -> int:
    """The CLONE_NEW* flag of a namespace's type."""
    return next(flag for cls, flag in TYPES.items() if isinstance(ns, cls))


def _join_user(kernel: SyscallBase, ns: UserNamespace, joining: Joining, flags: int) -> Joining:
    task = kernel.task
    if ns is task.cred.userns:
        kernel.refuse(SETNS_USER_OWN)
    if task.fs.users > 1:
        kernel.refuse(SETNS_USER_SHARED_FS)
    if not kernel.capable_over(ns, Cap.SYS_ADMIN):
        kernel.refuse(SETNS_USER_UNPRIVILEGED)
    return joining._replace(cred=in_user_namespace(kernel, joining.cred, ns))


def _join_mnt(kernel: SyscallBase, ns: MountNamespace, joining: Joining, flags: int) -> Joining:
    own = joining.cred.userns
    if not (
        kernel.capable_over(ns.owner, Cap.SYS_ADMIN)
        and kernel.capable_over(own, Cap.SYS_CHROOT)
        and kernel.capable_over(own, Cap.SYS_ADMIN)
    ):
        kernel.refuse(SETNS_MNT_UNPRIVILEGED)
    # Together with other types Linux looks at a copy of the filesystem context, made for the call, that nobody shares.
    if flags == NEWNS and kernel.task.fs.users > 1:
        kernel.refuse(SETNS_MNT_SHARED_FS)
    namespaces = joining.namespaces._replace(mnt=ns)
    if not kernel.happens(SETNS_MNT_ROOT) or ns.root is None:
        return joining._replace(namespaces=namespaces)
    top = topmost(ns.root)
    return joining._replace(namespaces=namespaces, root=Path(top, top.root))


def _join_pid(kernel: SyscallBase, ns: PidNamespace, joining: Joining, flags: int) -> Joining:
    _check_owner(kernel, ns, joining)
    active = kernel.task.pid_namespace
    above: PidNamespace | None = ns
    while above is not None and above is not active:
        above = above.parent
    if above is None:
        kernel.refuse(SETNS_PID_OUTSIDE)
    return joining._replace(namespaces=joining.namespaces._replace(pid_for_children=ns))


def _join_time(kernel: SyscallBase, ns: TimeNamespace, joining: Joining, flags: int) -> Joining:
    if kernel.task.mm.users > 1:
        kernel.refuse(SETNS_TIME_SHARED_VM)
    _check_owner(kernel, ns, joining)
    return joining._replace(namespaces=joining.namespaces._replace(time=ns, time_for_children=ns))


def _join_uts(kernel: SyscallBase, ns: UtsNamespace, joining: Joining, flags: int) -> Joining:
    _check_owner(kernel, ns, joining)
    return joining._replace(namespaces=joining.namespaces._replace(uts=ns))


def _join_ipc(kernel: SyscallBase, ns: IpcNamespace, joining: Joining, flags: int) -> Joining:
    _check_owner(kernel, ns, joining)
    return joining._replace(namespaces=joining.namespaces._replace(ipc=ns))


def _join_cgroup(kernel: SyscallBase, ns: CgroupNamespace, joining: Joining, flags: int) -> Joining:
    _check_owner(kernel, ns, joining)
    return joining._replace(namespaces=joining.namespaces._replace(cgroup=ns))


def _join_net(kernel: SyscallBase, ns: NetNamespace, joining: Joining, flags: int) -> Joining:
    _check_owner(kernel, ns, joining)
    return joining._replace(namespaces=joining.namespaces._replace(net=ns))


def _check_owner(kernel: SyscallBase, ns: Namespace, joining: Joining) -> None:
    """CAP_SYS_ADMIN over the owner of the namespace, and over the user namespace that the caller will then be in."""
    caller = kernel.task.cred
    if not (
        has_capability(caller, Cap.SYS_ADMIN, ns.owner) and has_capability(caller, Cap.SYS_ADMIN, joining.cred.userns)
    ):
        kernel.refuse(SETNS_UNPRIVILEGED)


JOIN: Mapping[int, Callable[..., Joining]] = {
    NEWUSER: _join_user,
    NEWNS: _join_mnt,
    NEWUTS: _join_uts,
    NEWIPC: _join_ipc,
    NEWPID: _join_pid,
    NEWCGROUP: _join_cgroup,
    NEWNET: _join_net,
    NEWTIME: _join_time,
}
"""Checks that the caller may enter a namespace, and says what it then is: `(kernel, ns, joining, all flags of the call)`."""
