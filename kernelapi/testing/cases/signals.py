"""Laws of signals: who may send, who is immune, what is blocked, ignored, pending; parent death signals."""

from errno import ECHILD, EINVAL, EPERM, ESRCH

from kernelapi.flags import CloneFlag, Disposition, Rlimit, Signal, SigprocmaskHow, WaitFlag
from kernelapi.ids import Fd, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, read_all, refused
from kernelapi.testing.cases.processes import MILLISECOND, exit_with, wait_for_ever, wait_until_pending
from kernelapi.values import Limit

NOBODY = -(2**31)


# -- programs --


def kill_as(kernel: Kernel, uid: int, pid: int, signal: int) -> None:
    kernel.setuid(Uid(uid))
    kernel.kill(pid, signal)


def live_as(kernel: Kernel, real: int, effective: int, saved: int, ready: Fd, reader: Fd) -> None:
    kernel.setresuid(real, effective, saved)
    kernel.close(ready)
    kernel.read(reader, 1)


def living(kernel: Kernel, real: int, effective: int, saved: int) -> Pid:
    """A child with these user ids, that lives until it is killed."""
    reader, _ = kernel.pipe2(0)
    ready, writer = kernel.pipe2(0)
    pid = kernel.clone(Signal.CHLD, live_as, real, effective, saved, writer, reader)
    kernel.close(writer)
    kernel.read(ready, 1)
    kernel.close(ready)
    return pid


def ended_by(kernel: Kernel, pid: Pid) -> int:
    """The status word of a child that has to end now."""
    return kernel.wait4(pid)[1]


# -- who may send --


@case
def signal_0_only_checks(kernel: Kernel) -> None:
    pid = living(kernel, 0, 0, 0)
    kernel.kill(pid, 0)
    expect("whether it lives", kernel.wait4(pid, WaitFlag.NOHANG), (0, 0))
    refused(ESRCH, kernel.kill, 99999, 0)
    refused(ESRCH, kernel.kill, -99999, 0)
    refused(ESRCH, kernel.kill, NOBODY, 0)


@case
def a_signal_number_is_looked_at_after_the_process_and_before_the_permission(kernel: Kernel) -> None:
    refused(EINVAL, kernel.kill, kernel.getpid(), 65)
    refused(EINVAL, kernel.kill, kernel.getpid(), -1)
    refused(ESRCH, kernel.kill, 99999, 65)
    refused(EINVAL, in_child, kernel, kill_as, 1000, kernel.getpid(), 65)


@case
def a_user_may_signal_only_processes_of_its_own(kernel: Kernel) -> None:
    other = living(kernel, 1001, 1001, 1001)
    refused(EPERM, in_child, kernel, kill_as, 1000, other, 0)
    refused(EPERM, in_child, kernel, kill_as, 1000, other, Signal.TERM)
    refused(EPERM, in_child, kernel, kill_as, 1000, 1, 0)
    in_child(kernel, kill_as, 1001, other, Signal.TERM)
    expect("how it ended", ended_by(kernel, other), Signal.TERM)


@case
def real_and_saved_ids_of_the_target_count_and_its_effective_one_does_not(kernel: Kernel) -> None:
    for real, effective, saved, allowed in ((1000, 0, 0, True), (0, 0, 1000, True), (0, 1000, 0, False)):
        pid = living(kernel, real, effective, saved)
        if allowed:
            in_child(kernel, kill_as, 1000, pid, 0)
        else:
            refused(EPERM, in_child, kernel, kill_as, 1000, pid, 0)


def kill_with(kernel: Kernel, real: int, effective: int, saved: int, pid: int) -> None:
    kernel.setresuid(real, effective, saved)
    kernel.kill(pid, 0)


@case
def real_and_effective_ids_of_the_sender_count_and_its_saved_one_does_not(kernel: Kernel) -> None:
    pid = living(kernel, 1000, 1000, 1000)
    in_child(kernel, kill_with, 1000, 1001, 1001, pid)
    in_child(kernel, kill_with, 1001, 1000, 1001, pid)
    refused(EPERM, in_child, kernel, kill_with, 1001, 1001, 1000, pid)


