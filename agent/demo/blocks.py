"""The demo's Prometheus: its configuration, and the past of the lines as blocks (by promtool)."""

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agent.demo.meter import Meter
from agent.demo.town import LINES_OF_TOWN, Town
from agent.demo.traffic import DAY_TICKS, Ticks
from agent.judge.rates import TICK_S
from agent.recorder import LINK_CAPACITY, LINK_RECEIVE, LINK_SEEN_SINCE, LINK_TRANSMIT
from config.agent import Listen

SAMPLES, CONFIG = "past.om", "prometheus.yml"
INSTANCE = "sz-demo-01"
_JOB = "netfold"
_SCRAPE_S = 30
_PAST_DAYS = 31
"""What a window of 30 days looks back at; a reading at the end of each tick makes it seen."""

_BLOCK_HOURS = 768
"""Else promtool makes hundreds of blocks of two hours."""


class Programs(NamedTuple):
    """Where they are, and where Prometheus is to listen."""

    prometheus: str
    promtool: str
    listen: Listen

    def backfill(self, folder: Path) -> tuple[str, ...]:
        """The command that makes blocks of the samples in a folder."""
        options = (f"--max-block-duration={_BLOCK_HOURS}h", "--quiet")
        files = (str(folder / SAMPLES), str(folder / "data"))
        return (self.promtool, "tsdb", "create-blocks-from", *options, "openmetrics", *files)

    def serve(self, folder: Path) -> tuple[str, ...]:
        """The command that serves them, and scrapes the agent from now on."""
        return (
            self.prometheus,
            f"--config.file={folder / CONFIG}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=400d",
            f"--web.listen-address={self.listen}",
        )


def configuration(agent: str) -> str:
    """The configuration (JSON is YAML too), with the rules that netfold ships."""
    generated = Path(str(resources.files("dashboards"))) / "generated"
    target = {"targets": [agent], "labels": {"instance": INSTANCE}}
    return json.dumps(
        {
            "global": {"scrape_interval": f"{_SCRAPE_S}s", "evaluation_interval": f"{_SCRAPE_S}s"},
            "rule_files": [str(generated / name) for name in ("rules.yml", "alerts.yml")],
            "scrape_configs": [{"job_name": _JOB, "static_configs": [target]}],
        },
        indent=1,
    )


def samples(town: Town) -> Iterator[str]:
    """OpenMetrics of both counters of every line, at the end of each tick that was seen."""
    for line in LINES_OF_TOWN:
        meter = town.lines[line.name]
        labels = f'{{link="{line.name}",instance="{INSTANCE}",job="{_JOB}"}}'
        ends = _seen_ends(meter)
        times = [f"{it * TICK_S:.0f}" for it in (ends + meter.first).tolist()]
        for metric, octets in zip((LINK_RECEIVE, LINK_TRANSMIT), meter.past_bytes, strict=True):
            values = octets[ends].astype("int64").tolist()
            yield from _series(metric.name + labels, values, times)
        since = int(meter.first + np.flatnonzero(~np.isnan(meter.past[0]))[0]) * int(TICK_S)
        yield from _series(LINK_SEEN_SINCE.name + labels, [since] * len(times), times)
        if line.bandwidth is not None:
            capacity = [int(line.bandwidth_bps / 8)] * len(times)
            yield from _series(LINK_CAPACITY.name + labels, capacity, times)
    yield "# EOF\n"


def _seen_ends(meter: Meter) -> Ticks:
    """Which ends of ticks, counted from the first one's begin, a poll was at."""
    seen = np.flatnonzero(~np.isnan(meter.past[0])) + 1
    least = meter.past.shape[1] - _PAST_DAYS * DAY_TICKS
    found: Ticks = seen[seen > least]
    return found


def _series(name: str, values: list[int], times: list[str]) -> Iterator[str]:
    for value, time in zip(values, times, strict=True):
        yield f"{name} {value} {time}\n"
