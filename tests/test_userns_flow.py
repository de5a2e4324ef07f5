"""The flow with a user namespace: its calls as tables, its error texts, how its payload differs from the default's.

The tables are those of test_flow_order.py, for six parts. Places: P: the parent; C: its child between clone and exec; E:
the helper outside; N: the helper as it enters; H, M: the helper inside; U, F: init.
"""

import json
from dataclasses import dataclass, field
from errno import EACCES, ECHILD, EINVAL, EIO, EMFILE, ENOENT, ENXIO, EPERM, EPIPE
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fakekernel.faults import inject
from fakekernel.machine import Machine
from fakekernel.task import Task
from initflow import nsinit
from initflow.callers import CALLERS, DEFAULT_CALLER, Caller
from initflow.configuration import decode
from initflow.flow import Flow, Group
from initflow.flows import LIBCONTAINER, LIBCONTAINER_USERNS
from initflow.run import Outcome, Reported, Role, Run
from initflow.sight import seen_at
from initflow.state import mounts, process_state
from initflow.steps import nsenter
from initflow.verification import execute
from kernelapi.faults import Fault, failure
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from tests.test_error_texts import Fails, _located, message
from tests.test_flow_order import CGROUPS, calls, rows, told

EXAMPLE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "examples" / "userns.json").read_text())

PARENT = r"""
P0   parent                           open("DATA/container.json", O_RDONLY|O_CLOEXEC)
                                      read(3)
                                      close(3)
                                      open("DATA/state.json", O_RDONLY|O_CLOEXEC)
                                      rt_sigaction(SIGPIPE, SIG_IGN)
P0   allocate_terminal                open("/dev/ptmx", O_RDWR|O_NOCTTY|O_CLOEXEC)
                                      ioctl_tiocgptn(3)
                                      ioctl_tiocsptlck(3, 0)
P1   make_pipe                        socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0)
P4   start_init                       open("/dev/null", O_RDONLY|O_CLOEXEC)
                                      open("/dev/null", O_WRONLY|O_CLOEXEC)
                                      open("/dev/null", O_WRONLY|O_CLOEXEC)
                                      pipe2(O_CLOEXEC)
                                      pipe2(O_CLOEXEC)
                                      clone(NEWNS|NEWUTS|NEWIPC|NEWUSER|NEWPID|NEWNET|SIGCHLD)
                                      close(11)
                                      open("/proc/3/uid_map", O_RDWR)
                                      write(11, '0 1000 1\n1 100')
                                      close(11)
                                      open("/proc/3/gid_map", O_RDWR)
                                      write(11, '0 1000 1\n1 100')
                                      close(11)
                                      write(12, '\x00\x00\x00\x00\x00\x00\x00\x00')
                                      close(12)
                                      close(10)
                                      read(9)
                                      close(9)
                                      close(6)
                                      close(7)
                                      close(8)
P5   close_child_end                  close(4)
P6   read_start_time                  open("/proc/3/stat", O_RDONLY|O_CLOEXEC)
                                      fstat(4)
                                      read(4)
                                      read(4)
                                      close(4)
P7   join_cgroups                     (the cgroups: tests of their own)
P9   create_networks                  -
P10  save_state                       open("DATA/state.json", O_RDWR|O_CREAT|O_TRUNC|O_CLOEXEC, 0666)
                                      write(4, '{"init_pid":3,')
                                      close(4)
P12  run_setup_helper                 open("/dev/null", O_RDONLY|O_CLOEXEC)
                                      pipe2(O_CLOEXEC)
                                      pipe2(O_CLOEXEC)
                                      clone(SIGCHLD)
                                      close(9)
                                      read(8)
                                      close(8)
                                      close(4)
                                      close(7)
                                      read(6)
                                      wait4(4, 0)
                                      close(6)
P13  send_network_state               write(5, '{}\n')
P14  shut_down_sending                shutdown(5, SHUT_WR)
P15  await_init                       read(5)
P17  wait_for_exit                    wait4(3, 0)
P0   parent                           unlink("DATA/state.json")
                                      (the cgroups: tests of their own)
                                      close(5)
                                      exit_group(0)
"""

