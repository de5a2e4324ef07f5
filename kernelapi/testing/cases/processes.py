"""Laws of processes: numbers, parents, clone's flags, exit, waiting, orphans, the init of a pid namespace."""

from errno import EAGAIN, ECHILD, EINVAL, ENOMEM, ESPIPE, ESRCH

from kernelapi.capability import EMPTY, Cap, CapSet
from kernelapi.flags import CloneFlag, Disposition, FdFlag, OpenFlag, Rlimit, Signal, SigprocmaskHow, WaitFlag
from kernelapi.ids import Fd, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, read_all, refused
from kernelapi.values import CapData, Limit

MILLISECOND = 1_000_000


# -- programs --


def exit_with(kernel: Kernel, status: int) -> int:
    return status


def die_by(kernel: Kernel, signal: int) -> None:
    kernel.kill(kernel.getpid(), signal)


def wait_for_end_of(kernel: Kernel, reader: Fd, writer: Fd) -> int:
    """Live until nobody holds the other end of a pipe any more."""
    kernel.close(writer)
    kernel.read(reader, 1)
    return 0


def family(kernel: Kernel) -> tuple[Pid, Pid, Pid]:
    return kernel.getpid(), kernel.gettid(), kernel.getppid()


def orphan(kernel: Kernel, go: Fd, answer: Fd) -> None:
    """Once told that its parent is gone, say who the parent is now."""
    kernel.read(go, 1)
    kernel.write(answer, str(kernel.getppid()).encode())


def leave_an_orphan(kernel: Kernel, go: Fd, answer: Fd, flags: int = 0) -> None:
    kernel.clone(flags | Signal.CHLD, orphan, go, answer)


def adopter(kernel: Kernel, flags: int = 0) -> int:
    """Who the parent of a grandchild is after its parent has ended."""
    go_reader, go = kernel.pipe2(0)
    reader, answer = kernel.pipe2(0)
    pid = kernel.clone(flags | Signal.CHLD, leave_an_orphan, go_reader, answer)
    kernel.wait4(pid)
    kernel.write(go, b"!")
    kernel.close(answer)
    return int(read_all(kernel, reader))


def wait_until_pending(kernel: Kernel, signal: int) -> None:
    while signal not in kernel.rt_sigpending():
        kernel.clock_nanosleep(1, 0, MILLISECOND)


# -- numbers --


@case
def a_child_has_a_number_of_its_own_and_knows_its_parent(kernel: Kernel) -> None:
    me = kernel.getpid()
    pid, tid, parent = in_child(kernel, family)
    expect("the parent", parent, me)
    expect("the thread's number", tid, pid)
    expect("whether it is another process", pid != me, True)
    expect("the parent of the case", kernel.getppid(), 1)


@case
def the_first_process_of_a_pid_namespace_is_1_and_its_parent_is_not_seen(kernel: Kernel) -> None:
    expect("pid, tid and ppid", in_child(kernel, family, flags=CloneFlag.NEWPID), (1, 1, 0))


@case
def a_parent_sees_the_number_of_its_own_pid_namespace(kernel: Kernel) -> None:
    pid = kernel.clone(CloneFlag.NEWPID | Signal.CHLD, exit_with, 3)
    expect("whether it is a number of this namespace", pid > kernel.getpid(), True)
    expect("who has ended", kernel.wait4(-1), (pid, 3 << 8))


@case
def unshared_pid_namespaces_are_for_children_only(kernel: Kernel) -> None:
    me = kernel.getpid()
    kernel.unshare(CloneFlag.NEWPID)
    expect("the own number", kernel.getpid(), me)
    expect("the number of the first child", in_child(kernel, family)[0], 1)


@case
def a_pid_namespace_without_its_init_bears_nobody(kernel: Kernel) -> None:
    kernel.unshare(CloneFlag.NEWPID)
    kernel.wait4(kernel.clone(Signal.CHLD, exit_with, 0))
    refused(ENOMEM, kernel.clone, Signal.CHLD, exit_with, 0)
    refused(ENOMEM, kernel.clone, Signal.CHLD, exit_with, 0)


# -- clone --


