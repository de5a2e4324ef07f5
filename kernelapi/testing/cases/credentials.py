"""Laws of user and group ids."""

from errno import EAGAIN, EINVAL, ENOENT, EPERM

from kernelapi.capability import Cap, CapSet
from kernelapi.flags import CloneFlag, Rlimit, Signal
from kernelapi.ids import OVERFLOW_ID, UNCHANGED, Fd, Gid, Pid, Uid
from kernelapi.kernel import Kernel
from kernelapi.protocol.credentials import NGROUPS_MAX
from kernelapi.testing.case import case, errno_of, expect, in_child, refused
from kernelapi.testing.steps import Step, after, answers, do, in_user_namespace
from kernelapi.values import CapData, Limit

LAST_ID = 2**32 - 1
NOTHING = CapData(CapSet(), CapSet(), CapSet())


def user_ids(kernel: Kernel) -> tuple[int, ...]:
    """Real, effective, saved and filesystem user id."""
    return (*kernel.getresuid(), kernel.setfsuid(UNCHANGED))


def group_ids(kernel: Kernel) -> tuple[int, ...]:
    """Real, effective, saved and filesystem group id."""
    return (*kernel.getresgid(), kernel.setfsgid(UNCHANGED))


def drop(kernel: Kernel, *caps: Cap) -> None:
    """Give up capabilities, and stay root."""
    had = kernel.capget(Pid(0))
    gone = CapSet(caps)
    kernel.capset(Pid(0), CapData(had.effective - gone, had.permitted - gone, had.inheritable - gone))


@case
def setuid_by_root_cannot_be_undone(kernel: Kernel) -> None:
    kernel.setuid(Uid(1000))
    expect("the user ids", user_ids(kernel), (1000, 1000, 1000, 1000))
    refused(EPERM, kernel.setuid, Uid(0))


@case
def each_getter_reads_its_own_id(kernel: Kernel) -> None:
    kernel.setresgid(11, 12, 13)
    kernel.setresuid(21, 22, 23)
    expect("user ids", (kernel.getuid(), kernel.geteuid(), *kernel.getresuid()), (21, 22, 21, 22, 23))
    expect("group ids", (kernel.getgid(), kernel.getegid(), *kernel.getresgid()), (11, 12, 11, 12, 13))


@case
def setuid_without_privilege_moves_the_effective_id_to_real_or_saved(kernel: Kernel) -> None:
    kernel.setresuid(1000, 1001, 1002)
    kernel.setuid(Uid(1002))
    expect("the user ids", user_ids(kernel), (1000, 1002, 1002, 1002))
    kernel.setuid(Uid(1000))
    expect("the user ids", user_ids(kernel), (1000, 1000, 1002, 1000))
    kernel.setresuid(UNCHANGED, 1002, 1000)
    kernel.setuid(Uid(1000))
    refused(EPERM, kernel.setuid, Uid(1002))


@case
def setgid_without_privilege_moves_the_effective_id_to_real_or_saved(kernel: Kernel) -> None:
    kernel.setgid(Gid(7))
    expect("the group ids of root", group_ids(kernel), (7, 7, 7, 7))
    kernel.setresgid(1000, 1001, 1002)
    drop(kernel, Cap.SETGID)
    kernel.setgid(Gid(1002))
    expect("the group ids", group_ids(kernel), (1000, 1002, 1002, 1002))
    kernel.setgid(Gid(1000))
    expect("the group ids", group_ids(kernel), (1000, 1000, 1002, 1000))
    refused(EPERM, kernel.setgid, Gid(1001))


def reids(kernel: Kernel, call: str, real: int, effective: int) -> tuple[int, ...]:
    """What setreuid or setregid makes of the ids 1, 2, 3."""
    saved = {"setreuid": "setresuid", "setregid": "setresgid"}[call]
    look = {"setreuid": user_ids, "setregid": group_ids}[call]
    return after(kernel, (("prctl_set_keepcaps", 1), (saved, 1, 2, 3), (call, real, effective)), look)


