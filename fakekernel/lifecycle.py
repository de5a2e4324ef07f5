"""Birth and death of processes: numbers, families, exit, zombies, the end of a pid namespace (kernel/fork.c, pid.c, exit.c)."""

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fakekernel import cgroup, filetable, signalling, tty
from fakekernel.description import FileTable
from fakekernel.mountusers import leave_mount_namespace
from fakekernel.namespaces import PidNamespace
from fakekernel.netusers import leave_network_namespace
from fakekernel.store import Store
from fakekernel.system import System
from fakekernel.task import AddressSpace, State, StructPid, Task
from kernelapi.flags import LAST_SIGNAL, Disposition, Signal
from kernelapi.protocol.processes import (
    EXIT_AUTOREAP,
    EXIT_HANGUP,
    EXIT_INIT,
    EXIT_ORPHANED_GROUP,
    EXIT_PDEATHSIG,
    EXIT_REPARENTS,
)

if TYPE_CHECKING:
    from fakekernel.machine import Machine

PID_MAX = 4194304
"""Numbers of processes are below it (/proc/sys/kernel/pid_max, as every distribution for 64-bit machines sets it)."""

RESERVED_PIDS = 300
"""Where counting begins again after the highest number."""

Dying = deque[tuple[Task, int]]
"""Processes that have to end, each with the status word to end with."""


# -- birth --


def new_pid(store: Store, ns: PidNamespace) -> StructPid:
    """A number in `ns` and in each of its ancestors (alloc_pid)."""
    numbers: list[tuple[PidNamespace, int]] = []
    space: PidNamespace | None = ns
    while space is not None:
        numbers.append((space, _next_number(space)))
        space = space.parent
    pid = StructPid(store=store, numbers=tuple(reversed(numbers)))
    for space, number in numbers:
        space.pids[number] = pid
        space.last_pid = number
    return pid


def _next_number(ns: PidNamespace) -> int:
    number = ns.last_pid + 1
    while number in ns.pids or number >= PID_MAX:
        number = number + 1 if number < PID_MAX else RESERVED_PIDS
    return number


def enlist(system: System, task: Task) -> None:
    """Make a new process known: under its number, to its parent, its group and its session, to its pid namespace."""
    pid = task.pid
    number = pid.global_number
    pid.task = task
    if pid.numbers[-1][1] == 1:
        pid.namespace.reaper = task
    if task.parent is not None:
        task.sibling = system.take_sibling()
        task.parent.children[number] = task
    task.job.group.group_members[number] = task
    task.job.session.session_members[number] = task
    system.tasks[number] = task
    if task.cgroups:
        cgroup.join(task)


# -- death --


def end(machine: "Machine", task: Task, status: int) -> None:
    """End `task` with the status word `status`, and whoever has to end with it (do_exit)."""
    end_all(machine, ((task, status),))


def end_all(machine: "Machine", dying: Iterable[tuple[Task, int]]) -> None:
    """End processes one after the other, each with its status word, and whoever has to end with them."""
    queue = deque(dying)
    while queue:
        task, status = queue.popleft()
        if task.lives:
            _exit(machine, task, status, queue)


def _exit(machine: "Machine", task: Task, status: int, dying: Dying) -> None:
    """In the order of the kernel: descriptors, terminal, the pid namespace that it is the init of, then its family."""
    machine.scheduler.doomed.append(task)
    task.state = State.EXITING
    task.status = status
    release_vfork_parent(task)
    leave_address_space(task.mm)
    task.actions.users -= 1
    filetable.abandon_call(task)
    filetable.drop_table(machine, task.files)
    if task.files.users:
        task.files = FileTable(store=task.store)
    task.fs.users -= 1
    if EXIT_HANGUP not in machine.suspended:
        dying.extend(tty.disassociate(machine, task, at_exit=True))
    if task.cgroups:
        cgroup.leave(task)
    leave_mount_namespace(machine.system, task.namespaces.mnt)
    leave_network_namespace(machine, task.namespaces.net)
    if task.pid_namespace.reaper is task and EXIT_INIT not in machine.suspended:
        _end_namespace(machine, task, dying)
    else:
        _become_zombie(machine, task, dying)


