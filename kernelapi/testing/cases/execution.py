"""Laws of execve: what can be run, scripts, what a program keeps of its process and what it does not."""

from errno import E2BIG, EACCES, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOEXEC, ENOTDIR, ETXTBSY

from kernelapi.flags import AtFlag, CloneFlag, Disposition, FdFlag, MountFlag, OpenFlag, Rlimit, Signal, SigprocmaskHow
from kernelapi.ids import Fd, Gid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, read_all, refused
from kernelapi.testing.stage import write_file
from kernelapi.testing.steps import in_user_namespace
from kernelapi.values import Limit

AT_FDCWD = -100


# -- programs --


def away(kernel: Kernel, fd: Fd) -> Fd:
    """The descriptor, moved to where no program has a standard stream. It is not close-on-exec."""
    moved = kernel.fcntl_dupfd(fd, 10)
    kernel.close(fd)
    return moved


def pipe(kernel: Kernel) -> tuple[Fd, Fd]:
    reader, writer = kernel.pipe2(0)
    return away(kernel, reader), away(kernel, writer)


def run(kernel: Kernel, output: Fd, path: str, argv: tuple[str, ...], envp: tuple[str, ...]) -> None:
    kernel.dup2(output, Fd(1))
    kernel.close(output)
    kernel.execve(path, argv, envp)


def output_of(kernel: Kernel, path: str, *argv: str, envp: tuple[str, ...] = (), status: int = 0) -> str:
    """What the program at `path` writes to its standard output. Its exit status has to be `status`."""
    reader, writer = pipe(kernel)
    pid = kernel.clone(Signal.CHLD, run, writer, path, argv, envp)
    kernel.close(writer)
    output = read_all(kernel, reader).decode()
    kernel.close(reader)
    expect(f"the status of {path}", kernel.wait4(pid), (pid, status << 8))
    return output


def execute(kernel: Kernel, path: str) -> None:
    kernel.execve(path, (path,), ())


def execute_as(kernel: Kernel, uid: int, path: str) -> None:
    kernel.setgid(Gid(uid))
    kernel.setuid(Uid(uid))
    kernel.execve(path, (path,), ())


def status_fields(kernel: Kernel) -> dict[str, str]:
    """/proc/self/status of a program that is made in the caller's place, by a child."""
    lines = output_of(kernel, "/bin/cat", "cat", "/proc/self/status").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


# -- what can be run --


@case(tree=True)
def a_program_replaces_the_process_and_its_status_is_that_of_the_process(kernel: Kernel) -> None:
    expect("the output of true", output_of(kernel, "/bin/true", "true"), "")
    output_of(kernel, "/bin/false", "false", status=1)
    output_of(kernel, "/bin/sh", "sh", "-c", "exit 42", status=42)
    expect("the output of echo", output_of(kernel, "/bin/echo", "echo", "one", "two"), "one two\n")


@case(tree=True)
def the_arguments_decide_which_program_a_busybox_is(kernel: Kernel) -> None:
    expect("by the first", output_of(kernel, "/bin/true", "echo", "hello"), "hello\n")
    expect("by the second", output_of(kernel, "/bin/busybox", "busybox", "echo", "hello"), "hello\n")


@case(tree=True)
def what_is_not_there_cannot_be_run(kernel: Kernel) -> None:
    refused(ENOENT, execute, kernel, "")
    refused(ENOENT, execute, kernel, "/bin/missing")
    refused(ENOENT, execute, kernel, "/missing/true")
    refused(ENOTDIR, execute, kernel, "/bin/true/")
    refused(ENOTDIR, execute, kernel, "/bin/true/more")
    refused(ENAMETOOLONG, execute, kernel, "/" * 4096)
    kernel.symlink("loop", "/tmp/loop")
    refused(ELOOP, execute, kernel, "/tmp/loop")


