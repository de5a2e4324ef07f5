"""Laws of terminals: pseudoterminals, the controlling terminal, hanging up."""

from errno import EAGAIN, EBADF, EEXIST, EINVAL, EIO, ENODEV, ENOENT, ENOSPC, ENOTTY, ENXIO, EPERM, ESPIPE, ESRCH

from kernelapi.flags import Clock, Disposition, FileType, MountFlag, OpenFlag, Signal, SigprocmaskHow, WaitFlag
from kernelapi.ids import Fd, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, refused
from kernelapi.values import Stat, Winsize, makedev

RDONLY, WRONLY, RDWR, NOCTTY, NONBLOCK = OpenFlag.RDONLY, OpenFlag.WRONLY, OpenFlag.RDWR, OpenFlag.NOCTTY, OpenFlag.NONBLOCK
PTMX, TTY = makedev(5, 2), makedev(5, 0)


def new_pair(kernel: Kernel) -> tuple[Fd, str]:
    """A master, and the path of its unlocked slave."""
    master = kernel.open("/dev/ptmx", RDWR)
    kernel.ioctl_tiocsptlck(master, 0)
    return master, f"/dev/pts/{kernel.ioctl_tiocgptn(master)}"


def ignore(kernel: Kernel, *signals: Signal) -> None:
    for signal in signals:
        kernel.rt_sigaction(signal, Disposition.IGNORE)


# -- pseudoterminals --


@case(tree=True)
def opening_ptmx_makes_a_locked_pseudoterminal(kernel: Kernel) -> None:
    kernel.umask(0o077)
    master = kernel.open("/dev/ptmx", RDWR | NOCTTY)
    expect("the number", kernel.ioctl_tiocgptn(master), 0)
    expect("of the next", kernel.ioctl_tiocgptn(kernel.open("/dev/pts/ptmx", RDWR)), 1)
    slave = kernel.stat("/dev/pts/0")
    expect("the slave", slave, Stat(slave.dev, 3, FileType.CHR | 0o620, 1, Uid(0), slave.gid, makedev(136, 0), 0))
    expect("the directory", [entry.name for entry in kernel.getdents64(kernel.open("/dev/pts", RDONLY))][2:].count("0"), 1)
    refused(EIO, kernel.open, "/dev/pts/0", RDWR)
    kernel.ioctl_tiocsptlck(master, 0)
    expect("its type", kernel.fstat(kernel.open("/dev/pts/0", RDWR)).rdev, makedev(136, 0))
    kernel.ioctl_tiocsptlck(master, 5)
    refused(EIO, kernel.open, "/dev/pts/0", RDWR)
    refused(ENOENT, kernel.open, "/dev/pts/7", RDWR)


@case(tree=True)
def a_pseudoterminal_gets_the_lowest_number_that_is_free(kernel: Kernel) -> None:
    masters = [kernel.open("/dev/ptmx", RDWR) for _ in range(4)]
    for index in (2, 0):
        kernel.close(masters[index])
    expect("the next three", [kernel.ioctl_tiocgptn(kernel.open("/dev/ptmx", RDWR)) for _ in range(3)], [0, 2, 4])


@case(tree=True)
def ptmx_belongs_to_the_devpts_beside_it(kernel: Kernel) -> None:
    kernel.mkdir("/tmp/d", 0o755)
    kernel.mknod("/tmp/d/ptmx", FileType.CHR | 0o666, PTMX)
    refused(ENOENT, kernel.open, "/tmp/d/ptmx", RDWR)
    kernel.mkdir("/tmp/d/pts", 0o755)
    refused(ENODEV, kernel.open, "/tmp/d/ptmx", RDWR)
    kernel.mount("devpts", "/tmp/d/pts", "devpts", 0, "ptmxmode=0666")
    kernel.open("/tmp/d/ptmx", RDWR)
    kernel.stat("/tmp/d/pts/0")
    kernel.mknod("/dev/alone", FileType.REG | 0o600, 0)
    kernel.mount("/tmp/d/ptmx", "/dev/alone", "", MountFlag.BIND, "")
    refused(ENOENT, kernel.open, "/dev/alone", RDWR)  # nothing is beside the root of a mount
    refused(ENOENT, kernel.stat, "/dev/pts/0")
    kernel.mknod("/tmp/slave", FileType.CHR | 0o666, makedev(136, 0))
    refused(EIO, kernel.open, "/tmp/slave", RDWR)


