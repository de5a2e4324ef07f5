"""Laws of mount namespaces: what a copy keeps, what another owner locks, what one does to another."""

from errno import EBUSY, EINVAL, ENODEV, ENOENT, EPERM

from kernelapi.flags import CloneFlag, MountFlag, OpenFlag, Signal, UmountFlag
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, refused
from kernelapi.testing.cases.mounts import (
    BIND,
    MOVE,
    NODEV,
    NOEXEC,
    NOSUID,
    OTHER_OWNER,
    RDONLY,
    REC,
    REMOUNT,
    bind,
    directories,
    tmpfs,
)
from kernelapi.testing.mountinfo import mount_at, mount_table, shape
from kernelapi.testing.stage import write_file


@case(tree=True)
def a_new_mount_namespace_is_a_copy_that_goes_its_own_way(kernel: Kernel) -> None:
    directories(kernel, "/a", "/b")
    tmpfs(kernel, "/a", "a", NOSUID)
    kernel.mount("", "/a", "", MountFlag.UNBINDABLE, "")
    in_child(kernel, _changes_its_copy, mount_at(kernel, "/a").id, flags=CloneFlag.NEWNS)
    expect("the original is as it was", shape(kernel, "/a") + shape(kernel, "/b"), (". a unbindable",))


def _changes_its_copy(kernel: Kernel, original: int) -> None:
    entry = mount_at(kernel, "/a")
    expect("the flags are copied", entry.options, "rw,nosuid,relatime")
    expect("that it is unbindable is not", entry.unbindable, False)  # since 6.17; before that it was
    expect("it is another mount", entry.id != original, True)
    kernel.umount2("/a", 0)
    tmpfs(kernel, "/b")


@case(tree=True)
def a_mount_namespace_with_another_owner_is_locked_as_a_unit(kernel: Kernel) -> None:
    directories(kernel, "/a", "/b", "/c")
    tmpfs(kernel, "/a", "a", NOSUID | NODEV)
    directories(kernel, "/a/s", "/a/s/in", "/c/x")
    tmpfs(kernel, "/a/s", "s", RDONLY)
    tmpfs(kernel, "/c", "c")
    kernel.mount("", "/a", "", MountFlag.SHARED, "")
    kernel.mount("", "/c", "", MountFlag.UNBINDABLE, "")
    in_child(kernel, _is_locked_in, flags=OTHER_OWNER)


def _is_locked_in(kernel: Kernel) -> None:
    expect("shared mounts are slaves", shape(kernel, "/a"), (". a master:a", "/s s"))
    refused(EINVAL, kernel.umount2, "/a", UmountFlag.DETACH)
    refused(EINVAL, kernel.umount2, "/a/s", 0)
    refused(EINVAL, kernel.mount, "/a", "/b", "", MOVE, "")
    refused(EINVAL, kernel.mount, "/a", "/b", "", BIND, "")
    refused(EINVAL, kernel.pivot_root, "/a", "/a")
    refused(EPERM, kernel.mount, "", "/a", "", REMOUNT | BIND | NOSUID, "")
    refused(EPERM, kernel.mount, "", "/a", "", REMOUNT | BIND | NOSUID | NODEV | MountFlag.NOATIME, "")
    refused(EPERM, kernel.mount, "", "/a/s", "", REMOUNT | BIND, "")
    kernel.mount("", "/a", "", REMOUNT | BIND | NOSUID | NODEV | NOEXEC, "")
    kernel.mount("", "/a", "", REMOUNT | BIND | NOSUID | NODEV, "")  # what was not locked can be cleared again
    refused(EPERM, kernel.mount, "", "/a", "", REMOUNT | NOSUID | NODEV, "")
    refused(EINVAL, kernel.mount, "", "/a", "", REMOUNT | NOSUID | NODEV, "unknown")
    refused(EINVAL, kernel.umount2, "/a", UmountFlag.FORCE)
    bind(kernel, "/a", "/b", REC)
    expect("a recursive bind", shape(kernel, "/b"), (". a master:a", "/s s"))
    refused(EINVAL, kernel.umount2, "/b/s", 0)
    refused(EPERM, kernel.umount2, "/b", UmountFlag.FORCE)
    refused(EPERM, kernel.mount, "", "/b", "", REMOUNT | BIND, "")
    kernel.umount2("/b", UmountFlag.DETACH)
    kernel.mount("", "/c", "", MountFlag.UNBINDABLE, "")
    refused(EPERM, kernel.mount, "/", "/b", "", BIND | REC, "")


@case(tree=True)
def a_user_namespace_may_mount_some_types_only(kernel: Kernel) -> None:
    write_file(kernel, "/f", b"")
    in_child(kernel, _mounts_in_a_user_namespace, flags=OTHER_OWNER)
    in_child(kernel, _has_no_mount_namespace_of_its_own, flags=CloneFlag.NEWUSER)


