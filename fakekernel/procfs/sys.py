"""/proc/sys: the parameters of the kernel (proc(5), fs/proc/proc_sysctl.c, kernel/sysctl.c).

Their modes are the last word: no capability overrides them, and the owner is uid 0 of the host, but for the parameters of a
network or IPC namespace, which belong to those who rule there. A number is read and written in one go, at offset 0.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from fakekernel import ucounts
from fakekernel.behaviour import BEHAVIOURS
from fakekernel.credentials import Credentials, has_capability
from fakekernel.description import Description
from fakekernel.filesystem import Inode
from fakekernel.namespaces import IpcNamespace, NetNamespace
from fakekernel.procfs.entry import DIRECTORY, Entry, MadeFile, TableDirectory
from fakekernel.store import Record, Table
from fakekernel.userns import UserNamespace
from kernelapi.capability import LAST_CAP, Cap
from kernelapi.errors import NotModelled
from kernelapi.flags import FileType
from kernelapi.ids import OVERFLOW_ID
from kernelapi.protocol.descriptors import WRITE_NOT_WRITABLE
from kernelapi.protocol.names import NAME_LENGTH, name_bytes, name_text
from kernelapi.protocol.proc import SYSCTL_ACCESS, SYSCTL_SYNTAX

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls

INT_MAX = 2**31 - 1
SPACES = b" \t\n\v\f\r"


class SysctlAccess:
    """Who may do what to a parameter or a directory of them (sysctl_perm)."""

    def permission(self, kernel: "Syscalls", inode: Inode, mask: int, cred: Credentials) -> bool | None:
        mode = self.granted(kernel, inode.mode, cred)
        if mask & ~mode:
            kernel.refuse(SYSCTL_ACCESS)
        return True

    def granted(self, kernel: "Syscalls", mode: int, cred: Credentials) -> int:
        """The three bits of `mode` that count for `cred`."""
        if cred.euid == 0:
            return mode >> 6
        return mode >> 3 if cred.egid == 0 or 0 in cred.groups else mode


class ParameterDirectory(SysctlAccess, TableDirectory):
    """A directory of parameters."""


class Parameter(SysctlAccess, MadeFile):
    """One parameter, that can only be read."""

    mode = 0o444

    @abstractmethod
    def value(self, kernel: "Syscalls", description: Description) -> str:
        """What it is now."""

    def store(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        """Set it; returns how many bytes have been used."""
        kernel.refuse(WRITE_NOT_WRITABLE)
        return len(data)

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        return (self.value(kernel, description) + "\n").encode(errors="surrogateescape")

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        if not data:
            return 0
        used = self.store(kernel, description, data)
        description.offset += used
        return used


class Fixed(Parameter):
    """A constant of this kernel; or one of the model, where Linux lets it be changed (`mode` 644)."""

    def __init__(self, text: str, mode: int = 0o444) -> None:
        self.text = text
        self.mode = mode

    def value(self, kernel: "Syscalls", description: Description) -> str:
        return self.text

    def store(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        if self.mode == 0o444:
            return super().store(kernel, description, data)
        raise NotModelled(f"changing /{description.inode.behaviour.replace('.', '/', 1)}")


class OfTheHost(Fixed):
    """A number that the host has been given."""

    def value(self, kernel: "Syscalls", description: Description) -> str:
        path = _path(description).partition("/")[2]
        return str(dict(kernel.machine.host.parameters).get(path, self.text))


class Release(Parameter):
    """kernel/osrelease."""

    def value(self, kernel: "Syscalls", description: Description) -> str:
        return kernel.machine.host.release


class Version(Parameter):
    """kernel/version."""

    def value(self, kernel: "Syscalls", description: Description) -> str:
        return kernel.machine.host.version


class HostName(Parameter):
    """kernel/hostname: of the uts namespace of whoever reads or writes (proc_do_uts_string)."""

    mode = 0o644

    def value(self, kernel: "Syscalls", description: Description) -> str:
        return kernel.task.namespaces.uts.nodename

    def store(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        uts = kernel.task.namespaces.uts
        uts.nodename = _renamed(uts.nodename, description.offset, data)
        return len(data)


class DomainName(Parameter):
    """kernel/domainname."""

    mode = 0o644

    def value(self, kernel: "Syscalls", description: Description) -> str:
        return kernel.task.namespaces.uts.domainname

    def store(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        uts = kernel.task.namespaces.uts
        uts.domainname = _renamed(uts.domainname, description.offset, data)
        return len(data)


def _renamed(old: str, offset: int, data: bytes) -> str:
    """`old` with the first line of `data` in place of all from `offset`, cut to what the field can hold (_proc_do_string).

    What is written behind the end is passed over.
    """
    before = name_bytes(old)
    if offset > len(before):
        return old
    return name_text((before[:offset] + data.partition(b"\n")[0].partition(b"\0")[0])[:NAME_LENGTH])


class LastPid(Parameter):
    """kernel/ns_last_pid: the number given last in the caller's pid namespace."""

    mode = 0o666

    def value(self, kernel: "Syscalls", description: Description) -> str:
        return str(kernel.task.pid_namespace.last_pid)

    def store(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        raise NotModelled("writing /proc/sys/kernel/ns_last_pid")


class Number(Parameter):
    """A number between `low` and `high`, kept where `owner` says."""

    mode = 0o644

    def __init__(self, default: int, low: int = -INT_MAX - 1, high: int = INT_MAX) -> None:
        self.default = default
        self.low = low
        self.high = high

    def owner(self, kernel: "Syscalls", description: Description) -> "Table[str, int]":
        """The table of the parameters that are not what they were at first, by path."""
        return kernel.machine.system.sysctls

    def value(self, kernel: "Syscalls", description: Description) -> str:
        changed = self.owner(kernel, description).get(_path(description))
        return str(self.default if changed is None else changed)

    def store(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        if description.offset:  # what is not written at the start is passed over (sysctl_writes_strict)
            return len(data)
        parsed = parse(data)
        if parsed is None or not self.low <= parsed.value <= self.high:
            kernel.refuse(SYSCTL_SYNTAX)
            return len(data)
        # -- effects only below --
        self.put(kernel, description, parsed.value)
        return parsed.used

    def put(self, kernel: "Syscalls", description: Description, value: int) -> None:
        self.owner(kernel, description)[_path(description)] = value


def _path(description: Description) -> str:
    return description.inode.behaviour


class SystemNumber(Number):
    """A number that is a field of the system, because something depends on it."""

    def __init__(self, field: str, low: int, high: int) -> None:
        super().__init__(0, low, high)
        self.field = field

    def value(self, kernel: "Syscalls", description: Description) -> str:
        return str(getattr(kernel.machine.system, self.field))

    def put(self, kernel: "Syscalls", description: Description, value: int) -> None:
        setattr(kernel.machine.system, self.field, value)


class NetNumber(Number):
    """A number of the network namespace in which the file was opened (net_ctl_permissions)."""

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        return kernel.task.namespaces.net

    def owner(self, kernel: "Syscalls", description: Description) -> "Table[str, int]":
        return cast(NetNamespace, description.subject).sysctls

    def granted(self, kernel: "Syscalls", mode: int, cred: Credentials) -> int:
        if has_capability(cred, Cap.NET_ADMIN, kernel.task.namespaces.net.owner):
            return mode >> 6
        return super().granted(kernel, mode, cred)


class IpcNumber(Number):
    """A number of the IPC namespace in which the file was opened; root of its user namespace owns it (ipc_permissions)."""

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        return kernel.task.namespaces.ipc

    def owner(self, kernel: "Syscalls", description: Description) -> "Table[str, int]":
        return cast(IpcNamespace, description.subject).sysctls

    def granted(self, kernel: "Syscalls", mode: int, cred: Credentials) -> int:
        userns = kernel.task.namespaces.ipc.owner
        root, group = userns.kuid(0), userns.kgid(0)
        if cred.euid == (0 if root is None else root):
            return mode >> 6
        gid = 0 if group is None else group
        return mode >> 3 if cred.egid == gid or gid in cred.groups else mode


class UserNumber(Number):
    """A number of the user namespace in which the file was opened: with CAP_SYS_RESOURCE over it, it can be written
    (set_permissions)."""

    def __init__(self, name: str) -> None:
        super().__init__(0, 0)
        self.name = name

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        return kernel.task.cred.userns

    def value(self, kernel: "Syscalls", description: Description) -> str:
        return str(ucounts.allowed(cast(UserNamespace, description.subject), self.name))

    def put(self, kernel: "Syscalls", description: Description, value: int) -> None:
        cast(UserNamespace, description.subject).limits[self.name] = value

    def granted(self, kernel: "Syscalls", mode: int, cred: Credentials) -> int:
        return mode >> 6 if has_capability(cred, Cap.SYS_RESOURCE, cred.userns) else mode


class Parsed(NamedTuple):
    """A number, and how many bytes it took with the spaces around it."""

    value: int
    used: int


def parse(data: bytes) -> Parsed | None:
    """The number that `data` begins with, in the base that its prefix says; None where there is none (proc_get_long)."""
    start = len(data) - len(data.lstrip(SPACES))
    word = data[start:].split(maxsplit=1)[:1]
    if not word:
        return None
    text = word[0].partition(b"\0")[0]
    digits = text[1:] if text[:1] == b"-" else text
    base = 16 if digits[:2].lower() == b"0x" else 8 if digits[:1] == b"0" and len(digits) > 1 else 10
    digits = digits[2:] if base == 16 else digits
    if not digits.isalnum():
        return None
    try:
        value = int(digits, base)
    except ValueError:
        return None
    rest = data[start + len(text) :]
    used = len(data) - len(rest.lstrip(SPACES))
    return Parsed(-value if text[:1] == b"-" else value, used)


PARAMETERS: dict[str, Parameter] = {
    "fs/file-max": Fixed("9223372036854775807", 0o644),
    "fs/mount-max": SystemNumber("mount_max", 1, INT_MAX),
    "fs/mqueue/msg_max": IpcNumber(10, 1, 65536),
    "fs/mqueue/msgsize_max": IpcNumber(8192, 128, 16777216),
    "fs/mqueue/queues_max": IpcNumber(256, 0),
    "fs/nr_open": SystemNumber("nr_open", 64, 2147483584),
    "fs/overflowgid": Fixed(str(OVERFLOW_ID), 0o644),
    "fs/overflowuid": Fixed(str(OVERFLOW_ID), 0o644),
    "fs/protected_hardlinks": SystemNumber("protected_hardlinks", 0, 1),
    "fs/protected_symlinks": SystemNumber("protected_symlinks", 0, 1),
    "fs/suid_dumpable": SystemNumber("suid_dumpable", 0, 2),
    "kernel/cap_last_cap": Fixed(str(int(LAST_CAP))),
    "kernel/domainname": DomainName(),
    "kernel/hostname": HostName(),
    "kernel/msgmax": IpcNumber(8192, 0),
    "kernel/msgmnb": IpcNumber(16384, 0),
    "kernel/msgmni": IpcNumber(32000, 0, 32768),
    "kernel/ngroups_max": Fixed("65536"),
    "kernel/ns_last_pid": LastPid(),
    "kernel/osrelease": Release(),
    "kernel/ostype": Fixed("Linux"),
    "kernel/overflowgid": Fixed(str(OVERFLOW_ID), 0o644),
    "kernel/overflowuid": Fixed(str(OVERFLOW_ID), 0o644),
    "kernel/pid_max": OfTheHost("4194304", 0o644),
    "kernel/randomize_va_space": Number(2),
    "kernel/shmall": IpcNumber(18446744073692774399, 0, 2**64 - 1),
    "kernel/shmmax": IpcNumber(18446744073692774399, 0, 2**64 - 1),
    "kernel/shmmni": IpcNumber(4096, 0, 32768),
    "kernel/shm_rmid_forced": IpcNumber(0, 0, 1),
    "kernel/threads-max": OfTheHost("192730", 0o644),
    "kernel/version": Version(),
    "net/core/somaxconn": NetNumber(4096, 0),
    "net/ipv4/conf/all/forwarding": NetNumber(0),
    "net/ipv4/conf/all/rp_filter": NetNumber(0),
    "net/ipv4/conf/default/forwarding": NetNumber(0),
    "net/ipv4/conf/default/rp_filter": NetNumber(0),
    "net/ipv4/ip_forward": NetNumber(0),
    "net/ipv4/ip_unprivileged_port_start": NetNumber(1024, 0, 65535),
    "net/ipv6/conf/all/disable_ipv6": NetNumber(0),
    "net/ipv6/conf/default/disable_ipv6": NetNumber(0),
    **{f"user/{name}": UserNumber(name) for name in ucounts.LIMITS.values()},
    "vm/overcommit_memory": Number(0, 0, 2),
    "vm/swappiness": Number(60, 0, 200),
}
"""By path."""

EMPTY_DIRECTORIES = ("abi", "debug", "dev")


def _enter(prefix: str, names: Sequence[str]) -> dict[str, Entry]:
    """Enter the behaviour of the directory `prefix` and of all below it; its children."""
    children: dict[str, Entry] = {}
    for name in sorted({name.split("/", 1)[0] for name in names}):
        below = [rest for head, slash, rest in (other.partition("/") for other in names) if head == name and slash]
        path = f"{prefix}/{name}"
        behaviour = f"proc.sys{path}"
        parameter = PARAMETERS.get(path[1:])
        if parameter is None:
            BEHAVIOURS[behaviour] = ParameterDirectory(_enter(path, below))
            children[name] = Entry(name, DIRECTORY, behaviour)
        else:
            BEHAVIOURS[behaviour] = parameter
            children[name] = Entry(name, FileType.REG | parameter.mode, behaviour)
    return children


BEHAVIOURS["proc.sys"] = ParameterDirectory(_enter("", [*PARAMETERS, *EMPTY_DIRECTORIES]))
