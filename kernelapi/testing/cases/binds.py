"""Laws of mount(2): binds and moves."""

from errno import EBUSY, EINVAL, ELOOP, ENOENT, ENOTDIR, EROFS

from kernelapi.flags import MountFlag, OpenFlag, UmountFlag
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, refused
from kernelapi.testing.cases.mounts import BIND, MOVE, NODEV, NOEXEC, NOSUID, RDONLY, REC, REMOUNT, bind, directories, tmpfs
from kernelapi.testing.mountinfo import mount_at, mount_table, shape
from kernelapi.testing.stage import write_file


@case(tree=True)
def a_bind_takes_the_flags_of_its_source_and_none_of_its_own(kernel: Kernel) -> None:
    directories(kernel, "/a", "/b")
    tmpfs(kernel, "/a", flags=NOSUID | MountFlag.NOATIME)
    directories(kernel, "/a/sub")
    bind(kernel, "/a/sub", "/b", RDONLY | NODEV | NOEXEC)
    entry = mount_at(kernel, "/b")
    expect("the flags", (entry.options, entry.root, entry.source), ("rw,nosuid,noatime", "/sub", "t"))
    expect("the same file system", entry.dev, mount_at(kernel, "/a").dev)
    kernel.mkdir("/b/d", 0o755)
    kernel.stat("/a/sub/d")
    kernel.rmdir("/b/d")
    kernel.umount2("/b", 0)


@case(tree=True)
def a_bind_needs_a_source_of_the_same_kind_as_the_target(kernel: Kernel) -> None:
    directories(kernel, "/d", "/e")
    write_file(kernel, "/f", b"one")
    write_file(kernel, "/g", b"two")
    refused(EINVAL, kernel.mount, "", "/d", "", BIND, "")
    refused(ENOENT, kernel.mount, "/missing", "/d", "", BIND, "")
    refused(ENOENT, kernel.mount, "/d", "/missing", "", BIND, "")
    refused(ENOTDIR, kernel.mount, "/f", "/d", "", BIND, "")
    refused(ENOTDIR, kernel.mount, "/d", "/f", "", BIND, "")
    refused(ENOTDIR, kernel.mount, "/f/", "/g", "", BIND, "")
    bind(kernel, "/f", "/g")
    expect("the file behind", kernel.stat("/g").ino, kernel.stat("/f").ino)
    expect("its root in the file system", mount_at(kernel, "/g").root, "/f")
    refused(EBUSY, kernel.unlink, "/g")
    kernel.unlink("/f")
    expect("a source that is gone", mount_at(kernel, "/g").root, "/f//deleted")
    kernel.umount2("/g", 0)
    kernel.symlink("/d", "/to-d")
    bind(kernel, "/to-d", "/to-d")
    expect("links are followed", [entry.point for entry in mount_table(kernel) if entry.root == "/d"], ["/d"])


@case(tree=True)
def what_has_been_removed_can_be_neither_bound_nor_moved(kernel: Kernel) -> None:
    directories(kernel, "/a", "/b", "/c")
    bind(kernel, "/a", "/b")
    write_file(kernel, "/f", b"")
    write_file(kernel, "/g", b"")
    file = kernel.open("/f", OpenFlag.RDONLY)
    kernel.chdir("/a")
    kernel.rmdir("/a")
    kernel.unlink("/f")
    refused(ENOTDIR, kernel.mount, ".", "/g", "", BIND, "")
    refused(ENOENT, kernel.mount, ".", "/c", "", BIND, "")
    refused(ENOENT, kernel.mount, ".", "/c", "", BIND | REC, "")
    refused(ENOENT, kernel.mount, f"/proc/self/fd/{file}", "/g", "", BIND, "")
    refused(EINVAL, kernel.mount, "/b", "/g", "", MOVE, "")
    refused(ENOENT, kernel.mount, "/b", "/c", "", MOVE, "")


@case(tree=True)
def a_bind_brings_along_what_is_mounted_below_only_if_recursive(kernel: Kernel) -> None:
    directories(kernel, "/a", "/b", "/c")
    tmpfs(kernel, "/a", "a")
    directories(kernel, "/a/s", "/a/t")
    tmpfs(kernel, "/a/s", "s")
    directories(kernel, "/a/s/u")
    tmpfs(kernel, "/a/s/u", "u")
    tmpfs(kernel, "/a/t", "t")
    bind(kernel, "/a", "/b")
    expect("a plain bind", shape(kernel, "/b"), (". a",))
    bind(kernel, "/a", "/c", REC)
    expect("a recursive bind", shape(kernel, "/c"), (". a", "/s s", "/s/u u", "/t t"))
    kernel.umount2("/c", UmountFlag.DETACH)
    bind(kernel, "/a/s", "/c", REC)
    expect("a recursive bind of a part", shape(kernel, "/c"), (". s", "/u u"))