CHILD = r"""
C0   child                            rt_sigaction(SIGPIPE, SIG_DFL)
C1   await_id_maps                    close(12)
                                      read(11)
C2   set_parent_death_signal          prctl_set_pdeathsig(SIGKILL)
                                      getppid()
C3   forget_groups                    setgroups([])
C4   become_group_root                setgid(0)
C5   become_root                      setuid(0)
C6   change_to_rootfs                 chdir("R")
C7   arrange_descriptors              dup2(6, 0)
                                      dup2(7, 1)
                                      dup2(8, 2)
                                      dup2(4, 3)
C8   start_program                    execve("/usr/bin/nsinit", ["/usr/bin/nsinit", "init", "--", "/bin/true"])
"""

SENDER = r"""
E0   helper                           rt_sigaction(SIGPIPE, SIG_DFL)
E0   arrange_descriptors              dup2(4, 0)
                                      dup2(7, 1)
                                      dup2(7, 2)
E0   start_program                    execve("/usr/bin/nsinit", ["/usr/bin/nsinit", "exec", "--func", "setup", "--", "DATA", "R", "/dev/pts/0"])
E0   helper                           open("DATA/container.json", O_RDONLY|O_CLOEXEC)
                                      read(3)
                                      close(3)
                                      open("DATA/state.json", O_RDONLY|O_CLOEXEC)
                                      read(3)
                                      close(3)
                                      rt_sigaction(SIGPIPE, SIG_IGN)
E1   make_entering_pipe               socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0)
E2   start_nsenter                    pipe2(O_CLOEXEC)
                                      clone(SIGCHLD)
                                      close(6)
                                      read(5)
                                      close(5)
                                      close(3)
E3   enter_cgroups                    (the cgroups: tests of their own)
E4   send_configuration               write(4, '1')
                                      write(4, '{"mount_config')
E5   await_nsenter                    wait4(5, 0)
E0   helper                           close(4)
                                      exit_group(0)
"""  # noqa: E501

NSENTER = r"""
N0   helper                           rt_sigaction(SIGPIPE, SIG_DFL)
N0   arrange_descriptors              fcntl_setfd(0, 0)
                                      fcntl_setfd(1, 0)
                                      fcntl_setfd(2, 0)
                                      fcntl_setfd(3, 0)
N0   start_program                    execve("/usr/bin/nsinit", ["nsenter-setup", "--nspid", "3", "--", "DATA", "R", "/dev/pts/0"])
N2   adopt_orphans                    prctl_set_child_subreaper(1)
N3   parse_options                    -
N3   leave_session                    setsid()
N3   open_terminal                    -
N4   await_cgroups                    read(3)
N5   join_namespaces                  open("/proc/3/ns/", O_RDONLY|O_DIRECTORY)
                                      newfstatat(4, "ipc", AT_SYMLINK_NOFOLLOW)
                                      openat(4, "ipc", O_RDONLY)
                                      setns(5, 0)
                                      close(5)
                                      newfstatat(4, "uts", AT_SYMLINK_NOFOLLOW)
                                      openat(4, "uts", O_RDONLY)
                                      setns(5, 0)
                                      close(5)
                                      newfstatat(4, "net", AT_SYMLINK_NOFOLLOW)
                                      openat(4, "net", O_RDONLY)
                                      setns(5, 0)
                                      close(5)
                                      newfstatat(4, "pid", AT_SYMLINK_NOFOLLOW)
                                      openat(4, "pid", O_RDONLY)
                                      setns(5, 0)
                                      close(5)
                                      newfstatat(4, "mnt", AT_SYMLINK_NOFOLLOW)
                                      openat(4, "mnt", O_RDONLY)
                                      setns(5, 0)
                                      close(5)
                                      close(4)
N0   helper                           clone(SIGCHLD)
                                      wait4(6, 0)
                                      exit_group(0)
"""  # noqa: E501

