"""ID: who the payload is."""

from collections.abc import Iterator

from initflow.invariants.model import EXEC, HIGH, MEDIUM, Exec, Moment, Obligation, before, decide, invariant, undecidable
from kernelapi.capability import Cap


@invariant("ID-01", at=EXEC, severity=HIGH, source="setuid(2), setresuid(2); credentials(7)")
def all_ids_are_those_of_the_configured_user(moment: Exec) -> Iterator[Obligation]:
    """At exec, the real, effective, saved and filesystem ids are those of the configured user.

    A saved id that stayed behind is a way back to root.
    """
    user = moment.setting.user
    if user is None:
        yield undecidable(moment, "the ids of the configured user are not known")
        return
    for kind, found, wanted in (("user", moment.previous.uids, user.uid), ("group", moment.previous.gids, user.gid)):
        yield decide(
            moment,
            found == (wanted,) * 4,
            f"its real, effective, saved and filesystem {kind} ids are {found}, and not all {wanted}",
            found=found,
            configured=wanted,
        )


@invariant("ID-02", at=EXEC, severity=HIGH, source="setgroups(2); OCI runtime-spec config.md, process.user")
def supplementary_groups_are_exactly_those_configured(moment: Exec) -> Iterator[Obligation]:
    """At exec, the supplementary groups are those of the user and of the configuration, and no others.

    The caller's groups would open the files of the host that they can open.
    """
    user = moment.setting.user
    if user is None:
        yield undecidable(moment, "the groups of the configured user are not known")
        return
    wanted = sorted({*user.sgids, *moment.configuration.additional_groups})
    found = sorted(set(moment.previous.groups))
    yield decide(
        moment, found == wanted, f"its supplementary groups are {found}, and not {wanted}", found=found, configured=wanted
    )


@invariant("ID-04", at=before("setgroups", "setgid", "setregid", "setresgid"), severity=HIGH, source="setgroups(2), setgid(2)")
def groups_change_while_init_may_still_change_them(moment: Moment) -> Iterator[Obligation]:
    """When init changes its groups, CAP_SETGID is effective.

    Once the user id has changed it no longer is: groups first, then the group, then the user.
    """
    if not moment.is_init or moment.event is None:
        return
    state = moment.state
    yield decide(
        moment,
        Cap.SETGID in state.effective or not moment.event.errno,
        f"it calls {moment.event.call.name} as user {state.uids[1]} without CAP_SETGID: its groups cannot change any more",
        effective=state.effective,
    )


@invariant("ID-05", at=before("setuid", "setgid"), severity=MEDIUM, source="user_namespaces(7)")
def the_new_id_has_a_mapping(moment: Moment) -> Iterator[Obligation]:
    """The user and group ids that init changes to are mapped in its user namespace.

    Without a mapping the call is refused, after all the work before it.
    """
    if not moment.is_init or moment.task is None or moment.event is None:
        return
    userns = moment.task.cred.userns
    is_user = moment.event.call.name == "setuid"
    id = moment.event.args[0]
    mapped = (userns.kuid(id) if is_user else userns.kgid(id)) is not None
    yield decide(moment, mapped, f"{'user' if is_user else 'group'} id {id} has no mapping in its user namespace", id=id)
