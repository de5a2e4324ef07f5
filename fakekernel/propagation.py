"""How a mount and an umount reach the other places that share their events (mount_namespaces(7), fs/pnode.c).

`attach_tree` and `umount_tree` do what was asked for, and all that follows from it elsewhere.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from fakekernel.filesystem import Dentry
from fakekernel.mount import Mount, MountNamespace
from fakekernel.mounttree import (
    attach,
    copy_tree,
    descend,
    detach,
    enter_namespace,
    is_below,
    leave_namespace,
    lock_tree,
    mount_on,
    overmount,
    topmost,
)
from fakekernel.peers import make_private, make_shared, receivers
from fakekernel.store import Table
from kernelapi.protocol.mounts import MOUNT_PROPAGATES, MOUNT_TUCKS
from kernelapi.rules import Rule

if TYPE_CHECKING:
    from fakekernel.system import System


# -- mounting --


def attach_tree(
    system: "System",
    ns: MountNamespace,
    source: Mount,
    parent: Mount,
    mountpoint: Dentry,
    suspended: Collection[Rule] = (),
) -> None:
    """Attach the tree `source` on `mountpoint` of `parent`, and copies of it wherever that propagates to.

    `ns` is the caller's mount namespace. A tree that is attached elsewhere is moved. Where something is already mounted, as it
    can be in the places that the event propagates to, the new tree goes below it (fs/namespace.c attach_recursive_mnt).
    """
    placed = [(source, parent)]
    if parent.group and MOUNT_PROPAGATES not in suspended:
        plan = _plan(system, parent, mountpoint)  # by what is shared now: the tree may itself be among the receivers
        for mount in descend(source):
            make_shared(system, mount)
        placed += _carry_out(system, plan, source)
    if source.parent is not None:
        detach(source)
    for tree, place in placed:
        assert place.ns is not None
        if place.ns.owner is not ns.owner:
            lock_tree(tree)
        present = mount_on(place, mountpoint)
        if present is not None and MOUNT_TUCKS in suspended:  # on top, as where it was asked for
            above = topmost(present)
            attach(tree, above, above.root)
            present = None
        else:
            if present is not None:
                detach(present)
            attach(tree, place, mountpoint)
        enter_namespace(tree, place.ns)
        if present is not None:
            top = topmost(tree)
            attach(present, top, top.root)


class _Secondary(NamedTuple):
    """A copy to be made for `place`: of the copy with the index `template` in the plan, or of the tree itself (SOURCE).

    It becomes a slave of that or a peer; a slave that has peers of its own is `shared` too.
    """

    place: Mount
    template: int
    as_slave: bool
    shared: bool


SOURCE = -1


def _plan(system: "System", parent: Mount, mountpoint: Dentry) -> list[_Secondary]:
    """What to copy for whom when something is mounted on `mountpoint` of the shared mount `parent`.

    The copies stand to each other as their places do: peers for peers, slaves for slaves. A place in which `mountpoint` cannot
    be seen gets none; what receives from there gets slaves of the nearest copy above (fs/pnode.c propagate_mnt).
    """
    plan: list[_Secondary] = []
    waiting = [(parent.group, SOURCE)]
    while waiting:
        number, template = waiting.pop()
        group = system.groups[number]
        as_slave = number != parent.group
        for place in _by_age(group.members):
            if place is not parent and _shows(place, mountpoint):
                plan.append(_Secondary(place, template, as_slave, shared=True))
                if as_slave:  # the first of a group of slaves: its own peers are copies of it
                    template, as_slave = len(plan) - 1, False
        seen: set[int] = set()
        for slave in _by_age(group.slaves):
            if slave.group:
                if slave.group not in seen:
                    seen.add(slave.group)
                    waiting.append((slave.group, template))
            elif _shows(slave, mountpoint):
                plan.append(_Secondary(slave, template, as_slave=True, shared=False))
    return plan


def _carry_out(system: "System", plan: list[_Secondary], source: Mount) -> list[tuple[Mount, Mount]]:
    """The copies of the shared tree `source`, each with the mount that it belongs on."""
    copies: list[Mount] = []
    for _, template, as_slave, shared in plan:
        original = source if template == SOURCE else copies[template]
        copy = copy_tree(system, original, original.root, as_slaves=as_slave)[original]
        if as_slave and shared:
            for mount in descend(copy):
                make_shared(system, mount)
        copies.append(copy)
    return [(copy, secondary.place) for copy, secondary in zip(copies, plan, strict=True)]


def _by_age(mounts: "Table[int, Mount]") -> list[Mount]:
    return [mounts[id] for id in sorted(mounts)]


def _shows(mount: Mount, dentry: Dentry) -> bool:
    """Whether `dentry` can be seen in `mount`, and `mount` is in a namespace: not one that this propagation has just made."""
    return mount.ns is not None and is_below(dentry, mount.root)


# -- umounting --


def umount_tree(
    system: "System", root: Mount, *, propagate: bool = True, lazy: bool = False, connected: bool = False
) -> None:
    """Take the tree below `root` out of its namespace, and what it propagates to out of theirs (fs/namespace.c umount_tree).

    Of a `lazy` umount, whoever is inside keeps a mount, apart from the others: they are disconnected from each other, except
    those that are locked together, or all of them where they are to stay `connected`.
    """
    if propagate and root.parent is not None and root.mountpoint is not None:
        for receiver in receivers(system, root.parent):
            child = mount_on(receiver, root.mountpoint)
            if child is not None and child.locked:
                child.locked = False
    doomed = dict.fromkeys(descend(root))
    survivors: list[tuple[Mount, Mount, Dentry]] = []
    if propagate:
        extra = _Umount(system, doomed).also_doomed()
        doomed.update(dict.fromkeys(extra))
        survivors = [_slide(over, doomed) for mount in extra if (over := overmount(mount)) is not None and over not in doomed]
    for mount in doomed:
        leave_namespace(mount)
    for over, _, _ in survivors:
        detach(over)
    for mount in doomed:
        parent = mount.parent
        stays = lazy and parent in doomed and (connected or mount.locked)
        if parent is not None and not stays:
            detach(mount)
        make_private(system, mount)
    for over, parent, mountpoint in survivors:
        attach(over, parent, mountpoint)


def _slide(over: Mount, doomed: dict[Mount, None]) -> tuple[Mount, Mount, Dentry]:
    """Where `over`, which stays, belongs when the stack of mounts that it covers is gone."""
    below = over
    while True:
        parent, mountpoint = below.parent, below.mountpoint
        assert parent is not None
        assert mountpoint is not None
        if parent not in doomed:
            return over, parent, mountpoint
        below = parent


class _Umount:
    """Which mounts go when `doomed` do, by propagation (fs/pnode.c propagate_umount).

    A candidate is what is mounted at the same place of a receiver. Of these go the ones on which nothing stays mounted, other
    than on their root; and a locked one only together with what it is mounted on.
    """

    def __init__(self, system: "System", doomed: dict[Mount, None]) -> None:
        self.system = system
        self.going = dict.fromkeys(doomed)
        self.candidates: dict[Mount, None] = {}
        self.marked: set[Mount] = set()

    def also_doomed(self) -> list[Mount]:
        before = len(self.going)
        for mount in list(self.going):
            if mount.parent is not None and mount.parent.group and mount.mountpoint is not None:
                for receiver in receivers(self.system, mount.parent):
                    child = mount_on(receiver, mount.mountpoint)
                    if child is not None and child not in self.going:
                        self.candidates[child] = None
        undecided: list[Mount] = []
        for mount in list(reversed(self.candidates)):
            if not self._decide(mount):
                undecided.append(mount)
        for mount in undecided:
            self._take_with_locks(mount)
        return list(self.going)[before:]

    def _decide(self, mount: Mount) -> bool:
        """Whether it is clear already what becomes of `mount`."""
        if mount not in self.candidates:
            return True
        stays = False
        left = False
        for child in mount.children.values():
            if child in self.going:
                continue
            left = True
            if child not in self.candidates:
                stays = True
                if child is not overmount(mount):
                    self._keep_ancestors(mount)
                    del self.candidates[mount]
                    return True
        if stays:
            self._keep_ancestors(mount)
        elif not mount.locked and not left:
            del self.candidates[mount]
            self.going[mount] = None
            return True
        return False

    def _keep_ancestors(self, mount: Mount) -> None:
        """Something on `mount` stays: so does each candidate on which it hangs other than by a stack of roots."""
        below, parent = mount, mount.parent
        while parent is not None and parent in self.candidates:
            if below in self.marked:
                return
            self.marked.add(below)
            if below is not overmount(parent):
                del self.candidates[parent]
            below, parent = parent, parent.parent

    def _take_with_locks(self, mount: Mount) -> None:
        """Take `mount`, and those that it hangs on, as far up as leaves no locked one separated from its parent."""
        if mount not in self.candidates:
            return
        cutoff: Mount | None = mount
        at: Mount | None = mount
        while at is not None and at in self.candidates:
            del self.candidates[at]
            if not at.locked:
                cutoff = at.parent
            at = at.parent
        if at is not None and at in self.going:
            cutoff = at
        at = mount
        while at is not None and at is not cutoff:
            self.going[at] = None
            at = at.parent


def detach_mounts(system: "System", dentry: Dentry) -> None:
    """Undo all mounts on `dentry`, wherever they are: it is being removed (fs/namespace.c __detach_mounts)."""
    for mount in list(dentry.mounted.values()):
        if mount.ns is None:
            detach(mount)
        else:
            umount_tree(system, mount, propagate=False, lazy=True, connected=True)


def keeps_busy(system: "System", mount: Mount, used: set[Mount]) -> bool:
    """Whether `mount`, or a mount that would go with it, is in use (fs/pnode.c propagate_mount_busy)."""
    if len(mount.children) or mount in used:
        return True
    assert mount.parent is not None  # the root of a namespace carries what the caller stands on, or the caller
    assert mount.mountpoint is not None
    for receiver in receivers(system, mount.parent):
        child = mount_on(receiver, mount.mountpoint)
        if child is None or (len(child.children) and not (len(child.children) == 1 and overmount(child) is not None)):
            continue
        if child in used:
            return True
    return False
