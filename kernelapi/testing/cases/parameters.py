"""Laws of /proc/sys, the parameters of the kernel."""

from errno import EACCES, EINVAL

from kernelapi.flags import CloneFlag, OpenFlag, Signal
from kernelapi.ids import Gid, Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, refused
from kernelapi.testing.cases.namespaces import nothing
from kernelapi.testing.cases.proc import contents, put
from kernelapi.testing.steps import in_user_namespace
from kernelapi.values import CapData

# -- /proc/sys --


@case(tree=True)
def parameters_tell_of_the_kernel(kernel: Kernel) -> None:
    names_of = kernel.uname()
    for path, text in {
        "kernel/ostype": names_of.sysname,
        "kernel/osrelease": names_of.release,
        "kernel/version": names_of.version,
        "kernel/hostname": names_of.nodename,
        "kernel/domainname": names_of.domainname,
        "kernel/overflowuid": "65534",
        "kernel/ngroups_max": "65536",
        "kernel/cap_last_cap": "40",
    }.items():
        expect(path, contents(kernel, f"/proc/sys/{path}"), text + "\n")
    told = contents(kernel, "/proc/version")
    expect("its beginning", told.startswith(f"Linux version {names_of.release} "), True)
    expect("its end", told.endswith(f" {names_of.version}\n"), True)


@case(tree=True)
def the_host_name_can_be_written(kernel: Kernel) -> None:
    path = "/proc/sys/kernel/hostname"
    expect("bytes taken", put(kernel, path, b"one\ntwo\n"), 8)
    expect("uname", kernel.uname().nodename, "one")
    expect("bytes taken of a long one", put(kernel, path, b"x" * 100), 100)
    expect("it is cut", kernel.uname().nodename, "x" * 64)
    fd = kernel.open(path, OpenFlag.WRONLY)
    kernel.write(fd, b"three")
    kernel.write(fd, b"four")
    expect("a second write goes on where the first ended", kernel.uname().nodename, "threefour")
    kernel.write(fd, b"\n")
    expect("bytes taken behind the end", kernel.write(fd, b"five"), 4)
    expect("but nothing is written there", kernel.uname().nodename, "threefour")


@case(tree=True)
def the_domain_name_can_be_written(kernel: Kernel) -> None:
    expect("bytes taken", put(kernel, "/proc/sys/kernel/domainname", b"example.org\nmore"), 16)
    expect("uname", kernel.uname().domainname, "example.org")


def set_name_in_new_namespace(kernel: Kernel) -> str:
    put(kernel, "/proc/sys/kernel/hostname", b"inner")
    return contents(kernel, "/proc/sys/kernel/hostname")


@case(tree=True)
def the_host_name_is_that_of_the_callers_namespace(kernel: Kernel) -> None:
    before = kernel.uname().nodename
    expect("inside", in_child(kernel, set_name_in_new_namespace, flags=CloneFlag.NEWUTS), "inner\n")
    expect("outside", kernel.uname().nodename, before)


@case(tree=True)
def no_capability_overrides_the_mode_of_a_parameter(kernel: Kernel) -> None:
    refused(EACCES, kernel.open, "/proc/sys/kernel/osrelease", OpenFlag.WRONLY)
    refused(EACCES, kernel.rmdir, "/proc/sys/kernel")
    kernel.prctl_set_keepcaps(1)
    kernel.setresuid(1000, 1000, 1000)
    kernel.capset(Pid(0), full(kernel))
    refused(EACCES, kernel.open, "/proc/sys/kernel/hostname", OpenFlag.WRONLY)
    fd = kernel.open("/proc/sys/net/ipv4/ip_forward", OpenFlag.WRONLY)  # CAP_NET_ADMIN rules over these
    expect("bytes taken", kernel.write(fd, b"1"), 1)


def full(kernel: Kernel) -> CapData:
    held = kernel.capget(Pid(0))
    return CapData(held.permitted, held.permitted, held.inheritable)


