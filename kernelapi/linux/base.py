"""Raw system calls: by number, on this thread alone, errors as `OSError`.

`syscall` of libc is used for all of them: libc's own wrappers change the ids of every thread, cache, or restart.
"""

import ctypes
import os
import platform
from typing import Any

from kernelapi.errors import ModelError

# A PyDLL keeps the interpreter's lock over the call: a clone must come back, in the child too, with the lock held.
_libc = ctypes.PyDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long

_X86_64 = {
    "read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "rt_sigaction": 13, "rt_sigprocmask": 14, "ioctl": 16,
    "dup": 32, "dup2": 33, "getpid": 39, "socket": 41, "sendto": 44, "recvfrom": 45, "sendmsg": 46, "recvmsg": 47,
    "shutdown": 48, "bind": 49, "getsockname": 51, "socketpair": 53, "clone": 56, "wait4": 61, "kill": 62, "uname": 63,
    "fcntl": 72, "getcwd": 79, "chdir": 80, "fchdir": 81, "fchmod": 91, "fchown": 93, "umask": 95, "getuid": 102,
    "getgid": 104, "setuid": 105, "setgid": 106, "geteuid": 107, "getegid": 108, "setpgid": 109, "getppid": 110,
    "setsid": 112, "setreuid": 113, "setregid": 114, "getgroups": 115, "setgroups": 116, "setresuid": 117,
    "getresuid": 118, "setresgid": 119, "getresgid": 120, "getpgid": 121, "setfsuid": 122, "setfsgid": 123,
    "getsid": 124, "capget": 125, "capset": 126, "rt_sigpending": 127, "statfs": 137, "fstatfs": 138, "pivot_root": 155,
    "prctl": 157, "chroot": 161, "mount": 165, "umount2": 166, "sethostname": 170, "setdomainname": 171, "gettid": 186,
    "setxattr": 188, "lsetxattr": 189, "getxattr": 191, "lgetxattr": 192, "getdents64": 217,
    "clock_gettime": 228, "clock_nanosleep": 230, "exit_group": 231, "openat": 257, "mkdirat": 258,
    "mknodat": 259, "fchownat": 260, "newfstatat": 262, "unlinkat": 263, "linkat": 265, "symlinkat": 266,
    "readlinkat": 267, "fchmodat": 268, "unshare": 272, "dup3": 292, "pipe2": 293, "prlimit64": 302, "setns": 308,
    "renameat2": 316, "seccomp": 317, "getrandom": 318, "execveat": 322, "pidfd_open": 434, "close_range": 436,
    "faccessat2": 439,
    # The narrower calls that an alias names.
    "open": 2, "stat": 4, "lstat": 6, "access": 21, "pipe": 22, "execve": 59, "rename": 82, "mkdir": 83, "rmdir": 84,
    "link": 86, "unlink": 87, "symlink": 88, "readlink": 89, "chmod": 90, "chown": 92, "lchown": 94, "getrlimit": 97,
    "getpgrp": 111, "mknod": 133, "setrlimit": 160,
}  # fmt: skip

NUMBERS = {"x86_64": _X86_64}.get(platform.machine(), {})
"""The number of each system call on this machine (arch/x86/entry/syscalls/syscall_64.tbl)."""


def syscall(name: str, *args: Any) -> int:
    """Make the system call `name`. Raises `OSError` with its errno; `ModelError` on a machine whose numbers are not known.

    An argument is an int, None (a null pointer), bytes (a pointer to them, NUL-terminated), or a ctypes object or pointer.
    """
    number = NUMBERS.get(name)
    if number is None:
        raise ModelError(f"no number is known for {name} on {platform.machine()}")
    result = int(_syscall(ctypes.c_long(number), *map(_word, args)))
    if result == -1:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno))
    return result


def _word(value: Any) -> Any:
    """An int as a full machine word: the upper half of a variadic argument would be undefined otherwise."""
    return ctypes.c_long(value) if isinstance(value, int) else value


def path_bytes(path: str) -> bytes:
    """A path as the kernel takes it. Raises `ModelError` on a NUL, which no C string can hold."""
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ModelError(f"a path cannot hold a NUL byte: {path!r}")
    return encoded
