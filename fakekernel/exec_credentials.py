"""The credentials that a program starts with (capabilities(7), security/commoncap.c cap_bprm_creds_from_file)."""

import struct
from typing import TYPE_CHECKING, NamedTuple

from fakekernel.credentials import Credentials
from fakekernel.mount import Path
from kernelapi.capability import EMPTY, FULL, Cap, CapSet
from kernelapi.flags import S_ISGID, S_ISUID, MountFlag, Securebit
from kernelapi.ids import Kgid, Kuid
from kernelapi.protocol.exec_credentials import (
    EXEC_CLEARS_KEEPCAPS,
    EXEC_EMPTIES_AMBIENT,
    EXEC_FILE_CAPS,
    EXEC_FILE_CAPS_EFFECTIVE,
    EXEC_FILE_CAPS_INVALID,
    EXEC_FILE_CAPS_MISSING,
    EXEC_ROOT,
    EXEC_SAVED_IDS,
    EXEC_SECURE,
    EXEC_SET_GID,
    EXEC_SET_UID,
    EXEC_UNSAFE_IDS,
    EXEC_UNSAFE_PERMITTED,
)

if TYPE_CHECKING:
    from fakekernel.syscalls.base import SyscallBase
    from fakekernel.userns import UserNamespace

FILE_CAPABILITIES = "security.capability"
"""The extended attribute that holds the capabilities of a file."""

_GROUP_EXECUTE = 0o010


class ExecCredentials(NamedTuple):
    """What a program starts with. `secure`: the parent death signal is cleared, the stack limited, AT_SECURE set."""

    cred: Credentials
    secure: bool


class FileCapabilities(NamedTuple):
    """What security.capability of a file says. `root` is the user that they are for, as the superblock's namespace sees it."""

    permitted: CapSet
    inheritable: CapSet
    effective: bool
    root: int


def parse_file_capabilities(value: bytes) -> FileCapabilities | None:
    """The struct vfs_cap_data or vfs_ns_cap_data in `value`; None where it is neither (linux/capability.h)."""
    magic = int.from_bytes(value[:4], "little")
    size = {2: 20, 3: 24}.get(magic >> 24)
    if len(value) != size:
        return None
    permitted, inheritable, high_permitted, high_inheritable = struct.unpack_from("<IIII", value, 4)
    return FileCapabilities(
        CapSet.from_mask(permitted | high_permitted << 32) & FULL,
        CapSet.from_mask(inheritable | high_inheritable << 32) & FULL,
        bool(magic & 1),
        int.from_bytes(value[20:], "little"),
    )


def exec_credentials(kernel: "SyscallBase", path: Path) -> ExecCredentials:
    """What the caller's credentials become when it executes `path`. Refused by the rows of `EXEC_CREDENTIALS`."""
    old, task = kernel.task.cred, kernel.task
    root = old.root
    euid, egid = old.euid, old.egid
    mount_allows = mount_may_suid(kernel, path)
    if mount_allows and not task.no_new_privs:
        euid, egid = _set_ids(kernel, path)
    permitted, effective, has_file_caps = EMPTY, False, False
    if mount_allows and FILE_CAPABILITIES in path.inode.xattrs:
        permitted, effective, has_file_caps = _file_capabilities(kernel, path)
    if root is not None and not old.has_securebit(Securebit.NOROOT) and kernel.happens(EXEC_ROOT):
        if has_file_caps and old.uid != root == euid:
            pass  # a set-user-id root file with capabilities: those count
        else:
            if root in (old.uid, euid):
                permitted = old.bounding | old.inheritable
            effective = effective or euid == root
    # From 6.16 on compared with the effective ids that the caller had; before, with its real ones.
    ids_changed = euid != old.euid or not old.in_group(egid)
    if ids_changed or not permitted <= old.permitted:
        euid, egid, permitted = _downgrade(kernel, euid, egid, permitted)
    ambient = old.ambient
    if (has_file_caps or ids_changed) and kernel.happens(EXEC_EMPTIES_AMBIENT):
        ambient = EMPTY
    grown = permitted
    permitted = permitted | ambient
    everything = effective and kernel.happens(EXEC_FILE_CAPS_EFFECTIVE)
    saves = kernel.happens(EXEC_SAVED_IDS)
    keep = old.securebits & Securebit.KEEP_CAPS and not kernel.happens(EXEC_CLEARS_KEEPCAPS)
    cred = old._replace(
        euid=euid,
        egid=egid,
        suid=euid if saves else old.suid,
        sgid=egid if saves else old.sgid,
        fsuid=euid if saves else old.fsuid,
        fsgid=egid if saves else old.fsgid,
        permitted=permitted,
        effective=permitted if everything else ambient,
        ambient=ambient,
        securebits=old.securebits if keep else old.securebits & ~int(Securebit.KEEP_CAPS),
    )
    secure = ids_changed or euid != old.uid or egid != old.gid or (old.uid != root and (effective or not grown <= ambient))
    return ExecCredentials(cred, secure and kernel.happens(EXEC_SECURE))


