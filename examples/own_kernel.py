"""A kernel of one's own, small enough to read, and the laws of Linux that it keeps.

It has users, groups, pipes, and processes of which each child runs to its end before its parent goes on. What it has not
raises `NotModelled`, as it has to: a case that needs more is told apart from one that found a fault.
"""

from dataclasses import dataclass, field, replace
from errno import EBADF, ECHILD, EINVAL, EPERM
from itertools import count
from os import strerror

from kernelapi import UNCHANGED, Cap, CapData, CapSet, Fd, Kernel, NotModelled, Pid, bind
from kernelapi.capability import FULL
from kernelapi.kernel import handlers_of
from kernelapi.testing import Report, all_cases, run_case


def refuse(errno: int):
    raise OSError(errno, strerror(errno))


NO_ID = 0xFFFFFFFF
"""What is no id: it says that one is to stay as it is."""


def changed(ids, wanted, *, privileged):
    """What setuid and setgid make of four ids."""
    real, _, saved, _ = ids
    if wanted in (NO_ID, UNCHANGED):
        refuse(EINVAL)
    if privileged:
        return (wanted, wanted, wanted, wanted)
    return (real, wanted, saved, wanted) if wanted in (real, saved) else refuse(EPERM)


def permuted(ids, wanted, *, privileged):
    """What setresuid and setresgid make of them: the filesystem id follows, unless nothing at all was asked for."""
    if not privileged and not set(wanted) <= {*ids[:3], UNCHANGED}:
        refuse(EPERM)
    three = tuple(old if new == UNCHANGED else new for old, new in zip(ids, wanted, strict=False))
    return (*three, three[1]) if three != ids[:3] or wanted[1] != UNCHANGED else ids


@dataclass(eq=False)
class Pipe:
    content: bytes = b""


@dataclass
class Process:
    """One process: what Linux keeps in a task. Its methods are the calls, with the names and arguments of the protocol."""

    pids: "count[int]"
    pid: int
    uids: tuple[int, ...] = (0, 0, 0, 0)  # real, effective, saved, filesystem
    gids: tuple[int, ...] = (0, 0, 0, 0)
    groups: tuple[int, ...] = ()
    effective: CapSet = FULL
    permitted: CapSet = FULL
    files: dict[int, tuple[Pipe, str]] = field(default_factory=dict)
    ended: list[tuple[Pid, int]] = field(default_factory=list)

    def kernel(self) -> Kernel:
        """The kernel as this process sees it."""
        return bind(lambda call, args: HANDLERS[call.name](self, *args))

    def file(self, fd: int, mode: str) -> Pipe:
        pipe, other = self.files.get(fd, (None, ""))
        return pipe if pipe is not None and mode == other else refuse(EBADF)

    # -- users and groups --

    def getuid(self):
        return self.uids[0]

    def geteuid(self):
        return self.uids[1]

    def getresuid(self):
        return self.uids[:3]

    def getgid(self):
        return self.gids[0]

    def getegid(self):
        return self.gids[1]

    def getresgid(self):
        return self.gids[:3]

    def getgroups(self):
        return self.groups

    def setuid(self, uid):
        self.become(changed(self.uids, uid, privileged=Cap.SETUID in self.effective))

    def setgid(self, gid):
        self.gids = changed(self.gids, gid, privileged=Cap.SETGID in self.effective)

    def setresuid(self, *uids):
        self.become(permuted(self.uids, uids, privileged=Cap.SETUID in self.effective))

    def setresgid(self, *gids):
        self.gids = permuted(self.gids, gids, privileged=Cap.SETGID in self.effective)

    def setfsgid(self, gid):
        old = self.gids[3]
        if gid != NO_ID and (gid in self.gids or Cap.SETGID in self.effective):
            self.gids = (*self.gids[:3], gid)
        return old

    def setgroups(self, groups):
        if Cap.SETGID not in self.effective:
            refuse(EPERM)
        if len(groups) > 65536 or NO_ID in groups:
            refuse(EINVAL)
        self.groups = tuple(sorted(groups))

    def become(self, uids):
        """Have these user ids: with the last of root's ids all capabilities go, with the effective one the effective ones."""
        if 0 in self.uids[:3] and 0 not in uids[:3]:
            self.permitted = CapSet()
        if uids[1] != 0 or self.uids[1] != 0:
            self.effective = self.permitted if uids[1] == 0 else CapSet()
        self.uids = uids

    def capget(self, pid):
        if pid not in (0, self.pid):
            raise NotModelled("the capabilities of another process")
        return CapData(self.effective, self.permitted, CapSet())

    def capset(self, pid, data):
        if pid not in (0, self.pid) or data.inheritable:
            raise NotModelled("inheritable capabilities, and those of another process")
        if not data.permitted <= self.permitted or not data.effective <= data.permitted:
            refuse(EPERM)
        self.effective, self.permitted = data.effective, data.permitted

    # -- pipes --

    def pipe2(self, flags):
        if flags:
            raise NotModelled("flags of pipe2")
        pipe = Pipe()
        return self.open(pipe, "r"), self.open(pipe, "w")

    def open(self, pipe: Pipe, mode: str) -> Fd:
        fd = next(fd for fd in count() if fd not in self.files)
        self.files[fd] = (pipe, mode)
        return Fd(fd)

    def read(self, fd, count):
        pipe = self.file(fd, "r")
        data, pipe.content = pipe.content[:count], pipe.content[count:]
        if not data and any(other == (pipe, "w") for other in self.files.values()):
            raise NotModelled("to wait for a writer")
        return data

    def write(self, fd, data):
        self.file(fd, "w").content += data
        return len(data)

    def close(self, fd):
        if self.files.pop(fd, None) is None:
            refuse(EBADF)

    # -- processes --

    def getpid(self):
        return Pid(self.pid)

    def clone(self, flags, child, *args):
        if flags != 17:  # SIGCHLD
            raise NotModelled("flags of clone")
        born = replace(self, pid=next(self.pids), files=dict(self.files), ended=[])
        status = child(born.kernel(), *args) or 0
        self.ended.append((Pid(born.pid), (status & 0xFF) << 8))
        return Pid(born.pid)

    def wait4(self, pid, options=0):
        if options:
            raise NotModelled("options of wait4")
        for which in self.ended:
            if pid in (-1, which[0]):
                self.ended.remove(which)
                return which
        return refuse(ECHILD)


HANDLERS = handlers_of(Process, "own")


def main() -> None:
    """Play the laws about users and pipes, and say which are kept."""
    for case in all_cases():
        if case.noun in ("credentials", "pipes", "processes") and not case.tree:
            pids = count(1)
            process, report = Process(pids, next(pids)), Pipe()
            try:
                run_case(process.kernel(), case, process.open(report, "w"))
                told = Report.of(report.content).failure or "kept"
            except NotModelled as missing:
                told = f"not modelled: {missing}"
            print(f"{case.noun}: {case.name}: {told}")


if __name__ == "__main__":
    main()
