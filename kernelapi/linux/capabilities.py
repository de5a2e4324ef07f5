"""Capability sets, on the real kernel."""

import ctypes

from kernelapi.capability import CapSet
from kernelapi.ids import Pid
from kernelapi.linux.base import syscall
from kernelapi.values import CapData

_VERSION_3 = 0x20080522
_HALF = 0xFFFFFFFF


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int32))


class _Sets(ctypes.Structure):
    """32 capabilities of each set: version 3 has two of these, the lower half first (linux/capability.h)."""

    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


class LinuxCapabilities:
    """See `kernelapi.protocol.capabilities`."""

    __slots__ = ()

    def capget(self, pid: Pid) -> CapData:
        low, high = halves = (_Sets * 2)()
        syscall("capget", ctypes.byref(_Header(_VERSION_3, pid)), halves)
        return CapData(
            CapSet.from_mask(low.effective | high.effective << 32),
            CapSet.from_mask(low.permitted | high.permitted << 32),
            CapSet.from_mask(low.inheritable | high.inheritable << 32),
        )

    def capset(self, pid: Pid, data: CapData) -> None:
        masks = (data.effective.mask, data.permitted.mask, data.inheritable.mask)
        halves = (_Sets * 2)(_Sets(*(mask & _HALF for mask in masks)), _Sets(*(mask >> 32 & _HALF for mask in masks)))
        syscall("capset", ctypes.byref(_Header(_VERSION_3, pid)), halves)
