"""The order of the default flow, as a table to be held against what is known of docker/libcontainer's init in January 2015.

Each row: the place in that description (P: the parent; C: the child between clone and exec; D: init; M: its mount namespace;
R: restriction; F: its last steps), the step of ours, the call. A row without a place goes on with the one above. R is the root
file system, DATA the directory of container.json, N what a temporary name ends in. A step without any call shows "-".
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fakekernel.tree import ROOTFS
from initflow.configuration import decode
from initflow.flow import Group
from initflow.flows import LIBCONTAINER
from initflow.run import Outcome, Role, Run
from initflow.verification import CALLER_ENVIRONMENT, DATA_PATH, execute
from kernelapi.capability import Cap, CapSet
from kernelapi.event import Event
from kernelapi.notation import render_call
from kernelapi.values import CapData, NetlinkType

MINIMAL: dict[str, Any] = json.loads((Path(__file__).parents[1] / "examples" / "minimal.json").read_text())

CGROUPS = "(the cgroups: tests of their own)"

PARENT = r"""
P0   parent                            open("DATA/container.json", O_RDONLY|O_CLOEXEC)
                                       read(3)
                                       close(3)
                                       open("DATA/state.json", O_RDONLY|O_CLOEXEC)
                                       rt_sigaction(SIGPIPE, SIG_IGN)
P0   allocate_terminal                 open("/dev/ptmx", O_RDWR|O_NOCTTY|O_CLOEXEC)
                                       ioctl_tiocgptn(3)
                                       ioctl_tiocsptlck(3, 0)
P1   make_pipe                         socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0)
P4   start_init                        open("/dev/null", O_RDONLY|O_CLOEXEC)
                                       open("/dev/null", O_WRONLY|O_CLOEXEC)
                                       open("/dev/null", O_WRONLY|O_CLOEXEC)
                                       pipe2(O_CLOEXEC)
                                       clone(NEWNS|NEWUTS|NEWIPC|NEWPID|NEWNET|SIGCHLD)
                                       close(10)
                                       read(9)
                                       close(9)
                                       close(6)
                                       close(7)
                                       close(8)
P5   close_child_end                   close(4)
P6   read_start_time                   open("/proc/3/stat", O_RDONLY|O_CLOEXEC)
                                       fstat(4)
                                       read(4)
                                       read(4)
                                       close(4)
P7   join_cgroups                      (the cgroups: tests of their own)
P9   create_networks                   -
P10  save_state                        open("DATA/state.json", O_RDWR|O_CREAT|O_TRUNC|O_CLOEXEC, 0666)
                                       write(4, '{"init_pid":3,')
                                       close(4)
P13  send_network_state                write(5, '{}\n')
P14  shut_down_sending                 shutdown(5, SHUT_WR)
P15  await_init                        read(5)
P17  wait_for_exit                     wait4(3, 0)
P0   parent                            unlink("DATA/state.json")
                                       (the cgroups: tests of their own)
                                       close(5)
                                       exit_group(0)
"""

CHILD = r"""
C0   child                             rt_sigaction(SIGPIPE, SIG_DFL)
C1   set_parent_death_signal           prctl_set_pdeathsig(SIGKILL)
                                       getppid()
C2   change_to_rootfs                  -
C3   arrange_descriptors               dup2(6, 0)
                                       dup2(7, 1)
                                       dup2(8, 2)
                                       dup2(4, 3)
C4   start_program                     execve("/usr/bin/nsinit", ["/usr/bin/nsinit", "init", "--", "/bin/true"])
"""

INIT = r"""
D0   init                              open("DATA/container.json", O_RDONLY|O_CLOEXEC)
                                       read(4)
                                       close(4)
                                       stat(".")
                                       getcwd()
D1   resolve_rootfs                    lstat("/var")
                                       lstat("/var/lib")
                                       lstat("DATA")
                                       lstat("R")
D2   load_environment                  -
D3   read_network_state                read(3)
D4   join_existing_namespaces          -
D5   open_console                      open("/dev/pts/0", O_RDWR)
                                       dup2(4, 0)
                                       dup2(4, 1)
                                       dup2(4, 2)
