"""`verify`: run a configuration's flow on a simulated machine and judge it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fakekernel.description import Description
from fakekernel.loaded import content_of
from fakekernel.machine import Machine
from fakekernel.profile import DEFAULT_HOST, HostProfile
from fakekernel.scheduler import Standstill
from fakekernel.tree import ROOTFS, follow, write_file
from initflow import images, nsinit
from initflow.callers import DEFAULT_CALLER, Caller, call
from initflow.collector import uncollected
from initflow.configuration import Configuration, encode
from initflow.flow import Flow
from initflow.flows import FLOWS, LIBCONTAINER_SETNS, original_flow
from initflow.images import DEFAULT_IMAGE, RUNTIME, Image
from initflow.invariants.judge import Judgement, judge
from initflow.nsinit import FLOW_VARIABLE
from initflow.run import Container, Recorder, Run, Setting, becomes_payload, finish
from initflow.users import ExecUser, UserLookupError, exec_user
from kernelapi.flags import FileType

DEFAULT_PAYLOAD = ("/bin/true",)
LASTING_PAYLOAD = ("/bin/sleep", "1000000")
"""Of a container that is to be entered."""

DATA_PATH = "/var/lib/initflow"
CALLER_ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root")

HOST = replace(DEFAULT_HOST, shared_mounts=True)
"""Where the runtime is started: a host as systemd leaves it, with every mount shared.

Nearly every host is one, and only there is it seen what cutting propagation is for: on one whose mounts are private, a flow
that forgets it does no harm, and pivot_root is not refused.
"""

USER_FILES = ("etc/passwd", "etc/group")
SYSTEM_PLACES = (("proc",), ("sys",), ("dev",))
"""What the kernel shows there is not the image's."""


@dataclass(frozen=True)
class Result:
    """What came of one configuration: the run, and what the invariants say of it."""

    run: Run
    judgement: Judgement


def verify(
    configuration: Configuration,
    args: Sequence[str] = DEFAULT_PAYLOAD,
    *,
    into: Sequence[str] | None = None,
    flow: Flow | None = None,
    image: Path | Image = DEFAULT_IMAGE,
    caller: Caller = DEFAULT_CALLER,
    host: HostProfile = HOST,
) -> Result:
    """Run `configuration` with the payload `args` through `flow` on a simulated `host`, and judge the run.

    With `into`, the payload of a container that runs already, `args` is brought into that one as a second process, and it is
    that process that is judged. Without a `flow` it is the one that the original follows.

    `image` is what becomes the container's root file system: one of `initflow.images`, or a real directory to load it from.
    `caller`, one of `initflow.callers`, starts the runtime. Raises `fakekernel.loading.TreeError` where the image cannot be
    read, `NotRunning` where the container that is to be entered does not come to run.
    """
    with uncollected():
        run = execute(configuration, args, into=into, flow=flow, image=image, caller=caller, host=host)
        return Result(run, judge(run))


def execute(
    configuration: Configuration,
    args: Sequence[str] = DEFAULT_PAYLOAD,
    *,
    into: Sequence[str] | None = None,
    flow: Flow | None = None,
    image: Path | Image = DEFAULT_IMAGE,
    caller: Caller = DEFAULT_CALLER,
    host: HostProfile = HOST,
    machine: Machine | None = None,
) -> Run:
    """The run alone, on `machine` if one is given."""
    with uncollected():
        machine = Machine(host) if machine is None else machine
        prepared = prepare(configuration, args, into=into, flow=flow, image=image, caller=caller, machine=machine)
        standstill = prepared.machine.run()
        prepared.machine.close()
        return prepared.finish(standstill)


@dataclass(frozen=True)
class Prepared:
    """A machine on which a caller is about to start the runtime: run it as you like, then `finish`."""

    setting: Setting
    machine: Machine
    recorder: Recorder
    output: Description

    def finish(self, standstill: Standstill) -> Run:
        """The run, once the machine has come to rest."""
        return finish(self.setting, self.machine, self.recorder, standstill, self.machine.captured(self.output))


