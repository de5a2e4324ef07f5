"""Laws of pivot_root(2)."""

from errno import EBUSY, EINVAL, ENOENT, ENOTDIR, EPERM

from kernelapi.flags import CloneFlag, MountFlag, OpenFlag, Signal, UmountFlag
from kernelapi.ids import Fd, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, refused
from kernelapi.testing.mountinfo import mount_at, mount_table
from kernelapi.testing.stage import write_file

BIND, REC = MountFlag.BIND, MountFlag.REC


def new_root(kernel: Kernel) -> None:
    """A tmpfs at /new with directories old, proc and d."""
    kernel.mkdir("/new", 0o755)
    kernel.mount("new", "/new", "tmpfs", 0, "")
    for name in ("old", "proc", "d"):
        kernel.mkdir(f"/new/{name}", 0o755)


@case(tree=True)
def pivot_root_puts_the_old_root_where_it_is_told(kernel: Kernel) -> None:
    new_root(kernel)
    kernel.mount("/proc", "/new/proc", "", BIND | REC, "")
    kernel.chdir("/new/d")
    old, new = mount_at(kernel, "/"), mount_at(kernel, "/new")
    kernel.pivot_root("/new", "/new/old")
    expect("the new root", mount_at(kernel, "/").id, new.id)
    expect("is mounted where the old one was", mount_at(kernel, "/").parent, old.parent)
    expect("the old root", (mount_at(kernel, "/old").id, mount_at(kernel, "/old").parent), (old.id, new.id))
    kernel.stat("/old/etc/passwd")
    refused(ENOENT, kernel.stat, "/etc/passwd")
    expect("a working directory below the new root", kernel.getcwd(), "/d")
    refused(EBUSY, kernel.umount2, "/old", 0)
    kernel.umount2("/old", UmountFlag.DETACH)
    expect("what is left", [entry.point for entry in mount_table(kernel)], ["/", "/proc"])


@case(tree=True)
def pivot_root_of_one_place_onto_itself_stacks_and_can_be_undone(kernel: Kernel) -> None:
    new_root(kernel)
    kernel.mount("/proc", "/new/proc", "", BIND | REC, "")
    kernel.chdir("/new")
    kernel.pivot_root(".", ".")
    expect("the working directory is the new root", kernel.getcwd(), "/")
    kernel.stat("old")
    kernel.stat("/old")
    refused(ENOENT, kernel.stat, "/etc")
    kernel.umount2(".", UmountFlag.DETACH)
    expect("what is left", [(entry.point, entry.source) for entry in mount_table(kernel)], [("/", "new"), ("/proc", "proc")])
    kernel.stat("/old")


@case(tree=True)
def pivot_root_takes_along_the_processes_at_the_old_root_and_no_others(kernel: Kernel) -> None:
    new_root(kernel)
    kernel.mount("/proc", "/new/proc", "", BIND | REC, "")
    at_root, inside, chrooted = (_start(kernel, where) for where in ("/", "/etc", "chroot /etc"))
    kernel.chdir("/new")
    kernel.pivot_root("/new", "/new/old")
    expect("at the old root", _end(kernel, at_root), b"/ 1")
    expect("in a directory of the old root", _end(kernel, inside), b"/old/etc 1")
    expect("with another root", _end(kernel, chrooted), b"/ 0")
    expect("init, which stood at the old root", kernel.readlink("/proc/1/root"), "/")


User = tuple[int, Fd, Fd]


def _start(kernel: Kernel, where: str) -> User:
    answers, go = kernel.pipe2(0), kernel.pipe2(0)
    pid = kernel.clone(Signal.CHLD, _stand, where, answers[1], go[0], go[1])
    kernel.close(answers[1])
    kernel.close(go[0])
    kernel.read(answers[0], 1)
    return pid, answers[0], go[1]


