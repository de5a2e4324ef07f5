"""Laws of who may do what to a file: classes, capabilities, ownership, sticky and set-id bits (inode(7), capabilities(7))."""

from errno import EACCES, EEXIST, EINVAL, EISDIR, ELOOP, ENODATA, ENOENT, ENXIO, EOVERFLOW, EPERM, EROFS
from itertools import product

from kernelapi.capability import EMPTY, Cap, CapSet
from kernelapi.flags import AT_FDCWD, AccessMode, AtFlag, CloneFlag, FileType, MountFlag, OpenFlag, Securebit, Signal
from kernelapi.ids import Fd, Gid, Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, read_all, refused
from kernelapi.testing.stage import write_file
from kernelapi.testing.steps import in_user_namespace
from kernelapi.values import CapData, makedev

RDONLY, WRONLY, RDWR = OpenFlag.RDONLY, OpenFlag.WRONLY, OpenFlag.RDWR
R, W, X = AccessMode.R, AccessMode.W, AccessMode.X
O_NOATIME = 0o1000000
EACCESS = AtFlag.EACCESS


def become(kernel: Kernel, uid: int, gid: int = 99, groups: tuple[int, ...] = (), caps: CapSet = EMPTY) -> None:
    """Be this user for good, with `caps` permitted and effective."""
    kernel.setgroups(tuple(map(Gid, groups)))
    kernel.setresgid(gid, gid, gid)
    kernel.prctl_set_keepcaps(1)
    kernel.setresuid(uid, uid, uid)
    kernel.capset(Pid(0), CapData(caps, caps, EMPTY))


def allowed(kernel: Kernel, path: str) -> int:
    """The `AccessMode` bits that the caller's effective ids have on `path`."""
    return sum(bit for bit in (R, W, X) if not errno_of(kernel.faccessat2, AT_FDCWD, path, bit, EACCESS))


# -- classes --

OWNER, GROUP = 1000, 2000
IDENTITIES: tuple[tuple[int, int, tuple[int, ...], int], ...] = (
    # uid, gid, groups, and the shift of the class in the mode
    (OWNER, 99, (), 6),
    (OWNER, GROUP, (GROUP,), 6),
    (1001, GROUP, (), 3),
    (1001, 99, (5, GROUP, 3000), 3),
    (1001, 99, (5, 3000), 0),
)
MODES = tuple(owner << 6 | group << 3 | other for owner, group, other in product((0, 1, 4, 7), (0, 2, 7), (0, 1, 6, 7)))


