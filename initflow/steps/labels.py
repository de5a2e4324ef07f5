"""Labels: the profile of AppArmor, the contexts of SELinux (packages apparmor, label and selinux of the original).

Each is built in or it is not, by a tag of Go's. What is not built in succeeds and does nothing, whatever is configured.
"""

from errno import EPROTO

from initflow.flow import Panic, failing, step
from initflow.golang import GoError, errno_text, open_file, quote, read_lines, scan_word, walk, write
from initflow.steps.context import Init
from kernelapi.flags import OpenFlag, StatfsFlag
from kernelapi.kernel import Kernel

APPARMOR, SELINUX = "apparmor", "selinux"
"""The tags, called like the modules of the kernel."""

LABEL = "security.selinux"
NOT_LOADED = "kernel"
"""The context of all processes as long as SELinux has no policy."""

NOT_TO_BE_RELABELLED = "/usr"


@step(writes="selinux_is_on")
def detect_selinux(init: Init) -> None:
    """Find out whether SELinux is on, if it is built in: by its file system, and by init's own context.

    Before the mounts: in the container's tree there is no such file system, and SELinux would be taken to be off.
    """
    init.selinux_is_on = SELINUX in init.tags and _is_on(init.kernel)


def selinux_is_on(init: Init) -> bool:
    """What was found out, be it only now: nobody asks twice."""
    if "selinux_is_on" not in init.slots:
        init.selinux_is_on = _is_on(init.kernel)
    return init.selinux_is_on


def _is_on(kernel: Kernel) -> bool:
    place = _selinuxfs(kernel)
    if not place:
        return False
    try:
        if kernel.statfs(place).flags & StatfsFlag.RDONLY:
            return False
    except OSError:
        pass  # nobody looks
    return _context(kernel, f"/proc/self/task/{kernel.gettid()}/attr/current") != NOT_LOADED


def _selinuxfs(kernel: Kernel) -> str:
    """Where the first selinuxfs is mounted; "" where there is none, or where the list is not what it should be."""
    try:
        fd = open_file(kernel, "/proc/self/mountinfo")
    except GoError:
        return ""
    text = read_lines(kernel, fd).decode("utf-8", "surrogateescape")
    kernel.close(fd)
    lines = [(line.split(" "), line.partition(" - ")[2].split()) for line in text.splitlines()]
    if any(len(fields) < 5 or len(rest) < 3 for fields, rest in lines):
        return ""
    return next((fields[4] for fields, rest in lines if rest[0] == "selinuxfs"), "")


def _context(kernel: Kernel, path: str) -> str:
    """selinux.readCon, whose error nobody looks at."""
    try:
        fd = open_file(kernel, path)
    except GoError:
        return ""
    word = scan_word(kernel, fd)
    kernel.close(fd)
    return word


@step
def apply_apparmor_profile(init: Init) -> None:
    """Ask for the AppArmor profile that takes effect at the next exec.

    After the container's own /proc is there, through which it is asked for: should that not be a proc, the request is lost. A
    build without AppArmor does nothing and succeeds, whatever the configuration says.
    """
    profile = init.configuration.apparmor_profile
    if profile and APPARMOR in init.tags:
        with failing(f"set apparmor profile {profile}:"):
            _change_on_exec(init.kernel, profile)


def _change_on_exec(kernel: Kernel, profile: str) -> None:
    """aa_change_onexec of libapparmor, which is C: a name ends at its first NUL. Raises `OSError`."""
    request = f"exec {profile.partition(chr(0))[0]}".encode("utf-8", "surrogateescape")
    fd = kernel.open(f"/proc/{kernel.gettid()}/attr/exec", OpenFlag.WRONLY)
    try:
        if kernel.write(fd, request) != len(request):
            raise OSError(EPROTO, errno_text(EPROTO))
    finally:
        kernel.close(fd)


@step
def set_process_label(init: Init) -> None:
    """Ask for the SELinux context that takes effect at the next exec.

    Nobody asks here whether SELinux is on. A build without it does nothing and succeeds.
    """
    label = init.configuration.process_label
    if not label or SELINUX not in init.tags:
        return
    kernel = init.kernel
    path = f"/proc/self/task/{kernel.gettid()}/attr/exec"
    fd = open_file(kernel, path, OpenFlag.WRONLY)
    try:
        write(kernel, fd, path, label.encode("utf-8", "surrogateescape"))
    finally:
        kernel.close(fd)


# -- what other steps ask for --


def mount_data(init: Init, data: str, label: str) -> str:
    """The data of a mount all of whose files are to have `label` (label.FormatMountLabel)."""
    if not label or SELINUX not in init.tags:
        return data
    context = f"context={quote(label)}"
    return f"{data},{context}" if data else context


def set_file_label(init: Init, path: str, label: str) -> None:
    """label.SetFileLabel. Raises `OSError`."""
    if SELINUX in init.tags and selinux_is_on(init) and label:
        _label(init.kernel, path, label)


def relabel(init: Init, path: str, label: str, how: str) -> None:
    """label.Relabel: `path` and all below it get `label`, with "z" at the level that all containers may see.

    Whether SELinux is on is not asked. Raises `GoError` and `OSError`.
    """
    if SELINUX not in init.tags or not label:
        return
    if how == "z":
        parts = label.split(":", 3)
        if len(parts) < 4:
            raise Panic("runtime error: index out of range")
        label = ":".join((*parts[:3], "s0"))
    if path == NOT_TO_BE_RELABELLED or path.startswith(f"{NOT_TO_BE_RELABELLED}/"):
        raise GoError(f"Relabeling content in {NOT_TO_BE_RELABELLED} is not allowed.")
    walk(init.kernel, path, lambda each: _label(init.kernel, each, label))


def _label(kernel: Kernel, path: str, label: str) -> None:
    """selinux.Setfilecon: a link itself gets it. Raises `OSError`."""
    kernel.lsetxattr(path, LABEL, label.encode("utf-8", "surrogateescape"), 0)
