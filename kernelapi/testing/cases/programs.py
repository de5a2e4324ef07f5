"""Laws of the programs in a busybox tree: what they print and how they end, wherever they run."""

from collections.abc import Mapping
from errno import EACCES, ENOENT

from kernelapi.flags import CloneFlag, OpenFlag, Rlimit, Signal
from kernelapi.ids import Fd, Gid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, read_all, refused
from kernelapi.testing.cases.proc import asleep, contents, end
from kernelapi.testing.stage import write_file
from kernelapi.values import Limit

PATH = "PATH=/bin"


def output(kernel: Kernel, *argv: str, path: str | None = None, envp: tuple[str, ...] = (PATH,)) -> tuple[str, int]:
    """What a program prints, and its exit status (128 and the signal, where one ended it)."""
    reader, writer = kernel.pipe()
    pid = kernel.clone(Signal.CHLD, become, path or f"/bin/{argv[0]}", argv, envp, writer)
    kernel.close(writer)
    text = read_all(kernel, reader).decode()
    kernel.close(reader)
    _, status = kernel.wait4(pid)
    return text, status >> 8 if not status & 0x7F else 128 + (status & 0x7F)


def become(kernel: Kernel, path: str, argv: tuple[str, ...], envp: tuple[str, ...], out: Fd) -> int:
    kernel.dup2(out, Fd(1))
    kernel.dup2(kernel.open("/dev/null", OpenFlag.WRONLY), Fd(2))
    kernel.close_range(3, 2**32 - 1)
    kernel.execve(path, argv, envp)


def script(kernel: Kernel, text: str, *, envp: tuple[str, ...] = (PATH,)) -> tuple[str, int]:
    return output(kernel, "sh", "-c", text, envp=envp)


def outputs(kernel: Kernel, expected: Mapping[tuple[str, ...], tuple[str, int]]) -> None:
    for argv, result in expected.items():
        expect(" ".join(argv), output(kernel, *argv), result)


def scripts(kernel: Kernel, expected: Mapping[str, tuple[str, int]]) -> None:
    for text, result in expected.items():
        expect(text, script(kernel, text), result)


# -- one file, many programs --


@case(tree=True)
def busybox_is_what_it_is_called(kernel: Kernel) -> None:
    for argv, result in {
        ("true",): ("", 0),
        ("/usr/bin/false",): ("", 1),
        ("busybox", "false"): ("", 1),
        ("busybox", "echo", "a"): ("a\n", 0),
        ("nonsense",): ("", 127),
        ("busybox", "nonsense"): ("", 127),
    }.items():
        expect(" ".join(argv), output(kernel, *argv, path="/bin/busybox"), result)


@case(tree=True)
def echo_prints_its_arguments(kernel: Kernel) -> None:
    outputs(
        kernel,
        {
            ("echo",): ("\n", 0),
            ("echo", "a", "", "b  c"): ("a  b  c\n", 0),
            ("echo", "-n", "a"): ("a", 0),
            ("echo", "-x"): ("-x\n", 0),
        },
    )


@case(tree=True)
def cat_goes_on_after_what_it_cannot_open(kernel: Kernel) -> None:
    passwd = contents(kernel, "/etc/passwd")
    outputs(
        kernel,
        {
            ("cat", "/etc/passwd"): (passwd, 0),
            ("cat", "/etc/passwd", "/missing", "/etc/passwd"): (passwd * 2, 1),
            ("cat", "/etc"): ("", 1),
            ("cat", "/dev/null"): ("", 0),
            ("cat", "--", "/etc/passwd"): (passwd, 0),
            ("cat", "-x"): ("", 1),
        },
    )


@case(tree=True)
def readlink_prints_what_a_link_holds(kernel: Kernel) -> None:
    kernel.symlink("nowhere", "/link")
    for argv, result in {
        ("readlink", "/link"): ("nowhere\n", 0),
        ("readlink", "-n", "/link"): ("nowhere", 0),
        ("readlink", "/etc"): ("", 1),
        ("readlink", "/missing"): ("", 1),
        ("readlink",): ("", 1),
        ("readlink", "/proc/self/ns/uts"): (kernel.readlink("/proc/self/ns/uts") + "\n", 0),
    }.items():
        expect(" ".join(argv), output(kernel, *argv, path="/bin/busybox"), result)


