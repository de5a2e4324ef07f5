"""Cases: what a kernel answers whose security modules keep no labels: attributes of processes and files, options of mounts.

Most test hosts have no other kernel. A host with AppArmor or SELinux answers differently: see `fakekernel.security`.
"""

from errno import EBADF, EINVAL, ENODATA, ENODEV, ENOENT, EOPNOTSUPP, EPERM, ERANGE, EROFS

from kernelapi.flags import CloneFlag, FileType, MountFlag, OpenFlag, Seek, Signal, StatfsFlag
from kernelapi.ids import Fd, Gid, Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, refused
from kernelapi.testing.cases.proc import asleep, contents, end, names, put

RDONLY, WRONLY = OpenFlag.RDONLY, OpenFlag.WRONLY
LABEL = "security.selinux"
CONTEXT = b"system_u:object_r:tmp_t:s0"
ATTRIBUTES = {"current", "exec", "fscreate", "keycreate", "prev", "sockcreate"}

# -- attributes of processes --


@case(tree=True)
def without_a_security_module_there_are_no_attributes(kernel: Kernel) -> None:
    expect("the files", names(kernel, "/proc/self/attr"), ATTRIBUTES)
    expect("the same for a thread", names(kernel, f"/proc/self/task/{kernel.getpid()}/attr"), ATTRIBUTES)
    for name in sorted(ATTRIBUTES):
        path = f"/proc/self/attr/{name}"
        mode = 0o444 if name == "prev" else 0o666
        expect(path, kernel.stat(path).mode, FileType.REG | mode)
        refused(EINVAL, contents, kernel, path)
        for data in (b"label", b"exec label", b"\n", b"x" * 5000):
            refused(EINVAL, put, kernel, path, data)
    refused(ENOENT, kernel.stat, "/proc/self/attr/apparmor")


@case(tree=True)
def an_attribute_is_written_at_its_start(kernel: Kernel) -> None:
    fd = kernel.open("/proc/self/attr/exec", OpenFlag.RDWR)
    expect("its length", kernel.lseek(fd, 0, Seek.END), 0)
    expect("beyond", kernel.lseek(fd, 5, Seek.CUR), 5)
    refused(EINVAL, kernel.write, fd, b"label")
    refused(EINVAL, kernel.read, fd, 10)
    refused(EINVAL, kernel.lseek, fd, -1, Seek.SET)


@case(tree=True)
def attributes_are_written_by_whom_they_are_of(kernel: Kernel) -> None:
    pid = asleep(kernel)
    refused(EINVAL, contents, kernel, f"/proc/{pid}/attr/exec")
    refused(EPERM, put, kernel, f"/proc/{pid}/attr/exec", b"label")
    end(kernel, pid)
    fd = kernel.open("/proc/self/attr/exec", WRONLY)
    expect("by a child, through the parent's descriptor", in_child(kernel, errno_of_write, fd), EPERM)
    kernel.setresuid(-1, 1000, -1)
    expect("with other ids than at the time of opening", errno_of_write(kernel, fd), EINVAL)


def errno_of_write(kernel: Kernel, fd: Fd) -> int:
    return errno_of(kernel.write, fd, b"label")


@case(tree=True)
def whoever_is_gone_has_no_attributes(kernel: Kernel) -> None:
    child = kernel.clone(Signal.CHLD, nothing)
    kernel.wait4(child)
    refused(ENOENT, kernel.open, f"/proc/{child}/attr/exec", WRONLY)
    child = asleep(kernel)
    kernel.kill(child, Signal.KILL)
    fd = kernel.open(f"/proc/{child}/attr/exec", OpenFlag.RDWR)
    refused(EPERM, kernel.write, fd, b"label")
    kernel.wait4(child)
    refused(EPERM, kernel.write, fd, b"label")


def nothing(kernel: Kernel) -> None:
    pass


@case(tree=True)
def an_attribute_that_was_opened_before_exec_is_lost(kernel: Kernel) -> None:
    kernel.open("/proc/self/attr/exec", WRONLY)
    reader, writer = kernel.pipe()
    fd = kernel.open("/proc/self/attr/exec", WRONLY)
    child = kernel.clone(Signal.CHLD, write_after_exec, fd, writer)
    kernel.close(writer)
    _, status = kernel.wait4(child)
    expect("the status of echo, which could not write", status, 1 << 8)
    expect("what it wrote otherwise", kernel.read(reader, 10), b"")


