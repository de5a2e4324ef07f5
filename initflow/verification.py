"""`verify`: run a configuration's flow on a simulated machine and judge it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fakekernel.description import Description
from fakekernel.machine import Machine
from fakekernel.profile import DEFAULT_HOST, HostProfile
from fakekernel.scheduler import Standstill
from fakekernel.tree import ROOTFS, read_file, write_file
from initflow import nsinit
from initflow.configuration import Configuration, encode
from initflow.flow import Flow
from initflow.flows import FLOWS, LIBCONTAINER
from initflow.invariants.judge import Judgement, judge
from initflow.nsinit import FLOW_VARIABLE
from initflow.run import Recorder, Run, Setting, finish
from initflow.users import ExecUser, UserLookupError, exec_user
from kernelapi.flags import OpenFlag
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel

DEFAULT_PAYLOAD = ("/bin/true",)
PROGRAM = "/usr/bin/nsinit"
DATA_PATH = "/var/lib/initflow"
CALLER_ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root")


@dataclass(frozen=True)
class Result:
    """What came of one configuration: the run, and what the invariants say of it."""

    run: Run
    judgement: Judgement


def verify(
    configuration: Configuration,
    args: Sequence[str] = DEFAULT_PAYLOAD,
    *,
    flow: Flow = LIBCONTAINER,
    image: Path | None = None,
    host: HostProfile = DEFAULT_HOST,
) -> Result:
    """Run `configuration` with the payload `args` through `flow` on a simulated `host`, and judge the run.

    `image` is a directory whose content becomes the container's root file system; without it that is a small busybox tree.
    Raises `fakekernel.loading.TreeError` where the image cannot be read.
    """
    run = execute(configuration, args, flow=flow, image=image, host=host)
    return Result(run, judge(run))


def execute(
    configuration: Configuration,
    args: Sequence[str] = DEFAULT_PAYLOAD,
    *,
    flow: Flow = LIBCONTAINER,
    image: Path | None = None,
    host: HostProfile = DEFAULT_HOST,
    machine: Machine | None = None,
) -> Run:
    """The run alone, on `machine` if one is given."""
    prepared = prepare(configuration, args, flow=flow, image=image, machine=Machine(host) if machine is None else machine)
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
    flow: Flow = LIBCONTAINER,
    image: Path | None = None,
    machine: Machine,
) -> Prepared:
    """Put the image, the runtime and the configuration on `machine`, and a caller that starts the runtime."""
    rootfs = configuration.root_fs or ROOTFS
    if image is not None:
        from fakekernel.loading import load_tree

        load_tree(machine, image, rootfs)
    machine.install(PROGRAM, nsinit.main)
    FLOWS[flow.name] = flow  # by which name the processes find it
    write_file(machine, f"{DATA_PATH}/container.json", encode(configuration))
    setting = Setting(configuration, flow, tuple(args), _configured_user(machine, configuration, rootfs))
    recorder = Recorder()
    machine.observers.append(recorder)
    environment: tuple[str, ...] = (*CALLER_ENVIRONMENT, f"data_path={DATA_PATH}")
    if flow is not LIBCONTAINER:
        environment = (*environment, f"{FLOW_VARIABLE}={flow.name}")
    _, output = machine.spawn_captured(call, (PROGRAM, "exec", "--", *args), environment, ROOTFS)
    return Prepared(setting, machine, recorder, output)


def call(kernel: Kernel, argv: tuple[str, ...], envp: tuple[str, ...], directory: str, output: Fd) -> None:
    """The caller of the runtime: standard output and error go to `output`, standard input is empty, nothing else is open."""
    kernel.dup2(output, Fd(1))
    kernel.dup2(output, Fd(2))
    kernel.close(output)
    kernel.open("/dev/null", OpenFlag.RDONLY)
    kernel.chdir(directory)
    kernel.execve(argv[0], argv, envp)


def _configured_user(machine: Machine, configuration: Configuration, rootfs: str) -> ExecUser | None:
    """The ids that the configured user has by the image's files; None where there is no such user."""
    passwd, group = (read_file(machine, f"{rootfs}/etc/{name}") for name in ("passwd", "group"))
    try:
        return exec_user(configuration.user, ExecUser(home="/"), passwd, group)
    except UserLookupError:
        return None