def _stand(kernel: Kernel, where: str, answers: Fd, go: Fd, other_end: Fd) -> None:
    kernel.close(other_end)
    directory = where.removeprefix("chroot ")
    if directory != where:
        kernel.chroot(directory)
        directory = "/"
    kernel.chdir(directory)
    kernel.write(answers, b"!")
    kernel.read(go, 1)
    try:
        kernel.stat("/old/etc/passwd")
        sees = 1
    except OSError:
        sees = 0
    kernel.write(answers, f"{kernel.getcwd()} {sees}".encode())


def _end(kernel: Kernel, user: User) -> bytes:
    pid, answers, go = user
    kernel.write(go, b"!")
    kernel.close(go)
    answer = kernel.read(answers, 100)
    kernel.close(answers)
    kernel.wait4(pid)
    return answer


@case(tree=True)
def pivot_root_is_refused_in_this_order(kernel: Kernel) -> None:
    new_root(kernel)
    write_file(kernel, "/f", b"")
    kernel.mkdir("/dir", 0o755)
    kernel.mkdir("/other", 0o755)
    kernel.mount("other", "/other", "tmpfs", 0, "")
    refused(ENOENT, kernel.pivot_root, "/missing", "/f")
    refused(ENOTDIR, kernel.pivot_root, "/f", "/missing")
    refused(ENOENT, kernel.pivot_root, "/new", "/missing")
    refused(ENOTDIR, kernel.pivot_root, "/new", "/f")
    refused(EBUSY, kernel.pivot_root, "/dir", "/new/old")  # new_root is on the root mount
    refused(EBUSY, kernel.pivot_root, "/new", "/dir")  # put_old is
    refused(EBUSY, kernel.pivot_root, "/", "/")
    refused(EBUSY, kernel.pivot_root, "/", "/new/old")
    refused(EINVAL, kernel.pivot_root, "/new/d", "/new/d")  # not the root of a mount
    refused(EINVAL, kernel.pivot_root, "/new", "/other")  # put_old is not below new_root
    kernel.mount("", "/other", "", MountFlag.SHARED, "")
    refused(EINVAL, kernel.pivot_root, "/dir", "/other")  # a shared put_old comes before the root mount
    kernel.mount("", "/new", "", MountFlag.SHARED, "")
    refused(EINVAL, kernel.pivot_root, "/new", "/new/old")
    kernel.mount("", "/new", "", MountFlag.PRIVATE, "")
    kernel.mount("", "/", "", MountFlag.SHARED, "")
    refused(EINVAL, kernel.pivot_root, "/new", "/new/old")  # new_root is mounted on a shared mount
    kernel.mount("", "/", "", MountFlag.PRIVATE, "")
    kernel.pivot_root("/new", "/new/old")


@case(tree=True)
def pivot_root_needs_directories_that_are_still_there(kernel: Kernel) -> None:
    new_root(kernel)
    fd = kernel.open("/new/d", OpenFlag.PATH | OpenFlag.DIRECTORY)
    kernel.fchdir(fd)
    kernel.rmdir("/new/d")
    refused(ENOENT, kernel.pivot_root, "/new", ".")
    refused(ENOENT, kernel.pivot_root, ".", "/new/old")
    kernel.mkdir("/gone", 0o755)
    kernel.chdir("/gone")
    kernel.rmdir("/gone")
    refused(ENOENT, kernel.pivot_root, ".", "/new/old")  # before EBUSY


@case(tree=True)
def pivot_root_looks_first_whose_mount_the_new_root_is(kernel: Kernel) -> None:
    new_root(kernel)
    kernel.mkdir("/new/gone", 0o755)
    fd = kernel.open("/new/gone", OpenFlag.PATH)
    kernel.rmdir("/new/gone")
    refused(ENOENT, kernel.pivot_root, f"/proc/self/fd/{fd}", "/tmp")
    kernel.unshare(CloneFlag.NEWNS)
    refused(EINVAL, kernel.pivot_root, f"/proc/self/fd/{fd}", "/tmp")


