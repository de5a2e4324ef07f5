"""Making and copying namespaces: what CLONE_NEW* flags do (kernel/nsproxy.c, kernel/user_namespace.c create_user_ns).

Each function that makes something checks first, and has a `check_*` beside it that only checks: a call that has further
checks of its own calls that one before them, so that nothing is made when it is refused.
"""

from fakekernel import links, ucounts
from fakekernel.credentials import Credentials, has_capability
from fakekernel.mount import Mount, MountNamespace, Path
from fakekernel.mounttree import copy_mount_namespace, topmost
from fakekernel.namespaces import (
    CgroupNamespace,
    IpcNamespace,
    NamespaceSet,
    NetNamespace,
    PidNamespace,
    TimeNamespace,
    UtsNamespace,
)
from fakekernel.syscalls.base import SyscallBase
from fakekernel.task import FsContext
from fakekernel.userns import UserNamespace
from kernelapi.capability import EMPTY, FULL, Cap
from kernelapi.flags import CloneFlag
from kernelapi.protocol.namespaces import (
    ENTER_USER_CAPABILITIES,
    ENTER_USER_SECUREBITS,
    NEW_IPC_SYSVSEM,
    NEW_PID_OUTSIDE,
    NEW_PID_PENDING,
    NEW_PID_TOO_DEEP,
    NEW_QUOTA,
    NEW_UNPRIVILEGED,
    NEW_USER_CHROOTED,
    NEW_USER_QUOTA,
    NEW_USER_TOO_DEEP,
    NEW_USER_UNMAPPED,
)

MAX_LEVEL = 32
"""How deep namespaces nest. A user namespace may be made from within level 32, a pid namespace may be at level 32."""

NAMESPACES = int(
    CloneFlag.NEWNS | CloneFlag.NEWUTS | CloneFlag.NEWIPC | CloneFlag.NEWPID
    | CloneFlag.NEWCGROUP | CloneFlag.NEWNET | CloneFlag.NEWTIME
)  # fmt: skip
"""The flags of all types but user namespaces."""

NEWUSER, NEWNS, NEWUTS, NEWIPC = map(int, (CloneFlag.NEWUSER, CloneFlag.NEWNS, CloneFlag.NEWUTS, CloneFlag.NEWIPC))
NEWPID, NEWCGROUP, NEWNET, NEWTIME = map(int, (CloneFlag.NEWPID, CloneFlag.NEWCGROUP, CloneFlag.NEWNET, CloneFlag.NEWTIME))
IN_ORDER = (NEWNS, NEWUTS, NEWIPC, NEWPID, NEWCGROUP, NEWNET, NEWTIME)
SYSVSEM, VM = int(CloneFlag.SYSVSEM), int(CloneFlag.VM)


# -- user namespaces --


def check_new_user_namespace(kernel: SyscallBase, cred: Credentials) -> None:
    """Refuse what `new_user_namespace` refuses, without any effect."""
    if cred.userns.level > MAX_LEVEL:
        kernel.refuse(NEW_USER_TOO_DEEP)
    if ucounts.too_many(kernel.machine.system, cred, NEWUSER):
        kernel.refuse(NEW_USER_QUOTA)
    if is_chrooted(kernel.task.fs, kernel.task.namespaces.mnt):
        kernel.refuse(NEW_USER_CHROOTED)
    if not (cred.userns.maps_kuid(cred.euid) and cred.userns.maps_kgid(cred.egid)):
        kernel.refuse(NEW_USER_UNMAPPED)


def new_user_namespace(kernel: SyscallBase, cred: Credentials) -> Credentials:
    """What `cred` becomes in a new user namespace, a child of its own, that it owns (create_user_ns). Nothing is committed."""
    check_new_user_namespace(kernel, cred)
    parent = cred.userns
    userns = UserNamespace(
        store=kernel.store,
        inum=kernel.machine.system.take_inum(),
        parent=parent,
        level=parent.level + 1,
        owner=cred.euid,
        group=cred.egid,
        setgroups_allowed=parent.setgroups_allowed,
        parent_could_setfcap=Cap.SETFCAP in cred.effective,
    )
    return in_user_namespace(kernel, cred, userns)


def in_user_namespace(kernel: SyscallBase, cred: Credentials, userns: UserNamespace) -> Credentials:
    """What `cred` becomes on entering `userns`: the same ids, all capabilities there (set_cred_user_ns)."""
    cred = cred._replace(userns=userns)
    if kernel.happens(ENTER_USER_CAPABILITIES):
        cred = cred._replace(inheritable=EMPTY, permitted=FULL, effective=FULL, bounding=FULL, ambient=EMPTY)
    return cred._replace(securebits=0) if kernel.happens(ENTER_USER_SECUREBITS) else cred


def is_chrooted(fs: FsContext, mntns: MountNamespace) -> bool:
    """Whether the root of `fs` is not the topmost mount at the root of the mount namespace (current_chrooted)."""
    assert mntns.root is not None
    top = topmost(mntns.root)
    return fs.root.mount is not top or fs.root.dentry is not top.root


# -- the others --


def check_copy_namespaces(kernel: SyscallBase, flags: int, cred: Credentials) -> None:
    """Refuse what `copy_namespaces` refuses, without any effect.

    With CLONE_NEWUSER among the `flags`, `cred` may still be that of the parent user namespace: what it will be inside has
    every capability there.
    """
    if flags & NAMESPACES and not flags & NEWUSER and not has_capability(cred, Cap.SYS_ADMIN, cred.userns):
        kernel.refuse(NEW_UNPRIVILEGED)
    if flags & NEWIPC and flags & SYSVSEM:
        kernel.refuse(NEW_IPC_SYSVSEM)
    check_new_namespaces(kernel, flags, cred)