@case(tree=True)
def parameters_that_are_numbers(kernel: Kernel) -> None:
    path = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
    expect("at first", contents(kernel, path), "1024\n")
    expect("bytes taken", put(kernel, path, b" 80\n"), 4)
    expect("set", contents(kernel, path), "80\n")
    expect("bytes taken of two numbers", put(kernel, path, b"81 82"), 3)
    expect("the first counts", contents(kernel, path), "81\n")
    put(kernel, path, b"0x10")
    expect("hexadecimal", contents(kernel, path), "16\n")
    for text in (b"x", b"70000", b"-1"):
        refused(EINVAL, put, kernel, path, text)
    expect("in another namespace", in_child(kernel, contents, path, flags=CloneFlag.NEWNET), "1024\n")


@case(tree=True)
def what_is_no_number_is_refused_and_what_follows_one_is_passed_over(kernel: Kernel) -> None:
    path = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
    fd = kernel.open(path, OpenFlag.WRONLY)
    expect("nothing", kernel.write(fd, b""), 0)
    for text in (b" ", b"\n", b",", b"+5", b"-", b"0x"):
        refused(EINVAL, kernel.write, fd, text)
    expect("a number", kernel.write(fd, b"5"), 1)
    for text in (b"7", b"x"):
        expect(f"{text!r} behind it", kernel.write(fd, text), 1)
    expect("what counts", contents(kernel, path), "5\n")


@case(tree=True)
def parameters_of_an_ipc_namespace_belong_to_it(kernel: Kernel) -> None:
    path = "/proc/sys/kernel/shmmni"
    before = contents(kernel, path)
    fd = kernel.open(path, OpenFlag.WRONLY)
    kernel.unshare(CloneFlag.NEWIPC)
    expect("bytes taken", kernel.write(fd, b"77"), 2)
    expect("of where the file was opened, not of where it is written", contents(kernel, path), before)
    expect("bytes taken", put(kernel, path, b"78"), 2)
    expect("of the new one", contents(kernel, path), "78\n")
    refused(EINVAL, put, kernel, path, b"32769")


def write_as(kernel: Kernel, uid: int, gid: int, groups: tuple[Gid, ...]) -> list[int]:
    """The errnos with which a user opens parameters for writing: of an IPC namespace, a network namespace, the system."""
    kernel.setgroups(groups)
    kernel.setresgid(gid, gid, gid)
    kernel.setresuid(uid, uid, uid)
    paths = ("kernel/shmmni", "net/ipv4/ip_forward", "kernel/domainname", "kernel/ns_last_pid")
    return [errno_of(kernel.open, f"/proc/sys/{path}", OpenFlag.WRONLY) for path in paths]


@case(tree=True)
def parameters_are_written_by_root_alone_and_one_by_all(kernel: Kernel) -> None:
    for ids in ((1000, 1000, ()), (1000, 0, ()), (1000, 1000, (Gid(0),))):
        expect(f"{ids}", in_child(kernel, write_as, *ids), [EACCES, EACCES, EACCES, 0])
    expect("root", in_child(kernel, write_as, 0, 1000, ()), [0, 0, 0, 0])


def write_in_new_namespace(kernel: Kernel, uid: int) -> list[int]:
    kernel.unshare(CloneFlag.NEWIPC | CloneFlag.NEWNET)
    return write_as(kernel, uid, uid, ())


@case(tree=True)
def root_of_a_user_namespace_writes_the_parameters_of_its_namespaces(kernel: Kernel) -> None:
    for uid, found in ((0, [0, 0, EACCES, 0]), (5, [EACCES, 0, EACCES, 0])):  # who becomes 5 has capabilities still
        seen = in_user_namespace(kernel, write_in_new_namespace, uid, uid_map="0 1000 10", gid_map="0 1000 10")
        expect(f"uid {uid}", seen, found)


@case(tree=True)
def the_number_given_last_is_that_of_the_newest_process(kernel: Kernel) -> None:
    path = "/proc/sys/kernel/ns_last_pid"
    expect("the case itself", contents(kernel, path), f"{kernel.getpid()}\n")
    child = kernel.clone(Signal.CHLD, nothing)
    kernel.wait4(child)
    expect("one that is gone", contents(kernel, path), f"{child}\n")