@case
def clone_refuses_half_a_thread(kernel: Kernel) -> None:
    refused(EINVAL, kernel.clone, CloneFlag.THREAD, exit_with, 0)
    refused(EINVAL, kernel.clone, CloneFlag.SIGHAND | Signal.CHLD, exit_with, 0)
    refused(EINVAL, kernel.clone, CloneFlag.THREAD | CloneFlag.SIGHAND, exit_with, 0)


@case
def clone_refuses_shared_directories_with_new_mounts_or_users(kernel: Kernel) -> None:
    refused(EINVAL, kernel.clone, CloneFlag.NEWNS | CloneFlag.FS | Signal.CHLD, exit_with, 0)
    refused(EINVAL, kernel.clone, CloneFlag.NEWUSER | CloneFlag.FS | Signal.CHLD, exit_with, 0)


def make_a_sibling(kernel: Kernel) -> int:
    return kernel.clone(CloneFlag.PARENT | Signal.USR1, exit_with, 5)


@case
def clone_parent_makes_a_sibling_with_the_exit_signal_of_the_caller(kernel: Kernel) -> None:
    sibling = in_child(kernel, make_a_sibling)
    expect("whom the parent waits for", kernel.wait4(-1), (sibling, 5 << 8))


@case
def clone_parent_is_refused_to_the_init_of_a_pid_namespace(kernel: Kernel) -> None:
    refused(EINVAL, in_child_of, kernel, CloneFlag.NEWPID)


def in_child_of(kernel: Kernel, flags: int) -> int:
    return in_child(kernel, make_a_sibling, flags=flags)


def fork_as_user_1000(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.NPROC, Limit(1, 1))
    expect("root's fork", kernel.wait4(kernel.clone(Signal.CHLD, exit_with, 0))[1], 0)
    kernel.setuid(Uid(61234))
    kernel.clone(Signal.CHLD, exit_with, 0)


@case
def the_process_limit_counts_for_users_and_not_for_root(kernel: Kernel) -> None:
    refused(EAGAIN, in_child, kernel, fork_as_user_1000)


def fork_with_a_capability(kernel: Kernel, cap: Cap) -> None:
    kernel.setrlimit(Rlimit.NPROC, Limit(1, 1))
    kernel.prctl_set_keepcaps(1)
    kernel.setuid(Uid(61235))
    kernel.capset(Pid(0), CapData(CapSet.of(cap), CapSet.of(cap), EMPTY))
    kernel.wait4(kernel.clone(Signal.CHLD, exit_with, 0))


@case
def the_process_limit_does_not_count_for_who_administers(kernel: Kernel) -> None:
    in_child(kernel, fork_with_a_capability, Cap.SYS_ADMIN)
    refused(EAGAIN, in_child, kernel, fork_with_a_capability, Cap.CHOWN)


def close_and_chdir(kernel: Kernel, fd: Fd) -> None:
    kernel.close(fd)
    kernel.umask(0o077)


@case
def a_child_has_copies_unless_they_are_shared(kernel: Kernel) -> None:
    reader, _ = kernel.pipe2(0)
    in_child(kernel, close_and_chdir, reader)
    expect("the descriptor's flags", kernel.fcntl_getfd(reader), 0)
    expect("the umask", kernel.umask(0o022), 0o022)
    kernel.wait4(kernel.clone(CloneFlag.FILES | CloneFlag.FS | Signal.CHLD, close_and_chdir, reader))
    expect("the umask", kernel.umask(0o022), 0o077)
    refused(9, kernel.fcntl_getfd, reader)


def write_later(kernel: Kernel, fd: Fd) -> None:
    kernel.clock_nanosleep(1, 0, 20 * MILLISECOND)
    kernel.write(fd, b"child ")


@case
def a_vfork_parent_waits_for_the_end_of_its_child(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    kernel.clone(CloneFlag.VFORK | Signal.CHLD, write_later, writer)
    kernel.write(writer, b"parent")
    kernel.close(writer)
    expect("who wrote first", read_all(kernel, reader), b"child parent")


def what_fork_passed_on(kernel: Kernel) -> tuple[object, ...]:
    return (
        sorted(kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, None)),
        kernel.rt_sigaction(Signal.HUP, None),
        kernel.rt_sigpending(),
        kernel.prctl_get_pdeathsig(),
        kernel.prctl_get_child_subreaper(),
    )


