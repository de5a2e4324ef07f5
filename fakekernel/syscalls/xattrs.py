"""Extended attributes: file capabilities, and the labels of SELinux (xattr(7), fs/xattr.c, security/commoncap.c)."""

from os import fsencode
from struct import Struct

from fakekernel import security, selinux
from fakekernel.filesystem import Inode
from fakekernel.lookup import resolve
from fakekernel.permission import READ, WRITE, capable_toward, is_read_only, owns, permitted
from fakekernel.regular import FILE_CAPABILITIES
from fakekernel.syscalls.base import SyscallBase
from kernelapi.capability import Cap
from kernelapi.errors import ModelError, NotModelled
from kernelapi.flags import AT_FDCWD, XattrFlag
from kernelapi.protocol.attributes import (
    CHANGE_READ_ONLY,
    XATTR_BECOMES_REVISION_3,
    XATTR_DENIED,
    XATTR_EXISTS,
    XATTR_FLAGS,
    XATTR_LABEL_NOT_OWNER,
    XATTR_LAYOUT,
    XATTR_MISSING,
    XATTR_NAME,
    XATTR_NOT_SET,
    XATTR_ROOT_UNMAPPED,
    XATTR_SIZE,
    XATTR_UNPRIVILEGED,
    XATTR_UNSUPPORTED,
)

# Plain numbers: an operation on members of an IntFlag is slow.
XATTR_CREATE, XATTR_REPLACE = map(int, XattrFlag)
XATTR_NAME_MAX, XATTR_SIZE_MAX = 255, 65536

CAP_REVISION_MASK, CAP_REVISION_2, CAP_REVISION_3 = 0xFF000000, 0x02000000, 0x03000000
CAP_DATA = {20: CAP_REVISION_2, 24: CAP_REVISION_3}
"""The sizes of struct vfs_cap_data and struct vfs_ns_cap_data, and the revision that each must bear."""

MAGIC, ROOT_ID = Struct("<I"), Struct("<I")

SELINUX_LABEL = "security.selinux"
MODELLED = (FILE_CAPABILITIES, SELINUX_LABEL)
KNOWN_PREFIXES = ("security", "system", "trusted", "user")

HOLDING_LABELS = frozenset(("devtmpfs", "ext4", "tmpfs"))
"""The file systems that keep any attribute of the kind "security." that a file is given."""
WITHOUT_ATTRIBUTES = frozenset(("devpts", "mqueue", "proc", "ramfs", "securityfs"))


class XattrCalls(SyscallBase):
    """setxattr, getxattr, and their like for links."""

    __slots__ = ()

    def setxattr(self, path: str, name: str, value: bytes, flags: int = 0) -> None:
        self._set(path, name, value, flags, follow=True)

    def lsetxattr(self, path: str, name: str, value: bytes, flags: int = 0) -> None:
        self._set(path, name, value, flags, follow=False)

    def getxattr(self, path: str, name: str) -> bytes:
        return self._get(path, name, follow=True)

    def lgetxattr(self, path: str, name: str) -> bytes:
        return self._get(path, name, follow=False)

    def _set(self, path: str, name: str, value: bytes, flags: int, *, follow: bool) -> None:
        if flags & ~(XATTR_CREATE | XATTR_REPLACE):
            self.refuse(XATTR_FLAGS)
        self._check_name(name)
        if len(value) > XATTR_SIZE_MAX:
            self.refuse(XATTR_SIZE)
        place = resolve(self, AT_FDCWD, path, follow=follow)
        inode = place.inode
        if is_read_only(place.mount):
            self.refuse(CHANGE_READ_ONLY)
        self._check_kind(name, inode, WRITE)
        value = self._stored_label(inode, value) if name == SELINUX_LABEL else self._stored_capabilities(inode, value)
        if flags & XATTR_CREATE and name in inode.xattrs:
            self.refuse(XATTR_EXISTS)
        if flags & XATTR_REPLACE and name not in inode.xattrs:
            self.refuse(XATTR_MISSING)
        # -- effects only below --
        inode.xattrs[name] = value

    def _get(self, path: str, name: str, *, follow: bool) -> bytes:
        self._check_name(name)
        inode = resolve(self, AT_FDCWD, path, follow=follow).inode
        self._check_kind(name, inode, READ)
        if name == FILE_CAPABILITIES:
            raise NotModelled(f"reading the extended attribute {name!r}")
        if self.machine.host.security_module == security.SELINUX:
            label = selinux.label_of(inode)
            if label is None:
                raise NotModelled("the label that the policy of SELinux gives a file")
            return label
        self._check_holds_labels(inode)
        if name not in inode.xattrs:
            self.fail(XATTR_NOT_SET)
        return inode.xattrs[name]

    def _check_name(self, name: str) -> None:
        if "\0" in name:
            raise ModelError(f"a name cannot hold a NUL byte: {name!r}")
        if not 0 < len(fsencode(name)) <= XATTR_NAME_MAX:
            self.refuse(XATTR_NAME)

    def _check_kind(self, name: str, inode: Inode, mask: int) -> None:
        if name not in MODELLED:
            if name.partition(".")[0] in KNOWN_PREFIXES:
                raise NotModelled(f"the extended attribute {name!r}")
            if not permitted(self, inode, mask):
                self.refuse(XATTR_DENIED)
            self.fail(XATTR_UNSUPPORTED)

    # -- labels --

    def _stored_label(self, inode: Inode, value: bytes) -> bytes:
        """The label as the file keeps it: without SELinux, whatever it is given."""
        if self.machine.host.security_module == security.SELINUX:
            return selinux.stored_label(self, inode, value)
        if not owns(self.task.cred, inode):
            self.refuse(XATTR_LABEL_NOT_OWNER)
        self._check_holds_labels(inode)
        return value

    def _check_holds_labels(self, inode: Inode) -> None:
        fstype = inode.sb.fstype
        if fstype in WITHOUT_ATTRIBUTES:
            self.refuse(XATTR_UNSUPPORTED)
        elif fstype not in HOLDING_LABELS:
            raise NotModelled(f"the extended attribute {SELINUX_LABEL!r} in a {fstype}")

    # -- capabilities --

    def _stored_capabilities(self, inode: Inode, value: bytes) -> bytes:
        """The struct vfs_cap_data as the file system keeps it: bound to a root of its user namespace. (cap_convert_nscap)"""
        if inode.behaviour or inode.sb.fstype not in ("ext4", "tmpfs"):
            raise NotModelled(f"file capabilities in a {inode.sb.fstype}")
        if not value:
            return value
        cred, lower = self.task.cred, inode.sb.userns
        magic = MAGIC.unpack_from(value.ljust(MAGIC.size, b"\0"))[0]
        if CAP_DATA.get(len(value)) != magic & CAP_REVISION_MASK:
            self.fail(XATTR_LAYOUT)
        if not capable_toward(cred, inode, Cap.SETFCAP):
            self.refuse(XATTR_UNPRIVILEGED)
        is_old = len(value) == 20
        if is_old and (self.capable_over(lower, Cap.SETFCAP) or not self.happens(XATTR_BECOMES_REVISION_3)):
            return value
        root = cred.userns.kuid(0 if is_old else ROOT_ID.unpack_from(value, 20)[0])
        if root is None or not lower.maps_kuid(root):
            self.fail(XATTR_ROOT_UNMAPPED)
        magic = magic & ~CAP_REVISION_MASK | CAP_REVISION_3
        return MAGIC.pack(magic) + value[MAGIC.size : 20] + ROOT_ID.pack(lower.uid(root))
