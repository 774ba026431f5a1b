"""`netfold plan`: which lines may move, in which wave, by what their destination's uplinks bear."""

import json
from pathlib import Path
from typing import Any, cast

import click

from agent import clock, facts, logs
from agent.assessor import SETTLED_S
from agent.cli import config_option, stop
from agent.cli.assess import past, time_s
from agent.cli.bar import shown
from agent.cli.grids import show
from agent.cli.source import read
from agent.declared import applied, look
from agent.history import HistoryError
from agent.history_reader import HistoryReader
from agent.parties import PlanError
from agent.plan_json import said_of
from agent.plan_tables import grids, notes
from agent.plan_words import PLAN_WORDS
from agent.planning import Plan, planned
from agent.sources.windows import SourceError, Windows
from agent.web.words import WORDS, Language
from config.agent import AgentConfig
from config.policy import load_policy
from config.problems import ConfigError


@click.command()
@config_option
@click.option(
    "--prometheus", metavar="URL", help="Plan by what this server holds, not the history."
)
@click.option(
    "--policy", "policy_path", type=click.Path(path_type=Path), help="Plan by another policy."
)
@click.option("--at", help="Plan as of this time (UTC), as 2026-11-01T00:00.")
@click.option("--cutovers", type=int, metavar="K", help="At most K a wave; default: the policy's.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option("--lang", type=click.Choice(tuple(WORDS)), default="en", show_default=True)
def command(as_json: bool, lang: str, **asked: Any) -> None:
    """Print which lines of dedicated networks may move to the shared ones, and in which wave."""
    logs.set_up()
    said = said_of(_planned(**asked))
    if as_json:
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
        return
    language = cast("Language", lang)
    words = WORDS[language] | PLAN_WORDS[language]
    click.echo(words["plan"])
    for line in notes(said, words):
        click.echo(line)
    show(grids(said, words), words["more"])


def _planned(
    *,
    path: Path | None,
    prometheus: str | None,
    policy_path: Path | None,
    at: str | None,
    cutovers: int | None,
) -> Plan:
    """Plan what the options name, or end the command with what is wrong."""
    if cutovers is not None and cutovers < 1:
        stop(f"--cutovers: {cutovers} is less than 1; write how many a wave may have, as 10", 2)
    if prometheus is not None and path is None:
        stop("--prometheus needs -c FILE: the configuration says which links there are", 2)
    at_s = _at_s(at, of_history=prometheus is None)
    try:
        config = read(path)
        if policy_path is not None:
            config = config.model_copy(update={"policy": load_policy(policy_path)})
        config = applied(config, look(config, facts.day(at_s)).timelines)
        if prometheus is not None:
            return _of_prometheus(prometheus, config, at_s, cutovers)
        with HistoryReader(config.data_dir / "history.sqlite") as reader:
            _within(reader, at_s)
            return _of(config, reader, at_s, cutovers)
    except (ConfigError, PlanError) as error:
        stop(error, 2)
    except SourceError as error:
        stop(error, 1)
    except HistoryError as error:
        stop(f"{error}; netfold run keeps it, and --prometheus asks a server instead", 1)


def _at_s(at: str | None, *, of_history: bool) -> float:
    """The time to plan as of; the history knows of none to come, a server's clock is its own."""
    if at is None:
        return clock.now().wall_s - SETTLED_S
    at_s = time_s(at)
    if of_history:
        past(at_s, at)
    return at_s


def _within(reader: HistoryReader, at_s: float) -> None:
    """Refuse a time from before the history, of which every line would look unseen."""
    first = reader.first_tick
    if first is not None and at_s <= (began_s := first * reader.tick_s):
        msg = f"--at {facts.day(at_s)} is before the history, which begins on "
        msg += f"{facts.day(began_s)}; name a later time"
        raise PlanError(msg)


def _of(config: AgentConfig, windows: Windows, at_s: float, cutovers: int | None) -> Plan:
    return planned(config, windows, int(at_s // windows.tick_s), facts.day(at_s), cutovers)


def _of_prometheus(url: str, config: AgentConfig, at_s: float, cutovers: int | None) -> Plan:
    from agent.sources.prometheus import PrometheusReader  # noqa: PLC0415 - aiohttp only for it

    try:
        with (
            shown("reading") as progress,
            PrometheusReader(url, config.prometheus, progress) as reader,
        ):
            return _of(config, reader, at_s, cutovers)
    except ValueError as error:
        stop(error, 2)
