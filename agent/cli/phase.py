"""`netfold phase`: where each network stands, declared and observed, and declaring a step."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args

import click

from agent import clock, facts, logs
from agent.assessment import assess_lines
from agent.assessor import SETTLED_S
from agent.cli import config_option, stop
from agent.cli.noted import digest
from agent.cli.phased import explained, in_words, show_all
from agent.cli.source import read
from agent.declared import Timelines, applied, bring_up, look
from agent.history import HistoryError
from agent.history_reader import HistoryReader
from agent.journal import JournalError, journal_in, opened, user
from agent.judge.gates import Gate
from agent.judge.phases import stand
from agent.migration import Migration, declared_only, migrations
from agent.phase_json import plain_gate, said_of
from agent.systems import SystemVerdict
from agent.verdict import Verdict
from config.agent import AgentConfig
from config.problems import ConfigError, hint
from config.register import Phase


@click.group("phase")
def command() -> None:
    """Where networks stand in their migration, as declared and as the data prove."""


@command.command("show")
@click.argument("network", required=False)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def show(network: str | None, path: Path | None, as_json: bool) -> None:
    """Print the phases of all networks; of one NETWORK, each of its gates too."""
    config, found = _read(path)
    chosen = found if network is None else [_the(network, found)]
    if as_json:
        head = _head(config)
        said = [said_of(it) | {"journal": head} for it in chosen]
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    elif network is None:
        show_all(chosen)
    else:
        for line in explained(chosen[0]):
            click.echo(line)


@command.command("declare")
@click.argument("network")
@click.argument("phase", type=click.Choice(get_args(Phase)), metavar="PHASE")
@config_option
@click.option("--override", metavar="REASON", help="Why, though a gate does not hold.")
def declare(network: str, phase: str, path: Path | None, override: str | None) -> None:
    """Declare that NETWORK is in PHASE now, in the journal; its gates have to hold.

    The agent takes it in with its next verdicts, in 10 minutes at most, or when it is reloaded.
    """
    if override is not None and not (override.strip() and override.isprintable()):
        stop("--override: no reason in one line; write why the phase holds all the same", 2)
    config, found = _read(path)
    one = _the(network, found)
    left = _left(one, cast("Phase", phase), config)
    if left and override is None:
        said = [f"netfold: {network} is not declared {phase}: these gates do not hold"]
        said += [f"  {in_words(it)}" for it in left]
        stop("\n".join([*said, 'if it holds all the same, add --override "reason"']), 1)
    try:
        _write(config, network, phase, left, override)
    except JournalError as error:
        stop(error, 1)
    click.echo(f"{network} is declared {phase}" + (", overriding its gates" if left else ""))


class Seen(NamedTuple):
    """Where networks stand, and what that was judged by; `config` has the declared phases."""

    config: AgentConfig
    timelines: Timelines
    verdicts: Sequence[Verdict | SystemVerdict]
    migrations: list[Migration]


def found_for(
    config: AgentConfig, at_s: float, verdicts: Sequence[Verdict | SystemVerdict] | None = None
) -> list[Migration]:
    """Where networks stand, judged anew without `verdicts`; as declared without a history."""
    return look_at(config, at_s, verdicts).migrations


def look_at(
    config: AgentConfig, at_s: float, verdicts: Sequence[Verdict | SystemVerdict] | None = None
) -> Seen:
    """The same, with all that it was judged by."""
    today = facts.day(at_s)
    declared = look(config, today)
    if declared.problem is not None:
        path = journal_in(config.data_dir)
        said = "what it declares from there on is not known; netfold journal verify tells more"
        click.echo(
            f"netfold: {path}: {declared.problem.removeprefix(f'{path}: ')}; {said}", err=True
        )
    timelines = declared.timelines
    config = applied(config, timelines)
    try:
        with HistoryReader(config.data_dir / "history.sqlite") as reader:
            end_tick = int((at_s - SETTLED_S) // reader.tick_s)
            lines = verdicts or list(assess_lines(config, reader, end_tick, today))
            found = migrations(config, timelines, reader, end_tick, lines, today=today)
            return Seen(config, timelines, lines, list(found))
    except HistoryError as error:
        click.echo(f"netfold: {error}; what is measured is not known", err=True)
        found = declared_only(config, timelines, today)
        return Seen(config, timelines, (), list(found))


def _read(path: Path | None) -> tuple[AgentConfig, list[Migration]]:
    logs.set_up()
    try:
        config = read(path)
    except ConfigError as error:
        stop(error, 2)
    return config, found_for(config, clock.now().wall_s)


def _head(config: AgentConfig) -> str | None:
    """The journal's last digest; None where it is damaged, which was told."""
    try:
        return digest(config.data_dir)
    except JournalError:
        return None


def _the(network: str, found: Iterable[Migration]) -> Migration:
    by_name = {it.network: it for it in found}
    if network not in by_name:
        known = hint(network, list(by_name), "there are {}")
        stop(f"no dedicated network {network!r}; {known}", 2)
    return by_name[network]


def _left(one: Migration, phase: Phase, config: AgentConfig) -> list[Gate]:
    """The gates of a phase that do not hold, or are not known to, were it declared now."""
    evidence = replace(one.evidence, declared=phase)
    standing = stand(evidence, config.policy.phases)
    return [it for it in standing.asked(phase) if not it.holds]


def _write(
    config: AgentConfig, network: str, phase: str, left: Sequence[Gate], override: str | None
) -> None:
    at_s = clock.now().wall_s
    what: dict[str, Any] = {"phase": phase}
    with opened(config.data_dir) as journal:
        bring_up(journal, config, at_s)
        if left:
            gates = [plain_gate(it) for it in left]
            why = {"phase": phase, "reason": override, "gates": gates}
            what["override"] = journal.append("override", network, why, user(), at_s).n
        journal.append("phase", network, what, user(), at_s)