def continue_from_another_session(kernel: Kernel, pid: int) -> None:
    kernel.setsid()
    kernel.setuid(Uid(1000))
    kernel.kill(pid, Signal.CONT)


@case
def sigcont_may_be_sent_to_anybody_within_the_session(kernel: Kernel) -> None:
    other = living(kernel, 1001, 1001, 1001)
    in_child(kernel, kill_as, 1000, other, Signal.CONT)
    refused(EPERM, in_child, kernel, continue_from_another_session, other)


def kill_self_as(kernel: Kernel, signal: int) -> None:
    kernel.setresuid(1000, 1001, 1001)
    kernel.kill(kernel.getpid(), signal)


@case
def a_process_may_always_signal_itself(kernel: Kernel) -> None:
    expect("how it ended", ended_by(kernel, kernel.clone(Signal.CHLD, kill_self_as, Signal.TERM)), Signal.TERM)


def kill_group_as(kernel: Kernel, uid: int, group: int, signal: int) -> None:
    kernel.setuid(Uid(uid))
    kernel.kill(-group, signal)


@case
def a_group_is_signalled_if_one_of_it_may_be(kernel: Kernel) -> None:
    mine, other = living(kernel, 1000, 1000, 1000), living(kernel, 1001, 1001, 1001)
    kernel.setpgid(mine, mine)
    kernel.setpgid(other, mine)
    in_child(kernel, kill_group_as, 1000, mine, Signal.TERM)
    expect("how the own one ended", ended_by(kernel, mine), Signal.TERM)
    expect("the other one", kernel.wait4(other, WaitFlag.NOHANG), (0, 0))
    refused(EPERM, in_child, kernel, kill_group_as, 1000, mine, Signal.TERM)
    kernel.kill(-mine, Signal.KILL)
    expect("how the other one ended", ended_by(kernel, other), Signal.KILL)
    refused(ESRCH, kernel.kill, -mine, 0)


def kill_own_group(kernel: Kernel, ready: Fd, reader: Fd) -> None:
    kernel.setpgid(Pid(0), Pid(0))
    kernel.clone(Signal.CHLD, exit_of_group, ready, reader)
    kernel.close(ready)
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.TERM}))
    kernel.kill(0, Signal.TERM)
    kernel.clock_nanosleep(1, 0, 1)
    status = kernel.wait4(-1)[1]
    if status == Signal.TERM and Signal.TERM in kernel.rt_sigpending():
        kernel.rt_sigprocmask(SigprocmaskHow.UNBLOCK, frozenset({Signal.TERM}))


def exit_of_group(kernel: Kernel, ready: Fd, reader: Fd) -> None:
    kernel.close(ready)
    kernel.read(reader, 1)


@case
def kill_0_reaches_the_own_group_and_the_caller(kernel: Kernel) -> None:
    never, _ = kernel.pipe2(0)
    _, ready = kernel.pipe2(0)
    expect("how it ended", ended_by(kernel, kernel.clone(Signal.CHLD, kill_own_group, ready, never)), Signal.TERM)


def kill_everybody(kernel: Kernel, never: Fd) -> tuple[int, int, int]:
    kernel.clone(Signal.CHLD, wait_for_ever, never)
    caller = kernel.clone(Signal.CHLD, kill_all_but_init, Signal.KILL)
    expect("the caller", kernel.wait4(caller), (caller, 0))
    return kernel.wait4(-1)[1], kernel.getpid(), len(kernel.rt_sigpending())


def kill_all_but_init(kernel: Kernel, signal: int) -> None:
    kernel.kill(-1, signal)


@case
def kill_minus_1_spares_init_and_the_caller(kernel: Kernel) -> None:
    never, _ = kernel.pipe2(0)
    expect("the other's end", in_child(kernel, kill_everybody, never, flags=CloneFlag.NEWPID)[0], Signal.KILL)
    refused(ESRCH, in_child_alone, kernel)


def in_child_alone(kernel: Kernel) -> None:
    in_child(kernel, kill_all_but_init, 0, flags=CloneFlag.NEWPID)