SETUP = r"""
H0   helper                           read(3)
                                      close(3)
H1   resolve_rootfs                   lstat("/var")
                                      lstat("/var/lib")
                                      lstat("DATA")
                                      lstat("R")
H2   load_environment                 -
H3   read_container_state             open("DATA/state.json", O_RDONLY|O_CLOEXEC)
                                      read(3)
                                      close(3)
H4   refuse_network_without_namespace -
H4   initialise_networks              socket(AF_NETLINK, SOCK_RAW, 0)
                                      bind(3)
                                      sendmsg(3, RTM_GETLINK)
                                      recvmsg(3)
                                      getsockname(3)
                                      recvmsg(3)
                                      getsockname(3)
                                      close(3)
                                      socket(AF_NETLINK, SOCK_RAW, 0)
                                      bind(3)
                                      sendmsg(3, RTM_NEWLINK)
                                      getsockname(3)
                                      recvmsg(3)
                                      close(3)
H4   add_routes                       -
H5   detect_selinux                   -
H6   find_host_root                   -
H7   refuse_mounts_without_namespace  -
M1   cut_propagation                  mount(NULL, "/", NULL, REC|PRIVATE, NULL)
M2   bind_root                        mount("R", "R", "bind", BIND|REC, NULL)
M3   mount_system                     stat("R/proc")
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
M4   mount_configured                 lstat("R/tmp")
                                      stat("R/tmp")
                                      mount("tmpfs", "R/tmp", "tmpfs", DEF, NULL)
                                      lstat("R/run")
                                      stat("R/run")
                                      stat("R/run")
                                      stat("R")
                                      mkdir("R/run", 0755)
                                      mount("tmpfs", "R/run", "tmpfs", DEF, NULL)
M5   create_device_nodes              umask(000)
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
M6   link_ptmx                        unlink("R/dev/ptmx")
                                      rmdir("R/dev/ptmx")
                                      symlink("pts/ptmx", "R/dev/ptmx")
M6   bind_console                     umask(000)
                                      chmod("/dev/pts/0", 0600)
                                      chown("/dev/pts/0", 1000, 1000)
                                      open("R/dev/console", O_RDWR|O_CREAT|O_TRUNC|O_CLOEXEC, 0666)
                                      close(3)
                                      mount("/dev/pts/0", "R/dev/console", "bind", BIND, NULL)
                                      umask(022)
M7   reopen_dev_null                  -
M8   link_standard_streams            stat("/proc/kcore")
                                      symlink("/proc/self/fd", "R/dev/fd")
                                      symlink("/proc/self/fd/0", "R/dev/stdin")
                                      symlink("/proc/self/fd/1", "R/dev/stdout")
                                      symlink("/proc/self/fd/2", "R/dev/stderr")
                                      symlink("/proc/kcore", "R/dev/kcore")
M9   enter_root                       chdir("R")
M10a switch_root                      stat("R")
                                      clock_gettime(CLOCK_REALTIME)
                                      getpid()
                                      mkdir("R/.pivot_rootN", 0700)
                                      pivot_root("R", "R/.pivot_rootN")
                                      chdir("/")
                                      umount2("/.pivot_rootN", DETACH)
                                      unlink("/.pivot_rootN")
                                      rmdir("/.pivot_rootN")
M11  make_root_readonly               -
M12  set_umask                        umask(022)
H0   helper                           exit_group(0)
"""  # noqa: E501

