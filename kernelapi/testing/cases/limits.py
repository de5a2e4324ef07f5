"""Laws of resource limits."""

from collections.abc import Callable
from errno import EAGAIN, EINVAL, EPERM, ESRCH

from kernelapi.capability import Cap, CapSet
from kernelapi.flags import CloneFlag, Rlimit, Signal
from kernelapi.ids import Fd, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, refused
from kernelapi.values import CapData, Limit

SELF = Pid(0)
NOBODY = Pid(99999)


def limit_of(kernel: Kernel, resource: int) -> Limit:
    return kernel.getrlimit(resource)


@case
def a_limit_can_be_lowered_and_the_old_one_is_told(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.NOFILE, Limit(100, 200))
    expect("the limit before", kernel.prlimit64(SELF, Rlimit.NOFILE, Limit(50, 150)), Limit(100, 200))
    expect("the limit", kernel.prlimit64(SELF, Rlimit.NOFILE, None), Limit(50, 150))


@case
def the_soft_limit_moves_freely_below_the_hard_one(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.NOFILE, Limit(100, 200))
    kernel.setuid(Uid(1000))
    kernel.setrlimit(Rlimit.NOFILE, Limit(200, 200))
    expect("the limit", kernel.getrlimit(Rlimit.NOFILE), Limit(200, 200))


@case
def a_hard_limit_is_raised_by_nobody_unprivileged(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.FSIZE, Limit(1 << 30, 1 << 30))
    kernel.setuid(Uid(1000))
    refused(EPERM, kernel.setrlimit, Rlimit.FSIZE, Limit(1, (1 << 30) + 1))
    expect("the limit", kernel.getrlimit(Rlimit.FSIZE), Limit(1 << 30, 1 << 30))


def without_resource(kernel: Kernel) -> None:
    caps, resource = kernel.capget(SELF), CapSet.of(Cap.SYS_RESOURCE)
    kernel.capset(SELF, CapData(caps.effective - resource, caps.permitted, caps.inheritable))


@case(needs=Cap.SYS_RESOURCE)
def a_hard_limit_is_raised_with_the_capability_and_not_without_it(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.STACK, Limit(8 << 20, 64 << 20))
    kernel.setrlimit(Rlimit.STACK, Limit(8 << 20, 65 << 20))
    expect("the raised limit", kernel.getrlimit(Rlimit.STACK), Limit(8 << 20, 65 << 20))
    without_resource(kernel)
    refused(EPERM, kernel.setrlimit, Rlimit.STACK, Limit(8 << 20, 66 << 20))
    kernel.setrlimit(Rlimit.STACK, Limit(4 << 20, 64 << 20))


def raise_stack(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.STACK, Limit(8 << 20, 65 << 20))


def in_user_namespace(kernel: Kernel, function: Callable[[Kernel], None]) -> None:
    in_child(kernel, function, flags=CloneFlag.NEWUSER)


@case
def all_capabilities_of_a_user_namespace_do_not_raise_a_hard_limit(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.STACK, Limit(8 << 20, 64 << 20))
    refused(EPERM, in_user_namespace, kernel, raise_stack)
    kernel.unshare(CloneFlag.NEWUSER)
    refused(EPERM, raise_stack, kernel)


@case
def a_soft_limit_above_the_hard_one_is_invalid_even_where_it_could_not_be_raised(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.CORE, Limit(0, 4096))
    kernel.setuid(Uid(1000))
    refused(EINVAL, kernel.setrlimit, Rlimit.CORE, Limit(8193, 8192))
    refused(EINVAL, kernel.setrlimit, Rlimit.CORE, Limit(-1, 4096))


@case
def there_are_sixteen_resources(kernel: Kernel) -> None:
    for resource in range(16):
        kernel.getrlimit(resource)
    for resource in (16, 99, -1):
        refused(EINVAL, kernel.prlimit64, SELF, resource, None)
        refused(EINVAL, kernel.setrlimit, resource, Limit(0, 0))


@case(needs=Cap.SYS_RESOURCE)
def descriptors_are_limited_by_nr_open_whoever_asks(kernel: Kernel) -> None:
    hard = kernel.getrlimit(Rlimit.NOFILE).hard
    refused(EPERM, kernel.setrlimit, Rlimit.NOFILE, Limit(0, 1 << 62))
    refused(EPERM, kernel.setrlimit, Rlimit.NOFILE, Limit(0, -1))
    refused(EINVAL, kernel.setrlimit, Rlimit.NOFILE, Limit(-1, 1 << 62))
    expect("the hard limit", kernel.getrlimit(Rlimit.NOFILE).hard, hard)


@case
def the_process_is_looked_for_before_the_resource(kernel: Kernel) -> None:
    refused(ESRCH, kernel.prlimit64, NOBODY, 99, None)
    refused(ESRCH, kernel.prlimit64, Pid(-1), 99, Limit(1, 0))
    refused(EINVAL, kernel.prlimit64, Pid(1), 99, None)


