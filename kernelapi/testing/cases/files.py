"""Laws of opening, making, moving and removing files, and of what they are (inode(7))."""

from errno import (
    E2BIG,
    EACCES,
    EBADF,
    EBUSY,
    EEXIST,
    EINVAL,
    EISDIR,
    ELOOP,
    EMFILE,
    ENAMETOOLONG,
    ENODATA,
    ENODEV,
    ENOENT,
    ENOSPC,
    ENOTDIR,
    ENOTEMPTY,
    ENXIO,
    EOPNOTSUPP,
    EPERM,
    ERANGE,
    EROFS,
    EXDEV,
)

from kernelapi.flags import AT_FDCWD, AccessMode, AtFlag, CloneFlag, FileType, MountFlag, OpenFlag, RenameFlag, Rlimit, Signal
from kernelapi.ids import Fd, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, read_all, refused
from kernelapi.testing.stage import write_file
from kernelapi.values import Limit, makedev

RDONLY, WRONLY, RDWR = OpenFlag.RDONLY, OpenFlag.WRONLY, OpenFlag.RDWR
CREAT, EXCL, TRUNC = OpenFlag.CREAT, OpenFlag.EXCL, OpenFlag.TRUNC
DIRECTORY, NOFOLLOW, PATH = OpenFlag.DIRECTORY, OpenFlag.NOFOLLOW, OpenFlag.PATH


# -- opening --


