"""`initflow host-profile`: what this host is like, as the simulated kernel can start from it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from initflow.commands.refusal import fail

if TYPE_CHECKING:
    from rich.console import Console

    from fakekernel.profile import HostProfile


@click.command("host-profile", short_help="Tell what this host is like, for `verify --host`.")
@click.option("-o", "--output", metavar="FILE", help="Write the profile to this file, for `verify --host FILE`.")
@click.option("--json", "as_json", is_flag=True, help="Print the profile as JSON.")
@click.pass_context
def command(context: click.Context, output: str | None, as_json: bool) -> None:
    """Tell what the kernel of this host is, and what a container's init may meet on it: capabilities, limits, security modules,
    control groups, the numbers of /proc/sys, how its own file systems are mounted.

    No root is needed: but what root may do here, only root can tell. `initflow verify --host FILE` simulates such a host.
    """
    from rich.console import Console

    from fakekernel.profile import capture
    from initflow import hosts
    from kernelapi.releases import doubts
    from kernelapi.testing.golden import releases

    if context.obj:
        fail(f"host-profile takes no command line, and there is {context.obj[0]!r}")
    try:
        host = capture()
    except (OSError, ValueError, KeyError) as error:
        fail(f"/proc: this host cannot be told: {error}")
    text = json.dumps(hosts.as_json(host), indent=2, ensure_ascii=False) + "\n"
    if output is not None:
        try:
            Path(output).write_text(text, "utf-8")
        except OSError as error:
            fail(f"{output}: {error.strerror}")
    if as_json:
        click.echo(text, nl=False)
    elif output is None:
        _show(Console(highlight=False), host)
    if doubt := doubts(host.release, releases()):
        click.echo(f"initflow: {doubt}", err=True)


def _show(console: "Console", host: "HostProfile") -> None:
    from rich.table import Table

    from kernelapi.flags import RLIM_INFINITY, Rlimit

    def number(value: int) -> str:
        return "unlimited" if value == RLIM_INFINITY else str(value)

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    table.add_row("kernel", f"Linux {host.release} {host.version}")
    table.add_row("names", f"{host.hostname}, domain {host.domainname}")
    table.add_row("processors", str(host.processors))
    table.add_row("bounding set", str(host.bounding))
    table.add_row("effective set", str(host.bounding if host.effective is None else host.effective))
    table.add_row("security modules", ", ".join(host.security_modules) or "none that label processes")
    table.add_row("cgroup version 1", ", ".join(host.cgroup_v1) or "none")
    limits = (f"{Rlimit(each).name} {number(limit.soft)}, {number(limit.hard)}" for each, limit in host.limits)
    table.add_row("limits", "\n".join(limits))
    table.add_row("/proc/sys", "\n".join(f"{name} {value}" for name, value in host.parameters))
    shape = (f"{mount.point} {mount.fstype} {','.join(mount.flags)} {mount.propagation}" for mount in host.mounts)
    table.add_row("mounts", "\n".join(shape))
    table.add_row("other mounts", "shared" if host.shared_mounts else "private")
    console.print(table)
