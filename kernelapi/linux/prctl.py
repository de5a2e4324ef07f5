"""The operations of prctl(2), on the real kernel."""

import ctypes
import os

from kernelapi.linux.base import syscall

# The numbers of linux/prctl.h.
_SET_PDEATHSIG, _GET_PDEATHSIG = 1, 2
_GET_DUMPABLE, _SET_DUMPABLE = 3, 4
_GET_KEEPCAPS, _SET_KEEPCAPS = 7, 8
_SET_NAME, _GET_NAME = 15, 16
_CAPBSET_READ, _CAPBSET_DROP = 23, 24
_GET_SECUREBITS, _SET_SECUREBITS = 27, 28
_SET_CHILD_SUBREAPER, _GET_CHILD_SUBREAPER = 36, 37
_SET_NO_NEW_PRIVS, _GET_NO_NEW_PRIVS = 38, 39
_CAP_AMBIENT = 47
_AMBIENT_IS_SET, _AMBIENT_RAISE, _AMBIENT_LOWER, _AMBIENT_CLEAR_ALL = 1, 2, 3, 4

_COMM_SIZE = 16


class LinuxPrctl:
    """See `kernelapi.protocol.prctl`. Some operations look at all five arguments: what is not used is an explicit zero."""

    __slots__ = ()

    def prctl_capbset_read(self, cap: int) -> bool:
        return bool(_prctl(_CAPBSET_READ, cap))

    def prctl_capbset_drop(self, cap: int) -> None:
        _prctl(_CAPBSET_DROP, cap)

    def prctl_cap_ambient_is_set(self, cap: int) -> bool:
        return bool(_prctl(_CAP_AMBIENT, _AMBIENT_IS_SET, cap))

    def prctl_cap_ambient_raise(self, cap: int) -> None:
        _prctl(_CAP_AMBIENT, _AMBIENT_RAISE, cap)

    def prctl_cap_ambient_lower(self, cap: int) -> None:
        _prctl(_CAP_AMBIENT, _AMBIENT_LOWER, cap)

    def prctl_cap_ambient_clear_all(self) -> None:
        _prctl(_CAP_AMBIENT, _AMBIENT_CLEAR_ALL)

    def prctl_get_child_subreaper(self) -> bool:
        return bool(_stored(_GET_CHILD_SUBREAPER))

    def prctl_set_child_subreaper(self, on: int) -> None:
        _prctl(_SET_CHILD_SUBREAPER, on)

    def prctl_get_dumpable(self) -> int:
        return _prctl(_GET_DUMPABLE)

    def prctl_set_dumpable(self, dumpable: int) -> None:
        _prctl(_SET_DUMPABLE, dumpable)

    def prctl_get_keepcaps(self) -> bool:
        return bool(_prctl(_GET_KEEPCAPS))

    def prctl_set_keepcaps(self, keep: int) -> None:
        _prctl(_SET_KEEPCAPS, keep)

    def prctl_get_name(self) -> str:
        name = ctypes.create_string_buffer(_COMM_SIZE)
        syscall("prctl", _GET_NAME, name, 0, 0, 0)
        return os.fsdecode(name.value)

    def prctl_set_name(self, name: str) -> None:
        syscall("prctl", _SET_NAME, os.fsencode(name), 0, 0, 0)

    def prctl_get_no_new_privs(self) -> bool:
        return bool(_prctl(_GET_NO_NEW_PRIVS))

    def prctl_set_no_new_privs(self, on: int) -> None:
        _prctl(_SET_NO_NEW_PRIVS, on)

    def prctl_get_pdeathsig(self) -> int:
        return _stored(_GET_PDEATHSIG)

    def prctl_set_pdeathsig(self, signal: int) -> None:
        _prctl(_SET_PDEATHSIG, signal)

    def prctl_get_securebits(self) -> int:
        return _prctl(_GET_SECUREBITS)

    def prctl_set_securebits(self, bits: int) -> None:
        _prctl(_SET_SECUREBITS, bits)


def _prctl(operation: int, second: int = 0, third: int = 0) -> int:
    return syscall("prctl", operation, second, third, 0, 0)


def _stored(operation: int) -> int:
    """The answer of an operation that stores it where its second argument points."""
    answer = ctypes.c_int()
    syscall("prctl", operation, ctypes.byref(answer), 0, 0, 0)
    return answer.value
