"""The shape of mount trees: attaching, detaching, copying a tree, copying a namespace (fs/namespace.c).

Nothing here checks permissions, and nothing here propagates: see `fakekernel.propagation`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fakekernel.filesystem import Dentry
from fakekernel.mount import Mount, MountNamespace, Path
from fakekernel.peers import enslave, join, make_private
from fakekernel.userns import UserNamespace
from kernelapi.flags import MountFlag
from kernelapi.protocol.namespaces import NEW_NAMESPACE_LOCKS

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.system import System

ATIME_FLAGS = MountFlag.NOATIME | MountFlag.NODIRATIME | MountFlag.RELATIME
LOCKABLE_FLAGS = MountFlag.RDONLY | MountFlag.NOSUID | MountFlag.NODEV | MountFlag.NOEXEC
"""The per-mount flags that a less privileged namespace cannot clear when they were set at the time of the copy."""


# -- attaching and detaching --


def attach(mount: Mount, parent: Mount, mountpoint: Dentry) -> None:
    """Attach `mount` on `mountpoint`, as seen through `parent`. Nothing may be mounted there yet."""
    mount.attached = parent.attachments = parent.attachments + 1
    mount.parent = parent
    mount.mountpoint = mountpoint
    parent.children[mount.id] = mount
    mountpoint.mounted[parent.id] = mount


def detach(mount: Mount) -> None:
    """Take `mount` from where it is attached; what is mounted below it stays with it."""
    parent, mountpoint = mount.parent, mount.mountpoint
    if parent is None or mountpoint is None:
        return
    assert mountpoint.mounted.get(parent.id) is mount
    del mountpoint.mounted[parent.id]
    del parent.children[mount.id]
    mount.parent = None
    mount.mountpoint = None


def enter_namespace(root: Mount, ns: MountNamespace) -> None:
    """Make the tree below `root` part of `ns`."""
    for mount in descend(root):
        if mount.ns is not ns:
            mount.ns = ns
            ns.mounts[mount.id] = mount


def leave_namespace(mount: Mount) -> None:
    """Take one mount out of the namespace that it is part of."""
    assert mount.ns is not None
    del mount.ns.mounts[mount.id]
    mount.ns = None


# -- looking --


def mount_on(mount: Mount, dentry: Dentry) -> Mount | None:
    """What is mounted on `dentry`, as seen through `mount`."""
    found: Mount | None = dentry.mounted.get(mount.id)
    return found


def overmount(mount: Mount) -> Mount | None:
    """What is mounted on the root of `mount`."""
    return mount_on(mount, mount.root)


def topmost(mount: Mount) -> Mount:
    """The last of the mounts that are stacked on the root of `mount`; `mount` itself where there are none."""
    while (over := overmount(mount)) is not None:
        mount = over
    return mount


def children_of(mount: Mount) -> list[Mount]:
    """The mounts on `mount`, in the order in which they were attached."""
    children = mount.children.values()
    return sorted(children, key=_attached) if len(children) > 1 else children


def _attached(mount: Mount) -> int:
    return mount.attached


def descend(root: Mount) -> Iterator[Mount]:
    """`root` and all mounts below it, parents first."""
    waiting = [root]
    while waiting:
        mount = waiting.pop()
        yield mount
        if len(mount.children):
            waiting.extend(reversed(children_of(mount)))


def is_ancestor(ancestor: Mount, mount: Mount | None) -> bool:
    """Whether `mount` is `ancestor` or hangs below it."""
    while mount is not None:
        if mount is ancestor:
            return True
        mount = mount.parent
    return False


def is_below(dentry: Dentry | None, directory: Dentry) -> bool:
    """Whether `dentry` is `directory` or lies in it, in the same file system (fs/dcache.c is_subdir)."""
    while dentry is not None:
        if dentry is directory:
            return True
        dentry = dentry.parent
    return False


def is_reachable(path: Path, root: Path) -> bool:
    """Whether a walk upwards from `path` comes by `root` (fs/namespace.c is_path_reachable)."""
    mount, dentry = path
    while mount is not root.mount:
        parent, mountpoint = mount.parent, mount.mountpoint
        if parent is None or mountpoint is None:
            return False
        mount, dentry = parent, mountpoint
    return is_below(dentry, root.dentry)


# -- copying --


def clone_mount(system: "System", old: Mount, root: Dentry, *, as_slave: bool = False) -> Mount:
    """An unattached mount of `root`, a dentry of the file system of `old`, with the flags of `old`.

    It is a peer of `old` where that is shared, and a slave of the same master; `as_slave`: a slave of `old` where that is
    shared. Being locked is not inherited; nor is being unbindable (since 6.17; before that it was).
    """
    new = Mount(
        store=system.store, id=system.take_mount_id(), sb=old.sb, root=root, flags=old.flags, locked_flags=old.locked_flags,
        source=old.source,
    )  # fmt: skip
    if old.group and as_slave:
        enslave(system, new, old.group)
    else:
        if old.group:
            join(system, new, old.group)
        if old.master:
            enslave(system, new, old.master)
    return new


def copy_tree(
    system: "System", old: Mount, root: Dentry, *, as_slaves: bool = False, copy_unbindable: bool = True
) -> dict[Mount, Mount]:
    """An unattached copy of the part of the tree below `old` that lies in the directory `root` of its file system.

    Returns the copy of each mount, that of `old` first. `as_slaves`: the copies of shared mounts are slaves of them. Without
    `copy_unbindable` the unbindable mounts below `old` are left out, with all that is below them.
    """
    copies = {old: clone_mount(system, old, root, as_slave=as_slaves)}
    waiting = [child for child in reversed(children_of(old)) if is_below(child.mountpoint, root)]
    while waiting:
        mount = waiting.pop()
        if mount.unbindable and not copy_unbindable:
            continue
        assert mount.parent is not None
        assert mount.mountpoint is not None
        copy = clone_mount(system, mount, mount.root, as_slave=as_slaves)
        if mount.locked:
            copy.locked = True
        copies[mount] = copy
        attach(copy, copies[mount.parent], mount.mountpoint)
        if len(mount.children):
            waiting.extend(reversed(children_of(mount)))
    return copies


def size_of_copy(old: Mount, root: Dentry) -> int:
    """How many mounts `copy_tree` makes without the unbindable ones."""
    number = 0
    waiting = [child for child in old.children.values() if is_below(child.mountpoint, root)]
    while waiting:
        mount = waiting.pop()
        if not mount.unbindable:
            number += 1
            waiting.extend(mount.children.values())
    return number + 1


def left_out(old: Mount, root: Dentry) -> list[Mount]:
    """The unbindable mounts that `copy_tree` leaves out at the top of what it leaves out."""
    found = []
    waiting = [child for child in children_of(old) if is_below(child.mountpoint, root)]
    while waiting:
        mount = waiting.pop()
        if mount.unbindable:
            found.append(mount)
        else:
            waiting.extend(mount.children.values())
    return found


def lock_tree(root: Mount) -> None:
    """Lock the flags of all mounts of the tree, and all but `root` to where they are (fs/namespace.c lock_mnt_tree)."""
    for mount in descend(root):
        mount.locked_flags = mount.locked_flags | ATIME_LOCK | (mount.flags & LOCKABLE_FLAGS)
        if mount is not root:
            mount.locked = True


ATIME_LOCK = MountFlag.RELATIME
"""In `Mount.locked_flags`: the way in which access times are kept must stay as it is, whatever it is (MNT_LOCK_ATIME)."""


def copy_mount_namespace(kernel: "SyscallBase", owner: UserNamespace) -> tuple[MountNamespace, dict[Mount, Mount]]:
    """A copy of the caller's mount namespace, owned by `owner`; and, for each of the old mounts, its copy.

    The caller moves roots and working directories over. With another owning user namespace than before the copies are locked:
    as a unit to where they are, and in their flags; and shared mounts become slaves (fs/namespace.c copy_mnt_ns).
    """
    system = kernel.machine.system
    old = kernel.task.namespaces.mnt
    assert old.root is not None
    less_privileged = owner is not old.owner and kernel.happens(NEW_NAMESPACE_LOCKS)
    ns = MountNamespace(store=system.store, inum=system.take_inum(), owner=owner, maker=kernel.task.cred.euid)
    copies = copy_tree(system, old.root, old.root.root, as_slaves=less_privileged)
    ns.root = copies[old.root]
    if less_privileged:
        lock_tree(ns.root)
    enter_namespace(ns.root, ns)
    return ns, copies


def dissolve(system: "System", ns: MountNamespace) -> None:
    """Nobody uses the namespace any more: its mounts come apart (fs/namespace.c put_mnt_ns)."""
    for mount in ns.mounts.values():
        make_private(system, mount)
        leave_namespace(mount)
        if not mount.locked:
            detach(mount)
    ns.root = None
