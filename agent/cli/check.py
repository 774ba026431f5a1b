"""`netfold check`: every mistake in a configuration, and whether its targets answer."""

import asyncio
import sys
from pathlib import Path

import click

from agent import logs
from agent.cli import config_option, stop
from agent.cli.source import read
from agent.round import measure_once
from config.agent import AgentConfig
from config.problems import ConfigError
from config.targets import targets


@click.command()
@config_option
@click.option("--live", is_flag=True, help="Also try each target once.")
def command(path: Path | None, live: bool) -> None:
    """Check a configuration without touching the network; exit 2 if it has mistakes.

    With --live, exit 1 if any target cannot be measured.
    """
    if path is None:
        msg = "netfold check: name the file, as in: netfold check -c netfold.yaml"
        stop(msg, 2)
        return
    try:
        config = read(path)
    except ConfigError as error:
        count = len(error.problems)
        stop(f"{error}\n{count} mistake{'s' if count > 1 else ''}", 2)
        return
    click.echo(f"{path}: no mistakes: {_counts(config)}")
    if live:
        logs.set_up()
        sys.exit(_try(config))


def _counts(config: AgentConfig) -> str:
    sections = ("networks", "devices", "links", "servers", "systems", "probes")
    counts = ((name, len(getattr(config, name))) for name in sections)
    return ", ".join(f"{count} {name if count != 1 else name[:-1]}" for name, count in counts)


def _try(config: AgentConfig) -> int:
    """Measure every target once; a line each, and 1 if any failed."""
    observations = asyncio.run(measure_once(targets(config)))
    for it in observations:
        verdict = "ok" if it.reason is None else f"{it.reason}: {it.detail}"
        click.echo(f"{it.target.kind} {it.target.name} ({it.target.address}): {verdict}")
    return int(any(it.reason is not None for it in observations))
