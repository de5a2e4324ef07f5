"""A row that is suspended neither refuses nor has its effect: the call goes on, or comes to nothing, and the state stays sound.

So does a comparison with another kernel that did not refuse, and a run that asks which laws a row is needed for.
"""

from collections.abc import Callable

import pytest

from fakekernel.machine import Machine
from kernelapi.errors import ModelError
from kernelapi.flags import AddressFamily, CloneFlag, MessageFlag, OpenFlag, Seek, Signal, SocketType
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.protocol.addresses import ADDRESS_ROUTES
from kernelapi.protocol.clock import CLOCK_UNKNOWN
from kernelapi.protocol.descriptors import (
    LSEEK_NEGATIVE,
    LSEEK_PIPE,
    NOT_OPEN,
    READ_WOULD_BLOCK,
    WRITE_BROKEN_PIPE,
    WRITE_NOT_OPEN_FOR,
    WRITE_NOT_WRITABLE,
    WRITE_WOULD_BLOCK,
)
from kernelapi.protocol.lookup import LOOKUP_MISSING
from kernelapi.protocol.namespaces import SETNS_PROCESS_GONE
from kernelapi.protocol.proc import PROC_DESCRIPTOR_GONE
from kernelapi.rules import Rule
from kernelapi.testing.network import netlink, up, ways
from kernelapi.values import RT_TABLE_LOCAL, Message

NONBLOCK = SocketType.NONBLOCK


def terminal(kernel: Kernel) -> tuple[Fd, Fd]:
    """The master and the slave of a pseudoterminal, neither of which waits."""
    master = kernel.open("/dev/ptmx", OpenFlag.RDWR | OpenFlag.NONBLOCK)
    kernel.ioctl_tiocsptlck(master, 0)
    return master, kernel.open(f"/dev/pts/{kernel.ioctl_tiocgptn(master)}", OpenFlag.RDWR | OpenFlag.NONBLOCK)


def pair(kernel: Kernel, kind: SocketType) -> Fd:
    return kernel.socketpair(AddressFamily.UNIX, kind | NONBLOCK)[0]


def readable(path: str) -> Callable[[Kernel], Fd]:
    return lambda kernel: kernel.open(path, OpenFlag.RDONLY)


def written(path: str) -> Callable[[Kernel], object]:
    """A program that writes what is open for reading: how much was taken, and what can be read."""

    def program(kernel: Kernel) -> object:
        before = kernel.open(path, OpenFlag.RDONLY)
        return kernel.write(before, b"abc"), kernel.read(kernel.open(path, OpenFlag.RDONLY), 100)

    return program


def write_a_namespace(kernel: Kernel) -> object:
    return kernel.write(kernel.open("/proc/self/ns/uts", OpenFlag.RDONLY), b"abc")


# -- programs of several calls --


def bring_up_lo(kernel: Kernel) -> object:
    kernel.unshare(CloneFlag.NEWNET)
    up(kernel, 1)
    return ways(kernel, RT_TABLE_LOCAL)


def write_into_nothing(kernel: Kernel) -> object:
    reader, writer = kernel.pipe2(0)
    kernel.close(reader)
    return kernel.write(writer, b"abc")


def write_on_a_full_terminal(kernel: Kernel) -> object:
    _, slave = terminal(kernel)
    kernel.write(slave, b"x" * 20_000)
    return kernel.write(slave, b"abc")


def read_what_is_closed(kernel: Kernel) -> object:
    fd, _ = kernel.pipe()
    info = kernel.open(f"/proc/self/fdinfo/{fd}", OpenFlag.RDONLY)
    kernel.close(fd)
    return kernel.read(info, 100)


def close_twice(kernel: Kernel) -> object:
    fd = kernel.open("/", OpenFlag.RDONLY)
    kernel.close(fd)
    return kernel.close(fd)


def nothing(kernel: Kernel) -> None:
    """A program that ends at once."""


