"""Who shares mount events with whom: peer groups, and the slaves of a group (mount_namespaces(7), fs/pnode.c).

All members of a group are slaves of the same other group, or of none: so a group has at most one master.
"""

from typing import TYPE_CHECKING

from fakekernel.mount import Mount, PeerGroup
from kernelapi.flags import MountFlag

if TYPE_CHECKING:
    from fakekernel.system import System


def join(system: "System", mount: Mount, number: int) -> None:
    """Make `mount` a member of the peer group `number`, which is made where there is none."""
    group = system.groups.get(number)
    if group is None:
        group = PeerGroup(store=system.store)
        system.groups[number] = group
    mount.group = number
    group.members[mount.id] = mount


def enslave(system: "System", mount: Mount, number: int) -> None:
    """Let `mount` receive the events of the group `number`, and of no other."""
    if mount.master:
        del system.groups[mount.master].slaves[mount.id]
    mount.master = number
    system.groups[number].slaves[mount.id] = mount


def make_shared(system: "System", mount: Mount) -> None:
    """Give `mount` a peer group of its own, unless it has one. A slave stays one: what it receives it passes on."""
    if mount.unbindable:
        mount.unbindable = False
    if not mount.group:
        join(system, mount, system.take_group())


def make_slave(system: "System", mount: Mount) -> None:
    """Let `mount` only receive. Of a group of several it becomes a slave; where it was alone, it keeps what master it has."""
    number = mount.group
    if number:
        alone = len(system.groups[number].members) == 1
        _leave_group(system, mount)
        if not alone:
            enslave(system, mount, number)


def make_private(system: "System", mount: Mount) -> None:
    """Let `mount` neither send nor receive."""
    if mount.group:
        _leave_group(system, mount)
    if mount.master:
        del system.groups[mount.master].slaves[mount.id]
        mount.master = 0


def change_propagation(system: "System", mount: Mount, kind: int) -> None:
    """Make `mount` MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE (fs/pnode.c change_mnt_propagation)."""
    if kind == MountFlag.SHARED:
        make_shared(system, mount)
    elif kind == MountFlag.SLAVE:
        make_slave(system, mount)
    else:
        make_private(system, mount)
        unbindable = kind == MountFlag.UNBINDABLE
        if mount.unbindable is not unbindable:
            mount.unbindable = unbindable


def receivers(system: "System", mount: Mount) -> list[Mount]:
    """The mounts to which what happens on `mount` propagates: its peers, their slaves, the peers and slaves of those."""
    if not mount.group:
        return []
    found: dict[Mount, None] = {}
    waiting = [mount.group]
    seen = {mount.group}
    while waiting:
        group = system.groups[waiting.pop()]
        for table in (group.members, group.slaves):
            for id in sorted(table):
                other = table[id]
                found[other] = None
                if other.group and other.group not in seen:
                    seen.add(other.group)
                    waiting.append(other.group)
    found.pop(mount, None)
    return list(found)


def _leave_group(system: "System", mount: Mount) -> None:
    """Take `mount` out of its peer group. With the last member the group is gone, and its slaves pass to its master."""
    number = mount.group
    group = system.groups[number]
    del group.members[mount.id]
    mount.group = 0
    if not len(group.members):
        for slave in group.slaves.values():
            if mount.master:
                enslave(system, slave, mount.master)
            else:
                del group.slaves[slave.id]
                slave.master = 0
        del system.groups[number]
