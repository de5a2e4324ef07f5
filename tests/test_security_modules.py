"""AppArmor and SELinux in the simulated kernel. No test host has them on: the laws here are those of the kernel's source.

What a kernel without either answers is held against the real one: kernelapi/testing/cases/security.py.
"""

from collections.abc import Callable
from dataclasses import replace
from errno import EACCES, EINVAL, ENOENT, EOPNOTSUPP, EPERM

import pytest

from fakekernel import subject
from fakekernel.machine import Machine
from fakekernel.policy import TARGETED
from fakekernel.profile import HostProfile
from kernelapi.errors import NotModelled
from kernelapi.flags import CloneFlag, MountFlag, OpenFlag, Signal
from kernelapi.ids import Fd, Gid, Uid
from kernelapi.kernel import Kernel
from kernelapi.protocol.attributes import XATTR_LABEL_NOT_OWNER, XATTR_LAYOUT, XATTR_UNSUPPORTED
from kernelapi.protocol.exec_credentials import EXEC_LABEL, EXEC_LABEL_DENIED, EXEC_LABEL_NO_NEW_PRIVS
from kernelapi.protocol.mounts import MOUNT_BAD_OPTION
from kernelapi.protocol.proc import PROC_NO_LSM, PROC_NO_PROFILE, PROC_PROFILE_DENIED, PROC_PROFILE_NO_NEW_PRIVS
from kernelapi.rules import Rule, rules
from kernelapi.testing.case import Case, errno_of, expect, in_child, read_all, refused
from kernelapi.testing.cases.proc import contents, names, put

APPARMOR = HostProfile(security_modules=("apparmor",), apparmor_profiles=("docker-default", "strict"))
CONFINED = replace(APPARMOR, label="docker-default", apparmor_changes=(("docker-default", "strict"),))
SELINUX = HostProfile(security_modules=("selinux",))
HOSTS = "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023"
CONTAINERS = "system_u:system_r:svirt_lxc_net_t:s0:c1,c2"
FILES = "system_u:object_r:svirt_sandbox_file_t:s0:c1,c2"

CURRENT, EXEC, PREVIOUS = (f"/proc/self/attr/{name}" for name in ("current", "exec", "prev"))


def play(law: Callable[[Kernel], None], host: HostProfile, machine: Machine | None = None) -> None:
    report = subject.run(Case(law, tree=True), machine or Machine(host, checks=True))
    assert report.passed, report


def after_exec(kernel: Kernel, *deeds: Callable[[Kernel], None]) -> str:
    """What attr/current says to a program that a child executes after it has done `deeds`."""
    reader, writer = kernel.pipe()
    child = kernel.clone(Signal.CHLD, execute, writer, *deeds)
    kernel.close(writer)
    shown = read_all(kernel, reader).decode()
    kernel.wait4(child)
    return shown


def execute(kernel: Kernel, writer: int, *deeds: Callable[[Kernel], None]) -> None:
    for deed in deeds:
        deed(kernel)
    kernel.dup2(writer, 1)  # type: ignore[arg-type]
    kernel.execve("/bin/cat", ("cat", CURRENT), ())


def renounce(kernel: Kernel) -> None:
    kernel.prctl_set_no_new_privs(1)


def errno_of_exec(kernel: Kernel, *deeds: Callable[[Kernel], None]) -> int:
    return in_child(kernel, try_exec, *deeds)


def try_exec(kernel: Kernel, *deeds: Callable[[Kernel], None]) -> int:
    for deed in deeds:
        deed(kernel)
    return errno_of(kernel.execve, "/bin/true", ("true",), ())


# -- AppArmor: unconfined --


def ask_for_docker(kernel: Kernel) -> None:
    put(kernel, EXEC, b"exec docker-default")


def ask_for_strict(kernel: Kernel) -> None:
    put(kernel, EXEC, b"exec strict")


