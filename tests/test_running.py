"""`initflow run`: containers on the real kernel, and the guard that leaves nothing behind, whoever is killed."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fakekernel.profile import security_modules
from initflow.commands.run import command
from initflow.configuration import Configuration, decode, encode
from initflow.running import processes
from initflow.running.guard import guard, run_unguarded
from initflow.running.launch import Launch, prepare
from initflow.running.leftovers import Directory, Notes, clear_abandoned, missing_directories
from kernelapi.event import Event
from kernelapi.flags import MountFlag
from kernelapi.kernel import CALLS, Kernel
from kernelapi.testing import linux
from kernelapi.testing.case import Case
from kernelapi.testing.linux import busybox
from kernelapi.testing.network import give, links, make_bridge, up

EXAMPLES = Path(__file__).parents[1] / "examples"
OURS = f"initflow-test-{os.getpid()}"
DEADLINE = 60

pytestmark = pytest.mark.privileged


@pytest.fixture(scope="module")
def open_place() -> Iterator[Path]:
    """A directory that the root of a user namespace can get to. Those of pytest are closed again whenever a session starts."""
    with tempfile.TemporaryDirectory(prefix="initflow-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def state(open_place: Path) -> Path:
    """A state directory of its own."""
    return Path(tempfile.mkdtemp(dir=open_place))


@pytest.fixture(scope="module")
def rootfs(open_place: Path) -> Path:
    """A busybox tree into which any user may look."""
    top = open_place / "rootfs"
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp", "root", "run"):
        (top / name).mkdir(parents=True)
    (top / "bin/busybox").write_bytes(busybox())
    (top / "bin/busybox").chmod(0o755)
    for name in ("cat", "echo", "id", "kill", "ls", "ps", "sh", "sleep", "stty", "true"):
        (top / "bin" / name).symlink_to("busybox")
    (top / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/sh\n")
    (top / "etc/group").write_text("root:x:0:\ndaemon:x:1:\n")
    return top


def document(name: str, **changes: Any) -> dict[str, Any]:
    """An example, its control groups below ours."""
    found: dict[str, Any] = {**json.loads((EXAMPLES / f"{name}.json").read_text()), **changes}
    if found.get("cgroups"):
        found["cgroups"]["parent"] = OURS
    return found


# -- the command --

PROGRAM = (sys.executable, "-c", "from initflow.cli import main; main()", "run")
ALONE = ("unshare", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", "--")
"""In namespaces of its own, where everything dies with it."""


@dataclass(frozen=True)
class Command:
    """`initflow run` on a configuration, with a state directory of its own."""

    config: Path
    rootfs: Path
    state: Path

    def words(self, *args: str, options: tuple[str, ...] = ()) -> tuple[str, ...]:
        return (*ALONE, *PROGRAM, str(self.config), "--rootfs", str(self.rootfs), "--state", str(self.state), *options,
                "--", *args)  # fmt: skip

    def run(self, *args: str, options: tuple[str, ...] = (), **others: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.words(*args, options=options), capture_output=True, text=True, timeout=DEADLINE, check=False, **others
        )  # fmt: skip


@pytest.fixture
def container(tmp_path: Path, rootfs: Path, state: Path) -> Callable[[dict[str, Any]], Command]:
    state.chmod(0o755)

    def make(configuration: dict[str, Any]) -> Command:
        config = tmp_path / "container.json"
        config.write_text(json.dumps(configuration))
        return Command(config, rootfs, state)

    return make


Make = Callable[[dict[str, Any]], Command]


def test_the_payload_runs_and_its_status_is_passed_on(container: Make) -> None:
    done = container(document("no-tty")).run("/bin/sh", "-c", "id; ps; cat; exit 7", input="from outside")
    lines = done.stdout.splitlines()
    assert lines[0] == "uid=1(daemon) gid=1(daemon)"
    assert [line.split()[:2] for line in lines[2:4]] == [["1", "daemon"], ["3", "daemon"]]
    assert lines[-1] == "from outside"
    assert (done.returncode, done.stderr) == (7, "")


def test_a_flow_that_fails_says_why(container: Make) -> None:
    done = container(document("no-tty", user="bogus")).run("/bin/true")
    assert done.returncode == 1
    words = "finalize namespace setup user get supplementary groups Unable to find user bogus"
    assert done.stderr.splitlines()[-1] == f"failed to exec: {words}"


def test_a_container_with_a_user_namespace(container: Make) -> None:
    done = container(document("userns")).run("/bin/sh", "-c", "id; cat /proc/self/uid_map", stdin=subprocess.DEVNULL)
    assert done.stdout.replace("\r", "").split() == ["uid=0(root)", "gid=0(root)", "0", "1000", "1", "1", "100001", "65535"]
    assert done.returncode == 0


def test_nothing_of_a_run_is_left_in_the_state_directory(container: Make) -> None:
    command = container(document("no-tty"))
    command.run("/bin/true")
    assert [path.name for path in command.state.iterdir()] == [".lock"]


def test_a_signal_is_passed_on(container: Make) -> None:
    script = "trap 'echo asked; exit 9' TERM; echo ready; while true; do sleep 0.1; done"
    words = container(document("no-tty")).words("/bin/sh", "-c", script)[len(ALONE) :]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "asked\n"
        assert process.wait(DEADLINE) == 9


def test_a_payload_that_does_not_listen_is_ended_by_the_third_request(container: Make) -> None:
    words = container(document("no-tty")).words("/bin/sh", "-c", "trap '' INT; echo ready; sleep 600")[len(ALONE) :]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        assert process.wait(DEADLINE) == 128 + signal.SIGKILL


BAD_INPUT: tuple[tuple[str, tuple[str, ...], tuple[str, ...], str], ...] = (
    ("no payload", ("CONFIG", "--rootfs", "ROOTFS"), (), 'run: what is to be run? Its command line follows "--"'),
    ("no configuration", ("nowhere.json",), ("true",), "nowhere.json: cannot be read: No such file or directory"),
    ("no root file system", ("CONFIG",), ("true",), "CONFIG: root_fs: names no root file system, and there is no --rootfs"),
    ("a missing one", ("CONFIG", "--rootfs", "none"), ("true",), "none: is no directory that could be a root file system"),
    ("a trace nowhere", ("CONFIG", "--rootfs", "ROOTFS", "--trace", "none/t"), ("true",), "none/t: No such file or directory"),
    ("a state in a file", ("CONFIG", "--rootfs", "ROOTFS", "--state", "CONFIG"), ("true",), "CONFIG: File exists"),
)  # fmt: skip


@pytest.mark.parametrize(("words", "args", "sentence"), [row[1:] for row in BAD_INPUT], ids=[row[0] for row in BAD_INPUT])
def test_bad_input_is_refused_with_one_sentence(
    tmp_path: Path, container: Make, words: tuple[str, ...], args: tuple[str, ...], sentence: str
) -> None:
    made = container(document("no-tty"))
    places = {"CONFIG": str(made.config), "ROOTFS": str(made.rootfs)}
    given = [places.get(word, word) for word in words]
    done = subprocess.run((*PROGRAM, *given, "--", *args), capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"initflow: {sentence.replace('CONFIG', places['CONFIG'])}")
    assert done.stderr.count("\n") == 1


def test_who_is_not_root_is_told(container: Make) -> None:
    made = container(document("no-tty"))
    begin = "import os; os.setuid(65534); from initflow.commands.run import command"
    program = f"{begin}; command(['{EXAMPLES}/no-tty.json', '--rootfs', '/'], obj=['true'])"
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=False, cwd=made.config.parent)
    assert (done.returncode, done.stderr) == (2, "initflow: run: the real kernel lets only root do this\n")


def test_the_help_says_what_the_exit_status_means() -> None:
    assert command.help is not None
    assert "128" in command.help


# -- the terminal --


class Terminal:
    """A terminal with a program in front of it."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execvp(words[0], words)
        self.mode = termios.tcgetattr(self.master)
        termios.tcsetwinsize(self.master, (31, 97))

    def read_until(self, words: bytes) -> bytes:
        text = b""
        deadline = time.monotonic() + DEADLINE
        while words not in text:
            assert select.select((self.master,), (), (), deadline - time.monotonic())[0], text
            text += os.read(self.master, 65536)
        return text

    def type(self, text: bytes) -> None:
        os.write(self.master, text)

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def is_raw(self) -> bool:
        return not termios.tcgetattr(self.master)[3] & termios.ICANON