@case(tree=True)
def ls_sorts_and_hides(kernel: Kernel) -> None:
    kernel.mkdir("/d", 0o755)
    for name in ("b", "a", ".c", "B"):
        kernel.mkdir(f"/d/{name}", 0o755)
    outputs(
        kernel,
        {
            ("ls", "/d"): ("B\na\nb\n", 0),
            ("ls", "-a", "/d"): (".\n..\n.c\nB\na\nb\n", 0),
            ("ls", "/d/b", "/etc/passwd", "/d"): ("/etc/passwd\n\n/d:\nB\na\nb\n\n/d/b:\n", 0),
            ("ls", "/missing", "/etc/group"): ("/etc/group\n", 1),
        },
    )
    kernel.mkdir("/closed", 0o700)
    kernel.setresuid(1000, 1000, 1000)
    outputs(kernel, {("ls", "/closed"): ("", 1), ("ls", "/d/b", "/closed"): ("/closed:\n\n/d/b:\n", 1)})


# -- who and where --


@case(tree=True)
def id_names_users_and_groups(kernel: Kernel) -> None:
    kernel.setgroups(())
    outputs(
        kernel,
        {
            ("id",): ("uid=0(root) gid=0(root)\n", 0),
            ("id", "-u"): ("0\n", 0),
            ("id", "-un"): ("root\n", 0),
            ("id", "-G"): ("0\n", 0),
        },
    )
    kernel.setgroups((Gid(100), Gid(5), Gid(1)))
    kernel.setresgid(1000, 1000, 1000)
    kernel.setresuid(1000, 1000, 1000)
    outputs(
        kernel,
        {
            ("id",): ("uid=1000(user) gid=1000(user) groups=1(daemon),5,100(users)\n", 0),
            ("id", "-u"): ("1000\n", 0),
            ("id", "-g"): ("1000\n", 0),
            ("id", "-G"): ("1000 1 5 100\n", 0),
            ("id", "-x"): ("", 1),
        },
    )


@case(tree=True)
def an_id_without_a_name_is_shown_as_a_number(kernel: Kernel) -> None:
    kernel.setgroups(())
    expect("a group", in_child(kernel, ids_of, 77, 1000), (("uid=1000(user) gid=77\n", 0), ("user\n", 0), ("77\n", 1)))
    expect("a user", in_child(kernel, ids_of, 100, 1001), (("uid=1001 gid=100(users)\n", 0), ("1001\n", 1), ("users\n", 0)))
    kernel.unlink("/etc/passwd")
    expect("any user", in_child(kernel, ids_of, 0, 0), (("uid=0 gid=0(root)\n", 0), ("0\n", 1), ("root\n", 0)))


def ids_of(kernel: Kernel, gid: int, uid: int) -> tuple[tuple[str, int], ...]:
    kernel.setresgid(gid, gid, gid)
    kernel.setresuid(uid, uid, uid)
    return output(kernel, "id"), output(kernel, "id", "-un"), output(kernel, "id", "-gn")


@case(tree=True)
def id_tells_real_from_effective_ids(kernel: Kernel) -> None:
    kernel.setgroups(())
    kernel.setresgid(77, 1, 1)
    kernel.setresuid(0, 1000, 0)
    outputs(
        kernel,
        {
            ("id", "-u"): ("1000\n", 0),
            ("id", "-ur"): ("0\n", 0),
            ("id", "-g"): ("1\n", 0),
            ("id", "-gr"): ("77\n", 0),
            ("id",): ("uid=0(root) gid=77 euid=1000(user) egid=1(daemon)\n", 0),
        },
    )


@case(tree=True)
def hostname_shows_and_sets(kernel: Kernel) -> None:
    kernel.sethostname("some.name")
    expect("shown", output(kernel, "hostname", path="/bin/busybox"), ("some.name\n", 0))
    expect("set", output(kernel, "hostname", "other", path="/bin/busybox"), ("", 0))
    expect("uname", kernel.uname().nodename, "other")
    expect("the first of two", output(kernel, "hostname", "one", "two", path="/bin/busybox"), ("", 0))
    expect("uname", kernel.uname().nodename, "one")
    expect("an option", output(kernel, "hostname", "-x", path="/bin/busybox"), ("", 1))
    kernel.setresuid(1000, 1000, 1000)
    expect("refused", output(kernel, "hostname", "third", path="/bin/busybox"), ("", 1))