def release_vfork_parent(task: Task) -> None:
    """Let the parent go on that waits for its vfork child to exec or to exit (mm_release)."""
    if task.vfork_parent is not None:
        task.vfork_parent = None


def leave_address_space(mm: AddressSpace) -> None:
    """One user less; with the last one the program file may be written again (mmput)."""
    mm.users -= 1
    if mm.users == 0 and mm.executable is not None:
        mm.executable.inode.write_count += 1


def _end_namespace(machine: "Machine", init: Task, dying: Dying) -> None:
    """The init of a pid namespace ends: all members are killed, and it can go when they are reaped (zap_pid_ns_processes).

    Some may have a parent outside, who has to wait for them first.
    """
    ns = init.pid_namespace
    ns.closed = True
    init.actions.dispositions[Signal.CHLD] = Disposition.IGNORE
    for number in sorted(ns.pids):
        member = ns.pids[number].task
        if member is None or member is init:
            continue
        if member.lives:
            member.pending |= {Signal.KILL}
            if not member.frozen:
                dying.append((member, Signal.KILL))
        elif member.state is State.ZOMBIE and member.parent is init:
            reap(machine, member, dying)
    _end_namespace_if_empty(machine, ns, dying)


def _end_namespace_if_empty(machine: "Machine", ns: PidNamespace, dying: Dying) -> None:
    init = ns.reaper
    if init is not None and init.state is State.EXITING and ns.closed and len(ns.pids) == 1:
        _become_zombie(machine, init, dying)


def _become_zombie(machine: "Machine", task: Task, dying: Dying) -> None:
    """Give the children away, be a zombie, tell the parent (exit_notify). The parent death signals arrive after that."""
    children = sorted(task.children.values(), key=_sibling)
    bereaved = [child for child in children if child.pdeathsig and signalling.may_signal(task, child, child.pdeathsig)]
    if EXIT_PDEATHSIG in machine.suspended:
        bereaved = []
    if children:
        _give_children(machine, task, children, dying)
    _connection_lost(machine, task, None, dying)
    task.state = State.ZOMBIE
    if _tell_parent(machine, task, dying):
        reap(machine, task, dying)
    for child in bereaved:
        if status := signalling.send(machine, task, child, child.pdeathsig):
            dying.append((child, status))


def _give_children(machine: "Machine", father: Task, children: list[Task], dying: Dying) -> None:
    reaper = _new_reaper(father, subreapers=EXIT_REPARENTS not in machine.suspended)
    for child in children:
        del father.children[child.pid.global_number]
        child.parent = reaper
        child.sibling = machine.system.take_sibling()
        reaper.children[child.pid.global_number] = child
    for child in children:
        if child.exit_signal != Signal.CHLD:  # nobody may end init by it
            child.exit_signal = Signal.CHLD
        if child.state is State.ZOMBIE and _tell_parent(machine, child, dying):
            reap(machine, child, dying)
        _connection_lost(machine, child, father, dying)


def _new_reaper(father: Task, *, subreapers: bool) -> Task:
    """Who gets the children: the nearest living subreaper above in the same pid namespace, else its init (find_new_reaper)."""
    ns = father.pid_namespace
    ancestor = father.parent
    while subreapers and ancestor is not None and ancestor.pid_namespace is ns:
        if ancestor.job.is_subreaper and ancestor.lives:
            return ancestor
        ancestor = ancestor.parent
    if ns.reaper is father and ns.parent is not None:  # an init whose namespace lives on: EXIT_INIT is suspended
        ns = ns.parent
    assert ns.reaper is not None
    return ns.reaper