def test_a_terminal_is_raw_of_the_same_size_and_restored(container: Make) -> None:
    terminal = Terminal(container(document("minimal")).words("/bin/sh")[len(ALONE) :])
    terminal.read_until(b"$ ")
    assert terminal.is_raw()
    terminal.type(b"stty size; echo d''one\n")
    assert b"31 97\r\n" in terminal.read_until(b"done\r\n")
    termios.tcsetwinsize(terminal.master, (20, 70))
    time.sleep(0.2)
    terminal.type(b"stty size; echo d''one\n")
    assert b"20 70\r\n" in terminal.read_until(b"done\r\n")
    terminal.type(b"sleep 600\n")
    time.sleep(0.2)
    terminal.type(b"\x03echo a''fter\n")  # Ctrl-C goes to the container's foreground process
    terminal.read_until(b"after\r\n")
    terminal.type(b"exit 5\n")
    assert terminal.wait() == 5
    assert termios.tcgetattr(terminal.master) == terminal.mode


def test_a_terminal_is_restored_when_the_guard_is_killed(container: Make) -> None:
    command = container(document("minimal"))
    terminal = Terminal(command.words("/bin/sh")[len(ALONE) :])
    terminal.read_until(b"$ ")
    assert terminal.is_raw()
    os.kill(terminal.pid, signal.SIGKILL)
    terminal.wait()
    deadline = time.monotonic() + 5
    while terminal.is_raw() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert termios.tcgetattr(terminal.master) == terminal.mode
    assert not clear_abandoned(command.state)
    assert [path.name for path in command.state.iterdir()] == [".lock"]


