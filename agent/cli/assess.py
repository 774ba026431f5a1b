"""`netfold assess`: verdicts by the agent's history or on recorded series."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from agent import clock, facts
from agent.assessment import assess
from agent.assessor import SETTLED_S
from agent.cli import config_option, stop
from agent.cli.assessed import Judged, show
from agent.cli.source import read
from agent.data_centres import data_centres
from agent.history import HistoryError
from agent.history_reader import HistoryReader
from agent.judge.bounds import Traffic, Usage
from agent.judge.evidence import Evidence, of_traffic, of_usage
from agent.judge.rates import TICK_S
from agent.judge.status import Status
from agent.judge.verdict import earliest, judge
from agent.judge.words import flip_in_words, rule_in_words
from agent.replay import changes
from agent.right_sizing import RightSize
from agent.sources.series import File, SeriesError
from agent.sources.series import read as read_series
from agent.verdict import Verdict
from agent.verdict_json import iso, said_of
from config.agent import AgentConfig
from config.policy import Policy, load_policy
from config.problems import ConfigError

log = logging.getLogger(__name__)


def source_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command that judges: what, by which policy, as of when."""
    for option in (
        click.option(
            "--step", type=click.FloatRange(min=1), default=TICK_S, help="Of --series, s."
        ),
        click.option("--at", help="Judge as of this time (UTC), as 2026-11-01T00:00."),
        click.option(
            "--policy", "policy_path", type=click.Path(path_type=Path), help="Another one."
        ),
        click.option("--series", type=click.Path(path_type=Path), help="A CSV, not the history."),
        config_option,
    ):
        command = option(command)
    return command


@click.command()
@source_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(as_json: bool, **source: Any) -> None:
    """Judge every line by the agent's history, or every line or server of a CSV file."""
    done = judged(**source)
    changed = {(it.kind, it.subject): it for it in done.changes or ()}
    if as_json:
        said = [said_of(it, done.policy) for it in done.verdicts]
        for one in said:
            if (change := changed.get((one["kind"], one["subject"]))) is not None:
                one["change"] = {"from": change.before, "why": change.why}
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        show(done)


def judged(
    path: Path | None, series: Path | None, policy_path: Path | None, at: str | None, step: float
) -> Judged:
    """Judge what the options name, or end the command with what is wrong."""
    if series is not None and path is not None:
        stop("--series and -c exclude each other: a file is judged, or the agent's history", 2)
    at_s = None if at is None else _time_s(at)
    try:
        own = load_policy(policy_path) if policy_path or series else None
        if series is not None:
            file, shipped = read_series(series, step), load_policy(None)
            verdicts = _of_file(file, shipped, at_s)
            return _under(own, shipped, verdicts, lambda it: _of_file(file, it, at_s))
        config = read(path)
        verdicts, again = _of_history(config, at_s)
        done = _under(own, config.policy, verdicts, again)
        return done._replace(data_centres=data_centres(config, done.verdicts))
    except (ConfigError, SeriesError) as error:
        stop(error, 2)
    except HistoryError as error:
        stop(f"{error}; netfold run keeps it, and --series judges a CSV file", 1)


def _under(
    own: Policy | None,
    in_force: Policy,
    verdicts: list[Verdict],
    judge_by: Callable[[Policy], list[Verdict]],
) -> Judged:
    """Judge by another policy too where one is named, and say what it changes."""
    if own is None:
        return Judged(in_force, verdicts)
    tried = judge_by(own)
    return Judged(own, tried, tuple(changes(verdicts, tried)))


def _of_history(
    config: AgentConfig, at_s: float | None
) -> tuple[list[Verdict], Callable[[Policy], list[Verdict]]]:
    """The verdicts, and how to have them by another policy, of the same moment."""
    end_s = clock.now().wall_s - SETTLED_S if at_s is None else at_s

    def by(policy: Policy) -> list[Verdict]:
        its = config.model_copy(update={"policy": policy})
        with HistoryReader(config.data_dir / "history.sqlite") as reader:
            return list(assess(its, reader, int(end_s // reader.tick_s), facts.day(end_s)))

    return by(config.policy), by


def _of_file(file: File, policy: Policy, at_s: float | None) -> list[Verdict]:
    rules = policy.links if file.kind == "link" else policy.servers
    ticks = int(rules.window_s // file.step_s)
    last = None if at_s is None else int(at_s // file.step_s) - 1
    make = file.traffic if file.kind == "link" else file.usage
    found = []
    for series in file.series:
        window: Traffic | Usage = make(series, ticks, last)
        judgement = judge(window, rules)
        more = earliest(window, rules) if judgement.status is Status.UNKNOWN else None
        when_s = None if more is None else (window.first + window.ticks + more) * file.step_s
        evidence = (
            of_traffic(window, policy.calendar)
            if isinstance(window, Traffic)
            else of_usage(window, policy.calendar)
        )
        found.append(
            Verdict(file.kind, series.subject, judgement.status, judgement, evidence, (), when_s)
        )
        if series.refused:
            log.warning(
                "values that cannot be are left out",
                extra={"subject": series.subject, "values": series.refused},
            )
    return found


def _time_s(text: str) -> float:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        stop(f"--at: not a time: {text!r}; write as 2026-11-01T00:00 (UTC)", 2)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _smaller(size: RightSize) -> str:
    text = f"{size.bandwidth_bps / 1e6:g} Mbit/s would do: it would surely not be busy"
    saving = size.annual_saving_yuan
    return text if saving is None else f"{text}, and cost {saving:,.0f} yuan less a year"


def _office(office: Evidence) -> str:
    """What was seen of the office hours alone, and which years have none that are known."""
    text = f"office hours: {office.ticks} ticks"
    if office.mean is not None and office.p95 is not None:
        text += f", mean {office.mean:.1%}, p95 {office.p95:.1%}"
    for year in office.unknown_years:
        text += f"; the calendar does not know the working days of {year}: its years: may say them"
    return text


def explained(one: Verdict) -> Iterator[str]:
    """The whole story of one verdict, a line each."""
    yield f"{one.kind} {one.subject}: {one.status}"
    if one.members:
        yield f"made of {', '.join(one.members)}"
    if one.status is not one.judgement.status:
        yield f"the data alone prove: {one.judgement.status}"
    main = one.main_evidence
    if main is None:
        return
    seen = f"{main.seen_ratio:.1%} of {main.ticks} ticks were seen"
    yield f"window {iso(main.from_s)} to {iso(main.to_s)}: {seen}"
    if main.office is not None:
        yield _office(main.office)
    for outcome in one.judgement.outcomes:
        yield f"  {rule_in_words(outcome, main.ticks)}"
    yield flip_in_words(one.judgement, main.ticks)
    if one.right_size is not None:
        yield _smaller(one.right_size)
    if one.earliest_s is not None:
        yield f"if it stays silent and seen, low use can be proven from {iso(one.earliest_s)}"
