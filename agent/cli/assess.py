"""`netfold assess`: verdicts on recorded series, by the policy in force or by another."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from agent.cli import stop
from agent.judge.bounds import Traffic, Usage
from agent.judge.evidence import Evidence, of_traffic, of_usage
from agent.judge.rates import TICK_S
from agent.judge.verdict import Judgement, Status, earliest, judge
from agent.judge.words import flip_in_words, rule_in_words
from agent.sources.series import File, Series, SeriesError, read
from config.policy import Policy, UsePolicy, load_policy
from config.problems import ConfigError

series_option = click.option(
    "--series", "path", type=click.Path(path_type=Path), required=True, help="A CSV of series."
)
policy_option = click.option(
    "--policy", "policy_path", type=click.Path(path_type=Path), help="Another policy."
)
at_option = click.option("--at", help="Judge as of this time (UTC), as 2026-11-01T00:00.")
step_option = click.option("--step", type=click.FloatRange(min=1), default=TICK_S)


@dataclass(frozen=True, slots=True)
class Assessed:
    """A subject, its window and what the window proves."""

    kind: str
    series: Series
    window: Traffic | Usage
    judgement: Judgement
    earliest_s: float | None

    @property
    def subject(self) -> str:
        """Its name in the file."""
        return self.series.subject


@click.command()
@series_option
@policy_option
@at_option
@step_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(
    path: Path, policy_path: Path | None, at: str | None, step: float, as_json: bool
) -> None:
    """Judge every line or server of a CSV file."""
    policy, found = assessed(path, policy_path, at, step)
    if as_json:
        said = [_as_json(it, policy) for it in found]
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        _show(found)


def assessed(
    path: Path, policy_path: Path | None, at: str | None, step_s: float
) -> tuple[Policy, list[Assessed]]:
    """Judge a file, or end the command with what is wrong."""
    try:
        policy = load_policy(policy_path)
        file = read(path, step_s)
    except (ConfigError, SeriesError) as error:
        stop(error, 2)
    last = None if at is None else int(_time_s(at) // step_s) - 1
    rules = policy.links if file.kind == "link" else policy.servers
    return policy, [_assess(file, it, rules, last) for it in file.series]


def _assess(file: File, series: Series, rules: UsePolicy, last: int | None) -> Assessed:
    ticks = int(rules.window_s // file.step_s)
    make = file.traffic if file.kind == "link" else file.usage
    window: Traffic | Usage = make(series, ticks, last)
    judgement = judge(window, rules)
    more = earliest(window, rules) if judgement.status is Status.UNKNOWN else None
    end_s = (window.first + window.ticks) * file.step_s
    when_s = None if more is None else end_s + more * file.step_s
    return Assessed(file.kind, series, window, judgement, when_s)


def _time_s(text: str) -> float:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        stop(f"--at: not a time: {text!r}; write as 2026-11-01T00:00 (UTC)", 2)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _as_json(one: Assessed, policy: Policy) -> dict[str, object]:
    """The contract's shape; `since` and `confirmed` belong to verdicts that an agent keeps."""
    return {
        "kind": one.kind,
        "subject": one.subject,
        "status": one.judgement.status,
        "since": None,
        "confirmed": False,
        "earliest": None if one.earliest_s is None else _iso(one.earliest_s),
        "members": [],
        "policy": policy.hash,
        "rules": [
            {"rule": str(it), "share": list(it.share), "holds": it.holds}
            for it in one.judgement.outcomes
        ],
        "evidence": _evidence(one.window),
    }


def _evidence(window: Traffic | Usage) -> dict[str, object]:
    if isinstance(window, Usage):
        return {measure: _figures(it) for measure, it in of_usage(window).items()}
    capacity = float(window.capacity[-1])
    known = None if math.isnan(capacity) else capacity
    return {**_figures(of_traffic(window)), "capacity_bps": known}


def _figures(evidence: Evidence) -> dict[str, object]:
    figures = asdict(evidence)
    from_s, to_s = figures.pop("from_s"), figures.pop("to_s")
    return {"from": _iso(from_s), "to": _iso(to_s), **figures}


def _iso(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).isoformat()


def _show(found: list[Assessed]) -> None:
    from agent.cli.shown import console, percent, table  # noqa: PLC0415 - rich only where shown

    shown = table("subject", "verdict", ">seen", ">mean", ">p95", ">peak", "~why")
    for one in found:
        evidence = _main_evidence(one.window)
        shown.add_row(
            one.subject,
            one.judgement.status,
            percent(evidence.seen_ratio),
            *(percent(it) for it in (evidence.mean, evidence.p95, evidence.peak)),
            flip_in_words(one.judgement, one.window.ticks),
        )
    console().print(shown)
    for one in found:
        if one.series.refused:
            click.echo(f"{one.subject}: {one.series.refused} values that cannot be, left out")


def _main_evidence(window: Traffic | Usage) -> Evidence:
    return (
        of_traffic(window) if isinstance(window, Traffic) else next(iter(of_usage(window).values()))
    )


def explained(one: Assessed) -> Iterator[str]:
    """The whole story of one verdict, a line each."""
    evidence = _main_evidence(one.window)
    yield f"{one.kind} {one.subject}: {one.judgement.status}"
    seen = f"{evidence.seen_ratio:.1%} of {evidence.ticks} ticks were seen"
    yield f"window {_iso(evidence.from_s)} to {_iso(evidence.to_s)}: {seen}"
    for outcome in one.judgement.outcomes:
        yield f"  {rule_in_words(outcome, one.window.ticks)}"
    yield flip_in_words(one.judgement, one.window.ticks)
    if one.earliest_s is not None:
        yield f"if it stays silent and seen, low use can be proven from {_iso(one.earliest_s)}"
