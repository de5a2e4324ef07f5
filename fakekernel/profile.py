"""What kind of host the machine is: kernel release, capabilities, limits, security modules."""

from dataclasses import dataclass, field
from pathlib import Path

from fakekernel.policy import TARGETED, SelinuxPolicy
from kernelapi.capability import FULL, CapSet
from kernelapi.flags import RLIM_INFINITY, Rlimit
from kernelapi.values import Limit

DEFAULT_LIMITS: tuple[tuple[int, Limit], ...] = (
    (Rlimit.STACK, Limit(8 << 20, RLIM_INFINITY)),
    (Rlimit.CORE, Limit(0, RLIM_INFINITY)),
    (Rlimit.NPROC, Limit(96365, 96365)),
    (Rlimit.NOFILE, Limit(1024, 524288)),
    (Rlimit.MEMLOCK, Limit(8 << 20, 8 << 20)),
    (Rlimit.SIGPENDING, Limit(96365, 96365)),
    (Rlimit.MSGQUEUE, Limit(819200, 819200)),
    (Rlimit.NICE, Limit(0, 0)),
    (Rlimit.RTPRIO, Limit(0, 0)),
)
"""What a Linux of 24 GiB gives its first process; resources not listed are unlimited."""

DEFAULT_PROC_ENTRIES = (
    "acpi", "bus", "driver", "fs", "irq", "kcore", "keys", "kmsg", "pressure", "scsi", "sysrq-trigger", "timer_list", "tty",
)  # fmt: skip
"""What the kernel of a usual distribution has."""

OPTIONAL_PROC_ENTRIES = frozenset((*DEFAULT_PROC_ENTRIES, "asound", "latency_stats", "sched_debug", "timer_stats"))
"""Those that a kernel may have or not."""

DEFAULT_CGROUP_V1 = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "perf_event")
"""The controllers that the flow uses."""


CGROUP_V2 = ("cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc")
"""The controllers that the unified hierarchy can have, in the order of the kernel (include/linux/cgroup_subsys.h)."""

UNIFIED_NAMES = {"blkio": "io"}
"""What they are called there, where /proc/cgroups has another name."""

PLACES = ("/", "/proc", "/sys", "/sys/fs/cgroup", "/dev", "/dev/pts", "/dev/shm")
"""Where the simulated host has something mounted, and the flow may look at how."""

PARAMETERS = (
    "fs/mount-max", "fs/nr_open", "fs/protected_hardlinks", "fs/protected_symlinks", "fs/suid_dumpable", "kernel/pid_max",
    "kernel/threads-max", "user/max_cgroup_namespaces", "user/max_ipc_namespaces", "user/max_mnt_namespaces",
    "user/max_net_namespaces", "user/max_pid_namespaces", "user/max_time_namespaces", "user/max_user_namespaces",
    "user/max_uts_namespaces",
)  # fmt: skip
"""The numbers in /proc/sys that differ from host to host and that a call may depend on."""

PROPAGATION = ("private", "shared", "slave", "unbindable")


@dataclass(frozen=True, slots=True)
class HostMount:
    """What is mounted on one of PLACES: flags as mountinfo shows them, and how it propagates."""

    point: str
    fstype: str
    flags: tuple[str, ...] = ("rw", "relatime")
    propagation: str = "private"


