"""What a reader of the findings is told beside each: what breaks, in a line, and what later runtimes made of it."""

from typing import NamedTuple


class Remark(NamedTuple):
    """`breaks` is a title. `later`: what runc, crun, youki, bubblewrap or the engines do; "" where there is nothing to tell.

    `cause` is the invariant whose violation brings this one along, as a rule.
    """

    breaks: str
    later: str = ""
    cause: str = ""


REMARKS: dict[str, Remark] = {
    # -- namespaces --
    "NS-01": Remark("The payload is in another namespace than the configuration says",
                    "runc and crun refuse a type that they do not know.", "NS-05"),
    "NS-02": Remark("A namespace is joined before the path of the next one is opened",
                    "runc and crun open all paths before the first setns; youki does not."),
    "NS-03": Remark("A namespace is joined without the right to",
                    "runc and crun try again from inside the user namespace."),
    "NS-04": Remark("The mount namespace is joined before the others",
                    "youki joins it last; runc and crun have all paths open by then.", "NS-02"),
    "NS-05": Remark("A namespace is joined without saying of which type it has to be",
                    "runc and crun always pass the type; a file of another type is then refused."),
    "NS-11": Remark("The payload sees the /proc of the host",
                    "Nobody keeps a configuration from binding it. runc refuses mounts over the container's own /proc."),
    "NS-16": Remark("A namespace type that is listed twice is accepted",
                    "The OCI specification demands an error; runc and crun give it before anything is done."),
    "NS-17": Remark("What cannot work without its namespace is refused only when half is done",
                    "runc, crun and youki validate the configuration before the first process is made."),
    "NS-18": Remark("Init can be traced while it has privileges in namespaces of others",
                    "runc, crun and youki are not dumpable until they have given their privileges up.", "DUMP-01"),
    "NS-21": Remark("Who enters a container is not in its user namespace",
                    "runc, crun and youki join the user namespace first, and all the others with its rights."),
    # -- terminal --
    "SES-01": Remark("Who enters a container is in a session that is led from outside",
                     "runc and crun call setsid in the process that becomes the payload, after the last fork."),
    "TTY-02": Remark("The terminal is opened without O_NOCTTY",
                     "runc and crun open it with O_NOCTTY and O_CLOEXEC."),
    "TTY-05": Remark("/dev/console covers a file that a link led to",
                     "runc checks what it is about to cover by descriptor, since CVE-2025-52565."),
    "TTY-07": Remark("The payload's standard streams are not what the caller gave",
                     "Go's runtime has since begun to open closed ones on /dev/null when a program starts, which is what "
                     "protects runc."),
    "TTY-08": Remark("The payload holds a second descriptor of the terminal",
                     cause="FD-12"),
    # -- descriptors, programs --
    "FD-01": Remark("Descriptors of the runtime survive exec",
                    "runc and crun use close_range, and read /proc only after they have made sure that it is proc.", "FD-12"),
    "FD-02": Remark("A descriptor of the host is open while the payload is looked up",
                    "Since CVE-2024-21626 runc and crun close everything for real before exec; youki relies on close-on-exec."),
    "FD-03": Remark("A descriptor of the host is open while the working directory is entered",
                    "Since CVE-2024-21626 runc closes its own, and checks where it has got to."),
    "FD-04": Remark("Descriptors are not close-on-exec when they are made",
                    "runc and crun pass O_CLOEXEC, SOCK_CLOEXEC and MSG_CMSG_CLOEXEC at every place."),
    "FD-11": Remark("The payload holds the connection to the runtime",
                    "All close it before exec, or mark it; runc wants a message before it takes the end of the stream for "
                    "success."),
    "FD-12": Remark("A directory of the image is taken for /proc",
                    "runc, crun and youki check that it is procfs, and open what they need there below that descriptor."),
    "FD-14": Remark("The payload runs a program of the host",
                    "With FD-02 and EXE-01 mended there is nothing of the host left to run."),
    "EXE-01": Remark("The runtime's program lies open to the container until exec",
                     "Since CVE-2019-5736 runc and crun run a sealed copy, or one on a read-only mount; youki likewise."),
    # -- capabilities --
    "CAP-02": Remark("Capabilities that are newer than the runtime stay in the bounding set",
                     "All drop up to the number in /proc/sys/kernel/cap_last_cap. The original's list ends with BLOCK_SUSPEND "
                     "(36)."),
    "CAP-03": Remark("CAP_SETPCAP is given up before the bounding set is reduced",
                     "All reduce the bounding set first, and completely.", "CAP-02"),
    "CAP-07": Remark("A user other than root has capabilities after exec",
                     "Not the runtime's to prevent; engines offer no_new_privs for it, with which set-id bits and file "
                     "capabilities count for nothing."),
    "CAP-08": Remark("The inheritable set is filled",
                     "Since CVE-2022-24769 the engines' default is an empty one; runtimes set what the configuration says."),
    "CAP-10": Remark("Root gets capabilities by exec that the configuration does not list",
                     cause="CAP-02"),
    "CAP-13": Remark("A capability that the caller does not have stops the start",
                     "The OCI specification demands a warning; runc gives it, crun and youki refuse some."),
    "CAP-14": Remark("The caller's securebits reach the payload",
                     "No runtime that we know of looks at them."),
    # -- users --
    "ID-01": Remark("The payload's ids are those that somebody else's files give the user",
                    "Engines resolve the user in the image; runtimes get numbers."),
    "ID-02": Remark("The payload's groups are those of the host's files",
                    "Engines resolve the groups in the image; runtimes get numbers."),
    "ID-04": Remark("Groups are to be changed when that is not possible any more",
                    "runc and crun need CAP_SETGID for it as well; they fail before the payload is there, too."),
    "ID-05": Remark("An id that has no meaning in the user namespace is found out at the last",
                    "runc says that the id is not mapped, where the original passes on an invalid argument."),
    "ID-06": Remark("A numeric user is looked up as a name",
                    "Since CVE-2016-3697 a number stays a number in runc; in crun since CVE-2026-30892."),
    "ID-07": Remark("/etc/passwd and /etc/group are read, whatever they are",
                    "Engines resolve the user themselves, and runtimes get numbers; runc reads /etc/passwd for HOME alone."),
    "ID-13": Remark("HOME is empty",
                    "runc, crun and youki look it up where it is unset or empty; runc falls back to /."),
    # -- attributes --
    "RL-02": Remark("Another limit is set than the one that was asked for",
                    "The OCI specification names limits, and runtimes refuse names that they do not know."),
    "UMASK-01": Remark("The payload has the umask of whoever started the runtime",
                       "The OCI specification has a key for it; without it runc and crun set 022 in every case, and youki "
                       "leaves it."),
    "SIG-01": Remark("Signals stay blocked or ignored",
                     "crun and bubblewrap unblock and reset them; Go's runtime does some of that for runc."),
    "PD-01": Remark("The parent death signal is lost by exec",
                    "runc restores it after the change of user; crun and youki set none that would have to be.", "CAP-02"),
    "PD-04": Remark("Whether the parent lives is asked where the answer cannot tell",
                    "None is complete. runc compares with the pid recorded at the start; a pipe that closes with the parent "
                    "can tell."),
    "PD-06": Remark("Who enters a container does not die with who sent it",
                    "runc asks for the signal only where its own caller wants it (ParentDeathSignal)."),
    "DUMP-03": Remark("The payload is not dumpable",
                      "Where exec gains nothing, and the program can be read, the payload is dumpable.", "CAP-02"),
    "DUMP-01": Remark("Init can be looked into while it is among others",
                      "Since CVE-2016-9962 runc, crun and youki are not dumpable from the first join on."),
    # -- labels --
    "LSM-01": Remark("The payload does not have the label that was configured", cause="LSM-02"),
    "LSM-02": Remark("The label is asked for in a file that is none of the kernel's",
                     "runc, crun and youki write it below a procfs that they have made sure of (CVE-2019-16884, "
                     "CVE-2025-52881)."),
    "LSM-07": Remark("/dev/mqueue does not get the mount label",
                     "runc, crun and youki label it when they mount it."),
    "LSM-08": Remark("Something else than proc lies over the container's /proc",
                     "runc refuses mounts over /proc but for a few files that only tell (CVE-2015-3631, CVE-2019-16884)."),
    # -- networks, synchronisation --
    "NET-01": Remark("A pair of devices stays on the host when the start fails",
                     "Runtimes have left networks to the engine, which knows when to clean up."),
    "NET-03": Remark("The network of the host is changed",
                     "The OCI specification demands an error for a namespace type that is listed twice.", "NS-16"),
    "SYNC-03": Remark("A start that failed is reported as a success, or not at all",
                      "runc, crun and youki take nothing but an explicit \"ready\" for success."),
    "SYNC-04": Remark("What init reports is lost, since the parent is still sending",
                      "runc's two sides speak in turns; what is not expected ends the start with an error."),
    "SYNC-10": Remark("A start never ends"),
    # -- mounts, devices --
    "MNT-05": Remark("Mounts of the host stay in the container's namespace",
                     "Without pivot_root runc detaches or covers every procfs and sysfs outside the root first; crun and youki "
                     "two of them."),
    "MNT-09": Remark("The payload's root is the host's",
                     "Without a mount namespace runc changes the root with chroot."),
    "MNT-10": Remark("A mount lands outside the container's root file system",
                     "runc, crun and youki resolve each target inside the root (openat2, RESOLVE_IN_ROOT) and mount on the "
                     "descriptor."),
    "MNT-12": Remark("What the payload finds at /proc or /sys is not the kernel's",
                     "runc and youki refuse a /proc or /sys that is a link, and mounts on top of it."),
    "MNT-18": Remark("Files of the host are made, emptied or given away",
                     "runc, crun and youki walk by descriptors that cannot leave the root (CVE-2024-45310)."),
    "MNT-19": Remark("A device that the configuration lists is something else",
                     "runc, crun and youki check the type and the numbers of what they have bound."),
    "MNT-20": Remark("/dev/stdin and the others lead where a volume wants",
                     "An existing link has to be the expected one, since CVE-2026-41579."),
    "MNT-22": Remark("A standard stream is replaced by another file",
                     "runc, crun and youki open /dev/null again only for what is a character device 1:3, and after the switch "
                     "of the root."),
    # -- masks --
    "MASK-01": Remark("/proc/kcore is not covered", cause="MASK-04"),
    "MASK-02": Remark("What covers /proc/kcore is a file of somebody else",
                      "runc and youki check by descriptor that it is the null device, since CVE-2025-31133."),
    "MASK-04": Remark("A missing /dev/null is taken for a missing /proc/kcore",
                      "runc ignores only that the target is missing; crun also EACCES; youki every failure to find it."),
    "MASK-07": Remark("With a user namespace /proc/sys and the others can be written",
                      "runc, crun and youki name the files by their full paths below the new root."),
    # -- working directory --
    "CWD-01": Remark("The working directory is outside the root",
                     "Since CVE-2024-21626 runc, crun and youki ask getcwd after the change."),
    "CWD-02": Remark("The working directory is entered with the payload's rights alone",
                     "runc and crun try with both; youki does so after EPERM alone."),
}  # fmt: skip
"""By the id of the invariant: each that the original flow breaks in one of our situations."""
