"""Descriptors and what they refer to: tables, close-on-exec, duplicates, pipes, plain reading and writing (fs/file.c)."""

from errno import (
    EAGAIN,
    EBADF,
    EBUSY,
    ECONNRESET,
    EFBIG,
    EINVAL,
    EIO,
    EISDIR,
    EMFILE,
    EMSGSIZE,
    ENOENT,
    ENOSPC,
    ENOTDIR,
    ENXIO,
    EPIPE,
    ESPIPE,
)
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.flags import Seek
from kernelapi.ids import Fd
from kernelapi.protocol.cgroups import READ_CGROUP, WRITE_CGROUP
from kernelapi.protocol.namespace_files import WRITE_NAMESPACE_FILE
from kernelapi.protocol.proc import LIST_PROC, READ_PROC, WRITE_PROC
from kernelapi.rules import ARGUMENTS, STATE, Effect, Refusal
from kernelapi.values import DirEntry

NOT_OPEN = Refusal(
    "descriptor.ebadf.closed", call="descriptor", errno=EBADF, depends=ARGUMENTS,
    cause="the descriptor is not open", source="close(2); fs/file.c fget",
)  # fmt: skip
IS_PATH_ONLY = Refusal(
    "descriptor.ebadf.path", call="descriptor", errno=EBADF, depends=STATE,
    cause="the descriptor was opened with O_PATH", source="open(2), O_PATH; fs/file.c fget",
)  # fmt: skip
TOO_MANY_OPEN = Refusal(
    "descriptor.emfile", call="descriptor", errno=EMFILE, depends=STATE,
    cause="no number below RLIMIT_NOFILE is free", source="open(2); fs/file.c alloc_fd",
)  # fmt: skip

CLOSE_RANGE_FLAGS = Refusal(
    "close_range.einval.flags", call="close_range", errno=EINVAL, depends=ARGUMENTS,
    cause="an unknown flag", source="close_range(2); fs/file.c close_range",
)  # fmt: skip
CLOSE_RANGE_ORDER = Refusal(
    "close_range.einval.order", call="close_range", errno=EINVAL, depends=ARGUMENTS,
    cause="the first number is greater than the last", source="close_range(2); fs/file.c close_range",
)  # fmt: skip

DUP3_FLAGS = Refusal(
    "dup3.einval.flags", call="dup3", errno=EINVAL, depends=ARGUMENTS,
    cause="a flag other than O_CLOEXEC", source="dup(2); fs/file.c ksys_dup3",
)  # fmt: skip
DUP3_SAME = Refusal(
    "dup3.einval.same", call="dup3", errno=EINVAL, depends=ARGUMENTS,
    cause="both numbers are the same", source="dup(2); fs/file.c ksys_dup3",
)  # fmt: skip
DUP_TARGET_TOO_LARGE = Refusal(
    "dup2.ebadf.limit", call="dup2", errno=EBADF, depends=STATE,
    cause="the new number is not below RLIMIT_NOFILE", source="dup(2); fs/file.c ksys_dup3",
)  # fmt: skip
DUP_TARGET_BUSY = Refusal(
    "dup2.ebusy", call="dup2", errno=EBUSY, depends=STATE, excuse="needs a race",
    cause="the new number is taken by an open that has not finished", source="dup(2); fs/file.c do_dup2",
)  # fmt: skip
DUPFD_TOO_LARGE = Refusal(
    "fcntl_dupfd.einval.limit", call="fcntl_dupfd", errno=EINVAL, depends=STATE,
    cause="the lowest number wanted is not below RLIMIT_NOFILE", source="fcntl(2), F_DUPFD; fs/file.c f_dupfd",
)  # fmt: skip

PIPE_FLAGS = Refusal(
    "pipe2.einval.flags", call="pipe2", errno=EINVAL, depends=ARGUMENTS,
    cause="an unknown flag", source="pipe(2); fs/pipe.c __do_pipe_flags",
)  # fmt: skip

