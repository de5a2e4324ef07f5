"""The whole flow on the real kernel: the same calls with the same answers as on the simulated one, and the same containers."""

import json
import os
import re
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fakekernel import subject
from fakekernel.machine import Machine
from fakekernel.profile import DEFAULT_HOST
from initflow.configuration import Configuration, decode
from initflow.conformance import flows
from initflow.conformance.flows import Played, differences, play_real, play_simulated
from initflow.verification import execute
from kernelapi.event import Event
from kernelapi.kernel import Kernel
from kernelapi.recorder import SharedLog
from kernelapi.testing import linux
from kernelapi.testing.case import Case, Report

EXAMPLES = Path(__file__).parents[1] / "examples"
OURS = f"initflow-test-{os.getpid()}"
"""The control group below which those of these tests are, in each hierarchy."""

CONTROLLERS = ("cpu", "cpuacct", "cpuset", "devices", "freezer", "blkio")
"""Not memory: the test itself may be limited by it."""

BASE = Path("/sys/fs/cgroup")


def clean() -> None:
    """Take away the control groups that a flow has left. There are none, if it ends as it should."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, own = line.split(":", 2)
        top = BASE / names / own.lstrip("/") / OURS
        for directory, _, _ in os.walk(top, topdown=False):
            for _ in range(100):
                try:
                    os.rmdir(directory)
                    break
                except OSError:
                    time.sleep(0.02)  # a process in it is on its way out


def configured(document: dict[str, Any]) -> Configuration:
    """The configuration, its control groups below ours."""
    if document.get("cgroups"):
        document = {**document, "cgroups": {**document["cgroups"], "parent": OURS}}
    return decode(json.dumps(document).encode(), "a test").configuration


def on_both(document: dict[str, Any], *args: str, enters: bool = False) -> tuple[Played, Played]:
    configuration = configured(document)
    controllers = CONTROLLERS if configuration.cgroups is not None else ()
    return (
        play_real(configuration, args, controllers, clean, enters=enters),
        play_simulated(configuration, args, controllers, enters=enters),
    )


# -- call by call --

CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "a user that is not there": ("no-tty", {"user": "bogus"}),
    "a directory that is not there": ("no-tty", {"working_dir": "/nowhere"}),
    "a route without anything": ("no-tty", {"routes": [{}]}),
    "an unknown network": ("no-tty", {"networks": [{"type": "macvlan"}]}),
    "a limit above its own": ("no-tty", {"rlimits": [{"type": 7, "soft": 10, "hard": 5}]}),
    "a namespace that is not there": ("no-tty", {"namespaces": [{"type": "NEWIPC", "path": "/proc/1/ns/ipcc"}]}),
    "no namespace at all": ("no-tty", {"namespaces": [], "networks": [], "mount_config": None, "restrict_sys": False,
                                       "hostname": ""}),
    "no root of the user namespace": ("userns", {"uid_mappings": [{"container_id": 1, "host_id": 1000, "size": 1}]}),
    "no pivot": ("no-tty", {"mount_config": {
        "no_pivot_root": True, "readonly_fs": True, "device_nodes": [
            {"type": 99, "path": "/dev/null", "major_number": 1, "minor_number": 3, "file_mode": 438}]}}),
    "mounts of every kind": ("no-tty", {"mount_config": {
        "pivot_dir": "/run", "mounts": [
            {"type": "tmpfs", "destination": "/run"},
            {"type": "bind", "source": "/etc", "destination": "/mnt/etc", "writable": False, "private": True},
            {"type": "bind", "source": "/etc/passwd", "destination": "/tmp/a/b", "writable": True, "slave": True}],
        "device_nodes": [
            {"type": 99, "path": "/dev/null", "major_number": 1, "minor_number": 3, "file_mode": 438},
            {"type": 98, "path": "/dev/deep/loop", "major_number": 7, "file_mode": 432, "uid": 1, "gid": 2}]}}),
    "a mount of no kind": ("no-tty", {"mount_config": {"mounts": [{"type": "nfs", "destination": "/mnt"}]}}),
}  # fmt: skip


def example(name: str) -> dict[str, Any]:
    return dict(json.loads((EXAMPLES / f"{name}.json").read_text()))


def told(real: Played, simulated: Played) -> str:
    return "\n".join(map(str, differences(real, simulated)))


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.json")))
@pytest.mark.privileged
def test_an_example_makes_the_same_calls_with_the_same_answers(name: str) -> None:
    real, simulated = on_both(example(name), "/bin/true")
    assert not told(real, simulated)
    assert (real.status, real.output) == (simulated.status, simulated.output) == (0, b"")
    assert len(real.events) == len(simulated.events) > 200


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.privileged
def test_a_flow_that_fails_does_so_at_the_same_call_with_the_same_words(name: str) -> None:
    base, changes = CHANGES[name]
    real, simulated = on_both({**example(base), **changes}, "/bin/true")
    assert not told(real, simulated)
    assert real.status == simulated.status
    assert last_line(real) == last_line(simulated)


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.json")))
@pytest.mark.privileged
def test_a_second_process_makes_the_same_calls_with_the_same_answers(name: str) -> None:
    real, simulated = on_both(example(name), "/bin/true", enters=True)
    assert not told(real, simulated)
    assert (real.status, real.output) == (simulated.status, simulated.output) == (0, b"")
    assert len(real.events) == len(simulated.events) > 100


def last_line(played: Played) -> bytes:
    """What the parent says. What init says before that depends on when it is killed."""
    return played.output.rstrip(b"\n").rpartition(b"\n")[2]


def test_a_difference_is_found() -> None:
    one, other = (play_simulated(configured({**example("no-tty"), "user": user}), ("/bin/true",), ()) for user in ("1", "2"))
    assert [(each.process, each.real.partition("(")[0]) for each in differences(one, other)] == [("1", "read"), ("1.1", "read")]
    assert not told(one, one)


# -- programs bound in process, and executed for real: where only the simulated kernel can tell --


def test_init_that_goes_on_in_process_makes_the_calls_of_one_that_is_executed() -> None:
    configuration = configured({**example("no-tty"), "root_fs": flows.ROOTFS})
    bound = play_simulated(configuration, ("/bin/true",), (), DEFAULT_HOST)
    executed = execute(configuration, ("/bin/true",))
    assert [*calls(bound.events, "1"), "exit_group"] == after_exec(calls(executed.events, "1"))
    init = calls(bound.events, "1.1")
    assert init == calls(executed.events, "1.1")[: len(init)]
    assert init[-1] == "execve"


def calls(events: Iterable[Event], process: str) -> list[str]:
    return [event.call.name for event in events if event.process == process]


def after_exec(names: list[str]) -> list[str]:
    return names[names.index("execve") + 1 :]


# -- the tests that the original has (integration/exec_test.go), on both kernels --

TEMPLATE: dict[str, Any] = {
    "hostname": "integration",
    "environment": ["HOME=/root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
    "namespaces": [{"type": type} for type in ("NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET")],
    "capabilities": [
        "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
        "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
    ],
    "networks": [{"type": "loopback", "address": "127.0.0.1/0", "gateway": "localhost", "mtu": 1500}],
    "rlimits": [{"type": 7, "hard": 1024, "soft": 1024}],
    "mount_config": {"device_nodes": [
        {"type": 99, "path": "/dev/null", "major_number": 1, "minor_number": 3, "cgroup_permissions": "rwm", "file_mode": 438},
    ]},
}  # fmt: skip

BOTH = pytest.mark.parametrize("kernel", ["simulated", pytest.param("real", marks=pytest.mark.privileged)])


class Contained:
    """What a container said, the links of the host's namespaces beside it."""

    def __init__(self, report: Report) -> None:
        assert report.passed, report.failure
        self.links, (self.status, self.output) = report.value

    @property
    def text(self) -> str:
        assert self.status == 0, self.output
        return str(self.output.decode())