def an_unconfined_process_asks_for_a_profile(kernel: Kernel) -> None:
    expect("at first", contents(kernel, CURRENT), "unconfined\n")
    for path in (EXEC, PREVIOUS):
        refused(EINVAL, contents, kernel, path)
    fd = kernel.open(EXEC, OpenFlag.WRONLY)
    expect("all is taken", kernel.write(fd, b"exec docker-default"), 19)
    expect("the request", contents(kernel, EXEC), "docker-default (enforce)\n")
    expect("it has changed nothing", contents(kernel, CURRENT), "unconfined\n")
    kernel.write(fd, b"exec strict\0")
    expect("another one, in the same file", contents(kernel, EXEC), "strict (enforce)\n")
    expect("a child has it too", in_child(kernel, contents, EXEC), "strict (enforce)\n")


def the_program_has_the_profile_and_no_request(kernel: Kernel) -> None:
    expect("after exec", after_exec(kernel, ask_for_docker), "docker-default (enforce)\n")
    expect("the parent", contents(kernel, CURRENT), "unconfined\n")
    expect("without a request", after_exec(kernel), "unconfined\n")
    expect("with no_new_privs", after_exec(kernel, renounce, ask_for_docker), "docker-default (enforce)\n")


def the_directory_of_the_module_says_the_same(kernel: Kernel) -> None:
    expect("its files", names(kernel, "/proc/self/attr/apparmor"), {"current", "exec", "prev"})
    put(kernel, "/proc/self/attr/apparmor/exec", b"exec strict")
    expect("the request", contents(kernel, EXEC), "strict (enforce)\n")
    expect("by the thread", contents(kernel, "/proc/thread-self/attr/apparmor/current"), "unconfined\n")


def what_is_no_request_is_refused(kernel: Kernel) -> None:
    for data in (b"docker-default", b"exec", b"exec ", b"exec  \n", b"changeprofile strict", b"execute strict", b""):
        refused(EINVAL, kernel.write, kernel.open(EXEC, OpenFlag.WRONLY), data)
    for data in (b"exec strict", b"strict", b"\n"):
        refused(EINVAL, put, kernel, CURRENT, data)
    refused(EINVAL, put, kernel, "/proc/self/attr/fscreate", b"exec strict")
    refused(EINVAL, put, kernel, PREVIOUS, b"exec strict")
    for name in (b"unheard-of", b"strict//hat", b":space:strict", b"strict//&unheard-of", b"docker-default strict"):
        refused(ENOENT, put, kernel, EXEC, b"exec " + name)
    refused(ENOENT, put, kernel, CURRENT, b"changeprofile unheard-of")
    put(kernel, EXEC, b"  exec \t strict \n")


def a_profile_can_be_entered_at_once(kernel: Kernel) -> None:
    put(kernel, EXEC, b"exec strict")
    put(kernel, CURRENT, b"changeprofile docker-default")
    expect("entered", contents(kernel, CURRENT), "docker-default (enforce)\n")
    expect("the request stays", contents(kernel, EXEC), "strict (enforce)\n")
    refused(EACCES, put, kernel, CURRENT, b"changeprofile unconfined")


def what_tells_that_apparmor_is_on(kernel: Kernel) -> None:
    kernel.mkdir("/s", 0o755)
    kernel.mount("s", "/s", "securityfs", 0, "")
    expect("the modules", contents(kernel, "/s/lsm"), "capability,apparmor")
    expect("the profiles", contents(kernel, "/s/apparmor/profiles"), "docker-default (enforce)\nstrict (enforce)\n")
    kernel.mount("s", "/s", "sysfs", 0, "")
    expect("the parameter", contents(kernel, "/s/module/apparmor/parameters/enabled"), "Y\n")
    refused(ENOENT, kernel.stat, "/s/fs/selinux")
    refused(EINVAL, kernel.mount, "t", "/s", "tmpfs", 0, "context=a")


# -- AppArmor: confined --


def a_confined_process_needs_a_rule(kernel: Kernel) -> None:
    expect("at first", contents(kernel, CURRENT), "docker-default (enforce)\n")
    for data in (b"exec docker-default", b"exec unconfined"):
        refused(EACCES, put, kernel, EXEC, data)
    expect("by its rule", after_exec(kernel, ask_for_strict), "strict (enforce)\n")
    expect("without a request", after_exec(kernel), "docker-default (enforce)\n")


