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


@dataclass(frozen=True, slots=True)
class HostProfile:
    """Where the simulated kernel starts. `bounding` is what root of the host has; `security_modules` are those that are on."""

    release: str = "6.18.0"
    hostname: str = "host"
    domainname: str = "(none)"
    bounding: CapSet = FULL
    limits: tuple[tuple[int, Limit], ...] = field(default=DEFAULT_LIMITS)
    security_modules: tuple[str, ...] = ()


DEFAULT_HOST = HostProfile()
