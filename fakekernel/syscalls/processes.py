"""Life and death of processes; sessions and groups (kernel/fork.c, kernel/exit.c, kernel/sys.c)."""

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from fakekernel import execution, filetable, lifecycle, nsproxy, pidfd
from fakekernel.credentials import has_capability
from fakekernel.description import FileTable
from fakekernel.store import Table
from fakekernel.syscalls.base import SyscallBase
from fakekernel.task import AddressSpace, FsContext, Image, Job, SignalActions, State, StructPid, Task
from fakekernel.ucounts import processes_of
from kernelapi.capability import Cap
from kernelapi.errors import ModelError, NotModelled
from kernelapi.flags import CloneFlag, OpenFlag, Rlimit, Signal, WaitFlag
from kernelapi.ids import Fd, Pid
from kernelapi.protocol.cgroups import CGROUP_INHERITS
from kernelapi.protocol.namespaces import CLONE_NEWNS_FS, CLONE_NEWUSER_FS, CLONE_THREAD_NAMESPACE
from kernelapi.protocol.processes import (
    CLONE_CLEARS_PDEATHSIG,
    CLONE_CLEARS_PENDING,
    CLONE_CLEARS_SUBREAPER,
    CLONE_DEAD_NAMESPACE,
    CLONE_NPROC,
    CLONE_PARENT_INIT,
    CLONE_SIGHAND_VM,
    CLONE_THREAD_SIGHAND,
    PGID_NO_PROCESS,
    PIDFD_CLOEXEC,
    PIDFD_INVALID_PID,
    PIDFD_NO_PROCESS,
    PIDFD_UNKNOWN_FLAG,
    SETPGID_AFTER_EXEC,
    SETPGID_LEADER,
    SETPGID_NEGATIVE,
    SETPGID_NO_GROUP,
    SETPGID_NO_PROCESS,
    SETPGID_NOT_CHILD,
    SETPGID_OTHER_SESSION,
    SETSID_LEADER,
    SETSID_TERMINAL,
    SID_NO_PROCESS,
    WAIT_IMPOSSIBLE_GROUP,
    WAIT_NO_CHILD,
    WAIT_UNKNOWN_OPTION,
)

NEWNS, NEWUSER, NEWPID = map(int, (CloneFlag.NEWNS, CloneFlag.NEWUSER, CloneFlag.NEWPID))
VM, FS, FILES, SIGHAND = map(int, (CloneFlag.VM, CloneFlag.FS, CloneFlag.FILES, CloneFlag.SIGHAND))
THREAD, PARENT, VFORK, PIDFD = map(int, (CloneFlag.THREAD, CloneFlag.PARENT, CloneFlag.VFORK, CloneFlag.PIDFD))
EXIT_SIGNAL = 0xFF  # the bits of clone's flags that hold it (CSIGNAL)

NOHANG, UNTRACED, CONTINUED = map(int, (WaitFlag.NOHANG, WaitFlag.UNTRACED, WaitFlag.CONTINUED))
WALL, WCLONE = int(WaitFlag.WALL), int(WaitFlag.WCLONE)
WAIT_OPTIONS = NOHANG | UNTRACED | CONTINUED | WALL | WCLONE | int(WaitFlag.WNOTHREAD)
INT_MIN = -(2**31)
STOPPED_STATUS = 0x7F  # in the low byte of a status word; the signal is in the next
CONTINUED_STATUS = 0xFFFF

Shared = TypeVar("Shared", FsContext, FileTable, AddressSpace, SignalActions)


