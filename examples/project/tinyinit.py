"""A tiny init: starts one program as another user, reaps whatever is left to it, and ends as the program did.

    tinyinit 1000 /bin/sh -c 'id; exit 3'
"""

import os
import sys
from collections.abc import Callable
from typing import Any

from kernelapi import Gid, Kernel, Pid, Signal, Uid

NOT_FOUND = 127


def leave_root(kernel: Kernel, user: int) -> None:
    """Be `user` for good: the groups first, since nobody but root may change them."""
    kernel.setgroups(())
    kernel.setgid(Gid(user))
    kernel.setuid(Uid(user))
    kernel.prctl_set_no_new_privs(1)


def start(kernel: Kernel, user: int, argv: tuple[str, ...]) -> int:
    """What the child does: become the program, as `user`."""
    leave_root(kernel, user)
    try:
        kernel.execve(argv[0], argv, ())
    except OSError:
        return NOT_FOUND


def supervise(kernel: Kernel, child: Callable[..., int | None], *args: Any) -> int:
    """Run `child(kernel, *args)` in a process of its own, reap every process that is left to this one, and return its status.

    A status below 0 is the signal that ended it.
    """
    kernel.prctl_set_child_subreaper(1)
    service = kernel.clone(Signal.CHLD, child, *args)
    status = None
    while True:
        try:
            pid, word = kernel.wait4(Pid(-1))
        except ChildProcessError:  # nobody is left
            assert status is not None
            return status
        if pid == service:
            status = os.waitstatus_to_exitcode(word)


def main() -> None:
    """The command."""
    from kernelapi.linux.kernel import linux

    user, *argv = sys.argv[1:]
    status = supervise(linux(), start, int(user), tuple(argv))
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
