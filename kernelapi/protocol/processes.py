"""Life and death of processes: clone, execve, exit, wait; sessions and groups (kernel/fork.c, exec.c, exit.c, sys.c)."""

from collections.abc import Callable
from errno import (
    E2BIG,
    EACCES,
    EAGAIN,
    ECHILD,
    EINTR,
    EINVAL,
    ELOOP,
    ENOENT,
    ENOEXEC,
    ENOMEM,
    EPERM,
    ESRCH,
    ETXTBSY,
)
from typing import Any, NoReturn, Protocol

from kernelapi.call import syscall
from kernelapi.ids import Fd, Pid
from kernelapi.protocol.cgroups import CGROUP_INHERITS
from kernelapi.protocol.descriptors import CLOSE_HANGS_UP, TOO_MANY_OPEN
from kernelapi.protocol.exec_credentials import EXEC_CREDENTIALS, EXEC_SECURITY
from kernelapi.protocol.lookup import LOOKUP
from kernelapi.protocol.namespaces import (
    CLONE_NEWNS_FS,
    CLONE_NEWUSER_FS,
    CLONE_THREAD_NAMESPACE,
    ENTER_USER,
    NEW_IPC_SYSVSEM,
    NEW_NAMESPACE_LOCKS,
    NEW_PID_OUTSIDE,
    NEW_PID_PENDING,
    NEW_PID_TOO_DEEP,
    NEW_QUOTA,
    NEW_UNPRIVILEGED,
    NEW_USER,
)
from kernelapi.rules import ARGUMENTS, ENVIRONMENT, STATE, Effect, Refusal

# -- clone --

CLONE_THREAD_SIGHAND = Refusal(
    "clone.einval.thread-sighand", call="clone", errno=EINVAL, depends=ARGUMENTS,
    cause="CLONE_THREAD without CLONE_SIGHAND", source="clone(2); kernel/fork.c copy_process",
)  # fmt: skip
CLONE_SIGHAND_VM = Refusal(
    "clone.einval.sighand-vm", call="clone", errno=EINVAL, depends=ARGUMENTS,
    cause="CLONE_SIGHAND without CLONE_VM", source="clone(2); kernel/fork.c copy_process",
)  # fmt: skip
CLONE_PARENT_INIT = Refusal(
    "clone.einval.parent-init", call="clone", errno=EINVAL, depends=STATE,
    cause="CLONE_PARENT by the init of a pid namespace: it would make siblings of it",
    source="clone(2); kernel/fork.c copy_process",
)  # fmt: skip
CLONE_NPROC = Refusal(
    "clone.eagain.nproc", call="clone", errno=EAGAIN, depends=STATE,
    cause="the real user has as many processes as RLIMIT_NPROC allows, is not uid 0 of the host, and neither CAP_SYS_RESOURCE "
    "nor CAP_SYS_ADMIN over the initial user namespace is there",
    source="fork(2), getrlimit(2); kernel/fork.c copy_process",
)  # fmt: skip
CLONE_QUOTA = Refusal(
    "clone.eagain.quota", call="clone", errno=EAGAIN, depends=ENVIRONMENT,
    cause="threads-max, the pids cgroup or pid_max would be exceeded",
    source="fork(2); kernel/fork.c copy_process", excuse="needs memory exhaustion: of thread slots of the whole host",
)  # fmt: skip
CLONE_DEAD_NAMESPACE = Refusal(
    "clone.enomem.dead-namespace", call="clone", errno=ENOMEM, depends=STATE,
    cause="the pid namespace in which children are born has lost its init",
    source="pid_namespaces(7); kernel/pid.c alloc_pid",
)  # fmt: skip
CLONE_KILLED = Refusal(
    "clone.eintr", call="clone", errno=EINTR, depends=ENVIRONMENT,
    cause="the caller was sent SIGKILL meanwhile", source="clone(2); kernel/fork.c copy_process", excuse="needs a race",
)  # fmt: skip
CLONE_CLEARS_PDEATHSIG = Effect(
    "clone.pdeathsig", call="clone", cause="the child has no parent death signal",
    source="PR_SET_PDEATHSIG(2const); kernel/fork.c copy_process",
)  # fmt: skip
CLONE_CLEARS_PENDING = Effect(
    "clone.pending", call="clone", cause="the child has no pending signals; it blocks what the parent blocks",
    source="fork(2); kernel/fork.c copy_process",
)  # fmt: skip
CLONE_CLEARS_SUBREAPER = Effect(
    "clone.subreaper", call="clone", cause="the child is not a subreaper, even where the parent is one",
    source="PR_SET_CHILD_SUBREAPER(2const); kernel/fork.c copy_signal",
)  # fmt: skip

