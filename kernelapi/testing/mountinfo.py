"""The mount table of the calling process, read back from /proc/self/mountinfo (proc(5)).

Numbers of mounts and peer groups differ from run to run: `shape` names groups by letters, in the order of their appearance.
"""

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
    return Entry(
        int(fields[0]), int(fields[1]), *fields[2:6], int(tags.get("shared", 0)), int(tags.get("master", 0)),
        int(tags.get("propagate_from", 0)), "unbindable" in tags, *fields[dash + 1 : dash + 4],
    )  # fmt: skip


def mount_table(kernel: Kernel, process: str = "self") -> tuple[Entry, ...]:
    """All mounts that the root of `process` reaches, the oldest first."""
    fd = kernel.open(f"/proc/{process}/mountinfo", OpenFlag.RDONLY)
    text = read_all(kernel, fd).decode()
    kernel.close(fd)
    return tuple(parse(line) for line in text.splitlines())


def mounts_at(kernel: Kernel, point: str) -> tuple[Entry, ...]:
    """The mounts at `point`, from the lowest to the topmost."""
    found = [entry for entry in mount_table(kernel) if entry.point == point]
    ids = {entry.id for entry in found}
    stack = [entry for entry in found if entry.parent not in ids]
    while len(stack) < len(found):
        stack += [entry for entry in found if entry.parent == stack[-1].id]
    return tuple(stack)


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
    points = sorted({entry.point for entry in mount_table(kernel) if entry.point == below or entry.point.startswith(below + "/")})
    for point in points:
        for entry in mounts_at(kernel, point):
            line = f"{point.removeprefix(below) or '.'} {entry.source}"
            for name, group in (("shared", entry.shared), ("master", entry.master), ("from", entry.propagate_from)):
                if group:
                    line += f" {name}:{letters.setdefault(group, chr(ord('a') + len(letters) - 1))}"
            lines.append(line + " unbindable" if entry.unbindable else line)
    return tuple(lines)
