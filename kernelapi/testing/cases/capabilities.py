"""Laws of capability sets."""

from errno import EINVAL, EPERM, ESRCH

from kernelapi.capability import EMPTY, FS_CAPS, FULL, LAST_CAP, Cap, CapSet
from kernelapi.flags import CloneFlag, Securebit, Signal
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, in_child, refused
from kernelapi.testing.steps import Step, after
from kernelapi.values import CapData

SELF = Pid(0)
CHOWN, KILL, NET_RAW = CapSet.of(Cap.CHOWN), CapSet.of(Cap.KILL), CapSet.of(Cap.NET_RAW)


def sets(kernel: Kernel) -> tuple[CapSet, CapSet, CapSet, CapSet, CapSet]:
    """Permitted, effective, inheritable, bounding, ambient."""
    held = kernel.capget(SELF)
    bounding = CapSet(cap for cap in Cap if kernel.prctl_capbset_read(cap))
    ambient = CapSet(cap for cap in Cap if kernel.prctl_cap_ambient_is_set(cap))
    return held.permitted, held.effective, held.inheritable, bounding, ambient


def hold(permitted: CapSet, effective: CapSet, inheritable: CapSet = EMPTY) -> Step:
    """The call that leaves the caller these sets."""
    return ("capset", SELF, CapData(effective, permitted, inheritable))


@case
def capget_reads_what_capset_wrote(kernel: Kernel) -> None:
    data = CapData(effective=CHOWN, permitted=CHOWN | KILL, inheritable=CapSet.of(Cap.CHECKPOINT_RESTORE))
    kernel.capset(SELF, data)
    expect("the sets", kernel.capget(SELF), data)
    expect("the sets by the caller's own pid", kernel.capget(kernel.getpid()), data)
    kernel.capset(kernel.getpid(), CapData(EMPTY, CHOWN, EMPTY))
    expect("the sets", kernel.capget(SELF), CapData(EMPTY, CHOWN, EMPTY))


@case
def capget_reads_any_process_that_can_be_seen(kernel: Kernel) -> None:
    ready, up = kernel.pipe2(0)
    never, open_end = kernel.pipe2(0)
    child = kernel.clone(Signal.CHLD, hold_and_wait, up, never, open_end)
    kernel.read(ready, 1)
    kernel.setresuid(1000, 1000, 1000)
    expect("the child's sets", kernel.capget(child), CapData(CHOWN, CHOWN | KILL, NET_RAW))
    expect("the sets of init", kernel.capget(Pid(1)).inheritable, EMPTY)
    kernel.close(open_end)
    kernel.wait4(child)
    refused(ESRCH, kernel.capget, child)
    refused(ESRCH, kernel.capget, Pid(32767))
    refused(EINVAL, kernel.capget, Pid(-1))


def hold_and_wait(kernel: Kernel, up: Fd, never: Fd, open_end: Fd) -> None:
    kernel.close(open_end)
    kernel.capset(SELF, CapData(CHOWN, CHOWN | KILL, NET_RAW))
    kernel.write(up, b"!")
    kernel.read(never, 1)


@case
def capset_is_for_the_caller_alone(kernel: Kernel) -> None:
    data = kernel.capget(SELF)
    for pid in (1, kernel.getpid() + 1, -1):
        refused(EPERM, kernel.capset, Pid(pid), data)


@case
def capset_adds_only_within_its_bounds(kernel: Kernel) -> None:
    kernel.prctl_capbset_drop(Cap.KILL)
    setpcap = CapSet.of(Cap.SETPCAP)
    kernel.capset(SELF, CapData(setpcap, CHOWN | KILL | setpcap, EMPTY))
    refused(EPERM, kernel.capset, SELF, CapData(EMPTY, NET_RAW, EMPTY))  # permitted
    refused(EPERM, kernel.capset, SELF, CapData(KILL, CHOWN, EMPTY))  # effective
    refused(EPERM, kernel.capset, SELF, CapData(setpcap, setpcap, KILL))  # not in the bounding set, whoever asks
    kernel.capset(SELF, CapData(setpcap, CHOWN | KILL | setpcap, NET_RAW))  # CAP_SETPCAP: anything in the bounding set
    kernel.capset(SELF, CapData(EMPTY, CHOWN | KILL, NET_RAW))
    refused(EPERM, kernel.capset, SELF, CapData(EMPTY, CHOWN | KILL, CapSet.of(Cap.FOWNER)))
    refused(EPERM, kernel.capset, SELF, CapData(EMPTY, CHOWN | KILL, KILL))
    kernel.capset(SELF, CapData(EMPTY, CHOWN | KILL, NET_RAW | CHOWN))
    kernel.capset(SELF, CapData(EMPTY, KILL, CHOWN))
    kernel.capset(SELF, CapData(EMPTY, EMPTY, CHOWN))
    refused(EPERM, kernel.capset, SELF, CapData(EMPTY, KILL, CHOWN))
    expect("the sets", kernel.capget(SELF), CapData(EMPTY, EMPTY, CHOWN))


