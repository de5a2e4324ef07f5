"""The container's /dev: device nodes, ptmx, the console, the links to the standard streams."""

from errno import EEXIST, ENOENT

from initflow.flow import FlowError, Panic, failing, step
from initflow.golang import GoError, chmod, chown, errno_text, join, mkdir_all, open_file, remove, rune, symlink
from initflow.steps.context import Init
from initflow.steps.labels import set_file_label
from initflow.steps.mounts import mount_config
from kernelapi.flags import FileType, MountFlag, OpenFlag
from kernelapi.ids import Fd

DEVICE_TYPES = {ord("c"): FileType.CHR, ord("b"): FileType.BLK}

STREAM_LINKS = (
    ("/proc/self/fd", "dev/fd"),
    ("/proc/self/fd/0", "dev/stdin"),
    ("/proc/self/fd/1", "dev/stdout"),
    ("/proc/self/fd/2", "dev/stderr"),
)
KCORE_LINK = ("/proc/kcore", "dev/kcore")


def device_number(major: int, minor: int) -> int:
    """devices.Mkdev, and of that the 32 bits that mknod(2) takes: numbers that are too large run into each other."""
    return (major << 8 | minor & 0xFF | (minor & 0xFFF00) << 12) & 0xFFFFFFFF


@step(reads="rootfs")
def create_device_nodes(init: Init) -> None:
    """Make the configuration's device nodes.

    After the mounts of the configuration, so that one on /dev does not hide them; with umask 0, for their exact modes.
    """
    kernel = init.kernel
    old = kernel.umask(0)
    try:
        for device in mount_config(init).device_nodes:
            if device is None:
                raise Panic("a device of the configuration is null")
            path = join(init.rootfs, device.path)
            mkdir_all(kernel, join(path, ".."), 0o755)
            if device.type not in DEVICE_TYPES:
                raise FlowError(f"{rune(device.type)} is not a valid device type for device {device.path}")
            mode = DEVICE_TYPES[device.type] | device.file_mode
            try:
                kernel.mknod(path, mode, device_number(device.major_number, device.minor_number))
            except OSError as error:
                if error.errno != EEXIST:
                    raise FlowError(f"mknod {device.path} {errno_text(error.errno or 0)}") from error
            try:
                kernel.chown(path, device.uid, device.gid)
            except OSError as error:
                raise FlowError(f"chown {device.path} to {device.uid}:{device.gid}") from error
    finally:
        kernel.umask(old)


@step(reads="rootfs")
def link_ptmx(init: Init) -> None:
    """Let /dev/ptmx be that of the container's own devpts, by a relative link."""
    path = join(init.rootfs, "dev/ptmx")
    try:
        remove(init.kernel, path)
    except GoError as error:
        if error.errno != ENOENT:
            raise
    with failing("symlink dev ptmx"):
        symlink(init.kernel, "pts/ptmx", path)


@step(reads="rootfs host_root")
def bind_console(init: Init) -> None:
    """Put the terminal at /dev/console, owned by the container's root, and with its label.

    Before the switch of the root: the terminal's path is one of the host.
    """
    if not init.console:
        return
    kernel, console, path = init.kernel, init.console, join(init.rootfs, "dev/console")
    old = kernel.umask(0)
    try:
        chmod(kernel, console, 0o600)
        chown(kernel, console, *init.host_root)
        with failing(f"set file label {console}"):
            set_file_label(init, console, mount_config(init).mount_label)
        try:
            kernel.close(open_file(kernel, path, OpenFlag.RDWR | OpenFlag.CREAT | OpenFlag.TRUNC, 0o666))
        except GoError as error:
            if error.errno != EEXIST:
                raise FlowError(f"create {path} {error}") from error
        with failing(f"bind {console} to {path}"):
            kernel.mount(console, path, "bind", MountFlag.BIND, "")
    finally:
        kernel.umask(old)


@step(reads="rootfs host_root")
def reopen_dev_null(init: Init) -> None:
    """Where a standard stream is the host's /dev/null, make it the container's.

    The descriptor would otherwise lead to a file of the host. It is opened read-only, though it may become standard output.
    """
    if init.host_root[0] != 0:
        return  # the original leaves it open how
    kernel = init.kernel
    with failing("Failed to open /dev/null -"):
        null = open_file(kernel, join(init.rootfs, "dev/null"))
    try:
        with failing("Failed to stat /dev/null -"):
            device = kernel.fstat(null).rdev
        for fd in range(3):
            with failing(f"Failed to stat fd {fd} -"):
                found = kernel.fstat(Fd(fd)).rdev
            if found == device:
                with failing(f"Failed to dup fd {null} to fd {fd} -"):
                    kernel.dup2(null, Fd(fd))
    finally:
        kernel.close(null)


@step(reads="rootfs")
def link_standard_streams(init: Init) -> None:
    """Make /dev/fd, /dev/stdin, /dev/stdout, /dev/stderr, and /dev/kcore where the host has it."""
    links = list(STREAM_LINKS)
    try:
        init.kernel.stat(KCORE_LINK[0])
        links.append(KCORE_LINK)
    except OSError:
        pass  # a kernel without it
    for target, name in links:
        path = join(init.rootfs, name)
        try:
            symlink(init.kernel, target, path)
        except GoError as error:
            if error.errno != EEXIST:
                raise FlowError(f"dev symlinks symlink {target} {path} {error}") from error