@case(tree=True)
def env_shows_and_changes_the_environment(kernel: Kernel) -> None:
    for argv, result in {
        ("env",): ("PATH=/bin\nA=1\n", 0),
        ("env", "-i", "B=2"): ("B=2\n", 0),
        ("env", "A=3", "busybox", "env"): ("PATH=/bin\nA=3\n", 0),
        ("env", "missing"): ("", 127),
        ("env", "/etc/passwd"): ("", 126),
        ("env", "--", "B=2"): ("PATH=/bin\nA=1\nB=2\n", 0),
        ("env", "-x"): ("", 1),
    }.items():
        expect(" ".join(argv), output(kernel, *argv, path="/bin/busybox", envp=(PATH, "A=1")), result)


@case(tree=True)
def pwd_fails_where_there_is_no_directory_any_more(kernel: Kernel) -> None:
    expect("in the root", output(kernel, "pwd", path="/bin/busybox"), ("/\n", 0))
    kernel.mkdir("/gone", 0o755)
    kernel.chdir("/gone")
    kernel.rmdir("/gone")
    expect("in what was removed", output(kernel, "pwd", path="/bin/busybox"), ("", 1))


@case(tree=True)
def who_looks_for_a_program_passes_over_what_may_not_be_run(kernel: Kernel) -> None:
    """What is open for writing cannot be run either: env gives up there, as execvp(3) does, and the shell looks further."""
    kernel.mkdir("/first", 0o755)
    kernel.mkdir("/second", 0o755)
    for name in ("both", "locked"):
        write_file(kernel, f"/first/{name}", b"", 0o644)
    for name in ("both", "written"):
        write_file(kernel, f"/second/{name}", b"#!/bin/echo found\n", 0o755)
    kernel.open("/first/written", OpenFlag.CREAT | OpenFlag.WRONLY, 0o755)
    path = ("PATH=/first:/second:/bin",)
    for argv, result in {
        ("env", "both"): ("found /second/both\n", 0),
        ("env", "locked"): ("", 126),
        ("env", "written"): ("", 126),
        ("sh", "-c", "both; locked"): ("found /second/both\n", 126),
        ("sh", "-c", "written; written"): ("found /second/written\n" * 2, 0),
    }.items():
        expect(" ".join(argv), output(kernel, *argv, path="/bin/busybox", envp=path), result)


@case(tree=True)
def the_shell_has_programs_that_are_not_on_its_path(kernel: Kernel) -> None:
    for text, result in {"ls /etc": "group\npasswd\n", "ls /etc; echo $?": "group\npasswd\n0\n", "exec id -u": "0\n"}.items():
        expect(text, script(kernel, text, envp=("PATH=/nowhere",)), (result, 0))


@case(tree=True)
def who_has_no_standard_error_complains_to_nobody(kernel: Kernel) -> None:
    reader, writer = kernel.pipe()
    pid = kernel.clone(Signal.CHLD, become_without_errors, ("cat", "/missing", "/etc/group"), writer)
    kernel.close(writer)
    expect("what it prints", read_all(kernel, reader).decode(), contents(kernel, "/etc/group"))
    expect("its status", kernel.wait4(pid), (pid, 1 << 8))


def become_without_errors(kernel: Kernel, argv: tuple[str, ...], out: Fd) -> int:
    kernel.dup2(out, Fd(1))
    kernel.close_range(2, 2**32 - 1)
    kernel.execve(f"/bin/{argv[0]}", argv, (PATH,))


@case(tree=True)
def ps_lists_the_processes_of_this_proc(kernel: Kernel) -> None:
    pid = asleep(kernel)
    text, status = output(kernel, "ps")
    expect("status", status, 0)
    head, *rows = text.splitlines()
    expect("the head", (head.split()[:2], head.split()[-1]), (["PID", "USER"], "COMMAND"))
    listed = {int(row.split()[0]): row.split() for row in rows}
    expect("this process, its parent, the child", {1, int(kernel.getpid()), int(pid)} <= set(listed), True)
    expect("users", {fields[1] for fields in listed.values()}, {"root"})
    expect("the last one is ps itself", listed[max(listed)][-1], "ps")
    end(kernel, pid)


@case(tree=True)
def ps_as_process_1_sees_only_itself(kernel: Kernel) -> None:
    text = in_child(kernel, ps_inside, flags=CloneFlag.NEWPID | CloneFlag.NEWNS)
    expect("rows", [row.split()[0] for row in text.splitlines()], ["PID", "1", "2"])


def ps_inside(kernel: Kernel) -> str:
    kernel.mount("proc", "/proc", "proc", 0, "")
    return output(kernel, "ps")[0]