# -- exec --

EXEC_UNKNOWN_FLAG = Refusal(
    "execveat.einval.flags", call="execveat", errno=EINVAL, depends=ARGUMENTS,
    cause="a flag that execveat does not know", source="execveat(2); fs/exec.c do_open_execat",
)  # fmt: skip
EXEC_NPROC = Refusal(
    "execve.eagain.nproc", call="execve", errno=EAGAIN, depends=STATE,
    cause="a change of the user id went beyond RLIMIT_NPROC, and the user is still beyond it",
    source="execve(2); fs/exec.c do_execveat_common",
)  # fmt: skip
EXEC_SYMLINK = Refusal(
    "execveat.eloop.symlink", call="execveat", errno=ELOOP, depends=STATE,
    cause="the path names a symbolic link, and AT_SYMLINK_NOFOLLOW is given",
    source="execveat(2); fs/namei.c may_open",
)  # fmt: skip
EXEC_NOT_REGULAR = Refusal(
    "execve.eacces.type", call="execve", errno=EACCES, depends=STATE,
    cause="the file, or the interpreter of a script, is not a regular file",
    source="execve(2); fs/namei.c may_open",
)  # fmt: skip
EXEC_NOEXEC = Refusal(
    "execve.eacces.noexec", call="execve", errno=EACCES, depends=STATE,
    cause="the mount is noexec", source="execve(2); fs/namei.c may_open, fs/exec.c path_noexec",
)  # fmt: skip
EXEC_NO_PERMISSION = Refusal(
    "execve.eacces.permission", call="execve", errno=EACCES, depends=STATE,
    cause="the file, or the interpreter of a script, gives the caller no execute permission; to a caller with "
    "CAP_DAC_OVERRIDE: has no execute bit at all",
    source="execve(2); fs/namei.c inode_permission",
)  # fmt: skip
EXEC_TOO_BIG = Refusal(
    "execve.e2big", call="execve", errno=E2BIG, depends=ARGUMENTS,
    cause="an argument or environment string has 131072 bytes or more with its NUL, or all of them, each with a pointer, take "
    "more than a quarter of the stack limit (at least 128 KiB, at most 6 MiB)",
    source="execve(2); fs/exec.c copy_strings, bprm_stack_limits",
)  # fmt: skip
EXEC_BUSY = Refusal(
    "execve.etxtbsy", call="execve", errno=ETXTBSY, depends=STATE,
    cause="the file is open for writing", source="execve(2); fs/exec.c exe_file_deny_write_access",
)  # fmt: skip
EXEC_UNKNOWN_FORMAT = Refusal(
    "execve.enoexec", call="execve", errno=ENOEXEC, depends=STATE,
    cause="the file is neither a program nor a script with a whole interpreter line in its first 256 bytes",
    source="execve(2); fs/exec.c search_binary_handler, fs/binfmt_script.c load_script",
)  # fmt: skip
EXEC_SCRIPT_CLOSED = Refusal(
    "execveat.enoent.script-closed", call="execveat", errno=ENOENT, depends=STATE,
    cause="a script is run through a descriptor that exec closes, so that its interpreter could not open it",
    source="execveat(2), BUGS; fs/binfmt_script.c load_script",
)  # fmt: skip
EXEC_TOO_MANY_INTERPRETERS = Refusal(
    "execve.eloop.interpreters", call="execve", errno=ELOOP, depends=STATE,
    cause="more than five scripts are each the interpreter of the one before",
    source="execve(2); fs/exec.c exec_binprm",
)  # fmt: skip
EXEC_CLOSES = Effect(
    "execve.cloexec", call="execve", cause="the descriptor table is no longer shared, and close-on-exec descriptors are closed",
    source="execve(2); fs/exec.c begin_new_exec",
)  # fmt: skip
EXEC_NAMES = Effect(
    "execve.comm", call="execve", cause="the process is named after the last component of the path, cut to 15 bytes",
    source="execve(2), PR_SET_NAME(2const); fs/exec.c begin_new_exec",
)  # fmt: skip
EXEC_EXIT_SIGNAL = Effect(
    "execve.exit-signal", call="execve", cause="the signal at the exit of the process is SIGCHLD from now on",
    source="clone(2); fs/exec.c de_thread",
)  # fmt: skip
EXEC_DUMPABLE = Effect(
    "execve.dumpable", call="execve",
    cause="dumpable becomes 1, or what suid_dumpable says if the caller's effective and real ids differ or it may not read the "
    "file",
    source="PR_SET_DUMPABLE(2const); fs/exec.c begin_new_exec",
)  # fmt: skip
EXEC_SECURE_PDEATHSIG = Effect(
    "execve.pdeathsig", call="execve",
    cause="a program in secure mode has no parent death signal",
    source="PR_SET_PDEATHSIG(2const); fs/exec.c begin_new_exec",
)  # fmt: skip
EXEC_KEEPS_IGNORED = Effect(
    "execve.signals", call="execve",
    cause="ignored signals stay ignored, blocked ones blocked, pending ones pending",
    source="execve(2), signal(7); kernel/signal.c flush_signal_handlers",
)  # fmt: skip

