"""The rules of making, removing and moving the entries of directories (fs/namei.c)."""

from errno import (
    EACCES,
    EBUSY,
    EEXIST,
    EINVAL,
    EISDIR,
    ENAMETOOLONG,
    ENOENT,
    ENOTDIR,
    ENOTEMPTY,
    EOVERFLOW,
    EPERM,
    EROFS,
    EXDEV,
)

from kernelapi.rules import ARGUMENTS, STATE, Effect, Refusal

# -- making --

CREATE_DOTS = Refusal(
    "create.eexist.dots", call="create", errno=EEXIST, depends=ARGUMENTS,
    cause='the path ends in "/", "." or ".."',
    source="mkdir(2); fs/namei.c filename_create",
)  # fmt: skip
CREATE_REMOVED = Refusal(
    "create.enoent.removed", call="create", errno=ENOENT, depends=STATE,
    cause="the directory has been removed",
    source="mkdir(2); fs/namei.c lookup_one_qstr_excl",
)  # fmt: skip
CREATE_EXISTS = Refusal(
    "create.eexist", call="create", errno=EEXIST, depends=STATE,
    cause="the name exists, be it a dangling symbolic link",
    source="mkdir(2); fs/namei.c filename_create",
)  # fmt: skip
CREATE_SLASH = Refusal(
    "create.enoent.slash", call="create", errno=ENOENT, depends=ARGUMENTS,
    cause="a slash follows the name of what is to be no directory",
    source="path_resolution(7); fs/namei.c filename_create",
)  # fmt: skip
CREATE_READ_ONLY = Refusal(
    "create.erofs", call="create", errno=EROFS, depends=STATE,
    cause="the mount or its file system is read-only",
    source="mkdir(2); fs/namespace.c mnt_want_write",
)  # fmt: skip
CREATE_UNMAPPED = Refusal(
    "create.eoverflow", call="create", errno=EOVERFLOW, depends=STATE,
    cause="the caller's filesystem ids have no mapping in the user namespace of the file system",
    source="user_namespaces(7); fs/namei.c may_create",
)  # fmt: skip
CREATE_DENIED = Refusal(
    "create.eacces", call="create", errno=EACCES, depends=STATE,
    cause="the directory gives the caller no write or no search permission",
    source="mkdir(2); fs/namei.c may_create",
)  # fmt: skip
CREATE_UNSUPPORTED = Refusal(
    "create.eperm.unsupported", call="create", errno=EPERM, depends=STATE,
    cause="in this file system or directory nothing of that kind can be made",
    source="mkdir(2); fs/namei.c vfs_mkdir",
)  # fmt: skip
MKNOD_DIRECTORY = Refusal(
    "mknodat.eperm.directory", call="mknodat", errno=EPERM, depends=ARGUMENTS,
    cause="the type is that of a directory",
    source="mknod(2); fs/namei.c may_mknod",
)  # fmt: skip
MKNOD_TYPE = Refusal(
    "mknodat.einval.type", call="mknodat", errno=EINVAL, depends=ARGUMENTS,
    cause="the type is none, or that of a symbolic link",
    source="mknod(2); fs/namei.c may_mknod",
)  # fmt: skip
MKNOD_FILE_UNSUPPORTED = Refusal(
    "mknodat.eacces.unsupported", call="mknodat", errno=EACCES, depends=STATE,
    cause="in this file system no regular file can be made",
    source="fs/namei.c vfs_create",
)  # fmt: skip
MKNOD_UNPRIVILEGED = Refusal(
    "mknodat.eperm.unprivileged", call="mknodat", errno=EPERM, depends=STATE,
    cause="a device needs CAP_MKNOD over the initial user namespace, but for the character device 0:0",
    source="mknod(2); fs/namei.c vfs_mknod",
)  # fmt: skip
MKNOD_DEVICE_CGROUP = Refusal(
    "mknodat.eperm.cgroup", call="mknodat", errno=EPERM, depends=STATE,
    cause="the caller's devices cgroup does not let it make this device",
    source="cgroups(7); security/device_cgroup.c devcgroup_inode_mknod",
)  # fmt: skip
SYMLINK_EMPTY = Refusal(
    "symlinkat.enoent.empty", call="symlinkat", errno=ENOENT, depends=ARGUMENTS,
    cause="the target is empty",
    source="symlink(2); fs/namei.c getname_flags",
)  # fmt: skip
SYMLINK_TOO_LONG = Refusal(
    "symlinkat.enametoolong", call="symlinkat", errno=ENAMETOOLONG, depends=ARGUMENTS,
    cause="the target has more than 4095 bytes",
    source="symlink(2); fs/namei.c getname_flags",
)  # fmt: skip
LINK_FLAGS = Refusal(
    "linkat.einval.flags", call="linkat", errno=EINVAL, depends=ARGUMENTS,
    cause="unknown flags",
    source="link(2); fs/namei.c do_linkat",
)  # fmt: skip
LINK_EMPTY_UNPRIVILEGED = Refusal(
    "linkat.enoent.empty", call="linkat", errno=ENOENT, depends=STATE,
    cause="AT_EMPTY_PATH, be the path empty or not, and the caller has no CAP_DAC_READ_SEARCH and did not open the "
    "descriptor with its present credentials",
    source="open(2); fs/namei.c path_init",
)  # fmt: skip
LINK_MOUNT = Refusal(
    "linkat.exdev", call="linkat", errno=EXDEV, depends=STATE,
    cause="the two paths lie on different mounts, be it of one file system",
    source="link(2); fs/namei.c do_linkat",
)  # fmt: skip
LINK_UNMAPPED = Refusal(
    "linkat.eoverflow", call="linkat", errno=EOVERFLOW, depends=STATE,
    cause="the file has an owner or a group that no user namespace knows",
    source="fs/namei.c may_linkat",
)  # fmt: skip
LINK_PROTECTED = Refusal(
    "linkat.eperm.protected", call="linkat", errno=EPERM, depends=STATE,
    cause="fs.protected_hardlinks is on, and the caller neither owns the file nor could read and write it",
    source="proc_sys_fs(5); fs/namei.c may_linkat",
)  # fmt: skip
LINK_DIRECTORY = Refusal(
    "linkat.eperm.directory", call="linkat", errno=EPERM, depends=STATE,
    cause="the file is a directory",
    source="link(2); fs/namei.c vfs_link",
)  # fmt: skip
LINK_REMOVED = Refusal(
    "linkat.enoent.removed", call="linkat", errno=ENOENT, depends=STATE,
    cause="the file has no name left",
    source="link(2); fs/namei.c vfs_link",
)  # fmt: skip
CREATE_SETGID_DIRECTORY = Effect(
    "create.group", call="create",
    cause="what is made in a set-group-ID directory gets the directory's group; a directory made there gets the bit too",
    source="inode(7); fs/inode.c inode_init_owner",
)  # fmt: skip
CREATE_STRIPS_SETGID = Effect(
    "create.setgid", call="create",
    cause="an executable made set-group-ID in a set-group-ID directory, by one who is not in that group and has no "
    "CAP_FSETID, loses the bit",
    source="inode(7); fs/inode.c mode_strip_sgid",
)  # fmt: skip

