"""Laws of the limits in /proc/sys/user: how many namespaces a user may have (namespaces(7))."""

from errno import EACCES, EINVAL, ENOSPC

from kernelapi.capability import EMPTY
from kernelapi.flags import CloneFlag, OpenFlag
from kernelapi.ids import Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, read_all, refused
from kernelapi.testing.steps import in_user_namespace
from kernelapi.values import CapData

LIMITS = {
    CloneFlag.NEWUTS: "uts",
    CloneFlag.NEWIPC: "ipc",
    CloneFlag.NEWNS: "mnt",
    CloneFlag.NEWNET: "net",
    CloneFlag.NEWCGROUP: "cgroup",
    CloneFlag.NEWTIME: "time",
    CloneFlag.NEWPID: "pid",
    CloneFlag.NEWUSER: "user",
}
AS_MANY_AS_THERE_CAN_BE = 2**31 - 1


def path(flag: CloneFlag) -> str:
    return f"/proc/sys/user/max_{LIMITS[flag]}_namespaces"


def limit(kernel: Kernel, flag: CloneFlag) -> int:
    fd = kernel.open(path(flag), OpenFlag.RDONLY)
    text = read_all(kernel, fd)
    kernel.close(fd)
    return int(text)


def allow(kernel: Kernel, flag: CloneFlag, number: int) -> None:
    """Let each user of the caller's user namespace have so many namespaces of a type."""
    fd = kernel.open(path(flag), OpenFlag.WRONLY)
    try:
        kernel.write(fd, str(number).encode())
    finally:
        kernel.close(fd)


def make_one_and_another(kernel: Kernel, flag: CloneFlag) -> None:
    """The first is in use still when the second is asked for."""
    kernel.unshare(flag)
    refused(ENOSPC, kernel.unshare, flag)


def limited(kernel: Kernel) -> None:
    for flag in LIMITS:
        expect("at first", limit(kernel, flag), AS_MANY_AS_THERE_CAN_BE)
        allow(kernel, flag, 0)
        refused(ENOSPC, kernel.unshare, flag)
        if flag != CloneFlag.NEWTIME:  # for clone that is no flag
            refused(ENOSPC, kernel.clone, flag, nothing)
        if flag != CloneFlag.NEWPID:  # of these, one is pending then
            allow(kernel, flag, 1)
            if flag != CloneFlag.NEWUSER:
                in_child(kernel, make_one_and_another, flag)
        allow(kernel, flag, 100)
        expect("then", limit(kernel, flag), 100)


def nothing(kernel: Kernel) -> None:
    """The whole of a child's work."""


@case(tree=True)
def a_user_has_no_more_namespaces_than_the_limits_of_its_user_namespace(kernel: Kernel) -> None:
    in_user_namespace(kernel, limited)


def make_deeper(kernel: Kernel) -> None:
    expect("inside, there is no limit", limit(kernel, CloneFlag.NEWUTS), AS_MANY_AS_THERE_CAN_BE)
    refused(ENOSPC, kernel.unshare, CloneFlag.NEWUTS)
    kernel.unshare(CloneFlag.NEWIPC)


def limit_what_is_below(kernel: Kernel) -> None:
    allow(kernel, CloneFlag.NEWUTS, 0)
    allow(kernel, CloneFlag.NEWUSER, 1)
    kernel.unshare(CloneFlag.NEWUSER)
    make_deeper(kernel)
    refused(ENOSPC, kernel.unshare, CloneFlag.NEWUSER)  # the owner of the one around it has that one


@case(tree=True)
def the_limits_of_every_ancestor_count(kernel: Kernel) -> None:
    in_user_namespace(kernel, limit_what_is_below)


def write_without_the_capability(kernel: Kernel) -> None:
    refused(EINVAL, allow, kernel, CloneFlag.NEWUTS, -1)
    refused(EINVAL, allow, kernel, CloneFlag.NEWUTS, 2**31)
    kernel.capset(Pid(0), CapData(EMPTY, EMPTY, EMPTY))
    limit(kernel, CloneFlag.NEWUTS)
    refused(EACCES, kernel.open, path(CloneFlag.NEWUTS), OpenFlag.WRONLY)


@case(tree=True)
def the_limits_are_written_with_cap_sys_resource_over_the_user_namespace(kernel: Kernel) -> None:
    in_user_namespace(kernel, write_without_the_capability)
    refused(EACCES, kernel.open, path(CloneFlag.NEWUTS), OpenFlag.WRONLY)  # no case has it over the host's