# -- exit --

EXIT_REPARENTS = Effect(
    "exit_group.reparent", call="exit_group",
    cause="children are given to the nearest living ancestor in the same pid namespace that is a subreaper, else to the init "
    "of that namespace, and their exit signal becomes SIGCHLD",
    source="PR_SET_CHILD_SUBREAPER(2const); kernel/exit.c forget_original_parent",
)  # fmt: skip
EXIT_PDEATHSIG = Effect(
    "exit_group.pdeathsig", call="exit_group",
    cause="each child gets its parent death signal, if the dying parent may send it",
    source="PR_SET_PDEATHSIG(2const); kernel/exit.c forget_original_parent",
)  # fmt: skip
EXIT_INIT = Effect(
    "exit_group.init", call="exit_group",
    cause="with the init of a pid namespace every other member is killed, and it can be waited for only when all are reaped",
    source="pid_namespaces(7); kernel/pid_namespace.c zap_pid_ns_processes",
)  # fmt: skip
EXIT_AUTOREAP = Effect(
    "exit_group.autoreap", call="exit_group",
    cause="a child whose exit signal is SIGCHLD leaves no zombie where the parent ignores SIGCHLD",
    source="wait(2); kernel/signal.c do_notify_parent",
)  # fmt: skip
EXIT_ORPHANED_GROUP = Effect(
    "exit_group.orphaned-group", call="exit_group",
    cause="a process group with stopped members that loses its last connection to its session gets SIGHUP and SIGCONT",
    source="setpgid(2); kernel/exit.c kill_orphaned_pgrp",
)  # fmt: skip
EXIT_HANGUP = Effect(
    "exit_group.hangup", call="exit_group",
    cause="when a session leader ends, the foreground process group of its terminal gets SIGHUP, and the session has lost its "
    "terminal",
    source="setsid(2); drivers/tty/tty_jobctrl.c disassociate_ctty",
)  # fmt: skip

# -- wait --

WAIT_UNKNOWN_OPTION = Refusal(
    "wait4.einval", call="wait4", errno=EINVAL, depends=ARGUMENTS,
    cause="an option that wait4 does not know", source="wait(2); kernel/exit.c kernel_wait4",
)  # fmt: skip
WAIT_IMPOSSIBLE_GROUP = Refusal(
    "wait4.esrch", call="wait4", errno=ESRCH, depends=ARGUMENTS,
    cause="the pid is -2147483648, which has no positive counterpart", source="wait(2); kernel/exit.c kernel_wait4",
)  # fmt: skip
WAIT_NO_CHILD = Refusal(
    "wait4.echild", call="wait4", errno=ECHILD, depends=STATE,
    cause="no child is left that could be waited for: of that pid or group, and with SIGCHLD as its exit signal unless __WALL "
    "or __WCLONE says otherwise",
    source="wait(2); kernel/exit.c do_wait",
)  # fmt: skip
WAIT_INTERRUPTED = Refusal(
    "wait4.eintr", call="wait4", errno=EINTR, depends=ENVIRONMENT,
    cause="a signal handler ran", source="wait(2); kernel/exit.c do_wait",
    excuse="needs a race: with a handler, and programs of the protocol have none",
)  # fmt: skip

# -- sessions and groups --

