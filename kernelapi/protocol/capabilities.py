"""Capability sets (capabilities(7), kernel/capability.c, security/commoncap.c)."""

from errno import EINVAL, EPERM, ESRCH
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.ids import Pid
from kernelapi.protocol.credentials import CREDENTIALS_NO_MEMORY
from kernelapi.rules import ARGUMENTS, STATE, Effect, Refusal
from kernelapi.values import CapData

CAPGET_NEGATIVE = Refusal(
    "capget.einval.pid", call="capget", errno=EINVAL, depends=ARGUMENTS,
    cause="the pid is negative", source="capget(2); kernel/capability.c",
)  # fmt: skip
CAPGET_NO_PROCESS = Refusal(
    "capget.esrch", call="capget", errno=ESRCH, depends=STATE,
    cause="the caller's pid namespace has no such process", source="capget(2); kernel/capability.c cap_get_target_pid",
)  # fmt: skip
CAPSET_OTHER = Refusal(
    "capset.eperm.pid", call="capset", errno=EPERM, depends=ARGUMENTS,
    cause="the pid is neither 0 nor the caller's own", source="capset(2); kernel/capability.c",
)  # fmt: skip
CAPSET_INHERITABLE_NOT_PERMITTED = Refusal(
    "capset.eperm.inheritable-permitted", call="capset", errno=EPERM, depends=STATE,
    cause="without CAP_SETPCAP a capability would enter the inheritable set that is not permitted",
    source="capset(2); security/commoncap.c cap_capset",
)  # fmt: skip
CAPSET_INHERITABLE_NOT_BOUNDED = Refusal(
    "capset.eperm.inheritable-bounding", call="capset", errno=EPERM, depends=STATE,
    cause="a capability would enter the inheritable set that is not in the bounding set; CAP_SETPCAP does not help",
    source="capset(2); security/commoncap.c cap_capset",
)  # fmt: skip
CAPSET_PERMITTED_GROWS = Refusal(
    "capset.eperm.permitted", call="capset", errno=EPERM, depends=STATE,
    cause="a capability would enter the permitted set", source="capset(2); security/commoncap.c cap_capset",
)  # fmt: skip
CAPSET_EFFECTIVE_NOT_PERMITTED = Refusal(
    "capset.eperm.effective", call="capset", errno=EPERM, depends=ARGUMENTS,
    cause="the new effective set is not within the new permitted set", source="capset(2); security/commoncap.c cap_capset",
)  # fmt: skip
CAPSET_LOWERS_AMBIENT = Effect(
    "capset.ambient", call="capset",
    cause="what is no longer both permitted and inheritable leaves the ambient set",
    source="capabilities(7); security/commoncap.c cap_capset",
)  # fmt: skip
CAPSET_MASKS = Effect(
    "capset.mask", call="capset",
    cause="numbers beyond the last capability that the kernel knows are left out without an error",
    source="kernel/capability.c mk_kernel_cap",
)  # fmt: skip


class Capabilities(Protocol):
    """Reading and shrinking the capability sets of a process."""

    @syscall(CAPGET_NEGATIVE, CAPGET_NO_PROCESS)
    def capget(self, pid: Pid) -> CapData:
        """The effective, permitted and inheritable sets of process `pid`; 0 is the caller."""

    @syscall(
        CAPSET_OTHER, CREDENTIALS_NO_MEMORY, CAPSET_INHERITABLE_NOT_PERMITTED, CAPSET_INHERITABLE_NOT_BOUNDED,
        CAPSET_PERMITTED_GROWS, CAPSET_EFFECTIVE_NOT_PERMITTED, CAPSET_LOWERS_AMBIENT, CAPSET_MASKS,
    )  # fmt: skip
    def capset(self, pid: Pid, data: CapData) -> None:
        """Replace the caller's effective, permitted and inheritable sets; `pid` is 0 or the caller's own."""
