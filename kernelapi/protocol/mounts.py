"""The mount tree (mount_namespaces(7), fs/namespace.c, fs/pnode.c)."""

from typing import Protocol

from kernelapi.call import syscall
from kernelapi.protocol.files import LOOKUP


class Mounts(Protocol):
    """Attaching, changing, moving and detaching mounts; switching the root."""

    @syscall(LOOKUP)
    def mount(self, source: str, target: str, fstype: str, flags: int, data: str) -> None:
        """Mount, remount, bind, move, or change propagation: `flags` (`MountFlag` bits) says which.

        An empty string stands for an absent argument (a null pointer).
        """

    @syscall(LOOKUP)
    def umount2(self, target: str, flags: int) -> None:
        """Detach the mount at `target`."""

    @syscall(LOOKUP)
    def pivot_root(self, new_root: str, put_old: str) -> None:
        """Make `new_root` the root mount and move the old one to `put_old`."""
