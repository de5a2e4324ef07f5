"""The state of a process at a moment, as frozen values: what invariants judge and people are shown.

It is read out of the simulated kernel's records, never asked for by a call: looking changes nothing.
"""

from dataclasses import dataclass
from typing import Any

from fakekernel.credentials import Credentials
from fakekernel.description import Description
from fakekernel.filesystem import Dentry
from fakekernel.mount import Mount, Path
from fakekernel.reachability import Reach, climb, path_text, reachable_text
from fakekernel.task import Task
from fakekernel.tty import Terminal
from kernelapi.capability import CapSet
from kernelapi.flags import S_IFMT, Disposition, FileType, MountFlag

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A descriptor and what is behind it. `text` is what /proc/PID/fd shows."""

    fd: int
    text: str
    type: FileType
    rdev: int
    fstype: str
    flags: int
    cloexec: bool
    behaviour: str
    description: Description
    on_host: bool  # it lies on no mount below the process' root


@dataclass(frozen=True, slots=True)
class MountPoint:
    """A mount that the process can see. `path` is from its root, None where it lies outside; `source` what is mounted, and
    `root` the directory of it that is shown."""

    id: int
    path: str | None
    fstype: str
    source: str
    root: str
    flags: int
    superblock_flags: int
    superblock: Any
    dentry: Dentry  # what is seen there
    group: int
    master: int

    @property
    def readonly(self) -> bool:
        return bool((self.flags | self.superblock_flags) & MountFlag.RDONLY)


@dataclass(frozen=True, slots=True)
class ProcessState:
    """A process. Ids are as its own user namespace sees them; namespaces are by inode number."""

    pid: int
    comm: str
    uids: tuple[int, int, int, int]  # real, effective, saved, filesystem
    gids: tuple[int, int, int, int]
    groups: tuple[int, ...]
    inheritable: CapSet
    permitted: CapSet
    effective: CapSet
    bounding: CapSet
    ambient: CapSet
    securebits: int
    no_new_privs: bool
    label: str  # of AppArmor or SELinux, and the one that the next exec brings
    label_at_exec: str
    parent_death_signal: int
    dumpable: int
    namespaces: dict[str, int]
    owners: dict[str, int]
    files: dict[int, OpenFile]
    cwd: str
    cwd_reachable: bool
    root: str
    umask: int
    session: int
    group: int
    terminal: str | None
    hostname: str
    limits: dict[int, tuple[int, int]]
    blocked: frozenset[int]
    ignored: frozenset[int]
    environment: tuple[str, ...]
    executable: Path | None
    task: Task
    cred: Credentials


def process_state(task: Task) -> ProcessState:
    """The state of `task` as it is now."""
    cred, userns = task.cred, task.cred.userns
    namespaces, pidns = task.namespaces, task.pid_namespace
    spaces: dict[str, Any] = {
        "cgroup": namespaces.cgroup, "ipc": namespaces.ipc, "mnt": namespaces.mnt, "net": namespaces.net, "pid": pidns,
        "time": namespaces.time, "uts": namespaces.uts,
    }  # fmt: skip
    cwd, reach = climb(task.fs.cwd, task.fs.root)
    top = namespaces.mnt.root
    root, _ = climb(task.fs.root, task.fs.root if top is None else Path(top, top.root))
    return ProcessState(
        pid=task.number,
        comm=task.comm,
        uids=(userns.uid(cred.uid), userns.uid(cred.euid), userns.uid(cred.suid), userns.uid(cred.fsuid)),
        gids=(userns.gid(cred.gid), userns.gid(cred.egid), userns.gid(cred.sgid), userns.gid(cred.fsgid)),
        groups=tuple(userns.gid(gid) for gid in cred.groups),
        inheritable=cred.inheritable,
        permitted=cred.permitted,
        effective=cred.effective,
        bounding=cred.bounding,
        ambient=cred.ambient,
        securebits=cred.securebits,
        no_new_privs=task.no_new_privs,
        label=task.security.label,
        label_at_exec=task.security.at_exec,
        parent_death_signal=task.pdeathsig,
        dumpable=task.mm.dumpable,
        namespaces={**{name: ns.inum for name, ns in spaces.items()}, "user": userns.inum},
        owners={name: ns.owner.inum for name, ns in spaces.items()},
        files={fd: _open_file(task, fd, entry.description, entry.cloexec) for fd, entry in sorted(task.files.entries.items())},
        cwd=cwd,
        cwd_reachable=reach is Reach.ROOT,
        root=root,
        umask=task.fs.umask,
        session=task.job.session.number_in(pidns),
        group=task.job.group.number_in(pidns),
        terminal=_terminal(task),
        hostname=namespaces.uts.nodename,
        limits={resource: (limit.soft, limit.hard) for resource, limit in sorted(task.job.limits.items())},
        blocked=task.blocked,
        ignored=frozenset(signal for signal, each in task.actions.dispositions.items() if each is Disposition.IGNORE),
        environment=task.mm.envp,
        executable=task.mm.executable,
        task=task,
        cred=cred,
    )


def open_file(task: Task, fd: int) -> OpenFile | None:
    """The descriptor `fd` of `task` as it is now; None where it is not open."""
    entry = task.files.entries.get(fd)
    return None if entry is None else _open_file(task, fd, entry.description, entry.cloexec)


def mounts(task: Task) -> tuple[MountPoint, ...]:
    """The mounts of the process' namespace, in the order of their ids."""
    namespace = task.namespaces.mnt
    return tuple(_mount_point(task, mount) for _, mount in sorted(namespace.mounts.items()))


def _mount_point(task: Task, mount: Mount) -> MountPoint:
    return MountPoint(
        id=mount.id,
        path=reachable_text(Path(mount, mount.root), task.fs.root),
        fstype=mount.sb.fstype,
        source=mount.sb.source,
        root=_place(mount.root),
        flags=mount.flags,
        superblock_flags=mount.sb.flags,
        superblock=mount.sb,
        dentry=mount.root,
        group=mount.group,
        master=mount.master,
    )


def _place(dentry: Dentry) -> str:
    """Where it lies in its file system."""
    names: list[str] = []
    while dentry.parent is not None:
        names.append(dentry.name)
        dentry = dentry.parent
    return "/" + "/".join(reversed(names))


def _open_file(task: Task, fd: int, description: Description, cloexec: bool) -> OpenFile:
    inode, path = description.inode, description.path
    text = path_text(path, task.fs.root)
    inside = reachable_text(path, task.fs.root) is not None
    return OpenFile(
        fd, text, FileType(inode.mode & S_IFMT), inode.rdev, inode.sb.fstype, description.flags, cloexec,
        description.behaviour, description, on_host=not inside,
    )  # fmt: skip


def _terminal(task: Task) -> str | None:
    terminal = task.job.terminal
    return f"pts/{terminal.index}" if isinstance(terminal, Terminal) else None
