"""Laws of the root directory and the working directory, and of what is not below them (chroot(2), getcwd(2))."""

from errno import EACCES, EBADF, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM

from kernelapi.capability import FULL, Cap, CapSet
from kernelapi.flags import AT_FDCWD, CloneFlag, FileType, MountFlag, OpenFlag, UmountFlag
from kernelapi.ids import Fd, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, read_all, refused
from kernelapi.testing.stage import write_file
from kernelapi.values import CapData

PATH, DIRECTORY = OpenFlag.PATH, OpenFlag.DIRECTORY


def make_jail(kernel: Kernel) -> None:
    """/tmp/jail with a directory and a file in it; it becomes no one's root yet."""
    for directory in ("/tmp/jail", "/tmp/jail/etc", "/tmp/jail/proc"):
        kernel.mkdir(directory, 0o755)
    write_file(kernel, "/tmp/jail/etc/passwd", b"of the jail")


@case(tree=True)
def chroot_keeps_the_working_directory(kernel: Kernel) -> None:
    make_jail(kernel)
    kernel.chdir("/tmp/jail/etc")
    jail, etc = kernel.stat("/tmp/jail"), kernel.stat("/tmp/jail/etc")
    kernel.chroot("/tmp/jail")
    expect("seen from the new root", kernel.getcwd(), "/etc")
    expect("the root", kernel.stat("/"), jail)
    kernel.chdir("/")
    kernel.chroot("etc")
    expect("outside the new root", kernel.getcwd(), "(unreachable)/tmp/jail")
    expect("a name in it", kernel.stat("etc"), etc)
    expect("the root's content", kernel.stat("/passwd").size, len(b"of the jail"))
    refused(ENOENT, kernel.stat, "/etc")
    kernel.chdir("/")
    expect("at the root", kernel.getcwd(), "/")


@case(tree=True)
def the_way_up_ends_at_the_root(kernel: Kernel) -> None:
    make_jail(kernel)
    kernel.chroot("/tmp/jail")
    kernel.chdir("/etc")
    root = kernel.stat("/")
    for path in ("..", "../..", "/..", "/../..", "../../../..", "/etc/../.."):
        expect(path, kernel.stat(path), root)
    kernel.symlink("../../../../..", "up")
    expect("by a link", kernel.stat("up"), root)
    kernel.chdir("../..")
    expect("where that leads", kernel.getcwd(), "/")


@case(tree=True)
def the_way_up_does_not_end_for_who_stands_outside(kernel: Kernel) -> None:
    make_jail(kernel)
    outside = kernel.stat("/")
    kernel.chdir("/tmp")
    kernel.chroot("/tmp/jail")
    expect("up from outside", kernel.stat(".."), outside)
    expect("the file of the host", kernel.stat("../etc/group").type, FileType.REG)
    refused(ENOENT, kernel.stat, "/etc/group")


@case(tree=True)
def a_second_chroot_leads_out_of_the_first(kernel: Kernel) -> None:
    make_jail(kernel)
    outside = kernel.stat("/")
    kernel.chroot("/tmp/jail")
    kernel.chdir("/")
    kernel.mkdir("inner", 0o755)
    kernel.chroot("inner")
    for _ in range(10):
        kernel.chdir("..")
    kernel.chroot(".")
    expect("the first root", kernel.stat("/"), outside)
    expect("the directory", kernel.getcwd(), "/")


@case(tree=True)
def an_open_directory_leads_out_of_the_root(kernel: Kernel) -> None:
    make_jail(kernel)
    outside = kernel.open("/tmp", PATH | DIRECTORY)
    kernel.chroot("/tmp/jail")
    kernel.chdir("/")
    expect("by a relative path", kernel.newfstatat(outside, "../etc/group").type, FileType.REG)
    refused(ENOENT, kernel.newfstatat, outside, "/etc/group")
    kernel.fchdir(outside)
    expect("by going there", kernel.getcwd(), "(unreachable)/tmp")


