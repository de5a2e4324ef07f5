"""Situations: an image, a caller and a variant of the configuration that show something together, and what one sees then.

Here are those in which the original flow does what a reader should know of, or could be expected to and does not. The
configuration that the variants change is that of examples/minimal.json, or another one that is as plain.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from initflow import callers, images


@dataclass(frozen=True)
class Situation:
    """`seen` says what an attacker, or a user, sees of it; empty where the image, the caller or the variant says all.

    `lsm` is the security module of the host, "apparmor" or "selinux"; "" for none. `enters`: the payload is brought into a
    container that runs already.
    """

    image: str = images.DEFAULT_NAME
    caller: str = callers.DEFAULT_NAME
    variants: tuple[str, ...] = ()
    seen: str = ""
    lsm: str = ""
    enters: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """The options with which `initflow verify` shows it."""
        return tuple(self._options())

    def _options(self) -> Iterator[str]:
        for variant in self.variants:
            yield from ("--variant", variant)
        if self.image != images.DEFAULT_NAME:
            yield from ("--image", self.image)
        if self.caller != callers.DEFAULT_NAME:
            yield from ("--caller", self.caller)
        if self.lsm:
            yield from ("--lsm", self.lsm)
        if self.enters:
            yield "--exec-in"


def _variant(variants: str, seen: str = "", lsm: str = "") -> Situation:
    return Situation(variants=tuple(variants.split()), seen=seen, lsm=lsm)


def _image(
    name: str, variants: str, seen: str = "", caller: str = callers.DEFAULT_NAME, lsm: str = ""
) -> Situation:
    return Situation(name, caller, tuple(variants.split()), seen, lsm)


def _caller(name: str, variants: str, seen: str = "") -> Situation:
    return Situation(images.DEFAULT_NAME, name, tuple(variants.split()), seen)


SITUATIONS: tuple[Situation, ...] = (
    Situation(),
    #
    # -- the configuration alone --
    _variant("no-tty"),
    _variant("user-root", "The payload is not dumpable, outlives its runtime, and has capabilities that were not listed."),
    _variant("user-1"),
    _variant("user-1000"),
    _variant("user-unknown", "A mistyped user is found out after all the mounts have been made."),
    _variant("user-default", "The payload runs as root, if root has started the runtime."),
    _variant("user-unmapped", "The id has no meaning in there: that is found out when all the mounts have been made."),
    _variant("limit-unknown", "The limit of processor time is set, which nobody has asked for."),
    _variant("no-cgroups"),
    _variant("no-home"),
    _variant("no-capabilities"),
    _variant("cwd-closed no-capabilities",
             "The directory could be entered by root, who init has just ceased to be: the container does not start."),
    _variant("host-pids"),
    _variant("host-name", "Refused, as it should be, but by init, when the terminal and the network are there already."),
    _variant("host-mounts", "The payload has the files of the host before it, and the host's /proc."),
    _variant("namespace-twice", "One of the two entries counts, and nobody is told which."),
    _variant("namespace-unknown",
             "The kernel is not told which type is meant, and joins whatever the file is: the payload is "
             "in the ipc namespace of the host, though a new one is listed."),
    _variant("joins-mounts", "The next path leads through files that may be somebody else's by then."),
    _variant("joins-host-network", "One entry counts for the clone and the other one for the join: the loopback of the host is "
             "brought up."),
    _variant("joins-two",
             "The second path is opened when the first namespace has been joined: had that been a mount "
             "namespace, the path would be its owner's."),
    _variant("veth"),
    _variant("veth-unset", "The start is refused, and the host keeps a pair of devices for every try."),
    _variant("network-null",
             "The parent crashes, which is Go's nil dereference, while init waits for it: nobody is told "
             "anything, and the container's control groups stay behind."),
    _variant("no-mount-config",
             "Init crashes, which is Go's nil dereference; the parent sees the pipe close, and takes it for "
             "success: the container \"runs\", and its exit status is 2."),
    _variant("no-mounts"),
    _variant("tmpfs-on-tmp"),
    _variant("tmpfs-for-pivot"),
    _variant("host-on-run", "The host's /proc comes along: /run/proc/1/root, and the environments of everybody."),
    _variant("tmpfs-on-sys", "The container has no sysfs: what reads there is told what somebody put there."),
    _variant("no-pivot",
             "The mounts of the host stay in the container's namespace, beyond its root: with CAP_SYS_CHROOT or "
             "CAP_SYS_ADMIN the payload gets there."),
    _variant("apparmor-profile", "The payload is confined; the change of its label costs it the parent death signal.",
             "apparmor"),
    _variant("selinux-label", "The payload is confined; the change of its label costs it the parent death signal.", "selinux"),
    #
    # -- /proc, /sys, /dev of the image --
    _image("proc-to-fake", "",
           "The image writes its own /proc: descriptors that it does not list stay open, so that the payload has the terminal, "
           "and the parent's socket, into which it can write what the parent takes for init's messages. No proc is "
           "restricted."),
    _image("proc-to-fake", "no-tty", "As with a terminal: the payload holds the parent's socket."),
    _image("proc-to-fake", "apparmor-profile", "Refused only since the image has no such file; and then somebody made one.",
           lsm="apparmor"),
    _image("proc-to-fake", "selinux-label", "Refused only since the image has no such file; and then somebody made one.",
           lsm="selinux"),
    _image("proc-swallows", "apparmor-profile",
           "The request for the profile ends in a file of the image: the payload is unconfined, and all seems well "
           "(CVE-2019-16884).", lsm="apparmor"),
    _image("proc-swallows", "selinux-label", "The same with a label.", lsm="selinux"),
    _image("proc-within", "",
           "Nothing to see today; who can write to var/proc from a second container swaps it between two steps "
           "(CVE-2019-19921)."),
    _image("proc-climbs", "",
           "proc lands on the host's /mnt, in the container's namespace only. The container has none, and is refused for "
           "that."),
    _image("proc-loops", "", "A user sees that the image is broken."),
    _image("proc-dangles", "", "Nothing is made on the host: mkdir does not follow a link at the end of a path."),
    _image("proc-missing", "", "The directory is made."),
    _image("proc-file", "", "A user sees that the image is broken."),
    _image("sys-absolute", "", "The container has no /sys: what it reads there, it has put there itself."),
    _image("sys-to-dev", "",
           "sysfs hides the host's /dev/pts from the runtime: no container with a terminal starts from this image."),
    _image("sys-to-dev", "no-tty", "The container has no /sys: what it reads there, it has put there itself."),
    _image("dev-absolute", "", "A tmpfs hides the host's /dev/pts from the runtime."),
    _image("dev-absolute", "no-tty", "The loop ends it: a loop is not taken for a missing /proc/kcore."),
    _image("dev-within", ""),
    _image("dev-furnished", "", "The tmpfs on /dev covers all of it: nothing of the image's /dev is ever looked at."),
    #
    # -- a volume on /dev or /run --
    _image("volume-null-file", "volume-on-dev",
           "/proc/kcore is covered by a file of the volume that its owner writes to; what the payload throws away is kept "
           "there. And what init makes in /dev, it makes in the volume, though nobody asked it to."),
    _image("volume-null-file", "volume-on-dev no-tty",
           "The caller's streams, which have no device number, are taken for that file: the payload's output goes to a "
           "read-only descriptor of it."),
    _image("volume-null-link", "volume-on-dev null-of-1000",
           "The runtime's program gets a new owner, who may write it. /proc/kcore stays readable, since a missing /dev/null is "
           "taken for a missing /proc/kcore."),
    _image("volume-null-link", "volume-on-dev no-tty",
           "The payload gets the runtime's program as its standard output: a descriptor of the host (CVE-2015-3627)."),
    _image("volume-console-link", "volume-on-dev",
           "The host's /etc/hostname is emptied, for good, and covered by the terminal (CVE-2025-52565)."),
    _image("volume-streams", "volume-on-dev",
           "/dev/stdin and the others lead where the volume's owner wants: a program that writes to /dev/stdout writes there."),
    _image("volume-proc", "volume-on-run",
           "As proc-to-fake, by a mount of the configuration (CVE-2023-27561): /run is resolved inside the image, and is "
           "/proc."),
    _image("volume-swallows", "volume-on-proc apparmor-profile",
           "The same by a mount on /proc itself, which nobody refuses (CVE-2015-3631): the payload is unconfined.",
           lsm="apparmor"),
    _image("volume-swallows", "volume-on-proc selinux-label", "The same with a label.", lsm="selinux"),
    _image("volume-swallows", "volume-on-proc", "The container has a /proc that somebody else has made up."),
    #
    # -- mount points and devices of the configuration --
    _image("run-absolute", "", "The tmpfs covers /etc: no user is found. Refused by luck: a number needs no file."),
    _image("run-absolute", "user-1", "The payload finds an empty /etc."),
    _image("run-climbs", "", "The climb ends at the image's root, as it should: the host's /etc is what it was."),
    _image("run-to-proc", "",
           "proc is covered by an empty tmpfs: refused since the descriptors cannot be listed, and not since anybody looked."),
    _image("run-to-root", "", "The image is gone under a tmpfs that allows no devices."),
    _image("run-loops", "", "A user sees that the image is broken."),
    _image("run-dangles", "", "The directory is made in the image."),
    _image("run-file", "", "A user sees that the image is broken."),
    _image("tmp-absolute", "tmpfs-on-tmp", "The tmpfs is on the image's /root."),
    _image("opt-to-host", "device-in-opt", "A device is made in the host's /etc."),
    _image("opt-to-host", "device-over-passwd",
           "A file of the host, its /etc/passwd, belongs to user 1000: mknod says EEXIST, which is ignored, and chown "
           "follows."),
    #
    # -- users --
    _image("passwd-numeric", "user-1000",
           "Who writes \"1000\" into the configuration, to be sure, gets root, with all that comes with it (CVE-2016-3697)."),
    _image("passwd-garbage", "", "\"daemon\" is root."),
    _image("passwd-garbage", "host-mounts", "Whom the image calls \"daemon\" does not matter: the host's files are asked."),
    _image("passwd-huge-line", "", "Nobody is told why the user is not found."),
    _image("passwd-homeless", "no-home", "\"~\" is the working directory."),
    _image("users-missing", "", "Refused: a name needs a file."),
    _image("users-missing", "user-1"),
    _image("users-directories", "", "Taken for files that are missing: the user is not found, and nobody is told why."),
    _image("users-directories", "host-mounts user-default",
           "The payload gets the groups that root has on the host: its files are asked, and not the image's."),
    _image("users-directories", "user-1", "Taken for files that are missing: the number is taken as it is."),
    _image("passwd-fifo", "", "Starting a container of this image never ends: the parent waits for init, and init for a "
                              "writer."),
    _image("passwd-outside", "", "After the switch \"..\" stops at the image's root: there is no such file."),
    _image("passwd-endless", "", "No line of the device ends: it is given up after 64 KiB. What it is, nobody looks at."),
    _image("passwd-by-descriptor", ""),
    _image("passwd-by-descriptor", "", "With a careless caller, the ids are those that the host's file says.",
           caller="leaks-directory"),
    _image("group-huge", "", "The kernel refuses the list; its message names neither the file nor the number."),
    _image("group-huge-line", "", "The payload lacks a group that it is in, and nobody is told."),
    #
    # -- the payload --
    _image("bin-missing", ""),
    _image("payload-setuid", "", "The user of the container becomes its root by exec, and outlives the runtime."),
    _image("payload-setuid", "", "The bit counts for nothing.", caller="no-new-privs"),
    _image("payload-capabilities", "", "AUDIT_READ is not listed, and is there: the bounding set still has it."),
    _image("payload-capabilities", "",
           "It gains nothing, and keeps CHOWN, which it was permitted before; the death signal is lost all the same.",
           caller="no-new-privs"),
    _image("payload-orphan", "", "The message is that of a missing file, and the file is there."),
    _image("payload-runtime", "",
           "The runtime's program, a file of the host, runs as the payload: keep /proc/1/exe open, end, and write "
           "(CVE-2019-5736)."),
    _image("payload-by-descriptor", ""),
    _image("payload-by-descriptor", "",
           "A program of the host runs in the container: close-on-exec comes after the lookup (CVE-2024-21626).",
           caller="leaks-directory"),
    _image("payload-text", ""),
    _image("payload-unexecutable", ""),
    _image("payload-unreadable", "", "With CAP_DAC_OVERRIDE it can read the program, and is dumpable."),
    _image("payload-unreadable", "no-capabilities", "Its own /proc/self is closed to it."),
    #
    # -- the whole tree --
    _image("readonly", "", "Mount points have to be there already."),
    _image("readonly", "no-mounts", "And so has a directory for the old root."),
    _image("readonly", "tmpfs-for-pivot", "A tmpfs will do for that."),
    #
    # -- descriptors of the caller --
    _caller("leaks-directory", "", "Closed by exec, but after the payload was looked up: see the images that lead through it."),
    _caller("leaks-directory", "cwd-descriptor-9",
            "The payload stands in the host's root directory, and \"..\" leads through the host (CVE-2024-21626)."),
    _caller("leaks-file", "", "Closed by exec, but after the payload was looked up."),
    _caller("leaks-socket", "", "Closed by exec."),
    _caller("input-directory", "", "The terminal takes its place."),
    _caller("input-directory", "no-tty", "`ls /proc/self/fd/0/` lists the host."),
    _caller("input-directory", "no-tty cwd-descriptor-0", "The payload stands in the host's root directory."),
    _caller("silent", "", "The terminal takes its place."),
    _caller("silent", "no-tty", "The payload cannot write to its standard output: /dev/null was opened again, to read."),
    _caller("closed-input", "", "The terminal takes its place."),
    _caller("closed-input", "no-tty", "The runtime's own socket takes the place of the stream: the payload reads from its "
                                      "parent."),
    _caller("closed-output", "no-tty",
            "The runtime's own socket takes the place of the stream: the parent takes what the payload says for a message of "
            "init."),
    _caller("lacks-sys-admin", "", "Refused by the first call: nothing has been made by then."),
    _caller("lacks-sys-admin", "joins-mounts no-cgroups", "Init reports it; the parent crashes as it clears up, since "
            "it looks for control groups that nobody has configured, and nobody is told."),
    _caller("lacks-setgid", "", "Refused, since no group can be changed; all the mounts have been made by then."),
    _caller("closed-error", "no-tty user-unknown",
            "The connection to the parent takes the place of standard error: what init says there before it has read to the "
            "end is lost, and the runtime is told nothing."),
    _caller("closed-error", "no-tty",
            "The runtime's own socket takes the place of the stream: the parent takes what the payload says for a message of "
            "init."),
    _caller("closed-streams", "no-tty", "The runtime's own socket, and what it opens next, take the place of the streams."),
    #
    # -- credentials of the caller --
    _caller("groups", "", "setgroups takes them away, whether or not the configuration lists some."),
    _caller("groups", "host-mounts", "The same where the host's disks are within reach."),
    _caller("noroot", "", "The securebits stay: root in the container is not what it takes itself for."),
    _caller("noroot", "user-root", "The payload's root lacks what the bounding set would give it back."),
    _caller("keepcaps-locked", "", "Refused: without keepcaps nothing could be granted."),
    _caller("lacks-mknod", "", "Refused where the devices are made; bound from the host, none would have to be."),
    _caller("lacks-net-raw", "",
            "The same configuration that runs elsewhere is refused, for a capability that the payload may never use."),
    _caller("lacks-setpcap", "", "The same configuration that runs elsewhere is refused."),
    _caller("lacks-setpcap", "capability-chown user-root",
            "The bounding set cannot be reduced, which nobody notices: the payload's root has all of it."),
    _caller("inheritable", "", "The set is replaced by what the configuration lists."),
    _caller("no-new-privs", "", "It stays set, as it should."),
    #
    # -- signals, umask and limits of the caller --
    _caller("death-signal", "", "Init asks for a signal of its own."),
    _caller("blocks-signals", "",
            "`docker stop` waits ten seconds each time: SIGTERM does not arrive. (Go 1.4's runtime, no part of this flow, "
            "empties the mask when a program starts: the original is spared this, and a port of it to another language is "
            "not.)"),
    _caller("ignores-pipe", "", "The runtime ignores SIGPIPE itself, and gives init the default again."),
    _caller("ignores-children", "",
            "The payload runs to its end; the runtime then says that it failed, since it cannot wait for it. (Spared likewise: "
            "Go 1.4 has a handler for SIGCHLD.)"),
    _caller("umask-0", "", "Init sets its own."),
    _caller("umask-0", "host-mounts", "What the payload makes, everybody may write: init sets its own only where it sets up a "
                                      "root."),
    _caller("umask-077", "", "Init sets its own."),
    _caller("umask-077", "host-mounts", "What the payload makes for others they cannot read."),
    _caller("few-descriptors", "", "The message is of a device that cannot be opened."),
    _caller("no-processes", "", "The limit counts the processes of the new user when init becomes it: there are none yet."),
    #
    # -- where the caller stands --
    _caller("removed-directory", "", "Init dies of it without a message; what the parent says is about its own broken pipe."),
    _caller("removed-directory", "rootfs-absolute"),
    _caller("private-mounts", "", "No difference: init makes all mounts private before it makes the first."),
    _caller("private-mounts", "no-pivot", "The same without pivot_root."),
    _caller("subreaper", "", "No difference, as long as the runtime lives."),
    _caller("subreaper", "host-pids", "No difference, as long as the runtime lives."),
)  # fmt: skip
"""The first is the plain one."""


ENTRIES: tuple[Situation, ...] = (
    Situation(
        seen="Who enters is a process of the host until it executes. It does not die with who sent it, and what goes wrong is "
        "said on standard error alone.",
        enters=True,
    ),
    Situation(variants=("no-tty",), enters=True),
)
"""In which the payload is brought into a container that runs already."""
