"""The agents of a program: processes that make the calls that the driver asks for, one by one, and say what came of them.

All of this is a program on the protocol, and so the same on every kernel. Each agent hears and answers on a socket of its own.
"""

import pickle
from collections.abc import Callable
from errno import EBADF
from typing import Any

from initflow.conformance.program import Crashed, Failed, Unanswerable
from initflow.conformance.scratch import WITNESSES
from kernelapi.errors import ModelError
from kernelapi.flags import S_IFDIR, S_IFMT, OpenFlag, Seek, Signal, SigprocmaskHow
from kernelapi.ids import Fd, Gid, Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import read_all
from kernelapi.testing.witness import testimony
from kernelapi.values import Stat

REPORT, PROC = Fd(98), Fd(99)
"""The driver's: where its transcript goes, and its /proc, which every agent inherits."""

CHANNELS = 100  # the first of the descriptors by which driver and agents talk: the two ends of a socket for each agent

LAST = 90
"""What an agent has open above this is not its own."""

PROBE = 200
"""A descriptor that an agent opens to be found by those that share its table."""

LARGEST = 65536
"""Bytes of the longest message."""


def driver_end(agent: int) -> Fd:
    return Fd(CHANNELS + 2 * agent)


def agent_end(agent: int) -> Fd:
    return Fd(CHANNELS + 2 * agent + 1)


def be_agent(kernel: Kernel, agent: int) -> int:
    """Say who one is in the driver's pid namespace; then make the calls that the driver asks for."""
    end = agent_end(agent)
    kernel.write(end, pickle.dumps(kernel.readlinkat(PROC, "self")))
    while True:
        name, args = pickle.loads(kernel.read(end, LARGEST))
        kernel.write(end, pickle.dumps((answer(kernel, name, args),)))


def be_first_agent(kernel: Kernel, start: str) -> int:
    """Agent 0, in a session of its own: else kill(0, ...) would end the driver."""
    kernel.setsid()
    if start == "user":
        kernel.setgroups((Gid(1000),))
        kernel.setresgid(1000, 1000, 1000)
        kernel.setresuid(1000, 1000, 1000)
        kernel.prctl_set_dumpable(1)
    return be_agent(kernel, 0)


def answer(kernel: Kernel, name: str, args: tuple[Any, ...]) -> Any:
    """The value of a call, or how it failed."""
    make: Callable[..., Any] = OWN.get(name) or getattr(kernel, name)
    try:
        return make(kernel, *args) if name in OWN else make(*args)
    except OSError as error:
        return Failed(error.errno or 0)
    except ModelError as error:
        return Unanswerable(str(error))
    except Exception as error:  # whatever an implementation runs into: the driver tells
        return Crashed(f"{type(error).__name__}: {error}")


# -- calls that an agent makes in a way of its own --


def _clone(kernel: Kernel, flags: int, child: int) -> Pid:
    return kernel.clone(flags, be_agent, child)


def _execve(kernel: Kernel, path: str, argv: tuple[str, ...], envp: tuple[str, ...]) -> Any:
    if is_witnessed((path, argv, envp)):
        return _testify(kernel, "execve", path, argv, envp)
    return kernel.execve(path, argv, envp)


def _execveat(kernel: Kernel, dirfd: int, path: str, argv: tuple[str, ...], envp: tuple[str, ...], flags: int) -> Any:
    if is_witnessed((dirfd, path, argv, envp, flags)):
        return _testify(kernel, "execveat", dirfd, path, argv, envp, flags)
    return kernel.execveat(dirfd, path, argv, envp, flags)


def is_witnessed(args: tuple[Any, ...]) -> bool:
    """Whether a child makes this execve or execveat: by the name that the program is called."""
    argv = args[1] if isinstance(args[0], str) else args[2]
    return bool(argv) and argv[0] in WITNESSES


