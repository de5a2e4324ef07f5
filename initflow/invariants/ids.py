"""ID: who the payload is."""

from collections.abc import Iterator

from initflow.invariants.devices import described
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
    invariant,
    undecidable,
)
from initflow.run import BEFORE_PAYLOAD
from initflow.users import MAX_ID
from kernelapi.capability import Cap
from kernelapi.flags import FileType


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


@invariant("ID-06", at=EXEC, severity=HIGH, source="CVE-2016-3697, CVE-2026-30892")
def a_number_is_a_number(moment: Exec) -> Iterator[Obligation]:
    """At exec, a user or group that the configuration gives as a number is that number.

    Looked up as a name first, it is what a line of the image's /etc/passwd makes of it: root, perhaps.
    """
    fields = moment.configuration.user.split(":")
    for kind, text, found in zip(("user", "group"), fields, (moment.previous.uids, moment.previous.gids), strict=False):
        if text.isascii() and text.isdecimal() and int(text) <= MAX_ID:
            yield decide(
                moment,
                found == (int(text),) * 4,
                f"the configuration says {kind} {text}, and it is {kind} {found[1]}: the number was taken for a name",
                configured=int(text),
                found=found,
            )


@invariant("ID-07", at=after("open", "openat"), severity=HIGH, source="passwd(5); path_resolution(7), magic links")
def users_are_looked_up_in_files_of_the_container(moment: Moment) -> Iterator[Obligation]:
    """What init opens as /etc/passwd and /etc/group is a regular file below its root.

    A link through /proc/self/fd leads wherever a descriptor does; a FIFO keeps init waiting; a directory is as good as no file.
    """
    if moment.role not in BEFORE_PAYLOAD or moment.event is None or moment.event.errno:
        return
    path = moment.args("path")
    if path in ("/etc/passwd", "/etc/group"):
        file = moment.state.files[moment.event.result]
        if file.on_host:
            yield decide(moment, False, f"{path} is {file.text} of the host", path=path)
        else:
            is_file = file.type is FileType.REG
            yield decide(moment, is_file, f"{path} is {described(file.description.inode)}, and no regular file", path=path)


@invariant("ID-13", at=EXEC, severity=LOW, source="environ(7), HOME")
def home_is_the_configured_one_or_that_of_the_user(moment: Exec) -> Iterator[Obligation]:
    """At exec, HOME is what the configuration says; where it says nothing, the user's home, which is an absolute path.

    With an empty one, "~" is whatever directory the payload is in, or the root.
    """
    configured = dict(entry.partition("=")[::2] for entry in moment.configuration.environment).get("HOME", "")
    found = dict(entry.partition("=")[::2] for entry in moment.next.environment).get("HOME", "")
    user = moment.setting.user
    if configured:
        yield decide(moment, found == configured, f"HOME is {found!r}, and not {configured!r} as configured")
    elif not found.startswith("/"):
        yield decide(moment, False, f"HOME is {found!r}, which is no absolute path")
    elif user is None:
        yield undecidable(moment, "the home of the configured user is not known")
    else:
        yield decide(moment, found == user.home, f"HOME is {found!r}, and not {user.home!r}, the home of the user")
