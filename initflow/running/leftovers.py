"""What a run may leave on the host, and how it is taken away: by its guard, or by the next run where that was killed.

Each run has a directory of its own in the state directory, called by the pid and the start of its guard, with a file that says
what the run may have made. Whose guard lives is let alone.
"""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from initflow.configuration import Cgroup
from initflow.golang import GoError
from initflow.rtnetlink import delete_link, find_link
from initflow.running import processes
from initflow.running.processes import Identity
from initflow.steps.cgroups import places
from kernelapi.linux.kernel import linux

NOTES = "guard.json"
LOCK = ".lock"
PATIENCE = 10.0
"""Seconds for processes to end, and for their cgroups to be empty."""
PAUSE = 0.02


class Notes(msgspec.Struct):
    """What a run may have made: processes, directories of cgroups that were not there before, links of the host.

    `mount_namespace` is the number of the container's that no other ever has; 0 where it is not known, or is not its own.
    """

    init: Identity | None = None
    mount_namespace: int = 0
    cgroups: list[str] = []
    links: list[str] = []


def missing_directories(cgroup: Cgroup | None) -> list[str]:
    """The directories that the flow makes for this cgroup, and that are not there: the outer ones first."""
    found: dict[str, None] = {}
    if cgroup is not None:
        with contextlib.suppress(GoError):
            for place in places(linux(), cgroup):
                path = Path(place)
                found.update((str(each), None) for each in reversed((path, *path.parents)) if not each.exists())
    return list(found)


class Directory:
    """The directory of one run."""

    def __init__(self, path: Path, notes: Notes) -> None:
        self.path = path
        self.notes = notes

    @classmethod
    def make(cls, state: Path, container: bytes, notes: Notes) -> "Directory":
        """Make that of this process, complete with `container`, the text of container.json. Raises `OSError`."""
        identity = processes.identify(os.getpid())
        assert identity is not None
        path = state / f"{identity.pid}-{identity.start}"
        path.mkdir(mode=0o755)  # init reads its configuration there as the root of a user namespace
        made = cls(path, notes)
        made.save()
        (path / "container.json").write_bytes(container)
        return made

    def save(self) -> None:
        """Write the notes down, whole or not at all."""
        new = self.path / f"{NOTES}.new"
        new.write_bytes(msgspec.json.encode(self.notes))
        new.rename(self.path / NOTES)

    @property
    def guard(self) -> Identity | None:
        """Whose it is, by its name; None where that is no name of one."""
        pid, _, start = self.path.name.partition("-")
        return Identity(int(pid), int(start)) if pid.isdecimal() and start.isdecimal() else None

    def clear(self) -> list[str]:
        """Take away all that the run may have left; what could not be, in words. Its processes first, itself last."""
        problems = [*self._end_processes(), *self._remove_cgroups(), *self._remove_links()]
        if not problems:
            self.remove()
        return problems

    def remove(self) -> None:
        """Take away the directory alone."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _end_processes(self) -> Iterator[str]:
        deadline = time.monotonic() + PATIENCE
        while left := self._processes():
            self._thaw()
            processes.kill(left)
            if time.monotonic() > deadline:
                yield f"processes {', '.join(map(str, sorted(left)))}"
                return
            time.sleep(PAUSE)

    def _processes(self) -> set[int]:
        """Those of the container: its init and who is below it, who is in its cgroups, who is in its mount namespace."""
        found: set[int] = set()
        init = self.notes.init
        if init is not None and init.lives:
            found |= {init.pid, *processes.descendants(init.pid)}
        for directory in self.notes.cgroups:
            with contextlib.suppress(OSError, ValueError):
                found |= set(map(int, Path(directory, "cgroup.procs").read_text().split()))
        number = self.notes.mount_namespace
        if number not in (0, processes.mount_namespace("self")):
            found |= {pid for pid in processes.all_pids() if processes.mount_namespace(pid) == number}
        return found - {1, os.getpid()} - {pid for pid in found if processes.is_zombie(pid)}

    def _thaw(self) -> None:
        """Let frozen processes go on: no signal reaches them before."""
        for directory in self.notes.cgroups:
            for name, value in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
                file = Path(directory, name)
                if file.exists():
                    with contextlib.suppress(OSError):
                        file.write_text(value)

    def _remove_cgroups(self) -> Iterator[str]:
        """The inner ones first. One that others use by now stays: it is theirs."""
        for directory in map(Path, reversed(self.notes.cgroups)):
            deadline = time.monotonic() + PATIENCE
            while directory.exists():
                try:
                    directory.rmdir()
                except OSError:
                    if any(each.is_dir() for each in directory.iterdir()):
                        break
                    if time.monotonic() > deadline:
                        yield f"the cgroup {directory}"
                        break
                    time.sleep(PAUSE)  # the last process in it is on its way out

    def _remove_links(self) -> Iterator[str]:
        kernel = linux()
        for name in self.notes.links:
            with contextlib.suppress(GoError, OSError):  # it goes by itself when the other end's namespace does
                delete_link(kernel, find_link(kernel, name))
            with contextlib.suppress(GoError):
                find_link(kernel, name)
                yield f"the network interface {name}"


def clear_abandoned(state: Path) -> list[str]:
    """Take away what runs have left whose guard has been killed; what could not be, in words. One caller at a time."""
    problems: list[str] = []
    with open(state / LOCK, "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for path in sorted(state.iterdir()):
            directory = Directory(path, Notes())
            guard = directory.guard
            if guard is None or guard.lives:
                continue
            with contextlib.suppress(OSError, msgspec.DecodeError):
                directory.notes = msgspec.json.decode((path / NOTES).read_bytes(), type=Notes)
            problems += directory.clear()
    return problems