def _tell_parent(machine: "Machine", task: Task, dying: Dying) -> bool:
    """Send the exit signal; whether the zombie goes at once, because the parent ignores SIGCHLD (do_notify_parent).

    The init of a pid namespace that is about to end waits for all of its children, whatever their exit signal.
    """
    parent = task.parent
    assert parent is not None, "the init of the host has ended"
    if parent.state is State.EXITING:
        return True
    signal = task.exit_signal
    if signal != Signal.CHLD and task.parent_exec_id != parent.exec_id:  # it may be another program now, with other rights
        signal = Signal.CHLD
    if signal == Signal.CHLD and parent.actions.dispositions.get(Signal.CHLD) is Disposition.IGNORE:
        return EXIT_AUTOREAP not in machine.suspended
    if 0 < signal <= LAST_SIGNAL and (status := signalling.post(machine, parent, signal)):
        dying.append((parent, status))
    return False


def reap(machine: "Machine", task: Task, dying: Dying | None = None) -> None:
    """A zombie is gone: its number is free, unless it still names a group or a session (release_task)."""
    number = task.pid.global_number
    task.state = State.DEAD
    assert task.parent is not None, "the init of the host is never reaped"
    del task.parent.children[number]
    del machine.system.tasks[number]
    task.pid.task = None
    group, session = task.job.group, task.job.session
    del group.group_members[number]
    del session.session_members[number]
    last: Dying = deque() if dying is None else dying
    for pid in dict.fromkeys((task.pid, group, session)):
        _free_if_unused(machine, pid, last)
    if dying is None:
        end_all(machine, last)


def _free_if_unused(machine: "Machine", pid: StructPid, dying: Dying) -> None:
    if pid.task is not None or pid.group_members or pid.session_members:
        return
    ns, number = pid.numbers[0]
    if ns.pids.get(number) is not pid:  # freed already, by what this has set off
        return
    for ns, number in pid.numbers:
        del ns.pids[number]
    for ns, _ in reversed(pid.numbers):
        if ns.closed:
            _end_namespace_if_empty(machine, ns, dying)


def _sibling(task: Task) -> int:
    return task.sibling


# -- groups and sessions --


def join_group(machine: "Machine", task: Task, group: StructPid) -> None:
    """Move `task` to another process group (change_pid)."""
    old, number = task.job.group, task.pid.global_number
    if old is not group:
        del old.group_members[number]
        task.job.group = group
        group.group_members[number] = task
        _free_after_move(machine, old)


def join_session(machine: "Machine", task: Task, session: StructPid) -> None:
    """Move `task` to another session."""
    old, number = task.job.session, task.pid.global_number
    del old.session_members[number]
    task.job.session = session
    session.session_members[number] = task
    _free_after_move(machine, old)


def _free_after_move(machine: "Machine", pid: StructPid) -> None:
    dying: Dying = deque()
    _free_if_unused(machine, pid, dying)
    end_all(machine, dying)


def is_orphaned(group: StructPid, *, without: Task | None = None) -> bool:
    """Whether no member, `without` one, has a parent in another group of its session (will_become_orphaned_pgrp)."""
    for member in group.group_members.values():
        parent = member.parent
        if member is without or not member.lives or parent is None or parent.parent is None:
            continue
        if parent.job.group is not group and parent.job.session is member.job.session:
            return False
    return True


def _connection_lost(machine: "Machine", task: Task, father: Task | None, dying: Dying) -> None:
    """Hang up a stopped group that `task` was connecting to its session: by living, or by its `father` (kill_orphaned_pgrp)."""
    group = task.job.group
    parent = task.parent if father is None else father
    if (
        parent is not None
        and EXIT_ORPHANED_GROUP not in machine.suspended
        and parent.job.group is not group
        and parent.job.session is task.job.session
        and any(member.state is State.STOPPED for member in group.group_members.values())
        and is_orphaned(group, without=task if father is None else None)
    ):
        dying.extend(signalling.post_group(machine, group, (Signal.HUP, Signal.CONT)))