@case(tree=True)
def a_tree_can_be_bound_into_itself(kernel: Kernel) -> None:
    directories(kernel, "/a")
    tmpfs(kernel, "/a", "a")
    directories(kernel, "/a/s")
    bind(kernel, "/a", "/a/s", REC)
    expect("a copy in itself", shape(kernel, "/a"), (". a", "/s a"))
    bind(kernel, "/a", "/a/s", REC)
    expect("again: on top", shape(kernel, "/a"), (". a", "/s a", "/s a", "/s/s a"))


@case(tree=True)
def unbindable_mounts_are_not_bound_and_are_left_out_of_recursive_binds(kernel: Kernel) -> None:
    directories(kernel, "/a", "/b")
    tmpfs(kernel, "/a", "a")
    directories(kernel, "/a/s", "/a/t", "/a/s/u")
    tmpfs(kernel, "/a/s", "s")
    directories(kernel, "/a/s/u")
    tmpfs(kernel, "/a/s/u", "u")
    tmpfs(kernel, "/a/t", "t")
    kernel.mount("", "/a/s", "", MountFlag.UNBINDABLE, "")
    refused(EINVAL, kernel.mount, "/a/s", "/b", "", BIND, "")
    refused(EINVAL, kernel.mount, "/a/s", "/b", "", BIND | REC, "")
    bind(kernel, "/a/s/u", "/b")
    kernel.umount2("/b", 0)
    bind(kernel, "/a", "/b", REC)
    expect("what was bound", shape(kernel, "/b"), (". a", "/t t"))


@case(tree=True)
def a_detached_mount_takes_no_part_in_the_tree(kernel: Kernel) -> None:
    directories(kernel, "/a", "/b")
    tmpfs(kernel, "/a")
    directories(kernel, "/a/s")
    kernel.chdir("/a/s")
    kernel.umount2("/a", UmountFlag.DETACH)
    refused(ENOENT, kernel.mount, "t", ".", "tmpfs", 0, "")
    refused(ENOENT, kernel.mount, "/b", ".", "", BIND, "")
    refused(EINVAL, kernel.mount, ".", "/b", "", BIND, "")
    refused(EINVAL, kernel.mount, "..", "/b", "", MOVE, "")
    for flags in (REMOUNT, REMOUNT | BIND, MountFlag.SHARED):
        refused(EINVAL, kernel.mount, "", "..", "", flags, "")
    refused(EINVAL, kernel.umount2, "..", UmountFlag.DETACH)
    kernel.mkdir("still-works", 0o755)
    expect("what is in it", kernel.stat("../s/still-works").type.name, "DIR")


# -- move --


@case(tree=True)
def a_move_takes_the_tree_along(kernel: Kernel) -> None:
    directories(kernel, "/a", "/b")
    tmpfs(kernel, "/a", "a", RDONLY)
    refused(EROFS, kernel.mkdir, "/a/s", 0o755)
    kernel.mount("", "/a", "", REMOUNT | NOSUID, "")
    directories(kernel, "/a/s")
    tmpfs(kernel, "/a/s", "s")
    before = mount_at(kernel, "/a")
    kernel.mount("/a", "/b", "", MOVE, "")
    expect("the old place", shape(kernel, "/a"), ())
    expect("the new place", shape(kernel, "/b"), (". a", "/s s"))
    after = mount_at(kernel, "/b")
    expect("the same mount", (after.id, after.options), (before.id, "rw,nosuid,relatime"))


@case(tree=True)
def a_move_is_refused_in_this_order(kernel: Kernel) -> None:
    directories(kernel, "/a", "/b", "/s")
    write_file(kernel, "/f", b"")
    tmpfs(kernel, "/a")
    directories(kernel, "/a/in", "/a/shared", "/a/shared/x")
    refused(EINVAL, kernel.mount, "", "/b", "", MOVE, "")
    refused(ENOENT, kernel.mount, "/missing", "/b", "", MOVE, "")
    refused(EINVAL, kernel.mount, "/etc", "/b", "", MOVE, "")
    refused(EINVAL, kernel.mount, "/a/in", "/b", "", MOVE, "")
    refused(EINVAL, kernel.mount, "/a", "/f", "", MOVE, "")
    refused(ELOOP, kernel.mount, "/a", "/a/in", "", MOVE, "")
    refused(ELOOP, kernel.mount, "/a", "/a", "", MOVE, "")
    refused(ELOOP, kernel.mount, "/", "/a", "", MOVE, "")
    tmpfs(kernel, "/a/shared")
    kernel.mount("", "/a/shared", "", MountFlag.SHARED, "")
    directories(kernel, "/a/shared/x")
    tmpfs(kernel, "/a/shared/x")
    refused(EINVAL, kernel.mount, "/a/shared/x", "/b", "", MOVE, "")
    tmpfs(kernel, "/b")
    kernel.mount("", "/b", "", MountFlag.UNBINDABLE, "")
    refused(EINVAL, kernel.mount, "/b", "/a/shared", "", MOVE, "")
    kernel.mount("/b", "/s", "", MOVE, "")
    expect("unbindable it stays", mount_at(kernel, "/s").unbindable, True)
