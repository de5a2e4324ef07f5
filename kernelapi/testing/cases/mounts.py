"""Laws of mount(2): new mounts, their flags and options, and remounts."""

from errno import EBUSY, EINVAL, ENODEV, ENOENT, ENOTBLK, ENOTDIR, EPERM, EROFS

from kernelapi.flags import CloneFlag, MountFlag, OpenFlag, UmountFlag
from kernelapi.ids import Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, refused
from kernelapi.testing.mountinfo import mount_at, mount_table, mounts_at
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
    stack = mounts_at(kernel, "/m")
    expect("a mount on a covered place goes on top", [entry.source for entry in stack], ["one", "two", "three"])
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


@case(tree=True)
def a_file_system_is_not_mounted_twice_on_the_same_place(kernel: Kernel) -> None:
    directories(kernel, "/m")
    kernel.mount("s", "/m", "sysfs", 0, "")
    refused(EBUSY, kernel.mount, "s", "/m", "sysfs", 0, "")
    bind(kernel, "/m", "/m")
    tmpfs(kernel, "/m")
    kernel.mount("s", "/m", "sysfs", 0, "")
    expect("one file system", len({entry.dev for entry in mounts_at(kernel, "/m") if entry.fstype == "sysfs"}), 1)


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
def message_queues_can_be_mounted_read_only_again(kernel: Kernel) -> None:
    directories(kernel, "/m")
    kernel.mount("none", "/m", "mqueue", NOSUID, "")
    kernel.mount("", "/m", "", REMOUNT | RDONLY, "")
    options, superoptions = flags_of(kernel, "/m")
    expect("flags", (options, superoptions.split(",")[0]), ("ro,relatime", "ro"))


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


@case(tree=True)
def a_remount_of_tmpfs_sets_no_limit_below_what_is_used(kernel: Kernel) -> None:
    directories(kernel, "/m")
    tmpfs(kernel, "/m", data="size=64k,nr_inodes=50")
    write_file(kernel, "/m/file", b"x" * 8193)
    for data, errno in (("size=8k", EINVAL), ("nr_inodes=1", EINVAL), ("size=12k,nr_inodes=1", EINVAL)):
        refused(errno, kernel.mount, "", "/m", "", REMOUNT, data)
    expect("what it has", flags_of(kernel, "/m"), ("rw,relatime", "rw,size=64k,nr_inodes=50"))
    kernel.mount("", "/m", "", REMOUNT, "size=12k,nr_inodes=2")
    expect("just enough", flags_of(kernel, "/m"), ("rw,relatime", "rw,size=12k,nr_inodes=2"))