@case(tree=True)
def pivot_root_needs_a_root_that_is_a_mount(kernel: Kernel) -> None:
    kernel.mkdir("/jail", 0o755)
    kernel.mkdir("/jail/new", 0o755)
    in_child(kernel, _pivots_in_a_chroot)
    kernel.mount("/jail", "/jail", "", BIND, "")
    in_child(kernel, _pivots_where_the_root_is_a_mount)


def _pivots_in_a_chroot(kernel: Kernel) -> None:
    kernel.mount("new", "/jail/new", "tmpfs", 0, "")
    kernel.chroot("/jail")
    kernel.chdir("/")
    refused(EINVAL, kernel.pivot_root, "/new", "/new")
    kernel.umount2("/new", 0)


def _pivots_where_the_root_is_a_mount(kernel: Kernel) -> None:
    kernel.chroot("/jail")
    kernel.chdir("/")
    kernel.mount("new", "/new", "tmpfs", 0, "")
    kernel.mkdir("/new/old", 0o755)
    kernel.pivot_root("/new", "/new/old")
    kernel.stat("/old/new")


@case(tree=True)
def pivot_root_needs_a_new_root_below_the_old_one(kernel: Kernel) -> None:
    kernel.mkdir("/jail", 0o755)
    kernel.mount("/jail", "/jail", "", BIND, "")
    kernel.mkdir("/outside", 0o755)
    kernel.mount("o", "/outside", "tmpfs", 0, "")
    kernel.chdir("/outside")
    kernel.chroot("/jail")
    refused(EINVAL, kernel.pivot_root, ".", ".")


@case(tree=True)
def pivot_root_is_tried_without_privilege_in_vain_whatever_it_names(kernel: Kernel) -> None:
    kernel.setuid(Uid(1000))
    refused(EPERM, kernel.pivot_root, "", "")
    refused(EPERM, kernel.pivot_root, "/missing", "/missing")


@case(tree=True)
def pivot_root_passes_the_lock_of_the_old_root_on(kernel: Kernel) -> None:
    kernel.mkdir("/new", 0o755)
    kernel.mkdir("/new/proc", 0o755)
    in_child(kernel, _pivots_in_a_user_namespace, flags=CloneFlag.NEWUSER | CloneFlag.NEWNS)


def _pivots_in_a_user_namespace(kernel: Kernel) -> None:
    kernel.mount("/new", "/new", "", BIND, "")  # not locked: it came after
    kernel.mount("/proc", "/new/proc", "", BIND | REC, "")
    kernel.chdir("/new")
    kernel.pivot_root(".", ".")
    kernel.umount2(".", UmountFlag.DETACH)
    refused(EINVAL, kernel.umount2, "/", UmountFlag.DETACH)
    refused(EINVAL, kernel.mount, "/", "/proc", "", MountFlag.MOVE, "")


@case(tree=True)
def the_top_of_a_namespace_stays_where_it_is(kernel: Kernel) -> None:
    bare = _at_the_top(kernel)
    refused(EINVAL, kernel.umount2, "/", UmountFlag.DETACH)
    kernel.mount("new", "/", "tmpfs", 0, "")  # covers the root, from which ".." then leads onto it
    refused(EINVAL, kernel.pivot_root, "/..", "/..")  # the old root is mounted on nothing
    kernel.chdir("/..")
    for directory in ("r", "r/o"):
        kernel.mkdir(directory, 0o755)
        kernel.mount("t", directory, "tmpfs", 0, "")
    kernel.chroot("r")
    kernel.fchdir(bare)
    refused(EINVAL, kernel.pivot_root, ".", "/o")  # nor is what would be the new one


def _at_the_top(kernel: Kernel) -> Fd:
    """Strip the namespace of all but its first mount, and stand there. Returns a descriptor of it."""
    ns = kernel.open("/proc/self/ns/mnt", OpenFlag.RDONLY)
    kernel.umount2("/", UmountFlag.DETACH)
    kernel.setns(ns, 0)
    return kernel.open("/", OpenFlag.PATH | OpenFlag.DIRECTORY)
