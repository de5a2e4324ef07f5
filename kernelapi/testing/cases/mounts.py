"""Laws of mount(2) and umount2(2): new mounts, their flags and options, remounts, binds, moves, umounts."""

from errno import EAGAIN, EBUSY, EINVAL, ELOOP, ENODEV, ENOENT, ENOTBLK, ENOTDIR, EPERM, EROFS

from kernelapi.flags import CloneFlag, MountFlag, OpenFlag, Signal, UmountFlag
from kernelapi.ids import Fd, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, refused
from kernelapi.testing.mountinfo import mount_at, mount_table, mounts_at, shape
from kernelapi.testing.stage import write_file

BIND, MOVE, REC, REMOUNT, RDONLY = MountFlag.BIND, MountFlag.MOVE, MountFlag.REC, MountFlag.REMOUNT, MountFlag.RDONLY
NOSUID, NODEV, NOEXEC = MountFlag.NOSUID, MountFlag.NODEV, MountFlag.NOEXEC
OTHER_OWNER = CloneFlag.NEWUSER | CloneFlag.NEWNS


def directories(kernel: Kernel, *paths: str) -> None:
    for path in paths:
        kernel.mkdir(path, 0o755)


def tmpfs(kernel: Kernel, target: str, source: str = "t", flags: int = 0, data: str = "") -> None:
    kernel.mount(source, target, "tmpfs", flags, data)


def bind(kernel: Kernel, source: str, target: str, flags: int = 0) -> None:
    kernel.mount(source, target, "", BIND | flags, "")


def flags_of(kernel: Kernel, point: str) -> tuple[str, str]:
    entry = mount_at(kernel, point)
    return entry.options, entry.superoptions


# -- new mounts --


@case(tree=True)
def a_new_mount_is_relatime_unless_told_otherwise(kernel: Kernel) -> None:
    directories(kernel, "/m")
    for flags, options, superoptions in (
        (0, "rw,relatime", "rw"),
        (RDONLY, "ro,relatime", "ro"),
        (NOSUID | NODEV | NOEXEC, "rw,nosuid,nodev,noexec,relatime", "rw"),
        (MountFlag.NOATIME, "rw,noatime", "rw"),
        (MountFlag.NODIRATIME, "rw,nodiratime,relatime", "rw"),
        (MountFlag.STRICTATIME, "rw", "rw"),
        (MountFlag.STRICTATIME | MountFlag.NOATIME, "rw", "rw"),
        (MountFlag.NOSYMFOLLOW, "rw,relatime,nosymfollow", "rw"),
        (MountFlag.SYNCHRONOUS | MountFlag.DIRSYNC | MountFlag.MANDLOCK, "rw,relatime", "rw,sync,dirsync,mand"),
        (MountFlag.LAZYTIME | MountFlag.SILENT | MountFlag.POSIXACL, "rw,relatime", "rw,lazytime"),
        (0xC0ED0000 | RDONLY, "ro,relatime", "ro"),
    ):
        tmpfs(kernel, "/m", flags=flags)
        expect(f"the options for flags {int(flags):#x}", flags_of(kernel, "/m"), (options, superoptions))
        kernel.umount2("/m", 0)


@case(tree=True)
def mount_checks_strings_then_target_then_flags_then_privilege(kernel: Kernel) -> None:
    long = "x" * 4096
    refused(EINVAL, kernel.mount, "s", "/missing", long, 0, "")
    refused(EINVAL, kernel.mount, long, "/missing", "tmpfs", 0, "")
    refused(ENOENT, kernel.mount, "s", "/missing", long[1:], 1 << 31, "")
    refused(ENOENT, kernel.mount, "s", "", "tmpfs", 0, "")
    refused(EINVAL, kernel.mount, "s", "/tmp", "tmpfs", 1 << 31, "")
    refused(ENODEV, kernel.mount, "s", "/tmp", long[1:], 0, "")
    tmpfs(kernel, "/tmp", source=long[1:])
    in_child(kernel, _without_privilege)


def _without_privilege(kernel: Kernel) -> None:
    kernel.setuid(Uid(1000))
    refused(ENOENT, kernel.mount, "s", "/missing", "tmpfs", 0, "")
    refused(EINVAL, kernel.mount, "s", "/tmp", "tmpfs", 1 << 31, "")
    for flags in (0, REMOUNT, BIND, MOVE, MountFlag.SHARED):
        refused(EPERM, kernel.mount, "s", "/tmp", "unknown", flags, "unknown")
    refused(EINVAL, kernel.umount2, "/missing", 16)
    refused(ENOENT, kernel.umount2, "/missing", 0)
    refused(EPERM, kernel.umount2, "/tmp", 0)
    refused(EPERM, kernel.umount2, "/etc", UmountFlag.FORCE)
    refused(EPERM, kernel.pivot_root, "/missing", "/missing")


