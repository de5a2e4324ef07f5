"""The last steps before exec: descriptors, capabilities, ids, working directory."""

from contextlib import suppress
from errno import EINVAL

from initflow.configuration import CAPABILITIES
from initflow.flow import Group, failing, step
from initflow.golang import GoError, open_file, read, read_dir, read_lines, setenv
from initflow.steps.context import Init
from initflow.users import ExecUser, UserLookupError, exec_user, needs_groups
from kernelapi.capability import Cap, CapSet
from kernelapi.flags import FdFlag
from kernelapi.ids import Fd, Gid, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.values import CapData

STATUS, BOUNDING = "/proc/self/status", b"\nCapB"
FIRST_HIDDEN = 3
SELF = Pid(0)
ID = 0xFFFFFFFF
"""As much of a number as the kernel takes for an id."""
LAST_KNOWN_CAP = max(CAPABILITIES.values())
"""The last capability that the original knows: later ones it never drops."""


@step
def close_on_exec(init: Init) -> None:
    """Mark every descriptor from 3 on close-on-exec, so that the payload gets none by accident.

    Marked, not closed: the pipe must live until exec, which tells the parent by closing it. After the container's /proc is
    mounted, where the open descriptors are listed.
    """
    kernel = init.kernel
    for name in read_dir(kernel, "/proc/self/fd"):
        if name.isdecimal() and int(name) >= FIRST_HIDDEN:
            with suppress(OSError):  # the listing's own descriptor is closed by now
                kernel.fcntl_setfd(Fd(int(name)), FdFlag.CLOEXEC)


@step
def drop_bounding_set(init: Init) -> None:
    """Take every capability that the configuration does not list out of the bounding set.

    Before the user changes: PR_CAPBSET_DROP needs CAP_SETPCAP, which leaving uid 0 takes away.
    """
    _load_capabilities(init.kernel)
    _apply_bounding_set(init.kernel, init.configuration.kept_capabilities)


@step
def keep_capabilities(init: Init) -> None:
    """Keep the permitted set over the change of user, to raise what the configuration lists from it afterwards."""
    init.kernel.prctl_set_keepcaps(1)


@step(writes="exec_user")
def look_up_user(init: Init) -> None:
    """Find the ids of the configured user in the container's /etc/passwd and /etc/group.

    Both are opened, and neither has to be there; the second is read where a group is asked for, or a name is known.
    """
    kernel = init.kernel
    defaults = ExecUser(uid=kernel.getuid(), gid=kernel.getgid(), home="/")
    files = [_open_if_there(kernel, path) for path in ("/etc/passwd", "/etc/group")]
    try:
        user = init.configuration.user
        passwd, group = files
        users = None if passwd is None else read_lines(kernel, passwd)
        groups = None if group is None or not needs_groups(user, defaults, users) else read_lines(kernel, group)
        init.exec_user = exec_user(user, defaults, users, groups)
    except UserLookupError as error:
        raise GoError(str(error)) from error
    finally:
        for fd in reversed(files):
            if fd is not None:
                kernel.close(fd)


@step(reads="exec_user")
def set_groups(init: Init) -> None:
    """Replace the caller's supplementary groups. Before the group and the user id: both take CAP_SETGID away."""
    groups = (*init.exec_user.sgids, *init.configuration.additional_groups)
    init.kernel.setgroups(tuple(Gid(gid & ID) for gid in groups))


@step(reads="exec_user")
def set_gid(init: Init) -> None:
    """Change the group id. Before the user id, with which CAP_SETGID goes."""
    init.kernel.setgid(Gid(init.exec_user.gid & ID))


@step(reads="exec_user")
def set_uid(init: Init) -> None:
    """Change the user id. Clears the effective capabilities, the ambient ones, and the parent death signal."""
    init.kernel.setuid(Uid(init.exec_user.uid & ID))


@step(reads="exec_user environment", writes="environment")
def set_home(init: Init) -> None:
    """Give HOME to a payload that got none from the configuration."""
    if not init.environment.get("HOME"):
        setenv(init.environment, "HOME", init.exec_user.home)


@step
def forget_keep_capabilities(init: Init) -> None:
    """No longer keep the permitted set: the payload may not inherit that."""
    init.kernel.prctl_set_keepcaps(0)


@step
def drop_capabilities(init: Init) -> None:
    """Reduce the effective, permitted and inheritable sets to what the configuration lists.

    After the user has changed, which needed more; it raises the effective set again, which the change of user emptied.
    """
    kept = init.configuration.kept_capabilities
    _load_capabilities(init.kernel)
    _apply_bounding_set(init.kernel, kept)
    init.kernel.capset(SELF, CapData(effective=kept, permitted=kept, inheritable=kept))


@step
def change_directory(init: Init) -> None:
    """Enter the working directory of the configuration. Last: with the rights of the payload's user, and no more."""
    directory = init.configuration.working_dir
    if directory:
        with failing(f"chdir to {directory}"):
            init.kernel.chdir(directory)


FINALIZE_NAMESPACE = Group(
    "finalize namespace",
    Group("close open file descriptors", close_on_exec),
    Group("drop bounding set", drop_bounding_set),
    Group("set keep caps", keep_capabilities),
    Group(
        "setup user",
        Group("get supplementary groups", look_up_user),
        Group("setgroups", set_groups),
        Group("setgid", set_gid),
        Group("setuid", set_uid),
        Group("set HOME", set_home),
    ),
    Group("clear keep caps", forget_keep_capabilities),
    Group("drop capabilities", drop_capabilities),
    change_directory,
    doc="Take from the process all that the payload shall not have.",
)


def _load_capabilities(kernel: Kernel) -> None:
    """What the original's library reads before any change: the sets, and the bounding set out of /proc/self/status.

    It reads that file as far as the line with the bounding set.
    """
    kernel.capget(SELF)
    fd = open_file(kernel, STATUS)
    try:
        data = b""
        while (found := data.find(BOUNDING)) < 0 or b"\n" not in data[found:]:
            chunk = read(kernel, fd, STATUS)
            if not chunk:
                break
            data += chunk
    finally:
        kernel.close(fd)


def _apply_bounding_set(kernel: Kernel, kept: CapSet) -> None:
    if Cap.SETPCAP not in kernel.capget(SELF).effective:
        return  # in silence: as the original's library does
    for cap in range(LAST_KNOWN_CAP + 1):
        if cap not in kept:
            try:
                kernel.prctl_capbset_drop(cap)
            except OSError as error:
                if error.errno != EINVAL:  # unknown to this kernel
                    raise


def _open_if_there(kernel: Kernel, path: str) -> Fd | None:
    try:
        return open_file(kernel, path)
    except GoError:
        return None
