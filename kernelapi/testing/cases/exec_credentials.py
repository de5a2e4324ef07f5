"""Laws of the credentials that a program starts with: a witness of its own (`kernelapi.testing.witness`) says what it has."""

import struct
from errno import EPERM

from kernelapi.capability import EMPTY, Cap, CapSet
from kernelapi.flags import AtFlag, CloneFlag, MountFlag, OpenFlag, Securebit, Signal
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import Broken, case, expect, in_child, read_all, refused
from kernelapi.testing.stage import write_file
from kernelapi.testing.steps import Step, do, in_user_namespace
from kernelapi.testing.witness import WITNESS, Testimony, testimony
from kernelapi.values import CapData

SELF = Pid(0)
CHOWN, KILL, NET_RAW, FOWNER, SETUID = map(CapSet.of, (Cap.CHOWN, Cap.KILL, Cap.NET_RAW, Cap.FOWNER, Cap.SETUID))

B = CapSet.of(Cap.CHOWN, Cap.KILL, Cap.NET_RAW, Cap.SETUID, Cap.SETGID, Cap.SETPCAP)
"""The bounding set of those who execute something here; of root, the permitted and effective ones too."""

USER, OTHER, GROUP = 1000, 1001, 50


def execute(kernel: Kernel, path: str, *steps: Step, flags: int = 0) -> Testimony:
    """How the program at `path` starts in a child that has made the calls `steps`. Raises what execve raises."""
    reader, writer = kernel.pipe2(OpenFlag.CLOEXEC)
    child = kernel.clone(flags | Signal.CHLD, become, path, steps, writer)
    kernel.close(writer)
    output = read_all(kernel, reader)
    kernel.close(reader)
    kernel.wait4(child)
    if output.isdigit():
        raise OSError(int(output), "in execve")
    if not output:
        raise Broken(f"nothing was executed after {steps}")
    return testimony(output)


def become(kernel: Kernel, path: str, steps: tuple[Step, ...], output: Fd) -> None:
    do(kernel, steps)
    kernel.dup2(output, Fd(1))
    try:
        kernel.execve(path, (path,), ())
    except OSError as error:
        kernel.write(output, str(error.errno).encode())


def file_capabilities(permitted: CapSet, inheritable: CapSet, effective: bool, root: int | None = None) -> bytes:
    """The value of security.capability: version 2, or 3 with a root user."""
    version = 0x02000000 if root is None else 0x03000000
    halves = [mask >> shift & 0xFFFFFFFF for shift in (0, 32) for mask in (permitted.mask, inheritable.mask)]
    return struct.pack("<5I", version | effective, *halves) + (b"" if root is None else struct.pack("<I", root))


def install(kernel: Kernel, path: str, owner: int = 0, group: int = 0, mode: int = 0o755, caps: bytes = b"") -> str:
    """Make an executable file."""
    write_file(kernel, path, WITNESS)
    kernel.chown(path, owner, group)
    kernel.chmod(path, mode)
    if caps:
        kernel.setxattr(path, "security.capability", caps)
    return path


def make_files(kernel: Kernel) -> None:
    """The files of the tables below, in /bin."""
    install(kernel, "/bin/plain")
    install(kernel, "/bin/suid-root", mode=0o4755)
    install(kernel, "/bin/suid-user", USER, mode=0o4755)
    install(kernel, "/bin/sgid", 0, GROUP, mode=0o2755)
    install(kernel, "/bin/sgid-without-execute", 0, GROUP, mode=0o2745)
    install(kernel, "/bin/permits", caps=file_capabilities(KILL | CHOWN, EMPTY, effective=False))
    install(kernel, "/bin/gives", caps=file_capabilities(KILL | CHOWN, EMPTY, effective=True))
    install(kernel, "/bin/inherits", caps=file_capabilities(EMPTY, KILL | NET_RAW, effective=True))
    install(kernel, "/bin/empty", caps=file_capabilities(EMPTY, EMPTY, effective=False))
    install(kernel, "/bin/unbounded", caps=file_capabilities(KILL | FOWNER, EMPTY, effective=True))
    install(kernel, "/bin/permits-unbounded", caps=file_capabilities(KILL | FOWNER, EMPTY, effective=False))
    install(kernel, "/bin/suid-root-gives", 0, 0, 0o4755, file_capabilities(KILL, EMPTY, effective=True))