INIT = r"""
U0   init                             open("DATA/container.json", O_RDONLY|O_CLOEXEC)
                                      read(4)
                                      close(4)
                                      stat(".")
                                      getcwd()
U1   load_environment                 -
U2   read_network_state               read(3)
U3   join_existing_namespaces         -
U4   open_own_console                 open("/dev/console", O_RDWR)
                                      dup2(4, 0)
                                      dup2(4, 1)
                                      dup2(4, 2)
U5   start_session                    setsid()
U6   set_controlling_terminal         ioctl_tiocsctty(0, 0)
U7   default_working_directory        -
U8   set_limits                       setrlimit(RLIMIT_NOFILE, {rlim_cur=512, rlim_max=999})
U10  set_hostname                     sethostname("plover")
U11  apply_apparmor_profile           -
U12  set_process_label                -
U13  restrict_kernel_files            mount(NULL, "proc/sys", NULL, RDONLY|REMOUNT, NULL)
                                      mount(NULL, "proc/sysrq-trigger", NULL, RDONLY|REMOUNT, NULL)
                                      mount(NULL, "proc/irq", NULL, RDONLY|REMOUNT, NULL)
                                      mount(NULL, "proc/bus", NULL, RDONLY|REMOUNT, NULL)
                                      mount("/dev/null", "/proc/kcore", NULL, BIND, NULL)
U14  save_parent_death_signal         prctl_get_pdeathsig()
F1   close_on_exec                    open("/proc/self/fd", O_RDONLY|O_CLOEXEC)
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
F2   drop_bounding_set                capget(0)
                                      open("/proc/self/status", O_RDONLY|O_CLOEXEC)
                                      read(5)
                                      close(5)
                                      capget(0)
                                      prctl_capbset_drop(25 capabilities)
F3   keep_capabilities                prctl_set_keepcaps(1)
F4   look_up_user                     getuid()
                                      getgid()
                                      open("/etc/passwd", O_RDONLY|O_CLOEXEC)
                                      open("/etc/group", O_RDONLY|O_CLOEXEC)
                                      read(5)
                                      read(5)
                                      read(6)
                                      read(6)
                                      close(6)
                                      close(5)
F4   set_groups                       setgroups([10])
F4   set_gid                          setgid(0)
F4   set_uid                          setuid(0)
F4   set_home                         -
F5   forget_keep_capabilities         prctl_set_keepcaps(0)
F6   drop_capabilities                capget(0)
                                      open("/proc/self/status", O_RDONLY|O_CLOEXEC)
                                      read(5)
                                      close(5)
                                      capget(0)
                                      prctl_capbset_drop(25 capabilities)
                                      capset(kept)
F7   change_directory                 chdir("/")
U16  restore_parent_death_signal      -
U17  execute                          stat("/bin/true")
                                      execve("/bin/true", ["/bin/true"])
"""


TABLES = {
    "parent": ("1", Role.PARENT, PARENT),
    "child": ("1.1", Role.CHILD, CHILD),
    "helper outside": ("1.2", Role.HELPER, SENDER),
    "helper entering": ("1.2.1", Role.HELPER, NSENTER),
    "helper inside": ("1.2.1.1", Role.HELPER, SETUP),
    "init": ("1.1", Role.INIT, INIT),
}


def run(
    changes: dict[str, Any],
    *args: str,
    flow: Flow | None = None,
    faults: tuple[Fault, ...] = (),
    caller: Caller = DEFAULT_CALLER,
) -> Run:
    configuration = decode(json.dumps({**EXAMPLE, **changes}).encode(), "test").configuration
    machine = Machine()
    inject(machine, list(faults))
    return execute(configuration, args or ("/bin/true",), flow=flow, caller=caller, machine=machine)


@pytest.fixture(scope="module")
def example() -> Run:
    return run({})


def told_of(run: Run, process: str, role: Role) -> list[tuple[str, str]]:
    indices = [i for i, event in enumerate(run.events) if event.process == process and run.roles[i] is role]
    part = SimpleNamespace(
        events=[run.events[i] for i in indices], steps=[run.steps[i] for i in indices], roles=[run.roles[i] for i in indices]
    )
    found: list[tuple[str, str]] = []
    for step, call in told(cast(Run, part), role):
        row = (step, CGROUPS if step == "enter_cgroups" else call)
        if row[1] != CGROUPS or row not in found[-1:]:
            found.append(row)
    return found


# -- the tables hold --