def shown(kernel: Kernel) -> str:
    """The options of what is mounted last."""
    fd = kernel.open("/proc/self/mountinfo", RDONLY)
    text = b""
    while data := kernel.read(fd, 65536):
        text += data
    kernel.close(fd)
    return text.decode().splitlines()[-1].rpartition(" ")[2]


@case(tree=True)
def a_devpts_has_options(kernel: Kernel) -> None:
    kernel.mkdir("/tmp/p", 0o755)
    for bad in ("mode=8", "mode", "uid=x", "gid=-1", "max=2000000", "newinstance=1", "what", "ptmxmode="):
        refused(EINVAL, kernel.mount, "devpts", "/tmp/p", "devpts", 0, bad)
    kernel.mount("devpts", "/tmp/p", "devpts", 0, "")
    expect("the defaults", shown(kernel), "rw,mode=600,ptmxmode=000")
    kernel.mount("devpts", "/tmp/p", "devpts", 0, "newinstance,max=1,gid=5,uid=7,mode=0640,ptmxmode=666")
    expect("the options", shown(kernel), "rw,uid=7,gid=5,mode=640,ptmxmode=666,max=1")
    ptmx = Stat(kernel.stat("/tmp/p").dev, 2, FileType.CHR | 0o666, 1, Uid(0), kernel.getgid(), PTMX, 0)
    expect("ptmx", kernel.stat("/tmp/p/ptmx"), ptmx)
    expect("the directory", kernel.stat("/tmp/p").mode, FileType.DIR | 0o755)
    master = kernel.open("/tmp/p/ptmx", RDWR)
    slave = kernel.stat("/tmp/p/0")
    expect("the slave", (slave.mode, slave.uid, slave.gid), (FileType.CHR | 0o640, 7, 5))
    refused(ENOSPC, kernel.open, "/tmp/p/ptmx", RDWR)
    kernel.close(master)
    kernel.mount("", "/tmp/p", "", MountFlag.REMOUNT, "mode=400")
    expect("a remount forgets the others", shown(kernel), "rw,mode=400,ptmxmode=000")
    expect("ptmx", kernel.stat("/tmp/p/ptmx").permissions, 0)


@case(tree=True)
def nobody_makes_or_removes_names_in_a_devpts(kernel: Kernel) -> None:
    kernel.open("/dev/ptmx", RDWR)
    refused(EPERM, kernel.mkdir, "/dev/pts/d", 0o755)
    refused(EEXIST, kernel.mkdir, "/dev/pts/0", 0o755)
    refused(EPERM, kernel.unlink, "/dev/pts/0")
    refused(EPERM, kernel.symlink, "a", "/dev/pts/l")
    kernel.chmod("/dev/pts/0", 0o600)
    expect("the mode", kernel.stat("/dev/pts/0").permissions, 0o600)


def _open_as(kernel: Kernel, uid: int, path: str, flags: int) -> tuple[int, int]:
    kernel.setgid(kernel.getgid())
    kernel.setuid(Uid(uid))
    master = kernel.open("/dev/ptmx", RDWR)
    return kernel.stat(f"/dev/pts/{kernel.ioctl_tiocgptn(master)}").uid, errno_of(kernel.open, path, flags)


@case(tree=True)
def a_pseudoterminal_belongs_to_who_opened_ptmx(kernel: Kernel) -> None:
    _, path = new_pair(kernel)
    expect("the owner, and the other's", in_child(kernel, _open_as, 1000, path, RDWR), (1000, 13))


