"""Functions of Go's standard library (1.4) as the original flow calls them: the same system calls, the same error texts.

Two named differences: buffers hold 4096 bytes, where Go's begin with 512 and grow; what is JSON and what is not is told by a
short scan, so that of Go's texts for malformed JSON only the two are here that the end of a stream brings.
"""

import os
import posixpath
import re
from collections.abc import Callable
from contextlib import suppress
from errno import EEXIST, EINTR, EINVAL, ENOENT, ENOTDIR, ESTALE
from stat import S_ISDIR, S_ISLNK
from typing import Any

from kernelapi.call import Call
from kernelapi.flags import OpenFlag
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel, bind
from kernelapi.values import Stat

CHUNK = 4096

LONGEST_LINE = 1 << 16
"""Bytes that the buffer of a bufio.Scanner holds, at most."""


class GoError(Exception):
    """An error value of Go: its text is what the flow reports. `errno` is the one inside it, 0 where there is none."""

    def __init__(self, text: str, errno: int = 0) -> None:
        super().__init__(text)
        self.errno = errno


class PathError(GoError):
    """os.PathError: `open /etc/passwd: no such file or directory`."""

    def __init__(self, operation: str, path: str, error: OSError) -> None:
        super().__init__(f"{operation} {path}: {errno_text(error.errno or 0)}", error.errno or 0)


class LinkError(GoError):
    """os.LinkError: `symlink a b: file exists`."""

    def __init__(self, operation: str, old: str, new: str, error: OSError) -> None:
        super().__init__(f"{operation} {old} {new}: {errno_text(error.errno or 0)}", error.errno or 0)


class SyscallError(GoError):
    """os.SyscallError: `getwd: no such file or directory`."""

    def __init__(self, call: str, error: OSError) -> None:
        super().__init__(f"{call}: {errno_text(error.errno or 0)}", error.errno or 0)


EHWPOISON = 133

_OTHER_TEXTS = {ESTALE: "stale NFS file handle", EHWPOISON: f"errno {EHWPOISON}"}
"""Where Go's table of 2014 says something else than the C library of today."""


def errno_text(errno: int) -> str:
    """The text of a syscall.Errno: that of strerror, with a small first letter."""
    if errno in _OTHER_TEXTS:
        return _OTHER_TEXTS[errno]
    text = os.strerror(errno)
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def quote(text: str) -> str:
    """strconv.Quote. A byte that was not UTF-8 stands as a surrogate."""
    return '"' + "".join(_ESCAPES.get(char) or _escape(char) for char in text) + '"'


def _escape(char: str) -> str:
    code = ord(char)
    if char.isprintable():
        return char
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x20:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def rune(code: int) -> str:
    """The verb %c: the character with this code point; U+FFFD where there is none."""
    known = 0 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
    return chr(code if known else 0xFFFD)


# -- syscall --


def checking_strings(kernel: Kernel) -> Kernel:
    """`kernel`, asked by package syscall: a string that holds a NUL is EINVAL before the kernel sees it.

    A host name and what is written are bytes there, not strings, and pass.
    """

    def dispatch(call: Call, args: tuple[Any, ...]) -> Any:
        for arg in args:
            if isinstance(arg, str) and "\0" in arg and call.name != "sethostname":
                raise OSError(EINVAL, os.strerror(EINVAL))
        return ask(call, args)

    ask = kernel.dispatch
    return bind(dispatch)


# -- os --


def open_file(kernel: Kernel, path: str, flags: int = OpenFlag.RDONLY, mode: int = 0) -> Fd:
    """os.OpenFile: close-on-exec."""
    try:
        return kernel.open(path, flags | OpenFlag.CLOEXEC, mode)
    except OSError as error:
        raise PathError("open", path, error) from error


def stat(kernel: Kernel, path: str) -> Stat:
    """os.Stat."""
    try:
        return kernel.stat(path)
    except OSError as error:
        raise PathError("stat", path, error) from error


def lstat(kernel: Kernel, path: str) -> Stat:
    """os.Lstat."""
    try:
        return kernel.lstat(path)
    except OSError as error:
        raise PathError("lstat", path, error) from error


def mkdir(kernel: Kernel, path: str, mode: int) -> None:
    """os.Mkdir."""
    try:
        kernel.mkdir(path, mode)
    except OSError as error:
        raise PathError("mkdir", path, error) from error


