"""Who starts the runtime: programs that exec it, each with something of its own that a process passes on.

Descriptors, groups, limits, masks, securebits survive fork and exec: what the runtime's caller has, the container's payload
gets, unless init takes it away. A caller is a process of the host: root, a child of its init, with standard streams and no
other descriptor.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from errno import ECHILD

from kernelapi.capability import Cap, CapSet
from kernelapi.flags import (
    AddressFamily,
    Disposition,
    MountFlag,
    OpenFlag,
    Rlimit,
    Securebit,
    Signal,
    SigprocmaskHow,
    SocketType,
)
from kernelapi.ids import Fd, Gid, Pid
from kernelapi.kernel import Kernel
from kernelapi.values import CapData, Limit

LEAKED = Fd(9)
"""The number of the descriptor that careless callers leave open."""

DEFAULT_NAME = "default"

REMOVED = "/tmp/removed"

CANNOT_START = 126
"""The exit status of a caller that does not get as far as the runtime, as of a shell."""


def nothing(kernel: Kernel) -> None:
    """Just start the runtime."""


def start(kernel: Kernel, argv: tuple[str, ...], envp: tuple[str, ...]) -> None:
    """Become the runtime."""
    kernel.execve(argv[0], argv, envp)


@dataclass(frozen=True)
class Caller:
    """A caller: `oddity` is what it brings along, and what comes of that; `arrange` is done last before the runtime starts."""

    name: str
    oddity: str
    arrange: Callable[[Kernel], None] = nothing
    start: Callable[[Kernel, tuple[str, ...], tuple[str, ...]], None] = start


def call(
    kernel: Kernel, name: str, argv: tuple[str, ...], envp: tuple[str, ...], directory: str, output: Fd
) -> int:
    """The program of the caller `name`: standard output and error go to `output`, standard input is empty.

    Returns only where the runtime did not replace it: when its child has ended, or when there is no way to start one.
    """
    caller = named(name)
    try:
        kernel.dup2(output, Fd(1))
        kernel.dup2(output, Fd(2))
        kernel.close(output)
        kernel.open("/dev/null", OpenFlag.RDONLY)
        kernel.chdir(directory)
        caller.arrange(kernel)
        caller.start(kernel, argv, envp)
    except OSError:  # on a host that has been changed beyond use
        return CANNOT_START
    return 0


# -- descriptors --


def _leak(kernel: Kernel, fd: Fd) -> None:
    kernel.dup2(fd, LEAKED)
    kernel.close(fd)


def leak_directory(kernel: Kernel) -> None:
    _leak(kernel, kernel.open("/", OpenFlag.RDONLY | OpenFlag.DIRECTORY))


def leak_file(kernel: Kernel) -> None:
    _leak(kernel, kernel.open("/etc/passwd", OpenFlag.RDWR))


def leak_socket(kernel: Kernel) -> None:
    one, other = kernel.socketpair(AddressFamily.UNIX, SocketType.STREAM, 0)
    _leak(kernel, one)
    kernel.dup2(other, Fd(LEAKED + 1))
    kernel.close(other)


def close_input(kernel: Kernel) -> None:
    kernel.close(Fd(0))


def close_output(kernel: Kernel) -> None:
    kernel.close(Fd(1))


def close_error(kernel: Kernel) -> None:
    kernel.close(Fd(2))


def close_all(kernel: Kernel) -> None:
    for fd in range(3):
        kernel.close(Fd(fd))


def be_silent(kernel: Kernel) -> None:
    null = kernel.open("/dev/null", OpenFlag.WRONLY)
    kernel.dup2(null, Fd(1))
    kernel.close(null)


def read_from_directory(kernel: Kernel) -> None:
    kernel.close(Fd(0))
    kernel.open("/", OpenFlag.RDONLY | OpenFlag.DIRECTORY)


# -- credentials --


def join_groups(kernel: Kernel) -> None:
    kernel.setgroups((Gid(5), Gid(6), Gid(10)))  # tty, disk, wheel


def restrict_root(kernel: Kernel) -> None:
    """Root without root's privileges, but with ambient capabilities in their place."""
    held = kernel.capget(Pid(0)).permitted
    kernel.capset(Pid(0), CapData(held, held, held))
    for cap in held:
        kernel.prctl_cap_ambient_raise(cap)
    kernel.prctl_set_securebits(Securebit.NOROOT | Securebit.NOROOT_LOCKED)