@pytest.mark.parametrize("name", TABLES)
def test_the_calls_of_the_example_are_those_of_the_table(example: Run, name: str) -> None:
    process, role, table = TABLES[name]
    assert told_of(example, process, role) == calls(table)
    assert (example.outcome, example.reported) == (Outcome.EXECUTED, Reported.STARTED)


def test_the_steps_of_the_flow_are_those_of_the_tables() -> None:
    flow = LIBCONTAINER_USERNS
    assert flow.helper is not None
    outside, entering, inside = (child for child in flow.helper.children if isinstance(child, Group))
    groups = (flow.parent, flow.prologue, outside, entering, inside, flow.init)
    for group, (_, _, table) in zip(groups, TABLES.values(), strict=True):
        own = {"arrange_descriptors", "start_program"} if group in (outside, entering) else set()
        own |= {role.value for role in Role}
        steps = dict.fromkeys(step for _, step, _ in rows(table) if step not in own)
        assert [leaf.name for leaf in group.leaves()] == list(steps)


def test_the_helper_works_while_init_waits_for_the_parent(example: Run) -> None:
    order = [step.name for step in example.steps if step is not None]
    first, last = order.index("make_entering_pipe"), max(i for i, name in enumerate(order) if name == "run_setup_helper")
    assert max(i for i, name in enumerate(order) if name == "save_state") < first
    assert last < order.index("send_network_state") < order.index("read_network_state")
    assert order.index("enter_cgroups") < order.index("join_namespaces")


def test_the_maps_are_written_before_init_takes_ids(example: Run) -> None:
    writes = [event.args[1] for event in example.events if event.call.name == "write"]
    written = [data for data in writes if data.startswith(b"0 1000 1")]
    assert written == [b"0 1000 1\n1 100001 65535\n\0"] * 2
    assert not any("setgroups" in str(event.args) for event in example.events if event.call.name == "open")


def test_editing_the_flow_reaches_the_helper() -> None:
    flow = LIBCONTAINER_USERNS.without("find_host_root")
    assert "find_host_root" not in [leaf.name for leaf in flow.leaves()]
    assert run({}, flow=flow).outcome is Outcome.REFUSED  # /dev/console is root's of the host then


# -- what it can say --


@dataclass(frozen=True)
class Case:
    place: str
    message: str
    changes: dict[str, Any] = field(default_factory=dict)
    fails: tuple[Fails, ...] = ()
    args: tuple[str, ...] = ("/bin/true",)
    flow: Flow | None = None


def without(*kinds: str) -> list[dict[str, str]]:
    return [entry for entry in EXAMPLE["namespaces"] if entry["type"] not in kinds]


JOINED = [*without("NEWUSER"), {"type": "NEWUSER", "path": "/proc/1/ns/user"}]
IDENTITY = [{"container_id": 0, "host_id": 0, "size": 65536}]
ROOT_STAYS_ROOT = {"uid_mappings": IDENTITY, "gid_mappings": IDENTITY}
NO_MAPS: dict[str, Any] = {"uid_mappings": None, "gid_mappings": None}
SHIFTED = [{"container_id": 1, "host_id": 1000, "size": 9}]
START = "fork/exec /usr/bin/nsinit: "
SETUP_FAILED = "setup failed: exit status 1 failed to nsenter setup: "
MOUNTS = SETUP_FAILED + "setup mount namespace "
ROOTLESS = LIBCONTAINER_USERNS.without("forget_groups").without("become_group_root").without("become_root")