@case
def a_child_inherits_what_is_blocked_and_ignored_but_not_what_is_pending(kernel: Kernel) -> None:
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.USR1}))
    kernel.rt_sigaction(Signal.HUP, Disposition.IGNORE)
    kernel.kill(kernel.getpid(), Signal.USR1)
    kernel.prctl_set_pdeathsig(Signal.TERM)
    kernel.prctl_set_child_subreaper(1)
    inherited: object = ([Signal.USR1], Disposition.IGNORE, frozenset(), 0, False)
    expect("what the child has", in_child(kernel, what_fork_passed_on), inherited)


# -- exit and wait --


@case
def an_exit_status_keeps_its_low_eight_bits(kernel: Kernel) -> None:
    for given, kept in ((0, 0), (7, 7), (256, 0), (0x1FF, 0xFF), (-1, 0xFF)):
        expect(f"the status word of exit({given})", kernel.wait4(kernel.clone(Signal.CHLD, exit_with, given))[1], kept << 8)


@case
def a_death_by_signal_is_the_low_byte_of_the_status_word(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.CORE, Limit(0, 0))
    for signal in (Signal.TERM, Signal.KILL, Signal.USR1, Signal.SEGV, Signal.ALRM, 34, 64):
        expect("the status word", kernel.wait4(kernel.clone(Signal.CHLD, die_by, signal))[1], signal)


@case
def some_signals_do_nothing_by_default(kernel: Kernel) -> None:
    for signal in (Signal.CHLD, Signal.WINCH, Signal.URG, Signal.CONT):
        expect("the status word", kernel.wait4(kernel.clone(Signal.CHLD, die_by, signal))[1], 0)


@case
def waiting_without_children_is_refused(kernel: Kernel) -> None:
    refused(ECHILD, kernel.wait4, -1)
    refused(ECHILD, kernel.wait4, -1, WaitFlag.NOHANG)
    refused(ECHILD, kernel.wait4, kernel.getppid())
    refused(ECHILD, kernel.wait4, 0)
    refused(ECHILD, kernel.wait4, 99999)
    refused(EINVAL, kernel.wait4, -1, 4)
    refused(ESRCH, kernel.wait4, -(2**31))


@case
def a_child_is_waited_for_once(kernel: Kernel) -> None:
    pid = kernel.clone(Signal.CHLD, exit_with, 1)
    expect("the first answer", kernel.wait4(pid), (pid, 1 << 8))
    refused(ECHILD, kernel.wait4, pid)
    refused(ESRCH, kernel.kill, pid, 0)


@case
def wait_with_nohang_does_not_wait(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    pid = kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)
    expect("the answer while it lives", kernel.wait4(pid, WaitFlag.NOHANG), (0, 0))
    kernel.close(writer)
    expect("the answer in the end", kernel.wait4(pid), (pid, 0))


@case
def a_zombie_keeps_its_number_until_it_is_waited_for(kernel: Kernel) -> None:
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.CHLD}))
    pid = kernel.clone(Signal.CHLD, exit_with, 0)
    wait_until_pending(kernel, Signal.CHLD)
    kernel.kill(pid, Signal.KILL)
    expect("its group", kernel.getpgid(pid), kernel.getpgid(Pid(0)))
    expect("how it ended", kernel.wait4(pid), (pid, 0))


@case
def of_several_zombies_the_one_born_first_is_reaped_first(kernel: Kernel) -> None:
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.CHLD}))
    reader, writer = kernel.pipe2(0)
    elder = kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)
    younger = kernel.clone(Signal.CHLD, exit_with, 0)
    wait_until_pending(kernel, Signal.CHLD)
    kernel.rt_sigaction(Signal.CHLD, Disposition.DEFAULT)  # which forgets the signal that is pending
    expect("what is pending", kernel.rt_sigpending(), frozenset())
    kernel.close(writer)
    wait_until_pending(kernel, Signal.CHLD)
    expect("the first", kernel.wait4(-1)[0], elder)
    expect("the second", kernel.wait4(-1)[0], younger)


@case
def who_ignores_sigchld_has_no_zombies_and_waits_for_the_last_child(kernel: Kernel) -> None:
    kernel.rt_sigaction(Signal.CHLD, Disposition.IGNORE)
    reader, writer = kernel.pipe2(0)
    pid = kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)
    expect("the answer while it lives", kernel.wait4(-1, WaitFlag.NOHANG), (0, 0))
    kernel.close(writer)
    refused(ECHILD, kernel.wait4, -1)
    refused(ESRCH, kernel.kill, pid, 0)