def no_new_privs_takes_the_rule_away(kernel: Kernel) -> None:
    expect("asked for first, then refused at exec", errno_of_exec(kernel, ask_for_strict, renounce), EPERM)
    renounce(kernel)
    refused(EPERM, put, kernel, EXEC, b"exec strict")
    refused(EPERM, put, kernel, CURRENT, b"changeprofile strict")
    expect("its own is no gain", after_exec(kernel), "docker-default (enforce)\n")


LAWS_OF_APPARMOR = (
    (an_unconfined_process_asks_for_a_profile, APPARMOR),
    (the_program_has_the_profile_and_no_request, APPARMOR),
    (the_directory_of_the_module_says_the_same, APPARMOR),
    (what_is_no_request_is_refused, APPARMOR),
    (a_profile_can_be_entered_at_once, APPARMOR),
    (what_tells_that_apparmor_is_on, APPARMOR),
    (a_confined_process_needs_a_rule, CONFINED),
    (no_new_privs_takes_the_rule_away, CONFINED),
)


# -- SELinux: processes --


def ask_for_container(kernel: Kernel) -> None:
    put(kernel, EXEC, CONTAINERS.encode())


def ask_for_a_file_type(kernel: Kernel) -> None:
    put(kernel, EXEC, FILES.encode())


def ask_for_spc(kernel: Kernel) -> None:
    put(kernel, EXEC, b"system_u:system_r:spc_t:s0")


def mount_nosuid(kernel: Kernel) -> None:
    kernel.unshare(CloneFlag.NEWNS)
    kernel.mount("/bin", "/bin", "", MountFlag.BIND, "")
    kernel.mount("", "/bin", "", MountFlag.BIND | MountFlag.REMOUNT | MountFlag.NOSUID, "")


def a_process_has_a_context_and_may_ask_for_another(kernel: Kernel) -> None:
    expect("at first", contents(kernel, CURRENT), f"{HOSTS}\0")
    expect("nothing asked for", contents(kernel, EXEC), "")
    put(kernel, EXEC, f"{CONTAINERS}\n".encode())
    expect("the request", contents(kernel, EXEC), f"{CONTAINERS}\0")
    put(kernel, EXEC, b"\n")
    expect("taken back", contents(kernel, EXEC), "")
    put(kernel, EXEC, b"system_u:system_r:svirt_lxc_net_t:s0:c7,c2,c1,c3\0")
    expect("as the kernel writes it", contents(kernel, EXEC), "system_u:system_r:svirt_lxc_net_t:s0:c1.c3,c7\0")
    refused(ENOENT, kernel.stat, "/proc/self/attr/apparmor")


def what_is_no_context_is_refused(kernel: Kernel) -> None:
    for text in (
        "exec docker-default", "unconfined", "a:b:c:d", "system_u:system_r:svirt_lxc_net_t", "system_u:system_r:nothing_t:s0",
        "system_u:unconfined_r:unconfined_t:s0", "nobody_u:system_r:init_t:s0", "system_u:system_r:tmp_t:s0",
        "system_u:system_r:init_t:s1", "system_u:system_r:init_t:s0:c1024", "system_u:system_r:init_t:s0:c2.c1",
        "system_u:system_r:init_t:s0:c1-s0", "system_u:system_r:init_t:s0:", "system_u:system_r:init_t:s0:c01",
    ):  # fmt: skip
        refused(EINVAL, put, kernel, EXEC, text.encode())
    refused(EINVAL, put, kernel, CURRENT, b"\n")
    put(kernel, "/proc/self/attr/fscreate", b"\n")


def the_program_has_the_context(kernel: Kernel) -> None:
    expect("after exec", after_exec(kernel, ask_for_container), f"{CONTAINERS}\0")
    expect("without a request", after_exec(kernel), f"{HOSTS}\0")
    expect("with no_new_privs", after_exec(kernel, renounce, ask_for_container), f"{CONTAINERS}\0")
    expect("from a nosuid mount", after_exec(kernel, mount_nosuid, ask_for_container), f"{CONTAINERS}\0")
    expect("where the policy has no rule", after_exec(kernel, ask_for_spc), "system_u:system_r:spc_t:s0\0")
    expect("with no_new_privs there", errno_of_exec(kernel, ask_for_spc, renounce), EPERM)
    expect("from a nosuid mount there", errno_of_exec(kernel, ask_for_spc, mount_nosuid), EACCES)
    expect("a type of files", errno_of_exec(kernel, ask_for_a_file_type), EACCES)