@case(tree=True)
def only_regular_files_can_be_run(kernel: Kernel) -> None:
    kernel.mknod("/tmp/fifo", 0o010777, 0)
    kernel.chmod("/dev/null", 0o777)
    for path in ("/bin", "/", "/tmp/fifo", "/dev/null"):
        refused(EACCES, execute, kernel, path)


@case(tree=True)
def execute_permission_is_needed_by_root_too_but_any_will_do(kernel: Kernel) -> None:
    write_file(kernel, "/tmp/script", b"#!/bin/true\n", 0o644)
    refused(EACCES, execute, kernel, "/tmp/script")
    refused(EACCES, in_child, kernel, execute_as, 1000, "/tmp/script")
    kernel.chmod("/tmp/script", 0o010)
    output_of(kernel, "/tmp/script", "script")
    refused(EACCES, in_child, kernel, execute_as, 1000, "/tmp/script")
    kernel.chmod("/tmp/script", 0o711)
    output_of(kernel, "/tmp/script", "script")


@case(tree=True)
def nothing_can_be_run_from_a_noexec_mount(kernel: Kernel) -> None:
    kernel.mount("tmpfs", "/tmp", "tmpfs", MountFlag.NOEXEC, "")
    write_file(kernel, "/tmp/script", b"#!/bin/true\n", 0o755)
    refused(EACCES, execute, kernel, "/tmp/script")
    write_file(kernel, "/home/script", b"#!/tmp/script\n", 0o755)
    refused(EACCES, execute, kernel, "/home/script")
    kernel.mount("", "/tmp", "", MountFlag.REMOUNT | MountFlag.BIND, "")
    output_of(kernel, "/home/script", "script")


@case(tree=True)
def a_file_of_no_known_format_cannot_be_run(kernel: Kernel) -> None:
    for content in (b"", b"exit 0\n", b"# /bin/sh\n", b"\n#!/bin/true\n", b"\0" * 300):
        write_file(kernel, "/tmp/file", content, 0o755)
        refused(ENOEXEC, execute, kernel, "/tmp/file")


@case(tree=True)
def a_file_open_for_writing_cannot_be_run_nor_a_running_one_be_opened_for_writing(kernel: Kernel) -> None:
    write_file(kernel, "/tmp/script", b"#!/bin/true\n", 0o755)
    fd = kernel.open("/tmp/script", OpenFlag.WRONLY)
    refused(ETXTBSY, execute, kernel, "/tmp/script")
    kernel.close(fd)
    output_of(kernel, "/tmp/script", "script")
    stdin, writer = pipe(kernel)
    told, tell = pipe(kernel)
    kernel.fcntl_setfd(tell, FdFlag.CLOEXEC)
    pid = kernel.clone(Signal.CHLD, become_cat, stdin, writer, tell)
    kernel.close(tell)
    kernel.read(told, 1)
    refused(ETXTBSY, kernel.open, "/bin/busybox", OpenFlag.WRONLY)
    refused(ETXTBSY, kernel.open, "/bin/busybox", OpenFlag.RDWR)
    refused(ETXTBSY, kernel.open, "/bin/busybox", OpenFlag.RDONLY | OpenFlag.TRUNC)
    kernel.close(kernel.open("/bin/busybox", OpenFlag.RDONLY))
    kernel.close(writer)
    kernel.wait4(pid)
    kernel.close(kernel.open("/bin/busybox", OpenFlag.WRONLY))


def become_cat(kernel: Kernel, stdin: Fd, writer: Fd, tell: Fd) -> None:
    kernel.dup2(stdin, Fd(0))
    kernel.close(writer)
    kernel.execve("/bin/cat", ("cat",), ())


# -- scripts --


