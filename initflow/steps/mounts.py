"""The mounts of the container: a private tree, the system's file systems, and those of the configuration."""

from errno import EEXIST, ENOENT
from stat import S_ISDIR

from initflow.configuration import Mount, MountConfig
from initflow.flow import FlowError, Panic, failing, step
from initflow.golang import GoError, clean, errno_text, join, lstat, mkdir_all, open_file, readlink, stat
from initflow.steps.context import Init
from initflow.steps.labels import mount_data, relabel
from kernelapi.flags import CloneFlag, FileType, MountFlag, OpenFlag
from kernelapi.kernel import Kernel

DEFAULT = MountFlag.NOEXEC | MountFlag.NOSUID | MountFlag.NODEV
MAX_LINKS = 255

SYSTEM_MOUNTS = (
    # source, target, type, flags, data; those with data can have a label
    ("proc", "proc", "proc", DEFAULT, ""),
    ("tmpfs", "dev", "tmpfs", MountFlag.NOSUID | MountFlag.STRICTATIME, "mode=755"),
    ("shm", "dev/shm", "tmpfs", DEFAULT, "mode=1777,size=65536k"),
    ("mqueue", "dev/mqueue", "mqueue", DEFAULT, ""),
    ("devpts", "dev/pts", "devpts", MountFlag.NOSUID | MountFlag.NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5"),
    ("sysfs", "sys", "sysfs", DEFAULT, ""),
)


def has_mount_namespace(init: Init) -> bool:
    return bool(init.configuration.clone_flags & CloneFlag.NEWNS)


def mount_config(init: Init) -> MountConfig:
    """The configuration's mounts. With a mount namespace but without them the original crashes."""
    if init.configuration.mount_config is None:
        raise Panic("a new mount namespace without mount_config")
    return init.configuration.mount_config


@step
def refuse_mounts_without_namespace(init: Init) -> None:
    """Refuse mounts that would be the host's. Nothing else stands for a missing mount namespace: there is no chroot."""
    if not has_mount_namespace(init) and init.configuration.mount_config is not None:
        raise FlowError("mount config is set without mount namespace")


@step
def cut_propagation(init: Init) -> None:
    """Make every mount private (a slave, without pivot_root).

    First of all mounts: nothing done below may reach the host, and pivot_root refuses shared parents.
    """
    flags = MountFlag.REC | (MountFlag.SLAVE if mount_config(init).no_pivot_root else MountFlag.PRIVATE)
    with failing(f"mounting / with flags {int(flags):X}"):
        init.kernel.mount("", "/", "", flags, "")


@step(reads="rootfs")
def bind_root(init: Init) -> None:
    """Bind the root file system on itself, with all mounted below it.

    The new root must be a mount point, on another mount than the present root; so must what is moved with MS_MOVE.
    """
    with failing(f"mouting {init.rootfs} as bind"):
        init.kernel.mount(init.rootfs, init.rootfs, "bind", MountFlag.BIND | MountFlag.REC, "")


@step(reads="rootfs")
def mount_system(init: Init) -> None:
    """Mount /proc, /dev, /dev/shm, /dev/mqueue, /dev/pts and /sys.

    /dev before what is below it, or it would hide that. proc shows the pid namespace of the mounter, mqueue its ipc
    namespace, sysfs its network namespace: all entered by now. /sys is read-only at once where access is restricted: a later
    remount would make the host's read-only too, when the network namespace is shared.
    """
    label = mount_config(init).mount_label
    for source, target, fstype, flags, data in SYSTEM_MOUNTS:
        path = join(init.rootfs, target)
        try:
            mkdir_all(init.kernel, path, 0o755)
        except GoError as error:
            if error.errno != EEXIST:  # which a link to nothing brings: the mount will tell
                raise FlowError(f"mount system mkdirall {path} {error}") from error
        if data:
            data = mount_data(init, data, label)
        if fstype == "sysfs" and init.configuration.restrict_sys:
            flags |= MountFlag.RDONLY
        with failing(f"mount system mounting {source} into {path}"):
            init.kernel.mount(source, path, fstype, flags, data)


@step(reads="rootfs")
def mount_configured(init: Init) -> None:
    """Mount what the configuration lists, in its order.

    After the system mounts, so that a mount on /dev or /proc is not hidden. Each destination is looked up by name, without
    following a link out of the root file system.
    """
    for entry in mount_config(init).mounts:
        if entry is None:
            raise Panic("a mount of the configuration is null")
        if entry.type == "bind":
            _mount_bind(init, entry)
        elif entry.type == "tmpfs":
            _mount_tmpfs(init, entry)
        else:
            raise FlowError(f"unsupported mount type {entry.type} for {entry.destination}")


def _mount_bind(init: Init, entry: Mount) -> None:
    kernel = init.kernel
    is_directory = S_ISDIR(stat(kernel, entry.source).mode)
    target = follow_symlink_in_scope(kernel, join(init.rootfs, entry.destination), init.rootfs)
    with failing("creating new bind mount target"):
        _create_if_missing(kernel, target, is_directory=is_directory)
    flags = MountFlag.BIND | MountFlag.REC
    if not entry.writable:
        flags |= MountFlag.RDONLY
    if entry.slave:
        flags |= MountFlag.SLAVE
    with failing(f"mounting {entry.source} into {target}"):
        kernel.mount(entry.source, target, "bind", flags, "")
    if not entry.writable:
        with failing(f"remounting {entry.source} into {target}"):
            kernel.mount(entry.source, target, "bind", flags | MountFlag.REMOUNT, "")
    if entry.relabel:
        label = mount_config(init).mount_label
        with failing(f"relabeling {entry.source} to {label}"):
            relabel(init, entry.source, label, entry.relabel)
    if entry.private:
        with failing(f"mounting {target} private"):
            kernel.mount("", target, "none", MountFlag.PRIVATE, "")


def _mount_tmpfs(init: Init, entry: Mount) -> None:
    target = follow_symlink_in_scope(init.kernel, join(init.rootfs, entry.destination), init.rootfs)
    with failing("creating new tmpfs mount target"):
        _create_if_missing(init.kernel, target, is_directory=True)
    try:
        init.kernel.mount("tmpfs", target, "tmpfs", DEFAULT, mount_data(init, "", mount_config(init).mount_label))
    except OSError as error:
        raise FlowError(f"{errno_text(error.errno or 0)} mounting {target} in tmpfs") from error


def _create_if_missing(kernel: Kernel, path: str, *, is_directory: bool) -> None:
    try:
        stat(kernel, path)
    except GoError as error:
        if error.errno != ENOENT:
            return  # the mount will tell
        if is_directory:
            mkdir_all(kernel, path, 0o755)
        else:
            mkdir_all(kernel, join(path, ".."), 0o755)
            kernel.close(open_file(kernel, path, OpenFlag.CREAT, 0o755))


def follow_symlink_in_scope(kernel: Kernel, path: str, root: str) -> str:
    """Where `path` leads when every link is read as if `root` were "/". A check on names: nothing holds the tree still.

    `path` and `root` are absolute and clean. Raises `GoError`.
    """
    if path == root:
        return path
    rest = path if root == "/" else path.removeprefix(root)
    if not path.startswith(root) or not rest.startswith("/"):
        # A sibling whose name begins as the root's does is shown without that beginning.
        raise GoError(f"evalSymlinksInScope: {rest} is not in {root}")
    done = ""  # within the root; what is missing counts as a directory
    for _ in range(MAX_LINKS + 1):
        if not rest:
            return clean(root + clean(f"/{done}"))
        name, _, rest = rest.partition("/")
        if not name:
            continue
        place = clean(f"/{done}{name}")
        if place == "/":
            done = ""
            continue
        target = _link_target(kernel, clean(root + place))
        if target is None:
            done += f"{name}/"
            continue
        if target.startswith("/"):
            done = ""
        rest = f"{target}/{rest}"
    raise GoError(f"evalSymlinksInScope: too many links in {path}")


def _link_target(kernel: Kernel, path: str) -> str | None:
    """What the link at `path` holds; None where there is no link, or nothing at all."""
    try:
        found = lstat(kernel, path)
    except GoError as error:
        if error.errno != ENOENT:
            raise
        return None
    return readlink(kernel, path) if found.type == FileType.LNK else None
