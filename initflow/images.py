"""Images to verify with: the default tree of a container, and hostile or broken variants of it.

An image is somebody else's work. Whatever stands at a path in it, the runtime meets before it has switched the root, with all
the rights of the host. A volume is a directory of the host that a configuration binds into the container, and that the
container's processes may have filled: `VOLUME` is where the images keep one.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fakekernel.filesystem import Dentry
from fakekernel.mount import Mount
from fakekernel.mounttree import attach
from fakekernel.peers import make_shared
from fakekernel.programs import executable
from fakekernel.tree import (
    CONTAINER,
    GROUP,
    PASSWD,
    PROGRAM,
    File,
    device,
    directory,
    fifo,
    follow,
    link,
    make_directory,
    regular,
    replace,
    take_away,
)
from kernelapi.capability import Cap, CapSet
from kernelapi.flags import MountFlag

if TYPE_CHECKING:
    from fakekernel.machine import Machine

VOLUME = "/var/lib/initflow/volume"
"""A directory of the host, for configurations to bind; what it holds is up to the image."""

RUNTIME = "/usr/bin/nsinit"
"""The runtime's program, a file of the host."""

DEFAULT_NAME = "default"


@dataclass(frozen=True)
class Image:
    """The default tree with changes. `oddity` says in a sentence what is odd about it, and what somebody wants with that.

    `missing` is taken away, then `files` are put in the place of what is there; paths are relative. `volume` is what VOLUME
    holds: mostly nothing.
    """

    name: str
    oddity: str
    files: tuple[File, ...] = ()
    missing: tuple[str, ...] = ()
    volume: tuple[File, ...] = ()
    readonly: bool = False


def furnish(machine: "Machine", image: Image, rootfs: str) -> None:
    """Change what `rootfs`, a directory of the simulated host, holds into `image`, and fill the volume.

    Without such a directory nothing is changed there: the configuration names one that is not there.
    """
    host = machine.init.fs.root.dentry
    replace(make_directory(host, VOLUME), image.volume)
    top = follow(host, rootfs).dentry
    if top is None:
        return
    for path in image.missing:
        take_away(top, path)
    replace(top, image.files)
    if image.readonly:
        _mount_readonly(machine, top)


def _mount_readonly(machine: "Machine", top: Dentry) -> None:
    """Let `top` be a mount of its own that cannot be written, as an image that several containers share is."""
    system, below = machine.system, machine.init.fs.root.mount
    assert system.mntns is not None
    mount = Mount(
        store=system.store,
        id=system.take_mount_id(),
        sb=below.sb,
        root=top,
        ns=system.mntns,
        flags=int(MountFlag.RELATIME | MountFlag.RDONLY),
    )
    system.mntns.mounts[mount.id] = mount
    attach(mount, below, top)
    if below.group:
        make_shared(system, mount)


def _without(path: str) -> tuple[str, ...]:
    """All of the default tree below `path`, and `path` itself."""
    return tuple(file.path for file in CONTAINER if file.path == path or file.path.startswith(f"{path}/"))[:1]


def _payload(content: bytes | str = executable(PROGRAM), mode: int = 0o755, capabilities: bytes = b"") -> tuple[File, ...]:
    """/bin/true, the default payload, as a file of its own."""
    return (regular("bin/true", content, mode)._replace(capabilities=capabilities),)


def _file_capabilities(permitted: CapSet) -> bytes:
    """A security.capability with these permitted, and effective at once (struct vfs_cap_data, revision 2)."""
    mask = permitted.mask
    return struct.pack("<IIIII", 0x02000001, mask & 0xFFFFFFFF, 0, mask >> 32, 0)


FAKE_PROC = (
    directory("self"),
    directory("self/fd"),
    *(regular(f"self/fd/{number}") for number in range(3)),
    regular("self/status", "CapBnd:\t0000000000000000\n"),
)
"""What a process of the container lays out to be taken for /proc: it lists no descriptor but the standard streams."""

