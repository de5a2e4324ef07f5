"""The shell of the simulated busybox: simple commands joined by `;`, newlines, `&&` and `||` (ash, busybox 1.35).

Quotes, variables and a few builtins; no redirections, pipes, patterns, compound commands or substitutions: a script that uses
them ends with status 2 and a sentence.
"""

from collections.abc import Callable
from errno import ENOENT

from fakekernel.applets import (
    APPLETS,
    STDIN,
    Words,
    complain,
    environment,
    execute,
    put,
    read_file,
    read_rest,
    reason,
)
from fakekernel.script import NAMES, Syntax, is_assignment, parse
from kernelapi.flags import RLIM_INFINITY, Disposition, Rlimit, Signal
from kernelapi.ids import Pid
from kernelapi.kernel import Kernel
from kernelapi.values import Limit


class Leave(Exception):
    """`exit`: the shell ends with this status."""

    def __init__(self, status: int) -> None:
        self.status = status


def sh(kernel: Kernel, argv: Words, envp: Words) -> int:
    """`sh -c SCRIPT [NAME ARG...]`, `sh FILE [ARG...]`, or `sh` with a script on standard input."""
    shell = Shell(kernel, argv[0], envp)
    rest = argv[1:]
    try:
        if rest[:1] == ("-c",):
            if len(rest) < 2:
                raise Syntax("sh: -c requires an argument")
            shell.arguments = rest[2:] or argv[:1]
            return shell.run(rest[1])
        if rest and rest[0].startswith("-") and rest[0] not in ("-", "-s", "-l", "-i"):
            raise Syntax(f"sh: the option {rest[0]} is not modelled")
        if rest and not rest[0].startswith("-"):
            shell.arguments = rest
            return shell.run(read_file(kernel, rest[0]))
        return shell.run(read_rest(kernel, STDIN).decode(errors="surrogateescape"))
    except Syntax as error:
        complain(kernel, str(error))
        return 2
    except OSError as error:
        complain(kernel, f"{argv[0]}: {reason(error)}")
        return 2


class Shell:
    """A shell at work: its variables, those of them that are exported, and the status of the last command."""

    def __init__(self, kernel: Kernel, name: str, envp: Words) -> None:
        self.kernel = kernel
        self.arguments: Words = (name,)
        self.variables = environment(envp)
        self.exported = dict.fromkeys(self.variables)
        self.status = 0
        self.ignored: set[int] = set()  # the signals that it was told to ignore

    def run(self, script: str) -> int:
        """Run the commands of `script`; its status."""
        commands = parse(script)
        try:
            for index, (joint, words) in enumerate(commands):
                if (joint == "&&" and self.status) or (joint == "||" and not self.status):
                    continue
                self.command(words, last=index == len(commands) - 1)
        except Leave as leave:
            return leave.status
        return self.status

    def command(self, tokens: list[str], *, last: bool) -> None:
        """One simple command. The last one needs no process of its own."""
        words = [word for token in tokens for word in self.expand(token)]
        assigned: dict[str, str] = {}
        while tokens and is_assignment(tokens[0]) and words:
            name, _, value = words.pop(0).partition("=")
            assigned[name] = value
            tokens = tokens[1:]
        if not words:
            self.variables.update(assigned)
            self.status = 0
            return
        builtin = BUILTINS.get(words[0])
        if builtin is not None:
            self.status = builtin(self, words)
            return
        envp = tuple(f"{name}={value}" for name, value in {**self.environment(), **assigned}.items())
        path = self.variables.get("PATH")
        if last:
            raise Leave(become(self.kernel, tuple(words), envp, path))
        pid = self.kernel.clone(Signal.CHLD, become, tuple(words), envp, path)
        _, status = self.kernel.wait4(pid)
        self.status = status >> 8 if not status & 0x7F else 128 + (status & 0x7F)

    def environment(self) -> dict[str, str]:
        return {name: self.variables[name] for name in self.exported if name in self.variables}

    # -- words --

    def expand(self, token: str) -> list[str]:
        """The words that `token` stands for, without its quotes and with the values of its variables."""
        word, quoted, pieces, index = "", False, [], 0
        while index < len(token):
            character = token[index]
            index += 1
            if character == "'":
                end = token.index("'", index)
                word, quoted, index = word + token[index:end], True, end + 1
            elif character == '"':
                quoted = True
                while token[index] != '"':
                    if token[index] == "\\" and token[index + 1] in '$`"\\':
                        word, index = word + token[index + 1], index + 2
                    elif token[index] == "$":
                        value, index = self.variable(token, index + 1)
                        word += value
                    else:
                        word, index = word + token[index], index + 1
                index += 1
            elif character == "\\":
                word, quoted, index = word + token[index : index + 1], True, index + 1
            elif character == "$":
                value, index = self.variable(token, index)
                first, *more = value.split() or [""]
                for piece in more:
                    pieces.append(word + first)
                    word, first = "", piece
                word += first
            else:
                word += character
        return [*pieces, word] if word or quoted else pieces

    def variable(self, token: str, index: int) -> tuple[str, int]:
        """The value of the variable whose name begins at `index`, and where that name ends."""
        if token[index : index + 1] == "{":
            end = token.find("}", index)
            name, index = token[index + 1 : end], end + 1
            if end < 0 or not name or set(name) - NAMES:
                raise Syntax("sh: not modelled: this parameter expansion")
        elif token[index : index + 1] in ("?", "$", "#"):
            name, index = token[index], index + 1
        else:
            end = index
            while end < len(token) and token[end] in NAMES and not (token[index].isdigit() and end > index):
                end += 1
            name, index = token[index:end], end
        if name == "?":
            return str(self.status), index
        if name == "$":
            return str(self.kernel.getpid()), index
        if name == "#":
            return str(len(self.arguments) - 1), index
        if name.isdigit():
            return (self.arguments[int(name)] if int(name) < len(self.arguments) else ""), index
        return (self.variables.get(name, "") if name else "$"), index


