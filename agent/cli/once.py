"""`netfold once`: one round, as a table or JSON."""

import asyncio
import json
import sys
from pathlib import Path

import click

from agent import logs
from agent.cli import config_option, stop
from agent.cli.source import read
from agent.observe import Observation
from agent.round import measure_once
from collectors.base import Sample
from config.problems import ConfigError
from config.targets import targets


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
        return
    observations = asyncio.run(measure_once(targets(config)))
    if as_json:
        found = {"node": config.node.name, "observations": [_as_dict(it) for it in observations]}
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        from agent.cli.table import show  # noqa: PLC0415 - rich is loaded when something is shown

        show(config, observations)
    sys.exit(int(any(it.reason is not None for it in observations)))


def _as_dict(observation: Observation) -> dict[str, object]:
    samples = [it for it in observation.measurements if isinstance(it, Sample)]
    return {
        "target": observation.target.name,
        "kind": observation.target.kind,
        "unix_time": observation.at.wall_s,
        "duration_seconds": observation.duration_s,
        "reason": observation.reason,
        "detail": observation.detail or None,
        "samples": [
            {
                "name": it.metric.name,
                "labels": dict(zip(it.metric.labels, it.labels, strict=True)),
                "value": it.value,
            }
            for it in samples
        ],
    }