# -- the shell --


@case(tree=True)
def the_shell_ends_as_its_last_command_or_as_told(kernel: Kernel) -> None:
    scripts(
        kernel,
        {
            "": ("", 0),
            "exit 3": ("", 3),
            "exit 3; echo no": ("", 3),
            "false": ("", 1),
            "false; exit": ("", 1),
            "false; true": ("", 0),
            "exit 300": ("", 44),
            "exit x; echo no": ("", 2),
            "missing": ("", 127),
            "/etc/passwd": ("", 126),
            "/etc": ("", 126),
            ":": ("", 0),
        },
    )


@case(tree=True)
def and_and_or_have_equal_rank(kernel: Kernel) -> None:
    scripts(
        kernel,
        {
            "false || echo b && echo c": ("b\nc\n", 0),
            "true || echo b && echo c": ("c\n", 0),
            "false && echo b || echo c": ("c\n", 0),
            "false && echo b; echo c": ("c\n", 0),
            "true\necho a; echo b\n\n": ("a\nb\n", 0),
            "true &&\necho a": ("a\n", 0),
            "false && true": ("", 1),
        },
    )


@case(tree=True)
def the_shell_quotes_and_expands(kernel: Kernel) -> None:
    scripts(
        kernel,
        {
            "echo 'a  b' \"c  d\" e\\ f": ("a  b c  d e f\n", 0),
            "echo '$A' \"$A\" $A ${A}x": ("$A  x\n", 0),
            "A='1  2'; echo $A \"$A\"": ("1 2 1  2\n", 0),
            "false; echo $? $?": ("1 1\n", 0),
            "echo a#b # comment": ("a#b\n", 0),
            'echo "\\"" \'"\' "\\a"': ('" " \\a\n', 0),
            "echo '' x": (" x\n", 0),
            "A=1 B=2; echo $A$B": ("12\n", 0),
        },
    )
    expect("arguments", output(kernel, "sh", "-c", "echo $0 $1 $#", "name", "one", "two"), ("name one 2\n", 0))


@case(tree=True)
def the_shell_refuses_what_is_no_script(kernel: Kernel) -> None:
    expect("without a script", output(kernel, "sh", "-c"), ("", 2))
    for text in ("true;;", "&& true", "true &&", "'unterminated", "; true"):
        expect(text, script(kernel, text), ("", 2))


@case(tree=True)
def variables_reach_programs_when_they_are_exported(kernel: Kernel) -> None:
    shown = script(kernel, "A=1; B=2; export B; C=3 busybox env")[0].splitlines()
    expect("in the environment", {line for line in shown if line[0] in "ABC"}, {"B=2", "C=3"})
    shown = script(kernel, "export A=1 B; busybox env")[0].splitlines()
    expect("given and exported at once", {line for line in shown if line[0] in "AB"}, {"A=1"})


@case(tree=True)
def a_trap_of_nothing_ignores_for_the_children_too(kernel: Kernel) -> None:
    text, _ = script(kernel, "trap '' TERM HUP; cat /proc/self/status")
    fields = dict(line.split(":", 1) for line in text.splitlines())
    expect("SIGHUP and SIGTERM", int(fields["SigIgn"], 16) & 0x4001, 0x4001)
    scripts(
        kernel,
        {
            "trap '' NONSENSE": ("", 1),
            "trap '' 15 && echo ok": ("ok\n", 0),
            "trap": ("", 0),
            "trap '' TERM EXIT INT; trap; echo; trap - INT; trap TERM; trap": (
                "trap -- '' EXIT\ntrap -- '' INT\ntrap -- '' TERM\n\ntrap -- '' EXIT\n", 0
            ),
            "trap -- '' TERM; kill $$; echo alive": ("alive\n", 0),
            "trap '' TERM; trap TERM; kill $$; echo alive": ("", 143),
            "trap ''": ("", 1),
            "trap '' TERM; sh -c 'trap - TERM; kill $$; echo alive'": ("alive\n", 0),
        },
    )  # fmt: skip


@case(tree=True)
def a_command_ended_by_a_signal_counts_128_more(kernel: Kernel) -> None:
    scripts(
        kernel,
        {
            "kill -9 $$": ("", 137),
            "sh -c 'kill -9 $$'; echo $?": ("137\n", 0),
            "sh -c 'kill -TERM $$'; echo $?": ("143\n", 0),
            "trap '' TERM; kill $$; echo alive": ("alive\n", 0),
        },
    )