@case(tree=True)
def what_is_no_terminal_is_refused(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    slave = kernel.open(path, RDWR)
    reader, _ = kernel.pipe2(0)
    place, directory = kernel.open(path, OpenFlag.PATH), kernel.open("/", RDONLY)
    for fd, errno in ((Fd(900), EBADF), (place, EBADF), (reader, ENOTTY), (directory, ENOTTY)):
        for call in (kernel.ioctl_tiocnotty, kernel.ioctl_tiocgsid, kernel.ioctl_tiocgpgrp, kernel.ioctl_tiocgwinsz):
            refused(errno, call, fd)
        refused(errno, kernel.ioctl_tiocsctty, fd, 0)
        refused(errno, kernel.ioctl_tiocspgrp, fd, Pid(1))
        refused(errno, kernel.ioctl_tiocgptn, fd)
        refused(errno, kernel.ioctl_tiocsptlck, fd, 0)
        refused(errno, kernel.ioctl_tiocswinsz, fd, Winsize(1, 1))
    refused(ENOTTY, kernel.ioctl_tiocgptn, slave)
    refused(ENOTTY, kernel.ioctl_tiocsptlck, slave, 0)
    refused(ESPIPE, kernel.lseek, slave, 0)
    refused(ESPIPE, kernel.lseek, master, 0)


@case(tree=True)
def both_sides_have_one_window(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    slave = kernel.open(path, RDWR)
    expect("at first", kernel.ioctl_tiocgwinsz(slave), Winsize(0, 0))
    kernel.ioctl_tiocswinsz(master, Winsize(25, 80))
    expect("the slave's", kernel.ioctl_tiocgwinsz(slave), Winsize(25, 80))
    kernel.ioctl_tiocswinsz(slave, Winsize(50, 132))
    expect("the master's", kernel.ioctl_tiocgwinsz(master), Winsize(50, 132))


def _resize(kernel: Kernel, master: Fd, path: str) -> None:
    kernel.setsid()
    kernel.open(path, RDWR)
    winch = frozenset((Signal.WINCH,))
    for size, pending in ((Winsize(25, 80), winch), (Winsize(25, 80), frozenset()), (Winsize(25, 132), winch)):
        kernel.rt_sigprocmask(SigprocmaskHow.BLOCK, winch)
        kernel.ioctl_tiocswinsz(master, size)
        expect("what is pending", kernel.rt_sigpending(), pending)
        kernel.rt_sigprocmask(SigprocmaskHow.UNBLOCK, winch)


@case(tree=True)
def the_foreground_is_told_of_another_window_size(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    in_child(kernel, _resize, master, path)


# -- data --


@case(tree=True)
def output_gets_carriage_returns(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    slave = kernel.open(path, RDWR)
    expect("taken", kernel.write(slave, b"one\ntwo"), 7)
    expect("what came", kernel.read(master, 100), b"one\r\ntwo")
    kernel.fcntl_setfl(master, NONBLOCK)
    refused(EAGAIN, kernel.read, master, 1)
    expect("nothing", (kernel.read(master, 0), kernel.write(slave, b"")), (b"", 0))


def read_exactly(kernel: Kernel, fd: Fd, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += kernel.read(fd, size - len(data))
    return data


@case(tree=True)
def input_comes_by_lines_and_is_echoed(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    slave = kernel.open(path, RDWR)
    kernel.write(master, b"first\rsecond\nthi")
    expect("the echo", read_exactly(kernel, master, 18), b"first\r\nsecond\r\nthi")
    expect("part of a line", kernel.read(slave, 3), b"fir")
    expect("the rest of it", kernel.read(slave, 100), b"st\n")
    expect("the next", kernel.read(slave, 100), b"second\n")
    kernel.fcntl_setfl(slave, NONBLOCK)
    refused(EAGAIN, kernel.read, slave, 100)
    kernel.fcntl_setfl(slave, 0)
    kernel.write(master, b"rd\n")
    expect("the last", kernel.read(slave, 100), b"third\n")


@case(tree=True)
def a_master_whose_slave_is_closed_reads_what_is_left_and_then_an_error(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    kernel.fcntl_setfl(master, NONBLOCK)
    refused(EAGAIN, kernel.read, master, 1)  # never opened yet: it waits
    slave = kernel.open(path, RDWR)
    kernel.write(slave, b"last")
    kernel.close(slave)
    expect("what is left", read_exactly(kernel, master, 4), b"last")
    refused(EIO, kernel.read, master, 1)
    slave = kernel.open(path, RDWR)
    refused(EAGAIN, kernel.read, master, 1)


@case(tree=True)
def nothing_typed_is_nothing_read(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    slave = kernel.open(path, RDWR)
    expect("taken", kernel.write(master, b""), 0)
    expect("nothing asked for", kernel.read(slave, 0), b"")


def _say(kernel: Kernel, slave: Fd, ready: Fd) -> None:
    kernel.read(ready, 1)
    kernel.write(slave, b"at last")


@case(tree=True)
def the_master_waits_for_output(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    ready, go = kernel.pipe2(0)
    child = kernel.clone(Signal.CHLD, _say, kernel.open(path, RDWR), ready)
    kernel.write(go, b"x")
    expect("what came", kernel.read(master, 100), b"at last")
    kernel.wait4(child)


def drained(kernel: Kernel, master: Fd, size: int) -> int:
    """How much has been read once it is `size` or more."""
    found = 0
    while found < size:
        found += len(kernel.read(master, 65536))
    return found


LONG = 4000


def _say_much(kernel: Kernel, master: Fd, slave: Fd) -> None:
    kernel.close(master)
    for _ in range(6):
        expect("taken", kernel.write(slave, b"." * LONG), LONG)


@case(tree=True)
def a_terminal_that_nobody_reads_keeps_its_writers_waiting(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    slave = kernel.open(path, RDWR)
    child = kernel.clone(Signal.CHLD, _say_much, master, slave)
    kernel.close(slave)
    kernel.clock_nanosleep(1, 0, 100_000_000)
    expect("still writing", kernel.wait4(child, WaitFlag.NOHANG)[0], 0)
    expect("all of it", drained(kernel, master, 6 * LONG), 6 * LONG)
    expect("its status", kernel.wait4(child)[1], 0)


@case(tree=True)
def a_terminal_that_nobody_reads_is_full_at_last(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    slave = kernel.open(path, RDWR | NONBLOCK)
    taken = 0
    for _ in range(100):
        try:
            taken += kernel.write(slave, b"." * 1000)
        except OSError as error:
            expect("why no more fits", error.errno, EAGAIN)
    expect("whether it is full", taken < 100_000, True)
    expect("what was taken", drained(kernel, master, taken), taken)
    expect("room again", kernel.write(slave, b"."), 1)


# -- the controlling terminal --


def _lead(kernel: Kernel, master: Fd, path: str) -> None:
    kernel.setsid()
    refused(ENXIO, kernel.open, "/dev/tty", RDWR)
    for flags in (WRONLY, RDWR | NOCTTY, RDONLY | NOCTTY, 3):
        slave = kernel.open(path, flags)
        refused(ENOTTY, kernel.ioctl_tiocgsid, slave)
        refused(ENOTTY, kernel.ioctl_tiocgpgrp, slave)
    refused(ENOTTY, kernel.ioctl_tiocgsid, master)
    expect("no foreground", kernel.ioctl_tiocgpgrp(master), 0)
    slave = kernel.open(path, RDONLY)
    own = kernel.getpid()
    for fd in (slave, master):
        expect("the session", kernel.ioctl_tiocgsid(fd), own)
        expect("the foreground", kernel.ioctl_tiocgpgrp(fd), own)
        kernel.ioctl_tiocsctty(fd, 0)  # it is ours already
    tty = kernel.open("/dev/tty", RDWR)
    expect("the session by /dev/tty", kernel.ioctl_tiocgsid(tty), own)
    expect("the type of /dev/tty", kernel.fstat(tty).rdev, TTY)
    refused(ENOTTY, kernel.ioctl_tiocgptn, tty)
    kernel.write(tty, b"hello")
    expect("what came", kernel.read(master, 100), b"hello")


@case(tree=True)
def a_leader_without_a_terminal_acquires_the_one_that_it_opens(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    in_child(kernel, _lead, master, path)
    refused(ENOTTY, kernel.ioctl_tiocgsid, master)


def _second_terminal(kernel: Kernel, path: str, other: str) -> None:
    kernel.setsid()
    kernel.open(path, RDWR)
    slave = kernel.open(other, RDWR)
    refused(ENOTTY, kernel.ioctl_tiocgsid, slave)
    refused(EPERM, kernel.ioctl_tiocsctty, slave, 1)


@case(tree=True)
def a_leader_has_one_terminal(kernel: Kernel) -> None:
    _, path = new_pair(kernel)
    _, other = new_pair(kernel)
    in_child(kernel, _second_terminal, path, other)
    refused(EPERM, kernel.ioctl_tiocsctty, kernel.open(path, RDWR), 1)  # no leader


def _inherit(kernel: Kernel, slave: Fd, path: str) -> None:
    expect("the session", kernel.ioctl_tiocgsid(slave), kernel.getsid(Pid(0)))
    kernel.close(kernel.open("/dev/tty", RDWR))
    kernel.setsid()
    refused(ENOTTY, kernel.ioctl_tiocgsid, slave)
    refused(ENXIO, kernel.open, "/dev/tty", RDWR)
    again = kernel.open(path, RDWR)  # another session has it
    refused(ENOTTY, kernel.ioctl_tiocgsid, again)
    refused(EPERM, kernel.ioctl_tiocsctty, again, 0)
    refused(EPERM, kernel.ioctl_tiocsctty, again, 2)
    refused(ENOTTY, kernel.ioctl_tiocnotty, again)


def _lose(kernel: Kernel, slave: Fd) -> None:
    kernel.ioctl_tiocnotty(slave)
    refused(ENOTTY, kernel.ioctl_tiocnotty, slave)
    refused(ENXIO, kernel.open, "/dev/tty", RDWR)


def _share(kernel: Kernel, master: Fd, path: str) -> None:
    kernel.setsid()
    slave = kernel.open(path, RDWR)
    in_child(kernel, _inherit, slave, path)
    in_child(kernel, _lose, slave)
    expect("the leader's session", kernel.ioctl_tiocgsid(slave), kernel.getpid())
    refused(ENOTTY, kernel.ioctl_tiocnotty, master)
    ignore(kernel, Signal.HUP)
    kernel.ioctl_tiocnotty(slave)
    refused(ENOTTY, kernel.ioctl_tiocgsid, slave)
    refused(ENOTTY, kernel.ioctl_tiocgsid, master)
    write_only = kernel.open(path, WRONLY)
    kernel.ioctl_tiocsctty(write_only, 0)
    expect("the session", kernel.ioctl_tiocgsid(slave), kernel.getpid())


@case(tree=True)
def a_session_shares_its_terminal_and_a_new_one_has_none(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    in_child(kernel, _share, master, path)


def _lose_and_wait(kernel: Kernel, slave: Fd, ready: Fd, go: Fd) -> None:
    kernel.ioctl_tiocnotty(slave)
    kernel.write(ready, b".")
    kernel.read(go, 1)
    refused(ENXIO, kernel.open, "/dev/tty", RDWR)


def _give_up_after_a_child(kernel: Kernel, path: str) -> tuple[int, int]:
    kernel.setsid()
    slave = kernel.open(path, RDWR)
    ignore(kernel, Signal.HUP)
    told, ready = kernel.pipe2(0)
    waiting, go = kernel.pipe2(0)
    pid = kernel.clone(Signal.CHLD, _lose_and_wait, slave, ready, waiting)
    kernel.read(told, 1)
    kernel.ioctl_tiocnotty(slave)
    kernel.write(go, b".")
    return errno_of(kernel.open, "/dev/tty", RDWR), kernel.wait4(pid)[1]


@case(tree=True)
def a_leader_gives_up_its_terminal_after_a_member_of_its_session_has(kernel: Kernel) -> None:
    _, path = new_pair(kernel)
    expect("its own terminal, the member", in_child(kernel, _give_up_after_a_child, path), (ENXIO, 0))


def _give_up(kernel: Kernel, path: str) -> None:
    kernel.setsid()
    kernel.ioctl_tiocnotty(kernel.open(path, RDWR))


@case(tree=True)
def a_leader_that_gives_up_its_terminal_is_hung_up_on(kernel: Kernel) -> None:
    _, path = new_pair(kernel)
    _, status = kernel.wait4(kernel.clone(Signal.CHLD, _give_up, path))
    expect("its status", status, Signal.HUP)


def _steal(kernel: Kernel, slave: Fd, uid: int) -> int:
    kernel.setsid()
    if uid:
        kernel.setuid(Uid(uid))
        refused(EPERM, kernel.ioctl_tiocsctty, slave, 1)
    else:
        kernel.ioctl_tiocsctty(slave, 1)
        expect("the session", kernel.ioctl_tiocgsid(slave), kernel.getpid())
    return 7


def _be_robbed(kernel: Kernel, path: str) -> None:
    kernel.setsid()
    slave = kernel.open(path, RDWR)
    expect("a user", in_child(kernel, _steal, slave, 1000), 7)
    expect("still ours", kernel.ioctl_tiocgsid(slave), kernel.getpid())
    expect("the superuser", in_child(kernel, _steal, slave, 0), 7)
    refused(ENOTTY, kernel.ioctl_tiocgsid, slave)
    refused(ENXIO, kernel.open, "/dev/tty", RDWR)


@case(tree=True)
def a_terminal_is_stolen_only_with_a_capability(kernel: Kernel) -> None:
    _, path = new_pair(kernel)
    in_child(kernel, _be_robbed, path)


def _write_only(kernel: Kernel, path: str) -> None:
    kernel.setsid()
    write_only = kernel.open(path, WRONLY)
    kernel.setuid(Uid(1000))
    refused(EPERM, kernel.ioctl_tiocsctty, write_only, 0)


@case(tree=True)
def who_may_not_read_a_terminal_is_not_controlled_by_it(kernel: Kernel) -> None:
    _, path = new_pair(kernel)
    in_child(kernel, _write_only, path)


# -- foreground --


def _wait(kernel: Kernel, reader: Fd) -> None:
    kernel.read(reader, 1)


def _groups(kernel: Kernel, master: Fd, path: str) -> None:
    kernel.setsid()
    refused(ENOTTY, kernel.ioctl_tiocspgrp, master, kernel.getpid())
    slave = kernel.open(path, RDWR)
    reader, writer = kernel.pipe2(0)
    child = kernel.clone(Signal.CHLD, _wait, reader)
    refused(EINVAL, kernel.ioctl_tiocspgrp, slave, Pid(-1))
    refused(ESRCH, kernel.ioctl_tiocspgrp, slave, Pid(0))
    refused(ESRCH, kernel.ioctl_tiocspgrp, slave, Pid(9999))
    refused(EPERM, kernel.ioctl_tiocspgrp, slave, Pid(1))
    kernel.setpgid(child, child)
    kernel.ioctl_tiocspgrp(master, child)
    expect("the foreground", kernel.ioctl_tiocgpgrp(slave), child)
    refused(EIO, kernel.read, slave, 1)  # an orphaned group in the background
    refused(ENOTTY, kernel.ioctl_tiocspgrp, slave, kernel.getpid())
    expect("writing", kernel.write(slave, b"x"), 1)
    ignore(kernel, Signal.TTOU)
    kernel.ioctl_tiocspgrp(slave, kernel.getpid())
    kernel.write(writer, b"x")
    kernel.wait4(child)


@case(tree=True)
def the_foreground_is_a_group_of_the_session(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    in_child(kernel, _groups, master, path)
    refused(ENOTTY, kernel.ioctl_tiocspgrp, kernel.open(path, RDWR), kernel.getpid())


def _read_a_line(kernel: Kernel, slave: Fd) -> int:
    expect("the line", kernel.read(slave, 100), b"line\n")
    return 7


def _control_jobs(kernel: Kernel, master: Fd, path: str) -> None:
    kernel.setsid()
    slave = kernel.open(path, RDWR)
    ready, go = kernel.pipe2(0)
    job = kernel.clone(Signal.CHLD, _read_when_told, slave, ready)
    kernel.setpgid(job, job)
    kernel.write(go, b"x")
    expect("it is stopped", kernel.wait4(job, WaitFlag.UNTRACED), (job, Signal.TTIN << 8 | 0x7F))
    kernel.ioctl_tiocspgrp(slave, job)
    kernel.write(master, b"line\n")
    kernel.kill(job, Signal.CONT)
    expect("its status", kernel.wait4(job)[1], 7 << 8)


def _read_when_told(kernel: Kernel, slave: Fd, ready: Fd) -> int:
    kernel.read(ready, 1)
    return _read_a_line(kernel, slave)


@case(tree=True)
def who_reads_in_the_background_is_stopped_until_it_is_in_the_foreground(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    in_child(kernel, _control_jobs, master, path)


def _take_the_foreground_back(kernel: Kernel, master: Fd, path: str) -> None:
    kernel.setsid()
    slave = kernel.open(path, RDWR)
    ignore(kernel, Signal.TTOU)
    ready, go = kernel.pipe2(0)
    job = kernel.clone(Signal.CHLD, _read_lines_when_told, slave, ready)
    kernel.setpgid(job, job)
    kernel.ioctl_tiocspgrp(slave, job)
    kernel.write(go, b"x")
    pause(kernel)
    kernel.ioctl_tiocspgrp(slave, kernel.getpid())
    pause(kernel)
    kernel.write(master, b"line\n")  # who waits already gets it
    expect("it tries again", kernel.wait4(job, WaitFlag.UNTRACED), (job, Signal.TTIN << 8 | 0x7F))
    kernel.ioctl_tiocspgrp(slave, job)
    kernel.kill(job, Signal.CONT)
    pause(kernel)
    kernel.ioctl_tiocspgrp(slave, kernel.getpid())
    kernel.kill(job, Signal.STOP)
    expect("it is stopped as it waits", kernel.wait4(job, WaitFlag.UNTRACED), (job, Signal.STOP << 8 | 0x7F))
    kernel.kill(job, Signal.CONT)
    expect("it begins anew, and is looked at", kernel.wait4(job, WaitFlag.UNTRACED), (job, Signal.TTIN << 8 | 0x7F))
    kernel.kill(job, Signal.KILL)


def pause(kernel: Kernel) -> None:
    """Let the other process come to where it waits."""
    kernel.clock_nanosleep(Clock.MONOTONIC, 0, 50_000_000)


def _read_lines_when_told(kernel: Kernel, slave: Fd, ready: Fd) -> None:
    kernel.read(ready, 1)
    expect("the line", kernel.read(slave, 100), b"line\n")
    kernel.read(slave, 100)


@case(tree=True)
def who_waits_for_a_line_is_not_looked_at_again_until_it_begins_anew(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    in_child(kernel, _take_the_foreground_back, master, path)


def _read_nothing_in_the_background(kernel: Kernel, path: str) -> int:
    kernel.setsid()
    slave = kernel.open(path, RDWR)
    ready, _ = kernel.pipe2(0)
    other = kernel.clone(Signal.CHLD, _wait, ready)
    kernel.setpgid(other, other)
    kernel.ioctl_tiocspgrp(slave, other)
    errno = errno_of(kernel.read, slave, 0)
    kernel.kill(other, Signal.KILL)
    return errno


@case(tree=True)
def reading_nothing_in_the_background_is_reading(kernel: Kernel) -> None:
    _, path = new_pair(kernel)
    expect("an orphaned group", in_child(kernel, _read_nothing_in_the_background, path), EIO)


# -- hanging up --


@case(tree=True)
def closing_the_master_hangs_up_the_slave(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    slave = kernel.open(path, RDWR)
    place = kernel.open(path, OpenFlag.PATH)
    copy = kernel.dup(master)
    kernel.write(slave, b"lost")
    kernel.close(master)
    expect("while there is a copy", kernel.read(copy, 10), b"lost")
    kernel.close(copy)
    expect("reading", kernel.read(slave, 10), b"")
    refused(EIO, kernel.write, slave, b"")
    refused(ENOENT, kernel.stat, path)
    expect("the links of the node", kernel.fstat(slave).nlink, 0)
    refused(EIO, kernel.open, f"/proc/self/fd/{place}", RDWR)
    refused(EIO, kernel.ioctl_tiocgwinsz, slave)
    refused(EIO, kernel.ioctl_tiocgsid, slave)
    refused(EIO, kernel.ioctl_tiocsctty, slave, 0)
    refused(EIO, kernel.ioctl_tiocnotty, slave)
    refused(ENOTTY, kernel.ioctl_tiocspgrp, slave, Pid(1))
    expect("the next number", kernel.ioctl_tiocgptn(kernel.open("/dev/ptmx", RDWR)), 1)  # 0 lives as long as the slave
    kernel.close(slave)
    expect("and then", kernel.ioctl_tiocgptn(kernel.open("/dev/ptmx", RDWR)), 0)


def _wait_for_a_line(kernel: Kernel, master: Fd, path: str, ready: Fd) -> int:
    kernel.close(master)
    slave = kernel.open(path, RDWR)
    kernel.write(ready, b"x")
    refused(EIO, kernel.read, slave, 10)
    expect("and then", kernel.read(slave, 10), b"")
    return 7


@case(tree=True)
def who_waits_for_a_line_when_the_master_is_closed_gets_an_error(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    reader, writer = kernel.pipe2(0)
    child = kernel.clone(Signal.CHLD, _wait_for_a_line, master, path, writer)
    kernel.read(reader, 1)
    kernel.clock_nanosleep(1, 0, 100_000_000)
    kernel.close(master)
    expect("its status", kernel.wait4(child)[1], 7 << 8)


def _session(kernel: Kernel, master: Fd, path: str, ready: Fd) -> None:
    kernel.close(master)
    kernel.setsid()
    kernel.open(path, RDWR)
    kernel.write(ready, b"x")
    kernel.clock_nanosleep(1, 0, 10**12)


@case(tree=True)
def closing_the_master_ends_the_session_leader(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    reader, writer = kernel.pipe2(0)
    child = kernel.clone(Signal.CHLD, _session, master, path, writer)
    kernel.read(reader, 1)
    kernel.close(master)
    expect("its status", kernel.wait4(child)[1], Signal.HUP)


def _foreground(kernel: Kernel, held: Fd, holder: Fd) -> None:
    kernel.close(held)
    kernel.clock_nanosleep(1, 0, 10**12)


def _leave(kernel: Kernel, path: str, held: Fd, holder: Fd) -> int:
    kernel.setsid()
    slave = kernel.open(path, RDWR)
    member = kernel.clone(Signal.CHLD, _foreground, held, holder)
    kernel.setpgid(member, member)
    kernel.ioctl_tiocspgrp(slave, member)
    return 7


@case(tree=True)
def the_foreground_group_is_hung_up_on_when_the_leader_exits(kernel: Kernel) -> None:
    _, path = new_pair(kernel)
    held, holder = kernel.pipe2(0)
    child = kernel.clone(Signal.CHLD, _leave, path, held, holder)
    kernel.close(holder)
    expect("its status", kernel.wait4(child)[1], 7 << 8)
    expect("the end of the group", kernel.read(held, 1), b"")


def _leave_later(kernel: Kernel, master: Fd, path: str, held: Fd, holder: Fd, go: Fd, ready: Fd) -> int:
    kernel.close(master)
    kernel.setsid()
    ignore(kernel, Signal.HUP)
    slave = kernel.open(path, RDWR)
    listening, listens = kernel.pipe2(0)
    member = kernel.clone(Signal.CHLD, _not_ignoring, held, holder, listens)
    kernel.close(holder)
    kernel.setpgid(member, member)
    kernel.ioctl_tiocspgrp(slave, member)
    kernel.read(listening, 1)
    kernel.write(ready, b"x")
    kernel.read(go, 1)
    refused(ENXIO, kernel.open, "/dev/tty", RDWR)
    kernel.kill(member, 0)
    return 7


def _not_ignoring(kernel: Kernel, held: Fd, holder: Fd, listens: Fd) -> None:
    kernel.rt_sigaction(Signal.HUP, Disposition.DEFAULT)
    kernel.write(listens, b"x")
    kernel.close(held)
    kernel.clock_nanosleep(1, 0, 10**12)


@case(tree=True)
def after_a_hangup_the_foreground_group_lives_until_the_leader_exits(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    held, holder = kernel.pipe2(0)
    go, goer = kernel.pipe2(0)
    reader, ready = kernel.pipe2(0)
    child = kernel.clone(Signal.CHLD, _leave_later, master, path, held, holder, go, ready)
    kernel.close(holder)
    kernel.read(reader, 1)
    kernel.close(master)
    kernel.write(goer, b"x")
    expect("its status", kernel.wait4(child)[1], 7 << 8)
    expect("the end of the group", kernel.read(held, 1), b"")


def _disown(kernel: Kernel, master: Fd, slave: Fd, ready: Fd, go: Fd) -> int:
    kernel.close(master)
    kernel.ioctl_tiocnotty(slave)
    kernel.write(ready, b"x")
    kernel.read(go, 1)
    refused(ENXIO, kernel.open, "/dev/tty", RDWR)
    return 7


def _hang_up_on_a_session(kernel: Kernel) -> None:
    master, path = new_pair(kernel)
    kernel.setsid()
    ignore(kernel, Signal.HUP)
    slave = kernel.open(path, RDWR)
    reader, ready = kernel.pipe2(0)
    go, goer = kernel.pipe2(0)
    member = kernel.clone(Signal.CHLD, _disown, master, slave, ready, go)
    kernel.read(reader, 1)
    kernel.close(master)
    refused(ENXIO, kernel.open, "/dev/tty", RDWR)
    kernel.write(goer, b"x")
    expect("its status", kernel.wait4(member)[1], 7 << 8)


@case(tree=True)
def a_hangup_takes_the_terminal_from_who_has_it_still(kernel: Kernel) -> None:
    in_child(kernel, _hang_up_on_a_session)