def test_the_end_of_the_input_is_the_end_of_the_containers(container: Make) -> None:
    done = container(document("minimal")).run("/bin/cat", input="with a line\nand half a one")
    assert done.stdout.count("half a one") == 2  # as it is typed, and as it is read
    assert done.returncode == 0


# -- whoever is killed --


def die_at(process: str, index: int) -> Callable[[Event], None]:
    """A sink of events that kills `process` when it has made its call number `index`."""

    def look(event: Event) -> None:
        if (event.process, event.index) == (process, index):
            os.kill(os.getpid(), signal.SIGKILL)

    return look


def wreck(kernel: Kernel, configuration: Configuration, state: Path, process: str, index: int) -> dict[str, Any]:
    """Run a container in which somebody is killed: the exit status, how far it got, and what is left on the host."""
    kernel.mount("proc", "/proc", "proc", 0, "")
    up(kernel, make_bridge(kernel, "docker0"), 1)
    give(kernel, "172.17.42.1/16", 2)
    before = set(links(kernel)), Path("/proc/self/mountinfo").read_text(), set(os.listdir("/proc/self/fd"))
    prepare(configuration)
    clear_abandoned(state)
    directory = Directory.make(state, encode(configuration), Notes(cgroups=missing_directories(configuration.cgroups)))
    made = list(directory.notes.cgroups)
    os.dup2(os.open("/dev/null", os.O_RDWR), 2)
    launch = Launch(configuration, str(directory.path), ("/bin/sleep", "0.05"), ("PATH=/bin",), die_at(process, index))
    status = guard(launch, directory)
    after = set(links(kernel)), Path("/proc/self/mountinfo").read_text(), set(os.listdir("/proc/self/fd"))
    return {
        "status": status,
        "links": after[0] - before[0],
        "mounts": "" if after[1] == before[1] else after[1],
        "processes": [pid for pid in processes.all_pids() if pid > 2 and pid != os.getpid()],
        "cgroups": [path for path in made if Path(path).exists()],
        "state": [path.name for path in state.iterdir() if path.name != ".lock"],
    }


CLEAN = {"links": set(), "mounts": "", "processes": [], "cgroups": [], "state": []}


def doomed() -> Iterator[Any]:
    """Who is killed, and after which of its calls: every one in the long run, some of them otherwise."""
    for name, victims in (("bridge", {"1": 310, "1.1": 355}), ("userns", {"1": 260, "1.1": 120, "1.2": 40, "1.2.1": 30})):
        for victim, calls in victims.items():
            for index in range(calls):
                marks = () if index % 61 == 7 else (pytest.mark.long,)
                yield pytest.param(name, victim, index, marks=marks, id=f"{name}-{victim}-{index}")


@pytest.mark.parametrize(("name", "victim", "index"), list(doomed()))
def test_whoever_is_killed_leaves_nothing(state: Path, rootfs: Path, name: str, victim: str, index: int) -> None:
    configuration = decode(json.dumps(document(name, root_fs=str(rootfs))).encode(), name).configuration
    state.chmod(0o755)
    report = linux.run(Case(partial(wreck, configuration=configuration, state=state, process=victim, index=index)))
    assert report.passed, report.failure
    assert {key: value for key, value in report.value.items() if key != "status"} == CLEAN