def mkdir_all(kernel: Kernel, path: str, mode: int) -> None:
    """os.MkdirAll: a directory and the parents that it needs; none of them may be there as anything else."""
    missing: list[str] = []
    while True:
        try:
            found = stat(kernel, path)
        except GoError:
            missing.append(path)
            parent = path.rfind("/", 0, len(path.rstrip("/")))
            if parent <= 0:
                break
            path = path[:parent]
            continue
        if not S_ISDIR(found.mode):
            raise PathError("mkdir", path, OSError(ENOTDIR, ""))
        break
    while missing:
        path = missing.pop()
        try:
            mkdir(kernel, path, mode)
        except GoError:
            with suppress(GoError):
                if S_ISDIR(lstat(kernel, path).mode):
                    continue
            raise


def remove(kernel: Kernel, path: str) -> None:
    """os.Remove: a file, or an empty directory. It tries the one and then the other."""
    try:
        kernel.unlink(path)
        return
    except OSError as error:
        as_file = error
    try:
        kernel.rmdir(path)
    except OSError as error:
        raise PathError("remove", path, as_file if error.errno == ENOTDIR else error) from error


def remove_all(kernel: Kernel, path: str) -> None:
    """os.RemoveAll: `path` and all below it, as far as it can; the first error counts. Nothing there is no error."""
    problem = _remove_if_there(kernel, path)
    if problem is None:
        return
    try:
        found = lstat(kernel, path)
    except GoError as error:
        if error.errno in (ENOENT, ENOTDIR):
            return
        raise
    if not S_ISDIR(found.mode):
        raise problem
    try:
        fd = open_file(kernel, path)
    except GoError as error:
        if error.errno == ENOENT:
            return
        raise
    first: GoError | None = None
    try:
        while entries := kernel.getdents64(fd):
            for name in [entry.name for entry in entries if entry.name not in (".", "..")]:
                try:
                    remove_all(kernel, f"{path}/{name}")
                except GoError as error:
                    first = first or error
    except OSError as error:
        first = first or SyscallError("readdirent", error)
    kernel.close(fd)
    problem = _remove_if_there(kernel, path)
    if problem is not None:
        raise first or problem


def _remove_if_there(kernel: Kernel, path: str) -> GoError | None:
    try:
        remove(kernel, path)
    except GoError as error:
        return None if error.errno == ENOENT else error
    return None


def symlink(kernel: Kernel, target: str, path: str) -> None:
    """os.Symlink."""
    try:
        kernel.symlink(target, path)
    except OSError as error:
        raise LinkError("symlink", target, path, error) from error


def chmod(kernel: Kernel, path: str, mode: int) -> None:
    """os.Chmod."""
    try:
        kernel.chmod(path, mode)
    except OSError as error:
        raise PathError("chmod", path, error) from error


def chown(kernel: Kernel, path: str, uid: int, gid: int) -> None:
    """os.Chown."""
    try:
        kernel.chown(path, uid, gid)
    except OSError as error:
        raise PathError("chown", path, error) from error


def getwd(kernel: Kernel, environment: dict[str, str]) -> str:
    """os.Getwd: $PWD where it names the working directory, else what the kernel says."""
    here = stat(kernel, ".")
    claimed = environment.get("PWD", "")
    if claimed.startswith("/"):
        with suppress(GoError):
            there = stat(kernel, claimed)
            if (there.dev, there.ino) == (here.dev, here.ino):
                return claimed
    try:
        return kernel.getcwd()
    except OSError as error:
        raise SyscallError("getwd", error) from error


def setenv(environment: dict[str, str], key: str, value: str) -> None:
    """os.Setenv: a later value takes the place of the earlier one."""
    if not key or "=" in key or "\0" in key + value:
        raise GoError("setenv: invalid argument")
    environment[key] = value


# -- io, io/ioutil --


def read(kernel: Kernel, fd: Fd, name: str) -> bytes:
    """os.File.Read of a file that was opened as `name`; nothing at its end."""
    try:
        return kernel.read(fd, CHUNK)
    except OSError as error:
        raise PathError("read", name, error) from error


def write(kernel: Kernel, fd: Fd, name: str, data: bytes) -> None:
    """os.File.Write to a file that was opened as `name`."""
    try:
        write_all(kernel, fd, data)
    except OSError as error:
        raise PathError("write", name, error) from error


def read_all(kernel: Kernel, fd: Fd) -> bytes:
    """ioutil.ReadAll. Raises `OSError`."""
    data = b""
    while chunk := kernel.read(fd, CHUNK):
        data += chunk
    return data


def read_lines(kernel: Kernel, fd: Fd) -> bytes:
    """All that a bufio.Scanner reads: an error of reading is an end to it, and so is a line that does not end in its buffer."""
    data, line = b"", 0  # how long the last line is as yet
    with suppress(OSError):
        while line < LONGEST_LINE and (chunk := kernel.read(fd, CHUNK)):
            data += chunk
            first, last = chunk.find(b"\n"), chunk.rfind(b"\n")
            line = line + len(chunk) if last < 0 or line + first >= LONGEST_LINE else len(chunk) - last - 1
    return data