def lock_keepcaps(kernel: Kernel) -> None:
    kernel.prctl_set_securebits(Securebit.KEEP_CAPS_LOCKED)


def drop_mknod(kernel: Kernel) -> None:
    kernel.prctl_capbset_drop(Cap.MKNOD)


def drop_net_raw(kernel: Kernel) -> None:
    kernel.prctl_capbset_drop(Cap.NET_RAW)


def drop_setgid(kernel: Kernel) -> None:
    kernel.prctl_capbset_drop(Cap.SETGID)


def drop_sys_admin(kernel: Kernel) -> None:
    kernel.prctl_capbset_drop(Cap.SYS_ADMIN)


def drop_setpcap(kernel: Kernel) -> None:
    kernel.prctl_capbset_drop(Cap.SETPCAP)


def pass_inheritable(kernel: Kernel) -> None:
    held = kernel.capget(Pid(0))
    kernel.capset(Pid(0), CapData(held.effective, held.permitted, CapSet({Cap.SYS_ADMIN})))


def renounce_privileges(kernel: Kernel) -> None:
    kernel.prctl_set_no_new_privs(1)


# -- signals, umask, limits --


def ask_for_death_signal(kernel: Kernel) -> None:
    kernel.prctl_set_pdeathsig(Signal.TERM)


def block_signals(kernel: Kernel) -> None:
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.TERM, Signal.CHLD}))


def ignore_pipe(kernel: Kernel) -> None:
    kernel.rt_sigaction(Signal.PIPE, Disposition.IGNORE)


def ignore_children(kernel: Kernel) -> None:
    kernel.rt_sigaction(Signal.CHLD, Disposition.IGNORE)


def hide_nothing(kernel: Kernel) -> None:
    kernel.umask(0)


def hide_everything(kernel: Kernel) -> None:
    kernel.umask(0o077)


def allow_few_descriptors(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.NOFILE, Limit(6, 6))


def allow_no_processes(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.NPROC, Limit(0, 0))


# -- where it stands --


def remove_directory(kernel: Kernel) -> None:
    kernel.mkdir(REMOVED, 0o700)
    kernel.chdir(REMOVED)
    kernel.rmdir(REMOVED)


def keep_mounts_private(kernel: Kernel) -> None:
    kernel.mount("", "/", "", MountFlag.PRIVATE | MountFlag.REC, "")


def start_below_subreaper(kernel: Kernel, argv: tuple[str, ...], envp: tuple[str, ...]) -> None:
    """Let a child become the runtime, and wait for it and for what it leaves behind."""
    kernel.prctl_set_child_subreaper(1)
    kernel.clone(Signal.CHLD, start, argv, envp)
    try:
        while True:
            kernel.wait4(Pid(-1))
    except OSError as error:
        if error.errno != ECHILD:
            raise


