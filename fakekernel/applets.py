"""The applets of the simulated busybox: small programs that say what the kernel answers them (busybox(1), version 1.35).

Output and exit status are those of the real ones; what they do not know they say, with status 1 or 2.
"""

import os
from collections.abc import Callable, Sequence
from errno import EACCES, ENOENT, ENOTDIR

from kernelapi.flags import Clock, Disposition, FileType, OpenFlag, Signal
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel

Words = tuple[str, ...]
Applet = Callable[[Kernel, Words, Words], int]

STDIN, STDOUT, STDERR = Fd(0), Fd(1), Fd(2)
CHUNK = 65536


# -- what all of them use --


def put(kernel: Kernel, text: str, fd: Fd = STDOUT) -> None:
    """Write all of `text`."""
    data = text.encode(errors="surrogateescape")
    while data:
        data = data[kernel.write(fd, data) :]


def complain(kernel: Kernel, text: str) -> None:
    """Write a line to standard error, if there is one."""
    try:
        put(kernel, text + "\n", STDERR)
    except OSError:
        pass


def reason(error: OSError) -> str:
    """What the C library calls the errno."""
    return os.strerror(error.errno or 0)


def read_file(kernel: Kernel, path: str) -> str:
    """The content of a file as text. Raises `OSError`."""
    fd = kernel.open(path, OpenFlag.RDONLY)
    data = read_rest(kernel, fd)
    kernel.close(fd)
    return data.decode(errors="surrogateescape")


def read_rest(kernel: Kernel, fd: Fd) -> bytes:
    """Everything from where the descriptor stands to the end."""
    data = b""
    while chunk := kernel.read(fd, CHUNK):
        data += chunk
    return data


def options(argv: Words, known: str) -> tuple[set[str], Words] | None:
    """The one-letter options that `argv` begins with, and the other arguments; None where one is not in `known`."""
    found: set[str] = set()
    rest = argv[1:]
    while rest and rest[0][:1] == "-" and len(rest[0]) > 1:
        if rest[0] == "--":
            return found, rest[1:]
        letters = set(rest[0][1:])
        if letters - set(known):
            return None
        found |= letters
        rest = rest[1:]
    return found, rest


def usage(kernel: Kernel, argv: Words) -> int:
    complain(kernel, f"{argv[0]}: these options are not modelled: {' '.join(argv[1:])}")
    return 1


def lookup_name(kernel: Kernel, database: str, id: int) -> str | None:
    """The name of user or group `id` in /etc/passwd or /etc/group."""
    try:
        text = read_file(kernel, database)
    except OSError:
        return None
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2] == str(id):
            return fields[0]
    return None


# -- the applets --


def true(kernel: Kernel, argv: Words, envp: Words) -> int:
    return 0


def false(kernel: Kernel, argv: Words, envp: Words) -> int:
    return 1


def echo(kernel: Kernel, argv: Words, envp: Words) -> int:
    words = argv[1:]
    newline = "\n"
    while words and words[0] == "-n":
        newline, words = "", words[1:]
    if words and words[0] in ("-e", "-E", "-ne", "-en"):
        return usage(kernel, argv)
    put(kernel, " ".join(words) + newline)
    return 0


def cat(kernel: Kernel, argv: Words, envp: Words) -> int:
    parsed = options(argv, "u")
    if parsed is None:
        return usage(kernel, argv)
    status = 0
    for path in parsed[1] or ("-",):
        try:
            fd = STDIN if path == "-" else kernel.open(path, OpenFlag.RDONLY)
        except OSError as error:
            complain(kernel, f"cat: can't open '{path}': {reason(error)}")
            status = 1
            continue
        try:
            while chunk := kernel.read(fd, CHUNK):
                while chunk:
                    chunk = chunk[kernel.write(STDOUT, chunk) :]
        except OSError as error:
            complain(kernel, f"cat: read error: {reason(error)}")
            status = 1
        if fd != STDIN:
            kernel.close(fd)
    return status


