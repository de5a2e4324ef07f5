"""The mount tree, on the real kernel."""

from kernelapi.linux.base import path_bytes, syscall


class LinuxMounts:
    """See `kernelapi.protocol.mounts`."""

    __slots__ = ()

    def mount(self, source: str, target: str, fstype: str, flags: int, data: str) -> None:
        syscall("mount", _optional(source), path_bytes(target), _optional(fstype), flags, _optional(data))

    def umount2(self, target: str, flags: int) -> None:
        syscall("umount2", path_bytes(target), flags)

    def pivot_root(self, new_root: str, put_old: str) -> None:
        syscall("pivot_root", path_bytes(new_root), path_bytes(put_old))


def _optional(text: str) -> bytes | None:
    """The text as the kernel takes it; a null pointer where there is none."""
    return path_bytes(text) if text else None
