"""MNT: the container's mounts and the switch of its root."""

from collections.abc import Iterator
from errno import EROFS

from fakekernel.filesystem import Dentry, Inode, Superblock
from fakekernel.mount import Mount, Path
from fakekernel.reachability import reachable_text
from fakekernel.store import ABSENT, Table, Write
from fakekernel.tree import ROOTFS, follow
from initflow.invariants.model import (
    EXEC,
    HIGH,
    MEDIUM,
    Exec,
    Moment,
    Obligation,
    after,
    before,
    decide,
    held,
    invariant,
    violated,
)
from initflow.sight import is_below, name_of, seen_at
from initflow.state import process_state
from kernelapi.event import Event
from kernelapi.flags import MountFlag

CHANGES_PROPAGATION = MountFlag.SHARED | MountFlag.PRIVATE | MountFlag.SLAVE | MountFlag.UNBINDABLE


@invariant("MNT-01", at=before("mount"), severity=HIGH, source="mount_namespaces(7), shared subtrees")
def nothing_is_mounted_while_mounts_still_reach_the_host(moment: Moment) -> Iterator[Obligation]:
    """When init mounts something, no mount in its namespace is shared with another namespace's.

    What is mounted on a shared mount appears on the host, and is unmounted there with the old root.
    """
    if not moment.is_init or moment.event is None or moment.args("flags") & (CHANGES_PROPAGATION | MountFlag.REMOUNT):
        return
    shared = _shared_with_another_namespace(moment)
    yield decide(
        moment,
        shared is None,
        f"it mounts on {moment.args('target')} while {shared} is shared with another mount namespace",
        shared=shared,
    )


@invariant("MNT-03", at=before("pivot_root"), severity=MEDIUM, source="pivot_root(2)")
def the_new_root_is_a_mount_of_its_own(moment: Moment) -> Iterator[Obligation]:
    """At pivot_root, the new root is the root of a mount.

    Otherwise the kernel refuses, or a later unmount would take the host's file system with it.
    """
    if moment.is_init:
        new_root = moment.args("new_root")
        state = moment.state
        path = new_root if new_root.startswith("/") else state.cwd
        there = any(mount.path == (path.rstrip("/") or "/") for mount in moment.mounts)
        yield decide(moment, there, f"{new_root} is not the root of a mount", path=path)


@invariant("MNT-05", at=EXEC, severity=HIGH, source="mount_namespaces(7); pivot_root(2)")
def no_mount_of_the_host_is_left(moment: Exec) -> Iterator[Obligation]:
    """At exec in a new mount namespace, every mount lies below the payload's root.

    A mount beyond the root is the host's: chroot twice, or setns to one's own namespace, leads there.
    """
    if moment.previous.namespaces["mnt"] == process_state(moment.run.machine.init).namespaces["mnt"]:
        return
    initial = moment.run.machine.system.mntns
    beyond = [mount for mount in moment.previous_mounts if mount.path is None and not _is_ramfs(mount.fstype)]
    names = ", ".join(f"{mount.fstype} ({mount.source})" for mount in beyond[:4])
    assert initial is not None
    yield decide(moment, not beyond, f"mounts of the host are still in its namespace: {names}", mounts=names)


@invariant("MNT-09", at=EXEC, severity=HIGH, source="chroot(2)")
def the_root_is_not_the_hosts(moment: Exec) -> Iterator[Obligation]:
    """At exec, the payload's root is not the host's.

    Without a mount namespace of its own and without chroot, the payload has the host's files before it.
    """
    host = moment.run.machine.init.fs.root
    root = moment.previous.task.fs.root
    yield decide(moment, root.dentry is not host.dentry, "its root is the root of the host")


MAKES_FILES = (
    "mkdir", "mkdirat", "mknod", "mknodat", "symlink", "symlinkat", "link", "linkat", "rename", "renameat2", "unlink",
    "unlinkat", "rmdir", "open", "openat", "chmod", "fchmodat", "chown", "lchown", "fchownat",
)  # fmt: skip
"""The calls by which a file system is filled."""


@invariant("MNT-13", at=after("mount", *MAKES_FILES), severity=MEDIUM, source="mount(2), MS_RDONLY")
def what_is_to_be_readonly_is_remounted_after_it_is_filled(moment: Moment) -> Iterator[Obligation]:
    """A root that is remounted read-only is read-only, and no later step of init tries to write to it.

    A write that comes later fails, after all the work before it.
    """
    if not moment.is_init or moment.event is None:
        return
    if moment.event.call.name != "mount":
        if moment.event.errno == EROFS and any(map(_makes_root_readonly, moment.run.events[: moment.event.index])):
            yield violated(moment, "it writes to its root, which it has made read-only before")
    elif _makes_root_readonly(moment.event):
        root = next((mount for mount in moment.mounts if mount.path == "/"), None)
        yield decide(moment, root is not None and root.readonly, "its root is not read-only after the remount")


def _makes_root_readonly(event: Event) -> bool:
    """Whether a call that succeeded was to remount / read-only."""
    if event.call.name != "mount" or event.errno:
        return False
    _, target, _, flags, _ = event.args
    return target == "/" and bool(flags & MountFlag.REMOUNT and flags & MountFlag.RDONLY)


