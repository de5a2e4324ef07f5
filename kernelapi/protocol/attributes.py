"""The rules of asking for and changing what a file is: stat, access, mode, owner, attributes (fs/attr.c, fs/xattr.c)."""

from errno import E2BIG, EACCES, EEXIST, EINVAL, ENODATA, ENOENT, EOPNOTSUPP, EOVERFLOW, EPERM, ERANGE, EROFS

from kernelapi.rules import ARGUMENTS, STATE, Effect, Refusal

STAT_FLAGS = Refusal(
    "newfstatat.einval.flags", call="newfstatat", errno=EINVAL, depends=ARGUMENTS,
    cause="unknown flags",
    source="stat(2); fs/stat.c vfs_statx",
)  # fmt: skip
ACCESS_ARGUMENTS = Refusal(
    "faccessat2.einval", call="faccessat2", errno=EINVAL, depends=ARGUMENTS,
    cause="unknown mode bits or flags",
    source="access(2); fs/open.c do_faccessat",
)  # fmt: skip
ACCESS_NOEXEC = Refusal(
    "faccessat2.eacces.noexec", call="faccessat2", errno=EACCES, depends=STATE,
    cause="execution of a regular file is asked for, on a mount with MS_NOEXEC",
    source="access(2); fs/open.c do_faccessat",
)  # fmt: skip
ACCESS_READ_ONLY_FILE_SYSTEM = Refusal(
    "faccessat2.erofs.superblock", call="faccessat2", errno=EROFS, depends=STATE,
    cause="writing is asked for, and the file system itself is read-only",
    source="access(2); fs/namei.c sb_permission",
)  # fmt: skip
ACCESS_IMMUTABLE = Refusal(
    "faccessat2.eperm.immutable", call="faccessat2", errno=EPERM, depends=STATE,
    cause="writing is asked for, and the file is a namespace: nobody may write it",
    source="access(2); fs/namei.c inode_permission",
)  # fmt: skip
ACCESS_DENIED = Refusal(
    "faccessat2.eacces", call="faccessat2", errno=EACCES, depends=STATE,
    cause="the file does not give the caller that access",
    source="access(2); fs/namei.c inode_permission",
)  # fmt: skip
ACCESS_DEVICE_CGROUP = Refusal(
    "faccessat2.eperm.cgroup", call="faccessat2", errno=EPERM, depends=STATE,
    cause="the file is a device that the caller's devices cgroup does not let it access in this way, or at all",
    source="cgroups(7); security/device_cgroup.c devcgroup_inode_permission",
)  # fmt: skip
ACCESS_READ_ONLY = Refusal(
    "faccessat2.erofs", call="faccessat2", errno=EROFS, depends=STATE,
    cause="writing to what is no device, FIFO or socket is asked for, through a read-only mount",
    source="access(2); fs/open.c do_faccessat",
)  # fmt: skip
READLINK_EMPTY = Refusal(
    "readlinkat.enoent.empty", call="readlinkat", errno=ENOENT, depends=STATE,
    cause="the path is empty, and the descriptor is not a symbolic link",
    source="readlink(2); fs/stat.c do_readlinkat",
)  # fmt: skip
READLINK_NOT_A_LINK = Refusal(
    "readlinkat.einval", call="readlinkat", errno=EINVAL, depends=STATE,
    cause="the file is not a symbolic link",
    source="readlink(2); fs/stat.c do_readlinkat",
)  # fmt: skip
CHANGE_READ_ONLY = Refusal(
    "attributes.erofs", call="attributes", errno=EROFS, depends=STATE,
    cause="the mount or its file system is read-only",
    source="chmod(2); fs/namespace.c mnt_want_write",
)  # fmt: skip
CHANGE_UNMAPPED = Refusal(
    "attributes.eoverflow", call="attributes", errno=EOVERFLOW, depends=STATE,
    cause="the file has an owner or a group that no user namespace knows, and keeps it: the root of a devpts whose user "
    "namespace has no id 0",
    source="fs/attr.c notify_change",
)  # fmt: skip
CHANGE_IMMUTABLE = Refusal(
    "attributes.eperm.immutable", call="attributes", errno=EPERM, depends=STATE,
    cause="the file is a namespace: its mode and owner stay; to give it neither a new owner nor a new group is no change",
    source="fs/attr.c may_setattr",
)  # fmt: skip
CHANGE_UNSUPPORTED = Refusal(
    "attributes.eopnotsupp", call="attributes", errno=EOPNOTSUPP, depends=STATE,
    cause="the file is a pidfd, whoever asks", source="fs/pidfs.c pidfs_setattr", since="6.9",
)  # fmt: skip
CHANGE_FIXED = Refusal(
    "attributes.eperm.fixed", call="attributes", errno=EPERM, depends=STATE,
    cause="this file's attributes cannot be changed",
    source="proc(5); fs/proc/base.c proc_setattr",
)  # fmt: skip
CHMOD_NOT_OWNER = Refusal(
    "chmod.eperm", call="chmod", errno=EPERM, depends=STATE,
    cause="the caller is not the owner and has no CAP_FOWNER towards the file",
    source="chmod(2); fs/attr.c setattr_prepare",
)  # fmt: skip
CHOWN_FLAGS = Refusal(
    "fchownat.einval.flags", call="fchownat", errno=EINVAL, depends=ARGUMENTS,
    cause="unknown flags",
    source="chown(2); fs/open.c do_fchownat",
)  # fmt: skip
CHOWN_UNMAPPED = Refusal(
    "chown.einval.unmapped", call="chown", errno=EINVAL, depends=ARGUMENTS,
    cause="an id has no mapping in the caller's user namespace",
    source="chown(2); fs/open.c chown_common",
)  # fmt: skip
CHOWN_UID_DENIED = Refusal(
    "chown.eperm.uid", call="chown", errno=EPERM, depends=STATE,
    cause="a new owner needs CAP_CHOWN towards the file; the same one, to be its owner",
    source="chown(2); fs/attr.c chown_ok",
)  # fmt: skip
CHOWN_GID_DENIED = Refusal(
    "chown.eperm.gid", call="chown", errno=EPERM, depends=STATE,
    cause="a group needs CAP_CHOWN towards the file, or to be its owner and a member of that group",
    source="chown(2); fs/attr.c chgrp_ok",
)  # fmt: skip
CHOWN_MODE_DENIED = Refusal(
    "chown.eperm.mode", call="chown", errno=EPERM, depends=STATE,
    cause="the change would take set-id bits from a file of which the caller is not the owner",
    source="chown(2); fs/attr.c setattr_prepare",
)  # fmt: skip
XATTR_FLAGS = Refusal(
    "setxattr.einval.flags", call="setxattr", errno=EINVAL, depends=ARGUMENTS,
    cause="unknown flags",
    source="setxattr(2); fs/xattr.c setxattr_copy",
)  # fmt: skip
XATTR_NAME = Refusal(
    "setxattr.erange", call="setxattr", errno=ERANGE, depends=ARGUMENTS,
    cause="the name is empty or has more than 255 bytes",
    source="setxattr(2); fs/xattr.c import_xattr_name",
)  # fmt: skip
XATTR_SIZE = Refusal(
    "setxattr.e2big", call="setxattr", errno=E2BIG, depends=ARGUMENTS,
    cause="the value has more than 65,536 bytes",
    source="setxattr(2); fs/xattr.c setxattr_copy",
)  # fmt: skip
XATTR_LAYOUT = Refusal(
    "setxattr.einval.layout", call="setxattr", errno=EINVAL, depends=ARGUMENTS,
    cause="the value is no struct vfs_cap_data of revision 2 or 3; of security.selinux, with SELinux on, no context of its "
    "policy",
    source="capabilities(7); security/commoncap.c cap_convert_nscap, security/selinux/hooks.c selinux_inode_setxattr",
)  # fmt: skip
XATTR_UNPRIVILEGED = Refusal(
    "setxattr.eperm.setfcap", call="setxattr", errno=EPERM, depends=STATE,
    cause="file capabilities need CAP_SETFCAP towards the file",
    source="capabilities(7); security/commoncap.c cap_convert_nscap",
)  # fmt: skip
# So says 6.18, with SELinux built in, be it on or off; a kernel without it wants CAP_SYS_ADMIN, as for any other "security.".
XATTR_LABEL_NOT_OWNER = Refusal(
    "setxattr.eperm.label", call="setxattr", errno=EPERM, depends=STATE,
    cause="the caller does not own the file to be labelled, and has no CAP_FOWNER towards it",
    source="xattr(7); security/selinux/hooks.c selinux_inode_setxattr",
)  # fmt: skip
XATTR_ROOT_UNMAPPED = Refusal(
    "setxattr.einval.rootid", call="setxattr", errno=EINVAL, depends=STATE,
    cause="the root id has no mapping, in the caller's user namespace or in that of the file system",
    source="capabilities(7); security/commoncap.c cap_convert_nscap",
)  # fmt: skip
XATTR_DENIED = Refusal(
    "setxattr.eacces", call="setxattr", errno=EACCES, depends=STATE,
    cause="the attribute is of no known kind, and the caller may not read the file (to set it: not write it)",
    source="xattr(7); fs/xattr.c xattr_permission",
)  # fmt: skip
XATTR_UNSUPPORTED = Refusal(
    "setxattr.eopnotsupp", call="setxattr", errno=EOPNOTSUPP, depends=ARGUMENTS,
    cause="the file system has no attributes of this kind; with SELinux on, all of it has one label",
    source="setxattr(2); fs/xattr.c __vfs_setxattr, security/selinux/hooks.c selinux_is_sblabel_mnt",
)  # fmt: skip
XATTR_EXISTS = Refusal(
    "setxattr.eexist", call="setxattr", errno=EEXIST, depends=STATE,
    cause="XATTR_CREATE, and the attribute exists",
    source="setxattr(2); fs/xattr.c simple_xattr_set",
)  # fmt: skip
XATTR_MISSING = Refusal(
    "setxattr.enodata", call="setxattr", errno=ENODATA, depends=STATE,
    cause="XATTR_REPLACE, and there is no such attribute",
    source="setxattr(2); fs/xattr.c simple_xattr_set",
)  # fmt: skip
XATTR_NOT_SET = Refusal(
    "getxattr.enodata", call="getxattr", errno=ENODATA, depends=STATE,
    cause="the file has no such attribute",
    source="getxattr(2); fs/xattr.c simple_xattr_get",
)  # fmt: skip
CHMOD_STRIPS_SETGID = Effect(
    "chmod.setgid", call="chmod",
    cause="one who is not in the file's group and has no CAP_FSETID towards the file cannot set its set-group-ID bit: "
    "it is left out",
    source="chmod(2); fs/attr.c setattr_prepare",
)  # fmt: skip
CHOWN_DROPS_SET_ID = Effect(
    "chown.set-id", call="chown",
    cause="the set-user-ID bit of a file that is no directory goes, root's doing or not, even where no id is given; so "
    "does set-group-ID with group execution, or by one outside the group",
    source="chown(2); fs/open.c chown_common",
)  # fmt: skip
CHOWN_DROPS_CAPABILITIES = Effect(
    "chown.capability", call="chown",
    cause="the file's capabilities go",
    source="capabilities(7); security/commoncap.c cap_inode_killpriv",
)  # fmt: skip
XATTR_BECOMES_REVISION_3 = Effect(
    "setxattr.revision", call="setxattr",
    cause="file capabilities set by one without CAP_SETFCAP over the file system's user namespace are bound to root of "
    "the caller's",
    source="capabilities(7); security/commoncap.c cap_convert_nscap",
)  # fmt: skip
