"""`netfold once`: one round, as a table or JSON."""

import asyncio
import json
import sys
from pathlib import Path

import click

from agent import clock, facts, logs
from agent.cli import config_option, stop
from agent.cli.source import read
from agent.observe import Observation
from agent.recorder import Recorder
from agent.round import measure_once
from collectors.base import Sample
from config.agent import AgentConfig
from config.problems import ConfigError
from config.targets import contracts, targets


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(path: Path | None, as_json: bool) -> None:
    """Measure every target once and print what was seen; exit 1 if any failed."""
    logs.set_up()
    try:
        config = read(path)
    except ConfigError as error:
        stop(error, 2)
    observations = asyncio.run(measure_once(targets(config), config.probe_packets_per_second))
    if as_json:
        found = _as_json(config, observations)
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        from agent.cli.table import show, show_failures  # noqa: PLC0415 - rich only where shown

        show(config, observations)
        show_failures(observations)
    sys.exit(int(any(it.reason is not None for it in observations)))


def _as_json(config: AgentConfig, observations: list[Observation]) -> dict[str, object]:
    """What /metrics would say after one round: of the configuration, and of each target."""
    recorder = Recorder()
    at_s = clock.now().wall_s
    recorder.contract(*contracts(config), at_s)
    return {
        "node": config.node.name,
        "facts": [_sample(it) for it in facts.samples(config, facts.day(at_s))],
        "observations": [_observation(it, recorder) for it in observations],
    }


def _observation(observation: Observation, recorder: Recorder) -> dict[str, object]:
    samples = [it for it in observation.measurements if isinstance(it, Sample)]
    samples += recorder.take(observation.measurements)
    return {
        "target": observation.target.name,
        "kind": observation.target.kind,
        "unix_time": observation.at.wall_s,
        "duration_seconds": observation.duration_s,
        "reason": observation.reason,
        "detail": observation.detail or None,
        "samples": [_sample(it) for it in samples],
    }


def _sample(sample: Sample) -> dict[str, object]:
    labels = dict(zip(sample.metric.labels, sample.labels, strict=True))
    return {"name": sample.metric.name, "labels": labels, "value": sample.value}