def become(kernel: Kernel, words: Words, envp: Words, path: str | None) -> int:
    """Run a program in this process: one that is found on the path, or else an applet of busybox."""
    error = execute(kernel, words, envp, path, keep_looking=True)
    if error.errno == ENOENT and words[0] in APPLETS:
        kernel.prctl_set_name(words[0])
        return APPLETS[words[0]](kernel, words, envp)
    if error.errno == ENOENT:
        complain(kernel, f"sh: {words[0]}: not found")
        return 127
    complain(kernel, f"sh: {words[0]}: {reason(error)}")
    return 126


# -- builtins --


def exit_(shell: Shell, words: list[str]) -> int:
    if len(words) > 1 and not words[1].isdecimal():
        complain(shell.kernel, f"sh: exit: Illegal number: {words[1]}")
        raise Leave(2)
    raise Leave(int(words[1]) & 0xFF if len(words) > 1 else shell.status)


def cd(shell: Shell, words: list[str]) -> int:
    path = words[1] if len(words) > 1 else shell.variables.get("HOME", "/")
    try:
        shell.kernel.chdir(path)
    except OSError:
        complain(shell.kernel, f"sh: cd: can't cd to {path}")
        return 2
    return 0


def exec_(shell: Shell, words: list[str]) -> int:
    if len(words) == 1:
        return 0
    envp = tuple(f"{name}={value}" for name, value in shell.environment().items())
    raise Leave(become(shell.kernel, tuple(words[1:]), envp, shell.variables.get("PATH")))


def export(shell: Shell, words: list[str]) -> int:
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if equals:
            shell.variables[name] = value
        shell.exported[name] = None
    return 0


def signal_number(word: str) -> int | None:
    """A signal by its number or its name, with or without SIG; 0, the end of the shell, is EXIT."""
    if word.isdecimal():
        return int(word) if 0 <= int(word) <= 64 else None
    name = word.upper().removeprefix("SIG")
    if name == "EXIT":
        return 0
    return int(Signal[name]) if name in Signal.__members__ else None


def trap(shell: Shell, words: list[str]) -> int:
    """Ignore signals (`trap "" SIG`) or no longer (`trap - SIG`, `trap SIG`); without arguments, say which are ignored."""
    words = words[1:]
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        for ignored in sorted(shell.ignored):
            put(shell.kernel, f"trap -- '' {Signal(ignored).name if ignored else 'EXIT'}\n")
        return 0
    action = words.pop(0) if len(words) > 1 else "-"
    what = {"": Disposition.IGNORE, "-": Disposition.DEFAULT}.get(action)
    if what is None:
        raise Syntax("sh: not modelled: a trap that runs a command")
    for word in words:
        number = signal_number(word)
        if number is None:
            complain(shell.kernel, f"sh: trap: {word}: invalid signal specification")
            return 1
        if number and number not in shell.ignored and shell.kernel.rt_sigaction(number, None) is Disposition.IGNORE:
            continue  # what the shell was started with it cannot change
        if number:
            shell.kernel.rt_sigaction(number, what)
        (shell.ignored.add if what is Disposition.IGNORE else shell.ignored.discard)(number)
    return 0