@case(tree=True)
def a_script_is_run_by_its_interpreter_with_one_argument(kernel: Kernel) -> None:
    for line, before in (
        (b"#!/bin/echo", ()),
        (b"#! \t /bin/echo \t ", ()),
        (b"#!/bin/echo one", ("one",)),
        (b"#!/bin/echo \t one  two \t", ("one  two",)),
        (b"#!/bin/echo\tone", ("one",)),
        (b"#!/bin/echo\0hidden", ()),
    ):
        write_file(kernel, "/tmp/script", line + b"\nexit 1\n", 0o755)
        words = " ".join((*before, "/tmp/script", "x")) + "\n"
        expect(f"the words of {line!r}", output_of(kernel, "/tmp/script", "name", "x"), words)
    kernel.chdir("/tmp")
    expect("by a relative path", output_of(kernel, "./script", "name"), "./script\n")


@case(tree=True)
def the_first_line_of_a_script_may_end_with_the_file(kernel: Kernel) -> None:
    write_file(kernel, "/tmp/script", b"#!/bin/echo one", 0o755)
    expect("the words", output_of(kernel, "/tmp/script", "name"), "one /tmp/script\n")
    write_file(kernel, "/tmp/script", b"#!/bin/echo \t", 0o755)
    expect("the words, one of them empty", output_of(kernel, "/tmp/script", "name"), " /tmp/script\n")


@case(tree=True)
def an_interpreter_that_is_not_named_whole_is_no_interpreter(kernel: Kernel) -> None:
    for content in (b"#!\n", b"#!  \t \n/bin/true\n", b"#!" + b" " * 300, b"#!/" + b"a" * 300 + b"\n"):
        write_file(kernel, "/tmp/script", content, 0o755)
        refused(ENOEXEC, execute, kernel, "/tmp/script")
    for content in (b"#!", b"#!\0\n"):  # the name is empty, and that is the working directory
        write_file(kernel, "/tmp/script", content, 0o755)
        refused(EACCES, execute, kernel, "/tmp/script")
    write_file(kernel, "/tmp/script", b"#!/bin/echo " + b"a" * 300 + b"\n", 0o755)
    expect("a long argument", output_of(kernel, "/tmp/script", "name"), "a" * 243 + " /tmp/script\n")


@case(tree=True)
def the_interpreter_must_be_one_that_can_be_run(kernel: Kernel) -> None:
    for line, errno in ((b"/bin/missing", ENOENT), (b"/bin", EACCES), (b"/etc/passwd", EACCES), (b"bin/true/", ENOTDIR)):
        write_file(kernel, "/tmp/script", b"#!" + line + b"\n", 0o755)
        refused(errno, execute, kernel, "/tmp/script")
    kernel.chmod("/etc/passwd", 0o755)
    write_file(kernel, "/tmp/script", b"#!/etc/passwd\n", 0o755)
    refused(ENOEXEC, execute, kernel, "/tmp/script")


@case(tree=True)
def five_scripts_may_be_each_others_interpreters(kernel: Kernel) -> None:
    write_file(kernel, "/tmp/0", b"#!/bin/echo zero\n", 0o755)
    for number in range(1, 7):
        write_file(kernel, f"/tmp/{number}", f"#!/tmp/{number - 1} {number}\n".encode(), 0o755)
    words = "zero /tmp/0 1 /tmp/1 2 /tmp/2 3 /tmp/3 4 /tmp/4\n"
    expect("the words", output_of(kernel, "/tmp/4", "name"), words)
    refused(ELOOP, execute, kernel, "/tmp/5")
    write_file(kernel, "/tmp/self", b"#!/tmp/self\n", 0o755)
    refused(ELOOP, execute, kernel, "/tmp/self")


# -- execveat --


def execute_at(kernel: Kernel, output: Fd, dirfd: Fd, path: str, flags: int) -> None:
    kernel.dup2(output, Fd(1))
    kernel.execveat(dirfd, path, ("cat", "/proc/self/comm"), (), flags)


def output_at(kernel: Kernel, dirfd: Fd, path: str, flags: int) -> str:
    reader, writer = pipe(kernel)
    pid = kernel.clone(Signal.CHLD, execute_at, writer, dirfd, path, flags)
    kernel.close(writer)
    output = read_all(kernel, reader).decode()
    kernel.wait4(pid)
    return output


