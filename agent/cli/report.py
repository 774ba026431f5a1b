"""`netfold report`: what a network centre hands to the ministry, as HTML, XLSX, CSV or JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import click

from agent import clock, logs
from agent.assessor import SETTLED_S
from agent.cli import config_option, stop
from agent.cli.assess import past, time_s
from agent.cli.bar import shown
from agent.cli.noted import digest
from agent.cli.source import read
from agent.history import HistoryError
from agent.journal import JournalError
from agent.report.content import content
from agent.report.forms import FORMS, written
from agent.report.gathered import gather
from agent.report.month import Month, ReportError
from agent.web.words import WORDS, Language
from agent.whole_file import WriteError, refuse, write
from config.agent import AgentConfig
from config.problems import ConfigError, hint


@click.command()
@config_option
@click.option("--at", help="Report as of this time (UTC), as 2026-11-01T00:00.")
@click.option(
    "--month", metavar="YYYY-MM", help="The month of availability; default: the last whole one."
)
@click.option("--lang", type=click.Choice(tuple(WORDS)), default="en", show_default=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(tuple(FORMS)),
    help="The form, whatever the suffix of --out.",
)
@click.option(
    "--out",
    "outs",
    type=click.Path(path_type=Path),
    required=True,
    multiple=True,
    help="A new file; its suffix says in which form. May be given several times.",
)
@click.option("--force", is_flag=True, help="Write over files that are there.")
def command(
    path: Path | None,
    at: str | None,
    month: str | None,
    *,
    lang: str,
    form: str | None,
    outs: Sequence[Path],
    force: bool,
) -> None:
    """Write the report: low use with its evidence, progress, availability, and what was not seen.

    HTML is one file that prints well, XLSX has a sheet for each section, CSV the low-use list
    alone, JSON all of it. One reading of the history serves all files.
    """
    logs.set_up()
    try:
        forms = _forms(outs, form, force=force)
        which = None if month is None else Month.read(month)
        at_s = _end_s(at)
        config = read(path)
        found = _content(config, at_s, which)
    except (ConfigError, ReportError, WriteError) as error:
        stop(error, 2)
    except HistoryError as error:
        stop(f"{error}; netfold run keeps it, and without it there is nothing to report", 1)
    for out, its in forms.items():
        _write(out, found, its, cast("Language", lang), force=force)
        click.echo(out)


def _forms(outs: Sequence[Path], form: str | None, *, force: bool) -> dict[Path, str]:
    """The form of each file; what cannot be written is told before any work is done for it."""
    if form is not None and len(outs) > 1:
        stop("--format is of one --out; of several, each suffix says the form", 2)
    found: dict[Path, str] = {}
    for out in outs:
        its = form or out.suffix.lower().removeprefix(".")
        if its not in FORMS:
            known = hint(out.suffix, [f".{it}" for it in FORMS], "name it with one of {}")
            stop(f"{out}: its suffix says no form of a report; {known}; or say --format", 2)
        if out in found:
            stop(f"{out}: named twice; name each file once", 2)
        refuse(out, force=force)
        if not out.parent.is_dir():
            stop(f"{out}: there is no folder {out.parent}; name one that is there", 2)
        found[out] = its
    return found


def _end_s(at: str | None) -> float:
    if at is None:
        return clock.now().wall_s - SETTLED_S
    at_s = time_s(at)
    past(at_s, at)
    return at_s


def _content(config: AgentConfig, at_s: float, month: Month | None) -> dict[str, object]:
    journal = _journal(config)
    with shown("judging") as told:
        found = gather(config, at_s, month, told)
    return content(found, journal, clock.now().wall_s)


def _journal(config: AgentConfig) -> str | None:
    """The journal's last digest; None, and told on stderr, where it is damaged."""
    try:
        return digest(config.data_dir)
    except JournalError as error:
        click.echo(f"netfold: {error}; the report bears no digest", err=True)
        return None


def _write(
    out: Path, found: dict[str, object], form: str, language: Language, *, force: bool
) -> None:
    try:
        write(out, written(found, form, language), force=force)
    except WriteError as error:
        stop(error, 1)
    except OSError as error:  # a workbook is put together in the folder for temporary files
        stop(f"{out} cannot be written: {error.strerror}; make room where TMPDIR is", 1)
