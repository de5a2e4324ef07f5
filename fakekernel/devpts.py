"""devpts, the file system of pseudoterminals, and ptmx, which makes them (pts(4), fs/devpts/inode.c, drivers/tty/pty.c)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from fakekernel import fstypes
from fakekernel.behaviour import BEHAVIOURS, Listed
from fakekernel.behaviour import Behaviour as BaseBehaviour
from fakekernel.credentials import Credentials
from fakekernel.description import Description
from fakekernel.devices import CHARACTER_DEVICES
from fakekernel.filesystem import INVALID_GID, INVALID_UID, Dentry, Inode, Superblock
from fakekernel.fstypes import FilesystemType, MountRequest
from fakekernel.lookup import child_of, cross_mounts
from fakekernel.mount import Path
from fakekernel.store import TABLE, Record, Table
from fakekernel.tty import MASTER, MasterBehaviour, Terminal
from kernelapi.flags import AccessMode, FileType
from kernelapi.ids import Kgid, Kuid
from kernelapi.protocol.mounts import MOUNT_BAD_OPTION
from kernelapi.protocol.terminals import OPEN_PTMX_ALONE, OPEN_PTMX_FULL, OPEN_PTMX_WITHOUT_DEVPTS
from kernelapi.values import makedev

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.syscalls.table import Syscalls

MOST = 1 << 20
"""Pseudoterminals of one devpts, unless the option `max` says less."""

SYSTEM_LIMIT, RESERVED = 4096, 1024
"""Pseudoterminals of the system (kernel.pty.max), and how many of them are for those mounted in the initial mount namespace."""

PTMX_INO, FIRST_INO = 2, 3
PTMX, SLAVE_MAJOR = makedev(5, 2), 136


class Devpts(Record):
    """The state of one devpts: its options, and the pseudoterminals that it has. No number below `lowest_free` is free."""

    uid: Kuid | None = None  # None: that of whoever opens ptmx
    gid: Kgid | None = None
    mode: int = 0o600
    max: int = MOST
    initial: bool = True
    terminals: Table[int, Terminal] = TABLE
    lowest_free: int = 0


Options = dict[str, int]
DEFAULTS: Options = {"mode": 0o600, "ptmxmode": 0, "max": MOST}


def _options(kernel: "SyscallBase", request: MountRequest) -> Options:
    """The options as numbers, ids global; with their defaults (devpts_parse_param)."""
    userns = kernel.task.cred.userns
    found = dict(DEFAULTS)
    for key, text in request.options:
        value: int | None = None
        if key == "newinstance" and text is None:  # from when not every mount was a new one
            continue
        if key in ("mode", "ptmxmode"):
            value = fstypes.octal(text)
            if value is not None:
                value &= 0o7777
        elif key in ("uid", "gid", "max") and (given := fstypes.number(text)) is not None:
            if key == "max":
                value = given if given <= MOST else None
            else:
                value = userns.kuid(given) if key == "uid" else userns.kgid(given)
        if value is None:
            kernel.refuse(MOUNT_BAD_OPTION)
        else:
            found[key] = value
    return found


def _shown(options: Options) -> str:
    """As /proc/PID/mountinfo shows them (devpts_show_options)."""
    shown = [f"{key}={options[key]}" for key in ("uid", "gid") if key in options]
    shown += (f"{key}={options[key]:03o}" for key in ("mode", "ptmxmode"))
    if options["max"] < MOST:
        shown.append(f"max={options['max']}")
    return ",".join(shown)


def _check(kernel: "SyscallBase", request: MountRequest) -> None:
    _options(kernel, request)


def _make(kernel: "SyscallBase", request: MountRequest) -> Superblock:
    options = _options(kernel, request)
    cred = kernel.task.cred
    sb = fstypes.new_superblock(kernel, request)
    furnish(sb, options, cred.fsuid, cred.fsgid, initial=kernel.task.namespaces.mnt is kernel.machine.system.mntns)
    return sb


def furnish(sb: Superblock, options: Options, uid: Kuid, gid: Kgid, *, initial: bool) -> None:
    """Make a new superblock a devpts: its state, its root, and the ptmx in it, which belongs to `uid` and `gid`.

    The root belongs to root of the user namespace that owns the file system; where that has none, to nobody that is known.
    """
    sb.options = _shown(options)
    sb.subject = devpts = Devpts(store=sb.store, initial=initial)
    _set(devpts, options)
    root = sb.make_root(0o755, behaviour="devpts")
    owner, group = sb.userns.kuid(0), sb.userns.kgid(0)
    root.inode.uid, root.inode.gid = INVALID_UID if owner is None else owner, INVALID_GID if group is None else group
    mode = FileType.CHR | options["ptmxmode"]
    root.add("ptmx", Inode(store=sb.store, sb=sb, ino=PTMX_INO, mode=mode, uid=uid, gid=gid, rdev=PTMX, behaviour=MASTER))


def _set(devpts: Devpts, options: Options) -> None:
    uid, gid = options.get("uid"), options.get("gid")
    devpts.uid = None if uid is None else Kuid(uid)
    devpts.gid = None if gid is None else Kgid(gid)
    devpts.mode = options["mode"]
    devpts.max = options["max"]


def _reconfigure(kernel: "SyscallBase", sb: Superblock, request: MountRequest) -> None:
    """A remount sets all options, those that it does not name to their defaults; slaves that exist stay as they are."""
    options = _options(kernel, request)
    # -- effects only below --
    _set(cast(Devpts, sb.subject), options)
    sb.options = _shown(options)
    assert sb.root is not None
    sb.root.children["ptmx"].inode.mode = FileType.CHR | options["ptmxmode"]


fstypes.register(FilesystemType(name="devpts", make=_make, check=_check, in_userns=True, reconfigure=_reconfigure))


class DevptsBehaviour(BaseBehaviour):
    """The root of a devpts: nobody but the kernel makes or removes anything there."""

    missing_is_final = False

    def permission(self, kernel: "Syscalls", inode: Inode, mask: int, cred: Credentials) -> bool | None:
        return False if mask & AccessMode.W and INVALID_UID in (inode.uid, inode.gid) else None

    def lookup(self, kernel: "Syscalls", directory: Dentry, name: str) -> Dentry | None:
        return directory.children.get(name)

    def entries(self, kernel: "Syscalls", directory: Dentry) -> Iterable[Listed]:
        for name, child in sorted(directory.children.items()):
            yield Listed(name, child.inode.ino, child.inode.type)


class PtmxBehaviour(MasterBehaviour):
    """ptmx: opening it makes a pseudoterminal, and the description is its master."""

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        sb = _find(kernel, description.path)
        devpts = cast(Devpts, sb.subject)
        system = kernel.machine.system
        index = devpts.lowest_free
        while index in devpts.terminals:
            index += 1
        if system.terminals + 1 >= SYSTEM_LIMIT - (0 if devpts.initial else RESERVED) or index >= devpts.max:
            kernel.refuse(OPEN_PTMX_FULL)
        # -- effects only below --
        terminal = Terminal(store=kernel.store, index=index, sb=sb)
        devpts.terminals[index] = terminal
        devpts.lowest_free = index + 1
        system.terminals += 1
        cred = kernel.task.cred
        inode = Inode(
            store=kernel.store,
            sb=sb,
            ino=FIRST_INO + index,
            mode=FileType.CHR | devpts.mode,
            uid=cred.fsuid if devpts.uid is None else devpts.uid,
            gid=cred.fsgid if devpts.gid is None else devpts.gid,
            rdev=makedev(SLAVE_MAJOR + (index >> 20), index & 0xFFFFF),
            behaviour="pts",
            subject=terminal,
        )
        assert sb.root is not None
        terminal.node = sb.root.add(str(index), inode)
        return terminal


def _find(kernel: "Syscalls", ptmx: Path) -> Superblock:
    """The devpts that a ptmx belongs to: that in which it is, or that mounted on "pts" beside it (devpts_acquire)."""
    mount, dentry = ptmx
    if mount.sb.fstype == "devpts":
        return mount.sb
    directory = dentry.parent
    if directory is None or dentry is mount.root:
        kernel.fail(OPEN_PTMX_ALONE)
    child = child_of(kernel, directory, "pts")
    if child is None:
        kernel.fail(OPEN_PTMX_ALONE)
    found = cross_mounts(mount, child)
    if found.mount.sb.fstype != "devpts" or found.dentry is not found.mount.sb.root:
        kernel.fail(OPEN_PTMX_WITHOUT_DEVPTS)
    return found.mount.sb


BEHAVIOURS["devpts"] = DevptsBehaviour()
BEHAVIOURS[MASTER] = PtmxBehaviour()
CHARACTER_DEVICES[PTMX] = MASTER
