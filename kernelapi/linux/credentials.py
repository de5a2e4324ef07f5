"""User and group ids on the real kernel."""

import ctypes

from kernelapi.ids import Gid, Uid
from kernelapi.linux.base import syscall

_Three = tuple[int, int, int]


class LinuxCredentials:
    """credentials(7). An id is 32 bits wide and unsigned: -1 is 4294967295, and means "unchanged" to setre*id and setres*id."""

    __slots__ = ()

    def getuid(self) -> Uid:
        return Uid(syscall("getuid"))

    def geteuid(self) -> Uid:
        return Uid(syscall("geteuid"))

    def getgid(self) -> Gid:
        return Gid(syscall("getgid"))

    def getegid(self) -> Gid:
        return Gid(syscall("getegid"))

    def getresuid(self) -> tuple[Uid, Uid, Uid]:
        real, effective, saved = _three("getresuid")
        return Uid(real), Uid(effective), Uid(saved)

    def getresgid(self) -> tuple[Gid, Gid, Gid]:
        real, effective, saved = _three("getresgid")
        return Gid(real), Gid(effective), Gid(saved)

    def setuid(self, uid: Uid) -> None:
        syscall("setuid", uid)

    def setgid(self, gid: Gid) -> None:
        syscall("setgid", gid)

    def setreuid(self, ruid: int, euid: int) -> None:
        syscall("setreuid", ruid, euid)

    def setregid(self, rgid: int, egid: int) -> None:
        syscall("setregid", rgid, egid)

    def setresuid(self, ruid: int, euid: int, suid: int) -> None:
        syscall("setresuid", ruid, euid, suid)

    def setresgid(self, rgid: int, egid: int, sgid: int) -> None:
        syscall("setresgid", rgid, egid, sgid)

    def setfsuid(self, uid: int) -> Uid:
        return Uid(syscall("setfsuid", uid))

    def setfsgid(self, gid: int) -> Gid:
        return Gid(syscall("setfsgid", gid))

    def getgroups(self) -> tuple[Gid, ...]:
        groups = (ctypes.c_uint32 * syscall("getgroups", 0, None))()
        syscall("getgroups", len(groups), groups)
        return tuple(map(Gid, groups))

    def setgroups(self, groups: tuple[Gid, ...]) -> None:
        syscall("setgroups", len(groups), (ctypes.c_uint32 * len(groups))(*groups))


def _three(name: str) -> _Three:
    real, effective, saved = ctypes.c_uint32(), ctypes.c_uint32(), ctypes.c_uint32()
    syscall(name, ctypes.byref(real), ctypes.byref(effective), ctypes.byref(saved))
    return real.value, effective.value, saved.value