def read_file(kernel: Kernel, path: str) -> bytes:
    """ioutil.ReadFile."""
    fd = open_file(kernel, path)
    try:
        with suppress(OSError):
            kernel.fstat(fd)  # for the size of a buffer
        return read_all(kernel, fd)
    except OSError as error:
        raise PathError("read", path, error) from error
    finally:
        kernel.close(fd)


def write_all(kernel: Kernel, fd: Fd, data: bytes) -> None:
    """os.File.Write: as many writes as it takes. Raises `OSError`."""
    while data:
        try:
            data = data[kernel.write(fd, data) :]
        except OSError as error:
            if error.errno != EINTR:
                raise


def write_file(kernel: Kernel, path: str, data: bytes, mode: int) -> None:
    """ioutil.WriteFile: a file that is not there is made."""
    fd = open_file(kernel, path, OpenFlag.WRONLY | OpenFlag.CREAT | OpenFlag.TRUNC, mode)
    try:
        write_all(kernel, fd, data)
    except OSError as error:
        raise PathError("write", path, error) from error
    finally:
        kernel.close(fd)


def read_dir(kernel: Kernel, path: str) -> list[str]:
    """ioutil.ReadDir: the names, sorted, of the entries that lstat finds."""
    fd = open_file(kernel, path)
    found = []
    try:
        for name in _names(kernel, fd):
            try:
                lstat(kernel, f"{path}/{name}")
            except GoError as error:
                if error.errno == ENOENT:
                    continue
                raise
            found.append(name)
        return sorted(found)
    finally:
        kernel.close(fd)


def walk(kernel: Kernel, path: str, visit: Callable[[str], None]) -> None:
    """filepath.Walk, with a function that is not interested in errors of the walk: `visit` is called all the same.

    A directory comes before what it holds, that in the order of names; links are not followed. What `visit` raises ends it.
    """
    try:
        found = lstat(kernel, path)
    except GoError:
        visit(path)
        return
    visit(path)
    if not S_ISDIR(found.mode):
        return
    try:
        fd = open_file(kernel, path)
        try:
            names = sorted(_names(kernel, fd))
        finally:
            kernel.close(fd)
    except GoError:
        visit(path)
        return
    for name in names:
        walk(kernel, join(path, name), visit)


def _names(kernel: Kernel, fd: Fd) -> list[str]:
    names: list[str] = []
    try:
        while entries := kernel.getdents64(fd):
            names += [entry.name for entry in entries if entry.name not in (".", "..")]
    except OSError as error:
        raise SyscallError("readdirent", error) from error
    return names


def scan_word(kernel: Kernel, fd: Fd) -> str:
    """fmt.Fscanf of a file with %s: all up to a space or to the end, asked for byte by byte. Errors are an end."""
    word = b""
    with suppress(OSError):
        while (byte := kernel.read(fd, 1)) and byte not in SPACES:
            word += byte
    return word.decode("utf-8", "surrogateescape")


SPACES = b" \t\n\v\f\r"


def temp_dir(kernel: Kernel, directory: str, prefix: str) -> str:
    """ioutil.TempDir: a new directory, mode 0700, named `prefix` and digits that come from the clock and the pid."""
    number = _seed(kernel)
    for conflicts in range(1, TEMPORARY_NAMES + 1):
        number = (number * 1664525 + 1013904223) & 0xFFFFFFFF
        path = join(directory, f"{prefix}{number % 1_000_000_000:09}")
        try:
            mkdir(kernel, path, 0o700)
        except GoError as error:
            if error.errno != EEXIST or conflicts == TEMPORARY_NAMES:
                raise
            if conflicts > CONFLICTS:
                number = _seed(kernel)
            continue
        return path
    raise AssertionError("the last name is either taken or an error")


TEMPORARY_NAMES = 10_000
"""So many are tried."""

CONFLICTS = 10
"""After so many, the clock is asked anew for each name."""


def _seed(kernel: Kernel) -> int:
    return (kernel.clock_gettime(0) + kernel.getpid()) & 0xFFFFFFFF


# -- path/filepath --


def join(*parts: str) -> str:
    """filepath.Join: the parts that are not empty, joined and cleaned."""
    present = [part for part in parts if part]
    return clean("/".join(present)) if present else ""