def kill_all_as(kernel: Kernel, never: Fd) -> None:
    kernel.clone(Signal.CHLD, wait_for_ever, never)
    in_child(kernel, kill_as, 1000, -1, Signal.KILL)
    expect("the other one", kernel.wait4(-1, WaitFlag.NOHANG), (0, 0))


@case
def kill_minus_1_succeeds_even_where_nobody_may_be_signalled(kernel: Kernel) -> None:
    never, _ = kernel.pipe2(0)
    in_child(kernel, kill_all_as, never, flags=CloneFlag.NEWPID)


# -- init --


def signal_yourself(kernel: Kernel) -> int:
    for signal in (Signal.TERM, Signal.KILL, Signal.STOP, Signal.SEGV, 64):
        kernel.kill(kernel.getpid(), signal)
    return in_child(kernel, signal_init)


def signal_init(kernel: Kernel) -> int:
    kernel.kill(1, Signal.KILL)
    kernel.kill(1, Signal.STOP)
    return kernel.getppid()


@case
def the_init_of_a_pid_namespace_is_immune_from_inside(kernel: Kernel) -> None:
    expect("who lives on", in_child(kernel, signal_yourself, flags=CloneFlag.NEWPID), 1)
    kernel.kill(1, Signal.KILL)


@case
def from_outside_only_kill_and_stop_reach_the_init_of_a_pid_namespace(kernel: Kernel) -> None:
    never, _ = kernel.pipe2(0)
    pid = kernel.clone(CloneFlag.NEWPID | Signal.CHLD, wait_for_ever, never)
    kernel.kill(pid, Signal.TERM)
    kernel.kill(pid, Signal.SEGV)
    kernel.kill(pid, Signal.STOP)
    expect("the stop", kernel.wait4(pid, WaitFlag.UNTRACED), (pid, Signal.STOP << 8 | 0x7F))
    kernel.kill(pid, Signal.CONT)
    expect("whether it lives", kernel.wait4(pid, WaitFlag.NOHANG), (0, 0))
    kernel.kill(pid, Signal.KILL)
    expect("its end", kernel.wait4(pid), (pid, Signal.KILL))


def unblock_late(kernel: Kernel) -> bool:
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.TERM}))
    kernel.kill(kernel.getpid(), Signal.TERM)
    was_pending = Signal.TERM in kernel.rt_sigpending()
    kernel.rt_sigprocmask(SigprocmaskHow.UNBLOCK, frozenset({Signal.TERM}))
    return was_pending and not kernel.rt_sigpending()


@case
def what_an_init_has_blocked_is_pending_and_then_dropped(kernel: Kernel) -> None:
    expect("whether it lives on", in_child(kernel, unblock_late, flags=CloneFlag.NEWPID), True)


# -- dispositions and masks --


@case
def kill_and_stop_have_no_disposition_but_the_default(kernel: Kernel) -> None:
    for signal in (Signal.KILL, Signal.STOP):
        refused(EINVAL, kernel.rt_sigaction, signal, Disposition.IGNORE)
        refused(EINVAL, kernel.rt_sigaction, signal, Disposition.DEFAULT)
        expect("what may be asked", kernel.rt_sigaction(signal, None), Disposition.DEFAULT)
    refused(EINVAL, kernel.rt_sigaction, 0, None)
    refused(EINVAL, kernel.rt_sigaction, 65, None)
    expect("the last one", kernel.rt_sigaction(64, Disposition.IGNORE), Disposition.DEFAULT)
    expect("what it was set to", kernel.rt_sigaction(64, None), Disposition.IGNORE)


@case
def an_ignored_signal_does_nothing(kernel: Kernel) -> None:
    kernel.rt_sigaction(Signal.TERM, Disposition.IGNORE)
    kernel.kill(kernel.getpid(), Signal.TERM)
    expect("what is pending", kernel.rt_sigpending(), frozenset())


