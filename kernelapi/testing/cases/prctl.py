"""Laws of prctl(2)."""

from errno import EINVAL, EPERM

from kernelapi.capability import EMPTY, LAST_CAP, Cap, CapSet
from kernelapi.flags import LAST_SIGNAL, CloneFlag, Securebit, Signal
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, refused
from kernelapi.testing.steps import do
from kernelapi.values import CapData

WITHOUT_CAPABILITIES = ("capset", 0, CapData(EMPTY, EMPTY, EMPTY))


@case
def the_bounding_set_only_shrinks(kernel: Kernel) -> None:
    expect("KILL before", kernel.prctl_capbset_read(Cap.KILL), True)
    kernel.prctl_capbset_drop(Cap.KILL)
    kernel.prctl_capbset_drop(Cap.KILL)
    expect("KILL after", kernel.prctl_capbset_read(Cap.KILL), False)
    expect("CHOWN after", kernel.prctl_capbset_read(Cap.CHOWN), True)
    for cap in (LAST_CAP + 1, 64, -1):
        refused(EINVAL, kernel.prctl_capbset_read, cap)
        refused(EINVAL, kernel.prctl_capbset_drop, cap)


@case
def dropping_from_the_bounding_set_asks_for_setpcap_before_it_looks_at_the_number(kernel: Kernel) -> None:
    do(kernel, (WITHOUT_CAPABILITIES,))
    refused(EPERM, kernel.prctl_capbset_drop, Cap.KILL)
    refused(EPERM, kernel.prctl_capbset_drop, LAST_CAP + 1)
    expect("reading", kernel.prctl_capbset_read(Cap.KILL), True)


@case
def keepcaps_is_a_securebit_that_anybody_may_set(kernel: Kernel) -> None:
    do(kernel, (WITHOUT_CAPABILITIES,))
    for value in (2, -1):
        refused(EINVAL, kernel.prctl_set_keepcaps, value)
    kernel.prctl_set_keepcaps(1)
    expect("keepcaps", (kernel.prctl_get_keepcaps(), kernel.prctl_get_securebits()), (True, Securebit.KEEP_CAPS))
    kernel.prctl_set_keepcaps(0)
    expect("keepcaps", (kernel.prctl_get_keepcaps(), kernel.prctl_get_securebits()), (False, 0))


@case
def keepcaps_can_be_locked(kernel: Kernel) -> None:
    kernel.prctl_set_securebits(Securebit.KEEP_CAPS_LOCKED)
    refused(EINVAL, kernel.prctl_set_keepcaps, 2)
    refused(EPERM, kernel.prctl_set_keepcaps, 1)
    refused(EPERM, kernel.prctl_set_keepcaps, 0)


@case
def a_locked_securebit_stays_and_so_does_its_lock(kernel: Kernel) -> None:
    locked = Securebit.NOROOT | Securebit.NOROOT_LOCKED | Securebit.NO_SETUID_FIXUP_LOCKED
    kernel.prctl_set_securebits(locked)
    kernel.prctl_set_securebits(locked | Securebit.KEEP_CAPS)
    kernel.prctl_set_securebits(locked)
    for bits in (locked & ~Securebit.NOROOT, locked & ~Securebit.NOROOT_LOCKED, locked | Securebit.NO_SETUID_FIXUP, 0):
        refused(EPERM, kernel.prctl_set_securebits, int(bits))
    expect("the securebits", kernel.prctl_get_securebits(), locked)


@case
def securebits_that_do_not_exist_are_refused(kernel: Kernel) -> None:
    for bits in (1 << 12, 1 << 31, 1 << 40, -1):
        refused(EPERM, kernel.prctl_set_securebits, bits)


@case
def securebits_need_setpcap_except_those_that_only_programs_look_at(kernel: Kernel) -> None:
    kernel.prctl_set_securebits(Securebit.NOROOT)
    do(kernel, (WITHOUT_CAPABILITIES,))
    refused(EPERM, kernel.prctl_set_securebits, 0)
    refused(EPERM, kernel.prctl_set_securebits, Securebit.NOROOT)  # nothing would change
    refused(EPERM, kernel.prctl_set_securebits, Securebit.NOROOT | Securebit.EXEC_RESTRICT_FILE | Securebit.KEEP_CAPS)
    programs = Securebit.NOROOT | Securebit.EXEC_RESTRICT_FILE | Securebit.EXEC_DENY_INTERACTIVE_LOCKED
    kernel.prctl_set_securebits(programs)
    expect("the securebits", kernel.prctl_get_securebits(), programs)
    refused(EPERM, kernel.prctl_set_securebits, programs | Securebit.EXEC_DENY_INTERACTIVE)


@case
def entering_a_user_namespace_clears_the_securebits(kernel: Kernel) -> None:
    kernel.prctl_set_securebits(Securebit.NOROOT | Securebit.NOROOT_LOCKED | Securebit.KEEP_CAPS)
    kernel.unshare(CloneFlag.NEWUSER)
    expect("the securebits", kernel.prctl_get_securebits(), 0)


