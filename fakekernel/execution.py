"""Replacing the program of a process (execve(2), fs/exec.c, fs/binfmt_script.c).

An executable is a regular file whose content says in its first line which program of the machine it is, or a script whose
first line names its interpreter.
"""

import os
from typing import TYPE_CHECKING, NamedTuple

from fakekernel import filetable, lifecycle, security
from fakekernel.exec_credentials import ExecCredentials, exec_credentials
from fakekernel.filesystem import Inode
from fakekernel.lookup import check_name, resolve
from fakekernel.mount import Path
from fakekernel.nsproxy import enter_time_namespace
from fakekernel.permission import EXECUTE, READ, permitted
from fakekernel.programs import MAGIC, Program, applet
from fakekernel.store import Table
from fakekernel.task import AddressSpace, Image, SignalActions
from fakekernel.ucounts import exceeds_nproc
from fakekernel.userns import UserNamespace
from kernelapi.errors import ModelError, NotModelled
from kernelapi.flags import AT_FDCWD, RLIM_INFINITY, S_IFMT, AtFlag, FileType, MountFlag, Rlimit, Signal
from kernelapi.protocol.processes import (
    EXEC_BUSY,
    EXEC_CLOSES,
    EXEC_DUMPABLE,
    EXEC_EXIT_SIGNAL,
    EXEC_KEEPS_IGNORED,
    EXEC_NAMES,
    EXEC_NO_PERMISSION,
    EXEC_NOEXEC,
    EXEC_NOT_REGULAR,
    EXEC_NPROC,
    EXEC_SCRIPT_CLOSED,
    EXEC_SECURE_PDEATHSIG,
    EXEC_SYMLINK,
    EXEC_TOO_BIG,
    EXEC_TOO_MANY_INTERPRETERS,
    EXEC_UNKNOWN_FLAG,
    EXEC_UNKNOWN_FORMAT,
)
from kernelapi.values import Limit

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase

ELF = b"\x7fELF"
HEAD = 256
"""How much of a file is looked at to find out what it is (BINPRM_BUF_SIZE)."""

BLANKS = b" \t"

DEPTH = 5
"""How many scripts may each be the interpreter of the one before."""

LONGEST_STRING = 131072
"""Bytes of one argument or environment string, with its NUL (MAX_ARG_STRLEN)."""

LEAST_SPACE, MOST_SPACE = 131072, 6 << 20
"""The bounds of what arguments and environment may take: a quarter of the stack limit between them."""

POINTER = 8
SECURE_STACK = 8 << 20
"""The stack limit of a program with more privilege than its caller, at most (_STK_LIM)."""

EXECVE_CHECK = 0x10000
COMM = 15
"""Bytes of a process' name."""


class Loaded(NamedTuple):
    """What an exec comes to, once scripts have been followed."""

    program: Program
    file: Path
    argv: tuple[str, ...]


def execute(kernel: "SyscallBase", dirfd: int, path: str, argv: tuple[str, ...], envp: tuple[str, ...], flags: int) -> None:
    """Let the calling process run the program at `path`, from now on. Refuses by the rows of execveat."""
    task, machine = kernel.task, kernel.machine
    check_name(kernel, path, empty_ok=bool(flags & AtFlag.EMPTY_PATH))
    if task.over_nproc and exceeds_nproc(machine.system, task, task.cred):
        kernel.refuse(EXEC_NPROC)
    if flags & ~(AtFlag.SYMLINK_NOFOLLOW | AtFlag.EMPTY_PATH | EXECVE_CHECK):
        kernel.refuse(EXEC_UNKNOWN_FLAG)
    if flags & EXECVE_CHECK:
        raise NotModelled("execveat with AT_EXECVE_CHECK")
    file = resolve(kernel, dirfd, path, follow=not flags & AtFlag.SYMLINK_NOFOLLOW, empty_ok=bool(flags & AtFlag.EMPTY_PATH))
    _check_file(kernel, file)
    name, is_closing = _name(kernel, dirfd, path)
    argv = argv or ("",)  # since 5.18: there is always a first argument
    _check_size(kernel, name, argv, envp)
    context = security.before_exec(kernel, file)
    loaded = _load(kernel, file, name, argv, is_closing=is_closing)
    new = exec_credentials(kernel, loaded.file)
    # -- effects only below --
    _begin(kernel, loaded, envp, new)
    if kernel.happens(EXEC_NAMES):
        task.comm = _comm(path or file.dentry.name)
    if new.cred != task.cred:
        kernel.commit_creds(new.cred)
    security.at_exec(kernel, context)
    task.image = Image(loaded.program, (loaded.argv, envp))


