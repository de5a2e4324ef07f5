"""The tree of files in which programs run: a tmpfs of their own, which is the root of their mount namespace.

Nothing of the host is in it, and no path of a program may lead out: no sysfs, no control groups. Of /proc, the directories of
agents alone are named, since the attributes of all other entries are the host's, and of those not `exe`: that is the host's
interpreter, which root could change.
"""

import struct

from kernelapi.flags import CloneFlag, FileType, MountFlag, OpenFlag, UmountFlag
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.testing.stage import DEVICES, write_file
from kernelapi.testing.witness import PAUSE, WITNESS
from kernelapi.values import makedev

FRESH = (
    CloneFlag.NEWNS | CloneFlag.NEWUTS | CloneFlag.NEWIPC | CloneFlag.NEWNET | CloneFlag.NEWPID | CloneFlag.NEWCGROUP
)

HOME = "/tmp"
"""Where agents begin; the paths below are relative to it."""

WITNESSES = ("w", "wr", "wu", "wg", "wc", "s")
"""Executables that say what they run with: plain, set-uid root, set-uid 1000, set-gid 1000, with capabilities, and a script."""

PAUSES = ("x", "xr", "xu", "xg", "xc")
"""Executables that wait for ever, alike."""

_MODES = {"": (0, 0, 0o755), "r": (0, 0, 0o4755), "u": (1000, 1000, 0o4755), "g": (0, 1000, 0o2755), "c": (0, 0, 0o755)}

FILE_CAPABILITIES = struct.pack("<IIIII", 0x02000001, 1 << 5 | 1 << 7 | 1 << 13, 1 << 5 | 1 << 21, 0, 0)
"""struct vfs_cap_data, version 2, effective: KILL, SETUID, NET_RAW permitted; KILL, SYS_ADMIN inheritable."""


def furnish(kernel: Kernel) -> None:
    """Make the tree, and let it be the root. The caller is alone in its mount namespace, and the first of its pid namespace."""
    kernel.mount("", "/", "", MountFlag.REC | MountFlag.PRIVATE, "")
    kernel.mount("scratch", HOME, "tmpfs", 0, "mode=755")
    kernel.chdir(HOME)
    kernel.umask(0)
    for directory in ("bin", "dev", "proc", "tmp"):
        kernel.mkdir(directory, 0o755)
    for name, (major, minor) in DEVICES.items():
        kernel.mknod(f"dev/{name}", FileType.CHR | 0o666, makedev(major, minor))
    kernel.mkdir("dev/pts", 0o755)
    kernel.mount("devpts", "dev/pts", "devpts", MountFlag.NOSUID | MountFlag.NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    kernel.symlink("pts/ptmx", "dev/ptmx")
    kernel.mount("proc", "proc", "proc", MountFlag.NOSUID | MountFlag.NODEV | MountFlag.NOEXEC, "")
    kernel.pivot_root(".", ".")
    kernel.umount2(".", UmountFlag.DETACH)
    kernel.chdir(HOME)
    kernel.chmod(".", 0o777)
    kernel.mkdir("d", 0o755)
    kernel.mkdir("d/e", 0o755)
    kernel.mkdir("m", 0o755)
    kernel.mkdir("n", 0o755)
    kernel.mkdir("t", 0o1777)
    kernel.mkdir("u", 0o700)
    kernel.chown("u", 1000, 1000)
    write_file(kernel, "f", b"0123456789")
    write_file(kernel, "g", b"abc", 0o600)
    kernel.chown("g", 1000, 1000)
    kernel.symlink("d", "l")
    kernel.symlink("nowhere", "z")
    kernel.mknod("p", FileType.FIFO | 0o666, 0)
    for stem, content in (("w", WITNESS), ("x", PAUSE)):
        for suffix, (uid, gid, mode) in _MODES.items():
            write_file(kernel, stem + suffix, content, 0o755)
            kernel.chown(stem + suffix, uid, gid)
            kernel.chmod(stem + suffix, mode)
        kernel.setxattr(stem + "c", "security.capability", FILE_CAPABILITIES)
    write_file(kernel, "s", b"#!/tmp/w\n", 0o755)
    kernel.umask(0o022)


def clear_descriptors(kernel: Kernel, keep: Fd, place: Fd) -> None:
    """Have nothing open but /dev/null as 0 to 2, and `keep`, as `place`."""
    kernel.dup3(keep, place, 0)
    kernel.close_range(0, place - 1)
    kernel.close_range(place + 1, 0xFFFFFFFF)
    null = kernel.open("/dev/null", OpenFlag.RDWR)
    kernel.dup(null)
    kernel.dup(null)