def check_unshare_namespaces(kernel: SyscallBase, flags: int, cred: Credentials) -> None:
    """Refuse what `unshare_namespaces` refuses, without any effect; `cred` as in `check_copy_namespaces`."""
    if flags & NAMESPACES and not flags & NEWUSER and not has_capability(cred, Cap.SYS_ADMIN, cred.userns):
        kernel.refuse(NEW_UNPRIVILEGED)
    check_new_namespaces(kernel, flags, cred)


def check_new_namespaces(kernel: SyscallBase, flags: int, cred: Credentials) -> None:
    """What creating the namespaces themselves refuses (create_new_namespaces), in the order of their creation."""
    for flag in IN_ORDER:
        if flags & flag:
            if flag == NEWPID:
                _check_new_pid_namespace(kernel, cred)
            if ucounts.too_many(kernel.machine.system, cred, flag):
                kernel.refuse(NEW_QUOTA)


def _check_new_pid_namespace(kernel: SyscallBase, cred: Credentials) -> None:
    task = kernel.task
    parent = task.namespaces.pid_for_children
    if parent is not task.pid_namespace:
        kernel.refuse(NEW_PID_PENDING)
    if not cred.userns.is_within(parent.owner):
        kernel.refuse(NEW_PID_OUTSIDE)
    if parent.level >= MAX_LEVEL:
        kernel.refuse(NEW_PID_TOO_DEEP)


def copy_namespaces(kernel: SyscallBase, flags: int, cred: Credentials, fs: FsContext) -> NamespaceSet:
    """The namespaces of a child that the caller makes with these clone `flags` (copy_namespaces of nsproxy.c).

    `cred` are the child's credentials: new namespaces belong to its user namespace. `fs` is the child's own filesystem
    context, which follows into a new mount namespace. A child with an address space of its own enters the time namespace
    that is meant for children.
    """
    check_copy_namespaces(kernel, flags, cred)
    namespaces = kernel.task.namespaces
    if flags & NAMESPACES:
        namespaces = create_namespaces(kernel, flags, cred, fs)
    return namespaces if flags & VM else enter_time_namespace(namespaces)


def unshare_namespaces(kernel: SyscallBase, flags: int, cred: Credentials, fs: FsContext) -> NamespaceSet:
    """The namespaces of the caller once it has left those that `flags` name (unshare_nsproxy_namespaces).

    `cred` are the credentials that it will have, `fs` the filesystem context.
    """
    check_unshare_namespaces(kernel, flags, cred)
    return create_namespaces(kernel, flags, cred, fs) if flags & NAMESPACES else kernel.task.namespaces


def create_namespaces(kernel: SyscallBase, flags: int, cred: Credentials, fs: FsContext) -> NamespaceSet:
    """The caller's namespaces, with new ones for the CLONE_NEW* `flags`, owned by the user namespace of `cred`.

    Below the checks: nothing is refused any more. In the kernel's order of creation, so that their numbers are in that order.
    """
    store, system, owner, caller = kernel.store, kernel.machine.system, cred.userns, kernel.task.cred
    maker = caller.euid
    mnt, uts, ipc, net, cgroup, time, time_for_children, pid_for_children = kernel.task.namespaces
    if flags & NEWNS:
        mnt, moved = copy_mount_namespace(kernel, owner)
        follow(fs, moved)
    if flags & NEWUTS:
        uts = UtsNamespace(
            store=store, inum=system.take_inum(), owner=owner, maker=maker, nodename=uts.nodename, domainname=uts.domainname
        )
    if flags & NEWIPC:
        ipc = IpcNamespace(store=store, inum=system.take_inum(), owner=owner, maker=maker, uid=caller.fsuid, gid=caller.fsgid)
    if flags & NEWPID:
        parent = pid_for_children
        pid_for_children = PidNamespace(
            store=store, inum=system.take_inum(), owner=owner, maker=maker, parent=parent, level=parent.level + 1
        )
    if flags & NEWCGROUP:
        cgroup = CgroupNamespace(store=store, inum=system.take_inum(), owner=owner, maker=maker, roots=kernel.task.cgroups)
    if flags & NEWNET:
        net = NetNamespace(store=store, inum=system.take_inum(), owner=owner, maker=maker)
        links.loopback(store, net)
    if flags & NEWTIME:
        old = time_for_children
        time_for_children = TimeNamespace(
            store=store, inum=system.take_inum(), owner=owner, maker=maker, monotonic=old.monotonic, boottime=old.boottime
        )
    return NamespaceSet(mnt, uts, ipc, net, cgroup, time, time_for_children, pid_for_children)


def enter_time_namespace(namespaces: NamespaceSet) -> NamespaceSet:
    """`namespaces` once the time namespace for children is the process' own: at its birth, and at exec (timens_on_fork)."""
    entered = namespaces.time_for_children
    if entered is namespaces.time:
        return namespaces
    if not entered.frozen:
        entered.frozen = True
    return namespaces._replace(time=entered)


def follow(fs: FsContext, moved: dict[Mount, Mount]) -> None:
    """Let root and working directory of `fs` be in the copies of the mounts that they were in."""
    if fs.root.mount in moved:
        fs.root = Path(moved[fs.root.mount], fs.root.dentry)
    if fs.cwd.mount in moved:
        fs.cwd = Path(moved[fs.cwd.mount], fs.cwd.dentry)
