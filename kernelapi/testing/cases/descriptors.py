"""Laws of descriptors: numbers, duplicates, close-on-exec, reading, writing, seeking, listing."""

from errno import EBADF, EFBIG, EINVAL, EISDIR, EMFILE, ENOENT, ENOSPC, ENOTDIR, ESPIPE

from kernelapi.flags import CloneFlag, CloseRangeFlag, Disposition, FdFlag, FileType, OpenFlag, Rlimit, Seek, Signal
from kernelapi.ids import Fd, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, read_all, refused
from kernelapi.values import Limit

RDONLY, WRONLY, RDWR = OpenFlag.RDONLY, OpenFlag.WRONLY, OpenFlag.RDWR
NEW = OpenFlag.RDWR | OpenFlag.CREAT | OpenFlag.EXCL
NOWHERE = Fd(900)


def is_open(kernel: Kernel, fd: int) -> bool:
    return errno_of(kernel.fcntl_getfd, Fd(fd)) == 0


def file_limit(kernel: Kernel, soft: int) -> None:
    kernel.setrlimit(Rlimit.NOFILE, Limit(soft, kernel.getrlimit(Rlimit.NOFILE).hard))


# -- numbers --


@case
def the_lowest_free_number_is_given(kernel: Kernel) -> None:
    first, second = kernel.pipe2(0)
    kernel.close(first)
    expect("the number", kernel.dup(second), first)
    expect("the next one", kernel.dup(second), second + 1)


@case
def a_closed_number_is_refused_by_every_call(kernel: Kernel) -> None:
    for call in (kernel.close, kernel.dup, kernel.fcntl_getfd, kernel.fcntl_getfl):
        refused(EBADF, call, NOWHERE)
        refused(EBADF, call, Fd(-1))
    refused(EBADF, kernel.dup2, NOWHERE, Fd(901))
    refused(EBADF, kernel.dup2, NOWHERE, NOWHERE)
    refused(EBADF, kernel.fcntl_setfd, NOWHERE, 1)
    refused(EBADF, kernel.fcntl_setfl, NOWHERE, 0)
    refused(EBADF, kernel.read, NOWHERE, 1)
    refused(EBADF, kernel.write, NOWHERE, b"")
    refused(EBADF, kernel.lseek, NOWHERE, 0, 77)
    refused(EBADF, kernel.getdents64, NOWHERE, 1)


@case
def a_number_is_closed_once(kernel: Kernel) -> None:
    first, _ = kernel.pipe2(0)
    kernel.close(first)
    refused(EBADF, kernel.close, first)


@case
def no_number_reaches_the_limit(kernel: Kernel) -> None:
    first, second = kernel.pipe2(0)
    file_limit(kernel, second + 2)
    refused(EMFILE, kernel.pipe2, 0)  # needs two, and one is left: it takes none
    expect("the last free number", kernel.dup(first), second + 1)
    refused(EMFILE, kernel.dup, first)
    refused(EMFILE, kernel.fcntl_dupfd, first, 0)


@case
def a_limit_below_what_is_open_closes_nothing(kernel: Kernel) -> None:
    first, second = kernel.pipe2(0)
    high = kernel.fcntl_dupfd(second, 50)
    file_limit(kernel, 10)
    expect("writing", kernel.write(high, b"x"), 1)
    expect("itself to itself", kernel.dup2(high, high), 50)
    refused(EBADF, kernel.dup2, first, Fd(51))
    refused(EINVAL, kernel.fcntl_dupfd, first, 10)


# -- duplicates --


@case
def a_duplicate_shares_status_flags_but_not_close_on_exec(kernel: Kernel) -> None:
    reader, _ = kernel.pipe2(OpenFlag.CLOEXEC)
    copy = kernel.dup(reader)
    expect("close-on-exec of the copy", kernel.fcntl_getfd(copy), 0)
    kernel.fcntl_setfl(copy, OpenFlag.NONBLOCK)
    expect("the flags of the original", kernel.fcntl_getfl(reader), OpenFlag.NONBLOCK)
    kernel.fcntl_setfd(copy, 1)
    kernel.fcntl_setfd(reader, 0)
    expect("close-on-exec of the copy", kernel.fcntl_getfd(copy), FdFlag.CLOEXEC)


@case
def dup2_to_itself_changes_nothing(kernel: Kernel) -> None:
    reader, _ = kernel.pipe2(OpenFlag.CLOEXEC)
    expect("the result", kernel.dup2(reader, reader), reader)
    expect("close-on-exec", kernel.fcntl_getfd(reader), FdFlag.CLOEXEC)