def bound(kernel: Kernel) -> None:
    """Shrink the bounding set to `B`, and the others with it."""
    for cap in Cap:
        if cap not in B:
            kernel.prctl_capbset_drop(cap)
    kernel.capset(SELF, CapData(B, B, EMPTY))


KEEP: Step = ("prctl_set_keepcaps", 1)
AS_USER: Step = ("setresuid", USER, USER, USER)
NO_NEW_PRIVS: Step = ("prctl_set_no_new_privs", 1)
NOROOT: Step = ("prctl_set_securebits", Securebit.NOROOT)


def hold(permitted: CapSet, effective: CapSet = EMPTY, inheritable: CapSet = EMPTY) -> Step:
    return ("capset", SELF, CapData(effective, permitted, inheritable))


RAISE_KILL: tuple[Step, ...] = (hold(B, B, KILL), ("prctl_cap_ambient_raise", Cap.KILL))
USER_WITH_KILL: tuple[Step, ...] = (KEEP, AS_USER, hold(KILL, EMPTY, KILL), ("prctl_cap_ambient_raise", Cap.KILL))
"""A user with P = I = A = {KILL}."""

Row = tuple[tuple[Step, ...], str, tuple[int, int], CapSet, CapSet, CapSet]
"""Calls, file; then real and effective user id (saved and filesystem id are like that one), permitted, effective, ambient."""

ROOT_RULE: tuple[Row, ...] = (
    ((), "plain", (0, 0), B, B, EMPTY),
    ((hold(B, B, KILL),), "plain", (0, 0), B, B, EMPTY),
    ((hold(CHOWN, CHOWN),), "plain", (0, 0), B, B, EMPTY),
    ((hold(EMPTY),), "plain", (0, 0), B, B, EMPTY),
    (RAISE_KILL, "plain", (0, 0), B, B, KILL),
    ((hold(B, B, KILL), ("prctl_capbset_drop", Cap.KILL)), "plain", (0, 0), B, B, EMPTY),
    ((("prctl_capbset_drop", Cap.KILL),), "plain", (0, 0), B - KILL, B - KILL, EMPTY),
    ((NOROOT,), "plain", (0, 0), EMPTY, EMPTY, EMPTY),
    ((*RAISE_KILL, NOROOT), "plain", (0, 0), KILL, KILL, KILL),
    ((("setresuid", 0, USER, 0),), "plain", (0, USER), B, EMPTY, EMPTY),
    ((*RAISE_KILL, ("setresuid", 0, USER, USER)), "plain", (0, USER), B, KILL, KILL),
    ((("setresuid", USER, 0, USER),), "plain", (USER, 0), B, B, EMPTY),
    ((("setresuid", USER, USER, 0),), "plain", (USER, USER), EMPTY, EMPTY, EMPTY),
    ((("setresuid", USER, 0, USER), NOROOT), "plain", (USER, 0), EMPTY, EMPTY, EMPTY),
)

USERS: tuple[Row, ...] = (
    ((AS_USER,), "plain", (USER, USER), EMPTY, EMPTY, EMPTY),
    ((KEEP, AS_USER, hold(B, B, KILL)), "plain", (USER, USER), EMPTY, EMPTY, EMPTY),
    (USER_WITH_KILL, "plain", (USER, USER), KILL, KILL, KILL),
    ((("setresuid", USER, OTHER, 7),), "plain", (USER, OTHER), EMPTY, EMPTY, EMPTY),
    # Other effective than real ids are no reason to empty the ambient set: from 6.16 on.
    (
        (KEEP, ("setresuid", USER, OTHER, 7), hold(KILL, EMPTY, KILL), ("prctl_cap_ambient_raise", Cap.KILL)),
        "plain",
        (USER, OTHER),
        KILL,
        KILL,
        KILL,
    ),
)