def mount_may_suid(kernel: "SyscallBase", path: Path) -> bool:
    """Whether set-id bits and capabilities of files count on this mount (fs/namespace.c mnt_may_suid)."""
    mount, task = path.mount, kernel.task
    return (
        not mount.flags & MountFlag.NOSUID and mount.ns is task.namespaces.mnt and task.cred.userns.is_within(mount.sb.userns)
    )


def _set_ids(kernel: "SyscallBase", path: Path) -> tuple[Kuid, Kgid]:
    """The effective ids that the set-id bits make (fs/exec.c bprm_fill_uid)."""
    inode, cred = path.inode, kernel.task.cred
    euid, egid, mode = cred.euid, cred.egid, inode.mode
    if mode & (S_ISUID | S_ISGID) and cred.userns.maps_kuid(inode.uid) and cred.userns.maps_kgid(inode.gid):
        if mode & S_ISUID and kernel.happens(EXEC_SET_UID):
            euid = inode.uid
        # Without the group's execute bit, the other one once meant mandatory locking.
        if mode & S_ISGID and mode & _GROUP_EXECUTE and kernel.happens(EXEC_SET_GID):
            egid = inode.gid
    return euid, egid


def _file_capabilities(kernel: "SyscallBase", path: Path) -> tuple[CapSet, bool, bool]:
    """The permitted set that the file's capabilities make, their effective bit, and whether they count at all."""
    cred = kernel.task.cred
    found = parse_file_capabilities(path.inode.xattrs[FILE_CAPABILITIES])
    if found is None:
        kernel.refuse(EXEC_FILE_CAPS_INVALID)
        return EMPTY, False, False
    root = path.mount.sb.userns.kuid(found.root)
    if root is None or not _is_root_above(root, cred.userns) or not kernel.happens(EXEC_FILE_CAPS):
        return EMPTY, False, False
    permitted = (cred.bounding & found.permitted) | (cred.inheritable & found.inheritable)
    if found.effective and not found.permitted <= permitted:
        kernel.refuse(EXEC_FILE_CAPS_MISSING)
    return permitted, found.effective, True


def _is_root_above(root: Kuid, userns: "UserNamespace") -> bool:
    """Whether `root` is user 0 of `userns` or of one above it (commoncap.c rootid_owns_currentns)."""
    ns: UserNamespace | None = userns
    while ns is not None:
        if ns.kuid(0) == root:
            return True
        ns = ns.parent
    return False


def _downgrade(kernel: "SyscallBase", euid: Kuid, egid: Kgid, permitted: CapSet) -> tuple[Kuid, Kgid, CapSet]:
    """Ids and permitted set, less what must not be gained where somebody else has a hand in the process.

    Tracing is not modelled; what is left are no_new_privs and a root or working directory that another process can change.
    """
    task = kernel.task
    if not task.no_new_privs and task.fs.users == 1:
        return euid, egid, permitted
    cred = task.cred
    if (task.no_new_privs or not kernel.capable(Cap.SETUID)) and kernel.happens(EXEC_UNSAFE_IDS):
        euid, egid = cred.uid, cred.gid
    if kernel.happens(EXEC_UNSAFE_PERMITTED):
        permitted = permitted & cred.permitted
    return euid, egid, permitted
