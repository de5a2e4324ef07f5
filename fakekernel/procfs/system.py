"""What proc holds once for the whole system, beside processes and parameters (proc(5); fs/proc)."""

from typing import TYPE_CHECKING

from fakekernel.behaviour import BEHAVIOURS
from fakekernel.description import Description
from fakekernel.procfs.entry import DIRECTORY, FILE, LINK, Entry, FixedFile, MadeFile, table
from kernelapi.errors import NotModelled
from kernelapi.flags import FileType

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls

SECRET = FileType.REG | 0o400

OF_SYSTEM = table(
    Entry("fs", DIRECTORY, "proc.empty"),
    Entry("bus", DIRECTORY, "proc.empty"),
    Entry("irq", DIRECTORY, "proc.empty"),
    Entry("net", LINK, "proc.link", "self/net"),
    Entry("sys", DIRECTORY, "proc.sys"),
    Entry("tty", DIRECTORY, "proc.empty"),
    Entry("acpi", DIRECTORY, "proc.empty"),
    Entry("keys", FILE, "proc.unread"),
    Entry("kmsg", SECRET, "proc.unread"),
    Entry("scsi", DIRECTORY, "proc.empty"),
    Entry("asound", DIRECTORY, "proc.empty"),
    Entry("kcore", SECRET, "proc.unread"),
    Entry("driver", DIRECTORY, "proc.empty"),
    Entry("mounts", LINK, "proc.link", "self/mounts"),
    Entry("uptime", FILE, "proc.uptime"),
    Entry("cpuinfo", FILE, "proc.cpuinfo"),
    Entry("loadavg", FILE, "proc.loadavg"),
    Entry("meminfo", FILE, "proc.meminfo"),
    Entry("version", FILE, "proc.version"),
    Entry("pressure", DIRECTORY, "proc.empty"),
    Entry("timer_list", SECRET, "proc.unread"),
    Entry("filesystems", FILE, "proc.filesystems"),
    Entry("sched_debug", FILE, "proc.unread"),
    Entry("timer_stats", FILE, "proc.unread"),
    Entry("latency_stats", FILE, "proc.unread"),
    Entry("sysrq-trigger", FileType.REG | 0o200, "proc.unread"),
)
"""In the order of Linux: shorter names first."""


class Unread(MadeFile):
    """A file that is there, to be masked; what is in it the model does not know."""

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        raise NotModelled(f"what is in {_path(description)}")

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        raise NotModelled(f"writing {_path(description)}")


def _path(description: Description) -> str:
    return f"/proc/{description.path.dentry.name}"


class Uptime(MadeFile):
    """Seconds since boot, and seconds of idleness."""

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        offset = kernel.task.namespaces.time.boottime
        centiseconds = (kernel.machine.system.clock + offset) // 10_000_000
        seconds = f"{centiseconds // 100}.{centiseconds % 100:02}"
        return f"{seconds} {seconds}\n".encode()


class Version(MadeFile):
    """What uname says, in a sentence."""

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        host = kernel.machine.host
        return f"Linux version {host.release} {host.version}\n".encode()


class FileSystems(MadeFile):
    """The types that can be mounted; "nodev" before those that need no device."""

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        from fakekernel.fstypes import registered

        return "".join(f"nodev\t{fstype.name}\n" for fstype in registered(kernel.machine.host)).encode()


BEHAVIOURS["proc.unread"] = Unread()
BEHAVIOURS["proc.uptime"] = Uptime()
BEHAVIOURS["proc.version"] = Version()
BEHAVIOURS["proc.filesystems"] = FileSystems()
BEHAVIOURS["proc.loadavg"] = FixedFile("0.00 0.00 0.00 1/1 1\n")
BEHAVIOURS["proc.cpuinfo"] = FixedFile("processor\t: 0\nvendor_id\t: simulated\n\n")
BEHAVIOURS["proc.meminfo"] = FixedFile("MemTotal:       25165824 kB\nMemFree:        25165824 kB\n")