@case
def a_child_without_sigchld_is_waited_for_only_with_wall_or_wclone(kernel: Kernel) -> None:
    pid = kernel.clone(Signal.USR1, exit_with, 2) if ignoring(kernel, Signal.USR1) else Pid(0)
    refused(ECHILD, kernel.wait4, pid)
    expect("with __WALL", kernel.wait4(-1, WaitFlag.WALL), (pid, 2 << 8))
    pid = kernel.clone(0, exit_with, 3)
    refused(ECHILD, kernel.wait4, -1)
    expect("with __WCLONE", kernel.wait4(-1, WaitFlag.WCLONE), (pid, 3 << 8))
    pid = kernel.clone(Signal.CHLD, exit_with, 4)
    refused(ECHILD, kernel.wait4, -1, WaitFlag.WCLONE)


def ignoring(kernel: Kernel, signal: int) -> bool:
    kernel.rt_sigaction(signal, Disposition.IGNORE)
    return True


def has_a_deadly_child(kernel: Kernel) -> None:
    kernel.clone(Signal.TERM, exit_with, 0)
    kernel.wait4(-1, WaitFlag.WALL)
    kernel.clock_nanosleep(1, 0, 10_000 * MILLISECOND)


@case
def the_exit_signal_of_a_child_can_end_its_parent(kernel: Kernel) -> None:
    pid = kernel.clone(Signal.CHLD, has_a_deadly_child)
    expect("how the parent ended", kernel.wait4(pid), (pid, Signal.TERM))


@case
def wait_selects_by_process_group(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    same = kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)
    other = kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)
    kernel.setpgid(other, Pid(0))
    kernel.close(writer)
    refused(ECHILD, kernel.wait4, -same)
    expect("of the other group", kernel.wait4(-other), (other, 0))
    refused(ECHILD, kernel.wait4, -other)
    expect("of the own group", kernel.wait4(0), (same, 0))


@case
def stops_and_continues_are_told_once_to_who_asks(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    pid = kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)
    kernel.kill(pid, Signal.STOP)
    expect("the stop", kernel.wait4(pid, WaitFlag.UNTRACED), (pid, Signal.STOP << 8 | 0x7F))
    expect("once", kernel.wait4(pid, WaitFlag.UNTRACED | WaitFlag.NOHANG), (0, 0))
    kernel.kill(pid, Signal.TERM)
    expect("it takes no signals", kernel.wait4(pid, WaitFlag.NOHANG), (0, 0))
    kernel.kill(pid, Signal.CONT)
    expect("the end by what came meanwhile", kernel.wait4(pid), (pid, Signal.TERM))
    pid = kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)
    kernel.setpgid(pid, Pid(0))
    kernel.kill(pid, Signal.TSTP)
    expect("the stop", kernel.wait4(pid, WaitFlag.UNTRACED), (pid, Signal.TSTP << 8 | 0x7F))
    kernel.kill(pid, Signal.CONT)
    expect("the continue", kernel.wait4(pid, WaitFlag.CONTINUED), (pid, 0xFFFF))
    expect("once", kernel.wait4(pid, WaitFlag.CONTINUED | WaitFlag.NOHANG), (0, 0))
    kernel.kill(pid, Signal.STOP)
    kernel.kill(pid, Signal.KILL)
    expect("the end of a stopped one", kernel.wait4(pid), (pid, Signal.KILL))


# -- orphans --


@case
def an_orphan_is_given_to_init(kernel: Kernel) -> None:
    expect("its parent", adopter(kernel), 1)


def adopter_below_a_subreaper(kernel: Kernel, flags: int = 0) -> tuple[Pid, int]:
    kernel.prctl_set_child_subreaper(1)
    return kernel.getpid(), adopter(kernel, flags)


@case
def an_orphan_is_given_to_the_nearest_subreaper(kernel: Kernel) -> None:
    kernel.prctl_set_child_subreaper(1)
    subreaper, parent = in_child(kernel, adopter_below_a_subreaper)
    expect("its parent", parent, subreaper)
    expect("the status of who was inherited from it", kernel.wait4(-1)[1], 0)
    refused(ECHILD, kernel.wait4, -1)