def contain(kernel: str, document: dict[str, Any], *args: str, enters: bool = False) -> Contained:
    law = partial(_contain, configuration=configured({**document, "root_fs": flows.ROOTFS}), args=args, enters=enters)
    case = Case(law, tree=True)
    if kernel == "simulated":
        return Contained(subject.run(case, Machine(checks=True)))
    import kernelapi.linux.network  # noqa: F401  before the root is switched

    return Contained(linux.run(case))


def _contain(
    kernel: Kernel, configuration: Configuration, args: tuple[str, ...], *, enters: bool
) -> tuple[dict[str, str], tuple[int, bytes]]:
    links = {name: kernel.readlink(f"/proc/self/ns/{name}") for name in ("ipc", "pid")}
    return links, flows.play(kernel, SharedLog(), configuration, args, (), enters=enters)


def with_ipc(*entries: dict[str, str]) -> dict[str, Any]:
    return {**TEMPLATE, "namespaces": [*(each for each in TEMPLATE["namespaces"] if each["type"] != "NEWIPC"), *entries]}


@BOTH
def test_exec_ps(kernel: str) -> None:
    lines = contain(kernel, TEMPLATE, "ps").text.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["1", "root"]]


def namespace_of(kernel: str, type: str, document: dict[str, Any]) -> tuple[str, str]:
    """The link of a namespace in the container, and the host's."""
    contained = contain(kernel, document, "/bin/busybox", "readlink", f"/proc/self/ns/{type}")
    return contained.text.strip(), contained.links[type]


