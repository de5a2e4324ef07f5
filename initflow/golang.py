"""Functions of Go's standard library (1.4) as the original flow calls them: the same system calls, the same error texts."""

import json
import os
import posixpath
from contextlib import suppress
from errno import EEXIST, ENOENT, ENOTDIR
from stat import S_ISDIR, S_ISLNK

from kernelapi.flags import OpenFlag
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.values import Stat


class GoError(Exception):
    """An error value of Go: its text is what the flow reports. `errno` is the one inside it, 0 where there is none."""

    def __init__(self, text: str, errno: int = 0) -> None:
        super().__init__(text)
        self.errno = errno


class PathError(GoError):
    """os.PathError: `open /etc/passwd: no such file or directory`."""

    def __init__(self, operation: str, path: str, error: OSError) -> None:
        super().__init__(f"{operation} {path}: {errno_text(error.errno or 0)}", error.errno or 0)


def errno_text(errno: int) -> str:
    """The text of a syscall.Errno: that of strerror, with a small first letter."""
    text = os.strerror(errno)
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def quote(text: str) -> str:
    """strconv.Quote, as far as names and paths need it."""
    quoted = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\x7f")
    for escape, short in (("\\u0007", "\\a"), ("\\u000b", "\\v"), ("\\u00", "\\x")):
        quoted = quoted.replace(escape, short)
    return quoted


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
    try:
        found = stat(kernel, path)
    except GoError:
        end = len(path.rstrip("/"))
        parent = path.rfind("/", 0, end)
        if parent > 0:
            mkdir_all(kernel, path[:parent], mode)
        try:
            mkdir(kernel, path, mode)
        except GoError:
            with suppress(GoError):
                if S_ISDIR(lstat(kernel, path).mode):
                    return
            raise
        return
    if not S_ISDIR(found.mode):
        raise PathError("mkdir", path, OSError(ENOTDIR, ""))


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
        first = first or GoError(f"readdirent: {errno_text(error.errno or 0)}", error.errno or 0)
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


def getwd(kernel: Kernel, environment: dict[str, str]) -> str:
    """os.Getwd: $PWD where it names the working directory, else what the kernel says."""
    try:
        here = kernel.stat(".")
        claimed = environment.get("PWD", "")
        if claimed.startswith("/"):
            with suppress(OSError):
                there = kernel.stat(claimed)
                if (there.dev, there.ino) == (here.dev, here.ino):
                    return claimed
        return kernel.getcwd()
    except OSError as error:
        raise GoError(f"getwd: {errno_text(error.errno or 0)}", error.errno or 0) from error


def setenv(environment: dict[str, str], key: str, value: str) -> None:
    """os.Setenv: a later value takes the place of the earlier one."""
    if not key or "=" in key or "\0" in key + value:
        raise GoError("setenv: invalid argument")
    environment[key] = value


# -- io, io/ioutil --


def read_all(kernel: Kernel, fd: Fd) -> bytes:
    """ioutil.ReadAll."""
    data = b""
    while chunk := kernel.read(fd, 4096):
        data += chunk
    return data


def read_file(kernel: Kernel, path: str) -> bytes:
    """ioutil.ReadFile."""
    fd = open_file(kernel, path)
    try:
        return read_all(kernel, fd)
    except OSError as error:
        raise PathError("read", path, error) from error
    finally:
        kernel.close(fd)


def write_all(kernel: Kernel, fd: Fd, data: bytes) -> None:
    """os.File.Write: as many writes as it takes."""
    while data:
        data = data[kernel.write(fd, data) :]


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
    names = []
    try:
        while entries := kernel.getdents64(fd):
            names += [entry.name for entry in entries if entry.name not in (".", "..")]
        found = []
        for name in names:
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


def temp_dir(kernel: Kernel, directory: str, prefix: str) -> str:
    """ioutil.TempDir: a new directory, mode 0700, named `prefix` and digits that come from the clock and the pid."""
    seed = (kernel.clock_gettime(0) + kernel.getpid()) & 0xFFFFFFFF
    for _ in range(10000):
        seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
        path = join(directory, f"{prefix}{str(1_000_000_000 + seed % 1_000_000_000)[1:]}")
        try:
            mkdir(kernel, path, 0o700)
        except GoError as error:
            if error.errno == EEXIST:
                continue
            raise
        return path
    return ""


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