def _testify(kernel: Kernel, name: str, *args: Any) -> Any:
    """What a witness says that a child executes: with which credentials it runs. Or how the call failed in the child."""
    reader, writer = kernel.pipe2(0)
    try:
        pid = kernel.clone(Signal.CHLD, _be_witness, name, args, reader, writer)
    finally:
        kernel.close(writer)
    said = read_all(kernel, reader)
    kernel.close(reader)
    try:
        status = kernel.wait4(pid)[1]
    except OSError as error:  # its end has been ignored
        status = -(error.errno or 0)
    if said.startswith(b"errno "):
        return Failed(int(said.split()[1]))
    if said.startswith(b"model "):
        return Unanswerable(said.removeprefix(b"model ").decode())
    try:
        return (testimony(said), status)
    except (ValueError, KeyError):  # there is no /proc where it is
        return (said[-3:], status)


def _be_witness(kernel: Kernel, name: str, args: tuple[Any, ...], reader: Fd, writer: Fd) -> int:
    kernel.close(reader)
    kernel.dup3(writer, Fd(1), 0)
    try:
        getattr(kernel, name)(*args)
    except OSError as error:
        kernel.write(writer, b"errno %d" % (error.errno or 0))
    except ModelError as error:
        kernel.write(writer, b"model " + str(error).encode())
    return 1


# -- what only the agent itself knows --


def _attributes(kernel: Kernel) -> dict[str, Any]:
    """What /proc does not show of the attributes of a process; and its descriptors, each as (flags, status, offset, file)."""
    seen: dict[str, Any] = {}
    for name in (
        "prctl_get_securebits", "prctl_get_keepcaps", "prctl_get_dumpable", "prctl_get_pdeathsig", "prctl_get_name",
        "prctl_get_child_subreaper", "getcwd", "getresuid", "getresgid", "getgroups",
    ):  # fmt: skip
        seen[name.removeprefix("prctl_get_")] = answer(kernel, name, ())
    seen["fsuid"], seen["fsgid"] = kernel.setfsuid(-1), kernel.setfsgid(-1)
    seen["capget"] = kernel.capget(Pid(0))
    names = kernel.uname()
    seen["hostname"], seen["domainname"] = names.nodename, names.domainname
    seen["sigmask"] = sorted(kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, None))
    for fd in _own_descriptors(kernel):
        flags, status = kernel.fcntl_getfd(Fd(fd)), kernel.fcntl_getfl(Fd(fd))
        stat = answer(kernel, "fstat", (fd,))
        is_directory = isinstance(stat, Stat) and stat.mode & S_IFMT == S_IFDIR
        offset = "a directory" if is_directory else answer(kernel, "lseek", (fd, 0, Seek.CUR))
        seen[f"fd {fd}"] = (flags, status, offset, stat)
    return seen


def _own_descriptors(kernel: Kernel) -> list[int]:
    """The descriptors that the calls of the agent have got."""
    try:
        listing = kernel.openat(PROC, "self/fd", OpenFlag.RDONLY)
    except OSError:  # there is no room for one more
        return [fd for fd in range(LAST) if answer(kernel, "fcntl_getfd", (fd,)) != Failed(EBADF)]
    names = [entry.name for entry in kernel.getdents64(listing)]
    kernel.close(listing)
    return sorted(fd for fd in map(int, set(names) - {".", ".."}) if fd < LAST and fd != listing)


def _status_flags(kernel: Kernel) -> dict[int, int]:
    """The status flags of each descriptor."""
    return {fd: kernel.fcntl_getfl(Fd(fd)) for fd in _own_descriptors(kernel)}


def _mark(kernel: Kernel, number: int) -> None:
    """Leave a mark in what may be shared: the umask, and the table of descriptors."""
    kernel.umask(0o100 + number)
    kernel.dup3(Fd(0), Fd(PROBE + number), OpenFlag.CLOEXEC)


def _marks(kernel: Kernel, count: int) -> tuple[int, tuple[int, ...]]:
    """Whose mark is in the umask, and whose are in the table."""
    mask = kernel.umask(0)
    kernel.umask(mask)
    found = [number for number in range(count) if answer(kernel, "fcntl_getfd", (PROBE + number,)) != Failed(EBADF)]
    return mask - 0o100, tuple(found)


OWN: dict[str, Callable[..., Any]] = {
    "clone": _clone,
    "execve": _execve,
    "execveat": _execveat,
    "attributes": _attributes,
    "status flags": _status_flags,
    "mark": _mark,
    "marks": _marks,
}
"""Calls that are made differently, and questions that are no calls."""