@case
def what_becomes_ignored_is_no_longer_pending(kernel: Kernel) -> None:
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.TERM, Signal.CHLD, Signal.USR1}))
    for signal in (Signal.TERM, Signal.CHLD, Signal.USR1):
        kernel.kill(kernel.getpid(), signal)
        kernel.kill(kernel.getpid(), signal)
    expect("what is pending", kernel.rt_sigpending(), frozenset({Signal.TERM, Signal.CHLD, Signal.USR1}))
    kernel.rt_sigaction(Signal.TERM, Disposition.IGNORE)
    kernel.rt_sigaction(Signal.CHLD, Disposition.DEFAULT)
    kernel.rt_sigaction(Signal.USR1, Disposition.DEFAULT)
    expect("what is pending", kernel.rt_sigpending(), frozenset({Signal.USR1}))


@case
def an_ignored_signal_that_is_blocked_is_pending(kernel: Kernel) -> None:
    kernel.rt_sigaction(Signal.TERM, Disposition.IGNORE)
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.TERM}))
    kernel.kill(kernel.getpid(), Signal.TERM)
    expect("what is pending", kernel.rt_sigpending(), frozenset({Signal.TERM}))
    kernel.rt_sigprocmask(SigprocmaskHow.UNBLOCK, frozenset({Signal.TERM}))
    expect("what is pending", kernel.rt_sigpending(), frozenset())


def unblock_two(kernel: Kernel) -> None:
    both = frozenset({Signal.TERM, Signal.SEGV, Signal.HUP})
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, both)
    for signal in (Signal.TERM, Signal.SEGV, Signal.HUP):
        kernel.kill(kernel.getpid(), signal)
    kernel.rt_sigprocmask(SigprocmaskHow.UNBLOCK, both)


@case
def of_several_pending_signals_a_fault_comes_first(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.CORE, Limit(0, 0))
    expect("what it died of", ended_by(kernel, kernel.clone(Signal.CHLD, unblock_two)), Signal.SEGV)


@case
def masks_are_replaced_widened_and_narrowed_but_never_hold_kill(kernel: Kernel) -> None:
    everything = frozenset(range(1, 65))
    expect("before", kernel.rt_sigprocmask(SigprocmaskHow.SETMASK, everything), frozenset())
    expect("without two", kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, None), everything - {Signal.KILL, Signal.STOP})
    kernel.rt_sigprocmask(SigprocmaskHow.SETMASK, frozenset({Signal.HUP}))
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.TERM, 64}))
    kernel.rt_sigprocmask(SigprocmaskHow.UNBLOCK, frozenset({Signal.HUP}))
    expect("in the end", kernel.rt_sigprocmask(7, None), frozenset({Signal.TERM, 64}))
    refused(EINVAL, kernel.rt_sigprocmask, 7, frozenset({Signal.HUP}))


@case
def a_stop_and_a_continue_forget_each_other(kernel: Kernel) -> None:
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.TSTP, Signal.TTIN, Signal.CONT}))
    me = kernel.getpid()
    kernel.kill(me, Signal.TSTP)
    kernel.kill(me, Signal.TTIN)
    kernel.kill(me, Signal.CONT)
    expect("after the continue", kernel.rt_sigpending(), frozenset({Signal.CONT}))
    kernel.kill(me, Signal.TSTP)
    expect("after the stop", kernel.rt_sigpending(), frozenset({Signal.TSTP}))


@case
def a_terminal_stop_does_not_stop_an_orphaned_group(kernel: Kernel) -> None:
    kernel.kill(kernel.getpid(), Signal.TSTP)  # the case is in the group of init, which has no parent in its session
    never, _ = kernel.pipe2(0)
    pid = kernel.clone(Signal.CHLD, wait_for_ever, never)
    kernel.setpgid(pid, Pid(0))
    kernel.kill(pid, Signal.TSTP)
    expect("the stop", kernel.wait4(pid, WaitFlag.UNTRACED), (pid, Signal.TSTP << 8 | 0x7F))


def be_a_job(kernel: Kernel, fd: Fd) -> None:
    """Stop, in a group of one's own; what is written afterwards was written by someone who lives."""
    kernel.kill(kernel.getpid(), Signal.STOP)
    kernel.clock_nanosleep(1, 0, MILLISECOND)
    kernel.write(fd, b"alive")