@dataclass(frozen=True, slots=True)
class HostProfile:
    """Where the simulated kernel starts.

    `bounding` is what root of the host has; `security_modules` are those that are on and keep
    labels: one at most. `label` is that of the host's processes, "" what the module gives them by itself; `apparmor_profiles`
    are loaded, `apparmor_changes` says from which to which a rule of theirs lets a process change; `selinux_policy` is what
    SELinux goes by. `proc_entries` the names in /proc that
    depend on how the kernel was built; `cgroup_v1` the controllers in hierarchies of their own, as /proc/PID/cgroup calls them,
    mounted below /sys/fs/cgroup; `cgroup_v2` those in the unified hierarchy, which is mounted in /sys/fs/cgroup/unified beside
    others, else on /sys/fs/cgroup itself, or None where it is not mounted; `processors` how many there are; `shared_mounts`
    whether every mount is shared, as systemd makes them, or private, as the kernel does. `effective` is what whoever starts the
    runtime may do, where that is not all of `bounding`; `parameters` the numbers in /proc/sys that are not what they are by
    default, of those in PARAMETERS; `mounts` how it is mounted where it is otherwise, of PLACES: what is mounted there is the
    simulated host's own.
    """

    release: str = "6.18.0"
    hostname: str = "host"
    domainname: str = "(none)"
    bounding: CapSet = FULL
    limits: tuple[tuple[int, Limit], ...] = field(default=DEFAULT_LIMITS)
    security_modules: tuple[str, ...] = ()
    label: str = ""
    apparmor_profiles: tuple[str, ...] = ("docker-default",)
    apparmor_changes: tuple[tuple[str, str], ...] = ()
    selinux_policy: SelinuxPolicy = TARGETED
    proc_entries: tuple[str, ...] = DEFAULT_PROC_ENTRIES
    cgroup_v1: tuple[str, ...] = DEFAULT_CGROUP_V1
    cgroup_v2: tuple[str, ...] | None = None
    processors: int = 2
    shared_mounts: bool = False
    version: str = "#1 SMP PREEMPT_DYNAMIC"
    effective: CapSet | None = None
    parameters: tuple[tuple[str, int], ...] = ()
    mounts: tuple[HostMount, ...] = ()

    def __post_init__(self) -> None:
        if self.security_modules and self.security_modules not in (("apparmor",), ("selinux",)):
            raise ValueError(f"security_modules: one of apparmor and selinux, or none, and not {self.security_modules!r}")

    @property
    def security_module(self) -> str:
        """The module that keeps labels; "" where there is none."""
        return self.security_modules[0] if self.security_modules else ""


DEFAULT_HOST = HostProfile()

LIMIT_NAMES = (
    (Rlimit.CPU, "Max cpu time"),
    (Rlimit.FSIZE, "Max file size"),
    (Rlimit.DATA, "Max data size"),
    (Rlimit.STACK, "Max stack size"),
    (Rlimit.CORE, "Max core file size"),
    (Rlimit.RSS, "Max resident set"),
    (Rlimit.NPROC, "Max processes"),
    (Rlimit.NOFILE, "Max open files"),
    (Rlimit.MEMLOCK, "Max locked memory"),
    (Rlimit.AS, "Max address space"),
    (Rlimit.LOCKS, "Max file locks"),
    (Rlimit.SIGPENDING, "Max pending signals"),
    (Rlimit.MSGQUEUE, "Max msgqueue size"),
    (Rlimit.NICE, "Max nice priority"),
    (Rlimit.RTPRIO, "Max realtime priority"),
    (Rlimit.RTTIME, "Max realtime timeout"),
)
"""What /proc/PID/limits calls each resource, in its order (fs/proc/base.c lnames)."""


def capture(proc: Path = Path("/proc")) -> HostProfile:
    """The profile of the host whose `proc` this is, as the calling process has it: its capabilities, its limits.

    Raises `OSError` where a file cannot be read.
    """
    return HostProfile(
        release=_line(proc / "sys/kernel/osrelease"),
        version=_line(proc / "sys/kernel/version"),
        hostname=_line(proc / "sys/kernel/hostname"),
        domainname=_line(proc / "sys/kernel/domainname"),
        bounding=CapSet.from_mask(int(_fields(proc / "self/status")["CapBnd"], 16)) & FULL,
        limits=_limits(proc / "self/limits"),
        security_modules=security_modules(proc),
        proc_entries=tuple(sorted(name for name in OPTIONAL_PROC_ENTRIES if (proc / name).exists())),
        cgroup_v1=_controllers(proc / "self/cgroup"),
        cgroup_v2=_unified(proc),
        shared_mounts=_shares_root(proc / "self/mountinfo"),
        processors=max(1, (proc / "cpuinfo").read_text().count("processor\t:")),
        effective=_effective(_fields(proc / "self/status")),
        parameters=tuple((name, int(_line(proc / "sys" / name))) for name in PARAMETERS if (proc / "sys" / name).exists()),
        mounts=_mounts(proc / "self/mountinfo"),
    )


