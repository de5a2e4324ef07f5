"""MASK: the files of the kernel that are covered or read-only."""

from collections.abc import Iterator
from errno import ENOENT

from fakekernel.mount import Path
from fakekernel.reachability import reachable_text
from initflow.invariants.devices import described
from initflow.invariants.model import EXEC, HIGH, MEDIUM, Exec, Moment, Obligation, after, decide, invariant
from initflow.sight import mount_covering, seen_at
from kernelapi.flags import FileType, MountFlag
from kernelapi.values import major, minor

KCORE = "/proc/kcore"
NULL = (1, 3)
READ_ONLY = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/sys")
MASKED = (KCORE, *READ_ONLY[:4])
"""What gets a mount of its own."""

KERNELS = ("proc", "sysfs")


def _restricted(moment: Exec) -> bool:
    """Whether the kernel's files are to be kept from the payload, and it sees any."""
    return moment.configuration.restrict_sys and mount_covering(moment.previous.task, "/proc").sb.fstype == "proc"


@invariant("MASK-01", at=EXEC, severity=HIGH, source="proc(5), /proc/kcore")
def the_memory_of_the_kernel_is_hidden(moment: Exec) -> Iterator[Obligation]:
    """At exec, where restrict_sys is set, /proc/kcore is covered.

    It shows the memory of the kernel to whoever may read it.
    """
    if _restricted(moment) and "kcore" in moment.run.machine.host.proc_entries:
        covering = mount_covering(moment.previous.task, KCORE)
        yield decide(moment, covering.sb.fstype != "proc", f"{KCORE} is not covered")


@invariant("MASK-02", at=EXEC, severity=HIGH, source="mount(2), MS_BIND; CVE-2025-31133")
def what_covers_the_memory_of_the_kernel_is_the_null_device(moment: Exec) -> Iterator[Obligation]:
    """At exec, what covers /proc/kcore is the null device.

    The container's /dev/null is whatever its /dev holds: a link there makes the runtime mount something else, of its owner's
    choice, with the runtime's rights.
    """
    found = seen_at(moment.previous.task, KCORE)
    if not _restricted(moment) or found is None or found.mount.sb.fstype == "proc":
        return
    inode = found.inode
    is_null = inode.type is FileType.CHR and (major(inode.rdev), minor(inode.rdev)) == NULL
    yield decide(moment, is_null, f"{KCORE} is covered by {described(inode)}, and not by the null device")


@invariant("MASK-04", at=after("mount"), severity=HIGH, source="mount(2), ENOENT")
def a_mask_that_fails_is_no_mask(moment: Moment) -> Iterator[Obligation]:
    """Where covering a file of the kernel fails and init goes on, the file is not there.

    ENOENT is also what a missing /dev/null brings, and then the file is as open as before.
    """
    if not moment.is_init or moment.event is None or moment.args("source") != "/dev/null":
        return
    target = moment.args("target")
    goes_on = moment.event.errno and moment.run.payload
    yield decide(
        moment,
        not goes_on or (moment.event.errno == ENOENT and not _is_there(moment, target)),
        f"{target} is there and could not be covered, and it goes on all the same",
        target=target,
    )


def _is_there(moment: Moment, path: str) -> bool:
    """Whether there is something at `path`, be it a file of proc that nobody has looked up yet."""
    assert moment.task is not None
    if mount_covering(moment.task, path).sb.fstype == "proc":
        return path.rpartition("/")[2] in moment.run.machine.host.proc_entries
    return seen_at(moment.task, path) is not None


@invariant("MASK-05", at=EXEC, severity=HIGH, source="mount_namespaces(7)")
def nothing_covers_a_mask(moment: Exec) -> Iterator[Obligation]:
    """At exec, the mounts that cover or protect files of the kernel are what the payload sees there.

    A file system that is mounted over them later shows the files again.
    """
    if not moment.configuration.restrict_sys:
        return
    task = moment.previous.task
    for mount in task.namespaces.mnt.mounts.values():
        path = reachable_text(Path(mount, mount.root), task.fs.root)
        if path is None or path not in MASKED:
            continue
        seen = mount_covering(task, path)
        yield decide(moment, seen is mount, f"what covers {path} is itself covered by {seen.sb.fstype}", path=path)


@invariant("MASK-07", at=EXEC, severity=MEDIUM, source="mount(2), MS_BIND, MS_REMOUNT; proc(5)")
def the_knobs_of_the_kernel_are_readonly(moment: Exec) -> Iterator[Obligation]:
    """At exec, where restrict_sys is set, /proc/sys, /proc/sysrq-trigger, /proc/irq, /proc/bus and /sys are read-only.

    Root in the container turns the kernel's knobs otherwise: they are the host's.
    """
    if not moment.configuration.restrict_sys:
        return
    for path in READ_ONLY:
        covering = mount_covering(moment.previous.task, path)
        if covering.sb.fstype in KERNELS:
            readonly = bool((covering.flags | covering.sb.flags) & MountFlag.RDONLY)
            yield decide(moment, readonly, f"{path} can be written", path=path)