def write_after_exec(kernel: Kernel, fd: Fd, writer: Fd) -> None:
    own = kernel.open("/proc/self/attr/exec", WRONLY)
    kernel.dup2(own, Fd(1))
    kernel.open("/dev/null", WRONLY)
    kernel.dup2(kernel.open("/dev/null", WRONLY), Fd(2))
    kernel.execve("/bin/echo", ("echo", "label"), ())


# -- what a mount may ask for --


@case(tree=True)
def without_selinux_no_file_system_knows_a_context(kernel: Kernel) -> None:
    kernel.mkdir("/a", 0o755)
    for fstype in ("tmpfs", "devpts", "mqueue", "proc", "sysfs", "securityfs"):
        for option in ('context="system_u:object_r:tmp_t:s0:c1,c2"', "context=label", "seclabel"):
            refused(EINVAL, kernel.mount, "x", "/a", fstype, 0, option)
    kernel.mount("x", "/a", "ramfs", 0, 'context="system_u:object_r:tmp_t:s0:c1,c2"')  # which knows no option, and minds none
    refused(ENODEV, kernel.mount, "x", "/a", "selinuxfs", 0, "")


@case(tree=True)
def securityfs_is_one_for_all(kernel: Kernel) -> None:
    kernel.mkdir("/a", 0o755)
    kernel.mkdir("/b", 0o755)
    kernel.mount("x", "/a", "securityfs", 0, "")
    kernel.mount("y", "/b", "securityfs", MountFlag.RDONLY, "")
    expect("the same instance", kernel.stat("/a").dev, kernel.stat("/b").dev)
    expect("the list's mode", kernel.stat("/a/lsm").mode, FileType.REG | 0o444)
    refused(EPERM, kernel.mkdir, "/a/new", 0o755)
    in_child(kernel, mount_security, flags=CloneFlag.NEWUSER | CloneFlag.NEWNS)


def mount_security(kernel: Kernel) -> None:
    refused(EPERM, kernel.mount, "x", "/tmp", "securityfs", 0, "")


# -- labels of files --