SET_ID: tuple[Row, ...] = (
    ((AS_USER,), "suid-root", (USER, 0), B, B, EMPTY),
    ((hold(CHOWN | SETUID, SETUID), AS_USER), "suid-root", (USER, 0), B, B, EMPTY),
    (USER_WITH_KILL, "suid-root", (USER, 0), B, B, EMPTY),
    ((NOROOT, AS_USER), "suid-root", (USER, 0), EMPTY, EMPTY, EMPTY),
    ((), "suid-user", (0, USER), B, EMPTY, EMPTY),
    (RAISE_KILL, "suid-user", (0, USER), B, EMPTY, EMPTY),
    ((("setresuid", OTHER, OTHER, OTHER),), "suid-user", (OTHER, USER), EMPTY, EMPTY, EMPTY),
    (USER_WITH_KILL, "suid-user", (USER, USER), KILL, KILL, KILL),
    ((NO_NEW_PRIVS, AS_USER), "suid-root", (USER, USER), EMPTY, EMPTY, EMPTY),
    ((*USER_WITH_KILL, NO_NEW_PRIVS), "suid-root", (USER, USER), KILL, KILL, KILL),
)

FILE_CAPABILITIES: tuple[Row, ...] = (
    ((AS_USER,), "gives", (USER, USER), KILL | CHOWN, KILL | CHOWN, EMPTY),
    ((AS_USER,), "permits", (USER, USER), KILL | CHOWN, EMPTY, EMPTY),
    ((AS_USER,), "inherits", (USER, USER), EMPTY, EMPTY, EMPTY),
    ((hold(B, B, KILL | CHOWN), AS_USER), "inherits", (USER, USER), KILL, KILL, EMPTY),
    ((AS_USER,), "permits-unbounded", (USER, USER), KILL, EMPTY, EMPTY),
    (USER_WITH_KILL, "gives", (USER, USER), KILL | CHOWN, KILL | CHOWN, EMPTY),
    (USER_WITH_KILL, "empty", (USER, USER), EMPTY, EMPTY, EMPTY),
    ((NOROOT, AS_USER), "gives", (USER, USER), KILL | CHOWN, KILL | CHOWN, EMPTY),
    ((), "gives", (0, 0), B, B, EMPTY),
    (RAISE_KILL, "empty", (0, 0), B, B, EMPTY),
    ((NOROOT,), "gives", (0, 0), KILL | CHOWN, KILL | CHOWN, EMPTY),
    ((("setresuid", 0, USER, USER),), "permits", (0, USER), B, EMPTY, EMPTY),
    ((("setresuid", 0, USER, USER),), "gives", (0, USER), B, B, EMPTY),
    ((AS_USER,), "suid-root-gives", (USER, 0), KILL, KILL, EMPTY),
    ((), "suid-root-gives", (0, 0), B, B, EMPTY),
)

UNSAFE: tuple[Row, ...] = (
    ((NO_NEW_PRIVS, AS_USER), "gives", (USER, USER), EMPTY, EMPTY, EMPTY),
    ((*USER_WITH_KILL, NO_NEW_PRIVS), "gives", (USER, USER), KILL, KILL, EMPTY),
    ((*USER_WITH_KILL, NO_NEW_PRIVS), "empty", (USER, USER), EMPTY, EMPTY, EMPTY),
    ((NO_NEW_PRIVS, hold(CHOWN, CHOWN)), "plain", (0, 0), CHOWN, CHOWN, EMPTY),
    ((NO_NEW_PRIVS,), "suid-user", (0, 0), B, B, EMPTY),
    # Growing permitted sets take other effective ids back, too.
    ((NO_NEW_PRIVS, ("setresuid", 0, USER, 0), hold(CHOWN)), "plain", (0, 0), CHOWN, EMPTY, EMPTY),
    ((NO_NEW_PRIVS, ("setresuid", 0, USER, 0)), "plain", (0, USER), B, EMPTY, EMPTY),
)


def check(kernel: Kernel, rows: tuple[Row, ...], flags: int = 0) -> None:
    for steps, file, (real, effective_id), permitted, effective, ambient in rows:
        found = execute(kernel, f"/bin/{file}", *steps, flags=flags)
        about = f"{file} after {steps}"
        expect(f"the user ids of {about}", found.uids, (real, effective_id, effective_id, effective_id))
        expect(f"P, E, A of {about}", (found.permitted, found.effective, found.ambient), (permitted, effective, ambient))


@case(tree=True)
def root_gets_its_bounding_and_inheritable_sets_at_exec(kernel: Kernel) -> None:
    make_files(kernel)
    bound(kernel)
    check(kernel, ROOT_RULE)


@case(tree=True)
def a_user_keeps_its_ambient_set_at_exec_and_nothing_else(kernel: Kernel) -> None:
    make_files(kernel)
    bound(kernel)
    check(kernel, USERS)