@case(tree=True)
def the_first_class_that_fits_decides_alone(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    _make_all_modes(kernel)
    for uid, gid, groups, shift in IDENTITIES:
        found = in_child(kernel, _access_all_modes, uid, gid, groups, EMPTY)
        expect(f"uid {uid} gid {gid} groups {groups}", found, tuple((mode >> shift & 7,) * 2 for mode in MODES))


@case(tree=True)
def capabilities_override_permissions_as_far_as_they_go(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    _make_all_modes(kernel)
    override, search = CapSet.of(Cap.DAC_OVERRIDE), CapSet.of(Cap.DAC_READ_SEARCH)
    for uid, gid, groups, shift in IDENTITIES:
        for caps in (override, search, CapSet.of(Cap.FOWNER, Cap.CHOWN, Cap.SYS_ADMIN)):
            found = in_child(kernel, _access_all_modes, uid, gid, groups, caps)
            expected = []
            for mode in MODES:
                file = directory = mode >> shift & 7
                if caps == override:
                    file, directory = R | W | (X if mode & 0o111 else 0), R | W | X
                if caps == search:
                    file, directory = file | R, directory | R | X
                expected.append((file, directory))
            expect(f"{caps} as uid {uid}", found, tuple(expected))


def _make_all_modes(kernel: Kernel) -> None:
    kernel.umask(0)
    for mode in MODES:
        write_file(kernel, f"f{mode:o}", b"", mode)
        kernel.mkdir(f"d{mode:o}", mode)
        kernel.chown(f"f{mode:o}", OWNER, GROUP)
        kernel.chown(f"d{mode:o}", OWNER, GROUP)


def _access_all_modes(kernel: Kernel, uid: int, gid: int, groups: tuple[int, ...], caps: CapSet) -> tuple[tuple[int, int], ...]:
    become(kernel, uid, gid, groups, caps)
    return tuple((allowed(kernel, f"f{mode:o}"), allowed(kernel, f"d{mode:o}")) for mode in MODES)


@case(tree=True)
def several_permissions_are_granted_together_or_not(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    write_file(kernel, "f", b"", 0o440)
    kernel.chown("f", OWNER, GROUP)
    in_child(kernel, _ask_together)


def _ask_together(kernel: Kernel) -> None:
    become(kernel, 1001, caps=CapSet.of(Cap.DAC_READ_SEARCH))
    kernel.access("f", 0)
    kernel.close(kernel.open("f", RDONLY))
    for flags in (RDWR, WRONLY, RDONLY | OpenFlag.TRUNC):
        refused(EACCES, kernel.open, "f", flags)
    refused(EPERM, kernel.open, "f", RDONLY | O_NOATIME)  # that is for the owner
    refused(EACCES, kernel.open, "f", 3)  # the fourth access mode needs both, and gives neither


@case(tree=True)
def the_filesystem_ids_decide(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    write_file(kernel, "f", b"", 0o600)
    kernel.chown("f", OWNER, GROUP)
    in_child(kernel, _change_filesystem_ids)


def _change_filesystem_ids(kernel: Kernel) -> None:
    kernel.chmod("/tmp", 0o777)
    kernel.setfsuid(1001)
    refused(EACCES, kernel.open, "f", RDONLY)  # with it went the capabilities
    kernel.setfsuid(OWNER)
    kernel.setfsgid(GROUP)
    kernel.close(kernel.open("f", RDWR))
    kernel.close(kernel.open("new", OpenFlag.CREAT | WRONLY, 0o600))
    found = kernel.stat("new")
    expect("whose file it is", (found.uid, found.gid), (OWNER, GROUP))


@case(tree=True)
def access_asks_for_the_real_user(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o700)
    write_file(kernel, "d/f", b"", 0o600)
    write_file(kernel, "f", b"", 0o600)
    write_file(kernel, "mine", b"", 0o600)
    kernel.chown("mine", OWNER, 0)
    in_child(kernel, _ask_for_real_user)
    in_child(kernel, _ask_for_real_root)
    in_child(kernel, _ask_without_fixup)


def _ask_for_real_user(kernel: Kernel) -> None:
    kernel.setresuid(OWNER, 0, 0)
    kernel.close(kernel.open("f", RDWR))
    refused(EACCES, kernel.access, "f", R)
    refused(EACCES, kernel.access, "d/f", 0)  # the walk too
    kernel.access("mine", R | W)
    kernel.faccessat2(AT_FDCWD, "d/f", R | W, EACCESS)


def _ask_for_real_root(kernel: Kernel) -> None:
    kernel.setresuid(0, OWNER, 0)
    refused(EACCES, kernel.open, "f", RDWR)
    kernel.access("f", R | W)  # what is permitted counts, though nothing is effective
    refused(EACCES, kernel.faccessat2, AT_FDCWD, "f", R, EACCESS)


def _ask_without_fixup(kernel: Kernel) -> None:
    kernel.prctl_set_securebits(Securebit.NO_SETUID_FIXUP)
    kernel.setresuid(OWNER, 0, 0)
    kernel.access("f", R | W)  # now the effective ones do


@case(tree=True)
def a_user_namespace_has_power_only_over_files_of_its_users(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    write_file(kernel, "roots", b"", 0o600)
    write_file(kernel, "mine", b"", 0o000)
    kernel.chown("mine", OWNER, OWNER)
    write_file(kernel, "half", b"", 0o000)
    kernel.chown("half", OWNER, 0)
    kernel.mkdir("d", 0o777)
    kernel.chmod("d", 0o777)
    in_child(kernel, _enter_and_try)


def _enter_and_try(kernel: Kernel) -> None:
    become(kernel, OWNER, OWNER)
    kernel.prctl_set_dumpable(1)  # its id maps are files of its own
    in_child(kernel, _try_in_user_namespace, flags=CloneFlag.NEWUSER)


def _try_in_user_namespace(kernel: Kernel) -> None:
    expect("owners outside the map", (kernel.stat("roots").uid, kernel.stat("mine").uid), (65534, 65534))
    refused(EACCES, kernel.open, "mine", RDONLY)  # without a map, nobody's files
    refused(EINVAL, kernel.chown, "mine", 0, -1)
    refused(EPERM, kernel.mknod, "d/null", FileType.CHR | 0o600, makedev(1, 3))
    kernel.mknod("d/whiteout", FileType.CHR | 0o600, 0)
    kernel.mkdir("d/new", 0o700)  # the file system is of the initial namespace: the caller is known there
    expect("whose it is", kernel.stat("d/new").uid, 65534)
    write_file(kernel, "/proc/self/setgroups", b"deny")
    write_file(kernel, "/proc/self/uid_map", b"0 1000 1")
    write_file(kernel, "/proc/self/gid_map", b"0 1000 1")
    expect("owners inside it", (kernel.stat("roots").uid, kernel.stat("mine").uid, kernel.stat("mine").gid), (65534, 0, 0))
    kernel.close(kernel.open("mine", RDWR))
    refused(EACCES, kernel.open, "roots", RDONLY)
    refused(EACCES, kernel.open, "half", RDONLY)  # owner and group must be known
    refused(EINVAL, kernel.chown, "mine", 1, -1)
    refused(EINVAL, kernel.chown, "mine", -1, 1)
    kernel.chmod("half", 0o600)  # the owner is, whatever the group


# -- owners --


@case(tree=True)
def only_the_owner_changes_the_mode(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.umask(0)
    write_file(kernel, "f", b"", 0o666)
    write_file(kernel, "g", b"", 0o600)
    for path in "fg":
        kernel.chown(path, OWNER, GROUP)
    in_child(kernel, _change_modes)


def _change_modes(kernel: Kernel) -> None:
    in_child(kernel, _change_mode, 1001, EMPTY, "f", 0o600, EPERM, 0o666)
    in_child(kernel, _change_mode, 1001, CapSet.of(Cap.FOWNER), "f", 0o640, 0, 0o640)
    in_child(kernel, _change_mode, OWNER, EMPTY, "g", 0o4600, 0, 0o4600)
    # set-group-ID is for members of the group: it is left out, without a word
    in_child(kernel, _change_mode, OWNER, EMPTY, "g", 0o2755, 0, 0o0755)
    in_child(kernel, _change_mode, OWNER, EMPTY, "g", 0o2644, 0, 0o0644)
    in_child(kernel, _change_mode, OWNER, CapSet.of(Cap.FSETID), "g", 0o2755, 0, 0o2755)


def _change_mode(kernel: Kernel, uid: int, caps: CapSet, path: str, mode: int, errno: int, left: int) -> None:
    become(kernel, uid, caps=caps)
    expect(f"chmod {mode:o} as {uid}", errno_of(kernel.chmod, path, mode), errno)
    expect("the mode", kernel.stat(path).permissions, left)


CHOWN_TABLE: tuple[tuple[int, tuple[int, ...], CapSet, int, int, int], ...] = (
    # who, in which groups, with which capabilities, to which uid and gid of a file of OWNER and GROUP: the errno
    (OWNER, (), EMPTY, OWNER, -1, 0),
    (OWNER, (), EMPTY, -1, GROUP, 0),
    (OWNER, (3000,), EMPTY, OWNER, 3000, 0),
    (OWNER, (3000,), EMPTY, -1, 4000, EPERM),
    (OWNER, (), EMPTY, -1, 99, 0),
    (OWNER, (), EMPTY, 1001, -1, EPERM),
    (1001, (GROUP, 3000), EMPTY, -1, 3000, EPERM),
    (1001, (GROUP,), EMPTY, -1, GROUP, EPERM),
    (1001, (), EMPTY, OWNER, -1, EPERM),
    (1001, (), EMPTY, -1, -1, 0),
    (1001, (), CapSet.of(Cap.FOWNER), 1001, -1, EPERM),
    (1001, (), CapSet.of(Cap.CHOWN), 5, 6, 0),
    (1001, (), CapSet.of(Cap.CHOWN), 2**32 - 1, 2**32 - 1, 0),
)


@case(tree=True)
def owners_are_changed_by_the_privileged(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    for number, row in enumerate(CHOWN_TABLE):
        path = f"f{number}"
        write_file(kernel, path, b"", 0o666)
        kernel.chown(path, OWNER, GROUP)
        in_child(kernel, _change_owner, path, *row)


def _change_owner(
    kernel: Kernel, path: str, who: int, groups: tuple[int, ...], caps: CapSet, uid: int, gid: int, errno: int
) -> None:
    become(kernel, who, 99, groups, caps)
    expect(f"chown {uid}:{gid} by {who} in {groups} with {caps}", errno_of(kernel.chown, path, uid, gid), errno)
    found = kernel.stat(path)
    if errno or uid in (-1, 2**32 - 1):
        uid = OWNER
    if errno or gid in (-1, 2**32 - 1):
        gid = GROUP
    expect("the owners", (found.uid, found.gid), (uid, gid))


@case(tree=True)
def a_change_of_owner_takes_the_set_id_bits(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    for mode, left in ((0o4644, 0o644), (0o2755, 0o755), (0o6755, 0o755), (0o6711, 0o711), (0o2745, 0o2745), (0o1777, 0o1777)):
        for ids in ((0, 0), (-1, -1), (OWNER, -1), (-1, GROUP)):
            write_file(kernel, "f", b"")
            kernel.chmod("f", mode)
            kernel.chown("f", *ids)  # root's doing or not
            expect(f"{mode:o} after chown {ids}", kernel.stat("f").permissions, left)
            kernel.unlink("f")
    kernel.mkdir("d", 0o755)
    kernel.chmod("d", 0o6755)
    kernel.chown("d", OWNER, GROUP)
    expect("a directory keeps them", kernel.stat("d").permissions, 0o6755)
    write_file(kernel, "f", b"")
    kernel.chmod("f", 0o6755)
    in_child(kernel, _chown_without_ids)


def _chown_without_ids(kernel: Kernel) -> None:
    become(kernel, 1001)
    refused(EPERM, kernel.chown, "f", -1, -1)  # it would change the mode


@case(tree=True)
def truncation_takes_privileges_from_a_file(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    for mode, left in ((0o4777, 0o777), (0o2777, 0o777), (0o2767, 0o767)):
        write_file(kernel, "f", b"")
        kernel.chmod("f", mode)
        kernel.close(kernel.open("f", OpenFlag.TRUNC | RDONLY))
        expect("root has CAP_FSETID", kernel.stat("f").permissions, mode)
        in_child(kernel, _truncate)
        expect(f"{mode:o} after truncation", kernel.stat("f").permissions, left)
        kernel.unlink("f")


def _truncate(kernel: Kernel) -> None:
    become(kernel, 1001)
    kernel.open("f", OpenFlag.TRUNC | WRONLY)


# -- making and removing --


@case(tree=True)
def making_a_name_needs_write_and_search_permission(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    for mode in range(8):
        kernel.mkdir(f"d{mode}", 0o700)
        write_file(kernel, f"d{mode}/f", b"", 0o666)
        kernel.mkdir(f"d{mode}/e", 0o777)
        kernel.chmod(f"d{mode}", 0o700 | mode)
        in_child(kernel, _make_and_remove, f"d{mode}", 0 if mode & 3 == 3 else EACCES, bool(mode & 1))


def _make_and_remove(kernel: Kernel, directory: str, errno: int, searchable: bool) -> None:
    become(kernel, 1001)
    for name, call, args in (
        ("directory", kernel.mkdir, (0o755,)),
        ("fifo", kernel.mknod, (FileType.FIFO | 0o644, 0)),
        ("file", kernel.open, (OpenFlag.CREAT | WRONLY, 0o644)),
    ):
        expect(f"making {directory}/{name}", errno_of(call, f"{directory}/{name}", *args), errno)
    expect("a link", errno_of(kernel.symlink, "x", f"{directory}/link"), errno)
    refused(EEXIST if searchable else EACCES, kernel.mkdir, f"{directory}/f", 0o755)
    refused(ENOENT if searchable else EACCES, kernel.unlink, f"{directory}/missing")
    expect("moving within", errno_of(kernel.rename, f"{directory}/e", f"{directory}/moved"), errno)
    expect("removing", errno_of(kernel.unlink, f"{directory}/f"), errno)
    if errno and searchable:
        refused(EACCES, kernel.rmdir, f"{directory}/f")  # permission comes before the type
        refused(EACCES, kernel.unlink, f"{directory}/e")
    if errno == 0:
        refused(EISDIR, kernel.unlink, f"{directory}/moved")


STICKY: tuple[tuple[int, int, int, CapSet, int], ...] = (
    # owner of the directory, owner of the file, who, with which capabilities: the errno
    (0, 1001, 1001, EMPTY, 0),
    (1001, 1002, 1001, EMPTY, 0),
    (0, 1002, 1001, EMPTY, EPERM),
    (0, 0, 1001, EMPTY, EPERM),
    (0, 0, 1001, CapSet.of(Cap.DAC_OVERRIDE), EPERM),
    (0, 0, 1001, CapSet.of(Cap.FOWNER), 0),
)


@case(tree=True)
def a_sticky_directory_protects_the_files_of_others(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    for number, (directory, file, who, caps, errno) in enumerate(STICKY):
        path = f"d{number}"
        kernel.mkdir(path, 0o755)
        for name in ("a", "b", "target"):
            write_file(kernel, f"{path}/{name}", b"")
            kernel.lchown(f"{path}/{name}", file, 0)
        kernel.mkdir(f"{path}/e", 0o777)
        kernel.chown(f"{path}/e", file, 0)
        kernel.chown(path, directory, 0)
        kernel.chmod(path, 0o1777)
        in_child(kernel, _remove_from_sticky, path, who, caps, errno)


@case(tree=True)
def what_others_leave_in_a_sticky_directory_is_not_what_one_creates(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o777)
    kernel.chmod("d", 0o1777)
    kernel.mknod("d/null", FileType.CHR | 0o666, makedev(1, 3))
    kernel.mknod("d/socket", FileType.SOCK | 0o666, 0)
    kernel.symlink("f", "d/link")
    for path in ("d/null", "d/socket", "d/link"):
        kernel.lchown(path, OWNER, GROUP)
    kernel.chmod("d/null", 0o666)
    for path, flags, errno in (
        ("d/null", RDWR, EACCES),
        ("d/socket", RDWR, EACCES),
        ("d/link", OpenFlag.NOFOLLOW, EACCES),
        ("d/link", OpenFlag.EXCL, EEXIST),
    ):
        refused(errno, kernel.open, path, OpenFlag.CREAT | flags, 0o644)  # even root
    kernel.open("d/null", RDWR)
    refused(ENXIO, kernel.open, "d/socket", RDWR)
    kernel.lchown("d/null", 0, 0)
    kernel.open("d/null", OpenFlag.CREAT | RDWR)  # the directory's owner is trusted


def _remove_from_sticky(kernel: Kernel, path: str, who: int, caps: CapSet, errno: int) -> None:
    become(kernel, who, caps=caps)
    write_file(kernel, f"{path}/mine", b"")
    expect("removing", errno_of(kernel.unlink, f"{path}/a"), errno)
    expect("moving", errno_of(kernel.rename, f"{path}/b", f"{path}/c"), errno)
    expect("replacing", errno_of(kernel.rename, f"{path}/mine", f"{path}/target"), errno)
    expect("removing a directory", errno_of(kernel.rmdir, f"{path}/e"), errno)


@case(tree=True)
def a_directory_that_moves_must_be_writable(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    for path, mode in (("from", 0o777), ("to", 0o777), ("from/d", 0o755)):
        kernel.mkdir(path, 0o755)
        kernel.chmod(path, mode)
    in_child(kernel, _move_directory)


def _move_directory(kernel: Kernel) -> None:
    become(kernel, 1001)
    kernel.rename("from/d", "from/e")
    refused(EACCES, kernel.rename, "from/e", "to/e")  # its ".." would change


@case(tree=True)
def a_set_group_id_directory_gives_its_group(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    kernel.chown("d", 0, GROUP)
    kernel.chmod("d", 0o2777)
    kernel.mkdir("d/sub", 0o700)
    found = kernel.stat("d/sub")
    expect("a directory", (found.gid, found.permissions), (GROUP, 0o2700))
    kernel.symlink("x", "d/link")
    expect("a link", kernel.lstat("d/link").gid, GROUP)
    kernel.mknod("d/fifo", FileType.FIFO | 0o600, 0)
    expect("a FIFO", kernel.lstat("d/fifo").gid, GROUP)
    in_child(kernel, _make_set_group_id)


def _make_set_group_id(kernel: Kernel) -> None:
    become(kernel, 1001)
    kernel.umask(0)
    for name, mode, left in (("a", 0o2755, 0o755), ("b", 0o2745, 0o2745), ("c", 0o4755, 0o4755)):
        write_file(kernel, f"d/{name}", b"", mode)
        found = kernel.stat(f"d/{name}")
        expect(f"made {mode:o} by a stranger to the group", (found.gid, found.permissions), (GROUP, left))
    kernel.umask(0o077)
    write_file(kernel, "d/d", b"", 0o2770)
    expect("what was asked for counts, not what the umask leaves", kernel.stat("d/d").permissions, 0o700)


@case(tree=True)
def devices_are_made_by_the_privileged(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.chmod("/tmp", 0o777)
    in_child(kernel, _make_devices)


def _make_devices(kernel: Kernel) -> None:
    become(kernel, 1001)
    refused(EPERM, kernel.mknod, "null", FileType.CHR | 0o666, makedev(1, 3))
    refused(EPERM, kernel.mknod, "disk", FileType.BLK | 0o666, 0)
    kernel.mknod("whiteout", FileType.CHR | 0o666, 0)
    kernel.mknod("fifo", FileType.FIFO | 0o666, 0)
    refused(EACCES, kernel.mknod, "/null", FileType.CHR | 0o666, makedev(1, 3))  # the directory comes first
    refused(EEXIST, kernel.mknod, "fifo", FileType.CHR | 0o666, makedev(1, 3))


@case(tree=True)
def hard_links_may_be_restricted_to_what_one_could_write(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.chmod("/tmp", 0o777)
    if not int(read_all(kernel, kernel.open("/proc/sys/fs/protected_hardlinks", RDONLY))):
        return
    for path, mode in (("secret", 0o600), ("readable", 0o644), ("open", 0o666), ("setuid", 0o4777), ("setgid", 0o2777)):
        write_file(kernel, path, b"")
        kernel.chmod(path, mode)
    kernel.symlink("open", "soft")
    in_child(kernel, _make_links, EMPTY)
    in_child(kernel, _make_links, CapSet.of(Cap.FOWNER))


def _make_links(kernel: Kernel, caps: CapSet) -> None:
    become(kernel, 1001, caps=caps)
    denied = 0 if caps else EPERM
    errnos = {"secret": denied, "readable": denied, "open": 0, "setuid": denied, "setgid": denied, "soft": denied}
    for path, errno in errnos.items():
        expect(f"linking {path}", errno_of(kernel.link, path, f"{path}-{len(caps)}"), errno)


@case(tree=True)
def a_passed_descriptor_is_not_linked_without_privilege(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.chmod("/tmp", 0o777)
    write_file(kernel, "f", b"")
    kernel.chmod("f", 0o666)
    fd = kernel.open("f", RDONLY)
    in_child(kernel, _link_descriptor, fd)


def _link_descriptor(kernel: Kernel, fd: Fd) -> None:
    become(kernel, 1001)
    refused(ENOENT, kernel.linkat, fd, "", AT_FDCWD, "name", AtFlag.EMPTY_PATH)


# -- mounts --


@case(tree=True)
def a_mount_may_refuse_devices_and_execution(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("m", 0o755)
    kernel.mount("m", "m", "tmpfs", MountFlag.NODEV | MountFlag.NOEXEC, "mode=755")
    kernel.mknod("m/null", FileType.CHR | 0o666, makedev(1, 3))
    kernel.mknod("m/unknown", FileType.BLK | 0o666, makedev(240, 77))
    write_file(kernel, "m/f", b"", 0o755)
    kernel.mkdir("m/d", 0o755)
    for path in ("m/null", "m/unknown"):
        refused(EACCES, kernel.open, path, RDONLY)  # before the number is looked at
        kernel.close(kernel.open(path, OpenFlag.PATH))
    kernel.access("m/null", R | W)
    refused(EACCES, kernel.access, "m/f", X)
    refused(EACCES, kernel.access, "m/f", R | X)
    kernel.access("m/d", X)
    kernel.access("m/f", R | W)


@case(tree=True)
def read_only_comes_before_permission_only_for_a_whole_file_system(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("m", 0o755)
    kernel.mount("m", "m", "tmpfs", 0, "mode=755")
    write_file(kernel, "m/f", b"", 0o600)
    kernel.mount("", "m", "", MountFlag.REMOUNT | MountFlag.BIND | MountFlag.RDONLY, "")
    in_child(kernel, _write_denied, EACCES, EACCES)
    kernel.mount("", "m", "", MountFlag.REMOUNT | MountFlag.RDONLY, "")
    in_child(kernel, _write_denied, EROFS, EACCES)


def _write_denied(kernel: Kernel, write: int, read: int) -> None:
    become(kernel, 1001)
    refused(write, kernel.open, "m/f", WRONLY)
    refused(write, kernel.faccessat2, AT_FDCWD, "m/f", W, 0)
    refused(read, kernel.open, "m/f", RDONLY)
    refused(EROFS, kernel.open, "m/f", RDONLY | OpenFlag.TRUNC)
    refused(EROFS, kernel.mkdir, "m/d", 0o755)  # making something looks at the mount first


@case(tree=True)
def file_capabilities_need_cap_setfcap(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    write_file(kernel, "f", b"", 0o777)
    kernel.chown("f", OWNER, OWNER)
    in_child(kernel, _set_file_capabilities)


def _set_file_capabilities(kernel: Kernel) -> None:
    name, value = "security.capability", b"\x01\x00\x00\x02" + bytes(16)
    become(kernel, OWNER, OWNER)
    kernel.prctl_set_dumpable(1)
    refused(EPERM, kernel.setxattr, "f", name, value)
    refused(EINVAL, kernel.setxattr, "f", name, b"nonsense")  # the layout comes first
    in_child(kernel, _set_file_capabilities_inside, value, flags=CloneFlag.NEWUSER)


def _set_file_capabilities_inside(kernel: Kernel, value: bytes) -> None:
    name = "security.capability"
    refused(EPERM, kernel.setxattr, "f", name, value)
    write_file(kernel, "/proc/self/setgroups", b"deny")
    write_file(kernel, "/proc/self/uid_map", b"0 1000 1")
    refused(EPERM, kernel.setxattr, "f", name, value)
    write_file(kernel, "/proc/self/gid_map", b"0 1000 1")
    kernel.setxattr("f", name, value)
    refused(EINVAL, kernel.setxattr, "f", name, b"\x01\x00\x00\x03" + bytes(16) + b"\x05\x00\x00\x00")
    refused(EEXIST, kernel.setxattr, "f", name, value, 1)
    kernel.chown("f", -1, -1)
    refused(ENODATA, kernel.setxattr, "f", name, value, 2)


@case(tree=True)
def capabilities_set_in_a_user_namespace_count_only_there(kernel: Kernel) -> None:
    kernel.chmod("/bin/busybox", 0o755)
    expect("without any", in_child(kernel, _run_with_capabilities), "0")
    kernel.setxattr("/bin/busybox", "security.capability", CAPABILITY)
    expect("set by root", in_child(kernel, _run_with_capabilities), "400")
    kernel.chown("/bin/busybox", OWNER, OWNER)
    expect("taken away", in_child(kernel, _run_with_capabilities), "0")
    in_child(kernel, _enter_and_set)
    expect("set in a user namespace", in_child(kernel, _run_with_capabilities), "0")


CAPABILITY = b"\x01\x00\x00\x02" + b"\x00\x04\x00\x00" + bytes(12)
"""struct vfs_cap_data of revision 2, effective, with CAP_NET_BIND_SERVICE permitted."""


def _enter_and_set(kernel: Kernel) -> None:
    become(kernel, OWNER, OWNER)
    kernel.prctl_set_dumpable(1)
    in_child(kernel, _set_as_root_inside, flags=CloneFlag.NEWUSER)


def _set_as_root_inside(kernel: Kernel) -> None:
    write_file(kernel, "/proc/self/setgroups", b"deny")
    write_file(kernel, "/proc/self/uid_map", b"0 1000 1")
    write_file(kernel, "/proc/self/gid_map", b"0 1000 1")
    kernel.setxattr("/bin/busybox", "security.capability", CAPABILITY)


def _run_with_capabilities(kernel: Kernel) -> str:
    """The effective capabilities, in hexadecimal, of a program that a common user runs."""
    reader, writer = kernel.pipe()
    child = kernel.clone(Signal.CHLD, _show_status, reader, writer)
    kernel.close(writer)
    status = read_all(kernel, reader).decode()
    kernel.wait4(child)
    return status.partition("CapEff:")[2].split()[0].lstrip("0") or "0"


def _show_status(kernel: Kernel, reader: Fd, writer: Fd) -> None:
    become(kernel, 1001)
    kernel.dup2(writer, Fd(1))
    kernel.execve("/bin/cat", ("cat", "/proc/self/status"), ())


@case(tree=True)
def what_a_user_namespace_mounted_knows_only_its_ids(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o777)
    kernel.chmod("d", 0o777)
    in_child(kernel, _mount_own, flags=CloneFlag.NEWUSER | CloneFlag.NEWNS)


def _mount_own(kernel: Kernel) -> None:
    write_file(kernel, "/proc/self/setgroups", b"deny")
    write_file(kernel, "/proc/self/uid_map", b"0 0 1")
    write_file(kernel, "/proc/self/gid_map", b"0 0 1")
    kernel.mount("t", "d", "tmpfs", 0, "mode=777")
    kernel.chdir("d")
    kernel.mkdir("mine", 0o755)
    kernel.symlink("/dev/null", "null")
    refused(EPERM, kernel.mknod, "device", FileType.CHR | 0o666, makedev(1, 3))
    kernel.mknod("whiteout", FileType.CHR | 0o666, 0)
    refused(EACCES, kernel.open, "whiteout", RDONLY)  # no devices in there
    kernel.close(kernel.open("null", RDWR))
    refused(ELOOP, kernel.open, "null", OpenFlag.NOFOLLOW)


@case(tree=True)
def who_has_no_id_in_a_file_system_makes_nothing_there(kernel: Kernel) -> None:
    kernel.mkdir("/tmp/d", 0o777)
    told, tell = kernel.pipe()
    child = kernel.clone(CloneFlag.NEWUSER | CloneFlag.NEWNS | Signal.CHLD, _mount_and_wait, told, tell)
    kernel.close(tell)
    kernel.read(told, 1)
    place = kernel.open(f"/proc/{child}/root/tmp/d", OpenFlag.PATH)
    kernel.fchownat(place, "theirs", OWNER, OWNER)  # but whoever may can give it away
    kernel.setfsuid(OWNER)
    refused(EEXIST, kernel.mkdirat, place, "theirs", 0o755)
    refused(EOVERFLOW, kernel.mkdirat, place, "new", 0o755)
    refused(EOVERFLOW, kernel.mknodat, place, "new", FileType.CHR | 0o666, makedev(1, 3))
    refused(EOVERFLOW, kernel.openat, place, "new", OpenFlag.CREAT | WRONLY, 0o644)
    kernel.close(kernel.openat(place, "theirs", OpenFlag.CREAT | RDWR, 0o644))
    kernel.unlinkat(place, "theirs", 0)
    kernel.kill(child, Signal.KILL)


def _mount_and_wait(kernel: Kernel, told: Fd, tell: Fd) -> None:
    kernel.close(told)
    write_file(kernel, "/proc/self/setgroups", b"deny")
    write_file(kernel, "/proc/self/uid_map", b"0 0 1")
    write_file(kernel, "/proc/self/gid_map", b"0 0 1")
    kernel.umask(0)
    kernel.mount("t", "/tmp/d", "tmpfs", 0, "mode=777")
    write_file(kernel, "/tmp/d/theirs", b"", 0o666)
    kernel.write(tell, b"!")
    reader, _ = kernel.pipe()
    kernel.read(reader, 1)


@case(tree=True)
def to_act_as_the_owner_of_a_file_takes_no_mapping_of_its_group(kernel: Kernel) -> None:
    for path, uid, gid in (("/known-owner", 1000, 2000), ("/known-group", 2000, 1000)):
        write_file(kernel, path, b"")
        kernel.chown(path, uid, gid)
    in_user_namespace(kernel, _act_as_owner, uid_map="0 1000 1", gid_map="0 1000 1")
    expect("the mode", kernel.stat("/known-owner").mode, 0o100604)


def _act_as_owner(kernel: Kernel) -> None:
    kernel.setresuid(0, 0, 0)
    kernel.setresgid(0, 0, 0)
    kernel.setfsuid(0)
    kernel.chmod("/known-owner", 0o604)
    refused(EPERM, kernel.chmod, "/known-group", 0o604)
    refused(EPERM, kernel.chown, "/known-group", 0, 0)


def _roots(kernel: Kernel, uid: int, gid: int) -> tuple[tuple[int, int], ...]:
    """Who owns the roots of new file systems that this user mounts, and the ptmx of the devpts."""
    kernel.setresgid(-1, gid, -1)
    kernel.setfsuid(uid)
    for fstype in ("ramfs", "tmpfs", "devpts", "mqueue"):
        kernel.mount("none", f"/m/{fstype}", fstype, 0, "")
    places = [kernel.stat(f"/m/{name}") for name in ("ramfs", "tmpfs", "devpts", "devpts/ptmx", "mqueue")]
    return tuple((place.uid, place.gid) for place in places)


def _unshare_and_mount(kernel: Kernel, uid: int, gid: int) -> tuple[tuple[int, int], ...]:
    kernel.unshare(CloneFlag.NEWNS | CloneFlag.NEWIPC)
    return _roots(kernel, uid, gid)


def _become_root_and_mount(kernel: Kernel, uid: int, gid: int) -> tuple[tuple[int, int], ...]:
    kernel.setresgid(0, 0, 0)
    kernel.setresuid(0, 0, 0)
    return _unshare_and_mount(kernel, uid, gid)


@case(tree=True)
def the_root_of_a_new_file_system_belongs_to_a_user_that_depends_on_its_type(kernel: Kernel) -> None:
    kernel.mkdir("/m", 0o755)
    for fstype in ("ramfs", "tmpfs", "devpts", "mqueue"):
        kernel.mkdir(f"/m/{fstype}", 0o755)
    mounter, root, nobody = (1000, 1001), (0, 0), (65534, 65534)
    own = in_child(kernel, _unshare_and_mount, 1000, 1001)
    expect("the owners, with an ipc namespace that root made", own, (mounter, mounter, root, mounter, root))
    maps = {"uid_map": "0 2000 2000", "gid_map": "0 2000 2000"}
    inside = in_user_namespace(kernel, _become_root_and_mount, 1000, 1001, **maps)
    expect("the owners in a user namespace", inside, (mounter, mounter, root, mounter, root))
    inside = in_user_namespace(kernel, _unshare_and_become_root, 1000, 1001, **maps)
    expect("with an ipc namespace that somebody from outside made", inside, (mounter, mounter, root, mounter, nobody))


def _unshare_and_become_root(kernel: Kernel, uid: int, gid: int) -> tuple[tuple[int, int], ...]:
    kernel.unshare(CloneFlag.NEWNS | CloneFlag.NEWIPC)
    kernel.setresgid(0, 0, 0)
    kernel.setresuid(0, 0, 0)
    return _roots(kernel, uid, gid)


@case(tree=True)
def a_devpts_of_a_user_namespace_without_id_0_belongs_to_nobody(kernel: Kernel) -> None:
    kernel.mkdir("/m", 0o755)
    in_user_namespace(kernel, _change_what_is_nobodys, uid_map="1000 1000 1", gid_map="1000 1000 1")


def _change_what_is_nobodys(kernel: Kernel) -> None:
    kernel.setresgid(1000, 1000, 1000)
    kernel.prctl_set_keepcaps(1)
    kernel.setfsuid(1000)
    kernel.unshare(CloneFlag.NEWNS)
    kernel.mount("none", "/m", "devpts", 0, "")
    root = kernel.stat("/m")
    expect("the owner", (root.uid, root.gid), (65534, 65534))
    refused(EACCES, kernel.mkdir, "/m/d", 0o755)
    refused(EOVERFLOW, kernel.chmod, "/m", 0o777)
    refused(EOVERFLOW, kernel.chown, "/m", 1000, -1)
    refused(EOVERFLOW, kernel.link, "/m", "/m/d")
    kernel.chown("/m", 1000, 1000)
    kernel.chmod("/m", 0o711)
    root = kernel.stat("/m")
    expect("the adopted root", (root.mode, root.uid, root.gid), (0o040711, 1000, 1000))
    refused(EPERM, kernel.mkdir, "/m/d", 0o755)


@case(tree=True)
def of_a_proc_only_the_mode_of_its_root_can_be_changed(kernel: Kernel) -> None:
    kernel.mkdir("/p", 0o755)
    kernel.mount("proc", "/p", "proc", 0, "")
    kernel.chmod("/p", 0o511)
    expect("the mode", (kernel.stat("/p").mode, kernel.stat("/proc").mode), (0o040511, 0o040555))
    refused(EPERM, kernel.chmod, "/p/self", 0o555)
    refused(EPERM, kernel.chmod, "/p/self/status", 0o644)