def kill_the_guard(kernel: Kernel, configuration: Configuration, state: Path, delay: float) -> dict[str, Any]:
    """Kill a guard, then clear up after it: what is left of the container before and after."""
    kernel.mount("proc", "/proc", "proc", MountFlag.NOSUID, "")
    prepare(configuration)
    victim = os.fork()
    if victim == 0:
        notes = Notes(cgroups=missing_directories(configuration.cgroups))
        directory = Directory.make(state, encode(configuration), notes)
        launch = Launch(configuration, str(directory.path), ("/bin/sleep", "600"), ("PATH=/bin",))
        os._exit(guard(launch, directory))
    time.sleep(delay)
    os.kill(victim, signal.SIGKILL)
    os.waitpid(victim, 0)
    time.sleep(0.1)
    made = [json.loads(path.read_text()).get("cgroups", []) for path in state.glob("*/guard.json")]
    left = [pid for pid in processes.all_pids() if pid > 2 and pid != os.getpid() and not processes.is_zombie(pid)]
    problems = clear_abandoned(state)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return {
        "left": len(left),
        "problems": problems,
        "processes": [pid for pid in processes.all_pids() if pid > 2 and pid != os.getpid() and not processes.is_zombie(pid)],
        "cgroups": [path for paths in made for path in paths if Path(path).exists()],
        "state": [path.name for path in state.iterdir() if path.name != ".lock"],
    }


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1, 0.8])
@pytest.mark.parametrize("name", ["no-tty", "host-pid", "userns"])
def test_the_next_run_clears_up_after_a_guard_that_was_killed(
    state: Path, rootfs: Path, name: str, delay: float
) -> None:
    configuration = decode(json.dumps(document(name, root_fs=str(rootfs))).encode(), name).configuration
    state.chmod(0o755)
    report = linux.run(Case(partial(kill_the_guard, configuration=configuration, state=state, delay=delay)))
    assert report.passed, report.failure
    found = dict(report.value)
    found.pop("left")
    assert found == {"problems": [], "processes": [], "cgroups": [], "state": []}


def ask_for_a_profile(kernel: Kernel, configuration: Configuration, state: Path) -> bytes:
    """What a runtime with AppArmor built in says."""
    kernel.mount("proc", "/proc", "proc", MountFlag.NOSUID, "")
    prepare(configuration)
    directory = Directory.make(state, encode(configuration), Notes())
    launch = Launch(configuration, str(directory.path), ("/bin/true",), ("PATH=/bin",), build=("apparmor",))
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.dup2(writer, 2)
        os._exit(run_unguarded(launch, directory))
    os.close(writer)
    with open(reader, "rb") as said:
        return said.read()


def test_a_profile_that_there_cannot_be_is_refused(state: Path, rootfs: Path) -> None:
    changes = {"root_fs": str(rootfs), "apparmor_profile": "unheard-of"}
    configuration = decode(json.dumps(document("no-tty", **changes)).encode(), "no-tty").configuration
    state.chmod(0o755)
    report = linux.run(Case(partial(ask_for_a_profile, configuration=configuration, state=state)))
    assert report.passed, report.failure
    reason = "no such file or directory" if security_modules() == ("apparmor",) else "invalid argument"
    assert f"failed to exec: set apparmor profile unheard-of: {reason}\n".encode() in report.value


def abandon(kernel: Kernel, configuration: Configuration, state: Path) -> int:
    """Kill the parent of a container without a guard: how many processes go on."""
    kernel.mount("proc", "/proc", "proc", MountFlag.NOSUID, "")
    prepare(configuration)
    directory = Directory.make(state, encode(configuration), Notes())
    launch = Launch(configuration, str(directory.path), ("/bin/sleep", "600"), ("PATH=/bin",))
    outer = os.fork()
    if outer == 0:
        os.dup2(os.open("/dev/null", os.O_RDWR), 2)
        os._exit(run_unguarded(launch, directory))
    deadline = time.monotonic() + DEADLINE
    while not sleeping() and time.monotonic() < deadline:
        time.sleep(0.05)
    (parent,) = processes.children(outer)[:1]
    os.kill(parent, signal.SIGKILL)
    os.waitpid(outer, 0)
    return len(sleeping())


def sleeping() -> list[int]:
    """Those that have become the payload."""
    found = []
    for pid in processes.all_pids():
        with suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/bin/sleep"):
                found.append(pid)
    return found


