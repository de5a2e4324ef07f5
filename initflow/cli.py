"""The command line: one module of `initflow.commands` for each command, imported when it is asked for."""

import sys
from collections.abc import Sequence

import click

COMMANDS = ("verify", "run", "fuzz", "replay", "explain", "rules", "invariants", "conform", "host-profile")
"""In the order of the help."""


class CommandGroup(click.Group):
    """Imports the module of a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        match cmd_name:
            case "verify":
                from initflow.commands.verify import command
            case "run":
                from initflow.commands.run import command
            case "fuzz":
                from initflow.commands.fuzz import command
            case "replay":
                from initflow.commands.replay import command
            case "explain":
                from initflow.commands.explain import command
            case "rules":
                from initflow.commands.rules import command
            case "invariants":
                from initflow.commands.invariants import command
            case "host-profile":
                from initflow.commands.host_profile import command
            case "conform":
                from initflow.commands.conform import command
            case _:
                return None
        return command


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="initflow")
def cli() -> None:
    """An executable reference of container initialisation on Linux.

    Exit status: 0 if what was asked holds (or shows exactly the expected findings), 1 if it does not, 2 for bad usage or input.
    """


def main(argv: Sequence[str] | None = None) -> None:
    """The command `initflow`. What follows the first "--" is not its own, but the payload's command line."""
    words = list(sys.argv[1:] if argv is None else argv)
    payload: list[str] = []
    if "--" in words:
        cut = words.index("--")
        words, payload = words[:cut], words[cut + 1 :]
    cli.main(args=words, prog_name="initflow", obj=payload)