@invariant("MNT-10", at=after("mount", "move_mount"), severity=HIGH, source="mount(2); CVE-2019-19921, CVE-2021-30465")
def every_mount_of_init_lies_in_the_container(moment: Moment) -> Iterator[Obligation]:
    """Each mount that init makes lies in the container's root file system, wherever its name led.

    A name is followed through the links of the image, as the host sees them until the root is switched: then the container has
    a file system less, and what the host has there is covered while init still needs it.
    """
    if not moment.is_init or moment.event is None or moment.event.errno or moment.task is None:
        return
    top = rootfs(moment)
    own = moment.task.namespaces.mnt.mounts
    new = [made for owner, _, _, made in _journal(moment) if owner is own and isinstance(made, Mount)]
    for mount in new:
        if mount.parent in new:
            continue
        place = Path(mount, mount.root)
        yield decide(
            moment,
            top is not None and _is_within(place, top),
            f"it mounts {moment.args('source') or moment.args('filesystemtype')} on "
            f"{reachable_text(place, moment.task.fs.root)}, outside the container's root file system",
        )


@invariant("MNT-12", at=EXEC, severity=HIGH, source="CVE-2019-19921, CVE-2023-27561; proc(5)")
def proc_and_sys_are_the_kernels(moment: Exec) -> Iterator[Obligation]:
    """At exec with mounts of its own, the container's /proc is a directory with proc on it, and /sys one with sysfs.

    A link there, or a file system over it, is for somebody else to change: what init writes to /proc to confine itself, and
    what it reads there, are then not the kernel's.
    """
    if moment.configuration.mount_config is None or moment.previous.task.fs.root.dentry is not rootfs(moment):
        return
    for path, fstype in (("/proc", "proc"), ("/sys", "sysfs")):
        found = seen_at(moment.previous.task, path)
        if found is None:
            there = "is missing"
        elif found.inode.is_symlink:
            there = f"is a link to {found.inode.target}"
        else:
            there = f"shows a directory of {found.mount.sb.fstype}"
        holds = found is not None and found.mount.sb.fstype == fstype and found.dentry is found.mount.root
        yield decide(moment, holds, f"{path} {there}, and is not the kernel's {fstype}", path=path)


@invariant(
    "MNT-18",
    at=after(*MAKES_FILES),
    severity=HIGH,
    source="path_resolution(7); CVE-2024-45310, CVE-2026-41579",
)
def init_changes_no_file_of_the_host(moment: Moment) -> Iterator[Obligation]:
    """Init makes, removes, empties and gives away no file of the host outside the container's root file system.

    Before the root is switched every name that leads through the image can lead there, with all the rights of the host.
    """
    if not moment.is_init or moment.event is None:
        return
    top = rootfs(moment)
    host = _file_systems_of_the_host(moment)
    for owner, key, old, new in _journal(moment):
        named = new if isinstance(new, Dentry) else old
        if isinstance(owner, Table) and isinstance(named, Dentry):
            if named.inode.sb not in host:
                continue
            if top is not None and is_below(named, top):
                yield held(moment)
            else:
                directory = name_of((named.parent or named).inode).rstrip("/")
                yield violated(moment, f"it {'removes' if new is ABSENT else 'makes'} {directory}/{named.name} of the host")
        elif isinstance(owner, Inode) and key in ("mode", "uid", "gid", "content") and old != new and owner.sb in host:
            if top is not None and _holds(top, owner):
                yield held(moment)
            else:
                what = "empties" if key == "content" else f"changes the {key} of"
                yield violated(moment, f"it {what} {name_of(owner)} of the host")


def _is_ramfs(fstype: str) -> bool:
    return fstype == "rootfs"


def _shared_with_another_namespace(moment: Moment) -> str | None:
    """A mount of the process' namespace whose events reach another one; None where there is no such mount."""
    assert moment.task is not None
    own = moment.task.namespaces.mnt
    for group in moment.run.machine.system.groups.entries.values():
        inside = next((mount for mount in group.members.entries.values() if mount.ns is own), None)
        outside = any(mount.ns is not own for mount in (*group.members.entries.values(), *group.slaves.entries.values()))
        if inside is not None and outside:
            return reachable_text(Path(inside, inside.root), moment.task.fs.root) or inside.sb.fstype
    return None


KEEPS_FILES = ("ext4", "tmpfs", "devtmpfs")
"""The file systems of the host whose names and owners are nobody's but the host's: terminals are there to be given away."""


def rootfs(moment: Moment) -> Dentry | None:
    """The container's root file system as a directory of the host; None where there is none."""
    try:
        return follow(moment.run.machine.init.fs.root.dentry, moment.configuration.root_fs or ROOTFS).dentry
    except KeyError:
        return None


def _journal(moment: Moment) -> list[Write]:
    """What the event changed: owner, key, old, new."""
    assert moment.event is not None
    assert moment.event.writes is not None
    start, stop = moment.event.writes
    return moment.run.machine.store.journal[start:stop]


def _is_within(place: Path, top: Dentry) -> bool:
    """Whether the way up from `place`, from mount to mount, leads through `top`."""
    mount, dentry = place
    while dentry is not top:
        above = dentry.parent
        if dentry is not mount.root and above is not None:
            dentry = above
        else:
            below, point = mount.parent, mount.mountpoint
            if below is None or point is None:
                return False
            mount, dentry = below, point
    return True


def _holds(top: Dentry, inode: Inode) -> bool:
    waiting = [top]
    while waiting:
        dentry = waiting.pop()
        if dentry.inode is inode:
            return True
        waiting += dentry.children.values()
    return False


def _file_systems_of_the_host(moment: Moment) -> set[Superblock]:
    assert moment.run.machine.system.mntns is not None
    return {mount.sb for mount in moment.run.machine.system.mntns.mounts.values() if mount.sb.fstype in KEEPS_FILES}