@case
def setreuid_and_setregid_keep_the_saved_id_only_where_the_old_real_id_becomes_effective(kernel: Kernel) -> None:
    for call in ("setreuid", "setregid"):
        expect(f"{call}(-1, 1)", reids(kernel, call, -1, 1), (1, 1, 3, 1))
        expect(f"{call}(-1, 2)", reids(kernel, call, -1, 2), (1, 2, 2, 2))
        expect(f"{call}(-1, 3)", reids(kernel, call, -1, 3), (1, 3, 3, 3))
        expect(f"{call}(1, -1)", reids(kernel, call, 1, -1), (1, 2, 2, 2))
        expect(f"{call}(2, 1)", reids(kernel, call, 2, 1), (2, 1, 1, 1))
        expect(f"{call}(-1, -1)", reids(kernel, call, -1, -1), (1, 2, 3, 2))


@case
def setreuid_without_privilege_takes_the_saved_id_as_effective_only(kernel: Kernel) -> None:
    ids: Step = ("setresuid", 1, 2, 3)
    for real, effective, errno in (
        (2, -1, 0),
        (3, -1, EPERM),
        (-1, 3, 0),
        (-1, 4, EPERM),
        (2, 1, 0),
        (4, 4, EPERM),
        (3, 3, EPERM),
    ):
        expect(f"setreuid({real}, {effective})", answers(kernel, (ids,), ("setreuid", real, effective)), errno)
    expect("setreuid to the last id", answers(kernel, (ids,), ("setreuid", 4, LAST_ID)), EPERM)


@case
def setregid_without_privilege_takes_the_saved_id_as_effective_only(kernel: Kernel) -> None:
    kernel.setresgid(1, 2, 3)
    drop(kernel, Cap.SETGID)
    for real, effective, errno in (
        (2, -1, 0),
        (3, -1, EPERM),
        (-1, 3, 0),
        (-1, 4, EPERM),
        (2, 1, 0),
        (4, 4, EPERM),
        (3, 3, EPERM),
    ):
        expect(f"setregid({real}, {effective})", answers(kernel, (), ("setregid", real, effective)), errno)


@case
def setresuid_without_privilege_permutes_what_is_there(kernel: Kernel) -> None:
    ids: Step = ("setresuid", 1, 2, 3)
    expect("a permutation", after(kernel, (ids, ("setresuid", 3, 1, 2)), user_ids), (3, 1, 2, 1))
    for new in ((4, -1, -1), (-1, 4, -1), (-1, -1, 4), (1, 2, 4)):
        expect(f"setresuid{new}", answers(kernel, (ids,), ("setresuid", *new)), EPERM)


@case
def the_filesystem_id_is_no_source_of_the_others(kernel: Kernel) -> None:
    kernel.setfsuid(9)
    kernel.setfsgid(9)
    drop(kernel, Cap.SETUID, Cap.SETGID)
    refused(EPERM, kernel.setresuid, UNCHANGED, 9, UNCHANGED)
    refused(EPERM, kernel.setresgid, UNCHANGED, 9, UNCHANGED)
    refused(EPERM, kernel.setuid, Uid(9))
    refused(EPERM, kernel.setregid, 9, 9)


@case
def setresgid_without_privilege_permutes_what_is_there(kernel: Kernel) -> None:
    kernel.setresgid(1, 2, 3)
    drop(kernel, Cap.SETGID)
    for new in ((4, -1, -1), (-1, 4, -1), (-1, -1, 4), (1, 2, 4)):
        expect(f"setresgid{new}", answers(kernel, (), ("setresgid", *new)), EPERM)
    kernel.setresgid(3, 1, 2)
    expect("a permutation", group_ids(kernel), (3, 1, 2, 1))


