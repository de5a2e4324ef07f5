"""The switch of the root: from the host's tree to the container's."""

from initflow.flow import failing, step
from initflow.golang import join, mkdir_all, remove, temp_dir
from initflow.steps.context import Init
from initflow.steps.mounts import mount_config
from kernelapi.flags import MountFlag, UmountFlag


@step(reads="rootfs")
def enter_root(init: Init) -> None:
    """Make the root file system the working directory. Before the switch: "." is then how the new root is called."""
    with failing(f"chdir into {init.rootfs}"):
        init.kernel.chdir(init.rootfs)


@step(reads="rootfs")
def switch_root(init: Init) -> None:
    """Make the root file system the root, by pivot_root (or, without it, by moving its mount and chroot).

    After all that needs the host's paths. pivot_root detaches the old root at once: with it everything of the host goes.
    """
    if mount_config(init).no_pivot_root:
        _move_root(init)
    else:
        _pivot_root(init)


@step
def make_root_readonly(init: Init) -> None:
    """Remount the root read-only, if asked for. After all that writes to it; mounts below it stay as they are."""
    if mount_config(init).readonly_fs:
        with failing("set readonly"):
            flags = MountFlag.BIND | MountFlag.REMOUNT | MountFlag.RDONLY | MountFlag.REC
            init.kernel.mount("/", "/", "bind", flags, "")


@step
def set_umask(init: Init) -> None:
    """Give the payload the usual umask, whatever the caller's was."""
    init.kernel.umask(0o022)


def _pivot_root(init: Init) -> None:
    kernel = init.kernel
    base = mount_config(init).pivot_dir or "/"
    directory = join(init.rootfs, base)
    with failing(f"can't create tmp dir {directory}, error"):
        mkdir_all(kernel, directory, 0o755)
    with failing("can't create pivot_root dir , error"):
        put_old = temp_dir(kernel, directory, ".pivot_root")
    with failing("pivot_root"):
        kernel.pivot_root(init.rootfs, put_old)
    with failing("chdir /"):
        kernel.chdir("/")
    put_old = join(base, put_old.rpartition("/")[2])
    with failing("unmount pivot_root dir"):
        kernel.umount2(put_old, UmountFlag.DETACH)
    remove(kernel, put_old)


def _move_root(init: Init) -> None:
    kernel = init.kernel
    with failing(f"mount move {init.rootfs} into /"):
        kernel.mount(init.rootfs, "/", "", MountFlag.MOVE, "")
    with failing("chroot ."):
        kernel.chroot(".")
    kernel.chdir("/")
