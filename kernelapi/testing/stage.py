"""Where a case is played: fresh namespaces, an init of its own, and for those that ask for it a small tree of files.

The stage is a program like any other, written against the protocol: it is the same on every kernel.
"""

from errno import EAGAIN

from kernelapi.capability import Cap, CapSet
from kernelapi.flags import CloneFlag, MountFlag, OpenFlag, Rlimit, Signal, UmountFlag
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel
from kernelapi.releases import is_before
from kernelapi.testing import hierarchies
from kernelapi.testing.case import Case, Report, errno_of, reporting, write_report
from kernelapi.values import CapData, Limit, makedev

FRESH = CloneFlag.NEWNS | CloneFlag.NEWUTS | CloneFlag.NEWIPC | CloneFlag.NEWNET | CloneFlag.NEWPID | CloneFlag.NEWCGROUP

DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}

WITHHELD = CapSet((Cap.SYS_RESOURCE,))
"""What not every host gives its root: only a case that needs it has it."""

NAME, HOSTNAME, DESCRIPTORS = "case", "host", Limit(1024, 4096)
"""Of the process, of the host, and how many descriptors: cases see the same wherever they are played."""

APPLETS = ("cat", "echo", "false", "id", "ls", "ps", "sh", "sleep", "true")
"""Names in /bin that are links to /bin/busybox."""

PASSWD = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n"
GROUP = "root:x:0:\ndaemon:x:1:\nusers:x:100:user\nuser:x:1000:\n"


def play(kernel: Kernel, case: Case, executable: bytes, report: Fd) -> int:
    """Play `case` in fresh namespaces below the caller; its `Report` goes to the descriptor `report`.

    `executable` is the content of /bin/busybox, for a case that asks for a tree. The caller has a process to spare: it waits
    here, and what it had unshared stays unshared.
    """
    if lacking := what_is_lacking(kernel, case):
        write_report(kernel, report, Report(lacking=lacking))
        return 0
    held = kernel.capget(Pid(0))
    if case.needs is None or case.needs not in WITHHELD:
        for cap in WITHHELD & held.permitted:
            kernel.prctl_capbset_drop(cap)
        kernel.capset(Pid(0), CapData(held.effective - WITHHELD, held.permitted - WITHHELD, held.inheritable - WITHHELD))
    kernel.prctl_set_name(NAME)
    kernel.prlimit64(Pid(0), Rlimit.NOFILE, DESCRIPTORS)
    kernel.unshare(FRESH)
    kernel.sethostname(HOSTNAME)
    lifeline = kernel.pipe2(OpenFlag.NONBLOCK)
    init = kernel.clone(Signal.CHLD, run_init, case, executable, report, *lifeline)
    kernel.close(report)
    kernel.wait4(init)
    return 0


def what_is_lacking(kernel: Kernel, case: Case) -> str:
    """What the host has not, and the case needs; empty where it can be played."""
    if case.needs is not None and case.needs not in kernel.capget(Pid(0)).effective:
        return f"CAP_{case.needs.name}"
    if case.since is not None and is_before(kernel.uname().release, case.since):
        return f"Linux {case.since}"
    if missing := [name for name in case.hierarchies if name not in hierarchies.present(kernel)]:
        return f"a hierarchy of control groups for {' and '.join(missing)}, or one that hands out no controllers"
    return ""


def run_init(kernel: Kernel, case: Case, executable: bytes, report: Fd, alive: Fd, kept: Fd) -> int:
    """Process 1 of the fresh pid namespace: makes the tree, starts the case, reaps until it is over.

    It dies with its parent, which it cannot see from in there: as long as that lives, the pipe `alive` has a writer.
    """
    kernel.prctl_set_pdeathsig(Signal.KILL)
    kernel.close(kept)
    if errno_of(kernel.read, alive, 1) != EAGAIN:
        return 1
    kernel.close(alive)
    kernel.setsid()
    kernel.mount("", "/", "", MountFlag.REC | MountFlag.PRIVATE, "")  # what a case mounts stays here
    if case.tree:
        make_tree(kernel, executable)
    if case.hierarchies:
        hierarchies.mount(kernel, case.hierarchies)
    player = kernel.clone(Signal.CHLD, run_case, case, report)
    kernel.close(report)
    while kernel.wait4(-1)[0] != player:
        pass
    return 0


def run_case(kernel: Kernel, case: Case, report: Fd) -> int:
    """The case itself: process 2, a child of init, in init's session."""
    reporting(kernel, case.law, (), report)
    return 0


def make_tree(kernel: Kernel, executable: bytes) -> None:
    """Make a tmpfs with the usual directories, devices and busybox, and let it be the root. No mount may be shared."""
    kernel.mount("stage", "/tmp", "tmpfs", 0, "mode=755")
    kernel.chdir("/tmp")
    kernel.umask(0)
    for directory in ("bin", "dev", "etc", "home", "proc", "root", "sys", "usr", "var"):
        kernel.mkdir(directory, 0o755)
    kernel.mkdir("tmp", 0o1777)
    kernel.mkdir("home/user", 0o755)
    kernel.chown("home/user", 1000, 1000)
    for name, (major, minor) in DEVICES.items():
        kernel.mknod(f"dev/{name}", 0o020666, makedev(major, minor))
    kernel.mkdir("dev/pts", 0o755)
    kernel.mount("devpts", "dev/pts", "devpts", MountFlag.NOSUID | MountFlag.NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    kernel.symlink("pts/ptmx", "dev/ptmx")
    write_file(kernel, "etc/passwd", PASSWD.encode())
    write_file(kernel, "etc/group", GROUP.encode())
    write_file(kernel, "bin/busybox", executable, 0o755)
    for applet in APPLETS:
        kernel.symlink("busybox", f"bin/{applet}")
    kernel.mount("proc", "proc", "proc", MountFlag.NOSUID | MountFlag.NODEV | MountFlag.NOEXEC, "")
    kernel.pivot_root(".", ".")
    kernel.umount2(".", UmountFlag.DETACH)
    kernel.chdir("/")
    kernel.umask(0o022)


def write_file(kernel: Kernel, path: str, content: bytes, mode: int = 0o644) -> None:
    """Make a file."""
    fd = kernel.open(path, OpenFlag.WRONLY | OpenFlag.CREAT | OpenFlag.TRUNC, mode)
    while content:
        content = content[kernel.write(fd, content) :]
    kernel.close(fd)
