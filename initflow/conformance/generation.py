"""Programs as Hypothesis makes them: which calls go together."""

from collections.abc import Callable

from hypothesis import strategies as st

from initflow.conformance.arguments import AGENT, ARGUMENTS, REQUESTED
from initflow.conformance.choices import Choice, Pick
from initflow.conformance.phrases import PHRASES
from initflow.conformance.program import STARTS, Program, Step

MOST_STEPS = 64
"""So many steps a program has at most."""

PRIVILEGED = ("prctl_set_keepcaps", "prctl_set_securebits", "capset", "prctl_set_no_new_privs", "prctl_set_dumpable")
THEMES: dict[str, tuple[str, ...]] = {
    "identity": (
        "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "capset",
        "capset", "capget",
        "prctl_capbset_drop", "prctl_cap_ambient_raise", "prctl_cap_ambient_lower", "prctl_set_securebits",
        "prctl_set_keepcaps", "unshare", "execve",
        "open", "chown", "kill", "clone",
    ),
    "execution": (
        "execve", "execve", "execve", "execve", "execveat", "execveat", *PRIVILEGED, "setresuid", "setresgid",
        "prctl_capbset_drop", "prctl_cap_ambient_raise",
        "chmod", "chown", "setxattr", "lsetxattr", "getxattr", "seccomp_set_mode_filter", "prctl_set_seccomp", "unshare",
        "clone", "mount", "open", "setuid", "prctl_set_pdeathsig", "fcntl_setfd",
    ),
    "namespaces": (
        "unshare", "unshare", "clone", "clone", "setns", "setns", "setns", "open", "open", "open", "write", "write",
        "pidfd_open", "setuid", "setresuid", "capset",
        "sethostname", "uname", "setgroups", "kill", "readlink", "getpid", "execve", "exit_group", "wait4", "chroot",
    ),
    "processes": (
        "clone", "clone", "clone", "kill", "kill", "kill", "wait4", "wait4", "wait4", "exit_group", "setpgid", "setpgid",
        "setsid", "rt_sigaction", "rt_sigprocmask",
        "rt_sigpending", "prctl_set_pdeathsig", "prctl_set_child_subreaper", "getppid", "getpgid", "getsid", "pidfd_open",
        "prlimit64", "execve", "setresuid",
        "unshare",
    ),
    "terminals": (
        "open", "open", "ioctl_tiocsptlck", "ioctl_tiocgptn", "ioctl_tiocsctty", "ioctl_tiocsctty", "ioctl_tiocnotty",
        "ioctl_tiocspgrp", "ioctl_tiocgpgrp", "ioctl_tiocgsid",
        "ioctl_tiocswinsz", "ioctl_tiocgwinsz", "setsid", "setsid", "clone", "setpgid", "close", "write", "read",
        "exit_group", "dup", "kill", "fchmod", "fstat",
    ),
    "descriptors": (
        "open", "open", "pipe", "pipe2", "close", "dup", "dup2", "dup3", "fcntl_dupfd", "fcntl_dupfd_cloexec",
        "fcntl_getfd", "fcntl_setfd", "fcntl_setfl", "fcntl_getfl",
        "read", "read", "write", "write", "lseek", "fstat", "close_range", "clone", "mknod", "openat", "setrlimit",
        "getdents64",
    ),
    "sockets": (
        "socketpair", "socketpair", "sendmsg", "sendmsg", "sendmsg", "sendmsg", "recvmsg", "recvmsg", "recvmsg", "shutdown",
        "close", "read", "write", "clone", "open", "pipe2", "fcntl_getfl", "fcntl_setfl",
        "dup", "kill",
    ),
    "files": (
        "open", "openat", "open", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "mknod", "mknodat", "symlink",
        "symlinkat", "link", "linkat", "rename", "renameat2", "readlink",
        "readlinkat", "statfs", "fstatfs", "getxattr", "lgetxattr", "stat", "lstat", "newfstatat", "access", "faccessat2",
        "chmod", "fchmod", "fchmodat", "chown",
        "lchown", "fchown", "fchownat", "umask", "chdir", "fchdir", "getcwd",
        "setresuid", "setresgid", "setfsuid", "capset", "getdents64", "write",
    ),
    "mounts": (
        "mount", "mount", "mount", "mount", "mount", "mount", "umount2", "umount2", "pivot_root", "chroot", "chdir",
        "fchdir", "getcwd", "open", "clone", "unshare", "setns", "mkdir", "rename",
        "rmdir", "stat", "write", "access", "setresuid",
    ),
    "network": (
        "socket", "request", "request", "request", "request", "request", "recvmsg", "recvmsg", "recvmsg", "bind",
        "getsockname", "ioctl_siocbraddif", "unshare", "setns", "clone", "shutdown", "capset",
    ),
}  # fmt: skip
"""Calls that go together: a program is mostly about one of these. "request" is sendmsg on a netlink socket."""