def id_(kernel: Kernel, argv: Words, envp: Words) -> int:
    parsed = options(argv, "ugGnr")
    if parsed is None or parsed[1]:
        return usage(kernel, argv)
    flags = parsed[0]
    ruid, euid, _ = kernel.getresuid()
    rgid, egid, _ = kernel.getresgid()
    groups = kernel.getgroups()
    if "u" in flags or "g" in flags:
        user = "u" in flags
        number = (ruid if user else rgid) if "r" in flags else (euid if user else egid)
        if "n" not in flags:
            put(kernel, f"{number}\n")
            return 0
        name = lookup_name(kernel, "/etc/passwd" if user else "/etc/group", number)
        put(kernel, str(number) if name is None else name)
        if name is None:
            complain(kernel, f"id: unknown ID {number}")
        put(kernel, "\n")
        return int(name is None)
    if "G" in flags:
        numbers = [rgid] + ([egid] if egid != rgid else []) + [group for group in groups if group not in (rgid, egid)]
        put(kernel, " ".join(map(str, numbers)) + "\n")
        return 0
    parts = [_named(kernel, "uid", "/etc/passwd", ruid), _named(kernel, "gid", "/etc/group", rgid)]
    if euid != ruid:
        parts.append(_named(kernel, "euid", "/etc/passwd", euid))
    if egid != rgid:
        parts.append(_named(kernel, "egid", "/etc/group", egid))
    if groups:
        parts.append("groups=" + ",".join(_named(kernel, "", "/etc/group", group) for group in groups))
    put(kernel, " ".join(parts) + "\n")
    return 0


def _named(kernel: Kernel, what: str, database: str, id: int) -> str:
    name = lookup_name(kernel, database, id)
    return (f"{what}=" if what else "") + (f"{id}" if name is None else f"{id}({name})")


