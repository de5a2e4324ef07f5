"""Laws of time namespaces: who is born into them, and how far their clocks are ahead."""

from errno import EACCES, ECHILD, EINVAL, EPERM, ERANGE

from kernelapi.capability import Cap, CapSet
from kernelapi.flags import TIMER_ABSTIME, Clock, CloneFlag, OpenFlag, Seek, Signal, WaitFlag
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, read_all, refused
from kernelapi.testing.cases.namespaces import link, nothing, open_namespace
from kernelapi.values import CapData

SECOND = 10**9


def time_links(kernel: Kernel) -> tuple[str, str]:
    return link(kernel, "time"), link(kernel, "time_for_children")


@case(tree=True)
def children_are_born_into_the_time_namespace_that_is_for_them(kernel: Kernel) -> None:
    own, theirs = time_links(kernel)
    expect("the two at first", theirs, own)
    kernel.unshare(CloneFlag.NEWTIME)
    time, new = time_links(kernel)
    expect("the caller's own", time, own)
    expect("whether that of the children is new", new != own, True)
    expect("those of a child", in_child(kernel, time_links), (new, new))
    kernel.unshare(CloneFlag.NEWTIME)
    expect("whether there is a third", link(kernel, "time_for_children") not in (own, new), True)


def monotonic(kernel: Kernel) -> int:
    return kernel.clock_gettime(Clock.MONOTONIC)


@case
def a_time_namespace_begins_with_the_time_of_the_one_before(kernel: Kernel) -> None:
    kernel.unshare(CloneFlag.NEWTIME)
    before = monotonic(kernel)
    inside = in_child(kernel, monotonic)
    expect("whether time went on", before <= inside <= monotonic(kernel), True)


OFFSETS = "/proc/self/timens_offsets"


def offsets(kernel: Kernel) -> str:
    fd = kernel.open(OFFSETS, OpenFlag.RDONLY)
    text = read_all(kernel, fd).decode()
    kernel.close(fd)
    return text


def set_offsets(kernel: Kernel, text: str) -> int:
    """Writes the offsets; returns how many bytes were taken."""
    fd = kernel.open(OFFSETS, OpenFlag.WRONLY)
    try:
        return kernel.write(fd, text.encode())
    finally:
        kernel.close(fd)


def ahead(kernel: Kernel, since: tuple[int, int]) -> tuple[int, int]:
    """By how many thousand seconds the monotonic and the boot-time clock are ahead of `since`."""
    times = kernel.clock_gettime(Clock.MONOTONIC), kernel.clock_gettime(Clock.BOOTTIME)
    return (times[0] - since[0]) // (1000 * SECOND), (times[1] - since[1]) // (1000 * SECOND)


def sleep_until(kernel: Kernel, time: int) -> None:
    kernel.clock_nanosleep(Clock.MONOTONIC, TIMER_ABSTIME, time)


@case(tree=True, needs=Cap.SYS_TIME)
def a_time_namespace_may_be_ahead(kernel: Kernel) -> None:
    start = kernel.clock_gettime(Clock.MONOTONIC), kernel.clock_gettime(Clock.BOOTTIME)
    kernel.unshare(CloneFlag.NEWTIME)
    text = "monotonic 5000 0\nboottime 7000 500\n"
    expect("what was taken", set_offsets(kernel, text), len(text))
    expect("the offsets", offsets(kernel), "monotonic        5000         0\nboottime         7000       500\n")
    expect("the caller's clocks", ahead(kernel, start), (0, 0))
    expect("a child's clocks", in_child(kernel, ahead, start), (5, 7))
    in_child(kernel, sleep_until, start[0] + 5000 * SECOND)
    kernel.unshare(CloneFlag.NEWTIME)
    expect("another's clocks", in_child(kernel, ahead, start), (5, 7))


@case(tree=True, needs=Cap.SYS_TIME)
def offsets_of_time_are_fixed_by_the_first_child(kernel: Kernel) -> None:
    refused(EACCES, set_offsets, kernel, "monotonic 1 0")
    kernel.unshare(CloneFlag.NEWTIME)
    set_offsets(kernel, "monotonic 1 0")
    set_offsets(kernel, "monotonic 2 0")
    in_child(kernel, nothing)
    refused(EACCES, set_offsets, kernel, "monotonic 3 0")
    refused(ERANGE, set_offsets, kernel, "monotonic -99999999999 0")
    refused(EINVAL, set_offsets, kernel, "nonsense")
    kernel.unshare(CloneFlag.NEWTIME)
    set_offsets(kernel, "monotonic 4 0")
    kernel.setns(open_namespace(kernel, "time_for_children"), 0)
    refused(EACCES, set_offsets, kernel, "monotonic 5 0")


