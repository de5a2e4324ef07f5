"""What /proc/PID/mountinfo and /proc/PID/mounts show (proc(5), fs/proc_namespace.c)."""

from typing import TYPE_CHECKING

from fakekernel import security
from fakekernel.cgroup import Cgroup, relative_path
from fakekernel.filesystem import Dentry
from fakekernel.mount import Mount, MountNamespace, Path
from fakekernel.mounttree import is_reachable
from fakekernel.profile import HostProfile
from fakekernel.reachability import reachable_text
from fakekernel.task import Task
from kernelapi.flags import MountFlag
from kernelapi.values import major, minor

if TYPE_CHECKING:
    from fakekernel.system import System

_MOUNT_OPTIONS = tuple(
    (int(flag), f",{flag.name.lower()}")
    for flag in (
        MountFlag.NOSUID, MountFlag.NODEV, MountFlag.NOEXEC, MountFlag.NOATIME, MountFlag.NODIRATIME, MountFlag.RELATIME,
        MountFlag.NOSYMFOLLOW,
    )
    if flag.name
)  # fmt: skip
_SUPERBLOCK_OPTIONS = (
    (int(MountFlag.SYNCHRONOUS), ",sync"),
    (int(MountFlag.DIRSYNC), ",dirsync"),
    (int(MountFlag.MANDLOCK), ",mand"),
    (int(MountFlag.LAZYTIME), ",lazytime"),
)
_RDONLY = int(MountFlag.RDONLY)
_ESCAPES = str.maketrans({character: f"\\{ord(character):03o}" for character in " \t\n\\"})
_SOURCE_ESCAPES = str.maketrans({character: f"\\{ord(character):03o}" for character in " \t\n\\#"})


def render_mountinfo(system: "System", host: HostProfile, reader: Task, ns: MountNamespace, root: Path) -> str:
    """/proc/PID/mountinfo: a line for each mount of `ns` that can be reached from `root`, the oldest first.

    Of a hierarchy of control groups it is told which part the mount shows as the cgroup namespace of `reader` sees it.
    """
    lines = []
    for mount, place in _shown(ns, root):
        sb, top = mount.sb, _root_text(reader, mount)
        parent = mount.id if mount.parent is None else mount.parent.id
        options = ("ro" if mount.flags & _RDONLY else "rw") + _names(_MOUNT_OPTIONS, mount.flags)
        lines.append(
            f"{mount.id} {parent} {major(sb.dev)}:{minor(sb.dev)} {top} {place.translate(_ESCAPES)} {options}"
            f"{_propagation(system, mount, root)} - {sb.fstype} {_source(mount)} "
            f"{'ro' if sb.flags & _RDONLY else 'rw'}{_superblock_options(host, mount)}\n"
        )
    return "".join(lines)


def render_mounts(host: HostProfile, ns: MountNamespace, root: Path) -> str:
    """/proc/PID/mounts: the same mounts, in the form of fstab(5)."""
    return "".join(
        f"{_source(mount)} {place.translate(_ESCAPES)} {mount.sb.fstype} "
        f"{'ro' if (mount.flags | mount.sb.flags) & _RDONLY else 'rw'}{_names(_SUPERBLOCK_OPTIONS, mount.sb.flags)}"
        f"{_names(_MOUNT_OPTIONS, mount.flags)}{_own_options(host, mount)} 0 0\n"
        for mount, place in _shown(ns, root)
    )


def _shown(ns: MountNamespace, root: Path) -> list[tuple[Mount, str]]:
    mounts = ns.mounts
    found = []
    for id in sorted(mounts):
        mount = mounts[id]
        place = reachable_text(Path(mount, mount.root), root)
        if place is not None:
            found.append((mount, place))
    return found


def _names(options: tuple[tuple[int, str], ...], flags: int) -> str:
    return "".join(name for flag, name in options if flags & flag)


def _source(mount: Mount) -> str:
    return (mount.source or mount.sb.source).translate(_SOURCE_ESCAPES)


def _superblock_options(host: HostProfile, mount: Mount) -> str:
    return _names(_SUPERBLOCK_OPTIONS, mount.sb.flags) + _own_options(host, mount)


def _own_options(host: HostProfile, mount: Mount) -> str:
    own = f",{mount.sb.options}" if mount.sb.options else ""
    return security.mount_options(host, mount.sb) + own


def _root_text(reader: Task, mount: Mount) -> str:
    """The directory of the file system that the mount shows; of an nsfs, the name of the namespace."""
    if mount.sb.fstype == "nsfs":
        return mount.root.name
    if isinstance(group := mount.root.inode.subject, Cgroup):
        top = next((top for top in reader.namespaces.cgroup.roots if top.controller == group.controller), None)
        if top is not None:
            path = relative_path(top, group)
            return (path if group.place is mount.root else f"{path.rstrip('/')}/{mount.root.name}").translate(_ESCAPES)
    names: list[str] = []
    dentry: Dentry | None = mount.root
    while dentry is not None and dentry.parent is not None:
        names.append(dentry.name)
        dentry = dentry.parent
    text = "/" + "/".join(reversed(names))
    return (text + "//deleted" if mount.root.unlinked else text).translate(_ESCAPES)


def _propagation(system: "System", mount: Mount, root: Path) -> str:
    text = f" shared:{mount.group}" if mount.group else ""
    if mount.master:
        text += f" master:{mount.master}"
        dominating = _dominating_group(system, mount, root)
        if dominating and dominating != mount.master:
            text += f" propagate_from:{dominating}"
    return text + " unbindable" if mount.unbindable else text


def _dominating_group(system: "System", mount: Mount, root: Path) -> int:
    """The nearest group above that has a member below `root` in the same namespace; 0 for none (get_dominating_id)."""
    number = mount.master
    while number:
        members = system.groups[number].members.values()
        if any(member.ns is mount.ns and is_reachable(Path(member, member.root), root) for member in members):
            return number
        number = members[0].master
    return 0