@case(tree=True)
def set_user_id_bits_change_the_effective_id_and_empty_the_ambient_set(kernel: Kernel) -> None:
    make_files(kernel)
    bound(kernel)
    check(kernel, SET_ID)


@case(tree=True)
def file_capabilities_are_bounded_and_replace_the_ambient_set(kernel: Kernel) -> None:
    make_files(kernel)
    bound(kernel)
    check(kernel, FILE_CAPABILITIES)


@case(tree=True)
def a_file_that_counts_on_a_capability_which_is_not_bounded_is_not_executed(kernel: Kernel) -> None:
    make_files(kernel)
    bound(kernel)
    for steps in ((), (AS_USER,), (NO_NEW_PRIVS, AS_USER)):
        refused(EPERM, execute, kernel, "/bin/unbounded", *steps)


@case(tree=True)
def no_new_privs_takes_what_would_be_gained(kernel: Kernel) -> None:
    make_files(kernel)
    bound(kernel)
    check(kernel, UNSAFE)


@case(tree=True)
def exec_keeps_inheritable_and_bounding_sets_and_no_new_privs(kernel: Kernel) -> None:
    make_files(kernel)
    bound(kernel)
    found = execute(kernel, "/bin/plain", NO_NEW_PRIVS, hold(B, B, NET_RAW), ("prctl_capbset_drop", Cap.CHOWN), AS_USER)
    expect("I, B, no_new_privs", (found.inheritable, found.bounding, found.no_new_privs), (NET_RAW, B - CHOWN, True))
    found = execute(kernel, "/bin/gives", hold(B, B, NET_RAW), AS_USER)
    expect("I, B, no_new_privs", (found.inheritable, found.bounding, found.no_new_privs), (NET_RAW, B, False))


@case(tree=True)
def the_saved_ids_become_the_effective_ones_at_exec(kernel: Kernel) -> None:
    ids: tuple[Step, ...] = (("setresgid", 1, 2, 3), ("setfsgid", 4), ("setresuid", 5, 0, 7), ("setfsuid", 8))
    found = execute(kernel, install(kernel, "/bin/plain"), *ids)
    expect("ids", (found.uids, found.gids), ((5, 0, 0, 0), (1, 2, 2, 2)))


@case(tree=True)
def a_set_group_id_bit_needs_the_execute_bit_of_the_group(kernel: Kernel) -> None:
    make_files(kernel)
    bound(kernel)
    expect("with", execute(kernel, "/bin/sgid", AS_USER).gids, (0, GROUP, GROUP, GROUP))
    expect("without", execute(kernel, "/bin/sgid-without-execute", AS_USER).gids, (0, 0, 0, 0))
    expect("with no_new_privs", execute(kernel, "/bin/sgid", NO_NEW_PRIVS).gids, (0, 0, 0, 0))


@case(tree=True)
def a_set_group_id_file_of_a_group_that_one_is_in_leaves_the_ambient_set(kernel: Kernel) -> None:
    make_files(kernel)
    bound(kernel)
    stranger = execute(kernel, "/bin/sgid", *USER_WITH_KILL)
    expect("for a stranger", (stranger.gids, stranger.ambient), ((0, GROUP, GROUP, GROUP), EMPTY))
    member = execute(kernel, "/bin/sgid", ("setgroups", (GROUP,)), *USER_WITH_KILL)
    expect("for a member of the group", (member.gids, member.ambient), ((0, GROUP, GROUP, GROUP), KILL))


@case(tree=True)
def a_nosuid_mount_has_no_set_id_bits_and_no_file_capabilities(kernel: Kernel) -> None:
    make_files(kernel)
    kernel.mount("/bin", "/bin", "", MountFlag.BIND, "")
    kernel.mount("", "/bin", "", MountFlag.REMOUNT | MountFlag.BIND | MountFlag.NOSUID, "")
    bound(kernel)
    for file in ("suid-root", "gives", "unbounded"):
        check(kernel, ((USER_WITH_KILL, file, (USER, USER), KILL, KILL, KILL),))
    expect("the group ids", execute(kernel, "/bin/sgid", AS_USER).gids, (0, 0, 0, 0))


