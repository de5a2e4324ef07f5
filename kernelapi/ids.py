"""Numbers that name things, as distinct types: an id in some user namespace is not a global id, a descriptor is not a pid."""

from typing import NewType

Uid = NewType("Uid", int)  # as seen in some user namespace
Gid = NewType("Gid", int)
Kuid = NewType("Kuid", int)  # global, as the kernel keeps it
Kgid = NewType("Kgid", int)
Pid = NewType("Pid", int)  # as seen in some pid namespace
Fd = NewType("Fd", int)

UNCHANGED = -1
"""Passed to the setre*id and setres*id calls and to chown for an id that is to stay."""

OVERFLOW_ID = 65534
"""What an id without a mapping reads as (/proc/sys/kernel/overflowuid)."""