@case
def dumpable_can_be_set_to_0_and_1(kernel: Kernel) -> None:
    kernel.prctl_set_dumpable(0)
    expect("dumpable", kernel.prctl_get_dumpable(), 0)
    kernel.prctl_set_dumpable(1)
    for value in (2, -1):
        refused(EINVAL, kernel.prctl_set_dumpable, value)
    expect("dumpable", kernel.prctl_get_dumpable(), 1)


@case
def no_new_privs_has_no_way_back(kernel: Kernel) -> None:
    expect("at first", kernel.prctl_get_no_new_privs(), False)
    for value in (0, 2, -1):
        refused(EINVAL, kernel.prctl_set_no_new_privs, value)
    kernel.prctl_set_no_new_privs(1)
    kernel.prctl_set_no_new_privs(1)
    refused(EINVAL, kernel.prctl_set_no_new_privs, 0)
    expect("then", kernel.prctl_get_no_new_privs(), True)


@case
def a_name_is_cut_at_15_bytes_and_at_a_nul(kernel: Kernel) -> None:
    for name, kept in (
        ("123456789012345", "123456789012345"),
        ("1234567890123456", "123456789012345"),
        ("a\0b", "a"),
        ("", ""),
        ("\u00e9" * 9, "\u00e9" * 7 + "\udcc3"),
    ):
        kernel.prctl_set_name(name)
        expect(f"the name {name!r}", kernel.prctl_get_name(), kept)


@case
def a_parent_death_signal_is_one_of_0_to_64(kernel: Kernel) -> None:
    for signal in (Signal.KILL, LAST_SIGNAL, 33, 0):
        kernel.prctl_set_pdeathsig(signal)
        expect("the signal", kernel.prctl_get_pdeathsig(), signal)
    for signal in (LAST_SIGNAL + 1, -1):
        refused(EINVAL, kernel.prctl_set_pdeathsig, signal)


@case
def any_value_but_0_makes_a_subreaper(kernel: Kernel) -> None:
    expect("at first", kernel.prctl_get_child_subreaper(), False)
    for value, is_subreaper in ((1, True), (0, False), (7, True), (-1, True)):
        kernel.prctl_set_child_subreaper(value)
        expect(f"after {value}", kernel.prctl_get_child_subreaper(), is_subreaper)


@case
def a_child_inherits_all_but_the_death_signal_and_the_subreaper_flag(kernel: Kernel) -> None:
    kernel.prctl_set_name("parent")
    kernel.prctl_set_no_new_privs(1)
    kernel.prctl_set_keepcaps(1)
    kernel.prctl_set_dumpable(0)
    kernel.prctl_capbset_drop(Cap.KILL)
    held = kernel.capget(Pid(0))
    kernel.capset(Pid(0), CapData(held.effective, held.permitted, CapSet.of(Cap.CHOWN)))
    kernel.prctl_cap_ambient_raise(Cap.CHOWN)
    kernel.prctl_set_pdeathsig(Signal.TERM)
    kernel.prctl_set_child_subreaper(1)
    expect("of the caller", attributes(kernel), ("parent", True, True, 0, False, True, Signal.TERM, True))
    expect("of its child", in_child(kernel, attributes), ("parent", True, True, 0, False, True, 0, False))


def attributes(kernel: Kernel) -> tuple[object, ...]:
    return (
        kernel.prctl_get_name(),
        kernel.prctl_get_no_new_privs(),
        kernel.prctl_get_keepcaps(),
        kernel.prctl_get_dumpable(),
        kernel.prctl_capbset_read(Cap.KILL),
        kernel.prctl_cap_ambient_is_set(Cap.CHOWN),
        kernel.prctl_get_pdeathsig(),
        kernel.prctl_get_child_subreaper(),
    )


@case
def a_subreaper_adopts_the_descendants_that_it_had_before(kernel: Kernel) -> None:
    for late in (False, True):
        expect(f"whether it is adopted, made a subreaper {late=}", in_child(kernel, be_a_subreaper, late), True)


def be_a_subreaper(kernel: Kernel, late: bool) -> bool:
    """Whether a grandchild, when its parent ends, becomes the caller's child; the caller becomes a subreaper first or last."""
    if not late:
        kernel.prctl_set_child_subreaper(1)
    born, up = kernel.pipe2(0)
    wait, go = kernel.pipe2(0)
    middle = kernel.clone(Signal.CHLD, have_a_child, up, wait, go)
    kernel.close(wait)
    kernel.read(born, 1)
    if late:
        kernel.prctl_set_child_subreaper(1)
    kernel.close(go)  # middle ends, and then its child
    kernel.wait4(middle)
    return errno_of(kernel.wait4, -1) == 0


def have_a_child(kernel: Kernel, up: Fd, wait: Fd, go: Fd) -> None:
    kernel.close(go)
    kernel.clone(Signal.CHLD, do_nothing)
    kernel.write(up, b"!")
    kernel.read(wait, 1)


def do_nothing(kernel: Kernel) -> None:
    pass