@case(tree=True)
def execveat_runs_relative_to_a_descriptor_or_the_descriptor_itself(kernel: Kernel) -> None:
    directory = away(kernel, kernel.open("/bin", OpenFlag.RDONLY | OpenFlag.DIRECTORY))
    program = away(kernel, kernel.open("/bin/cat", OpenFlag.PATH | OpenFlag.CLOEXEC))
    expect("by a directory", output_at(kernel, directory, "cat", 0), "cat\n")
    expect("by the file", output_at(kernel, program, "", AtFlag.EMPTY_PATH), "busybox\n")
    expect("by the working directory", output_at(kernel, Fd(AT_FDCWD), "/bin/cat", 0), "cat\n")


@case(tree=True)
def execveat_refuses_unknown_flags_empty_paths_and_links(kernel: Kernel) -> None:
    program = away(kernel, kernel.open("/bin/busybox", OpenFlag.RDONLY))
    refused(EINVAL, kernel.execveat, AT_FDCWD, "/bin/true", ("true",), (), 1)
    refused(EINVAL, kernel.execveat, AT_FDCWD, "/bin/missing", ("true",), (), AtFlag.REMOVEDIR)
    refused(ENOENT, kernel.execveat, program, "", ("true",), (), 0)
    refused(ELOOP, kernel.execveat, AT_FDCWD, "/bin/true", ("true",), (), AtFlag.SYMLINK_NOFOLLOW)
    refused(9, kernel.execveat, 99, "true", ("true",), (), 0)
    refused(9, kernel.execveat, 99, "", ("true",), (), AtFlag.EMPTY_PATH)
    refused(ENOTDIR, kernel.execveat, program, "true", ("true",), (), 0)


@case(tree=True)
def a_script_behind_a_descriptor_that_exec_closes_cannot_be_run(kernel: Kernel) -> None:
    write_file(kernel, "/tmp/script", b"#!/bin/true\n", 0o755)
    closing = kernel.open("/tmp/script", OpenFlag.RDONLY | OpenFlag.CLOEXEC)
    directory = kernel.open("/tmp", OpenFlag.RDONLY | OpenFlag.CLOEXEC)
    refused(ENOENT, kernel.execveat, closing, "", ("script",), (), AtFlag.EMPTY_PATH)
    refused(ENOENT, kernel.execveat, directory, "script", ("script",), (), 0)
    write_file(kernel, "/tmp/script", b"#!/bin/echo\n", 0o755)
    staying = away(kernel, kernel.open("/tmp/script", OpenFlag.RDONLY))
    seen = output_at(kernel, staying, "", AtFlag.EMPTY_PATH)
    expect("how the interpreter sees it", seen, f"/dev/fd/{staying} /proc/self/comm\n")
    directory = away(kernel, kernel.open("/tmp", OpenFlag.RDONLY))
    path = f"/dev/fd/{directory}/script"
    expect("how the interpreter sees it", output_at(kernel, directory, "script", 0), f"{path} /proc/self/comm\n")


# -- arguments --


@case(tree=True)
def a_string_of_131072_bytes_is_too_long_and_one_less_is_not(kernel: Kernel) -> None:
    refused(E2BIG, kernel.execve, "/bin/true", ("true", "x" * 131071 + "x"), ())
    refused(E2BIG, kernel.execve, "/bin/true", ("true",), ("x" * 131072,))
    output_of(kernel, "/bin/true", "true", "x" * 131071)
    output_of(kernel, "/bin/true", "true", envp=("x" * 131071,))


@case(tree=True)
def all_strings_together_fit_a_quarter_of_the_stack_limit(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.STACK, Limit(1 << 20, 1 << 20))
    # The path "/bin/true" and the first argument take 15 bytes; four pointers 32.
    room = (1 << 18) - 15 - 32
    long = "x" * 131071
    exact = "x" * (room - 131072 - 1 - 1)
    output_of(kernel, "/bin/true", "true", long, exact, "")
    refused(E2BIG, kernel.execve, "/bin/true", ("true", long, exact + "x", ""), ())
    kernel.setrlimit(Rlimit.STACK, Limit(4096, 1 << 20))
    refused(E2BIG, kernel.execve, "/bin/true", ("true", long), ())


