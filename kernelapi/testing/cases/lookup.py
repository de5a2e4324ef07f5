"""Laws of the walk from a path to a file (path_resolution(7))."""

from errno import EACCES, EBADF, EEXIST, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR

from kernelapi.flags import AT_FDCWD, AtFlag, FileType, MountFlag, OpenFlag
from kernelapi.ids import Fd, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, read_all, refused
from kernelapi.testing.stage import write_file

PATH = OpenFlag.PATH
DIRECTORY = OpenFlag.DIRECTORY


@case(tree=True)
def an_empty_path_names_nothing(kernel: Kernel) -> None:
    for call in (kernel.stat, kernel.lstat, kernel.readlink, kernel.chdir, kernel.chroot, kernel.rmdir, kernel.unlink):
        refused(ENOENT, call, "")
    refused(ENOENT, kernel.open, "", OpenFlag.RDONLY)
    refused(ENOENT, kernel.mkdir, "", 0o755)
    refused(ENOENT, kernel.openat, 99, "", OpenFlag.RDONLY)  # before the descriptor is looked at


@case(tree=True)
def a_path_of_4096_bytes_is_too_long(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    write_file(kernel, "f", b"")
    longest = "./" * 2047 + "f"
    expect("the longest path", len(longest), 4095)
    kernel.stat(longest)
    refused(ENAMETOOLONG, kernel.stat, "/" + longest)
    refused(ENAMETOOLONG, kernel.newfstatat, 99, "/" * 4096)  # before the descriptor is looked at
    refused(ENAMETOOLONG, kernel.stat, "\N{SNOWMAN}/" * 1024)  # bytes count, not characters


@case(tree=True)
def a_name_of_256_bytes_is_too_long(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    for longest in ("x" * 255, "\N{SNOWMAN}" * 85):
        refused(ENOENT, kernel.stat, longest)
        refused(ENAMETOOLONG, kernel.stat, longest + "x")
        refused(ENAMETOOLONG, kernel.mkdir, longest + "x", 0o755)
        refused(ENAMETOOLONG, kernel.unlink, longest + "x")
        refused(ENAMETOOLONG, kernel.open, longest + "x", OpenFlag.CREAT | OpenFlag.WRONLY, 0o644)
        kernel.mkdir(longest, 0o755)
    write_file(kernel, "f", b"")
    refused(ENOTDIR, kernel.stat, "f/" + "x" * 256)  # what comes first in the path is found out first


@case(tree=True)
def only_a_directory_has_children(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    write_file(kernel, "f", b"")
    kernel.symlink("f", "link")
    for path in ("f/x", "f/.", "f/..", "f/", "link/", "link/..", "/dev/null/x"):
        refused(ENOTDIR, kernel.stat, path)
        refused(ENOTDIR, kernel.lstat, path)
    for path in ("missing/x", "missing/", "missing/..", "d/../f"):
        refused(ENOENT, kernel.stat, path)


@case(tree=True)
def slashes_and_dots_name_the_same_place(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    kernel.mkdir("d/e", 0o755)
    place = kernel.stat("d/e")
    for path in ("d//e", "./d/./e", "d/e/", "d/e//", "d/e/.", "d/../d/e", "d/e/../e", "/tmp///d/e", "//tmp/d/e/./"):
        expect(path, kernel.stat(path), place)
    root = kernel.stat("/")
    for path in ("//", "/.", "/..", "/../..", "/tmp/../..", "/tmp/d/../../../.."):
        expect(path, kernel.stat(path), root)


@case(tree=True)
def forty_links_are_followed_and_no_more(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    write_file(kernel, "l0", b"")
    for number in range(1, 42):
        kernel.symlink(f"l{number - 1}", f"l{number}")
    kernel.stat("l40")
    refused(ELOOP, kernel.stat, "l41")
    kernel.lstat("l41")  # the last one is not followed
    kernel.symlink(".", "here")
    kernel.stat("here/" * 40)  # the whole walk counts, not its depth
    refused(ELOOP, kernel.stat, "here/" * 41)
    kernel.lstat("here/" * 40 + "here")
    kernel.symlink("loop", "loop")
    refused(ELOOP, kernel.stat, "loop")
    refused(ELOOP, kernel.stat, "loop/missing")
    refused(ELOOP, kernel.open, "loop", OpenFlag.CREAT | OpenFlag.WRONLY, 0o644)


@case(tree=True)
def a_link_at_the_end_is_followed_if_a_slash_follows_it(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    kernel.symlink("d", "link")
    kernel.symlink("missing", "dangling")
    expect("without a slash", kernel.lstat("link").type, FileType.LNK)
    expect("with one", kernel.lstat("link/"), kernel.stat("d"))
    expect("in the middle", kernel.lstat("link/."), kernel.stat("d"))
    expect("the last of two", kernel.lstat("link/../link").type, FileType.LNK)
    refused(ENOENT, kernel.lstat, "dangling/")
    refused(ENOENT, kernel.stat, "dangling")
    expect("a dangling link", kernel.lstat("dangling").size, len("missing"))


@case(tree=True)
def a_relative_link_starts_where_it_stands(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("a", 0o755)
    kernel.mkdir("b", 0o755)
    write_file(kernel, "a/f", b"of a")
    write_file(kernel, "f", b"outside")
    kernel.symlink("f", "a/link")
    kernel.symlink("../a/link", "b/up")
    kernel.symlink("/tmp/b/up", "absolute")
    for path in ("a/link", "b/up", "absolute"):
        fd = kernel.open(path, OpenFlag.RDONLY)
        expect(path, read_all(kernel, fd), b"of a")
    kernel.symlink("../a", "b/into")
    expect("up from where a link led", kernel.stat("b/into/..").ino, kernel.stat(".").ino)
    kernel.symlink("/", "root")
    expect("a link to the root", kernel.stat("root/tmp"), kernel.stat("."))


@case(tree=True)
def a_path_starts_at_the_descriptor_unless_it_is_absolute(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    write_file(kernel, "d/f", b"")
    file = kernel.open("d/f", OpenFlag.RDONLY)
    place = kernel.fstat(file)
    directories = [kernel.open("d", flags) for flags in (DIRECTORY, PATH, PATH | DIRECTORY)]
    for directory in directories:
        expect("from a directory", kernel.newfstatat(directory, "f"), place)
        expect("and up", kernel.newfstatat(directory, "../d/f"), place)
    for dirfd in (99, -1, -5, file):
        expect("absolute", kernel.newfstatat(dirfd, "/tmp/d/f"), place)
    for dirfd in (99, -1, -5):
        refused(EBADF, kernel.newfstatat, dirfd, "f")
        refused(EBADF, kernel.mkdirat, dirfd, "f", 0o755)
    reader, _ = kernel.pipe()
    for dirfd in (file, kernel.open("d/f", PATH), reader):
        refused(ENOTDIR, kernel.newfstatat, dirfd, "f")
        refused(ENOTDIR, kernel.openat, dirfd, ".", OpenFlag.RDONLY)
    kernel.rename("d", "moved")
    expect("a descriptor follows its directory", kernel.newfstatat(directories[0], "f"), place)


@case(tree=True)
def the_empty_path_may_stand_for_the_descriptor_itself(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    write_file(kernel, "f", b"abc")
    kernel.symlink("f", "link")
    file, link = kernel.open("f", OpenFlag.RDONLY), kernel.open("link", PATH | OpenFlag.NOFOLLOW)
    reader, _ = kernel.pipe()
    empty = AtFlag.EMPTY_PATH
    expect("a file", kernel.newfstatat(file, "", empty), kernel.stat("f"))
    expect("a link", kernel.newfstatat(link, "", empty), kernel.lstat("link"))
    expect("a link, to be followed", kernel.newfstatat(link, "", empty | 0), kernel.lstat("link"))
    expect("a pipe", kernel.newfstatat(reader, "", empty).type, FileType.FIFO)
    expect("the working directory", kernel.newfstatat(AT_FDCWD, "", empty), kernel.stat("."))
    refused(EBADF, kernel.newfstatat, 99, "", empty)
    refused(ENOENT, kernel.newfstatat, file, "")
    kernel.fchownat(file, "", 5, -1, empty)
    expect("its owner", kernel.stat("f").uid, 5)
    expect("a link reads by itself", kernel.readlinkat(link, ""), "f")
    refused(ENOENT, kernel.readlinkat, file, "")
    refused(ENOENT, kernel.readlinkat, AT_FDCWD, "")


@case(tree=True)
def search_permission_comes_before_the_name(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o700)
    kernel.mkdir("readable", 0o744)
    write_file(kernel, "readable/f", b"")
    in_child(kernel, _search_as_another)


def _search_as_another(kernel: Kernel) -> None:
    directory = kernel.open("readable", OpenFlag.RDONLY)
    kernel.setuid(Uid(1000))
    kernel.stat("d")
    kernel.stat("d/")
    for path in ("d/missing", "d/.", "d/..", "d/" + "x" * 256):
        refused(EACCES, kernel.stat, path)
    refused(EACCES, kernel.mkdir, "d/new", 0o755)
    refused(EACCES, kernel.stat, "readable/f")
    refused(EACCES, kernel.newfstatat, directory, "f")  # having it open does not help
    expect("a listing needs no search", len(kernel.getdents64(directory)), 3)
    refused(EACCES, kernel.chdir, "d")
    refused(EACCES, kernel.fchdir, directory)


@case(tree=True)
def what_is_mounted_is_seen_instead(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    kernel.mkdir("d/below", 0o755)
    beneath, inside = kernel.open("d", PATH), kernel.open("d/below", PATH)
    outer = kernel.stat(".")
    kernel.mount("one", "d", "tmpfs", 0, "mode=711")
    expect("the root of the mount", kernel.stat("d").permissions, 0o711)
    refused(ENOENT, kernel.stat, "d/below")
    expect("the directory beneath", kernel.newfstatat(beneath, "below").type, FileType.DIR)
    expect("up out of the mount", kernel.stat("d/.."), outer)
    kernel.mount("two", "d", "tmpfs", 0, "mode=722")
    expect("the second one", kernel.stat("d").permissions, 0o722)
    expect("up out of both", kernel.stat("d/.."), outer)
    expect("down into what hides the way", kernel.newfstatat(inside, "..").permissions, 0o722)
    expect("a descriptor does not cross", kernel.fstat(beneath).permissions, 0o755)
    expect('nor does "."', kernel.newfstatat(beneath, ".").permissions, 0o755)


@case(tree=True, since="5.10")
def a_mount_may_forbid_following_links(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("m", 0o755)
    kernel.mount("m", "m", "tmpfs", MountFlag.NOSYMFOLLOW, "")
    kernel.mkdir("m/d", 0o755)
    kernel.symlink("d", "m/link")
    kernel.symlink("m/d", "outside")
    refused(ELOOP, kernel.stat, "m/link")
    refused(ELOOP, kernel.stat, "m/link/.")
    refused(ELOOP, kernel.open, "m/link", PATH)
    expect("it can be read", kernel.readlink("m/link"), "d")
    expect("and looked at", kernel.lstat("m/link").type, FileType.LNK)
    kernel.open("m/link", PATH | OpenFlag.NOFOLLOW)
    kernel.stat("outside/.")  # where the link stands counts


@case(tree=True)
def a_removed_directory_has_only_a_way_up(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    outer = kernel.stat(".").ino
    kernel.chdir("d")
    kernel.rmdir("../d")
    expect("no links", kernel.stat(".").nlink, 0)
    expect("its parent", kernel.stat("..").ino, outer)
    for call in (kernel.stat, kernel.unlink, kernel.chdir):
        refused(ENOENT, call, "x")
    refused(ENOENT, kernel.mkdir, "x", 0o755)
    refused(ENOENT, kernel.symlink, "x", "x")
    refused(ENOENT, kernel.open, "x", OpenFlag.CREAT | OpenFlag.WRONLY, 0o644)
    refused(ENOENT, kernel.mkdir, "x" * 256, 0o755)  # before the name is measured
    refused(EEXIST, kernel.mkdir, ".", 0o755)
    kernel.open(".", OpenFlag.RDONLY)
    kernel.chdir(".")


@case(tree=True)
def a_magic_link_leads_to_the_very_place(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    write_file(kernel, "f", b"still here")
    directory, file = kernel.open("d", DIRECTORY), kernel.open("f", OpenFlag.RDONLY)
    kernel.unlink("f")
    kernel.rename("d", "e")
    expect("a name that is gone", kernel.readlink(f"/proc/self/fd/{file}"), "/tmp/f (deleted)")
    expect("a name that has changed", kernel.readlink(f"/proc/self/fd/{directory}"), "/tmp/e")
    expect("the file", kernel.stat(f"/proc/self/fd/{file}"), kernel.fstat(file))
    again = kernel.open(f"/proc/self/fd/{file}", OpenFlag.RDONLY)
    expect("opened again", read_all(kernel, again), b"still here")
    expect("through the directory", kernel.stat(f"/proc/self/fd/{directory}/.."), kernel.stat("."))
    expect("the working directory", kernel.stat("/proc/self/cwd/e"), kernel.stat("e"))
    expect("it is a link", kernel.lstat(f"/proc/self/fd/{file}").type, FileType.LNK)
    refused(ELOOP, kernel.open, f"/proc/self/fd/{file}", OpenFlag.NOFOLLOW)
    refused(ENOTDIR, kernel.stat, f"/proc/self/fd/{file}/")
    refused(ENOENT, kernel.stat, "/proc/self/fd/99")
    kernel.symlink("/proc/self/cwd", "magic")
    expect("by way of a plain link", kernel.stat("magic/e"), kernel.stat("e"))
    _close(kernel, directory, file, again)


def _close(kernel: Kernel, *fds: Fd) -> None:
    for fd in fds:
        kernel.close(fd)
