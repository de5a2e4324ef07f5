"""CAP: what the payload may do, and how that came about."""

from collections.abc import Iterator
from errno import EPERM

from initflow.configuration import CAPABILITIES
from initflow.invariants.model import (
    EXEC,
    HIGH,
    LOW,
    MEDIUM,
    Exec,
    Moment,
    Obligation,
    after,
    before,
    decide,
    held,
    invariant,
)
from kernelapi.capability import EMPTY, Cap
from kernelapi.flags import Securebit

NEEDED = {
    "mount": Cap.SYS_ADMIN, "umount2": Cap.SYS_ADMIN, "pivot_root": Cap.SYS_ADMIN, "setns": Cap.SYS_ADMIN,
    "sethostname": Cap.SYS_ADMIN, "chroot": Cap.SYS_CHROOT, "setgroups": Cap.SETGID, "setgid": Cap.SETGID, "setuid": Cap.SETUID,
    "setresgid": Cap.SETGID, "setresuid": Cap.SETUID, "prctl_capbset_drop": Cap.SETPCAP, "prctl_set_securebits": Cap.SETPCAP,
    "mknod": Cap.MKNOD, "mknodat": Cap.MKNOD, "chown": Cap.CHOWN, "setrlimit": Cap.SYS_RESOURCE,
}  # fmt: skip
"""The capability that each call asks for, where it asks for one."""


@invariant("CAP-01", at=EXEC, severity=MEDIUM, source="OCI runtime-spec config.md, process.capabilities; capabilities(7)")
def the_payload_starts_with_the_capabilities_that_were_configured(moment: Exec) -> Iterator[Obligation]:
    """Just before exec, the effective and permitted sets are what the configuration lists, as far as init could have it.

    More is a privilege that nobody granted; less breaks the payload in ways that are hard to find.
    """
    wanted = moment.configuration.kept_capabilities
    for name, found in (("effective", moment.previous.effective), ("permitted", moment.previous.permitted)):
        surplus, missing = found - wanted, (wanted & moment.previous.bounding) - found
        yield decide(
            moment,
            not surplus and not missing,
            f"its {name} set differs from the configuration before exec: surplus {surplus}, missing {missing}",
            surplus=surplus,
            missing=missing,
        )


@invariant("CAP-02", at=EXEC, severity=HIGH, source="PR_CAPBSET_DROP(2const); capabilities(7), bounding set")
def the_bounding_set_is_within_the_configuration(moment: Exec) -> Iterator[Obligation]:
    """At exec, the bounding set holds nothing that the configuration does not list.

    For uid 0 the bounding set is what it has after exec; for others, what a file with capabilities can give back.
    """
    surplus = moment.previous.bounding - moment.configuration.kept_capabilities
    yield decide(
        moment,
        not surplus,
        f"its bounding set still holds {surplus}, which the configuration does not list: a payload that is or becomes root, "
        "or runs a file with capabilities, gets them back",
        surplus=surplus,
    )


@invariant("CAP-03", at=before("capset"), severity=HIGH, source="PR_CAPBSET_DROP(2const); capset(2)")
def setpcap_goes_only_after_the_bounding_set(moment: Moment) -> Iterator[Obligation]:
    """When capset gives CAP_SETPCAP up for good, the bounding set is already within the configuration.

    Afterwards it can no longer be reduced.
    """
    state = moment.state
    if not moment.is_init or Cap.SETPCAP not in state.permitted or Cap.SETPCAP in moment.args("data").permitted:
        return
    surplus = state.bounding - moment.configuration.kept_capabilities
    yield decide(
        moment,
        not surplus,
        f"it gives up CAP_SETPCAP while its bounding set still holds {surplus}: nothing can take them out any more",
        surplus=surplus,
    )


@invariant(
    "CAP-04", at=before("setuid", "setreuid", "setresuid"), severity=MEDIUM, source="capabilities(7), effect of uid changes"
)
def permitted_capabilities_survive_the_change_of_user(moment: Moment) -> Iterator[Obligation]:
    """Where init leaves uid 0 and the configuration lists capabilities, keepcaps is on.

    Otherwise the change of user empties the permitted set, and nothing that comes later can raise one.
    """
    state = moment.state
    target = moment.args("uid") if moment.event and moment.event.call.name == "setuid" else moment.args("euid")
    wanted = moment.configuration.kept_capabilities & state.permitted
    if not moment.is_init or not wanted or 0 not in state.uids[:3] or target in (0, -1):
        return
    keeps = bool(state.securebits & (Securebit.KEEP_CAPS | Securebit.NO_SETUID_FIXUP))
    yield decide(
        moment,
        keeps,
        f"it becomes user {target} without keepcaps: {wanted} go with uid 0, though the configuration lists them",
        lost=wanted,
    )