def prepare(
    configuration: Configuration,
    args: Sequence[str] = DEFAULT_PAYLOAD,
    *,
    into: Sequence[str] | None = None,
    flow: Flow | None = None,
    image: Path | Image = DEFAULT_IMAGE,
    caller: Caller = DEFAULT_CALLER,
    machine: Machine,
) -> Prepared:
    """Put the image, the runtime and the configuration on `machine`, and a caller that starts the runtime.

    With `into` the machine has then run until a container with that payload runs. Raises `NotRunning` where it does not.
    """
    rootfs = configuration.root_fs or ROOTFS
    original = original_flow(configuration) if into is None else LIBCONTAINER_SETNS
    flow = original if flow is None else flow
    if isinstance(image, Image):
        images.furnish(machine, image, rootfs)
    else:
        from fakekernel.loading import load_tree

        load_tree(machine, image, rootfs)
    machine.install(RUNTIME, nsinit.BUILDS[machine.host.security_modules])
    FLOWS[flow.name] = flow  # by which name the processes find it
    write_file(machine, f"{DATA_PATH}/container.json", encode(configuration))
    setting = Setting(
        configuration,
        flow,
        tuple(args),
        _configured_user(machine, configuration, rootfs),
        image=image.name if isinstance(image, Image) else str(image),
        caller=caller.name,
        into=None if into is None else tuple(into),
    )
    recorder = Recorder()
    machine.observers.append(recorder)
    if into is not None:
        recorder.runs_already(_start_container(configuration, tuple(into), machine, recorder))
    environment: tuple[str, ...] = (*CALLER_ENVIRONMENT, f"data_path={DATA_PATH}")
    if flow is not original:
        environment = (*environment, f"{FLOW_VARIABLE}={flow.name}")
    _, output = machine.spawn_captured(call, caller.name, (RUNTIME, "exec", "--", *args), environment, ROOTFS)
    return Prepared(setting, machine, recorder, output)


class NotRunning(Exception):
    """The container that is to be entered does not come to run: why."""


def _start_container(
    configuration: Configuration, args: tuple[str, ...], machine: Machine, recorder: Recorder
) -> Container:
    """Start a container as anybody would, and come back when its payload runs. Raises `NotRunning`."""
    words = (RUNTIME, "exec", "--", *args)
    environment = (*CALLER_ENVIRONMENT, f"data_path={DATA_PATH}")
    starter, output = machine.spawn_captured(call, DEFAULT_CALLER.name, words, environment, ROOTFS)
    name = machine.process(starter).name
    setting = Setting(configuration, original_flow(configuration), args)
    events, standstill = -1, Standstill(())
    while len(machine.events) > events and not (recorder.roles and becomes_payload(machine.events[-1], recorder.roles[-1])):
        events = len(machine.events)
        standstill = machine.run(stop_at=events + 1)
    run = finish(setting, machine, recorder, standstill, machine.captured(output))
    if run.exit is None or run.init is None:
        raise NotRunning(run.message or run.output.decode("utf-8", "replace").strip() or run.outcome.value)
    return Container(run.init, name)


def _configured_user(machine: Machine, configuration: Configuration, rootfs: str) -> ExecUser | None:
    """The ids that the configured user has by the image's files; None where there is no such user, or where it takes more than
    the image to know: what is mounted over the files, or links that lead through what the kernel shows."""
    top = follow(machine.init.fs.root.dentry, rootfs).dentry
    if top is None:
        return None
    mounts = configuration.mount_config.mounts if configuration.mount_config is not None else ()
    contents: list[bytes | None] = []
    try:
        covered = [follow(top, mount.destination).names for mount in mounts if mount is not None]
        for path in USER_FILES:
            names, found = follow(top, path)
            if any(names[: len(place)] == place for place in (*covered, *SYSTEM_PLACES)):
                return None
            if found is not None and found.inode.type not in (FileType.REG, FileType.DIR):
                return None
            contents.append(content_of(found.inode) if found is not None and found.inode.type is FileType.REG else None)
        return exec_user(configuration.user, ExecUser(home="/"), *contents)
    except (UserLookupError, KeyError):
        return None