@pytest.mark.parametrize(("name", "survivors"), [("no-tty", 0), ("userns", 1)])
def test_without_the_guard_a_container_with_a_user_namespace_outlives_its_parent(
    state: Path, rootfs: Path, name: str, survivors: int
) -> None:
    """The original's hazard: the parent death signal was lost with the change of ids."""
    configuration = decode(json.dumps({**document(name, root_fs=str(rootfs)), "cgroups": None}).encode(), name).configuration
    state.chmod(0o755)
    report = linux.run(Case(partial(abandon, configuration=configuration, state=state)))
    assert report.passed, report.failure
    assert report.value == survivors


# -- what strace sees --

INTERPRETER = frozenset(("brk", "mmap", "munmap", "mremap", "madvise", "futex", "rt_sigreturn", "restart_syscall"))
"""What an interpreter asks for its own sake: memory, and locks."""

BIRTH = ("set_robust_list", "gettid", "set_tid_address", "rseq")
"""How a new process begins: libc's, and the interpreter's, bookkeeping."""

IN_PROCESS_EXEC = r"getuid geteuid getgid getegid prctl openat getdents64 getdents64 (fcntl (close )?)+"
"""What stands for the exec of the runtime's own program."""


def test_strace_shows_the_calls_of_the_trace(tmp_path: Path, container: Make) -> None:
    """Besides them: what the interpreter does for itself, what stands for exec, and that the guard is told of children."""
    log, trace = tmp_path / "strace", tmp_path / "trace"
    words = container(document("no-tty")).words("/bin/true", options=("--trace", str(trace)))[len(ALONE) :]
    subprocess.run(("strace", "-f", "-o", str(log), *words), check=True, timeout=DEADLINE)
    for process in ("1", "1.1"):
        pattern, seen = expected(trace, process), observed(log)[process]
        assert re.fullmatch(pattern, seen), f"{pattern}\n\n{seen}"


def expected(trace: Path, process: str) -> str:
    """The system calls of a process of the trace, in order, as a pattern."""
    names = []
    for line in trace.read_text().splitlines():
        who, call = line.split("  ", 1)
        name = call.partition("(")[0]
        if who == process:
            if call.startswith('execve("nsinit"'):
                names.append(IN_PROCESS_EXEC)
                continue
            general = CALLS[name].general
            names.append(re.sub(r"^(prctl|fcntl|ioctl)_.*", r"\1", name if general is None else general.name) + " ")
            if name == "clone":
                names.append("sendmsg ")
    return "".join(names)


def observed(log: Path) -> dict[str, str]:
    """What strace saw of parent and init: from the first step of the flow to the end, or to the exec of the payload."""
    calls: dict[str, list[str]] = {}
    for line in log.read_text(errors="replace").splitlines():
        pid, rest = line.split(maxsplit=1)
        if "ERESTARTSYS" in rest and rest.startswith("<..."):
            calls[pid].pop()  # a signal has come meanwhile, and strace: the call is made again
        elif re.match(r"\w+\(", rest) is not None and "ERESTARTSYS" not in rest:
            calls.setdefault(pid, []).append(rest)
    (init,) = (pid for pid, lines in calls.items() if any(line.startswith("setsid(") for line in lines))
    (parent,) = (pid for pid, lines in calls.items() if any("CLONE_NEWNS" in line for line in lines))
    ours = calls[parent]
    begin = next(place for place, line in enumerate(ours) if "container.json" in line)
    end = max(place for place, line in enumerate(ours) if re.match(r"close\(\d+", line) and "1000" not in line[:12])
    theirs = calls[init]
    last = next(place for place, line in enumerate(theirs) if line.startswith("execveat("))
    return {"1": _names(ours[begin : end + 1]), "1.1": _names(theirs[: last + 1])}


def _names(lines: list[str]) -> str:
    names = [line.partition("(")[0] for line in lines]
    while names[0] in BIRTH:
        del names[0]
    return "".join(f"{name} " for name in names if name not in INTERPRETER)


def test_nothing_is_imported_and_no_other_file_is_opened_after_the_first_clone(tmp_path: Path, container: Make) -> None:
    log = tmp_path / "strace"
    words = container(document("no-tty")).words("/bin/true")[len(ALONE) :]
    subprocess.run(("strace", "-f", "-e", "trace=openat,open,clone", "-o", str(log), *words), check=True, timeout=DEADLINE)
    lines = log.read_text(errors="replace").splitlines()
    (first,) = [place for place, line in enumerate(lines) if "CLONE_NEWNS" in line and "clone(" in line]
    opened = {match[1] for line in lines[first:] if (match := re.search(r'open(?:at)?\((?:AT_FDCWD, )?"([^"]*)"', line))}
    assert not [path for path in opened if path.endswith((".py", ".pyc", ".so")) or "site-packages" in path]
