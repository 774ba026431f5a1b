"""The commands of `netfold`, one file each, imported when called."""

import importlib
import sys
from pathlib import Path
from typing import Never

import click

COMMANDS = (
    *("run", "check", "once", "discover", "assess", "explain", "probe", "history"),
    *("register", "phase", "progress", "plan", "report", "journal", "bundle", "demo"),
)

config_option = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    help="The configuration; config/example.yaml explains every key.",
)


class _Commands(click.Group):
    """Each command is the `command` of the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"agent.cli.{cmd_name}").command
        return command


@click.group(cls=_Commands)
@click.version_option(package_name="netfold")
def netfold() -> None:
    """Find the dedicated networks that nobody uses, and prove it."""


def stop(message: object, code: int) -> Never:
    """End the command: 1 the work failed, 2 bad usage or configuration."""
    click.echo(message, err=True)
    sys.exit(code)
