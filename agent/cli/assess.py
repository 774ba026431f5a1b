"""`netfold assess`: verdicts by the agent's history or on recorded series."""

import json
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from agent import clock, facts, logs
from agent.assessment import assess, assess_lines
from agent.assessor import SETTLED_S
from agent.cli import config_option, stop
from agent.cli.assessed import Judged, Verdicts, show
from agent.cli.bar import shown
from agent.cli.source import read
from agent.data_centres import data_centres
from agent.declared import applied, look
from agent.history import HistoryError
from agent.history_reader import HistoryReader
from agent.judge.bounds import Traffic, Usage
from agent.judge.evidence import of_traffic, of_usage
from agent.judge.rates import TICK_S
from agent.judge.status import Status
from agent.judge.verdict import earliest, judge
from agent.replay import changes
from agent.server_assessment import assess_servers
from agent.sources.rows import SeriesError
from agent.sources.series import File, Span
from agent.sources.series import read as read_series
from agent.sources.windows import SourceError, Windows
from agent.systems import assess_systems
from agent.verdict import Verdict
from agent.verdict_json import said_of
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
            "--policy",
            "policy_path",
            type=click.Path(path_type=Path),
            help="Judge by another policy.",
        ),
        click.option(
            "--series", type=click.Path(path_type=Path), help="Judge a CSV, not the history."
        ),
        click.option("--prometheus", metavar="URL", help="Judge what it holds, not the history."),
        config_option,
    ):
        command = option(command)
    return command


@click.command()
@source_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(as_json: bool, **source: Any) -> None:
    """Judge all by the agent's history, lines and servers by a Prometheus, or all of a CSV file."""
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
    *,
    path: Path | None,
    series: Path | None,
    prometheus: str | None,
    policy_path: Path | None,
    at: str | None,
    step: float,
) -> Judged:
    """Judge what the options name, or end the command with what is wrong."""
    logs.set_up()
    _check_usage(path, series, prometheus)
    at_s = None if at is None else time_s(at)
    try:
        own = load_policy(policy_path) if policy_path else None
        if series is not None:
            return _of_file(series, step, own, at_s)
        config = read(path)
        if prometheus is not None:
            return _of_prometheus(prometheus, config, own, at_s)
        return _of_history(config, own, at_s)
    except (ConfigError, SeriesError) as error:
        stop(error, 2)
    except SourceError as error:
        stop(error, 1)
    except HistoryError as error:
        stop(f"{error}; netfold run keeps it, and --series judges a CSV file", 1)


def _check_usage(path: Path | None, series: Path | None, prometheus: str | None) -> None:
    if series is not None and path is not None:
        stop("--series and -c exclude each other: a file is judged, or the agent's history", 2)
    if series is not None and prometheus is not None:
        stop("--series and --prometheus exclude each other; name one source", 2)
    if prometheus is not None and path is None:
        stop("--prometheus needs -c FILE: the configuration says which links there are", 2)


def _under(in_force: Policy, own: Policy | None, judge_by: Callable[[Policy], Verdicts]) -> Judged:
    """Judge by another policy too where one is named, and say what it changes."""
    verdicts = judge_by(in_force)
    if own is None:
        return Judged(in_force, verdicts)
    tried = judge_by(own)
    return Judged(own, tried, tuple(changes(verdicts, tried)))


def _of_history(config: AgentConfig, own: Policy | None, at_s: float | None) -> Judged:
    with HistoryReader(config.data_dir / "history.sqlite") as reader:
        end_tick, today = _end(reader, at_s)
        declared = applied(config, look(config, today).timelines)  # a moving line has no right size

        def by(policy: Policy) -> Verdicts:
            its = declared.model_copy(update={"policy": policy})
            systems = assess_systems(its, reader, end_tick, today)
            return [*assess(its, reader, end_tick, today), *systems]

        done = _under(config.policy, own, by)
    return done._replace(data_centres=data_centres(config, done.verdicts))


def _of_prometheus(url: str, config: AgentConfig, own: Policy | None, at_s: float | None) -> Judged:
    """Lines and servers: a system's clients on its own host, as a proxy, are not on /metrics."""
    from agent.sources.prometheus import PrometheusReader  # noqa: PLC0415 - aiohttp only for it

    if config.systems:
        log.warning(
            "systems are not judged by a Prometheus: it knows nothing of clients on the host itself"
        )
    try:
        with (
            shown("reading") as progress,
            PrometheusReader(url, config.prometheus, progress) as reader,
        ):
            end_tick, today = _end(reader, at_s)

            def by(policy: Policy) -> Verdicts:
                its = config.model_copy(update={"policy": policy})
                servers = assess_servers(its, reader, end_tick, today)
                return [*assess_lines(its, reader, end_tick, today), *servers]

            return _under(config.policy, own, by)
    except ValueError as error:
        stop(error, 2)


def _end(windows: Windows, at_s: float | None) -> tuple[int, date]:
    """The tick before which a window ends, and that day."""
    end_s = clock.now().wall_s - SETTLED_S if at_s is None else at_s
    return int(end_s // windows.tick_s), facts.day(end_s)


def _of_file(path: Path, step_s: float, own: Policy | None, at_s: float | None) -> Judged:
    shipped = load_policy(None)
    file = _read_file(path, step_s, [shipped, own or shipped], at_s)
    return _under(shipped, own, lambda it: _by(it, file, at_s))


def _read_file(path: Path, step_s: float, policies: Sequence[Policy], at_s: float | None) -> File:
    """Read of each subject what the longest of the policies' windows can want."""
    windows_s = [it for one in policies for it in (one.links.window_s, one.servers.window_s)]
    last = None if at_s is None else int(at_s // step_s) - 1
    with shown(f"reading {path.name}") as progress:
        file = read_series(path, step_s, Span(int(max(windows_s) // step_s), last), progress)
    for series in file.series:
        if series.refused:
            log.warning(
                "values that cannot be are left out",
                extra={"subject": series.subject, "values": series.refused},
            )
    return file


def _by(policy: Policy, file: File, at_s: float | None) -> Verdicts:
    """Every series of a file, judged."""
    rules = policy.links if file.kind == "link" else policy.servers
    ticks = int(rules.window_s // file.step_s)
    last = None if at_s is None else int(at_s // file.step_s) - 1
    make = file.traffic if file.kind == "link" else file.usage
    found: Verdicts = []
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
    return found


def time_s(text: str, option: str = "--at") -> float:
    """Read an option's time, as epoch seconds; ends the command where it is none."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        stop(f"{option}: not a time: {text!r}; write as 2026-11-01T00:00 (UTC)", 2)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def past(at_s: float, written: str) -> None:
    """End the command where a time is to come; `written` is what was asked for."""
    if at_s > clock.now().wall_s:
        stop(f"--at {written} is to come; name a time that has been, in UTC", 2)