def _mounts_in_a_user_namespace(kernel: Kernel) -> None:
    refused(EINVAL, kernel.mount, "t", "/tmp", "tmpfs", 0, "uid=0")  # no id is mapped
    tmpfs(kernel, "/tmp", data="size=64k")
    kernel.mount("", "/tmp", "", REMOUNT, "size=128k")
    kernel.mount("r", "/tmp", "ramfs", 0, "")
    kernel.umount2("/tmp", UmountFlag.FORCE)
    refused(EINVAL, kernel.mount, "", "/tmp", "", 0, "")
    refused(ENODEV, kernel.mount, "", "/tmp", "unknown", 0, "")
    for source in ("", "/missing", "/f"):
        refused(EPERM, kernel.mount, source, "/tmp", "ext4", 0, "")
    refused(EPERM, kernel.mount, "p", "/tmp", "proc", 0, "")  # the pid namespace is another's
    refused(EPERM, kernel.mount, "s", "/tmp", "sysfs", 0, "")  # the net namespace, too


def _has_no_mount_namespace_of_its_own(kernel: Kernel) -> None:
    refused(EPERM, kernel.mount, "t", "/tmp", "tmpfs", 0, "")
    refused(EPERM, kernel.umount2, "/proc", 0)


@case(tree=True)
def a_proc_in_a_user_namespace_shows_no_more_than_before(kernel: Kernel) -> None:
    flags = OTHER_OWNER | CloneFlag.NEWPID
    expect("one can be seen in full", in_child(kernel, _mounts_proc, flags=flags), (0, 0, EPERM))
    kernel.mount("", "/proc", "", REMOUNT | BIND | RDONLY, "")
    expect("one can be seen, read-only", in_child(kernel, _mounts_proc, flags=flags), (EPERM, 0, EPERM))
    kernel.mount("", "/proc", "", REMOUNT | BIND | MountFlag.NOATIME, "")
    expect("one can be seen, without access times", in_child(kernel, _mounts_proc, flags=flags), (EPERM, EPERM, 0))
    kernel.mount("", "/proc", "", REMOUNT | BIND | MountFlag.RELATIME, "")
    bind(kernel, "/dev/null", "/proc/version")
    expect("a part of it is covered", in_child(kernel, _mounts_proc, flags=flags), (EPERM, EPERM, EPERM))
    kernel.umount2("/proc/version", 0)
    kernel.umount2("/proc", 0)
    expect("there is none", in_child(kernel, _mounts_proc, flags=flags), (EPERM, EPERM, EPERM))


def _mounts_proc(kernel: Kernel) -> tuple[int, ...]:
    found = []
    for flags in (0, RDONLY, MountFlag.NOATIME):
        found.append(errno_of(kernel.mount, "proc", "/tmp", "proc", flags, ""))
        if not found[-1]:
            kernel.umount2("/tmp", 0)
    return tuple(found)


@case(tree=True)
def a_sysfs_in_a_user_namespace_shows_no_more_than_before(kernel: Kernel) -> None:
    flags = OTHER_OWNER | CloneFlag.NEWNET
    expect("there is none", in_child(kernel, _mounts_sysfs, flags=flags), EPERM)
    kernel.mount("sysfs", "/sys", "sysfs", 0, "")
    expect("one can be seen in full", in_child(kernel, _mounts_sysfs, flags=flags), 0)
    expect("the net namespace is another's", in_child(kernel, _mounts_sysfs, flags=OTHER_OWNER), EPERM)
    tmpfs(kernel, "/sys/fs/cgroup")
    expect("a place made for mounts is covered", in_child(kernel, _mounts_sysfs, flags=flags), 0)
    tmpfs(kernel, "/sys/kernel")
    expect("a part of it is covered", in_child(kernel, _mounts_sysfs, flags=flags), EPERM)


def _mounts_sysfs(kernel: Kernel) -> int:
    return errno_of(kernel.mount, "sysfs", "/tmp", "sysfs", 0, "")