@case(tree=True)
def a_program_has_a_first_argument_even_if_none_is_given(kernel: Kernel) -> None:
    write_file(kernel, "/tmp/script", b"#!/bin/echo\n", 0o755)
    expect("the words", output_of(kernel, "/tmp/script"), "/tmp/script\n")


# -- what a program keeps --


@case(tree=True)
def exec_closes_what_is_close_on_exec_and_nothing_else(kernel: Kernel) -> None:
    kept = kernel.fcntl_dupfd(kernel.open("/etc/passwd", OpenFlag.RDONLY | OpenFlag.CLOEXEC), 900)
    closed = kernel.fcntl_dupfd_cloexec(kept, 900)
    listed = {int(name) for name in output_of(kernel, "/bin/ls", "ls", "/proc/self/fd").split()}
    expect("what of the two is open", listed & {kept, closed}, {kept})


@case(tree=True)
def a_program_keeps_what_is_ignored_blocked_and_pending(kernel: Kernel) -> None:
    kernel.rt_sigaction(Signal.HUP, Disposition.IGNORE)
    kernel.rt_sigaction(64, Disposition.IGNORE)
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.USR1, Signal.TERM}))
    reader, writer = pipe(kernel)
    pid = kernel.clone(Signal.CHLD, signal_yourself_and_cat, writer)
    kernel.close(writer)
    lines = dict(line.split(":\t", 1) for line in read_all(kernel, reader).decode().splitlines())
    expect("its end", kernel.wait4(pid), (pid, 0))
    expect("what is ignored", int(lines["SigIgn"], 16), 1 << 63 | 1 << Signal.HUP - 1)
    expect("what is blocked", int(lines["SigBlk"], 16), 1 << Signal.USR1 - 1 | 1 << Signal.TERM - 1)
    expect("what is pending", int(lines["ShdPnd"], 16), 1 << Signal.TERM - 1)


def signal_yourself_and_cat(kernel: Kernel, output: Fd) -> None:
    kernel.kill(kernel.getpid(), Signal.TERM)
    run(kernel, output, "/bin/cat", ("cat", "/proc/self/status"), ())


@case(tree=True)
def a_program_is_named_after_its_path_and_not_after_what_that_leads_to(kernel: Kernel) -> None:
    kernel.symlink("/bin/busybox", "/tmp/cat")
    expect("by a link", output_of(kernel, "/tmp/cat", "cat", "/proc/self/comm"), "cat\n")
    kernel.symlink("/bin/busybox", "/tmp/a-name-of-more-than-fifteen-bytes")
    long = output_of(kernel, "/tmp/a-name-of-more-than-fifteen-bytes", "cat", "/proc/self/comm")
    expect("by a long name", long, "a-name-of-more-\n")
    write_file(kernel, "/tmp/script", b"#!/bin/cat /proc/self/comm\n", 0o755)
    expect("as a script", output_of(kernel, "/tmp/script", "other").splitlines()[0], "script")


@case(tree=True)
def a_program_sees_its_arguments_and_its_environment(kernel: Kernel) -> None:
    expect("/proc/self/cmdline", output_of(kernel, "/bin/cat", "cat", "/proc/self/cmdline"), "cat\0/proc/self/cmdline\0")
    seen = output_of(kernel, "/bin/cat", "cat", "/proc/self/environ", envp=("A=1", "B=two words"))
    expect("/proc/self/environ", seen, "A=1\0B=two words\0")


def wait_in_exec(kernel: Kernel, stdin: Fd, writer: Fd, signal: int) -> None:
    kernel.prctl_set_pdeathsig(signal)
    become_cat(kernel, stdin, writer, stdin)