@BOTH
def test_ipc_private(kernel: str) -> None:
    inside, outside = namespace_of(kernel, "ipc", TEMPLATE)
    assert re.fullmatch(r"ipc:\[\d+\]", inside)
    assert inside != outside


@BOTH
def test_ipc_host(kernel: str) -> None:
    inside, outside = namespace_of(kernel, "ipc", with_ipc())
    assert inside == outside


@BOTH
def test_ipc_join_path(kernel: str) -> None:
    inside, outside = namespace_of(kernel, "ipc", with_ipc({"type": "NEWIPC", "path": "/proc/1/ns/ipc"}))
    assert inside == outside


@BOTH
def test_ipc_bad_path(kernel: str) -> None:
    contained = contain(kernel, with_ipc({"type": "NEWIPC", "path": "/proc/1/ns/ipcc"}), "true")
    assert contained.status == 1 << 8
    assert contained.output.endswith(b"failed to exec: open /proc/1/ns/ipcc: no such file or directory\n")


@BOTH
def test_rlimit(kernel: str) -> None:
    assert contain(kernel, TEMPLATE, "/bin/sh", "-c", "ulimit -n").text.strip() == "1024"


@BOTH
def test_pid_namespace_private(kernel: str) -> None:
    inside, outside = namespace_of(kernel, "pid", TEMPLATE)
    assert inside != outside


@BOTH
def test_exec_in(kernel: str) -> None:
    first, second = contain(kernel, TEMPLATE, "ps", enters=True).text.splitlines()[1:]
    assert (first.split()[:2], first.split()[-2:]) == (["1", "root"], [*flows.LASTING])
    assert (second.split()[:2], second.split()[-1]) == (["2", "root"], "ps")


@BOTH
def test_exec_in_rlimit(kernel: str) -> None:
    document = {**TEMPLATE, "rlimits": [{"type": 7, "hard": 1026, "soft": 1026}]}
    assert contain(kernel, document, "/bin/sh", "-c", "ulimit -n", enters=True).text.strip() == "1026"


# -- and later ones of the original that fit --


@BOTH
def test_exec_in_error(kernel: str) -> None:
    contained = contain(kernel, TEMPLATE, "unexistent", enters=True)
    assert contained.output == b'failed to nsenter: exec: "unexistent": executable file not found in $PATH\n'
    assert contained.status == 1 << 8