@case
def who_becomes_subreaper_gets_the_orphans_of_children_made_before(kernel: Kernel) -> None:
    go_reader, go = kernel.pipe2(0)
    reader, answer = kernel.pipe2(0)
    stay_reader, stay = kernel.pipe2(0)
    pid = kernel.clone(Signal.CHLD, leave_an_orphan_when_told, stay_reader, stay, go_reader, answer)
    kernel.close(answer)
    kernel.prctl_set_child_subreaper(1)
    kernel.close(stay)
    kernel.wait4(pid)
    kernel.write(go, b"!")
    expect("its parent", int(read_all(kernel, reader)), kernel.getpid())
    kernel.prctl_set_child_subreaper(0)
    expect("who is reaped", kernel.wait4(-1)[1], 0)


def leave_an_orphan_when_told(kernel: Kernel, stay: Fd, writer: Fd, go: Fd, answer: Fd) -> None:
    kernel.close(writer)
    kernel.clone(Signal.CHLD, orphan, go, answer)
    kernel.read(stay, 1)


@case
def a_subreaper_outside_the_pid_namespace_gets_nobody(kernel: Kernel) -> None:
    kernel.prctl_set_child_subreaper(1)
    expect("the parent inside", in_child(kernel, adopter, flags=CloneFlag.NEWPID), 1)


@case
def a_parent_outside_stays_0_when_it_dies(kernel: Kernel) -> None:
    go_reader, go = kernel.pipe2(0)
    reader, answer = kernel.pipe2(0)
    pid = kernel.clone(Signal.CHLD, leave_an_orphan, go_reader, answer, CloneFlag.NEWPID)
    kernel.wait4(pid)
    kernel.write(go, b"!")
    kernel.close(answer)
    expect("the parent", int(read_all(kernel, reader)), 0)


def leave_a_zombie(kernel: Kernel, fd: Fd) -> None:
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.CHLD}))
    pid = kernel.clone(Signal.CHLD, exit_with, 9)
    wait_until_pending(kernel, Signal.CHLD)
    kernel.write(fd, str(pid).encode())


@case
def a_zombie_is_inherited_by_the_subreaper(kernel: Kernel) -> None:
    kernel.prctl_set_child_subreaper(1)
    reader, writer = kernel.pipe2(0)
    kernel.wait4(kernel.clone(Signal.CHLD, leave_a_zombie, writer))
    kernel.close(writer)
    zombie = int(read_all(kernel, reader))
    expect("the zombie", kernel.wait4(-1), (zombie, 9 << 8))


# -- the init of a pid namespace --


def init_with_a_child(kernel: Kernel, reader: Fd, writer: Fd) -> None:
    kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)
    kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)


@case
def with_its_init_a_pid_namespace_ends(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    pipe_reader, pipe_writer = kernel.pipe2(0)
    pid = kernel.clone(CloneFlag.NEWPID | Signal.CHLD, init_with_a_child, reader, writer)
    kernel.close(pipe_writer)
    kernel.wait4(pid)
    expect("what is left to hold the pipe", read_all(kernel, pipe_reader), b"")
    refused(ESRCH, kernel.kill, pid + 1, 0)


def wait_for_ever(kernel: Kernel, reader: Fd, *to_close: Fd) -> None:
    for fd in to_close:
        kernel.close(fd)
    kernel.read(reader, 1)


@case
def an_init_can_be_waited_for_when_the_members_born_outside_are_reaped(kernel: Kernel) -> None:
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.CHLD}))
    never, _ = kernel.pipe2(0)
    reader, writer = kernel.pipe2(0)
    kernel.unshare(CloneFlag.NEWPID)
    init = kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)
    member = kernel.clone(Signal.CHLD, wait_for_ever, never, reader, writer)
    kernel.close(writer)
    wait_until_pending(kernel, Signal.CHLD)  # from the member, which was killed with init
    expect("the init", kernel.wait4(init, WaitFlag.NOHANG), (0, 0))
    expect("the member", kernel.wait4(-1), (member, Signal.KILL))
    expect("the init", kernel.wait4(-1), (init, 0))