CREATE = (
    CREATE_DOTS,
    CREATE_REMOVED,
    CREATE_EXISTS,
    CREATE_SLASH,
    CREATE_READ_ONLY,
    CREATE_UNMAPPED,
    CREATE_DENIED,
)
"""What refuses every making of a name."""

# -- removing and moving --

UNLINK_FLAGS = Refusal(
    "unlinkat.einval.flags", call="unlinkat", errno=EINVAL, depends=ARGUMENTS,
    cause="unknown flags",
    source="unlink(2); fs/namei.c sys_unlinkat",
)  # fmt: skip
RMDIR_DOT = Refusal(
    "unlinkat.einval.dot", call="unlinkat", errno=EINVAL, depends=ARGUMENTS,
    cause='AT_REMOVEDIR, and the path ends in "."',
    source="rmdir(2); fs/namei.c do_rmdir",
)  # fmt: skip
RMDIR_DOTDOT = Refusal(
    "unlinkat.enotempty.dotdot", call="unlinkat", errno=ENOTEMPTY, depends=ARGUMENTS,
    cause='AT_REMOVEDIR, and the path ends in ".."',
    source="rmdir(2); fs/namei.c do_rmdir",
)  # fmt: skip
RMDIR_ROOT = Refusal(
    "unlinkat.ebusy.root", call="unlinkat", errno=EBUSY, depends=ARGUMENTS,
    cause='AT_REMOVEDIR, and the path is "/"',
    source="rmdir(2); fs/namei.c do_rmdir",
)  # fmt: skip
UNLINK_DOTS = Refusal(
    "unlinkat.eisdir.dots", call="unlinkat", errno=EISDIR, depends=ARGUMENTS,
    cause='the path ends in "/", "." or ".."',
    source="unlink(2); fs/namei.c do_unlinkat",
)  # fmt: skip
REMOVE_READ_ONLY = Refusal(
    "remove.erofs", call="remove", errno=EROFS, depends=STATE,
    cause="the mount or its file system is read-only",
    source="unlink(2); fs/namespace.c mnt_want_write",
)  # fmt: skip
UNLINK_SLASH_DIRECTORY = Refusal(
    "unlinkat.eisdir.slash", call="unlinkat", errno=EISDIR, depends=STATE,
    cause="a slash follows the name, which is that of a directory",
    source="unlink(2); fs/namei.c do_unlinkat",
)  # fmt: skip
UNLINK_SLASH = Refusal(
    "unlinkat.enotdir.slash", call="unlinkat", errno=ENOTDIR, depends=STATE,
    cause="a slash follows the name, which is not that of a directory",
    source="unlink(2); fs/namei.c do_unlinkat",
)  # fmt: skip
REMOVE_DENIED = Refusal(
    "remove.eacces", call="remove", errno=EACCES, depends=STATE,
    cause="the directory gives the caller no write or no search permission",
    source="unlink(2); fs/namei.c may_delete",
)  # fmt: skip
REMOVE_STICKY = Refusal(
    "remove.eperm.sticky", call="remove", errno=EPERM, depends=STATE,
    cause="the directory is sticky, and the caller owns neither it nor the file and has no CAP_FOWNER towards the file",
    source="unlink(2); fs/namei.c may_delete",
)  # fmt: skip
REMOVE_NOT_A_DIRECTORY = Refusal(
    "remove.enotdir", call="remove", errno=ENOTDIR, depends=STATE,
    cause="what is to be removed or replaced as a directory is not one",
    source="rmdir(2); fs/namei.c may_delete",
)  # fmt: skip
REMOVE_DIRECTORY = Refusal(
    "remove.eisdir", call="remove", errno=EISDIR, depends=STATE,
    cause="what is to be removed or replaced as a file is a directory",
    source="unlink(2); fs/namei.c may_delete",
)  # fmt: skip
REMOVE_UNSUPPORTED = Refusal(
    "remove.eperm.unsupported", call="remove", errno=EPERM, depends=STATE,
    cause="in this file system nothing can be removed",
    source="unlink(2); fs/namei.c vfs_unlink",
)  # fmt: skip
REMOVE_BUSY = Refusal(
    "remove.ebusy", call="remove", errno=EBUSY, depends=STATE,
    cause="in the caller's mount namespace something is mounted there",
    source="rmdir(2); fs/namei.c vfs_rmdir",
)  # fmt: skip
REMOVE_NOT_EMPTY = Refusal(
    "remove.enotempty", call="remove", errno=ENOTEMPTY, depends=STATE,
    cause="the directory is not empty",
    source="rmdir(2); fs/libfs.c simple_rmdir",
)  # fmt: skip
RENAME_FLAGS = Refusal(
    "renameat2.einval.flags", call="renameat2", errno=EINVAL, depends=ARGUMENTS,
    cause="unknown flags, or RENAME_EXCHANGE with another",
    source="rename(2); fs/namei.c do_renameat2",
)  # fmt: skip
RENAME_MOUNT = Refusal(
    "renameat2.exdev", call="renameat2", errno=EXDEV, depends=STATE,
    cause="the two directories are seen through different mounts, be it of one file system",
    source="rename(2); fs/namei.c do_renameat2",
)  # fmt: skip
RENAME_DOTS = Refusal(
    "renameat2.ebusy.dots", call="renameat2", errno=EBUSY, depends=ARGUMENTS,
    cause='a path ends in "/", "." or ".."',
    source="rename(2); fs/namei.c do_renameat2",
)  # fmt: skip
RENAME_EXISTS_DOTS = Refusal(
    "renameat2.eexist.dots", call="renameat2", errno=EEXIST, depends=ARGUMENTS,
    cause='with RENAME_NOREPLACE, and the new path ends in "/", "." or ".."',
    source="rename(2); fs/namei.c do_renameat2",
)  # fmt: skip
RENAME_EXISTS = Refusal(
    "renameat2.eexist", call="renameat2", errno=EEXIST, depends=STATE,
    cause="with RENAME_NOREPLACE, and the new name is taken",
    source="rename(2); fs/namei.c do_renameat2",
)  # fmt: skip
RENAME_SLASH = Refusal(
    "renameat2.enotdir.slash", call="renameat2", errno=ENOTDIR, depends=STATE,
    cause="a slash follows one of the names, and what is moved (with RENAME_EXCHANGE, what the name is of) is not a directory",
    source="rename(2); fs/namei.c do_renameat2",
)  # fmt: skip
RENAME_INTO_ITSELF = Refusal(
    "renameat2.einval.ancestor", call="renameat2", errno=EINVAL, depends=STATE,
    cause="a directory would become its own descendant; with RENAME_EXCHANGE, either of them",
    source="rename(2); fs/namei.c do_renameat2",
)  # fmt: skip
RENAME_ONTO_ANCESTOR = Refusal(
    "renameat2.enotempty.ancestor", call="renameat2", errno=ENOTEMPTY, depends=STATE,
    cause="what is to be replaced is a directory above what is moved, without RENAME_EXCHANGE",
    source="rename(2); fs/namei.c do_renameat2",
)  # fmt: skip
RENAME_DIRECTORY_DENIED = Refusal(
    "renameat2.eacces.directory", call="renameat2", errno=EACCES, depends=STATE,
    cause='a directory that moves to another parent must be writable itself, for its ".."',
    source="rename(2); fs/namei.c vfs_rename",
)  # fmt: skip