@case(tree=True)
def a_file_reached_in_another_mount_namespace_has_no_set_id_bits(kernel: Kernel) -> None:
    make_files(kernel)
    inside = in_child(kernel, execute_by_descriptor, "/bin/suid-root", (AS_USER,))
    expect("the user ids, from the same namespace", inside.uids, (USER, 0, 0, 0))
    outside = in_child(kernel, execute_by_descriptor, "/bin/suid-root", (("unshare", CloneFlag.NEWNS), AS_USER))
    expect("the user ids, from another", outside.uids, (USER, USER, USER, USER))


def execute_by_descriptor(kernel: Kernel, path: str, steps: tuple[Step, ...]) -> Testimony:
    fd = kernel.fcntl_dupfd(kernel.open(path, OpenFlag.PATH), 10)  # not the standard output
    reader, writer = kernel.pipe2(OpenFlag.CLOEXEC)
    child = kernel.clone(Signal.CHLD, become_by_descriptor, fd, steps, writer)
    kernel.close(writer)
    output = read_all(kernel, reader)
    kernel.wait4(child)
    return testimony(output)


def become_by_descriptor(kernel: Kernel, fd: Fd, steps: tuple[Step, ...], output: Fd) -> None:
    do(kernel, steps)
    kernel.dup2(output, Fd(1))
    kernel.execveat(fd, "", ("w",), (), AtFlag.EMPTY_PATH)


@case(tree=True)
def a_shared_root_directory_makes_exec_unsafe(kernel: Kernel) -> None:
    make_files(kernel)
    bound(kernel)
    rows: tuple[Row, ...] = (
        ((AS_USER,), "suid-root", (USER, USER), EMPTY, EMPTY, EMPTY),
        (USER_WITH_KILL, "gives", (USER, USER), KILL, KILL, EMPTY),
        ((hold(CHOWN, CHOWN),), "plain", (0, 0), CHOWN, CHOWN, EMPTY),
        # With CAP_SETUID the ids may change; the permitted set may not grow.
        (
            (KEEP, ("setresuid", OTHER, OTHER, OTHER), hold(CHOWN | SETUID, SETUID)),
            "suid-user",
            (OTHER, USER),
            EMPTY,
            EMPTY,
            EMPTY,
        ),
        ((KEEP, AS_USER, hold(CHOWN | SETUID, SETUID)), "suid-root", (USER, 0), CHOWN | SETUID, CHOWN | SETUID, EMPTY),
    )
    check(kernel, rows, flags=CloneFlag.FS)


@case(tree=True)
def set_id_bits_of_owners_without_a_mapping_count_for_nothing(kernel: Kernel) -> None:
    make_files(kernel)
    install(kernel, "/bin/foreign-group", USER, 7, mode=0o4755)
    install(kernel, "/bin/all-mapped", USER, 0, mode=0o6755)
    ids = {
        file: in_user_namespace(kernel, user_ids_of, f"/bin/{file}", uid_map="0 0 1\n5 1000 1", gid_map="0 0 1")
        for file in ("suid-root", "suid-user", "foreign-group", "all-mapped", "sgid")
    }
    expect("a mapped owner", ids["suid-user"], (5, 0))
    expect("a mapped owner and an unmapped group", ids["foreign-group"], (0, 0))
    expect("both mapped", ids["all-mapped"], (5, 0))
    expect("an unmapped group", ids["sgid"], (0, 0))


def user_ids_of(kernel: Kernel, path: str) -> tuple[int, int]:
    """The effective ids with which root of the user namespace executes `path`."""
    found = execute(kernel, path)
    return found.uids[1], found.gids[1]


@case(tree=True)
def file_capabilities_with_a_root_user_count_in_the_namespaces_below_that_user(kernel: Kernel) -> None:
    caps = file_capabilities(KILL, EMPTY, effective=True, root=USER)
    install(kernel, "/bin/of-the-user", caps=caps)
    install(kernel, "/bin/of-the-host", caps=file_capabilities(KILL, EMPTY, effective=True))
    bound(kernel)
    expect("outside", execute(kernel, "/bin/of-the-user", AS_USER).permitted, EMPTY)
    expect("the host's, outside", execute(kernel, "/bin/of-the-host", AS_USER).permitted, KILL)
    for uid_map, found in (("0 1000 1\n1 1001 1", KILL), ("0 1002 1\n1 1001 1", EMPTY)):
        inside = in_user_namespace(kernel, execute_as_one, "/bin/of-the-user", uid_map=uid_map)
        expect(f"where the map is {uid_map!r}", inside.permitted, found)
        inside = in_user_namespace(kernel, execute_as_one, "/bin/of-the-host", uid_map=uid_map)
        expect(f"the host's, where the map is {uid_map!r}", inside.permitted, KILL)