def a_context_can_be_entered_at_once(kernel: Kernel) -> None:
    put(kernel, CURRENT, b"system_u:system_r:init_t:s0")
    expect("entered", contents(kernel, CURRENT), "system_u:system_r:init_t:s0\0")


# -- SELinux: file systems and files --


def a_mount_gives_all_files_a_context(kernel: Kernel) -> None:
    kernel.mkdir("/m", 0o755)
    kernel.mount("t", "/m", "tmpfs", 0, f'mode=700,context="{FILES}",size=64k')
    expect("its other options", kernel.stat("/m").permissions, 0o700)
    expect("what it shows", f',context="{FILES}",size=64k,mode=700\n' in contents(kernel, "/proc/self/mountinfo"), True)
    expect("any file", kernel.getxattr("/m", "security.selinux"), f"{FILES}\0".encode())
    refused(EOPNOTSUPP, kernel.setxattr, "/m", "security.selinux", FILES.encode())
    kernel.mount("", "/m", "", MountFlag.REMOUNT, f'context="{FILES}"')
    refused(EINVAL, kernel.mount, "", "/m", "", MountFlag.REMOUNT, "context=system_u:object_r:tmp_t:s0")
    kernel.mount("t", "/m", "devpts", 0, "seclabel,newinstance,context=system_u:object_r:devpts_t:s0")
    expect("without a comma", ",context=system_u:object_r:devpts_t:s0," in contents(kernel, "/proc/self/mounts"), True)
    for options in (f"context={FILES}", "context=x", f'context="{FILES}",context="{FILES}"', "context"):
        refused(EINVAL, kernel.mount, "t", "/m", "tmpfs", 0, options)
    kernel.mount("t", "/m", "tmpfs", 0, "")
    expect("one that may be labelled", " - tmpfs t rw,seclabel\n" in contents(kernel, "/proc/self/mountinfo"), True)


def files_are_labelled_by_their_owner(kernel: Kernel) -> None:
    kernel.chdir("/tmp")
    kernel.mkdir("d", 0o755)
    kernel.symlink("d", "link")
    kernel.setxattr("d", "security.selinux", b"system_u:object_r:tmp_t:s0:c2,c1")
    expect("as the kernel writes it", kernel.lgetxattr("d", "security.selinux"), b"system_u:object_r:tmp_t:s0:c1,c2\0")
    kernel.lsetxattr("link", "security.selinux", f"{FILES}\0".encode())
    expect("the link itself", kernel.lgetxattr("link", "security.selinux"), f"{FILES}\0".encode())
    refused(EINVAL, kernel.setxattr, "d", "security.selinux", b"label")
    refused(EOPNOTSUPP, kernel.setxattr, "/proc/self/status", "security.selinux", FILES.encode())
    kernel.setxattr("/dev/pts/ptmx", "security.selinux", FILES.encode())  # which it could not without SELinux
    kernel.setresgid(Gid(1), Gid(1), Gid(1))
    kernel.setresuid(Uid(1), Uid(1), Uid(1))
    refused(EPERM, kernel.setxattr, "d", "security.selinux", FILES.encode())


def what_tells_that_selinux_is_on(kernel: Kernel) -> None:
    kernel.mkdir("/s", 0o755)
    kernel.mount("s", "/s", "selinuxfs", 0, "")
    expect("its number", kernel.statfs("/s").type, 0xF97CFF8C)
    expect("enforcing", contents(kernel, "/s/enforce"), "1")
    kernel.mount("s", "/s", "sysfs", 0, "")
    expect("its place", kernel.stat("/s/fs/selinux").permissions, 0o755)
    refused(ENOENT, kernel.stat, "/s/module/apparmor")
    expect("among the types", "selinuxfs" in contents(kernel, "/proc/filesystems"), True)


LAWS_OF_SELINUX = (
    (a_process_has_a_context_and_may_ask_for_another, SELINUX),
    (what_is_no_context_is_refused, SELINUX),
    (the_program_has_the_context, SELINUX),
    (a_context_can_be_entered_at_once, SELINUX),
    (a_mount_gives_all_files_a_context, SELINUX),
    (files_are_labelled_by_their_owner, SELINUX),
    (what_tells_that_selinux_is_on, SELINUX),
)

