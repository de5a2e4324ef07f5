"""NS: which namespaces the payload is in, and how it came there."""

from collections.abc import Iterator

from fakekernel.mount import MountNamespace
from fakekernel.store import Record
from initflow.configuration import NAMESPACE_FLAGS
from initflow.invariants.model import (
    END,
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
)
from initflow.run import BEFORE_PAYLOAD
from initflow.state import process_state
from kernelapi.capability import Cap
from kernelapi.event import Event

SHORT = {"NEWNS": "mnt", "NEWUTS": "uts", "NEWIPC": "ipc", "NEWUSER": "user", "NEWPID": "pid", "NEWNET": "net"}
"""The name of each type in /proc/PID/ns."""


@invariant("NS-01", at=EXEC, severity=HIGH, source="namespaces(7); OCI runtime-spec config-linux.md, namespaces")
def the_payload_is_in_the_namespaces_that_were_configured(moment: Exec) -> Iterator[Obligation]:
    """At exec, init is in a new namespace of each type that is listed without a path, and in its caller's of each not listed.

    A namespace that was silently shared is the host's.
    """
    if moment.enters:
        return  # NS-21 compares it with the container's
    host = process_state(moment.run.machine.init).namespaces
    listed = {SHORT[entry.type]: entry.path for entry in moment.configuration.namespaces if entry.type in SHORT}
    for name, found in moment.previous.namespaces.items():
        if listed.get(name):
            continue  # joined: NS-03 and NS-05 look at the joins
        wanted_new = name in listed
        yield decide(
            moment,
            (found != host[name]) == wanted_new,
            f"its {name} namespace is {'the host' if wanted_new else 'not the caller'}'s, though the configuration "
            f"{'asks for a new one' if wanted_new else 'does not ask for one'}",
            namespace=name,
            found=found,
        )


@invariant("NS-02", at=END, severity=MEDIUM, source="setns(2); mount_namespaces(7)")
def every_namespace_is_opened_before_the_first_is_joined(moment: Moment) -> Iterator[Obligation]:
    """All namespace files are open before the first setns.

    In a mount or user namespace that has been joined, the other paths may be gone, or be what its owner wants them to be.
    """
    opened: dict[int, Event] = {}
    joined: Event | None = None
    for event, role in zip(moment.run.events, moment.run.roles, strict=True):
        if role not in BEFORE_PAYLOAD or event.errno:
            continue
        if event.call.name in ("open", "openat"):
            opened[event.result] = event
        if event.call.name == "setns":
            fd = event.args[0]
            late = joined is not None and fd in opened and opened[fd].index > joined.index
            here = Moment(moment.run, event, None, role, None)
            yield decide(here, not late, "it opens this namespace only after it has joined another")
            joined = joined or event


@invariant("NS-03", at=before("setns"), severity=MEDIUM, source="setns(2)")
def a_namespace_is_joined_with_the_capability_over_its_owner(moment: Moment) -> Iterator[Obligation]:
    """At each setns, CAP_SYS_ADMIN is effective.

    Without it the join fails, and a runtime that goes on runs the payload in the wrong namespace.
    """
    if moment.is_init:
        yield decide(moment, Cap.SYS_ADMIN in moment.state.effective, "it joins a namespace without CAP_SYS_ADMIN")


@invariant("NS-04", at=before("setns"), severity=MEDIUM, source="setns(2); mount_namespaces(7)")
def no_namespace_is_looked_up_after_the_mount_namespace_is_joined(moment: Moment) -> Iterator[Obligation]:
    """The mount namespace is joined last, or no path is looked up afterwards to join another.

    In it, root and working directory are others, and every path is what those who are in it already have made of it.
    """
    if not moment.is_init or moment.event is None or not isinstance(_target(moment), MountNamespace):
        return
    run, opened = moment.run, dict[int, Event]()
    late = []
    for event, role in zip(run.events[moment.event.index :], run.roles[moment.event.index :], strict=True):
        if role not in BEFORE_PAYLOAD or event.process != moment.event.process or event.errno:
            continue
        if event.call.name in ("open", "openat"):
            opened[event.result] = event
        if event.call.name == "setns" and event.args[0] in opened:
            late.append(_path(opened[event.args[0]]))
    named = [path for path in late if path.startswith("/")]
    yield decide(moment, not named, f"it looks up {', '.join(named)} in the mount namespace that it has joined", paths=named)


def _path(event: Event) -> str:
    return str(event.args[[parameter.name for parameter in event.call.parameters].index("path")])


def _target(moment: Moment) -> Record | None:
    """What is behind the descriptor that setns is given."""
    file = moment.file(moment.args("fd"))
    return None if file is None else file.description.inode.subject


@invariant("NS-05", at=before("setns"), severity=MEDIUM, source="setns(2)")
def a_join_names_the_type_that_it_expects(moment: Moment) -> Iterator[Obligation]:
    """Each setns names the type of the namespace.

    With type 0 the kernel joins whatever the file is: a path that was swapped changes another namespace, or the credentials.
    """
    if moment.is_init:
        yield decide(moment, moment.args("nstype") != 0, "it joins whatever namespace is behind the path: no type is given")


