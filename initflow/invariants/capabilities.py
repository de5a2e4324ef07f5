"""CAP: what the payload may do, and how that came about."""

from collections.abc import Iterator

from initflow.invariants.model import EXEC, HIGH, LOW, MEDIUM, Exec, Moment, Obligation, before, decide, invariant
from kernelapi.capability import EMPTY, Cap
from kernelapi.flags import Securebit


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


@invariant("CAP-14", at=EXEC, severity=LOW, source="capabilities(7), the securebits flags")
def securebits_are_those_of_the_caller(moment: Exec) -> Iterator[Obligation]:
    """At exec, the securebits are the default ones, keepcaps aside.

    The configuration cannot ask for others; with NOROOT set, a payload that runs as root is not the root it takes itself for.
    """
    other = moment.previous.securebits & ~Securebit.KEEP_CAPS
    yield decide(moment, not other, f"its securebits are {Securebit(other)!r}", securebits=other)