def die_before_a_program(kernel: Kernel, stdin: Fd, writer: Fd) -> None:
    kernel.clone(CloneFlag.VFORK | Signal.CHLD, wait_in_exec, stdin, writer, Signal.TERM)


@case(tree=True)
def a_program_keeps_its_parent_death_signal(kernel: Kernel) -> None:
    kernel.prctl_set_child_subreaper(1)
    stdin, writer = pipe(kernel)
    kernel.wait4(kernel.clone(Signal.CHLD, die_before_a_program, stdin, writer))
    expect("the end of the program", kernel.wait4(-1)[1], Signal.TERM)


@case(tree=True)
def a_vfork_parent_goes_on_when_its_child_has_made_its_exec(kernel: Kernel) -> None:
    stdin, writer = pipe(kernel)
    pid = kernel.clone(CloneFlag.VFORK | Signal.CHLD, become_cat, stdin, writer, stdin)
    # Released before the program has its name or its descriptors are closed.
    expect("the program of the child", kernel.readlink(f"/proc/{pid}/exe"), "/bin/busybox")
    kernel.close(writer)
    expect("its end", kernel.wait4(pid), (pid, 0))


def become_true_with_exit_signal(kernel: Kernel) -> None:
    kernel.execve("/bin/true", ("true",), ())


@case(tree=True)
def who_has_made_an_exec_ends_with_sigchld(kernel: Kernel) -> None:
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.USR1, Signal.CHLD}))
    pid = kernel.clone(Signal.USR1, become_true_with_exit_signal)
    while not kernel.rt_sigpending():
        kernel.clock_nanosleep(1, 0, 1_000_000)
    expect("the signal", kernel.rt_sigpending(), frozenset({Signal.CHLD}))
    expect("its end", kernel.wait4(pid), (pid, 0))


def parent_of_one_with_another_signal(kernel: Kernel, stdin: Fd, writer: Fd, never: Fd, output: Fd) -> None:
    kernel.dup2(output, Fd(1))
    kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset({Signal.USR1, Signal.CHLD}))
    kernel.clone(Signal.USR1, live_until_closed, never, writer)
    become_cat(kernel, stdin, writer, never)


def live_until_closed(kernel: Kernel, never: Fd, writer: Fd) -> None:
    kernel.close(writer)
    kernel.read(never, 1)


def pending_of(kernel: Kernel, pid: int) -> int:
    """The signals that are pending for a process, as a mask."""
    fd = kernel.open(f"/proc/{pid}/status", OpenFlag.RDONLY)
    text = read_all(kernel, fd).decode()
    kernel.close(fd)
    return int(text.partition("ShdPnd:")[2].split()[0], 16)


@case(tree=True)
def a_parent_that_has_made_an_exec_gets_sigchld_whatever_its_child_was_to_send(kernel: Kernel) -> None:
    stdin, writer = pipe(kernel)
    never, end = pipe(kernel)
    told, output = pipe(kernel)
    pid = kernel.clone(Signal.CHLD, parent_of_one_with_another_signal, stdin, writer, never, output)
    kernel.write(writer, b"?")
    kernel.read(told, 1)  # its exec is over: a vfork parent would go on a little earlier
    kernel.write(end, b"!")
    while not (pending := pending_of(kernel, pid)):
        kernel.clock_nanosleep(1, 0, 1_000_000)
    expect("what it has been sent", pending, 1 << Signal.CHLD - 1)
    kernel.close(writer)
    expect("its end", kernel.wait4(pid), (pid, 0))


def share_and_execute(kernel: Kernel, fd: Fd) -> None:
    kernel.execve("/bin/true", ("true",), ())


@case(tree=True)
def a_program_does_not_share_its_descriptors(kernel: Kernel) -> None:
    fd = kernel.open("/etc/passwd", OpenFlag.RDONLY | OpenFlag.CLOEXEC)
    pid = kernel.clone(CloneFlag.FILES | Signal.CHLD, share_and_execute, fd)
    expect("its end", kernel.wait4(pid), (pid, 0))
    expect("the parent's descriptor", kernel.fcntl_getfd(fd), FdFlag.CLOEXEC)