def ps(kernel: Kernel, argv: Words, envp: Words) -> int:
    """All processes that /proc shows, whatever the options, as most builds of busybox have it."""
    lines = ["PID   USER     TIME  COMMAND"]
    for pid in _processes(kernel):
        try:
            uid = kernel.stat(f"/proc/{pid}").uid
            stat = read_file(kernel, f"/proc/{pid}/stat")
            command = read_file(kernel, f"/proc/{pid}/cmdline")
        except OSError:
            continue  # gone meanwhile
        comm = stat[stat.index("(") + 1 : stat.rindex(")")]
        ticks = sum(map(int, stat[stat.rindex(")") + 2 :].split()[11:13]))
        user = lookup_name(kernel, "/etc/passwd", uid) or str(uid)
        minutes, seconds = divmod(ticks // 100, 60)
        lines.append(f"{pid:>5} {user[:8]:<8} {minutes:>2}:{seconds:02} {_command(comm, command)}")
    put(kernel, "\n".join(lines) + "\n")
    return 0


def _command(comm: str, cmdline: str) -> str:
    """The arguments; behind the name in braces where that is another one; the name in brackets where there are none."""
    words = cmdline.rstrip("\0").replace("\0", " ")
    if not words:
        return f"[{comm}]"
    called = cmdline.partition("\0")[0].rpartition("/")[2].removeprefix("-")
    return words if called[:15] == comm else f"{{{comm}}} {words}"


def _processes(kernel: Kernel) -> list[int]:
    return sorted(int(name) for name in entries(kernel, "/proc") if name.isdigit())


def entries(kernel: Kernel, path: str) -> list[str]:
    """The names in a directory, less "." and "..". Raises `OSError`."""
    fd = kernel.open(path, OpenFlag.RDONLY | OpenFlag.DIRECTORY | OpenFlag.CLOEXEC)
    names: list[str] = []
    while found := kernel.getdents64(fd):
        names.extend(entry.name for entry in found if entry.name not in (".", ".."))
    kernel.close(fd)
    return names


def ls(kernel: Kernel, argv: Words, envp: Words) -> int:
    parsed = options(argv, "a1")
    if parsed is None:
        return usage(kernel, argv)
    flags, paths = parsed
    status = 0
    files: list[str] = []
    directories: list[str] = []
    for path in sorted(paths or (".",)):
        try:
            (directories if kernel.stat(path).type == FileType.DIR else files).append(path)
        except OSError as error:
            complain(kernel, f"ls: {path}: {reason(error)}")
            status = 1
    text = "".join(f"{path}\n" for path in files)
    for path in directories:
        if len(paths) > 1:
            text += ("\n" if text else "") + f"{path}:\n"
        try:
            names = [name for name in entries(kernel, path) if "a" in flags or not name.startswith(".")]
        except OSError as error:
            complain(kernel, f"ls: can't open '{path}': {reason(error)}")
            status = 1
            continue
        names += [".", ".."] if "a" in flags else []
        text += "".join(f"{name}\n" for name in sorted(names))
    put(kernel, text)
    return status


UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def sleep(kernel: Kernel, argv: Words, envp: Words) -> int:
    if len(argv) < 2:
        return usage(kernel, argv)
    total = 0
    for word in argv[1:]:
        amount = nanoseconds(word)
        if amount is None:
            complain(kernel, f"sleep: invalid number '{word}'")
            return 1
        total += amount
    kernel.clock_nanosleep(Clock.MONOTONIC, 0, total)
    return 0


def nanoseconds(word: str) -> int | None:
    """A duration such as "1", "0.25" or "3m"; None where it is none."""
    unit = UNITS.get(word[-1:])
    digits = word if unit is None else word[:-1]
    whole, _, fraction = digits.partition(".")
    if not (whole + fraction).isdecimal() or not (whole + fraction).isascii():
        return None
    return (int(whole or 0) * 10**9 + int(fraction[:9].ljust(9, "0"))) * (unit or 1)


def readlink(kernel: Kernel, argv: Words, envp: Words) -> int:
    parsed = options(argv, "nv")
    if parsed is None or len(parsed[1]) != 1:
        return usage(kernel, argv)
    flags, (path,) = parsed
    try:
        text = kernel.readlink(path)
    except OSError as error:
        if "v" in flags:
            complain(kernel, f"readlink: {path}: cannot read link: {reason(error)}")
        return 1
    put(kernel, text if "n" in flags else text + "\n")
    return 0


def hostname(kernel: Kernel, argv: Words, envp: Words) -> int:
    parsed = options(argv, "")
    if parsed is None:
        return usage(kernel, argv)
    if not parsed[1]:
        put(kernel, kernel.uname().nodename + "\n")
        return 0
    try:
        kernel.sethostname(parsed[1][0])
    except OSError as error:
        complain(kernel, f"hostname: sethostname: {reason(error)}")
        return 1
    return 0


def pwd(kernel: Kernel, argv: Words, envp: Words) -> int:
    try:
        put(kernel, kernel.getcwd() + "\n")
    except OSError as error:
        complain(kernel, f"pwd: getcwd: {reason(error)}")
        return 1
    return 0


def env(kernel: Kernel, argv: Words, envp: Words) -> int:
    """Print the environment, or run a program in it: `env [-i] [NAME=VALUE]... [PROGRAM ARG...]`."""
    parsed = options(argv, "i")
    if parsed is None:
        return usage(kernel, argv)
    flags, words = parsed
    variables = {} if "i" in flags else environment(envp)
    while words and "=" in words[0]:
        name, _, variables[name] = words[0].partition("=")
        words = words[1:]
    new = tuple(f"{name}={value}" for name, value in variables.items())
    if not words:
        put(kernel, "".join(f"{variable}\n" for variable in new))
        return 0
    error = execute(kernel, words, new, variables.get("PATH"))
    complain(kernel, f"env: can't execute '{words[0]}': {reason(error)}")
    return 127 if error.errno == ENOENT else 126


def environment(envp: Words) -> dict[str, str]:
    """The variables by name."""
    return {name: value for name, equals, value in (variable.partition("=") for variable in envp) if equals}


DEFAULT_PATH = "/sbin:/usr/sbin:/bin:/usr/bin"


def execute(kernel: Kernel, words: Sequence[str], envp: Words, path: str | None, *, keep_looking: bool = False) -> OSError:
    """Become the program that `words` calls, looked for in the directories of `path`. Returns why that failed (execvp(3)).

    A file that can be found but not run, for another reason than its mode, ends the search, unless told to keep looking.
    """
    argv = tuple(words)
    if "/" in argv[0]:
        return _execve(kernel, argv[0], argv, envp)
    failure = OSError(ENOENT, os.strerror(ENOENT))
    for directory in (DEFAULT_PATH if path is None else path).split(":"):
        error = _execve(kernel, f"{directory or '.'}/{argv[0]}", argv, envp)
        if error.errno not in (ENOENT, ENOTDIR):
            failure = error
            if error.errno != EACCES and not keep_looking:
                break
    return failure


def _execve(kernel: Kernel, path: str, argv: Words, envp: Words) -> OSError:
    try:
        kernel.execve(path, argv, envp)
    except OSError as error:
        return error
    raise AssertionError("execve came back")


def stubborn(kernel: Kernel, argv: Words, envp: Words) -> int:
    """Ignore the signals that ask a process to end, and wait for ever: for what never comes through a pipe of its own."""
    for signal in (Signal.TERM, Signal.INT, Signal.HUP):
        kernel.rt_sigaction(signal, Disposition.IGNORE)
    reader, _ = kernel.pipe()
    kernel.read(reader, 1)
    raise AssertionError("nobody writes into this pipe")


APPLETS: dict[str, Applet] = {
    "cat": cat,
    "echo": echo,
    "env": env,
    "false": false,
    "hostname": hostname,
    "id": id_,
    "ls": ls,
    "ps": ps,
    "pwd": pwd,
    "readlink": readlink,
    "sleep": sleep,
    "stubborn": stubborn,
    "true": true,
}
"""By the name that they are called by; `sh` is `fakekernel.shell`."""
