"""What a process would find at a path, seen from outside: nothing is asked of the kernel, and nothing changes."""

from fakekernel.filesystem import Dentry, Inode
from fakekernel.lookup import cross_mounts
from fakekernel.mount import Mount, Path
from fakekernel.task import Task

MAX_LINKS = 40


def seen_at(task: Task, path: str, *, follow: bool = False) -> Path | None:
    """The place that the absolute `path` leads `task` to: what is mounted on top there. None where there is nothing.

    Links on the way are followed, one at the end only with `follow`. Links of the kernel (/proc/PID/fd/N, cwd, root) and files
    that it makes when they are looked up count as nothing.
    """
    place, rest = _walk(task, path, follow=follow)
    return None if rest else place


def mount_covering(task: Task, path: str) -> Mount:
    """The mount through which `task` sees `path`, or would see it if something were there."""
    return _walk(task, path, follow=False)[0].mount


def _walk(task: Task, path: str, *, follow: bool) -> tuple[Path, bool]:
    """As far as the way leads, and whether something is left to go."""
    root = task.fs.root
    mount, dentry = root
    rest = [name for name in reversed(path.split("/")) if name]
    links = 0
    while rest:
        name = rest.pop()
        if name == ".":
            continue
        if name == "..":
            mount, dentry = _above(mount, dentry, root)
            continue
        child = dentry.children.get(name)
        if child is None:
            return Path(mount, dentry), True
        inode = child.inode
        if inode.is_symlink and (rest or follow):
            links += 1
            if inode.behaviour or links > MAX_LINKS:
                return Path(mount, dentry), True
            if inode.target.startswith("/"):
                mount, dentry = root
            rest += [name for name in reversed(inode.target.split("/")) if name]
            continue
        mount, dentry = cross_mounts(mount, child)
    return Path(mount, dentry), False


def _above(mount: Mount, dentry: Dentry, root: Path) -> Path:
    while not (dentry is root.dentry and mount is root.mount):
        if dentry is not mount.root:
            return Path(mount, dentry.parent or dentry)
        above, point = mount.parent, mount.mountpoint
        if above is None or point is None:
            break
        mount, dentry = above, point
    return Path(mount, dentry)


def is_below(dentry: Dentry, top: Dentry) -> bool:
    """Whether `dentry` is `top`, or lies below it in its file system."""
    place: Dentry | None = dentry
    while place is not None and place is not top:
        place = place.parent
    return place is top


def name_of(inode: Inode) -> str:
    """A path of `inode` within its file system; "" where it has no name any more."""
    waiting = [(inode.sb.root, "")]
    while waiting:
        dentry, path = waiting.pop()
        if dentry is not None:
            if dentry.inode is inode:
                return path or "/"
            waiting += [(child, f"{path}/{name}") for name, child in dentry.children.items()]
    return ""
