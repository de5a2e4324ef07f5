"""LSM: what AppArmor and SELinux are asked for, by which way, and what comes of it.

What a profile or a policy then forbids is not decided here: only whether the payload, and what was mounted for it, is under it.
"""

import re
from collections.abc import Iterator
from errno import EACCES, EPERM

from fakekernel.profile import HostProfile
from fakekernel.security import APPARMOR, SELINUX
from initflow.configuration import Configuration
from initflow.invariants.model import (
    EXEC,
    HIGH,
    LOW,
    MEDIUM,
    Exec,
    Moment,
    Obligation,
    after,
    before,
    decide,
    invariant,
    violated,
)
from initflow.run import Role
from initflow.sight import seen_at
from initflow.state import MountPoint
from initflow.steps.labels import LABEL
from kernelapi.event import Event
from kernelapi.flags import FileType, MountFlag
from kernelapi.values import makedev

NAMES = {APPARMOR: "AppArmor", SELINUX: "SELinux"}
COMMANDS = (b"exec ", b"stack ", b"changeprofile ")
SETTING_UP = (Role.CHILD, Role.INIT, Role.HELPER, Role.ENTERING)
OUTSIDE = (Role.CALLER, Role.PARENT, Role.CONTAINER)

LABELLED = ("devpts", "mqueue", "tmpfs")
"""The types of file systems that are made for a container, and whose files it may change."""

TELLTALE = {"/sys/fs/selinux": "selinuxfs", "/sys/kernel/security": "securityfs", "/sys/module/apparmor": "sysfs"}
"""Where programs look whether a module is on, and what has to be mounted for them to see it."""
MOUNT_TABLE = re.compile(r"/proc/(?:(?:self|thread-self|[0-9]+)/)?(?:mounts|mountinfo)")

HARMLESS = frozenset(f"/proc/{name}" for name in (
    "cpuinfo", "diskstats", "loadavg", "meminfo", "net/dev", "slabinfo", "stat", "swaps", "sys/crypto/fips_enabled",
    "sys/kernel/ns_last_pid", "uptime",
))  # fmt: skip
"""Files of proc that only tell, and that others than the kernel may tell: no runtime acts on them."""

OF_A_PROCESS = re.compile(r"/proc/(?:self|thread-self|[0-9]+)(?:/|$)")
NULL = makedev(1, 3)