SWALLOWING_PROC = (
    *FAKE_PROC,
    *(directory(path) for path in ("1", "1/attr", "self/task", "self/task/1", "self/task/1/attr")),
    regular("1/attr/exec"),
    regular("self/task/1/attr/exec"),
)
"""The same, with the files through which a label is asked for. What is written there is not read by anybody."""

_DEVICES = (device("zero", 1, 5), device("full", 1, 7))


def _below(directory: str, files: Iterable[File]) -> tuple[File, ...]:
    return tuple(file._replace(path=f"{directory}/{file.path}") for file in files)


_TABLE = (
    Image(DEFAULT_NAME, "A small busybox system, with nothing odd about it."),
    # -- /proc, /sys, /dev: where the system's file systems are mounted, by name, before the root is switched --
    Image(
        "proc-to-fake",
        "/proc is an absolute link to /tmp, where the image has files like those of /proc: proc is mounted on the host's /tmp, "
        "and the runtime then believes the image.",
        (link("proc", "/tmp"), *_below("tmp", FAKE_PROC)),
        _without("proc"),
    ),
    Image(
        "proc-swallows",
        "As proc-to-fake, with files where the runtime asks for the payload's label: the request stays in the image, and is "
        "never refused (CVE-2019-16884).",
        (link("proc", "/tmp"), *_below("tmp", SWALLOWING_PROC)),
        _without("proc"),
    ),
    Image(
        "proc-within",
        "/proc is a relative link to a directory of the image: proc is mounted there, where a second container that shares "
        "that directory can put something else.",
        (link("proc", "var/proc"), directory("var/proc")),
    ),
    Image(
        "proc-climbs",
        '/proc is a link that climbs out of the image with "..": before the switch of the root it leads to the host\'s /mnt.',
        (link("proc", "../../../../../mnt"),),
    ),
    Image("proc-loops", "/proc is a link to itself: no lookup of it ever ends.", (link("proc", "proc"),)),
    Image(
        "proc-dangles",
        "/proc is a link to what is not there: a runtime that makes missing directories may make this one, on the host.",
        (link("proc", "/mnt/made/by/nobody"),),
    ),
    Image("proc-missing", "There is no /proc.", missing=("proc",)),
    Image("proc-file", "/proc is a regular file: nothing can be mounted on it that has directories.", (regular("proc"),)),
    Image(
        "sys-absolute",
        "/sys is an absolute link to /mnt: sysfs is mounted on the host's, and the container has none to restrict.",
        (link("sys", "/mnt"),),
    ),
    Image(
        "sys-to-dev",
        "/sys is an absolute link to /dev: sysfs covers the host's devices while the runtime still needs them.",
        (link("sys", "/dev"),),
    ),
    Image(
        "dev-absolute",
        "/dev is an absolute link to /dev: the container's devices cover the host's, and after the switch the link is a loop.",
        (link("dev", "/dev"),),
    ),
    Image(
        "dev-within",
        "/dev is a relative link to a directory of the image, which the container's devices then cover.",
        (link("dev", "var/dev"), directory("var/dev")),
    ),
    Image(
        "dev-furnished",
        "/dev/null, /dev/console, /dev/pts and /dev/shm are links to files of the host: a runtime that did not cover /dev "
        "first would follow them.",
        (
            link("dev/null", "/etc/passwd"),
            link("dev/console", "/etc/passwd"),
            link("dev/pts", "/root"),
            link("dev/shm", "/root"),
        ),
    ),
    # -- a volume on /dev: the one way by which what stands in /dev is somebody else's --
    Image(
        "volume-null-file",
        "In the volume, null is a regular file: bound on /dev, what is compared with the null device by its number is every "
        "pipe and every file, and what is written to it is kept.",
        volume=(regular("null", mode=0o666), *_DEVICES),
    ),
    Image(
        "volume-null-link",
        "In the volume, null is a link to the runtime's own program: bound on /dev, it is opened and given away before the "
        "root is switched, and leads nowhere afterwards.",
        volume=(link("null", RUNTIME), *_DEVICES),
    ),
    Image(
        "volume-console-link",
        "In the volume, console is a link to the host's /etc/hostname: bound on /dev, the runtime opens it to write, which "
        "empties the host's file, and covers it with the terminal.",
        volume=(device("null", 1, 3), link("console", "/etc/hostname"), *_DEVICES),
    ),
    Image(
        "volume-streams",
        "In the volume, fd, stdin, stdout, stderr and core are there already, as links to what somebody chose.",
        volume=(
            device("null", 1, 3),
            link("fd", "/tmp"),
            link("stdin", "/tmp/in"),
            link("stdout", "/tmp/out"),
            link("stderr", "/tmp/err"),
            *_DEVICES,
        ),
    ),
    Image(
        "volume-proc",
        "/run is a link to /proc, and the volume looks like one: bound on /run, it covers the container's proc.",
        (link("run", "/proc"),),
        volume=FAKE_PROC,
    ),
    Image(
        "volume-swallows",
        "The volume looks like a /proc that takes the request for the payload's label: bound on /proc, it covers the real one "
        "(CVE-2015-3631).",
        volume=SWALLOWING_PROC,
    ),
    # -- mount points and devices of the configuration --
    Image(
        "run-absolute",
        "/run is an absolute link to /etc: what is mounted on /run covers the files in which users are looked up.",
        (link("run", "/etc"),),
    ),
    Image(
        "run-climbs",
        '/run climbs with ".." to the host\'s /etc: a resolver that does not stop at the image mounts there.',
        (link("run", "../../../../../../etc"),),
    ),
    Image(
        "run-to-proc",
        "/run is a link to /proc: what is mounted on /run covers the container's proc, through which descriptors are marked.",
        (link("run", "/proc"),),
    ),
    Image(
        "run-to-root",
        "/run is a link to /: what is mounted on /run covers the whole image, before its devices are made.",
        (link("run", "/"),),
    ),
    Image("run-loops", "/run is a link to itself.", (link("run", "run"),)),
    Image(
        "run-dangles",
        "/run is a link to what is not there: the runtime makes it, and has to make it in the image.",
        (link("run", "/made/by/runtime"),),
    ),
    Image("run-file", "/run is a regular file where the configuration wants a directory.", (regular("run"),)),
    Image(
        "tmp-absolute",
        "/tmp is an absolute link to /root: what is mounted on /tmp hides root's files, and no more.",
        (link("tmp", "/root"),),
    ),
    Image(
        "opt-to-host",
        "/opt is a link to /etc: a device that the configuration wants below /opt is made, and given away, on the host.",
        (link("opt", "/etc"),),
    ),
    # -- users --
    Image(
        "passwd-numeric",
        'In /etc/passwd a user is called "1000" and has uid 0: who configures the number 1000 starts root (CVE-2016-3697).',
        (regular("etc/passwd", "1000:x:0:0:root:/root:/bin/sh\n" + PASSWD),),
    ),
    Image(
        "passwd-garbage",
        "/etc/passwd begins with lines that are none: what should be a number and is not counts as 0, so that each is root.",
        (regular("etc/passwd", b"daemon\n# daemon\n+::::::\n\xff\xfe:\x00:x:y\n" + PASSWD.encode()),),
    ),
    Image(
        "passwd-huge-line",
        "/etc/passwd has a line of 64 KiB before all others: reading ends there without a word, and nobody is found.",
        (regular("etc/passwd", "x" * (1 << 16) + "\n" + PASSWD),),
    ),
    Image(
        "passwd-homeless",
        "In /etc/passwd the users have no home: HOME becomes empty, and what is written to ~/.ssh is written to /.ssh.",
        (regular("etc/passwd", "root:x:0:0\ndaemon:x:1:1:::/bin/false\n"),),
    ),
    Image(
        "users-missing",
        "There is no /etc/passwd and no /etc/group: names mean nothing, numbers mean themselves.",
        missing=("etc/passwd", "etc/group"),
    ),
    Image(
        "users-directories",
        "/etc/passwd and /etc/group are directories: they open, and cannot be read.",
        (directory("etc/passwd"), directory("etc/group")),
    ),
    Image(
        "passwd-fifo",
        "/etc/passwd is a FIFO: who opens it waits until somebody writes, and nobody will.",
        (fifo("etc/passwd"),),
    ),
    Image(
        "passwd-outside",
        '/etc/passwd is a link that climbs with ".." to where the host keeps its own: after the switch it cannot get there.',
        (link("etc/passwd", "../../../../../../../etc/shadow"),),
    ),
    Image(
        "passwd-endless",
        "/etc/passwd is a link to /dev/zero: a file without an end, and without a line in it.",
        (link("etc/passwd", "/dev/zero"),),
    ),
    Image(
        "passwd-by-descriptor",
        "/etc/passwd is a link through /proc/self/fd/9: if the runtime holds a directory of the host there, the host's users "
        "are looked up, and root of the image knows them.",
        (link("etc/passwd", "/proc/self/fd/9/etc/passwd"),),
    ),
    Image(
        "group-huge",
        "/etc/group puts daemon into 65537 groups: one more than the kernel takes.",
        (regular("etc/group", "".join(f"g{gid}:x:{gid}:daemon\n" for gid in range(100_000, 165_537))),),
    ),
    Image(
        "group-huge-line",
        "/etc/group has a list of members longer than 64 KiB, and behind it the group that matters: it is never read.",
        (regular("etc/group", "all:x:500:" + "u," * (1 << 15) + "u\n" + GROUP + "extra:x:501:daemon\n"),),
    ),
    # -- the payload, /bin/true --
    Image("bin-missing", "There is no /bin.", missing=("bin",)),
    Image(
        "payload-setuid",
        "The payload is set-user-id root: a user of the container is root again after exec.",
        _payload(mode=0o4755),
    ),
    Image(
        "payload-capabilities",
        "The payload has file capabilities, one that the configuration lists and one that it does not.",
        _payload(capabilities=_file_capabilities(CapSet({Cap.CHOWN, Cap.AUDIT_READ}))),
    ),
    Image(
        "payload-orphan",
        "The payload is a script whose interpreter is missing: it is found, and cannot be run.",
        _payload("#!/no/such/interpreter\n"),
    ),
    Image(
        "payload-runtime",
        "The payload is a script whose interpreter is /proc/self/exe: what it runs is the runtime's own program, which lies on "
        "the host (CVE-2019-5736).",
        _payload("#!/proc/self/exe\n"),
    ),
    Image(
        "payload-by-descriptor",
        "The payload is a link through /proc/self/fd/9: if the runtime holds a directory of the host there, a program of the "
        "host is run in the container.",
        (link("bin/true", "/proc/self/fd/9/bin/true"),),
    ),
    Image("payload-text", "The payload is executable, and no program of any format.", _payload("echo hello\n")),
    Image("payload-unexecutable", "The payload is a program that nobody may execute.", _payload(mode=0o644)),
    Image(
        "payload-unreadable",
        "The payload may be executed by everybody and read by root alone: its process cannot be looked into.",
        _payload(mode=0o711),
    ),
    # -- the whole tree --
    Image(
        "readonly",
        "The image is mounted read-only, as one that several containers share: nothing can be made in it.",
        readonly=True,
    ),
)

IMAGES: dict[str, Image] = {image.name: image for image in _TABLE}
"""By name. The first is the default."""

DEFAULT_IMAGE = IMAGES[DEFAULT_NAME]

def named(name: str) -> Image:
    """The image of this name; of several names joined by "+", all that is odd about each. Raises `KeyError`."""
    parts = [IMAGES[each] for each in name.split("+")]
    if len(parts) == 1:
        return parts[0]
    return Image(
        name,
        " ".join(part.oddity for part in parts),
        tuple(file for part in parts for file in part.files),
        tuple(path for part in parts for path in part.missing),
        tuple(file for part in parts for file in part.volume),
        readonly=any(part.readonly for part in parts),
    )