def look_unprivileged(kernel: Kernel, target: Pid, resource: int) -> None:
    kernel.setuid(Uid(1000))
    kernel.prlimit64(target, resource, None)


@case
def another_users_limits_are_not_even_shown(kernel: Kernel) -> None:
    refused(EPERM, in_child, kernel, look_unprivileged, Pid(1), Rlimit.NOFILE)
    refused(EPERM, in_child, kernel, look_unprivileged, Pid(1), 99)


def become_and_look(kernel: Kernel, target: Pid) -> None:
    kernel.setresgid(1000, 1000, 1000)
    kernel.setresuid(1000, 1000, 1000)
    kernel.prlimit64(target, Rlimit.CORE, Limit(0, 0))


@case
def all_six_ids_of_the_other_must_be_the_callers_real_ones(kernel: Kernel) -> None:
    kernel.setresgid(1000, 1000, 1000)
    kernel.setresuid(1000, 1000, 0)
    me = kernel.getpid()
    refused(EPERM, in_child, kernel, become_and_look, me)
    kernel.setresuid(1000, 1000, 1000)
    in_child(kernel, become_and_look, me)
    expect("the limit that the child set", kernel.getrlimit(Rlimit.CORE), Limit(0, 0))


@case
def effective_ids_do_not_count_for_the_caller(kernel: Kernel) -> None:
    kernel.setresgid(1000, 0, 1000)
    kernel.setresuid(1000, 0, 1000)
    kernel.setresuid(-1, 1000, -1)  # no capability is effective any more
    kernel.setresgid(-1, 1000, -1)
    refused(EPERM, kernel.prlimit64, Pid(1), Rlimit.CORE, None)


def wait_for_word(kernel: Kernel, go: Fd, done: Fd) -> None:
    kernel.read(go, 1)
    soft = kernel.getrlimit(Rlimit.NOFILE).soft
    kernel.write(done, str(soft).encode())


@case
def a_limit_can_be_set_for_another_process(kernel: Kernel) -> None:
    go, tell = kernel.pipe()
    answer, done = kernel.pipe()
    child = kernel.clone(Signal.CHLD, wait_for_word, go, done)
    own = kernel.getrlimit(Rlimit.NOFILE)
    expect("what the child had", kernel.prlimit64(child, Rlimit.NOFILE, Limit(77, 88)), own)
    kernel.write(tell, b"!")
    expect("what the child has", kernel.read(answer, 10), b"77")
    expect("what the caller has", kernel.getrlimit(Rlimit.NOFILE), own)
    kernel.wait4(child)


def exit_at_once(kernel: Kernel) -> None:
    pass


@case
def a_zombie_still_has_limits(kernel: Kernel) -> None:
    child = kernel.clone(Signal.CHLD, exit_at_once)
    own = kernel.getrlimit(Rlimit.CORE)
    expect("the zombie's", kernel.prlimit64(child, Rlimit.CORE, None), own)
    kernel.wait4(child)
    refused(ESRCH, kernel.prlimit64, child, Rlimit.CORE, None)


def lower_files(kernel: Kernel) -> Limit:
    kernel.setrlimit(Rlimit.NOFILE, Limit(30, 40))
    return in_child(kernel, limit_of, Rlimit.NOFILE)


@case
def limits_are_copied_to_children_and_not_shared(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.NOFILE, Limit(60, 80))
    expect("a child's", in_child(kernel, limit_of, Rlimit.NOFILE), Limit(60, 80))
    expect("a grandchild's", in_child(kernel, lower_files), Limit(30, 40))
    expect("the caller's", kernel.getrlimit(Rlimit.NOFILE), Limit(60, 80))


def in_a_user_namespace(kernel: Kernel, ready: Fd, go: Fd) -> None:
    kernel.unshare(CloneFlag.NEWUSER)
    kernel.write(ready, b"x")
    kernel.read(go, 1)


def count_processes(kernel: Kernel) -> list[int]:
    """The errnos of clone with room for two processes and for three, one of which is in a user namespace of its own."""
    kernel.setuid(Uid(4243))
    kernel.prctl_set_dumpable(1)
    reader, ready = kernel.pipe2(0)
    go, goer = kernel.pipe2(0)
    other = kernel.clone(Signal.CHLD, in_a_user_namespace, ready, go)
    kernel.read(reader, 1)
    found = []
    for most in (2, 3):
        kernel.setrlimit(Rlimit.NPROC, Limit(most, 3))
        found.append(errno_of(kernel.clone, Signal.CHLD, exit_at_once))
        if not found[-1]:
            kernel.wait4(-1)
    kernel.write(goer, b"x")
    kernel.wait4(other)
    return found


@case
def processes_in_a_users_own_namespace_are_still_that_users(kernel: Kernel) -> None:
    expect("the errnos", in_child(kernel, count_processes), [EAGAIN, 0])