_TABLE = (
    Caller(DEFAULT_NAME, "Root of the host: /dev/null as standard input, nothing else open, nothing odd."),
    Caller("leaks-directory", "It has the root directory of the host open as descriptor 9: every path of the host from there.",
           leak_directory),
    Caller("leaks-file", "It has a file of the host open to write as descriptor 9.", leak_file),
    Caller("leaks-socket", "It has both ends of a connection open as descriptors 9 and 10.", leak_socket),
    Caller("input-directory", "Its standard input is the root directory of the host: the one descriptor that is meant to be "
           "passed on.", read_from_directory),
    Caller("silent", "Its standard output is /dev/null, as that of a daemon is.", be_silent),
    Caller("closed-input", "Its standard input is closed: the first descriptor that the runtime opens takes its place.",
           close_input),
    Caller("closed-output", "Its standard output is closed.", close_output),
    Caller("closed-error", "Its standard error is closed: the runtime has nowhere to say what went wrong.", close_error),
    Caller("closed-streams", "All its standard streams are closed.", close_all),
    Caller("groups", "It is in the groups tty, disk and wheel: whoever keeps them opens the host's terminals and disks.",
           join_groups),
    Caller("noroot", "Its securebits take root's privileges from root, for good; it has ambient capabilities in their place.",
           restrict_root),
    Caller("keepcaps-locked", "Its securebits lock keepcaps in the off position: capabilities cannot be kept over a change of "
           "user.", lock_keepcaps),
    Caller("lacks-mknod", "CAP_MKNOD is not in its bounding set: it cannot be granted, and devices cannot be made.",
           drop_mknod),
    Caller("lacks-net-raw", "CAP_NET_RAW is not in its bounding set: no step needs it, and it cannot be granted.",
           drop_net_raw),
    Caller("lacks-setgid", "CAP_SETGID is not in its bounding set: groups cannot be changed.", drop_setgid),
    Caller("lacks-sys-admin", "CAP_SYS_ADMIN is not in its bounding set: it may make no namespace, and join none.",
           drop_sys_admin),
    Caller("lacks-setpcap", "CAP_SETPCAP is not in its bounding set: nothing can be dropped from the bounding set.",
           drop_setpcap),
    Caller("inheritable", "CAP_SYS_ADMIN is in its inheritable set (CVE-2022-24769).", pass_inheritable),
    Caller("no-new-privs", "It has given up gaining privileges by exec, and with it all that it starts.", renounce_privileges),
    Caller("death-signal", "It wants SIGTERM when its own parent dies.", ask_for_death_signal),
    Caller("blocks-signals", "SIGTERM and SIGCHLD are blocked: exec keeps that, and the payload cannot be asked to end.",
           block_signals),
    Caller("ignores-pipe", "SIGPIPE is ignored, as Python does: exec keeps that, and `yes | head` does not end.", ignore_pipe),
    Caller("ignores-children", "SIGCHLD is ignored: children vanish when they end, and waiting for them fails.",
           ignore_children),
    Caller("umask-0", "Its umask is 0: what is made without a thought can be written by everybody.", hide_nothing),
    Caller("umask-077", "Its umask is 077: what is made for others cannot be read by them.", hide_everything),
    Caller("few-descriptors", "It may have six descriptors.", allow_few_descriptors),
    Caller("no-processes", "Its users may have no process at all: root may, whoever it changes to may not.",
           allow_no_processes),
    Caller("removed-directory", "Its working directory has been removed.", remove_directory),
    Caller("private-mounts", "Its host's mounts are private, as the kernel makes them and systemd does not leave them: what "
           "forgets to cut propagation does no harm here.", keep_mounts_private),
    Caller("subreaper", "It is a subreaper, and the runtime its child: orphans become the subreaper's, and never those of "
           "process 1.", start=start_below_subreaper),
)  # fmt: skip

CALLERS: dict[str, Caller] = {caller.name: caller for caller in _TABLE}
"""By name. The first is the default."""

DEFAULT_CALLER = CALLERS[DEFAULT_NAME]

def named(name: str) -> Caller:
    """The caller of this name; of several names joined by "+", one that does all that each does, as far as it then still can.

    Raises `KeyError`.
    """
    parts = [CALLERS[each] for each in name.split("+")]
    if len(parts) == 1:
        return parts[0]

    def arrange(kernel: Kernel) -> None:
        for part in parts:
            with suppress(OSError):
                part.arrange(kernel)

    starts = [part.start for part in parts if part.start is not start]
    return Caller(name, " ".join(part.oddity for part in parts), arrange, starts[-1] if starts else start)
