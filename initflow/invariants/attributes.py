"""SIG, UMASK, ENV, RL, NNP, DUMP, EXE: what else the payload has from those before it."""

from collections.abc import Iterator

from initflow.configuration import Configuration
from initflow.invariants.model import (
    EXEC,
    HIGH,
    LOW,
    MEDIUM,
    Exec,
    Moment,
    Obligation,
    before,
    decide,
    invariant,
    undecidable,
)
from initflow.invariants.namespaces import has_joined
from initflow.run import BEFORE_PAYLOAD
from kernelapi.flags import MountFlag, Rlimit, Signal

USUAL_UMASK = 0o022
RESOURCES = frozenset(Rlimit)


@invariant("SIG-01", at=EXEC, severity=MEDIUM, source="execve(2); signal(7)")
def signals_are_neither_blocked_nor_ignored(moment: Exec) -> Iterator[Obligation]:
    """At exec, no signal is blocked or ignored.

    Exec keeps both. A payload that cannot be asked to end is killed; one that does not hear of its children leaves zombies, or
    cannot wait for them.
    """
    state = moment.previous
    for verb, signals in (("blocks", state.blocked), ("ignores", state.ignored)):
        names = ", ".join(f"SIG{Signal(signal).name}" for signal in sorted(signals))
        yield decide(moment, not signals, f"it {verb} {names}, and so will the payload", signals=names)


@invariant("UMASK-01", at=EXEC, severity=MEDIUM, source="umask(2); OCI runtime-spec config.md, process.user.umask")
def the_umask_is_the_usual_one(moment: Exec) -> Iterator[Obligation]:
    """At exec, the umask is 022: the configuration cannot ask for another.

    With the caller's, what the payload makes is open to everybody, or to nobody, depending on who started it.
    """
    umask = moment.previous.umask
    yield decide(moment, umask == USUAL_UMASK, f"its umask is {umask:03o}", umask=umask)


@invariant("ENV-01", at=EXEC, severity=MEDIUM, source="execve(2); environ(7)")
def the_environment_is_the_configured_one(moment: Exec) -> Iterator[Obligation]:
    """After exec, the environment is what the configuration lists, and HOME.

    The caller's would tell the payload about the host, and the runtime's variables about the runtime.
    """
    wanted = _environment(moment.configuration)
    found = dict(entry.partition("=")[::2] for entry in moment.next.environment)
    surplus = sorted(name for name in found if name not in wanted and name != "HOME")
    changed = sorted(name for name, value in wanted.items() if name != "HOME" and found.get(name) != value)
    yield decide(
        moment,
        not surplus and not changed,
        f"its environment differs from the configuration: {', '.join(surplus) or 'nothing'} in addition, "
        f"{', '.join(changed) or 'nothing'} changed or missing",
        surplus=surplus,
        changed=changed,
    )


@invariant("RL-02", at=EXEC, severity=MEDIUM, source="getrlimit(2); OCI runtime-spec config.md, process.rlimits")
def each_limit_is_the_configured_one_or_the_callers(moment: Exec) -> Iterator[Obligation]:
    """At exec, each limit is as configured; one that is not, as the caller had it.

    A limit that the runtime has changed for its own needs changes what the payload can do.
    """
    parent = moment.run.parent
    if parent is None or not parent.lives:
        yield undecidable(moment, "the parent, whose limits they were, is gone")
        return
    wanted = {resource: (limit.soft, limit.hard) for resource, limit in parent.job.limits.items()}
    configured = [limit for limit in moment.configuration.rlimits if limit.type in RESOURCES]  # others mean none, as 2**32
    wanted |= {limit.type: (limit.soft, limit.hard) for limit in configured}
    found = moment.previous.limits
    differing = [each for each in sorted({*wanted, *found}) if wanted.get(each) != found.get(each)]
    names = ", ".join(Rlimit(each).name for each in differing)
    yield decide(moment, not differing, f"its limits {names} are neither the configured nor the caller's", limits=names)


@invariant("NNP-01", at=EXEC, severity=LOW, source="PR_SET_NO_NEW_PRIVS(2const)")
def no_new_privileges_is_as_the_caller_had_it(moment: Exec) -> Iterator[Obligation]:
    """At exec, no_new_privs is set where the caller had it, and only there: the configuration cannot ask for it.

    Set without having been asked for, sudo and ping do not work any more; it cannot be taken back.
    """
    parent = moment.run.parent
    if parent is not None:
        found = moment.previous.no_new_privs
        given = parent.no_new_privs
        yield decide(moment, found == given, f"no_new_privs is {found}, and was {given} with the caller")


@invariant("DUMP-01", at=before("setns", "execve"), severity=MEDIUM, source="PR_SET_DUMPABLE(2const); CVE-2016-9962")
def nobody_looks_into_init_from_its_first_join_to_exec(moment: Moment) -> Iterator[Obligation]:
    """From the first namespace that it joins to exec, init is not dumpable.

    Those who are in that namespace could trace it, or open the descriptors of the host that it still has.
    """
    if moment.role not in BEFORE_PAYLOAD or moment.event is None:
        return
    if moment.event.call.name == "execve" and not has_joined(moment):
        return
    dumpable = moment.state.dumpable
    yield decide(moment, dumpable == 0, f"dumpable is {dumpable}: processes that are there may look into it", dumpable=dumpable)


@invariant("DUMP-03", at=EXEC, severity=LOW, source="PR_SET_DUMPABLE(2const); execve(2)")
def the_payload_can_be_looked_into(moment: Exec) -> Iterator[Obligation]:
    """After exec, the payload is dumpable.

    Otherwise its /proc/self belongs to root: it cannot open its own descriptors there, nor be debugged by its own user.
    """
    dumpable = moment.next.dumpable
    explanation = f"dumpable is {dumpable}: the payload's own user may not look into it"
    yield decide(moment, dumpable == 1, explanation, dumpable=dumpable)


@invariant("EXE-01", at=EXEC, severity=HIGH, source="CVE-2019-5736; proc(5), /proc/PID/exe")
def the_runtimes_own_file_cannot_be_written_through_init(moment: Exec) -> Iterator[Obligation]:
    """Until exec, the program that init runs in the container's namespaces lies on a mount that cannot be written.

    /proc/PID/exe leads to it, for every process of the container: opened there, and written once init has become the payload,
    it is what the host's root runs next.
    """
    program = moment.previous.executable
    host, own = moment.run.machine.init, moment.previous.task
    if program is None or (own.namespaces.mnt is host.namespaces.mnt and own.pid_namespace is host.pid_namespace):
        return
    protected = bool((program.mount.flags | program.mount.sb.flags) & MountFlag.RDONLY)
    yield decide(
        moment,
        protected,
        f"its program is {program.dentry.name} of the host: root in the container may open it through "
        f"/proc/{moment.previous.pid}/exe, and later write it",
        program=program.dentry.name,
    )


def _environment(configuration: Configuration) -> dict[str, str]:
    return dict(entry.partition("=")[::2] for entry in configuration.environment)