@case(tree=True)
def links_start_at_the_root_of_who_follows_them(kernel: Kernel) -> None:
    make_jail(kernel)
    kernel.symlink("/etc/passwd", "/tmp/jail/link")
    size = len(b"of the jail")
    expect("from outside", kernel.stat("/tmp/jail/link").size == size, False)
    kernel.mount("/proc", "/tmp/jail/proc", "", MountFlag.BIND, "")
    outside = kernel.open("/etc/group", OpenFlag.RDONLY)
    kernel.chroot("/tmp/jail")
    expect("from inside", kernel.stat("/link").size, size)
    magic = f"/proc/self/fd/{outside}"
    expect("a magic link leads to the very file", kernel.stat(magic), kernel.fstat(outside))
    expect("it is named from wherever it can be", kernel.readlink(magic), "/etc/group")
    expect("the root", kernel.readlink("/proc/self/root"), "/")
    expect("the directory, outside", kernel.stat("/proc/self/cwd/etc/group"), kernel.fstat(outside))


@case(tree=True)
def chroot_checks_in_this_order(kernel: Kernel) -> None:
    make_jail(kernel)
    kernel.mkdir("/tmp/closed", 0o700)
    for caps, errno in ((CapSet.of(Cap.SYS_CHROOT, Cap.SETUID), 0), (FULL - CapSet.of(Cap.SYS_CHROOT), EPERM)):
        in_child(kernel, _change_root_as, caps, errno)


def _change_root_as(kernel: Kernel, caps: CapSet, errno: int) -> None:
    permitted = kernel.capget(Pid(0)).permitted & caps
    kernel.capset(Pid(0), CapData(permitted, permitted, CapSet()))
    refused(ENOENT, kernel.chroot, "/missing")
    refused(ENOTDIR, kernel.chroot, "/etc/passwd")
    refused(ENOTDIR, kernel.chroot, "/tmp/jail/etc/passwd/")
    if errno:
        refused(errno, kernel.chroot, "/tmp/jail")
        refused(errno, kernel.chroot, "/")
        kernel.setfsuid(1000)
        refused(EACCES, kernel.chroot, "/tmp/closed")  # permission before privilege
    else:
        kernel.setfsuid(1000)
        refused(EACCES, kernel.chroot, "/tmp/closed")
        kernel.chroot("/tmp/jail")
        expect("the root", kernel.stat("/etc/passwd").size, len(b"of the jail"))


@case(tree=True)
def root_of_a_user_namespace_may_change_its_root(kernel: Kernel) -> None:
    make_jail(kernel)
    in_child(kernel, _chroot_in_user_namespace)


def _chroot_in_user_namespace(kernel: Kernel) -> None:
    kernel.setuid(Uid(1000))
    refused(EPERM, kernel.chroot, "/tmp/jail")
    kernel.unshare(CloneFlag.NEWUSER)
    kernel.chroot("/tmp/jail")
    refused(EPERM, kernel.unshare, CloneFlag.NEWUSER)  # and has then no further user namespace


