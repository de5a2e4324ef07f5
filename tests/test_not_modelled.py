"""What the simulated kernel does not model of each call it says: a list, with what leads there. And what no program may ask.

Two more lists are in `test_not_modelled_files` and `test_not_modelled_networks`.
"""

from collections.abc import Callable
from typing import Any

import pytest

from fakekernel.machine import Machine
from fakekernel.profile import DEFAULT_HOST, HostProfile
from kernelapi.errors import ModelError, NotModelled
from kernelapi.flags import (
    AT_FDCWD,
    AddressFamily,
    AtFlag,
    CloneFlag,
    FileType,
    MountFlag,
    OpenFlag,
    RenameFlag,
    Signal,
    SigprocmaskHow,
    SocketType,
    UmountFlag,
)
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.values import ALLOW, BpfInstruction, NetlinkAddress, NetlinkMessage

Ask = Callable[[Kernel], Any]
UNIX, NETLINK = AddressFamily.UNIX, AddressFamily.NETLINK
SELINUX = HostProfile(security_modules=("selinux",))
WITH_LISTENER = 1 << 3
O_DIRECT = 0o40000


def a_child(kernel: Kernel) -> None:
    """A program that does nothing."""


def a_new_file(kernel: Kernel, path: str) -> Fd:
    """A descriptor of it."""
    return kernel.open(path, OpenFlag.RDWR | OpenFlag.CREAT, 0o644)


def a_pair(kernel: Kernel) -> Fd:
    return kernel.socketpair(UNIX, SocketType.STREAM)[0]


def a_netlink_socket(kernel: Kernel) -> Fd:
    return kernel.socket(NETLINK, SocketType.RAW, 0)


def a_device_socket(kernel: Kernel) -> Fd:
    return kernel.socket(AddressFamily.INET, SocketType.DGRAM, 0)


def message_queues(kernel: Kernel) -> str:
    kernel.mount("none", "/mnt", "mqueue", 0, "")
    return "/mnt"


def label_message_queues(kernel: Kernel) -> None:
    kernel.mount("none", "/mnt", "mqueue", 0, 'context="system_u:object_r:svirt_sandbox_file_t:s0:c1,c2"')