LAWS = (*LAWS_OF_APPARMOR, *LAWS_OF_SELINUX)


@pytest.mark.parametrize(("law", "host"), LAWS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_simulated_kernel_keeps_the_law(law: Callable[[Kernel], None], host: HostProfile) -> None:
    play(law, host)


RULES = (
    PROC_NO_LSM,
    PROC_NO_PROFILE,
    PROC_PROFILE_DENIED,
    PROC_PROFILE_NO_NEW_PRIVS,
    EXEC_LABEL_NO_NEW_PRIVS,
    EXEC_LABEL_DENIED,
    EXEC_LABEL,
    MOUNT_BAD_OPTION,
    XATTR_LAYOUT,
    XATTR_LABEL_NOT_OWNER,
    XATTR_UNSUPPORTED,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_is_missed_by_a_law(rule: Rule) -> None:
    """Those that need a module no law of the real kernel's can miss."""
    broken = []
    for law, host in LAWS:
        machine = Machine(host)
        machine.suspended = {rule}
        report = subject.run(Case(law, tree=True), machine)
        if not report.passed:
            broken.append(law.__name__)
    assert broken


def test_the_rules_that_need_a_module_are_these() -> None:
    assert {row for row in rules() if (row.excuse or "").startswith("needs an LSM")} <= set(RULES)


# -- both --


def set_death_signal(kernel: Kernel) -> None:
    kernel.prctl_set_pdeathsig(Signal.TERM)


def start_program(kernel: Kernel, *deeds: Callable[[Kernel], None]) -> None:
    """Have a child set its parent death signal, do `deeds` and execute a program that waits."""
    reader, _ = kernel.pipe()
    kernel.clone(Signal.CHLD, wait_as_program, reader, set_death_signal, *deeds)
    kernel.close(reader)


def wait_as_program(kernel: Kernel, stdin: int, *deeds: Callable[[Kernel], None]) -> None:
    for deed in deeds:
        deed(kernel)
    kernel.dup2(stdin, 0)  # type: ignore[arg-type]
    kernel.execve("/bin/cat", ("cat",), ())


def start_two(kernel: Kernel, ask: Callable[[Kernel], None]) -> None:
    start_program(kernel)
    start_program(kernel, ask)
    kernel.wait4(-1)


@pytest.mark.parametrize(("host", "ask"), [(APPARMOR, ask_for_docker), (SELINUX, ask_for_container)])
def test_a_change_of_label_clears_the_parent_death_signal(host: HostProfile, ask: Callable[[Kernel], None]) -> None:
    def death_signals(machine: Machine) -> list[int]:
        return [task.pdeathsig for _, task in sorted(machine.system.tasks.items()) if task.comm == "cat"]

    for suspended, signals in ((set(), [Signal.TERM, 0]), ({EXEC_LABEL}, [Signal.TERM, Signal.TERM])):
        machine = Machine(host, checks=True)
        machine.suspended = suspended
        machine.spawn(start_two, ask)
        machine.run()
        assert death_signals(machine) == signals
        machine.close()


def shares_memory(kernel: Kernel) -> None:
    path = f"/proc/{kernel.getpid()}/attr/exec"
    fd = kernel.open(path, OpenFlag.WRONLY)
    kernel.clone(CloneFlag.VM | Signal.CHLD, write_to, path, fd)
    _, status = kernel.wait4(-1)
    expect("the errnos", status >> 8, EACCES)


def write_to(kernel: Kernel, path: str, inherited: int) -> int:
    by_name = errno_of(put, kernel, path, b"label")
    by_descriptor = errno_of(kernel.write, inherited, b"label")
    return by_name if by_name == by_descriptor else 255


@pytest.mark.parametrize("host", [HostProfile(), APPARMOR, SELINUX], ids=lambda host: host.security_module or "none")
def test_a_task_in_the_same_memory_cannot_write_anothers_attributes(host: HostProfile) -> None:
    """No Python program can share its memory on a real kernel; 6.18 was asked with a thread."""
    play(shares_memory, host)


def ask_in_a_container(kernel: Kernel) -> None:
    in_child(kernel, ask_in_user_namespace, flags=CloneFlag.NEWUSER | CloneFlag.NEWPID | CloneFlag.NEWNS)


def ask_in_user_namespace(kernel: Kernel) -> None:
    kernel.mount("p", "/proc", "proc", 0, "")
    put(kernel, EXEC, b"exec strict")
    expect("asked for", contents(kernel, "/proc/1/attr/exec"), "strict (enforce)\n")


def test_a_request_needs_no_privilege() -> None:
    play(ask_in_a_container, APPARMOR)


@pytest.mark.parametrize(
    ("host", "path", "data"),
    [
        (APPARMOR, CURRENT, b"changehat 1^hat"),
        (APPARMOR, EXEC, b"stack strict"),
        (APPARMOR, EXEC, b"exec docker-default//&strict"),
        (SELINUX, "/proc/self/attr/fscreate", FILES.encode()),
        (replace(SELINUX, label=CONTAINERS), EXEC, CONTAINERS.encode()),
    ],
)
def test_what_is_not_modelled_says_so(host: HostProfile, path: str, data: bytes) -> None:
    machine = Machine(host)
    machine.spawn(ask, path, data)
    with pytest.raises(NotModelled):
        machine.run()


def ask(kernel: Kernel, path: str, data: bytes) -> None:
    put(kernel, path, data)


def test_a_host_has_one_module_or_none() -> None:
    for modules in (("apparmor", "selinux"), ("smack",)):
        with pytest.raises(ValueError, match="security_modules"):
            HostProfile(security_modules=modules)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("system_u:object_r:tmp_t:s0", "system_u:object_r:tmp_t:s0"),
        ("system_u:object_r:svirt_lxc_net_t:s0:c0", "system_u:object_r:svirt_lxc_net_t:s0:c0"),
        ("root:system_r:init_t:s0:c1,c2,c4", "root:system_r:init_t:s0:c1,c2,c4"),
        ("root:system_r:init_t:s0:c1,c2,c3", "root:system_r:init_t:s0:c1.c3"),
        ("root:system_r:init_t:s0-s0", "root:system_r:init_t:s0"),
        ("root:system_r:init_t:s0:c1-s0:c0.c1023", "root:system_r:init_t:s0:c1-s0:c0.c1023"),
        ("root:system_r:init_t:s0:c1.c1", None),
        ("root:system_r:init_t:s0:c1,", None),
        ("root:system_r:init_t:s0:c1.c2.c3", None),
        ("root:system_r:init_t:s0:c٣", None),
        ("root:object_r:nothing_t:s0", None),
        ("::", None),
        ("", None),
    ],
)
def test_a_context_is_written_in_one_way(text: str, written: str | None) -> None:
    assert TARGETED.context(text) == written
    if written is not None:
        assert TARGETED.context(written) == written