@case(tree=True)
def a_label_is_kept_as_it_is_given(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    kernel.symlink("d", "link")
    refused(ENODATA, kernel.getxattr, "d", LABEL)
    kernel.setxattr("link", LABEL, CONTEXT)
    expect("of what the link leads to", kernel.getxattr("link", LABEL), CONTEXT)
    refused(ENODATA, kernel.lgetxattr, "link", LABEL)
    kernel.lsetxattr("link", LABEL, b"no context\0")
    expect("of the link itself", kernel.lgetxattr("link", LABEL), b"no context\0")
    expect("still", kernel.lgetxattr("d", LABEL), CONTEXT)
    kernel.setxattr("d", LABEL, b"")
    expect("an empty one", kernel.getxattr("d", LABEL), b"")
    refused(ENOENT, kernel.getxattr, "missing", LABEL)
    refused(ERANGE, kernel.getxattr, "d", "")
    refused(ERANGE, kernel.lgetxattr, "d", "x" * 256)
    refused(EOPNOTSUPP, kernel.getxattr, "d", "unheard.of")


@case(tree=True)
def some_file_systems_keep_no_labels(kernel: Kernel) -> None:
    kernel.mkdir("/a", 0o755)
    kernel.mount("x", "/a", "ramfs", 0, "")
    for path in ("/proc", "/proc/self/status", "/dev/pts", "/a"):
        refused(EOPNOTSUPP, kernel.setxattr, path, LABEL, CONTEXT)
        refused(EOPNOTSUPP, kernel.getxattr, path, LABEL)


@case(tree=True)
def only_the_owner_labels_a_file_and_who_may_act_as_such(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    for name in ("mine", "roots"):
        kernel.mkdir(name, 0o755)
        kernel.setxattr(name, LABEL, CONTEXT)
    kernel.chown("mine", 1000, 1000)
    kernel.setxattr("mine", LABEL, CONTEXT)
    in_child(kernel, label_without_capabilities)
    kernel.mkdir("/m", 0o755)
    in_child(kernel, label_in_user_namespace, flags=CloneFlag.NEWUSER | CloneFlag.NEWNS)
    kernel.mount("x", "/m", "tmpfs", MountFlag.RDONLY, "")
    refused(EROFS, kernel.lsetxattr, "/m", LABEL, CONTEXT)


def label_without_capabilities(kernel: Kernel) -> None:
    kernel.setresgid(Gid(1000), Gid(1000), Gid(1000))
    kernel.setresuid(Uid(1000), Uid(1000), Uid(1000))
    kernel.setxattr("mine", LABEL, CONTEXT)
    refused(EPERM, kernel.setxattr, "roots", LABEL, CONTEXT)
    refused(EPERM, kernel.setxattr, "/proc/1/status", LABEL, CONTEXT)  # even where there could be none
    expect("what anybody may read", kernel.getxattr("roots", LABEL), CONTEXT)


def label_in_user_namespace(kernel: Kernel) -> None:
    refused(EPERM, kernel.setxattr, "mine", LABEL, CONTEXT)
    kernel.mount("x", "/m", "tmpfs", 0, "")
    kernel.setxattr("/m", LABEL, CONTEXT)
    expect("in a file system of its own", kernel.getxattr("/m", LABEL), CONTEXT)


# -- statfs --

PROC_MAGIC, TMPFS_MAGIC, DEVPTS_MAGIC, SYSFS_MAGIC, MQUEUE_MAGIC = 0x9FA0, 0x1021994, 0x1CD1, 0x62656572, 0x19800202


@case(tree=True)
def statfs_tells_what_is_mounted_and_how(kernel: Kernel) -> None:
    kernel.mkdir("/a", 0o755)
    kernel.symlink("/a", "/link")
    valid = StatfsFlag.VALID
    for fstype, magic in {
        "tmpfs": TMPFS_MAGIC, "proc": PROC_MAGIC, "sysfs": SYSFS_MAGIC, "devpts": DEVPTS_MAGIC, "mqueue": MQUEUE_MAGIC,
        "ramfs": 0x858458F6, "securityfs": 0x73636673,
    }.items():  # fmt: skip
        kernel.mount("x", "/a", fstype, MountFlag.NOSUID | MountFlag.NODEV | MountFlag.NOEXEC, "")
        found = kernel.statfs("/link")
        expect(fstype, (hex(found.type), found.flags), (hex(magic), valid | 0x1000 | 2 | 4 | 8))
    kernel.mount("x", "/a", "tmpfs", MountFlag.RDONLY | MountFlag.NOATIME | MountFlag.NODIRATIME | MountFlag.NOSYMFOLLOW, "")
    expect("other flags", kernel.statfs("/a").flags, valid | 1 | 0x400 | 0x800 | 0x2000)
    kernel.mount("", "/a", "", MountFlag.REMOUNT | MountFlag.BIND | MountFlag.STRICTATIME, "")
    expect("the file system is still read-only", kernel.statfs("/a").flags, valid | 1)
    kernel.mount("x", "/a", "tmpfs", MountFlag.SYNCHRONOUS | MountFlag.RELATIME, "")
    expect("a flag of the file system", kernel.statfs("/a").flags, valid | 0x10 | 0x1000)
    refused(ENOENT, kernel.statfs, "/missing")


@case(tree=True)
def statfs_of_a_descriptor(kernel: Kernel) -> None:
    fd = kernel.open("/proc/self/status", RDONLY)
    expect("a file of proc", kernel.fstatfs(fd).type, PROC_MAGIC)
    expect("by O_PATH", kernel.fstatfs(kernel.open("/proc", OpenFlag.PATH)).type, PROC_MAGIC)
    reader, _ = kernel.pipe()
    found = kernel.fstatfs(reader)
    expect("a pipe", (hex(found.type), found.flags), (hex(0x50495045), StatfsFlag.VALID))
    refused(EBADF, kernel.fstatfs, Fd(99))
    expect("a namespace", kernel.statfs("/proc/self/ns/uts").type, 0x6E736673)
    expect("a process", kernel.fstatfs(kernel.pidfd_open(kernel.getpid(), 0)).type, 0x50494446)
