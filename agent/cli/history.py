"""`netfold history`: old records into the agent's history, and the history as a file."""

import logging
import sys
from pathlib import Path

import click

from agent import clock, logs
from agent.cli import config_option, stop
from agent.cli.bar import shown
from agent.cli.noted import note
from agent.cli.source import read
from agent.exchange import give, take
from agent.history import HistoryError
from agent.history_reader import HistoryReader
from agent.journal import JournalError, opened, user
from agent.judge.rates import TICK_S
from agent.sources.series import read as read_series
from agent.sources.windows import SourceError
from config.problems import ConfigError

log = logging.getLogger(__name__)


@click.group("history")
def command() -> None:
    """Take old records of lines into the agent's history, or give it out."""


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@config_option
def import_(file: Path, path: Path | None) -> None:
    """Take the lines of a CSV FILE into the history: all of them, or nothing.

    The file is as `assess --series` has it, its subjects the links of the configuration. What the
    history has stays as it is. Do it as the user that runs the agent; it may run meanwhile.
    """
    logs.set_up()
    try:
        config = read(path)
        with shown(f"reading {file.name}") as progress:
            found = read_series(file, TICK_S, progress=progress)
        for series in found.series:
            if series.refused:
                facts = {"subject": series.subject, "values": series.refused}
                log.warning("values that cannot be are left out", extra=facts)
        with shown("writing") as progress:
            kept = config.data_dir / "history.sqlite"
            taken = take(found, config, kept, clock.now().wall_s, progress)
        with opened(config.data_dir) as journal:
            ticks = {it: taken.ticks[it] for it in ("taken", "there", "older")}
            what = {"lines": taken.links, "ticks": ticks}
            journal.append("import", file.name, what, user(), clock.now().wall_s)
    except ConfigError as error:
        stop(error, 2)
    except SourceError as error:
        text = str(error)
        stop(text if text.startswith(str(file)) else f"{file}: {text}", 2)
    except HistoryError as error:
        stop(f"{error}; nothing was taken, try again", 1)
    except JournalError as error:
        stop(f"{taken}, but no entry says so: {error}", 1)
    click.echo(taken)


@command.command("export")
@config_option
def export(path: Path | None) -> None:
    """Print every seen tick of every link, as a CSV file that `history import` takes.

    A first line that begins with # bears the journal's last digest.
    """
    try:
        config = read(path)
        with HistoryReader(config.data_dir / "history.sqlite") as reader:
            with shown("reading") as progress:
                give(config, reader, sys.stdout, note(config.data_dir), progress)
            sys.stdout.flush()
    except ConfigError as error:
        stop(error, 2)
    except HistoryError as error:
        stop(f"{error}; netfold run keeps it", 1)