def _wanted(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """The labels that the payload is to have, with the module that gives each."""
    if configuration.apparmor_profile:
        yield APPARMOR, configuration.apparmor_profile
    if configuration.process_label:
        yield SELINUX, configuration.process_label


def _written(host: HostProfile, label: str) -> str:
    """A context as SELinux writes it; what is none, as it is."""
    return host.selinux_policy.context(label) or label


def _request(moment: Moment, event: Event | None) -> str:
    """The label that a write of `event` asks for; "" where it asks for none."""
    if event is None or event.call.name != "write":
        return ""
    data: bytes = event.args[1]
    labels = {label.encode("utf-8", "surrogateescape"): label for _, label in _wanted(moment.configuration)}
    for start in COMMANDS:
        if data.startswith(start):
            return data.removeprefix(start).decode("utf-8", "surrogateescape")
    return labels.get(data.rstrip(b"\0\n"), "")


def _has_own_mounts(moment: Exec) -> bool:
    return moment.previous.task.namespaces.mnt is not moment.run.machine.init.namespaces.mnt


@invariant("LSM-01", at=EXEC, severity=HIGH, source="apparmor(7); selinux(8); OCI runtime-spec config.md, apparmorProfile")
def the_payload_has_the_label_that_was_configured(moment: Exec) -> Iterator[Obligation]:
    """After exec, the payload has the AppArmor profile and the SELinux context that the configuration names.

    Whoever configures one counts on it. A runtime without that module built in starts the container all the same, and says
    nothing: what the profile or the policy would have kept from the payload, it may do.
    """
    host = moment.run.machine.host
    for module, label in _wanted(moment.configuration):
        if host.security_module != module:
            yield violated(
                moment,
                f"{label} is configured, and {NAMES[module]} is not there, neither in the kernel nor in the runtime: the "
                "payload is unconfined, and nobody was told",
                label=moment.next.label,
            )
            continue
        found = moment.next.label
        yield decide(moment, found == _written(host, label), f"its label is {found}, and not {label}", label=found)


@invariant("LSM-02", at=before("write"), severity=HIGH, source="proc_pid_attr(5); CVE-2015-3631, CVE-2019-16884")
def the_label_is_asked_for_of_the_kernel(moment: Moment) -> Iterator[Obligation]:
    """What asks for a label is written to an attribute of a process in a proc.

    A file that only has its name takes the request, and nothing is ever refused: the payload starts, unconfined.
    """
    label = _request(moment, moment.event)
    if moment.role not in SETTING_UP or not label:
        return
    file = moment.file(moment.args("fd"))
    if file is not None:
        yield decide(
            moment,
            file.behaviour == "proc.attribute",
            f"it asks for {label} by writing to {file.text}, a file of {file.fstype}: nobody reads that",
            file=file.text,
        )


@invariant("LSM-03", at=EXEC, severity=HIGH, source="proc_pid_attr(5); fs/proc/base.c proc_pid_attr_write")
def who_asks_for_the_label_is_who_executes(moment: Exec) -> Iterator[Obligation]:
    """At exec, each label that was asked for was asked for by the task that becomes the payload.

    A request holds for one task: not for its parent, nor for the other threads of its process.
    """
    run = moment.run
    for event, role, task in zip(run.events, run.roles, run.tasks, strict=True):
        if event is moment.event:
            return
        label = _request(moment, event)
        if label and role not in OUTSIDE and not event.errno:
            yield decide(moment, task is moment.task, f"{label} was asked for by process {event.process}, for itself")


@invariant("LSM-04", at=before("execve", "execveat"), severity=HIGH, source="proc_pid_attr(5), exec; runc aa3fee6c8")
def the_payload_is_the_next_program_after_the_request(moment: Moment) -> Iterator[Obligation]:
    """A label that was asked for is taken by the payload, and by no program that is executed before it.

    The first exec after the request takes it: a hook that is run then has it, and what runs after the hook has not; a child
    inherits the request, and its hook is confined as only the payload should be.
    """
    event, task, exit = moment.event, moment.task, moment.run.exit
    if event is None or task is None or event.errno or moment.role in OUTSIDE:
        return
    if exit is not None and event.index > exit.index:
        return
    label = task.security.at_exec
    if label:
        yield decide(moment, event is exit, f"{moment.args('path')} takes {label}, which was asked for the payload")


@invariant("LSM-05", at=after("write"), severity=LOW, source="apparmor.d(5), change_profile; PR_SET_NO_NEW_PRIVS(2const)")
def the_label_is_asked_for_while_it_may_be(moment: Moment) -> Iterator[Obligation]:
    """Where init asks for a label, it may have it.

    A confined runtime needs a rule that lets it change, and no_new_privs takes even that away: the container does not start.
    """
    label = _request(moment, moment.event)
    if moment.event is not None and label and moment.role in SETTING_UP:
        yield decide(moment, moment.event.errno not in (EPERM, EACCES), f"it may not have {label}")


@invariant("LSM-06", at=before("open", "openat", "statfs"), severity=MEDIUM, source="selinux(8); libselinux init.c")
def modules_are_looked_for_where_they_can_be_seen(moment: Moment) -> Iterator[Obligation]:
    """Where init looks whether a security module is on, it still sees what tells so.

    In the container's tree there is no selinuxfs: whoever looks there takes SELinux to be off, and labels nothing.
    """
    assert moment.event is not None
    if moment.role not in SETTING_UP or not moment.run.machine.host.security_module:
        return
    path = moment.args("path")
    needed = next((fstype for place, fstype in TELLTALE.items() if path == place or path.startswith(f"{place}/")), "")
    if not needed and _labels_files(moment) and MOUNT_TABLE.fullmatch(path):
        needed = "selinuxfs"
    if needed:
        there = any(mount.fstype == needed and mount.path is not None for mount in moment.mounts)
        yield decide(moment, there, f"it looks at {path} for a security module, and sees no {needed}", path=path)


def _labels_files(moment: Moment) -> bool:
    config = moment.configuration.mount_config
    return moment.run.machine.host.security_module == SELINUX and config is not None and bool(config.mount_label)


@invariant("LSM-07", at=EXEC, severity=MEDIUM, source="mount(8), context=; runc libcontainer/rootfs_linux.go")
def what_is_mounted_for_the_container_has_its_label(moment: Exec) -> Iterator[Obligation]:
    """At exec, where a mount label is configured, each tmpfs, devpts and mqueue of the container has it, and its console.

    Otherwise the files have a label that any container may use, or none may: what SELinux keeps apart by category it does not
    keep apart there.
    """
    config = moment.configuration.mount_config
    if config is None or not config.mount_label or not _has_own_mounts(moment):
        return
    label = config.mount_label
    host = moment.run.machine.host
    if host.security_module != SELINUX:
        yield violated(moment, f"{label} is configured for what is mounted, and SELinux is not there: nothing has a label")
        return
    wanted = _written(host, label).encode()
    hosts = {mount.sb for mount in moment.run.machine.init.namespaces.mnt.mounts.values()}
    made: dict[object, MountPoint] = {}
    for mount in moment.previous_mounts:
        if mount.path is not None and mount.fstype in LABELLED and mount.superblock not in hosts:
            made.setdefault(mount.superblock, mount)
    for mount in made.values():
        sb = mount.superblock
        if sb.subject is moment.run.machine.init.namespaces.ipc:
            continue  # the host's message queues
        found = sb.context.encode() or sb.root.inode.xattrs.get(LABEL) or b""
        yield decide(moment, found.rstrip(b"\0") == wanted, f"{mount.path} ({mount.fstype}) does not have the label {label}")
    console = seen_at(moment.previous.task, "/dev/console") if moment.configuration.tty else None
    if console is not None and console.inode.sb.fstype == "devpts":
        found = console.inode.xattrs.get(LABEL) or b""
        yield decide(moment, found.rstrip(b"\0") == wanted, f"/dev/console does not have the label {label}")


@invariant("LSM-08", at=EXEC, severity=HIGH, source="CVE-2015-3631, CVE-2019-16884; runc checkProcMount")
def nothing_but_proc_is_mounted_over_proc(moment: Exec) -> Iterator[Obligation]:
    """At exec, nothing lies over the container's /proc, nor in it, but proc itself, what hides a file, and what only tells.

    Labels, limits and descriptors are set through it. Who can put files there of his own decides what becomes of that.
    """
    if not _has_own_mounts(moment):
        return
    mounts = [mount for mount in moment.previous_mounts if f"{mount.path}/".startswith("/proc/")]
    for mount in mounts if any(mount.fstype == "proc" for mount in mounts) else ():
        yield decide(
            moment,
            _belongs_to_proc(mount),
            f"{mount.fstype} ({mount.source}) is mounted on {mount.path}: what is written there is not written to the kernel",
            path=mount.path,
        )


def _belongs_to_proc(mount: MountPoint) -> bool:
    """Whether `mount`, below /proc, is proc at its own place, a cover that nobody writes to, or known to be harmless."""
    path = mount.path or ""
    if mount.fstype == "proc":
        return mount.root == (path.removeprefix("/proc") or "/")
    if path == "/proc" or OF_A_PROCESS.match(path):
        return False
    root = mount.dentry.inode
    covers = root.type is FileType.CHR and root.rdev == NULL
    empties = mount.fstype == "tmpfs" and root.type is FileType.DIR and bool(
        (mount.flags | mount.superblock_flags) & MountFlag.RDONLY and not len(mount.dentry.children)
    )
    return covers or empties or path in HARMLESS
