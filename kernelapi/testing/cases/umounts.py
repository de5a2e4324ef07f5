"""Laws of umount2(2)."""

from errno import EAGAIN, EBUSY, EINVAL, ENOENT, EPERM, EROFS

from kernelapi.flags import OpenFlag, Signal, UmountFlag
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, refused
from kernelapi.testing.cases.mounts import OTHER_OWNER, REMOUNT, bind, directories, tmpfs
from kernelapi.testing.mountinfo import mount_at, shape
from kernelapi.testing.stage import write_file


@case(tree=True)
def only_the_root_of_a_mount_can_be_umounted(kernel: Kernel) -> None:
    directories(kernel, "/m")
    refused(EINVAL, kernel.umount2, "/m", 0)
    refused(EINVAL, kernel.umount2, "/m", UmountFlag.DETACH)
    tmpfs(kernel, "/m")
    directories(kernel, "/m/d")
    refused(EINVAL, kernel.umount2, "/m/d", 0)
    refused(EINVAL, kernel.umount2, "/m", 16)
    kernel.symlink("/m", "/link")
    refused(EINVAL, kernel.umount2, "/link", UmountFlag.NOFOLLOW)
    kernel.umount2("/link", UmountFlag.FORCE)
    expect("it is gone", shape(kernel, "/m"), ())


@case(tree=True)
def a_mount_in_use_is_busy_unless_detached(kernel: Kernel) -> None:
    directories(kernel, "/m")
    for use in ("a mount on it", "a working directory", "a root", "an open file", "an O_PATH descriptor", "a directory"):
        tmpfs(kernel, "/m")
        directories(kernel, "/m/d")
        write_file(kernel, "/m/f", b"")
        busy, release = kernel.pipe2(OpenFlag.CLOEXEC), kernel.pipe2(OpenFlag.CLOEXEC)
        user = kernel.clone(Signal.CHLD, _use, use, busy[1], release[0], release[1])
        kernel.close(busy[1])
        expect(use, kernel.read(busy[0], 1), b"!")
        refused(EBUSY, kernel.umount2, "/m", 0)
        refused(EBUSY, kernel.umount2, "/m", UmountFlag.FORCE)
        refused(EBUSY, kernel.umount2, "/m", UmountFlag.EXPIRE)
        if use == "a mount on it":
            kernel.umount2("/m/d", 0)
        else:
            kernel.umount2("/m", UmountFlag.DETACH)
            expect(f"{use}: gone from the tree", shape(kernel, "/m"), ())
        for fd in (busy[0], *release):
            kernel.close(fd)
        kernel.wait4(user)
        if use == "a mount on it":
            kernel.umount2("/m", 0)


def _use(kernel: Kernel, use: str, busy: Fd, release: Fd, other_end: Fd) -> None:
    kernel.close(other_end)
    if use == "a mount on it":
        tmpfs(kernel, "/m/d")
    elif use == "a working directory":
        kernel.chdir("/m/d")
    elif use == "a root":
        kernel.chroot("/m/d")
    elif use == "an open file":
        kernel.open("/m/f", OpenFlag.RDONLY)
    elif use == "an O_PATH descriptor":
        kernel.open("/m/f", OpenFlag.PATH)
    else:
        kernel.open("/m", OpenFlag.RDONLY | OpenFlag.DIRECTORY)
    kernel.write(busy, b"!")
    kernel.read(release, 1)


@case(tree=True)
def a_lazy_umount_takes_the_tree_apart(kernel: Kernel) -> None:
    directories(kernel, "/a")
    tmpfs(kernel, "/a", "a")
    directories(kernel, "/a/s")
    tmpfs(kernel, "/a/s", "s")
    directories(kernel, "/a/s/in-s", "/a/s/u")
    tmpfs(kernel, "/a/s/u", "u")
    kernel.chdir("/a")
    inner = kernel.open("/a/s", OpenFlag.PATH | OpenFlag.DIRECTORY)
    kernel.umount2("/a", UmountFlag.DETACH)
    expect("nothing is left", shape(kernel, "/a"), ())
    refused(ENOENT, kernel.stat, "s/in-s")  # the directory that was covered
    kernel.faccessat2(inner, "in-s", 0, 0)
    refused(ENOENT, kernel.faccessat2, inner, "../s", 0, 0)  # no longer mounted anywhere: ".." is itself
    expect("the text of the way there", kernel.getcwd(), "(unreachable)/")


@case(tree=True)
def expiring_needs_two_calls(kernel: Kernel) -> None:
    directories(kernel, "/m")
    tmpfs(kernel, "/m")
    refused(EINVAL, kernel.umount2, "/m", UmountFlag.EXPIRE | UmountFlag.DETACH)
    refused(EINVAL, kernel.umount2, "/m", UmountFlag.EXPIRE | UmountFlag.FORCE)
    refused(EINVAL, kernel.umount2, "/", UmountFlag.EXPIRE)
    refused(EAGAIN, kernel.umount2, "/m", UmountFlag.EXPIRE)
    expect("still there", shape(kernel, "/m"), (". t",))


@case(tree=True)
def umounting_the_own_root_makes_it_read_only(kernel: Kernel) -> None:
    fd = kernel.open("/f", OpenFlag.WRONLY | OpenFlag.CREAT, 0o644)
    refused(EBUSY, kernel.umount2, "/", 0)
    kernel.close(fd)
    kernel.umount2("/", 0)
    expect("the root is still there", mount_at(kernel, "/").superoptions, "ro,mode=755")
    refused(EROFS, kernel.mkdir, "/d", 0o755)
    kernel.umount2("/", 0)
    kernel.mount("", "/", "", REMOUNT, "")
    kernel.mkdir("/d", 0o755)


@case(tree=True)
def a_root_on_a_file_system_of_somebody_else_is_not_made_read_only(kernel: Kernel) -> None:
    directories(kernel, "/jail")
    in_child(kernel, _umounts_its_root, flags=OTHER_OWNER)


def _umounts_its_root(kernel: Kernel) -> None:
    bind(kernel, "/jail", "/jail")
    kernel.chroot("/jail")
    refused(EPERM, kernel.umount2, "/", 0)
    kernel.umount2("/", UmountFlag.DETACH)


@case(tree=True)
def a_zombie_uses_no_mount(kernel: Kernel) -> None:
    directories(kernel, "/m")
    tmpfs(kernel, "/m")
    reader, writer = kernel.pipe2(OpenFlag.CLOEXEC)
    child = kernel.clone(Signal.CHLD, _ends_within)
    kernel.close(writer)
    expect("the end of it", kernel.read(reader, 1), b"")
    while (errno := errno_of(kernel.umount2, "/m", 0)) == EBUSY:
        kernel.clock_nanosleep(1, 0, 1_000_000)
    expect("not busy", errno, 0)
    kernel.wait4(child)


def _ends_within(kernel: Kernel) -> None:
    kernel.chdir("/m")