@case(tree=True)
def the_mounts_of_another_namespace_can_be_seen_and_not_changed(kernel: Kernel) -> None:
    directories(kernel, "/a", "/b")
    tmpfs(kernel, "/a")
    directories(kernel, "/a/d")
    ready, go = kernel.pipe2(0), kernel.pipe2(0)
    other = kernel.clone(CloneFlag.NEWNS | Signal.CHLD, _waits, ready[1], go[0], go[1])
    kernel.close(ready[1])
    kernel.read(ready[0], 1)
    there = f"/proc/{other}/root/a"
    kernel.stat(f"{there}/d")
    refused(EINVAL, kernel.mount, "t", f"{there}/d", "tmpfs", 0, "")
    refused(EINVAL, kernel.mount, "/b", f"{there}/d", "", BIND, "")
    refused(EINVAL, kernel.mount, there, "/b", "", BIND, "")
    refused(EINVAL, kernel.mount, there, "/b", "", MOVE, "")
    tmpfs(kernel, "/b")
    refused(EINVAL, kernel.mount, "/b", f"{there}/d", "", MOVE, "")
    refused(EINVAL, kernel.mount, "", there, "", REMOUNT, "")
    refused(EINVAL, kernel.mount, "", there, "", REMOUNT | BIND, "")
    refused(EINVAL, kernel.umount2, there, UmountFlag.DETACH)
    refused(EINVAL, kernel.pivot_root, there, there)
    kernel.mount("", there, "", MountFlag.SHARED, "")  # since 6.16; before that EINVAL
    shared = [entry.shared > 0 for entry in mount_table(kernel, str(other)) if entry.point == "/a"]
    expect("its propagation can be changed", shared, [True])
    kernel.close(go[1])
    kernel.wait4(other)


def _waits(kernel: Kernel, ready: Fd, go: Fd, other_end: Fd) -> None:
    kernel.close(other_end)
    kernel.write(ready, b"!")
    kernel.read(go, 1)


@case(tree=True)
def a_removed_mount_point_is_umounted_in_other_namespaces(kernel: Kernel) -> None:
    directories(kernel, "/d")
    ready, go = kernel.pipe2(0), kernel.pipe2(0)
    other = kernel.clone(CloneFlag.NEWNS | Signal.CHLD, _mounts_and_waits, ready[1], go[0], go[1])
    kernel.close(ready[1])
    kernel.read(ready[0], 1)
    expect("there", [entry.source for entry in mount_table(kernel, str(other)) if entry.point == "/d"], ["t"])
    kernel.rmdir("/d")
    expect("no longer", [entry.source for entry in mount_table(kernel, str(other)) if entry.point == "/d"], [])
    kernel.close(go[1])
    kernel.wait4(other)
    directories(kernel, "/d")
    tmpfs(kernel, "/d")
    refused(EBUSY, kernel.rmdir, "/d")


def _mounts_and_waits(kernel: Kernel, ready: Fd, go: Fd, other_end: Fd) -> None:
    tmpfs(kernel, "/d")
    _waits(kernel, ready, go, other_end)


@case(tree=True)
def the_file_of_a_mount_namespace_cannot_be_bound_within_it(kernel: Kernel) -> None:
    write_file(kernel, "/f", b"")
    refused(EINVAL, kernel.mount, "/proc/self/ns/mnt", "/f", "", BIND, "")
    bind(kernel, "/proc/self/ns/net", "/f")
    entry = mount_at(kernel, "/f")
    expect("what is bound", (entry.fstype, entry.root), ("nsfs", kernel.readlink("/proc/self/ns/net")))


@case(tree=True, since="6.16")
def propagation_of_a_more_privileged_namespace_is_not_changed(kernel: Kernel) -> None:
    directories(kernel, "/a")
    tmpfs(kernel, "/a")
    fd = kernel.open("/a", OpenFlag.PATH | OpenFlag.DIRECTORY)
    in_child(kernel, _changes_what_it_has_open, fd, flags=OTHER_OWNER)


def _changes_what_it_has_open(kernel: Kernel, fd: Fd) -> None:
    refused(EINVAL, kernel.mount, "", f"/proc/self/fd/{fd}", "", MountFlag.SHARED | MountFlag.SLAVE, "")
    refused(EPERM, kernel.mount, "", f"/proc/self/fd/{fd}", "", MountFlag.SHARED, "")  # since 6.16; before that EINVAL


def _dissolve_above(kernel: Kernel, held: str) -> tuple[str, int, int]:
    """Hold `held` while the mount namespace around it goes; what getcwd says then, and the inodes of "." and ".."."""
    kernel.chdir(held)
    fd = kernel.open(".", OpenFlag.RDONLY | OpenFlag.DIRECTORY)
    kernel.unshare(CloneFlag.NEWNS)
    kernel.fchdir(fd)
    above = kernel.stat("..")
    return kernel.getcwd(), kernel.stat(".").ino, above.ino if above.dev == kernel.stat(".").dev else 0


@case(tree=True)
def a_mount_that_was_locked_to_its_parent_stays_there_as_long_as_that_is_used(kernel: Kernel) -> None:
    kernel.mkdir("/a", 0o755)
    kernel.mount("one", "/a", "tmpfs", 0, "mode=755")
    kernel.mkdir("/a/b", 0o755)
    kernel.mount("two", "/a/b", "tmpfs", 0, "mode=755")
    inner, outer = kernel.stat("/a/b").ino, kernel.stat("/a").ino
    alone = in_child(kernel, _dissolve_above, "/a/b", flags=OTHER_OWNER)
    expect("of the inner mount, alone", alone, ("(unreachable)/", inner, inner))
    expect("of the outer one", in_child(kernel, _hold_both, flags=OTHER_OWNER), ("(unreachable)/b", outer, "(unreachable)/"))