@case
def dup2_over_the_last_writer_ends_its_pipe(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    other, _ = kernel.pipe2(OpenFlag.CLOEXEC)
    expect("the result", kernel.dup2(other, writer), writer)
    expect("the end of the pipe", kernel.read(reader, 1), b"")
    expect("close-on-exec", kernel.fcntl_getfd(writer), 0)


@case
def dup3_checks_flags_then_sameness_then_the_numbers(kernel: Kernel) -> None:
    reader, _ = kernel.pipe2(0)
    refused(EINVAL, kernel.dup3, reader, reader, 0)
    refused(EINVAL, kernel.dup3, NOWHERE, NOWHERE, 0)
    refused(EINVAL, kernel.dup3, NOWHERE, Fd(5), OpenFlag.NONBLOCK)
    refused(EBADF, kernel.dup3, NOWHERE, Fd(5), OpenFlag.CLOEXEC)
    refused(EBADF, kernel.dup3, reader, Fd(-1), 0)
    expect("the result", kernel.dup3(reader, Fd(40), OpenFlag.CLOEXEC), 40)
    expect("close-on-exec", kernel.fcntl_getfd(Fd(40)), FdFlag.CLOEXEC)


@case
def a_duplicate_can_be_asked_to_stand_above_a_number(kernel: Kernel) -> None:
    reader, _ = kernel.pipe2(0)
    expect("F_DUPFD", kernel.fcntl_dupfd(reader, 30), 30)
    expect("F_DUPFD_CLOEXEC", kernel.fcntl_dupfd_cloexec(reader, 30), 31)
    expect("close-on-exec", (kernel.fcntl_getfd(Fd(30)), kernel.fcntl_getfd(Fd(31))), (0, FdFlag.CLOEXEC))
    kernel.close(Fd(30))
    expect("the freed number", kernel.fcntl_dupfd(reader, 29), 29)
    expect("and then the other", kernel.fcntl_dupfd(reader, 29), 30)


@case
def a_lowest_number_beyond_the_limit_is_invalid_where_the_descriptor_is_open(kernel: Kernel) -> None:
    reader, _ = kernel.pipe2(0)
    limit = kernel.getrlimit(Rlimit.NOFILE).soft
    refused(EINVAL, kernel.fcntl_dupfd, reader, limit)
    refused(EINVAL, kernel.fcntl_dupfd_cloexec, reader, -1)
    refused(EBADF, kernel.fcntl_dupfd, NOWHERE, limit)
    refused(EBADF, kernel.dup2, reader, Fd(limit))


# -- flags --


@case
def only_one_flag_of_a_descriptor_is_kept(kernel: Kernel) -> None:
    reader, _ = kernel.pipe2(0)
    kernel.fcntl_setfd(reader, 0xFF)
    expect("the flags", kernel.fcntl_getfd(reader), FdFlag.CLOEXEC)
    kernel.fcntl_setfd(reader, 0xFE)
    expect("the flags", kernel.fcntl_getfd(reader), 0)


@case
def setting_status_flags_leaves_the_access_mode(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(OpenFlag.NONBLOCK)
    expect("the flags of the write end", kernel.fcntl_getfl(writer), WRONLY | OpenFlag.NONBLOCK)
    kernel.fcntl_setfl(writer, RDWR | OpenFlag.CREAT | OpenFlag.APPEND)
    expect("the flags of the write end", kernel.fcntl_getfl(writer), WRONLY | OpenFlag.APPEND)
    expect("those of the read end", kernel.fcntl_getfl(reader), OpenFlag.NONBLOCK)


# -- close_range --


@case
def close_range_passes_over_what_is_not_open(kernel: Kernel) -> None:
    reader, _ = kernel.pipe2(0)
    for number in (20, 22, 25):
        kernel.dup2(reader, Fd(number))
    kernel.close_range(21, 24)
    expect("who is left", [fd for fd in range(20, 26) if is_open(kernel, fd)], [20, 25])
    kernel.close_range(20, 2**32 - 1, CloseRangeFlag.CLOEXEC)
    expect("close-on-exec", [kernel.fcntl_getfd(Fd(fd)) for fd in (reader, 20, 25)], [0, 1, 1])
    kernel.close_range(500, 2**32 - 1)
    kernel.close_range(20, 20)
    expect("who is left", [fd for fd in range(20, 26) if is_open(kernel, fd)], [25])


@case
def close_range_wants_order_and_known_flags(kernel: Kernel) -> None:
    refused(EINVAL, kernel.close_range, 11, 10)
    refused(EINVAL, kernel.close_range, 10, 11, 1)
    refused(EINVAL, kernel.close_range, 10, 11, 8)


def _close_all(kernel: Kernel, first: int, flags: int) -> int:
    kernel.close_range(first, first, flags)
    return 7


@case
def a_shared_table_is_closed_for_all_unless_it_is_unshared(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    child = kernel.clone(CloneFlag.FILES | Signal.CHLD, _close_all, writer, CloseRangeFlag.UNSHARE)
    expect("the child", kernel.wait4(child)[1], 7 << 8)
    expect("still open here", is_open(kernel, writer), True)
    child = kernel.clone(CloneFlag.FILES | Signal.CHLD, _close_all, writer, 0)
    expect("the child", kernel.wait4(child)[1], 7 << 8)
    expect("closed here", is_open(kernel, writer), False)
    expect("the end of the pipe", kernel.read(reader, 1), b"")


# -- processes --


def _close_and_flag(kernel: Kernel, reader: Fd, writer: Fd) -> None:
    kernel.fcntl_setfl(reader, OpenFlag.NONBLOCK)
    kernel.fcntl_setfd(reader, FdFlag.CLOEXEC)
    kernel.close(writer)


@case
def a_fork_shares_descriptions_and_copies_the_table(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    in_child(kernel, _close_and_flag, reader, writer)
    expect("status flags", kernel.fcntl_getfl(reader), OpenFlag.NONBLOCK)
    expect("close-on-exec", kernel.fcntl_getfd(reader), 0)
    expect("the other end", kernel.write(writer, b"x"), 1)


def _read(kernel: Kernel, fd: Fd, count: int) -> bytes:
    return kernel.read(fd, count)


@case(tree=True)
def a_fork_shares_the_offset(kernel: Kernel) -> None:
    fd = kernel.open("/tmp/file", NEW, 0o600)
    kernel.write(fd, b"abcdef")
    kernel.lseek(fd, 0)
    expect("what the child reads", in_child(kernel, _read, fd, 2), b"ab")
    expect("the offset", kernel.lseek(fd, 0, Seek.CUR), 2)
    again = kernel.open("/tmp/file", RDONLY)
    expect("that of another description", kernel.lseek(again, 0, Seek.CUR), 0)


# -- reading and writing --


@case(tree=True)
def the_access_mode_decides_who_may_read_and_write(kernel: Kernel) -> None:
    writer = kernel.open("/tmp/file", WRONLY | OpenFlag.CREAT, 0o600)
    refused(EBADF, kernel.read, writer, 1)
    refused(EBADF, kernel.read, writer, 0)
    reader = kernel.open("/tmp/file", RDONLY)
    refused(EBADF, kernel.write, reader, b"x")
    refused(EBADF, kernel.write, reader, b"")
    kernel.fcntl_setfl(reader, RDWR)
    refused(EBADF, kernel.write, reader, b"x")


@case(tree=True)
def a_directory_is_not_read(kernel: Kernel) -> None:
    directory = kernel.open("/tmp", RDONLY | OpenFlag.DIRECTORY)
    refused(EISDIR, kernel.read, directory, 10)
    refused(EBADF, kernel.write, directory, b"x")
    refused(EINVAL, kernel.lseek, directory, -1)


@case
def a_directory_of_the_kernel_is_not_read_either(kernel: Kernel) -> None:
    for path in ("/proc", "/proc/self", "/proc/self/fd", "/proc/self/ns", "/proc/self/attr", "/proc/sys/kernel", "/sys"):
        refused(EISDIR, kernel.read, kernel.open(path, RDONLY), 10)


@case(tree=True)
def a_path_descriptor_takes_no_reading_nor_writing(kernel: Kernel) -> None:
    kernel.close(kernel.open("/tmp/file", NEW, 0o600))
    fd = kernel.open("/tmp/file", OpenFlag.PATH | RDWR | OpenFlag.APPEND)
    refused(EBADF, kernel.read, fd, 1)
    refused(EBADF, kernel.write, fd, b"x")
    refused(EBADF, kernel.lseek, fd, 0)
    refused(EBADF, kernel.getdents64, fd)
    refused(EBADF, kernel.fcntl_setfl, fd, 0)
    expect("its flags", kernel.fcntl_getfl(fd), OpenFlag.PATH)
    expect("its type", kernel.fstat(kernel.dup(fd)).type, FileType.REG)
    kernel.fcntl_setfd(fd, 1)
    expect("close-on-exec", kernel.fcntl_getfd(fd), 1)
    kernel.close(fd)


@case(tree=True)
def appending_ignores_the_offset_and_moves_it(kernel: Kernel) -> None:
    fd = kernel.open("/tmp/file", NEW, 0o600)
    kernel.write(fd, b"abcd")
    kernel.fcntl_setfl(fd, OpenFlag.APPEND)
    kernel.lseek(fd, 1)
    kernel.write(fd, b"ef")
    expect("the offset", kernel.lseek(fd, 0, Seek.CUR), 6)
    kernel.fcntl_setfl(fd, 0)
    kernel.lseek(fd, 1)
    kernel.write(fd, b"X")
    kernel.lseek(fd, 0)
    expect("the content", read_all(kernel, fd), b"aXcdef")


@case(tree=True)
def writing_beyond_the_end_leaves_zeros(kernel: Kernel) -> None:
    fd = kernel.open("/tmp/file", NEW, 0o600)
    kernel.write(fd, b"ab")
    expect("the offset", kernel.lseek(fd, 3, Seek.END), 5)
    expect("reading there", kernel.read(fd, 10), b"")
    expect("the size", kernel.fstat(fd).size, 2)
    kernel.write(fd, b"")
    expect("the size after writing nothing", kernel.fstat(fd).size, 2)
    kernel.write(fd, b"c")
    kernel.lseek(fd, -5, Seek.CUR)
    expect("the content", kernel.read(fd, 10), b"b\0\0\0c")


def _overwrite(kernel: Kernel, path: str) -> int:
    kernel.setuid(Uid(1000))
    fd = kernel.open(path, WRONLY)
    kernel.write(fd, b"")
    before = kernel.fstat(fd).permissions
    kernel.write(fd, b"x")
    expect("after writing nothing", before, 0o6755)
    return kernel.fstat(fd).permissions


@case(tree=True)
def writing_takes_the_set_id_bits_unless_the_writer_may_set_them(kernel: Kernel) -> None:
    fd = kernel.open("/tmp/file", NEW, 0o755)
    kernel.fchmod(fd, 0o6755)
    kernel.write(fd, b"root")
    expect("after root", kernel.fstat(fd).permissions, 0o6755)
    kernel.fchown(fd, 1000, 1000)
    kernel.fchmod(fd, 0o6755)
    expect("after its owner", in_child(kernel, _overwrite, "/tmp/file"), 0o755)


def _write_to_the_limit(kernel: Kernel) -> bytes:
    fd = kernel.open("/tmp/file", NEW, 0o600)
    kernel.rt_sigaction(Signal.XFSZ, Disposition.IGNORE)
    kernel.setrlimit(Rlimit.FSIZE, Limit(10, 10))
    expect("what fits", kernel.write(fd, b"0123456789abc"), 10)
    refused(EFBIG, kernel.write, fd, b"x")
    expect("nothing fits", kernel.write(fd, b""), 0)
    kernel.lseek(fd, 8)
    expect("what fits", kernel.write(fd, b"xyz"), 2)
    kernel.lseek(fd, 0)
    return read_all(kernel, fd)


def _write_beyond_the_limit(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.FSIZE, Limit(0, 0))
    fd = kernel.open("/tmp/other", NEW, 0o600)
    kernel.write(fd, b"x")


@case(tree=True)
def a_file_grows_up_to_its_limit(kernel: Kernel) -> None:
    expect("the content", in_child(kernel, _write_to_the_limit), b"01234567xy")
    _, status = kernel.wait4(kernel.clone(Signal.CHLD, _write_beyond_the_limit))
    expect("the signal", status & 0x7F, Signal.XFSZ)


@case
def a_process_file_is_neither_read_nor_written(kernel: Kernel) -> None:
    fd = kernel.pidfd_open(kernel.getpid())
    refused(EINVAL, kernel.read, fd, 0)
    refused(EINVAL, kernel.write, fd, b"x")
    refused(ESPIPE, kernel.lseek, fd, 0)


@case(tree=True)
def the_full_device_has_no_room(kernel: Kernel) -> None:
    fd = kernel.open("/dev/full", RDWR)
    refused(ENOSPC, kernel.write, fd, b"x")
    refused(ENOSPC, kernel.write, fd, b"")
    expect("reading", kernel.read(fd, 3), b"\0\0\0")


# -- seeking --


@case(tree=True)
def a_directory_whose_entries_are_made_on_demand_has_an_offset(kernel: Kernel) -> None:
    fd = kernel.open("/proc/self", RDONLY)
    expect("at first", kernel.lseek(fd, 0, Seek.CUR), 0)
    expect("all", len(kernel.getdents64(fd)) > 10, True)
    kernel.lseek(fd, 0)
    expect("again", kernel.getdents64(fd)[0].name, ".")
    refused(EINVAL, kernel.lseek, fd, -1)


@case(tree=True)
def a_directory_has_no_end_to_seek_from(kernel: Kernel) -> None:
    fd = kernel.open("/tmp", RDONLY)
    for offset in (0, -1, 1):
        refused(EINVAL, kernel.lseek, fd, offset, Seek.END)
    expect("the offset", kernel.lseek(fd, 0, Seek.CUR), 0)


@case
def a_pipe_has_no_offset(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    refused(ESPIPE, kernel.lseek, reader, 0)
    refused(ESPIPE, kernel.lseek, writer, -1, Seek.END)
    refused(EINVAL, kernel.lseek, reader, 0, 77)


@case(tree=True)
def an_offset_is_never_negative(kernel: Kernel) -> None:
    fd = kernel.open("/tmp/file", NEW, 0o600)
    kernel.write(fd, b"abc")
    refused(EINVAL, kernel.lseek, fd, -1)
    refused(EINVAL, kernel.lseek, fd, -4, Seek.END)
    refused(EINVAL, kernel.lseek, fd, -4, Seek.CUR)
    refused(EINVAL, kernel.lseek, fd, 0, -1)
    expect("the offset", kernel.lseek(fd, 0, Seek.CUR), 3)


# -- listing --


def names(kernel: Kernel, fd: Fd, count: int = 32768) -> list[str]:
    found: list[str] = []
    while entries := kernel.getdents64(fd, count):
        found += (entry.name for entry in entries)
    return found


@case(tree=True)
def a_directory_lists_itself_its_parent_and_its_entries(kernel: Kernel) -> None:
    kernel.mkdir("/tmp/d", 0o755)
    kernel.mkdir("/tmp/d/sub", 0o755)
    kernel.symlink("nowhere", "/tmp/d/link")
    kernel.mknod("/tmp/d/fifo", FileType.FIFO | 0o600, 0)
    kernel.close(kernel.open("/tmp/d/file", NEW, 0o600))
    fd = kernel.open("/tmp/d", RDONLY | OpenFlag.DIRECTORY)
    entries = {entry.name: entry for entry in kernel.getdents64(fd)}
    expect("the end", kernel.getdents64(fd), ())
    expect(
        "the types",
        {name: entry.type for name, entry in entries.items()},
        {
            ".": FileType.DIR, "..": FileType.DIR, "sub": FileType.DIR, "link": FileType.LNK, "fifo": FileType.FIFO,
            "file": FileType.REG,
        },
    )  # fmt: skip
    expect("the number of .", entries["."].ino, kernel.fstat(fd).ino)
    expect("the number of ..", entries[".."].ino, kernel.stat("/tmp").ino)
    expect("the number of a link", entries["link"].ino, kernel.lstat("/tmp/d/link").ino)


@case(tree=True)
def a_listing_goes_on_where_it_stood_and_can_be_rewound(kernel: Kernel) -> None:
    kernel.mkdir("/tmp/d", 0o755)
    for number in range(20):
        kernel.mkdir(f"/tmp/d/{number}", 0o755)
    fd = kernel.open("/tmp/d", RDONLY | OpenFlag.DIRECTORY)
    whole = sorted([".", "..", *map(str, range(20))])
    expect("in pieces", sorted(names(kernel, fd, 100)), whole)
    kernel.lseek(fd, 0)
    expect("rewound", sorted(names(kernel, fd)), whole)
    kernel.lseek(fd, 0)
    removed = 0
    while entries := kernel.getdents64(fd, 100):
        for entry in entries:
            if not entry.name.startswith("."):
                kernel.rmdir(f"/tmp/d/{entry.name}")
                removed += 1
    expect("removed while listing", removed, 20)


@case(tree=True)
def only_an_existing_directory_is_listed_into_room_enough(kernel: Kernel) -> None:
    file = kernel.open("/tmp/file", NEW, 0o600)
    refused(ENOTDIR, kernel.getdents64, file)
    reader, _ = kernel.pipe2(0)
    refused(ENOTDIR, kernel.getdents64, reader)
    kernel.mkdir("/tmp/d", 0o755)
    fd = kernel.open("/tmp/d", RDONLY | OpenFlag.DIRECTORY)
    refused(EINVAL, kernel.getdents64, fd, 23)
    expect("what fits 24 bytes", [entry.name for entry in kernel.getdents64(fd, 24)], ["."])
    kernel.rmdir("/tmp/d")
    refused(ENOENT, kernel.getdents64, fd)