def enter_who_is_gone(kernel: Kernel) -> object:
    pid = kernel.clone(Signal.CHLD, nothing)
    pidfd = kernel.pidfd_open(pid, 0)
    kernel.wait4(pid)
    return kernel.setns(pidfd, CloneFlag.NEWUTS)


WRITING = (WRITE_NOT_OPEN_FOR, WRITE_NOT_WRITABLE)

TABLE: dict[str, tuple[Rule | tuple[Rule, ...], Callable[[Kernel], object], object]] = {
    "no-routes-of-an-address": (ADDRESS_ROUTES, bring_up_lo, []),
    "no-message": (READ_WOULD_BLOCK, lambda kernel: kernel.recvmsg(netlink(kernel), 9999, MessageFlag.DONTWAIT), Message(())),
    "no-data-of-a-stream": (READ_WOULD_BLOCK, lambda kernel: kernel.read(pair(kernel, SocketType.STREAM), 9), b""),
    "no-packet": (READ_WOULD_BLOCK, lambda kernel: kernel.read(pair(kernel, SocketType.SEQPACKET), 9), b""),
    "no-line": (READ_WOULD_BLOCK, lambda kernel: kernel.read(terminal(kernel)[1], 9), b""),
    "no-output": (READ_WOULD_BLOCK, lambda kernel: kernel.read(terminal(kernel)[0], 9), b""),
    "no-room-in-a-terminal": (WRITE_WOULD_BLOCK, write_on_a_full_terminal, 0),
    "no-reader-of-a-pipe": (WRITE_BROKEN_PIPE, write_into_nothing, 3),
    "no-offset-of-netlink": (LSEEK_PIPE, lambda kernel: kernel.lseek(netlink(kernel), 5), 0),
    "no-offset-of-a-socket": (LSEEK_PIPE, lambda kernel: kernel.lseek(pair(kernel, SocketType.STREAM), 5), 0),
    "no-offset-of-a-slave": (LSEEK_PIPE, lambda kernel: kernel.lseek(terminal(kernel)[1], 5), 0),
    "no-offset-of-a-master": (LSEEK_PIPE, lambda kernel: kernel.lseek(terminal(kernel)[0], 5), 0),
    "before-the-start": (LSEEK_NEGATIVE, lambda kernel: kernel.lseek(readable("/proc/self/status")(kernel), -5, Seek.SET), 0),
    "a-descriptor-that-is-closed": (PROC_DESCRIPTOR_GONE, read_what_is_closed, b""),
    "closing-twice": (NOT_OPEN, close_twice, None),
    "entering-who-is-gone": (SETNS_PROCESS_GONE, enter_who_is_gone, None),
    "sleeping-by-no-clock": (CLOCK_UNKNOWN, lambda kernel: kernel.clock_nanosleep(99, 0, 1), None),
    "writing-a-namespace": (WRITING, write_a_namespace, 3),
    "writing-a-constant": (WRITING, written("/proc/sys/kernel/cap_last_cap"), (3, b"40\n")),
    "writing-the-release": (WRITING, written("/proc/sys/kernel/osrelease"), (3, b"6.18.0\n")),
}


@pytest.mark.parametrize(("rows", "program", "answer"), TABLE.values(), ids=TABLE)
def test_a_call_goes_on_without_a_row(
    rows: Rule | tuple[Rule, ...], program: Callable[[Kernel], object], answer: object
) -> None:
    found: list[object] = []
    machine = Machine(checks=True)
    machine.suspended.update(rows if isinstance(rows, tuple) else (rows,))
    machine.spawn(lambda kernel: found.append(program(kernel)), comm="program")
    assert not machine.run().hung
    assert found == [answer]


def test_a_walk_has_nothing_to_go_on_with() -> None:
    machine = Machine(checks=True)
    machine.suspended.add(LOOKUP_MISSING)
    machine.spawn(lambda kernel: kernel.chdir("/nowhere/at/all"), comm="program")
    with pytest.raises(ModelError, match="there is no 'nowhere' to go on with"):
        machine.run()