READ_NOT_OPEN_FOR = Refusal(
    "read.ebadf.mode", call="read", errno=EBADF, depends=STATE,
    cause="the description is not open for reading", source="read(2); fs/read_write.c vfs_read",
)  # fmt: skip
READ_NOT_READABLE = Refusal(
    "read.einval.unsuitable", call="read", errno=EINVAL, depends=STATE,
    cause="the file is of a kind that has no reading: a pidfd, a namespace, some files of proc",
    source="read(2); fs/read_write.c vfs_read",
)  # fmt: skip
READ_DIRECTORY = Refusal(
    "read.eisdir", call="read", errno=EISDIR, depends=STATE,
    cause="the file is a directory", source="read(2); fs/libfs.c generic_read_dir",
)  # fmt: skip
READ_WOULD_BLOCK = Refusal(
    "read.eagain", call="read", errno=EAGAIN, depends=STATE,
    cause="there is nothing to read yet, and O_NONBLOCK is set", source="read(2); fs/pipe.c anon_pipe_read",
)  # fmt: skip

WRITE_NOT_OPEN_FOR = Refusal(
    "write.ebadf.mode", call="write", errno=EBADF, depends=STATE,
    cause="the description is not open for writing", source="write(2); fs/read_write.c vfs_write",
)  # fmt: skip
WRITE_NOT_WRITABLE = Refusal(
    "write.einval.unsuitable", call="write", errno=EINVAL, depends=STATE,
    cause="the file is of a kind that has no writing: a pidfd, a namespace, most files of proc",
    source="write(2); fs/read_write.c vfs_write",
)  # fmt: skip
WRITE_TOO_LARGE = Refusal(
    "write.efbig", call="write", errno=EFBIG, depends=STATE,
    cause="the offset is not below RLIMIT_FSIZE: SIGXFSZ is sent as well",
    source="write(2); fs/read_write.c generic_write_check_limits",
)  # fmt: skip
WRITE_NO_SPACE = Refusal(
    "write.enospc", call="write", errno=ENOSPC, depends=STATE,
    cause="the device is /dev/full, which has no room", source="write(2), full(4); drivers/char/mem.c write_full",
)  # fmt: skip
WRITE_BROKEN_PIPE = Refusal(
    "write.epipe", call="write", errno=EPIPE, depends=STATE,
    cause="nobody can read any more what is written: SIGPIPE is sent as well",
    source="pipe(7), unix(7); fs/pipe.c anon_pipe_write, net/unix/af_unix.c unix_stream_sendmsg",
)  # fmt: skip
WRITE_WOULD_BLOCK = Refusal(
    "write.eagain", call="write", errno=EAGAIN, depends=STATE,
    cause="there is no room, and O_NONBLOCK is set", source="write(2), pipe(7); fs/pipe.c anon_pipe_write",
)  # fmt: skip
WRITE_DROPS_SET_ID = Effect(
    "write.set-id", call="write",
    cause="writing to a file clears its set-user-ID bit, and the set-group-ID bit where the group may execute it, "
    "unless the writer has CAP_FSETID over the initial user namespace",
    source="write(2); fs/inode.c file_remove_privs, fs/attr.c setattr_should_drop_suidgid",
)  # fmt: skip
WRITE_DROPS_CAPABILITIES = Effect(
    "write.security-capability", call="write",
    cause="writing to a file removes its capabilities, whoever writes",
    source="capabilities(7); security/commoncap.c cap_inode_killpriv",
)  # fmt: skip

SOCKET_RESET = Refusal(
    "sockets.econnreset", call="sockets", errno=ECONNRESET, depends=STATE,
    cause="the peer was closed while it had unread data; it is said once, by a stream after what is still queued, by a "
    "seqpacket socket, or by a sender that waited for room, at once",
    source="unix(7); net/unix/af_unix.c unix_release_sock, net/core/sock.c sock_error",
)  # fmt: skip
SOCKET_MESSAGE_TOO_LONG = Refusal(
    "sendmsg.emsgsize", call="sendmsg", errno=EMSGSIZE, depends=ARGUMENTS,
    cause="a seqpacket socket cannot send so much in one message (the send buffer, less 32 bytes)",
    source="unix(7); net/unix/af_unix.c unix_dgram_sendmsg",
)  # fmt: skip
SOCKET_BROKEN = Refusal(
    "sendmsg.epipe.quiet", call="sendmsg", errno=EPIPE, depends=STATE,
    cause="a seqpacket socket whose sending side is shut, or whose peer is closed; no SIGPIPE is sent, whatever the flags",
    source="unix(7), which says that SIGPIPE is sent; net/unix/af_unix.c unix_dgram_sendmsg",
)  # fmt: skip