def look_at_the_modules(kernel: Kernel, output: Fd) -> None:
    kernel.mkdir("/security", 0o755)
    kernel.mount("securityfs", "/security", "securityfs", 0, "")
    shown = [sorted(names(kernel, path)) for path in ("/security", "/sys/module", "/sys/fs")]
    there = [errno_of(kernel.stat, path) for path in ("/security/apparmor", "/sys/module/apparmor", "/sys/fs/selinux")]
    kernel.write(output, repr((*shown, *there)).encode())


@pytest.mark.parametrize(
    ("host", "seen"),
    [
        (HostProfile(), (["lsm"], [], ["cgroup"], ENOENT, ENOENT, ENOENT)),
        (APPARMOR, (["apparmor", "lsm"], ["apparmor"], ["cgroup"], 0, 0, ENOENT)),
        (SELINUX, (["lsm"], [], ["cgroup", "selinux"], ENOENT, ENOENT, 0)),
    ],
    ids=["none", "apparmor", "selinux"],
)
def test_a_module_that_is_on_has_directories(host: HostProfile, seen: tuple[object, ...]) -> None:
    machine = Machine(host, checks=True)
    _, output = machine.spawn_captured(look_at_the_modules)
    assert not machine.run().hung
    assert machine.captured(output).decode() == repr(seen)