def clean(path: str) -> str:
    """filepath.Clean."""
    cleaned = posixpath.normpath(path) if path else "."
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def absolute(kernel: Kernel, path: str, environment: dict[str, str]) -> str:
    """filepath.Abs."""
    return clean(path) if path.startswith("/") else join(getwd(kernel, environment), path)


def eval_symlinks(kernel: Kernel, path: str) -> str:
    """filepath.EvalSymlinks: `path` without symbolic links."""
    rest, done = path, ""
    for _ in range(256):
        if not rest:
            return clean(done)
        name, _, rest = rest.partition("/")
        if not name:
            done = done or "/"
            continue
        if not S_ISLNK(lstat(kernel, done + name).mode):
            done += name + ("/" if rest else "")
            continue
        target = readlink(kernel, done + name)
        if target.startswith("/"):
            done = ""
        rest = f"{target}/{rest}"
    raise GoError(f"EvalSymlinks: too many links in {path}")


def readlink(kernel: Kernel, path: str) -> str:
    """os.Readlink."""
    try:
        return kernel.readlink(path)
    except OSError as error:
        raise PathError("readlink", path, error) from error


# -- os/exec --


def look_path(kernel: Kernel, name: str, environment: dict[str, str]) -> str:
    """exec.LookPath: where `name` is in $PATH; a name with a slash is taken as it is."""
    if "/" in name:
        problem = _not_executable(kernel, name)
        if problem is not None:
            raise GoError(f"exec: {quote(name)}: {problem}")
        return name
    search = environment.get("PATH", "")
    for directory in search.split(":") if search else ():
        path = f"{directory or '.'}/{name}"
        if _not_executable(kernel, path) is None:
            return path
    raise GoError(f"exec: {quote(name)}: executable file not found in $PATH")


def _not_executable(kernel: Kernel, path: str) -> str | None:
    try:
        mode = stat(kernel, path).mode
    except GoError as error:
        return str(error)
    return None if not S_ISDIR(mode) and mode & 0o111 else "permission denied"


# -- encoding/json --


def read_value(kernel: Kernel, fd: Fd, name: str) -> bytes:
    """json.Decoder on a file that was opened as `name`: the first object; it reads no further once it has its end.

    Raises `GoError`: "EOF" where there is nothing, "unexpected EOF" where the object does not end.
    """
    data, end = b"", _EndOfValue()
    while chunk := read(kernel, fd, name):
        data += chunk
        if end.found_in(data):
            return data[: end.at]
    raise GoError("unexpected EOF" if data.strip(SPACE) else "EOF")


SPACE = b" \t\r\n"
_JSON_MARK = re.compile(rb'[{}\[\]]|"[^"\\]*(?:\\.[^"\\]*)*("?)|[^ \t\r\n"{}\[\]]+', re.DOTALL)
"""A bracket, a string with the quote that closes it if that is there, or other text."""


class _EndOfValue:
    """Looks for the end of the object or array that a text begins with, while the text grows: `at` is how far it has got."""

    def __init__(self) -> None:
        self.at = 0
        self.depth = 0

    def found_in(self, data: bytes) -> bool:
        """Whether `data` holds the end, which is then `at`. `data` begins with what was given before."""
        for mark in _JSON_MARK.finditer(data, self.at):
            first = mark[0][:1]
            if first == b'"' and not mark[1]:
                return False  # the rest of the string is still to come
            self.at = mark.end()
            if first in (b"{", b"["):
                self.depth += 1
            elif first in (b"}", b"]"):
                self.depth -= 1
                if self.depth <= 0:
                    return True
            elif not self.depth and first != b'"':
                raise GoError(f"invalid character {_shown(chr(first[0]))} looking for beginning of value")
        return False


def _shown(char: str) -> str:
    if char in "'\"":
        return "'\"'" if char == '"' else "'\\''"
    return f"'{quote(char)[1:-1]}'"


def encode_string(text: str) -> str:
    """json.Marshal of a string: what is not UTF-8 becomes U+FFFD, and what HTML minds is escaped."""
    return '"' + "".join(_JSON_ESCAPES.get(char) or _json_escape(char) for char in text) + '"'


_JSON_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r"}


def _json_escape(char: str) -> str:
    code = ord(char)
    if 0xD800 <= code <= 0xDFFF:
        return "\\ufffd"
    return f"\\u{code:04x}" if code < 0x20 or char in "<>&\u2028\u2029" else char


def encode(value: dict[str, Any] | str | int) -> str:
    """json.Marshal of a struct or a map, whose keys come in the order given."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{encode_string(key)}:{encode(each)}" for key, each in value.items()) + "}"
    return encode_string(value) if isinstance(value, str) else str(value)