SID_NO_PROCESS = Refusal(
    "getsid.esrch", call="getsid", errno=ESRCH, depends=STATE,
    cause="the caller's pid namespace knows no such process", source="getsid(2); kernel/sys.c getsid",
)  # fmt: skip
SETSID_LEADER = Refusal(
    "setsid.eperm", call="setsid", errno=EPERM, depends=STATE,
    cause="the caller leads a session, or a process group has its pid as its number",
    source="setsid(2); kernel/sys.c ksys_setsid",
)  # fmt: skip
SETSID_TERMINAL = Effect(
    "setsid.terminal", call="setsid", cause="the new session has no controlling terminal",
    source="setsid(2); kernel/sys.c ksys_setsid",
)  # fmt: skip
PGID_NO_PROCESS = Refusal(
    "getpgid.esrch", call="getpgid", errno=ESRCH, depends=STATE,
    cause="the caller's pid namespace knows no such process", source="getpgid(2); kernel/sys.c do_getpgid",
)  # fmt: skip
SETPGID_NEGATIVE = Refusal(
    "setpgid.einval", call="setpgid", errno=EINVAL, depends=ARGUMENTS,
    cause="the group is negative", source="setpgid(2); kernel/sys.c setpgid",
)  # fmt: skip
SETPGID_NO_PROCESS = Refusal(
    "setpgid.esrch.missing", call="setpgid", errno=ESRCH, depends=STATE,
    cause="the caller's pid namespace knows no such process", source="setpgid(2); kernel/sys.c setpgid",
)  # fmt: skip
SETPGID_OTHER_SESSION = Refusal(
    "setpgid.eperm.session", call="setpgid", errno=EPERM, depends=STATE,
    cause="the child is in another session", source="setpgid(2); kernel/sys.c setpgid",
)  # fmt: skip
SETPGID_AFTER_EXEC = Refusal(
    "setpgid.eacces", call="setpgid", errno=EACCES, depends=STATE,
    cause="the child has made an exec already", source="setpgid(2); kernel/sys.c setpgid",
)  # fmt: skip
SETPGID_NOT_CHILD = Refusal(
    "setpgid.esrch.not-child", call="setpgid", errno=ESRCH, depends=STATE,
    cause="the process is neither the caller nor a child of it", source="setpgid(2); kernel/sys.c setpgid",
)  # fmt: skip
SETPGID_LEADER = Refusal(
    "setpgid.eperm.leader", call="setpgid", errno=EPERM, depends=STATE,
    cause="the process leads a session", source="setpgid(2); kernel/sys.c setpgid",
)  # fmt: skip
SETPGID_NO_GROUP = Refusal(
    "setpgid.eperm.group", call="setpgid", errno=EPERM, depends=STATE,
    cause="there is no such process group in the caller's session", source="setpgid(2); kernel/sys.c setpgid",
)  # fmt: skip

# -- pidfd --

PIDFD_UNKNOWN_FLAG = Refusal(
    "pidfd_open.einval.flags", call="pidfd_open", errno=EINVAL, depends=ARGUMENTS,
    cause="a flag that pidfd_open does not know", source="pidfd_open(2); kernel/pid.c pidfd_open",
)  # fmt: skip
PIDFD_INVALID_PID = Refusal(
    "pidfd_open.einval.pid", call="pidfd_open", errno=EINVAL, depends=ARGUMENTS,
    cause="the pid is not positive", source="pidfd_open(2); kernel/pid.c pidfd_open",
)  # fmt: skip
PIDFD_NO_PROCESS = Refusal(
    "pidfd_open.esrch", call="pidfd_open", errno=ESRCH, depends=STATE,
    cause="the caller's pid namespace knows no such process", source="pidfd_open(2); kernel/pid.c pidfd_open",
)  # fmt: skip
PIDFD_CLOEXEC = Effect(
    "pidfd_open.cloexec", call="pidfd_open", cause="the descriptor is close-on-exec", source="pidfd_open(2); kernel/pid.c",
)  # fmt: skip


