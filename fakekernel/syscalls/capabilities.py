"""Capability sets (kernel/capability.c, security/commoncap.c)."""

from fakekernel.syscalls.base import SyscallBase


class CapabilityCalls(SyscallBase):
    """Capability sets."""

    __slots__ = ()