@case
def an_init_that_ends_leaves_the_zombies_of_others_to_them(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    kernel.unshare(CloneFlag.NEWPID)
    init = kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.CHLD}))
    member = kernel.clone(Signal.CHLD, exit_with, 5)
    wait_until_pending(kernel, Signal.CHLD)
    kernel.kill(init, Signal.KILL)
    expect("the init", kernel.wait4(init, WaitFlag.NOHANG), (0, 0))
    expect("the member", kernel.wait4(member), (member, 5 << 8))
    expect("the init", kernel.wait4(init), (init, Signal.KILL))


# -- pidfd --


@case
def a_pidfd_is_close_on_exec_and_needs_a_process(kernel: Kernel) -> None:
    fd = kernel.pidfd_open(kernel.getpid())
    expect("its flags", kernel.fcntl_getfd(fd), FdFlag.CLOEXEC)
    expect("its other flags", kernel.fcntl_getfl(fd), OpenFlag.RDWR)
    nonblocking = kernel.pidfd_open(kernel.getpid(), OpenFlag.NONBLOCK)
    expect("its flags", kernel.fcntl_getfl(nonblocking), OpenFlag.RDWR | OpenFlag.NONBLOCK)
    expect("whether it is the same file", kernel.fstat(fd).ino == kernel.fstat(nonblocking).ino, True)
    expect("whether it is that of init", kernel.fstat(kernel.pidfd_open(Pid(1))).ino == kernel.fstat(fd).ino, False)
    refused(EINVAL, kernel.read, fd, 1)
    refused(EINVAL, kernel.write, fd, b"")
    refused(ESPIPE, kernel.lseek, fd, 0)
    refused(EINVAL, kernel.pidfd_open, kernel.getpid(), 1)
    refused(EINVAL, kernel.pidfd_open, 0)
    refused(EINVAL, kernel.pidfd_open, -1)
    refused(ESRCH, kernel.pidfd_open, 99999)


def leave_children_of_other_exit_signals(kernel: Kernel, reader: Fd, writer: Fd) -> int:
    for signal in (0, Signal.CONT, Signal.TERM, 100):
        kernel.clone(signal, wait_for_end_of, reader, writer)
    return 5


@case
def the_init_of_a_pid_namespace_ends_whatever_the_exit_signals_of_its_children(kernel: Kernel) -> None:
    pid = kernel.clone(CloneFlag.NEWPID | Signal.CHLD, leave_children_of_other_exit_signals, *kernel.pipe2(0))
    expect("how it ended", kernel.wait4(pid), (pid, 5 << 8))


def wait_for_the_group(kernel: Kernel) -> int:
    kernel.setpgid(Pid(0), Pid(0))
    kernel.clone(Signal.CHLD, leave_the_group_and_end_the_parent)
    refused(ECHILD, kernel.wait4, 0)
    return 1


def leave_the_group_and_end_the_parent(kernel: Kernel) -> None:
    kernel.clock_nanosleep(1, 0, 50 * MILLISECOND)
    kernel.setpgid(Pid(0), Pid(0))
    kernel.clock_nanosleep(1, 0, 50 * MILLISECOND)
    kernel.kill(kernel.getppid(), Signal.KILL)


@case
def a_waiting_parent_is_not_told_that_its_last_child_has_left_the_group(kernel: Kernel) -> None:
    pid = kernel.clone(Signal.CHLD, wait_for_the_group)
    expect("how it ended", kernel.wait4(pid), (pid, Signal.KILL))


def wait_and_execute(kernel: Kernel) -> None:
    kernel.clock_nanosleep(1, 0, 50 * MILLISECOND)
    kernel.execve("/bin/true", ("true",), ())


@case(tree=True)
def a_waiting_parent_is_told_of_a_child_that_became_one_to_wait_for_by_exec(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)
    pid = kernel.clone(0, wait_and_execute)
    expect("who ended", kernel.wait4(-1), (pid, 0))


@case(tree=True)
def a_wait_for_children_without_sigchld_ends_with_one_that_got_it_by_exec(kernel: Kernel) -> None:
    pid = kernel.clone(0, wait_and_execute)
    refused(ECHILD, kernel.wait4, -1, WaitFlag.WCLONE)
    expect("who ended", kernel.wait4(-1), (pid, 0))