@case(tree=True, needs=Cap.SYS_TIME)
def offsets_of_time_are_two_lines_of_a_clock_and_its_time(kernel: Kernel) -> None:
    kernel.unshare(CloneFlag.NEWTIME)
    bad = ("", "x", "1 5", "2 5 0", "1 5 1000000000", "1 5 -1", "1 +5 0", "\n1 5 0", "1 5 0\n\n", "monotonicx 1 1", " " * 4096)
    for text in bad:
        expect(f"the errno of {text!r}", errno_of(set_offsets, kernel, text), EINVAL)
    for text, monotonic, taken in (("1 5 0 x", 5, 7), ("monotonic6 0", 6, 12), ("1 7 0\n 7 0 0\nnonsense", 7, 13)):
        expect(f"what is taken of {text!r}", set_offsets(kernel, text), taken)
        expect("the offsets", offsets(kernel).split()[1], str(monotonic))


@case(tree=True, needs=Cap.SYS_TIME)
def writing_offsets_of_time_leaves_the_offset_of_the_file_and_takes_none(kernel: Kernel) -> None:
    kernel.unshare(CloneFlag.NEWTIME)
    fd = kernel.open("/proc/self/timens_offsets", OpenFlag.RDWR)
    for _ in range(2):
        expect("what is taken", kernel.write(fd, b"monotonic 5 0"), 13)
    expect("the offset", kernel.lseek(fd, 0, Seek.CUR), 0)
    kernel.read(fd, 1)
    refused(EINVAL, kernel.write, fd, b"monotonic 5 0")


@case(tree=True, needs=Cap.SYS_TIME)
def setting_the_time_needs_a_capability_over_the_owner_of_its_namespace(kernel: Kernel) -> None:
    kernel.unshare(CloneFlag.NEWTIME)
    refused(EINVAL, set_offsets, kernel, "nonsense")
    fd = kernel.open(OFFSETS, OpenFlag.WRONLY)
    caps, time = kernel.capget(Pid(0)), CapSet.of(Cap.SYS_TIME)
    kernel.capset(Pid(0), CapData(caps.effective - time, caps.permitted - time, caps.inheritable))
    refused(EPERM, set_offsets, kernel, "monotonic -99999999999 0")
    refused(EINVAL, set_offsets, kernel, "nonsense")
    kernel.write(fd, b"monotonic 1 0")  # who opened the file had it


@case(tree=True)
def clone_cannot_ask_for_a_time_namespace_since_its_flag_is_part_of_the_exit_signal(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    pid = kernel.clone(CloneFlag.NEWTIME | Signal.CHLD, say_time_namespace, writer)
    kernel.close(writer)
    expect("the namespace of the child", read_all(kernel, reader).decode(), kernel.readlink("/proc/self/ns/time"))
    refused(ECHILD, kernel.wait4, pid)
    expect("with __WALL", kernel.wait4(pid, WaitFlag.WALL), (pid, 0))


def say_time_namespace(kernel: Kernel, writer: Fd) -> None:
    kernel.write(writer, kernel.readlink("/proc/self/ns/time").encode())


@case(tree=True)
def a_program_begins_in_the_time_namespace_that_is_for_the_children(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    pid = kernel.clone(Signal.CHLD, become_one_who_says_its_time_namespace, writer)
    kernel.close(writer)
    before, children, after = read_all(kernel, reader).decode().split()
    expect("the program's", after, children)
    expect("whether it is another", before != after, True)
    expect("its end", kernel.wait4(pid), (pid, 0))


def become_one_who_says_its_time_namespace(kernel: Kernel, writer: Fd) -> None:
    kernel.unshare(CloneFlag.NEWTIME)
    kernel.write(writer, "{}\n{}\n".format(*time_links(kernel)).encode())
    kernel.dup2(writer, Fd(1))
    kernel.execve("/bin/busybox", ("readlink", "/proc/self/ns/time"), ())