def link_without_the_capability(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.setuid(1000)
    kernel.linkat(a_new_file(kernel, "f"), "", AT_FDCWD, "g", AtFlag.EMPTY_PATH)


def expire_twice(kernel: Kernel) -> None:
    kernel.mount("none", "/mnt", "tmpfs", 0, "")
    with pytest.raises(OSError, match="temporarily unavailable"):
        kernel.umount2("/mnt", UmountFlag.EXPIRE)
    kernel.umount2("/mnt", UmountFlag.EXPIRE)


def rename_a_control_group(kernel: Kernel) -> None:
    kernel.mkdir("/sys/fs/cgroup/memory/a", 0o755)
    kernel.rename("/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/memory/b")


NOT_MODELLED: dict[str, tuple[Ask, str]] = {
    # files
    "O_TMPFILE": (lambda k: k.open("/tmp", 0o20200000 | OpenFlag.RDWR, 0o600), "O_TMPFILE"),
    "a message queue, opened": (lambda k: a_new_file(k, f"{message_queues(k)}/q"), "making a message queue"),
    "a message queue, made": (lambda k: k.mknod(f"{message_queues(k)}/q", FileType.REG | 0o600, 0), "making a message queue"),
    "a link to a descriptor": (link_without_the_capability, "without CAP_DAC_READ_SEARCH"),
    "a whiteout": (lambda k: k.renameat2(AT_FDCWD, "/a", AT_FDCWD, "/b", RenameFlag.WHITEOUT), "RENAME_WHITEOUT"),
    "another name for a control group": (rename_a_control_group, "renaming a control group"),
    "the mode of a file of /proc": (lambda k: k.chown("/proc/version", 1, 1), "changing the attributes of a file in proc"),
    "holes": (lambda k: k.lseek(a_new_file(k, "/tmp/f"), 0, 4), "SEEK_HOLE"),
    "direct input and output": (lambda k: k.fcntl_setfl(a_new_file(k, "/tmp/f"), O_DIRECT), "O_DIRECT"),
    "a pipe of packets": (lambda k: k.pipe2(O_DIRECT), "O_DIRECT"),
    # extended attributes
    "reading file capabilities": (lambda k: k.getxattr("/bin/busybox", "security.capability"), "security.capability"),
    "attributes of users": (lambda k: k.getxattr("/tmp", "user.mine"), "user.mine"),
    "labels in a file system of another kind": (lambda k: k.getxattr("/sys", "security.selinux"), "in a sysfs"),
    "capabilities of a file of /proc": (
        lambda k: k.setxattr("/proc/version", "security.capability", b"x" * 20, 0), "file capabilities in a proc",
    ),
    # mounts
    "a type that Linux has": (lambda k: k.mount("none", "/mnt", "overlay", 0, ""), "of the type overlay"),
    "the options of a disk's": (lambda k: k.mount("none", "/", "", MountFlag.REMOUNT, "data=x"), "a remount of ext4"),
    "a mount that expires": (expire_twice, "MNT_EXPIRE"),
    # processes
    "a second thread": (lambda k: k.clone(CloneFlag.THREAD | CloneFlag.SIGHAND | CloneFlag.VM, a_child), "CLONE_THREAD"),
    "a pidfd of a new child": (lambda k: k.clone(CloneFlag.PIDFD | Signal.CHLD, a_child), "CLONE_PIDFD"),
    # seccomp
    "a filter with a listener": (lambda k: k.seccomp_set_mode_filter(WITH_LISTENER, ALLOW), "with a listener"),
    "a filter that looks": (
        lambda k: k.seccomp_set_mode_filter(0, (BpfInstruction(0x20, 0, 0, 0), *ALLOW)), "looks at the call",
    ),
    "the strict mode": (lambda k: k.prctl_set_seccomp(1), "strict mode"),
    # time and chance
    "the time of another process": (lambda k: k.clock_gettime(-6), "clock -6: a clock behind a descriptor"),
    "the time of a thread": (lambda k: k.clock_gettime(3), "clock 3: "),
    "very many random bytes": (lambda k: k.getrandom(2**25 + 1), "33554433 random bytes"),
    # sockets
    "another family": (lambda k: k.socket(AddressFamily.UNIX, SocketType.STREAM, 0), "a socket of family 1"),
    "a family without a name": (lambda k: k.socket(40, SocketType.STREAM, 0), "sockets of family 40"),
    "datagrams": (lambda k: k.socketpair(UNIX, SocketType.DGRAM), "datagram sockets"),
    "a connection": (lambda k: k.socket(AddressFamily.INET, SocketType.STREAM, 0), "more than ioctl: SOCK_DGRAM"),
    "sending to the network": (lambda k: k.sendmsg(a_device_socket(k), b""), "more than ioctl"),
    "the address of a pair": (lambda k: k.getsockname(a_pair(k)), "addresses of UNIX sockets"),
    "a multicast group": (lambda k: k.bind(a_netlink_socket(k), NetlinkAddress(0, 1)), "multicast groups"),
    "flags of sendmsg": (lambda k: k.sendmsg(a_pair(k), b"x", (), 1), "sendmsg with flags 0x1"),
    "flags of recvmsg": (lambda k: k.recvmsg(a_pair(k), 10, 1), "recvmsg with flags 0x1"),
    "bytes for netlink": (lambda k: k.sendmsg(a_netlink_socket(k), b"x"), "anything but a message"),
    "the network of a pair": (lambda k: k.ioctl_siocbraddif(a_pair(k), "br0", 1), "the network namespace of a UNIX socket"),
}  # fmt: skip
"""Of each: what leads there, and the words of the sentence."""

UNDER_SELINUX: dict[str, tuple[Ask, str]] = {
    "the label that a policy gives": (lambda k: k.getxattr("/bin/busybox", "security.selinux"), "the policy of SELinux"),
    "one label for all message queues": (label_message_queues, "the mount option context= for mqueue"),
}

NOT_ALLOWED: dict[str, tuple[Ask, str]] = {
    "a negative count": (lambda k: k.getrandom(-1), "-1 is no number of bytes"),
    "a NUL byte in a link": (lambda k: k.symlink("a\0b", "/tmp/l"), "NUL"),
    "a NUL byte in a name": (lambda k: k.getxattr("/tmp", "security.a\0b"), "NUL"),
    "a name of sixteen bytes for a link": (lambda k: k.ioctl_siocbraddif(a_device_socket(k), "b" * 16, 1), "struct ifreq"),
    "a signal beyond the last": (lambda k: k.rt_sigprocmask(SigprocmaskHow.BLOCK, frozenset((65,))), "from 1 to 64"),
    "a message for netlink in a pair": (lambda k: k.sendmsg(a_pair(k), NetlinkMessage(18, 1, 1)), "none of netlink"),
    "a program that is no function of a module": (lambda k: k.clone(Signal.CHLD, lambda kernel: 0), "module-level function"),
}
"""What the real kernel cannot even be asked in this way."""


def told(ask: Ask, host: HostProfile = DEFAULT_HOST) -> ModelError:
    """What a program is told that asks for what there is not."""
    machine = Machine(host)
    machine.spawn(ask, comm="asking")
    with pytest.raises(ModelError) as raised:
        machine.run()
    return raised.value


@pytest.mark.parametrize(("ask", "words"), NOT_MODELLED.values(), ids=list(NOT_MODELLED))
def test_what_is_not_modelled_is_said(ask: Ask, words: str) -> None:
    error = told(ask)
    assert isinstance(error, NotModelled)
    assert words in str(error)


@pytest.mark.parametrize(("ask", "words"), NOT_ALLOWED.values(), ids=list(NOT_ALLOWED))
def test_what_cannot_be_asked_is_said(ask: Ask, words: str) -> None:
    error = told(ask)
    assert not isinstance(error, NotModelled)
    assert words in str(error)


@pytest.mark.parametrize(("ask", "words"), UNDER_SELINUX.values(), ids=list(UNDER_SELINUX))
def test_what_is_not_modelled_of_selinux_is_said(ask: Ask, words: str) -> None:
    assert words in str(told(ask, SELINUX))
