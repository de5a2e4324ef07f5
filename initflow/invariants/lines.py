"""The whole catalogue, a line each: what a correct init satisfies, and where a line is not checked, what it waits for.

A line without a reason is checked, or has only to be written: what it speaks of is there. Which are checked is not said
here: `INVARIANTS` says it. An invariant whose id is in no line is an addition of ours.
"""

from dataclasses import dataclass
from enum import Enum

USER_NAMESPACES = "user namespaces"
CGROUP_NAMESPACES = "cgroup namespaces"
TIME_NAMESPACES = "time namespaces"
SECCOMP = "seccomp"
KEYRINGS = "keyrings"
OCI = "OCI configurations"
HOOKS = "hooks"
CREATE_AND_START = "create and start as commands of their own"
OTHER_RUNTIMES = "traces of other runtimes"

FEATURES = (
    USER_NAMESPACES, CGROUP_NAMESPACES, TIME_NAMESPACES, SECCOMP, KEYRINGS, OCI, HOOKS, CREATE_AND_START,
    OTHER_RUNTIMES,
)  # fmt: skip
"""The fixed vocabulary of what a line waits for."""


class Status(Enum):
    """How far we are with a line."""

    CHECKED = "checked"
    TO_BE_WRITTEN = "to be written"  # all that it needs is there
    WAITS = "waits"  # for a feature
    NOT_DECIDABLE = "not decidable"  # from a run, ever


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a statement, and at most one of: the feature that it waits for, why no run decides it."""

    id: str
    statement: str
    waits: str = ""
    undecidable: str = ""

    def __post_init__(self) -> None:
        if self.waits and (self.undecidable or self.waits not in FEATURES):
            raise ValueError(f"{self.id}: waits for {self.waits!r}")

    @property
    def status(self) -> Status:
        """How far we are with it. Imports the invariants."""
        from initflow.invariants.catalogue import INVARIANTS

        if self.id in INVARIANTS:
            return Status.CHECKED
        if self.waits:
            return Status.WAITS
        return Status.NOT_DECIDABLE if self.undecidable else Status.TO_BE_WRITTEN


GROUPS = {
    "NS": "Namespaces",
    "SES": "Session",
    "TTY": "Terminal",
    "FD": "Descriptors",
    "EXE": "The runtime's own file",
    "CAP": "Capabilities",
    "ID": "Users and groups",
    "NNP": "No new privileges",
    "SEC": "Seccomp",
    "LSM": "Security modules",
    "KEY": "Keyrings",
    "RL": "Resource limits",
    "OOM": "Out-of-memory score",
    "UMASK": "Umask",
    "SCHED": "Scheduling",
    "PERS": "Personality",
    "ENV": "Environment",
    "SIG": "Signals",
    "PD": "Parent death signal",
    "DUMP": "Dumpable",
    "NET": "Network",
    "SYNC": "Parent and init",
    "MNT": "Mounts and root",
    "MASK": "Masked and read-only paths",
    "SYSCTL": "Kernel parameters",
    "CWD": "Working directory",
    "HOOK": "Hooks",
}
"""What the letters of an id stand for, in the order of the catalogue."""

LINES = (
    # -- namespaces --
    Line("NS-01", "the payload is in a new namespace, the named one or the caller's, of each type as configured"),
    Line("NS-02", "every namespace file is open before the first is joined"),
    Line("NS-03", "each join has the capability that it needs, or is made again once it has; none is skipped"),
    Line("NS-04", "the mount namespace is joined last, or no path is looked up after it"),
    Line("NS-05", "each join says which type it expects"),
    Line("NS-06", "the user namespace is made by itself, before any other", USER_NAMESPACES),
    Line("NS-07", "each new namespace belongs to the container's user namespace", USER_NAMESPACES),
    Line("NS-08", "capabilities dropped before a user namespace was entered are dropped again in it", USER_NAMESPACES),
    Line("NS-09", "nothing depends on ids between the making of a user namespace and its maps", USER_NAMESPACES),
    Line("NS-10", "the payload is process 1 of its new pid namespace"),
    Line("NS-11", "the container's proc shows the container's own pid namespace"),
    Line("NS-12", "the cgroup namespace is made after the cgroup was joined", CGROUP_NAMESPACES),
    Line("NS-13", "clock offsets are written after the time namespace is made and before anyone enters it", TIME_NAMESPACES),
    Line("NS-14", "a time namespace has offsets or a path to join, not both", TIME_NAMESPACES),
    Line("NS-15", "mount and user namespaces are joined by a process of one thread", OTHER_RUNTIMES),
    Line("NS-16", "a type that is listed twice is refused before anything happens"),
    Line("NS-17", "what acts on a namespace is refused where the container has none of its own"),
    Line("NS-18", "in namespaces of others, init cannot be traced until it has given up its privileges"),
    Line("NS-19", "a user namespace made with privilege does not belong to the user who is locked in", USER_NAMESPACES),
    # -- session and terminal --
    Line("SES-01", "the payload leads a session of its own"),
    Line("SES-02", "the controlling terminal is the container's where one was asked for; else there is none"),
    Line("TTY-01", "the controlling terminal is taken by a session leader who has none"),
    Line("TTY-02", "no terminal is opened in a way that could make it the controlling one by accident"),
    Line("TTY-03", "the terminal's other end is had from its master, not by a name that the container may have replaced"),
    Line("TTY-04", "the terminal is one of the container's own devpts, and made before it becomes the standard streams"),
    Line("TTY-05", "what is put at /dev/console is the container's terminal, and is put there while the root can be written"),
    Line("TTY-06", "the master goes to who asked for it, once, and is closed in init", CREATE_AND_START),
    Line("TTY-07", "the standard streams are open, and are the terminal or what the caller passed"),
    Line("TTY-08", "no terminal of the host is reached but by the standard streams"),
    # -- descriptors --
    Line("FD-01", "the payload has the standard streams and what was to be passed on, and no other descriptor"),
    Line("FD-02", "just before exec no descriptor leads out of the container, close-on-exec or not"),
    Line("FD-03", "no descriptor leads out of the container when its working directory is entered"),
    Line("FD-04", "descriptors are close-on-exec from the moment they are made"),
    Line("FD-05", "descriptors are marked after the last is opened, and before anything else is executed", HOOKS),
    Line(
        "FD-06", "a runtime with threads or a garbage collector marks descriptors and does not close them",
        undecidable="what a garbage collector still holds shows in no call",
    ),
    Line("FD-07", "the filter lets descriptors be closed, or they are closed before it", SECCOMP),
    Line("FD-08", "no directory of the host is handed to init, and the start signal's FIFO only as a path descriptor"),
    Line("FD-09", "descriptors that are passed on are there, are numbered as they should be, and are not the runtime's", OCI),
    Line("FD-10", "a descriptor that comes in a message is close-on-exec when it arrives", OTHER_RUNTIMES),
    Line("FD-11", "init's end of the connection to its parent closes with exec, and nobody holds another"),
    Line("FD-12", "what is reopened through /proc/self/fd goes through a proc that is known to be one"),
    Line("FD-13", "the payload's file is looked up in the container, with the rights that it will be executed with"),
    Line("FD-14", "the payload's path does not lead through a descriptor, root or executable of the runtime"),
    Line("EXE-01", "the runtime's own file cannot be written by way of a process that is in the container"),
    # -- capabilities --
    Line("CAP-01", "the payload starts with the sets that were configured"),
    Line("CAP-02", "every capability that is not configured leaves the bounding set, or an error says why not"),
    Line("CAP-03", "CAP_SETPCAP goes only after the bounding set is reduced"),
    Line("CAP-04", "keepcaps is on at the change of user where capabilities are still needed"),
    Line("CAP-05", "keepcaps is off before anything that is not the runtime's runs"),
    Line("CAP-06", "ambient capabilities are raised after the last change of user", OCI),
    Line("CAP-07", "a user other than root has nothing by exec alone that was not asked for"),
    Line("CAP-08", "nothing is inheritable but what was configured"),
    Line("CAP-09", "the sets change in one call, or the inheritable one before the permitted one"),
    Line("CAP-10", "root has no more after exec than the configuration lists"),
    Line("CAP-11", "no call comes after the capability that it needs has gone"),
    Line(
        "CAP-12", "what a configuration without any list means is written down, and the same everywhere",
        undecidable="it is about what is written down, and compares commands",
    ),
    Line("CAP-13", "a capability that is unknown or cannot be had is a warning, not a failure"),
    Line("CAP-14", "the securebits are the caller's"),
    Line("CAP-15", "hooks have init's capabilities in the container before its start, and the payload's at it", HOOKS),
    Line("CAP-16", "the last capability is asked of the kernel, before /proc is the container's", OTHER_RUNTIMES),
    Line("CAP-17", "paths are not masked from a payload that may unmount"),
    # -- users and groups --
    Line("ID-01", "all four user ids and all four group ids are the configured ones"),
    Line("ID-02", "the supplementary groups are those configured, and no others"),
    Line("ID-03", "groups are not set where the user namespace denies it, and what happens then is decided", USER_NAMESPACES),
    Line("ID-04", "groups change before the group, and that before the user"),
    Line("ID-05", "the ids to change to are mapped, and the message says so where they are not"),
    Line("ID-06", "a user that is a number is that number, and all of the text is read"),
    Line("ID-07", "the user files are read in the container, as far as is reasonable, and through no link out of it"),
    Line("ID-08", "who lacks the right over the parent's groups denies setgroups before the group map", USER_NAMESPACES),
    Line("ID-09", "the maps are written once, whole, before the first privileged step in the namespace", USER_NAMESPACES),
    Line("ID-10", "between maps and mounts nobody becomes anything but the container's root", USER_NAMESPACES),
    Line("ID-11", "the standard streams belong to the payload's user, as far as they may"),
    Line("ID-12", "ids change in all threads of the runtime, or it has only one", OTHER_RUNTIMES),
    Line("ID-13", "HOME is the user's where the configuration has none; PATH is left alone"),
    # -- no new privileges, seccomp --
    Line("NNP-01", "the bit is set where it was asked for, or inherited"),
    Line("NNP-02", "a failure to set it is an error", OCI),
    Line("NNP-03", "it is set after the last helper that must gain privileges", OCI),
    Line("NNP-04", "its place before or after the security label is one at which the label still can be set"),
    Line("SEC-01", "a filter is set with CAP_SYS_ADMIN or without new privileges", SECCOMP),
    Line("SEC-02", "without the bit, the filter comes before CAP_SYS_ADMIN goes", SECCOMP),
    Line("SEC-03", "with the bit, only few calls stand between filter and exec, and they are known", SECCOMP),
    Line("SEC-04", "a call of init that the filter refuses is an error that the parent hears of", SECCOMP),
    Line("SEC-05", "the filter comes after all that it might refuse and that need not come later", SECCOMP),
    Line("SEC-06", "the supervisor of a filter has its descriptor before init makes a call that waits for it", SECCOMP),
    Line("SEC-07", "that descriptor is closed in init before exec", SECCOMP),
    Line("SEC-08", "init adds one filter, with the flags that were configured", SECCOMP),
    Line(
        "SEC-09", "the filter is made out of the container's reach",
        undecidable="which process computed a filter shows in no call",
    ),
    # -- security modules, keyrings --
    Line("LSM-01", "the payload runs with the label that was configured"),
    Line("LSM-02", "the label is asked for through a proc that is known to be one"),
    Line("LSM-03", "the thread that asks for the label is the one that executes"),
    Line("LSM-04", "nothing else is executed between asking for the label and exec"),
    Line("LSM-05", "the label is asked for while init still may"),
    Line("LSM-06", "which modules the host has is found out before its files are out of sight"),
    Line("LSM-07", "what is mounted for the container has its label"),
    Line("LSM-08", "nothing is mounted over /proc, or over what is not known to be harmless in it"),
    Line("KEY-01", "the payload has a session keyring of its own", KEYRINGS),
    Line("KEY-02", "the keyring is made with the label for keys, which is taken back afterwards", KEYRINGS),
    Line("KEY-03", "the container's user may search the keyring", KEYRINGS),
    Line("KEY-04", "what happens where no keyring can be had is decided", KEYRINGS),
    # -- limits and other attributes of a process --
    Line("RL-01", "limits are raised by one who may: with CAP_SYS_RESOURCE over the initial user namespace"),
    Line("RL-02", "the limits are those configured; others are the caller's, not the runtime's"),
    Line("RL-03", "the limits cannot break the runtime's own work"),
    Line("RL-04", "a limit that is listed twice is refused"),
    Line("RL-05", "a limit on processes does not keep init itself from becoming the payload"),
    Line("OOM-01", "the score is written by one who may, and left alone where nothing was configured", OCI),
    Line("OOM-02", "the parent's own score stays what it was", OCI),
    Line("UMASK-01", "the umask is the configured one, or a known default"),
    Line("UMASK-02", "devices and mount points get their exact modes, whatever the umask"),
    Line("SCHED-01", "the processors are chosen after the cgroup has been joined", OCI),
    Line("SCHED-02", "priorities are set while CAP_SYS_NICE is there", OCI),
    Line("PERS-01", "the personality is set before the filter", SECCOMP),
    Line("ENV-01", "the payload's environment is the configured one, and nothing of the runtime's"),
    Line("ENV-02", "the configured environment counts only once init is in the container, where names depend on it"),
    Line("SIG-01", "the payload starts with no signal blocked or ignored, whatever its caller blocked or ignored"),
    # -- parent --
    Line("PD-01", "the parent death signal outlives the change of user"),
    Line("PD-02", "after each time the signal is set, init looks whether its parent is still the same"),
    Line("PD-03", "it looks even where the signal had not changed"),
    Line("PD-04", "a parent that cannot be seen is no proof of a parent that lives"),
    Line("PD-05", "the thread that the signal is bound to lives as long as the parent", OTHER_RUNTIMES),
    Line("DUMP-01", "init cannot be traced from its first join of a namespace to exec"),
    Line("DUMP-02", "it can while its maps are written, and only by those who may be trusted", USER_NAMESPACES),
    Line("DUMP-03", "the payload can be traced by its own user, as any program"),
    Line("SYNC-01", "init makes no process before it is in its cgroup"),
    Line("SYNC-02", "each request has one answer, and their order is fixed"),
    Line("SYNC-03", "the parent hears of every failure of init before it says that the container runs"),
    Line("SYNC-04", "init reads all that its parent sends before it reports an error"),
    Line("SYNC-05", "the state is on disk before init may go on"),
    Line("SYNC-06", "what the filter could block of the talk with the parent is over before the filter", SECCOMP),
    Line("SYNC-07", "the payload does not run before it is started", CREATE_AND_START),
    Line("SYNC-08", "starting a container whose init is dead is an error, and does not hang", CREATE_AND_START),
    Line(
        "SYNC-09", "what init says is not believed once it is in the container",
        undecidable="how a program looks at what it has read shows in no call",
    ),
    # -- mounts and root --
    Line("MNT-01", "nothing is mounted while mounts still reach the host"),
    Line("MNT-02", "the mount above the new root is not shared when the root is switched"),
    Line("MNT-03", "the new root is a mount of its own"),
    Line("MNT-04", "switch, private old root, detach, chdir: in this order, with nothing between"),
    Line("MNT-05", "no mount of the host is left but what was configured"),
    Line("MNT-06", "propagation is cut before the old root is unmounted"),
    Line("MNT-07", "the root's own propagation, where configured, is set on the right root at the right time", OCI),
    Line("MNT-08", "without pivot_root no other full proc or sysfs stays in sight"),
    Line("MNT-09", "after chroot the working directory is inside the root"),
    Line("MNT-10", "each mount point is found within the root, by descriptor, when its turn comes"),
    Line("MNT-11", "what is bound is found in the host's tree, before the switch"),
    Line("MNT-12", "/proc and /sys are mounted over directories, not over links"),
    Line("MNT-13", "what is to be read-only becomes so after it is filled"),
    Line("MNT-14", "a read-only bind takes a second call, which keeps the flags that are locked"),
    Line("MNT-15", "a read-only root is read-only, and no step has to write to it afterwards"),
    Line("MNT-16", "the map of an idmapped mount is set before it is attached", OCI),
    Line("MNT-17", "the host's cgroups cannot be written through /sys/fs/cgroup", OCI),
    Line("MNT-18", "directories for mount points are made within the root"),
    Line("MNT-19", "the container's devices are there, with their modes, owners and numbers"),
    Line("MNT-20", "links in /dev are made in the container's /dev, whatever stood there"),
    Line("MNT-21", "nothing is mounted in the host's mount namespace"),
    Line("MNT-22", "a standard stream that is the host's /dev/null becomes the container's, and nothing else does"),
    # -- masked and read-only paths, parameters --
    Line("MASK-01", "what is to be hidden is covered by the null device or by an empty directory"),
    Line("MASK-02", "what covers a file is known to be the null device"),
    Line("MASK-03", "paths to cover are absolute, in the final root"),
    Line("MASK-04", "a path is left uncovered only where it does not exist"),
    Line("MASK-05", "covers come after the mounts that they cover, and nothing is mounted over them"),
    Line("MASK-06", "the payload cannot take the covers away"),
    Line("MASK-07", "what is to be read-only is, and keeps its other flags, below it too where that was asked"),
    Line(
        "MASK-08", "by default all of proc and sys that shows or changes the host is covered",
        undecidable="which paths are listed is the engine's choice, made before there is a run",
    ),
    Line("SYSCTL-01", "each parameter belongs to a namespace that is the container's own", OCI),
    Line("SYSCTL-02", "parameters are written to a proc of the right namespace, before it is read-only", OCI),
    Line("SYSCTL-03", "a parameter's name leads nowhere but to that parameter", OCI),
    # -- working directory --
    Line("CWD-01", "the working directory is inside the root"),
    Line("CWD-02", "it is entered with whichever rights allow it, root's or the user's"),
    Line("CWD-03", "one that does not exist is made inside the root, or refused"),
    Line("CWD-04", "where init looks whether it is inside, it asks the kernel"),
    # -- hooks --
    Line("HOOK-01", "hooks run in the order that the specification gives", HOOKS),
    Line("HOOK-02", "those before the creation run in the host's namespaces, when the container's are there", HOOKS),
    Line("HOOK-03", "those at the creation run in the container's namespaces, with files of the host", HOOKS),
    Line("HOOK-04", "those at the start run in the container, just before exec", HOOKS),
    Line("HOOK-05", "one that fails stops the container", HOOKS),
    Line("HOOK-06", "the limits of the cgroup hold before the first one runs", HOOKS),
    Line("HOOK-07", "each is told the state as it sees it", HOOKS),
    Line("HOOK-08", "each has the environment that was configured for it", HOOKS),
    Line("HOOK-09", "none inherits a descriptor of the runtime", HOOKS),
    Line("HOOK-10", "what those at the start may still do is written down", HOOKS),
)  # fmt: skip
"""In the order of the catalogue."""
