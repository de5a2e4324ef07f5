"""File system types: what mount(2) makes of a name, a source and options (filesystems(5), fs/super.c, mm/shmem.c, fs/ramfs).

A module that models a type enters it in FSTYPES at import. `fakekernel.syscalls.table` imports them all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from fakekernel.filesystem import Dentry, Inode, Superblock
from fakekernel.profile import HostProfile
from fakekernel.userns import UserNamespace
from kernelapi.errors import NotModelled
from kernelapi.flags import MountFlag
from kernelapi.ids import Kgid, Kuid
from kernelapi.protocol.mounts import MOUNT_BAD_OPTION, REMOUNT_LIMIT

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase

SUPERBLOCK_FLAGS = int(
    MountFlag.RDONLY | MountFlag.SYNCHRONOUS | MountFlag.MANDLOCK | MountFlag.DIRSYNC | MountFlag.LAZYTIME
)
"""The flags of mount(2) that are a file system's own, and not those of one of its mounts."""

_SET = {
    "ro": MountFlag.RDONLY, "sync": MountFlag.SYNCHRONOUS, "dirsync": MountFlag.DIRSYNC, "lazytime": MountFlag.LAZYTIME,
    "mand": MountFlag.MANDLOCK,
}  # fmt: skip
_CLEAR = {
    "rw": MountFlag.RDONLY, "async": MountFlag.SYNCHRONOUS, "nolazytime": MountFlag.LAZYTIME, "nomand": MountFlag.MANDLOCK,
}  # fmt: skip


class MountRequest(NamedTuple):
    """What a file system gets to see of a call of mount(2).

    `flags` holds the SUPERBLOCK_FLAGS, those given in the data included; `options` what else stands in the data, in its order:
    (key, value), the value None where there is no "="; `context` the label that SELinux is told to give all files.
    """

    fstype: str
    source: str
    flags: int
    options: tuple[tuple[str, str | None], ...]
    context: str = ""


def parse_request(fstype: str, source: str, flags: int, data: str, context: str = "") -> MountRequest:
    """Take the data apart (fs/fs_context.c generic_parse_monolithic)."""
    flags &= SUPERBLOCK_FLAGS
    options: list[tuple[str, str | None]] = []
    for option in data.split(",") if data else ():
        key, equals, value = option.partition("=")
        if not equals and key in _SET:
            flags |= _SET[key]
        elif not equals and key in _CLEAR:
            flags &= ~_CLEAR[key]
        elif key:
            options.append((key, value if equals else None))
    return MountRequest(fstype, source, flags, tuple(options), context)


def refuse_options(kernel: "SyscallBase", request: MountRequest) -> None:
    """For a type without options: any one is refused."""
    if request.options:
        kernel.refuse(MOUNT_BAD_OPTION)


def ignore_options(kernel: "SyscallBase", request: MountRequest) -> None:
    """For a type that looks at no option."""


def whole(kernel: "SyscallBase", sb: Superblock) -> Dentry:
    """The root of an instance."""
    assert sb.root is not None
    return sb.root


def of_the_caller(kernel: "SyscallBase") -> UserNamespace:
    """The user namespace that owns a new instance of most types."""
    return kernel.task.cred.userns


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesystemType:
    """A type of file system.

    `make` gives the instance for a request: a new one, or one that there is already, and then without any effect. Before that,
    `check` refuses bad options by MOUNT_BAD_OPTION; then the caller needs CAP_SYS_ADMIN over what `owner` says, or, unless
    `in_userns`, over the initial user namespace. `top` is the directory of the instance that the mount shows: mostly its root.
    `reconfigure` takes the options of a remount, after `check`; it may refuse, before any effect. `module`: the
    security module that brings it.
    `must_be_visible`: one in full is needed to mount another one in a less privileged mount namespace (SB_I_USERNS_VISIBLE).
    """

    name: str
    make: Callable[["SyscallBase", MountRequest], Superblock]
    check: Callable[["SyscallBase", MountRequest], None] = refuse_options
    owner: Callable[["SyscallBase"], UserNamespace] = of_the_caller
    top: Callable[["SyscallBase", Superblock], Dentry] = whole
    in_userns: bool = False
    needs_device: bool = False
    must_be_visible: bool = False
    module: str = ""
    reconfigure: Callable[["SyscallBase", Superblock, MountRequest], None] | None = None


FSTYPES: dict[str, FilesystemType] = {}
"""By name."""

