"""What kind of host the machine is: kernel release, capabilities, limits, security modules."""

from dataclasses import dataclass, field

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

DEFAULT_CGROUP_V1 = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "perf_event")
"""The controllers that the flow uses."""


@dataclass(frozen=True, slots=True)
class HostProfile:
    """Where the simulated kernel starts.

    `bounding` is what root of the host has; `security_modules` are those that are on; `proc_entries` the names in /proc that
    depend on how the kernel was built; `cgroup_v1` the controllers in hierarchies of their own, as /proc/PID/cgroup calls them,
    mounted below /sys/fs/cgroup; `processors` how many there are.
    """

    release: str = "6.18.0"
    hostname: str = "host"
    domainname: str = "(none)"
    bounding: CapSet = FULL
    limits: tuple[tuple[int, Limit], ...] = field(default=DEFAULT_LIMITS)
    security_modules: tuple[str, ...] = ()
    proc_entries: tuple[str, ...] = DEFAULT_PROC_ENTRIES
    cgroup_v1: tuple[str, ...] = DEFAULT_CGROUP_V1
    processors: int = 2
    version: str = "#1 SMP PREEMPT_DYNAMIC"


DEFAULT_HOST = HostProfile()
