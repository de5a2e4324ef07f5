"""What the simulated kernel does not model, it says: files, programs, control groups, addresses, security modules.

Each row: what it is, the host, the calls that lead there, the sentence.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from fakekernel.machine import Machine
from fakekernel.profile import DEFAULT_HOST, HostProfile
from fakekernel.programs import executable
from kernelapi.errors import NotModelled
from kernelapi.flags import AT_FDCWD, AddressFamily, FileType, MountFlag, SocketType
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.testing import stage
from kernelapi.testing.cases.cgroups import read, write
from kernelapi.testing.network import INET, NEW, address, request
from kernelapi.values import InterfaceAddress, NetlinkFlag, NetlinkType, makedev
from tests.test_security_modules import APPARMOR, CONTAINERS, SELINUX

BASE = "/sys/fs/cgroup"
UNIFIED = HostProfile(cgroup_v1=(), cgroup_v2=())
NEWADDR, DELADDR = NetlinkType.RTM_NEWADDR, NetlinkType.RTM_DELADDR
EXECVE_CHECK = 0x10000
REPLACE = 0x100

# -- the calls --


def device_socket(kernel: Kernel) -> Fd:
    return kernel.socket(AddressFamily.INET, SocketType.DGRAM, 0)


def netlink_socket(kernel: Kernel) -> Fd:
    return kernel.socket(AddressFamily.NETLINK, SocketType.RAW, 0)


def follow_an_interface(kernel: Kernel) -> None:
    assert kernel.readlink("/sys/class/net/lo") == "../../devices/virtual/net/lo"
    kernel.stat("/sys/class/net/lo")


def mount_a_disk(kernel: Kernel) -> None:
    kernel.mknod("/tmp/disk", FileType.BLK | 0o600, makedev(8, 0))
    kernel.mount("/tmp/disk", "/mnt", "ext4", 0, "")


def mount_on_a_file_and_remove(kernel: Kernel) -> None:
    kernel.mkdir(f"{BASE}/devices/a", 0o755)
    kernel.mount("/etc/passwd", f"{BASE}/devices/a/tasks", "", MountFlag.BIND, "")
    kernel.rmdir(f"{BASE}/devices/a")


def make_threads(kernel: Kernel) -> None:
    kernel.mkdir(f"{BASE}/a", 0o755)
    write(kernel, f"{BASE}/a/cgroup.type", "threaded")


def run_what_is_not_installed(kernel: Kernel) -> None:
    stage.write_file(kernel, "/tmp/program", executable("nonsense"), 0o755)
    kernel.execve("/tmp/program", ("program",), ())


def run_machine_code(kernel: Kernel) -> None:
    stage.write_file(kernel, "/tmp/program", b"\x7fELF\x02\x01\x01", 0o755)
    kernel.execve("/tmp/program", ("program",), ())


def ask_and_enter_another(kernel: Kernel) -> None:
    write(kernel, "/proc/self/attr/exec", "exec docker-default")
    write(kernel, "/proc/self/attr/current", "changeprofile strict")
    kernel.execve("/bin/true", ("true",), ())


# -- what is said --

Calls = Callable[[Kernel], object]

ROWS: dict[str, tuple[HostProfile, Calls, str]] = {
    # -- files --
    "reading a socket about links": (DEFAULT_HOST, lambda kernel: kernel.read(device_socket(kernel), 1), "reading device"),
    "writing a socket about links": (DEFAULT_HOST, lambda kernel: kernel.write(device_socket(kernel), b"x"), "writing device"),
    "reading netlink": (DEFAULT_HOST, lambda kernel: kernel.read(netlink_socket(kernel), 1), "reading netlink"),
    "an interface in sysfs": (DEFAULT_HOST, follow_an_interface, "what is in /devices/virtual/net/lo of sysfs"),
    # -- mounts --
    "an option of tmpfs": (
        DEFAULT_HOST, lambda kernel: kernel.mount("", "/mnt", "tmpfs", 0, "huge=always"), "the option 'huge' of tmpfs",
    ),
    "a size in percent": (
        DEFAULT_HOST,
        lambda kernel: kernel.mount("", "/mnt", "tmpfs", 0, "size=50%"),
        "a size of tmpfs relative to the memory of the machine",
    ),
    "a disk": (DEFAULT_HOST, mount_a_disk, "a file system on the block device '/tmp/disk'"),
    # -- control groups --
    "a hierarchy of two controllers": (
        DEFAULT_HOST, lambda kernel: kernel.mount("", "/mnt", "cgroup", 0, "cpu,memory"),
        "a hierarchy of the controllers cpu, memory",
    ),
    "a hierarchy of what is left": (
        DEFAULT_HOST, lambda kernel: kernel.mount("", "/mnt", "cgroup", 0, ""), "a hierarchy of the controllers that are free",
    ),
    "a mount on a file of a control group": (
        DEFAULT_HOST, mount_on_a_file_and_remove, "removing a control group on whose files something is mounted",
    ),
    "what a controller counts": (
        DEFAULT_HOST, lambda kernel: read(kernel, f"{BASE}/memory/memory.stat"), "what is in memory.stat of a control group",
    ),
    "what a controller is told": (
        DEFAULT_HOST,
        lambda kernel: write(kernel, f"{BASE}/memory/memory.swappiness", "1"),
        "writing memory.swappiness of a control group",
    ),
    "what the unified hierarchy counts": (
        UNIFIED, lambda kernel: read(kernel, f"{BASE}/cgroup.stat"), "what is in cgroup.stat of a control group",
    ),
    "what the unified hierarchy is told": (
        UNIFIED,
        lambda kernel: write(kernel, f"{BASE}/cgroup.pressure", "0"),
        "writing cgroup.pressure of a control group",
    ),
    "options of the unified hierarchy": (
        UNIFIED, lambda kernel: kernel.mount("", "/mnt", "cgroup2", 0, "nsdelegate"), "the unified hierarchy with nsdelegate",
    ),
    "threads": (UNIFIED, make_threads, "a threaded control group"),
    # -- addresses --
    "an address with a scope": (
        DEFAULT_HOST,
        lambda kernel: request(kernel, NEWADDR, replace(address("10.0.0.1/8", 1), scope=254), NEW),
        "an address with flags, with a scope, with the other end of a link, or in place of another",
    ),
    "an address with the other end of a link": (
        DEFAULT_HOST,
        lambda kernel: request(kernel, NEWADDR, InterfaceAddress(INET, 8, 0, 0, 1, "10.0.0.2", "10.0.0.1"), NEW),
        "an address with flags, with a scope, with the other end of a link, or in place of another",
    ),
    "an address in place of another": (
        DEFAULT_HOST,
        lambda kernel: request(kernel, NEWADDR, address("10.0.0.1/8", 1), NetlinkFlag.CREATE | REPLACE),
        "an address with flags, with a scope, with the other end of a link, or in place of another",
    ),
    "taking an IPv6 address away": (
        DEFAULT_HOST, lambda kernel: request(kernel, DELADDR, address("fd00::1/64", 1)), "removing an IPv6 address",
    ),
    # -- programs --
    "asking whether a program may be run": (
        DEFAULT_HOST,
        lambda kernel: kernel.execveat(AT_FDCWD, "/bin/true", ("true",), (), EXECVE_CHECK),
        "execveat with AT_EXECVE_CHECK",
    ),
    "a program that nobody installed": (
        DEFAULT_HOST, run_what_is_not_installed, "the program 'nonsense', which program is, has not been installed",
    ),
    "machine code": (DEFAULT_HOST, run_machine_code, "the program of program, a file of machine code"),
    # -- security modules --
    "a profile that was asked for under another": (
        APPARMOR, ask_and_enter_another, "an exec with a profile that was asked for under another one",
    ),
    "an attribute of SELinux": (
        SELINUX, lambda kernel: write(kernel, "/proc/self/attr/prev", CONTAINERS), "writing attr/prev under SELinux",
    ),
    "the label of new files": (
        SELINUX,
        lambda kernel: write(kernel, "/proc/self/attr/fscreate", CONTAINERS),
        "the label of new files, keys and sockets: attr/fscreate",
    ),
    "a label that is for files": (
        SELINUX,
        lambda kernel: write(kernel, "/proc/self/attr/current", "system_u:object_r:svirt_sandbox_file_t:s0"),
        "whether the policy lets a process be system_u:object_r:svirt_sandbox_file_t:s0",
    ),
    "another label of a mount": (
        SELINUX, lambda kernel: kernel.mount("", "/mnt", "tmpfs", 0, f'rootcontext="{CONTAINERS}"'),
        "the mount option rootcontext=",
    ),
}  # fmt: skip


def what_is_said(kernel: Kernel, calls: Calls, output: Fd) -> None:
    try:
        calls(kernel)
    except NotModelled as error:
        kernel.write(output, str(error).encode())


def said(machine: Machine, calls: Calls) -> str:
    _, output = machine.spawn_captured(what_is_said, calls)
    assert not machine.run().hung
    crashes = [process.crash for process in machine.scheduler.ended if process.crash]
    machine.close()
    assert not crashes, crashes[0]
    return machine.captured(output).decode()


@pytest.mark.parametrize(("host", "calls", "sentence"), ROWS.values(), ids=ROWS)
def test_what_is_not_modelled_is_said(host: HostProfile, calls: Calls, sentence: str) -> None:
    assert said(Machine(host), calls) == sentence


def test_a_host_has_no_controller_that_is_not_modelled() -> None:
    with pytest.raises(NotModelled, match=r"^the control groups of net_cls$"):
        Machine(HostProfile(cgroup_v1=("cpu", "net_cls")))