def be_a_shell(kernel: Kernel, fd: Fd) -> None:
    job = kernel.clone(Signal.CHLD, be_a_job, fd)
    kernel.setpgid(job, job)
    kernel.wait4(job, WaitFlag.UNTRACED)


@case
def a_stopped_group_that_is_orphaned_is_hung_up(kernel: Kernel) -> None:
    kernel.prctl_set_child_subreaper(1)
    reader, writer = kernel.pipe2(0)
    # Another session, so that the one who gets the orphan is no connection to its session.
    kernel.wait4(kernel.clone(Signal.CHLD, be_a_session_with_a_shell, writer))
    kernel.close(writer)
    expect("what the job wrote", read_all(kernel, reader), b"")
    expect("its end", kernel.wait4(-1)[1], Signal.HUP)


@case
def a_stopped_group_is_hung_up_when_its_leader_who_was_its_last_connection_ends(kernel: Kernel) -> None:
    kernel.prctl_set_child_subreaper(1)
    reader, writer = kernel.pipe2(0)
    kernel.wait4(kernel.clone(Signal.CHLD, be_a_session_with_a_job_of_two, writer))
    kernel.close(writer)
    expect("what the other wrote", read_all(kernel, reader), b"")
    expect("its end", kernel.wait4(-1)[1], Signal.HUP)


def be_a_session_with_a_job_of_two(kernel: Kernel, fd: Fd) -> None:
    kernel.setsid()
    kernel.wait4(kernel.clone(Signal.CHLD, lead_a_stopped_job, fd))


def lead_a_stopped_job(kernel: Kernel, fd: Fd) -> None:
    kernel.setpgid(Pid(0), Pid(0))
    kernel.wait4(kernel.clone(Signal.CHLD, be_a_job, fd), WaitFlag.UNTRACED)


def be_a_session_with_a_shell(kernel: Kernel, fd: Fd) -> None:
    kernel.setsid()
    be_a_shell(kernel, fd)


# -- parent death signals --


def ask_and_wait(kernel: Kernel, signal: int, ready: Fd, never: Fd, ignore: bool) -> None:
    if ignore:
        kernel.rt_sigaction(signal, Disposition.IGNORE)
    kernel.prctl_set_pdeathsig(signal)
    kernel.write(ready, str(kernel.getpid()).encode())
    kernel.close(ready)
    kernel.read(never, 1)


def leave_one_who_asks(
    kernel: Kernel, signal: int, ready: Fd, never: Fd, ignore: bool = False, flags: int = 0, uid: int = 0
) -> None:
    told, tell = kernel.pipe2(0)
    kernel.clone(flags | Signal.CHLD, ask_and_wait, signal, tell, never, ignore)
    kernel.close(tell)
    kernel.write(ready, read_all(kernel, told))
    if uid:
        kernel.setresuid(uid, uid, uid)


def bereave(kernel: Kernel, signal: int, ignore: bool = False, flags: int = 0, uid: int = 0) -> tuple[int, int]:
    """Let a process lose its parent; whether it has ended, and with what status word. 0, 0: it lives, and is killed."""
    kernel.prctl_set_child_subreaper(1)
    never, holder = kernel.pipe2(0)
    reader, ready = kernel.pipe2(0)
    kernel.wait4(kernel.clone(Signal.CHLD, leave_one_who_asks, signal, ready, never, ignore, flags, uid))
    kernel.read(reader, 16)
    kernel.clock_nanosleep(1, 0, 50 * MILLISECOND)
    ended, status = kernel.wait4(-1, WaitFlag.NOHANG)
    if ended == 0:
        kernel.write(holder, b"!")
        return 0, kernel.wait4(-1)[1]
    return 1, status


@case
def the_parent_death_signal_arrives_when_the_parent_dies(kernel: Kernel) -> None:
    expect("with SIGTERM", bereave(kernel, Signal.TERM), (1, Signal.TERM))
    expect("with SIGKILL", bereave(kernel, Signal.KILL), (1, Signal.KILL))


@case
def an_ignored_parent_death_signal_does_nothing(kernel: Kernel) -> None:
    expect("the end", bereave(kernel, Signal.TERM, True), (0, 0))