@invariant("CAP-05", at=EXEC, severity=LOW, source="PR_SET_KEEPCAPS(2const)")
def keepcaps_is_off_at_exec(moment: Exec) -> Iterator[Obligation]:
    """At exec, keepcaps is off.

    Exec clears it by itself; whatever runs between the change of user and exec would still have it.
    """
    yield decide(
        moment, not moment.previous.securebits & Securebit.KEEP_CAPS, "it still keeps its capabilities over a change of user"
    )


@invariant("CAP-07", at=EXEC, severity=HIGH, source="capabilities(7), transformation during execve; CVE-2016-8867")
def a_user_gets_no_capabilities_by_exec_alone(moment: Exec) -> Iterator[Obligation]:
    """After exec as a user other than root, nothing is permitted: no ambient capability was asked for.

    A user of the container who has root's capabilities is root to the kernel.
    """
    if 0 in moment.previous.uids[:2]:
        return
    yield decide(
        moment,
        not moment.next.permitted,
        f"the payload runs as user {moment.next.uids[1]} with {moment.next.permitted} permitted",
        permitted=moment.next.permitted,
        ambient=moment.next.ambient,
    )


@invariant("CAP-08", at=EXEC, severity=MEDIUM, source="capabilities(7); CVE-2022-24769")
def nothing_is_inheritable(moment: Exec) -> Iterator[Obligation]:
    """At exec, the inheritable set is empty: the configuration has no list of its own for it.

    With it, any file that has the same capability in its inheritable set gives it to the payload's processes, whoever they are.
    """
    inheritable = moment.previous.inheritable
    yield decide(
        moment,
        inheritable == EMPTY,
        f"its inheritable set is {inheritable} at exec: files with inheritable capabilities pass them on to any user of "
        "the container",
        inheritable=inheritable,
    )


@invariant("CAP-10", at=EXEC, severity=HIGH, source="capabilities(7), capabilities and execution of programs by root")
def root_after_exec_has_no_more_than_configured(moment: Exec) -> Iterator[Obligation]:
    """After exec as root, the permitted set is within the configuration.

    For root, exec adds the whole bounding set to it, whatever was dropped before.
    """
    if 0 not in moment.next.uids[:2]:
        return
    surplus = moment.next.permitted - moment.configuration.kept_capabilities
    yield decide(
        moment,
        not surplus,
        f"the payload runs as root and got {surplus} back by exec, which the configuration does not list",
        surplus=surplus,
    )


@invariant("CAP-11", at=after(*NEEDED), severity=MEDIUM, source="capabilities(7)")
def no_call_comes_after_the_capability_that_it_needs_has_gone(moment: Moment) -> Iterator[Obligation]:
    """No call of init is refused for want of a capability that init had when it started.

    The step stands too late: what it was to do is not done, after all the work before it.
    """
    if not moment.is_init or moment.event is None or moment.run.parent is None:
        return
    cap = NEEDED[moment.event.call.name]
    if moment.event.errno == EPERM and cap in moment.run.parent.cred.permitted:
        state = moment.state
        yield decide(
            moment,
            cap in state.effective,
            f"{moment.event.call.name} needs CAP_{cap.name}, which it has given up before as user {state.uids[1]}",
            needed=cap,
        )
    elif not moment.event.errno:
        yield held(moment)


@invariant("CAP-13", at=after("capset"), severity=LOW, source="OCI runtime-spec config.md, process.capabilities; capset(2)")
def a_capability_that_cannot_be_granted_is_no_failure(moment: Moment) -> Iterator[Obligation]:
    """Where the configuration lists a capability that is unknown, or that the caller cannot give, init goes on without it.

    The same configuration then runs on an older kernel, and below a runtime that has less.
    """
    if not moment.is_init or moment.event is None:
        return
    state, configuration = moment.state, moment.configuration
    unknown = [name for name in configuration.capabilities if name not in CAPABILITIES]
    lacking = configuration.kept_capabilities - (state.bounding & state.permitted)
    if unknown or lacking:
        names = ", ".join([*unknown, *([str(lacking)] if lacking else [])])
        explanation = f"the configuration lists {names}, which it cannot have: capset is refused"
        yield decide(moment, not moment.event.errno, explanation)


@invariant("CAP-14", at=EXEC, severity=LOW, source="capabilities(7), the securebits flags")
def securebits_are_those_of_the_caller(moment: Exec) -> Iterator[Obligation]:
    """At exec, the securebits are the default ones, keepcaps aside.

    The configuration cannot ask for others; with NOROOT set, a payload that runs as root is not the root it takes itself for.
    """
    other = moment.previous.securebits & ~Securebit.KEEP_CAPS
    yield decide(moment, not other, f"its securebits are {Securebit(other).name}", securebits=other)
