"""Seccomp, on the real kernel."""

import ctypes

from kernelapi.linux.base import syscall
from kernelapi.values import BpfInstruction

_GET_SECCOMP, _SET_SECCOMP = 21, 22
_SET_MODE_FILTER = 1


class _Instruction(ctypes.Structure):
    """struct sock_filter."""

    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("len", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction)))


class LinuxSeccomp:
    """See `kernelapi.protocol.seccomp`."""

    __slots__ = ()

    def seccomp_set_mode_filter(self, flags: int, program: tuple[BpfInstruction, ...]) -> None:
        syscall("seccomp", _SET_MODE_FILTER, flags, ctypes.byref(_packed(program)))

    def prctl_get_seccomp(self) -> int:
        return syscall("prctl", _GET_SECCOMP, 0, 0, 0, 0)

    def prctl_set_seccomp(self, mode: int, program: tuple[BpfInstruction, ...] = ()) -> None:
        syscall("prctl", _SET_SECCOMP, mode, ctypes.byref(_packed(program)), 0, 0)


def _packed(program: tuple[BpfInstruction, ...]) -> _Program:
    instructions = (_Instruction * len(program))(*(_Instruction(each.code, each.jt, each.jf, each.k) for each in program))
    return _Program(len(program), instructions)