def become_echoing_cat(kernel: Kernel, stdin: Fd, stdout: Fd, writer: Fd) -> None:
    kernel.dup2(stdout, Fd(1))
    become_cat(kernel, stdin, writer, stdout)


def owner_of_running(kernel: Kernel, uid: int) -> int:
    """Who owns /proc/PID of a program that `uid` runs: root of the host, if it is not dumpable."""
    kernel.setgid(Gid(uid))
    kernel.setuid(Uid(uid))
    stdin, writer = pipe(kernel)
    reader, stdout = pipe(kernel)
    pid = kernel.clone(Signal.CHLD, become_echoing_cat, stdin, stdout, writer)
    kernel.write(writer, b"?")
    kernel.read(reader, 1)  # it runs
    owner = kernel.stat(f"/proc/{pid}/comm").uid
    kernel.close(writer)
    kernel.wait4(pid)
    return owner


@case(tree=True)
def a_program_that_its_user_may_not_read_is_not_dumpable(kernel: Kernel) -> None:
    expect("the owner of a readable one", in_child(kernel, owner_of_running, 1000), 1000)
    kernel.chmod("/bin/busybox", 0o711)
    expect("the owner of an unreadable one", in_child(kernel, owner_of_running, 1000), 0)


@case(tree=True)
def a_program_that_may_not_be_read_belongs_to_the_user_namespace_of_its_file(kernel: Kernel) -> None:
    """So the root of a namespace in which the owner of the file is nobody cannot look at it."""
    maps = {"uid_map": "0 1000 1", "gid_map": "0 1000 1"}
    expect("a readable one", in_user_namespace(kernel, errno_of_looking_at_a_program, **maps), 0)
    kernel.chmod("/bin/busybox", 0o711)
    expect("an unreadable one", in_user_namespace(kernel, errno_of_looking_at_a_program, **maps), EACCES)


def errno_of_looking_at_a_program(kernel: Kernel) -> int:
    kernel.setgroups(())
    kernel.setgid(Gid(0))
    kernel.setuid(Uid(0))
    stdin, writer = pipe(kernel)
    reader, stdout = pipe(kernel)
    pid = kernel.clone(Signal.CHLD, become_echoing_cat, stdin, stdout, writer)
    kernel.write(writer, b"?")
    kernel.read(reader, 1)  # it runs
    errno = errno_of(kernel.readlink, f"/proc/{pid}/exe")
    kernel.close(writer)
    kernel.wait4(pid)
    return errno


@case(tree=True)
def a_program_with_more_privilege_has_no_stack_above_eight_mebibytes(kernel: Kernel) -> None:
    hard = kernel.getrlimit(Rlimit.STACK).hard
    for mode, soft, shown in ((0o755, 16 << 20, 16 << 20), (0o4755, 16 << 20, 8 << 20), (0o4755, 4 << 20, 4 << 20)):
        kernel.chmod("/bin/busybox", mode)
        kernel.setrlimit(Rlimit.STACK, Limit(soft, hard))
        expect(f"of {mode:o}", in_child(kernel, stack_of_a_program, 1000), str(shown))


def stack_of_a_program(kernel: Kernel, uid: int) -> str:
    kernel.setgid(Gid(uid))
    kernel.setuid(Uid(uid))
    lines = output_of(kernel, "/bin/cat", "cat", "/proc/self/limits").splitlines()
    return next(line for line in lines if line.startswith("Max stack size")).split()[3]


@case(tree=True)
def name_of_the_status_is_that_of_the_program(kernel: Kernel) -> None:
    fields = status_fields(kernel)
    expect("name and state", (fields["Name"], fields["State"][0], fields["PPid"]), ("cat", "R", str(kernel.getpid())))