class Processes(Protocol):
    """Making processes, replacing them, ending them, waiting for them."""

    @syscall(
        CLONE_NEWNS_FS,
        CLONE_NEWUSER_FS,
        CLONE_THREAD_SIGHAND,
        CLONE_SIGHAND_VM,
        CLONE_PARENT_INIT,
        CLONE_THREAD_NAMESPACE,
        NEW_USER,
        CLONE_NPROC,
        CLONE_QUOTA,
        NEW_UNPRIVILEGED,
        NEW_IPC_SYSVSEM,
        NEW_PID_PENDING,
        NEW_PID_OUTSIDE,
        NEW_PID_TOO_DEEP,
        NEW_QUOTA,
        CLONE_DEAD_NAMESPACE,
        CLONE_KILLED,
        CLONE_CLEARS_PDEATHSIG,
        CLONE_CLEARS_PENDING,
        CLONE_CLEARS_SUBREAPER,
        CGROUP_INHERITS,
        ENTER_USER,
        NEW_NAMESPACE_LOCKS,
    )
    def clone(self, flags: int, child: Callable[..., int | None], *args: Any) -> Pid:
        """Make a process that runs `child(kernel, *args)`, a module-level function with frozen arguments, and return its pid.

        `flags` holds `CloneFlag` bits and, in the low byte, the signal that the parent gets at its exit (usually
        SIGCHLD). The child shares no Python object with its parent. What `child` returns is its exit status (None: 0).
        """

    @syscall(
        LOOKUP,
        EXEC_NPROC,
        EXEC_UNKNOWN_FLAG,
        EXEC_SYMLINK,
        EXEC_NOT_REGULAR,
        EXEC_NOEXEC,
        EXEC_NO_PERMISSION,
        EXEC_BUSY,
        EXEC_TOO_BIG,
        EXEC_SECURITY,
        EXEC_UNKNOWN_FORMAT,
        EXEC_SCRIPT_CLOSED,
        EXEC_TOO_MANY_INTERPRETERS,
        EXEC_CREDENTIALS,
        EXEC_CLOSES,
        EXEC_NAMES,
        EXEC_EXIT_SIGNAL,
        EXEC_DUMPABLE,
        EXEC_SECURE_PDEATHSIG,
        EXEC_KEEPS_IGNORED,
        CLOSE_HANGS_UP,
    )
    def execveat(self, dirfd: int, path: str, argv: tuple[str, ...], envp: tuple[str, ...], flags: int = 0) -> NoReturn:
        """Replace the calling process by the program at `path`. Does not return; raises only where it is refused."""

    @syscall(EXIT_REPARENTS, EXIT_PDEATHSIG, EXIT_INIT, EXIT_AUTOREAP, EXIT_ORPHANED_GROUP, EXIT_HANGUP, CLOSE_HANGS_UP)
    def exit_group(self, status: int) -> NoReturn:
        """End the process with the low eight bits of `status`."""

    @syscall(WAIT_UNKNOWN_OPTION, WAIT_IMPOSSIBLE_GROUP, WAIT_NO_CHILD, WAIT_INTERRUPTED)
    def wait4(self, pid: int, options: int = 0) -> tuple[Pid, int]:
        """Wait for a child: its pid and status word. (0, 0) where WNOHANG is set and none has changed.

        `pid` selects: > 0 that child; -1 any; 0 the caller's process group; < -1 the group -pid.
        """

    @syscall()
    def getpid(self) -> Pid:
        """The caller's process id in its own pid namespace."""

    @syscall()
    def gettid(self) -> Pid:
        """The caller's thread id in its own pid namespace."""

    @syscall()
    def getppid(self) -> Pid:
        """The parent's process id as the caller's pid namespace sees it; 0 where it is outside."""

    @syscall(SID_NO_PROCESS)
    def getsid(self, pid: Pid) -> Pid:
        """The session of process `pid`; 0 is the caller."""

    @syscall(SETSID_LEADER, SETSID_TERMINAL)
    def setsid(self) -> Pid:
        """Start a new session and process group without a controlling terminal."""

    @syscall(PGID_NO_PROCESS)
    def getpgid(self, pid: Pid) -> Pid:
        """The process group of process `pid`; 0 is the caller."""

    @syscall(
        SETPGID_NEGATIVE,
        SETPGID_NO_PROCESS,
        SETPGID_OTHER_SESSION,
        SETPGID_AFTER_EXEC,
        SETPGID_NOT_CHILD,
        SETPGID_LEADER,
        SETPGID_NO_GROUP,
    )
    def setpgid(self, pid: Pid, pgid: Pid) -> None:
        """Move process `pid` (0: the caller) into process group `pgid` (0: one with the pid's own number)."""

    @syscall(PIDFD_UNKNOWN_FLAG, PIDFD_INVALID_PID, PIDFD_NO_PROCESS, TOO_MANY_OPEN, PIDFD_CLOEXEC)
    def pidfd_open(self, pid: Pid, flags: int = 0) -> Fd:
        """A descriptor, close-on-exec, that refers to process `pid`."""