@case
def capset_ignores_capabilities_that_do_not_exist(kernel: Kernel) -> None:
    beyond = CapSet.of(LAST_CAP + 1, 63)
    kernel.capset(SELF, CapData(CHOWN | beyond, CHOWN | KILL | beyond, beyond))
    expect("the sets", kernel.capget(SELF), CapData(CHOWN, CHOWN | KILL, EMPTY))


AMBIENT: tuple[Step, ...] = (
    hold(CHOWN | KILL | NET_RAW | CapSet.of(Cap.SETUID), CHOWN | CapSet.of(Cap.SETUID), CHOWN | KILL),
    ("prctl_cap_ambient_raise", Cap.CHOWN),
    ("prctl_cap_ambient_raise", Cap.KILL),
)
"""Leads to P = {CHOWN, KILL, NET_RAW, SETUID}, E = {CHOWN, SETUID}, I = {CHOWN, KILL}, A = I."""


def ambient(kernel: Kernel) -> CapSet:
    return sets(kernel)[4]


@case
def ambient_capabilities_are_permitted_and_inheritable_ones(kernel: Kernel) -> None:
    look = ambient
    expect("raised", after(kernel, AMBIENT, look), CHOWN | KILL)
    expect("lowered", after(kernel, (*AMBIENT, ("prctl_cap_ambient_lower", Cap.KILL)), look), CHOWN)
    expect("lowered what was not there", after(kernel, (*AMBIENT, ("prctl_cap_ambient_lower", Cap.BPF)), look), CHOWN | KILL)
    expect("cleared", after(kernel, (*AMBIENT, ("prctl_cap_ambient_clear_all",)), look), EMPTY)
    less_permitted = hold(KILL, EMPTY, CHOWN | KILL)
    expect("when the permitted set shrinks", after(kernel, (*AMBIENT, less_permitted), look), KILL)
    less_inheritable = hold(CHOWN | KILL, EMPTY, CHOWN)
    expect("when the inheritable set shrinks", after(kernel, (*AMBIENT, less_inheritable), look), CHOWN)


@case
def ambient_is_raised_only_from_both_sets_and_where_the_securebits_let(kernel: Kernel) -> None:
    kernel.capset(SELF, CapData(EMPTY, CHOWN | KILL, CHOWN | NET_RAW))
    refused(EPERM, kernel.prctl_cap_ambient_raise, Cap.KILL)  # not inheritable
    refused(EPERM, kernel.prctl_cap_ambient_raise, Cap.NET_RAW)  # not permitted
    kernel.prctl_cap_ambient_raise(Cap.CHOWN)
    for call in (kernel.prctl_cap_ambient_raise, kernel.prctl_cap_ambient_lower, kernel.prctl_cap_ambient_is_set):
        refused(EINVAL, call, LAST_CAP + 1)
        refused(EINVAL, call, -1)
    expect("the ambient set", ambient(kernel), CHOWN)


@case
def the_securebit_no_cap_ambient_raise_forbids_raising_alone(kernel: Kernel) -> None:
    held = kernel.capget(SELF)
    kernel.capset(SELF, CapData(held.effective, held.permitted, CHOWN | KILL))
    kernel.prctl_cap_ambient_raise(Cap.CHOWN)
    kernel.prctl_set_securebits(Securebit.NO_CAP_AMBIENT_RAISE)
    refused(EPERM, kernel.prctl_cap_ambient_raise, Cap.KILL)
    refused(EPERM, kernel.prctl_cap_ambient_raise, Cap.CHOWN)
    expect("the ambient set", ambient(kernel), CHOWN)
    kernel.prctl_cap_ambient_lower(Cap.CHOWN)
    expect("the ambient set", ambient(kernel), EMPTY)


@case
def the_bounding_set_limits_neither_permitted_nor_ambient_at_once(kernel: Kernel) -> None:
    held = kernel.capget(SELF)
    kernel.capset(SELF, CapData(held.effective, held.permitted, CHOWN | KILL))
    kernel.prctl_cap_ambient_raise(Cap.KILL)
    kernel.prctl_capbset_drop(Cap.KILL)
    permitted, effective, inheritable, bounding, raised = sets(kernel)
    expect("the sets", (permitted, effective), (held.permitted, held.effective))
    expect("inheritable and ambient", (inheritable, raised), (CHOWN | KILL, KILL))
    expect("whether the bounding set holds it", Cap.KILL in bounding, False)
    kernel.prctl_cap_ambient_clear_all()
    kernel.prctl_cap_ambient_raise(Cap.KILL)


KEEP: Step = ("prctl_set_keepcaps", 1)


def sets_after(kernel: Kernel, *steps: Step) -> tuple[CapSet, CapSet, CapSet, CapSet]:
    """Permitted, effective, inheritable and ambient after `AMBIENT` and `steps`."""
    permitted, effective, inheritable, _, raised = after(kernel, (*AMBIENT, *steps), sets)
    return permitted, effective, inheritable, raised


P, E, I = CHOWN | KILL | NET_RAW | CapSet.of(Cap.SETUID), CHOWN | CapSet.of(Cap.SETUID), CHOWN | KILL  # noqa: E741