def _hold_both(kernel: Kernel) -> tuple[str, int, str]:
    """With both held: where the inner one is, the inode above it; and where it is once the outer one has been let go."""
    outer = kernel.open("/a", OpenFlag.PATH)
    inner = kernel.open("/a/b", OpenFlag.PATH)
    kernel.unshare(CloneFlag.NEWNS)
    kernel.fchdir(inner)
    before, above = kernel.getcwd(), kernel.stat("..").ino
    kernel.close(outer)
    return before, above, kernel.getcwd()


def _spawn_copy(kernel: Kernel) -> tuple[Pid, Fd]:
    """A process with a copy of the mounts that belongs to another user namespace, and what ends it when it is closed."""
    ready, go = kernel.pipe2(0), kernel.pipe2(0)
    other = kernel.clone(OTHER_OWNER | Signal.CHLD, _waits, ready[1], go[0], go[1])
    kernel.close(ready[1])
    kernel.read(ready[0], 1)
    return other, go[1]


def _seen(kernel: Kernel, process: Pid, below: str) -> list[str]:
    """Where something is mounted there."""
    return sorted(entry.point for entry in mount_table(kernel, str(process)) if entry.point.startswith(below))


@case(tree=True)
def an_umount_takes_locked_mounts_elsewhere_as_a_whole(kernel: Kernel) -> None:
    directories(kernel, "/a")
    tmpfs(kernel, "/a")
    kernel.mount("", "/a", "", MountFlag.SHARED, "")
    directories(kernel, "/a/x", "/a/y")
    tmpfs(kernel, "/a/x")
    within = ["/a/x/one", "/a/x/three", "/a/x/two"]
    directories(kernel, *within)
    for target in within:
        tmpfs(kernel, target)
    other, end = _spawn_copy(kernel)
    tmpfs(kernel, "/a/y")
    expect("there", _seen(kernel, other, "/a"), ["/a", "/a/x", *within, "/a/y"])
    kernel.umount2("/a/y", 0)
    expect("what came later is gone", _seen(kernel, other, "/a/y"), [])
    kernel.umount2("/a/x/two", 0)
    expect("what is locked goes alone if it is named", _seen(kernel, other, "/a/x/two"), [])
    kernel.umount2("/a/x", UmountFlag.DETACH)
    expect("all of it is gone", _seen(kernel, other, "/a"), ["/a"])
    kernel.close(end)
    kernel.wait4(other)


def _loses_its_mount_point(kernel: Kernel, ready: Fd, go: Fd, gone: Fd) -> int:
    tmpfs(kernel, "/d")
    kernel.chdir("/d")
    directories(kernel, "in")
    tmpfs(kernel, "in", "inner")
    inner = kernel.stat("in").dev
    kernel.write(ready, b"x")
    kernel.read(go, 1)
    expect("nothing is mounted in the tree", shape(kernel, "/d"), ())
    expect("what is in it is mounted still", kernel.stat("in").dev, inner)
    kernel.rmdir("in")
    refused(ENOENT, kernel.stat, "in")
    return 7


@case(tree=True)
def what_was_umounted_with_its_mount_point_stays_together_until_that_goes_too(kernel: Kernel) -> None:
    directories(kernel, "/d")
    ready, go = kernel.pipe2(0), kernel.pipe2(0)
    other = kernel.clone(CloneFlag.NEWNS | Signal.CHLD, _loses_its_mount_point, ready[1], go[0], go[1])
    kernel.read(ready[0], 1)
    kernel.rmdir("/d")
    kernel.write(go[1], b"x")
    expect("its status", kernel.wait4(other)[1], 7 << 8)


def _copies_what_it_is_not_in(kernel: Kernel) -> tuple[str, list[str]]:
    directories(kernel, "/m")
    tmpfs(kernel, "/m")
    directories(kernel, "/m/d")
    kernel.chroot("/m")
    kernel.chdir("/d")
    kernel.fchdir(kernel.open("/d", OpenFlag.RDONLY | OpenFlag.DIRECTORY))
    kernel.umount2("/", UmountFlag.DETACH)
    kernel.unshare(CloneFlag.NEWNS)
    return kernel.getcwd(), [entry.name for entry in kernel.getdents64(kernel.open("/", OpenFlag.RDONLY))][2:]


@case(tree=True)
def who_stands_in_a_detached_mount_stays_there_in_a_new_mount_namespace(kernel: Kernel) -> None:
    expect("where it is", in_child(kernel, _copies_what_it_is_not_in, flags=CloneFlag.NEWNS), ("/d", ["d"]))