@case
def a_setresuid_that_changes_nothing_leaves_the_filesystem_id_alone(kernel: Kernel) -> None:
    kernel.setfsuid(5)
    kernel.setfsgid(6)
    kernel.setresuid(0, -1, 0)
    kernel.setresgid(-1, -1, 0)
    expect("the filesystem ids", (user_ids(kernel)[3], group_ids(kernel)[3]), (5, 6))
    kernel.setresgid(-1, 0, -1)
    expect("the filesystem group id after the effective one was named", group_ids(kernel), (0, 0, 0, 0))
    kernel.setfsgid(6)
    kernel.setresgid(-1, -1, 7)
    expect("the filesystem group id after the saved one changed", group_ids(kernel), (0, 0, 7, 0))
    kernel.setresuid(-1, -1, 7)
    expect("the filesystem user id after the saved one changed", user_ids(kernel), (0, 0, 7, 0))


@case
def setreuid_of_the_same_ids_makes_the_filesystem_id_follow(kernel: Kernel) -> None:
    kernel.setfsuid(5)
    kernel.setfsgid(6)
    kernel.setreuid(-1, -1)
    kernel.setregid(-1, -1)
    expect("the filesystem ids", (user_ids(kernel)[3], group_ids(kernel)[3]), (0, 0))


@case
def the_last_id_is_no_id(kernel: Kernel) -> None:
    for call in ("setuid", "setgid"):
        for id in (LAST_ID, -1):
            expect(f"{call}({id})", answers(kernel, (), (call, id)), EINVAL)
    for call in ("setreuid", "setregid"):
        expect(f"{call}(-1, {LAST_ID})", answers(kernel, (), (call, -1, LAST_ID)), 0)
    kernel.setresuid(LAST_ID, LAST_ID, LAST_ID)
    kernel.setresgid(LAST_ID, -1, LAST_ID)
    expect("ids", (user_ids(kernel), group_ids(kernel)), ((0, 0, 0, 0), (0, 0, 0, 0)))


def answers_in(kernel: Kernel, before: tuple[Step, ...], steps: tuple[Step, ...]) -> tuple[int, ...]:
    """The errno of each step by itself, in a process that has made the calls `before`."""
    do(kernel, before)
    return tuple(answers(kernel, (), step) for step in steps)


@case(tree=True)
def an_id_without_a_mapping_is_invalid_and_that_is_seen_before_the_privilege(kernel: Kernel) -> None:
    steps: tuple[Step, ...] = (
        ("setuid", 7),
        ("setgid", 7),
        ("setreuid", 7, -1),
        ("setreuid", -1, 7),
        ("setreuid", 1, 7),
        ("setregid", 7, -1),
        ("setregid", -1, 7),
        ("setregid", 1, 7),
        ("setresuid", 7, -1, -1),
        ("setresuid", -1, 7, -1),
        ("setresuid", -1, -1, 7),
        ("setresgid", 7, -1, -1),
        ("setresgid", -1, 7, -1),
        ("setresgid", -1, -1, 7),
    )
    allowed = in_user_namespace(kernel, answers_in, (), steps, uid_map="0 0 2", gid_map="0 0 2")
    expect("for root of the namespace", allowed, (EINVAL,) * len(steps))
    unprivileged: tuple[Step, ...] = (("setresuid", 0, 0, 0), ("capset", 0, NOTHING))
    refusals = in_user_namespace(kernel, answers_in, unprivileged, steps, uid_map="0 0 2", gid_map="0 0 2")
    expect("without capabilities", refusals, (EINVAL,) * len(steps))
    mapped: tuple[Step, ...] = (("setuid", 1), ("setgid", 1), ("setreuid", 1, -1), ("setregid", -1, 1), ("setresuid", 1, 1, 1))
    refusals = in_user_namespace(kernel, answers_in, unprivileged, mapped, uid_map="0 0 2", gid_map="0 0 2")
    expect("mapped ones without capabilities", refusals, (EPERM,) * len(mapped))