class ProcessCalls(SyscallBase):
    """Life and death of processes."""

    __slots__ = ()

    # -- clone --

    def clone(self, flags: int, child: Callable[..., int | None], *args: Any) -> Pid:
        task = self.task
        flags = int(flags)
        if task.progress is None:
            born = self._clone(flags, Image(child, args))
            if flags & VFORK:
                born.vfork_parent = task
                task.progress = born
        else:
            born = task.progress
        if flags & VFORK and born.vfork_parent is task:
            self.block("its vfork child to exec or to end", born)
        return born.pid.number_in(task.pid_namespace)

    def _clone(self, flags: int, image: Image) -> Task:
        task = self.task
        namespaces = task.namespaces
        exit_signal = flags & EXIT_SIGNAL
        flags &= ~EXIT_SIGNAL  # CLONE_NEWTIME with it: only clone3 can ask for that
        if flags & NEWNS and flags & FS:
            self.refuse(CLONE_NEWNS_FS)
        if flags & NEWUSER and flags & FS:
            self.refuse(CLONE_NEWUSER_FS)
        if flags & THREAD and not flags & SIGHAND:
            self.fail(CLONE_THREAD_SIGHAND)
        if flags & SIGHAND and not flags & VM:
            self.refuse(CLONE_SIGHAND_VM)
        if flags & PARENT and task.pid_namespace.reaper is task:
            self.refuse(CLONE_PARENT_INIT)
        if flags & THREAD and (flags & (NEWUSER | NEWPID) or task.pid_namespace is not namespaces.pid_for_children):
            self.refuse(CLONE_THREAD_NAMESPACE)
        if flags & THREAD:
            raise NotModelled("a second thread in a process (CLONE_THREAD)")
        if flags & PIDFD:
            raise NotModelled("clone with CLONE_PIDFD")
        if "<" in getattr(image.function, "__qualname__", "<"):
            raise ModelError(f"the program of a process must be a module-level function, not {image.function!r}")
        cred = task.cred
        if flags & NEWUSER:
            nsproxy.check_new_user_namespace(self, cred)
        if self._is_over_process_limit():
            self.refuse(CLONE_NPROC)
        nsproxy.check_copy_namespaces(self, flags, cred)
        if not flags & NEWPID and namespaces.pid_for_children.closed:
            self.refuse(CLONE_DEAD_NAMESPACE)
        # -- effects only below --
        over_nproc = task.over_nproc  # forgiven to the caller, not to the child
        if over_nproc:
            task.over_nproc = False
        if flags & NEWUSER:
            cred = nsproxy.new_user_namespace(self, cred)
        fs = _shared(task.fs) if flags & FS else self._copy_fs(task.fs)
        namespaces = nsproxy.copy_namespaces(self, flags, cred, fs)
        parent = task.parent if flags & PARENT else task
        born = Task(
            store=self.store,
            pid=lifecycle.new_pid(self.store, namespaces.pid_for_children),
            parent=parent,
            cred=cred,
            fs=fs,
            files=_shared(task.files) if flags & FILES else filetable.copy_table(self.store, task.files),
            mm=_shared(task.mm) if flags & VM else self._copy_mm(task.mm),
            actions=_shared(task.actions) if flags & SIGHAND else self._copy_actions(task.actions),
            job=self._copy_job(task.job),
            namespaces=namespaces,
            image=image,
            exit_signal=task.exit_signal if flags & PARENT else exit_signal,
            parent_exec_id=task.parent_exec_id if flags & PARENT else task.exec_id,
            comm=task.comm,
            pdeathsig=0 if self.happens(CLONE_CLEARS_PDEATHSIG) else task.pdeathsig,
            no_new_privs=task.no_new_privs,
            security=task.security,
            filters=task.filters,
            blocked=task.blocked,
            pending=frozenset() if self.happens(CLONE_CLEARS_PENDING) else task.pending,
            over_nproc=over_nproc,
            born=self.machine.system.clock,
            cgroups=task.cgroups if self.happens(CGROUP_INHERITS) else (),
        )
        lifecycle.enlist(self.machine.system, born)
        self.machine.scheduler.born.append(born)
        return born

    def _is_over_process_limit(self) -> bool:
        """Whether the caller's user may not have one process more (is_rlimit_overlimit)."""
        task, system = self.task, self.machine.system
        cred, limit = task.cred, task.job.limits.get(Rlimit.NPROC)
        if limit is None or cred.uid == 0 or len(system.tasks) < limit.soft:  # even if all were that user's
            return False
        if any(has_capability(cred, cap, system.userns) for cap in (Cap.SYS_RESOURCE, Cap.SYS_ADMIN)):
            return False
        return processes_of(system, cred.userns, cred.uid) + 1 > limit.soft

    def _copy_fs(self, fs: FsContext) -> FsContext:
        return FsContext(store=self.store, root=fs.root, cwd=fs.cwd, umask=fs.umask)

    def _copy_mm(self, mm: AddressSpace) -> AddressSpace:
        assert mm.executable is not None
        mm.executable.inode.write_count -= 1
        return AddressSpace(
            store=self.store, userns=mm.userns, dumpable=mm.dumpable, executable=mm.executable, argv=mm.argv, envp=mm.envp
        )

    def _copy_actions(self, actions: SignalActions) -> SignalActions:
        return SignalActions(store=self.store, dispositions=Table(self.store, dict(actions.dispositions.items())))

    def _copy_job(self, job: Job) -> Job:
        return Job(
            store=self.store,
            group=job.group,
            session=job.session,
            terminal=job.terminal,
            is_subreaper=job.is_subreaper and not self.happens(CLONE_CLEARS_SUBREAPER),
            oom_score_adj=job.oom_score_adj,
            oom_score_adj_min=job.oom_score_adj_min,
            limits=Table(self.store, dict(job.limits.items())),
        )

    # -- exec --

    # The two that do not return: the dispatch sees that the process is gone, or another program.

    def execveat(  # type: ignore[misc]
        self, dirfd: int, path: str, argv: tuple[str, ...], envp: tuple[str, ...], flags: int = 0
    ) -> NoReturn:
        execution.execute(self, dirfd, path, argv, envp, flags)

    # -- exit and wait --

    def exit_group(self, status: int) -> NoReturn:  # type: ignore[misc]
        lifecycle.end(self.machine, self.task, (status & 0xFF) << 8)

    def wait4(self, pid: int, options: int = 0) -> tuple[Pid, int]:
        options = int(options)
        if options & ~WAIT_OPTIONS:
            self.refuse(WAIT_UNKNOWN_OPTION)
        if pid == INT_MIN:
            self.refuse(WAIT_IMPOSSIBLE_GROUP)
        children = [child for child in self._candidates(pid) if _is_eligible(child, options)]
        if not children and not self._has_been_left(pid):
            self.refuse(WAIT_NO_CHILD)
            return Pid(0), 0  # suspended: there is nobody to tell of
        ready = [child for child in children if _has_news(child, options)]
        if ready:
            return self._collect(min(ready, key=_sibling))
        if options & NOHANG:
            return Pid(0), 0
        awaited = tuple(children or self.task.progress)
        if self.task.progress != awaited:
            self.task.progress = awaited
        self.block("a child to end", self.task.children, *self.task.children.values())  # who is not eligible yet may become so
        raise AssertionError("wait4 went on without waiting")

    def _has_been_left(self, pid: int) -> bool:
        """Whether the children that a waiting wait4 was about are still there, but in another group or with another exit
        signal by now.

        Nobody wakes it for that: it learns that there is nobody left when one that `pid` selects has news, if only for a wait
        with other options (child_wait_callback).
        """
        awaited = [child for child in self.task.progress or () if child.parent is self.task and child.state is not State.DEAD]
        return bool(awaited) and not any(child in awaited and child.state is not State.ALIVE for child in self._candidates(pid))

    def _candidates(self, pid: int) -> list[Task]:
        """The children that `pid` selects."""
        task = self.task
        if pid == -1:
            return task.children.values()
        if pid > 0:
            child = self._find(pid)
            return [child] if child is not None and child.parent is task else []
        group = task.job.group if pid == 0 else task.pid_namespace.pids.get(-pid)
        return [child for child in task.children.values() if child.job.group is group]

    def _collect(self, child: Task) -> tuple[Pid, int]:
        """Tell the news of `child`, once."""
        pid = child.pid.number_in(self.task.pid_namespace)
        if child.state is State.ZOMBIE:
            lifecycle.reap(self.machine, child)
            return pid, child.status
        if child.state is State.STOPPED and child.stop_signal:
            status = STOPPED_STATUS | child.stop_signal << 8
            child.stop_signal = 0
            return pid, status
        child.was_continued = False
        return pid, CONTINUED_STATUS

    # -- who is who --

    def _find(self, pid: int) -> Task | None:
        """The process with this number in the caller's pid namespace; a zombie too."""
        found = self.task.pid_namespace.pids.get(pid)
        return None if found is None else found.task

    def getpid(self) -> Pid:
        return self.task.number

    def gettid(self) -> Pid:
        return self.task.number

    def getppid(self) -> Pid:
        task = self.task
        return Pid(0) if task.parent is None else task.parent.pid.number_in(task.pid_namespace)

    def pidfd_open(self, pid: Pid, flags: int = 0) -> Fd:
        if flags & ~(OpenFlag.NONBLOCK | OpenFlag.EXCL):  # PIDFD_NONBLOCK, PIDFD_THREAD
            self.refuse(PIDFD_UNKNOWN_FLAG)
        if pid <= 0:
            self.refuse(PIDFD_INVALID_PID)
        task = self._find(pid)
        if task is None:
            self.fail(PIDFD_NO_PROCESS)
        (fd,) = filetable.reserve(self)
        # -- effects only below --
        description = pidfd.describe(self, task.pid, flags & OpenFlag.NONBLOCK)
        filetable.put(self.task.files, fd, description, cloexec=self.happens(PIDFD_CLOEXEC))
        return fd

    # -- sessions and groups --

    def getsid(self, pid: Pid) -> Pid:
        task = self._find(pid) if pid else self.task
        if task is None:
            self.refuse(SID_NO_PROCESS)
            task = self.task  # suspended: yourself
        return task.job.session.number_in(self.task.pid_namespace)

    def setsid(self) -> Pid:
        task = self.task
        job, pid = task.job, task.pid
        if job.is_leader or pid.group_members:
            self.refuse(SETSID_LEADER)
        # -- effects only below --
        job.is_leader = True
        if self.happens(SETSID_TERMINAL):
            job.terminal = None
        lifecycle.join_session(self.machine, task, pid)
        lifecycle.join_group(self.machine, task, pid)
        return task.number

    def getpgid(self, pid: Pid) -> Pid:
        task = self._find(pid) if pid else self.task
        if task is None:
            self.refuse(PGID_NO_PROCESS)
            task = self.task  # suspended: yourself
        return task.job.group.number_in(self.task.pid_namespace)

    def setpgid(self, pid: Pid, pgid: Pid) -> None:
        caller = self.task
        pid = pid or caller.number
        pgid = pgid or pid
        if pgid < 0:
            self.refuse(SETPGID_NEGATIVE)
        task = self._find(pid)
        if task is None:
            self.refuse(SETPGID_NO_PROCESS)
            return  # suspended: there is nobody to move
        if task.parent is caller:
            if task.job.session is not caller.job.session:
                self.refuse(SETPGID_OTHER_SESSION)
            if task.did_exec:
                self.refuse(SETPGID_AFTER_EXEC)
        elif task is not caller:
            self.refuse(SETPGID_NOT_CHILD)
        if task.job.is_leader:
            self.refuse(SETPGID_LEADER)
        group: StructPid | None = task.pid
        if pgid != pid:
            group = caller.pid_namespace.pids.get(pgid)
            if group is None or not any(member.job.session is caller.job.session for member in group.group_members.values()):
                self.refuse(SETPGID_NO_GROUP)
                return  # suspended: there is no group to join
        # -- effects only below --
        assert group is not None
        lifecycle.join_group(self.machine, task, group)


def _shared(object: Shared) -> Shared:
    """What clone shares instead of copying."""
    object.users += 1
    return object


def _is_eligible(child: Task, options: int) -> bool:
    """Whether wait4 with these options is about `child` (eligible_child)."""
    return bool(options & WALL) or (child.exit_signal != Signal.CHLD) == bool(options & WCLONE)


def _has_news(child: Task, options: int) -> bool:
    """Whether wait4 with these options has something to tell of `child`."""
    if child.state is State.ZOMBIE:
        return True
    if child.state is State.STOPPED:
        return bool(options & UNTRACED) and child.stop_signal != 0
    return bool(options & CONTINUED) and child.was_continued


def _sibling(child: Task) -> int:
    return child.sibling