LSEEK_WHENCE = Refusal(
    "lseek.einval.whence", call="lseek", errno=EINVAL, depends=ARGUMENTS,
    cause="an unknown `whence`", source="lseek(2); fs/read_write.c ksys_lseek",
)  # fmt: skip
LSEEK_PIPE = Refusal(
    "lseek.espipe", call="lseek", errno=ESPIPE, depends=STATE,
    cause="the file is a pipe, a socket or a terminal", source="lseek(2); fs/read_write.c vfs_llseek",
)  # fmt: skip
LSEEK_NEGATIVE = Refusal(
    "lseek.einval.negative", call="lseek", errno=EINVAL, depends=ARGUMENTS,
    cause="the offset would be negative, or beyond what the file can have", source="lseek(2); fs/read_write.c vfs_setpos",
)  # fmt: skip

GETDENTS_NOT_A_DIRECTORY = Refusal(
    "getdents64.enotdir", call="getdents64", errno=ENOTDIR, depends=STATE,
    cause="the file is not a directory", source="getdents(2); fs/readdir.c iterate_dir",
)  # fmt: skip
GETDENTS_REMOVED = Refusal(
    "getdents64.enoent", call="getdents64", errno=ENOENT, depends=STATE,
    cause="the directory has been removed", source="getdents(2); fs/readdir.c iterate_dir",
)  # fmt: skip
GETDENTS_TOO_SMALL = Refusal(
    "getdents64.einval.count", call="getdents64", errno=EINVAL, depends=ARGUMENTS,
    cause="the next entry does not fit the buffer", source="getdents(2); fs/readdir.c filldir64",
)  # fmt: skip

OPEN_FIFO_WITHOUT_READER = Refusal(
    "openat.enxio.fifo", call="openat", errno=ENXIO, depends=STATE,
    cause="a FIFO is opened for writing only with O_NONBLOCK, and nobody has it open for reading",
    source="fifo(7); fs/pipe.c fifo_open",
)  # fmt: skip
READ_HUNG_UP = Refusal(
    "read.eio", call="read", errno=EIO, depends=STATE,
    cause="every slave of this pseudoterminal's master is closed", source="pty(7); drivers/tty/n_tty.c n_tty_read",
)  # fmt: skip
WRITE_HUNG_UP = Refusal(
    "write.eio", call="write", errno=EIO, depends=STATE,
    cause="the terminal was hung up, or its other side is closed", source="pty(7); drivers/tty/n_tty.c n_tty_write",
)  # fmt: skip

CLOSE_HANGS_UP = Effect(
    "close.hangup", call="close",
    cause="closing the last descriptor of a master hangs up its slave: the session that it controls loses it, the leader "
    "gets SIGHUP and SIGCONT, open descriptors read the end, and the node is gone",
    source="pty(7); drivers/tty/pty.c pty_close, drivers/tty/tty_io.c __tty_hangup",
)  # fmt: skip