def execute_as_one(kernel: Kernel, path: str) -> Testimony:
    return execute(kernel, path, ("setresuid", 1, 1, 1))


@case(tree=True)
def without_a_root_user_in_the_namespace_there_is_no_root_rule(kernel: Kernel) -> None:
    install(kernel, "/bin/plain")
    found = in_user_namespace(kernel, execute_as_one, "/bin/plain", uid_map="1 0 1")
    expect("P, E", (found.permitted, found.effective), (EMPTY, EMPTY))
    found = in_user_namespace(kernel, execute, "/bin/plain", uid_map="0 1000 1")
    expect("P, E of one whose ids are not mapped", (found.uids[1], found.permitted, found.effective), (65534, EMPTY, EMPTY))


@case(tree=True)
def a_program_that_is_more_than_its_caller_loses_the_parent_death_signal(kernel: Kernel) -> None:
    make_files(kernel)
    bound(kernel)
    hangup: Step = ("prctl_set_pdeathsig", Signal.HUP)
    for steps, file, kept in (
        ((hangup,), "plain", True),
        ((AS_USER, hangup), "plain", True),
        ((*USER_WITH_KILL, hangup), "plain", True),
        ((AS_USER, hangup), "empty", True),
        ((AS_USER, hangup), "suid-root", False),
        ((AS_USER, hangup), "sgid", False),
        ((AS_USER, hangup), "gives", False),
        ((AS_USER, hangup), "permits", False),
        ((AS_USER, NO_NEW_PRIVS, hangup), "suid-root", True),
        ((AS_USER, NO_NEW_PRIVS, hangup), "permits", True),
        ((AS_USER, NO_NEW_PRIVS, hangup), "gives", False),  # its effective bit is enough
        ((hold(CHOWN, CHOWN), hangup), "plain", False),  # the permitted set of root grows
        ((hold(B, B, B), ("prctl_capbset_drop", Cap.KILL), hangup), "plain", True),
        ((("setresuid", USER, OTHER, OTHER), hangup), "plain", False),  # other effective than real ids
        ((("setresgid", 0, 1, 1), hangup), "plain", False),
        ((("setresuid", 0, USER, USER), hangup), "plain", False),
        ((("setresuid", USER, 0, 0), hangup), "plain", False),
        ((("setfsuid", USER), hangup), "plain", False),  # the filesystem id changes back
        ((("setresuid", USER, USER, 0), hangup), "plain", True),  # the saved id alone changes
    ):
        found = execute(kernel, f"/bin/{file}", *steps)
        expect(f"the signal of {file} after {steps}", found.pdeathsig, Signal.HUP if kept else 0)


@case(tree=True)
def a_program_with_other_effective_than_real_ids_or_new_capabilities_is_not_dumpable(kernel: Kernel) -> None:
    make_files(kernel)
    bound(kernel)
    for steps, file, dumpable in (
        ((("prctl_set_dumpable", 0),), "plain", 1),
        ((AS_USER,), "plain", 1),
        ((AS_USER,), "suid-root", 0),
        ((AS_USER,), "sgid", 0),
        ((AS_USER,), "permits", 0),
        ((hold(CHOWN, CHOWN),), "plain", 0),
        ((("setresuid", USER, OTHER, OTHER),), "plain", 0),
        ((("setresgid", 0, 1, 1),), "plain", 0),
    ):
        found = execute(kernel, f"/bin/{file}", *steps)
        expect(f"dumpable of {file} after {steps}", found.dumpable, dumpable)


@case(tree=True)
def exec_clears_keepcaps_and_keeps_the_other_securebits(kernel: Kernel) -> None:
    path = install(kernel, "/bin/plain")
    locked = Securebit.NOROOT | Securebit.KEEP_CAPS_LOCKED
    found = execute(kernel, path, ("prctl_set_securebits", locked | Securebit.KEEP_CAPS))
    expect("the securebits", found.securebits, locked)
    expect("without keepcaps", execute(kernel, path, ("prctl_set_securebits", Securebit.NOROOT)).securebits, Securebit.NOROOT)
