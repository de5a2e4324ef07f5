"""Laws of seccomp: when a filter may be set, who sees it, and who has it after a fork and an exec."""

from errno import EACCES, EINVAL

from kernelapi.capability import EMPTY, Cap, CapSet
from kernelapi.flags import CloneFlag, OpenFlag, SeccompFlag
from kernelapi.ids import Fd, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, read_all, refused
from kernelapi.testing.stage import write_file
from kernelapi.testing.witness import WITNESS
from kernelapi.values import ALLOW, BPF_LD, BpfInstruction, CapData

NOTHING: tuple[BpfInstruction, ...] = ()
STRICT, FILTER = 1, 2
LOADS_ONLY = (BpfInstruction(BPF_LD, 0, 0, 0),)


def shown(kernel: Kernel, process: str = "self") -> tuple[str, str]:
    """Mode and number of filters, as /proc/PID/status shows them."""
    fd = kernel.open(f"/proc/{process}/status", OpenFlag.RDONLY)
    lines = dict(line.split(":\t", 1) for line in read_all(kernel, fd).decode().splitlines())
    kernel.close(fd)
    return lines["Seccomp"], lines["Seccomp_filters"]


@case(tree=True)
def filters_add_up_and_are_shown(kernel: Kernel) -> None:
    expect("at first", (kernel.prctl_get_seccomp(), shown(kernel)), (0, ("0", "0")))
    kernel.seccomp_set_mode_filter(0, ALLOW)
    expect("with one", (kernel.prctl_get_seccomp(), shown(kernel)), (FILTER, ("2", "1")))
    kernel.prctl_set_seccomp(FILTER, ALLOW)
    expect("with two", (kernel.prctl_get_seccomp(), shown(kernel)), (FILTER, ("2", "2")))
    expect("another process", shown(kernel, "1"), ("0", "0"))


def set_without_privilege(kernel: Kernel) -> None:
    kernel.setuid(Uid(1000))
    for program in (ALLOW, LOADS_ONLY):
        refused(EACCES, kernel.seccomp_set_mode_filter, 0, program)
        refused(EACCES, kernel.prctl_set_seccomp, FILTER, program)
    expect("still none", kernel.prctl_get_seccomp(), 0)
    kernel.prctl_set_no_new_privs(1)
    kernel.seccomp_set_mode_filter(0, ALLOW)
    expect("now", kernel.prctl_get_seccomp(), FILTER)


def set_with_the_capability_alone(kernel: Kernel) -> None:
    admin = CapSet.of(Cap.SYS_ADMIN)
    kernel.capset(Pid(0), CapData(admin, admin, EMPTY))
    kernel.seccomp_set_mode_filter(0, ALLOW)
    kernel.capset(Pid(0), CapData(EMPTY, admin, EMPTY))
    refused(EACCES, kernel.seccomp_set_mode_filter, 0, ALLOW)
    refused(EACCES, kernel.prctl_set_seccomp, FILTER, ALLOW)


@case
def a_filter_takes_no_new_privs_or_cap_sys_admin(kernel: Kernel) -> None:
    in_child(kernel, set_without_privilege)
    in_child(kernel, set_with_the_capability_alone)


def set_in_a_user_namespace(kernel: Kernel) -> None:
    kernel.unshare(CloneFlag.NEWUSER)
    kernel.seccomp_set_mode_filter(0, ALLOW)
    kernel.capset(Pid(0), CapData(EMPTY, EMPTY, EMPTY))
    refused(EACCES, kernel.seccomp_set_mode_filter, 0, ALLOW)


@case
def the_capability_counts_in_the_callers_user_namespace(kernel: Kernel) -> None:
    in_child(kernel, set_in_a_user_namespace)


@case
def flags_and_length_are_looked_at_before_the_privilege_and_the_program_after_it(kernel: Kernel) -> None:
    in_child(kernel, set_invalid_ones)
    refused(EINVAL, kernel.seccomp_set_mode_filter, 0, LOADS_ONLY)
    refused(EINVAL, kernel.prctl_set_seccomp, FILTER, LOADS_ONLY)
    kernel.seccomp_set_mode_filter(0, ALLOW * 4096)
    for flags in (SeccompFlag.LOG, SeccompFlag.SPEC_ALLOW, SeccompFlag.TSYNC, SeccompFlag.TSYNC | SeccompFlag.TSYNC_ESRCH):
        kernel.seccomp_set_mode_filter(flags, ALLOW)


def set_invalid_ones(kernel: Kernel) -> None:
    kernel.setuid(Uid(1000))
    for flags in (1 << 6, SeccompFlag.WAIT_KILLABLE_RECV, SeccompFlag.TSYNC | SeccompFlag.NEW_LISTENER):
        refused(EINVAL, kernel.seccomp_set_mode_filter, flags, ALLOW)
    for program in (NOTHING, ALLOW * 4097):
        refused(EINVAL, kernel.seccomp_set_mode_filter, 0, program)
        refused(EINVAL, kernel.prctl_set_seccomp, FILTER, program)
    for mode in (0, 3):
        refused(EINVAL, kernel.prctl_set_seccomp, mode, ALLOW)


@case
def with_a_filter_there_is_no_way_to_the_strict_mode(kernel: Kernel) -> None:
    kernel.seccomp_set_mode_filter(0, ALLOW)
    refused(EINVAL, kernel.prctl_set_seccomp, STRICT)
    expect("the mode", kernel.prctl_get_seccomp(), FILTER)


def witness(kernel: Kernel, writer: Fd) -> None:
    kernel.dup2(writer, Fd(1))
    kernel.execve("/bin/witness", ("/bin/witness",), ())


@case(tree=True)
def a_child_and_what_it_executes_have_the_filters_of_the_parent(kernel: Kernel) -> None:
    write_file(kernel, "/bin/witness", WITNESS, 0o755)
    kernel.seccomp_set_mode_filter(0, ALLOW)
    expect("the child", in_child(kernel, shown), ("2", "1"))
    reader, writer = kernel.pipe2(0)
    pid = kernel.clone(17, witness, writer)
    kernel.close(writer)
    lines = dict(line.split(":\t", 1) for line in read_all(kernel, reader)[:-3].decode().splitlines())
    expect("the program", (lines["Seccomp"], lines["Seccomp_filters"], lines["NoNewPrivs"]), ("2", "1", "0"))
    kernel.wait4(pid)


def set_one_more(kernel: Kernel) -> tuple[str, str]:
    kernel.seccomp_set_mode_filter(0, ALLOW)
    return shown(kernel)


@case(tree=True)
def what_a_child_adds_its_parent_has_not(kernel: Kernel) -> None:
    kernel.seccomp_set_mode_filter(0, ALLOW)
    expect("the child", in_child(kernel, set_one_more), ("2", "2"))
    expect("the parent", shown(kernel), ("2", "1"))
