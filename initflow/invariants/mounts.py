"""MNT: the container's mounts and the switch of its root."""

from collections.abc import Iterator

from fakekernel.mount import Path
from fakekernel.reachability import reachable_text
from initflow.invariants.model import EXEC, HIGH, MEDIUM, Exec, Moment, Obligation, after, before, decide, invariant
from initflow.state import process_state
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


@invariant("MNT-13", at=after("mount"), severity=MEDIUM, source="mount(2), MS_RDONLY")
def what_is_to_be_readonly_is_remounted_after_it_is_filled(moment: Moment) -> Iterator[Obligation]:
    """A root that is remounted read-only is read-only, and no later step of init tries to write to it.

    A write that comes later fails, after all the work before it.
    """
    if not moment.is_init or moment.event is None or moment.event.errno:
        return
    flags = moment.args("flags")
    if moment.args("target") == "/" and flags & MountFlag.REMOUNT and flags & MountFlag.RDONLY:
        root = next((mount for mount in moment.mounts if mount.path == "/"), None)
        yield decide(moment, root is not None and root.readonly, "its root is not read-only after the remount")


@invariant("MASK-07", at=EXEC, severity=MEDIUM, source="mount(2), MS_BIND, MS_REMOUNT; proc(5)")
def the_knobs_of_the_kernel_are_readonly(moment: Exec) -> Iterator[Obligation]:
    """At exec, where restrict_sys is set, /proc/sys, /proc/sysrq-trigger, /proc/irq, /proc/bus and /sys are read-only.

    Root in the container turns the kernel's knobs otherwise: they are the host's.
    """
    if not moment.configuration.restrict_sys:
        return
    mounts = {mount.path: mount for mount in moment.previous_mounts if mount.path is not None}
    for path in ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/sys"):
        covering = mounts.get(path) or mounts.get("/" + path.split("/")[1])
        if covering is not None:
            yield decide(moment, covering.readonly, f"{path} can be written", path=path)


@invariant("MASK-01", at=EXEC, severity=HIGH, source="proc(5), /proc/kcore")
def the_memory_of_the_kernel_is_hidden(moment: Exec) -> Iterator[Obligation]:
    """At exec, where restrict_sys is set, /proc/kcore is covered by the null device.

    It shows the memory of the kernel to whoever may read it.
    """
    if not moment.configuration.restrict_sys or not any(mount.path == "/proc" for mount in moment.previous_mounts):
        return
    cover = [mount for mount in moment.previous_mounts if mount.path == "/proc/kcore"]
    yield decide(moment, bool(cover), "/proc/kcore is not covered")


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