D6   start_session                     setsid()
D7   set_controlling_terminal          ioctl_tiocsctty(0, 0)
D9   refuse_network_without_namespace  -
D10  initialise_networks               socket(AF_NETLINK, SOCK_RAW, 0)
                                       bind(5)
                                       sendmsg(5, RTM_GETLINK)
                                       recvmsg(5)
                                       getsockname(5)
                                       recvmsg(5)
                                       getsockname(5)
                                       close(5)
                                       socket(AF_NETLINK, SOCK_RAW, 0)
                                       bind(5)
                                       sendmsg(5, RTM_NEWLINK)
                                       getsockname(5)
                                       recvmsg(5)
                                       close(5)
D11  add_routes                        -
D12  set_limits                        -
D13  detect_selinux                    -
D14  refuse_mounts_without_namespace   -
M1   cut_propagation                   mount(NULL, "/", NULL, REC|PRIVATE, NULL)
M2   bind_root                         mount("R", "R", "bind", BIND|REC, NULL)
M3   mount_system                      stat("R/proc")
                                       mount("proc", "R/proc", "proc", DEF, NULL)
                                       stat("R/dev")
                                       mount("tmpfs", "R/dev", "tmpfs", NOSUID|STRICTATIME, "mode=755")
                                       stat("R/dev/shm")
                                       stat("R/dev")
                                       mkdir("R/dev/shm", 0755)
                                       mount("shm", "R/dev/shm", "tmpfs", DEF, "mode=1777,size=65536k")
                                       stat("R/dev/mqueue")
                                       stat("R/dev")
                                       mkdir("R/dev/mqueue", 0755)
                                       mount("mqueue", "R/dev/mqueue", "mqueue", DEF, NULL)
                                       stat("R/dev/pts")
                                       stat("R/dev")
                                       mkdir("R/dev/pts", 0755)
                                       mount("devpts", "R/dev/pts", "devpts", NOSUID|NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5")
                                       stat("R/sys")
                                       mount("sysfs", "R/sys", "sysfs", RDONLY|DEF, NULL)
M4   mount_configured                  lstat("R/run")
                                       stat("R/run")
                                       stat("R/run")
                                       stat("R")
                                       mkdir("R/run", 0755)
                                       mount("tmpfs", "R/run", "tmpfs", DEF, NULL)
M5   create_device_nodes               umask(000)
                                       stat("R/dev")
                                       mknod("R/dev/null", S_IFCHR|0666, makedev(0x1, 0x3))
                                       chown("R/dev/null", 0, 0)
                                       stat("R/dev")
                                       mknod("R/dev/zero", S_IFCHR|0666, makedev(0x1, 0x5))
                                       chown("R/dev/zero", 0, 0)
                                       stat("R/dev")
                                       mknod("R/dev/full", S_IFCHR|0666, makedev(0x1, 0x7))
                                       chown("R/dev/full", 0, 0)
                                       stat("R/dev")
                                       mknod("R/dev/random", S_IFCHR|0666, makedev(0x1, 0x8))
                                       chown("R/dev/random", 0, 0)
                                       stat("R/dev")
                                       mknod("R/dev/urandom", S_IFCHR|0666, makedev(0x1, 0x9))
                                       chown("R/dev/urandom", 0, 0)
                                       stat("R/dev")
                                       mknod("R/dev/tty", S_IFCHR|0666, makedev(0x5, 0x0))
                                       chown("R/dev/tty", 0, 0)
                                       umask(022)
M6   link_ptmx                         unlink("R/dev/ptmx")
                                       rmdir("R/dev/ptmx")
                                       symlink("pts/ptmx", "R/dev/ptmx")
M6   bind_console                      umask(000)
                                       chmod("/dev/pts/0", 0600)
                                       chown("/dev/pts/0", 0, 0)
                                       open("R/dev/console", O_RDWR|O_CREAT|O_TRUNC|O_CLOEXEC, 0666)
                                       close(5)
                                       mount("/dev/pts/0", "R/dev/console", "bind", BIND, NULL)
                                       umask(022)
M7   reopen_dev_null                   open("R/dev/null", O_RDONLY|O_CLOEXEC)
                                       fstat(5)
                                       fstat(0)
                                       fstat(1)
                                       fstat(2)
                                       close(5)
M8   link_standard_streams             stat("/proc/kcore")
                                       symlink("/proc/self/fd", "R/dev/fd")
                                       symlink("/proc/self/fd/0", "R/dev/stdin")
                                       symlink("/proc/self/fd/1", "R/dev/stdout")
                                       symlink("/proc/self/fd/2", "R/dev/stderr")
                                       symlink("/proc/kcore", "R/dev/kcore")
M9   enter_root                        chdir("R")
M10a switch_root                       stat("R")
                                       clock_gettime(CLOCK_REALTIME)
                                       getpid()
                                       mkdir("R/.pivot_rootN", 0700)
                                       pivot_root("R", "R/.pivot_rootN")
                                       chdir("/")
                                       umount2("/.pivot_rootN", DETACH)
                                       unlink("/.pivot_rootN")
                                       rmdir("/.pivot_rootN")
M11  make_root_readonly                -
M12  set_umask                         umask(022)
D16  set_hostname                      sethostname("heron")
D17  apply_apparmor_profile            -
D18  set_process_label                 -
D19  restrict_kernel_files             mount(NULL, "proc/sys", NULL, RDONLY|REMOUNT, NULL)
                                       mount("proc/sys", "proc/sys", NULL, BIND, NULL)
                                       mount("proc/sys", "proc/sys", NULL, RDONLY|DEF|REMOUNT|BIND|REC, NULL)
                                       mount(NULL, "proc/sysrq-trigger", NULL, RDONLY|REMOUNT, NULL)
                                       mount("proc/sysrq-trigger", "proc/sysrq-trigger", NULL, BIND, NULL)
                                       mount("proc/sysrq-trigger", "proc/sysrq-trigger", NULL, RDONLY|DEF|REMOUNT|BIND|REC, NULL)
                                       mount(NULL, "proc/irq", NULL, RDONLY|REMOUNT, NULL)
                                       mount("proc/irq", "proc/irq", NULL, BIND, NULL)
                                       mount("proc/irq", "proc/irq", NULL, RDONLY|DEF|REMOUNT|BIND|REC, NULL)
                                       mount(NULL, "proc/bus", NULL, RDONLY|REMOUNT, NULL)
                                       mount("proc/bus", "proc/bus", NULL, BIND, NULL)
                                       mount("proc/bus", "proc/bus", NULL, RDONLY|DEF|REMOUNT|BIND|REC, NULL)
                                       mount("/dev/null", "/proc/kcore", NULL, BIND, NULL)
D20  save_parent_death_signal          prctl_get_pdeathsig()
F1   close_on_exec                     open("/proc/self/fd", O_RDONLY|O_CLOEXEC)
                                       getdents64(5)
                                       getdents64(5)
                                       lstat("/proc/self/fd/0")
                                       lstat("/proc/self/fd/1")
                                       lstat("/proc/self/fd/2")
                                       lstat("/proc/self/fd/3")
                                       lstat("/proc/self/fd/4")
                                       lstat("/proc/self/fd/5")
                                       close(5)
                                       fcntl_setfd(3, CLOEXEC)
                                       fcntl_setfd(4, CLOEXEC)
                                       fcntl_setfd(5, CLOEXEC)
F2   drop_bounding_set                 capget(0)
                                       open("/proc/self/status", O_RDONLY|O_CLOEXEC)
                                       read(5)
                                       close(5)
                                       capget(0)
                                       prctl_capbset_drop(25 capabilities)
F3   keep_capabilities                 prctl_set_keepcaps(1)
F4   look_up_user                      getuid()
                                       getgid()
                                       open("/etc/passwd", O_RDONLY|O_CLOEXEC)
                                       open("/etc/group", O_RDONLY|O_CLOEXEC)
                                       read(5)
                                       read(5)
                                       read(6)
                                       read(6)
                                       close(6)
                                       close(5)
F4   set_groups                        setgroups([])
F4   set_gid                           setgid(1)
F4   set_uid                           setuid(1)
F4   set_home                          -
F5   forget_keep_capabilities          prctl_set_keepcaps(0)
F6   drop_capabilities                 capget(0)
                                       open("/proc/self/status", O_RDONLY|O_CLOEXEC)
                                       read(5)
                                       close(5)
                                       capget(0)
                                       capset(kept)
F7   change_directory                  -
D22  restore_parent_death_signal       prctl_get_pdeathsig()
                                       prctl_set_pdeathsig(SIGKILL)
                                       getppid()
D23  execute                           stat("/bin/true")
                                       execve("/bin/true", ["/bin/true"])
"""  # noqa: E501


# -- reading tables and runs --


def rows(table: str) -> list[tuple[str, str, str]]:
    """(place, step, call) of each line; place and step are repeated where a line leaves them out."""
    found = []
    place = step = ""
    for line in table.strip("\n").splitlines():
        if not line.startswith(" "):
            place, step, call = line.split(maxsplit=2)
        else:
            call = line.strip()
        found.append((place, step, call))
    return found


def calls(table: str) -> list[tuple[str, str]]:
    return [(step, call) for _, step, call in rows(table) if call != "-"]


def shown(event: Event) -> str:
    """A call as the tables write it: as strace does, less what a reader need not see."""
    name, args = event.call.name, event.args
    if name == "clone":
        text = render_call(event.call, args).partition(", ")[0] + ")"
    elif name == "sendmsg":
        text = f"sendmsg({args[0]}, {NetlinkType(args[1].type).name})"
    elif name == "write":
        text = f"write({args[0]}, {args[1][:14].decode()!r})"
    elif name == "capset":
        text = f"capset({'kept' if _keeps(args[1]) else args[1]})"
    else:
        text = render_call(event.call, args[: SHOWN.get(name)])
    for long, short in SHORT:
        text = text.replace(long, short)
    return re.sub(r"(\.pivot_root)\d+", r"\1N", text)


SHOWN = {"execve": 2, "read": 1, "bind": 1, "getdents64": 1, "recvmsg": 1}
"""How many arguments of a call are shown, where not all are."""

SHORT = (
    (ROOTFS, "R"), (DATA_PATH, "DATA"), ("SOCK_STREAM|SOCK_DGRAM", "SOCK_RAW"), ("CLONE_", ""),
    ("MS_NOSUID|MS_NODEV|MS_NOEXEC", "DEF"), ("MS_", ""), ("MNT_", ""), ("FD_CLOEXEC", "CLOEXEC"),
)  # fmt: skip


def _keeps(data: CapData) -> bool:
    kept = CapSet(Cap[name] for name in MINIMAL["capabilities"])
    return (data.effective, data.permitted, data.inheritable) == (kept, kept, kept)


def told(run: Run, *roles: Role) -> list[tuple[str, str]]:
    """(step, call) of each call of these parts; what a part does apart from its steps is called by its own name.

    Runs of calls on cgroups, and on the bounding set, are one.
    """
    found: list[tuple[str, str]] = []
    dropped = 0
    for event, step, part in zip(run.events, run.steps, run.roles, strict=True):
        if part not in roles:
            continue
        name, text = part.value if step is None else step.name, shown(event)
        if name == "join_cgroups" or "/sys/fs/cgroup" in text or (name == "wait_for_exit" and event.call.name != "wait4"):
            text = CGROUPS
        dropped = dropped + 1 if event.call.name == "prctl_capbset_drop" else 0
        if dropped:
            text = f"prctl_capbset_drop({dropped} capabilities)"
        if dropped > 1:
            found[-1] = (name, text)
        elif text != CGROUPS or (name, text) != found[-1]:
            found.append((name, text))
    return found


def run(changes: dict[str, Any], *args: str) -> Run:
    configuration = decode(json.dumps({**MINIMAL, **changes}).encode(), "test").configuration
    return execute(configuration, args or ("/bin/true",))


def step_calls(run: Run, name: str) -> list[str]:
    return [call for step, call in told(run, *Role) if step == name]


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


# -- the tables hold --


@pytest.fixture(scope="module")
def minimal() -> Run:
    return run({})


@pytest.mark.parametrize(("role", "table"), [(Role.PARENT, PARENT), (Role.CHILD, CHILD), (Role.INIT, INIT)])
def test_the_calls_of_the_example_are_those_of_the_table(minimal: Run, role: Role, table: str) -> None:
    assert told(minimal, role) == calls(table)
    assert minimal.outcome is Outcome.EXECUTED


@pytest.mark.parametrize(
    ("group", "table"), [(LIBCONTAINER.parent, PARENT), (LIBCONTAINER.prologue, CHILD), (LIBCONTAINER.init, INIT)]
)
def test_the_steps_of_the_flow_are_those_of_the_table(group: Group, table: str) -> None:
    own = {role.value for role in Role}
    assert [step.name for step in group.leaves()] == [
        step for step in dict.fromkeys(step for _, step, _ in rows(table)) if step not in own
    ]


def test_every_place_of_the_description_has_a_row() -> None:
    """D8 is no step (flags are computed); D15 is M1 to M12, D21 is F1 to F7."""
    found = {place for table in (PARENT, CHILD, INIT) for place, _, _ in rows(table)}
    d = {f"D{n}" for n in range(1, 24)} - {"D8", "D15", "D21"}
    m = {f"M{n}" for n in range(1, 13)} - {"M10"} | {"M10a"}
    assert d | m | {f"F{n}" for n in range(1, 8)} <= found


def test_the_places_come_in_order() -> None:
    places = [place for place, _, _ in rows(INIT)]
    mounts, last = places.index("M1"), places.index("F1")
    assert [int(place.strip("DMFa")) for place in places if place[0] == "D"] == sorted(
        int(place.strip("DMFa")) for place in places if place[0] == "D"
    )
    assert places[mounts - 1] == "D14"
    assert places[last - 1] == "D20"


def test_init_is_held_back_until_the_parent_has_sent_the_state(minimal: Run) -> None:
    order = [step.name for step in minimal.steps if step is not None]
    released, first = order.index("send_network_state"), order.index("read_network_state")
    assert max(i for i, name in enumerate(order) if name == "save_state") < released < first
    assert first < order.index("open_console")


def test_the_program_gets_the_callers_environment_and_three_more(minimal: Run) -> None:
    started = next(
        event for event, role in zip(minimal.events, minimal.roles, strict=True)
        if role is Role.CHILD and event.call.name == "execve"
    )  # fmt: skip
    assert started.args[2] == (
        *CALLER_ENVIRONMENT,
        f"data_path={DATA_PATH}",
        "console=/dev/pts/0",
        "pipe=3",
        f"data_path={DATA_PATH}",
    )


def test_the_payload_gets_the_configured_environment(minimal: Run) -> None:
    assert minimal.exit is not None
    assert minimal.exit.args[2] == tuple(MINIMAL["environment"])


# -- what configurations change --

DEVICES = {"device_nodes": MINIMAL["mount_config"]["device_nodes"]}
NAMESPACES = MINIMAL["namespaces"]


def mounting(*mounts: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"mount_config": {**DEVICES, "mounts": mounts, **others}}


def without(*kinds: str) -> list[dict[str, str]]:
    return [entry for entry in NAMESPACES if entry["type"] not in kinds]


VARIANTS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    # the name of the variant: what it changes, and the calls of the steps that are other ones then
    "no terminal": (
        {"tty": False},
        {
            "allocate_terminal": "",
            "start_init": """
                pipe2(O_CLOEXEC)
                clone(NEWNS|NEWUTS|NEWIPC|NEWPID|NEWNET|SIGCHLD)
                close(6)
                read(5)
                close(5)
            """,
            "arrange_descriptors": """
                fcntl_setfd(0, 0)
                fcntl_setfd(1, 0)
                fcntl_setfd(2, 0)
                fcntl_setfd(3, 0)
            """,
            "open_console": "",
            "start_session": "setsid()",
            "set_controlling_terminal": "",
            "bind_console": "",
            "reopen_dev_null": """
                open("R/dev/null", O_RDONLY|O_CLOEXEC)
                fstat(4)
                fstat(0)
                dup2(4, 0)
                fstat(1)
                fstat(2)
                close(4)
            """,
        },
    ),
    "a directory to start in": ({"root_fs": ROOTFS}, {"change_to_rootfs": 'chdir("R")'}),
    "no pivot_root": (
        mounting(no_pivot_root=True),
        {
            "cut_propagation": 'mount(NULL, "/", NULL, REC|SLAVE, NULL)',
            "enter_root": 'chdir("R")',
            "switch_root": """
                mount("R", "/", NULL, MOVE, NULL)
                chroot(".")
                chdir("/")
            """,
        },
    ),
    "a directory for the old root": (
        mounting(pivot_dir="/var/tmp/old"),
        {
            "switch_root": """
                stat("R/var/tmp/old")
                stat("R/var/tmp")
                mkdir("R/var/tmp/old", 0755)
                clock_gettime(CLOCK_REALTIME)
                getpid()
                mkdir("R/var/tmp/old/.pivot_rootN", 0700)
                pivot_root("R", "R/var/tmp/old/.pivot_rootN")
                chdir("/")
                umount2("/var/tmp/old/.pivot_rootN", DETACH)
                unlink("/var/tmp/old/.pivot_rootN")
                rmdir("/var/tmp/old/.pivot_rootN")
            """
        },
    ),
    "a read-only root": (
        mounting(readonly_fs=True),
        {"make_root_readonly": 'mount("/", "/", "bind", RDONLY|REMOUNT|BIND|REC, NULL)'},
    ),
    "no restriction": (
        {"restrict_sys": False},
        {
            "mount_system": "\n".join(call for step, call in calls(INIT) if step == "mount_system").replace("RDONLY|", ""),
            "restrict_kernel_files": "",
        },
    ),
    "a read-only bind mount of a directory": (
        mounting({"type": "bind", "source": "/home", "destination": "/mnt/home"}),
        {
            "mount_configured": """
                stat("/home")
                lstat("R/mnt")
                lstat("R/mnt/home")
                stat("R/mnt/home")
                stat("R/mnt/home")
                stat("R/mnt")
                stat("R")
                mkdir("R/mnt", 0755)
                mkdir("R/mnt/home", 0755)
                mount("/home", "R/mnt/home", "bind", RDONLY|BIND|REC, NULL)
                mount("/home", "R/mnt/home", "bind", RDONLY|REMOUNT|BIND|REC, NULL)
            """
        },
    ),
    "a writable bind mount of a file": (
        mounting({"type": "bind", "source": "/etc/hostname", "destination": "etc/name", "writable": True}),
        {
            "mount_configured": """
                stat("/etc/hostname")
                lstat("R/etc")
                lstat("R/etc/name")
                stat("R/etc/name")
                stat("R/etc")
                open("R/etc/name", O_RDONLY|O_CREAT|O_CLOEXEC, 0755)
                close(5)
                mount("/etc/hostname", "R/etc/name", "bind", BIND|REC, NULL)
            """
        },
    ),
    "a private bind mount": (
        mounting({"type": "bind", "source": "/home", "destination": "/home", "writable": True, "private": True}),
        {
            "mount_configured": """
                stat("/home")
                lstat("R/home")
                stat("R/home")
                mount("/home", "R/home", "bind", BIND|REC, NULL)
                mount(NULL, "R/home", "none", PRIVATE, NULL)
            """
        },
    ),
    "a slave bind mount, which the kernel does not make one": (
        mounting({"type": "bind", "source": "/home", "destination": "/home", "slave": True, "relabel": "z"}),
        {
            "mount_configured": """
                stat("/home")
                lstat("R/home")
                stat("R/home")
                mount("/home", "R/home", "bind", RDONLY|BIND|REC|SLAVE, NULL)
                mount("/home", "R/home", "bind", RDONLY|REMOUNT|BIND|REC|SLAVE, NULL)
            """
        },
    ),
    "a tmpfs over a link, whose source and flags count for nothing": (
        mounting({"type": "tmpfs", "source": "x", "destination": "/bin/../tmp/.", "writable": True}),
        {
            "mount_configured": """
                lstat("R/tmp")
                stat("R/tmp")
                mount("tmpfs", "R/tmp", "tmpfs", DEF, NULL)
            """
        },
    ),
    "namespaces to join": (
        {
            "hostname": "",
            "namespaces": [
                {"type": "NEWUTS", "path": "/proc/1/ns/uts"},
                *without("NEWIPC", "NEWUTS"),
                {"type": "NEWIPC", "path": "/proc/1/ns/ipc"},
                {"type": "NEWDREAM", "path": "/proc/1/ns/ipc"},
            ],
        },
        {
            "start_init": "\n".join(call for step, call in calls(PARENT) if step == "start_init").replace("NEWUTS|NEWIPC|", ""),
            "join_existing_namespaces": """
                open("/proc/1/ns/uts", O_RDONLY|O_CLOEXEC)
                setns(4, NEWUTS)
                close(4)
                open("/proc/1/ns/ipc", O_RDONLY|O_CLOEXEC)
                setns(4, NEWIPC)
                close(4)
                open("/proc/1/ns/ipc", O_RDONLY|O_CLOEXEC)
                setns(4, 0)
                close(4)
            """,
            "set_hostname": "",
        },
    ),
    "no namespace at all": (
        {"namespaces": [], "networks": [], "hostname": "", "restrict_sys": False, "mount_config": None},
        {
            "start_init": "\n".join(call for step, call in calls(PARENT) if step == "start_init").replace(
                "NEWNS|NEWUTS|NEWIPC|NEWPID|NEWNET|", ""
            ),
            "initialise_networks": "",
            "set_umask": "",
            "change_directory": "",
            "wait_for_exit": f"""
                wait4(3, 0)
                {CGROUPS}
            """,
        },
    ),
    "limits": (
        {"rlimits": [{"type": 7, "soft": 64, "hard": 128}, {"type": 4}]},
        {
            "set_limits": """
                setrlimit(RLIMIT_NOFILE, {rlim_cur=64, rlim_max=128})
                setrlimit(RLIMIT_CORE, {rlim_cur=0, rlim_max=0})
            """
        },
    ),
    "no user: root, with the groups that list it": (
        {"user": ""},
        {"set_groups": "setgroups([10])", "set_gid": "setgid(0)", "set_uid": "setuid(0)"},
    ),
    "a number that is nobody's: the group file is opened, and not read": (
        {"user": "4711"},
        {
            "look_up_user": """
                getuid()
                getgid()
                open("/etc/passwd", O_RDONLY|O_CLOEXEC)
                open("/etc/group", O_RDONLY|O_CLOEXEC)
                read(5)
                read(5)
                close(6)
                close(5)
            """,
            "set_gid": "setgid(0)",
            "set_uid": "setuid(4711)",
        },
    ),
    "a group of one's own": (
        {"user": "daemon:users", "additional_groups": [5, 5, 1]},
        {"set_groups": "setgroups([5, 5, 1])", "set_gid": "setgid(100)", "set_uid": "setuid(1)"},
    ),
    "a working directory": ({"working_dir": "/tmp"}, {"change_directory": 'chdir("/tmp")'}),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_configuration_changes_the_calls_of_these_steps(name: str) -> None:
    changes, expected = VARIANTS[name]
    result = run(changes)
    assert result.outcome is Outcome.EXECUTED, result.message
    assert {step: step_calls(result, step) for step in expected} == {step: lines(text) for step, text in expected.items()}


@pytest.mark.parametrize("name", VARIANTS)
def test_no_configuration_changes_the_order_of_the_steps(name: str) -> None:
    result = run(VARIANTS[name][0])
    leaves = [step.name for step in LIBCONTAINER.init.leaves()]
    taken = list(dict.fromkeys(step for step, _ in told(result, Role.INIT) if step != Role.INIT.value))
    assert taken == [name for name in leaves if name in taken]


@pytest.mark.parametrize(
    ("configured", "home"), [([], "/usr/sbin"), (["HOME="], "/usr/sbin"), (["HOME=/here", "HOME=/there"], "/there")]
)
def test_home_is_the_users_where_the_configuration_has_none(configured: list[str], home: str) -> None:
    result = run({"environment": ["PATH=/bin", *configured]})
    assert result.exit is not None
    assert sorted(result.exit.args[2]) == [f"HOME={home}", "PATH=/bin"]
