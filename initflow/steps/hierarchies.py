"""Where a host has its hierarchies of control groups, and where a process is in them: what both versions need.

Named differences from the original, which knows version 1 alone: a host that has the unified hierarchy and not that of cpu is
taken for one of version 2; where the hierarchies are mounted is found out once for each function, and there once for each
process; systemd, to which the original would talk over D-Bus where it runs, is never asked: all is done as the original does it
where the bus cannot be reached.
"""

from collections.abc import Callable, Generator
from contextlib import closing, suppress
from errno import EEXIST
from typing import NamedTuple

from initflow.flow import Panic
from initflow.golang import GoError, join, mkdir_all, open_file, quote, read_file, stat, write_file
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel

SYSTEMD = "/run/systemd/system"
DIRECTORY_MODE, FILE_MODE = 0o755, 0o700
UNIFIED = ""
"""What stands for a subsystem in the line of the unified hierarchy in /proc/PID/cgroup."""


class NotFound(GoError):
    """A process is in no hierarchy of this subsystem, or the absolute path of a cgroup is not there."""

    def __init__(self, subsystem: str) -> None:
        super().__init__(f"mountpoint for {subsystem} not found")


class Hierarchies(NamedTuple):
    """`separate` is the directory in which those of version 1 are mounted, `unified` where that of version 2 is; one is ""."""

    separate: str
    unified: str


def find(kernel: Kernel) -> Hierarchies:
    """Where they are: those of version 1 beside that of cpu; without it, the unified one. Raises `GoError`."""
    points: dict[str, str] = {}
    for line in lines(kernel, "/proc/self/mountinfo"):
        fields = line.partition(" - ")[2].split()
        if len(fields) < 3:
            raise GoError(f"Error found less than 3 fields post '-' in {quote(line)}")
        if fields[0] == "cgroup2" or (fields[0] == "cgroup" and "cpu" in " ".join(fields[2:]).split(",")):
            points.setdefault(fields[0], line.split(" ")[4])
    if "cgroup" in points:
        separate = join(points["cgroup"], "..")
        stat(kernel, separate)
        return Hierarchies(separate, "")
    if "cgroup2" in points:
        return Hierarchies("", points["cgroup2"])
    raise NotFound("cpu")


def cgroup_of_init(kernel: Kernel, subsystem: str) -> str:
    """The path of process 1 in a hierarchy. A colon in it ends it. Raises `GoError`."""
    with closing(lines(kernel, "/proc/1/cgroup")) as found:
        for line in found:
            fields = line.split(":")
            if len(fields) < 3:
                raise Panic("a line of /proc/1/cgroup has too few fields")
            if subsystem in fields[1].split(","):
                return fields[2]
    raise NotFound(subsystem)


def look_for_systemd(kernel: Kernel) -> None:
    """Ask whether systemd runs, as the original does first. What it would then ask of systemd, nobody does here."""
    with suppress(GoError):
        stat(kernel, SYSTEMD)


# -- a control group --


def make_directory(kernel: Kernel, path: str) -> None:
    """Make it, and what is missing above it. Raises `GoError`."""
    try:
        mkdir_all(kernel, path, DIRECTORY_MODE)
    except GoError as error:
        if error.errno != EEXIST:
            raise


def write(kernel: Kernel, directory: str, file: str, text: str) -> None:
    """Write a file of a control group. Raises `GoError`."""
    write_file(kernel, join(directory, file), text.encode("utf-8", "surrogateescape"), FILE_MODE)


def read(kernel: Kernel, directory: str, file: str) -> bytes:
    """Read a file of a control group. Raises `GoError`."""
    return read_file(kernel, join(directory, file))


def pids(kernel: Kernel, directory: str) -> list[Pid]:
    """Its processes. Raises `GoError`."""
    found = []
    for line in lines(kernel, join(directory, "cgroup.procs")):
        if line:
            try:
                found.append(Pid(int(line)))
            except ValueError:
                raise GoError(f'strconv.ParseInt: parsing "{line}": invalid syntax') from None
    return found


def attempt(action: Callable[..., object], *args: object) -> None:
    """Do what nobody asks whether it was done."""
    try:
        action(*args)
    except (GoError, OSError):
        pass


def lines(kernel: Kernel, path: str) -> Generator[str, None, None]:
    """bufio.Scanner on a file: reads no further than it is asked to; an error of reading is an end."""
    fd = open_file(kernel, path)
    try:
        rest = b""
        while chunk := _chunk(kernel, fd):
            *found, rest = (rest + chunk).split(b"\n")
            for line in found:
                yield line.decode("utf-8", "surrogateescape")
        if rest:
            yield rest.decode("utf-8", "surrogateescape")
    finally:
        kernel.close(fd)


def _chunk(kernel: Kernel, fd: Fd) -> bytes:
    try:
        return kernel.read(fd, 4096)
    except OSError:
        return b""
