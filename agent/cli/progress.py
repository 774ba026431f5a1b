"""`netfold progress`: how far everyone is, held to plan and milestones."""

import json
from pathlib import Path
from typing import cast

import click

from agent import clock, facts, logs
from agent.cli import config_option, stop
from agent.cli.grids import show
from agent.cli.phase import look_at
from agent.cli.source import read
from agent.progress import counted, progress_of
from agent.progress_json import GROUPS, said_of
from agent.progress_tables import grids
from agent.web.words import WORDS, Language
from config.problems import ConfigError


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option("--by", type=click.Choice(GROUPS), default=GROUPS[0], show_default=True)
@click.option("--lang", type=click.Choice(tuple(WORDS)), default="en", show_default=True)
def command(path: Path | None, as_json: bool, by: str, lang: str) -> None:
    """Print how far the networks are, by department, region or level, and what is overdue."""
    logs.set_up()
    try:
        config = read(path)
    except ConfigError as error:
        stop(error, 2)
    at_s = clock.now().wall_s
    seen = look_at(config, at_s)
    networks = list(counted(seen.config, seen.timelines, seen.migrations, seen.verdicts))
    said = said_of(progress_of(seen.config, networks, facts.day(at_s)))
    if as_json:
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
        return
    words = WORDS[cast("Language", lang)]
    click.echo(f"{words['progress']} · {words['today']} {said['date']}")
    show(grids(said, words, [by]), words["more"])