class Descriptors(Protocol):
    """A descriptor is a number in a table; behind it stands an open file description, which may have several."""

    @syscall(NOT_OPEN, CLOSE_HANGS_UP)
    def close(self, fd: Fd) -> None:
        """Free the descriptor."""

    @syscall(CLOSE_RANGE_FLAGS, CLOSE_RANGE_ORDER, CLOSE_HANGS_UP)
    def close_range(self, first: int, last: int, flags: int = 0) -> None:
        """Close the descriptors from `first` to `last`, or mark them close-on-exec (`CloseRangeFlag`)."""

    @syscall(NOT_OPEN, TOO_MANY_OPEN)
    def dup(self, fd: Fd) -> Fd:
        """The lowest free descriptor, for the same open file description; not close-on-exec."""

    @syscall(DUP_TARGET_TOO_LARGE, NOT_OPEN, DUP_TARGET_BUSY, CLOSE_HANGS_UP)
    def dup2(self, fd: Fd, to: Fd) -> Fd:
        """Make `to` a duplicate of `fd`, closing what it was; the same number is left as it is."""

    @syscall(DUP3_FLAGS, DUP3_SAME, DUP_TARGET_TOO_LARGE, NOT_OPEN, DUP_TARGET_BUSY, CLOSE_HANGS_UP)
    def dup3(self, fd: Fd, to: Fd, flags: int) -> Fd:
        """As dup2, but `flags` may hold O_CLOEXEC, and the same number is an error."""

    @syscall(NOT_OPEN, DUPFD_TOO_LARGE, TOO_MANY_OPEN)
    def fcntl_dupfd(self, fd: Fd, lowest: int) -> Fd:
        """A duplicate with a number not below `lowest` (F_DUPFD)."""

    @syscall(NOT_OPEN, DUPFD_TOO_LARGE, TOO_MANY_OPEN)
    def fcntl_dupfd_cloexec(self, fd: Fd, lowest: int) -> Fd:
        """A close-on-exec duplicate with a number not below `lowest` (F_DUPFD_CLOEXEC)."""

    @syscall(NOT_OPEN)
    def fcntl_getfd(self, fd: Fd) -> int:
        """The flags of the descriptor: `FdFlag` bits (F_GETFD)."""

    @syscall(NOT_OPEN)
    def fcntl_setfd(self, fd: Fd, flags: int) -> None:
        """Set the flags of the descriptor (F_SETFD)."""

    @syscall(NOT_OPEN)
    def fcntl_getfl(self, fd: Fd) -> int:
        """The access mode and status flags of the description: `OpenFlag` bits (F_GETFL).

        Without O_LARGEFILE, which says nothing on a 64-bit machine.
        """

    @syscall(NOT_OPEN, IS_PATH_ONLY)
    def fcntl_setfl(self, fd: Fd, flags: int) -> None:
        """Set the status flags of the description (F_SETFL). Modelled: O_APPEND and O_NONBLOCK."""

    @syscall(PIPE_FLAGS, TOO_MANY_OPEN)
    def pipe2(self, flags: int) -> tuple[Fd, Fd]:
        """A pipe: its read end, its write end."""

    @syscall(
        NOT_OPEN, IS_PATH_ONLY, READ_NOT_OPEN_FOR, READ_NOT_READABLE, READ_DIRECTORY, SOCKET_RESET, READ_WOULD_BLOCK,
        READ_HUNG_UP, READ_PROC, READ_CGROUP,
    )  # fmt: skip
    def read(self, fd: Fd, count: int) -> bytes:
        """Up to `count` bytes; b"" at the end."""

    @syscall(
        NOT_OPEN, IS_PATH_ONLY, WRITE_NOT_OPEN_FOR, WRITE_NOT_WRITABLE, WRITE_TOO_LARGE, WRITE_NO_SPACE, WRITE_BROKEN_PIPE,
        SOCKET_RESET, SOCKET_MESSAGE_TOO_LONG, SOCKET_BROKEN, WRITE_WOULD_BLOCK, WRITE_HUNG_UP, WRITE_PROC,
        WRITE_NAMESPACE_FILE, WRITE_CGROUP, WRITE_DROPS_SET_ID, WRITE_DROPS_CAPABILITIES,
    )  # fmt: skip
    def write(self, fd: Fd, data: bytes) -> int:
        """Write; returns how many bytes were taken."""

    @syscall(NOT_OPEN, IS_PATH_ONLY, LSEEK_WHENCE, LSEEK_PIPE, LSEEK_NEGATIVE)
    def lseek(self, fd: Fd, offset: int, whence: int = Seek.SET) -> int:
        """Move the offset of the description; returns the new one."""

    @syscall(NOT_OPEN, IS_PATH_ONLY, GETDENTS_NOT_A_DIRECTORY, GETDENTS_REMOVED, LIST_PROC, GETDENTS_TOO_SMALL)
    def getdents64(self, fd: Fd, count: int = 32768) -> tuple[DirEntry, ...]:
        """The next directory entries, as many as fit `count` bytes; () at the end. Their order is the file system's."""