@case(tree=True)
def kill_counts_those_that_do_not_get_the_signal(kernel: Kernel) -> None:
    scripts(
        kernel,
        {
            "kill -0 $$; echo $?": ("0\n", 0),
            "kill x; echo $?": ("1\n", 0),
            "kill -9 9999 x 9998; echo $?": ("3\n", 0),
            "kill 9999 $$": ("", 143),
            "kill -NONSENSE $$; echo $?": ("1\n", 0),
            "kill -s NONSENSE $$; echo $?": ("1\n", 0),
            "kill -sKILL $$; echo $?": ("1\n", 0),
            "kill -s KILL $$; echo $?": ("", 137),
            "kill; echo $?": ("1\n", 0),
            "kill -s TERM; echo $?": ("1\n", 0),
        },
    )


@case(tree=True)
def ulimit_shows_and_sets(kernel: Kernel) -> None:
    kernel.setrlimit(Rlimit.NOFILE, Limit(100, 200))
    kernel.setrlimit(Rlimit.STACK, Limit(1 << 20, 2 << 20))
    scripts(
        kernel,
        {
            "ulimit -n": ("100\n", 0),
            "ulimit -Hn": ("200\n", 0),
            "ulimit -s": ("1024\n", 0),
            "ulimit -n 50; ulimit -n; ulimit -Hn": ("50\n50\n", 0),
            "ulimit -Sn 70; ulimit -n; ulimit -Hn": ("70\n200\n", 0),
            "ulimit -n x; echo $?; ulimit -n": ("1\n100\n", 0),
            "ulimit -n 300; echo $?; ulimit -n": ("1\n100\n", 0),
            "ulimit -Sn 300; echo $?; ulimit -n": ("1\n100\n", 0),
        },
    )
    shown = script(kernel, "ulimit -a")[0].splitlines()
    expect("lines of all", len(shown), 15)
    expect("open files", next(line for line in shown if "(-n)" in line).split(), ["open", "files", "(-n)", "100"])


@case(tree=True)
def the_last_command_takes_the_place_of_the_shell(kernel: Kernel) -> None:
    scripts(
        kernel,
        {
            "exec echo a; echo b": ("a\n", 0),
            "exec missing; echo b": ("", 127),
            "exec; echo b": ("b\n", 0),
        },
    )
    before = script(kernel, "echo $$; exec sh -c 'echo $$'")[0].split()
    expect("exec keeps the number", before[0], before[1])
    before = script(kernel, "echo $$; /bin/sh -c 'echo $$'")[0].split()
    expect("so does a last command", before[0], before[1])


@case(tree=True)
def the_shell_reads_standard_input_and_files(kernel: Kernel) -> None:
    fd = kernel.open("/script", OpenFlag.CREAT | OpenFlag.WRONLY, 0o755)
    kernel.write(fd, b"echo $0 $1\nexit 4\n")
    kernel.close(fd)
    expect("a file", output(kernel, "sh", "/script", "one"), ("/script one\n", 4))
    expect("a missing file", output(kernel, "sh", "/missing"), ("", 2))
    expect("standard input", in_child(kernel, shell_on_standard_input), ("hello\n", 5))


def shell_on_standard_input(kernel: Kernel) -> tuple[str, int]:
    reader, writer = kernel.pipe()
    kernel.write(writer, b"echo hello\nexit 5\n")
    kernel.close(writer)
    kernel.dup2(reader, Fd(0))
    return output(kernel, "sh")


@case(tree=True)
def the_shell_changes_its_directory(kernel: Kernel) -> None:
    scripts(kernel, {"cd /etc; pwd": ("/etc\n", 0), "cd /missing || pwd": ("/\n", 0)})


# -- time --


@case(tree=True)
def sleep_takes_as_long_as_it_is_told(kernel: Kernel) -> None:
    start = kernel.clock_gettime(1)
    expect("status", output(kernel, "sleep", "0.05"), ("", 0))
    expect("at least that long", kernel.clock_gettime(1) - start >= 50_000_000, True)
    outputs(kernel, {("sleep", "x"): ("", 1), ("sleep",): ("", 1)})


@case(tree=True)
def a_file_that_is_no_program_is_not_run(kernel: Kernel) -> None:
    refused(EACCES, kernel.execve, "/etc/passwd", ("passwd",), ())
    refused(ENOENT, kernel.execve, "/bin/missing", ("missing",), ())