CASES = [
    # -- starting init --
    Case("P4", START + "operation not permitted", fails=(Fails("start_init", "write", EPERM, "0 1000"),)),
    Case("P4", START + "invalid argument", {"uid_mappings": [*SHIFTED, *SHIFTED]}),
    Case("P4", START + "too many open files", fails=(Fails("start_init", "clone", EMFILE),)),
    Case("P4", START + "operation not permitted", {"namespaces": JOINED}),
    Case("C3", START + "operation not permitted", NO_MAPS),  # no groups can be set before there is a map
    Case("C4", START + "invalid argument", {"gid_mappings": SHIFTED}),
    Case("C5", START + "invalid argument", {"uid_mappings": SHIFTED}),
    # -- the helper --
    Case("P12", "setup failed: pipe2: too many open files ", fails=(Fails("run_setup_helper", "pipe2", EMFILE),)),
    Case("E1", "setup failed: exit status 1 failed to exec: too many open files",
         fails=(Fails("make_entering_pipe", "socketpair", EMFILE),)),
    Case("E2", "setup failed: exit status 1 failed to exec: fork/exec /usr/bin/nsinit: cannot allocate memory",
         fails=(Fails("start_nsenter", "clone", 12),)),
    Case("N3", "setup failed: exit status 1 nsenter: setsid failed: Operation not permitted\n"
         "failed to exec: write parent: broken pipe",
         fails=(Fails("leave_session", "setsid", EPERM),)),
    Case("E3", "setup failed: exit status 1 failed to exec: open /sys/fs/cgroup/blkio/initflow/plover/cgroup.procs: "
         "permission denied", fails=(Fails("enter_cgroups", "open", EACCES, "cgroup.procs"),)),
    Case("E4", "setup failed: exit status 1 failed to exec: write parent: broken pipe",
         fails=(Fails("send_configuration", "write", EPIPE, "mount_config"),)),
    Case("E5", "setup failed: exit status 1 failed to exec: wait: no child processes",
         fails=(Fails("await_nsenter", "wait4", ECHILD),)),
    Case("N5", "setup failed: exit status 1 nsenter: Failed to setns for mnt: Operation not permitted",
         fails=(Fails("join_namespaces", "setns", EPERM, times=5),)),
    Case("H1", SETUP_FAILED + "lstat /var: permission denied", fails=(Fails("resolve_rootfs", "lstat", EACCES),)),
    Case("H2", SETUP_FAILED + "invalid environment 'PATH'", {"environment": ["PATH"]}),
    Case("H3", SETUP_FAILED + "unable to read state: open DATA/state.json: permission denied",
         fails=(Fails("read_container_state", "open", EACCES),)),
    Case("H3", "setup failed: exit status 2 panic: runtime error: invalid memory address or nil pointer dereference",
         fails=(Fails("read_container_state", "open", ENOENT),)),
    Case("H4", SETUP_FAILED + "unable to apply network parameters without network namespace",
         {"namespaces": without("NEWNET")}),
    Case("H4", SETUP_FAILED + "setup networking lo up netlink rib: too many open files",
         fails=(Fails("initialise_networks", "socket", EMFILE),)),
    Case("H6", SETUP_FAILED + "failed to get hostRootUid User namespaces enabled, but no uid mappings found.",
         {"namespaces": JOINED, **NO_MAPS}),
    Case("H6", SETUP_FAILED + "failed to get hostRootGid User namespaces enabled, but no gid mappings found.",
         {"gid_mappings": None}, flow=ROOTLESS),
    Case("H6",
         SETUP_FAILED + "failed to get hostRootUid User namespaces enabled, but no root user mapping found.",
         {"uid_mappings": SHIFTED}, flow=ROOTLESS),
    Case("H6", SETUP_FAILED + "failed to get hostRootGid User namespaces enabled, but no root user mapping found.",
         {"gid_mappings": SHIFTED}, flow=ROOTLESS),
    Case("H7", SETUP_FAILED + "mount config is set without mount namespace", {"namespaces": without("NEWNS")}),
    Case("H7", MOUNTS + "mounting / with flags 44000 operation not permitted",
         fails=(Fails("cut_propagation", "mount", EPERM),)),
    Case("H7", MOUNTS + "pivot_root operation not permitted", fails=(Fails("switch_root", "pivot_root", EPERM),)),
    # -- init --
    Case("U2", "read pipe: input/output error", fails=(Fails("read_network_state", "read", EIO),)),
    Case("U3", "open /proc/1/ns/nope: no such file or directory",
         {"namespaces": [*without("NEWIPC"), {"type": "NEWIPC", "path": "/proc/1/ns/nope"}]}),
    Case("U4", "open terminal open /dev/console: no such device or address", fails=(Fails("open_own_console", "open", ENXIO),)),
    Case("U5", "setsid operation not permitted", fails=(Fails("start_session", "setsid", EPERM),)),
    Case("U6", "setctty operation not permitted", fails=(Fails("set_controlling_terminal", "ioctl_tiocsctty", EPERM),)),
    Case("U8", "setup rlimits error setting rlimit type 7: operation not permitted",
         {"rlimits": [{"type": 7, "soft": 10, "hard": 2**20 + 1}]}),
    Case("U10", "unable to set the hostname without UTS namespace", {"namespaces": without("NEWUTS")}),
    Case("U10", 'unable to sethostname "plover": operation not permitted',
         fails=(Fails("set_hostname", "sethostname", EPERM),)),
    Case("U13", "unable to remount proc/sys readonly: permission denied",
         fails=(Fails("restrict_kernel_files", "mount", EACCES, "proc/sys"),)),
    Case("U13", "unable to bind-mount /dev/null over /proc/kcore: operation not permitted",
         fails=(Fails("restrict_kernel_files", "mount", EPERM, "kcore"),)),
    Case("U13", "unable to restrict access to kernel files without mount namespace",
         {"namespaces": without("NEWNS"), "mount_config": None, "tty": False}),
    Case("U14", "get parent death signal operation not permitted",
         fails=(Fails("save_parent_death_signal", "prctl_get_pdeathsig", EPERM),)),
    Case("U15", "finalize namespace setup user get supplementary groups Unable to find user bogus", {"user": "bogus"}),
    Case("U15", "finalize namespace chdir to /nope no such file or directory", {"working_dir": "/nope"}),
    Case("U16", "restore parent death signal get parent death signal invalid argument", ROOT_STAYS_ROOT,
         fails=(Fails("restore_parent_death_signal", "prctl_get_pdeathsig", EINVAL),)),
    Case("U16", "restore parent death signal set parent death signal invalid argument", {**ROOT_STAYS_ROOT, "user": "daemon"},
         fails=(Fails("restore_parent_death_signal", "prctl_set_pdeathsig", EINVAL),)),
    Case("U17", 'exec: "nope": executable file not found in $PATH', args=("nope",)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.place}: {case.message}")
def test_the_message_is_the_originals(case: Case) -> None:
    faults: tuple[Fault, ...] = ()
    for planned in case.fails:
        faults += tuple(_located(planned, run(case.changes, *case.args, flow=case.flow)))
    if case.place == "N5":
        faults = faults[-1:]
    result = run(case.changes, *case.args, flow=case.flow, faults=faults)
    assert message(result) == case.message
    assert (result.outcome, result.reported) == (Outcome.REFUSED, Reported.ERROR)
    if case.place[0] in "EHN":  # init is killed at the barrier
        assert Role.PAYLOAD not in result.roles
        assert [event.args for event in result.events if event.call.name == "kill"][-1] == (3, 9)


def test_a_configuration_that_does_not_reach_the_helper_is_an_error() -> None:
    result = run({}, faults=(failure("1.2.1.1", "read", 1, EIO),))
    lost = "unable to receive config from sync pipe: read pipe: input/output error"
    assert message(result) == f"setup failed: exit status 1 {lost}"


@pytest.mark.parametrize("args", [(), ("data",), ("data", "rootfs", "console", "more")], ids=len)
def test_the_helper_counts_its_arguments(args: tuple[str, ...]) -> None:
    machine = Machine()
    _, output = machine.spawn_captured(be_the_helper, args)
    machine.run()
    assert machine.captured(output).decode() == f"expected setup to have 2 or 3 arguments not {len(args)}\n"


def be_the_helper(kernel: Kernel, args: tuple[str, ...], output: Fd) -> int:
    kernel.dup2(output, Fd(2))
    reader, writer = kernel.pipe2(0)
    kernel.write(writer, b"{}")
    kernel.dup2(reader, nsenter.PIPE)
    return nsinit.set_up(kernel, args, ())


# -- what the payload gets, and the default's does not --

DEFAULT = {"namespaces": without("NEWUSER")}


def at_exec(run: Run) -> Task:
    """The payload, in the machine as it was when init had become it."""
    assert run.exit is not None, run.message
    assert run.exit.writes is not None
    assert run.init is not None
    run.machine.store.rewind(run.exit.writes[1])
    return run.init


def owner(task: Task, path: str) -> int:
    found = seen_at(task, path)
    assert found is not None
    return int(found.inode.uid)


def test_the_flow_is_chosen_by_the_configuration() -> None:
    assert run({}).setting.flow is LIBCONTAINER_USERNS
    assert run({"namespaces": JOINED}).setting.flow is LIBCONTAINER_USERNS
    assert run(DEFAULT).setting.flow is LIBCONTAINER


@pytest.mark.parametrize(("changes", "umask"), [({}, 0), (DEFAULT, 0o022)])
def test_the_umask_of_the_caller_stays(changes: dict[str, Any], umask: int) -> None:
    """It is the helper's own umask that the helper sets."""
    caller = next(caller for caller in CALLERS.values() if "umask" in caller.name)
    assert process_state(at_exec(run(changes, caller=caller))).umask == umask


KNOBS = {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"}


@pytest.mark.parametrize(("changes", "readonly"), [({}, set[str]()), (DEFAULT, KNOBS)])
def test_the_knobs_of_the_kernel_stay_writable(changes: dict[str, Any], readonly: set[str]) -> None:
    """The paths are relative, and init is still in the image's directory on the old mounts, where /proc is empty."""
    found = mounts(at_exec(run(changes)))
    assert {mount.path for mount in found if (mount.path or "").startswith("/proc/") and mount.readonly} == readonly
    assert "/proc/kcore" in {mount.path for mount in found}


@pytest.mark.parametrize(("changes", "signal"), [({}, 0), (ROOT_STAYS_ROOT, 9)])
def test_the_parent_death_signal_is_lost_where_root_is_another_user(changes: dict[str, Any], signal: int) -> None:
    result = run(changes)
    saved = [event.result for event in result.events if event.call.name == "prctl_get_pdeathsig"]
    assert saved[0] == signal


@pytest.mark.parametrize(("changes", "console"), [({}, 1000), (ROOT_STAYS_ROOT, 0), (DEFAULT, 0)])
def test_the_devices_belong_to_the_hosts_root(changes: dict[str, Any], console: int) -> None:
    """Who is nobody in the container, if its root is another: only the terminal is given away."""
    task = at_exec(run(changes))
    assert owner(task, "/dev/null") == owner(task, "/dev") == 0
    assert owner(task, "/dev/console") == console


@pytest.mark.parametrize(("changes", "by"), [({}, set[Role]()), (ROOT_STAYS_ROOT, {Role.HELPER}), (DEFAULT, {Role.INIT})])
def test_the_streams_of_the_host_are_replaced_in_whoever_mounts(changes: dict[str, Any], by: set[Role]) -> None:
    result = run(changes)
    found = zip(result.roles, result.steps, strict=True)
    assert by == {role for role, step in found if step is not None and step.name == "reopen_dev_null"}


def test_without_a_working_directory_the_payload_would_start_outside_its_root() -> None:
    state = process_state(at_exec(run({})))
    assert (state.cwd, state.cwd_reachable) == ("/", True)
    state = process_state(at_exec(run({}, flow=LIBCONTAINER_USERNS.without("default_working_directory"))))
    assert not state.cwd_reachable


def test_the_payload_is_root_of_its_namespace_and_nobody_on_the_host() -> None:
    task = at_exec(run({}))
    assert process_state(task).uids == (0, 0, 0, 0)
    assert task.cred.euid == 1000
