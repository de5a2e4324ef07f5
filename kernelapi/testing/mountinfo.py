"""The mount table of the calling process, read back from /proc/self/mountinfo (proc(5)).

Numbers of mounts and peer groups differ from run to run: `shape` names groups by letters, in the order of their appearance.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from kernelapi.flags import OpenFlag
from kernelapi.kernel import Kernel
from kernelapi.testing.case import Broken, read_all


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of mountinfo. The group numbers are 0 where there is none."""

    id: int
    parent: int
    dev: str
    root: str
    point: str
    options: str
    shared: int
    master: int
    propagate_from: int
    unbindable: bool
    fstype: str
    source: str
    superoptions: str


def parse(line: str) -> Entry:
    """One line."""
    fields = line.split(" ")
    dash = fields.index("-", 6)
    tags = dict(field.partition(":")[::2] for field in fields[6:dash])
    id, parent, dev, root, point, options = fields[:6]
    fstype, source, superoptions = fields[dash + 1 : dash + 4]
    shared, master, above = (int(tags.get(name, 0)) for name in ("shared", "master", "propagate_from"))
    unbindable = "unbindable" in tags
    return Entry(
        int(id), int(parent), dev, root, point, options, shared, master, above, unbindable, fstype, source, superoptions
    )


def mount_table(kernel: Kernel, process: str = "self") -> tuple[Entry, ...]:
    """All mounts that the root of `process` reaches, the oldest first."""
    fd = kernel.open(f"/proc/{process}/mountinfo", OpenFlag.RDONLY)
    text = read_all(kernel, fd).decode()
    kernel.close(fd)
    return tuple(parse(line) for line in text.splitlines())


def mounts_at(kernel: Kernel, point: str) -> tuple[Entry, ...]:
    """The mounts at `point`, from the lowest to the topmost."""
    return tuple(entry for entry in _by_depth(mount_table(kernel)) if entry.point == point)


def mount_at(kernel: Kernel, point: str) -> Entry:
    """The topmost mount at `point`. Raises `Broken` where there is none."""
    found = mounts_at(kernel, point)
    if not found:
        raise Broken(f"nothing is mounted at {point}")
    return found[-1]


def shape(kernel: Kernel, below: str) -> tuple[str, ...]:
    """The mounts at and below the directory `below`, sorted, each as "POINT SOURCE" with its propagation, such as "shared:a".

    Of mounts at the same point the lowest is first.
    """
    letters: dict[int, str] = {0: ""}
    lines = []
    for entry in by_place(mount_table(kernel)):
        if entry.point == below or entry.point.startswith(below + "/"):
            line = f"{entry.point.removeprefix(below) or '.'} {entry.source}"
            for name, group in (("shared", entry.shared), ("master", entry.master), ("from", entry.propagate_from)):
                if group:
                    line += f" {name}:{letters.setdefault(group, chr(ord('a') + len(letters) - 1))}"
            lines.append(line + " unbindable" if entry.unbindable else line)
    return tuple(lines)


def by_place(table: Iterable[Entry]) -> list[Entry]:
    """The mounts, sorted by their places; of those at the same one the lowest first."""
    return sorted(_by_depth(tuple(table)), key=lambda entry: entry.point)


def _by_depth(table: tuple[Entry, ...]) -> list[Entry]:
    """The mounts, each after the one that it is mounted on."""
    parents = {entry.id: entry.parent for entry in table if entry.parent != entry.id}

    def depth(entry: Entry) -> int:
        number, id = 0, entry.id
        while id in parents:
            number, id = number + 1, parents[id]
        return number

    return sorted(table, key=depth)
