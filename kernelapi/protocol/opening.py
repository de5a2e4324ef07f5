"""The rules of opening a file (open(2), fs/namei.c, fs/open.c)."""

from errno import EACCES, EEXIST, EINVAL, EISDIR, ELOOP, ENODEV, ENXIO, EOPNOTSUPP, EPERM, EROFS, ETXTBSY

from kernelapi.rules import ARGUMENTS, STATE, Effect, Refusal

OPEN_FLAGS = Refusal(
    "openat.einval.flags", call="openat", errno=EINVAL, depends=ARGUMENTS,
    cause="O_CREAT with O_DIRECTORY, or O_TMPFILE without write access",
    source="open(2); fs/open.c build_open_flags",
)  # fmt: skip
OPEN_CREATE_SLASH = Refusal(
    "openat.eisdir.slash", call="openat", errno=EISDIR, depends=ARGUMENTS,
    cause="O_CREAT, and a slash follows the name",
    source="open(2); fs/namei.c open_last_lookups",
)  # fmt: skip
OPEN_EXISTS = Refusal(
    "openat.eexist", call="openat", errno=EEXIST, depends=STATE,
    cause="O_CREAT and O_EXCL, and the file exists, be it as a dangling symbolic link",
    source="open(2); fs/namei.c do_open",
)  # fmt: skip
OPEN_CREATE_DIRECTORY = Refusal(
    "openat.eisdir.create", call="openat", errno=EISDIR, depends=STATE,
    cause="O_CREAT, and the file is a directory",
    source="open(2); fs/namei.c do_open",
)  # fmt: skip
OPEN_STICKY = Refusal(
    "openat.eacces.sticky", call="openat", errno=EACCES, depends=STATE,
    cause="O_CREAT, and the file is there: a device, a socket or a link not followed, in a sticky directory that everybody may "
    "write, owned neither by the caller nor by the directory's owner (fs.protected_regular and fs.protected_fifos add those)",
    source="proc_sys_fs(5); fs/namei.c may_create_in_sticky",
)  # fmt: skip
OPEN_CREATE_UNSUPPORTED = Refusal(
    "openat.eacces.unsupported", call="openat", errno=EACCES, depends=STATE,
    cause="in this file system no regular file can be made",
    source="open(2); fs/namei.c lookup_open",
)  # fmt: skip
OPEN_TRUNCATE_READ_ONLY = Refusal(
    "openat.erofs.truncate", call="openat", errno=EROFS, depends=STATE,
    cause="O_TRUNC on a read-only mount, whatever the permissions",
    source="open(2); fs/namei.c do_open",
)  # fmt: skip
OPEN_LINK = Refusal(
    "openat.eloop.nofollow", call="openat", errno=ELOOP, depends=STATE,
    cause="O_NOFOLLOW without O_PATH, and the path ends in a symbolic link",
    source="open(2); fs/namei.c may_open",
)  # fmt: skip
OPEN_DIRECTORY = Refusal(
    "openat.eisdir.write", call="openat", errno=EISDIR, depends=STATE,
    cause="write access is asked for, and the file is a directory",
    source="open(2); fs/namei.c may_open",
)  # fmt: skip
OPEN_NODEV = Refusal(
    "openat.eacces.nodev", call="openat", errno=EACCES, depends=STATE,
    cause="the file is a device, on a mount or a file system that has none",
    source="mount(2); fs/namei.c may_open",
)  # fmt: skip
OPEN_READ_ONLY_FILE_SYSTEM = Refusal(
    "openat.erofs.superblock", call="openat", errno=EROFS, depends=STATE,
    cause="write access is asked for, and the file system itself is read-only",
    source="open(2); fs/namei.c sb_permission",
)  # fmt: skip
OPEN_IMMUTABLE = Refusal(
    "openat.eperm.immutable", call="openat", errno=EPERM, depends=STATE,
    cause="write access or O_TRUNC is asked for, and the file is a namespace: nobody may write it",
    source="open(2); fs/namei.c inode_permission",
)  # fmt: skip
OPEN_DENIED = Refusal(
    "openat.eacces", call="openat", errno=EACCES, depends=STATE,
    cause="the file does not give the caller the access that it asks for",
    source="open(2); fs/namei.c inode_permission",
)  # fmt: skip
OPEN_DEVICE_CGROUP = Refusal(
    "openat.eperm.cgroup", call="openat", errno=EPERM, depends=STATE,
    cause="the file is a device that the caller's devices cgroup does not let it access in this way",
    source="cgroups(7); security/device_cgroup.c devcgroup_inode_permission",
)  # fmt: skip
OPEN_NOATIME = Refusal(
    "openat.eperm.noatime", call="openat", errno=EPERM, depends=STATE,
    cause="O_NOATIME, and the caller neither owns the file nor has CAP_FOWNER towards it",
    source="open(2); fs/namei.c may_open",
)  # fmt: skip
OPEN_BUSY = Refusal(
    "openat.etxtbsy", call="openat", errno=ETXTBSY, depends=STATE,
    cause="it is the program of a process, and is to be written", source="open(2); fs/open.c do_dentry_open",
)  # fmt: skip
OPEN_READ_ONLY = Refusal(
    "openat.erofs", call="openat", errno=EROFS, depends=STATE,
    cause="write access is asked for through a read-only mount",
    source="open(2); fs/open.c do_dentry_open",
)  # fmt: skip
OPEN_TRUNCATE_UNSUPPORTED = Refusal(
    "openat.eopnotsupp.truncate", call="openat", errno=EOPNOTSUPP, depends=STATE,
    cause="O_TRUNC, and the file is a pidfd", source="fs/pidfs.c pidfs_setattr", since="6.9",
)  # fmt: skip
OPEN_FIFO_FOR_NOTHING = Refusal(
    "openat.einval.fifo", call="openat", errno=EINVAL, depends=ARGUMENTS,
    cause="the file is a FIFO or a pipe, and the access mode is 3: neither for reading nor for writing",
    source="open(2); fs/pipe.c fifo_open",
)  # fmt: skip
OPEN_NO_DEVICE = Refusal(
    "openat.enxio", call="openat", errno=ENXIO, depends=STATE,
    cause="there is no device of that number, no controlling terminal behind /dev/tty, or the file is a socket",
    source="open(2); fs/char_dev.c chrdev_open",
)  # fmt: skip
OPEN_NO_MISC_DEVICE = Refusal(
    "openat.enodev", call="openat", errno=ENODEV, depends=STATE,
    cause="among the miscellaneous devices, major number 10, there is none of that minor number",
    source="open(2); drivers/char/misc.c misc_open",
)  # fmt: skip
TRUNCATE_DROPS_PRIVILEGES = Effect(
    "openat.privileges", call="openat",
    cause="O_TRUNC takes the file's capabilities, and its set-id bits unless the caller has CAP_FSETID over the initial"
    " user namespace",
    source="open(2); fs/open.c do_truncate",
)  # fmt: skip