@invariant("NS-10", at=EXEC, severity=HIGH, source="pid_namespaces(7)")
def the_payload_is_process_1_of_its_new_pid_namespace(moment: Exec) -> Iterator[Obligation]:
    """At exec, a payload in a new pid namespace is its process 1.

    Otherwise its death does not end the container, or it never entered.
    """
    if not moment.enters and any(entry.type == "NEWPID" and not entry.path for entry in moment.configuration.namespaces):
        pid = moment.previous.pid
        yield decide(moment, pid == 1, f"it is process {pid} of its pid namespace, and not 1", pid=pid)


@invariant("NS-11", at=EXEC, severity=HIGH, source="pid_namespaces(7), /proc and PID namespaces")
def proc_shows_the_pid_namespace_of_the_payload(moment: Exec) -> Iterator[Obligation]:
    """At exec, each proc that the payload sees was mounted for its own pid namespace.

    Another one shows it the processes of others: of the host, as a rule, with their roots and environments.
    """
    own = moment.previous.task.pid_namespace
    for mount in moment.previous_mounts:
        if mount.fstype == "proc" and mount.path is not None and mount.root == "/":
            yield decide(
                moment,
                mount.superblock.subject is own,
                f"{mount.path} is a proc of another pid namespace than its own",
                path=mount.path,
            )


@invariant("NS-16", at=END, severity=LOW, source="OCI runtime-spec config-linux.md, namespaces")
def a_namespace_type_listed_twice_is_refused(moment: Moment) -> Iterator[Obligation]:
    """A configuration that lists a namespace type twice is refused, before anything has happened.

    One of the two entries is what its author meant; which, the runtime cannot know.
    """
    types = [entry.type for entry in moment.configuration.namespaces if entry.type in NAMESPACE_FLAGS]
    twice = sorted({type for type in types if types.count(type) > 1})
    if twice and not moment.enters:  # it is the container's own start that should have been refused
        yield decide(
            moment, moment.run.init is None, f"init was started with {', '.join(twice)} listed twice", types=twice
        )


@invariant("NS-17", at=END, severity=HIGH, source="OCI runtime-spec config-linux.md, namespaces")
def what_needs_a_namespace_is_refused_without_it_before_anything_is_done(moment: Moment) -> Iterator[Obligation]:
    """A hostname, mounts, networks or restrictions without their namespace are refused before init does anything.

    Checked late, they are refused only after irreversible work; not checked, they change the host.
    """
    configuration = moment.configuration
    flags = configuration.clone_flags
    needs = (
        ("hostname", bool(configuration.hostname), "NEWUTS"),
        ("mount_config", configuration.mount_config is not None, "NEWNS"),
        ("networks", bool(configuration.networks), "NEWNET"),
        ("routes", bool(configuration.routes), "NEWNET"),
        ("restrict_sys", configuration.restrict_sys, "NEWNS"),
    )
    for key, present, type in needs:
        if present and not flags & NAMESPACE_FLAGS[type] and not moment.enters:
            acted = moment.run.init is not None
            yield decide(moment, not acted, f"{key} needs {type}, which is not there; init had started before anyone looked")


@invariant("NS-18", at=before("setgid", "setuid", "capset"), severity=MEDIUM, source="ptrace(2); CVE-2016-9962")
def nobody_looks_into_init_while_it_has_privileges_in_namespaces_of_others(moment: Moment) -> Iterator[Obligation]:
    """Where init has joined namespaces in which others live, it cannot be traced until it gives up its privileges.

    Who is traced does what the tracer wants, with the rights, and the descriptors, that it still has.
    """
    if not moment.is_init or moment.event is None or not has_joined(moment):
        return
    state = moment.state
    surplus = state.permitted - moment.configuration.kept_capabilities
    if surplus:
        yield decide(
            moment,
            state.dumpable == 0,
            f"it still has {surplus} permitted, and can be traced by processes of the namespaces that it has joined",
            dumpable=state.dumpable,
        )


@invariant("NS-20", at=after("sethostname", "setdomainname"), severity=HIGH, source="uts_namespaces(7)")
def the_name_of_the_host_is_never_changed(moment: Moment) -> Iterator[Obligation]:
    """No call of init names the host: the uts namespace that is named is not the initial one.

    The host's name is in its logs, its certificates, its prompt.
    """
    if moment.is_init and moment.event is not None and not moment.event.errno:
        host = process_state(moment.run.machine.init).namespaces["uts"]
        yield decide(moment, moment.state.namespaces["uts"] != host, "it changes the name of the host itself")


@invariant("NS-21", at=EXEC, severity=HIGH, source="setns(2); user_namespaces(7)")
def who_enters_is_in_all_namespaces_of_the_container(moment: Exec) -> Iterator[Obligation]:
    """At exec, a process that was brought into a container is in each namespace of the container's first process.

    In the user namespace of the host, its root is the host's root, and its capabilities are good for all that the host owns.
    """
    if moment.run.container is None:
        return
    wanted = process_state(moment.run.container.first_process).namespaces
    for name, found in moment.previous.namespaces.items():
        yield decide(
            moment, found == wanted[name], f"its {name} namespace is not the container's", namespace=name, found=found
        )  # fmt: skip


def has_joined(moment: Moment) -> bool:
    """Whether init, or who enters, has joined a namespace before this moment."""
    assert moment.event is not None
    return any(
        event.call.name == "setns" and not event.errno and role in BEFORE_PAYLOAD
        for event, role in zip(moment.run.events[: moment.event.index], moment.run.roles, strict=False)
    )