def look_at_all_ids(kernel: Kernel) -> tuple[object, ...]:
    return (
        kernel.getuid(),
        kernel.geteuid(),
        kernel.getresuid(),
        kernel.getgid(),
        kernel.getegid(),
        kernel.getresgid(),
        kernel.setfsuid(UNCHANGED),
        kernel.setfsgid(UNCHANGED),
        kernel.getgroups(),
    )


@case
def an_id_without_a_mapping_reads_as_the_overflow_id(kernel: Kernel) -> None:
    kernel.setgroups((Gid(5), Gid(6)))
    kernel.unshare(CloneFlag.NEWUSER)
    no, three = OVERFLOW_ID, (OVERFLOW_ID,) * 3
    expect("ids", look_at_all_ids(kernel), (no, no, three, no, no, three, no, no, (no, no)))
    refused(EINVAL, kernel.setuid, Uid(0))
    refused(EINVAL, kernel.setuid, Uid(OVERFLOW_ID))


@case(tree=True)
def ids_read_through_the_map_of_the_user_namespace(kernel: Kernel) -> None:
    kernel.setgroups((Gid(1005), Gid(6)))
    kernel.setresgid(1001, 1002, 3)
    kernel.setresuid(1001, 0, 2)
    seen = in_user_namespace(kernel, look_at_all_ids, uid_map="5 1000 10\n100 0 1", gid_map="0 1000 10")
    expect("ids", seen, (6, 100, (6, 100, OVERFLOW_ID), 1, 2, (1, 2, OVERFLOW_ID), 100, 2, (OVERFLOW_ID, 5)))


@case
def setfsuid_and_setfsgid_return_the_old_id_and_never_fail(kernel: Kernel) -> None:
    expect("the first setfsuid", kernel.setfsuid(5), 0)
    expect("the second", kernel.setfsuid(LAST_ID), 5)
    expect("the third", kernel.setfsuid(5), 5)
    expect("the first setfsgid", kernel.setfsgid(6), 0)
    expect("the second", kernel.setfsgid(LAST_ID), 6)
    kernel.setresgid(1, 2, 3)
    kernel.setresuid(1, 2, 3)
    for id, became in ((1, 1), (3, 3), (2, 2), (4, 2)):
        kernel.setfsuid(id)
        expect(f"the filesystem user id after setfsuid({id})", user_ids(kernel), (1, 2, 3, became))
        kernel.setfsgid(id)
        expect(f"the filesystem group id after setfsgid({id})", group_ids(kernel), (1, 2, 3, became))


@case
def setgroups_sorts_and_keeps_duplicates(kernel: Kernel) -> None:
    kernel.setgroups((Gid(9), Gid(2), Gid(9), Gid(LAST_ID - 1), Gid(0)))
    expect("the groups", kernel.getgroups(), (0, 2, 9, 9, LAST_ID - 1))
    kernel.setgroups(())
    expect("the groups", kernel.getgroups(), ())


@case
def setgroups_takes_65536_groups_and_no_more(kernel: Kernel) -> None:
    kernel.setgroups((Gid(1),) * NGROUPS_MAX)
    expect("how many groups", len(kernel.getgroups()), NGROUPS_MAX)
    refused(EINVAL, kernel.setgroups, (Gid(1),) * (NGROUPS_MAX + 1))
    refused(EINVAL, kernel.setgroups, (Gid(1), Gid(LAST_ID)))
    expect("how many groups", len(kernel.getgroups()), NGROUPS_MAX)


@case
def setgroups_needs_setgid_before_it_looks_at_the_groups(kernel: Kernel) -> None:
    drop(kernel, Cap.SETGID)
    refused(EPERM, kernel.setgroups, ())
    refused(EPERM, kernel.setgroups, (Gid(LAST_ID),))
    refused(EPERM, kernel.setgroups, (Gid(1),) * (NGROUPS_MAX + 1))


@case
def setgroups_needs_a_map_of_groups(kernel: Kernel) -> None:
    kernel.unshare(CloneFlag.NEWUSER)
    refused(EPERM, kernel.setgroups, ())
    refused(EPERM, kernel.setgroups, (Gid(1),) * (NGROUPS_MAX + 1))