@case(tree=True)
def changing_directory_needs_search_permission(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("closed", 0o700)
    write_file(kernel, "f", b"")
    refused(ENOENT, kernel.chdir, "missing")
    refused(ENOTDIR, kernel.chdir, "f")
    refused(ENOTDIR, kernel.fchdir, kernel.open("f", OpenFlag.RDONLY))
    refused(ENOTDIR, kernel.fchdir, kernel.pipe()[0])
    refused(EBADF, kernel.fchdir, Fd(99))
    expect("unchanged", kernel.getcwd(), "/tmp")
    in_child(kernel, _change_directory)


def _change_directory(kernel: Kernel) -> None:
    kernel.chdir("closed")
    directory = kernel.open("/tmp/closed", DIRECTORY)
    kernel.setuid(Uid(1000))
    expect("asking where one is needs nothing", kernel.getcwd(), "/tmp/closed")
    refused(EACCES, kernel.chdir, ".")
    refused(EACCES, kernel.chdir, "..")
    refused(EACCES, kernel.stat, "..")
    refused(EACCES, kernel.fchdir, directory)
    refused(EACCES, kernel.chdir, "/tmp/closed")
    kernel.chdir("/tmp")


@case(tree=True)
def a_removed_directory_has_no_path(kernel: Kernel) -> None:
    kernel.mkdir("/tmp/d", 0o755)
    kernel.mkdir("/tmp/d/e", 0o755)
    kernel.chdir("/tmp/d/e")
    kernel.rmdir("/tmp/d/e")
    refused(ENOENT, kernel.getcwd)
    expect("what /proc shows", kernel.readlink("/proc/self/cwd"), "/tmp/d/e (deleted)")
    kernel.chdir("..")
    expect("its parent has one", kernel.getcwd(), "/tmp/d")
    kernel.chdir("/tmp/d")
    kernel.rename("/tmp/d", "/tmp/moved")
    expect("a moved one has another", kernel.getcwd(), "/tmp/moved")
    kernel.chroot("/tmp/moved")
    expect("as the root", kernel.getcwd(), "/")


@case(tree=True)
def a_removed_root_is_still_the_root(kernel: Kernel) -> None:
    kernel.mkdir("/tmp/d", 0o755)
    outside = kernel.open("/tmp", DIRECTORY)
    kernel.chroot("/tmp/d")
    kernel.unlinkat(outside, "d", 0x200)
    expect("it is there", kernel.stat("/").nlink, 0)
    expect("and has no way up", kernel.stat("/..").nlink, 0)
    refused(ENOENT, kernel.mkdir, "/x", 0o755)
    kernel.chdir("/")
    refused(ENOENT, kernel.getcwd)


@case(tree=True)
def a_path_may_be_too_long_to_be_told(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    name = "x" * 255
    for _ in range(15):
        kernel.mkdir(name, 0o755)
        kernel.chdir(name)
    kernel.mkdir("y" * 250, 0o755)
    kernel.chdir("y" * 250)
    expect("a long one", len(kernel.getcwd()), 4 + 15 * 256 + 251)
    expect("the longest", 4 + 15 * 256 + 251, 4095)
    kernel.mkdir("z", 0o755)
    kernel.chdir("z")
    refused(ENAMETOOLONG, kernel.getcwd)
    kernel.stat("..")


@case(tree=True)
def who_stands_in_a_detached_mount_is_unreachable(kernel: Kernel) -> None:
    kernel.mkdir("/tmp/d", 0o755)
    kernel.mount("t", "/tmp/d", "tmpfs", 0, "")
    kernel.mkdir("/tmp/d/e", 0o755)
    kernel.chdir("/tmp/d/e")
    kernel.umount2("/tmp/d", UmountFlag.DETACH)
    expect("the path", kernel.getcwd(), "(unreachable)/e")
    expect("what /proc shows", kernel.readlink("/proc/self/cwd"), "/e")
    kernel.chdir("../..")
    expect("the top", kernel.getcwd(), "(unreachable)/")
    kernel.mkdir("new", 0o755)
    kernel.chdir("/")
    refused(ENOENT, kernel.stat, "/tmp/d/new")


@case(tree=True)
def what_is_moved_out_of_a_bind_mount_has_no_way_up(kernel: Kernel) -> None:
    for directory in ("/tmp/a", "/tmp/a/x", "/tmp/a/x/y", "/tmp/m"):
        kernel.mkdir(directory, 0o755)
    kernel.mount("/tmp/a", "/tmp/m", "", MountFlag.BIND, "")
    kernel.chdir("/tmp/m/x/y")
    expect("before", kernel.getcwd(), "/tmp/m/x/y")
    kernel.rename("/tmp/a/x", "/tmp/x")
    expect("after", kernel.getcwd(), "(unreachable)/")
    expect("what /proc shows", kernel.readlink("/proc/self/cwd"), "/")
    refused(ENOENT, kernel.stat, "..")
    refused(ENOENT, kernel.stat, "../..")
    kernel.stat(".")


@case(tree=True)
def what_is_mounted_on_the_root_is_above_it(kernel: Kernel) -> None:
    kernel.mkdir("/tmp/jail", 0o700)
    kernel.chroot("/tmp/jail")
    kernel.chdir("/")
    kernel.mount("t", "/", "tmpfs", 0, "mode=711")
    expect("the root stays", kernel.stat("/").permissions, 0o700)
    expect("so does the directory", kernel.stat(".").permissions, 0o700)
    expect("up from it lies the mount", kernel.stat("/..").permissions, 0o711)
    kernel.chdir("..")
    expect("where that is", kernel.getcwd(), "/")
    expect("it is the mount", kernel.stat(".").permissions, 0o711)


@case(tree=True)
def a_shared_root_changes_for_all(kernel: Kernel) -> None:
    make_jail(kernel)
    in_child(kernel, _change_shared_root)
    expect("a child's own root", kernel.stat("/etc/passwd").size == len(b"of the jail"), False)
    in_child(kernel, _change_shared_root, flags=CloneFlag.FS)
    fd = kernel.openat(AT_FDCWD, "/etc/passwd", OpenFlag.RDONLY)
    expect("a shared one", read_all(kernel, fd), b"of the jail")


def _change_shared_root(kernel: Kernel) -> None:
    kernel.chroot("/tmp/jail")