UID_CHANGES: tuple[tuple[tuple[Step, ...], tuple[CapSet, CapSet, CapSet]], ...] = (
    # calls, then: permitted, effective, ambient
    ((), (P, E, I)),
    ((("setuid", 1000),), (EMPTY, EMPTY, EMPTY)),
    ((("setresuid", 1, 2, 3),), (EMPTY, EMPTY, EMPTY)),
    ((("setreuid", 1, 2),), (EMPTY, EMPTY, EMPTY)),
    ((KEEP, ("setuid", 1000)), (P, EMPTY, EMPTY)),
    ((KEEP, ("setresuid", 1, 2, 3)), (P, EMPTY, EMPTY)),
    ((("setresuid", -1, 1000, -1),), (P, EMPTY, I)),
    ((("setresuid", 0, 1000, 1000),), (P, EMPTY, I)),
    ((("setresuid", 1000, 1000, 0),), (P, EMPTY, I)),
    ((("setresuid", 1000, 0, 1000),), (P, E, I)),
    ((("setresuid", -1, 1000, -1), ("setresuid", -1, 0, -1)), (P, P, I)),
    ((("setresuid", -1, 1000, -1), ("setresuid", 1000, 1000, 1000)), (EMPTY, EMPTY, EMPTY)),
    ((KEEP, ("setresuid", -1, 1000, -1), ("setresuid", 1000, 1000, 1000)), (P, EMPTY, EMPTY)),
    # Root is left behind while the effective id was another: its effective set is what was put back meanwhile.
    ((KEEP, ("setresuid", -1, 1000, -1), hold(P, E, I), ("setresuid", 1000, 1000, 1000)), (P, E, EMPTY)),
    ((KEEP, ("setuid", 1000), hold(P, E, I), ("setresuid", 2, 2, 2)), (P, E, EMPTY)),
    ((KEEP, ("setuid", 1000), hold(P, E, I), ("setresuid", -1, 0, -1)), (P, P, EMPTY)),
    ((KEEP, ("setuid", 1000), hold(P, E, I), ("prctl_cap_ambient_raise", Cap.KILL), ("setuid", 2)), (P, E, KILL)),
)


@case
def user_ids_and_capabilities_are_tied(kernel: Kernel) -> None:
    for steps, (permitted, effective, raised) in UID_CHANGES:
        expect(f"P, E, I, A after {steps}", sets_after(kernel, *steps), (permitted, effective, I, raised))


@case
def the_securebit_no_setuid_fixup_unties_them(kernel: Kernel) -> None:
    kernel.prctl_set_securebits(Securebit.NO_SETUID_FIXUP)
    for steps in ((("setuid", 1000),), (("setresuid", -1, 1000, -1),), (("setfsuid", 1000),), (("setreuid", 5, 0),)):
        expect(f"P, E, I, A after {steps}", sets_after(kernel, *steps), (P, E, I, I))
    back: tuple[Step, ...] = (("setuid", 1000), ("setuid", 0))
    expect("after leaving and coming back", sets_after(kernel, *back), (P, E, I, I))


@case
def the_filesystem_user_id_takes_the_capabilities_for_files_along(kernel: Kernel) -> None:
    held = kernel.capget(SELF)
    kernel.setfsuid(1000)
    expect("after leaving 0", kernel.capget(SELF), CapData(held.effective - FS_CAPS, held.permitted, EMPTY))
    kernel.setfsuid(1001)
    expect("after moving on", kernel.capget(SELF), CapData(held.effective - FS_CAPS, held.permitted, EMPTY))
    kernel.capset(SELF, CapData(EMPTY, CHOWN | KILL, EMPTY))
    kernel.setfsuid(0)
    expect("after coming back", kernel.capget(SELF), CapData(CHOWN, CHOWN | KILL, EMPTY))


@case
def an_effective_id_that_takes_the_filesystem_id_along_leaves_the_capabilities_for_files(kernel: Kernel) -> None:
    held = kernel.capget(SELF)
    kernel.setfsuid(1000)
    kernel.setreuid(-1, -1)
    expect("the filesystem id", kernel.setfsuid(-1), 0)
    expect("the sets", kernel.capget(SELF), CapData(held.effective - FS_CAPS, held.permitted, held.inheritable))


@case
def root_is_who_the_user_namespace_says(kernel: Kernel) -> None:
    held = after(kernel, (("setresuid", 0, 0, 0), ("unshare", CloneFlag.NEWUSER)), sets)
    expect("the sets after entering", held, (FULL, FULL, EMPTY, FULL, EMPTY))
    expect("the sets of another user after entering", in_child(kernel, enter_as_a_user), (FULL, FULL, EMPTY, FULL, EMPTY))


def enter_as_a_user(kernel: Kernel) -> tuple[CapSet, CapSet, CapSet, CapSet, CapSet]:
    kernel.setuid(1000)  # type: ignore[arg-type]
    kernel.unshare(CloneFlag.NEWUSER)
    return sets(kernel)