@case(tree=True)
def setgroups_in_a_user_namespace_can_be_denied(kernel: Kernel) -> None:
    empty: tuple[Step, ...] = (("setgroups", ()), ("setgroups", (0,)), ("setgroups", (9,)))
    allowed = in_user_namespace(kernel, answers_in, (), empty, gid_map="0 0 2")
    expect("allowed", allowed, (0, 0, EINVAL))
    denied = in_user_namespace(kernel, answers_in, (), empty, gid_map="0 0 2", setgroups="deny")
    expect("denied", denied, (EPERM, EPERM, EPERM))


@case(tree=True)
def groups_are_sorted_as_the_host_numbers_them(kernel: Kernel) -> None:
    seen = in_user_namespace(kernel, groups_after, (Gid(1), Gid(7)), gid_map="0 1000 5\n5 0 5")
    expect("the groups", seen, (7, 1))


def groups_after(kernel: Kernel, groups: tuple[Gid, ...]) -> tuple[Gid, ...]:
    kernel.setgroups(groups)
    return kernel.getgroups()


@case
def leaving_root_first_leaves_the_groups_behind(kernel: Kernel) -> None:
    kernel.setuid(Uid(1000))
    refused(EPERM, kernel.setgroups, ())
    refused(EPERM, kernel.setgid, Gid(1000))
    expect("the group ids", group_ids(kernel), (0, 0, 0, 0))


@case
def changing_groups_never_touches_capabilities(kernel: Kernel) -> None:
    before = kernel.capget(Pid(0))
    kernel.setgroups((Gid(5),))
    kernel.setresgid(1, 2, 3)
    kernel.setfsgid(4)
    kernel.setgid(Gid(1000))
    expect("the capabilities", kernel.capget(Pid(0)), before)


CLEARING: tuple[tuple[bool, tuple[Step, ...]], ...] = (
    (True, (("setuid", 1000),)),
    (True, (("setgid", 1000),)),
    (True, (("setreuid", -1, 1000),)),
    (True, (("setregid", -1, 1000),)),
    (True, (("setresuid", -1, 1000, -1),)),
    (True, (("setresgid", -1, 1000, -1),)),
    (True, (("setfsuid", 1000),)),
    (True, (("setfsgid", 1000),)),
    (False, ()),
    (False, (("setuid", 0),)),
    (False, (("setgid", 0),)),
    (False, (("setreuid", 1000, -1),)),
    (False, (("setregid", 1000, -1),)),
    (False, (("setresuid", 1000, 0, 1001),)),
    (False, (("setresgid", 1000, 0, 1001),)),
    (False, (("setresuid", -1, -1, -1),)),
    (False, (("setfsuid", LAST_ID), ("setfsgid", 0))),
    (False, (("setgroups", (1, 2, 3)),)),
    (False, (("capset", 0, NOTHING),)),
    (False, (("prctl_capbset_drop", Cap.KILL),)),
    (False, (("prctl_set_keepcaps", 1),)),
    (False, (("prctl_set_securebits", 1 << 2),)),
    (False, (("prctl_cap_ambient_clear_all",),)),
    (False, (("prctl_set_no_new_privs", 1),)),
    (False, (("unshare", CloneFlag.NEWUSER),)),
    (False, (("unshare", CloneFlag.NEWUTS | CloneFlag.NEWNS),)),
)
"""Whether the last of these clears the parent death signal and dumpable."""


@case
def a_change_of_effective_or_filesystem_ids_clears_the_parent_death_signal_and_dumpable(kernel: Kernel) -> None:
    mark: tuple[Step, ...] = (("prctl_set_pdeathsig", Signal.TERM), ("prctl_set_dumpable", 1))
    for clears, steps in CLEARING:
        found = after(kernel, (*mark, *steps), look_at_marks)
        expect(f"pdeathsig and dumpable after {steps}", found, (0, 0) if clears else (Signal.TERM, 1))


