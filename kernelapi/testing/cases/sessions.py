"""Laws of sessions and process groups."""

from errno import EACCES, ECHILD, EINVAL, EPERM, ESRCH

from kernelapi.flags import CloneFlag, FdFlag, OpenFlag, Signal, SigprocmaskHow
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, read_all, refused
from kernelapi.testing.cases.execution import pipe
from kernelapi.testing.cases.processes import exit_with, wait_for_end_of

SELF = Pid(0)


def ids(kernel: Kernel) -> tuple[Pid, Pid, Pid]:
    return kernel.getpid(), kernel.getpgid(SELF), kernel.getsid(SELF)


@case
def a_child_is_in_the_group_and_session_of_its_parent(kernel: Kernel) -> None:
    expect("group and session", in_child(kernel, ids)[1:], (1, 1))
    expect("the own ones", (kernel.getpgrp(), kernel.getpgid(Pid(1)), kernel.getsid(Pid(1))), (1, 1, 1))


@case
def a_group_or_session_outside_the_pid_namespace_reads_as_0(kernel: Kernel) -> None:
    expect("pid, group and session", in_child(kernel, ids, flags=CloneFlag.NEWPID), (1, 0, 0))


def start_session(kernel: Kernel) -> tuple[Pid, Pid, Pid, Pid]:
    return kernel.setsid(), *ids(kernel)


@case
def setsid_makes_the_caller_the_leader_of_a_session_and_a_group(kernel: Kernel) -> None:
    answer, pid, group, session = in_child(kernel, start_session)
    expect("answer, group and session", (answer, group, session), (pid, pid, pid))


@case
def a_session_leader_or_group_leader_cannot_start_a_session(kernel: Kernel) -> None:
    kernel.setsid()
    refused(EPERM, kernel.setsid)
    refused(EPERM, in_child, kernel, lead_a_group_and_start_a_session)


def lead_a_group_and_start_a_session(kernel: Kernel) -> None:
    kernel.setpgid(SELF, SELF)
    kernel.setsid()


@case
def a_group_of_the_callers_number_prevents_a_session_even_when_the_caller_has_left_it(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    kernel.setpgid(SELF, SELF)
    kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)
    kernel.setpgid(SELF, Pid(1))
    refused(EPERM, kernel.setsid)
    kernel.close(writer)
    kernel.wait4(-1)
    expect("the session, when that group is gone", kernel.setsid(), kernel.getpid())


@case
def unknown_processes_have_no_group_and_no_session(kernel: Kernel) -> None:
    for pid in (99999, -1):
        refused(ESRCH, kernel.getpgid, pid)
        refused(ESRCH, kernel.getsid, pid)
    refused(ESRCH, kernel.setpgid, 99999, 0)


@case
def a_child_in_another_session_cannot_be_moved_not_even_into_a_group_of_its_own(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    child = kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)
    kernel.setsid()
    refused(EPERM, kernel.setpgid, child, child)
    kernel.close(writer)
    kernel.wait4(child)


@case
def setpgid_refuses_a_negative_group_before_anything_else(kernel: Kernel) -> None:
    refused(EINVAL, kernel.setpgid, 99999, -1)
    refused(EINVAL, kernel.setpgid, SELF, -5)
    refused(EINVAL, kernel.setpgid, -5, 0)


@case
def a_parent_moves_its_child_between_groups_of_the_session(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    first = kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)
    second = kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)
    kernel.setpgid(first, SELF)
    kernel.setpgid(second, first)
    expect("the groups", (kernel.getpgid(first), kernel.getpgid(second)), (first, first))
    refused(EPERM, kernel.setpgid, first, 99999)
    refused(EPERM, kernel.setpgid, first, second)
    kernel.kill(first, Signal.KILL)
    kernel.wait4(first)
    refused(ESRCH, kernel.getpgid, first)
    expect("the group, whose leader is gone", kernel.getpgid(second), first)
    kernel.setpgid(second, SELF)
    refused(EPERM, kernel.setpgid, SELF, first)
    kernel.close(writer)
    kernel.wait4(second)


@case
def only_the_caller_and_its_children_can_be_moved(kernel: Kernel) -> None:
    refused(ESRCH, kernel.setpgid, kernel.getppid(), 0)
    reader, writer = kernel.pipe2(0)
    sibling = kernel.clone(Signal.CHLD, wait_for_end_of, reader, writer)
    refused(ESRCH, in_child, kernel, move, sibling)