@case(tree=True)
def a_new_mount_checks_type_then_options_then_device_then_target(kernel: Kernel) -> None:
    write_file(kernel, "/file", b"")
    refused(EINVAL, kernel.mount, "s", "/file", "", 0, "")
    refused(ENODEV, kernel.mount, "s", "/file", "unknown", 0, "unknown")
    refused(EINVAL, kernel.mount, "s", "/file", "tmpfs", 0, "unknown")
    refused(ENOTDIR, kernel.mount, "s", "/file", "tmpfs", 0, "")
    refused(EINVAL, kernel.mount, "", "/file", "ext4", 0, "")
    refused(ENOENT, kernel.mount, "/missing", "/file", "ext4", 0, "")
    for source in ("/file", "/tmp", "/dev/null"):
        refused(ENOTBLK, kernel.mount, source, "/file", "ext4", 0, "")


@case(tree=True)
def nothing_can_be_mounted_on_a_removed_directory(kernel: Kernel) -> None:
    directories(kernel, "/gone", "/m")
    kernel.chdir("/gone")
    kernel.rmdir("/gone")
    refused(ENOENT, kernel.mount, "s", ".", "tmpfs", 0, "")
    refused(EINVAL, kernel.mount, "s", ".", "tmpfs", 0, "unknown")
    refused(ENOENT, kernel.mount, "/m", ".", "", BIND, "")
    tmpfs(kernel, "/m")
    refused(ENOENT, kernel.mount, "/m", ".", "", MOVE, "")
    refused(EINVAL, kernel.mount, "/etc", ".", "", MOVE, "")


@case(tree=True)
def the_options_of_tmpfs(kernel: Kernel) -> None:
    directories(kernel, "/m")
    for data, shown in (
        ("", "rw"),
        ("mode=1777", "rw"),
        ("mode=755,size=64k", "rw,size=64k,mode=755"),
        ("size=1M,uid=5,gid=6,nr_inodes=1k", "rw,size=1024k,nr_inodes=1024,uid=5,gid=6"),
        ("size=4096,size=8192", "rw,size=8k"),
        ("size=1,mode=7777", "rw,size=4k,mode=7777"),
        ("nr_blocks=5", "rw,size=20k"),
        ("size=0,nr_inodes=0", "rw,size=0k,nr_inodes=0"),
        ("size=0x1000,uid=010", "rw,size=4k,uid=8"),
        (",,ro,", "ro"),
        ("ro,rw,sync", "rw,sync"),
    ):
        tmpfs(kernel, "/m", data=data)
        expect(f"what is shown for {data!r}", flags_of(kernel, "/m"), ("rw,relatime", shown))
        kernel.umount2("/m", 0)
    for data in (
        "unknown", "mode", "mode=", "mode=9", "mode=0x1", "size", "size=", "size=x", "size=1x", "size=-1", "uid=", "uid=-1",
        "gid=4294967295", "nr_inodes=", "MODE=755", " mode=755", "defaults", "nosuid",
    ):  # fmt: skip
        refused(EINVAL, kernel.mount, "s", "/m", "tmpfs", 0, data)


@case(tree=True)
def the_root_of_a_tmpfs_is_as_its_options_say(kernel: Kernel) -> None:
    directories(kernel, "/m")
    tmpfs(kernel, "/m")
    expect("mode and owner by default", _mode_and_owner(kernel, "/m"), (0o41777, 0, 0))
    tmpfs(kernel, "/m", data="mode=750,uid=5,gid=6")
    expect("mode and owner as given", _mode_and_owner(kernel, "/m"), (0o40750, 5, 6))
    in_child(kernel, _mounts_as_another, Uid(1000))


def _mounts_as_another(kernel: Kernel, uid: Uid) -> None:
    kernel.setfsuid(uid)
    kernel.umask(0o077)
    tmpfs(kernel, "/m")
    expect("the owner is the filesystem user id", _mode_and_owner(kernel, "/m"), (0o41777, 1000, 0))
    expect("what is shown", mount_at(kernel, "/m").superoptions, "rw,uid=1000")


def _mode_and_owner(kernel: Kernel, path: str) -> tuple[int, int, int]:
    stat = kernel.stat(path)
    return stat.mode, stat.uid, stat.gid


