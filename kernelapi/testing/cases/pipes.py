"""Laws of pipes and FIFOs."""

from errno import EAGAIN, EINVAL, ENXIO, EPIPE

from kernelapi.flags import Disposition, FdFlag, FileType, OpenFlag, Signal
from kernelapi.ids import Fd, Gid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, read_all, refused
from kernelapi.testing.cases.proc import stat

RDONLY, WRONLY, RDWR, NONBLOCK = OpenFlag.RDONLY, OpenFlag.WRONLY, OpenFlag.RDWR, OpenFlag.NONBLOCK
CAPACITY = 65536
PAGE = 4096


def fill(kernel: Kernel, writer: Fd, piece: int) -> int:
    """Write pieces until none fits any more; how many bytes went in."""
    total = 0
    try:
        while True:
            total += kernel.write(writer, b"." * piece)
    except OSError as error:
        expect("why no more fits", error.errno, EAGAIN)
        return total


# -- the two ends --


@case
def the_end_of_a_pipe_is_seen_when_the_last_writer_is_gone(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(NONBLOCK)
    copy = kernel.dup(writer)
    kernel.write(writer, b"abc")
    kernel.close(writer)
    expect("what was written", kernel.read(reader, 10), b"abc")
    refused(EAGAIN, kernel.read, reader, 10)
    expect("reading nothing", kernel.read(reader, 0), b"")
    kernel.close(copy)
    expect("the end", kernel.read(reader, 10), b"")


def _wait_for_a_byte(kernel: Kernel, reader: Fd, writer: Fd) -> None:
    kernel.close(writer)
    kernel.read(reader, 1)


@case
def a_writer_in_another_process_holds_off_the_end(kernel: Kernel) -> None:
    held, holder = kernel.pipe2(0)
    release, releaser = kernel.pipe2(0)
    child = kernel.clone(Signal.CHLD, _wait_for_a_byte, release, releaser)  # it inherits `holder`
    kernel.close(holder)
    kernel.fcntl_setfl(held, NONBLOCK)
    refused(EAGAIN, kernel.read, held, 1)
    kernel.write(releaser, b"x")
    kernel.wait4(child)
    expect("the end", kernel.read(held, 1), b"")


def _write_later(kernel: Kernel, reader: Fd, writer: Fd, data: bytes) -> None:
    kernel.close(reader)
    while data:
        data = data[kernel.write(writer, data) :]


@case
def a_reader_waits_for_data_and_for_the_death_of_the_writer(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    child = kernel.clone(Signal.CHLD, _write_later, reader, writer, b"later")
    kernel.close(writer)
    expect("all of it", read_all(kernel, reader), b"later")
    kernel.wait4(child)


def _wait_to_be_killed(kernel: Kernel, reader: Fd) -> None:
    kernel.read(reader, 1)


@case
def a_killed_writer_ends_the_pipe(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    quiet, _ = kernel.pipe2(0)
    child = kernel.clone(Signal.CHLD, _wait_to_be_killed, quiet)
    kernel.close(writer)
    kernel.kill(child, Signal.KILL)
    expect("the end", kernel.read(reader, 1), b"")
    expect("its status", kernel.wait4(child), (child, Signal.KILL))


@case
def flags_of_pipe2_go_to_both_ends(kernel: Kernel) -> None:
    ends = kernel.pipe2(OpenFlag.CLOEXEC | NONBLOCK)
    expect("close-on-exec", [kernel.fcntl_getfd(end) for end in ends], [FdFlag.CLOEXEC, FdFlag.CLOEXEC])
    expect("status flags", [kernel.fcntl_getfl(end) for end in ends], [RDONLY | NONBLOCK, WRONLY | NONBLOCK])
    expect("of plain ones", [kernel.fcntl_getfd(end) for end in kernel.pipe()], [0, 0])
    refused(EINVAL, kernel.pipe2, OpenFlag.APPEND)
    refused(EINVAL, kernel.pipe2, OpenFlag.RDWR)


@case
def a_pipe_is_a_fifo_of_its_maker(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    expect("the mode", kernel.fstat(reader).mode, FileType.FIFO | 0o600)
    expect("the ends are one", kernel.fstat(reader), kernel.fstat(writer))
    expect("each is another", kernel.fstat(kernel.pipe2(0)[0]).ino == kernel.fstat(reader).ino, False)
    kernel.setresgid(Gid(1000), Gid(1000), Gid(0))
    kernel.setresuid(Uid(1000), Uid(1000), Uid(0))
    stat = kernel.fstat(kernel.pipe2(0)[0])
    expect("the owner", (stat.uid, stat.gid, stat.size), (1000, 1000, 0))


# -- how much fits --


@case
def a_pipe_holds_sixteen_pages(kernel: Kernel) -> None:
    _, writer = kernel.pipe2(NONBLOCK)
    expect("bytes of whole pages", fill(kernel, writer, PAGE), CAPACITY)
    _, writer = kernel.pipe2(NONBLOCK)
    expect("one large write", kernel.write(writer, b"." * 70_000), CAPACITY)
    refused(EAGAIN, kernel.write, writer, b"x")
    expect("writing nothing", kernel.write(writer, b""), 0)


@case
def a_small_write_goes_in_whole_or_not_at_all(kernel: Kernel) -> None:
    _, writer = kernel.pipe2(NONBLOCK)
    expect("bytes", fill(kernel, writer, PAGE - 1), CAPACITY - 16)  # sixteen pages, a byte short each
    refused(EAGAIN, kernel.write, writer, b"xy")
    expect("what tops up the last page", kernel.write(writer, b"x"), 1)
    refused(EAGAIN, kernel.write, writer, b"x")


@case
def a_large_write_may_be_cut(kernel: Kernel) -> None:
    _, writer = kernel.pipe2(NONBLOCK)
    kernel.write(writer, b"." * (CAPACITY - 96))
    refused(EAGAIN, kernel.write, writer, b"." * PAGE)
    refused(EAGAIN, kernel.write, writer, b"." * 97)
    expect("what tops up the last page", kernel.write(writer, b"." * (PAGE + 96)), 96)


@case
def a_page_is_free_again_when_all_of_it_has_been_read(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(NONBLOCK)
    fill(kernel, writer, PAGE)
    expect("part of a page", len(kernel.read(reader, PAGE - 1)), PAGE - 1)
    refused(EAGAIN, kernel.write, writer, b"x")
    expect("across pages", len(kernel.read(reader, 2)), 2)
    expect("room for a page", fill(kernel, writer, PAGE), PAGE)


@case
def a_read_gathers_what_many_writes_left(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    for piece in (b"a" * 4000, b"b" * 200, b"c" * 5000, b"d"):
        kernel.write(writer, piece)
    expect("the first part", kernel.read(reader, 4100) == b"a" * 4000 + b"b" * 100, True)
    expect("the rest", kernel.read(reader, 100_000) == b"b" * 100 + b"c" * 5000 + b"d", True)


@case
def a_write_that_is_larger_than_the_pipe_waits_for_the_reader(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    data = bytes(range(256)) * 800
    child = kernel.clone(Signal.CHLD, _write_once, reader, writer, data)
    kernel.close(writer)
    expect("all of it", read_all(kernel, reader) == data, True)
    expect("in one write", kernel.wait4(child)[1], 0)


def _write_once(kernel: Kernel, reader: Fd, writer: Fd, data: bytes) -> int:
    kernel.close(reader)
    return 0 if kernel.write(writer, data) == len(data) else 1


# -- without a reader --


def _write_into_nothing(kernel: Kernel, ignored: bool) -> None:
    reader, writer = kernel.pipe2(0)
    kernel.close(reader)
    if ignored:
        kernel.rt_sigaction(Signal.PIPE, Disposition.IGNORE)
    expect("writing nothing", kernel.write(writer, b""), 0)
    refused(EPIPE, kernel.write, writer, b"x")


@case
def writing_without_a_reader_kills_who_does_not_ignore_the_signal(kernel: Kernel) -> None:
    in_child(kernel, _write_into_nothing, True)
    child = kernel.clone(Signal.CHLD, _write_into_nothing, False)
    expect("its status", kernel.wait4(child)[1], Signal.PIPE)


def _write_until_the_reader_is_gone(kernel: Kernel, reader: Fd, writer: Fd) -> int:
    kernel.close(reader)
    kernel.rt_sigaction(Signal.PIPE, Disposition.IGNORE)
    written = kernel.write(writer, b"." * 100_000)
    return 1 if written == CAPACITY else 2


@case
def a_write_that_was_under_way_when_the_reader_left_tells_how_far_it_came(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    child = kernel.clone(Signal.CHLD, _write_until_the_reader_is_gone, reader, writer)
    kernel.read(reader, 1)
    kernel.close(reader)
    expect("its status", kernel.wait4(child)[1], 1 << 8)


# -- opened again --


@case(tree=True)
def a_pipe_can_be_opened_again_by_its_descriptor(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    path = f"/proc/self/fd/{reader}"
    expect("its name", kernel.readlink(path), f"pipe:[{kernel.fstat(reader).ino}]")
    again = kernel.open(path, WRONLY | NONBLOCK)
    kernel.close(writer)
    kernel.write(again, b"abc")
    expect("what was written", kernel.read(reader, 10), b"abc")
    expect("flags of its own", kernel.fcntl_getfl(reader), RDONLY)
    kernel.close(again)
    expect("the end", kernel.read(reader, 10), b"")
    late = kernel.open(path, RDWR)
    kernel.write(late, b"d")
    expect("a new writer", kernel.read(reader, 10), b"d")


# -- FIFOs --


@case(tree=True)
def a_fifo_opened_without_waiting_needs_a_reader_to_write(kernel: Kernel) -> None:
    kernel.mknod("/tmp/fifo", FileType.FIFO | 0o600, 0)
    refused(ENXIO, kernel.open, "/tmp/fifo", WRONLY | NONBLOCK)
    reader = kernel.open("/tmp/fifo", RDONLY | NONBLOCK)
    expect("the end, while nobody has come", kernel.read(reader, 1), b"")
    writer = kernel.open("/tmp/fifo", WRONLY | NONBLOCK)
    refused(EAGAIN, kernel.read, reader, 1)
    kernel.write(writer, b"abc")
    expect("what was written", kernel.read(reader, 10), b"abc")
    kernel.close(reader)
    refused(ENXIO, kernel.open, "/tmp/fifo", WRONLY | NONBLOCK)


@case(tree=True)
def a_fifo_opened_for_both_waits_for_nobody(kernel: Kernel) -> None:
    kernel.mknod("/tmp/fifo", FileType.FIFO | 0o600, 0)
    both = kernel.open("/tmp/fifo", RDWR)
    kernel.write(both, b"abc")
    expect("what it wrote itself", kernel.read(both, 2), b"ab")
    kernel.close(both)
    both = kernel.open("/tmp/fifo", RDWR | NONBLOCK)
    refused(EAGAIN, kernel.read, both, 1)  # what was left went with the last descriptor
    kernel.open("/tmp/fifo", WRONLY)
    kernel.open("/tmp/fifo", RDONLY)


@case(tree=True)
def a_path_descriptor_of_a_fifo_is_no_end_of_it(kernel: Kernel) -> None:
    kernel.mknod("/tmp/fifo", FileType.FIFO | 0o600, 0)
    place = kernel.open("/tmp/fifo", OpenFlag.PATH)
    refused(ENXIO, kernel.open, "/tmp/fifo", WRONLY | NONBLOCK)
    refused(ENXIO, kernel.open, f"/proc/self/fd/{place}", WRONLY | NONBLOCK)
    reader = kernel.open(f"/proc/self/fd/{place}", RDONLY | NONBLOCK)
    kernel.write(kernel.open("/tmp/fifo", WRONLY), b"x")
    expect("what was written", kernel.read(reader, 1), b"x")


def _open_and_write(kernel: Kernel, path: str, data: bytes) -> None:
    writer = kernel.open(path, WRONLY)
    if data:
        kernel.write(writer, data)


@case(tree=True)
def opening_a_fifo_waits_for_the_other_end(kernel: Kernel) -> None:
    kernel.mknod("/tmp/fifo", FileType.FIFO | 0o600, 0)
    child = kernel.clone(Signal.CHLD, _open_and_write, "/tmp/fifo", b"hello")
    expect("what came", read_all(kernel, kernel.open("/tmp/fifo", RDONLY)), b"hello")
    kernel.wait4(child)


@case(tree=True)
def a_writer_that_came_and_went_lets_the_reader_in(kernel: Kernel) -> None:
    kernel.mknod("/tmp/fifo", FileType.FIFO | 0o600, 0)
    child = kernel.clone(Signal.CHLD, _open_and_write, "/tmp/fifo", b"")
    reader = kernel.open("/tmp/fifo", RDONLY)
    kernel.wait4(child)
    expect("the end", kernel.read(reader, 1), b"")


def _open_for_reading(kernel: Kernel, path: str) -> None:
    kernel.open(path, RDONLY)


@case(tree=True)
def a_reader_that_was_killed_waiting_is_no_reader(kernel: Kernel) -> None:
    kernel.mknod("/tmp/fifo", FileType.FIFO | 0o600, 0)
    child = kernel.clone(Signal.CHLD, _open_for_reading, "/tmp/fifo")
    while stat(kernel, child)[2] != "S":
        kernel.clock_nanosleep(1, 0, 1_000_000)
    kernel.kill(child, Signal.KILL)
    kernel.wait4(child)
    refused(ENXIO, kernel.open, "/tmp/fifo", WRONLY | NONBLOCK)


def _open_when_told(kernel: Kernel, path: str, flags: int, ready: Fd) -> None:
    kernel.write(ready, b"x")
    kernel.close(kernel.open(path, flags))


@case(tree=True)
def who_is_killed_waiting_for_the_other_end_is_no_end_and_the_others_wait_on(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    for kind, other in ((RDONLY, WRONLY), (WRONLY, RDONLY)):
        path = f"/tmp/{kind:d}"
        kernel.mknod(path, FileType.FIFO | 0o600, 0)
        waiting = [kernel.clone(Signal.CHLD, _open_when_told, path, kind, writer) for _ in range(2)]
        for _ in waiting:
            kernel.read(reader, 1)
        kernel.clock_nanosleep(1, 0, 100_000_000)
        kernel.kill(waiting[0], Signal.KILL)
        expect("its status", kernel.wait4(waiting[0])[1], Signal.KILL)
        kernel.close(kernel.open(path, other | NONBLOCK))
        expect("the other's status", kernel.wait4(waiting[1])[1], 0)
        alone = kernel.clone(Signal.CHLD, _open_when_told, path, kind, writer)
        kernel.read(reader, 1)
        kernel.clock_nanosleep(1, 0, 100_000_000)
        kernel.kill(alone, Signal.KILL)
        kernel.wait4(alone)
    refused(ENXIO, kernel.open, f"/tmp/{RDONLY:d}", WRONLY | NONBLOCK)
    fd = kernel.open(f"/tmp/{WRONLY:d}", RDONLY | NONBLOCK)
    expect("the end", kernel.read(fd, 1), b"")