# -- may it be run? --


def _check_file(kernel: "SyscallBase", file: Path) -> None:
    """May this file be opened for executing it? (may_open, do_open_execat)"""
    inode = file.inode
    kind = inode.mode & S_IFMT
    if kind == FileType.LNK:
        kernel.refuse(EXEC_SYMLINK)
    if kind != FileType.REG:
        kernel.fail(EXEC_NOT_REGULAR)
    if file.mount.flags & MountFlag.NOEXEC:
        kernel.refuse(EXEC_NOEXEC)
    if not permitted(kernel, inode, EXECUTE):
        kernel.refuse(EXEC_NO_PERMISSION)
    if inode.write_count > 0:
        kernel.refuse(EXEC_BUSY)


def _name(kernel: "SyscallBase", dirfd: int, path: str) -> tuple[str, bool]:
    """The name by which an interpreter would find the file, and whether it will be gone by then. (alloc_bprm)"""
    if dirfd == AT_FDCWD or path.startswith("/"):
        return path, False
    descriptor = kernel.task.files.entries.get(dirfd)
    return f"/dev/fd/{dirfd}/{path}" if path else f"/dev/fd/{dirfd}", descriptor is not None and descriptor.cloexec


def _check_size(kernel: "SyscallBase", name: str, argv: tuple[str, ...], envp: tuple[str, ...]) -> None:
    """Is there room for the strings? (bprm_stack_limits, copy_strings)"""
    limit = kernel.task.job.limits.get(Rlimit.STACK)
    space = max(min(MOST_SPACE, (RLIM_INFINITY if limit is None else limit.soft) // 4), LEAST_SPACE)
    space -= POINTER * (len(argv) + len(envp))
    for string in (name, *envp, *argv):
        if "\0" in string:
            raise ModelError(f"an argument cannot hold a NUL byte: {string!r}")
        size = len(os.fsencode(string)) + 1
        space -= size
        if size > LONGEST_STRING or space < 0:
            kernel.refuse(EXEC_TOO_BIG)


# -- what is it? --


def _load(kernel: "SyscallBase", file: Path, name: str, argv: tuple[str, ...], *, is_closing: bool) -> Loaded:
    """Find the program, by way of the interpreters of scripts. (exec_binprm)"""
    interpreter = name
    depth = 0
    while (head := file.inode.content[:HEAD])[:2] == b"#!":
        words = _interpreter(head)
        if words is None:
            kernel.fail(EXEC_UNKNOWN_FORMAT)
        if is_closing:
            kernel.refuse(EXEC_SCRIPT_CLOSED)
        argv = (*words, interpreter, *argv[1:])
        interpreter = words[0]
        file = resolve(kernel, AT_FDCWD, interpreter, empty_ok=True)
        _check_file(kernel, file)
        depth += 1
        if depth > DEPTH:
            kernel.refuse(EXEC_TOO_MANY_INTERPRETERS)
    return Loaded(_program(kernel, file, head), file, argv)


def _interpreter(head: bytes) -> tuple[str, ...] | None:
    """The interpreter that a script's first line names, and its one argument if it gives one; None if the line is no good.

    Strings end at a NUL, which stands behind the end of a short file: so the name, or the argument, can be empty.
    """
    line, nul, _ = head[2:].ljust(HEAD - 2, b"\0").partition(b"\0")
    line, newline, _ = line.partition(b"\n")
    if newline:
        line = line.rstrip(BLANKS)
        if not line:
            return None
    elif not nul:  # the line is longer than what was read: is at least the name whole?
        line = line.lstrip(BLANKS)
        if not any(blank in line for blank in BLANKS):
            return None
        line = line[:-1].rstrip(BLANKS)  # the kernel ends the line at the last byte that it has read
    line = line.lstrip(BLANKS)
    end = min((position for position in map(line.find, (b" ", b"\t")) if position >= 0), default=-1)
    if end < 0:
        return (os.fsdecode(line),)
    return os.fsdecode(line[:end]), os.fsdecode(line[end:].lstrip(BLANKS))


def _program(kernel: "SyscallBase", file: Path, head: bytes) -> Program:
    """The program that an executable file is."""
    if head.startswith(MAGIC):
        name = head[len(MAGIC) :].partition(b"\n")[0].decode("utf-8", "replace")
        program = kernel.machine.programs.get(name)
        if program is None:
            raise NotModelled(f"the program {name!r}, which {file.dentry.name} is, has not been installed")
        return program
    if not head.startswith(ELF):
        kernel.fail(EXEC_UNKNOWN_FORMAT)
    program = kernel.machine.programs.get(file.dentry.name) or applet(file.dentry.name)
    if program is None:
        raise NotModelled(f"the program of {file.dentry.name}, a file of machine code")
    return program


# -- the point of no return --


def _begin(kernel: "SyscallBase", loaded: Loaded, envp: tuple[str, ...], new: ExecCredentials) -> None:
    """What is new with every program, in the order of the kernel. (begin_new_exec)"""
    task, store = kernel.task, kernel.store
    if kernel.happens(EXEC_EXIT_SIGNAL) and task.exit_signal != Signal.CHLD:
        task.exit_signal = Signal.CHLD
    if kernel.happens(EXEC_CLOSES):
        filetable.unshare_table(task)
    inode = loaded.file.inode
    is_readable = permitted(kernel, inode, READ)
    suid_dumpable = kernel.machine.system.suid_dumpable
    cred = task.cred
    if not kernel.happens(EXEC_DUMPABLE):
        dumpable = task.mm.dumpable
    elif not is_readable or cred.euid != cred.uid or cred.egid != cred.gid:
        dumpable = suid_dumpable
    else:
        dumpable = 1
    lifecycle.leave_address_space(task.mm)
    task.mm = AddressSpace(
        store=store,
        userns=cred.userns if is_readable else _containing(cred.userns, inode),
        dumpable=dumpable,
        executable=loaded.file,
        argv=loaded.argv,
        envp=envp,
    )
    inode.write_count -= 1
    lifecycle.release_vfork_parent(task)
    namespaces = enter_time_namespace(task.namespaces)
    if namespaces is not task.namespaces:
        task.namespaces = namespaces
    if task.actions.users > 1:
        task.actions.users -= 1
        task.actions = SignalActions(store=store, dispositions=Table(store, dict(task.actions.dispositions.items())))
    if not kernel.happens(EXEC_KEEPS_IGNORED):
        task.actions = SignalActions(store=store)
        task.blocked = task.pending = frozenset()
    if kernel.happens(EXEC_CLOSES):
        filetable.close_on_exec(kernel.machine, task.files)
    if new.secure:
        _secure(kernel)
    if not task.did_exec:
        task.did_exec = True
    task.exec_id += 1
    if task.over_nproc:
        task.over_nproc = False


def _secure(kernel: "SyscallBase") -> None:
    """A program with more privilege than its caller does not die with its parent, and its stack is limited."""
    task = kernel.task
    if task.pdeathsig and kernel.happens(EXEC_SECURE_PDEATHSIG):
        task.pdeathsig = 0
    limit = task.job.limits.get(Rlimit.STACK) or Limit()
    if limit.soft > SECURE_STACK:
        task.job.limits[Rlimit.STACK] = Limit(SECURE_STACK, limit.hard)


def _containing(userns: UserNamespace, inode: Inode) -> UserNamespace:
    """The nearest user namespace that maps the owner of a program which its caller may not read. (would_dump)"""
    while userns.parent is not None and not (userns.maps_kuid(inode.uid) and userns.maps_kgid(inode.gid)):
        userns = userns.parent
    return userns


def _comm(path: str) -> str:
    """The last component, cut to what a process' name can hold."""
    return os.fsdecode(os.fsencode(path.rpartition("/")[2])[:COMM])