NOT_MODELLED = frozenset((
    "autofs", "binder", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "cpuset", "debugfs", "devpts", "devtmpfs",
    "efivarfs", "fuse", "fuseblk", "fusectl", "hugetlbfs", "mqueue", "overlay", "proc", "pstore", "resctrl", "securityfs",
    "selinuxfs", "sysfs", "tracefs",
))  # fmt: skip
"""Types that a Linux has; those of them that are not in FSTYPES are not simulated."""


def register(fstype: FilesystemType) -> None:
    """Make a type known."""
    FSTYPES[fstype.name] = fstype


def registered(host: HostProfile) -> list[FilesystemType]:
    """The types that a host has, of those that are simulated."""
    return [fstype for fstype in FSTYPES.values() if fstype.module in ("", host.security_module)]


def new_superblock(
    kernel: "SyscallBase", request: MountRequest, *, owner: UserNamespace | None = None, options: str = ""
) -> Superblock:
    """A new, empty instance; the type gives it a root. `options` is what /proc/PID/mountinfo shows of them."""
    system = kernel.machine.system
    return Superblock(
        store=system.store,
        fstype=request.fstype,
        dev=system.take_dev(),
        userns=kernel.task.cred.userns if owner is None else owner,
        flags=request.flags,
        options=options,
        context=request.context,
        source=request.source or "none",
    )


# -- values of options --


def octal(value: str | None) -> int | None:
    """An octal number of 32 bits; None where it is not one (fs_param_is_u32oct)."""
    return int(value, 8) if value and value.isascii() and value.isdigit() and not set(value) & set("89") else None


def number(value: str | None) -> int | None:
    """A number of 32 bits, in the base that its prefix says; None where it is not one (fs_param_is_u32)."""
    parsed = _unsigned(value) if value else None
    return parsed[0] if parsed is not None and not parsed[1] and parsed[0] < 2**32 else None


def memory(value: str | None) -> tuple[int, str] | None:
    """A number with a suffix (k, m, g, t, p, e) and what follows it; None without a digit (lib/cmdline.c memparse)."""
    parsed = _unsigned(value) if value else None
    if parsed is None:
        return None
    size, rest = parsed
    power = "kmgtpe".find(rest[:1].lower()) + 1 if rest else 0
    return (size << 10 * power) % 2**64, rest[1:] if power else rest


def _unsigned(text: str) -> tuple[int, str] | None:
    """The number that `text` begins with, and the rest (simple_strtoull with base 0)."""
    base, digits, start = 10, "0123456789", 0
    if text[:2].lower() == "0x" and text[2:3] and text[2].lower() in "0123456789abcdef":
        base, digits, start = 16, "0123456789abcdef", 2
    elif text[:1] == "0":
        base, digits = 8, "01234567"
    end = start
    while end < len(text) and text[end].lower() in digits:
        end += 1
    return (int(text[start:end], base), text[end:]) if end > start else None


# -- tmpfs --

PAGE = 4096
TMPFS_UNMODELLED = frozenset(("huge", "inode32", "inode64", "mpol", "noswap"))

TMPFS_ORDER = ("size", "nr_inodes", "mode", "uid", "gid")
"""The order in which the options of a tmpfs are shown."""

LIMITS = ("size", "nr_inodes")


def _check_tmpfs(kernel: "SyscallBase", request: MountRequest) -> None:
    _tmpfs_options(kernel, request)


def _tmpfs_options(kernel: "SyscallBase", request: MountRequest) -> dict[str, int]:
    """The options of a tmpfs as numbers: size in bytes, uid and gid global. (mm/shmem.c shmem_parse_one)"""
    userns = kernel.task.cred.userns
    found: dict[str, int] = {}
    for key, text in request.options:
        if key in TMPFS_UNMODELLED:
            raise NotModelled(f"the option {key!r} of tmpfs")
        value: int | None = None
        if key == "mode":
            value = octal(text)
            if value is not None:
                value &= 0o7777
        elif key == "uid" and (id := number(text)) is not None:
            value = userns.kuid(id)
        elif key == "gid" and (id := number(text)) is not None:
            value = userns.kgid(id)
        elif key in ("size", "nr_blocks", "nr_inodes") and (parsed := memory(text)) is not None:
            size, rest = parsed
            if key == "size" and rest == "%":
                raise NotModelled("a size of tmpfs relative to the memory of the machine")
            value = None if rest else size * PAGE if key == "nr_blocks" else size
            key = "size" if key == "nr_blocks" else key
        if value is None:
            kernel.refuse(MOUNT_BAD_OPTION)
        else:
            found[key] = value
    return found


