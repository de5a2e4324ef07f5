"""`initflow run`: the flow on the real kernel."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from initflow.commands.refusal import fail

if TYPE_CHECKING:
    from kernelapi.event import Event

STATE = "/run/initflow"


@click.command("run", options_metavar="[OPTIONS]", short_help="Run a container: the same flow, on the real kernel.")
@click.argument("config", metavar="CONFIG -- ARG...")
@click.option("--rootfs", metavar="DIR", help="The container's root file system, instead of the one that CONFIG names.")
@click.option("--trace", metavar="FILE", help="Write every call of the flow to this file, as strace would show it.")
@click.option("--state", metavar="DIR", default=STATE, show_default=True, help="Where what a run needs to know is kept.")
@click.option("--no-guard", is_flag=True, help="Without the guard: what is killed leaves behind what the original would leave.")
@click.pass_context
def command(context: click.Context, config: str, rootfs: str | None, trace: str | None, state: str, no_guard: bool) -> None:
    """Run what follows "--" in a container made by the init flow on the kernel of this machine. Needs root.

    The exit status is that of the payload, or 128 and the number of the signal that ended it; 1 if the flow fails, which then
    says why; 2 for bad input. SIGINT and SIGTERM are passed on to the payload; a third one ends it.

    Outside the flow stands a guard: whichever process is killed, no process, mount, network interface or cgroup is left. If the
    guard is killed itself, the next run takes its leftovers away.
    """
    import msgspec

    from fakekernel.profile import security_modules
    from initflow.configuration import ConfigurationError, encode, load
    from initflow.running import processes
    from initflow.running.guard import guard, run_unguarded
    from initflow.running.launch import Launch, environment_of, prepare
    from initflow.running.leftovers import Directory, Notes, clear_abandoned, missing_directories

    args = tuple(context.obj or ())
    if not args:
        fail('run: what is to be run? Its command line follows "--"')
    try:
        configuration = load(config).configuration
    except ConfigurationError as error:
        fail(str(error))
    root = rootfs or configuration.root_fs
    if not root:
        fail(f"{config}: root_fs: names no root file system, and there is no --rootfs")
    if not Path(root).is_dir():
        fail(f"{root}: is no directory that could be a root file system")
    if os.geteuid() != 0:
        fail("run: the real kernel lets only root do this")
    if not processes.shows_own_namespace():
        fail("run: /proc shows the processes of another pid namespace: mount the one of this namespace there")
    configuration = msgspec.structs.replace(configuration, root_fs=str(Path(root).absolute()))
    log = None
    if trace is not None:
        from kernelapi.recorder import SharedLog

        _must_be_writable(trace)
        log = SharedLog()
    prepare(configuration)
    try:
        Path(state).mkdir(mode=0o711, parents=True, exist_ok=True)
        for problem in clear_abandoned(Path(state)):
            click.echo(f"initflow: an earlier run has left behind: {problem}", err=True)
        notes = Notes(cgroups=missing_directories(configuration.cgroups))
        directory = Directory.make(Path(state), encode(configuration), notes)
    except OSError as error:
        fail(f"{error.filename or state}: {error.strerror}")
    launch = Launch(configuration, str(directory.path), args, environment_of(os.environ), log, security_modules())
    status = (run_unguarded if no_guard else guard)(launch, directory)
    if log is not None and trace is not None:
        _write(trace, log.events())
    context.exit(status)


def _must_be_writable(path: str) -> None:
    try:
        with open(path, "w"):
            pass
    except OSError as error:
        fail(f"{path}: {error.strerror}")


def _write(path: str, events: "list[Event]") -> None:
    from kernelapi.notation import render

    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(f"{event.process}  {render(event)}\n" for event in events)
