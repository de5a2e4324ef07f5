"""What one process may ask of Linux: the protocol, its types and its rules.

Beside what is listed here stand `kernelapi.linux` (the real kernel), `kernelapi.testing` (the laws that every implementation
keeps), `kernelapi.recorder`, `kernelapi.faults` and `kernelapi.notation` (what is put around a kernel, and how its calls read),
and `kernelapi.protocol`, where each call is declared and its rows with it.
"""

from kernelapi.call import Call, Dispatch
from kernelapi.capability import Cap, CapSet
from kernelapi.errors import ModelError, NotModelled, ProcessGone, Refused
from kernelapi.event import NO_RETURN, Event
from kernelapi.flags import (
    AT_FDCWD,
    RLIM_INFINITY,
    TIMER_ABSTIME,
    AccessMode,
    AddressFamily,
    AtFlag,
    Clock,
    CloneFlag,
    CloseRangeFlag,
    Disposition,
    FdFlag,
    FileType,
    MessageFlag,
    MountFlag,
    OpenFlag,
    RandomFlag,
    RenameFlag,
    Rlimit,
    Securebit,
    Seek,
    Shutdown,
    Signal,
    SigprocmaskHow,
    SocketType,
    UmountFlag,
    WaitFlag,
    XattrFlag,
)
from kernelapi.ids import OVERFLOW_ID, UNCHANGED, Fd, Gid, Pid, Uid
from kernelapi.kernel import CALLS, Calls, Kernel, bind
from kernelapi.protocol.families import FAMILIES
from kernelapi.rules import Depends, Effect, Refusal, Rule, rule, rules
from kernelapi.values import (
    CapData,
    DirEntry,
    Limit,
    Message,
    NetlinkAddress,
    NetlinkFlag,
    NetlinkMessage,
    NetlinkType,
    Stat,
    Utsname,
    Winsize,
    major,
    makedev,
    minor,
)

__all__ = [
    # a kernel, and its calls
    "Kernel", "bind", "Dispatch", "CALLS", "Call", "Calls", "Event", "NO_RETURN",
    # how calls fail
    "Refused", "ModelError", "NotModelled", "ProcessGone",
    # the rules
    "Rule", "Refusal", "Effect", "Depends", "rule", "rules", "FAMILIES",
    # numbers that name things
    "Uid", "Gid", "Pid", "Fd", "UNCHANGED", "OVERFLOW_ID", "AT_FDCWD",
    # flags and small numbers
    "AccessMode", "AddressFamily", "AtFlag", "Cap", "CapSet", "Clock", "CloneFlag", "CloseRangeFlag", "Disposition", "FdFlag",
    "FileType", "MessageFlag", "MountFlag", "NetlinkFlag", "NetlinkType", "OpenFlag", "RandomFlag", "RenameFlag", "Rlimit",
    "RLIM_INFINITY", "Securebit", "Seek", "Shutdown", "Signal", "SigprocmaskHow", "SocketType", "TIMER_ABSTIME", "UmountFlag",
    "WaitFlag", "XattrFlag",
    # frozen values
    "CapData", "DirEntry", "Limit", "Message", "NetlinkAddress", "NetlinkMessage", "Stat", "Utsname", "Winsize",
    "makedev", "major", "minor",
]  # fmt: skip