def look_at_marks(kernel: Kernel) -> tuple[int, int]:
    return kernel.prctl_get_pdeathsig(), kernel.prctl_get_dumpable()


@case
def a_refused_change_of_ids_changes_nothing(kernel: Kernel) -> None:
    kernel.setresuid(1, 2, 3)
    kernel.prctl_set_pdeathsig(Signal.TERM)
    refused(EPERM, kernel.setresuid, 2, 1, 9)
    refused(EPERM, kernel.setreuid, 2, 9)
    refused(EPERM, kernel.setuid, Uid(9))
    expect("ids and signal", (user_ids(kernel), kernel.prctl_get_pdeathsig()), ((1, 2, 3, 2), Signal.TERM))


CROWD = Uid(61234)
"""A user that nobody else is."""

ENOUGH = 100
"""So many processes that user never has."""


@case(tree=True)
def a_change_to_a_user_with_too_many_processes_fails_only_at_the_next_exec(kernel: Kernel) -> None:
    never, open_end = kernel.pipe2(0)
    counted, up = kernel.pipe2(0)
    members = [kernel.clone(Signal.CHLD, join_the_crowd, up, never, open_end) for _ in range(2)]
    for _ in members:
        kernel.read(counted, 1)
    expect("beyond the limit", in_child(kernel, exec_in_the_crowd, 1), EAGAIN)
    expect("at the limit", in_child(kernel, exec_in_the_crowd, 2), ENOENT)
    pid = kernel.clone(Signal.CHLD, exec_when_the_crowd_may_be_larger)
    expect("when the limit has been raised", kernel.wait4(pid), (pid, 0))
    kernel.close(open_end)
    for member in members:
        kernel.wait4(member)


@case(tree=True)
def a_fork_forgives_its_caller_and_not_the_child_that_there_are_too_many_processes(kernel: Kernel) -> None:
    never, open_end = kernel.pipe2(0)
    counted, up = kernel.pipe2(0)
    member = kernel.clone(Signal.CHLD, join_the_crowd, up, never, open_end)
    kernel.read(counted, 1)
    expect("at first; the child; the caller", in_child(kernel, exec_before_and_after_a_fork), [EAGAIN, EAGAIN, ENOENT])
    kernel.close(open_end)
    kernel.wait4(member)


def exec_before_and_after_a_fork(kernel: Kernel) -> list[int]:
    kernel.setrlimit(Rlimit.NPROC, Limit(0, 9))
    kernel.setuid(CROWD)
    before = exec_over_the_limit(kernel)
    kernel.setrlimit(Rlimit.NPROC, Limit(9, 9))
    return [before, in_child(kernel, exec_over_the_limit), exec_over_the_limit(kernel)]


def exec_over_the_limit(kernel: Kernel) -> int:
    kernel.setrlimit(Rlimit.NPROC, Limit(0, kernel.getrlimit(Rlimit.NPROC).hard))
    return errno_of(kernel.execve, "/missing", ("missing",), ())


def join_the_crowd(kernel: Kernel, up: Fd, never: Fd, open_end: Fd) -> None:
    kernel.close(open_end)
    kernel.setuid(CROWD)
    kernel.write(up, b"!")
    kernel.read(never, 1)


def exec_in_the_crowd(kernel: Kernel, most: int) -> int:
    kernel.setrlimit(Rlimit.NPROC, Limit(most, ENOUGH))
    kernel.setuid(CROWD)
    return errno_of(kernel.execve, "/missing", ("missing",), ())


def exec_when_the_crowd_may_be_larger(kernel: Kernel) -> None:
    expect("beyond the limit", exec_in_the_crowd(kernel, 1), EAGAIN)
    kernel.setrlimit(Rlimit.NPROC, Limit(ENOUGH, ENOUGH))
    kernel.execve("/bin/true", ("true",), ())