@case(tree=True)
def of_the_data_4095_bytes_count(kernel: Kernel) -> None:
    directories(kernel, "/m")
    tmpfs(kernel, "/m", data="mode=700" + "," * (4095 - 8) + "unknown")
    expect("the option that still counts", mount_at(kernel, "/m").superoptions, "rw,mode=700")
    refused(EINVAL, kernel.mount, "s", "/m", "tmpfs", 0, "," * 4094 + "unknown")


@case(tree=True)
def a_ramfs_ignores_unknown_options(kernel: Kernel) -> None:
    directories(kernel, "/m")
    for data, mode, shown in (("", 0o40755, "rw"), ("mode=700", 0o40700, "rw,mode=700"), ("unknown,uid=5", 0o40755, "rw")):
        kernel.mount("r", "/m", "ramfs", 0, data)
        expect(f"the root for {data!r}", _mode_and_owner(kernel, "/m"), (mode, 0, 0))
        expect(f"what is shown for {data!r}", mount_at(kernel, "/m").superoptions, shown)
    refused(EINVAL, kernel.mount, "r", "/m", "ramfs", 0, "mode=9")


@case(tree=True)
def a_second_mount_covers_the_first(kernel: Kernel) -> None:
    directories(kernel, "/m")
    tmpfs(kernel, "/m", "one")
    directories(kernel, "/m/in-one")
    kernel.chdir("/m")
    tmpfs(kernel, "/m", "two")
    stack = mounts_at(kernel, "/m")
    expect("the stack", [entry.source for entry in stack], ["one", "two"])
    expect("the second is mounted on the first", stack[1].parent, stack[0].id)
    refused(ENOENT, kernel.stat, "/m/in-one")
    kernel.stat("in-one")
    tmpfs(kernel, ".", "three")
    expect("a mount on a covered place goes on top", [entry.source for entry in mounts_at(kernel, "/m")], ["one", "two", "three"])
    kernel.umount2(".", 0)
    expect("umount takes the topmost", [entry.source for entry in mounts_at(kernel, "/m")], ["one", "two"])
    kernel.umount2("/m", 0)
    kernel.stat("/m/in-one")


@case(tree=True)
def a_missing_source_reads_as_none_and_special_characters_are_escaped(kernel: Kernel) -> None:
    directories(kernel, "/m", "/a b\\c\t#")
    tmpfs(kernel, "/m", "")
    expect("no source", mount_at(kernel, "/m").source, "none")
    tmpfs(kernel, "/m", "a b#c\n")
    expect("special characters in a source", mount_at(kernel, "/m").source, "a\\040b\\043c\\012")
    tmpfs(kernel, "/a b\\c\t#")
    expect("special characters in a path", mount_table(kernel)[-1].point, "/a\\040b\\134c\\011#")


# -- remount --


@case(tree=True)
def a_remount_clears_what_it_does_not_name_except_access_times(kernel: Kernel) -> None:
    directories(kernel, "/m")
    tmpfs(kernel, "/m", flags=NOSUID | NODEV | NOEXEC | MountFlag.NOATIME | MountFlag.DIRSYNC | MountFlag.SYNCHRONOUS)
    for flags, options, superoptions in (
        (REMOUNT, "rw,noatime", "rw,dirsync"),
        (REMOUNT | BIND | RDONLY, "ro,noatime", "rw,dirsync"),
        (REMOUNT | BIND | NOEXEC, "rw,noexec,noatime", "rw,dirsync"),
        (REMOUNT | BIND | MountFlag.NODIRATIME, "rw,nodiratime,relatime", "rw,dirsync"),
        (REMOUNT | BIND | MountFlag.STRICTATIME, "rw", "rw,dirsync"),
        (REMOUNT | MountFlag.LAZYTIME, "rw", "rw,dirsync,lazytime"),
        (REMOUNT | RDONLY, "ro", "ro,dirsync"),
        (REMOUNT | BIND | MountFlag.RELATIME, "rw,relatime", "ro,dirsync"),
    ):
        kernel.mount("", "/m", "", flags, "")
        expect(f"after flags {int(flags):#x}", flags_of(kernel, "/m"), (options, superoptions))
    refused(EROFS, kernel.mkdir, "/m/d", 0o755)
    kernel.mount("", "/m", "", REMOUNT, "")
    kernel.mkdir("/m/d", 0o755)


