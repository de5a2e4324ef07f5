"""Laws of /proc/sys, the parameters of the kernel."""

from errno import EACCES, EINVAL

from kernelapi.flags import CloneFlag, OpenFlag
from kernelapi.ids import Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, refused
from kernelapi.testing.cases.proc import contents, put
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
