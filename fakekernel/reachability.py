"""The text of a path: how a place is called, seen from a root (fs/d_path.c)."""

from enum import Enum

from fakekernel.mount import Path


class Reach(Enum):
    """What the way up from a place ends at (the values of prepend_path)."""

    ROOT = 0  # the root that it is seen from
    NAMESPACE = 1  # the top of a mount namespace: the root was never met
    DETACHED = 2  # the top of a mount that is no longer attached
    ESCAPED = 3  # the top of a file system, beyond what its mount shows


def climb(path: Path, root: Path) -> tuple[str, Reach]:
    """The names from `path` up to `root`, or as far as the way leads, as an absolute path; and where that ended."""
    mount, dentry = path
    names: list[str] = []
    reach = Reach.ROOT
    while not (dentry is root.dentry and mount is root.mount):
        if dentry is mount.root:
            above, point = mount.parent, mount.mountpoint
            if above is None or above is mount or point is None:
                reach = Reach.NAMESPACE if mount.ns is not None else Reach.DETACHED
                break
            mount, dentry = above, point
            continue
        parent = dentry.parent
        if parent is None:
            return "/", Reach.ESCAPED
        names.append(dentry.name)
        dentry = parent
    names.reverse()
    return "/" + "/".join(names), reach


def path_text(path: Path, root: Path) -> str:
    """What /proc shows of an open file, a directory or a program: the path from `root`, or from wherever the way up ends, and
    " (deleted)" after a name that is gone; of what never had a place, a pipe or a namespace, its name (d_path)."""
    dentry = path.dentry
    if dentry.parent is None and dentry is not path.mount.root and dentry is not dentry.inode.sb.root:
        return dentry.name
    text, _ = climb(path, root)
    return text + " (deleted)" if dentry.unlinked else text


def reachable_text(path: Path, root: Path) -> str | None:
    """The path from `root`; None where `path` does not lie below it (seq_path_root: such a mount is left out of mountinfo)."""
    text, reach = climb(path, root)
    return text if reach is Reach.ROOT else None


def cwd_text(path: Path, root: Path) -> str | None:
    """What getcwd answers; None where the directory has been removed (fs/d_path.c sys_getcwd)."""
    if path.dentry.unlinked:
        return None
    text, reach = climb(path, root)
    return text if reach is Reach.ROOT else "(unreachable)" + text
