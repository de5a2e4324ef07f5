"""The programs of the default tree, where the conformance suite has no case: what only the model has, and what it refuses."""

import pytest

from fakekernel.machine import Machine
from fakekernel.programs import MAGIC, PROGRAMS, executable
from fakekernel.scheduler import Standstill
from fakekernel.script import parse
from fakekernel.tree import find, write_file
from kernelapi.flags import Disposition, Securebit, Signal, UmountFlag
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.testing.witness import PAUSE, WITNESS


def start(kernel: Kernel, argv: tuple[str, ...], out: Fd) -> None:
    kernel.dup2(out, Fd(1))
    kernel.dup2(out, Fd(2))
    kernel.execve(argv[0], argv, ("PATH=/bin",))


def run(*argv: str) -> tuple[str, Standstill]:
    machine = Machine(checks=True)
    _, output = machine.spawn_captured(start, argv)
    standstill = machine.run()
    crashes = [process.crash for process in machine.scheduler.ended if process.crash]
    machine.close()
    assert not crashes, crashes[0]
    return machine.captured(output).decode(), standstill


def test_every_program_of_the_tree_is_known() -> None:
    machine = Machine()
    content = find(machine.init.fs.root.dentry, "bin/busybox").inode.content
    assert content == executable("busybox") == machine.executable("busybox")
    assert content.removeprefix(MAGIC).strip().decode() in PROGRAMS


def test_what_the_shell_does_not_know_it_says() -> None:
    for script, what in {
        "echo a | cat": "pipes",
        "sleep 1 &": "background commands",
        "cat < /etc/passwd": "redirections",
        "echo a > /f": "redirections",
        "(true)": "subshells",
        "echo $(id)": "command substitution",
        'echo "$(id)"': "command substitution",
        "echo `id`": "command substitution",
        'echo "`id`"': "command substitution",
        "ls /*": "patterns",
        "if true; then true; fi": "if",
        "trap 'echo x' TERM": "a trap that runs a command",
        "echo ${A:-b}": "this parameter expansion",
        "ulimit -z": "these arguments of ulimit",
    }.items():
        text, standstill = run("/bin/sh", "-c", script)
        assert text == f"sh: not modelled: {what}\n", script
        assert not standstill.hung


def test_a_script_that_is_not_known_is_not_begun() -> None:
    assert run("/bin/sh", "-c", "echo a; echo b | cat")[0] == "sh: not modelled: pipes\n"


def test_a_shell_with_nothing_to_read_ends() -> None:
    assert run("/bin/sh", "-x")[0] == "sh: the option -x is not modelled\n"


def test_options_that_are_not_known_are_refused() -> None:
    for name, *words in (("ls", "-l"), ("echo", "-e", "a\\n"), ("env", "-u", "A"), ("cat", "-n"), ("readlink", "-f", "/")):
        text = run("/bin/busybox", name, *words)[0]
        assert text == f"{name}: these options are not modelled: {' '.join(words)}\n"


def test_complaints_are_worded_as_those_of_busybox() -> None:
    for words, complaint in {
        ("readlink", "-v", "/missing"): "readlink: /missing: cannot read link: No such file or directory",
        ("sh", "-c", "kill x"): "sh: invalid number 'x'",
        ("sh", "-c", "kill 9999"): "sh: can't kill pid 9999: No such process",
        ("sh", "-c", "kill"): "sh: you need to specify whom to kill",
        ("sh", "-c", "kill -s NONE 1"): "sh: bad signal name 'NONE'",
        ("sh", "-c", "ulimit -n x"): "sh: invalid number 'x'",
        ("sh", "-c"): "sh: -c requires an argument",
    }.items():
        assert run("/bin/busybox", *words)[0] == f"{complaint}\n"


def sleep_until_killed(kernel: Kernel) -> None:
    kernel.clock_nanosleep(1, 0, 2**62)


@pytest.mark.parametrize("ends", [False, True])
def test_ps_leaves_out_who_ends_while_it_looks(ends: bool) -> None:
    machine = Machine(checks=True)
    sleeper = machine.spawn(sleep_until_killed)
    _, output = machine.spawn_captured(start, ("/bin/ps",))
    while not machine.events or machine.events[-1].call.name != "getdents64":
        machine.run(stop_at=len(machine.events) + 1)
    if ends:
        machine.kill(sleeper, Signal.KILL)
    machine.run()
    machine.close()
    assert (b"sleep_until_kil" in machine.captured(output)) is not ends


def witness_without_proc(kernel: Kernel, out: Fd) -> None:
    kernel.umount2("/proc", UmountFlag.DETACH)
    kernel.prctl_set_securebits(Securebit.NOROOT)
    start(kernel, ("/witness",), out)


def test_a_witness_without_proc_says_the_rest() -> None:
    machine = Machine(checks=True)
    write_file(machine, "/witness", WITNESS, 0o755)
    _, output = machine.spawn_captured(witness_without_proc)
    assert not machine.run().hung
    assert machine.captured(output) == bytes((Securebit.NOROOT, 1, 0))


def test_a_program_that_waits_does_so_for_a_hundred_years() -> None:
    machine = Machine()
    write_file(machine, "/pause", PAUSE, 0o755)
    machine.spawn_captured(start, ("/pause",))
    assert not machine.run().hung
    assert machine.system.clock > 100 * 365 * 86400 * 10**9


def be_stubborn(kernel: Kernel, out: Fd) -> None:
    kernel.clone(Signal.CHLD, start, ("/var/lib/initflow/rootfs/bin/stubborn",), out)
    kernel.clock_nanosleep(1, 0, 1_000_000_000)
    pid = 3
    for signal in (Signal.TERM, Signal.INT, Signal.HUP):
        kernel.kill(pid, signal)
    kernel.clock_nanosleep(1, 0, 1_000_000_000)
    kernel.kill(pid, 0)  # it is still there
    kernel.write(out, b"alive\n")


def test_a_stubborn_program_outlives_polite_signals() -> None:
    machine = Machine(checks=True)
    _, output = machine.spawn_captured(be_stubborn)
    standstill = machine.run()
    assert [waiting.comm for waiting in standstill.waiting] == ["stubborn"]
    task = next(task for task in machine.system.tasks.values() if task.comm == "stubborn")
    ignored = [signal for signal, what in task.actions.dispositions.items() if what is Disposition.IGNORE]
    assert {Signal.TERM, Signal.INT, Signal.HUP} <= set(ignored)
    machine.kill(task, Signal.KILL)
    assert not machine.run().hung
    assert machine.captured(output) == b"alive\n"
    machine.close()


def test_sleep_lets_the_virtual_time_pass() -> None:
    machine = Machine()
    machine.spawn(start_sleep)
    assert not machine.run().hung
    assert machine.system.clock >= 3600 * 10**9


def start_sleep(kernel: Kernel) -> None:
    kernel.execve("/bin/sleep", ("sleep", "1h"), ())


def test_the_joints_of_a_script() -> None:
    assert parse("a b&&c||d;e\nf") == [(";", ["a", "b"]), ("&&", ["c"]), ("||", ["d"]), (";", ["e"]), ("\n", ["f"])]
    assert parse("") == parse("\n \t# nothing\n") == []