@case(tree=True)
def opening_may_make_a_file_and_the_umask_applies(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    expect("the old mask", kernel.umask(0o7027), 0o022)
    expect("only permissions are kept", kernel.umask(0o027), 0o027)
    fd = kernel.open("f", CREAT | RDWR | EXCL, 0o6777)
    found = kernel.fstat(fd)
    expect("type and mode", found.mode, FileType.REG | 0o6750)
    expect("links, size, owner, group", (found.nlink, found.size, found.uid, found.gid), (1, 0, 0, 0))
    kernel.write(fd, b"content")
    expect("through another name for it", kernel.stat("./f").size, 7)
    kernel.close(kernel.open("f", CREAT | WRONLY, 0o600))
    expect("one that exists is left as it is", kernel.stat("f").size, 7)
    kernel.close(kernel.open("f", WRONLY | TRUNC))
    expect("truncated", kernel.stat("f").size, 0)
    kernel.write(fd, b"!")
    expect("the offset of others stays", kernel.stat("f").size, 8)


@case(tree=True)
def a_file_without_permissions_can_be_written_by_who_makes_it(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    fd = kernel.open("f", CREAT | WRONLY, 0)
    expect("written", kernel.write(fd, b"x"), 1)
    expect("its mode", kernel.stat("f").permissions, 0)


@case(tree=True)
def an_exclusive_open_makes_the_file_or_fails(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    write_file(kernel, "f", b"")
    kernel.symlink("missing", "dangling")
    for path in ("f", "d", "dangling", ".", "..", "/", "d/."):
        refused(EEXIST, kernel.open, path, CREAT | EXCL | WRONLY, 0o644)
    refused(ENOENT, kernel.stat, "missing")
    kernel.close(kernel.open("dangling", CREAT | WRONLY, 0o644))
    expect("without O_EXCL the target is made", kernel.stat("missing").type, FileType.REG)
    kernel.open("f", EXCL | WRONLY)  # alone it means nothing here


@case(tree=True)
def what_is_opened_must_fit_the_flags(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    write_file(kernel, "f", b"")
    kernel.symlink("f", "link")
    kernel.symlink("d", "to_d")
    kernel.symlink("missing", "dangling")
    table: tuple[tuple[str, int, int], ...] = (
        ("d", WRONLY, EISDIR),
        ("d", RDWR, EISDIR),
        ("d", RDONLY | TRUNC, EISDIR),
        ("d", RDONLY | CREAT, EISDIR),
        (".", RDONLY | CREAT, EISDIR),
        ("/", RDONLY | CREAT, EISDIR),
        ("d/", RDONLY | CREAT, EISDIR),
        ("new/", WRONLY | CREAT, EISDIR),
        ("f/", WRONLY | CREAT | EXCL, EISDIR),
        ("f/", RDONLY, ENOTDIR),
        ("f", DIRECTORY, ENOTDIR),
        ("link", DIRECTORY, ENOTDIR),
        ("link", NOFOLLOW, ELOOP),
        ("to_d", NOFOLLOW, ELOOP),
        ("to_d", NOFOLLOW | DIRECTORY, ENOTDIR),
        ("to_d/", NOFOLLOW, 0),
        ("dangling", NOFOLLOW | CREAT, ELOOP),
        ("dangling", RDONLY, ENOENT),
        ("f", CREAT | DIRECTORY, EINVAL),
        ("missing", CREAT | DIRECTORY, EINVAL),
        ("", CREAT | DIRECTORY, EINVAL),
        (".", OpenFlag.TMPFILE | RDONLY, EINVAL),
        ("missing/f", WRONLY | CREAT, ENOENT),
        ("f/f", WRONLY | CREAT, ENOTDIR),
        ("f", 3, 0),
        ("f", RDONLY | 0o40000000, 0),  # an unknown flag
    )
    for path, flags, errno in table:
        if errno:
            refused(errno, kernel.open, path, flags, 0o644)
        else:
            kernel.open(path, flags, 0o644)


@case(tree=True)
def a_full_table_is_found_out_before_the_walk(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.setrlimit(Rlimit.NOFILE, Limit(0, 1024))
    for path in ("f", "missing/f", "/etc/passwd"):
        refused(EMFILE, kernel.open, path, CREAT | WRONLY, 0o644)
    refused(ENOENT, kernel.open, "", RDONLY)
    refused(EINVAL, kernel.open, "f", CREAT | DIRECTORY)
    refused(ENOENT, kernel.stat, "f")


@case(tree=True)
def a_path_descriptor_only_names_the_file(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    write_file(kernel, "f", b"abc", 0)
    kernel.symlink("f", "link")
    fd = kernel.open("f", PATH | RDWR | CREAT | TRUNC | OpenFlag.APPEND)
    expect("all other flags are dropped", kernel.fcntl_getfl(fd), PATH)
    expect("what it names", kernel.fstat(fd), kernel.stat("f"))
    refused(EBADF, kernel.read, fd, 1)
    refused(EBADF, kernel.write, fd, b"x")
    refused(EBADF, kernel.fchmod, fd, 0o644)
    refused(EBADF, kernel.fchown, fd, 1, 1)
    refused(ENOTDIR, kernel.fchdir, fd)
    refused(ENOENT, kernel.open, "missing", PATH | CREAT, 0o644)
    refused(ENOTDIR, kernel.open, "f", PATH | DIRECTORY)
    again = kernel.open(f"/proc/self/fd/{fd}", RDONLY)
    expect("opened for real", read_all(kernel, again), b"abc")
    link = kernel.open("link", PATH | NOFOLLOW)
    expect("a link itself", kernel.fstat(link), kernel.lstat("link"))
    kernel.mknod("device", FileType.CHR | 0o600, makedev(240, 77))
    kernel.open("device", PATH)
    kernel.open("/dev/tty", PATH)


@case(tree=True)
def the_description_keeps_access_mode_and_status_flags(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    append, nonblock = OpenFlag.APPEND, OpenFlag.NONBLOCK
    fd = kernel.open(
        "f", RDWR | CREAT | EXCL | TRUNC | append | nonblock | NOFOLLOW | OpenFlag.NOCTTY | OpenFlag.CLOEXEC, 0o600
    )
    expect("flags", kernel.fcntl_getfl(fd), RDWR | append | nonblock | NOFOLLOW)
    expect("close-on-exec is the descriptor's", kernel.fcntl_getfd(fd), 1)
    directory = kernel.open(".", DIRECTORY)
    expect("of a directory", kernel.fcntl_getfl(directory), DIRECTORY)
    expect("its descriptor", kernel.fcntl_getfd(directory), 0)


@case(tree=True)
def devices_do_what_their_numbers_say(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mknod("null", FileType.CHR | 0o666, makedev(1, 3))
    for path in ("null", "/dev/null"):
        null = kernel.open(path, RDWR | TRUNC)
        expect("null reads", kernel.read(null, 10), b"")
        expect("null writes", kernel.write(null, b"abc"), 3)
        expect("null seeks", kernel.lseek(null, 1000), 0)
    expect("zero reads", kernel.read(kernel.open("/dev/zero", RDONLY), 4), bytes(4))
    full = kernel.open("/dev/full", RDWR)
    expect("full reads", kernel.read(full, 2), bytes(2))
    refused(ENOSPC, kernel.write, full, b"x")
    for path in ("/dev/random", "/dev/urandom"):
        fd = kernel.open(path, RDWR)
        expect("how much randomness", len(kernel.read(fd, 16)), 16)
        expect("randomness taken in", kernel.write(fd, b"seed"), 4)
    found = kernel.lstat("null")
    expect("number and size", (found.rdev, found.size), (makedev(1, 3), 0))
    refused(ENXIO, kernel.open, "/dev/tty", RDWR)  # no controlling terminal
    for kind in (FileType.CHR, FileType.BLK):
        kernel.mknod(f"unknown{kind}", kind | 0o600, makedev(240, 77))
        refused(ENXIO, kernel.open, f"unknown{kind}", RDONLY)
    for name, major, minor, errno in (("memory", 1, 12, ENXIO), ("terminal", 5, 9, ENXIO), ("misc", 10, 255, ENODEV)):
        kernel.mknod(name, FileType.CHR | 0o600, makedev(major, minor))
        refused(errno, kernel.open, name, RDONLY)
    kernel.mknod("socket", FileType.SOCK | 0o600, 0)
    refused(ENXIO, kernel.open, "socket", RDONLY)
    refused(ENOTDIR, kernel.open, "null", DIRECTORY)
    kernel.mknod("fifo", FileType.FIFO | 0o600, 0)
    refused(EINVAL, kernel.open, "fifo", 3)  # neither for reading nor for writing
    fd = kernel.open("/dev/zero", 3)  # elsewhere that is allowed, and of no use
    refused(EBADF, kernel.read, fd, 1)
    refused(EBADF, kernel.write, fd, b"x")


# -- making --


@case(tree=True)
def every_way_of_making_a_name_refuses_alike(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    write_file(kernel, "f", b"")
    kernel.symlink("missing", "dangling")
    for path, errno in (
        ("d", EEXIST),
        ("f", EEXIST),
        ("dangling", EEXIST),
        (".", EEXIST),
        ("d/..", EEXIST),
        ("/", EEXIST),
        ("f/", EEXIST),
        ("missing/x", ENOENT),
        ("f/x", ENOTDIR),
        ("", ENOENT),
    ):
        refused(errno, kernel.mkdir, path, 0o755)
        refused(errno, kernel.mknod, path, FileType.FIFO | 0o644, 0)
        refused(errno, kernel.symlink, "target", path)
        refused(errno, kernel.link, "f", path)
    refused(ENOENT, kernel.mknod, "new/", FileType.REG | 0o644, 0)
    refused(ENOENT, kernel.symlink, "target", "new/")
    refused(ENOENT, kernel.link, "f", "new/")
    kernel.mkdir("new//", 0o755)


@case(tree=True)
def what_is_made_has_type_mode_and_links(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.umask(0o022)
    kernel.mkdir("d", 0o7777)
    expect("a directory has no set-id bits from the start", kernel.stat("d").mode, FileType.DIR | 0o1755)
    for kind in (FileType.FIFO, FileType.CHR, FileType.BLK, FileType.REG, FileType.SOCK):
        kernel.mknod(f"d/{kind}", kind | 0o6666, makedev(7, 300))
        found = kernel.stat(f"d/{kind}")
        rdev = makedev(7, 300) if kind in (FileType.CHR, FileType.BLK) else 0
        expect(kind.name, (found.mode, found.nlink, found.rdev), (kind | 0o6644, 1, rdev))
    kernel.mknod("d/plain", 0o600, 0)
    expect("no type is a regular file", kernel.stat("d/plain").mode, FileType.REG | 0o600)
    refused(EPERM, kernel.mknod, "", FileType.DIR | 0o755, 0)  # before the path is looked at
    refused(EINVAL, kernel.mknod, "", FileType.LNK | 0o777, 0)
    refused(EINVAL, kernel.mknod, "x", 0o150000, 0)
    kernel.symlink("anything/\udcff", "link")
    expect("a link's mode", kernel.lstat("link").mode, FileType.LNK | 0o777)
    expect("a link's target", kernel.readlink("link"), "anything/\udcff")
    expect("a link's size", kernel.lstat("link").size, 10)
    refused(ENOENT, kernel.symlink, "", "")
    refused(ENOENT, kernel.symlink, "", "of-nothing")
    refused(ENAMETOOLONG, kernel.symlink, "x" * 4096, "d")
    kernel.symlink("x" * 4095, "long")
    refused(EINVAL, kernel.readlink, "d")
    refused(ENOENT, kernel.readlink, "link/..")


@case(tree=True)
def a_directory_counts_its_entries(kernel: Kernel) -> None:
    kernel.mkdir("/tmp/t", 0o755)
    kernel.mount("t", "/tmp/t", "tmpfs", 0, "")
    kernel.chdir("/tmp/t")

    def counts() -> tuple[int, int]:
        found = kernel.stat(".")
        return found.nlink, found.size

    expect("empty", counts(), (2, 40))
    kernel.mkdir("d", 0o755)
    kernel.mkdir("e", 0o755)
    write_file(kernel, "f", b"")
    expect("two directories and a file", counts(), (4, 100))
    kernel.link("f", "g")
    kernel.rename("e", "d/e")
    expect("one of them moved", counts(), (3, 100))
    expect("where it went", kernel.stat("d").nlink, 3)
    kernel.unlink("f")
    kernel.rmdir("d/e")
    kernel.rmdir("d")
    expect("only a file", counts(), (2, 60))


@case(tree=True)
def a_link_is_another_name_of_the_file_on_the_same_mount(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    write_file(kernel, "f", b"abc")
    kernel.symlink("f", "soft")
    kernel.link("f", "d/g")
    expect("one file", kernel.stat("d/g"), kernel.stat("f"))
    expect("two names", kernel.stat("f").nlink, 2)
    kernel.link("soft", "hard")
    expect("links are not followed", kernel.lstat("hard").type, FileType.LNK)
    kernel.linkat(AT_FDCWD, "soft", AT_FDCWD, "h", AtFlag.SYMLINK_FOLLOW)
    expect("unless asked for", kernel.stat("h").nlink, 3)
    fd = kernel.open("f", RDONLY)
    kernel.linkat(fd, "", AT_FDCWD, "i", AtFlag.EMPTY_PATH)
    expect("of a descriptor", kernel.fstat(fd).nlink, 4)
    refused(EPERM, kernel.link, "d", "e")
    refused(EEXIST, kernel.link, "d", "f")
    refused(ENOENT, kernel.link, "missing", "f")
    refused(EINVAL, kernel.linkat, AT_FDCWD, "", AT_FDCWD, "", 0x200)
    refused(ENOTDIR, kernel.link, "f/x", "")  # the old path is walked before the new one is looked at
    kernel.mount("d", "d", "", MountFlag.BIND, "")
    refused(EXDEV, kernel.link, "f", "d/new")  # one file system, two mounts
    refused(EXDEV, kernel.link, "d", "new")  # before the type is looked at
    refused(EXDEV, kernel.rename, "f", "d/new")
    kernel.unlink("f")
    kernel.unlink("h")
    kernel.unlink("i")
    expect("the last name", kernel.fstat(fd).nlink, 1)
    kernel.unlink("d/g")
    refused(ENOENT, kernel.linkat, fd, "", AT_FDCWD, "again", AtFlag.EMPTY_PATH)
    expect("the file lives on", read_all(kernel, fd), b"abc")


# -- removing and moving --


@case(tree=True)
def removing_refuses_by_what_the_name_is(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    for directory in ("d", "d/e"):
        kernel.mkdir(directory, 0o755)
    write_file(kernel, "f", b"")
    kernel.symlink("d", "link")
    for path, as_file, as_directory in (
        ("d", EISDIR, ENOTEMPTY),
        ("d/", EISDIR, ENOTEMPTY),
        ("f", None, ENOTDIR),
        ("f/", ENOTDIR, ENOTDIR),
        ("link", None, ENOTDIR),
        ("link/", ENOTDIR, ENOTDIR),  # no link is followed, slash or not
        (".", EISDIR, EINVAL),
        ("d/.", EISDIR, EINVAL),
        ("d/e/..", EISDIR, ENOTEMPTY),
        ("/", EISDIR, EBUSY),
        ("missing", ENOENT, ENOENT),
        ("missing/", ENOENT, ENOENT),
        ("f/x", ENOTDIR, ENOTDIR),
    ):
        if as_file is not None:
            refused(as_file, kernel.unlink, path)
        refused(as_directory, kernel.rmdir, path)
    refused(EINVAL, kernel.unlinkat, AT_FDCWD, "", 1)
    kernel.rmdir("link/e/")
    kernel.unlink("link")
    kernel.rmdir("d")
    kernel.unlink("f")
    refused(ENOENT, kernel.lstat, "f")


@case(tree=True)
def a_mount_point_is_busy(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    kernel.mkdir("e", 0o755)
    write_file(kernel, "f", b"")
    write_file(kernel, "g", b"")
    kernel.mount("t", "d", "tmpfs", 0, "")
    kernel.mount("g", "f", "", MountFlag.BIND, "")
    refused(EBUSY, kernel.rmdir, "d")
    refused(EBUSY, kernel.unlink, "f")
    refused(EBUSY, kernel.rename, "d", "new")
    refused(EBUSY, kernel.rename, "e", "d")
    refused(EBUSY, kernel.rename, "g", "f")
    refused(EISDIR, kernel.unlink, "d")
    refused(ENOTDIR, kernel.rmdir, "f")
    kernel.unlink("g")  # what is mounted elsewhere may lose its name
    expect("and is still seen there", kernel.stat("f").nlink, 0)


@case(tree=True)
def what_another_mount_namespace_mounts_there_does_not_hold_a_name(kernel: Kernel) -> None:
    kernel.mkdir("/tmp/d", 0o755)
    reader, writer = kernel.pipe()
    told, tell = kernel.pipe()
    kernel.clone(CloneFlag.NEWNS | Signal.CHLD, _mount_and_wait, reader, writer, told, tell)
    kernel.close(writer)
    kernel.close(told)
    kernel.read(reader, 1)
    kernel.rmdir("/tmp/d")
    kernel.write(tell, b"!")
    expect("what became of the mount", read_all(kernel, reader), b"gone")


def _mount_and_wait(kernel: Kernel, reader: Fd, writer: Fd, told: Fd, tell: Fd) -> None:
    kernel.close(reader)
    kernel.mount("", "/", "", MountFlag.REC | MountFlag.PRIVATE, "")
    kernel.mount("t", "/tmp/d", "tmpfs", 0, "")
    kernel.write(writer, b"!")
    kernel.read(told, 1)
    try:
        kernel.stat("/tmp/d")
    except OSError:
        kernel.write(writer, b"gone")


def remove_and_rename_in_vain(kernel: Kernel) -> None:
    kernel.setuid(Uid(1000))
    refused(EACCES, kernel.unlink, "d/e")
    refused(EISDIR, kernel.unlink, "d/e/")
    refused(EACCES, kernel.rename, "d/e/f", "d/x")
    refused(ENOTEMPTY, kernel.rename, "d/e/f", "d/e")


@case(tree=True)
def a_slash_and_an_ancestor_are_seen_before_the_permissions(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    for directory in ("d", "d/e", "d/e/f"):
        kernel.mkdir(directory, 0o755)
    in_child(kernel, remove_and_rename_in_vain)


@case(tree=True)
def a_rename_that_must_not_replace(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    write_file(kernel, "f", b"f")
    write_file(kernel, "g", b"g")
    kernel.link("f", "h")
    for old, new, errno in (
        ("missing", "f", ENOENT),
        ("missing", "missing", ENOENT),
        ("missing", ".", EEXIST),
        (".", "f", EBUSY),
        ("f", ".", EEXIST),
        ("f", "d/..", EEXIST),
        ("f", "/", EEXIST),
        ("f", "g", EEXIST),
        ("f", "h", EEXIST),
        ("f", "f", EEXIST),
        ("f", "g/", EEXIST),
        ("f", "d/", EEXIST),
        ("f/", "d", EEXIST),
        ("f", "x/", ENOTDIR),
        ("d", "d/x", EINVAL),
        ("d", "d", EEXIST),
    ):
        refused(errno, kernel.renameat2, AT_FDCWD, old, AT_FDCWD, new, RenameFlag.NOREPLACE)
    kernel.renameat2(AT_FDCWD, "f", AT_FDCWD, "d/f", RenameFlag.NOREPLACE)
    refused(ENOENT, kernel.stat, "f")
    kernel.renameat2(AT_FDCWD, "d", AT_FDCWD, "e/", RenameFlag.NOREPLACE)
    expect("the file in the directory", kernel.stat("e/f").nlink, 2)


@case(tree=True)
def a_rename_that_exchanges(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    for directory in ("d", "d/e", "d/e/f", "o"):
        kernel.mkdir(directory, 0o755)
    for name in ("f", "g", "o/file"):
        write_file(kernel, name, name.encode())
    kernel.link("f", "h")
    kernel.mount("none", "o", "ramfs", 0, "")
    write_file(kernel, "o/a", b"a")
    kernel.mkdir("o/b", 0o755)
    for old, new, errno in (
        ("missing", "f", ENOENT),
        ("f", "missing", ENOENT),
        ("f", ".", EBUSY),
        ("..", "f", EBUSY),
        ("f/", "g", ENOTDIR),
        ("f", "g/", ENOTDIR),
        ("d", "g/", ENOTDIR),
        ("f/", "d", ENOTDIR),
        ("d/e/f", "d", EINVAL),
        ("d", "d/e/f", EINVAL),
        ("d", "o", EBUSY),
        ("f", "o/a", EXDEV),
        ("f", "/proc/version", EXDEV),
    ):
        refused(errno, kernel.renameat2, AT_FDCWD, old, AT_FDCWD, new, RenameFlag.EXCHANGE)
    refused(EINVAL, kernel.renameat2, AT_FDCWD, "f", AT_FDCWD, "g", RenameFlag.EXCHANGE | RenameFlag.NOREPLACE)
    refused(EPERM, kernel.renameat2, AT_FDCWD, "/proc/version", AT_FDCWD, "/proc/mounts", RenameFlag.EXCHANGE)
    for old, new in (("f", "h"), ("f", "g"), ("f", "d/"), ("g", "f/e"), ("f/e", "h"), ("o/a", "o/b"), ("f", "f")):
        before = (kernel.lstat(old).ino, kernel.lstat(new).ino)
        kernel.renameat2(AT_FDCWD, old, AT_FDCWD, new, RenameFlag.EXCHANGE)
        after = (kernel.lstat(new.rstrip("/")).ino, kernel.lstat(old).ino)
        expect(f"{old} and {new}", after, before if (old, new) != ("f", "h") else before[::-1])
    links = {name: kernel.lstat(name).nlink for name in (".", "f", "g", "h", "d", "f/e", "o", "o/a", "o/b")}
    expect("links", links, {".": 5, "f": 2, "g": 3, "h": 2, "d": 1, "f/e": 2, "o": 3, "o/a": 2, "o/b": 1})
    kernel.setuid(Uid(1000))
    refused(EPERM, kernel.renameat2, AT_FDCWD, "f", AT_FDCWD, "g", RenameFlag.EXCHANGE)


@case(tree=True)
def a_directory_that_moves_in_an_exchange_must_be_writable(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    for directory in ("a", "b"):
        kernel.mkdir(directory, 0o755)
        kernel.chown(directory, 1000, 1000)
    kernel.mkdir("b/theirs", 0o755)
    kernel.setresuid(-1, 1000, -1)
    kernel.mkdir("a/own", 0o755)
    write_file(kernel, "a/file", b"")
    for old in ("a/own", "a/file"):
        for one, other in ((old, "b/theirs"), ("b/theirs", old)):
            refused(EACCES, kernel.renameat2, AT_FDCWD, one, AT_FDCWD, other, RenameFlag.EXCHANGE)
    kernel.renameat2(AT_FDCWD, "a/own", AT_FDCWD, "a/file", RenameFlag.EXCHANGE)


@case(tree=True)
def a_rename_replaces_what_is_of_the_same_kind(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    for directory in ("d", "d/e", "d/e/f", "empty"):
        kernel.mkdir(directory, 0o755)
    write_file(kernel, "f", b"of f")
    write_file(kernel, "g", b"of g")
    kernel.symlink("f", "link")
    for old, new, errno in (
        ("missing", "x", ENOENT),
        ("f", "missing/x", ENOENT),
        ("f", "g/x", ENOTDIR),
        (".", "x", EBUSY),
        ("x", "d/..", EBUSY),
        ("/", "x", EBUSY),
        ("f/", "x", ENOTDIR),
        ("f", "x/", ENOTDIR),
        ("link/", "x", ENOTDIR),
        ("f", "d", EISDIR),
        ("d", "f", ENOTDIR),
        ("empty", "d", ENOTEMPTY),
        ("d", "d/e", EINVAL),
        ("d", "d/e/x", EINVAL),
        ("d/e/f", "d", ENOTEMPTY),
    ):
        refused(errno, kernel.rename, old, new)
    refused(EINVAL, kernel.renameat2, AT_FDCWD, "", AT_FDCWD, "", 8)
    refused(EINVAL, kernel.renameat2, AT_FDCWD, "", AT_FDCWD, "", 3)
    opened = kernel.open("g", RDONLY)
    kernel.rename("f", "g")
    expect("the new one", read_all(kernel, kernel.open("g", RDONLY)), b"of f")
    expect("who had the old one open", (read_all(kernel, opened), kernel.fstat(opened).nlink), (b"of g", 0))
    kernel.link("g", "h")
    kernel.rename("g", "h")
    expect("two names of one file both stay", kernel.stat("g"), kernel.stat("h"))
    kernel.rename("link", "moved")
    expect("a link itself is moved", kernel.readlink("moved"), "f")
    kernel.rename("d/e", "empty")
    expect("a directory replaces an empty one", kernel.stat("empty/f").type, FileType.DIR)
    kernel.rename("empty/", "new/")
    kernel.rename("new", "new")
    kernel.chdir("new/f")
    kernel.rename("/tmp/new", "/tmp/d/n")
    expect("the working directory moves along", kernel.getcwd(), "/tmp/d/n/f")


@case(tree=True)
def nothing_changes_through_a_read_only_mount(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    write_file(kernel, "d/f", b"", 0o666)
    kernel.mknod("d/null", FileType.CHR | 0o666, makedev(1, 3))
    kernel.mkdir("d/e", 0o755)
    kernel.mount("d", "d", "", MountFlag.BIND, "")
    kernel.mount("", "d", "", MountFlag.BIND | MountFlag.REMOUNT | MountFlag.RDONLY, "")
    _expect_read_only(kernel)
    kernel.umount2("d", 0)
    kernel.mkdir("t", 0o755)
    kernel.mount("t", "t", "tmpfs", 0, "")
    write_file(kernel, "t/f", b"", 0o666)
    kernel.mknod("t/null", FileType.CHR | 0o666, makedev(1, 3))
    kernel.mkdir("t/e", 0o755)
    kernel.mount("", "t", "", MountFlag.REMOUNT | MountFlag.RDONLY, "")
    kernel.rename("d", "old")
    kernel.rename("old", "d")
    kernel.mount("t", "d", "", MountFlag.BIND, "")  # a second mount of a file system that is read-only itself
    _expect_read_only(kernel)


def _expect_read_only(kernel: Kernel) -> None:
    for path, existing in (("d/new", EROFS), ("d/f", EEXIST), ("d/e", EEXIST)):
        refused(existing, kernel.mkdir, path, 0o755)
        refused(existing, kernel.mknod, path, FileType.REG | 0o644, 0)
        refused(existing, kernel.symlink, "x", path)
        refused(existing, kernel.link, "d/f", path)
    refused(ENOENT, kernel.symlink, "x", "d/new/")
    refused(ENAMETOOLONG, kernel.mkdir, "d/" + "x" * 256, 0o755)
    refused(EROFS, kernel.unlink, "d/f")
    refused(EROFS, kernel.unlink, "d/missing")  # before the name is looked up
    refused(EISDIR, kernel.unlink, "d/.")
    refused(EROFS, kernel.unlink, "d/e")
    refused(EROFS, kernel.rmdir, "d/f")
    refused(EROFS, kernel.rename, "d/missing", "d/x")
    refused(EROFS, kernel.chmod, "d/f", 0o600)
    refused(EROFS, kernel.chown, "d/f", 0, 0)
    refused(EROFS, kernel.chown, "d/f", -1, -1)
    refused(EROFS, kernel.setxattr, "d/f", "security.capability", b"nonsense")
    for flags in (WRONLY, RDWR, RDONLY | TRUNC, WRONLY | CREAT):
        refused(EROFS, kernel.open, "d/f", flags, 0o644)
    refused(EROFS, kernel.open, "d/new", WRONLY | CREAT, 0o644)
    refused(EISDIR, kernel.open, "d/e", WRONLY)
    refused(EEXIST, kernel.open, "d/f", WRONLY | CREAT | EXCL, 0o644)
    kernel.close(kernel.open("d/f", RDONLY | CREAT, 0o644))
    kernel.close(kernel.open("d/null", RDWR | TRUNC))  # a device is elsewhere
    refused(EROFS, kernel.access, "d/f", AccessMode.W)
    refused(EROFS, kernel.access, "d/e", AccessMode.W)
    kernel.access("d/null", AccessMode.W)
    kernel.access("d/f", AccessMode.R)


# -- attributes --


@case(tree=True)
def unknown_flags_are_refused_before_the_path(kernel: Kernel) -> None:
    refused(EINVAL, kernel.newfstatat, AT_FDCWD, "", 1)
    refused(EINVAL, kernel.newfstatat, AT_FDCWD, "", AtFlag.EMPTY_PATH | 1)
    refused(EBADF, kernel.newfstatat, 99, "", AtFlag.EMPTY_PATH | 1)  # a mere fstat: its flags are not looked at
    refused(EINVAL, kernel.faccessat2, AT_FDCWD, "", 8, 0)
    refused(EINVAL, kernel.faccessat2, AT_FDCWD, "", 4, 1)
    refused(EINVAL, kernel.fchownat, AT_FDCWD, "", 0, 0, 1)


@case(tree=True)
def descriptors_that_are_not_open_have_no_attributes(kernel: Kernel) -> None:
    closed = Fd(99)
    refused(EBADF, kernel.fstat, closed)
    refused(EBADF, kernel.fchmod, closed, 0o644)
    refused(EBADF, kernel.fchown, closed, 0, 0)
    refused(EBADF, kernel.fchdir, closed)


@case(tree=True)
def names_are_made_and_changed_below_the_directory_of_a_descriptor(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    directory = kernel.open("d", RDONLY | DIRECTORY)
    kernel.chdir("/")
    kernel.close(kernel.openat(directory, "f", CREAT | WRONLY, 0o600))
    kernel.symlinkat("f", directory, "link")
    expect("the link", kernel.readlink("/tmp/d/link"), "f")
    refused(EEXIST, kernel.symlinkat, "x", directory, "link")
    kernel.fchmodat(directory, "link", 0o4711)
    expect("the mode of what it leads to", kernel.stat("/tmp/d/f").permissions, 0o4711)
    refused(ENOENT, kernel.fchmodat, directory, "missing", 0o600)
    kernel.close(directory)
    refused(EBADF, kernel.symlinkat, "x", directory, "new")
    refused(EBADF, kernel.fchmodat, directory, "f", 0o600)


@case(tree=True)
def links_are_followed_to_be_changed(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    write_file(kernel, "f", b"")
    kernel.symlink("f", "link")
    kernel.chmod("link", 0o107640)
    expect("twelve bits are kept", kernel.stat("f").mode, FileType.REG | 0o7640)
    kernel.chown("link", 5, -1)
    kernel.lchown("link", -1, 6)
    found, link = kernel.stat("f"), kernel.lstat("link")
    expect("the file", (found.uid, found.gid), (5, 0))
    expect("the link", (link.uid, link.gid, link.permissions), (0, 6, 0o777))
    fd = kernel.open("f", RDONLY)
    kernel.fchmod(fd, 0o4755)
    kernel.fchown(fd, 7, 8)
    found = kernel.stat("f")
    expect("by a descriptor, opened only for reading", (found.uid, found.gid, found.permissions), (7, 8, 0o755))


CAPABILITIES = {
    2: b"\x01\x00\x00\x02" + b"\x00\x04\x00\x00" + bytes(12),
    3: b"\x01\x00\x00\x03" + b"\x00\x04\x00\x00" + bytes(16),
}
"""struct vfs_cap_data, effective, with CAP_NET_BIND_SERVICE permitted; in revision 3 with root id 0."""


@case(tree=True)
def file_capabilities_have_one_of_two_layouts(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    write_file(kernel, "f", b"", 0o755)
    name = "security.capability"
    for value in CAPABILITIES.values():
        kernel.setxattr("f", name, value)
        refused(EINVAL, kernel.setxattr, "f", name, value[:-1])
        refused(EINVAL, kernel.setxattr, "f", name, value + bytes(4))
    refused(EINVAL, kernel.setxattr, "f", name, b"\x01\x00\x00\x01" + bytes(8))
    refused(EEXIST, kernel.setxattr, "f", name, CAPABILITIES[2], 1)
    refused(ENOENT, kernel.setxattr, "missing", name, CAPABILITIES[2])
    refused(EINVAL, kernel.setxattr, "missing", name, CAPABILITIES[2], 4)
    refused(ERANGE, kernel.setxattr, "missing", "", b"")
    refused(ERANGE, kernel.setxattr, "missing", "x" * 256, b"")
    refused(E2BIG, kernel.setxattr, "missing", name, bytes(65537))
    refused(EOPNOTSUPP, kernel.setxattr, "f", "unheard.of", b"")
    write_file(kernel, "g", b"")
    refused(ENODATA, kernel.setxattr, "g", name, CAPABILITIES[2], 2)
    kernel.setxattr("g", name, CAPABILITIES[2], 1)
    kernel.chown("g", 0, 0)  # takes them away, root's doing or not
    refused(ENODATA, kernel.setxattr, "g", name, CAPABILITIES[2], 2)
    kernel.setxattr("g", name, CAPABILITIES[2])
    kernel.close(kernel.open("g", WRONLY | TRUNC))
    refused(ENODATA, kernel.setxattr, "g", name, CAPABILITIES[2], 2)


@case(tree=True)
def writing_to_a_file_takes_its_capabilities(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    write_file(kernel, "f", b"")
    replace = ("f", "security.capability", CAPABILITIES[2], 2)
    refused(ENODATA, kernel.setxattr, *replace)
    kernel.setxattr(*replace[:3])
    fd = kernel.open("f", WRONLY)
    kernel.setxattr(*replace)
    kernel.write(fd, b"x")
    refused(ENODATA, kernel.setxattr, *replace)


@case(tree=True)
def nothing_is_made_in_proc(kernel: Kernel) -> None:
    refused(ENOENT, kernel.mkdir, "/proc/new", 0o755)
    refused(ENOENT, kernel.open, "/proc/new", CREAT | WRONLY, 0o644)
    refused(ENOENT, kernel.open, "/proc/self/new", CREAT | WRONLY, 0o644)
    refused(EEXIST, kernel.mkdir, "/proc/self", 0o755)
    refused(EPERM, kernel.unlink, "/proc/self/status")
    refused(EPERM, kernel.rmdir, "/proc/self/fd")
    refused(EPERM, kernel.chmod, "/proc/self/status", 0o600)
    refused(EPERM, kernel.mkdir, "/dev/pts/new", 0o755)
    refused(EACCES, kernel.open, "/dev/pts/new", CREAT | WRONLY, 0o644)
    refused(EACCES, kernel.mknod, "/dev/pts/new", FileType.REG | 0o644, 0)
    refused(EPERM, kernel.symlink, "x", "/dev/pts/new")


@case(tree=True)
def nothing_is_made_in_sysfs(kernel: Kernel) -> None:
    kernel.mount("sysfs", "/sys", "sysfs", 0, "")
    refused(EPERM, kernel.mkdir, "/sys/kernel/new", 0o755)
    refused(EPERM, kernel.symlink, "x", "/sys/kernel/new")
    refused(EACCES, kernel.open, "/sys/kernel/new", CREAT | WRONLY, 0o644)
    refused(EPERM, kernel.rmdir, "/sys/kernel")


@case(tree=True)
def nothing_is_renamed_to_where_nothing_can_be(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    write_file(kernel, "f", b"")
    gone = kernel.open("d", RDONLY)
    kernel.rmdir("d")
    refused(ENOENT, kernel.renameat2, AT_FDCWD, "f", gone, "f", 0)
    refused(ENOENT, kernel.renameat2, AT_FDCWD, "nothing", gone, "f", 0)
    refused(ENOENT, kernel.rename, "/proc/version", "/proc/nowhere")
    refused(EPERM, kernel.rename, "/proc/version", "/proc/uptime")


@case(tree=True)
def an_attribute_of_no_kind_is_looked_for_where_the_file_may_be_read_or_written(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    for name, mode in (("closed", 0o600), ("readable", 0o644), ("open", 0o666)):
        write_file(kernel, name, b"")
        kernel.chmod(name, mode)
    kernel.setuid(Uid(1000))
    for name, got, put in (("closed", EACCES, EACCES), ("readable", EOPNOTSUPP, EACCES), ("open", EOPNOTSUPP, EOPNOTSUPP)):
        refused(got, kernel.getxattr, name, "unheard.of")
        refused(got, kernel.lgetxattr, name, "unheard.of")
        refused(put, kernel.setxattr, name, "unheard.of", b"", 0)
    refused(ENOENT, kernel.getxattr, "missing", "unheard.of")


@case(tree=True)
def file_capabilities_of_no_length_are_kept_and_keep_the_file_from_being_run(kernel: Kernel) -> None:
    path, name = "/bin/busybox", "security.capability"
    kernel.setxattr(path, name, b"", 0)
    refused(EEXIST, kernel.setxattr, path, name, b"", 1)
    refused(EINVAL, kernel.execve, path, ("true",), ())
    kernel.chown(path, 0, 0)
    refused(EINVAL, kernel.execve, path, ("true",), ())
    fd = kernel.open(path, OpenFlag.RDWR)
    kernel.write(fd, kernel.read(fd, 4))
    kernel.close(fd)
    kernel.setxattr(path, name, b"", 2)


@case(tree=True)
def a_child_has_its_own_umask_and_directory(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    in_child(kernel, _change_context)
    expect("directory", kernel.getcwd(), "/tmp")
    expect("mask", kernel.umask(0), 0o022)
    in_child(kernel, _change_context, flags=CloneFlag.FS)
    expect("a shared directory", kernel.getcwd(), "/etc")
    expect("a shared mask", kernel.umask(0), 0o077)


def _change_context(kernel: Kernel) -> None:
    expect("inherited", kernel.getcwd(), "/tmp")
    kernel.chdir("/etc")
    kernel.umask(0o077)
