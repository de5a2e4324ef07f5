"""MNT and TTY: what the container has in /dev, and what became of the standard streams that are devices."""

from collections.abc import Iterator

from fakekernel.filesystem import Inode
from initflow.invariants.model import EXEC, HIGH, MEDIUM, Exec, Obligation, decide, invariant, undecidable
from initflow.sight import seen_at
from initflow.state import OpenFile, process_state
from initflow.steps.devices import DEVICE_TYPES, STREAM_LINKS
from kernelapi.flags import O_ACCMODE, FileType, OpenFlag
from kernelapi.values import major, makedev, minor

NULL = makedev(1, 3)
LINKS = (("pts/ptmx", "dev/ptmx"), *STREAM_LINKS)


def _has_own_tree(moment: Exec) -> bool:
    """Whether init had mounts of its own to make: a new mount namespace, and what to do with it."""
    return moment.configuration.mount_config is not None and "NEWNS" in {
        entry.type for entry in moment.configuration.namespaces if not entry.path
    }


@invariant("MNT-19", at=EXEC, severity=MEDIUM, source="mknod(2); OCI runtime-spec config-linux.md, devices")
def each_device_is_what_the_configuration_says(moment: Exec) -> Iterator[Obligation]:
    """At exec, each device node of the configuration is there: that type, those numbers, that mode.

    A file that stood in its place stays there, since EEXIST is ignored: what the payload takes for a device is a file, or a
    link.
    """
    config = moment.configuration.mount_config
    if config is None or not _has_own_tree(moment):
        return
    for device in config.device_nodes:
        if device is None or device.type not in DEVICE_TYPES:
            continue
        found = seen_at(moment.previous.task, device.path)
        wanted = (DEVICE_TYPES[device.type], makedev(device.major_number, device.minor_number), device.file_mode & 0o7777)
        if found is None:
            yield decide(moment, False, f"there is no {device.path}")
            continue
        inode = found.inode
        there = (inode.type, inode.rdev, inode.mode & 0o7777)
        yield decide(
            moment,
            there == wanted,
            f"{device.path} is {described(inode)}, mode {inode.mode & 0o7777:o}, and not what is configured",
            found=there,
            configured=wanted,
        )


@invariant("MNT-20", at=EXEC, severity=MEDIUM, source="symlink(2), EEXIST; CVE-2026-41579")
def the_links_in_dev_lead_where_they_should(moment: Exec) -> Iterator[Obligation]:
    """At exec, /dev/ptmx, /dev/fd, /dev/stdin, /dev/stdout and /dev/stderr are the links that init makes.

    One that was there before leads where somebody else wants it to.
    """
    if not _has_own_tree(moment):
        return
    for target, path in LINKS:
        found = seen_at(moment.previous.task, f"/{path}")
        holds = found is not None and found.inode.is_symlink and found.inode.target == target
        there = "missing" if found is None else f"a link to {found.inode.target}" if found.inode.is_symlink else "no link"
        yield decide(moment, holds, f"/{path} is {there}, and not a link to {target}", path=path)


@invariant("MNT-22", at=EXEC, severity=HIGH, source="CVE-2015-3627; null(4)")
def the_standard_streams_are_those_of_the_caller(moment: Exec) -> Iterator[Obligation]:
    """At exec without a tty, each standard stream is the one that the caller gave; in place of its /dev/null, the container's.

    A stream that is replaced by another file loses what the payload writes, or hands it a file of the host.
    """
    parent = moment.run.parent
    if moment.configuration.tty or parent is None:
        return
    if not parent.lives:
        yield undecidable(moment, "the parent, whose streams they were, is gone")
        return
    given = process_state(parent).files
    for fd in range(3):
        if fd not in moment.run.given_streams or fd not in given or fd not in moment.previous.files:
            continue  # TTY-07 looks at those that are closed
        was, now = given[fd], moment.previous.files[fd]
        if _is_null(was):
            writable = was.flags & O_ACCMODE == OpenFlag.RDONLY or now.flags & O_ACCMODE != OpenFlag.RDONLY
            fits = _is_null(now) and writable and not (now.on_host and _has_own_tree(moment))
        else:
            fits = was.description is now.description
        if not _is_null(was) or not _is_null(now):
            words = f"{now.text}, in place of the caller's {was.text}"
        elif now.on_host:
            words = "still the host's /dev/null"
        else:
            words = "a /dev/null that it cannot write to"
        yield decide(moment, fits, f"its descriptor {fd} is {words}", fd=fd)


@invariant("TTY-05", at=EXEC, severity=HIGH, source="mount(2), MS_BIND; CVE-2025-52565")
def the_console_is_the_terminal(moment: Exec) -> Iterator[Obligation]:
    """At exec with a tty, /dev/console is the terminal that the payload has as standard input.

    Bound there by name, it covers whatever a link at /dev/console leads to: a file of the host, perhaps.
    """
    if not moment.configuration.tty or not _has_own_tree(moment) or 0 not in moment.previous.files:
        return
    if moment.enters:
        return  # the console is that of the container's first process
    found = seen_at(moment.previous.task, "/dev/console")
    terminal = moment.previous.files[0].description.inode
    there = "missing" if found is None else described(found.inode)
    yield decide(moment, found is not None and found.inode is terminal, f"/dev/console is {there}, and not its terminal")


def described(inode: Inode) -> str:
    """What kind of file it is, in words."""
    match inode.type:
        case FileType.LNK:
            return f"a link to {inode.target}"
        case FileType.REG:
            return "a regular file"
        case FileType.DIR:
            return "a directory"
        case FileType.FIFO:
            return "a FIFO"
        case FileType.CHR | FileType.BLK:
            return f"the device {major(inode.rdev)}:{minor(inode.rdev)}"
        case _:
            return "a socket"


def _is_null(file: OpenFile) -> bool:
    return file.type is FileType.CHR and file.rdev == NULL