_MAKERS: dict[str, tuple[str, Choice]] = {name: (name, arguments) for name, arguments in ARGUMENTS.items()}
_MAKERS["request"] = ("sendmsg", REQUESTED)
_PHRASES = {
    theme: tuple(PHRASES[name] for name in names)
    for theme, names in {
        "identity": ("become", "lower", "map", "map oneself", "capable file", "run", "confined"),
        "execution": ("run", "no exec", "own program", "capable file", "become", "map oneself", "own group"),
        "namespaces": ("map", "map oneself", "enter", "enter by pidfd", "apart", "offsets", "short life", "become"),
        "processes": ("short life", "own group", "pending", "death signal", "limit", "become", "apart", "of the dead"),
        "terminals": ("terminal", "session", "own group", "death signal"),
        "descriptors": ("pipe", "limit", "through", "of the dead", "tree"),
        "sockets": ("pair", "pair", "pipe", "limit"),
        "files": ("sticky", "tree", "links", "group directory", "become", "lower", "through", "read-only", "map oneself"),
        "mounts": (
            "mounted", "propagated", "moved", "read-only", "pivot", "confined", "in a user namespace", "enter", "become",
        ),
        "network": ("network", "network", "enter", "become"),
    }.items()
}
_EVERYTHING = tuple(ARGUMENTS)
_MOSTLY = 5
"""One step in so many is about anything, and instead of one in so many there is a phrase."""
_ENDS = 64
"""After one step in so many a program ends."""


_THEMES = tuple(THEMES)
_NUMBERS = 2**24
"""So many numbers Hypothesis chooses among alike; of more, it prefers the small ones."""


class Digits:
    """A `Pick` that takes its numbers, digit by digit, from few large ones: to have Hypothesis choose costs the most here."""

    def __init__(self, draw: Callable[[], int]) -> None:
        self._draw = draw
        self._rest, self._room = 0, 1

    def __call__(self, below: int) -> int:
        if self._room < below:
            self._rest, self._room = self._draw(), _NUMBERS
        self._room //= below
        self._rest, digit = divmod(self._rest, below)
        return digit


def program(draw: Callable[[], int]) -> Program:
    """A program, made of numbers between 0 and 2**24. Each step has its own: it can be left out; 0 ends the program."""
    pick = Digits(draw)
    start = STARTS[pick(len(STARTS))]
    theme = _THEMES[pick(len(_THEMES))]
    steps: list[Step] = []
    while len(steps) < MOST_STEPS and ((pick := Digits(draw))(_ENDS) or not steps):
        steps += _steps(pick, theme)
    return Program(start, tuple(steps))


def _steps(pick: Pick, theme: str) -> tuple[Step, ...]:
    """One step, of the theme or any other; or a phrase of the theme."""
    about = pick(_MOSTLY)
    if about == _MOSTLY - 1:
        phrases = _PHRASES[theme]
        steps: tuple[Step, ...] = phrases[pick(len(phrases))](pick)
        return steps
    names = THEMES[theme] if about else _EVERYTHING
    name, arguments = _MAKERS[names[pick(len(names))]]
    return (Step(AGENT(pick), name, arguments(pick)),)


_NUMBER = st.integers(0, _NUMBERS - 1)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Programs, for Hypothesis."""
    return program(lambda: draw(_NUMBER))