@case(tree=True)
def a_superblock_remount_shows_in_every_mount_and_a_bind_remount_in_one(kernel: Kernel) -> None:
    directories(kernel, "/a", "/b")
    tmpfs(kernel, "/a")
    directories(kernel, "/a/sub")
    bind(kernel, "/a/sub", "/b")
    kernel.mount("", "/b", "", REMOUNT | BIND | RDONLY | NOSUID, "")
    expect("the bind", flags_of(kernel, "/b"), ("ro,nosuid,relatime", "rw"))
    expect("the origin", flags_of(kernel, "/a"), ("rw,relatime", "rw"))
    refused(EROFS, kernel.mkdir, "/b/d", 0o755)
    kernel.mkdir("/a/sub/d", 0o755)
    kernel.mount("", "/b", "", REMOUNT | RDONLY, "")
    expect("the bind after all is read-only", flags_of(kernel, "/b"), ("ro,relatime", "ro"))
    expect("the origin after all is read-only", flags_of(kernel, "/a"), ("rw,relatime", "ro"))
    refused(EROFS, kernel.mkdir, "/a/e", 0o755)


@case(tree=True)
def a_bind_remount_does_not_reach_what_is_mounted_below(kernel: Kernel) -> None:
    directories(kernel, "/a")
    tmpfs(kernel, "/a")
    directories(kernel, "/a/sub")
    tmpfs(kernel, "/a/sub")
    kernel.mount("", "/a", "", REMOUNT | BIND | REC | RDONLY, "")
    refused(EROFS, kernel.mkdir, "/a/d", 0o755)
    kernel.mkdir("/a/sub/d", 0o755)


@case(tree=True)
def only_the_root_of_a_mount_can_be_remounted(kernel: Kernel) -> None:
    write_file(kernel, "/file", b"")
    for target in ("/etc", "/file"):
        refused(EINVAL, kernel.mount, "", target, "", REMOUNT, "")
        refused(EINVAL, kernel.mount, "", target, "", REMOUNT | BIND, "")
    bind(kernel, "/etc", "/etc")
    kernel.mount("", "/etc", "", REMOUNT | BIND | RDONLY, "")
    refused(EINVAL, kernel.mount, "", "/etc", "", REMOUNT, "unknown")


@case(tree=True)
def a_file_open_for_writing_keeps_its_mount_writable(kernel: Kernel) -> None:
    directories(kernel, "/a", "/b")
    tmpfs(kernel, "/a")
    bind(kernel, "/a", "/b")
    fd = kernel.open("/a/f", OpenFlag.WRONLY | OpenFlag.CREAT, 0o644)
    refused(EINVAL, kernel.mount, "", "/a", "", REMOUNT | RDONLY, "unknown")
    refused(EBUSY, kernel.mount, "", "/a", "", REMOUNT | RDONLY, "")
    refused(EBUSY, kernel.mount, "", "/a", "", REMOUNT | BIND | RDONLY, "")
    refused(EBUSY, kernel.mount, "", "/b", "", REMOUNT | RDONLY, "")
    kernel.mount("", "/b", "", REMOUNT | BIND | RDONLY, "")
    kernel.close(fd)
    reading = kernel.open("/a/f", OpenFlag.RDONLY)
    kernel.mount("", "/a", "", REMOUNT | BIND | RDONLY, "")
    kernel.mount("", "/a", "", REMOUNT, "")
    kernel.unlink("/a/f")
    refused(EBUSY, kernel.mount, "", "/a", "", REMOUNT | RDONLY, "")
    kernel.close(reading)
    kernel.mount("", "/a", "", REMOUNT | RDONLY, "")


@case(tree=True)
def a_remount_of_tmpfs_changes_its_limits_and_nothing_else(kernel: Kernel) -> None:
    directories(kernel, "/m")
    tmpfs(kernel, "/m", data="size=64k,mode=700")
    for data, shown in (
        ("", "rw,size=64k,mode=700"),
        ("size=128k", "rw,size=128k,mode=700"),
        ("mode=755,uid=4,nr_inodes=50", "rw,size=128k,nr_inodes=50,mode=700"),
        ("ro", "ro,size=128k,nr_inodes=50,mode=700"),
        ("rw", "rw,size=128k,nr_inodes=50,mode=700"),
        ("size=0", "rw,size=0k,nr_inodes=50,mode=700"),
    ):
        kernel.mount("", "/m", "", REMOUNT, data)
        expect(f"after {data!r}", flags_of(kernel, "/m"), ("rw,relatime", shown))
    refused(EINVAL, kernel.mount, "", "/m", "", REMOUNT, "unknown")
    refused(EINVAL, kernel.mount, "", "/m", "", REMOUNT, "size=64k")  # what has no limit gets none
    expect("the mode of the root", kernel.stat("/m").mode, 0o40700)


# -- bind --


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


# -- umount --


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


# -- mount namespaces --


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
    expect("its propagation can be changed", [entry.shared > 0 for entry in mount_table(kernel, str(other)) if entry.point == "/a"], [True])
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