@BOTH
def test_exec_in_environment(kernel: str) -> None:
    document = {**TEMPLATE, "environment": ["PATH=/bin", "DEBUG=false", "DEBUG=true", "ENV=test"]}
    lines = contain(kernel, document, "/bin/busybox", "env", enters=True).text.splitlines()
    assert {"DEBUG=true", "ENV=test", "HOME=/root"} <= set(lines)


@BOTH
@pytest.mark.parametrize(("command", "code"), [("exit 7", 7), ("kill -9 $$", 255), ("kill -15 $$", 255)])
def test_the_exit_status_of_who_entered_is_passed_on(kernel: str, command: str, code: int) -> None:
    """Any signal is 255: which one it was, nobody outside learns."""
    assert contain(kernel, TEMPLATE, "/bin/sh", "-c", command, enters=True).status == code << 8


@BOTH
def test_who_enters_a_user_namespaces_container_is_root_of_the_host(kernel: str) -> None:
    mapping = [{"container_id": 0, "host_id": 1000, "size": 1}, {"container_id": 1, "host_id": 100001, "size": 65535}]
    document = {
        **TEMPLATE, "namespaces": [*TEMPLATE["namespaces"], {"type": "NEWUSER"}], "uid_mappings": mapping,
        "gid_mappings": mapping, "rlimits": [],
    }  # fmt: skip
    for enters, ids in ((False, "0 1000 1"), (True, "0 0 4294967295")):
        text = contain(kernel, document, "/bin/cat", "/proc/self/uid_map", enters=enters).text
        assert " ".join(text.splitlines()[0].split()) == ids


@BOTH
def test_process_environment(kernel: str) -> None:
    document = {**TEMPLATE, "environment": ["PATH=/bin", "FOO=BAR"]}
    lines = contain(kernel, document, "/bin/busybox", "env").text.splitlines()
    assert {"FOO=BAR", "HOME=/root"} <= set(lines)


@BOTH
def test_process_capabilities(kernel: str) -> None:
    document = {**TEMPLATE, "capabilities": [*TEMPLATE["capabilities"], "NET_ADMIN"]}
    status = contain(kernel, document, "/bin/cat", "/proc/self/status").text
    effective = int(re.findall(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)[0], 16)
    assert effective >> 12 & 1


@BOTH
def test_user_namespace_exec_ps(kernel: str) -> None:
    mapping = [{"container_id": 0, "host_id": 0, "size": 1000}]
    document = {
        **TEMPLATE,
        "namespaces": [*TEMPLATE["namespaces"], {"type": "NEWUSER"}],
        "uid_mappings": mapping,
        "gid_mappings": mapping,
        "rlimits": [],
    }
    lines = contain(kernel, document, "ps").text.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["1", "root"]]


@BOTH
def test_a_missing_program(kernel: str) -> None:
    contained = contain(kernel, TEMPLATE, "unexistent")
    assert contained.output.endswith(b'failed to exec: exec: "unexistent": executable file not found in $PATH\n')


@BOTH
@pytest.mark.parametrize(("command", "status"), [("exit 7", 7 << 8), ("kill -9 $$", 0)])
def test_the_exit_status_is_passed_on(kernel: str, command: str, status: int) -> None:
    """Nobody kills the first process of a pid namespace from inside."""
    assert contain(kernel, TEMPLATE, "/bin/sh", "-c", command).status == status


@BOTH
def test_a_signal_is_told_as_128_and_its_number(kernel: str) -> None:
    document = {**TEMPLATE, "namespaces": [each for each in TEMPLATE["namespaces"] if each["type"] != "NEWPID"],
                "cgroups": {"name": "none", "allow_all_devices": True}}  # fmt: skip
    played: Callable[..., Played] = play_simulated if kernel == "simulated" else partial(play_real, cleanup=clean)
    outcome = played(configured(document), ("/bin/sh", "-c", "kill -9 $$"), CONTROLLERS)
    assert outcome.status == (128 + 9) << 8