def security_modules(proc: Path = Path("/proc")) -> tuple[str, ...]:
    """Those of a real host that keep a label of each process: with none, reading it fails."""
    try:
        label = (proc / "self/attr/current").read_text()
    except OSError:
        return ()
    return ("selinux",) if label.count(":") >= 3 else ("apparmor",)


def _effective(status: dict[str, str]) -> CapSet | None:
    """What root is left with where it captures the host; whoever else does, has the runtime started by root."""
    if status["Uid"].split()[1] != "0":
        return None
    held = CapSet.from_mask(int(status["CapEff"], 16)) & FULL
    return None if status["CapEff"] == status["CapBnd"] else held


def _mounts(path: Path) -> tuple[HostMount, ...]:
    """What is mounted on PLACES: of several mounts on one place the topmost."""
    found: dict[str, HostMount] = {}
    for line in path.read_text().splitlines():
        fields = line.split(" ")
        dash = fields.index("-", 6)
        tags = [tag.partition(":")[0] for tag in fields[6:dash]]
        kind = next((kind for tag, kind in _TAGS if tag in tags), "private")
        if fields[4] in PLACES:
            found[fields[4]] = HostMount(fields[4], fields[dash + 1], tuple(fields[5].split(",")), kind)
    return tuple(found[place] for place in PLACES if place in found)


_TAGS = (("shared", "shared"), ("master", "slave"), ("unbindable", "unbindable"))


def _line(path: Path) -> str:
    return path.read_text().rstrip("\n")


def _fields(path: Path) -> dict[str, str]:
    return {name: value.strip() for name, _, value in (line.partition(":") for line in path.read_text().splitlines())}


def _limits(path: Path) -> tuple[tuple[int, Limit], ...]:
    lines = path.read_text().splitlines()
    found: list[tuple[int, Limit]] = []
    for resource, name in LIMIT_NAMES:
        values = next((line[len(name) :].split() for line in lines if line.startswith(name)), None)
        if values is not None:
            soft, hard = (RLIM_INFINITY if value == "unlimited" else int(value) for value in values[:2])
            if (soft, hard) != (RLIM_INFINITY, RLIM_INFINITY):
                found.append((resource, Limit(soft, hard)))
    return tuple(found)


def _shares_root(path: Path) -> bool:
    """Whether the mount at / is shared (proc(5), /proc/PID/mountinfo)."""
    lines = [line.split(" ") for line in path.read_text().splitlines()]
    return any(fields[4] == "/" and any(tag.startswith("shared:") for tag in fields[6:]) for fields in lines)


def _unified(proc: Path) -> tuple[str, ...] | None:
    """Those of the unified hierarchy, which are in none of version 1; None where it is not mounted."""
    mounts = [line.partition(" - ")[2].split(" ") for line in (proc / "self/mountinfo").read_text().splitlines()]
    if not any(fields[0] == "cgroup2" for fields in mounts):
        return None
    lines = [line.split() for line in (proc / "cgroups").read_text().splitlines() if not line.startswith("#")]
    free = {UNIFIED_NAMES.get(name, name) for name, hierarchy, _, enabled in lines if hierarchy == "0" and enabled == "1"}
    return tuple(name for name in CGROUP_V2 if name in free)


def _controllers(path: Path) -> tuple[str, ...]:
    """Those of the flow that have a hierarchy of version 1."""
    lines = [line.split(":", 2) for line in path.read_text().splitlines()]
    found = {controller for _, controllers, _ in lines for controller in controllers.split(",")}
    return tuple(controller for controller in DEFAULT_CGROUP_V1 if controller in found)