def _show_tmpfs(options: dict[str, int]) -> str:
    """The options as /proc/PID/mountinfo shows them: those that are not the default (mm/shmem.c shmem_show_options)."""
    shown = []
    for key in TMPFS_ORDER:
        value = options.get(key)
        if value is None:
            continue
        if key == "size":
            shown.append(f"size={(value + PAGE - 1) // PAGE * (PAGE // 1024)}k")
        elif key == "nr_inodes":
            shown.append(f"nr_inodes={value}")
        elif key == "mode":
            if value != 0o1777:
                shown.append(f"mode={value:03o}")
        elif value:
            shown.append(f"{key}={value}")
    return ",".join(shown)


def _make_tmpfs(kernel: "SyscallBase", request: MountRequest) -> Superblock:
    cred = kernel.task.cred
    options = {"mode": 0o1777, "uid": int(cred.fsuid), "gid": int(cred.fsgid), **_tmpfs_options(kernel, request)}
    sb = new_superblock(kernel, request, options=_show_tmpfs(options))
    root = sb.make_root(options["mode"]).inode
    root.uid, root.gid = Kuid(options["uid"]), Kgid(options["gid"])
    return sb


def _reconfigure_tmpfs(kernel: "SyscallBase", sb: Superblock, request: MountRequest) -> None:
    """A remount changes the limits; mode, uid and gid stay what they are (mm/shmem.c shmem_reconfigure).

    What has no limit gets none, and a limit does not go below what is used.
    """
    new = _tmpfs_options(kernel, request)
    shown = dict(option.split("=", 1) for option in sb.options.split(",") if option)
    if any(new.get(key) and shown.get(key) in ("0k", "0") for key in LIMITS):
        kernel.refuse(REMOUNT_LIMIT)
    if any(new.get(key) for key in LIMITS):
        size, inodes = _tmpfs_usage(sb)
        if 0 < new.get("size", size) < size or 0 < new.get("nr_inodes", inodes) < inodes:
            kernel.refuse(REMOUNT_LIMIT)
    # -- effects only below --
    for key in LIMITS:
        if key in new:
            shown[key] = _show_tmpfs({key: new[key]}).partition("=")[2]
    text = ",".join(f"{key}={shown[key]}" for key in TMPFS_ORDER if key in shown)
    if text != sb.options:
        sb.options = text


def _tmpfs_usage(sb: Superblock) -> tuple[int, int]:
    """The bytes, in whole pages, and the inodes that the names of the file system lead to."""
    inodes: set[Inode] = set()
    waiting = [sb.root] if sb.root is not None else []
    while waiting:
        dentry = waiting.pop()
        inodes.add(dentry.inode)
        waiting.extend(dentry.children.values())
    return sum((len(inode.content) + PAGE - 1) // PAGE * PAGE for inode in inodes), len(inodes)


# -- ramfs --


def _ramfs_mode(kernel: "SyscallBase", request: MountRequest) -> int:
    """The only option of a ramfs; any other is ignored (fs/ramfs/inode.c ramfs_parse_param)."""
    mode = 0o755
    for key, text in request.options:
        if key == "mode":
            given = octal(text)
            if given is None:
                kernel.refuse(MOUNT_BAD_OPTION)
            else:
                mode = given & 0o7777
    return mode


def _check_ramfs(kernel: "SyscallBase", request: MountRequest) -> None:
    _ramfs_mode(kernel, request)


def _make_ramfs(kernel: "SyscallBase", request: MountRequest) -> Superblock:
    mode = _ramfs_mode(kernel, request)
    sb = new_superblock(kernel, request, options="" if mode == 0o755 else f"mode={mode:o}")
    root, cred = sb.make_root(mode).inode, kernel.task.cred
    root.uid, root.gid = cred.fsuid, cred.fsgid
    return sb


def _on_a_device(kernel: "SyscallBase", request: MountRequest) -> Superblock:
    raise AssertionError(f"a {request.fstype} on {request.source!r}: the device is looked at first")


register(
    FilesystemType(name="tmpfs", make=_make_tmpfs, check=_check_tmpfs, in_userns=True, reconfigure=_reconfigure_tmpfs)
)
register(FilesystemType(name="ramfs", make=_make_ramfs, check=_check_ramfs, in_userns=True))
for _name in ("btrfs", "erofs", "ext2", "ext3", "ext4", "squashfs", "vfat", "xfs"):
    register(FilesystemType(name=_name, make=_on_a_device, needs_device=True))