@case
def the_init_of_a_pid_namespace_gets_only_sigkill_as_its_parent_death_signal(kernel: Kernel) -> None:
    expect("with SIGTERM", bereave(kernel, Signal.TERM, False, CloneFlag.NEWPID), (0, 0))
    expect("with SIGKILL", bereave(kernel, Signal.KILL, False, CloneFlag.NEWPID), (1, Signal.KILL))


@case
def a_parent_that_may_not_signal_its_child_sends_no_parent_death_signal(kernel: Kernel) -> None:
    expect("the end", bereave(kernel, Signal.KILL, False, 0, 1000), (0, 0))


def fork_and_forget(kernel: Kernel, never: Fd, ready: Fd) -> None:
    """Have a parent death signal, and leave a child that has none by itself."""
    kernel.prctl_set_pdeathsig(Signal.KILL)
    kernel.clone(Signal.CHLD, live_until, never)


def live_until(kernel: Kernel, never: Fd) -> int:
    kernel.read(never, 1)
    return kernel.prctl_get_pdeathsig()


@case
def a_child_does_not_inherit_the_parent_death_signal(kernel: Kernel) -> None:
    kernel.prctl_set_child_subreaper(1)
    never, holder = kernel.pipe2(0)
    kernel.wait4(kernel.clone(Signal.CHLD, fork_and_forget, never, holder))
    expect("who lives", kernel.wait4(-1, WaitFlag.NOHANG), (0, 0))
    kernel.write(holder, b"!")
    expect("its signal", kernel.wait4(-1)[1], 0)


def ask_too_late(kernel: Kernel, go: Fd, answer: Fd) -> None:
    kernel.read(go, 1)
    kernel.prctl_set_pdeathsig(Signal.KILL)
    kernel.write(answer, str(kernel.getppid()).encode())


def leave_one_who_asks_late(kernel: Kernel, go: Fd, answer: Fd) -> None:
    kernel.clone(Signal.CHLD, ask_too_late, go, answer)


@case
def a_parent_death_signal_asked_for_after_the_parents_death_does_not_come(kernel: Kernel) -> None:
    kernel.prctl_set_child_subreaper(1)
    go_reader, go = kernel.pipe2(0)
    reader, answer = kernel.pipe2(0)
    kernel.wait4(kernel.clone(Signal.CHLD, leave_one_who_asks_late, go_reader, answer))
    kernel.write(go, b"!")
    kernel.close(answer)
    expect("its parent", int(read_all(kernel, reader)), kernel.getpid())
    expect("its end", kernel.wait4(-1)[1], 0)
    refused(ECHILD, kernel.wait4, -1)


def pass_it_on(kernel: Kernel, depth: int, ready: Fd, never: Fd) -> None:
    """A chain of processes each of which dies with its parent."""
    kernel.prctl_set_pdeathsig(Signal.KILL)
    if depth:
        kernel.clone(Signal.CHLD, pass_it_on, depth - 1, ready, never)
    kernel.close(ready)
    kernel.read(never, 1)


@case
def a_chain_of_parent_death_signals_ends_them_all(kernel: Kernel) -> None:
    kernel.prctl_set_child_subreaper(1)
    never, _ = kernel.pipe2(0)
    reader, ready = kernel.pipe2(0)
    first = kernel.clone(Signal.CHLD, pass_it_on, 10, ready, never)
    kernel.close(ready)
    read_all(kernel, reader)
    kernel.kill(first, Signal.TERM)
    expect("the first", kernel.wait4(first), (first, Signal.TERM))
    expect("the others", [kernel.wait4(-1)[1] for _ in range(10)], [Signal.KILL] * 10)


def stay(kernel: Kernel, never: Fd) -> int:
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.CHLD}))
    kernel.clone(Signal.CHLD, exit_with, 0)
    wait_until_pending(kernel, Signal.CHLD)
    return 0


@case
def sigchld_is_pending_where_it_is_blocked(kernel: Kernel) -> None:
    never, _ = kernel.pipe2(0)
    expect("its end", ended_by(kernel, kernel.clone(Signal.CHLD, stay, never)), 0)