def kill(shell: Shell, words: list[str]) -> int:
    """Send a signal, by default TERM, to each process; the status is how many of them did not get it."""
    words = words[1:]
    name = "TERM"
    if words and words[0].startswith("-") and len(words) > 1:
        separate = words[0] == "-s"
        name = words[1] if separate else words[0][1:]
        words = words[2 if separate else 1 :]
    number = signal_number(name)
    if number is None:
        complain(shell.kernel, f"sh: bad signal name '{name}'")
        return 1
    if not words:
        complain(shell.kernel, "sh: you need to specify whom to kill")
        return 1
    failed = 0
    for word in words:
        try:
            shell.kernel.kill(Pid(int(word)), number)
        except ValueError:
            complain(shell.kernel, f"sh: invalid number '{word}'")
            failed += 1
        except OSError as error:
            complain(shell.kernel, f"sh: can't kill pid {word}: {reason(error)}")
            failed += 1
    return failed


LIMITS = {
    "c": (Rlimit.CORE, 512, "core file size (blocks)"),
    "d": (Rlimit.DATA, 1024, "data seg size (kb)"),
    "e": (Rlimit.NICE, 1, "scheduling priority"),
    "f": (Rlimit.FSIZE, 512, "file size (blocks)"),
    "i": (Rlimit.SIGPENDING, 1, "pending signals"),
    "l": (Rlimit.MEMLOCK, 1024, "max locked memory (kb)"),
    "m": (Rlimit.RSS, 1024, "max memory size (kb)"),
    "n": (Rlimit.NOFILE, 1, "open files"),
    "q": (Rlimit.MSGQUEUE, 1, "POSIX message queues (bytes)"),
    "r": (Rlimit.RTPRIO, 1, "real-time priority"),
    "s": (Rlimit.STACK, 1024, "stack size (kb)"),
    "t": (Rlimit.CPU, 1, "cpu time (seconds)"),
    "u": (Rlimit.NPROC, 1, "max user processes"),
    "v": (Rlimit.AS, 1024, "virtual memory (kb)"),
    "x": (Rlimit.LOCKS, 1, "file locks"),
}


def ulimit(shell: Shell, words: list[str]) -> int:
    """Show or set limits, the soft ones, with -H the hard ones; a limit is set in both unless told."""
    kernel = shell.kernel
    letters = [letter for word in words[1:] if word.startswith("-") for letter in word[1:]]
    values = [word for word in words[1:] if not word.startswith("-")]
    chosen = [letter for letter in letters if letter not in "HSa"] or ["f"]
    if len(values) > 1 or any(letter not in LIMITS for letter in chosen):
        raise Syntax("sh: not modelled: these arguments of ulimit")
    hard = "H" in letters
    if "a" in letters:
        for letter, (resource, unit, title) in LIMITS.items():
            put(kernel, f"{title:<31} (-{letter}) {_amount(kernel.getrlimit(resource), hard, unit)}\n")
        return 0
    for letter in chosen:
        resource, unit, _ = LIMITS[letter]
        limit = kernel.getrlimit(resource)
        if not values:
            put(kernel, f"{_amount(limit, hard, unit)}\n")
            continue
        if values[0] != "unlimited" and not values[0].isdecimal():
            complain(kernel, "sh: invalid number '" + values[0] + "'")
            return 1
        value = RLIM_INFINITY if values[0] == "unlimited" else int(values[0]) * unit
        both = not {"H", "S"} & set(letters)
        new = Limit(value if both or "S" in letters else limit.soft, value if both or hard else limit.hard)
        try:
            kernel.setrlimit(resource, new)
        except OSError as error:
            complain(kernel, f"sh: error setting limit: {reason(error)}")
            return 1
    return 0


def _amount(limit: Limit, hard: bool, unit: int) -> str:
    value = limit.hard if hard else limit.soft
    return "unlimited" if value == RLIM_INFINITY else str(value // unit)


def applet(shell: Shell, words: list[str]) -> int:
    """An applet that needs no process of its own."""
    return APPLETS[words[0]](shell.kernel, tuple(words), ())


def colon(shell: Shell, words: list[str]) -> int:
    return 0


BUILTINS: dict[str, Callable[[Shell, list[str]], int]] = {
    ":": colon,
    "cd": cd,
    "echo": applet,
    "exec": exec_,
    "exit": exit_,
    "export": export,
    "false": applet,
    "kill": kill,
    "pwd": applet,
    "trap": trap,
    "true": applet,
    "ulimit": ulimit,
}