def move(kernel: Kernel, pid: Pid) -> None:
    kernel.setpgid(pid, SELF)


def lead_and_wait(kernel: Kernel, ready: Fd, reader: Fd, writer: Fd) -> None:
    kernel.close(writer)
    kernel.setsid()
    kernel.write(ready, b"!")
    kernel.read(reader, 1)


@case
def a_session_leader_and_a_child_of_another_session_cannot_be_moved(kernel: Kernel) -> None:
    reader, writer = kernel.pipe2(0)
    told, ready = kernel.pipe2(0)
    leader = kernel.clone(Signal.CHLD, lead_and_wait, ready, reader, writer)
    kernel.read(told, 1)
    refused(EPERM, kernel.setpgid, leader, 0)
    refused(EPERM, kernel.setpgid, leader, 1)
    refused(EPERM, kernel.setpgid, SELF, leader)
    refused(EPERM, in_child, kernel, lead_a_session_and_move)
    kernel.close(writer)
    kernel.wait4(leader)


def lead_a_session_and_move(kernel: Kernel) -> None:
    kernel.setsid()
    kernel.setpgid(SELF, SELF)


def execute_cat(kernel: Kernel, stdin: Fd, *others: Fd) -> None:
    kernel.read(stdin, 1)  # when it has been moved
    kernel.dup2(stdin, Fd(0))
    for fd in (stdin, *others):
        kernel.fcntl_setfd(fd, FdFlag.CLOEXEC)
    kernel.execve("/bin/cat", ("cat",), ())


@case(tree=True)
def a_child_that_has_made_an_exec_cannot_be_moved(kernel: Kernel) -> None:
    stdin, writer = pipe(kernel)
    told, tell = pipe(kernel)
    pid = kernel.clone(Signal.CHLD, execute_cat, stdin, writer, tell)
    kernel.setpgid(pid, SELF)
    kernel.write(writer, b"!")
    kernel.close(tell)
    kernel.read(told, 1)  # until exec has closed the other end
    refused(EACCES, kernel.setpgid, pid, 0)
    refused(EACCES, kernel.setpgid, pid, 1)
    kernel.close(writer)
    expect("its end", kernel.wait4(pid), (pid, 0))
    refused(ECHILD, kernel.wait4, -1)


def tell_what_is_pending(kernel: Kernel, go: Fd, answer: Fd) -> None:
    kernel.read(go, 1)
    kernel.write(answer, bytes(sorted(kernel.rt_sigpending())))


def lead_and_leave(kernel: Kernel, go: Fd, answer: Fd) -> None:
    """Have a terminal, and leave a child in its foreground that blocks what it may be sent."""
    kernel.setsid()
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.HUP, Signal.CONT}))
    master = kernel.open("/dev/ptmx", OpenFlag.RDWR | OpenFlag.NOCTTY)
    kernel.ioctl_tiocsptlck(master, 0)
    slave = kernel.open(f"/dev/pts/{kernel.ioctl_tiocgptn(master)}", OpenFlag.RDWR)
    expect("the session of the terminal", kernel.ioctl_tiocgsid(slave), kernel.getpid())
    kernel.clone(Signal.CHLD, tell_what_is_pending, go, answer)


@case(tree=True)
def the_end_of_a_session_leader_hangs_up_the_foreground_of_its_terminal(kernel: Kernel) -> None:
    go_reader, go = kernel.pipe2(0)
    reader, answer = kernel.pipe2(0)
    kernel.wait4(kernel.clone(Signal.CHLD, lead_and_leave, go_reader, answer))
    kernel.write(go, b"!")
    kernel.close(answer)
    expect("what the others have been sent", read_all(kernel, reader), bytes([Signal.HUP]))


@case
def a_zombie_leaves_its_group_when_it_is_reaped(kernel: Kernel) -> None:
    pid = kernel.clone(Signal.CHLD, exit_with, 0)
    kernel.setpgid(pid, SELF)
    refused(EPERM, kernel.setpgid, SELF, 99999)
    kernel.wait4(pid)
    refused(EPERM, kernel.setpgid, SELF, pid)
    refused(ESRCH, kernel.kill, -pid, 0)
